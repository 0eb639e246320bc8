//! The way `debug`: an ephemeral container in the target's process namespace.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value as Json, json};
use tokio::time::sleep;

use crate::launcher::approach::Way;
use crate::launcher::attach::probe;
use crate::launcher::connect::Session;
use crate::launcher::exec::{Answer, Place, start};
use crate::launcher::manifest::Security;
use crate::launcher::rbac::scan_rules;
use crate::launcher::release::let_go;
use crate::launcher::rights;
use crate::launcher::scan::{AGENT, Attached, Context, facts};
use crate::launcher::target::{Identity, Target, takes_ephemeral_containers};
use crate::launcher::trouble::{Reason, Trouble};
use crate::report::harmless_line;

/// What the names of the containers begin with; the run's name follows.
pub const CONTAINER: &str = "debug-scanner-";
/// The user of distroless images, which is tried where the pod names none.
const NONROOT: i64 = 65532;
/// The most memory that the agent takes beside a running container.
const MEMORY: u64 = 32 << 20;
/// The least that a scan can do with.
const LEAST_MEMORY: u64 = 16 << 20;

/// What there is beside the least rights.
const WITHOUT: &str =
    "--read-all asks for root with SYS_PTRACE and DAC_READ_SEARCH; --via image scans what the image holds";

/// Adds the container, as whoever may look into the target, and waits until it takes commands.
pub async fn attach(context: &Context<'_>, pod: &Pod, target: &Target, read_all: bool) -> Result<Attached, Trouble> {
    takes_ephemeral_containers(pod)?;
    if target.user == Some(0) && !target.bare && !read_all {
        let what = format!(
            "container {} runs as root and holds capabilities, so only root with SYS_PTRACE may look into it",
            target.container
        );
        return Err(Trouble { reason: Reason::Unfit, ..Trouble::target(what) }.with_next(WITHOUT));
    }
    let rules = scan_rules(Way::Debug, &target.pod, context.minor);
    let scanner = rights::begin(context, &rules, Some(target)).await?;
    let mut security = Security { identity: first_guess(target, read_all), read_all };
    let mut tried: Vec<Identity> = Vec::new();
    loop {
        let name = container_name(context, tried.len());
        let place = Place {
            namespace: target.namespace.clone(),
            pod: target.pod.clone(),
            container: name.clone(),
            pod_uid: Some(target.pod_uid.clone()),
        };
        add(context, &scanner, target, &place, &security).await?;
        context.steps.done(&format!(
            "added container {name} as {}:{}{}",
            security.identity.user,
            security.identity.group,
            if read_all { " with SYS_PTRACE and DAC_READ_SEARCH" } else { ", without capabilities" }
        ));
        context.steps.waiting("waiting for the scanner's container");
        tried.push(security.identity);
        let (session, plan, how) = locate(context, &scanner, target, &place).await?;
        context.steps.done("the container takes commands");
        if plan.get("reachable") == Some(&Json::Bool(true)) {
            let mut facts = facts(context, Way::Debug, &rules);
            if let Some(facts) = facts.as_object_mut() {
                facts.insert("target".to_owned(), about(target));
                facts.insert("container".to_owned(), json!(name));
                facts.insert(
                    "runs_as".to_owned(),
                    json!({ "user": security.identity.user, "group": security.identity.group, "read_all": read_all }),
                );
            }
            return Ok(Attached {
                scanner: session,
                place,
                target: options(how, target),
                location: target.location(),
                container_id: Some(target.container_id.clone()),
                pod_uid: Some(target.pod_uid.clone()),
                facts,
            });
        }
        security.identity = another(&target.container, &plan, &tried, read_all)?;
        // The container that was of no use ends; Kubernetes keeps its record.
        let_go(start(&session, &place, &[AGENT, "release"], true).await).await;
    }
}

/// What would be made.
pub fn planned(context: &Context<'_>, target: &Target, read_all: bool) -> Vec<Json> {
    let security = Security { identity: first_guess(target, read_all), read_all };
    let mut objects = rights::planned(context, Way::Debug, &target.pod);
    let container = context.run.ephemeral_container(&container_name(context, 0), target, &security);
    objects.push(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": target.pod, "namespace": target.namespace },
        "spec": { "ephemeralContainers": [container] },
    }));
    objects
}

fn container_name(context: &Context<'_>, tried: usize) -> String {
    match tried {
        0 => format!("{CONTAINER}{}", context.run.id),
        more => format!("{CONTAINER}{}-{}", context.run.id, more + 1),
    }
}

