//! How much memory a run takes: out of proportion is a crash, and so is what would take this machine down.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What any run may take, and what it may take for each byte of its input.
///
/// A few hundred bytes of a profile may stand for 2,000,000 values (src/profile/yaml.rs). Of what comes from a target,
/// YAML needs most: up to 800 bytes for one that parts values (src/parse/yaml_limits.rs).
const ANY: usize = 192 << 20;
const FOR_EACH_BYTE: usize = 4096;
/// Where a run ends at once: it would not end otherwise.
const MOST: usize = 1 << 30;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn taken(bytes: usize) {
    let now = NOW.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
    PEAK.fetch_max(now, Ordering::Relaxed);
    if now > MOST {
        std::process::abort();
    }
}

fn given_back(bytes: usize) {
    NOW.fetch_sub(bytes, Ordering::Relaxed);
}

// SAFETY: the system's allocator does the work; beside it, numbers are added.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        given_back(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        taken(size);
        given_back(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Runs and panics when it took more than its input explains.
pub fn bounded(length: usize, run: impl FnOnce()) {
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    run();
    let took = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    assert!(took <= ANY + length * FOR_EACH_BYTE, "{length} bytes of input took {took} bytes of memory");
}
