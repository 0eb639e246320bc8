//! Until a command can be run beside the target: the container is watched and tried at once, because its status comes up to
//! a second late, and an attempt that is made too early may hang.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod};
use kube::api::Api;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};

use crate::launcher::connect::Session;
use crate::launcher::exec::{Answer, Failure, Place, start};
use crate::launcher::trouble::{Reason, Trouble};
use crate::report::harmless_line;

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(25);
/// An attempt that has not answered by then gets company, on a connection of its own.
const HEDGE: Duration = Duration::from_millis(700);
/// The most attempts at once.
const ATTEMPTS: usize = 4;
/// How often the status is asked.
const STATUS: Duration = Duration::from_millis(500);
/// The most that the harmless command writes.
const MAX_ANSWER: u64 = 1 << 20;

/// Runs a harmless command as soon as the container takes one.
///
/// Errors: the container cannot start, for the reason that Kubernetes gives, or has not by `end`.
pub async fn probe(
    session: &Session,
    place: &Place,
    command: &[&str],
    end: Instant,
) -> Result<(Session, Answer), Trouble> {
    let waiting = std::cell::RefCell::new(None);
    let tried = timeout_at(end, async {
        tokio::select! {
            answer = attempts(session, place, command) => answer,
            why = final_reason(session, place, &waiting) => Err(why),
        }
    });
    match tried.await {
        Ok(answer) => answer,
        Err(_) => {
            let last = waiting.into_inner().unwrap_or_else(|| "no status came".to_owned());
            let what = format!("container {} of pod {} did not start in time: {last}", place.container, place.pod);
            Err(Trouble::new(what).with_next("kubectl describe pod tells more; --start-timeout gives it longer"))
        }
    }
}

async fn attempts(session: &Session, place: &Place, command: &[&str]) -> Result<(Session, Answer), Trouble> {
    let mut running = FuturesUnordered::new();
    let attempt = |session: Session| async move {
        let answer = match start(&session, place, command, false).await {
            Ok(running) => running.finish(None, MAX_ANSWER).await,
            Err(failure) => Err(failure),
        };
        (session, answer)
    };
    running.push(attempt(session.clone()));
    let mut denied = 0;
    loop {
        let company = running.len() < ATTEMPTS;
        tokio::select! {
            Some((session, answer)) = running.next() => match answer {
                Ok(answer) => return Ok((session, answer)),
                Err(Failure::NoContainer | Failure::Hung) => {}
                // Rights that were just made may take a moment to be known everywhere.
                Err(Failure::Trouble(trouble)) if trouble.reason == Reason::Right && denied < 20 => denied += 1,
                Err(Failure::Trouble(trouble)) if trouble.reason == Reason::Passing => {}
                Err(Failure::Trouble(trouble)) => return Err(trouble),
            },
            () = sleep(HEDGE), if company => {}
        }
        sleep(PAUSE).await;
        if running.len() < ATTEMPTS {
            running.push(attempt(session.apart()?));
        }
    }
}

/// Ends only when the container can never start.
async fn final_reason(session: &Session, place: &Place, waiting: &std::cell::RefCell<Option<String>>) -> Trouble {
    let api: Api<Pod> = Api::namespaced(session.client.clone(), &place.namespace);
    let mut clock = interval(STATUS);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock.tick().await;
    loop {
        clock.tick().await;
        match session.ask(&format!("look at pod {}", place.pod), api.get(&place.pod)).await {
            Ok(pod) => match look(&pod, &place.container) {
                Seen::Ended(trouble) | Seen::Never(trouble) => return trouble,
                Seen::Waiting(why) => *waiting.borrow_mut() = Some(why),
                Seen::Running => {}
            },
            Err(trouble) if trouble.reason == Reason::Missing => {
                return Trouble::target(format!("pod {} was deleted meanwhile", place.pod));
            }
            Err(trouble) if trouble.reason == Reason::Right => return trouble,
            Err(_) => {}
        }
    }
}

