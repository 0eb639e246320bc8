//! kubectl-assay from outside: what it says without a cluster, and, where ASSAY_KUBECONFIG names one, what it finds there.

#![cfg(feature = "launcher")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod cluster;
mod fixture;
mod podman;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use cluster::{Namespace, container, least, with};
use fixture::{Run, Scratch, repository};
use serde_json::{Value, json};

/// The script of this name in deploy/scripts, in a folder, which finds the launcher as it is found where it is installed.
fn script(folder: &Path, name: &str) -> Command {
    let programs = Path::new(env!("CARGO_BIN_EXE_kubectl-assay")).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(programs.to_owned()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let mut command = Command::new(repository("deploy/scripts").join(name));
    command
        .current_dir(folder)
        .env("PATH", path.unwrap())
        .env("HOME", folder)
        .env_remove("KUBECONFIG")
        .stdin(Stdio::null());
    command
}

const PROFILE: &str =
    "schema: 1\nname: p\ncontrols:\n  - {id: a, title: t, checks: [{file: /etc/passwd, expect: {exist: true}}]}\n";

/// Nobody listens there.
const NOWHERE: &str = "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
    clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]\nusers: [{name: u, user: {}}]\n\
    contexts: [{name: c, context: {cluster: c, user: u}}]\n";

