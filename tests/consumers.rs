//! The real readers of HDF on what assay writes: inspecjs (the heart of Heimdall) and the SAF CLI with its thresholds,
//! summaries and converters. docs/hdf.md says how to install them.
//!
//! They are found by the environment variable ASSAY_SAF (the program `saf`, or a folder that holds node_modules) or on
//! PATH. Files in tests/golden are read by them too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod fixture;
mod saf;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use fixture::{Scratch, repository};
use saf::Saf;
use serde_json::Value;

type Expected = (&'static str, &'static str, &'static str, bool);

/// What each control of tests/consumers/every-outcome.yaml comes to: id, status, severity, waived.
const EVERY_OUTCOME: [Expected; 19] = [
    ("passed", "Passed", "critical", false),
    ("failed", "Failed", "high", false),
    ("passed-and-failed", "Failed", "low", false),
    ("passed-and-skipped", "Passed", "medium", false),
    ("passed-and-error", "Profile Error", "medium", false),
    ("error", "Profile Error", "high", false),
    ("not-applicable", "Not Applicable", "high", false),
    ("missing-na", "Not Applicable", "low", false),
    ("missing-skip", "Not Reviewed", "low", false),
    ("only-if", "Not Reviewed", "medium", false),
    ("manual", "Not Reviewed", "high", false),
    ("none-failed", "Not Applicable", "none", false),
    ("none-passed", "Not Applicable", "none", false),
    ("none-error", "Profile Error", "none", false),
    ("little-passed", "Passed", "none", false),
    ("waived", "Not Applicable", "high", true),
    ("waived-error", "Profile Error", "medium", false),
    ("waived-failed", "Failed", "medium", false),
    ("waived-once", "Passed", "low", false),
];

const ODD_TEXT: [Expected; 3] = [
    ("SV-1.r2_rule (a) <b> & \"c\"", "Failed", "high", false),
    ("names", "Failed", "high", false),
    ("日本語", "Passed", "medium", false),
];

const ONE: [Expected; 1] = [("alone", "Failed", "medium", false)];

const ELSEWHERE: [Expected; 1] = [("elsewhere", "Not Reviewed", "medium", false)];

/// What is taken from two of the profiles above, with changes: limit 4 makes `passed` fail.
const OVERLAY: [Expected; 8] = [
    ("passed", "Failed", "critical", false),
    ("failed", "Not Applicable", "none", false),
    ("error", "Passed", "low", false),
    ("not-applicable", "Not Applicable", "high", false),
    ("none-failed", "Failed", "critical", false),
    ("none-error", "Profile Error", "none", false),
    ("waived", "Not Applicable", "high", true),
    ("alone", "Failed", "medium", false),
];

/// Thresholds on whose meaning SAF and assay agree.
const THRESHOLDS: [&str; 12] = [
    "compliance.min: 1",
    "compliance.min: 100",
    "compliance.max: 99",
    "passed.total.min: 1",
    "passed.critical.min: 1",
    "failed.total.max: 0",
    "failed.high.max: 0",
    "skipped.total.max: 0",
    "error.total.max: 0",
    "error.medium.min: 1",
    "no_impact.high.max: 0",
    "no_impact.none.max: 0",
];

fn assay(scratch: &Scratch, arguments: &[&str]) -> Output {
    fixture::assay(&scratch.0).args(arguments).output().unwrap()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A folder with targets and results: name of the file, profiles.
fn results(scans: &[(&str, &[&str])]) -> Scratch {
    let scratch = Scratch::new();
    scratch.write("root/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    scratch.write("root/file", "hello");
    scratch.write("root/odd", b"a | b </script>\n\x1b[2J\xff\xfe\0 \xe2\x80\xae end ]]>");
    fs::create_dir(scratch.path("root/folder")).unwrap();
    let names = [&b"new\nline"[..], b"\x1b[31m", b"<script>", b"|", b"\xff\xfe", b"quo'te\"", b"-rf", b"a\\xffb"];
    for name in names {
        let folder = scratch.path("root/odd-names");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(OsStr::from_bytes(name)), "").unwrap();
    }
    let sources = repository("tests/consumers");
    for entry in fs::read_dir(sources).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, scratch.0.join(path.file_name().unwrap())).unwrap();
    }
    for (file, profiles) in scans {
        let reporter = format!("json:{file}");
        let output = assay(
            &scratch,
            &[&["scan"][..], profiles, &["--rootfs", "root", "--waiver-file", "waivers.yaml", "--reporter", &reporter]]
                .concat(),
        );
        assert!(matches!(output.status.code(), Some(100 | 101)), "{output:?}");
    }
    scratch
}

