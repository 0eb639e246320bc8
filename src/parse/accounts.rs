//! passwd(5), shadow(5) and group(5): lines of fields between colons.

use crate::parse::{MAX_ROWS, ParseError, lines, refuse_nul, refuse_rare_blanks, trim};

/// The most fields that a line is split into: shadow(5) has nine, and what follows belongs to none.
const MAX_FIELDS: usize = 10;

/// One line of an account file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its number, from 1.
    pub line: usize,
    fields: Vec<&'a [u8]>,
}

impl<'a> Record<'a> {
    /// The field at this place, from 0; `None` when the line is shorter.
    pub fn field(&self, index: usize) -> Option<&'a [u8]> {
        self.fields.get(index).copied()
    }

    /// A field that holds the number of a user or a group: `Ok(None)` when it is empty or the line is shorter.
    ///
    /// Errors: anything but decimal digits, because programs differ in what they make of it; a number beyond 32 bits,
    /// of which some libraries make 0.
    pub fn id(&self, index: usize) -> Result<Option<i64>, ParseError> {
        self.digits(index, |text| text.parse::<u32>().ok().filter(|_| !text.starts_with('+')).map(i64::from))
    }

    /// A field that holds a number of days, which may be less than 0; -1 says as much as an empty one.
    ///
    /// Errors: anything but decimal digits; what the libraries cut, as it has more than 31 bits.
    pub fn days(&self, index: usize) -> Result<Option<i64>, ParseError> {
        let days =
            self.digits(index, |text| text.parse::<i32>().ok().filter(|_| !text.starts_with('+')).map(i64::from))?;
        Ok(days.filter(|days| *days != -1))
    }

    fn digits(&self, index: usize, parse: fn(&str) -> Option<i64>) -> Result<Option<i64>, ParseError> {
        let Some(text) = self.field(index).filter(|text| !text.is_empty()) else { return Ok(None) };
        match std::str::from_utf8(text).ok().and_then(parse) {
            Some(number) => Ok(Some(number)),
            None => Err(ParseError {
                line: Some(self.line),
                // Not what stands there: in a line that lacks a field it can be the password.
                what: format!("field {} is not a number, or too large", index + 1),
            }),
        }
    }

    /// Whether a library that takes the third field for a number of its own accord finds root's.
    fn may_be_root(&self) -> bool {
        let digits = self.field(2).unwrap_or_default().trim_ascii();
        let digits = digits.strip_prefix(b"+").or(digits.strip_prefix(b"-")).unwrap_or(digits);
        let number = std::str::from_utf8(digits).ok().map(str::parse::<u64>);
        self.fields.len() > 3 && number.is_some_and(|number| number.is_ok_and(|number| number % (1 << 32) == 0))
    }
}

/// The records of an account file, in order; empty lines and comments are none.
///
/// Errors: more than [`MAX_ROWS`] lines; what C libraries read differently: blanks before a name, rare blanks, NULs, and
/// a comment that would be root without comments.
pub fn records(bytes: &[u8]) -> Result<Vec<Record<'_>>, ParseError> {
    refuse_nul(bytes)?;
    refuse_rare_blanks(bytes)?;
    let mut records = Vec::new();
    for (line, text) in lines(bytes) {
        if trim(text).is_empty() {
            continue;
        }
        let error = |what: &str| Err(ParseError { line: Some(line), what: what.to_owned() });
        if records.len() == MAX_ROWS {
            return error(&format!("more than {MAX_ROWS} accounts"));
        }
        let record = Record { line, fields: text.splitn(MAX_FIELDS, |byte| *byte == b':').collect() };
        match text.first() {
            // musl knows no comments.
            Some(b'#') if record.may_be_root() => {
                return error("a comment for glibc, an account with root's number for musl");
            }
            Some(b'#') => {}
            // glibc drops them, musl does not.
            Some(b' ' | b'\t') => return error("blanks stand before the name"),
            _ => records.push(record),
        }
    }
    Ok(records)
}

/// The records of a group file.
///
/// Errors: more than [`MAX_ROWS`] lines, or more members of all groups together; blanks beside a member, which are a part
/// of the name for some libraries.
pub fn groups(bytes: &[u8]) -> Result<Vec<Record<'_>>, ParseError> {
    let records = records(bytes)?;
    let mut count = 0;
    for record in &records {
        let field = record.field(3).unwrap_or_default();
        if field.iter().any(u8::is_ascii_whitespace) {
            return Err(ParseError { line: Some(record.line), what: "blanks stand among the members".to_owned() });
        }
        count += members(field).take(MAX_ROWS + 1).count();
        if count > MAX_ROWS {
            return Err(ParseError {
                line: Some(record.line),
                what: format!("more than {MAX_ROWS} members of groups"),
            });
        }
    }
    Ok(records)
}

/// The members of a group: names between commas.
pub fn members(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field.split(|byte| *byte == b',').filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_keep_their_lines_and_refuse_odd_numbers() {
        let records = records(b"root:x:0:0:root:/root:/bin/sh\n\n# c\nshort:x\nodd:x:0x0:+1::/:\n").unwrap();
        let lines: Vec<usize> = records.iter().map(|record| record.line).collect();
        assert_eq!(lines, [1, 4, 5]);
        assert_eq!(records[0].field(6), Some(&b"/bin/sh"[..]));
        assert_eq!(records[0].id(2), Ok(Some(0)));
        assert_eq!(records[1].id(2), Ok(None));
        assert_eq!(records[2].id(2).unwrap_err().to_string(), "line 5: field 3 is not a number, or too large");
        assert!(records[2].id(3).is_err());
        assert_eq!(members(b"a,b,,c").collect::<Vec<_>>(), [b"a", b"b", b"c"]);
    }

    #[test]
    fn no_twin_of_root_passes_as_another() {
        for odd in ["4294967296", "-0", "-4294967296", "+0", " 0", "0 ", "0x0", "99999999999999999999"] {
            let line = format!("a:x:{odd}:1::/:\n");
            assert!(records(line.as_bytes()).unwrap()[0].id(2).is_err(), "{odd}");
        }
        let days = records(b"a:x:-1:2147483648:00060:::").unwrap();
        assert_eq!((days[0].days(2), days[0].days(4)), (Ok(None), Ok(Some(60))));
        assert!(days[0].days(3).is_err());
        for odd in ["#a:x:0:0::/:", "#a:x:4294967296:0::/:", " a:x:1:1::/:", "\ta:x", "a:x:1:1::/:/bin/sh\r", "a\0:x"] {
            assert!(records(odd.as_bytes()).is_err(), "{odd:?}");
        }
        for comment in ["#a:x:1:1::/:", "# root is uid: 0", "#a:b:c:d"] {
            assert_eq!(records(comment.as_bytes()), Ok(Vec::new()), "{comment}");
        }
        assert_eq!(groups(b"g:x:1:a, b").unwrap_err().to_string(), "line 1: blanks stand among the members");
    }

    #[test]
    fn what_one_line_can_hold_is_bounded() {
        let colons = b":".repeat(1_000);
        assert_eq!(records(&colons).unwrap()[0].fields.len(), MAX_FIELDS);
        let group = |members: usize| format!("g:x:0:{}\n", "a,".repeat(members)).into_bytes();
        assert_eq!(groups(&group(MAX_ROWS)).unwrap().len(), 1);
        let many = [group(MAX_ROWS), group(1)].concat();
        assert_eq!(groups(&many).unwrap_err().to_string(), "line 2: more than 200000 members of groups");
    }
}
