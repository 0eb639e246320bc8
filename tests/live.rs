//! Running containers, made by podman and runc: found, looked at with the rights that are there, refused with reasons.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "tests make and read their own files")]

mod fixture;
mod podman;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use fixture::{Run, repository, run};
use podman::{Podman, groups_of};
use serde_json::Value;

/// Asks for a file that only root reads, and for one that everybody reads.
const PROFILE: &str = "schema: 1\nname: p\ncontrols:\n\
    \x20 - {id: open, title: t, checks: [{file: /etc/passwd, expect: {exist: true, content: {match: root}}}]}\n\
    \x20 - {id: closed, title: t, checks: [{file: /secret, expect: {content: {match: only root}}}]}\n\
    \x20 - {id: absent, title: t, checks: [{file: /bin/sh, expect: {exist: false}}]}\n";

/// Runs the program under test as another user, without capabilities.
fn run_as(folder: &Path, uid: &str, gid: &str, arguments: &[&str]) -> Run {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", uid, "--regid", gid, "--clear-groups", "--bounding-set=-all"]);
    command.arg(env!("CARGO_BIN_EXE_assay")).args(arguments).current_dir(folder).env_remove("NO_COLOR");
    command.output().unwrap().into()
}

fn report(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr))
}

/// Status of each control's first result.
fn statuses(report: &Value) -> Vec<(String, String)> {
    let controls =
        report["profiles"].as_array().unwrap().iter().flat_map(|profile| profile["controls"].as_array().unwrap());
    let results = controls.flat_map(|control| {
        let id = control["id"].as_str().unwrap().to_owned();
        control["results"].as_array().unwrap().iter().map(move |result| {
            (format!("{id}: {}", result["code_desc"].as_str().unwrap()), result["status"].as_str().unwrap().to_owned())
        })
    });
    results.collect()
}

