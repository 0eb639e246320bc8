//! The launcher on a real Kubernetes: each way on each kind of target, the rights of a run, and that nothing is left of it.

#![cfg(feature = "launcher")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests make and read their own files")]

mod cluster;
mod fixture;
mod podman;

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cluster::{Namespace, container, with};
use fixture::{Run, Scratch, repository, run};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// Everything that a run can make.
const KINDS: &str = "configmaps,serviceaccounts,roles,rolebindings,pods,networkpolicies,secrets";

/// The launcher in a folder of its own, against a namespace.
struct Launcher<'a> {
    space: &'a Namespace,
    folder: Scratch,
    kubeconfig: PathBuf,
}

impl<'a> Launcher<'a> {
    fn new(space: &'a Namespace) -> Launcher<'a> {
        let kubeconfig = PathBuf::from(std::env::var_os("ASSAY_KUBECONFIG").unwrap());
        Launcher { space, folder: Scratch::new(), kubeconfig }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-assay"));
        command.args(arguments).args(["--namespace", &self.space.name]).current_dir(&self.folder.0);
        command.env("KUBECONFIG", &self.kubeconfig).env("ASSAY_IMAGE", "localhost/assay-debug:1").stdin(Stdio::null());
        command
    }

    fn scan(&self, run: &str, arguments: &[&str]) -> Run {
        let fixed = ["--run-id", run, "--image-pull-policy", "Never"];
        self.command(&[arguments, &fixed[..]].concat()).output().unwrap().into()
    }

    fn start(&self, run: &str, arguments: &[&str]) -> Child {
        let fixed = ["--run-id", run, "--image-pull-policy", "Never", "-v"];
        let mut command = self.command(&[arguments, &fixed[..]].concat());
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn report(&self, run: &str) -> Value {
        let text = fs::read(self.folder.path(&format!("scan-results-{run}.json"))).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// What is there with the run's label.
    fn left(&self, run: &str) -> String {
        let listed = self.space.kubectl(&["get", KINDS, "-l", &format!("assay.dev/run={run}"), "-o", "name"]);
        assert_eq!(listed.code, 0, "{}", listed.stderr);
        listed.stdout
    }
}

/// Each control with its statuses.
fn statuses(report: &Value) -> Vec<(String, Vec<String>)> {
    let controls = report["profiles"][0]["controls"].as_array().unwrap().iter();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let results =
        |control: &Value| control["results"].as_array().unwrap().iter().map(|result| word(&result["status"])).collect();
    controls.map(|control| (word(&control["id"]), results(control))).collect()
}

/// A profile of files that everybody may read in the fixtures, and of some that are not there.
fn profile(folder: &Scratch) -> PathBuf {
    let text = "schema: 1\nname: p\ncontrols:\n\
        \x20 - {id: open, title: t, checks: [{file: /etc/passwd, expect: {content: {match: root}, mode: '0644'}}]}\n\
        \x20 - {id: os, title: t, checks: [{os: {}, expect: {name: debian}}]}\n\
        \x20 - {id: absent, title: t, checks: [{file: /bin/sh, expect: {exist: false}}]}\n\
        \x20 - {id: wrong, title: t, checks: [{file: /etc/passwd, expect: {content: {match: nobody-is-this}}}]}\n";
    folder.write("p.yaml", text)
}

/// The same profile on the folder that the image was made of.
fn as_folder(tree: &Path, folder: &Scratch) -> Vec<(String, Vec<String>)> {
    let run = run(&folder.0, ["scan", "p.yaml", "--rootfs", tree.to_str().unwrap(), "--reporter", "json"]);
    statuses(&serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr)))
}

#[test]
fn each_way_gives_the_results_of_the_image_as_a_folder() {
    let Some(space) = Namespace::new("each_way_gives_the_results_of_the_image_as_a_folder", "restricted") else {
        return;
    };
    space.give_fixture("static");
    space.give_shipped("debug");
    let launcher = Launcher::new(&space);
    profile(&launcher.folder);
    let expected = as_folder(&repository("fixtures/rootfs/static"), &launcher.folder);
    space.start("one", &json!({ "containers": [container("app", "static")] }));
    space.start("two", &json!({ "containers": [container("app", "static"), container("log", "static")] }));
    space.start("shared", &json!({ "shareProcessNamespace": true, "containers": [container("app", "static"), container("log", "static")] }));

    let rows: [(&str, &[&str], &str); 7] = [
        ("debug", &["scan", "one", "-p", "p.yaml", "--via", "debug"], "debug"),
        ("auto", &["scan", "pod/one", "-p", "p.yaml"], "debug"),
        ("second", &["scan", "two", "-c", "log", "-p", "p.yaml"], "debug"),
        ("shared", &["scan", "shared", "-c", "log", "-p", "p.yaml"], "debug"),
        ("image", &["scan", "one", "-p", "p.yaml", "--via", "image"], "image"),
        ("by-name", &["scan-image", "localhost/static:1", "-p", "p.yaml"], "image"),
        ("sidecar", &["scan-with-sidecar", "localhost/static:1", "-p", "p.yaml"], "sidecar"),
    ];
    for (name, arguments, way) in rows {
        let scan = launcher.scan(name, arguments);
        assert_eq!(scan.code, 100, "{name}: {}", scan.stderr);
        let report = launcher.report(name);
        assert_eq!(statuses(&report), expected, "{name}");
        let about = &report["passthrough"]["assay"]["attachment"];
        assert_eq!((&about["way"], &about["run"]), (&json!(way), &json!(name)), "{about:#}");
        assert!(about["scope"].is_string() && about["rights_ended_after_ms"].is_u64(), "{about:#}");
        assert!(scan.stdout.contains("Summary:"), "{}", scan.stdout);
        let summary = fs::read_to_string(launcher.folder.path(&format!("scan-summary-{name}.md"))).unwrap();
        assert!(summary.contains("as it was built") == (way == "image"), "{name}: {summary}");
        assert_eq!(launcher.left(name), "", "{name}");
    }
    // Which of two is meant is not guessed.
    let unclear = launcher.scan("unclear", &["scan", "two", "-p", "p.yaml"]);
    assert_eq!(unclear.code, 2);
    assert!(unclear.stderr.contains("pod two has several containers: app, log"), "{}", unclear.stderr);
    // Results are their owner's only.
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(launcher.folder.path("scan-results-debug.json")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    // Nothing of the scan in the container's log.
    let log = space.kubectl(&["logs", "one", "-c", "debug-scanner-debug"]);
    assert_eq!((log.code, log.stdout.as_str()), (0, ""), "{}", log.stderr);
}

#[test]
fn a_target_that_runs_as_root_is_scanned_by_its_image_or_with_rights_that_were_asked_for() {
    let test = "a_target_that_runs_as_root_is_scanned_by_its_image_or_with_rights_that_were_asked_for";
    let Some(space) = Namespace::new(test, "privileged") else { return };
    space.give_fixture("static");
    space.give_shipped("debug");
    let launcher = Launcher::new(&space);
    profile(&launcher.folder);
    let expected = as_folder(&repository("fixtures/rootfs/static"), &launcher.folder);
    let root = with(container("app", "static"), "securityContext", json!({ "runAsUser": 0 }));
    space.start("root", &json!({ "containers": [root] }));

    let auto = launcher.scan("auto", &["scan", "root", "-p", "p.yaml"]);
    assert_eq!(auto.code, 100, "{}", auto.stderr);
    assert!(auto.stderr.contains("not by debug: ") && auto.stderr.contains("trying image"), "{}", auto.stderr);
    assert_eq!(statuses(&launcher.report("auto")), expected);

    let debug = launcher.scan("debug", &["scan", "root", "-p", "p.yaml", "--via", "debug"]);
    assert_eq!(debug.code, 104, "{}", debug.stderr);
    assert!(debug.stderr.contains("--read-all asks for root with SYS_PTRACE and DAC_READ_SEARCH"), "{}", debug.stderr);

    let all = launcher.scan("all", &["scan", "root", "-p", "p.yaml", "--via", "debug", "--read-all"]);
    assert_eq!(all.code, 100, "{}", all.stderr);
    assert_eq!(statuses(&launcher.report("all")), expected);
    for run in ["auto", "debug", "all"] {
        assert_eq!(launcher.left(run), "", "{run}");
    }
}

/// A kubeconfig for a service account with these rules, and nothing else.
fn account(space: &Namespace, launcher: &Launcher<'_>, name: &str, rules: &Value) -> PathBuf {
    space.create(&json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name } }));
    space.create(&json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": name }, "rules": rules }));
    space.create(
        &json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": space.name }] }),
    );
    let token = space.kubectl(&["create", "token", name]);
    assert_eq!(token.code, 0, "{}", token.stderr);
    let whole = space.kubectl(&["config", "view", "--raw", "--flatten", "-o", "json"]);
    let mut config: Value = serde_json::from_str(&whole.stdout).unwrap();
    for user in config["users"].as_array_mut().unwrap() {
        user["user"] = json!({ "token": token.stdout.trim() });
    }
    launcher.folder.write(&format!("{name}.kubeconfig"), config.to_string())
}

