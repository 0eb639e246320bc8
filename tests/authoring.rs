//! What authors of profiles work with: `assay new` and `assay test`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod fixture;

use std::fs;

use fixture::{Run, Scratch, repository, run};

const PROFILE: &str = "schema: 1\nname: small\ninputs: {mode: {type: mode, value: 0644}, level: {type: int, value: 1}}\ncontrols:\n  \
    - {id: a-1, checks: [{file: /a, expect: {exist: true, mode: \"${inputs.mode}\"}}]}\n  \
    - {id: a-2, impact: none, checks: [{file: /a, expect: {content: hidden}}]}\n  \
    - {id: a-3, checks: [{file: /a, expect: {age_days: {le: 1}}}]}\n";

/// A profile's folder with these tests.
fn profile(tests: &[(&str, &str)]) -> Scratch {
    let scratch = Scratch::new();
    let (head, controls) = PROFILE.split_once("controls:").unwrap();
    scratch.write("p/profile.yaml", head);
    scratch.write("p/controls/a.yaml", format!("schema: 1\ncontrols:{controls}"));
    for (name, text) in tests {
        scratch.write(&format!("p/tests/{name}"), format!("schema: 1\n{text}"));
    }
    scratch
}

fn test(tests: &[(&str, &str)]) -> Run {
    run(&profile(tests).0, ["test", "p"])
}

#[test]
fn a_new_profile_loads_and_passes_its_own_tests() {
    let scratch = Scratch::new();
    let made = run(&scratch.0, ["new", "sub/my-rules"]);
    assert_eq!((made.code, made.stderr.as_str()), (0, ""));
    for name in ["profile.yaml", "controls/example.yaml", "tests/sound.yaml", "tests/open.yaml"] {
        assert!(scratch.path("sub/my-rules").join(name).is_file(), "{name}");
        assert!(made.stdout.contains(&format!("sub/my-rules/{name}\n")), "{}", made.stdout);
    }
    assert!(made.stdout.contains("\nNext:\n  assay test sub/my-rules "), "{}", made.stdout);
    let checked = run(&scratch.0, ["check", "sub/my-rules"]);
    assert_eq!((checked.code, checked.stdout.as_str()), (0, "my-rules 0.1.0: 2 controls, no errors\n"));
    let tested = run(&scratch.0, ["test", "sub/my-rules"]);
    assert_eq!(tested.code, 0, "{}", tested.stdout);
    let wanted =
        "running 2 tests of sub/my-rules\ntest open ... ok\ntest sound ... ok\n\ntest result: ok. 2 passed; 0 failed\n";
    assert_eq!(tested.stdout, wanted);
}

#[test]
fn new_touches_nothing_that_exists() {
    let scratch = Scratch::new();
    scratch.write("folder/mine", "mine");
    for taken in ["folder", "folder/mine"] {
        let run = run(&scratch.0, ["new", taken]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""));
        assert_eq!(run.stderr, format!("error: {taken} is there already, and is no empty folder\n"));
    }
    assert_eq!(fs::read_dir(scratch.path("folder")).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(scratch.path("folder/mine")).unwrap(), "mine");
    fs::create_dir(scratch.path("empty")).unwrap();
    assert_eq!(run(&scratch.0, ["new", "empty"]).code, 0);
    // A name that YAML could read otherwise is not used.
    let text = fs::read_to_string(scratch.path("empty/profile.yaml")).unwrap();
    assert!(text.contains("\nname: my-baseline\n"), "{text}");
}

#[test]
fn the_profiles_of_this_repository_pass_their_tests() {
    for name in fixture::profiles() {
        let profile = format!("profiles/{name}");
        let run = run(&repository("."), ["test", &profile]);
        assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
        // Every control is named in a test.
        assert!(run.stdout.ends_with(" 0 failed\n"), "{}", run.stdout);
    }
}