#[test]
fn a_container_is_scanned_by_the_rights_that_there_are() {
    let Some(podman) = Podman::new("a_container_is_scanned_by_the_rights_that_there_are") else { return };
    podman.fixture("static");
    podman.0.write("p.yaml", PROFILE);
    let pid = podman.start("target", &["--cap-drop", "all", "localhost/static:1"]);
    let arguments = ["scan", "p.yaml", "--reporter", "json", "--pid", &pid];
    let expect = |report: &Value, closed: &str, assurance: &str| {
        let found: Vec<&str> = report["profiles"][0]["controls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|control| control["results"][0]["status"].as_str().unwrap())
            .collect();
        assert_eq!(found, ["passed", closed, "passed"], "{report:#}");
        let target = &report["passthrough"]["assay"]["target"];
        assert_eq!(target["assurance"], assurance);
        assert_eq!(target["live"]["pid"].to_string(), pid);
        assert_eq!(target["live"]["root_mount"]["filesystem"], "overlay");
    };

    // Root, with all capabilities, reads everything.
    expect(&report(&run(&podman.0.0, arguments)), "passed", "live, another user");

    // The target's own user and group, without any capability, reads what that user reads.
    let own = report(&run_as(&podman.0.0, "65532", "65532", &arguments));
    expect(&own, "failed", "live, same user");
    let closed = &own["profiles"][0]["controls"][1]["results"][0];
    assert!(closed["backtrace"].is_array(), "an error, not a failure: {closed:#}");
    assert!(
        closed["message"].as_str().unwrap().contains("needs the file's uid or gid, or root with CAP_DAC_READ_SEARCH")
    );

    // Anybody else is told why not, and what would do.
    for (uid, gid, reasons) in [
        ("65532", "0", vec!["the target runs as gid 65532, this scanner as 0"]),
        ("1000", "65532", vec!["the target runs as uid 65532, this scanner as 1000"]),
        ("0", "0", vec!["the target runs as uid 65532, this scanner as 0", "the target runs as gid 65532"]),
    ] {
        let refused = run_as(&podman.0.0, uid, gid, &arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (104, ""), "{}", refused.stderr);
        for reason in reasons {
            assert!(refused.stderr.contains(reason), "{}", refused.stderr);
        }
        assert!(refused.stderr.contains("run it as 65532:65532 without any capability"), "{}", refused.stderr);
        assert!(refused.stderr.contains("or as 0:0 with CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE"), "{}", refused.stderr);
    }
}

#[test]
fn a_container_is_found_by_what_the_kernel_tells() {
    let Some(podman) = Podman::new("a_container_is_found_by_what_the_kernel_tells") else { return };
    podman.fixture("static");
    let pid = podman.start("target", &["localhost/static:1"]);
    let id = podman.run(&["inspect", "--format", "{{.Id}}", "target"]);
    let locate = |how: &str| run(&podman.0.0, ["locate", "--format", "json", "--target", how]);
    for how in [format!("id={id}"), format!("id={}", &id[..12]), format!("id=podman://{id}")] {
        let found = locate(&how);
        assert_eq!(found.code, 0, "{}", found.stderr);
        let target = &report(&found)["target"];
        assert_eq!(target["pid"].to_string(), pid);
        assert_eq!((&target["container_id"], &target["engine"]), (&id.as_str().into(), &"podman".into()));
        assert_eq!((&target["uid"], &target["pid_in_its_namespace"]), (&65532.into(), &1.into()));
    }
    let missing = locate("id=0123456789ab");
    assert_eq!(missing.code, 104);
    assert!(missing.stderr.contains("target process not found"), "{}", missing.stderr);
    assert!(missing.stderr.contains(&id[..12]), "what there is instead: {}", missing.stderr);

    let plan = report(&run(&podman.0.0, ["locate", "--plan", "json", "--pid", &pid]));
    let [least, most] = plan["ways"].as_array().unwrap().as_slice() else { panic!("{plan:#}") };
    assert_eq!(
        (&least["runAsUser"], &least["runAsGroup"], &least["runAsNonRoot"]),
        (&65532.into(), &65532.into(), &true.into())
    );
    assert_eq!(least["capabilities"]["add"].as_array().unwrap().len(), 0);
    assert_eq!(most["capabilities"]["add"].to_string(), "[\"DAC_READ_SEARCH\",\"SYS_PTRACE\"]");
}

#[test]
fn a_container_is_found_by_the_name_that_its_engine_knows() {
    let Some(podman) = Podman::new("a_container_is_found_by_the_name_that_its_engine_knows") else { return };
    podman.fixture("static");
    podman.0.write("p.yaml", PROFILE);
    let pid = podman.start("web", &["--cap-drop", "all", "localhost/static:1"]);
    podman.start("other", &["--rm", "localhost/static:1"]);
    podman.run(&["create", "--name", "never", "localhost/static:1"]);
    let id = podman.run(&["inspect", "--format", "{{.Id}}", "web"]);
    let conf = podman.0.path("storage.conf");
    let asked = |arguments: &[&str]| -> Run {
        let mut command = fixture::assay(&podman.0.0);
        command.env("CONTAINERS_STORAGE_CONF", &conf).args(arguments).output().unwrap().into()
    };
    for name in ["web", &id, &id[..12]] {
        let found = asked(&["locate", "--format", "json", "--container", name]);
        assert_eq!(found.code, 0, "{}", found.stderr);
        assert_eq!(report(&found)["target"]["pid"].to_string(), pid);
    }
    let scan = report(&asked(&["scan", "p.yaml", "--reporter", "json", "--container", "web"]));
    assert_eq!(scan["passthrough"]["assay"]["target"]["live"]["container_id"], id.as_str(), "{scan:#}");
    let detected = asked(&["detect", "--container", "web"]);
    assert!(detected.stdout.contains("distroless/static"), "{}{}", detected.stdout, detected.stderr);

    let none = asked(&["scan", "p.yaml", "--container", "we"]);
    assert_eq!((none.code, none.stdout.as_str()), (104, ""));
    assert!(none.stderr.contains("the engines of this host know no container we\n"), "{}", none.stderr);
    let place = format!("- podman, {}: never, other, web\n", podman.0.path("graph").display());
    assert!(none.stderr.contains(&place), "{}", none.stderr);
    assert!(none.stderr.contains("- docker, /var/lib/docker/containers: not there\n"), "{}", none.stderr);
    let stopped = asked(&["detect", "--container", "never"]);
    assert_eq!(stopped.code, 104);
    assert!(stopped.stderr.contains("container never (podman, id "), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("no process is in a control group of its id"), "{}", stopped.stderr);
    let both = asked(&["locate", "--container", "web", "--pid", &pid]);
    assert_eq!(both.code, 2, "{}", both.stderr);

    // Who may not read the engine's files is told so.
    fs::set_permissions(podman.0.path("graph"), fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "1000", "--regid", "1000", "--clear-groups", "--bounding-set=-all"]);
    command.arg(env!("CARGO_BIN_EXE_assay")).args(["locate", "--container", "web"]).current_dir(&podman.0.0);
    let denied: Run = command.env("CONTAINERS_STORAGE_CONF", &conf).output().unwrap().into();
    assert_eq!(denied.code, 104);
    assert!(denied.stderr.contains("permission denied (needs the file's uid or gid"), "{}", denied.stderr);
}

#[test]
fn the_agent_in_its_own_image_needs_no_capability() {
    let Some(podman) = Podman::new("the_agent_in_its_own_image_needs_no_capability") else { return };
    podman.fixture("static");
    podman.agent();
    podman.0.write("p.yaml", PROFILE);
    podman.start("target", &["--cap-drop", "all", "localhost/static:1"]);
    let profile = format!("{}:/p.yaml:ro", podman.0.path("p.yaml").display());
    let scan = |options: &[&str]| -> Run {
        let fixed = ["run", "--rm", "--pid", "container:target", "--cap-drop", "all", "--read-only"];
        let rest = ["--security-opt", "no-new-privileges", "-v", &profile];
        let agent = ["localhost/assay:1", "scan", "/p.yaml", "--target", "auto", "--reporter", "json"];
        podman.command(&[&fixed[..], &rest, options, &agent].concat()).output().unwrap().into()
    };
    let closed = |run: &Run| {
        assert_eq!(report(run)["passthrough"]["assay"]["target"]["live"]["pid"], 1, "{}", run.stderr);
        report(run)["profiles"][0]["controls"][1]["results"][0]["status"].as_str().unwrap().to_owned()
    };
    // Same user and group, no capability at all; the file of root is an error.
    assert_eq!(closed(&scan(&["--user", "65532:65532"])), "failed");
    // Root with the two capabilities reads all.
    let two = ["--user", "0:0", "--cap-add", "SYS_PTRACE", "--cap-add", "DAC_READ_SEARCH"];
    assert_eq!(closed(&scan(&two)), "passed");
    // Files that belong to root need only the first of them.
    assert_eq!(closed(&scan(&["--user", "0:0", "--cap-add", "SYS_PTRACE"])), "passed", "the file belongs to root");
    let user = |own: u32| format!("  - the target runs as uid 65532, this scanner as {own}\n");
    let group = |own: u32| format!("  - the target runs as gid 65532, this scanner as {own}\n");
    for (options, why) in [
        (vec!["--user", "65532:0"], group(0)),
        (vec!["--user", "0:0"], user(0) + &group(0)),
        (vec!["--user", "0:0", "--cap-add", "DAC_READ_SEARCH"], user(0) + &group(0)),
        (vec!["--user", "1000:65532"], user(1000)),
    ] {
        let refused = scan(&options);
        assert_eq!((refused.code, refused.stdout.as_str()), (104, ""), "{options:?}: {}", refused.stderr);
        let whole = format!(
            "process 1: the kernel does not let this scanner look into it\n{why}  \
             = help: run it as 65532:65532 without any capability (reads what the target's own user can read)\n  \
             = help: or as 0:0 with CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE (reads everything)\n"
        );
        assert!(refused.stderr.ends_with(&whole), "{options:?}: {}", refused.stderr);
    }
}

