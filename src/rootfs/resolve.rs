//! Path resolution step by step, as chroot(2) would do it, by the root's own handles.
//!
//! Used by the memory root, where the kernel lacks openat2, and where the way itself is the question (which folders
//! must be searchable, what the real path is). Each step opens one name below a held folder without following it;
//! links are followed here, as text; `..` goes back to the folder that was held before and never above the root.
//! So a folder that is moved meanwhile can make the answer stale, but never lead outside.

use crate::rootfs::{Kind, Links, Look, LookError, Node, Root};

/// The most links that are followed in one path: the kernel's own limit (path_resolution(7)).
const MAX_LINKS: usize = 40;
/// The longest path and the longest name that Linux takes, without the final NUL.
const MAX_PATH: usize = 4095;
const MAX_NAME: usize = 255;

/// A resolved path.
#[derive(Debug)]
pub struct Trace {
    /// The file at the end.
    pub node: Node,
    /// Its path inside the root, without links, `.` and `..`.
    pub real_path: Vec<u8>,
}

/// Resolves a path inside a root; `searched` is shown every folder in which a name is looked up, in order.
pub(super) fn trace(root: &Root, path: &[u8], links: Links, searched: &mut dyn FnMut(&Node)) -> Look<Trace> {
    if path.is_empty() {
        return Err(LookError::Absent);
    }
    if path.len() > MAX_PATH {
        return Err(LookError::NameTooLong);
    }
    let top = root.top()?;
    let mut way: Vec<(Vec<u8>, Node)> = Vec::new();
    let mut followed = 0;
    let mut names: Vec<Vec<u8>> = Vec::new();
    let mut must_be_folder = push_names(&mut names, path);

    while let Some(name) = names.pop() {
        let folder = way.last().map_or(&top, |(_, node)| node);
        if folder.metadata.kind != Kind::Directory {
            return Err(LookError::Absent);
        }
        match name.as_slice() {
            b"." => continue,
            b".." => {
                way.pop();
                continue;
            }
            long if long.len() > MAX_NAME => return Err(LookError::NameTooLong),
            _ => searched(folder),
        }
        let node = root.child(folder, &name)?;
        let at_the_end = names.is_empty() && !must_be_folder;
        if node.metadata.kind != Kind::Symlink || (at_the_end && links == Links::Stay) {
            way.push((name, node));
            continue;
        }
        followed += 1;
        if followed > MAX_LINKS {
            return Err(LookError::Loop);
        }
        if root.holds_magic_links(folder)? {
            return Err(LookError::Loop);
        }
        let target = root.read_link(&node)?;
        if target.is_empty() {
            return Err(LookError::Absent);
        }
        if target.first() == Some(&b'/') {
            way.clear();
        }
        let last = names.is_empty();
        let slash = push_names(&mut names, &target);
        must_be_folder |= last && slash;
    }

    let real_path = way.iter().fold(Vec::new(), |mut path, (name, _)| {
        path.push(b'/');
        path.extend_from_slice(name);
        path
    });
    let node = way.pop().map_or(top, |(_, node)| node);
    if must_be_folder && node.metadata.kind != Kind::Directory {
        return Err(LookError::Absent);
    }
    let real_path = if real_path.is_empty() { b"/".to_vec() } else { real_path };
    Ok(Trace { node, real_path })
}

/// Puts the names of a path on the stack, the first on top; says whether the path ends in a slash.
fn push_names(names: &mut Vec<Vec<u8>>, path: &[u8]) -> bool {
    names.extend(path.split(|byte| *byte == b'/').rev().filter(|name| !name.is_empty()).map(<[u8]>::to_vec));
    path.last() == Some(&b'/')
}
