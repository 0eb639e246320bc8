//! The end of an ephemeral container: asked for, and looked for in the pod's status. Its record stays.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use tokio::time::{Instant, sleep, timeout};

use crate::launcher::attach::{Seen, look};
use crate::launcher::connect::Session;
use crate::launcher::exec::{Failure, Place, Running, start};
use crate::launcher::scan::AGENT;
use crate::launcher::trouble::{Reason, Trouble};
use crate::report::harmless_line;

/// How long a container may take to end after it was released.
const END: Duration = Duration::from_secs(15);
/// How long it is waited for the answer to a release.
const ANSWER: Duration = Duration::from_secs(3);
/// The most that such an answer has.
const MAX_ANSWER: u64 = 1 << 16;

/// Lets a release run to its end. Its answer may be lost with the container that it ends.
pub async fn let_go(releaser: Result<Running, Failure>) {
    if let Ok(releaser) = releaser {
        let _ = timeout(ANSWER, releaser.finish(Some(b""), MAX_ANSWER)).await;
    }
}

/// Ends a container where it runs, and looks until it has ended: what was seen.
///
/// Errors: it was not seen to end.
pub async fn end(session: &Session, place: &Place) -> Result<String, Trouble> {
    let Place { container, pod: name, namespace, pod_uid } = place;
    let api: Api<Pod> = Api::namespaced(session.client.clone(), namespace);
    let limit = Instant::now() + END;
    let mut is_asked = false;
    loop {
        let pod = match session.ask(&format!("look at pod {name}"), api.get(name)).await {
            Ok(pod) => pod,
            Err(trouble) if trouble.reason == Reason::Missing => return Ok(format!("pod {name} is gone")),
            Err(trouble) if Instant::now() > limit => return Err(trouble),
            Err(_) => {
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if pod_uid.is_some() && *pod_uid != pod.metadata.uid {
            return Ok(format!("pod {name} is another one now; container {container} went with the one before"));
        }
        let record = format!("Kubernetes keeps its record until pod {name} is deleted");
        match look(&pod, container) {
            Seen::Ended(_) => {
                let image = ran(&pod, container).map_or_else(String::new, |image| format!(" (image {image})"));
                return Ok(format!("container {container}{image} has ended; {record}"));
            }
            // Its containers end with a pod that is being deleted.
            Seen::Never(_) if pod.metadata.deletion_timestamp.is_some() => {
                return Ok(format!("pod {name} is being deleted, and container {container} with it"));
            }
            Seen::Never(_) => return Ok(format!("container {container} never started; {record}")),
            Seen::Running if !is_asked => {
                is_asked = true;
                let_go(start(session, place, &[AGENT, "release"], true).await).await;
            }
            Seen::Running | Seen::Waiting(_) => {}
        }
        if Instant::now() > limit {
            return Err(Trouble::new(format!("container {container} of pod {name} was not seen to end")));
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// The digest of the image that really ran.
fn ran(pod: &Pod, container: &str) -> Option<String> {
    let statuses = pod.status.as_ref()?.ephemeral_container_statuses.as_ref()?;
    let status = statuses.iter().find(|status| status.name == container)?;
    Some(harmless_line(&status.image_id)).filter(|id| !id.is_empty())
}
