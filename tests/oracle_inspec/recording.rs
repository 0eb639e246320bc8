//! The recordings, as rows of one shape.

use serde_json::{Value, json};

use crate::fixture::repository;

/// One question that InSpec was asked, and what it said.
#[derive(Debug)]
pub(crate) struct Row {
    /// Which recording it stands in.
    pub(crate) of: Recording,
    /// Its line, or its place in the list.
    pub(crate) number: usize,
    /// What was looked at: the value itself; resource and path; the document.
    pub(crate) subject: Value,
    /// The matcher, or what is asked.
    pub(crate) check: String,
    /// The matcher's arguments.
    pub(crate) arguments: Vec<Value>,
    /// `should_not`.
    pub(crate) negated: bool,
    /// What InSpec said.
    pub(crate) passed: bool,
    /// The class of what InSpec raised, or empty.
    pub(crate) exception: String,
    /// InSpec's `code_desc`.
    pub(crate) words: String,
}

/// A recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recording {
    /// Matchers on values.
    Matchers,
    /// Files and directories of one tree.
    Files,
    /// Dialects of key-value files.
    ParseConfig,
    /// The same tree: modes held against texts, as InSpec means them.
    Modes,
    /// Documents.
    Data,
}

impl Row {
    /// The last argument of the matcher; nil without any.
    pub(crate) fn wanted(&self) -> &Value {
        self.arguments.last().unwrap_or(&Value::Null)
    }

    /// The value that is compared: InSpec's `cmp` takes the only element of a list for the list.
    pub(crate) fn value(&self) -> &Value {
        match self.subject.as_array().map(Vec::as_slice) {
            Some([one]) if self.check == "cmp" => one,
            _ => &self.subject,
        }
    }

    /// The path of a file row.
    pub(crate) fn path(&self) -> &str {
        self.subject["path"].as_str().unwrap()
    }

    /// The resource of a file row.
    pub(crate) fn resource(&self) -> &str {
        self.subject["resource"].as_str().unwrap()
    }
}

/// Text of a file beside the tests.
fn recorded(name: &str) -> String {
    std::fs::read_to_string(repository("tests/oracle/inspec").join(name)).unwrap()
}

fn table<const COLUMNS: usize>(name: &str, rows: usize, row: impl Fn(usize, [&str; COLUMNS]) -> Row) -> Vec<Row> {
    let text = recorded(name);
    let lines = text.lines().enumerate().skip(1);
    let read = |(index, line): (usize, &str)| {
        let columns: Vec<&str> = line.split('\t').collect();
        row(index + 1, columns.try_into().unwrap_or_else(|_| panic!("{name}:{}: not {COLUMNS} columns", index + 1)))
    };
    let table: Vec<Row> = lines.map(read).collect();
    assert_eq!(table.len(), rows, "{name} is not whole");
    table
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn values(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn matchers() -> Vec<Row> {
    table("matchers.tsv", 6710, |number, [actual, matcher, arguments, negated, status, exception, words, _]| Row {
        of: Recording::Matchers,
        number,
        subject: value(actual),
        check: matcher.to_owned(),
        arguments: values(arguments),
        negated: negated == "true",
        passed: status == "passed",
        exception: exception.to_owned(),
        words: words.to_owned(),
    })
}

pub(crate) fn files() -> Vec<Row> {
    table(
        "files.tsv",
        4214,
        |number, [resource, path, check, arguments, negated, status, exception, words, message]| {
            let mut row = Row {
                of: Recording::Files,
                number,
                subject: json!({"resource": resource, "path": path}),
                check: check.to_owned(),
                arguments: values(arguments),
                negated: negated == "true",
                passed: status == "passed",
                exception: exception.to_owned(),
                words: words.to_owned(),
            };
            // InSpec was asked for a value that no file has; its message says what it found, or what it raised.
            if check.starts_with("its(") {
                row.words = words.trim_end_matches("eq \"<<value>>\"").to_owned();
                row.passed = exception.is_empty();
                row.arguments = message.split_once("got: ").map(|(_, found)| ruby(found)).into_iter().collect();
                assert_eq!(row.passed, !row.arguments.is_empty(), "files.tsv:{number}");
            }
            row
        },
    )
}

/// A value as Ruby inspects it, at the start of an escaped message.
fn ruby(text: &str) -> Value {
    let text = text.split_once("\\n\\n").map_or(text, |(value, _)| value);
    match text.strip_prefix(':') {
        Some(symbol) => json!(symbol),
        None if text == "nil" => Value::Null,
        None => value(&text.replace("\\\\", "\\")),
    }
}

/// Those rows of files that hold a mode against a text, to be asked as InSpec means them: `0755` says nothing of
/// setuid, setgid and sticky, as `7755` does here.
pub(crate) fn modes() -> Vec<Row> {
    let modes = files().into_iter().filter(|row| ["mode cmp", "be_more_permissive_than"].contains(&row.check.as_str()));
    let meant = modes.map(|row| Row {
        of: Recording::Modes,
        words: row.words.replace("more permissive than \"0", "more permissive than \"7"),
        ..row
    });
    meant.collect()
}

/// For each text with its options: what InSpec finds at each key (`params`), and how many keys there are (`keys`).
pub(crate) fn parse_config() -> Vec<Row> {
    let entries = values(&recorded("parse_config.json"));
    assert_eq!(entries.len(), 117, "parse_config.json is not whole");
    let rows = entries.into_iter().enumerate().flat_map(|(index, entry)| {
        assert!(entry["skipped"].is_null(), "InSpec read all of them");
        let empty = entry["params"].as_object().unwrap().is_empty();
        let checks = if empty { &["keys"][..] } else { &["params", "keys"] };
        checks.iter().map(move |check| Row {
            of: Recording::ParseConfig,
            number: index + 1,
            subject: json!({"content": entry["content"], "options": entry["options"]}),
            check: (*check).to_owned(),
            arguments: vec![entry["params"].clone()],
            negated: false,
            passed: true,
            exception: String::new(),
            words: String::new(),
        })
    });
    rows.collect()
}

/// One row for each place in each document (`value`), or for the document that InSpec could not read (`parse`).
pub(crate) fn data() -> Vec<Row> {
    let entries = values(&recorded("data.json"));
    assert_eq!(entries.len(), 19, "data.json is not whole");
    let rows = entries.into_iter().enumerate().flat_map(|(index, entry)| {
        let subject = json!({"format": entry["format"], "content": entry["content"]});
        let row = |check: &str, arguments, failed: bool| Row {
            of: Recording::Data,
            number: index + 1,
            subject: subject.clone(),
            check: check.to_owned(),
            arguments,
            negated: false,
            passed: !failed,
            exception: if failed { "ResourceFailed".to_owned() } else { String::new() },
            words: String::new(),
        };
        match entry["values"].as_array() {
            None => vec![row("parse", Vec::new(), true)],
            Some(places) => places.iter().map(|place| row("value", place.as_array().unwrap().clone(), false)).collect(),
        }
    });
    rows.collect()
}
