//! JUnit, in the dialect of InSpec's junit2: a suite for each profile, a case for each result. GitLab and Jenkins read
//! it; docs/reports.md says how.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Write};

use time::OffsetDateTime;

use crate::outcome::{CheckResult, ControlResult, ControlStatus, ProfileResult, Report, Status};
use crate::report::harmless::{markup, markup_lines};
use crate::report::trust::trust;

/// What a case came to, as far as JUnit can say it, and why.
enum Outcome<'a> {
    Passed,
    Failed(&'a str),
    Error(&'a str),
    Skipped(Cow<'a, str>),
}

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites>")?;
    // GitLab takes the first of several cases of one name and drops the others, which may have failed.
    let mut names = HashSet::new();
    for (place, profile) in report.profiles.iter().enumerate() {
        write_suite(report, profile, place + 1, &mut names, out)?;
    }
    writeln!(out, "</testsuites>")
}

fn write_suite(
    report: &Report,
    profile: &ProfileResult,
    number: usize,
    names: &mut HashSet<(String, String)>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let cases = || profile.controls.iter().flat_map(cases);
    let count = |wanted: fn(&Outcome<'_>) -> bool| cases().filter(|case| wanted(&case.outcome)).count();
    let seconds: f64 = cases().map(|case| case.seconds).sum();
    write!(out, "<testsuite id=\"{number}\" name=\"{}\" package=\"\"", markup(&profile.name))?;
    write!(out, " hostname=\"{}\"", markup(&report.target.location))?;
    if let Some(started) = report.started {
        write!(out, " timestamp=\"{}\"", timestamp(started))?;
    }
    write!(out, " tests=\"{}\"", count(|_| true))?;
    write!(out, " failures=\"{}\"", count(|outcome| matches!(outcome, Outcome::Failed(_))))?;
    write!(out, " errors=\"{}\"", count(|outcome| matches!(outcome, Outcome::Error(_))))?;
    write!(out, " skipped=\"{}\"", count(|outcome| matches!(outcome, Outcome::Skipped(_))))?;
    writeln!(out, " time=\"{seconds:.3}\">")?;
    write_properties(report, out)?;
    for case in cases() {
        case.write(&profile.name, names, out)?;
    }
    writeln!(out, "<system-out/>\n<system-err/>\n</testsuite>")
}

/// How far the results can be trusted.
fn write_properties(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let facts = trust(&report.target);
    if facts.is_empty() {
        return writeln!(out, "<properties/>");
    }
    writeln!(out, "<properties>")?;
    for (name, words) in facts {
        writeln!(out, "<property name=\"{name}\" value=\"{}\"/>", markup(&words))?;
    }
    writeln!(out, "</properties>")
}

struct Case<'a> {
    control: &'a str,
    description: &'a str,
    resource: &'a str,
    outcome: Outcome<'a>,
    seconds: f64,
}

/// The results of a control. One that has none is a case all the same, as is a failure that does not count.
fn cases<'a>(control: &'a ControlResult) -> Vec<Case<'a>> {
    let status = control.status();
    let id = control.facts.id.as_str();
    if control.results.is_empty() {
        let outcome = match status {
            ControlStatus::NotApplicable => Outcome::Skipped("not applicable".into()),
            _ => Outcome::Error("there are no results"),
        };
        return vec![Case { control: id, description: id, resource: "", outcome, seconds: 0.0 }];
    }
    let case = |result: &'a CheckResult| {
        let outcome = match &result.status {
            Status::Passed => Outcome::Passed,
            Status::Failed(why) if status == ControlStatus::NotApplicable => {
                Outcome::Skipped(format!("failed, but the control is not applicable\n{why}").into())
            }
            Status::Failed(why) => Outcome::Failed(why),
            Status::Skipped(why) => Outcome::Skipped(why.into()),
            Status::Error(why) => Outcome::Error(why),
        };
        let CheckResult { description, resource, seconds, .. } = result;
        Case { control: id, description, resource, outcome, seconds: *seconds }
    };
    control.results.iter().map(case).collect()
}

impl Case<'_> {
    fn write(&self, profile: &str, names: &mut HashSet<(String, String)>, out: &mut dyn Write) -> io::Result<()> {
        let class = markup(&format!("{profile}.{}", self.control));
        let name = unique(&class, markup(self.description), names);
        let seconds = self.seconds;
        write!(out, "<testcase name=\"{name}\" classname=\"{class}\" time=\"{seconds:.6}\"")?;
        let (element, why) = match &self.outcome {
            Outcome::Passed => return writeln!(out, "/>"),
            Outcome::Failed(why) => ("failure", *why),
            Outcome::Error(why) => ("error", *why),
            Outcome::Skipped(why) => ("skipped", why.as_ref()),
        };
        let lines = why.lines().map(str::trim).filter(|line| !line.is_empty());
        let message = lines.collect::<Vec<_>>().join(", ");
        write!(out, "><{element} message=\"{}\"", markup(&message))?;
        if !self.resource.is_empty() {
            write!(out, " type=\"{}\"", markup(self.resource))?;
        }
        writeln!(out, ">{}</{element}></testcase>", markup_lines(why))
    }
}

/// The name, with a number when there is one like it already.
fn unique(class: &str, name: String, names: &mut HashSet<(String, String)>) -> String {
    let mut numbered = name.clone();
    let mut number = 1;
    while !names.insert((class.to_owned(), numbered.clone())) {
        number += 1;
        numbered = format!("{name} ({number})");
    }
    numbered
}

/// UTC, without a zone, as junit2 has it.
fn timestamp(seconds: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (hour, minute, second) = moment.to_hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}", moment.date())
}
