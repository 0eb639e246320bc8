//! How far the reading of an image is, for those who wait for it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what is read of an archive.
#[derive(Debug, Default)]
pub struct Reading {
    steps: AtomicU64,
    bytes: AtomicU64,
    of: AtomicU64,
}

impl Reading {
    /// How many steps were done: while it grows, nothing hangs.
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// How many bytes of the layers were read, and how many there are; 0 until that is known.
    pub fn bytes(&self) -> (u64, u64) {
        let of = self.of.load(Ordering::Relaxed);
        (self.bytes.load(Ordering::Relaxed).min(of), of)
    }

    pub(super) fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// So many bytes of the archive were read.
    pub(super) fn read(&self, bytes: usize) {
        self.step();
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// From now on the layers are read, which have so many bytes.
    pub(super) fn begin(&self, of: u64) {
        self.bytes.store(0, Ordering::Relaxed);
        self.of.store(of, Ordering::Relaxed);
    }
}
