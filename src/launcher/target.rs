//! The container that is meant, as the API server describes it. Pure.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodSpec, ResourceRequirements, SecurityContext};
use kube::ResourceExt;
use serde_json::{Value as Json, json};

use crate::cli::quantity;
use crate::launcher::trouble::{Reason, Trouble};

/// The annotation that names a pod's default container, as kubectl knows it.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";
/// Pods that a kubelet runs from files: the API server only mirrors them.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// User and group of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// runAsUser.
    pub user: i64,
    /// runAsGroup.
    pub group: i64,
}

/// A running container.
#[derive(Clone, Debug)]
pub struct Target {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The pod's uid: another pod of the same name has another.
    pub pod_uid: String,
    /// The container.
    pub container: String,
    /// The node.
    pub node: String,
    /// The image, as the pod names it.
    pub image: String,
    /// The image that runs, as the kubelet names it: a digest.
    pub image_id: String,
    /// The container's id, without the runtime's name.
    pub container_id: String,
    /// User and group where the pod says both.
    pub user: Option<i64>,
    /// The group, where the pod says it.
    pub group: Option<i64>,
    /// Whether it has no capabilities.
    pub bare: bool,
    /// Whether the pod's containers see each other's processes.
    pub shared_processes: bool,
    /// The memory that the pod's containers may take together, where all have a limit, as the kubelet counts it.
    pub memory: Option<u64>,
    /// Secrets that the pod's images are fetched with.
    pub pull_secrets: Vec<String>,
    /// Taints that the pod tolerates.
    pub tolerations: Vec<Json>,
}

impl Target {
    /// Chooses a container of a pod.
    ///
    /// Errors: there is none of that name, which is meant is not clear, or it does not run.
    pub fn choose(pod: &Pod, wanted: Option<&str>) -> Result<Target, Trouble> {
        let name = pod.name_any();
        let namespace = pod.namespace().unwrap_or_default();
        let spec = pod.spec.as_ref().ok_or_else(|| Trouble::target(format!("pod {name} has no spec")))?;
        if pod.metadata.deletion_timestamp.is_some() {
            return Err(Trouble::target(format!("pod {name} is being deleted")));
        }
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Unknown");
        if matches!(phase, "Succeeded" | "Failed") {
            return Err(Trouble::target(format!("pod {name} has ended ({phase})"))
                .with_next("a container that has ended can be scanned by its image: kubectl assay scan-image IMAGE"));
        }
        let container = chosen(pod, &spec.containers, wanted)?;
        let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
        let status = statuses.iter().find(|status| status.name == container.name);
        let status = running(&name, phase, &container.name, status)?;
        let pod_context = spec.security_context.clone().unwrap_or_default();
        let context: SecurityContext = container.security_context.clone().unwrap_or_default();
        Ok(Target {
            pod_uid: pod.uid().unwrap_or_default(),
            container: container.name.clone(),
            node: spec.node_name.clone().unwrap_or_default(),
            image: container.image.clone().unwrap_or_default(),
            image_id: status.image_id.clone(),
            container_id: status.container_id.as_deref().map(bare_id).unwrap_or_default().to_owned(),
            user: context.run_as_user.or(pod_context.run_as_user),
            group: context.run_as_group.or(pod_context.run_as_group),
            bare: is_bare(&context),
            shared_processes: spec.share_process_namespace.unwrap_or_default(),
            memory: memory(spec),
            pull_secrets: spec.image_pull_secrets.iter().flatten().map(|secret| secret.name.clone()).collect(),
            tolerations: spec.tolerations.iter().flatten().map(|toleration| json!(toleration)).collect(),
            namespace,
            pod: name,
        })
    }

    /// As InSpec writes the target of a scan.
    pub fn location(&self) -> String {
        format!("k8s-container://{}/{}/{}", self.namespace, self.pod, self.container)
    }
}

/// Whether ephemeral containers can be added at all.
///
/// Errors: the kubelet runs the pod from a file.
pub fn takes_ephemeral_containers(pod: &Pod) -> Result<(), Trouble> {
    if pod.annotations().contains_key(MIRROR) {
        let what = format!(
            "pod {} is run from a file of its node (a static pod), which takes no ephemeral containers",
            pod.name_any()
        );
        return Err(Trouble { reason: Reason::Unfit, ..Trouble::new(what) }.with_next("scan its image: --via image"));
    }
    Ok(())
}

