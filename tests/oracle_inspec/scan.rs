//! Runs assay on checks, one control for each, and says what came out of every one.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::fixture::{Run, assay, repository};

/// The lines of a profile above its controls.
const HEAD: &str = "schema: 1\nname: recorded\nversion: 1.0.0\ncontrols:\n";

/// What assay makes of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What is expected holds.
    Passed,
    /// It does not.
    Failed,
    /// Not asked, for this reason.
    Skipped(String),
    /// Could not be found out, for this reason.
    Error(String),
    /// The profile does not load, for this reason.
    Refused(String),
}

/// The answer to one check; of several expectations the first that does not pass. With its description.
pub(crate) type Answered = (Answer, String);

/// Asks every check. A check that does not load is found by `assay check` and left out of the scan.
pub(crate) fn ask(checks: &[Value], rootfs: &Path, options: &[&str]) -> Vec<Answered> {
    let mut answers: BTreeMap<usize, Answered> = BTreeMap::new();
    loop {
        let asked: Vec<usize> = (0..checks.len()).filter(|index| !answers.contains_key(index)).collect();
        let profile = profile(checks, &asked);
        let refused = refused(&profile);
        if refused.is_empty() {
            answers.extend(scan(&profile, rootfs, options));
            break;
        }
        for (line, reason) in refused {
            let place = line.checked_sub(HEAD.lines().count() + 1).unwrap_or_else(|| panic!("{line}: {reason}"));
            answers.entry(asked[place]).or_insert((Answer::Refused(reason), String::new()));
        }
    }
    assert_eq!(answers.len(), checks.len(), "every check has an answer");
    answers.into_values().collect()
}

/// A profile with one control on each line, its id the place of its check.
fn profile(checks: &[Value], asked: &[usize]) -> String {
    let mut profile = HEAD.to_owned();
    for index in asked {
        profile.push_str(&format!("  - {{\"id\": \"{index}\", \"checks\": [{}]}}\n", checks[*index]));
    }
    profile
}

/// Lines of a profile that do not load, each with its first reason.
fn refused(profile: &str) -> BTreeMap<usize, String> {
    let run = run(&["check", "-", "--format", "json"], profile);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let mut refused = BTreeMap::new();
    for error in report["errors"].as_array().unwrap() {
        let line = error["line"].as_u64().unwrap_or_else(|| panic!("{error}"));
        let reason = error["message"].as_str().unwrap().to_owned();
        refused.entry(usize::try_from(line).unwrap()).or_insert(reason);
    }
    assert_eq!(run.code, if refused.is_empty() { 0 } else { 102 });
    refused
}

fn scan(profile: &str, rootfs: &Path, options: &[&str]) -> BTreeMap<usize, Answered> {
    let rootfs = rootfs.to_str().unwrap();
    let run = run(&[&["scan", "-", "--rootfs", rootfs, "--reporter", "json"], options].concat(), profile);
    let report: Value = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|error| panic!("{error}: exit code {}: {}", run.code, run.stderr));
    let controls = report["profiles"][0]["controls"].as_array().unwrap().iter();
    let id = |control: &Value| control["id"].as_str().unwrap().parse().unwrap();
    controls.map(|control| (id(control), answered(control["results"].as_array().unwrap()))).collect()
}

fn answered(results: &[Value]) -> Answered {
    assert!(!results.is_empty());
    let answered = |result: &Value| {
        let text = |name: &str| result[name].as_str().unwrap_or_default().to_owned();
        let answer = match (text("status").as_str(), result.get("exception")) {
            ("passed", None) => Answer::Passed,
            ("failed", None) => Answer::Failed,
            ("failed", Some(_)) => Answer::Error(text("message")),
            ("skipped", None) => Answer::Skipped(text("skip_message")),
            other => panic!("{other:?}"),
        };
        (answer, text("code_desc"))
    };
    let mut all = results.iter().map(answered);
    let first = all.next().unwrap();
    if first.0 != Answer::Passed {
        return first;
    }
    all.find(|(answer, _)| *answer != Answer::Passed).unwrap_or(first)
}

/// A run with a profile on standard input.
fn run(arguments: &[&str], profile: &str) -> Run {
    let mut command = assay(&repository("tests"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let profile = profile.to_owned();
    let written = std::thread::spawn(move || stdin.write_all(profile.as_bytes()));
    let run = child.wait_with_output().unwrap().into();
    written.join().unwrap().unwrap();
    run
}
