//! Capabilities: reading is all that is needed once the target is open.

use std::os::fd::BorrowedFd;

use caps::errors::CapsError;
use caps::{CapSet, Capability, CapsHashSet};
use rustix::fs::fstat;

use crate::process::names;
use crate::protect::{Measure, Needs};

/// The capabilities that this process may use, as the kernel numbers them.
pub fn held_now() -> u64 {
    caps::read(None, CapSet::Permitted).map_or(0, |set| set.iter().fold(0, |bits, one| bits | one.bitmask()))
}

/// The names of capabilities; `none` for none.
pub fn held(set: u64) -> String {
    let names = names(set);
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// To read every file; to look into a process; to write files of others; to end a process of another user.
const READ: Capability = Capability::CAP_DAC_READ_SEARCH;
const LOOK_INTO: Capability = Capability::CAP_SYS_PTRACE;
const WRITE: [Capability; 2] = [Capability::CAP_DAC_OVERRIDE, Capability::CAP_FOWNER];
const END: Capability = Capability::CAP_KILL;

/// Nothing is passed on to executed files, and only what some command has a use for is kept.
pub(super) fn begin() {
    // Kernels and sandboxes without these sets have nothing to clear. The last one takes CAP_SETPCAP.
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Bounding] {
        let _ = caps::clear(None, set);
    }
    let [over, owner] = WRITE;
    // What cannot be given up now is said when all of it should be.
    let _ = keep(&CapsHashSet::from([READ, LOOK_INTO, over, owner, END]));
}

/// Keeps what a scan has a use for until its target is open: of a running container, or not; with reports in files, or not.
pub fn narrow(is_live: bool, writes: bool) {
    let mut kept = CapsHashSet::from([READ]);
    kept.extend(is_live.then_some(LOOK_INTO));
    kept.extend(WRITE.into_iter().filter(|_| writes));
    let _ = keep(&kept);
}

/// Keeps no more than these.
fn keep(kept: &CapsHashSet) -> Result<(), CapsError> {
    let permitted = caps::read(None, CapSet::Permitted)?;
    let kept = permitted.intersection(kept).copied().collect();
    caps::set(None, CapSet::Effective, &kept)?;
    caps::set(None, CapSet::Permitted, &kept)
}

/// Keeps the right to read every file, and to write reports where that takes a right.
pub(super) fn give_up(needs: &Needs<'_>) -> Measure {
    let mut kept = CapsHashSet::from([READ]);
    kept.extend(needs.look_into.then_some(LOOK_INTO));
    if needs.write.iter().any(|folder| is_foreign(*folder)) {
        kept.extend(WRITE);
    }
    match keep(&kept) {
        Ok(()) => Measure { name: "capabilities", in_force: true, words: held(held_now()) },
        Err(error) => Measure { name: "capabilities", in_force: false, words: format!("not given up: {error}") },
    }
}

/// Whether a report in this folder takes more than its owner's rights: another user's folder, or one without them.
fn is_foreign(folder: BorrowedFd<'_>) -> bool {
    fstat(folder).map_or(true, |stat| stat.st_uid != nix::unistd::geteuid().as_raw() || stat.st_mode & 0o300 != 0o300)
}
