//! What a container is held to by its control groups (cgroups(7)), as far as the scanner sees them.
//!
//! A limit counts wherever it is set on the way from the root of the hierarchy down to the container's own group, so the
//! tightest one on that way is what holds; a group above that the scanner cannot see may hold it tighter still.

use std::os::fd::{AsFd, OwnedFd};

use nix::fcntl::openat;
use nix::sys::stat::Mode;
use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, fstatfs};

use crate::parse::lines;
use crate::parse::mountinfo::{Mount, parse};
use crate::process::{FOLDER, Process, READ, read_all};
use crate::rootfs::{Look, LookError};
use crate::value::lossless;

/// The tightest limits; `None` where there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Cgroup {
    /// Bytes of memory.
    pub memory: Look<Option<u64>>,
    /// Processes and threads.
    pub pids: Look<Option<u64>>,
    /// Processors, in thousandths.
    pub cpu: Look<Option<u64>>,
}

/// One limit in both versions: the controller, the file of version 1 and that of version 2.
struct Knob {
    controller: &'static str,
    first: &'static str,
    second: &'static str,
    /// Its value in the file's content; `None` where the content is odd.
    value: fn(&str) -> Option<Option<u64>>,
}

const MEMORY: Knob =
    Knob { controller: "memory", first: "memory.limit_in_bytes", second: "memory.max", value: bytes_of };
const PIDS: Knob = Knob { controller: "pids", first: "pids.max", second: "pids.max", value: number };
const CPU: Knob = Knob { controller: "cpu", first: "cpu.cfs_quota_us", second: "cpu.max", value: quota };

/// Where version 1 keeps the time to which a quota belongs.
const PERIOD: &str = "cpu.cfs_period_us";

impl Cgroup {
    /// Looks at the groups of a process.
    ///
    /// Errors: in words, why they cannot be seen.
    pub fn look(process: &Process, myself: &Process) -> Result<Cgroup, String> {
        let groups = process.read("cgroup").map_err(|error| error.to_string())?;
        let mounts = myself.read("mountinfo").map_err(|error| error.to_string())?;
        let mounts = parse(&mounts).map_err(|error| error.to_string())?;
        let limit = |knob: &Knob| {
            let place = place(&groups, &mounts, knob.controller)?;
            Ok::<_, String>(place.tightest(knob))
        };
        Ok(Cgroup { memory: limit(&MEMORY)?, pids: limit(&PIDS)?, cpu: limit(&CPU)? })
    }
}

/// A group in a hierarchy that the scanner has mounted.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    version: u8,
    mount: Vec<u8>,
    /// The groups below the mount, the outermost first.
    names: Vec<Vec<u8>>,
}

/// Where the group of a controller is.
fn place(groups: &[u8], mounts: &[Mount], controller: &str) -> Result<Place, String> {
    let mut second = None;
    for (_, line) in lines(groups) {
        let mut fields = line.splitn(3, |byte| *byte == b':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        if controllers.split(|byte| *byte == b',').any(|known| known == controller.as_bytes()) {
            let is = |mount: &&Mount| {
                mount.kind == b"cgroup" && mount.filesystem_options.iter().any(|option| option == controller.as_bytes())
            };
            return below(1, mounts.iter().filter(is), path);
        }
        if controllers.is_empty() {
            second = Some(path);
        }
    }
    let path = second.ok_or("it is in no control group")?;
    below(2, mounts.iter().filter(|mount| mount.kind == b"cgroup2"), path)
}

fn below<'a>(version: u8, mounts: impl Iterator<Item = &'a Mount>, path: &[u8]) -> Result<Place, String> {
    for mount in mounts {
        let root = mount.root.strip_suffix(b"/").unwrap_or(&mount.root);
        let Some(rest) = path.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with(b"/")) else {
            continue;
        };
        let names: Vec<Vec<u8>> =
            rest.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect();
        if !names.iter().any(|name| name == b"..") {
            return Ok(Place { version, mount: mount.point.clone(), names });
        }
    }
    Err(format!("the scanner does not see the control group {} of the target", lossless(path)))
}

