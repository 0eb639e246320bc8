//! Running containers that were made to hurt: what they do to their own files, roots and processes, and to a scanner of
//! their own user.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests make and read their own files")]

mod fixture;
mod podman;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fixture::{Run, run};
use podman::{Podman, groups_of};
use serde_json::Value;

/// What hangs ends the test, and nothing takes nearly so long.
const HANG: Duration = Duration::from_secs(120);

const PROFILE: &str = "schema: 1\nname: p\ncontrols:\n\
    \x20 - {id: open, title: t, checks: [{file: /etc/passwd, expect: {content: {match: root}}}]}\n\
    \x20 - {id: absent, title: t, checks: [{file: /bin/sh, expect: {exist: false}}]}\n";

fn until(what: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < HANG, "{what} does not come");
        std::thread::yield_now();
    }
}

/// Starts a container that ends its preparations by making the file /ready; the number of its process.
fn start(podman: &Podman, name: &str, options: &[&str], script: &str) -> String {
    let pid = podman.start(name, &[options, &["localhost/hostile:1", script]].concat());
    let ready = format!("/proc/{pid}/root/ready");
    until(&format!("{name}: {}", podman.run(&["logs", name])), || Path::new(&ready).exists());
    pid
}

fn scan(podman: &Podman, arguments: &[&str]) -> Run {
    run(&podman.0.0, [&["scan", "p.yaml", "--reporter", "json"], arguments].concat())
}

fn report(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr))
}

/// Status and message of each control's first result.
fn results(report: &Value) -> Vec<(String, String)> {
    let controls = report["profiles"][0]["controls"].as_array().unwrap();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    controls
        .iter()
        .map(|control| &control["results"][0])
        .map(|result| (word(&result["status"]), word(&result["message"])))
        .collect()
}

fn statuses(report: &Value) -> Vec<String> {
    results(report).into_iter().map(|(status, _)| status).collect()
}

/// It was refused, with these words and no report.
fn refused(run: &Run, words: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (104, ""), "{}", run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
}

#[test]
fn folders_swapped_for_links_lead_nowhere() {
    let Some(podman) = Podman::new("folders_swapped_for_links_lead_nowhere") else { return };
    podman.hostile();
    // On this machine, outside the container: what a link that was followed out would find.
    let outside = podman.0.path("outside");
    podman.0.write("outside/canary", "");
    let mut profile = "schema: 1\nname: p\ncontrols:\n".to_owned();
    for folder in ["d", "e"] {
        profile.push_str(&format!(
            "  - {{id: {folder}, title: t, checks: [{{find: {{under: [/swap/{folder}], name: canary}}, expect: {{count: {{gt: 0}}}}}}]}}\n"
        ));
        for number in 0..100 {
            podman.0.write(&format!("outside/{number}"), "the canary\n");
            profile.push_str(&format!(
                "  - {{id: {folder}{number}, title: t, checks: [{{file: /swap/{folder}/{number}, expect: {{content: {{match: the canary}}}}}}]}}\n"
            ));
        }
    }
    let script = format!(
        "mkdir -p /swap/d /swap/e; i=0; while [ $i -lt 100 ]; do > /swap/d/$i; > /swap/e/$i; i=$((i+1)); done; > /ready\n\
         while :; do\n\
         mv /swap/d /swap/d2; ln -s {outside} /swap/d; mv /swap/e /swap/e2; ln -s ../../../../../..{outside} /swap/e\n\
         rm /swap/d; mv /swap/d2 /swap/d; rm /swap/e; mv /swap/e2 /swap/e\n\
         done",
        outside = outside.display()
    );
    podman.0.write("p.yaml", profile);
    let pid = start(&podman, "swaps", &[], &script);
    let (mut inside, mut gone) = (0, 0);
    for round in 0..60 {
        let resolver = if round % 2 == 0 { "auto" } else { "steps" };
        let scan = scan(&podman, &["--pid", &pid, "--resolver", resolver]);
        assert!([100, 101].contains(&scan.code), "{}", scan.stderr);
        for (status, message) in results(&report(&scan)) {
            assert_ne!(status, "passed", "the canary was read: {message}");
            // What is not there is not judged; what is there is not the canary.
            *(if status == "skipped" { &mut gone } else { &mut inside }) += 1;
        }
    }
    assert!(inside > 0 && gone > 0, "nothing was swapped under a scan: {inside} {gone}");
}

