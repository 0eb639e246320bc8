//! What came out: results, the status of a control, the report. Pure derivation, no target in sight.

use std::borrow::Cow;
use std::sync::Arc;

pub use crate::rootfs::{ImageFacts, ImageLayer};

/// The status of one result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Established.
    Passed,
    /// Established that it is not so; the text says what was expected and what was found.
    Failed(String),
    /// Not asked, for this reason.
    Skipped(String),
    /// Could not be found out, for this reason.
    Error(String),
}

impl Status {
    /// The same with another text, where it has one.
    pub fn map_text(self, change: fn(String) -> String) -> Status {
        match self {
            Status::Passed => Status::Passed,
            Status::Failed(text) => Status::Failed(change(text)),
            Status::Skipped(text) => Status::Skipped(change(text)),
            Status::Error(text) => Status::Error(change(text)),
        }
    }
}

/// One result: one expectation on one subject.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckResult {
    /// What was expected, in InSpec's words.
    pub description: String,
    /// What came out.
    pub status: Status,
    /// The resource that was asked; empty where none was.
    pub resource: Cow<'static, str>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Whether it says that the control does not apply (a missing subject under `missing: na`).
    pub not_applicable: bool,
}

/// What a control came to, in the words of HDF's readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlStatus {
    /// All that was asked is so.
    Passed,
    /// Something is not so.
    Failed,
    /// Nothing could be asked; people have to look.
    NotReviewed,
    /// It does not concern this target, or is waived.
    NotApplicable,
    /// Something could not be found out.
    Error,
}

impl ControlStatus {
    /// All, in the order of reports.
    pub const ALL: [ControlStatus; 5] = [
        ControlStatus::Passed,
        ControlStatus::Failed,
        ControlStatus::NotReviewed,
        ControlStatus::NotApplicable,
        ControlStatus::Error,
    ];

    /// Heimdall's word.
    pub fn name(self) -> &'static str {
        match self {
            ControlStatus::Passed => "Passed",
            ControlStatus::Failed => "Failed",
            ControlStatus::NotReviewed => "Not Reviewed",
            ControlStatus::NotApplicable => "Not Applicable",
            ControlStatus::Error => "Profile Error",
        }
    }
}

/// How bad it is when a control fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Informational.
    None,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// All, the worst first.
    pub const ALL: [Severity; 5] =
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::None];

    /// The word in tags and thresholds.
    pub fn name(self) -> &'static str {
        match self {
            Severity::None => "none",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    /// The severity of a word, in any case.
    pub fn of_word(word: &str) -> Option<Severity> {
        Severity::ALL.into_iter().find(|severity| severity.name().eq_ignore_ascii_case(word))
    }

    /// The severity of an impact, by Heimdall's bands.
    pub fn of_impact(impact: f64) -> Severity {
        match impact {
            impact if impact < 0.1 => Severity::None,
            impact if impact < 0.4 => Severity::Low,
            impact if impact < 0.7 => Severity::Medium,
            impact if impact < 0.9 => Severity::High,
            _ => Severity::Critical,
        }
    }

    /// The impact that stands for it, on which Heimdall, ASFF and checklists agree.
    pub fn impact(self) -> f64 {
        match self {
            Severity::None => 0.0,
            Severity::Low => 0.3,
            Severity::Medium => 0.5,
            Severity::High => 0.7,
            Severity::Critical => 0.9,
        }
    }
}

/// What an auditor has waived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiver {
    /// Why.
    pub justification: String,
    /// Until which day, as it was written.
    pub expiration_date: Option<String>,
    /// Whether the control is evaluated all the same.
    pub run: Option<bool>,
    /// Whether the control was skipped because of it.
    pub skipped: bool,
    /// That it expired, or empty.
    pub message: String,
}

/// What is known of a control before it is evaluated: what its author wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlFacts {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Why it matters, how it is checked, how it is mended: label and text; `default` is the description.
    pub descriptions: Vec<(String, String)>,
    /// 0.0 to 1.0.
    pub impact: f64,
    /// Tags in order: a name and a JSON value.
    pub tags: Vec<(String, serde_json::Value)>,
    /// References, each with `ref`, `url` or `uri`.
    pub refs: Vec<Vec<(String, String)>>,
    /// Its own text.
    pub code: String,
    /// The file that holds it.
    pub file: Arc<str>,
    /// The line where it begins.
    pub line: usize,
}

