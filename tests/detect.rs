//! `assay detect`: what a container is, each claim with its evidence, and none that is not established.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod archive;
mod fixture;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use archive::{Image, Layout, Member, file, folder, hard_link, whiteout};
use fixture::{Run, Scratch, assert_golden, is_root, materialise, repository, run, skipped};
use serde_json::{Value, json};

const KINDS: [&str; 7] = ["static", "base", "cc", "java", "python", "nodejs", "standard"];

/// What `assay detect --format json` says of a target that must be there.
fn detect(stage: &Path, target: &[&str]) -> Value {
    let found = run(stage, [&["detect", "--format", "json"], target].concat());
    assert_eq!(found.stderr, "");
    let json: Value = serde_json::from_str(&found.stdout).unwrap();
    let undecided = json["distroless"]["answer"] == "not established";
    assert_eq!(found.code, if undecided { 100 } else { 0 }, "{}", found.stdout);
    every_claim_has_evidence(&json);
    json
}

fn every_claim_has_evidence(json: &Value) {
    assert!(!json["distroless"]["because"].as_array().unwrap().is_empty());
    let base = Some(&json["base"]).filter(|base| !base.is_null());
    for finding in json["findings"].as_array().unwrap().iter().chain(base) {
        assert!(!finding["evidence"].as_array().unwrap().is_empty(), "{finding}");
        let keys: Vec<&str> = finding.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["count", "evidence", "kind", "more_evidence", "name", "version"]);
    }
}

/// Names and versions of the findings of a kind.
fn found(json: &Value, kind: &str) -> Vec<String> {
    let findings = json["findings"].as_array().unwrap().iter().filter(|finding| finding["kind"] == kind);
    let words = |finding: &Value| match finding["version"].as_str() {
        Some(version) => format!("{} {version}", finding["name"].as_str().unwrap()),
        None => finding["name"].as_str().unwrap().to_owned(),
    };
    findings.map(words).collect()
}

fn finding<'a>(json: &'a Value, kind: &str, name: &str) -> &'a Value {
    let all = json["findings"].as_array().unwrap();
    all.iter().find(|finding| finding["kind"] == kind && finding["name"] == name).unwrap_or_else(|| panic!("{json:#}"))
}

fn base(json: &Value) -> String {
    let word = |key: &str| json["base"][key].as_str().unwrap_or("-").to_owned();
    format!("{} {}", word("name"), word("version"))
}

