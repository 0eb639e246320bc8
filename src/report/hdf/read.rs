//! HDF (exec-json) read again, also that of other tools, judged as inspecjs judges it. What inspecjs would refuse or
//! crash on is an error.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use serde_yaml::Value as Yaml;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::outcome::{
    Assurance, CheckResult, ControlFacts, ControlResult, Generator, ImageFacts, ImageLayer, LiveFacts, ProfileResult,
    Report, Status, TargetFacts, Waiver,
};
use crate::report::hdf::shape;
use crate::threshold::Verdict;

/// Why results cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError(String);

impl fmt::Display for ReadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for ReadError {}

/// The report that a file of results holds, and the verdict of its threshold.
///
/// A control that another profile takes over stands there only, as it was evaluated here. Inputs and the auditor's files
/// are not read.
///
/// Errors: not JSON, not HDF, a key given twice, no profile, a profile that failed to load, profiles that take over from
/// each other.
pub fn read(text: &str) -> Result<(Report, Option<Verdict>), ReadError> {
    let file: Json = serde_json::from_str(text).map_err(|error| ReadError(format!("not JSON: {error}")))?;
    // A tree of JSON would take the last of two keys of one name; other readers take the first, or give up.
    serde_json::from_str::<Yaml>(text).map_err(|error| ReadError(format!("not HDF: {error}")))?;
    shape::check(&file).map_err(|message| ReadError(format!("not HDF: {message}")))?;
    let profiles: Vec<Profile> = list(&file, "profiles").iter().map(Profile::new).collect::<Result<_, _>>()?;
    if profiles.is_empty() {
        return Err(ReadError("there are no profiles in it".to_owned()));
    }
    for profile in &profiles {
        profile.check_parents(&profiles)?;
    }
    let assay = file.pointer("/passthrough/assay").unwrap_or(&Json::Null);
    let name = if assay.is_object() { "assay" } else { "" };
    let seconds = file.pointer("/statistics/duration").and_then(Json::as_f64).unwrap_or_default();
    let report = Report {
        generator: Generator { name: name.to_owned(), version: text_of(&file, "version") },
        target: target(&file, assay),
        profiles: profiles.iter().filter_map(|profile| profile.result(&profiles)).collect(),
        started: started(&file, assay),
        seconds,
        auditor_files: Vec::new(),
    };
    Ok((report, assay.get("threshold").map(verdict)))
}

fn target(file: &Json, assay: &Json) -> TargetFacts {
    let platform = file.get("platform").unwrap_or(&Json::Null);
    // The format demands a word where there is nothing to say.
    let known = |key| Some(text_of(platform, key)).filter(|text| text != "unknown").unwrap_or_default();
    let location = assay.pointer("/target/location").and_then(Json::as_str);
    let assurance = assay.pointer("/target/assurance").and_then(Json::as_str);
    TargetFacts {
        location: location.unwrap_or_else(|| text(platform, "target_id")).to_owned(),
        platform: known("name"),
        release: known("release"),
        resolver: "",
        image: assay.pointer("/target/image").filter(|image| image.is_object()).map(image),
        live: assay.pointer("/target/live").filter(|live| live.is_object()).map(live),
        assurance: assurance.and_then(|name| Assurance::ALL.into_iter().find(|level| level.name() == name)),
        scope: assay.pointer("/attachment/scope").and_then(Json::as_str).map(str::to_owned),
    }
}

/// What identified an image.
fn image(json: &Json) -> ImageFacts {
    let layer = |layer: &Json| ImageLayer {
        number: 0,
        digest: layer.get("digest").and_then(Json::as_str).map(str::to_owned),
        diff_id: text_of(layer, "diff_id"),
        created_by: None,
    };
    ImageFacts {
        archive: text(json, "archive").into(),
        names: all_texts(json, "names"),
        manifest: json.get("manifest_digest").and_then(Json::as_str).map(str::to_owned),
        config: text_of(json, "config_digest"),
        platform: text_of(json, "platform"),
        layers: list(json, "layers").iter().map(layer).collect(),
        remarks: all_texts(json, "remarks"),
    }
}

