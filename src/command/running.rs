//! What is said of running containers: which one it is, and why one cannot be scanned.

use std::fmt;

use crate::cli::Target;
use crate::outcome::{Assurance, LiveFacts};
use crate::process::{Candidate, Live, NotLive, NotLocated, Survey, Wanted};
use crate::protect::{Measure, Observer};
use crate::report::harmless_line;
use crate::value::lossless;

/// A container in one line: what Kubernetes calls it, its id, its process.
pub(super) fn whereabouts(candidate: &Candidate) -> String {
    let mut words = Vec::new();
    if let Some((pod, name)) = &candidate.kubernetes {
        words.push(format!("container {name} of pod {pod}"));
    }
    if let Some(container) = &candidate.container {
        words.push(format!("{}://{}", container.engine.unwrap_or("container"), container.id));
    }
    words.push(format!("process {}", candidate.pid));
    words.join(", ")
}

/// Why a running container cannot be scanned, and what to do next.
pub(super) struct NotLiveWords<'a>(&'a NotLive, &'a Wanted);

impl<'a> NotLiveWords<'a> {
    /// Before a scan of what was wanted.
    pub(super) fn of(error: &'a NotLive, wanted: &'a Wanted) -> NotLiveWords<'a> {
        NotLiveWords(error, wanted)
    }

    /// After a scan.
    pub(super) fn again(error: &'a NotLive) -> NotLiveWords<'a> {
        NotLiveWords(error, &Wanted::Auto)
    }
}

/// What the report says of a running container.
pub(super) fn live_facts(live: &Live, target: &Target, measures: &[Measure], observers: &[Observer]) -> LiveFacts {
    let Candidate { pid, uid, gid, container, kubernetes, .. } = &live.candidate;
    let text = |bytes: &[u8]| lossless(bytes);
    let root = live.facts.mount.as_ref();
    LiveFacts {
        pid: *pid,
        owner: (*uid, *gid),
        started: live.facts.started,
        container: container.as_ref().map(|container| container.id.clone()),
        kubernetes: kubernetes.clone(),
        namespaces: [text(&live.facts.user_namespace), text(&live.facts.mount_namespace)],
        root: root.map(|mount| (mount.id, text(&mount.kind), text(&mount.root))),
        place: live.facts.place,
        hint: matches!(target.place.target, Some(Wanted::Executable(_) | Wanted::Command(_))),
        doubts: live.doubts.iter().map(ToString::to_string).collect(),
        other_roots: live.other_roots.clone(),
        unseen_roots: live.unseen_roots,
        protection: measures.iter().map(|one| (one.name.to_owned(), one.in_force, one.words.clone())).collect(),
        observers: observers.iter().map(ToString::to_string).collect(),
    }
}

/// How far results on this target can be trusted.
pub(super) fn assurance(target: &Target, live: Option<&Live>) -> Assurance {
    match live {
        Some(live) if live.is_same_user() => Assurance::LiveSameUser,
        Some(_) => Assurance::LiveOtherUser,
        None if target.place.image.is_some() => Assurance::Image,
        None => Assurance::Directory,
    }
}

