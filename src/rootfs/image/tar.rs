//! The tar format, one member after the other: ustar and pax (POSIX.1-2001), GNU tar and V7, sparse files included.
//!
//! Own code and no crate, because a layer must mean here what it means to those who unpack it: what Go's archive/tar
//! and GNU tar would read differently is refused, and sparse files of all four formats are known by their places.

use std::borrow::Cow;

/// What is wrong, for a message.
pub(super) type Flaw = Cow<'static, str>;

/// The unit of the format.
const BLOCK: usize = 512;
/// The largest header extension (long name, pax records, map of a sparse file): Go's own limit.
const MAX_EXTENSION: u64 = 1 << 20;
/// The longest name: what the kernel takes as one path.
const MAX_NAME: usize = 4095;

/// Bytes in order, of which some may be passed over.
pub(super) trait Source {
    /// How many bytes were taken so far.
    fn position(&self) -> u64;
    /// Fills the buffer, or as much of it as there is.
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Flaw>;
    /// Passes over some bytes, all of which must be there.
    fn skip(&mut self, count: u64) -> Result<(), Flaw>;
}

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemberKind {
    File,
    HardLink,
    Symlink,
    CharacterDevice,
    BlockDevice,
    Directory,
    Pipe,
}

/// One part of a sparse file that is stored; what lies between the parts is zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where it belongs in the file.
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// One member.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    pub(super) kind: MemberKind,
    /// Where a link leads.
    pub(super) link: Vec<u8>,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mtime: (i64, u32),
    pub(super) device: (u64, u64),
    /// The size of the file, holes included.
    pub(super) size: u64,
    pub(super) xattrs: Vec<(String, Vec<u8>)>,
    /// Where the stored bytes begin in the source.
    pub(super) at: u64,
    /// How many bytes are stored.
    pub(super) stored: u64,
    /// The parts of a sparse file.
    pub(super) pieces: Option<Box<[Piece]>>,
}

/// Members of a source.
pub(super) struct Members<'a> {
    source: &'a mut dyn Source,
    /// Where the next header begins.
    next: u64,
    /// The largest member that can be.
    largest: u64,
    is_ended: bool,
}

/// What extensions say of the member after them.
#[derive(Default)]
struct Extended {
    records: Vec<(String, Vec<u8>)>,
    has_records: bool,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

impl Extended {
    fn get(&self, key: &str) -> Option<&[u8]> {
        let record = self.records.iter().rev().find(|(known, _)| known == key);
        record.map(|(_, value)| value.as_slice()).filter(|value| !value.is_empty())
    }