#[test]
fn a_difference_is_shown_with_its_place_and_what_came_out() {
    let sound = "tree: {/a: hidden}\nexpect: {a-1: passed, a-2: not_applicable, a-3: passed}\n";
    let wrong = "tree: {/a: {mode: 0600}}\nexpect:\n  a-1: passed\n  a-2: not_applicable\n  a-3: [failed]\n";
    let run = test(&[("sound.yaml", sound), ("wrong.yaml", wrong)]);
    assert_eq!((run.code, run.stderr.as_str()), (100, ""));
    let wanted = "running 2 tests of p\n\
        test sound ... ok\n\
        test wrong ... FAILED\n\
        \n\
        error: a-1 is failed, not passed\n --> p/tests/wrong.yaml:4:8\n  |\n4 |   a-1: passed\n  |        ^^^^^^\n    \
        passed: File /a is expected to exist\n    \
        failed: File /a mode is expected to cmp == \"0644\": expected: 0644 got: 0600\n\
        \n\
        error: the results of a-3 are [passed], not [failed]\n --> p/tests/wrong.yaml:6:8\n  |\n6 |   a-3: [failed]\n  |        ^^^^^^^^\n    \
        passed: File /a age_days is expected to be <= 1\n\
        \n\
        test result: FAILED. 1 passed; 1 failed\n";
    assert_eq!(run.stdout, wanted);
}

