//! `kubectl assay version`.

use crate::command::print;
use crate::launcher::cli::Version;
use crate::launcher::connect::connect;
use crate::launcher::steps::tell;
use crate::launcher::trouble::{Ending, Trouble};

/// Prints the versions of the launcher and of the cluster.
pub async fn run(arguments: &Version) -> Ending {
    let printed = print(&format!("kubectl-assay {}\n", env!("CARGO_PKG_VERSION")));
    if arguments.client {
        return Ending::Scan(printed);
    }
    match server(arguments).await {
        Ok(version) => Ending::Scan(print(&format!("cluster {version}\n"))),
        Err(trouble) => {
            tell(&trouble);
            trouble.ending
        }
    }
}

async fn server(arguments: &Version) -> Result<String, Trouble> {
    let (session, _) = connect(&arguments.connection, "version").await?;
    let version = session.ask("ask the cluster's version", session.client.apiserver_version()).await?;
    Ok(crate::report::harmless_line(&version.git_version))
}
