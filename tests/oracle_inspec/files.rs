//! Questions about files and directories, in assay's words.

use std::path::Path;

use serde_json::{Value, json};

use crate::recording::Row;

/// The one way to write a row. What is missing fails what must be and passes what must not be, as for InSpec; a plain
/// value is asked without such a policy.
pub(crate) fn questions(row: &Row, root: &Path) -> Vec<Value> {
    let mut question = json!({row.resource(): row.path(), "expect": expect(row, root)});
    if !row.check.starts_with("its(") {
        question["missing"] = json!(if row.negated { "pass" } else { "fail" });
    }
    vec![question]
}

/// A mode as InSpec means it: `cmp` takes any text, and special bits are left open.
pub(crate) fn modes(row: &Row) -> Vec<Value> {
    let (check, text) = (row.check.as_str(), row.wanted().as_str().unwrap());
    let test = match (check, row.negated) {
        ("mode cmp", false) => json!({"cmp": text}),
        ("be_more_permissive_than", true) => json!({"at_most": loosened(text)}),
        ("be_more_permissive_than", false) => json!({"not": {"at_most": loosened(text)}}),
        other => panic!("no such question: {other:?}"),
    };
    let missing = if row.negated { "pass" } else { "fail" };
    vec![json!({row.resource(): row.path(), "missing": missing, "expect": {"mode": test}})]
}

/// A mode with setuid, setgid and sticky.
fn loosened(mode: &str) -> String {
    format!("7{}", mode.strip_prefix('0').unwrap())
}

fn expect(row: &Row, root: &Path) -> Value {
    let text = row.wanted().as_str().unwrap_or_default();
    let is = |property: &str, wanted: Value| match row.negated {
        true => json!({property: {"not": wanted}}),
        false => json!({property: wanted}),
    };
    let holds = |property: &str| json!({property: !row.negated});
    match row.check.as_str() {
        "exist" => holds("exist"),
        "be_symlink" => holds("symlink"),
        "be_setuid" | "be_setgid" | "be_sticky" | "be_readable" | "be_writable" | "be_executable" => {
            holds(row.check.trim_start_matches("be_"))
        }
        "be_file" | "be_directory" | "be_socket" | "be_pipe" | "be_block_device" | "be_character_device" => {
            is("type", json!(row.check.trim_start_matches("be_")))
        }
        "be_owned_by" => is("owner", json!(text)),
        "be_grouped_into" => is("group", json!(text)),
        "be_linked_to" => is("linked_to", json!(text)),
        "be_more_permissive_than" if row.negated => json!({"mode": {"at_most": text}}),
        "be_more_permissive_than" => json!({"mode": {"not": {"at_most": text}}}),
        "mode cmp" => is("mode", json!(text)),
        "content match" => {
            let pattern = text.strip_prefix('/').and_then(|text| text.strip_suffix('/')).unwrap();
            is("content", json!({"match": pattern}))
        }
        check => match check.split_once(".by") {
            Some((permission, "")) => {
                let who = if text == "others" { "other" } else { text };
                holds(&format!("{}.{who}", permission.trim_start_matches("be_")))
            }
            Some((permission, "_user")) => holds(&format!("{}.user.{text}", permission.trim_start_matches("be_"))),
            _ => its(row, check.strip_prefix("its(").and_then(|check| check.strip_suffix(')')).unwrap(), root),
        },
    }
}

/// The value that InSpec found.
fn its(row: &Row, property: &str, root: &Path) -> Value {
    let test = match row.wanted() {
        Value::Null => json!({"nil": true}),
        Value::Number(mode) if property == "mode" => json!({"eq": format!("{:04o}", mode.as_u64().unwrap())}),
        // How large a folder is, the filesystem says on which the tree was built.
        Value::Number(_) if property == "size" && host(row, root).is_dir() => json!({"eq": host(row, root).len()}),
        value => json!({"eq": value}),
    };
    json!({property: test})
}

/// What this machine says of a path of the tree.
fn host(row: &Row, root: &Path) -> std::fs::Metadata {
    std::fs::metadata(root.join(row.path().trim_start_matches('/'))).unwrap()
}
