//! The ustar format (POSIX.1-1988), as much of it as an archive of a profile needs: files and folders by plain names.
//! Whatever else a header can say is refused, so that there is one way to read an archive.

use std::collections::BTreeMap;
use std::io::Read;

/// The unit of the format.
const BLOCK: usize = 512;
/// The largest archive: as large as the largest single file that an auditor may give.
const MAX_BYTES: u64 = 1 << 30;
/// The most members: twice the files of a profile, for folders that are written down too.
const MAX_MEMBERS: usize = 25_000;

/// Whether these first bytes are those of a tar archive, of whatever format. No text has a NUL.
pub(super) fn is_tar(start: &[u8]) -> bool {
    start.get(257..262) == Some(b"ustar") && start.contains(&0)
}

/// Puts a file behind the members that are there.
///
/// Errors: a name that the format has no room for.
pub(super) fn put(archive: &mut Vec<u8>, name: &str, content: &[u8], mtime: u32) -> Result<(), String> {
    let (prefix, short) = parts(name).ok_or_else(|| format!("`{name}` is too long a name for an archive"))?;
    let size = content.len();
    let mut header = Vec::with_capacity(BLOCK);
    for (text, length) in [
        (short, 100),
        ("0000644\0", 8),
        ("0000000\0", 8),
        ("0000000\0", 8),
        (&format!("{size:011o}\0"), 12),
        (&format!("{mtime:011o}\0"), 12),
        // The sum, which counts as blanks in itself.
        ("        ", 8),
        ("0", 1),
        ("", 100),
        ("ustar\0", 6),
        ("00", 2),
        ("", 64),
        ("0000000\0", 8),
        ("0000000\0", 8),
        (prefix, 155),
        ("", 12),
    ] {
        header.extend_from_slice(text.as_bytes());
        header.resize(header.len() + length - text.len().min(length), 0);
    }
    let sum = format!("{:06o}\0 ", sum(&header));
    header.splice(148..156, sum.into_bytes());
    archive.append(&mut header);
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    Ok(())
}

/// Ends an archive.
pub(super) fn end(archive: &mut Vec<u8>) {
    archive.resize(archive.len() + 2 * BLOCK, 0);
}

/// A name as the two fields for it take it: 155 bytes, a slash, 100 bytes.
fn parts(name: &str) -> Option<(&str, &str)> {
    let fits = |(prefix, short): &(&str, &str)| prefix.len() <= 155 && (1..=100).contains(&short.len());
    let whole = std::iter::once(("", name));
    whole.chain(name.match_indices('/').filter_map(|(at, _)| Some((name.get(..at)?, name.get(at + 1..)?)))).find(fits)
}

/// The files of an archive, as they stand there. `most` says how large a file may be, or why there is none of its name;
/// folders are asked for too.
///
/// Errors: what is wrong with it, and with which member.
pub(super) fn files(
    archive: &mut dyn Read,
    most: &dyn Fn(&str, bool) -> Result<u64, &'static str>,
) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut archive = Archive { bytes: archive, left: MAX_BYTES };
    let mut files = Vec::new();
    let mut seen: BTreeMap<String, bool> = BTreeMap::new();
    while let Some(header) = archive.header()? {
        let Member { name, is_folder, size } = Member::new(&header)?;
        let of = |what: &str| format!("`{name}`: {what}");
        let most = most(&name, is_folder).map_err(of)?;
        if size > most {
            return Err(of(&format!("larger than {} MiB", most >> 20)));
        }
        if seen.insert(name.clone(), is_folder).is_some() {
            return Err(of("it is there twice"));
        }
        if seen.len() > MAX_MEMBERS {
            return Err(format!("it has more than {MAX_MEMBERS} members"));
        }
        let content = archive.take(size)?;
        let padding = archive.take(size.next_multiple_of(BLOCK as u64) - size)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(of("something stands behind its end"));
        }
        if !is_folder {
            files.push((name, content));
        }
    }
    let above = |name: &str| {
        name.match_indices('/').any(|(at, _)| name.get(..at).map(|name| seen.get(name)) == Some(Some(&false)))
    };
    match seen.keys().find(|name| above(name)) {
        Some(name) => Err(format!("`{name}`: it lies below a file")),
        None => Ok(files),
    }
}

struct Archive<'a> {
    bytes: &'a mut dyn Read,
    /// How many bytes may still come.
    left: u64,
}

