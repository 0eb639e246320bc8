//! `assay vendor`: the profiles that one builds on are put into its folder, one archive each, so that a scan reads them
//! from there, and from nowhere else.

use std::path::Path;

use crate::cli::Vendor;
use crate::command::{complain, complain_all, print, usage};
use crate::exit_code::ExitCode;
use crate::profile::{nearest, pack, read_dependencies};
use crate::report::{Destination, Output};

pub(super) fn run(arguments: &Vendor) -> ExitCode {
    match vendor(arguments) {
        Ok(code) | Err(code) => code,
    }
}

fn vendor(arguments: &Vendor) -> Result<ExitCode, ExitCode> {
    let profile = Path::new(&arguments.profile);
    if !profile.is_dir() {
        return Err(usage(&format_args!("{}: copies are kept in the folder of a profile", profile.display())));
    }
    let mut from = Vec::new();
    for given in &arguments.from {
        match given.split_once('=') {
            Some((name, file)) if !name.is_empty() && !file.is_empty() => from.push((name.to_owned(), file.to_owned())),
            _ => return Err(usage(&format_args!("--from takes NAME=PROFILE, not `{given}`"))),
        }
    }
    let files = read_dependencies(&arguments.profile, &from).map_err(|problems| {
        complain_all(&problems);
        ExitCode::Profile
    })?;
    let known = || files.depends().iter().map(|(name, _)| name.as_str());
    if let Some((name, _)) = from.iter().find(|(name, _)| known().all(|known| known != name)) {
        let near = nearest(name, known()).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return Err(usage(&format_args!("--from: the profile does not depend on `{name}`{near}")));
    }
    let folder = profile.join("vendor");
    let mut done = String::new();
    for (name, below) in files.depends() {
        let bytes = pack(below, &[], &[], 0).map_err(|problem| {
            complain_all(&[problem]);
            ExitCode::Profile
        })?;
        std::fs::create_dir_all(&folder).map_err(|error| usage(&format_args!("{}: {error}", folder.display())))?;
        let path = folder.join(format!("{name}.tar"));
        let output = Output::open(&Destination::File(path.clone())).map_err(|error| usage(&error))?;
        output.write(&|out| out.write_all(&bytes)).map_err(|error| {
            complain(&format_args!("error: {error}"));
            ExitCode::Internal
        })?;
        done.push_str(&format!("{}: from {}\n", path.display(), below.given));
    }
    if done.is_empty() {
        done = format!("{}: it builds on no other profile\n", profile.display());
    }
    Ok(print(&done))
}
