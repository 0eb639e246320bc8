//! What a tar gave out of a root: nothing that it left out looks absent, and nothing but a whole archive is taken.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "tests make and read their own files")]

mod archive;
mod fixture;

use std::fs;
use std::io::Write;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use archive::{Member, file, folder, hard_link, hex, special, symlink, tar};
use assay::rootfs::{GivenOut, Kind, Links, LookError, Root, WalkOptions, Walker, Withheld, walk};
use fixture::{Scratch, is_root, materialise, skipped};

fn open(archives: &[Vec<u8>], withheld: &[Withheld], xattrs: bool) -> Result<Root, String> {
    let archives = archives.iter().map(|bytes| {
        let file = rustix::fs::memfd_create("archive", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let mut file = fs::File::from(file);
        file.write_all(bytes).unwrap();
        (file.into(), hex(bytes))
    });
    let given =
        GivenOut { archives: archives.collect(), withheld: withheld.to_vec(), kernel: &["proc", "sys"], xattrs };
    Root::given_out(given, Instant::now() + Duration::from_secs(600)).map_err(|error| error.to_string())
}

fn root(members: &[Member], withheld: &[Withheld]) -> Root {
    open(&[tar(members)], withheld, true).unwrap()
}

fn refused(members: &[Member]) -> String {
    open(&[tar(members)], &[], true).err().unwrap()
}

fn withheld(path: &str, kind: Option<Kind>, why: LookError) -> Withheld {
    Withheld { path: path.as_bytes().to_vec(), kind, why }
}

fn look(root: &Root, path: &str) -> Result<Kind, LookError> {
    root.lookup(path.as_bytes(), Links::Follow).map(|node| node.metadata.kind)
}

fn content(root: &Root, path: &str) -> Vec<u8> {
    let node = root.lookup(path.as_bytes(), Links::Follow).unwrap();
    root.read(&node, 1 << 20).unwrap().to_vec()
}

/// What a walk meets below a folder, and what it could not look at.
fn walked(root: &Root, start: &str, options: WalkOptions) -> (Vec<String>, Vec<String>) {
    let met = Mutex::new(Vec::new());
    let visit = |found: &assay::rootfs::Found<'_>| {
        met.lock().unwrap().push(String::from_utf8(found.path()).unwrap());
    };
    let walker = Walker { starts: vec![start.as_bytes().to_vec()], options, exclude: &[], visit: &visit };
    let missed = walk(root, &[walker], false).remove(0);
    let missed = missed.iter().map(|one| format!("{}: {}", String::from_utf8_lossy(&one.path), one.error));
    let missed = missed.collect();
    let mut met = met.into_inner().unwrap();
    met.sort();
    (met, missed)
}

#[test]
fn files_are_those_that_were_given_out() {
    let device = Member { device: (1, 3), ..special(b'3', "./dev/null") };
    let root = root(
        &[
            folder("./").mode(0o711),
            folder("./dev/"),
            device,
            folder("./etc/"),
            file("./etc/passwd", "root:x:0:0\n").owner(0, 42).mode(0o640),
            hard_link("./etc/passwd-", "./etc/passwd"),
            symlink("./etc/mtab", "/proc/mounts"),
            file("./etc/.wh.passwd", "a name like any other"),
            folder("./proc/"),
            folder("./sys").mode(0o555),
        ],
        &[],
    );
    assert_eq!(root.top().unwrap().metadata.mode, 0o711);
    assert_eq!(content(&root, "/etc/passwd-"), b"root:x:0:0\n");
    assert_eq!(content(&root, "/etc/.wh.passwd"), b"a name like any other");
    let passwd = root.lookup(b"/etc/passwd", Links::Follow).unwrap().metadata;
    assert_eq!((passwd.mode, passwd.uid, passwd.gid, passwd.mount_root, passwd.immutable), (0o640, 0, 42, None, None));
    assert_eq!(look(&root, "/dev/null"), Ok(Kind::CharacterDevice));
    assert_eq!(look(&root, "/etc/shadow"), Err(LookError::Absent));
    assert_eq!(root.resolver(), "tar");
    assert!(root.image_facts().is_none());

    // The kernel's folders are there, and nobody knows what is in them.
    assert_eq!(root.lookup(b"/sys", Links::Follow).unwrap().metadata.mode, 0o555);
    let unknown = LookError::Unsupported("it is the kernel's, which tar was not asked for");
    for path in ["/proc/1/status", "/sys/x", "/etc/mtab"] {
        assert_eq!(look(&root, path), Err(unknown.clone()), "{path}");
    }
    assert_eq!(root.list(&root.lookup(b"/proc", Links::Follow).unwrap(), &mut |_, _| true), Err(unknown));
    let (met, missed) = walked(&root, "/", WalkOptions::default());
    assert!(
        met.contains(&"/proc".to_owned()) && met.contains(&"/etc/passwd-".to_owned()) && missed.is_empty(),
        "{missed:?}"
    );
    let (_, missed) = walked(&root, "/proc", WalkOptions::default());
    assert_eq!(missed, ["/proc: cannot be told: a kernel filesystem is never walked"]);
    let (_, missed) = walked(&root, "/etc", WalkOptions { one_filesystem: true, ..WalkOptions::default() });
    assert_eq!(missed, ["/etc: cannot be told: tar does not tell where other filesystems begin"]);
}

