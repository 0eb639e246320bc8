//! From files to profiles: decoding, and checking what several files have to agree on.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::check::{Condition, Gate, Supports};
use crate::order;
use crate::outcome::DependencyFacts;
use crate::profile::control::Decoded;
use crate::profile::decode::{Decoder, Fields};
use crate::profile::files::{ProfileFiles, relative};
use crate::profile::input::{GivenInputs, Inputs, is_name};
use crate::profile::overlay::{Dependency, Overlay};
use crate::profile::source::{Place, Problem, Source, hex};
use crate::profile::yaml::{self, Node};
use crate::profile::{Control, Profile};

pub(super) const PROFILE_KEYS: [&str; 13] = [
    "schema",
    "name",
    "title",
    "version",
    "license",
    "maintainer",
    "summary",
    "copyright",
    "supports",
    "inputs",
    "conditions",
    "depends",
    "overlay",
];
pub(super) const CONTROL_FILE_KEYS: [&str; 3] = ["schema", "defaults", "controls"];

/// Profiles that loaded, and what was noticed on the way.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The profiles, in the order in which they were given.
    pub profiles: Vec<Profile>,
    /// Names in input files that no profile declares.
    pub unused_inputs: Vec<String>,
    /// Names on the command line that no profile declares.
    pub unknown_values: Vec<String>,
    /// Names of all inputs.
    pub input_names: Vec<String>,
}

