//! JSON documents from their text. `json!` makes code of every key and every brace: ten times the text's size, in a
//! program that has to stay small.

use serde_json::Value as Json;

/// What a JSON text says, with a part in each of its gaps: the text "@0" is the first part's place, "@1" the second's,
/// and so on to "@9". A part goes into one gap; what it holds is not searched for more.
pub fn filled(text: &str, parts: &mut [Json]) -> Json {
    let whole = serde_json::from_str(text);
    debug_assert!(whole.is_ok(), "{text}: {whole:?}");
    let mut whole = whole.unwrap_or_default();
    fill(&mut whole, parts);
    debug_assert!(parts.iter().all(Json::is_null), "{text}: a part without a gap");
    whole
}

fn fill(json: &mut Json, parts: &mut [Json]) {
    match json {
        Json::String(text) => {
            if let &[b'@', digit @ b'0'..=b'9'] = text.as_bytes()
                && let Some(part) = parts.get_mut(usize::from(digit - b'0'))
            {
                *json = std::mem::take(part);
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| fill(item, parts)),
        Json::Object(entries) => entries.values_mut().for_each(|value| fill(value, parts)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// Texts as a list.
pub fn texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Json {
    texts.into_iter().map(|text| Json::from(text.as_ref())).collect()
}

/// An object of these entries; of two with one key the last counts.
pub fn object(entries: &mut dyn Iterator<Item = (String, Json)>) -> Json {
    let mut object = serde_json::Map::new();
    for (key, value) in entries {
        object.insert(key, value);
    }
    object.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parts_are_no_text_with_gaps() {
        let whole =
            filled(r#"{"a": ["@1", {"b": "@0"}], "c": "@", "d": "@x"}"#, &mut ["@1".into(), json!({ "e": "@0" })]);
        assert_eq!(whole, json!({ "a": [{ "e": "@0" }, { "b": "@1" }], "c": "@", "d": "@x" }));
    }
}
