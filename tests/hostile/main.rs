//! Hostile targets: whatever a target holds, a scan reads nothing outside of it, ends within bounds, and never takes
//! "could not look" for a pass.
//!
//! The table stands in `rows`; every row is scanned with both ways of resolving paths, and where the tests run as root
//! again by a user without rights.

#![allow(clippy::disallowed_methods, reason = "the tests make the targets")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "../archive/mod.rs"]
mod archive;
mod images;
mod races;
mod rows;
mod reports;
mod run;
mod tree;

use rows::{Ends, Needs, Row, Wanted};
use run::{Outcome, Reader, Run, can_mount, is_root, outcomes, profile};
use tree::{Ground, SECRET, Tree};

#[test]
fn links_never_lead_out() {
    hold("links", rows::links());
}

#[test]
fn only_regular_files_are_opened() {
    hold("kinds", rows::kinds());
}

#[test]
fn size_is_bounded() {
    hold("sizes", rows::sizes());
}

#[test]
fn odd_names_can_be_named() {
    hold("names", rows::names());
}

#[test]
fn unreadable_is_never_a_pass() {
    hold("rights", rows::rights());
}

#[test]
fn odd_trees_are_walked() {
    hold("shapes", rows::shapes());
}

#[test]
fn bombs_are_refused() {
    hold("formats", rows::formats());
}

#[test]
fn bombs_of_more_formats_are_refused() {
    hold("more-formats", rows::more_formats());
}

#[test]
fn odd_archives_are_refused() {
    hold("archives", images::archives());
}

#[test]
fn odd_documents_of_images_are_refused() {
    hold("documents", images::documents());
}

#[test]
fn hostile_layers_are_refused_or_read() {
    hold("layers", images::layers());
}

#[test]
fn what_is_kept_is_bounded() {
    hold("amounts", rows::amounts());
}

#[test]
fn mounts_lead_nowhere_else() {
    hold("mounts", rows::mounts());
}

#[test]
fn odd_roots_are_refused() {
    hold("roots", rows::roots());
}

/// Scans the target of every row in every way, and compares what comes out with what is wanted.
fn hold(test: &str, rows: Vec<Row>) {
    let ground = Ground::new(test);
    let mut wrong = Vec::new();
    for row in rows {
        if let Some(missing) = missing(row.needs) {
            println!("skipped: {}: needs {missing}", row.name);
            continue;
        }
        let began = std::time::Instant::now();
        let tree = Tree::new(&ground, row.name);
        (row.build)(&tree);
        let built = began.elapsed();
        let before = tree.changed();
        for (reader, resolver) in ways(&row) {
            let found = scan(&row, &tree, reader, resolver).into_iter();
            wrong.extend(found.map(|found| format!("{} ({reader:?}, {resolver}): {found}", row.name)));
        }
        if tree.changed() != before {
            wrong.push(format!("{}: the target was written to", row.name));
        }
        println!("{}: built in {built:?}, all in {:?}", row.name, began.elapsed());
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Who looks, and how.
fn ways(row: &Row) -> Vec<(Reader, &'static str)> {
    use Reader::{Current, Nobody};
    let ways = match row.needs {
        // Whoever asks: there is no answer.
        Needs::Fuse(_) => vec![(Current, "auto"), (Current, "steps")],
        // An image has no paths that the kernel could resolve.
        _ if row.option == "--image" => vec![(Current, "auto"), (Nobody, "auto")],
        _ if row.heavy && is_root() => vec![(Current, "auto"), (Nobody, "steps")],
        _ => vec![(Current, "auto"), (Current, "steps"), (Nobody, "auto"), (Nobody, "steps")],
    };
    ways.into_iter().filter(|(reader, _)| Reader::all().contains(reader)).collect()
}

fn missing(needs: Needs) -> Option<&'static str> {
    match needs {
        Needs::Devices if !is_root() => Some("root, to make device nodes"),
        Needs::Mounts(_) | Needs::Fuse(_) if !can_mount() => {
            Some("root that may mount in a mount namespace of its own")
        }
        Needs::Fuse(_) if std::fs::File::open("/dev/fuse").is_err() => Some("/dev/fuse"),
        _ => None,
    }
}

fn scan(row: &Row, tree: &Tree, reader: Reader, resolver: &str) -> Vec<String> {
    let checks: &[(String, Wanted)] = match &row.ends {
        Ends::With(checks) => checks,
        Ends::Refused(_) => &[],
    };
    let stdin = match row.ends {
        Ends::With(_) => profile(checks.iter().map(|(check, _)| check.as_str())),
        Ends::Refused(_) => profile(["{file: /none, expect: {exist: false}}"]),
    };
    let root = tree.at(row.root);
    let mut arguments = vec!["scan", "-", row.option, root.to_str().unwrap(), "--resolver", resolver];
    arguments.extend(["--reporter", "json"].iter().chain(row.arguments));
    let mounts = match row.needs {
        Needs::Mounts(script) | Needs::Fuse(script) => Some(script),
        Needs::Nothing | Needs::Devices => None,
    };
    let run = Run { binary: &tree.binary, reader, mounts, root: &root, arguments: &arguments, stdin: &stdin };
    let ended = run.go();
    let mut wrong = Vec::new();
    if ended.stdout.contains(SECRET) || ended.stderr.contains(SECRET) {
        wrong.push("ESCAPE: what lies outside of the target was read".to_owned());
    }
    match &row.ends {
        Ends::Refused(part) => {
            if ended.code != Some(104) || !ended.stderr.contains(part) {
                wrong.push(format!("wanted refusal \"{part}\", got {:?} {}", ended.code, ended.stderr));
            }
        }
        Ends::With(_) if !matches!(ended.code, Some(0 | 100 | 101)) || !ended.stderr.is_empty() => {
            wrong.push(format!("ended with {:?}: {}", ended.code, ended.stderr));
        }
        Ends::With(checks) => {
            for ((check, wanted), results) in checks.iter().zip(outcomes(&ended.stdout)) {
                if !results.iter().all(|result| is(result, *wanted, reader)) {
                    wrong.push(format!(
                        "{}\n  wanted {wanted:?}, got {}",
                        shown(check),
                        shown(&format!("{results:?}"))
                    ));
                }
            }
        }
    }
    wrong
}

fn is(result: &Outcome, wanted: Wanted, reader: Reader) -> bool {
    let (status, part) = match wanted {
        Wanted::Passed => ("passed", ""),
        Wanted::Failed(part) => ("failed", part),
        Wanted::Skipped(part) => ("skipped", part),
        Wanted::Error(part) => ("error", part),
        Wanted::Denied if reader.reads_all() => ("passed", ""),
        Wanted::Denied => {
            ("error", "permission denied (needs the file's uid or gid, or root with CAP_DAC_READ_SEARCH)")
        }
    };
    result.status == status && result.message.contains(part)
}

fn shown(text: &str) -> String {
    text.chars().take(400).collect()
}
