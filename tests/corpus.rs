//! The kept inputs of fuzz/: every one runs through its target, without a fuzzer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, reason = "a test makes and reads its own files")]

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

#[path = "../fuzz/src/targets/mod.rs"]
mod targets;

use targets::{TARGETS, Target};

fn listed(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Runs the kept inputs of a target; those that fail are named.
fn failures(target: &Target) -> Vec<String> {
    let inputs = listed(&corpus().join(target.name));
    assert!(!inputs.is_empty(), "{} has no inputs", target.name);
    let fails = |path: &&PathBuf| {
        let bytes = fs::read(path).unwrap();
        catch_unwind(|| (target.run)(&bytes)).is_err()
    };
    inputs.iter().filter(fails).map(|path| format!("{}/{}", target.name, name(path))).collect()
}

#[test]
fn every_kept_input_keeps_every_promise() {
    let failures: Vec<String> = TARGETS.iter().flat_map(failures).collect();
    assert!(failures.is_empty(), "{failures:?}");
}

#[test]
fn every_target_has_a_folder_of_its_own() {
    let mut names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    names.sort_unstable();
    let folders = listed(&corpus());
    assert_eq!(folders.iter().map(|path| name(path)).collect::<Vec<_>>(), names);
}
