//! `kubectl assay preflight`: whether a scan would do, item by item. Nothing is made: what admission would say is asked by
//! server-side dry runs.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use k8s_openapi::apimachinery::pkg::version::Info;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::command::print;
use crate::exit_code::ExitCode;
use crate::launcher::approach::Way;
use crate::launcher::cli::{Preflight, PreflightFormat};
use crate::launcher::connect::{Session, connect};
use crate::launcher::debug::first_guess;
use crate::launcher::findings::{Findings, Item, State};
use crate::launcher::image::{self, kept};
use crate::launcher::manifest::{ImageVolume, Run, Security};
use crate::launcher::rbac::{Right, caller_rights, exec_verbs};
use crate::launcher::scan::{find_pod, minor};
use crate::launcher::steps::tell;
use crate::launcher::target::{Identity, Target, takes_ephemeral_containers};
use crate::launcher::trouble::{Ending, Reason, Trouble};

/// From this minor version on ephemeral containers are there for all.
const EPHEMERAL_FOR_ALL: u32 = 25;
/// The label that says what Pod Security enforces.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
/// The most questions about rights at once.
const AT_ONCE: usize = 8;

/// Looks at everything that a scan needs.
pub async fn run(arguments: &Preflight) -> Ending {
    let findings = match look(arguments).await {
        Ok(findings) => findings,
        Err(trouble) => {
            tell(&trouble);
            return trouble.ending;
        }
    };
    let text = match arguments.output {
        Some(PreflightFormat::Json) => format!("{:#}\n", findings.json()),
        None => findings.table(),
    };
    match (print(&text), findings.first()) {
        (ExitCode::Success, Some(_)) => Ending::Scan(ExitCode::Success),
        (ExitCode::Success, None) => Ending::NotAttached,
        (code, _) => Ending::Scan(code),
    }
}

/// What all questions share.
struct Asking<'a> {
    session: Session,
    run: Run,
    arguments: &'a Preflight,
}

/// Errors: the server cannot be reached, or which container is meant is not clear.
async fn look(arguments: &Preflight) -> Result<Findings, Trouble> {
    let (session, namespace) = connect(&arguments.connection, "preflight").await?;
    let version = session.ask("ask the cluster's version", session.client.apiserver_version()).await?;
    let run = Run {
        id: "preflight".to_owned(),
        namespace: namespace.clone(),
        started: 0,
        timeout: Duration::from_secs(300),
        image: arguments.image.clone(),
        pull_policy: "IfNotPresent",
    };
    let asking = Asking { session, run, arguments };
    let ways = if arguments.pod.is_some() { Way::AUTO.to_vec() } else { Way::ALL.to_vec() };
    let (user, core, networking, security, rights, pod) = tokio::join!(
        asking.user(),
        asking.ask("list what the API has", asking.session.client.list_core_api_resources("v1")),
        asking.ask("list what the API has", asking.session.client.list_api_group_resources("networking.k8s.io/v1")),
        asking.pod_security(),
        asking.rights(&ways, minor(&version.minor)),
        asking.target(),
    );
    let mut items = vec![of_version(&version), of_ephemeral_containers(&version, core)];
    items.push(of_network_policies(networking));
    items.push(security);
    let mut container = None;
    let mut target = None;
    match pod? {
        None => items.push(of_image()),
        Some(Err(item)) => items.push(item),
        Some(Ok((pod, chosen))) => {
            container = Some(chosen.container.clone());
            items.extend(of_target(&pod, &chosen));
            target = Some((pod, chosen));
        }
    }
    // A pod that is not there has no image, and takes no container.
    if target.is_some() || arguments.pod.is_none() {
        items.push(asking.image_volumes(target.as_ref().map(|(_, target)| target)).await);
    }
    if let Some((pod, target)) = &target {
        items.push(asking.ephemeral_container(pod, target).await);
    }
    items.push(
        Item::new("tar in the container", State::Unknown, "only a try tells", &[Way::Exec])
            .with_next("a standard image has it, a distroless one does not; --via exec tries"),
    );
    items.extend(rights);
    Ok(Findings {
        server: asking.session.server(),
        user,
        namespace,
        pod: arguments.pod.clone().map(|pod| (pod, container)),
        items,
        ways,
    })
}

