//! Is the root that a process shows the root of its container? A process can change its root: by chroot, or by a mount
//! namespace of its own. What is asked here, before and after a scan, is what the kernel says of the root's mount.

use std::os::fd::AsFd;

use rustix::fs::{AtFlags, StatxAttributes, StatxFlags};

use crate::parse::mountinfo::Mount;
use crate::process::{Own, Process};
use crate::rootfs::Look;
use crate::value::lossless;

/// What the kernel says of a process's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootFacts {
    /// When the process started, in clock ticks since the machine did.
    pub started: u64,
    /// The user namespace of the process.
    pub user_namespace: Vec<u8>,
    /// The mount namespace of the process.
    pub mount_namespace: Vec<u8>,
    /// Number of the mount that the root directory lies on; `None` on kernels before 5.8.
    pub mount_id: Option<u64>,
    /// Whether the root directory is the top of that mount; `None` on kernels before 5.8.
    pub mount_root: Option<bool>,
    /// Device and inode of the root directory.
    pub place: ((u32, u32), u64),
    /// The mount of `/` in the process's own table.
    pub mount: Option<Mount>,
}

/// Why a root may not be the container's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The process lives in another user namespace.
    UserNamespace,
    /// The root directory is a folder within a mount: a chroot.
    NotMountRoot,
    /// Its mount is not one that a container runtime makes.
    Filesystem(String),
    /// The process's table has no mount at `/`.
    NoMount,
    /// This kernel does not say enough.
    Unknown(&'static str),
    /// It is the scanner's own root.
    Own,
    /// The container's first process has another root.
    Disagrees(i32),
    /// The root became another while it was scanned.
    Changed,
}

impl RootFacts {
    /// Looks at a process's root through its open handle.
    pub fn look(process: &Process, root: impl AsFd) -> Look<RootFacts> {
        let started = process.start_time()?;
        let (mount_id, mount_root, place) = place(root)?;
        Ok(RootFacts {
            started,
            user_namespace: process.link("ns/user")?,
            mount_namespace: process.link("ns/mnt")?,
            mount_id,
            mount_root,
            place,
            mount: root_mount(process)?,
        })
    }

    /// Why this may not be the root of a container.
    pub fn doubts(&self, own: &Own) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        if self.mount.as_ref().is_some_and(|mount| own.root_mount == Some(mount.id)) {
            doubts.push(Doubt::Own);
        }
        if self.user_namespace != own.user_namespace {
            doubts.push(Doubt::UserNamespace);
        }
        match self.mount_root {
            Some(true) => {}
            Some(false) => doubts.push(Doubt::NotMountRoot),
            None => doubts.push(Doubt::Unknown("whether the root is the top of a mount (Linux 5.8 tells)")),
        }
        match &self.mount {
            None => doubts.push(Doubt::NoMount),
            Some(mount) if self.mount_id.is_some_and(|id| id != mount.id) => doubts.push(Doubt::NoMount),
            Some(mount) => doubts.extend(strange(mount).map(Doubt::Filesystem)),
        }
        doubts
    }

    /// Whether the root is still what it was, as far as a sandboxed scanner can see: the process's own table of mounts and
    /// the held handle.
    pub fn is_unchanged(&self, process: &Process, root: impl AsFd) -> Look<bool> {
        let same_place = (self.mount_id, self.mount_root, self.place) == place(root)?;
        Ok(same_place && self.mount == root_mount(process)?)
    }
}

pub(super) type Place = (Option<u64>, Option<bool>, ((u32, u32), u64));

/// Where a root directory is: the mount, whether it is that mount's top, device and inode.
pub(super) fn place(root: impl AsFd) -> Look<Place> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
    let stat = rustix::fs::statx(root, c"", AtFlags::EMPTY_PATH, wanted)?;
    let mount_id = (stat.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(stat.stx_mnt_id);
    let tells = stat.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT);
    let mount_root = tells.then(|| stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT));
    Ok((mount_id, mount_root, ((stat.stx_dev_major, stat.stx_dev_minor), stat.stx_ino)))
}

