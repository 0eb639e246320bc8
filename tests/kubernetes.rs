//! A real Kubernetes: scans from ephemeral debug containers and from sidecars, with the images that ship.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests make and read their own files")]

mod cluster;
mod fixture;
mod podman;

use cluster::{Namespace, beside_app, container, status, with};
use fixture::{Run, run};
use serde_json::{Value, json};

/// Asks for a file that everybody reads, for one that only root reads, and for one that is not there.
const PROFILE: &str = "schema: 1\nname: p\ncontrols:\n\
    \x20 - {id: open, title: t, checks: [{file: /etc/passwd, expect: {content: {match: root}}}]}\n\
    \x20 - {id: closed, title: t, checks: [{file: /secret, expect: {content: {match: only root}}}]}\n\
    \x20 - {id: absent, title: t, checks: [{file: /bin/sh, expect: {exist: false}}]}\n";

const SCAN: [&str; 6] = ["scan", "-", "--reporter", "json", "--target", "auto"];

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr))
}

/// Status and message of each control's first result.
fn results(report: &Value) -> Vec<(String, String)> {
    let controls = report["profiles"][0]["controls"].as_array().unwrap().iter();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let first = controls.map(|control| &control["results"][0]);
    first.map(|result| (word(&result["status"]), word(&result["message"]))).collect()
}

fn statuses(report: &Value) -> Vec<String> {
    results(report).into_iter().map(|(status, _)| status).collect()
}

/// What a report says of the container that was scanned.
fn live(report: &Value) -> &Value {
    &report["passthrough"]["assay"]["target"]["live"]
}

/// A container's id as the cluster has it, without the runtime's name.
fn id<'a>(pod: &'a Value, container: &str) -> &'a str {
    status(pod, container)["containerID"].as_str().unwrap().split_once("://").unwrap().1
}

/// Whether an id that assay found is that of the cluster. Only where control groups are hidden there is none.
fn is_id(found: &Value, wanted: &str) -> bool {
    let hidden = std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    found == wanted || (hidden && found.is_null())
}

/// An ephemeral container with the agent.
fn agent(name: &str) -> Value {
    beside_app(container(name, "assay-debug"))
}

/// An ephemeral container as people start them to look around.
fn shell(name: &str) -> Value {
    beside_app(with(container(name, "shell"), "args", json!(["sleep 10000"])))
}

/// An agent of another user, with other capabilities.
fn agent_of(name: &str, user: u32, group: u32, capabilities: &[&str]) -> Value {
    let rights = json!({
        "runAsUser": user,
        "runAsGroup": group,
        "capabilities": { "drop": ["ALL"], "add": capabilities },
    });
    with(agent(name), "securityContext", rights)
}

