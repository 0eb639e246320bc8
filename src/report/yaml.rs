//! HDF in YAML: the keys of the JSON in the same order.

use std::io::{self, Write};

use serde::Serialize;

use crate::outcome::Report;
use crate::report::hdf::WireReport;
use crate::threshold::Verdict;

pub(super) fn write(report: &Report, verdict: Option<&Verdict>, out: &mut dyn Write) -> io::Result<()> {
    write_value(&WireReport { report, verdict }, out)
}

/// JSON in YAML.
pub(super) fn write_json(text: &str, out: &mut dyn Write) -> io::Result<()> {
    // JSON's own tree would sort the keys.
    let value: serde_yaml::Value = serde_json::from_str(text)?;
    write_value(&value, out)
}

fn write_value(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_yaml::to_writer(out, value).map_err(io::Error::other)
}
