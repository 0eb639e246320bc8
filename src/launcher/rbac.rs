//! Which rights a scan needs, and which its caller.

use serde_json::{Value as Json, json};

use crate::command::print;
use crate::launcher::cli::Rbac;
use crate::launcher::connect::connect;
use crate::launcher::steps::tell;
use crate::launcher::trouble::{Ending, Trouble};

use crate::launcher::approach::Way;

/// From this minor version on, exec over WebSocket asks for `create` beside `get`.
const EXEC_ASKS_CREATE: u32 = 35;

/// The rules of a run's role: what the scan itself does to one pod.
pub fn scan_rules(way: Way, pod: &str, minor: u32) -> Vec<Json> {
    let rule = |resource: &str, verbs: &[&str]| json!({ "apiGroups": [""], "resources": [resource], "resourceNames": [pod], "verbs": verbs });
    let mut rules = vec![rule("pods", &["get"]), rule("pods/exec", exec_verbs(minor))];
    if way == Way::Debug {
        rules.push(rule("pods/ephemeralcontainers", &["patch"]));
    }
    rules
}

/// What exec asks for.
pub fn exec_verbs(minor: u32) -> &'static [&'static str] {
    if minor >= EXEC_ASKS_CREATE { &["create", "get"] } else { &["get"] }
}

/// The rules that a caller needs who starts scans in a namespace.
///
/// Kubernetes lets nobody make a role with rights that he does not have himself, so the rights of the scan are among them.
pub fn caller_rules(way: Way, minor: u32, no_rbac: bool) -> Vec<Json> {
    let rule = |group: &str, resource: &str, verbs: &[&str]| json!({ "apiGroups": [group], "resources": [resource], "verbs": verbs });
    let mut rules = vec![rule("", "pods/exec", exec_verbs(minor))];
    rules.push(match way {
        Way::Debug | Way::Exec => rule("", "pods", &["get", "list"]),
        Way::Image | Way::Sidecar => rule("", "pods", &["create", "delete", "get", "list"]),
    });
    if way == Way::Debug {
        rules.push(rule("", "pods/ephemeralcontainers", &["patch"]));
    }
    if way == Way::Sidecar || way == Way::Image || !no_rbac {
        rules.push(rule("", "configmaps", &["create", "delete", "get", "list"]));
    }
    if !no_rbac {
        rules.push(rule("", "serviceaccounts", &["create", "delete", "get", "list"]));
        rules.push(rule("", "serviceaccounts/token", &["create"]));
        for resource in ["roles", "rolebindings"] {
            rules.push(rule("rbac.authorization.k8s.io", resource, &["create", "delete", "get", "list"]));
        }
    }
    rules
}

/// Prints a role for callers.
pub async fn run(arguments: &Rbac) -> Ending {
    match role(arguments).await {
        Ok(text) => Ending::Scan(print(&text)),
        Err(trouble) => {
            tell(&trouble);
            trouble.ending
        }
    }
}

async fn role(arguments: &Rbac) -> Result<String, Trouble> {
    let minor = match arguments.minor {
        Some(minor) => minor,
        None => {
            let (session, _) = connect(&arguments.connection, "rbac").await?;
            let version = session.ask("ask the cluster's version", session.client.apiserver_version()).await?;
            crate::launcher::scan::minor(&version.minor)
        }
    };
    let mut metadata = json!({ "name": format!("assay-{}", arguments.via.name()) });
    if let (Some(namespace), Some(map)) = (&arguments.connection.namespace, metadata.as_object_mut()) {
        map.insert("namespace".to_owned(), json!(namespace));
    }
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": caller_rules(arguments.via, minor, arguments.no_rbac),
    });
    serde_yaml::to_string(&role).map_err(|error| Trouble::new(format!("cannot print: {error}")))
}
