//! Key-value files in the dialects of InSpec's parse_config: one engine, its options, its results.
//!
//! Of each line: a comment is cut, then the assignment pattern is tried, then the section pattern; what is left over
//! is a key without a value. Source of the semantics: InSpec's parse_config_file documentation and recorded results.

use std::collections::HashMap;

use regex::bytes::{Captures, Regex};

use crate::parse::{MAX_ROWS, ParseError, trim};
use crate::pattern::{Pattern, PatternError};
use crate::value::{Text, Value};

/// The options of parse_config, with InSpec's names and defaults.
#[derive(Clone, Debug)]
pub struct Options {
    /// First capture: the key; the others: its values.
    pub assignment: Regex,
    /// First capture: the name of the section that begins.
    pub group: Regex,
    /// The text that begins a comment; empty for none.
    pub comment: Vec<u8>,
    /// How many captures are values; more than one makes a list of them.
    pub key_values: usize,
    /// Every key holds a list, so that keys given several times keep all values.
    pub multiple_values: bool,
    /// With `multiple_values`: splits each value into several.
    pub value_separator: Option<Regex>,
    /// Comments only count on lines of their own.
    pub standalone_comments: bool,
    /// Each of these characters ends a line too.
    pub line_separators: Vec<u8>,
}

impl Options {
    /// InSpec's defaults: `key = value`, `[section]`, `# comment`.
    pub fn inspec() -> Result<Options, PatternError> {
        Ok(Options {
            assignment: Pattern::new(r"^\s*([^=]*?)\s*=\s*(.*?)\s*$")?.regex()?,
            group: Pattern::new(r"\[([^\]]+)\]\s*$")?.regex()?,
            comment: b"#".to_vec(),
            key_values: 1,
            multiple_values: false,
            value_separator: None,
            standalone_comments: false,
            line_separators: Vec::new(),
        })
    }
}

/// The keys of one file, or of several that are read as one, as a map: text or list by key, a map for each section,
/// all in their order.
///
/// A key given again stands again, with its own value; a section opened again stands again (the last one is what
/// [`Value::get`] gives). With `multiple_values` a key stands once and holds all. Every file begins outside sections.
///
/// Errors: more than [`MAX_ROWS`] lines, those counted that a line with several values could be.
pub fn keys<'a>(files: impl IntoIterator<Item = &'a [u8]>, options: &Options) -> Result<Value, ParseError> {
    let mut top = Section::default();
    let mut sections: Vec<(Text, Section)> = Vec::new();
    let mut count = 0;
    for bytes in files {
        let mut in_section = false;
        for line in bytes.split(|byte| *byte == b'\n' || options.line_separators.contains(byte)) {
            count += 1;
            if count > MAX_ROWS {
                return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
            }
            let line = without_comment(line, options);
            let section = if in_section { sections.last_mut() } else { None };
            let here = section.map_or(&mut top, |(_, section)| section);
            if let Some(found) = options.assignment.captures(line) {
                count += here.assign(&found, options)?;
            } else if let Some(name) = options.group.captures(line).and_then(|found| found.get(1)) {
                sections.push((Text::from(name.as_bytes()), Section::default()));
                in_section = true;
            } else if !trim(line).is_empty() {
                let none = if options.multiple_values { Value::List(Vec::new()) } else { Value::text("") };
                here.put(trim(line), none, options.multiple_values);
            }
        }
    }
    let sections = sections.into_iter().map(|(name, section)| (name, Value::Map(section.entries)));
    Ok(Value::Map(top.entries.into_iter().chain(sections).collect()))
}

/// The keys of one section while it is read.
#[derive(Default)]
struct Section {
    entries: Vec<(Text, Value)>,
    /// Where each key stands, for keys that gather their values.
    places: HashMap<Text, usize>,
}

impl Section {
    /// Takes an assignment and says how many values it has beyond the first.
    fn assign(&mut self, found: &Captures<'_>, options: &Options) -> Result<usize, ParseError> {
        let capture = |index: usize| found.get(index).map_or(&b""[..], |capture| capture.as_bytes());
        let key = capture(1);
        let value = if options.key_values > 1 {
            Value::List((2..options.key_values + 2).map(|index| Value::text(capture(index))).collect())
        } else {
            Value::text(capture(2))
        };
        if !options.multiple_values {
            self.put(key, value, false);
            return Ok(0);
        }
        let values = match (&options.value_separator, value.as_bytes()) {
            (Some(separator), Some(text)) => {
                let parts = || separator.split(text).filter(|part| !part.is_empty());
                if parts().nth(MAX_ROWS).is_some() {
                    return Err(ParseError::new(format!("more than {MAX_ROWS} values in one line")));
                }
                parts().map(Value::text).collect()
            }
            _ => vec![value],
        };
        let more = values.len().saturating_sub(1);
        self.put(key, Value::List(values), true);
        Ok(more)
    }

    fn put(&mut self, key: &[u8], value: Value, gather: bool) {
        let key = Text::from(key);
        if gather {
            let place = *self.places.entry(Text::clone(&key)).or_insert(self.entries.len());
            if let Some((_, Value::List(known))) = self.entries.get_mut(place) {
                if let Value::List(mut more) = value {
                    known.append(&mut more);
                }
                return;
            }
        }
        self.entries.push((key, value));
    }
}

fn without_comment<'a>(line: &'a [u8], options: &Options) -> &'a [u8] {
    if options.comment.is_empty() {
        return line;
    }
    match memchr::memmem::find(line, &options.comment) {
        None => line,
        Some(at) => {
            let before = line.get(..at).unwrap_or_default();
            if options.standalone_comments && !trim(before).is_empty() { line } else { before }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, change: impl FnOnce(&mut Options)) -> String {
        let mut options = Options::inspec().unwrap();
        change(&mut options);
        keys([text.as_bytes()], &options).unwrap().inspect()
    }

    #[test]
    fn the_defaults_are_inspec_s() {
        let text = "a = 1\nb=two words \n# comment\nc = 3 # trailing\n\nkey only\nx==y\n[s] # c\nd=4\r\n";
        let expected =
            r#"{"a" => "1", "b" => "two words", "c" => "3", "key only" => "", "x" => "=y", "s" => {"d" => "4"}}"#;
        assert_eq!(parse(text, |_| ()), expected);
    }

    #[test]
    fn several_values_are_kept_in_order() {
        let text = "a=1,2\nb=1\na=3\n";
        assert_eq!(parse(text, |options| options.multiple_values = true), r#"{"a" => ["1,2", "3"], "b" => ["1"]}"#);
        let split = |options: &mut Options| {
            options.multiple_values = true;
            options.value_separator = Some(Regex::new(",").unwrap());
        };
        assert_eq!(parse(text, split), r#"{"a" => ["1", "2", "3"], "b" => ["1"]}"#);
    }

    #[test]
    fn a_section_opened_again_replaces_and_both_can_be_seen() {
        let value = keys([&b"[s]\na=1\n[t]\nb=2\n[s]\nc=3\n"[..]], &Options::inspec().unwrap()).unwrap();
        assert_eq!(value.get(b"s").map(Value::inspect).unwrap(), r#"{"c" => "3"}"#);
        assert_eq!(value.inspect(), r#"{"s" => {"a" => "1"}, "t" => {"b" => "2"}, "s" => {"c" => "3"}}"#);
    }
}
