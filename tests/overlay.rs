//! Profiles that build on others: what is taken and changed, whose word on inputs wins, copies kept by `assay vendor`,
//! archives that take all along. tests/consumers.rs shows that the real readers of HDF count such a run right,
//! tests/invalid/overlay* what is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod fixture;

use std::fs;

use fixture::{Run, Scratch, run};
use serde_json::{Value, json};

const BASE: &str = r#"schema: 1
name: base
version: 1.0.0
supports: [{os-name: debian}]
inputs:
  text: {type: string, value: base}
conditions:
  there: {file: /etc/conf, expect: {exist: true}}
defaults: {tags: {nist: [AC-3], kept: true}}
controls:
  - id: b-1
    title: The text
    impact: high
    desc: Why.
    fix: Write it.
    refs: [here]
    only_if: there
    checks: [{file: /etc/conf, expect: {content: {match: "^${inputs.text}$"}}}]
  - {id: b-2, title: The other, impact: low, checks: [{file: /etc/other, expect: {exist: true}}]}
  - {id: b-3, title: Not wanted, checks: [{file: /etc/other, expect: {exist: true}}]}
"#;

const MIDDLE: &str = r#"schema: 1
name: middle
version: 2.0.0
inputs: {own: {type: string, value: /etc/conf}}
conditions: {present: {file: "${inputs.own}", expect: {exist: true}}}
depends: [{name: below, path: ../base.yaml}]
overlay:
  - from: below
    skip: [b-3]
    inputs: {text: middle}
    override:
      b-1:
        impact: critical
        fix: Ask.
        tags: {nist: [AC-6], added: here}
        refs: [there]
      b-2:
        only_if: present
        each: {as: name, in: [conf, other]}
        checks: [{file: "/etc/${name}", expect: {exist: true}}]
"#;

const TOP: &str = r#"schema: 1
name: top
version: 3.0.0
depends: [{name: mid, path: ../middle}]
overlay: [{from: mid, include: [/^b-/], inputs: {text: top}}]
controls:
  - {id: t-1, title: Own, only_if: mid/below/there, checks: [{file: /etc/conf, expect: {exist: true}}]}
"#;

