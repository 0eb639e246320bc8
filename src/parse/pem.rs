//! PEM (RFC 7468): blocks of base64 between lines `-----BEGIN LABEL-----` and `-----END LABEL-----`.

use crate::parse::{ParseError, lines};

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

/// Whether a file is one in PEM: not one in DER, whose first element is longer than what a byte can say.
pub fn is_pem(bytes: &[u8]) -> bool {
    let is_der = matches!(bytes, [0x30, 0x80..=0xff, ..]);
    !is_der && memchr::memmem::find(bytes, b"-----BEGIN ").is_some()
}

/// The lines of a file as OpenSSL reads them: longer ones in pieces, without what is no character at their ends.
fn pieces(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    const LONGEST: usize = 254;
    // A byte order mark is no character either.
    lines(bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)).flat_map(|(number, line)| {
        let whole = Some(line).filter(|line| line.is_empty());
        whole.into_iter().chain(line.chunks(LONGEST)).map(move |piece| {
            let end = piece.iter().rposition(|byte| (0x21..0x80).contains(byte)).map_or(0, |last| last + 1);
            (number, piece.get(..end).unwrap_or_default())
        })
    })
}

/// The first block whose label is wanted, read as OpenSSL does: marks begin their line, and all blocks before it must
/// be whole.
///
/// Errors: a block has no end or is no base64; that which is wanted has a head that says nothing of encryption.
pub fn first<'a>(bytes: &'a [u8], wanted: &dyn Fn(&[u8]) -> bool) -> Result<Option<Block<'a>>, ParseError> {
    let mut current: Option<(usize, &[u8])> = None;
    let (mut head, mut text): (Option<Vec<u8>>, Vec<u8>) = (None, Vec::new());
    for (number, line) in pieces(bytes) {
        let error = |what: &str| ParseError { line: Some(number), what: what.to_owned() };
        let Some((start, label)) = current else {
            let label = line.strip_prefix(b"-----BEGIN ").and_then(|rest| rest.strip_suffix(b"-----"));
            current = label.map(|label| (number, label));
            continue;
        };
        if let Some(end) = line.strip_prefix(b"-----END ") {
            if end.strip_suffix(b"-----") != Some(label) {
                return Err(error("the end of another block"));
            }
            let at = |what: ParseError| ParseError { line: Some(start), ..what };
            text.retain(|byte| *byte != b'\n');
            if text.len() % 4 != 0 {
                return Err(at(ParseError::new("it is no base64")));
            }
            let bytes = base64(&text).map_err(at)?;
            if !wanted(label) {
                (current, head, text) = (None, None, Vec::new());
                continue;
            }
            let encrypted = match head.as_deref().unwrap_or_default() {
                b"" => false,
                head if head.starts_with(b"Proc-Type: 4,ENCRYPTED\n") => true,
                _ => return Err(at(ParseError::new("a block whose head does not say that it is encrypted"))),
            };
            return Ok(Some(Block { label, encrypted, bytes }));
        }
        if line.is_empty() {
            // What stands before an empty line is the head.
            if head.replace(std::mem::take(&mut text)).is_some() {
                return Err(error("a second empty line in a block"));
            }
            continue;
        }
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    match current {
        Some((start, _)) => Err(ParseError { line: Some(start), what: "a block without its end".to_owned() }),
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
        for hidden in [
            "words before -----BEGIN B-----\nAAAA\n-----END B-----\n",
            "  -----BEGIN B-----\nAAAA\n  -----END B-----\n",
            "-----BEGIN A-----\nC: d\n\nAAAA\n-----END A-----\n",
        ] {
            let text = format!("{hidden}-----BEGIN B----- \r\naGVsbG8=\n-----END B-----\t\n");
            assert_eq!(first(text.as_bytes(), &|label| label == b"B").unwrap().unwrap().bytes, b"hello", "{hidden}");
        }
        // A long line is several to OpenSSL.
        let long = format!("{}-----BEGIN B-----\naGVsbG8=\n-----END B-----\n", "x".repeat(254));
        assert!(first(long.as_bytes(), &|_| true).unwrap().is_some());
        assert!(first("\u{feff}-----BEGIN B-----\nAAAA\n-----END B-----\n".as_bytes(), &|_| true).unwrap().is_some());
        for wrong in [
            "-----BEGIN A-----\n-----BEGIN B-----\naGVsbG8=\n-----END B-----\n",
            "-----BEGIN B-----\nComment: x\n\naGVsbG8=\n-----END B-----\n",
            "-----BEGIN B-----\naGVs\nX: y\nbG8=\n-----END B-----\n",
            "-----BEGIN A-----\nwords\n-----END A-----\n-----BEGIN B-----\naGVsbG8=\n-----END B-----\n",
            "-----BEGIN B-----\n\n\naGVsbG8=\n-----END B-----\n",
            "-----BEGIN B-----\naGVsbG8\n-----END B-----\n",
        ] {
            assert!(first(wrong.as_bytes(), &|label| label == b"B").is_err(), "{wrong}");
        }
        assert!(is_pem(b"0 s:/CN=x\n-----BEGIN B-----") && !is_pem(b"0\x82\n-----BEGIN B-----"));
        assert_eq!(base64(b"Zm9v").unwrap(), b"foo");
        assert_eq!(base64(b"Zm8").unwrap(), b"fo");
        assert!(base64(b"Z").is_err());
    }
}