#[test]
fn under_pod_security_restricted_a_debug_container_needs_no_right() {
    let test = "under_pod_security_restricted_a_debug_container_needs_no_right";
    let Some(space) = Namespace::new(test, "restricted") else { return };
    space.give_fixture("static");
    space.give_shell();
    space.give_shipped("debug");
    let started = space.start("target", &json!({ "containers": [container("app", "static")] }));
    let app = id(&started, "app");
    let uid = started["metadata"]["uid"].as_str().unwrap();

    let is_target = |from: &str, how: &str| {
        let arguments = [&SCAN[..5], &[how]].concat();
        let scan = space.assay("target", from, PROFILE, &arguments);
        let report = json_of(&scan);
        assert_eq!(scan.code, 100, "{}", scan.stderr);
        assert_eq!(statuses(&report), ["passed", "failed", "passed"], "{report:#}");
        let closed = &report["profiles"][0]["controls"][1]["results"][0];
        assert!(closed["backtrace"].is_array(), "an error, not a failure: {closed:#}");
        let message = closed["message"].as_str().unwrap();
        assert!(message.contains("needs the file's uid or gid, or root with CAP_DAC_READ_SEARCH"), "{message}");
        assert_eq!(report["passthrough"]["assay"]["target"]["assurance"], "live, same user");
        let live = live(&report);
        assert_eq!((&live["pid"], &live["uid"], &live["gid"]), (&json!(1), &json!(65532), &json!(65532)), "{how}");
        assert_eq!((&live["container_name"], &live["pod_uid"]), (&json!("app"), &json!(uid)), "{live:#}");
        assert!(is_id(&live["container_id"], app), "{live:#}");
        assert_eq!(live["accepted_observers"], json!([]), "the agent was closed from its start");
    };
    space.debug("target", &[agent("agent")]);
    let by_id = format!("id={}", status(&started, "app")["containerID"].as_str().unwrap());
    for how in ["auto", "name=app"] {
        is_target("agent", how);
    }
    if !live_id_is_hidden(&space, "target", "agent") {
        is_target("agent", &by_id);
    }

    // The same beside earlier debug containers, and for those beside later ones.
    space.debug("target", &[shell("shell"), agent("agent-2")]);
    for from in ["agent", "agent-2"] {
        for how in ["auto", "name=app"] {
            is_target(from, how);
        }
        let locate = |how: &str| space.assay("target", from, "", &["locate", "--format", "json", "--target", how]);
        let other = if from == "agent" { "agent-2" } else { "agent" };
        for debugger in ["shell", other] {
            let found = json_of(&locate(&format!("name={debugger}")));
            assert_eq!(found["target"]["container_name"], debugger, "{found:#}");
            assert_ne!(found["target"]["pid"], 1);
        }
        let itself = locate(&format!("name={from}"));
        assert_eq!(itself.code, 104, "the scanner's own container is no target: {}", itself.stdout);
        // All three run this.
        let hint = locate("command=hold|sleep|idle");
        assert_eq!(hint.code, 104);
        assert!(hint.stderr.contains("3 containers fit, and none is taken by guess"), "{}", hint.stderr);
    }

    // Released, it ends; the others do not, and nothing was logged.
    assert_eq!(space.assay("target", "agent", "", &["release"]).code, 0);
    let ended = space.until("target", "agent", "terminated");
    assert_eq!(status(&ended, "agent")["state"]["terminated"]["exitCode"], 0, "{ended:#}");
    is_target("agent-2", "auto");
    let after = space.pod("target");
    assert_eq!((id(&after, "app"), &status(&after, "app")["restartCount"]), (app, &json!(0)));
    for name in ["agent", "agent-2"] {
        let log = space.kubectl(&["logs", "target", "-c", name]);
        assert_eq!((log.code, log.stdout.as_str()), (0, ""), "{name}: {}", log.stderr);
    }
}

/// Whether the ids of containers cannot be seen from within this cluster's containers.
fn live_id_is_hidden(space: &Namespace, pod: &str, from: &str) -> bool {
    let found = space.assay(pod, from, "", &["locate", "--format", "json", "--target", "name=app"]);
    let found = json_of(&found);
    let hidden = found["target"]["container_id"].is_null();
    assert!(is_id(&found["target"]["container_id"], id(&space.pod(pod), "app")), "{found:#}");
    hidden
}

#[test]
fn in_a_pod_that_shares_processes_containers_are_told_apart() {
    let test = "in_a_pod_that_shares_processes_containers_are_told_apart";
    let Some(space) = Namespace::new(test, "restricted") else { return };
    space.give_fixture("static");
    space.give_shell();
    space.give_shipped("debug");
    let shared = |containers: Value| json!({ "shareProcessNamespace": true, "containers": containers });
    let locate = |pod: &str, how: &str| space.assay(pod, "agent", "", &["locate", "--format", "json", "--target", how]);
    // The names and ids of the containers that were listed, and by whom.
    let listed = |run: &Run| -> Vec<String> {
        let found = json_of(run);
        assert_eq!((run.code, &found["ambiguous"], &found["target"]), (104, &json!(true), &Value::Null), "{found:#}");
        let candidates = found["candidates"].as_array().unwrap().iter();
        let names = candidates.map(|candidate| candidate["container_name"].as_str().unwrap().to_owned());
        let mut names: Vec<String> = names.collect();
        for name in &names {
            assert!(run.stderr.contains(&format!(" {name} ")), "{name}: {}", run.stderr);
        }
        names.sort();
        names
    };

    space.start("two", &shared(json!([container("app", "static"), container("log", "static")])));
    space.until("two", "log", "running");
    space.debug("two", &[agent("agent")]);
    let pod = space.pod("two");
    let ambiguous = locate("two", "auto");
    assert_eq!(listed(&ambiguous), ["app", "log"]);
    assert!(ambiguous.stderr.contains("2 containers fit, and none is taken by guess"), "{}", ambiguous.stderr);
    let scan = space.assay("two", "agent", PROFILE, &SCAN);
    assert_eq!((scan.code, scan.stdout.as_str()), (104, ""), "{}", scan.stderr);
    assert!(scan.stderr.contains("= help: choose one with --pid PID, --target name=NAME or --target id=ID"));
    assert_eq!(listed(&locate("two", "exe=/idle")), ["app", "log"], "both have it");
    for name in ["app", "log"] {
        let chosen = format!("id={}", status(&pod, name)["containerID"].as_str().unwrap());
        let mut ways = vec![format!("name={name}")];
        ways.extend((!live_id_is_hidden(&space, "two", "agent")).then_some(chosen));
        for how in ways {
            let scan = space.assay("two", "agent", PROFILE, &[&SCAN[..5], &[&how]].concat());
            let report = json_of(&scan);
            assert_eq!(statuses(&report), ["passed", "failed", "passed"], "{how}: {report:#}");
            assert_eq!(live(&report)["container_name"], name);
            assert!(is_id(&live(&report)["container_id"], id(&pod, name)), "{:#}", live(&report));
            assert_ne!(live(&report)["pid"], 1, "process 1 holds the namespaces");
        }
    }
    assert_eq!(locate("two", "name=none").code, 104);

    // One container beside what holds the namespaces is no guess; with somebody's debug container it would be one.
    space.start("one", &shared(json!([container("app", "static")])));
    space.debug("one", &[agent("agent")]);
    let found = json_of(&locate("one", "auto"));
    assert_eq!(found["target"]["container_name"], "app", "{found:#}");
    assert_ne!(found["target"]["pid"], 1);
    space.debug("one", &[shell("shell")]);
    assert_eq!(listed(&locate("one", "auto")), ["app", "shell"]);
    assert_eq!(json_of(&locate("one", "name=app"))["target"]["container_name"], "app");
}