impl ControlFacts {
    /// How bad a failure is: the tag `severity` where it says so, else by impact.
    pub fn severity(&self) -> Severity {
        let tag = |name: &str| {
            let tag = self.tags.iter().find(|(known, _)| known == name);
            tag.and_then(|(_, value)| value.as_str()).and_then(Severity::of_word)
        };
        tag("severityoverride").or_else(|| tag("severity")).unwrap_or_else(|| Severity::of_impact(self.impact))
    }
}

/// A control with its results.
#[derive(Clone, Debug)]
pub struct ControlResult {
    /// What its author wrote.
    pub facts: Arc<ControlFacts>,
    /// At least one.
    pub results: Vec<CheckResult>,
    /// Whether it was found not to apply.
    pub not_applicable: bool,
    /// Its waiver.
    pub waiver: Option<Waiver>,
}

impl ControlResult {
    /// The status, derived as HDF's readers derive it: an error wins over everything; a waived control and one
    /// without impact are not applicable; then a failure, a pass, and only then a skip.
    pub fn status(&self) -> ControlStatus {
        let any = |wanted: fn(&Status) -> bool| self.results.iter().any(|result| wanted(&result.status));
        let waived = self.waiver.as_ref().is_some_and(|waiver| waiver.skipped);
        match () {
            () if any(|status| matches!(status, Status::Error(_))) => ControlStatus::Error,
            () if waived || self.impact() == 0.0 => ControlStatus::NotApplicable,
            () if self.results.is_empty() => ControlStatus::Error,
            () if any(|status| matches!(status, Status::Failed(_))) => ControlStatus::Failed,
            () if any(|status| *status == Status::Passed) => ControlStatus::Passed,
            () => ControlStatus::NotReviewed,
        }
    }

    /// The impact that is reported: none for a control that does not apply.
    pub fn impact(&self) -> f64 {
        if self.not_applicable { 0.0 } else { self.facts.impact }
    }
}

/// An input as it was used.
#[derive(Clone, Debug, PartialEq)]
pub struct InputFacts {
    /// Its name.
    pub name: String,
    /// InSpec's word for its type.
    pub kind: &'static str,
    /// Its value; `None` when it has none.
    pub value: Option<serde_json::Value>,
    /// What it is for.
    pub description: String,
    /// Whether it must be given.
    pub required: bool,
}

/// A profile with the results of its controls.
#[derive(Clone, Debug)]
pub struct ProfileResult {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Its version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// Who keeps it.
    pub maintainer: String,
    /// Its licence.
    pub license: String,
    /// Whose it is.
    pub copyright: String,
    /// SHA-256 of its files, in hex.
    pub sha256: String,
    /// Which systems it is for, as it was written.
    pub supports: Vec<serde_json::Value>,
    /// The profiles that it builds on.
    pub depends: Vec<DependencyFacts>,
    /// Its inputs.
    pub inputs: Vec<InputFacts>,
    /// Why the whole profile was skipped.
    pub skipped: Option<String>,
    /// Its controls, in order.
    pub controls: Vec<ControlResult>,
}

/// A profile that another one builds on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DependencyFacts {
    /// What the other one calls it.
    pub name: String,
    /// Its own name, and its version.
    pub profile: String,
    /// Where it was read from.
    pub path: String,
    /// SHA-256 of its files.
    pub sha256: String,
}

/// What was scanned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetFacts {
    /// Where it is, as the auditor named it.
    pub location: String,
    /// Which system it says it is: `debian`.
    pub platform: String,
    /// Which release: `12`.
    pub release: String,
    /// How its paths were resolved.
    pub resolver: &'static str,
    /// What identifies it, where it is an image.
    pub image: Option<ImageFacts>,
    /// What identifies it, where it is a running container.
    pub live: Option<LiveFacts>,
    /// How far the results can be trusted; `None` when results that were read again do not say.
    pub assurance: Option<Assurance>,
    /// What the results hold for, where a launcher has reached the target in one of several ways.
    pub scope: Option<String>,
}