impl Place {
    fn tightest(&self, knob: &Knob) -> Look<Option<u64>> {
        let mut folder = nix::fcntl::open(self.mount.as_slice(), FOLDER, Mode::empty())?;
        let magic = if self.version == 1 { CGROUP_SUPER_MAGIC } else { CGROUP2_SUPER_MAGIC };
        if fstatfs(&folder)?.filesystem_type() != magic {
            return Err(LookError::Unsupported("something is mounted over the control groups"));
        }
        let mut tightest = self.limit(&folder, knob)?;
        for name in &self.names {
            folder = openat(&folder, name.as_slice(), FOLDER, Mode::empty())?;
            tightest = match (tightest, self.limit(&folder, knob)?) {
                (Some(known), Some(found)) => Some(known.min(found)),
                (known, found) => known.or(found),
            };
        }
        Ok(tightest)
    }

    /// The limit of one group. The group at the top of a hierarchy has none; one without the file is not held by it.
    fn limit(&self, folder: &OwnedFd, knob: &Knob) -> Look<Option<u64>> {
        let name = if self.version == 1 { knob.first } else { knob.second };
        let mut content = match content(folder, name) {
            Err(LookError::Absent) => return Ok(None),
            content => content?,
        };
        if self.version == 1 && knob.controller == CPU.controller {
            content = [content, b" ".to_vec(), self::content(folder, PERIOD)?].concat();
        }
        let text = String::from_utf8_lossy(&content);
        (knob.value)(text.trim()).ok_or(LookError::Unsupported("its control group says what is no limit"))
    }
}

fn content(folder: impl AsFd, name: &str) -> Look<Vec<u8>> {
    read_all(&openat(folder, name, READ, Mode::empty())?)
}

fn number(text: &str) -> Option<Option<u64>> {
    if text == "max" { Some(None) } else { text.parse().ok().map(Some) }
}

/// Version 1 writes the largest number of whole pages for no limit.
fn bytes_of(text: &str) -> Option<Option<u64>> {
    let largest = i64::MAX.unsigned_abs() & !0xffff;
    number(text).map(|limit| limit.filter(|limit| *limit < largest))
}

/// `QUOTA PERIOD` as thousandths of a processor; `max` and -1 are none.
fn quota(text: &str) -> Option<Option<u64>> {
    let (quota, period) = text.split_once(char::is_whitespace)?;
    let period: u64 = period.trim().parse().ok().filter(|period| *period > 0)?;
    if quota == "max" || quota == "-1" {
        return Some(None);
    }
    let quota: u64 = quota.parse().ok()?;
    Some(Some(quota.checked_mul(1000)? / period))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(kind: &str, root: &str, point: &str, options: &str) -> Mount {
        Mount {
            kind: kind.into(),
            root: root.into(),
            point: point.into(),
            filesystem_options: vec![options.into()],
            ..Mount::default()
        }
    }

    fn names(place: &Place) -> Vec<String> {
        place.names.iter().map(|name| lossless(name)).collect()
    }

    #[test]
    fn the_group_is_found_below_what_is_mounted() {
        let groups = b"4:memory:/pod/ctr\n3:cpu,cpuacct:/\n0::/pod/ctr\n";
        let mounts = [
            mount("cgroup", "/", "/sys/fs/cgroup/memory", "memory"),
            mount("cgroup2", "/pod", "/sys/fs/cgroup/unified", ""),
        ];
        let memory = place(groups, &mounts, "memory").unwrap();
        assert_eq!((memory.version, names(&memory)), (1, vec!["pod".to_owned(), "ctr".to_owned()]));
        let pids = place(groups, &mounts, "pids").unwrap();
        assert_eq!((pids.version, names(&pids)), (2, vec!["ctr".to_owned()]));
        assert!(place(groups, &mounts, "cpu").is_err(), "nothing of it is mounted");
        let other = [mount("cgroup2", "/", "/sys/fs/cgroup", "")];
        assert!(place(b"0::/../other\n", &other, "memory").unwrap_err().contains("does not see"));
        assert!(place(b"0::/podx\n", &[mount("cgroup2", "/pod", "/x", "")], "memory").is_err());
    }

    #[test]
    fn limits_are_read_in_both_versions() {
        assert_eq!((number("max"), number("12"), number("x")), (Some(None), Some(Some(12)), None));
        assert_eq!((bytes_of("9223372036854771712"), bytes_of("268435456")), (Some(None), Some(Some(268_435_456))));
        assert_eq!(
            (quota("max 100000"), quota("-1 100000"), quota("50000 100000")),
            (Some(None), Some(None), Some(Some(500)))
        );
        assert_eq!((quota("50000"), quota("5 0")), (None, None));
    }
}