#[test]
fn in_a_pod_that_shares_processes_nothing_is_guessed() {
    let Some(podman) = Podman::new("in_a_pod_that_shares_processes_nothing_is_guessed") else { return };
    podman.fixture("static");
    podman.agent();
    podman.0.write("p.yaml", PROFILE);
    podman.start("one", &["localhost/static:1"]);
    podman.start("two", &["--pid", "container:one", "localhost/static:1"]);
    let locate = |how: &str| -> Run {
        let fixed = [
            "run",
            "--rm",
            "--pid",
            "container:one",
            "localhost/assay:1",
            "locate",
            "--format",
            "json",
            "--target",
            how,
        ];
        podman.command(&fixed).output().unwrap().into()
    };
    let ambiguous = locate("auto");
    assert_eq!(ambiguous.code, 104, "{}", ambiguous.stderr);
    assert!(ambiguous.stderr.contains("2 containers fit, and none is taken by guess"), "{}", ambiguous.stderr);
    assert_eq!(report(&ambiguous)["candidates"].as_array().unwrap().len(), 2);
    let id = podman.run(&["inspect", "--format", "{{.Id}}", "two"]);
    let chosen = locate(&format!("id={id}"));
    // Within a control group namespace the ids may be hidden; then there is no such container, and no guess.
    assert!([0, 104].contains(&chosen.code));
    if chosen.code == 0 {
        assert_eq!(report(&chosen)["target"]["container_id"], id.as_str());
    }
    let hint = locate("exe=/idle");
    assert_eq!(hint.code, 104, "both have it: {}", hint.stderr);
}

/// The controls that come to something else in a folder, in the image made of it and in a container that runs it, and what
/// they come to: what an image says of itself, and what processes are.
const DIFFERENCES: [&str; 19] = [
    "distroless-31: skipped, passed, skipped",
    "distroless-32: skipped, passed, skipped",
    "distroless-33: skipped, passed, skipped",
    "distroless-34: skipped, passed, skipped",
    "distroless-35: skipped, passed, skipped",
    "distroless-36: skipped, passed, skipped",
    "distroless-37: skipped, passed, skipped",
    "distroless-38: skipped, passed, skipped",
    "container-2.1: skipped, skipped, passed",
    "container-2.2: skipped, skipped, passed",
    "container-2.3: skipped, skipped, passed",
    "container-3.1: skipped, skipped, passed",
    "container-3.2: skipped, skipped, passed",
    "container-3.3: skipped, skipped, passed",
    "container-3.4: skipped, skipped, passed",
    "container-3.5: skipped, skipped, passed",
    "container-3.6: skipped, skipped, passed",
    "container-3.7: skipped, skipped, passed",
    "container-3.8: skipped, skipped, passed",
];

/// Which facts of the target a report has, beside what all have: location, resolver, assurance and what it proves.
const IMAGE_FACTS: [&str; 1] = ["image"];
const LIVE_FACTS: [&str; 1] = ["live"];

