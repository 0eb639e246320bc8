//! A profile's own tests, `tests/*.yaml` in its folder: a tree, and what the controls must come to on it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::check::{is_null, to_value};
use crate::order;
use crate::outcome::{CheckResult, ControlStatus, Report, Status};
use crate::process::Facts;
use crate::profile::Profile;
use crate::profile::decode::{Decoder, Field, Fields};
use crate::profile::files::{MAX_BYTES, is_yaml, read_source};
use crate::profile::input::{GivenInputs, Inputs};
use crate::profile::source::{Place, Problem, Source, Span, nearest};
use crate::profile::yaml::{self, Node, NodeKind};
use crate::resource::Type;
use crate::rootfs::{ImageConfig, Kind, MemoryEntry};
use crate::value::{Value, parse_mode};

/// When a fixture is scanned that names no moment: 2000-01-01. A fixed one, so that a test does not fail with time.
const MOMENT: i64 = 946_684_800;

const KEYS: [&str; 7] = ["schema", "tree", "image", "live", "inputs", "moment", "expect"];
const ENTRY_KEYS: [&str; 9] = ["type", "content", "link", "mode", "uid", "gid", "mtime", "xattrs", "denied"];
const STATUSES: [(&str, ControlStatus); 5] = [
    ("passed", ControlStatus::Passed),
    ("failed", ControlStatus::Failed),
    ("not_reviewed", ControlStatus::NotReviewed),
    ("not_applicable", ControlStatus::NotApplicable),
    ("error", ControlStatus::Error),
];
const RESULTS: [&str; 4] = ["passed", "failed", "skipped", "error"];

/// One test of a profile.
#[derive(Debug)]
pub struct Fixture {
    /// Its file without folder and ending.
    pub name: String,
    /// The entries of the root, by path.
    pub tree: Vec<(String, MemoryEntry)>,
    /// What the image says of itself, if the root is that of one.
    pub image: Option<ImageConfig>,
    /// The processes, where it is a running container.
    pub processes: Option<Arc<Facts>>,
    /// The values of inputs.
    pub inputs: GivenInputs,
    /// When the scan is: seconds since the epoch.
    pub moment: i64,
    /// The names of the inputs, where they are given.
    given: Vec<(String, Place)>,
    expected: Vec<Expected>,
}

/// What a control must come to.
#[derive(Debug)]
struct Expected {
    control: String,
    key: Place,
    wanted: Wanted,
    value: Place,
}

#[derive(Debug)]
enum Wanted {
    /// This status.
    Status(ControlStatus),
    /// These results, in order.
    Results(Vec<String>),
}

/// A control that came to something else.
#[derive(Debug)]
pub struct Difference {
    /// What was expected where, and what it is.
    pub problem: Problem,
    /// The results of the control, a line each.
    pub results: Vec<String>,
}

/// Reads the tests of a profile, by name.
///
/// Errors: all mistakes of all files; there are none.
#[expect(clippy::disallowed_methods, reason = "the auditor's own files")]
pub fn read_fixtures(profile: &str) -> Result<Vec<Fixture>, Vec<Problem>> {
    let folder = Path::new(profile).join("tests");
    let listed = std::fs::read_dir(&folder).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<PathBuf>>>()
    });
    let mut paths = match listed {
        Ok(paths) => paths,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Vec::new(),
        Err(error) => {
            return Err(vec![Problem::without_place(format!("{} cannot be read: {error}", folder.display()))]);
        }
    };
    paths.retain(|path| is_yaml(path));
    order::sort(&mut paths, &Ord::cmp);
    if paths.is_empty() {
        let mut problem = Problem::without_place(format!("profile {profile} has no tests"));
        problem.help = Some("tests are files of a profile's folder: tests/*.yaml; `assay new` makes one".to_owned());
        return Err(vec![problem]);
    }
    let (mut fixtures, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match read_source(&path.display().to_string(), MAX_BYTES).map_err(|problem| vec![problem]).and_then(fixture) {
            Ok(fixture) => fixtures.push(fixture),
            Err(mut found) => problems.append(&mut found),
        }
    }
    if problems.is_empty() { Ok(fixtures) } else { Err(problems) }
}

