//! Which mounts show a container what belongs to its host or to the kernel, by what the kernel says of them.
//!
//! A mount tells which folder of which kind of filesystem it shows, and not whose that is: the folder /etc of a volume
//! reads like the host's. What may be the host's is named, and a profile lists what it allows.

use crate::parse::mountinfo::Mount;
use crate::value::lossless;

/// Sockets of container runtimes: who may talk to them is root on the host.
const SOCKETS: [&str; 6] =
    ["docker.sock", "containerd.sock", "crio.sock", "podman.sock", "cri-dockerd.sock", "dockershim.sock"];

/// Kinds of filesystems that lie on disks.
const DISKS: [&str; 8] = ["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs"];

/// Folders of a host that hold its configuration, secrets or programs, with all that is below them.
const TREES: [&str; 8] = ["/etc", "/root", "/boot", "/usr", "/bin", "/sbin", "/lib", "/lib64"];

/// Folders of a host that are sensitive as a whole, while runtimes mount single files and volumes from below them; the
/// second form is that of a /var or a /run with a filesystem of its own.
const FOLDERS: [&str; 20] = [
    "/dev",
    "/home",
    "/opt",
    "/run",
    "/srv",
    "/var",
    "/var/lib",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/lib/kubelet/pods",
    "/var/lib/kubelet/pki",
    "/var/log",
    "/var/run",
    "/lib/containerd",
    "/lib/docker",
    "/lib/etcd",
    "/lib/kubelet",
];

/// Folders of a host's /run, a filesystem in memory.
const OF_RUN: [&str; 8] =
    ["/containerd", "/crio", "/dbus", "/docker", "/podman", "/systemd", "/udev", "/containers/storage"];

/// Filesystems by which the kernel itself is looked into or steered.
const OF_KERNEL: [&str; 7] = ["debugfs", "tracefs", "bpf", "configfs", "efivarfs", "securityfs", "pstore"];

/// What a mount shows that a container should not have; `None` when it is nothing known here.
pub(super) fn sensitive(mount: &Mount) -> Option<String> {
    let (kind, root, point) = (lossless(&mount.kind), lossless(&mount.root), lossless(&mount.point));
    let writable = !mount.is_read_only();
    let below = |folder: &str| root.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if let Some(socket) = SOCKETS.iter().find(|name| root.rsplit('/').next() == Some(name)) {
        return Some(format!("the socket of a container runtime: {socket}"));
    }
    match kind.as_str() {
        kind if DISKS.contains(&kind) && point != "/" => match root.as_str() {
            "/" => Some(format!("a whole {kind} filesystem, which may be the host's")),
            root if TREES.iter().any(|folder| below(folder)) || FOLDERS.contains(&root) => {
                Some(format!("{root} of a {kind} filesystem, which may be the host's"))
            }
            _ => None,
        },
        "tmpfs" if OF_RUN.contains(&root.as_str()) => {
            Some(format!("{root} of a filesystem in memory, which may be the host's /run"))
        }
        "proc" if point != "/proc" && !point.starts_with("/proc/") => {
            Some("a procfs beside the container's own".to_owned())
        }
        "sysfs" if writable => Some("a sysfs that can be written".to_owned()),
        "cgroup" | "cgroup2" if writable => Some("control groups that can be written".to_owned()),
        "devtmpfs" => Some("the devices of the host".to_owned()),
        kind if OF_KERNEL.contains(&kind) => Some(format!("{kind} of the kernel")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(kind: &str, root: &str, point: &str, option: &str) -> Mount {
        Mount {
            kind: kind.into(),
            root: root.into(),
            point: point.into(),
            options: vec![option.into()],
            ..Mount::default()
        }
    }

    #[test]
    fn what_runtimes_mount_is_not_sensitive() {
        let usual = [
            ("overlay", "/", "/", "rw"),
            ("ext4", "/var/lib/containerd/snapshots/1", "/", "rw"),
            ("proc", "/", "/proc", "rw"),
            ("proc", "/sys", "/proc/sys", "ro"),
            ("tmpfs", "/", "/dev", "rw"),
            ("tmpfs", "/null", "/proc/kcore", "rw"),
            ("tmpfs", "/containers/storage/overlay-containers/1/userdata/hostname", "/etc/hostname", "rw"),
            ("sysfs", "/", "/sys", "ro"),
            ("cgroup2", "/", "/sys/fs/cgroup", "ro"),
            ("ext4", "/var/lib/kubelet/pods/1/etc-hosts", "/etc/hosts", "rw"),
            ("ext4", "/var/lib/kubelet/pods/1/volumes/kubernetes.io~empty-dir/x", "/data", "rw"),
            ("ext4", "/var/lib/docker/containers/1/resolv.conf", "/etc/resolv.conf", "rw"),
            ("ext4", "/var/lib/docker/volumes/1/_data", "/data", "rw"),
        ];
        for (kind, root, point, option) in usual {
            assert_eq!(sensitive(&mount(kind, root, point, option)), None, "{kind} {root} at {point}");
        }
    }

    #[test]
    fn what_is_the_hosts_is_named() {
        let dangerous = [
            ("tmpfs", "/docker.sock", "/var/run/docker.sock", "ro", "docker.sock"),
            ("tmpfs", "/containerd/containerd.sock", "/s", "rw", "containerd.sock"),
            ("ext4", "/", "/host", "ro", "a whole ext4"),
            ("xfs", "/etc", "/host/etc", "ro", "/etc of"),
            ("ext4", "/etc/kubernetes/pki", "/pki", "ro", "/etc/kubernetes/pki"),
            ("ext4", "/var/lib/kubelet", "/k", "rw", "/var/lib/kubelet"),
            ("ext4", "/lib/docker", "/d", "rw", "/lib/docker"),
            ("tmpfs", "/systemd", "/s", "ro", "/systemd"),
            ("proc", "/", "/host/proc", "ro", "procfs"),
            ("sysfs", "/", "/sys", "rw", "sysfs"),
            ("cgroup", "/", "/sys/fs/cgroup/memory", "rw", "control groups"),
            ("devtmpfs", "/", "/dev", "rw", "devices"),
            ("debugfs", "/", "/sys/kernel/debug", "ro", "debugfs"),
        ];
        for (kind, root, point, option, part) in dangerous {
            let found = sensitive(&mount(kind, root, point, option)).unwrap_or_default();
            assert!(found.contains(part), "{kind} {root} at {point}: {found}");
        }
    }
}
