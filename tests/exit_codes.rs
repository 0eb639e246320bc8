//! Each exit code of the README's table, and which one counts when several apply.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod fixture;

use fixture::{Run, Scratch, repository, run};

const PASSES: &str =
    "schema: 1\nname: passes\ncontrols:\n  - id: p\n    checks: [{file: /here, expect: {exist: true}}]\n";
const FAILS: &str =
    "schema: 1\nname: fails\ncontrols:\n  - id: f\n    checks: [{file: /here, expect: {exist: false}}]\n";
const ERRS: &str =
    "schema: 1\nname: errs\ncontrols:\n  - id: e\n    checks: [{file: /folder, expect: {content: {match: x}}}]\n";
const SKIPS: &str = "schema: 1\nname: skips\ncontrols:\n  - id: s\n    checks: [{manual: Look.}]\n";
const NOT_APPLICABLE: &str = "schema: 1\nname: na\ncontrols:\n  - id: n\n    applicable_if: live\n    checks: [{file: /here, expect: {exist: true}}]\n";
const BROKEN: &str =
    "schema: 1\nname: broken\ncontrols:\n  - id: b\n    checks: [{fil: /here, expect: {exist: true}}]\n";

fn stage() -> Scratch {
    let stage = Scratch::new();
    let profiles = [("p", PASSES), ("f", FAILS), ("e", ERRS), ("s", SKIPS), ("n", NOT_APPLICABLE), ("broken", BROKEN)];
    for (name, text) in profiles {
        stage.write(&format!("{name}.yaml"), text);
    }
    stage.write("i.yaml", format!("inputs: {{mode: {{type: mode, required: true}}}}\n{PASSES}"));
    stage.write("input.yaml", "mode: rw\n");
    stage.write("broken-input.yaml", "mode: [\n");
    stage.write("root/here", "x");
    stage.write("root/folder/y", "y");
    stage.write("met.yaml", "{passed.total.min: 1, error.total.max: 9}");
    stage.write("unmet.yaml", "{passed.total.min: 2}");
    stage.write("bad.yaml", "{passed.totel.min: 2}");
    stage
}

fn scan(stage: &Scratch, words: &str) -> Run {
    run(&stage.0, ["scan"].into_iter().chain(words.split_whitespace()))
}

#[test]
fn each_code_and_their_precedence() {
    let stage = stage();
    for (words, wanted) in [
        ("p.yaml --rootfs root", 0),
        ("n.yaml --rootfs root", 0),
        ("p.yaml n.yaml --rootfs root", 0),
        ("f.yaml --rootfs root --threshold met.yaml", 103),
        ("p.yaml f.yaml e.yaml --rootfs root --threshold met.yaml", 0),
        ("p.yaml e.yaml --rootfs root", 100),
        ("p.yaml f.yaml --rootfs root", 100),
        ("p.yaml s.yaml --rootfs root", 101),
        ("p.yaml s.yaml f.yaml --rootfs root", 100),
        ("broken.yaml --rootfs root", 102),
        ("nowhere.yaml --rootfs root", 102),
        ("p.yaml --rootfs root --threshold unmet.yaml", 103),
        ("f.yaml --rootfs root --threshold unmet.yaml", 103),
        ("p.yaml --rootfs nowhere", 104),
        ("p.yaml --rootfs p.yaml", 104),
        ("p.yaml", 2),
        ("--rootfs root", 2),
        ("p.yaml --rootfs root --no-such-flag", 2),
        ("p.yaml --rootfs root --reporter pdf", 2),
        ("p.yaml --rootfs root --threshold bad.yaml", 2),
        ("p.yaml --rootfs root --threshold nowhere.yaml", 2),
        ("p.yaml --rootfs root --input x=1", 2),
        ("p.yaml --rootfs root --input-file nowhere.yaml", 2),
        ("p.yaml --rootfs root --input-file broken-input.yaml", 2),
        ("i.yaml --rootfs root --input mode=rw", 2),
        ("i.yaml --rootfs root --input-file input.yaml", 2),
        ("i.yaml --rootfs root", 102),
        ("p.yaml --rootfs root --waiver-file nowhere.yaml", 2),
        ("p.yaml --rootfs root --controls q", 2),
        ("p.yaml --rootfs root --reporter json:nowhere/report.json", 2),
        ("p.yaml --rootfs root --reporter json:/dev/full", 1),
        // Several at once: 2, 1, 102, 104, 103, 100, 101, 0.
        ("broken.yaml --rootfs nowhere", 102),
        ("broken.yaml --rootfs nowhere --threshold bad.yaml", 2),
        ("f.yaml --rootfs root --reporter json:/dev/full --threshold unmet.yaml", 1),
    ] {
        let found = scan(&stage, words);
        assert_eq!(found.code, wanted, "assay scan {words}\n{}{}", found.stdout, found.stderr);
        assert_eq!(found.stderr.is_empty(), matches!(found.code, 0 | 100 | 101 | 103), "{words}: {}", found.stderr);
    }
}

#[test]
fn without_distinct_codes() {
    let stage = stage();
    for (words, wanted) in [
        ("p.yaml --rootfs root", 0),
        ("s.yaml --rootfs root", 0),
        ("f.yaml --rootfs root", 1),
        ("broken.yaml --rootfs root", 1),
        ("p.yaml --rootfs nowhere", 1),
        ("p.yaml --rootfs root --threshold unmet.yaml", 1),
        ("p.yaml --rootfs root --threshold bad.yaml", 2),
    ] {
        let found = scan(&stage, &format!("{words} --no-distinct-exit"));
        assert_eq!(found.code, wanted, "assay scan {words} --no-distinct-exit");
    }
}

#[test]
fn the_readme_has_the_table() {
    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    let mut found: Vec<i32> =
        readme.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect();
    found.sort();
    let mut known: Vec<i32> = assay::exit_code::ExitCode::PRECEDENCE.map(|code| code as i32).to_vec();
    known.sort();
    assert_eq!(found, known);
}
