//! Values: what a target's files hold and what a profile expects, in one type.
//!
//! Text is bytes, because a target's owner picks them. [`lossless`] writes bytes as text that can be
//! written back into a profile; [`Value::inspect`] writes a value the way InSpec's users read it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

/// Bytes of a target or text of a profile; cheap to share between checks.
pub type Text = Arc<[u8]>;

/// Which rules two versions are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Numbers and words between dots; a word, and what follows a hyphen, is a pre-release. RubyGems' rules, but that
    /// the first part may hold letters too (2024a).
    General,
    /// epoch:upstream-revision.
    Dpkg,
    /// epoch:version-release, by rpm.
    Rpm,
    /// Numbers, a letter, _suffixes and -rN, by apk.
    Apk,
    /// epoch:version-release, by pacman.
    Pacman,
    /// Versions of Python packages (PEP 440).
    Python,
    /// Numbers between dots and hyphens, by R.
    R,
    /// Decimal numbers (1.10 is 1.1) and dotted ones (v1.10.0), by Perl.
    Perl,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A key, a property or a value that is not there.
    Nil,
    /// true or false.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A number with a fraction.
    Float(f64),
    /// Twelve bits of a file's mode.
    Mode(u32),
    /// Seconds since 1970-01-01T00:00:00Z.
    Time(i64),
    /// Bytes.
    Text(Text),
    /// A version, which brings the rules by which it compares.
    Version(Scheme, Text),
    /// Values in order.
    List(Vec<Value>),
    /// Keys in the order of the file; a key given twice stands twice.
    Map(Vec<(Text, Value)>),
}

impl Value {
    /// A text value of these bytes.
    pub fn text(bytes: impl AsRef<[u8]>) -> Value {
        Value::Text(Arc::from(bytes.as_ref()))
    }

    /// A version of this scheme.
    pub fn version(scheme: Scheme, bytes: impl AsRef<[u8]>) -> Value {
        Value::Version(scheme, Arc::from(bytes.as_ref()))
    }

    /// A list of texts.
    pub fn texts<T: AsRef<[u8]>>(items: impl IntoIterator<Item = T>) -> Value {
        Value::List(items.into_iter().map(Value::text).collect())
    }

    /// The bytes of a text.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Text(text) | Value::Version(_, text) => Some(text),
            _ => None,
        }
    }

    /// The value of the last entry with this key: a later one replaces an earlier one.
    pub fn get(&self, key: &[u8]) -> Option<&Value> {
        match self {
            Value::Map(entries) => entries.iter().rev().find(|(name, _)| **name == *key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The value in InSpec's notation: `"text"`, `nil`, `["a", "b"]`, `{"k" => 1}`; modes in octal.
    pub fn inspect(&self) -> String {
        let mut out = String::new();
        self.inspect_into(&mut out);
        out
    }

    /// The same, into a buffer.
    pub fn inspect_into(&self, out: &mut String) {
        match self {
            Value::Nil => out.push_str("nil"),
            Value::Text(text) | Value::Version(_, text) => inspect_text(text, out),
            Value::Mode(mode) => {
                let _ = write!(out, "{mode:04o}");
            }
            Value::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    item.inspect_into(out);
                }
                out.push(']');
            }
            Value::Map(entries) => {
                out.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    inspect_text(key, out);
                    out.push_str(" => ");
                    value.inspect_into(out);
                }
                out.push('}');
            }
            Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Time(_) => out.push_str(&self.plain()),
        }
    }

    /// The value as bare text: what a substitution puts into a path or a sentence.
    pub fn plain(&self) -> String {
        match self {
            Value::Nil => String::new(),
            Value::Bool(value) => value.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Float(number) => float_text(*number),
            Value::Mode(mode) => format!("{mode:04o}"),
            Value::Time(seconds) => date_text(*seconds),
            Value::Text(text) | Value::Version(_, text) => lossless(text),
            Value::List(items) => items.iter().map(Value::plain).collect::<Vec<_>>().join(", "),
            Value::Map(_) => self.inspect(),
        }
    }
}

/// A float with at least one digit after the point, as YAML and Ruby write it.
fn float_text(number: f64) -> String {
    if number.is_finite() && number.fract() == 0.0 && number.abs() < 1e15 {
        format!("{number:.1}")
    } else {
        number.to_string()
    }
}

/// The day of a moment, in UTC: `2027-05-31`.
pub fn date_text(seconds: i64) -> String {
    match time::OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(moment) => {
            let date = moment.date();
            format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
        }
        Err(_) => seconds.to_string(),
    }
}

