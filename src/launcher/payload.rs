//! What the agent gets on standard input: a profile that is known to load.

use crate::command::{given_inputs, load, usage};
use crate::exit_code::ExitCode;
use crate::launcher::cli::Common;

/// The bytes that are sent.
pub struct Payload(pub Vec<u8>);

/// Reads and compiles the profile, so that every mistake in it is told before anything is made.
///
/// Errors: it was told what is wrong.
#[expect(clippy::disallowed_methods, reason = "the auditor's own files")]
pub fn payload(common: &Common) -> Result<Payload, ExitCode> {
    let inputs = given_inputs(&common.input, &common.input_file)?;
    load(std::slice::from_ref(&common.profile), &inputs)?;
    if !common.waiver_file.is_empty() || !common.input.is_empty() || !common.input_file.is_empty() {
        return Err(usage(&"inputs and waivers cannot be sent to an agent yet"));
    }
    std::fs::read(&common.profile).map(Payload).map_err(|error| usage(&format_args!("{}: {error}", common.profile)))
}
