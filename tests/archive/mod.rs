//! Archives of images, byte by byte: what no tool would write as well as what all of them do.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// One member of a tar.
#[derive(Clone)]
pub struct Member {
    pub name: Vec<u8>,
    pub flag: u8,
    pub mode: u32,
    pub owner: (u32, u32),
    pub mtime: i64,
    pub link: Vec<u8>,
    pub content: Vec<u8>,
    /// The size that the header tells, where it is not that of the content.
    pub size: Option<u64>,
    pub device: (u32, u32),
    /// Records of a pax header before it.
    pub pax: Vec<(String, Vec<u8>)>,
}

fn member(flag: u8, name: impl AsRef<[u8]>) -> Member {
    Member {
        name: name.as_ref().to_vec(),
        flag,
        mode: 0o644,
        owner: (0, 0),
        mtime: 0,
        link: Vec::new(),
        content: Vec::new(),
        size: None,
        device: (0, 0),
        pax: Vec::new(),
    }
}

pub fn file(name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Member {
    Member { content: content.as_ref().to_vec(), ..member(b'0', name) }
}

pub fn folder(name: impl AsRef<[u8]>) -> Member {
    Member { mode: 0o755, ..member(b'5', name) }
}

pub fn symlink(name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Member {
    Member { link: target.as_ref().to_vec(), mode: 0o777, ..member(b'2', name) }
}

pub fn hard_link(name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Member {
    Member { link: target.as_ref().to_vec(), ..member(b'1', name) }
}

/// A member of any type.
pub fn special(flag: u8, name: impl AsRef<[u8]>) -> Member {
    member(flag, name)
}

/// The whiteout of a name.
pub fn whiteout(path: &str) -> Member {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    file(format!("{folder}/.wh.{name}").trim_start_matches('/'), "")
}

impl Member {
    pub fn mode(self, mode: u32) -> Member {
        Member { mode, ..self }
    }

    pub fn owner(self, uid: u32, gid: u32) -> Member {
        Member { owner: (uid, gid), ..self }
    }

    pub fn pax(mut self, key: &str, value: impl AsRef<[u8]>) -> Member {
        self.pax.push((key.to_owned(), value.as_ref().to_vec()));
        self
    }

    fn write(&self, out: &mut Vec<u8>) {
        if !self.pax.is_empty() {
            let records: Vec<u8> = self.pax.iter().flat_map(|(key, value)| record(key, value)).collect();
            Member { content: records, ..member(b'x', "pax") }.write(out);
        }
        for (flag, long) in [(b'L', &self.name), (b'K', &self.link)] {
            if long.len() > 100 {
                Member { content: [long, &b"\0"[..]].concat(), ..member(flag, "././@LongLink") }.write(out);
            }
        }
        let mut header = [0; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name[..self.name.len().min(100)]);
        put(100, octal(u64::from(self.mode), 8).as_bytes());
        put(108, octal(u64::from(self.owner.0), 8).as_bytes());
        put(116, octal(u64::from(self.owner.1), 8).as_bytes());
        let size = self.size.unwrap_or(self.content.len() as u64);
        if size < 1 << 33 {
            put(124, octal(size, 12).as_bytes());
        } else {
            put(124, &[&[0x80, 0, 0, 0][..], &size.to_be_bytes()].concat());
        }
        if self.mtime >= 0 {
            put(136, octal(self.mtime.cast_unsigned(), 12).as_bytes());
        } else {
            put(136, &[&[0xff; 4][..], &self.mtime.to_be_bytes()].concat());
        }
        put(148, b"        ");
        put(156, &[self.flag]);
        put(157, &self.link[..self.link.len().min(100)]);
        put(257, b"ustar  \0");
        put(329, octal(u64::from(self.device.0), 8).as_bytes());
        put(337, octal(u64::from(self.device.1), 8).as_bytes());
        let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend(header);
        out.extend(&self.content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
}

fn octal(number: u64, width: usize) -> String {
    format!("{number:0width$o}\0", width = width - 1)
}

/// A pax record, which tells its own length.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (rest..).find(|length| rest + length.to_string().len() == *length).unwrap();
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

pub fn tar(members: &[Member]) -> Vec<u8> {
    let mut out = Vec::new();
    members.iter().for_each(|member| member.write(&mut out));
    out.resize(out.len() + 1024, 0);
    out
}

/// How a layer is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packed {
    Plain,
    Gzip,
    Zstd,
}

pub fn packed(bytes: &[u8], how: Packed) -> Vec<u8> {
    match how {
        Packed::Plain => bytes.to_vec(),
        Packed::Gzip => gzip(bytes),
        Packed::Zstd => ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend(miniz_oxide::deflate::compress_to_vec(bytes, 6));
    let crc = !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    });
    out.extend(crc.to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

/// gzip in several members, as some builders write it.
pub fn gzip_members(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| gzip(part)).collect()
}

pub fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(bytes))
}

/// An image as it is to be written.
pub struct Image {
    /// Layers, unpacked.
    pub layers: Vec<Vec<u8>>,
    pub packed: Packed,
    /// What the configuration holds beside the layers.
    pub config: Value,
}

impl Image {
    pub fn new(layers: &[&[Member]]) -> Image {
        Image { layers: layers.iter().map(|members| tar(members)).collect(), packed: Packed::Plain, config: json!({}) }
    }

    pub fn packed(self, packed: Packed) -> Image {
        Image { packed, ..self }
    }

    pub fn config(self, config: Value) -> Image {
        Image { config, ..self }
    }

    pub fn config_bytes(&self) -> Vec<u8> {
        let mut config = json!({ "os": "linux", "architecture": "amd64" });
        let layers: Vec<String> = self.layers.iter().map(|layer| digest(layer)).collect();
        config["rootfs"] = json!({ "type": "layers", "diff_ids": layers });
        for (key, value) in self.config.as_object().unwrap() {
            config[key] = value.clone();
        }
        serde_json::to_vec(&config).unwrap()
    }
}

/// An OCI layout as names and contents; what is in it is written by `write_folder` and `write_tar`.
pub struct Layout {
    pub files: Vec<(String, Vec<u8>)>,
    pub manifests: Vec<Value>,
}

impl Layout {
    pub fn new() -> Layout {
        Layout {
            files: vec![("oci-layout".to_owned(), br#"{"imageLayoutVersion": "1.0.0"}"#.to_vec())],
            manifests: Vec::new(),
        }
    }

    /// A layout with one image.
    pub fn of(image: &Image) -> Layout {
        let mut layout = Layout::new();
        let manifest = layout.add(image);
        layout.manifests.push(manifest);
        layout
    }

    pub fn blob(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let descriptor = json!({ "mediaType": media_type, "digest": digest(&bytes), "size": bytes.len() });
        self.files.push((format!("blobs/sha256/{}", hex(&bytes)), bytes));
        descriptor
    }

    /// Adds the blobs of an image; its manifest's descriptor.
    pub fn add(&mut self, image: &Image) -> Value {
        let config = self.blob("application/vnd.oci.image.config.v1+json", image.config_bytes());
        let media_type = match image.packed {
            Packed::Plain => "application/vnd.oci.image.layer.v1.tar",
            Packed::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Packed::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        };
        let layers = image.layers.iter().map(|layer| self.blob(media_type, packed(layer, image.packed)));
        let layers: Vec<Value> = layers.collect();
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
        self.blob("application/vnd.oci.image.manifest.v1+json", serde_json::to_vec(&manifest).unwrap())
    }

    /// All files, the index included.
    pub fn all(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = self.files.clone();
        if !files.iter().any(|(name, _)| name == "index.json") {
            let index = json!({ "schemaVersion": 2, "manifests": self.manifests });
            files.push(("index.json".to_owned(), serde_json::to_vec(&index).unwrap()));
        }
        files
    }

    pub fn write_folder(&self, to: &Path) {
        for (name, content) in self.all() {
            let path = to.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }

    pub fn write_tar(&self, to: &Path) {
        let members: Vec<Member> = self.all().into_iter().map(|(name, content)| file(name, content)).collect();
        fs::write(to, tar(&members)).unwrap();
    }
}

/// What `docker save` writes: each image with its names.
pub fn docker_tar(images: &[(&[&str], &Image)]) -> Vec<u8> {
    let (mut members, mut list) = (Vec::new(), Vec::new());
    for (names, image) in images {
        let config = image.config_bytes();
        let id = hex(&config);
        let mut layers = Vec::new();
        for (number, layer) in image.layers.iter().enumerate() {
            let name = format!("{id}-{number}/layer.tar");
            members.push(file(&name, packed(layer, image.packed)));
            layers.push(name);
        }
        list.push(json!({ "Config": format!("{id}.json"), "RepoTags": names, "Layers": layers }));
        members.push(file(format!("{id}.json"), config));
    }
    members.push(file("manifest.json", serde_json::to_vec(&list).unwrap()));
    tar(&members)
}
