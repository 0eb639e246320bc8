//! `--container` with the real engines beside podman: Docker and containerd, each started for the test alone. Also what
//! Docker makes of images/Containerfile.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests make and read their own files")]

mod fixture;
mod podman;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fixture::{Run, Scratch, repository, run, skipped};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use podman::Podman;

/// What does not come ends the test, and nothing takes nearly so long.
const HANG: Duration = Duration::from_secs(60);
const PROFILE: &str = "schema: 1\nname: p\ncontrols:\n\
    \x20 - {id: open, title: t, checks: [{file: /etc/passwd, expect: {content: {match: root}}}]}\n\
    \x20 - {id: absent, title: t, checks: [{file: /bin/sh, expect: {exist: false}}]}\n";

/// A daemon, ended with what it started.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// A folder that an engine keeps by its default: made for the test, and removed after it.
struct Default(PathBuf);

impl Default {
    /// `None`, and said so, where an engine of this machine has it already.
    fn new(test: &str, path: &str) -> Option<Default> {
        if Path::new(path).exists() {
            skipped(test, &format!("{path} for itself, which an engine of this machine has"));
            return None;
        }
        Some(Default(path.into()))
    }
}

impl Drop for Default {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn exists(program: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(program).exists())
}

fn start(folder: &Scratch, command: &mut Command) -> Daemon {
    let log = fs::File::create(folder.path("daemon.log")).unwrap();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    Daemon(command.spawn().unwrap())
}

/// Runs a client until it gets an answer.
fn answered(folder: &Scratch, mut client: impl FnMut() -> Run) {
    let start = Instant::now();
    while client().code != 0 {
        assert!(start.elapsed() < HANG, "{}", fs::read_to_string(folder.path("daemon.log")).unwrap());
    }
}

fn ok(run: Run) -> String {
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    run.stdout.trim().to_owned()
}

/// The image of a fixture as an archive that both engines load, named localhost/static:1.
fn archive(test: &str) -> Option<(Podman, PathBuf)> {
    let podman = Podman::new(test)?;
    podman.fixture("static");
    let archive = podman.0.path("web.tar");
    podman.run(&[
        "save",
        "--quiet",
        "--format",
        "docker-archive",
        "-o",
        archive.to_str().unwrap(),
        "localhost/static:1",
    ]);
    podman.0.write("p.yaml", PROFILE);
    Some((podman, archive))
}

/// A container that runs is found by its name and its id; one that does not is told from one that is not there.
fn is_found(folder: &Path, engine: &str, name: &str, id: &str) {
    for wanted in [name, id, &id[..12]] {
        let scan = run(folder, ["scan", "p.yaml", "--container", wanted]);
        assert_eq!(scan.code, 0, "{wanted}: {}{}", scan.stdout, scan.stderr);
        assert!(scan.stdout.contains(id), "{engine}: {}", scan.stdout);
    }
    let none = run(folder, ["scan", "p.yaml", "--container", "nobody"]);
    assert_eq!(none.code, 104);
    assert!(none.stderr.contains("know no container nobody") && none.stderr.contains(name), "{}", none.stderr);
}

