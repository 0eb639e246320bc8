//! What readers of each report rely on, and `assay report`, which renders HDF again. `tests/golden.rs` holds the bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, reason = "a test makes and reads its own files")]

mod fixture;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use fixture::{Run, Scratch, assay, repository, run};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const FORMATS: [&str; 8] = ["cli", "html", "json", "json-min", "junit", "markdown", "sarif", "yaml"];

fn golden(name: &str) -> PathBuf {
    repository("tests/golden").join(name)
}

fn json_of(path: PathBuf) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Renders a file of results in one format.
fn render(scratch: &Scratch, hdf: &str, format: &str) -> String {
    let found = run(&scratch.0, ["report", hdf, "--reporter", format]);
    assert_eq!((found.code, found.stderr.as_str()), (0, ""), "{hdf} {format}");
    found.stdout
}

/// HDF with these controls, in a file.
fn hdf(scratch: &Scratch, controls: &[Value]) -> String {
    let hdf = json!({
        "platform": { "name": "debian", "release": "12" },
        "profiles": [{
            "name": "made", "sha256": "", "supports": [], "attributes": [], "groups": [], "controls": controls,
        }],
        "statistics": {},
        "version": "1",
    });
    scratch.write("made.json", hdf.to_string());
    "made.json".to_owned()
}

fn control(id: &str, impact: f64, results: Value) -> Value {
    json!({
        "id": id, "title": id, "impact": impact, "refs": [], "tags": {}, "code": "", "results": results,
        "source_location": { "ref": "controls/a.rb", "line": 3 },
    })
}

fn result(status: &str, description: &str, message: &str) -> Value {
    json!({ "status": status, "code_desc": description, "message": message, "start_time": "2020-02-03T04:05:06+00:00" })
}

/// A schema that CI lays ready; docs/reports.md says where they come from.
fn schema(test: &str, name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("ASSAY_SCHEMAS").filter(|folder| !folder.is_empty());
    let found = folder.map(|folder| PathBuf::from(folder).join(name)).filter(|path| path.is_file());
    if found.is_none() {
        fixture::skipped(test, &format!("{name} in the folder ASSAY_SCHEMAS"));
    }
    found
}

/// Whether a program with these arguments runs at all.
fn runs(test: &str, program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let runs = status.is_ok_and(|status| status.success());
    if !runs {
        fixture::skipped(test, &format!("`{program} {}`", arguments.join(" ")));
    }
    runs
}

/// Results with text wherever a text can be that tries to be more than text: to terminals, XML, HTML, Markdown, SARIF.
fn hostile() -> String {
    repository("tests/browser/hostile.json").to_str().unwrap().to_owned()
}

