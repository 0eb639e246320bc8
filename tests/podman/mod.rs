//! Real containers: podman and runc, with a storage of the test's own.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Output};

use crate::fixture::{Scratch, is_root, materialise, skipped};

/// What the machines of tests need: no systemd, no rights to raise limits, either layout of control groups.
const ENGINE: &str = "[engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n\
    [containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\nnetns = \"none\"\nlog_driver = \"k8s-file\"\n";

/// Programs that a test of running containers needs, and the Debian packages that bring them.
const NEEDED: [(&str, &str); 4] = [
    ("/usr/bin/podman", "podman"),
    ("/usr/sbin/runc", "runc"),
    ("/usr/bin/catatonit", "catatonit"),
    ("/bin/busybox", "busybox-static"),
];

/// An engine with its own images and containers, all removed at its end.
pub struct Podman(pub Scratch);

impl Podman {
    /// `None`, and said so, where containers cannot be run.
    pub fn new(test: &str) -> Option<Podman> {
        if !is_root() {
            skipped(test, "root");
            return None;
        }
        for (program, package) in NEEDED {
            if !Path::new(program).exists() {
                skipped(test, package);
                return None;
            }
        }
        let stage = Scratch::new();
        stage.write("containers.conf", ENGINE);
        let (graph, run) = (stage.path("graph"), stage.path("run"));
        stage.write(
            "storage.conf",
            format!("[storage]\ndriver = \"overlay\"\ngraphroot = {graph:?}\nrunroot = {run:?}\n"),
        );
        Some(Podman(stage))
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("podman");
        command
            .env("CONTAINERS_CONF", self.0.path("containers.conf"))
            .env("CONTAINERS_STORAGE_CONF", self.0.path("storage.conf"))
            .current_dir(&self.0.0)
            .args(arguments);
        command
    }

    /// Runs podman, whatever comes of it.
    pub fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs podman; what it prints.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(output.status.success(), "podman {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Makes an image of one layer from a tree.
    pub fn image(&self, name: &str, tree: &Path, changes: &[&str]) {
        let archive = self.0.path(&format!("{name}.tar"));
        let mut tar = Command::new("tar");
        tar.arg("--numeric-owner").arg("-C").arg(tree).arg("-cf").arg(&archive).arg(".");
        assert!(tar.status().unwrap().success());
        let name = format!("localhost/{name}:1");
        let mut arguments = vec!["import", "--quiet"];
        arguments.extend(changes.iter().flat_map(|change| ["--change", change]));
        arguments.extend([archive.to_str().unwrap(), &name]);
        self.run(&arguments);
    }

    /// Makes an image of a fixture's tree with a program that does nothing, `/idle`.
    pub fn fixture(&self, kind: &str) {
        let tree = self.0.path(&format!("{kind}-tree"));
        materialise(kind, &tree);
        fs::copy("/usr/bin/catatonit", tree.join("idle")).unwrap();
        fs::write(tree.join("secret"), "only root reads this\n").unwrap();
        fs::set_permissions(tree.join("secret"), fs::Permissions::from_mode(0o600)).unwrap();
        self.image(kind, &tree, &["ENTRYPOINT [\"/idle\", \"-P\"]", "USER 65532:65532"]);
    }

    /// Makes the image `hostile`: the fixture `static` with a shell, and folders to mount on.
    pub fn hostile(&self) {
        let tree = self.0.path("hostile-tree");
        materialise("static", &tree);
        for folder in ["hung", "jail", "mnt", "proc", "dev", "sys", "volume"] {
            fs::create_dir_all(tree.join(folder)).unwrap();
        }
        chown(tree.join("volume"), Some(65532), Some(65532)).unwrap();
        for name in ["idle", "jail/idle", "unreadable"] {
            fs::copy("/usr/bin/catatonit", tree.join(name)).unwrap();
        }
        fs::set_permissions(tree.join("unreadable"), fs::Permissions::from_mode(0o111)).unwrap();
        self.put_shell(&tree);
        self.image("hostile", &tree, &["ENTRYPOINT [\"/shell/sh\", \"-c\"]", "ENV PATH=/shell"]);
    }

    /// Puts busybox's programs into a tree's folder /shell.
    pub fn put_shell(&self, tree: &Path) {
        let shell = tree.join("shell");
        fs::create_dir_all(&shell).unwrap();
        fs::copy("/bin/busybox", shell.join("busybox")).unwrap();
        let names = "cat chroot cp kill ln mkdir mkfifo mount mv nice pivot_root rm sh sleep unshare";
        for name in names.split(' ') {
            symlink("busybox", shell.join(name)).unwrap();
        }
    }

    /// Puts the libraries of a program into a tree.
    pub fn put_libraries(&self, tree: &Path, program: &str) {
        let libraries = Command::new("ldd").arg(program).output().unwrap();
        for word in String::from_utf8(libraries.stdout).unwrap().split_whitespace().filter(|word| word.starts_with('/'))
        {
            let place = tree.join(&word[1..]);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::copy(word, place).unwrap();
        }
    }

    /// Starts a container; the number of its process.
    pub fn start(&self, name: &str, arguments: &[&str]) -> String {
        self.run(&[&["run", "--detach", "--name", name], arguments].concat());
        self.run(&["inspect", "--format", "{{.State.Pid}}", name])
    }

    /// Makes the image `assay` of the program under test, as the shipped images have it: alone but for the C library
    /// that a debug build needs, owned by root, and not readable.
    pub fn agent(&self) {
        let tree = self.0.path("agent-tree");
        let program = env!("CARGO_BIN_EXE_assay");
        fs::create_dir_all(tree.join("proc")).unwrap();
        let stripped = Command::new("strip").arg("-o").arg(tree.join("assay")).arg(program).status().unwrap();
        assert!(stripped.success());
        self.put_libraries(&tree, program);
        fs::set_permissions(tree.join("assay"), fs::Permissions::from_mode(0o111)).unwrap();
        self.image("assay", &tree, &["ENTRYPOINT [\"/assay\"]", "USER 65532:65532"]);
    }
}

/// The files by which a process is put into the control groups of another one.
pub fn groups_of(pid: &str) -> Vec<String> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let mut files = Vec::new();
    for line in groups.lines() {
        let [_, controllers, path] = line.splitn(3, ':').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let name = controllers.strip_prefix("name=").unwrap_or(controllers);
        let folders: &[&str] = if name.is_empty() { &["unified", "."] } else { &[name] };
        let file = folders.iter().map(|folder| format!("/sys/fs/cgroup/{folder}{path}/cgroup.procs"));
        files.extend(file.filter(|file| Path::new(file).exists()).take(1));
    }
    files
}

impl Drop for Podman {
    fn drop(&mut self) {
        // One that shares the processes of another may have to go before it.
        for _ in 0..5 {
            let removed = self.output(&["rm", "--force", "--all", "--time", "0"]);
            if removed.status.success() && self.output(&["ps", "--all", "--quiet"]).stdout.is_empty() {
                break;
            }
        }
        // What the storage driver left mounted.
        let _ = Command::new("umount").arg(self.0.path("graph/overlay")).output();
    }
}