/// kubectl-assay in a folder, without any cluster of the caller's.
fn launcher(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-assay"));
    command.current_dir(folder).env("HOME", folder).stdin(Stdio::null());
    for name in ["KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "ASSAY_IMAGE", "NO_COLOR"] {
        command.env_remove(name);
    }
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Run {
    launcher(folder).args(arguments).output().unwrap().into()
}

fn stage() -> Scratch {
    let stage = Scratch::new();
    stage.write("p.yaml", PROFILE);
    stage.write("nowhere", NOWHERE);
    stage
}

/// The commands that talk to a cluster.
const TALKING: [&[&str]; 7] = [
    &["scan", "web", "--profile", "p.yaml"],
    &["scan-image", "app:1", "--profile", "p.yaml"],
    &["scan-with-sidecar", "app:1", "--profile", "p.yaml"],
    &["preflight"],
    &["preflight", "web"],
    &["cleanup"],
    &["version"],
];

#[test]
fn without_a_kubeconfig_there_is_no_cluster() {
    let stage = stage();
    for arguments in TALKING {
        let found = run(&stage.0, arguments);
        assert_eq!(found.code, 2, "{arguments:?}: {}", found.stderr);
        assert!(found.stderr.starts_with("error: no cluster to talk to: "), "{arguments:?}: {}", found.stderr);
        assert!(found.stderr.contains("next: name a kubeconfig by --kubeconfig or KUBECONFIG"), "{}", found.stderr);
    }
}

#[test]
fn a_cluster_that_is_not_there_is_said_so() {
    let stage = stage();
    for arguments in TALKING {
        let found = run(&stage.0, &[arguments, &["--kubeconfig", "nowhere"]].concat());
        assert_eq!(found.code, 105, "{arguments:?}: {}", found.stderr);
        assert!(found.stderr.starts_with("error: cannot "), "{arguments:?}: {}", found.stderr);
        assert!(found.stderr.contains("next: is the cluster reachable?"), "{arguments:?}: {}", found.stderr);
    }
    let mut names: Vec<_> = fs::read_dir(&stage.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["nowhere", "p.yaml"], "no results of a scan that was none");
}

#[test]
fn wrong_usage_is_2() {
    let stage = stage();
    let rows: [(&[&str], &str); 8] = [
        (&["scan", "web"], "--profile <PROFILE>"),
        (&["scan", "deployment/web", "--profile", "p.yaml"], "only pods can be scanned: POD or pod/POD"),
        (&["scan", "web", "--profile", "p.yaml", "--via", "ssh"], "[possible values: auto, debug, image, exec]"),
        (&["scan", "web", "--profile", "p.yaml", "--run-id", "A b"], "a run is named with"),
        (&["scan", "web", "--profile", "none.yaml"], "none.yaml"),
        (&["preflight", "-c", "app"], "<POD>"),
        (&["preflight", "-o", "xml"], "[possible values: json]"),
        (&["explain", "--risk-acceptance", "md"], "--via <WAY>"),
    ];
    for (arguments, said) in rows {
        let found = run(&stage.0, arguments);
        assert!(matches!(found.code, 2 | 102), "{arguments:?}: {}: {}", found.code, found.stderr);
        assert!(found.stderr.contains(said), "{arguments:?}: {}", found.stderr);
    }
}

#[test]
fn the_rights_of_a_caller_are_a_role() {
    let stage = stage();
    for way in ["debug", "image", "exec", "sidecar"] {
        let found = run(&stage.0, &["rbac", "--via", way, "--minor", "34", "-n", "shop"]);
        assert_eq!(found.code, 0, "{}", found.stderr);
        let role: Value = serde_yaml::from_str(&found.stdout).unwrap();
        assert_eq!((&role["kind"], &role["metadata"]["namespace"]), (&json!("Role"), &json!("shop")));
        let rules = role["rules"].as_array().unwrap();
        let all = || rules.iter().flat_map(|rule| rule["verbs"].as_array().unwrap());
        assert!(all().all(|verb| verb != "*" && verb != "bind" && verb != "escalate"), "{way}: {}", found.stdout);
    }
}

#[test]
fn scripts_say_how_they_are_used() {
    let stage = stage();
    for name in ["scan-container.sh", "scan-distroless-container.sh", "scan-with-sidecar.sh", "generate-kubeconfig.sh"]
    {
        let found: Run = script(&stage.0, name).arg("one").output().unwrap().into();
        assert_eq!(found.code, 2, "{name}: {}", found.stderr);
        assert!(found.stderr.contains(&format!("\nusage: {name} NAMESPACE ")), "{name}: {}", found.stderr);
        assert!(!found.stderr.contains("set -eu"), "{name}: {}", found.stderr);
    }
}

#[test]
fn scripts_end_with_the_launchers_code() {
    let stage = stage();
    for (name, arguments) in
        [("scan-container.sh", &["n", "web", "app", "p.yaml"][..]), ("scan-with-sidecar.sh", &["n", "app:1", "p.yaml"])]
    {
        let found: Run = script(&stage.0, name).args(arguments).env("KUBECONFIG", "nowhere").output().unwrap().into();
        assert_eq!(found.code, 105, "{name}: {}", found.stderr);
        assert!(found.stderr.starts_with("error: cannot "), "{name}: {}", found.stderr);
        let found: Run = script(&stage.0, name).args(arguments).arg("--no-such-option").output().unwrap().into();
        assert_eq!(found.code, 2, "{name}: {}", found.stderr);
    }
}

#[test]
fn each_way_is_explained_without_a_cluster() {
    let stage = stage();
    let matrix = run(&stage.0, &["explain"]);
    assert_eq!((matrix.code, matrix.stderr.as_str()), (0, ""));
    let head: Vec<&str> = matrix.stdout.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(head, ["DEBUG", "IMAGE", "EXEC", "SIDECAR"]);
    for question in ["Distroless", "Pod Security", "Trust in the", "It touches", "It sees", "Rights of"] {
        assert!(matrix.stdout.lines().any(|line| line.starts_with(question)), "{question}: {}", matrix.stdout);
    }
    let documents = [
        "NIST SP 800-190",
        "CIS Kubernetes Benchmark",
        "Kubernetes STIG",
        "Container Platform SRG",
        "DoDI 8500.01",
        "Kubernetes Hardening Guidance",
        "MITRE ATT&CK",
    ];
    for way in ["debug", "image", "exec", "sidecar"] {
        let page = run(&stage.0, &["explain", "--via", way]);
        let form = run(&stage.0, &["explain", "--via", way, "--risk-acceptance", "md"]);
        assert_eq!((page.code, form.code), (0, 0));
        for document in documents {
            assert!(page.stdout.contains(document) && form.stdout.contains(document), "{way}: {document}");
        }
        assert!(form.stdout.starts_with(&format!("# Risk acceptance: scans of containers by assay, way `{way}`\n")));
        let fields = [
            "| System, and its owner |",
            "## Why it is needed",
            "## Risks and mitigations in place",
            "| Ends on (date)",
            "| By (name, role, authority) |",
            "run=RUN",
            "-l assay.dev/run=RUN",
        ];
        for field in fields {
            assert!(form.stdout.contains(field), "{way}: {field}");
        }
    }
}

/// kubectl-assay in a namespace of a cluster.
struct Cluster {
    space: Namespace,
    stage: Scratch,
}

impl Cluster {
    /// `None`, and said so, where there is none.
    fn new(test: &str, level: &str) -> Option<Cluster> {
        let space = Namespace::new(test, level)?;
        space.give_fixture("static");
        Some(Cluster { space, stage: stage() })
    }

    /// A pod with one container, which runs when this returns.
    fn pod(&self, name: &str, security: &Value) {
        let mut container = container("app", "static");
        container["securityContext"] = security.clone();
        self.space.start(name, &json!({ "containers": [container] }));
    }

    /// Rules for a service account that is made, and its name as a user.
    fn user(&self, name: &str, rules: &Value) -> String {
        let (api, namespace) = ("rbac.authorization.k8s.io", &self.space.name);
        self.space.create(&json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name } }));
        self.space.create(&json!({
            "apiVersion": format!("{api}/v1"), "kind": "Role", "metadata": { "name": name }, "rules": rules,
        }));
        self.space.create(&json!({
            "apiVersion": format!("{api}/v1"), "kind": "RoleBinding", "metadata": { "name": name },
            "roleRef": { "apiGroup": api, "kind": "Role", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": namespace }],
        }));
        format!("system:serviceaccount:{namespace}:{name}")
    }

    fn assay(&self, arguments: &[&str]) -> Run {
        let mut command = launcher(&self.stage.0);
        command.env("KUBECONFIG", std::env::var_os("ASSAY_KUBECONFIG").unwrap());
        command.args(arguments).args(["-n", &self.space.name]).output().unwrap().into()
    }

    fn preflight(&self, arguments: &[&str]) -> (i32, Value) {
        let found = self.assay(&[&["preflight", "-o", "json"], arguments].concat());
        let json = serde_json::from_str(&found.stdout).unwrap_or_else(|_| panic!("{}{}", found.stdout, found.stderr));
        (found.code, json)
    }
}

