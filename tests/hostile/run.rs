//! The built binary under bounds: a gigabyte of address space, and two minutes after which it counts as hung.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::Value as Json;

/// The user that has no rights to anything of the target but what everybody has.
const NOBODY: u32 = 12_345;
/// A run that takes so long hangs: the slowest takes some seconds.
const HANG: Duration = Duration::from_secs(120);
/// A gigabyte of address space, in kB: with more, the binary is aborted. Threads alone reserve a part of it.
const MEMORY: &str = "1048576";

/// Who looks at a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// The user who runs the tests.
    Current,
    /// A user without any right, as whom only root can run something.
    Nobody,
}

impl Reader {
    /// All that can be taken here.
    pub(crate) fn all() -> Vec<Reader> {
        if is_root() { vec![Reader::Current, Reader::Nobody] } else { vec![Reader::Current] }
    }

    /// Whether modes do not keep it from reading.
    pub(crate) fn reads_all(self) -> bool {
        self == Reader::Current && is_root()
    }
}

/// Whether the tests run with the rights of root, over files too.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
        && caps::has_cap(None, caps::CapSet::Effective, caps::Capability::CAP_DAC_READ_SEARCH).unwrap_or(false)
}

/// Whether `unshare -m` works here: mounts of a test are then seen by nobody else and gone with its process.
pub(crate) fn can_mount() -> bool {
    is_root()
        && Command::new("unshare")
            .args(["-m", "--propagation", "private", "mount", "-t", "tmpfs", "none", "/mnt"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}

/// A run of the binary.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) binary: &'a Path,
    pub(crate) reader: Reader,
    /// A script that mounts something in a mount namespace of its own first; `$1` is the target's root.
    pub(crate) mounts: Option<&'a str>,
    pub(crate) root: &'a Path,
    pub(crate) arguments: &'a [&'a str],
    pub(crate) stdin: &'a str,
}

/// What came of a run.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run<'_> {
    /// Runs the binary with these arguments.
    ///
    /// Panics when it hangs.
    pub(crate) fn go(&self) -> Ended {
        let mut command = self.command();
        command.env("SOURCE_DATE_EPOCH", "1700000000").current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut stdin, mut stdout, mut stderr) =
            (child.stdin.take().unwrap(), child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (done, is_done) = channel();
        let ended = std::thread::scope(|scope| {
            scope.spawn(move || {
                // It may end before it has read all.
                let _ = stdin.write_all(self.stdin.as_bytes());
            });
            let errors = scope.spawn(move || text(&mut stderr));
            let output = scope.spawn(move || {
                let output = text(&mut stdout);
                let _ = done.send(());
                output
            });
            let hangs = is_done.recv_timeout(HANG).is_err();
            if hangs {
                child.kill().unwrap();
            }
            let code = child.wait().unwrap().code();
            (hangs, Ended { code, stdout: output.join().unwrap(), stderr: errors.join().unwrap() })
        });
        let (hangs, ended) = ended;
        assert!(!hangs, "HANG: {:?} after {HANG:?}\n{}", self.arguments, ended.stderr);
        ended
    }

    fn command(&self) -> Command {
        let limited = format!("ulimit -v {MEMORY}; exec \"$@\"");
        let Some(mounts) = self.mounts else {
            let mut command = Command::new("sh");
            command.args(["-c", &limited, "sh"]).arg(self.binary).args(self.arguments);
            if self.reader == Reader::Nobody {
                // Takes the supplementary groups away too.
                command.uid(NOBODY).gid(NOBODY);
            }
            return command;
        };
        let drop = match self.reader {
            Reader::Current => String::new(),
            Reader::Nobody => format!("setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups"),
        };
        // Not by exec: the shell holds what the mounts need until the scan has ended.
        let script = format!("set -e\n{mounts}\nset +e; shift\n{drop} sh -c '{limited}' sh \"$@\" 3>&-\nexit $?");
        let mut command = Command::new("unshare");
        command.args(["-m", "--propagation", "private", "sh", "-c", &script, "sh"]);
        command.arg(self.root).arg(self.binary).args(self.arguments);
        command
    }
}

fn text(from: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).expect("what assay says is UTF-8")
}

/// A profile of one control for each check.
pub(crate) fn profile<'a>(checks: impl IntoIterator<Item = &'a str>) -> String {
    let mut profile = "schema: 1\nname: hostile\ncontrols:\n".to_owned();
    for (index, check) in checks.into_iter().enumerate() {
        profile.push_str(&format!("  - {{id: C{index}, checks: [{check}]}}\n"));
    }
    profile
}

/// What became of one result, in the words of HDF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) status: &'static str,
    pub(crate) message: String,
}

/// The outcomes of every control of a report.
pub(crate) fn outcomes(report: &str) -> Vec<Vec<Outcome>> {
    let report: Json = serde_json::from_str(report).unwrap();
    let controls = report["profiles"][0]["controls"].as_array().unwrap();
    controls.iter().map(|control| control["results"].as_array().unwrap().iter().map(outcome).collect()).collect()
}

fn outcome(result: &Json) -> Outcome {
    let text = |key: &str| result[key].as_str().unwrap_or_default().to_owned();
    let errs = result["backtrace"].as_array().is_some_and(|lines| !lines.is_empty());
    match (result["status"].as_str().unwrap(), errs) {
        ("passed", false) => Outcome { status: "passed", message: String::new() },
        ("failed", false) => Outcome { status: "failed", message: text("message") },
        ("failed", true) => Outcome { status: "error", message: text("message") },
        ("skipped", false) => Outcome { status: "skipped", message: text("skip_message") },
        other => panic!("{other:?}"),
    }
}
