//! Landlock: no file but the target's is readable, and nothing is writable but the reports' folders.

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use crate::protect::{Measure, Needs};

/// The newest that is known here; the kernel is asked for as much of it as it has.
const NEWEST: ABI = ABI::V9;

pub(super) fn confine(needs: &Needs<'_>) -> Measure {
    let measure = |in_force, words| Measure { name: "landlock", in_force, words };
    if needs.look_into {
        return measure(
            false,
            "not under hidepid, where it would keep the scanner from seeing the target again".to_owned(),
        );
    }
    match restrict(needs) {
        Ok(RestrictionStatus { ruleset: RulesetStatus::NotEnforced, .. }) => {
            measure(false, "this kernel has no Landlock, or it was not enabled at boot".to_owned())
        }
        Ok(status) => measure(true, version(&status.landlock)),
        Err(error) => measure(false, error.to_string()),
    }
}

fn restrict(needs: &Needs<'_>) -> Result<RestrictionStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write: BitFlags<AccessFs> = AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::RemoveFile;
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    let rules = needs.read.iter().map(|place| PathBeneath::new(place, read));
    let rules = rules.chain(needs.write.iter().map(|place| PathBeneath::new(place, write)));
    ruleset.add_rules(rules.map(Ok::<_, RulesetError>))?.restrict_self()
}

fn version(status: &LandlockStatus) -> String {
    match status {
        LandlockStatus::Available { kernel_abi: Some(newer), .. } => format!("ABI {} of {newer}", NEWEST as i32),
        LandlockStatus::Available { effective_abi, .. } => with_lacks(*effective_abi as i32),
        _ => "not available".to_owned(),
    }
}

/// What an older kernel's Landlock does not keep from, by the version that does; the filter of system calls does, too.
const LATER: [(i32, &str); 3] = [(3, "cutting files off"), (4, "TCP ports"), (6, "signals to others")];

fn with_lacks(version: i32) -> String {
    let lacks: Vec<&str> = LATER.iter().filter(|(since, _)| version < *since).map(|(_, what)| *what).collect();
    match lacks.as_slice() {
        [] => format!("ABI {version}"),
        lacks => format!("ABI {version}, which has no rules for {}: left to seccomp", lacks.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_kernel_lacks_is_said() {
        assert_eq!(with_lacks(7), "ABI 7");
        assert_eq!(with_lacks(4), "ABI 4, which has no rules for signals to others: left to seccomp");
        assert!(with_lacks(1).contains("no rules for cutting files off, TCP ports, signals to others"));
    }
}
