//! Waiver files: which controls an auditor has waived, why and until when. YAML, JSON or CSV, as InSpec's users know
//! them. A waiver ends at 00:00 UTC of its day.

use std::sync::Arc;

use crate::outcome::Waiver;
use crate::profile::decode::Decoder;
use crate::profile::input::Inputs;
use crate::profile::source::{Problem, Source};
use crate::profile::yaml::{self, Node};
use crate::value::parse_date;

/// One waived control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaiverEntry {
    /// The control's id.
    pub control: String,
    /// Why.
    pub justification: String,
    /// Until which day.
    pub expiration_date: Option<String>,
    /// Whether the control is evaluated all the same.
    pub run: Option<bool>,
}

impl WaiverEntry {
    /// What it means at a moment: an expired waiver waives nothing and says so.
    pub fn at(&self, now: i64) -> Waiver {
        let expires = self.expiration_date.as_deref().and_then(|date| parse_date(day(date)));
        let expired = expires.is_some_and(|end| end < now);
        let message = match &self.expiration_date {
            Some(date) if expired => format!("Waiver expired on {date}, evaluating control normally"),
            _ => String::new(),
        };
        Waiver {
            justification: self.justification.clone(),
            expiration_date: self.expiration_date.clone(),
            run: self.run,
            skipped: !expired && self.run == Some(false),
            message,
        }
    }
}

/// The day of a date that may have a time behind it.
fn day(date: &str) -> &str {
    date.get(..10).unwrap_or(date)
}

/// The waivers of a file.
///
/// Errors: all that is wrong with it; a waiver that is not understood would waive nothing, or too much.
pub fn read_waivers(source: &Arc<Source>) -> Result<Vec<WaiverEntry>, Vec<Problem>> {
    let is_csv = source.name.to_lowercase().ends_with(".csv");
    let (entries, problems) = if is_csv { from_csv(source) } else { from_yaml(source)? };
    if problems.is_empty() { Ok(entries) } else { Err(problems) }
}

fn from_yaml(source: &Arc<Source>) -> Result<(Vec<WaiverEntry>, Vec<Problem>), Vec<Problem>> {
    let root = yaml::parse(source)?;
    let inputs = Inputs::default();
    let mut decoder = Decoder::new(source, &inputs, &[]);
    let mut entries = Vec::new();
    if let Some(fields) = decoder.entries(&root, "a waiver file") {
        for field in &fields.0 {
            entries.extend(decoder.waiver(field.name, field.value));
        }
    }
    Ok((entries, decoder.problems))
}

impl Decoder<'_> {
    fn waiver(&mut self, control: &str, node: &Node<'_>) -> Option<WaiverEntry> {
        let fields = self.fields(node, "a waiver", &["justification", "expiration_date", "run"])?;
        let text = |decoder: &mut Self, name: &str| match fields.get(name) {
            Some(node) if !node.is_null() => decoder.raw_text(node, name).map(|text| Some(text.to_owned())),
            _ => Some(None),
        };
        let justification = text(self, "justification")?;
        let expiration_date = text(self, "expiration_date")?;
        let run = text(self, "run")?;
        if let Some(date) = &expiration_date
            && parse_date(day(date)).is_none()
        {
            let span = fields.get("expiration_date").map_or(node.span, |node| node.span);
            self.problem(span, format!("`{date}` is no day such as 2027-05-31"));
            return None;
        }
        let run = match run.as_deref().map(truth) {
            None => None,
            Some(Some(run)) => Some(run),
            Some(None) => {
                let span = fields.get("run").map_or(node.span, |node| node.span);
                self.problem(span, "run takes yes, no, true or false");
                return None;
            }
        };
        let Some(justification) = justification.filter(|text| !text.trim().is_empty()) else {
            self.problem(node.span, format!("the waiver of `{control}` needs a justification"));
            return None;
        };
        Some(WaiverEntry { control: control.to_owned(), justification, expiration_date, run })
    }
}

/// yes, no, true, false, in any case.
fn truth(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

fn from_csv(source: &Arc<Source>) -> (Vec<WaiverEntry>, Vec<Problem>) {
    let mut entries = Vec::new();
    let mut problems = Vec::new();
    let mut problem = |line: usize, what: String| {
        problems.push(Problem::without_place(format!("{}:{line}: {what}", source.name)));
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source.text.as_bytes());
    let headers = match reader.headers() {
        Ok(headers) => headers.iter().map(str::to_lowercase).collect::<Vec<_>>(),
        Err(error) => {
            problem(1, error.to_string());
            return (entries, problems);
        }
    };
    let column = |name: &str| headers.iter().position(|header| header == name);
    let (Some(id), Some(why)) = (column("control_id"), column("justification")) else {
        problem(
            1,
            "the columns control_id and justification are needed; run and expiration_date may follow".to_owned(),
        );
        return (entries, problems);
    };
    for (index, record) in reader.records().enumerate() {
        let line = index + 2;
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                problem(line, error.to_string());
                continue;
            }
        };
        let get =
            |at: Option<usize>| at.and_then(|at| record.get(at)).filter(|text| !text.is_empty()).map(str::to_owned);
        let (control, justification) = (get(Some(id)), get(Some(why)));
        let expiration_date = get(column("expiration_date"));
        let run = get(column("run"));
        match (control, justification) {
            (Some(control), Some(justification)) => {
                if expiration_date.as_deref().is_some_and(|date| parse_date(day(date)).is_none()) {
                    problem(line, "expiration_date is no day such as 2027-05-31".to_owned());
                } else if run.as_deref().is_some_and(|text| truth(text).is_none()) {
                    problem(line, "run takes yes, no, true or false".to_owned());
                } else {
                    let run = run.as_deref().and_then(truth);
                    entries.push(WaiverEntry { control, justification, expiration_date, run });
                }
            }
            _ => problem(line, "a waiver needs a control_id and a justification".to_owned()),
        }
    }
    (entries, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vec<WaiverEntry>, Vec<String>> {
        read_waivers(&Arc::new(Source::new(name, text)))
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn all_formats_say_the_same() {
        let yaml = read("w.yaml", "a-1:\n  justification: why\n  expiration_date: 2027-05-31\n  run: no\n").unwrap();
        let json = read("w.json", r#"{"a-1": {"justification": "why", "expiration_date": "2027-05-31", "run": "no"}}"#)
            .unwrap();
        let csv = read("w.csv", "control_id,justification,run,expiration_date\na-1,why,no,2027-05-31\n").unwrap();
        assert_eq!(yaml, json);
        assert_eq!(yaml, csv);
        let end = parse_date("2027-05-31").unwrap();
        assert!(yaml[0].at(end).skipped);
        let expired = yaml[0].at(end + 1);
        assert!(!expired.skipped);
        assert_eq!(expired.message, "Waiver expired on 2027-05-31, evaluating control normally");
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (name, text) in [
            ("w.yaml", "a-1: {run: no}\n"),
            ("w.yaml", "a-1: {justification: x, expiration_date: soon}\n"),
            ("w.yaml", "a-1: {justification: x, run: maybe}\n"),
            ("w.yaml", "a-1: {justification: x, until: 2027-01-01}\n"),
            ("w.csv", "id,why\na,b\n"),
            ("w.csv", "control_id,justification\na,\n"),
        ] {
            assert!(read(name, text).is_err(), "{text}");
        }
    }
}
