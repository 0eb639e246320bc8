//! One page that needs nothing else: no network, no other file, and no script to be read. Its own style and script are
//! allowed by their hashes; nothing else can run, whatever a target puts into a name.

use std::io::{self, Write};

use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::order;
use crate::outcome::{CheckResult, ControlResult, ControlStatus, ProfileResult, Report, Severity, Status};
use crate::report::harmless::{markup, markup_lines};
use crate::report::trust::trust;
use crate::threshold::{Counted, Verdict, compliance, count_report, percent};

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// How many passed results of a control are shown; the rest is counted.
const SHOWN_PASSES: usize = 100;

pub(super) fn write(report: &Report, verdict: Option<&Verdict>, out: &mut dyn Write) -> io::Result<()> {
    let title = match report.target.location.as_str() {
        "" => "Scan".to_owned(),
        location => format!("Scan of {}", markup(location)),
    };
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        source_hash(STYLE),
        source_hash(SCRIPT)
    );
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#controls\">To the controls</a>\n<header>\n<h1>{title}</h1>\n"
    )?;
    write_facts(report, out)?;
    writeln!(out, "</header>\n<main>")?;
    write_summary(&count_report(report), verdict, out)?;
    writeln!(out, "<section aria-labelledby=\"controls\">\n<h2 id=\"controls\">Controls</h2>")?;
    write_filter(report, out)?;
    for profile in &report.profiles {
        write_profile(profile, out)?;
    }
    writeln!(out, "</section>\n</main>")?;
    writeln!(out, "<footer>Rendered by assay {}</footer>", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "<script>{SCRIPT}</script>\n</body>\n</html>")
}

/// What a policy calls a text that it allows.
fn source_hash(text: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(text.as_bytes())))
}

fn base64(bytes: &[u8]) -> String {
    let digit = |value: u32| match value {
        0..=25 => b'A' + value as u8,
        26..=51 => b'a' + (value - 26) as u8,
        52..=61 => b'0' + (value - 52) as u8,
        62 => b'+',
        _ => b'/',
    };
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().chain([0, 0].iter()).take(3).fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        let digits = [18, 12, 6, 0].map(|shift| char::from(digit(bits >> shift & 63)));
        out.extend(digits.into_iter().take(group.len() + 1));
        out.extend(std::iter::repeat_n('=', 3 - group.len()));
    }
    out
}

fn write_facts(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut facts: Vec<(&str, String)> = Vec::new();
    let target = &report.target;
    facts.push(("platform", format!("{} {}", target.platform, target.release)));
    for profile in &report.profiles {
        facts.push(("profile", format!("{} {}", profile.name, profile.version)));
    }
    if let Some(moment) = report.started.and_then(|started| OffsetDateTime::from_unix_timestamp(started).ok()) {
        let (hour, minute, second) = moment.to_hms();
        facts.push(("started", format!("{} {hour:02}:{minute:02}:{second:02} UTC", moment.date())));
    }
    facts.push(("duration", format!("{:.1} s", report.seconds)));
    facts.push(("scanned by", format!("{} {}", report.generator.name, report.generator.version)));
    facts.extend(trust(target));
    writeln!(out, "<dl class=\"facts\">")?;
    for (name, text) in facts {
        let text = text.trim();
        if !text.is_empty() {
            let label = capital(&name.replace('_', " "));
            writeln!(out, "<dt>{label}</dt><dd>{}</dd>", markup(text))?;
        }
    }
    writeln!(out, "</dl>")
}

