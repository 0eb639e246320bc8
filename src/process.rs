//! A live target: the process of a container, seen through the scanner's own procfs.
//!
//! A [`Process`] is one handle on /proc/PID. The kernel ties it to that very process: when it is gone and its number is
//! used again, the handle answers "no such process" and never another one's facts. What a process says of itself (name,
//! command line, environment) describes it and never identifies it.

mod access;
mod cgroup;
mod facts;
mod identity;
mod live;
mod locate;
mod own;
mod sysctl;

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use rustix::fs::{AtFlags, StatxFlags};

pub use access::{Access, Missing, SYS_PTRACE, Way, access, names};
pub use cgroup::Cgroup;
pub use facts::{Facts, ProcessFacts, RIGHTS, SECCOMP};
pub use identity::{Doubt, RootFacts};
pub use live::{Live, NotLive, explain};
pub use locate::{Candidate, NotLocated, Survey, Wanted, survey};
pub use own::Own;
pub use sysctl::{Parameters, namespace, with_dots};

use crate::parse::mountinfo::{self, Mount};
use crate::parse::proc_status::{ProcStatus, parse, start_time};
use crate::rootfs::{Look, LookError};

/// The most that is read of one file of procfs. Command lines, environments and mount tables have no bound of their own.
pub const MAX_PROC_BYTES: u64 = 4 << 20;

const FOLDER: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);
const READ: OFlag = OFlag::O_RDONLY.union(OFlag::O_CLOEXEC).union(OFlag::O_NOCTTY).union(OFlag::O_NONBLOCK);

/// The scanner's own procfs, checked to be one.
#[derive(Debug)]
pub struct Procfs {
    folder: OwnedFd,
    /// How many processes were asked for: while it grows, nothing hangs.
    asked: Arc<AtomicU64>,
}

/// One process, by a handle that no other process can take over.
#[derive(Debug)]
pub struct Process {
    /// Its number, as this procfs has it.
    pub pid: i32,
    folder: OwnedFd,
}

impl Procfs {
    /// Opens /proc.
    ///
    /// Errors: it is not there, or something else is mounted over it.
    pub fn open() -> Look<Procfs> {
        Procfs::open_counting(Arc::default())
    }

    /// The same, counting for others how many processes were asked for.
    pub fn open_counting(asked: Arc<AtomicU64>) -> Look<Procfs> {
        let folder = nix::fcntl::open("/proc", FOLDER, Mode::empty())?;
        if fstatfs(&folder)?.filesystem_type() != PROC_SUPER_MAGIC {
            return Err(LookError::Unsupported("/proc is not a procfs"));
        }
        Ok(Procfs { folder, asked })
    }

    /// The process of a number. `Absent` where there is none, or hidepid hides it.
    pub fn process(&self, pid: i32) -> Look<Process> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let folder = openat(&self.folder, pid.to_string().as_str(), FOLDER | OFlag::O_NOFOLLOW, Mode::empty())?;
        // A filesystem could be mounted over the folder of one process.
        if fstatfs(&folder)?.filesystem_type() != PROC_SUPER_MAGIC {
            return Err(LookError::Unsupported("something is mounted over the process's folder in /proc"));
        }
        Ok(Process { pid, folder })
    }

    /// The scanner itself, by the number that it has here: a procfs can be of a PID namespace above its own.
    pub fn myself(&self) -> Look<Process> {
        let link = rustix::fs::readlinkat(&self.folder, "self", Vec::new());
        let link = link.map_err(|errno| LookError::from(Errno::from_raw(errno.raw_os_error())))?;
        let number = link.to_str().ok().and_then(|text| text.parse().ok());
        self.process(number.ok_or(LookError::Unsupported("/proc does not tell which process the scanner is"))?)
    }

    /// The numbers of all processes that this procfs shows, in ascending order.
    pub fn pids(&self) -> Look<Vec<i32>> {
        let folder = openat(&self.folder, ".", READ | OFlag::O_DIRECTORY, Mode::empty())?;
        let mut buffer = Vec::with_capacity(64 << 10);
        let mut entries = rustix::fs::RawDir::new(folder, buffer.spare_capacity_mut());
        let mut pids = Vec::new();
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_str().unwrap_or_default();
            pids.extend(name.parse::<i32>().ok());
        }
        pids.sort_unstable();
        Ok(pids)
    }
}

impl Process {
    /// A file below /proc/PID.
    ///
    /// Errors: `Absent` when the process is gone, or the kernel has no such file; it holds more than
    /// [`MAX_PROC_BYTES`].
    pub fn read(&self, name: &str) -> Look<Vec<u8>> {
        let file = self.open(name)?;
        read_all(&file)
    }

    /// The mounts that it sees.
    pub fn mounts(&self) -> Look<Vec<Mount>> {
        mountinfo::parse(&self.read("mountinfo")?).map_err(|_| LookError::Unsupported("its mountinfo is odd"))
    }

