//! `assay archive`: what it writes, and that it stands for the profile, its inputs and its waivers wherever a profile is
//! taken; what else is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod archive;
mod fixture;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use archive::{Member, file, folder, hard_link, special, symlink, tar};
use fixture::{Run, Scratch, assay, repository, run, skipped};
use serde_json::Value;

const MAIN: &str = "schema: 1\nname: small\nversion: 1.2.3\ninputs:\n  text: {type: string, value: own}\n";
const CONTROLS: &str = r#"schema: 1
controls:
  - id: text
    title: What is in it
    checks: [{file: /etc/conf, expect: {content: {match: "^${inputs.text}$"}}}]
  - id: other
    checks: [{file: /etc/other, expect: {exist: true}}]
"#;
const SINGLE: &str =
    "schema: 1\nname: one\ncontrols:\n  - {id: a-1, checks: [{file: /etc/conf, expect: {exist: true}}]}\n";

/// A folder with a profile of two files and what the loader does not read, and a root.
fn stage() -> Scratch {
    let stage = Scratch::new();
    stage.write("small/profile.yaml", MAIN);
    stage.write("small/controls/a.yaml", CONTROLS);
    stage.write("small/tests/one.yaml", "not read");
    stage.write("small/README.md", "not read");
    stage.write("one.yaml", SINGLE);
    stage.write("root/etc/conf", "given\n");
    stage
}

