//! A real Kubernetes for tests: the cluster that ASSAY_KUBECONFIG names, by kubectl, in a namespace of the test's own.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fixture::{Run, repository, skipped};
use crate::podman::Podman;

/// What does not come ends the test, and nothing takes nearly so long.
const HANG: Duration = Duration::from_secs(120);

/// A namespace with pods, deleted at its end, and an engine to make images with.
pub struct Namespace {
    pub name: String,
    pub podman: Podman,
    kubeconfig: PathBuf,
    images: PathBuf,
}

impl Namespace {
    /// A namespace that enforces a level of Pod Security: privileged, baseline, restricted. `None`, and said so, where there
    /// is no cluster or what its pods are made of.
    pub fn new(test: &str, level: &str) -> Option<Namespace> {
        let given = |variable: &str, what: &str| {
            let value = std::env::var_os(variable).map(PathBuf::from);
            if value.is_none() {
                skipped(test, what);
            }
            value
        };
        let kubeconfig = given("ASSAY_KUBECONFIG", "ASSAY_KUBECONFIG, a cluster's (tests/cluster/up starts one)")?;
        let images = given("ASSAY_IMAGES", "ASSAY_IMAGES, the folder that images/build was run with")?;
        if Command::new("kubectl").args(["version", "--client"]).output().is_err() {
            skipped(test, "kubectl");
            return None;
        }
        let podman = Podman::new(test)?;
        let start = Instant::now();
        let words: Vec<&str> = test.split('_').take(4).collect();
        let name = format!("assay-{}-{}", std::process::id(), words.join("-"));
        let space = Namespace { name, podman, kubeconfig, images };
        let labels = json!({ "pod-security.kubernetes.io/enforce": level });
        space.create(&json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": space.name, "labels": labels },
        }));
        // Without it no pod is admitted.
        while space.kubectl(&["get", "serviceaccount", "default"]).code != 0 {
            assert!(start.elapsed() < HANG, "the namespace {} gets no service account", space.name);
        }
        Some(space)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command.env("KUBECONFIG", &self.kubeconfig).args(["--namespace", &self.name]).args(arguments);
        command
    }

    /// Runs kubectl, whatever comes of it.
    pub fn kubectl(&self, arguments: &[&str]) -> Run {
        self.command(arguments).stdin(Stdio::null()).output().unwrap().into()
    }

    /// Runs kubectl with something on standard input.
    pub fn fed(&self, input: &[u8], arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap().into()
    }

    pub fn create(&self, object: &Value) {
        let run = self.fed(object.to_string().as_bytes(), &["create", "-f", "-"]);
        assert_eq!(run.code, 0, "{}: {object:#}", run.stderr);
    }

    /// Gives the cluster's node an image of the podman of this test, by its name there.
    pub fn give(&self, name: &str) {
        let archive = self.podman.0.path(&format!("{name}.oci"));
        let source = format!("oci-archive:{}", archive.display());
        let image = format!("localhost/{name}:1");
        self.podman.run(&["save", "--quiet", "--format", "oci-archive", "-o", archive.to_str().unwrap(), &image]);
        load(&source, &image);
    }

    /// Makes an image of a fixture's tree, as the tests of podman have it, and gives it to the node.
    pub fn give_fixture(&self, kind: &str) {
        self.podman.fixture(kind);
        self.give(kind);
    }

    /// Gives the node the image `shell`: busybox's programs in /shell.
    pub fn give_shell(&self) {
        let tree = self.podman.0.path("shell-tree");
        fs::create_dir_all(&tree).unwrap();
        self.podman.put_shell(&tree);
        self.podman.image(
            "shell",
            &tree,
            &["ENTRYPOINT [\"/shell/sh\", \"-c\"]", "ENV PATH=/shell", "USER 65532:65532"],
        );
        self.give("shell");
    }

    /// Gives the node one of the images that ship.
    pub fn give_shipped(&self, image: &str) {
        load(self.images.join(image).to_str().unwrap(), &format!("localhost/assay-{image}:1"));
    }

    /// What lies at a path in the images that ship.
    pub fn staged(&self, path: &str) -> PathBuf {
        let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        self.images.join("stage").join(arch).join(path.trim_start_matches('/'))
    }

    /// Starts a pod, and waits until its first container runs; what the cluster says of it then.
    pub fn start(&self, name: &str, spec: &Value) -> Value {
        let mut whole = json!({ "restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": false });
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        self.create(&json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": whole }));
        let first = spec["containers"][0]["name"].as_str().unwrap();
        self.until(name, first, "running")
    }

    pub fn pod(&self, name: &str) -> Value {
        let run = self.kubectl(&["get", "pod", name, "-o", "json"]);
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr))
    }

    /// Waits until a container is `running` or `terminated`; what the cluster says of the pod then.
    pub fn until(&self, pod: &str, container: &str, state: &str) -> Value {
        let start = Instant::now();
        loop {
            let seen = self.pod(pod);
            let status = status(&seen, container);
            if status["state"][state].is_object() {
                return seen;
            }
            let over = start.elapsed() > HANG || status["state"]["terminated"].is_object();
            assert!(!over, "{container} of {pod} is not {state}: {:#}", seen["status"]);
        }
    }

    /// Adds ephemeral containers to a pod, as `kubectl debug` does, and waits until they run.
    pub fn debug(&self, pod: &str, containers: &[Value]) {
        let mut whole = self.pod(pod);
        let spec = whole["spec"].as_object_mut().unwrap();
        let all = spec.entry("ephemeralContainers").or_insert_with(|| json!([])).as_array_mut().unwrap();
        all.extend(containers.iter().cloned());
        let place = format!("/api/v1/namespaces/{}/pods/{pod}/ephemeralcontainers", self.name);
        let run = self.fed(whole.to_string().as_bytes(), &["replace", "--raw", &place, "-f", "-"]);
        assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
        for container in containers {
            self.until(pod, container["name"].as_str().unwrap(), "running");
        }
    }

    /// Runs assay in a container that has it, with something on standard input.
    pub fn assay(&self, pod: &str, container: &str, input: &str, arguments: &[&str]) -> Run {
        let fixed = ["exec", "-i", pod, "-c", container, "--", "/assay"];
        self.fed(input.as_bytes(), &[&fixed[..], arguments].concat())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.kubectl(&["delete", "namespace", &self.name, "--wait=false"]);
    }
}

