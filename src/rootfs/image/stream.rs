//! A layer's bytes, uncompressed, from front to back: as they are, from gzip, or from zstd.
//!
//! A gzip stream can be marked and taken up again at the mark, a zstd stream at the beginning of its frames.

use std::io::Read;
use std::sync::Arc;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::DecompressorOxide;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::rootfs::image::archive::Blob;
use crate::rootfs::image::digest::Hasher;
use crate::rootfs::image::tar::Flaw;

/// How much is read from the archive at once.
const PIECE: usize = 64 << 10;
/// How far back deflate refers (RFC 1951).
const WINDOW: usize = 32 << 10;
/// The most memory that a zstd stream may ask for: twice what the encoders of image builders use at their best.
pub(super) const MAX_ZSTD_WINDOW: u64 = 64 << 20;

/// How a layer is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// By the first bytes, as those who unpack layers do it.
    pub(super) fn of(first: &[u8]) -> Result<Compression, Flaw> {
        match first {
            [0x1f, 0x8b, 8, ..] => Ok(Compression::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Compression::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Err("it is compressed with xz, which is not read".into()),
            [b'B', b'Z', b'h', ..] => Err("it is compressed with bzip2, which is not read".into()),
            _ => Ok(Compression::None),
        }
    }
}

/// A blob from front to back, hashed on its way where that is wanted.
#[derive(Debug)]
struct Stored {
    blob: Blob,
    /// Where the buffer ends in the blob.
    at: u64,
    buffer: Vec<u8>,
    taken: usize,
    hasher: Option<Hasher>,
}

impl Stored {
    fn new(blob: Blob, at: u64, hasher: Option<Hasher>) -> Stored {
        Stored { blob, at, buffer: Vec::new(), taken: 0, hasher }
    }

    /// What is read and not taken; empty only at the end of the blob.
    fn fill(&mut self) -> Result<&[u8], Flaw> {
        if self.taken == self.buffer.len() {
            self.buffer.resize(PIECE, 0);
            self.taken = 0;
            let count = self.blob.read_at(self.at, &mut self.buffer).map_err(|error| error.to_string())?;
            self.buffer.truncate(count);
            self.at += count as u64;
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&self.buffer);
            }
        }
        Ok(self.buffer.get(self.taken..).unwrap_or_default())
    }

    fn take(&mut self, count: usize) {
        self.taken = (self.taken + count).min(self.buffer.len());
    }

    /// The place in the blob of the next byte.
    fn position(&self) -> u64 {
        self.at - (self.buffer.len() - self.taken) as u64
    }

    fn byte(&mut self) -> Result<u8, Flaw> {
        let byte = self.fill()?.first().copied().ok_or("it ends too early")?;
        self.take(1);
        Ok(byte)
    }

    fn skip(&mut self, mut count: u64) -> Result<(), Flaw> {
        while count > 0 {
            let here = self.fill()?.len();
            if here == 0 {
                return Err("it ends too early".into());
            }
            let step = here.min(usize::try_from(count).unwrap_or(usize::MAX));
            self.take(step);
            count -= step as u64;
        }
        Ok(())
    }
}

impl Read for Stored {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.fill().map_err(|flaw| std::io::Error::other(flaw.into_owned()))?;
        let count = bytes.len().min(into.len());
        if let (Some(into), Some(bytes)) = (into.get_mut(..count), bytes.get(..count)) {
            into.copy_from_slice(bytes);
        }
        self.take(count);
        Ok(count)
    }
}

/// A place at which a stream can be taken up again.
#[derive(Clone)]
pub(super) struct Mark {
    /// Where it is in the uncompressed bytes.
    pub(super) position: u64,
    /// Where it is in the blob.
    stored: u64,
    /// Of gzip, what is needed to go on within a block.
    inflate: Option<Arc<(DecompressorOxide, [u8; WINDOW], usize)>>,
}

/// Uncompressed bytes, from front to back.
pub(super) struct Stream {
    stored: Stored,
    /// How many bytes were given out, counted from the layer's beginning.
    pub(super) position: u64,
    decoder: Decoder,
}

