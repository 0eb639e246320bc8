//! Files of sections as dnf reads them: `[name]`, `key = value`, a line that begins with a blank goes on with the value.

use crate::parse::{MAX_ROWS, ParseError, lines, trim};

/// One section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The line of its name, from 1.
    pub line: usize,
    /// Its name.
    pub name: Vec<u8>,
    /// Keys and values in their order.
    pub entries: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Section {
    /// The last value of a key.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        let found = self.entries.iter().rev().find(|(known, _)| known == key.as_bytes());
        found.map(|(_, value)| value.as_slice())
    }
}

/// The sections of a file, in order; comments begin with `#` or `;`.
///
/// Errors: a line that is none of this; more than [`MAX_ROWS`] lines.
pub fn sections(bytes: &[u8]) -> Result<Vec<Section>, ParseError> {
    let mut sections: Vec<Section> = Vec::new();
    for (line, text) in lines(bytes) {
        if line > MAX_ROWS {
            return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
        }
        let whole = trim(text);
        if whole.is_empty() || matches!(whole.first(), Some(b'#' | b';')) {
            continue;
        }
        let error = |what: &str| ParseError { line: Some(line), what: what.to_owned() };
        if let Some(name) = whole.strip_prefix(b"[") {
            let end = name.iter().position(|byte| *byte == b']').ok_or_else(|| error("a bracket is not closed"))?;
            let name = name.get(..end).unwrap_or_default().to_vec();
            sections.push(Section { line, name, entries: Vec::new() });
            continue;
        }
        let section = sections.last_mut().ok_or_else(|| error("it belongs to no section"))?;
        match (text.first().is_some_and(u8::is_ascii_whitespace), section.entries.last_mut()) {
            (true, Some((_, value))) => {
                value.push(b' ');
                value.extend_from_slice(whole);
            }
            _ => {
                let at =
                    whole.iter().position(|byte| *byte == b'=').ok_or_else(|| error("`key = value` is expected"))?;
                let (key, value) = whole.split_at(at);
                let value = trim(value.get(1..).unwrap_or_default());
                section.entries.push((trim(key).to_ascii_lowercase(), value.to_vec()));
            }
        }
    }
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read() {
        let found = sections(b"# c\n[a] x\nk = v\n  w\nK=2\n\n[b]\n").unwrap();
        assert_eq!((found.len(), found[0].line, found[0].entries.len()), (2, 2, 2));
        assert_eq!((found[0].entries[0].1.as_slice(), found[0].get("k")), (&b"v w"[..], Some(&b"2"[..])));
        for text in ["k=v", "[a", "[a]\nx"] {
            assert!(sections(text.as_bytes()).unwrap_err().line.is_some(), "{text}");
        }
    }
}