fn write_summary(counted: &[Counted], verdict: Option<&Verdict>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section aria-labelledby=\"summary\">\n<h2 id=\"summary\">Summary</h2>")?;
    writeln!(out, "<p class=\"figure\">{} %</p>", percent(compliance(counted)))?;
    writeln!(out, "<p>of the controls that apply passed.</p>")?;
    write_bar(counted, out)?;
    writeln!(
        out,
        "<div class=\"scroll\" role=\"region\" aria-label=\"Counts\" tabindex=\"0\"><table>\n<thead><tr><th scope=\"col\">Status</th><th scope=\"col\">Total</th>"
    )?;
    for severity in Severity::ALL {
        writeln!(out, "<th scope=\"col\">{}</th>", capital(severity.name()))?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for status in ControlStatus::ALL {
        write!(out, "<tr><th scope=\"row\" class=\"{}\">{} {}</th>", class(status), sign(status), status.name())?;
        for severity in std::iter::once(None).chain(Severity::ALL.map(Some)) {
            let counts =
                |one: &&Counted| one.status == status && severity.is_none_or(|severity| one.severity == severity);
            let zero = |count: usize| if count == 0 { " class=\"zero\"" } else { "" };
            let count = counted.iter().filter(counts).count();
            write!(out, "<td{}>{count}</td>", zero(count))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody>\n</table></div>")?;
    match verdict {
        None => {}
        Some(verdict) if verdict.is_met() => writeln!(out, "<p>The threshold is <strong>met</strong>.</p>")?,
        Some(verdict) => {
            writeln!(out, "<div class=\"notice\"><p>The threshold is <strong>not met</strong>:</p>\n<ul>")?;
            for violation in &verdict.violations {
                writeln!(out, "<li>{}</li>", markup(violation))?;
            }
            writeln!(out, "</ul></div>")?;
        }
    }
    writeln!(out, "</section>")
}

/// The counts as a bar; the table below it says the same in numbers.
fn write_bar(counted: &[Counted], out: &mut dyn Write) -> io::Result<()> {
    let whole = counted.len().max(1);
    write!(out, "<svg class=\"bar\" viewBox=\"0 0 {whole} 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\">")?;
    let mut left = 0;
    for status in ControlStatus::ALL {
        let width = counted.iter().filter(|control| control.status == status).count();
        write!(out, "<rect class=\"{}\" x=\"{left}\" width=\"{width}\" height=\"1\"/>", class(status))?;
        left += width;
    }
    writeln!(out, "</svg>")
}

fn write_filter(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<div class=\"filter\" id=\"filter\" role=\"search\" hidden>")?;
    writeln!(out, "<label class=\"search\">Search <input type=\"search\" id=\"search\" autocomplete=\"off\"></label>")?;
    let boxes = |legend: &str, name: &str, entries: &[(&str, String)], out: &mut dyn Write| {
        write!(out, "<fieldset><legend>{legend}</legend>")?;
        for (value, words) in entries {
            write!(out, "<label><input type=\"checkbox\" name=\"{name}\" value=\"{value}\" checked> {words}</label> ")?;
        }
        writeln!(out, "</fieldset>")
    };
    // Only what there is: five times five boxes would be a wall.
    let statuses = ControlStatus::ALL.into_iter().filter(|status| report.controls().any(|one| one.status() == *status));
    let statuses: Vec<_> = statuses.map(|status| (class(status), status.name().to_owned())).collect();
    let is_there = |severity: &Severity| report.controls().any(|one| one.facts.severity() == *severity);
    let severities = Severity::ALL.into_iter().filter(is_there);
    let severities: Vec<_> = severities.map(|severity| (severity.name(), capital(severity.name()))).collect();
    boxes("Status", "status", &statuses, out)?;
    boxes("Severity", "severity", &severities, out)?;
    writeln!(out, "<span><button type=\"button\" id=\"open\">Open all</button>")?;
    writeln!(out, "<button type=\"button\" id=\"close\">Close all</button></span>")?;
    writeln!(out, "<span class=\"count\" id=\"shown\" role=\"status\"></span>\n</div>")
}

fn write_profile(profile: &ProfileResult, out: &mut dyn Write) -> io::Result<()> {
    let title = if profile.title.is_empty() { &profile.name } else { &profile.title };
    writeln!(out, "<section>\n<h3>{}</h3>", markup(title))?;
    if !profile.summary.is_empty() {
        writeln!(out, "<p class=\"text\">{}</p>", markup_lines(profile.summary.trim()))?;
    }
    if let Some(why) = &profile.skipped {
        writeln!(out, "<p class=\"notice\">Skipped: {}</p>", markup(why))?;
    }
    for control in &profile.controls {
        write_control(control, out)?;
    }
    writeln!(out, "</section>")
}

fn write_control(control: &ControlResult, out: &mut dyn Write) -> io::Result<()> {
    let facts = &control.facts;
    let (status, severity) = (control.status(), facts.severity().name());
    let open = if matches!(status, ControlStatus::Failed | ControlStatus::Error) { " open" } else { "" };
    let class = class(status);
    writeln!(out, "<details class=\"control\" data-status=\"{class}\" data-severity=\"{severity}\"{open}>")?;
    write!(out, "<summary><span class=\"status {class}\">{} {}</span>", sign(status), status.name())?;
    write!(out, "<span class=\"severity\">{}</span>", capital(severity))?;
    write!(
        out,
        "<span class=\"title\"><span class=\"id\">{}</span> {}</span>",
        markup(&facts.id),
        markup(&facts.title)
    )?;
    writeln!(out, "</summary>\n<div class=\"body\">")?;
    if let Some(waiver) = &control.waiver {
        let (words, at) = if waiver.message.is_empty() { ("Waived", "until") } else { ("Waiver expired", "on") };
        let date = waiver.expiration_date.as_ref().map(|date| format!(" {at} {}", markup(date))).unwrap_or_default();
        writeln!(out, "<p class=\"text\">{words}{date}: {}</p>", markup_lines(&waiver.justification))?;
    }
    write_results(control, out)?;
    for (label, text) in facts.descriptions.iter().filter(|(_, text)| !text.trim().is_empty()) {
        let heading = if label == "default" { "Description".to_owned() } else { markup(&capital(label)) };
        writeln!(out, "<h4>{heading}</h4>\n<p class=\"text\">{}</p>", markup_lines(text.trim()))?;
    }
    write_tags(control, out)?;
    write_references(control, out)?;
    if !facts.code.trim().is_empty() {
        writeln!(out, "<details><summary>Source: {}, line {}</summary>", markup(&facts.file), facts.line)?;
        writeln!(out, "<pre>{}</pre></details>", markup_lines(&facts.code))?;
    }
    writeln!(out, "</div>\n</details>")
}

fn write_results(control: &ControlResult, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<ul class=\"results\">")?;
    let mut passes = 0;
    for result in &control.results {
        passes += usize::from(result.status == Status::Passed);
        if result.status != Status::Passed || passes <= SHOWN_PASSES {
            write_result(result, out)?;
        }
    }
    if passes > SHOWN_PASSES {
        writeln!(out, "<li>… and {} more that passed</li>", passes - SHOWN_PASSES)?;
    }
    if control.results.is_empty() {
        writeln!(out, "<li>There are no results.</li>")?;
    }
    writeln!(out, "</ul>")
}