enum Decoder {
    None,
    Gzip(Box<Gzip>),
    Zstd(Box<Zstd>),
}

struct Zstd {
    decoder: FrameDecoder,
    in_frame: bool,
    /// How much the present frame keeps in memory.
    window: u64,
}

struct Gzip {
    inflate: DecompressorOxide,
    window: [u8; WINDOW],
    /// Where the next byte comes into the window, and from where it was not given out yet.
    end: usize,
    given: usize,
    in_member: bool,
}

impl Stream {
    /// The stream from its beginning; `hasher` sees every byte of the blob.
    pub(super) fn new(blob: Blob, compression: Compression, hasher: Option<Hasher>) -> Stream {
        let decoder = match compression {
            Compression::None => Decoder::None,
            Compression::Gzip => Decoder::Gzip(Box::new(Gzip {
                inflate: DecompressorOxide::new(),
                window: [0; WINDOW],
                end: 0,
                given: 0,
                in_member: false,
            })),
            Compression::Zstd => {
                let mut decoder = FrameDecoder::new();
                decoder.set_max_window_size(MAX_ZSTD_WINDOW);
                Decoder::Zstd(Box::new(Zstd { decoder, in_frame: false, window: 0 }))
            }
        };
        Stream { stored: Stored::new(blob, 0, hasher), position: 0, decoder }
    }

    /// The stream from a mark.
    pub(super) fn at(blob: Blob, compression: Compression, mark: &Mark) -> Stream {
        let mut stream = Stream::new(blob, compression, None);
        stream.stored.at = mark.stored;
        stream.position = mark.position;
        if let (Decoder::Gzip(gzip), Some(state)) = (&mut stream.decoder, &mark.inflate) {
            (gzip.inflate, gzip.window, gzip.end) = (state.0.clone(), state.1, state.2);
            gzip.given = gzip.end;
            gzip.in_member = true;
        }
        stream
    }

    /// A mark at this place, if the stream can be taken up here.
    pub(super) fn mark(&self) -> Option<Mark> {
        let inflate = match &self.decoder {
            Decoder::Gzip(gzip) if gzip.given == gzip.end && gzip.in_member => {
                Some(Arc::new((gzip.inflate.clone(), gzip.window, gzip.end)))
            }
            Decoder::Zstd(zstd) if !zstd.in_frame && zstd.decoder.can_collect() == 0 => None,
            _ => return None,
        };
        Some(Mark { position: self.position, stored: self.stored.position(), inflate })
    }

    /// The next bytes, at most as many as the buffer takes; 0 at the end.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, Flaw> {
        let count = match &mut self.decoder {
            _ if into.is_empty() => 0,
            Decoder::None => self.stored.read(into).map_err(|error| error.to_string())?,
            Decoder::Gzip(gzip) => gzip.read(&mut self.stored, into)?,
            Decoder::Zstd(zstd) => zstd.read(&mut self.stored, into)?,
        };
        self.position += count as u64;
        Ok(count)
    }

    /// Passes over some bytes, in a buffer of the caller; 0 when all were passed.
    pub(super) fn forward(&mut self, to: u64, buffer: &mut [u8], tick: &dyn Fn()) -> Result<(), Flaw> {
        if let Decoder::None = self.decoder {
            (self.stored.at, self.position) = (to, to);
            self.stored.buffer.clear();
            self.stored.taken = 0;
            return Ok(());
        }
        while self.position < to {
            let most = buffer.len().min(usize::try_from(to - self.position).unwrap_or(usize::MAX));
            if self.read(buffer.get_mut(..most).unwrap_or_default())? == 0 {
                return Err("it ends too early".into());
            }
            tick();
        }
        Ok(())
    }

    /// What the blob's bytes come to; only after the end was reached.
    pub(super) fn into_hasher(self) -> Option<Hasher> {
        self.stored.hasher
    }

    /// How much memory the stream holds, roughly.
    pub(super) fn weight(&self) -> u64 {
        match &self.decoder {
            Decoder::None | Decoder::Gzip(_) => 2 * PIECE as u64,
            Decoder::Zstd(zstd) => 2 * PIECE as u64 + zstd.window,
        }
    }
}

