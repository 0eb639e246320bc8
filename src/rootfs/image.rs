//! A root that is an image in an archive: an OCI layout (folder or tar) or what `docker save` writes.
//!
//! Nothing is unpacked. Each layer is read once, its digests are verified, and its files go into one tree; contents
//! stay where they are and are read by place. What cannot be trusted is refused as a whole: there is no half tree.

mod archive;
mod config;
mod digest;
mod given;
mod json;
mod layer;
mod manifest;
mod reading;
mod stream;
mod tar;
mod tree;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

pub use config::{HistoryStep, ImageConfig};
pub use given::{GivenOut, Withheld};
pub use manifest::ImageChoice;
pub use reading::Reading;

use crate::order;
use crate::rootfs::image::archive::Archive;
use crate::rootfs::image::layer::{Layer, Layers, Limits, Used};
use crate::rootfs::image::manifest::{LayerPart, Parts, layer_place, unusable};
use crate::rootfs::image::tar::{Flaw, Member};
use crate::rootfs::image::tree::{Body, Content, Inode, TOP, Tree};
use crate::rootfs::{Handle, Kind, Look, LookError, Node};
use crate::value::{Text, lossless};

/// How much of a hole in a sparse file is passed on at once.
const HOLE: usize = 64 << 10;

/// What is said of the contents of a folder that tar was told to leave out.
const NOT_GIVEN: LookError = LookError::Unsupported("it is the kernel's, which tar was not asked for");

/// Why an image cannot be scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// It cannot be read or trusted.
    Unusable {
        /// Which part of it; empty for the archive itself.
        place: String,
        /// What is wrong there.
        why: Flaw,
    },
    /// It is not clear which image is meant, or it is not there.
    Choice(String),
}

impl fmt::Display for ImageError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            ImageError::Unusable { place, why } if place.is_empty() => why.to_string(),
            ImageError::Unusable { place, why } => format!("{place}: {why}"),
            ImageError::Choice(what) => what.clone(),
        };
        // Names in it are the image's own.
        out.write_str(&lossless(text.as_bytes()))
    }
}

impl std::error::Error for ImageError {}

/// A layer, for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageLayer {
    /// Counted from 1, the lowest first.
    pub number: usize,
    /// Digest of the blob; archives of `docker save` do not tell.
    pub digest: Option<String>,
    /// Digest of what it holds, uncompressed.
    pub diff_id: String,
    /// The command that made it, where the history tells.
    pub created_by: Option<String>,
}

/// What identifies an image, for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFacts {
    /// The archive, as the auditor named it.
    pub archive: PathBuf,
    /// Its names in the archive.
    pub names: Vec<String>,
    /// The digest of its manifest; archives of `docker save` have none.
    pub manifest: Option<String>,
    /// The digest of its configuration: the image's id.
    pub config: String,
    /// `linux/amd64`.
    pub platform: String,
    /// The layers, the lowest first.
    pub layers: Vec<ImageLayer>,
    /// What is odd about it.
    pub remarks: Vec<String>,
}

/// An image that was read and can be looked at.
pub struct Image {
    /// What identifies it.
    pub facts: ImageFacts,
    /// What it says of itself.
    pub config: ImageConfig,
    pub(super) files: Files,
}

/// Files of one tree whose contents stay where the layers are.
pub(super) struct Files {
    tree: Tree,
    layers: Layers,
    /// What a tar can tell of them, where no image has them but one gave them out.
    given: Option<Told>,
}

/// What a tar tells of the files that it gives out.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// Their extended attributes.
    xattrs: bool,
}

impl fmt::Debug for Files {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Files").field("given", &self.given).finish_non_exhaustive()
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Image").field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl Image {
    /// Opens the wanted image of an archive, reads its layers once and verifies all digests; `reading` tells others how
    /// far that is.
    ///
    /// Errors: it is not clear which image is wanted; or the image is damaged, larger than the caps, means different
    /// things to different runtimes, or was not read by the deadline.
    pub fn open(
        path: &Path,
        choice: &ImageChoice,
        deadline: Instant,
        reading: &Arc<Reading>,
    ) -> Result<Image, ImageError> {
        let archive = Archive::open(path, reading).map_err(|flaw| unusable("", flaw))?;
        let parts = manifest::choose(&archive, choice)?;
        let (tree, layers) = read_layers(&parts.layers, &Limits::until(deadline), reading)?;
        if tree.is_empty() {
            return Err(unusable("", "the image is empty: there is nothing to scan"));
        }
        let facts = facts(path, &parts, tree.remarks.clone());
        Ok(Image { facts, config: parts.config, files: Files { tree, layers, given: None } })
    }
}

impl Files {
    fn inode(&self, place: u32) -> Look<&Inode> {
        self.tree.inode(place).ok_or(LookError::Absent)
    }

    fn node(&self, inode: u32, layer: Option<u16>) -> Look<Node> {
        let mut metadata = self.inode(inode)?.metadata(inode);
        if self.given.is_some() {
            (metadata.mount_root, metadata.immutable) = (None, None);
        }
        Ok(Node { handle: Handle::Image { inode, layer }, metadata })
    }