#[test]
fn what_was_left_out_is_never_absent() {
    let denied = LookError::Denied { right: "r" };
    let socket = LookError::Unsupported("it is a socket, which tar does not give out");
    let root = root(
        &[
            folder("./"),
            folder("./etc"),
            file("./etc/torn", "half"),
            hard_link("./etc/torn-too", "./etc/torn"),
            // As busybox has it: the file that was denied has another name.
            hard_link("./etc/shadow-", "./etc/shadow"),
            folder("./proc"),
            folder("./root"),
            folder("./run"),
            symlink("./to-root", "root/.ssh"),
        ],
        &[
            withheld("/etc/shadow", None, denied.clone()),
            withheld("/etc/torn", None, LookError::Changed),
            withheld("/proc/1", None, LookError::Changed),
            withheld("/proc", None, LookError::Changed),
            withheld("/root", None, denied.clone()),
            withheld("/root/deeper", None, denied.clone()),
            withheld("/run/docker.sock", Some(Kind::Socket), socket.clone()),
        ],
    );
    for (path, why) in [
        ("/etc/shadow", &denied),
        ("/etc/shadow-", &denied),
        ("/etc/torn", &LookError::Changed),
        ("/etc/torn-too", &LookError::Changed),
        ("/root", &denied),
        ("/root/any/thing", &denied),
        ("/to-root", &denied),
        ("/run/docker.sock", &socket),
        ("/run/docker.sock/x", &socket),
    ] {
        assert_eq!(look(&root, path), Err(why.clone()), "{path}");
    }
    assert_eq!(look(&root, "/etc/other"), Err(LookError::Absent));
    let (met, missed) = walked(&root, "/", WalkOptions::default());
    assert!(
        ["/etc/shadow", "/root", "/run/docker.sock"].iter().all(|path| met.contains(&(*path).to_owned())),
        "{met:?}"
    );
    // What a socket is was said; all others could be folders.
    let places: Vec<&str> = missed.iter().map(|one| one.split(':').next().unwrap()).collect();
    assert_eq!(places, ["/etc/shadow", "/etc/shadow-", "/etc/torn", "/etc/torn-too", "/root"]);
}

#[test]
fn without_attributes_none_is_said_to_be_missing() {
    let members = [folder("./"), file("./ping", "").pax("SCHILY.xattr.security.capability", "x")];
    let xattr = |root: &Root| root.xattr(&root.lookup(b"/ping", Links::Follow).unwrap(), "security.capability");
    assert_eq!(xattr(&root(&members, &[])), Ok(Some(b"x".to_vec())));
    let why = LookError::Unsupported("this tar does not give out extended attributes");
    assert_eq!(xattr(&open(&[tar(&members)], &[], false).unwrap()), Err(why));
}

#[test]
fn only_what_such_a_tar_writes_is_taken() {
    let top = || folder("./");
    for (members, why) in [
        (vec![], "the folder / is not in it"),
        (vec![file("./", "")], "a file whose name ends in a slash"),
        (vec![symlink(".", "/etc")], ".: the root is no folder"),
        (vec![top(), top()], "./: it was given out twice"),
        (vec![top(), file("/etc", "")], "/etc: a name that was not asked for"),
        (vec![top(), file("etc", "")], "etc: a name that was not asked for"),
        (vec![top(), file("./../etc", "")], "./../etc: a name that was not asked for"),
        (vec![top(), file(".//etc", "")], ".//etc: a name that was not asked for"),
        (vec![top(), file("./a", ""), file("./a", "")], "./a: it was given out twice"),
        (vec![top(), folder("./a"), folder("./a")], "./a: it was given out twice"),
        (vec![top(), file("./a/b", "")], "./a/b: the folder that it is in was not given out before it"),
        (vec![top(), symlink("./a", "."), file("./a/b", "")], "./a/b: it lies below what is no folder"),
        (vec![top(), folder("./proc"), file("./proc/1", "")], "./proc/1: it was not asked for"),
        (vec![top(), hard_link("./a", "./b")], "./a: a hard link to a file that was not given out"),
        (vec![top(), hard_link("./a", "/etc/passwd")], "./a: a hard link to a file that was not given out"),
        (vec![top(), folder("./b"), hard_link("./a", "./b")], "./a: a hard link to a folder"),
        (vec![top(), special(b'M', "./a")], "after ./: a member of the unknown type 'M'"),
    ] {
        assert_eq!(refused(&members), why);
    }
    let whole = tar(&[top(), file("./a", "content")]);
    let cut = |end: usize| open(&[whole[..end].to_vec()], &[], true);
    assert!(cut(whole.len()).is_ok());
    assert_eq!(cut(whole.len() - 1024).unwrap_err(), "it has no end");
    assert_eq!(cut(whole.len() - 1500).unwrap_err(), "after ./a: the layer ends within a file");
    for garbage in [&b""[..], b"no tar", &[0; 512], b"tar: x\n"] {
        assert!(open(&[garbage.to_vec()], &[], true).is_err(), "{garbage:?}");
    }
    let packed = archive::packed(&whole, archive::Packed::Gzip);
    assert_eq!(open(&[packed], &[], true).unwrap_err(), "it is compressed, which it was not to be");
    let more = [&whole[..], b"more"].concat();
    assert_eq!(open(&[more], &[], true).unwrap_err(), "more follows behind the end of the archive");
    // What is withheld must have a place.
    for (path, why) in [
        ("/", "/: it changed while it was read"),
        ("/none/x", "/none/x: it changed while it was read, and the folder that it is in was not given out"),
        ("/a/x", "/a/x: it changed while it was read, and the folder that it is in was not given out"),
    ] {
        let withheld = withheld(path, None, LookError::Changed);
        assert_eq!(open(std::slice::from_ref(&whole), &[withheld], true).unwrap_err(), why);
    }
}