/// Compiles profiles with the auditor's inputs.
///
/// Errors: all problems of all files.
pub fn compile(files: &[ProfileFiles], given: &GivenInputs) -> Result<Loaded, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut profiles = Vec::new();
    let mut known_inputs: Vec<String> = Vec::new();
    let mut ids: HashMap<String, Place> = HashMap::new();
    for file in &given.files {
        match yaml::parse(file) {
            Err(mut found) => problems.append(&mut found),
            Ok(root) => {
                let inputs = Inputs::default();
                let mut decoder = Decoder::new(file, &inputs, &[]);
                if !root.is_null() {
                    decoder.entries(&root, "an input file");
                }
                problems.append(&mut decoder.problems);
            }
        }
    }
    for files in files {
        let (compiled, mut found) = profile(files, None, given, &mut Scope::default(), &mut known_inputs);
        let known_problems = problems.len() + found.len();
        problems.append(&mut found);
        let Some(Compiled { mut profile, controls }) = compiled else { continue };
        problems.extend(controls.iter().filter_map(|(control, place)| given_twice(&mut ids, control, place)));
        profile.controls = controls.into_iter().map(|(control, _)| control).collect();
        if problems.len() == known_problems {
            profiles.push(profile);
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let given_names = given.files.iter().filter_map(|file| {
        let root = yaml::parse(file).ok()?;
        let yaml::NodeKind::Map(entries) = root.kind else { return None };
        Some(entries.iter().filter_map(|(key, _)| key.text().map(str::to_owned)).collect::<Vec<_>>())
    });
    let unused_inputs = given_names.flatten().filter(|name| !known_inputs.contains(name)).collect();
    let values = given.values.iter().map(|(name, _)| name.clone());
    let unknown_values = values.filter(|name| !known_inputs.contains(name)).collect();
    Ok(Loaded { profiles, unused_inputs, unknown_values, input_names: known_inputs })
}

/// The problem of an id that is known already.
fn given_twice(ids: &mut HashMap<String, Place>, control: &Control, place: &Place) -> Option<Problem> {
    let id = &control.facts.id;
    let Some(first) = ids.get(id) else {
        ids.insert(id.clone(), place.clone());
        return None;
    };
    let (line, _) = first.position();
    let message = format!("the id `{id}` is given twice, first at {}:{line}", first.file());
    let help = "ids are unique over all profiles of a scan: readers of HDF would mix the two".to_owned();
    Some(Problem { place: Some(place.clone()), message, help: Some(help) })
}

/// A profile, and its controls with where their ids stand.
struct Compiled {
    profile: Profile,
    controls: Vec<(Control, Place)>,
}

/// The conditions of a profile and of those below it; those of a dependency are called `NAME/CONDITION` above it.
#[derive(Default)]
struct Scope {
    names: Vec<String>,
    conditions: Vec<Gate>,
}

/// One profile; `None` when it has problems. `above` is what the profile above it says of its inputs.
fn profile(
    files: &ProfileFiles,
    above: Option<(&Arc<Source>, &Node<'_>)>,
    given: &GivenInputs,
    scope: &mut Scope,
    known_inputs: &mut Vec<String>,
) -> (Option<Compiled>, Vec<Problem>) {
    let mut problems = Vec::new();
    let Some(main) = files.files.first() else { return (None, problems) };
    let root = match yaml::parse(main) {
        Ok(root) => root,
        Err(mut found) => {
            // The other files may have errors of their own.
            for file in files.files.iter().skip(1) {
                found.extend(yaml::parse(file).err().unwrap_or_default());
            }
            return (None, found);
        }
    };
    let empty = Inputs::default();
    let mut decoder = Decoder::new(main, &empty, &[]);
    let keys: Vec<&str> = PROFILE_KEYS.iter().chain(&CONTROL_FILE_KEYS).copied().collect();
    if root.is_null() {
        let help = Some("a profile begins with `schema: 1`".to_owned());
        decoder.problem_with_help(root.span, "the file holds nothing", help);
        return (None, decoder.problems);
    }
    let Some(fields) = decoder.fields(&root, "a profile", &keys) else { return (None, decoder.problems) };
    for field in fields.0.iter().filter(|field| !files.single && !PROFILE_KEYS.contains(&field.name)) {
        let help = Some("in a folder they have files of their own: controls/*.yaml".to_owned());
        decoder.problem_with_help(field.key, format!("`{}` does not belong into profile.yaml", field.name), help);
    }
    decoder.schema(&root, &fields);
    let mut profile = decoder.metadata(&root, &fields);
    let inputs = fields.get("inputs").map_or_else(Inputs::default, |node| decoder.declared_inputs(node, above, given));
    let depends = decoder.depends(&fields);
    let overlays = decoder.overlays(&fields, &depends);
    problems.append(&mut decoder.problems);
    known_inputs.extend(inputs.names().map(str::to_owned));
    profile.inputs = inputs.facts();

    let (mut taken, mut problems_below) = (Vec::new(), Vec::new());
    for dependency in &depends {
        let below = files.depends.iter().find(|(name, _)| name == dependency.name);
        let overlay = overlays.iter().find(|overlay| overlay.from == dependency.name);
        let (Some((_, below)), Some(overlay)) = (below, overlay) else { continue };
        let first_name = scope.names.len();
        let above = overlay.inputs.map(|inputs| (main, inputs));
        let (compiled, mut found) = self::profile(below, above, given, scope, known_inputs);
        let is_sound = found.is_empty();
        problems_below.append(&mut found);
        for name in scope.names.iter_mut().skip(first_name) {
            *name = format!("{}/{name}", dependency.name);
        }
        let Some(compiled) = compiled.filter(|_| is_sound) else { continue };
        let mut decoder = Decoder::new(main, &inputs, &[]);
        decoder.check_dependency(dependency, overlay, &compiled.profile);
        problems.append(&mut decoder.problems);
        let profile_below = &compiled.profile;
        profile.depends.push(DependencyFacts {
            name: dependency.name.to_owned(),
            profile: format!("{} {}", profile_below.name, profile_below.version).trim_end().to_owned(),
            path: below.given.clone(),
            sha256: profile_below.sha256.clone(),
        });
        for input in &profile_below.inputs {
            if !profile.inputs.iter().any(|known| known.name == input.name) {
                profile.inputs.push(input.clone());
            }
        }
        taken.push((overlay, compiled));
    }

    let mut decoder = Decoder::new(main, &inputs, &[]);
    let own_names = fields.get("conditions").map_or_else(Vec::new, |node| decoder.condition_names(node));
    problems.append(&mut decoder.problems);
    let names: Vec<String> = scope.names.iter().cloned().chain(own_names).collect();
    let mut decoder = Decoder::new(main, &inputs, &names);
    let first = scope.names.len();
    let own_conditions = fields.get("conditions").map(|node| decoder.named_conditions(node, first));
    scope.conditions.extend(own_conditions.unwrap_or_default());
    problems.append(&mut decoder.problems);

    let mut controls: Vec<(Control, Place)> = Vec::new();
    for (overlay, compiled) in taken {
        let supports = compiled.profile.supports;
        for (mut control, place) in decoder.taken_from_below(overlay, compiled.controls, &profile.name) {
            if supports != Supports::default() {
                Arc::make_mut(&mut control.rules).supports.push(supports.clone());
            }
            controls.push((control, place));
        }
        problems.append(&mut decoder.problems);
    }
    let control_files = if files.single { &files.files[..] } else { files.files.get(1..).unwrap_or_default() };
    for file in control_files {
        let (decoded, mut found) = controls_of(file, files.single, &inputs, &names);
        problems.append(&mut found);
        for Decoded { facts, rules, id } in decoded {
            controls.push((Control { facts: Arc::new(facts), rules: Arc::new(rules) }, Place::new(file, id)));
        }
    }
    if controls.is_empty() && problems.is_empty() && problems_below.is_empty() {
        let mut problem = Problem::without_place(format!("profile {} has no controls", files.given));
        problem.help = Some("controls stand in controls/*.yaml, or under `controls:` of a single file".to_owned());
        problems.push(problem);
    }
    // As people read: from file to file, from top to bottom.
    let read = |problem: &Problem| {
        let place = problem.place.as_ref().map(|place| (place.file(), place.position()));
        place.map(|(name, position)| (files.files.iter().position(|file| *file.name == *name), position))
    };
    order::sort(&mut problems, &|a, b| read(a).cmp(&read(b)));
    problems_below.append(&mut problems);
    profile.sha256 = digest(&files.files, &profile.depends);
    // Those of the top are what its controls ask, by place.
    profile.conditions.clone_from(&scope.conditions);
    scope.names = names;
    // With problems, controls are compared with those of other profiles all the same.
    (Some(Compiled { profile, controls }), problems_below)
}

fn controls_of(
    file: &Arc<Source>,
    single: bool,
    inputs: &Inputs,
    conditions: &[String],
) -> (Vec<Decoded>, Vec<Problem>) {
    let root = match yaml::parse(file) {
        Ok(root) => root,
        Err(problems) => return (Vec::new(), problems),
    };
    let mut decoder = Decoder::new(file, inputs, conditions);
    let fields = if single {
        decoder.entries(&root, "a profile")
    } else {
        decoder.fields(&root, "a file of controls", &CONTROL_FILE_KEYS)
    };
    let Some(fields) = fields else { return (Vec::new(), decoder.problems) };
    if !single {
        decoder.schema(&root, &fields);
        if fields.get("controls").is_none() {
            decoder.problem(root.span, "there are no `controls`");
        }
    }
    let controls = decoder.controls(&fields);
    (controls, decoder.problems)
}

impl Decoder<'_> {
    /// `schema: 1`.
    pub(super) fn schema(&mut self, root: &Node<'_>, fields: &Fields<'_>) {
        match fields.get("schema") {
            Some(node) if node.text() == Some("1") => {}
            Some(node) => {
                let found = node.text().unwrap_or_default();
                self.problem(node.span, format!("schema `{found}` is not known; this version reads schema 1"));
            }
            None => {
                let first = crate::profile::source::Span { start: root.span.start, end: root.span.start + 1 };
                self.problem_with_help(
                    first,
                    "`schema` is missing",
                    Some("begin the file with `schema: 1`".to_owned()),
                );
            }
        }
    }

    fn metadata(&mut self, root: &Node<'_>, fields: &Fields<'_>) -> Profile {
        let mut text = |key: &str| match fields.get(key) {
            Some(node) => self.raw_text(node, key).unwrap_or_default().to_owned(),
            None => String::new(),
        };
        let mut profile = Profile {
            name: text("name"),
            title: text("title"),
            version: text("version"),
            summary: text("summary"),
            maintainer: text("maintainer"),
            license: text("license"),
            copyright: text("copyright"),
            sha256: String::new(),
            depends: Vec::new(),
            supports: Supports::default(),
            inputs: Vec::new(),
            conditions: Vec::new(),
            controls: Vec::new(),
        };
        if fields.get("name").is_none() {
            let first = crate::profile::source::Span { start: root.span.start, end: root.span.start + 1 };
            self.problem_with_help(first, "a profile needs `name`", Some("such as `name: my-baseline`".to_owned()));
        }
        profile.supports = fields.get("supports").and_then(|node| self.supports(node)).unwrap_or_default();
        profile
    }

    /// A list of systems.
    fn supports(&mut self, node: &Node<'_>) -> Option<Supports> {
        let mut supports = Supports::default();
        for node in self.list(node, "supports")? {
            let mut entry = Vec::new();
            for field in &self.fields(node, "supports", &Supports::KEYS)?.0 {
                entry.push((field.name.to_owned(), self.raw_text(field.value, field.name)?.to_owned()));
            }
            supports.0.push(entry);
        }
        Some(supports)
    }

    fn condition_names(&mut self, node: &Node<'_>) -> Vec<String> {
        let Some(fields) = self.entries(node, "conditions") else { return Vec::new() };
        let mut names = Vec::new();
        for field in &fields.0 {
            if !is_name(field.name) || field.name == "live" {
                let help = match field.name {
                    "live" => "it is built in".to_owned(),
                    _ => "letters, digits, _ and -, beginning with a letter".to_owned(),
                };
                let message = format!("`{}` cannot be the name of a condition", field.name);
                self.problem_with_help(field.key, message, Some(help));
            }
            names.push(field.name.to_owned());
        }
        names
    }

    /// Whether a profile below is the one that is meant, and has the inputs that are given to it.
    fn check_dependency(&mut self, dependency: &Dependency<'_>, overlay: &Overlay<'_>, below: &Profile) {
        if let Some((wanted, span)) = dependency.sha256
            && !wanted.eq_ignore_ascii_case(&below.sha256)
        {
            let help = Some("if the change is wanted, write its new digest".to_owned());
            let message = format!("the profile `{}` has the digest {}", dependency.name, below.sha256);
            self.problem_with_help(span, message, help);
        }
        let Some(fields) = overlay.inputs.and_then(|node| self.entries(node, "inputs")) else { return };
        let known: Vec<&str> = below.inputs.iter().map(|input| input.name.as_str()).collect();
        for field in fields.0.iter().filter(|field| !known.contains(&field.name)) {
            self.unknown(field.key, format!("`{}` has no input `{}`", dependency.name, field.name), field.name, &known);
        }
    }

    /// The named conditions, in order; each may use those before it, of which these come from profiles below.
    fn named_conditions(&mut self, node: &Node<'_>, first: usize) -> Vec<Gate> {
        let Some(fields) = self.entries(node, "conditions") else { return Vec::new() };
        let all = self.conditions;
        let mut conditions = Vec::new();
        for (place, field) in fields.0.iter().enumerate() {
            self.conditions = all.get(..first + place).unwrap_or_default();
            // A condition with errors keeps its place, so that the others keep theirs.
            conditions.push(self.gate(field.value).unwrap_or(Gate { condition: Condition::Live, reason: None }));
        }
        self.conditions = all;
        conditions
    }
}

/// SHA-256 over names and contents, as InSpec does it: `name NUL content NUL`, by name; then those of the profiles below.
fn digest(files: &[Arc<Source>], depends: &[DependencyFacts]) -> String {
    let mut named = relative(files);
    order::sort(&mut named, &|a, b| a.0.cmp(&b.0));
    let mut digest = Sha256::new();
    for (name, file) in named {
        for part in [name.as_bytes(), b"\0", file.text.as_bytes(), b"\0"] {
            digest.update(part);
        }
    }
    for below in depends {
        for part in [below.name.as_bytes(), b"\0", below.sha256.as_bytes(), b"\0"] {
            digest.update(part);
        }
    }
    hex(&digest.finalize())
}
