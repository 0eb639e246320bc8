//! Globs: `*` and `?` within one name, `**` across folders, nothing else.
//!
//! `paths` and `under` read like a shell's: a leading dot only matches when it is written. A pattern that is tested
//! against what a walk found (`name`, `exclude`) reads like find(1)'s: a dot is a byte like any other, so that no
//! file hides behind it.

use std::fmt;

use crate::order;
use crate::rootfs::{Kind, Links, Look, LookError, Root};
use crate::value::{from_lossless, lossless};

/// The most paths that one glob may name; more is an error, not a shorter list.
const MAX_MATCHES: usize = 200_000;

/// A compiled glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// A name without wildcards.
    Name(Vec<u8>),
    /// A name with wildcards.
    Pattern(Vec<Token>),
    /// `**`: any number of folders.
    Folders,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Byte(u8),
    One,
    Many,
}

/// Why a text is no glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GlobError {
    /// Nothing was written.
    Empty,
    /// `**` beside other characters of one name.
    StarsInName,
}

impl fmt::Display for GlobError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GlobError::Empty => write!(out, "a glob cannot be empty"),
            GlobError::StarsInName => write!(out, "`**` stands alone between slashes; within a name write `*`"),
        }
    }
}

/// A piece of a glob.
#[derive(Clone, Copy, Debug)]
pub enum GlobPiece<'a> {
    /// Text in which wildcards count; bytes that are no UTF-8 are written as in [`lossless`].
    Written(&'a str),
    /// Bytes that stand for themselves.
    Literal(&'a [u8]),
}

impl Glob {
    /// Compiles a glob.
    pub fn new(text: &str) -> Result<Glob, GlobError> {
        Glob::of(&[GlobPiece::Written(text)])
    }

    /// Compiles a glob of pieces, of which only the written ones can hold wildcards.
    pub fn of(pieces: &[GlobPiece<'_>]) -> Result<Glob, GlobError> {
        let mut text = String::new();
        let mut tokens: Vec<Token> = Vec::new();
        for piece in pieces {
            match piece {
                GlobPiece::Written(written) => {
                    text.push_str(written);
                    tokens.extend(from_lossless(written).iter().map(|byte| match *byte {
                        b'*' => Token::Many,
                        b'?' => Token::One,
                        other => Token::Byte(other),
                    }));
                }
                GlobPiece::Literal(bytes) => {
                    text.push_str(&lossless(bytes));
                    tokens.extend(bytes.iter().map(|byte| Token::Byte(*byte)));
                }
            }
        }
        if tokens.is_empty() {
            return Err(GlobError::Empty);
        }
        let names = tokens.split(|token| *token == Token::Byte(b'/')).filter(|name| !name.is_empty());
        let mut parts = names.map(part).collect::<Result<Vec<_>, _>>()?;
        // `**/**` means what `**` means, and would find every path once more for each way to split it.
        parts.dedup_by(|part, before| *part == Part::Folders && *before == Part::Folders);
        Ok(Glob { text, parts })
    }

    /// Whether it begins at the root.
    pub fn is_absolute(&self) -> bool {
        self.text.starts_with('/')
    }

    /// The glob as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has a wildcard.
    pub fn is_pattern(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Name(_)))
    }

    /// Whether a name (one name, without slash) matches, dots being ordinary.
    pub fn matches_name(&self, name: &[u8]) -> bool {
        match self.parts.as_slice() {
            [Part::Folders] => true,
            [one] => one.matches(name, true),
            _ => false,
        }
    }

    /// Whether the path of a found file, or its name where the glob has no slash, matches; dots are ordinary.
    pub fn matches_path(&self, path: &[u8]) -> bool {
        let mut names: Vec<&[u8]> = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).collect();
        if !self.text.contains('/') {
            return names.pop().is_some_and(|name| self.matches_name(name));
        }
        matches_names(&self.parts, &names)
    }
}

fn part(name: &[Token]) -> Result<Part, GlobError> {
    if name == [Token::Many, Token::Many] {
        return Ok(Part::Folders);
    }
    if name.windows(2).any(|pair| pair == [Token::Many, Token::Many]) {
        return Err(GlobError::StarsInName);
    }
    let bytes: Option<Vec<u8>> = name
        .iter()
        .map(|token| match token {
            Token::Byte(byte) => Some(*byte),
            Token::One | Token::Many => None,
        })
        .collect();
    Ok(bytes.map_or_else(|| Part::Pattern(name.to_vec()), Part::Name))
}

