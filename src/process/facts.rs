//! What there is to know of the processes of a live container, taken at once and before the first check.
//!
//! It is taken early because a sandboxed scanner cannot look into other processes any more, and at once so that all
//! checks judge the same moment. Each fact has its own result: read, or why not.

use crate::parse::ParseError;
use crate::parse::id_map::{self, IdRange};
use crate::parse::limits::{self, Limit};
use crate::parse::mountinfo::Mount;
use crate::parse::network::{self, Interface, Route};
use crate::parse::proc_status::{self, ProcStatus};
use crate::parse::sockets::{self, Listener, PROTOCOLS};
use crate::process::cgroup::Cgroup;
use crate::process::locate::{Candidate, Survey};
use crate::process::sysctl::Parameters;
use crate::process::{Process, Procfs};
use crate::rootfs::{Look, LookError};

/// The most processes that are taken. More are an error, because they would let a target decide how much memory and time
/// the scanner takes.
const MAX_PROCESSES: usize = 20_000;

/// The most bytes that are kept of the command line of one process, and of all of them together.
const MAX_COMMAND: usize = 128 << 10;
const MAX_COMMANDS: usize = 32 << 20;

/// The most descriptors that are looked at to find out which process holds a socket.
const MAX_DESCRIPTORS: usize = 200_000;

/// The most threads that are looked at.
const MAX_THREADS: usize = 100_000;