fn state<'a>(found: &'a Value, key: &str, name: &str) -> &'a Value {
    let list = if key == "item" { "items" } else { "ways" };
    let entry = found[list].as_array().unwrap().iter().find(|entry| entry[key] == name);
    &entry.unwrap_or_else(|| panic!("{name} is not in {found:#}"))["state"]
}

#[test]
fn preflight_says_what_would_do() {
    let Some(cluster) = Cluster::new("preflight_says_what_would_do", "restricted") else { return };
    cluster.pod("web", &with(with(least(), "runAsUser", json!(65532)), "runAsGroup", json!(65532)));
    let before = cluster.space.kubectl(&["get", "pod", "web", "-o", "json"]).stdout;
    let (code, found) = cluster.preflight(&["web"]);
    assert_eq!(code, 0, "{found:#}");
    assert_eq!((&found["container"], &found["would_do_by"]), (&json!("app"), &json!("debug")));
    for item in ["API server", "ephemeral containers", "container runs", "no static pod", "user of the container"] {
        assert_eq!(state(&found, "item", item), "ok");
    }
    assert_eq!(state(&found, "item", "admission of a scanner's container"), "ok");
    assert_eq!(state(&found, "way", "exec"), "unknown", "only a try tells");
    // Nothing was made, and the pod is as it was.
    assert_eq!(cluster.space.kubectl(&["get", "pod", "web", "-o", "json"]).stdout, before);
    let left = cluster.space.kubectl(&[
        "get",
        "pods,configmaps,roles,rolebindings,serviceaccounts,networkpolicies",
        "-o",
        "name",
        "-l",
        "app.kubernetes.io/managed-by=assay",
    ]);
    assert_eq!(left.stdout, "");
    let table = cluster.assay(&["preflight", "web"]);
    assert!(table.stdout.contains("\na scan would do by debug\n"), "{}", table.stdout);
}

