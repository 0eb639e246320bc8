//! Results in a real browser: Heimdall Lite shows our counts, and our page works, calls nobody and runs nothing of a
//! target's. docs/reports.md says what has to be installed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, reason = "a test makes and reads its own files")]

mod fixture;

use std::path::{Path, PathBuf};
use std::process::Command;

use fixture::{repository, run};
use serde_json::{Value, json};

fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The folder of npm's packages: ASSAY_SAF is a folder that holds it, or a program in its `.bin`.
fn node_modules() -> Option<PathBuf> {
    let given = PathBuf::from(std::env::var_os("ASSAY_SAF").filter(|given| !given.is_empty())?);
    let inside = |folder: &Path| folder.join("node_modules");
    let mut folders = std::iter::once(inside(&given)).chain(given.ancestors().map(Path::to_owned));
    folders.find(|folder| folder.ends_with("node_modules") && folder.is_dir())
}

#[test]
fn heimdall_shows_our_counts_and_our_page_works() {
    let test = "heimdall_shows_our_counts_and_our_page_works";
    let missing = |what: &str| fixture::skipped(test, what);
    let Some(node) = on_path("node") else { return missing("node") };
    let Some(browser) = on_path("chromium") else { return missing("chromium") };
    let Some(modules) = node_modules() else { return missing("npm's packages, in ASSAY_SAF") };
    for package in ["@mitre/heimdall-lite", "playwright-core"] {
        if !modules.join(package).is_dir() {
            return missing(package);
        }
    }
    let golden = |name: &str| repository("tests/golden").join(name);
    let scratch = fixture::Scratch::new();
    let hostile = repository("tests/browser/hostile.json");
    let hostile = scratch.write(
        "hostile.html",
        run(&scratch.0, ["report".as_ref(), hostile.as_os_str(), "--reporter".as_ref(), "html".as_ref()]).stdout,
    );
    let output = Command::new(node)
        .arg(repository("tests/browser/look.js"))
        .args([&modules, &browser, &golden("outcomes.json"), &golden("outcomes.html"), &hostile])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();

    let heimdall = seen["heimdall"].as_str().unwrap();
    let told = run(&scratch.0, ["report".as_ref(), golden("outcomes.json").as_os_str()]).stdout;
    let summary = "12 controls: 1 passed, 4 failed, 3 not reviewed, 3 not applicable, 1 error\nCompliance: 11.11 %\n";
    assert!(told.ends_with(summary), "{told}");
    for words in [
        "Passed: 1",
        "Failed: 4",
        "Not Reviewed: 3",
        "Not Applicable: 3",
        "ALERT: 1 Profile Errors",
        "Total 12",
        "Compliance Level Score 11.11%",
    ] {
        assert!(heimdall.contains(words), "{words}: {heimdall}");
    }

    let ours = &seen["ours"];
    assert_eq!((&ours["complaints"], &ours["too_wide"]), (&json!([]), &json!([])));
    let asked = ours["requests"].as_array().unwrap();
    assert_eq!(asked.len(), 8, "one for each time that a page was opened: {asked:?}");
    assert!(asked.iter().all(|place| place.as_str().unwrap().starts_with("file:///")), "{asked:?}");
    assert_eq!(ours["words"], "12 of 12 controls");
    let wanted = json!({
        "all": 12, "searched": 1, "without_failed": 8, "without_high": 5, "closed": 0,
        "without_scripts": 12, "bar_without_scripts": 0,
    });
    assert_eq!(ours["filters"], wanted);
}
