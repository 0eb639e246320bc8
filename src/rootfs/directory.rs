//! A root that is a directory of this machine, by handle.
//!
//! Everything is opened with O_PATH first and looked at; only a regular file or a folder is then opened for reading,
//! through the scanner's own /proc/self/fd, which leads to the very inode that was looked at. A FIFO, a socket or a
//! device is never opened.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::Mode;
use nix::sys::statfs::{FsType, fstatfs};
use nix::time::ClockId;
use rustix::fs::{AtFlags, FileType, RawDir, Statx, StatxAttributes, StatxFlags};

use crate::rootfs::{Handle, Kind, Links, Look, LookError, Metadata, Node};
use crate::value::Text;

/// How often a resolution is tried again when renames elsewhere made the kernel give up (EAGAIN).
const RESOLVE_TRIES: usize = 128;
/// How often a file is read again when it changed meanwhile.
const READ_TRIES: usize = 3;
/// How much is read or listed at once.
const PIECE: usize = 64 << 10;
/// The largest extended attribute that Linux keeps (xattr(7)).
const MAX_XATTR: usize = 64 << 10;

/// How long a file must have been left alone, so that a further change shows by its time. Many kernels take times from a
/// coarse clock that ticks every 10 ms: two changes within a tick look like one. On a busy machine ticks come late, so it
/// is that clock that is asked, and the time is longer than a tick because servers have clocks of their own.
const SETTLED: Duration = Duration::from_millis(20);
/// How long that clock is waited for.
const CLOCK_STANDS: Duration = Duration::from_secs(3);

const LOOK: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);
const READ: OFlag = OFlag::O_RDONLY.union(OFlag::O_CLOEXEC).union(OFlag::O_NOCTTY).union(OFlag::O_NONBLOCK);

/// How paths are resolved in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolver {
    /// By the kernel where it can, else step by step.
    Auto,
    /// Step by step, as on kernels without openat2.
    Steps,
}