#[test]
fn each_right_of_a_run_is_needed() {
    let Some(space) = Namespace::new("each_right_of_a_run_is_needed", "restricted") else { return };
    space.give_fixture("static");
    space.give_shipped("debug");
    let mut launcher = Launcher::new(&space);
    profile(&launcher.folder);
    space.start("one", &json!({ "containers": [container("app", "static")] }));
    // What a run makes for itself is what is tried here, less one verb each time.
    let dry = launcher.scan("dry", &["scan", "one", "-p", "p.yaml", "--via", "debug", "--dry-run=client"]);
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    let role = dry.stdout.split("---\n").find(|object| object.contains("\nkind: Role\n")).unwrap();
    let role: Value = serde_yaml::from_str(role).unwrap();
    let rules = role["rules"].as_array().unwrap().clone();
    let verbs: usize = rules.iter().map(|rule| rule["verbs"].as_array().unwrap().len()).sum();
    assert!(rules.iter().all(|rule| rule["resourceNames"] == json!(["one"])), "{role:#}");

    let scan = ["scan", "one", "-p", "p.yaml", "--via", "debug", "--no-rbac", "--start-timeout", "20s"];
    launcher.kubeconfig = account(&space, &launcher, "whole", &json!(rules));
    let whole = launcher.scan("whole", &scan);
    assert_eq!(whole.code, 100, "{}", whole.stderr);
    for (number, rule) in rules.iter().enumerate() {
        for verb in rule["verbs"].as_array().unwrap() {
            let mut less = rules.clone();
            less[number]["verbs"].as_array_mut().unwrap().retain(|known| known != verb);
            less.retain(|rule| rule["verbs"] != json!([]));
            let (verb, resource) = (verb.as_str().unwrap(), rule["resources"][0].as_str().unwrap());
            let name = format!("no-{verb}-{}", resource.replace('/', "-"));
            launcher.kubeconfig = PathBuf::from(std::env::var_os("ASSAY_KUBECONFIG").unwrap());
            launcher.kubeconfig = account(&space, &launcher, &name, &json!(less));
            let scan = launcher.scan(&name, &scan);
            assert!([105, 106].contains(&scan.code), "{name} of {verbs}: {} {}", scan.code, scan.stderr);
            let named = format!("cannot {verb} resource \"{resource}\"");
            assert!(scan.stderr.contains(&named), "{name}: {}", scan.stderr);
        }
    }
}

