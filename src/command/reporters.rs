//! `--reporter cli json:FILE …`: formats and places, opened before there is anything to write.

use std::io::{self, IsTerminal, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::command::{complain, usage};
use crate::exit_code::ExitCode;
use crate::profile::nearest;
use crate::report::{Destination, Format, Output};

pub(crate) struct Reporters {
    reporters: Vec<(Format, Output)>,
    color: bool,
    /// Says that all files of a folder of results are there.
    complete: Option<Output>,
}

/// The files of a folder of results.
const RESULTS: [(&str, Format); 2] = [("scan-results.json", Format::Json), ("scan-summary.md", Format::Markdown)];
const THRESHOLD_RESULT: &str = "threshold-result.txt";
/// It is written last, with the exit code.
const COMPLETE: &str = "complete";

impl Reporters {
    pub(crate) fn open(reporters: &[String], no_color: bool) -> Result<Reporters, ExitCode> {
        let mut opened = Vec::new();
        for (format, destination) in destinations(reporters)? {
            opened.push((format, Output::open(&destination).map_err(|error| usage(&error))?));
        }
        let color = !no_color
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && io::stdout().is_terminal();
        Ok(Reporters { reporters: opened, color, complete: None })
    }

    /// The same, and a folder of results, which is made where it is missing.
    pub(crate) fn with_results(mut self, folder: &Path, threshold: bool) -> Result<Reporters, ExitCode> {
        let unusable = |error: &io::Error| usage(&format_args!("results folder {}: {error}", folder.display()));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| unusable(&error))?;
        // What an earlier run left must not pass for the results of this one.
        for name in RESULTS.map(|(name, _)| name).into_iter().chain([THRESHOLD_RESULT, COMPLETE]) {
            #[expect(clippy::disallowed_methods, reason = "the auditor's own folder")]
            match std::fs::remove_file(folder.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(&error)),
                _ => {}
            }
        }
        let open = |name: &str| Output::open(&Destination::File(folder.join(name))).map_err(|error| usage(&error));
        for (name, format) in RESULTS {
            self.reporters.push((format, open(name)?));
        }
        if threshold {
            self.reporters.push((Format::ThresholdResult, open(THRESHOLD_RESULT)?));
        }
        self.complete = Some(open(COMPLETE)?);
        Ok(self)
    }

    /// Says, where results have a folder, that all of them are there, and how the run ends.
    pub(crate) fn conclude(&self, code: ExitCode) -> ExitCode {
        let Some(complete) = self.complete.as_ref().filter(|_| code != ExitCode::Internal) else { return code };
        match complete.write(&|out| writeln!(out, "EXIT_CODE={}", code as u8)) {
            Ok(()) => code,
            Err(error) => {
                complain(&format_args!("error: {error}"));
                ExitCode::Internal
            }
        }
    }

    /// Puts what goes to standard output into a frame.
    pub(crate) fn framed(mut self) -> Result<Reporters, ExitCode> {
        let stdout = self.reporters.iter_mut().find(|(_, output)| output.is_stdout());
        let Some((_, output)) = stdout else {
            return Err(usage(&"--framed is about standard output; give a reporter without a file: --reporter json"));
        };
        *output = Output::open(&Destination::Frame).map_err(|error| usage(&error))?;
        Ok(self)
    }

    /// The folders in which reports are made.
    pub(crate) fn folders(&self) -> Vec<BorrowedFd<'_>> {
        let outputs = self.reporters.iter().map(|(_, output)| output).chain(&self.complete);
        outputs.filter_map(Output::folder).collect()
    }

    /// Writes every report; `render` gets the format, whether the terminal has colours, and the place.
    pub(crate) fn write(&self, render: impl Fn(Format, bool, &mut dyn Write) -> io::Result<()>) -> ExitCode {
        let mut code = ExitCode::Success;
        for (format, output) in &self.reporters {
            match output.write(&|out| render(*format, self.color, out)) {
                Err(error) if !error.is_broken_pipe() => {
                    complain(&format_args!("error: {error}"));
                    code = ExitCode::Internal;
                }
                _ => {}
            }
        }
        code
    }
}

/// `cli json:FILE …` as formats and places.
fn destinations(reporters: &[String]) -> Result<Vec<(Format, Destination)>, ExitCode> {
    let mut destinations: Vec<(Format, Destination)> = Vec::new();
    for reporter in reporters {
        let (name, file) = match reporter.split_once(':') {
            Some((name, file)) if !file.is_empty() => (name, Destination::File(PathBuf::from(file))),
            Some((name, _)) => (name, Destination::Stdout),
            None => (reporter.as_str(), Destination::Stdout),
        };
        let Some((_, format)) = Format::ALL.iter().find(|(known, _)| *known == name) else {
            let known = Format::ALL.map(|(known, _)| known);
            let help = match nearest(name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}; profiles stand before --reporter", known.join(", ")),
            };
            return Err(usage(&format_args!("unknown reporter `{name}`; {help}")));
        };
        if destinations.iter().any(|(_, known)| *known == file) {
            let place = match &file {
                Destination::Stdout | Destination::Frame => "standard output".to_owned(),
                Destination::File(path) => path.display().to_string(),
            };
            return Err(usage(&format_args!("two reporters write to {place}; give one a file: {name}:FILE")));
        }
        destinations.push((*format, file));
    }
    Ok(destinations)
}
