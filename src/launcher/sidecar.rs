//! The way `sidecar`: the image runs in a pod of the scan's own, with the scanner beside it.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep};

use crate::launcher::approach::Way;
use crate::launcher::attach::{Seen, look, probe};
use crate::launcher::cli::ScanWithSidecar;
use crate::launcher::connect::Session;
use crate::launcher::debug::{another, plan};
use crate::launcher::exec::Place;
use crate::launcher::ledger::Kind;
use crate::launcher::manifest::{SCANNER, Security, Sidecar, TARGET};
use crate::launcher::rbac::scan_rules;
use crate::launcher::rights;
use crate::launcher::scan::{AGENT, Attached, Context, facts};
use crate::launcher::target::Identity;
use crate::launcher::trouble::{Reason, Trouble};

/// The user of distroless images, which is tried where none is named.
const NONROOT: Identity = Identity { user: 65532, group: 65532 };
/// How often it is looked for a target that has not started yet.
const LOOK: Duration = Duration::from_millis(200);

/// Starts the pod, as whoever may look into the target, and waits until the scanner takes commands.
pub async fn attach(context: &Context<'_>, arguments: &ScanWithSidecar) -> Result<Attached, Trouble> {
    let run = &context.run;
    let name = run.sidecar_pod_name();
    let rules = scan_rules(Way::Sidecar, &name, context.minor);
    let (scanner, owner) = rights::begin_with_pod(context, &rules).await?;
    for object in files(context, Some(&owner)) {
        context.ledger.make(&context.caller, Kind::ConfigMap, object).await?;
    }
    context.ledger.make(&context.caller, Kind::NetworkPolicy, run.network_policy(Some(&owner))).await?;
    let mut security = Security { identity: arguments.run_as.map_or(NONROOT, identity), read_all: false };
    let mut tried = Vec::new();
    loop {
        let pod = run.sidecar_pod(&sidecar(arguments), &security, Some(&owner));
        let made = context.ledger.make(&context.caller, Kind::Pod, pod).await.map_err(refused)?;
        context.steps.done(&format!("made pod {name}"));
        context.steps.waiting("waiting for the pod");
        tried.push(security.identity);
        let place =
            Place { namespace: run.namespace.clone(), pod: name.clone(), container: SCANNER.to_owned(), pod_uid: None };
        let (session, plan) = locate(context, &scanner, &place).await?;
        context.steps.done("the target runs, and the scanner takes commands");
        if plan.get("reachable") == Some(&Json::Bool(true)) {
            let mut facts = facts(context, Way::Sidecar, &rules);
            if let Some(facts) = facts.as_object_mut() {
                facts.insert("image".to_owned(), json!(arguments.reference));
                let Identity { user, group } = security.identity;
                facts.insert("runs_as".to_owned(), json!({ "user": user, "group": group }));
            }
            return Ok(Attached {
                scanner: session,
                location: format!("k8s-container://{}/{name}/{TARGET}", run.namespace),
                place,
                target: vec!["--target".to_owned(), format!("name={TARGET}")],
                container_id: None,
                pod_uid: made.metadata.uid,
                facts,
            });
        }
        security.identity = another(TARGET, &plan, &tried, false).map_err(|trouble| Trouble {
            next: Some(
                "--run-as UID:GID runs both as one user; kubectl assay scan-image scans the image as it was built"
                    .to_owned(),
            ),
            ..trouble
        })?;
        context.steps.done("the image has another user; the pod is made again");
        context.ledger.remove_kind(&context.caller, Kind::Pod).await?;
    }
}

/// What would be made.
pub fn planned(context: &Context<'_>, arguments: &ScanWithSidecar) -> Vec<Json> {
    let run = &context.run;
    let security = Security { identity: arguments.run_as.map_or(NONROOT, identity), read_all: false };
    let mut objects = rights::planned(context, Way::Sidecar, &run.sidecar_pod_name());
    objects.extend(files(context, None));
    objects.push(run.network_policy(None));
    objects.push(run.sidecar_pod(&sidecar(arguments), &security, None));
    objects
}

/// Profile and threshold, for those who scan again by hand in a pod that was kept.
fn files(context: &Context<'_>, owner: Option<&Json>) -> [Json; 2] {
    let run = &context.run;
    [
        run.config_map(&format!("inspec-profile-{}", run.id), &context.payload.file(), owner),
        run.config_map(&format!("inspec-threshold-{}", run.id), &context.payload.threshold_file(), owner),
    ]
}

fn sidecar(arguments: &ScanWithSidecar) -> Sidecar {
    Sidecar {
        reference: arguments.reference.clone(),
        command: arguments.command.clone(),
        run_as: arguments.run_as,
        pull_secrets: arguments.pull_secret.clone(),
    }
}

fn identity((user, group): (i64, i64)) -> Identity {
    Identity { user, group }
}

fn refused(trouble: Trouble) -> Trouble {
    if trouble.reason != Reason::Admission {
        return trouble;
    }
    trouble.with_next(
        "kubectl assay scan-image scans the image as it was built, as any user, also under Pod Security `restricted`",
    )
}

/// Asks the agent whether it may look into the target, until the target runs.
async fn locate(context: &Context<'_>, scanner: &Session, place: &Place) -> Result<(Session, Json), Trouble> {
    let command = [AGENT, "locate", "--target", "name=target", "--plan", "json"];
    let api: Api<Pod> = Api::namespaced(context.caller.client.clone(), &place.namespace);
    loop {
        let (session, answer) = probe(scanner, place, &command, context.start_by).await?;
        if let Some(plan) = plan(&answer) {
            return Ok((session, plan));
        }
        let pod = context.caller.ask(&format!("look at pod {}", place.pod), api.get(&place.pod)).await?;
        match look(&pod, TARGET) {
            Seen::Ended(trouble) => {
                return Err(Trouble::target(trouble.what).with_next(
                    "it must run while it is scanned: give it a command that waits (-- COMMAND), or scan the image as it was built: kubectl assay scan-image",
                ));
            }
            Seen::Never(trouble) => return Err(trouble),
            Seen::Running | Seen::Waiting(_) if Instant::now() < context.start_by => sleep(LOOK).await,
            Seen::Running => {
                return Err(Trouble::target(format!(
                    "the process of the target was not found:\n  {}",
                    answer.stderr.trim()
                )));
            }
            Seen::Waiting(why) => {
                return Err(Trouble::new(format!("the target did not start in time: {why}"))
                    .with_next("--start-timeout gives it longer"));
            }
        }
    }
}
