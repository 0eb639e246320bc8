//! assay: the agent.

use clap::Parser;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: talc::TalcLock<spinning_top::RawSpinlock, talc::source::GlobalAllocSource<std::alloc::System>> =
    talc::TalcLock::new(talc::source::GlobalAllocSource::new(std::alloc::System));

fn main() {
    let start = assay::protect::begin();
    let cli = assay::cli::Cli::parse();
    // A scan may leave a thread behind that hangs in the target's filesystem: the process must not wait for it.
    let code = assay::command::run(&cli, start);
    std::process::exit(code as i32)
}
