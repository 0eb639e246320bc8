//! PEM (RFC 7468): blocks of base64 between lines `-----BEGIN LABEL-----` and `-----END LABEL-----`.

use crate::parse::{ParseError, lines, trim};

/// A block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// Its label, such as CERTIFICATE.
    pub label: &'a [u8],
    /// Whether its head says that it is encrypted (RFC 1421, older keys).
    pub encrypted: bool,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Whether a file is one in PEM, by its first line of that kind.
pub fn is_pem(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"-----BEGIN ").is_some()
}

/// The first block whose label is wanted.
///
/// Errors: such a block has no end, or is no base64.
pub fn first<'a>(bytes: &'a [u8], wanted: &dyn Fn(&[u8]) -> bool) -> Result<Option<Block<'a>>, ParseError> {
    let mut current: Option<(usize, &[u8], bool, Vec<u8>)> = None;
    for (number, line) in lines(bytes) {
        let line = trim(line);
        let marked = |start: &[u8]| line.strip_prefix(start).and_then(|rest| rest.strip_suffix(b"-----"));
        match &mut current {
            None => {
                if let Some(label) = marked(b"-----BEGIN ").filter(|label| wanted(label)) {
                    current = Some((number, label, false, Vec::new()));
                }
            }
            Some((start, label, encrypted, text)) => {
                if let Some(end) = marked(b"-----END ") {
                    if end != *label {
                        return Err(ParseError { line: Some(number), what: "the end of another block".to_owned() });
                    }
                    let bytes = base64(text).map_err(|error| ParseError { line: Some(*start), ..error })?;
                    return Ok(Some(Block { label, encrypted: *encrypted, bytes }));
                }
                if line.contains(&b':') {
                    *encrypted |= line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED");
                } else {
                    text.extend_from_slice(line);
                }
            }
        }
    }
    match current {
        Some((start, ..)) => Err(ParseError { line: Some(start), what: "a block without its end".to_owned() }),
        None => Ok(None),
    }
}

/// The bytes of a text in base64, with or without `=` at its end.
pub fn base64(text: &[u8]) -> Result<Vec<u8>, ParseError> {
    let wrong = || ParseError::new("it is no base64");
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = text.get(..text.len() - padding).unwrap_or_default();
    if padding > 2 || digits.len() % 4 == 1 {
        return Err(wrong());
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in digits {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err(wrong()),
        };
        buffer = (buffer << 6) | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
            buffer &= (1 << bits) - 1;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_block_of_a_label_is_read() {
        let text = b"words\n-----BEGIN A-----\nAA==\n-----END A-----\n-----BEGIN B-----\nProc-Type: 4,ENCRYPTED\n\naGVs\nbG8=\n-----END B-----\n";
        let block = first(text, &|label| label == b"B").unwrap().unwrap();
        assert_eq!((block.label, block.encrypted, block.bytes.as_slice()), (&b"B"[..], true, &b"hello"[..]));
        assert_eq!(first(text, &|label| label == b"C").unwrap(), None);
        assert_eq!(first(b"-----BEGIN A-----\nAA", &|_| true).unwrap_err().line, Some(1));
        assert_eq!(first(b"\n-----BEGIN A-----\n!\n-----END A-----\n", &|_| true).unwrap_err().line, Some(2));
        assert_eq!(base64(b"Zm9v").unwrap(), b"foo");
        assert_eq!(base64(b"Zm8").unwrap(), b"fo");
        assert!(base64(b"Z").is_err());
    }
}
