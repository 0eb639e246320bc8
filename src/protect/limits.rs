//! The resource limits of this process. A neighbour of the same user can lower them, so that files cannot be opened.

use nix::sys::resource::{Resource, getrlimit};

/// All that Linux has, with their names in prlimit(1).
const ALL: [(Resource, &str); 16] = [
    (Resource::RLIMIT_AS, "AS"),
    (Resource::RLIMIT_CORE, "CORE"),
    (Resource::RLIMIT_CPU, "CPU"),
    (Resource::RLIMIT_DATA, "DATA"),
    (Resource::RLIMIT_FSIZE, "FSIZE"),
    (Resource::RLIMIT_LOCKS, "LOCKS"),
    (Resource::RLIMIT_MEMLOCK, "MEMLOCK"),
    (Resource::RLIMIT_MSGQUEUE, "MSGQUEUE"),
    (Resource::RLIMIT_NICE, "NICE"),
    (Resource::RLIMIT_NOFILE, "NOFILE"),
    (Resource::RLIMIT_NPROC, "NPROC"),
    (Resource::RLIMIT_RSS, "RSS"),
    (Resource::RLIMIT_RTPRIO, "RTPRIO"),
    (Resource::RLIMIT_RTTIME, "RTTIME"),
    (Resource::RLIMIT_SIGPENDING, "SIGPENDING"),
    (Resource::RLIMIT_STACK, "STACK"),
];

/// The limits at one moment, soft and hard; `None` for one that this system lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits([Option<(u64, u64)>; ALL.len()]);

impl Limits {
    /// Reads them.
    pub fn read() -> Limits {
        Limits(ALL.map(|(resource, _)| getrlimit(resource).ok()))
    }

    /// The first that differs.
    pub fn difference(&self, other: &Limits) -> Option<&'static str> {
        let mut pairs = ALL.iter().zip(self.0.iter().zip(&other.0));
        pairs.find(|(_, (one, other))| one != other).map(|((_, name), _)| *name)
    }

    /// Sets a soft limit to its hard one, in the system and here.
    pub fn raise(&mut self, resource: Resource) {
        self.change(resource, |hard| hard);
    }

    /// Sets a soft limit, where the hard one is not lower.
    pub fn lower(&mut self, resource: Resource, soft: u64) -> bool {
        self.change(resource, |hard| soft.min(hard))
    }

    fn change(&mut self, resource: Resource, soft: impl Fn(u64) -> u64) -> bool {
        let place = ALL.iter().position(|(known, _)| *known == resource);
        let Some(Some(limit)) = place.and_then(|place| self.0.get_mut(place)) else { return false };
        let wanted = (soft(limit.1), limit.1);
        if *limit == wanted {
            return true;
        }
        let set = nix::sys::resource::setrlimit(resource, wanted.0, wanted.1).is_ok();
        if set {
            *limit = wanted;
        }
        set
    }
}
