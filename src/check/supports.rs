//! Which systems a profile is for, in InSpec's words.

use serde_json::Value as Json;

use crate::resource::Platform;
use crate::rootfs::Glob;

/// The systems that a profile is for; any when it names none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supports(pub Vec<Vec<(String, String)>>);

impl Supports {
    /// The keys that a system can be named by.
    pub const KEYS: [&'static str; 7] =
        ["platform", "os", "platform-family", "os-family", "platform-name", "os-name", "release"];

    /// Whether a system is among them: one entry fits in all that it says.
    pub fn fits(&self, platform: &Platform) -> bool {
        let Platform { name, family, release, .. } = platform;
        let like = |pattern: &str, text: &str| Glob::new(pattern).is_ok_and(|glob| glob.matches_name(text.as_bytes()));
        let says = |(key, value): &(String, String)| match key.as_str() {
            "platform" | "os" => [name, family, "linux", "unix", "os"].contains(&value.as_str()),
            "platform-family" | "os-family" => value == family,
            "platform-name" | "os-name" => like(value, name),
            _ => like(value, release),
        };
        self.0.is_empty() || self.0.iter().any(|entry| entry.iter().all(says))
    }

    /// As HDF has it.
    pub fn json(&self) -> Vec<Json> {
        let entry = |entry: &Vec<(String, String)>| {
            Json::Object(entry.iter().map(|(key, value)| (key.clone(), Json::from(value.as_str()))).collect())
        };
        self.0.iter().map(entry).collect()
    }
}
