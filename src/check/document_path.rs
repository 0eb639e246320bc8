//! Places in documents: `a.b[0]['x.y']` where values have types, XPath in XML, `section/key` elsewhere.

use crate::check::secret::is_secret;
use crate::check::xpath::XPath;
use crate::value::{Text, Value, lossless};

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The value of this key.
    Key(Text),
    /// The element at this place; a negative one counts from the end.
    Index(i64),
    /// Every value of a map or list.
    Every,
}

impl Step {
    /// A step to a key.
    pub fn key(key: &[u8]) -> Step {
        Step::Key(Text::from(key))
    }
}

/// A place in a document.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentPath {
    /// As it was written.
    written: String,
    way: Way,
}

/// How a place is found.
#[derive(Clone, Debug, PartialEq)]
enum Way {
    Steps(Vec<Step>),
    XPath(XPath),
}

impl DocumentPath {
    /// A path of these steps.
    pub fn new(written: String, steps: Vec<Step>) -> DocumentPath {
        DocumentPath { written, way: Way::Steps(steps) }
    }

    /// Whether a name on the way says that the value is secret.
    pub fn is_secret(&self) -> bool {
        match &self.way {
            Way::Steps(steps) => steps.iter().any(|step| matches!(step, Step::Key(key) if is_secret(key))),
            Way::XPath(_) => self.written.split(['/', '@', '[']).any(|part| is_secret(part.as_bytes())),
        }
    }

    /// Parses XPath.
    pub fn xpath(text: &str) -> Result<DocumentPath, String> {
        Ok(DocumentPath { written: text.to_owned(), way: Way::XPath(XPath::new(text)?) })
    }

    /// Parses `a.b[0]['x.y'].*`.
    pub fn typed(text: &str) -> Result<DocumentPath, String> {
        let mut steps = Vec::new();
        let mut rest = text;
        let mut first = true;
        while !rest.is_empty() {
            if rest.starts_with('[') {
                let (step, after) = bracket(rest)?;
                steps.push(step);
                rest = after;
            } else {
                if !first {
                    rest = rest.strip_prefix('.').ok_or("a dot or a bracket was expected")?;
                }
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (name, after) = rest.split_at(end);
                if name.is_empty() {
                    return Err("a key is missing before or after a dot".to_owned());
                }
                steps.push(if name == "*" { Step::Every } else { Step::key(name.as_bytes()) });
                rest = after;
            }
            first = false;
        }
        if steps.is_empty() {
            return Err("the path is empty; write `['']` for the key without a name".to_owned());
        }
        Ok(DocumentPath::new(text.to_owned(), steps))
    }

    /// Parses a key of a format without types: literal, `section/key` where there are sections, `['a/b']` for any text.
    pub fn literal(text: &str, sections: bool, fold_case: bool) -> Result<DocumentPath, String> {
        let key = |name: &str| match name {
            "*" => Step::Every,
            name if fold_case => Step::key(name.to_ascii_lowercase().as_bytes()),
            name => Step::key(name.as_bytes()),
        };
        let steps = if text.starts_with("['") {
            let mut steps = Vec::new();
            let mut rest = text;
            while !rest.is_empty() {
                let (step, after) = bracket(rest)?;
                steps.push(step);
                rest = after.strip_prefix('/').filter(|_| sections).unwrap_or(after);
                if !rest.is_empty() && !rest.starts_with('[') {
                    steps.push(key(rest));
                    rest = "";
                }
            }
            steps
        } else if let Some((section, name)) = text.split_once('/').filter(|_| sections) {
            let name = if name.starts_with("['") { bracket(name)?.0 } else { key(name) };
            vec![key(section), name]
        } else if text.is_empty() {
            return Err("the key is empty; write `['']` for the key without a name".to_owned());
        } else {
            vec![key(text)]
        };
        Ok(DocumentPath::new(text.to_owned(), steps))
    }

