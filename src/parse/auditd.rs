//! auditd.conf(5): a name, an `=` and a value, with blanks between.

use crate::parse::{MAX_ROWS, ParseError, refuse_long_lines, refuse_nul};
use crate::value::{Text, Value};

/// auditd passes over a line that is longer.
const MAX_LINE: usize = 158;

/// The keys in their order, in lower case as their case does not count; of one that is set again, the last counts.
///
/// Errors: a line that auditd would refuse, or pass over.
pub fn keys(bytes: &[u8]) -> Result<Value, ParseError> {
    refuse_nul(bytes)?;
    refuse_long_lines(bytes, MAX_LINE)?;
    let mut keys = Vec::new();
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let refused = |what: &str| ParseError { line: Some(index + 1), what: what.to_owned() };
        if index >= MAX_ROWS {
            return Err(refused("too many lines"));
        }
        let whole = line.strip_suffix(b"\n");
        let mut words = whole.unwrap_or(line).split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let Some(name) = words.next().filter(|word| !word.starts_with(b"#")) else { continue };
        if whole.is_none() {
            return Err(refused("a line without an end, which auditd passes over"));
        }
        let (Some(b"="), Some(value)) = (words.next(), words.next()) else {
            return Err(refused("`name = value` is expected, with blanks around the `=`"));
        };
        let mut value = value.to_vec();
        if let Some(option) = words.next() {
            value.push(b' ');
            value.extend_from_slice(option);
        }
        if words.next().is_some() || value.iter().any(|byte| matches!(byte, b'#' | b'\t' | b'\r')) {
            return Err(refused("more than a value and its option"));
        }
        keys.push((Text::from(name.to_ascii_lowercase()), Value::text(value)));
    }
    Ok(Value::Map(keys))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_auditd_takes_and_what_not() {
        let text = b"# c\n\nSpace_Left =  25%\nspace_left_action = exec /x\nspace_left = 8\n # c";
        let expected = r#"{"space_left" => "25%", "space_left_action" => "exec /x", "space_left" => "8"}"#;
        assert_eq!(keys(text).unwrap().inspect(), expected);
        for text in
            ["a = 1", "a=1\n", "a\n", "a =\n", "a = 1 # c\n", "a = 1 2 3\n", "a\t= 1\n", "a = 1\r\n", "a = 1\0\n"]
        {
            assert_eq!(keys(text.as_bytes()).unwrap_err().line, Some(1), "{text}");
        }
        assert!(keys(format!("#{}\n", "x".repeat(157)).as_bytes()).is_ok());
        assert!(keys(format!("#{}\n", "x".repeat(158)).as_bytes()).is_err());
    }
}
