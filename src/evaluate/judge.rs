//! Values against expectations: the status of one result, and the words that go with it.

use crate::check::{
    Asks, Expectation, MAX_PARTS, Matcher, Test, Truth, expected_words, negated_patterns, reading, truth,
};
use crate::outcome::Status;
use crate::parse::lines;
use crate::resource::{NoAnswer, Table};
use crate::value::Value;

/// How many offenders a message names; the rest is counted.
const NAMED_OFFENDERS: usize = 20;

/// A value against a test. A `secret` value is judged but never shown.
pub(super) fn judge(test: &Test, value: &Value, secret: bool) -> Status {
    match truth(test, value, false) {
        Truth::Yes => return Status::Passed,
        Truth::Unknown => return Status::Error(too_many_parts()),
        Truth::No | Truth::Never => {}
    }
    let found = if secret { concealed(test, value) } else { reading(value) };
    Status::Failed(expected_and_got(test, &found))
}

/// Why a value could not be judged.
pub(super) fn too_many_parts() -> String {
    format!("split makes more than {MAX_PARTS} parts of the value")
}

fn expected_and_got(test: &Test, found: &str) -> String {
    format!("expected: {}\n     got: {found}", expected_words(test))
}

/// A value that must not be shown: its size, and the lines that it fails by.
fn concealed(test: &Test, value: &Value) -> String {
    let text = match value {
        Value::Nil => return "nil".to_owned(),
        Value::Text(text) => text,
        Value::List(items) => return concealed_list(test, items),
        _ => return "a value that is not shown".to_owned(),
    };
    let patterns = negated_patterns(test);
    let matching = lines(text).filter(|(_, line)| patterns.iter().any(|pattern| pattern.is_match(line)));
    let numbers: Vec<String> = matching.map(|(number, _)| number.to_string()).collect();
    let size = format!("{} bytes that are not shown", text.len());
    if numbers.is_empty() { size } else { format!("{size}, matching in line {}", named(&numbers, ", ")) }
}

/// How many values there are, and the places of those that alone would not pass.
fn concealed_list(test: &Test, items: &[Value]) -> String {
    let fails = |item: &Value| truth(test, &Value::List(vec![item.clone()]), false) != Truth::Yes;
    let failing = items.iter().enumerate().filter(|(_, item)| fails(item));
    let numbers: Vec<String> = failing.map(|(place, _)| (place + 1).to_string()).collect();
    let count = format!("{} values that are not shown", items.len());
    match numbers.len() {
        // All of them, or the list as a whole.
        0 => count,
        all if all == items.len() => count,
        _ => format!("{count}, of which these do not pass: number {}", named(&numbers, ", ")),
    }
}

/// The rows of a table against an expectation. A table that is not whole cannot pass; an offender in it is one all the
/// same.
pub(super) fn judge_table(expectation: &Expectation, table: &Table, none_ok: bool, secret: bool) -> Status {
    let test = &expectation.test;
    let count = table.rows.len();
    match &expectation.asks {
        Asks::Exist if table.incomplete.is_empty() || count > 0 => judge(test, &Value::Bool(count > 0), false),
        Asks::Count if table.incomplete.is_empty() => {
            let places: Vec<String> = table.rows.iter().map(|row| row.place.clone()).collect();
            with_places(judge(test, &Value::Int(count as i128), false), &places)
        }
        Asks::Exist | Asks::Count => incomplete(&table.incomplete),
        Asks::List(_, column) => {
            let (values, mut missed) = column_of(table, column);
            missed.extend(table.incomplete.iter().cloned());
            let offended = !values.is_empty() && !could_still_pass(test);
            let status = judge(test, &Value::List(values), secret);
            let decided = missed.is_empty() || (offended && matches!(status, Status::Failed(_)));
            if decided { with_places(status, &offending(test, table, column)) } else { incomplete(&missed) }
        }
        Asks::Column(column) => judge_rows(test, table, column, none_ok, secret),
        Asks::Property(_) | Asks::Path(_) => Status::Error("a table has no such property".to_owned()),
    }
}