/// What the programs themselves write of a whole tree is read, and says the same as the tree.
#[test]
fn gnu_tar_and_busybox_give_out_what_is_there() {
    let test = "gnu_tar_and_busybox_give_out_what_is_there";
    if !is_root() {
        return skipped(test, "root");
    }
    let stage = Scratch::new();
    let tree = stage.path("tree");
    materialise("standard", &tree);
    for name in ["proc", "sys"] {
        fs::create_dir_all(tree.join(name)).unwrap();
        fs::write(tree.join(name).join("inner"), "").unwrap();
    }
    let deep = tree.join("d".repeat(200)).join("e".repeat(200));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("f"), "deep").unwrap();
    let sparse = fs::File::create(tree.join("sparse")).unwrap();
    sparse.set_len(64 << 20).unwrap();
    fs::hard_link(tree.join("etc/passwd"), tree.join("passwd-too")).unwrap();
    let names: Vec<String> =
        fs::read_dir(&tree).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let others = names.iter().filter(|name| !["proc", "sys"].contains(&name.as_str())).map(|name| format!("./{name}"));
    let others: Vec<String> = others.collect();
    let tree = tree.to_str().unwrap();
    let run = |program: &[&str], arguments: &[&str]| {
        let fixed = ["-c", "-f", "-", "-C", tree];
        let output = Command::new(program[0]).args([&program[1..], &fixed, arguments].concat()).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let gnu = [
        "--format=posix",
        "--numeric-owner",
        "--sparse",
        "--xattrs",
        "--xattrs-include=*",
        "--exclude=./proc/*",
        "--exclude=./sys/*",
        ".",
    ];
    let gnu = vec![run(&["tar"], &gnu)];
    assert!(gnu[0].len() < 64 << 20);
    let busybox = match Command::new("busybox").arg("true").output() {
        Err(_) => {
            skipped(test, "busybox-static");
            None
        }
        Ok(_) => {
            let folders = run(&["busybox", "tar"], &["--no-recursion", ".", "./proc", "./sys"]);
            Some(vec![folders, run(&["busybox", "tar"], &others.iter().map(String::as_str).collect::<Vec<_>>())])
        }
    };
    let whole = Root::open(tree.as_ref(), assay::rootfs::Resolver::Auto).unwrap();
    for (archives, xattrs) in [(Some(gnu), true), (busybox, false)] {
        let Some(archives) = archives else { continue };
        let given = open(&archives, &[], xattrs).unwrap();
        let (met, missed) = walked(&given, "/", WalkOptions::default());
        let (mut wanted, _) = walked(&whole, "/", WalkOptions::default());
        wanted.retain(|path| !path.ends_with("/inner"));
        assert_eq!((met, missed), (wanted.clone(), Vec::new()));
        for path in wanted {
            let at = |root: &Root| root.lookup(path.as_bytes(), Links::Stay).unwrap();
            let (one, other) = (at(&given), at(&whole));
            let facts = |node: &assay::rootfs::Node| {
                let metadata = &node.metadata;
                (metadata.kind, metadata.mode, metadata.uid, metadata.gid, metadata.mtime.0)
            };
            assert_eq!(facts(&one), facts(&other), "{path}");
            if one.metadata.kind == Kind::File {
                let sum = |root: &Root, node| {
                    let mut all = Vec::new();
                    root.stream(node, 1 << 30, &mut |piece| all.extend_from_slice(piece)).unwrap();
                    hex(&all)
                };
                assert_eq!(sum(&given, &one), sum(&whole, &other), "{path}");
            }
        }
    }
}
