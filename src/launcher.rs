//! kubectl-assay, the launcher: it handles rights and attachment, and the agent does the work.
//!
//! ```text
//! arguments ─▶ payload ─▶ connect ─▶ target ─▶ rights ─▶ debug | image | sidecar ─▶ exec ─▶ collect ─▶ reports, exit code
//!                                                 │ └──▶ tarball ─────▶ exec ─▶ scan ─┘
//!                                                 └──────── ledger ─────────▶ clean-up, however it ends
//! ```
//!
//! It never reads a root filesystem, with one exception: the way `exec` (`tarball`) takes what tar gives out, because nothing may
//! be written into the target, no agent either. What it makes is in the ledger before it is made, and nothing else is removed.

pub mod approach;
pub mod attach;
pub mod cleanup;
pub mod cli;
pub mod collect;
pub mod columns;
pub mod connect;
pub mod debug;
pub mod exec;
pub mod explain;
pub mod findings;
pub mod image;
pub mod kubeconfig;
pub mod ledger;
pub mod manifest;
pub mod payload;
pub mod preflight;
pub mod rbac;
pub mod release;
pub mod rights;
pub mod scan;
pub mod sidecar;
pub mod steps;
pub mod tar_program;
pub mod tarball;
pub mod target;
pub mod trouble;
pub mod version;

use clap::CommandFactory;

use crate::launcher::cli::{Cli, Command};
use crate::launcher::scan::{Goal, conduct};
use crate::launcher::trouble::Ending;

/// Runs a command; gives the exit code.
pub fn run(cli: &Cli) -> u8 {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            steps::tell(&format_args!("error: {error}"));
            return 1;
        }
    };
    let code = runtime.block_on(dispatch(&cli.command)).code();
    // A connection that hangs must not keep the process.
    runtime.shutdown_background();
    code
}

async fn dispatch(command: &Command) -> Ending {
    match command {
        Command::Scan(arguments) => conduct(&arguments.common, Goal::Container(arguments)).await,
        Command::ScanImage(arguments) => conduct(&arguments.common, Goal::Image(arguments)).await,
        Command::ScanWithSidecar(arguments) => conduct(&arguments.common, Goal::Sidecar(arguments)).await,
        Command::Cleanup(arguments) => cleanup::run(arguments).await,
        Command::Rbac(arguments) => rbac::run(arguments).await,
        Command::Preflight(arguments) => preflight::run(arguments).await,
        Command::Explain(arguments) => explain::run(arguments),
        Command::Version(arguments) => version::run(arguments).await,
        Command::Completions(arguments) => {
            let mut script = Vec::new();
            clap_complete::generate(arguments.shell, &mut Cli::command(), "kubectl-assay", &mut script);
            Ending::Scan(crate::command::print(&String::from_utf8_lossy(&script)))
        }
    }
}
