//! What a container is, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::detect::{Answer, Detection, Evidence, Finding};
use crate::report::harmless;

/// How much evidence of a finding people see; programs get all that is kept.
const SHOWN: usize = 5;

/// For people: the answer, then each fact with its evidence below it.
pub fn text(location: &str, detection: &Detection) -> String {
    let mut out = String::new();
    let mut put = |line: &str| {
        out.push_str(line);
        out.push('\n');
    };
    put(&format!("Target:     {}", harmless::line(location)));
    put(&format!("Distroless: {}", answer(detection.distroless)));
    for because in &detection.because {
        put(&format!("            {}", harmless::line(because)));
    }
    match &detection.base {
        Some(base) => {
            put(&format!("Base:       {}", title(base)));
            evidence(base, "            ", &mut put);
        }
        None => put("Base:       not established"),
    }
    let mut kind = None;
    for finding in &detection.findings {
        if kind != Some(finding.kind) {
            kind = Some(finding.kind);
            put("");
            put(finding.kind.heading());
        }
        put(&format!("  {}", title(finding)));
        evidence(finding, "    ", &mut put);
    }
    if !detection.unseen.is_empty() {
        put("");
        put("Could not look at");
        for unseen in &detection.unseen {
            put(&format!("  {}: {}", harmless::line(&unseen.at), harmless::line(&unseen.why)));
        }
    }
    out
}

fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::No => "no",
        Answer::NotEstablished => "not established",
    }
}

fn title(finding: &Finding) -> String {
    let mut title = harmless::line(&finding.name);
    if let Some(version) = &finding.version {
        let _ = write!(title, " {}", harmless::line(version));
    }
    if let Some(count) = finding.count {
        let _ = write!(title, ", {count} {}", finding.kind.counts(count));
    }
    title
}

fn evidence(finding: &Finding, indent: &str, put: &mut dyn FnMut(&str)) {
    for Evidence { at, leads_to, says } in finding.evidence.iter().take(SHOWN) {
        let mut line = harmless::line(at);
        if let Some(real) = leads_to {
            let _ = write!(line, " -> {}", harmless::line(real));
        }
        if let Some(says) = says {
            let _ = write!(line, ": {}", harmless::line(says));
        }
        put(&format!("{indent}{line}"));
    }
    let more = finding.more + finding.evidence.len().saturating_sub(SHOWN) as u64;
    if more > 0 {
        put(&format!("{indent}and {more} more"));
    }
}

/// For programs: all facts, with the same keys each.
pub fn json(location: &str, detection: &Detection) -> String {
    let findings = detection.findings.iter().map(finding);
    let unseen = detection.unseen.iter().map(|unseen| json!({ "at": unseen.at, "why": unseen.why }));
    let whole = json!({
        "target": location,
        "distroless": { "answer": answer(detection.distroless), "because": detection.because },
        "base": detection.base.as_ref().map(finding),
        "findings": findings.collect::<Vec<Json>>(),
        "could_not_look": unseen.collect::<Vec<Json>>(),
        "entries": detection.entries,
    });
    format!("{whole:#}\n")
}

fn finding(finding: &Finding) -> Json {
    let evidence =
        finding.evidence.iter().map(|one| json!({ "at": one.at, "leads_to": one.leads_to, "says": one.says }));
    json!({
        "kind": finding.kind.name(),
        "name": finding.name,
        "version": finding.version,
        "count": finding.count,
        "evidence": evidence.collect::<Vec<Json>>(),
        "more_evidence": finding.more,
    })
}
