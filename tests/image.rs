//! Images in archives: what is refused, which image is meant, and that the tree is the one that others unpack.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "tests make and read their own files")]

mod archive;
mod fixture;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use archive::{
    Image, Layout, Member, Packed, digest, docker_tar, file, folder, gzip_members, hard_link, hex, packed, special,
    symlink, tar, whiteout,
};
use assay::rootfs::{Found, ImageChoice, Kind, Links, Node, Resolver, Root, WalkOptions, Walker, walk};
use fixture::{Run, Scratch, is_root, materialise, run};
use serde_json::{Value, json};

/// A profile that any tree passes.
const PROFILE: &str = "schema: 1\nname: p\ncontrols:\n  - id: c\n    title: t\n    checks:\n      - {find: {under: [/]}, expect: {count: {ge: 1}}}\n";

fn scan(stage: &Scratch, arguments: &[&str]) -> Run {
    stage.write("p.yaml", PROFILE);
    run(&stage.0, [&["scan", "p.yaml", "--image"], arguments].concat())
}

fn open(path: &Path) -> Root {
    let deadline = Instant::now() + Duration::from_secs(600);
    Root::image(
        assay::rootfs::Image::open(path, &ImageChoice::default(), deadline, &std::sync::Arc::default()).unwrap(),
    )
}

/// An image of these layers, opened, in each compression and as an archive of docker save.
fn roots(stage: &Scratch, layers: &[&[Member]]) -> Vec<Root> {
    let image = |how| Image::new(layers).packed(how);
    let mut roots = Vec::new();
    for how in [Packed::Plain, Packed::Gzip, Packed::Zstd] {
        let path = stage.path(&format!("{how:?}"));
        Layout::of(&image(how)).write_folder(&path);
        roots.push(open(&path));
    }
    roots.push(open(&stage.write("docker.tar", docker_tar(&[(&["a:1"], &image(Packed::Plain))]))));
    roots
}

/// All that can be told of a file.
#[derive(Debug, PartialEq)]
struct Facts {
    kind: Kind,
    mode: u32,
    owner: (u32, u32),
    /// Not of folders: how large they are is the filesystem's own affair.
    size: Option<u64>,
    nlink: Option<u64>,
    mtime: (i64, u32),
    sha256: Option<String>,
    link: Option<String>,
    xattrs: Vec<(String, Vec<u8>)>,
}

/// Every file of a root by its path.
fn tree(root: &Root) -> BTreeMap<String, Facts> {
    let mut found = BTreeMap::new();
    let mut pending = vec![(String::from("/"), root.top().unwrap())];
    while let Some((path, node)) = pending.pop() {
        if node.metadata.kind == Kind::Directory {
            root.list(&node, &mut |name, kind| {
                let child = root.child(&node, name).unwrap();
                assert!(kind.is_none_or(|kind| kind == child.metadata.kind));
                pending.push((format!("{}/{}", path.trim_end_matches('/'), String::from_utf8_lossy(name)), child));
                true
            })
            .unwrap();
        }
        found.insert(path, facts(root, &node));
    }
    found
}

fn facts(root: &Root, node: &Node) -> Facts {
    let metadata = &node.metadata;
    let is_folder = metadata.kind == Kind::Directory;
    let sha256 = (metadata.kind == Kind::File).then(|| {
        let (mut streamed, whole) = (Vec::new(), root.read(node, 1 << 30).unwrap());
        root.stream(node, 1 << 30, &mut |piece| streamed.extend_from_slice(piece)).unwrap();
        assert_eq!(*whole, *streamed);
        assert_eq!(metadata.size, whole.len() as u64);
        hex(&whole)
    });
    let xattrs = ["security.capability", "system.posix_acl_access", "user.test"];
    let xattrs = xattrs.iter().filter_map(|name| Some(((*name).to_owned(), root.xattr(node, name).unwrap()?)));
    Facts {
        kind: metadata.kind,
        mode: metadata.mode,
        owner: (metadata.uid, metadata.gid),
        size: (!is_folder).then_some(metadata.size),
        nlink: (!is_folder).then_some(metadata.nlink),
        mtime: metadata.mtime,
        sha256,
        link: (metadata.kind == Kind::Symlink)
            .then(|| String::from_utf8_lossy(&root.read_link(node).unwrap()).into_owned()),
        xattrs: if metadata.kind == Kind::Symlink { Vec::new() } else { xattrs.collect() },
    }
}

fn paths(root: &Root) -> Vec<String> {
    tree(root).into_keys().collect()
}

fn content(root: &Root, path: &str) -> String {
    let node = root.lookup(path.as_bytes(), Links::Follow).unwrap();
    String::from_utf8(root.read(&node, 1 << 20).unwrap().to_vec()).unwrap()
}

