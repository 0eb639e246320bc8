//! Thresholds as docs/thresholds.md promises them: they fail closed, list all violations, and compare exactly.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod fixture;

use std::fs;
use std::process::Output;

use fixture::{Scratch, repository};
use serde_json::{Value, json};

const MET: i32 = 0;
const NOT_MET: i32 = 103;
const ERROR: i32 = 2;

fn assay(scratch: &Scratch, arguments: &[&str]) -> Output {
    fixture::assay(&scratch.0).args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("killed: {output:?}"))
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn control(id: &str, impact: f64, status: &str) -> Value {
    json!({
        "id": id, "impact": impact, "refs": [], "tags": {}, "source_location": {},
        "results": [{ "status": status, "code_desc": "", "start_time": "" }],
    })
}

fn hdf(controls: &[Value]) -> Value {
    json!({
        "platform": { "name": "debian", "release": "12" }, "statistics": {}, "version": "1",
        "profiles": [
            { "name": "p", "sha256": "", "supports": [], "attributes": [], "groups": [], "controls": controls },
        ],
    })
}

/// One control of each kind: compliance is 1 of 3.
fn mixed() -> Value {
    hdf(&[
        control("good", 0.5, "passed"),
        control("bad", 0.9, "failed"),
        control("open", 0.7, "skipped"),
        control("no concern", 0.0, "failed"),
    ])
}

/// Judges results, which are written first, by a threshold on the command line.
fn check_inline(scratch: &Scratch, results: &Value, threshold: &str) -> Output {
    scratch.write("results.json", results.to_string());
    assay(scratch, &["threshold", "check", "-i", "results.json", "-I", threshold])
}

/// Judges them by a threshold in a file.
fn check_file(scratch: &Scratch, results: &Value, threshold: &str) -> Output {
    scratch.write("results.json", results.to_string());
    scratch.write("threshold.yaml", threshold);
    assay(scratch, &["threshold", "check", "-i", "results.json", "-T", "threshold.yaml"])
}

#[test]
fn every_key_holds() {
    let scratch = Scratch::new();
    for (threshold, expected) in [
        ("compliance.min: 33", MET),
        ("compliance.min: 34", NOT_MET),
        ("compliance.max: 34", MET),
        ("compliance.max: 33", NOT_MET),
        ("compliance.max: 0", NOT_MET),
        ("passed.total: 1", MET),
        ("passed.total: 2", NOT_MET),
        ("passed.total: 0", NOT_MET),
        ("failed.total.max: 1", MET),
        ("failed.total.max: 0", NOT_MET),
        ("failed.total.min: 1", MET),
        ("failed.total.min: 2", NOT_MET),
        ("failed.critical: 1", MET),
        ("failed.critical: 0", NOT_MET),
        ("failed.critical.max: 0", NOT_MET),
        ("failed.high.max: 0", MET),
        ("skipped.high.min: 1", MET),
        ("skipped.high.max: 0", NOT_MET),
        ("skipped.none.max: 0", MET),
        ("no_impact.total.min: 1", MET),
        ("no_impact.total.min: 2", NOT_MET),
        ("no_impact.total.max: 0", NOT_MET),
        ("no_impact.none: 1", MET),
        ("no_impact.none.max: 0", NOT_MET),
        ("error.total.max: 0", MET),
        ("error.total.min: 1", NOT_MET),
        ("{failed.critical.controls: [bad]}", MET),
        ("{failed.critical.controls: [good]}", NOT_MET),
        ("{failed.critical.controls: [bad, good]}", NOT_MET),
        ("{failed.critical.controls: []}", NOT_MET),
        ("{failed.low.controls: []}", MET),
    ] {
        let output = check_inline(&scratch, &mixed(), threshold);
        assert_eq!(code(&output), expected, "{threshold}: {output:?}");
    }
}

