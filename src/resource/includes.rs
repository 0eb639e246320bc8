//! Files that include each other: what readers take of them together, so that no target decides how long it lasts.

use crate::parse::MAX_ROWS;
use crate::resource::{Asked, Context, NoAnswer};
use crate::rootfs::MAX_FILE_BYTES;
use crate::value::{Text, lossless};

/// How deep files include each other where the program itself has no limit, or one that ends it.
pub(super) const MAX_DEPTH: usize = 16;
/// How many files are read.
const MAX_FILES: usize = 10_000;

/// What was read so far.
pub(super) struct Includes<'a> {
    /// The target.
    pub(super) context: &'a Context,
    deepest: usize,
    files: usize,
    bytes: u64,
    values: usize,
}

impl<'a> Includes<'a> {
    /// Nothing was read yet; files may include each other this deep.
    pub(super) fn new(context: &'a Context, deepest: usize) -> Includes<'a> {
        Includes { context, deepest, files: 0, bytes: 0, values: 0 }
    }

    /// A file to which so many includes led, one in the other. `Missing` when it is not there.
    pub(super) fn read(&mut self, path: &[u8], depth: usize) -> Asked<Text> {
        if depth > self.deepest {
            let why = format!("files include each other more than {} deep", self.deepest);
            return Err(NoAnswer::parse(path, &why));
        }
        self.more_files(path, 1)?;
        let content = self.context.read(path)?;
        self.more_bytes(path, content.len())?;
        Ok(content)
    }

    /// Counts bytes that are kept. Errors: there are too many.
    pub(super) fn more_bytes(&mut self, path: &[u8], count: usize) -> Asked<()> {
        self.bytes += count as u64;
        if self.bytes > MAX_FILE_BYTES {
            return Err(NoAnswer::parse(path, &format_args!("more than {MAX_FILE_BYTES} bytes with what is included")));
        }
        Ok(())
    }

    /// Counts files that were named. Errors: there are too many.
    pub(super) fn more_files(&mut self, path: &[u8], count: usize) -> Asked<()> {
        self.files += count;
        if self.files > MAX_FILES {
            return Err(NoAnswer::parse(path, &format_args!("more than {MAX_FILES} files are included")));
        }
        Ok(())
    }

    /// Counts what a file says. Errors: all files together say too much.
    pub(super) fn more_values(&mut self, path: &[u8], count: usize) -> Asked<()> {
        self.values += count;
        if self.values > MAX_ROWS {
            return Err(NoAnswer::parse(path, &format_args!("more than {MAX_ROWS} lines with what is included")));
        }
        Ok(())
    }
}

/// What was read of a file that a line of another one includes, and that has to be there.
pub(super) fn required<T>(from: (&[u8], usize), path: &[u8], read: Asked<T>) -> Asked<T> {
    match read {
        Err(NoAnswer::Missing(_)) => Err(leads_to_nothing(from, path)),
        read => read,
    }
}

/// An include that names what is not there.
pub(super) fn leads_to_nothing((path, line): (&[u8], usize), name: &[u8]) -> NoAnswer {
    NoAnswer::parse(path, &format_args!("line {line}: it includes {}, which leads to nothing", lossless(name)))
}

/// The folder in which a file is.
pub(super) fn folder_of(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
    path.get(..end).unwrap_or_default()
}
