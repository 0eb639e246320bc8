//! Option files of MySQL and MariaDB (my.cnf).
//!
//! Source: <https://dev.mysql.com/doc/refman/8.4/en/option-files.html>.

use crate::parse::{MAX_ROWS, ParseError, lines, refuse_blanks_of, refuse_long_lines, refuse_nul, trim};

/// The longest line: of a longer one the server makes two.
const MAX_LINE: usize = 4094;
/// What the server takes for a blank, in its Latin-1.
const RARE_BLANKS: &[u8] = b"\x0b\xa0";

/// One line that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// `[mysqld]`: a group begins.
    Group(Vec<u8>),
    /// `name` or `name = value`; a `-` in the name is written `_`, and one without value has none.
    Option(Vec<u8>, Vec<u8>),
    /// `!include FILE`.
    Include(Vec<u8>),
    /// `!includedir FOLDER`: its files `*.cnf`.
    IncludeFolder(Vec<u8>),
}

/// The lines of a file with their numbers.
pub fn options(bytes: &[u8]) -> Result<Vec<(usize, Line)>, ParseError> {
    refuse_nul(bytes)?;
    refuse_long_lines(bytes, MAX_LINE)?;
    let mut found = Vec::new();
    // Of a name that ends with the file, the server loses the last byte.
    let cut = if bytes.ends_with(b"\n") { 0 } else { lines(bytes).count() };
    for (number, line) in lines(bytes) {
        let refused = |what: &str| ParseError { line: Some(number), what: what.to_owned() };
        if number > MAX_ROWS {
            return Err(refused("too many lines"));
        }
        let line = trim(line);
        if line.is_empty() || line.starts_with(b"#") || line.starts_with(b";") {
            continue;
        }
        refuse_blanks_of(number, line, RARE_BLANKS)?;
        let said = if let Some(directive) = line.strip_prefix(b"!") {
            let directive = trim(directive);
            let end = directive.iter().position(u8::is_ascii_whitespace).unwrap_or(directive.len());
            let (word, name) = directive.split_at_checked(end).unwrap_or((directive, b""));
            let line = match word {
                b"include" => Line::Include(trim(name).to_vec()),
                b"includedir" => Line::IncludeFolder(trim(name).to_vec()),
                // The server passes over what it does not know.
                _ => continue,
            };
            if trim(name).is_empty() || number == cut {
                return Err(refused("an include without a name, or without the end of its line"));
            }
            line
        } else if let Some(rest) = line.strip_prefix(b"[") {
            let end =
                rest.iter().position(|byte| *byte == b']').ok_or_else(|| refused("a group that lacks its `]`"))?;
            Line::Group(rest.get(..end).unwrap_or_default().trim_ascii_end().to_vec())
        } else {
            let mut parts = without_comment(line).splitn(2, |byte| *byte == b'=');
            let name = trim(parts.next().unwrap_or_default()).iter();
            let name = name.map(|byte| if *byte == b'-' { b'_' } else { *byte }).collect();
            Line::Option(name, value(parts.next().unwrap_or_default()))
        };
        found.push((number, said));
    }
    Ok(found)
}

/// A line up to the first `#` that stands in no quotes, be they of the name or the value.
fn without_comment(line: &[u8]) -> &[u8] {
    let (mut quote, mut escaped) = (None, false);
    let end = line.iter().position(|byte| {
        if matches!(byte, b'"' | b'\'') && !escaped {
            match quote {
                None => quote = Some(*byte),
                Some(open) if open == *byte => quote = None,
                Some(_) => {}
            }
        }
        escaped = quote.is_some() && *byte == b'\\' && !escaped;
        quote.is_none() && *byte == b'#'
    });
    line.get(..end.unwrap_or(line.len())).unwrap_or_default()
}

/// A value without its outer quotes and its escapes.
fn value(text: &[u8]) -> Vec<u8> {
    let text = trim(text);
    let plain = match text {
        [first @ (b'"' | b'\''), inner @ .., last] if first == last => inner,
        text => text,
    };
    let mut value = Vec::new();
    let mut bytes = plain.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => value.push(b'\n'),
                Some(b't') => value.push(b'\t'),
                Some(b'r') => value.push(b'\r'),
                Some(b'b') => value.push(8),
                Some(b's') => value.push(b' '),
                Some(plain @ (b'\\' | b'"' | b'\'')) => value.push(plain),
                other => value.extend([b'\\'].into_iter().chain(other)),
            },
            byte => value.push(byte),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_options_and_includes() {
        let text = b"# c\n[mysqld]\nlocal-infile = 0 # no\nskip-networking\nsocket='/run/my sql'\n; c\n!includedir /etc/my.cnf.d/\n!include /x\n";
        let text_of = |bytes: &str| bytes.as_bytes().to_vec();
        let expected = [
            (2, Line::Group(text_of("mysqld"))),
            (3, Line::Option(text_of("local_infile"), text_of("0"))),
            (4, Line::Option(text_of("skip_networking"), Vec::new())),
            (5, Line::Option(text_of("socket"), text_of("/run/my sql"))),
            (7, Line::IncludeFolder(text_of("/etc/my.cnf.d/"))),
            (8, Line::Include(text_of("/x"))),
        ];
        assert_eq!(options(text).unwrap(), expected);
        for (text, why) in [
            (&b"[mysqld"[..], "line 1: a group that lacks its `]`"),
            (b"!include /x", "line 1: an include without a name, or without the end of its line"),
            (b"!includedir \n", "line 1: an include without a name, or without the end of its line"),
            (b"[a]\nb=1\0\n", "line 2: a NUL stands there"),
            (b"\xa0b=1\n", "line 1: the byte 0xa0, a blank, stands there"),
            (&[b'a'; MAX_LINE + 1], "line 1: the line has more than 4094 bytes"),
        ] {
            assert_eq!(options(text).unwrap_err().to_string(), why);
        }
        let passed_over = options(b"! include /x\n!includes /y\n!other\n#\xa0\n").unwrap();
        assert_eq!(passed_over, [(1, Line::Include(text_of("/x")))]);
    }
}
