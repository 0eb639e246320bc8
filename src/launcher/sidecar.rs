//! The way `sidecar`: the image runs in a pod of the scan's own, with the scanner beside it.



use serde_json::Value as Json;

use crate::launcher::cli::ScanWithSidecar;
use crate::launcher::scan::{Attached, Context};
use crate::launcher::trouble::Trouble;

/// Starts the pod, as whoever may look into the target, and waits until the scanner takes commands.
pub async fn attach(context: &Context<'_>, arguments: &ScanWithSidecar) -> Result<Attached, Trouble> {
    let _ = (arguments, context);
    Err(Trouble::usage("scan-with-sidecar is not built yet"))
}

/// What would be made.
pub fn planned(context: &Context<'_>, arguments: &ScanWithSidecar) -> Vec<Json> {
    let _ = (arguments, context);
    Vec::new()
}
