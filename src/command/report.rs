//! `assay report`: results that are there are rendered again.

use crate::cli::Report;
use crate::command::reporters::Reporters;
use crate::command::{read_file, usage};
use crate::exit_code::ExitCode;
use crate::report::{read, write_again};

pub(super) fn run(arguments: &Report) -> ExitCode {
    match render(arguments) {
        Ok(code) | Err(code) => code,
    }
}

fn render(arguments: &Report) -> Result<ExitCode, ExitCode> {
    let source = read_file("results", &arguments.results)?;
    let reporters = Reporters::open(&arguments.reporter, arguments.no_color)?;
    let (report, verdict) =
        read(&source.text).map_err(|error| usage(&format_args!("results {}: {error}", arguments.results)))?;
    Ok(reporters.write(|format, color, out| write_again(format, &source.text, &report, verdict.as_ref(), color, out)))
}
