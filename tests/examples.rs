//! Published controls in the language of profiles (`tests/examples`): all load, but for resources that are still to
//! come, and those that load are scanned.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod fixture;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fixture::{Run, Scratch, assay, repository, run};
use serde_json::Value;

/// Resources that these controls use and that do not exist yet; one that has come is to be taken off the list.
const TO_COME: [&str; 0] = [];
/// How many controls there are, and how many of them use no resource that is still to come.
const CONTROLS: usize = 95;
const LOADED: usize = 95;

/// Where `assay check` finds errors: file and line; the messages are those that must be.
fn errors(examples: &Path) -> Vec<(String, u64)> {
    let report: Value = serde_json::from_str(&run(examples, ["check", "--format", "json", "."]).stdout).unwrap();
    let errors = report["errors"].as_array().unwrap();
    let mut to_come: BTreeSet<&str> = TO_COME.into_iter().collect();
    let known: BTreeSet<&str> = to_come.clone();
    for error in errors {
        let message = error["message"].as_str().unwrap();
        let resource = message.strip_prefix("unknown resource `").and_then(|rest| rest.strip_suffix('`'));
        assert!(resource.is_some_and(|resource| known.contains(resource)), "{error:#}");
        to_come.remove(resource.unwrap());
    }
    assert!(to_come.is_empty(), "not unknown any more: {to_come:?}");
    let place = |error: &Value| {
        (error["file"].as_str().unwrap().trim_start_matches("./").to_owned(), error["line"].as_u64().unwrap())
    };
    errors.iter().map(place).collect()
}

/// A file of controls without those that have errors, and how many there were and are left.
fn without_errors(text: &str, lines: &[u64]) -> (String, usize, usize) {
    let (mut head, mut controls): (String, Vec<(String, bool)>) = (String::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with("  - id:") {
            controls.push((String::new(), true));
        }
        match controls.last_mut() {
            None => head.push_str(&format!("{line}\n")),
            Some((control, sound)) => {
                control.push_str(&format!("{line}\n"));
                *sound &= !lines.contains(&number);
            }
        }
    }
    let sound: String = controls.iter().filter(|(_, sound)| *sound).map(|(control, _)| control.as_str()).collect();
    let left = controls.iter().filter(|(_, sound)| *sound).count();
    (head + &sound, controls.len(), left)
}

#[test]
fn published_controls_load_and_end() {
    let examples = repository("tests/examples");
    let errors = errors(&examples);

    let scratch = Scratch::new();
    scratch.write("profile.yaml", fs::read(examples.join("profile.yaml")).unwrap());
    let mut files: Vec<PathBuf> =
        fs::read_dir(examples.join("controls")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut controls, mut loaded) = (0, 0);
    for file in &files {
        let name = format!("controls/{}", file.file_name().unwrap().to_str().unwrap());
        let lines: Vec<u64> = errors.iter().filter(|(known, _)| *known == name).map(|(_, line)| *line).collect();
        let (text, count, left) = without_errors(&fs::read_to_string(file).unwrap(), &lines);
        (controls, loaded) = (controls + count, loaded + left);
        scratch.write(&name, text);
    }
    println!("{loaded} of {controls} controls load wholly");

    assert_eq!((controls, loaded), (CONTROLS, LOADED));

    let checked = run(&scratch.0, ["check", "."]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    let scan = || -> Run {
        let mut command = assay(&scratch.0);
        command.env("SOURCE_DATE_EPOCH", "1800000000").args(["scan", ".", "--reporter", "json", "--rootfs"]);
        command.arg(repository("fixtures/rootfs/standard")).output().unwrap().into()
    };
    let (first, second) = (scan(), scan());
    assert!(matches!(first.code, 0 | 100 | 101), "{}: {}", first.code, first.stderr);
    assert!(first.stderr.is_empty(), "{}", first.stderr);
    assert!(first.stdout == second.stdout, "two scans at the same moment differ");
    let report: Value = serde_json::from_str(&first.stdout).unwrap();
    let controls = report["profiles"][0]["controls"].as_array().unwrap();
    assert_eq!(controls.len(), LOADED);
    for control in controls {
        assert!(!control["results"].as_array().unwrap().is_empty(), "{control:#}");
        // What a scan of sound files cannot find out is a mistake in the control or in the scanner.
        for result in control["results"].as_array().unwrap() {
            assert!(result["backtrace"].is_null(), "{}: {result:#}", control["id"]);
        }
    }
}