/// Why a directory cannot be scanned.
#[derive(Debug)]
pub struct OpenError {
    path: PathBuf,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Look(LookError),
    NotDirectory(Kind),
    Empty,
    KernelFilesystem,
    NoProc(LookError),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.path.display();
        match &self.why {
            Why::Look(LookError::Absent) => write!(out, "root {path} does not exist"),
            Why::Look(error) => write!(out, "root {path} cannot be opened: {error}"),
            Why::NotDirectory(kind) => write!(out, "root {path} is not a directory but a {}", kind.words()),
            Why::Empty => write!(out, "root {path} is empty: there is nothing to scan"),
            Why::KernelFilesystem => {
                write!(out, "root {path} lies on a kernel filesystem (proc, sys …), not a container's root")
            }
            Why::NoProc(error) => write!(out, "/proc of this system is needed to read files safely: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}

#[derive(Debug)]
pub(super) struct Directory {
    root: Arc<OwnedFd>,
    /// The scanner's own /proc/self/fd.
    descriptors: OwnedFd,
    in_kernel: bool,
}

impl Directory {
    pub(super) fn open(path: &Path, resolver: Resolver) -> Result<Directory, OpenError> {
        let fail = |why| OpenError { path: path.to_owned(), why };
        let root = nix::fcntl::open(path, LOOK, Mode::empty()).map_err(|errno| fail(Why::Look(errno.into())))?;
        Directory::hold(root, path, resolver)
    }

    /// A directory that was opened already, with O_PATH; `path` is its name in messages.
    pub(super) fn hold(root: OwnedFd, path: &Path, resolver: Resolver) -> Result<Directory, OpenError> {
        let fail = |why| OpenError { path: path.to_owned(), why };
        let metadata = metadata_of(root.as_fd()).map_err(|error| fail(Why::Look(error)))?;
        if metadata.kind != Kind::Directory {
            return Err(fail(Why::NotDirectory(metadata.kind)));
        }
        let root = Arc::new(root);
        if is_kernel_filesystem(&root).map_err(|error| fail(Why::Look(error)))? {
            return Err(fail(Why::KernelFilesystem));
        }
        let descriptors = own_descriptors().map_err(|error| fail(Why::NoProc(error)))?;
        let in_kernel = resolver == Resolver::Auto && kernel_resolves(&root);
        let directory = Directory { root, descriptors, in_kernel };
        let mut empty = true;
        directory
            .list(&directory.root, false, &mut |_, _| {
                empty = false;
                false
            })
            .map_err(|error| fail(Why::Look(error)))?;
        if empty {
            return Err(fail(Why::Empty));
        }
        Ok(directory)
    }

    pub(super) fn handle(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    pub(super) fn resolves_in_kernel(&self) -> bool {
        self.in_kernel
    }

    pub(super) fn resolver_name(&self) -> &'static str {
        if self.in_kernel { "openat2" } else { "steps" }
    }

    pub(super) fn top(&self) -> Look<Node> {
        let metadata = metadata_of(self.root.as_fd())?;
        Ok(Node { handle: Handle::Descriptor { fd: Arc::clone(&self.root), readable: false }, metadata })
    }

    pub(super) fn lookup(&self, path: &[u8], links: Links) -> Look<Node> {
        let flags = if links == Links::Stay { LOOK | OFlag::O_NOFOLLOW } else { LOOK };
        let fd = resolve_in_root(self.root.as_fd(), path, flags)?;
        node(fd, false)
    }

    pub(super) fn child(&self, folder: &OwnedFd, name: &[u8]) -> Look<Node> {
        let fd = openat(folder, one_name(name)?, LOOK | OFlag::O_NOFOLLOW, Mode::empty())?;
        node(fd, false)
    }

    /// Opens for reading the very file that `fd` was opened on with O_PATH.
    fn reopen(&self, fd: &OwnedFd, flags: OFlag) -> Look<OwnedFd> {
        Ok(openat(&self.descriptors, fd.as_raw_fd().to_string().as_str(), flags, Mode::empty())?)
    }

    /// Opens for reading a regular file that was looked at.
    pub(super) fn open_for_reading(&self, fd: &OwnedFd) -> Look<OwnedFd> {
        self.reopen(fd, READ)
    }

    pub(super) fn read(&self, fd: &OwnedFd, found: &Metadata, cap: u64, tick: &dyn Fn()) -> Look<Text> {
        let file = self.reopen(fd, READ)?;
        let mut before = found.clone();
        for _ in 0..READ_TRIES {
            before = settled(&file, before)?;
            let mut bytes = Vec::new();
            let whole = read_into(&file, &mut bytes, before.size, cap, tick)?;
            let after = metadata_of(file.as_fd())?;
            if !whole {
                return Err(LookError::TooLarge { what: "bytes", size: after.size.max(cap + 1), cap });
            }
            if same_moment(&before, &after) {
                return Ok(Text::from(bytes));
            }
            before = after;
            rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0))?;
        }
        Err(LookError::Changed)
    }

    pub(super) fn stream(&self, fd: &OwnedFd, cap: u64, sink: &mut dyn FnMut(&[u8])) -> Look<()> {
        let file = self.reopen(fd, READ)?;
        let before = settled(&file, metadata_of(file.as_fd())?)?;
        let mut piece = vec![0; PIECE];
        let mut taken = 0;
        loop {
            let count = read_some(&file, &mut piece)?;
            if count == 0 {
                break;
            }
            taken += count as u64;
            if taken > cap {
                return Err(LookError::TooLarge { what: "bytes", size: taken, cap });
            }
            sink(piece.get(..count).unwrap_or_default());
        }
        if same_moment(&before, &metadata_of(file.as_fd())?) { Ok(()) } else { Err(LookError::Changed) }
    }

    pub(super) fn list(
        &self,
        fd: &Arc<OwnedFd>,
        readable: bool,
        each: &mut dyn FnMut(&[u8], Option<Kind>) -> bool,
    ) -> Look<()> {
        let opened;
        let folder = if readable {
            fd.as_fd()
        } else {
            opened = self.reopen(fd, READ | OFlag::O_DIRECTORY)?;
            opened.as_fd()
        };
        let mut buffer = Vec::with_capacity(PIECE);
        let mut entries = RawDir::new(folder, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." && !each(name, kind_of(entry.file_type())) {
                break;
            }
        }
        Ok(())
    }