#[test]
fn live_image_and_folder_differ_in_what_is_known_and_nothing_else() {
    let test = "live_image_and_folder_differ_in_what_is_known_and_nothing_else";
    let Some(podman) = Podman::new(test) else { return };
    let profiles = ["distroless-baseline", "container-baseline"].map(|name| repository("profiles").join(name));
    let [distroless, container] = profiles.each_ref().map(|profile| profile.to_str().unwrap());
    for kind in ["static", "base", "cc", "java", "nodejs", "python", "standard"] {
        podman.fixture(kind);
        let name = format!("localhost/{kind}:1");
        let closed =
            ["--cap-drop", "all", "--security-opt", "no-new-privileges", "--read-only", "--read-only-tmpfs=false"];
        let pid = podman.start(kind, &[&closed[..], &[&name]].concat());
        let tree = podman.0.path(&format!("{kind}-tree"));
        let archive = podman.0.path(&format!("{kind}.oci"));
        let archive = archive.to_str().unwrap();
        podman.run(&["save", "--quiet", "--format", "oci-archive", "-o", archive, &name]);
        let scan = |target: [&str; 2]| {
            let fixed = ["scan", distroless, container, "--reporter", "json"];
            report(&run(&podman.0.0, [&fixed[..], &target].concat()))
        };
        let folder = scan(["--rootfs", tree.to_str().unwrap()]);
        let image = scan(["--image", archive]);
        // A process of this machine that is ending could be the container's, and what is said of all of them is in doubt then.
        let mut live = scan(["--pid", &pid]);
        for _ in 0..5 {
            if live.to_string().contains("did not let themselves be looked at") {
                live = scan(["--pid", &pid]);
            }
        }
        let found = differences([&folder, &image, &live]);
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), DIFFERENCES, "{kind}: {found:#?}");

        let target = |report: &Value| report["passthrough"]["assay"]["target"].clone();
        let more = |report: &Value| -> Vec<String> {
            let known = target(&folder);
            target(report).as_object().unwrap().keys().filter(|key| known.get(key).is_none()).cloned().collect()
        };
        assert_eq!(
            (more(&image), more(&live)),
            (IMAGE_FACTS.map(str::to_owned).into(), LIVE_FACTS.map(str::to_owned).into())
        );
        let assured = [&folder, &image, &live].map(|report| target(report)["assurance"].as_str().unwrap().to_owned());
        assert_eq!(assured, ["directory", "image", "live, another user"], "{kind}");
        assert_eq!(folder["platform"]["name"], live["platform"]["name"]);
        assert_eq!(folder["platform"]["release"], image["platform"]["release"]);
    }
}

/// The controls whose results are not the same in all reports, to the word: `id: statuses, statuses, statuses`.
fn differences(reports: [&Value; 3]) -> Vec<String> {
    let controls = reports.map(|report| {
        let profiles = report["profiles"].as_array().unwrap().iter();
        let controls: Vec<&Value> = profiles.flat_map(|profile| profile["controls"].as_array().unwrap()).collect();
        controls
    });
    let results = |control: &Value| -> Vec<(String, String)> {
        let text = |result: &Value, key: &str| result[key].as_str().unwrap().to_owned();
        let results = control["results"].as_array().unwrap().iter();
        results.map(|result| (text(result, "status"), text(result, "code_desc"))).collect()
    };
    let mut rows = Vec::new();
    for (place, control) in controls[0].iter().enumerate() {
        let [folder, image, live] = controls.each_ref().map(|controls| {
            assert_eq!(controls[place]["id"], control["id"]);
            results(controls[place])
        });
        if folder != image || folder != live {
            let words = [folder, image, live].map(|results| {
                let statuses: BTreeSet<String> = results.into_iter().map(|(status, _)| status).collect();
                statuses.into_iter().collect::<Vec<_>>().join(" and ")
            });
            rows.push(format!("{}: {}", control["id"].as_str().unwrap(), words.join(", ")));
        }
    }
    rows
}

/// The cells of docs/security.md that tell what the kernel keeps to a process's own user: its environment and open
/// descriptors, unlike its executable.
#[test]
fn the_environment_needs_both_capabilities_of_another_user() {
    let test = "the_environment_needs_both_capabilities_of_another_user";
    let Some(podman) = Podman::new(test) else { return };
    podman.fixture("static");
    podman.agent();
    let checks = [
        "{os_env: TOKEN, expect: {content: hunter2}}",
        "{processes: {}, expect: {executable_deleted: false}}",
        "{limits: nofile, expect: {soft: {ge: 1}}}",
    ];
    let controls = checks
        .iter()
        .enumerate()
        .map(|(number, check)| format!("  - {{id: c{number}, title: t, checks: [{check}]}}\n"));
    podman.0.write("p.yaml", format!("schema: 1\nname: p\ncontrols:\n{}", controls.collect::<String>()));
    let profile = format!("{}:/p.yaml:ro", podman.0.path("p.yaml").display());
    podman.start("target", &["--cap-drop", "all", "-e", "TOKEN=hunter2", "localhost/static:1"]);
    podman.start("root", &["--cap-drop", "all", "-e", "TOKEN=hunter2", "--user", "0:0", "localhost/static:1"]);
    let scan = |target: &str, options: &[&str]| -> Value {
        let pid = format!("container:{target}");
        let fixed = ["run", "--rm", "--pid", &pid, "--cap-drop", "all", "-v", &profile];
        let agent = ["localhost/assay:1", "scan", "/p.yaml", "--target", "auto", "--reporter", "json"];
        report(&podman.output(&[&fixed[..], options, &agent].concat()).into())
    };
    let root = ["--user", "0:0", "--cap-add", "SYS_PTRACE"];
    let both = [&root[..], &["--cap-add", "DAC_READ_SEARCH"]].concat();
    for (target, options, environment) in [
        ("target", &["--user", "65532:65532"][..], "passed"),
        ("target", &root, "failed"),
        ("target", &both, "passed"),
        ("root", &["--user", "0:0"], "passed"),
    ] {
        let report = scan(target, options);
        let found: Vec<String> = statuses(&report).into_iter().map(|(_, status)| status).collect();
        assert_eq!(found, [environment, "passed", "passed"], "{target} {options:?}: {report:#}");
        let first = &report["profiles"][0]["controls"][0]["results"][0];
        if environment == "failed" {
            assert!(first["backtrace"].is_array(), "an error, not a failure: {first:#}");
            let message = first["message"].as_str().unwrap();
            assert!(
                message.contains("permission denied (needs the process's own uid and gid, or uid 0 with"),
                "{message}"
            );
        }
    }
}

