//! Option files of MySQL and MariaDB (my.cnf).
//!
//! Source: <https://dev.mysql.com/doc/refman/8.4/en/option-files.html>.

use crate::parse::{MAX_ROWS, ParseError, lines, trim};

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
    let mut found = Vec::new();
    for (number, line) in lines(bytes) {
        let refused = |what: &str| ParseError { line: Some(number), what: what.to_owned() };
        if number > MAX_ROWS {
            return Err(refused("too many lines"));
        }
        let line = trim(line);
        let word = |rest: &[u8]| trim(rest).to_vec();
        if line.is_empty() || line.starts_with(b"#") || line.starts_with(b";") {
            continue;
        }
        let said = if let Some(rest) = line.strip_prefix(b"!includedir") {
            Line::IncludeFolder(word(rest))
        } else if let Some(rest) = line.strip_prefix(b"!include") {
            Line::Include(word(rest))
        } else if let Some(rest) = line.strip_prefix(b"[") {
            let end =
                rest.iter().position(|byte| *byte == b']').ok_or_else(|| refused("a group that lacks its `]`"))?;
            Line::Group(word(rest.get(..end).unwrap_or_default()))
        } else {
            let mut parts = line.splitn(2, |byte| *byte == b'=');
            let name: Vec<u8> = word(parts.next().unwrap_or_default());
            let name = name.into_iter().map(|byte| if byte == b'-' { b'_' } else { byte }).collect();
            Line::Option(name, value(parts.next().unwrap_or_default()))
        };
        found.push((number, said));
    }
    Ok(found)
}

/// A value without its quotes, its comment (` #` outside of quotes) and its escapes.
fn value(text: &[u8]) -> Vec<u8> {
    let text = trim(text);
    let quote = text.first().copied().filter(|byte| matches!(byte, b'"' | b'\''));
    let quoted = quote.and_then(|quote| {
        let inner = text.get(1..).unwrap_or_default();
        inner.iter().position(|byte| *byte == quote).and_then(|end| inner.get(..end))
    });
    let plain = quoted.unwrap_or_else(|| {
        let comment =
            text.windows(2).position(|pair| pair.first().is_some_and(u8::is_ascii_whitespace) && pair.ends_with(b"#"));
        trim(text.get(..comment.unwrap_or(text.len())).unwrap_or_default())
    });
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
                Some(b'\\') => value.push(b'\\'),
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
        assert_eq!(options(b"[mysqld").unwrap_err().to_string(), "line 1: a group that lacks its `]`");
    }
}
