//! Reading thresholds, strictly: every key must be known and every value must make sense.

use std::fmt;

use serde_yaml::Value as Yaml;

use crate::outcome::Severity;
use crate::parse::refuse_bombs;
use crate::profile::nearest;
use crate::threshold::{Counts, Demand, Rule, STATUSES, Threshold};

/// Why a threshold cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThresholdError(String);

impl fmt::Display for ThresholdError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for ThresholdError {}

fn error<T>(message: impl Into<String>) -> Result<T, ThresholdError> {
    Err(ThresholdError(message.into()))
}

/// A threshold from a file: YAML or JSON, nested or with dotted keys.
pub fn parse(text: &str) -> Result<Threshold, ThresholdError> {
    let yaml = yaml(text)?;
    let mut rules = Vec::new();
    match &yaml {
        Yaml::Null => return error("it is empty: it would allow everything"),
        Yaml::Mapping(entries) => {
            for (key, value) in entries {
                collect(text_of(key)?, value, &mut rules)?;
            }
        }
        _ => return error("it must be a map, such as `failed: {total: {max: 0}}`"),
    }
    if rules.is_empty() {
        return error("it is empty: it would allow everything");
    }
    Ok(Threshold { rules })
}

fn yaml(text: &str) -> Result<Yaml, ThresholdError> {
    // Brackets in each other take its parser a time that grows with their square.
    refuse_bombs(text).map_err(|error| ThresholdError(error.to_string()))?;
    serde_yaml::from_str(text).map_err(|error| ThresholdError(format!("not YAML: {error}")))
}

/// A threshold from the command line: `key: number` between commas, each or all of it in braces or not, as SAF takes
/// it; or YAML.
pub fn parse_inline(text: &str) -> Result<Threshold, ThresholdError> {
    let entries: Vec<&str> = text.split(',').map(without_braces).collect();
    if entries.iter().any(|entry| entry.contains(['{', '}', '[', ']'])) {
        return parse(text);
    }
    let mut rules = Vec::new();
    for entry in entries.into_iter().filter(|entry| !entry.is_empty()) {
        let Some((key, value)) = entry.split_once(':') else {
            return error(format!("`{entry}` is not `key: number`"));
        };
        let value = yaml(value.trim())?;
        collect(key.trim().trim_matches(['"', '\'']), &value, &mut rules)?;
    }
    if rules.is_empty() {
        return error("it is empty: it would allow everything");
    }
    Ok(Threshold { rules })
}

fn without_braces(entry: &str) -> &str {
    let entry = entry.trim();
    let entry = entry.strip_prefix('{').unwrap_or(entry);
    entry.strip_suffix('}').unwrap_or(entry).trim()
}

fn text_of(key: &Yaml) -> Result<&str, ThresholdError> {
    key.as_str().map_or_else(|| error("a key is no text"), Ok)
}

/// Walks down to the values; dots in a key are steps too.
fn collect(key: &str, value: &Yaml, rules: &mut Vec<Rule>) -> Result<(), ThresholdError> {
    match value {
        Yaml::Mapping(entries) if entries.is_empty() => error(format!("{key} is empty")),
        Yaml::Mapping(entries) => {
            for (inner, value) in entries {
                collect(&format!("{key}.{}", text_of(inner)?), value, rules)?;
            }
            Ok(())
        }
        value => {
            let rule = rule(key, value)?;
            if rules.iter().any(|known| known.key == rule.key) {
                return error(format!("{key} is given twice"));
            }
            rules.push(rule);
            Ok(())
        }
    }
}

