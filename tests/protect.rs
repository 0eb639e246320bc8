//! The scanner's protection of itself: what the kernel says of a running scan, what it does, who may not meddle with it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "tests make and read their own files")]

mod fixture;
mod podman;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fixture::{Run, Scratch, assay, is_root, materialise, repository, run, skipped};
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use podman::Podman;
use serde_json::Value;

const PROFILE: &str = "schema: 1\nname: p\ncontrols:\n\
    \x20 - {id: there, title: t, checks: [{file: /etc/passwd, expect: {exist: false}}]}\n\
    \x20 - {id: none, title: t, checks: [{find: {under: [/etc]}, expect: {paths: {empty: true}}}]}\n";

/// A scan whose report goes to a pipe: it waits there when it opens it, and again when it writes.
fn held(stage: &Scratch) -> Child {
    materialise("static", &stage.path("tree"));
    mkfifo(&stage.path("pipe"), Mode::S_IRWXU).unwrap();
    let profile = repository("profiles/distroless-baseline");
    let mut scan = assay(&stage.0);
    scan.arg("scan").arg(profile).args(["--rootfs", "tree", "--reporter", "json:pipe"]);
    scan.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A line of a process's status file, without its name.
fn status(path: &str, name: &str) -> String {
    let status = fs::read_to_string(path).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().trim().to_owned()
}

fn report(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr))
}

