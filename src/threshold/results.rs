//! Reading results in HDF (exec-json), also those of other tools, with the rules by which inspecjs accepts and judges
//! them. What inspecjs would refuse is refused; what it would crash on is refused too.

use std::fmt;

use serde_json::{Map, Value as Json};

use crate::outcome::{ControlStatus, Severity};
use crate::threshold::Counted;

/// Why results cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultsError(String);

impl fmt::Display for ResultsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for ResultsError {}

/// A control as its readers judge it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The profile that holds it.
    pub profile: String,
    /// As thresholds count it.
    pub counted: Counted,
    /// Whether a waiver made it not applicable.
    pub waived: bool,
    /// Whether a profile that builds on this one counts it instead.
    pub overlaid: bool,
}

type Checked<T> = Result<T, ResultsError>;

/// The controls of a file of results.
///
/// Errors: not JSON, not HDF, a profile that failed to load.
pub fn judged_controls(text: &str) -> Checked<Vec<Judged>> {
    let root: Json = match serde_json::from_str(text) {
        Ok(root) => root,
        Err(error) => return Err(ResultsError(format!("not JSON: {error}"))),
    };
    let root = At::new(&root, "the file").object()?;
    let platform = root.get("platform")?.object()?;
    platform.get("name")?.text()?;
    platform.get("release")?.text()?;
    root.get("statistics")?.object()?;
    root.get("version")?.text()?;
    let profiles = root.get("profiles")?.list()?;
    if profiles.is_empty() {
        return Err(ResultsError("there are no profiles in it".to_owned()));
    }
    let mut read = Vec::new();
    for profile in &profiles {
        read.push(ReadProfile::new(profile)?);
    }
    Ok(judge(&read))
}

/// A value with its place, for messages.
struct At<'a> {
    value: &'a Json,
    place: String,
}

impl<'a> At<'a> {
    fn new(value: &'a Json, place: impl Into<String>) -> At<'a> {
        At { value, place: place.into() }
    }

    fn wrong<T>(&self, wanted: &str) -> Checked<T> {
        Err(ResultsError(format!("not HDF: {} must be {wanted}", self.place)))
    }

    fn object(&self) -> Checked<ObjectAt<'a>> {
        match self.value {
            Json::Object(map) => Ok(ObjectAt { map, place: self.place.clone() }),
            _ => self.wrong("an object"),
        }
    }

    fn list(&self) -> Checked<Vec<At<'a>>> {
        match self.value {
            Json::Array(items) => {
                let item = |(index, item)| At::new(item, format!("{}[{index}]", self.place));
                Ok(items.iter().enumerate().map(item).collect())
            }
            _ => self.wrong("a list"),
        }
    }

    fn text(&self) -> Checked<&'a str> {
        self.value.as_str().map_or_else(|| self.wrong("a text"), Ok)
    }

    fn number(&self) -> Checked<f64> {
        self.value.as_f64().map_or_else(|| self.wrong("a number"), Ok)
    }
}

struct ObjectAt<'a> {
    map: &'a Map<String, Json>,
    place: String,
}

impl<'a> ObjectAt<'a> {
    fn get(&self, key: &str) -> Checked<At<'a>> {
        match self.map.get(key) {
            Some(value) => Ok(At::new(value, format!("{}.{key}", self.place))),
            None => Err(ResultsError(format!("not HDF: {} has no {key}", self.place))),
        }
    }

    /// A value that may be absent or null.
    fn optional(&self, key: &str) -> Option<At<'a>> {
        self.map.get(key).filter(|value| !value.is_null()).map(|value| At::new(value, format!("{}.{key}", self.place)))
    }

    fn optional_texts(&self, keys: &[&str]) -> Checked<()> {
        for key in keys {
            if let Some(value) = self.optional(key) {
                value.text()?;
            }
        }
        Ok(())
    }
}

struct ReadProfile {
    name: String,
    parent: Option<String>,
    controls: Vec<ReadControl>,
}

struct ReadControl {
    id: String,
    status: ControlStatus,
    severity: Severity,
    waived: bool,
    has_results: bool,
}

impl ReadProfile {
    fn new(at: &At<'_>) -> Checked<ReadProfile> {
        let profile = at.object()?;
        let name = profile.get("name")?.text()?.to_owned();
        profile.get("sha256")?.text()?;
        for key in ["supports", "attributes", "groups"] {
            profile.get(key)?.list()?;
        }
        for group in profile.get("groups")?.list()? {
            let group = group.object()?;
            group.get("id")?.text()?;
            for id in group.get("controls")?.list()? {
                id.text()?;
            }
        }
        if let Some(status) = profile.optional("status")
            && status.text()? == "failed"
        {
            let message =
                profile.optional("status_message").and_then(|message| message.value.as_str()).unwrap_or_default();
            return Err(ResultsError(format!("profile {name} failed to load: {message}")));
        }
        let parent = match profile.optional("parent_profile") {
            Some(parent) => Some(parent.text()?.to_owned()),
            None => None,
        };
        let controls = profile.get("controls")?.list()?;
        let controls = controls.iter().map(ReadControl::new).collect::<Checked<_>>()?;
        Ok(ReadProfile { name, parent, controls })
    }
}

