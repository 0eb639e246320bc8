//! Files of sections as libdnf reads them: `[name]`, `key = value`, a line that begins with a blank goes on with the
//! value before it.

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

/// The sections of a file, in order; comments begin with `#` or `;` at the start of a line, and end a value.
///
/// Errors: what libdnf refuses, and with it the file; a section that is there twice, which it makes one of; more than
/// [`MAX_ROWS`] lines.
pub fn sections(bytes: &[u8]) -> Result<Vec<Section>, ParseError> {
    let mut sections: Vec<Section> = Vec::new();
    let mut goes_on = false;
    for (line, text) in lines(bytes) {
        if line > MAX_ROWS {
            return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
        }
        let error = |what: &str| ParseError { line: Some(line), what: what.to_owned() };
        if text.is_empty() || matches!(text.first(), Some(b'#' | b';')) {
            goes_on = false;
            continue;
        }
        let whole = trim(text);
        if whole.is_empty() {
            continue;
        }
        if let Some(name) = whole.strip_prefix(b"[") {
            let end = name.iter().position(|byte| *byte == b']').ok_or_else(|| error("a bracket is not closed"))?;
            let (name, behind) = name.split_at(end);
            let behind = trim(behind.get(1..).unwrap_or_default());
            if name.is_empty() || !matches!(behind.first(), None | Some(b'#' | b';')) {
                return Err(error("a section has no name, or text behind it"));
            }
            if sections.iter().any(|section| section.name == name) {
                return Err(error("the section stands there twice"));
            }
            sections.push(Section { line, name: name.to_vec(), entries: Vec::new() });
            goes_on = false;
            continue;
        }
        let section = sections.last_mut().ok_or_else(|| error("it belongs to no section"))?;
        if text.first().is_some_and(u8::is_ascii_whitespace) {
            let last = section.entries.last_mut().filter(|_| goes_on);
            let (_, value) = last.ok_or_else(|| error("it goes on with no value"))?;
            value.push(b' ');
            value.extend_from_slice(whole);
            continue;
        }
        let at = whole.iter().position(|byte| *byte == b'=').filter(|at| *at > 0);
        let (key, value) = whole.split_at(at.ok_or_else(|| error("`key = value` is expected"))?);
        let value = trim(value.get(1..).unwrap_or_default());
        section.entries.push((trim(key).to_vec(), value.to_vec()));
        goes_on = true;
    }
    for (_, value) in sections.iter_mut().flat_map(|section| &mut section.entries) {
        if let [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] = value.as_slice() {
            *value = inner.to_vec();
        }
    }
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read() {
        let found = sections(b"# c\n[a] # x\nk = v\n \n  w\nK='2'\n\n[b]\n").unwrap();
        assert_eq!((found.len(), found[0].line, found[0].entries.len()), (2, 2, 2));
        assert_eq!((found[0].get("k"), found[0].get("K")), (Some(&b"v w"[..]), Some(&b"2"[..])));
        for text in ["k=v", "[a", "[a]\nx", "[a] b", "[]", "[a]\nk=v\n# c\n w", "[a]\nk=v\n\n w", "[a]\n=v", "[a]\n[a]"]
        {
            assert!(sections(text.as_bytes()).unwrap_err().line.is_some(), "{text}");
        }
    }
}
