//! Which process is the container that is meant.
//!
//! Everything that decides is the kernel's word, which any user can read: control groups, tables of mounts, start times.
//! Names and command lines are the target's own words: they are hints, and only those who ask by them get them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::order;
use crate::parse::container_id::{ContainerId, kubernetes_name, of_cgroup};
use crate::parse::mountinfo::Mount;
use crate::pattern::Pattern;
use crate::process::{Own, Process, Procfs};
use crate::rootfs::{Look, LookError};

/// The most processes that are looked through.
const MAX_PROCESSES: usize = 50_000;
/// How much of a command line, or of an executable's path, is taken; and of all together. They are hints, and their length is
/// the target's choice.
const MAX_HINT: usize = 1 << 10;
const MAX_HINTS: usize = 16 << 20;
/// How often it is looked again at a process that is ending, and after which time; and in all, so that processes which stay
/// so cost little.
const LOOKS_AT_ONE: u32 = 5;
const PAUSE: Duration = Duration::from_millis(2);
const LATER_LOOKS: u32 = 25;

/// What is said of a procfs that does not show all.
const HIDDEN: &str =
    "/proc hides processes that this scanner may not look into (hidepid); uid 0 with CAP_SYS_PTRACE sees all";

/// The container that is meant.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// The only one that this PID namespace shows beside the scanner's own.
    Auto,
    /// The process of this number.
    Pid(i32),
    /// The container of this name, by Kubernetes.
    Name(String),
    /// The container of this id, or whose id begins so.
    Id(String),
    /// The container with a process whose executable is at this path. A hint: the container's owner chooses it.
    Executable(Vec<u8>),
    /// The container with a process whose command line has this pattern. A hint, too.
    Command(Pattern),
}

/// A process, by what everybody can read of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Its number here.
    pub pid: i32,
    /// Its number in its own PID namespace.
    pub inner_pid: i32,
    /// Its effective user.
    pub uid: u32,
    /// Its effective group.
    pub gid: u32,
    /// When it started, in clock ticks since the machine did.
    pub started: u64,
    /// Its executable; `None` where the scanner may not see it.
    pub executable: Option<Vec<u8>>,
    /// The beginning of its command line, as it shows it: words that end with NUL.
    pub command: Vec<u8>,
    /// The container that its control group is of.
    pub container: Option<ContainerId>,
    /// The pod's uid and the container's name, by the kubelet's mount.
    pub kubernetes: Option<(String, String)>,
    /// The mount of its root.
    pub root: Option<Mount>,
    /// How many processes its container has.
    pub processes: usize,
}

/// What a PID namespace shows.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// The first process of each container but the scanner's own, by pid.
    pub containers: Vec<Candidate>,
    /// The processes in them, by pid.
    pub processes: Vec<Candidate>,
    /// The processes of the scanner's own container, itself among them.
    pub own: Vec<Candidate>,
    /// How many processes did not let themselves be looked at.
    pub unseen: usize,
    /// Whether there may be processes that this procfs does not show to the scanner (hidepid).
    pub hidden: bool,
}

/// Why no process was chosen.
#[derive(Clone, Debug)]
pub enum NotLocated {
    /// None is what was meant.
    None,
    /// More than one is.
    Several(Vec<Candidate>),
    /// This one is, and so could be others: not every process let itself be seen.
    Unsure(Box<Candidate>),
}

/// What makes processes one container, the surest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Id(String),
    Name(String, String),
    RootMount(Option<u64>),
}

