//! Inputs: what a profile declares, and what the auditor gives. The auditor's word wins: `--input` over input files
//! (a later file over an earlier one) over the word of an overlay over the profile's own value.

use std::sync::Arc;

use crate::check::{core_scalar, to_value};
use crate::outcome::InputFacts;
use crate::parse::version::Scheme;
use crate::pattern::Pattern;
use crate::profile::decode::{Decoder, Field, not_bool};
use crate::profile::source::{Place, Problem, Source, Span};
use crate::profile::test::ValuePlace;
use crate::profile::yaml::{self, Node, NodeKind};
use crate::resource::Type;
use crate::value::{Text, Value};

/// What an input holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    String,
    Int,
    Number,
    Bool,
    Mode,
    Path,
    Regex,
    Date,
    Version,
    List,
    Map,
}

pub(super) const INPUT_KEYS: [&str; 5] = ["type", "of", "value", "desc", "required"];
pub(super) const KINDS: [(&str, Kind); 11] = [
    ("string", Kind::String),
    ("int", Kind::Int),
    ("number", Kind::Number),
    ("bool", Kind::Bool),
    ("mode", Kind::Mode),
    ("path", Kind::Path),
    ("regex", Kind::Regex),
    ("date", Kind::Date),
    ("version", Kind::Version),
    ("list", Kind::List),
    ("map", Kind::Map),
];

impl Kind {
    /// The type of a value of this kind, or of an element.
    pub(super) fn holds(self) -> Type {
        match self {
            Kind::String | Kind::Path | Kind::Regex => Type::Text,
            Kind::Int | Kind::Number => Type::Int,
            Kind::Bool => Type::Bool,
            Kind::Mode => Type::Mode,
            Kind::Date => Type::Time,
            Kind::Version => Type::Version(Scheme::General),
            Kind::List | Kind::Map => Type::Data,
        }
    }

    /// InSpec's word.
    fn inspec(self) -> &'static str {
        match self {
            Kind::Int | Kind::Number => "Numeric",
            Kind::Bool => "Boolean",
            Kind::Regex => "Regexp",
            Kind::List => "Array",
            Kind::Map => "Hash",
            _ => "String",
        }
    }
}

/// One input of a profile.
#[derive(Clone, Debug)]
pub(super) struct Input {
    name: String,
    kind: Kind,
    of: Kind,
    pub(super) value: Option<Value>,
    description: String,
    required: bool,
}

impl Input {
    /// Whether its texts are patterns.
    pub(super) fn is_regex(&self) -> bool {
        self.kind == Kind::Regex || (matches!(self.kind, Kind::List | Kind::Map) && self.of == Kind::Regex)
    }

    pub(super) fn is_required(&self) -> bool {
        self.required
    }

    /// What a test on it tests.
    pub(super) fn place(&self) -> ValuePlace {
        match self.kind {
            Kind::List => ValuePlace { list: true, ..ValuePlace::of(self.of.holds()) },
            kind => ValuePlace::of(kind.holds()),
        }
    }
}

/// The inputs of a profile, in the order of their declaration.
#[derive(Clone, Debug, Default)]
pub(super) struct Inputs(Vec<Input>);

impl Inputs {
    pub(super) fn get(&self, name: &str) -> Option<&Input> {
        self.0.iter().find(|input| input.name == name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|input| input.name.as_str())
    }

    /// For the report.
    pub(super) fn facts(&self) -> Vec<InputFacts> {
        let facts = |input: &Input| InputFacts {
            name: input.name.clone(),
            kind: input.kind.inspec(),
            value: input.value.as_ref().map(json),
            description: input.description.clone(),
            required: input.required,
        };
        self.0.iter().map(facts).collect()
    }
}

/// What the auditor gives.
#[derive(Debug, Default)]
pub struct GivenInputs {
    /// Input files, in order: YAML maps of names and values.
    pub files: Vec<Arc<Source>>,
    /// `NAME=VALUE` from the command line, in order.
    pub values: Vec<(String, String)>,
}

impl GivenInputs {
    /// Whether a problem is about what was given, not about a profile.
    pub fn gave(&self, problem: &Problem) -> bool {
        problem.place.as_ref().is_some_and(|place| {
            place.file().starts_with(COMMAND_LINE) || self.files.iter().any(|file| *file.name == *place.file())
        })
    }
}

/// What stands before the name of an input from the command line, where a problem shows its place.
const COMMAND_LINE: &str = "--input ";