/// What identified a running container.
fn live(json: &Json) -> LiveFacts {
    let known = |key| json.get(key).and_then(Json::as_str).map(str::to_owned);
    let (major, minor) = text(json, "root_device").split_once(':').unwrap_or_default();
    let root = |root: &Json| Some((number(root, "mount_id")?, text_of(root, "filesystem"), text_of(root, "root")));
    let protection = json.get("protection").and_then(Json::as_object).into_iter().flatten();
    let in_force = |one: &Json| one.get("in_force") == Some(&Json::Bool(true));
    LiveFacts {
        pid: number(json, "pid").unwrap_or_default(),
        owner: (number(json, "uid").unwrap_or_default(), number(json, "gid").unwrap_or_default()),
        started: number(json, "started_ticks").unwrap_or_default(),
        container: known("container_id"),
        kubernetes: known("pod_uid").zip(known("container_name")),
        namespaces: [text_of(json, "user_namespace"), text_of(json, "mount_namespace")],
        root: json.get("root_mount").and_then(root),
        place: (
            (major.parse().unwrap_or_default(), minor.parse().unwrap_or_default()),
            number(json, "root_inode").unwrap_or_default(),
        ),
        hint: json.get("found_by_hint") == Some(&Json::Bool(true)),
        doubts: all_texts(json, "accepted_doubts"),
        other_roots: list(json, "processes_with_another_root").iter().filter_map(as_number).collect(),
        unseen_roots: number(json, "processes_with_unseen_root").unwrap_or_default(),
        protection: protection.map(|(name, one)| (name.clone(), in_force(one), text_of(one, "is"))).collect(),
        observers: all_texts(json, "accepted_observers"),
    }
}

/// What the file says of its start, else what its first result says.
fn started(file: &Json, assay: &Json) -> Option<i64> {
    let first = || file.pointer("/profiles/0/controls/0/results/0/start_time").and_then(Json::as_str);
    let text = assay.get("started").and_then(Json::as_str).or_else(first)?;
    OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

/// A threshold is met only where the file says so, and says nothing against it.
fn verdict(threshold: &Json) -> Verdict {
    let violations = list(threshold, "violations").iter();
    let mut violations: Vec<String> = violations.filter_map(Json::as_str).map(str::to_owned).collect();
    if violations.is_empty() && threshold.get("met") != Some(&Json::Bool(true)) {
        violations.push("the results do not say that it is met".to_owned());
    }
    Verdict { violations }
}

struct Profile {
    /// Without its controls.
    facts: ProfileResult,
    /// The profile that takes over the controls of this one.
    parent: Option<String>,
    controls: Vec<ControlResult>,
}

impl Profile {
    fn new(json: &Json) -> Result<Profile, ReadError> {
        let name = text_of(json, "name");
        if text(json, "status") == "failed" {
            return Err(ReadError(format!("profile {name} failed to load: {}", text(json, "status_message"))));
        }
        let why = Some(text(json, "status_message")).filter(|why| !why.is_empty());
        let skipped = text(json, "status") == "skipped";
        let facts = ProfileResult {
            name,
            title: text_of(json, "title"),
            version: text_of(json, "version"),
            summary: text_of(json, "summary"),
            maintainer: text_of(json, "maintainer"),
            license: text_of(json, "license"),
            copyright: text_of(json, "copyright"),
            sha256: text_of(json, "sha256"),
            supports: list(json, "supports").to_vec(),
            depends: Vec::new(),
            inputs: Vec::new(),
            skipped: skipped.then(|| why.unwrap_or_else(|| text(json, "skip_message")).to_owned()),
            controls: Vec::new(),
        };
        let parent = json.get("parent_profile").and_then(Json::as_str).map(str::to_owned);
        Ok(Profile { facts, parent, controls: list(json, "controls").iter().map(control).collect() })
    }

    /// Were they a circle, each control would be taken over, and none would count.
    fn check_parents(&self, profiles: &[Profile]) -> Result<(), ReadError> {
        let mut above = self;
        for _ in profiles {
            match above.parent_in(profiles) {
                Some(parent) => above = parent,
                None => return Ok(()),
            }
        }
        Err(ReadError(format!("not HDF: the parent profiles of {} are a circle", self.facts.name)))
    }

    fn parent_in<'a>(&self, profiles: &'a [Profile]) -> Option<&'a Profile> {
        let parent = self.parent.as_ref()?;
        profiles.iter().find(|profile| profile.facts.name == *parent)
    }

    fn is_taken_over(&self, id: &str, profiles: &[Profile]) -> bool {
        self.parent_in(profiles).is_some_and(|parent| parent.control(id).is_some())
    }

    /// The control where it was first written.
    fn origin<'a>(&'a self, control: &'a ControlResult, profiles: &'a [Profile]) -> &'a ControlResult {
        let is_below =
            |profile: &&Profile| profile.parent_in(profiles).is_some_and(|parent| std::ptr::eq(parent, self));
        let mut below = profiles.iter().filter(is_below);
        let found = below.find_map(|profile| Some((profile, profile.control(&control.facts.id)?)));
        found.map_or(control, |(profile, control)| profile.origin(control, profiles))
    }

    fn control(&self, id: &str) -> Option<&ControlResult> {
        self.controls.iter().find(|control| control.facts.id == id)
    }

    /// The profile with the controls that count; `None` when others have taken over all of them.
    fn result(&self, profiles: &[Profile]) -> Option<ProfileResult> {
        let counting = self.controls.iter().filter(|control| !self.is_taken_over(&control.facts.id, profiles));
        let controls: Vec<ControlResult> = counting.map(|control| self.origin(control, profiles).clone()).collect();
        let is_empty = controls.is_empty() && !self.controls.is_empty();
        (!is_empty).then(|| ProfileResult { controls, ..self.facts.clone() })
    }
}

