//! rpm's databases: the header of a package, and the ndb file that holds headers (`Packages.db`). What SQLite holds is
//! read by `sqlite`.
//!
//! Source: the documentation of rpm, "RPM V4 Header format" and rpmtags.h for the numbers.

use crate::parse::binary::Binary;
use crate::parse::{MAX_ROWS, ParseError, lines, trim};
use crate::value::lossless;

/// One package of the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package<'a> {
    /// Name.
    pub name: &'a [u8],
    /// Version.
    pub version: &'a [u8],
    /// Release.
    pub release: &'a [u8],
    /// Epoch, where it has one.
    pub epoch: Option<u64>,
    /// Architecture; keys have none.
    pub architecture: Option<&'a [u8]>,
}

impl Package<'_> {
    /// epoch:version-release.
    pub fn full_version(&self) -> Vec<u8> {
        let mut text = self.epoch.map_or_else(Vec::new, |epoch| format!("{epoch}:").into_bytes());
        text.extend_from_slice(self.version);
        text.push(b'-');
        text.extend_from_slice(self.release);
        text
    }
}

/// One file of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File<'a> {
    /// Its path.
    pub path: Vec<u8>,
    /// Whether it is one of configuration.
    pub config: bool,
    /// The digest of its content in hex; empty for folders, links, and what is made later.
    pub digest: &'a [u8],
    /// Whether it was installed.
    pub installed: bool,
}

mod tag {
    pub(super) const NAME: usize = 1000;
    pub(super) const VERSION: usize = 1001;
    pub(super) const RELEASE: usize = 1002;
    pub(super) const EPOCH: usize = 1003;
    pub(super) const ARCH: usize = 1022;
    pub(super) const FILE_STATES: usize = 1029;
    pub(super) const FILE_DIGESTS: usize = 1035;
    pub(super) const FILE_FLAGS: usize = 1037;
    pub(super) const DIRECTORY_INDEXES: usize = 1116;
    pub(super) const BASE_NAMES: usize = 1117;
    pub(super) const DIRECTORY_NAMES: usize = 1118;
}

/// Types of a tag's values.
const CHAR: usize = 1;
const INT8: usize = 2;
const INT32: usize = 4;
const STRING: usize = 6;
const STRINGS: usize = 8;
const TRANSLATED: usize = 9;

/// The most tags of a header (rpm's own limit is 64 Ki), and the most files of one.
const MAX_TAGS: usize = 65_536;

/// Flag of a file of configuration, of one that is made later, and the state of one that was installed.
const FLAG_CONFIG: u64 = 1;
const FLAG_GHOST: u64 = 1 << 6;

/// A header: an index of tags, and the store of their values.
struct Header<'a> {
    bytes: Binary<'a>,
    tags: usize,
}

impl<'a> Header<'a> {
    fn new(blob: &'a [u8]) -> Result<Header<'a>, ParseError> {
        let bytes = Binary::big_endian(blob);
        let (tags, store) = (bytes.u32(0)?, bytes.u32(4)?);
        if tags > MAX_TAGS {
            return Err(ParseError::new(format!("a header of {tags} tags")));
        }
        bytes.piece(8 + 16 * tags, store)?;
        Ok(Header { bytes, tags })
    }

    /// The values of the first of a tag: the place in the header, and how many there are.
    fn find(&self, wanted: usize, kinds: &[usize]) -> Result<Option<(usize, usize)>, ParseError> {
        for index in 0..self.tags {
            let at = 8 + 16 * index;
            if self.bytes.u32(at)? == wanted {
                let (kind, offset, count) =
                    (self.bytes.u32(at + 4)?, self.bytes.u32(at + 8)?, self.bytes.u32(at + 12)?);
                if !kinds.contains(&kind) {
                    return Err(ParseError::new(format!("tag {wanted} is of type {kind}")));
                }
                return Ok(Some((8 + 16 * self.tags + offset, count)));
            }
        }
        Ok(None)
    }

    fn text(&self, wanted: usize) -> Result<Option<&'a [u8]>, ParseError> {
        let found = self.find(wanted, &[STRING, STRINGS, TRANSLATED])?;
        found.map(|(at, _)| self.bytes.text(at)).transpose()
    }

    fn texts(&self, wanted: usize) -> Result<Vec<&'a [u8]>, ParseError> {
        let Some((mut at, count)) = self.find(wanted, &[STRINGS])? else { return Ok(Vec::new()) };
        let mut texts = Vec::new();
        // Each takes a byte at least, so that the header bounds how many there are.
        for _ in 0..count {
            let text = self.bytes.text(at)?;
            at += text.len() + 1;
            texts.push(text);
        }
        Ok(texts)
    }

    fn numbers(&self, wanted: usize, size: usize, kinds: &[usize]) -> Result<Vec<u64>, ParseError> {
        let Some((at, count)) = self.find(wanted, kinds)? else { return Ok(Vec::new()) };
        let numbers = Binary::big_endian(self.bytes.piece(at, count.saturating_mul(size))?);
        (0..count).map(|index| numbers.number(index * size, size)).collect()
    }
}

