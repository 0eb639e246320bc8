//! os-release(5): `NAME="value"` lines.

use crate::parse::{MAX_ROWS, ParseError, lines, trim};

/// Names and their values.
pub type Assignments<'a> = Vec<(&'a [u8], Vec<u8>)>;

/// The assignments of an os-release file, in order; a later one wins. Lines that are none are left out.
///
/// Errors: more than [`MAX_ROWS`] lines.
pub fn assignments(bytes: &[u8]) -> Result<Assignments<'_>, ParseError> {
    if lines(bytes).nth(MAX_ROWS).is_some() {
        return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
    }
    let assignments = lines(bytes).filter_map(|(_, line)| {
        let line = trim(line);
        let at = line.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (line.get(..at)?, line.get(at + 1..)?);
        let name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        (!key.is_empty() && key.iter().all(name)).then(|| (key, unquote(value)))
    });
    Ok(assignments.collect())
}

/// The value of a key.
pub fn get<'a>(assignments: &'a [(&[u8], Vec<u8>)], key: &str) -> Option<&'a [u8]> {
    assignments.iter().rev().find(|(name, _)| *name == key.as_bytes()).map(|(_, value)| value.as_slice())
}

/// A value without its shell quotes and backslashes.
fn unquote(value: &[u8]) -> Vec<u8> {
    let (inner, escapes) = match value {
        [b'"', inner @ .., b'"'] => (inner, true),
        [b'\'', inner @ .., b'\''] => (inner, false),
        bare => (bare, true),
    };
    if !escapes {
        return inner.to_vec();
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        out.push(if *byte == b'\\' { *bytes.next().unwrap_or(byte) } else { *byte });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_go_and_the_last_assignment_wins() {
        let all =
            assignments(b"ID=debian\nPRETTY_NAME=\"Debian \\\"12\\\"\"\nID='x y'\n# c\nnot an assignment\n\xff=\xfe\n")
                .unwrap();
        assert_eq!(get(&all, "ID"), Some(&b"x y"[..]));
        assert_eq!(get(&all, "PRETTY_NAME"), Some(&b"Debian \"12\""[..]));
        assert_eq!(all.len(), 3);
    }
}
