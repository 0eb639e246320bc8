//! Images in archives. Sums and digests are put right, so that the bytes behind them are reached.

use std::sync::Arc;
use std::time::{Duration, Instant};

use assay::rootfs::{Image, ImageChoice, ImageConfig, Kind, Links, Root};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::scratch::Scratch;
use super::{SEPARATOR, same};

/// The most that a packed layer may unpack to here: the fuzzer looks for growth at its own scale.
const MAX_UNPACKED: usize = 4 << 20;

pub fn config(data: &[u8]) {
    if let Ok(config) = same(|| ImageConfig::parse(data)) {
        let _ = same(|| format!("{config:?}"));
    }
}

/// A tar archive as `--image` takes it.
pub fn archive(data: &[u8]) {
    let mut bytes = data.to_vec();
    mend_sums(&mut bytes);
    open(&bytes);
}

/// A layer that is not packed.
pub fn layer(data: &[u8]) {
    let mut bytes = data.to_vec();
    mend_sums(&mut bytes);
    open(&saved(&bytes, &bytes));
}

/// A layer packed with gzip: the deflated bytes, without header and trailer.
pub fn gzip(data: &[u8]) {
    let unpacked = miniz_oxide::inflate::decompress_to_vec_with_limit(data, MAX_UNPACKED).unwrap_or_default();
    let crc = !unpacked.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    });
    let length = u32::try_from(unpacked.len()).expect("no more than the limit");
    let packed = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], data, &crc.to_le_bytes(), &length.to_le_bytes()].concat();
    open(&saved(&packed, &unpacked));
}

/// A layer packed with zstd.
pub fn zstd(data: &[u8]) {
    use std::io::Read;
    let mut unpacked = Vec::new();
    if let Ok(decoder) = ruzstd::decoding::StreamingDecoder::new(data) {
        let _ = decoder.take(MAX_UNPACKED as u64).read_to_end(&mut unpacked);
    }
    open(&saved(data, &unpacked));
}

/// The documents of an OCI layout: blobs, the last one is index.json. `@N` stands for the digest of blob N, `@@N` for
/// its size; the layer is blob 0.
pub fn documents(data: &[u8]) {
    let mut blobs: Vec<Vec<u8>> = vec![tar(&[("etc/os-release", b"ID=x\n")])];
    for part in data.split(|byte| *byte == SEPARATOR).take(8) {
        let mut text = String::from_utf8_lossy(part).into_owned();
        for (number, blob) in blobs.iter().enumerate() {
            text = text.replace(&format!("@@{number}"), &blob.len().to_string());
            text = text.replace(&format!("@{number}"), &format!("sha256:{}", hex(blob)));
        }
        blobs.push(text.into_bytes());
    }
    let index = blobs.pop().unwrap_or_default();
    let names: Vec<String> = blobs.iter().map(|blob| format!("blobs/sha256/{}", hex(blob))).collect();
    let layout: (&str, &[u8]) = ("oci-layout", br#"{"imageLayoutVersion": "1.0.0"}"#);
    let blobs = names.iter().map(String::as_str).zip(blobs.iter().map(Vec::as_slice));
    let mut members: Vec<(&str, &[u8])> = blobs.chain([layout, ("index.json", &index)]).collect();
    members.sort_unstable();
    members.dedup();
    open(&tar(&members));
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An archive of `docker save` with one layer.
fn saved(layer: &[u8], unpacked: &[u8]) -> Vec<u8> {
    let diff_id = format!("sha256:{}", hex(unpacked));
    let config =
        json!({ "os": "linux", "architecture": "amd64", "rootfs": { "type": "layers", "diff_ids": [diff_id] } });
    let config = config.to_string();
    let name = format!("{}.json", hex(config.as_bytes()));
    let manifest = json!([{ "Config": name, "RepoTags": ["x:1"], "Layers": ["layer.tar"] }]).to_string();
    tar(&[(name.as_str(), config.as_bytes()), ("layer.tar", layer), ("manifest.json", manifest.as_bytes())])
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in members {
        let start = out.len();
        out.resize(start + 512, 0);
        let mut put = |at: usize, text: &str| out[start + at..start + at + text.len()].copy_from_slice(text.as_bytes());
        put(0, name);
        put(100, "0000644");
        put(124, &format!("{:011o}", content.len()));
        put(156, "0");
        put(257, "ustar  ");
        mend_sum(&mut out[start..]);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

/// Gives every block that says it is a header the sum that it should have.
pub fn mend_sums(bytes: &mut [u8]) {
    bytes.chunks_exact_mut(512).filter(|block| block[257..].starts_with(b"ustar")).for_each(mend_sum);
}

fn mend_sum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}

/// Opens an archive and reads everything in it; it says why it cannot, or everything is there to be read.
fn open(archive: &[u8]) {
    let scratch = Scratch::new();
    let path = scratch.file("image.tar", archive);
    let deadline = Instant::now() + Duration::from_secs(600);
    let open =
        || Image::open(&path, &ImageChoice::default(), deadline, &Arc::default()).map_err(|error| error.to_string());
    match same(|| open().map(|image| image.facts)) {
        Ok(_) => read_all(Root::image(open().expect("it was opened before"))),
        Err(why) => assert!(!why.is_empty() && !why.contains("made assay crash"), "{why}"),
    }
}

fn read_all(root: Root) {
    let mut pending = vec![Vec::new()];
    let mut left = 64_u64 << 20;
    while let Some(path) = pending.pop() {
        let place: &[u8] = if path.is_empty() { b"/" } else { &path };
        let node = root.lookup(place, Links::Stay).expect("what is listed is there");
        let _ = root.lookup(place, Links::Follow);
        match node.metadata.kind {
            Kind::Directory => {
                let listed = root.list(&node, &mut |name, _| {
                    assert!(!name.is_empty() && !name.contains(&b'/') && !matches!(name, b"." | b".."), "{name:?}");
                    pending.push([&path, &b"/"[..], name].concat());
                    true
                });
                listed.expect("a folder of an image can be listed");
            }
            Kind::Symlink => drop(root.read_link(&node).expect("a link leads somewhere")),
            Kind::File if node.metadata.size <= left => {
                left -= node.metadata.size;
                let mut length = 0;
                let read = root.stream(&node, u64::MAX, &mut |piece| length += piece.len() as u64);
                read.expect("a file of an image that opened can be read");
                assert_eq!(length, node.metadata.size);
            }
            _ => {}
        }
    }
}
