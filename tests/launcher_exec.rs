//! `kubectl assay scan --via exec` on a real Kubernetes: what tar in a container gives out is judged like the root itself, and
//! nothing that it keeps back, makes up or breaks off passes.

#![cfg(feature = "launcher")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "tests make and read their own files")]

mod archive;
mod cluster;
mod fixture;
mod podman;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use archive::{Member, file, folder, hard_link, special, symlink as link_member, tar};
use cluster::{Namespace, container, with};
use fixture::{Run, assay, materialise};
use serde_json::{Value, json};

/// The uid that containers have here that are not root.
const USER: i64 = 65532;

/// Each control's name says how it ends when root asks GNU tar or the root itself; `closed` names what others may not read,
/// `attributes` what busybox does not tell.
const PROFILE: &str = "schema: 1\nname: p\ninputs:\n  where: {type: string, value: /nowhere}\ncontrols:\n\
    \x20 - {id: pass-content, title: t, checks: [{file: /etc/passwd, expect: {content: {match: root}, mode: 0644, uid: 0}}]}\n\
    \x20 - {id: pass-closed, title: t, checks: [{file: /etc/shadow, expect: {mode: 0600}}]}\n\
    \x20 - {id: pass-closed-absent, title: t, checks: [{file: /root/.ssh/id_rsa, expect: {exist: false}}]}\n\
    \x20 - {id: pass-closed-find, title: t, checks: [{find: {under: [/], name: ['*.pem']}, expect: {paths: {empty: true}}}]}\n\
    \x20 - {id: pass-absent, title: t, checks: [{file: /etc/nope, expect: {exist: false}}]}\n\
    \x20 - {id: pass-link, title: t, checks: [{file: /etc/release, expect: {content: {match: debian}, link_path: /etc/os-release}}]}\n\
    \x20 - {id: pass-find, title: t, checks: [{find: {under: [/bin], type: file, where: {writable.other: true}}, expect: {paths: {empty: true}}}]}\n\
    \x20 - {id: pass-attributes, title: t, checks: [{find: {under: [/bin], type: file, where: {capabilities: {empty: false}}}, expect: {paths: {empty: true}}}]}\n\
    \x20 - {id: fail-there, title: t, checks: [{file: /etc/release, expect: {exist: false}}]}\n\
    \x20 - {id: pass-input, title: t, checks: [{file: '${inputs.where}', expect: {exist: true}}]}\n\
    \x20 - {id: skip-waived, title: t, checks: [{file: /etc/release, expect: {exist: false}}]}\n\
    \x20 - {id: fail-mode, title: t, checks: [{file: /etc/open, expect: {writable.other: false}}]}\n\
    \x20 - {id: skip-live, title: t, checks: [{processes: {}, expect: {count: {ge: 1}}}]}\n";

const WAIVERS: &str = "skip-waived: {run: false, justification: known}\n";

/// What is given beside the profile.
const GIVEN: [&str; 4] = ["--input", "where=/etc/passwd", "--waiver-file", "waivers.yaml"];

/// Makes an image of a tree and gives it to the cluster's node.
fn image(space: &Namespace, name: &str, tree: &Path, changes: &[&str]) {
    space.podman.image(name, tree, changes);
    space.give(name);
}

/// Starts a pod and waits until all of it runs.
fn start(space: &Namespace, name: &str, containers: &[Value]) {
    space.start(name, &json!({ "containers": containers }));
    for container in containers {
        space.until(name, container["name"].as_str().unwrap(), "running");
    }
}

/// Scans a container by exec; nothing of the run is left, however it ends.
fn scan(space: &Namespace, pod: &str, more: &[&str]) -> Run {
    let profile = space.podman.0.write("p.yaml", PROFILE);
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-assay"));
    command.current_dir(&space.podman.0.0).stdin(Stdio::null());
    command.env("KUBECONFIG", std::env::var_os("ASSAY_KUBECONFIG").unwrap());
    space.podman.0.write("waivers.yaml", WAIVERS);
    command.args(["scan", pod, "--via", "exec", "--namespace", &space.name, "-o", "json", "--profile"]);
    let run: Run = command.arg(profile).args(GIVEN).args(more).output().unwrap().into();
    let kinds = "configmaps,serviceaccounts,roles,rolebindings,pods,networkpolicies,secrets";
    let left = space.kubectl(&["get", kinds, "-l", "assay.dev/run", "-o", "name"]);
    assert_eq!((left.code, left.stdout.as_str()), (0, ""), "{}", left.stderr);
    run
}

