//! What reaches the readers of reports: no commands for a terminal or a page, and no secrets; and files of the auditor
//! that are bombs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value as Json;

use crate::rows::alias_bomb;
use crate::run::{Ended, Reader, Run, profile};
use crate::tree::{Ground, Tree};

/// A name that gives orders to terminals, pages, CI systems and readers.
const NAME: &str = "a\n::error::b\x1b[2J\x1b]0;t\x07</script><img src=x>|`c`[d](http://e)@f\u{202e}g";

fn scan(tree: &Tree, profile: &str, more: &[&str]) -> Ended {
    let mut arguments = vec!["scan", "-", "--rootfs", tree.root.to_str().unwrap()];
    arguments.extend(more);
    let run = Run {
        binary: &tree.binary,
        reader: Reader::Current,
        mounts: None,
        root: &tree.root,
        arguments: &arguments,
        stdin: profile,
    };
    run.go()
}

/// The reports in all formats: for a terminal, in HDF, in Markdown.
fn reports(tree: &Tree, profile: &str) -> [String; 3] {
    let file = |name: &str| tree.outside.join(name);
    let (json, markdown) = (format!("json:{}", file("json").display()), format!("markdown:{}", file("md").display()));
    let ended = scan(tree, profile, &["--reporter", "cli", &json, &markdown]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(100), ""));
    let read = |name: &str| {
        assert_eq!(fs::metadata(file(name)).unwrap().permissions().mode() & 0o7777, 0o600);
        fs::read_to_string(file(name)).unwrap()
    };
    [ended.stdout, read("json"), read("md")]
}

#[test]
fn names_give_no_orders_to_readers() {
    let ground = Ground::new("readers");
    let tree = Tree::new(&ground, "tree");
    tree.file_bytes(format!("etc/{}", NAME.replace('/', "\u{2215}")).as_bytes(), NAME);
    tree.file("etc/os-release", format!("ID=\"x{}\"\nVERSION_ID=\"{}\"\n", NAME.replace('\n', " "), "\x1b[1m"));
    tree.file("etc/passwd", format!("{}:x:0:0::/:/bin/sh\n", NAME.replace([':', '\n'], " ")));
    tree.file("etc/a.json", serde_json::to_string(&serde_json::json!({ "key": NAME })).unwrap());
    let profile = profile([
        "{find: {under: [/etc], name: 'a*error*'}, expect: {paths: {empty: true}}}",
        "{passwd: {}, expect: {users: [root]}}",
        "{json: /etc/a.json, expect: {key: x}}",
        "{os: {}, expect: {name: x}}",
        "{each: {as: u, rows: {passwd: {}}}, checks: [{file: '/${u.user}', expect: {exist: true}}]}",
    ]);
    let [cli, json, markdown] = reports(&tree, &profile);
    for text in [&cli, &markdown] {
        let harmful = |char: char| (char.is_control() && char != '\n') || char == '\u{202e}';
        assert!(!text.contains(harmful), "{text:?}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{text}");
    }
    for markup in ["<img", "</script", "\n|`", "http:", "@f", "|`c`"] {
        assert!(!markdown.contains(markup), "{markup}: {markdown}");
    }
    // JSON keeps all of it: a path in a notation that can be written back, a value as it is.
    let json: Json = serde_json::from_str(&json).unwrap();
    let message = |control: usize| json["profiles"][0]["controls"][control]["results"][0]["message"].as_str().unwrap();
    assert!(message(0).contains(r"a\x0a::error::b\x1b[2J"), "{}", message(0));
    assert!(message(2).contains("</script><img src=x>|`c`"), "{}", message(2));
}

