//! Parameters of the kernel (sysctl(8)), read through the scanner's own procfs.
//!
//! Some belong to a namespace, and the kernel then answers with those of the *reader's* namespace, whichever procfs is
//! asked. So what a target sees is known only where the scanner shares that namespace with it.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use nix::fcntl::openat;
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

use crate::process::{FOLDER, Procfs, READ, read_all};
use crate::rootfs::{Look, LookError};

/// Where values come from.
#[derive(Debug)]
pub enum Parameters {
    /// The folder sys of a procfs.
    Kernel(OwnedFd),
    /// These, by name.
    Given(BTreeMap<String, String>),
}

/// Beginnings of the names that each IPC namespace, UTS namespace and PID namespace has of its own.
const OF_IPC: [&str; 5] = ["kernel.shm", "kernel.sem", "kernel.msg", "kernel.auto_msgmni", "fs.mqueue."];
const OF_UTS: [&str; 2] = ["kernel.hostname", "kernel.domainname"];
const OF_PID: [&str; 3] = ["kernel.ns_last_pid", "kernel.pid_max", "kernel.cad_pid"];

/// The kind of namespace that a parameter belongs to; `None` for those of the whole machine.
pub fn namespace(name: &str) -> Option<&'static str> {
    let of = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    match () {
        () if name.starts_with("net.") => Some("net"),
        () if name.starts_with("user.") => Some("user"),
        () if of(&OF_IPC) => Some("ipc"),
        () if of(&OF_UTS) => Some("uts"),
        () if of(&OF_PID) => Some("pid"),
        () => None,
    }
}

/// The name with dots between its parts: sysctl(8) takes slashes too, and a dot is then a part of a name.
pub fn with_dots(name: &str) -> String {
    path(name).join(".")
}

/// The parts of a name. As for sysctl(8), the separator is what comes first, `.` or `/`; the other one stands for the
/// separator within a part, as in `net.ipv4.conf.eth0/1.forwarding`.
fn path(name: &str) -> Vec<String> {
    match name.find(['.', '/']).and_then(|place| name.get(place..=place)) {
        Some("/") => name.split('/').map(str::to_owned).collect(),
        _ => name.split('.').map(|part| part.replace('/', ".")).collect(),
    }
}

impl Parameters {
    /// The folder that they are read from, for a sandbox that is to leave it readable.
    pub fn folder(&self) -> Option<&OwnedFd> {
        match self {
            Parameters::Kernel(folder) => Some(folder),
            Parameters::Given(_) => None,
        }
    }

    /// Those of the scanner's own procfs.
    pub fn open(procfs: &Procfs) -> Look<Parameters> {
        let folder = openat(&procfs.folder, "sys", FOLDER, Mode::empty())?;
        Ok(Parameters::Kernel(folder))
    }

    /// The value of a parameter. `Absent` where the kernel has none of that name.
    pub fn read(&self, name: &str) -> Look<Vec<u8>> {
        match self {
            Parameters::Given(values) => {
                let value = values.get(&with_dots(name)).ok_or(LookError::Absent)?;
                Ok(value.clone().into_bytes())
            }
            Parameters::Kernel(folder) => {
                let parts = path(name);
                if parts.iter().any(|part| matches!(part.as_str(), "" | "." | "..")) {
                    return Err(LookError::Absent);
                }
                let file = openat(folder, parts.join("/").as_str(), READ, Mode::empty())?;
                // Something could be mounted over a part of it.
                if fstatfs(&file)?.filesystem_type() != PROC_SUPER_MAGIC {
                    return Err(LookError::Unsupported("something is mounted over it in /proc/sys"));
                }
                read_all(&file)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_known_by_name() {
        let cases = [
            ("net.ipv4.ip_forward", Some("net")),
            ("kernel.shmmax", Some("ipc")),
            ("kernel.msgmnb", Some("ipc")),
            ("fs.mqueue.msg_max", Some("ipc")),
            ("kernel.hostname", Some("uts")),
            ("user.max_user_namespaces", Some("user")),
            ("kernel.pid_max", Some("pid")),
            ("kernel.randomize_va_space", None),
            ("fs.protected_hardlinks", None),
            ("network", None),
        ];
        for (name, expected) in cases {
            assert_eq!(namespace(name), expected, "{name}");
        }
    }

    #[test]
    fn names_are_taken_as_sysctl_does() {
        assert_eq!(path("net.ipv4.conf.eth0/1.forwarding"), ["net", "ipv4", "conf", "eth0.1", "forwarding"]);
        assert_eq!(path("net/ipv4/conf/eth0.1/forwarding"), ["net", "ipv4", "conf", "eth0.1", "forwarding"]);
        assert_eq!(with_dots("kernel/hostname"), "kernel.hostname");
        let own = Parameters::open(&Procfs::open().unwrap()).unwrap();
        assert!(own.read("kernel.ostype").unwrap().starts_with(b"Linux"));
        assert_eq!(own.read("kernel.no_such_thing"), Err(LookError::Absent));
        assert_eq!(own.read("kernel/../kernel/ostype"), Err(LookError::Absent));
    }
}