#[test]
fn every_kind_of_entry_and_every_status() {
    let profile = "schema: 1\nname: kinds\ncontrols:\n";
    let control = |id: &str, check: &str| format!("  - {{id: {id}, checks: [{check}]}}\n");
    let scratch = Scratch::new();
    scratch.write("p/profile.yaml", profile.trim_end_matches("controls:\n"));
    let controls: String = [
        control("link", "{file: /link, expect: {link_path: /file, shallow_link_path: /file, content: text}}"),
        control("owner", "{file: /file, expect: {uid: 7, gid: 8, mode: 4755, mtime: 2027-05-31}}"),
        control(
            "kinds",
            "{file: /socket, expect: {type: socket}}, {directory: /dir, expect: {exist: true, mode: 0700}}",
        ),
        control("denied", "{file: /closed, expect: {content: text}}"),
        control("missing", "{file: /nowhere, expect: {mode: 0644}}"),
        control("age", "{file: /dir, expect: {age_days: 31}}"),
        control("manual", "{manual: Ask.}, {file: /file, expect: {exist: false}}"),
    ]
    .concat();
    scratch.write("p/controls/all.yml", format!("schema: 1\ncontrols:\n{controls}"));
    let tree = "schema: 1\nmoment: 2027-05-31\ntree:\n  /file: {content: text, mode: 4755, uid: 7, gid: 8}\n  \
        /link: {link: file}\n  /socket: {type: socket}\n  /dir/: {type: directory, mode: 0700, mtime: 2027-04-30}\n  \
        /closed: {content: text, denied: true}\n\
        expect:\n  link: [passed, passed, passed]\n  owner: [passed, passed, passed, passed]\n  kinds: passed\n  \
        denied: error\n  missing: not_reviewed\n  age: passed\n  manual: [skipped, failed]\n";
    scratch.write("p/tests/all.yml", tree);
    let run = run(&scratch.0, ["test", "p"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn inputs_of_a_test_are_the_auditors_word() {
    let run = test(&[
        ("given.yaml", "inputs: {mode: 0600}\ntree: {/a: {mode: 0600}}\nexpect: {a-1: passed}\n"),
        ("own.yaml", "tree: {/a: {mode: 0600}}\nexpect: {a-1: failed}\n"),
    ]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.ends_with("no test names: a-2, a-3\n"), "{}", run.stdout);
}

#[test]
fn a_test_may_have_the_configuration_of_an_image() {
    let scratch = Scratch::new();
    scratch.write("p/profile.yaml", "schema: 1\nname: images\n");
    let control = "{id: user, checks: [{image: {}, expect: {uid: 7, env_names: [A], history: {excludes: x}}}]}";
    scratch.write("p/controls/a.yaml", format!("schema: 1\ncontrols: [{control}]\n"));
    let tree = "schema: 1\ntree: {/etc/passwd: \"a:x:7:7::/:/bin/sh\\n\"}\n";
    let image = "image:\n  config: {User: a, Env: [A=b]}\n  history: [{created_by: COPY a /}]\n";
    scratch.write("p/tests/image.yaml", format!("{tree}{image}expect: {{user: [passed, passed, passed]}}\n"));
    scratch.write("p/tests/root.yaml", format!("{tree}expect: {{user: not_reviewed}}\n"));
    let run = run(&scratch.0, ["test", "p"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn mistakes_in_tests_are_shown_with_their_places() {
    let sound = "tree: {/a: x}\nexpect: {a-1: passed}\n";
    for (text, place, message) in [
        ("expect: {a-1: passed}\n", "1:1", "a test needs `tree`"),
        ("tree: {/a: x}\n", "1:1", "a test needs `expect`"),
        ("tree: {/a: x}\nexpect: {}\n", "3:9", "expect is empty"),
        ("tree: {/a: x}\nexpect: {a-1: passed}\nmoments: 0\n", "4:1", "unknown key `moments` in a test"),
        ("tree: {a: x}\nexpect: {a-1: passed}\n", "2:8", "`a` must be a whole absolute path"),
        ("tree: {/a/../b: x}\nexpect: {a-1: passed}\n", "2:8", "must be a whole absolute path"),
        ("tree: {/a: }\nexpect: {a-1: passed}\n", "2:8", "`/a` has no value"),
        ("tree: {/a: x, /a/b: x}\nexpect: {a-1: passed}\n", "2:15", "`/a/b` lies in `/a`, which is no directory"),
        ("tree: {/a: {mode: 640}}\nexpect: {a-1: passed}\n", "2:19", "mode must be a mode in octal"),
        ("tree: {/a: {uid: root}}\nexpect: {a-1: passed}\n", "2:18", "uid must be a whole number"),
        ("tree: {/a: {type: folder}}\nexpect: {a-1: passed}\n", "2:19", "unknown type `folder`"),
        ("tree: {/a: {type: symlink}}\nexpect: {a-1: passed}\n", "2:12", "a symbolic link needs `link`"),
        ("tree: {/a: {type: directory, content: x}}\nexpect: {a-1: passed}\n", "2:39", "a directory has no `content`"),
        ("tree: {/a: {xattrs: {user.x: abc}}}\nexpect: {a-1: passed}\n", "2:30", "pairs of hexadecimal digits"),
        ("tree: {/a: {denied: yes}}\nexpect: {a-1: passed}\n", "2:21", "denied must be true or false"),
        (
            "tree: {/a: x}\nimage: {config: {User: 0}}\nexpect: {a-1: passed}\n",
            "3:8",
            "not the configuration of an image: `user` is no text",
        ),
        ("tree: {/a: x}\nimage: {user: a}\nexpect: {a-1: passed}\n", "3:8", "it is no image configuration"),
        ("tree: {/a: x}\nmoment: today\nexpect: {a-1: passed}\n", "3:9", "moment must be a day"),
        ("tree: {/a: x}\nlive: {}\nexpect: {a-1: passed}\n", "3:7", "live needs `processes`"),
        ("tree: {/a: x}\nlive: {processes: []}\nexpect: {a-1: passed}\n", "3:7", "processes is empty"),
        (
            "tree: {/a: x}\nlive: {processes: [{user: x}]}\nexpect: {a-1: passed}\n",
            "3:21",
            "unknown key `user` in a process",
        ),
        ("tree: {/a: x}\nlive: {processes: [{uid: x}]}\nexpect: {a-1: passed}\n", "3:26", "uid must be a whole number"),
        (
            "tree: {/a: x}\nlive: {processes: [{capabilities: [sys_admin]}]}\nexpect: {a-1: passed}\n",
            "3:36",
            "unknown word `sys_admin` of capabilities",
        ),
        ("tree: {/a: x}\nlive: {processes: [{seccomp: on}]}\nexpect: {a-1: passed}\n", "3:30", "unknown seccomp `on`"),
        (
            "tree: {/a: x}\nlive: {processes: [{uid_map: [[0, 0]]}]}\nexpect: {a-1: passed}\n",
            "3:31",
            "[INSIDE, OUTSIDE, COUNT]",
        ),
        (
            "tree: {/a: x}\nlive: {processes: [{}], limits: {files: [1, 1]}}\nexpect: {a-1: passed}\n",
            "3:34",
            "unknown limit `files`",
        ),
        (
            "tree: {/a: x}\nlive: {processes: [{}], limits: {nofile: 1}}\nexpect: {a-1: passed}\n",
            "3:42",
            "a limit is written [SOFT, HARD]",
        ),
        (
            "tree: {/a: x}\nlive: {processes: [{}], listeners: [{address: here}]}\nexpect: {a-1: passed}\n",
            "3:47",
            "address must be an IP address",
        ),
        ("tree: {/a: x}\nexpect: {a-1: skipped}\n", "3:15", "unknown status `skipped` of a control"),
        ("tree: {/a: x}\nexpect: {a-1: [not_reviewed]}\n", "3:16", "unknown status `not_reviewed` of a result"),
        ("tree: {/a: x}\nexpect: {a1: passed}\n", "3:10", "the profile has no control `a1`"),
        ("inputs: {mod: 0600}\ntree: {/a: x}\nexpect: {a-1: passed}\n", "2:10", "the profile has no input `mod`"),
        (
            "inputs:\n  level: many\ntree: {/a: x}\nexpect: {a-1: passed}\n",
            "3:10",
            "input `level` must be a whole number",
        ),
        ("tree: {/a: x}\nexpect: {a-1: passed\n", "", "not YAML"),
    ] {
        let run = test(&[("sound.yaml", sound), ("wrong.yaml", text)]);
        assert_eq!((run.code, run.stdout.as_str()), (102, ""), "{text}\n{}", run.stderr);
        assert!(run.stderr.contains(&format!(" p/tests/wrong.yaml:{place}")), "{text}\n{}", run.stderr);
        assert!(run.stderr.contains(message), "{text}\n{}", run.stderr);
        assert!(run.stderr.ends_with("assay: 1 error\n"), "{text}\n{}", run.stderr);
    }
}

#[test]
fn mistakes_of_the_profile_are_shown_once() {
    let sound = "tree: {/a: x}\nexpect: {a-1: passed}\n";
    let scratch = profile(&[("one.yaml", sound), ("two.yaml", sound)]);
    scratch.write("p/controls/b.yaml", "schema: 1\ncontrols: [{id: b}]\n");
    let run = run(&scratch.0, ["test", "p"]);
    assert_eq!(run.code, 102);
    assert!(run.stderr.contains("p/controls/b.yaml:2:12"), "{}", run.stderr);
    assert!(run.stderr.ends_with("assay: 1 error\n"), "{}", run.stderr);
}

#[test]
fn a_profile_without_tests_has_not_passed() {
    let none = test(&[]);
    assert_eq!((none.code, none.stdout.as_str()), (102, ""));
    assert!(none.stderr.starts_with("error: profile p has no tests\n"), "{}", none.stderr);
    let scratch = Scratch::new();
    scratch.write("single.yaml", PROFILE);
    let single = run(&scratch.0, ["test", "single.yaml"]);
    assert_eq!((single.code, single.stdout.as_str()), (102, ""));
}

#[test]
fn scans_and_checks_do_not_read_tests() {
    let scratch = profile(&[("broken.yaml", "{")]);
    scratch.write("root/a", "x");
    assert_eq!(run(&scratch.0, ["check", "p"]).code, 0);
    let json = |scratch: &Scratch| run(&scratch.0, ["check", "--format", "json", "p"]).stdout;
    let with = json(&scratch);
    fs::remove_dir_all(scratch.path("p/tests")).unwrap();
    assert_eq!(json(&scratch), with, "the digest of a profile is not of its tests");
    let scan = run(&scratch.0, ["scan", "p", "--rootfs", "root"]);
    assert!(scan.stderr.is_empty(), "{}", scan.stderr);
}

#[test]
fn several_profiles_are_tested_in_one_run() {
    let scratch = profile(&[("one.yaml", "tree: {/a: x}\nexpect: {a-1: failed}\n")]);
    let both = run(&scratch.0, ["new", "q-1"]);
    assert_eq!(both.code, 0);
    let run = run(&scratch.0, ["test", "q-1", "p"]);
    assert_eq!(run.code, 100);
    assert!(
        run.stdout.contains("running 2 tests of q-1\n") && run.stdout.contains("running 1 test of p\n"),
        "{}",
        run.stdout
    );
}
