//! Documents, in assay's words.

use serde_json::{Value, json};

use crate::recording::Row;

/// What assay finds at places of which the recording says nil although the document has a value there: the entry, the
/// place, the value.
const LOST: [(usize, &str, &str); 19] = [
    (2, "[0]", "1"),
    (2, "[1].a", "2"),
    (6, "a", "2"),
    (10, "[0]", "1"),
    (10, "[1].a", "\"b\""),
    (11, "a", "2"),
    (15, "b", "2"),
    (15, "<<.a", "1"),
    (16, "a", "\"1\""),
    (16, "s/b", "\"2\""),
    // The section `s` itself: the key of it that no other place names.
    (16, "s/; c", "\"\""),
    (16, "s/d", "\"3\""),
    (16, "s.t/e", "\"4\""),
    (17, "a", "1"),
    (17, "s.b", "\"x\""),
    (17, "s.c[1]", "2"),
    (17, "s.d", "\"2020-01-01T00:00:00Z\""),
    (17, "arr[1].x", "2"),
    (19, "a.b.c", "1"),
];

/// The value at a place; for a document that InSpec could not read, any value.
pub(crate) fn questions(row: &Row) -> Vec<Value> {
    let format = row.subject["format"].as_str().unwrap();
    let (place, test) = match row.check.as_str() {
        "parse" => ("zz".to_owned(), json!({"nil": true})),
        "value" => value(format, row.arguments[0].as_array().unwrap(), &row.arguments[1]),
        other => panic!("no such question: {other}"),
    };
    vec![json!({format: {"content": row.subject["content"]}, "expect": {place: test}})]
}

fn value(format: &str, place: &[Value], found: &Value) -> (String, Value) {
    let test = match found {
        Value::Null => json!({"nil": true}),
        value => json!({"eq": value}),
    };
    match place.split_last() {
        // InSpec sends a list any word that is no index.
        Some((last, list)) if last == "length" && !found.is_null() => (path(format, list), json!({"count": found})),
        _ => (path(format, place), test),
    }
}

fn path(format: &str, place: &[Value]) -> String {
    let steps = place.iter().map(|step| match step {
        Value::String(key) => format!("['{key}']"),
        index if format == "ini" => format!("['{index}']"),
        index => format!("[{index}]"),
    });
    steps.collect::<Vec<String>>().join(if format == "ini" { "/" } else { "" })
}

/// The questions of [`LOST`].
pub(crate) fn lost(rows: &[Row]) -> Vec<Value> {
    let question = |(entry, place, value): &(usize, &str, &str)| {
        let row = rows.iter().find(|row| row.number == *entry).unwrap();
        let value: Value = serde_json::from_str(value).unwrap();
        json!({row.subject["format"].as_str().unwrap(): {"content": row.subject["content"]}, "expect": {*place: {"eq": value}}})
    };
    LOST.iter().map(question).collect()
}
