//! Runs one command and says what it cost: `measure OUTPUT COMMAND [ARG…]` sends the command's standard output and error
//! to the file OUTPUT and prints `WALL_US USER_US SYS_US PEAK_RSS_KB EXIT_CODE`, after its end, on its own.
//!
//! It exists because Linux charges a process with the peak memory of whatever started it (the peak is carried over exec):
//! started from Python, `true` is said to need 10 MB and more. Started from here, the lower bound is 2 MB.

use std::fs::File;
use std::io;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Linux's `struct rusage` on 64-bit machines: two `struct timeval`, then 14 longs of which the first is the peak RSS.
#[repr(C)]
#[derive(Default)]
struct Rusage {
    user: [i64; 2],
    system: [i64; 2],
    peak_rss_kb: i64,
    rest: [i64; 13],
}

unsafe extern "C" {
    fn wait4(pid: i32, status: *mut i32, options: i32, usage: *mut Rusage) -> i32;
}

fn main() -> io::Result<()> {
    let mut args = std::env::args_os().skip(1);
    let (Some(output), Some(command)) = (args.next(), args.next()) else {
        return Err(io::Error::other("usage: measure OUTPUT COMMAND [ARG…]"));
    };
    let output = File::create(output)?;
    let mut command = Command::new(command);
    command.args(args).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let (mut status, mut usage) = (0, Rusage::default());
    let start = Instant::now();
    let child = command.spawn()?;
    // SAFETY: both pointers are to live values of the types that wait4(2) fills in; the child is ours and not yet waited for.
    let waited = unsafe { wait4(child.id() as i32, &mut status, 0, &mut usage) };
    let wall = start.elapsed();
    if waited < 0 {
        return Err(io::Error::last_os_error());
    }
    // As a shell has it: 128 + signal for a command that was killed.
    let code = if status & 0x7f == 0 { status >> 8 & 0xff } else { 128 + (status & 0x7f) };
    let micros = |[seconds, micros]: [i64; 2]| seconds * 1_000_000 + micros;
    println!("{} {} {} {} {code}", wall.as_micros(), micros(usage.user), micros(usage.system), usage.peak_rss_kb);
    Ok(())
}