fn fixture(source: Arc<Source>) -> Result<Fixture, Vec<Problem>> {
    let root = yaml::parse(&source)?;
    let inputs = Inputs::default();
    let mut decoder = Decoder::new(&source, &inputs, &[]);
    let name = Path::new(&*source.name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut fixture = Fixture {
        name,
        tree: Vec::new(),
        image: None,
        processes: None,
        inputs: GivenInputs::default(),
        moment: MOMENT,
        given: Vec::new(),
        expected: Vec::new(),
    };
    if let Some(fields) = decoder.fields(&root, "a test", &KEYS) {
        decoder.fixture(&root, &fields, &mut fixture);
    }
    if decoder.problems.is_empty() { Ok(fixture) } else { Err(decoder.problems) }
}

impl Decoder<'_> {
    fn fixture(&mut self, root: &Node<'_>, fields: &Fields<'_>, fixture: &mut Fixture) {
        self.schema(root, fields);
        let first = Span { start: root.span.start, end: root.span.start + 1 };
        if let Some(node) = fields.get("moment") {
            fixture.moment = self.moment(node).unwrap_or(MOMENT);
        }
        match fields.get("tree") {
            Some(node) => fixture.tree = self.tree(node, fixture.moment),
            None => self.problem(first, "a test needs `tree`, the files of the root that is scanned"),
        }
        if let Some(node) = fields.get("image") {
            fixture.image = self.image(node);
        }
        if let Some(node) = fields.get("live") {
            fixture.processes = self.live(node).map(Arc::new);
        }
        if let Some(node) = fields.get("inputs")
            && let Some(given) = self.entries(node, "inputs")
        {
            let place = |field: &Field<'_>| (field.name.to_owned(), Place::new(self.source, field.key));
            fixture.given = given.0.iter().map(place).collect();
            fixture.inputs.files.push(alone(self.source, node));
        }
        match fields.get("expect") {
            Some(node) => fixture.expected = self.expected(node),
            None => self.problem(first, "a test needs `expect`, what the controls come to"),
        }
    }

    /// `image: {config: {User: …}, history: […]}`: the configuration with the keys that an image has.
    fn image(&mut self, node: &Node<'_>) -> Option<ImageConfig> {
        let parsed = serde_yaml::from_str::<serde_json::Value>(&alone(self.source, node).text)
            .map_err(|error| error.to_string())
            .and_then(|json| ImageConfig::parse(json.to_string().as_bytes()));
        parsed.map_err(|error| self.problem(node.span, format!("not the configuration of an image: {error}"))).ok()
    }

    fn moment(&mut self, node: &Node<'_>) -> Option<i64> {
        match to_value(Type::Time, &Value::text(self.raw_text(node, "moment")?)) {
            Some(Value::Time(seconds)) => Some(seconds),
            _ => {
                self.problem(node.span, format!("moment must be {}", Type::Time.words()));
                None
            }
        }
    }

    /// `tree: {PATH: CONTENT, PATH: {…}}`.
    fn tree(&mut self, node: &Node<'_>, moment: i64) -> Vec<(String, MemoryEntry)> {
        let Some(fields) = self.entries(node, "tree") else { return Vec::new() };
        let mut tree: Vec<(String, MemoryEntry)> = Vec::new();
        for field in &fields.0 {
            let path = field.name.trim_end_matches('/');
            let names = path.split('/').skip(1);
            if !field.name.starts_with('/') || names.into_iter().any(|name| matches!(name, "" | "." | "..")) {
                self.problem(field.key, format!("`{}` must be a whole absolute path", field.name));
                continue;
            }
            if let Some(entry) = self.entry(field, moment) {
                tree.push((path.to_owned(), entry));
            }
        }
        for (path, entry) in &tree {
            let below = |field: &&Field<'_>| {
                field.name.strip_prefix(path).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
            };
            if let Some(field) = fields.0.iter().find(below).filter(|_| entry.kind != Kind::Directory) {
                self.problem(field.key, format!("`{}` lies in `{path}`, which is no directory", field.name));
            }
        }
        tree
    }

    /// A file's content, or what the entry is.
    fn entry(&mut self, field: &Field<'_>, moment: i64) -> Option<MemoryEntry> {
        let node = field.value;
        let with_time = |entry: MemoryEntry| MemoryEntry { mtime: moment, ..entry };
        if let NodeKind::Scalar { text, plain } = &node.kind {
            if *plain && is_null(text) {
                let help = Some("an empty file is \"\", a directory {type: directory}".to_owned());
                self.problem_with_help(field.key, format!("`{}` has no value", field.name), help);
                return None;
            }
            return Some(with_time(MemoryEntry::file(text.as_bytes())));
        }
        let fields = self.fields(node, "an entry of a tree", &ENTRY_KEYS)?;
        let before = self.problems.len();
        let kind = match fields.get("type") {
            Some(node) => self.kind(node)?,
            None if fields.get("link").is_some() => Kind::Symlink,
            None => Kind::File,
        };
        for (key, of) in [("content", Kind::File), ("link", Kind::Symlink)] {
            if let Some(node) = fields.get(key).filter(|_| kind != of) {
                self.problem(node.span, format!("a {} has no `{key}`", kind.words()));
            }
        }
        if kind == Kind::Symlink && fields.get("link").is_none() {
            self.problem(node.span, "a symbolic link needs `link`, where it leads");
        }
        let text = |decoder: &mut Self, key: &str| fields.get(key).and_then(|node| decoder.raw_text(node, key));
        let mut entry = match kind {
            Kind::Directory => MemoryEntry::directory(),
            Kind::Symlink => MemoryEntry::link(text(self, "link").unwrap_or_default()),
            Kind::File => MemoryEntry::file(fields.get("content").map_or("", |node| node.text().unwrap_or_default())),
            kind => MemoryEntry::special(kind),
        };
        entry.mtime = moment;
        if let Some(node) = fields.get("content").filter(|node| node.text().is_none()) {
            self.problem(node.span, format!("content must be a text, not {}", node.words()));
        }
        if let Some(node) = fields.get("mode") {
            match node.text().and_then(parse_mode) {
                Some(mode) => entry.mode = mode,
                None => self.problem(node.span, format!("mode must be {}", Type::Mode.words())),
            }
        }
        for (key, place) in [("uid", &mut entry.owner.0), ("gid", &mut entry.owner.1)] {
            if let Some(node) = fields.get(key) {
                match node.text().and_then(|text| text.parse().ok()) {
                    Some(number) => *place = number,
                    None => self.problem(node.span, format!("{key} must be a whole number")),
                }
            }
        }
        if let Some(node) = fields.get("mtime") {
            entry.mtime = self.moment(node).unwrap_or(moment);
        }
        if let Some(node) = fields.get("xattrs") {
            entry.xattrs = self.xattrs(node);
        }
        if let Some(node) = fields.get("denied") {
            entry.denied = self.bool(node, "denied").unwrap_or(false);
        }
        (self.problems.len() == before).then_some(entry)
    }

    /// `{NAME: BYTES}`, the bytes in hexadecimal digits.
    fn xattrs(&mut self, node: &Node<'_>) -> Vec<(String, Vec<u8>)> {
        let Some(fields) = self.entries(node, "xattrs") else { return Vec::new() };
        let mut xattrs = Vec::new();
        for field in &fields.0 {
            match field.value.text().and_then(bytes) {
                Some(bytes) => xattrs.push((field.name.to_owned(), bytes)),
                None => self.problem(field.value.span, "an attribute is written in pairs of hexadecimal digits"),
            }
        }
        xattrs
    }

    fn kind(&mut self, node: &Node<'_>) -> Option<Kind> {
        let found = node.text().unwrap_or_else(|| node.words());
        let kind = Kind::NAMED.iter().find(|(_, name)| *name == found).map(|(kind, _)| *kind);
        if kind.is_none() {
            let known = Kind::NAMED.map(|(_, name)| name);
            self.unknown(node.span, format!("unknown type `{found}`"), found, &known);
        }
        kind
    }

    /// `expect: {CONTROL: STATUS, CONTROL: [RESULT, …]}`.
    fn expected(&mut self, node: &Node<'_>) -> Vec<Expected> {
        let Some(fields) = self.entries(node, "expect") else { return Vec::new() };
        if fields.0.is_empty() {
            self.problem(node.span, "expect is empty");
        }
        let mut expected = Vec::new();
        for field in &fields.0 {
            let Some(wanted) = self.wanted(field.value) else { continue };
            let (key, value) = (Place::new(self.source, field.key), Place::new(self.source, field.value.span));
            expected.push(Expected { control: field.name.to_owned(), key, wanted, value });
        }
        expected
    }

    fn wanted(&mut self, node: &Node<'_>) -> Option<Wanted> {
        if let NodeKind::List(items) = &node.kind {
            let results: Vec<Option<String>> = items.iter().map(|item| self.result_word(item)).collect();
            return results.into_iter().collect::<Option<_>>().map(Wanted::Results);
        }
        let found = node.text().unwrap_or_else(|| node.words());
        let status = STATUSES.iter().find(|(word, _)| *word == found).map(|(_, status)| Wanted::Status(*status));
        if status.is_none() {
            let known = STATUSES.map(|(word, _)| word);
            self.unknown(node.span, format!("unknown status `{found}` of a control"), found, &known);
        }
        status
    }

    fn result_word(&mut self, node: &Node<'_>) -> Option<String> {
        let found = node.text().unwrap_or_else(|| node.words());
        if !RESULTS.contains(&found) {
            self.unknown(node.span, format!("unknown status `{found}` of a result"), found, &RESULTS);
            return None;
        }
        Some(found.to_owned())
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| match pair {
        [high, low] if pair.iter().all(u8::is_ascii_hexdigit) => {
            u8::from_str_radix(std::str::from_utf8(&[*high, *low]).ok()?, 16).ok()
        }
        _ => None,
    };
    hex.as_bytes().chunks(2).map(pair).collect()
}

