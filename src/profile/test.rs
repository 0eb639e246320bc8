//! What is expected of a value: scalars, matchers and modifiers, read by the type of their place.

use crate::check::{
    By, Expression, Matcher, Modifiers, Operand, Order, PatternOperand, Piece, Test, core_scalar, is_null, pattern,
    to_value,
};
use crate::parse::version::Scheme;
use crate::pattern::Pattern;
use crate::profile::decode::{Decoder, Field, Fields, not_bool};
use crate::profile::source::{Span, nearest};
use crate::profile::template::Scalar;
use crate::profile::yaml::{Node, NodeKind};
use crate::resource::Type;
use crate::value::{Value, from_lossless, parse_mode};

/// What kind of value is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ValuePlace {
    /// The type of the value, or of each element of a list.
    pub(super) holds: Type,
    /// Whether it is a list for sure.
    pub(super) list: bool,
}

impl ValuePlace {
    pub(super) fn of(holds: Type) -> ValuePlace {
        match holds {
            Type::Texts => ValuePlace { holds: Type::Text, list: true },
            Type::Ints => ValuePlace { holds: Type::Int, list: true },
            holds => ValuePlace { holds, list: false },
        }
    }

    pub(super) fn element(self) -> ValuePlace {
        ValuePlace { list: false, ..self }
    }

    fn by(self) -> By {
        match self.holds {
            Type::Untyped => By::Untyped,
            Type::Version(scheme) => By::Version(scheme),
            Type::Time => By::Time,
            _ => By::Exact,
        }
    }

    /// Whether it can be split, and read as another type.
    pub(super) fn is_text(self) -> bool {
        matches!(self.holds, Type::Text | Type::Untyped | Type::Data)
    }

    /// Whether a list may stand here.
    pub(super) fn may_be_list(self) -> bool {
        self.list || matches!(self.holds, Type::Untyped | Type::Data)
    }

    /// Whether a matcher makes sense here.
    pub(super) fn fits(self, matcher: &str) -> bool {
        let text = matches!(self.holds, Type::Text | Type::Texts | Type::Kind | Type::Untyped | Type::Data);
        let open = matches!(self.holds, Type::Untyped | Type::Data);
        match matcher {
            "eq" | "ne" | "nil" | "not" => true,
            "in" | "not_in" => self.holds != Type::Bool,
            "lt" | "le" | "gt" | "ge" | "between" => {
                open || matches!(self.holds, Type::Int | Type::Ints | Type::Time | Type::Version(_))
            }
            "cmp" => text || matches!(self.holds, Type::Int | Type::Ints | Type::Mode),
            "match" | "start_with" | "end_with" => text || matches!(self.holds, Type::Version(_)),
            "includes" | "excludes" | "empty" => text || self.list,
            "unique" | "all" | "any" | "none" | "count" => self.may_be_list(),
            "subset_of" => self.may_be_list() || self.holds == Type::Text,
            "at_most" | "any_bits" | "all_bits" => self.holds == Type::Mode,
            _ => false,
        }
    }
}

/// All matchers.
pub(super) const MATCHERS: [&str; 27] = [
    "eq",
    "ne",
    "cmp",
    "match",
    "includes",
    "excludes",
    "in",
    "not_in",
    "lt",
    "le",
    "gt",
    "ge",
    "between",
    "start_with",
    "end_with",
    "empty",
    "nil",
    "unique",
    "all",
    "any",
    "none",
    "count",
    "at_most",
    "any_bits",
    "all_bits",
    "subset_of",
    "not",
];

pub(super) const MODIFIERS: [&str; 4] = ["default", "split", "ignore", "as"];
/// What a text can be read as.
pub(super) const CONVERSIONS: [(&str, Type); 5] = [
    ("int", Type::Int),
    ("number", Type::Int),
    ("mode", Type::Mode),
    ("version", Type::Version(Scheme::General)),
    ("date", Type::Time),
];
/// What a comparison can leave out.
pub(super) const IGNORABLE: [&str; 2] = ["case", "whitespace"];