impl Asking<'_> {
    async fn ask<T>(&self, doing: &str, request: impl Future<Output = kube::Result<T>>) -> Result<T, Trouble> {
        self.session.ask(doing, request).await
    }

    /// Who asks; clusters before 1.28 do not tell.
    async fn user(&self) -> Option<String> {
        let api: Api<SelfSubjectReview> = Api::all(self.session.client.clone());
        let answer =
            self.ask("ask who this is", api.create(&PostParams::default(), &SelfSubjectReview::default())).await;
        answer.ok()?.status?.user_info?.username
    }

    async fn pod_security(&self) -> Item {
        let name = "Pod Security of the namespace";
        let namespace = &self.run.namespace;
        let api: Api<Namespace> = Api::all(self.session.client.clone());
        let answer = match self.ask(&format!("read namespace {namespace}"), api.get(namespace)).await {
            Ok(answer) => answer,
            Err(trouble) if trouble.reason == Reason::Missing => {
                return Item::new(name, State::Missing, format!("there is no namespace {namespace}"), &Way::ALL)
                    .with_next("-n NAME chooses another");
            }
            Err(trouble) => {
                return Item::new(name, State::Unknown, trouble.what, &[])
                    .with_next("it decides all the same; see the dry runs");
            }
        };
        of_level(answer.metadata.labels.unwrap_or_default().get(ENFORCE).map(String::as_str))
    }

    /// The pod, and the container that is meant; an item where there is none.
    async fn target(&self) -> Result<Option<Result<(Pod, Target), Item>>, Trouble> {
        let Some(name) = &self.arguments.pod else { return Ok(None) };
        let item = |name: String, trouble: Trouble| {
            let state = if trouble.reason == Reason::Passing { State::Unknown } else { State::Missing };
            let item = Item::new(name, state, trouble.what, &Way::AUTO);
            Ok(Some(Err(Item { next: trouble.next, ..item })))
        };
        let pod = match find_pod(&self.session, &self.run.namespace, name).await {
            Ok(pod) => pod,
            Err(trouble) => return item(format!("pod {name}"), trouble),
        };
        match Target::choose(&pod, self.arguments.container.as_deref()) {
            Ok(target) => Ok(Some(Ok((pod, target)))),
            Err(trouble) if trouble.ending == Ending::Scan(ExitCode::Usage) => Err(trouble),
            Err(trouble) => item("container".to_owned(), trouble),
        }
    }

    /// A server that does not know image volumes drops them without a word, so it is asked what it would make.
    async fn image_volumes(&self, target: Option<&Target>) -> Item {
        let name = "image volumes";
        let image = target.map_or_else(
            || ImageVolume {
                reference: self.run.image.clone(),
                pull_policy: self.run.pull_policy,
                node: None,
                pull_secrets: Vec::new(),
                tolerations: Vec::new(),
            },
            image::of_target,
        );
        let pod = self.run.image_pod(&image, &image::security(false), None);
        let Ok(pod) = serde_json::from_value::<Pod>(pod) else {
            return Item::new(name, State::Unknown, "a manifest of assay's own is wrong", &[Way::Image]);
        };
        let api: Api<Pod> = Api::namespaced(self.session.client.clone(), &self.run.namespace);
        let parameters = PostParams { dry_run: true, ..PostParams::default() };
        let answer = self.ask("create a pod with an image volume (dry run)", api.create(&parameters, &pod)).await;
        match answer.and_then(|made| kept(&serde_json::to_value(&made).unwrap_or_default())) {
            Ok(()) => Item::new(
                name,
                State::Ok,
                "the API server keeps one, and admits its pod (dry run); the node's runtime must know it, too: containerd 2.1, CRI-O 1.31",
                &[Way::Image],
            ),
            Err(trouble) => of_dry_run(name, Way::Image, trouble),
        }
    }

    /// Whether admission takes a scanner's container, as whoever it may have to be.
    async fn ephemeral_container(&self, pod: &Pod, target: &Target) -> Item {
        let name = "admission of a scanner's container";
        let first = first_guess(target, false);
        let mut identities = vec![first];
        if may_be_root(pod, target) && first.user != 0 {
            identities.push(Identity { user: 0, group: 0 });
        }
        for identity in &identities {
            let security = Security { identity: *identity, read_all: false };
            let container = self.run.ephemeral_container("debug-scanner-preflight", target, &security);
            let patch = Patch::Strategic(json!({ "spec": { "ephemeralContainers": [container] } }));
            let parameters = PatchParams { dry_run: true, ..PatchParams::default() };
            let api: Api<Pod> = Api::namespaced(self.session.client.clone(), &target.namespace);
            let doing = format!("add an ephemeral container to pod {} (dry run)", target.pod);
            let answer = self.ask(&doing, api.patch_ephemeral_containers(&target.pod, &parameters, &patch)).await;
            match answer {
                Ok(_) => {}
                Err(trouble) if trouble.reason == Reason::Admission && *identity != first => {
                    let seen = format!(
                        "taken as {}; as root, which the image may ask for, not: {}",
                        user(&first),
                        trouble.what
                    );
                    return Item::new(name, State::Unknown, seen, &[Way::Debug])
                        .with_next("runAsUser in the pod's spec says who it is; --via debug tries");
                }
                Err(trouble) => return of_dry_run(name, Way::Debug, trouble),
            }
        }
        let who: Vec<String> = identities.iter().map(user).collect();
        let seen = format!("taken as {}, without capabilities (dry run)", who.join(" and as "));
        Item::new(name, State::Ok, seen, &[Way::Debug])
    }

    /// What the caller may, each right asked for once.
    async fn rights(&self, ways: &[Way], minor: u32) -> Vec<Item> {
        let pod = self.arguments.pod.as_deref();
        let mut wanted: BTreeMap<Right, Vec<Way>> = BTreeMap::new();
        for way in ways {
            for right in caller_rights(*way, minor, self.arguments.no_rbac, pod) {
                wanted.entry(right).or_default().push(*way);
            }
        }
        let asked = futures_util::stream::iter(wanted).map(|(right, ways)| async move {
            let (state, why) = self.may(&right).await;
            (right, ways, state, why)
        });
        let answers: Vec<_> = asked.buffered(AT_ONCE).collect().await;
        let without =
            |right: &Right| ways.iter().flat_map(|way| caller_rights(*way, minor, true, pod)).any(|own| own == *right);
        let optional = |right: &Right| !self.arguments.no_rbac && !without(right);
        of_rights(answers, optional)
    }

    async fn may(&self, right: &Right) -> (State, String) {
        let (resource, subresource) = match right.resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
            None => (right.resource.as_str(), None),
        };
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    group: Some(right.group.clone()),
                    resource: Some(resource.to_owned()),
                    subresource,
                    name: right.name.clone(),
                    namespace: Some(self.run.namespace.clone()),
                    verb: Some(right.verb.clone()),
                    ..ResourceAttributes::default()
                }),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let api: Api<SelfSubjectAccessReview> = Api::all(self.session.client.clone());
        match self.ask("ask for the caller's rights", api.create(&PostParams::default(), &review)).await {
            Err(trouble) => (State::Unknown, trouble.what),
            Ok(answer) => match answer.status {
                Some(status) if status.allowed => (State::Ok, String::new()),
                // An authorizer that could not decide has not refused.
                Some(status) if status.denied != Some(true) && status.evaluation_error.is_some() => {
                    (State::Unknown, status.evaluation_error.unwrap_or_default())
                }
                Some(_) => (State::Missing, String::new()),
                None => (State::Unknown, "the server gave no answer".to_owned()),
            },
        }
    }
}

