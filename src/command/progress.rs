//! How far a long scan is, in one line that goes away: only for people at a terminal, and only when they wait.

use std::cell::RefCell;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::evaluate::Progress;

/// Before this, nobody wonders.
const PATIENCE: Duration = Duration::from_secs(1);

/// To the start of the line, and the line is empty.
const ERASE: &str = "\r\x1b[2K";

pub(crate) struct ProgressLine {
    started: Instant,
    is_on: bool,
    drawn: RefCell<String>,
}

impl ProgressLine {
    pub(crate) fn new() -> ProgressLine {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let is_on = std::io::stderr().is_terminal() && !is_dumb;
        ProgressLine { started: Instant::now(), is_on, drawn: RefCell::default() }
    }

    pub(crate) fn draw(&self, progress: Progress) {
        self.write(words(progress));
    }

    /// Nothing has answered yet.
    pub(crate) fn waiting(&self) {
        self.write("waiting for the target's filesystem".to_owned());
    }

    /// How many bytes of an image were read, and of how many; 0 while that is not known.
    pub(crate) fn reading(&self, (done, of): (u64, u64)) {
        let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
        self.write(match of {
            0 => "looking into the archive".to_owned(),
            of => format!("reading the image: {} of {} MB", megabytes(done), megabytes(of)),
        });
    }

    /// What is waited for.
    #[cfg(feature = "launcher")]
    pub(crate) fn say(&self, what: &str) {
        self.write(what.to_owned());
    }

    /// Makes room for a line that stays.
    pub(crate) fn erase(&self) {
        if !self.drawn.borrow().is_empty() {
            let _ = write!(std::io::stderr().lock(), "{ERASE}");
            self.drawn.borrow_mut().clear();
        }
    }

    fn write(&self, text: String) {
        if self.is_on && self.started.elapsed() >= PATIENCE && *self.drawn.borrow() != text {
            let mut out = std::io::stderr().lock();
            let _ = write!(out, "{ERASE}{text}");
            let _ = out.flush();
            *self.drawn.borrow_mut() = text;
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.erase();
    }
}

fn words(progress: Progress) -> String {
    match progress {
        Progress::Walking(answers) => format!("walking through the target: {answers} questions answered"),
        Progress::Checking(done, of) => format!("{done} of {of} checks done"),
    }
}
