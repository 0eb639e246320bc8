//! The tools themselves are asked what they see, and the resources must say the same: dpkg-query, rpm, pip, npm,
//! openssl, ssh-keygen, readelf, go, nginx, apache2, my_print_defaults, modprobe, apt-get, systemctl, cvtsudoers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

#[path = "../fixture/mod.rs"]
mod fixture;
mod keys;
mod languages;
mod packages;
mod servers;
mod system;

use std::path::Path;
use std::process::Command;

use assay::resource::{Arg, Arguments, Context, NoAnswer, Shape, resource};
use assay::rootfs::{Resolver, Root};
use assay::value::{Text, Value};

use fixture::skipped;

/// What a tool writes; nothing where there is no such tool, or it fails.
fn tool(test: &str, name: &str, arguments: &[&str], folder: &Path) -> Option<String> {
    let output = Command::new(name).args(arguments).current_dir(folder).env("LC_ALL", "C").env("TZ", "UTC").output();
    match output {
        Ok(output) if output.status.success() => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => panic!("{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => {
            skipped(test, name);
            None
        }
    }
}

fn context(root: &Path) -> Context {
    Context::new(Root::open(root, Resolver::Auto).unwrap(), 1_800_000_000)
}

fn arguments(given: &[(&'static str, &str)]) -> Arguments {
    Arguments(given.iter().map(|(name, text)| (*name, Arg::Text(Text::from(text.as_bytes())))).collect())
}

/// Properties of an object; nothing when it does not exist.
fn properties(context: &Context, name: &str, given: &[(&'static str, &str)], wanted: &[&str]) -> Option<Vec<String>> {
    let Shape::Object { open, .. } = resource(name).unwrap().shape else { panic!("{name} is no object") };
    match open(context, &arguments(given)) {
        Ok(object) => Some(wanted.iter().map(|name| object.property(context, name).unwrap().plain()).collect()),
        Err(NoAnswer::Missing(_)) => None,
        Err(error) => panic!("{name} {given:?}: {}", error.text()),
    }
}

/// The rows of a table, sorted, with blanks between the columns.
fn rows(context: &Context, name: &str) -> Vec<String> {
    let Shape::Table { read, .. } = resource(name).unwrap().shape else { panic!("{name} is no table") };
    let table = read(context, &Arguments::default()).unwrap();
    let text = |cell: &Result<Value, NoAnswer>| cell.as_ref().unwrap().plain();
    let mut rows: Vec<String> =
        table.rows.iter().map(|row| row.cells.iter().map(text).collect::<Vec<_>>().join(" ")).collect();
    rows.sort();
    rows
}

fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.sort();
    lines
}