/// The status of a pod's container of any kind.
pub fn status<'a>(pod: &'a Value, container: &str) -> &'a Value {
    let kinds = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
    let all = kinds.into_iter().filter_map(|kind| pod["status"][kind].as_array()).flatten();
    all.into_iter().find(|status| status["name"] == container).unwrap_or(&Value::Null)
}

/// Gives the cluster's node an image, once.
fn load(source: &str, name: &str) {
    static LOADED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut loaded = LOADED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if loaded.insert(name.to_owned()) {
        let program = std::env::var_os("ASSAY_LOAD").map_or_else(|| repository("tests/cluster/load"), PathBuf::from);
        let output = Command::new(&program).args([source, name]).output();
        let run: Run = output.unwrap_or_else(|error| panic!("{}: {error}", program.display())).into();
        assert_eq!(run.code, 0, "{}: {}{}", Path::new(&program).display(), run.stdout, run.stderr);
    }
}

/// What Pod Security calls `restricted`, for the user of an image.
pub fn least() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] },
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}

/// A container of an image that the node has, with the least rights.
pub fn container(name: &str, image: &str) -> Value {
    json!({
        "name": name,
        "image": format!("localhost/{image}:1"),
        "imagePullPolicy": "Never",
        "securityContext": least(),
    })
}

/// One that is added to a running pod and shares the processes of its container `app`.
pub fn beside_app(container: Value) -> Value {
    with(container, "targetContainerName", json!("app"))
}

/// An object with one more field, or another value for it.
pub fn with(mut object: Value, field: &str, value: Value) -> Value {
    object[field] = value;
    object
}
