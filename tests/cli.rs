//! What people rely on at the command line: reporters, inputs, waivers, selections, messages, files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod fixture;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use fixture::{Run, Scratch, assay, is_root, repository, run, skipped};
use serde_json::Value;

const PROFILE: &str = r#"schema: 1
name: small
title: A small profile
version: 1.2.3
inputs:
  mode: {type: mode, value: "0644", desc: Loosest mode}
  names: {type: list, of: string, value: [a, b]}
  owner: {type: string, value: root}
controls:
  - id: file-1
    title: The mode of a file
    tags: {nist: [AC-3], team: base}
    checks: [{file: /etc/conf, expect: {mode: {at_most: "${inputs.mode}"}}}]
  - id: file-2
    title: Some names
    tags: {nist: [CM-6]}
    each: {as: name, in: "${inputs.names}"}
    checks: [{file: "/etc/${name}", expect: {exist: false}}]
  - id: other-1
    title: What is in it
    impact: high
    checks: [{file: /etc/conf, expect: {content: {match: secret}}}]
"#;

fn stage() -> Scratch {
    let stage = Scratch::new();
    stage.write("small.yaml", PROFILE);
    let conf = stage.write("root/etc/conf", "a secret\n");
    fs::set_permissions(conf, fs::Permissions::from_mode(0o644)).unwrap();
    stage
}

fn scan(stage: &Scratch, more: &[&str]) -> Run {
    run(&stage.0, ["scan", "small.yaml", "--rootfs", "root"].iter().chain(more))
}

/// The report of a scan with `--reporter json`, and the ids in it.
fn json(stage: &Scratch, more: &[&str]) -> Value {
    let found = scan(stage, &[more, &["--reporter", "json"]].concat());
    serde_json::from_str(&found.stdout).unwrap_or_else(|_| panic!("{}{}", found.stdout, found.stderr))
}

fn controls(report: &Value) -> &Vec<Value> {
    report["profiles"][0]["controls"].as_array().unwrap()
}

fn ids(report: &Value) -> Vec<&str> {
    controls(report).iter().map(|control| control["id"].as_str().unwrap()).collect()
}

fn statuses<'a>(report: &'a Value, id: &str) -> Vec<&'a str> {
    let control = controls(report).iter().find(|control| control["id"] == id).unwrap();
    control["results"].as_array().unwrap().iter().map(|result| result["status"].as_str().unwrap()).collect()
}

#[test]
fn several_reporters_at_once() {
    let stage = stage();
    let found = scan(&stage, &["--reporter", "cli", "json:out/report.json", "markdown:summary.md"]);
    assert_eq!((found.code, found.stdout.as_str()), (2, ""), "the folder out does not exist");
    assert!(found.stderr.contains("out/report.json: the folder out does not exist"), "{}", found.stderr);
    fs::create_dir(stage.path("out")).unwrap();
    let found = scan(&stage, &["--reporter", "cli", "json:out/report.json", "markdown:summary.md"]);
    assert_eq!(found.code, 0, "{}", found.stderr);
    assert!(found.stdout.contains("3 controls: 3 passed, 0 failed"), "{}", found.stdout);
    let report: Value = serde_json::from_slice(&fs::read(stage.path("out/report.json")).unwrap()).unwrap();
    assert_eq!(ids(&report), ["file-1", "file-2", "other-1"]);
    assert!(fs::read_to_string(stage.path("summary.md")).unwrap().starts_with("# Scan summary"));
    for file in ["out/report.json", "summary.md"] {
        assert_eq!(fs::metadata(stage.path(file)).unwrap().permissions().mode() & 0o7777, 0o600, "{file}");
    }
    for (twice, word) in [(["cli", "json"], "standard output"), (["json:a", "markdown:a"], "a")] {
        let found = scan(&stage, &["--reporter", twice[0], twice[1]]);
        assert_eq!(found.code, 2);
        assert!(found.stderr.contains(word), "{}", found.stderr);
    }
    let found = scan(&stage, &["--reporter", "jsn"]);
    assert!(found.stderr.contains("did you mean `json`?"), "{}", found.stderr);
}

