//! What the resources say of real containers, held against what podman and nsenter say of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "tests make and read their own files")]

mod fixture;
mod podman;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use fixture::{Run, materialise, repository, run};
use podman::Podman;
use serde_json::Value;

/// Makes an image of the smallest fixture with a program that listens.
fn image(podman: &Podman) {
    let tree = podman.0.path("tree");
    materialise("static", &tree);
    fs::copy("/bin/busybox", tree.join("busybox")).unwrap();
    podman.image("app", &tree, &[]);
}

/// One control with these checks.
fn profile(podman: &Podman, checks: &[String]) -> String {
    let checks: String = checks.iter().map(|check| format!("      - {check}\n")).collect();
    let path = podman
        .0
        .write("p.yaml", format!("schema: 1\nname: p\ncontrols:\n  - id: c\n    title: t\n    checks:\n{checks}"));
    path.display().to_string()
}

fn results(run: &Run) -> Vec<Value> {
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
    let controls = report["profiles"][0]["controls"].as_array().unwrap();
    controls.iter().flat_map(|control| control["results"].as_array().unwrap().clone()).collect()
}

fn statuses(results: &[Value]) -> Vec<&str> {
    results.iter().map(|result| result["status"].as_str().unwrap()).collect()
}

/// podman's `CHOWN,KILL` as this program's names.
fn capabilities(podman: &str) -> Vec<String> {
    let names = podman.split(',').filter(|name| *name != "none");
    let mut names: Vec<String> = names.map(|name| format!("cap_{}", name.to_lowercase())).collect();
    names.sort();
    names
}

/// Waits until the container listens.
fn listening(pid: &str) {
    let end = Instant::now() + Duration::from_secs(30);
    let table = || fs::read_to_string(format!("/proc/{pid}/net/tcp6")).unwrap();
    while !table().contains(":1F90 ") {
        assert!(Instant::now() < end, "nothing listens: {}", table());
        std::thread::yield_now();
    }
}