/// A right by the name that checks ask by, and whether two threads have the same.
type Right = (&'static str, fn(&ProcStatus, &ProcStatus) -> bool);

/// What each thread of a process has for itself (credentials(7)).
const OF_THREADS: [Right; 11] = [
    ("user", |one, other| one.uids[1] == other.uids[1]),
    ("uid", |one, other| one.uids[1] == other.uids[1]),
    ("gid", |one, other| one.gids[1] == other.gids[1]),
    ("groups", |one, other| one.groups == other.groups),
    ("capabilities", |one, other| one.effective == other.effective),
    ("permitted_capabilities", |one, other| one.permitted == other.permitted),
    ("inheritable_capabilities", |one, other| one.inheritable == other.inheritable),
    ("bounding_capabilities", |one, other| one.bounding == other.bounding),
    ("ambient_capabilities", |one, other| one.ambient == other.ambient),
    ("no_new_privs", |one, other| one.no_new_privs == other.no_new_privs),
    ("seccomp", |one, other| one.seccomp == other.seccomp),
];

/// What lets a scanner read what the kernel shows of a process to its own user only.
pub const RIGHTS: &str = "needs the process's own uid and gid, or uid 0 with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH";

/// The modes of seccomp by number, in the words of prctl(2) and of runtimes.
pub const SECCOMP: [&str; 3] = ["disabled", "strict", "filter"];

/// Kinds of namespaces that have a link of their own below /proc/PID/ns.
const NAMESPACES: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

/// The namespaces that the kernel starts with have fixed numbers (include/uapi/linux/nsfs.h); that of `net` since 6.18.
const INITIAL: [(&str, &[u8]); 5] = [
    ("ipc", b"ipc:[4026531839]"),
    ("net", b"net:[4026531833]"),
    ("pid", b"pid:[4026531836]"),
    ("user", b"user:[4026531837]"),
    ("uts", b"uts:[4026531838]"),
];

/// The facts of a container.
#[derive(Debug)]
pub struct Facts {
    /// Number of the process that the scan is of.
    pub target: i32,
    /// The container's processes, by number.
    pub processes: Look<Vec<ProcessFacts>>,
    /// Why there may be more of them.
    pub incomplete: Vec<String>,
    /// The target's environment, as its memory holds it.
    pub environment: Look<Vec<u8>>,
    /// The mounts that the target sees.
    pub mounts: Look<Vec<Mount>>,
    /// The target's resource limits.
    pub limits: Look<Vec<Limit>>,
    /// What listens in the target's network namespace.
    pub listeners: Look<Vec<Listener>>,
    /// The interfaces in the target's network namespace.
    pub interfaces: Look<Vec<Interface>>,
    /// The routes there.
    pub routes: Look<Vec<Route>>,
    /// The namespaces that the target shares with the scanner.
    pub shared: Look<Vec<&'static str>>,
    /// The kernel's parameters.
    pub parameters: Look<Parameters>,
    /// What its control groups hold it to; or why they cannot be seen.
    pub cgroup: Result<Cgroup, String>,
}

/// The facts of one process.
#[derive(Clone, Debug)]
pub struct ProcessFacts {
    /// Its number, as the scanner sees it.
    pub pid: i32,
    /// What the kernel says of it to everybody.
    pub status: ProcStatus,
    /// Its command line, as it shows it.
    pub command: Look<Vec<Vec<u8>>>,
    /// Its executable; ` (deleted)` at the end when the file is gone.
    pub executable: Look<Vec<u8>>,
    /// Its namespaces that the scanner is in as well.
    pub shared: Look<Vec<&'static str>>,
    /// Which of its namespaces are the host's; `None` where that cannot be told.
    pub host: Look<Vec<(&'static str, Option<bool>)>>,
    /// Which users its own user namespace maps to which.
    pub uid_map: Look<Vec<IdRange>>,
    /// Which groups.
    pub gid_map: Look<Vec<IdRange>>,
    /// Which of the listening sockets it holds, by inode.
    pub sockets: Look<Vec<u64>>,
    /// Which of its rights are not those of all its threads, and a thread that has others.
    pub differing: Look<Vec<(&'static str, i32)>>,
}

/// How much may still be taken.
struct Room {
    commands: usize,
    descriptors: usize,
    threads: usize,
}

impl Facts {
    /// Takes the facts of the container of a process.
    ///
    /// Errors: the process is gone; the scanner cannot look at itself.
    pub(super) fn take(procfs: &Procfs, survey: &Survey, chosen: &Candidate, target: &Process) -> Look<Facts> {
        let myself = procfs.myself()?;
        let own = links(&myself)?;
        let links = links(target);
        let listeners = listeners(target);
        let sockets: Vec<u64> = listeners.iter().flatten().map(|listener| listener.inode).collect();
        let mut incomplete = survey.gaps();
        let doubtful = survey.doubtful_members(chosen);
        if doubtful > 0 {
            incomplete.push(format!("{doubtful} processes with another root may belong to it: no control group tells"));
        }
        let members: Vec<&Candidate> = survey.of_the_container_of(chosen).collect();
        let processes = if members.len() > MAX_PROCESSES {
            Err(LookError::TooLarge { what: "processes", size: members.len() as u64, cap: MAX_PROCESSES as u64 })
        } else {
            let mut room = Room { commands: MAX_COMMANDS, descriptors: MAX_DESCRIPTORS, threads: MAX_THREADS };
            let mut taken = Vec::with_capacity(members.len());
            for member in members {
                match ProcessFacts::take(procfs, member, &own, &sockets, &mut room) {
                    Ok(facts) => taken.push(facts),
                    // It ended meanwhile.
                    Err(LookError::Absent) => {}
                    Err(error) => incomplete.push(format!("process {}: {error}", member.pid)),
                }
            }
            Ok(taken)
        };
        Ok(Facts {
            target: target.pid,
            processes,
            incomplete,
            environment: target.read("environ").map_err(denied),
            mounts: target.mounts().map_err(denied),
            limits: parsed(target.read("limits"), limits::parse, "its limits are odd"),
            listeners,
            interfaces: interfaces(target),
            routes: routes(target),
            shared: links.map(|links| shared(&own, &links)),
            parameters: Parameters::open(procfs),
            cgroup: Cgroup::look(target, &myself),
        })
    }
}

impl ProcessFacts {
    /// A thread that has another right of this name than its process, whose rights are those of its first thread. `None`
    /// where all have the same, and where the name is none of a right.
    pub fn differs(&self, name: &str) -> Look<Option<i32>> {
        if !OF_THREADS.iter().any(|(known, _)| *known == name) {
            return Ok(None);
        }
        let differing = self.differing.as_ref().map_err(Clone::clone)?;
        Ok(differing.iter().find(|(known, _)| *known == name).map(|(_, thread)| *thread))
    }

    fn take(procfs: &Procfs, seen: &Candidate, own: &[Link], sockets: &[u64], room: &mut Room) -> Look<ProcessFacts> {
        let process = procfs.process(seen.pid)?;
        // The number could have gone to another process since the survey.
        if process.start_time()? != seen.started {
            return Err(LookError::Absent);
        }
        let links = links(&process);
        let status = process.status()?;
        let facts = ProcessFacts {
            pid: seen.pid,
            differing: differing(&process, &status, room),
            status,
            command: command(&process, room),
            executable: process.link("exe").map_err(denied),
            shared: links.clone().map(|links| shared(own, &links)),
            host: links.map(|links| host(own, &links)),
            uid_map: parsed(process.read("uid_map"), id_map::parse, "its map of users is odd"),
            gid_map: parsed(process.read("gid_map"), id_map::parse, "its map of groups is odd"),
            sockets: held(&process, sockets, room),
        };
        // It could have ended on the way; what is then missing is no fact of it.
        if process.start_time()? == seen.started { Ok(facts) } else { Err(LookError::Absent) }
    }
}

/// A refusal in words that name what would do here.
fn denied(error: LookError) -> LookError {
    if matches!(error, LookError::Denied { .. }) { LookError::Denied { right: RIGHTS } } else { error }
}

fn parsed<T>(content: Look<Vec<u8>>, parse: fn(&[u8]) -> Result<T, ParseError>, otherwise: &'static str) -> Look<T> {
    parse(&content.map_err(denied)?).map_err(|_| LookError::Unsupported(otherwise))
}

fn command(process: &Process, room: &mut Room) -> Look<Vec<Vec<u8>>> {
    let line = process.read("cmdline").map_err(denied)?;
    let too_large = |size: usize, cap: usize| LookError::TooLarge {
        what: "bytes of a command line",
        size: size as u64,
        cap: cap as u64,
    };
    if line.len() > MAX_COMMAND {
        return Err(too_large(line.len(), MAX_COMMAND));
    }
    let line = line.strip_suffix(b"\0").unwrap_or(&line);
    // Words cost more than their text, and a line can have nothing but empty ones.
    let words = line.split(|byte| *byte == 0);
    let cost = line.len() + words.clone().count() * size_of::<Vec<u8>>();
    room.commands = room.commands.checked_sub(cost).ok_or_else(|| too_large(cost, room.commands))?;
    let words = words.map(<[u8]>::to_vec);
    Ok(if line.is_empty() { Vec::new() } else { words.collect() })
}

fn listeners(target: &Process) -> Look<Vec<Listener>> {
    let mut found = Vec::new();
    for protocol in PROTOCOLS {
        let table = match target.read(&format!("net/{protocol}")) {
            // A kernel without IPv6 has no table of it.
            Err(LookError::Absent) if protocol.ends_with('6') => continue,
            table => table.map_err(denied)?,
        };
        let odd = |_| LookError::Unsupported("its table of sockets is odd");
        found.extend(sockets::listeners(protocol, &table).map_err(odd)?);
    }
    Ok(found)
}

fn interfaces(target: &Process) -> Look<Vec<Interface>> {
    // In this order: what is absent because the process is gone is an error then.
    let (inet6, dev) = (of_ipv6(target, "net/if_inet6")?, target.read("net/dev").map_err(denied)?);
    network::interfaces(&dev, inet6.as_deref()).map_err(|_| LookError::Unsupported("its table of interfaces is odd"))
}

fn routes(target: &Process) -> Look<Vec<Route>> {
    let odd = |_| LookError::Unsupported("its table of routes is odd");
    let inet6 = of_ipv6(target, "net/ipv6_route")?;
    let mut found = network::ipv4_routes(&target.read("net/route").map_err(denied)?).map_err(odd)?;
    found.extend(network::ipv6_routes(&inet6.unwrap_or_default()).map_err(odd)?);
    Ok(found)
}

/// A table that a kernel without IPv6 does not have.
fn of_ipv6(target: &Process, name: &str) -> Look<Option<Vec<u8>>> {
    match target.read(name) {
        Ok(table) => Ok(Some(table)),
        Err(LookError::Absent) => Ok(None),
        Err(error) => Err(denied(error)),
    }
}

/// Those of some sockets that a process has a descriptor of.
fn held(process: &Process, sockets: &[u64], room: &mut Room) -> Look<Vec<u64>> {
    if sockets.is_empty() {
        return Ok(Vec::new());
    }
    let names = process.names("fd").map_err(denied)?;
    let left = room.descriptors.checked_sub(names.len());
    room.descriptors = left.ok_or(LookError::TooLarge {
        what: "open descriptors of the container",
        size: (MAX_DESCRIPTORS - room.descriptors + names.len()) as u64,
        cap: MAX_DESCRIPTORS as u64,
    })?;
    let mut found = Vec::new();
    for name in names {
        let link = match process.link(&format!("fd/{}", String::from_utf8_lossy(&name))) {
            // It was closed meanwhile.
            Err(LookError::Absent) => continue,
            link => link.map_err(denied)?,
        };
        let inode = link.strip_prefix(b"socket:[").and_then(|rest| rest.strip_suffix(b"]"));
        let inode = inode.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        found.extend(inode.filter(|inode| sockets.contains(inode)));
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// What the threads of a process do not all have as its first one has it.
fn differing(process: &Process, first: &ProcStatus, room: &mut Room) -> Look<Vec<(&'static str, i32)>> {
    let mut found: Vec<(&'static str, i32)> = Vec::new();
    if first.threads == 1 {
        return Ok(found);
    }
    let names = process.names("task").map_err(denied)?;
    let left = room.threads.checked_sub(names.len());
    room.threads = left.ok_or(LookError::TooLarge {
        what: "threads of the container",
        size: (MAX_THREADS - room.threads + names.len()) as u64,
        cap: MAX_THREADS as u64,
    })?;
    for name in names {
        let name = String::from_utf8_lossy(&name);
        let status = match process.read(&format!("task/{name}/status")) {
            // It ended meanwhile.
            Err(LookError::Absent) => continue,
            status => proc_status::parse(&status.map_err(denied)?),
        };
        let status = status.map_err(|_| LookError::Unsupported("the status file of a thread is odd"))?;
        let others = OF_THREADS.iter().filter(|(_, same)| !same(first, &status)).map(|(what, _)| *what);
        for what in others {
            if !found.iter().any(|(known, _)| *known == what) {
                found.push((what, name.parse().unwrap_or_default()));
            }
        }
    }
    Ok(found)
}

/// The kind of a namespace and the text of its link.
type Link = (&'static str, Vec<u8>);

fn links(process: &Process) -> Look<Vec<Link>> {
    let mut links = Vec::new();
    for name in NAMESPACES {
        match process.link(&format!("ns/{name}")) {
            Ok(link) => links.push((name, link)),
            // This kernel has none of the kind.
            Err(LookError::Absent) => {}
            Err(error) => return Err(denied(error)),
        }
    }
    if links.is_empty() { Err(LookError::Absent) } else { Ok(links) }
}

fn shared(own: &[Link], other: &[Link]) -> Vec<&'static str> {
    other.iter().filter(|link| own.contains(link)).map(|(name, _)| *name).collect()
}

/// Which of a process's namespaces are the host's. Before Linux 6.18 the network namespace that the kernel starts with has
/// no number of its own: it is known only to a scanner that is in all the others, which stands for the host.
fn host(own: &[Link], other: &[Link]) -> Vec<(&'static str, Option<bool>)> {
    let initial = |links: &[Link], kind: &str, text: &[u8]| links.iter().any(|link| (link.0, &*link.1) == (kind, text));
    let on_host = INITIAL.iter().filter(|(kind, _)| *kind != "net").all(|(kind, text)| initial(own, kind, text));
    let is = |(kind, text): (&'static str, &[u8])| match initial(other, kind, text) {
        false if kind == "net" && !initial(own, kind, text) => on_host.then(|| shared(own, other).contains(&"net")),
        is => Some(is),
    };
    INITIAL.iter().map(|of| (of.0, is(*of))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links_of(net: &str, pid: &str) -> Vec<Link> {
        let of = |name: &'static str| {
            let (_, text) = INITIAL.iter().find(|(known, _)| *known == name).unwrap();
            (name, text.to_vec())
        };
        let number = |name: &'static str, number: &str| (name, format!("{name}:[{number}]").into_bytes());
        vec![of("ipc"), number("net", net), number("pid", pid), of("user"), of("uts")]
    }

    #[test]
    fn the_hosts_namespaces_are_known_by_their_numbers_or_by_a_scanner_on_the_host() {
        let (fixed, pid) = ("4026531833", "4026531836");
        let container = links_of("4026532300", "4026532301");
        let of = |own: &[Link], other: &[Link]| {
            let host = host(own, other);
            let of = |kind: &str| host.iter().find(|(known, _)| *known == kind).unwrap().1;
            (of("net"), of("pid"), of("uts"))
        };
        let (yes, no) = (Some(true), Some(false));
        // Since 6.18.
        assert_eq!(of(&container, &links_of(fixed, pid)), (yes, yes, yes));
        assert_eq!(of(&links_of(fixed, pid), &container), (no, no, yes));
        // Before.
        let on_host = links_of("4026531840", pid);
        assert_eq!(of(&on_host, &on_host), (yes, yes, yes));
        assert_eq!(of(&on_host, &container), (no, no, yes));
        assert_eq!(of(&container, &container), (None, no, yes));
        assert_eq!(shared(&on_host, &container), ["ipc", "user", "uts"]);
    }
}
