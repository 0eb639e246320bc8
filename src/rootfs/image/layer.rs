//! A layer: read once from front to back, verified by its digests on the way, and then by place.
//!
//! Contents stay in the archive. To come back to a place in compressed bytes, marks are set while they are read, the
//! further apart the larger the layer is, so that all of them fit into a fixed room. A zstd stream can only be taken
//! up between its frames, of which there is often one: there the smallest files are kept instead.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::rootfs::image::archive::Blob;
use crate::rootfs::image::digest::Hasher;
use crate::rootfs::image::manifest::LayerPart;
use crate::rootfs::image::stream::{Compression, MAX_ZSTD_WINDOW, Mark, Stream};
use crate::rootfs::image::tar::{Flaw, Member, MemberKind, Members, Source};
use crate::rootfs::{Look, LookError};
use crate::value::{Text, lossless};

/// How much is passed on at once.
const PIECE: usize = 64 << 10;
/// How far marks are apart at first.
const FIRST_INTERVAL: u64 = 1 << 20;
/// How many marks all layers together may have; one of gzip holds 43 KiB, so 16 MiB.
const MARKS: u64 = 384;
/// How many bytes of small files of zstd layers are kept.
const KEPT_BYTES: u64 = 16 << 20;
/// The largest file that is kept at first.
const KEPT_FILE: u64 = 256 << 10;
/// How many streams are held where they stopped, and how much memory they may take.
const IDLE_STREAMS: usize = 16;
const IDLE_BYTES: u64 = 2 * MAX_ZSTD_WINDOW;

/// How much an image may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The most bytes that one layer unpacks to. 32 GiB: the largest images for machine learning have less in all.
    pub(super) layer: u64,
    /// The most bytes that all layers unpack to.
    pub(super) all: u64,
    /// The most memory that the index takes, roughly: 1 GiB is two million files.
    pub(super) index: u64,
    /// When the reading must be done.
    pub(super) deadline: Instant,
}

impl Limits {
    pub(super) fn until(deadline: Instant) -> Limits {
        Limits { layer: 32 << 30, all: 64 << 30, index: 1 << 30, deadline }
    }
}

/// What all layers have used up so far.
#[derive(Debug, Default)]
pub(super) struct Used {
    bytes: AtomicU64,
    index: AtomicU64,
}

impl Used {
    /// Counts memory of the index.
    pub(super) fn index(&self, bytes: u64, limits: &Limits) -> Result<(), Flaw> {
        let used = self.index.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        match used > limits.index {
            true => Err(format!("the image has more files than an index of {} bytes holds", limits.index).into()),
            false => Ok(()),
        }
    }
}

/// A layer that was read.
pub(super) struct Layer {
    blob: Blob,
    compression: Compression,
    /// In order.
    marks: Vec<Mark>,
    /// Small files by their place.
    kept: BTreeMap<u64, Text>,
    /// Whether the mark stands at its end that says so.
    pub(super) is_ended: bool,
}

/// The one pass over a layer.
struct Pass<'a> {
    stream: Stream,
    hasher: Hasher,
    limits: &'a Limits,
    used: &'a Used,
    marks: Vec<Mark>,
    interval: u64,
    most_marks: usize,
}

impl Source for Pass<'_> {
    fn position(&self) -> u64 {
        self.stream.position
    }

    fn read(&mut self, into: &mut [u8]) -> Result<usize, Flaw> {
        let mut filled = 0;
        while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let count = self.stream.read(rest)?;
            if count == 0 {
                break;
            }
            self.hasher.update(rest.get(..count).unwrap_or_default());
            filled += count;
            self.account(count as u64)?;
        }
        Ok(filled)
    }

    fn skip(&mut self, mut count: u64) -> Result<(), Flaw> {
        let mut piece = vec![0; PIECE];
        while count > 0 {
            let most = piece.len().min(usize::try_from(count).unwrap_or(usize::MAX));
            let taken = self.read(piece.get_mut(..most).unwrap_or_default())?;
            if taken == 0 {
                return Err("the layer ends within a file".into());
            }
            count -= taken as u64;
        }
        Ok(())
    }
}

