//! /proc/PID/uid_map and gid_map (user_namespaces(7)): which ids of a user namespace are which outside.

use crate::parse::{ParseError, lines};

/// Ids that follow each other in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdRange {
    /// The first one inside.
    pub inside: u32,
    /// The first one outside, as the reader sees it; 4294967295 is one that the reader has no number for.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

/// Reads a map.
///
/// Errors: a line that is none of it.
pub fn parse(bytes: &[u8]) -> Result<Vec<IdRange>, ParseError> {
    let range = |line: &[u8]| {
        let text = std::str::from_utf8(line).ok()?;
        let mut numbers = text.split_ascii_whitespace().map(|word| word.parse().ok());
        let range = IdRange { inside: numbers.next()??, outside: numbers.next()??, count: numbers.next()?? };
        numbers.next().is_none().then_some(range)
    };
    let odd = |number| ParseError { line: Some(number), what: "this is no line of a map of ids".to_owned() };
    lines(bytes).map(|(number, line)| range(line).ok_or_else(|| odd(number))).collect()
}

/// The id outside that an id inside is.
pub fn outside(ranges: &[IdRange], inside: u32) -> Option<u32> {
    ranges.iter().find_map(|range| shifted(inside, range.inside, range.outside, range.count))
}

/// The id inside that an id outside is.
pub fn inside(ranges: &[IdRange], outside: u32) -> Option<u32> {
    ranges.iter().find_map(|range| shifted(outside, range.outside, range.inside, range.count))
}

fn shifted(id: u32, from: u32, to: u32, count: u32) -> Option<u32> {
    let offset = id.checked_sub(from).filter(|offset| *offset < count)?;
    to.checked_add(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_both_ways() {
        let ranges = parse(b"         0     100000      65536\n     70000       1000          1\n").unwrap();
        assert_eq!(
            (outside(&ranges, 0), outside(&ranges, 65_535), outside(&ranges, 65_536)),
            (Some(100_000), Some(165_535), None)
        );
        assert_eq!(
            (inside(&ranges, 100_033), inside(&ranges, 1000), inside(&ranges, 0)),
            (Some(33), Some(70_000), None)
        );
        assert_eq!(outside(&parse(b"0 0 4294967295\n").unwrap(), 0), Some(0));
        assert!(parse(b"0 0\n").is_err());
        assert!(parse(b"0 0 1 1\n").is_err());
        assert_eq!(parse(b""), Ok(vec![]));
    }
}