#[test]
fn a_report_appears_whole_or_not_at_all() {
    let stage = stage();
    stage.write("report.json", "the old one");
    let found = scan(&stage, &["--reporter", "json:report.json"]);
    assert_eq!(found.code, 0);
    let text = fs::read_to_string(stage.path("report.json")).unwrap();
    assert!(serde_json::from_str::<Value>(&text).is_ok());
    let left: Vec<_> = fs::read_dir(&stage.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

/// Runs a script in a mount namespace of its own, with a filesystem of 64 KiB at `full`.
fn on_a_full_disk(stage: &Scratch, script: &str) -> Option<Run> {
    if !is_root() {
        return None;
    }
    fs::create_dir_all(stage.path("full")).unwrap();
    let mount = "mount -t tmpfs -o size=64k none full";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &format!("{mount} && {script}")])
        .current_dir(&stage.0)
        .env("ASSAY", env!("CARGO_BIN_EXE_assay"))
        .output()
        .unwrap();
    Some(output.into())
}

#[test]
fn a_full_disk_is_an_error_that_says_so() {
    let stage = stage();
    let script = "echo old > full/report.json && { cat /dev/zero > full/filler 2>/dev/null; \
        $ASSAY scan small.yaml --rootfs root --reporter json:full/report.json; code=$?; \
        cat full/report.json; ls -A full; exit $code; }";
    let Some(found) = on_a_full_disk(&stage, script) else {
        fixture::skipped("a_full_disk_is_an_error_that_says_so", "root, for a small filesystem");
        return;
    };
    assert_eq!(found.code, 1, "{}{}", found.stdout, found.stderr);
    assert!(found.stderr.contains("cannot write full/report.json: No space left on device"), "{}", found.stderr);
    assert_eq!(found.stdout, "old\nfiller\nreport.json\n", "the old report stays, and nothing else");
}