impl Pass<'_> {
    fn account(&mut self, count: u64) -> Result<(), Flaw> {
        let all = self.used.bytes.fetch_add(count, Ordering::Relaxed).saturating_add(count);
        if self.stream.position > self.limits.layer {
            return Err(format!("it unpacks to more than {} bytes", self.limits.layer).into());
        }
        if all > self.limits.all {
            return Err(format!("the layers unpack to more than {} bytes", self.limits.all).into());
        }
        if Instant::now() > self.limits.deadline {
            return Err("it could not be read in the time that the scan may take".into());
        }
        let last = self.marks.last().map_or(0, |mark| mark.position);
        if self.stream.position - last >= self.interval
            && let Some(mark) = self.stream.mark()
        {
            self.marks.push(mark);
            if self.marks.len() > self.most_marks {
                let mut place = 0;
                self.marks.retain(|_| {
                    place += 1;
                    place % 2 == 0
                });
                self.interval *= 2;
            }
        }
        Ok(())
    }
}

impl Layer {
    /// Reads a layer once and shows its members, in order; `share` is its part of the room for all layers, in
    /// thousandths.
    pub(super) fn read_once(
        part: &LayerPart,
        share: u64,
        limits: &Limits,
        used: &Used,
        each: &mut dyn FnMut(Member) -> Result<(), Flaw>,
    ) -> Result<Layer, Flaw> {
        let mut first = [0; 8];
        let count = part.blob.read_at(0, &mut first).map_err(|error| error.to_string())?;
        let compression = Compression::of(first.get(..count).unwrap_or_default())?;
        let stored = part.digest.as_ref().map(|digest| digest.hasher());
        let mut pass = Pass {
            stream: Stream::new(part.blob.clone(), compression, stored),
            hasher: part.diff_id.hasher(),
            limits,
            used,
            marks: Vec::new(),
            interval: FIRST_INTERVAL,
            most_marks: match compression {
                Compression::None => 0,
                _ => usize::try_from(MARKS * share / 1000 + 2).unwrap_or(2),
            },
        };
        if compression == Compression::None {
            pass.interval = u64::MAX;
        }
        let mut kept = Kept { most: KEPT_BYTES * share / 1000, largest: KEPT_FILE, ..Kept::default() };
        let mut last = Vec::new();
        let after = |last: &[u8], flaw: Flaw| match last {
            [] => flaw,
            last => format!("after {}: {flaw}", lossless(last)).into(),
        };
        let mut members = Members::new(&mut pass, limits.layer);
        while let Some(member) = members.next().map_err(|flaw| after(&last, flaw))? {
            last.clone_from(&member.name);
            let whole = member.kind == MemberKind::File && member.pieces.is_none();
            if compression == Compression::Zstd && whole && (1..=kept.largest).contains(&member.stored) {
                let mut content = vec![0; usize::try_from(member.stored).unwrap_or(0)];
                if members.source().read(&mut content)? < content.len() {
                    return Err(after(&last, "the layer ends within this file".into()));
                }
                kept.keep(member.at, &content);
            }
            let name = lossless(&member.name);
            each(member).map_err(|flaw| format!("{name}: {flaw}"))?;
        }
        let is_ended = members.is_ended();
        rest_is_zeros(&mut pass)?;
        let Pass { stream, hasher, marks, .. } = pass;
        if let (Some(digest), Some(found)) = (&part.digest, stream.into_hasher())
            && found.finish() != *digest
        {
            return Err("its content does not have this digest".into());
        }
        if hasher.finish() != part.diff_id {
            return Err(format!(
                "unpacked, it does not have the digest {} of the configuration",
                part.diff_id.as_str()
            )
            .into());
        }
        Ok(Layer { blob: part.blob.clone(), compression, marks, kept: kept.files, is_ended })
    }
}

