//! Could the target have taken part in its own scan? Who can trace the scanner can change its results.

use crate::process::{Live, Procfs, SYS_PTRACE};
use crate::protect::Start;
use crate::rootfs::Look;

/// Who could have changed the scanner's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observer {
    /// The target's processes, before the scanner closed itself.
    SameUser(u32),
    /// The target's processes, at any time: they have CAP_SYS_PTRACE, or can get it.
    Privileged,
    /// The process of this number: it traces the scanner.
    Tracer(i32),
}

/// Who could; nobody when the target does not share the scanner's process namespace and nobody traces it.
pub fn observers(start: &Start, live: &Live) -> Look<Vec<Observer>> {
    let mut observers = Vec::new();
    if live.own.tracer != 0 {
        observers.push(Observer::Tracer(live.own.tracer));
    }
    let myself = Procfs::open()?.myself()?;
    let target = live.process().status()?;
    // A target in a process namespace below the scanner's, or beside it, does not see it; one in a namespace above does.
    let above = target.namespace_pids.len() < myself.status()?.namespace_pids.len();
    if !above && live.process().link("ns/pid").ok() != Some(myself.link("ns/pid")?) {
        return Ok(observers);
    }
    // A process of root gets what its bounding set has by executing a file.
    let is_root = target.uids.contains(&0);
    let reachable = if is_root { target.permitted | target.bounding } else { target.permitted };
    // The kernel's rule: who traces needs the same user and no fewer capabilities, or CAP_SYS_PTRACE.
    if reachable & SYS_PTRACE != 0 && live.facts.user_namespace == live.own.user_namespace {
        observers.push(Observer::Privileged);
    } else if start.dumpable && target.uids.contains(&live.own.uid) && start.permitted & !reachable == 0 {
        observers.push(Observer::SameUser(live.own.uid));
    }
    Ok(observers)
}

impl std::fmt::Display for Observer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Observer::SameUser(uid) => write!(
                out,
                "the target runs as the scanner's own user ({uid}) in its process namespace, and could look into it and \
                 change it when it started; a scanner whose file has mode 0111 and another owner is closed from the start"
            ),
            Observer::Privileged => {
                write!(
                    out,
                    "the target can have CAP_SYS_PTRACE in the scanner's process namespace, so it can change it"
                )
            }
            Observer::Tracer(pid) => write!(out, "process {pid} traces the scanner"),
        }
    }
}
