//! An image that is read while somebody waits: they see how far it is, and wait for no filesystem that does not answer.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::command::progress::ProgressLine;
use crate::rootfs::{Image, ImageChoice, ImageError, Reading};

/// How often is looked how far it is.
const GLANCE: Duration = Duration::from_millis(50);

/// Reads an image in a thread of its own, which is left behind when for so long nothing is read.
///
/// Errors: those of [`Image::open`]; the filesystem does not answer.
pub(super) fn read(
    archive: &Path,
    choice: &ImageChoice,
    deadline: Instant,
    patience: Duration,
) -> Result<Image, ImageError> {
    let unusable = |why: String| ImageError::Unusable { place: String::new(), why: why.into() };
    let reading = Arc::new(Reading::default());
    let (answer, answered) = channel();
    let (archive, choice, shared) = (archive.to_owned(), choice.clone(), Arc::clone(&reading));
    // Nobody waits for the answer any more when it comes too late.
    let read = move || drop(answer.send(Image::open(&archive, &choice, deadline, &shared)));
    std::thread::Builder::new().spawn(read).map_err(|error| unusable(error.to_string()))?;
    let line = ProgressLine::new();
    let (mut steps, mut last_step) = (reading.steps(), Instant::now());
    loop {
        match answered.recv_timeout(GLANCE) {
            Ok(image) => return image,
            Err(RecvTimeoutError::Disconnected) => return Err(unusable("reading it made assay crash".to_owned())),
            Err(RecvTimeoutError::Timeout) => {}
        }
        line.reading(reading.bytes());
        if reading.steps() != steps {
            (steps, last_step) = (reading.steps(), Instant::now());
        } else if last_step.elapsed() > patience {
            return Err(unusable(format!("its filesystem did not answer within {} s", patience.as_secs())));
        }
    }
}
