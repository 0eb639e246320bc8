//! The SAF CLI and inspecjs, asked in one process. They are found by the environment variable ASSAY_SAF (the program
//! `saf`, or a folder that holds node_modules) or on PATH; docs/hdf.md says how to install them.

#![allow(unreachable_pub, reason = "each test uses it")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::fixture;

/// The program that runs SAF and the folder of its package.
pub struct Saf {
    node: PathBuf,
    package: PathBuf,
}

impl Saf {
    /// SAF, if it is there; says that this test lacks it otherwise.
    pub fn find(test: &str) -> Option<Saf> {
        let saf = Saf::of_environment();
        if saf.is_none() {
            fixture::skipped(test, "@mitre/saf");
        }
        saf
    }

    fn of_environment() -> Option<Saf> {
        let node = on_path("node")?;
        let given = std::env::var_os("ASSAY_SAF").filter(|given| !given.is_empty()).map(PathBuf::from);
        let package = match given {
            Some(folder) if folder.is_dir() => {
                let folder = if folder.ends_with("node_modules") { folder } else { folder.join("node_modules") };
                folder.join("@mitre/saf")
            }
            Some(program) => package_of(&program),
            None => package_of(&on_path("saf")?),
        };
        assert!(package.join("package.json").exists(), "there is no @mitre/saf in {}", package.display());
        Some(Saf { node, package })
    }

    /// What inspecjs sees in files, and what SAF answers to commands.
    pub fn ask(&self, folder: &Path, files: &[String], commands: &[Vec<String>]) -> Value {
        let script = fixture::repository("tests/consumers/ask.js");
        let mut child = Command::new(&self.node)
            .args([&script, &self.package])
            .current_dir(folder)
            .envs([("NO_COLOR", "1"), ("NODE_NO_WARNINGS", "1"), ("SAF_SKIP_NEW_VERSION_CHECK", "true")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let asked = json!({ "files": files, "commands": commands });
        child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// `node_modules/.bin/saf` is a link to `node_modules/@mitre/saf/bin/run`.
fn package_of(program: &Path) -> PathBuf {
    fs::canonicalize(program).unwrap().ancestors().nth(2).unwrap().to_owned()
}
