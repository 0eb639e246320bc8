//! The order of src/lib.rs holds: a module uses only those above it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn modules(lib: &str) -> Vec<&str> {
    lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The files below src/, each with the module that it belongs to.
fn files() -> BTreeMap<PathBuf, String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&src, &mut found);
    let module = |path: &PathBuf| {
        let first = path.strip_prefix(&src).unwrap().components().next().unwrap().as_os_str();
        first.to_str().unwrap().trim_end_matches(".rs").to_owned()
    };
    found.into_iter().map(|path| (path.clone(), module(&path))).filter(|(_, name)| name != "lib").collect()
}

/// The names that follow `crate::`, of groups all of them.
fn used(text: &str) -> Vec<&str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut names = Vec::new();
    for line in code {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            assert!(!rest.starts_with('{'), "one `use crate::` for each module: {line}");
            names.push(rest.split(|char: char| !char.is_alphanumeric() && char != '_').next().unwrap());
        }
    }
    names
}

#[test]
fn modules_use_only_those_above_them() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let order = modules(&lib);
    assert!(order.len() > 10, "{order:?}");
    let place = |name: &str| order.iter().position(|known| *known == name);
    let mut wrong = Vec::new();
    let mut uses = 0;
    for (path, module) in files() {
        let Some(own) = place(&module) else {
            assert_eq!(module, "main", "{} is in no module of lib.rs", path.display());
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        for name in used(&text) {
            uses += 1;
            match place(name) {
                Some(other) if other <= own => {}
                _ => wrong.push(format!("{} uses crate::{name}", path.display())),
            }
        }
    }
    assert!(uses > 100, "only {uses} uses found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What each layer may not do: the words that would show it.
const NEVER: [(&str, &[&str]); 10] = [
    ("parse", &["std::fs", "nix::", "rustix::"]),
    ("engines", &["std::fs", "nix::", "rustix::", "std::env", "process::"]),
    ("detect", &["std::fs", "nix::", "rustix::", "resource::"]),
    ("resource", &["std::fs", "nix::", "rustix::"]),
    ("check", &["std::fs", "nix::", "rustix::", "rootfs::Root"]),
    ("evaluate", &["std::fs", "nix::", "rustix::"]),
    ("outcome", &["std::fs", "nix::", "rustix::"]),
    ("threshold", &["std::fs", "nix::", "rustix::"]),
    ("rootfs", &["OFlag::O_WRONLY", "OFlag::O_RDWR", "OFlag::O_CREAT", "unlink", "std::process"]),
    ("report", &["rootfs::"]),
];

#[test]
fn layers_keep_to_their_business() {
    let mut wrong = Vec::new();
    for (path, module) in files() {
        let text = fs::read_to_string(&path).unwrap();
        let product = text.split("#[cfg(test)]").next().unwrap();
        let code: Vec<&str> = product.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let mut never: Vec<&str> = vec!["std::net", "TcpStream", "UnixStream", "Command::new"];
        never.extend(NEVER.iter().filter(|(name, _)| *name == module).flat_map(|(_, words)| *words));
        for word in never {
            // An address is a value, and reaches nothing.
            let harmless = |line: &&&str| line.trim() == "use std::net::IpAddr;";
            for line in code.iter().filter(|line| line.contains(word) && !harmless(line)) {
                wrong.push(format!("{}: {}", path.display(), line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_launcher_reads_a_root_in_one_place() {
    let reads = files().into_keys().filter(|path| {
        let in_launcher = path.parent().is_some_and(|folder| folder.ends_with("src/launcher"));
        in_launcher && used(&fs::read_to_string(path).unwrap()).contains(&"rootfs")
    });
    let reads: Vec<String> = reads.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    // The first only gives names to what the second is told.
    assert_eq!(reads, ["tar_program.rs", "tarball.rs"]);
}
