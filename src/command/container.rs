//! The container that `--container` names: by the files of this host's engines, to an id that the kernel knows.

use std::path::Path;

use crate::engines::{Caller, Known, NotKnown, Place, find, places};
use crate::process::{NotLive, NotLocated, Wanted};
use crate::report::harmless_line;
use crate::rootfs::{Resolver, Root};

/// How many names of one place a message shows.
const SHOWN: usize = 20;

/// What the engines know of a container. In words, why none was chosen.
pub(super) fn known(name: &str) -> Result<Known, String> {
    let host = Root::open(Path::new("/"), Resolver::Auto).map_err(|error| error.to_string())?;
    let places = places(&host, &caller());
    let found = find(&places, name);
    let name = harmless_line(name);
    match found {
        Ok(known) if known.has_whole_id() => Ok(known),
        Ok(known) => Err(format!(
            "container {}: control groups do not show ids like this one, so which processes are its own cannot be told\n  = help: choose its process with --pid PID",
            line(&known)
        )),
        Err(NotKnown::None) => Err(format!("the engines of this host know no container {name}{}", looked(&places))),
        Err(NotKnown::Several(several)) => {
            let rows: String = several.iter().map(|known| format!("\n  - {}", line(known))).collect();
            Err(format!(
                "{} containers are called {name}, and none is taken by guess:{rows}\n  = help: give its id in place of its name",
                several.len()
            ))
        }
        Err(NotKnown::Unsure(known)) => Err(format!(
            "container {}: whether another one is called {name}, too, cannot be told{}\n  = help: give its id in place of its name",
            line(&known),
            looked(&places)
        )),
    }
}

/// How its processes are found: by the kernel's control groups.
pub(super) fn wanted(known: &Known) -> Wanted {
    Wanted::Id(known.id.clone())
}

/// Why a known container cannot be looked at, where that is because none of its processes can be seen.
pub(super) fn not_running(known: &Known, error: &NotLive) -> Option<String> {
    let NotLive::NotLocated(NotLocated::None, survey) = error else { return None };
    let mut words = format!(
        "container {}: no process is in a control group of its id; it does not run, or not where this scanner sees it\n  - looked at {} processes in {} other containers, {} in the scanner's own",
        line(known),
        survey.processes.len(),
        survey.containers.len(),
        survey.own.len()
    );
    words.extend(survey.gaps().iter().map(|gap| format!("\n  - {gap}")));
    Some(words)
}

fn line(known: &Known) -> String {
    let name = known.names.first().map_or("without a name", String::as_str);
    let pod = known.pod.as_ref().map(|pod| format!(" of pod {pod}")).unwrap_or_default();
    harmless_line(&format!("{name}{pod} ({}, id {})", known.engine, known.id))
}

/// Where it was looked, and what is there.
fn looked(places: &[Place]) -> String {
    let mut words = String::new();
    for place in places {
        let lead = format!("\n  - {}, {}", place.engine, harmless_line(&place.path));
        let mut names: Vec<&str> =
            place.containers.iter().map(|known| known.names.first().unwrap_or(&known.id).as_str()).collect();
        names.sort_unstable();
        let more = names.len().saturating_sub(SHOWN);
        names.truncate(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        if !names.is_empty() {
            words.push_str(&format!("{lead}: {}{more}", harmless_line(&names.join(", "))));
        } else if place.gaps.is_empty() {
            words.push_str(&format!("{lead}: no containers"));
        }
        for (path, gap) in &place.gaps {
            words.push_str(&format!("\n  - {}, {}: {gap}", place.engine, harmless_line(path)));
        }
    }
    words
}

/// Who runs this program, and what engines ask their callers' environment for.
fn caller() -> Caller {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let uid = nix::unistd::geteuid();
    let conf = set("CONTAINERS_STORAGE_CONF").and_then(|path| std::path::absolute(path).ok());
    Caller {
        uid: uid.as_raw(),
        name: set("USER"),
        home: set("HOME"),
        config: set("XDG_CONFIG_HOME"),
        data: set("XDG_DATA_HOME"),
        runtime: set("XDG_RUNTIME_DIR"),
        storage_conf: conf.map(|path| path.to_string_lossy().into_owned()),
    }
}
