//! Regular expressions as profiles write them: the `regex` crate, on bytes, in linear time.
//!
//! `^` and `$` are per line, also before CR LF, as InSpec's users expect; no line begins after the last line end;
//! `.` stops at line ends; classes are ASCII as in Ruby (`(?u)` makes them Unicode). A pattern that is a plain text, with or without such anchors, is searched
//! as text: profiles with thousands of them would spend more time on building automata than on reading files.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind, Look};

/// The largest automaton of one pattern.
const MAX_COMPILED_BYTES: usize = 4 << 20;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    search: Search,
}

#[derive(Clone, Debug)]
enum Search {
    Text {
        text: Box<[u8]>,
        starts_line: bool,
        ends_line: bool,
    },
    Regex {
        regex: Regex,
        /// Whether it can match without any text, and so behind the last line end.
        may_be_empty: bool,
    },
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.text == other.text
    }
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError(String);

impl fmt::Display for PatternError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Pattern {
    /// Compiles a pattern.
    pub fn new(text: &str) -> Result<Pattern, PatternError> {
        if let Some(control) = text.chars().find(|char| char.is_control() && *char != '\t' && *char != '\n') {
            let escaped = control.escape_debug();
            return Err(PatternError(format!(
                "holds the control character {escaped}: write the pattern in single quotes"
            )));
        }
        if let Some(search) = plain_text(text) {
            return Ok(Pattern { text: text.to_owned(), search });
        }
        let hir = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .multi_line(true)
            .crlf(true)
            .build()
            .parse(text)
            .map_err(|error| PatternError(reason(&error)))?;
        let search = match plain(&hir) {
            Some(search) => search,
            None => Search::Regex {
                regex: compile(text)?,
                may_be_empty: hir.properties().minimum_len().is_none_or(|length| length == 0),
            },
        };
        Ok(Pattern { text: text.to_owned(), search })
    }

    /// A pattern that finds exactly this text.
    pub fn literal(text: &str) -> Result<Pattern, PatternError> {
        Pattern::new(&regex::escape(text))
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is found anywhere in the text.
    pub fn is_match(&self, haystack: &[u8]) -> bool {
        match &self.search {
            Search::Regex { regex, may_be_empty: true } if haystack.ends_with(b"\n") => found_in_lines(regex, haystack),
            Search::Regex { regex, .. } => regex.is_match(haystack),
            Search::Text { text, starts_line, ends_line } => {
                memchr::memmem::find_iter(haystack, text.as_ref()).any(|at| {
                    (!starts_line || line_starts(haystack, at)) && (!ends_line || line_ends(haystack, at + text.len()))
                })
            }
        }
    }

    /// The pattern as a regex, for what needs captures or pieces.
    pub fn regex(&self) -> Result<Regex, PatternError> {
        match &self.search {
            Search::Regex { regex, .. } => Ok(regex.clone()),
            Search::Text { .. } => compile(&self.text),
        }
    }
}

/// Whether a pattern is found in a text that ends with a line end, behind which no line begins: an empty match there
/// counts only if it does without `^`. As it sees nothing but the byte before it, a space in place of the line end
/// tells.
fn found_in_lines(regex: &Regex, haystack: &[u8]) -> bool {
    match regex.find(haystack) {
        Some(found) => found.start() < haystack.len() || regex.is_match_at(b" ", 1),
        None => false,
    }
}

fn compile(text: &str) -> Result<Regex, PatternError> {
    RegexBuilder::new(text)
        .unicode(false)
        .multi_line(true)
        .crlf(true)
        .size_limit(MAX_COMPILED_BYTES)
        .build()
        .map_err(|error| PatternError(error.to_string()))
}

/// The sentence of a syntax error without its drawing.
fn reason(error: &regex_syntax::Error) -> String {
    let (kind, text) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.pattern()),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), error.pattern()),
        other => return other.to_string(),
    };
    match kind.as_str() {
        kind if kind.contains("look-around") => {
            "look-around is not supported (patterns are matched in linear time); use `not:` or two expectations"
                .to_owned()
        }
        kind if kind.contains("backreferences") => "back-references are not supported".to_owned(),
        kind if kind.to_lowercase().contains("unicode") && !text.contains("(?u)") => {
            format!("{kind}: begin the pattern with (?u)")
        }
        kind => kind.to_owned(),
    }
}

