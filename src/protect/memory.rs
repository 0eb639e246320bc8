//! Memory beside a running container: it may share its limit with the scanner, and the kernel ends the larger of two.

use nix::sys::resource::Resource;

use crate::process::{Live, Own, Process, Procfs, survey};
use crate::protect::Limits;
use crate::rootfs::{Look, LookError};

/// How much memory is left, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headroom {
    /// In bytes.
    pub bytes: u64,
    /// `MemAvailable of the system`, a control group, or a pod.
    pub of: String,
}

/// The names of one version of control groups.
struct Version {
    mount: &'static str,
    limit: &'static str,
    usage: &'static str,
    inactive: &'static str,
}

const SECOND: Version =
    Version { mount: "/sys/fs/cgroup", limit: "memory.max", usage: "memory.current", inactive: "inactive_file" };
const FIRST: Version = Version {
    mount: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    inactive: "total_inactive_file",
};

/// The least that is left of what can be seen: of the system, of the scanner's control group, of those above it.
///
/// Errors: the system does not say.
pub fn headroom() -> Look<Headroom> {
    let meminfo = text("/proc/meminfo").ok_or(LookError::Unsupported("/proc/meminfo cannot be read"))?;
    let available = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let available = available.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let available = available.ok_or(LookError::Unsupported("/proc/meminfo does not tell what is available"))?;
    let system = Headroom { bytes: available << 10, of: "MemAvailable of the system".to_owned() };
    let groups = Procfs::open()?.myself()?.read("cgroup")?;
    let groups = String::from_utf8_lossy(&groups).into_owned();
    let group = groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let version = match controllers {
            "" => SECOND,
            controllers if controllers.split(',').any(|one| one == "memory") => FIRST,
            _ => return None,
        };
        smallest(&version, path)
    });
    Ok(match group {
        Some(group) if group.bytes < system.bytes => group,
        _ => system,
    })
}

/// The least of a group and those above it.
fn smallest(version: &Version, path: &str) -> Option<Headroom> {
    // Seen from a control group namespace, the own group is the top, whatever the path says.
    let paths = std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(above, _)| above));
    paths.filter(|path| !path.contains("..")).filter_map(|path| left(version, path)).min_by_key(|room| room.bytes)
}

/// What is left of one group's limit. Cached files that nobody uses count as free: the kernel takes them back first.
fn left(version: &Version, path: &str) -> Option<Headroom> {
    let folder = format!("{}{}", version.mount, path.trim_end_matches('/'));
    let number = |name: &str| text(&format!("{folder}/{name}"))?.trim().parse::<u64>().ok();
    let (limit, usage) = (number(version.limit)?, number(version.usage)?);
    let stat = text(&format!("{folder}/memory.stat")).unwrap_or_default();
    let inactive = stat.lines().find_map(|line| line.strip_prefix(version.inactive)?.trim().parse::<u64>().ok());
    let bytes = limit.saturating_sub(usage.saturating_sub(inactive.unwrap_or(0)));
    Some(Headroom { bytes, of: format!("{} of {folder}", version.limit) })
}

/// What is left of a pod's limit, which nobody can see from within one of its containers: whoever starts the scanner names it.
/// Of the pod's processes those count that can be seen; what the kernel drops when memory runs short (cached files) does not.
///
/// Errors: the processes cannot be looked at.
pub fn headroom_of_pod(live: &Live, limit: u64) -> Look<Headroom> {
    let procfs = Procfs::open()?;
    let members = live.processes.processes.as_ref().map_err(Clone::clone)?;
    let pod = live.candidate.kubernetes.as_ref().map(|(pod, _)| pod);
    let others = survey(&procfs, &Own::read(&procfs)?)?.processes.into_iter().filter(|seen| {
        let same_pod = pod.is_some() && seen.kubernetes.as_ref().map(|(pod, _)| pod) == pod;
        same_pod && !members.iter().any(|member| member.pid == seen.pid)
    });
    let pids = members.iter().map(|member| member.pid).chain(others.map(|seen| seen.pid));
    let mut taken = 0_u64;
    for pid in pids {
        match procfs.process(pid).and_then(|process| taken_by(&process)) {
            Ok(bytes) => taken = taken.saturating_add(bytes),
            // It ended meanwhile.
            Err(LookError::Absent) => {}
            Err(error) => return Err(error),
        }
    }
    let of = format!("the pod's limit of {limit}, of which its processes take {taken}");
    Ok(Headroom { bytes: limit.saturating_sub(taken), of })
}

/// What a process takes of memory that is not a file's: of what it shares its part, where the kernel lets the scanner see
/// that, else all of it.
fn taken_by(process: &Process) -> Look<u64> {
    let parts = process.read("smaps_rollup").ok().and_then(|text| sum(&text, ["Pss_Anon:", "Pss_Shmem:"]));
    let parts = match parts {
        None => sum(&process.read("status")?, ["RssAnon:", "RssShmem:"]),
        parts => parts,
    };
    // A process that is ending has no memory any more, and no such line.
    if parts.is_none() && process.is_running() {
        return Err(LookError::Unsupported("this kernel does not tell how much memory a process takes"));
    }
    Ok(parts.unwrap_or(0))
}

/// The sum of these lines of kilobytes, in bytes; `None` where one is missing or odd.
fn sum(text: &[u8], names: [&str; 2]) -> Option<u64> {
    let text = String::from_utf8_lossy(text);
    let number = |name: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        rest.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1 << 10)
    };
    names.into_iter().map(number).try_fold(0_u64, |sum, bytes| sum.checked_add(bytes?))
}

#[expect(clippy::disallowed_methods, reason = "the scanner's own system, no target")]
fn text(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Takes no more than this for data (RLIMIT_DATA): beyond it, the process ends without a result.
pub fn limit_memory(limits: &mut Limits, bytes: u64) -> bool {
    limits.lower(Resource::RLIMIT_DATA, bytes)
}

/// Tells the kernel to end the scanner before anything else when memory runs out.
#[expect(clippy::disallowed_methods, reason = "the scanner's own setting")]
pub fn offer_to_be_killed() -> bool {
    // Closed to others, the file belongs to root: a scanner that began closed and is not root cannot write it.
    std::fs::write("/proc/self/oom_score_adj", "1000").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_takes_what_is_not_a_files() {
        let rollup = b"55d0-7ffc ---p 00000000 00:00 0 [rollup]\nRss: 900 kB\nPss: 300 kB\nPss_Anon:  100 kB\n\
            Pss_File:  180 kB\nPss_Shmem:  20 kB\n";
        assert_eq!(sum(rollup, ["Pss_Anon:", "Pss_Shmem:"]), Some(120 << 10));
        assert_eq!(sum(rollup, ["RssAnon:", "RssShmem:"]), None);
        assert_eq!(sum(b"RssAnon:\t1 kB\nRssShmem:\tx kB\n", ["RssAnon:", "RssShmem:"]), None);
        let procfs = Procfs::open().unwrap();
        let before = taken_by(&procfs.myself().unwrap()).unwrap();
        let large = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = taken_by(&procfs.myself().unwrap()).unwrap();
        assert!(after >= before + (48 << 20), "{before} {after} {}", large.len());
    }
}
