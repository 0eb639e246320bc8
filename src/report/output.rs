//! Where reports go: standard output, files that appear whole or not at all, readable by their owner only, or what is
//! no file (a pipe, /dev/null), which is written to and never replaced.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};
use sha2::{Digest, Sha256};

/// Where a report is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// Standard output, behind a line with the length and the digest of what follows: for a reader at the other end of
    /// a connection, who must see that nothing is missing.
    Frame,
    /// A file.
    File(PathBuf),
}

/// A destination that was opened before the scan: its folder is held.
#[derive(Debug)]
pub struct Output {
    place: Opened,
}

#[derive(Debug)]
enum Opened {
    Stdout,
    Frame,
    File { folder: OwnedFd, name: PathBuf, path: PathBuf },
    Stream { file: File, path: PathBuf },
}

/// Why a report could not be written.
#[derive(Debug)]
pub struct OutputError {
    path: PathBuf,
    error: io::Error,
}

impl fmt::Display for OutputError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "cannot write {}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for OutputError {}

impl OutputError {
    /// Whether the reader of standard output went away: nobody is there to complain to.
    pub fn is_broken_pipe(&self) -> bool {
        self.error.kind() == io::ErrorKind::BrokenPipe
    }
}

impl Output {
    /// Opens a destination, or the folder that it is to be made in, so that a scan does not end with a report that has no
    /// place.
    pub fn open(destination: &Destination) -> Result<Output, OutputError> {
        let path = match destination {
            Destination::Stdout => return Ok(Output { place: Opened::Stdout }),
            Destination::Frame => return Ok(Output { place: Opened::Frame }),
            Destination::File(path) => path,
        };
        let fail = |error: io::Error| OutputError { path: path.clone(), error };
        // A link is written through, not replaced.
        #[expect(clippy::disallowed_methods, reason = "the auditor's own file")]
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let Some(name) = real.file_name() else {
            return Err(fail(io::Error::new(io::ErrorKind::IsADirectory, "it names a folder, not a file")));
        };
        if path.is_dir() {
            return Err(fail(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")));
        }
        if path.exists() && !path.is_file() {
            // A pipe waits here until somebody reads it.
            let file = OpenOptions::new().write(true).open(path).map_err(fail)?;
            return Ok(Output { place: Opened::Stream { file, path: path.clone() } });
        }
        let folder = real.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let opened = nix::fcntl::open(folder, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::ENOENT => {
                fail(io::Error::new(io::ErrorKind::NotFound, format!("the folder {} does not exist", folder.display())))
            }
            errno => fail(errno.into()),
        })?;
        Ok(Output { place: Opened::File { folder: opened, name: name.into(), path: path.clone() } })
    }

    /// Whether it is standard output.
    pub fn is_stdout(&self) -> bool {
        matches!(self.place, Opened::Stdout)
    }

    /// The folder in which a file is to be made.
    pub fn folder(&self) -> Option<BorrowedFd<'_>> {
        match &self.place {
            Opened::File { folder, .. } => Some(folder.as_fd()),
            Opened::Stdout | Opened::Frame | Opened::Stream { .. } => None,
        }
    }

    /// Writes a report. A file is written under another name beside its place and renamed.
    pub fn write(&self, report: &dyn Fn(&mut dyn Write) -> io::Result<()>) -> Result<(), OutputError> {
        match &self.place {
            Opened::Stdout => {
                let mut out = BufWriter::new(io::stdout().lock());
                let written = report(&mut out).and_then(|()| out.flush());
                written.map_err(|error| OutputError { path: "standard output".into(), error })
            }
            Opened::Frame => {
                let written = framed(report, &mut io::stdout().lock());
                written.map_err(|error| OutputError { path: "standard output".into(), error })
            }
            Opened::Stream { file, path } => {
                let mut out = BufWriter::new(file);
                let written = report(&mut out).and_then(|()| out.flush());
                written.map_err(|error| OutputError { path: path.clone(), error })
            }
            Opened::File { folder, name, path } => {
                let temporary = PathBuf::from(format!(".{}.{}.tmp", name.display(), std::process::id()));
                let written = write_new(folder, &temporary, report).and_then(|()| {
                    renameat(folder, &temporary, folder, name)?;
                    Ok(())
                });
                if written.is_err() {
                    let _ = unlinkat(folder, &temporary, UnlinkatFlags::NoRemoveDir);
                }
                written.map_err(|error| OutputError { path: path.clone(), error })
            }
        }
    }
}

/// `assay-frame 1 LENGTH sha256:DIGEST`, a line end, and then so many bytes.
fn framed(report: &dyn Fn(&mut dyn Write) -> io::Result<()>, out: &mut dyn Write) -> io::Result<()> {
    let mut bytes = Vec::new();
    report(&mut bytes)?;
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(out, "assay-frame 1 {} sha256:{digest}", bytes.len())?;
    out.write_all(&bytes)?;
    out.flush()
}

fn write_new(folder: &OwnedFd, name: &Path, report: &dyn Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let fd = openat(folder, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    let mut out = BufWriter::new(File::from(fd));
    report(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    // Some filesystems only say at the end that there was no room.
    Ok(nix::unistd::close(file)?)
}