#[test]
fn layers_become_one_tree() {
    let stage = Scratch::new();
    let long = "d".repeat(200);
    let lower: &[Member] = &[
        folder("./").mode(0o711),
        folder("etc/"),
        file("etc/passwd", "root:x:0:0\n").mode(0o600).owner(0, 42),
        file("/absolute", "its slash is nothing"),
        file("gone", ""),
        folder("cleared").owner(7, 8),
        file("cleared/old/deep", ""),
        file("becomes-folder", ""),
        folder("becomes-file"),
        file("becomes-file/inner", ""),
        file("linked", "one inode"),
        file(format!("{long}/{long}"), "long names"),
        symlink("to-etc", "/etc"),
        special(b'6', "pipe"),
        Member { device: (1, 3), ..special(b'3', "null") },
        Member { device: (8, 0), ..special(b'4', "disk") },
        file("no/parents/here", ""),
        file("kept", "lower"),
    ];
    let upper: &[Member] = &[
        whiteout("gone"),
        whiteout("never-there"),
        whiteout("no/such/folder"),
        folder("cleared").mode(0o700),
        file("cleared/new", ""),
        file("cleared/.wh..wh..opq", ""),
        folder("becomes-folder"),
        file("becomes-folder/inner", ""),
        file("becomes-file", "file"),
        hard_link("second", "linked").mode(0o640),
        symlink("here", "etc"),
        file("here/through-own-link", "inside"),
        file("kept", "upper").pax("SCHILY.xattr.user.test", b"\x00\xff").pax("mtime", "-1.5").pax("uid", "4294967295"),
        file("short", "").pax("path", "from-pax"),
    ];
    for root in roots(&stage, &[lower, upper]) {
        let long = format!("/{long}");
        let mut wanted = vec![
            "/",
            "/absolute",
            "/becomes-file",
            "/becomes-folder",
            "/becomes-folder/inner",
            "/cleared",
            "/cleared/new",
            "/disk",
            "/etc",
            "/etc/passwd",
            "/etc/through-own-link",
            "/from-pax",
            "/here",
            "/kept",
            "/linked",
            "/no",
            "/no/parents",
            "/no/parents/here",
            "/null",
            "/pipe",
            "/second",
            "/to-etc",
            &long,
        ];
        let inner = format!("{long}{long}");
        wanted.push(&inner);
        wanted.sort_unstable();
        assert_eq!(paths(&root), wanted);
        let tree = tree(&root);
        assert_eq!(tree["/"].mode, 0o711);
        assert_eq!((tree["/etc/passwd"].mode, tree["/etc/passwd"].owner), (0o600, (0, 42)));
        assert_eq!((tree["/cleared"].mode, tree["/cleared"].owner), (0o700, (0, 0)));
        assert_eq!((tree["/no"].mode, tree["/no"].owner), (0o755, (0, 0)));
        assert_eq!((tree["/linked"].nlink, tree["/linked"].mode), (Some(2), 0o640));
        assert_eq!(tree["/linked"].sha256, tree["/second"].sha256);
        assert_eq!((tree["/kept"].mtime, tree["/kept"].owner.0), ((-2, 500_000_000), u32::MAX));
        assert_eq!(tree["/kept"].xattrs, [("user.test".to_owned(), b"\x00\xff".to_vec())]);
        let kinds = ["/pipe", "/null", "/disk"].map(|path| tree[path].kind);
        assert_eq!(kinds, [Kind::Pipe, Kind::CharacterDevice, Kind::BlockDevice]);
        assert_eq!(content(&root, "/kept"), "upper");
        assert_eq!(content(&root, "/to-etc/passwd"), "root:x:0:0\n");
        assert_eq!(content(&root, "/to-etc/../../linked"), "one inode");
        let layer = |path: &str| root.brought_by(&root.lookup(path.as_bytes(), Links::Stay).unwrap()).unwrap().number;
        assert_eq!(["/linked", "/second", "/etc/passwd", "/cleared"].map(layer), [1, 2, 1, 2]);
    }
}

#[test]
fn a_hundred_layers_each_on_the_other() {
    let stage = Scratch::new();
    let layers: Vec<Vec<Member>> = (0..100)
        .map(|number| {
            let mut members = vec![file(format!("d/{number}"), number.to_string()), file("last", number.to_string())];
            if number > 0 {
                members.push(whiteout(&format!("d/{}", number - 1)));
            }
            members
        })
        .collect();
    let layers: Vec<&[Member]> = layers.iter().map(Vec::as_slice).collect();
    for root in roots(&stage, &layers) {
        assert_eq!(paths(&root), ["/", "/d", "/d/99", "/last"]);
        assert_eq!(content(&root, "/last"), "99");
    }
}

/// What makes an image untrustworthy, and what is said then.
#[test]
fn what_cannot_be_trusted_is_refused() {
    let stage = Scratch::new();
    let a = || file("a", "");
    let lower: Vec<Member> =
        vec![folder("d"), file("d/f", ""), symlink("l", "d"), symlink("out", "../../.."), file("f", "")];
    let cases: Vec<(&str, Vec<Member>, &str)> = vec![
        (
            "a parent",
            vec![file("a/../../etc/passwd", "")],
            "layer 2 (sha256:*): a/../../etc/passwd: a name with `..` in it",
        ),
        ("a linked parent", vec![hard_link("x", "../etc/passwd")], "a name with `..` in it"),
        ("through a link of below", vec![file("l/x", "")], "below a link or file of a lower layer"),
        ("through a link out", vec![file("out/x", "")], "below a link or file of a lower layer"),
        ("a whiteout through a link", vec![whiteout("l/f")], "below a link or file of a lower layer"),
        ("below a file", vec![file("f/x", "")], "below what is no folder"),
        ("loops", vec![symlink("p", "q"), symlink("q", "p"), file("p/x", "")], "links in a loop"),
        ("nowhere", vec![symlink("p", "none/such"), file("p/x", "")], "below a link that leads nowhere"),
        ("no target", vec![hard_link("x", "none")], "a hard link to a file that is not there"),
        ("a folder as target", vec![hard_link("x", "d")], "a hard link to a folder"),
        ("a file and its whiteout", vec![whiteout("x"), file("x", "")], "a whiteout of it stands in the same layer"),
        ("a whiteout above", vec![file("d/g", ""), whiteout("d")], "a whiteout of it stands in the same layer"),
        ("a whiteout of nothing", vec![file(".wh.", "")], "a whiteout of nothing"),
        ("a whiteout of all", vec![file("d/.wh...", "")], "a whiteout of nothing"),
        ("a whiteout that is a folder", vec![folder(".wh.f")], "a whiteout that is no file"),
        ("two kinds of one name", vec![folder("x"), file("x", "")], "a folder and something else of one name"),
        ("overlay's device", vec![special(b'3', "f")], "a device 0:0 over a file"),
        ("overlay's mark", vec![folder("d").pax("SCHILY.xattr.trusted.overlay.opaque", "y")], "trusted.overlay.opaque"),
        ("the root as a file", vec![file("./", "")], "a file whose name ends in a slash"),
        ("the root as a link", vec![symlink(".", "d")], "the root of the image is no folder"),
        ("a long name", vec![file("n".repeat(256), "")], "longer than the kernel takes"),
        ("a long path", vec![file("n/".repeat(2100) + "n", "")], "longer than the kernel takes"),
        ("a NUL", vec![a().pax("path", b"a\0b")], "a name with a NUL"),
        ("cut short", vec![a(), Member { size: Some(1 << 20), ..a() }], "after a: the layer ends within a file"),
        ("absurd size", vec![Member { size: Some(1 << 40), ..a() }], "a member of 1099511627776 bytes, at most"),
        ("absurd size by pax", vec![a().pax("size", "18446744073709551615")], "a member of 18446744073709551615 bytes"),
        (
            "content of a folder",
            vec![Member { content: vec![0; 10], ..folder("x") }],
            "content in a member that has none",
        ),
        ("an unknown type", vec![special(b'V', "x")], "unknown type 'V'"),
        ("global records", vec![Member { content: b"8 path=a\n".to_vec(), ..special(b'g', "g") }, a()], "pax records"),
        (
            "global names",
            vec![Member { content: b"9 path=a\n".to_vec(), ..special(b'g', "g") }, a()],
            "a global pax record path",
        ),
        (
            "two names",
            vec![file("n".repeat(101), "").pax("path", "other")],
            "a long name and a pax record for one name",
        ),
        ("an end in between", vec![special(b'x', "x")], "an extension of a header without that header"),
        (
            "a large extension",
            vec![Member { size: Some(2 << 20), ..special(b'x', "x") }, a()],
            "an extension of a header of 2097152",
        ),
        ("a sparse file without size", vec![a().pax("GNU.sparse.map", "0,0")], "a sparse file without its size"),
        (
            "sparse parts outside",
            vec![file("a", "x").pax("GNU.sparse.map", "9,1").pax("GNU.sparse.size", "9")],
            "overlap or lie outside",
        ),
        (
            "sparse parts too large",
            vec![file("a", "x").pax("GNU.sparse.map", "0,600").pax("GNU.sparse.size", "600")],
            "larger than what is stored",
        ),
    ];
    for (name, members, wanted) in &cases {
        for how in [Packed::Plain, Packed::Gzip] {
            Layout::of(&Image::new(&[&lower, members]).packed(how)).write_tar(&stage.path("i.tar"));
            refused(&stage, name, wanted);
        }
    }
}