    fn number(&self, key: &str) -> Result<Option<u64>, Flaw> {
        self.get(key)
            .map(|value| decimal(value).ok_or_else(|| Flaw::from(format!("a pax record {key} that is no number"))))
            .transpose()
    }
}

impl<'a> Members<'a> {
    /// The members of a source, each of at most `largest` bytes.
    pub(super) fn new(source: &'a mut dyn Source, largest: u64) -> Members<'a> {
        Members { next: source.position(), source, largest, is_ended: false }
    }

    /// Whether blocks of zeros ended it: without them, its end may be missing.
    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// The source, behind what was read of it.
    pub(super) fn source(&mut self) -> &mut dyn Source {
        self.source
    }

    /// The next member; `None` at the end of the archive.
    pub(super) fn next(&mut self) -> Result<Option<Member>, Flaw> {
        let mut extended = Extended::default();
        let mut any = false;
        loop {
            self.source.skip(self.next - self.source.position())?;
            let Some(header) = self.header()? else {
                return if any { Err("an extension of a header without that header".into()) } else { Ok(None) };
            };
            any = true;
            let stored = number(field(&header, 124, 12))?;
            match header.get(156).copied().unwrap_or_default() {
                b'x' if extended.has_records => return Err("two pax headers for one member".into()),
                b'x' => {
                    extended.has_records = true;
                    extended.records = records(&self.extension(stored)?)?;
                }
                b'g' => {
                    // Go's reader ignores them and GNU tar obeys them: harmless only when they say nothing.
                    let records = records(&self.extension(stored)?)?;
                    if let Some((key, _)) = records.iter().find(|(key, _)| key != "comment") {
                        return Err(format!("a global pax record {key}, which is read in different ways").into());
                    }
                }
                b'L' if extended.long_name.is_none() => extended.long_name = Some(until_nul(&self.extension(stored)?)),
                b'K' if extended.long_link.is_none() => extended.long_link = Some(until_nul(&self.extension(stored)?)),
                b'L' | b'K' => return Err("two long names for one member".into()),
                flag => return self.member(&header, flag, stored, &extended).map(Some),
            }
        }
    }

    /// The next block that is a header, its checksum verified; `None` at the end of the archive.
    fn header(&mut self) -> Result<Option<[u8; BLOCK]>, Flaw> {
        let mut block = [0; BLOCK];
        match self.source.read(&mut block)? {
            0 => return Ok(None),
            BLOCK => {}
            _ => return Err("the archive ends within a header".into()),
        }
        if block == [0; BLOCK] {
            let mut second = [0; BLOCK];
            return match self.source.read(&mut second)? {
                0 | BLOCK if second == [0; BLOCK] => {
                    self.is_ended = true;
                    Ok(None)
                }
                _ => Err("a block of zeros in the place of a header".into()),
            };
        }
        let sum = number(field(&block, 148, 8))?;
        let with_spaces =
            block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { b' ' } else { *byte });
        let (unsigned, signed) = with_spaces.fold((0_i64, 0_i64), |(unsigned, signed), byte| {
            (unsigned + i64::from(byte), signed + i64::from(byte.cast_signed()))
        });
        if ![unsigned, signed].contains(&i64::try_from(sum).unwrap_or(-1)) {
            return Err("a header whose checksum is wrong".into());
        }
        self.next = self.source.position();
        Ok(Some(block))
    }

    /// The content of an extension.
    fn extension(&mut self, size: u64) -> Result<Vec<u8>, Flaw> {
        if size > MAX_EXTENSION {
            return Err(format!("an extension of a header of {size} bytes, at most {MAX_EXTENSION} are read").into());
        }
        let mut content = vec![0; usize::try_from(size).unwrap_or(0)];
        if self.source.read(&mut content)? < content.len() {
            return Err("the archive ends within an extension of a header".into());
        }
        self.next += padded(size);
        Ok(content)
    }

