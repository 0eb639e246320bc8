//! PostgreSQL's configuration files: postgresql.conf, pg_hba.conf and pg_ident.conf.
//!
//! Sources: <https://www.postgresql.org/docs/17/config-setting.html> and
//! <https://www.postgresql.org/docs/17/auth-pg-hba-conf.html>.

use crate::parse::{MAX_ROWS, ParseError, lines, refuse_blanks_of, refuse_nul, trim};

/// The most words of one line.
const MAX_WORDS: usize = 10_000;

/// One parameter of postgresql.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its line, from 1.
    pub line: usize,
    /// Its name in lower case: case does not count.
    pub name: Vec<u8>,
    /// Its value without quotes.
    pub value: Vec<u8>,
}

fn refused(line: usize, what: impl Into<String>) -> ParseError {
    ParseError { line: Some(line), what: what.into() }
}

fn bounded(line: usize) -> Result<(), ParseError> {
    if line > MAX_ROWS { Err(refused(line, format!("more than {MAX_ROWS} lines"))) } else { Ok(()) }
}

/// The parameters of a file, in their order; a later one of a name counts.
pub fn settings(bytes: &[u8]) -> Result<Vec<Setting>, ParseError> {
    refuse_nul(bytes)?;
    let mut settings = Vec::new();
    for (line, text) in lines(bytes) {
        bounded(line)?;
        let text = trim(text);
        if text.is_empty() || text.starts_with(b"#") {
            continue;
        }
        // The server takes neither for a blank.
        refuse_blanks_of(line, text, b"\x0b\x0c")?;
        let end = text.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'=').unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(end).unwrap_or((text, b""));
        let rest = trim(rest);
        let rest = trim(rest.strip_prefix(b"=").unwrap_or(rest));
        let value = match rest.strip_prefix(b"'") {
            Some(quoted) => in_quotes(line, quoted)?,
            None => {
                let word = rest.split(|byte| byte.is_ascii_whitespace() || *byte == b'#').next().unwrap_or_default();
                let after = trim(rest.get(word.len()..).unwrap_or_default());
                if word.is_empty() || !(after.is_empty() || after.starts_with(b"#")) {
                    return Err(refused(line, "a parameter that lacks its value, or has more than one"));
                }
                if !is_plain(word) {
                    return Err(refused(line, "a value that has to stand in quotes"));
                }
                word.to_vec()
            }
        };
        settings.push(Setting { line, name: name.to_ascii_lowercase(), value });
    }
    Ok(settings)
}

/// Whether the server takes a word for a value without quotes: a number, or a word that begins with a letter.
fn is_plain(word: &[u8]) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80;
    let mut rest = word.iter().copied();
    match rest.next() {
        Some(first) if is_letter(first) => {
            rest.all(|byte| is_letter(byte) || byte.is_ascii_digit() || b"-._:/$".contains(&byte))
        }
        _ => word.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)),
    }
}

/// A value up to its closing quote: `''` and `\'` are a quote, a backslash begins the escapes of C.
fn in_quotes(line: usize, text: &[u8]) -> Result<Vec<u8>, ParseError> {
    let (mut value, mut at) = (Vec::new(), 0);
    while let Some(&byte) = text.get(at) {
        let next = text.get(at + 1).copied();
        match (byte, next) {
            (b'\'', Some(b'\'')) => value.push(b'\''),
            (b'\'', _) => {
                let after = trim(text.get(at + 1..).unwrap_or_default());
                if value.contains(&0) {
                    return Err(refused(line, "a NUL, with which the value ends"));
                }
                let ends = after.is_empty() || after.starts_with(b"#");
                return if ends { Ok(value) } else { Err(refused(line, "more than one value")) };
            }
            (b'\\', Some(digit @ b'0'..=b'7')) => {
                let digits = text.get(at + 1..).unwrap_or_default().iter().take(3);
                let digits = digits.take_while(|digit| matches!(digit, b'0'..=b'7'));
                let (count, number) =
                    digits.fold((0, 0_u32), |(count, number), digit| (count + 1, number * 8 + u32::from(digit - b'0')));
                value.push(u8::try_from(number & 0xff).unwrap_or(digit));
                at += 1 + count;
                continue;
            }
            (b'\\', Some(next)) => value.push(match next {
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                other => other,
            }),
            _ => {
                value.push(byte);
                at += 1;
                continue;
            }
        }
        at += 2;
    }
    Err(refused(line, "a quote that does not end"))
}

/// One word of a line of pg_hba.conf or pg_ident.conf, and whether it stood in quotes: then no keyword is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word without quotes.
    pub text: Vec<u8>,
    /// Whether it began with a quote.
    pub quoted: bool,
    /// Whether a comma follows: the next word belongs to the same list.
    pub more: bool,
}