/// Scans i.tar, which must be refused with these words; a star stands for anything.
fn refused(stage: &Scratch, name: &str, wanted: &str) {
    let run = scan(stage, &["i.tar"]);
    assert_eq!((run.code, run.stdout.as_str()), (104, ""), "{name}: {}", run.stderr);
    let mut rest = run.stderr.as_str();
    assert!(rest.starts_with("error: image i.tar: ") && rest.ends_with('\n') && rest.lines().count() == 1, "{rest}");
    for part in wanted.split('*') {
        let at = rest.find(part).unwrap_or_else(|| panic!("{name}: wanted {wanted}\n{}", run.stderr));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn damaged_bytes_are_refused() {
    let stage = Scratch::new();
    let members: &[Member] = &[file("etc/a", "content".repeat(1000)), file("b", "")];
    let whole = tar(members);
    let layer = |bytes: Vec<u8>| Image { layers: vec![bytes], ..Image::new(&[]) };
    let changed = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] ^= byte;
        bytes
    };
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("a header changed", changed(0, 1), "a header whose checksum is wrong"),
        ("no tar at all", b"#!/bin/sh\n".repeat(100), "a field of a header that is no number"),
        ("a lonely block of zeros", [&whole[..whole.len() - 512], &whole[..512]].concat(), "a block of zeros"),
        ("more behind the end", [&whole[..], &[1; 10]].concat(), "more follows behind the end"),
        ("an end within a header", whole[..100].to_vec(), "ends within a header"),
        ("xz", b"\xfd7zXZ\0\0\0".to_vec(), "compressed with xz, which is not read"),
        ("gzip that ends", packed(&whole, Packed::Gzip)[..60].to_vec(), "its gzip stream ends too early"),
        (
            "gzip and more",
            [packed(&whole, Packed::Gzip), b"more, and more".to_vec()].concat(),
            "what follows its gzip stream is none",
        ),
        ("zstd that ends", packed(&whole, Packed::Zstd)[..40].to_vec(), "its zstd stream cannot be read"),
    ];
    for (name, bytes, wanted) in cases {
        Layout::of(&layer(bytes)).write_tar(&stage.path("i.tar"));
        refused(&stage, name, wanted);
    }

    // Each blob of the layout with one bit changed, and with a byte more.
    for how in [Packed::Plain, Packed::Gzip, Packed::Zstd] {
        let layout = Layout::of(&Image::new(&[members]).packed(how));
        for number in 1..layout.files.len() {
            let mut damaged = Layout { files: layout.files.clone(), manifests: layout.manifests.clone() };
            let middle = damaged.files[number].1.len() / 2;
            damaged.files[number].1[middle] ^= 1;
            damaged.write_tar(&stage.path("i.tar"));
            refused(&stage, "one bit", "");
            damaged.files[number] = layout.files[number].clone();
            damaged.files[number].1.push(b'\n');
            damaged.write_tar(&stage.path("i.tar"));
            refused(&stage, "one byte more", "bytes and should have");
        }
    }
    // The configuration knows another layer than the manifest.
    let mut layout = Layout::new();
    let other = Image { config: json!({ "rootfs": { "diff_ids": [digest(b"other")] } }), ..Image::new(&[members]) };
    let manifest = layout.add(&other);
    layout.manifests.push(manifest);
    layout.write_tar(&stage.path("i.tar"));
    refused(&stage, "another layer", "unpacked, it does not have the digest sha256:");
    let fewer = Image { config: json!({ "rootfs": { "diff_ids": [] } }), ..Image::new(&[members]) };
    Layout::of(&fewer).write_tar(&stage.path("i.tar"));
    refused(&stage, "a layer that the configuration does not know", "1 layers, and the configuration knows 0");
}