/// Results that hold everything, from assay and from InSpec, to be validated.
fn all_results() -> Vec<String> {
    let mut files: Vec<String> = fs::read_dir(repository("tests/golden"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| path.to_str().unwrap().to_owned())
        .collect();
    files.push(hostile());
    assert!(files.len() > 10, "{files:?}");
    files
}

#[test]
fn a_report_from_hdf_is_that_of_the_scan() {
    let scratch = Scratch::new();
    let profile = "schema: 1\nname: small\ntitle: Small\nversion: 1.0.0\ncontrols:\n\
                   - {id: a, title: There, impact: critical, tags: {z: 1, nist: [AC-3], a: x}, checks: [{file: /a, expect: {exist: true}}]}\n\
                   - {id: b, title: Not there, desc: Why., checks: [{file: /b, expect: {exist: true}}]}\n\
                   - {id: c, title: N/A, applicable_if: {file: /b, expect: {exist: true}}, impact: high, checks: [{file: /b, expect: {exist: true}}]}\n\
                   - {id: d, title: Waived, checks: [{file: /b, expect: {exist: true}}]}\n\
                   - {id: e, title: Broken, checks: [{file: /, expect: {content: {match: x}}}]}\n\
                   - {id: f, title: People, checks: [{manual: Ask.}]}\n";
    scratch.write("small.yaml", profile);
    scratch.write("root/a", "");
    scratch.write("waivers.yaml", "d: {justification: Known., run: false, expiration_date: 2100-01-01}\n");
    scratch.write("threshold.yaml", "failed: {total: {max: 0}}\n");
    for threshold in [&[][..], &["--threshold", "threshold.yaml"]] {
        let scan = |format: &str| {
            let mut command = assay(&scratch.0);
            command.env("SOURCE_DATE_EPOCH", "1000000000").args(["scan", "small.yaml", "--rootfs", "root"]);
            command.args(["--waiver-file", "waivers.yaml", "--reporter", format]).args(threshold);
            Run::from(command.output().unwrap()).stdout
        };
        scratch.write("results.json", scan("json"));
        for format in FORMATS {
            assert_eq!(render(&scratch, "results.json", format), scan(format), "{format}");
        }
    }
}

#[test]
fn several_reports_of_one_file() {
    let scratch = Scratch::new();
    let hdf = golden("outcomes.json");
    let arguments = ["--reporter", "cli", "html:a.html", "junit:a.xml", "sarif:a.sarif", "markdown:a.md"];
    let found = run(&scratch.0, ["report", hdf.to_str().unwrap()].iter().chain(&arguments));
    assert_eq!(found.code, 0, "failed controls were told by the scan: {}", found.stderr);
    assert_eq!(found.stdout, fs::read_to_string(golden("outcomes.txt")).unwrap());
    for (file, wanted) in [
        ("a.html", "outcomes.html"),
        ("a.xml", "outcomes.junit.xml"),
        ("a.sarif", "outcomes.sarif"),
        ("a.md", "outcomes.md"),
    ] {
        assert_eq!(fs::read_to_string(scratch.path(file)).unwrap(), fs::read_to_string(golden(wanted)).unwrap());
    }
}

/// HDF of a running container, as a scan with `--accept-root` writes it.
fn of_a_container() -> Value {
    let protection = json!({
        "process": { "in_force": true, "is": "not dumpable, no new privileges" },
        "memory": { "in_force": true, "is": "at most 33554432 bytes of data" },
        "landlock": { "in_force": false, "is": "missing" },
    });
    json!({
        "location": "containerd://0123, process 7",
        "assurance": "live, same user",
        "live": {
            "pid": 7, "uid": 65532, "gid": 65532, "started_ticks": 4711, "container_id": "0123", "pod_uid": "pod-1",
            "container_name": "<app>|\u{1b}[2J", "user_namespace": "user:[4026531837]", "mount_namespace": "mnt:[1]",
            "root_mount": { "mount_id": 12, "filesystem": "overlay", "root": "/" },
            "root_device": "0:52", "root_inode": 3, "found_by_hint": true, "accepted_doubts": ["a tmpfs", "no mount"],
            "processes_with_another_root": [8, 9], "processes_with_unseen_root": 1, "protection": protection,
            "accepted_observers": ["process 5 traces the scanner"],
        },
    })
}

/// The facts of it, as every report has them.
const OF_A_CONTAINER: [(&str, &str); 16] = [
    ("assurance", "live, same user"),
    ("process", "7 of 65532:65532, started at tick 4711"),
    ("container_id", "0123"),
    ("pod_uid", "pod-1"),
    ("container_name", "<app>|\\u{1b}[2J"),
    ("user_namespace", "user:[4026531837]"),
    ("mount_namespace", "mnt:[1]"),
    ("root_mount", "overlay, / of it, mount 12"),
    ("root", "inode 3 of device 0:52"),
    ("found_by_hint", "yes: by what the container's owner chooses"),
    ("accepted_root", "a tmpfs; no mount"),
    ("accepted_scanner", "process 5 traces the scanner"),
    ("processes_with_another_root", "2"),
    ("processes_with_unseen_root", "1"),
    ("protected_by", "memory, process"),
    ("not_protected_by", "landlock (missing)"),
];

#[test]
fn every_report_says_how_far_it_can_be_trusted() {
    let scratch = Scratch::new();
    let file = hdf(&scratch, &[control("a", 0.5, json!([result("passed", "d", "")]))]);
    let plain: Vec<String> = FORMATS.iter().map(|format| render(&scratch, &file, format)).collect();
    assert!(plain.iter().all(|report| !report.contains("ssurance")), "results of others do not say");
    let mut full = json_of(scratch.path(&file));
    full["passthrough"] = json!({ "assay": { "target": of_a_container() } });
    scratch.write(&file, full.to_string());

    let escaped = |text: &str| text.replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;");
    let (html, junit) = (render(&scratch, &file, "html"), render(&scratch, &file, "junit"));
    let sarif: Value = serde_json::from_str(&render(&scratch, &file, "sarif")).unwrap();
    for (name, words) in OF_A_CONTAINER {
        let mut label = name.replace('_', " ");
        label[..1].make_ascii_uppercase();
        let row = format!("<dt>{label}</dt><dd>{}</dd>", escaped(words));
        assert!(html.contains(&row), "{row}\n{html}");
        let property = format!("<property name=\"{name}\" value=\"{}\"/>", escaped(words));
        assert!(junit.contains(&property), "{property}\n{junit}");
        assert_eq!(sarif["runs"][0]["properties"][name], words);
    }
    let proves = "but not change; who controls its files could show clean ones meanwhile";
    for format in ["cli", "html", "junit", "markdown", "sarif"] {
        assert!(render(&scratch, &file, format).contains(proves), "{format}");
    }
    let markdown = render(&scratch, &file, "markdown");
    let identity = markdown.lines().find(|line| line.starts_with("- **Identity:** process 7 of 65532")).unwrap();
    assert!(identity.contains("container id 0123; pod uid pod"), "{markdown}");
    assert!(!identity.contains("<app>") && identity.contains("app"), "{markdown}");
    assert!(markdown.contains("- **Accepted root:** it may not be the container's: a tmpfs\n"), "{markdown}");
    assert!(render(&scratch, &file, "cli").contains("Accepted:  a root that may not be the container's: no mount\n"));

    // What stands for a container's root by somebody's word alone meets nothing.
    let check = run(&scratch.0, ["threshold", "check", "-i", &file, "-I", "compliance.min: 0"]);
    assert_eq!(check.code, 103, "{}", check.stderr);
    assert!(check.stderr.contains("the root may not be the container's (--accept-root)"), "{}", check.stderr);

    // Facts of another shape are left out.
    full["passthrough"]["assay"]["target"] =
        json!({ "assurance": 1, "live": { "pid": "7", "root_device": 3, "protection": [], "accepted_doubts": {} } });
    scratch.write(&file, full.to_string());
    for format in FORMATS {
        render(&scratch, &file, format);
    }
}

/// Files of InSpec's format, each with one thing that is odd (tests/oracle/saf): rendered, or refused with a reason, as
/// `assay threshold check` does.
#[test]
fn results_of_inspec_are_rendered_or_refused() {
    let scratch = Scratch::new();
    let (mut files, mut rendered) = (0, 0);
    let mut refused = BTreeSet::new();
    for entry in fs::read_dir(repository("tests/oracle/saf/hdf")).unwrap() {
        let path = entry.unwrap().path();
        let (path, name) = (path.to_str().unwrap(), path.file_stem().unwrap().to_str().unwrap().to_owned());
        files += 1;
        let counted = run(&scratch.0, ["threshold", "check", "-i", path, "-I", "compliance.min: 0"]);
        for format in FORMATS {
            let found = run(&scratch.0, ["report", path, "--reporter", format]);
            assert_eq!(found.code, counted.code, "{name} {format}: {}", found.stderr);
            if found.code == 0 {
                rendered += 1;
                assert!(!found.stdout.is_empty() && found.stderr.is_empty(), "{name} {format}");
            } else {
                assert_eq!((found.code, found.stdout.as_str()), (2, ""));
                assert!(found.stderr.starts_with(&format!("error: results {path}: ")), "{}", found.stderr);
                refused.insert(name.clone());
            }
        }
    }
    assert_eq!((files, rendered), (62, (62 - refused.len()) * FORMATS.len()));
    let wanted = [
        "bad_status",
        "imp_null",
        "imp_str",
        "no_profiles",
        "omit_attributes",
        "omit_code_desc",
        "omit_refs",
        "omit_release",
        "omit_sha256",
        "omit_srcloc",
        "omit_start_time",
        "omit_statistics",
        "omit_supports",
        "prof_failed",
        "sev_tag_number",
    ];
    assert_eq!(refused.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
}

#[test]
fn what_cannot_be_rendered_says_why() {
    let scratch = Scratch::new();
    scratch.write("text", "hello");
    let hdf = golden("outcomes.json");
    scratch.write("twice", fs::read_to_string(&hdf).unwrap().replacen('{', "{\"version\": \"1\", ", 1));
    for (arguments, part) in [
        (vec!["none.json"], "none.json cannot be read"),
        (vec!["text"], "not JSON"),
        (vec!["twice"], "not HDF: duplicate entry with key \"version\""),
        (vec![hdf.to_str().unwrap(), "--reporter", "hmtl"], "did you mean `html`?"),
        (vec![hdf.to_str().unwrap(), "--reporter", "html:none/a.html"], "the folder none does not exist"),
        (vec![hdf.to_str().unwrap(), "--reporter", "html", "junit"], "two reporters write to standard output"),
    ] {
        let found = run(&scratch.0, ["report"].iter().chain(&arguments));
        assert_eq!((found.code, found.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(found.stderr.contains(part), "{arguments:?}: {}", found.stderr);
    }
}

#[test]
fn yaml_holds_what_json_holds() {
    let scratch = Scratch::new();
    for file in all_results() {
        let yaml = render(&scratch, &file, "yaml");
        let read: Value = serde_yaml::from_str(&yaml).unwrap();
        assert_eq!(read, json_of(PathBuf::from(&file)), "{file}");
    }
}

/// Words that YAML 1.1 takes for truths, numbers, dates and marks; PyYAML and Ruby still read it so.
#[test]
fn yaml_is_the_same_to_old_readers() {
    let test = "yaml_is_the_same_to_old_readers";
    if !runs(test, "python3", &["-c", "import yaml"]) {
        return;
    }
    let scratch = Scratch::new();
    let odd =
        "yes no on off y N ~ null = << 0644 0o17 1_000 12:30 2001-01-01 1e3 .inf .5 - ? # ! % @ ` | > --- ... {} []";
    let mut odd: Vec<&str> = odd.split(' ').collect();
    odd.extend([
        "",
        " ",
        "a: b",
        "a #b",
        "a\nb",
        "a\nb\n",
        "a\n\n b\n\n",
        " a\nb",
        "\n",
        "a\n\u{85}",
        "\u{2028}",
        "\t",
        "\0",
        "\u{feff}",
    ]);
    let mut control = control("a", 1e-7, json!([result("passed", "d", "")]));
    control["tags"] = odd.iter().map(|word| ((*word).to_owned(), json!([word]))).collect();
    let file = hdf(&scratch, &[control]);
    let yaml = scratch.write("made.yaml", render(&scratch, &file, "yaml"));
    let script = "import json, sys, yaml\n\
                  sys.exit(0 if json.load(open(sys.argv[1])) == yaml.safe_load(open(sys.argv[2], newline='')) else 'differs')";
    let output = Command::new("python3").args(["-c", script]).args([&scratch.path(&file), &yaml]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn json_min_has_a_row_for_each_result() {
    let scratch = Scratch::new();
    let full = json_of(golden("outcomes.json"));
    let min: Value =
        serde_json::from_str(&render(&scratch, golden("outcomes.json").to_str().unwrap(), "json-min")).unwrap();
    let profile = &full["profiles"][0];
    let mut wanted = Vec::new();
    for control in profile["controls"].as_array().unwrap() {
        for result in control["results"].as_array().unwrap() {
            let mut row = result.clone();
            let map = row.as_object_mut().unwrap();
            for key in ["run_time", "start_time", "resource_class"] {
                map.remove(key);
            }
            map.insert("id".into(), control["id"].clone());
            map.insert("profile_id".into(), profile["name"].clone());
            map.insert("profile_sha256".into(), profile["sha256"].clone());
            wanted.push(row);
        }
    }
    assert_eq!(min["controls"].as_array().unwrap(), &wanted);
    assert_eq!((&min["version"], &min["statistics"]["duration"]), (&full["version"], &json!(0.0)));
}

/// A flag that JavaScript takes for true: any text that is not empty.
#[test]
fn a_waiver_is_read_as_inspecjs_reads_it() {
    let scratch = Scratch::new();
    for (flag, status) in [
        (json!(true), "1 not applicable"),
        (json!("false"), "1 not applicable"),
        (json!(""), "1 failed"),
        (json!(false), "1 failed"),
        (Value::Null, "1 failed"),
    ] {
        let mut waived = control("waived", 0.5, json!([result("failed", "d", "m")]));
        waived["waiver_data"] = json!({ "skipped_due_to_waiver": flag, "justification": "Known." });
        let file = hdf(&scratch, &[waived]);
        let cli = render(&scratch, &file, "cli");
        assert!(cli.contains(status), "{flag}: {cli}");
    }
}

/// Each `<testcase …`, as it was written.
fn cases(junit: &str) -> Vec<&str> {
    junit.split("<testcase ").skip(1).collect()
}

#[test]
fn junit_says_what_counts() {
    let scratch = Scratch::new();
    let error =
        json!({ "status": "failed", "code_desc": "e", "message": "m", "backtrace": ["at x"], "start_time": "" });
    let file = hdf(
        &scratch,
        &[
            control("twice", 0.5, json!([result("passed", "same", ""), result("failed", "same", "one\n\n two")])),
            control("info", 0.0, json!([result("failed", "d", "m")])),
            control("error", 0.5, json!([error])),
            control("empty", 0.5, json!([])),
        ],
    );
    let junit = render(&scratch, &file, "junit");
    let cases = cases(&junit);
    assert_eq!(cases.len(), 5);
    assert!(cases[0].starts_with("name=\"same\" classname=\"made.twice\" time=\"0.000000\"/>"), "{}", cases[0]);
    // GitLab drops the second of two cases with one name.
    assert!(cases[1].starts_with("name=\"same (2)\" classname=\"made.twice\""), "{}", cases[1]);
    assert!(cases[1].contains("<failure message=\"one, two\">one\n\n two</failure>"), "{}", cases[1]);
    assert!(cases[2].contains("<skipped message=\"failed, but the control is not applicable, m\">"), "{}", cases[2]);
    assert!(cases[3].contains("<error message=\"m\">m</error>"), "{}", cases[3]);
    assert!(cases[4].contains("<error message=\"there are no results\">"), "{}", cases[4]);
    let suite = junit.lines().find(|line| line.starts_with("<testsuite ")).unwrap();
    assert!(suite.contains("tests=\"5\" failures=\"1\" errors=\"2\" skipped=\"1\""), "{suite}");
    assert!(suite.contains("timestamp=\"2020-02-03T04:05:06\""), "{suite}");
}

#[test]
fn junit_is_valid() {
    let test = "junit_is_valid";
    let Some(schema) = schema(test, "junit-10.xsd") else { return };
    if !runs(test, "xmllint", &["--version"]) {
        return;
    }
    let scratch = Scratch::new();
    for (place, file) in all_results().iter().enumerate() {
        let junit = scratch.write(&format!("{place}.xml"), render(&scratch, file, "junit"));
        let output = Command::new("xmllint").args(["--noout", "--schema"]).args([&schema, &junit]).output().unwrap();
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn sarif(scratch: &Scratch, file: &str) -> Value {
    serde_json::from_str(&render(scratch, file, "sarif")).unwrap()
}

#[test]
fn sarif_has_what_failed_and_nothing_else() {
    let scratch = Scratch::new();
    let log = sarif(&scratch, golden("outcomes.json").to_str().unwrap());
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let mut count = 0;
    let full = json_of(golden("outcomes.json"));
    for control in full["profiles"][0]["controls"].as_array().unwrap() {
        let of_control = |result: &&Value| result["ruleId"] == control["id"];
        let found: Vec<&Value> = run["results"].as_array().unwrap().iter().filter(of_control).collect();
        let counts = control["impact"] != 0.0;
        let failed =
            control["results"].as_array().unwrap().iter().filter(|result| counts && result["status"] == "failed");
        for (found, wanted) in found.iter().zip(failed.clone()) {
            assert_eq!(rules[found["ruleIndex"].as_u64().unwrap() as usize]["id"], control["id"]);
            let location = &found["locations"][0]["physicalLocation"];
            assert_eq!(location["artifactLocation"]["uri"], "outcomes.yaml");
            assert_eq!(location["region"]["startLine"], control["source_location"]["line"]);
            let message = found["message"]["text"].as_str().unwrap();
            assert!(message.starts_with(wanted["code_desc"].as_str().unwrap()), "{message}");
            let in_doubt = wanted.get("backtrace").is_some();
            assert_eq!(message.contains("\ncould not be decided:\n"), in_doubt, "{message}");
            let level = match control["tags"]["severity"].as_str().unwrap() {
                "critical" | "high" => "error",
                "medium" => "warning",
                _ => "note",
            };
            assert_eq!(found["level"], level);
        }
        assert_eq!(found.len(), failed.count(), "{}", control["id"]);
        count += found.len();
    }
    assert_eq!((count, rules.len()), (11, 5));
    let prints: BTreeSet<String> =
        run["results"].as_array().unwrap().iter().map(|result| result["partialFingerprints"].to_string()).collect();
    assert_eq!(prints.len(), count, "each alert has a fingerprint of its own");
}

#[test]
fn sarif_keeps_within_the_limits_of_github() {
    let scratch = Scratch::new();
    let many: Vec<Value> = (0..25_000).map(|number| result("failed", &format!("d{number}"), "m")).collect();
    let long = result("failed", "long", &"😀".repeat(2000));
    let tags: Vec<String> = (0..40).map(|number| format!("AC-{number}")).collect();
    let mut worst = control("worst", 0.9, json!([long, result("failed", "same", ""), result("failed", "same", "")]));
    worst["tags"] = json!({ "nist": tags });
    let log = sarif(&scratch, &hdf(&scratch, &[control("many", 0.3, many.into()), worst]));
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 25_000);
    assert!(results[..3].iter().all(|result| result["ruleId"] == "worst"), "the worst are kept");
    let said = run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].as_str().unwrap();
    assert!(said.starts_with("3 results are left out"), "{said}");
    let text = results[0]["message"]["text"].as_str().unwrap();
    assert!(text.ends_with("… (cut)") && (1020..=1024).contains(&text.encode_utf16().count()), "{text}");
    assert_eq!(run["tool"]["driver"]["rules"][0]["properties"]["tags"].as_array().unwrap().len(), 20);
    assert_ne!(results[1]["partialFingerprints"], results[2]["partialFingerprints"]);
}

#[test]
fn sarif_has_no_links_of_a_target() {
    let scratch = Scratch::new();
    let log = sarif(&scratch, &hostile());
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap().iter().map(|result| &result["message"]["text"]);
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| &rule["fullDescription"]["text"]);
    let texts: Vec<&str> = results.chain(rules).map(|text| text.as_str().unwrap()).collect();
    assert!(texts.len() > 5, "{texts:?}");
    for text in texts {
        assert!(text.contains("\\[a\\](https://evil.example)") && !text.contains("[a]("), "{text}");
    }
}

#[test]
fn sarif_is_valid() {
    let test = "sarif_is_valid";
    let Some(schema) = schema(test, "sarif-2.1.0.json") else { return };
    if !runs(test, "python3", &["-c", "import jsonschema"]) {
        return;
    }
    let scratch = Scratch::new();
    let script = "import json, sys, jsonschema\n\
                  schema, *files = [json.load(open(name)) for name in sys.argv[1:]]\n\
                  validator = jsonschema.validators.validator_for(schema)(schema, format_checker=jsonschema.FormatChecker())\n\
                  wrong = [(name, error.message) for name, one in zip(sys.argv[2:], files) for error in validator.iter_errors(one)]\n\
                  sys.exit(str(wrong) if wrong else 0)";
    let results = all_results();
    let logs = results.iter().enumerate().map(|(place, file)| {
        let log = render(&scratch, file, "sarif");
        scratch.write(&format!("{place}.sarif"), log)
    });
    let logs: Vec<PathBuf> = logs.collect();
    let output = Command::new("python3").args(["-c", script]).arg(&schema).args(&logs).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // A schema that takes everything would be no proof.
    let broken = scratch.write("broken.sarif", r#"{"version": "2.1.0", "runs": [{"results": 1}]}"#);
    let output = Command::new("python3").args(["-c", script]).args([&schema, &broken]).output().unwrap();
    assert!(!output.status.success());
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = &text[text.find(before).unwrap() + before.len()..];
    &rest[..rest.find(after).unwrap()]
}

#[test]
fn nothing_in_the_page_runs_but_its_own_script() {
    let scratch = Scratch::new();
    let file = hostile();
    let page = render(&scratch, &file, "html");
    let harmless = render(&scratch, golden("outcomes.json").to_str().unwrap(), "html");
    let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
    let hash = |text: &str| format!("sha256-{}", base64(&Sha256::digest(text)));
    let style = hash(between(&page, "<style>", "</style>"));
    let script = hash(between(&page, "<script>", "</script>"));
    assert_eq!(
        policy,
        format!("default-src 'none'; style-src '{style}'; script-src '{script}'; base-uri 'none'; form-action 'none'")
    );
    for (part, most) in
        [("<script", 1), ("<style", 1), ("<link", 0), ("<img", 0), ("<iframe", 0), ("src=", 0), ("@import", 0)]
    {
        assert_eq!(harmless.matches(part).count(), most, "{part}");
    }
    for part in ["<script", "<img", "javascript:"] {
        // The link that could run is a text.
        let links = page.matches(part).count() - if part == "javascript:" { 6 } else { 0 };
        assert_eq!(links, harmless.matches(part).count(), "{part}");
    }
    assert!(!page.contains("href=\"javascript"), "a link that runs");
    let bad =
        |char: char| (char.is_control() && char != '\n' && char != '\t') || matches!(char, '\u{202e}' | '\u{ffff}');
    for format in ["html", "junit", "markdown", "cli"] {
        let text = render(&scratch, &file, format);
        assert!(!text.contains(bad), "{format}");
        assert!(text.contains("\\u{1b}[2J") || format == "markdown", "{format} shows what was there");
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let groups = bits.as_bytes().chunks(6);
    let digit = |group: &[u8]| {
        let text = format!("{:0<6}", std::str::from_utf8(group).unwrap());
        char::from(DIGITS[usize::from_str_radix(&text, 2).unwrap()])
    };
    let digits: String = groups.map(digit).collect();
    let length = digits.len().div_ceil(4) * 4;
    format!("{digits:=<length$}")
}

#[test]
fn the_page_shows_everything_without_scripts() {
    let scratch = Scratch::new();
    let page = render(&scratch, golden("outcomes.json").to_str().unwrap(), "html");
    let full = json_of(golden("outcomes.json"));
    let escaped = |text: &str| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        text.replace('"', "&quot;").replace('\'', "&#39;")
    };
    for control in full["profiles"][0]["controls"].as_array().unwrap() {
        assert!(page.contains(&format!("<span class=\"id\">{}</span>", control["id"].as_str().unwrap())));
        for result in control["results"].as_array().unwrap() {
            assert!(page.contains(&escaped(result["code_desc"].as_str().unwrap())), "{result}");
        }
    }
    let hidden: Vec<&str> = page.lines().filter(|line| line.contains(" hidden>")).collect();
    assert_eq!(hidden, ["<div class=\"filter\" id=\"filter\" role=\"search\" hidden>"]);
}

#[test]
fn nobody_sees_progress_but_people_at_a_terminal() {
    let test = "nobody_sees_progress_but_people_at_a_terminal";
    let scratch = Scratch::new();
    // The largest file that is read: the check is not done when the time is over.
    fs::File::create(scratch.write("root/x", "")).unwrap().set_len(4 << 30).unwrap();
    scratch.write("p.yaml", "schema: 1\nname: p\ncontrols:\n- {id: a, checks: [{file: /x, expect: {sha256sum: x}}]}\n");
    let words = ["scan", "p.yaml", "--rootfs", "root", "--timeout", "2", "--reporter", "cli:report"];
    let found = run(&scratch.0, words);
    assert_eq!((found.code, found.stdout.as_str(), found.stderr.as_str()), (100, "", ""));
    if !runs(test, "script", &["--version"]) {
        return;
    }
    let command = [&[env!("CARGO_BIN_EXE_assay")][..], &words].concat().join(" ");
    let at_terminal = |term: &str| {
        let mut script = Command::new("script");
        script.args(["-qec", &command, "/dev/null"]).current_dir(&scratch.0).env("TERM", term).stdin(Stdio::null());
        String::from_utf8(script.output().unwrap().stdout).unwrap()
    };
    assert_eq!(at_terminal("xterm"), "\r\x1b[2K0 of 1 checks done\r\x1b[2K");
    assert_eq!(at_terminal("dumb"), "");
}