impl fmt::Display for NotLiveWords<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            NotLive::NotLocated(NotLocated::None, survey) => not_found(out, self.1, survey),
            NotLive::NotLocated(NotLocated::Several(candidates), _) => {
                writeln!(out, "{} containers fit, and none is taken by guess:", candidates.len())?;
                write!(out, "{}", Table(candidates))?;
                write!(out, "\n  = help: choose one with --pid PID, --target name=NAME or --target id=ID")
            }
            NotLive::NotLocated(NotLocated::Unsure(candidate), survey) => {
                write!(
                    out,
                    "this container fits, and whether another one does cannot be told, so none is taken by guess:\n{}",
                    Table(std::slice::from_ref(candidate))
                )?;
                for gap in unsure(self.1, survey) {
                    write!(out, "\n  - {gap}")?;
                }
                write!(out, "\n  = help: choose it with --pid {}", candidate.pid)?;
                if let Some(container) = &candidate.container {
                    write!(out, " or --target id={}", container.id)?;
                }
                Ok(())
            }
            NotLive::Denied(candidate, access) => {
                write!(out, "{}: the kernel does not let this scanner look into it", whereabouts(candidate))?;
                for missing in &access.missing {
                    write!(out, "\n  - {missing}")?;
                }
                for (place, way) in access.ways.iter().enumerate() {
                    let lead = if place == 0 { "run it" } else { "or" };
                    write!(out, "\n  = help: {lead} {way}")?;
                }
                Ok(())
            }
            NotLive::Doubtful(candidate, doubts) => {
                write!(out, "{}: target root replaced: it may not be the root of a container", whereabouts(candidate))?;
                for doubt in doubts {
                    write!(out, "\n  - {doubt}")?;
                }
                write!(out, "\n  = help: to scan it all the same, give --accept-root; the report says so then")
            }
            NotLive::Ended(pid) => write!(out, "process {pid} ended: there is no whole scan of it"),
            NotLive::Look(error) => write!(out, "the processes of this system cannot be looked at: {error}"),
        }
    }
}

/// Why another container could fit as well.
fn unsure(wanted: &Wanted, survey: &Survey) -> Vec<String> {
    let mut gaps = survey.gaps();
    if gaps.is_empty() && matches!(wanted, Wanted::Executable(_)) {
        gaps.push(
            "another container has processes whose executables this scanner may not see; uid 0 with CAP_SYS_PTRACE may"
                .to_owned(),
        );
    }
    gaps
}

fn not_found(out: &mut fmt::Formatter<'_>, wanted: &Wanted, survey: &Survey) -> fmt::Result {
    let what = match wanted {
        Wanted::Auto => "another container".to_owned(),
        Wanted::Pid(pid) => format!("process {pid}"),
        Wanted::Name(name) => format!("a container with the name {}", harmless_line(name)),
        Wanted::Id(id) => format!("a container with the id {id}"),
        Wanted::Executable(path) => format!("a container with the executable {}", harmless_line(&lossless(path))),
        Wanted::Command(_) => "a container with such a command line".to_owned(),
    };
    write!(out, "target process not found: this process namespace does not show {what}")?;
    write!(
        out,
        "\n  - looked at {} processes in {} other containers, {} in the scanner's own",
        survey.processes.len(),
        survey.containers.len(),
        survey.own.len()
    )?;
    for gap in survey.gaps() {
        write!(out, "\n  - {gap}")?;
    }
    if survey.containers.is_empty() {
        write!(
            out,
            "\n  = help: the scanner must share the target's process namespace (shareProcessNamespace, or an ephemeral container with targetContainerName), or run on its host"
        )
    } else {
        write!(out, "\n{}", Table(&survey.containers))
    }
}

/// Containers for people, one line each.
pub(super) struct Table<'a>(pub(super) &'a [Candidate]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "  {:>7} {:>11} {:>9} {:>5}  {:<14} {:<12} {:<16} COMMAND",
            "PID", "UID:GID", "STARTED", "PROCS", "ROOT MOUNT", "ID", "NAME"
        )?;
        for seen in self.0 {
            let id = seen.container.as_ref().and_then(|container| container.id.get(..12)).unwrap_or("-");
            let name = seen.kubernetes.as_ref().map_or("-", |(_, name)| name.as_str());
            let command = seen.executable.as_ref().map(|path| lossless(path));
            let command = command.unwrap_or_else(|| lossless(&seen.words().join(&b' ')));
            let owner = format!("{}:{}", seen.uid, seen.gid);
            let root = seen.root.as_ref().map(|root| format!("{} {}", root.id, harmless_line(&lossless(&root.kind))));
            let root = root.unwrap_or_else(|| "-".to_owned());
            let mut command = harmless_line(&command);
            if let Some((end, _)) = command.char_indices().nth(60) {
                command.truncate(end);
                command.push('…');
            }
            write!(
                out,
                "\n  {:>7} {owner:>11} {:>9} {:>5}  {root:<14} {id:<12} {name:<16} {command}",
                seen.pid, seen.started, seen.processes
            )?;
        }
        Ok(())
    }
}