/// The README's three lines, as they stand there.
#[test]
fn the_readmes_three_lines_scan_a_running_container() {
    let Some(podman) = Podman::new("the_readmes_three_lines_scan_a_running_container") else { return };
    podman.fixture("static");
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let section = readme.split("\n## ").find(|section| section.starts_with("Scanning a running container\n")).unwrap();
    let lines: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    let program = Path::new(env!("CARGO_BIN_EXE_assay")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let script = lines.join("\n").replace("IMAGE", "localhost/static:1");
    let mut shell = Command::new("sh");
    shell.args(["-ec", &script]).current_dir(repository(".")).env("PATH", path).env("NO_COLOR", "1");
    shell.env("CONTAINERS_CONF", podman.0.path("containers.conf"));
    shell.env("CONTAINERS_STORAGE_CONF", podman.0.path("storage.conf"));
    let shown: Run = shell.output().unwrap().into();
    // Its root can be written: a control fails.
    assert_eq!(shown.code, 100, "{}{}", shown.stdout, shown.stderr);
    let id = podman.run(&["inspect", "--format", "{{.Id}}", "target"]);
    let target = format!("\nTarget:    container target, podman://{id}, process ");
    assert!(shown.stdout.contains(&target), "{}", shown.stdout);
    assert!(shown.stdout.contains("\nAssurance: live, another user: "), "{}", shown.stdout);
    assert!(shown.stdout.contains("\n  ✔  container-1.1: "), "{}", shown.stdout);
    assert!(shown.stdout.contains("\n  ×  container-3.5: The root filesystem is read-only"), "{}", shown.stdout);
}

#[test]
fn a_target_that_ends_is_no_scan() {
    let Some(podman) = Podman::new("a_target_that_ends_is_no_scan") else { return };
    podman.fixture("static");
    let pid = podman.start("target", &["localhost/static:1"]);
    // Long to hash, and of no size on disk.
    let large = fs::File::create(format!("/proc/{pid}/root/large")).unwrap();
    large.set_len(4 << 30).unwrap();
    podman.0.write(
        "large.yaml",
        "schema: 1\nname: p\ncontrols:\n  - {id: c, title: t, checks: [{file: /large, expect: {sha256sum: {match: .}}}]}\n",
    );
    let mut scan = Command::new(env!("CARGO_BIN_EXE_assay"));
    scan.args(["scan", "large.yaml", "--pid", &pid, "--reporter", "json:report.json"]).current_dir(&podman.0.0);
    let mut scan = scan.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let descriptors = format!("/proc/{}/fd", scan.id());
    let reads = || {
        let mut open = fs::read_dir(&descriptors).into_iter().flatten().flatten();
        open.any(|entry| fs::read_link(entry.path()).is_ok_and(|path| path.ends_with("large")))
    };
    while !reads() {
        assert!(scan.try_wait().unwrap().is_none(), "it ended before it read");
        std::thread::yield_now();
    }
    podman.run(&["kill", "target"]);
    let output = scan.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(104), "{complaint}");
    assert!(complaint.contains(&format!("process {pid} ended: there is no whole scan of it")), "{complaint}");
    assert!(!podman.0.path("report.json").exists());
}

#[test]
fn a_container_that_holds_takes_scans_and_is_released() {
    let Some(podman) = Podman::new("a_container_that_holds_takes_scans_and_is_released") else { return };
    podman.fixture("static");
    podman.agent();
    podman.start("target", &["--cap-drop", "all", "localhost/static:1"]);
    let least =
        ["--cap-drop", "all", "--read-only", "--security-opt", "no-new-privileges", "--pid", "container:target"];
    podman.start("agent", &[&least[..], &["localhost/assay:1", "hold", "--for", "10m"]].concat());
    let scan = ["exec", "-i", "agent", "/assay", "scan", "-", "--target", "auto", "--reporter", "json", "--framed"];
    let mut scan = podman.command(&scan).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    scan.stdin.take().unwrap().write_all(PROFILE.as_bytes()).unwrap();
    let output = scan.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(100), "{}", String::from_utf8_lossy(&output.stdout));
    let end = output.stdout.iter().position(|byte| *byte == b'\n').unwrap();
    let (frame, body) = (String::from_utf8(output.stdout[..end].to_vec()).unwrap(), &output.stdout[end + 1..]);
    let file = podman.0.write("body", body);
    let digest = Command::new("sha256sum").arg(file).output().unwrap().stdout;
    let digest = String::from_utf8(digest).unwrap();
    assert_eq!(frame, format!("assay-frame 1 {} sha256:{}", body.len(), digest.split(' ').next().unwrap()));
    let report: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(report["passthrough"]["assay"]["target"]["assurance"], "live, same user");
    assert_eq!(podman.run(&["logs", "agent"]), "", "nothing is in the container's log");

    podman.run(&["exec", "agent", "/assay", "release"]);
    assert_eq!(podman.run(&["wait", "agent"]), "0");
    let time = podman.run(&["run", "--rm", "localhost/assay:1", "hold", "--for", "1s"]);
    assert_eq!(time, "", "its time ends it");
    let none: Run = podman.output(&["run", "--rm", "localhost/assay:1", "release"]).into();
    assert_eq!(none.code, 104);
    assert!(none.stderr.contains("nothing waits in assay hold in this container"), "{}", none.stderr);
}

