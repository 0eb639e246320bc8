//! The reference of the resources: the registry in words, as text, as Markdown and as JSON.

use std::fmt::Write;

use serde_json::{Value as Json, json};

use crate::resource::{Argument, Columns, INSPEC_NAMES, Keys, Property, REGISTRY, Resource, Shape, Takes, Type};

/// All resources, a line each.
pub fn list() -> String {
    table(REGISTRY.iter().map(|resource| vec![resource.name.to_owned(), resource.summary.to_owned()]).collect())
}

/// One resource, for a terminal.
pub fn text(resource: &Resource) -> String {
    let mut out = format!("{}: {}\n\n{}\n", resource.name, resource.summary, sentences(resource, ""));
    if !resource.arguments.is_empty() {
        let rows = resource.arguments.iter().map(|argument| {
            let words = with_notes(argument.summary, &argument_notes(resource, argument));
            vec![format!("  {}", argument.name), takes(argument).to_owned(), words]
        });
        let _ = write!(out, "\nArguments\n{}", table(rows.collect()));
    }
    let properties = resource.properties();
    if !properties.is_empty() {
        let rows = properties.iter().map(|property| {
            let words = with_notes(property.summary, &property_notes(property));
            vec![format!("  {}", shown(resource, property)), holds(property).to_owned(), words]
        });
        let _ = write!(out, "\n{}\n{}", heading(resource), table(rows.collect()));
    }
    out
}

/// Some resources as the page of documentation on all of them is made.
pub fn markdown(resources: &[&Resource]) -> String {
    resources.iter().map(|resource| section(resource)).collect::<Vec<_>>().join("\n")
}

/// What there is instead of resources of InSpec's, as a section of that page.
pub fn inspec_names() -> String {
    let mut out = "## InSpec's names\n\nMost resources have the names that InSpec gives them. Of the others:\n\n\
        | InSpec | here |\n| --- | --- |\n"
        .to_owned();
    for (names, instead) in INSPEC_NAMES {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(out, "| {} | {instead} |", names.join(", "));
    }
    out
}

fn section(resource: &Resource) -> String {
    let mut out = format!("## {}\n\n{}\n\n{}\n", resource.name, resource.summary, sentences(resource, "`"));
    let cell = |text: &str| text.replace('|', "\\|");
    if !resource.arguments.is_empty() {
        out.push_str("\n| argument | takes | |\n| --- | --- | --- |\n");
        for argument in resource.arguments {
            let words = with_notes(argument.summary, &argument_notes(resource, argument));
            let _ = writeln!(out, "| `{}` | {} | {} |", argument.name, takes(argument), cell(&words));
        }
    }
    let properties = resource.properties();
    if !properties.is_empty() {
        let _ = write!(out, "\n| {} | holds | |\n| --- | --- | --- |\n", heading(resource).to_lowercase());
        for property in properties {
            let words = with_notes(property.summary, &property_notes(property));
            let _ = writeln!(out, "| `{}` | {} | {} |", shown(resource, property), holds(property), cell(&words));
        }
    }
    out
}

/// One resource, for programs.
pub fn json(resource: &Resource) -> Json {
    let arguments = resource.arguments.iter().map(|argument| {
        json!({
            "name": argument.name,
            "takes": argument.takes.name(),
            "required": argument.required,
            "summary": argument.summary,
        })
    });
    let properties = resource.properties().into_iter().map(|property| {
        json!({
            "name": property.name,
            "plural": Some(property.plural).filter(|plural| !plural.is_empty()),
            "type": property.holds.name(),
            "existence": property.existence,
            "secret": property.secret,
            "summary": property.summary,
        })
    });
    let shape = match resource.shape {
        Shape::Object { .. } => "object",
        Shape::Table { .. } | Shape::Walk => "table",
        Shape::Document { .. } => "document",
    };
    json!({
        "name": resource.name,
        "summary": resource.summary,
        "shape": shape,
        "arguments": arguments.collect::<Vec<_>>(),
        "one_of": resource.one_of,
        "properties": properties.collect::<Vec<_>>(),
    })
}

