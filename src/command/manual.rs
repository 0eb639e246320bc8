//! `assay completions` and `assay man`: what shells and man(1) want to know of the arguments.

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use crate::cli::{Cli, Man};
use crate::command::{complain, print_bytes, usage};
use crate::exit_code::ExitCode;
use crate::profile::nearest;

pub(super) fn completions(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "assay", &mut script);
    print_bytes(&script)
}

/// The page of assay, or of one of its commands: `assay man threshold check`.
pub(super) fn page(arguments: &Man) -> ExitCode {
    let mut command = Cli::command();
    // Gives the commands below it their whole names: assay-scan.
    command.build();
    for name in &arguments.command {
        let Some(below) = command.find_subcommand(name) else { return unknown(name, &command) };
        command = below.clone();
    }
    let mut page = Vec::new();
    let source = concat!("assay ", env!("CARGO_PKG_VERSION"));
    match clap_mangen::Man::new(command).source(source).render(&mut page) {
        Ok(()) => print_bytes(&page),
        Err(error) => {
            complain(&format_args!("error: {error}"));
            ExitCode::Internal
        }
    }
}

fn unknown(name: &str, command: &Command) -> ExitCode {
    let known: Vec<&str> = command.get_subcommands().map(Command::get_name).filter(|known| *known != "help").collect();
    let help = match (nearest(name, known.iter().copied()), known.as_slice()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, []) => format!("{} has no commands", command.get_name()),
        (None, known) => format!("there are {}", known.join(", ")),
    };
    usage(&format_args!("unknown command `{name}`; {help}"))
}