/// The container over the pod over what distroless images have; the kernel tells whether it is right.
pub fn first_guess(target: &Target, read_all: bool) -> Identity {
    if read_all {
        return Identity { user: 0, group: 0 };
    }
    let user = target.user.unwrap_or(NONROOT);
    // Without runAsGroup a runtime takes the group from the image's passwd, and 0 where the user is not in it.
    Identity { user, group: target.group.unwrap_or(if user == NONROOT { NONROOT } else { 0 }) }
}

/// Who may look into the target, by the kernel's rules, without any capability.
pub fn another(container: &str, plan: &Json, tried: &[Identity], read_all: bool) -> Result<Identity, Trouble> {
    let ways = plan.get("ways").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let bare = |way: &&Json| way.pointer("/capabilities/add").and_then(Json::as_array).is_some_and(Vec::is_empty);
    let identity =
        |way: &Json| Some(Identity { user: way.get("runAsUser")?.as_i64()?, group: way.get("runAsGroup")?.as_i64()? });
    let next = ways.iter().filter(bare).filter_map(identity).find(|identity| !tried.contains(identity));
    if let (Some(next), false) = (next, read_all) {
        return Ok(next);
    }
    let missing = plan.get("missing").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let missing: Vec<String> = missing.iter().filter_map(Json::as_str).map(harmless_line).collect();
    let what = format!("the scanner may not look into container {container}: {}", missing.join("; "));
    let trouble = Trouble { reason: Reason::Unfit, ..Trouble::target(what) };
    Err(trouble.with_next(if read_all { "--via image scans what the image holds" } else { WITHOUT }))
}

async fn add(
    context: &Context<'_>,
    scanner: &Session,
    target: &Target,
    place: &Place,
    security: &Security,
) -> Result<(), Trouble> {
    let container = context.run.ephemeral_container(&place.container, target, security);
    let patch = Patch::Strategic(json!({ "spec": { "ephemeralContainers": [container] } }));
    let api: Api<Pod> = Api::namespaced(scanner.client.clone(), &target.namespace);
    let doing = format!("add an ephemeral container to pod {}", target.pod);
    context.ledger.write_container(place.clone());
    let mut denied = 0;
    loop {
        let parameters = PatchParams { field_manager: None, ..PatchParams::default() };
        match scanner.ask(&doing, api.patch_ephemeral_containers(&target.pod, &parameters, &patch)).await {
            Ok(_) => return Ok(()),
            // The same patch again changes nothing, so an answer that was lost may be asked for again.
            Err(trouble) if matches!(trouble.reason, Reason::Right | Reason::Passing) && denied < 20 => {
                denied += 1;
                sleep(std::time::Duration::from_millis(25)).await;
            }
            Err(trouble) => {
                context.ledger.strike_container(place);
                return Err(refused(trouble, target, security));
            }
        }
    }
}

/// Why a pod takes no such container, and what then.
fn refused(trouble: Trouble, target: &Target, security: &Security) -> Trouble {
    if trouble.what.contains("could not find the requested resource") {
        let what = "this cluster has no ephemeral containers (Kubernetes 1.25 has them for all)";
        return Trouble { reason: Reason::Unfit, ..Trouble::new(what) }
            .with_next("--via image, or --via exec where there is a shell");
    }
    if trouble.what.contains("may not be changed") {
        let what = format!("pod {} has a container of an earlier run of the same name already", target.pod);
        return Trouble::new(what).with_next("another --run-id, or none, gives names of their own");
    }
    if trouble.reason == Reason::Admission && security.identity.user == 0 {
        let why = if security.read_all { "--read-all needs root" } else { "it runs as root" };
        return Trouble {
            what: format!("{}\n  container {} can only be looked into by root: {why}", trouble.what, target.container),
            ..trouble
        }
        .with_next("--via image scans what the image holds, as any user");
    }
    trouble
}

