//! The launcher against an API server that answers what a real one won't on demand: conflicts, overload, errors, lost answers.
//! Each row says what must have been removed in the end, and what must not have been touched.

#![cfg(feature = "launcher")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests make and read their own files")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

const PROFILE: &str = "schema: 1\nname: p\ncontrols:\n\
    \x20 - {id: a, title: t, checks: [{file: /etc/passwd, expect: {exist: true}}]}\n";

/// Status and body, where a scenario has an answer of its own: gets method, path, and how often both came before.
type Scenario = dyn Fn(&str, &str, usize) -> Option<(u16, Value)> + Send + Sync;

/// What came in, and what is there.
#[derive(Default)]
struct State {
    requests: Vec<String>,
    objects: BTreeMap<String, Value>,
}

struct Server {
    state: Arc<Mutex<State>>,
    folder: PathBuf,
}

impl Server {
    /// A server with one pod, web, that runs.
    fn new(test: &str, scenario: impl Fn(&str, &str, usize) -> Option<(u16, Value)> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        state.lock().unwrap().objects.insert("/api/v1/namespaces/n/pods/web".to_owned(), pod());
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("assay-server-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("p.yaml"), PROFILE).unwrap();
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{ "name": "c", "cluster": { "server": format!("http://{address}") } }],
            "users": [{ "name": "u", "user": {} }],
            "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u", "namespace": "n" } }],
        });
        std::fs::write(folder.join("kubeconfig"), config.to_string()).unwrap();
        let (scenario, shared): (Arc<Scenario>, _) = (Arc::new(scenario), Arc::clone(&state));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (state, scenario) = (Arc::clone(&shared), Arc::clone(&scenario));
                std::thread::spawn(move || serve(&stream, &state, &*scenario));
            }
        });
        Server { state, folder }
    }

    fn scan(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-assay"));
        command.args(["scan", "web", "--run-id", "r", "--profile", "p.yaml", "--kubeconfig", "kubeconfig"]);
        command.args(arguments).current_dir(&self.folder).env_remove("KUBECONFIG").output().unwrap()
    }

    fn requests(&self, method: &str) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state
            .requests
            .iter()
            .filter_map(|line| line.strip_prefix(method)?.strip_prefix(' '))
            .map(str::to_owned)
            .collect()
    }

    /// What is there beside the pod.
    fn rest(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let names = state.objects.keys().filter(|path| !path.ends_with("/pods/web"));
        names.map(|path| path.rsplit('/').take(2).collect::<Vec<_>>().join(" ")).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "web", "namespace": "n", "uid": "pod-uid" },
        "spec": { "nodeName": "one", "containers": [{ "name": "app", "image": "app:1",
            "securityContext": { "runAsUser": 7, "runAsGroup": 7 } }] },
        "status": { "phase": "Running", "containerStatuses": [{ "name": "app", "image": "app:1", "imageID": "sha256:1",
            "containerID": "containerd://abc", "ready": true, "restartCount": 0, "state": { "running": {} } }] },
    })
}

fn failure(code: u16, reason: &str, message: &str) -> (u16, Value) {
    (
        code,
        json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason, "code": code }),
    )
}

fn serve(stream: &TcpStream, state: &Mutex<State>, scenario: &Scenario) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut words = first.split_whitespace();
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let path = target.split('?').next().unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let Some((code, answer)) = answer(method, path, &body, state, scenario) else {
            // The answer is lost.
            return;
        };
        let text = answer.to_string();
        let head =
            format!("HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", text.len());
        if writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(text.as_bytes())).is_err() {
            return;
        }
    }
}

