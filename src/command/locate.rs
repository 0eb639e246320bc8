//! `assay locate`: which process is the container that is meant, and what it takes to look into it.

use serde_json::{Value as Json, json};

use crate::cli::{Locate, LocateFormat};
use crate::command::running::{NotLiveWords, Table, whereabouts};
use crate::command::{complain, container, print};
use crate::exit_code::ExitCode;
use crate::process::{Access, Candidate, Doubt, Live, NotLive, NotLocated, Procfs, Wanted, Way, explain};
use crate::value::lossless;

/// A container that was found, and whether it can be scanned.
struct Found {
    candidate: Candidate,
    access: Access,
    reachable: bool,
    doubts: Vec<Doubt>,
}

pub(super) fn run(arguments: &Locate) -> ExitCode {
    let known = match arguments.container.as_deref().map(container::known).transpose() {
        Ok(known) => known,
        Err(why) => return failed(arguments, &why, not_known()),
    };
    let by_process = || arguments.pid.map_or_else(|| arguments.target.clone(), Wanted::Pid);
    let wanted = known.as_ref().map_or_else(by_process, container::wanted);
    match found(&wanted) {
        Ok(found) if arguments.plan.is_some() => print(&format!("{:#}\n", plan(&found))),
        Ok(found) => print(&match arguments.format {
            LocateFormat::Text => text(&found),
            LocateFormat::Json => format!("{:#}\n", json(&found)),
        }),
        Err(error) => {
            let stopped = known.and_then(|known| container::not_running(&known, &error));
            let why = stopped.unwrap_or_else(|| NotLiveWords::of(&error, &wanted).to_string());
            failed(arguments, &why, not_found(&error))
        }
    }
}

fn failed(arguments: &Locate, why: &str, found: Json) -> ExitCode {
    complain(&format_args!("error: {why}"));
    let machine = arguments.plan.is_some() || arguments.format == LocateFormat::Json;
    let printed = if machine { print(&format!("{found:#}\n")) } else { ExitCode::Success };
    ExitCode::worst(&[printed, ExitCode::Target])
}

fn found(wanted: &Wanted) -> Result<Found, NotLive> {
    let procfs = Procfs::open().map_err(NotLive::Look)?;
    match Live::open(&procfs, wanted, true) {
        Ok(live) => {
            let access = explain(&live.own, live.process()).map_err(NotLive::Look)?;
            Ok(Found { candidate: live.candidate, access, reachable: true, doubts: live.doubts })
        }
        Err(NotLive::Denied(candidate, access)) => {
            Ok(Found { candidate: *candidate, access, reachable: false, doubts: Vec::new() })
        }
        Err(error) => Err(error),
    }
}

fn text(found: &Found) -> String {
    let mut text = format!("{}\n{}\n", whereabouts(&found.candidate), Table(std::slice::from_ref(&found.candidate)));
    if found.reachable {
        text.push_str("reachable: yes\n");
    } else {
        text.push_str("reachable: no\n");
        text.extend(found.access.missing.iter().map(|missing| format!("  - {missing}\n")));
    }
    for doubt in &found.doubts {
        text.push_str(&format!("its root may not be the container's: {doubt}\n"));
    }
    text.push_str("what would do:\n");
    text.extend(found.access.ways.iter().map(|way| format!("  - {way}\n")));
    text
}

fn json(found: &Found) -> Json {
    json!({
        "target": candidate(&found.candidate),
        "reachable": found.reachable,
        "missing": found.access.missing.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "root_doubts": found.doubts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "ways": found.access.ways.iter().map(way).collect::<Vec<_>>(),
    })
}

/// What a launcher needs, in the words of a container's securityContext.
fn plan(found: &Found) -> Json {
    json!({
        "pid": found.candidate.pid,
        "reachable": found.reachable,
        "missing": found.access.missing.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "ways": found.access.ways.iter().map(way).collect::<Vec<_>>(),
    })
}

fn way(way: &Way) -> Json {
    let add: Vec<String> =
        way.capabilities.iter().map(|name| name.strip_prefix("cap_").unwrap_or(name).to_ascii_uppercase()).collect();
    json!({
        "runAsUser": way.uid,
        "runAsGroup": way.gid,
        "runAsNonRoot": way.uid != 0,
        "capabilities": { "drop": ["ALL"], "add": add },
        "reads_all": way.reads_all,
    })
}

fn candidate(seen: &Candidate) -> Json {
    let words = |words: &[&[u8]]| words.iter().map(|word| lossless(word)).collect::<Vec<_>>();
    let root = seen.root.as_ref().map(|root| {
        json!({
            "mount_id": root.id,
            "device": format!("{}:{}", root.device.0, root.device.1),
            "filesystem": lossless(&root.kind),
            "root": lossless(&root.root),
        })
    });
    json!({
        "pid": seen.pid,
        "pid_in_its_namespace": seen.inner_pid,
        "uid": seen.uid,
        "gid": seen.gid,
        "started_ticks": seen.started,
        "executable": seen.executable.as_deref().map(lossless),
        "command": words(&seen.words()),
        "container_id": seen.container.as_ref().map(|container| container.id.clone()),
        "engine": seen.container.as_ref().and_then(|container| container.engine),
        "pod_uid": seen.kubernetes.as_ref().map(|(pod, _)| pod.clone()),
        "container_name": seen.kubernetes.as_ref().map(|(_, name)| name.clone()),
        "root": root,
        "processes": seen.processes,
    })
}

/// The same when no process was looked at, because engines know no such container.
fn not_known() -> Json {
    json!({ "target": null, "ambiguous": false, "candidates": [] })
}

/// What was looked at, when none was chosen.
fn not_found(error: &NotLive) -> Json {
    let (candidates, survey) = match error {
        NotLive::NotLocated(NotLocated::Several(several), survey) => (several.as_slice(), Some(survey)),
        NotLive::NotLocated(NotLocated::Unsure(one), survey) => (std::slice::from_ref(&**one), Some(survey)),
        NotLive::NotLocated(NotLocated::None, survey) => (survey.containers.as_slice(), Some(survey)),
        _ => (&[][..], None),
    };
    json!({
        "target": null,
        "ambiguous": matches!(error, NotLive::NotLocated(NotLocated::Several(_) | NotLocated::Unsure(_), _)),
        "candidates": candidates.iter().map(candidate).collect::<Vec<_>>(),
        "processes_seen": survey.map(|survey| survey.processes.len() + survey.own.len()),
        "processes_unseen": survey.map(|survey| survey.unseen),
        "gaps": survey.map_or_else(Vec::new, |survey| survey.gaps()),
        "hidepid": survey.map(|survey| survey.hidden),
    })
}