/// The search for a pattern without any metacharacter but line anchors, which need not be parsed to see that.
fn plain_text(text: &str) -> Option<Search> {
    let inner = text.strip_prefix('^').unwrap_or(text);
    let starts_line = inner.len() < text.len();
    let middle = inner.strip_suffix('$').unwrap_or(inner);
    let ends_line = middle.len() < inner.len();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" _-/:=,;@%\"'<>~!#&".contains(&byte);
    let is_plain = !middle.is_empty() && middle.bytes().all(plain);
    is_plain.then(|| Search::Text { text: middle.as_bytes().into(), starts_line, ends_line })
}

/// The search for a pattern that is a text between optional line anchors.
fn plain(hir: &Hir) -> Option<Search> {
    let parts = match hir.kind() {
        HirKind::Concat(parts) => parts.as_slice(),
        _ => std::slice::from_ref(hir),
    };
    let starts_line = matches!(parts.first()?.kind(), HirKind::Look(Look::StartCRLF));
    let ends_line = matches!(parts.last()?.kind(), HirKind::Look(Look::EndCRLF));
    let middle = parts.get(usize::from(starts_line)..parts.len() - usize::from(ends_line))?;
    match middle {
        [one] => match one.kind() {
            HirKind::Literal(literal) => Some(Search::Text { text: literal.0.clone(), starts_line, ends_line }),
            _ => None,
        },
        _ => None,
    }
}

fn line_starts(haystack: &[u8], at: usize) -> bool {
    match at.checked_sub(1).and_then(|before| haystack.get(before)) {
        None | Some(b'\n') => true,
        Some(b'\r') => haystack.get(at) != Some(&b'\n'),
        Some(_) => false,
    }
}

fn line_ends(haystack: &[u8], at: usize) -> bool {
    match haystack.get(at) {
        None | Some(b'\r') => true,
        Some(b'\n') => at.checked_sub(1).and_then(|before| haystack.get(before)) != Some(&b'\r'),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_texts_are_found_as_the_regex_finds_them() {
        let patterns = [
            "^root:",
            "no$",
            "^no",
            "abc",
            "^a=b c$",
            "^a$",
            "abc",
            "a\\.b",
            "^\\[s\\]$",
            "\\r",
            "\\n",
            "^\\n",
            "\\n$",
        ];
        let texts: [&[u8]; 12] = [
            b"",
            b"root:",
            b"x\nroot:x",
            b"x\r\nroot:x",
            b"say no\r\nyes",
            b"no",
            b"nox\nno",
            b"a\rb\r\na\n",
            b"xabcx",
            b"a.b",
            b"[s]\n",
            b"\xff\nabc\xff",
        ];
        for pattern in patterns {
            let compiled = Pattern::new(pattern).unwrap();
            assert!(matches!(compiled.search, Search::Text { .. }), "{pattern}");
            let regex = compile(pattern).unwrap();
            for text in texts {
                assert_eq!(compiled.is_match(text), regex.is_match(text), "{pattern} in {text:?}");
            }
        }
    }

    #[test]
    fn lines_are_what_anchors_mean() {
        for (pattern, text, expected) in [
            ("^b$", "a\nb\nc", true),
            ("^b$", "a\r\nb\r\nc", true),
            ("^$", "a\n", false),
            ("^$", "a\r\n", false),
            ("^$", "a\n\n", true),
            ("^$", "\n", true),
            ("^$", "", true),
            (r"^\s*$", "a\n", false),
            (r"^\s*$", "a\n \n", true),
            (r"(^|;)\s*$", "a\n", false),
            (r"^x|\z", "a\n", true),
            (r"x*\z", "a\n", true),
            (r"\Ab", "a\nb", false),
            ("a.b", "a\nb", false),
            ("(?i)YES", "yes", true),
            (r"\d", "\u{0663}", false),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().is_match(text.as_bytes()), expected, "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for (pattern, part) in [
            ("(?=x)", "look-around"),
            (r"(a)\1", "back-references"),
            ("\u{8}x", "single quotes"),
            ("[é]", "(?u)"),
            ("(", "unclosed"),
        ] {
            let error = Pattern::new(pattern).unwrap_err().to_string();
            assert!(error.contains(part), "{pattern}: {error}");
        }
    }
}
