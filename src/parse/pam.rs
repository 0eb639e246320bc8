//! Files of pam.d(5) and pam.conf(5): a type, a control, a module and its arguments a line.

use crate::parse::continued::{before_hash, continued};
use crate::parse::{MAX_ROWS, ParseError};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1.
    pub line: usize,
    /// The service, in the one file that names it.
    pub service: Option<Vec<u8>>,
    /// auth, account, password or session; none for `@include`, which takes lines of all types.
    pub kind: Option<Vec<u8>>,
    /// Whether a `-` stands before the type: a module that is missing is no error then.
    pub may_be_missing: bool,
    /// A word in lower case, `@include`, or `[value=action …]` with single blanks.
    pub control: Vec<u8>,
    /// The module, or the file that is included.
    pub module: Vec<u8>,
    /// The module's arguments; those in brackets without them.
    pub arguments: Vec<Vec<u8>>,
}

const TYPES: [&[u8]; 4] = [b"auth", b"account", b"password", b"session"];
const CONTROLS: [&[u8]; 6] = [b"required", b"requisite", b"sufficient", b"optional", b"include", b"substack"];

/// The lines of a file, in order. Those of pam.conf begin with the name of a service.
///
/// Errors: a line that PAM does not understand; more than [`MAX_ROWS`] lines or words.
pub fn entries(bytes: &[u8], with_service: bool) -> Result<Vec<Entry>, ParseError> {
    let mut entries = Vec::new();
    let mut count = 0;
    for (line, text) in continued(bytes, before_hash)? {
        let error = |what: String| ParseError { line: Some(line), what };
        let mut words = Words(&text);
        let mut next = || words.next_word().map_err(|what| error(what.to_owned()));
        let short = || error("a type, a control and a module are expected".to_owned());
        let mut first = next()?.ok_or_else(short)?;
        let service = match with_service {
            true => Some(std::mem::replace(&mut first, next()?.ok_or_else(short)?).to_ascii_lowercase()),
            false => None,
        };
        if first.eq_ignore_ascii_case(b"@include") {
            let module = next()?.ok_or_else(short)?;
            let control = b"@include".to_vec();
            let arguments = Vec::new();
            entries.push(Entry { line, service, kind: None, may_be_missing: false, control, module, arguments });
            continue;
        }
        let kind = first.strip_prefix(b"-").unwrap_or(&first).to_ascii_lowercase();
        if !TYPES.contains(&kind.as_slice()) {
            return Err(error("the type is none of auth, account, password, session".to_owned()));
        }
        let control = control(&next()?.ok_or_else(short)?).ok_or_else(|| error("the control is unknown".to_owned()))?;
        let module = next()?.ok_or_else(short)?;
        let mut arguments = Vec::new();
        while let Some(word) = next()? {
            count += 1;
            if count > MAX_ROWS {
                return Err(error(format!("more than {MAX_ROWS} arguments")));
            }
            let inner = word.strip_prefix(b"[").and_then(|word| word.strip_suffix(b"]")).map(unescaped);
            arguments.push(inner.unwrap_or(word));
        }
        let may_be_missing = first.starts_with(b"-");
        entries.push(Entry { line, service, kind: Some(kind), may_be_missing, control, module, arguments });
    }
    Ok(entries)
}

fn control(word: &[u8]) -> Option<Vec<u8>> {
    if word.starts_with(b"[") {
        let words: Vec<&[u8]> = crate::parse::continued::words(word).collect();
        let inner = words.join(&b' ');
        let inner = inner.strip_prefix(b"[")?.strip_suffix(b"]")?;
        return Some([b"[", inner.trim_ascii(), b"]"].concat());
    }
    let word = word.to_ascii_lowercase();
    CONTROLS.contains(&word.as_slice()).then_some(word)
}

/// `\]` stands for a bracket that closes nothing.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.peek()) {
            (b'\\', Some(b']')) => {}
            _ => out.push(byte),
        }
    }
    out
}

/// What is left of a line.
struct Words<'a>(&'a [u8]);

impl Words<'_> {
    /// The next word; one that begins with a bracket goes up to the one that closes it.
    fn next_word(&mut self) -> Result<Option<Vec<u8>>, &'static str> {
        let text = self.0.trim_ascii_start();
        if text.is_empty() {
            self.0 = text;
            return Ok(None);
        }
        let end = match text.first() {
            Some(b'[') => {
                let closes = |pair: &[u8]| matches!(pair, [before, b']'] if *before != b'\\');
                text.windows(2).position(closes).map(|at| at + 2).ok_or("a bracket is not closed")?
            }
            _ => text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len()),
        };
        let (word, rest) = text.split_at(end);
        self.0 = rest;
        Ok(Some(word.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, with_service: bool) -> Result<Vec<String>, String> {
        let entries = entries(text.as_bytes(), with_service).map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let one = |entry: &Entry| {
            let words: Vec<String> = entry.arguments.iter().map(|word| text(word)).collect();
            let [service, kind] = [&entry.service, &entry.kind].map(|word| text(word.as_deref().unwrap_or(b"?")));
            let [control, module] = [&entry.control, &entry.module].map(|word| text(word));
            format!("{} {service} {kind} {} {control} {module} {}", entry.line, entry.may_be_missing, words.join("|"))
        };
        Ok(entries.iter().map(one).collect())
    }

    #[test]
    fn lines_are_read_as_pam_reads_them() {
        let text = "# c\nauth Required pam_env.so # x\n-session\t[ success=1  default=ignore ] pam_unix.so a [b c\\]] \\\n d=1\n@include common-auth\n";
        let expected = [
            "2 ? auth false required pam_env.so ",
            "3 ? session true [success=1 default=ignore] pam_unix.so a|b c]|d=1",
            "5 ? ? false @include common-auth ",
        ];
        assert_eq!(shown(text, false).unwrap(), expected);
        let of_file = shown("LOGIN auth include system-auth\n", true);
        assert_eq!(of_file.unwrap(), ["1 login auth false include system-auth "]);
    }

    #[test]
    fn what_pam_refuses_is_an_error() {
        for text in ["auth required", "auths required x", "auth maybe x", "auth [a=b x", "@include", "auth"] {
            assert!(shown(text, false).unwrap_err().starts_with("line 1: "), "{text}");
        }
        let many = format!("auth required x {}\n", "a ".repeat(MAX_ROWS + 1));
        assert!(shown(&many, false).unwrap_err().contains("more than"));
    }
}
