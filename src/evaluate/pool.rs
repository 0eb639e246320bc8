//! Work in parallel that ends, even when a filesystem does not answer.
//!
//! Workers take units one by one. While the target answers, nothing is hung. When for a while no question at all is
//! answered, the units in work are given up as hung; their threads stay where they are (a system call cannot be taken
//! back), and the other units go on in a new pool. At the deadline, all that is not done is given up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::ThreadPool;

/// Why a unit of work gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// The target did not answer for so long.
    Hung(Duration),
    /// The whole scan took longer than it may.
    TimedOut(Duration),
    /// A thread could not be started.
    NoThread(String),
    /// A mistake in this program.
    Crashed,
}

impl std::fmt::Display for Lost {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Lost::Hung(after) => write!(out, "the target's filesystem did not answer within {} s", after.as_secs()),
            Lost::TimedOut(after) => write!(out, "the scan did not end within {} s (--timeout)", after.as_secs()),
            Lost::NoThread(why) => write!(out, "the scanner ran out of resources: {why}"),
            Lost::Crashed => write!(out, "internal error: the check crashed; please report it"),
        }
    }
}

/// How often the target is looked at for signs of life.
const GLANCE: Duration = Duration::from_millis(50);

/// The threads that work: the global pool of rayon, until its threads hang; then a pool of our own.
#[derive(Clone, Default)]
pub(super) struct Crew(Arc<Mutex<Option<Arc<ThreadPool>>>>);

impl Crew {
    fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        let pool = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match pool {
            Some(pool) => pool.spawn(work),
            None => rayon::spawn(work),
        }
    }

    /// Leaves all threads where they are and takes new ones.
    fn replace(&self, workers: usize) -> Result<(), Lost> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).build();
        let pool = pool.map_err(|error| Lost::NoThread(error.to_string()))?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(pool));
        Ok(())
    }
}

/// When work counts as lost.
#[derive(Clone)]
pub(super) struct Patience {
    pub(super) crew: Crew,
    pub(super) jobs: usize,
    pub(super) stall: Duration,
    pub(super) whole: Duration,
    pub(super) started: Instant,
}

type Work<T> = Arc<dyn Fn(usize) -> T + Send + Sync>;

/// Does units 0 to `units` and returns what each gave, in their order. `alive` counts the target's answers.
pub(super) fn run<T: Send + 'static>(
    units: usize,
    patience: &Patience,
    alive: &dyn Fn() -> u64,
    work: Work<T>,
) -> Vec<Result<T, Lost>> {
    let mut results: Vec<Option<Result<T, Lost>>> = (0..units).map(|_| None).collect();
    let next = Arc::new(AtomicUsize::new(0));
    let taken: Arc<Vec<AtomicBool>> = Arc::new((0..units).map(|_| AtomicBool::new(false)).collect());
    let workers = patience.jobs.clamp(1, units.max(1));
    while results.iter().any(Option::is_none) {
        let (sender, receiver) = channel();
        let given_up = Arc::new(AtomicBool::new(false));
        for _ in 0..workers {
            let (work, next, taken) = (Arc::clone(&work), Arc::clone(&next), Arc::clone(&taken));
            let (sender, given_up) = (sender.clone(), Arc::clone(&given_up));
            patience.crew.spawn(move || take_units(&work, &next, &taken, &given_up, &sender));
        }
        drop(sender);
        let mut answered = alive();
        let mut last_sign = Instant::now();
        loop {
            match receiver.recv_timeout(GLANCE) {
                Ok((unit, result)) => {
                    last_sign = Instant::now();
                    if let Some(slot) = results.get_mut(unit).filter(|slot| slot.is_none()) {
                        *slot = Some(result);
                    }
                    continue;
                }
                // All workers are through.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if patience.started.elapsed() > patience.whole {
                given_up.store(true, Ordering::Relaxed);
                return rest(results, &Lost::TimedOut(patience.whole));
            }
            let now = alive();
            if now != answered {
                (answered, last_sign) = (now, Instant::now());
            } else if last_sign.elapsed() > patience.stall {
                given_up.store(true, Ordering::Relaxed);
                for (slot, taken) in results.iter_mut().zip(taken.iter()) {
                    if slot.is_none() && taken.load(Ordering::Relaxed) {
                        *slot = Some(Err(Lost::Hung(patience.stall)));
                    }
                }
                if let Err(lost) = patience.crew.replace(workers) {
                    return rest(results, &lost);
                }
                break;
            }
        }
    }
    rest(results, &Lost::Crashed)
}

fn take_units<T: Send>(
    work: &Work<T>,
    next: &AtomicUsize,
    taken: &[AtomicBool],
    given_up: &AtomicBool,
    sender: &Sender<(usize, Result<T, Lost>)>,
) {
    while !given_up.load(Ordering::Relaxed) {
        let unit = next.fetch_add(1, Ordering::Relaxed);
        let Some(flag) = taken.get(unit) else { return };
        flag.store(true, Ordering::Relaxed);
        let result = catch_unwind(AssertUnwindSafe(|| work(unit))).map_err(|_| Lost::Crashed);
        if sender.send((unit, result)).is_err() {
            return;
        }
    }
}

fn rest<T>(results: Vec<Option<Result<T, Lost>>>, lost: &Lost) -> Vec<Result<T, Lost>> {
    results.into_iter().map(|result| result.unwrap_or_else(|| Err(lost.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Condvar, Mutex};

    fn patience(jobs: usize, stall: u64, whole: u64) -> Patience {
        let (stall, whole) = (Duration::from_millis(stall), Duration::from_millis(whole));
        // A pool of its own: the threads that the tests hang would be missing in the global one.
        let crew = Crew::default();
        crew.replace(jobs).unwrap();
        Patience { crew, jobs, stall, whole, started: Instant::now() }
    }

    #[test]
    fn hung_units_are_given_up_and_the_others_are_done() {
        let gate = Arc::new((Mutex::new(()), Condvar::new()));
        let work: Work<usize> = Arc::new(move |unit| {
            if unit == 1 || unit == 3 {
                let held = gate.0.lock().unwrap();
                drop(gate.1.wait(held));
            }
            unit * 10
        });
        let results = run(6, &patience(2, 200, 60_000), &|| 0, work);
        let hung = || Err(Lost::Hung(Duration::from_millis(200)));
        assert_eq!(results, [Ok(0), hung(), Ok(20), hung(), Ok(40), Ok(50)]);
    }

    #[test]
    fn the_deadline_ends_it_and_a_crash_is_one_result() {
        let gate = Arc::new((Mutex::new(()), Condvar::new()));
        let work: Work<()> = Arc::new(move |unit| match unit {
            0 => panic!("on purpose"),
            1 => drop(gate.1.wait(gate.0.lock().unwrap())),
            _ => {}
        });
        let results = run(3, &patience(1, 60_000, 2_000), &|| 0, work);
        let late = || Err(Lost::TimedOut(Duration::from_millis(2_000)));
        assert_eq!(results, [Err(Lost::Crashed), late(), late()]);
    }
}
