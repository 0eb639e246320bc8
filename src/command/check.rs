//! `assay check`: profiles are loaded and nothing else.

use serde_json::json;

use crate::cli::{Check, CheckFormat};
use crate::command::profiles::Profiles;
use crate::command::{code_of, complain_all, print};
use crate::exit_code::ExitCode;
use crate::profile::{Loaded, Problem, read_waivers};

pub(super) fn run(arguments: &Check) -> ExitCode {
    let profiles = Profiles::read(&arguments.profiles);
    let inputs = match profiles.inputs(&arguments.input, &arguments.input_file) {
        Ok(inputs) => inputs,
        Err(code) => return code,
    };
    let (loaded, mut problems) = match profiles.compile(&inputs) {
        Ok(compiled) => compiled,
        Err(code) => return code,
    };
    // Waivers of archives are the auditor's word, as inputs are.
    let waivers = profiles.files.iter().flat_map(|profile| &profile.waivers);
    let wrong: Vec<Problem> = waivers.filter_map(|file| read_waivers(file).err()).flatten().collect();
    let code = if wrong.is_empty() { code_of(&problems, &inputs) } else { ExitCode::Usage };
    problems.extend(wrong);
    let text = match arguments.format {
        CheckFormat::Text if problems.is_empty() => text(&loaded),
        CheckFormat::Text => {
            complain_all(&problems);
            return code;
        }
        CheckFormat::Json => json(&loaded, &problems),
    };
    match print(&text) {
        ExitCode::Success if !problems.is_empty() => code,
        printed => printed,
    }
}

fn text(loaded: &Loaded) -> String {
    let line = |profile: &crate::profile::Profile| {
        let count = profile.controls.len();
        let controls = if count == 1 { "control" } else { "controls" };
        format!("{} {}: {count} {controls}, no errors\n", profile.name, profile.version)
    };
    loaded.profiles.iter().map(line).collect()
}

fn json(loaded: &Loaded, problems: &[Problem]) -> String {
    let profiles = loaded.profiles.iter().map(|profile| {
        let controls: Vec<&str> = profile.controls.iter().map(|control| control.facts.id.as_str()).collect();
        json!({ "name": profile.name, "version": profile.version, "sha256": profile.sha256, "controls": controls })
    });
    let errors = problems.iter().map(|problem| {
        let (line, column) = problem.place.as_ref().map(crate::profile::Place::position).unzip();
        json!({
            "file": problem.place.as_ref().map(crate::profile::Place::file),
            "line": line,
            "column": column,
            "message": problem.message,
            "help": problem.help,
        })
    });
    let whole = json!({
        "valid": problems.is_empty(),
        "profiles": profiles.collect::<Vec<_>>(),
        "errors": errors.collect::<Vec<_>>(),
    });
    format!("{whole:#}\n")
}
