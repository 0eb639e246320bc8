//! A file or a folder that holds images: its members by name, each a part of a file that is read by place.
//!
//! Of a tar only the headers are read, once; of a folder nothing until it is asked for. Links in a folder are not
//! followed: what they lead to is not part of it.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use crate::rootfs::directory::{self, Directory, Resolver};
use crate::rootfs::image::reading::Reading;
use crate::rootfs::image::stream::Compression;
use crate::rootfs::image::tar::{Flaw, Member, MemberKind, Members, Source};
use crate::rootfs::{Handle, Kind, Look, LookError, Metadata};

/// How many members an archive may have: thousands of images.
const MAX_MEMBERS: usize = 1_000_000;
/// The largest member that can be: more than any file, and far from what can be counted.
const MAX_MEMBER: u64 = 1 << 60;
/// How many links between members are followed: docker save writes one for a layer that stands twice.
const MAX_LINKS: usize = 8;

/// An open file that must stay as it is.
#[derive(Debug)]
pub(super) struct Stored {
    fd: OwnedFd,
    found: Metadata,
    reading: Arc<Reading>,
}

/// A part of a file.
#[derive(Clone, Debug)]
pub(super) struct Blob {
    file: Arc<Stored>,
    start: u64,
    /// How many bytes there are.
    pub(super) length: u64,
}

impl Blob {
    /// Reads from a place in the blob, as much as there is and fits.
    ///
    /// Errors: the file was changed since it was opened; then what was read is void.
    pub(super) fn read_at(&self, at: u64, into: &mut [u8]) -> Look<usize> {
        let most = into.len().min(usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX));
        let mut filled = 0;
        while let Some(rest) = into.get_mut(filled..most).filter(|rest| !rest.is_empty()) {
            match rustix::io::pread(&self.file.fd, rest, self.start + at + filled as u64) {
                Ok(0) => return Err(LookError::Changed),
                Ok(count) => {
                    filled += count;
                    self.file.reading.read(count);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        if directory::is_unchanged(&self.file.fd, &self.file.found)? { Ok(filled) } else { Err(LookError::Changed) }
    }

    /// The whole content of a small blob.
    pub(super) fn read_whole(&self, cap: u64) -> Look<Vec<u8>> {
        if self.length > cap {
            return Err(LookError::TooLarge { what: "bytes", size: self.length, cap });
        }
        let mut bytes = vec![0; usize::try_from(self.length).unwrap_or(0)];
        self.read_at(0, &mut bytes)?;
        Ok(bytes)
    }
}

/// Members by name.
#[derive(Debug)]
pub(super) enum Archive {
    Folder(Directory, Arc<Reading>),
    Tar { file: Arc<Stored>, members: BTreeMap<Vec<u8>, Place> },
}

#[derive(Debug)]
pub(super) enum Place {
    Content {
        start: u64,
        length: u64,
    },
    /// The same as the member of this name.
    Link(Vec<u8>),
}

/// Where a header of POSIX and of GNU tar says that it is one.
const TAR_MAGIC_AT: u64 = 257;

impl Archive {
    /// Opens a folder, or a tar that is not compressed.
    pub(super) fn open(path: &Path, reading: &Arc<Reading>) -> Result<Archive, Flaw> {
        let look = |error: LookError| Flaw::from(error.to_string());
        let (kind, file) = directory::open_file_of_auditor(path).map_err(look)?;
        let Some((fd, found)) = file else {
            return match kind {
                Kind::Directory => Directory::open(path, Resolver::Steps)
                    .map(|folder| Archive::Folder(folder, Arc::clone(reading)))
                    .map_err(|error| error.to_string().into()),
                kind => Err(LookError::NotRegular(kind).to_string().into()),
            };
        };
        let length = found.size;
        let file = Arc::new(Stored { fd, found, reading: Arc::clone(reading) });
        let whole = Blob { file: Arc::clone(&file), start: 0, length };
        let mut first = [0; 8];
        let count = whole.read_at(0, &mut first).map_err(look)?;
        let packed = match Compression::of(first.get(..count).unwrap_or_default()) {
            Ok(Compression::None) => None,
            Ok(Compression::Gzip) => Some("gzip: unpack it with gunzip first"),
            Ok(Compression::Zstd) => Some("zstd: unpack it with unzstd first"),
            Err(_) => Some("xz or bzip2: unpack it first"),
        };
        if let Some(packed) = packed {
            return Err(format!("the archive itself is compressed with {packed}").into());
        }
        let mut magic = [0; 5];
        let count = whole.read_at(TAR_MAGIC_AT, &mut magic).map_err(look)?;
        let is_tar = magic.get(..count) == Some(b"ustar");
        let members = members(&whole).map_err(|flaw| match is_tar {
            true => flaw,
            false => Flaw::from("it is no tar archive; --image takes an OCI layout, or what docker save writes"),
        })?;
        Ok(Archive::Tar { file, members })
    }

    /// The content of a member; `None` when there is none of that name.
    pub(super) fn blob(&self, name: &str) -> Result<Option<Blob>, Flaw> {
        match self {
            Archive::Tar { file, members } => {
                let mut name = normal(name.as_bytes());
                for _ in 0..MAX_LINKS {
                    match name.as_ref().and_then(|name| members.get(name)) {
                        None => return Ok(None),
                        Some(Place::Content { start, length }) => {
                            return Ok(Some(Blob { file: Arc::clone(file), start: *start, length: *length }));
                        }
                        Some(Place::Link(target)) => name = Some(target.clone()),
                    }
                }
                Err(format!("{name:?} is a link that leads nowhere").into())
            }
            Archive::Folder(folder, reading) => {
                blob_in_folder(folder, reading, name).map_err(|error| error.to_string().into())
            }
        }
    }
}

fn blob_in_folder(folder: &Directory, reading: &Arc<Reading>, name: &str) -> Look<Option<Blob>> {
    let mut node = folder.top()?;
    for step in name.split('/') {
        let Handle::Descriptor { fd, .. } = &node.handle else { return Ok(None) };
        node = match folder.child(fd, step.as_bytes()) {
            Ok(node) => node,
            Err(LookError::Absent) => return Ok(None),
            Err(error) => return Err(error),
        };
    }
    let Handle::Descriptor { fd, .. } = &node.handle else { return Ok(None) };
    if node.metadata.kind != Kind::File {
        return Err(LookError::NotRegular(node.metadata.kind));
    }
    let length = node.metadata.size;
    let fd = folder.open_for_reading(fd)?;
    reading.step();
    let file = Arc::new(Stored { fd, found: node.metadata, reading: Arc::clone(reading) });
    Ok(Some(Blob { file, start: 0, length }))
}

/// The archive's own bytes, contents passed over.
struct Headers<'a> {
    blob: &'a Blob,
    position: u64,
}

impl Source for Headers<'_> {
    fn position(&self) -> u64 {
        self.position
    }