impl Decoder<'_> {
    /// A test: a scalar, a list, or a map of matchers and modifiers.
    pub(super) fn test(&mut self, node: &Node<'_>, place: ValuePlace, what: &str) -> Option<Test> {
        if node.is_null() {
            let help = Some("to expect that there is no value, write `nil: true`".to_owned());
            self.problem_with_help(node.span, format!("nothing is expected of {what}"), help);
            return None;
        }
        if !matches!(node.kind, NodeKind::Map(_)) {
            let operand = self.operand(node, place, what)?;
            return Some(Test { modifiers: None, by: place.by(), matchers: vec![Matcher::Is(operand)] });
        }
        let fields = self.entries(node, what)?;
        let (modifiers, place) = self.modifiers(&fields, place, what)?;
        let mut matchers = Vec::with_capacity(fields.0.len());
        let mut sound = true;
        for field in fields.0.iter().filter(|field| !MODIFIERS.contains(&field.name)) {
            match self.matcher(field, place, what) {
                Some(matcher) => matchers.push(matcher),
                None => sound = false,
            }
        }
        if !sound {
            return None;
        }
        if matchers.is_empty() {
            let help = Some("say what the value must be, such as `eq: VALUE`".to_owned());
            self.problem_with_help(node.span, format!("nothing is expected of {what}: there is no matcher"), help);
            return None;
        }
        let modified = fields.0.iter().any(|field| MODIFIERS.contains(&field.name));
        Some(Test { modifiers: modified.then(|| Box::new(modifiers)), by: place.by(), matchers })
    }

    /// The modifiers of a test, and the place as they leave it.
    fn modifiers(&mut self, fields: &Fields<'_>, place: ValuePlace, what: &str) -> Option<(Modifiers, ValuePlace)> {
        let mut modifiers = Modifiers::default();
        let mut place = place;
        let mut sound = true;
        if let Some(node) = fields.get("split") {
            let splittable = place.is_text();
            match self.raw_text(node, "split").map(|text| (text, Pattern::new(text))) {
                Some((_, Ok(pattern))) if splittable => modifiers.split = Some(pattern),
                Some((text, Err(error))) => {
                    self.problem(node.span, format!("split: /{text}/ is no pattern: {error}"));
                    sound = false;
                }
                Some(_) => {
                    self.problem(node.span, format!("{what} is {}, which cannot be split", place.holds.words()));
                    sound = false;
                }
                None => sound = false,
            }
            place.list = true;
            // The parts of a text are texts, whatever the document's own types are.
            if place.holds == Type::Data {
                place.holds = Type::Text;
            }
        }
        if let Some(node) = fields.get("as") {
            let found = node.text().unwrap_or_else(|| node.words());
            modifiers.convert = CONVERSIONS.iter().find(|(word, _)| *word == found).map(|(_, holds)| *holds);
            if modifiers.convert.is_none() {
                let known = CONVERSIONS.map(|(word, _)| word);
                self.unknown(node.span, format!("`as` does not know `{found}`"), found, &known);
                sound = false;
            }
            if let Some(convert) = modifiers.convert {
                if !place.is_text() {
                    self.problem(node.span, format!("{what} is {} already", place.holds.words()));
                    sound = false;
                }
                place.holds = convert;
            }
        }
        if let Some(node) = fields.get("ignore") {
            let words = match &node.kind {
                NodeKind::List(items) => items.iter().collect(),
                _ => vec![node],
            };
            for word in words {
                match word.text() {
                    Some("case") => modifiers.ignore_case = true,
                    Some("whitespace") => modifiers.ignore_whitespace = true,
                    other => {
                        let found = other.unwrap_or_else(|| word.words());
                        let message = format!("`ignore` does not know `{found}`");
                        self.unknown(word.span, message, found, &IGNORABLE);
                        sound = false;
                    }
                }
            }
        }
        if let Some(node) = fields.get("default") {
            // A default goes through split and as like a value of the target.
            let untouched = modifiers.split.is_none() && modifiers.convert.is_none();
            let holds = if untouched { place.holds } else { Type::Text };
            match self.operand(node, ValuePlace { holds, list: place.list && untouched }, "default") {
                Some(Operand::Known(value)) => modifiers.default = Some(value),
                Some(Operand::Open(..)) => {
                    self.problem(node.span, "default must be known before the scan");
                    sound = false;
                }
                None => sound = false,
            }
        }
        sound.then_some((modifiers, place))
    }

    fn matcher(&mut self, field: &Field<'_>, place: ValuePlace, what: &str) -> Option<Matcher> {
        if !place.fits(field.name) {
            self.unfit(field, place, what);
            return None;
        }
        let node = field.value;
        let element = place.element();
        Some(match field.name {
            "eq" => Matcher::Eq(self.operand(node, place, what)?),
            "ne" => Matcher::Ne(self.operand(node, place, what)?),
            "cmp" => Matcher::Cmp(self.operand(node, ValuePlace { holds: Type::Data, list: place.list }, what)?),
            "match" => Matcher::Match(self.patterns(node)?),
            "includes" => Matcher::Includes(self.operands(node, element, what)?),
            "excludes" => Matcher::Excludes(self.operands(node, element, what)?),
            "in" => Matcher::In(self.operands(node, element, what)?),
            "not_in" => Matcher::NotIn(self.operands(node, element, what)?),
            "subset_of" => Matcher::SubsetOf(self.operands(node, element, what)?),
            "lt" => Matcher::Compare(Order::Less, self.bound(node, element, what)?),
            "le" => Matcher::Compare(Order::AtMost, self.bound(node, element, what)?),
            "gt" => Matcher::Compare(Order::Greater, self.bound(node, element, what)?),
            "ge" => Matcher::Compare(Order::AtLeast, self.bound(node, element, what)?),
            "between" => match self.list(node, "between")? {
                [low, high] => {
                    let (low, high) = (self.bound(low, element, what), self.bound(high, element, what));
                    Matcher::Between(Box::new((low?, high?)))
                }
                _ => {
                    self.problem(node.span, "between takes two values: [lowest, highest]");
                    return None;
                }
            },
            "start_with" => Matcher::StartWith(self.operand(node, text_of(element), what)?),
            "end_with" => Matcher::EndWith(self.operand(node, text_of(element), what)?),
            "empty" => Matcher::Empty(self.bool(node, "empty")?),
            "nil" => Matcher::Nil(self.bool(node, "nil")?),
            "unique" => Matcher::Unique(self.bool(node, "unique")?),
            "all" => Matcher::All(Box::new(self.test(node, element, what)?)),
            "any" => Matcher::Any(Box::new(self.test(node, element, what)?)),
            "none" => Matcher::None(Box::new(self.test(node, element, what)?)),
            "count" => Matcher::Count(Box::new(self.test(node, ValuePlace::of(Type::Int), "count")?)),
            "not" => Matcher::Not(Box::new(self.test(node, place, what)?)),
            "at_most" => Matcher::AtMost(self.operand(node, element, what)?),
            "any_bits" => Matcher::AnyBits(self.operand(node, element, what)?),
            "all_bits" => Matcher::AllBits(self.operand(node, element, what)?),
            _ => return None,
        })
    }

    /// A matcher that does not fit its place, or is none.
    fn unfit(&mut self, field: &Field<'_>, place: ValuePlace, what: &str) {
        let fit: Vec<&str> = MATCHERS.into_iter().filter(|name| place.fits(name)).collect();
        let name = field.name;
        if MATCHERS.contains(&name) {
            let help = match (name, place.holds) {
                ("lt" | "le" | "gt" | "ge" | "between", Type::Text) => {
                    "texts have no order here; say what they are: `as: number`, `as: version` or `as: date`".to_owned()
                }
                ("at_most" | "any_bits" | "all_bits", Type::Untyped | Type::Data | Type::Text) => {
                    "say that the text is a mode: `as: mode`".to_owned()
                }
                _ => format!("what fits: {}", fit.join(", ")),
            };
            let message = format!("`{name}` does not fit {what}, which is {}", place.holds.words());
            return self.problem_with_help(field.key, message, Some(help));
        }
        let known: Vec<&str> = fit.iter().chain(&MODIFIERS).copied().collect();
        if place.holds == Type::Data && nearest(name, known.iter().copied()).is_none() {
            let help =
                Some(format!("to look deeper into the document, write the whole path as the key: `{what}.{name}`"));
            return self.problem_with_help(field.key, format!("unknown matcher `{name}`"), help);
        }
        self.unknown(field.key, format!("unknown matcher `{name}`"), name, &known);
    }

    /// One value to compare with; a list where lists may stand.
    pub(super) fn operand(&mut self, node: &Node<'_>, place: ValuePlace, what: &str) -> Option<Operand> {
        if let (NodeKind::Map(_), Type::Data) = (&node.kind, place.holds) {
            return self.document(node).map(Operand::Known);
        }
        if let NodeKind::Scalar { text, plain } = &node.kind
            && !text.contains("${")
        {
            return self.written(text, *plain, node.span, place.holds, what).map(Operand::Known);
        }
        let scalars = self.scalars(node, what, false)?;
        if scalars.list && !place.may_be_list() {
            let help = "for one of several values, write `in: [...]`".to_owned();
            self.problem_with_help(node.span, format!("{what} is {}, not a list", place.holds.words()), Some(help));
            return None;
        }
        if scalars.items.iter().any(Scalar::is_open) {
            for scalar in scalars.items.iter().filter(|scalar| !scalar.is_open()) {
                self.known(scalar, place.holds, what)?;
            }
            let mut items: Vec<Expression> =
                scalars.items.into_iter().map(|one| Expression::Scalar(one.pieces)).collect();
            let expression = match (scalars.list, items.pop()) {
                (false, Some(one)) => one,
                (_, last) => Expression::List(items.into_iter().chain(last).collect()),
            };
            return Some(Operand::Open(place.holds, expression));
        }
        let mut values: Vec<Value> =
            scalars.items.iter().map(|scalar| self.known(scalar, place.holds, what)).collect::<Option<_>>()?;
        Some(Operand::Known(if scalars.list { Value::List(values) } else { values.pop().unwrap_or(Value::Nil) }))
    }

    /// Several values to compare with, or one.
    fn operands(&mut self, node: &Node<'_>, place: ValuePlace, what: &str) -> Option<Vec<Operand>> {
        match &node.kind {
            NodeKind::List(nodes) => {
                let operands: Vec<Option<Operand>> = nodes.iter().map(|node| self.spliced(node, place, what)).collect();
                let operands: Option<Vec<Operand>> = operands.into_iter().collect();
                Some(operands?.into_iter().flat_map(flattened).collect())
            }
            _ => Some(flattened(self.spliced(node, place, what)?)),
        }
    }

    /// An element of a list of operands; a known list among them is spliced in.
    fn spliced(&mut self, node: &Node<'_>, place: ValuePlace, what: &str) -> Option<Operand> {
        self.operand(node, ValuePlace { list: true, ..place }, what)
    }

    /// A value that has an order: a number, unless the place is a version or a day.
    fn bound(&mut self, node: &Node<'_>, place: ValuePlace, what: &str) -> Option<Operand> {
        let holds = match (place.holds, node.text()) {
            (Type::Untyped | Type::Data, Some(text)) if written_in_octal(text) => {
                let help = "for a mode, write `as: mode`; for a number, leave the zero out";
                return self.octal(text, node.span, what, help);
            }
            (Type::Untyped | Type::Data, _) => Type::Int,
            (holds, _) => holds,
        };
        self.operand(node, ValuePlace { holds, list: false }, what)
    }

    /// The value of a scalar without open variables.
    pub(super) fn known(&mut self, scalar: &Scalar, holds: Type, what: &str) -> Option<Value> {
        match scalar.pieces.as_slice() {
            [Piece::Written(text)] => self.written(text, scalar.plain, scalar.span, holds, what),
            pieces => self.fitting(&crate::check::joined(pieces), scalar.span, holds, what),
        }
    }

    /// The value of a text, by what its place wants.
    fn written(&mut self, text: &str, plain: bool, span: Span, holds: Type, what: &str) -> Option<Value> {
        if plain && is_null(text) {
            let help = Some("for the text write \"null\" or \"\" in quotes; for no value `nil: true`".to_owned());
            self.problem_with_help(span, format!("null cannot be compared with {what}"), help);
            return None;
        }
        if matches!(holds, Type::Int | Type::Ints) && written_in_octal(text) {
            return self.octal(text, span, what, "leave the zero out");
        }
        match holds {
            Type::Data if plain => Some(core_scalar(text)),
            Type::Text | Type::Texts => Some(Value::text(from_lossless(text))),
            _ => self.fitting(&Value::text(text), span, holds, what),
        }
    }

    /// Refuses digits that some would take for a number of base eight.
    fn octal<T>(&mut self, text: &str, span: Span, what: &str, help: &str) -> Option<T> {
        let message = format!("{what} is a number, and `{text}` reads like an octal one");
        self.problem_with_help(span, message, Some(help.to_owned()));
        None
    }

    fn fitting(&mut self, value: &Value, span: Span, holds: Type, what: &str) -> Option<Value> {
        let fitting = to_value(holds, value);
        if fitting.is_none() {
            let text = value.plain();
            let help = match holds {
                Type::Mode if parse_mode(&format!("0{text}")).is_some() => {
                    Some(format!("modes are octal and begin with 0: 0{text}"))
                }
                Type::Bool => not_bool(&text),
                _ => None,
            };
            self.problem_with_help(span, format!("{what} must be {}, not `{text}`", holds.words()), help);
        }
        fitting
    }

    /// One pattern or several.
    fn patterns(&mut self, node: &Node<'_>) -> Option<Vec<PatternOperand>> {
        let scalars = self.scalars(node, "match", true)?;
        if scalars.items.is_empty() && !scalars.list {
            return None;
        }
        let mut patterns = Vec::with_capacity(scalars.items.len());
        let mut sound = true;
        for scalar in scalars.items {
            if scalar.is_open() {
                patterns.push(PatternOperand::Open(Expression::Scalar(scalar.pieces)));
                continue;
            }
            match pattern(&scalar.pieces) {
                Ok(pattern) => patterns.push(PatternOperand::Known(pattern)),
                Err(error) => {
                    self.problem(scalar.span, error);
                    sound = false;
                }
            }
        }
        if patterns.is_empty() && sound {
            self.problem(node.span, "match needs at least one pattern");
            return None;
        }
        sound.then_some(patterns)
    }

    /// A value of a document: maps and lists as they are written.
    fn document(&mut self, node: &Node<'_>) -> Option<Value> {
        match &node.kind {
            NodeKind::Scalar { .. } if node.is_null() => Some(Value::Nil),
            NodeKind::Scalar { .. } => match self.operand(node, ValuePlace::of(Type::Data), "the value")? {
                Operand::Known(value) => Some(value),
                Operand::Open(..) => {
                    self.problem(node.span, "a value of the target cannot stand inside a map");
                    None
                }
            },
            NodeKind::List(items) => {
                items.iter().map(|item| self.document(item)).collect::<Option<_>>().map(Value::List)
            }
            NodeKind::Map(entries) => {
                let entry = |(key, value): &(Node<'_>, Node<'_>)| {
                    Some((crate::value::Text::from(key.text()?.as_bytes()), self.document(value)?))
                };
                entries.iter().map(entry).collect::<Option<_>>().map(Value::Map)
            }
        }
    }
}

/// Whether a number is written as modes are: with a zero in front, which InSpec's `cmp` takes for octal.
fn written_in_octal(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0') && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'))
}

/// Texts begin and end with texts, whatever else their place may hold.
fn text_of(place: ValuePlace) -> ValuePlace {
    ValuePlace { holds: Type::Text, list: place.list }
}

fn flattened(operand: Operand) -> Vec<Operand> {
    match operand {
        Operand::Known(Value::List(values)) => values.into_iter().map(Operand::Known).collect(),
        other => vec![other],
    }
}
