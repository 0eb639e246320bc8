//! `assay threshold check` and `assay threshold generate`, on results in HDF of any tool.

use crate::cli::{Threshold as Command, ThresholdCheck, ThresholdGenerate};
use crate::command::{complain, read_file, usage};
use crate::exit_code::ExitCode;
use crate::outcome::Report;
use crate::report::{Destination, Output, read};
use crate::threshold::{count_report, generate, parse, parse_inline};

pub(super) fn run(command: &Command) -> ExitCode {
    let code = match command {
        Command::Check(arguments) => check(arguments),
        Command::Generate(arguments) => generate_from(arguments),
    };
    match code {
        Ok(code) | Err(code) => code,
    }
}

fn results(path: &str) -> Result<Report, ExitCode> {
    let source = read_file("results", path)?;
    let (report, _) = read(&source.text).map_err(|error| usage(&format_args!("results {path}: {error}")))?;
    Ok(report)
}

fn check(arguments: &ThresholdCheck) -> Result<ExitCode, ExitCode> {
    let report = results(&arguments.input)?;
    let threshold = match (&arguments.template_file, &arguments.template_inline) {
        (Some(path), _) => {
            let source = read_file("threshold", path)?;
            parse(&source.text).map_err(|error| usage(&format_args!("threshold {path}: {error}")))?
        }
        (None, inline) => {
            let text = inline.as_deref().unwrap_or_default();
            parse_inline(text).map_err(|error| usage(&format_args!("threshold: {error}")))?
        }
    };
    let verdict = threshold.judge_report(&report);
    if verdict.is_met() {
        print(&Destination::Stdout, "Threshold met\n")?;
        return Ok(ExitCode::Success);
    }
    complain(&"Threshold not met");
    for violation in &verdict.violations {
        complain(&format_args!("  {violation}"));
    }
    Ok(ExitCode::Threshold)
}

fn generate_from(arguments: &ThresholdGenerate) -> Result<ExitCode, ExitCode> {
    let text = generate(&count_report(&results(&arguments.input)?), arguments.exact, arguments.control_ids);
    let destination = arguments.output.clone().map_or(Destination::Stdout, Destination::File);
    print(&destination, &text)?;
    Ok(ExitCode::Success)
}

fn print(destination: &Destination, text: &str) -> Result<(), ExitCode> {
    let output = Output::open(destination).map_err(|error| usage(&error))?;
    match output.write(&|out| out.write_all(text.as_bytes())) {
        Err(error) if !error.is_broken_pipe() => {
            complain(&format_args!("error: {error}"));
            Err(ExitCode::Internal)
        }
        _ => Ok(()),
    }
}
