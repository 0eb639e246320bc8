//! main.cf of postfix (postconf(5)): names and values; a line that begins with a blank goes on with the one before.

use crate::parse::{MAX_ROWS, ParseError, lines, trim};
use crate::value::{Text, Value};

/// The parameters in their order, as a map; of one that is set again, the last counts.
///
/// Errors: a line that is no parameter; more than [`MAX_ROWS`] lines.
pub fn parameters(bytes: &[u8]) -> Result<Value, ParseError> {
    let mut joined: Vec<(usize, Vec<u8>)> = Vec::new();
    for (line, text) in lines(bytes) {
        if line > MAX_ROWS {
            return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
        }
        match joined.last_mut() {
            _ if trim(text).is_empty() || trim(text).starts_with(b"#") => {}
            Some((_, whole)) if text.first().is_some_and(u8::is_ascii_whitespace) => {
                whole.push(b' ');
                whole.extend_from_slice(trim(text));
            }
            _ => joined.push((line, trim(text).to_vec())),
        }
    }
    let parameter = |(line, text): (usize, Vec<u8>)| {
        let at = text.iter().position(|byte| *byte == b'=');
        let error = || ParseError { line: Some(line), what: "`name = value` is expected".to_owned() };
        let (name, value) = text.split_at(at.ok_or_else(error)?);
        Ok((Text::from(trim(name)), Value::text(trim(value.get(1..).unwrap_or_default()))))
    };
    joined.into_iter().map(parameter).collect::<Result<Vec<_>, _>>().map(Value::Map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_go_on_in_the_next_line() {
        let text = b"# c\na = 1\n\nb=x,\n# between\n  y = z\na = # 2\n";
        assert_eq!(parameters(text).unwrap().inspect(), r##"{"a" => "1", "b" => "x, y = z", "a" => "# 2"}"##);
        assert_eq!(parameters(b"\nx\n").unwrap_err().line, Some(2));
    }
}
