//! Thresholds in SAF's format: how many controls may fail, how many must pass. Fails closed: what is not understood is
//! an error, never a pass. Every violation is found.
//!
//! docs/thresholds.md lists every difference from SAF, each with the recorded case that shows it.

mod read;
mod write;

use std::fmt;

use crate::outcome::{ControlStatus, Report, Severity};

pub use read::{ThresholdError, parse, parse_inline};
pub use write::generate;

/// One control as thresholds count it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Its id.
    pub id: String,
    /// What it came to.
    pub status: ControlStatus,
    /// How bad a failure is.
    pub severity: Severity,
}

/// The controls of a report, as thresholds count them.
pub fn count_report(report: &Report) -> Vec<Counted> {
    let counted = |control: &crate::outcome::ControlResult| Counted {
        id: control.facts.id.clone(),
        status: control.status(),
        severity: control.facts.severity(),
    };
    report.controls().map(counted).collect()
}

/// How many of the controls that count are passed, in percent: not applicable ones are left out; none at all is 0.
pub fn compliance(controls: &[Counted]) -> f64 {
    let of = |status: ControlStatus| controls.iter().filter(|control| control.status == status).count();
    let counted = controls.len() - of(ControlStatus::NotApplicable);
    if counted == 0 { 0.0 } else { 100.0 * of(ControlStatus::Passed) as f64 / counted as f64 }
}

/// A threshold: rules that must all be met.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
struct Rule {
    /// As it was written: `failed.critical.max`.
    key: String,
    counts: Counts,
    demand: Demand,
}

#[derive(Clone, Debug, PartialEq)]
enum Counts {
    Compliance,
    /// Controls of this status, of all severities or of one.
    Controls(ControlStatus, Option<Severity>),
}

#[derive(Clone, Debug, PartialEq)]
enum Demand {
    Exactly(f64),
    AtLeast(f64),
    AtMost(f64),
    /// Exactly these ids.
    Ids(Vec<String>),
}

/// Statuses by SAF's words.
const STATUSES: [(&str, ControlStatus); 5] = [
    ("passed", ControlStatus::Passed),
    ("failed", ControlStatus::Failed),
    ("skipped", ControlStatus::NotReviewed),
    ("no_impact", ControlStatus::NotApplicable),
    ("error", ControlStatus::Error),
];

/// What became of a threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Every rule that is not met, in words; none means that the threshold is met.
    pub violations: Vec<String>,
}

impl Verdict {
    /// Whether every rule is met.
    pub fn is_met(&self) -> bool {
        self.violations.is_empty()
    }
}

impl Threshold {
    /// The threshold of a scan: one that says nothing of errors allows none.
    pub fn for_scan(mut self) -> Threshold {
        let says = |rule: &Rule| matches!(rule.counts, Counts::Controls(ControlStatus::Error, _));
        if !self.rules.iter().any(says) {
            self.rules.push(Rule {
                key: "error.total.max".to_owned(),
                counts: Counts::Controls(ControlStatus::Error, None),
                demand: Demand::AtMost(0.0),
            });
        }
        self
    }

    /// Holds controls against the threshold.
    pub fn judge(&self, controls: &[Counted]) -> Verdict {
        Verdict { violations: self.rules.iter().filter_map(|rule| rule.violation(controls)).collect() }
    }

    /// Holds a report against the threshold. Nothing is met by what may be no container's root.
    pub fn judge_report(&self, report: &Report) -> Verdict {
        let mut verdict = self.judge(&count_report(report));
        if report.target.live.as_ref().is_some_and(|live| !live.doubts.is_empty()) {
            let doubt = "the root may not be the container's (--accept-root): nothing is met by it";
            verdict.violations.push(doubt.to_owned());
        }
        verdict
    }
}

impl Rule {
    fn violation(&self, controls: &[Counted]) -> Option<String> {
        let (number, ids) = match &self.counts {
            Counts::Compliance => (compliance(controls), Vec::new()),
            Counts::Controls(status, severity) => {
                let counted = controls.iter().filter(|control| {
                    control.status == *status && severity.is_none_or(|severity| control.severity == severity)
                });
                let ids: Vec<&str> = counted.map(|control| control.id.as_str()).collect();
                (ids.len() as f64, ids)
            }
        };
        let (met, wanted) = match &self.demand {
            Demand::Exactly(wanted) => (number == *wanted, format!("exactly {wanted}")),
            Demand::AtLeast(least) => (number >= *least, format!("at least {least}")),
            Demand::AtMost(most) => (number <= *most, format!("at most {most}")),
            Demand::Ids(wanted) => return self.other_ids(wanted, ids),
        };
        if met {
            return None;
        }
        let found = match &self.counts {
            Counts::Compliance => format!("compliance is {} %", percent(number)),
            Counts::Controls(..) if ids.is_empty() => "there are 0 such controls".to_owned(),
            Counts::Controls(..) => format!("there are {number}: {}", some(&ids)),
        };
        Some(format!("{}: expected {wanted}, {found}", self.key))
    }

    fn other_ids(&self, wanted: &[String], mut found: Vec<&str>) -> Option<String> {
        let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        wanted.sort_unstable();
        found.sort_unstable();
        let lacking: Vec<&str> = wanted.iter().filter(|id| !found.contains(id)).copied().collect();
        let surplus: Vec<&str> = found.iter().filter(|id| !wanted.contains(id)).copied().collect();
        if wanted == found {
            return None;
        }
        let mut words = vec![format!("{}: expected exactly the controls listed", self.key)];
        if !lacking.is_empty() {
            words.push(format!("not among them: {}", some(&lacking)));
        }
        if !surplus.is_empty() {
            words.push(format!("not listed: {}", some(&surplus)));
        }
        if lacking.is_empty() && surplus.is_empty() {
            words.push("an id is listed, or counted, more than once".to_owned());
        }
        Some(words.join("; "))
    }
}

/// The first ten, and how many more there are.
fn some(ids: &[&str]) -> String {
    let named = ids.iter().take(10).copied().collect::<Vec<_>>().join(", ");
    if ids.len() > 10 { format!("{named} and {} more", ids.len() - 10) } else { named }
}

/// A percentage, cut after two digits as Heimdall shows it, so that 99.999 is never 100.
pub fn percent(number: f64) -> String {
    let cut = (number * 100.0 + 1e-9).floor() / 100.0;
    format!("{cut}")
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_met() { write!(out, "threshold met") } else { write!(out, "threshold not met") }
    }
}