#[test]
fn all_violations_are_listed() {
    let scratch = Scratch::new();
    let threshold = "
        compliance: {min: 90}
        passed: {total: 4}
        failed: {critical: {max: 0, controls: [other]}, total: {max: 0}}
        skipped: {total: {max: 7}}
        no_impact: {none: {min: 2}}
    ";
    let output = check_file(&scratch, &mixed(), threshold);
    assert_eq!(code(&output), NOT_MET);
    assert!(output.stdout.is_empty());
    let lines: Vec<String> = errors(&output).lines().map(str::to_owned).collect();
    assert_eq!(
        lines,
        [
            "Threshold not met",
            "  compliance.min: expected at least 90, compliance is 33.33 %",
            "  passed.total: expected exactly 4, there are 1: good",
            "  failed.critical.max: expected at most 0, there are 1: bad",
            "  failed.critical.controls: expected exactly the controls listed; not among them: other; not listed: bad",
            "  failed.total.max: expected at most 0, there are 1: bad",
            "  no_impact.none.min: expected at least 2, there are 1: no concern",
        ]
    );
}

#[test]
fn compliance_is_compared_exactly() {
    let scratch = Scratch::new();
    for (threshold, expected) in [
        ("compliance.min: 33.33", MET),
        ("compliance.min: 33.34", NOT_MET),
        ("compliance.max: 33.34", MET),
        ("compliance.max: 33.33", NOT_MET),
    ] {
        assert_eq!(code(&check_inline(&scratch, &mixed(), threshold)), expected, "{threshold}");
    }

    // SAF rounds this to 100.
    let mut controls: Vec<Value> = (0..199).map(|number| control(&number.to_string(), 0.5, "passed")).collect();
    controls.push(control("bad", 0.5, "failed"));
    let almost = hdf(&controls);
    assert_eq!(code(&check_inline(&scratch, &almost, "compliance.min: 99.5")), MET);
    assert_eq!(code(&check_inline(&scratch, &almost, "compliance.min: 100")), NOT_MET);

    // Nothing that counts is no success.
    let nothing = hdf(&[control("a", 0.0, "passed")]);
    assert_eq!(code(&check_inline(&scratch, &nothing, "compliance.min: 0")), MET);
    assert_eq!(code(&check_inline(&scratch, &nothing, "compliance.min: 1")), NOT_MET);
}

#[test]
fn what_is_no_threshold_is_an_error() {
    let scratch = Scratch::new();
    for (threshold, part) in [
        ("", "empty"),
        (" \n", "empty"),
        ("# nothing\n", "empty"),
        ("{}", "empty"),
        ("failed: {}", "empty"),
        ("null", "empty"),
        ("hello", "must be a map"),
        ("- failed.total.max: 0", "must be a map"),
        ("failed: {total: {max: 0}", "not YAML"),
        ("failed.total.max: 0\n--- \nfailed.total.max: 9", "not YAML"),
        ("failed.total.max: 0\nfailed.total.max: 9", "not YAML"),
        ("failed.total.max: 9\nfailed: {total: {max: 0}}", "given twice"),
        ("failed.totl.max: 0", "did you mean `total`?"),
        ("faild.total.max: 0", "did you mean `failed`?"),
        ("failed.total.maximum: 0", "unknown word `maximum`"),
        ("failed.total.max.min: 0", "too many parts"),
        ("failed.High.max: 0", "did you mean `high`?"),
        ("failed.severe.max: 0", "expected one of: total, critical, high, medium, low, none"),
        ("failed.total.controls: [a]", "unknown word `controls`"),
        ("compliance: 80", "needs min or max"),
        ("compliance.total: 80", "unknown word `total`"),
        ("failed: 0", "needs total or a severity"),
        ("failed.total.max:", "must be a number"),
        ("failed.total.max: zero", "must be a number"),
        ("failed.total.max: true", "must be a number"),
        ("failed.total.max: [0]", "must be a number"),
        ("failed.total.max: .nan", "must be a number"),
        ("failed.total.max: .inf", "must be a number"),
        ("failed.total.max: 1e999", "must be a number"),
        ("failed.high.controls: a", "must be a list of control ids"),
        ("failed.high.controls: [1]", "must be a list of control ids"),
        ("1: 2", "a key is no text"),
        ("note: 1\nfailed.total.max: 5", "unknown word `note`"),
    ] {
        let output = check_file(&scratch, &mixed(), threshold);
        assert_eq!(code(&output), ERROR, "{threshold:?}: {output:?}");
        assert!(output.stdout.is_empty());
        let message = errors(&output);
        assert!(message.starts_with("error: threshold threshold.yaml: ") && message.contains(part), "{message}");
    }

    let missing = assay(&scratch, &["threshold", "check", "-i", "results.json", "-T", "nowhere.yaml"]);
    assert_eq!(code(&missing), ERROR);
    assert!(errors(&missing).contains("nowhere.yaml"), "{missing:?}");
    let folder = assay(&scratch, &["threshold", "check", "-i", "results.json", "-T", "."]);
    assert_eq!(code(&folder), ERROR, "{folder:?}");
    scratch.write("threshold.yaml", b"failed.total.max: \xff");
    let bytes = assay(&scratch, &["threshold", "check", "-i", "results.json", "-T", "threshold.yaml"]);
    assert_eq!(code(&bytes), ERROR, "{bytes:?}");
    let none = assay(&scratch, &["threshold", "check", "-i", "results.json"]);
    assert_eq!(code(&none), ERROR, "{none:?}");
}

