//! What the agent gets on standard input: a profile that is known to load.

use crate::command::{given_inputs, load, usage};
use crate::exit_code::ExitCode;
use crate::launcher::cli::Common;
use crate::profile::Source;

/// What is sent.
pub struct Payload {
    /// The profile, with its inputs and waivers.
    pub bytes: Vec<u8>,
    threshold: Vec<u8>,
}

impl Payload {
    /// The profile as a file.
    pub fn file(&self) -> (String, Vec<u8>) {
        ("profile.yaml".to_owned(), self.bytes.clone())
    }

    /// The threshold as a file.
    pub fn threshold_file(&self) -> (String, Vec<u8>) {
        ("threshold.yml".to_owned(), self.threshold.clone())
    }
}

/// Reads and compiles the profile, so that every mistake in it is told before anything is made.
///
/// Errors: it was told what is wrong.
#[expect(clippy::disallowed_methods, reason = "the auditor's own files")]
pub fn payload(common: &Common, threshold: Option<&Source>) -> Result<Payload, ExitCode> {
    let inputs = given_inputs(&common.input, &common.input_file)?;
    load(std::slice::from_ref(&common.profile), &inputs)?;
    if !common.waiver_file.is_empty() || !common.input.is_empty() || !common.input_file.is_empty() {
        return Err(usage(&"inputs and waivers cannot be sent to an agent yet"));
    }
    let bytes = std::fs::read(&common.profile).map_err(|error| usage(&format_args!("{}: {error}", common.profile)))?;
    Ok(Payload { bytes, threshold: threshold.map_or_else(Vec::new, |source| source.text.clone().into_bytes()) })
}