impl Archive<'_> {
    /// So many bytes, all of which must be there.
    fn take(&mut self, count: u64) -> Result<Vec<u8>, String> {
        let taken = self.up_to(count)?;
        if taken.len() as u64 == count { Ok(taken) } else { Err("it ends too early".to_owned()) }
    }

    fn up_to(&mut self, count: u64) -> Result<Vec<u8>, String> {
        self.left = self.left.checked_sub(count).ok_or_else(|| format!("it is larger than {} MiB", MAX_BYTES >> 20))?;
        let mut taken = Vec::new();
        let read = (&mut *self.bytes).take(count).read_to_end(&mut taken);
        read.map_err(|error| format!("it cannot be read: {error}"))?;
        Ok(taken)
    }

    /// The next header; `None` at the archive's end, behind which there are zeros at most.
    fn header(&mut self) -> Result<Option<Vec<u8>>, String> {
        let block = self.take(BLOCK as u64)?;
        if block.iter().any(|byte| *byte != 0) {
            return Ok(Some(block));
        }
        let mut rest = self.take(BLOCK as u64)?;
        while !rest.is_empty() {
            if rest.iter().any(|byte| *byte != 0) {
                return Err("something stands behind its end".to_owned());
            }
            rest = self.up_to(BLOCK as u64)?;
        }
        Ok(None)
    }
}

struct Member {
    name: String,
    is_folder: bool,
    size: u64,
}

impl Member {
    fn new(header: &[u8]) -> Result<Member, String> {
        let field = |at: usize, length: usize| header.get(at..at + length).unwrap_or_default();
        if field(257, 8) != b"ustar\x0000" {
            return Err("it has a header that is not ustar's".to_owned());
        }
        if octal(field(148, 8)) != Some(sum(header)) {
            return Err("it has a header whose checksum is wrong".to_owned());
        }
        let mut name = text(field(0, 100)).ok_or("it has a name that is no text")?.to_owned();
        match text(field(345, 155)).ok_or("it has a name that is no text")? {
            "" => {}
            prefix => name = format!("{prefix}/{name}"),
        }
        let of = |what: &str| format!("`{}`: {what}", name.escape_debug());
        let is_folder = match field(156, 1) {
            b"0" => false,
            b"5" => true,
            _ => return Err(of("neither a file nor a folder")),
        };
        if field(157, 100).iter().any(|byte| *byte != 0) {
            return Err(of("a link"));
        }
        let size = octal(field(124, 12)).ok_or_else(|| of("its size is no number"))?;
        if is_folder && size > 0 {
            return Err(of("a folder that has a content"));
        }
        let name = if is_folder { name.strip_suffix('/').unwrap_or(&name) } else { &name };
        match flaw(name) {
            Some(flaw) => Err(of(flaw)),
            None => Ok(Member { name: name.to_owned(), is_folder, size }),
        }
    }
}

/// Why a name is none that an archive of a profile has.
fn flaw(name: &str) -> Option<&'static str> {
    let any = |wanted: &dyn Fn(&str) -> bool| name.split('/').any(wanted);
    match name {
        name if name.starts_with('/') => Some("an absolute name"),
        name if name.chars().any(char::is_control) => Some("a name with control characters"),
        _ if any(&|part| part == "..") => Some("a name with `..`"),
        _ if any(&|part| part.is_empty() || part == ".") => Some("a name with an empty part"),
        _ => None,
    }
}

/// The sum of a header's bytes, in which its own field counts as blanks.
fn sum(header: &[u8]) -> u64 {
    let bytes = header.iter().enumerate();
    bytes.map(|(at, byte)| u64::from(if (148..156).contains(&at) { b' ' } else { *byte })).sum()
}

/// A text that fills its field or is followed by NULs alone.
fn text(field: &[u8]) -> Option<&str> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let (text, rest) = field.split_at(end);
    rest.iter().all(|byte| *byte == 0).then_some(text).and_then(|text| std::str::from_utf8(text).ok())
}

/// Octal digits, and behind them nothing but NULs and blanks.
fn octal(field: &[u8]) -> Option<u64> {
    let end = field.iter().position(|byte| matches!(byte, 0 | b' ')).unwrap_or(field.len());
    let (digits, rest) = field.split_at(end);
    let is_sound = rest.iter().all(|byte| matches!(byte, 0 | b' ')) && !digits.is_empty();
    let number = digits.iter().try_fold(0, |number: u64, digit| match digit {
        b'0'..=b'7' => Some(number * 8 + u64::from(digit - b'0')),
        _ => None,
    });
    number.filter(|_| is_sound)
}
