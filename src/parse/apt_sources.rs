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
    /// Further settings, `name=value`; names of stanzas in lower case, those of lines as apt has them, by their case.
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
        let text = trim(uncommented(text.strip_prefix(b"#").unwrap_or(text)));
        match of_line(line, text) {
            Ok(source) => {
                count_words(&source, &mut count)?;
                sources.push(Source { enabled: !commented, ..source });
            }
            Err(_) if commented || text.is_empty() => {}
            Err(what) => return Err(ParseError { line: Some(line), what: what.to_owned() }),
        }
    }
    Ok(sources)
}

/// A line up to its comment; a `#` in brackets begins none.
fn uncommented(text: &[u8]) -> &[u8] {
    let mut open = 0_usize;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'[' => open += 1,
            b']' => open = open.saturating_sub(1),
            b'#' if open == 0 => return text.get(..at).unwrap_or_default(),
            _ => {}
        }
    }
    text
}

/// The first word of a line and what follows it, as apt takes them: blanks in quotes and brackets are part of a word,
/// `%20` is a byte.
fn word(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut end = 0;
    while let Some(byte) = text.get(end).filter(|byte| !byte.is_ascii_whitespace()) {
        let closing = match byte {
            b'"' => b'"',
            b'[' => b']',
            _ => {
                end += 1;
                continue;
            }
        };
        end += 2 + text.get(end + 1..)?.iter().position(|byte| *byte == closing)?;
    }
    let (mut raw, rest) = text.split_at_checked(end)?;
    let mut plain = Vec::new();
    while let Some((byte, after)) = raw.split_first() {
        let digits = after.first_chunk::<2>().filter(|_| *byte == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                plain.push(byte);
                raw = after.get(2..).unwrap_or_default();
            }
            None => {
                plain.extend((*byte != b'"').then_some(*byte));
                raw = after;
            }
        }
    }
    (end > 0).then_some((plain, rest.trim_ascii_start()))
}

/// The options of a line from behind their bracket on, and what follows them. Of two of one name, the last counts.
fn options(mut text: &[u8]) -> Option<(Vec<Vec<u8>>, &[u8])> {
    let mut options: Vec<Vec<u8>> = Vec::new();
    loop {
        text = text.trim_ascii_start();
        if let Some(rest) = text.strip_prefix(b"]") {
            return Some((options, rest.trim_ascii_start()));
        }
        let (mut option, mut rest) = word(text)?;
        if option.last() == Some(&b']') {
            option.pop();
            let at = text.get(..text.len() - rest.len())?.iter().rposition(|byte| *byte == b']')?;
            rest = text.get(at..)?;
        }
        let at = option.iter().position(|byte| *byte == b'=').filter(|at| *at > 0 && at + 1 < option.len())?;
        let name = option.get(..=at)?.to_vec();
        options.retain(|other| !other.starts_with(&name));
        options.push(option);
        text = rest;
    }
}

fn of_line(line: usize, text: &[u8]) -> Result<Source, &'static str> {
    const EXPECTED: &str = "a type, an address, a suite and components are expected";
    let end = text.iter().position(|byte| matches!(byte, b' ' | b'\t' | 0x0b)).ok_or(EXPECTED)?;
    let (kind, rest) = text.split_at(end);
    if kind != b"deb" && kind != b"deb-src" {
        return Err("neither deb nor deb-src");
    }
    let rest = rest.trim_ascii_start();
    let (options, rest) = match rest.strip_prefix(b"[") {
        Some(inner) => options(inner).ok_or("the options are not in order")?,
        None => (Vec::new(), rest),
    };
    let (uri, rest) = word(rest).ok_or(EXPECTED)?;
    let (suite, mut rest) = word(rest).ok_or(EXPECTED)?;
    let mut components = Vec::new();
    while let Some((component, after)) = word(rest) {
        components.push(component);
        rest = after;
    }
    let source = Source {
        line,
        types: vec![kind.to_vec()],
        uris: vec![uri],
        suites: vec![suite],
        components,
        options,
        enabled: true,
    };
    if rest.is_empty() { complete(source) } else { Err(EXPECTED) }
}

