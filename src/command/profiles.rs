//! The profiles of a command line, with the inputs and waivers that lie in their archives.

use std::sync::Arc;

use crate::command::{code_of, complain_all, read_file, usage};
use crate::exit_code::ExitCode;
use crate::profile::{GivenInputs, Loaded, Problem, ProfileFiles, Source, compile, nearest, read};

/// Profiles whose files could be read, and what is wrong with the others.
#[derive(Default)]
pub(crate) struct Profiles {
    pub(crate) files: Vec<ProfileFiles>,
    problems: Vec<Problem>,
}

impl Profiles {
    pub(crate) fn read(given: &[String]) -> Profiles {
        let mut profiles = Profiles::default();
        for given in given {
            match read(given) {
                Ok(files) => profiles.files.push(files),
                Err(mut problems) => profiles.problems.append(&mut problems),
            }
        }
        profiles
    }

    /// The inputs of archives, then those of a command line.
    pub(crate) fn inputs(&self, values: &[String], files: &[String]) -> Result<GivenInputs, ExitCode> {
        let archived = self.files.iter().flat_map(|profile| profile.inputs.iter().cloned());
        let mut given = GivenInputs { files: archived.collect(), values: Vec::new() };
        for value in values {
            match value.split_once('=') {
                Some((name, value)) if !name.is_empty() => given.values.push((name.to_owned(), value.to_owned())),
                _ => return Err(usage(&format_args!("--input takes NAME=VALUE, not `{value}`"))),
            }
        }
        for file in files {
            given.files.push(read_file("input file", file)?);
        }
        Ok(given)
    }

    /// The waiver files of archives, then those of a command line.
    pub(crate) fn waivers(&self, files: &[String]) -> Result<Vec<Arc<Source>>, ExitCode> {
        let mut given: Vec<_> = self.files.iter().flat_map(|profile| profile.waivers.iter().cloned()).collect();
        for file in files {
            given.push(read_file("waiver file", file)?);
        }
        Ok(given)
    }

    /// Compiles them; with problems, nothing has loaded.
    ///
    /// Errors: a value on the command line for an input that no profile has.
    pub(crate) fn compile(&self, inputs: &GivenInputs) -> Result<(Loaded, Vec<Problem>), ExitCode> {
        let mut problems = self.problems.clone();
        let loaded = compile(&self.files, inputs).unwrap_or_else(|mut found| {
            problems.append(&mut found);
            Loaded::default()
        });
        match loaded.unknown_values.first() {
            Some(name) if problems.is_empty() => {
                let near = nearest(name, loaded.input_names.iter().map(String::as_str));
                let help = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                Err(usage(&format_args!("--input: no profile has an input `{name}`{help}")))
            }
            _ => Ok((loaded, problems)),
        }
    }

    /// The same; problems are reported.
    pub(crate) fn load(&self, inputs: &GivenInputs) -> Result<Loaded, ExitCode> {
        match self.compile(inputs)? {
            (loaded, problems) if problems.is_empty() => Ok(loaded),
            (_, problems) => {
                complain_all(&problems);
                Err(code_of(&problems, inputs))
            }
        }
    }
}