#[test]
fn secrets_are_never_shown() {
    const HASH: &str = "$6$salt$SECRETHASH";
    let ground = Ground::new("secrets");
    let tree = Tree::new(&ground, "tree");
    tree.file("etc/passwd", format!("root:{HASH}:0:0::/:/bin/sh\n"));
    tree.file("etc/group", format!("root:{HASH}:0:\n"));
    // The second line lacks a field, so that the hash stands where a number should.
    tree.file("etc/shadow", format!("root:{HASH}:19000:0:99999:7:::\nodd:x\nshort::{HASH}:0:::::\n"));
    let profile = profile([
        "{file: /etc/shadow, expect: {content: {match: none}}}",
        "{file: /etc/shadow, expect: {content: none}}",
        "{file: /etc/shadow, expect: {content: {not: {match: root}}}}",
        "{file: /etc/shadow, expect: {lines: {excludes: 'odd:x'}}}",
        "{find: {under: [/etc], name: shadow}, expect: {content: {match: none}}}",
        "{shadow: {}, expect: {password: '!'}}",
        "{shadow: {}, expect: {passwords: {includes: '!'}}}",
        "{shadow: {}, expect: {last_change: {lt: 1}}}",
        "{shadow: {where: {last_change: {lt: 1}}}, expect: {users: [none]}}",
        "{passwd: {}, expect: {password: x}}",
        "{groups: {}, expect: {passwords: [x]}}",
        "{users: {}, expect: {password: '!'}}",
        "{users: {}, expect: {last_change: {lt: 1}}}",
    ]);
    for report in reports(&tree, &profile) {
        assert!(!report.contains("SECRETHASH"), "{report}");
    }

    // Where no property says that it is one: by the name of a key, or by what it looks like.
    tree.file("etc/my.cnf", "[client]\npassword=SECRETWORD\n");
    tree.file(
        "etc/a.json",
        r#"{"db": {"password": "SECRETWORD", "url": "postgres://u:SECRETWORD@h/db"}, "list": ["token=SECRETWORD"]}"#,
    );
    tree.file("etc/key", "-----BEGIN EC PRIVATE KEY-----\nSECRETWORD\n-----END EC PRIVATE KEY-----\n");
    let profile = self::profile([
        "{mysql_conf: {}, expect: {client/password: x}}",
        "{ini: /etc/my.cnf, expect: {client/password: x}}",
        "{json: /etc/a.json, expect: {db.password: x, db.url: x, db: {eq: {a: b}}, list: {includes: x}}}",
        "{grep: {paths: [/etc/my.cnf], match: 'password=(?<word>.*)'}, expect: {line: x, lines: [x]}}",
        "{grep: {paths: [/etc/shadow], match: '^root'}, expect: {line: x, count: 0}}",
        "{each: {as: l, rows: {grep: {paths: [/etc/shadow, /etc/my.cnf], match: '(root|password).*'}}}, checks: [{file: '/${l.line}', expect: {exist: true}}, {manual: 'See ${l.line}'}]}",
        "{file: /etc/key, expect: {content: none}}",
    ]);
    for report in reports(&tree, &profile) {
        assert!(!report.contains("SECRETHASH") && !report.contains("SECRETWORD"), "{report}");
    }
    // A name cannot stand for what is never shown.
    let check = "{each: {as: u, rows: {shadow: {}}}, checks: [{file: '/${u.password}', expect: {exist: true}}]}";
    let ended = scan(&tree, &self::profile([check]), &[]);
    assert_eq!(ended.code, Some(102), "{}", ended.stderr);
    assert!(ended.stderr.contains("is never shown"), "{}", ended.stderr);
}

#[test]
fn bombs_in_the_auditors_files_are_refused() {
    let ground = Ground::new("auditor");
    let tree = Tree::new(&ground, "tree");
    tree.file("etc/a", "");
    let good = profile(["{file: /etc/a, expect: {exist: true}}"]);
    let bombs = [
        ("aliases", alias_bomb()),
        ("lists", "- ".repeat(10_000)),
        ("brackets", "[".repeat(10_000)),
        ("maps", "{a: ".repeat(10_000)),
    ];
    for (name, bomb) in bombs {
        let path = tree.outside.join(name);
        fs::write(&path, &bomb).unwrap();
        let path = path.to_str().unwrap();
        let ended = scan(&tree, &bomb, &[]);
        assert_eq!(ended.code, Some(102), "profile, {name}: {}", ended.stderr);
        for option in ["--input-file", "--waiver-file", "--threshold"] {
            let ended = scan(&tree, &good, &[option, path]);
            assert_eq!(ended.code, Some(2), "{option}, {name}: {}", ended.stderr);
            assert!(ended.stdout.is_empty() && !ended.stderr.is_empty());
        }
    }
}
