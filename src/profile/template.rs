//! `${…}`: inputs and constants are filled in at once, values of the target stay open.

use crate::check::{DocumentPath, Piece, Root, Step, Variable, VariableStep};
use crate::profile::decode::{Decoder, Meaning};
use crate::profile::source::Span;
use crate::profile::yaml::{Node, NodeKind};
use crate::value::{Value, lossless};

/// One scalar of a place that takes one or several.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    pub(super) span: Span,
    pub(super) pieces: Vec<Piece>,
    /// Whether it was written without quotes and without `${…}`.
    pub(super) plain: bool,
}

impl Scalar {
    /// Whether a value of the target is in it.
    pub(super) fn is_open(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Variable(_)))
    }
}

/// Scalars, and whether they were a list.
pub(super) struct Scalars {
    pub(super) items: Vec<Scalar>,
    pub(super) list: bool,
}

/// A variable whose value may be known.
enum Resolved {
    Known { value: Value, regex: bool },
    Open(Variable),
}

impl Decoder<'_> {
    /// The scalars of a node: one, or those of a list; known lists are spliced in.
    ///
    /// `as_pattern`: an input of type regex acts as a pattern and is taken as it is written.
    pub(super) fn scalars(&mut self, node: &Node<'_>, what: &str, as_pattern: bool) -> Option<Scalars> {
        match &node.kind {
            NodeKind::List(nodes) => {
                let mut items = Vec::new();
                let mut sound = true;
                for node in nodes {
                    match self.scalar(node, what, as_pattern) {
                        Some(mut scalars) => items.append(&mut scalars.items),
                        None => sound = false,
                    }
                }
                sound.then_some(Scalars { items, list: true })
            }
            _ => self.scalar(node, what, as_pattern),
        }
    }

    fn scalar(&mut self, node: &Node<'_>, what: &str, as_pattern: bool) -> Option<Scalars> {
        let NodeKind::Scalar { text, plain } = &node.kind else {
            self.problem(node.span, format!("{what} must be a single value, not {}", node.words()));
            return None;
        };
        let span = node.span;
        if !text.contains("${") {
            let pieces = vec![Piece::Written(text.to_string())];
            return Some(Scalars { items: vec![Scalar { span, pieces, plain: *plain }], list: false });
        }
        let (pieces, regex) = self.pieces(text, span)?;
        let written = |value: &Value| match value {
            Value::Text(text) if regex && as_pattern => Piece::Written(lossless(text)),
            other => Piece::Value(other.clone()),
        };
        if let [Piece::Value(Value::List(values))] = pieces.as_slice() {
            let items = values.iter().map(|value| Scalar { span, pieces: vec![written(value)], plain: false });
            return Some(Scalars { items: items.collect(), list: true });
        }
        let pieces = pieces.iter().map(|piece| match piece {
            Piece::Value(value) => written(value),
            piece => piece.clone(),
        });
        Some(Scalars { items: vec![Scalar { span, pieces: pieces.collect(), plain: false }], list: false })
    }

    /// A sentence: text in which only inputs and constants are filled in.
    pub(super) fn sentence(&mut self, node: &Node<'_>, what: &str) -> Option<String> {
        let text = self.raw_text(node, what)?;
        if !text.contains("${") {
            return Some(text.to_owned());
        }
        let (pieces, _) = self.pieces(text, node.span)?;
        let mut sentence = String::new();
        for piece in &pieces {
            match piece {
                Piece::Written(text) => sentence.push_str(text),
                Piece::Value(value) => sentence.push_str(&value.plain()),
                Piece::Variable(variable) => {
                    let message = format!(
                        "${{{}}} is only known while the target is scanned; {what} cannot use it",
                        variable.written
                    );
                    self.problem(node.span, message);
                    return None;
                }
            }
        }
        Some(sentence)
    }

    /// The pieces of a text, and whether a regex input is among them.
    pub(super) fn pieces(&mut self, text: &str, span: Span) -> Option<(Vec<Piece>, bool)> {
        let mut pieces = Vec::new();
        let mut written = String::new();
        let mut regex = false;
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let (before, from) = rest.split_at(at);
            if let Some(before) = before.strip_suffix('$') {
                written.push_str(before);
                written.push_str("${");
                rest = from.get(2..).unwrap_or_default();
                continue;
            }
            written.push_str(before);
            let inner = from.get(2..).unwrap_or_default();
            let Some(end) = end_of_variable(inner) else {
                let help = Some("write `$${` for the text `${` itself".to_owned());
                self.problem_with_help(span, "`${` is not closed by `}`", help);
                return None;
            };
            let (name, after) = inner.split_at(end);
            if !written.is_empty() {
                pieces.push(Piece::Written(std::mem::take(&mut written)));
            }
            match self.variable(name, span)? {
                Resolved::Known { value, regex: is_regex } => {
                    regex |= is_regex;
                    pieces.push(Piece::Value(value));
                }
                Resolved::Open(variable) => pieces.push(Piece::Variable(variable)),
            }
            rest = after.get(1..).unwrap_or_default();
        }
        written.push_str(rest);
        if !written.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Written(written));
        }
        if pieces.len() > 1 {
            for piece in &pieces {
                if let Piece::Value(Value::List(_) | Value::Map(_)) = piece {
                    self.problem(span, "a list or a map cannot stand inside a text; write `${…}` alone");
                    return None;
                }
            }
        }
        Some((pieces, regex))
    }

    /// What the inside of `${…}` stands for.
    fn variable(&mut self, written: &str, span: Span) -> Option<Resolved> {
        let end = written.find(['.', '[']).unwrap_or(written.len());
        let (name, path) = written.split_at(end);
        let mut steps = self.steps(written, path, span)?;
        let (root, regex) = if name == "inputs" {
            if steps.is_empty() {
                self.problem_with_help(span, "`inputs` is all inputs", Some("write ${inputs.NAME}".to_owned()));
                return None;
            }
            let VariableStep::Known(Step::Key(input)) = steps.remove(0) else {
                self.problem(span, format!("${{{written}}} must name an input after `inputs.`"));
                return None;
            };
            let input = lossless(&input);
            let Some(known) = self.inputs.get(&input) else {
                let names: Vec<String> = self.inputs.names().map(str::to_owned).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                self.unknown(span, format!("there is no input `{input}`"), &input, &names);
                return None;
            };
            let Some(value) = &known.value else {
                // Reported once, where the input is declared.
                return None;
            };
            (Root::Known(value.clone()), known.is_regex())
        } else {
            let Some(at) = self.names.iter().rposition(|known| known.name == name) else {
                let mut known: Vec<String> = self.names.iter().map(|known| known.name.clone()).collect();
                known.push("inputs".to_owned());
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                self.unknown(span, format!("${{{written}}}: there is no name `{name}` here"), name, &known);
                return None;
            };
            self.named(at, written, name, &steps, span)?
        };
        let Root::Known(value) = &root else {
            return Some(Resolved::Open(Variable { written: written.to_owned(), root, steps }));
        };
        let mut known = Vec::new();
        for step in &steps {
            match step {
                VariableStep::Known(step) => known.push(step.clone()),
                VariableStep::Of(_) => {
                    return Some(Resolved::Open(Variable { written: written.to_owned(), root, steps }));
                }
            }
        }
        match DocumentPath::new(written.to_owned(), known).find(value) {
            Value::Nil => {
                self.problem(span, format!("${{{written}}} leads nowhere: the value is {}", value.inspect()));
                None
            }
            value => Some(Resolved::Known { value, regex }),
        }
    }

    /// What a name of `let` or `each` stands for.
    fn named(
        &mut self,
        at: usize,
        written: &str,
        name: &str,
        steps: &[VariableStep],
        span: Span,
    ) -> Option<(Root, bool)> {
        match self.names.get_mut(at).map(|name| &mut name.meaning)? {
            Meaning::Known { value, regex } => Some((Root::Known(value.clone()), *regex)),
            Meaning::Taken { secret: true } if !self.unseen => {
                let help = Some("it can be the `content` of parse_config, json, …".to_owned());
                self.problem_with_help(
                    span,
                    format!("the value of `{name}` is never shown, so nothing can be called by it"),
                    help,
                );
                None
            }
            Meaning::Taken { .. } => Some((Root::Name(name.to_owned()), false)),
            Meaning::Row { columns, used } => {
                let column = match steps.first() {
                    Some(VariableStep::Known(Step::Key(column))) => lossless(column),
                    _ => String::new(),
                };
                // A table whose columns only the file knows has the column `*`.
                let any = !column.is_empty() && columns.iter().any(|known| known == "*");
                if any || columns.contains(&column) {
                    if !used.contains(&column) {
                        used.push(column);
                    }
                    return Some((Root::Name(name.to_owned()), false));
                }
                let columns = columns.clone();
                let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
                let message = match column.is_empty() {
                    true => format!("${{{written}}} must name a column, as in ${{{name}.COLUMN}}"),
                    false => format!("`{name}` has no column `{column}`"),
                };
                self.unknown(span, message, &column, &columns);
                None
            }
        }
    }

    /// The steps after the name: `.key`, `['key']`, `[0]`, `[name]`, `.*`.
    fn steps(&mut self, written: &str, path: &str, span: Span) -> Option<Vec<VariableStep>> {
        let mut steps = Vec::new();
        let mut rest = path;
        while !rest.is_empty() {
            // A bare word in brackets is a variable; all else is as in the paths of documents.
            if let Some((word, after)) = rest.strip_prefix('[').and_then(|inner| inner.split_once(']'))
                && word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            {
                let step = match self.variable(word, span)? {
                    Resolved::Known { value, .. } => VariableStep::Known(Step::key(value.plain().as_bytes())),
                    Resolved::Open(variable) => VariableStep::Of(Box::new(variable)),
                };
                steps.push(step);
                rest = after;
                continue;
            }
            let end = if rest.starts_with('[') {
                rest.find("']").map(|at| at + 2).or_else(|| rest.find(']').map(|at| at + 1)).unwrap_or(rest.len())
            } else {
                rest.get(1..).and_then(|inner| inner.find(['.', '['])).map_or(rest.len(), |at| at + 1)
            };
            let (one, after) = rest.split_at(end);
            match DocumentPath::typed(one.strip_prefix('.').unwrap_or(one)) {
                Ok(path) => steps.extend(path.into_steps().into_iter().map(VariableStep::Known)),
                Err(error) => {
                    self.problem(span, format!("${{{written}}}: {error}"));
                    return None;
                }
            }
            rest = after;
        }
        Some(steps)
    }
}

/// Where the `}` of a variable is; one inside quotes does not count.
fn end_of_variable(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, char) in text.char_indices() {
        match (quote, char) {
            (None, '}') => return Some(at),
            (None, '\'' | '"') => quote = Some(char),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    None
}
