//! SQLite's file format, as far as rpm's database needs it: the blobs of one table, read in the order of its keys.
//!
//! Source: "Database File Format" of SQLite's documentation. Nothing is written, no index is used. Each page may be
//! used once, so that the time is bounded by the file's size whatever its pages say.

use crate::parse::binary::Binary;
use crate::parse::{MAX_ROWS, ParseError};

const MAGIC: &[u8] = b"SQLite format 3\0";
/// Levels of a tree: with four keys in a page, enough for all files that are read.
const MAX_DEPTH: usize = 24;

/// The values of a row that matter here.
enum Cell<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

struct Pages<'a> {
    bytes: Binary<'a>,
    size: usize,
    usable: usize,
    seen: Vec<bool>,
}

/// Passes on the blobs of the last column of a table, in order, until `each` says no.
///
/// Errors: it is no such database, the table is not there, a page is used twice or lies outside.
pub fn blobs(bytes: &[u8], table: &str, each: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), ParseError> {
    let file = Binary::big_endian(bytes);
    if !bytes.starts_with(MAGIC) {
        return Err(ParseError::new("it is no SQLite database"));
    }
    let size = match file.u16(16)? {
        1 => 65536,
        size if size >= 512 && size.is_power_of_two() => size,
        size => return Err(ParseError::new(format!("it has pages of {size} bytes"))),
    };
    let usable = size - usize::from(file.u8(20)?);
    if usable < 480 {
        return Err(ParseError::new(format!("{usable} bytes of a page are used")));
    }
    let mut pages = Pages { bytes: file, size, usable, seen: vec![false; bytes.len().div_ceil(size) + 1] };
    let mut root = None;
    pages.rows(1, &mut |row| {
        let cells = cells(row)?;
        // type, name, tbl_name, rootpage, sql
        if let [Cell::Bytes(b"table"), Cell::Bytes(name), _, Cell::Number(page), ..] = cells.as_slice()
            && *name == table.as_bytes()
        {
            root = usize::try_from(*page).ok();
        }
        Ok(true)
    })?;
    let root = root.ok_or_else(|| ParseError::new(format!("it has no table {table}")))?;
    pages.rows(root, &mut |row| match cells(row)?.pop() {
        Some(Cell::Bytes(blob)) => Ok(each(blob)),
        _ => Err(ParseError::new(format!("a row of the table {table} holds no blob"))),
    })
}

impl<'a> Pages<'a> {
    /// The start of a page, which is used from now on.
    fn take(&mut self, page: usize) -> Result<usize, ParseError> {
        match self.seen.get_mut(page) {
            Some(seen) if page > 0 && !*seen => *seen = true,
            Some(_) if page > 0 => return Err(ParseError::new(format!("page {page} is used twice"))),
            _ => return Err(ParseError::new(format!("page {page} lies outside of it"))),
        }
        Ok((page - 1) * self.size)
    }

    /// Passes on the records of a table, in the order of their keys, until `each` says no.
    fn rows(&mut self, root: usize, each: &mut dyn FnMut(&[u8]) -> Result<bool, ParseError>) -> Result<(), ParseError> {
        let mut rows = 0;
        // Cells of a page can overlap; sound ones cannot hold more than the file.
        let mut total = 0;
        // Pages to visit, the next one last.
        let mut pages = vec![(root, 0)];
        while let Some((page, depth)) = pages.pop() {
            if depth > MAX_DEPTH {
                return Err(ParseError::new(format!("page {page}: a tree of more than {MAX_DEPTH} levels")));
            }
            let start = self.take(page)?;
            let head = if page == 1 { start + 100 } else { start };
            let (kind, count) = (self.bytes.u8(head)?, self.bytes.u16(head + 3)?);
            let cell = |bytes: Binary<'_>, index: usize, head_bytes: usize| -> Result<usize, ParseError> {
                Ok(start + bytes.u16(head + head_bytes + 2 * index)?)
            };
            match kind {
                5 => {
                    pages.push((self.bytes.u32(head + 8)?, depth + 1));
                    for index in (0..count).rev() {
                        let at = cell(self.bytes, index, 12)?;
                        pages.push((self.bytes.u32(at)?, depth + 1));
                    }
                    if pages.len() > self.seen.len() {
                        return Err(ParseError::new(format!("page {page}: a page is used twice")));
                    }
                }
                13 => {
                    for index in 0..count {
                        let at = cell(self.bytes, index, 8)?;
                        if rows == MAX_ROWS {
                            return Err(ParseError::new(format!("more than {MAX_ROWS} rows")));
                        }
                        let record = self.record(at)?;
                        total += record.len();
                        if total > self.bytes.len() {
                            return Err(ParseError::new(format!("page {page}: its rows overlap")));
                        }
                        rows += 1;
                        if !each(&record)? {
                            return Ok(());
                        }
                    }
                }
                kind => return Err(ParseError::new(format!("page {page} is of kind {kind}, not of a table"))),
            }
        }
        Ok(())
    }

    /// The record of a cell of a leaf, with what flowed over to other pages.
    fn record(&mut self, at: usize) -> Result<Vec<u8>, ParseError> {
        let (length, at) = varint(self.bytes, at)?;
        let (_, at) = varint(self.bytes, at)?;
        let length = usize::try_from(length).ok().filter(|length| *length <= self.bytes.len());
        let length = length.ok_or_else(|| ParseError::new("a row is larger than the file"))?;
        let most = self.usable - 35;
        let here = if length <= most {
            length
        } else {
            let least = (self.usable - 12) * 32 / 255 - 23;
            let here = least + (length - least) % (self.usable - 4);
            if here <= most { here } else { least }
        };
        let mut record = self.bytes.piece(at, here)?.to_vec();
        if here == length {
            return Ok(record);
        }
        let mut next = self.bytes.u32(at + here)?;
        while record.len() < length {
            let start = self.take(next)?;
            next = self.bytes.u32(start)?;
            let more = (length - record.len()).min(self.usable - 4);
            record.extend_from_slice(self.bytes.piece(start + 4, more)?);
        }
        Ok(record)
    }
}

/// A number of one to nine bytes, and the place behind it.
fn varint(bytes: Binary<'_>, at: usize) -> Result<(u64, usize), ParseError> {
    let mut number: u64 = 0;
    for index in 0..8 {
        let byte = bytes.u8(at + index)?;
        number = (number << 7) | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Ok((number, at + index + 1));
        }
    }
    Ok(((number << 8) | u64::from(bytes.u8(at + 8)?), at + 9))
}

/// The values of a record.
fn cells(record: &[u8]) -> Result<Vec<Cell<'_>>, ParseError> {
    let bytes = Binary::big_endian(record);
    let (head, mut at) = varint(bytes, 0)?;
    let head = usize::try_from(head).ok().filter(|head| *head <= record.len());
    let head = head.ok_or_else(|| ParseError::new("the head of a row is larger than the row"))?;
    let mut body = head;
    let mut cells = Vec::new();
    while at < head {
        let (kind, next) = varint(bytes, at)?;
        at = next;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).unwrap_or_default(),
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return Err(ParseError::new(format!("a value of the unknown kind {kind}"))),
            kind => usize::try_from((kind - 12) / 2).unwrap_or(usize::MAX),
        };
        cells.push(match kind {
            8 => Cell::Number(0),
            9 => Cell::Number(1),
            1..=6 => Cell::Number(bytes.number(body, length)?),
            0 | 7 => Cell::Other,
            _ => Cell::Bytes(bytes.piece(body, length)?),
        });
        body += length;
    }
    Ok(cells)
}