    /// An extended attribute, through /proc/self/fd because O_PATH descriptors refuse fgetxattr(2).
    pub(super) fn xattr(&self, fd: &OwnedFd, name: &str) -> Look<Option<Vec<u8>>> {
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        let mut value = vec![0; MAX_XATTR];
        match rustix::fs::getxattr(path.as_str(), name, value.as_mut_slice()) {
            Ok(count) => {
                value.truncate(count);
                Ok(Some(value))
            }
            // A filesystem that keeps no attributes of this kind has none for this file.
            Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Opens a file that the auditor named, links followed: what it is, and the file itself where it is a regular one.
pub(super) fn open_file_of_auditor(path: &Path) -> Look<(Kind, Option<(OwnedFd, Metadata)>)> {
    let fd = nix::fcntl::open(path, LOOK, Mode::empty())?;
    let metadata = metadata_of(fd.as_fd())?;
    if metadata.kind != Kind::File {
        return Ok((metadata.kind, None));
    }
    let file = openat(own_descriptors()?, fd.as_raw_fd().to_string().as_str(), READ, Mode::empty())?;
    Ok((Kind::File, Some((file, metadata))))
}

/// Whether an open file is still as it was found.
pub(super) fn is_unchanged(file: &OwnedFd, found: &Metadata) -> Look<bool> {
    Ok(same_moment(found, &metadata_of(file.as_fd())?))
}

/// The scanner's own list of descriptors, checked to be a real procfs.
fn own_descriptors() -> Look<OwnedFd> {
    let fd = nix::fcntl::open("/proc/self/fd", OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    if fstatfs(&fd)?.filesystem_type() != nix::sys::statfs::PROC_SUPER_MAGIC {
        return Err(LookError::Unsupported("/proc is not a procfs"));
    }
    Ok(fd)
}

/// Whether this kernel (and its sandbox) offers openat2 with RESOLVE_IN_ROOT.
fn kernel_resolves(root: &OwnedFd) -> bool {
    resolve_in_root(root.as_fd(), b"/", LOOK).is_ok()
}

fn resolve_in_root(root: BorrowedFd<'_>, path: &[u8], flags: OFlag) -> Look<OwnedFd> {
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    for _ in 0..RESOLVE_TRIES {
        match openat2(root, path, how) {
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            other => return Ok(other?),
        }
    }
    Err(LookError::Changed)
}

/// A name of one entry: with a slash in it, it would be a path and could lead anywhere.
fn one_name(name: &[u8]) -> Look<&[u8]> {
    if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') {
        return Err(LookError::Io(Errno::EINVAL));
    }
    Ok(name)
}

fn node(fd: OwnedFd, readable: bool) -> Look<Node> {
    let metadata = metadata_of(fd.as_fd())?;
    Ok(Node { handle: Handle::Descriptor { fd: Arc::new(fd), readable }, metadata })
}

pub(super) fn child_folder(folder: &OwnedFd, name: &[u8]) -> Look<Node> {
    let flags = READ | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
    match openat(folder, one_name(name)?, flags, Mode::empty()) {
        Ok(fd) => node(fd, true),
        // It was a folder when it was listed and is none now.
        Err(Errno::ENOTDIR | Errno::ELOOP) => Err(LookError::Changed),
        Err(errno) => Err(errno.into()),
    }
}

pub(super) fn metadata_at(folder: &OwnedFd, name: &[u8]) -> Look<Metadata> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    Ok(metadata(&rustix::fs::statx(folder, one_name(name)?, flags, StatxFlags::BASIC_STATS)?))
}

pub(super) fn metadata_of(fd: BorrowedFd<'_>) -> Look<Metadata> {
    Ok(metadata(&rustix::fs::statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?))
}

pub(super) fn read_link(fd: &OwnedFd) -> Look<Vec<u8>> {
    Ok(rustix::fs::readlinkat(fd, c"", Vec::new())?.into_bytes())
}

fn metadata(stat: &Statx) -> Metadata {
    let attribute =
        |bit: StatxAttributes| stat.stx_attributes_mask.contains(bit).then(|| stat.stx_attributes.contains(bit));
    Metadata {
        kind: kind_of(FileType::from_raw_mode(u32::from(stat.stx_mode))).unwrap_or(Kind::Unknown),
        mode: u32::from(stat.stx_mode) & 0o7777,
        uid: stat.stx_uid,
        gid: stat.stx_gid,
        size: stat.stx_size,
        mtime: (stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec),
        ctime: (stat.stx_ctime.tv_sec, stat.stx_ctime.tv_nsec),
        nlink: u64::from(stat.stx_nlink),
        device: (stat.stx_dev_major, stat.stx_dev_minor),
        inode: stat.stx_ino,
        mount_root: attribute(StatxAttributes::MOUNT_ROOT),
        immutable: attribute(StatxAttributes::IMMUTABLE),
    }
}

fn kind_of(kind: FileType) -> Option<Kind> {
    match kind {
        FileType::RegularFile => Some(Kind::File),
        FileType::Directory => Some(Kind::Directory),
        FileType::Symlink => Some(Kind::Symlink),
        FileType::Socket => Some(Kind::Socket),
        FileType::Fifo => Some(Kind::Pipe),
        FileType::BlockDevice => Some(Kind::BlockDevice),
        FileType::CharacterDevice => Some(Kind::CharacterDevice),
        FileType::Unknown => None,
    }
}

/// Reads until the end or past the cap; says whether the end was reached. `size` is what the file is said to hold.
fn read_into(file: &OwnedFd, bytes: &mut Vec<u8>, size: u64, cap: u64, tick: &dyn Fn()) -> Look<bool> {
    let mut filled = 0;
    // Zeros come from the allocator in one go; `resize` writes them one by one in a build for size.
    *bytes = vec![0; usize::try_from(size.min(cap)).unwrap_or(0) + 1];
    loop {
        let count = read_some(file, bytes.get_mut(filled..).unwrap_or_default())?;
        tick();
        filled += count;
        // A file that is no longer than it was said to be is whole: the caller looks whether it still is so.
        if count == 0 || (filled as u64 == size && size > 0) {
            bytes.truncate(filled);
            return Ok(true);
        }
        if filled as u64 > cap {
            return Ok(false);
        }
        if filled == bytes.len() {
            bytes.append(&mut vec![0; PIECE]);
        }
    }
}

fn read_some(file: &OwnedFd, piece: &mut [u8]) -> Look<usize> {
    loop {
        match nix::unistd::read(file, piece) {
            Err(Errno::EINTR) => {}
            other => return Ok(other?),
        }
    }
}

/// What a file is when its last change is long enough ago; waits a little for that, and as long as need be for a coarse
/// clock that stands still: on a machine whose processors are taken away it does for a tenth of a second and more.
///
/// Errors: it is being changed all the time, or that clock does not move.
fn settled(file: &OwnedFd, mut metadata: Metadata) -> Look<Metadata> {
    let (begun, mut changes) = (Instant::now(), 0);
    loop {
        let (seconds, nanoseconds) = metadata.ctime;
        let changed = Duration::new(u64::try_from(seconds).unwrap_or(0), nanoseconds);
        let now = Duration::from(nix::time::clock_gettime(ClockId::CLOCK_REALTIME_COARSE)?);
        if now.abs_diff(changed) >= SETTLED {
            return Ok(metadata);
        }
        if changes == READ_TRIES || begun.elapsed() > CLOCK_STANDS {
            return Err(LookError::Changed);
        }
        std::thread::sleep(SETTLED);
        let after = metadata_of(file.as_fd())?;
        changes += usize::from(!same_moment(&metadata, &after));
        metadata = after;
    }
}

fn same_moment(before: &Metadata, after: &Metadata) -> bool {
    (before.size, before.mtime, before.ctime) == (after.size, after.mtime, after.ctime)
}

pub(super) fn is_kernel_filesystem(folder: &OwnedFd) -> Look<bool> {
    Ok(KERNEL_FILESYSTEMS.contains(&fstatfs(folder)?.filesystem_type()))
}

/// How many KiB the filesystem of a file has, and how many of them anybody may still use, as df(1) counts.
pub(super) fn space(file: &OwnedFd) -> Look<(u64, u64)> {
    let found = rustix::fs::fstatvfs(file)?;
    let kib = |blocks: u64| u64::try_from(u128::from(blocks) * u128::from(found.f_frsize) / 1024).unwrap_or(u64::MAX);
    Ok((kib(found.f_blocks), kib(found.f_bavail)))
}

/// The top folder of every procfs (PROC_ROOT_INO); its links, such as /proc/self and /proc/mounts, are ordinary ones.
const PROC_TOP: u64 = 1;

pub(super) fn holds_magic_links(folder: &OwnedFd, metadata: &Metadata) -> Look<bool> {
    Ok(metadata.inode != PROC_TOP && fstatfs(folder)?.filesystem_type() == nix::sys::statfs::PROC_SUPER_MAGIC)
}

/// Filesystems whose files the kernel makes up: they are never walked, and reading them may have effects.
/// Numbers from statfs(2) and linux/magic.h.
const KERNEL_FILESYSTEMS: [FsType; 20] = [
    FsType(0x9fa0),      // proc
    FsType(0x6265_6572), // sysfs
    FsType(0x0027_e0eb), // cgroup
    FsType(0x6367_7270), // cgroup2
    FsType(0x1cd1),      // devpts
    FsType(0x6462_6720), // debugfs
    FsType(0x7472_6163), // tracefs
    FsType(0x7363_6673), // securityfs
    FsType(0xf97c_ff8c), // selinuxfs
    FsType(0x4341_5d53), // smackfs
    FsType(0x6165_676c), // pstore
    FsType(0xcafe_4a11), // bpf
    FsType(0x6265_6570), // configfs
    FsType(0x1980_0202), // mqueue
    FsType(0x4249_4e4d), // binfmt_misc
    FsType(0x6573_5543), // fusectl
    FsType(0x9584_58f6), // hugetlbfs
    FsType(0xde5e_81e4), // efivarfs
    FsType(0x0187),      // autofs
    FsType(0x6e73_6673), // nsfs
];
