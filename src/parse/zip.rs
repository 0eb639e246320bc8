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
    // The last one: a comment of at most 64 KiB may follow it.
    let tail = bytes.len().saturating_sub(65_557);
    let end = memchr::memmem::rfind(bytes.get(tail..).unwrap_or_default(), END);
    let end = tail + end.ok_or_else(|| ParseError::new("it is no ZIP archive"))?;
    let file = Binary::little_endian(bytes);
    let (count, length, mut at) = (file.u16(end + 10)?, file.u32(end + 12)?, file.u32(end + 16)?);
    if count == 0xffff || at == 0xffff_ffff {
        return Err(ParseError::new("archives of Zip64 are not read"));
    }
    // What was put in front of an archive, such as a script that starts it, moves everything.
    let start = end.checked_sub(length).ok_or_else(|| ParseError::new("its directory lies outside of it"))?;
    let moved = start.checked_sub(at).ok_or_else(|| ParseError::new("its directory lies outside of it"))?;
    at = start;
    let mut members = Vec::new();
    for _ in 0..count {
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
    Ok(members)
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
