//! `csv`: a table whose columns the file names.

use crate::parse::csv::csv;
use crate::resource::{
    Argument, Arguments, Asked, Columns, Context, Label, NoAnswer, Property, Resource, Row, Shape, Table, Takes, Type,
};
use crate::value::{Value, lossless};

pub(super) const CSV: Resource = Resource {
    name: "csv",
    summary: "The rows of a CSV file; its first row names the columns.",
    label: Label::WithArgument("CSV"),
    arguments: &[
        Argument { name: "path", takes: Takes::Path, summary: "Absolute path inside the target.", required: false },
        Argument { name: "content", takes: Takes::Text, summary: "The text itself.", required: false },
        Argument {
            name: "no_header",
            takes: Takes::Bool,
            summary: "The first row is a row like the others; the columns are called 1, 2, 3 …",
            required: false,
        },
    ],
    one_of: &["path", "content"],
    shape: Shape::Table { columns: Columns::Fixed(COLUMNS), read },
};

const COLUMNS: &[Property] = &[Property::new("*", Type::Text, "Any column that the file has.")];

fn read(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let header = !arguments.flag("no_header");
    let (name, sheet) = match (arguments.text("content"), arguments.text("path").unwrap_or_default()) {
        (Some(content), _) => ("content".to_owned(), csv(content, header)),
        (None, path) => (lossless(path), csv(&context.read(path)?, header)),
    };
    let sheet =
        sheet.map_err(|error| NoAnswer::Error(format!("{name}: {}", lossless(error.to_string().as_bytes()))))?;
    let rows = sheet.rows.into_iter().map(|(line, cells)| Row {
        cells: cells.into_iter().map(|cell| Ok(Value::Text(cell))).collect(),
        place: format!("{name}:{line}"),
    });
    Ok(Table { rows: rows.collect(), columns: sheet.columns, ..Table::default() })
}
