//! What the owner of a target swaps while it is looked at: thousands of rounds, until swaps fell into enough of them
//! and both states were seen.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use assay::rootfs::{Glob, Links, LookError, Resolver, Root, WalkOptions, Walker, expand, walk};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::run::{Reader, Run, outcomes, profile};
use crate::tree::{Ground, SECRET, Tree};

const ROUNDS: usize = 10_000;
const BOTH: [Resolver; 2] = [Resolver::Auto, Resolver::Steps];

/// One race at a time: each needs two processors.
static ONE: Mutex<()> = Mutex::new(());

/// Stops the swapping when a round panics too.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Looks again and again while another thread swaps, until swaps fell into one of twenty rounds at least; counts what
/// was seen.
fn while_swapped(
    rounds: usize,
    swap: impl FnMut() + Send,
    mut look: impl FnMut() -> &'static str,
) -> BTreeMap<&'static str, usize> {
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (stop, swaps) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let (stop, swaps) = (&stop, &swaps);
        let mut swap = swap;
        scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                swap();
                swaps.fetch_add(1, Ordering::SeqCst);
            }
        });
        let _stop = Stop(stop);
        let mut seen = BTreeMap::new();
        let (mut done, mut met) = (0, 0);
        while done < rounds || met < rounds / 20 {
            let before = swaps.load(Ordering::SeqCst);
            *seen.entry(look()).or_default() += 1;
            done += 1;
            met += usize::from(swaps.load(Ordering::SeqCst) != before);
        }
        println!("{done} rounds, a swap fell into {met}");
        seen
    })
}

fn exchange(one: &Path, other: &Path) {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
}

/// What reading a path gives; never the secret.
fn read(root: &Root, path: &[u8]) -> &'static str {
    let read = root.lookup(path, Links::Follow).and_then(|node| root.read(&node, 1 << 20));
    match read {
        Ok(content) => {
            assert_eq!(String::from_utf8_lossy(&content), "inside", "ESCAPE");
            "inside"
        }
        Err(LookError::Absent) => "absent",
        Err(LookError::Changed | LookError::Escape | LookError::Loop) => "stopped",
        Err(error) => panic!("{error}"),
    }
}

/// Each side of the race was met.
fn assert_seen(seen: &BTreeMap<&'static str, usize>, wanted: &[&str]) {
    for what in wanted {
        assert!(seen.contains_key(what), "the race was not met: {seen:?}");
    }
}

#[test]
fn a_folder_swapped_for_a_link_while_a_path_is_resolved() {
    let ground = Ground::new("resolution");
    for (name, absolute) in [("absolute", true), ("relative", false)] {
        let tree = Tree::new(&ground, name);
        tree.file("a/b/c/file", "inside");
        fs::create_dir(tree.outside.join("c")).unwrap();
        fs::write(tree.outside.join("c/file"), SECRET).unwrap();
        let target = if absolute { tree.outside.clone() } else { "../../outside".into() };
        symlink(target, tree.at("a/link")).unwrap();
        let (folder, link) = (tree.at("a/b"), tree.at("a/link"));
        for resolver in BOTH {
            let root = Root::open(&tree.root, resolver).unwrap();
            let seen = while_swapped(ROUNDS, || exchange(&folder, &link), || read(&root, b"/a/b/c/file"));
            println!("{name}, {resolver:?}: {seen:?}");
            assert_seen(&seen, &["inside", "absent"]);
        }
    }
}

#[test]
fn a_folder_moved_out_while_a_path_goes_up_again() {
    let ground = Ground::new("upwards");
    let tree = Tree::new(&ground, "tree");
    tree.folder("a/b/c");
    tree.file("mark", "inside");
    for outside in [tree.outside.join("mark"), tree.root.parent().unwrap().join("mark")] {
        fs::write(outside, SECRET).unwrap();
    }
    let (inside, outside) = (tree.at("a/b"), tree.outside.join("b"));
    for resolver in BOTH {
        let root = Root::open(&tree.root, resolver).unwrap();
        let swap = || {
            fs::rename(&inside, &outside).unwrap();
            fs::rename(&outside, &inside).unwrap();
        };
        let seen = while_swapped(ROUNDS, swap, || read(&root, b"/a/b/c/../../../mark"));
        println!("{resolver:?}: {seen:?}");
        assert_seen(&seen, &["inside", "absent"]);
    }
}

/// A tree in which a folder with `inside` and a link to the outside change places.
fn swapped_tree(ground: &Ground) -> Tree {
    let tree = Tree::new(ground, "tree");
    tree.file("w/d/sub/inside", "inside");
    fs::create_dir(tree.outside.join("sub")).unwrap();
    fs::write(tree.outside.join("sub/secret"), SECRET).unwrap();
    tree.link("w/link", &tree.outside);
    tree
}