#[test]
fn a_threshold_can_stand_on_the_command_line() {
    let scratch = Scratch::new();
    for (threshold, expected) in [
        ("compliance.min: 30, failed.critical.max: 1", MET),
        ("compliance.min: 30, failed.critical.max: 0", NOT_MET),
        ("compliance.min:30,failed.critical.max:0", NOT_MET),
        ("{compliance.min: 30}, {passed.total.min: 1}, {failed.total.max: 0}", NOT_MET),
        ("{compliance.min: 30}, {passed.total.min: 1}, {failed.total.max: 1}", MET),
        ("{\"failed.total.min\": 0, \"failed.total.max\" : 0}", NOT_MET),
        ("{failed: {critical: {max: 0}}}", NOT_MET),
        ("compliance.min: 33.4", NOT_MET),
        ("", ERROR),
        (",", ERROR),
        ("{}", ERROR),
        ("compliance.min", ERROR),
        ("compliance.min: x", ERROR),
        ("compliance.min: 30, , faild.total.max: 0", ERROR),
        ("failed.total.max: 0, failed.total.max: 9", ERROR),
        ("{failed: {critical: {max: 0}}", ERROR),
        ("failed.critical.controls: [bad", ERROR),
    ] {
        let output = check_inline(&scratch, &mixed(), threshold);
        assert_eq!(code(&output), expected, "{threshold}: {output:?}");
        assert!(expected != ERROR || errors(&output).starts_with("error: threshold: "), "{threshold}: {output:?}");
    }
}

#[test]
fn results_that_cannot_be_read_are_an_error() {
    let scratch = Scratch::new();
    let whole = mixed().to_string();
    scratch.write("results.json", &whole);
    let check = || assay(&scratch, &["threshold", "check", "-i", "results.json", "-I", "failed.total.max: 9"]);
    assert_eq!(code(&check()), MET);
    for end in 0..whole.len() {
        // Every seventh place is enough.
        if end % 7 == 0 {
            scratch.write("results.json", &whole[..end]);
            let output = check();
            assert_eq!(code(&output), ERROR, "cut at {end}: {output:?}");
            assert!(errors(&output).starts_with("error: results results.json: "), "{output:?}");
        }
    }
    let mut bytes = whole.clone().into_bytes();
    bytes.extend_from_slice(b" {}");
    scratch.write("results.json", &bytes);
    assert_eq!(code(&check()), ERROR, "more after the end");
    scratch.write("results.json", whole.replace("good", "\u{1}").replace('\u{1}', "\\ud800"));
    assert_eq!(code(&check()), ERROR, "half a character");
    let at = whole.find("good").unwrap();
    let mut bytes = whole.into_bytes();
    bytes[at] = 0xff;
    scratch.write("results.json", &bytes);
    assert_eq!(code(&check()), ERROR, "no UTF-8");
    for path in ["nowhere.json", "."] {
        let output = assay(&scratch, &["threshold", "check", "-i", path, "-I", "failed.total.max: 9"]);
        assert_eq!(code(&output), ERROR, "{path}: {output:?}");
    }
}

/// Results with one value replaced.
fn with(path: &str, value: Value) -> Value {
    let mut results = mixed();
    *results.pointer_mut(path).unwrap() = value;
    results
}