fn of_version(version: &Info) -> Item {
    let verbs = exec_verbs(minor(&version.minor)).join(" and ");
    let seen = format!("{}; exec asks for {verbs} on pods/exec", version.git_version);
    Item::new("API server", State::Ok, seen, &Way::ALL)
}

fn of_ephemeral_containers(version: &Info, listed: Result<APIResourceList, Trouble>) -> Item {
    let name = "ephemeral containers";
    let ways = [Way::Debug];
    let listed = match listed {
        Ok(listed) => listed,
        Err(trouble) => return Item::new(name, State::Unknown, trouble.what, &ways),
    };
    let resource = listed.resources.iter().find(|resource| resource.name == "pods/ephemeralcontainers");
    let patched = resource.is_some_and(|resource| resource.verbs.iter().any(|verb| verb == "patch"));
    if !patched {
        return Item::new(name, State::Missing, "the API has no pods/ephemeralcontainers that can be patched", &ways)
            .with_next("Kubernetes 1.25 has them for all; until then --via image or --via exec");
    }
    if version.major == "1" && minor(&version.minor) < EPHEMERAL_FOR_ALL {
        let seen = format!("in the API, but not settled before 1.25, and this is {}", version.git_version);
        return Item::new(name, State::Unknown, seen, &ways);
    }
    Item::new(name, State::Ok, "pods/ephemeralcontainers can be patched", &ways)
}