#[test]
fn a_replaced_root_is_no_containers_root() {
    let Some(podman) = Podman::new("a_replaced_root_is_no_containers_root") else { return };
    podman.hostile();
    podman.0.write("p.yaml", PROFILE);
    podman.0.write("threshold.yaml", "compliance:\n  min: 0\n");
    let free = ["--security-opt", "seccomp=unconfined"];
    let into = |folder: &str| format!("cp /idle {folder}/; > {folder}/ready; exec chroot {folder} /idle -P");
    let of_its_own = |mount: &str| {
        format!(
            "exec unshare -U -r -m sh -c '{mount}; cp /idle /mnt/; > /mnt/ready; mkdir /mnt/old; cd /mnt; pivot_root . old; exec /idle -P'"
        )
    };
    let user_namespace = "it lives in another user namespace, in which it can make any root";
    let data = podman.0.path("snapshots/data");
    fs::create_dir_all(&data).unwrap();
    let data = format!("{}:/volume", data.display());
    let rows: [(&str, &[&str], String, &[&str]); 6] = [
        ("chroot", &[], into("/jail"), &["its root is a folder within a mount, as chroot makes it"]),
        ("volume", &["-v", "made:/volume"], into("/volume"), &["volumes/made/_data of a filesystem of kind"]),
        ("folder", &["-v", &data], into("/volume"), &["snapshots/data of a filesystem of kind"]),
        ("memory", &["--tmpfs", "/volume"], into("/volume"), &["its root is a filesystem of kind tmpfs"]),
        (
            "tmpfs",
            &free,
            of_its_own("mount -t tmpfs none /mnt"),
            &[user_namespace, "its root is a filesystem of kind tmpfs"],
        ),
        (
            "bound",
            &free,
            // A name that would clear the terminal.
            of_its_own("n=$(printf \"x\\n\\033[2J\"); mkdir \"/jail/$n\"; mount --bind \"/jail/$n\" /mnt"),
            &[user_namespace, "/jail/x\\x0a\\x1b[2J of a filesystem of kind overlay is mounted as the root"],
        ),
    ];
    for (name, options, script, doubts) in rows {
        let pid = start(&podman, name, options, &script);
        let why = scan(&podman, &["--pid", &pid]);
        refused(&why, &[&[&*format!("process {pid}: target root replaced")], doubts].concat());
        assert!(!why.stderr.contains('\u{1b}'), "{name}: {:?}", why.stderr);

        // Who goes on has a report that says so, and that meets nothing.
        let accepted = scan(&podman, &["--pid", &pid, "--accept-root", "--threshold", "threshold.yaml"]);
        assert_eq!(accepted.code, 103, "{name}: {}", accepted.stderr);
        let told = report(&accepted)["passthrough"]["assay"]["target"].to_string();
        assert!(told.contains(doubts[0]), "{name}: {told}");
    }

    // One that is not the container's first process, and has a root of its own.
    let first = start(&podman, "child", &[], "chroot /jail /idle -P & > /ready; exec /idle -P");
    let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap();
    let child = children.trim();
    until("the chroot", || fs::read_link(format!("/proc/{child}/exe")).is_ok_and(|exe| exe.ends_with("idle")));
    refused(&scan(&podman, &["--pid", child]), &[&format!("its first process, {first}, has another root")]);
    let whole = scan(&podman, &["--pid", &first]);
    assert_eq!(statuses(&report(&whole)), ["passed", "passed"]);
    let told = &report(&whole)["passthrough"]["assay"]["target"];
    assert!(told.to_string().contains(child), "the other root is told: {told:#}");
}

/// A scan that takes long enough to be met by something: it has begun to read when this returns.
fn reading(podman: &Podman, pid: &str) -> Child {
    let large = fs::File::create(format!("/proc/{pid}/root/large")).unwrap();
    large.set_len(1 << 30).unwrap();
    podman.0.write(
        "large.yaml",
        "schema: 1\nname: p\ncontrols:\n  - {id: c, title: t, checks: [{file: /large, expect: {sha256sum: {match: .}}}]}\n",
    );
    let mut scan = Command::new(env!("CARGO_BIN_EXE_assay"));
    scan.args(["scan", "large.yaml", "--pid", pid, "--reporter", "json:report.json"]).current_dir(&podman.0.0);
    let mut scan = scan.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let descriptors = format!("/proc/{}/fd", scan.id());
    until("reading", || {
        assert!(scan.try_wait().unwrap().is_none(), "it ended before it read");
        let mut open = fs::read_dir(&descriptors).into_iter().flatten().flatten();
        open.any(|entry| fs::read_link(entry.path()).is_ok_and(|path| path.ends_with("large")))
    });
    scan
}

#[test]
fn a_root_that_is_replaced_during_a_scan_is_no_scan() {
    let Some(podman) = Podman::new("a_root_that_is_replaced_during_a_scan_is_no_scan") else { return };
    podman.hostile();
    let wait = "> /ready; while ! [ -e /go ]; do sleep 0.01; done;";
    let into_its_own = "exec unshare -U -r -m sh -c 'mount -t tmpfs none /mnt; cp /idle /mnt/; mkdir /mnt/old; cd /mnt; pivot_root . old; exec /idle -P'";
    for (name, then) in [("chroot", "exec chroot /jail /idle -P"), ("pivot", into_its_own)] {
        let pid = start(&podman, name, &["--security-opt", "seccomp=unconfined"], &format!("{wait} {then}"));
        let scan = reading(&podman, &pid);
        podman.0.write("go", "");
        fs::write(format!("/proc/{pid}/root/go"), "").unwrap();
        until("another root", || fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe.ends_with("idle")));
        let ended: Run = scan.wait_with_output().unwrap().into();
        refused(&ended, &["its root became another during the scan"]);
        assert!(!podman.0.path("report.json").exists(), "{name}");
    }
}

