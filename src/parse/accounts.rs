//! passwd(5), shadow(5) and group(5): lines of fields between colons.

use crate::parse::{MAX_ROWS, ParseError, lines, trim};

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

    /// A field that holds a number: `Ok(None)` when it is empty or the line is shorter.
    ///
    /// Errors: anything but decimal digits, because programs differ in what they make of it.
    pub fn number(&self, index: usize) -> Result<Option<i64>, ParseError> {
        let text = match self.field(index) {
            None | Some(b"") => return Ok(None),
            Some(text) => text,
        };
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        let number = std::str::from_utf8(text).ok().filter(|_| digits.iter().all(u8::is_ascii_digit));
        match number.and_then(|text| text.parse().ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(ParseError {
                line: Some(self.line),
                // Not what stands there: in a line that lacks a field it can be the password.
                what: format!("field {} is not a number", index + 1),
            }),
        }
    }
}

/// The records of an account file, in order; empty lines and comments are none.
///
/// Errors: more than [`MAX_ROWS`] lines.
pub fn records(bytes: &[u8]) -> Result<Vec<Record<'_>>, ParseError> {
    let mut records = Vec::new();
    for (line, text) in lines(bytes) {
        if trim(text).is_empty() || text.first() == Some(&b'#') {
            continue;
        }
        if records.len() == MAX_ROWS {
            return Err(ParseError { line: Some(line), what: format!("more than {MAX_ROWS} accounts") });
        }
        records.push(Record { line, fields: text.splitn(MAX_FIELDS, |byte| *byte == b':').collect() });
    }
    Ok(records)
}

/// The records of a group file.
///
/// Errors: more than [`MAX_ROWS`] lines, or more members of all groups together.
pub fn groups(bytes: &[u8]) -> Result<Vec<Record<'_>>, ParseError> {
    let records = records(bytes)?;
    let mut count = 0;
    for record in &records {
        count += members(record.field(3).unwrap_or_default()).take(MAX_ROWS + 1).count();
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
    field.split(|byte| *byte == b',').map(trim).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_keep_their_lines_and_refuse_odd_numbers() {
        let records = records(b"root:x:0:0:root:/root:/bin/sh\r\n\n# c\nshort:x\nodd:x:0x0:+1::/:\n").unwrap();
        let lines: Vec<usize> = records.iter().map(|record| record.line).collect();
        assert_eq!(lines, [1, 4, 5]);
        assert_eq!(records[0].field(6), Some(&b"/bin/sh"[..]));
        assert_eq!(records[0].number(2), Ok(Some(0)));
        assert_eq!(records[1].number(2), Ok(None));
        assert_eq!(records[2].number(2).unwrap_err().to_string(), "line 5: field 3 is not a number");
        assert!(records[2].number(3).is_err());
        assert_eq!(members(b"a, b,,c").collect::<Vec<_>>(), [b"a", b"b", b"c"]);
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