/// A container of a user, with a root that nothing can be written to.
fn of_user(name: &str, image: &str, user: i64) -> Value {
    let rights = json!({
        "runAsUser": user, "runAsGroup": user, "readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false,
    });
    with(container(name, image), "securityContext", rights)
}

fn report(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr))
}

/// Each control with how it ended: `pass`, `fail`, `skip` or `error`.
fn ends(report: &Value) -> Vec<(String, &'static str)> {
    let controls = report["profiles"][0]["controls"].as_array().unwrap().iter();
    let end = |control: &Value| {
        let result = &control["results"][0];
        match (result["status"].as_str().unwrap(), &result["backtrace"]) {
            (_, Value::Array(_)) => "error",
            ("passed", _) => "pass",
            ("failed", _) => "fail",
            _ => "skip",
        }
    };
    controls.map(|control| (control["id"].as_str().unwrap().to_owned(), end(control))).collect()
}

/// A root with busybox and what the profile asks for; its timeout is not to be used.
fn standard(tree: &Path) {
    materialise("static", tree);
    for name in ["bin", "root/.cache", "etc", "proc", "sys", "dev"] {
        fs::create_dir_all(tree.join(name)).unwrap();
    }
    fs::copy("/bin/busybox", tree.join("bin/busybox")).unwrap();
    for name in ["sh", "tar", "timeout", "ls", "env", "sleep"] {
        symlink("busybox", tree.join("bin").join(name)).unwrap();
    }
    fs::write(tree.join("etc/shadow"), "root:*:1::::::\n").unwrap();
    fs::write(tree.join("etc/open"), "").unwrap();
    for (name, mode) in [("etc/shadow", 0o600), ("etc/open", 0o646), ("root", 0o700)] {
        fs::set_permissions(tree.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(tree.join("etc/passwd"), fs::Permissions::from_mode(0o644)).unwrap();
    let _ = fs::remove_file(tree.join("etc/release"));
    let _ = fs::remove_file(tree.join("etc/os-release"));
    fs::write(tree.join("etc/os-release"), "ID=debian\n").unwrap();
    symlink("os-release", tree.join("etc/release")).unwrap();
}

/// The same with GNU tar, and what it is begun by, in the place of busybox's.
fn gnu(tree: &Path) {
    standard(tree);
    for name in ["env", "timeout", "tar"] {
        fs::remove_file(tree.join("bin").join(name)).unwrap();
        let program = Path::new("/usr/bin").join(name);
        let program = if program.exists() { program } else { Path::new("/bin").join(name) };
        fs::copy(&program, tree.join("bin").join(name)).unwrap();
        let needed: Run = Command::new("ldd").arg(&program).output().unwrap().into();
        for library in needed.stdout.split_whitespace().filter(|word| word.starts_with('/')) {
            let place = tree.join(library.trim_start_matches('/'));
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::copy(library, place).unwrap();
        }
    }
}

/// How the images are run: with an environment that would change what tar does.
const SLEEP: [&str; 4] = [
    "ENTRYPOINT [\"/bin/sleep\", \"100000\"]",
    "ENV PATH=/bin",
    "ENV TAR_OPTIONS=--exclude=passwd",
    "ENV LC_ALL=de_DE.UTF-8",
];

#[test]
fn a_standard_container_ends_as_its_root_does() {
    let test = "a_standard_container_ends_as_its_root_does";
    let Some(space) = Namespace::new(test, "privileged") else { return };
    for name in ["exec-busybox", "exec-gnu"] {
        let tree = space.podman.0.path(&format!("{name}-tree"));
        if name == "exec-gnu" {
            gnu(&tree)
        } else {
            standard(&tree)
        }
        image(&space, name, &tree, &SLEEP);
        space.podman.0.write("p.yaml", PROFILE);
        space.podman.0.write("waivers.yaml", WAIVERS);
        let direct: Run = assay(&space.podman.0.0)
            .args(["scan", "p.yaml", "--reporter", "json", "--rootfs"])
            .arg(&tree)
            .args(GIVEN)
            .output()
            .unwrap()
            .into();
        let wanted = ends(&report(&direct));
        for (control, end) in &wanted {
            assert!(control.starts_with(end), "{name}: {control} is {end}");
        }
        for (pod, user) in [("root", 0), ("user", USER)] {
            let pod = format!("{name}-{pod}");
            start(&space, &pod, &[of_user("app", name, user)]);
            let run = scan(&space, &pod, &[]);
            assert_eq!(run.code, 100, "{pod}: {}", run.stderr);
            let processes = space.kubectl(&["exec", &pod, "--", "/bin/busybox", "ps", "-o", "args"]);
            assert_eq!(processes.stdout, "COMMAND\n/bin/sleep 100000\n/bin/busybox ps -o args\n", "{pod}");
            let report = report(&run);
            let unknown = |control: &str| {
                (name == "exec-busybox" && control.contains("attributes")) || (user != 0 && control.contains("closed"))
            };
            let wanted: Vec<_> = wanted
                .iter()
                .map(|(control, end)| (control.clone(), if unknown(control) { "error" } else { *end }))
                .collect();
            assert_eq!(ends(&report), wanted, "{pod}");
            let about = &report["passthrough"]["assay"];
            assert_eq!(about["target"]["assurance"], "given out by the container");
            assert_eq!(about["target"]["location"], format!("k8s-container://{}/{pod}/app", space.name));
            let attachment = &about["attachment"];
            assert_eq!(attachment["way"], "exec");
            assert!(attachment["scope"].as_str().unwrap().contains("its own tar"));
            assert!(attachment["rights_ended_after_ms"].is_u64());
            let left: Vec<&str> = attachment["tar"]["left_out"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["path"].as_str().unwrap())
                .collect();
            assert_eq!(left, if user == 0 { Vec::new() } else { vec!["/etc/shadow", "/root"] }, "{pod}");
        }
    }
}

#[test]
fn a_container_without_tar_is_refused_with_the_reason() {
    let test = "a_container_without_tar_is_refused_with_the_reason";
    let Some(space) = Namespace::new(test, "privileged") else { return };
    let tree = space.podman.0.path("distroless-tree");
    materialise("static", &tree);
    fs::copy("/usr/bin/catatonit", tree.join("idle")).unwrap();
    image(&space, "exec-distroless", &tree, &["ENTRYPOINT [\"/idle\", \"-P\"]"]);
    start(&space, "distroless", &[of_user("app", "exec-distroless", USER)]);
    let run = scan(&space, "distroless", &[]);
    assert_eq!((run.code, run.stdout.as_str()), (105, ""));
    let said = "error: container app of pod distroless cannot be scanned by its own tar: exec: \"tar\": executable file not found in $PATH";
    assert!(run.stderr.starts_with(said), "{}", run.stderr);
    assert!(run.stderr.contains("next: --via debug reads in place"), "{}", run.stderr);
}

/// What a hostile container has in the place of `env`, and so of tar.
const HOSTILE: &str = "#!/bin/busybox sh
case \"$*\" in *--version*) echo 'tar (GNU tar) 9.9'; exit 0 ;; esac
cd /evil
case $MODE in
    whole) exec busybox cat whole.tar ;;
    garbage) exec busybox head -c 100000 /dev/urandom ;;
    endless) exec busybox cat /dev/zero ;;
    noise) while :; do echo noise >&2; done ;;
    nothing) exit 0 ;;
    fails) busybox cat whole.tar; exit 2 ;;
    ends) busybox cat whole.tar; kill -9 $$ ;;
    excuse) busybox cat whole.tar; echo 'tar: Exiting with failure status due to previous errors' >&2; exit 2 ;;
    hangs) exec busybox sleep 100000 ;;
    *) exec busybox cat $MODE.tar ;;