/// What a server does that has nothing but a list of objects.
fn answer(method: &str, path: &str, body: &Value, state: &Mutex<State>, scenario: &Scenario) -> Option<(u16, Value)> {
    let line = format!("{method} {path}");
    let mut state = state.lock().unwrap();
    let before = state.requests.iter().filter(|known| **known == line).count();
    state.requests.push(line);
    if let Some((code, answer)) = scenario(method, path, before) {
        // Made, but nobody hears of it.
        if code == 0 {
            make(&mut state, path, body);
            return None;
        }
        return Some((code, answer));
    }
    Some(match method {
        _ if path == "/version" => (
            200,
            json!({ "major": "1", "minor": "34", "gitVersion": "v1.34.2", "gitCommit": "", "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": "" }),
        ),
        "POST" if path.ends_with("/token") => (
            201,
            json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "metadata": {}, "spec": { "audiences": [] }, "status": { "token": "secret", "expirationTimestamp": "2030-01-01T00:00:00Z" } }),
        ),
        "POST" => (201, make(&mut state, path, body)),
        "PATCH" => (200, pod()),
        "GET" => state
            .objects
            .get(path)
            .cloned()
            .map_or_else(|| failure(404, "NotFound", "not found"), |object| (200, object)),
        "DELETE" => match state.objects.remove(path) {
            Some(object) => (200, object),
            None => failure(404, "NotFound", "not found"),
        },
        _ => failure(405, "MethodNotAllowed", "no"),
    })
}