#[test]
fn rights_that_cannot_be_taken_away_cost_no_results() {
    let Some(space) = Namespace::new("rights_that_cannot_be_taken_away_cost_no_results", "restricted") else { return };
    space.give_fixture("static");
    space.give_shipped("debug");
    let mut launcher = Launcher::new(&space);
    profile(&launcher.folder);
    space.start("one", &json!({ "containers": [container("app", "static")] }));
    let role: Run = launcher.command(&["rbac", "--via", "debug"]).output().unwrap().into();
    let role: Value = serde_yaml::from_str(&role.stdout).unwrap();
    let mut rules = role["rules"].as_array().unwrap().clone();
    for rule in rules.iter_mut().filter(|rule| rule["resources"] == json!(["rolebindings"])) {
        rule["verbs"].as_array_mut().unwrap().retain(|verb| verb != "delete");
    }
    launcher.kubeconfig = account(&space, &launcher, "caller", &json!(rules));
    let scan = launcher.scan("stays", &["scan", "one", "-p", "p.yaml", "--via", "debug"]);
    assert_eq!(scan.code, 106, "{}", scan.stderr);
    assert!(scan.stderr.contains("left over: RoleBinding scanner-binding-stays"), "{}", scan.stderr);
    assert_eq!(statuses(&launcher.report("stays")).len(), 4, "the results are there");
    // What still gives rights is found; the record that led to it owns it, so it is gone by now, or is removed here.
    launcher.kubeconfig = PathBuf::from(std::env::var_os("ASSAY_KUBECONFIG").unwrap());
    let cleanup: Run = launcher.command(&["cleanup", "--run", "stays"]).output().unwrap().into();
    assert_eq!((cleanup.code, launcher.left("stays")), (0, String::new()), "{}", cleanup.stderr);
}

