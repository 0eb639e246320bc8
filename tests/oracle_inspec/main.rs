//! What InSpec said of the same questions: every recorded verdict is asked through assay's own language.
//!
//! `tests/oracle/inspec` holds what InSpec did. Each row becomes a control; what comes out must agree with InSpec, or
//! `differences` names the rule by which it does not, how many rows that concerns, and what assay says there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]
#![allow(clippy::disallowed_methods, reason = "the tree and the recordings are the test's own")]

mod compare;
mod data;
mod differences;
#[path = "../fixture/mod.rs"]
mod fixture;
mod files;
mod matchers;
mod parse_config;
mod recording;
mod scan;
mod tree;

use compare::compare;

#[test]
fn matchers_judge_as_inspec_does() {
    let root = tree::empty();
    compare(&recording::matchers(), matchers::questions, &root.0, &[]);
}

#[test]
fn files_are_seen_as_inspec_sees_them() {
    let Some(root) = tree::recorded("files_are_seen_as_inspec_sees_them") else { return };
    for options in [&[][..], &["--resolver", "steps"]] {
        compare(&recording::files(), |row| files::questions(row, &root.0), &root.0, options);
        compare(&recording::modes(), files::modes, &root.0, options);
    }
}

#[test]
fn what_is_missing_is_skipped_unless_the_profile_says_otherwise() {
    let root = tree::empty();
    let rows = recording::files();
    let asked = rows.iter().filter(|row| differences::absent(row) && !["exist", "mode cmp"].contains(&&*row.check));
    let mut questions: Vec<_> = asked.flat_map(|row| files::questions(row, &root.0)).collect();
    assert_eq!(questions.len(), 266);
    for question in &mut questions {
        question.as_object_mut().unwrap().remove("missing");
    }
    for (answer, words) in scan::ask(&questions, &root.0, &[]) {
        assert!(matches!(answer, scan::Answer::Skipped(_)), "{answer:?}: {words}");
    }
}

#[test]
fn key_value_files_are_read_as_inspec_reads_them() {
    let root = tree::empty();
    compare(&recording::parse_config(), parse_config::questions, &root.0, &[]);
}

#[test]
fn documents_are_read_as_inspec_reads_them() {
    let root = tree::empty();
    let rows = recording::data();
    compare(&rows, data::questions, &root.0, &[]);
    for (answer, words) in scan::ask(&data::lost(&rows), &root.0, &[]) {
        assert_eq!(answer, scan::Answer::Passed, "{words}");
    }
}
