//! SARIF 2.1.0 for code scanning: one result for each expectation that failed or could not be decided, within the limits
//! of GitHub, which raises an alert for every result, whatever its kind.

use std::collections::HashMap;
use std::io::{self, Write};

use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::json::{filled, object, texts};
use crate::order;
use crate::outcome::{ControlFacts, ControlResult, ControlStatus, Report, Severity, Status};
use crate::report::harmless::{cut, line};
use crate::report::trust::trust;

/// GitHub refuses files with more results.
const MOST_RESULTS: usize = 25_000;

/// GitHub refuses rules with more tags.
const MOST_TAGS: usize = 20;

/// How long GitHub takes descriptions and messages.
const LONGEST_TEXT: usize = 1024;

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut findings: Vec<Finding<'_>> = findings(report);
    let left_out = findings.len().saturating_sub(MOST_RESULTS);
    if left_out > 0 {
        // Stable: among the worst first, the order of the report.
        order::sort(&mut findings, &|a, b| b.facts.severity().cmp(&a.facts.severity()));
        findings.truncate(MOST_RESULTS);
    }
    let mut rules = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut prints: HashMap<String, usize> = HashMap::new();
    let mut results = Vec::with_capacity(findings.len());
    for finding in &findings {
        let place = *places.entry(&finding.facts.id).or_insert_with(|| {
            rules.push(rule(finding.facts));
            rules.len() - 1
        });
        let print = finding.fingerprint();
        let nth = prints.entry(print.clone()).or_default();
        *nth += 1;
        results.push(finding.result(place, &format!("{print}:{nth}")));
    }
    let name = if report.generator.name.is_empty() { "HDF" } else { &report.generator.name };
    let log = filled(
        r#"{
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {"name": "@0", "version": "@1", "rules": "@2"}},
                "invocations": ["@3"],
                "columnKind": "unicodeCodePoints",
                "properties": "@4",
                "results": "@5"
            }]
        }"#,
        &mut [
            name.into(),
            report.generator.version.as_str().into(),
            rules.into(),
            invocation(report, left_out),
            properties(report),
            results.into(),
        ],
    );
    serde_json::to_writer(&mut *out, &log)?;
    out.write_all(b"\n")
}

/// What was scanned, and how far the results can be trusted.
fn properties(report: &Report) -> Json {
    let target = &report.target;
    let facts = [("target", &target.location), ("platform", &target.platform), ("release", &target.release)];
    let facts = facts.into_iter().map(|(name, text)| (name.to_owned(), text.as_str().into()));
    let trust = trust(target);
    let trust = trust.iter().map(|(name, words)| ((*name).to_owned(), line(words).into()));
    object(&mut facts.chain(trust))
}

fn invocation(report: &Report, left_out: usize) -> Json {
    let moment = report.started.and_then(|started| OffsetDateTime::from_unix_timestamp(started).ok());
    let warning = || {
        let text = format!(
            "{left_out} results are left out, the least severe: GitHub takes {MOST_RESULTS}. The HDF report has all."
        );
        filled(r#"[{"level": "warning", "message": {"text": "@0"}}]"#, &mut [text.into()])
    };
    map([
        ("executionSuccessful", Some(true.into())),
        ("startTimeUtc", moment.and_then(|moment| moment.format(&Rfc3339).ok()).map(Json::from)),
        ("toolExecutionNotifications", (left_out > 0).then(warning)),
    ])
}

/// What there is.
fn map<const N: usize>(entries: [(&str, Option<Json>); N]) -> Json {
    object(&mut entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))))
}

/// An expectation that failed or could not be decided.
struct Finding<'a> {
    profile: &'a str,
    facts: &'a ControlFacts,
    description: &'a str,
    decided: bool,
    why: &'a str,
}

/// The failures that count: not those of controls that do not apply.
fn findings(report: &Report) -> Vec<Finding<'_>> {
    let counts = |control: &&ControlResult| matches!(control.status(), ControlStatus::Failed | ControlStatus::Error);
    let controls = report.profiles.iter().flat_map(|profile| {
        let controls = profile.controls.iter().filter(counts);
        controls.map(|control| (profile.name.as_str(), control))
    });
    let mut findings = Vec::new();
    for (profile, control) in controls {
        let facts = &*control.facts;
        let finding = |description, decided, why| Finding { profile, facts, description, decided, why };
        if control.results.is_empty() {
            findings.push(finding(&facts.id, false, "there are no results"));
        }
        findings.extend(control.results.iter().filter_map(|result| match &result.status {
            Status::Failed(why) => Some(finding(&result.description, true, why)),
            Status::Error(why) => Some(finding(&result.description, false, why)),
            Status::Passed | Status::Skipped(_) => None,
        }));
    }
    findings
}

