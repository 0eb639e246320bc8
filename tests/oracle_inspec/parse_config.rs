//! Key-value files in InSpec's dialects, in assay's words.

use serde_json::{Map, Value, json};

use crate::recording::Row;

/// One check with an expectation for every key.
pub(crate) fn questions(row: &Row) -> Vec<Value> {
    let mut resource = row.subject["options"].clone();
    resource["content"] = row.subject["content"].clone();
    let mut expect = Map::new();
    let keys = row.wanted().as_object().unwrap();
    match row.check.as_str() {
        "params" => {
            for (key, value) in keys {
                match value {
                    Value::Object(section) => expect.extend(
                        section.iter().map(|(name, value)| (format!("{}/{}", step(key), step(name)), is(value))),
                    ),
                    value => drop(expect.insert(step(key), is(value))),
                }
            }
        }
        "keys" => {
            expect.insert("*".to_owned(), json!({"count": keys.len()}));
            for (key, value) in keys {
                if let Value::Object(section) = value {
                    expect.insert(format!("{}/*", step(key)), json!({"count": section.len()}));
                }
            }
        }
        other => panic!("no such question: {other}"),
    }
    vec![json!({"parse_config": resource, "none_ok": true, "expect": expect})]
}

/// A key that stands for itself, whatever it holds.
fn step(key: &str) -> String {
    format!("['{key}']")
}

fn is(value: &Value) -> Value {
    json!({"eq": value})
}