#[test]
fn a_sidecar_leaves_a_folder_of_results() {
    let Some(podman) = Podman::new("a_sidecar_leaves_a_folder_of_results") else { return };
    podman.fixture("static");
    podman.agent();
    podman.start("target", &["--cap-drop", "all", "localhost/static:1"]);
    let results = podman.0.path("results");
    fs::create_dir(&results).unwrap();
    chown(&results, Some(65532), Some(65532)).unwrap();
    let given = podman.0.path("given");
    podman.0.write("given/p.yaml", PROFILE);
    podman.0.write("given/threshold.yaml", "compliance:\n  min: 60\nerror:\n  total:\n    max: 1\n");
    let (results_mount, given_mount) =
        (format!("{}:/results", results.display()), format!("{}:/given:ro", given.display()));
    let scan = |options: &[&str]| -> Run {
        let fixed =
            ["run", "--rm", "--pid", "container:target", "--cap-drop", "all", "--read-only", "-v", &results_mount];
        let rest = ["-v", &given_mount, "-e", "ASSAY_RESULTS_DIR=/results", "-e", "ASSAY_TARGET=auto"];
        podman
            .output(
                &[&fixed[..], &rest, &["-e", "ASSAY_PROFILE=/given/p.yaml"], options, &["localhost/assay:1", "scan"]]
                    .concat(),
            )
            .into()
    };
    let read = |name: &str| fs::read_to_string(results.join(name)).unwrap_or_default();
    let met = scan(&["-e", "ASSAY_THRESHOLD=/given/threshold.yaml"]);
    assert_eq!((met.code, met.stdout.as_str(), met.stderr.as_str()), (0, "", ""));
    assert_eq!(read("threshold-result.txt"), "THRESHOLD_RESULT=0\n");
    assert_eq!(read("complete"), "EXIT_CODE=0\n");
    assert!(read("scan-summary.md").contains("- **Assurance:** live, same user"));
    let report: Value = serde_json::from_str(&read("scan-results.json")).unwrap();
    assert_eq!(statuses(&report).len(), 4);
    for name in ["threshold-result.txt", "complete", "scan-summary.md", "scan-results.json"] {
        assert_eq!(fs::metadata(results.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }

    // What an earlier run left does not look like the results of one that went wrong.
    podman.run(&["kill", "target"]);
    podman.run(&["rm", "target"]);
    podman.start("target", &["--cap-drop", "all", "--user", "7:7", "localhost/static:1"]);
    let refused = scan(&[]);
    assert_eq!(refused.code, 104, "{}", refused.stderr);
    assert_eq!(fs::read_dir(&results).unwrap().count(), 0);
}

/// By options it leaves what it leaves by variables, byte by byte.
#[test]
fn a_sidecar_takes_options_and_variables() {
    let Some(podman) = Podman::new("a_sidecar_takes_options_and_variables") else { return };
    podman.fixture("static");
    podman.agent();
    podman.start("target", &["--cap-drop", "all", "localhost/static:1"]);
    podman.0.write("given/p.yaml", format!("{PROFILE}inputs:\n  unused: {{type: string, value: x}}\n"));
    podman.0.write("given/inputs.yaml", "unused: y\n");
    podman.0.write("given/threshold.yaml", "compliance:\n  min: 60\n");
    let given = format!("{}:/given:ro", podman.0.path("given").display());
    let scan = |name: &str, before: &[&str], after: &[&str]| -> (Run, Vec<(String, String)>) {
        let results = podman.0.path(name);
        fs::create_dir(&results).unwrap();
        chown(&results, Some(65532), Some(65532)).unwrap();
        let volume = format!("{}:/results", results.display());
        let fixed = ["run", "--rm", "--pid", "container:target", "--cap-drop", "all", "--read-only", "-v", &volume];
        let rest = ["-v", &given, "-e", "SOURCE_DATE_EPOCH=1000000000"];
        let run = podman.output(&[&fixed[..], &rest, before, &["localhost/assay:1", "scan"], after].concat()).into();
        let mut files: Vec<_> = fs::read_dir(&results)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap()))
            .collect();
        files.sort();
        (run, files)
    };
    let pairs = [
        ("ASSAY_RESULTS_DIR", "--results-dir", "/results"),
        ("ASSAY_TARGET", "--target", "auto"),
        ("ASSAY_THRESHOLD", "--threshold", "/given/threshold.yaml"),
        ("ASSAY_INPUT_FILE", "--input-file", "/given/inputs.yaml"),
    ];
    let variables = pairs.map(|(variable, _, value)| ["-e".to_owned(), format!("{variable}={value}")]).concat();
    let variables = [variables, vec!["-e".to_owned(), "ASSAY_PROFILE=/given/p.yaml".to_owned()]].concat();
    let variables: Vec<&str> = variables.iter().map(String::as_str).collect();
    let options: Vec<&str> = pairs.iter().flat_map(|(_, option, value)| [*option, *value]).collect();
    let (by_variables, left_by_variables) = scan("one", &variables, &[]);
    let (by_options, left) = scan("two", &[], &[&["/given/p.yaml"], &options[..]].concat());
    // The file that only root reads cannot be decided, which no threshold meets that does not allow it.
    for run in [&by_variables, &by_options] {
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (103, "", ""));
    }
    let names: Vec<&str> = left.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["complete", "scan-results.json", "scan-summary.md", "threshold-result.txt"]);
    assert_eq!(left, left_by_variables);
    assert_eq!((left[0].1.as_str(), left[3].1.as_str()), ("EXIT_CODE=103\n", "THRESHOLD_RESULT=1\n"));

    // An option goes before a variable.
    let (_, files) =
        scan("three", &variables, &[&["/given/p.yaml"], &options[..4], &["--controls", "open", "absent"]].concat());
    let report: Value = serde_json::from_str(&files[1].1).unwrap();
    assert_eq!(statuses(&report).len(), 3, "{report:#}");
}

