//! `assay detect`: arguments → target → what it is → text or JSON.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::cli::{Detect, DetectFormat};
use crate::command::running::NotLiveWords;
use crate::command::sandbox;
use crate::command::target::{self, Opened, STALL, make_room_for_descriptors, refuse};
use crate::command::{complain, print};
use crate::detect::{Answer, Detection, detect};
use crate::exit_code::ExitCode;
use crate::process::Live;
use crate::protect::{Start, narrow};
use crate::report::detection::{json, text};
use crate::rootfs::Root;

pub(super) fn run(arguments: &Detect, mut start: Start) -> ExitCode {
    make_room_for_descriptors(&mut start.limits);
    narrow(target::is_running(&arguments.target), false);
    let timeout = Duration::from_secs(arguments.timeout);
    let deadline = Instant::now() + timeout;
    let entered = target::find(&arguments.target, timeout)
        .and_then(|found| sandbox::enter(found, &arguments.protection, None, &start, &[]));
    let opened = entered.and_then(|(found, sandbox)| Ok((found.open(&arguments.target, deadline)?, sandbox)));
    let (Opened { root, location, live, .. }, sandbox) = match opened {
        Ok(opened) => opened,
        Err(code) => return code,
    };
    let mut detection = match look(root, deadline) {
        Ok(detection) => detection,
        Err((code, why)) => {
            complain(&format_args!("error: {why}"));
            return code;
        }
    };
    if let Err(code) = sandbox.look_again() {
        return code;
    }
    if let Some(live) = &live {
        // What was read of a container that changed or ended meanwhile tells of none.
        if let Err(error) = live.look_again() {
            return refuse(&NotLiveWords::again(&error));
        }
        detection = narrowed(detection, live);
    }
    let observers = sandbox.observers.iter().map(|one| format!("the scanner could have been changed: {one}"));
    detection = detection.with_remarks(observers.collect());
    let printed = print(&match arguments.format {
        DetectFormat::Text => text(&location, &detection),
        DetectFormat::Json => json(&location, &detection),
    });
    let undecided = detection.distroless == Answer::NotEstablished;
    ExitCode::worst(&[printed, if undecided { ExitCode::Failed } else { ExitCode::Success }])
}

/// What is left of it, when the root may not be the container's or is not the only one.
fn narrowed(detection: Detection, live: &Live) -> Detection {
    let mut because: Vec<String> =
        live.doubts.iter().map(|doubt| format!("the root may not be the container's: {doubt}")).collect();
    if !live.other_roots.is_empty() {
        let pids: Vec<String> = live.other_roots.iter().take(10).map(ToString::to_string).collect();
        because.push(format!("its processes with another root, which was not looked at: {}", pids.join(", ")));
    }
    if live.unseen_roots > 0 {
        because.push(format!("its processes whose root could not be seen: {}", live.unseen_roots));
    }
    if live.doubts.is_empty() { detection.with_remarks(because) } else { detection.of_another(because) }
}

/// Looks from a thread of its own, which is left behind when the filesystem does not answer.
fn look(root: Root, deadline: Instant) -> Result<Detection, (ExitCode, String)> {
    let root = Arc::new(root);
    let (send, found) = channel();
    let asked = Arc::clone(&root);
    let look = move || drop(send.send(detect(&asked)));
    std::thread::Builder::new().spawn(look).map_err(|error| (ExitCode::Internal, error.to_string()))?;
    loop {
        let answered = root.answered();
        let patience = STALL.min(deadline.saturating_duration_since(Instant::now()));
        match found.recv_timeout(patience) {
            Ok(detection) => return Ok(detection),
            Err(RecvTimeoutError::Disconnected) => {
                return Err((ExitCode::Internal, "looking at the target made assay crash".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => {
                let why = "the target could not be looked at in the time that it may take; --timeout gives more";
                return Err((ExitCode::Target, why.to_owned()));
            }
            Err(RecvTimeoutError::Timeout) if root.answered() == answered => {
                let why = format!("the target's filesystem did not answer within {} s", STALL.as_secs());
                return Err((ExitCode::Target, why));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
