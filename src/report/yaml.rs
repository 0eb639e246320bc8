//! HDF in YAML: the keys of the JSON in the same order. Every text is in quotes or a block: readers of YAML 1.1 take
//! `no`, `12:30` and `2001-01-01` for something else.

use std::io::{self, Write};

use serde_yaml::{Mapping, Value};

use crate::outcome::Report;
use crate::report::harmless::is_harmful;
use crate::report::hdf::WireReport;
use crate::threshold::Verdict;

pub(super) fn write(report: &Report, verdict: Option<&Verdict>, out: &mut dyn Write) -> io::Result<()> {
    write_json(&serde_json::to_string(&WireReport { report, verdict })?, out)
}

/// JSON in YAML.
pub(super) fn write_json(text: &str, out: &mut dyn Write) -> io::Result<()> {
    // JSON's own tree would sort the keys.
    write_document(&serde_json::from_str(text)?, out)
}

fn write_document(value: &Value, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "---")?;
    write_value(value, 0, out)
}

/// What stands after `key:` or `---`, and the end of the line.
fn write_value(value: &Value, indent: usize, out: &mut dyn Write) -> io::Result<()> {
    match value {
        Value::Mapping(map) if !map.is_empty() => {
            writeln!(out)?;
            write_entries(map, indent, indent, out)
        }
        Value::Sequence(items) if !items.is_empty() => {
            writeln!(out)?;
            for item in items {
                write!(out, "{:indent$}-", "")?;
                match item {
                    Value::Mapping(map) if !map.is_empty() => {
                        write!(out, " ")?;
                        write_entries(map, 0, indent + 2, out)?;
                    }
                    item => write_value(item, indent + 2, out)?,
                }
            }
            Ok(())
        }
        Value::String(text) if is_block(text) => {
            writeln!(out, " {}", if text.ends_with('\n') { "|" } else { "|-" })?;
            for line in text.lines() {
                let indent = if line.is_empty() { 0 } else { indent };
                writeln!(out, "{:indent$}{line}", "")?;
            }
            Ok(())
        }
        value => writeln!(out, " {}", scalar(value)),
    }
}

/// The entries of a map; the first one may stand on a line that has begun.
fn write_entries(map: &Mapping, first: usize, indent: usize, out: &mut dyn Write) -> io::Result<()> {
    for (place, (key, value)) in map.iter().enumerate() {
        let before = if place == 0 { first } else { indent };
        let plain = key.as_str().filter(|key| is_plain(key));
        write!(out, "{:before$}{}:", "", plain.map_or_else(|| scalar(key), str::to_owned))?;
        write_value(value, indent + 2, out)?;
    }
    Ok(())
}

/// A key that all readers take for a text.
fn is_plain(key: &str) -> bool {
    let is_word = key.starts_with(|char: char| char.is_ascii_lowercase())
        && key.chars().all(|char| matches!(char, 'a'..='z' | '0'..='9' | '_'));
    is_word && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(&key)
}

/// Lines that can stand as they are; what YAML takes for the end of a line, or nobody would see, cannot.
fn is_block(text: &str) -> bool {
    let ends = text.strip_suffix('\n').unwrap_or(text);
    text.contains('\n')
        && !text.starts_with([' ', '\n'])
        && !ends.is_empty()
        && !ends.ends_with('\n')
        && !text.chars().any(|char| is_harmful(char) && char != '\n')
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null | Value::Tagged(_) => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => match number.as_f64() {
            // Without an exponent, which YAML 1.1 takes for a text.
            Some(float) if number.is_f64() && float.fract() == 0.0 => format!("{float:.1}"),
            Some(float) if number.is_f64() => float.to_string(),
            _ => number.to_string(),
        },
        Value::String(text) => quoted(text),
        Value::Sequence(_) => "[]".to_owned(),
        Value::Mapping(_) => "{}".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            char if is_harmful(char) => out.push_str(&format!("\\U{:08x}", u32::from(char))),
            char => out.push(char),
        }
    }
    out.push('"');
    out
}
