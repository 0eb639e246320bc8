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
    match way {
        Way::Image | Way::Sidecar => {
            rules.push(rule("networking.k8s.io", "networkpolicies", &["create", "delete", "get", "list"]));
        }
        // Clean-up after a crash looks for all that runs may have made.
        Way::Debug | Way::Exec if !no_rbac => rules.push(rule("networking.k8s.io", "networkpolicies", &["list"])),
        Way::Debug | Way::Exec => {}
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

/// One right of a caller: a verb on a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// The group of the resource; empty for the core.
    pub group: String,
    /// The resource, with its subresource: `pods/exec`.
    pub resource: String,
    /// The object, where the right is needed for one only.
    pub name: Option<String>,
    /// What is done to it.
    pub verb: String,
}

impl Right {
    /// Whether scans need it; lists serve messages, and clean-up after a crash.
    pub fn is_needed(&self) -> bool {
        self.verb != "list"
    }
}

/// The same rules, right by right; with a pod's name, those that concern only the target are about this pod.
pub fn caller_rights(way: Way, minor: u32, no_rbac: bool, pod: Option<&str>) -> Vec<Right> {
    let mut rights = Vec::new();
    for rule in caller_rules(way, minor, no_rbac) {
        let words = |key: &str| -> Vec<String> {
            let list = rule.get(key).and_then(Json::as_array).into_iter().flatten();
            list.filter_map(Json::as_str).map(str::to_owned).collect()
        };
        for (group, resource) in words("apiGroups").into_iter().zip(words("resources")) {
            // The pod of an image's scan has a name that nobody knows yet.
            let one = matches!(way, Way::Debug | Way::Exec) && resource.starts_with("pods");
            for verb in words("verbs") {
                let name = pod.filter(|_| one && verb != "list").map(str::to_owned);
                rights.push(Right { group: group.clone(), resource: resource.clone(), name, verb });
            }
        }
    }
    rights
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_the_rights_that_it_passes_on() {
        for way in Way::ALL {
            for minor in [34, 35] {
                let own = caller_rights(way, minor, false, None);
                for rule in scan_rules(way, "p", minor) {
                    for verb in rule["verbs"].as_array().unwrap() {
                        let (resource, verb) = (rule["resources"][0].as_str().unwrap(), verb.as_str().unwrap());
                        let held = own.iter().any(|right| right.resource == resource && right.verb == verb);
                        assert!(held, "{} lacks {verb} {resource}", way.name());
                    }
                }
            }
        }
    }

    #[test]
    fn what_concerns_one_pod_is_asked_for_that_pod() {
        let of = |way| caller_rights(way, 34, false, Some("web"));
        let named = |way| -> Vec<String> {
            let named = of(way).into_iter().filter(|right| right.name.as_deref() == Some("web"));
            named.map(|right| format!("{} {}", right.verb, right.resource)).collect()
        };
        assert_eq!(named(Way::Debug), ["get pods/exec", "get pods", "patch pods/ephemeralcontainers"]);
        assert_eq!(named(Way::Exec), ["get pods/exec", "get pods"]);
        assert!(named(Way::Image).is_empty(), "its pod has a name of its own");
        let policies = |way| of(way).iter().filter(|right| right.resource == "networkpolicies").count();
        assert_eq!([policies(Way::Debug), policies(Way::Image)], [1, 4]);
    }

    #[test]
    fn without_rights_of_its_own_a_run_makes_none() {
        let own = caller_rights(Way::Debug, 34, true, None);
        assert!(own.iter().all(|right| right.resource.starts_with("pods")), "{own:?}");
    }
}
