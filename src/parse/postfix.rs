//! main.cf of postfix (postconf(5)): names and values; a line that begins with a blank goes on with the one before.

use crate::parse::{MAX_ROWS, ParseError, lines, refuse_blanks_of, refuse_nul, trim};
use crate::value::{Text, Value};

/// The parameters in their order, as a map; of one that is set again, the last counts.
///
/// Errors: a line that is no parameter, or begins with a blank and goes on with nothing, which postfix passes over; more
/// than [`MAX_ROWS`] lines.
pub fn parameters(bytes: &[u8]) -> Result<Value, ParseError> {
    refuse_nul(bytes)?;
    let refused = |line, what: &str| ParseError { line: Some(line), what: what.to_owned() };
    let mut joined: Vec<(usize, Vec<u8>)> = Vec::new();
    for (line, text) in lines(bytes) {
        if line > MAX_ROWS {
            return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
        }
        if trim(text).is_empty() || trim(text).starts_with(b"#") {
            continue;
        }
        refuse_blanks_of(line, text, b"\x0b\x0c")?;
        match joined.last_mut().filter(|_| text.starts_with(b" ") || text.starts_with(b"\t")) {
            Some((_, whole)) => {
                whole.push(b' ');
                whole.extend_from_slice(trim(text));
            }
            None if text.first().is_some_and(u8::is_ascii_whitespace) => {
                return Err(refused(line, "it begins with a blank, and goes on with nothing"));
            }
            None => joined.push((line, trim(text).to_vec())),
        }
    }
    let parameter = |(line, text): (usize, Vec<u8>)| {
        let at = text.iter().position(|byte| *byte == b'=').unwrap_or_default();
        let (name, value) = text.split_at(at);
        let name = trim(name);
        if name.is_empty() || name.iter().any(u8::is_ascii_whitespace) {
            return Err(refused(line, "`name = value` is expected"));
        }
        Ok((Text::from(name), Value::text(trim(value.get(1..).unwrap_or_default()))))
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
        for text in ["\nx\n", "\nx y = z\n", "\n = z\n", "# c\n a = b\n", "\na\u{b}= b\n", "\n\0"] {
            assert_eq!(parameters(text.as_bytes()).unwrap_err().line, Some(2), "{text}");
        }
    }
}