/// The lines of pg_hba.conf or pg_ident.conf that hold words, with their numbers; a backslash at the end continues one.
pub fn records(bytes: &[u8]) -> Result<Vec<(usize, Vec<Word>)>, ParseError> {
    refuse_nul(bytes)?;
    let mut records: Vec<(usize, Vec<Word>)> = Vec::new();
    let mut whole: Vec<u8> = Vec::new();
    let mut began: Option<usize> = None;
    let mut put = |line: usize, text: &[u8]| -> Result<(), ParseError> {
        let words = words(line, text)?;
        if !words.is_empty() {
            records.push((line, words));
        }
        Ok(())
    };
    for (line, text) in lines(bytes) {
        bounded(line)?;
        let first = *began.get_or_insert(line);
        match text.strip_suffix(b"\\") {
            Some(continued) if continued.contains(&b'#') => {
                return Err(refused(line, "a comment that goes on in the next line, which PostgreSQL before 14 takes"));
            }
            Some(continued) => whole.extend_from_slice(continued),
            None => {
                whole.extend_from_slice(text);
                put(first, &whole)?;
                whole.clear();
                began = None;
            }
        }
    }
    put(began.unwrap_or_default(), &whole)?;
    Ok(records)
}

fn words(line: usize, text: &[u8]) -> Result<Vec<Word>, ParseError> {
    let mut words: Vec<Word> = Vec::new();
    let (mut at, mut inside) = (0, false);
    let mut word: Option<Word> = None;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' if inside && text.get(at) == Some(&b'"') => {
                word.get_or_insert_with(Word::empty).text.push(byte);
                at += 1;
            }
            b'"' => {
                inside = !inside;
                word.get_or_insert(Word { quoted: true, ..Word::empty() });
            }
            b'#' if !inside => break,
            // Behind a blank, a comma is no more than another blank.
            b',' if !inside => words.extend(word.take().map(|before| Word { more: true, ..before })),
            b' ' | b'\t' | b'\r' if !inside => words.extend(word.take()),
            byte => word.get_or_insert_with(Word::empty).text.push(byte),
        }
        if words.len() > MAX_WORDS {
            return Err(refused(line, format!("more than {MAX_WORDS} words")));
        }
    }
    if inside {
        return Err(refused(line, "a quote that does not end"));
    }
    words.extend(word);
    Ok(words)
}

impl Word {
    fn empty() -> Word {
        Word { text: Vec::new(), quoted: false, more: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        let text =
            b"# c\nPort = 5433 # x\nlog_line_prefix '%m [''%p''] \\101'\nssl on\nshared_preload_libraries = ''\n";
        let found: Vec<_> = settings(text).unwrap().into_iter().map(|setting| (setting.name, setting.value)).collect();
        let expected =
            [("port", "5433"), ("log_line_prefix", "%m ['%p'] A"), ("ssl", "on"), ("shared_preload_libraries", "")];
        assert_eq!(found, expected.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())));
        for (text, why) in [
            ("a", "line 1: a parameter that lacks its value, or has more than one"),
            ("a = b c", "line 1: a parameter that lacks its value, or has more than one"),
            ("\na = 'b", "line 2: a quote that does not end"),
            ("a = 'b' c", "line 1: more than one value"),
            ("a = 'b\\000c'", "line 1: a NUL, with which the value ends"),
            ("a = *", "line 1: a value that has to stand in quotes"),
            ("a =\u{c}b", "line 1: the byte 0x0c, a blank, stands there"),
            ("a = b\0", "line 1: a NUL stands there"),
        ] {
            assert_eq!(settings(text.as_bytes()).unwrap_err().to_string(), why, "{text}");
        }
    }

    #[test]
    fn records_hold_words_and_lists() {
        let text = b"# c\nlocal all,\"a b\" , +x \\\n  peer map=y # z\n\nhost \"all\" b c d";
        let shown: Vec<String> = records(text)
            .unwrap()
            .into_iter()
            .map(|(line, words)| {
                let words = words.iter().map(|word| {
                    let marks = (if word.quoted { "'" } else { "" }, if word.more { "," } else { "" });
                    format!("{0}{1}{0}{2}", marks.0, String::from_utf8_lossy(&word.text), marks.1)
                });
                format!("{line}:{}", words.collect::<Vec<_>>().join("|"))
            })
            .collect();
        assert_eq!(shown, ["2:local|all,|'a b'|+x|peer|map=y", "5:host|'all'|b|c|d"]);
        let fields = |text: &str| -> Vec<bool> { words(1, text.as_bytes()).unwrap().iter().map(|w| w.more).collect() };
        assert_eq!(fields(",a,,b ,c"), [true, false, false]);
        for (text, why) in [
            ("a \"b", "line 1: a quote that does not end"),
            ("# x \\\nb", "line 1: a comment that goes on in the next line, which PostgreSQL before 14 takes"),
            ("\na\0", "line 2: a NUL stands there"),
        ] {
            assert_eq!(records(text.as_bytes()).unwrap_err().to_string(), why);
        }
    }
}
