//! THE ONLY code that touches a target's files.
//!
//! A [`Root`] answers lookup, metadata, read, list, link and xattr. Every path is resolved inside the root, as if
//! the root were `/`; what cannot be established is a [`LookError`] of its own kind. There are four kinds of root: a
//! directory (openat2 with `RESOLVE_IN_ROOT`, or the step-by-step resolution of `resolve` where the kernel lacks it),
//! an image in an archive, what a tar gave out of a root, and one in memory. Nothing here knows profiles, checks or resources.

mod directory;
mod error;
mod glob;
mod image;
mod memory;
mod resolve;
mod walk;

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

pub use directory::{OpenError, Resolver};
pub use error::{Look, LookError};
pub use glob::{Glob, GlobError, GlobPiece, expand};
pub use image::{
    GivenOut, HistoryStep, Image, ImageChoice, ImageConfig, ImageError, ImageFacts, ImageLayer, Reading, Withheld,
};
pub use memory::{Memory, MemoryEntry};
pub use resolve::Trace;
pub use walk::{Found, Incomplete, MAX_WALK_DEPTH, MAX_WALK_PATH, WalkOptions, Walker, walk};

use crate::value::Text;
use directory::Directory;
use image::Files;

/// The largest file that is read whole. 32 MiB: ten times the largest configuration file or package database of a
/// full distribution, and small enough that one file per job fits beside a live target.
pub const MAX_FILE_BYTES: u64 = 32 << 20;
/// The largest file that is hashed; it is streamed, so this bounds time, not memory.
pub const MAX_HASHED_BYTES: u64 = 4 << 30;
/// The most names that are taken from one folder.
pub const MAX_FOLDER_ENTRIES: u64 = 2_000_000;

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A Unix socket.
    Socket,
    /// A named pipe.
    Pipe,
    /// A block device.
    BlockDevice,
    /// A character device.
    CharacterDevice,
    /// Something that this kernel calls by no known name.
    Unknown,
}

impl Kind {
    /// All kinds that a profile can name, in InSpec's words.
    pub const NAMED: [(Kind, &'static str); 7] = [
        (Kind::File, "file"),
        (Kind::Directory, "directory"),
        (Kind::Symlink, "symlink"),
        (Kind::Socket, "socket"),
        (Kind::Pipe, "pipe"),
        (Kind::BlockDevice, "block_device"),
        (Kind::CharacterDevice, "character_device"),
    ];

    /// InSpec's word: `block_device`.
    pub fn name(self) -> &'static str {
        Kind::NAMED.iter().find(|(kind, _)| *kind == self).map_or("unknown", |(_, name)| name)
    }

    /// The kind in a sentence: `block device`.
    pub fn words(self) -> &'static str {
        match self {
            Kind::BlockDevice => "block device",
            Kind::CharacterDevice => "character device",
            Kind::Pipe => "named pipe",
            Kind::Symlink => "symbolic link",
            Kind::File => "regular file",
            other => other.name(),
        }
    }
}

/// What the filesystem says of a file (statx(2)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// The twelve mode bits.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// Last change of the content: seconds and nanoseconds since the epoch.
    pub mtime: (i64, u32),
    /// Last change of the inode.
    pub ctime: (i64, u32),
    /// Hard links.
    pub nlink: u64,
    /// Device of the filesystem.
    pub device: (u32, u32),
    /// Inode number.
    pub inode: u64,
    /// Whether a filesystem is mounted here; `None` where the kernel does not say.
    pub mount_root: Option<bool>,
    /// Whether the immutable attribute is set; `None` where the filesystem does not say.
    pub immutable: Option<bool>,
}

/// Whether a symbolic link at the end of a path is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// Look at what the link leads to.
    Follow,
    /// Look at the link itself.
    Stay,
}

/// A found file: its identity is held, so that two looks at it cannot see two files.
#[derive(Clone, Debug)]
pub struct Node {
    handle: Handle,
    /// What the filesystem said when it was found.
    pub metadata: Metadata,
}

#[derive(Clone, Debug)]
enum Handle {
    /// A descriptor; `readable` when it was opened for listing and not with O_PATH.
    Descriptor { fd: Arc<OwnedFd>, readable: bool },
    /// An index into the memory root.
    Memory(usize),
    /// A place in an image's tree, and the layer that brought this name of it.
    Image { inode: u32, layer: Option<u16> },
}

