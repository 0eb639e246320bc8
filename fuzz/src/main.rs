//! One program for all targets: `FUZZ_TARGET=NAME` chooses, the arguments are libFuzzer's.

#![no_main]

mod memory;
mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};

use targets::{TARGETS, Target};

static CHOSEN: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("FUZZ_TARGET must be one of: {}", names.join(" "));
        std::process::exit(2)
    })
});

fuzz_target!(init: { LazyLock::force(&CHOSEN); }, |data: &[u8]| {
    memory::bounded(data.len(), || (CHOSEN.run)(data));
});

// Now and then a piece is repeated to the end of the room: that is how time and memory out of proportion are found.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let seed = seed as usize;
    if size == 0 || !seed.is_multiple_of(32) {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let start = (seed / 32) % size;
    let length = (1 + (seed / 7919) % 16).min(size - start);
    let room = max_size - size;
    let repeats = (room / length) >> (seed / 131_071 % 6);
    let piece = data[start..start + length].to_vec();
    let end = size + repeats * length;
    data.copy_within(start + length..size, end - (size - start - length));
    for (to, from) in data[start + length..].iter_mut().zip(piece.iter().cycle()).take(repeats * length) {
        *to = *from;
    }
    end
});