/// What identifies a running container, as the kernel told it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveFacts {
    /// Number of the process.
    pub pid: i32,
    /// Its user and group.
    pub owner: (u32, u32),
    /// When it started, in clock ticks since the machine did.
    pub started: u64,
    /// The container's id.
    pub container: Option<String>,
    /// The pod's uid and the container's name, by Kubernetes.
    pub kubernetes: Option<(String, String)>,
    /// The user namespace and the mount namespace of the process.
    pub namespaces: [String; 2],
    /// The mount of its root: its number, filesystem and source folder.
    pub root: Option<(u64, String, String)>,
    /// Device and inode of its root.
    pub place: ((u32, u32), u64),
    /// What was found by a hint that the container's owner chooses.
    pub hint: bool,
    /// Why its root may not be the container's, where the auditor accepted it all the same.
    pub doubts: Vec<String>,
    /// Processes of the container with another root.
    pub other_roots: Vec<i32>,
    /// How many processes of the container did not let their root be seen.
    pub unseen_roots: usize,
    /// What protected the scanner: name, whether it was in force, words.
    pub protection: Vec<(String, bool, String)>,
    /// Who could have changed the scanner, where the auditor accepted it all the same.
    pub observers: Vec<String>,
}

/// How far results can be trusted, by who had a part in what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assurance {
    /// An image with digests.
    Image,
    /// A folder of this machine.
    Directory,
    /// A running container, looked at by another user than its own.
    LiveOtherUser,
    /// A running container, looked at by its own user.
    LiveSameUser,
    /// What a program of a running container gave out of it.
    GivenOut,
}

impl Assurance {
    /// All levels, the strongest first.
    pub const ALL: [Assurance; 5] = [
        Assurance::Image,
        Assurance::Directory,
        Assurance::LiveOtherUser,
        Assurance::LiveSameUser,
        Assurance::GivenOut,
    ];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Assurance::Image => "image",
            Assurance::Directory => "directory",
            Assurance::LiveOtherUser => "live, another user",
            Assurance::LiveSameUser => "live, same user",
            Assurance::GivenOut => "given out by the container",
        }
    }

    /// What it proves, and what it does not.
    pub fn words(self) -> &'static str {
        match self {
            Assurance::Image => {
                "the image as its digests have it, in which nothing that runs has a part; not what a container of it became"
            }
            Assurance::Directory => "the files of a folder while they were read; not where they came from",
            Assurance::LiveOtherUser => {
                "what the kernel showed of the running container; who controls its files could show clean ones meanwhile"
            }
            Assurance::LiveSameUser => {
                "what the kernel showed of the running container, to a scanner of the same user, which the container could \
                 see, stop or end, but not change; who controls its files could show clean ones meanwhile"
            }
            Assurance::GivenOut => {
                "what a program of the running container gave out of its files; who controls the container could give out others"
            }
        }
    }
}

/// A file of the auditor that had a part in the scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditorFile {
    /// What it was: `input file`, `waiver file`, `threshold`.
    pub role: &'static str,
    /// Its path, as it was given.
    pub path: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// The program that made a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generator {
    /// Its name; empty when results that were read again do not say.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Generator {
    /// This program.
    pub fn assay() -> Generator {
        Generator { name: "assay".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// All that came out of a scan.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which program scanned.
    pub generator: Generator,
    /// What was scanned.
    pub target: TargetFacts,
    /// The profiles, in the order in which they were given.
    pub profiles: Vec<ProfileResult>,
    /// When it began, in seconds since the epoch; `None` when results that were read again do not say.
    pub started: Option<i64>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Files of the auditor that had a part in it.
    pub auditor_files: Vec<AuditorFile>,
}

impl Report {
    /// All controls of all profiles.
    pub fn controls(&self) -> impl Iterator<Item = &ControlResult> {
        self.profiles.iter().flat_map(|profile| &profile.controls)
    }
}