    /// Its steps; XPath has none.
    pub fn into_steps(self) -> Vec<Step> {
        match self.way {
            Way::Steps(steps) => steps,
            Way::XPath(_) => Vec::new(),
        }
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether it stands for several values.
    pub fn is_wild(&self) -> bool {
        matches!(&self.way, Way::Steps(steps) if steps.contains(&Step::Every))
    }

    /// Whether it counts: the value is a number, whatever the document holds.
    pub fn counts(&self) -> bool {
        matches!(&self.way, Way::XPath(path) if path.counts())
    }

    /// The path as InSpec writes it: `key`, or `["a", "b", 0]`.
    pub fn words(&self) -> String {
        let Way::Steps(steps) = &self.way else { return self.written.clone() };
        match steps.as_slice() {
            // A format that ignores case shows the key as its author wrote it.
            [Step::Key(key)] if key.eq_ignore_ascii_case(self.written.as_bytes()) => self.written.clone(),
            [Step::Key(key)] => lossless(key),
            [Step::Every] => "*".to_owned(),
            steps => {
                let word = |step: &Step| match step {
                    Step::Key(key) => format!("\"{}\"", lossless(key)),
                    Step::Index(index) => index.to_string(),
                    Step::Every => "*".to_owned(),
                };
                format!("[{}]", steps.iter().map(word).collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// The value at this place; nil where there is none. A path with `*` gives a list, with nil for every value in
    /// which the rest of the path leads nowhere.
    ///
    /// Of a key given twice, a plain step takes the last value, `*` takes all.
    pub fn find(&self, root: &Value) -> Value {
        match &self.way {
            Way::Steps(steps) => find(root, steps),
            Way::XPath(path) => path.find(root),
        }
    }
}

fn find(value: &Value, steps: &[Step]) -> Value {
    let Some((step, rest)) = steps.split_first() else { return value.clone() };
    let next = |found: Option<&Value>| found.map_or(Value::Nil, |found| find(found, rest));
    match (step, value) {
        (Step::Key(key), Value::Map(_)) => next(value.get(key)),
        (Step::Index(index), Value::Map(_)) => next(value.get(index.to_string().as_bytes())),
        (Step::Index(index), Value::List(items)) => {
            let place = if *index < 0 { index + items.len() as i64 } else { *index };
            next(usize::try_from(place).ok().and_then(|place| items.get(place)))
        }
        (Step::Every, Value::List(items)) => Value::List(items.iter().map(|item| find(item, rest)).collect()),
        (Step::Every, Value::Map(entries)) => Value::List(entries.iter().map(|(_, value)| find(value, rest)).collect()),
        _ => Value::Nil,
    }
}

/// Parses `[0]`, `['key']` or `["key"]` at the start of a text.
fn bracket(text: &str) -> Result<(Step, &str), String> {
    let inner = text.strip_prefix('[').ok_or("a bracket was expected")?;
    for quote in ['\'', '"'] {
        if let Some(inner) = inner.strip_prefix(quote) {
            let end = inner.find(&format!("{quote}]")).ok_or("a quoted key in brackets is not closed")?;
            let (key, after) = inner.split_at(end);
            return Ok((Step::key(key.as_bytes()), after.get(2..).unwrap_or_default()));
        }
    }
    let (index, after) = inner.split_once(']').ok_or("a bracket is not closed")?;
    let step = match index {
        "*" => Step::Every,
        index => Step::Index(
            index.parse().map_err(|_| format!("`{index}` in brackets is neither an index nor a quoted key"))?,
        ),
    };
    Ok((step, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::structured::json;

    #[test]
    fn typed_paths_lead_into_documents() {
        let value = json(br#"{"a":{"b":[1,2,{"c":"x"}]},"d.e":1,"n":null,"l":[{"k":1},{"k":2},{}]}"#).unwrap();
        for (path, expected) in [
            ("a.b[0]", "1"),
            ("a.b[-1].c", "\"x\""),
            ("a.b[9]", "nil"),
            ("['d.e']", "1"),
            ("d.e", "nil"),
            ("n", "nil"),
            ("l.*.k", "[1, 2, nil]"),
            ("l[*].k", "[1, 2, nil]"),
            ("a.*[0]", "[1]"),
            ("a.b.c", "nil"),
        ] {
            assert_eq!(DocumentPath::typed(path).unwrap().find(&value).inspect(), expected, "{path}");
        }
        for bad in ["", ".a", "a..b", "a[", "a[x]", "a['b]", "a.b."] {
            assert!(DocumentPath::typed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn literal_keys_hold_dots_and_slashes() {
        for (text, sections, words) in [
            ("net.ipv4.ip_forward", true, "net.ipv4.ip_forward"),
            ("main/gpgcheck", true, r#"["main", "gpgcheck"]"#),
            ("main/gpgcheck", false, "main/gpgcheck"),
            ("*/gpgcheck", true, r#"[*, "gpgcheck"]"#),
            ("['a/b']", true, "a/b"),
            ("['a/b']/c", true, r#"["a/b", "c"]"#),
            ("s/a/b", true, r#"["s", "a/b"]"#),
            ("['']", true, ""),
        ] {
            assert_eq!(DocumentPath::literal(text, sections, false).unwrap().words(), words, "{text}");
        }
        assert!(DocumentPath::literal("", true, false).is_err());
    }
}
