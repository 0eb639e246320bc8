//! A live container that is open for a scan: its process, its root, and what the kernel said of both.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::process::access::{Access, access};
use crate::process::facts::Facts;
use crate::process::identity::{Doubt, RootFacts, place};
use crate::process::locate::{Candidate, NotLocated, Survey, Wanted, survey};
use crate::process::{Own, Process, Procfs};
use crate::rootfs::{Look, LookError};

/// A container's process, held so that no other can take its place.
#[derive(Debug)]
pub struct Live {
    /// What everybody can read of it.
    pub candidate: Candidate,
    /// What the scanner is itself.
    pub own: Own,
    /// What the kernel said of its root before the scan.
    pub facts: RootFacts,
    /// Why its root may not be the container's, as far as the auditor accepted it.
    pub doubts: Vec<Doubt>,
    /// Processes of the container whose root is another one, as chroot gives it.
    pub other_roots: Vec<i32>,
    /// How many processes of the container did not let their root be seen.
    pub unseen_roots: usize,
    /// What there is to know of its processes.
    pub processes: Arc<Facts>,
    process: Process,
    root: OwnedFd,
}

/// Why a live container cannot be scanned.
#[derive(Debug)]
pub enum NotLive {
    /// No process was chosen.
    NotLocated(NotLocated, Box<Survey>),
    /// The kernel does not let the scanner in.
    Denied(Box<Candidate>, Access),
    /// Its root may not be the container's.
    Doubtful(Box<Candidate>, Vec<Doubt>),
    /// It ended.
    Ended(i32),
    /// The kernel's answer was another one.
    Look(LookError),
}

impl Live {
    /// Finds the container that is meant and opens its root. `accept_root` goes on with a root that may not be the
    /// container's.
    pub fn open(procfs: &Procfs, wanted: &Wanted, accept_root: bool) -> Result<Live, NotLive> {
        let own = Own::read(procfs).map_err(NotLive::Look)?;
        let survey = survey(procfs, &own).map_err(NotLive::Look)?;
        let candidate = survey.choose(wanted).map_err(|error| NotLive::NotLocated(error, Box::new(survey.clone())))?;
        let ended = |error| match error {
            LookError::Absent => NotLive::Ended(candidate.pid),
            error => NotLive::Look(error),
        };
        let process = procfs.process(candidate.pid).map_err(ended)?;
        // The number could have gone to another process since the survey.
        if process.start_time().map_err(ended)? != candidate.started {
            return Err(NotLive::Ended(candidate.pid));
        }
        let root = match process.root() {
            Err(LookError::Denied { .. }) => {
                let access = explain(&own, &process).map_err(ended)?;
                return Err(NotLive::Denied(Box::new(candidate), access));
            }
            root => root.map_err(ended)?,
        };
        let facts = RootFacts::look(&process, &root).map_err(ended)?;
        let mut doubts = facts.doubts(&own);
        let roots = Roots::look(procfs, &survey, &candidate, &facts);
        doubts.extend(roots.first_disagrees.map(Doubt::Disagrees));
        if !doubts.is_empty() && !accept_root {
            return Err(NotLive::Doubtful(Box::new(candidate), doubts));
        }
        let Roots { others: other_roots, unseen: unseen_roots, .. } = roots;
        let processes = Arc::new(Facts::take(procfs, &survey, &candidate, &process).map_err(ended)?);
        Ok(Live { candidate, own, facts, doubts, other_roots, unseen_roots, processes, process, root })
    }

    /// A handle on its root.
    pub fn root(&self) -> Look<OwnedFd> {
        self.root.try_clone().map_err(|error| match error.raw_os_error() {
            Some(number) => nix::errno::Errno::from_raw(number).into(),
            None => LookError::Unsupported("its root's handle cannot be shared"),
        })
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Whether the scanner has the target's own user and group, so that the target could see, stop or end it.
    pub fn is_same_user(&self) -> bool {
        (self.own.uid, self.own.gid) == (self.candidate.uid, self.candidate.gid)
    }

    /// Looks again, after the scan: is it still the same process, with the same root?
    ///
    /// Errors: it ended, or its root is another one.
    pub fn look_again(&self) -> Result<(), NotLive> {
        let pid = self.candidate.pid;
        if !self.process.is_running() || self.process.start_time() != Ok(self.facts.started) {
            return Err(NotLive::Ended(pid));
        }
        match self.facts.is_unchanged(&self.process, &self.root) {
            Ok(true) => Ok(()),
            Ok(false) => Err(NotLive::Doubtful(Box::new(self.candidate.clone()), vec![Doubt::Changed])),
            Err(LookError::Absent) => Err(NotLive::Ended(pid)),
            Err(error) => Err(NotLive::Look(error)),
        }
    }
}

/// Why the kernel does not let the scanner look into a process, and what would do.
pub fn explain(own: &Own, process: &Process) -> Look<Access> {
    let status = process.status()?;
    let namespace = process.link("ns/user").ok().map(|namespace| namespace == own.user_namespace);
    // Who may not see the namespace sees its map, and one namespace has one map.
    let same = namespace.or_else(|| (process.read("uid_map").ok()? != own.uid_map).then_some(false));
    let dumpable = process.is_dumpable(&status);
    let access = access(own, &status, dumpable, same);
    Ok(match process.root() {
        Err(LookError::Denied { .. }) => access.refused(own, dumpable, same),
        _ => access,
    })
}

/// The roots of a container's processes.
#[derive(Debug, Default)]
struct Roots {
    first_disagrees: Option<i32>,
    others: Vec<i32>,
    unseen: usize,
}

impl Roots {
    fn look(procfs: &Procfs, survey: &Survey, chosen: &Candidate, facts: &RootFacts) -> Roots {
        let mut roots = Roots::default();
        let first = survey.first_of(chosen);
        for seen in survey.of_the_container_of(chosen).filter(|seen| seen.pid != chosen.pid) {
            let root = procfs.process(seen.pid).and_then(|process| place(process.root()?));
            match root {
                Ok((mount_id, _, place)) if (place, mount_id) == (facts.place, facts.mount_id) => {}
                Ok(_) => {
                    roots.others.push(seen.pid);
                    if first == Some(seen.pid) {
                        roots.first_disagrees = first;
                    }
                }
                Err(LookError::Absent) => {}
                Err(_) => roots.unseen += 1,
            }
        }
        roots
    }
}
