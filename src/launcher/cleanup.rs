//! `kubectl assay cleanup`: what runs have left, found by their labels.

use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DynamicObject, ListParams};

use crate::exit_code::ExitCode;
use crate::launcher::cli::Cleanup;
use crate::launcher::connect::{Session, connect};
use crate::launcher::debug::CONTAINER;
use crate::launcher::exec::Place;
use crate::launcher::ledger::{Entry, clean, find};
use crate::launcher::manifest::{EXPIRES, RUN_LABEL};
use crate::launcher::release::end;
use crate::launcher::steps::tell;
use crate::launcher::trouble::{Ending, Trouble};

/// Finds and removes what runs have left.
pub async fn run(arguments: &Cleanup) -> Ending {
    match remove(arguments).await {
        Ok(ending) => ending,
        Err(trouble) => {
            tell(&trouble);
            trouble.ending
        }
    }
}

async fn remove(arguments: &Cleanup) -> Result<Ending, Trouble> {
    let (session, namespace) = connect(&arguments.connection, "cleanup").await?;
    let place = (!arguments.all_namespaces).then_some(namespace.as_str());
    let found = find(&session, place, arguments.run.as_deref()).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let old = |object: &DynamicObject| match (arguments.older_than, &object.metadata.creation_timestamp) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(age), Some(made)) => {
            let made = u64::try_from(made.0.as_second()).unwrap_or(u64::MAX);
            now.saturating_sub(made) >= age.as_secs()
        }
    };
    let going_on =
        if arguments.run.is_none() && arguments.older_than.is_none() { unexpired(&found, now) } else { Vec::new() };
    for (run, until) in &going_on {
        tell(&format_args!(
            "run {run} may still be going on, for {} s at most; its objects stay\n  next: --run {run} removes them all the same",
            until.saturating_sub(now)
        ));
    }
    let stays = |run: Option<&str>| going_on.iter().any(|(known, _)| Some(known.as_str()) == run);
    let mut containers = waiting(&session, place, arguments, now).await?;
    containers.retain(|place| {
        let run = place.container.strip_prefix(CONTAINER);
        !stays(run) && !stays(run.and_then(|run| run.strip_suffix("-2")))
    });
    let wanted = found.iter().filter(|(_, object)| old(object) && !stays(run_of(object)));
    let entries: Vec<Entry> = wanted.map(|(entry, _)| entry.clone()).collect();
    if entries.is_empty() && containers.is_empty() {
        crate::command::print(if going_on.is_empty() {
            "nothing is left of any run\n"
        } else {
            "nothing else is left of any run\n"
        });
        return Ok(Ending::Scan(ExitCode::Success));
    }
    let list = |verb: &str| entries.iter().map(|entry| format!("{verb} {entry}\n")).collect::<String>();
    let name =
        |place: &Place| format!("container {} of pod {} in namespace {}", place.container, place.pod, place.namespace);
    if arguments.dry_run.is_some() {
        crate::command::print(
            &containers.iter().map(|place| format!("would end {}\n", name(place))).collect::<String>(),
        );
        crate::command::print(&list("would remove"));
        return Ok(Ending::Scan(ExitCode::Success));
    }
    let mut all_ended = true;
    for place in &containers {
        match end(&session, place).await {
            Ok(seen) => {
                crate::command::print(&format!("{seen}\n"));
            }
            Err(trouble) => {
                all_ended = false;
                tell(&format_args!("error: left over: {}: {}", name(place), trouble.what));
            }
        }
    }
    let left = clean(&session, entries.clone()).await;
    let gone = entries.iter().filter(|entry| !left.iter().any(|left| left.entry == **entry));
    crate::command::print(&gone.map(|entry| format!("removed {entry}\n")).collect::<String>());
    for left in &left {
        tell(&format_args!("error: left over: {}: {}", left.entry, left.why.what));
    }
    Ok(if left.is_empty() && all_ended { Ending::Scan(ExitCode::Success) } else { Ending::LeftOver })
}

fn run_of(object: &DynamicObject) -> Option<&str> {
    object.metadata.labels.as_ref()?.get(RUN_LABEL).map(String::as_str)
}

/// Runs whose time is not over, by their records, and when it is.
fn unexpired(found: &[(Entry, DynamicObject)], now: u64) -> Vec<(String, u64)> {
    let runs = found.iter().filter_map(|(_, object)| {
        let until = object.metadata.annotations.as_ref()?.get(EXPIRES)?.parse().ok()?;
        Some((run_of(object)?.to_owned(), until))
    });
    runs.filter(|(_, until)| *until > now).collect()
}

/// Ephemeral containers of runs that still wait. They have no labels of their own, so they are known by their names.
async fn waiting(
    session: &Session,
    namespace: Option<&str>,
    arguments: &Cleanup,
    now: u64,
) -> Result<Vec<Place>, Trouble> {
    let api: Api<Pod> = match namespace {
        Some(namespace) => Api::namespaced(session.client.clone(), namespace),
        None => Api::all(session.client.clone()),
    };
    let pods = session.ask("list pods", api.list(&ListParams::default())).await?;
    let mut found = Vec::new();
    for pod in pods.items {
        let statuses = pod.status.and_then(|status| status.ephemeral_container_statuses).unwrap_or_default();
        for status in statuses {
            let Some(run) = status.name.strip_prefix(CONTAINER) else { continue };
            let Some(running) = status.state.and_then(|state| state.running) else { continue };
            let started = running.started_at.and_then(|time| u64::try_from(time.0.as_second()).ok());
            let age = started.map_or(0, |started| now.saturating_sub(started));
            let second = arguments.run.as_deref().is_some_and(|wanted| run.strip_prefix(wanted) == Some("-2"));
            let wanted = arguments.run.as_deref().is_none_or(|wanted| wanted == run) || second;
            if wanted && arguments.older_than.is_none_or(|limit| age >= limit.as_secs()) {
                found.push(Place {
                    namespace: pod.metadata.namespace.clone().unwrap_or_default(),
                    pod: pod.metadata.name.clone().unwrap_or_default(),
                    container: status.name,
                    pod_uid: pod.metadata.uid.clone(),
                });
            }
        }
    }
    Ok(found)
}