impl Part {
    fn matches(&self, name: &[u8], dots_are_ordinary: bool) -> bool {
        match self {
            Part::Name(text) => text == name,
            Part::Folders => true,
            Part::Pattern(tokens) => {
                let hidden = name.first() == Some(&b'.') && tokens.first() != Some(&Token::Byte(b'.'));
                (dots_are_ordinary || !hidden) && matches_tokens(tokens, name)
            }
        }
    }
}

/// Wildcard matching in linear space: on a mismatch, the last `*` takes one byte more.
fn matches_tokens(tokens: &[Token], name: &[u8]) -> bool {
    let (mut token, mut byte) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while byte < name.len() {
        match tokens.get(token) {
            Some(Token::Many) => {
                retry = Some((token, byte));
                token += 1;
            }
            Some(Token::One) => {
                token += 1;
                byte += 1;
            }
            Some(Token::Byte(wanted)) if name.get(byte) == Some(wanted) => {
                token += 1;
                byte += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    token = star + 1;
                    byte = from + 1;
                }
                None => return false,
            },
        }
    }
    tokens.get(token..).unwrap_or_default().iter().all(|rest| *rest == Token::Many)
}

/// The same over whole names, with `**` in the place of `*`.
fn matches_names(parts: &[Part], names: &[&[u8]]) -> bool {
    let (mut part, mut name) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(text) = names.get(name) {
        match parts.get(part) {
            Some(Part::Folders) => {
                retry = Some((part, name));
                part += 1;
            }
            Some(one) if one.matches(text, true) => {
                part += 1;
                name += 1;
            }
            _ => match retry {
                Some((stars, from)) => {
                    retry = Some((stars, from + 1));
                    part = stars + 1;
                    name = from + 1;
                }
                None => return false,
            },
        }
    }
    parts.get(part..).unwrap_or_default().iter().all(|rest| *rest == Part::Folders)
}

/// The paths that a glob names in a root, in byte order; none is an empty list.
///
/// Errors: with the folder that could not be listed, because an offender could lie in it.
pub fn expand(root: &Root, glob: &Glob) -> Result<Vec<Vec<u8>>, (Vec<u8>, LookError)> {
    if glob.parts.is_empty() {
        return Ok(vec![b"/".to_vec()]);
    }
    let mut found: Vec<Vec<u8>> = vec![Vec::new()];
    let first_wild = glob.parts.iter().position(|part| !matches!(part, Part::Name(_))).unwrap_or(glob.parts.len());
    for (index, part) in glob.parts.iter().enumerate() {
        let last = index + 1 == glob.parts.len();
        let written_out = index <= first_wild;
        let mut next = Vec::new();
        for folder in found {
            step(root, folder, part, Place { last, written_out }, &mut next)?;
            if next.len() > MAX_MATCHES {
                return Err((glob.text.clone().into_bytes(), too_many(next.len())));
            }
        }
        // Of two `**` with something between them, the second begins in folders that lie in each other.
        order::sort(&mut next, &Ord::cmp);
        next.dedup();
        found = next;
    }
    // `**` takes in the folder before it, which can be the root.
    found.iter_mut().filter(|path| path.is_empty()).for_each(|path| path.push(b'/'));
    Ok(found)
}

fn too_many(count: usize) -> LookError {
    LookError::TooLarge { what: "paths", size: count as u64, cap: MAX_MATCHES as u64 }
}

/// Where a part of a glob stands.
#[derive(Clone, Copy)]
struct Place {
    /// No part follows.
    last: bool,
    /// No part before has a wildcard.
    written_out: bool,
}