#[test]
fn what_rights_are_missing_is_said_exactly() {
    let Some(space) = Namespace::new("what_rights_are_missing_is_said_exactly", "privileged") else { return };
    space.give_fixture("static");
    space.give_shipped("debug");
    let started = space.start("target", &json!({ "containers": [container("app", "static")] }));
    let two = ["SYS_PTRACE", "DAC_READ_SEARCH"];
    space.debug(
        "target",
        &[
            agent_of("user", 1000, 65532, &[]),
            agent_of("group", 65532, 0, &[]),
            agent_of("root", 0, 0, &[]),
            agent_of("without-effect", 1000, 1000, &two),
            agent_of("ptrace", 0, 0, &["SYS_PTRACE"]),
            agent_of("both", 0, 0, &two),
        ],
    );
    let user = |own: u32| format!("\n  - the target runs as uid 65532, this scanner as {own}");
    let group = |own: u32| format!("\n  - the target runs as gid 65532, this scanner as {own}");
    for (agent, why) in [
        ("user", user(1000)),
        ("group", group(0)),
        ("root", user(0) + &group(0)),
        // Kubernetes gives added capabilities to root only.
        ("without-effect", user(1000) + &group(1000)),
    ] {
        let refused = space.assay("target", agent, PROFILE, &SCAN);
        assert_eq!((refused.code, refused.stdout.as_str()), (104, ""), "{agent}: {}", refused.stderr);
        let (uid, id) = (started["metadata"]["uid"].as_str().unwrap(), id(&started, "app"));
        let whole = format!(
            ", process 1: the kernel does not let this scanner look into it{why}\n  \
             = help: run it as 65532:65532 without any capability (reads what the target's own user can read)\n  \
             = help: or as 0:0 with CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE (reads everything)\n"
        );
        assert!(
            refused.stderr.contains(&format!("error: container app of pod {uid}, ")),
            "{agent}: {}",
            refused.stderr
        );
        assert!(refused.stderr.contains(id), "{agent}: {}", refused.stderr);
        assert!(refused.stderr.contains(&whole), "{agent}: {}", refused.stderr);
        let plan = json_of(&space.assay("target", agent, "", &["locate", "--plan", "json"]));
        assert_eq!((&plan["reachable"], &plan["ways"][0]["runAsUser"]), (&json!(false), &json!(65532)));
    }
    // The file belongs to root, so it needs only the first of the two; one of another user would need both.
    for agent in ["ptrace", "both"] {
        let scan = space.assay("target", agent, PROFILE, &SCAN);
        assert_eq!(scan.code, 0, "{agent}: {}", scan.stderr);
        assert_eq!(statuses(&json_of(&scan)), ["passed", "passed", "passed"], "{agent}");
    }
    let framed = space.assay("target", "both", PROFILE, &[&SCAN[..], &["--framed"]].concat());
    let (frame, body) = framed.stdout.split_once('\n').unwrap();
    assert!(frame.starts_with(&format!("assay-frame 1 {} sha256:", body.len())), "{frame}");
}

