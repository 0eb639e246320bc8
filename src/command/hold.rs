//! `assay hold` and `assay release`: a container that waits for scans to be run in it, and ends by itself.

use std::os::fd::AsFd;
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

use crate::cli::{Hold, Release};
use crate::command::complain;
use crate::exit_code::ExitCode;
use crate::process::{Own, Procfs, survey};
use crate::rootfs::LookError;

/// What ends it before its time.
const ENDS: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];

pub(super) fn run(arguments: &Hold) -> ExitCode {
    match hold(Instant::now() + arguments.time) {
        Ok(()) => ExitCode::Success,
        Err(errno) => {
            complain(&format_args!("error: cannot wait: {}", errno.desc()));
            ExitCode::Internal
        }
    }
}

/// Process 1 of a container gets no signal that it does not ask for, so they are taken from a descriptor.
fn hold(end: Instant) -> Result<(), Errno> {
    let signals: SigSet = ENDS.into_iter().collect();
    signals.thread_block()?;
    let descriptor = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    loop {
        let rest = end.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return Ok(());
        }
        // Milliseconds that are cut off must not make it turn round and round.
        let rest = PollTimeout::try_from(rest.as_millis().saturating_add(1)).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)], rest) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(errno) => return Err(errno),
        }
    }
}

pub(super) fn release(arguments: &Release) -> ExitCode {
    if arguments.when_input_ends {
        // Whoever started this may be gone without a word; then its connection ends, and with it standard input.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    }
    let seen = Procfs::open().and_then(|procfs| {
        let own = Own::read(&procfs)?;
        // Numbers of another PID namespace would end others.
        if own.pid != nix::unistd::getpid().as_raw() {
            return Err(LookError::Unsupported("/proc is of another PID namespace"));
        }
        survey(&procfs, &own)
    });
    let own = match seen {
        Ok(seen) => seen.own,
        Err(error) => {
            complain(&format_args!("error: the processes of this container cannot be looked at: {error}"));
            return ExitCode::Internal;
        }
    };
    let holds = own.iter().filter(|seen| seen.words().get(1) == Some(&b"hold".as_slice()));
    let mut released = 0;
    for seen in holds {
        match kill(Pid::from_raw(seen.pid), Signal::SIGTERM) {
            Ok(()) => released += 1,
            Err(Errno::ESRCH) => {}
            Err(errno) => {
                complain(&format_args!("error: process {} cannot be ended: {}", seen.pid, errno.desc()));
                return ExitCode::Internal;
            }
        }
    }
    if released == 0 {
        complain(&"error: nothing waits in assay hold in this container");
        return ExitCode::Target;
    }
    ExitCode::Success
}