    fn read(&mut self, into: &mut [u8]) -> Result<usize, Flaw> {
        let count = self.blob.read_at(self.position, into).map_err(|error| error.to_string())?;
        self.position += count as u64;
        Ok(count)
    }

    fn skip(&mut self, count: u64) -> Result<(), Flaw> {
        self.position = self
            .position
            .checked_add(count)
            .filter(|end| *end <= self.blob.length)
            .ok_or("the archive is cut short")?;
        Ok(())
    }
}

fn members(whole: &Blob) -> Result<BTreeMap<Vec<u8>, Place>, Flaw> {
    let mut headers = Headers { blob: whole, position: 0 };
    let mut reader = Members::new(&mut headers, MAX_MEMBER);
    let mut members = BTreeMap::new();
    while let Some(Member { name, kind, link, at, stored, pieces, .. }) = reader.next()? {
        let Some(key) = normal(&name) else { return Err("a member whose name leads outside the archive".into()) };
        let place = match kind {
            MemberKind::Directory => continue,
            MemberKind::File if pieces.is_some() => return Err("a member that is sparse".into()),
            MemberKind::File => Place::Content { start: at, length: stored },
            MemberKind::HardLink => Place::Link(normal(&link).ok_or("a link that leads outside the archive")?),
            MemberKind::Symlink => {
                let folder =
                    key.iter().rposition(|byte| *byte == b'/').and_then(|at| key.get(..=at)).unwrap_or_default();
                Place::Link(normal(&[folder, &link].concat()).ok_or("a link that leads outside the archive")?)
            }
            _ => return Err("a device or a pipe among its members".into()),
        };
        if members.insert(key, place).is_some() {
            return Err("two members of one name".into());
        }
        if members.len() > MAX_MEMBERS {
            return Err(format!("more than {MAX_MEMBERS} members").into());
        }
    }
    Ok(members)
}

impl Blob {
    /// All of a file that is open.
    pub(super) fn of_file(fd: OwnedFd) -> Look<Blob> {
        let found = directory::metadata_of(fd.as_fd())?;
        let length = found.size;
        Ok(Blob { file: Arc::new(Stored { fd, found, reading: Arc::default() }), start: 0, length })
    }
}

/// A blob of these bytes, for tests.
#[cfg(test)]
pub(super) fn blob_of(bytes: &[u8]) -> Blob {
    let fd = rustix::fs::memfd_create("blob", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    assert_eq!(rustix::io::write(&fd, bytes), Ok(bytes.len()));
    Blob::of_file(fd).unwrap()
}

/// A name without `.`, `..` and doubled slashes; `None` when it leads above its beginning.
fn normal(name: &[u8]) -> Option<Vec<u8>> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in name.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()?),
            name => names.push(name),
        }
    }
    Some(names.join(&b'/'))
}