/// Three profiles, one above the other, and a root.
fn stage() -> Scratch {
    let stage = Scratch::new();
    stage.write("base.yaml", BASE);
    stage.write("middle/profile.yaml", MIDDLE);
    stage.write("top/profile.yaml", TOP.split("controls:\n").next().unwrap());
    stage.write("top/controls/own.yaml", format!("schema: 1\ncontrols:\n{}", TOP.split("controls:\n").nth(1).unwrap()));
    stage.write("root/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    stage.write("root/etc/conf", "middle\n");
    stage
}

fn scan(stage: &Scratch, arguments: &[&str]) -> Value {
    let found = run(&stage.0, [&["scan"][..], arguments, &["--rootfs", "root", "--reporter", "json"]].concat());
    assert!([0, 100, 101].contains(&found.code), "{}", found.stderr);
    serde_json::from_str(&found.stdout).unwrap()
}

/// Ids with the statuses of their results.
fn statuses(report: &Value) -> Vec<(String, String)> {
    let controls = report["profiles"][0]["controls"].as_array().unwrap().iter();
    let of = |control: &Value| {
        let results = control["results"].as_array().unwrap().iter();
        results.map(|result| result["status"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
    };
    controls.map(|control| (control["id"].as_str().unwrap().to_owned(), of(control))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(id, statuses)| ((*id).to_owned(), (*statuses).to_owned())).collect()
}

#[test]
fn controls_are_taken_and_changed() {
    let stage = stage();
    let report = scan(&stage, &["middle"]);
    assert_eq!(report["profiles"].as_array().unwrap().len(), 1);
    assert_eq!(statuses(&report), pairs(&[("b-1", "passed"), ("b-2", "passed failed")]));
    let profile = &report["profiles"][0];
    assert_eq!((&profile["name"], &profile["version"]), (&json!("middle"), &json!("2.0.0")));
    assert_eq!(profile["parent_profile"], Value::Null);
    assert_eq!(profile["depends"], Value::Null);
    let depends = &report["passthrough"]["assay"]["depends"][0];
    assert_eq!(
        (&depends["above"], &depends["name"], &depends["profile"]),
        (&json!("middle"), &json!("below"), &json!("base 1.0.0"))
    );
    assert_eq!(depends["sha256"], scan(&stage, &["base.yaml"])["profiles"][0]["sha256"]);

    let control = &profile["controls"][0];
    assert_eq!(control["impact"], 0.9);
    assert_eq!(control["title"], "The text");
    assert_eq!(control["tags"], json!({"nist": ["AC-6"], "kept": true, "severity": "critical", "added": "here"}));
    assert_eq!(control["refs"], json!([{"ref": "here"}, {"ref": "there"}]));
    let text = |label: &str| {
        let mut texts = control["descriptions"].as_array().unwrap().iter();
        texts.find(|text| text["label"] == label).unwrap()["data"].clone()
    };
    assert_eq!((text("default"), text("fix")), (json!("Why."), json!("Ask.")));
    let code = control["code"].as_str().unwrap();
    assert!(code.contains("The text") && code.contains("# changed by middle:\nimpact: critical"), "{code}");
    assert_eq!(control["source_location"]["ref"], "middle/../base.yaml");
}

#[test]
fn the_nearest_word_on_an_input_counts() {
    let stage = stage();
    let of_b_1 = |arguments: &[&str]| statuses(&scan(&stage, arguments))[0].1.clone();
    assert_eq!(of_b_1(&["base.yaml"]), "failed");
    assert_eq!(of_b_1(&["middle"]), "passed");
    // The profile above speaks for the inputs of the one that it names, and no further down.
    stage.write("root/etc/conf", "top\n");
    assert_eq!(of_b_1(&["middle", "--input", "text=top"]), "passed");
    stage.write("site.yaml", "text: top\n");
    assert_eq!(of_b_1(&["top", "--input-file", "site.yaml"]), "passed");
}

#[test]
fn profiles_stand_on_profiles() {
    let stage = stage();
    let report = scan(&stage, &["top"]);
    let expected = pairs(&[("b-1", "passed"), ("b-2", "passed failed"), ("t-1", "passed")]);
    assert_eq!(statuses(&report), expected);

    // For another system, what stands below rests; what is its own runs.
    stage.write("root/etc/os-release", "ID=alpine\n");
    assert_eq!(statuses(&scan(&stage, &["top"])), pairs(&[("b-1", "skipped"), ("b-2", "skipped"), ("t-1", "passed")]));
}

#[test]
fn copies_are_kept_and_archives_take_them_along() {
    let stage = stage();
    let ok = |arguments: &[&str]| -> Run {
        let found = run(&stage.0, arguments);
        assert_eq!(found.code, 0, "{}", found.stderr);
        found
    };
    let digest = |report: &Value| report["profiles"][0]["sha256"].clone();
    let before = scan(&stage, &["top"]);
    let said = ok(&["vendor", "top"]).stdout;
    assert_eq!(said, "top/vendor/mid.tar: from top/../middle\n");
    assert_eq!(ok(&["vendor", "top"]).stdout, said);
    let bytes = fs::read(stage.path("top/vendor/mid.tar")).unwrap();
    ok(&["archive", "top", "-o", "all.tar"]);

    // From now on nothing but the copies counts.
    stage.write("base.yaml", BASE.replace("b-1", "other"));
    for profile in ["top", "all.tar"] {
        let after = scan(&stage, &[profile]);
        assert_eq!(statuses(&after), statuses(&before), "{profile}");
        assert_eq!(digest(&after), digest(&before), "{profile}");
    }
    fs::remove_dir_all(stage.path("middle")).unwrap();
    assert_eq!(statuses(&scan(&stage, &["top"])), statuses(&before));
    let gone = run(&stage.0, ["vendor", "top"]);
    assert_eq!(gone.code, 102);
    assert!(gone.stderr.contains("top/../middle cannot be read"), "{}", gone.stderr);
    assert_eq!(fs::read(stage.path("top/vendor/mid.tar")).unwrap(), bytes);

    // From elsewhere, by the auditor's word.
    fs::remove_dir_all(stage.path("top/vendor")).unwrap();
    stage.write("mid.tar", &bytes);
    assert_eq!(ok(&["vendor", "top", "--from", "mid=mid.tar"]).stdout, "top/vendor/mid.tar: from mid.tar\n");
    assert_eq!(fs::read(stage.path("top/vendor/mid.tar")).unwrap(), bytes);
    let wrong = run(&stage.0, ["vendor", "top", "--from", "mid=mid.tar", "mod=mid.tar"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""));
    let nowhere = run(&stage.0, ["vendor", "base.yaml"]);
    assert_eq!(nowhere.code, 2, "{}", nowhere.stderr);
}

#[test]
fn a_digest_holds_a_profile_to_what_it_was() {
    let stage = stage();
    let digest = scan(&stage, &["base.yaml"])["profiles"][0]["sha256"].as_str().unwrap().to_owned();
    let pinned = MIDDLE.replace("path: ../base.yaml", &format!("path: ../base.yaml, sha256: {digest}"));
    stage.write("middle/profile.yaml", pinned);
    scan(&stage, &["middle"]);
    stage.write("base.yaml", BASE.replace("high", "low"));
    let found = run(&stage.0, ["check", "middle"]);
    assert_eq!(found.code, 102);
    assert!(found.stderr.contains("the profile `below` has the digest "), "{}", found.stderr);
}
