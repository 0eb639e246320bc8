//! Reports: each format has one function that writes it. What comes from a target is made harmless where it meets a
//! terminal or Markdown; JSON keeps it without loss.

mod cli;
mod harmless;
mod hdf;
mod markdown;
mod output;

use std::io::{self, Write};

use crate::outcome::Report;
use crate::threshold::Verdict;

pub use hdf::{ReadError, read};
pub use output::{Destination, Output, OutputError};

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    Cli,
    /// HDF: InSpec's exec-json.
    Json,
    /// A summary in Markdown.
    Markdown,
}

impl Format {
    /// All formats by the names that `--reporter` takes.
    pub const ALL: [(&'static str, Format); 3] =
        [("cli", Format::Cli), ("json", Format::Json), ("markdown", Format::Markdown)];
}

/// Writes a report; `color` concerns terminals only.
pub fn write(
    format: Format,
    report: &Report,
    verdict: Option<&Verdict>,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Cli => cli::write(report, verdict, color, out),
        Format::Json => hdf::write(report, verdict, out),
        Format::Markdown => markdown::write(report, verdict, out),
    }
}