#[test]
fn a_filesystem_that_never_answers_holds_up_no_scan() {
    let Some(podman) = Podman::new("a_filesystem_that_never_answers_holds_up_no_scan") else { return };
    if !Path::new("/dev/fuse").exists() {
        return fixture::skipped("a_filesystem_that_never_answers_holds_up_no_scan", "/dev/fuse");
    }
    podman.hostile();
    podman.0.write(
        "p.yaml",
        "schema: 1\nname: p\ncontrols:\n\
         \x20 - {id: open, title: t, checks: [{file: /etc/passwd, expect: {exist: true}}]}\n\
         \x20 - {id: hung, title: t, checks: [{file: /hung/x, expect: {exist: false}}]}\n\
         \x20 - {id: find, title: t, checks: [{find: {under: [/], name: none}, expect: {paths: {empty: true}}}]}\n",
    );
    let script = "exec 3<>/dev/fuse\n\
        mount -t fuse -o fd=3,rootmode=040000,user_id=0,group_id=0,allow_other none /hung\n\
        > /ready; while :; do sleep 1000; done";
    let pid = start(&podman, "hung", &["--privileged"], script);
    let scan = scan(&podman, &["--pid", &pid, "--timeout", "60", "--jobs", "3"]);
    assert_eq!(scan.code, 100, "{}", scan.stderr);
    let found = results(&report(&scan));
    assert_eq!(found[0].0, "passed", "{found:?}");
    for (status, message) in &found[1..] {
        assert_eq!(status, "failed");
        assert!(message.contains("did not answer within 10 s"), "{message}");
    }
}

/// How many processes the container has that is looked through.
const FORKS: u64 = 10_000;

#[test]
fn ten_thousand_processes_are_looked_through() {
    let Some(podman) = Podman::new("ten_thousand_processes_are_looked_through") else { return };
    podman.hostile();
    podman.0.write("p.yaml", PROFILE);
    // They wait for a writer that never comes, so they cost little. And two that do nothing but make others, which are gone
    // at once; politely, because it is not this machine that they are to wear out.
    let script = format!(
        "mkfifo /wait; i=0; while [ $i -lt {FORKS} ]; do (read x </wait) & i=$((i+1)); done\n\
         for i in 1 2; do nice -n 19 sh -c 'while :; do (:); done' & done; > /ready; wait"
    );
    let pid = start(&podman, "forks", &["--pids-limit", "-1"], &script);
    let id = podman.run(&["inspect", "--format", "{{.Id}}", "forks"]);
    let located = run(&podman.0.0, ["locate", "--format", "json", "--target", &format!("id={id}")]);
    assert_eq!(located.code, 0, "{}", located.stderr);
    let target = &report(&located)["target"];
    assert_eq!(target["pid"].to_string(), pid);
    assert!(target["processes"].as_u64().unwrap() > FORKS, "{target:#}");
    let scan = scan(&podman, &["--target", &format!("id={id}")]);
    assert_eq!(statuses(&report(&scan)), ["passed", "passed"], "{}", scan.stderr);
}

#[test]
fn what_the_kernel_keeps_from_its_own_user_is_explained() {
    let Some(podman) = Podman::new("what_the_kernel_keeps_from_its_own_user_is_explained") else { return };
    podman.hostile();
    podman.0.write("p.yaml", PROFILE);
    let options = ["--user", "65532:65532", "--cap-drop", "all", "--entrypoint", "/unreadable"];
    let pid = podman.start("target", &[&options[..], &["localhost/hostile:1", "-P"]].concat());
    let mut same = Command::new("setpriv");
    same.args(["--reuid", "65532", "--regid", "65532", "--clear-groups", "--bounding-set=-all"]);
    same.arg(env!("CARGO_BIN_EXE_assay")).args(["scan", "p.yaml", "--pid", &pid]).current_dir(&podman.0.0);
    let denied: Run = same.output().unwrap().into();
    let why = "the kernel does not let this scanner look into it\n  \
        - the target is not dumpable, so its own user may not look into it\n  \
        = help: run it as 0:0 with CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE (reads everything)\n";
    refused(&denied, &[why]);
    assert_eq!(statuses(&report(&scan(&podman, &["--pid", &pid]))), ["passed", "passed"], "root may");

    // Of a process of root it cannot be seen.
    let options = ["--user", "0:0", "--cap-drop", "all", "--entrypoint", "/unreadable"];
    let pid = podman.start("root", &[&options[..], &["localhost/hostile:1", "-P"]].concat());
    let reason = "user, group and capabilities would do: the target is not dumpable, or ";
    let as_root = |arguments: &[&str]| -> Run {
        let mut same = Command::new("setpriv");
        same.args(["--reuid", "0", "--regid", "0", "--clear-groups", "--bounding-set=-all"]);
        same.arg(env!("CARGO_BIN_EXE_assay")).args(arguments).args(["--pid", &pid]).current_dir(&podman.0.0);
        same.output().unwrap().into()
    };
    let way = "\n  = help: run it as 0:0 with CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE (reads everything)\n";
    refused(&as_root(&["scan", "p.yaml"]), &[reason, "a security module refuses (AppArmor, SELinux", way]);
    let located = as_root(&["locate"]);
    assert!(located.stdout.contains("reachable: no") && located.stdout.contains(reason), "{}", located.stdout);
    let plan = report(&as_root(&["locate", "--plan", "json"]));
    assert_eq!((&plan["reachable"], plan["ways"].as_array().unwrap().len()), (&false.into(), 1), "{plan:#}");
    assert!(plan["missing"][0].as_str().unwrap().starts_with(reason), "{plan:#}");
    assert_eq!(statuses(&report(&scan(&podman, &["--pid", &pid]))), ["passed", "passed"], "root may");
}