fn rule(key: &str, value: &Yaml) -> Result<Rule, ThresholdError> {
    let parts: Vec<&str> = key.split('.').collect();
    let (counts, bound) = match parts.as_slice() {
        ["compliance"] => return error("compliance needs min or max, such as `compliance: {min: 80}`"),
        ["compliance", bound @ ("min" | "max")] => (Counts::Compliance, Some(*bound)),
        ["compliance", other] => return unknown(key, other, &["min", "max"]),
        [status, rest @ ..] => {
            let Some((_, status)) = STATUSES.iter().find(|(word, _)| word == status) else {
                let known: Vec<&str> = std::iter::once("compliance").chain(STATUSES.map(|(word, _)| word)).collect();
                return unknown(key, status, &known);
            };
            let (which, bound) = match rest {
                [] => return error(format!("{key} needs total or a severity, such as `{key}: {{total: {{max: 0}}}}`")),
                [which] => (*which, None),
                [which, bound] => (*which, Some(*bound)),
                _ => return error(format!("{key} has too many parts")),
            };
            let severity = match which {
                "total" => None,
                word => match Severity::ALL.into_iter().find(|severity| severity.name() == word) {
                    Some(severity) => Some(severity),
                    None => return unknown(key, word, &["total", "critical", "high", "medium", "low", "none"]),
                },
            };
            (Counts::Controls(*status, severity), bound)
        }
        [] => return error("a key is empty"),
    };
    let demand = match bound {
        None => Demand::Exactly(number(key, value)?),
        Some("min") => Demand::AtLeast(number(key, value)?),
        Some("max") => Demand::AtMost(number(key, value)?),
        Some("controls") if !matches!(counts, Counts::Controls(_, None)) => Demand::Ids(ids(key, value)?),
        Some(other) => return unknown(key, other, &["min", "max", "controls"]),
    };
    Ok(Rule { key: key.to_owned(), counts, demand })
}

fn unknown<T>(key: &str, word: &str, known: &[&str]) -> Result<T, ThresholdError> {
    let near = nearest(word, known.iter().copied());
    let help =
        near.map_or_else(|| format!("expected one of: {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    error(format!("unknown word `{word}` in {key}; {help}"))
}

/// A number, or a text that is one.
fn number(key: &str, value: &Yaml) -> Result<f64, ThresholdError> {
    let number = match value {
        Yaml::Number(number) => number.as_f64(),
        Yaml::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    match number.filter(|number| number.is_finite()) {
        Some(number) => Ok(number),
        None => error(format!("{key} must be a number")),
    }
}

fn ids(key: &str, value: &Yaml) -> Result<Vec<String>, ThresholdError> {
    let id = |item: &Yaml| {
        item.as_str().map_or_else(|| error(format!("{key} must be a list of control ids")), |id| Ok(id.to_owned()))
    };
    match value {
        Yaml::Sequence(items) => items.iter().map(id).collect(),
        _ => error(format!("{key} must be a list of control ids")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_notations_mean_the_same() {
        let nested = parse("compliance: {min: 80}\nfailed: {critical: {max: 0}, total: 3}\n").unwrap();
        let dotted = parse("compliance.min: 80\nfailed.critical.max: 0\nfailed.total: 3\n").unwrap();
        let json = parse(r#"{"compliance": {"min": "80"}, "failed": {"critical": {"max": 0}, "total": 3}}"#).unwrap();
        let inline = parse_inline("compliance.min:80, \"failed.critical.max\" : 0,failed.total: 3").unwrap();
        assert_eq!(nested, dotted);
        assert_eq!(nested, json);
        assert_eq!(nested, inline);
        for text in [
            "{compliance: {min: 80}, failed: {critical: {max: 0}, total: 3}}",
            "{compliance.min: 80}, {failed.critical.max: 0}, {failed.total: 3}",
            "{compliance.min:80, failed.critical.max:0, failed.total:3}",
        ] {
            assert_eq!(nested, parse_inline(text).unwrap(), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for (text, part) in [
            ("", "empty"),
            ("# nothing\n", "empty"),
            ("{}", "empty"),
            ("failed: {}", "empty"),
            ("- 1", "must be a map"),
            ("hello", "must be a map"),
            ("compliance: 80", "min or max"),
            ("compliance: {mim: 80}", "did you mean `min`?"),
            ("faild: {total: 0}", "did you mean `failed`?"),
            ("failed: 0", "total or a severity"),
            ("failed: {High: {max: 0}}", "did you mean `high`?"),
            ("failed: {total: {max: null}}", "must be a number"),
            ("failed: {total: {max: many}}", "must be a number"),
            ("failed: {total: {controls: [a]}}", "unknown word `controls`"),
            ("failed: {high: {controls: a}}", "list of control ids"),
            ("failed: {total: {max: 0}}\nfailed: {total: {max: 5}}", "not YAML"),
            ("failed.total.max: 0\nfailed: {total: {max: 0}}", "given twice"),
            ("failed: {total: {max: .nan}}", "must be a number"),
            (&"[".repeat(32_000), "not YAML"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
        for text in ["", "failed.total.max", "failed.total.max: x"] {
            assert!(parse_inline(text).is_err(), "{text}");
        }
    }
}
