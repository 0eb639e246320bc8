//! Looks again, after a scan, whether anybody meddled with the scanner meanwhile.

use std::os::fd::OwnedFd;

use crate::parse::proc_status::parse;
use crate::process::Procfs;
use crate::protect::Limits;
use crate::rootfs::{Look, LookError};

/// What the scanner is to be at the end of a scan, too.
#[derive(Debug)]
pub struct Guard {
    limits: Limits,
    /// Its own /proc/self/status: opened before Landlock takes it away.
    status: OwnedFd,
}

/// What was done to the scanner from outside.
#[derive(Debug)]
pub enum Tampered {
    /// This resource limit is not what it was.
    Limit(&'static str),
    /// A process traces it.
    Traced(i32),
    /// It cannot be told.
    Unknown(LookError),
}

impl Guard {
    /// Remembers how it should be.
    pub fn new(limits: &Limits) -> Look<Guard> {
        Ok(Guard { limits: limits.clone(), status: Procfs::open()?.myself()?.open("status")? })
    }

    /// Whether the limits are what they were.
    pub fn limits(&self) -> Result<(), Tampered> {
        Limits::read().difference(&self.limits).map_or(Ok(()), |name| Err(Tampered::Limit(name)))
    }

    /// Whether nobody traces the scanner.
    pub fn tracer(&self) -> Result<(), Tampered> {
        let mut bytes = vec![0; 16 << 10];
        let count = rustix::io::pread(&self.status, &mut bytes, 0).map_err(|errno| Tampered::Unknown(errno.into()))?;
        match parse(bytes.get(..count).unwrap_or_default()) {
            Ok(status) if status.tracer == 0 => Ok(()),
            Ok(status) => Err(Tampered::Traced(status.tracer)),
            Err(_) => Err(Tampered::Unknown(LookError::Unsupported("its own status file is odd"))),
        }
    }
}

impl std::fmt::Display for Tampered {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Tampered::Limit(name) => write!(out, "limits were changed from outside during the scan: {name}"),
            Tampered::Traced(pid) => write!(out, "process {pid} began to trace the scanner during the scan"),
            Tampered::Unknown(error) => write!(out, "the scanner cannot look at itself any more: {error}"),
        }
    }
}
