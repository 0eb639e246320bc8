//! Could the target have taken part in its own scan? Who can trace the scanner can change its results.

use crate::process::{Live, Procfs, SYS_PTRACE};
use crate::protect::Start;
use crate::rootfs::Look;

/// Who could have changed the scanner's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observer {
    /// The target's processes, before the scanner closed itself.
    SameUser(u32),
    /// The target's processes, through the process of this number, which started the scanner: who traces that one goes on to
    /// trace what it executes.
    Starter(i32),
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
    let procfs = Procfs::open()?;
    let myself = procfs.myself()?;
    let target = live.process().status()?;
    // A target in a process namespace below the scanner's, or beside it, does not see it; one in a namespace above does.
    let own = myself.status()?;
    let above = target.namespace_pids.len() < own.namespace_pids.len();
    if !above && live.process().link("ns/pid").ok() != Some(myself.link("ns/pid")?) {
        return Ok(observers);
    }
    // A process of root gets what its bounding set has by executing a file.
    let is_root = target.uids.contains(&0);
    let reachable = if is_root { target.permitted | target.bounding } else { target.permitted };
    // The kernel's rule: who traces needs the same user and no fewer capabilities, or CAP_SYS_PTRACE.
    if reachable & SYS_PTRACE != 0 && live.facts.user_namespace == live.own.user_namespace {
        observers.push(Observer::Privileged);
        return Ok(observers);
    }
    let may_trace = |uid: u32, permitted: u64| target.uids.contains(&uid) && permitted & !reachable == 0;
    if start.dumpable && may_trace(live.own.uid, start.permitted) {
        observers.push(Observer::SameUser(live.own.uid));
    }
    // A container's runtime starts it from outside the namespace: then there is no number.
    if own.parent != 0 {
        let open = procfs.process(own.parent).and_then(|parent| {
            let status = parent.status()?;
            Ok(may_trace(status.uids[1], status.permitted) && parent.is_dumpable(&status) != Some(false))
        });
        // Of one that ended, or cannot be seen, nothing is known but that it could.
        if open.unwrap_or_else(|_| target.uids.contains(&live.own.uid)) {
            observers.push(Observer::Starter(own.parent));
        }
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
            Observer::Starter(pid) => write!(
                out,
                "process {pid}, which started this scanner, may be traced by the target, and the scanner with it; let the \
                 container's runtime start it (its entrypoint, podman exec, kubectl exec), not a shell"
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
