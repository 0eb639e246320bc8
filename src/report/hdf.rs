//! HDF: InSpec's exec-json as inspecjs, SAF and Heimdall read it. Facts about the format stand in docs/hdf.md.
//!
//! Controls are turned into their wire form one by one while they are written, because a report may hold a hundred
//! thousand results.

mod read;
mod shape;

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value as Json, json};

use crate::json::object;
use crate::outcome::{
    CheckResult, ControlResult, DependencyFacts, LiveFacts, ProfileResult, Report, Status, TargetFacts, Waiver,
};
use crate::threshold::Verdict;

pub use read::{ReadError, read};

/// Writes a report as one line of JSON.
pub(super) fn write(report: &Report, verdict: Option<&Verdict>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &WireReport { report, verdict })?;
    out.write_all(b"\n")
}

pub(super) struct WireReport<'a> {
    pub(super) report: &'a Report,
    pub(super) verdict: Option<&'a Verdict>,
}

impl Serialize for WireReport<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let WireReport { report, verdict } = self;
        let or_unknown = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
        let target = &report.target;
        let platform = json!({ "name": or_unknown(&target.platform), "release": or_unknown(&target.release), "target_id": target_id(target) });
        let start = start_time(report.started.unwrap_or_default());
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("platform", &platform)?;
        map.serialize_entry("profiles", &Profiles { report, start: &start })?;
        map.serialize_entry("statistics", &json!({ "duration": report.seconds }))?;
        map.serialize_entry("version", &report.generator.version)?;
        map.serialize_entry("passthrough", &json!({ "assay": about(report, *verdict, &start) }))?;
        map.end()
    }
}

/// What the format has no place for.
fn about(report: &Report, verdict: Option<&Verdict>, start: &str) -> Json {
    let files = report.auditor_files.iter();
    let files: Vec<Json> =
        files.map(|file| json!({ "role": file.role, "path": file.path, "sha256": file.sha256 })).collect();
    let mut about = json!({
        "version": report.generator.version,
        "started": start,
        "target": target(&report.target),
        "files": files,
    });
    let depends = depends(&report.profiles);
    if let (false, Some(map)) = (depends.is_empty(), about.as_object_mut()) {
        map.insert("depends".to_owned(), depends.into());
    }
    if let (Some(verdict), Some(map)) = (verdict, about.as_object_mut()) {
        map.insert("threshold".to_owned(), json!({ "met": verdict.is_met(), "violations": verdict.violations }));
    }
    about
}

/// The name and the digest of an image; empty for a folder, of which nothing stays the same but its place.
fn target_id(target: &TargetFacts) -> &str {
    if target.image.is_some() { &target.location } else { "" }
}

/// Where the target is, and of an image what identifies it.
fn target(target: &TargetFacts) -> Json {
    let mut facts = json!({ "location": target.location, "resolver": target.resolver });
    if let (Some(image), Some(map)) = (&target.image, facts.as_object_mut()) {
        let layers = image.layers.iter().map(|layer| json!({ "digest": layer.digest, "diff_id": layer.diff_id }));
        let image = json!({
            "archive": image.archive.to_string_lossy(),
            "names": image.names,
            "manifest_digest": image.manifest,
            "config_digest": image.config,
            "platform": image.platform,
            "layers": layers.collect::<Vec<_>>(),
            "remarks": image.remarks,
        });
        map.insert("image".to_owned(), image);
    }
    if let (Some(assurance), Some(map)) = (target.assurance, facts.as_object_mut()) {
        map.insert("assurance".to_owned(), assurance.name().into());
        map.insert("proves".to_owned(), assurance.words().into());
    }
    if let (Some(live), Some(map)) = (&target.live, facts.as_object_mut()) {
        map.insert("live".to_owned(), running(live));
    }
    facts
}