/// The mount of `/`: the last one, when several lie on each other.
pub(super) fn root_mount(process: &Process) -> Look<Option<Mount>> {
    Ok(process.mounts()?.into_iter().rfind(|mount| mount.point == b"/"))
}

/// Filesystems that runtimes put an image's layers together with.
const LAYERED: [&[u8]; 4] = [b"overlay", b"aufs", b"fuse.fuse-overlayfs", b"fuse-overlayfs"];

/// Filesystems of disks, on which runtimes without overlayfs keep a copy of each root.
const DISKS: [&[u8]; 6] = [b"btrfs", b"erofs", b"ext4", b"squashfs", b"xfs", b"zfs"];

/// Where such copies lie: containerd's snapshotters; podman's, CRI-O's and docker's vfs; btrfs drivers. By names that
/// nobody gives a folder of data, which could be mounted into a container that then takes it for its root.
const COPIES: [&str; 4] = ["/io.containerd.snapshotter.v1.", "/vfs/dir/", "/vfs-containers/", "/btrfs/subvolumes/"];

/// What is strange about the mount of a container's root.
fn strange(mount: &Mount) -> Option<String> {
    let kind = lossless(&mount.kind);
    let root = lossless(&mount.root);
    if LAYERED.contains(&mount.kind.as_slice()) {
        // Runtimes mount the whole of it.
        return (mount.root != b"/").then(|| format!("{root} of a filesystem of kind {kind} is mounted as the root"));
    }
    if !DISKS.contains(&mount.kind.as_slice()) {
        return Some(format!("its root is a filesystem of kind {kind}"));
    }
    let volume = root.contains("/volumes/") || root.contains("/volume-subpaths/");
    (volume || !COPIES.iter().any(|part| root.contains(part))).then(|| {
        format!("its root is {root} of a filesystem of kind {kind}, which no container runtime known here makes")
    })
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Doubt::UserNamespace => write!(out, "it lives in another user namespace, in which it can make any root"),
            Doubt::NotMountRoot => write!(out, "its root is a folder within a mount, as chroot makes it"),
            Doubt::Filesystem(what) => out.write_str(what),
            Doubt::NoMount => write!(out, "its root is not the mount that its table of mounts has at /"),
            Doubt::Unknown(what) => write!(out, "this kernel does not say {what}"),
            Doubt::Own => write!(out, "it has the same root as this scanner: it is no other container"),
            Doubt::Disagrees(pid) => write!(out, "its first process, {pid}, has another root"),
            Doubt::Changed => write!(out, "its root became another during the scan"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(kind: &str, root: &str) -> Mount {
        Mount { kind: kind.into(), root: root.into(), ..Mount::default() }
    }

    #[test]
    fn what_runtimes_mount_is_known() {
        let usual = [
            ("overlay", "/"),
            ("fuse.fuse-overlayfs", "/"),
            ("ext4", "/var/lib/containerd/io.containerd.snapshotter.v1.native/snapshots/12"),
            ("xfs", "/lib/containers/storage/vfs/dir/0123"),
        ];
        for (kind, root) in usual {
            assert_eq!(strange(&mount(kind, root)), None, "{kind} {root}");
        }
        let odd = [
            ("tmpfs", "/"),
            ("ext4", "/"),
            ("overlay", "/srv"),
            ("fuse.sshfs", "/"),
            ("ext4", "/var/lib/kubelet/pods/1/volumes/kubernetes.io~empty-dir/snapshots/x"),
            ("nfs4", "/snapshots/1"),
            ("ext4", "/srv/snapshots/monday"),
            ("btrfs", "/home/subvolumes/data"),
        ];
        for (kind, root) in odd {
            assert!(strange(&mount(kind, root)).is_some(), "{kind} {root}");
        }
    }
}
