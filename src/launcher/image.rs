//! The way `image`: the target's image, mounted read-only into a pod of the scanner's own. The target's pod is not touched.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, PostParams};
use serde_json::{Value as Json, json};

use crate::launcher::approach::Way;
use crate::launcher::attach::probe;
use crate::launcher::cli::ScanImage;
use crate::launcher::debug::about;
use crate::launcher::exec::Place;
use crate::launcher::ledger::Kind;
use crate::launcher::manifest::{ImageVolume, SCANNER, Security, TARGET_FOLDER};
use crate::launcher::rbac::scan_rules;
use crate::launcher::rights;
use crate::launcher::scan::{AGENT, Attached, Context, facts};
use crate::launcher::target::{Identity, Target, image_reference};
use crate::launcher::trouble::{Reason, Trouble};

/// The scanner's user; an image's files that only others may read are errors then.
const NONROOT: Identity = Identity { user: 65532, group: 65532 };
/// Root without any capability: the owner of most files.
const ROOT: Identity = Identity { user: 0, group: 0 };

/// The image of a running container, on its node.
pub fn of_target(target: &Target) -> ImageVolume {
    let (reference, pull_policy) = image_reference(&target.image_id);
    ImageVolume {
        reference,
        pull_policy,
        node: Some(target.node.clone()).filter(|node| !node.is_empty()),
        pull_secrets: target.pull_secrets.clone(),
        tolerations: target.tolerations.clone(),
    }
}

/// The image that was named.
pub fn of_arguments(context: &Context<'_>, arguments: &ScanImage) -> ImageVolume {
    ImageVolume {
        reference: arguments.reference.clone(),
        pull_policy: context.run.pull_policy,
        node: arguments.node.clone(),
        pull_secrets: arguments.pull_secret.clone(),
        tolerations: Vec::new(),
    }
}

/// Scans the image of a running container.
pub async fn attach_target(context: &Context<'_>, target: &Target, as_root: bool) -> Result<Attached, Trouble> {
    if target.image_id.is_empty() {
        let what = format!("pod {} does not say which image container {} runs", target.pod, target.container);
        return Err(Trouble { reason: Reason::Unfit, ..Trouble::target(what) });
    }
    let mut attached = attach(context, &of_target(target), as_root).await?;
    attached.location = target.location();
    if let Some(facts) = attached.facts.as_object_mut() {
        facts.insert("target".to_owned(), about(target));
    }
    Ok(attached)
}

/// Scans an image by its name.
pub async fn attach_image(context: &Context<'_>, arguments: &ScanImage) -> Result<Attached, Trouble> {
    attach(context, &of_arguments(context, arguments), arguments.as_root).await
}

async fn attach(context: &Context<'_>, image: &ImageVolume, as_root: bool) -> Result<Attached, Trouble> {
    let run = &context.run;
    let name = run.image_pod_name();
    let security = security(as_root);
    offered(context, &run.image_pod(image, &security, None)).await?;
    let rules = scan_rules(Way::Image, &name, context.minor);
    let (scanner, owner) = rights::begin_with_pod(context, &rules).await?;
    context.ledger.make(&context.caller, Kind::NetworkPolicy, run.network_policy(Some(&owner))).await?;
    let made = context.ledger.make(&context.caller, Kind::Pod, run.image_pod(image, &security, Some(&owner))).await?;
    kept(&serde_json::to_value(&made).unwrap_or_default())?;
    context.steps.done(&format!("made pod {name} with the image mounted"));
    context.steps.waiting("waiting for the scanner's pod");
    let place = Place { namespace: run.namespace.clone(), pod: name, container: SCANNER.to_owned(), pod_uid: None };
    let (session, _) = probe(&scanner, &place, &[AGENT, "--version"], context.start_by).await?;
    context.steps.done("the pod takes commands");
    let mut facts = facts(context, Way::Image, &rules);
    if let Some(facts) = facts.as_object_mut() {
        facts.insert("image".to_owned(), json!(image.reference));
        facts.insert("runs_as".to_owned(), json!({ "user": security.identity.user, "group": security.identity.group }));
    }
    Ok(Attached {
        scanner: session,
        place,
        target: vec!["--rootfs".to_owned(), TARGET_FOLDER.to_owned()],
        location: image.reference.clone(),
        container_id: None,
        pod_uid: None,
        facts,
    })
}

/// As whom the agent runs.
pub fn security(as_root: bool) -> Security {
    Security { identity: if as_root { ROOT } else { NONROOT }, read_all: false }
}

/// What would be made.
pub fn planned(context: &Context<'_>, image: &ImageVolume, as_root: bool) -> Vec<Json> {
    let run = &context.run;
    let mut objects = rights::planned(context, Way::Image, &run.image_pod_name());
    objects.push(run.network_policy(None));
    objects.push(run.image_pod(image, &security(as_root), None));
    objects
}

/// A server that does not know image volumes drops them without a word, so it is asked first what it would make.
async fn offered(context: &Context<'_>, pod: &Json) -> Result<(), Trouble> {
    let api: Api<Pod> = Api::namespaced(context.caller.client.clone(), &context.run.namespace);
    let pod: Pod =
        serde_json::from_value(pod.clone()).map_err(|error| Trouble::new(format!("a manifest is wrong: {error}")))?;
    let parameters = PostParams { dry_run: true, ..PostParams::default() };
    let answer =
        context.caller.ask("create a pod with an image volume (dry run)", api.create(&parameters, &pod)).await?;
    kept(&serde_json::to_value(&answer).unwrap_or_default())
}

/// Whether the image is still a volume of the pod, and mounted.
pub fn kept(pod: &Json) -> Result<(), Trouble> {
    let volume = pod.pointer("/spec/volumes").and_then(Json::as_array).into_iter().flatten();
    let volume = volume
        .filter(|volume| volume.get("name") == Some(&json!("target")))
        .any(|volume| volume.pointer("/image/reference").is_some());
    let mounts = pod.pointer("/spec/containers/0/volumeMounts").and_then(Json::as_array).into_iter().flatten();
    let mounted = mounts.into_iter().any(|mount| mount.get("mountPath") == Some(&json!(TARGET_FOLDER)));
    if volume && mounted {
        return Ok(());
    }
    let what = "this cluster has no image volumes: the API server left the volume out of the pod";
    Err(Trouble { reason: Reason::Unfit, ..Trouble::new(what) }.with_next(
        "Kubernetes 1.35 has them; before, the feature gate ImageVolume of API server and kubelet turns them on",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_that_was_dropped_is_seen() {
        let whole = json!({ "spec": { "volumes": [{ "name": "target", "image": { "reference": "r" } }],
            "containers": [{ "volumeMounts": [{ "name": "target", "mountPath": "/target" }] }] } });
        assert!(kept(&whole).is_ok());
        for part in ["/spec/volumes", "/spec/containers/0/volumeMounts", "/spec/volumes/0/image"] {
            let mut less = whole.clone();
            *less.pointer_mut(part).unwrap() = Json::Null;
            assert_eq!(kept(&less).unwrap_err().reason, Reason::Unfit, "{part}");
        }
    }
}