fn chosen<'a>(pod: &Pod, containers: &'a [Container], wanted: Option<&str>) -> Result<&'a Container, Trouble> {
    let names = || containers.iter().map(|container| container.name.as_str()).collect::<Vec<_>>().join(", ");
    let default = pod.annotations().get(DEFAULT_CONTAINER).map(String::as_str);
    let pod = pod.name_any();
    match (wanted.or(default), containers) {
        (Some(wanted), _) => containers.iter().find(|container| container.name == wanted).ok_or_else(|| {
            Trouble::target(format!("pod {pod} has no container `{wanted}`")).with_next(format!("it has: {}", names()))
        }),
        (None, [only]) => Ok(only),
        (None, _) => Err(Trouble::usage(format!("pod {pod} has several containers: {}", names()))
            .with_next("choose one with -c NAME")),
    }
}

fn running<'a>(
    pod: &str,
    phase: &str,
    container: &str,
    status: Option<&'a ContainerStatus>,
) -> Result<&'a ContainerStatus, Trouble> {
    let Some(status) = status else {
        return Err(Trouble::target(format!("container {container} of pod {pod} has not started ({phase})"))
            .with_next(format!("kubectl describe pod {pod} tells why")));
    };
    let state = status.state.clone().unwrap_or_default();
    if state.running.is_some() {
        return Ok(status);
    }
    let why = match (state.waiting, state.terminated) {
        (Some(waiting), _) => {
            let reason = waiting.reason.unwrap_or_else(|| "waiting".to_owned());
            waiting.message.map_or(reason.clone(), |message| format!("{reason}: {message}"))
        }
        (None, Some(ended)) => {
            format!(
                "ended with {}{}",
                ended.exit_code,
                ended.reason.map_or(String::new(), |reason| format!(", {reason}"))
            )
        }
        (None, None) => phase.to_owned(),
    };
    Err(Trouble::target(format!(
        "container {container} of pod {pod} does not run: {}",
        crate::report::harmless_line(&why)
    ))
    .with_next("its image can be scanned all the same: kubectl assay scan-image IMAGE"))
}

/// What the kubelet holds the whole pod to: the pod's own limit; else those of its containers together, and of those that
/// start before them and stay, or what it takes to start, where that is more. `None` where one of them has no limit: then
/// the pod has none.
fn memory(spec: &PodSpec) -> Option<u64> {
    let overhead = spec.overhead.as_ref().and_then(|overhead| quantity(&overhead.get("memory")?.0));
    let limit = limit(spec.resources.as_ref()).or_else(|| limit_of_all(spec))?;
    Some(limit.saturating_add(overhead.unwrap_or(0)))
}

fn limit(resources: Option<&ResourceRequirements>) -> Option<u64> {
    quantity(&resources?.limits.as_ref()?.get("memory")?.0).filter(|bytes| *bytes > 0)
}

fn limit_of_all(spec: &PodSpec) -> Option<u64> {
    let limit = |container: &Container| limit(container.resources.as_ref());
    let (mut staying, mut most) = (0_u64, 0_u64);
    for container in spec.init_containers.iter().flatten() {
        let bytes = limit(container)?;
        most = most.max(staying.saturating_add(bytes));
        if container.restart_policy.as_deref() == Some("Always") {
            staying = staying.saturating_add(bytes);
        }
    }
    let together = spec.containers.iter().map(limit).sum::<Option<u64>>()?;
    Some(most.max(staying.saturating_add(together)))
}

/// Whether all capabilities are taken from a container, and none given.
fn is_bare(context: &SecurityContext) -> bool {
    let capabilities = context.capabilities.clone().unwrap_or_default();
    capabilities.drop.iter().flatten().any(|name| name == "ALL") && capabilities.add.is_none_or(|add| add.is_empty())
}

/// `containerd://ID` without the runtime.
fn bare_id(id: &str) -> &str {
    id.rsplit_once("://").map_or(id, |(_, id)| id)
}