    fn member(&mut self, header: &[u8; BLOCK], flag: u8, stored: u64, extended: &Extended) -> Result<Member, Flaw> {
        let pax = match (field(header, 257, 6), field(header, 263, 2)) {
            (b"ustar\0", b"00") => true,
            (b"ustar ", b" \0") => false,
            (b"\0\0\0\0\0\0", _) => false,
            _ => return Err("a header of no known format".into()),
        };
        let stored = extended.number("size")?.unwrap_or(stored);
        if stored > self.largest {
            return Err(format!("a member of {stored} bytes, at most {} are read", self.largest).into());
        }
        self.next += padded(stored);
        let mut name = until_nul(field(header, 0, 100));
        let prefix = until_nul(field(header, 345, 155));
        if pax && !prefix.is_empty() {
            name = [prefix.as_slice(), b"/", &name].concat();
        }
        let name = one_of(name, &extended.long_name, extended.get("path"))?;
        let link = one_of(until_nul(field(header, 157, 100)), &extended.long_link, extended.get("linkpath"))?;
        let kind = match flag {
            0 if name.ends_with(b"/") => MemberKind::Directory,
            0 | b'0' | b'7' | b'S' => MemberKind::File,
            b'1' => MemberKind::HardLink,
            b'2' => MemberKind::Symlink,
            b'3' => MemberKind::CharacterDevice,
            b'4' => MemberKind::BlockDevice,
            b'5' => MemberKind::Directory,
            b'6' => MemberKind::Pipe,
            other => return Err(format!("a member of the unknown type {:?}", char::from(other)).into()),
        };
        match kind {
            MemberKind::File if name.ends_with(b"/") => return Err("a file whose name ends in a slash".into()),
            MemberKind::File => {}
            _ if stored > 0 => return Err("content in a member that has none".into()),
            MemberKind::HardLink | MemberKind::Symlink if link.is_empty() => return Err("a link to nowhere".into()),
            _ => {}
        }
        let (pieces, size, sparse_name) = self.sparse(header, flag, stored, extended)?;
        let name = sparse_name.unwrap_or(name);
        if name.len() > MAX_NAME || link.len() > MAX_NAME {
            return Err("a name that is longer than the kernel takes".into());
        }
        if name.contains(&0) || link.contains(&0) {
            return Err("a name with a NUL in it".into());
        }
        let id = |key: &str, at: usize| -> Result<u32, Flaw> {
            let number = match extended.number(key)? {
                Some(number) => number,
                None => number(field(header, at, 8))?,
            };
            u32::try_from(number).map_err(|_| Flaw::from("an owner that is no 32-bit number"))
        };
        let mtime = match extended.get("mtime") {
            Some(text) => pax_time(text).ok_or("a pax record mtime that is no time")?,
            None => (time(field(header, 136, 12))?, 0),
        };
        let xattrs = extended.records.iter().filter_map(|(key, value)| {
            key.strip_prefix("SCHILY.xattr.").filter(|key| !key.is_empty()).map(|key| (key.to_owned(), value.clone()))
        });
        let device = match kind {
            MemberKind::CharacterDevice | MemberKind::BlockDevice => {
                (number(field(header, 329, 8))?, number(field(header, 337, 8))?)
            }
            _ => (0, 0),
        };
        let at = self.source.position();
        // The map of a sparse file of format 1.0 stands before its content.
        let stored = pieces.as_ref().map_or(stored, |pieces| pieces.iter().map(|piece| piece.length).sum());
        if at + stored > self.next {
            return Err("a sparse file whose parts are larger than what is stored".into());
        }
        Ok(Member {
            name,
            kind,
            link,
            mode: u32::try_from(number(field(header, 100, 8))? & 0o7777).unwrap_or(0),
            uid: id("uid", 108)?,
            gid: id("gid", 116)?,
            mtime,
            device,
            size,
            xattrs: xattrs.collect(),
            at,
            stored,
            pieces,
        })
    }

    /// The parts of a sparse file, its size, and the name that pax keeps elsewhere for it.
    fn sparse(&mut self, header: &[u8; BLOCK], flag: u8, stored: u64, extended: &Extended) -> Result<Sparse, Flaw> {
        let is_pax = extended.records.iter().any(|(key, _)| key.starts_with("GNU.sparse."));
        let (pieces, size) = match (flag, is_pax) {
            (b'S', true) => return Err("a sparse file of two formats".into()),
            (b'S', false) => (self.old_sparse_map(header)?, number(field(header, 483, 12))?),
            (0 | b'0' | b'7', true) => {
                let size = extended.number("GNU.sparse.realsize")?.or(extended.number("GNU.sparse.size")?);
                let pieces = match (extended.get("GNU.sparse.major"), extended.get("GNU.sparse.minor")) {
                    (Some(b"1"), Some(b"0")) => self.sparse_map_in_content(stored)?,
                    (None | Some(b"0"), None | Some(b"0" | b"1")) => sparse_map_in_records(extended)?,
                    _ => return Err("a sparse file of an unknown format".into()),
                };
                (pieces, size.ok_or("a sparse file without its size")?)
            }
            (_, true) => return Err("what is no file and yet sparse".into()),
            (_, false) => return Ok((None, stored, None)),
        };
        let mut end = 0;
        for piece in &pieces {
            let after = piece.offset.checked_add(piece.length);
            match after {
                Some(after) if piece.offset >= end && after <= size => end = after,
                _ => return Err("a sparse file whose parts overlap or lie outside it".into()),
            }
        }
        let name = extended.get("GNU.sparse.name").map(<[u8]>::to_vec);
        Ok((Some(pieces.into_boxed_slice()), size, name))
    }

