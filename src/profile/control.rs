//! Controls: what their authors say of them, and their checks.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::check::{Gate, Item, Missing, Rules};
use crate::outcome::{ControlFacts, Severity};
use crate::profile::Control;
use crate::profile::decode::{Decoder, Fields};
use crate::profile::source::Span;
use crate::profile::yaml::{Node, NodeKind};

/// A control as it was decoded.
pub(super) struct Decoded {
    pub(super) facts: ControlFacts,
    pub(super) rules: Rules,
    /// Where its id is.
    pub(super) id: Span,
}

/// What `defaults` gives to every control of a file.
#[derive(Default)]
struct Defaults {
    tags: Vec<(String, Json)>,
    missing: Option<Missing>,
    applicable_if: Option<Arc<Gate>>,
    only_if: Option<Arc<Gate>>,
}

pub(super) const DEFAULTS_KEYS: [&str; 4] = ["tags", "missing", "applicable_if", "only_if"];
/// What an overlay may change of a control.
pub(super) const OVERRIDE_KEYS: [&str; 13] = [
    "title",
    "impact",
    "desc",
    "check",
    "fix",
    "tags",
    "refs",
    "applicable_if",
    "only_if",
    "let",
    "each",
    "checks",
    "missing",
];
/// Texts of a control, with their labels in the report.
const DESCRIPTIONS: [(&str, &str); 3] = [("desc", "default"), ("check", "check"), ("fix", "fix")];
pub(super) const REFERENCE_KEYS: [&str; 3] = ["ref", "url", "uri"];
/// Tags that readers take as lists of texts.
pub(super) const LIST_TAGS: [&str; 2] = ["nist", "cci"];
/// Tags that readers take as a severity.
pub(super) const SEVERITY_TAGS: [&str; 2] = ["severity", "severityoverride"];
pub(super) const CONTROL_KEYS: [&str; 14] = [
    "id",
    "title",
    "impact",
    "desc",
    "check",
    "fix",
    "tags",
    "refs",
    "applicable_if",
    "only_if",
    "let",
    "each",
    "checks",
    "missing",
];

