//! The objects that a run makes. Pure: the same run gives the same objects.

use std::time::Duration;

use k8s_openapi::ByteString;
use serde_json::{Map, Value as Json, json};

use crate::launcher::target::{Identity, Target};

/// Who made an object.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "assay");
/// The label with the run's name.
pub const RUN_LABEL: &str = "assay.dev/run";
/// When a run's objects are of no use any more, in seconds since the epoch.
pub const EXPIRES: &str = "assay.dev/expires";
/// The container of a scanner's pod that the agent waits in.
pub const SCANNER: &str = "scanner";
/// The container that runs the target's image in a pod with a sidecar.
pub const TARGET: &str = "target";
/// Where the target's image is mounted in a scanner's pod.
pub const TARGET_FOLDER: &str = "/target";

/// The API server takes 1 MiB, with everything around the files.
const MAX_CONFIG_MAP: usize = 700 << 10;

/// What all objects of a run have in common.
#[derive(Clone, Debug)]
pub struct Run {
    /// The run's name.
    pub id: String,
    /// The namespace of its objects.
    pub namespace: String,
    /// When it began, in seconds since the epoch.
    pub started: i64,
    /// How long it may take.
    pub timeout: Duration,
    /// The agent's image.
    pub image: String,
    /// Whether the node fetches it.
    pub pull_policy: &'static str,
}

impl Run {
    /// When what it made is of no use any more.
    pub fn expires(&self) -> i64 {
        self.started.saturating_add(i64::try_from(self.timeout.as_secs()).unwrap_or(i64::MAX))
    }

    /// How long the agent waits for scans: a little longer than the run, so that it never ends first.
    fn hold(&self) -> String {
        format!("{}s", self.timeout.as_secs().saturating_add(60).min(86_400))
    }

    fn metadata(&self, name: &str, owner: Option<&Json>) -> Json {
        let mut metadata = json!({
            "name": name,
            "namespace": self.namespace,
            "labels": { MANAGED_BY.0: MANAGED_BY.1, RUN_LABEL: self.id, "run-id": self.id },
        });
        if let (Some(owner), Some(map)) = (owner, metadata.as_object_mut()) {
            map.insert("ownerReferences".to_owned(), json!([owner]));
        }
        metadata
    }

    /// The name of the run's service account, role and binding: what audit logs show.
    pub fn account_name(&self) -> String {
        format!("scanner-{}", self.id)
    }

