//! Which systems a profile is for: `supports`, as InSpec's users know it.

use serde_json::Value as Json;

use crate::profile::decode::Decoder;
use crate::profile::yaml::Node;
use crate::rootfs::Glob;

/// One kind of system; all that it says must fit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Support {
    entries: Vec<(String, String)>,
}

const KEYS: [&str; 8] =
    ["platform", "os", "platform-family", "os-family", "platform-name", "os-name", "release", "inspec"];

impl Support {
    /// Whether a system of this name, family and release fits.
    pub fn fits(&self, name: &str, family: &str, release: &str) -> bool {
        let like = |pattern: &str, text: &str| Glob::new(pattern).is_ok_and(|glob| glob.matches_name(text.as_bytes()));
        self.entries.iter().all(|(key, value)| match key.as_str() {
            "platform" | "os" => [name, family, "linux", "unix", "os"].contains(&value.as_str()),
            "platform-family" | "os-family" => value == family,
            "platform-name" | "os-name" => like(value, name),
            "release" => like(value, release),
            _ => true,
        })
    }

    /// As HDF has it.
    pub fn json(&self) -> Json {
        Json::Object(self.entries.iter().map(|(key, value)| (key.clone(), Json::from(value.as_str()))).collect())
    }
}

impl Decoder<'_> {
    /// A list of systems.
    pub(super) fn supports(&mut self, node: &Node<'_>) -> Option<Vec<Support>> {
        let mut supports = Vec::new();
        for node in self.list(node, "supports")? {
            let fields = self.fields(node, "supports", &KEYS)?;
            let mut support = Support::default();
            for field in &fields.0 {
                let text = self.raw_text(field.value, field.name)?;
                support.entries.push((field.name.to_owned(), text.to_owned()));
            }
            supports.push(support);
        }
        Some(supports)
    }
}
