//! Which layer of an image brought what a result is about.

use std::collections::BTreeMap;

use crate::check::{Asks, Expectation};
use crate::evaluate::judge::{failing, offending};
use crate::outcome::{ImageLayer, Status};
use crate::resource::{Arg, Arguments, Resource, Shape, Table, is_of_the_link};
use crate::rootfs::{Links, LookError, Root};
use crate::value::{from_lossless, lossless};

/// How many files a message names for one layer; the rest is counted.
const NAMED_FILES: usize = 5;
/// How many files are looked up for one message.
const MAX_FILES: usize = 20;
/// How much of a command is shown.
const SHOWN_CHARS: usize = 80;
/// How many digits tell two digests apart.
const SHOWN_DIGITS: usize = 12;

/// The files that a subject reads, by its arguments.
pub(super) fn files_read(resource: &Resource, arguments: &Arguments) -> Vec<Vec<u8>> {
    let given = arguments.0.iter().find(|(name, _)| matches!(*name, "path" | "paths"));
    match given {
        Some((_, Arg::Text(path))) => vec![path.to_vec()],
        Some((_, Arg::Globs(globs))) => {
            globs.iter().filter(|glob| !glob.is_pattern()).map(|glob| glob.as_str().as_bytes().to_vec()).collect()
        }
        _ => resource.default_path().map(|path| path.as_bytes().to_vec()).into_iter().collect(),
    }
}

/// The files of the rows that fail.
pub(super) fn files_failing(root: &Root, expectation: &Expectation, table: &Table) -> Vec<Vec<u8>> {
    let places = match &expectation.asks {
        Asks::List(_, column) => offending(&expectation.test, table, column),
        Asks::Column(column) => failing(&expectation.test, table, column),
        _ => table.rows.iter().map(|row| row.place.clone()).collect(),
    };
    let mut files: Vec<Vec<u8>> = places.iter().take(MAX_FILES).filter_map(|place| file_of(root, place)).collect();
    files.dedup();
    files
}

/// Whether an expectation is about what stands at a path itself, or about what a link there leads to.
pub(super) fn links(resource: &Resource, asks: &Asks) -> Links {
    let of_the_link = match (&resource.shape, asks) {
        (Shape::Walk, Asks::Column(name) | Asks::List(_, name)) => is_of_the_link(name),
        (Shape::Walk, _) => true,
        (Shape::Object { .. }, Asks::Property(name)) => {
            matches!(&**name, "symlink" | "link_path" | "shallow_link_path" | "linked_to")
        }
        _ => false,
    };
    if of_the_link { Links::Stay } else { Links::Follow }
}

/// The file of a place: `/a`, `/a:12`, `/a:12 (root)`.
fn file_of(root: &Root, place: &str) -> Option<Vec<u8>> {
    let line = |place: &str| {
        let (path, line) = place.rsplit_once(':')?;
        line.bytes().all(|byte| byte.is_ascii_digit()).then(|| path.to_owned())
    };
    let candidates = [Some(place.to_owned()), line(place), place.split_once(" (").and_then(|(place, _)| line(place))];
    let mut paths = candidates.iter().flatten().map(|path| from_lossless(path).into_owned());
    paths.find(|path| root.lookup(path, Links::Stay).is_ok())
}

/// A failure with the layers that brought these files; where the root is no image, as it was.
pub(super) fn with_layers(root: &Root, status: Status, files: &[Vec<u8>], links: Links) -> Status {
    let Status::Failed(mut message) = status else { return status };
    let mut by_layer: BTreeMap<usize, (&ImageLayer, Vec<String>)> = BTreeMap::new();
    for file in files {
        // A dangling link was brought, too.
        let node = match root.lookup(file, links) {
            Err(LookError::Absent) => root.lookup(file, Links::Stay),
            found => found,
        };
        if let Some(layer) = node.ok().and_then(|node| root.brought_by(&node)) {
            by_layer.entry(layer.number).or_insert((layer, Vec::new())).1.push(lossless(file));
        }
    }
    for (place, (layer, files)) in by_layer.values().enumerate() {
        message.push_str(if place == 0 { "\n    from: " } else { "\n          " });
        message.push_str(&words(layer));
        if by_layer.len() > 1 {
            let shown: Vec<&str> = files.iter().take(NAMED_FILES).map(String::as_str).collect();
            message.push_str(&format!(": {}", shown.join(", ")));
            if files.len() > NAMED_FILES {
                message.push_str(&format!(", … and {} more", files.len() - NAMED_FILES));
            }
        }
    }
    Status::Failed(message)
}

/// A layer in a message: `layer 2 (sha256:0123456789ab, RUN chmod …)`.
fn words(layer: &ImageLayer) -> String {
    let digest = layer.digest.as_ref().unwrap_or(&layer.diff_id);
    let shown = digest.find(':').map_or(0, |colon| colon + 1) + SHOWN_DIGITS;
    let digest = digest.get(..shown).unwrap_or(digest);
    let command = layer.created_by.as_deref().map_or_else(String::new, |command| format!(", {}", beginning(command)));
    format!("layer {} ({digest}{command})", layer.number)
}

/// The beginning of a command, without any value: build arguments and addresses may hold secrets.
fn beginning(command: &str) -> String {
    let command = command.strip_prefix("/bin/sh -c #(nop)").map_or(command, str::trim_start);
    let value = command.find('=').map_or(command.len(), |at| at + 1);
    let address = command.find("://").map_or(command.len(), |at| at + 3);
    let end = command.char_indices().nth(SHOWN_CHARS).map_or(command.len(), |(at, _)| at);
    let shown = command.get(..value.min(address).min(end)).unwrap_or_default();
    let more = if shown.len() < command.len() { "…" } else { "" };
    format!("{}{more}", lossless(shown.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_without_values() {
        for (command, shown) in [
            ("RUN /bin/sh -c apt-get update # buildkit", "RUN /bin/sh -c apt-get update # buildkit"),
            ("/bin/sh -c #(nop) ENV TOKEN=hunter2", "ENV TOKEN=…"),
            ("RUN curl https://me:hunter2@host", "RUN curl https://…"),
            ("COPY \x1b[31m", "COPY \\x1b[31m"),
        ] {
            assert_eq!(beginning(command), shown);
        }
        assert_eq!(beginning(&"é".repeat(100)), format!("{}…", "é".repeat(80)));
    }
}