fn control(json: &Json) -> ControlResult {
    let none = Map::new();
    let tags = json.get("tags").and_then(Json::as_object).unwrap_or(&none);
    let source = json.get("source_location").unwrap_or(&Json::Null);
    let line = source.get("line").and_then(Json::as_u64).and_then(|line| usize::try_from(line).ok());
    let facts = ControlFacts {
        id: text_of(json, "id"),
        title: text_of(json, "title"),
        descriptions: descriptions(json),
        impact: json.get("impact").and_then(Json::as_f64).unwrap_or_default(),
        tags: tags.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        refs: list(json, "refs").iter().map(reference).collect(),
        code: text_of(json, "code"),
        file: text(source, "ref").into(),
        line: line.unwrap_or_default(),
    };
    let waiver = json.get("waiver_data").and_then(Json::as_object).filter(|data| !data.is_empty()).map(waiver);
    let rests = facts.impact == 0.0 || waiver.as_ref().is_some_and(|waiver| waiver.skipped);
    let results = list(json, "results");
    // A result without a status says nothing beside others, and is an error where it is alone.
    let silent = !rests && results.iter().all(|result| text(result, "status").is_empty());
    let results = results.iter().map(|result| check_result(result, silent)).collect();
    ControlResult { facts: Arc::new(facts), results, not_applicable: false, waiver }
}

fn descriptions(control: &Json) -> Vec<(String, String)> {
    let described = list(control, "descriptions").iter();
    let mut found: Vec<(String, String)> =
        described.map(|description| (text_of(description, "label"), text_of(description, "data"))).collect();
    let default = text(control, "desc");
    if !default.is_empty() && !found.iter().any(|(label, _)| label == "default") {
        found.insert(0, ("default".to_owned(), default.to_owned()));
    }
    found
}

fn reference(json: &Json) -> Vec<(String, String)> {
    let entries = json.as_object().into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn waiver(data: &Map<String, Json>) -> Waiver {
    let text = |key| data.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    // A flag that JavaScript takes for true: any text that is not empty, `"false"` too.
    let skipped = match data.get("skipped_due_to_waiver") {
        Some(Json::String(text)) => !text.is_empty(),
        flag => flag == Some(&Json::Bool(true)),
    };
    Waiver {
        justification: text("justification"),
        expiration_date: Some(text("expiration_date")).filter(|date| !date.is_empty()),
        run: data.get("run").and_then(Json::as_bool),
        skipped,
        message: text("message"),
    }
}

fn check_result(json: &Json, silent: bool) -> CheckResult {
    let backtrace = json.get("backtrace").and_then(Json::as_array);
    let status = match text(json, "status") {
        // A backtrace makes it an error, an empty one too.
        status if status == "error" || backtrace.is_some() => {
            let first = backtrace.and_then(|lines| lines.first()).and_then(Json::as_str).unwrap_or_default();
            let reasons = [text(json, "message"), text(json, "exception"), first];
            let why = reasons.into_iter().find(|why| !why.is_empty()).unwrap_or("an error without a reason");
            Status::Error(why.to_owned())
        }
        "passed" => Status::Passed,
        "failed" => Status::Failed(text_of(json, "message")),
        "skipped" => Status::Skipped(text_of(json, "skip_message")),
        _ if silent => Status::Error("the results do not say what came out".to_owned()),
        _ => Status::Skipped("the results do not say what came out".to_owned()),
    };
    CheckResult {
        description: text_of(json, "code_desc"),
        status,
        resource: text_of(json, "resource_class").into(),
        seconds: json.get("run_time").and_then(Json::as_f64).unwrap_or_default(),
        not_applicable: false,
    }
}

/// The text of a key; empty when it is absent or null.
fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn text_of(json: &Json, key: &str) -> String {
    text(json, key).to_owned()
}

/// The texts in the list of a key.
fn all_texts(json: &Json, key: &str) -> Vec<String> {
    list(json, key).iter().filter_map(Json::as_str).map(str::to_owned).collect()
}

fn number<T: TryFrom<u64>>(json: &Json, key: &str) -> Option<T> {
    json.get(key).and_then(as_number)
}

fn as_number<T: TryFrom<u64>>(json: &Json) -> Option<T> {
    json.as_u64().and_then(|number| T::try_from(number).ok())
}

/// The list of a key; empty when it is absent or null.
fn list<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}