/// The package of a header.
///
/// Errors: the header is cut, or has no name, version or release.
pub fn package(blob: &[u8]) -> Result<Package<'_>, ParseError> {
    let header = Header::new(blob)?;
    let needed =
        |wanted: usize| header.text(wanted)?.ok_or_else(|| ParseError::new(format!("a header without tag {wanted}")));
    Ok(Package {
        name: needed(tag::NAME)?,
        version: needed(tag::VERSION)?,
        release: needed(tag::RELEASE)?,
        epoch: header.numbers(tag::EPOCH, 4, &[INT32])?.first().copied(),
        architecture: header.text(tag::ARCH)?,
    })
}

/// The files of a header.
pub fn files(blob: &[u8]) -> Result<Vec<File<'_>>, ParseError> {
    let header = Header::new(blob)?;
    let (names, folders) = (header.texts(tag::BASE_NAMES)?, header.texts(tag::DIRECTORY_NAMES)?);
    let indexes = header.numbers(tag::DIRECTORY_INDEXES, 4, &[INT32])?;
    let flags = header.numbers(tag::FILE_FLAGS, 4, &[INT32])?;
    let states = header.numbers(tag::FILE_STATES, 1, &[CHAR, INT8])?;
    let digests = header.texts(tag::FILE_DIGESTS)?;
    if names.len() > MAX_ROWS {
        return Err(ParseError::new(format!("more than {MAX_ROWS} files")));
    }
    let mut files = Vec::new();
    let mut bytes = 0;
    for (place, name) in names.iter().enumerate() {
        let index = indexes.get(place).and_then(|index| usize::try_from(*index).ok());
        let folder = index.and_then(|index| folders.get(index));
        let folder = folder.ok_or_else(|| ParseError::new(format!("file {place} of a header is in no folder")))?;
        bytes += folder.len() + name.len();
        if bytes > 8 * header.bytes.len() + (1 << 20) {
            return Err(ParseError::new("the paths of a header are larger than is kept"));
        }
        let flags = flags.get(place).copied().unwrap_or_default();
        let ghost = flags & FLAG_GHOST != 0;
        files.push(File {
            path: [folder, *name].concat(),
            config: flags & FLAG_CONFIG != 0,
            digest: digests.get(place).copied().filter(|_| !ghost).unwrap_or_default(),
            installed: states.get(place).is_none_or(|state| *state == 0) && !ghost,
        });
    }
    Ok(files)
}

/// The lines of a file of macros that say where the database is, each with its folder where that is plain.
pub fn database_folders(bytes: &[u8]) -> Vec<(usize, Option<String>)> {
    let mut folders = Vec::new();
    for (line, text) in lines(bytes) {
        let Some(value) = text.trim_ascii_start().strip_prefix(b"%_dbpath") else { continue };
        if !value.first().is_some_and(u8::is_ascii_whitespace) {
            continue;
        }
        let mut folder = lossless(trim(value));
        for (name, path) in [("_var", "/var"), ("_localstatedir", "/var"), ("_usr", "/usr"), ("_prefix", "/usr")] {
            folder = folder.replace(&format!("%{{{name}}}"), path);
        }
        let plain = folder.starts_with('/') && !folder.contains(['%', '\\', ' ', '\t']);
        folders.push((line, plain.then(|| folder.trim_end_matches('/').to_owned())));
    }
    folders
}

/// The headers of an ndb database (`Packages.db`), in the order of its slots.
///
/// Errors: it is no such database, or a slot leads outside.
pub fn ndb(bytes: &[u8]) -> Result<Vec<&[u8]>, ParseError> {
    const PAGE: usize = 4096;
    const BLOCK: usize = 16;
    let file = Binary::little_endian(bytes);
    if !bytes.starts_with(b"RpmP") {
        return Err(ParseError::new("it is no database of rpm's ndb"));
    }
    let (version, pages) = (file.u32(4)?, file.u32(12)?);
    if version != 0 {
        return Err(ParseError::new(format!("version {version} of ndb is not known")));
    }
    let slots = file.piece(0, pages.saturating_mul(PAGE))?.chunks_exact(16).skip(2);
    let mut headers = Vec::new();
    let mut total = 0;
    for slot in slots {
        let slot = Binary::little_endian(slot);
        if slot.piece(0, 4)? != b"Slot" {
            return Err(ParseError::new("the table of slots is broken"));
        }
        let (index, block, blocks) = (slot.u32(4)?, slot.u32(8)?, slot.u32(12)?);
        if index == 0 {
            continue;
        }
        let (at, room) = (block.saturating_mul(BLOCK), blocks.saturating_mul(BLOCK));
        if file.piece(at, 4)? != b"BlbS" || file.u32(at + 4)? != index {
            return Err(ParseError::new(format!("package {index} is not where its slot says")));
        }
        let length = file.u32(at + 12)?;
        total += length;
        if length.saturating_add(28) > room || total > bytes.len() || headers.len() == MAX_ROWS {
            return Err(ParseError::new(format!("package {index} is larger than its room")));
        }
        headers.push(file.piece(at + 16, length)?);
    }
    Ok(headers)
}