/// What follows the end of an archive would be read by some and passed over by others.
fn rest_is_zeros(pass: &mut Pass<'_>) -> Result<(), Flaw> {
    let mut piece = vec![0; PIECE];
    loop {
        let count = pass.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        if piece.iter().take(count).any(|byte| *byte != 0) {
            return Err("more follows behind the end of the archive".into());
        }
    }
}

/// The smallest files, in a fixed room.
#[derive(Default)]
struct Kept {
    files: BTreeMap<u64, Text>,
    bytes: u64,
    most: u64,
    /// The largest file that is kept.
    largest: u64,
}

impl Kept {
    fn keep(&mut self, at: u64, content: &[u8]) {
        self.files.insert(at, Text::from(content));
        self.bytes += content.len() as u64;
        while self.bytes > self.most && self.largest > 0 {
            self.largest /= 2;
            let largest = self.largest;
            self.files.retain(|_, content| content.len() as u64 <= largest);
            self.bytes = self.files.values().map(|content| content.len() as u64).sum();
        }
    }
}

/// All layers of an image, to be read by place from several threads.
pub(super) struct Layers {
    layers: Vec<Layer>,
    /// Streams where they stopped, with their layer; the one that stopped last comes last.
    idle: Mutex<Vec<(usize, Stream)>>,
}

impl Layers {
    pub(super) fn new(layers: Vec<Layer>) -> Layers {
        Layers { layers, idle: Mutex::default() }
    }

    /// Whether coming back to a place costs as much as all that lies before it, so that who reads much goes from front
    /// to back.
    pub(super) fn go_forward(&self) -> bool {
        self.layers.iter().any(|layer| layer.compression == Compression::Zstd)
    }

    /// Passes bytes of a layer, uncompressed, to `sink`.
    pub(super) fn read(
        &self,
        layer: usize,
        at: u64,
        length: u64,
        tick: &dyn Fn(),
        sink: &mut dyn FnMut(&[u8]),
    ) -> Look<()> {
        let Some(known) = self.layers.get(layer) else { return Err(LookError::Absent) };
        if let Some(content) = known.kept.get(&at).filter(|content| content.len() as u64 == length) {
            sink(content);
            return Ok(());
        }
        // The layer was read whole and its digests were right: whatever is wrong now was changed since.
        let changed = |_| LookError::Changed;
        let mut stream = self.stream(layer, known, at);
        let mut piece = vec![0; PIECE.min(usize::try_from(length.max(512)).unwrap_or(PIECE))];
        let mut ahead = vec![0; if stream.position < at { PIECE } else { 0 }];
        stream.forward(at, &mut ahead, tick).map_err(changed)?;
        let mut rest = length;
        while rest > 0 {
            let most = piece.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
            let count = stream.read(piece.get_mut(..most).unwrap_or_default()).map_err(changed)?;
            if count == 0 {
                return Err(LookError::Changed);
            }
            tick();
            sink(piece.get(..count).unwrap_or_default());
            rest -= count as u64;
        }
        if known.compression != Compression::None {
            self.put_back(layer, stream);
        }
        Ok(())
    }

    /// A stream before this place and as near as possible.
    fn stream(&self, layer: usize, known: &Layer, at: u64) -> Stream {
        let mark = known.marks.iter().rev().find(|mark| mark.position <= at);
        let from = mark.map_or(0, |mark| mark.position);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let nearest = idle
            .iter()
            .enumerate()
            .filter(|(_, (of, stream))| *of == layer && (from..=at).contains(&stream.position))
            .max_by_key(|(_, (_, stream))| stream.position)
            .map(|(place, _)| place);
        if let Some(place) = nearest {
            return idle.remove(place).1;
        }
        drop(idle);
        match mark {
            Some(mark) => Stream::at(known.blob.clone(), known.compression, mark),
            None => Stream::new(known.blob.clone(), known.compression, None),
        }
    }

    fn put_back(&self, layer: usize, stream: Stream) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((layer, stream));
        while idle.len() > IDLE_STREAMS || idle.iter().map(|(_, stream)| stream.weight()).sum::<u64>() > IDLE_BYTES {
            idle.remove(0);
        }
    }
}