/// Results with one key removed.
fn without(path: &str) -> Value {
    let mut results = mixed();
    let (parent, key) = path.rsplit_once('/').unwrap();
    results.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap();
    results
}

#[test]
fn results_of_another_shape_are_an_error() {
    let scratch = Scratch::new();
    let required = [
        "/platform",
        "/platform/name",
        "/platform/release",
        "/profiles",
        "/profiles/0/name",
        "/profiles/0/sha256",
        "/profiles/0/supports",
        "/profiles/0/attributes",
        "/profiles/0/groups",
        "/profiles/0/controls",
        "/profiles/0/controls/1/id",
        "/profiles/0/controls/1/impact",
        "/profiles/0/controls/1/refs",
        "/profiles/0/controls/1/tags",
        "/profiles/0/controls/1/source_location",
        "/profiles/0/controls/1/results",
        "/profiles/0/controls/1/results/0/code_desc",
        "/profiles/0/controls/1/results/0/start_time",
        "/statistics",
        "/version",
    ];
    let mut hostile: Vec<(String, Value)> = Vec::new();
    for path in required {
        hostile.push((format!("{path} is absent"), without(path)));
        hostile.push((format!("{path} is null"), with(path, Value::Null)));
        hostile.push((format!("{path} is true"), with(path, json!(true))));
    }
    for (path, value) in [
        ("", json!([])),
        ("", json!("text")),
        ("/profiles", json!([])),
        ("/profiles", json!({})),
        ("/profiles", json!([[]])),
        ("/profiles/0", json!(["p"])),
        ("/profiles/0/controls", json!({})),
        ("/profiles/0/controls", json!([1])),
        ("/profiles/0/controls/1/id", json!(5)),
        ("/profiles/0/controls/1/impact", json!("0.5")),
        ("/profiles/0/controls/1/impact", json!([0.5])),
        ("/profiles/0/controls/1/tags", json!([])),
        ("/profiles/0/controls/1/tags", json!({ "severity": 1 })),
        ("/profiles/0/controls/1/tags", json!({ "severityoverride": [] })),
        ("/profiles/0/controls/1/tags", json!({ "nist": 5 })),
        ("/profiles/0/controls/1/tags", json!({ "nist": ["AC-3", null] })),
        ("/profiles/0/controls/1/refs", json!([{ "url": null }])),
        ("/profiles/0/controls/1/results", json!({})),
        ("/profiles/0/controls/1/results", json!([null])),
        ("/profiles/0/controls/1/results/0/status", json!("Passed")),
        ("/profiles/0/controls/1/results/0/status", json!("")),
        ("/profiles/0/controls/1/results/0/status", json!(0)),
    ] {
        hostile.push((format!("{path} is {value}"), with(path, value)));
    }
    for (key, value) in [
        ("backtrace", json!("text")),
        ("backtrace", json!([1])),
        ("backtrace", json!(false)),
        ("run_time", json!("1")),
        ("message", json!(["m"])),
    ] {
        let mut results = mixed();
        results.pointer_mut("/profiles/0/controls/1/results/0").unwrap()[key] = value.clone();
        hostile.push((format!("{key} of a result is {value}"), results));
    }
    for (key, value) in [
        ("waiver_data", json!("waived")),
        ("waiver_data", json!({ "skipped_due_to_waiver": 1 })),
        ("waiver_data", json!({ "run": "false" })),
        ("descriptions", json!({})),
        ("descriptions", json!([{ "label": "check", "data": null }])),
        ("attestation_data", json!({ "status": "passed" })),
        ("title", json!(1)),
    ] {
        let mut results = mixed();
        results.pointer_mut("/profiles/0/controls/1").unwrap()[key] = value.clone();
        hostile.push((format!("{key} is {value}"), results));
    }
    for (key, value) in [
        ("status", json!("failed")),
        ("status", json!(false)),
        ("parent_profile", json!("p")),
        ("parent_profile", json!(1)),
        ("depends", json!({})),
    ] {
        hostile.push((format!("{key} of the profile is {value}"), {
            let mut results = mixed();
            results.pointer_mut("/profiles/0").unwrap()[key] = value;
            results
        }));
    }
    // Each would take over the other's controls, so that none would count.
    let mut circle = mixed();
    let mut other = circle["profiles"][0].clone();
    other["name"] = json!("q");
    other["parent_profile"] = json!("p");
    circle["profiles"][0]["parent_profile"] = json!("q");
    circle["profiles"].as_array_mut().unwrap().push(other);
    hostile.push(("parents in a circle".to_owned(), circle));

    for (name, results) in hostile {
        let output = check_inline(&scratch, &results, "failed.total.max: 9");
        assert_eq!(code(&output), ERROR, "{name}: {output:?}");
        assert!(output.stdout.is_empty(), "{name}");
        assert!(errors(&output).starts_with("error: results results.json: "), "{name}: {output:?}");
    }
}

