//! `--reporter cli json:FILE …`: formats and places, opened before there is anything to write.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use crate::command::{complain, usage};
use crate::exit_code::ExitCode;
use crate::profile::nearest;
use crate::report::{Destination, Format, Output};

pub(super) struct Reporters {
    reporters: Vec<(Format, Output)>,
    color: bool,
}

impl Reporters {
    pub(super) fn open(reporters: &[String], no_color: bool) -> Result<Reporters, ExitCode> {
        let mut opened = Vec::new();
        for (format, destination) in destinations(reporters)? {
            opened.push((format, Output::open(&destination).map_err(|error| usage(&error))?));
        }
        let color = !no_color
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && io::stdout().is_terminal();
        Ok(Reporters { reporters: opened, color })
    }

    /// Writes every report; `render` gets the format, whether the terminal has colours, and the place.
    pub(super) fn write(&self, render: impl Fn(Format, bool, &mut dyn Write) -> io::Result<()>) -> ExitCode {
        let mut code = ExitCode::Success;
        for (format, output) in &self.reporters {
            match output.write(&|out| render(*format, self.color, out)) {
                Err(error) if !error.is_broken_pipe() => {
                    complain(&format_args!("error: {error}"));
                    code = ExitCode::Internal;
                }
                _ => {}
            }
        }
        code
    }
}

/// `cli json:FILE …` as formats and places.
fn destinations(reporters: &[String]) -> Result<Vec<(Format, Destination)>, ExitCode> {
    let mut destinations: Vec<(Format, Destination)> = Vec::new();
    for reporter in reporters {
        let (name, file) = match reporter.split_once(':') {
            Some((name, file)) if !file.is_empty() => (name, Destination::File(PathBuf::from(file))),
            Some((name, _)) => (name, Destination::Stdout),
            None => (reporter.as_str(), Destination::Stdout),
        };
        let Some((_, format)) = Format::ALL.iter().find(|(known, _)| *known == name) else {
            let known = Format::ALL.map(|(known, _)| known);
            let help = match nearest(name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}; profiles stand before --reporter", known.join(", ")),
            };
            return Err(usage(&format_args!("unknown reporter `{name}`; {help}")));
        };
        if destinations.iter().any(|(_, known)| *known == file) {
            let place = match &file {
                Destination::Stdout => "standard output".to_owned(),
                Destination::File(path) => path.display().to_string(),
            };
            return Err(usage(&format_args!("two reporters write to {place}; give one a file: {name}:FILE")));
        }
        destinations.push((*format, file));
    }
    Ok(destinations)
}
