//! Numbers and pieces of binary formats, by their place; what lies outside is an error that says where.

use crate::parse::ParseError;

/// The bytes of a file with binary numbers.
#[derive(Clone, Copy, Debug)]
pub struct Binary<'a> {
    bytes: &'a [u8],
    big: bool,
}

impl<'a> Binary<'a> {
    /// Numbers with their most significant byte first.
    pub fn big_endian(bytes: &'a [u8]) -> Binary<'a> {
        Binary { bytes, big: true }
    }

    /// Numbers with their least significant byte first.
    pub fn little_endian(bytes: &'a [u8]) -> Binary<'a> {
        Binary { bytes, big: false }
    }

    /// How many bytes there are.
    pub fn len(self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// So many bytes from a place on.
    pub fn piece(self, at: usize, length: usize) -> Result<&'a [u8], ParseError> {
        let piece = at.checked_add(length).and_then(|end| self.bytes.get(at..end));
        piece.ok_or_else(|| ParseError::new(format!("{length} bytes at byte {at} lie outside of it")))
    }

    /// The text from a place on, up to a zero byte.
    pub fn text(self, at: usize) -> Result<&'a [u8], ParseError> {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == 0);
        let text = end.and_then(|end| rest.get(..end));
        text.ok_or_else(|| ParseError::new(format!("the text at byte {at} has no end")))
    }

    /// A number of so many bytes, at most 8.
    pub fn number(self, at: usize, length: usize) -> Result<u64, ParseError> {
        let piece = self.piece(at, length)?;
        let add = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
        Ok(if self.big { piece.iter().fold(0, add) } else { piece.iter().rev().fold(0, add) })
    }

    /// A number of one byte.
    pub fn u8(self, at: usize) -> Result<u8, ParseError> {
        self.piece(at, 1).map(|piece| piece.first().copied().unwrap_or_default())
    }

    /// A number of two bytes.
    pub fn u16(self, at: usize) -> Result<usize, ParseError> {
        self.place(at, 2)
    }

    /// A number of four bytes.
    pub fn u32(self, at: usize) -> Result<usize, ParseError> {
        self.place(at, 4)
    }

    /// A number of so many bytes that is a place or a length.
    pub fn place(self, at: usize, length: usize) -> Result<usize, ParseError> {
        let number = self.number(at, length)?;
        usize::try_from(number).map_err(|_| ParseError::new(format!("{number} at byte {at} is no place")))
    }
}
