//! What a run tells while it goes: with -v each step and its time, on a terminal one line that goes away.

use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::command::progress::ProgressLine;

/// The steps of a run.
pub struct Steps {
    verbose: bool,
    started: Instant,
    last: Mutex<Instant>,
    line: ProgressLine,
}

impl Steps {
    /// The run begins now.
    pub fn new(verbose: bool) -> Steps {
        let now = Instant::now();
        Steps { verbose, started: now, last: Mutex::new(now), line: ProgressLine::new() }
    }

    /// What is waited for now.
    pub fn waiting(&self, what: &str) {
        if !self.verbose {
            self.line.say(what);
        }
    }

    /// A step was done.
    pub fn done(&self, what: &str) {
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let took = now.duration_since(*last);
        *last = now;
        if self.verbose {
            let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
            let whole = milliseconds(now.duration_since(self.started));
            tell(&format_args!("{whole:7.0} ms  +{:5.0}  {what}", milliseconds(took)));
        }
    }

    /// A remark that is told in any case.
    pub fn remark(&self, what: &dyn std::fmt::Display) {
        self.line.erase();
        tell(what);
    }
}

/// A line for the person at the terminal. There is nobody to tell when that fails.
pub fn tell(what: &dyn std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{what}");
}
