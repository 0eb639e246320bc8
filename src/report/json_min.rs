//! InSpec's json-min: one flat row for each result.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::json;

use crate::outcome::{CheckResult, ControlResult, ProfileResult, Report};
use crate::report::hdf::{reason, status_word};

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &WireReport(report))?;
    out.write_all(b"\n")
}

struct WireReport<'a>(&'a Report);

impl Serialize for WireReport<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("controls", &Rows(self.0))?;
        map.serialize_entry("statistics", &json!({ "duration": self.0.seconds }))?;
        map.serialize_entry("version", &self.0.generator.version)?;
        map.end()
    }
}

struct Rows<'a>(&'a Report);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.0.profiles.iter().flat_map(|profile| {
            let results =
                profile.controls.iter().flat_map(|control| control.results.iter().map(move |one| (control, one)));
            results.map(move |(control, result)| Row { profile, control, result })
        });
        serializer.collect_seq(rows)
    }
}

struct Row<'a> {
    profile: &'a ProfileResult,
    control: &'a ControlResult,
    result: &'a CheckResult,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.control.facts.id)?;
        map.serialize_entry("profile_id", &self.profile.name)?;
        map.serialize_entry("profile_sha256", &self.profile.sha256)?;
        map.serialize_entry("status", status_word(&self.result.status))?;
        map.serialize_entry("code_desc", &self.result.description)?;
        reason(&self.result.status, &mut map)?;
        map.end()
    }
}
