//! The commands: arguments as typed become arguments as meant, and results become messages and an exit code.

mod archive;
mod check;
mod container;
mod detect;
mod doctor;
mod image;
pub(crate) mod progress;
mod report;
pub(crate) mod reporters;
mod hold;
mod locate;
mod manual;
mod new;
pub(crate) mod profiles;
mod resources;
mod running;
mod sandbox;
mod scan;
mod target;
mod test;
mod threshold;
mod vendor;

use std::io::Write;
use std::sync::Arc;

use crate::cli::{Cli, Command};
use crate::exit_code::ExitCode;
use crate::outcome::AuditorFile;
use crate::profile::{GivenInputs, Problem, Source, read_source, schema};
use crate::protect::Start;
use crate::report::{Destination, Output};

#[cfg(feature = "launcher")]
pub(crate) use scan::{judged, waived};

/// The largest input file, waiver file, threshold or file of results.
const MAX_FILE: u64 = 1 << 30;

/// Runs a command.
pub fn run(cli: &Cli, start: Start) -> ExitCode {
    match &cli.command {
        Command::Scan(arguments) => scan::run(arguments, start),
        Command::Hold(arguments) => hold::run(arguments),
        Command::Release(arguments) => hold::release(arguments),
        Command::Locate(arguments) => locate::run(arguments),
        Command::Detect(arguments) => detect::run(arguments, start),
        Command::Doctor(arguments) => doctor::run(arguments, &start),
        Command::Check(arguments) => check::run(arguments),
        Command::Archive(arguments) => archive::run(arguments),
        Command::Vendor(arguments) => vendor::run(arguments),
        Command::Report(arguments) => report::run(arguments),
        Command::Resources(arguments) => resources::run(arguments),
        Command::Schema => print(&format!("{:#}\n", schema())),
        Command::New(arguments) => new::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Completions(arguments) => manual::completions(arguments.shell),
        Command::Man(arguments) => manual::page(arguments),
        Command::Threshold(arguments) => threshold::run(arguments),
    }
}

/// A message to the person at the terminal. There is nobody to tell when that fails.
pub(crate) fn complain(message: &dyn std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{message}");
}

/// All problems, and how many.
pub(crate) fn complain_all(problems: &[Problem]) {
    for problem in problems {
        complain(&format_args!("{problem}\n"));
    }
    let count = problems.len();
    complain(&format_args!("assay: {count} {}", if count == 1 { "error" } else { "errors" }));
}

/// What problems of profiles and inputs end with.
pub(crate) fn code_of(problems: &[Problem], inputs: &GivenInputs) -> ExitCode {
    if problems.iter().any(|problem| inputs.gave(problem)) { ExitCode::Usage } else { ExitCode::Profile }
}

/// Wrong usage: what, and what to do.
pub(crate) fn usage(message: &dyn std::fmt::Display) -> ExitCode {
    complain(&format_args!("error: {message}"));
    ExitCode::Usage
}

/// A text to standard output. A reader that went away has seen enough.
pub(crate) fn print(text: &str) -> ExitCode {
    print_bytes(text.as_bytes())
}

fn print_bytes(bytes: &[u8]) -> ExitCode {
    let output = Output::open(&Destination::Stdout);
    match output.and_then(|output| output.write(&|out| out.write_all(bytes))) {
        Err(error) if !error.is_broken_pipe() => {
            complain(&format_args!("error: {error}"));
            ExitCode::Internal
        }
        _ => ExitCode::Success,
    }
}

/// A file of the auditor.
pub(crate) fn read_file(role: &str, path: &str) -> Result<Arc<Source>, ExitCode> {
    read_source(path, MAX_FILE).map_err(|problem| usage(&format_args!("{role} {}", problem.message)))
}

/// The moment that SOURCE_DATE_EPOCH fixes, so that what is made is the same in each run.
fn source_date_epoch() -> Result<Option<i64>, String> {
    let Ok(text) = std::env::var("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds = text.parse().map_err(|_| format!("SOURCE_DATE_EPOCH must be seconds since 1970, not `{text}`"))?;
    Ok(Some(seconds))
}

/// What the report says of a file of the auditor.
pub(crate) fn auditor_file(role: &'static str, source: &Source) -> AuditorFile {
    AuditorFile { role, path: source.name.to_string(), sha256: source.sha256() }
}