    /// The first bytes of a file below /proc/PID, at most so many.
    pub fn start_of(&self, name: &str, most: usize) -> Look<Vec<u8>> {
        let file = self.open(name)?;
        let mut bytes = vec![0; most];
        let count = nix::unistd::read(&file, &mut bytes).map_err(gone)?;
        bytes.truncate(count);
        bytes.shrink_to_fit();
        Ok(bytes)
    }

    /// Opens a file below /proc/PID for reading.
    pub fn open(&self, name: &str) -> Look<OwnedFd> {
        openat(&self.folder, name, READ, Mode::empty()).map_err(gone)
    }

    /// The text of a link below /proc/PID: `exe`, `ns/user`.
    pub fn link(&self, name: &str) -> Look<Vec<u8>> {
        let link = rustix::fs::readlinkat(&self.folder, name, Vec::new());
        link.map(std::ffi::CString::into_bytes).map_err(|errno| gone(Errno::from_raw(errno.raw_os_error())))
    }

    /// The names in a folder below /proc/PID: `fd`.
    pub fn names(&self, folder: &str) -> Look<Vec<Vec<u8>>> {
        let folder = openat(&self.folder, folder, READ | OFlag::O_DIRECTORY, Mode::empty()).map_err(gone)?;
        let mut buffer = Vec::with_capacity(16 << 10);
        let mut entries = rustix::fs::RawDir::new(folder, buffer.spare_capacity_mut());
        let mut names = Vec::new();
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        Ok(names)
    }

    /// A handle on its root directory.
    pub fn root(&self) -> Look<OwnedFd> {
        openat(&self.folder, "root", FOLDER, Mode::empty()).map_err(gone)
    }

    /// The folder /proc/PID itself, for a sandbox that is to leave it readable.
    pub fn folder(&self) -> &OwnedFd {
        &self.folder
    }

    /// What the kernel says of it to everybody.
    pub fn status(&self) -> Look<ProcStatus> {
        parse(&self.read("status")?).map_err(|_| LookError::Unsupported("its status file is odd"))
    }

    /// When it started, in clock ticks since the machine did.
    pub fn start_time(&self) -> Look<u64> {
        start_time(&self.read("stat")?).map_err(|_| LookError::Unsupported("its stat file is odd"))
    }

    /// Whether it still runs; a zombie does not.
    pub fn is_running(&self) -> bool {
        self.status().is_ok_and(|status| !matches!(status.state, b'Z' | b'X'))
    }

    /// Whether the kernel keeps its memory from its own user: it gives the files in its folder to root then.
    /// `None` where that cannot be told: a process of root and its group looks the same either way.
    pub fn is_dumpable(&self, status: &ProcStatus) -> Option<bool> {
        let wanted = StatxFlags::UID | StatxFlags::GID;
        let stat = rustix::fs::statx(&self.folder, "environ", AtFlags::SYMLINK_NOFOLLOW, wanted).ok()?;
        let ([_, uid, ..], [_, gid, ..]) = (status.uids, status.gids);
        if (uid, gid) == (0, 0) { None } else { Some((stat.stx_uid, stat.stx_gid) == (uid, gid)) }
    }
}

/// The whole of an open file of a kernel filesystem.
fn read_all(file: &OwnedFd) -> Look<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 16 << 10];
    loop {
        match nix::unistd::read(file, &mut piece) {
            Ok(0) => return Ok(bytes),
            Ok(count) => bytes.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(gone(errno)),
        }
        if bytes.len() as u64 > MAX_PROC_BYTES {
            return Err(LookError::TooLarge { what: "bytes", size: bytes.len() as u64, cap: MAX_PROC_BYTES });
        }
    }
}

/// ESRCH is what the files of a process say that is gone.
fn gone(errno: Errno) -> LookError {
    if errno == Errno::ESRCH { LookError::Absent } else { errno.into() }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// So whatever its number is used for next is never taken for it.
    #[test]
    fn a_handle_outlives_its_process_and_tells_of_no_other() {
        let procfs = Procfs::open().unwrap();
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let process = procfs.process(i32::try_from(child.id()).unwrap()).unwrap();
        assert!(process.is_running());
        assert!(process.start_time().unwrap() > 0);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!process.is_running());
        assert_eq!(process.start_time(), Err(LookError::Absent));
        for name in ["status", "cmdline", "mountinfo", "cgroup"] {
            assert_eq!(process.read(name), Err(LookError::Absent), "{name}");
        }
        assert_eq!(process.link("exe"), Err(LookError::Absent));
        assert_eq!(process.link("ns/user"), Err(LookError::Absent));
        assert_eq!(process.root().map(drop), Err(LookError::Absent));
        assert_eq!(process.names("fd"), Err(LookError::Absent));
    }
}