/// Asks the agent whether it may look into the target: harmless, and answered as soon as the container runs.
async fn locate(
    context: &Context<'_>,
    scanner: &Session,
    target: &Target,
    place: &Place,
) -> Result<(Session, Json, String), Trouble> {
    let mut last = None;
    // The kubelet's mount tells the name to everybody; where it does not, the runtime's control group tells the id.
    for how in [format!("name={}", target.container), format!("id={}", target.container_id)] {
        let command = [AGENT, "locate", "--target", &how, "--plan", "json"];
        let (session, answer) = probe(scanner, place, &command, context.start_by).await?;
        match plan(&answer) {
            Some(plan) => return Ok((session, plan, how)),
            None => last = Some(answer),
        }
    }
    let said = last
        .map_or_else(String::new, |answer| answer.stderr.lines().map(harmless_line).collect::<Vec<_>>().join("\n  "));
    Err(Trouble::target(format!("the process of container {} was not found:\n  {said}", target.container)))
}

/// The plan, where a process was found.
pub fn plan(answer: &Answer) -> Option<Json> {
    let plan: Json = serde_json::from_slice(&answer.stdout).ok()?;
    plan.get("ways")?;
    plan.get("pid")?.as_i64()?;
    Some(plan)
}

/// What the agent is told of the target: how to find it, what it may take, and what the pod may.
fn options(how: String, target: &Target) -> Vec<String> {
    let mut options = vec!["--target".to_owned(), how, "--memory-limit".to_owned(), memory(target).to_string()];
    options.extend(target.memory.into_iter().flat_map(|limit| ["--pod-memory".to_owned(), limit.to_string()]));
    options
}

/// A quarter of what the pod may take, which an ephemeral container shares.
fn memory(target: &Target) -> u64 {
    target.memory.map_or(MEMORY, |limit| (limit / 4).clamp(LEAST_MEMORY, MEMORY))
}

/// What the report says of the target.
pub fn about(target: &Target) -> Json {
    json!({
        "pod": target.pod,
        "pod_uid": target.pod_uid,
        "container": target.container,
        "container_id": target.container_id,
        "node": target.node,
        "image": target.image,
        "image_id": target.image_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(user: Option<i64>, group: Option<i64>, memory: Option<u64>) -> Target {
        Target {
            namespace: "n".to_owned(),
            pod: "p".to_owned(),
            pod_uid: "u".to_owned(),
            container: "c".to_owned(),
            node: String::new(),
            image: String::new(),
            image_id: String::new(),
            container_id: String::new(),
            user,
            group,
            bare: false,
            shared_processes: false,
            memory,
            pull_secrets: Vec::new(),
            tolerations: Vec::new(),
        }
    }

    #[test]
    fn the_first_guess_is_what_the_pod_says() {
        let guess = |user, group| first_guess(&target(user, group, None), false);
        assert_eq!(guess(Some(1000), Some(2000)), Identity { user: 1000, group: 2000 });
        assert_eq!(guess(Some(1000), None), Identity { user: 1000, group: 0 });
        assert_eq!(guess(None, None), Identity { user: 65532, group: 65532 });
        assert_eq!(first_guess(&target(Some(1000), None, None), true), Identity { user: 0, group: 0 });
    }

    #[test]
    fn no_capability_is_taken_that_was_not_asked_for() {
        let with_capabilities = json!({ "missing": ["another user"], "ways": [
            { "runAsUser": 0, "runAsGroup": 0, "capabilities": { "add": ["SYS_PTRACE"] } } ] });
        let tried = [Identity { user: 65532, group: 65532 }];
        let trouble = another("c", &with_capabilities, &tried, false).unwrap_err();
        assert_eq!(trouble.what, "the scanner may not look into container c: another user");
        assert!(trouble.next.unwrap().contains("--read-all"));
        let bare = json!({ "ways": [{ "runAsUser": 7, "runAsGroup": 8, "capabilities": { "add": [] } }] });
        let next = Identity { user: 7, group: 8 };
        assert_eq!(another("c", &bare, &tried, false).unwrap(), next);
        assert!(another("c", &bare, &[next], false).is_err());
    }

    #[test]
    fn the_agent_takes_a_quarter_at_most() {
        assert_eq!(memory(&target(None, None, None)), 32 << 20);
        assert_eq!(memory(&target(None, None, Some(80 << 20))), 20 << 20);
        assert_eq!(memory(&target(None, None, Some(16 << 20))), 16 << 20);
    }

    #[test]
    fn the_agent_is_told_what_the_pod_may_take() {
        let told = |memory| options("name=c".to_owned(), &target(None, None, memory)).join(" ");
        assert_eq!(told(None), "--target name=c --memory-limit 33554432");
        assert_eq!(told(Some(80 << 20)), "--target name=c --memory-limit 20971520 --pod-memory 83886080");
    }
}
