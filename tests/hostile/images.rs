//! Images in archives that were made to hurt. Whatever is odd about the tree in them is in tests/image.rs.

use std::fs;
use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::FileType;
use serde_json::{Value, json};

use crate::archive::{Image, Layout, Member, Packed, digest, file, folder, hard_link, hex, packed, symlink, tar};
use crate::rows::{Needs, Row, Wanted, image, refused_image};
use crate::run::{Reader, Run, can_mount, profile};
use crate::tree::{Ground, SECRET, Tree};
use Wanted::{Error, Failed, Passed};

/// An image of one small layer.
fn small() -> Image {
    Image::new(&[&[file("etc/a", "a\n")]])
}

fn write(tree: &Tree, layout: &Layout) {
    layout.write_tar(&tree.at("i.tar"));
}

/// A layout whose only layer is stored like this; what it unpacks to has another digest.
fn layer(stored: Vec<u8>) -> Layout {
    Layout::of(&Image { layers: vec![stored], ..Image::new(&[]) })
}

/// The header of a file of so many bytes, without any.
fn header(size: u64) -> Vec<u8> {
    let whole = tar(&[Member { size: Some(size), ..file("zeros", "") }]);
    whole[..512].to_vec()
}

/// gzip that unpacks to a file of so many GiB of zeros, 1 MB for each, in members of 4 MiB.
fn gzip_bomb(gigabytes: usize) -> Vec<u8> {
    let zeros = packed(&vec![0; 4 << 20], Packed::Gzip);
    let mut bomb = packed(&header((gigabytes as u64) << 30), Packed::Gzip);
    (0..gigabytes * 256).for_each(|_| bomb.extend(&zeros));
    bomb
}

