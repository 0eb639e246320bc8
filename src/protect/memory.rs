//! Memory beside a running container: it may share its limit with the scanner, and the kernel ends the larger of two.

use nix::sys::resource::Resource;

use crate::process::Procfs;
use crate::protect::Limits;
use crate::rootfs::{Look, LookError};

/// How much memory is left, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headroom {
    /// In bytes.
    pub bytes: u64,
    /// `MemAvailable of the system`, or a control group.
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
