//! The way `exec`: tar, executed in the target, gives out the files.

use crate::launcher::collect::Collected;
use crate::launcher::scan::Context;
use crate::launcher::target::Target;
use crate::launcher::trouble::Trouble;

/// Scans what tar in the container gives out.
pub async fn scan(context: &Context<'_>, target: &Target) -> Result<Collected, Trouble> {
    let _ = (context, target);
    Err(Trouble::usage("--via exec is not built yet").with_next("--via debug or --via image"))
}
