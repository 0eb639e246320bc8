//! Results in HDF (exec-json), also those of other tools, judged as inspecjs judges them. What inspecjs would refuse or
//! crash on is an error.

use std::fmt;

use serde_json::Value as Json;

use crate::outcome::{ControlStatus, Severity};
use crate::threshold::{Counted, shape};

/// Why results cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultsError(String);

impl fmt::Display for ResultsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for ResultsError {}

/// The controls of a file of results that count, of all its profiles.
///
/// A control that another profile takes over counts there only, with the status and the severity that it has here.
///
/// Errors: not JSON, not HDF, no profile, a profile that failed to load, profiles that take over from each other.
pub fn counted_controls(text: &str) -> Result<Vec<Counted>, ResultsError> {
    let file: Json = serde_json::from_str(text).map_err(|error| ResultsError(format!("not JSON: {error}")))?;
    shape::check(&file).map_err(|message| ResultsError(format!("not HDF: {message}")))?;
    let profiles: Vec<Profile> = list(&file, "profiles").iter().map(Profile::new).collect::<Result<_, _>>()?;
    if profiles.is_empty() {
        return Err(ResultsError("there are no profiles in it".to_owned()));
    }
    for profile in &profiles {
        profile.check_parents(&profiles)?;
    }
    let controls = profiles.iter().flat_map(|profile| profile.controls.iter().map(move |control| (profile, control)));
    let counting = controls.filter(|(profile, control)| !profile.is_taken_over(&control.id, &profiles));
    Ok(counting.map(|(profile, control)| profile.origin(control, &profiles).clone()).collect())
}

struct Profile {
    name: String,
    /// The profile that takes over the controls of this one.
    parent: Option<String>,
    controls: Vec<Counted>,
}

impl Profile {
    fn new(json: &Json) -> Result<Profile, ResultsError> {
        let name = text(json, "name").to_owned();
        if text(json, "status") == "failed" {
            return Err(ResultsError(format!("profile {name} failed to load: {}", text(json, "status_message"))));
        }
        let parent = json.get("parent_profile").and_then(Json::as_str).map(str::to_owned);
        Ok(Profile { name, parent, controls: list(json, "controls").iter().map(counted).collect() })
    }

    /// Were they a circle, each control would be taken over, and none would count.
    fn check_parents(&self, profiles: &[Profile]) -> Result<(), ResultsError> {
        let mut above = self;
        for _ in profiles {
            match above.parent_in(profiles) {
                Some(parent) => above = parent,
                None => return Ok(()),
            }
        }
        Err(ResultsError(format!("not HDF: the parent profiles of {} are a circle", self.name)))
    }

    fn parent_in<'a>(&self, profiles: &'a [Profile]) -> Option<&'a Profile> {
        let parent = self.parent.as_ref()?;
        profiles.iter().find(|profile| profile.name == *parent)
    }

    fn is_taken_over(&self, id: &str, profiles: &[Profile]) -> bool {
        self.parent_in(profiles).is_some_and(|parent| parent.control(id).is_some())
    }

    /// The control where it was first written.
    fn origin<'a>(&self, control: &'a Counted, profiles: &'a [Profile]) -> &'a Counted {
        let is_below =
            |profile: &&Profile| profile.parent_in(profiles).is_some_and(|parent| std::ptr::eq(parent, self));
        let mut below = profiles.iter().filter(is_below);
        let found = below.find_map(|profile| Some((profile, profile.control(&control.id)?)));
        found.map_or(control, |(profile, control)| profile.origin(control, profiles))
    }

    fn control(&self, id: &str) -> Option<&Counted> {
        self.controls.iter().find(|control| control.id == id)
    }
}

fn counted(json: &Json) -> Counted {
    let impact = json.get("impact").and_then(Json::as_f64).unwrap_or_default();
    Counted { id: text(json, "id").to_owned(), status: status(json, impact), severity: severity(json, impact) }
}

fn status(control: &Json, impact: f64) -> ControlStatus {
    let results = list(control, "results");
    let is_error =
        |result: &Json| result.get("backtrace").is_some_and(Json::is_array) || text(result, "status") == "error";
    let any = |wanted: &str| results.iter().any(|result| text(result, "status") == wanted);
    match () {
        // A backtrace makes it an error, an empty one too.
        () if results.iter().any(is_error) => ControlStatus::Error,
        () if is_waived(control) || impact == 0.0 => ControlStatus::NotApplicable,
        () if any("failed") => ControlStatus::Failed,
        () if any("passed") => ControlStatus::Passed,
        () if any("skipped") => ControlStatus::NotReviewed,
        () => ControlStatus::Error,
    }
}

/// A flag that JavaScript takes for true: any text that is not empty, `"false"` too.
fn is_waived(control: &Json) -> bool {
    match control.get("waiver_data").and_then(|waiver| waiver.get("skipped_due_to_waiver")) {
        Some(Json::String(text)) => !text.is_empty(),
        flag => flag == Some(&Json::Bool(true)),
    }
}

/// By the tags where they hold a known word, else by impact.
fn severity(control: &Json, impact: f64) -> Severity {
    let tags = control.get("tags").unwrap_or(&Json::Null);
    let word = |key| Severity::of_word(text(tags, key));
    word("severityoverride").or_else(|| word("severity")).unwrap_or_else(|| Severity::of_impact(impact))
}

/// The text of a key; empty when it is absent or null.
fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// The list of a key; empty when it is absent or null.
fn list<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}