#[test]
fn what_is_no_file_is_never_replaced() {
    let stage = stage();
    fs::write(stage.path("real.json"), "old").unwrap();
    std::os::unix::fs::symlink("real.json", stage.path("link.json")).unwrap();
    assert_eq!(scan(&stage, &["--reporter", "json:link.json"]).code, 0);
    assert!(fs::symlink_metadata(stage.path("link.json")).unwrap().is_symlink());
    assert!(fs::read_to_string(stage.path("real.json")).unwrap().starts_with('{'));
    assert_eq!(scan(&stage, &["--reporter", "json:/dev/null"]).code, 0);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    let found = scan(&stage, &["--reporter", "json:/dev/full"]);
    assert!(found.stderr.contains("cannot write /dev/full: No space left on device"), "{}", found.stderr);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let stage = stage();
    let mut child = assay(&stage.0)
        .args(["scan", "small.yaml", "--rootfs", "root", "--reporter", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_profile_from_standard_input() {
    let stage = stage();
    for arguments in [&["scan", "-", "--rootfs", "root"][..], &["check", "-"]] {
        let mut child = assay(&stage.0)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(PROFILE.as_bytes()).unwrap();
        let found: Run = child.wait_with_output().unwrap().into();
        assert_eq!(found.code, 0, "{}", found.stderr);
        assert!(found.stdout.contains("3 controls"), "{}", found.stdout);
    }
}

#[test]
fn inputs_and_their_precedence() {
    let stage = stage();
    stage.write("one.yaml", "mode: \"0600\"\nnames: [c]\n");
    stage.write("two.yaml", "names: [conf]\n");
    assert_eq!(statuses(&json(&stage, &[]), "file-2"), ["passed", "passed"]);
    let report = json(&stage, &["--input-file", "one.yaml"]);
    assert_eq!((statuses(&report, "file-1"), statuses(&report, "file-2")), (vec!["failed"], vec!["passed"]));
    let report = json(&stage, &["--input-file", "one.yaml", "two.yaml"]);
    assert_eq!((statuses(&report, "file-1"), statuses(&report, "file-2")), (vec!["failed"], vec!["failed"]));
    let report = json(&stage, &["--input-file", "one.yaml", "two.yaml", "--input", "mode=0644", "names=[x, y]"]);
    assert_eq!((statuses(&report, "file-1"), statuses(&report, "file-2")), (vec!["passed"], vec!["passed"; 2]));
    for (arguments, message) in [
        (&["--input", "mode=rw"][..], "mode"),
        (&["--input", "mod=0644"], "did you mean `mode`?"),
        (&["--input", "mode"], "--input takes NAME=VALUE"),
    ] {
        let found = scan(&stage, arguments);
        assert_ne!(found.code, 0, "{arguments:?}");
        assert!(found.stderr.contains(message), "{}", found.stderr);
    }
    stage.write("other.yaml", "unknown: 1\n");
    let found = scan(&stage, &["--input-file", "other.yaml"]);
    assert_eq!(found.code, 0);
    assert!(found.stderr.contains("warning: no profile has the input `unknown`"), "{}", found.stderr);
}

#[test]
fn waivers_in_all_formats() {
    let stage = stage();
    stage.write("w.yaml", "file-1: {justification: Accepted, run: false, expiration_date: 2099-01-01}\n");
    stage
        .write("w.json", r#"{"file-1": {"justification": "Accepted", "run": false, "expiration_date": "2099-01-01"}}"#);
    stage.write("w.csv", "control_id,justification,run,expiration_date\nfile-1,Accepted,false,2099-01-01\n");
    for file in ["w.yaml", "w.json", "w.csv"] {
        let report = json(&stage, &["--waiver-file", file, "--input", "mode=0000"]);
        let control = &controls(&report)[0];
        assert_eq!(statuses(&report, "file-1"), ["skipped"], "{file}");
        let wanted: Value = serde_json::from_str(
            r#"{"justification": "Accepted", "run": false, "expiration_date": "2099-01-01", "skipped_due_to_waiver": true, "message": ""}"#,
        )
        .unwrap();
        assert_eq!(control["waiver_data"], wanted, "{file}");
        // What was given is named with its digest.
        assert!(report.to_string().contains(file), "{file}");
    }
    stage.write("expired.yaml", "file-1: {justification: Accepted, run: false, expiration_date: 2001-01-01}\n");
    let report = json(&stage, &["--waiver-file", "expired.yaml", "--input", "mode=0000"]);
    assert_eq!(statuses(&report, "file-1"), ["failed"]);
    stage.write("nobody.yaml", "file-9: {justification: Accepted}\n");
    let found = scan(&stage, &["--waiver-file", "nobody.yaml"]);
    assert_eq!(found.code, 0);
    assert!(found.stderr.contains("there is no control `file-9` to waive"), "{}", found.stderr);
    for (content, word) in [("- a\n", "broken.yaml"), ("file-1: {run: maybe}\n", "run"), ("file-1: [\n", "broken.yaml")]
    {
        stage.write("broken.yaml", content);
        let found = scan(&stage, &["--waiver-file", "broken.yaml"]);
        assert_eq!(found.code, 2, "{content}");
        assert!(found.stderr.contains(word), "{}", found.stderr);
    }
}

#[test]
fn controls_and_tags_select() {
    let stage = stage();
    for (arguments, wanted) in [
        (&["--controls", "file-1"][..], &["file-1"][..]),
        (&["--controls", "file-1", "other-1"], &["file-1", "other-1"]),
        (&["--controls", "/^file/"], &["file-1", "file-2"]),
        (&["--tags", "team"], &["file-1"]),
        (&["--tags", "CM-6"], &["file-2"]),
        (&["--tags", "/^(AC|CM)-/"], &["file-1", "file-2"]),
        (&["--tags", "nist", "--controls", "/2$/"], &["file-2"]),
    ] {
        assert_eq!(ids(&json(&stage, arguments)), wanted, "{arguments:?}");
    }
    let found = scan(&stage, &["--controls", "file-3"]);
    assert_eq!(found.code, 2);
    assert!(found.stderr.contains("file-3; did you mean"), "{}", found.stderr);
}

#[test]
fn colours_only_for_terminals_that_want_them() {
    let stage = stage();
    let at_a_terminal = |variable: &str, more: &str| {
        let program = env!("CARGO_BIN_EXE_assay");
        let output = Command::new("script")
            .args(["-qec", &format!("{program} scan small.yaml --rootfs root {more}"), "/dev/null"])
            .current_dir(&stage.0)
            .env_remove("NO_COLOR")
            .env(variable, "1")
            .output();
        output.ok().map(|output| String::from_utf8(output.stdout).unwrap())
    };
    assert!(!scan(&stage, &[]).stdout.contains('\x1b'));
    let Some(colored) = at_a_terminal("OTHER", "") else {
        fixture::skipped("colours_only_for_terminals_that_want_them", "script(1), from Debian's bsdutils");
        return;
    };
    assert!(colored.contains("\x1b["), "{colored}");
    assert!(!at_a_terminal("NO_COLOR", "").unwrap().contains('\x1b'));
    assert!(!at_a_terminal("OTHER", "--no-color").unwrap().contains('\x1b'));
}

#[test]
fn the_same_target_gives_the_same_bytes() {
    let stage = stage();
    let report = |jobs: &str| {
        let mut command = assay(&stage.0);
        command.args(["scan", "small.yaml", "--rootfs", "root", "--reporter", "json", "--jobs", jobs]);
        Run::from(command.env("SOURCE_DATE_EPOCH", "86400").output().unwrap()).stdout
    };
    let first = report("1");
    assert!(first.contains("1970-01-02T00:00:00"), "{first}");
    for jobs in ["1", "2", "16"] {
        assert_eq!(report(jobs), first);
    }
    let mut command = assay(&stage.0);
    command.args(["scan", "small.yaml", "--rootfs", "root"]).env("SOURCE_DATE_EPOCH", "tomorrow");
    let found = Run::from(command.output().unwrap());
    assert_eq!(found.code, 2);
    assert!(found.stderr.contains("SOURCE_DATE_EPOCH"), "{}", found.stderr);
}

#[test]
fn check_loads_only() {
    let stage = stage();
    let found = run(&stage.0, ["check", "small.yaml"]);
    assert_eq!((found.code, found.stdout.as_str()), (0, "small 1.2.3: 3 controls, no errors\n"));
    let found = run(&stage.0, ["check", "small.yaml", "--format", "json"]);
    let value: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(value["errors"], Value::Array(vec![]), "{value}");
    stage.write("typo.yaml", PROFILE.replace("at_most", "atmost").replace("impact: high", "impact: hihg"));
    let found = run(&stage.0, ["check", "typo.yaml"]);
    assert_eq!(found.code, 102);
    for word in ["typo.yaml:13:48", "did you mean `at_most`?", "typo.yaml:21:13", "did you mean `high`?", "2 errors"] {
        assert!(found.stderr.contains(word), "{word}: {}", found.stderr);
    }
    let found = run(&stage.0, ["check", "typo.yaml", "--format", "json"]);
    assert_eq!(found.code, 102);
    let value: Value = serde_json::from_str(&found.stdout).unwrap();
    let errors = value["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 2);
    assert_eq!(
        (&errors[0]["file"], &errors[0]["line"], &errors[0]["column"]),
        (&"typo.yaml".into(), &13.into(), &48.into())
    );
}

#[test]
fn interrupted_it_leaves_nothing_behind() {
    // A FIFO as a profile never ends: the run is certainly under way when it is interrupted.
    let stage = stage();
    let fifo = stage.path("fifo");
    make_fifo(&fifo);
    let mut child = assay(&stage.0)
        .args(["scan", "fifo", "--rootfs", "root", "--reporter", "json:report.json"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Opening for writing waits until the program has opened it for reading.
    let writer = fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let status = child.wait().unwrap();
    drop(writer);
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(2));
    let mut left: Vec<_> = fs::read_dir(&stage.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["fifo", "root", "small.yaml"]);
}

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn help_and_version() {
    let stage = Scratch::new();
    for (arguments, word) in [(&["--help"][..], "scan"), (&["scan", "--help"], "--rootfs"), (&["--version"], "assay ")]
    {
        let found = run(&stage.0, arguments);
        assert_eq!(found.code, 0);
        assert!(found.stdout.contains(word), "{}", found.stdout);
    }
    let found = run(&stage.0, ["scna"]);
    assert_eq!(found.code, 2);
    assert!(found.stderr.contains("scan"), "{}", found.stderr);
}

#[test]
fn the_profiles_of_the_repository_load() {
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    for profile in fixture::profiles() {
        let found = run(&repository(""), ["check", &format!("profiles/{profile}")]);
        assert_eq!(found.code, 0, "{}", found.stderr);
        assert!(readme.contains(&format!("| `{profile}` |")), "{profile} is not in README.md");
    }
}

#[test]
fn the_readme_shows_what_is_printed() {
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let mut lines = readme.lines().skip_while(|line| !line.starts_with("    $ assay scan "));
    let arguments = lines.next().unwrap().trim_start_matches("    $ assay ").split(' ');
    let shown = lines.take_while(|line| line.is_empty() || line.starts_with("    "));
    let shown: Vec<&str> = shown.map(|line| line.strip_prefix("    ").unwrap_or_default()).collect();
    let found = run(&repository(""), arguments);
    assert_eq!(found.code, 100);
    assert_eq!(found.stdout.trim(), shown.join("\n").trim());
}

#[test]
fn a_folder_that_has_two_names_is_listed_once() {
    let test = "a_folder_that_has_two_names_is_listed_once";
    if !Path::new("/usr/bin/strace").exists() {
        return skipped(test, "strace");
    }
    let stage = Scratch::new();
    stage.write("tree/usr/lib/x86_64-linux-gnu/libc.so.6", "");
    std::os::unix::fs::symlink("usr/lib", stage.path("tree/lib")).unwrap();
    let checks = [["/lib", "/usr/lib"], ["/usr", "/usr/lib"], ["/", "/lib/x86_64-linux-gnu"]].map(|under| {
        let [one, other] = under;
        format!("\n      - {{find: {{under: [{one}]}}, expect: {{exist: true}}}}\n      - {{find: {{under: [{other}]}}, expect: {{exist: true}}}}")
    });
    let profile = format!(
        "schema: 1\nname: p\ntitle: t\nversion: 1.0.0\ncontrols:\n  - id: a\n    title: t\n    checks:{}\n",
        checks.concat()
    );
    stage.write("p.yaml", profile);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-y", "-e", "trace=getdents64", "-o", "trace", env!("CARGO_BIN_EXE_assay")]);
    let scan: Run = strace.args(["scan", "p.yaml", "--rootfs", "tree"]).current_dir(&stage.0).output().unwrap().into();
    assert_eq!(scan.code, 0, "{}{}", scan.stdout, scan.stderr);
    let trace = fs::read_to_string(stage.path("trace")).unwrap();
    for folder in ["usr", "usr/lib", "usr/lib/x86_64-linux-gnu"] {
        let held = format!("{}>", stage.path("tree").join(folder).display());
        let ends = trace.lines().filter(|line| line.contains(&held) && line.ends_with("= 0")).count();
        assert_eq!(ends, 1, "{folder}\n{trace}");
    }
}