/// A part of a file as a file of its own, in which everything keeps its line and column.
fn alone(source: &Source, node: &Node<'_>) -> Arc<Source> {
    let blank = |text: &str| -> String { text.chars().map(|char| if char == '\n' { '\n' } else { ' ' }).collect() };
    let (start, end) = (node.span.start as usize, node.span.end as usize);
    let before = blank(source.text.get(..start).unwrap_or_default());
    Arc::new(Source::new(Arc::clone(&source.name), before + source.text.get(start..end).unwrap_or_default()))
}

impl Fixture {
    /// The ids of the controls that it says something of.
    pub fn controls(&self) -> impl Iterator<Item = &str> {
        self.expected.iter().map(|expected| expected.control.as_str())
    }

    /// Controls and inputs of this test that the profile does not have.
    pub fn unknown_names(&self, profile: &Profile) -> Vec<Problem> {
        let controls: Vec<&str> = profile.controls.iter().map(|control| control.facts.id.as_str()).collect();
        let inputs: Vec<&str> = profile.inputs.iter().map(|input| input.name.as_str()).collect();
        let named = self.expected.iter().map(|expected| (&expected.control, &expected.key, "control", &controls));
        let given = self.given.iter().map(|(name, place)| (name, place, "input", &inputs));
        let unknown = given.chain(named).filter(|(name, _, _, known)| !known.contains(&name.as_str()));
        let problem = |(name, place, what, known): (&String, &Place, &str, &Vec<&str>)| Problem {
            place: Some(place.clone()),
            message: format!("the profile has no {what} `{name}`"),
            help: nearest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`?")),
        };
        unknown.map(problem).collect()
    }

    /// What is not as it must be.
    pub fn differences(&self, report: &Report) -> Vec<Difference> {
        let mut differences = Vec::new();
        for Expected { control, wanted, value, .. } in &self.expected {
            let Some(found) = report.controls().find(|found| found.facts.id == *control) else { continue };
            let message = match wanted {
                Wanted::Status(wanted) if *wanted == found.status() => continue,
                Wanted::Status(wanted) => {
                    format!("{control} is {}, not {}", status_word(found.status()), status_word(*wanted))
                }
                Wanted::Results(wanted) => {
                    let found: Vec<&str> = found.results.iter().map(result_word).collect();
                    if found == *wanted {
                        continue;
                    }
                    format!("the results of {control} are [{}], not [{}]", found.join(", "), wanted.join(", "))
                }
            };
            let problem = Problem { place: Some(value.clone()), message, help: None };
            differences.push(Difference { problem, results: found.results.iter().map(line).collect() });
        }
        differences
    }
}

/// A result in a line.
fn line(result: &CheckResult) -> String {
    let message = match &result.status {
        Status::Passed => "",
        Status::Failed(message) | Status::Skipped(message) | Status::Error(message) => message,
    };
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let colon = if message.is_empty() { "" } else { ": " };
    format!("{}: {}{colon}{message}", result_word(result), result.description)
}

fn status_word(status: ControlStatus) -> &'static str {
    STATUSES.iter().find(|(_, known)| *known == status).map_or("", |(word, _)| word)
}

fn result_word(result: &CheckResult) -> &'static str {
    match result.status {
        Status::Passed => "passed",
        Status::Failed(_) => "failed",
        Status::Skipped(_) => "skipped",
        Status::Error(_) => "error",
    }
}