/// The first second of a day written `YYYY-MM-DD`, in UTC.
pub fn parse_date(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if year.len() != 4 || month.len() != 2 || day.len() != 2 {
        return None;
    }
    let month = time::Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = time::Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    Some(date.midnight().assume_utc().unix_timestamp())
}

/// A mode written in octal: with a leading zero, or with exactly four digits.
///
/// `640` is refused, because in YAML and in InSpec it is the decimal number 640.
pub fn parse_mode(text: &str) -> Option<u32> {
    let digits = text.len();
    let octal = digits > 0 && digits <= 5 && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    if !octal || !(text.starts_with('0') || digits == 4) {
        return None;
    }
    u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777)
}

/// Bytes as one line of text without loss: UTF-8 stays, control characters and all other bytes become `\xHH`.
///
/// A backslash that would read as such an escape is written `\x5c`. [`from_lossless`] is the inverse.
pub fn lossless(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        for (at, char) in valid.char_indices() {
            let reads_as_escape = || valid.as_bytes().get(at..).is_some_and(|rest| escaped_byte(rest).is_some());
            if char.is_ascii_control() || (char == '\\' && reads_as_escape()) {
                let _ = write!(out, "\\x{:02x}", u32::from(char));
            } else {
                out.push(char);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// The bytes that [`lossless`] wrote.
pub fn from_lossless(text: &str) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    if !text.contains("\\x") {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        match escaped_byte(rest) {
            Some(byte) => {
                out.push(byte);
                rest = rest.get(4..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    Cow::Owned(out)
}

/// The byte of an escape at the start of `bytes`: control characters, `\x80` to `\xff`, and `\x5c` for the backslash.
///
/// All other `\xHH` are ordinary text: systemd names its units so.
fn escaped_byte(bytes: &[u8]) -> Option<u8> {
    let [b'\\', b'x', high, low, ..] = bytes else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let byte = digit(high)? * 16 + digit(low)?;
    (byte >= 0x80 || byte == b'\\' || byte.is_ascii_control()).then_some(byte)
}

/// A text in double quotes as Ruby inspects it: one line, quotes and backslashes escaped.
fn inspect_text(bytes: &[u8], out: &mut String) {
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                char if char.is_ascii_control() => {
                    let _ = write!(out, "\\x{:02X}", u32::from(char));
                }
                char => out.push(char),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02X}");
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lossless_text_can_be_written_back() {
        let cases: &[(&[u8], &str)] = &[
            (b"plain", "plain"),
            ("caf\u{e9}".as_bytes(), "caf\u{e9}"),
            (b"\xff\xfe", "\\xff\\xfe"),
            (b"unit-a\\x2db.slice", "unit-a\\x2db.slice"),
            (b"\\xff", "\\x5cxff"),
            (b"\\x5c", "\\x5cx5c"),
            (b"\x1b[31m\n", "\\x1b[31m\\x0a"),
            (b"\\x0a", "\\x5cx0a"),
        ];
        for (bytes, text) in cases {
            assert_eq!(lossless(bytes), *text);
            assert_eq!(*from_lossless(text), **bytes);
        }
    }

    #[test]
    fn modes_are_octal_or_refused() {
        for (text, mode) in [
            ("0640", Some(0o640)),
            ("077", Some(0o77)),
            ("7755", Some(0o7755)),
            ("0", Some(0)),
            ("01777", Some(0o1777)),
        ] {
            assert_eq!(parse_mode(text), mode, "{text}");
        }
        for text in ["640", "", "0888", "17777", "0o644", "-1"] {
            assert_eq!(parse_mode(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_days_in_utc() {
        assert_eq!(parse_date("1970-01-02"), Some(86400));
        assert_eq!(date_text(86400 + 5), "1970-01-02");
        for text in ["2024-13-01", "2024-02-30", "24-01-01", "2024-1-1", "today"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn values_read_like_inspec() {
        let map = Value::Map(vec![(Arc::from(&b"k"[..]), Value::Int(1))]);
        let list = Value::List(vec![
            Value::text("a"),
            Value::Nil,
            map,
            Value::Mode(0o644),
            Value::Float(1.0),
            Value::text(b"\"\\\n\xff"),
        ]);
        assert_eq!(list.inspect(), r#"["a", nil, {"k" => 1}, 0644, 1.0, "\"\\\n\xFF"]"#);
    }
}