#[test]
fn archives_that_are_none_are_refused() {
    let stage = Scratch::new();
    let image = Image::new(&[&[file("a", "")]]);
    let layout = Layout::of(&image);
    let refuse = |name: &str, bytes: Vec<u8>, wanted: &str| {
        stage.write("i.tar", bytes);
        refused(&stage, name, wanted);
    };
    let whole = docker_tar(&[(&["a:1"], &image)]);
    refuse("a gzipped archive", packed(&whole, Packed::Gzip), "unpack it with gunzip first");
    refuse("a zstd archive", packed(&whole, Packed::Zstd), "unpack it with unzstd first");
    refuse("a text", b"# A heading\n".repeat(100), "it is no tar archive");
    refuse("some tar", tar(&[file("a", "")]), "neither an OCI layout");
    refuse("an empty file", Vec::new(), "neither an OCI layout");
    refuse("a member cut short", whole[..1000].to_vec(), "the archive is cut short");
    refuse("two of one name", tar(&[file("a", ""), file("a", "")]), "two members of one name");
    refuse("a name that leads out", tar(&[file("../a", "")]), "leads outside the archive");
    refuse("no JSON", tar(&[file("manifest.json", "[")]), "manifest.json: it is no JSON");
    let twice = r#"[{"Config": "c", "Layers": [], "layers": []}]"#;
    refuse("a key in two cases", tar(&[file("manifest.json", twice)]), "the key `layers` stands twice");
    let list = br#"[{"Config":"c.json","Layers":["../l"]}]"#;
    let config = image.config_bytes();
    refuse(
        "a layer outside",
        tar(&[file("manifest.json", list), file("c.json", &config)]),
        "layer 1 (../l): the archive does not hold it",
    );
    let named = format!(r#"[{{"Config":"{}.json","Layers":[]}}]"#, hex(b"other"));
    let name = format!("{}.json", hex(b"other"));
    refuse(
        "another configuration",
        tar(&[file("manifest.json", named), file(name, &config)]),
        "the digest that it is named by",
    );
    let empty = Image::new(&[&[]]);
    refuse("an empty image", docker_tar(&[(&["a:1"], &empty)]), "there is nothing to scan");

    // A layout whose blob is a link to a file outside, or a pipe.
    let (name, content) = layout.files.last().unwrap();
    layout.write_folder(&stage.path("layout"));
    fs::remove_file(stage.path("layout").join(name)).unwrap();
    std::os::unix::fs::symlink(stage.write("outside", content), stage.path("layout").join(name)).unwrap();
    let run = scan(&stage, &["layout"]);
    assert_eq!(run.code, 104);
    assert!(run.stderr.contains("not a regular file but a symbolic link"), "{}", run.stderr);
    fs::remove_file(stage.path("layout").join(name)).unwrap();
    nix::unistd::mkfifo(&stage.path("layout").join(name), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let run = scan(&stage, &["layout"]);
    assert_eq!(run.code, 104);
    assert!(run.stderr.contains("not a regular file but a named pipe"), "{}", run.stderr);
    let run = scan(&stage, &["nowhere"]);
    assert_eq!((run.code, run.stderr.as_str()), (104, "error: image nowhere: no such file\n"));
}

/// Hundreds of layers of zeros: small in the archive, endless unpacked.
#[test]
fn bombs_end_at_their_caps() {
    let stage = Scratch::new();
    let huge = [Member { size: Some(33 << 30), ..file("zeros", "") }];
    Layout::of(&Image::new(&[&huge])).write_tar(&stage.path("i.tar"));
    refused(&stage, "a file of 33 GiB", "at most 34359738368 are read");
    // A sparse file is as large as it says, and is never written out.
    let sparse = [file("hole", "").pax("GNU.sparse.map", "0,0").pax("GNU.sparse.size", "1000000000000")];
    for root in roots(&stage, &[&sparse]) {
        let node = root.lookup(b"/hole", Links::Stay).unwrap();
        assert_eq!(node.metadata.size, 1_000_000_000_000);
        assert!(root.read(&node, 1 << 20).is_err());
    }
    // Deeper than any path that the kernel takes, by links.
    let deep: Vec<Member> = (0..50)
        .flat_map(|number| {
            let name = format!("l{number}");
            let below = if number == 0 { String::new() } else { format!("l{}/", number - 1) };
            [folder(format!("{below}{}", "d/".repeat(50))), symlink(name, format!("{below}{}", "d/".repeat(50)))]
        })
        .collect();
    Layout::of(&Image::new(&[&deep])).write_tar(&stage.path("i.tar"));
    refused(&stage, "links upon links", "links in a loop");
    let manifests = |depth: usize| {
        let mut layout = Layout::new();
        let mut manifest = layout.add(&Image::new(&[&[file("a", "")]]));
        for _ in 0..depth {
            let index = serde_json::to_vec(&json!({ "manifests": [manifest] })).unwrap();
            manifest = layout.blob("application/vnd.oci.image.index.v1+json", index);
        }
        layout.manifests.push(manifest);
        layout.write_tar(&stage.path("i.tar"));
    };
    manifests(4);
    assert_eq!(scan(&stage, &["i.tar"]).code, 0);
    manifests(5);
    refused(&stage, "indexes in indexes", "more than 4 indexes, one in the other");
}

#[test]
fn the_wanted_image_is_chosen() {
    let stage = Scratch::new();
    let image = |name: &str, architecture: &str| {
        Image::new(&[&[file(name, "")]]).config(json!({ "architecture": architecture, "os": "linux" }))
    };
    let says = |run: &Run| (run.code, run.stderr.clone());
    let usage = |text: &str| (2, format!("error: image i.tar: {text}\n"));
    let (one, two) = (image("one", "amd64"), image("two", "s390x"));
    stage.write("i.tar", docker_tar(&[(&["one:1", "docker.io/library/uno:latest"], &one), (&["two:2"], &two)]));
    let ambiguous =
        "the archive holds 2 images; choose one with --image-name: docker.io/library/uno:latest, one:1, two:2";
    assert_eq!(says(&scan(&stage, &["i.tar"])), usage(ambiguous));
    let absent = "the archive holds no image three; it has docker.io/library/uno:latest, one:1, two:2";
    assert_eq!(says(&scan(&stage, &["i.tar", "--image-name", "three"])), usage(absent));
    for name in ["one:1", "docker.io/library/one:1", "uno", &digest(&one.config_bytes())] {
        let run = scan(&stage, &["i.tar", "--image-name", name, "--reporter", "json"]);
        assert_eq!(says(&run), (0, String::new()));
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(report["passthrough"]["assay"]["target"]["image"]["config_digest"], digest(&one.config_bytes()));
    }
    let platform = "there is no image for linux/arm64; choose with --platform: linux/s390x";
    assert_eq!(says(&scan(&stage, &["i.tar", "--image-name", "two:2", "--platform", "linux/arm64"])), usage(platform));
    assert_eq!(scan(&stage, &["i.tar", "--image-name", "two:2"]).code, 0, "the only platform needs no choice");

    // One index for several platforms, with an attestation beside them.
    let mut layout = Layout::new();
    let mut manifests = Vec::new();
    for (name, platform) in [
        ("v6", json!({ "os": "linux", "architecture": "arm", "variant": "v6" })),
        ("v7", json!({ "os": "linux", "architecture": "arm", "variant": "v7" })),
        ("z", json!({ "os": "linux", "architecture": "s390x" })),
        ("attestation", json!({ "os": "unknown", "architecture": "unknown" })),
    ] {
        let mut config = json!({ "os": "linux" });
        for (key, value) in platform.as_object().unwrap() {
            config[key] = value.clone();
        }
        let mut manifest = layout.add(&Image::new(&[&[file(name, "")]]).config(config));
        manifest["platform"] = platform;
        manifests.push(manifest);
    }
    let index = serde_json::to_vec(&json!({ "manifests": manifests })).unwrap();
    let mut index = layout.blob("application/vnd.oci.image.index.v1+json", index);
    index["annotations"] = json!({ "org.opencontainers.image.ref.name": "1.0" });
    layout.manifests.push(index);
    layout.write_tar(&stage.path("i.tar"));
    let there = "linux/arm/v6, linux/arm/v7, linux/s390x";
    let several = format!("there are several images for linux/arm; choose with --platform: {there}");
    assert_eq!(says(&scan(&stage, &["i.tar", "--platform", "linux/arm"])), usage(&several));
    let own = scan(&stage, &["i.tar"]);
    assert_eq!(own.code, 2, "{}", own.stderr);
    assert!(own.stderr.contains(there), "{}", own.stderr);
    for (wanted, found) in [("linux/arm/v7", "linux/arm/v7"), ("linux/s390x", "linux/s390x")] {
        let run = scan(&stage, &["i.tar", "--platform", wanted, "--image-name", "1.0", "--reporter", "json"]);
        assert_eq!(says(&run), (0, String::new()));
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        let facts = &report["passthrough"]["assay"]["target"];
        assert_eq!(facts["image"]["platform"], found);
        let name = format!("1.0@{}", facts["image"]["manifest_digest"].as_str().unwrap());
        assert_eq!(facts["location"], name);
        assert_eq!(report["platform"]["target_id"], name);
    }
}

#[test]
fn wrong_options_are_told() {
    let stage = Scratch::new();
    stage.write("p.yaml", PROFILE);
    stage.write("root/etc/passwd", "");
    for (arguments, wanted) in [
        (&["scan", "p.yaml"][..], "<--rootfs <DIR>|--image <ARCHIVE>|--pid <PID>|--target <HOW>|--container <NAME>>"),
        (&["scan", "p.yaml", "--rootfs", "root", "--image", "i"], "cannot be used with"),
        (&["scan", "p.yaml", "--rootfs", "root", "--platform", "linux/arm"], "--image <ARCHIVE>"),
        (&["scan", "p.yaml", "--rootfs", "root", "--image-name", "x"], "--image <ARCHIVE>"),
        (&["scan", "p.yaml", "--image", "i", "--image-config", "p.yaml"], "--image-config"),
        (
            &["scan", "p.yaml", "--rootfs", "root", "--image-config", "p.yaml"],
            "image configuration p.yaml: it is no JSON",
        ),
        (&["scan", "p.yaml", "--rootfs", "root", "--image-config", "none"], "image configuration"),
    ] {
        let run = run(&stage.0, arguments);
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(run.stderr.contains(wanted), "{arguments:?}: {}", run.stderr);
    }
}

/// The layer that brought what fails, with the command that made it and without any secret in that.
#[test]
fn failures_name_the_layer() {
    let stage = Scratch::new();
    let lower = [file("etc/passwd", "root:x:0:0::/:/bin/sh\n"), file("etc/a", ""), file("etc/b", "")];
    let upper = [file("etc/shadow", "root:$6$x:1::::::\n").mode(0o644), file("etc/b", "").mode(0o666)];
    let config = json!({ "history": [
        { "created_by": "ADD rootfs /" },
        { "created_by": "ENV A=b", "empty_layer": true },
        { "created_by": "RUN TOKEN=hunter2 make" },
    ] });
    let image = Image::new(&[&lower, &upper]).config(config);
    Layout::of(&image).write_tar(&stage.path("i.tar"));
    let profile = "schema: 1\nname: p\ncontrols:\n  - id: c\n    title: t\n    checks:\n      \
        - {file: /etc/shadow, expect: {mode: '0640'}}\n      \
        - {passwd: {}, expect: {shell: /sbin/nologin}}\n      \
        - {find: {under: [/etc], name: '[ab]'}, expect: {paths: {empty: true}}}\n      \
        - {find: {under: [/etc], type: file}, expect: {paths: {subset_of: [/etc/passwd]}}}\n";
    stage.write("layers.yaml", profile);
    let run = run(&stage.0, ["scan", "layers.yaml", "--image", "i.tar", "--reporter", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let results = report["profiles"][0]["controls"][0]["results"].as_array().unwrap();
    let short = |number: usize| format!("sha256:{}", &hex(&image.layers[number])[..12]);
    let first = format!("layer 1 ({}, ADD rootfs /)", short(0));
    let second = format!("layer 2 ({}, RUN TOKEN=…)", short(1));
    let both = format!("{first}: /etc/a\n          {second}: /etc/b, /etc/shadow");
    for (place, wanted) in [(0, &second), (1, &first), (3, &both)] {
        let message = results[place]["message"].as_str().unwrap();
        assert!(message.ends_with(&format!("\n    from: {wanted}")), "{message}");
    }
    assert!(!run.stdout.contains("hunter2"));
}

/// The layer that a file has its content, its mode or its name from, whichever the check is about.
#[test]
fn failures_name_the_layer_of_what_they_are_about() {
    let stage = Scratch::new();
    let lower =
        [folder("bin"), file("bin/tool", "").mode(0o755), folder("srv"), file("etc/a", "1"), file("etc/gone", "")];
    let middle =
        [folder("srv").mode(0o777), file("bin/tools", "").mode(0o777), symlink("bin/sh", "tool"), whiteout("etc/gone")];
    let upper = [file("etc/a", "2"), hard_link("etc/b", "etc/a"), file("etc/gone", "")];
    let image = Image::new(&[&lower, &middle, &upper]);
    let checks = [
        ("{directory: /srv, expect: {mode: '0755'}}", "2"),
        ("{file: /bin/sh, expect: {symlink: false}}", "2"),
        ("{file: /bin/sh, expect: {mode: '0700'}}", "1"),
        ("{file: /bin/tool, expect: {exist: false}}", "1"),
        ("{file: /etc/a, expect: {content: '1'}}", "3"),
        ("{file: /etc/b, expect: {content: '1'}}", "3"),
        ("{file: /etc/gone, expect: {exist: false}}", "3"),
        ("{find: {under: [/], name: sh}, expect: {paths: {empty: true}}}", "2"),
        ("{find: {under: [/], name: sh}, expect: {exist: false}}", "2"),
        ("{find: {under: [/], name: sh}, expect: {count: 0}}", "2"),
        ("{find: {under: [/], name: sh}, expect: {mode: '0700'}}", "1"),
        ("{find: {under: [/srv]}, expect: {mode: '0755'}}", "2"),
        // /bin/tool is in the words of the failure, as a part of /bin/tools.
        ("{find: {under: [/bin], name: 'tool*'}, expect: {mode: {at_most: '0775'}}}", "2"),
        ("{find: {under: [/bin], name: 'tool*'}, expect: {mode: '0000'}}", "1 and 2"),
        ("{grep: {paths: [/etc/a], match: '2'}, expect: {count: 0}}", "3"),
        ("{file: /etc/none, expect: {exist: true}}", ""),
    ];
    let list: String = checks.iter().map(|(check, _)| format!("      - {check}\n")).collect();
    stage.write("layers.yaml", format!("schema: 1\nname: p\ncontrols:\n  - id: c\n    checks:\n{list}"));
    for how in [Packed::Plain, Packed::Gzip] {
        Layout::of(&Image { layers: image.layers.clone(), ..Image::new(&[]) }.packed(how))
            .write_tar(&stage.path("i.tar"));
        let run = run(&stage.0, ["scan", "layers.yaml", "--image", "i.tar", "--reporter", "json"]);
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        let results = report["profiles"][0]["controls"][0]["results"].as_array().unwrap();
        for ((check, wanted), result) in checks.iter().zip(results) {
            assert_eq!(result["status"], "failed", "{check}: {result}");
            let message = result["message"].as_str().unwrap();
            let from = message.split_once("    from: ").map_or("", |(_, from)| from);
            let layers: Vec<&str> = from.split("layer ").skip(1).map(|layer| &layer[..1]).collect();
            assert_eq!(layers.join(" and "), *wanted, "{check}: {message}");
        }
    }
}

/// GNU tar's sparse files in all its formats, and what else it writes.
#[test]
fn sparse_files_of_gnu_tar() {
    let stage = Scratch::new();
    let sparse = stage.write("tree/sparse", "");
    let open_file = fs::File::options().write(true).open(&sparse).unwrap();
    let write = |at: u64, text: &[u8]| std::os::unix::fs::FileExt::write_all_at(&open_file, text, at).unwrap();
    (0..40).for_each(|number| write(number << 20, format!("part {number}").as_bytes()));
    open_file.set_len((40 << 20) + 5).unwrap();
    fs::write(stage.path("tree/ordinary"), "x").unwrap();
    let wanted = hex(&fs::read(&sparse).unwrap());
    for format in ["--format=gnu", "--sparse-version=0.0", "--sparse-version=0.1", "--sparse-version=1.0"] {
        let mut command = Command::new("tar");
        command.args(["--sparse", "--owner=0", "--group=0", "-cf"]).arg(stage.path("layer.tar"));
        if format.starts_with("--sparse") {
            command.arg("--format=posix");
        }
        let done = command.arg(format).args(["-C", "tree", "."]).current_dir(&stage.0).status();
        if done.is_err() {
            println!("skipped: sparse_files_of_gnu_tar: needs tar");
            return;
        }
        assert!(done.unwrap().success());
        let layer = fs::read(stage.path("layer.tar")).unwrap();
        assert!(layer.len() < 4 << 20, "{format} is not sparse here");
        let image = Image { layers: vec![layer], ..Image::new(&[]) };
        Layout::of(&image).write_tar(&stage.path("i.tar"));
        let root = open(&stage.path("i.tar"));
        assert_eq!(paths(&root), ["/", "/ordinary", "/sparse"], "{format}");
        assert_eq!(tree(&root)["/sparse"].sha256.as_ref(), Some(&wanted), "{format}");
    }
}

/// What can only be read from front to back is met in that order.
#[test]
fn a_walk_goes_through_a_zstd_layer_from_front_to_back() {
    let stage = Scratch::new();
    let deep = "deep/".repeat(100);
    let lower = [
        folder("a"),
        folder("a/b"),
        file("a/b/1", ""),
        file("a/c", ""),
        folder("a/d"),
        file("a/d/1", ""),
        file("e", ""),
    ];
    let upper = [file(format!("{deep}end"), ""), file("a/b/2", ""), file("z", "")];
    Layout::of(&Image::new(&[&lower, &upper]).packed(Packed::Zstd)).write_tar(&stage.path("i.tar"));
    let root = open(&stage.path("i.tar"));
    let met = std::sync::Mutex::new(Vec::new());
    let visit = |found: &Found<'_>| {
        if found.kind() == Ok(Kind::File) {
            met.lock().unwrap().push(String::from_utf8(found.path()).unwrap());
        }
    };
    let walker = Walker { starts: vec![b"/".to_vec()], options: WalkOptions::default(), exclude: &[], visit: &visit };
    assert_eq!(walk(&root, &[walker], true), [vec![]]);
    let mut met = met.into_inner().unwrap();
    let end = met.iter().position(|path| path.ends_with("/deep/end")).unwrap();
    met.remove(end);
    assert_eq!(met, ["/a/b/1", "/a/b/2", "/a/c", "/a/d/1", "/e", "/z"]);
}

/// Contents are found again from any place, by several threads, in streams of several parts.
#[test]
fn contents_are_read_in_any_order() {
    let stage = Scratch::new();
    let noise = |seed: u32, length: usize| -> Vec<u8> {
        let mut state = seed.wrapping_mul(2_654_435_761).max(1);
        let next = |state: &mut u32| {
            *state ^= *state << 13;
            *state ^= *state >> 17;
            *state ^= *state << 5;
            (*state >> 24) as u8
        };
        (0..length).map(|_| next(&mut state)).collect()
    };
    let members: Vec<Member> =
        (0..20).map(|number| file(format!("f{number}"), noise(number, 40_000 + 20_000 * number as usize))).collect();
    let wanted: Vec<String> = members.iter().map(|member| hex(&member.content)).collect();
    let whole = tar(&members);
    let parts: Vec<&[u8]> = whole.chunks(700_001).collect();
    let gzip = gzip_members(&parts);
    let zstd: Vec<u8> = parts.iter().flat_map(|part| packed(part, Packed::Zstd)).collect();
    for (name, stored) in [
        ("gzip in members", gzip),
        ("zstd in frames", zstd),
        ("zstd in one", packed(&whole, Packed::Zstd)),
        ("gzip", packed(&whole, Packed::Gzip)),
    ] {
        let mut layout = Layout::new();
        let image = Image { layers: vec![whole.clone()], ..Image::new(&[]) };
        let config = layout.blob("application/vnd.oci.image.config.v1+json", image.config_bytes());
        let layer = layout.blob("application/vnd.oci.image.layer.v1.tar", stored);
        let manifest = json!({ "config": config, "layers": [layer] });
        let manifest =
            layout.blob("application/vnd.oci.image.manifest.v1+json", serde_json::to_vec(&manifest).unwrap());
        layout.manifests.push(manifest);
        layout.write_tar(&stage.path("i.tar"));
        let root = open(&stage.path("i.tar"));
        std::thread::scope(|scope| {
            for thread in 0..2 {
                let (root, wanted) = (&root, &wanted);
                scope.spawn(move || {
                    for step in 0..20 {
                        let number = (step * 37 + thread * 11) % 20;
                        let node = root.lookup(format!("/f{number}").as_bytes(), Links::Stay).unwrap();
                        assert_eq!(hex(&root.read(&node, 1 << 20).unwrap()), wanted[number], "{name}");
                    }
                });
            }
        });
    }
}

#[test]
fn an_archive_that_changes_is_noticed() {
    let stage = Scratch::new();
    for how in [Packed::Plain, Packed::Gzip, Packed::Zstd] {
        let content = "content ".repeat(100_000);
        let path = stage.path("i.tar");
        Layout::of(&Image::new(&[&[file("a", &content)]]).packed(how)).write_tar(&path);
        let root = open(&path);
        let node = root.lookup(b"/a", Links::Stay).unwrap();
        assert_eq!(root.read(&node, 1 << 20).unwrap().len(), content.len());
        let length = fs::metadata(&path).unwrap().len();
        fs::File::options().append(true).open(&path).unwrap().set_len(length + 512).unwrap();
        let changed = root.read(&node, 1 << 20).unwrap_err().to_string();
        assert_eq!(changed, "it changed while it was read", "{how:?}");
    }
}

/// Runs a tool, which must succeed.
fn tool(folder: &Path, line: &str) {
    let output = Command::new("sh").arg("-ec").arg(line).current_dir(folder).output().unwrap();
    assert!(
        output.status.success(),
        "{line}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn there_is(tool: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(tool).exists())
}

/// A real image in layers, made by umoci, and every form in which skopeo writes it.
fn real_archives(stage: &Scratch, kind: &str) -> Vec<PathBuf> {
    let (folder, path) = (&stage.0, stage.path("base"));
    materialise(kind, &path);
    tool(folder, "umoci init --layout layout && umoci new --image layout:v1");
    let layer = |change: &str| {
        tool(
            folder,
            &format!(
                "umoci unpack --image layout:v1 bundle && {change} && umoci repack --image layout:v1 bundle && rm -rf bundle"
            ),
        );
    };
    layer("cp -a base/. bundle/rootfs/");
    layer(
        "cd bundle/rootfs && mkdir -p app/data && echo one > app/one && ln app/one app/two && ln -s one app/link \
         && mkfifo app/pipe && mknod app/null c 1 3 && chown 1000:1000 app/one && chmod 4755 app/two && touch -d @5 app/one \
         && echo x > app/data/x && head -c 300000 /dev/urandom > app/random && truncate -s 5M app/sparse && cd ../..",
    );
    layer(
        "cd bundle/rootfs && rm -rf app/data && echo now-a-file > app/data && rm app/pipe && mkdir app/pipe && chmod 1777 app/pipe && cd ../..",
    );
    layer(
        "cd bundle/rootfs && rm app/one && rm -rf usr/share/doc && mkdir usr/share/doc && echo new > usr/share/doc/only && chmod 600 etc/passwd && cd ../..",
    );
    tool(
        folder,
        "umoci config --image layout:v1 --config.user 1000:1000 --config.env TOKEN=hunter2 --config.entrypoint /app/one",
    );
    tool(folder, "umoci unpack --image layout:v1 bundle");
    let skopeo = "skopeo --insecure-policy copy -q";
    tool(folder, &format!("{skopeo} oci:layout:v1 oci-archive:oci.tar:v1"));
    tool(folder, &format!("{skopeo} oci:layout:v1 docker-archive:docker.tar:example.com/app:v1"));
    tool(folder, &format!("{skopeo} --dest-compress-format zstd oci:layout:v1 oci:zstd:v1"));
    tool(folder, &format!("{skopeo} oci:zstd:v1 oci-archive:zstd.tar:v1"));
    ["layout", "oci.tar", "docker.tar", "zstd", "zstd.tar"].iter().map(|name| stage.path(name)).collect()
}

/// Statuses of all results of all controls, with what was asked.
fn statuses(folder: &Path, arguments: &[&str]) -> Vec<(String, String, String)> {
    let run = run(folder, [&["scan"], arguments, &["--reporter", "json"]].concat());
    assert!(matches!(run.code, 0 | 100 | 101), "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let mut found = Vec::new();
    for control in
        report["profiles"].as_array().unwrap().iter().flat_map(|profile| profile["controls"].as_array().unwrap())
    {
        for result in control["results"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            found.push((text(&control["id"]), text(&result["code_desc"]), text(&result["status"])));
        }
    }
    found
}

#[test]
fn real_images_are_what_umoci_unpacks() {
    let name = "real_images_are_what_umoci_unpacks";
    if !is_root() || !there_is("umoci") || !there_is("skopeo") {
        println!("skipped: {name}: needs root, umoci, skopeo");
        return;
    }
    for kind in ["standard", "python", "static"] {
        let stage = Scratch::new();
        let archives = real_archives(&stage, kind);
        let unpacked = stage.path("bundle/rootfs");
        let wanted = tree(&Root::open(&unpacked, Resolver::Auto).unwrap());
        assert!(wanted.len() > 50, "{kind}: {}", wanted.len());
        let config = "skopeo inspect --config oci:layout:v1 > config.json";
        tool(&stage.0, config);
        let image = "schema: 1\nname: image\ncontrols:\n  - id: i\n    title: t\n    checks:\n      \
            - {image: {}, expect: {user: '1000:1000', uid: {ne: 0}, env_names: {excludes: TOKEN}, history: {none: {match: x=y}}}}\n      \
            - {find: {under: [/], type: file}, expect: {sha256sum: {match: '^[0-9a-f]+$'}, uid: 0}}\n";
        stage.write("image.yaml", image);
        let baseline = fixture::repository("profiles/container-baseline").display().to_string();
        let distroless = fixture::repository("profiles/distroless-baseline").display().to_string();
        let profiles = [baseline.as_str(), &distroless, "image.yaml"];
        let on_folder = [&profiles[..], &["--rootfs", "bundle/rootfs", "--image-config", "config.json"]].concat();
        let asked = statuses(&stage.0, &on_folder);
        assert!(asked.len() > 20);
        for path in archives {
            let found = tree(&open(&path));
            for (file, facts) in &wanted {
                assert_eq!(found.get(file), Some(facts), "{kind}: {file} in {}", path.display());
            }
            assert_eq!(found.len(), wanted.len(), "{kind}: {}", path.display());
            let path = path.display().to_string();
            assert_eq!(statuses(&stage.0, &[&profiles[..], &["--image", &path]].concat()), asked, "{path}");
        }
    }
}

/// An image whose layers buildah made, by commands that leave history.
#[test]
fn real_images_of_buildah() {
    let name = "real_images_of_buildah";
    if !is_root() || !there_is("buildah") {
        println!("skipped: {name}: needs root, buildah");
        return;
    }
    let stage = Scratch::new();
    materialise("static", &stage.path("base"));
    stage.write("Containerfile", "FROM scratch\nADD base /\nENV TOKEN=hunter2\nADD --chown=1000:1000 extra /srv\nUSER 1000\nEXPOSE 80/tcp\nVOLUME /data\nHEALTHCHECK CMD [\"/x\"]\nLABEL a=b\n");
    stage.write("extra/file", "extra");
    let buildah = "buildah --storage-driver vfs --root $PWD/store --runroot $PWD/run";
    tool(&stage.0, &format!("{buildah} bud -q --layers --format docker --isolation chroot -t made ."));
    tool(&stage.0, &format!("{buildah} push -q made docker-archive:made.tar:made:1"));
    tool(&stage.0, &format!("{buildah} push -q made oci-archive:made-oci.tar:made:1"));
    tool(
        &stage.0,
        &format!(
            "c=$({buildah} from --pull-never made) && cp -a $({buildah} mount $c) unpacked && {buildah} umount $c >/dev/null"
        ),
    );
    let wanted = tree(&Root::open(&stage.path("unpacked"), Resolver::Auto).unwrap());
    let checks = "schema: 1\nname: image\ncontrols:\n  - id: i\n    title: t\n    checks:\n      \
        - {image: {}, expect: {user: '1000', uid: 1000, env_names: {includes: TOKEN}, exposed_ports: [80/tcp], volumes: [/data], labels.a: b}}\n      \
        - {image: {}, expect: {healthcheck: {includes: /x}, history: {count: {ge: 2}}, architecture: {not: ''}}}\n      \
        - {file: /srv/file, expect: {uid: 1000, content: extra}}\n";
    stage.write("image.yaml", checks);
    for archive in ["made.tar", "made-oci.tar"] {
        let found = tree(&open(&stage.path(archive)));
        // No layer tells of the root folder itself; buildah's storage has a mode of its own for it.
        for (file, facts) in wanted.iter().filter(|(file, _)| *file != "/") {
            assert_eq!(found.get(file), Some(facts), "{file} in {archive}");
        }
        let run = run(&stage.0, ["scan", "image.yaml", "--image", archive]);
        assert_eq!(run.code, i32::from(archive == "made-oci.tar") * 100, "{}", run.stdout);
    }
}
