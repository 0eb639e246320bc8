//! The scanner's protection of itself: against a target of its own user, and of everything but the target against the
//! scanner, should a target's file ever take it over.
//!
//! [`begin`] is the first thing that main does. [`confine`] comes when all is open that a scan reads and writes; what
//! was given up then does not come back. Every measure is the kernel's: where it lacks one, the scan goes on, and
//! [`Measure`] says so.

mod calls;
mod files;
mod guard;
mod limits;
mod memory;
mod observer;
mod rights;

use std::os::fd::BorrowedFd;

use nix::sys::prctl;

pub use guard::{Guard, Tampered};
pub use limits::Limits;
pub use memory::{Headroom, headroom, headroom_of_pod, limit_memory, offer_to_be_killed};
pub use observer::{Observer, observers};
pub use rights::{held, held_now, narrow};

/// What the scanner was before it protected itself.
#[derive(Clone, Debug)]
pub struct Start {
    /// Whether processes of its user could look into it: they can from execve on until [`begin`], unless it was started
    /// from a file that its user may not read (mode 0111).
    pub dumpable: bool,
    /// Capabilities that it was given.
    pub permitted: u64,
    /// Its resource limits.
    pub limits: Limits,
}

/// One measure of protection, and whether the kernel applies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Its name.
    pub name: &'static str,
    /// Whether all of it is in force.
    pub in_force: bool,
    /// What is in force, or why it is not.
    pub words: String,
}

/// What a scan needs from here on; all else is given up.
#[derive(Debug, Default)]
pub struct Needs<'a> {
    /// Files and folders that are read, with all below them.
    pub read: Vec<BorrowedFd<'a>>,
    /// Folders in which reports are made.
    pub write: Vec<BorrowedFd<'a>>,
    /// Whether a process must be looked into to the end: under hidepid, to see that it is still there. Landlock keeps from
    /// that.
    pub look_into: bool,
}

/// Closes the process to others of its user and gives up what is not needed to begin with.
pub fn begin() -> Start {
    // What cannot be told is taken for the worse.
    let dumpable = prctl::get_dumpable().unwrap_or(true);
    let _ = prctl::set_dumpable(false);
    let limits = Limits::read();
    let _ = prctl::set_no_new_privs();
    let permitted = held_now();
    rights::begin();
    Start { dumpable, permitted, limits }
}

/// Gives up everything but what is needed. Threads that are started later are bound by it too.
pub fn confine(needs: &Needs<'_>) -> Vec<Measure> {
    vec![closed(), rights::give_up(needs), files::confine(needs), calls::confine(&needs.write)]
}

/// Whether the process is closed to others, and gains nothing by executing a file.
fn closed() -> Measure {
    let closed = !prctl::get_dumpable().unwrap_or(true);
    let no_new_privs = prctl::get_no_new_privs().unwrap_or(false);
    let words = match (closed, no_new_privs) {
        (true, true) => "not dumpable, no new privileges".to_owned(),
        _ => format!("dumpable: {}; no new privileges: {}", yes(!closed), yes(no_new_privs)),
    };
    Measure { name: "process", in_force: closed && no_new_privs, words }
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}
