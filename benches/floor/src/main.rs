//! The floor of the benchmark: one thread that does nothing but the system calls and the searching that the work needs.
//!
//! `floor files ROOT LIST` takes one file per line of LIST, `PATH<tab>LITERAL[<tab>LITERAL…]`: lstat, open, read, search.
//! `floor walk ROOT` lists every folder, looks at every entry and counts the regular files that anyone can write to and
//! those with the setuid or setgid bit. Each prints one line of counts, which the benchmark compares.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    match args.iter().map(|arg| arg.as_os_str()).collect::<Vec<_>>()[..] {
        [mode, root, list] if mode == "files" => files(root, list),
        [mode, root] if mode == "walk" => walk(Path::new(root)),
        _ => Err(io::Error::other("usage: floor files ROOT LIST | floor walk ROOT")),
    }
}

fn files(root: &OsStr, list: &OsStr) -> io::Result<()> {
    let (mut regular, mut found, mut missed) = (0u64, 0u64, 0u64);
    let mut path = Vec::new();
    let mut content = Vec::new();
    for line in fs::read_to_string(list)?.lines() {
        let mut fields = line.split('\t');
        path.clear();
        path.extend_from_slice(root.as_bytes());
        path.extend_from_slice(fields.next().unwrap_or_default().as_bytes());
        let path = Path::new(OsStr::from_bytes(&path));
        let metadata = fs::symlink_metadata(path)?;
        regular += u64::from(metadata.is_file());
        content.clear();
        content.reserve(metadata.len() as usize + 1);
        File::open(path)?.read_to_end(&mut content)?;
        // The standard library searches text with vector instructions and bytes without; the workload is all UTF-8.
        let text = std::str::from_utf8(&content).map_err(io::Error::other)?;
        for literal in fields {
            if text.contains(literal) {
                found += 1;
            } else {
                missed += 1;
            }
        }
    }
    println!("regular {regular} found {found} missed {missed}");
    Ok(())
}

fn walk(root: &Path) -> io::Result<()> {
    let (mut entries, mut writable, mut setid) = (0u64, 0u64, 0u64);
    let mut folders = vec![PathBuf::from(root)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            entries += 1;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if metadata.is_file() {
                writable += u64::from(metadata.mode() & 0o0002 != 0);
                setid += u64::from(metadata.mode() & 0o6000 != 0);
            }
        }
    }
    println!("entries {entries} writable {writable} setid {setid}");
    Ok(())
}
