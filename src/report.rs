//! Reports: each format has one function that writes it. What comes from a target is made harmless where it meets a
//! terminal, Markdown, XML or HTML; JSON and YAML keep it without loss.

mod cli;
pub mod detection;
mod harmless;
mod hdf;
mod html;
mod json_min;
mod junit;
mod markdown;
mod output;
mod sarif;
mod trust;
mod yaml;

use std::io::{self, Write};

use crate::outcome::Report;
use crate::threshold::Verdict;

pub(crate) use harmless::line as harmless_line;
pub use hdf::{ReadError, read};
pub use output::{Destination, Output, OutputError};

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    Cli,
    /// One page for people, with search.
    Html,
    /// HDF: InSpec's exec-json.
    Json,
    /// InSpec's json-min.
    JsonMin,
    /// Test results for CI systems.
    Junit,
    /// A summary in Markdown.
    Markdown,
    /// Findings for code scanning.
    Sarif,
    /// HDF in YAML.
    Yaml,
    /// One line for scripts: whether the threshold is met.
    ThresholdResult,
}

impl Format {
    /// All formats by the names that `--reporter` takes.
    pub const ALL: [(&'static str, Format); 8] = [
        ("cli", Format::Cli),
        ("html", Format::Html),
        ("json", Format::Json),
        ("json-min", Format::JsonMin),
        ("junit", Format::Junit),
        ("markdown", Format::Markdown),
        ("sarif", Format::Sarif),
        ("yaml", Format::Yaml),
    ];
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
        Format::Html => html::write(report, verdict, out),
        Format::Json => hdf::write(report, verdict, out),
        Format::JsonMin => json_min::write(report, out),
        Format::Junit => junit::write(report, out),
        Format::Markdown => markdown::write(report, verdict, out),
        Format::Sarif => sarif::write(report, out),
        Format::Yaml => yaml::write(report, verdict, out),
        // The exit code of SAF's own check, as scripts ask for it.
        Format::ThresholdResult => {
            writeln!(out, "THRESHOLD_RESULT={}", u8::from(!verdict.is_some_and(Verdict::is_met)))
        }
    }
}

/// Writes a report that was read from HDF; `hdf` is that text, for the formats that lose nothing of it.
pub fn write_again(
    format: Format,
    hdf: &str,
    report: &Report,
    verdict: Option<&Verdict>,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Json => out.write_all(hdf.as_bytes()),
        Format::Yaml => yaml::write_json(hdf, out),
        format => write(format, report, verdict, color, out),
    }
}
