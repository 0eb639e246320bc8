//! What the kernel asks before it lets one process look into another (ptrace(2), "Ptrace access mode checking"), as a
//! function of facts that everybody can read: so that a refusal can be explained, and what would do can be named.

use crate::parse::capability::NAMES;
use crate::parse::proc_status::ProcStatus;
use crate::process::Own;

/// CAP_SYS_PTRACE in capability sets (linux/capability.h).
pub const SYS_PTRACE: u64 = 1 << 19;
/// CAP_DAC_READ_SEARCH.
const DAC_READ_SEARCH: u64 = 1 << 2;

/// What stands between a scanner and a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The target's user is another.
    User {
        /// The scanner's.
        own: u32,
        /// The target's real, effective and saved one.
        target: [u32; 3],
    },
    /// The target's group is another.
    Group {
        /// The scanner's.
        own: u32,
        /// The target's real, effective and saved one.
        target: [u32; 3],
    },
    /// The target holds capabilities that the scanner does not.
    Capabilities(Vec<&'static str>),
    /// The target is not dumpable: it was started from a file that may not be read, or asked for it.
    NotDumpable,
    /// The target lives in another user namespace, where the scanner's capabilities say nothing.
    UserNamespace,
    /// User, group and capabilities would do. Then it is one of these: the target may not be dumpable, where that could not be
    /// seen; it may live in another user namespace, where that could not be seen; a security module.
    Unseen {
        /// Whether it could be that it is not dumpable.
        dumpable: bool,
        /// Whether it could be another user namespace.
        user_namespace: bool,
    },
}

/// How a scanner could be run so that it may look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Which user.
    pub uid: u32,
    /// Which group.
    pub gid: u32,
    /// Which capabilities, `cap_sys_ptrace`; they reach a process of uid 0 only.
    pub capabilities: Vec<&'static str>,
    /// Whether every file can be read then, or only what the target's own user can read.
    pub reads_all: bool,
}

/// Whether a scanner may look into a target, and what would let it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// What is in the way; empty when nothing is.
    pub missing: Vec<Missing>,
    /// What would do, the least first.
    pub ways: Vec<Way>,
}

/// What the kernel's rules say. `dumpable` and `same_user_namespace` are `None` where they could not be seen.
pub fn access(own: &Own, target: &ProcStatus, dumpable: Option<bool>, same_user_namespace: Option<bool>) -> Access {
    let [real, effective, saved, _] = target.uids;
    let users = [real, effective, saved];
    let [real, effective, saved, _] = target.gids;
    let groups = [real, effective, saved];
    let foreign = same_user_namespace == Some(false);

    let mut missing = Vec::new();
    if own.effective & SYS_PTRACE == 0 || foreign {
        if users.iter().any(|uid| *uid != own.uid) {
            missing.push(Missing::User { own: own.uid, target: users });
        }
        if groups.iter().any(|gid| *gid != own.gid) {
            missing.push(Missing::Group { own: own.gid, target: groups });
        }
        if dumpable == Some(false) {
            missing.push(Missing::NotDumpable);
        }
        let more = target.permitted & !own.effective;
        if more != 0 {
            missing.push(Missing::Capabilities(names(more)));
        }
        if foreign {
            missing.push(Missing::UserNamespace);
        }
    }

    let one = |ids: [u32; 3]| ids.iter().all(|id| *id == ids[0]).then_some(ids[0]);
    let mut ways = Vec::new();
    if let (Some(uid), Some(gid)) = (one(users), one(groups)) {
        // Capabilities that are added to a container reach uid 0 only; and with CAP_SYS_PTRACE no other is needed.
        let reachable = target.permitted == 0 || (uid == 0 && target.permitted & SYS_PTRACE == 0);
        if reachable && dumpable != Some(false) && !foreign {
            ways.push(Way { uid, gid, capabilities: names(target.permitted), reads_all: false });
        }
    }
    ways.push(Way { uid: 0, gid: 0, capabilities: names(SYS_PTRACE | DAC_READ_SEARCH), reads_all: true });
    Access { missing, ways }
}

impl Access {
    /// The same, for one whom the kernel did refuse: where nothing that can be seen is missing, it is what cannot be seen.
    pub(super) fn refused(mut self, own: &Own, dumpable: Option<bool>, same_user_namespace: Option<bool>) -> Access {
        if self.missing.is_empty() {
            self.missing.push(Missing::Unseen {
                dumpable: dumpable.is_none() && own.effective & SYS_PTRACE == 0,
                user_namespace: same_user_namespace.is_none(),
            });
            // It runs so already, or with more.
            self.ways.retain(|way| way.reads_all);
        }
        self
    }
}

/// The names of a set of capabilities, in the order of their numbers; those that this program does not know are
/// `cap_NUMBER`'s bits and left out.
pub fn names(set: u64) -> Vec<&'static str> {
    NAMES.iter().enumerate().filter(|(number, _)| set >> number & 1 == 1).map(|(_, name)| *name).collect()
}

