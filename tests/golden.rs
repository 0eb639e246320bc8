//! Reports of whole scans, byte by byte: tests/golden/. `ASSAY_BLESS=1` writes them anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod fixture;

use std::fs;
use std::os::unix::fs::symlink;

use fixture::{Scratch, assay, assert_golden, is_root, materialise, repository};

/// 2001-09-09T01:46:40Z.
const MOMENT: &str = "1000000000";

const KINDS: [&str; 7] = ["static", "base", "cc", "java", "python", "nodejs", "standard"];

/// A folder with the real trees, profiles/ and what tests/golden/ has, so that reports name no place of this machine.
fn stage(name: &str, kinds: &[&str]) -> Option<Scratch> {
    if !is_root() {
        fixture::skipped(name, "root, to give files their owners");
        return None;
    }
    let stage = Scratch::new();
    for kind in kinds {
        materialise(kind, &stage.path(kind));
    }
    symlink(repository("profiles"), stage.path("profiles")).unwrap();
    for file in ["outcomes.yaml", "waivers.yaml"] {
        fs::copy(repository("tests/golden").join(file), stage.path(file)).unwrap();
    }
    Some(stage)
}

fn scan(stage: &Scratch, arguments: &[&str]) -> (i32, String, String) {
    let output = assay(&stage.0).env("SOURCE_DATE_EPOCH", MOMENT).arg("scan").args(arguments).output().unwrap();
    let run = fixture::Run::from(output);
    (run.code, run.stdout, run.stderr)
}