impl Decoder<'_> {
    /// The inputs that a profile declares, with the values of the profile above it and the auditor's.
    pub(super) fn declared_inputs(
        &mut self,
        node: &Node<'_>,
        above: Option<(&Arc<Source>, &Node<'_>)>,
        given: &GivenInputs,
    ) -> Inputs {
        let mut inputs = Inputs::default();
        let Some(fields) = self.entries(node, "inputs") else { return inputs };
        for field in &fields.0 {
            if field.name == "inputs" || !is_name(field.name) {
                let help = Some("letters, digits, _ and -, beginning with a letter; `inputs` is reserved".to_owned());
                self.problem_with_help(field.key, format!("`{}` cannot be the name of an input", field.name), help);
                continue;
            }
            if let Some(input) = self.declared_input(field, above, given) {
                inputs.0.push(input);
            }
        }
        inputs
    }

    fn declared_input(
        &mut self,
        field: &Field<'_>,
        above: Option<(&Arc<Source>, &Node<'_>)>,
        given: &GivenInputs,
    ) -> Option<Input> {
        let Field { name, key, value: node } = *field;
        let fields = self.fields(node, "an input", &INPUT_KEYS)?;
        let kind_of = |decoder: &mut Self, which: &str, otherwise: Kind| match fields.get(which) {
            None => Some(otherwise),
            Some(node) => {
                let found = node.text().and_then(|text| KINDS.iter().find(|(word, _)| *word == text));
                if found.is_none() {
                    let known: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
                    decoder.unknown(
                        node.span,
                        format!("unknown type of input `{name}`"),
                        node.text().unwrap_or_default(),
                        &known,
                    );
                }
                found.map(|(_, kind)| *kind)
            }
        };
        let kind = kind_of(self, "type", Kind::String)?;
        let of = kind_of(self, "of", Kind::String)?;
        let description =
            fields.get("desc").and_then(|node| self.raw_text(node, "desc")).unwrap_or_default().to_owned();
        let required = fields.get("required").and_then(|node| self.bool(node, "required")).unwrap_or(false);
        let problems = self.problems.len();
        let mut value =
            fields.get("value").and_then(|node| value(self.source, &mut self.problems, node, kind, of, name));
        if let Some((source, above)) = above
            && let Some(node) = above.get(name)
        {
            value = self::value(source, &mut self.problems, node, kind, of, name);
        }
        for file in &given.files {
            let Ok(root) = yaml::parse(file) else { continue };
            if let Some(node) = root.get(name) {
                value = self::value(file, &mut self.problems, node, kind, of, name);
            }
        }
        for (_, text) in given.values.iter().filter(|(given, _)| given == name) {
            value = typed(text, kind, of, name, &mut self.problems);
        }
        // A wrong value is reported; where the input is used, it is one that is still to be given.
        let is_wrong = self.problems.len() > problems;
        if value.is_none() && required && !is_wrong {
            let help = Some(format!("give it with --input {name}=VALUE or in an --input-file"));
            self.problem_with_help(key, format!("input `{name}` is required and has no value"), help);
        }
        Some(Input { name: name.to_owned(), kind, of, value, description, required: required || is_wrong })
    }
}

/// Whether a text can be the name of an input, a condition, a `let` or an `each`.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|char| char.is_ascii_alphanumeric() || char == '_' || char == '-')
}

/// A value from the command line: raw text, or YAML for lists and maps.
fn typed(text: &str, kind: Kind, of: Kind, name: &str, problems: &mut Vec<Problem>) -> Option<Value> {
    let source = Arc::new(Source::new(format!("{COMMAND_LINE}{name}"), text));
    if matches!(kind, Kind::List | Kind::Map) {
        return match yaml::parse(&source) {
            Ok(node) => value(&source, problems, &node, kind, of, name),
            Err(mut found) => {
                problems.append(&mut found);
                None
            }
        };
    }
    let span = Span { start: 0, end: u32::try_from(text.len()).unwrap_or(u32::MAX) };
    let node = Node { span, kind: NodeKind::Scalar { text: text.into(), plain: false } };
    value(&source, problems, &node, kind, of, name)
}

/// The value of a node as an input of this kind.
fn value(
    source: &Arc<Source>,
    problems: &mut Vec<Problem>,
    node: &Node<'_>,
    kind: Kind,
    of: Kind,
    name: &str,
) -> Option<Value> {
    let mut problem = |node: &Node<'_>, message: String, help: Option<String>| {
        problems.push(Problem { place: Some(Place::new(source, node.span)), message, help });
    };
    match (kind, &node.kind) {
        (Kind::List, NodeKind::List(items)) => {
            let values: Vec<Option<Value>> =
                items.iter().map(|item| value(source, problems, item, of, Kind::String, name)).collect();
            values.into_iter().collect::<Option<_>>().map(Value::List)
        }
        (Kind::Map, NodeKind::Map(entries)) => {
            let values: Vec<Option<(Text, Value)>> = entries
                .iter()
                .map(|(key, node)| {
                    let value = value(source, problems, node, of, Kind::String, name)?;
                    Some((Text::from(key.text()?.as_bytes()), value))
                })
                .collect();
            values.into_iter().collect::<Option<_>>().map(Value::Map)
        }
        (Kind::List | Kind::Map, _) => {
            let what = if kind == Kind::List { "list" } else { "map" };
            problem(node, format!("input `{name}` must be a {what}, not {}", node.words()), None);
            None
        }
        (_, NodeKind::Scalar { text, plain }) if !node.is_null() => {
            if kind == Kind::Regex
                && let Err(error) = Pattern::new(text)
            {
                problem(node, format!("input `{name}`: /{text}/ is no pattern: {error}"), None);
                return None;
            }
            if kind == Kind::Int && *plain && matches!(core_scalar(text), Value::Float(_)) {
                problem(node, format!("input `{name}` must be a whole number, not `{text}`"), None);
                return None;
            }
            let found = to_value(kind.holds(), &Value::text(text.as_bytes()));
            if found.is_none() {
                let help = match kind {
                    Kind::Mode => Some("modes are octal and begin with 0, such as 0640".to_owned()),
                    Kind::Bool => not_bool(text),
                    _ => None,
                };
                problem(node, format!("input `{name}` must be {}, not `{text}`", kind.holds().words()), help);
            }
            found
        }
        _ => {
            problem(node, format!("input `{name}` must be {}, not {}", kind.holds().words(), node.words()), None);
            None
        }
    }
}

/// A value as JSON, for the report.
pub(super) fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Nil => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(number) => i64::try_from(*number).map_or_else(|_| number.to_string().into(), Into::into),
        Value::Float(number) => (*number).into(),
        Value::Mode(_) | Value::Time(_) | Value::Text(_) | Value::Version(..) => value.plain().into(),
        Value::List(items) => items.iter().map(json).collect::<Vec<_>>().into(),
        Value::Map(entries) => {
            let entry = |(key, value): &(Text, Value)| (crate::value::lossless(key), json(value));
            serde_json::Value::Object(entries.iter().map(entry).collect())
        }
    }
}
