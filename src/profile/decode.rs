//! From the tree of a file to compiled checks: the parts that all kinds of entries share.
//!
//! A decoder reports every problem that it meets and goes on; `None` means that a problem was reported.

use std::sync::Arc;

use crate::profile::input::Inputs;
use crate::profile::source::{Place, Problem, Source, Span, nearest};
use crate::profile::yaml::{Node, NodeKind};
use crate::resource::instead_of;
use crate::value::Value;

/// What decoding knows and gathers.
pub(super) struct Decoder<'s> {
    pub(super) source: &'s Arc<Source>,
    pub(super) inputs: &'s Inputs,
    /// Names of conditions, by place.
    pub(super) conditions: &'s [String],
    /// Names of `let` and `each`, the inner ones last.
    pub(super) names: Vec<Name>,
    pub(super) problems: Vec<Problem>,
    /// Whether what is decoded is never shown.
    pub(super) unseen: bool,
    /// How many checks there are, those that `each` repeats included.
    pub(super) checks: usize,
}

/// A name that can be used in `${…}`.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) name: String,
    pub(super) meaning: Meaning,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Meaning {
    /// This value; `regex` when it is a pattern and may act as one.
    Known { value: Value, regex: bool },
    /// A value of the target; one that is never shown can only be the `content` of a resource, which is not either.
    Taken { secret: bool },
    /// A row of a table with these columns; those that are used are noted.
    Row { columns: Vec<String>, used: Vec<String> },
}

/// A key of a map with its value.
pub(super) struct Field<'n> {
    pub(super) name: &'n str,
    pub(super) key: Span,
    pub(super) value: &'n Node<'n>,
}

/// The fields of a map.
pub(super) struct Fields<'n>(pub(super) Vec<Field<'n>>);

impl<'n> Fields<'n> {
    pub(super) fn get(&self, name: &str) -> Option<&'n Node<'n>> {
        self.0.iter().find(|field| field.name == name).map(|field| field.value)
    }
}

/// What to say of a word that other readers of YAML take for true or false.
pub(super) fn not_bool(text: &str) -> Option<String> {
    let word = matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off" | "true" | "false");
    word.then(|| "only `true` and `false` are; yes, no, on and off are texts in YAML 1.2".to_owned())
}

impl<'s> Decoder<'s> {
    pub(super) fn new(source: &'s Arc<Source>, inputs: &'s Inputs, conditions: &'s [String]) -> Decoder<'s> {
        Decoder { source, inputs, conditions, names: Vec::new(), problems: Vec::new(), unseen: false, checks: 0 }
    }

    /// Reports a problem.
    pub(super) fn problem(&mut self, span: Span, message: impl Into<String>) {
        self.problem_with_help(span, message, None);
    }

    /// Reports a problem and says what to do about it.
    pub(super) fn problem_with_help(&mut self, span: Span, message: impl Into<String>, help: Option<String>) {
        self.problems.push(Problem { place: Some(Place::new(self.source, span)), message: message.into(), help });
    }

    /// Reports an unknown name, with the nearest known one or all of them, if there are any.
    pub(super) fn unknown(&mut self, span: Span, message: String, name: &str, known: &[&str]) {
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if known.is_empty() => None,
            None => Some(format!("expected one of: {}", known.join(", "))),
        };
        self.problem_with_help(span, message, help);
    }

    /// A resource that is not there.
    pub(super) fn unknown_resource(&mut self, span: Span, name: &str, known: &[&str]) {
        let message = format!("unknown resource `{name}`");
        match instead_of(name) {
            Some(instead) => {
                self.problem_with_help(span, message, Some(format!("instead of InSpec's {name}: {instead}")))
            }
            None => self.unknown(span, message, name, known),
        }
    }

    /// The entries of a map, whatever their keys.
    pub(super) fn entries<'n>(&mut self, node: &'n Node<'n>, what: &str) -> Option<Fields<'n>> {
        let NodeKind::Map(entries) = &node.kind else {
            self.problem(node.span, format!("{what} must be a map, not {}", node.words()));
            return None;
        };
        let field = |(key, value): &'n (Node<'n>, Node<'n>)| Some(Field { name: key.text()?, key: key.span, value });
        Some(Fields(entries.iter().filter_map(field).collect()))
    }

    /// The fields of a map that may have these keys and no others.
    pub(super) fn fields<'n>(&mut self, node: &'n Node<'n>, what: &str, known: &[&str]) -> Option<Fields<'n>> {
        let fields = self.entries(node, what)?;
        for field in &fields.0 {
            if !known.contains(&field.name) {
                self.unknown(field.key, format!("unknown key `{}` in {what}", field.name), field.name, known);
            }
        }
        Some(fields)
    }

    /// The elements of a list.
    pub(super) fn list<'n>(&mut self, node: &'n Node<'n>, what: &str) -> Option<&'n [Node<'n>]> {
        match &node.kind {
            NodeKind::List(items) => Some(items),
            _ => {
                self.problem(node.span, format!("{what} must be a list, not {}", node.words()));
                None
            }
        }
    }

    /// A text, as it is written.
    pub(super) fn raw_text<'n>(&mut self, node: &'n Node<'n>, what: &str) -> Option<&'n str> {
        match node.text() {
            Some(text) if !node.is_null() => Some(text),
            _ => {
                self.problem(node.span, format!("{what} must be a text, not {}", node.words()));
                None
            }
        }
    }

    /// true or false.
    pub(super) fn bool(&mut self, node: &Node<'_>, what: &str) -> Option<bool> {
        match node.text() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            text => {
                let found = text.map_or_else(|| node.words().to_owned(), |text| format!("`{text}`"));
                let help = text.and_then(not_bool);
                self.problem_with_help(node.span, format!("{what} must be true or false, not {found}"), help);
                None
            }
        }
    }
}