#[test]
fn a_target_in_another_user_namespace_is_refused() {
    let Some(podman) = Podman::new("a_target_in_another_user_namespace_is_refused") else { return };
    podman.hostile();
    podman.0.write("p.yaml", PROFILE);
    let mapped = ["--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536"];
    let pid = start(&podman, "target", &mapped, "> /ready; exec /idle -P");
    let why = ["target root replaced", "it lives in another user namespace, in which it can make any root"];
    refused(&scan(&podman, &["--pid", &pid]), &why);
    let accepted = scan(&podman, &["--pid", &pid, "--accept-root"]);
    assert_eq!(statuses(&report(&accepted)), ["passed", "passed"], "{}", accepted.stderr);
}

#[test]
fn what_a_target_mounts_over_proc_changes_nothing() {
    let Some(podman) = Podman::new("what_a_target_mounts_over_proc_changes_nothing") else { return };
    podman.hostile();
    podman.agent();
    podman.0.write("p.yaml", PROFILE);
    let script = "mount -t tmpfs none /proc; mkdir -p /proc/1/ns /proc/self /proc/42; cp /idle /proc/1/exe\n\
        ln -s /jail /proc/1/root; ln -s /jail /proc/42/root; ln -s user:[1] /proc/1/ns/user; echo forged > /proc/1/status\n\
        > /ready; exec /idle -P";
    let pid = start(&podman, "target", &["--cap-add", "SYS_ADMIN"], script);
    let scan = scan(&podman, &["--pid", &pid]);
    assert_eq!(statuses(&report(&scan)), ["passed", "passed"], "{}", scan.stderr);
    let profile = format!("{}:/p.yaml:ro", podman.0.path("p.yaml").display());
    let shared = ["run", "--rm", "--pid", "container:target", "--user", "0:0", "--cap-drop", "all"];
    let rights = ["--cap-add", "SYS_PTRACE", "--cap-add", "DAC_READ_SEARCH", "-v", &profile];
    let agent = ["localhost/assay:1", "scan", "/p.yaml", "--pid", "1", "--reporter", "json"];
    let beside: Run = podman.output(&[&shared[..], &rights, &agent].concat()).into();
    assert_eq!(statuses(&report(&beside)), ["passed", "passed"], "{}", beside.stderr);
}

#[test]
fn what_a_target_calls_itself_gives_no_orders() {
    let Some(podman) = Podman::new("what_a_target_calls_itself_gives_no_orders") else { return };
    podman.hostile();
    podman.0.write("p.yaml", PROFILE);
    // The row of another container, as the table would have it.
    let row = "printf 'x\\n\\033[2J\\r      1         0:0         1     1  0123456789ab app              /pause'";
    let script = format!(
        "mkdir -p /jail/a; cp /idle \"/jail/a/$({row} | cat -v | {{ read a; cat; }})\" 2>/dev/null\n\
         n=$(printf 'x\\n\\033[2J\\rapp'); cp /idle \"/$n\"; > /ready; exec \"/$n\" -P \"$({row})\" '::error::x'"
    );
    let pid = start(&podman, "liar", &[], &script);
    // The kubelet's mount, made of a folder of its own.
    let mount = "n=$(printf 'orderly\\033[2J'); mkdir -p \"/pods/u/containers/$n\"; > \"/pods/u/containers/$n/f\"; > /mnt/f\n\
        mount --bind \"/pods/u/containers/$n/f\" /mnt/f; > /ready; exec /idle -P";
    let script = format!("exec unshare -U -r -m sh -c '{}'", mount.replace('\'', "'\\''"));
    let kube = start(&podman, "kube", &["--security-opt", "seccomp=unconfined"], &script);

    let table = run(&podman.0.0, ["locate", "--target", "id=000000000000"]);
    assert_eq!(table.code, 104);
    let whole = format!("{}{}", table.stdout, table.stderr);
    assert!(!whole.contains(['\u{1b}', '\r']), "{whole:?}");
    for pid in [&pid, &kube] {
        let rows = whole.lines().filter(|line| line.split_whitespace().next() == Some(pid)).count();
        assert_eq!(rows, 1, "{whole}");
        for arguments in [vec!["locate", "--pid", pid], vec!["scan", "p.yaml", "--accept-root", "--pid", pid]] {
            let said = run(&podman.0.0, &arguments);
            assert!(!format!("{}{}", said.stdout, said.stderr).contains(['\u{1b}', '\r']), "{arguments:?}: {said:?}");
        }
    }
    assert_eq!(whole.lines().filter(|line| line.contains("0123456789ab")).count(), 0, "{whole}");
    let named = run(&podman.0.0, ["locate", "--target", "name=orderly"]);
    assert_eq!(named.code, 104, "{}", named.stdout);
}