esac
";

#[test]
fn a_hostile_tar_never_passes() {
    let test = "a_hostile_tar_never_passes";
    let Some(space) = Namespace::new(test, "privileged") else { return };
    let tree = space.podman.0.path("hostile-tree");
    for name in ["bin", "evil", "etc", "proc", "sys", "dev"] {
        fs::create_dir_all(tree.join(name)).unwrap();
    }
    fs::copy("/bin/busybox", tree.join("bin/busybox")).unwrap();
    symlink("/bin/busybox", tree.join("evil/busybox")).unwrap();
    fs::write(tree.join("evil/env"), HOSTILE).unwrap();
    fs::set_permissions(tree.join("evil/env"), fs::Permissions::from_mode(0o755)).unwrap();
    let device = |name: &str| Member { device: (8, 0), ..special(b'4', name) };
    let head = || {
        vec![folder("./"), folder("./dev"), device("./dev/sda"), folder("./etc"), file("./etc/passwd", "root:x:0:0\n")]
    };
    let with = |more: &[Member]| tar(&[&head()[..], more].concat());
    let archives = [
        ("whole", with(&[])),
        ("cut", with(&[])[..512 * 6].to_vec()),
        ("parent", with(&[file("./../etc/shadow", "")])),
        ("absolute", with(&[file("/etc/shadow", "")])),
        ("through-link", with(&[link_member("./x", "/etc"), file("./x/shadow", "")])),
        ("hard-link", with(&[hard_link("./x", "/etc/shadow")])),
        ("twice", with(&[file("./etc/passwd", "other")])),
        ("kernel", with(&[folder("./proc"), file("./proc/version", "")])),
        ("pipe-with-content", with(&[Member { content: b"x".to_vec(), ..special(b'6', "./p") }])),
        ("huge", with(&[Member { size: Some(1 << 50), ..file("./huge", "") }])),
        ("without-root", tar(&[folder("./etc"), file("./etc/passwd", "root:x:0:0\n")])),
    ];
    for (name, bytes) in &archives {
        fs::write(tree.join(format!("evil/{name}.tar")), bytes).unwrap();
    }
    image(&space, "exec-hostile", &tree, &["ENV PATH=/evil"]);
    let others = ["garbage", "endless", "noise", "nothing", "fails", "ends", "excuse", "hangs"];
    let modes: Vec<&str> = archives.iter().map(|(name, _)| *name).chain(others).collect();
    let containers: Vec<Value> = modes
        .iter()
        .map(|mode| {
            let mut one = of_user(mode, "exec-hostile", USER);
            one["command"] = json!(["/bin/busybox", "sleep", "100000"]);
            one["env"] = json!([{ "name": "MODE", "value": mode }]);
            one
        })
        .collect();
    start(&space, "hostile", &containers);
    let said = |mode: &str| match mode {
        "cut" => "what it gave out cannot be used: it has no end",
        "parent" | "absolute" => "a name that was not asked for",
        "through-link" => "./x/shadow: it lies below what is no folder",
        "hard-link" => "./x: a hard link to a file that was not given out",
        "twice" => "./etc/passwd: it was given out twice",
        "kernel" => "./proc/version: it was not asked for",
        "pipe-with-content" => "content in a member that has none",
        "huge" => "a member of 1125899906842624 bytes",
        "without-root" => "the folder / is not in it",
        "garbage" | "endless" => "what it gives out is no tar",
        "noise" => "more came than can be a result",
        "nothing" => "tar ended well and gave out nothing",
        "fails" => "tar ended with 2",
        "ends" => "tar ended with 137",
        "excuse" => "tar ended with 2:\n  tar: Exiting",
        "hangs" => "the run took longer than 5 s",
        other => panic!("{other}"),
    };
    for mode in modes {
        let more = if mode == "hangs" { &["-c", mode, "--timeout", "5s"][..] } else { &["-c", mode] };
        let run = scan(&space, "hostile", more);
        if mode == "whole" {
            // What it makes up is well made: then the report says whose word it is.
            assert_eq!(run.code, 101, "{}", run.stderr);
            let report = report(&run);
            assert!(ends(&report).contains(&("pass-content".to_owned(), "pass")), "{report:#}");
            assert_eq!(report["passthrough"]["assay"]["target"]["assurance"], "given out by the container");
            continue;
        }
        assert_eq!((run.code, run.stdout.as_str()), (105, ""), "{mode}: {}", run.stderr);
        assert!(run.stderr.contains(said(mode)), "{mode}: {}", run.stderr);
        // What is not waited for may still be there, and that is said.
        let cut = ["garbage", "endless", "noise", "hangs"].contains(&mode);
        assert_eq!(run.stderr.contains("was cut off"), cut, "{mode}: {}", run.stderr);
    }
}