#[test]
fn a_closed_container_is_what_podman_says() {
    let Some(podman) = Podman::new("a_closed_container_is_what_podman_says") else { return };
    image(&podman);
    let closed = ["--user", "65532:65532", "--cap-drop", "all", "--read-only", "--security-opt", "no-new-privileges"];
    let limits = ["--ulimit", "nofile=512:1024", "--ulimit", "nproc=1024:1024", "--env", "TOKEN=hunter2"];
    let groups = ["--memory", "64m", "--pids-limit", "50", "--cpus", "0.5"];
    let program = ["localhost/app:1", "/busybox", "nc", "-l", "-p", "8080"];
    let pid = podman.start("app", &[&closed[..], &limits, &groups, &program].concat());
    listening(&pid);

    let top = podman.run(&["top", "app", "hpid", "pid", "huser", "user", "capeff", "capbnd", "seccomp", "state"]);
    let top: Vec<&str> = top.lines().nth(1).unwrap().split_whitespace().collect();
    let [hpid, inner, huser, user, effective, bounding, seccomp, state] = top[..] else { panic!("{top:?}") };
    let command = podman.run(&["top", "app", "args"]);
    let command = command.lines().nth(1).unwrap();
    let checks = [
        format!(
            "{{processes: {{}}, expect: {{pids: [{hpid}], inner_pid: {inner}, uid: {huser}, user: {user}, command: {command}}}}}"
        ),
        format!(
            "{{processes: {{}}, expect: {{capabilities: {:?}, bounding_capabilities: {:?}}}}}",
            capabilities(effective),
            capabilities(bounding)
        ),
        format!(
            "{{processes: {{}}, expect: {{seccomp: {seccomp}, state: {state}, no_new_privs: true, executable: /busybox}}}}"
        ),
        "{processes: {}, expect: {host_pid: false, host_ipc: false, host_network: false, host_uts: false}}".to_owned(),
        "{mount: /, expect: {type: overlay, read_only: true}}".to_owned(),
        "{mount: /proc, expect: {type: proc, options: {includes: [rw, nosuid]}}}".to_owned(),
        format!("{{port: 8080, expect: {{listening: true, pids: [{hpid}], processes: [busybox]}}}}"),
        "{ports: {}, expect: {ports: [8080]}}".to_owned(),
        "{os_env: TOKEN, expect: {content: hunter2}}".to_owned(),
        "{limits: nofile, expect: {soft: 512, hard: 1024}}".to_owned(),
        "{cgroup: {}, expect: {memory_max: 67108864, pids_max: 50, cpu_max: 0.5}}".to_owned(),
        "{kernel_parameter: kernel.ostype, expect: {value: Linux}}".to_owned(),
    ];
    let profile = profile(&podman, &checks);
    let arguments = ["scan", &profile, "--accept-observed-agent", "--reporter", "json", "--pid", &pid];
    let wrong =
        |run: &Run| -> Vec<Value> { results(run).into_iter().filter(|result| result["status"] != "passed").collect() };
    assert_eq!(wrong(&run(&podman.0.0, arguments)), Vec::<Value>::new());

    // The mounts are those that nsenter sees.
    let enter = ["--target", &pid, "--mount", "/busybox", "cat", "/proc/1/mountinfo"];
    let mounts = Command::new("nsenter").args(enter).output().unwrap();
    let points: Vec<String> = String::from_utf8(mounts.stdout)
        .unwrap()
        .lines()
        .map(|line| line.split(' ').nth(4).unwrap().to_owned())
        .collect();
    assert!(points.len() > 5, "{points:?}");
    let profile = self::profile(&podman, &[format!("{{mounts: {{}}, expect: {{mount_points: {points:?}}}}}")]);
    assert_eq!(
        wrong(&run(&podman.0.0, ["scan", &profile, "--accept-observed-agent", "--reporter", "json", "--pid", &pid])),
        Vec::<Value>::new()
    );

    // The baseline finds nothing to complain of in how it runs.
    let baseline = repository("profiles/container-baseline").display().to_string();
    let found = run(&podman.0.0, ["scan", &baseline, "--accept-observed-agent", "--reporter", "json", "--pid", &pid]);
    assert_eq!((found.code, wrong(&found)), (0, Vec::new()), "{}", found.stdout);

    // The target's own user needs no capability for any of it.
    let scan = |profile: &str| -> Run {
        let mut own = Command::new("setpriv");
        own.args(["--reuid", "65532", "--regid", "65532", "--clear-groups", "--bounding-set=-all"]);
        own.args([
            env!("CARGO_BIN_EXE_assay"),
            "scan",
            profile,
            "--accept-observed-agent",
            "--reporter",
            "json",
            "--pid",
            &pid,
        ]);
        own.output().unwrap().into()
    };
    let profile = self::profile(&podman, &checks);
    assert_eq!(wrong(&scan(&profile)), Vec::<Value>::new());

    // But what the kernel shows of a process to that process's user only is no pass, and the reason names the rights.
    podman.run(&["exec", "--detach", "--user", "1000:1000", "app", "/busybox", "sleep", "1000"]);
    let executables = "{processes: {}, expect: {count: 2, uids: [65532, 1000], executable_deleted: false}}".to_owned();
    let profile =
        self::profile(&podman, &[executables, "{port: 8080, expect: {listening: true, pids: []}}".to_owned()]);
    let found = results(&scan(&profile));
    assert_eq!(statuses(&found), ["passed", "passed", "failed", "passed", "failed"], "{found:#?}");
    for result in [&found[2], &found[4]] {
        assert!(result["backtrace"].is_array(), "an error, not a failure: {result:#}");
        assert!(result["message"].as_str().unwrap().contains("uid 0 with CAP_SYS_PTRACE"), "{result:#}");
    }
}

