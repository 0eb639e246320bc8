//! `assay archive`: a checked profile becomes one file, with inputs and waivers.

use std::path::PathBuf;

use crate::cli::Archive;
use crate::command::profiles::Profiles;
use crate::command::{complain, complain_all, print, source_date_epoch, usage};
use crate::exit_code::ExitCode;
use crate::profile::{Problem, Profile, pack, read_waivers};
use crate::report::{Destination, Output};

pub(super) fn run(arguments: &Archive) -> ExitCode {
    match archive(arguments) {
        Ok(code) | Err(code) => code,
    }
}

fn archive(arguments: &Archive) -> Result<ExitCode, ExitCode> {
    let profiles = Profiles::read(std::slice::from_ref(&arguments.profile));
    let inputs = profiles.inputs(&[], &arguments.input_file)?;
    let waivers = profiles.waivers(&arguments.waiver_file)?;
    let loaded = profiles.load(&inputs)?;
    let wrong: Vec<Problem> = waivers.iter().filter_map(|file| read_waivers(file).err()).flatten().collect();
    if !wrong.is_empty() {
        complain_all(&wrong);
        return Err(ExitCode::Usage);
    }
    let ([files], [profile]) = (profiles.files.as_slice(), loaded.profiles.as_slice()) else {
        return Err(ExitCode::Internal);
    };
    let moment = source_date_epoch().map_err(|message| usage(&message))?.unwrap_or(0);
    let Ok(moment) = u32::try_from(moment) else {
        return Err(usage(&format_args!("SOURCE_DATE_EPOCH: an archive has no room for the moment {moment}")));
    };
    let bytes = pack(files, &inputs.files, &waivers, moment).map_err(|problem| {
        complain_all(&[problem]);
        ExitCode::Profile
    })?;
    let destination = destination(arguments, profile)?;
    let output = Output::open(&destination).map_err(|error| usage(&error))?;
    let written = output.write(&|out| out.write_all(&bytes));
    match (written, destination) {
        (Err(error), _) if error.is_broken_pipe() => Ok(ExitCode::Success),
        (Err(error), _) => {
            complain(&format_args!("error: {error}"));
            Err(ExitCode::Internal)
        }
        // What is no file may be standard output under another name.
        (Ok(()), Destination::File(path)) if output.folder().is_some() => Ok(print(&format!(
            "{}: {}, {}, {}, sha256 {}\n",
            path.display(),
            format!("{} {}", profile.name, profile.version).trim_end(),
            counted(inputs.files.len(), "input file"),
            counted(waivers.len(), "waiver file"),
            profile.sha256
        ))),
        (Ok(()), _) => Ok(ExitCode::Success),
    }
}

/// Where the archive goes; a file that is there stays, if not told otherwise.
fn destination(arguments: &Archive, profile: &Profile) -> Result<Destination, ExitCode> {
    let path = match &arguments.output {
        Some(path) if path.as_os_str() == "-" => return Ok(Destination::Stdout),
        Some(path) => path.clone(),
        None => file_name(profile).ok_or_else(|| {
            usage(&format_args!("the name of profile {} makes no file name; give one: -o FILE.tar", profile.name))
        })?,
    };
    if path.is_file() && !arguments.force {
        return Err(usage(&format_args!("{} is there already; --force replaces it", path.display())));
    }
    Ok(Destination::File(path))
}

/// The profile's name, where nothing in it could mean another place or an option.
fn file_name(profile: &Profile) -> Option<PathBuf> {
    let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
    let sound = profile.name.starts_with(|char: char| char.is_ascii_alphanumeric()) && profile.name.chars().all(plain);
    sound.then(|| PathBuf::from(format!("{}.tar", profile.name)))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