/// A reference that the kubelet takes for the image that runs, and whether it may be fetched.
pub fn image_reference(image_id: &str) -> (String, &'static str) {
    let reference = image_id.rsplit_once("://").map_or(image_id, |(_, reference)| reference);
    // Imported without a registry it is a digest only, which nothing can be fetched by.
    if reference.starts_with("sha256:") {
        (reference.to_owned(), "Never")
    } else {
        (reference.to_owned(), "IfNotPresent")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(json: Json) -> Pod {
        serde_json::from_value(json).unwrap()
    }

    fn two(annotations: Json, state: Json) -> Pod {
        pod(json!({
            "metadata": { "name": "web", "namespace": "shop", "uid": "u", "annotations": annotations },
            "spec": {
                "nodeName": "n1",
                "securityContext": { "runAsUser": 1000, "runAsGroup": 2000 },
                "containers": [
                    { "name": "app", "image": "app:1", "securityContext": { "runAsUser": 65532 },
                      "resources": { "limits": { "memory": "64Mi" } } },
                    { "name": "log", "image": "log:1", "resources": { "limits": { "memory": "1G" } } },
                ],
            },
            "status": { "phase": "Running", "containerStatuses": [
                { "name": "app", "image": "app:1", "imageID": "r/app@sha256:1", "containerID": "containerd://abc",
                  "ready": true, "restartCount": 0, "state": state },
            ] },
        }))
    }

    #[test]
    fn the_container_overrides_the_pod() {
        let target = Target::choose(&two(json!({}), json!({ "running": {} })), Some("app")).unwrap();
        assert_eq!((target.user, target.group), (Some(65532), Some(2000)));
        assert_eq!(target.container_id, "abc");
        assert_eq!(target.memory, Some((64 << 20) + 1_000_000_000));
        assert_eq!(target.location(), "k8s-container://shop/web/app");
    }

    #[test]
    fn a_pod_may_take_what_the_kubelet_gives_it() {
        let spec = |containers: Json, init: Json| -> PodSpec {
            serde_json::from_value(json!({ "containers": containers, "initContainers": init })).unwrap()
        };
        let of = |limit: &str| json!({ "name": "c", "resources": { "limits": { "memory": limit } } });
        let stays = |limit: &str| {
            let mut container = of(limit);
            container["restartPolicy"] = "Always".into();
            container
        };
        let rows = [
            (json!([of("64Mi"), of("32Mi")]), json!([]), Some(96 << 20)),
            (json!([of("64Mi")]), json!([of("16Mi")]), Some(64 << 20)),
            (json!([of("64Mi")]), json!([of("100Mi")]), Some(100 << 20)),
            (json!([of("64Mi")]), json!([stays("16Mi"), of("60Mi")]), Some(80 << 20)),
            // One without a limit, and the pod has none; 0 is no limit.
            (json!([of("64Mi"), { "name": "d" }]), json!([]), None),
            (json!([of("64Mi"), of("0")]), json!([]), None),
            (json!([of("64Mi")]), json!([{ "name": "d" }]), None),
        ];
        for (containers, init, wanted) in rows {
            assert_eq!(memory(&spec(containers.clone(), init.clone())), wanted, "{containers} {init}");
        }
        let mut whole = spec(json!([of("64Mi"), { "name": "d" }]), json!([]));
        whole.resources = serde_json::from_value(json!({ "limits": { "memory": "200Mi" } })).unwrap();
        whole.overhead = serde_json::from_value(json!({ "memory": "1Mi" })).unwrap();
        assert_eq!(memory(&whole), Some(201 << 20));
    }

    #[test]
    fn which_container_is_never_guessed() {
        let running = json!({ "running": {} });
        let several = Target::choose(&two(json!({}), running.clone()), None).unwrap_err();
        assert_eq!(several.what, "pod web has several containers: app, log");
        let default = json!({ DEFAULT_CONTAINER: "app" });
        assert_eq!(Target::choose(&two(default, running.clone()), None).unwrap().container, "app");
        let unknown = Target::choose(&two(json!({}), running), Some("ap")).unwrap_err();
        assert_eq!(unknown.next.as_deref(), Some("it has: app, log"));
    }

    #[test]
    fn what_does_not_run_is_said_with_its_reason() {
        let waiting = json!({ "waiting": { "reason": "ImagePullBackOff", "message": "Back-off" } });
        let trouble = Target::choose(&two(json!({}), waiting), Some("app")).unwrap_err();
        assert_eq!(trouble.what, "container app of pod web does not run: ImagePullBackOff: Back-off");
        let trouble = Target::choose(&two(json!({}), json!({ "running": {} })), Some("log")).unwrap_err();
        assert_eq!(trouble.what, "container log of pod web has not started (Running)");
    }

    #[test]
    fn images_without_a_registry_are_never_fetched() {
        assert_eq!(image_reference("sha256:ab"), ("sha256:ab".to_owned(), "Never"));
        assert_eq!(image_reference("docker-pullable://r/a@sha256:ab"), ("r/a@sha256:ab".to_owned(), "IfNotPresent"));
    }
}