#[test]
fn beside_a_container_and_in_its_folder_results_are_the_same() {
    let test = "beside_a_container_and_in_its_folder_results_are_the_same";
    let Some(space) = Namespace::new(test, "privileged") else { return };
    space.give_shipped("debug");
    let kinds = ["static", "base", "cc", "java", "nodejs", "python", "standard"];
    for kind in kinds {
        space.give_fixture(kind);
    }
    let mut containers: Vec<Value> = kinds.iter().map(|kind| container(kind, kind)).collect();
    let rights =
        json!({ "runAsUser": 0, "capabilities": { "drop": ["ALL"], "add": ["SYS_PTRACE", "DAC_READ_SEARCH"] } });
    containers.push(with(container("agent", "assay-debug"), "securityContext", rights));
    space.start("all", &json!({ "shareProcessNamespace": true, "containers": containers }));
    space.until("all", "agent", "running");
    for kind in kinds {
        space.until("all", kind, "running");
        for profile in ["distroless-baseline", "container-baseline"] {
            let (shipped, target) = (format!("/profiles/{profile}"), format!("name={kind}"));
            let scan = ["scan", &shipped, "--reporter", "json", "--target", &target];
            let beside = json_of(&space.assay("all", "agent", "", &scan));
            assert_eq!(live(&beside)["container_name"], kind);
            let tree = space.podman.0.path(&format!("{kind}-tree"));
            let staged = space.staged(&shipped);
            let scan = ["scan", staged.to_str().unwrap(), "--reporter", "json", "--rootfs", tree.to_str().unwrap()];
            let folder = json_of(&run(&space.podman.0.0, scan));
            let (beside, mut folder) = (controls(&beside), controls(&folder));
            // A folder does not tell how a container is started and how it runs.
            folder.retain(|(_, results)| results.iter().all(|(_, status)| status != "skipped"));
            assert!(folder.len() >= 2, "{profile}: {folder:?}");
            for control in folder {
                assert!(beside.contains(&control), "{kind}: in its folder {control:?}; beside it {beside:?}");
            }
        }
    }
}

/// Each control's id with what its checks were and came to.
fn controls(report: &Value) -> Vec<(String, Vec<(String, String)>)> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let controls = report["profiles"][0]["controls"].as_array().unwrap().iter();
    let results = |control: &Value| {
        let results = control["results"].as_array().unwrap().iter();
        results.map(|result| (word(&result["code_desc"]), word(&result["status"]))).collect()
    };
    controls.map(|control| (word(&control["id"]), results(control))).collect()
}

#[test]
fn a_sidecar_leaves_its_results_in_a_volume() {
    let Some(space) = Namespace::new("a_sidecar_leaves_its_results_in_a_volume", "restricted") else { return };
    space.give_fixture("static");
    space.give_shell();
    space.give_shipped("sidecar");
    let volume = json!([{ "name": "results", "mountPath": "/results" }]);
    let sidecar = with(container("sidecar", "assay-sidecar"), "volumeMounts", volume.clone());
    space.start(
        "target",
        &json!({
            "shareProcessNamespace": true,
            "containers": [container("app", "static"), sidecar],
            "volumes": [{ "name": "results", "emptyDir": {} }],
        }),
    );
    let ended = space.until("target", "sidecar", "terminated");
    let code = &status(&ended, "sidecar")["state"]["terminated"]["exitCode"];
    let log = space.kubectl(&["logs", "target", "-c", "sidecar"]);
    assert_eq!((log.code, log.stdout.as_str()), (0, ""), "{}", log.stderr);

    space.debug("target", &[with(shell("reader"), "volumeMounts", volume)]);
    let read = |name: &str| {
        let run = space.kubectl(&["exec", "target", "-c", "reader", "--", "/shell/cat", &format!("/results/{name}")]);
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        run.stdout
    };
    assert_eq!(read("complete"), format!("EXIT_CODE={code}\n"));
    let report: Value = serde_json::from_str(&read("scan-results.json")).unwrap();
    assert_eq!(live(&report)["container_name"], "app");
    assert_eq!(report["profiles"][0]["name"], "container-baseline");
    assert!(statuses(&report).iter().any(|status| status == "passed"));
    assert!(read("scan-summary.md").contains("- **Assurance:** live, same user"));
}