fn heading(resource: &Resource) -> &'static str {
    match resource.shape {
        Shape::Table { .. } | Shape::Walk => "Columns",
        Shape::Object { .. } | Shape::Document { .. } => "Properties",
    }
}

/// What can be expected of it, with this mark around what a profile writes.
fn sentences(resource: &Resource, mark: &str) -> String {
    let code = |text: &str| format!("{mark}{text}{mark}");
    let expected = match &resource.shape {
        Shape::Object { .. } => format!("{} names its properties.", code("expect")),
        Shape::Table { columns, .. } => of_table(&code, matches!(columns, Columns::AndGroups(_))),
        Shape::Walk => of_table(&code, false),
        Shape::Document { keys: Keys::Data, .. } => {
            format!("A key of {} is a path such as {}; values have types.", code("expect"), code("a.b[0]['x.y']"))
        }
        Shape::Document { keys: Keys::XPath, .. } => {
            format!("A key of {} is an XPath such as {}; values are texts.", code("expect"), code("/a/b[@c='d']/@e"))
        }
        Shape::Document { keys: Keys::Text { sections, fold_case }, .. } => {
            let section = if *sections { format!(", or {}", code("section/key")) } else { String::new() };
            let case = if *fold_case { "; its case does not count" } else { "" };
            format!("A key of {} is a key of the file{section}{case}. Values are texts.", code("expect"))
        }
    };
    match resource.one_of {
        [] => expected,
        [one] => format!("{expected} {} must be given.", code(one)),
        several => {
            let names: Vec<String> = several.iter().map(|name| code(name)).collect();
            format!("{expected} Exactly one of {} must be given.", names.join(", "))
        }
    }
}

fn of_table(code: &dyn Fn(&str) -> String, groups: bool) -> String {
    let groups =
        if groups { format!("Each named group of {} is a column, too. ", code("match")) } else { String::new() };
    format!(
        "A table: {} chooses rows. {groups}A column is tested row by row; its plural, and {} of any column, is the \
         list of all rows. {} and {} are of the table.",
        code("where"),
        code("rows.COLUMN"),
        code("count"),
        code("exist"),
    )
}

/// A name with its plural, as a profile would write it.
fn shown(resource: &Resource, property: &Property) -> String {
    // The star stands for a name of the target's.
    let name = property.name.replace('*', "NAME");
    let one = property.plural.is_empty() || matches!(resource.shape, Shape::Object { .. });
    if one { name } else { format!("{name}, {}", property.plural) }
}

/// What a property holds. The many words for a kind of file would push all others aside: they are a note.
fn holds(property: &Property) -> &'static str {
    if property.holds == Type::Kind { "a kind of file" } else { property.holds.words() }
}

/// What an argument takes.
fn takes(argument: &Argument) -> &'static str {
    if argument.takes == Takes::Kind { "a kind of file" } else { argument.takes.words() }
}

fn argument_notes(resource: &Resource, argument: &Argument) -> Vec<&'static str> {
    let bare = resource.arguments.first().is_some_and(|first| first.name == argument.name);
    notes(&[
        (argument.required, "required"),
        (bare, "a bare value is this one"),
        (argument.takes == Takes::Kind, Type::Kind.words()),
    ])
}

fn property_notes(property: &Property) -> Vec<&'static str> {
    notes(&[
        (property.existence, "false for what is missing"),
        (property.secret, "never shown"),
        (property.holds == Type::Kind, Type::Kind.words()),
    ])
}

fn notes(notes: &[(bool, &'static str)]) -> Vec<&'static str> {
    notes.iter().filter_map(|(is, note)| is.then_some(*note)).collect()
}

fn with_notes(summary: &str, notes: &[&str]) -> String {
    if notes.is_empty() { summary.to_owned() } else { format!("{summary} ({})", notes.join("; ")) }
}

/// Rows with columns that stand below each other.
fn table(rows: Vec<Vec<String>>) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut out = String::new();
    for row in &rows {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:0$}", width(column)));
        let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    out
}