/// A frame of zstd, byte by byte: blocks of 128 KiB that repeat one zero. Four bytes for each.
fn zstd_frame(window: u8, blocks: usize) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, window];
    for block in 0..blocks {
        let last = u32::from(block + 1 == blocks);
        frame.extend_from_slice(&((128 << 10) << 3 | 1 << 1 | last).to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

fn zstd_bomb(gigabytes: usize) -> Vec<u8> {
    [packed(&header((gigabytes as u64) << 30), Packed::Zstd), zstd_frame(0x38, gigabytes << 13)].concat()
}

/// A layout with this manifest.
fn manifest(manifest: &Value) -> Layout {
    let mut layout = Layout::of(&small());
    let bytes = serde_json::to_vec(manifest).unwrap();
    layout.manifests = vec![layout.blob("application/vnd.oci.image.manifest.v1+json", bytes)];
    layout
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What the archive itself may be.
pub(crate) fn archives() -> Vec<Row> {
    vec![
        refused_image("an archive that is a pipe", |tree| tree.pipe("i.tar"), "not a regular file but a named pipe"),
        refused_image("an archive that is a socket", |tree| tree.socket("i.tar"), "not a regular file but a socket"),
        refused_image(
            "an archive that is a device",
            |tree| tree.device("i.tar", FileType::CharacterDevice, (1, 5)),
            "not a regular file but a character device",
        )
        .needs(Needs::Devices),
        refused_image("an archive that is an empty folder", |tree| tree.folder("i.tar"), "there is nothing to scan"),
        refused_image("an archive of a terabyte of nothing", |tree| tree.sparse("i.tar", 1 << 40), "neither an OCI"),
        refused_image(
            "an archive without rights that its folder hides",
            |tree| tree.link("i.tar", "i.tar"),
            "links in a loop",
        ),
        refused_image(
            "members without end",
            |tree| {
                let one = tar(&[folder("d")]);
                fs::write(tree.at("i.tar"), [&one[..512].repeat(50_000), &one[512..]].concat()).unwrap();
            },
            "neither an OCI layout",
        ),
        refused_image(
            "members that are links in a circle",
            |tree| {
                let list = br#"[{"Config": "c.json", "Layers": ["a"]}]"#;
                let config = json!({ "os": "linux", "architecture": "amd64", "rootfs": { "diff_ids": [digest(b"")] } });
                let config = serde_json::to_vec(&config).unwrap();
                let links =
                    [symlink("a", "b"), hard_link("b", "a"), file("c.json", config), file("manifest.json", list)];
                tree.file("i.tar", tar(&links));
            },
            "a link that leads nowhere",
        ),
        refused_image(
            "a layer that is a link out of the archive",
            |tree| {
                let list = br#"[{"Config": "c.json", "Layers": ["l"]}]"#;
                let out = symlink("l", tree.outside.join("secret").as_os_str().as_encoded_bytes());
                tree.file("i.tar", tar(&[out, file("c.json", "{}"), file("manifest.json", list)]));
            },
            "",
        ),
        refused_image(
            "a folder whose index is a link out of it",
            |tree| {
                Layout::of(&small()).write_folder(&tree.at("i.tar"));
                fs::remove_file(tree.at("i.tar/index.json")).unwrap();
                tree.link("i.tar/index.json", tree.outside.join("secret"));
            },
            "index.json: not a regular file but a symbolic link",
        ),
        refused_image(
            "a folder whose blobs are a link out of it",
            |tree| {
                Layout::of(&small()).write_folder(&tree.at("i.tar"));
                fs::rename(tree.at("i.tar/blobs"), tree.outside.join("blobs")).unwrap();
                tree.link("i.tar/blobs", tree.outside.join("blobs"));
            },
            "the archive does not hold it",
        ),
    ]
}

/// What manifests, indexes and configurations may say.
pub(crate) fn documents() -> Vec<Row> {
    let nested = |name: &'static str, build: fn(&Tree)| refused_image(name, build, "it is no JSON that can be trusted");
    vec![
        nested("an index of brackets", |tree| {
            let mut layout = Layout::of(&small());
            layout.files.push(("index.json".to_owned(), b"[".repeat(1 << 20)));
            write(tree, &layout);
        }),
        nested("a manifest of brackets", |tree| {
            let mut layout = Layout::of(&small());
            layout.manifests =
                vec![layout.blob("application/vnd.oci.image.manifest.v1+json", b"{\"a\":".repeat(400_000))];
            write(tree, &layout);
        }),
        nested("a list of docker save that is brackets", |tree| {
            tree.file("i.tar", tar(&[file("manifest.json", b"[".repeat(1 << 20))]));
        }),
        refused_image(
            "a configuration of brackets",
            |tree| {
                let mut layout = Layout::of(&small());
                let config = layout.blob("application/vnd.oci.image.config.v1+json", b"[".repeat(1 << 20));
                let bytes = serde_json::to_vec(&json!({ "config": config, "layers": [] })).unwrap();
                layout.manifests = vec![layout.blob("application/vnd.oci.image.manifest.v1+json", bytes)];
                write(tree, &layout);
            },
            "it is no JSON that can be trusted",
        ),
        refused_image(
            "an index that is too large",
            |tree| {
                let mut layout = Layout::of(&small());
                layout.files.push(("index.json".to_owned(), b" ".repeat((4 << 20) + 1)));
                write(tree, &layout);
            },
            "too large: 4194305 bytes",
        ),
        refused_image(
            "a manifest of 100,000 layers",
            |tree| {
                let one = json!({ "digest": digest(b""), "size": 0 });
                write(tree, &manifest(&json!({ "config": one, "layers": vec![one.clone(); 100_000] })));
            },
            "at most 4194304 are read",
        ),
        refused_image(
            "a manifest of 40,000 layers",
            |tree| {
                let mut layout = Layout::of(&small());
                let config = json!({ "rootfs": { "diff_ids": vec![digest(b""); 40_000] } });
                let config =
                    layout.blob("application/vnd.oci.image.config.v1+json", serde_json::to_vec(&config).unwrap());
                let layers = vec![json!({ "digest": digest(b""), "size": 0 }); 40_000];
                let bytes = serde_json::to_vec(&json!({ "config": config, "layers": layers })).unwrap();
                layout.manifests = vec![layout.blob("application/vnd.oci.image.manifest.v1+json", bytes)];
                write(tree, &layout);
            },
            "`layers` has more than 10000 entries",
        ),
        refused_image(
            "a list of docker save with 100,000 layers",
            |tree| {
                let config = serde_json::to_vec(&json!({ "os": "linux", "rootfs": { "diff_ids": [] } })).unwrap();
                let list = json!([{ "Config": "c.json", "Layers": vec!["l"; 100_000] }]);
                let list = serde_json::to_vec(&list).unwrap();
                tree.file("i.tar", tar(&[file("l", ""), file("c.json", config), file("manifest.json", list)]));
            },
            "more than 1000 layers",
        ),
        refused_image(
            "an index that names itself",
            |tree| {
                // Nobody can write down the digest of what holds it: it lies, and is found out.
                let mut layout = Layout::of(&small());
                let own = digest(b"itself");
                let index = json!({ "manifests": [{ "mediaType": INDEX, "digest": own, "size": 1 }] });
                let mut bytes = serde_json::to_vec(&index).unwrap();
                let size = bytes.len() + 2;
                bytes =
                    serde_json::to_vec(&json!({ "manifests": [{ "mediaType": INDEX, "digest": own, "size": size }] }))
                        .unwrap();
                bytes.resize(size, b' ');
                layout.files.push((format!("blobs/sha256/{}", hex(b"itself")), bytes));
                layout.manifests = vec![json!({ "mediaType": INDEX, "digest": own, "size": size })];
                write(tree, &layout);
            },
            "its content does not have this digest",
        ),
        refused_image(
            "indexes that branch without end",
            |tree| {
                let mut layout = Layout::of(&small());
                let mut below = vec![layout.manifests[0].clone()];
                for _ in 0..4 {
                    let bytes = serde_json::to_vec(&json!({ "manifests": below })).unwrap();
                    below = vec![layout.blob(INDEX, bytes); 100];
                }
                layout.manifests = below;
                write(tree, &layout);
            },
            "more than 10000 manifests",
        ),
        refused_image(
            "a manifest with the digest of another",
            |tree| {
                let mut layout = Layout::of(&small());
                let other = layout.manifests[0]["digest"].as_str().unwrap().replace("sha256:", "blobs/sha256/");
                let size = layout.manifests[0]["size"].as_u64().unwrap();
                for (name, content) in &mut layout.files {
                    if *name == other {
                        *content = vec![b' '; usize::try_from(size).unwrap()];
                    }
                }
                write(tree, &layout);
            },
            "its content does not have this digest",
        ),
        refused_image(
            "a digest that is a path",
            |tree| {
                let mut layout = Layout::of(&small());
                layout.manifests =
                    vec![json!({ "digest": "sha256:../../../outside/secret", "size": SECRET.len() + 1 })];
                layout.write_folder(&tree.at("i.tar"));
            },
            "an entry without a digest of sha256 or sha512",
        ),
    ]
}

/// What layers may hold, and be packed to.
pub(crate) fn layers() -> Vec<Row> {
    let late = |name: &'static str, build: fn(&Tree)| {
        refused_image(name, build, "could not be read in the time that the scan may take")
            .arguments(&["--timeout", "3"])
    };
    vec![
        late("a bomb of gzip", |tree| write(tree, &layer(gzip_bomb(31)))),
        late("a bomb of zstd", |tree| write(tree, &layer(zstd_bomb(31)))),
        late("many bombs", |tree| {
            // Each a little longer: members of one name would be refused.
            let bombs = (0..20).map(|number| [zstd_bomb(31), vec![0; number]].concat()).collect();
            write(tree, &Layout::of(&Image { layers: bombs, ..Image::new(&[]) }));
        }),
        refused_image("a bomb in a bomb", |tree| write(tree, &layer(packed(&gzip_bomb(1), Packed::Gzip))), "a header"),
        refused_image(
            "a zstd window of a terabyte",
            |tree| write(tree, &layer(zstd_frame(0xf8, 1))),
            "its zstd stream cannot be read",
        ),
        refused_image(
            "a skippable frame that is longer than the layer",
            |tree| write(tree, &layer([&[0x50, 0x2a, 0x4d, 0x18][..], &[0xff; 4]].concat())),
            "it ends too early",
        ),
        refused_image(
            "a gzip header without end",
            |tree| write(tree, &layer([&[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 0][..], &[b'x'; 1 << 20]].concat())),
            "it ends too early",
        ),
        refused_image(
            "a file of 2^64 bytes",
            |tree| write(tree, &Layout::of(&Image::new(&[&[Member { size: Some(u64::MAX), ..file("a", "") }]]))),
            "at most 34359738368 are read",
        ),
        image(
            "links in a circle through two layers",
            |tree| {
                let lower = [symlink("a", "b"), file("b", ""), symlink("up", "../../../../outside/secret")];
                let upper = [symlink("b", "a"), folder("etc"), symlink("etc/out", "/../../outside/secret")];
                write(tree, &Layout::of(&Image::new(&[&lower, &upper])));
            },
            &[
                ("{file: /a, expect: {exist: false}}", Error("links in a loop")),
                ("{file: /b/c, expect: {exist: false}}", Error("links in a loop")),
                ("{find: {under: [/], name: a}, expect: {paths: {empty: true}}}", Failed("/a")),
                ("{find: {under: [/], follow: true, name: x}, expect: {exist: false}}", Error("links in a loop")),
                ("{file: /up, expect: {exist: false}}", Passed),
                ("{file: /etc/out, expect: {exist: false}}", Passed),
            ],
        ),
        image(
            "links that double with each step",
            |tree| {
                let mut links = vec![folder("l0")];
                links.extend((1..30).map(|step| symlink(format!("l{step}"), format!("l{0}/../l{0}", step - 1))));
                write(tree, &Layout::of(&Image::new(&[&links])));
            },
            &[
                ("{directory: /l3, expect: {exist: true}}", Passed),
                ("{directory: /l29, expect: {exist: false}}", Error("links in a loop")),
            ],
        ),
        image(
            "50,000 files in each of three layers",
            |tree| {
                let files: Vec<Member> = (0..50_000).map(|number| file(format!("d/{number}"), "")).collect();
                let again: Vec<Member> = (0..50_000).map(|number| file(format!("d/.wh.{number}"), "")).collect();
                let more: Vec<Member> = (0..50_000).map(|number| file(format!("d/{number}"), "x")).collect();
                let layers: &[&[Member]] = &[&files, &again, &more];
                write(tree, &Layout::of(&Image::new(layers)));
            },
            &[("{find: {under: [/d], type: file, name: '77*'}, expect: {count: 111}}", Passed)],
        )
        .heavy(),
        image(
            "one file 10,000 times",
            |tree| {
                let files: Vec<Member> = (0..10_000).map(|number| file("etc/a", format!("{number}"))).collect();
                write(tree, &Layout::of(&Image::new(&[&files])));
            },
            &[("{file: /etc/a, expect: {content: '9999'}}", Passed)],
        ),
    ]
}

/// An archive that never stops growing is no archive.
#[test]
fn an_archive_that_grows_is_refused() {
    let ground = Ground::new("growing");
    let tree = Tree::new(&ground, "growing");
    let zeros = [file("zeros", vec![0; 64 << 20])];
    write(&tree, &Layout::of(&Image::new(&[&zeros])));
    let archive = tree.at("i.tar");
    let stops = AtomicBool::new(false);
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut archive = fs::File::options().append(true).open(&archive).unwrap();
            while !stops.load(Ordering::Relaxed) {
                archive.write_all(&[0; 512]).unwrap();
            }
        });
        let stdin = profile(["{file: /none, expect: {exist: false}}"]);
        let arguments = ["scan", "-", "--image", archive.to_str().unwrap()];
        let run = Run {
            binary: &tree.binary,
            reader: Reader::Current,
            mounts: None,
            root: &tree.root,
            arguments: &arguments,
            stdin: &stdin,
        };
        let ended = run.go();
        stops.store(true, Ordering::Relaxed);
        ended
    });
    assert_eq!(ended.code, Some(104), "{}", ended.stderr);
    assert!(ended.stderr.contains("it changed while it was read"), "{}", ended.stderr);
}

