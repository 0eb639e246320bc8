//! Roots to scan: one without files, and the tree that InSpec looked at.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag, UtimensatFlags, makedev, mknod, utimensat};
use nix::sys::time::TimeSpec;

use crate::fixture::Scratch;

/// When the recorded tree was built, in seconds since the epoch.
const BUILT: i64 = 1_795_255_821;
/// 2020-02-03T04:05:06Z.
const OLD: i64 = 1_580_702_706;

const TEXT: &str = "line one\nPermitRootLogin no\n  indented = yes\n#comment\nLast without newline";
const PASSWD: &str =
    "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/sbin/nologin\nnobody:x:65534:65534::/:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\ndaemon:x:1:\nnogroup:x:65534:\n";

/// There is a file `etc/mMODE` of each of these modes.
const MODES: [u32; 23] = [
    0o0000, 0o0400, 0o0440, 0o0444, 0o0600, 0o0640, 0o0644, 0o0664, 0o0666, 0o0700, 0o0711, 0o0750, 0o0755, 0o0775,
    0o0777, 0o1777, 0o2755, 0o4755, 0o6755, 0o4644, 0o0004, 0o0020, 0o0100,
];

/// A root with nothing but a folder in it: assay refuses one without anything.
pub(crate) fn empty() -> Scratch {
    let root = Scratch::new();
    folder(&root.0, 0o755);
    folder(&root.path("etc"), 0o755);
    root
}

/// The tree that InSpec looked at, as `/oracle` of a root whose accounts are those of the machine on which it ran.
///
/// `None`, with a word about it, where devices and foreign owners cannot be made.
pub(crate) fn recorded(test: &str) -> Option<Scratch> {
    let tree = empty();
    let etc = tree.path("oracle/etc");
    folder(&tree.path("oracle"), 0o755);
    folder(&etc, 0o755);
    if node(&etc.join("blk"), SFlag::S_IFBLK, (7, 99)) == Err(Errno::EPERM) {
        crate::fixture::skipped(test, "root");
        return None;
    }
    node(&etc.join("null"), SFlag::S_IFCHR, (1, 3)).unwrap();
    node(&etc.join("fifo"), SFlag::S_IFIFO, (0, 0)).unwrap();
    node(&etc.join("sock"), SFlag::S_IFSOCK, (0, 0)).unwrap();
    file(&etc.join("passwd"), PASSWD, 0o644);
    file(&etc.join("text"), TEXT, 0o644);
    file(&etc.join("empty"), "", 0o644);
    file(&etc.join("latin"), b"caf\xc3\xa9 \xff\xfe\n", 0o644);
    for mode in MODES {
        file(&etc.join(format!("m{mode:04o}")), format!("mode {mode:04o}\n"), mode);
    }
    for (name, uid, gid) in [("owned", 1, 65534), ("unmapped", 4242, 4243)] {
        file(&etc.join(name), TEXT, 0o644);
        chown(etc.join(name), Some(uid), Some(gid)).unwrap();
    }
    for (link, target) in [
        ("link", "text"),
        ("link2", "../etc/link"),
        ("dangling", "missing"),
        ("loopa", "loopb"),
        ("loopb", "loopa"),
        ("dirlink", "../d"),
        ("link-m0600", "m0600"),
    ] {
        symlink(target, etc.join(link)).unwrap();
    }
    std::fs::hard_link(etc.join("text"), etc.join("hard")).unwrap();
    changed(&etc.join("text"), OLD);
    let folders = [("bin", 0o755), ("empty", 0o755), ("d/sub", 0o2750), ("d", 0o1777)];
    for (name, mode) in folders {
        folder(&tree.path("oracle").join(name), mode);
    }
    for name in folders.map(|(name, _)| name).into_iter().chain(["etc"]) {
        changed(&tree.path("oracle").join(name), BUILT);
    }
    file(&tree.path("etc/passwd"), PASSWD, 0o644);
    file(&tree.path("etc/group"), GROUP, 0o644);
    Some(tree)
}

fn folder(path: &Path, mode: u32) {
    std::fs::create_dir_all(path).unwrap();
    permit(path, mode);
}

fn file(path: &Path, content: impl AsRef<[u8]>, mode: u32) {
    std::fs::write(path, content).unwrap();
    permit(path, mode);
    changed(path, BUILT);
}

/// A device, pipe or socket.
fn node(path: &Path, kind: SFlag, (major, minor): (u64, u64)) -> nix::Result<()> {
    mknod(path, kind, Mode::empty(), makedev(major, minor))?;
    permit(path, if kind == SFlag::S_IFSOCK { 0o755 } else { 0o644 });
    changed(path, BUILT);
    Ok(())
}

/// The whole mode, whatever the umask.
fn permit(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(std::fs::symlink_metadata(path).unwrap().mode() & 0o7777, mode);
}

fn changed(path: &Path, seconds: i64) {
    let time = TimeSpec::new(seconds, 0);
    utimensat(nix::fcntl::AT_FDCWD, path, &time, &time, UtimensatFlags::NoFollowSymlink).unwrap();
}