impl std::fmt::Display for Missing {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids = |ids: &[u32; 3]| match ids {
            [real, effective, saved] if real == effective && effective == saved => real.to_string(),
            [real, effective, saved] => format!("{real} (effective {effective}, saved {saved})"),
        };
        match self {
            Missing::User { own, target } => {
                write!(out, "the target runs as uid {}, this scanner as {own}", ids(target))
            }
            Missing::Group { own, target } => {
                write!(out, "the target runs as gid {}, this scanner as {own}", ids(target))
            }
            Missing::Capabilities(names) => {
                write!(out, "the target holds capabilities that this scanner lacks: {}", names.join(", "))
            }
            Missing::NotDumpable => write!(out, "the target is not dumpable, so its own user may not look into it"),
            Missing::UserNamespace => write!(out, "the target lives in another user namespace"),
            Missing::Unseen { dumpable, user_namespace } => {
                let dumpable = if *dumpable { "the target is not dumpable, or " } else { "" };
                let namespace = if *user_namespace { "it lives in another user namespace, or " } else { "" };
                write!(
                    out,
                    "user, group and capabilities would do: {dumpable}{namespace}a security module refuses (AppArmor, SELinux, \
                     Smack, a Landlock that the scanner was started in)"
                )
            }
        }
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "as {}:{} ", self.uid, self.gid)?;
        if self.capabilities.is_empty() {
            write!(out, "without any capability")?;
        } else {
            write!(out, "with {}", self.capabilities.join(", ").to_ascii_uppercase())?;
        }
        write!(out, " (reads {})", if self.reads_all { "everything" } else { "what the target's own user can read" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(uid: u32, gid: u32, effective: u64) -> Own {
        Own { uid, gid, effective, ..Own::default() }
    }

    fn target(uid: u32, gid: u32, permitted: u64) -> ProcStatus {
        ProcStatus { uids: [uid; 4], gids: [gid; 4], permitted, ..ProcStatus::default() }
    }

    #[test]
    fn the_kernels_rule() {
        let cases: [(Own, ProcStatus, Option<bool>, &[&str]); 7] = [
            (own(65532, 65532, 0), target(65532, 65532, 0), Some(true), &[]),
            (own(65532, 0, 0), target(65532, 65532, 0), Some(true), &["gid 65532, this scanner as 0"]),
            (own(0, 0, 0), target(65532, 65532, 0), None, &["uid 65532", "gid 65532"]),
            (own(0, 0, SYS_PTRACE), target(65532, 65532, 0), Some(false), &[]),
            (own(0, 0, 0), target(0, 0, 0), None, &[]),
            (own(0, 0, 0), target(0, 0, 1 << 10), None, &["cap_net_bind_service"]),
            (own(1, 1, 0), target(1, 1, 0), Some(false), &["not dumpable"]),
        ];
        for (own, target, dumpable, expected) in cases {
            let access = access(&own, &target, dumpable, Some(true));
            let words: Vec<String> = access.missing.iter().map(ToString::to_string).collect();
            assert_eq!(words.len(), expected.len(), "{words:?}");
            assert!(words.iter().zip(expected).all(|(word, part)| word.contains(part)), "{words:?}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_told_as_such() {
        let words = |own: &Own, target: &ProcStatus, dumpable, same| {
            let refused = access(own, target, dumpable, same).refused(own, dumpable, same);
            (refused.missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "), refused.ways.len())
        };
        let module = "a security module refuses (AppArmor, SELinux, Smack, a Landlock that the scanner was started in)";
        let cases = [
            (own(0, 0, 0), target(0, 0, 0), None, Some(true), "the target is not dumpable, or "),
            (own(7, 7, 0), target(7, 7, 0), Some(true), Some(true), ""),
            (own(0, 0, SYS_PTRACE), target(7, 7, 0), None, None, "it lives in another user namespace, or "),
            (
                own(0, 0, 0),
                target(0, 0, 0),
                None,
                None,
                "the target is not dumpable, or it lives in another user namespace, or ",
            ),
        ];
        for (own, target, dumpable, same, lead) in cases {
            let expected = format!("user, group and capabilities would do: {lead}{module}");
            assert_eq!(words(&own, &target, dumpable, same), (expected, 1), "{lead}");
        }
        // What is missing for all to see is the reason.
        let (seen, ways) = words(&own(1, 7, 0), &target(7, 7, 0), Some(true), None);
        assert_eq!((seen.as_str(), ways), ("the target runs as uid 7, this scanner as 1", 2));
    }

    #[test]
    fn the_least_way_comes_first() {
        let ways = access(&own(1, 1, 0), &target(65532, 65532, 0), Some(true), None).ways;
        assert_eq!(
            ways[0].to_string(),
            "as 65532:65532 without any capability (reads what the target's own user can read)"
        );
        assert_eq!(ways[1].to_string(), "as 0:0 with CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE (reads everything)");
        assert_eq!(access(&own(1, 1, 0), &target(7, 7, 1), Some(true), None).ways.len(), 1);
        assert_eq!(access(&own(1, 1, 0), &target(7, 7, 0), Some(false), None).ways.len(), 1);
        assert_eq!(access(&own(1, 1, 0), &target(0, 0, 1 | SYS_PTRACE), None, None).ways.len(), 1);
        assert_eq!(access(&own(1, 1, 0), &target(0, 0, 1), None, None).ways[0].capabilities, ["cap_chown"]);
    }
}
