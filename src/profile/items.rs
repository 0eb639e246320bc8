//! Checks, groups, conditions: the entries of `checks` and what may stand in `applicable_if`, `only_if` and `if`.

use crate::check::{
    Asks, Check, Condition, Each, Expression, Gate, Group, GroupKind, InputCheck, Item, Let, Missing, Operand,
};
use crate::check::{Matcher, Piece, Subject, Test};
use crate::profile::decode::{Decoder, Field, Fields, Meaning, Name};
use crate::profile::input::is_name;
use crate::profile::test::ValuePlace;
use crate::profile::yaml::{Node, NodeKind};
use crate::resource::{REGISTRY, Shape};
use crate::value::{Text, Value};

/// How many checks a profile may hold, those that `each` repeats included.
const MAX_CHECKS: usize = 200_000;

/// Keys that stand beside the subject of an item.
const BESIDE: [&str; 8] = ["expect", "title", "missing", "none_ok", "then", "else", "checks", "reason"];
/// Items that are no resource.
pub(super) const OTHERS: [&str; 7] = ["manual", "input", "any_of", "all_of", "none_of", "if", "each"];
/// Items that are no condition.
pub(super) const NO_CONDITIONS: [&str; 3] = ["manual", "if", "each"];
pub(super) const EACH_KEYS: [&str; 4] = ["as", "in", "rows", "none_ok"];
/// Keys of a value of `let` beside its resource.
pub(super) const LET_KEYS: [&str; 2] = ["value", "default"];
pub(super) const INPUT_EXPECT_KEYS: [&str; 1] = ["value"];
/// What becomes of a check whose subject is missing.
pub(super) const MISSING: [(&str, Missing); 4] =
    [("skip", Missing::Skip), ("fail", Missing::Fail), ("pass", Missing::Pass), ("na", Missing::NotApplicable)];

/// Which keys may stand beside a subject in a list of checks.
pub(super) fn beside(subject: &str) -> &'static [&'static str] {
    match subject {
        "manual" | "any_of" | "all_of" | "none_of" => &["title"],
        "input" => &["expect", "title"],
        "if" => &["then", "else"],
        "each" => &["checks"],
        _ => &["expect", "title", "missing", "none_ok"],
    }
}

/// Which keys may stand beside a subject in a condition.
pub(super) fn beside_in_condition(subject: &str) -> &'static [&'static str] {
    match subject {
        "any_of" | "all_of" | "none_of" => &["reason"],
        "input" => &["expect", "reason"],
        _ => &["expect", "reason", "none_ok", "missing"],
    }
}