    /// GNU tar's own map: four parts in the header, 21 in each block after it.
    fn old_sparse_map(&mut self, header: &[u8; BLOCK]) -> Result<Vec<Piece>, Flaw> {
        let mut pieces = Vec::new();
        let mut more = take_pieces(&mut pieces, field(header, 386, 96))? && header.get(482) != Some(&0);
        while more {
            let mut block = [0; BLOCK];
            if self.source.read(&mut block)? < BLOCK {
                return Err("the archive ends within the map of a sparse file".into());
            }
            self.next += BLOCK as u64;
            let full = take_pieces(&mut pieces, field(&block, 0, 504))?;
            more = block.get(504) != Some(&0);
            if !full && more || pieces.len() as u64 * 16 > MAX_EXTENSION {
                return Err("a map of a sparse file that does not end".into());
            }
        }
        Ok(pieces)
    }

    /// Format 1.0: decimal numbers, one in a line, in whole blocks before the content.
    fn sparse_map_in_content(&mut self, stored: u64) -> Result<Vec<Piece>, Flaw> {
        let (mut text, mut numbers) = (Vec::new(), Vec::new());
        let mut wanted = None;
        while wanted.is_none_or(|wanted| numbers.len() < wanted) {
            let mut block = [0; BLOCK];
            let taken = text.len() as u64;
            if taken + BLOCK as u64 > stored.min(MAX_EXTENSION) || self.source.read(&mut block)? < BLOCK {
                return Err("a map of a sparse file that does not end".into());
            }
            text.extend_from_slice(&block);
            numbers.clear();
            let lines = text.split(|byte| *byte == b'\n');
            let whole = text.iter().filter(|byte| **byte == b'\n').count();
            for line in lines.take(whole).take(wanted.unwrap_or(usize::MAX)) {
                numbers.push(decimal(line).ok_or("a map of a sparse file that holds no numbers")?);
                if wanted.is_none() {
                    let count = numbers.first().copied().unwrap_or(0).min(MAX_EXTENSION);
                    wanted = Some(1 + 2 * usize::try_from(count).unwrap_or(0));
                }
                if wanted == Some(numbers.len()) {
                    break;
                }
            }
        }
        pairs(numbers.get(1..).unwrap_or_default())
    }
}

type Sparse = (Option<Box<[Piece]>>, u64, Option<Vec<u8>>);

/// Formats 0.0 (a record for each number) and 0.1 (one record for all).
fn sparse_map_in_records(extended: &Extended) -> Result<Vec<Piece>, Flaw> {
    let bad = || Flaw::from("a map of a sparse file that holds no numbers");
    if let Some(map) = extended.get("GNU.sparse.map") {
        let numbers: Option<Vec<u64>> = map.split(|byte| *byte == b',').map(decimal).collect();
        return pairs(&numbers.ok_or_else(bad)?);
    }
    let parts = extended.records.iter().filter(|(key, _)| key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes");
    let mut numbers = Vec::new();
    for (key, value) in parts {
        if (key == "GNU.sparse.offset") != (numbers.len() % 2 == 0) {
            return Err(bad());
        }
        numbers.push(decimal(value).ok_or_else(bad)?);
    }
    pairs(&numbers)
}

fn pairs(numbers: &[u64]) -> Result<Vec<Piece>, Flaw> {
    let pair = |pair: &[u64]| match pair {
        [offset, length] => Ok(Piece { offset: *offset, length: *length }),
        _ => Err(Flaw::from("a map of a sparse file that holds half a part")),
    };
    numbers.chunks(2).map(pair).collect()
}

/// Parts of 24 bytes each until an empty one; says whether there was none empty.
fn take_pieces(pieces: &mut Vec<Piece>, bytes: &[u8]) -> Result<bool, Flaw> {
    for part in bytes.chunks_exact(24) {
        if part.first() == Some(&0) {
            return Ok(false);
        }
        pieces.push(Piece { offset: number(field(part, 0, 12))?, length: number(field(part, 12, 12))? });
    }
    Ok(true)
}

/// The one name that counts. Readers disagree which of two extensions does.
fn one_of(short: Vec<u8>, long: &Option<Vec<u8>>, pax: Option<&[u8]>) -> Result<Vec<u8>, Flaw> {
    match (long, pax) {
        (Some(_), Some(_)) => Err("a long name and a pax record for one name".into()),
        (Some(long), None) => Ok(long.clone()),
        (None, Some(pax)) => Ok(pax.to_vec()),
        (None, None) => Ok(short),
    }
}

fn field(block: &[u8], at: usize, length: usize) -> &[u8] {
    block.get(at..at + length).unwrap_or_default()
}

fn padded(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64)
}

fn until_nul(bytes: &[u8]) -> Vec<u8> {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}

/// A number that is not negative: octal digits between blanks, or base 256.
fn number(field: &[u8]) -> Result<u64, Flaw> {
    u64::try_from(signed(field)?).map_err(|_| "a negative number in a header".into())
}

/// A time, which may lie before 1970.
fn time(field: &[u8]) -> Result<i64, Flaw> {
    i64::try_from(signed(field)?).map_err(|_| "a time out of range".into())
}

fn signed(field: &[u8]) -> Result<i128, Flaw> {
    let bad = || Flaw::from("a field of a header that is no number");
    match field.split_first() {
        // Base 256, in two's complement.
        Some((first, rest)) if first & 0x80 != 0 => {
            let negative = first & 0x40 != 0;
            let mut value = i128::from(first & 0x3f) - if negative { 0x40 } else { 0 };
            for byte in rest {
                value = value.checked_mul(256).ok_or_else(bad)? + i128::from(*byte);
            }
            Ok(value)
        }
        _ => {
            let digits = field.trim_ascii_start();
            let end = digits.iter().position(|byte| matches!(byte, 0 | b' ')).unwrap_or(digits.len());
            let (digits, rest) = digits.split_at(end);
            if rest.iter().any(|byte| !matches!(byte, 0 | b' ')) {
                return Err(bad());
            }
            digits.iter().try_fold(0, |value, digit| match digit {
                b'0'..=b'7' => Ok(value * 8 + i128::from(digit - b'0')),
                _ => Err(bad()),
            })
        }
    }
}

fn decimal(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(text).ok()?.parse().ok())?
}