#[test]
fn under_hidepid_a_container_is_scanned() {
    let Some(podman) = Podman::new("under_hidepid_a_container_is_scanned") else { return };
    podman.fixture("static");
    podman.0.write("p.yaml", PROFILE);
    let pid = podman.start("target", &["--cap-drop", "all", "localhost/static:1"]);
    // A procfs of a namespace of its own, in which others' processes are hidden.
    let hidden = |user: &str, arguments: &str| -> Run {
        let program = env!("CARGO_BIN_EXE_assay");
        let command = format!("mount -t proc -o hidepid=2 proc /proc && exec {user} {program} {arguments}");
        Command::new("unshare").args(["-m", "sh", "-c", &command]).current_dir(&podman.0.0).output().unwrap().into()
    };
    let as_user = |uid: &str| format!("setpriv --reuid {uid} --regid {uid} --clear-groups --bounding-set=-all");
    let scan = format!("scan p.yaml --accept-observed-agent --reporter json --pid {pid}");
    // Root's group sees all there, so that nothing has to be kept for it; who has another one needs its right to the end.
    let another_group = "setpriv --reuid 0 --regid 1000 --clear-groups".to_owned();
    for (user, kept) in [(as_user("65532"), true), (another_group, true), (String::new(), false)] {
        let run = hidden(&user, &scan);
        let report = report(&run);
        assert_eq!(report["profiles"][0]["controls"][0]["results"][0]["status"], "passed", "{}", run.stderr);
        let protection = report["passthrough"]["assay"]["target"]["live"]["protection"].to_string();
        assert_eq!(protection.contains("not under hidepid"), kept, "{protection}");
    }
    let other = hidden(&as_user("1000"), &scan);
    assert_eq!(other.code, 104, "{}", other.stdout);
    assert!(
        other.stderr.contains("/proc hides processes that this scanner may not look into (hidepid)"),
        "{}",
        other.stderr
    );
}

/// What would run the program under test, by a shell, among the processes of a container and on this machine's files.
fn among_the_processes_of(pid: &str, folder: &Path, script: &str) -> Run {
    let mut command = Command::new("nsenter");
    command.arg(format!("--pid=/proc/{pid}/ns/pid")).args(["unshare", "-m", "sh", "-c", script]).current_dir(folder);
    command.env_remove("NO_COLOR").output().unwrap().into()
}

#[test]
fn where_processes_are_hidden_nothing_is_guessed() {
    let Some(podman) = Podman::new("where_processes_are_hidden_nothing_is_guessed") else { return };
    podman.fixture("static");
    podman.0.write("p.yaml", PROFILE);
    let pid = podman.start("one", &["--cap-drop", "all", "localhost/static:1"]);
    let id = podman.run(&["inspect", "--format", "{{.Id}}", "one"]);
    let assay = |options: &str, user: &str, arguments: &str| {
        let program = env!("CARGO_BIN_EXE_assay");
        let script = format!("mount -t proc -o {options} proc /proc && exec {user} {program} {arguments}");
        among_the_processes_of(&pid, &podman.0.0, &script)
    };
    let locate = |options: &str, user: &str, how: &str| assay(options, user, &format!("locate --format json {how}"));
    let found = |run: &Run| report(run)["target"]["pid"].clone();
    let own = "setpriv --reuid 65532 --regid 65532 --clear-groups --bounding-set=-all";
    let member = "setpriv --reuid 65532 --regid 65532 --groups 5 --bounding-set=-all";
    let traces = "setpriv --reuid 0 --regid 1000 --clear-groups";
    let unsure = |run: &Run| {
        assert_eq!((run.code, &report(run)["ambiguous"]), (104, &true.into()), "{}{}", run.stdout, run.stderr);
        assert_eq!(report(run)["target"], Value::Null);
        assert_eq!(report(run)["candidates"][0]["pid"], 1);
        let words =
            ["whether another one does cannot be told", "(hidepid); uid 0 with CAP_SYS_PTRACE sees all", "--pid 1"];
        for word in words {
            assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
        }
    };
    // The scanner sees its own user's processes, process 1 among them, and cannot know of others.
    for options in ["hidepid=1", "hidepid=2", "hidepid=2,gid=5", "hidepid=4"] {
        unsure(&locate(options, own, "--target auto"));
    }
    unsure(&locate("hidepid=2", own, "--target exe=/idle"));
    unsure(&locate("hidepid=2", own, "--target command=idle"));
    // Who sees all is sure.
    let all = [("rw", own), ("hidepid=2,gid=5", member), ("hidepid=2", traces), ("hidepid=4", "")];
    for (options, user) in all {
        let sure = locate(options, user, "--target auto");
        assert_eq!((sure.code, found(&sure)), (0, 1.into()), "{options} {user}: {}", sure.stderr);
    }

    // And there is another.
    podman.start("two", &["--pid", "container:one", "--user", "1000:1000", "--cap-drop", "all", "localhost/static:1"]);
    for options in ["hidepid=1", "hidepid=2"] {
        unsure(&locate(options, own, "--target auto"));
        let scan = assay(options, own, "scan p.yaml --accept-observed-agent --reporter json --target auto");
        assert_eq!((scan.code, scan.stdout.as_str()), (104, ""), "{}", scan.stderr);
        for how in ["--pid 1".to_owned(), format!("--target id={id}")] {
            let decided = locate(options, own, &how);
            assert_eq!((decided.code, found(&decided)), (0, 1.into()), "{how}: {}", decided.stderr);
        }
    }
    for (options, user) in all {
        let several = locate(options, user, "--target auto");
        assert!(several.stderr.contains("2 containers fit"), "{options} {user}: {}", several.stderr);
    }
    // Of the other one the executable cannot be seen, and it is the same.
    let hint = locate("rw", own, "--target exe=/idle");
    assert_eq!(hint.code, 104, "{}", hint.stdout);
    assert!(hint.stderr.contains("processes whose executables this scanner may not see"), "{}", hint.stderr);
}