impl ReadControl {
    fn new(at: &At<'_>) -> Checked<ReadControl> {
        let control = at.object()?;
        let id = control.get("id")?.text()?.to_owned();
        let impact = control.get("impact")?.number()?;
        control.optional_texts(&["title", "desc", "code"])?;
        for reference in control.get("refs")?.list()? {
            reference.object()?;
        }
        let tags = control.get("tags")?.object()?;
        control.get("source_location")?.object()?;
        if let Some(descriptions) = control.optional("descriptions") {
            for description in descriptions.list().unwrap_or_default() {
                let description = description.object()?;
                description.get("label")?.text()?;
                description.get("data")?.text()?;
            }
        }
        let waived = match control.optional("waiver_data") {
            Some(waiver) => {
                waiver.object()?.optional("skipped_due_to_waiver").is_some_and(|flag| is_truthy(flag.value))
            }
            None => false,
        };
        let results = control.get("results")?.list()?;
        let words = results.iter().map(result_word).collect::<Checked<Vec<Word>>>()?;
        let severity = severity(&tags, impact)?;
        check_nist(&tags)?;
        let any = |wanted: Word| words.contains(&wanted);
        let status = match () {
            () if any(Word::Error) => ControlStatus::Error,
            () if waived || impact == 0.0 => ControlStatus::NotApplicable,
            () if any(Word::Failed) => ControlStatus::Failed,
            () if any(Word::Passed) => ControlStatus::Passed,
            () if any(Word::Skipped) => ControlStatus::NotReviewed,
            () => ControlStatus::Error,
        };
        Ok(ReadControl { id, status, severity, waived, has_results: !words.is_empty() })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Passed,
    Failed,
    Skipped,
    Error,
    None,
}

fn result_word(at: &At<'_>) -> Checked<Word> {
    let result = at.object()?;
    result.get("code_desc")?.text()?;
    result.get("start_time")?.text()?;
    result.optional_texts(&["message", "skip_message", "exception", "resource", "resource_id"])?;
    if let Some(time) = result.optional("run_time") {
        time.number()?;
    }
    let backtrace = result.optional("backtrace");
    if let Some(backtrace) = &backtrace {
        for line in backtrace.list()? {
            line.text()?;
        }
    }
    let word = match result.optional("status") {
        None => Word::None,
        Some(status) => match status.text()? {
            "passed" => Word::Passed,
            "failed" => Word::Failed,
            "skipped" => Word::Skipped,
            "error" => Word::Error,
            _ => return status.wrong("passed, failed, skipped or error"),
        },
    };
    // A backtrace makes it an error, an empty one too.
    Ok(if backtrace.is_some() { Word::Error } else { word })
}

/// What JavaScript takes for true.
fn is_truthy(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(value) => *value,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(_) | Json::Object(_) => true,
    }
}

/// By the tags where they hold a known word, else by impact.
fn severity(tags: &ObjectAt<'_>, impact: f64) -> Checked<Severity> {
    for key in ["severityoverride", "severity"] {
        if let Some(tag) = tags.optional(key)
            && let Some(severity) = Severity::of_word(tag.text()?)
        {
            return Ok(severity);
        }
    }
    Ok(Severity::of_impact(impact))
}

fn check_nist(tags: &ObjectAt<'_>) -> Checked<()> {
    match tags.optional("nist") {
        Some(At { value: Json::Array(_), place }) => {
            for item in At::new(tags.map.get("nist").unwrap_or(&Json::Null), place).list()? {
                item.text()?;
            }
            Ok(())
        }
        Some(At { value: Json::String(_), .. }) | None => Ok(()),
        Some(other) => other.wrong("a list of texts"),
    }
}

/// Controls that a profile takes over from one that it builds on are judged by the latter's results and counted once.
fn judge(profiles: &[ReadProfile]) -> Vec<Judged> {
    let mut judged = Vec::new();
    for profile in profiles {
        for control in &profile.controls {
            let overlaid = profile.parent.as_ref().is_some_and(|parent| {
                *parent != profile.name
                    && profiles.iter().any(|other| other.name == *parent && other.control(&control.id).is_some())
            });
            let base = if control.has_results { None } else { base_of(profiles, &profile.name, &control.id, 0) };
            let source = base.unwrap_or(control);
            judged.push(Judged {
                profile: profile.name.clone(),
                counted: Counted { id: control.id.clone(), status: source.status, severity: source.severity },
                waived: source.waived,
                overlaid,
            });
        }
    }
    judged
}

/// The control of the same id in a profile that this one builds on.
fn base_of<'a>(profiles: &'a [ReadProfile], name: &str, id: &str, depth: usize) -> Option<&'a ReadControl> {
    if depth > profiles.len() {
        return None;
    }
    let bases = profiles.iter().filter(|profile| profile.parent.as_deref() == Some(name) && profile.name != name);
    let found = bases.filter_map(|base| Some((base, base.control(id)?)));
    found.map(|(base, control)| base_of(profiles, &base.name, id, depth + 1).unwrap_or(control)).next()
}

impl ReadProfile {
    fn control(&self, id: &str) -> Option<&ReadControl> {
        self.controls.iter().find(|control| control.id == id)
    }
}