    /// The record of the run, which owns the rest: removing it removes them.
    pub fn record(&self, planned: &[String], pod: Option<&Target>) -> Json {
        let owner = pod.map(|pod| owner("Pod", &pod.pod, &pod.pod_uid));
        let mut record = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": self.metadata(&format!("assay-run-{}", self.id), owner.as_ref()),
            "immutable": true,
            "data": { "started": self.started.to_string(), "planned": planned.join("\n") },
        });
        if let Some(metadata) = record.get_mut("metadata").and_then(Json::as_object_mut) {
            metadata.insert("annotations".to_owned(), json!({ EXPIRES: self.expires().to_string() }));
        }
        record
    }

    /// The account that the scan runs as.
    pub fn service_account(&self, owner: Option<&Json>) -> Json {
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": self.metadata(&self.account_name(), owner),
            "automountServiceAccountToken": false,
        })
    }

    /// What the account may do.
    pub fn role(&self, rules: &[Json], owner: Option<&Json>) -> Json {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": self.metadata(&format!("scanner-role-{}", self.id), owner),
            "rules": rules,
        })
    }

    /// The account may do it.
    pub fn role_binding(&self, owner: Option<&Json>) -> Json {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": self.metadata(&format!("scanner-binding-{}", self.id), owner),
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "Role",
                "name": format!("scanner-role-{}", self.id),
            },
            "subjects": [{ "kind": "ServiceAccount", "name": self.account_name(), "namespace": self.namespace }],
        })
    }

    /// A ConfigMap with one file; without any where it is too large for one.
    pub fn config_map(&self, name: &str, (file, content): &(String, Vec<u8>), owner: Option<&Json>) -> Json {
        let mut map = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": self.metadata(name, owner),
            "immutable": true,
        });
        if content.len() <= MAX_CONFIG_MAP
            && let Some(map) = map.as_object_mut()
        {
            match std::str::from_utf8(content) {
                Ok(text) if !text.contains('\0') => map.insert("data".to_owned(), json!({ file.as_str(): text })),
                _ => map.insert("binaryData".to_owned(), json!({ file.as_str(): ByteString(content.clone()) })),
            };
        }
        map
    }

    /// The ephemeral container that the agent waits in. Its record stays with the pod, so nothing secret is in it.
    pub fn ephemeral_container(&self, name: &str, target: &Target, security: &Security) -> Json {
        let mut container = self.agent(name, security);
        container.insert("targetContainerName".to_owned(), json!(target.container));
        Json::Object(container)
    }

    /// A pod that has the target's image mounted, and the agent waiting.
    pub fn image_pod(&self, image: &ImageVolume, security: &Security, owner: Option<&Json>) -> Json {
        let mut scanner = self.agent(SCANNER, security);
        scanner.insert("resources".to_owned(), limits());
        scanner.insert(
            "volumeMounts".to_owned(),
            json!([{ "name": "target", "mountPath": TARGET_FOLDER, "readOnly": true }]),
        );
        let volumes =
            json!([{ "name": "target", "image": { "reference": image.reference, "pullPolicy": image.pull_policy } }]);
        let mut spec = self.pod_spec(&image.pull_secrets);
        spec.insert("containers".to_owned(), json!([scanner]));
        spec.insert("volumes".to_owned(), volumes);
        if let Some(node) = &image.node {
            spec.insert("nodeName".to_owned(), json!(node));
        }
        if !image.tolerations.is_empty() {
            spec.insert("tolerations".to_owned(), json!(image.tolerations));
        }
        self.pod(&self.image_pod_name(), spec, owner)
    }

    /// The name of the pod with the image.
    pub fn image_pod_name(&self) -> String {
        format!("image-scanner-{}", self.id)
    }

    /// The name of the pod with target and scanner.
    pub fn sidecar_pod_name(&self) -> String {
        format!("sidecar-scanner-{}", self.id)
    }

    /// A pod that runs the target's image with the agent beside it.
    pub fn sidecar_pod(&self, sidecar: &Sidecar, security: &Security, owner: Option<&Json>) -> Json {
        let mut target = object(json!({
            "name": TARGET,
            "image": sidecar.reference,
            "imagePullPolicy": self.pull_policy,
            "resources": limits(),
        }));
        if !sidecar.command.is_empty() {
            target.insert("command".to_owned(), json!(sidecar.command));
        }
        // As it is by default: a read-only root, or none of its capabilities, may be what it does not start with. What is set
        // is what Pod Security `restricted` asks for.
        let mut context = json!({
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
            "runAsNonRoot": sidecar.run_as.is_none_or(|(user, _)| user != 0),
            "seccompProfile": { "type": "RuntimeDefault" },
        });
        if let (Some((user, group)), Some(context)) = (sidecar.run_as, context.as_object_mut()) {
            context.insert("runAsUser".to_owned(), json!(user));
            context.insert("runAsGroup".to_owned(), json!(group));
        }
        target.insert("securityContext".to_owned(), context);
        let mut scanner = self.agent(SCANNER, security);
        scanner.insert("resources".to_owned(), limits());
        scanner.insert(
            "volumeMounts".to_owned(),
            json!([
                { "name": "profiles", "mountPath": "/opt/profiles", "readOnly": true },
                { "name": "thresholds", "mountPath": "/opt/thresholds", "readOnly": true },
            ]),
        );
        let mut spec = self.pod_spec(&sidecar.pull_secrets);
        spec.insert("shareProcessNamespace".to_owned(), json!(true));
        spec.insert("containers".to_owned(), json!([target, scanner]));
        spec.insert(
            "volumes".to_owned(),
            json!([
                { "name": "profiles", "configMap": { "name": format!("inspec-profile-{}", self.id) } },
                { "name": "thresholds", "configMap": { "name": format!("inspec-threshold-{}", self.id) } },
            ]),
        );
        self.pod(&self.sidecar_pod_name(), spec, owner)
    }

    /// Nobody talks to a scanner's pod, and it talks to nobody.
    pub fn network_policy(&self, owner: Option<&Json>) -> Json {
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": self.metadata(&format!("scanner-deny-{}", self.id), owner),
            "spec": {
                "podSelector": { "matchLabels": { RUN_LABEL: self.id } },
                "policyTypes": ["Egress", "Ingress"],
            },
        })
    }

    fn pod(&self, name: &str, spec: Map<String, Json>, owner: Option<&Json>) -> Json {
        let mut metadata = self.metadata(name, owner);
        if let Some(labels) = metadata.get_mut("labels").and_then(Json::as_object_mut) {
            labels.insert("app".to_owned(), json!("scanner-pod"));
        }
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec })
    }

    fn pod_spec(&self, pull_secrets: &[String]) -> Map<String, Json> {
        let secrets: Vec<Json> = pull_secrets.iter().map(|name| json!({ "name": name })).collect();
        object(json!({
            "activeDeadlineSeconds": self.timeout.as_secs().saturating_add(120),
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "imagePullSecrets": secrets,
        }))
    }

    fn agent(&self, name: &str, security: &Security) -> Map<String, Json> {
        object(json!({
            "name": name,
            "image": self.image,
            "imagePullPolicy": self.pull_policy,
            "args": ["hold", "--for", self.hold()],
            "securityContext": security.context(),
        }))
    }
}