fn of_network_policies(listed: Result<APIResourceList, Trouble>) -> Item {
    let name = "network policies";
    let ways = [Way::Image, Way::Sidecar];
    match listed {
        Ok(listed) if listed.resources.iter().any(|resource| resource.name == "networkpolicies") => {
            let seen = "in the API; whether the cluster's network keeps to them cannot be asked";
            Item::new(name, State::Ok, seen, &ways)
        }
        Ok(_) => Item::new(name, State::Missing, "the API has none", &ways),
        Err(trouble) => Item::new(name, State::Unknown, trouble.what, &ways),
    }
}

fn of_level(level: Option<&str>) -> Item {
    let name = "Pod Security of the namespace";
    match level {
        Some("restricted") => {
            let seen =
                "restricted: no root, so no --read-all, no --as-root, and no debug of a container that runs as root";
            Item::new(name, State::Ok, seen, &[])
        }
        Some("baseline") => Item::new(name, State::Ok, "baseline: no --read-all", &[]),
        Some("privileged") => Item::new(name, State::Ok, "privileged: refuses nothing", &[]),
        Some(level) => Item::new(name, State::Unknown, format!("a level that is not known: {level}"), &[]),
        None => Item::new(name, State::Unknown, "no label: the API server's own default decides", &[]),
    }
}

fn of_image() -> Item {
    let seen = "it must run by itself, and not as root where the namespace forbids that";
    Item::new("image for scan-with-sidecar", State::Unknown, seen, &[Way::Sidecar])
        .with_next("kubectl assay scan-with-sidecar IMAGE tries")
}

fn of_target(pod: &Pod, target: &Target) -> Vec<Item> {
    let place = if target.node.is_empty() { String::new() } else { format!(" on node {}", target.node) };
    let mut items = vec![
        Item::new(
            "container runs",
            State::Ok,
            format!("{} of image {}{place}", target.container, target.image),
            &Way::AUTO,
        ),
        match takes_ephemeral_containers(pod) {
            Ok(()) => Item::new("no static pod", State::Ok, "the API server can change it", &[Way::Debug]),
            Err(trouble) => {
                Item { next: trouble.next, ..Item::new("no static pod", State::Missing, trouble.what, &[Way::Debug]) }
            }
        },
    ];
    let shared = if target.shared_processes {
        "shared by the pod's containers: the one that is meant is known by its name"
    } else {
        "each container has its own: process 1 is the one that is meant"
    };
    items.push(Item::new("process sharing", State::Ok, shared, &[]));
    items.push(of_user(pod, target));
    items.push(if target.image_id.is_empty() {
        let seen = "the pod's status does not say which image runs";
        Item::new("digest of the image", State::Missing, seen, &[Way::Image])
    } else {
        Item::new("digest of the image", State::Ok, target.image_id.clone(), &[Way::Image])
    });
    items
}

/// Who the container is decides who may look into it: the kernel lets only the same user do that, with no fewer
/// capabilities.
fn of_user(pod: &Pod, target: &Target) -> Item {
    let item = |state, seen: String| Item::new("user of the container", state, seen, &[Way::Debug]);
    let bare = drops_all(pod, target);
    match target.user {
        Some(0) if bare => item(State::Ok, "root without capabilities, by the pod's spec".to_owned()),
        Some(0) => {
            item(State::Missing, "root with capabilities: only root with more of them may look into it".to_owned())
                .with_next("--read-all asks for them; --via image scans what the image holds")
        }
        Some(user) => {
            let group =
                target.group.map_or_else(|| "its group by the image".to_owned(), |group| format!("group {group}"));
            item(State::Ok, format!("user {user}, {group}, by the pod's spec"))
        }
        None if !may_be_root(pod, target) => {
            item(State::Ok, "not root, by the pod's spec; the scan finds out who".to_owned())
        }
        None if bare => {
            item(State::Ok, "the image says; without capabilities in any case, and the scan finds out who".to_owned())
        }
        None => item(State::Unknown, "the image says; where that is root, debug needs --read-all".to_owned())
            .with_next("runAsUser or runAsNonRoot in the pod's spec says it; --via debug tries"),
    }
}