/// Who waits at a terminal sees what for, and is not kept waiting for ever.
#[test]
fn an_archive_that_never_answers() {
    let test = "an_archive_that_never_answers";
    if !can_mount() || fs::File::open("/dev/fuse").is_err() {
        println!("skipped: {test}: needs root that may mount in a mount namespace of its own, and /dev/fuse");
        return;
    }
    if Command::new("script").arg("--version").output().is_err() {
        println!("skipped: {test}: needs script");
        return;
    }
    let ground = Ground::new("silent");
    let tree = Tree::new(&ground, "silent");
    tree.folder("hung");
    tree.file("p.yaml", profile(["{file: /none, expect: {exist: false}}"]));
    let hung = "exec 3<>/dev/fuse\n\
        mount -i -t fuse -o fd=3,rootmode=040000,user_id=0,group_id=0,allow_other none \"$1/hung\"\n\
        TERM=xterm script --return --quiet --command \"$2 scan $1/p.yaml --timeout 3 --image $1/hung/i.tar\" /dev/null 3>&-";
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "sh", "-c", hung, "sh"]).arg(&tree.root).arg(&tree.binary);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(104), "{said}");
    let place = tree.at("hung/i.tar");
    let wanted = format!("\r\u{1b}[2Kerror: image {}: its filesystem did not answer within 3 s\r\n", place.display());
    assert!(said.ends_with(&wanted), "{said}");
    assert!(said.starts_with("\r\u{1b}[2Kwaiting for the target's filesystem"), "{said}");
}
