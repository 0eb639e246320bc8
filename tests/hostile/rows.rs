//! The table: hostile targets, what is asked of them, and what must come out.

use std::fs;

use rustix::fs::{CWD, FileType, Mode, OFlags, mkdirat, openat};

use crate::tree::{SECRET, Tree};
use Wanted::{Denied, Error, Failed, Passed, Skipped};

/// What must become of a check, with a part of its message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    Passed,
    Failed(&'static str),
    Skipped(&'static str),
    Error(&'static str),
    /// Passed for who may read everything; for all others an error that says which right is missing.
    Denied,
}

/// What must become of a scan.
pub(crate) enum Ends {
    /// With a result for each check.
    With(Vec<(String, Wanted)>),
    /// Without a look at it (exit code 104), with this message.
    Refused(&'static str),
}

/// What a row needs beside a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// Root, to make device nodes.
    Devices,
    /// Root that may mount; this script does, in a mount namespace of its own; `$1` is the target's root.
    Mounts(&'static str),
    /// The same, and /dev/fuse.
    Fuse(&'static str),
}

/// One line of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) needs: Needs,
    /// What the target is: the option that names it.
    pub(crate) option: &'static str,
    /// Where the target is, below the tree's root.
    pub(crate) root: &'static str,
    pub(crate) build: fn(&Tree),
    pub(crate) arguments: &'static [&'static str],
    /// Takes long: it is run twice, not four times.
    pub(crate) heavy: bool,
    pub(crate) ends: Ends,
}

fn row(name: &'static str, build: fn(&Tree), checks: &[(&str, Wanted)]) -> Row {
    let checks = checks.iter().map(|(check, wanted)| ((*check).to_owned(), *wanted)).collect();
    Row {
        name,
        needs: Needs::Nothing,
        option: "--rootfs",
        root: "",
        build,
        arguments: &[],
        heavy: false,
        ends: Ends::With(checks),
    }
}

fn refused(name: &'static str, root: &'static str, build: fn(&Tree), message: &'static str) -> Row {
    let option = "--rootfs";
    Row { name, needs: Needs::Nothing, option, root, build, arguments: &[], heavy: false, ends: Ends::Refused(message) }
}

/// A row about the image in i.tar.
pub(crate) fn image(name: &'static str, build: fn(&Tree), checks: &[(&str, Wanted)]) -> Row {
    Row { option: "--image", root: "i.tar", ..row(name, build, checks) }
}

/// An image in i.tar that is refused.
pub(crate) fn refused_image(name: &'static str, build: fn(&Tree), message: &'static str) -> Row {
    Row { option: "--image", ..refused(name, "i.tar", build, message) }
}

impl Row {
    pub(crate) fn needs(self, needs: Needs) -> Row {
        Row { needs, ..self }
    }

    pub(crate) fn arguments(self, arguments: &'static [&'static str]) -> Row {
        Row { arguments, ..self }
    }

    pub(crate) fn heavy(self) -> Row {
        Row { heavy: true, ..self }
    }

    /// Checks that are too long to be written out.
    fn and(mut self, more: impl IntoIterator<Item = (String, Wanted)>) -> Row {
        if let Ends::With(checks) = &mut self.ends {
            checks.extend(more);
        }
        self
    }
}

/// Links that lead out, or nowhere.
pub(crate) fn links() -> Vec<Row> {
    vec![
        row(
            "links that lead out of the root",
            |tree| {
                tree.link("etc/abs", tree.outside.join("secret"));
                tree.link("etc/rel", "../../../../../../../../../../../../outside/secret");
                tree.link("etc/beside", "../../outside/secret");
                tree.link("dirabs", &tree.outside);
                tree.link("dirrel", "../outside");
                tree.file("etc/passwd", "target:x:0:0::/:/bin/sh\n");
                tree.link("etc/mine", "/etc/passwd");
                tree.link("etc/up", "../../../../../../etc/passwd");
            },
            &[
                ("{file: /etc/abs, expect: {exist: false}}", Passed),
                ("{file: /etc/abs, expect: {symlink: true}}", Passed),
                ("{file: /etc/abs, expect: {content: {match: OUTSIDE}}}", Skipped("Can't find file")),
                ("{file: /etc/abs, missing: fail, expect: {content: {not: {match: x}}}}", Failed("Can't find file")),
                ("{file: /etc/abs, expect: {link_path: /x}}", Skipped("dangling link")),
                ("{file: /etc/rel, expect: {exist: false}}", Passed),
                ("{file: /etc/beside, expect: {exist: false}}", Passed),
                ("{file: /dirabs/secret, expect: {exist: false}}", Passed),
                ("{file: /dirrel/secret, expect: {exist: false}}", Passed),
                ("{directory: /dirabs, expect: {exist: false}}", Passed),
                ("{file: /../../../outside/secret, expect: {exist: false}}", Passed),
                ("{file: /etc/../../outside/secret, expect: {exist: false}}", Passed),
                ("{file: /etc/mine, expect: {content: {match: '^target:'}}}", Passed),
                ("{file: /etc/mine, expect: {link_path: /etc/passwd}}", Passed),
                ("{file: /etc/up, expect: {content: {match: '^target:'}}}", Passed),
                ("{passwd: {path: /etc/mine}, expect: {users: [target]}}", Passed),
                ("{passwd: {path: /etc/abs}, expect: {users: []}}", Skipped("Can't find file")),
                ("{json: /etc/abs, expect: {a: 1}}", Skipped("Can't find file")),
                ("{grep: {paths: [/etc/*, /dir*/*], match: OUTSIDE}, expect: {count: 0}}", Passed),
                ("{find: {under: [/], name: 'secret*', follow: true}, expect: {paths: {empty: true}}}", Passed),
                ("{find: {under: [/**], name: 'secret*'}, expect: {paths: {empty: true}}}", Passed),
                ("{find: {under: [/dirabs]}, expect: {paths: {empty: true}}}", Skipped("Can't find file")),
            ],
        ),
        row(
            "links in a circle, and many links",
            |tree| {
                tree.link("etc/self", "self");
                tree.link("etc/a", "b");
                tree.link("etc/b", "/etc/a");
                tree.link("loop", "loop");
                tree.file("etc/end", "end\n");
                for (name, links) in [("forty", 40), ("more", 41)] {
                    for link in 1..links {
                        tree.link(&format!("{name}/{link}"), format!("{}", link + 1));
                    }
                    tree.link(&format!("{name}/{links}"), "/etc/end");
                }
            },
            &[
                ("{file: /etc/self, expect: {exist: false}}", Error("links in a loop")),
                ("{file: /etc/a, expect: {exist: false}}", Error("links in a loop")),
                ("{file: /etc/a, expect: {symlink: true}}", Passed),
                ("{file: /etc/a, missing: pass, expect: {content: {not: {match: x}}}}", Error("links in a loop")),
                ("{file: /loop/x, expect: {exist: false}}", Error("links in a loop")),
                ("{directory: /loop, expect: {exist: false}}", Error("links in a loop")),
                ("{file: /forty/1, expect: {content: {match: end}}}", Passed),
                ("{file: /more/1, expect: {exist: false}}", Error("links in a loop")),
                ("{passwd: {path: /loop}, expect: {exist: false}}", Error("links in a loop")),
                ("{grep: {paths: [/etc/a], match: x}, expect: {exist: false}}", Error("links in a loop")),
                ("{find: {under: [/loop]}, expect: {exist: false}}", Error("links in a loop")),
                ("{find: {under: [/loop], name: '*.key'}, expect: {paths: {empty: true}}}", Error("links in a loop")),
                ("{find: {under: ['/l*p'], name: '*.key'}, expect: {paths: {empty: true}}}", Error("links in a loop")),
                (
                    "{find: {under: [/], follow: true, name: end}, expect: {paths: [/etc/end]}}",
                    Error("links in a loop"),
                ),
                ("{find: {under: [/], follow: true, name: end}, expect: {paths: {empty: true}}}", Failed("/etc/end")),
                ("{find: {under: [/forty], follow: true, type: file}, expect: {count: 40}}", Passed),
                ("{find: {under: [/more], follow: true, type: file}, expect: {count: 40}}", Error("links in a loop")),
                (
                    "{find: {under: [/], follow: true, exclude: [/loop, /etc/self, /etc/a, /etc/b, /more], name: end}, \
                     expect: {paths: [/etc/end]}}",
                    Passed,
                ),
            ],
        ),
        row(
            "a tree that links make endless",
            |tree| {
                for name in ["a", "b", "c", "d", "e"] {
                    tree.link(&format!("etc/x/{name}"), "..");
                    tree.link(&format!("etc/{name}"), "/");
                }
                tree.file("etc/x/needle", "");
            },
            &[
                ("{find: {under: [/], follow: true, name: needle}, expect: {paths: [/etc/x/needle]}}", Passed),
                ("{find: {under: [/], name: needle}, expect: {paths: [/etc/x/needle]}}", Passed),
            ],
        ),
    ]
}

/// What is no regular file is never opened.
pub(crate) fn kinds() -> Vec<Row> {
    vec![
        row(
            "pipes and sockets in the place of files",
            |tree| {
                for path in ["etc/pipe", "etc/passwd", "etc/os-release"] {
                    tree.pipe(path);
                }
                tree.folder("var/lib/dpkg");
                tree.pipe("var/lib/dpkg/status");
                tree.socket("etc/socket");
                tree.link("etc/link", "pipe");
            },
            &[
                ("{file: /etc/pipe, expect: {exist: true}}", Passed),
                ("{file: /etc/pipe, expect: {type: pipe}}", Passed),
                ("{file: /etc/pipe, expect: {content: {match: x}}}", Error("not a regular file but a named pipe")),
                ("{file: /etc/pipe, expect: {content: {not: {match: x}}}}", Error("but a named pipe")),
                ("{file: /etc/pipe, expect: {lines: {empty: true}}}", Error("but a named pipe")),
                ("{file: /etc/pipe, expect: {sha256sum: x}}", Error("but a named pipe")),
                ("{file: /etc/link, expect: {content: {not: {match: x}}}}", Error("but a named pipe")),
                ("{file: /etc/socket, expect: {type: socket}}", Passed),
                ("{file: /etc/socket, expect: {content: {not: {match: x}}}}", Error("but a socket")),
                ("{directory: /etc/pipe, expect: {exist: false}}", Passed),
                ("{file: /etc/pipe/x, expect: {exist: false}}", Passed),
                ("{json: /etc/pipe, expect: {a: 1}}", Error("but a named pipe")),
                ("{ini: /etc/pipe, expect: {a: 1}}", Error("but a named pipe")),
                ("{passwd: {}, expect: {exist: false}}", Error("but a named pipe")),
                ("{file: /etc/pipe, expect: {owner: root}}", Error("but a named pipe")),
                ("{package: bash, expect: {installed: false}}", Error("but a named pipe")),
                ("{os: {}, expect: {name: debian}}", Error("but a named pipe")),
                ("{grep: {paths: [/etc/p*], match: x}, expect: {count: 0}}", Error("but a named pipe")),
                ("{find: {under: [/etc], type: pipe}, expect: {count: 3}}", Passed),
                (
                    "{find: {under: [/etc]}, none_ok: true, expect: {content: {not: {match: x}}}}",
                    Error("not everything could be looked at"),
                ),
            ],
        ),
        row(
            "device nodes",
            |tree| {
                tree.device("etc/zero", FileType::CharacterDevice, (1, 5));
                tree.device("etc/tty", FileType::CharacterDevice, (5, 0));
                tree.device("etc/disk", FileType::BlockDevice, (7, 0));
                tree.device("etc/none", FileType::BlockDevice, (250, 200));
            },
            &[
                ("{file: /etc/zero, expect: {type: character_device}}", Passed),
                ("{file: /etc/zero, expect: {content: {not: {match: x}}}}", Error("but a character device")),
                ("{file: /etc/zero, expect: {md5sum: x}}", Error("but a character device")),
                ("{file: /etc/tty, expect: {content: {not: {match: x}}}}", Error("but a character device")),
                ("{file: /etc/disk, expect: {content: {not: {match: x}}}}", Error("but a block device")),
                ("{file: /etc/none, expect: {content: {not: {match: x}}}}", Error("but a block device")),
                ("{yaml: /etc/zero, expect: {a: 1}}", Error("but a character device")),
                ("{grep: {paths: [/etc/*], match: x}, expect: {count: 0}}", Error("but a block device")),
                ("{find: {under: [/], type: block_device}, expect: {paths: [/etc/disk, /etc/none]}}", Passed),
            ],
        )
        .needs(Needs::Devices),
    ]
}

/// Files that are larger than anything they should be.
pub(crate) fn sizes() -> Vec<Row> {
    vec![
        row(
            "10 GB without content",
            |tree| {
                tree.sparse("etc/big", 10 << 30);
                tree.sparse("var/lib/dpkg/status", 500 << 20);
                tree.sparse("etc/passwd", 500 << 20);
                tree.sparse("etc/os-release", 500 << 20);
                tree.sparse("etc/line", 200 << 20);
            },
            &[
                ("{file: /etc/big, expect: {size: 10737418240}}", Passed),
                ("{file: /etc/big, expect: {content: {match: x}}}", Error("too large: 10737418240 bytes")),
                ("{file: /etc/big, expect: {content: {not: {match: x}}}}", Error("too large")),
                ("{file: /etc/big, expect: {sha256sum: x}}", Error("too large")),
                ("{file: /etc/line, expect: {lines: {not: {match: x}}}}", Error("too large")),
                ("{grep: {paths: [/etc/big], match: x}, expect: {count: 0}}", Error("too large")),
                ("{package: bash, expect: {installed: false}}", Error("too large: 524288000 bytes")),
                ("{passwd: {where: {uid: 0}}, expect: {exist: false}}", Error("too large")),
                ("{file: /etc/big, expect: {owner: root}}", Error("too large")),
                ("{os: {}, expect: {name: debian}}", Error("too large")),
            ],
        ),
        row(
            "long lines",
            |tree| {
                tree.file("etc/3", format!("{}needle", "x".repeat(3 << 20)));
                tree.file("etc/31", format!("{}needle", "x".repeat(31 << 20)));
            },
            &[
                ("{file: /etc/3, expect: {content: {match: 'needle$'}}}", Passed),
                ("{grep: {paths: [/etc/3], match: 'needle$'}, expect: {count: 1}}", Passed),
                ("{file: /etc/31, expect: {content: {match: 'needle$'}}}", Passed),
                ("{file: /etc/31, expect: {lines: {includes: x}}}", Failed("not shown")),
                ("{ini: /etc/31, expect: {xneedle: nil}}", Failed("")),
            ],
        )
        .heavy(),
        row(
            "text that patterns go astray in",
            |tree| tree.file("etc/a", "a".repeat(1 << 20)),
            &[
                ("{file: /etc/a, expect: {content: {not: {match: '(a+)+$b'}}}}", Passed),
                ("{file: /etc/a, expect: {content: {not: {match: '^(a|aa)+c'}}}}", Passed),
                ("{file: /etc/a, expect: {content: {not: {match: '(a*)*(a*)*c'}}}}", Passed),
                ("{file: /etc/a, expect: {content: {not: {match: '(.*a){20}c'}}}}", Passed),
                ("{grep: {paths: [/etc/a], match: '(?<x>a*)*c'}, expect: {count: 0}}", Passed),
            ],
        ),
        row(
            "a hash that takes too long",
            |tree| tree.sparse("etc/big", (4 << 30) - 1),
            &[("{file: /etc/big, expect: {sha512sum: x}}", Error("the scan did not end within 2 s"))],
        )
        .arguments(&["--timeout", "2"]),
        row(
            "many files that are large together",
            |tree| {
                for number in 0..40 {
                    tree.sparse(&format!("etc/d/{number}"), 31 << 20);
                    tree.sparse(&format!("var/lib/dpkg/status.d/{number}"), 31 << 20);
                }
            },
            &[
                ("{ini: {paths: [/etc/d/*]}, expect: {a: 1}}", Error("too large")),
                ("{package: bash, expect: {installed: false}}", Error("")),
                (
                    "{find: {under: [/etc/d], type: file}, expect: {content: {not: {match: needle}}}}",
                    Error("more than is kept"),
                ),
            ],
        )
        .heavy(),
    ]
}

/// Names that no tool expects.
pub(crate) fn names() -> Vec<Row> {
    let long = "x".repeat(255);
    let path = |bytes: usize| "/x".repeat(bytes / 2);
    vec![
        row(
            "names that are no text",
            |tree| {
                tree.file_bytes(b"etc/caf\xe9", b"caf\xe9 \xff\xfe needle\n");
                tree.file_bytes(b"etc/new\nline", "");
                tree.file_bytes(b"etc/esc\x1b[2J", "");
                tree.file_bytes(b"etc/back\\xff", "literal");
            },
            &[
                (r"{file: '/etc/caf\xe9', expect: {exist: true}}", Passed),
                (r"{file: '/etc/caf\xe9', expect: {content: {match: needle}}}", Passed),
                (r"{file: '/etc/caf\xe9', expect: {content: {match: '(?-u)caf\xe9'}}}", Passed),
                (r"{file: '/etc/caf\xe9', expect: {lines: {match: '\d'}}}", Failed("not shown")),
                (r"{file: '/etc/new\x0aline', expect: {exist: true}}", Passed),
                (r"{file: '/etc/esc\x1b[2J', expect: {exist: true}}", Passed),
                (r"{file: '/etc/back\x5cxff', expect: {content: literal}}", Passed),
                (r"{find: {under: [/etc], name: 'caf*'}, expect: {paths: {empty: true}}}", Failed(r"/etc/caf\xe9")),
                (r"{grep: {paths: [/etc/*], match: needle}, expect: {count: 0}}", Failed(r"/etc/caf\xe9:1")),
                (r"{json: '/etc/caf\xe9', expect: {a: 1}}", Error(r"/etc/caf\xe9: ")),
                (r"{yaml: '/etc/caf\xe9', expect: {a: 1}}", Error("not UTF-8")),
            ],
        ),
        row("names and paths as long as they come", |tree| tree.file(&format!("etc/{}", "x".repeat(255)), "long"), &[])
            .and([
                (format!("{{file: /etc/{long}, expect: {{content: long}}}}"), Passed),
                (format!("{{file: /etc/{long}x, expect: {{exist: false}}}}"), Error("longer than the kernel takes")),
                (format!("{{file: {}, expect: {{exist: false}}}}", path(4094)), Passed),
                (format!("{{file: {}, expect: {{exist: false}}}}", path(4096)), Error("longer than the kernel takes")),
                (format!("{{file: {}, expect: {{exist: false}}}}", path(9000)), Error("longer than the kernel takes")),
            ]),
    ]
}

/// What may not be read must never be taken for absent or clean.
pub(crate) fn rights() -> Vec<Row> {
    vec![
        row(
            "a file without rights",
            |tree| {
                tree.file("etc/passwd", "root:x:0:0::/:/bin/sh\n");
                tree.file("etc/locked", "nothing to see\n");
                tree.mode("etc/locked", 0);
                tree.link("etc/link", "locked");
                for path in ["etc/shadow", "var/lib/dpkg/status", "etc/os-release", "etc/ssh/sshd_config"] {
                    tree.file(path, "");
                    tree.mode(path, 0);
                }
            },
            &[
                ("{file: /etc/locked, expect: {exist: true}}", Passed),
                ("{file: /etc/locked, expect: {mode: \"0000\"}}", Passed),
                ("{file: /etc/locked, expect: {content: {not: {match: secret}}}}", Denied),
                ("{file: /etc/locked, missing: pass, expect: {content: {not: {match: secret}}}}", Denied),
                ("{file: /etc/locked, expect: {lines: {excludes: secret}}}", Denied),
                ("{file: /etc/locked, expect: {sha256sum: {ne: x}}}", Denied),
                ("{file: /etc/link, expect: {content: {not: {match: secret}}}}", Denied),
                ("{grep: {paths: [/etc/locked], match: secret}, expect: {count: 0}}", Denied),
                ("{grep: {paths: [/etc/*], exclude: [ssh], match: secret}, expect: {count: 0}}", Denied),
                ("{shadow: {}, expect: {exist: false}}", Denied),
                ("{shadow: {where: {password: ''}}, expect: {users: {empty: true}}}", Denied),
                ("{users: {where: {password: ''}}, expect: {users: {empty: true}}}", Denied),
                ("{package: netcat, expect: {installed: false}}", Denied),
                ("{sshd_config: {}, expect: {PermitRootLogin: {nil: true}}}", Denied),
                ("{find: {under: [/etc], type: file}, expect: {content: {not: {match: secret}}}}", Denied),
                ("{none_of: [{file: /etc/locked, expect: {content: {match: secret}}}]}", Denied),
                (
                    "{if: {file: /etc/locked, expect: {content: {match: secret}}}, \
                     then: [{file: /x, expect: {exist: true}}], else: [{file: /x, expect: {exist: false}}]}",
                    Denied,
                ),
            ],
        ),
        row(
            "a folder without rights on the way",
            |tree| {
                tree.file("etc/locked/in/file", "x\n");
                tree.file("etc/list/file", "x\n");
                tree.file("etc/pass/file", "x\n");
                tree.link("etc/through", "locked/in/file");
                tree.file("etc/passwd", "root:x:0:0::/:/bin/sh\n");
                tree.mode("etc/locked", 0);
                tree.mode("etc/list", 0o444);
                tree.mode("etc/pass", 0o111);
            },
            &[
                ("{file: /etc/locked/in/file, expect: {exist: true}}", Denied),
                ("{file: /etc/locked/in/none, expect: {exist: false}}", Denied),
                ("{file: /etc/locked/none, expect: {exist: false}}", Denied),
                ("{file: /etc/through, expect: {exist: true}}", Denied),
                ("{directory: /etc/locked, expect: {exist: true}}", Passed),
                ("{directory: /etc/locked/none, expect: {exist: false}}", Denied),
                ("{file: /etc/list/none, expect: {exist: false}}", Denied),
                ("{file: /etc/list/file, expect: {mode: \"0644\"}}", Denied),
                ("{file: /etc/pass/file, expect: {content: {match: x}}}", Passed),
                ("{file: /etc/pass/none, expect: {exist: false}}", Passed),
                ("{find: {under: [/etc/locked], name: none}, expect: {paths: {empty: true}}}", Denied),
                ("{find: {under: [/etc/list], where: {mode: {any_bits: \"7000\"}}}, expect: {count: 0}}", Denied),
                ("{find: {under: [/etc/pass], name: none}, expect: {exist: false}}", Denied),
                ("{find: {under: [/], name: none}, expect: {paths: {empty: true}}}", Denied),
                ("{find: {under: [/], exclude: [locked, list, pass], name: none}, expect: {exist: false}}", Passed),
                ("{grep: {paths: [/etc/pass/*, /etc/list/f*], match: none}, expect: {count: 0}}", Denied),
                ("{grep: {paths: [/etc/**], match: none}, expect: {count: 0}}", Denied),
                ("{file: /etc/pass/file, expect: {readable.user.0: true}}", Passed),
            ],
        ),
        row(
            "a condition that cannot be decided",
            |tree| {
                tree.file("etc/locked/file", "");
                tree.mode("etc/locked", 0);
            },
            &[
                (
                    "{if: {file: /etc/locked/none, expect: {exist: true}}, \
                     then: [{manual: x}], else: [{file: /etc, expect: {exist: true}}]}",
                    Denied,
                ),
                (
                    "{any_of: [{file: /etc/locked/none, expect: {exist: false}}, {file: /etc/locked/more, expect: {exist: false}}]}",
                    Denied,
                ),
            ],
        ),
    ]
}

/// Trees of odd shapes.
pub(crate) fn shapes() -> Vec<Row> {
    vec![
        row(
            "5,000 levels of folders",
            |tree| {
                let last = tree.deep("deep", "d", 5_000);
                drop(openat(&last, "needle", OFlags::CREATE | OFlags::WRONLY, Mode::from_raw_mode(0o644)).unwrap());
            },
            &[
                ("{find: {under: [/deep], name: needle}, expect: {count: 1}}", Passed),
                ("{find: {under: [/deep], name: none}, expect: {exist: false}}", Passed),
                ("{find: {under: [/deep], name: needle}, expect: {mode: \"0644\"}}", Passed),
                ("{find: {under: [/deep], name: needle}, expect: {content: ''}}", Passed),
                ("{find: {under: [/deep], depth: 10}, expect: {count: 11}}", Passed),
            ],
        ),
        row(
            "paths that are longer than the kernel takes",
            |tree| drop(tree.deep("deep", &"d".repeat(255), 400)),
            &[
                ("{find: {under: [/deep], name: none}, expect: {exist: false}}", Error("too large")),
                ("{grep: {paths: [/deep/**], match: x}, expect: {count: 0}}", Error("longer than the kernel takes")),
            ],
        ),
        row(
            "more levels than are walked",
            |tree| drop(tree.deep("deep", "d", 8_100)),
            &[(
                "{find: {under: [/deep], name: none}, expect: {exist: false}}",
                Error("too large: 8001 levels of folders"),
            )],
        )
        .heavy(),
        row(
            "200,000 files in one folder",
            |tree| {
                tree.folder("many");
                for number in 0..200_001 {
                    let (path, mode) = (tree.at(&format!("many/{number}")), Mode::from_raw_mode(0o644));
                    rustix::fs::mknodat(CWD, path, FileType::RegularFile, mode, 0).unwrap();
                }
            },
            &[
                ("{find: {under: [/many], name: none}, expect: {exist: false}}", Passed),
                ("{find: {under: [/many], where: {mode: {any_bits: \"7002\"}}}, expect: {exist: false}}", Passed),
                ("{find: {under: [/many], type: file}, expect: {count: 200001}}", Error("not everything")),
                ("{find: {under: [/many], type: file, name: '1*'}, expect: {count: 111111}}", Passed),
                ("{grep: {paths: [/many/*], match: x}, expect: {count: 0}}", Error("too large")),
                ("{grep: {paths: [/many/77*], match: x}, expect: {count: 0}}", Passed),
            ],
        )
        .heavy(),
        row(
            "a wide tree",
            |tree| {
                for outer in 0..40 {
                    for inner in 0..50 {
                        tree.folder(&format!("wide/{outer}/{inner}/x"));
                    }
                }
            },
            &[("{find: {under: [/wide], type: directory}, expect: {count: 4041}}", Passed)],
        ),
        row(
            "hard links to one file",
            |tree| {
                tree.file("etc/one", "same\n");
                fs::hard_link(tree.at("etc/one"), tree.at("etc/two")).unwrap();
            },
            &[
                ("{file: /etc/one, expect: {nlink: 2}}", Passed),
                ("{file: /etc/two, expect: {content: {match: same}}}", Passed),
                ("{find: {under: [/etc], type: file}, expect: {count: 2}}", Passed),
            ],
        ),
    ]
}

/// Texts that are no such text, or too much of it.
pub(crate) fn formats() -> Vec<Row> {
    vec![
        row(
            "documents that are bombs",
            |tree| {
                tree.file("etc/nested.json", "[".repeat(100_000));
                tree.file("etc/nested-objects.json", "{\"a\":".repeat(100_000));
                tree.file("etc/nested.yaml", "- ".repeat(10_000));
                tree.file("etc/flow.yaml", "[".repeat(10_000));
                tree.file("etc/maps.yaml", "{a: ".repeat(10_000));
                tree.file("etc/keys.yaml", "? ".repeat(10_000));
                tree.file("etc/alias.yaml", alias_bomb());
                tree.file("etc/self.yaml", "a: &a [*a]\n");
                tree.file("etc/tag.yaml", "a: !!python/object/apply:os.system ['id']\n");
                tree.file("etc/many.json", format!("[{}1]", "1,".repeat(15 << 20)));
                tree.file("etc/many.yaml", format!("[{}1]", "1,".repeat(15 << 20)));
                tree.file("etc/pairs.yaml", format!("{{{}1}}", "a,".repeat(15 << 20)));
                tree.file("etc/lines.yaml", "- 1\n".repeat(7 << 20));
                tree.file("etc/anchors.yaml", "- &a 1\n".repeat(1 << 20));
                tree.file("etc/quotes.yaml", format!("\"{}", "\\\"".repeat(15 << 20)));
                tree.file("etc/twice.json", "{\"a\": 1, \"a\": 2}");
            },
            &[
                ("{json: /etc/nested.json, expect: {a: {nil: true}}}", Error("not JSON")),
                ("{json: /etc/nested-objects.json, expect: {b: {nil: true}}}", Error("not JSON")),
                ("{yaml: /etc/nested.yaml, expect: {a: {nil: true}}}", Error("not YAML")),
                ("{yaml: /etc/flow.yaml, expect: {a: {nil: true}}}", Error("not YAML")),
                ("{yaml: /etc/maps.yaml, expect: {b: {nil: true}}}", Error("not YAML")),
                ("{yaml: /etc/keys.yaml, expect: {b: {nil: true}}}", Error("not YAML")),
                ("{yaml: /etc/alias.yaml, expect: {x: {nil: true}}}", Error("not YAML")),
                ("{yaml: /etc/self.yaml, expect: {x: {nil: true}}}", Error("not YAML")),
                ("{yaml: /etc/tag.yaml, expect: {a: ['id']}}", Passed),
                ("{json: /etc/many.json, expect: {a: {nil: true}}}", Error("more than")),
                ("{yaml: /etc/many.yaml, expect: {a: {nil: true}}}", Error("")),
                ("{yaml: /etc/pairs.yaml, expect: {b: {nil: true}}}", Error("")),
                ("{yaml: /etc/lines.yaml, expect: {a: {nil: true}}}", Error("")),
                ("{yaml: /etc/anchors.yaml, expect: {a: {nil: true}}}", Error("")),
                ("{yaml: /etc/quotes.yaml, expect: {a: {nil: true}}}", Error("")),
                ("{json: /etc/twice.json, expect: {a: 2}}", Passed),
            ],
        )
        .heavy(),
        row(
            "documents that are large together",
            |tree| {
                for number in 0..20 {
                    tree.repeated(&format!("etc/{number}.json"), " ", 0);
                    tree.file(&format!("etc/{number}.json"), format!("[{}\"\"]", "\"a\",".repeat(900_000)));
                }
            },
            &[],
        )
        .and(
            (0..20).map(|number| (format!("{{json: /etc/{number}.json, expect: {{'[0]': b}}}}"), Failed("got: \"a\""))),
        )
        .heavy(),
        row(
            "account files that are bombs",
            |tree| {
                tree.numbered("etc/million", 1_000_000, |number| format!("user{number}:x:{number}:0::/:/bin/sh\n"));
                tree.numbered("etc/passwd", 199_000, |number| format!("user{number}:x:{number}:0::/:/bin/sh\n"));
                tree.file("etc/nul", b"root\0:x:0:0::/:/bin/sh\nroot:x:\x000:0::/:/bin/sh\n");
                tree.file("etc/twice", "root:x:0:0::/:/bin/sh\nroot:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n");
                tree.file("etc/colons", ":".repeat(32 << 20));
                tree.file("etc/group", format!("g:x:0:{}\n", "a,".repeat(15 << 20)));
                tree.file("etc/number", "root:x:0x0:0::/:/bin/sh\nhuge:x:99999999999999999999:0::/:/bin/sh\n");
            },
            &[
                ("{passwd: {path: /etc/million}, expect: {exist: true}}", Error("more than 200000")),
                ("{passwd: {}, expect: {count: 199000}}", Passed),
                ("{passwd: {where: {uid: 0}}, expect: {users: [user0]}}", Passed),
                ("{file: /etc/passwd, expect: {owner: {ne: x}}}", Passed),
                ("{passwd: {path: /etc/nul, where: {uid: 0}}, expect: {users: [root]}}", Error("a NUL stands there")),
                ("{passwd: {path: /etc/twice, where: {uid: 0}}, expect: {users: [root]}}", Failed("toor")),
                ("{passwd: {path: /etc/colons}, expect: {users: [root]}}", Failed("")),
                ("{groups: {}, expect: {members: {excludes: b}}}", Error("more than")),
                ("{users: {where: {user: user1}}, expect: {groups: [g]}}", Error("more than")),
                ("{passwd: {path: /etc/number, where: {uid: 0}}, expect: {exist: false}}", Error("is not a number")),
            ],
        )
        .heavy(),
        row(
            "configuration files that are bombs",
            |tree| {
                tree.file("etc/os-release", [&b"\x7fELF\x00\xff\xfe\n"[..], &b"A=\n".repeat(10 << 20)].concat());
                tree.file("etc/login.defs", "A\n".repeat(15 << 20));
                tree.file("etc/lines", "a=1\n".repeat(7 << 20));
                tree.file("etc/values", format!("a={}\n", "1,".repeat(1 << 20)));
                tree.file("etc/ssh/sshd_config", "a\n".repeat(15 << 20));
                tree.numbered("etc/ssh/keys", 190_000, |number| format!("key{number} 1\n"));
                tree.file("etc/ssh/one", "Include other\n".repeat(100) + "Port 1\n");
                tree.file("etc/ssh/other", "Include one\n".repeat(100) + "Port 2\n");
                tree.file("etc/ssh/ciphers", format!("Ciphers {}\n", "a,".repeat(1 << 20)));
                tree.numbered("var/lib/dpkg/status", 250_000, |number| format!("Package: p{number}\nVersion: 1\n\n"));
            },
            &[
                ("{os: {}, expect: {name: debian}}", Error("more than")),
                ("{login_defs: {}, expect: {UMASK: {nil: true}}}", Error("more than")),
                ("{parse_config_file: /etc/lines, expect: {b: {nil: true}}}", Error("more than")),
                (
                    "{parse_config_file: {path: /etc/values, multiple_values: true, multiple_value_regex: ','}, \
                     expect: {b: {nil: true}}}",
                    Error("more than"),
                ),
                ("{ini: /etc/values, expect: {a: {split: ',', excludes: '2'}}}", Error("split makes more than")),
                (
                    "{grep: {paths: [/etc/values], match: '(?<all>.*)', where: {all: {split: ',', includes: '1'}}}, \
                     expect: {count: 0}}",
                    Error("split makes more than"),
                ),
                ("{sshd_config: {}, expect: {PermitRootLogin: {nil: true}}}", Error("more than")),
                ("{sshd_config: {path: /etc/ssh/keys}, expect: {key189999: '1'}}", Passed),
                ("{sshd_config: {path: /etc/ssh/one}, expect: {PermitRootLogin: {nil: true}}}", Error("Include")),
                (
                    "{sshd_config: {path: /etc/ssh/ciphers}, expect: {Ciphers: {split: ',', excludes: b}}}",
                    Error("split makes more than"),
                ),
                ("{package: bash, expect: {installed: false}}", Error("more than 200000")),
            ],
        )
        .heavy(),
    ]
}

/// Documents of the other formats that are bombs.
pub(crate) fn more_formats() -> Vec<Row> {
    vec![
        row(
            "XML that is a bomb, or reads elsewhere",
            |tree| {
                let mut laughs = String::from("<!DOCTYPE a [<!ENTITY e0 'ha'>");
                for level in 1..30 {
                    let below = format!("&e{};", level - 1).repeat(10);
                    laughs.push_str(&format!("<!ENTITY e{level} '{below}'>"));
                }
                tree.file("etc/laughs.xml", laughs + "]><a>&e29;</a>");
                let quadratic = format!("<!DOCTYPE a [<!ENTITY e '{}'>]>", "x".repeat(1 << 20));
                tree.file("etc/quadratic.xml", format!("{quadratic}<a>{}</a>", "&e;".repeat(1 << 20)));
                let secret = tree.outside.join("secret");
                let external = format!("<!DOCTYPE a [<!ENTITY e SYSTEM 'file://{}'>]><a>&e;</a>", secret.display());
                tree.file("etc/external.xml", external);
                let parameter = "<!DOCTYPE a [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]><a/>";
                tree.file("etc/parameter.xml", parameter);
                tree.file("etc/dtd.xml", format!("<!DOCTYPE a SYSTEM 'file://{}'><a>x</a>", secret.display()));
                let include =
                    "<a xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='SECRET' parse='text'/></a>";
                tree.file("etc/include.xml", include.replace("SECRET", &secret.display().to_string()));
                tree.file("etc/deep.xml", format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000)));
                tree.file("etc/open.xml", "<a>".repeat(10 << 20));
                tree.file("etc/equals.xml", format!("<a>{}</a>", "=".repeat(31 << 20)));
                tree.file("etc/less.xml", format!("<a><![CDATA[{}]]></a>", "<".repeat(31 << 20)));
                tree.file("etc/wide.xml", format!("<a>{}</a>", "<b/>".repeat(7 << 20)));
                let attributes: String = (0..200_000).map(|number| format!(" a{number}='1'")).collect();
                tree.file("etc/attributes.xml", format!("<a{attributes}/>"));
                let spaces: String = (0..100_000).map(|number| format!(" xmlns:n{number}='u'")).collect();
                tree.file("etc/namespaces.xml", format!("<a{spaces}/>"));
                tree.file("etc/comment.xml", format!("<a><!--{}", "x".repeat(4 << 20)));
            },
            &[
                ("{xml: /etc/laughs.xml, expect: {/a: {nil: true}}}", Error("declares entities")),
                ("{xml: /etc/quadratic.xml, expect: {/a: {nil: true}}}", Error("declares entities")),
                ("{xml: /etc/external.xml, expect: {/a: {nil: true}}}", Error("declares entities")),
                ("{xml: /etc/parameter.xml, expect: {/b: {nil: true}}}", Error("declares entities")),
                ("{xml: /etc/dtd.xml, expect: {/a: x}}", Passed),
                ("{xml: /etc/include.xml, expect: {/a/text(): {nil: true}}}", Passed),
                ("{xml: /etc/deep.xml, expect: {/b: {nil: true}}}", Error("nested deeper than 256")),
                ("{xml: /etc/open.xml, expect: {/b: {nil: true}}}", Error("")),
                ("{xml: /etc/equals.xml, expect: {/b: {nil: true}}}", Error("more than 1000000 attributes")),
                ("{xml: /etc/less.xml, expect: {/b: {nil: true}}}", Error("more than 1000000 nodes")),
                ("{xml: /etc/wide.xml, expect: {/b: {nil: true}}}", Error("more than 1000000")),
                ("{xml: /etc/attributes.xml, expect: {/b: {nil: true}}}", Error("more than 512 attributes")),
                ("{xml: /etc/namespaces.xml, expect: {/b: {nil: true}}}", Error("declarations of namespaces")),
                ("{xml: /etc/comment.xml, expect: {/b: {nil: true}}}", Error("not XML")),
            ],
        )
        .heavy(),
        row(
            "TOML that is a bomb",
            |tree| {
                tree.file("etc/arrays.toml", format!("a = {}", "[".repeat(100_000)));
                tree.file("etc/closed.toml", format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000)));
                tree.file("etc/inline.toml", format!("a = {}", "{a = ".repeat(100_000)));
                tree.file("etc/dotted.toml", format!("a{} = 1", ".a".repeat(100_000)));
                tree.file("etc/header.toml", format!("[a{}]\n", ".a".repeat(100_000)));
                tree.repeated("etc/large.toml", "a = 1\n", 5 << 20);
                tree.repeated("etc/tables.toml", "[[a]]\n", 300_000);
                tree.numbered("etc/keys.toml", 150_000, |number| format!("k{number} = 1\n"));
                tree.file("etc/text.toml", format!("a = \"\"\"{}", "x".repeat(1 << 20)));
                tree.file("etc/twice.toml", "a = 1\na = 2\n");
            },
            &[
                ("{toml: /etc/arrays.toml, expect: {b: {nil: true}}}", Error("TOML")),
                ("{toml: /etc/closed.toml, expect: {b: {nil: true}}}", Error("TOML")),
                ("{toml: /etc/inline.toml, expect: {b: {nil: true}}}", Error("TOML")),
                ("{toml: /etc/dotted.toml, expect: {b: {nil: true}}}", Error("TOML")),
                ("{toml: /etc/header.toml, expect: {b: {nil: true}}}", Error("TOML")),
                ("{toml: /etc/large.toml, expect: {b: {nil: true}}}", Error("")),
                ("{toml: /etc/tables.toml, expect: {'a[0].b': {nil: true}}}", Passed),
                ("{toml: /etc/keys.toml, expect: {k149999: 1}}", Passed),
                ("{toml: /etc/text.toml, expect: {b: {nil: true}}}", Error("TOML")),
                ("{toml: /etc/twice.toml, expect: {a: 2}}", Error("TOML")),
            ],
        )
        .heavy(),
        row(
            "CSV that is a bomb",
            |tree| {
                tree.file("etc/columns.csv", ",".repeat(31 << 20));
                tree.file("etc/rows.csv", "a\n".repeat(15 << 20));
                tree.file("etc/quoted.csv", format!("a\n\"{}", "x".repeat(30 << 20)));
                tree.file("etc/quotes.csv", "\"".repeat((31 << 20) + 1));
                tree.file("etc/odd.csv", "a,b\n1\n1,2,3\n");
                tree.file("etc/twice.csv", "a,a\n1,2\n");
            },
            &[
                ("{csv: /etc/columns.csv, expect: {count: 0}}", Error("")),
                ("{csv: /etc/rows.csv, expect: {a: a}}", Error("more than")),
                (
                    "{csv: /etc/quoted.csv, expect: {a: {not: {match: y}}}}",
                    Error("line 2: a quote that nothing closes"),
                ),
                ("{csv: /etc/quotes.csv, expect: {count: 0}}", Error("line 1: a quote that nothing closes")),
                ("{csv: /etc/odd.csv, expect: {b: {not: {match: y}}}}", Error("")),
                ("{csv: /etc/twice.csv, expect: {a: '1'}}", Error("")),
            ],
        )
        .heavy(),
    ]
}