#[test]
fn hostile_text_is_an_error_and_no_crash() {
    let scratch = Scratch::new();
    let whole = mixed().to_string();
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(200_000), close.repeat(200_000));
    let impact = |text: &str| whole.replace("\"impact\":0.9", &format!("\"impact\":{text}"));
    let passthrough = |text: &str| whole.replacen('{', &format!("{{\"passthrough\":{text},"), 1);
    let texts = [
        ("brackets", deep("[", "]")),
        ("brackets without end", "[".repeat(1_000_000)),
        ("braces", deep("{\"a\":", "}")),
        ("brackets where anything may stand", passthrough(&deep("[", "]"))),
        ("brackets in a control", impact(&deep("[", "]"))),
        ("NaN", impact("NaN")),
        ("Infinity", impact("Infinity")),
        ("-Infinity", impact("-Infinity")),
        ("a number that is too large", impact("1e999")),
        ("a number of many digits", impact(&"9".repeat(1000))),
        ("hex", impact("0x1")),
        ("a leading zero", impact("00.9")),
        ("a single quote", whole.replace('"', "'")),
        ("a comma at the end", whole.replacen("]", ",]", 1)),
        ("a comment", format!("// {whole}\n{whole}")),
        ("a byte order mark twice", format!("\u{feff}\u{feff}{whole}")),
        ("zeros", "\0".repeat(100_000)),
        ("YAML", "profiles: []\n".to_owned()),
        ("XML", "<?xml version=\"1.0\"?><a/>".to_owned()),
    ];
    for (name, text) in texts {
        assert_ne!(text, whole, "{name}");
        scratch.write("results.json", &text);
        for threshold in ["failed.total.max: 9", "compliance.min: 0"] {
            let output = assay(&scratch, &["threshold", "check", "-i", "results.json", "-I", threshold]);
            assert_eq!(code(&output), ERROR, "{name}: {}", errors(&output));
            assert!(output.stdout.is_empty(), "{name}");
        }
        let output = assay(&scratch, &["threshold", "generate", "-i", "results.json", "-o", "made.yaml"]);
        assert_eq!(code(&output), ERROR, "{name}");
        assert!(!scratch.path("made.yaml").exists(), "{name}");
    }

    let bomb = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
        format!("{text}a{level}: &a{level} [*a{0}, *a{0}, *a{0}, *a{0}]\n", level - 1)
    });
    let nested = format!("failed: {}", "{total: ".repeat(5_000));
    for threshold in [bomb, nested, "[".repeat(5_000), "failed.".repeat(100_000) + ": 1"] {
        let output = check_file(&scratch, &mixed(), &threshold);
        assert_eq!(code(&output), ERROR, "{}: {}", &threshold[..20], errors(&output));
    }
}

#[test]
fn what_is_generated_is_met() {
    let scratch = Scratch::new();
    let oracle = repository("tests/oracle/saf/hdf");
    let mut judged = 0;
    for entry in fs::read_dir(oracle).unwrap() {
        fs::copy(entry.unwrap().path(), scratch.path("results.json")).unwrap();
        for flags in [&[][..], &["--exact"], &["--control-ids"], &["-e", "-c"]] {
            let generate = ["threshold", "generate", "-i", "results.json", "-o", "made.yaml"];
            let output = assay(&scratch, &[&generate, flags].concat());
            if code(&output) == ERROR {
                continue;
            }
            assert_eq!(code(&output), MET, "{output:?}");
            let output = assay(&scratch, &["threshold", "check", "-i", "results.json", "-T", "made.yaml"]);
            assert_eq!(code(&output), MET, "{flags:?}: {output:?}");
            assert_eq!(output.stdout, b"Threshold met\n");
            judged += 1;
        }
    }
    assert!(judged > 150, "{judged}");
}

