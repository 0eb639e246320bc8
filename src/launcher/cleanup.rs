//! `kubectl assay cleanup`: what runs have left, found by their labels.

use std::time::{SystemTime, UNIX_EPOCH};

use kube::api::DynamicObject;

use crate::exit_code::ExitCode;
use crate::launcher::cli::Cleanup;
use crate::launcher::connect::connect;
use crate::launcher::ledger::{Entry, clean, find};
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
    let entries: Vec<Entry> = found.into_iter().filter(|(_, object)| old(object)).map(|(entry, _)| entry).collect();
    if entries.is_empty() {
        crate::command::print("nothing is left of any run\n");
        return Ok(Ending::Scan(ExitCode::Success));
    }
    let list = |verb: &str| entries.iter().map(|entry| format!("{verb} {entry}\n")).collect::<String>();
    if arguments.dry_run.is_some() {
        crate::command::print(&list("would remove"));
        return Ok(Ending::Scan(ExitCode::Success));
    }
    let left = clean(&session, entries.clone()).await;
    let gone = entries.iter().filter(|entry| !left.iter().any(|left| left.entry == **entry));
    crate::command::print(&gone.map(|entry| format!("removed {entry}\n")).collect::<String>());
    for left in &left {
        tell(&format_args!("error: left over: {}: {}", left.entry, left.why.what));
    }
    Ok(if left.is_empty() { Ending::Scan(ExitCode::Success) } else { Ending::LeftOver })
}
