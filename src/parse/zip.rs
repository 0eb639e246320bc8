//! Archives in ZIP (Java's jar and war): the members that somebody asks for, by the directory at the end.
//!
//! Source: APPNOTE.TXT. Read are members that are stored or deflated, in one file, without encryption and Zip64.

use miniz_oxide::inflate::decompress_to_vec_with_limit;

use crate::parse::binary::Binary;
use crate::parse::{MAX_ROWS, ParseError};

/// One member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name.
    pub name: &'a [u8],
    flags: usize,
    method: usize,
    packed: usize,
    size: usize,
    at: usize,
}

const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";

/// The members of an archive, in the order of its directory.
///
/// Errors: it is no archive, or its directory is not whole.
pub fn members(bytes: &[u8]) -> Result<Vec<Member<'_>>, ParseError> {
    let file = Binary::little_endian(bytes);
    let (end, start, moved) = directory(file, bytes)?;
    let mut at = start;
    let mut members = Vec::new();
    // By its length and not by the count of members, which Java does not go by either.
    while at < end {
        if file.piece(at, 4)? != ENTRY || members.len() == MAX_ROWS {
            return Err(ParseError::new(format!("there is no member at byte {at}")));
        }
        let (name, extra, comment) = (file.u16(at + 28)?, file.u16(at + 30)?, file.u16(at + 32)?);
        members.push(Member {
            name: file.piece(at + 46, name)?,
            flags: file.u16(at + 8)?,
            method: file.u16(at + 10)?,
            packed: file.u32(at + 20)?,
            size: file.u32(at + 24)?,
            at: file.u32(at + 42)?.saturating_add(moved),
        });
        at += 46 + name + extra + comment;
    }
    if at == end { Ok(members) } else { Err(ParseError::new("its directory is not whole")) }
}

/// Where the directory ends and begins, and by how much what was put in front of the archive, such as a script that
/// starts it, moves everything.
fn directory(file: Binary<'_>, bytes: &[u8]) -> Result<(usize, usize, usize), ParseError> {
    // The last end that is one: a comment of at most 64 KiB follows it, in which the mark can stand, too.
    let first = bytes.len().saturating_sub(65_557);
    let mut tail = bytes.get(first..).unwrap_or_default();
    while let Some(found) = memchr::memmem::rfind(tail, END) {
        tail = tail.get(..found + END.len() - 1).unwrap_or_default();
        let end = first + found;
        let Ok(comment) = file.u16(end + 20) else { continue };
        let (count, length, at) = (file.u16(end + 10)?, file.u32(end + 12)?, file.u32(end + 16)?);
        let start = end.checked_sub(length);
        let moved = start.and_then(|start| start.checked_sub(at));
        // As Java: its comment fills the file, or a directory and a member are where it says.
        let is_exact = end + 22 + comment == bytes.len();
        let starts = |at: Option<usize>, mark: &[u8]| at.is_some_and(|at| file.piece(at, 4) == Ok(mark));
        if !(is_exact || starts(start, ENTRY) && starts(moved, LOCAL)) {
            continue;
        }
        if count == 0xffff || at == 0xffff_ffff || length == 0xffff_ffff {
            return Err(ParseError::new("archives of Zip64 are not read"));
        }
        let (start, moved) = start.zip(moved).ok_or_else(|| ParseError::new("its directory lies outside of it"))?;
        return Ok((end, start, moved));
    }
    Err(ParseError::new("it is no ZIP archive"))
}

impl Member<'_> {
    /// The content of the member, of at most `cap` bytes.
    ///
    /// Errors: it is encrypted, packed by another method, larger, or not of the size that the directory says.
    pub fn content(&self, bytes: &[u8], cap: usize) -> Result<Vec<u8>, ParseError> {
        let file = Binary::little_endian(bytes);
        if self.flags & 1 != 0 {
            return Err(ParseError::new("a member is encrypted"));
        }
        if self.size > cap {
            return Err(ParseError::new(format!("a member of {} bytes, and no more than {cap} are read", self.size)));
        }
        if file.piece(self.at, 4)? != LOCAL {
            return Err(ParseError::new(format!("there is no member at byte {}", self.at)));
        }
        let start = self.at + 30 + file.u16(self.at + 26)? + file.u16(self.at + 28)?;
        let packed = file.piece(start, self.packed)?;
        let content = match self.method {
            0 => packed.to_vec(),
            8 => decompress_to_vec_with_limit(packed, self.size)
                .map_err(|error| ParseError::new(format!("a member cannot be unpacked: {error}")))?,
            method => return Err(ParseError::new(format!("a member is packed by the unknown method {method}"))),
        };
        if content.len() == self.size { Ok(content) } else { Err(ParseError::new("a member is not of its size")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive of empty members with this comment, and how many of them its end counts.
    fn archive(names: &[&str], count: u8, comment: &[u8]) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for name in names {
            let at = u32::try_from(bytes.len()).unwrap().to_le_bytes();
            let length = [u8::try_from(name.len()).unwrap(), 0];
            bytes.extend([LOCAL, &[0; 22], &length, &[0; 2], name.as_bytes()].concat());
            directory.extend([ENTRY, &[0; 24], &length, &[0; 12], &at, name.as_bytes()].concat());
        }
        let (at, length) = (u32::try_from(bytes.len()).unwrap(), u32::try_from(directory.len()).unwrap());
        let comment = [&u16::try_from(comment.len()).unwrap().to_le_bytes(), comment].concat();
        let numbers = [&[0; 6], &[count, 0][..], &length.to_le_bytes(), &at.to_le_bytes()].concat();
        [bytes, directory, END.to_vec(), numbers, comment].concat()
    }

    #[test]
    fn the_end_is_the_one_that_java_takes() {
        let names = |bytes: &[u8]| {
            let found = members(bytes)?;
            Ok::<_, ParseError>(found.iter().map(|member| member.name.to_vec()).collect::<Vec<_>>())
        };
        let both = vec![b"a.class".to_vec(), b"b.jar".to_vec()];
        assert_eq!(names(&archive(&["a.class", "b.jar"], 2, b"")).unwrap(), both);
        // Members that the end does not count.
        assert_eq!(names(&archive(&["a.class", "b.jar"], 1, b"words")).unwrap(), both);
        // A comment in which an end of nothing stands; what was added behind the archive.
        let hidden = archive(&["a.class", "b.jar"], 2, &[END, &[0; 17], b"\x09"].concat());
        assert_eq!(names(&hidden).unwrap(), both);
        assert_eq!(names(&[archive(&["a.class", "b.jar"], 2, b""), b"more".to_vec()].concat()).unwrap(), both);
        assert_eq!(names(&[b"#!/bin/sh\n".to_vec(), archive(&["a.class", "b.jar"], 2, b"")].concat()).unwrap(), both);
        let mut cut = archive(&["a.class"], 1, b"");
        let at = cut.len() - 10;
        cut[at] -= 1;
        assert!(names(&cut).is_err() && names(b"PK").is_err());
    }
}