impl Candidate {
    fn look(process: &Process) -> Look<Candidate> {
        let status = process.status()?;
        if matches!(status.state, b'Z' | b'X') && status.threads > 1 {
            // It goes on, and its folder in /proc tells of the thread that ended.
            return Err(LookError::Unsupported("its first thread ended, and others run"));
        }
        if status.kernel_thread == Some(true) || matches!(status.state, b'Z' | b'X') {
            return Err(LookError::Absent);
        }
        let mounts = process.mounts()?;
        let kubernetes = mounts.iter().find_map(|mount| kubernetes_name(&mount.root));
        let root = mounts.iter().rfind(|mount| mount.point == b"/").cloned();
        Ok(Candidate {
            pid: process.pid,
            inner_pid: status.namespace_pids.last().copied().unwrap_or(process.pid),
            uid: status.uids[1],
            gid: status.gids[1],
            started: process.start_time()?,
            executable: process.link("exe").ok().filter(|path| path.len() <= MAX_HINT),
            command: process.start_of("cmdline", MAX_HINT).unwrap_or_default(),
            container: of_cgroup(&process.read("cgroup")?),
            kubernetes: kubernetes.map(|(pod, name)| (pod.to_owned(), name.to_owned())),
            // What it was made of can be long, and tells nothing here.
            root: root.map(|root| Mount { options: Vec::new(), filesystem_options: Vec::new(), ..root }),
            processes: 1,
        })
    }

    /// The beginning of its command line as words.
    pub fn words(&self) -> Vec<&[u8]> {
        let line = self.command.strip_suffix(b"\0").unwrap_or(&self.command);
        if line.is_empty() { Vec::new() } else { line.split(|byte| *byte == 0).collect() }
    }

    fn pod(&self) -> Option<&str> {
        self.kubernetes.as_ref().map(|(pod, _)| pod.as_str())
    }

    fn group(&self) -> Group {
        match (&self.container, &self.kubernetes) {
            (Some(container), _) => Group::Id(container.id.clone()),
            (None, Some((pod, name))) => Group::Name(pod.clone(), name.clone()),
            (None, None) => Group::RootMount(self.root.as_ref().map(|root| root.id)),
        }
    }
}

/// Looks at all processes that this procfs shows.
///
/// Errors: /proc itself does not let itself be looked at; there is more than is kept. A process that ends meanwhile is
/// left out.
pub fn survey(procfs: &Procfs, scanner: &Own) -> Look<Survey> {
    let own = Candidate::look(&procfs.myself()?)?;
    let pids = procfs.pids()?;
    if pids.len() > MAX_PROCESSES {
        let size = pids.len() as u64;
        return Err(LookError::TooLarge { what: "processes", size, cap: MAX_PROCESSES as u64 });
    }
    let mut survey = Survey { hidden: !scanner.sees_all || !pids.contains(&1), ..Survey::default() };
    let mut hints = 0;
    let mut patience = LATER_LOOKS;
    for pid in pids {
        match look(procfs, pid, &mut patience) {
            Ok(seen) => {
                hints += seen.command.len() + seen.executable.as_ref().map_or(0, Vec::len);
                if hints > MAX_HINTS {
                    let (size, cap) = (hints as u64, MAX_HINTS as u64);
                    return Err(LookError::TooLarge { what: "bytes of names of processes", size, cap });
                }
                survey.processes.push(seen);
            }
            Err(LookError::Absent) => {}
            Err(LookError::Exhausted(errno)) => return Err(LookError::Exhausted(errno)),
            Err(_) => survey.unseen += 1,
        }
    }
    survey.leave_out(&own);
    Ok(survey)
}

/// Looks at a process; once more, a little later, at one that shows nothing for a moment because it is ending.
fn look(procfs: &Procfs, pid: i32, patience: &mut u32) -> Look<Candidate> {
    let once = || procfs.process(pid).and_then(|process| Candidate::look(&process));
    let mut seen = once();
    for _ in 0..LOOKS_AT_ONE {
        match &seen {
            Ok(_) | Err(LookError::Absent | LookError::Exhausted(_)) => break,
            Err(_) if *patience == 0 => break,
            Err(_) => {}
        }
        *patience -= 1;
        std::thread::sleep(PAUSE);
        seen = once();
    }
    seen
}

