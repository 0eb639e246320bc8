//! kubectl-assay: the launcher. kubectl finds it by this name as `kubectl assay`.

use clap::Parser;

fn main() {
    let cli = assay::launcher::cli::Cli::parse();
    std::process::exit(i32::from(assay::launcher::run(&cli)))
}
