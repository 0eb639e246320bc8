//! TOML documents as values, keys in their order.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::parse::ParseError;
use crate::value::{Text, Value};

/// The largest TOML text. Its parser keeps every token and every value with its place; much larger ones are no
/// configuration.
const MAX_BYTES: usize = 2 << 20;

/// The value of a TOML text. Dates and times are texts in RFC 3339, as they stand there.
///
/// Errors: not UTF-8, not TOML, too large, nested deeper than 80 levels, whole numbers of more than 64 bits.
pub fn toml(bytes: &[u8]) -> Result<Value, ParseError> {
    if bytes.len() > MAX_BYTES {
        let what = format!("too large: {} bytes, at most {MAX_BYTES} are parsed as TOML", bytes.len());
        return Err(ParseError::new(what));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| ParseError::new(format!("not UTF-8: {error}")))?;
    let document = DeTable::parse(text).map_err(|error| {
        let before = error.span().and_then(|span| bytes.get(..span.start));
        ParseError {
            line: before.map(|before| before.iter().filter(|byte| **byte == b'\n').count() + 1),
            what: format!("not TOML: {}", error.message()),
        }
    })?;
    table(document.into_inner())
}

fn table(table: DeTable<'_>) -> Result<Value, ParseError> {
    let entry = |(key, held): (Spanned<Cow<'_, str>>, Spanned<DeValue<'_>>)| {
        Ok((Text::from(key.into_inner().as_bytes()), value(held.into_inner())?))
    };
    table.into_iter().map(entry).collect::<Result<_, ParseError>>().map(Value::Map)
}

fn value(held: DeValue<'_>) -> Result<Value, ParseError> {
    Ok(match held {
        DeValue::String(text) => Value::text(&*text),
        DeValue::Boolean(value) => Value::Bool(value),
        DeValue::Datetime(moment) => Value::text(moment.to_string()),
        DeValue::Integer(number) => {
            let whole = i64::from_str_radix(number.as_str(), number.radix());
            let refuse = |_| ParseError::new(format!("not TOML: {number} has more than 64 bits"));
            Value::Int(i128::from(whole.map_err(refuse)?))
        }
        DeValue::Float(number) => {
            let refuse = |_| ParseError::new(format!("not TOML: {number} is no number"));
            Value::Float(number.as_str().parse().map_err(refuse)?)
        }
        DeValue::Array(items) => {
            Value::List(items.into_iter().map(|item| value(item.into_inner())).collect::<Result<_, _>>()?)
        }
        DeValue::Table(entries) => table(entries)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_types_and_order() {
        let text = b"z = 0x1F\na = 1_000\nf = 1.5\nb = true\nd = 2020-01-01T00:00:00Z\nl = 1979-05-27\n[s.t]\nx = ['a', \"b\\n\"]\n[[r]]\nn = -1\n[[r]]\nn = 2\n";
        assert_eq!(
            toml(text).unwrap().inspect(),
            "{\"z\" => 31, \"a\" => 1000, \"f\" => 1.5, \"b\" => true, \"d\" => \"2020-01-01T00:00:00Z\", \"l\" => \"1979-05-27\", \
             \"s\" => {\"t\" => {\"x\" => [\"a\", \"b\\n\"]}}, \"r\" => [{\"n\" => -1}, {\"n\" => 2}]}"
        );
        assert_eq!(toml(b"").unwrap(), Value::Map(Vec::new()));
    }

    #[test]
    fn what_is_no_document_is_refused_with_its_line() {
        for (text, line) in [(&b"a = 1\nb = "[..], Some(2)), (b"a = 1\n\na = 2\n", Some(3)), (b"\xff", None)] {
            assert_eq!(toml(text).unwrap_err().line, line, "{text:?}");
        }
        let error = toml(b"a = 9223372036854775808").unwrap_err();
        assert_eq!(error.to_string(), "not TOML: 9223372036854775808 has more than 64 bits");
    }

    #[test]
    fn depth_and_size_are_bounded() {
        for deep in [
            format!("a = {}1{}", "[".repeat(100_000), "]".repeat(100_000)),
            format!("a = {}", "{a=".repeat(100_000)),
            format!("{}a = 1", "a.".repeat(100_000)),
            format!("[{}a]", "a.".repeat(100_000)),
        ] {
            assert!(toml(deep.as_bytes()).is_err(), "{}", &deep[..20]);
        }
        assert!(toml(&b"#".repeat(MAX_BYTES)).is_ok());
        assert!(toml(&b"#".repeat(MAX_BYTES + 1)).unwrap_err().what.contains("too large"));
    }
}