impl Survey {
    /// Keeps what is not of the scanner's own container, and finds the first process of each other one.
    fn leave_out(&mut self, own: &Candidate) {
        let of_own = |seen: &Candidate| {
            let root = |of: &Candidate| of.root.as_ref().map(|root| root.id);
            // Two whose tables have no root (chroot) need not have the same.
            let same_group = seen.group() == own.group() && own.group() != Group::RootMount(None);
            seen.pid == own.pid || same_group || (root(seen) == root(own) && root(own).is_some())
        };
        (self.own, self.processes) = std::mem::take(&mut self.processes).into_iter().partition(of_own);
        let mut groups: BTreeMap<Group, Candidate> = BTreeMap::new();
        for seen in &self.processes {
            groups
                .entry(seen.group())
                .and_modify(|first| {
                    let processes = first.processes + 1;
                    if (seen.started, seen.pid) < (first.started, first.pid) {
                        *first = seen.clone();
                    }
                    first.processes = processes;
                })
                .or_insert_with(|| seen.clone());
        }
        self.containers = groups.into_values().collect();
        order::sort(&mut self.containers, &|a, b| a.pid.cmp(&b.pid));
    }

    /// The first process of the container that is meant; for a pid that very process.
    pub fn choose(&self, wanted: &Wanted) -> Result<Candidate, NotLocated> {
        if let Wanted::Pid(pid) = wanted {
            // One of the scanner's own container, too: what is wrong with it is said when its root is looked at.
            return self
                .processes
                .iter()
                .chain(&self.own)
                .find(|seen| seen.pid == *pid)
                .cloned()
                .ok_or(NotLocated::None);
        }
        let fits = |first: &&Candidate| match wanted {
            Wanted::Auto => true,
            Wanted::Pid(pid) => first.pid == *pid,
            Wanted::Name(name) => first.kubernetes.as_ref().is_some_and(|(_, known)| known == name),
            Wanted::Id(id) => first.container.as_ref().is_some_and(|known| known.id.starts_with(id.as_str())),
            Wanted::Executable(path) => self.any_of(first, |seen| seen.executable.as_ref() == Some(path)),
            Wanted::Command(pattern) => self.any_of(first, |seen| pattern.is_match(&seen.words().join(&b' '))),
        };
        let mut found: Vec<&Candidate> = self.containers.iter().filter(fits).collect();
        if matches!(wanted, Wanted::Auto) && found.len() > 1 {
            found = Self::apart_from_the_pods_own(found);
        }
        match found.as_slice() {
            [] => Err(NotLocated::None),
            [only] if self.is_the_only_one(only, wanted) => Ok((*only).clone()),
            [only] => Err(NotLocated::Unsure(Box::new((*only).clone()))),
            several => Err(NotLocated::Several(several.iter().copied().cloned().collect())),
        }
    }

    /// Whether no container that was not seen, or not wholly, could be meant as well.
    fn is_the_only_one(&self, found: &Candidate, wanted: &Wanted) -> bool {
        let all_seen = !self.hidden && self.unseen == 0;
        match wanted {
            Wanted::Pid(_) | Wanted::Id(_) => true,
            // The namespace is that container's, whatever else is in it.
            Wanted::Auto => all_seen || (found.pid == 1 && found.kubernetes.is_some()),
            // A pod has one container of a name, a host can have many.
            Wanted::Name(_) => all_seen || self.own.iter().any(|own| own.pod() == found.pod()),
            Wanted::Executable(_) => all_seen && !self.has_unknown_executables_beside(found),
            Wanted::Command(_) => all_seen,
        }
    }

    /// Whether another container has a process whose executable could not be seen. In a pod, what holds the namespaces
    /// (pause) does not count.
    fn has_unknown_executables_beside(&self, found: &Candidate) -> bool {
        let others = apart_from_pause(self.containers.iter().collect());
        let mut others = others.into_iter().filter(|first| first.group() != found.group());
        others.any(|first| self.any_of(first, |seen| seen.executable.is_none()))
    }

    /// When process 1 is a container of the pod, the namespace is that container's: what else is in it (debug containers)
    /// came later.
    fn apart_from_the_pods_own(found: Vec<&Candidate>) -> Vec<&Candidate> {
        let found = apart_from_pause(found);
        match found.iter().find(|first| first.pid == 1 && first.kubernetes.is_some()) {
            Some(first) => vec![first],
            None => found,
        }
    }

