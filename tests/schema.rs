//! `assay schema`: it takes every profile that loads, and refuses what does not load, where a schema can know it.
//!
//! The validator is Python's `jsonschema`, by the interpreter in `ASSAY_PYTHON` or `python3`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod archive;
mod cases;
mod fixture;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use fixture::{Scratch, repository, run, skipped};
use serde_json::{Map, Value, json};

fn python() -> String {
    std::env::var("ASSAY_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// What the validator says of some values; `None` where there is none.
fn validate(test: &str, values: Map<String, Value>) -> Option<BTreeMap<String, Vec<String>>> {
    let there = Command::new(python()).args(["-c", "import jsonschema.validators"]).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        skipped(test, "Python with jsonschema (ASSAY_PYTHON)");
        return None;
    }
    let schema: Value = serde_json::from_str(&run(&repository("."), ["schema"]).stdout).unwrap();
    let mut child = Command::new(python())
        .arg(repository("tests/schema/validate.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let given = serde_json::to_vec(&json!({ "schema": schema, "values": values })).unwrap();
    child.stdin.take().unwrap().write_all(&given).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the schema is none");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn yaml(text: &str) -> Option<Value> {
    serde_yaml::from_str(text).ok()
}

/// The YAML files below some folders.
fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
}

#[test]
fn what_loads_is_valid() {
    let mut paths = Vec::new();
    for folder in ["profiles", "tests/golden", "tests/consumers"] {
        files(&repository(folder), &mut paths);
    }
    let mut values = Map::new();
    for path in paths {
        let value = yaml(&fs::read_to_string(&path).unwrap()).unwrap();
        // Waivers and thresholds lie beside profiles, and tests of profiles in a folder of theirs.
        if value.get("schema").is_some() && path.parent().unwrap().file_name().unwrap() != "tests" {
            values.insert(path.display().to_string(), value);
        }
    }
    assert!(values.len() > 8, "{:?}", values.keys());
    for file in cases::data_files("semantics").into_iter().chain(cases::data_files("resources")) {
        for (title, text) in cases::profiles(&file) {
            let name = format!("{}: {title}", file.display());
            values.insert(name, yaml(&text).unwrap());
        }
    }
    values.extend(published_controls());
    let count = values.len();
    let Some(found) = validate("what_loads_is_valid", values) else { return };
    println!("{count} files");
    let wrong: Vec<String> = found
        .iter()
        .filter(|(_, errors)| !errors.is_empty())
        .map(|(name, errors)| format!("{name}: {errors:#?}"))
        .collect();
    assert!(wrong.is_empty(), "{}\n{} of {count} wrong", wrong.join("\n"), wrong.len());
}

/// The controls of tests/examples, each as a profile of its own; those that load.
fn published_controls() -> Vec<(String, Value)> {
    let folder = repository("tests/examples");
    let profile = yaml(&fs::read_to_string(folder.join("profile.yaml")).unwrap()).unwrap();
    let mut paths = Vec::new();
    files(&folder.join("controls"), &mut paths);
    let scratch = Scratch::new();
    let mut found = Vec::new();
    for path in paths {
        let file = yaml(&fs::read_to_string(&path).unwrap()).unwrap();
        for control in file["controls"].as_array().unwrap() {
            let mut value = profile.clone();
            value["controls"] = json!([control]);
            scratch.write("profile.yaml", value.to_string());
            if run(&scratch.0, ["check", "profile.yaml"]).code == 0 {
                found.push((format!("{} {}", path.display(), control["id"]), value));
            }
        }
    }
    assert!(found.len() > 50, "only {} controls load", found.len());
    found
}

/// What does not load, and why a schema takes it all the same.
const NOT_KNOWN: &[(&str, &str)] = &[
    ("bad-each.yaml 8", "what a name stands for"),
    ("bad-inputs.yaml mode", "640 and 0640 are one number to a reader of YAML"),
    ("bad-inputs.yaml pattern", "whether a pattern is one"),
    ("bad-items.yaml 8", "the type of an input"),
    ("bad-mode.yaml 1", "640 and 0640 are one number to a reader of YAML"),
    ("bad-mode.yaml 3", "640 and 0640 are one number to a reader of YAML"),
    ("bad-paths.yaml 1", "whether a path is one"),
    ("bad-paths.yaml 2", "whether a path is one"),
    ("bad-paths.yaml 3", "whether a path is one"),
    ("bad-pattern.yaml 1", "whether a pattern is one"),
    ("bad-pattern.yaml 2", "whether a pattern is one"),
    ("bad-pattern.yaml 3", "whether a pattern is one"),
    ("bad-pattern.yaml 4", "whether a pattern is one"),
    ("bad-pattern.yaml 5", "whether a pattern is one"),
    ("bad-pattern.yaml 6", "whether a pattern is one"),
    ("bad-pattern.yaml 7", "whether a pattern is one"),
    ("bad-pattern.yaml 8", "whether a pattern is one"),
    ("bad-xpath.yaml 1", "whether an XPath is one that is understood"),
    ("bad-xpath.yaml 2", "whether an XPath is one that is understood"),
    ("duplicate-id.yaml", "ids are unique"),
    ("duplicate-keys.yaml 1", "YAML's business"),
    ("duplicate-keys.yaml 2", "YAML's business"),
    ("late-values.yaml 1", "what a name stands for"),
    ("late-values.yaml 2", "what a name stands for"),
    ("late-values.yaml 3", "what a name stands for"),
    ("late-values.yaml 4", "what a name stands for"),
    ("late-values.yaml 5", "what a name stands for"),
    ("merge-keys.yaml 1", "sound: the next line is the mistake"),
    ("no-controls.yaml", "sound as the profile.yaml of a folder"),
    ("no-inputs.yaml", "which names there are is not the shape of a file"),
    ("no-name.yaml", "sound as a file of controls"),
    ("overlay-circle/profile.yaml", "where other profiles are"),
    ("overlay-of-nothing/profile.yaml", "where other profiles are"),
    ("overlay/base/one.yaml", "sound: the profile above it is the mistake"),
    ("overlay/controls/a.yaml", "what another file says"),
    ("required-input.yaml idle", "sound: the other input is the mistake"),
    ("required-input.yaml need", "what the auditor gives"),
    ("several-files/profile.yaml", "sound: the other files are the mistakes"),
    ("without-profile/controls/a.yaml", "sound: what is missing is the mistake"),
];

/// The mistakes of a file one by one: of lists and maps with several entries, each entry alone.
fn mistakes(value: &Value) -> Vec<(String, Value)> {
    let control = "/controls/0";
    for at in ["/inputs", "/conditions", "/controls/0/let", "/controls/0/checks"] {
        let each: Vec<(String, Value)> = match value.pointer(at) {
            Some(Value::Array(items)) if items.len() > 1 => {
                (1..).zip(items).map(|(place, item)| (format!(" {place}"), json!([item]))).collect()
            }
            Some(Value::Object(map)) if map.len() > 1 => {
                map.iter().map(|(key, value)| (format!(" {key}"), json!({ key: value }))).collect()
            }
            _ => continue,
        };
        let alone = |(name, entry): (String, Value)| {
            let mut value = value.clone();
            *value.pointer_mut(at).unwrap() = entry;
            (name, value)
        };
        return each.into_iter().map(alone).collect();
    }
    let keys: Vec<String> = match value.pointer(control) {
        Some(Value::Object(map)) => map.keys().filter(|key| *key != "id" && *key != "checks").cloned().collect(),
        _ => Vec::new(),
    };
    if keys.len() < 2 {
        return vec![(String::new(), value.clone())];
    }
    let alone = |key: &String| {
        let mut value = value.clone();
        let map = value.pointer_mut(control).unwrap().as_object_mut().unwrap();
        map.retain(|name, _| name == "id" || name == "checks" || name == key);
        (format!(" {key}"), value)
    };
    keys.iter().map(alone).collect()
}

#[test]
fn what_does_not_load_is_refused_where_a_schema_can_know() {
    let mut paths = Vec::new();
    files(&repository("tests/invalid"), &mut paths);
    let (mut values, mut no_yaml) = (Map::new(), 0);
    for path in paths {
        let name = path.strip_prefix(repository("tests/invalid")).unwrap().display().to_string();
        match fs::read_to_string(&path).ok().and_then(|text| yaml(&text)) {
            None => no_yaml += 1,
            Some(value) => {
                values.extend(mistakes(&value).into_iter().map(|(label, value)| (format!("{name}{label}"), value)));
            }
        }
    }
    let count = values.len();
    let Some(found) = validate("what_does_not_load_is_refused_where_a_schema_can_know", values) else { return };
    println!("{count} mistakes, {} of them unknown to a schema; {no_yaml} files are no YAML", NOT_KNOWN.len());
    let taken: Vec<&str> =
        found.iter().filter(|(_, errors)| errors.is_empty()).map(|(name, _)| name.as_str()).collect();
    let known: Vec<&str> = NOT_KNOWN.iter().map(|(name, _)| *name).collect();
    assert_eq!(taken, known);
}

/// A reader of YAML makes numbers of what stands for modes and days.
#[test]
fn numbers_stand_for_modes() {
    let check = |mode: Value| {
        let check = json!({ "file": "/a", "expect": { "mode": mode, "owner": 0, "mtime": { "gt": 1_800_000_000 } } });
        json!({ "schema": 1, "controls": [{ "id": 1.1, "checks": [check] }] })
    };
    let values = [
        ("as 1.2 reads 0640", check(json!(640)), true),
        ("as 1.1 reads 0640", check(json!(0o640)), true),
        ("in quotes", check(json!("0640")), true),
        ("loosest", check(json!({ "at_most": 755 })), true),
        ("filled in", check(json!("${inputs.mode}")), true),
        ("no mode", check(json!(17777)), false),
        ("no octal digits", check(json!("0689")), false),
        ("a list", check(json!([640])), false),
    ];
    let given = values.iter().map(|(name, value, _)| ((*name).to_owned(), value.clone())).collect();
    let Some(found) = validate("numbers_stand_for_modes", given) else { return };
    for (name, _, valid) in values {
        assert_eq!(found[name].is_empty(), valid, "{name}: {:?}", found[name]);
    }
}