#[test]
fn preflight_knows_whom_the_kernel_lets_in() {
    let Some(cluster) = Cluster::new("preflight_knows_whom_the_kernel_lets_in", "privileged") else { return };
    cluster.pod("root", &json!({ "runAsUser": 0 }));
    let (_, found) = cluster.preflight(&["root"]);
    assert_eq!(state(&found, "item", "user of the container"), "missing");
    assert_eq!(state(&found, "way", "debug"), "missing");
    cluster.pod("bare", &json!({ "runAsUser": 0, "capabilities": { "drop": ["ALL"] } }));
    let (code, found) = cluster.preflight(&["bare"]);
    assert_eq!((code, state(&found, "way", "debug")), (0, &json!("ok")));
    // A namespace that has become stricter than its pods.
    let label = "pod-security.kubernetes.io/enforce=restricted";
    cluster.space.kubectl(&["label", "--overwrite", "namespace", &cluster.space.name, label]);
    let (_, found) = cluster.preflight(&["bare"]);
    assert_eq!(state(&found, "item", "admission of a scanner's container"), "missing");
    let (code, found) = cluster.preflight(&["none"]);
    assert_eq!((code, state(&found, "item", "pod none")), (105, &json!("missing")));
    assert_eq!(found["would_do_by"], Value::Null);
}

#[test]
fn preflight_asks_for_each_right() {
    let Some(cluster) = Cluster::new("preflight_asks_for_each_right", "restricted") else { return };
    cluster.pod("web", &least());
    let rule = |resource: &str, verbs: &[&str]| json!({ "apiGroups": [""], "resources": [resource], "resourceNames": ["web"], "verbs": verbs });
    let rules = json!([
        rule("pods", &["get"]),
        rule("pods/exec", &["create", "get"]),
        rule("pods/ephemeralcontainers", &["patch"]),
    ]);
    let user = cluster.user("narrow", &rules);
    // With rights to one pod only: enough for a scan that makes no rights, and for no other.
    let (code, found) = cluster.preflight(&["web", "--no-rbac", "--as", &user]);
    assert_eq!((code, &found["would_do_by"], &found["user"]), (0, &json!("debug"), &json!(user)), "{found:#}");
    assert_eq!(state(&found, "item", "Pod Security of the namespace"), "unknown");
    let (code, found) = cluster.preflight(&["web", "--as", &user]);
    assert_eq!((code, state(&found, "way", "debug")), (105, &json!("missing")));
    assert_eq!(state(&found, "item", "right: roles"), "missing");
    let roles = found["items"].as_array().unwrap().iter().find(|item| item["item"] == "right: roles").unwrap();
    assert!(roles["next"].as_str().unwrap().contains("--no-rbac"), "{roles}");
    // What `rbac` prints is what it takes.
    let granted = cluster.assay(&["rbac", "--via", "debug"]);
    let role: Value = serde_yaml::from_str(&granted.stdout).unwrap();
    let user = cluster.user("granted", &role["rules"]);
    let (code, found) = cluster.preflight(&["web", "--as", &user]);
    assert_eq!((code, &found["would_do_by"]), (0, &json!("debug")), "{found:#}");
    assert_eq!(state(&found, "item", "rights to list"), "ok");
}

/// Names in a folder, in order; nobody but their owner may read these files.
fn private_files(folder: &Path, known: impl Fn(&str) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if known(&name) {
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{name}");
            names.push(name);
        }
    }
    names.sort();
    names
}

