//! sources.list(5): where apt gets packages from, in lines and in stanzas.

use crate::parse::continued::words;
use crate::parse::{MAX_ROWS, ParseError, lines, trim};

/// One entry; each of its addresses has each of its suites.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Its line, or the first one of its stanza.
    pub line: usize,
    /// deb, deb-src.
    pub types: Vec<Vec<u8>>,
    /// Addresses.
    pub uris: Vec<Vec<u8>>,
    /// Suites, or folders that end in a slash.
    pub suites: Vec<Vec<u8>>,
    /// main and the like.
    pub components: Vec<Vec<u8>>,
    /// Further settings, `name=value`, names in lower case.
    pub options: Vec<Vec<u8>>,
    /// Whether apt uses it.
    pub enabled: bool,
}

fn list<'a>(words: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    words.map(<[u8]>::to_vec).take(MAX_ROWS).collect()
}

/// The entries of a file of lines; one that is commented out is not enabled.
///
/// Errors: a line that apt refuses; more than [`MAX_ROWS`] lines.
pub fn of_lines(bytes: &[u8]) -> Result<Vec<Source>, ParseError> {
    let (mut sources, mut count) = (Vec::new(), 0);
    for (line, text) in lines(bytes) {
        if line > MAX_ROWS {
            return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
        }
        let text = trim(text);
        let commented = text.starts_with(b"#");
        let text = trim(text.strip_prefix(b"#").unwrap_or(text));
        let text = text.split(|byte| *byte == b'#').next().map(trim).unwrap_or_default();
        match of_line(line, text) {
            Some(source) => {
                count_words(&source, &mut count)?;
                sources.push(Source { enabled: !commented, ..source });
            }
            None if commented || text.is_empty() => {}
            None => {
                return Err(ParseError {
                    line: Some(line),
                    what: "a type, an address and a suite are expected".to_owned(),
                });
            }
        }
    }
    Ok(sources)
}

fn of_line(line: usize, text: &[u8]) -> Option<Source> {
    let end = text.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'[')?;
    let (kind, rest) = text.split_at(end);
    if kind != b"deb" && kind != b"deb-src" {
        return None;
    }
    let rest = trim(rest);
    let (options, rest) = match rest.strip_prefix(b"[") {
        Some(inner) => {
            let end = inner.iter().position(|byte| *byte == b']')?;
            let (options, rest) = inner.split_at(end);
            (options, rest.get(1..).unwrap_or_default())
        }
        None => (&b""[..], rest),
    };
    let mut parts = words(rest);
    let (uri, suite) = (parts.next()?, parts.next()?);
    if !uri.contains(&b':') {
        return None;
    }
    let lowered = |option: &[u8]| {
        let at = option.iter().position(|byte| *byte == b'=').unwrap_or(option.len());
        let (name, value) = option.split_at(at);
        [name.to_ascii_lowercase().as_slice(), value].concat()
    };
    Some(Source {
        line,
        types: vec![kind.to_vec()],
        uris: vec![uri.to_vec()],
        suites: vec![suite.to_vec()],
        components: list(parts),
        options: words(options).map(lowered).take(MAX_ROWS).collect(),
        enabled: true,
    })
}

/// The entries of a file of stanzas (deb822).
///
/// Errors: a line that is no field; a stanza without types, addresses or suites; more than [`MAX_ROWS`] lines.
pub fn of_stanzas(bytes: &[u8]) -> Result<Vec<Source>, ParseError> {
    let (mut sources, mut count) = (Vec::new(), 0);
    let mut begun: Option<usize> = None;
    let mut fields: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for (line, text) in lines(bytes) {
        let error = |what: &str| ParseError { line: Some(line), what: what.to_owned() };
        if line > MAX_ROWS {
            return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
        }
        if text.starts_with(b"#") {
            continue;
        }
        if trim(text).is_empty() {
            sources.extend(stanza(begun.take(), std::mem::take(&mut fields), &mut count)?);
        } else if text.first().is_some_and(u8::is_ascii_whitespace) {
            let (_, value) = fields.last_mut().ok_or_else(|| error("it belongs to no field"))?;
            value.push(b' ');
            value.extend_from_slice(trim(text));
        } else {
            let at = text.iter().position(|byte| *byte == b':').ok_or_else(|| error("`Field: value` is expected"))?;
            let (name, value) = text.split_at(at);
            fields.push((trim(name).to_ascii_lowercase(), trim(value.get(1..).unwrap_or_default()).to_vec()));
            begun.get_or_insert(line);
        }
    }
    sources.extend(stanza(begun, fields, &mut count)?);
    Ok(sources)
}

fn stanza(
    line: Option<usize>,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    count: &mut usize,
) -> Result<Option<Source>, ParseError> {
    let Some(line) = line else { return Ok(None) };
    let mut source = Source { line, enabled: true, ..Source::default() };
    for (name, value) in fields {
        match name.as_slice() {
            b"types" => source.types = list(words(&value)),
            b"uris" => source.uris = list(words(&value)),
            b"suites" => source.suites = list(words(&value)),
            b"components" => source.components = list(words(&value)),
            b"enabled" => {
                source.enabled = !matches!(
                    value.to_ascii_lowercase().as_slice(),
                    b"no" | b"false" | b"0" | b"off" | b"without" | b"disable"
                )
            }
            _ => source.options.push([name.as_slice(), b"=", value.as_slice()].concat()),
        }
    }
    if source.types.is_empty() || source.uris.is_empty() || source.suites.is_empty() {
        return Err(ParseError { line: Some(line), what: "types, addresses and suites are expected".to_owned() });
    }
    count_words(&source, count)?;
    Ok(Some(source))
}

/// Counts the words of an entry among those of all.
fn count_words(source: &Source, count: &mut usize) -> Result<(), ParseError> {
    let Source { types, uris, suites, components, options, .. } = source;
    *count += [types, uris, suites, components, options].map(Vec::len).iter().sum::<usize>();
    match *count > MAX_ROWS {
        true => Err(ParseError { line: Some(source.line), what: format!("more than {MAX_ROWS} words") }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &Source) -> String {
        let text =
            |words: &[Vec<u8>]| words.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(",");
        let Source { line, types, uris, suites, components, options, enabled } = source;
        let [types, uris, suites] = [types, uris, suites].map(|words| text(words));
        format!("{line} {types} {uris} {suites} {} [{}] {enabled}", text(components), text(options))
    }

    #[test]
    fn lines_and_stanzas_are_read() {
        let found =
            of_lines(b"# deb is a word\ndeb [Arch=amd64 trusted=yes] http://a s main x # c\n#deb-src http://b s/\n")
                .unwrap();
        let lines: Vec<String> = found.iter().map(shown).collect();
        assert_eq!(lines, ["2 deb http://a s main,x [arch=amd64,trusted=yes] true", "3 deb-src http://b s/  [] false"]);
        let text = b"# c\nTypes: deb deb-src\nURIs: http://a\nSuites: s t\nComponents: main\n# c\nSigned-By:\n /k\n\n\nTypes: deb\nURIs: x:/\nSuites: /\nEnabled: No\n";
        let lines: Vec<String> = of_stanzas(text).unwrap().iter().map(shown).collect();
        assert_eq!(lines, ["2 deb,deb-src http://a s,t main [signed-by= /k] true", "11 deb x:/ /  [] false"]);
        assert!(of_lines(b"deb http://a\n").is_err());
        assert!(of_lines(b"debs http://a b\n").is_err());
        assert!(of_stanzas(b"Types: deb\n").is_err());
        assert!(of_stanzas(b" x\n").is_err());
    }
}