#[test]
fn a_running_scan_is_closed_and_filtered_in_all_its_threads() {
    let stage = Scratch::new();
    let mut scan = held(&stage);
    let mut pipe = File::open(stage.path("pipe")).unwrap();
    // Smaller than the report: the scan waits with the rest of it.
    fcntl(&pipe, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    pipe.read_exact(&mut [0]).unwrap();
    let process = format!("/proc/{}", scan.id());
    let mut threads = 0;
    for thread in fs::read_dir(format!("{process}/task")).unwrap() {
        let path = thread.unwrap().path().join("status").display().to_string();
        assert_eq!((status(&path, "Seccomp"), status(&path, "NoNewPrivs")), ("2".to_owned(), "1".to_owned()), "{path}");
        let rights = u64::from_str_radix(&status(&path, "CapPrm"), 16).unwrap();
        // CAP_DAC_READ_SEARCH is bit 2.
        assert_eq!(rights & !(1 << 2), 0, "{path}");
        threads += 1;
    }
    assert!(threads > 1, "the workers are there, too");
    // The kernel gives the files of a process that is closed to others to root; for root itself it looks the same.
    assert_eq!(
        fs::metadata(format!("{process}/environ")).map(|file| std::os::unix::fs::MetadataExt::uid(&file)).unwrap(),
        0
    );
    pipe.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(scan.wait().unwrap().code(), Some(0));
}

/// Bits of capability sets (linux/capability.h).
const DAC_OVERRIDE: u64 = 1 << 1;
const DAC_READ_SEARCH: u64 = 1 << 2;
const FOWNER: u64 = 1 << 3;
const SYS_PTRACE: u64 = 1 << 19;

#[test]
fn what_no_scan_needs_is_given_up_before_a_profile_is_read() {
    let test = "what_no_scan_needs_is_given_up_before_a_profile_is_read";
    if !is_root() {
        return skipped(test, "root");
    }
    let stage = Scratch::new();
    materialise("static", &stage.path("tree"));
    let own = std::process::id().to_string();
    let cases: [(&[&str], u64); 4] = [
        (&["scan", "-", "--rootfs", "tree"], DAC_READ_SEARCH),
        (&["scan", "-", "--pid", &own], DAC_READ_SEARCH | SYS_PTRACE),
        (&["scan", "-", "--rootfs", "tree", "--reporter", "json:report"], DAC_READ_SEARCH | DAC_OVERRIDE | FOWNER),
        (&["scan", "-", "--rootfs", "tree", "--results-dir", "results"], DAC_READ_SEARCH | DAC_OVERRIDE | FOWNER),
    ];
    for (arguments, rights) in cases {
        let mut scan = assay(&stage.0);
        scan.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut scan = scan.spawn().unwrap();
        let mut profile = scan.stdin.take().unwrap();
        // More than a pipe holds: when all of it is written, the scan has begun to read, and waits for more.
        profile.write_all(&b"# a comment\n".repeat(20_000)).unwrap();
        let path = format!("/proc/{}/status", scan.id());
        let set = |name: &str| u64::from_str_radix(&status(&path, name), 16).unwrap();
        assert_eq!((set("CapPrm"), set("CapEff")), (rights, rights), "{arguments:?}");
        assert_eq!((set("CapBnd"), set("CapInh"), set("CapAmb")), (0, 0, 0), "{arguments:?}");
        assert_eq!(status(&path, "NoNewPrivs"), "1");
        drop(profile);
        scan.wait().unwrap();
    }
}

#[test]
fn a_scan_of_a_running_container_keeps_no_right_over_processes() {
    let Some(podman) = Podman::new("a_scan_of_a_running_container_keeps_no_right_over_processes") else { return };
    podman.fixture("static");
    let pid = podman.start("target", &["localhost/static:1"]);
    mkfifo(&podman.0.path("pipe"), Mode::S_IRWXU).unwrap();
    let mut scan = assay(&podman.0.0);
    scan.arg("scan").arg(repository("profiles/distroless-baseline")).args(["--pid", &pid, "--reporter", "json:pipe"]);
    let mut scan = scan.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut pipe = File::open(podman.0.path("pipe")).unwrap();
    fcntl(&pipe, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    pipe.read_exact(&mut [0]).unwrap();
    for thread in fs::read_dir(format!("/proc/{}/task", scan.id())).unwrap() {
        let path = thread.unwrap().path().join("status").display().to_string();
        let set = |name: &str| u64::from_str_radix(&status(&path, name), 16).unwrap();
        assert_eq!((set("CapPrm"), set("CapEff"), set("CapBnd")), (DAC_READ_SEARCH, DAC_READ_SEARCH, 0), "{path}");
    }
    pipe.read_to_end(&mut Vec::new()).unwrap();
    assert!(scan.wait().unwrap().code().is_some_and(|code| code <= 101));
}

#[test]
fn limits_that_change_during_a_scan_end_it() {
    let stage = Scratch::new();
    let scan = held(&stage);
    let path = format!("/proc/{}/status", scan.id());
    // Its own limits are read before this is set.
    while status(&path, "NoNewPrivs") != "1" {
        std::thread::yield_now();
    }
    let changed = Command::new("prlimit").args(["--fsize=1000000000", "--pid", &scan.id().to_string()]).status();
    assert!(changed.unwrap().success());
    let mut written = Vec::new();
    File::open(stage.path("pipe")).unwrap().read_to_end(&mut written).unwrap();
    let ended: Run = scan.wait_with_output().unwrap().into();
    assert_eq!(ended.code, 104, "{}", ended.stderr);
    assert!(ended.stderr.contains("limits were changed from outside during the scan: FSIZE"), "{}", ended.stderr);
    assert!(written.is_empty(), "there is no report of it");
}

#[test]
fn too_few_descriptors_are_never_a_pass() {
    let stage = Scratch::new();
    materialise("static", &stage.path("tree"));
    stage.write("p.yaml", PROFILE);
    let mut scanned = 0;
    for descriptors in 3..24 {
        let script = format!("ulimit -n {descriptors} && exec \"$0\" scan p.yaml --rootfs tree --reporter json");
        let mut shell = Command::new("sh");
        let run: Run =
            shell.args(["-c", &script, env!("CARGO_BIN_EXE_assay")]).current_dir(&stage.0).output().unwrap().into();
        assert_ne!(run.code, 0, "{descriptors} descriptors: {}", run.stdout);
        if run.stdout.is_empty() {
            continue;
        }
        scanned += 1;
        for control in report(&run)["profiles"][0]["controls"].as_array().unwrap() {
            for result in control["results"].as_array().unwrap() {
                assert_ne!(result["status"], "passed", "{descriptors} descriptors: {result:#}");
            }
        }
    }
    assert!(scanned > 5, "only {scanned} scans came to a report");
}

#[test]
fn a_report_in_a_folder_of_another_user_is_written_by_root() {
    if !is_root() {
        return skipped("a_report_in_a_folder_of_another_user_is_written_by_root", "root");
    }
    let stage = Scratch::new();
    materialise("static", &stage.path("tree"));
    stage.write("p.yaml", PROFILE);
    fs::create_dir(stage.path("theirs")).unwrap();
    fs::set_permissions(stage.path("theirs"), fs::Permissions::from_mode(0o700)).unwrap();
    chown(stage.path("theirs"), Some(65532), Some(65532)).unwrap();
    for _ in 0..2 {
        let run = run(&stage.0, ["scan", "p.yaml", "--rootfs", "tree", "--reporter", "json:theirs/report.json"]);
        assert_eq!((run.code, run.stderr.as_str()), (100, ""));
        let left: Vec<_> =
            fs::read_dir(stage.path("theirs")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["report.json"]);
    }
}

/// System calls that no confined scan makes.
const NEVER: [&str; 27] = [
    "accept",
    "bpf",
    "capset",
    "chroot",
    "open_by_handle_at",
    "pidfd_getfd",
    "pidfd_send_signal",
    "process_vm_writev",
    "tgkill",
    "socket",
    "socketpair",
    "connect",
    "bind",
    "sendto",
    "sendmsg",
    "kill",
    "tkill",
    "execve",
    "execveat",
    "ptrace",
    "fork",
    "vfork",
    "process_vm_readv",
    "pidfd_open",
    "mount",
    "unshare",
    "setns",
];

#[test]
fn a_confined_scan_writes_into_its_outputs_folder_only() {
    if !Path::new("/usr/bin/strace").exists() {
        return skipped("a_confined_scan_writes_into_its_outputs_folder_only", "strace");
    }
    let stage = Scratch::new();
    materialise("static", &stage.path("tree"));
    fs::create_dir(stage.path("out")).unwrap();
    let profile = repository("profiles/distroless-baseline");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-y", "-o", "trace", env!("CARGO_BIN_EXE_assay"), "scan"]).arg(profile);
    strace.args(["--rootfs", "tree", "--reporter", "json:out/report.json", "cli"]).current_dir(&stage.0);
    let run: Run = strace.output().unwrap().into();
    assert_eq!(run.code, 0, "{}", run.stderr);
    let reads = writes_one_report(&stage.path("trace"), &stage.path("out"));
    assert!(reads > 100, "it reads: {reads}");
}

#[test]
fn a_confined_scan_of_a_running_container_writes_into_its_outputs_folder_only() {
    let test = "a_confined_scan_of_a_running_container_writes_into_its_outputs_folder_only";
    if !Path::new("/usr/bin/strace").exists() {
        return skipped(test, "strace");
    }
    let Some(podman) = Podman::new(test) else { return };
    podman.fixture("static");
    fs::create_dir(podman.0.path("out")).unwrap();
    let pid = podman.start("target", &["localhost/static:1"]);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-y", "-o", "trace", env!("CARGO_BIN_EXE_assay"), "scan"]);
    strace.args([repository("profiles/distroless-baseline"), repository("profiles/container-baseline")]);
    // Who traces it observes it.
    strace.args(["--pid", &pid, "--accept-observed-agent", "--reporter", "json:out/report.json", "cli"]);
    let run: Run = strace.current_dir(&podman.0.0).output().unwrap().into();
    assert_eq!(run.code, 100, "{}", run.stderr);
    let reads = writes_one_report(&podman.0.path("trace"), &podman.0.path("out"));
    assert!(reads > 100, "it reads: {reads}");
}

/// From the last filter on, a traced scan wrote one file into this folder, and did nothing of what no scan does. How often
/// it opened something to read.
fn writes_one_report(trace: &Path, out: &Path) -> usize {
    let trace = fs::read_to_string(trace).unwrap();
    let (before, after) = trace.rsplit_once("seccomp(SECCOMP_SET_MODE_FILTER").expect("a filter");
    assert!(before.contains("landlock_restrict_self("), "Landlock comes first");
    let out = format!("{}>", out.display());
    let (mut reads, mut writes) = (0, 0);
    for line in after.lines().skip(1) {
        // `PID  name(arguments) = result`
        let call = line.split_once(' ').map_or(line, |(_, call)| call.trim_start());
        let name = call.split('(').next().unwrap();
        assert!(!NEVER.contains(&name), "{line}");
        let makes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| call.contains(flag));
        match name {
            "open" | "openat" | "openat2" | "creat" if makes => writes += usize::from(inside(call, &out)),
            "open" | "openat" | "openat2" => reads += 1,
            name if name.starts_with("rename") || name.starts_with("unlink") => assert!(inside(call, &out), "{line}"),
            name if ["mkdir", "link", "symlink", "chmod", "chown", "truncate", "setxattr"].contains(&name) => {
                panic!("{line}")
            }
            _ => {}
        }
        assert!(!makes || inside(call, &out), "{line}");
    }
    assert_eq!(writes, 1, "one report");
    reads
}

/// Whether a traced call is relative to this folder and names one file in it.
fn inside(call: &str, folder: &str) -> bool {
    let name = call.split('"').nth(1).unwrap_or("/");
    call.split(',').next().is_some_and(|first| first.ends_with(folder)) && !name.contains('/')
}

/// What a scanner that was taken over could try; each ends it.
const FORBIDDEN: [(&str, fn()); 25] = [
    ("a socket", || drop(std::os::unix::net::UnixStream::pair())),
    ("a connection", || drop(std::net::TcpStream::connect("127.0.0.1:9"))),
    ("a port", || drop(std::net::TcpListener::bind("127.0.0.1:0"))),
    ("a datagram", || drop(std::net::UdpSocket::bind("127.0.0.1:0"))),
    ("a signal to itself", || _ = kill(Pid::this(), None::<Signal>)),
    ("another user", || _ = nix::unistd::setuid(nix::unistd::getuid())),
    ("another group", || _ = nix::unistd::setgid(nix::unistd::getgid())),
    ("other groups", || _ = nix::unistd::setgroups(&[])),
    ("other rights", || drop(caps::clear(None, caps::CapSet::Effective))),
    ("a file written", || drop(File::options().write(true).open("/dev/null"))),
    ("a file emptied", || _ = nix::unistd::truncate("/tmp/assay-test-never-made", 0)),
    ("a file removed", || drop(fs::remove_file("/tmp/assay-test-never-made"))),
    ("a folder", || drop(fs::create_dir("/tmp/assay-test-never-made"))),
    ("a folder removed", || drop(fs::remove_dir("/tmp/assay-test-never-made"))),
    ("a link", || drop(std::os::unix::fs::symlink("/", "/tmp/assay-test-never-made"))),
    ("another name of a file", || drop(fs::hard_link("/dev/null", "/tmp/assay-test-never-made"))),
    ("a pipe with a name", || _ = mkfifo("/tmp/assay-test-never-made", Mode::S_IRWXU)),
    ("another mode", || drop(fs::set_permissions("/dev/null", fs::Permissions::from_mode(0o666)))),
    ("another owner", || drop(chown("/dev/null", Some(0), Some(0)))),
    ("a module", || _ = rustix::system::delete_module(c"assay_test_none", 0)),
    ("another program", || drop(Command::new("/bin/true").status())),
    ("a signal", || assert!(kill(Pid::parent(), None::<Signal>).is_err())),
    ("a new file", || drop(File::create("/tmp/assay-test-never-made"))),
    ("another name", || drop(fs::rename("/tmp/assay-test-never-made", "/tmp/assay-test-never-made-either"))),
    ("another root", || drop(std::os::unix::fs::chroot("/"))),
];

/// The name of a variable that tells this program, when it runs itself, which of them to try.
const TRIES: &str = "ASSAY_TEST_TRIES";

#[test]
fn what_a_confined_process_tries_ends_it() {
    if let Ok(which) = std::env::var(TRIES) {
        let measures = assay::protect::confine(&assay::protect::Needs::default());
        assert!(measures.iter().all(|measure| measure.in_force || measure.name == "process"), "{measures:?}");
        assert_eq!(File::open("/etc/passwd").unwrap_err().raw_os_error(), Some(13), "Landlock");
        FORBIDDEN[which.parse::<usize>().unwrap()].1();
        return;
    }
    for (which, (name, _)) in FORBIDDEN.iter().enumerate() {
        let mut myself = Command::new(std::env::current_exe().unwrap());
        myself.args(["--exact", "what_a_confined_process_tries_ends_it"]).env(TRIES, which.to_string());
        let output = myself.output().unwrap();
        assert_eq!(output.status.signal(), Some(Signal::SIGSYS as i32), "{name}: {output:?}");
    }
    assert!(!Path::new("/tmp/assay-test-never-made").exists());
}

#[test]
fn doctor_tries_what_is_in_force() {
    let run = run(&repository("."), ["doctor", "--format", "json"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let facts: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    let good = |name: &str| -> Vec<&Value> {
        facts.iter().filter(|fact| fact["name"] == name).map(|fact| &fact["good"]).collect()
    };
    for name in ["process", "capabilities", "landlock", "seccomp", "openat2", "mount ids"] {
        assert_eq!(good(name), [&Value::Bool(true)], "{name}: {facts:#?}");
    }
    assert_eq!(good("tried"), [&Value::Bool(true), &Value::Bool(true)], "{facts:#?}");
    assert_eq!(good("memory").last(), Some(&&Value::Bool(true)), "{facts:#?}");
}

#[test]
fn doctor_says_what_is_missing_and_who_may_be_scanned() {
    if !is_root() {
        return skipped("doctor_says_what_is_missing_and_who_may_be_scanned", "root");
    }
    let program = env!("CARGO_BIN_EXE_assay");
    let hidden = format!(
        "mount -t proc -o hidepid=2 proc /proc && \
         exec setpriv --reuid 1000 --regid 1001 --clear-groups --bounding-set=-all {program} doctor"
    );
    let run: Run = Command::new("unshare").args(["-m", "sh", "-c", &hidden]).output().unwrap().into();
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    for words in [
        "× processes      /proc hides those that the scanner may not look into (hidepid): ",
        "  given          capabilities: none\n",
        "  may scan       containers of 1000:1001 that hold no capability which it lacks; assay locate tells",
        "\nNot as it could be: at its start, processes. Scans that can go on without it do, and say so.\n",
    ] {
        assert!(run.stdout.contains(words), "{words}\n{}", run.stdout);
    }
    let both = ["--bounding-set=-all,+sys_ptrace,+dac_read_search", "--inh-caps=-all", program, "doctor"];
    let root: Run = Command::new("setpriv").args(both).output().unwrap().into();
    assert!(root.stdout.contains("capabilities: cap_dac_read_search, cap_sys_ptrace\n"), "{}", root.stdout);
    assert!(root.stdout.contains("  may scan       every container of this user namespace, all files of it\n"));
}

#[test]
fn a_target_of_the_same_user_must_not_have_seen_the_scanner_start() {
    let test = "a_target_of_the_same_user_must_not_have_seen_the_scanner_start";
    let Some(podman) = Podman::new(test) else { return };
    podman.fixture("static");
    podman.agent();
    // The same program, readable.
    let tree = podman.0.path("agent-tree");
    fs::set_permissions(tree.join("assay"), fs::Permissions::from_mode(0o755)).unwrap();
    podman.image("readable", &tree, &["ENTRYPOINT [\"/assay\"]", "USER 65532:65532"]);
    podman.0.write("p.yaml", PROFILE);
    let profile = format!("{}:/p.yaml:ro", podman.0.path("p.yaml").display());
    podman.start("target", &["--cap-drop", "all", "localhost/static:1"]);
    let agent = |image: &str, arguments: &[&str]| -> Run {
        let fixed = ["run", "--rm", "--pid", "container:target", "--cap-drop", "all", "-v", &profile, image];
        podman.command(&[&fixed[..], arguments].concat()).output().unwrap().into()
    };
    let scan = ["scan", "/p.yaml", "--target", "auto", "--reporter", "json"];
    let live = |run: &Run| report(run)["passthrough"]["assay"]["target"]["live"].clone();

    let closed = agent("localhost/assay:1", &scan);
    assert_eq!(closed.code, 100, "{}", closed.stderr);
    assert_eq!(live(&closed)["accepted_observers"].as_array().unwrap().len(), 0);
    for measure in ["process", "capabilities", "landlock", "seccomp", "memory"] {
        assert_eq!(live(&closed)["protection"][measure]["in_force"], true, "{measure}: {:#}", live(&closed));
    }
    let doctor = agent("localhost/assay:1", &["doctor"]);
    assert!(
        doctor.stdout.contains("✔ at its start   not dumpable, as a file of mode 0111 makes it"),
        "{}",
        doctor.stdout
    );

    let refused = agent("localhost/readable:1", &scan);
    assert_eq!((refused.code, refused.stdout.as_str()), (104, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("the target runs as the scanner's own user (65532)"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--accept-observed-agent"), "{}", refused.stderr);

    let accepted = agent("localhost/readable:1", &[&scan[..], &["--accept-observed-agent"]].concat());
    assert_eq!(accepted.code, 100, "{}", accepted.stderr);
    assert_eq!(live(&accepted)["accepted_observers"].as_array().unwrap().len(), 1);

    // A shell of that user starts it: it could be traced from before its start.
    podman.put_shell(&tree);
    fs::set_permissions(tree.join("assay"), fs::Permissions::from_mode(0o111)).unwrap();
    podman.image("shell", &tree, &["ENTRYPOINT [\"/shell/sh\", \"-c\"]", "USER 65532:65532"]);
    let script = "/assay scan /p.yaml --target auto --reporter json; exit $?";
    let started = agent("localhost/shell:1", &[script]);
    assert_eq!((started.code, started.stdout.as_str()), (104, ""), "{}", started.stderr);
    assert!(started.stderr.contains("which started this scanner, may be traced by the target"), "{}", started.stderr);
    assert!(!started.stderr.contains("the target runs as the scanner's own user"), "{}", started.stderr);
    let script = format!("{} --accept-observed-agent; exit $?", script.split(';').next().unwrap());
    let accepted = agent("localhost/shell:1", &[&script]);
    assert_eq!(accepted.code, 100, "{}", accepted.stderr);
    let observers = live(&accepted)["accepted_observers"].to_string();
    assert!(observers.contains("which started this scanner"), "{observers}");

    let much = agent("localhost/assay:1", &[&scan[..], &["--memory-limit", "999999GiB"]].concat());
    assert_eq!((much.code, much.stdout.as_str()), (104, ""), "{}", much.stderr);
    assert!(much.stderr.contains("not enough memory beside the target"), "{}", much.stderr);
    let little = agent("localhost/assay:1", &[&scan[..], &["--memory-limit", "1MiB"]].concat());
    assert_eq!(little.code, 2, "{}", little.stderr);
}

#[test]
fn beside_a_pod_there_must_be_room() {
    let Some(podman) = Podman::new("beside_a_pod_there_must_be_room") else { return };
    podman.hostile();
    podman.0.write("p.yaml", PROFILE);
    let small = podman.start("small", &["localhost/hostile:1", "sleep 1000"]);
    // Its shell holds a text of 40 million bytes.
    let large = "x=$(busybox head -c 40000000 /dev/zero | busybox tr '\\0' x); while :; do sleep 1000; done";
    let large = podman.start("large", &["localhost/hostile:1", large]);
    let end = Instant::now() + Duration::from_secs(60);
    while taken(&large) < 38_000 {
        assert!(Instant::now() < end, "it takes {} kB only", taken(&large));
        std::thread::yield_now();
    }
    let scan = |pid: &str, pod: &str| {
        run(&podman.0.0, ["scan", "p.yaml", "--accept-observed-agent", "--pid", pid, "--pod-memory", pod])
    };
    for (pid, pod, code) in [(&small, "64Mi", 100), (&small, "31Mi", 104), (&large, "64Mi", 104), (&large, "1Gi", 100)]
    {
        let found = scan(pid, pod);
        assert_eq!(found.code, code, "{pod}: {}{}", found.stdout, found.stderr);
        if code == 104 {
            assert_eq!(found.stdout, "");
            assert!(found.stderr.contains("not enough memory beside the target: "), "{}", found.stderr);
            assert!(found.stderr.contains(" bytes are left (the pod's limit of "), "{}", found.stderr);
            assert!(found.stderr.contains("and the scan may take 33554432\n  = help: a smaller"), "{}", found.stderr);
        }
    }
    let refused = scan(&large, "64Mi").stderr;
    let left: u64 = refused.split("target: ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((1 << 20..28 << 20).contains(&left), "what the text takes is counted: {refused}");
    let smaller = ["scan", "p.yaml", "--accept-observed-agent", "--pid", &large, "--memory-limit", "12MiB"];
    let smaller = run(&podman.0.0, smaller.iter().chain(&["--pod-memory", "64Mi"]));
    assert_eq!(smaller.code, 100, "{}", smaller.stderr);
    for odd in ["lots", "0", "64MiB"] {
        let odd = scan(&small, odd);
        assert_eq!(odd.code, 2, "{}", odd.stderr);
    }
}

/// Kilobytes of memory that a process has for itself.
fn taken(pid: &str) -> u64 {
    let taken = status(&format!("/proc/{pid}/status"), "RssAnon");
    taken.trim_end_matches(" kB").parse().unwrap_or_default()
}

#[test]
fn a_target_above_the_scanners_process_namespace_sees_it_start() {
    let Some(podman) = Podman::new("a_target_above_the_scanners_process_namespace_sees_it_start") else { return };
    podman.fixture("static");
    podman.0.write("p.yaml", PROFILE);
    let pid = podman.start("target", &["--pid", "host", "--cap-drop", "all", "localhost/static:1"]);
    // In a namespace of its own, with the procfs of the one above.
    let mut scan = Command::new("unshare");
    scan.args(["--pid", "--fork", "setpriv", "--reuid", "65532", "--regid", "65532", "--clear-groups"]);
    scan.args([
        "--bounding-set=-all",
        env!("CARGO_BIN_EXE_assay"),
        "scan",
        "p.yaml",
        "--reporter",
        "json",
        "--pid",
        &pid,
    ]);
    let run: Run = scan.current_dir(&podman.0.0).output().unwrap().into();
    assert_eq!((run.code, run.stdout.as_str()), (104, ""), "{}", run.stderr);
    assert!(run.stderr.contains("the target runs as the scanner's own user (65532)"), "{}", run.stderr);
}

#[test]
fn a_scanner_that_is_traced_scans_no_running_container() {
    let test = "a_scanner_that_is_traced_scans_no_running_container";
    if !Path::new("/usr/bin/strace").exists() {
        return skipped(test, "strace");
    }
    let Some(podman) = Podman::new(test) else { return };
    podman.fixture("static");
    podman.0.write("p.yaml", PROFILE);
    let pid = podman.start("target", &["localhost/static:1"]);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o", "trace", env!("CARGO_BIN_EXE_assay"), "scan", "p.yaml", "--pid", &pid]);
    let run: Run = strace.current_dir(&podman.0.0).output().unwrap().into();
    assert_eq!((run.code, run.stdout.as_str()), (104, ""), "{}", run.stderr);
    assert!(run.stderr.contains("traces the scanner"), "{}", run.stderr);
}
