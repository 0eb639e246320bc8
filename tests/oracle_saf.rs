//! assay's thresholds against recorded verdicts of SAF, and its statuses against those of inspecjs.
//! tests/oracle/saf/README.md says what was recorded.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

const MET: i32 = 0;
const NOT_MET: i32 = 103;
const ERROR: i32 = 2;

/// Where assay says something else than SAF, and why. docs/thresholds.md tells users the same.
const DIFFERENCES: [(&str, i32, &str); 24] = [
    ("014", ERROR, "a list is no threshold"),
    ("015", ERROR, "a text is no threshold"),
    ("020", ERROR, "compliance is no number"),
    ("021", MET, "no control, and none is there"),
    ("031", ERROR, "null is no number"),
    ("035", ERROR, "null is no number"),
    ("038", NOT_MET, "min and max both hold"),
    ("040", ERROR, "`note` is unknown"),
    ("056", NOT_MET, "no_impact.total.min holds"),
    ("118", NOT_MET, "12.5 is not 13"),
    ("119", NOT_MET, "37.5 is not 38"),
    ("133", ERROR, "`High` is unknown"),
    ("136", NOT_MET, "failed.none holds"),
    ("144", NOT_MET, "passed.none holds"),
    ("159", NOT_MET, "a plain number holds"),
    ("162", NOT_MET, "one id twice is not two ids"),
    ("166", NOT_MET, "no_impact.total.max holds"),
    ("175", NOT_MET, "the parent profile counts where it stands second"),
    ("176", MET, "the parent profile counts where it stands second"),
    ("178", NOT_MET, "the second profile counts"),
    ("179", NOT_MET, "the second control of that id counts"),
    ("182", NOT_MET, "the first control of that id counts"),
    ("192", ERROR, "the profile failed to load"),
    ("193", ERROR, "the profile failed to load"),
];

/// Where the statuses differ, for the same reasons.
const OTHER_STATUSES: [&str; 4] = ["dup_ids.json", "overlay_rev.json", "two_indep.json", "two_same_ids.json"];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/saf")
}

fn rows(name: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(folder().join(name)).unwrap();
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn assay(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_assay")).args(arguments).current_dir(folder()).output().unwrap()
}

#[test]
fn every_verdict_is_that_of_saf_or_a_known_difference() {
    let mut wrong = Vec::new();
    let mut different = BTreeSet::new();
    let cases = rows("cases.tsv");
    for row in &cases {
        let [id, results, threshold, exit, stdout, _] = row.as_slice() else { panic!("{row:?}") };
        let saf = match (exit.as_str(), stdout.contains("All validation tests passed")) {
            ("0", true) => MET,
            ("1", false) => NOT_MET,
            // It crashed and says 0.
            _ => ERROR,
        };
        let output = assay(&["threshold", "check", "-i", results, "-T", threshold]);
        let ours = output.status.code().unwrap();
        let says = String::from_utf8_lossy(if ours == MET { &output.stdout } else { &output.stderr });
        let opening = match ours {
            MET => "Threshold met\n",
            NOT_MET => "Threshold not met\n  ",
            // Of the threshold or of the results, not of the command line.
            _ if says.starts_with("error: results ") => "error: results ",
            _ => "error: threshold thresholds/",
        };
        let expected = DIFFERENCES.iter().find(|(known, ..)| known == id).map_or(saf, |(_, ours, _)| *ours);
        if ours != expected || !says.starts_with(opening) {
            wrong.push(format!("{id} {results} {threshold}: SAF {saf}, expected {expected}, got {ours}: {says}"));
        }
        if ours != saf {
            different.insert(id.clone());
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(different, DIFFERENCES.iter().map(|(id, ..)| (*id).to_owned()).collect());
    assert_eq!(cases.len(), 139);
}

#[test]
fn the_documentation_names_every_difference() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/thresholds.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, table) = text.split_once("| SAF | assay | cases |").unwrap();
    let cases = table.lines().filter_map(|line| line.strip_suffix('|')?.rsplit('|').next());
    let ids = cases.flat_map(|cell| cell.split(',')).map(|id| id.trim().to_owned());
    let named: Vec<String> = ids.filter(|id| id.chars().all(|char| char.is_ascii_digit())).collect();
    let set: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    assert_eq!(set.len(), named.len(), "a case stands in two rows");
    assert_eq!(set, DIFFERENCES.iter().map(|(id, ..)| *id).collect());
}

/// The controls that count, as (id, status, severity).
type Counted = Vec<(String, String, String)>;

/// `threshold generate --control-ids` names each control under its status and severity.
fn counted_by_assay(results: &str) -> Option<Counted> {
    let output = assay(&["threshold", "generate", "-i", results, "--control-ids"]);
    if output.status.code() == Some(ERROR) {
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: results "), "{output:?}");
        return None;
    }
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    type Bounds = BTreeMap<String, serde_yaml::Value>;
    let threshold: BTreeMap<String, BTreeMap<String, serde_yaml::Value>> =
        serde_yaml::from_slice(&output.stdout).unwrap();
    let mut counted = Counted::new();
    for (word, severities) in threshold.iter().filter(|(word, _)| *word != "compliance") {
        let status = match word.as_str() {
            "passed" => "Passed",
            "failed" => "Failed",
            "skipped" => "Not Reviewed",
            "no_impact" => "Not Applicable",
            _ => "Profile Error",
        };
        for (severity, bounds) in severities {
            let bounds: Bounds = serde_yaml::from_value(bounds.clone()).unwrap();
            for id in bounds.get("controls").and_then(|ids| ids.as_sequence()).into_iter().flatten() {
                counted.push((id.as_str().unwrap().to_owned(), status.to_owned(), severity.clone()));
            }
        }
    }
    counted.sort();
    Some(counted)
}

#[test]
fn every_status_and_severity_is_that_of_inspecjs() {
    let mut files: BTreeMap<String, Option<Counted>> = BTreeMap::new();
    let rows = rows("status.tsv");
    for row in &rows {
        let file = files.entry(row[0].clone()).or_insert_with(|| Some(Counted::new()));
        match row.as_slice() {
            [_, _, _, exception, ..] if exception.starts_with("EXCEPTION") => *file = None,
            [_, _, id, status, severity, _, counted] => {
                if counted == "true" {
                    let severity = severity.to_lowercase();
                    file.as_mut().unwrap().push((id.clone(), status.clone(), severity));
                }
            }
            _ => panic!("{row:?}"),
        }
    }
    let mut different = Vec::new();
    for (name, counted) in &mut files {
        if let Some(counted) = counted {
            counted.sort();
        }
        let ours = counted_by_assay(&format!("hdf/{name}"));
        if ours != *counted {
            assert!(OTHER_STATUSES.contains(&name.as_str()), "{name}: inspecjs {counted:?}, assay {ours:?}");
            different.push(name.as_str());
        }
    }
    assert_eq!(different, OTHER_STATUSES);
    assert_eq!(rows.len(), 504);
}