/// What identifies a running container.
fn running(live: &LiveFacts) -> Json {
    let (pod, name) = live.kubernetes.clone().unzip();
    let root = live
        .root
        .as_ref()
        .map(|(mount, filesystem, source)| json!({ "mount_id": mount, "filesystem": filesystem, "root": source }));
    let ((major, minor), inode) = live.place;
    let [user_namespace, mount_namespace] = &live.namespaces;
    let protection = &mut live
        .protection
        .iter()
        .map(|(name, in_force, words)| (name.clone(), json!({ "in_force": in_force, "is": words })));
    json!({
        "pid": live.pid,
        "uid": live.owner.0,
        "gid": live.owner.1,
        "started_ticks": live.started,
        "container_id": live.container,
        "pod_uid": pod,
        "container_name": name,
        "user_namespace": user_namespace,
        "mount_namespace": mount_namespace,
        "root_mount": root,
        "root_device": format!("{major}:{minor}"),
        "root_inode": inode,
        "found_by_hint": live.hint,
        "accepted_doubts": live.doubts,
        "processes_with_another_root": live.other_roots,
        "processes_with_unseen_root": live.unseen_roots,
        "protection": object(protection),
        "accepted_observers": live.observers,
    })
}

struct Profiles<'a> {
    report: &'a Report,
    start: &'a str,
}

impl Serialize for Profiles<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let profiles = self.report.profiles.iter();
        serializer.collect_seq(profiles.map(|profile| WireProfile { profile, start: self.start }))
    }
}

struct WireProfile<'a> {
    profile: &'a ProfileResult,
    start: &'a str,
}

impl Serialize for WireProfile<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let profile = self.profile;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &profile.name)?;
        let texts = [
            ("version", &profile.version),
            ("sha256", &profile.sha256),
            ("title", &profile.title),
            ("maintainer", &profile.maintainer),
            ("summary", &profile.summary),
            ("license", &profile.license),
            ("copyright", &profile.copyright),
        ];
        for (key, text) in texts.into_iter().filter(|(key, text)| *key == "sha256" || !text.is_empty()) {
            map.serialize_entry(key, text)?;
        }
        map.serialize_entry("supports", &profile.supports)?;
        map.serialize_entry("attributes", &attributes(profile))?;
        map.serialize_entry("groups", &groups(profile))?;
        map.serialize_entry("controls", &Controls { controls: &profile.controls, start: self.start })?;
        match &profile.skipped {
            None => {
                map.serialize_entry("status", "loaded")?;
                map.serialize_entry("status_message", "")?;
            }
            Some(why) => {
                map.serialize_entry("status", "skipped")?;
                map.serialize_entry("status_message", why)?;
                map.serialize_entry("skip_message", why)?;
            }
        }
        map.end()
    }
}

/// The profiles that each one builds on. Its controls that come from there are its own in the report: readers count those
/// of one profile only, and converters to checklists leave out a profile with `depends`.
fn depends(profiles: &[ProfileResult]) -> Vec<Json> {
    let all = profiles.iter().flat_map(|profile| profile.depends.iter().map(move |below| (profile, below)));
    let one = |(above, below): (&ProfileResult, &DependencyFacts)| json!({ "above": above.name, "name": below.name, "profile": below.profile, "path": below.path, "sha256": below.sha256 });
    all.map(one).collect()
}

fn attributes(profile: &ProfileResult) -> Vec<Json> {
    let attribute = |input: &crate::outcome::InputFacts| {
        let mut options = json!({ "type": input.kind, "required": input.required });
        if let Some(map) = options.as_object_mut() {
            if !input.description.is_empty() {
                map.insert("description".to_owned(), input.description.as_str().into());
            }
            if let Some(value) = &input.value {
                map.insert("value".to_owned(), value.clone());
            }
        }
        json!({ "name": input.name, "options": options })
    };
    profile.inputs.iter().map(attribute).collect()
}

/// The controls of each file.
fn groups(profile: &ProfileResult) -> Vec<Json> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for control in &profile.controls {
        let facts = &control.facts;
        match groups.last_mut() {
            Some((file, ids)) if *file == &*facts.file => ids.push(&facts.id),
            _ => groups.push((&facts.file, vec![&facts.id])),
        }
    }
    groups.into_iter().map(|(file, ids)| json!({ "id": file, "controls": ids })).collect()
}

struct Controls<'a> {
    controls: &'a [ControlResult],
    start: &'a str,
}