/// An entry that apt takes: its addresses are some, and suites have components, where folders have none.
fn complete(source: Source) -> Result<Source, &'static str> {
    if source.uris.iter().any(|uri| !uri.contains(&b':')) {
        return Err("an address is none");
    }
    match source.suites.iter().all(|suite| suite.ends_with(b"/") == source.components.is_empty()) {
        true => Ok(source),
        false => Err("a suite needs components, and a folder that ends in a slash takes none"),
    }
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
        if text.is_empty() {
            sources.extend(stanza(begun.take(), std::mem::take(&mut fields), &mut count)?);
        } else if text.first().is_some_and(u8::is_ascii_whitespace) {
            let (_, value) = fields.last_mut().ok_or_else(|| error("it belongs to no field"))?;
            value.push(b' ');
            value.extend_from_slice(trim(text));
        } else {
            let at = text.iter().position(|byte| *byte == b':').ok_or_else(|| error("`Field: value` is expected"))?;
            let (name, value) = text.split_at(at);
            let name = trim(name).to_ascii_lowercase();
            if fields.iter().any(|(other, _)| *other == name) {
                return Err(error("the field stands there twice"));
            }
            fields.push((name, trim(value.get(1..).unwrap_or_default()).to_vec()));
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
            b"enabled" => source.enabled = !is_off(trim(&value)),
            _ => source.options.push([name.as_slice(), b"=", value.as_slice()].concat()),
        }
    }
    let wrong = |what: &str| ParseError { line: Some(line), what: what.to_owned() };
    if source.types.is_empty() || source.uris.is_empty() || source.suites.is_empty() {
        return Err(wrong("types, addresses and suites are expected"));
    }
    if source.types.iter().any(|kind| kind != b"deb" && kind != b"deb-src") {
        return Err(wrong("neither deb nor deb-src"));
    }
    count_words(&source, count)?;
    if source.enabled { complete(source).map(Some).map_err(wrong) } else { Ok(Some(source)) }
}

/// Whether apt takes a word for no: a number that is 0 in any way of writing, or one of these.
fn is_off(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 5] = [b"no", b"false", b"off", b"without", b"disable"];
    let digits = value.strip_prefix(b"-").or(value.strip_prefix(b"+")).unwrap_or(value);
    let digits = digits.strip_prefix(b"0x").or(digits.strip_prefix(b"0X")).unwrap_or(digits);
    let zero = !digits.is_empty() && digits.iter().all(|digit| *digit == b'0');
    zero || WORDS.iter().any(|word| word.eq_ignore_ascii_case(value))
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
        let text = b"# deb is a word\ndeb [Arch=amd64 trusted=yes] http://a s main x # c\n#deb-src http://b s/\n";
        let shown =
            |found: Result<Vec<Source>, ParseError>| -> Vec<String> { found.unwrap().iter().map(shown).collect() };
        let lines = shown(of_lines(text));
        assert_eq!(lines, ["2 deb http://a s main,x [Arch=amd64,trusted=yes] true", "3 deb-src http://b s/  [] false"]);
        let text =
            b"deb\t[ a=1  signed-by=\"/a b#%63\" a=2] \"cdrom:[x y]/\" s/\n\ndeb [a=b ] http://a%20b s \"m\" # [\r\n";
        let lines = shown(of_lines(text));
        assert_eq!(lines, ["1 deb cdrom:[x y]/ s/  [signed-by=/a b#c,a=2] true", "3 deb http://a b s m [a=b] true"]);
        let text = b"# c\nTypes: deb deb-src\nURIs: http://a\nSuites: s t\nComponents: main\n# c\nSigned-By:\n /k\n \n\n\nTypes: deb\nURIs: x:/\nSuites: /\nEnabled: No\n";
        let lines = shown(of_stanzas(text));
        assert_eq!(lines, ["2 deb,deb-src http://a s,t main [signed-by= /k ] true", "12 deb x:/ /  [] false"]);
        for text in [
            "deb http://a",
            "deb http://a b",
            "deb http://a b/ c",
            "deb a b c",
            "debs http://a b c",
            "deb[a=b] http://a b c",
            "deb [a=b http://a b c",
            "deb [a] http://a b c",
            "deb [=b] http://a b c",
            "deb [a=b]http://a b c",
            "deb \"http://a b c",
        ] {
            assert!(of_lines(text.as_bytes()).is_err(), "{text}");
        }
        for text in [
            "Types: deb\n",
            " x\n",
            "Types: rpm\nURIs: http://a\nSuites: /\n",
            "Types: deb\nURIs: http://a\nSuites: s\n",
            "Types: deb\nURIs: http://a\nSuites: /\nTYPES: deb\n",
        ] {
            assert!(of_stanzas(text.as_bytes()).is_err(), "{text}");
        }
        assert!(["0", "-00", "0x0", "OFF"].iter().all(|word| is_off(word.as_bytes())));
        assert!(!["", "1", "none", "0x"].iter().any(|word| is_off(word.as_bytes())));
    }
}
