//! A summary in Markdown: counts by status and severity, compliance, what failed and why, the threshold.

use std::io::{self, Write};

use crate::outcome::{ControlResult, ControlStatus, Report, Severity, Status};
use crate::report::harmless::markdown;
use crate::report::trust::identity;
use crate::threshold::{Verdict, compliance, count_report, percent};

/// How many results of one control are shown; the rest is counted.
const SHOWN_RESULTS: usize = 20;

pub(super) fn write(report: &Report, verdict: Option<&Verdict>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# Scan summary\n")?;
    if !report.target.location.is_empty() {
        writeln!(out, "- **Target:** {}", markdown(&report.target.location))?;
    }
    if !report.target.platform.is_empty() {
        writeln!(out, "- **Platform:** {} {}", markdown(&report.target.platform), markdown(&report.target.release))?;
    }
    if let Some(assurance) = report.target.assurance {
        writeln!(out, "- **Assurance:** {}: {}", assurance.name(), assurance.words())?;
    }
    if let Some(scope) = &report.target.scope {
        writeln!(out, "- **Scope:** {}", markdown(scope))?;
    }
    let identity =
        identity(&report.target).into_iter().map(|(name, words)| format!("{} {words}", name.replace('_', " ")));
    let identity = identity.collect::<Vec<_>>().join("; ");
    if !identity.is_empty() {
        writeln!(out, "- **Identity:** {}", markdown(&identity))?;
    }
    for doubt in report.target.live.iter().flat_map(|live| &live.doubts) {
        writeln!(out, "- **Accepted root:** it may not be the container's: {}", markdown(doubt))?;
    }
    for observer in report.target.live.iter().flat_map(|live| &live.observers) {
        writeln!(out, "- **Accepted scanner:** it could have been changed: {}", markdown(observer))?;
    }
    for profile in &report.profiles {
        writeln!(out, "- **Profile:** {} {}", markdown(&profile.name), markdown(&profile.version))?;
        if let Some(why) = &profile.skipped {
            writeln!(out, "  - skipped: {}", markdown(why))?;
        }
    }
    let counted = count_report(report);
    writeln!(out, "- **Compliance:** {} %", percent(compliance(&counted)))?;
    if let Some(verdict) = verdict {
        writeln!(out, "- **Threshold:** {}", if verdict.is_met() { "met" } else { "not met" })?;
    }

    writeln!(out, "\n| Status | Total | Critical | High | Medium | Low | None |")?;
    writeln!(out, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for status in ControlStatus::ALL {
        let of = |severity: Option<Severity>| {
            let counts = counted.iter().filter(|control| {
                control.status == status && severity.is_none_or(|severity| control.severity == severity)
            });
            counts.count()
        };
        let cells = std::iter::once(None).chain(Severity::ALL.map(Some)).map(|severity| of(severity).to_string());
        writeln!(out, "| {} | {} |", status.name(), cells.collect::<Vec<_>>().join(" | "))?;
    }

    if let Some(verdict) = verdict.filter(|verdict| !verdict.is_met()) {
        writeln!(out, "\n## Threshold not met\n")?;
        for violation in &verdict.violations {
            writeln!(out, "- {}", markdown(violation))?;
        }
    }
    write_controls(report, ControlStatus::Failed, "Failed controls", out)?;
    write_controls(report, ControlStatus::Error, "Controls that could not be decided", out)?;
    write_controls(report, ControlStatus::NotReviewed, "Controls to be reviewed", out)
}

fn write_controls(report: &Report, status: ControlStatus, title: &str, out: &mut dyn Write) -> io::Result<()> {
    let controls: Vec<&ControlResult> = report.controls().filter(|control| control.status() == status).collect();
    if controls.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## {title}")?;
    for control in controls {
        let facts = &control.facts;
        writeln!(out, "\n### {}: {} ({})\n", markdown(&facts.id), markdown(&facts.title), facts.severity().name())?;
        let results: Vec<_> = control.results.iter().filter(|result| result.status != Status::Passed).collect();
        for result in results.iter().take(SHOWN_RESULTS) {
            writeln!(out, "- {}", markdown(&result.description))?;
            let (Status::Failed(message) | Status::Skipped(message) | Status::Error(message)) = &result.status else {
                continue;
            };
            for text in message.split('\n').filter(|text| !text.trim().is_empty()) {
                writeln!(out, "  - {}", markdown(text.trim()))?;
            }
        }
        if results.len() > SHOWN_RESULTS {
            writeln!(out, "- … and {} more", results.len() - SHOWN_RESULTS)?;
        }
    }
    Ok(())
}
