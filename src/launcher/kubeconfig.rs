//! A kubeconfig with the run's token, for other tools.

use std::path::Path;

use serde_json::json;

use crate::exit_code::ExitCode;
use crate::launcher::scan::Context;
use crate::launcher::trouble::{Ending, Trouble};
use crate::report::{Destination, Output};

/// Writes it, readable by its owner only.
pub fn write(path: &Path, context: &Context<'_>, token: &str) -> Result<(), Trouble> {
    let cluster = match context.caller.certificate_data() {
        Some(data) => json!({ "server": context.caller.server(), "certificate-authority-data": data }),
        None => json!({ "server": context.caller.server() }),
    };
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "scanner-cluster", "cluster": cluster }],
        "users": [{ "name": "scanner-user", "user": { "token": token } }],
        "contexts": [{
            "name": "scanner-context",
            "context": { "cluster": "scanner-cluster", "user": "scanner-user", "namespace": context.run.namespace },
        }],
        "current-context": "scanner-context",
    });
    let wrong = |why: &dyn std::fmt::Display| Trouble {
        ending: Ending::Scan(ExitCode::Internal),
        ..Trouble::new(format!("cannot write the kubeconfig: {why}"))
    };
    let text = serde_yaml::to_string(&config).map_err(|error| wrong(&error))?;
    let output = Output::open(&Destination::File(path.to_owned())).map_err(|error| wrong(&error))?;
    output.write(&|out| out.write_all(text.as_bytes())).map_err(|error| wrong(&error))
}