#[test]
fn the_account_of_a_run_does_nothing_else() {
    let test = "the_account_of_a_run_does_nothing_else";
    let Some(log) = std::env::var_os("ASSAY_AUDIT_LOG").map(PathBuf::from) else {
        return fixture::skipped(test, "ASSAY_AUDIT_LOG, the API server's");
    };
    let Some(space) = Namespace::new(test, "restricted") else { return };
    space.give_fixture("static");
    space.give_shipped("debug");
    let launcher = Launcher::new(&space);
    profile(&launcher.folder);
    space.start("one", &json!({ "containers": [container("app", "static")] }));
    let scan = launcher.scan("audited", &["scan", "one", "-p", "p.yaml", "--via", "debug"]);
    assert_eq!(scan.code, 100, "{}", scan.stderr);
    let user = format!("system:serviceaccount:{}:scanner-audited", space.name);
    let log = fs::read_to_string(log).unwrap();
    let of_run =
        log.lines().filter(|line| line.contains(&user)).filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut done = BTreeSet::new();
    let mut last_refused = false;
    for event in of_run.filter(|event| event["user"]["username"] == json!(user) && event["stage"] == "ResponseComplete")
    {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let object = &event["objectRef"];
        assert_eq!((&object["namespace"], &object["name"]), (&json!(space.name), &json!("one")), "{event:#}");
        assert!(word(&event["userAgent"]).contains("run=audited"), "{event:#}");
        done.insert((word(&event["verb"]), word(&object["resource"]), word(&object["subresource"])));
        // A running exec is written down when it ends.
        if word(&object["subresource"]).is_empty() {
            last_refused = event["responseStatus"]["code"] == 403;
        }
    }
    let known = [
        ("get", "pods", ""),
        ("get", "pods", "exec"),
        ("create", "pods", "exec"),
        ("patch", "pods", "ephemeralcontainers"),
    ];
    let known: BTreeSet<_> = known
        .iter()
        .map(|(verb, resource, below)| ((*verb).to_owned(), (*resource).to_owned(), (*below).to_owned()))
        .collect();
    assert!(done.is_subset(&known) && done.len() >= 3, "{done:?}");
    assert!(last_refused, "the last thing that the token tried was refused");
}