#[test]
fn the_profiles_on_every_tree() {
    let Some(stage) = stage("the_profiles_on_every_tree", &KINDS) else { return };
    for kind in KINDS {
        for (profile, wanted) in
            [("container-baseline", 0), ("distroless-baseline", i32::from(kind == "standard") * 100)]
        {
            let path = format!("profiles/{profile}");
            for resolver in ["auto", "steps"] {
                let arguments = [&path, "--rootfs", kind, "--reporter", "json", "--resolver", resolver];
                let (code, report, _) = scan(&stage, &arguments);
                assert_eq!(code, wanted, "{profile} on {kind}: {report}");
                let same = report.replace(r#""resolver":"steps""#, r#""resolver":"openat2""#);
                assert_golden(&format!("tests/golden/{profile}-{kind}.json"), &same);
            }
        }
    }
}

/// What the profile of a base finds on the tree of that base: nothing, but where the trees are not whole.
#[test]
fn the_profile_of_each_base_on_its_tree() {
    let Some(stage) = stage("the_profile_of_each_base_on_its_tree", &KINDS) else { return };
    for (kind, wanted) in [
        ("static", &[][..]),
        ("base", &[]),
        ("cc", &[]),
        // The key store of the tree is empty.
        ("java", &[("distroless-java-4", "failed")]),
        // The interpreters of the trees are their first 64 bytes.
        ("python", &[("distroless-base-4", "error")]),
        ("nodejs", &[("distroless-base-4", "error")]),
    ] {
        let path = format!("profiles/distroless-{kind}");
        let (code, report, _) = scan(&stage, &[&path, "--rootfs", kind, "--reporter", "json"]);
        assert_eq!(code, i32::from(!wanted.is_empty()) * 100, "{kind}");
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        let mut found = Vec::new();
        for control in report["profiles"][0]["controls"].as_array().unwrap() {
            for result in control["results"].as_array().unwrap() {
                let status = result["status"].as_str().unwrap();
                // What could not be found out is a failure with an exception.
                let status = if result["exception"].is_null() { status } else { "error" };
                if !["passed", "skipped"].contains(&status) {
                    found.push((control["id"].as_str().unwrap(), status));
                }
            }
        }
        assert_eq!(found, wanted, "{kind}");
    }
}

#[test]
fn every_outcome_in_every_report() {
    let Some(stage) = stage("every_outcome_in_every_report", &["standard"]) else { return };
    for (reporter, file) in [
        ("cli", "outcomes.txt"),
        ("html", "outcomes.html"),
        ("json", "outcomes.json"),
        ("json-min", "outcomes.json-min"),
        ("junit", "outcomes.junit.xml"),
        ("markdown", "outcomes.md"),
        ("sarif", "outcomes.sarif"),
        ("yaml", "outcomes.hdf.yaml"),
    ] {
        for jobs in ["1", "2", "8"] {
            let arguments = [
                "outcomes.yaml",
                "--rootfs",
                "standard",
                "--waiver-file",
                "waivers.yaml",
                "--reporter",
                reporter,
                "--jobs",
                jobs,
            ];
            let (code, report, _) = scan(&stage, &arguments);
            assert_eq!(code, 100);
            assert_golden(&format!("tests/golden/{file}"), &report);
        }
    }
}

#[test]
fn several_profiles_in_one_report() {
    let Some(stage) = stage("several_profiles_in_one_report", &["standard"]) else { return };
    let profiles = ["profiles/container-baseline", "profiles/distroless-baseline"];
    let (code, report, _) = scan(&stage, &[profiles[0], profiles[1], "--rootfs", "standard", "--reporter", "json"]);
    assert_eq!(code, 100);
    assert_golden("tests/golden/several-standard.json", &report);
}

#[test]
fn container_baseline_fails_where_it_should() {
    use std::os::unix::fs::{PermissionsExt, chown};
    let Some(stage) = stage("container_baseline_fails_where_it_should", &["standard"]) else { return };
    let etc = stage.path("standard/etc");
    let mode = |name: &str, mode: u32| fs::set_permissions(etc.join(name), fs::Permissions::from_mode(mode)).unwrap();
    let with = |name: &str, edit: &dyn Fn(String) -> String| {
        let path = etc.join(name);
        fs::write(&path, edit(fs::read_to_string(&path).unwrap())).unwrap();
    };
    let failing = || {
        let (code, report, _) =
            scan(&stage, &["profiles/container-baseline", "--rootfs", "standard", "--reporter", "json"]);
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        let controls = report["profiles"][0]["controls"].as_array().unwrap();
        let results = controls.iter().flat_map(|control| control["results"].as_array().unwrap());
        let failed = results.filter(|result| result["status"] == "failed");
        (code, failed.map(|result| result["code_desc"].as_str().unwrap().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(failing(), (0, vec![]));
    let wrong = |what: &str, wanted: &[&str]| {
        assert_eq!(failing(), (100, wanted.iter().map(|s| s.to_string()).collect()), "{what}")
    };

    mode("passwd", 0o666);
    wrong("passwd for all to write", &["File /etc/passwd is expected not to be more permissive than \"0644\""]);
    mode("passwd", 0o644);
    mode("shadow", 0o644);
    wrong(
        "shadow for all to read",
        &[
            "File /etc/shadow is expected not to be more permissive than \"0640\"",
            "File /etc/shadow is expected not to be readable by others",
        ],
    );
    mode("shadow", 0o640);
    chown(etc.join("group"), Some(1000), None).unwrap();
    wrong("a group file of another", &["File /etc/group is expected to be owned by \"root\""]);
    chown(etc.join("group"), Some(0), None).unwrap();
    with("shadow", &|text| text.replace("app:!:", "app::"));
    wrong("an empty password", &["/etc/shadow password is expected not to eq \"\""]);
    with("shadow", &|text| text.replace("app::", "app:!:"));
    with("passwd", &|text| text.replace("app:x:1000:", "app:x:0:"));
    wrong("a second root", &["/etc/passwd with uid == 0 users is expected to eq [\"root\"]"]);
    with("passwd", &|text| text.replace("app:x:0:", "app::1000:"));
    wrong("an account without a password", &["/etc/passwd password is expected to be in \"x\" and \"*\""]);
    with("passwd", &|text| text.replace("app::1000:", "app:x:1000:"));
    with("../usr/lib/os-release", &|text| text.replace("VERSION", "V"));
    wrong("no version", &["File /etc/os-release content is expected to match /^VERSION(_ID)?=/"]);
    fs::remove_file(etc.join("os-release")).unwrap();
    fs::remove_file(etc.join("passwd")).unwrap();
    let (code, failed) = failing();
    assert_eq!(code, 100);
    assert!(failed.iter().any(|words| words == "File /etc/os-release is expected to exist"), "{failed:?}");
    assert!(failed.iter().any(|words| words == "File /etc/passwd is expected to exist"), "{failed:?}");
}
