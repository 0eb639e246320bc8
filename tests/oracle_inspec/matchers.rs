//! Matchers on values, in assay's words.

use serde_json::{Value, json};

use crate::recording::Row;

/// A row in every spelling that the language has for it; all must come to the same.
pub(crate) fn questions(row: &Row) -> Vec<Value> {
    let test = test(row);
    let content = json!({"v": row.subject}).to_string();
    let in_document = |test: Value| json!({"json": {"content": content}, "expect": {"v": test}});
    if row.negated {
        return [Some(json!({"not": test})), opposite(&test)].into_iter().flatten().map(in_document).collect();
    }
    [Some(in_document(test)), without_types(row)].into_iter().flatten().collect()
}

/// The test without its negation.
fn test(row: &Row) -> Value {
    let wanted = row.wanted();
    match row.check.as_str() {
        "cmp" => match row.arguments[0].as_str().unwrap() {
            "==" if wanted.is_null() => json!({"nil": true}),
            "==" => json!({"cmp": wanted}),
            sign => ordered(row, sign),
        },
        "eq" if wanted.is_null() => json!({"nil": true}),
        "eq" => json!({"eq": wanted}),
        "match" | "cmp_regex" => json!({"match": wanted}),
        "all_match" => json!({"all": {"match": wanted}}),
        // A list under `includes` names several elements; one element that is a list is looked for with `any`.
        "include" if wanted.is_array() => json!({"any": {"eq": wanted}}),
        "include" => json!({"includes": wanted}),
        "be_in" => json!({"in": wanted}),
        "be_nil" => json!({"nil": true}),
        "be_empty" => json!({"empty": true}),
        "be>=" => json!({"ge": wanted}),
        "be<" => json!({"lt": wanted}),
        "be_between" => json!({"between": row.arguments}),
        "start_with" => json!({"start_with": wanted}),
        "end_with" => json!({"end_with": wanted}),
        other => panic!("no such matcher: {other}"),
    }
}

/// An order of texts is one of versions, as for InSpec; every other is one of numbers.
fn ordered(row: &Row, sign: &str) -> Value {
    let matcher = match sign {
        "<" => "lt",
        "<=" => "le",
        ">" => "gt",
        ">=" => "ge",
        other => panic!("no such sign: {other}"),
    };
    let texts = row.value().is_string() && row.wanted().is_string();
    json!({matcher: row.wanted(), "as": if texts { "version" } else { "number" }})
}

/// The matcher that says the opposite, where there is one.
fn opposite(test: &Value) -> Option<Value> {
    let (name, wanted) = test.as_object()?.iter().next()?;
    Some(match name.as_str() {
        "eq" => json!({"ne": wanted}),
        "in" => json!({"not_in": wanted}),
        "includes" => json!({"excludes": wanted}),
        "any" => json!({"none": wanted}),
        "nil" => json!({"nil": false}),
        "empty" => json!({"empty": false}),
        _ => return None,
    })
}

/// `cmp` of a text is also the natural test of a value in a file without types; all that a profile writes there is
/// text, so a fraction or a boolean is not the same question.
fn without_types(row: &Row) -> Option<Value> {
    let text = row.subject.as_str().filter(|text| text.trim() == *text && !text.contains('\n'))?;
    if row.check != "cmp" || row.wanted().is_null() || row.wanted().is_f64() || row.wanted().is_boolean() {
        return None;
    }
    let test = match row.arguments[0].as_str()? {
        "==" => row.wanted().clone(),
        sign => ordered(row, sign),
    };
    Some(json!({"parse_config": {"content": format!("v = {text}")}, "expect": {"v": test}}))
}