fn archived(stage: &Scratch, arguments: &[&str]) -> Vec<u8> {
    let output = assay(&stage.0).arg("archive").args(arguments).args(["-o", "-"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Runs `assay` with bytes on standard input.
fn piped(stage: &Scratch, arguments: &[&str], input: &[u8]) -> Run {
    let mut command = assay(&stage.0);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let found = child.wait_with_output().unwrap().into();
    writer.join().unwrap();
    found
}

/// The status of the results of a control.
fn statuses(report: &str, id: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(report).unwrap();
    let controls = report["profiles"][0]["controls"].as_array().unwrap();
    let control = controls.iter().find(|control| control["id"] == id).unwrap();
    let results = control["results"].as_array().unwrap();
    results.iter().map(|result| result["status"].as_str().unwrap().to_owned()).collect()
}

const SCAN: [&str; 4] = ["--rootfs", "root", "--reporter", "json"];

/// Members in the format that is read: the helper writes GNU's.
fn ustar(members: &[Member]) -> Vec<u8> {
    let mut bytes = tar(members);
    for header in bytes.chunks_exact_mut(512).filter(|block| block[257..].starts_with(b"ustar ")) {
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    bytes
}

/// A sound archive, to which a test puts something.
fn sound() -> Vec<Member> {
    vec![file("profile/profile.yaml", MAIN), file("profile/controls/a.yaml", CONTROLS)]
}

#[test]
fn an_archive_gives_the_report_of_its_folder() {
    const REPORTERS: [&str; 8] = ["cli", "html", "json", "json-min", "junit", "markdown", "sarif", "yaml"];
    let root = repository("fixtures/rootfs/static").display().to_string();
    for profile in ["container-baseline", "distroless-baseline"] {
        let stage = Scratch::new();
        let folder = repository("profiles").join(profile).display().to_string();
        let made = run(&stage.0, ["archive", &folder]);
        assert_eq!(made.code, 0, "{}", made.stderr);
        let name = format!("{profile}.tar");
        let reports = |given: &str, of: &str| {
            let reporters = REPORTERS.map(|reporter| format!("{reporter}:{of}.{reporter}"));
            let mut command = assay(&stage.0);
            command.args(["scan", given, "--rootfs", &root, "--reporter"]).args(&reporters);
            let found: Run = command.env("SOURCE_DATE_EPOCH", "1000000000").output().unwrap().into();
            (found.code, REPORTERS.map(|reporter| fs::read_to_string(stage.path(&format!("{of}.{reporter}"))).unwrap()))
        };
        let (code, expected) = reports(&folder, "folder");
        let (found_code, found) = reports(&name, "archive");
        assert_eq!(found_code, code);
        for ((reporter, expected), found) in REPORTERS.iter().zip(expected).zip(found) {
            // Places in SARIF are references: absolute ones of files, and a colon would be a scheme.
            let found = found.replace(&format!("{name}%3Aprofile/"), &format!("file://{folder}/"));
            assert_eq!(found.replace(&format!("{name}:profile/"), &format!("{folder}/")), expected, "{reporter}");
        }
    }
}

#[test]
fn every_profile_of_the_repository_fits_into_an_archive() {
    let stage = Scratch::new();
    for name in fixture::profiles() {
        let folder = repository("profiles").join(&name).display().to_string();
        let made = run(&stage.0, ["archive", &folder]);
        assert_eq!(made.code, 0, "{}", made.stderr);
        // Nothing lies beside it: what it builds on is in it.
        let [of_folder, of_archive] = [folder, format!("{name}.tar")].map(|profile| run(&stage.0, ["check", &profile]));
        assert_eq!((of_archive.code, of_archive.stdout), (0, of_folder.stdout), "{}", of_archive.stderr);
    }
}

#[test]
fn the_same_files_make_the_same_bytes() {
    let stage = stage();
    stage.write("inputs.yaml", "text: given\n");
    let first = archived(&stage, &["small", "--input-file", "inputs.yaml"]);
    // Another folder, other times, modes and an order of its own.
    for (name, content) in [("controls/a.yaml", CONTROLS), ("profile.yaml", MAIN)] {
        let path = stage.write(&format!("elsewhere/other/{name}"), content);
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    stage.write("elsewhere/inputs.yaml", "text: given\n");
    let second = archived(&stage, &["elsewhere/other", "--input-file", "elsewhere/inputs.yaml"]);
    assert_eq!(first, second);
    // An archive of an archive is that archive.
    stage.write("first.tar", &first);
    assert_eq!(archived(&stage, &["first.tar"]), first);
    let again = piped(&stage, &["archive", "-", "-o", "second.tar"], &first);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(fs::read(stage.path("second.tar")).unwrap(), first);
    // Of a single file, its name is the file's.
    let single = archived(&stage, &["one.yaml"]);
    stage.write("single.tar", &single);
    assert_eq!(archived(&stage, &["single.tar"]), single);

    let dated = |seconds: &str| {
        let mut command = assay(&stage.0);
        command.args(["archive", "small", "-o", "-"]).env("SOURCE_DATE_EPOCH", seconds).output().unwrap()
    };
    let with_time = dated("1000000000").stdout;
    assert_eq!(&with_time[136..148], b"07346545000\0");
    for (seconds, what) in [("soon", "must be seconds since 1970"), ("-1", "no room for the moment -1")] {
        let found: Run = dated(seconds).into();
        assert_eq!((found.code, found.stdout.as_str()), (2, ""));
        assert!(found.stderr.contains(what), "{}", found.stderr);
    }
}

#[test]
fn gnu_tar_lists_and_extracts_it() {
    let stage = stage();
    let deep = format!("controls/{0}/{0}/a.yaml", "long-".repeat(14));
    stage.write(
        &format!("small/{deep}"),
        "schema: 1\ncontrols: [{id: deep, checks: [{file: /x, expect: {exist: true}}]}]\n",
    );
    stage.write("in.yaml", "text: given\n");
    stage.write("waived.csv", "control_id,justification\nother,why\n");
    let made = run(&stage.0, ["archive", "small", "--input-file", "in.yaml", "--waiver-file", "waived.csv"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(made.stdout.starts_with("small.tar: small 1.2.3, 1 input file, 1 waiver file, sha256 "), "{}", made.stdout);
    let Ok(listed) =
        Command::new("tar").args(["--list", "--verbose", "--file", "small.tar"]).current_dir(&stage.0).output()
    else {
        return skipped("gnu_tar_lists_and_extracts_it", "tar");
    };
    let listed: Run = listed.into();
    assert_eq!((listed.code, listed.stderr.as_str()), (0, ""));
    let names: Vec<&str> = listed.stdout.lines().filter_map(|line| line.split_whitespace().last()).collect();
    let deep_member = format!("profile/{deep}");
    let expected =
        ["inputs/1-in.yaml", "profile/profile.yaml", "profile/controls/a.yaml", &deep_member, "waivers/1-waived.csv"];
    assert_eq!(names, expected);
    assert!(listed.stdout.lines().all(|line| line.starts_with("-rw-r--r-- 0/0")), "{}", listed.stdout);
    let extracted = Command::new("tar").args(["--extract", "--file", "small.tar"]).current_dir(&stage.0).status();
    assert!(extracted.unwrap().success());
    for (member, original) in
        [(deep_member.as_str(), format!("small/{deep}")), ("inputs/1-in.yaml", "in.yaml".to_owned())]
    {
        assert_eq!(fs::read(stage.path(member)).unwrap(), fs::read(stage.path(&original)).unwrap());
    }
    // And what GNU tar makes of that in the plain format is read, folders included.
    let folders = ["--format=ustar", "--create", "--file", "other.tar", "inputs", "profile", "waivers"];
    assert!(Command::new("tar").args(folders).current_dir(&stage.0).status().unwrap().success());
    let checked = run(&stage.0, ["check", "other.tar"]);
    assert_eq!(
        (checked.code, checked.stdout.as_str()),
        (0, "small 1.2.3: 3 controls, no errors\n"),
        "{}",
        checked.stderr
    );
    // Its own format by default is not.
    let default = ["--format=gnu", "--create", "--file", "gnu.tar", "profile"];
    assert!(Command::new("tar").args(default).current_dir(&stage.0).status().unwrap().success());
    let refused = run(&stage.0, ["check", "gnu.tar"]);
    assert_eq!(refused.code, 102);
    assert!(
        refused
            .stderr
            .contains("gnu.tar cannot be read as an archive of a profile: it has a header that is not ustar's")
    );
}

#[test]
fn an_archive_is_taken_wherever_a_profile_is() {
    let stage = stage();
    let bytes = archived(&stage, &["small"]);
    stage.write("small.tar", &bytes);
    stage.write("any-name", archived(&stage, &["one.yaml"]));
    let folder = run(&stage.0, ["scan", "small"].iter().chain(&SCAN));
    let digest = |report: &str| serde_json::from_str::<Value>(report).unwrap()["profiles"][0]["sha256"].clone();
    assert_eq!(folder.code, 100, "{}", folder.stderr);

    let file = run(&stage.0, ["scan", "small.tar"].iter().chain(&SCAN));
    let input = piped(&stage, &[&["scan", "-"], &SCAN[..]].concat(), &bytes);
    let variable: Run =
        assay(&stage.0).arg("scan").args(SCAN).env("ASSAY_PROFILE", "small.tar").output().unwrap().into();
    for found in [&file, &input, &variable] {
        assert_eq!((found.code, digest(&found.stdout)), (100, digest(&folder.stdout)), "{}", found.stderr);
    }
    assert!(input.stdout.contains("\"ref\":\"<stdin>:profile/controls/a.yaml\""), "{}", input.stdout);

    let framed = piped(&stage, &[&["scan", "-", "--framed"], &SCAN[..]].concat(), &bytes);
    let (head, report) = framed.stdout.split_once('\n').unwrap();
    assert!(head.starts_with(&format!("assay-frame 1 {} sha256:", report.len())), "{head}");

    // Several, beside a folder and a single file; one by its content, whatever its name.
    let several = run(&stage.0, ["check", "small.tar", "any-name"]);
    assert_eq!(
        several.stdout, "small 1.2.3: 2 controls, no errors\none : 1 control, no errors\n",
        "{}",
        several.stderr
    );
    let checked = piped(&stage, &["check", "-", "--format", "json"], &bytes);
    assert_eq!(checked.code, 0, "{}", checked.stderr);

    // Files are read in the order of a walk through folders.
    for name in ["a", "a-b", "a/x", "a.b", "b"] {
        let id = name.replace(['/', '.'], "-in-");
        let control = format!("schema: 1\ncontrols: [{{id: {id}, checks: [{{file: /x, expect: {{exist: true}}}}]}}]\n");
        stage.write(&format!("ordered/controls/{name}.yaml"), control);
    }
    stage.write("ordered/profile.yaml", MAIN);
    stage.write("ordered.tar", self::archived(&stage, &["ordered"]));
    let [folder, archive] =
        ["ordered", "ordered.tar"].map(|given| run(&stage.0, ["check", given, "--format", "json"]).stdout);
    assert_eq!(folder, archive);

    // A single file in an archive is a profile in a single file, with the same digest.
    let [single, archived] = ["one.yaml", "any-name"].map(|one| run(&stage.0, ["scan", one].iter().chain(&SCAN)));
    assert_eq!((archived.code, digest(&archived.stdout)), (single.code, digest(&single.stdout)));

    let tested = run(&stage.0, ["test", "small.tar"]);
    assert_eq!(tested.code, 102);
    assert!(tested.stderr.contains("profile small.tar has no tests"), "{}", tested.stderr);
}

#[test]
fn inputs_and_waivers_lie_beside_it() {
    let stage = stage();
    stage.write("a/in.yaml", "text: first\n");
    stage.write("b/in.yaml", "text: given\n");
    stage.write("waivers.yaml", "other: {justification: known, run: no}\n");
    let archive = ["small", "--input-file", "a/in.yaml", "b/in.yaml", "--waiver-file", "waivers.yaml"];
    let bytes = archived(&stage, &archive);
    stage.write("small.tar", &bytes);
    let scan = |more: &[&str]| {
        let found = run(&stage.0, ["scan", "small.tar"].iter().chain(more).chain(&SCAN));
        assert!(found.stdout.starts_with('{'), "{}", found.stderr);
        found.stdout
    };
    let report = scan(&[]);
    assert_eq!(statuses(&report, "text"), ["passed"], "the later one wins");
    assert_eq!(statuses(&report, "other"), ["skipped"]);
    // The report names them with their digests.
    let files: Value = serde_json::from_str::<Value>(&report).unwrap()["passthrough"]["assay"]["files"].clone();
    let named: Vec<(&str, &str)> = files
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (file["role"].as_str().unwrap(), file["path"].as_str().unwrap()))
        .collect();
    let expected = [
        ("input file", "small.tar:inputs/1-in.yaml"),
        ("input file", "small.tar:inputs/2-in.yaml"),
        ("waiver file", "small.tar:waivers/1-waivers.yaml"),
    ];
    assert_eq!(named, expected);

    // The command line comes later.
    assert_eq!(statuses(&scan(&["--input-file", "a/in.yaml"]), "text"), ["failed"]);
    assert_eq!(statuses(&scan(&["--input-file", "a/in.yaml", "--input", "text=given"]), "text"), ["passed"]);
    stage.write("run.csv", "control_id,justification,run\nother,known,yes\n");
    assert_eq!(statuses(&scan(&["--waiver-file", "run.csv"]), "other"), ["failed"]);

    // So it does for an archive of the archive.
    stage.write("more.tar", archived(&stage, &["small.tar", "--input-file", "a/in.yaml", "--waiver-file", "run.csv"]));
    let found = run(&stage.0, ["scan", "more.tar"].iter().chain(&SCAN));
    assert_eq!(statuses(&found.stdout, "text"), ["failed"]);
    assert_eq!(statuses(&found.stdout, "other"), ["failed"]);
    assert!(found.stdout.contains("more.tar:inputs/3-in.yaml") && found.stdout.contains("more.tar:waivers/2-run.csv"));
}

#[test]
fn what_is_wrong_is_refused_as_assay_check_does() {
    let stage = stage();
    stage.write("wrong/profile.yaml", MAIN);
    stage.write("wrong/controls/a.yaml", CONTROLS.replace("exist: true", "exists: true"));
    let [checked, found] = ["check", "archive"].map(|command| run(&stage.0, [command, "wrong"]));
    assert_eq!((found.code, found.stdout.as_str(), &found.stderr), (102, "", &checked.stderr));
    assert!(found.stderr.contains("--> wrong/controls/a.yaml:7:"), "{}", found.stderr);
    stage.write("inputs.yaml", "text: [list]\n");
    stage.write("waivers.yaml", "other: {run: no}\n");
    for (option, file, what) in [
        ("--input-file", "inputs.yaml", "--> inputs.yaml:1:7"),
        ("--input-file", "missing.yaml", "input file missing.yaml cannot be read"),
        ("--waiver-file", "waivers.yaml", "the waiver of `other` needs a justification"),
        ("--waiver-file", "missing.yaml", "waiver file missing.yaml cannot be read"),
    ] {
        let found = run(&stage.0, ["archive", "small", option, file]);
        assert_eq!((found.code, found.stdout.as_str()), (2, ""));
        assert!(found.stderr.contains(what), "{}", found.stderr);
    }
    assert!(!stage.path("small.tar").exists() && !stage.path("wrong.tar").exists());
    // A name that no archive is read with.
    stage.write(
        "small/controls/a\nb.yaml",
        "schema: 1\ncontrols: [{id: x, checks: [{file: /x, expect: {exist: true}}]}]\n",
    );
    let found = run(&stage.0, ["archive", "small"]);
    assert_eq!(found.code, 102);
    assert!(found.stderr.contains("`profile/controls/a\\nb.yaml`: a name with control characters"), "{}", found.stderr);
    fs::remove_file(stage.path("small/controls/a\nb.yaml")).unwrap();
    let long = "x".repeat(120);
    stage.write(&format!("small/controls/{long}.yaml"), "schema: 1\ncontrols: []\n");
    assert_eq!(run(&stage.0, ["archive", "small"]).code, 102);
}

#[test]
fn messages_name_the_place_in_the_archive() {
    let stage = Scratch::new();
    let controls = CONTROLS.replace("exist: true", "exists: true");
    let wrong = ustar(&[file("profile/profile.yaml", MAIN), file("profile/controls/a.yaml", controls)]);
    stage.write("dir/x.tar", &wrong);
    let found = run(&stage.0, ["check", "dir/x.tar"]);
    assert_eq!(found.code, 102);
    assert!(found.stderr.contains(" --> dir/x.tar:profile/controls/a.yaml:7:"), "{}", found.stderr);
    let found = piped(&stage, &["check", "-"], &wrong);
    assert_eq!(found.code, 102);
    assert!(found.stderr.contains(" --> <stdin>:profile/controls/a.yaml:7:"), "{}", found.stderr);

    let given = |name: &str, text: &str| ustar(&[sound(), vec![file(name, text)]].concat());
    for (bytes, what) in [
        (given("inputs/1-x.yaml", "text: [list]\n"), " --> <stdin>:inputs/1-x.yaml:1:7"),
        (given("waivers/1-x.yaml", "other: {run: no}\n"), " --> <stdin>:waivers/1-x.yaml:1:8"),
        (given("waivers/1-x.csv", "id\n1\n"), "<stdin>:waivers/1-x.csv:1: the columns control_id"),
    ] {
        for command in [&["check", "-"][..], &["scan", "-", "--rootfs", "."]] {
            let found = piped(&stage, command, &bytes);
            assert_eq!((found.code, found.stdout.as_str()), (2, ""), "{command:?}: {}", found.stderr);
            assert!(found.stderr.contains(what), "{}", found.stderr);
        }
    }
    let bytes = ustar(&[file("profile/profile.yaml", MAIN), file("profile/controls/a.yaml", b"schema: 1\n\xff")]);
    let found = piped(&stage, &["check", "-"], &bytes);
    assert_eq!(found.code, 102);
    assert!(found.stderr.contains("<stdin>:profile/controls/a.yaml:2: not UTF-8"), "{}", found.stderr);
}

#[test]
fn other_archives_are_refused() {
    let with = |member: Member| ustar(&[sound(), vec![member]].concat());
    let changed = |at: usize, bytes: &[u8]| {
        let mut archive = ustar(&sound());
        archive[at..at + bytes.len()].copy_from_slice(bytes);
        archive
    };
    let mended = |at: usize, bytes: &[u8]| {
        let mut archive = changed(at, bytes);
        archive[148..156].fill(b' ');
        let sum: u32 = archive[..512].iter().map(|byte| u32::from(*byte)).sum();
        archive[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive
    };
    let whole = ustar(&sound());
    let large = Member { size: Some((16 << 20) + 1), ..file("profile/controls/b.yaml", "") };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        // Names.
        (with(file("profile/../x.yaml", "")), "`profile/../x.yaml`: a name with `..`"),
        (with(file("profile/controls/../../x.yaml", "")), "a name with `..`"),
        (with(file("/profile/controls/x.yaml", "")), "`/profile/controls/x.yaml`: an absolute name"),
        (with(file("./profile/controls/x.yaml", "")), "a name with an empty part"),
        (with(file("profile//controls/x.yaml", "")), "a name with an empty part"),
        (with(file("", "")), "``: a name with an empty part"),
        (with(file("profile/controls/x.yaml/", "")), "a name with an empty part"),
        (
            with(file("profile/controls/\x1b[31mx.yaml", "")),
            r"`profile/controls/\u{1b}[31mx.yaml`: a name with control",
        ),
        (with(file(b"profile/controls/\xff.yaml", "")), "it has a name that is no text"),
        (mended(30, b"x"), "it has a name that is no text"),
        // What does not belong there.
        (with(file("README.md", "")), "`README.md`: no part of a profile, and neither inputs nor waivers"),
        (with(file("profile/README.md", "")), "`profile/README.md`: no part of a profile"),
        (with(file("profile/profile.yml", MAIN)), "`profile/profile.yml`: no part of a profile"),
        (with(file("profile/tests/x.yaml", "")), "`profile/tests/x.yaml`: no part of a profile"),
        (with(file("profile/controls/x.txt", "")), "`profile/controls/x.txt`: no part of a profile"),
        (with(file(format!("profile/controls{}/x.yaml", "/d".repeat(16)), "")), "no part of a profile"),
        (with(file("profile", "")), "`profile`: no part of a profile"),
        (with(folder("etc")), "`etc`: no part of a profile"),
        (with(folder("profile/other")), "`profile/other`: no part of a profile"),
        (with(file("inputs/x.yaml", "")), "`inputs/x.yaml`: its name does not begin with a number and a hyphen"),
        (with(file("inputs/01-x.yaml", "")), "does not begin with a number"),
        (with(file("inputs/+1-x.yaml", "")), "does not begin with a number"),
        (with(file("inputs/1-", "")), "does not begin with a number"),
        (with(file("inputs/1-a/x.yaml", "")), "does not begin with a number"),
        (with(file("inputs/2-x.yaml", "")), "the files in inputs are not numbered from 1 on, so one may be missing"),
        (with(file("waivers/0-x.yaml", "")), "does not begin with a number"),
        (
            ustar(&[sound(), vec![file("inputs/1-a.yaml", ""), file("inputs/1-b.yaml", "")]].concat()),
            "`inputs/1-b.yaml`: another one has its number",
        ),
        // Twice, or two things at once.
        (with(file("profile/controls/a.yaml", "")), "`profile/controls/a.yaml`: it is there twice"),
        (ustar(&[vec![folder("profile/"); 2], sound()].concat()), "`profile`: it is there twice"),
        (with(file("profile/controls/a.yaml/b.yaml", "")), "`profile/controls/a.yaml/b.yaml`: it lies below a file"),
        // What is neither a file nor a folder, and extensions.
        (with(symlink("profile/controls/x.yaml", "a.yaml")), "`profile/controls/x.yaml`: neither a file nor a folder"),
        (with(hard_link("profile/controls/x.yaml", "profile/controls/a.yaml")), "neither a file nor a folder"),
        (with(special(b'3', "profile/controls/x.yaml")), "neither a file nor a folder"),
        (with(special(b'7', "profile/controls/x.yaml")), "neither a file nor a folder"),
        (with(special(0, "profile/controls/x.yaml")), "neither a file nor a folder"),
        (with(special(b'g', "profile/controls/x.yaml")), "neither a file nor a folder"),
        (
            with(file("profile/controls/x.yaml", "").pax("path", "profile/controls/y.yaml")),
            "neither a file nor a folder",
        ),
        (
            with(Member { link: b"x".to_vec(), ..file("profile/controls/x.yaml", "") }),
            "`profile/controls/x.yaml`: a link",
        ),
        (with(Member { content: b"x".to_vec(), ..folder("inputs") }), "`inputs`: a folder that has a content"),
        // Sizes and sums.
        (with(large), "`profile/controls/b.yaml`: larger than 16 MiB"),
        (with(Member { size: Some(1 << 40), ..file("profile/controls/b.yaml", "") }), "its size is no number"),
        (with(Member { size: Some(5000), ..file("profile/controls/b.yaml", "") }), "it ends too early"),
        (mended(124, b"-"), "its size is no number"),
        (mended(124, b"           \0"), "its size is no number"),
        (changed(0, b"P"), "it has a header whose checksum is wrong"),
        (mended(257, b"ustar  \0"), "it has a header that is not ustar's"),
        (mended(263, b"01"), "it has a header that is not ustar's"),
        (changed(512 + MAIN.len(), b"x"), "`profile/profile.yaml`: something stands behind its end"),
        // The end.
        (whole[..whole.len() - 512].to_vec(), "it ends too early"),
        (whole[..whole.len() - 1024].to_vec(), "it ends too early"),
        (whole[..600].to_vec(), "it ends too early"),
        ([&whole[..], b"x"].concat(), "something stands behind its end"),
        ([&whole[..], &whole[..]].concat(), "something stands behind its end"),
        ([&whole[..whole.len() - 512], &whole[..]].concat(), "something stands behind its end"),
        // No profile.
        (ustar(&[file("inputs/1-x.yaml", "")]), "it has no profile/profile.yaml"),
        (ustar(&[file("profile/controls/a.yaml", CONTROLS)]), "it has no profile/profile.yaml"),
        (
            ustar(&[file("profile/main.yaml", MAIN), file("profile/controls/a.yaml", CONTROLS)]),
            "it has no profile/profile.yaml",
        ),
    ];
    let stage = Scratch::new();
    stage.write("root/etc/conf", "");
    for (bytes, what) in cases {
        for command in [&["scan", "-", "--rootfs", "root"][..], &["check", "-"], &["archive", "-", "-o", "-"]] {
            let found = piped(&stage, command, &bytes);
            assert_eq!((found.code, found.stdout.as_str()), (102, ""), "{command:?} {what}: {}", found.stderr);
            let message = format!("error: <stdin> cannot be read as an archive of a profile: {what}");
            let (start, rest) = message.split_once(what).unwrap();
            assert!(found.stderr.starts_with(start) && found.stderr.contains(what), "{what}{rest}: {}", found.stderr);
            assert!(found.stderr.contains("help: `assay archive PROFILE` makes one"), "{}", found.stderr);
        }
    }
    // What is sound is taken: folders written down, padding by whole records, members in any order.
    let folders = ["inputs/", "profile", "profile/controls/", "profile/controls/deeper/"].map(folder);
    let mut more = ustar(&[sound().into_iter().rev().collect(), folders.to_vec()].concat());
    more.resize(more.len().next_multiple_of(10_240), 0);
    let found = piped(&stage, &["check", "-"], &more);
    assert_eq!((found.code, found.stdout.as_str()), (0, "small 1.2.3: 2 controls, no errors\n"), "{}", found.stderr);
}

#[test]
fn a_text_is_no_archive() {
    let stage = Scratch::new();
    let before = "schema: 1\nname: one\n";
    let text =
        format!("{before}{:#<1$}ustar\n{2}", "", 257 - before.len(), SINGLE.split_once("name: one\n").unwrap().1);
    assert_eq!(&text[257..262], "ustar");
    let found = piped(&stage, &["check", "-"], text.as_bytes());
    assert_eq!(found.code, 0, "{}", found.stderr);
}

#[test]
fn a_file_that_is_there_stays() {
    let stage = stage();
    stage.write("small.tar", "precious");
    let found = run(&stage.0, ["archive", "small"]);
    assert_eq!((found.code, found.stdout.as_str()), (2, ""));
    assert!(found.stderr.contains("small.tar is there already; --force replaces it"), "{}", found.stderr);
    assert_eq!(fs::read_to_string(stage.path("small.tar")).unwrap(), "precious");
    let found = run(&stage.0, ["archive", "small", "--force"]);
    assert_eq!(found.code, 0, "{}", found.stderr);
    let mode = fs::metadata(stage.path("small.tar")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "inputs may be nobody else's business");
    assert_eq!(run(&stage.0, ["check", "small.tar"]).code, 0);
    for (place, what) in [("root", "it is a folder"), ("no/such.tar", "the folder no does not exist")] {
        let found = run(&stage.0, ["archive", "small", "-o", place]);
        assert_eq!(found.code, 2);
        assert!(found.stderr.contains(what), "{}", found.stderr);
    }
    let found = run(&stage.0, ["archive", "small", "-o", "/dev/full"]);
    assert_eq!((found.code, found.stdout.as_str()), (1, ""));
    assert!(found.stderr.contains("cannot write /dev/full"), "{}", found.stderr);
    // Nothing but what was asked for is left behind.
    let names = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("tmp"))
            .collect()
    };
    assert!(names(&stage.0).is_empty());

    stage.write("odd/profile.yaml", MAIN.replace("small", "../odd"));
    stage.write("odd/controls/a.yaml", CONTROLS);
    let found = run(&stage.0, ["archive", "odd"]);
    assert_eq!(found.code, 2);
    assert!(
        found.stderr.contains("the name of profile ../odd makes no file name; give one: -o FILE.tar"),
        "{}",
        found.stderr
    );
    let found = run(&stage.0, ["archive", "odd", "-o", "odd.tar"]);
    assert_eq!(found.code, 0, "{}", found.stderr);
}