/// Files of results by other tests of this project, under short names in this folder.
fn golden(scratch: &Scratch) -> Vec<String> {
    let Ok(entries) = fs::read_dir(repository("tests/golden")) else {
        return Vec::new();
    };
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.extension() == Some(OsStr::new("json")) && is_hdf(&path) {
            let name = format!("golden-{}", path.file_name().unwrap().to_str().unwrap());
            fs::copy(&path, scratch.path(&name)).unwrap();
            files.push(name);
        }
    }
    files.sort();
    files
}

fn is_hdf(path: &Path) -> bool {
    let json: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    json["platform"].is_object() && json["profiles"].is_array()
}

/// The controls of a file of results: profile and id.
fn controls(scratch: &Scratch, file: &str) -> Vec<(String, String)> {
    let report: Value = serde_json::from_slice(&fs::read(scratch.path(file)).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut found = Vec::new();
    for profile in report["profiles"].as_array().unwrap() {
        for control in profile["controls"].as_array().unwrap() {
            found.push((text(&profile["name"]), text(&control["id"])));
        }
    }
    found
}

#[test]
fn inspecjs_derives_the_status_that_was_meant() {
    let Some(saf) = Saf::find("inspecjs_derives_the_status_that_was_meant") else { return };
    let scans: [(&str, &[&str]); 6] = [
        ("every-outcome.json", &["every-outcome.yaml"]),
        ("odd-text.json", &["odd-text.yaml"]),
        ("one.json", &["one.yaml"]),
        ("elsewhere.json", &["elsewhere.yaml"]),
        ("several.json", &["one.yaml", "odd-text.yaml", "every-outcome.yaml"]),
        ("overlay.json", &["overlay.yaml"]),
    ];
    let scratch = results(&scans);
    let answer = saf.ask(&scratch.0, &scans.map(|(file, _)| file.to_owned()), &[]);
    let several = [&ONE[..], &ODD_TEXT, &EVERY_OUTCOME].concat();
    let overlay = [&OVERLAY[..], &[("own", "Not Applicable", "medium", false)]].concat();
    let expected: [&[_]; 6] = [&EVERY_OUTCOME, &ODD_TEXT, &ONE, &ELSEWHERE, &several, &overlay];
    for ((file, _), (seen, expected)) in scans.iter().zip(answer["controls"].as_array().unwrap().iter().zip(expected)) {
        let seen = seen.as_array().unwrap().iter().map(|control| {
            let text = |key: &str| control[key].as_str().unwrap();
            assert_eq!(control["counts"], true, "{file}: {control}");
            (text("id"), text("status"), text("severity"), control["waived"].as_bool().unwrap())
        });
        assert_eq!(seen.collect::<Vec<_>>(), expected, "{file}");
    }
}

/// Names and contents of the target come as visible escapes: SAF's XML cannot hold control characters.
#[test]
fn what_the_target_holds_is_text_that_every_format_can_hold() {
    let scratch = results(&[("odd-text.json", &["odd-text.yaml"])]);
    let report: Value = serde_json::from_slice(&fs::read(scratch.path("odd-text.json")).unwrap()).unwrap();
    let messages = ["/profiles/0/controls/0", "/profiles/0/controls/1"].into_iter().flat_map(|path| {
        let results = report.pointer(path).unwrap()["results"].as_array().unwrap().iter();
        results.map(|result| result["message"].as_str().unwrap())
    });
    let messages: Vec<&str> = messages.collect();
    assert!(messages.iter().all(|message| !message.contains(|char: char| char.is_control() && char != '\n')));
    for name in [r"/odd-names/\xff\xfe", r"/odd-names/a\x5cxffb", r"/odd-names/new\x0aline", r"/odd-names/\x1b[31m"] {
        assert!(messages[2].lines().any(|line| line.trim().starts_with(&format!("{name}: 0"))), "{name}: {messages:?}");
    }
}

#[test]
fn saf_reaches_the_same_verdicts() {
    let Some(saf) = Saf::find("saf_reaches_the_same_verdicts") else { return };
    let scratch = results(&[
        ("every-outcome.json", &["every-outcome.yaml"]),
        ("odd-text.json", &["odd-text.yaml"]),
        ("one.json", &["one.yaml"]),
        ("elsewhere.json", &["elsewhere.yaml"]),
        ("overlay.json", &["overlay.yaml"]),
    ]);
    let mut files = words(&["every-outcome.json", "odd-text.json", "one.json", "elsewhere.json", "overlay.json"]);
    // SAF looks at the first profile only.
    files.extend(golden(&scratch).into_iter().filter(|file| {
        let controls = controls(&scratch, file);
        controls.iter().all(|(profile, _)| *profile == controls[0].0)
    }));
    let mut commands = Vec::new();
    for file in &files {
        for threshold in THRESHOLDS {
            commands.push(words(&["validate", "threshold", "-i", file, "-I", threshold]));
        }
        for (name, flags) in [("loose", &[][..]), ("exact", &["-e"]), ("ids", &["-c"]), ("all", &["-e", "-c"])] {
            let made = format!("{file}-{name}.yaml");
            let output = assay(&scratch, &[&["threshold", "generate", "-i", file, "-o", &made], flags].concat());
            assert!(output.status.success(), "{output:?}");
            commands.push(words(&["validate", "threshold", "-i", file, "-T", &made]));
        }
    }
    let answer = saf.ask(&scratch.0, &[], &commands);
    let mut verdicts = BTreeMap::new();
    for (command, answer) in commands.iter().zip(answer["commands"].as_array().unwrap()) {
        let text = |key: &str| answer[key].as_str().unwrap();
        let saf = match answer["code"].as_i64() {
            Some(0) if text("out").contains("All validation tests passed") => 0,
            Some(1) if text("err").contains("Error: ") => 103,
            _ => panic!("{command:?}: SAF reaches no verdict: {answer}"),
        };
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        let ours = assay(&scratch, &[&["threshold", "check"], &arguments[2..]].concat());
        assert_eq!(ours.status.code(), Some(saf), "{command:?}: SAF {answer}, assay {ours:?}");
        assert!(arguments[4] == "-I" || saf == 0, "{command:?}");
        *verdicts.entry(saf).or_insert(0) += 1;
    }
    assert!(verdicts[&0] > 20 && verdicts[&103] > 20, "{verdicts:?}");
}

#[test]
fn of_several_profiles_saf_judges_the_first() {
    let Some(saf) = Saf::find("of_several_profiles_saf_judges_the_first") else { return };
    let scratch = results(&[("several.json", &["odd-text.yaml", "every-outcome.yaml"])]);
    let commands = [
        words(&["validate", "threshold", "-i", "several.json", "-I", "error.total.max: 0"]),
        words(&["view", "summary", "-i", "several.json", "-f", "json"]),
    ];
    let answer = saf.ask(&scratch.0, &[], &commands);
    assert_eq!(answer["commands"][0]["code"], 0, "{answer}");
    let summary: Value = serde_json::from_str(answer["commands"][1]["out"].as_str().unwrap()).unwrap();
    assert_eq!(summary.as_array().unwrap().len(), 1);
    assert_eq!(summary[0]["profileName"], "odd-text");
    assert_eq!(summary[0]["failed"]["total"], 2);

    let ours = assay(&scratch, &["threshold", "check", "-i", "several.json", "-I", "error.total.max: 0"]);
    assert_eq!(ours.status.code(), Some(103), "{ours:?}");
}

#[test]
fn saf_summarises_and_converts() {
    let Some(saf) = Saf::find("saf_summarises_and_converts") else { return };
    let scratch = results(&[
        ("every-outcome.json", &["every-outcome.yaml"]),
        ("odd-text.json", &["odd-text.yaml"]),
        ("one.json", &["one.yaml"]),
        ("elsewhere.json", &["elsewhere.yaml"]),
        ("several.json", &["one.yaml", "odd-text.yaml", "every-outcome.yaml"]),
        ("overlay.json", &["overlay.yaml"]),
    ]);
    let own = ["every-outcome.json", "odd-text.json", "one.json", "elsewhere.json", "several.json", "overlay.json"];
    let files: Vec<String> = own.iter().map(|file| (*file).to_owned()).chain(golden(&scratch)).collect();
    let mut commands = Vec::new();
    let mut outputs = Vec::new();
    for file in &files {
        for format in ["json", "yaml", "markdown"] {
            let output = format!("{file}-summary.{format}");
            commands.push(words(&["view", "summary", "-i", file, "-f", format, "-o", &output, "--no-stdout"]));
            outputs.push(output);
        }
        let converters =
            [("ckl", "ckl"), ("csv", "csv"), ("xccdf", "xml"), ("caat", "xlsx"), ("condensed", "condensed.json")];
        for (converter, extension) in converters {
            let output = format!("{file}.{extension}");
            commands.push(words(&["convert", &format!("hdf2{converter}"), "-i", file, "-o", &output]));
            outputs.push(output);
        }
        let folder = format!("{}-asff", file.trim_end_matches(".json"));
        let account = ["-a", "123456789012", "-r", "us-east-1", "-t", "target"];
        commands.push([words(&["convert", "hdf2asff", "-i", file, "-o", &folder]), words(&account)].concat());
        outputs.push(format!("{folder}/{folder}.json"));
    }
    let answer = saf.ask(&scratch.0, &[], &commands);
    for ((command, output), answer) in commands.iter().zip(&outputs).zip(answer["commands"].as_array().unwrap()) {
        let said = format!("{}{}", answer["out"].as_str().unwrap(), answer["err"].as_str().unwrap());
        let is_good = answer["code"] == 0 && !said.contains("rror") && !said.contains("failed");
        assert!(is_good, "{command:?}: {answer}");
        let path = scratch.path(output);
        // Large results become several files.
        let path =
            if path.exists() { path } else { PathBuf::from(path.to_str().unwrap().replace(".json", ".p0.json")) };
        assert!(fs::metadata(&path).is_ok_and(|file| file.len() > 0), "{command:?} wrote nothing: {answer}");
    }
    for file in own {
        every_control_is_converted(&scratch, file);
    }
}

/// All controls, of all profiles, are in the files for people and for other tools.
fn every_control_is_converted(scratch: &Scratch, file: &str) {
    let read = |extension: &str| fs::read_to_string(scratch.path(&format!("{file}.{extension}"))).unwrap();
    let ids: Vec<String> = controls(scratch, file).into_iter().map(|(_, id)| id).collect();

    let mut table = csv::Reader::from_path(scratch.path(&format!("{file}.csv"))).unwrap();
    let column = table.headers().unwrap().iter().position(|name| name == "ID").unwrap();
    let rows: Vec<String> = table.records().map(|row| row.unwrap()[column].to_owned()).collect();
    assert_eq!(rows, ids, "{file}");

    assert_eq!(read("ckl").matches("<STATUS>").count(), ids.len(), "{file}");
    assert_eq!(read("xml").matches("<rule-result ").count(), ids.len(), "{file}");

    let folder = format!("{}-asff", file.trim_end_matches(".json"));
    let text = fs::read_to_string(scratch.path(&format!("{folder}/{folder}.json"))).unwrap();
    let findings: Vec<Value> = serde_json::from_str(&text).unwrap();
    for id in &ids {
        let rule = format!("/rule/{id}");
        let is_of_rule = |finding: &&Value| finding["GeneratorId"].as_str().is_some_and(|id| id.ends_with(&rule));
        assert!(findings.iter().any(|finding| is_of_rule(&finding)), "{file}: {id}");
    }
}
