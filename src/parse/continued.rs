//! Lines of configuration files without comments, those that go on behind a backslash too, and the words in them.

use crate::parse::{MAX_ROWS, ParseError, lines, trim};

/// What is left of a line without its comment.
pub type Uncommented = fn(&[u8]) -> &[u8];

/// Everything from the first `#` on is a comment.
pub fn before_hash(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b'#').next().unwrap_or_default()
}

/// A line that begins with `#` is a comment.
pub fn unless_hash(line: &[u8]) -> &[u8] {
    if trim(line).starts_with(b"#") { b"" } else { line }
}

/// The lines that hold something, without comments and outer blanks, each with the number of its first one; a backslash
/// at the end joins the next line to it, with a blank between.
///
/// Errors: more than [`MAX_ROWS`] lines.
pub fn continued(bytes: &[u8], uncommented: Uncommented) -> Result<Vec<(usize, Vec<u8>)>, ParseError> {
    let mut joined: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut goes_on = false;
    for (number, line) in lines(bytes) {
        if number > MAX_ROWS {
            return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
        }
        let text = uncommented(line).trim_ascii_end();
        let (text, more) = text.strip_suffix(b"\\").map_or((text, false), |text| (text, true));
        match joined.last_mut() {
            Some((_, whole)) if goes_on => {
                whole.push(b' ');
                whole.extend_from_slice(text);
            }
            _ => joined.push((number, text.to_vec())),
        }
        goes_on = more;
    }
    joined.retain_mut(|(_, text)| {
        *text = trim(text).to_vec();
        !text.is_empty()
    });
    Ok(joined)
}

/// The lines that hold something, without comments and outer blanks, where a backslash joins nothing.
///
/// Errors: more than [`MAX_ROWS`] lines.
pub fn single(bytes: &[u8], uncommented: Uncommented) -> Result<Vec<(usize, &[u8])>, ParseError> {
    if lines(bytes).nth(MAX_ROWS).is_some() {
        return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
    }
    let lines = lines(bytes).map(|(number, line)| (number, trim(uncommented(line))));
    Ok(lines.filter(|(_, text)| !text.is_empty()).collect())
}

/// The words of a line, between blanks.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// The first word of a line, and what follows the blanks behind it.
pub fn first_word(line: &[u8]) -> (&[u8], &[u8]) {
    let line = trim(line);
    let (word, rest) = line.split_at(line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len()));
    (word, trim(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_keep_the_number_of_the_first() {
        let text = b"a \\ \n  b # c \\\n\n#x \\\ny\\\n";
        let seen = |uncommented| -> Vec<(usize, String)> {
            let lines = continued(text, uncommented).unwrap();
            lines.into_iter().map(|(line, text)| (line, String::from_utf8(text).unwrap())).collect()
        };
        let pairs = |all: &[(usize, &str)]| -> Vec<(usize, String)> {
            all.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
        };
        assert_eq!(seen(before_hash), pairs(&[(1, "a    b"), (5, "y")]));
        assert_eq!(seen(unless_hash), pairs(&[(1, "a    b # c"), (5, "y")]));
        assert!(continued(&b"a\n".repeat(MAX_ROWS + 1), before_hash).is_err());
        assert_eq!(single(b"# a\n b \\ # c\n\nd", before_hash).unwrap(), [(2, &b"b \\"[..]), (4, b"d")]);
        assert_eq!(first_word(b"  a  b c "), (&b"a"[..], &b"b c"[..]));
        assert_eq!(words(b" a\t b ").collect::<Vec<_>>(), [b"a", b"b"]);
    }
}