/// Aliases that would repeat to 9^9 values.
pub(crate) fn alias_bomb() -> String {
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for level in 1..9 {
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(",")));
    }
    bomb
}

/// What could fill the scanner's memory through its messages.
pub(crate) fn amounts() -> Vec<Row> {
    vec![
        row(
            "a long value that is asked for often",
            |tree| {
                tree.file("etc/app.json", format!("{{\"a\": \"{}\"}}", "\\u001b".repeat(1 << 20)));
            },
            &[],
        )
        .and((0..30).map(|number| (format!("{{json: /etc/app.json, expect: {{a: {number}}}}}"), Failed("got:"))))
        .heavy(),
        row(
            "many folders that may not be entered",
            |tree| {
                tree.folder("many");
                let many = openat(CWD, tree.at("many"), OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
                for number in 0..50_000 {
                    let name = format!("{}{number}", "x".repeat(200));
                    mkdirat(&many, name, Mode::empty()).unwrap();
                }
            },
            &[],
        )
        .and((0..30).map(|number| {
            (format!("{{find: {{under: [/many], name: none{number}}}, expect: {{exist: false}}}}"), Denied)
        })),
    ]
}

/// A script that mounts a filesystem there whose requests nobody ever reads.
macro_rules! hung {
    ($at:literal) => {
        concat!(
            "exec 3<>/dev/fuse\nmount -i -t fuse -o fd=3,rootmode=040000,user_id=0,group_id=0,allow_other none ",
            $at
        )
    };
}

/// Mounts within the target.
pub(crate) fn mounts() -> Vec<Row> {
    vec![
        row(
            "proc, sysfs and devpts inside the target",
            |tree| {
                for folder in ["proc", "sys", "dev/pts", "vol"] {
                    tree.folder(folder);
                }
                tree.file("etc/passwd", "target:x:0:0::/:/bin/sh\n");
            },
            &[
                ("{find: {under: [/], name: cmdline}, expect: {exist: false}}", Passed),
                ("{find: {under: [/], name: needle}, expect: {paths: [/vol/needle]}}", Passed),
                ("{find: {under: [/], one_filesystem: true, name: needle}, expect: {exist: false}}", Passed),
                ("{find: {under: [/], follow: true, name: secret}, expect: {exist: false}}", Passed),
                ("{find: {under: [/proc], name: cmdline}, expect: {exist: false}}", Error("never walked")),
                ("{find: {under: [/proc/*], name: none}, expect: {exist: false}}", Error("never walked")),
                ("{find: {under: [/sys/kernel], name: none}, expect: {exist: false}}", Error("never walked")),
                ("{grep: {paths: [/proc/*/cmdline], match: x}, expect: {exist: false}}", Error("never walked")),
                ("{grep: {paths: [/sys/**], match: x}, expect: {exist: false}}", Error("never walked")),
                ("{grep: {paths: [/*/cmdline], match: none}, expect: {count: 0}}", Passed),
                ("{file: /proc/1/root/etc/passwd, expect: {exist: false}}", Error("")),
                ("{file: /proc/self/root/etc/passwd, expect: {exist: false}}", Error("loop")),
                ("{file: /proc/self/root, expect: {symlink: true}}", Passed),
                ("{file: /proc/self/exe, expect: {exist: false}}", Error("loop")),
                ("{file: /proc/self/cwd/outside/secret, expect: {exist: false}}", Error("loop")),
                ("{file: /proc/self/fd/0, expect: {exist: false}}", Error("loop")),
                ("{file: /proc/self/exe, expect: {link_path: /x}}", Error("loop")),
                ("{file: /proc/thread-self/ns/mnt, expect: {exist: false}}", Error("loop")),
                ("{file: /proc/mounts, expect: {content: {match: needle-volume}}}", Passed),
                ("{file: /proc/sys/kernel/ostype, expect: {content: {match: Linux}}}", Passed),
                ("{directory: /proc, expect: {mounted: true}}", Passed),
                ("{directory: /etc, expect: {mounted: false}}", Passed),
                ("{file: /proc/kmsg, expect: {content: {not: {match: x}}}}", Error("")),
                ("{file: /etc/passwd, expect: {content: {match: '^target'}}}", Passed),
            ],
        )
        .needs(Needs::Mounts(
            "mount -t proc proc $1/proc; mount -t sysfs sysfs $1/sys; mount -t devpts devpts $1/dev/pts\n\
             mount -t tmpfs needle-volume $1/vol; touch $1/vol/needle",
        )),
        row(
            "a filesystem that never answers",
            |tree| {
                tree.folder("hung");
                tree.file("etc/a", "a\n");
            },
            &[
                ("{file: /etc/a, expect: {content: {match: a}}}", Passed),
                ("{file: /hung/x, expect: {exist: false}}", Error("did not answer within 10 s")),
                ("{directory: /hung, missing: pass, expect: {mode: \"0700\"}}", Error("did not answer within 10 s")),
                ("{find: {under: [/etc], name: none}, expect: {exist: false}}", Passed),
            ],
        )
        .needs(Needs::Fuse(hung!("$1/hung"))),
        row(
            "a walk into a filesystem that never answers",
            |tree| tree.folder("hung"),
            &[("{find: {under: [/], name: none}, expect: {exist: false}}", Error("did not end within 3 s"))],
        )
        .arguments(&["--timeout", "3"])
        .needs(Needs::Fuse(hung!("$1/hung"))),
        refused("a root that never answers", "hung", |tree| tree.folder("hung"), "did not answer within")
            .arguments(&["--timeout", "3"])
            .needs(Needs::Fuse(hung!("$1"))),
        row(
            "a root that is a mount point",
            |tree| tree.folder("vol"),
            &[
                ("{file: /needle, expect: {exist: true}}", Passed),
                ("{file: /../etc, expect: {exist: false}}", Passed),
                ("{directory: /, expect: {mounted: true}}", Passed),
            ],
        )
        .needs(Needs::Mounts("mount -t tmpfs tmpfs $1; touch $1/needle")),
    ]
}

/// Roots that are not what they should be.
pub(crate) fn roots() -> Vec<Row> {
    let mut linked = row(
        "a root that is a link",
        |tree| {
            tree.file("real/etc/a", "a\n");
            tree.link("linked", "real");
        },
        &[
            ("{file: /etc/a, expect: {exist: true}}", Passed),
            ("{file: /../etc/a, expect: {exist: true}}", Passed),
            ("{file: /real, expect: {exist: false}}", Passed),
        ],
    );
    linked.root = "linked";
    vec![
        linked,
        refused("a root that is a file", "etc/file", |tree| tree.file("etc/file", SECRET), "is not a directory"),
        refused("a root that is a pipe", "etc/pipe", |tree| tree.pipe("etc/pipe"), "but a named pipe"),
        refused("a root that is empty", "etc/empty", |tree| tree.folder("etc/empty"), "is empty"),
        refused("a root that is not there", "etc/none", |_| (), "does not exist"),
        refused("a root that is a loop", "loop", |tree| tree.link("loop", "loop"), "links in a loop"),
    ]
}
