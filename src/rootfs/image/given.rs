//! What a tar gave out of a root that is in use: plain archives instead of layers, and no digest that anybody vouches for.
//!
//! Such an archive has each name once, below a folder that came before it, and an end. Whatever tar said that it could not
//! give out is in the tree as withheld: a look at it is an error, because it may be there.

use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::OwnedFd;
use std::time::Instant;

use crate::rootfs::image::archive::Blob;
use crate::rootfs::image::digest::Digest;
use crate::rootfs::image::layer::{Layer, Layers, Limits, Used};
use crate::rootfs::image::manifest::{LayerPart, unusable};
use crate::rootfs::image::reading::Reading;
use crate::rootfs::image::stream::Compression;
use crate::rootfs::image::tar::{Flaw, Member};
use crate::rootfs::image::tree::Tree;
use crate::rootfs::image::{Files, ImageError, Told, read_layer};
use crate::rootfs::{Kind, LookError};
use crate::value::lossless;

/// A path that tar did not give out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// Where, from the root: `/etc/shadow`.
    pub path: Vec<u8>,
    /// What it is, where tar said so.
    pub kind: Option<Kind>,
    /// Why it cannot be looked at; anything but [`LookError::Absent`].
    pub why: LookError,
}

/// What a tar gave out of a root.
pub struct GivenOut {
    /// The archives, each with its SHA-256 in hex; the later ones go on where the first ended.
    pub archives: Vec<(OwnedFd, String)>,
    /// What it said that it did not give out.
    pub withheld: Vec<Withheld>,
    /// Folders in the root whose contents it was not asked for, because the kernel makes them up: `proc`.
    pub kernel: &'static [&'static str],
    /// Whether it gives out extended attributes.
    pub xattrs: bool,
}

impl fmt::Debug for GivenOut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("GivenOut").field("withheld", &self.withheld).finish_non_exhaustive()
    }
}

impl GivenOut {
    /// Reads all of it.
    pub(in crate::rootfs) fn read(self, deadline: Instant) -> Result<Files, ImageError> {
        let limits = Limits::until(deadline);
        let (used, reading) = (Used::default(), Reading::default());
        let withheld: BTreeMap<Vec<u8>, &Withheld> = self.withheld.iter().map(|one| (one.path.clone(), one)).collect();
        let mut tree = Tree::new();
        let mut layers = Vec::new();
        let mut has_top = false;
        for (place, (file, digest)) in self.archives.into_iter().enumerate() {
            let number = u16::try_from(place).map_err(|_| unusable("", "too many archives"))?;
            let (layer, members) = archive(file, &digest, &limits, &used).map_err(|flaw| unusable("", flaw))?;
            for member in members {
                reading.step();
                let name = member.name.clone();
                let is_top = put(&mut tree, number, member, self.kernel, &withheld)
                    .map_err(|flaw| unusable(lossless(&name), flaw))?;
                if is_top && has_top {
                    return Err(unusable(lossless(&name), TWICE));
                }
                has_top |= is_top;
            }
            layers.push(layer);
        }
        if !has_top {
            return Err(unusable("", "the folder / is not in it"));
        }
        for one in &self.withheld {
            tree.withhold(one).map_err(|flaw| unusable(lossless(&one.path), flaw))?;
        }
        Ok(Files { tree, layers: Layers::new(layers), given: Some(Told { xattrs: self.xattrs }) })
    }
}

/// What is said of a name that comes again.
pub(super) const TWICE: &str = "it was given out twice";

fn archive(file: OwnedFd, digest: &str, limits: &Limits, used: &Used) -> Result<(Layer, Vec<Member>), Flaw> {
    let blob = Blob::of_file(file).map_err(|error| error.to_string())?;
    let mut first = [0; 8];
    let count = blob.read_at(0, &mut first).map_err(|error| error.to_string())?;
    if Compression::of(first.get(..count).unwrap_or_default()) != Ok(Compression::None) {
        return Err("it is compressed, which it was not to be".into());
    }
    let diff_id = Digest::parse(&format!("sha256:{digest}")).ok_or("a digest that is none")?;
    let (layer, members) = read_layer(&LayerPart { blob, digest: None, diff_id }, 0, limits, used)?;
    if !layer.is_ended {
        return Err("it has no end".into());
    }
    Ok((layer, members))
}

/// Puts a member in its place; says whether it is the top folder.
fn put(
    tree: &mut Tree,
    archive: u16,
    member: Member,
    kernel: &[&str],
    withheld: &BTreeMap<Vec<u8>, &Withheld>,
) -> Result<bool, Flaw> {
    let Some(path) = path(&member.name) else { return Err("a name that was not asked for".into()) };
    if path.is_empty() {
        tree.put_top(&member)?;
        return Ok(true);
    }
    let is_kernel = kernel.iter().any(|name| path == [b"/", name.as_bytes()].concat());
    // A name of a file whose first name was withheld leads to the same.
    let target = self::path(&member.link).and_then(|target| withheld.get(&target).copied());
    tree.put_given(archive, member, is_kernel, target)?;
    Ok(false)
}

/// The path of `./etc/passwd` from the root, empty for the root itself; `None` for a name of any other kind.
fn path(name: &[u8]) -> Option<Vec<u8>> {
    let name = if name == b"." { b"" } else { name.strip_prefix(b"./")? };
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let mut path = Vec::with_capacity(name.len() + 1);
    for part in name.split(|byte| *byte == b'/').filter(|_| !name.is_empty()) {
        if matches!(part, b"" | b"." | b"..") {
            return None;
        }
        path.push(b'/');
        path.extend_from_slice(part);
    }
    Some(path)
}