fn step(
    root: &Root,
    folder: Vec<u8>,
    part: &Part,
    place: Place,
    next: &mut Vec<Vec<u8>>,
) -> Result<(), (Vec<u8>, LookError)> {
    match part {
        Part::Name(name) => {
            let mut path = folder;
            path.push(b'/');
            path.extend_from_slice(name);
            // Whether a path in the middle exists is found out by the names that follow it.
            match if place.last { root.lookup(&path, Links::Stay).map(drop) } else { Ok(()) } {
                Ok(()) => next.push(path),
                Err(LookError::Absent) => {}
                Err(error) => return Err((path, error)),
            }
        }
        Part::Pattern(_) => {
            let listed = list(root, &folder, place.written_out, &mut |name, kind| {
                let may_be_folder = matches!(kind, None | Some(Kind::Directory | Kind::Symlink));
                if part.matches(name, false) && (place.last || may_be_folder) {
                    next.push(joined(&folder, name));
                }
                next.len() <= MAX_MATCHES
            });
            listed.map_err(|error| (folder, error))?;
        }
        Part::Folders => {
            let mut pending = vec![folder];
            let mut written_out = place.written_out;
            while let Some(folder) = pending.pop() {
                let mut failed = None;
                let listed = list(root, &folder, written_out, &mut |name, kind| {
                    let path = joined(&folder, name);
                    let kind = match kind {
                        Some(kind) => Ok(kind),
                        None => root.lookup(&path, Links::Stay).map(|node| node.metadata.kind),
                    };
                    match kind {
                        Ok(Kind::Directory) if !name.starts_with(b".") => pending.push(path),
                        Ok(_) if place.last => next.push(path),
                        Ok(_) => {}
                        Err(error) => failed = Some((path, error)),
                    }
                    failed.is_none() && next.len() + pending.len() <= MAX_MATCHES
                });
                failed.map_or(Ok(()), Err)?;
                written_out = false;
                if next.len() + pending.len() > MAX_MATCHES {
                    return Err((folder, too_many(next.len() + pending.len())));
                }
                if listed.map_err(|error| (folder.clone(), error))? {
                    next.push(folder);
                }
            }
        }
    }
    Ok(())
}

fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(folder.len() + name.len() + 1);
    path.extend_from_slice(folder);
    path.push(b'/');
    path.extend_from_slice(name);
    path
}

/// Lists a folder until `each` says no, and says whether it is one; what is absent or no folder has no entries.
///
/// A kernel filesystem has none either where a wildcard leads into it; one that is `written_out` is an error.
fn list(
    root: &Root,
    folder: &[u8],
    written_out: bool,
    each: &mut dyn FnMut(&[u8], Option<Kind>) -> bool,
) -> Look<bool> {
    let folder = if folder.is_empty() { b"/" } else { folder };
    let node = match root.lookup(folder, Links::Follow) {
        Ok(node) if node.metadata.kind == Kind::Directory => node,
        Ok(_) | Err(LookError::Absent) => return Ok(false),
        Err(error) => return Err(error),
    };
    match (root.is_kernel_filesystem(&node)?, written_out) {
        (true, true) => return Err(LookError::Unsupported("a kernel filesystem is never walked")),
        (true, false) => {}
        (false, _) => root.list(&node, each)?,
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_like_find() {
        let cases = [
            ("*.so*", "libc.so.6", true),
            ("*.so*", ".hidden.so", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("\\xff*", "\\xff1", true),
        ];
        for (glob, name, expected) in cases {
            assert_eq!(Glob::new(glob).unwrap().matches_name(&from_lossless(name)), expected, "{glob} {name}");
        }
    }

    #[test]
    fn paths_match_across_folders() {
        let cases = [
            ("/tmp", "/tmp", true),
            ("/tmp", "/tmp/x", false),
            ("/usr/**", "/usr/share/doc", true),
            ("/**/doc", "/usr/share/doc", true),
            ("/usr/*/doc", "/usr/share/doc", true),
            ("/usr/*", "/usr/share/doc", false),
            (".bash_history", "/home/a/.bash_history", true),
        ];
        for (glob, path, expected) in cases {
            assert_eq!(Glob::new(glob).unwrap().matches_path(path.as_bytes()), expected, "{glob} {path}");
        }
        assert_eq!(Glob::new("a**"), Err(GlobError::StarsInName));
    }

    #[test]
    fn a_glob_names_what_is_there_and_once() {
        use crate::rootfs::{Memory, MemoryEntry};
        let entries = ["/a/b/c/file", "/a/d"].map(|path| (path, MemoryEntry::file("")));
        let root = Root::memory(Memory::new(entries));
        let many = "/**".repeat(1000);
        for (glob, expected) in [
            ("/none/**", &[][..]),
            ("/a/d/**", &[]),
            ("/*/none/**", &[]),
            ("/**/c/**", &["/a/b/c", "/a/b/c/file"]),
            ("/a/**/**", &["/a", "/a/b", "/a/b/c", "/a/b/c/file", "/a/d"]),
            (&format!("/a{many}/file"), &["/a/b/c/file"]),
            ("/**/b/**/*", &["/a/b/c", "/a/b/c/file"]),
        ] {
            let found = expand(&root, &Glob::new(glob).unwrap()).unwrap();
            assert_eq!(found, expected.iter().map(|path| path.as_bytes()).collect::<Vec<_>>(), "{glob}");
        }
    }
}
