//! assay: the agent.

use clap::Parser;

fn main() {
    let cli = assay::cli::Cli::parse();
    // A scan may leave a thread behind that hangs in the target's filesystem: the process must not wait for it.
    let code = assay::command::run(&cli);
    std::process::exit(code as i32)
}
