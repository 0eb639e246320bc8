//! For a terminal: controls with their results, offenders below them, the summary last.

use std::io::{self, Write};

use crate::outcome::{CheckResult, ControlResult, ControlStatus, ProfileResult, Report, Status};
use crate::report::harmless::line;
use crate::threshold::{Verdict, compliance, count_report, percent};

/// How many passed results of a control that passed are shown; the rest is counted.
const SHOWN_PASSES: usize = 20;

struct Paint {
    color: bool,
}

impl Paint {
    /// A text in a colour of the terminal (an SGR code).
    fn with(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn control(&self, status: ControlStatus, text: &str) -> String {
        match status {
            ControlStatus::Passed => self.with("32", text),
            ControlStatus::Failed => self.with("31", text),
            ControlStatus::Error => self.with("35", text),
            ControlStatus::NotReviewed => self.with("33", text),
            ControlStatus::NotApplicable => self.with("2", text),
        }
    }
}

pub(super) fn write(report: &Report, verdict: Option<&Verdict>, color: bool, out: &mut dyn Write) -> io::Result<()> {
    let paint = Paint { color };
    for profile in &report.profiles {
        write_profile(report, profile, &paint, out)?;
    }
    write_summary(report, verdict, &paint, out)
}

fn write_profile(report: &Report, profile: &ProfileResult, paint: &Paint, out: &mut dyn Write) -> io::Result<()> {
    let title =
        if profile.title.is_empty() { profile.name.clone() } else { format!("{} ({})", profile.title, profile.name) };
    writeln!(out, "\nProfile:   {}", line(&title))?;
    if !profile.version.is_empty() {
        writeln!(out, "Version:   {}", line(&profile.version))?;
    }
    if !report.target.location.is_empty() {
        writeln!(out, "Target:    {}", line(&report.target.location))?;
    }
    if !report.target.platform.is_empty() {
        writeln!(out, "Platform:  {} {}", line(&report.target.platform), line(&report.target.release))?;
    }
    if let Some(assurance) = report.target.assurance {
        writeln!(out, "Assurance: {}: {}", assurance.name(), assurance.words())?;
    }
    if let Some(scope) = &report.target.scope {
        writeln!(out, "Scope:     {}", line(scope))?;
    }
    for doubt in report.target.live.iter().flat_map(|live| &live.doubts) {
        writeln!(out, "Accepted:  a root that may not be the container's: {}", line(doubt))?;
    }
    for observer in report.target.live.iter().flat_map(|live| &live.observers) {
        writeln!(out, "Accepted:  a scanner that could have been changed: {}", line(observer))?;
    }
    if let Some(why) = &profile.skipped {
        writeln!(out, "Skipped:   {}", line(why))?;
    }
    writeln!(out)?;
    for control in &profile.controls {
        write_control(control, paint, out)?;
    }
    Ok(())
}

fn write_control(control: &ControlResult, paint: &Paint, out: &mut dyn Write) -> io::Result<()> {
    let facts = &control.facts;
    let status = control.status();
    let sign = match status {
        ControlStatus::Passed => "✔",
        ControlStatus::Failed => "×",
        ControlStatus::Error => "!",
        ControlStatus::NotReviewed => "↺",
        ControlStatus::NotApplicable => "∅",
    };
    let bad =
        control.results.iter().filter(|result| matches!(result.status, Status::Failed(_) | Status::Error(_))).count();
    let note = match status {
        ControlStatus::Passed => String::new(),
        ControlStatus::Failed => format!(" ({bad} of {} failed)", control.results.len()),
        ControlStatus::Error => format!(" ({bad} of {} failed or could not be decided)", control.results.len()),
        ControlStatus::NotReviewed => " (not reviewed)".to_owned(),
        ControlStatus::NotApplicable => " (not applicable)".to_owned(),
    };
    let title = if facts.title.is_empty() { String::new() } else { format!(": {}", line(&facts.title)) };
    let head = format!("  {sign}  {}{title}{note}", line(&facts.id));
    writeln!(out, "{}", paint.control(status, &head))?;
    if let Some(waiver) = &control.waiver {
        let (words, at) = if waiver.message.is_empty() { ("waived", "until") } else { ("waiver expired", "on") };
        let date = waiver.expiration_date.as_ref().map(|date| format!(" {at} {}", line(date))).unwrap_or_default();
        writeln!(out, "        {words}{date}: {}", line(&waiver.justification))?;
    }
    let mut passes = 0;
    for result in &control.results {
        if result.status == Status::Passed {
            passes += 1;
            if passes > SHOWN_PASSES {
                continue;
            }
        }
        write_result(result, paint, out)?;
    }
    if passes > SHOWN_PASSES {
        writeln!(out, "     ✔  … and {} more that passed", passes - SHOWN_PASSES)?;
    }
    Ok(())
}

fn write_result(result: &CheckResult, paint: &Paint, out: &mut dyn Write) -> io::Result<()> {
    let (code, sign, message) = match &result.status {
        Status::Passed => ("32", "✔", ""),
        Status::Failed(message) => ("31", "×", message.as_str()),
        Status::Skipped(why) => ("33", "↺", why.as_str()),
        Status::Error(why) => ("35", "!", why.as_str()),
    };
    let head = format!("     {sign}  {}", line(&result.description));
    writeln!(out, "{}", paint.with(code, &head))?;
    for text in message.split('\n').filter(|text| !text.is_empty()) {
        writeln!(out, "        {}", line(text))?;
    }
    Ok(())
}

fn write_summary(report: &Report, verdict: Option<&Verdict>, paint: &Paint, out: &mut dyn Write) -> io::Result<()> {
    let counted = count_report(report);
    let counts = ControlStatus::ALL.into_iter().map(|status| {
        let count = counted.iter().filter(|control| control.status == status).count();
        let words = match status {
            ControlStatus::Error => "error",
            ControlStatus::Passed => "passed",
            ControlStatus::Failed => "failed",
            ControlStatus::NotReviewed => "not reviewed",
            ControlStatus::NotApplicable => "not applicable",
        };
        let text = format!("{count} {words}");
        if count == 0 { text } else { paint.control(status, &text) }
    });
    let counts = counts.collect::<Vec<_>>().join(", ");
    let noun = if counted.len() == 1 { "control" } else { "controls" };
    writeln!(out, "\nSummary:   {} {noun}: {counts}", counted.len())?;
    writeln!(out, "Compliance: {} %", percent(compliance(&counted)))?;
    match verdict {
        None => {}
        Some(verdict) if verdict.is_met() => writeln!(out, "Threshold: {}", paint.with("32", "met"))?,
        Some(verdict) => {
            writeln!(out, "Threshold: {}", paint.with("31", "not met"))?;
            for violation in &verdict.violations {
                writeln!(out, "  ×  {}", line(violation))?;
            }
        }
    }
    Ok(())
}