impl Gzip {
    fn read(&mut self, stored: &mut Stored, into: &mut [u8]) -> Result<usize, Flaw> {
        loop {
            if self.given < self.end {
                let ready = self.window.get(self.given..self.end).unwrap_or_default();
                let count = ready.len().min(into.len());
                if let (Some(into), Some(ready)) = (into.get_mut(..count), ready.get(..count)) {
                    into.copy_from_slice(ready);
                }
                self.given += count;
                return Ok(count);
            }
            if !self.in_member {
                if stored.fill()?.is_empty() {
                    return Ok(0);
                }
                gzip_header(stored)?;
                self.inflate = DecompressorOxide::new();
                self.in_member = true;
            }
            if self.end == WINDOW {
                self.end = 0;
            }
            self.given = self.end;
            let input = stored.fill()?;
            if input.is_empty() {
                return Err("its gzip stream ends too early".into());
            }
            let (status, taken, made) = miniz_oxide::inflate::core::decompress(
                &mut self.inflate,
                input,
                &mut self.window,
                self.end,
                TINFL_FLAG_HAS_MORE_INPUT,
            );
            stored.take(taken);
            self.end += made;
            match status {
                TINFLStatus::Done => {
                    // The sum and the size of the member: the digests say more.
                    stored.skip(8)?;
                    self.in_member = false;
                }
                TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput => {}
                _ => return Err("its gzip stream is damaged".into()),
            }
        }
    }
}

/// The header of a gzip member (RFC 1952).
fn gzip_header(stored: &mut Stored) -> Result<(), Flaw> {
    let mut start = [0; 10];
    for byte in &mut start {
        *byte = stored.byte()?;
    }
    let [0x1f, 0x8b, 8, flags, ..] = start else { return Err("what follows its gzip stream is none".into()) };
    if flags & 0xe0 != 0 {
        return Err("its gzip stream has flags that nobody knows".into());
    }
    if flags & 4 != 0 {
        let length = u16::from_le_bytes([stored.byte()?, stored.byte()?]);
        stored.skip(u64::from(length))?;
    }
    for text in [8, 16] {
        while flags & text != 0 && stored.byte()? != 0 {}
    }
    if flags & 2 != 0 { stored.skip(2) } else { Ok(()) }
}

impl Zstd {
    fn read(&mut self, stored: &mut Stored, into: &mut [u8]) -> Result<usize, Flaw> {
        let damaged = |error: &dyn std::fmt::Display| Flaw::from(format!("its zstd stream cannot be read: {error}"));
        loop {
            let count = self.decoder.read(into).map_err(|error| damaged(&error))?;
            if count > 0 {
                return Ok(count);
            }
            self.in_frame &= !self.decoder.is_finished();
            if self.in_frame {
                let some = BlockDecodingStrategy::UptoBytes(PIECE);
                self.decoder.decode_blocks(&mut *stored, some).map_err(|error| damaged(&error))?;
                continue;
            }
            let header = stored.fill()?;
            if header.is_empty() {
                return Ok(0);
            }
            self.window = frame_window(header);
            match self.decoder.init(&mut *stored) {
                Ok(()) => self.in_frame = true,
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    stored.skip(u64::from(length))?;
                }
                Err(error) => return Err(damaged(&error)),
            }
        }
    }
}

/// How far back a frame refers (RFC 8878, 3.1.1.1.2), which the decoder does not tell; the most that it may be where the
/// header does not say it at this place.
fn frame_window(header: &[u8]) -> u64 {
    match header {
        [_, _, _, _, descriptor, window, ..] if descriptor & 0x20 == 0 => {
            let base = 1_u64 << (10 + (window >> 3));
            base + base / 8 * u64::from(window & 7)
        }
        _ => MAX_ZSTD_WINDOW,
    }
}
