//! Packages and modules by pip, npm and go.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use assay::parse::version::{self, Scheme};

use crate::fixture::{Scratch, skipped};
use crate::{context, properties, tool};

#[test]
fn pip_lists_the_same_packages() {
    let script = "import sysconfig; print(sysconfig.get_paths()['purelib'])";
    let Some(folder) = tool("pip", "python3", &["-c", script], Path::new("/")) else { return };
    let folder = folder.trim();
    let list = ["list", "--format", "json", "--path", folder, "--disable-pip-version-check"];
    let Some(listed) = tool("pip", "pip", &list, Path::new("/")) else { return };
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
    let context = context(Path::new("/"));
    for package in &listed {
        let (name, version) = (package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
        let found = properties(&context, "pip", &[("name", name), ("path", folder)], &["version"]);
        assert_eq!(found.as_deref(), Some(&[version.to_owned()][..]), "{name}");
        assert!(version::is_version(Scheme::Python, version.as_bytes()), "{name} {version}");
    }
    println!("{} packages of Python", listed.len());
    assert_eq!(properties(&context, "pip", &[("name", "no-such-package"), ("path", folder)], &[]), None);
}

#[test]
fn pip_compares_versions_alike() {
    let all: Vec<String> = ["1", "1.0", "1.1", "1!0.1", "1.10"]
        .iter()
        .flat_map(|start| {
            ["", ".dev1", "a1", "a1.dev2", "b2", "rc1", ".post1", ".post1.dev1", "+local.1", "+1", "-2"]
                .map(|end| format!("{start}{end}"))
        })
        .collect();
    let script = format!(
        "from pip._vendor.packaging.version import Version as V\nall = {all:?}\nfor a in all:\n  for b in all:\n    print((V(a) > V(b)) - (V(a) < V(b)))"
    );
    if tool(
        "pip",
        "python3",
        &["-c", "import sys; import importlib.util as u; print(u.find_spec('pip') is not None)"],
        Path::new("/"),
    )
    .is_none_or(|answer| answer.trim() != "True")
    {
        return skipped("pip compares versions", "pip");
    }
    let said = tool("pip", "python3", &["-c", &script], Path::new("/")).unwrap();
    let mut said = said.lines();
    for left in &all {
        for right in &all {
            let order = version::compare(Scheme::Python, left.as_bytes(), right.as_bytes()).unwrap();
            assert_eq!((order as i8).to_string(), said.next().unwrap(), "{left} {right}");
        }
    }
}

#[test]
fn npm_lists_the_same_packages() {
    let scratch = Scratch::new();
    let package = |name: &str, version: &str, needs: &str| {
        format!(r#"{{"name": "{name}", "version": "{version}", "dependencies": {{{needs}}}}}"#)
    };
    scratch.write("package.json", package("app", "1.0.0", r#""a": "^1.0.0", "@s/b": "*""#));
    scratch.write("node_modules/a/package.json", package("a", "1.2.3", r#""c": "2.0.0-rc.1""#));
    scratch.write("node_modules/a/node_modules/c/package.json", package("c", "2.0.0-rc.1", ""));
    scratch.write("node_modules/@s/b/package.json", package("@s/b", "0.1.0", ""));
    let Some(listed) = tool("npm", "npm", &["ls", "--all", "--json", "--offline"], &scratch.0) else { return };
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let mut all = BTreeMap::new();
    let mut open = vec![&listed];
    while let Some(tree) = open.pop() {
        for (name, inner) in tree["dependencies"].as_object().into_iter().flatten() {
            all.insert(name.clone(), inner["version"].as_str().unwrap().to_owned());
            open.push(inner);
        }
    }
    assert_eq!(all.len(), 3);
    let context = context(&scratch.0);
    for (name, version) in all {
        assert_eq!(properties(&context, "npm", &[("name", &name), ("path", "/")], &["version"]), Some(vec![version]));
    }
}

#[test]
fn go_tells_the_same_modules() {
    let scratch = Scratch::new();
    scratch.write("go.mod", "module example.org/tiny\n\ngo 1.21\n");
    scratch.write("main.go", "package main\n\nfunc main() {}\n");
    let mut build = Command::new("go");
    build.args(["build", "-ldflags=-s -w", "-o", "tiny", "."]).current_dir(&scratch.0).env("CGO_ENABLED", "0");
    build.env("GOFLAGS", "-buildvcs=false").env("GOPROXY", "off");
    match build.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => return skipped("modules of Go", "go"),
    }
    let said = tool("go", "go", &["version", "-m", "tiny"], &scratch.0).unwrap();
    let compiler = said.lines().next().unwrap().split(": go").nth(1).unwrap();
    let found =
        properties(&context(&scratch.0), "go_build", &[("path", "/tiny")], &["compiler", "modules", "settings"]);
    let found = found.unwrap();
    assert_eq!((found[0].as_str(), found[1].as_str()), (compiler, "example.org/tiny@(devel)"));
    assert!(found[2].contains("CGO_ENABLED=0"), "{}", found[2]);
}