#[test]
fn what_is_generated_holds_what_is() {
    let scratch = Scratch::new();
    let good = || control("good", 0.5, "passed");
    let bad = || control("bad", 0.5, "failed");
    let generated = |flags: &[&str]| {
        scratch.write("results.json", hdf(&[good(), bad()]).to_string());
        let output = assay(&scratch, &[&["threshold", "generate", "-i", "results.json"], flags].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    let (loose, exact, ids) = (generated(&[]), generated(&["--exact"]), generated(&["--control-ids"]));
    let other = hdf(&[good(), control("other", 0.5, "failed")]);
    let fewer = hdf(&[good(), control("bad", 0.5, "passed")]);
    for (name, results, threshold, expected) in [
        ("one more fails", hdf(&[good(), bad(), control("worse", 0.5, "failed")]), &loose, NOT_MET),
        ("one that passed is skipped", hdf(&[control("good", 0.5, "skipped"), bad()]), &loose, NOT_MET),
        ("one that failed passes", fewer.clone(), &loose, MET),
        ("one that failed passes", fewer, &exact, NOT_MET),
        ("another one fails", other.clone(), &exact, MET),
        ("another one fails", other, &ids, NOT_MET),
    ] {
        let output = check_file(&scratch, &results, threshold);
        assert_eq!(code(&output), expected, "{name}: {output:?}");
    }
}

const PROFILE: &str = "
schema: 1
name: p
controls:
  - {id: good, title: Good, checks: [{file: /folder, expect: {exist: true}}]}
  - {id: unknown, title: Unknown, checks: [{file: /folder, expect: {content: {match: x}}}]}
";

#[test]
fn a_scan_with_errors_needs_a_threshold_that_allows_them() {
    let scratch = Scratch::new();
    scratch.write("profile.yaml", PROFILE);
    fs::create_dir_all(scratch.path("root/folder")).unwrap();
    for (threshold, expected) in [
        ("failed.total.max: 0", NOT_MET),
        ("compliance.min: 50", NOT_MET),
        ("{compliance: {min: 50}, error: {total: {max: 1}}}", MET),
        ("error.medium.max: 1", MET),
        ("error.high.max: 0", MET),
        ("error.total.max: 0", NOT_MET),
        ("failed.totl.max: 0", ERROR),
        ("", ERROR),
    ] {
        scratch.write("threshold.yaml", threshold);
        let output = assay(
            &scratch,
            &[
                "scan",
                "profile.yaml",
                "--rootfs",
                "root",
                "--threshold",
                "threshold.yaml",
                "--reporter",
                "json:results.json",
            ],
        );
        assert_eq!(code(&output), expected, "{threshold}: {output:?}");
        if expected == ERROR {
            assert!(!scratch.path("results.json").exists(), "{threshold}");
            continue;
        }
        let report: Value = serde_json::from_slice(&fs::read(scratch.path("results.json")).unwrap()).unwrap();
        let verdict = &report["passthrough"]["assay"]["threshold"];
        assert_eq!(verdict["met"], json!(expected == MET), "{threshold}");
        assert_eq!(verdict["violations"].as_array().unwrap().is_empty(), expected == MET, "{threshold}");
        fs::remove_file(scratch.path("results.json")).unwrap();
    }
    let missing = assay(&scratch, &["scan", "profile.yaml", "--rootfs", "root", "--threshold", "nowhere.yaml"]);
    assert_eq!(code(&missing), ERROR, "{missing:?}");

    // Results that are judged alone are judged by what the threshold says.
    let scan = ["scan", "profile.yaml", "--rootfs", "root", "--reporter", "json:results.json"];
    assert_eq!(code(&assay(&scratch, &scan)), 100);
    for (threshold, expected) in [("failed.total.max: 0", MET), ("error.total.max: 0", NOT_MET)] {
        let output = assay(&scratch, &["threshold", "check", "-i", "results.json", "-I", threshold]);
        assert_eq!(code(&output), expected, "{threshold}: {output:?}");
    }
}
