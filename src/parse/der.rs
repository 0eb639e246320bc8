//! DER (X.690): elements of a tag, a length and a content. No content is copied, nothing is nested by itself.

use crate::parse::ParseError;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BITS: u8 = 0x03;
pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const OBJECT: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// Its tag, with class and form.
    pub tag: u8,
    /// Its content.
    pub content: &'a [u8],
}

/// Elements that follow each other.
#[derive(Clone, Copy, Debug)]
pub struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// Those of these bytes.
    pub fn new(bytes: &'a [u8]) -> Elements<'a> {
        Elements(bytes)
    }

    /// Whether there are no more.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was not taken yet.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// The next one.
    ///
    /// Errors: there is none; its length is not written in DER, or more than there is.
    pub fn element(&mut self) -> Result<Element<'a>, ParseError> {
        let wrong = || ParseError::new("it is cut, or no DER");
        let [tag, first, rest @ ..] = self.0 else { return Err(wrong()) };
        if tag & 0x1f == 0x1f {
            return Err(wrong());
        }
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f)).ok_or_else(wrong)?;
                (digits.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)), rest)
            }
            _ => return Err(wrong()),
        };
        let (content, rest) = rest.split_at_checked(length).ok_or_else(wrong)?;
        self.0 = rest;
        Ok(Element { tag: *tag, content })
    }

    /// The next one, which must have this tag.
    pub fn take(&mut self, tag: u8) -> Result<&'a [u8], ParseError> {
        let element = self.element()?;
        if element.tag == tag {
            Ok(element.content)
        } else {
            Err(ParseError::new(format!("an element of tag {:#04x} where one of {tag:#04x} must be", element.tag)))
        }
    }

    /// The next one, whose elements these are.
    pub fn enter(&mut self, tag: u8) -> Result<Elements<'a>, ParseError> {
        self.take(tag).map(Elements)
    }

    /// Errors: there are more of them.
    pub fn end(&self) -> Result<(), ParseError> {
        match self.0.first() {
            None => Ok(()),
            Some(tag) => Err(ParseError::new(format!("an element of tag {tag:#04x} where none may be"))),
        }
    }

    /// The next one, if it has this tag.
    pub fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, ParseError> {
        if self.0.first() == Some(&tag) { self.take(tag).map(Some) } else { Ok(None) }
    }
}

/// An object identifier as numbers between dots.
pub fn object(content: &[u8]) -> String {
    let mut text = String::new();
    let mut number: u128 = 0;
    for byte in content {
        number = (number.wrapping_shl(7)) | u128::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if text.is_empty() {
                let first = (number / 40).min(2);
                text = format!("{first}.{}", number - 40 * first);
            } else {
                text.push_str(&format!(".{number}"));
            }
            number = 0;
        }
    }
    text
}

/// true or false.
pub fn boolean(content: &[u8]) -> Result<bool, ParseError> {
    match content {
        [value] => Ok(*value != 0),
        _ => Err(ParseError::new("neither true nor false")),
    }
}

/// A number in decimal digits, with its sign. Nothing for one without a byte, and as for [`decimal`].
pub fn signed(content: &[u8]) -> Option<String> {
    if content.first()? & 0x80 == 0 {
        return decimal(content);
    }
    // Two's complement: all bits turned, and one more.
    let mut bytes: Vec<u8> = content.iter().map(|byte| !byte).collect();
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
    Some(format!("-{}", decimal(&bytes)?))
}

/// How many bits a number that is not negative has.
pub fn bits(content: &[u8]) -> usize {
    let zeros = content.iter().take_while(|byte| **byte == 0).count();
    let digits = content.get(zeros..).unwrap_or_default();
    digits.first().map_or(0, |first| digits.len() * 8 - first.leading_zeros() as usize)
}

/// A number that is not negative, in decimal digits. Nothing for more than 1 KiB: its time grows
/// with the square of it.
pub fn decimal(content: &[u8]) -> Option<String> {
    if content.len() > 1024 {
        return None;
    }
    // Digits in base 10, the lowest first.
    let mut digits = vec![0_u32];
    for byte in content {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            let value = *digit * 256 + carry;
            *digit = value % 10;
            carry = value / 10;
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    Some(digits.iter().rev().map(|digit| char::from_digit(*digit, 10).unwrap_or('?')).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_in_order() {
        let mut all = Elements::new(&[0x30, 3, 2, 1, 5, 0x04, 0x81, 1, 7]);
        let mut inner = all.enter(SEQUENCE).unwrap();
        assert_eq!((inner.take(INTEGER).unwrap(), inner.is_empty()), (&[5][..], true));
        assert_eq!(all.take(OCTETS).unwrap(), [7]);
        for wrong in
            [&[][..], &[0x30], &[0x30, 2, 1], &[0x30, 0x80, 0, 0], &[0x1f, 1, 1], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]]
        {
            assert!(Elements::new(wrong).element().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn numbers_are_written() {
        assert_eq!(object(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11]), "1.2.840.113549.1.1.11");
        assert_eq!(object(&[0x55, 4, 3]), "2.5.4.3");
        assert_eq!(decimal(&[1, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap(), "18446744073709551616");
        assert_eq!(decimal(&[0]).unwrap(), "0");
        assert_eq!(signed(&[0xff, 0x7f]).unwrap(), "-129");
        assert_eq!((signed(&[0x80]).unwrap(), signed(&[0, 0x80]).unwrap()), ("-128".to_owned(), "128".to_owned()));
        assert_eq!((signed(&[0xff]).unwrap(), signed(&[])), ("-1".to_owned(), None));
        assert!(boolean(&[]).is_err() && boolean(&[9]).unwrap() && !boolean(&[0]).unwrap());
        assert_eq!((bits(&[0, 0x80, 0]), bits(&[0]), bits(&[1])), (16, 0, 1));
    }
}