    /// The processes of the container that a process belongs to.
    pub(super) fn of_the_container_of(&self, one: &Candidate) -> impl Iterator<Item = &Candidate> {
        let group = one.group();
        self.processes.iter().chain(&self.own).filter(move |seen| seen.group() == group)
    }

    /// How many processes could belong to a container as well: where no control group tells, one that changes its root looks
    /// like a container of its own.
    pub(super) fn doubtful_members(&self, one: &Candidate) -> usize {
        if one.container.is_some() {
            return 0;
        }
        let group = one.group();
        let nameless = |seen: &&Candidate| seen.container.is_none() && seen.kubernetes.is_none();
        self.processes.iter().filter(nameless).filter(|seen| seen.group() != group).count()
    }

    /// The first process of the container that a process belongs to.
    pub(super) fn first_of(&self, one: &Candidate) -> Option<i32> {
        self.containers.iter().find(|first| first.group() == one.group()).map(|first| first.pid)
    }

    fn any_of(&self, first: &Candidate, is: impl Fn(&Candidate) -> bool) -> bool {
        self.of_the_container_of(first).any(is)
    }

    /// Why there may be more than was seen.
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        if self.unseen > 0 {
            gaps.push(format!("{} processes did not let themselves be looked at", self.unseen));
        }
        if self.hidden {
            gaps.push(HIDDEN.to_owned());
        }
        gaps
    }
}

