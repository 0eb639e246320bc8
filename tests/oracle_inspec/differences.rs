//! Where assay says something else than InSpec: the rules, each with its reason and how many rows it concerns.

use serde_json::Value;

use crate::recording::{Recording, Row};
use crate::scan::Answer;

/// A rule by which assay differs from InSpec.
pub(crate) struct Difference {
    /// Of which recording the rows are.
    pub(crate) of: Recording,
    /// How many rows there are that differ.
    pub(crate) rows: usize,
    /// Which rows it is about; those of them that agree with InSpec are not counted.
    pub(crate) about: fn(&Row) -> bool,
    /// What assay says of the rows that differ.
    pub(crate) ours: Ours,
    /// Why.
    pub(crate) reason: &'static str,
}

/// What assay says; its reason holds this text.
#[derive(Debug)]
pub(crate) enum Ours {
    Passed,
    Failed,
    Skipped(&'static str),
    Error(&'static str),
    Refused(&'static str),
}

/// All differences. Of several rules that are about a row, the first one counts.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        of: Recording::Matchers,
        rows: 123,
        about: |row| ["include", "be_in"].contains(&row.check.as_str()) && holds_null(row.wanted()),
        ours: Ours::Refused("null cannot be compared"),
        reason: "nil is not among the values to look for: `nil: true` asks for it",
    },
    Difference {
        of: Recording::Matchers,
        rows: 609,
        about: |row| order(row) && !texts(row) && !is_number(row.wanted()),
        ours: Ours::Refused("v must be a whole number"),
        reason: "an order is one of numbers, versions or dates, never of letters or booleans",
    },
    Difference {
        of: Recording::Matchers,
        rows: 50,
        about: |row| order(row) && !texts(row) && *row.wanted() == "0644",
        ours: Ours::Refused("reads like an octal one"),
        reason: "the bound of a number is decimal; what looks octal, as it is for InSpec, must say `as: mode`",
    },
    Difference {
        of: Recording::Matchers,
        rows: 368,
        about: |row| texts(row) && !(is_version(row.value()) && is_version(row.wanted())) && row.passed,
        ours: Ours::Failed,
        reason: "InSpec compares the letters of texts that are no versions; here they have no order",
    },
    Difference {
        of: Recording::Matchers,
        rows: 11,
        about: |row| order(row) && row.subject == "1e3" && row.wanted().is_string() && !row.passed,
        ours: Ours::Passed,
        reason: "the first part of a version may hold letters (2024a); for InSpec it is no version, and its letters are compared",
    },
    Difference {
        of: Recording::Matchers,
        rows: 8,
        about: |row| order(row) && row.subject == "1e3" && row.wanted().is_string() && row.passed,
        ours: Ours::Failed,
        reason: "the first part of a version may hold letters (2024a); for InSpec it is no version, and its letters are compared",
    },
    Difference {
        of: Recording::Matchers,
        rows: 10,
        about: |row| row.subject == Value::Array(Vec::new()) && row.passed,
        ours: Ours::Failed,
        reason: "an empty list fails every test of its elements, negated ones too",
    },
    Difference {
        of: Recording::Matchers,
        rows: 20,
        about: |row| (row.subject.is_null() || holds_null(&row.subject)) && row.negated && row.passed,
        ours: Ours::Failed,
        reason: "nil fails every matcher, negated ones too",
    },
    Difference {
        of: Recording::Matchers,
        rows: 4,
        about: |row| row.subject.is_array() && row.negated && row.passed,
        ours: Ours::Failed,
        reason: "`not` looks at every element of a list; InSpec asks the list itself, which is none of that",
    },
    Difference {
        of: Recording::Matchers,
        rows: 37,
        about: |row| row.subject.is_array() && !row.passed,
        ours: Ours::Passed,
        reason: "a test of a value that meets a list holds when every element passes",
    },
    Difference {
        of: Recording::Matchers,
        rows: 23,
        about: |row| order(row) && row.subject.is_string() && row.wanted().is_number() && !row.passed,
        ours: Ours::Passed,
        reason: "`as: number` reads 007 and 7.4 as numbers; InSpec only whole numbers without leading zeros",
    },
    Difference {
        of: Recording::Matchers,
        rows: 54,
        about: |row| order(row) && row.subject.is_number() && row.wanted().is_string() && !row.passed,
        ours: Ours::Passed,
        reason: "the bound of a number is a number, in quotes or not; for InSpec a fraction in quotes has no order",
    },
    Difference {
        of: Recording::Matchers,
        rows: 2,
        about: |row| row.check == "cmp_regex" && row.subject.is_number() && row.passed,
        ours: Ours::Failed,
        reason: "a pattern is found in texts; a number is none",
    },
    Difference {
        of: Recording::Matchers,
        rows: 2,
        about: |row| row.subject.is_object() && ["all_match", "include"].contains(&row.check.as_str()) && row.passed,
        ours: Ours::Failed,
        reason: "`all` and `any` are about lists; a map is none",
    },
    Difference {
        of: Recording::Files,
        rows: 1,
        about: |row| row.path().contains("/loop") && row.check == "its(shallow_link_path)",
        ours: Ours::Failed,
        reason: "one step of a link is known even where following it never ends",
    },
    Difference {
        of: Recording::Files,
        rows: 144,
        about: |row| row.path().contains("/loop"),
        ours: Ours::Error("symbolic links"),
        reason: "a loop of links is not absence: what is behind it cannot be found out",
    },
    Difference {
        of: Recording::Modes,
        rows: 21,
        about: |row| row.path().contains("/loop"),
        ours: Ours::Error("symbolic links"),
        reason: "a loop of links is not absence: what is behind it cannot be found out",
    },
    Difference {
        of: Recording::Files,
        rows: 1,
        about: |row| row.path().ends_with("/dangling") && row.check == "its(link_path)",
        ours: Ours::Skipped("is a dangling link"),
        reason: "where a dangling link leads in the end does not exist; InSpec raises",
    },
    Difference {
        of: Recording::Files,
        rows: 30,
        about: |row| absent(row) && row.check.starts_with("its("),
        ours: Ours::Skipped("Can't find file"),
        reason: "what is missing has no properties, not even nil: skipped unless `missing:` says otherwise",
    },
    Difference {
        of: Recording::Files,
        rows: 15,
        about: |row| absent(row) && row.exception == "NoMethodError" && row.negated,
        ours: Ours::Passed,
        reason: "under `missing: pass` the bits of a missing file are not set; InSpec raises",
    },
    Difference {
        of: Recording::Files,
        rows: 3,
        about: |row| row.check == "its(type)" && *row.wanted() == "symlink",
        ours: Ours::Failed,
        reason: "`type` is that of what a link leads to, as every property but `symlink` and the paths of the link",
    },
    Difference {
        of: Recording::Files,
        rows: 11,
        about: |row| row.check == "be_more_permissive_than" && !row.negated,
        ours: Ours::Passed,
        reason: "`at_most` looks at all twelve bits: 0755 refuses setuid, setgid and sticky, 7755 leaves them open",
    },
    Difference {
        of: Recording::Files,
        rows: 9,
        about: |row| row.check == "be_more_permissive_than" && row.negated,
        ours: Ours::Failed,
        reason: "`at_most` looks at all twelve bits: 0755 refuses setuid, setgid and sticky, 7755 leaves them open",
    },
    Difference {
        of: Recording::Files,
        rows: 59,
        about: |row| row.check == "mode cmp" && ["644", "420"].map(Value::from).contains(row.wanted()),
        ours: Ours::Refused("mode must be a mode"),
        reason: "InSpec takes a mode without its zero for a decimal number; `cmp` does so too",
    },
    Difference {
        of: Recording::Files,
        rows: 2,
        about: |row| row.check == "mode cmp" && *row.wanted() == "1777",
        ours: Ours::Passed,
        reason: "a mode of four digits is octal; for InSpec only with a zero in front",
    },
    Difference {
        of: Recording::Files,
        rows: 4,
        about: |row| row.path().ends_with("/latin") && row.exception == "ArgumentError",
        ours: Ours::Passed,
        reason: "patterns work on bytes; InSpec raises where content is not UTF-8",
    },
    Difference {
        of: Recording::Files,
        rows: 34,
        about: |row| ["content match", "its(content)", "its(md5sum)", "its(sha256sum)"].contains(&row.check.as_str()),
        ours: Ours::Error("not a regular file"),
        reason: "what is no regular file has no content to look at; for InSpec it is nil, which matches nothing",
    },
    Difference {
        of: Recording::Files,
        rows: 3,
        about: |row| row.resource() == "directory" && row.path().contains("/m") && row.passed,
        ours: Ours::Failed,
        reason: "no directory exists where a file stands; for InSpec only `exist` sees that",
    },
    Difference {
        of: Recording::Files,
        rows: 4,
        about: |row| row.resource() == "directory" && row.path().contains("/m") && !row.passed,
        ours: Ours::Passed,
        reason: "no directory exists where a file stands; for InSpec only `exist` sees that",
    },
    Difference {
        of: Recording::ParseConfig,
        rows: 14,
        about: |row| row.check == "keys",
        ours: Ours::Failed,
        reason: "`*` stands for a key as often as it is given, so that no value is overlooked; a plain key is the last one",
    },
    Difference {
        of: Recording::Data,
        rows: 2,
        about: |row| row.check == "parse" && row.subject["format"] == "yaml",
        ours: Ours::Passed,
        reason: "a date is a text in YAML 1.2, and aliases are followed; InSpec raises on both",
    },
    Difference {
        of: Recording::Data,
        rows: 34,
        about: |row| row.subject["content"].as_str().is_some_and(|content| content.contains("---")),
        ours: Ours::Error("not YAML"),
        reason: "of several documents InSpec reads the first and is silent about the others",
    },
    Difference {
        of: Recording::Data,
        rows: 34,
        about: |row| row.subject["content"] == "a = ",
        ours: Ours::Error("not TOML"),
        reason: "a key without a value is no TOML; InSpec's parser lets it pass",
    },
    Difference {
        of: Recording::Data,
        rows: 1,
        about: |row| row.subject["content"] == "a.b.c = 1\n",
        ours: Ours::Passed,
        reason: "TOML 1.0 has dotted keys; InSpec's parser does not know them",
    },
    Difference {
        of: Recording::Data,
        rows: 19,
        about: |row| row.check == "value" && row.number > 1 && row.wanted().is_null(),
        ours: Ours::Failed,
        reason: "the recording has nil at every place of every document but the first: see data::LOST for what is there",
    },
];

/// Whether a row asks on which side of a value something is.
fn order(row: &Row) -> bool {
    match row.check.as_str() {
        "cmp" => row.arguments[0] != "==",
        check => ["be<", "be>=", "be_between"].contains(&check),
    }
}

/// Whether an order is one of texts, which only `cmp` has.
fn texts(row: &Row) -> bool {
    order(row) && row.check == "cmp" && row.value().is_string() && row.wanted().is_string()
}

/// Whether a text is a version: it begins with a digit, and holds digits, letters, dots and hyphens.
fn is_version(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|char| char.is_ascii_alphanumeric() || ".-".contains(char))
}

/// Whether a profile may write this where it wants a number.
fn is_number(value: &Value) -> bool {
    value.is_number() || value.as_str().is_some_and(|text| text.parse::<f64>().is_ok())
}

fn holds_null(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(|items| items.contains(&Value::Null))
}

/// Whether nothing is at the path of a row.
pub(crate) fn absent(row: &Row) -> bool {
    ["/dangling", "/nothing", "/text/x"].iter().any(|end| row.path().ends_with(end))
}

impl Ours {
    /// Whether it is this answer.
    pub(crate) fn is(&self, answer: &Answer) -> bool {
        match (self, answer) {
            (Ours::Passed, Answer::Passed) | (Ours::Failed, Answer::Failed) => true,
            (Ours::Skipped(part), Answer::Skipped(reason))
            | (Ours::Error(part), Answer::Error(reason))
            | (Ours::Refused(part), Answer::Refused(reason)) => reason.contains(part),
            _ => false,
        }
    }
}
