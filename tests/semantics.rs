//! The language's rules, one data file per topic below `tests/semantics`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod archive;
mod cases;
mod fixture;

#[test]
fn the_language_means_what_its_rules_say() {
    let files = cases::data_files("semantics");
    assert!(!files.is_empty());
    let seen: Vec<cases::Seen> = files.iter().map(|file| cases::run(file)).collect();
    let count: usize = seen.iter().map(|seen| seen.profiles.len()).sum();
    let results: usize = seen.iter().map(|seen| seen.results.len()).sum();
    let wrong: Vec<String> = seen.into_iter().flat_map(|seen| seen.wrong).collect();
    println!("{count} cases with {results} results in {} files", files.len());
    assert!(wrong.is_empty(), "{}\n{} wrong", wrong.join("\n"), wrong.len());
}
