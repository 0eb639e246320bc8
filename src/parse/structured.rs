//! JSON and YAML documents as values, keys in their order.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::parse::ParseError;
use crate::parse::yaml_limits::refuse_bombs;
use crate::value::{Text, Value};

/// The most values that one document holds: a target decides how many there are, and each takes more room than its
/// bytes.
const MAX_VALUES: usize = 1_000_000;

/// The largest YAML text: a second of time. What it may hold is counted before it is parsed.
const MAX_YAML_BYTES: usize = 8 << 20;

/// The value of a JSON text (RFC 8259). A key given twice counts with its last value, as in most programs.
///
/// Errors: not UTF-8, not JSON, nested deeper than 128 levels.
pub fn json(bytes: &[u8]) -> Result<Value, ParseError> {
    let count = Cell::new(0);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Seed(&count).deserialize(&mut deserializer);
    let whole = value.and_then(|value| deserializer.end().map(|()| value));
    whole.map_err(|error| ParseError { line: Some(error.line()), what: format!("not JSON: {error}") })
}

/// The value of a YAML text with one document (YAML 1.2 core schema: `yes` and `on` are texts).
///
/// Errors: not UTF-8, not YAML, several documents, too large, too deep, too many values, aliases that repeat too much.
pub fn yaml(bytes: &[u8]) -> Result<Value, ParseError> {
    if bytes.len() > MAX_YAML_BYTES {
        return Err(ParseError::new(format!(
            "too large: {} bytes, at most {MAX_YAML_BYTES} are parsed as YAML",
            bytes.len()
        )));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| ParseError::new(format!("not UTF-8: {error}")))?;
    if text.trim().is_empty() {
        return Ok(Value::Nil);
    }
    refuse_bombs(text)?;
    let count = Cell::new(0);
    Seed(&count).deserialize(serde_yaml::Deserializer::from_str(text)).map_err(|error| ParseError {
        line: error.location().map(|location| location.line()),
        what: format!("not YAML: {error}"),
    })
}

/// Takes any value, and counts it.
#[derive(Clone, Copy)]
struct Seed<'c>(&'c Cell<usize>);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.0.set(self.0.get() + 1);
        if self.0.get() > MAX_VALUES {
            return Err(D::Error::custom(format_args!("more than {MAX_VALUES} values")));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(i128::from(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Int(i128::from(number)))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = entries.next_entry_seed(self, self)? {
            let key = match key {
                Value::Text(text) => text,
                other => Text::from(other.plain().into_bytes()),
            };
            map.push((key, value));
        }
        Ok(Value::Map(map))
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
        let many = format!("[{}1]", "1,".repeat(MAX_VALUES));
        assert!(json(many.as_bytes()).unwrap_err().what.contains("more than"));
        let bomb = b"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n";
        assert!(yaml(bomb).is_err());
    }
}