/// A root filesystem that can be looked at.
#[derive(Debug)]
pub struct Root {
    kind: RootKind,
    answered: AtomicU64,
    /// What the image that it belongs to says of itself.
    config: Option<ImageConfig>,
    /// What identifies the image that it is.
    image: Option<ImageFacts>,
}

#[derive(Debug)]
enum RootKind {
    Directory(Directory),
    Memory(Memory),
    Layers(Box<Files>),
}

impl Root {
    /// Opens a directory of this machine as a root.
    ///
    /// Errors: it is absent, no directory, empty, not accessible, on a kernel filesystem, or this system lacks
    /// /proc.
    pub fn open(path: &Path, resolver: Resolver) -> Result<Root, OpenError> {
        Ok(Root::of(RootKind::Directory(Directory::open(path, resolver)?)))
    }

    /// A directory that was opened already, with O_PATH; `name` is what messages call it.
    ///
    /// Errors: as those of [`Root::open`].
    pub fn hold(directory: OwnedFd, name: &Path, resolver: Resolver) -> Result<Root, OpenError> {
        Ok(Root::of(RootKind::Directory(Directory::hold(directory, name, resolver)?)))
    }

    /// The held directory; a root of another kind has none.
    pub fn directory(&self) -> Option<BorrowedFd<'_>> {
        match &self.kind {
            RootKind::Directory(directory) => Some(directory.handle()),
            RootKind::Layers(_) | RootKind::Memory(_) => None,
        }
    }

    /// A root made of these entries, for tests and for what is not on disk.
    pub fn memory(memory: Memory) -> Root {
        Root::of(RootKind::Memory(memory))
    }

    /// An image that was read, with its configuration.
    pub fn image(image: Image) -> Root {
        let Image { facts, config, files } = image;
        Root { image: Some(facts), config: Some(config), ..Root::of(RootKind::Layers(Box::new(files))) }
    }

    /// What a tar gave out of a root, read by the deadline.
    ///
    /// Errors: it is not whole, or not what such a tar writes.
    pub fn given_out(given: GivenOut, deadline: Instant) -> Result<Root, ImageError> {
        Ok(Root::of(RootKind::Layers(Box::new(given.read(deadline)?))))
    }

    fn of(kind: RootKind) -> Root {
        Root { kind, answered: AtomicU64::new(0), config: None, image: None }
    }

    /// The same root, said to be that of an image with this configuration.
    pub fn with_image_config(self, config: ImageConfig) -> Root {
        Root { config: Some(config), ..self }
    }

    /// What the image that the root belongs to says of itself, where that is known.
    pub fn image_config(&self) -> Option<&ImageConfig> {
        self.config.as_ref()
    }

    /// What identifies the image, where the root is one.
    pub fn image_facts(&self) -> Option<&ImageFacts> {
        self.image.as_ref()
    }

    /// The layer that brought a file, where the root is an image.
    pub fn brought_by(&self, node: &Node) -> Option<&ImageLayer> {
        match &node.handle {
            Handle::Image { layer: Some(layer), .. } => self.image.as_ref()?.layers.get(usize::from(*layer)),
            _ => None,
        }
    }

    /// Whether a walk should go into each folder where it meets it, because contents can only be read from front to
    /// back.
    fn is_read_in_order(&self) -> bool {
        matches!(&self.kind, RootKind::Layers(files) if files.is_read_in_order())
    }

    /// Whether it is told of all files where other filesystems begin and how many names they have: a tar does not.
    pub fn tells_inodes(&self) -> bool {
        !matches!(&self.kind, RootKind::Layers(files) if files.are_given())
    }

    /// How many questions the filesystem has answered so far: while it grows, nothing hangs.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// How paths are resolved, for the report.
    pub fn resolver(&self) -> &'static str {
        match &self.kind {
            RootKind::Directory(directory) => directory.resolver_name(),
            RootKind::Memory(_) => "memory",
            RootKind::Layers(files) if files.are_given() => "tar",
            RootKind::Layers(_) => "image",
        }
    }

    fn done<T>(&self, answer: Look<T>) -> Look<T> {
        self.answered.fetch_add(1, Ordering::Relaxed);
        answer
    }

    /// Finds the file at an absolute path of the target.
    pub fn lookup(&self, path: &[u8], links: Links) -> Look<Node> {
        self.done(match &self.kind {
            RootKind::Directory(directory) if directory.resolves_in_kernel() => directory.lookup(path, links),
            _ => resolve::trace(self, path, links, &mut |_| ()).map(|trace| trace.node),
        })
    }

    /// Finds the file at a path and its real path inside the root; `searched` is shown every folder in which a name
    /// is looked up on the way.
    pub fn trace(&self, path: &[u8], links: Links, searched: &mut dyn FnMut(&Node)) -> Look<Trace> {
        self.done(resolve::trace(self, path, links, searched))
    }

    /// The root folder itself.
    pub fn top(&self) -> Look<Node> {
        self.done(match &self.kind {
            RootKind::Directory(directory) => directory.top(),
            RootKind::Memory(memory) => memory.top(),
            RootKind::Layers(files) => files.top(),
        })
    }

    /// The entry of a folder with this name, never following it.
    pub fn child(&self, folder: &Node, name: &[u8]) -> Look<Node> {
        self.done(match (&self.kind, &folder.handle) {
            (RootKind::Directory(directory), Handle::Descriptor { fd, .. }) => directory.child(fd, name),
            (RootKind::Memory(memory), Handle::Memory(index)) => memory.child(*index, name),
            (RootKind::Layers(files), Handle::Image { inode, .. }) => files.child(*inode, name),
            _ => Err(LookError::Unsupported("it belongs to another root")),
        })
    }

    /// What the filesystem says of the entry of a folder, without holding it.
    pub fn child_metadata(&self, folder: &Node, name: &[u8]) -> Look<Metadata> {
        self.done(match (&self.kind, &folder.handle) {
            (RootKind::Directory(_), Handle::Descriptor { fd, .. }) => directory::metadata_at(fd, name),
            (RootKind::Memory(memory), Handle::Memory(index)) => memory.child(*index, name).map(|node| node.metadata),
            (RootKind::Layers(files), Handle::Image { inode, .. }) => {
                files.child(*inode, name).map(|node| node.metadata)
            }
            _ => Err(LookError::Unsupported("it belongs to another root")),
        })
    }

    /// The sub-folder of a folder with this name, opened for listing, never following a link.
    pub fn child_folder(&self, folder: &Node, name: &[u8]) -> Look<Node> {
        self.done(match (&self.kind, &folder.handle) {
            (RootKind::Directory(_), Handle::Descriptor { fd, .. }) => directory::child_folder(fd, name),
            (RootKind::Memory(memory), Handle::Memory(index)) => memory.child(*index, name),
            (RootKind::Layers(files), Handle::Image { inode, .. }) => files.child(*inode, name),
            _ => Err(LookError::Unsupported("it belongs to another root")),
        })
    }

    /// Calls `each` with the name of every entry of a folder, in the filesystem's order, and its kind where the
    /// filesystem tells; stops when `each` says no.
    pub fn list(&self, folder: &Node, each: &mut dyn FnMut(&[u8], Option<Kind>) -> bool) -> Look<()> {
        if folder.metadata.kind != Kind::Directory {
            return Err(LookError::NotDirectory(folder.metadata.kind));
        }
        let mut seen = 0;
        let mut counted = |name: &[u8], kind: Option<Kind>| {
            seen += 1;
            self.answered.fetch_add(1, Ordering::Relaxed);
            seen <= MAX_FOLDER_ENTRIES && each(name, kind)
        };
        self.done(match (&self.kind, &folder.handle) {
            (RootKind::Directory(directory), Handle::Descriptor { fd, readable }) => {
                directory.list(fd, *readable, &mut counted)
            }
            (RootKind::Memory(memory), Handle::Memory(index)) => memory.list(*index, &mut counted),
            (RootKind::Layers(files), Handle::Image { inode, .. }) => files.list(*inode, &mut counted),
            _ => Err(LookError::Unsupported("it belongs to another root")),
        })?;
        if seen > MAX_FOLDER_ENTRIES {
            return Err(LookError::TooLarge { what: "entries", size: seen, cap: MAX_FOLDER_ENTRIES });
        }
        Ok(())
    }

    /// The whole content of a regular file of at most `cap` bytes, as it was at one moment.
    pub fn read(&self, node: &Node, cap: u64) -> Look<Text> {
        self.readable(node, cap)?;
        self.done(match (&self.kind, &node.handle) {
            (RootKind::Directory(directory), Handle::Descriptor { fd, .. }) => {
                directory.read(fd, &node.metadata, cap, &|| self.tick())
            }
            (RootKind::Memory(memory), Handle::Memory(index)) => memory.read(*index),
            (RootKind::Layers(files), Handle::Image { inode, .. }) => files.read(*inode, &|| self.tick()),
            _ => Err(LookError::Unsupported("it belongs to another root")),
        })
    }

    /// Passes the content of a regular file of at most `cap` bytes to `sink`, piece by piece.
    ///
    /// Errors: it changed meanwhile; what the sink took is void then.
    pub fn stream(&self, node: &Node, cap: u64, sink: &mut dyn FnMut(&[u8])) -> Look<()> {
        self.readable(node, cap)?;
        self.done(match (&self.kind, &node.handle) {
            (RootKind::Directory(directory), Handle::Descriptor { fd, .. }) => {
                directory.stream(fd, cap, &mut |piece| {
                    self.tick();
                    sink(piece);
                })
            }
            (RootKind::Memory(memory), Handle::Memory(index)) => memory.read(*index).map(|bytes| sink(&bytes)),
            (RootKind::Layers(files), Handle::Image { inode, .. }) => {
                files.stream(*inode, &|| self.tick(), &mut |piece| sink(piece))
            }
            _ => Err(LookError::Unsupported("it belongs to another root")),
        })
    }

    fn tick(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    fn readable(&self, node: &Node, cap: u64) -> Look<()> {
        match &node.metadata {
            Metadata { kind: Kind::File, size, .. } if *size > cap => {
                Err(LookError::TooLarge { what: "bytes", size: *size, cap })
            }
            Metadata { kind: Kind::File, .. } => Ok(()),
            Metadata { kind, .. } => Err(LookError::NotRegular(*kind)),
        }
    }

    /// The text of a symbolic link.
    pub fn read_link(&self, node: &Node) -> Look<Vec<u8>> {
        self.done(match (&self.kind, &node.handle) {
            (RootKind::Directory(_), Handle::Descriptor { fd, .. }) => directory::read_link(fd),
            (RootKind::Memory(memory), Handle::Memory(index)) => memory.read_link(*index),
            (RootKind::Layers(files), Handle::Image { inode, .. }) => files.read_link(*inode),
            _ => Err(LookError::Unsupported("it belongs to another root")),
        })
    }

    /// How many KiB the filesystem of a file has, and how many of them are free.
    pub fn space(&self, node: &Node) -> Look<(u64, u64)> {
        self.done(match &node.handle {
            Handle::Descriptor { fd, .. } => directory::space(fd),
            _ => Err(LookError::Unsupported("its files are not on a filesystem")),
        })
    }

    /// An extended attribute; `None` when the file has none of that name.
    pub fn xattr(&self, node: &Node, name: &str) -> Look<Option<Vec<u8>>> {
        self.done(match (&self.kind, &node.handle) {
            (RootKind::Directory(directory), Handle::Descriptor { fd, .. }) => directory.xattr(fd, name),
            (RootKind::Memory(memory), Handle::Memory(index)) => Ok(memory.xattr(*index, name)),
            (RootKind::Layers(files), Handle::Image { inode, .. }) => files.xattr(*inode, name),
            _ => Err(LookError::Unsupported("it belongs to another root")),
        })
    }

    /// Whether the links of a folder may lead somewhere else than their text says: those of a process in procfs.
    fn holds_magic_links(&self, folder: &Node) -> Look<bool> {
        match &folder.handle {
            Handle::Descriptor { fd, .. } => directory::holds_magic_links(fd, &folder.metadata),
            Handle::Memory(_) | Handle::Image { .. } => Ok(false),
        }
    }

    /// Whether a folder lies on a filesystem that the kernel makes up (proc, sysfs, cgroup, devpts …).
    pub fn is_kernel_filesystem(&self, folder: &Node) -> Look<bool> {
        self.done(match (&self.kind, &folder.handle) {
            (_, Handle::Descriptor { fd, .. }) => directory::is_kernel_filesystem(fd),
            (RootKind::Layers(files), Handle::Image { inode, .. }) => Ok(files.is_kernel(*inode)),
            _ => Ok(false),
        })
    }
}
