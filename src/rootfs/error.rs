//! Why a look at a target did not give what was asked for. Only [`LookError::Absent`] says that nothing is there.

use std::fmt;

use nix::errno::Errno;

use crate::rootfs::Kind;

/// The result of a look at a target.
pub type Look<T> = Result<T, LookError>;

/// Why a look failed. Each is its own thing; none but `Absent` may ever satisfy "should not exist".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookError {
    /// Established: no such file (a dangling link and a path below a non-directory included).
    Absent,
    /// The kernel refused; `right` is what would have let us in.
    Denied {
        /// What the scanner lacks.
        right: &'static str,
    },
    /// Not a regular file, so never opened for reading.
    NotRegular(Kind),
    /// Not a directory, so it has no entries.
    NotDirectory(Kind),
    /// Larger than the scanner reads; `what` names the cap.
    TooLarge {
        /// What was counted, in which unit.
        what: &'static str,
        /// How many there are, at least.
        size: u64,
        /// How many are taken.
        cap: u64,
    },
    /// Symbolic links in a circle, more than 40 of them, or a magic link of a kernel filesystem.
    Loop,
    /// A path or a name longer than the kernel takes.
    NameTooLong,
    /// It changed each time while it was looked at.
    Changed,
    /// The resolution was led outside the root while it was under way, and was stopped.
    Escape,
    /// No answer from the filesystem in time.
    NoAnswer {
        /// How many seconds were waited.
        seconds: u64,
    },
    /// The filesystem, the kernel or this kind of target cannot tell.
    Unsupported(&'static str),
    /// The scanner ran out of something of its own.
    Exhausted(Errno),
    /// Any other answer of the kernel.
    Io(Errno),
}

impl LookError {
    /// The meaning of an error number.
    pub(crate) fn from_errno(errno: Errno) -> LookError {
        match errno {
            Errno::ENOENT | Errno::ENOTDIR => LookError::Absent,
            Errno::EACCES | Errno::EPERM => LookError::Denied { right: missing_right() },
            Errno::ELOOP => LookError::Loop,
            Errno::ENAMETOOLONG => LookError::NameTooLong,
            Errno::EXDEV => LookError::Escape,
            Errno::EAGAIN | Errno::ESTALE => LookError::Changed,
            Errno::EOPNOTSUPP => LookError::Unsupported("the filesystem does not keep it"),
            Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOBUFS => LookError::Exhausted(errno),
            other => LookError::Io(other),
        }
    }
}

impl From<rustix::io::Errno> for LookError {
    fn from(errno: rustix::io::Errno) -> LookError {
        LookError::from_errno(Errno::from_raw(errno.raw_os_error()))
    }
}

impl From<Errno> for LookError {
    fn from(errno: Errno) -> LookError {
        LookError::from_errno(errno)
    }
}

/// What would let the scanner read a file that it may not read.
fn missing_right() -> &'static str {
    let reads_all =
        caps::has_cap(None, caps::CapSet::Effective, caps::Capability::CAP_DAC_READ_SEARCH).is_ok_and(|held| held);
    match (nix::unistd::geteuid().is_root(), reads_all) {
        (_, true) => "refused in spite of CAP_DAC_READ_SEARCH: a security module, a user namespace or the filesystem",
        (true, false) => "uid 0 lacks CAP_DAC_READ_SEARCH",
        (false, false) => "needs the file's uid or gid, or root with CAP_DAC_READ_SEARCH",
    }
}

impl fmt::Display for LookError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LookError::Absent => write!(out, "no such file"),
            LookError::Denied { right } => write!(out, "permission denied ({right})"),
            LookError::NotRegular(kind) => write!(out, "not a regular file but a {}", kind.words()),
            LookError::NotDirectory(kind) => write!(out, "not a directory but a {}", kind.words()),
            LookError::TooLarge { what, size, cap } => write!(out, "too large: {size} {what}, at most {cap} are read"),
            LookError::Loop => write!(out, "symbolic links in a loop"),
            LookError::NameTooLong => write!(out, "the path is longer than the kernel takes"),
            LookError::Changed => write!(out, "it changed while it was read"),
            LookError::Escape => write!(out, "the path was led outside the root while it was followed"),
            LookError::NoAnswer { seconds } => write!(out, "no answer within {seconds} s"),
            LookError::Unsupported(why) => write!(out, "cannot be told: {why}"),
            LookError::Exhausted(errno) => write!(out, "the scanner ran out of resources: {}", errno.desc()),
            LookError::Io(errno) => write!(out, "{}", errno.desc()),
        }
    }
}

impl std::error::Error for LookError {}
