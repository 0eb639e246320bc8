//! Hash tables of Berkeley DB, in which rpm kept its packages up to version 4.15: the values, and no keys.
//!
//! Source: the headers db_page.h and hash.h of Berkeley DB 5.3.

use crate::parse::ParseError;
use crate::parse::binary::Binary;

const MAGIC: usize = 0x0006_1561;
/// Bytes of a page before its items.
const HEAD: usize = 26;
/// Kinds of pages: of a table (two layouts that differ in the order of their items), and of what a page is too small for.
const HASH: [u8; 2] = [2, 13];
const OVERFLOW: u8 = 7;
/// Kinds of items: bytes in the page, or pages of their own.
const HERE: u8 = 1;
const ELSEWHERE: u8 = 3;

/// Passes on the values of a table, in the order of its pages, until `each` says no.
///
/// Errors: it is no such table, an item or a page lies outside, values are used twice.
pub fn values(bytes: &[u8], each: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), ParseError> {
    let file = Binary::little_endian(bytes);
    match file.u32(12) {
        Ok(MAGIC) => {}
        Ok(magic) if u32::try_from(magic).is_ok_and(|magic| magic.swap_bytes() as usize == MAGIC) => {
            return Err(ParseError::new("it was written by a machine of the other byte order, which is not read"));
        }
        _ => return Err(ParseError::new("it is no hash table of Berkeley DB")),
    }
    let size = file.u32(20)?;
    if !(512..=65536).contains(&size) || !size.is_power_of_two() {
        return Err(ParseError::new(format!("it has pages of {size} bytes")));
    }
    if file.u8(24)? != 0 {
        return Err(ParseError::new("it is encrypted"));
    }
    let last = file.u32(32)?;
    if bytes.len() / size <= last {
        return Err(ParseError::new(format!("it ends before its last page, number {last}")));
    }
    let mut table = Table { file, size, left: bytes.len(), value: Vec::new() };
    for page in 1..=last {
        if HASH.contains(&file.u8(page * size + 25)?) && !table.page(page, each)? {
            break;
        }
    }
    Ok(())
}

struct Table<'a> {
    file: Binary<'a>,
    size: usize,
    /// How many bytes values can still have: sound ones have no more than the file.
    left: usize,
    /// A value of several pages.
    value: Vec<u8>,
}

impl Table<'_> {
    /// Passes on the values of a page, until `each` says no; says whether it did not.
    fn page(&mut self, page: usize, each: &mut dyn FnMut(&[u8]) -> bool) -> Result<bool, ParseError> {
        let (file, size, start) = (self.file, self.size, page * self.size);
        let items = file.u16(start + 20)?;
        let place = |item: usize| -> Result<usize, ParseError> {
            let outside = || ParseError::new(format!("page {page}: item {item} lies outside of it"));
            let at = file.u16(start + HEAD + 2 * item)?;
            if (HEAD + 2 * items..size).contains(&at) { Ok(at) } else { Err(outside()) }
        };
        if items % 2 != 0 || HEAD + 2 * items > self.size {
            return Err(ParseError::new(format!("page {page}: a key without a value")));
        }
        // Keys and values in turn, from the end of the page downwards.
        for item in (1..items).step_by(2) {
            let (at, end) = (place(item)?, place(item - 1)?);
            let wrong = || ParseError::new(format!("page {page}: item {item} is none"));
            match self.file.u8(start + at)? {
                HERE => {
                    let length = end.checked_sub(at + 1).ok_or_else(wrong)?;
                    self.take(length, page)?;
                    if !each(self.file.piece(start + at + 1, length)?) {
                        return Ok(false);
                    }
                }
                ELSEWHERE => {
                    let (first, length) = (self.file.u32(start + at + 4)?, self.file.u32(start + at + 8)?);
                    self.take(length, page)?;
                    self.gather(first, length)?;
                    if !each(&self.value) {
                        return Ok(false);
                    }
                }
                _ => return Err(wrong()),
            }
        }
        Ok(true)
    }

    fn take(&mut self, length: usize, page: usize) -> Result<(), ParseError> {
        let too_much = || ParseError::new(format!("page {page}: values are larger than the file"));
        self.left = self.left.checked_sub(length).ok_or_else(too_much)?;
        Ok(())
    }

    /// A value of so many bytes from the pages that follow each other, the first one given.
    fn gather(&mut self, mut page: usize, length: usize) -> Result<(), ParseError> {
        self.value.clear();
        while self.value.len() < length {
            let start = page.checked_mul(self.size).filter(|_| page > 0);
            let start = start.ok_or_else(|| ParseError::new(format!("a value ends before its {length} bytes")))?;
            let here = self.file.u16(start + 22)?;
            let wrong = self.file.u8(start + 25)? != OVERFLOW || here == 0 || HEAD + here > self.size;
            if wrong || self.value.len() + here > length {
                return Err(ParseError::new(format!("page {page}: no part of a value of {length} bytes")));
            }
            self.value.extend_from_slice(self.file.piece(start + HEAD, here)?);
            page = self.file.u32(start + 16)?;
        }
        Ok(())
    }
}
