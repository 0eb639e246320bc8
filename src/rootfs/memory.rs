//! A root in memory: the same questions, answered from entries that a test wrote down.

use std::collections::BTreeMap;

use crate::rootfs::{Handle, Kind, Look, LookError, Metadata, Node};
use crate::value::Text;

/// One entry of a memory root.
#[derive(Clone, Debug)]
pub struct MemoryEntry {
    /// What it is.
    pub kind: Kind,
    /// The twelve mode bits.
    pub mode: u32,
    /// Owner and group.
    pub owner: (u32, u32),
    /// Content of a file or text of a link.
    pub bytes: Vec<u8>,
    /// Last change, seconds since the epoch.
    pub mtime: i64,
    /// Extended attributes.
    pub xattrs: Vec<(String, Vec<u8>)>,
    /// Whether the scanner lacks the right to read it (a file) or to search it (a folder).
    pub denied: bool,
}

impl MemoryEntry {
    /// A file of root, mode 0644.
    pub fn file(bytes: impl AsRef<[u8]>) -> MemoryEntry {
        MemoryEntry {
            kind: Kind::File,
            mode: 0o644,
            owner: (0, 0),
            bytes: bytes.as_ref().to_vec(),
            mtime: 0,
            xattrs: Vec::new(),
            denied: false,
        }
    }

    /// A directory of root, mode 0755.
    pub fn directory() -> MemoryEntry {
        MemoryEntry { kind: Kind::Directory, mode: 0o755, ..MemoryEntry::file("") }
    }

    /// A symbolic link.
    pub fn link(target: impl AsRef<[u8]>) -> MemoryEntry {
        MemoryEntry { kind: Kind::Symlink, mode: 0o777, ..MemoryEntry::file(target) }
    }

    /// A socket, pipe or device.
    pub fn special(kind: Kind) -> MemoryEntry {
        MemoryEntry { kind, ..MemoryEntry::file("") }
    }

    /// The same with this mode.
    pub fn mode(self, mode: u32) -> MemoryEntry {
        MemoryEntry { mode, ..self }
    }

    /// The same with this owner and group.
    pub fn owner(self, uid: u32, gid: u32) -> MemoryEntry {
        MemoryEntry { owner: (uid, gid), ..self }
    }

    /// The same, but the scanner may not look into it.
    pub fn denied(self) -> MemoryEntry {
        MemoryEntry { denied: true, ..self }
    }
}

/// A tree of entries.
#[derive(Debug, Default)]
pub struct Memory {
    nodes: Vec<MemoryNode>,
}

#[derive(Debug)]
struct MemoryNode {
    entry: MemoryEntry,
    children: BTreeMap<Vec<u8>, usize>,
}

impl Memory {
    /// A tree of entries by absolute path; folders that are not named are made as `directory()`.
    pub fn new<P: AsRef<[u8]>>(entries: impl IntoIterator<Item = (P, MemoryEntry)>) -> Memory {
        let top = MemoryNode { entry: MemoryEntry::directory(), children: BTreeMap::new() };
        let mut memory = Memory { nodes: vec![top] };
        for (path, entry) in entries {
            memory.put(path.as_ref(), entry);
        }
        memory
    }

    fn put(&mut self, path: &[u8], entry: MemoryEntry) {
        let mut at = 0;
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            let next = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return };
            at = *node.children.entry(name.to_vec()).or_insert(next);
            if at == next {
                self.nodes.push(MemoryNode { entry: MemoryEntry::directory(), children: BTreeMap::new() });
            }
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.entry = entry;
        }
    }

    fn at(&self, index: usize) -> Look<&MemoryNode> {
        self.nodes.get(index).ok_or(LookError::Absent)
    }

    fn searchable(&self, index: usize) -> Look<&MemoryNode> {
        let node = self.at(index)?;
        if node.entry.denied { Err(LookError::Denied { right: "refused by the fixture" }) } else { Ok(node) }
    }

    fn node(&self, index: usize) -> Look<Node> {
        let MemoryNode { entry, children } = self.at(index)?;
        let metadata = Metadata {
            kind: entry.kind,
            mode: entry.mode,
            uid: entry.owner.0,
            gid: entry.owner.1,
            size: entry.bytes.len() as u64,
            mtime: (entry.mtime, 0),
            ctime: (entry.mtime, 0),
            nlink: if entry.kind == Kind::Directory { 2 + children.len() as u64 } else { 1 },
            device: (0, 1),
            inode: index as u64 + 1,
            mount_root: Some(index == 0),
            immutable: Some(false),
        };
        Ok(Node { handle: Handle::Memory(index), metadata })
    }

    pub(super) fn top(&self) -> Look<Node> {
        self.node(0)
    }

    pub(super) fn child(&self, folder: usize, name: &[u8]) -> Look<Node> {
        let child = self.searchable(folder)?.children.get(name).ok_or(LookError::Absent)?;
        self.node(*child)
    }

    pub(super) fn list(&self, folder: usize, each: &mut dyn FnMut(&[u8], Option<Kind>) -> bool) -> Look<()> {
        for (name, child) in &self.searchable(folder)?.children {
            if !each(name, Some(self.at(*child)?.entry.kind)) {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn read(&self, index: usize) -> Look<Text> {
        Ok(Text::from(self.searchable(index)?.entry.bytes.as_slice()))
    }

    pub(super) fn read_link(&self, index: usize) -> Look<Vec<u8>> {
        Ok(self.at(index)?.entry.bytes.clone())
    }

    pub(super) fn xattr(&self, index: usize, name: &str) -> Option<Vec<u8>> {
        let entry = &self.nodes.get(index)?.entry;
        entry.xattrs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }
}