fn make(state: &mut State, path: &str, body: &Value) -> Value {
    let name = body["metadata"]["name"].as_str().unwrap_or_default();
    let mut object = body.clone();
    object["metadata"]["uid"] = json!(format!("uid-{name}"));
    state.objects.insert(format!("{path}/{name}"), object.clone());
    object
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_is_there_already_is_not_touched() {
    let exists = failure(409, "AlreadyExists", "serviceaccounts \"scanner-r\" already exists");
    let server = Server::new("exists", move |method, path, _| {
        (method == "POST" && path.ends_with("/serviceaccounts")).then(|| exists.clone())
    });
    let output = server.scan(&["--via", "debug"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(105), "{told}");
    assert!(
        told.contains(
            "cannot create ServiceAccount scanner-r in namespace n: serviceaccounts \"scanner-r\" already exists"
        ),
        "{told}"
    );
    assert!(told.contains("next: another --run-id"), "{told}");
    assert!(!server.requests("DELETE").iter().any(|path| path.ends_with("/scanner-r")), "somebody else's");
    assert_eq!(server.rest(), Vec::<String>::new());
}

#[test]
fn an_answer_that_is_lost_does_not_make_an_object_forgotten() {
    let server = Server::new("lost", |method, path, _| {
        (method == "POST" && path.ends_with("/roles")).then_some((0, Value::Null))
    });
    let output = server.scan(&["--via", "debug"]);
    assert_eq!(output.status.code(), Some(105), "{}", text(&output.stderr));
    assert_eq!(server.rest(), Vec::<String>::new(), "{}", text(&output.stderr));
}

#[test]
fn removals_that_are_put_off_are_asked_again() {
    let server = Server::new("busy", |method, path, before| {
        let refused = |code| Some(failure(code, "TooManyRequests", "later"));
        match method {
            "PATCH" => Some(failure(422, "Invalid", "no")),
            "DELETE" if path.ends_with("/scanner-role-r") && before < 2 => refused(500),
            "DELETE" if path.contains("rolebindings") && before < 1 => refused(429),
            _ => None,
        }
    });
    let output = server.scan(&["--via", "debug"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(105), "{told}");
    assert!(told.contains("cannot add an ephemeral container to pod web: no"), "{told}");
    assert_eq!(server.rest(), Vec::<String>::new(), "{told}");
    // First what gives access; the record that leads to the rest comes last.
    let removed = server.requests("DELETE");
    assert!(removed.first().unwrap().contains("/rolebindings/"), "{removed:?}");
    assert!(removed.last().unwrap().ends_with("/configmaps/assay-run-r"), "{removed:?}");
}

#[test]
fn what_cannot_be_removed_is_named_and_the_exit_code_says_so() {
    let server = Server::new("stuck", |method, path, _| match method {
        "PATCH" => Some(failure(422, "Invalid", "no")),
        "DELETE" if path.ends_with("/scanner-role-r") => Some(failure(
            403,
            "Forbidden",
            "roles.rbac.authorization.k8s.io \"scanner-role-r\" is forbidden: User \"u\" cannot delete resource \"roles\"",
        )),
        _ => None,
    });
    let output = server.scan(&["--via", "debug"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(106), "{told}");
    assert!(told.contains("error: left over: Role scanner-role-r in namespace n: "), "{told}");
    assert!(told.contains("cannot delete resource \"roles\""), "{told}");
    assert!(told.contains("next: kubectl assay cleanup --run r -n n"), "{told}");
    assert_eq!(server.rest(), ["scanner-role-r roles"]);
}

#[test]
fn rights_that_may_not_be_passed_on_are_told_with_what_to_do() {
    let server = Server::new("escalate", |method, path, _| {
        (method == "POST" && path.ends_with("/roles")).then(|| failure(403, "Forbidden",
            "roles.rbac.authorization.k8s.io \"scanner-role-r\" is forbidden: user \"u\" is attempting to grant RBAC permissions not currently held"))
    });
    let output = server.scan(&["--via", "debug"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(105), "{told}");
    assert!(told.contains("next: a caller can only pass on rights that it has: `kubectl assay rbac`"), "{told}");
    assert_eq!(server.rest(), Vec::<String>::new());
}

#[test]
fn a_scanner_that_never_starts_is_given_up_and_nothing_is_left() {
    // The status comes late, and then says that the container has ended.
    let server = Server::new("slow", |method, path, before| {
        let ended = json!([{ "name": "debug-scanner-r", "image": "i", "imageID": "sha256:2", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": "ContainerCreating" } } }]);
        match method {
            "GET" if path.ends_with("/exec") => Some(failure(500, "InternalError", "container not found")),
            "GET" if path.ends_with("/pods/web") && before > 0 => {
                let mut pod = pod();
                pod["status"]["ephemeralContainerStatuses"] = ended;
                if before > 8 {
                    pod["status"]["ephemeralContainerStatuses"][0]["state"] =
                        json!({ "terminated": { "exitCode": 0, "reason": "Completed" } });
                }
                Some((200, pod))
            }
            _ => None,
        }
    });
    let output = server.scan(&["--via", "debug", "--start-timeout", "2s"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(105), "{told}");
    assert!(told.contains("container debug-scanner-r of pod web did not start in time: ContainerCreating"), "{told}");
    assert!(
        told.contains("container debug-scanner-r (image sha256:2) has ended; Kubernetes keeps its record"),
        "{told}"
    );
    assert_eq!(server.rest(), Vec::<String>::new());
}

#[test]
fn an_image_volume_that_the_server_drops_is_seen() {
    // As servers do that have the feature turned off: the pod is taken, without the volume.
    let server =
        Server::new("dropped", |method, path, _| {
            (method == "POST" && path.ends_with("/pods")).then(|| {
        (201, json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "image-scanner-r", "namespace": "n" },
            "spec": { "containers": [{ "name": "scanner", "image": "i" }] } }))
    })
        });
    let output = server.scan(&["--via", "image"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(105), "{told}");
    assert!(
        told.contains("this cluster has no image volumes: the API server left the volume out of the pod"),
        "{told}"
    );
    assert_eq!(server.requests("POST"), ["/api/v1/namespaces/n/pods"], "asked by a dry run, and nothing made");
}

#[test]
fn a_run_without_rights_of_its_own_makes_nothing() {
    let server = Server::new("no-rbac", |method, _, _| {
        (method == "PATCH").then(|| {
            failure(403, "Forbidden", "pods \"web\" is forbidden: violates PodSecurity \"restricted:latest\": x")
        })
    });
    let output = server.scan(&["--via", "debug", "--no-rbac"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(105), "{told}");
    assert!(told.contains("violates PodSecurity"), "{told}");
    assert_eq!((server.requests("POST"), server.requests("DELETE")), (vec![], vec![]));
}