/// A small tree: paths that end in `*` can be executed, those with `->` are links.
fn tree(stage: &Scratch, entries: &[(&str, &str)]) {
    let top = stage.path("root");
    let _ = fs::remove_dir_all(&top);
    fs::create_dir_all(&top).unwrap();
    for (path, content) in entries {
        if let Some((path, target)) = path.split_once(" -> ") {
            fs::create_dir_all(top.join(path).parent().unwrap()).unwrap();
            symlink(target, top.join(path)).unwrap();
            continue;
        }
        let mode = if path.ends_with('*') { 0o755 } else { 0o644 };
        let path = stage.write(&format!("root/{}", path.trim_end_matches('*')), content);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn detect_tree(stage: &Scratch, entries: &[(&str, &str)]) -> Value {
    tree(stage, entries);
    detect(&stage.0, &["--rootfs", "root"])
}

#[test]
fn the_real_trees() {
    if !is_root() {
        return skipped("the_real_trees", "root, to give files their owners and modes");
    }
    let stage = Scratch::new();
    for kind in KINDS {
        materialise(kind, &stage.path(kind));
    }
    for (kind, answer, name, runtimes) in [
        ("static", "yes", "distroless/static debian 12", &[][..]),
        ("base", "yes", "distroless/base debian 12", &[]),
        ("cc", "yes", "distroless/cc debian 12", &[]),
        ("java", "yes", "distroless/java debian 12", &["java 17.0.21.1"]),
        ("python", "yes", "distroless/python3 debian 12", &["python 3.11"]),
        ("nodejs", "yes", "distroless/nodejs debian 12", &["node"]),
        ("standard", "no", "debian 12", &[]),
    ] {
        for resolver in ["auto", "steps"] {
            let json = detect(&stage.0, &["--rootfs", kind, "--resolver", resolver]);
            assert_eq!(json["distroless"]["answer"], answer, "{json:#}");
            assert_eq!(base(&json), name);
            assert_eq!(found(&json, "runtime"), runtimes, "{kind}");
            assert_eq!(found(&json, "os"), ["debian 12"]);
            assert_eq!(found(&json, "libc"), if kind == "static" { &[][..] } else { &["glibc 2.36"] }, "{kind}");
            assert_eq!(json["could_not_look"], json!([]));
        }
        let text = run(&stage.0, ["detect", "--rootfs", kind]);
        assert_eq!(text.code, 0);
        assert_golden(&format!("tests/golden/detect-{kind}.txt"), &text.stdout);
    }
    let json = detect(&stage.0, &["--rootfs", "standard"]);
    assert_eq!(found(&json, "shell"), ["bash", "dash", "rbash", "sh"]);
    assert_eq!(found(&json, "package_manager"), ["apt", "apt-get", "dpkg"]);
    let sh = json!([{ "at": "/usr/bin/sh", "leads_to": "/usr/bin/dash", "says": null }]);
    assert_eq!(finding(&json, "shell", "sh")["evidence"], sh);
    let status = fs::read_to_string(stage.path("standard/var/lib/dpkg/status")).unwrap();
    let installed = status.lines().filter(|line| *line == "Status: install ok installed").count();
    assert_eq!(finding(&json, "package_database", "dpkg")["count"], installed);
}

#[test]
fn the_page_shows_what_is_printed() {
    let found = run(&repository("."), ["detect", "--rootfs", "fixtures/rootfs/static", "--format", "json"]);
    let page = fs::read_to_string(repository("docs/detect.md")).unwrap();
    let shown = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(shown, found.stdout);
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let text = run(&repository("."), ["detect", "--rootfs", "fixtures/rootfs/static"]).stdout;
    let first: String = text.lines().take(4).map(|line| format!("    {line}\n")).collect();
    assert!(readme.contains(&format!("    $ assay detect --rootfs fixtures/rootfs/static\n{first}")), "{first}");
}

#[test]
fn bases_by_what_they_say() {
    let stage = Scratch::new();
    let alpine = "ID=alpine\nVERSION_ID=3.20.3\n";
    let json = detect_tree(
        &stage,
        &[
            ("etc/os-release", alpine),
            ("bin/busybox*", "ELF"),
            ("bin/sh -> /bin/busybox", ""),
            ("bin/ls -> busybox", ""),
            ("usr/bin/vi -> ../../bin/busybox", ""),
            ("sbin/apk*", "ELF"),
            ("lib/ld-musl-x86_64.so.1", "ELF"),
            ("lib/apk/db/installed", "P:musl\n"),
            ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
        ],
    );
    assert_eq!(base(&json), "alpine 3.20.3");
    let because = json!(["shells: sh", "programs that hold a shell: busybox", "package managers: apk"]);
    assert_eq!(json["distroless"], json!({ "answer": "no", "because": because }));
    let busybox = finding(&json, "multi_call", "busybox");
    assert_eq!(busybox["count"], 3);
    let links: Vec<&str> =
        busybox["evidence"].as_array().unwrap().iter().map(|evidence| evidence["at"].as_str().unwrap()).collect();
    assert_eq!(links, ["/bin/busybox", "/bin/ls", "/bin/sh", "/usr/bin/vi"]);
    assert_eq!(found(&json, "coreutils"), [""; 0], "busybox's ls is none of coreutils");
    assert_eq!(found(&json, "libc"), ["musl"]);
    assert_eq!(found(&json, "package_database"), ["apk"]);

    let json = detect_tree(
        &stage,
        &[("etc/os-release", "ID=wolfi\nVERSION_ID=\"20230201\"\n"), ("usr/lib/apk/db/installed", "P:glibc\n")],
    );
    assert_eq!((base(&json), &json["distroless"]["answer"]), ("wolfi 20230201".to_owned(), &json!("yes")));

    let ubi = ("etc/os-release", "ID=\"rhel\"\nVERSION_ID=\"9.4\"\n");
    let build = ("root/buildinfo/content_manifests/ubi9-micro-container-9.4-15.json", "{}");
    let json = detect_tree(&stage, &[ubi, build, ("bin/bash*", ""), ("var/lib/rpm/rpmdb.sqlite", "SQLite")]);
    assert_eq!((base(&json), &json["distroless"]["answer"]), ("ubi-micro 9.4".to_owned(), &json!("no")));
    assert_eq!(found(&json, "package_database"), ["rpm"]);
    assert_eq!(base(&detect_tree(&stage, &[ubi])), "rhel 9.4", "that it is a UBI is not established");

    let debian = ("etc/os-release", "ID=debian\nVERSION_ID=12\n");
    assert_eq!(base(&detect_tree(&stage, &[debian])), "debian 12");
    let chiselled = ("var/lib/chisel/manifest.wall", "x");
    assert_eq!(
        base(&detect_tree(&stage, &[("usr/lib/os-release", "ID=ubuntu\nVERSION_ID=24.04\n"), chiselled])),
        "ubuntu-chiselled 24.04"
    );
    let json = detect_tree(&stage, &[("app*", "ELF")]);
    assert_eq!((base(&json), &json["distroless"]["answer"]), ("scratch -".to_owned(), &json!("yes")));
    let json = detect_tree(&stage, &[("app*", "ELF"), ("lib/libc.so.6", "ELF")]);
    assert_eq!(json["base"], Value::Null, "a C library comes from somewhere");
}

#[test]
fn busybox_alone_by_hard_links() {
    let stage = Scratch::new();
    tree(&stage, &[("bin/busybox*", "ELF")]);
    for name in ["ls", "sh"] {
        fs::hard_link(stage.path("root/bin/busybox"), stage.path(&format!("root/bin/{name}"))).unwrap();
    }
    let json = detect(&stage.0, &["--rootfs", "root"]);
    assert_eq!((base(&json).as_str(), found(&json, "shell")), ("busybox -", vec!["sh".to_owned()]));
    assert_eq!(found(&json, "coreutils"), [""; 0]);
    let evidence = json!([{ "at": "/bin/busybox", "leads_to": null, "says": "3 names of one file" }]);
    assert_eq!(finding(&json, "multi_call", "busybox")["evidence"], evidence);
}

#[test]
fn a_debug_image_is_not_distroless() {
    let stage = Scratch::new();
    let url = "ID=debian\nVERSION_ID=12\nHOME_URL=\"https://github.com/GoogleContainerTools/distroless\"\n";
    let stanza = "Package: base-files\nVersion: 12.4\n";
    let json = detect_tree(
        &stage,
        &[
            ("etc/os-release", url),
            ("var/lib/dpkg/status.d/base-files", stanza),
            ("var/lib/dpkg/status.d/base-files.md5sums", "0  x\n"),
            ("busybox/busybox*", "ELF"),
            ("busybox/sh -> busybox", ""),
        ],
    );
    assert_eq!(base(&json), "distroless/static:debug debian 12");
    assert_eq!(json["distroless"]["because"], json!(["shells: sh", "programs that hold a shell: busybox"]));
}

#[test]
fn what_only_has_the_name_is_no_shell() {
    let stage = Scratch::new();
    let json = detect_tree(
        &stage,
        &[
            ("bin/bash", "cannot be executed"),
            ("bin/zsh/file", "a folder"),
            ("bin/sh -> nowhere", ""),
            ("bin/ksh -> /bin/zsh", "a link to a folder"),
            ("etc/cron.daily/dpkg*", "#!/x"),
            ("usr/share/bash-completion/completions/apt", "complete"),
            ("opt/ls*", "not among programs"),
        ],
    );
    let because = json!([
        "no shell and no package manager among 17 files and folders",
        "not counted, because it cannot be executed: /bin/bash",
    ]);
    assert_eq!(json["distroless"], json!({ "answer": "yes", "because": because }));
    assert_eq!(found(&json, "coreutils"), [""; 0]);
    // Links are followed inside the root, wherever they lead.
    let json = detect_tree(
        &stage,
        &[("app/run/x -> ../../../../../../opt/sh", ""), ("app/sh -> /opt/run", ""), ("opt/run*", "")],
    );
    assert_eq!(finding(&json, "shell", "sh")["evidence"][0]["leads_to"], "/opt/run");
}

#[test]
fn nothing_is_claimed_of_what_could_not_be_looked_at() {
    let stage = Scratch::new();
    let json = detect_tree(&stage, &[("bin/sh -> sh", ""), ("app*", "")]);
    assert_eq!(json["distroless"]["answer"], "not established");
    assert_eq!(json["base"], Value::Null);
    assert_eq!(json["could_not_look"], json!([{ "at": "/bin/sh", "why": "symbolic links in a loop" }]));
    let text = run(&stage.0, ["detect", "--rootfs", "root"]);
    assert_eq!(text.code, 100);
    assert!(text.stdout.contains("Distroless: not established\n"), "{}", text.stdout);
    assert!(text.stdout.ends_with("\nCould not look at\n  /bin/sh: symbolic links in a loop\n"), "{}", text.stdout);

    // What does not decide it is listed, and the answer stands.
    let json =
        detect_tree(&stage, &[("bin/python3 -> python3", ""), ("etc/passwd/x", ""), ("etc/os-release", "ID=x\n")]);
    assert_eq!(json["distroless"]["answer"], "yes");
    let places: Vec<&str> =
        json["could_not_look"].as_array().unwrap().iter().map(|unseen| unseen["at"].as_str().unwrap()).collect();
    assert_eq!(places, ["/bin/python3", "/etc/passwd"]);

    let large = format!("ID=debian\n#{}\n", "x".repeat(100_000));
    let json = detect_tree(&stage, &[("etc/os-release", &large), ("usr/lib/os-release", "ID=alpine\n")]);
    assert_eq!((&json["base"], found(&json, "os").len()), (&Value::Null, 0));
    let why = json["could_not_look"][0]["why"].as_str().unwrap();
    assert!(why.starts_with("too large: "), "{why}");
}

#[test]
fn what_is_no_file_is_not_opened() {
    let stage = Scratch::new();
    tree(&stage, &[("etc/x", ""), ("bin/x", ""), ("var/lib/dpkg/status.d/a", "nonsense\n")]);
    for name in ["root/etc/os-release", "root/bin/sh"] {
        nix::unistd::mkfifo(&stage.path(name), nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    let json = detect(&stage.0, &["--rootfs", "root"]);
    assert_eq!((&json["distroless"]["answer"], &json["base"]), (&json!("yes"), &Value::Null));
    let unseen = json!([
        { "at": "/etc/os-release", "why": "not a regular file but a named pipe" },
        { "at": "/var/lib/dpkg/status.d/a", "why": "line 1: neither a field nor its continuation" },
    ]);
    assert_eq!(json["could_not_look"], unseen);
    assert_eq!(finding(&json, "package_database", "dpkg status.d")["count"], Value::Null);
}

#[test]
fn accounts_that_are_root() {
    let stage = Scratch::new();
    let many: String = (0..300).map(|number| format!("u{number}:x:0:0::/:/x\n")).collect();
    let json = detect_tree(&stage, &[("etc/passwd", &many)]);
    let root = finding(&json, "account", "uid 0");
    assert_eq!((&root["count"], &root["more_evidence"]), (&json!(300), &json!(200)));
    assert_eq!(root["evidence"][1]["says"], "line 2: u1");
    // A number that programs read differently is nobody's.
    let json = detect_tree(&stage, &[("etc/passwd", "odd:x:0x0:0::/:/x\n")]);
    assert_eq!(finding(&json, "accounts", "passwd")["evidence"][0]["says"], "odd (no uid)");
    assert_eq!(found(&json, "account"), [""; 0]);
}

#[test]
fn folders_that_are_denied() {
    let stage = Scratch::new();
    tree(&stage, &[("private/x", ""), ("app*", "")]);
    fs::set_permissions(stage.path("root/private"), fs::Permissions::from_mode(0o000)).unwrap();
    let found: Run = if is_root() {
        let assay = env!("CARGO_BIN_EXE_assay");
        let as_nobody =
            ["--reuid=65534", "--regid=65534", "--clear-groups", assay, "detect", "--format", "json", "--rootfs"];
        let output = std::process::Command::new("setpriv").args(as_nobody).arg(stage.path("root")).output();
        match output {
            Ok(output)
                if output.status.code() != Some(127)
                    && !String::from_utf8_lossy(&output.stderr).contains("Permission denied") =>
            {
                output.into()
            }
            _ => return skipped("folders_that_are_denied", "setpriv, and a checkout that others may read"),
        }
    } else {
        run(&stage.0, ["detect", "--format", "json", "--rootfs", "root"])
    };
    fs::set_permissions(stage.path("root/private"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(found.code, 100, "{}", found.stderr);
    let json: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(json["distroless"]["answer"], "not established");
    assert_eq!(json["base"], Value::Null);
    assert_eq!(json["could_not_look"][0]["at"], "/private");
}

#[test]
fn hostile_names_and_crowds() {
    let stage = Scratch::new();
    tree(&stage, &[("etc/os-release", "ID=debian\x1b[2J\nPRETTY_NAME=\"::set-output name=x::\u{202e}y\"\n")]);
    for number in 0..300 {
        let path = stage.write(&format!("root/{number:03}/sh"), "");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let odd = stage.path("root").join(std::ffi::OsStr::from_bytes(b"\xff\x1b[31m"));
    fs::create_dir(&odd).unwrap();
    fs::write(odd.join("zsh"), "").unwrap();
    fs::set_permissions(odd.join("zsh"), fs::Permissions::from_mode(0o755)).unwrap();

    let text = run(&stage.0, ["detect", "--rootfs", "root"]).stdout;
    assert!(!text.chars().any(|char| char.is_control() && char != '\n' || char == '\u{202e}'), "{text}");
    assert!(text.contains(r"/\xff\x1b[31m/zsh"), "{text}");
    assert!(text.contains("    and 295 more\n"), "{text}");
    assert_eq!(text, run(&stage.0, ["detect", "--rootfs", "root"]).stdout, "always the same");
    let json = detect(&stage.0, &["--rootfs", "root"]);
    let sh = finding(&json, "shell", "sh");
    assert_eq!((sh["evidence"].as_array().unwrap().len(), &sh["more_evidence"]), (100, &json!(200)));
    assert_eq!(sh["evidence"][99]["at"], "/099/sh");
}

#[test]
fn runtimes_and_their_versions() {
    let stage = Scratch::new();
    let header = "#define NODE_MAJOR_VERSION 20\n#define NODE_MINOR_VERSION 1\n#define NODE_PATCH_VERSION 2\n";
    stage.write(
        "config.json",
        r#"{"config": {"Env": ["PYTHON_VERSION=3.12.4", "RUBY_VERSION=3.3.1; secret", "NODE_VERSION=18.0.0"]}}"#,
    );
    tree(
        &stage,
        &[
            ("usr/local/bin/node*", ""),
            ("usr/local/include/node/node_version.h", header),
            ("usr/local/bin/python -> python3.12", ""),
            ("usr/local/bin/python3.12*", ""),
            ("usr/bin/ruby*", ""),
            ("usr/bin/perl5.36.0*", ""),
            ("usr/share/dotnet/dotnet*", ""),
            ("usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.4/x.dll", ""),
            ("opt/jdk/bin/java*", ""),
            ("opt/jdk/release", "JAVA_VERSION=\"21.0.2\"\n"),
            ("opt/other/release", "v1\n"),
            ("opt/other/bin/java*", ""),
        ],
    );
    let json = detect(&stage.0, &["--rootfs", "root", "--image-config", "config.json"]);
    let all = [".net 8.0.4", "dotnet", "java", "java 21.0.2", "node 20.1.2", "perl 5.36.0", "python 3.12.4", "ruby"];
    assert_eq!(found(&json, "runtime"), all);
    assert!(!json.to_string().contains("secret"), "{json:#}");
}

#[test]
fn images_tell_more_than_their_trees() {
    let stage = Scratch::new();
    let passwd = "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
    let os = |url: &str| format!("ID=debian\nVERSION_ID=12\nHOME_URL=\"{url}\"\n");
    let lower: &[Member] = &[
        folder("etc"),
        file("etc/passwd", passwd),
        file("etc/os-release", os("https://github.com/GoogleContainerTools/distroless")),
        file("var/lib/dpkg/status.d/base-files", "Package: base-files\nVersion: 12.4\n"),
        file("bin/sh", "ELF").mode(0o755),
        hard_link("bin/ash", "bin/sh").mode(0o755),
    ];
    let config = json!({ "config": {
        "User": "65532:65532",
        "Env": ["PASSWORD=hunter2"],
        "Labels": { "org.opencontainers.image.base.name": "gcr.io/distroless/static", "password": "hunter2" },
    }, "history": [{ "created_by": "RUN PASSWORD=hunter2" }] });
    Layout::of(&Image::new(&[lower]).config(config.clone())).write_tar(&stage.path("shell.tar"));
    let without: &[Member] = &[whiteout("bin/sh"), whiteout("bin/ash")];
    Layout::of(&Image::new(&[lower, without]).config(config)).write_tar(&stage.path("none.tar"));

    let json = detect(&stage.0, &["--image", "shell.tar"]);
    assert_eq!(found(&json, "shell"), ["ash", "sh"]);
    let json = detect(&stage.0, &["--image", "none.tar"]);
    assert_eq!((base(&json), &json["distroless"]["answer"]), ("distroless/static debian 12".to_owned(), &json!("yes")));
    assert_eq!(found(&json, "default_user"), ["nonroot"]);
    assert_eq!(found(&json, "account"), ["uid 0", "uid 65532"]);
    assert_eq!(found(&json, "label"), ["org.opencontainers.image.base.name"]);
    assert!(!json.to_string().contains("hunter2"), "{json:#}");
    assert!(json["target"].as_str().unwrap().contains("none.tar@sha256:"), "{}", json["target"]);
}

/// A process with another root, that ends when its input does.
fn process_in(root: &Path) -> Option<std::process::Child> {
    use std::io::Read;
    use std::process::{Command, Stdio};
    let script =
        "import os, sys; os.chroot(sys.argv[1]); os.chdir('/'); print('.', end='', flush=True); sys.stdin.read()";
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(root).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = python.spawn().ok()?;
    let mut ready = [0; 1];
    match child.stdout.as_mut().unwrap().read_exact(&mut ready) {
        Ok(()) => Some(child),
        Err(_) => {
            child.wait().unwrap();
            None
        }
    }
}

#[test]
fn a_root_that_may_not_be_the_containers() {
    let stage = Scratch::new();
    tree(&stage, &[("etc/os-release", "ID=debian\nVERSION_ID=12\n"), ("bin/bash*", "")]);
    let Some(mut child) = process_in(&stage.path("root")) else {
        return skipped("a_root_that_may_not_be_the_containers", "python3 and chroot(2)");
    };
    let pid = child.id().to_string();
    let refused = run(&stage.0, ["detect", "--pid", &pid]);
    // The process is root's, as the test is: it could change the scanner.
    let accept = ["--accept-root", "--accept-observed-agent"];
    let accepted = run(&stage.0, [&["detect", "--pid", &pid, "--format", "json"][..], &accept].concat());
    drop(child.stdin.take());
    child.wait().unwrap();
    assert_eq!((refused.code, refused.stdout.as_str()), (104, ""), "{}", refused.stderr);
    assert_eq!(accepted.code, 100, "{}", accepted.stderr);
    let json: Value = serde_json::from_str(&accepted.stdout).unwrap();
    every_claim_has_evidence(&json);
    assert_eq!((&json["distroless"]["answer"], &json["base"]), (&json!("not established"), &Value::Null));
    assert_eq!(found(&json, "shell"), ["bash"]);
    let because = json["distroless"]["because"].to_string();
    assert!(because.contains("the root may not be the container's: "), "{because}");
    assert!(because.contains("the scanner could have been changed: "), "{because}");
    let gone = run(&stage.0, ["detect", "--pid", &pid]);
    assert_eq!(gone.code, 104, "{}", gone.stdout);
}

#[test]
fn targets_that_are_none() {
    let stage = Scratch::new();
    stage.write("file", "x");
    for (arguments, code) in [
        (&["--rootfs", "nowhere"][..], 104),
        (&["--rootfs", "file"], 104),
        (&["--image", "file"], 104),
        (&[], 2),
        (&["--rootfs", ".", "--image", "file"], 2),
        (&["--rootfs", ".", "--format", "xml"], 2),
        (&["--rootfs", ".", "--image-config", "file"], 2),
    ] {
        let found = run(&stage.0, [&["detect"], arguments].concat());
        assert_eq!((found.code, found.stdout.as_str()), (code, ""), "{arguments:?}");
        assert!(found.stderr.starts_with("error: "), "{}", found.stderr);
    }
}