#[test]
fn without_an_id_a_container_is_found_by_its_root_and_by_its_name() {
    let test = "without_an_id_a_container_is_found_by_its_root_and_by_its_name";
    let Some(podman) = Podman::new(test) else { return };
    podman.fixture("static");
    podman.agent();
    podman.start("one", &["--cgroupns", "private", "localhost/static:1"]);
    let id = podman.run(&["inspect", "--format", "{{.Id}}", "one"]);
    // Beside it, in a control group namespace of the scanner's own, the id is still there: behind `..`.
    let beside: Run = podman
        .output(&[
            "run",
            "--rm",
            "--cgroupns",
            "private",
            "--pid",
            "container:one",
            "localhost/assay:1",
            "locate",
            "--format",
            "json",
        ])
        .into();
    assert_eq!(beside.code, 0, "{}", beside.stderr);
    let target = &report(&beside)["target"];
    assert_eq!((&target["pid"], &target["container_id"]), (&1.into(), &id.as_str().into()), "{target:#}");

    // In the very groups of the target, it is not.
    let last_words = podman.0.write("pods/ab-1/containers/app/5f6c", "");
    let mount = format!("{}:/last-words", last_words.display());
    let hidden = |pid: &str, arguments: &str| {
        let groups = groups_of(pid).join(" ");
        let script = format!(
            "for file in {groups}; do echo $$ > $file; done; exec nsenter --pid=/proc/{pid}/ns/pid unshare -C -m sh -c \
             'mount -t proc proc /proc && exec {} locate --format json {arguments}'",
            env!("CARGO_BIN_EXE_assay")
        );
        let run: Run = Command::new("sh").args(["-c", &script]).current_dir(&podman.0.0).output().unwrap().into();
        run
    };
    let nameless = podman.start("nameless", &["localhost/static:1"]);
    let named = podman.start("named", &["-v", &mount, "localhost/static:1"]);
    for (pid, how, name) in [
        (&nameless, "--target auto", Value::Null),
        (&named, "--target auto", "app".into()),
        (&named, "--target name=app", "app".into()),
    ] {
        let found = hidden(pid, how);
        assert_eq!(found.code, 0, "{}", found.stderr);
        let target = &report(&found)["target"];
        assert_eq!(
            (&target["pid"], &target["container_id"], &target["container_name"]),
            (&1.into(), &Value::Null, &name)
        );
    }
    let id = podman.run(&["inspect", "--format", "{{.Id}}", "nameless"]);
    let by_id = hidden(&nameless, &format!("--target id={id}"));
    assert_eq!(by_id.code, 104, "{}", by_id.stdout);
    // Two roots are two containers.
    podman.start("other", &["--pid", "container:nameless", "localhost/static:1"]);
    let two = hidden(&nameless, "--target auto");
    assert!(two.stderr.contains("2 containers fit, and none is taken by guess"), "{}", two.stderr);
}

/// podman keeps the containers of a pod below a group of the pod's id.
#[test]
fn the_containers_of_a_pod_are_told_apart() {
    let Some(podman) = Podman::new("the_containers_of_a_pod_are_told_apart") else { return };
    podman.fixture("static");
    let made = podman.output(&["pod", "create", "--name", "pod", "--share", "pid"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for name in ["one", "two"] {
        let pid = podman.start(name, &["--pod", "pod", "localhost/static:1"]);
        let id = podman.run(&["inspect", "--format", "{{.Id}}", name]);
        let found = run(&podman.0.0, ["locate", "--format", "json", "--target", &format!("id={id}")]);
        assert_eq!(found.code, 0, "{}", found.stderr);
        let target = &report(&found)["target"];
        assert_eq!((target["pid"].to_string(), &target["processes"]), (pid, &1.into()), "{target:#}");
        assert_eq!((&target["container_id"], &target["engine"]), (&id.as_str().into(), &"podman".into()));
    }
    let pod = podman.run(&["pod", "inspect", "--format", "{{.Id}}", "pod"]);
    let found = run(&podman.0.0, ["locate", "--target", &format!("id={pod}")]);
    assert_eq!(found.code, 104, "a pod is no container: {}", found.stdout);
    podman.run(&["pod", "rm", "--force", "--time", "0", "pod"]);
}
