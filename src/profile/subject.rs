//! Subjects and expectations: resources with their arguments, by the registry.

use std::borrow::Cow;

use crate::check::{Asks, DocumentPath, Expectation, Expression, Filter, Piece, Slot, Subject, Test, to_argument};
use crate::profile::decode::{Decoder, Field};
use crate::profile::source::Span;
use crate::profile::template::Scalar;
use crate::profile::test::ValuePlace;
use crate::profile::yaml::{Node, NodeKind};
use crate::resource::{Arg, Argument, Columns, Keys, REGISTRY, Resource, Shape, Takes, Type, resource};
use crate::value::{Text, Value, from_lossless, lossless};

/// A column as a profile may name it.
struct Column {
    name: String,
    plural: &'static str,
    holds: Type,
}

impl Decoder<'_> {
    /// A resource with its arguments.
    pub(super) fn subject(&mut self, field: &Field<'_>, title: Option<String>) -> Option<Subject> {
        let Some(resource) = resource(field.name) else {
            let known: Vec<&str> = REGISTRY.iter().map(|resource| resource.name).collect();
            self.unknown_resource(field.key, field.name, &known);
            return None;
        };
        let node = field.value;
        let mut filter = Filter::default();
        let given: Vec<(&Argument, &Node<'_>)> = match &node.kind {
            NodeKind::Map(_) => {
                let table = matches!(resource.shape, Shape::Table { .. } | Shape::Walk);
                let names = resource.arguments.iter().map(|argument| argument.name);
                let known: Vec<&str> = names.chain(table.then_some("where")).collect();
                let fields = self.fields(node, resource.name, &known)?;
                let argument =
                    |field: &Field<'_>| resource.arguments.iter().find(|argument| argument.name == field.name);
                fields.0.iter().filter_map(|field| Some((argument(field)?, field.value))).collect()
            }
            _ if node.is_null() => {
                let name = resource.name;
                let needed = resource.arguments.iter().find(|argument| argument.required).map(|argument| argument.name);
                let help = match needed.or(resource.one_of.first().copied()) {
                    Some(argument) => format!("say which: `{name}: {}`", argument.to_uppercase()),
                    None => format!("without arguments, write `{name}: {{}}`"),
                };
                self.problem_with_help(field.key, format!("`{name}` has no value"), Some(help));
                return None;
            }
            kind => {
                // A bare value is the first argument, a list the first one that takes several.
                let several = |argument: &&Argument| matches!(argument.takes, Takes::Globs);
                let argument = match kind {
                    NodeKind::List(_) => resource.arguments.iter().find(several),
                    _ => resource.arguments.first(),
                };
                let Some(argument) = argument else {
                    let (what, help) = match kind {
                        NodeKind::List(_) => {
                            ("list", "to repeat a check, write `each: {as: NAME, in: […]}`".to_owned())
                        }
                        _ => ("value", format!("write `{}: {{}}`", resource.name)),
                    };
                    self.problem_with_help(node.span, format!("{} takes no {what}", resource.name), Some(help));
                    return None;
                };
                vec![(argument, node)]
            }
        };
        let mut arguments = Vec::with_capacity(given.len());
        let mut sound = true;
        for argument in resource.arguments {
            match given.iter().find(|(given, _)| given.name == argument.name) {
                Some((_, node)) => match self.argument(argument, node) {
                    Some(slot) => arguments.push((argument.name, slot)),
                    None => sound = false,
                },
                None if argument.required => {
                    self.problem(field.key, format!("{} needs `{}`", resource.name, argument.name));
                    sound = false;
                }
                None => {}
            }
        }
        let alternatives = given.iter().filter(|(argument, _)| resource.one_of.contains(&argument.name)).count();
        if !resource.one_of.is_empty() && alternatives != 1 {
            let names = resource.one_of.join(", ");
            let message = match resource.one_of {
                [one] => format!("{} needs `{one}`", resource.name),
                _ => format!("{} needs exactly one of: {names}", resource.name),
            };
            self.problem(field.key, message);
            sound = false;
        }
        if !sound {
            return None;
        }
        if let Some(node) = node.get("where").filter(|_| matches!(node.kind, NodeKind::Map(_))) {
            filter = self.filter(node, resource, &arguments)?;
        }
        let written = format!("{} {}", resource.name, self.source.slice(node.span).lines().next().unwrap_or_default());
        Some(Subject { resource, arguments, filter, title, written })
    }

    fn argument(&mut self, argument: &Argument, node: &Node<'_>) -> Option<Slot> {
        if let NodeKind::Scalar { text, plain: true } = &node.kind
            && argument.takes == Takes::Path
            && text.starts_with('/')
            && !text.contains("${")
        {
            return Some(Slot::Known(Arg::Text(Text::from(from_lossless(text)))));
        }
        self.unseen = argument.name == "content";
        let scalars = self.scalars(node, argument.name, true);
        self.unseen = false;
        let scalars = scalars?;
        let takes = argument.takes;
        if scalars.list && !matches!(takes, Takes::Globs | Takes::Names) {
            self.problem(node.span, format!("{} takes one value, not a list", argument.name));
            return None;
        }
        if let Some(null) = scalars.items.iter().find(|scalar| {
            scalar.plain && matches!(scalar.pieces.as_slice(), [Piece::Written(text)] if text.is_empty())
        }) {
            self.problem(null.span, format!("{} has no value", argument.name));
            return None;
        }
        if scalars.items.iter().any(Scalar::is_open) {
            if matches!(takes, Takes::Pattern | Takes::Bool | Takes::Kind | Takes::Count) {
                self.problem(node.span, format!("{} must be known before the scan", argument.name));
                return None;
            }
            let items = scalars.items.into_iter().map(|scalar| Expression::Scalar(scalar.pieces)).collect();
            return Some(Slot::Open(takes, Expression::List(items)));
        }
        let as_glob = matches!(takes, Takes::Globs | Takes::Names);
        let pieces: Vec<Vec<Piece>> = scalars
            .items
            .into_iter()
            .map(|scalar| if as_glob { written(scalar.pieces) } else { scalar.pieces })
            .collect();
        match to_argument(takes, &pieces) {
            Ok(argument) => Some(Slot::Known(argument)),
            Err(error) => {
                self.problem(node.span, format!("{} {error}", argument.name));
                None
            }
        }
    }

    /// `where`: a map of tests, or a list of such maps.
    fn filter(
        &mut self,
        node: &Node<'_>,
        resource: &'static Resource,
        arguments: &[(&'static str, Slot)],
    ) -> Option<Filter> {
        let alternatives = match &node.kind {
            NodeKind::List(items) => items.iter().collect(),
            _ => vec![node],
        };
        let columns = columns(resource, arguments);
        let mut filter = Filter::default();
        let mut sound = !alternatives.is_empty();
        if alternatives.is_empty() {
            self.problem(node.span, "where is empty");
        }
        for alternative in alternatives {
            let fields = self.entries(alternative, "where")?;
            if fields.0.is_empty() {
                self.problem(alternative.span, "where is empty");
                sound = false;
            }
            let mut tests: Vec<(String, Test)> = Vec::new();
            for field in &fields.0 {
                let Some(column) = find_column(&columns, field.name) else {
                    self.unknown_column(field.key, resource, field.name, &columns, &[]);
                    sound = false;
                    continue;
                };
                match self.test(field.value, ValuePlace::of(column), field.name) {
                    Some(test) => tests.push((field.name.to_owned(), test)),
                    None => sound = false,
                }
            }
            filter.0.push(tests);
        }
        sound.then_some(filter)
    }

    /// `expect`: what must be, value by value.
    pub(super) fn expectations(&mut self, node: &Node<'_>, subject: &Subject) -> Option<Vec<Expectation>> {
        let fields = self.entries(node, "expect")?;
        if fields.0.is_empty() {
            self.problem(node.span, "expect is empty");
            return None;
        }
        let expectations: Vec<Option<Expectation>> = fields
            .0
            .iter()
            .map(|field| {
                let (asks, holds) = self.asks(field.name, field.key, subject)?;
                let test = self.test(field.value, holds, field.name)?;
                Some(Expectation { asks, test })
            })
            .collect();
        expectations.into_iter().collect()
    }

    /// Which value of a subject a name means, and of which type it is.
    pub(super) fn asks(&mut self, name: &str, span: Span, subject: &Subject) -> Option<(Asks, ValuePlace)> {
        let resource = subject.resource;
        match &resource.shape {
            Shape::Object { properties, .. } => match resource.property(name) {
                Some(property) => {
                    let known = property.name == name;
                    let name = if known { Cow::Borrowed(property.name) } else { Cow::Owned(name.to_owned()) };
                    Some((Asks::Property(name), ValuePlace::of(property.holds)))
                }
                None => {
                    let known: Vec<&str> = properties.iter().map(|property| property.name).collect();
                    self.unknown(span, format!("unknown property `{name}` of {}", resource.name), name, &known);
                    None
                }
            },
            Shape::Document { keys, .. } => {
                let (path, holds) = match keys {
                    Keys::Data => (DocumentPath::typed(name), Type::Data),
                    Keys::XPath => (DocumentPath::xpath(name), Type::Text),
                    Keys::Text { sections, fold_case } => {
                        (DocumentPath::literal(name, *sections, *fold_case), Type::Untyped)
                    }
                };
                match path {
                    Ok(path) if path.counts() => Some((Asks::Path(path), ValuePlace::of(Type::Int))),
                    Ok(path) => {
                        // XPath can always lead to several places.
                        let list = path.is_wild() || *keys == Keys::XPath;
                        Some((Asks::Path(path), ValuePlace { holds, list }))
                    }
                    Err(error) => {
                        self.problem(span, format!("`{name}` is no path: {error}"));
                        None
                    }
                }
            }
            Shape::Table { .. } | Shape::Walk => {
                let columns = columns(resource, &subject.arguments);
                let list = |holds: Type| ValuePlace { list: true, ..ValuePlace::of(holds) };
                match name {
                    "count" => return Some((Asks::Count, ValuePlace::of(Type::Int))),
                    "exist" => return Some((Asks::Exist, ValuePlace::of(Type::Bool))),
                    _ => {}
                }
                if let Some(column) = name.strip_prefix("rows.")
                    && let Some(holds) = find_column(&columns, column)
                {
                    return Some((Asks::List(name.to_owned(), column.to_owned()), list(holds)));
                }
                if let Some(holds) = find_column(&columns, name) {
                    return Some((Asks::Column(name.to_owned()), ValuePlace::of(holds)));
                }
                if let Some(column) = columns.iter().find(|column| !column.plural.is_empty() && column.plural == name) {
                    return Some((Asks::List(name.to_owned(), column.name.clone()), list(column.holds)));
                }
                self.unknown_column(span, resource, name, &columns, &["count", "exist"]);
                None
            }
        }
    }

    fn unknown_column(&mut self, span: Span, resource: &Resource, name: &str, columns: &[Column], more: &[&str]) {
        let plurals =
            columns.iter().map(|column| column.plural).filter(|plural| !plural.is_empty() && !more.is_empty());
        let known: Vec<&str> =
            columns.iter().map(|column| column.name.as_str()).chain(plurals).chain(more.iter().copied()).collect();
        self.unknown(span, format!("unknown column `{name}` of {}", resource.name), name, &known);
    }

    /// The names of all columns of a table, for `${row.column}`.
    pub(super) fn column_names(&mut self, subject: &Subject) -> Vec<String> {
        columns(subject.resource, &subject.arguments).into_iter().map(|column| column.name).collect()
    }
}

/// Of a glob, what is known beforehand is as good as written: only values of the target stand for themselves.
fn written(pieces: Vec<Piece>) -> Vec<Piece> {
    match pieces.as_slice() {
        [Piece::Value(Value::Text(text))] => vec![Piece::Written(lossless(text))],
        _ => pieces,
    }
}

fn columns(resource: &Resource, arguments: &[(&'static str, Slot)]) -> Vec<Column> {
    let fixed = resource.properties().into_iter();
    let mut columns: Vec<Column> = fixed
        .map(|property| Column { name: property.name.to_owned(), plural: property.plural, holds: property.holds })
        .collect();
    if let Shape::Table { columns: Columns::AndGroups(_), .. } = resource.shape
        && let Some((_, Slot::Known(Arg::Pattern(pattern)))) = arguments.iter().find(|(name, _)| *name == "match")
        && let Ok(regex) = pattern.regex()
    {
        let groups = regex.capture_names().flatten();
        columns.extend(groups.map(|name| Column { name: name.to_owned(), plural: "", holds: Type::Untyped }));
    }
    columns
}

fn find_column(columns: &[Column], name: &str) -> Option<Type> {
    let is = |column: &&Column| match column.name.strip_suffix('*') {
        Some(prefix) => name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()),
        None => column.name == name,
    };
    columns.iter().find(is).map(|column| column.holds)
}