/// As whom the agent runs, with which rights of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Security {
    /// User and group.
    pub identity: Identity,
    /// With SYS_PTRACE and DAC_READ_SEARCH, which reach only root.
    pub read_all: bool,
}

impl Security {
    fn context(&self) -> Json {
        let Identity { user, group } = self.identity;
        let mut capabilities = json!({ "drop": ["ALL"] });
        if let (true, Some(map)) = (self.read_all, capabilities.as_object_mut()) {
            map.insert("add".to_owned(), json!(["SYS_PTRACE", "DAC_READ_SEARCH"]));
        }
        json!({
            "allowPrivilegeEscalation": false,
            "capabilities": capabilities,
            "privileged": false,
            "readOnlyRootFilesystem": true,
            "runAsGroup": group,
            "runAsNonRoot": user != 0,
            "runAsUser": user,
            "seccompProfile": { "type": "RuntimeDefault" },
        })
    }
}

/// What is mounted, and where.
#[derive(Clone, Debug)]
pub struct ImageVolume {
    /// The image as the kubelet takes it.
    pub reference: String,
    /// Whether the node fetches it.
    pub pull_policy: &'static str,
    /// The node.
    pub node: Option<String>,
    /// Secrets to fetch images with.
    pub pull_secrets: Vec<String>,
    /// Taints of the node that the target tolerates.
    pub tolerations: Vec<Json>,
}

/// What runs with the scanner beside it.
#[derive(Clone, Debug)]
pub struct Sidecar {
    /// The image.
    pub reference: String,
    /// Its command; the image's own where it is empty.
    pub command: Vec<String>,
    /// User and group.
    pub run_as: Option<(i64, i64)>,
    /// Secrets to fetch images with.
    pub pull_secrets: Vec<String>,
}

/// A scanner's pod is small. The agent reads images in streams.
fn limits() -> Json {
    json!({ "limits": { "cpu": "1", "memory": "256Mi" }, "requests": { "cpu": "10m", "memory": "32Mi" } })
}

fn object(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}

/// A reference to an owner: when it goes, what it owns goes.
pub fn owner(kind: &str, name: &str, uid: &str) -> Json {
    json!({ "apiVersion": "v1", "kind": kind, "name": name, "uid": uid })
}