#[test]
fn an_executable_that_is_gone_is_told() {
    let Some(podman) = Podman::new("an_executable_that_is_gone_is_told") else { return };
    image(&podman);
    let script = "/busybox cp /busybox /busybox-gone; exec /busybox-gone nc -l -p 8080";
    let pid = podman.start("app", &["localhost/app:1", "/busybox", "sh", "-c", script]);
    listening(&pid);
    let scan = |expected: &str| {
        let profile = profile(&podman, &[format!("{{processes: {{}}, expect: {{executable_deleted: {expected}}}}}")]);
        results(&run(&podman.0.0, ["scan", &profile, "--accept-observed-agent", "--reporter", "json", "--pid", &pid]))
    };
    assert_eq!((statuses(&scan("true")), statuses(&scan("false"))), (vec!["failed"], vec!["passed"]));
    fs::remove_file(format!("/proc/{pid}/root/busybox-gone")).unwrap();
    assert_eq!((statuses(&scan("true")), statuses(&scan("false"))), (vec!["passed"], vec!["failed"]));
}

#[test]
fn an_open_container_fails_where_it_is_open() {
    let Some(podman) = Podman::new("an_open_container_fails_where_it_is_open") else { return };
    image(&podman);
    let host = ["--user", "0:0", "--pid", "host", "--ipc", "host", "--uts", "host", "--network", "host"];
    let open = ["--security-opt", "seccomp=unconfined", "--cap-add", "sys_ptrace", "-v", "/etc:/host/etc:ro"];
    let pid = podman.start("app", &[&host[..], &open, &["localhost/app:1", "/busybox", "sleep", "1000"]].concat());

    let inspect = |what: &str| podman.run(&["inspect", "--format", &format!("{{{{join .{what} \",\"}}}}"), "app"]);
    let set = |names: &str| {
        let names: Vec<String> = names.split(',').map(str::to_lowercase).collect();
        format!("{{subset_of: {names:?}, count: {}}}", names.len())
    };
    let (effective, bounding) = (set(&inspect("EffectiveCaps")), set(&inspect("BoundingCaps")));
    assert!(effective.contains("\"cap_sys_ptrace\""), "{effective}");
    let checks = [
        // Its own process alone, though it sees all of the host's.
        "{processes: {}, expect: {count: 1, name: busybox, user: root}}".to_owned(),
        format!("{{processes: {{}}, expect: {{capabilities: {effective}, bounding_capabilities: {bounding}}}}}"),
        "{processes: {}, expect: {no_new_privs: false, seccomp: disabled, root_uid: 0}}".to_owned(),
        "{mount: /, expect: {read_only: false}}".to_owned(),
        "{mount: /host/etc, expect: {mounted: true, read_only: true}}".to_owned(),
        "{kernel_parameter: kernel.hostname, expect: {exist: true}}".to_owned(),
    ];
    let profile = profile(&podman, &checks);
    let found =
        results(&run(&podman.0.0, ["scan", &profile, "--accept-observed-agent", "--reporter", "json", "--pid", &pid]));
    assert!(statuses(&found).iter().all(|status| *status == "passed"), "{found:#?}");

    let namespaces = self::profile(
        &podman,
        &["{processes: {}, expect: {host_pid: true, host_ipc: true, host_uts: true, shared_namespaces: {includes: [net, pid]}}}".to_owned()],
    );
    let namespaces = results(&run(
        &podman.0.0,
        ["scan", &namespaces, "--accept-observed-agent", "--reporter", "json", "--pid", &pid],
    ));
    // On a machine that is a container itself, its namespaces are not the host's.
    let initial = fs::read_link("/proc/self/ns/pid").unwrap().to_string_lossy() == "pid:[4026531836]";
    let wanted = if initial { "passed" } else { "failed" };
    assert_eq!(statuses(&namespaces), [wanted, wanted, wanted, "passed"], "{namespaces:#?}");

    let baseline = repository("profiles/container-baseline").display().to_string();
    let found = run(&podman.0.0, ["scan", &baseline, "--accept-observed-agent", "--reporter", "json", "--pid", &pid]);
    let report: Value = serde_json::from_str(&found.stdout).unwrap();
    let failed = report["profiles"][0]["controls"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|control| control["results"].as_array().unwrap().iter().any(|result| result["status"] == "failed"));
    let mut failed: Vec<&str> = failed.map(|control| control["id"].as_str().unwrap()).collect();
    if !initial {
        failed.retain(|id| *id != "container-3.7");
        failed.push("container-3.7");
    }
    let expected = ["2.1", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7"].map(|number| format!("container-{number}"));
    assert_eq!(failed, expected);
}

#[test]
fn interfaces_and_routes_are_what_busybox_says() {
    let Some(podman) = Podman::new("interfaces_and_routes_are_what_busybox_says") else { return };
    image(&podman);
    let rights = ["--user", "0:0", "--cap-add", "net_admin", "--sysctl", "net.ipv6.conf.all.disable_ipv6=0"];
    let pid = podman.start("app", &[&rights[..], &["localhost/app:1", "/busybox", "sleep", "1000"]].concat());
    let inside = |words: &str| -> String {
        let words: Vec<&str> = words.split(' ').collect();
        podman.run(&[&["exec", "app", "/busybox"][..], &words].concat())
    };
    for setting in [
        "ip link set lo up",
        "ip addr add 10.1.2.3/24 dev lo",
        "ip -6 addr add fd00::2/64 dev lo",
        "ip route add 192.0.2.0/24 dev lo metric 7",
        "ip route add unreachable 203.0.113.0/25",
        "ip route add default via 10.1.2.9",
    ] {
        inside(setting);
    }

    let addresses = inside("ip -6 -o addr");
    let addresses: Vec<&str> = addresses.lines().map(|line| line.split_whitespace().nth(3).unwrap()).collect();
    assert!(addresses.contains(&"fd00::2/64"), "{addresses:?}");
    let mut checks = vec![
        format!("{{interface: lo, expect: {{exist: true, ipv6_cidrs: {{count: {}}}}}}}", addresses.len()),
        format!("{{interface: lo, expect: {{ipv6_cidrs: {{includes: {addresses:?}}}}}}}"),
        "{interface: eth7, expect: {exist: false}}".to_owned(),
        "{interfaces: {}, expect: {names: {includes: lo}}}".to_owned(),
    ];
    let ipv4 = inside("route -n");
    for line in ipv4.lines().skip(2) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [destination, gateway, genmask, flags, metric, _, _, interface] = fields[..] else { panic!("{line}") };
        let (chosen, is) = (
            format!("destination: {destination:?}, interface: {interface:?}"),
            format!("gateway: {gateway:?}, genmask: {genmask:?}, flags: {flags:?}, metric: {metric}, count: 1"),
        );
        checks.push(format!("{{routing_table: {{where: {{{chosen}}}}}, expect: {{{is}}}}}"));
    }
    assert_eq!(checks.len(), 7, "{ipv4}");
    let ipv6 = inside("route -A inet6 -n");
    for line in ipv6.lines().skip(2).filter(|line| !line.starts_with("::/0")) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (destination, length) = fields[0].split_once('/').unwrap();
        let is = format!("gateway: {:?}, flags: {:?}, metric: {}, count: 1", fields[1], fields[2], fields[3]);
        let chosen = format!("destination: {destination:?}, prefix_length: {length}");
        checks.push(format!("{{routing_table: {{where: {{{chosen}}}}}, expect: {{{is}}}}}"));
    }
    assert!(checks.len() > 8, "{ipv6}");
    let profile = profile(&podman, &checks);
    let found =
        results(&run(&podman.0.0, ["scan", &profile, "--accept-observed-agent", "--reporter", "json", "--pid", &pid]));
    assert!(statuses(&found).iter().all(|status| *status == "passed"), "{found:#?}");
}