impl Finding<'_> {
    fn result(&self, rule: usize, fingerprint: &str) -> Json {
        let facts = self.facts;
        let physical = (!facts.file.is_empty()).then(|| {
            let line = (facts.line > 0).then(|| filled(r#"{"startLine": "@0"}"#, &mut [facts.line.into()]));
            let file = filled(r#"{"uri": "@0"}"#, &mut [uri(&facts.file).into()]);
            map([("artifactLocation", Some(file)), ("region", line)])
        });
        let name = format!("{}/{}", self.profile, facts.id);
        let logical =
            filled(r#"[{"name": "@0", "fullyQualifiedName": "@1"}]"#, &mut [facts.id.as_str().into(), name.into()]);
        filled(
            r#"{
                "ruleId": "@0",
                "ruleIndex": "@1",
                "level": "@2",
                "message": {"text": "@3"},
                "locations": ["@4"],
                "partialFingerprints": {"primaryLocationLineHash": "@5"},
                "properties": {"outcome": "@6"}
            }"#,
            &mut [
                facts.id.as_str().into(),
                rule.into(),
                level(facts.severity()).into(),
                self.message().into(),
                map([("physicalLocation", physical), ("logicalLocations", Some(logical))]),
                fingerprint.into(),
                if self.decided { "failed" } else { "error" }.into(),
            ],
        )
    }

    fn message(&self) -> String {
        let doubt = (!self.decided).then_some("could not be decided:");
        let lines = [self.description].into_iter().chain(doubt).chain(self.why.lines());
        let lines: Vec<String> = lines.map(|text| line(text.trim())).filter(|text| !text.is_empty()).collect();
        text(&lines.join("\n"))
    }

    /// The same for the same expectation in the next scan.
    fn fingerprint(&self) -> String {
        let digest = Sha256::digest(format!("{}\0{}\0{}", self.profile, self.facts.id, self.description));
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

fn rule(facts: &ControlFacts) -> Json {
    let described = |wanted: &str| {
        let found = facts.descriptions.iter().find(|(label, _)| label == wanted);
        found.map(|(_, text)| text.as_str()).filter(|text| !text.is_empty())
    };
    let title = if facts.title.is_empty() { &facts.id } else { &facts.title };
    let severity = facts.severity();
    let help = ["check", "fix"].into_iter().filter_map(described).map(lines).collect::<Vec<_>>().join("\n\n");
    // GitHub's own scale, in the middle of its bands.
    let security_severity = match severity {
        Severity::Critical => Some("9.5"),
        Severity::High => Some("8.0"),
        Severity::Medium => Some("5.5"),
        Severity::Low => Some("2.0"),
        Severity::None => None,
    };
    let said = |text: String| filled(r#"{"text": "@0"}"#, &mut [text.into()]);
    map([
        ("id", Some(facts.id.as_str().into())),
        ("shortDescription", Some(said(text(&lines(title))))),
        ("fullDescription", Some(said(text(&lines(described("default").unwrap_or(title)))))),
        ("help", (!help.is_empty()).then(|| said(help))),
        ("defaultConfiguration", Some(filled(r#"{"level": "@0"}"#, &mut [level(severity).into()]))),
        (
            "properties",
            Some(map([("tags", Some(texts(tags(facts)))), ("security-severity", security_severity.map(Json::from))])),
        ),
    ])
}

/// `security`, without which GitHub ignores the severity, and what the control stands for in the standards.
fn tags(facts: &ControlFacts) -> Vec<String> {
    let standards = ["nist", "cci"].into_iter().flat_map(|wanted| {
        let found = facts.tags.iter().filter(move |(name, _)| name == wanted);
        found.flat_map(|(_, value)| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice))
    });
    let standards = standards.filter_map(Json::as_str).map(line);
    let mut tags = vec!["security".to_owned()];
    for tag in standards {
        if tags.len() < MOST_TAGS && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::None => "note",
    }
}

fn lines(text: &str) -> String {
    text.trim().lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A text without links, which readers of SARIF take from `[words](place)`, and not longer than GitHub takes it.
fn text(text: &str) -> String {
    let harmless = if text.contains("](") { text.replace('[', "\\[").replace(']', "\\]") } else { text.to_owned() };
    cut(harmless, LONGEST_TEXT)
}

/// A path as a reference, with all that could be read as more than a path in percent.
fn uri(path: &str) -> String {
    let mut out = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
