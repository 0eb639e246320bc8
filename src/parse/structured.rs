//! JSON and YAML documents as values, keys in their order.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::parse::ParseError;
use crate::value::{Text, Value};

/// The value of a JSON text (RFC 8259). A key given twice counts with its last value, as in most programs.
///
/// Errors: not UTF-8, not JSON, nested deeper than 128 levels.
pub fn json(bytes: &[u8]) -> Result<Value, ParseError> {
    serde_json::from_slice::<Document>(bytes)
        .map(|document| document.0)
        .map_err(|error| ParseError { line: Some(error.line()), what: format!("not JSON: {error}") })
}

/// The value of a YAML text with one document (YAML 1.2 core schema: `yes` and `on` are texts).
///
/// Errors: not UTF-8, not YAML, several documents, too deep, aliases that repeat too much.
pub fn yaml(bytes: &[u8]) -> Result<Value, ParseError> {
    let text = std::str::from_utf8(bytes).map_err(|error| ParseError::new(format!("not UTF-8: {error}")))?;
    if text.trim().is_empty() {
        return Ok(Value::Nil);
    }
    serde_yaml::from_str::<Document>(text).map(|document| document.0).map_err(|error| ParseError {
        line: error.location().map(|location| location.line()),
        what: format!("not YAML: {error}"),
    })
}

struct Document(Value);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Document, D::Error> {
        deserializer.deserialize_any(DocumentVisitor)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Document, E> {
        Ok(Document(Value::Nil))
    }

    fn visit_none<E>(self) -> Result<Document, E> {
        Ok(Document(Value::Nil))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        Document::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Document, E> {
        Ok(Document(Value::Bool(value)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Document, E> {
        Ok(Document(Value::Int(i128::from(number))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Document, E> {
        Ok(Document(Value::Int(i128::from(number))))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Document, E> {
        Ok(Document(Value::Int(number)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Document, E> {
        Ok(Document(Value::Float(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Document, E> {
        Ok(Document(Value::text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Document, A::Error> {
        let mut list = Vec::new();
        while let Some(Document(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Document(Value::List(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Document, A::Error> {
        let mut map = Vec::new();
        while let Some((Document(key), Document(value))) = entries.next_entry()? {
            let key = match key {
                Value::Text(text) => text,
                other => Text::from(other.plain().into_bytes()),
            };
            map.push((key, value));
        }
        Ok(Document(Value::Map(map)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_keep_types_and_order() {
        let value = json(br#"{"b":[1,-2,1.5,"x",null,true],"a":{"c":12345678901234567890},"b2":{}}"#).unwrap();
        assert_eq!(
            value.inspect(),
            r#"{"b" => [1, -2, 1.5, "x", nil, true], "a" => {"c" => 12345678901234567890}, "b2" => {}}"#
        );
        let value = yaml(b"a: 1\nb: [yes, 'no', 0644, 1.10, ~]\n3: x\nc: &x {d: true}\ne: *x\n").unwrap();
        assert_eq!(value.get(b"b").map(Value::inspect).unwrap(), r#"["yes", "no", "0644", 1.1, nil]"#);
        assert_eq!(value.get(b"3"), Some(&Value::text("x")));
        assert_eq!(value.get(b"e").map(Value::inspect).unwrap(), r#"{"d" => true}"#);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for bad in [&b""[..], b"{", b"\xef\xbb\xbf{}", b"{\"a\":\xff}", b"[1] 2"] {
            assert!(json(bad).is_err(), "{bad:?}");
        }
        assert!(json("[".repeat(100_000).as_bytes()).is_err());
        for bad in [&b"a: ["[..], b"a: 1\n---\nb: 2\n", b"\xff", b"&a [*a]"] {
            assert!(yaml(bad).is_err(), "{bad:?}");
        }
        let bomb = b"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n";
        assert!(yaml(bomb).is_err());
    }
}
