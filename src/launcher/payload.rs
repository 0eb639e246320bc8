//! What the agent gets on standard input: a profile that is known to load, with its inputs and waivers, as one archive.

use std::sync::Arc;

use crate::command::profiles::Profiles;
use crate::command::{complain_all, usage};
use crate::exit_code::ExitCode;
use crate::launcher::cli::Common;
use crate::outcome::InputFacts;
use crate::profile::{Problem, Source, pack, read_waivers};

/// What is sent.
pub struct Payload {
    /// The profile, with its inputs and waivers.
    pub bytes: Vec<u8>,
    /// The profile alone, which may be left in the cluster.
    profile: Vec<u8>,
    threshold: Vec<u8>,
}

impl Payload {
    /// The profile as a file, without inputs, which may be secret.
    pub fn file(&self) -> (String, Vec<u8>) {
        ("profile.tar".to_owned(), self.profile.clone())
    }

    /// The threshold as a file.
    pub fn threshold_file(&self) -> (String, Vec<u8>) {
        ("threshold.yml".to_owned(), self.threshold.clone())
    }
}

/// Reads and compiles the profile, so that every mistake in it is told before anything is made.
///
/// Errors: it was told what is wrong.
pub fn payload(common: &Common, threshold: Option<&Source>) -> Result<Payload, ExitCode> {
    let profiles = Profiles::read(std::slice::from_ref(&common.profile));
    let mut inputs = profiles.inputs(&common.input, &common.input_file)?;
    let waivers = profiles.waivers(&common.waiver_file)?;
    let loaded = profiles.load(&inputs)?;
    let wrong: Vec<Problem> = waivers.iter().filter_map(|file| read_waivers(file).err()).flatten().collect();
    if !wrong.is_empty() {
        complain_all(&wrong);
        return Err(ExitCode::Usage);
    }
    for name in &loaded.unused_inputs {
        crate::command::complain(&format_args!("warning: no profile has the input `{name}` of an input file"));
    }
    let ([files], [profile]) = (profiles.files.as_slice(), loaded.profiles.as_slice()) else {
        return Err(usage(&"one profile is scanned at a time"));
    };
    if let Some(values) = as_file(&inputs.values, &profile.inputs) {
        inputs.files.push(Arc::new(Source::new("command-line.yaml", values)));
    }
    let packed = |inputs: &[Arc<Source>], waivers: &[Arc<Source>]| {
        pack(files, inputs, waivers, 0).map_err(|problem| {
            complain_all(&[problem]);
            ExitCode::Profile
        })
    };
    Ok(Payload {
        bytes: packed(&inputs.files, &waivers)?,
        // An archive that was given has inputs of its own, which stay where they are.
        profile: if files.inputs.is_empty() { packed(&[], &[])? } else { Vec::new() },
        threshold: threshold.map_or_else(Vec::new, |source| source.text.clone().into_bytes()),
    })
}

/// Values of the command line as an input file that says the same: an agent's arguments are seen by others, a file is not.
fn as_file(values: &[(String, String)], inputs: &[InputFacts]) -> Option<String> {
    let mut text = String::new();
    for input in inputs {
        let Some((_, value)) = values.iter().rev().find(|(name, _)| *name == input.name) else { continue };
        // Lists and maps are YAML already; the rest is a text, however it looks.
        let yaml = matches!(input.kind, "Array" | "Hash");
        let value = if yaml {
            value.lines().map(|line| format!("\n  {line}")).collect::<String>()
        } else {
            format!(" {}", serde_json::Value::from(value.as_str()))
        };
        text.push_str(&format!("{}:{value}\n", input.name));
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_what_they_were_typed_as() {
        let input = |name: &str, kind: &'static str| InputFacts {
            name: name.to_owned(),
            kind,
            value: None,
            description: String::new(),
            required: false,
        };
        let inputs = [input("mode", "String"), input("users", "Array")];
        let values = [("users", "[root, 0640]"), ("mode", "0640"), ("mode", "no \"quotes\"")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let text = "mode: \"no \\\"quotes\\\"\"\nusers:\n  [root, 0640]\n";
        assert_eq!(as_file(&values, &inputs).as_deref(), Some(text));
        assert_eq!(as_file(&[], &inputs), None);
    }
}