/// Whether the spec leaves it open, or says, that the container is root.
fn may_be_root(pod: &Pod, target: &Target) -> bool {
    let spec = pod.spec.as_ref();
    let of_pod = spec.and_then(|spec| spec.security_context.as_ref()).and_then(|context| context.run_as_non_root);
    let of_container = container_context(pod, target).and_then(|context| context.run_as_non_root);
    target.user.map_or(of_container.or(of_pod) != Some(true), |user| user == 0)
}

fn drops_all(pod: &Pod, target: &Target) -> bool {
    let Some(context) = container_context(pod, target) else { return false };
    let capabilities = context.capabilities.clone().unwrap_or_default();
    let drops = capabilities.drop.unwrap_or_default().iter().any(|name| name == "ALL");
    drops && capabilities.add.unwrap_or_default().is_empty() && context.privileged != Some(true)
}

fn container_context<'a>(pod: &'a Pod, target: &Target) -> Option<&'a k8s_openapi::api::core::v1::SecurityContext> {
    let containers = &pod.spec.as_ref()?.containers;
    containers.iter().find(|container| container.name == target.container)?.security_context.as_ref()
}

fn user(identity: &Identity) -> String {
    format!("{}:{}", identity.user, identity.group)
}

/// A dry run that was refused.
fn of_dry_run(name: &str, way: Way, trouble: Trouble) -> Item {
    let unknown =
        matches!(trouble.reason, Reason::Right | Reason::Passing) || trouble.what.contains("does not support dry run");
    let state = if unknown { State::Unknown } else { State::Missing };
    Item { next: trouble.next, ..Item::new(name, state, trouble.what, &[way]) }
}

/// A right, the ways that need it, how it stands, and why where that is not known.
type Answered = (Right, Vec<Way>, State, String);

/// One row for the verbs of one resource that stand alike, and one for all lists; `optional` tells what --no-rbac does without.
fn of_rights(answers: Vec<Answered>, optional: impl Fn(&Right) -> bool) -> Vec<Item> {
    let (needed, lists): (Vec<Answered>, Vec<Answered>) =
        answers.into_iter().partition(|(right, ..)| right.is_needed());
    let mut rows: Vec<(Answered, Vec<String>)> = Vec::new();
    for (right, ways, state, why) in needed {
        let verb = right.verb.clone();
        let alike = |((known, known_ways, known_state, known_why), _): &&mut (Answered, Vec<String>)| {
            let same = known.resource == right.resource && known.name == right.name;
            same && *known_ways == ways && *known_state == state && *known_why == why
        };
        match rows.iter_mut().find(alike) {
            Some((_, verbs)) => verbs.push(verb),
            None => rows.push(((right, ways, state, why), vec![verb])),
        }
    }
    let mut items: Vec<Item> =
        rows.iter().map(|(answered, verbs)| of_right(answered, verbs, optional(&answered.0))).collect();
    for state in [State::Ok, State::Unknown, State::Missing] {
        let listed = lists.iter().filter(|(_, _, known, _)| *known == state);
        let resources: Vec<&str> = listed.map(|(right, ..)| right.resource.as_str()).collect();
        if !resources.is_empty() {
            let seen = format!("{} (scans do without; `cleanup` after a crash does not)", resources.join(", "));
            items.push(Item::new("rights to list", state, seen, &[]));
        }
    }
    items
}

