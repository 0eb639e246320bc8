//! Capabilities: reading is all that is needed once the target is open.

use std::os::fd::BorrowedFd;

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

/// Nothing is passed on to executed files.
pub(super) fn give_nothing_on() {
    // Kernels and sandboxes without these sets have nothing to clear.
    let _ = caps::clear(None, CapSet::Ambient);
    let _ = caps::clear(None, CapSet::Inheritable);
}

/// Keeps the right to read every file, and to write reports where that takes a right.
pub(super) fn give_up(needs: &Needs<'_>) -> Measure {
    let mut kept = CapsHashSet::from([Capability::CAP_DAC_READ_SEARCH]);
    if needs.look_into {
        kept.insert(Capability::CAP_SYS_PTRACE);
    }
    if needs.write.iter().any(|folder| is_foreign(*folder)) {
        kept.extend([Capability::CAP_DAC_OVERRIDE, Capability::CAP_FOWNER]);
    }
    // Needs CAP_SETPCAP, and is for executed files only.
    let _ = caps::clear(None, CapSet::Bounding);
    let given_up = caps::read(None, CapSet::Permitted).and_then(|permitted| {
        let kept = permitted.intersection(&kept).copied().collect();
        caps::set(None, CapSet::Effective, &kept)?;
        caps::set(None, CapSet::Permitted, &kept)
    });
    match given_up {
        Ok(()) => Measure { name: "capabilities", in_force: true, words: held(held_now()) },
        Err(error) => Measure { name: "capabilities", in_force: false, words: format!("not given up: {error}") },
    }
}

/// Whether a report in this folder takes more than its owner's rights: another user's folder, or one without them.
fn is_foreign(folder: BorrowedFd<'_>) -> bool {
    fstat(folder).map_or(true, |stat| stat.st_uid != nix::unistd::geteuid().as_raw() || stat.st_mode & 0o300 != 0o300)
}
