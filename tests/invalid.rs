//! Profiles that must not load, below `tests/invalid`, each with the whole of what `assay check` says of it beside it
//! (`NAME.stderr`). `ASSAY_BLESS=1 cargo test --test invalid` writes these texts anew; read what changed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod fixture;

use std::fs;
use std::path::PathBuf;

use fixture::{Run, Scratch, repository, run};

/// The exit code for profiles with errors.
const PROFILE: i32 = 102;

fn folder() -> PathBuf {
    repository("tests/invalid")
}

fn check(arguments: &[&str]) -> Run {
    run(&folder(), ["check"].iter().chain(arguments))
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
        let Run { code, stdout, stderr: found } = check(&[name]);
        if code != PROFILE || !stdout.is_empty() {
            wrong.push(format!("{name} exits with {code}\n{found}"));
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
    let Run { code, stderr: text, .. } = check(&["unknown-key.yaml", "several-files", "empty-file.yaml"]);
    assert_eq!(code, PROFILE);
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
    let scratch = Scratch::new();
    let paths = ["one", "two"].map(|name| scratch.write(&format!("{name}.yaml"), profile(name)).display().to_string());
    let alone = check(&[&paths[0]]);
    let both = check(&[&paths[0], &paths[1]]);
    assert_eq!(alone.code, 0, "{}", alone.stderr);
    assert_eq!(both.code, PROFILE);
    assert!(both.stderr.contains("the id `same` is given twice, first at"), "{}", both.stderr);
}

#[test]
fn inputs_of_the_auditor_are_checked_like_the_profile() {
    let scratch = Scratch::new();
    let profile = "schema: 1\nname: inputs\ninputs: {level: {type: int, value: 1}, mode: {type: mode, value: 0644}, \
                   pattern: {type: regex, value: x}, names: {type: list, of: string, value: []}}\n\
                   controls: [{id: a, checks: [{manual: x}]}]\n";
    scratch.write("profile.yaml", profile);
    let mut wrong = Vec::new();
    for (given, part, wanted) in [
        ("level=many", "input `level` must be a whole number, not `many`", 2),
        ("mode=640", "input `mode` must be a mode in octal such as 0644, not `640`", 2),
        ("pattern=(", "input `pattern`: /(/ is no pattern", 2),
        ("names={a: 1}", "input `names` must be a list, not a map", 2),
        ("levle=1", "no profile has an input `levle`; did you mean `level`?", 2),
        ("level", "--input takes NAME=VALUE", 2),
    ] {
        let Run { code, stderr, .. } = run(&scratch.0, ["check", "profile.yaml", "--input", given]);
        if code != wanted || !stderr.contains(part) {
            wrong.push(format!("--input {given}: {code}\n{stderr}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
