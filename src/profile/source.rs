//! A file that an author wrote, and what is wrong with it: place, line, what was expected.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// A range of bytes of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

/// A file of a profile.
#[derive(Debug)]
pub struct Source {
    /// Its path as the auditor would write it.
    pub name: Arc<str>,
    /// Its text.
    pub text: String,
    line_starts: Box<[usize]>,
}

impl Source {
    /// A source of this name and text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<String>) -> Source {
        let text = text.into();
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(ends).collect();
        Source { name: name.into(), text, line_starts }
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub fn position(&self, at: u32) -> (usize, usize) {
        let at = (at as usize).min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= at).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(start..at).map_or(0, |before| before.chars().count());
        (line, column + 1)
    }

    /// How many bytes of its line stand before a byte.
    fn byte_in_line(&self, at: u32) -> usize {
        let at = (at as usize).min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= at).max(1);
        at - self.line_starts.get(line - 1).copied().unwrap_or(0)
    }

    /// The text of a line, without its end.
    pub fn line(&self, number: usize) -> &str {
        let start = self.line_starts.get(number.wrapping_sub(1)).copied().unwrap_or(self.text.len());
        let end = self.line_starts.get(number).copied().unwrap_or(self.text.len());
        self.text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }

    /// SHA-256 of its text, in hex.
    pub fn sha256(&self) -> String {
        hex(&Sha256::digest(self.text.as_bytes()))
    }

    /// The text of a range.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }
}

/// Bytes in hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Something that is wrong with a profile.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The file; `None` when it is about the whole profile.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Where a problem is.
#[derive(Clone, Debug)]
pub struct Place {
    source: Arc<Source>,
    span: Span,
}

impl Place {
    /// A range of a source.
    pub fn new(source: &Arc<Source>, span: Span) -> Place {
        Place { source: Arc::clone(source), span }
    }

    /// The file's name.
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// Line and column, from 1.
    pub fn position(&self) -> (usize, usize) {
        self.source.position(self.span.start)
    }
}

impl Problem {
    /// A problem without a place.
    pub fn without_place(message: impl Into<String>) -> Problem {
        Problem { place: None, message: message.into(), help: None }
    }
}

/// The most characters that are shown of a line, around its mark: a document in one line may have thousands of problems.
const EXCERPT: usize = 320;

/// What is shown of a line around a byte, and the column of that byte in it. No more is looked at than is shown.
fn excerpt(line: &str, at: usize) -> (String, usize) {
    let (before, behind) = line.split_at_checked(at).unwrap_or((line, ""));
    let start = before.char_indices().rev().nth(EXCERPT / 2).map_or(0, |(start, char)| start + char.len_utf8());
    let end = behind.char_indices().nth(EXCERPT / 2).map_or(line.len(), |(end, _)| at + end);
    let mark = |cut: bool| if cut { "…" } else { "" };
    let before = format!("{}{}", mark(start > 0), before.get(start..).unwrap_or_default());
    let column = before.chars().count() + 1;
    (format!("{before}{}{}", behind.get(..end - at.min(end)).unwrap_or_default(), mark(end < line.len())), column)
}

impl fmt::Display for Problem {
    /// The message, the place, the offending line with a mark below it, the help.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "error: {}", self.message)?;
        if let Some(place) = &self.place {
            let (line, column) = place.position();
            let text = place.source.line(line);
            let width = line.to_string().len();
            let (text, column_shown) = excerpt(text, place.source.byte_in_line(place.span.start));
            let length = place
                .source
                .slice(place.span)
                .lines()
                .next()
                .map_or(0, |text| text.trim_end().chars().take(EXCERPT).count());
            let room = text.chars().count().saturating_sub(column_shown - 1).max(1);
            // A tab stays a tab, so that the mark stands below what it marks.
            let indent: String =
                text.chars().take(column_shown - 1).map(|char| if char == '\t' { '\t' } else { ' ' }).collect();
            let mark = "^".repeat(length.clamp(1, room));
            write!(out, "\n{:width$}--> {}:{line}:{column}", "", place.source.name)?;
            write!(out, "\n{:width$} |", "")?;
            write!(out, "\n{line} | {}", harmless(&text))?;
            write!(out, "\n{:width$} | {indent}{mark}", "")?;
            if let Some(help) = &self.help {
                write!(out, "\n{:width$} = help: {help}", "")?;
            }
        } else if let Some(help) = &self.help {
            write!(out, "\n  = help: {help}")?;
        }
        Ok(())
    }
}

/// A line of a file without what a terminal would act on.
fn harmless(text: &str) -> String {
    text.chars().map(|char| if char.is_control() && char != '\t' { '\u{fffd}' } else { char }).collect()
}

/// The known name that is nearest to a mistyped one.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |known: &str| strsim::damerau_levenshtein(&name.to_lowercase(), &known.to_lowercase());
    let length = name.chars().count();
    let allowed = (length / 3).max(1);
    known
        .into_iter()
        // A name that is much longer is not near, and would take long to compare.
        .filter(|known| known.chars().count().abs_diff(length) <= allowed)
        .map(|known| (distance(known), known))
        .filter(|(far, _)| *far <= allowed)
        .min()
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_its_place() {
        let source = Arc::new(Source::new("controls/a.yaml", "é: 1\nb: mod\n"));
        let place = Place::new(&source, Span { start: 9, end: 12 });
        let problem = Problem {
            place: Some(place),
            message: "unknown property `mod`".into(),
            help: Some("did you mean `mode`?".into()),
        };
        let expected = "error: unknown property `mod`\n --> controls/a.yaml:2:4\n  |\n2 | b: mod\n  |    ^^^\n  = help: did you mean `mode`?";
        assert_eq!(problem.to_string(), expected);
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(2), (1, 2));
    }

    #[test]
    fn the_nearest_name_is_found() {
        assert_eq!(nearest("mod", ["mode", "owner"]), Some("mode"));
        assert_eq!(nearest("atmost", ["at_most", "all"]), Some("at_most"));
        assert_eq!(nearest("colour", ["mode", "owner"]), None);
    }
}
