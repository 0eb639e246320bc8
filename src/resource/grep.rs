//! `grep`: the lines of files that match a pattern, as a table.

use crate::parse::{MAX_ROWS, lines};
use crate::resource::{
    Argument, Arguments, Asked, Columns, Context, Label, NoAnswer, Property, Resource, Row, Shape, Table, Takes, Type,
};
use crate::value::{Value, lossless};

pub(super) const GREP: Resource = Resource {
    name: "grep",
    summary: "The lines of files that match a pattern; each named group of the pattern is a column.",
    label: Label::WithArgument("Grep"),
    arguments: &[
        Argument { name: "paths", takes: Takes::Globs, summary: "Paths and globs of the files.", required: true },
        Argument { name: "match", takes: Takes::Pattern, summary: "The pattern, tried on each line.", required: true },
        Argument {
            name: "exclude",
            takes: Takes::Names,
            summary: "Names or paths that are left out.",
            required: false,
        },
    ],
    one_of: &[],
    shape: Shape::Table { columns: Columns::AndGroups(COLUMNS), read },
};

const COLUMNS: &[Property] = &[
    Property::new("path", Type::Text, "The file.").plural("paths"),
    Property::new("line_number", Type::Int, "Number of the line, from 1.").plural("line_numbers"),
    Property::new("line", Type::Text, "The whole line.").plural("lines"),
];

/// The most bytes that the matching lines may hold together.
const MAX_LINE_BYTES: usize = 32 << 20;

fn read(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let Some(pattern) = arguments.pattern("match") else {
        return Err(NoAnswer::Error("grep has no pattern".to_owned()));
    };
    let regex = pattern.regex().map_err(|error| NoAnswer::Error(error.to_string()))?;
    let groups: Vec<&str> = regex.capture_names().flatten().collect();
    let mut table = Table::new(COLUMNS);
    table.columns.extend(groups.iter().map(|group| (*group).to_owned()));
    let exclude = arguments.globs("exclude");
    let mut bytes = 0;
    table.absent = context.read_each(arguments, "", &mut |path, content| {
        if exclude.iter().any(|glob| glob.matches_path(path)) {
            return Ok(true);
        }
        let shown = lossless(path);
        for (number, line) in lines(&content).filter(|(_, line)| pattern.is_match(line)) {
            bytes += line.len();
            if table.rows.len() == MAX_ROWS || bytes > MAX_LINE_BYTES {
                table.incomplete.push(format!("{shown}:{number}: more matching lines than are kept"));
                return Ok(false);
            }
            let captures = regex.captures(line);
            let group = |name: &&str| {
                let found = captures.as_ref().and_then(|captures| captures.name(name));
                Ok(found.map_or(Value::Nil, |found| Value::text(found.as_bytes())))
            };
            let mut cells = vec![Ok(Value::text(path)), Ok(Value::Int(number as i128)), Ok(Value::text(line))];
            cells.extend(groups.iter().map(group));
            table.rows.push(Row { cells, place: format!("{shown}:{number}") });
        }
        Ok(true)
    })?;
    Ok(table)
}