fn write_result(result: &CheckResult, out: &mut dyn Write) -> io::Result<()> {
    let (class, words, message) = match &result.status {
        Status::Passed => ("passed", "✔ Passed", ""),
        Status::Failed(message) => ("failed", "× Failed", message.as_str()),
        Status::Skipped(why) => ("review", "↺ Skipped", why.as_str()),
        Status::Error(why) => ("error", "! Error", why.as_str()),
    };
    write!(out, "<li><span class=\"result {class}\">{words}</span> {}", markup(&result.description))?;
    let message = message.trim_matches('\n');
    if !message.trim().is_empty() {
        write!(out, "<pre>{}</pre>", markup_lines(message))?;
    }
    writeln!(out, "</li>")
}

/// Tags in the order of their names; the severity stands above already.
fn write_tags(control: &ControlResult, out: &mut dyn Write) -> io::Result<()> {
    let mut tags: Vec<_> = control.facts.tags.iter().filter(|(name, _)| name != "severity").collect();
    if tags.is_empty() {
        return Ok(());
    }
    order::sort(&mut tags, &|a, b| a.0.cmp(&b.0));
    writeln!(out, "<h4>Tags</h4>\n<dl class=\"facts\">")?;
    for (name, value) in tags {
        let words = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text = match value {
            serde_json::Value::Null => String::new(),
            serde_json::Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
            value => words(value),
        };
        writeln!(out, "<dt>{}</dt><dd>{}</dd>", markup(name), markup(&text))?;
    }
    writeln!(out, "</dl>")
}

fn write_references(control: &ControlResult, out: &mut dyn Write) -> io::Result<()> {
    if control.facts.refs.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h4>References</h4>\n<ul>")?;
    for reference in &control.facts.refs {
        let of = |wanted: &str| reference.iter().find(|(key, _)| key == wanted).map(|(_, text)| text.as_str());
        let place = of("url").or_else(|| of("uri")).unwrap_or_default();
        let words = of("ref").unwrap_or(place);
        // A link to what could run is only a text.
        if ["https://", "http://"].iter().any(|scheme| place.starts_with(scheme)) {
            writeln!(out, "<li><a href=\"{}\" rel=\"noreferrer noopener\">{}</a></li>", markup(place), markup(words))?;
        } else {
            let both = if words == place { words.to_owned() } else { format!("{words} {place}") };
            writeln!(out, "<li>{}</li>", markup(both.trim()))?;
        }
    }
    writeln!(out, "</ul>")
}

/// The class of the style and the word of the filter.
fn class(status: ControlStatus) -> &'static str {
    match status {
        ControlStatus::Passed => "passed",
        ControlStatus::Failed => "failed",
        ControlStatus::NotReviewed => "review",
        ControlStatus::NotApplicable => "not-applicable",
        ControlStatus::Error => "error",
    }
}

/// Colour is not the only sign.
fn sign(status: ControlStatus) -> &'static str {
    match status {
        ControlStatus::Passed => "✔",
        ControlStatus::Failed => "×",
        ControlStatus::NotReviewed => "↺",
        ControlStatus::NotApplicable => "∅",
        ControlStatus::Error => "!",
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        for (plain, encoded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
    }

    #[test]
    fn style_and_script_end_where_they_should() {
        assert!(!STYLE.contains('<') && !SCRIPT.contains("</") && !SCRIPT.contains("<!--"));
    }
}