#[test]
fn scripts_do_what_their_users_know() {
    let Some(cluster) = Cluster::new("scripts_do_what_their_users_know", "restricted") else { return };
    cluster.space.give_shipped("debug");
    cluster.pod("web", &least());
    let namespace = &cluster.space.name;
    let left = |run: &str| {
        let kinds = "pods,configmaps,roles,rolebindings,serviceaccounts,networkpolicies";
        cluster.space.kubectl(&["get", kinds, "-l", &format!("run-id={run}"), "-o", "name"]).stdout
    };
    let there = Scratch::new();
    there.write("p.yaml", PROFILE);
    there.write("strict.yml", "compliance:\n  min: 100\npassed:\n  total:\n    min: 2\n");
    let kubeconfig = std::env::var("ASSAY_KUBECONFIG").unwrap();
    let run = |name: &str, id: &str, arguments: &[&str]| -> Run {
        let mut command = script(&there.0, name);
        command.env("KUBECONFIG", &kubeconfig).env("ASSAY_IMAGE", "localhost/assay-debug:1").env("RUN_ID", id);
        command.arg(namespace).args(arguments).output().unwrap().into()
    };

    let found = run("scan-distroless-container.sh", "1", &["web", "app", "p.yaml"]);
    assert_eq!(found.code, 0, "{}", found.stderr);
    let found = run("scan-container.sh", "2", &["web", "app", "p.yaml", "strict.yml", "--yes"]);
    assert_eq!(found.code, 103, "the threshold is not met: {}", found.stderr);
    let files = ["scan-results-1.json", "scan-results-2.json", "scan-summary-1.md", "scan-summary-2.md"];
    let known = |name: &str| name.starts_with("scan-");
    assert_eq!(private_files(&there.0, known), files);
    assert_eq!((left("1"), left("2")), (String::new(), String::new()));

    let found = run("scan-with-sidecar.sh", "3", &["localhost/static:1", "p.yaml", "--image-pull-policy", "Never"]);
    assert_eq!(found.code, 0, "{}", found.stderr);
    let folder = there.path("scan-results-3");
    let names = ["complete", "scan-results.json", "scan-summary.md", "threshold-result.txt", "threshold.yml"];
    assert_eq!(private_files(&folder, |_| true), names);
    assert_eq!(fs::read_to_string(folder.join("threshold-result.txt")).unwrap(), "THRESHOLD_RESULT=0\n");
    assert_eq!(left("3"), "");

    let found = run("scan-with-sidecar.sh", "4", &["localhost/static:1", "p.yaml", "strict.yml", "--keep"]);
    assert_eq!(found.code, 103, "{}", found.stderr);
    let result = fs::read_to_string(there.path("scan-results-4/threshold-result.txt")).unwrap();
    assert_eq!(result, "THRESHOLD_RESULT=1\n");
    for object in ["pod/sidecar-scanner-4", "configmap/inspec-profile-4", "configmap/inspec-threshold-4"] {
        assert!(left("4").contains(object), "{object}: {}", left("4"));
    }
    assert_eq!(cluster.assay(&["cleanup", "--run", "4"]).code, 0);
    assert_eq!(left("4"), "");
}

#[test]
fn the_sidecars_script_asks_at_a_terminal_only() {
    let Some(cluster) = Cluster::new("the_sidecars_script_asks_at_a_terminal_only", "restricted") else { return };
    cluster.space.give_shipped("debug");
    let kubeconfig = std::env::var("ASSAY_KUBECONFIG").unwrap();
    for (answer, stays) in [("y\n", false), ("n\n", true)] {
        let id = format!("ask-{stays}");
        let inner = script(&cluster.stage.0, "scan-with-sidecar.sh");
        let line = format!(
            "{} {} localhost/static:1 p.yaml --image-pull-policy Never",
            inner.get_program().to_str().unwrap(),
            cluster.space.name
        );
        // script(1) gives it a terminal.
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).current_dir(&cluster.stage.0);
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("KUBECONFIG", &kubeconfig).env("ASSAY_IMAGE", "localhost/assay-debug:1").env("RUN_ID", &id);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        let found: Run = child.wait_with_output().unwrap().into();
        assert_eq!(found.code, 0, "{}", found.stdout);
        assert!(found.stdout.contains("Remove them now?"), "{}", found.stdout);
        let left = cluster.space.kubectl(&["get", "pods,configmaps", "-l", &format!("run-id={id}"), "-o", "name"]);
        assert_eq!(!left.stdout.is_empty(), stays, "{}", left.stdout);
    }
}

#[test]
fn the_kubeconfig_of_an_account_is_its_own() {
    let Some(cluster) = Cluster::new("the_kubeconfig_of_an_account_is_its_own", "restricted") else { return };
    let user = cluster.user("reader", &json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["list"] }]));
    let there = Scratch::new();
    let mut command = script(&there.0, "generate-kubeconfig.sh");
    command.env("KUBECONFIG", std::env::var_os("ASSAY_KUBECONFIG").unwrap());
    let found: Run = command.args([cluster.space.name.as_str(), "reader"]).output().unwrap().into();
    assert_eq!(found.code, 0, "{}", found.stderr);
    assert_eq!(private_files(&there.0, |name| name.starts_with("kube")), ["kubeconfig.yaml"]);
    let with_it = |arguments: &[&str]| -> Run {
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(there.path("kubeconfig.yaml")).args(arguments).output().unwrap().into()
    };
    assert!(with_it(&["auth", "whoami"]).stdout.contains(&user));
    assert_eq!((with_it(&["get", "pods"]).code, with_it(&["get", "secrets"]).code), (0, 1));
    let names = with_it(&["config", "view", "-o", "jsonpath={.clusters[0].name} {.contexts[0].name} {.users[0].name}"]);
    assert_eq!(names.stdout, "scanner-cluster scanner-context reader");
}
