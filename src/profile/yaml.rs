//! YAML 1.2 as a tree in which every value knows its place and its raw text.
//!
//! Duplicate keys, tags, merge keys and several documents are errors; anchors are allowed. Depth, number of values and
//! repetition by aliases are bounded.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use crate::check::is_null;
use crate::profile::source::{Place, Problem, Source, Span};

/// How deep values nest: profiles need about ten levels.
const MAX_DEPTH: usize = 64;
/// How many values a file holds, those that aliases repeat included.
const MAX_VALUES: usize = 2_000_000;

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) span: Span,
    pub(super) kind: NodeKind<'a>,
}

#[derive(Clone, Debug)]
pub(super) enum NodeKind<'a> {
    /// A text; `plain` when it is written without quotes, so that its place decides what it means.
    Scalar {
        text: Cow<'a, str>,
        plain: bool,
    },
    List(Vec<Node<'a>>),
    Map(Vec<(Node<'a>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether it is nothing: an empty or null scalar without quotes.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar { text, plain: true } if is_null(text))
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Node<'a>> {
        match &self.kind {
            NodeKind::Map(entries) => entries.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value),
            _ => None,
        }
    }

    /// What it is, in a sentence.
    pub(super) fn words(&self) -> &'static str {
        match &self.kind {
            NodeKind::Scalar { .. } if self.is_null() => "nothing",
            NodeKind::Scalar { .. } => "a single value",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a map",
        }
    }
}

/// A container that is not closed yet.
enum Open<'a> {
    List(Vec<Node<'a>>),
    Map(Vec<(Node<'a>, Node<'a>)>, Option<Node<'a>>),
}

struct Builder<'a> {
    source: &'a Arc<Source>,
    offsets: Offsets,
    stack: Vec<(u32, usize, Open<'a>)>,
    anchors: HashMap<usize, (Node<'a>, usize)>,
    values: usize,
    root: Option<Node<'a>>,
    problems: Vec<Problem>,
}

/// Parses a source.
///
/// Errors: the first error of the syntax, or all keys, tags and documents that are not allowed.
pub(super) fn parse(source: &Arc<Source>) -> Result<Node<'_>, Vec<Problem>> {
    let mut builder = Builder {
        source,
        offsets: Offsets::new(&source.text),
        stack: Vec::new(),
        anchors: HashMap::new(),
        values: 0,
        root: None,
        problems: Vec::new(),
    };
    let mut documents = 0;
    let mut parser = Parser::new_from_str(&source.text);
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(found) => found,
            Err(error) => {
                let problem = builder.syntax(&error);
                builder.problems.push(problem);
                return Err(builder.problems);
            }
        };
        let span =
            Span { start: builder.offsets.byte(span.start.index()), end: builder.offsets.byte(span.end.index()) };
        if let Event::DocumentStart(_) = event {
            documents += 1;
            if documents > 1 {
                builder.problem(span, "a file holds one document", Some("remove `---`, or make it a file of its own"));
                return Err(builder.problems);
            }
        }
        if !builder.take(event, span) {
            return Err(builder.problems);
        }
    }
    if !builder.problems.is_empty() {
        return Err(builder.problems);
    }
    let empty = Node { span: Span::default(), kind: NodeKind::Scalar { text: Cow::Borrowed(""), plain: true } };
    Ok(builder.root.unwrap_or(empty))
}

impl<'a> Builder<'a> {
    fn problem(&mut self, span: Span, message: &str, help: Option<&str>) {
        self.problems.push(Problem {
            place: Some(Place::new(self.source, span)),
            message: message.to_owned(),
            help: help.map(str::to_owned),
        });
    }

