//! Work in parallel that ends, even when a filesystem does not answer.
//!
//! Workers take units one by one. While the target answers, nothing is hung. When for a while no question at all is
//! answered, the units in work are given up as hung; their threads stay where they are (a system call cannot be taken
//! back), and the other units go on in a new pool. At the deadline, all that is not done is given up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
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

/// A unit of work: not begun, in work, or done.
enum Unit<T> {
    Waiting,
    Taken,
    Done(Result<T, Lost>),
}

/// What the workers share. Nobody is woken for a single unit: there may be a hundred thousand.
struct Shared<T> {
    units: Vec<Mutex<Unit<T>>>,
    next: AtomicUsize,
    done: AtomicUsize,
}

impl<T> Shared<T> {
    fn set(&self, unit: usize, state: Unit<T>) {
        if let Some(slot) = self.units.get(unit) {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            // What was given up stays so, even when its thread comes back.
            if !matches!(*slot, Unit::Done(_)) {
                *slot = state;
            }
        }
    }

    fn give_up_taken(&self, lost: &Lost) {
        for slot in &self.units {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if matches!(*slot, Unit::Taken) {
                *slot = Unit::Done(Err(lost.clone()));
            }
        }
    }

    /// The results; what is not done is lost.
    fn results(&self, lost: &Lost) -> Vec<Result<T, Lost>> {
        let result = |slot: &Mutex<Unit<T>>| {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            match std::mem::replace(&mut *slot, Unit::Done(Err(lost.clone()))) {
                Unit::Done(result) => result,
                Unit::Waiting | Unit::Taken => Err(lost.clone()),
            }
        };
        self.units.iter().map(result).collect()
    }
}

/// Does units 0 to `units` and returns what each gave, in their order. `alive` counts the target's answers; `watch` is
/// told now and then how many units are done.
pub(super) fn run<T: Send + 'static>(
    units: usize,
    patience: &Patience,
    alive: &dyn Fn() -> u64,
    watch: &dyn Fn(usize),
    work: Work<T>,
) -> Vec<Result<T, Lost>> {
    let shared = Arc::new(Shared {
        units: (0..units).map(|_| Mutex::new(Unit::Waiting)).collect(),
        next: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
    });
    let crew = &patience.crew;
    let workers = patience.jobs.clamp(1, units.max(1));
    while shared.next.load(Ordering::Relaxed) < units {
        let (through, all_through) = channel::<()>();
        let given_up = Arc::new(AtomicBool::new(false));
        for _ in 0..workers {
            let (work, shared, given_up) = (Arc::clone(&work), Arc::clone(&shared), Arc::clone(&given_up));
            let (through, patience) = (through.clone(), patience.clone());
            crew.spawn(move || {
                take_units(&work, &shared, &given_up, &patience);
                drop(through);
            });
        }
        drop(through);
        let mut sign = (alive(), shared.done.load(Ordering::Relaxed));
        let mut last_sign = Instant::now();
        // Nothing is ever sent: the channel closes when the last worker is through.
        while let Err(RecvTimeoutError::Timeout) = all_through.recv_timeout(GLANCE) {
            if patience.started.elapsed() > patience.whole {
                given_up.store(true, Ordering::Relaxed);
                return shared.results(&Lost::TimedOut(patience.whole));
            }
            let now = (alive(), shared.done.load(Ordering::Relaxed));
            watch(now.1);
            if now != sign {
                (sign, last_sign) = (now, Instant::now());
            } else if last_sign.elapsed() > patience.stall {
                given_up.store(true, Ordering::Relaxed);
                shared.give_up_taken(&Lost::Hung(patience.stall));
                if let Err(lost) = patience.crew.replace(workers) {
                    return shared.results(&lost);
                }
                break;
            }
        }
    }
    shared.results(&Lost::Crashed)
}

fn take_units<T>(work: &Work<T>, shared: &Shared<T>, given_up: &AtomicBool, patience: &Patience) {
    while !given_up.load(Ordering::Relaxed) {
        let unit = shared.next.fetch_add(1, Ordering::Relaxed);
        if unit >= shared.units.len() {
            return;
        }
        shared.set(unit, Unit::Taken);
        let result = catch_unwind(AssertUnwindSafe(|| work(unit))).map_err(|_| Lost::Crashed);
        // The process may have been stopped meanwhile, by somebody who changed the target in that time.
        let late = patience.started.elapsed() > patience.whole;
        shared.set(unit, Unit::Done(if late { Err(Lost::TimedOut(patience.whole)) } else { result }));
        shared.done.fetch_add(1, Ordering::Relaxed);
    }
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
        let results = run(6, &patience(2, 200, 60_000), &|| 0, &|_| {}, work);
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
        let results = run(3, &patience(1, 60_000, 2_000), &|| 0, &|_| {}, work);
        let late = || Err(Lost::TimedOut(Duration::from_millis(2_000)));
        assert_eq!(results, [Err(Lost::Crashed), late(), late()]);
    }

    #[test]
    fn what_is_done_after_the_deadline_does_not_count() {
        let results = run(2, &patience(1, 60_000, 0), &|| 0, &|_| {}, Arc::new(|unit| unit));
        assert_eq!(results, [const { Err(Lost::TimedOut(Duration::ZERO)) }; 2]);
    }
}
