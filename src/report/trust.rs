//! How far results can be trusted, in words that all formats share: the level, what it proves and what not, by which facts
//! the target was identified, and what the auditor accepted.

use crate::order;
use crate::outcome::{LiveFacts, TargetFacts};

/// A fact: its name in files, and its words.
pub(super) type Fact = (&'static str, String);

/// All of it; nothing of results whose tool does not say.
pub(super) fn trust(target: &TargetFacts) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    if let Some(assurance) = target.assurance {
        facts.push(("assurance", assurance.name().to_owned()));
        facts.push(("proves", assurance.words().to_owned()));
    }
    facts.extend(target.scope.iter().map(|scope| ("scope", scope.clone())));
    facts.extend(identity(target));
    facts.extend(target.live.iter().flat_map(circumstances));
    facts
}

/// What tells this target from every other.
pub(super) fn identity(target: &TargetFacts) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    if let Some(image) = &target.image {
        facts.extend(image.manifest.iter().map(|digest| ("manifest_digest", digest.clone())));
        facts.push(("config_digest", image.config.clone()));
        facts.push(("image_platform", image.platform.clone()));
    }
    let Some(live) = &target.live else { return facts };
    let (uid, gid) = live.owner;
    let ((major, minor), inode) = live.place;
    let [user, mount] = &live.namespaces;
    facts.push(("process", format!("{} of {uid}:{gid}, started at tick {}", live.pid, live.started)));
    facts.extend(live.container.iter().map(|id| ("container_id", id.clone())));
    if let Some((pod, name)) = &live.kubernetes {
        facts.extend([("pod_uid", pod.clone()), ("container_name", name.clone())]);
    }
    facts.extend([("user_namespace", user.clone()), ("mount_namespace", mount.clone())]);
    let root = live.root.iter();
    facts.extend(root.map(|(id, kind, source)| ("root_mount", format!("{kind}, {source} of it, mount {id}"))));
    facts.push(("root", format!("inode {inode} of device {major}:{minor}")));
    facts
}

/// What else there is to know of a scan of a running container.
fn circumstances(live: &LiveFacts) -> Vec<Fact> {
    let words = |words: &str| words.to_owned();
    let listed = |in_force: bool, with: fn(&str, &str) -> String| {
        let listed = live.protection.iter().filter(|(_, is, _)| *is == in_force);
        let mut listed: Vec<String> = listed.map(|(name, _, words)| with(name, words)).collect();
        // A report that is read again has lost their order.
        order::sort(&mut listed, &|a, b| a.cmp(b));
        listed.join(", ")
    };
    let others = live.other_roots.len();
    let unseen = live.unseen_roots;
    let facts = [
        ("found_by_hint", live.hint.then(|| words("yes: by what the container's owner chooses"))),
        ("accepted_root", Some(live.doubts.join("; "))),
        ("accepted_scanner", Some(live.observers.join("; "))),
        ("processes_with_another_root", (others > 0).then(|| others.to_string())),
        ("processes_with_unseen_root", (unseen > 0).then(|| unseen.to_string())),
        ("protected_by", Some(listed(true, |name, _| name.to_owned()))),
        ("not_protected_by", Some(listed(false, |name, words| format!("{name} ({words})")))),
    ];
    let said = facts.into_iter().filter_map(|(name, words)| Some((name, words?)));
    said.filter(|(_, words)| !words.is_empty()).collect()
}