#[test]
fn a_folder_swapped_for_a_link_while_it_is_walked() {
    let ground = Ground::new("walk");
    let tree = swapped_tree(&ground);
    let (folder, link) = (tree.at("w/d"), tree.at("w/link"));
    for resolver in BOTH {
        for (follow, parallel, rounds) in [(false, false, ROUNDS / 2), (true, false, ROUNDS / 2), (false, true, 1_000)]
        {
            let root = Root::open(&tree.root, resolver).unwrap();
            let look = || {
                let met = Mutex::new("nowhere");
                let visit = |found: &assay::rootfs::Found<'_>| {
                    assert_ne!(found.name(), b"secret", "ESCAPE");
                    if found.name() == b"inside" {
                        *met.lock().unwrap() = if found.path().starts_with(b"/w/d/") { "at d" } else { "at link" };
                        let content = found.node().and_then(|node| root.read(&node, 100));
                        assert!(content.is_ok_and(|content| &*content == b"inside"));
                    }
                };
                let options = WalkOptions { follow, ..WalkOptions::default() };
                let walker = Walker { starts: vec![b"/".to_vec()], options, exclude: &[], visit: &visit };
                let incomplete = walk(&root, &[walker], parallel).remove(0);
                let met = met.into_inner().unwrap();
                // Not met: then the walk says that it is not whole, or the folder was moved from where it had not
                // been looked yet to where it had been looked already.
                if met == "nowhere" && !incomplete.is_empty() { "incomplete" } else { met }
            };
            let seen = while_swapped(rounds, || exchange(&folder, &link), look);
            println!("{resolver:?}, follow {follow}, parallel {parallel}: {seen:?}");
            assert_seen(&seen, &["at d", "at link"]);
        }
    }
}

#[test]
fn a_folder_swapped_for_a_link_while_a_glob_is_expanded() {
    let ground = Ground::new("glob");
    let tree = swapped_tree(&ground);
    let (folder, link) = (tree.at("w/d"), tree.at("w/link"));
    for resolver in BOTH {
        for glob in ["/w/*/sub/*", "/w/**"].map(|text| Glob::new(text).unwrap()) {
            let root = Root::open(&tree.root, resolver).unwrap();
            let look = || match expand(&root, &glob) {
                Ok(paths) => {
                    assert!(!paths.iter().any(|path| path.ends_with(b"/secret")), "ESCAPE");
                    if paths.iter().any(|path| path.ends_with(b"/inside")) { "inside" } else { "nothing" }
                }
                Err(_) => "incomplete",
            };
            let seen = while_swapped(ROUNDS / 2, || exchange(&folder, &link), look);
            println!("{resolver:?}, {}: {seen:?}", glob.as_str());
            assert_seen(&seen, &["inside"]);
        }
    }
}

/// How large the files are that are read while they are written.
const WHOLE: usize = 256 << 10;

/// Whether a content is that of one state: one letter, in one of two lengths.
fn is_whole(content: &[u8]) -> bool {
    [WHOLE, WHOLE / 2].contains(&content.len()) && content == vec![content[0]; content.len()]
}

/// Brings a file into its next state: other letters, half as long, as long as before, another file.
fn write_next(path: &Path, round: usize) {
    let letter = b'a' + u8::try_from(round % 26).unwrap();
    let open = || fs::File::options().write(true).open(path).unwrap();
    match round % 4 {
        0 => open().write_all_at(&vec![letter; WHOLE], 0).unwrap(),
        1 => open().set_len(WHOLE as u64 / 2).unwrap(),
        2 => {
            let letter = fs::read(path).unwrap()[0];
            open().write_all_at(&vec![letter; WHOLE / 2], WHOLE as u64 / 2).unwrap();
        }
        _ => {
            let new = path.with_extension("new");
            fs::write(&new, vec![letter; WHOLE]).unwrap();
            fs::rename(&new, path).unwrap();
        }
    }
}

