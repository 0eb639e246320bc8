//! CSV: RFC 4180, the names of the columns in the first row.

use ::csv::{ErrorKind, ReaderBuilder, StringRecord};

use crate::parse::{MAX_ROWS, ParseError};
use crate::value::Text;

/// The most cells; each takes more room than its bytes.
const MAX_CELLS: usize = 1_000_000;

/// The most commas, those in quotes counted: the reader takes a whole row before anyone can count its cells.
const MAX_COMMAS: usize = 4_000_000;

/// Rows of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Names of the columns, each once.
    pub columns: Vec<String>,
    /// The rows with the line in which each begins.
    pub rows: Vec<(usize, Vec<Text>)>,
}

/// The rows of a CSV text. With `header` the first one names the columns, else they are called 1, 2, 3 …
///
/// Errors: not UTF-8, a quote that nothing closes or that more follows on, no header, a column without a name or named
/// twice, a row that is longer or shorter than the first, too many rows or cells.
pub fn csv(bytes: &[u8], header: bool) -> Result<Sheet, ParseError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().filter(|byte| **byte == b',').nth(MAX_COMMAS).is_some() {
        return Err(ParseError::new(format!("more than {MAX_COMMAS} commas")));
    }
    quotes(bytes)?;
    let mut reader = ReaderBuilder::new().has_headers(false).from_reader(bytes);
    let mut sheet = Sheet::default();
    let mut cells = 0;
    let mut record = StringRecord::new();
    loop {
        let line = line_of(bytes, reader.position().byte(), reader.position().line());
        let more = reader.read_record(&mut record).map_err(|error| refuse(&error, line))?;
        if !more {
            break;
        }
        let at = |what: String| ParseError { line: Some(line), what };
        cells += record.len();
        if cells > MAX_CELLS {
            return Err(at(format!("more than {MAX_CELLS} cells")));
        }
        if sheet.columns.is_empty() {
            sheet.columns = match header {
                true => record.iter().map(|name| name.trim().to_owned()).collect(),
                false => (1..=record.len()).map(|number| number.to_string()).collect(),
            };
            let mut names: Vec<&str> = sheet.columns.iter().map(String::as_str).collect();
            names.sort_unstable();
            let twice = names.windows(2).find_map(|pair| (pair.first() == pair.last()).then(|| pair.first()).flatten());
            if let Some(name) = twice.filter(|_| header).or(names.first().filter(|name| name.is_empty())) {
                let what = if name.is_empty() { "a column has no name" } else { "two columns have the same name" };
                return Err(at(format!("{what}: {}", crate::value::lossless(name.as_bytes()))));
            }
            if header {
                continue;
            }
        }
        if sheet.rows.len() == MAX_ROWS {
            return Err(at(format!("more than {MAX_ROWS} rows")));
        }
        sheet.rows.push((line, record.iter().map(|cell| Text::from(cell.as_bytes())).collect()));
    }
    if sheet.columns.is_empty() && header {
        return Err(ParseError { line: Some(1), what: "there is no row with the names of the columns".to_owned() });
    }
    Ok(sheet)
}

/// Whether each quote that begins a cell has one that ends it: the reader takes all that follows into the cell, and rows
/// would be missing.
fn quotes(bytes: &[u8]) -> Result<(), ParseError> {
    let refused = |at: usize, what: &str| {
        let line = bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
        Err(ParseError { line: Some(line), what: what.to_owned() })
    };
    let ends = |byte: u8| matches!(byte, b',' | b'\r' | b'\n');
    let mut bytes_left = bytes.iter().copied().enumerate().peekable();
    while let Some((begin, byte)) = bytes_left.next() {
        if byte == b'"' {
            loop {
                match bytes_left.next() {
                    None => return refused(begin, "a quote that nothing closes"),
                    Some((_, b'"')) if bytes_left.next_if(|(_, next)| *next == b'"').is_none() => break,
                    Some(_) => {}
                }
            }
            match bytes_left.next() {
                Some((at, byte)) if !ends(byte) => return refused(at, "more follows on a closing quote"),
                _ => continue,
            }
        }
        if !ends(byte) {
            while bytes_left.next().is_some_and(|(_, byte)| !ends(byte)) {}
        }
    }
    Ok(())
}

/// The line of the next row: the reader counts from the end of the last one, before empty lines.
fn line_of(bytes: &[u8], byte: u64, line: u64) -> usize {
    let rest = usize::try_from(byte).ok().and_then(|byte| bytes.get(byte..)).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n').count();
    usize::try_from(line).unwrap_or(usize::MAX).saturating_add(blank)
}

fn refuse(error: &::csv::Error, line: usize) -> ParseError {
    let what = match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("not CSV: {len} cells where the first row has {expected_len}")
        }
        ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
        _ => format!("not CSV: {error}"),
    };
    ParseError { line: Some(line), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, header: bool) -> String {
        let sheet = csv(text.as_bytes(), header).unwrap();
        let cells = |cells: &[Text]| {
            cells.iter().map(|cell| String::from_utf8(cell.to_vec()).unwrap()).collect::<Vec<_>>().join("|")
        };
        let rows: Vec<String> = sheet.rows.iter().map(|(line, row)| format!("{line}:{}", cells(row))).collect();
        format!("{} {}", sheet.columns.join("|"), rows.join(" "))
    }

    #[test]
    fn rows_have_the_names_of_the_first_one_and_their_lines() {
        assert_eq!(
            shown("\u{feff}a, b\r\n1,\"x,\"\"y\"\"\"\r\n\r\n2,\"two\nlines\"\n3,\n", true),
            "a|b 2:1|x,\"y\" 4:2|two\nlines 6:3|"
        );
        assert_eq!(shown("a,b\n1,2\n", false), "1|2 1:a|b 2:1|2");
        assert_eq!(shown("a,b\n", true), "a|b ");
        assert_eq!(shown("a\nx\"y\"\n\"\"\n\"\"\"\"\n \"z\n", true), "a 2:x\"y\" 3: 4:\" 5: \"z");
        assert_eq!(shown("", false), " ");
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        for (text, error) in [
            (&b""[..], "line 1: there is no row with the names of the columns"),
            (b"a,b\n1,2\n\n1\n", "line 4: not CSV: 1 cells where the first row has 2"),
            (b"a,b\n1,2,3\n", "line 2: not CSV: 3 cells where the first row has 2"),
            (b"a,b\n1,\xff\n", "line 2: not UTF-8"),
            (b"a,b,a\n", "line 1: two columns have the same name: a"),
            (b"a,,b\n", "line 1: a column has no name: "),
            (b"a\n1\n\"2\n3\n", "line 3: a quote that nothing closes"),
            (b"a,b\n1,\"\"\"\n", "line 2: a quote that nothing closes"),
            (b"a,b\n1,\"2\" \n", "line 2: more follows on a closing quote"),
        ] {
            assert_eq!(csv(text, true).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn rows_and_cells_are_bounded() {
        assert_eq!(csv(&b"x\n".repeat(MAX_ROWS + 1), true).unwrap().rows.len(), MAX_ROWS);
        assert!(csv(&b"x\n".repeat(MAX_ROWS + 2), true).unwrap_err().what.contains("more than 200000 rows"));
        assert!(csv(&b"x,".repeat(MAX_CELLS), false).unwrap_err().what.contains("more than 1000000 cells"));
        assert_eq!(csv(&b",".repeat(MAX_COMMAS + 1), false).unwrap_err().what, "more than 4000000 commas");
    }
}
