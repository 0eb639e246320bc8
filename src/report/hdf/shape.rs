//! The shape of HDF (exec-json) as inspecjs demands it: one wrong type, also in a key that nobody reads, and the whole
//! file is refused. Keys that are not listed may hold anything.

use serde_json::Value as Json;

use Presence::{Nullable, Optional, Required};
use Type::{Either, Flag, List, Number, Object, Text, Word};

enum Type {
    Text,
    Number,
    Flag,
    Word(&'static [&'static str]),
    List(&'static Type),
    Object(&'static [Key]),
    Either(&'static [Type]),
}

enum Presence {
    Required,
    /// May be absent, but is not null.
    Optional,
    /// May be absent or null.
    Nullable,
}

struct Key(&'static str, Presence, Type);

const FILE: Type = Object(&[
    Key("platform", Required, PLATFORM),
    Key("profiles", Required, List(&PROFILE)),
    Key("statistics", Required, STATISTICS),
    Key("version", Required, Text),
]);

const PLATFORM: Type =
    Object(&[Key("name", Required, Text), Key("release", Required, Text), Key("target_id", Nullable, Text)]);

const STATISTICS: Type = Object(&[Key("duration", Nullable, Number), Key("controls", Nullable, TOTALS)]);

const TOTALS: Type =
    Object(&[Key("failed", Nullable, TOTAL), Key("passed", Nullable, TOTAL), Key("skipped", Nullable, TOTAL)]);

const TOTAL: Type = Object(&[Key("total", Required, Number)]);

const PROFILE: Type = Object(&[
    Key("name", Required, Text),
    Key("sha256", Required, Text),
    Key("supports", Required, List(&PLATFORM_SUPPORT)),
    Key("attributes", Required, List(&Object(&[]))),
    Key("groups", Required, List(&GROUP)),
    Key("controls", Required, List(&CONTROL)),
    Key("depends", Nullable, List(&DEPENDENCY)),
    Key("copyright", Nullable, Text),
    Key("copyright_email", Nullable, Text),
    Key("description", Nullable, Text),
    Key("inspec_version", Nullable, Text),
    Key("license", Nullable, Text),
    Key("maintainer", Nullable, Text),
    Key("parent_profile", Nullable, Text),
    Key("skip_message", Nullable, Text),
    Key("status", Nullable, Text),
    Key("status_message", Nullable, Text),
    Key("summary", Nullable, Text),
    Key("title", Nullable, Text),
    Key("version", Nullable, Text),
]);

const PLATFORM_SUPPORT: Type = Object(&[
    Key("os-family", Nullable, Text),
    Key("os-name", Nullable, Text),
    Key("platform", Nullable, Text),
    Key("platform-family", Nullable, Text),
    Key("platform-name", Nullable, Text),
    Key("release", Nullable, Text),
]);

const GROUP: Type =
    Object(&[Key("id", Required, Text), Key("controls", Required, List(&Text)), Key("title", Nullable, Text)]);

const DEPENDENCY: Type = Object(&[
    Key("branch", Nullable, Text),
    Key("compliance", Nullable, Text),
    Key("git", Nullable, Text),
    Key("name", Nullable, Text),
    Key("path", Nullable, Text),
    Key("status", Nullable, Text),
    Key("status_message", Nullable, Text),
    Key("supermarket", Nullable, Text),
    Key("url", Nullable, Text),
]);

const CONTROL: Type = Object(&[
    Key("id", Required, Text),
    Key("impact", Required, Number),
    Key("refs", Required, List(&REFERENCE)),
    Key("tags", Required, TAGS),
    Key("source_location", Required, SOURCE_LOCATION),
    Key("results", Required, List(&RESULT)),
    Key("title", Nullable, Text),
    Key("desc", Nullable, Text),
    Key("code", Nullable, Text),
    Key("descriptions", Nullable, List(&DESCRIPTION)),
    Key("waiver_data", Nullable, WAIVER),
    Key("attestation_data", Nullable, ATTESTATION),
]);

const REFERENCE: Type = Object(&[
    Key("ref", Optional, Either(&[Text, List(&Object(&[]))])),
    Key("url", Optional, Text),
    Key("uri", Optional, Text),
]);

/// Not part of the format: on other types inspecjs crashes when it asks for the severity and for the NIST controls.
const TAGS: Type = Object(&[
    Key("severityoverride", Nullable, Text),
    Key("severity", Nullable, Text),
    Key("nist", Nullable, Either(&[List(&Text), Text])),
]);

const SOURCE_LOCATION: Type = Object(&[Key("line", Nullable, Number), Key("ref", Nullable, Text)]);

const DESCRIPTION: Type = Object(&[Key("label", Required, Text), Key("data", Required, Text)]);

const WAIVER: Type = Object(&[
    Key("skipped_due_to_waiver", Nullable, Either(&[Flag, Text])),
    Key("run", Nullable, Flag),
    Key("expiration_date", Nullable, Text),
    Key("justification", Nullable, Text),
    Key("message", Nullable, Text),
]);

const ATTESTATION: Type = Object(&[
    Key("control_id", Required, Text),
    Key("explanation", Required, Text),
    Key("frequency", Required, Text),
    Key("status", Required, Word(&["passed", "failed"])),
    Key("updated", Required, Text),
    Key("updated_by", Required, Text),
]);

const RESULT: Type = Object(&[
    Key("code_desc", Required, Text),
    Key("start_time", Required, Text),
    Key("status", Nullable, Word(&["passed", "failed", "skipped", "error"])),
    Key("run_time", Nullable, Number),
    Key("backtrace", Nullable, List(&Text)),
    Key("exception", Nullable, Text),
    Key("message", Nullable, Text),
    Key("resource", Nullable, Text),
    Key("resource_id", Nullable, Text),
    Key("skip_message", Nullable, Text),
]);

/// What is wrong, and where: `profiles[0].controls[3].impact must be a number`.
pub(super) fn check(file: &Json) -> Result<(), String> {
    FILE.check(file).map_err(|mismatch| {
        let place = mismatch.place.strip_prefix('.').unwrap_or(&mismatch.place);
        format!("{} must be {}", if place.is_empty() { "the file" } else { place }, mismatch.wanted)
    })
}

struct Mismatch {
    place: String,
    wanted: String,
}

impl Mismatch {
    fn within(mut self, step: &str) -> Mismatch {
        self.place.insert_str(0, step);
        self
    }
}

impl Type {
    fn check(&self, value: &Json) -> Result<(), Mismatch> {
        let fits = match (self, value) {
            (Text, Json::String(_)) | (Number, Json::Number(_)) | (Flag, Json::Bool(_)) => true,
            (Word(words), Json::String(text)) => words.contains(&text.as_str()),
            (List(inner), Json::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    inner.check(item).map_err(|mismatch| mismatch.within(&format!("[{index}]")))?;
                }
                true
            }
            (Object(keys), Json::Object(map)) => {
                for Key(name, presence, inner) in *keys {
                    let value = match (map.get(*name), presence) {
                        (None, Optional | Nullable) | (Some(Json::Null), Nullable) => continue,
                        (value, _) => value.unwrap_or(&Json::Null),
                    };
                    inner.check(value).map_err(|mismatch| mismatch.within(&format!(".{name}")))?;
                }
                true
            }
            (Either(types), value) => types.iter().any(|inner| inner.check(value).is_ok()),
            _ => false,
        };
        if fits { Ok(()) } else { Err(Mismatch { place: String::new(), wanted: self.words() }) }
    }

    fn words(&self) -> String {
        match self {
            Text => "a text".to_owned(),
            Number => "a number".to_owned(),
            Flag => "true or false".to_owned(),
            Word(words) => words.join(" or "),
            List(_) => "a list".to_owned(),
            Object(_) => "an object".to_owned(),
            Either(types) => types.iter().map(Type::words).collect::<Vec<_>>().join(" or "),
        }
    }
}