#[test]
fn docker_containers_are_found_by_their_names() {
    let test = "docker_containers_are_found_by_their_names";
    // Debian's client has BuildKit in it; others want a plugin for it.
    let client = Path::new("/usr/bin/docker");
    if !exists("dockerd") || !client.exists() {
        return skipped(test, "dockerd and /usr/bin/docker (Debian's package docker.io)");
    }
    let Some((podman, archive)) = archive(test) else { return };
    let Some(_data) = Default::new(test, "/var/lib/docker") else { return };
    let folder = &podman.0;
    let socket = format!("unix://{}", folder.path("docker.sock").display());
    let fixed = ["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=overlay2"];
    let _daemon = start(
        folder,
        Command::new("dockerd")
            .args(fixed)
            .args(["--host", &socket, "--exec-root"])
            .arg(folder.path("exec"))
            .arg("--pidfile")
            .arg(folder.path("pid")),
    );
    let docker = |arguments: &[&str]| -> Run {
        let mut command = Command::new(client);
        command.env("DOCKER_BUILDKIT", "1").args(["--host", &socket]).args(arguments).output().unwrap().into()
    };
    answered(folder, || docker(&["version"]));
    ok(docker(&["load", "--quiet", "--input", archive.to_str().unwrap()]));
    let id = ok(docker(&["run", "--detach", "--name", "shop", "--network", "none", "localhost/static:1"]));
    is_found(&folder.0, "docker", "shop", &id);
    ok(docker(&["stop", "--time", "1", "shop"]));
    let stopped = run(&folder.0, ["scan", "p.yaml", "--container", "shop"]);
    assert_eq!(stopped.code, 104);
    assert!(stopped.stderr.contains("it does not run"), "{}", stopped.stderr);
    ok(docker(&["rm", "--force", "shop"]));

    // The images that ship, as Docker builds them.
    let stage = folder.path("stage");
    for name in ["etc", "doc", "profiles"] {
        fs::create_dir_all(stage.join(name)).unwrap();
    }
    fs::copy(env!("CARGO_BIN_EXE_assay"), stage.join("assay")).unwrap();
    fs::write(stage.join("etc/passwd"), "nonroot:x:65532:65532:nonroot:/:/nonexistent\n").unwrap();
    let file = repository("images/Containerfile");
    for target in ["debug", "sidecar"] {
        let built = docker(&[
            "build",
            "--quiet",
            "--target",
            target,
            "--tag",
            target,
            "--file",
            file.to_str().unwrap(),
            stage.to_str().unwrap(),
        ]);
        ok(built);
        let what =
            "{{.Config.User}} {{json .Config.Entrypoint}} {{index .Config.Labels \"org.opencontainers.image.title\"}}";
        let said = ok(docker(&["image", "inspect", "--format", what, target]));
        assert_eq!(said, format!("65532:65532 [\"/assay\"] assay-{target}"));
        ok(docker(&["create", "--name", target, target]));
        ok(docker(&["cp", &format!("{target}:/assay"), folder.path(target).to_str().unwrap()]));
        let mode = fs::metadata(folder.path(target)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o111, "{target}");
    }
}

#[test]
fn containerd_containers_are_found_by_their_ids_and_names() {
    let test = "containerd_containers_are_found_by_their_ids_and_names";
    if !exists("containerd") || !exists("ctr") {
        return skipped(test, "containerd and ctr (Debian's package containerd)");
    }
    let Some((podman, archive)) = archive(test) else { return };
    let Some(_state) = Default::new(test, "/run/containerd/io.containerd.runtime.v2.task") else { return };
    let folder = &podman.0;
    // Where the state is decides; a socket of the test's own.
    let config = format!(
        "version = 2\nroot = {:?}\nstate = \"/run/containerd\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\n  address = {:?}\n",
        folder.path("root"),
        folder.path("containerd.sock"),
    );
    let config = folder.write("config.toml", config);
    let _daemon = start(folder, Command::new("containerd").arg("--config").arg(config));
    let ctr = |arguments: &[&str]| -> Run {
        Command::new("ctr")
            .arg("--address")
            .arg(folder.path("containerd.sock"))
            .args(arguments)
            .output()
            .unwrap()
            .into()
    };
    answered(folder, || ctr(&["version"]));
    ok(ctr(&["image", "import", archive.to_str().unwrap()]));
    let id = "ab".repeat(32);
    // The annotation is nerdctl's.
    ok(ctr(&["run", "--detach", "--annotation", "nerdctl/name=web", "localhost/static:1", &id]));
    is_found(&folder.0, "containerd", "web", &id);
    ok(ctr(&["task", "kill", "--signal", "SIGKILL", &id]));
    let start = Instant::now();
    while ctr(&["task", "delete", &id]).code != 0 {
        assert!(start.elapsed() < HANG);
    }
    let gone = run(&folder.0, ["scan", "p.yaml", "--container", &id]);
    assert_eq!(gone.code, 104, "{}", gone.stderr);
}