impl Decoder<'_> {
    /// The controls of a file: those that are sound.
    pub(super) fn controls(&mut self, fields: &Fields<'_>) -> Vec<Decoded> {
        let defaults = fields.get("defaults").and_then(|node| self.defaults(node)).unwrap_or_default();
        let Some(nodes) = fields.get("controls").and_then(|node| self.list(node, "controls")) else {
            return Vec::new();
        };
        nodes.iter().filter_map(|node| self.control(node, &defaults)).collect()
    }

    fn defaults(&mut self, node: &Node<'_>) -> Option<Defaults> {
        let fields = self.fields(node, "defaults", &DEFAULTS_KEYS)?;
        Some(Defaults {
            tags: fields.get("tags").and_then(|node| self.tags(node)).unwrap_or_default(),
            missing: fields.get("missing").and_then(|node| self.missing(node)),
            applicable_if: fields.get("applicable_if").and_then(|node| self.gate(node)).map(Arc::new),
            only_if: fields.get("only_if").and_then(|node| self.gate(node)).map(Arc::new),
        })
    }

    fn control(&mut self, node: &Node<'_>, defaults: &Defaults) -> Option<Decoded> {
        let fields = self.fields(node, "a control", &CONTROL_KEYS)?;
        let before = self.problems.len();
        let Some(id_node) = fields.get("id") else {
            self.problem(first_line(node), "a control needs `id`");
            return None;
        };
        let id = self.raw_text(id_node, "id")?.to_owned();
        let title = fields.get("title").and_then(|node| self.sentence(node, "title")).unwrap_or_default();
        let impact = fields.get("impact").map_or(Some(Severity::Medium.impact()), |node| self.impact(node));
        let descriptions = self.descriptions(&fields);
        let own_tags = fields.get("tags").map_or(Some(Vec::new()), |node| self.tags(node));
        let refs = fields.get("refs").map_or(Some(Vec::new()), |node| self.refs(node));
        let missing = match fields.get("missing") {
            Some(node) => self.missing(node),
            None => Some(defaults.missing.unwrap_or(Missing::Skip)),
        };
        let gate = |decoder: &mut Self, key: &str, default: &Option<Arc<Gate>>| match fields.get(key) {
            Some(node) => decoder.gate(node).map(Arc::new).map(Some),
            None => Some(default.clone()),
        };
        let applicable_if = gate(self, "applicable_if", &defaults.applicable_if);
        let only_if = gate(self, "only_if", &defaults.only_if);
        let lets = fields.get("let").map_or(Some(Vec::new()), |node| self.lets(node));
        if fields.get("checks").is_none() {
            self.problem(first_line(node), format!("control `{id}` has no checks"));
        }
        let items = self.checks_of(&fields, missing.unwrap_or(Missing::Skip));
        self.names.clear();
        if self.problems.len() > before {
            return None;
        }
        let mut tags = defaults.tags.clone();
        merge(&mut tags, own_tags?);
        let impact = impact?;
        if !tags.iter().any(|(name, _)| name == "severity") {
            // Readers take the severity from here where a control turns out not to apply.
            tags.push(("severity".to_owned(), Severity::of_impact(impact).name().into()));
        }
        tags.shrink_to_fit();
        let facts = ControlFacts {
            id,
            title,
            descriptions,
            impact,
            tags,
            refs: refs?,
            code: self.code(node),
            file: Arc::clone(&self.source.name),
            line: self.source.position(node.span.start).0,
        };
        let (applicable_if, only_if) = (applicable_if?, only_if?);
        let rules = Rules { supports: Vec::new(), applicable_if, only_if, lets: lets?, items: items? };
        Some(Decoded { facts, rules, id: id_node.span })
    }

    /// The texts for people.
    fn descriptions(&mut self, fields: &Fields<'_>) -> Vec<(String, String)> {
        let mut descriptions = Vec::new();
        for (key, label) in DESCRIPTIONS {
            if let Some(text) = fields.get(key).and_then(|node| self.sentence(node, key)) {
                descriptions.push((label.to_owned(), text.trim_end().to_owned()));
            }
        }
        descriptions
    }

    /// The checks, each of them for each of what `each` goes over.
    fn checks_of(&mut self, fields: &Fields<'_>, missing: Missing) -> Option<Vec<Item>> {
        match (fields.get("checks")?, fields.get("each")) {
            (checks, None) => self.items(checks, "checks", missing),
            (checks, Some(each)) => self.each(each, checks, missing),
        }
    }

    /// A control of a profile below with what an overlay changes in it.
    pub(super) fn overridden(&mut self, node: &Node<'_>, below: &Control, profile: &str) -> Option<Control> {
        let fields = self.fields(node, "an override", &OVERRIDE_KEYS)?;
        let before = self.problems.len();
        if fields.0.is_empty() {
            self.problem(node.span, "an override that changes nothing");
        }
        let (mut facts, mut rules) = ((*below.facts).clone(), (*below.rules).clone());
        if let Some(title) = fields.get("title").and_then(|node| self.sentence(node, "title")) {
            facts.title = title;
        }
        for (label, text) in self.descriptions(&fields) {
            match facts.descriptions.iter_mut().find(|(known, _)| *known == label) {
                Some((_, known)) => *known = text,
                None => facts.descriptions.push((label, text)),
            }
        }
        if let Some(impact) = fields.get("impact").and_then(|node| self.impact(node)) {
            // The severity follows, where it is the one of the impact.
            let [old, new] = [facts.impact, impact].map(|impact| Json::from(Severity::of_impact(impact).name()));
            if facts.tags.iter().any(|(name, value)| name == "severity" && *value == old) {
                merge(&mut facts.tags, vec![("severity".to_owned(), new)]);
            }
            facts.impact = impact;
        }
        let tags = fields.get("tags").and_then(|node| self.tags(node)).unwrap_or_default();
        merge(&mut facts.tags, tags);
        facts.refs.extend(fields.get("refs").and_then(|node| self.refs(node)).unwrap_or_default());
        for (key, gate) in [("applicable_if", &mut rules.applicable_if), ("only_if", &mut rules.only_if)] {
            if let Some(node) = fields.get(key) {
                *gate = self.gate(node).map(Arc::new);
            }
        }
        if fields.get("checks").is_some() {
            let missing = fields.get("missing").and_then(|node| self.missing(node)).unwrap_or(Missing::Skip);
            rules.lets = fields.get("let").and_then(|node| self.lets(node)).unwrap_or_default();
            rules.items = self.checks_of(&fields, missing).unwrap_or_default();
        } else if let Some(field) = fields.0.iter().find(|field| ["let", "each", "missing"].contains(&field.name)) {
            self.problem(field.key, format!("`{}` goes with `checks`, which replace those below", field.name));
        }
        self.names.clear();
        facts.code = format!("{}\n\n# changed by {profile}:\n{}", facts.code, self.code(node));
        let changed = Control { facts: Arc::new(facts), rules: Arc::new(rules) };
        (self.problems.len() == before).then_some(changed)
    }

    /// A word or a number from 0 to 1.
    fn impact(&mut self, node: &Node<'_>) -> Option<f64> {
        let text = node.text().unwrap_or_default();
        if let Some(severity) = Severity::ALL.into_iter().find(|severity| severity.name() == text) {
            return Some(severity.impact());
        }
        match text.parse::<f64>() {
            Ok(number) if (0.0..=1.0).contains(&number) => Some(number),
            Ok(_) => {
                self.problem(node.span, format!("impact lies between 0.0 and 1.0, not at {text}"));
                None
            }
            Err(_) => {
                let known = ["none", "low", "medium", "high", "critical"];
                self.unknown(node.span, format!("unknown impact `{text}`"), text, &known);
                None
            }
        }
    }

    /// Tags: a name and a text, a truth, a list of texts or a map.
    fn tags(&mut self, node: &Node<'_>) -> Option<Vec<(String, Json)>> {
        let fields = self.entries(node, "tags")?;
        let mut tags = Vec::new();
        for field in &fields.0 {
            let value = tag(field.value);
            let severity = |word: &str| Severity::ALL.iter().any(|severity| severity.name() == word);
            let (sound, wanted) = if LIST_TAGS.contains(&field.name) {
                let texts = value.as_array().is_some_and(|items| items.iter().all(Json::is_string));
                (texts, "a list of texts, such as [AC-3, \"CM-6 b\"]")
            } else if SEVERITY_TAGS.contains(&field.name) {
                (value.as_str().is_some_and(severity), "none, low, medium, high or critical")
            } else {
                (true, "")
            };
            if !sound {
                let help = Some("readers of the results rely on it".to_owned());
                self.problem_with_help(field.value.span, format!("the tag `{}` must be {wanted}", field.name), help);
                continue;
            }
            tags.push((field.name.to_owned(), value));
        }
        Some(tags)
    }

    /// References: texts, or maps of ref, url and uri.
    fn refs(&mut self, node: &Node<'_>) -> Option<Vec<Vec<(String, String)>>> {
        let mut refs = Vec::new();
        for node in self.list(node, "refs")? {
            if let Some(text) = node.text().filter(|_| !node.is_null()) {
                refs.push(vec![("ref".to_owned(), text.to_owned())]);
                continue;
            }
            let fields = self.fields(node, "a reference", &REFERENCE_KEYS)?;
            let mut entries = Vec::new();
            for field in &fields.0 {
                let text = self.raw_text(field.value, field.name)?;
                entries.push((field.name.to_owned(), text.to_owned()));
            }
            refs.push(entries);
        }
        Some(refs)
    }

    /// The control's own text, moved to the left margin.
    fn code(&self, node: &Node<'_>) -> String {
        let (_, column) = self.source.position(node.span.start);
        let text = self.source.slice(node.span);
        let moved = text.lines().enumerate().map(|(number, line)| {
            let indent = line.len() - line.trim_start_matches(' ').len();
            if number == 0 { line } else { line.get(indent.min(column - 1)..).unwrap_or_default() }
        });
        moved.collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }
}

/// Sets tags; those of the same name are replaced.
fn merge(tags: &mut Vec<(String, Json)>, others: Vec<(String, Json)>) {
    for (name, value) in others {
        match tags.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => tags.push((name, value)),
        }
    }
}

/// The place of a map for a message: its first line.
fn first_line(node: &Node<'_>) -> Span {
    Span { start: node.span.start, end: node.span.start + 1 }
}

fn tag(node: &Node<'_>) -> Json {
    match &node.kind {
        NodeKind::Scalar { .. } if node.is_null() => Json::Null,
        NodeKind::Scalar { text, plain } => match (text.as_ref(), plain) {
            ("true", true) => Json::Bool(true),
            ("false", true) => Json::Bool(false),
            // Numbers stay texts: readers of tags expect nothing else.
            (text, _) => Json::from(text),
        },
        NodeKind::List(items) => items.iter().map(tag).collect::<Vec<_>>().into(),
        NodeKind::Map(entries) => {
            let entries = entries.iter().filter_map(|(key, value)| Some((key.text()?.to_owned(), tag(value))));
            Json::Object(entries.collect())
        }
    }
}
