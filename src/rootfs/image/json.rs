//! JSON as those who run images read it: the case of keys does not matter, so two keys that differ by case only would
//! mean one thing to one reader and another to the next. Such documents are refused.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(u64),
    /// A number that no field of an image has.
    OtherNumber,
    Text(String),
    List(Vec<Json>),
    /// Keys folded.
    Map(Vec<(String, Json)>),
}

impl Json {
    /// A whole document.
    pub(super) fn parse(bytes: &[u8]) -> Result<Json, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("it is no JSON that can be trusted: {error}"))
    }

    /// The value of a key; `None` also where it is null.
    pub(super) fn get(&self, key: &str) -> Option<&Json> {
        let Json::Map(entries) = self else { return None };
        let key = folded(key);
        let (_, value) = entries.iter().find(|(known, _)| *known == key)?;
        (*value != Json::Null).then_some(value)
    }

    /// A text; `None` where it is absent.
    pub(super) fn text(&self, key: &str) -> Result<Option<&str>, String> {
        match self.get(key) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(_) => Err(format!("`{key}` is no text")),
        }
    }

    /// The items of a list; none where it is absent.
    pub(super) fn list(&self, key: &str) -> Result<Option<&[Json]>, String> {
        match self.get(key) {
            None => Ok(None),
            Some(Json::List(items)) => Ok(Some(items)),
            Some(_) => Err(format!("`{key}` is no list")),
        }
    }

    /// The texts of a list.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<String>>, String> {
        let Some(items) = self.list(key)? else { return Ok(None) };
        let texts = items.iter().map(|item| match item {
            Json::Text(text) => Ok(text.clone()),
            _ => Err(format!("`{key}` holds what is no text")),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }
}

/// A key without its case, as Go folds it: also the two characters beyond ASCII that fold into it.
fn folded(key: &str) -> String {
    key.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(JsonVisitor { keys_count: false })
    }
}

/// Reads a value; below `labels` and the like, the keys are data and keep their case.
struct JsonVisitor {
    keys_count: bool,
}

impl<'de> serde::de::DeserializeSeed<'de> for JsonVisitor {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Maps whose keys are data.
const DATA: [&str; 5] = ["labels", "annotations", "exposedports", "volumes", "repositories"];

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Json, E> {
        Ok(Json::OtherNumber)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Json, E> {
        Ok(Json::OtherNumber)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut seen = std::collections::BTreeSet::new();
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            let key = if self.keys_count { key } else { folded(&key) };
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("the key `{key}` stands twice, perhaps in another case")));
            }
            let keys_count = !self.keys_count && DATA.contains(&key.as_str());
            let value = entries.next_value_seed(JsonVisitor { keys_count })?;
            map.push((key, value));
        }
        Ok(Json::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_mean_one_thing() {
        let json = Json::parse(br#"{"Config": {"user": "0", "Labels": {"a": "1", "A": "2"}}, "x": null}"#).unwrap();
        let config = json.get("config").unwrap();
        assert_eq!(config.text("User"), Ok(Some("0")));
        assert_eq!(json.get("X"), None);
        for bad in [
            r#"{"Layers": [], "layers": []}"#,
            "{\"layers\": [], \"layer\u{17f}\": []}",
            r#"{"a": 1, "a": 1}"#,
            r#"{"Labels": {"a": "1", "a": "2"}}"#,
            "{} {}",
        ] {
            assert!(Json::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
