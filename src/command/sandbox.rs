//! Between opening and reading: what the scan does not need is given up, and only then are there threads.

use std::os::fd::BorrowedFd;

use crate::cli::Protection;
use crate::command::complain;
use crate::command::target::{Found, refuse};
use crate::exit_code::ExitCode;
use crate::process::Live;
use crate::protect::{
    Guard, Limits, Measure, Needs, Observer, Start, confine, headroom, headroom_of_pod, limit_memory, observers,
    offer_to_be_killed,
};

/// The memory beside a running container: it may share its limit with the scanner.
const BESIDE_A_CONTAINER: u64 = 32 << 20;
/// How many checks run at once then.
const JOBS_BESIDE: usize = 2;

/// What a scan runs in.
pub(super) struct Sandbox {
    pub(super) measures: Vec<Measure>,
    /// Who could have changed the scanner, as far as the auditor accepted it.
    pub(super) observers: Vec<Observer>,
    pub(super) jobs: usize,
    pub(super) max_file: Option<u64>,
    guard: Guard,
    /// Whether somebody who traces the scanner is against the rules.
    untraced: bool,
}

impl Sandbox {
    /// Did anybody meddle with the scanner?
    pub(super) fn look_again(&self) -> Result<(), ExitCode> {
        self.guard.limits().map_err(|error| refuse(&error))?;
        if self.untraced { self.guard.tracer().map_err(|error| refuse(&error)) } else { Ok(()) }
    }
}

/// Gives up all but what the target and the reports take, and starts the threads.
pub(super) fn enter<'a>(
    found: Found<'a>,
    protection: &Protection,
    jobs: Option<u16>,
    start: &Start,
    folders: &[BorrowedFd<'_>],
) -> Result<(Found<'a>, Sandbox), ExitCode> {
    let mut limits = start.limits.clone();
    let observers = match found.live() {
        None => Vec::new(),
        Some(live) => observed(live, start, protection.accept_observed_agent)?,
    };
    let is_live = found.live().is_some();
    let memory = protection.memory_limit.or(is_live.then_some(BESIDE_A_CONTAINER));
    let mut measures = Vec::new();
    if let Some(bytes) = memory {
        measures.push(bounded(&mut limits, bytes, found.live(), protection.pod_memory)?);
    }
    let guard = Guard::new(&limits).map_err(|error| refuse(&format_args!("the scanner cannot see itself: {error}")))?;
    guard.limits().map_err(|error| refuse(&error))?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let most = if memory.is_some() { processors.min(JOBS_BESIDE) } else { processors };
    let jobs = jobs.map_or(most, usize::from);
    let look_into = found.live().is_some_and(|live| live.own.hidepid);
    measures.extend(confine(&Needs { read: found.handles(), write: folders.to_vec(), look_into }));
    if let Err(error) = rayon::ThreadPoolBuilder::new().num_threads(jobs).build_global() {
        complain(&format_args!("error: the threads for {jobs} jobs cannot be started: {error}"));
        return Err(ExitCode::Internal);
    }
    let untraced = is_live && !observers.iter().any(|one| matches!(one, Observer::Tracer(_)));
    // A quarter: text, its lines, and what is made of them.
    let max_file = memory.map(|bytes| bytes / 4);
    Ok((found, Sandbox { measures, observers, jobs, max_file, guard, untraced }))
}

/// Who could have changed the scanner.
///
/// Errors: somebody could, and the auditor did not accept that.
fn observed(live: &Live, start: &Start, accepted: bool) -> Result<Vec<Observer>, ExitCode> {
    let observers = observers(start, live).map_err(|error| refuse(&error))?;
    if observers.is_empty() || accepted {
        return Ok(observers);
    }
    let mut words = "the target could have changed this scanner, and so its results:".to_owned();
    words.extend(observers.iter().map(|observer| format!("\n  - {observer}")));
    words.push_str("\n  = help: to scan it all the same, give --accept-observed-agent; the report says so then");
    Err(refuse(&words))
}

/// Bounds the memory of the scan.
///
/// Errors: beside a running container, there is less.
fn bounded(limits: &mut Limits, bytes: u64, live: Option<&Live>, pod_memory: Option<u64>) -> Result<Measure, ExitCode> {
    if let Some(live) = live {
        enough_beside(live, bytes, pod_memory)?;
    }
    Ok(bound(limits, bytes, live.is_some()))
}

/// Bounds the memory as beside a running container, whatever is left.
pub(super) fn bounded_beside(limits: &mut Limits) -> Measure {
    bound(limits, BESIDE_A_CONTAINER, true)
}

fn bound(limits: &mut Limits, bytes: u64, is_live: bool) -> Measure {
    let first_to_go = match is_live.then(offer_to_be_killed) {
        None => "",
        Some(true) => "; the first to be ended when memory runs out",
        Some(false) => "; not the first to be ended when memory runs out (oom_score_adj cannot be set)",
    };
    let in_force = limit_memory(limits, bytes);
    let words = if in_force {
        format!("at most {bytes} bytes of data{first_to_go}")
    } else {
        format!("not bounded: RLIMIT_DATA cannot be set to {bytes}")
    };
    Measure { name: "memory", in_force, words }
}

/// Whether so much is left beside the target, of the machine, of the scanner's control groups and of the pod.
fn enough_beside(live: &Live, bytes: u64, pod_memory: Option<u64>) -> Result<(), ExitCode> {
    let pod = pod_memory.map(|limit| headroom_of_pod(live, limit));
    for room in std::iter::once(headroom()).chain(pod) {
        let room = room.map_err(|error| refuse(&format_args!("how much memory is left cannot be told: {error}")))?;
        if room.bytes < bytes {
            let (left, of) = (room.bytes, room.of);
            return Err(refuse(&format_args!(
                "not enough memory beside the target: {left} bytes are left ({of}), and the scan may take {bytes}\n  = help: a \
                 smaller --memory-limit, or the image"
            )));
        }
    }
    Ok(())
}
