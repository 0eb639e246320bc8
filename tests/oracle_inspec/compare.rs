//! Asks assay what InSpec was asked, and compares.

use std::path::Path;

use serde_json::Value;

use crate::differences::{DIFFERENCES, absent};
use crate::recording::{Recording, Row};
use crate::scan::{Answer, Answered, ask};

/// Asks every row in all its spellings, and holds the answers against InSpec's and against [`DIFFERENCES`].
///
/// Fails for a row that differs by no rule or not as its rule says, for a rule that takes more rows or fewer than it
/// says, and for a description that is not InSpec's.
pub(crate) fn compare(rows: &[Row], questions: impl Fn(&Row) -> Vec<Value>, root: &Path, options: &[&str]) {
    let asked: Vec<Vec<Value>> = rows.iter().map(questions).collect();
    let mut answers = ask(&asked.concat(), root, options).into_iter();
    let mut taken = [0; DIFFERENCES.len()];
    let mut wrong = Vec::new();
    for (row, asked) in rows.iter().zip(&asked) {
        let answers: Vec<Answered> = answers.by_ref().take(asked.len()).collect();
        let all = |fits: &dyn Fn(&Answer) -> bool| answers.iter().all(|(answer, _)| fits(answer));
        let rule = DIFFERENCES.iter().position(|one| one.of == row.of && (one.about)(row));
        match rule {
            _ if all(&|answer| agrees(row, answer)) => {}
            Some(rule) if all(&|answer| DIFFERENCES[rule].ours.is(answer)) => taken[rule] += 1,
            rule => {
                let reason = rule.map_or("by no rule", |rule| DIFFERENCES[rule].reason);
                wrong.push(format!("{reason}: {answers:?}: {row:?}"));
            }
        }
        if !same_words(row, &answers) {
            wrong.push(format!("other words than InSpec's: {answers:?}: {row:?}"));
        }
    }
    for (difference, taken) in DIFFERENCES.iter().zip(taken).filter(|(one, _)| one.of == rows[0].of) {
        if taken != difference.rows {
            wrong.push(format!("{taken} rows, not {}: {}", difference.rows, difference.reason));
        }
    }
    let shown: Vec<&String> = wrong.iter().take(40).collect();
    assert!(wrong.is_empty(), "{} unknown differences {options:?}: {shown:#?}", wrong.len());
}

/// Whether an answer is InSpec's. InSpec has no errors: where it raises, the result has failed with an exception.
fn agrees(row: &Row, answer: &Answer) -> bool {
    match answer {
        Answer::Passed => row.passed,
        Answer::Failed => !row.passed,
        Answer::Error(_) => !row.exception.is_empty(),
        Answer::Skipped(_) | Answer::Refused(_) => false,
    }
}

/// Whether the descriptions are InSpec's, of what the loader does not refuse.
fn same_words(row: &Row, answers: &[Answered]) -> bool {
    let mut words = answers.iter().filter(|(answer, _)| !matches!(answer, Answer::Refused(_))).map(|(_, words)| words);
    match row.of {
        // Of a value that was only read, up to what is expected.
        Recording::Files if row.check.starts_with("its(") => words.all(|words| words.starts_with(&row.words)),
        Recording::Files | Recording::Modes => words.all(|words| row.words == without_policy(row, words)),
        // Of a bare value, what is expected, where the first spelling asks it with InSpec's own matcher.
        Recording::Matchers if own_matcher(row) => words.next().is_none_or(|words| words.ends_with(&row.words)),
        Recording::Matchers | Recording::ParseConfig | Recording::Data => true,
    }
}

/// A description without the words that mark a pass for want of a subject, where there is none.
fn without_policy<'w>(row: &Row, words: &'w str) -> &'w str {
    let missing = row.negated && (absent(row) || row.resource() == "directory");
    let marked = words.strip_suffix(" (there is none, and the profile accepts that)");
    marked.filter(|_| missing).unwrap_or(words)
}

/// Not where nil is asked with `nil`, an order with `as`, a pattern by `match`, a list among others with `any`.
fn own_matcher(row: &Row) -> bool {
    match row.check.as_str() {
        "be_nil" => true,
        "cmp" => row.arguments[0] == "==" && !row.wanted().is_null(),
        "include" => !row.wanted().is_array(),
        check => check != "cmp_regex" && !row.wanted().is_null(),
    }
}
