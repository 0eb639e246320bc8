//! Commands in a container, by exec over WebSocket.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::{Api, AttachParams, AttachedProcess};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::launcher::connect::Session;
use crate::launcher::trouble::{Reason, Trouble, chain};
use crate::report::harmless_line;

/// How long the server may take to open the connection: some attempts hang while a container starts.
const HANDSHAKE: Duration = Duration::from_secs(2);
/// How often a connection is tried that is not opened.
const TRIES: usize = 3;
/// The most that a command may write to standard error.
const MAX_STDERR: u64 = 1 << 20;
/// The size of what is sent at once.
const CHUNK: usize = 32 << 10;
/// What is said of a command that writes and writes.
const TOO_MUCH: &str = "more came than can be a result";

/// A container of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// The pod's uid, where another pod may take its name.
    pub pod_uid: Option<String>,
}

/// A command that ran to its end.
#[derive(Debug)]
pub struct Answer {
    /// Its exit code.
    pub code: u8,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// Why a command has no answer.
#[derive(Debug)]
pub enum Failure {
    /// The container is not there: it has not started, has ended, or cannot start.
    NoContainer,
    /// The server did not open the connection in time.
    Hung,
    /// Anything else.
    Trouble(Trouble),
}

/// A command that was started.
pub struct Running {
    process: AttachedProcess,
    place: Place,
}

/// Starts a command: returns when the server has taken it.
pub async fn start(session: &Session, place: &Place, command: &[&str], stdin: bool) -> Result<Running, Failure> {
    let api: Api<Pod> = Api::namespaced(session.client.clone(), &place.namespace);
    let parameters = AttachParams::default()
        .container(place.container.clone())
        .stdin(stdin)
        .stderr(true)
        .max_stdin_buf_size(CHUNK)
        .max_stdout_buf_size(CHUNK * 8)
        .max_stderr_buf_size(CHUNK);
    match timeout(HANDSHAKE, api.exec(&place.pod, command.iter().copied(), &parameters)).await {
        Err(_) => Err(Failure::Hung),
        Ok(Ok(process)) => Ok(Running { process, place: place.clone() }),
        Ok(Err(kube::Error::UpgradeConnection(error))) => Err(refused(session, place, &error.to_string()).await),
        Ok(Err(error)) => Err(early(Trouble::of_request(&doing(place), &error))),
    }
}

/// The same where the container is known to run: a connection that is not opened is tried again, on another.
pub async fn start_patiently(
    session: &Session,
    place: &Place,
    command: &[&str],
    stdin: bool,
) -> Result<Running, Failure> {
    let mut session = session.clone();
    for _ in 1..TRIES {
        match start(&session, place, command, stdin).await {
            Err(Failure::Hung) => session = session.apart().map_err(Failure::Trouble)?,
            started => return started,
        }
    }
    start(&session, place, command, stdin).await
}

fn doing(place: &Place) -> String {
    format!("exec in container {} of pod {}", place.container, place.pod)
}

/// The library keeps the answer's text to itself, so the same is asked without the upgrade, which starts nothing.
async fn refused(session: &Session, place: &Place, error: &str) -> Failure {
    let path = format!(
        "/api/v1/namespaces/{}/pods/{}/exec?container={}&command=%2Fassay&stdout=true",
        place.namespace, place.pod, place.container
    );
    let Ok(request) = http::Request::get(path).body(Vec::new()) else {
        return Failure::Trouble(Trouble::new(format!("cannot {}: {error}", doing(place))));
    };
    match session.ask(&doing(place), session.client.request_text(request)).await {
        Err(trouble) if trouble.what.contains("Upgrade request required") => {
            let what = format!("cannot {}: the server does not open a WebSocket ({error})", doing(place));
            Failure::Trouble(
                Trouble::new(what).with_next("a proxy between here and the cluster must let WebSockets through"),
            )
        }
        Err(trouble) => early(trouble),
        Ok(_) => Failure::Trouble(Trouble::new(format!("cannot {}: {error}", doing(place)))),
    }
}

/// A pod that is pending has no container yet: where it will run is not decided.
fn early(trouble: Trouble) -> Failure {
    if trouble.what.contains("does not have a host assigned") {
        return Failure::NoContainer;
    }
    Failure::Trouble(trouble)
}

impl Running {
    /// Sends all of standard input and takes the answer; `most` bytes of standard output at most.
    pub async fn finish(self, input: Option<&[u8]>, most: u64) -> Result<Answer, Failure> {
        let mut stdout = Vec::new();
        let mut take = |piece: &[u8]| {
            stdout.extend_from_slice(piece);
            if stdout.len() as u64 > most { Err(TOO_MUCH.to_owned()) } else { Ok(()) }
        };
        let answer = self.pass_on(input, &mut take).await?;
        Ok(Answer { stdout, ..answer })
    }