    /// Whether a tar gave them out.
    pub(super) fn are_given(&self) -> bool {
        self.given.is_some()
    }

    /// Whether a folder holds what the kernel makes up.
    pub(super) fn is_kernel(&self, inode: u32) -> bool {
        self.inode(inode).is_ok_and(|inode| matches!(inode.body, Body::Kernel))
    }

    pub(super) fn top(&self) -> Look<Node> {
        self.node(TOP, None)
    }

    pub(super) fn child(&self, folder: u32, name: &[u8]) -> Look<Node> {
        if self.is_kernel(folder) {
            return Err(NOT_GIVEN);
        }
        let child = self.tree.children(folder).and_then(|children| children.get(name)).ok_or(LookError::Absent)?;
        match &self.inode(child.inode)?.body {
            Body::Withheld(why) => Err((**why).clone()),
            _ => self.node(child.inode, Some(child.layer)),
        }
    }

    /// Whether a walk should meet the files in the order of the layers, whatever else that costs.
    pub(super) fn is_read_in_order(&self) -> bool {
        self.layers.go_forward()
    }

    /// In the order of the layers where a walk keeps to that; else files as they stand there, then folders the other
    /// way round: a walk takes the folder next that it met last, and so reads the layers roughly from front to back.
    pub(super) fn list(&self, folder: u32, each: &mut dyn FnMut(&[u8], Option<Kind>) -> bool) -> Look<()> {
        if self.is_kernel(folder) {
            return Err(NOT_GIVEN);
        }
        let children = self.tree.children(folder).into_iter().flatten();
        let mut entries: Vec<_> = children.map(|(name, child)| (child.inode, self.inode(child.inode), name)).collect();
        let is_folder = |inode: &Look<&Inode>| inode.as_ref().is_ok_and(|inode| inode.kind() == Kind::Directory);
        let in_order = self.is_read_in_order();
        let key = |(place, inode, _): &(u32, Look<&Inode>, _)| match is_folder(inode) && !in_order {
            false => (false, *place),
            true => (true, u32::MAX - place),
        };
        order::sort(&mut entries, &|a, b| key(a).cmp(&key(b)));
        for (_, inode, name) in entries {
            if !each(name, Some(inode?.kind()).filter(|kind| *kind != Kind::Unknown)) {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn read(&self, inode: u32, tick: &dyn Fn()) -> Look<Text> {
        let size = match &self.inode(inode)?.body {
            Body::Content(content) => content.size,
            _ => 0,
        };
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        self.stream(inode, tick, &mut |piece| bytes.extend_from_slice(piece))?;
        Ok(Text::from(bytes))
    }

    pub(super) fn stream(&self, inode: u32, tick: &dyn Fn(), sink: &mut dyn FnMut(&[u8])) -> Look<()> {
        let Body::Content(Content { layer, size, at, stored, pieces }) = &self.inode(inode)?.body else {
            return Ok(());
        };
        let layer = usize::from(*layer);
        let Some(pieces) = pieces else {
            return if *stored > 0 { self.layers.read(layer, *at, *stored, tick, sink) } else { Ok(()) };
        };
        let hole = |mut length: u64, sink: &mut dyn FnMut(&[u8])| {
            // Not a constant, which would lie in the program with all its bytes.
            let zeros = vec![0; HOLE];
            while length > 0 {
                let step = HOLE.min(usize::try_from(length).unwrap_or(usize::MAX));
                sink(zeros.get(..step).unwrap_or_default());
                tick();
                length -= step as u64;
            }
        };
        let (mut at, mut done) = (*at, 0);
        for piece in pieces {
            hole(piece.offset - done, sink);
            if piece.length > 0 {
                self.layers.read(layer, at, piece.length, tick, sink)?;
            }
            at += piece.length;
            done = piece.offset + piece.length;
        }
        hole(size - done, sink);
        Ok(())
    }

    pub(super) fn read_link(&self, inode: u32) -> Look<Vec<u8>> {
        match &self.inode(inode)?.body {
            Body::Link(target) => Ok(target.to_vec()),
            _ => Err(LookError::Absent),
        }
    }

    pub(super) fn xattr(&self, inode: u32, name: &str) -> Look<Option<Vec<u8>>> {
        if self.given.is_some_and(|told| !told.xattrs) {
            return Err(LookError::Unsupported("this tar does not give out extended attributes"));
        }
        let known = self.inode(inode)?.xattrs.iter().find(|(known, _)| known == name);
        Ok(known.map(|(_, value)| value.clone()))
    }
}

/// Reads all layers, in parallel within the current rayon pool, and makes one tree of them.
fn read_layers(parts: &[LayerPart], limits: &Limits, reading: &Reading) -> Result<(Tree, Layers), ImageError> {
    let used = Used::default();
    let all: u64 = parts.iter().map(|part| part.blob.length).sum::<u64>().max(1);
    reading.begin(all);
    let read = |(index, part): (usize, &LayerPart)| -> Result<(Layer, Vec<Member>), ImageError> {
        let share = u64::try_from(u128::from(part.blob.length) * 1000 / u128::from(all)).unwrap_or(0);
        read_layer(part, share, limits, &used).map_err(|flaw| unusable(place(index, part), flaw))
    };
    let results: Vec<_> = parts.par_iter().enumerate().map(read).collect();
    let mut tree = Tree::new();
    let mut layers = Vec::new();
    for (index, (result, part)) in results.into_iter().zip(parts).enumerate() {
        let (layer, members) = result?;
        let number = u16::try_from(index).map_err(|_| unusable(place(index, part), "too many layers"))?;
        tree.put_layer(number, members, reading)
            .map_err(|(name, flaw)| unusable(place(index, part), format!("{}: {flaw}", lossless(&name))))?;
        layers.push(layer);
    }
    Ok((tree, Layers::new(layers)))
}

fn read_layer(part: &LayerPart, share: u64, limits: &Limits, used: &Used) -> Result<(Layer, Vec<Member>), Flaw> {
    let mut members = Vec::new();
    let mut read = || {
        Layer::read_once(part, share, limits, used, &mut |member| {
            used.index(weight(&member), limits)?;
            members.push(member);
            Ok(())
        })
    };
    // The decoders are others' code, and a target must not end the program.
    let layer = catch_unwind(AssertUnwindSafe(&mut read)).unwrap_or(Err("reading it made assay crash".into()))?;
    Ok((layer, members))
}

fn place(index: usize, part: &LayerPart) -> String {
    layer_place(index, part.digest.as_ref().unwrap_or(&part.diff_id).as_str())
}

/// The memory that a member takes, roughly.
fn weight(member: &Member) -> u64 {
    let xattrs: usize = member.xattrs.iter().map(|(key, value)| 64 + key.len() + value.len()).sum();
    let pieces = member.pieces.as_ref().map_or(0, |pieces| pieces.len() * 16);
    (512 + 2 * member.name.len() + member.link.len() + xattrs + pieces) as u64
}

fn facts(path: &Path, parts: &Parts, remarks: Vec<String>) -> ImageFacts {
    let made_by = parts.config.made_by(parts.layers.len());
    let layers = parts.layers.iter().zip(made_by).enumerate().map(|(index, (part, created_by))| ImageLayer {
        number: index + 1,
        digest: part.digest.as_ref().map(|digest| digest.as_str().to_owned()),
        diff_id: part.diff_id.as_str().to_owned(),
        created_by,
    });
    ImageFacts {
        archive: path.to_owned(),
        names: parts.names.clone(),
        manifest: parts.manifest.as_ref().map(|digest| digest.as_str().to_owned()),
        config: parts.config_digest.as_str().to_owned(),
        platform: parts.config.platform(),
        layers: layers.collect(),
        remarks,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A tar of one file of zeros.
    fn tar_of_zeros(size: usize) -> Vec<u8> {
        let mut header = vec![0; 512];
        let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, "zeros");
        put(100, "0000644");
        put(124, &format!("{size:011o}"));
        put(148, "        ");
        put(156, "0");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        header.resize(512 + size.next_multiple_of(512) + 1024, 0);
        header
    }

    /// What is said of two layers of 1 MiB of zeros, a thousand times smaller in the archive.
    fn said(limits: Limits) -> Option<String> {
        let unpacked = tar_of_zeros(1 << 20);
        let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        gzip.extend(miniz_oxide::deflate::compress_to_vec(&unpacked, 9));
        gzip.extend([0; 8]);
        assert!(gzip.len() < 2000);
        let blob = archive::blob_of(&gzip);
        let layer = || LayerPart { blob: blob.clone(), digest: None, diff_id: digest::Digest::of(&unpacked) };
        read_layers(&[layer(), layer()], &limits, &Reading::default()).err().map(|error| error.to_string())
    }

    #[test]
    fn bombs_end_at_the_caps() {
        let wide = Limits::until(Instant::now() + Duration::from_secs(600));
        assert_eq!(said(wide), None);
        let said_with = |limits| said(limits).unwrap_or_default();
        let small = said_with(Limits { layer: 1 << 20, ..wide });
        assert!(small.ends_with("it unpacks to more than 1048576 bytes"), "{small}");
        let small = said_with(Limits { layer: 1000, ..wide });
        assert!(small.ends_with("a member of 1048576 bytes, at most 1000 are read"), "{small}");
        let small = said_with(Limits { all: 2 << 20, ..wide });
        assert!(small.ends_with("the layers unpack to more than 2097152 bytes"), "{small}");
        let small = said_with(Limits { index: 1000, ..wide });
        assert!(small.ends_with("the image has more files than an index of 1000 bytes holds"), "{small}");
        let late = said_with(Limits { deadline: Instant::now(), ..wide });
        assert!(late.ends_with("it could not be read in the time that the scan may take"), "{late}");
    }
}