/// In a pod, every container but the one that holds the namespaces (pause) has the kubelet's mount.
fn apart_from_pause(found: Vec<&Candidate>) -> Vec<&Candidate> {
    let named: Vec<&Candidate> = found.iter().copied().filter(|first| first.kubernetes.is_some()).collect();
    if named.is_empty() { found } else { named }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pid: i32, started: u64, name: Option<&str>, mount: u64) -> Candidate {
        Candidate {
            pid,
            started,
            kubernetes: name.map(|name| ("uid".to_owned(), name.to_owned())),
            root: Some(Mount { id: mount, ..Mount::default() }),
            processes: 1,
            ..Candidate::default()
        }
    }

    fn survey(processes: Vec<Candidate>) -> Survey {
        let mut survey = Survey { processes, ..Survey::default() };
        survey.leave_out(&seen(99, 500, Some("debugger"), 9));
        survey
    }

    #[test]
    fn in_a_debug_container_process_1_is_the_target() {
        let pod = survey(vec![
            seen(1, 10, Some("app"), 1),
            seen(7, 11, Some("app"), 1),
            seen(50, 90, Some("debugger-old"), 5),
            seen(99, 500, Some("debugger"), 9),
        ]);
        assert_eq!(pod.own.len(), 1);
        let chosen = pod.choose(&Wanted::Auto).unwrap();
        assert_eq!((chosen.pid, chosen.processes), (1, 2));
        assert_eq!(pod.choose(&Wanted::Name("debugger-old".to_owned())).unwrap().pid, 50);
    }

    #[test]
    fn in_a_pod_that_shares_processes_pause_is_left_out() {
        let pod = survey(vec![seen(1, 1, None, 1), seen(7, 10, Some("app"), 2), seen(8, 11, Some("app"), 2)]);
        assert_eq!(pod.choose(&Wanted::Auto).unwrap().pid, 7);
        let two = survey(vec![seen(1, 1, None, 1), seen(7, 10, Some("app"), 2), seen(8, 11, Some("log"), 3)]);
        let Err(NotLocated::Several(several)) = two.choose(&Wanted::Auto) else { panic!("a guess") };
        assert_eq!(several.iter().map(|first| first.pid).collect::<Vec<_>>(), [7, 8]);
        assert_eq!(two.choose(&Wanted::Name("log".to_owned())).unwrap().pid, 8);
        assert!(matches!(two.choose(&Wanted::Name("lo".to_owned())), Err(NotLocated::None)));
    }

    #[test]
    fn the_oldest_process_is_the_containers_first() {
        let pod = survey(vec![seen(40, 10, Some("app"), 2), seen(8, 11, Some("app"), 2)]);
        assert_eq!(pod.choose(&Wanted::Auto).unwrap().pid, 40);
        assert_eq!(pod.choose(&Wanted::Pid(8)).unwrap().pid, 8);
    }

    #[test]
    fn a_process_with_another_root_may_belong_to_a_container_without_id() {
        let mut target = seen(1, 1, None, 1);
        let two = survey(vec![target.clone(), seen(7, 10, None, 2)]);
        assert_eq!(two.doubtful_members(&target), 1);
        target.container = Some(ContainerId { engine: None, id: "0".repeat(64) });
        let two = survey(vec![target.clone(), seen(7, 10, None, 2)]);
        assert_eq!(two.doubtful_members(&target), 0, "its control group would tell");
    }

    #[test]
    fn where_not_all_is_seen_nothing_is_guessed() {
        let unsure = |survey: &Survey, wanted: &Wanted| matches!(survey.choose(wanted), Err(NotLocated::Unsure(_)));
        let id = "0".repeat(64);
        let mut app = seen(7, 10, None, 1);
        app.container = Some(ContainerId { engine: None, id: id.clone() });
        app.executable = Some(b"/app".to_vec());
        let [exe, command] = [Wanted::Executable(b"/app".to_vec()), Wanted::Command(Pattern::new("").unwrap())];
        for (hidden, unseen) in [(true, 0), (false, 1)] {
            let blind = Survey { hidden, unseen, ..survey(vec![app.clone()]) };
            assert!(!blind.gaps().is_empty());
            for wanted in [&Wanted::Auto, &exe, &command] {
                assert!(unsure(&blind, wanted), "{wanted:?}");
            }
            assert_eq!(blind.choose(&Wanted::Pid(7)).unwrap().pid, 7);
            assert_eq!(blind.choose(&Wanted::Id(id.clone())).unwrap().pid, 7);
            assert!(matches!(blind.choose(&Wanted::Pid(8)), Err(NotLocated::None)));

            // A name is unique in a pod; and a PID namespace whose first process is a container of a pod is that container's.
            let scanner = seen(99, 500, Some("debugger"), 9);
            let pod = |pid| Survey { hidden, unseen, ..survey(vec![seen(pid, 10, Some("app"), 1), scanner.clone()]) };
            let named = Wanted::Name("app".to_owned());
            assert_eq!(pod(7).choose(&named).unwrap().pid, 7);
            assert!(unsure(&pod(7), &Wanted::Auto));
            assert_eq!(pod(1).choose(&Wanted::Auto).unwrap().pid, 1);
            let elsewhere = Survey { hidden, unseen, ..survey(vec![seen(7, 10, Some("app"), 1)]) };
            assert!(unsure(&elsewhere, &named), "a host has many pods");
        }
        let whole = survey(vec![app.clone()]);
        for wanted in [&Wanted::Auto, &exe, &command] {
            assert_eq!(whole.choose(wanted).unwrap().pid, 7, "{wanted:?}");
        }
        // What cannot be seen of another one's executable could be the same.
        assert!(unsure(&survey(vec![app.clone(), seen(8, 11, None, 2)]), &exe));
    }

    #[test]
    fn who_has_no_root_in_its_table_is_not_the_scanners_container() {
        let mut survey =
            Survey { processes: vec![Candidate { root: None, ..seen(7, 10, None, 1) }], ..Survey::default() };
        survey.leave_out(&Candidate { root: None, ..seen(99, 500, None, 9) });
        assert_eq!((survey.own.len(), survey.processes.len()), (0, 1));
    }

    #[test]
    fn without_names_nothing_is_guessed() {
        let two = survey(vec![seen(1, 1, None, 1), seen(7, 10, None, 2)]);
        assert!(matches!(two.choose(&Wanted::Auto), Err(NotLocated::Several(several)) if several.len() == 2));
        assert!(matches!(survey(vec![]).choose(&Wanted::Auto), Err(NotLocated::None)));
    }
}