/// Waits until the launcher says that a step is done.
fn wait_for(child: &mut Child, step: &str) {
    let mut told = String::new();
    let stderr = child.stderr.as_mut().unwrap();
    let mut byte = [0];
    while stderr.read(&mut byte).unwrap() == 1 {
        told.push(byte[0] as char);
        if byte[0] == b'\n' && told.contains(step) {
            return;
        }
    }
    panic!("it ended before `{step}`: {told}");
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

#[test]
fn nothing_is_left_however_a_run_ends() {
    let Some(space) = Namespace::new("nothing_is_left_however_a_run_ends", "restricted") else { return };
    space.give_fixture("static");
    space.give_shipped("debug");
    let launcher = Launcher::new(&space);
    profile(&launcher.folder);
    space.start("one", &json!({ "containers": [container("app", "static")] }));

    // A mistake in the profile is told before anything is made.
    launcher.folder.write("bad.yaml", "schema: 1\nname: p\ncontrols: [{id: a, titel: t}]\n");
    let bad = launcher.scan("bad", &["scan", "one", "-p", "bad.yaml"]);
    assert_eq!(bad.code, 102, "{}", bad.stderr);
    assert!(bad.stderr.contains("bad.yaml:3:"), "{}", bad.stderr);
    assert!(!launcher.folder.path("scan-results-bad.json").exists());

    // Too short for anything to be done.
    let late = launcher.scan("late", &["scan", "one", "-p", "p.yaml", "--via", "image", "--timeout", "1s"]);
    assert!([105, 100].contains(&late.code), "{}", late.stderr);
    assert_eq!(launcher.left("late"), "", "{}", late.stderr);

    // An image that is nowhere.
    let nowhere =
        launcher.scan("nowhere", &["scan", "one", "-p", "p.yaml", "--via", "image", "--image", "localhost/nowhere:1"]);
    assert_eq!(nowhere.code, 105, "{}", nowhere.stderr);
    assert!(nowhere.stderr.contains("ErrImageNeverPull"), "{}", nowhere.stderr);
    assert_eq!(launcher.left("nowhere"), "");

    for (way, made) in [("debug", "added container"), ("image", "made pod")] {
        for (name, number) in [("int", Signal::SIGINT), ("term", Signal::SIGTERM)] {
            let run = format!("{name}-{way}");
            let mut child = launcher.start(&run, &["scan", "one", "-p", "p.yaml", "--via", way]);
            wait_for(&mut child, made);
            signal(&child, number);
            let ended = child.wait_with_output().unwrap();
            assert_eq!(ended.status.code(), Some(128 + number as i32), "{}", String::from_utf8_lossy(&ended.stderr));
            assert_eq!(launcher.left(&run), "", "{run}");
        }
        // What cannot be cleaned up by itself is found by its labels.
        let run = format!("killed-{way}");
        let mut child = launcher.start(&run, &["scan", "one", "-p", "p.yaml", "--via", way]);
        wait_for(&mut child, made);
        signal(&child, Signal::SIGKILL);
        child.wait().unwrap();
        assert!(launcher.left(&run).contains(&format!("rolebinding.rbac.authorization.k8s.io/scanner-binding-{run}")));
        if way == "debug" {
            space.until("one", &format!("debug-scanner-{run}"), "running");
        }
        let young: Run = launcher.command(&["cleanup", "--older-than", "1h"]).output().unwrap().into();
        assert_eq!((young.code, young.stdout.as_str()), (0, "nothing is left of any run\n"), "{}", young.stderr);
        // It could still be going on, and be somebody else's.
        let unasked: Run = launcher.command(&["cleanup"]).output().unwrap().into();
        assert_eq!((unasked.code, unasked.stdout.as_str()), (0, "nothing else is left of any run\n"));
        assert!(unasked.stderr.contains(&format!("run {run} may still be going on")), "{}", unasked.stderr);
        assert!(launcher.left(&run).contains("scanner-binding-"));
        let cleanup: Run = launcher.command(&["cleanup", "--run", &run]).output().unwrap().into();
        assert_eq!(cleanup.code, 0, "{}", cleanup.stderr);
        assert!(cleanup.stdout.contains(&format!("removed RoleBinding scanner-binding-{run}")), "{}", cleanup.stdout);
        assert_eq!(launcher.left(&run), "");
    }
    // The containers that were added have ended, also those of runs that were cut off.
    for name in ["debug-scanner-int-debug", "debug-scanner-term-debug", "debug-scanner-killed-debug"] {
        space.until("one", name, "terminated");
    }
}

#[test]
fn a_pod_that_goes_or_is_replaced_is_not_scanned() {
    let Some(space) = Namespace::new("a_pod_that_goes_or_is_replaced_is_not_scanned", "restricted") else { return };
    space.give_fixture("static");
    space.give_shipped("debug");
    let launcher = Launcher::new(&space);
    profile(&launcher.folder);
    let containers = json!({ "containers": [container("app", "static")] });
    for (step, run, is_replaced) in [
        ("found container", "gone-early", false),
        ("added container", "gone", false),
        ("own rights", "replaced-early", true),
        ("added container", "replaced", true),
    ] {
        space.start("one", &containers);
        let mut child = launcher.start(run, &["scan", "one", "-p", "p.yaml", "--via", "debug"]);
        wait_for(&mut child, step);
        signal(&child, Signal::SIGSTOP);
        let deleted = space.kubectl(&["delete", "pod", "one", "--force", "--grace-period=0", "--wait=true"]);
        assert_eq!(deleted.code, 0, "{}", deleted.stderr);
        if is_replaced {
            space.start("one", &containers);
        }
        signal(&child, Signal::SIGCONT);
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(105), "{run}: {said}");
        let what = if is_replaced { "pod one was replaced by another one of its name" } else { "pod one was deleted" };
        assert!(said.contains(&format!("error: {what} before its scan was done")), "{run}: {said}");
        assert!(!launcher.folder.path(&format!("scan-results-{run}.json")).exists(), "{run}");
        assert_eq!(launcher.left(run), "", "{run}: {said}");
        if is_replaced {
            let added = space.kubectl(&["get", "pod", "one", "-o", "jsonpath={.spec.ephemeralContainers}"]);
            assert_eq!(added.stdout, "", "{run}");
            space.kubectl(&["delete", "pod", "one", "--force", "--grace-period=0", "--wait=true"]);
        }
    }
}