/// Reads files while they are written; returns how often both overlapped, and what was read.
fn read_while_written(
    tree: &Tree,
    rounds: usize,
    read: &(dyn Fn(&str) -> Option<Vec<u8>> + Sync),
) -> (usize, BTreeMap<&'static str, usize>) {
    // Pairs that mostly wait: for a moment at which a file is left alone.
    const PAIRS: usize = 25;
    /// How long ago the last change of a file must be before it is read.
    const HELD_UP: Duration = Duration::from_millis(20);
    const FILES: usize = 3;
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let counted = Mutex::new((0, BTreeMap::new()));
    std::thread::scope(|scope| {
        for pair in 0..PAIRS {
            let counted = &counted;
            scope.spawn(move || {
                let (go, gone) = channel::<usize>();
                let (done, written) = channel();
                let path = |round: usize| format!("{pair}/{}", round % FILES);
                (0..FILES).for_each(|file| tree.file(&path(file), vec![b'.'; WHOLE]));
                std::thread::scope(|scope| {
                    scope.spawn(move || {
                        for round in gone {
                            let began = Instant::now();
                            write_next(&tree.at(&path(round)), round / FILES);
                            let _ = done.send((began, Instant::now()));
                        }
                    });
                    for round in 0..rounds / PAIRS {
                        go.send(round).unwrap();
                        let began = Instant::now();
                        let content = read(&format!("/{}", path(round)));
                        let ended = Instant::now();
                        let (write_began, write_ended) = written.recv().unwrap();
                        let what = match content {
                            None => "changed",
                            Some(content) if is_whole(&content) => "whole",
                            // The kernel notes the moment of a write before it copies the bytes: a writer that is held
                            // up in between for longer than assay waits leaves no trace of what is still to come.
                            Some(_) if write_ended - write_began >= HELD_UP => "held up",
                            Some(_) => "torn",
                        };
                        let mut counted = counted.lock().unwrap();
                        counted.0 += usize::from(write_began < ended && began < write_ended);
                        *counted.1.entry(what).or_default() += 1;
                    }
                    drop(go);
                });
            });
        }
    });
    counted.into_inner().unwrap()
}

#[test]
fn a_file_written_while_it_is_read_is_whole_or_an_error() {
    let ground = Ground::new("files");
    let tree = Tree::new(&ground, "tree");
    let plain = |path: &str| Some(fs::read(tree.at(path.trim_start_matches('/'))).unwrap());
    let torn = (0..20).any(|_| read_while_written(&tree, 500, &plain).1.contains_key("torn"));
    assert!(torn, "a plain read is never torn: the race is not met");
    for resolver in BOTH {
        let root = Root::open(&tree.root, resolver).unwrap();
        let read = |path: &str| {
            let content = root.lookup(path.as_bytes(), Links::Follow).and_then(|node| root.read(&node, 4 << 20));
            match content {
                Ok(content) => Some(content.to_vec()),
                Err(LookError::Changed) => None,
                Err(error) => panic!("{error}"),
            }
        };
        let mut overlapped = 0;
        for batch in 0.. {
            let (more, seen) = read_while_written(&tree, ROUNDS / 4, &read);
            overlapped += more;
            println!("{resolver:?}: {overlapped} overlapped; {seen:?}");
            assert!(!seen.contains_key("torn"), "{seen:?}");
            if overlapped >= 500 {
                break;
            }
            assert!(batch < 20, "the race was not met: {overlapped}");
        }
    }
}

#[test]
fn a_scan_of_a_target_that_is_swapped_and_removed() {
    let ground = Ground::new("scan");
    let tree = swapped_tree(&ground);
    let (folder, link, gone) = (tree.at("w/d"), tree.at("w/link"), tree.at("gone"));
    let profile = profile([
        "{file: /w/d/sub/inside, missing: fail, expect: {content: inside}}",
        "{file: /w/d/sub/secret, expect: {exist: false}}",
        "{find: {under: [/], name: secret}, expect: {exist: false}}",
        "{find: {under: [/], follow: true, name: secret}, expect: {exist: false}}",
        "{grep: {paths: [/w/*/sub/*], match: OUTSIDE}, expect: {count: 0}}",
        "{find: {under: [/gone], name: none}, expect: {exist: false}}",
    ]);
    for reader in Reader::all() {
        for resolver in ["auto", "steps"] {
            let swap = || {
                exchange(&folder, &link);
                fs::create_dir_all(gone.join("a/b/c")).unwrap();
                fs::remove_dir_all(&gone).unwrap();
            };
            let root = tree.root.to_str().unwrap();
            let arguments = ["scan", "-", "--rootfs", root, "--resolver", resolver, "--reporter", "json"];
            let binary = &tree.binary;
            let run = Run { binary, reader, mounts: None, root: &tree.root, arguments: &arguments, stdin: &profile };
            let seen = while_swapped(25, swap, || {
                let ended = run.go();
                assert!(!ended.stdout.contains(SECRET), "ESCAPE");
                assert!(matches!(ended.code, Some(0 | 100 | 101)), "{:?}: {}", ended.code, ended.stderr);
                let results = outcomes(&ended.stdout);
                for result in results[1..].iter().flatten() {
                    assert_ne!(result.status, "failed", "ESCAPE: {result:?}");
                }
                "ended"
            });
            assert!(seen.get("ended").is_some_and(|count| *count >= 25));
        }
    }
}
