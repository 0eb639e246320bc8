//! Trees that are made while the tests run: no repository could hold their names, devices and links.

use std::fs;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, mkdirat, mknodat, openat};

/// What must never be seen of the file beside the target.
pub(crate) const SECRET: &str = "OUTSIDE-SECRET";

/// Where the trees of one test lie, and the binary that every user can run.
pub(crate) struct Ground {
    base: PathBuf,
    trees: PathBuf,
    pub(crate) binary: PathBuf,
}

/// In memory where there is room: some trees have 200,000 files, which take a disk half a minute.
fn place_for_trees() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let room = rustix::fs::statvfs(&memory)
        .is_ok_and(|found| found.f_bavail * found.f_frsize >= 2 << 30 && found.f_favail >= 1_000_000);
    if room { memory } else { std::env::temp_dir() }
}

fn new_folder(path: PathBuf) -> PathBuf {
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

impl Ground {
    /// A new folder that every user can look into.
    pub(crate) fn new(test: &str) -> Ground {
        let name = |what: &str| format!("assay-hostile-{}-{test}-{what}", std::process::id());
        let base = new_folder(std::env::temp_dir().join(name("binary")));
        let trees = new_folder(place_for_trees().join(name("trees")));
        let binary = base.join("assay");
        // By a program of its own: a child that another test forks while this process writes would keep the file open
        // for writing for a moment, and a file that is written to cannot be executed.
        let copied = std::process::Command::new("install")
            .args(["-m", "0755", env!("CARGO_BIN_EXE_assay")])
            .arg(&binary)
            .status();
        assert!(copied.is_ok_and(|status| status.success()));
        Ground { base, trees, binary }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        remove(&self.base);
        remove(&self.trees);
    }
}

fn remove(folder: &Path) {
    // Folders without rights would keep their owner from removing what lies in them.
    if !nix::unistd::geteuid().is_root() {
        let _ = std::process::Command::new("chmod").args(["-R", "u+rwX"]).arg(folder).status();
    }
    let _ = std::process::Command::new("rm").arg("-rf").arg(folder).status();
}

/// A target and what lies beside it.
pub(crate) struct Tree {
    base: PathBuf,
    pub(crate) binary: PathBuf,
    /// The target's root.
    pub(crate) root: PathBuf,
    /// A folder that no scan may look into; it holds `secret`.
    pub(crate) outside: PathBuf,
}

impl Tree {
    /// A target with `etc`, and an outside with a secret that everybody could read.
    pub(crate) fn new(ground: &Ground, name: &str) -> Tree {
        let base = ground.trees.join(name.replace(|char: char| !char.is_alphanumeric(), "-"));
        let binary = ground.binary.clone();
        let tree = Tree { root: base.join("root"), outside: base.join("outside"), base, binary };
        fs::create_dir_all(tree.root.join("etc")).unwrap();
        fs::create_dir(&tree.outside).unwrap();
        fs::write(tree.outside.join("secret"), format!("{SECRET}\n")).unwrap();
        tree
    }

    /// When something was last written in the target's first folders.
    pub(crate) fn changed(&self) -> Vec<(i64, i64)> {
        use std::os::unix::fs::MetadataExt;
        let changed = |folder: &Path| fs::metadata(folder).map(|found| (found.ctime(), found.ctime_nsec())).unwrap();
        vec![changed(&self.root), changed(&self.at("etc"))]
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.at_bytes(path.as_bytes())
    }

    pub(crate) fn at_bytes(&self, path: &[u8]) -> PathBuf {
        self.root.join(std::ffi::OsStr::from_bytes(path))
    }

    pub(crate) fn folder(&self, path: &str) {
        fs::create_dir_all(self.at(path)).unwrap();
    }

    pub(crate) fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        self.file_bytes(path.as_bytes(), content);
    }

    pub(crate) fn file_bytes(&self, path: &[u8], content: impl AsRef<[u8]>) {
        let path = self.at_bytes(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A file of one piece, many times.
    pub(crate) fn repeated(&self, path: &str, piece: &str, times: usize) {
        let mut file = std::io::BufWriter::new(self.create(path));
        for _ in 0..times {
            file.write_all(piece.as_bytes()).unwrap();
        }
        file.flush().unwrap();
    }

    /// A file of lines that differ by their numbers.
    pub(crate) fn numbered(&self, path: &str, lines: usize, line: impl Fn(usize) -> String) {
        let mut file = std::io::BufWriter::new(self.create(path));
        for number in 0..lines {
            file.write_all(line(number).as_bytes()).unwrap();
        }
        file.flush().unwrap();
    }

    /// A file of so many bytes that takes no room.
    pub(crate) fn sparse(&self, path: &str, size: u64) {
        self.create(path).set_len(size).unwrap();
    }

    fn create(&self, path: &str) -> fs::File {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(path).unwrap()
    }

    pub(crate) fn link(&self, path: &str, target: impl AsRef<Path>) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    pub(crate) fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.at(path), PermissionsExt::from_mode(mode)).unwrap();
    }

    pub(crate) fn pipe(&self, path: &str) {
        self.node(path, FileType::Fifo, 0);
    }

    pub(crate) fn socket(&self, path: &str) {
        // Bound by a short path: a socket's path has at most 108 bytes.
        drop(UnixListener::bind(self.at(path)).unwrap());
    }

    /// Panics where devices cannot be made: that needs root.
    pub(crate) fn device(&self, path: &str, kind: FileType, (major, minor): (u32, u32)) {
        self.node(path, kind, rustix::fs::makedev(major, minor));
    }

    fn node(&self, path: &str, kind: FileType, device: u64) {
        mknodat(CWD, self.at(path), kind, Mode::from_raw_mode(0o666), device).unwrap();
    }

    /// Folders in each other, made by handle: their path is longer than a system call takes. Returns the last one.
    pub(crate) fn deep(&self, path: &str, name: &str, levels: usize) -> OwnedFd {
        self.folder(path);
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut folder = openat(CWD, self.at(path), flags, Mode::empty()).unwrap();
        for _ in 0..levels {
            mkdirat(&folder, name, Mode::from_raw_mode(0o755)).unwrap();
            folder = openat(&folder, name, flags, Mode::empty()).unwrap();
        }
        folder
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        remove(&self.base);
    }
}