/// Tries to get into every process of the scanner, and of a program that anybody may read, as long as it runs; says what
/// it got into. Now and then it stops or ends one.
const NEIGHBOUR: &str = r#"
> /volume/ready
n=0
while :; do
    for p in /proc/[0-9]*; do
        { read -r name < $p/comm; } 2>/dev/null || continue
        case $name in assay|sleep) ;; *) continue ;; esac
        { true 4<>$p/mem; } 2>/dev/null && echo "mem $name"
        { true 5>$p/fd/1; } 2>/dev/null && echo "output $name"
        { true <$p/environ; } 2>/dev/null && echo "environment $name"
        [ -e $p/root/. ] && echo "root $name"
        set -- $p/fd/*; [ -e "$1" ] && echo "descriptors $name"
        [ $name = assay ] || continue
        echo "tried $name"
        n=$((n+1))
        case $((n%400)) in
            7|107|207|307) kill -STOP ${p#/proc/}; { true 4<>$p/mem; } 2>/dev/null && echo "mem $name"; kill -CONT ${p#/proc/} ;;
            9) kill -KILL ${p#/proc/} ;;
        esac
    done 2>/dev/null
done"#;

/// How many times the scanner is started beside the neighbour.
const STARTS: usize = 1000;

#[test]
fn a_neighbour_of_the_same_user_forges_nothing() {
    let Some(podman) = Podman::new("a_neighbour_of_the_same_user_forges_nothing") else { return };
    podman.hostile();
    podman.agent();
    let tree = podman.0.path("agent-tree");
    podman.put_shell(&tree);
    podman.image("agents", &tree, &["ENTRYPOINT [\"/shell/sh\", \"-c\"]", "ENV PATH=/shell", "USER 65532:65532"]);
    podman.0.write(
        "p.yaml",
        "schema: 1\nname: p\ncontrols:\n\
         \x20 - {id: met, title: t, checks: [{file: /etc/passwd, expect: {exist: true}}]}\n\
         \x20 - {id: unmet, title: t, checks: [{file: /bin/sh, expect: {exist: true}}]}\n",
    );
    let least = ["--user", "65532:65532", "--cap-drop", "all", "--security-opt", "no-new-privileges"];
    let target = ["localhost/hostile:1", NEIGHBOUR];
    let pid = podman.start("target", &[&least[..], &target].concat());
    until("the neighbour", || Path::new(&format!("/proc/{pid}/root/volume/ready")).exists());

    // What it can do to a program that is like the scanner, but may be read: the proof that its attacks are some.
    let starts = format!(
        "sleep 10000 & i=0; while [ $i -lt {STARTS} ]; do\n\
         report=$(/assay scan /p.yaml --accept-observed-agent --target auto --reporter json 2>/dev/null); echo \"$? $report\"; i=$((i+1)); done"
    );
    let profile = format!("{}:/p.yaml:ro", podman.0.path("p.yaml").display());
    let agents = ["run", "--rm", "--init=false", "--read-only", "--pid", "container:target", "-v", &profile];
    let output = podman.output(&[&agents[..], &least, &["localhost/agents:1", &starts]].concat());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let attacks = podman.run(&["logs", "target"]);
    let got = |what: &str| attacks.lines().filter(|line| *line == what).count();
    for attack in ["mem", "output", "environment", "root", "descriptors"] {
        assert!(got(&format!("{attack} sleep")) > 0, "{attack} is no attack here");
        assert_eq!(got(&format!("{attack} assay")), 0, "{attack}: the scanner let its neighbour in");
    }
    assert!(got("tried assay") > STARTS / 2, "only {} tries", got("tried assay"));

    let (mut whole, mut none) = (0, 0);
    for line in said.lines() {
        let (code, report) = line.split_once(' ').unwrap();
        match code {
            "100" => {
                let report: Value = serde_json::from_str(report).unwrap_or_else(|error| panic!("{error}: {line}"));
                assert_eq!(statuses(&report), ["passed", "failed"], "{report:#}");
                assert_eq!(report["passthrough"]["assay"]["target"]["assurance"], "live, same user");
                whole += 1;
            }
            // Ended by the neighbour, perhaps in the midst of its report.
            "137" => {
                assert!(serde_json::from_str::<Value>(report).is_err() || report.contains("\"failed\""), "{report}");
                none += 1;
            }
            _ => panic!("a result of its own: {line}"),
        }
    }
    assert_eq!(whole + none, STARTS, "every start is accounted for");
    assert!(whole > 0 && none > 0, "{whole} whole, {none} ended");
}

/// Waits for each process of the scanner that there is, and at some moment of its life does to it what its own user may: lets
/// it stand still beyond its deadline, ends it, or takes its descriptors, its memory or its time.
const STARVER: &str = r#"
> /volume/ready
met=" "
while :; do
    for p in /proc/[0-9]*; do
        { read -r name < $p/comm; } 2>/dev/null || continue
        p=${p#/proc/}
        [ "$name" = assay ] || continue
        case "$met" in *" $p "*) continue ;; esac
        met="$met$p "
        (
            sleep 0.$(printf %02d $((RANDOM % 30)))
            case $((RANDOM % 10)) in
                0|1|2) kill -STOP $p && sleep 4; kill -CONT $p ;;
                3) kill -KILL $p ;;
                4) prlimit --pid $p --nofile=$((RANDOM % 20)) ;;
                5) prlimit --pid $p --nofile=3: && sleep 0.05; prlimit --pid $p --nofile=1024: ;;
                6) prlimit --pid $p --data=$((RANDOM * 100)) --as=$((RANDOM * 100)) ;;
                7) prlimit --pid $p --cpu=0 --fsize=0 ;;
            esac
        ) 2>/dev/null &
    done
done"#;

/// Tries to trace each process of the scanner, to read and write its memory and to take its output, as long as it runs; and
/// those of a program that anybody may read. Says at its end what it tried and what it got.
const TRACER: &str = r#"
import collections, ctypes, os, platform, select, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

def call(*words):
    return libc.syscall(*[ctypes.c_long(word) if isinstance(word, int) else word for word in words])

intel = platform.machine() == 'x86_64'
READ, WRITE = (310, 311) if intel else (270, 271)
SEIZE, INTERRUPT, DETACH, PTRACE = 0x4206, 0x4207, 17, 101 if intel else 117
container = sys.argv[1]
# On this machine, but with the target's user and group, and no more rights than it.
os.setgroups([])
os.setresgid(65532, 65532, 65532)
os.setresuid(65532, 65532, 65532)

class Part(ctypes.Structure):
    _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]

buffer = ctypes.create_string_buffer(1)
here = Part(ctypes.addressof(buffer), 1)

def word(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ''

def lives(pid):
    return 'VmSize:' in word(f'/proc/{pid}/status')

def memory(pid, number):
    # Where its memory cannot be told, any place: what is refused is refused before.
    line = next((line for line in word(f'/proc/{pid}/maps').splitlines() if ' rw-p ' in line), '400000-')
    there = Part(int(line.split('-')[0], 16), 1)
    done = call(number, pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    # 14: it was let in, and there is no such place.
    return done >= 0 or ctypes.get_errno() == 14

def take(pid):
    handle = call(434, pid, 0)
    if handle < 0:
        return False
    output = call(438, handle, 1, 0)
    os.close(handle)
    if output >= 0:
        os.close(output)
    return output >= 0

def trace(pid):
    if call(PTRACE, SEIZE, pid, 0, 0) != 0:
        return False
    alive = lives(pid)
    call(PTRACE, INTERRUPT, pid, 0, 0)
    os.waitpid(pid, 0x40000000)
    call(PTRACE, DETACH, pid, 0, 0)
    return alive

attacks = {'trace': trace, 'read': lambda pid: memory(pid, READ), 'write': lambda pid: memory(pid, WRITE), 'take': take}
seen = collections.Counter()
print('ready', flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for pid in os.listdir('/proc'):
        if not pid.isdigit() or container not in word(f'/proc/{pid}/cgroup'):
            continue
        name = word(f'/proc/{pid}/comm').strip()
        if name not in ('assay', 'sleep'):
            continue
        for attack, done in attacks.items():
            try:
                got = done(int(pid)) and lives(pid)
            except OSError:
                got = False
            seen[f'{name} {attack} {"got" if got else "tried"}'] += 1
for name, count in seen.items():
    print(name, count)
"#;

/// How many times the scanner is started beside it.
const TRACED_STARTS: usize = 200;

#[test]
fn a_neighbour_of_the_same_user_traces_and_copies_nothing() {
    let test = "a_neighbour_of_the_same_user_traces_and_copies_nothing";
    let Some(podman) = Podman::new(test) else { return };
    if Command::new("python3").arg("--version").output().is_err() {
        return fixture::skipped(test, "python3");
    }
    podman.hostile();
    podman.agent();
    let tree = podman.0.path("agent-tree");
    podman.put_shell(&tree);
    podman.image("agents", &tree, &["ENTRYPOINT [\"/shell/sh\", \"-c\"]", "ENV PATH=/shell", "USER 65532:65532"]);
    podman.0.write("p.yaml", PROFILE);
    let least = ["--user", "65532:65532", "--cap-drop", "all", "--security-opt", "no-new-privileges"];
    podman.start("target", &[&least[..], &["--entrypoint", "/idle", "localhost/hostile:1", "-P"]].concat());
    let starts = format!(
        "sleep 10000 & i=0; while [ $i -lt {TRACED_STARTS} ]; do\n\
         /assay scan /p.yaml --accept-observed-agent --target auto --reporter json > /dev/null 2>&1; echo $?; i=$((i+1)); done"
    );
    let profile = format!("{}:/p.yaml:ro", podman.0.path("p.yaml").display());
    let agents =
        ["create", "--name", "agents", "--init=false", "--read-only", "--pid", "container:target", "-v", &profile];
    let id = podman.run(&[&agents[..], &least, &["localhost/agents:1", &starts]].concat());

    let mut tracer = Command::new("python3");
    tracer.args(["-c", TRACER, &id]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tracer = tracer.spawn().unwrap();
    let mut said = BufReader::new(tracer.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n", "{}", String::from_utf8_lossy(&tracer.wait_with_output().unwrap().stderr));
    let scans = podman.run(&["start", "--attach", "agents"]);
    drop(tracer.stdin.take());
    let mut rows = String::new();
    said.read_to_string(&mut rows).unwrap();
    let ended = tracer.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));

    let count = |row: String| -> usize {
        let found = rows.lines().find_map(|line| line.strip_prefix(&row)?.trim().parse().ok());
        found.unwrap_or_default()
    };
    for attack in ["trace", "read", "write", "take"] {
        assert!(count(format!("sleep {attack} got")) > 0, "{attack} is no attack here: {rows}");
        assert_eq!(count(format!("assay {attack} got")), 0, "{attack}: the scanner let its neighbour in: {rows}");
        assert!(count(format!("assay {attack} tried")) > TRACED_STARTS, "{rows}");
    }
    assert_eq!(scans.lines().filter(|code| *code == "0").count(), TRACED_STARTS, "{scans}");
}

/// How many scanners run beside it, and how often each is started.
const SCANNERS: usize = 8;
const TIMES: usize = 8;

#[test]
fn a_neighbour_that_stops_and_starves_gets_no_better_result() {
    let Some(podman) = Podman::new("a_neighbour_that_stops_and_starves_gets_no_better_result") else { return };
    if !Path::new("/usr/bin/prlimit").exists() {
        return fixture::skipped("a_neighbour_that_stops_and_starves_gets_no_better_result", "prlimit (util-linux)");
    }
    podman.hostile();
    let tree = podman.0.path("hostile-tree");
    fs::copy("/usr/bin/prlimit", tree.join("shell/prlimit")).unwrap();
    podman.put_libraries(&tree, "/usr/bin/prlimit");
    // It takes a while to read, and not long.
    let large = fs::File::create(tree.join("large")).unwrap();
    large.set_len(64 << 20).unwrap();
    let digest = Command::new("sha256sum").arg(tree.join("large")).output().unwrap().stdout;
    let digest = String::from_utf8(digest).unwrap().split(' ').next().unwrap().to_owned();
    podman.image("starver", &tree, &["ENTRYPOINT [\"/shell/sh\", \"-c\"]", "ENV PATH=/shell"]);
    podman.agent();
    let tree = podman.0.path("agent-tree");
    podman.put_shell(&tree);
    podman.image("agents", &tree, &["ENTRYPOINT [\"/shell/sh\", \"-c\"]", "ENV PATH=/shell", "USER 65532:65532"]);
    podman.0.write(
        "given/p.yaml",
        format!(
            "schema: 1\nname: p\ncontrols:\n\
             \x20 - {{id: met, title: t, checks: [{{file: /etc/passwd, expect: {{exist: true}}}}]}}\n\
             \x20 - {{id: unmet, title: t, checks: [{{file: /bin/sh, expect: {{exist: true}}}}]}}\n\
             \x20 - {{id: absent, title: t, checks: [{{file: /etc/passwd, expect: {{exist: false}}}}]}}\n\
             \x20 - {{id: slow, title: t, checks: [{{file: /large, expect: {{sha256sum: {digest}}}}}]}}\n\
             \x20 - {{id: none, title: t, checks: [{{find: {{under: [/], name: passwd}}, expect: {{paths: {{empty: true}}}}}}]}}\n"
        ),
    );
    let honest = ["passed", "failed", "failed", "passed", "failed"];
    let least = ["--user", "65532:65532", "--cap-drop", "all", "--security-opt", "no-new-privileges"];
    let pid = podman.start("target", &[&least[..], &["localhost/starver:1", STARVER]].concat());
    until("the neighbour", || Path::new(&format!("/proc/{pid}/root/volume/ready")).exists());

    let out = podman.0.path("out");
    fs::create_dir(&out).unwrap();
    chown(&out, Some(65532), Some(65532)).unwrap();
    let starts = format!(
        "n=0; while [ $n -lt {SCANNERS} ]; do (\n\
         i=0; while [ $i -lt {TIMES} ]; do\n\
         /assay scan /given/p.yaml --accept-observed-agent --target auto --timeout 3 --reporter json > /out/$n-$i.json 2> /out/$n-$i.said\n\
         echo $? > /out/$n-$i.code; i=$((i+1)); done ) & n=$((n+1)); done; wait"
    );
    let given = format!("{}:/given:ro", podman.0.path("given").display());
    let out_mount = format!("{}:/out", out.display());
    let agents =
        ["run", "--rm", "--init=false", "--read-only", "--pid", "container:target", "-v", &given, "-v", &out_mount];
    podman.run(&[&agents[..], &least, &["localhost/agents:1", &starts]].concat());

    let (mut whole, mut late, mut none) = (0, 0, 0);
    for name in (0..SCANNERS).flat_map(|scanner| (0..TIMES).map(move |time| format!("{scanner}-{time}"))) {
        let read = |what: &str| fs::read_to_string(out.join(format!("{name}.{what}"))).unwrap();
        let (code, report, said) = (read("code"), read("json"), read("said"));
        let code: i32 = code.trim().parse().unwrap();
        assert!(![0, 101].contains(&code), "nothing failed: {said}{report}");
        let Ok(report) = serde_json::from_str::<Value>(&report) else {
            assert_ne!(code, 100, "{said}");
            none += 1;
            continue;
        };
        let results = results(&report);
        for ((status, message), honest) in results.iter().zip(honest) {
            // Worse, when it could not look.
            assert!(status == honest || status == "failed", "{code} {honest}: {report:#}");
            late += usize::from(message.contains("(--timeout)"));
        }
        let live = &report["passthrough"]["assay"]["target"];
        assert_eq!((&live["assurance"], &live["live"]["pid"]), (&"live, same user".into(), &1.into()));
        whole += usize::from(code == 100 && results.iter().map(|(status, _)| status).eq(honest));
    }
    assert!(whole > 0 && late > 0 && none > 0, "{whole} whole, {late} results late, {none} none");
}

/// A process whose first thread ended looks like a zombie, and its other threads run on with all their rights.
#[test]
fn a_process_whose_first_thread_ended_is_not_overlooked() {
    let test = "a_process_whose_first_thread_ended_is_not_overlooked";
    let Some(podman) = Podman::new(test) else { return };
    let script = "import ctypes, os, platform, sys, threading\n\
        threading.Thread(target=sys.stdin.read).start()\n\
        print('.', end='', flush=True)\n\
        ctypes.CDLL(None).syscall(60 if platform.machine() == 'x86_64' else 93, 0)";
    let python = Command::new("python3").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut hidden) = python else { return fixture::skipped(test, "python3") };
    let status = || fs::read_to_string(format!("/proc/{}/status", hidden.id())).unwrap();
    until("its first thread's end", || status().contains("State:\tZ") && status().contains("Threads:\t2"));

    podman.fixture("static");
    podman.0.write(
        "p.yaml",
        "schema: 1\nname: p\ncontrols:\n\
         \x20 - {id: users, title: t, checks: [{processes: {}, expect: {users: {excludes: root}}}]}\n",
    );
    let pid = podman.start("target", &["--cap-drop", "all", "localhost/static:1"]);
    let scan = scan(&podman, &["--pid", &pid]);
    let found = results(&report(&scan));
    let direct = run(&podman.0.0, ["locate", "--pid", &hidden.id().to_string()]);
    drop(hidden.stdin.take());
    hidden.wait().unwrap();
    assert_eq!(found[0].0, "failed");
    assert!(found[0].1.contains("did not let themselves be looked at"), "{found:?}");
    assert_eq!(direct.code, 104, "{}", direct.stdout);
}

/// Users and capabilities are each thread's own; ps shows those of the first.
#[test]
fn a_thread_with_other_rights_than_its_process_is_not_overlooked() {
    let test = "a_thread_with_other_rights_than_its_process_is_not_overlooked";
    let Some(podman) = Podman::new(test) else { return };
    podman.fixture("static");
    podman.0.write(
        "p.yaml",
        "schema: 1\nname: p\ncontrols:\n\
         \x20 - {id: users, title: t, checks: [{processes: {}, expect: {users: {excludes: root}}}]}\n\
         \x20 - {id: rights, title: t, checks: [{processes: {}, expect: {capabilities: {empty: true}}}]}\n",
    );
    let pid = podman.start("target", &["--cap-drop", "all", "localhost/static:1"]);
    // A process of this machine that is put into the container's control groups. glibc would ask all threads to change.
    let script = "import ctypes, platform, sys, threading\n\
        sys.stdin.readline()\n\
        threading.Thread(target=sys.stdin.read).start()\n\
        number = 117 if platform.machine() == 'x86_64' else 147\n\
        if len(sys.argv) > 1: ctypes.CDLL(None).syscall(number, 65532, 65532, 65532)\n\
        print('.', end='', flush=True)";
    let statuses_with = |arguments: &[&str]| {
        let mut python = Command::new("python3");
        python.args(["-c", script]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut python = python.spawn().ok()?;
        for file in groups_of(&pid) {
            fs::write(file, python.id().to_string()).unwrap();
        }
        let mut input = python.stdin.take().unwrap();
        input.write_all(b"\n").unwrap();
        python.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let scan = scan(&podman, &["--pid", &pid]);
        drop(input);
        python.wait().unwrap();
        Some(results(&report(&scan)))
    };
    let Some(same) = statuses_with(&[]) else { return fixture::skipped(test, "python3") };
    assert!(same[0].0 == "failed" && same[0].1.contains("root"), "one that is root: {same:?}");
    let other = statuses_with(&["other"]).unwrap();
    for (place, what) in [(0, "user"), (1, "capabilities")] {
        assert_eq!(other[place].0, "failed", "{other:?}");
        assert!(other[place].1.contains(&format!("{what}: its thread ")), "{other:?}");
    }
}

/// A command line is the target's choice, megabytes of it too: it is a hint, and only its beginning is taken.
#[test]
fn long_command_lines_cost_little() {
    let Some(podman) = Podman::new("long_command_lines_cost_little") else { return };
    podman.hostile();
    let script = "sh -c 'while :; do sleep 1000; done' sh \"$(printf '%100000s')\" &\n\
        > /ready; while :; do sleep 1000; done";
    let pid = start(&podman, "long", &[], script);
    let child = || fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let of = |pid: &str| fs::read(format!("/proc/{pid}/cmdline")).map_or(0, |line| line.len());
    until("the long command line", || child().split_whitespace().any(|pid| of(pid) > 100_000));
    let long = child().split_whitespace().find(|pid| of(pid) > 100_000).unwrap().to_owned();
    let located = run(&podman.0.0, ["locate", "--pid", &long, "--format", "json"]);
    assert_eq!(located.code, 0, "{}", located.stderr);
    assert!(located.stdout.len() < 10_000, "{} bytes", located.stdout.len());
}