/// What a pod's status says of a container.
#[derive(Debug)]
pub enum Seen {
    /// It runs.
    Running,
    /// It may still start.
    Waiting(String),
    /// It ran, and runs no more.
    Ended(Trouble),
    /// It will not start.
    Never(Trouble),
}

/// Looks for a container in a pod's status.
pub fn look(pod: &Pod, container: &str) -> Seen {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    if pod.metadata.deletion_timestamp.is_some() {
        return Seen::Never(Trouble::target(format!("pod {name} was deleted meanwhile")));
    }
    let Some(status) = pod.status.as_ref() else { return Seen::Waiting("no status yet".to_owned()) };
    let unscheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    if let Some(condition) = unscheduled {
        return Seen::Waiting(harmless_line(condition.message.as_deref().unwrap_or("not scheduled yet")));
    }
    let phase = status.phase.as_deref().unwrap_or_default();
    let all = status.container_statuses.iter().chain(&status.ephemeral_container_statuses).flatten();
    let seen = all.into_iter().find(|status| status.name == container);
    match seen {
        Some(seen) => of_status(name, seen),
        None if matches!(phase, "Failed" | "Succeeded") => {
            let why = status.message.as_deref().or(status.reason.as_deref()).unwrap_or("no reason was given");
            Seen::Never(Trouble::target(format!("pod {name} ended ({phase}): {}", harmless_line(why))))
        }
        None => Seen::Waiting(format!("no status of it yet (pod {phase})")),
    }
}

fn of_status(pod: &str, status: &ContainerStatus) -> Seen {
    let ContainerState { running, waiting, terminated } = status.state.clone().unwrap_or_default();
    let name = &status.name;
    if running.is_some() {
        return Seen::Running;
    }
    if let Some(ended) = terminated {
        let why = ended.message.or(ended.reason).unwrap_or_else(|| "no reason was given".to_owned());
        let what = format!("container {name} of pod {pod} ended with {}: {}", ended.exit_code, harmless_line(&why));
        return Seen::Ended(Trouble::new(what));
    }
    let Some(waiting) = waiting else { return Seen::Waiting("no state yet".to_owned()) };
    let reason = waiting.reason.unwrap_or_default();
    let message = harmless_line(waiting.message.as_deref().unwrap_or_default());
    let what = format!("container {name} of pod {pod} cannot start: {reason}: {message}");
    let image = "name an image that the node can fetch: --image, or ASSAY_IMAGE";
    match reason.as_str() {
        // The first failure, ErrImagePull, may be a passing one.
        "ErrImageNeverPull" | "InvalidImageName" | "ImagePullBackOff" | "RegistryUnavailable" | "ImageInspectError" => Seen::Never(Trouble::new(what).with_next(format!(
            "{image}; is the name right, may the node fetch it (imagePullSecrets), and is the registry reachable from there?"
        ))),
        "CreateContainerConfigError" if message.contains("runAsNonRoot") => Seen::Never(
            Trouble::new(what).with_next("the image runs as root: choose a user by --run-as, or scan it as it was built: scan-image"),
        ),
        "CreateContainerConfigError" if message.contains("unable to find target container") => Seen::Never(
            Trouble::target(what).with_next("the target does not run any more"),
        ),
        "CreateContainerError" if message.contains("ImageVolumeMountFailed") => Seen::Never(
            Trouble::new(format!("container {name} of pod {pod} cannot start: the image could not be mounted"))
                .with_next("the node's runtime must know image volumes (containerd 2.1, CRI-O 1.31)"),
        ),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" | "StartError" | "CrashLoopBackOff" => {
            Seen::Never(Trouble::new(what).with_next(format!("kubectl describe pod {pod} tells more")))
        }
        _ => Seen::Waiting(format!("{reason} {message}").trim().to_owned()),
    }
}