    /// Sends all of standard input and passes standard output on, piece by piece, as long as `each` takes it; the answer
    /// holds none of it.
    pub async fn pass_on(
        mut self,
        input: Option<&[u8]>,
        each: &mut dyn FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<Answer, Failure> {
        let writer = self.process.stdin();
        let (stdout, stderr) = (self.process.stdout(), self.process.stderr());
        let status = self.process.take_status();
        let send = async {
            if let (Some(mut writer), Some(input)) = (writer, input) {
                // A command that ends early does not read all; its exit code says why.
                let _ = writer.write_all(input).await;
                let _ = writer.shutdown().await;
            }
            Ok(())
        };
        let mut said = Vec::new();
        let mut hear = |piece: &[u8]| {
            said.extend_from_slice(piece);
            if said.len() as u64 > MAX_STDERR { Err(TOO_MUCH.to_owned()) } else { Ok(()) }
        };
        // Sent and received at once: a server that writes before it has read all would wait for ever otherwise. One that
        // writes more than is taken is not waited for.
        let exchanged = tokio::try_join!(send, read(stdout, each), read(stderr, &mut hear));
        let cut =
            |why: &str| Failure::Trouble(Trouble::new(format!("the connection to {} was cut: {why}", self.place.pod)));
        if let Err(why) = exchanged {
            self.process.abort();
            return Err(cut(&why));
        }
        let status = match status {
            Some(status) => status.await,
            None => None,
        };
        let Some(status) = status else {
            let why =
                self.process.join().await.err().map_or_else(|| "no status came".to_owned(), |error| chain(&error));
            return Err(cut(&why));
        };
        let code = exit_code(&status)?;
        Ok(Answer { code, stdout: Vec::new(), stderr: String::from_utf8_lossy(&said).into_owned() })
    }
}

/// Passes on everything until the end, or until it is not taken.
async fn read(
    stream: Option<impl AsyncRead + Unpin>,
    each: &mut dyn FnMut(&[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let Some(mut stream) = stream else { return Ok(()) };
    let mut piece = vec![0; CHUNK];
    // How it ended is told by the status.
    while let Ok(count @ 1..) = stream.read(&mut piece).await {
        each(piece.get(..count).unwrap_or_default())?;
    }
    Ok(())
}

/// The last frame: success, an exit code, or why there was no command.
fn exit_code(status: &Status) -> Result<u8, Failure> {
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let causes = status.details.as_ref().and_then(|details| details.causes.as_deref()).unwrap_or_default();
    let code = causes.iter().find(|cause| cause.reason.as_deref() == Some("ExitCode"));
    if let Some(code) = code.and_then(|cause| cause.message.as_deref()?.parse().ok()) {
        return Ok(code);
    }
    let message = harmless_line(status.message.as_deref().unwrap_or("no reason was given"));
    if message.contains("container not found") {
        return Err(Failure::NoContainer);
    }
    Err(Failure::Trouble(Trouble {
        reason: Reason::Other,
        ..Trouble::new(format!("the command did not start: {message}"))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(json: serde_json::Value) -> Status {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_last_frame_tells_how_a_command_ended() {
        assert_eq!(exit_code(&status(serde_json::json!({ "status": "Success" }))).ok(), Some(0));
        let failed = serde_json::json!({ "status": "Failure", "reason": "NonZeroExitCode",
            "details": { "causes": [{ "reason": "ExitCode", "message": "104" }] } });
        assert_eq!(exit_code(&status(failed)).ok(), Some(104));
        let early = serde_json::json!({ "status": "Failure", "reason": "InternalError", "code": 500,
            "message": "unable to upgrade connection: container not found (\"x\")" });
        assert!(matches!(exit_code(&status(early)), Err(Failure::NoContainer)));
        let missing = serde_json::json!({ "status": "Failure", "message": "stat /nope: no such file\u{1b}[2J" });
        let Err(Failure::Trouble(trouble)) = exit_code(&status(missing)) else { panic!("no trouble") };
        assert!(!trouble.what.contains('\u{1b}'), "{}", trouble.what);
    }

    #[test]
    fn a_pod_that_is_pending_has_no_container_yet() {
        let refused = |message: &str| early(Trouble::new(format!("cannot exec in container c of pod p: {message}")));
        assert!(matches!(refused("pod p does not have a host assigned"), Failure::NoContainer));
        assert!(matches!(refused("pods \"p\" not found"), Failure::Trouble(_)));
    }
}