impl Serialize for Controls<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.controls.iter().map(|control| WireControl { control, start: self.start }))
    }
}

struct WireControl<'a> {
    control: &'a ControlResult,
    start: &'a str,
}

impl Serialize for WireControl<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let facts = &self.control.facts;
        let default = facts.descriptions.iter().find(|(label, _)| label == "default");
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &facts.id)?;
        map.serialize_entry("title", &facts.title)?;
        map.serialize_entry("desc", default.map_or("", |(_, text)| text))?;
        map.serialize_entry("descriptions", &Descriptions(&facts.descriptions))?;
        map.serialize_entry("impact", &self.control.impact())?;
        map.serialize_entry("refs", &Refs(&facts.refs))?;
        map.serialize_entry("tags", &Entries(&facts.tags))?;
        map.serialize_entry("code", &facts.code)?;
        map.serialize_entry("source_location", &SourceLocation { line: facts.line, file: &facts.file })?;
        map.serialize_entry("waiver_data", &self.control.waiver.as_ref().map_or_else(|| json!({}), waiver_data))?;
        map.serialize_entry("results", &Results { results: &self.control.results, start: self.start })?;
        map.end()
    }
}

#[derive(Serialize)]
struct SourceLocation<'a> {
    line: usize,
    #[serde(rename = "ref")]
    file: &'a str,
}

struct Descriptions<'a>(&'a [(String, String)]);

impl Serialize for Descriptions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Description<'a> {
            label: &'a str,
            data: &'a str,
        }
        serializer.collect_seq(self.0.iter().map(|(label, data)| Description { label, data }))
    }
}

struct Refs<'a>(&'a [Vec<(String, String)>]);

impl Serialize for Refs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|entries| Entries(entries)))
    }
}

/// A map in its own order.
struct Entries<'a, T>(&'a [(String, T)]);

impl<T: Serialize> Serialize for Entries<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

fn waiver_data(waiver: &Waiver) -> Json {
    let entries = [
        ("expiration_date", Json::from(waiver.expiration_date.as_deref().unwrap_or_default())),
        ("justification", waiver.justification.as_str().into()),
        ("run", waiver.run.unwrap_or(true).into()),
        ("skipped_due_to_waiver", waiver.skipped.into()),
        ("message", waiver.message.as_str().into()),
    ];
    object(&mut entries.into_iter().map(|(key, value)| (key.to_owned(), value)))
}

struct Results<'a> {
    results: &'a [CheckResult],
    start: &'a str,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.results.iter().map(|result| WireResult { result, start: self.start }))
    }
}

struct WireResult<'a> {
    result: &'a CheckResult,
    start: &'a str,
}

impl Serialize for WireResult<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let result = self.result;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status", status_word(&result.status))?;
        map.serialize_entry("code_desc", &result.description)?;
        map.serialize_entry("run_time", &result.seconds)?;
        map.serialize_entry("start_time", self.start)?;
        reason(&result.status, &mut map)?;
        if !result.resource.is_empty() {
            map.serialize_entry("resource_class", &result.resource)?;
        }
        map.end()
    }
}

/// The word of a result. An error is a failure with an exception and a backtrace; readers know it by the backtrace.
pub(super) fn status_word(status: &Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Skipped(_) => "skipped",
        Status::Failed(_) | Status::Error(_) => "failed",
    }
}

/// Why a result is what it is.
pub(super) fn reason<M: SerializeMap>(status: &Status, map: &mut M) -> Result<(), M::Error> {
    match status {
        Status::Passed => Ok(()),
        Status::Failed(message) => map.serialize_entry("message", message),
        Status::Skipped(why) => map.serialize_entry("skip_message", why),
        Status::Error(why) => {
            map.serialize_entry("message", why)?;
            map.serialize_entry("exception", "Assay::NotEstablished")?;
            map.serialize_entry("backtrace", &[why])
        }
    }
}

/// RFC 3339 in UTC, whole seconds.
fn start_time(seconds: i64) -> String {
    let moment = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let (date, clock) = (moment.date(), moment.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}+00:00",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    )
}
