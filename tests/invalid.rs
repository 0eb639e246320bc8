//! Profiles that must not load, below `tests/invalid`, each with the whole of what `assay check` says of it beside it
//! (`NAME.stderr`). `ASSAY_BLESS=1 cargo test --test invalid` writes these texts anew; read what changed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests read their own files")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The exit code for profiles with errors.
const PROFILE: i32 = 102;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/invalid")
}

fn check(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_assay")).arg("check").args(arguments).current_dir(folder()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn every_mistake_is_named_with_its_place() {
    let bless = std::env::var_os("ASSAY_BLESS").is_some();
    let mut profiles: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    profiles.retain(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "yaml"));
    profiles.sort();
    assert!(!profiles.is_empty());
    let mut wrong = Vec::new();
    for path in &profiles {
        let name = path.file_name().unwrap().to_str().unwrap();
        let output = check(&[name]);
        let found = stderr(&output);
        if output.status.code() != Some(PROFILE) || !output.stdout.is_empty() {
            wrong.push(format!("{name} exits with {:?}\n{found}", output.status.code()));
            continue;
        }
        let golden = path.with_extension("stderr");
        if bless {
            fs::write(&golden, &found).unwrap();
        }
        let wanted = fs::read_to_string(&golden).unwrap_or_default();
        if found != wanted {
            wrong.push(format!("{name}\n--- wanted\n{wanted}\n--- found\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{} of {} wrong", wrong.join("\n"), wrong.len(), profiles.len());
}

#[test]
fn no_golden_is_left_behind() {
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "stderr") {
            let profile = [path.with_extension("yaml"), path.with_extension("")];
            assert!(profile.iter().any(|profile| profile.exists()), "{} belongs to nothing", path.display());
        }
    }
}

#[test]
fn all_errors_of_all_profiles_are_reported() {
    let output = check(&["unknown-key.yaml", "several-files", "empty-file.yaml"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(PROFILE));
    for name in ["unknown-key.yaml:", "several-files/controls/a.yaml:", "several-files/controls/b.yaml:", "empty-file"]
    {
        assert!(text.contains(name), "{name} is not in\n{text}");
    }
}

#[test]
fn ids_are_unique_over_all_profiles_of_a_scan() {
    let profile = |name: &str| {
        format!("schema: 1\nname: {name}\ncontrols: [{{id: same, checks: [{{file: /a, expect: {{exist: true}}}}]}}]\n")
    };
    let folder = std::env::temp_dir().join(format!("assay-invalid-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let paths = ["one", "two"].map(|name| folder.join(format!("{name}.yaml")));
    for (path, name) in paths.iter().zip(["one", "two"]) {
        fs::write(path, profile(name)).unwrap();
    }
    let alone = check(&[paths[0].to_str().unwrap()]);
    let both = check(&[paths[0].to_str().unwrap(), paths[1].to_str().unwrap()]);
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(alone.status.code(), Some(0), "{}", stderr(&alone));
    assert_eq!(both.status.code(), Some(PROFILE));
    assert!(stderr(&both).contains("the id `same` is given twice, first at"), "{}", stderr(&both));
}

#[test]
fn inputs_of_the_auditor_are_checked_like_the_profile() {
    let mut wrong = Vec::new();
    for (given, part, code) in [
        ("level=many", "input `level` must be a whole number, not `many`", PROFILE),
        ("mode=640", "input `mode` must be a mode in octal such as 0644, not `640`", PROFILE),
        ("pattern=(", "input `pattern`: /(/ is no pattern", PROFILE),
        ("names={a: 1}", "input `names` must be a list, not a map", PROFILE),
        ("levle=1", "no profile has an input `levle`; did you mean `level`?", 2),
        ("level", "--input takes NAME=VALUE", 2),
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_assay"))
            .args(["check", "-", "--input", given])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let profile = "schema: 1\nname: inputs\ninputs: {level: {type: int, value: 1}, mode: {type: mode, value: 0644}, \
                       pattern: {type: regex, value: x}, names: {type: list, of: string, value: []}}\n\
                       controls: [{id: a, checks: [{manual: x}]}]\n";
        let _ = child.stdin.take().unwrap().write_all(profile.as_bytes());
        let output = child.wait_with_output().unwrap();
        if output.status.code() != Some(code) || !stderr(&output).contains(part) {
            wrong.push(format!("--input {given}: {:?}\n{}", output.status.code(), stderr(&output)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
