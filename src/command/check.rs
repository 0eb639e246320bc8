//! `assay check`: profiles are loaded and nothing else.

use serde_json::json;

use crate::cli::{Check, CheckFormat};
use crate::command::{code_of, complain_all, given_inputs, print, usage};
use crate::exit_code::ExitCode;
use crate::profile::{Loaded, Problem, compile, nearest, read};

pub(super) fn run(arguments: &Check) -> ExitCode {
    let inputs = match given_inputs(&arguments.input, &arguments.input_file) {
        Ok(inputs) => inputs,
        Err(code) => return code,
    };
    let mut files = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    for profile in &arguments.profiles {
        match read(profile) {
            Ok(read) => files.push(read),
            Err(mut found) => problems.append(&mut found),
        }
    }
    let loaded = match compile(&files, &inputs) {
        Ok(loaded) => loaded,
        Err(mut found) => {
            problems.append(&mut found);
            Loaded::default()
        }
    };
    if let Some(name) = loaded.unknown_values.first() {
        let near = nearest(name, loaded.input_names.iter().map(String::as_str));
        let help = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return usage(&format_args!("--input: no profile has an input `{name}`{help}"));
    }
    let text = match arguments.format {
        CheckFormat::Text if problems.is_empty() => text(&loaded),
        CheckFormat::Text => {
            complain_all(&problems);
            return code_of(&problems, &inputs);
        }
        CheckFormat::Json => json(&loaded, &problems),
    };
    match print(&text) {
        ExitCode::Success if !problems.is_empty() => code_of(&problems, &inputs),
        code => code,
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