    fn syntax(&self, error: &ScanError) -> Problem {
        let at = self.offsets.byte(error.marker().index());
        let text = self.source.text.as_str();
        let (before, after) = text.split_at_checked(at as usize).unwrap_or((text, ""));
        let info = error.info();
        let last_line = before.trim_end().lines().next_back().unwrap_or_default();
        let help = match before.chars().next_back() {
            Some('$') => Some("inside {} and [] a value that holds ${…} needs quotes: \"${…}\""),
            Some(']' | '}') => Some("a value that begins with [ or { needs quotes"),
            _ if info.contains("tab") => Some("indent with blanks, not with tabs"),
            _ if info.contains("quoted scalar") => Some("the quote that opens here is not closed"),
            _ if after.starts_with(['*', '&', '!', '%', '@', '`']) => {
                Some("a value that begins with * & ! % @ ` needs quotes")
            }
            _ if info.contains("mapping values") => Some("a value that holds \": \" needs quotes"),
            _ if info.contains("flow") && last_line.contains(" #") => {
                Some("a comment begins at \" #\": a value that holds it needs quotes")
            }
            _ if info.contains("flow") || info.contains("node content") => {
                Some("a comma is missing, or a bracket or a brace is not closed")
            }
            _ if info.contains("block") => Some("the lines of one map or of one list begin in the same column"),
            _ => None,
        };
        Problem {
            place: Some(Place::new(self.source, Span { start: at, end: at + 1 })),
            message: format!("not YAML: {}", error.info()),
            help: help.map(str::to_owned),
        }
    }

    /// Takes one event; says whether to go on.
    fn take(&mut self, event: Event<'a>, span: Span) -> bool {
        let tagged = match &event {
            Event::Scalar(.., tag) | Event::SequenceStart(_, tag) | Event::MappingStart(_, tag) => tag.is_some(),
            _ => false,
        };
        if tagged {
            self.problem(span, "tags (!…) are not allowed", Some("a text that begins with ! needs quotes"));
        }
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let node = Node { span, kind: NodeKind::Scalar { text, plain } };
                self.put(node, anchor, 1)
            }
            Event::SequenceStart(anchor, _) => self.open(span, anchor, Open::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.open(span, anchor, Open::Map(Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some((node, size)) => self.put(Node { span, ..node }, 0, size),
                None => {
                    self.problem(span, "this alias stands inside what it repeats", None);
                    false
                }
            },
            _ => true,
        }
    }

    fn open(&mut self, span: Span, anchor: usize, open: Open<'a>) -> bool {
        if self.stack.len() == MAX_DEPTH {
            self.problem(span, &format!("nested deeper than {MAX_DEPTH} levels"), None);
            return false;
        }
        self.stack.push((span.start, anchor, open));
        true
    }

    fn close(&mut self, span: Span) -> bool {
        let Some((start, anchor, open)) = self.stack.pop() else { return true };
        let (kind, end) = match open {
            Open::List(items) => {
                let end = items.last().map(|item| item.span.end);
                (NodeKind::List(items), end)
            }
            Open::Map(entries, _) => {
                self.check_keys(&entries);
                let end = entries.last().map(|(_, value)| value.span.end);
                (NodeKind::Map(entries), end)
            }
        };
        // A block ends where its last value ends; the parser only notices at the next token.
        let flow = self.source.text.as_bytes().get(start as usize).is_some_and(|byte| matches!(byte, b'{' | b'['));
        let end = if flow { span.end } else { end.unwrap_or(span.start) };
        let size = match &kind {
            NodeKind::List(items) => items.len(),
            NodeKind::Map(entries) => entries.len() * 2,
            NodeKind::Scalar { .. } => 0,
        };
        self.put(Node { span: Span { start, end: end.max(start) }, kind }, anchor, size + 1)
    }

    fn check_keys(&mut self, entries: &[(Node<'a>, Node<'a>)]) {
        let mut seen = HashSet::new();
        for (place, (key, _)) in entries.iter().enumerate() {
            // Most maps are small: a look back is cheaper than a set.
            let mut twice = |text: &str| match entries.len() {
                0..=16 => entries.iter().take(place).any(|(other, _)| other.text() == Some(text)),
                _ => !seen.insert(text.to_owned()),
            };
            match key.text() {
                None => self.problem(key.span, "a key is a single text", None),
                Some("<<") => self.problem(
                    key.span,
                    "merge keys (<<) are not allowed",
                    Some("write the keys out, or repeat the whole map by its alias"),
                ),
                Some(text) if twice(text) => self.problem(key.span, &format!("`{text}` is given twice"), None),
                Some(_) => {}
            }
        }
    }