/// Seconds with a fraction: `1350244992.023960108`, `-1.5`.
fn pax_time(text: &[u8]) -> Option<(i64, u32)> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    match (whole.starts_with('-'), nanoseconds) {
        (true, 1..) => Some((seconds.checked_sub(1)?, 1_000_000_000 - nanoseconds)),
        _ => Some((seconds, nanoseconds)),
    }
}

/// `LENGTH KEY=VALUE\n`, the length that of the whole record.
fn records(mut bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Flaw> {
    let bad = || Flaw::from("pax records that cannot be read");
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let space = bytes.iter().take(8).position(|byte| *byte == b' ').ok_or_else(bad)?;
        let length = decimal(field(bytes, 0, space)).and_then(|length| usize::try_from(length).ok()).ok_or_else(bad)?;
        let record = bytes.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(bad)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(bad)?;
        let key = std::str::from_utf8(field(record, 0, equals)).map_err(|_| bad())?;
        if key.is_empty() || key.contains('\0') {
            return Err(bad());
        }
        records.push((key.to_owned(), record.get(equals + 1..).unwrap_or_default().to_vec()));
        bytes = bytes.get(length..).unwrap_or_default();
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256() {
        assert_eq!(number(b"0000644\0"), Ok(0o644));
        assert_eq!(number(b"   644 \0"), Ok(0o644));
        assert_eq!(number(b"\0\0\0\0"), Ok(0));
        assert_eq!(number(&[0x80, 0, 0, 0, 2, 0, 0, 0]), Ok(1 << 25));
        assert_eq!(time(&[0xff; 12]), Ok(-1));
        for bad in [&b"0000648\0"[..], b"12 4", b"-1", &[0xff; 8]] {
            assert!(number(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn pax_records_are_counted() {
        assert_eq!(records(b"6 a=b\n6 c=\xff\n"), Ok(vec![("a".into(), b"b".into()), ("c".into(), b"\xff".into())]));
        for bad in [&b"7 a=b\n"[..], b"5 a=b\n", b"x a=b\n", b"4 =\n", b"6 a\0b\n", b"0 a=b\n", b"99999999 a=b\n"] {
            assert!(records(bad).is_err(), "{bad:?}");
        }
        assert_eq!(pax_time(b"-1.5"), Some((-2, 500_000_000)));
        assert_eq!(pax_time(b"12.0239601081"), Some((12, 23_960_108)));
        assert_eq!(pax_time(b"x"), None);
    }
}
