//! Parameters of Oracle Net (listener.ora): `NAME = value` and `NAME = (A = (B = c) (D = e))`.

use std::collections::HashSet;

use crate::parse::continued::{before_hash, unless_hash};
use crate::parse::{MAX_ROWS, ParseError, lines, trim};
use crate::value::{Text, Value};

/// The parameters of a file, their names in upper case, in its order. Values in parentheses are written without blanks,
/// so that they read alike however the lines were broken; quotes around a whole value are taken off.
///
/// A parameter begins in the first column; what begins with a blank or a parenthesis goes on with it.
///
/// Errors: a line that belongs to no parameter, or to one that is whole already; parentheses or quotes without an end;
/// one parameter twice; IFILE, which would include a file; more than [`MAX_ROWS`] lines.
pub fn parameters(bytes: &[u8]) -> Result<Value, ParseError> {
    let mut names: HashSet<Text> = HashSet::new();
    let mut map = Vec::new();
    let mut open: Option<Parameter> = None;
    for (number, line) in lines(bytes) {
        let refused = |what: &str| ParseError { line: Some(number), what: what.to_owned() };
        if number > MAX_ROWS {
            return Err(refused("too many lines"));
        }
        let is_quoted = line.iter().any(|byte| matches!(byte, b'"' | b'\''));
        if is_quoted && line.contains(&b'#') && !unless_hash(line).is_empty() {
            return Err(refused("whether its # begins a comment is not known, with quotes beside it"));
        }
        let text = trim(before_hash(line));
        if text.is_empty() {
            continue;
        }
        if line.first().is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'(' | b')')) {
            let parameter = open.as_mut().ok_or_else(|| refused("it belongs to no parameter"))?;
            if parameter.list.is_some() && parameter.is_whole() {
                return Err(refused("it goes on with a parameter that is whole already"));
            }
            parameter.take(text);
            continue;
        }
        if let Some(parameter) = open.take() {
            map.push(parameter.entry()?);
        }
        let at = text.iter().position(|byte| *byte == b'=').ok_or_else(|| refused("NAME = value is expected"))?;
        let (name, value) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
        let name = Text::from(trim(name).to_ascii_uppercase());
        if name.is_empty() || name.iter().any(|byte| matches!(byte, b'(' | b')' | b'"' | b'\'')) {
            return Err(refused("NAME = value is expected"));
        }
        if *name == *b"IFILE" {
            return Err(refused("IFILE includes another file, which is not read"));
        }
        if !names.insert(Text::clone(&name)) {
            return Err(refused("the parameter stands there twice"));
        }
        let mut parameter = Parameter { line: number, name, value: Vec::new(), list: None, depth: 0, quote: None };
        parameter.take(trim(value));
        open = Some(parameter);
    }
    if let Some(parameter) = open {
        map.push(parameter.entry()?);
    }
    Ok(Value::Map(map))
}

/// A parameter while it is read.
struct Parameter {
    line: usize,
    name: Text,
    value: Vec<u8>,
    /// Whether it is one in parentheses, as soon as there is anything.
    list: Option<bool>,
    depth: usize,
    quote: Option<u8>,
}

/// A depth that nothing comes back from.
const BROKEN: usize = usize::MAX / 2;

impl Parameter {
    fn take(&mut self, text: &[u8]) {
        self.value.push(b' ');
        self.value.extend_from_slice(text);
        for byte in text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()) {
            if self.quote.is_some() {
                self.quote = self.quote.filter(|open| *open != byte);
                continue;
            }
            // Behind a whole list there is nothing more.
            if byte != b')' && self.list == Some(true) && self.depth == 0 {
                self.depth = BROKEN;
            }
            self.list.get_or_insert(byte == b'(');
            match byte {
                b'"' | b'\'' => self.quote = Some(byte),
                b'(' => self.depth += 1,
                b')' => self.depth = self.depth.checked_sub(1).unwrap_or(BROKEN),
                _ => {}
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.depth == 0 && self.quote.is_none()
    }

    fn entry(self) -> Result<(Text, Value), ParseError> {
        if !self.is_whole() {
            let what = "its parentheses or quotes do not fit".to_owned();
            return Err(ParseError { line: Some(self.line), what });
        }
        Ok((self.name, Value::text(compact(trim(&self.value)))))
    }
}

/// A value without the blanks around its parentheses, commas and `=`, or without the quotes around all of it.
fn compact(value: &[u8]) -> Vec<u8> {
    for quote in [b'"', b'\''] {
        let inner = value.strip_prefix(&[quote]).and_then(|rest| rest.strip_suffix(&[quote]));
        if let Some(inner) = inner.filter(|inner| !inner.contains(&quote)) {
            return inner.to_vec();
        }
    }
    if !value.starts_with(b"(") {
        return value.to_vec();
    }
    let is_mark = |byte: &u8| matches!(byte, b'(' | b')' | b'=' | b',');
    let mut text: Vec<u8> = Vec::with_capacity(value.len());
    let mut blank = false;
    let mut quote = None;
    for byte in value {
        quote = match quote {
            None if matches!(byte, b'"' | b'\'') => Some(byte),
            open => open.filter(|open| *open != byte),
        };
        if quote.is_none() && byte.is_ascii_whitespace() {
            blank = true;
            continue;
        }
        if blank && !is_mark(byte) && !text.last().is_none_or(is_mark) {
            text.push(b' ');
        }
        blank = false;
        text.push(*byte);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read() {
        let text = b"# c\nLISTENER =\n  (DESCRIPTION_LIST =\n (ADDRESS = (PROTOCOL = TCP)(HOST = a b )\n)\n  ) # c\n\n\
            admin_restrictions_LISTENER=ON\nA = (TCP, IPC)\nB = \"x y\"\nC='z'\nD = (E = \"a  b\")\n";
        let expected = r#"{"LISTENER" => "(DESCRIPTION_LIST=(ADDRESS=(PROTOCOL=TCP)(HOST=a b)))", "#.to_owned()
            + r#""ADMIN_RESTRICTIONS_LISTENER" => "ON", "A" => "(TCP,IPC)", "B" => "x y", "C" => "z", "#
            + r#""D" => "(E=\"a  b\")"}"#;
        assert_eq!(parameters(text).unwrap().inspect(), expected);
    }

    #[test]
    fn what_is_not_clear_is_refused() {
        let refused = |text: &str, line: usize, why: &str| {
            let error = parameters(text.as_bytes()).unwrap_err();
            assert!(error.line == Some(line) && error.what.contains(why), "{error}");
        };
        refused(" A = b\n", 1, "no parameter");
        refused("A = b\n C = d\n", 2, "whole already");
        refused("A = (b)\n (c)\n", 2, "whole already");
        refused("A = (b\nC = d\n", 1, "do not fit");
        refused("A = (b\n", 1, "do not fit");
        refused("A = (b) c\n", 1, "do not fit");
        refused("A = b)\n", 1, "do not fit");
        refused("A\n", 1, "expected");
        refused("= b\n", 1, "expected");
        refused("a = b\nA = c\n", 2, "twice");
        refused("ifile = /x\n", 1, "IFILE");
        refused("A = \"b\n", 1, "do not fit");
        refused("A = \"b # c\"\n", 1, "comment");
    }
}
