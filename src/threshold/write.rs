//! A threshold that today's results just meet, to start from.

use std::fmt::Write as _;

use crate::outcome::{ControlStatus, Severity};
use crate::threshold::{Counted, STATUSES, compliance};

/// The threshold of these controls in YAML: what passes now must pass, what does not may not grow.
///
/// `exact`: it may not shrink either. `ids`: it must be the same controls. SAF, which rounds compliance and never finds
/// an empty list of ids met, accepts it too.
pub fn generate(controls: &[Counted], exact: bool, ids: bool) -> String {
    let mut out = String::from("compliance:\n");
    let _ = writeln!(out, "  min: {}", compliance(controls).floor());
    if exact {
        let _ = writeln!(out, "  max: {}", compliance(controls).ceil());
    }
    for (word, status) in STATUSES {
        let _ = writeln!(out, "{word}:");
        let total: Vec<&Counted> = controls.iter().filter(|control| control.status == status).collect();
        bounds(&mut out, "total", total.len(), status, exact);
        for severity in Severity::ALL {
            let of_severity: Vec<&&Counted> = total.iter().filter(|control| control.severity == severity).collect();
            bounds(&mut out, severity.name(), of_severity.len(), status, exact);
            if ids && !of_severity.is_empty() {
                let mut ids: Vec<&str> = of_severity.iter().map(|control| control.id.as_str()).collect();
                ids.sort_unstable();
                let ids: Vec<String> = ids.iter().map(|id| serde_json::Value::from(*id).to_string()).collect();
                let _ = writeln!(out, "    controls: [{}]", ids.join(", "));
            }
        }
    }
    out
}

fn bounds(out: &mut String, name: &str, count: usize, status: ControlStatus, exact: bool) {
    let _ = writeln!(out, "  {name}:");
    if exact || status == ControlStatus::Passed {
        let _ = writeln!(out, "    min: {count}");
    }
    if exact || status != ControlStatus::Passed {
        let _ = writeln!(out, "    max: {count}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threshold::parse;

    #[test]
    fn what_is_generated_is_met_by_its_own_results() {
        let control = |id: &str, status, severity| Counted { id: id.into(), status, severity };
        let controls = [
            control("a", ControlStatus::Passed, Severity::High),
            control("b", ControlStatus::Failed, Severity::Low),
            control("c: \"x\"", ControlStatus::Error, Severity::None),
            control("d", ControlStatus::NotApplicable, Severity::Medium),
        ];
        for (exact, ids) in [(false, false), (true, false), (false, true), (true, true)] {
            let text = generate(&controls, exact, ids);
            let threshold = parse(&text).unwrap();
            assert_eq!(threshold.judge(&controls).violations, Vec::<String>::new(), "{text}");
            assert!(!threshold.judge(&controls[1..]).is_met());
        }
    }
}