fn judge_rows(test: &Test, table: &Table, column: &str, none_ok: bool, secret: bool) -> Status {
    let (mut offenders, mut missed, mut unasked) = (Vec::new(), table.incomplete.clone(), Vec::new());
    let place = table.column(column);
    missed.extend(unknown(table, column));
    for row in &table.rows {
        match place.and_then(|place| row.cells.get(place)) {
            None if place.is_none() => {}
            Some(Ok(value)) => match truth(test, value, false) {
                Truth::Yes => {}
                Truth::Unknown => missed.push(format!("{}: {}", row.place, too_many_parts())),
                _ if secret => offenders.push(format!("{}: not shown", row.place)),
                _ => offenders.push(format!("{}: {}", row.place, reading(value))),
            },
            Some(Err(NoAnswer::Unanswerable(reason))) => unasked.push(reason.clone()),
            Some(Err(error)) => missed.push(error.text().to_owned()),
            None => missed.push(format!("{} has no {column}", row.place)),
        }
    }
    match () {
        () if !offenders.is_empty() => Status::Failed(expected_and_got(test, &named(&offenders, "\n          "))),
        () if !missed.is_empty() => incomplete(&missed),
        () if !unasked.is_empty() => Status::Skipped(named(&unasked, "; ")),
        () if !table.rows.is_empty() || none_ok => Status::Passed,
        () if table.absent.is_empty() => Status::Skipped("there is no row to look at".to_owned()),
        () => Status::Skipped(format!("there is no row to look at; nothing exists at {}", table.absent.join(", "))),
    }
}

fn column_of(table: &Table, column: &str) -> (Vec<Value>, Vec<String>) {
    let (mut values, mut missed) = (Vec::new(), Vec::from_iter(unknown(table, column)));
    let place = table.column(column);
    for row in &table.rows {
        match place.and_then(|place| row.cells.get(place)) {
            None if place.is_none() => {}
            Some(Ok(value)) => values.push(value.clone()),
            Some(Err(error)) => missed.push(error.text().to_owned()),
            None => missed.push(format!("{} has no {column}", row.place)),
        }
    }
    (values, missed)
}

/// That a table lacks a column: only the file says which there are, and without rows nothing else would tell.
fn unknown(table: &Table, column: &str) -> Option<String> {
    table.column(column).is_none().then(|| format!("there is no column {column}"))
}

fn incomplete(missed: &[String]) -> Status {
    Status::Error(format!("not everything could be looked at: {}", named(missed, "; ")))
}

/// Where the rows are that would not pass alone; all rows when each of them would.
pub(super) fn offending(test: &Test, table: &Table, column: &str) -> Vec<String> {
    let place = table.column(column);
    let alone = |value: &Value| truth(test, &Value::List(vec![value.clone()]), false) == Truth::Yes;
    let offends = |cells: &[crate::resource::Cell]| match place.and_then(|place| cells.get(place)) {
        Some(Ok(value)) => !alone(value),
        _ => false,
    };
    let places = |all: bool| -> Vec<String> {
        let rows = table.rows.iter().filter(|row| all || offends(&row.cells));
        rows.map(|row| row.place.clone()).collect()
    };
    let offenders = places(false);
    if offenders.is_empty() { places(true) } else { offenders }
}

/// Where the rows are that do not pass.
pub(super) fn failing(test: &Test, table: &Table, column: &str) -> Vec<String> {
    let Some(place) = table.column(column) else { return Vec::new() };
    let fails = |value: &Value| matches!(truth(test, value, false), Truth::No | Truth::Never);
    let rows = table.rows.iter().filter(|row| matches!(row.cells.get(place), Some(Ok(value)) if fails(value)));
    rows.map(|row| row.place.clone()).collect()
}

/// Adds to a failure where it was found, unless the values that it names are the places.
fn with_places(status: Status, places: &[String]) -> Status {
    match status {
        Status::Failed(message) if !places.iter().take(NAMED_OFFENDERS).all(|place| message.contains(place)) => {
            Status::Failed(format!("{message}\n      at: {}", named(places, "\n          ")))
        }
        status => status,
    }
}

/// Whether more rows could make a failed test pass.
fn could_still_pass(test: &Test) -> bool {
    test.matchers.iter().any(|matcher| {
        matches!(
            matcher,
            Matcher::Is(_)
                | Matcher::Eq(_)
                | Matcher::Ne(_)
                | Matcher::Cmp(_)
                | Matcher::Includes(_)
                | Matcher::Any(_)
                | Matcher::Count(_)
                | Matcher::Empty(false)
                | Matcher::Unique(false)
                | Matcher::Not(_)
        )
    })
}

fn named(texts: &[String], between: &str) -> String {
    let mut named: Vec<String> = texts.iter().take(NAMED_OFFENDERS).cloned().collect();
    if texts.len() > NAMED_OFFENDERS {
        named.push(format!("… and {} more", texts.len() - NAMED_OFFENDERS));
    }
    named.join(between)
}