impl Decoder<'_> {
    /// The entries of a list of checks.
    pub(super) fn items(&mut self, node: &Node<'_>, what: &str, missing: Missing) -> Option<Vec<Item>> {
        let nodes = self.list(node, what)?;
        if nodes.is_empty() {
            self.problem(node.span, format!("{what} is empty"));
            return None;
        }
        let items: Vec<Option<Vec<Item>>> = nodes.iter().map(|node| self.item(node, missing)).collect();
        let mut items: Vec<Item> = items.into_iter().collect::<Option<Vec<_>>>()?.into_iter().flatten().collect();
        items.shrink_to_fit();
        Some(items)
    }

    /// One entry; `each` over a known list gives several.
    fn item(&mut self, node: &Node<'_>, missing: Missing) -> Option<Vec<Item>> {
        self.checks += 1;
        if self.checks == MAX_CHECKS {
            self.problem(
                node.span,
                format!("a profile holds at most {MAX_CHECKS} checks, those that each repeats included"),
            );
        }
        if self.checks >= MAX_CHECKS {
            return None;
        }
        let fields = self.entries(node, "a check")?;
        let subject = self.subject_key(node, &fields)?;
        let title = match fields.get("title") {
            Some(node) => Some(self.sentence(node, "title")?),
            None => None,
        };
        let allowed = beside(subject.name);
        let mut sound = true;
        for field in fields.0.iter().filter(|field| field.name != subject.name && !allowed.contains(&field.name)) {
            self.unknown(
                field.key,
                format!("`{}` does not go with `{}`", field.name, subject.name),
                field.name,
                allowed,
            );
            sound = false;
        }
        let items = match subject.name {
            "manual" => {
                let text = self.expression(subject.value, "manual")?;
                vec![Item::Manual { text, title }]
            }
            "input" => vec![Item::Input(Box::new(self.input_check(subject, &fields, title)?))],
            "any_of" => vec![self.group(subject, GroupKind::AnyOf, title, missing)?],
            "all_of" => vec![self.group(subject, GroupKind::AllOf, title, missing)?],
            "none_of" => vec![self.group(subject, GroupKind::NoneOf, title, missing)?],
            "if" => {
                let condition = self.condition(subject.value);
                let Some(then) = fields.get("then") else {
                    self.problem(subject.key, "`if` needs `then`");
                    return None;
                };
                let then = self.items(then, "then", missing);
                let otherwise = match fields.get("else") {
                    Some(node) => self.items(node, "else", missing),
                    None => Some(Vec::new()),
                };
                vec![Item::If { condition: condition?, then: then?, otherwise: otherwise? }]
            }
            "each" => {
                let Some(checks) = fields.get("checks") else {
                    self.problem(subject.key, "`each` needs `checks`");
                    return None;
                };
                self.each(subject.value, checks, missing)?
            }
            _ => vec![Item::Check(Box::new(self.check(subject, &fields, title, missing)?))],
        };
        sound.then_some(items)
    }

    /// The key that says what an item is: a resource or one of the others.
    fn subject_key<'n, 'f>(&mut self, node: &Node<'_>, fields: &'f Fields<'n>) -> Option<&'f Field<'n>> {
        let mut candidates = fields.0.iter().filter(|field| !BESIDE.contains(&field.name));
        let Some(first) = candidates.next() else {
            let help = Some(format!("name a resource (file, directory, find, grep …) or {}", OTHERS.join(", ")));
            self.problem_with_help(node.span, "this says nothing to look at", help);
            return None;
        };
        if let Some(second) = candidates.next() {
            let known: Vec<&str> = names().chain(OTHERS).collect();
            // Of two keys, the one that is no known word is the mistake.
            let (wrong, known): (&Field<'_>, Vec<&str>) =
                match (known.contains(&first.name), known.contains(&second.name)) {
                    (true, true) => {
                        self.problem(
                            second.key,
                            format!("a check has one subject: both `{}` and `{}` are named", first.name, second.name),
                        );
                        return None;
                    }
                    (false, _) => (first, known),
                    (true, false) => (second, BESIDE.to_vec()),
                };
            self.unknown(wrong.key, format!("unknown key `{}` in a check", wrong.name), wrong.name, &known);
            return None;
        }
        if !names().chain(OTHERS).any(|known| known == first.name) {
            let known: Vec<&str> = names().chain(OTHERS).collect();
            self.unknown_resource(first.key, first.name, &known);
            return None;
        }
        Some(first)
    }

    /// A resource with its expectations.
    fn check(
        &mut self,
        subject: &Field<'_>,
        fields: &Fields<'_>,
        title: Option<String>,
        missing: Missing,
    ) -> Option<Check> {
        let missing = match fields.get("missing") {
            Some(node) => self.missing(node),
            None => Some(missing),
        };
        let none_ok = match fields.get("none_ok") {
            Some(node) => self.bool(node, "none_ok"),
            None => Some(false),
        };
        let known = self.subject(subject, title);
        let Some(expect) = fields.get("expect") else {
            self.problem(subject.key, format!("`{}` needs `expect`", subject.name));
            return None;
        };
        let known = known?;
        let expectations = self.expectations(expect, &known)?;
        Some(Check { subject: known, expectations, missing: missing?, none_ok: none_ok? })
    }

    /// skip, fail, pass or na.
    pub(super) fn missing(&mut self, node: &Node<'_>) -> Option<Missing> {
        let found = node.text().unwrap_or_else(|| node.words());
        let missing = MISSING.iter().find(|(word, _)| *word == found).map(|(_, missing)| *missing);
        if missing.is_none() {
            let known = MISSING.map(|(word, _)| word);
            self.unknown(node.span, format!("`missing` does not know `{found}`"), found, &known);
        }
        missing
    }

    fn group(&mut self, field: &Field<'_>, kind: GroupKind, title: Option<String>, missing: Missing) -> Option<Item> {
        let nodes = self.list(field.value, field.name)?;
        if nodes.is_empty() {
            self.problem(field.key, format!("{} is empty", field.name));
            return None;
        }
        let alternatives: Vec<Option<Vec<Item>>> = nodes
            .iter()
            .map(|node| match node.kind {
                NodeKind::List(_) => self.items(node, "an alternative", missing),
                _ => self.item(node, missing),
            })
            .collect();
        let alternatives = alternatives.into_iter().collect::<Option<Vec<_>>>()?;
        Some(Item::Group(Group { kind, alternatives, title }))
    }

    /// `{as: NAME, in: LIST | rows: TABLE, none_ok: …}` and the checks that are repeated.
    pub(super) fn each(&mut self, node: &Node<'_>, checks: &Node<'_>, missing: Missing) -> Option<Vec<Item>> {
        let fields = self.fields(node, "each", &EACH_KEYS)?;
        let Some(name) = fields.get("as") else {
            self.problem(node.span, "`each` needs `as`, the name of what it goes over");
            return None;
        };
        let name = self.name(name)?;
        let none_ok = match fields.get("none_ok") {
            Some(node) => self.bool(node, "none_ok")?,
            None => false,
        };
        match (fields.get("in"), fields.get("rows")) {
            (Some(list), None) => self.each_in(&name, list, none_ok, checks, missing),
            (None, Some(rows)) => {
                let rows_fields = self.entries(rows, "rows")?;
                let subject = match rows_fields.0.as_slice() {
                    [one] => self.subject(one, None)?,
                    _ => {
                        self.problem(rows.span, "`rows` names one table");
                        return None;
                    }
                };
                let columns = self.column_names(&subject);
                if !matches!(subject.resource.shape, Shape::Table { .. } | Shape::Walk) {
                    self.problem(rows.span, format!("{} is no table", subject.resource.name));
                    return None;
                }
                let meaning = Meaning::Row { columns, used: Vec::new() };
                self.names.push(Name { name: name.clone(), meaning });
                let items = self.items(checks, "checks", missing);
                let used = match self.names.pop().map(|name| name.meaning) {
                    Some(Meaning::Row { used, .. }) => used,
                    _ => Vec::new(),
                };
                let is_secret =
                    |column: &&String| subject.resource.property(column).is_some_and(|column| column.secret);
                if let Some(column) = used.iter().find(is_secret) {
                    self.problem(rows.span, format!("`{column}` is never shown, so nothing can be named by it"));
                    return None;
                }
                Some(vec![Item::Each(Box::new(Each { name, rows: subject, columns: used, none_ok, items: items? }))])
            }
            _ => {
                self.problem(node.span, "`each` needs either `in` or `rows`");
                None
            }
        }
    }

    /// The checks once for every element of a known list, or every entry of a known map.
    fn each_in(
        &mut self,
        name: &str,
        list: &Node<'_>,
        none_ok: bool,
        checks: &Node<'_>,
        missing: Missing,
    ) -> Option<Vec<Item>> {
        let values: Vec<(Value, bool)> = match &list.kind {
            NodeKind::Scalar { text, .. } if text.starts_with("${") => {
                let (pieces, regex) = self.pieces(text, list.span)?;
                match pieces.as_slice() {
                    [Piece::Value(Value::List(values))] => values.iter().map(|value| (value.clone(), regex)).collect(),
                    [Piece::Value(Value::Map(entries))] => {
                        let entry = |(key, value): &(Text, Value)| {
                            let pair = [(&b"key"[..], Value::Text(key.clone())), (&b"value"[..], value.clone())];
                            (Value::Map(pair.into_iter().map(|(key, value)| (Text::from(key), value)).collect()), regex)
                        };
                        entries.iter().map(entry).collect()
                    }
                    _ => {
                        self.problem(list.span, "`in` takes a list or a map that is known before the scan; for rows of the target write `rows`");
                        return None;
                    }
                }
            }
            NodeKind::List(_) => {
                let scalars = self.scalars(list, "in", false)?;
                let mut values = Vec::new();
                for scalar in &scalars.items {
                    if scalar.is_open() {
                        self.problem(scalar.span, "`in` must be known before the scan");
                        return None;
                    }
                    let holds = if scalar.plain { crate::resource::Type::Text } else { crate::resource::Type::Data };
                    values.push((self.known(scalar, holds, "in")?, false));
                }
                values
            }
            _ => {
                self.problem(list.span, format!("`in` takes a list or a map, not {}", list.words()));
                return None;
            }
        };
        if values.is_empty() {
            return Some(vec![Item::Nothing { what: format!("the list that `{name}` goes over"), none_ok }]);
        }
        let mut all = Vec::new();
        for (value, regex) in values {
            self.names.push(Name { name: name.to_owned(), meaning: Meaning::Known { value, regex } });
            let reported = self.problems.len();
            let items = self.items(checks, "checks", missing);
            self.names.pop();
            match items {
                Some(items) => all.extend(items),
                // The other rounds would report the same again.
                None if self.problems.len() > reported => return None,
                None => return None,
            }
        }
        Some(all)
    }

    /// A name of `let`, `each` or a condition.
    pub(super) fn name(&mut self, node: &Node<'_>) -> Option<String> {
        let name = self.raw_text(node, "a name")?;
        if is_name(name) && name != "inputs" {
            return Some(name.to_owned());
        }
        let help = Some("letters, digits, _ and -, beginning with a letter; `inputs` is reserved".to_owned());
        self.problem_with_help(node.span, format!("`{name}` cannot be a name"), help);
        None
    }

    fn expression(&mut self, node: &Node<'_>, what: &str) -> Option<Expression> {
        let text = self.raw_text(node, what)?;
        let (pieces, _) = self.pieces(text, node.span)?;
        Some(Expression::Scalar(pieces))
    }

    /// `input: NAME`, alone (true) or with `expect: {value: …}`.
    fn input_check(&mut self, field: &Field<'_>, fields: &Fields<'_>, title: Option<String>) -> Option<InputCheck> {
        let name = self.raw_text(field.value, "input")?;
        let Some(input) = self.inputs.get(name) else {
            let known: Vec<String> = self.inputs.names().map(str::to_owned).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            self.unknown(field.value.span, format!("there is no input `{name}`"), name, &known);
            return None;
        };
        let Some(value) = input.value.clone() else {
            if !input.is_required() {
                self.problem(field.value.span, format!("input `{name}` has no value"));
            }
            return None;
        };
        let place = input.place();
        let test = match fields.get("expect") {
            None if matches!(value, Value::Bool(_)) => {
                let matchers = vec![Matcher::Is(Operand::Known(Value::Bool(true)))];
                Test { modifiers: None, by: crate::check::By::Exact, matchers }
            }
            None => {
                let help = Some("only a bool stands alone; else write `expect: {value: …}`".to_owned());
                self.problem_with_help(field.value.span, format!("nothing is expected of input `{name}`"), help);
                return None;
            }
            Some(expect) => {
                let fields = self.fields(expect, "expect of an input", &INPUT_EXPECT_KEYS)?;
                let Some(node) = fields.get("value") else {
                    self.problem(expect.span, "expect of an input needs `value`");
                    return None;
                };
                self.test(node, place, "value")?
            }
        };
        Some(InputCheck { name: name.to_owned(), value, test, title })
    }

    /// A condition with its reason, for `applicable_if` and `only_if`.
    pub(super) fn gate(&mut self, node: &Node<'_>) -> Option<Gate> {
        let reason = match node.get("reason") {
            Some(reason) => Some(self.sentence(reason, "reason")?),
            None => None,
        };
        Some(Gate { condition: self.condition(node)?, reason })
    }

    /// A condition: a name, a check, a list (all of), or any_of, all_of, none_of.
    pub(super) fn condition(&mut self, node: &Node<'_>) -> Option<Condition> {
        let several = |decoder: &mut Self, node: &Node<'_>, what: &str| -> Option<Vec<Condition>> {
            let nodes = decoder.list(node, what)?;
            if nodes.is_empty() {
                decoder.problem(node.span, format!("{what} is empty"));
                return None;
            }
            let conditions: Vec<Option<Condition>> = nodes.iter().map(|node| decoder.condition(node)).collect();
            conditions.into_iter().collect()
        };
        match &node.kind {
            NodeKind::Scalar { text, .. } => match text.as_ref() {
                "live" => Some(Condition::Live),
                name => match self.conditions.iter().position(|known| known == name) {
                    Some(place) => Some(Condition::Named(place)),
                    None => {
                        let known: Vec<&str> = self.conditions.iter().map(String::as_str).chain(["live"]).collect();
                        self.unknown(node.span, format!("there is no condition `{name}` here"), name, &known);
                        None
                    }
                },
            },
            NodeKind::List(_) => Some(Condition::AllOf(several(self, node, "a list of conditions")?)),
            NodeKind::Map(_) => {
                let fields = self.entries(node, "a condition")?;
                let subject = self.subject_key(node, &fields)?;
                if NO_CONDITIONS.contains(&subject.name) {
                    let help =
                        "a condition is a name, a check, an input, a list, or any_of, all_of, none_of of conditions";
                    let message = format!("`{}` cannot be a condition", subject.name);
                    self.problem_with_help(subject.key, message, Some(help.to_owned()));
                    return None;
                }
                let allowed = beside_in_condition(subject.name);
                for field in
                    fields.0.iter().filter(|field| field.name != subject.name && !allowed.contains(&field.name))
                {
                    let message = format!("`{}` does not go with `{}` in a condition", field.name, subject.name);
                    self.unknown(field.key, message, field.name, allowed);
                }
                match subject.name {
                    "any_of" => Some(Condition::AnyOf(several(self, subject.value, "any_of")?)),
                    "all_of" => Some(Condition::AllOf(several(self, subject.value, "all_of")?)),
                    "none_of" => Some(Condition::NoneOf(several(self, subject.value, "none_of")?)),
                    "input" => Some(Condition::Input(self.input_check(subject, &fields, None)?)),
                    _ => Some(Condition::Check(Box::new(self.check(subject, &fields, None, Missing::Skip)?))),
                }
            }
        }
    }

    /// `let: {NAME: {RESOURCE: …, value: PATH, default: V}}`.
    pub(super) fn lets(&mut self, node: &Node<'_>) -> Option<Vec<Let>> {
        let fields = self.entries(node, "let")?;
        let mut lets = Vec::new();
        let mut sound = true;
        for field in &fields.0 {
            if !is_name(field.name) || field.name == "inputs" {
                self.problem(field.key, format!("`{}` cannot be a name", field.name));
                sound = false;
                continue;
            }
            let taken = self.taken(field);
            let secret = taken.as_ref().is_some_and(is_secret);
            self.names.push(Name { name: field.name.to_owned(), meaning: Meaning::Taken { secret } });
            match taken {
                Some(taken) => lets.push(taken),
                None => sound = false,
            }
        }
        sound.then_some(lets)
    }

    fn taken(&mut self, field: &Field<'_>) -> Option<Let> {
        let fields = self.entries(field.value, "a value of let")?;
        let mut subjects = fields.0.iter().filter(|field| !LET_KEYS.contains(&field.name));
        let (Some(subject), None) = (subjects.next(), subjects.next()) else {
            self.problem(field.value.span, "a value of let names one resource, `value` and perhaps `default`");
            return None;
        };
        let subject: Subject = self.subject(subject, None)?;
        let Some(value) = fields.get("value") else {
            self.problem(field.value.span, "a value of let needs `value`: which value of the resource is taken");
            return None;
        };
        let path = self.raw_text(value, "value")?;
        let (asks, place) = self.asks(path, value.span, &subject)?;
        if let Asks::Column(column) = &asks {
            self.problem(value.span, format!("`{column}` has a value in every row; take the list: `rows.{column}`"));
            return None;
        }
        let default = match fields.get("default") {
            Some(node) => match self.operand(node, ValuePlace { list: true, ..place }, "default")? {
                Operand::Known(value) => Some(value),
                Operand::Open(..) => {
                    self.problem(node.span, "default must be known before the scan");
                    return None;
                }
            },
            None => None,
        };
        Some(Let { name: field.name.to_owned(), subject, asks, default })
    }
}

/// Whether a value is one that is never shown.
fn is_secret(taken: &Let) -> bool {
    let property = |name: &str| taken.subject.resource.property(name).is_some_and(|asked| asked.secret);
    match &taken.asks {
        Asks::Path(path) => path.is_secret(),
        Asks::Property(name) => property(name),
        Asks::List(_, name) | Asks::Column(name) => property(name),
        Asks::Count | Asks::Exist => false,
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    REGISTRY.iter().map(|resource| resource.name)
}