    fn put(&mut self, node: Node<'a>, anchor: usize, size: usize) -> bool {
        self.values += size;
        if self.values > MAX_VALUES {
            let message = format!("a file holds at most {MAX_VALUES} values");
            self.problem(node.span, &message, Some("what an alias repeats counts as often as it is used"));
            return false;
        }
        if anchor != 0 {
            let size = values_in(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some((_, _, Open::List(items))) => items.push(node),
            Some((_, _, Open::Map(entries, key))) => match key.take() {
                None => *key = Some(node),
                Some(name) => entries.push((name, node)),
            },
        }
        true
    }
}

fn values_in(node: &Node<'_>) -> usize {
    match &node.kind {
        NodeKind::Scalar { .. } => 1,
        NodeKind::List(items) => 1 + items.iter().map(values_in).sum::<usize>(),
        NodeKind::Map(entries) => {
            1 + entries.iter().map(|(key, value)| values_in(key) + values_in(value)).sum::<usize>()
        }
    }
}

/// Byte offsets by character, for texts that are not ASCII.
struct Offsets(Option<Vec<u32>>);

impl Offsets {
    fn new(text: &str) -> Offsets {
        if text.is_ascii() {
            return Offsets(None);
        }
        let offsets = text.char_indices().map(|(at, _)| at).chain(std::iter::once(text.len()));
        Offsets(Some(offsets.map(|at| u32::try_from(at).unwrap_or(u32::MAX)).collect()))
    }

    fn byte(&self, char: usize) -> u32 {
        match &self.0 {
            None => u32::try_from(char).unwrap_or(u32::MAX),
            Some(offsets) => offsets.get(char).or(offsets.last()).copied().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let source = Arc::new(Source::new("p.yaml", text));
        let problems = parse(&source).err().unwrap_or_default();
        problems
            .into_iter()
            .map(|problem| format!("{} {:?}", problem.message, problem.place.map(|place| place.position())))
            .collect()
    }

    #[test]
    fn values_know_their_text_and_place() {
        let source = Arc::new(Source::new("p.yaml", "é: [0640, '0640', no]\nb:\n  - {c: 1.10}\n  - d\n"));
        let root = parse(&source).unwrap();
        let list = root.get("é").unwrap();
        assert_eq!(source.slice(list.span), "[0640, '0640', no]");
        let NodeKind::List(items) = &list.kind else { panic!() };
        let seen = items.iter().map(|item| match &item.kind {
            NodeKind::Scalar { text, plain } => (text.to_string(), *plain),
            _ => panic!(),
        });
        assert_eq!(seen.collect::<Vec<_>>(), [("0640".into(), true), ("0640".into(), false), ("no".into(), true)]);
        assert_eq!(source.slice(root.get("b").unwrap().span), "- {c: 1.10}\n  - d");
    }

    #[test]
    fn what_is_not_allowed_is_named() {
        for (text, message) in [
            ("a: 1\na: 2\n", "`a` is given twice Some((2, 1))"),
            ("a: !x 1\n", "tags (!…) are not allowed"),
            ("<<: {a: 1}\n", "merge keys (<<) are not allowed"),
            ("a: 1\n---\nb: 2\n", "a file holds one document"),
            ("? [a]\n: 1\n", "a key is a single text"),
            ("a: &x [*x]\n", "this alias stands inside"),
            ("a: [", "not YAML"),
        ] {
            let problems = problems(text);
            assert!(problems.first().is_some_and(|problem| problem.starts_with(message)), "{text}: {problems:?}");
        }
    }

    #[test]
    fn depth_and_repetition_are_bounded() {
        for deep in ["[".repeat(10_000), "- ".repeat(10_000), format!("{}x", "{a: ".repeat(100))] {
            let problem = problems(&deep).remove(0);
            assert!(problem.contains("nested deeper") || problem.contains("recursion"), "{problem}");
        }
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..9 {
            let repeated = format!("*a{}", level - 1);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![repeated; 10].join(",")));
        }
        assert!(problems(&bomb).first().is_some_and(|problem| problem.starts_with("a file holds at most")));
    }
}
