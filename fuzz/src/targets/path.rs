//! What authors write to say where something is: patterns, globs, places in documents.

use assay::check::DocumentPath;
use assay::parse;
use assay::pattern::Pattern;
use assay::rootfs::{Glob, Links, Memory, MemoryEntry, Root, expand};

use super::{parts, same};

/// A pattern and a text.
pub fn pattern(data: &[u8]) {
    let [pattern, text] = parts(data);
    let Ok(pattern) = std::str::from_utf8(pattern) else { return };
    if let Ok(found) = same(|| Pattern::new(pattern).map(|pattern| pattern.is_match(text)))
        && let Ok(regex) = Pattern::new(pattern).and_then(|pattern| pattern.regex())
    {
        // What is searched as text, or line by line, finds what the automaton finds, but for the line that never begins.
        assert!(!found || regex.is_match(text), "found without the automaton only");
        if !text.ends_with(b"\n") {
            assert_eq!(found, regex.is_match(text), "found with the automaton only");
        }
    }
    if let Ok(literal) = Pattern::literal(pattern) {
        assert!(literal.is_match(pattern.as_bytes()), "a text does not find itself");
    }
}

/// A glob, then paths, one a line.
pub fn glob(data: &[u8]) {
    let [glob, paths] = parts(data);
    let Some(Ok(glob)) = std::str::from_utf8(glob).ok().map(Glob::new) else { return };
    let mut entries = Vec::new();
    for path in paths.split(|byte| *byte == b'\n').take(100) {
        let _ = (glob.matches_name(path), glob.matches_path(path));
        let fits = path.len() < 200 && path.first() == Some(&b'/') && path.last() != Some(&b'/');
        if fits && path[1..].split(|byte| *byte == b'/').all(|name| !matches!(name, b"" | b"." | b"..")) {
            entries.push((path.to_vec(), MemoryEntry::file("")));
        }
    }
    // A file has nothing below it.
    entries.sort_by(|(left, _), (right, _)| left.cmp(right));
    entries.dedup_by(|(path, _), (above, _)| {
        path.starts_with(above) && matches!(path.get(above.len()), None | Some(b'/'))
    });
    if glob.is_absolute() {
        let root = Root::memory(Memory::new(entries));
        for path in same(|| expand(&root, &glob)).iter().flatten() {
            assert!(glob.matches_path(path), "{} gives {path:?}", glob.as_str());
            assert!(root.lookup(path, Links::Stay).is_ok(), "{} gives {path:?}, which is not there", glob.as_str());
        }
    }
}

/// A path and the document in which it leads somewhere.
fn find(path: &DocumentPath, document: &assay::value::Value) {
    let _ = (path.words(), path.is_wild(), path.counts());
    let found = same(|| path.find(document));
    let _ = found.inspect();
}

/// A path, then JSON.
pub fn document_path(data: &[u8]) {
    let [path, document] = parts(data);
    let Ok(path) = std::str::from_utf8(path) else { return };
    let document = parse::structured::json(document).unwrap_or(assay::value::Value::Nil);
    let literal = [(true, true), (true, false), (false, false)]
        .map(|(sections, fold_case)| DocumentPath::literal(path, sections, fold_case));
    for path in literal.into_iter().chain([DocumentPath::typed(path)]).flatten() {
        find(&path, &document);
        let _ = path.into_steps();
    }
}

/// An XPath, then XML.
pub fn xpath(data: &[u8]) {
    let [path, document] = parts(data);
    let Ok(path) = std::str::from_utf8(path) else { return };
    let document = parse::xml::xml(document).unwrap_or(assay::value::Value::Nil);
    if let Ok(path) = DocumentPath::xpath(path) {
        find(&path, &document);
    }
}