fn of_right((right, ways, state, why): &Answered, verbs: &[String], optional: bool) -> Item {
    let object = right.name.as_ref().map_or(String::new(), |name| format!(" {name}"));
    let names: Vec<&str> = ways.iter().map(|way| way.name()).collect();
    let because = if why.is_empty() { String::new() } else { format!(": {why}") };
    let seen = format!("{} (for {}){because}", verbs.join(", "), names.join(", "));
    let item = Item::new(format!("right: {}{object}", right.resource), *state, seen, ways);
    if *state != State::Missing {
        return item;
    }
    let way = names.first().copied().unwrap_or("debug");
    let grant = format!("`kubectl assay rbac --via {way}` prints what an administrator must grant");
    let without = if optional { "; --no-rbac does without it, with the caller's own rights" } else { "" };
    item.with_next(format!("{grant}{without}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(security: serde_json::Value, of_pod: serde_json::Value) -> (Pod, Target) {
        let pod = serde_json::from_value(json!({
            "metadata": { "name": "web", "namespace": "n" },
            "spec": { "securityContext": of_pod, "containers": [{ "name": "app", "securityContext": security }] },
            "status": { "phase": "Running", "containerStatuses": [{ "name": "app", "image": "i", "imageID": "sha256:1",
                "ready": true, "restartCount": 0, "state": { "running": {} } }] },
        }));
        let pod: Pod = pod.unwrap();
        let target = Target::choose(&pod, None).unwrap();
        (pod, target)
    }

    #[test]
    fn who_may_look_into_a_container_is_told_by_its_spec() {
        let bare = json!({ "capabilities": { "drop": ["ALL"] } });
        let rows = [
            (json!({ "runAsUser": 7, "runAsGroup": 8 }), json!({}), State::Ok),
            (json!({}), json!({ "runAsUser": 7 }), State::Ok),
            (json!({}), json!({ "runAsNonRoot": true }), State::Ok),
            (json!({ "runAsNonRoot": false }), json!({ "runAsNonRoot": true }), State::Unknown),
            (json!({}), json!({}), State::Unknown),
            (bare, json!({}), State::Ok),
            (json!({ "runAsUser": 0 }), json!({}), State::Missing),
            (json!({ "runAsUser": 0, "capabilities": { "drop": ["ALL"] } }), json!({}), State::Ok),
            (
                json!({ "runAsUser": 0, "capabilities": { "drop": ["ALL"], "add": ["CHOWN"] } }),
                json!({}),
                State::Missing,
            ),
            (
                json!({ "runAsUser": 0, "privileged": true, "capabilities": { "drop": ["ALL"] } }),
                json!({}),
                State::Missing,
            ),
        ];
        for (of_container, of_pod, state) in rows {
            let (pod, target) = running(of_container.clone(), of_pod);
            assert_eq!(of_user(&pod, &target).state, state, "{of_container}");
        }
    }

    #[test]
    fn an_old_server_has_no_ephemeral_containers() {
        let version = |minor: &str| Info { major: "1".to_owned(), minor: minor.to_owned(), ..Info::default() };
        let listed = |name: &str| {
            let list = json!({ "groupVersion": "v1", "resources": [
                { "name": name, "kind": "Pod", "namespaced": true, "singularName": "", "verbs": ["get", "patch"] }] });
            Ok(serde_json::from_value::<APIResourceList>(list).unwrap())
        };
        let state = |minor, name| of_ephemeral_containers(&version(minor), listed(name)).state;
        assert_eq!(state("34+", "pods/ephemeralcontainers"), State::Ok);
        assert_eq!(state("24", "pods/ephemeralcontainers"), State::Unknown);
        assert_eq!(state("34", "pods"), State::Missing);
        let failed = of_ephemeral_containers(&version("34"), Err(Trouble::new("no answer")));
        assert_eq!(failed.state, State::Unknown);
    }

    #[test]
    fn a_missing_right_names_what_to_do() {
        let right = |verb: &str| Right {
            group: String::new(),
            resource: "configmaps".to_owned(),
            name: None,
            verb: verb.to_owned(),
        };
        let answers = vec![
            (right("create"), vec![Way::Debug], State::Missing, String::new()),
            (right("delete"), vec![Way::Debug], State::Missing, String::new()),
            (right("get"), vec![Way::Debug], State::Ok, String::new()),
            (right("list"), vec![Way::Debug], State::Missing, String::new()),
        ];
        let items = of_rights(answers, |_| true);
        let seen: Vec<_> = items.iter().map(|item| (item.state, item.seen.split(' ').next().unwrap())).collect();
        assert_eq!(seen, [(State::Missing, "create,"), (State::Ok, "get"), (State::Missing, "configmaps")]);
        assert!(items[0].next.as_deref().unwrap().contains("kubectl assay rbac --via debug"), "{items:?}");
        assert!(items[0].next.as_deref().unwrap().contains("--no-rbac"), "{items:?}");
        assert!(items[2].ways.is_empty(), "no way needs it");
    }
}
