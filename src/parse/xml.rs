//! XML documents as values: an element is a map of what stands in it, in its order.
//!
//! An attribute is an entry `@name`, text one without a name, a child one with its name; names are as written, prefix
//! included. Comments and instructions are left out. Nothing outside the document is ever read, and nothing in it is
//! expanded: a document that declares entities is refused.

use std::collections::HashMap;

use roxmltree::{Document, Error, Node, ParsingOptions};

use crate::parse::ParseError;
use crate::value::{Text, Value};

/// The most elements, texts, comments and instructions together, and the most attributes.
const MAX_NODES: u32 = 1_000_000;
/// The most of the characters by which the parser guesses how many nodes and attributes there will be; it takes room
/// for all of them at once, some 70 bytes each. Elements have two, attributes one.
const MAX_MARKS: usize = 2 * MAX_NODES as usize;
/// The deepest nesting; libxml2 has the same limit.
const MAX_DEPTH: usize = 256;
/// The most attributes of one element: the parser compares each with all others.
const MAX_ATTRIBUTES: usize = 512;
/// The most declarations of namespaces: the parser notes for each all that hold beside it.
const MAX_NAMESPACES: usize = 1_000;

/// The value of an XML text: a map with the root element.
///
/// Errors: not UTF-8, not well-formed, entities declared, more than the limits above.
pub fn xml(bytes: &[u8]) -> Result<Value, ParseError> {
    let text = std::str::from_utf8(bytes).map_err(|error| ParseError::new(format!("not UTF-8: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    refuse_bombs(text)?;
    let options = ParsingOptions { allow_dtd: true, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| match error {
        Error::NodesLimitReached => ParseError::new(format!("more than {MAX_NODES} nodes")),
        error => ParseError { line: Some(error.pos().row as usize), what: format!("not XML: {error}") },
    })?;
    let root = document.root_element();
    let mut names = Names::new(text);
    let name = names.of_element(root);
    Ok(Value::Map(vec![(name, names.element(root, 1)?)]))
}

/// Refuses what would make the parser take time or room out of proportion. What looks like markup inside of texts and
/// comments counts too: better a document too many than a limit that can be talked away.
fn refuse_bombs(text: &str) -> Result<(), ParseError> {
    if text.contains("<!ENTITY") {
        return Err(ParseError::new("it declares entities, which are never expanded here"));
    }
    if text.matches("xmlns").count() > MAX_NAMESPACES {
        return Err(ParseError::new(format!("more than {MAX_NAMESPACES} declarations of namespaces")));
    }
    for (mark, what) in [('<', "nodes"), ('=', "attributes")] {
        if text.matches(mark).nth(MAX_MARKS).is_some() {
            return Err(ParseError::new(format!(
                "more than {MAX_NODES} {what}, by its more than {MAX_MARKS} `{mark}`"
            )));
        }
    }
    let mut all = 0;
    // No value of an attribute holds a bare `<`, so that this parts the elements.
    for (index, tag) in text.split('<').enumerate() {
        let quoted = |rest: &&str| rest.trim_start().starts_with(['"', '\'']);
        let attributes = tag.split('=').skip(1).filter(quoted).count();
        all += attributes;
        if attributes > MAX_ATTRIBUTES || all > MAX_NODES as usize {
            let what = match attributes > MAX_ATTRIBUTES {
                true => format!("more than {MAX_ATTRIBUTES} attributes of one element"),
                false => format!("more than {MAX_NODES} attributes"),
            };
            let before = text.split_inclusive('<').take(index);
            let line = before.map(|part| part.matches('\n').count()).sum::<usize>() + 1;
            return Err(ParseError { line: Some(line), what });
        }
    }
    Ok(())
}

/// The names of one document, each kept once.
struct Names<'a> {
    text: &'a str,
    elements: HashMap<&'a str, Text>,
    attributes: HashMap<&'a str, Text>,
    none: Text,
}

impl<'a> Names<'a> {
    fn new(text: &'a str) -> Names<'a> {
        Names { text, elements: HashMap::new(), attributes: HashMap::new(), none: Text::from(&b""[..]) }
    }

    /// The name that begins at a place.
    fn at(&self, start: usize) -> &'a str {
        let rest = self.text.get(start..).unwrap_or_default();
        let ends = |char: char| char.is_ascii_whitespace() || matches!(char, '/' | '>' | '=');
        rest.split(ends).next().unwrap_or_default()
    }

    fn of_element(&mut self, node: Node<'_, 'a>) -> Text {
        let name = self.at(node.range().start + 1);
        Text::clone(self.elements.entry(name).or_insert_with(|| Text::from(name.as_bytes())))
    }

    fn of_attribute(&mut self, start: usize) -> Text {
        let name = self.at(start);
        let named = || Text::from([b"@", name.as_bytes()].concat());
        Text::clone(self.attributes.entry(name).or_insert_with(named))
    }

    fn element(&mut self, node: Node<'_, 'a>, depth: usize) -> Result<Value, ParseError> {
        if depth > MAX_DEPTH {
            let row = node.document().text_pos_at(node.range().start).row;
            let what = format!("nested deeper than {MAX_DEPTH} elements");
            return Err(ParseError { line: Some(row as usize), what });
        }
        let mut entries = Vec::new();
        for attribute in node.attributes() {
            entries.push((self.of_attribute(attribute.range().start), Value::text(attribute.value())));
        }
        for child in node.children() {
            if child.is_element() {
                let name = self.of_element(child);
                entries.push((name, self.element(child, depth + 1)?));
            } else if let Some(text) = child.text().filter(|_| child.is_text()) {
                entries.push((Text::clone(&self.none), Value::text(text)));
            }
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_hold_attributes_texts_and_children_in_order() {
        let text = "\u{feff}<?xml version='1.0'?>\n<!DOCTYPE a PUBLIC \"-//X\" \"http://127.0.0.1/x.dtd\" [<!ELEMENT a (#PCDATA)>]>\n\
                    <a xmlns='u' xmlns:p='v' x = '1' p:y=\"&lt;&#65;\">t<!-- c -->u<p:b/><b><![CDATA[<&]]></b></a>\n";
        assert_eq!(
            xml(text.as_bytes()).unwrap().inspect(),
            r#"{"a" => {"@x" => "1", "@p:y" => "<A", "" => "t", "" => "u", "p:b" => {}, "b" => {"" => "<&"}}}"#
        );
    }

    #[test]
    fn what_is_no_document_is_refused_with_its_line() {
        for (text, line) in [
            ("", 1),
            ("<a>\n</b>", 2),
            ("<a/>\n<b/>", 2),
            ("<a>\n&e;</a>", 2),
            ("<a x='1'\nx='2'/>", 2),
            ("<a>\n<p:b/></a>", 2),
            ("<a x='<'/>", 1),
        ] {
            let error = xml(text.as_bytes()).unwrap_err();
            assert_eq!(error.line, Some(line), "{text}: {error}");
        }
        assert!(xml(b"<a>\xff</a>").is_err());
    }

    #[test]
    fn entities_are_neither_fetched_nor_expanded() {
        for declared in ["e SYSTEM 'file:///etc/passwd'", "e 'x'", "% p SYSTEM 'http://127.0.0.1/'", "e '&e;&e;'"] {
            let text = format!("<!DOCTYPE a [<!ENTITY {declared}>]><a>&e;</a>");
            assert_eq!(xml(text.as_bytes()).unwrap_err().what, "it declares entities, which are never expanded here");
        }
    }

    #[test]
    fn depth_and_counts_are_bounded() {
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(xml(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(xml(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err().what.contains("deeper"));
        assert!(xml(nested(400_000).as_bytes()).is_err());
        let attributes =
            |count: usize| format!("<a>\n<b {}/></a>", (0..count).map(|n| format!("a{n} = '' ")).collect::<String>());
        assert!(xml(attributes(MAX_ATTRIBUTES).as_bytes()).is_ok());
        let error = xml(attributes(MAX_ATTRIBUTES + 1).as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "line 2: more than 512 attributes of one element");
        let namespaces = |count: usize| format!("<a>{}</a>", "<b xmlns:c='d'/>".repeat(count));
        assert!(xml(namespaces(MAX_NAMESPACES).as_bytes()).is_ok());
        assert!(xml(namespaces(MAX_NAMESPACES + 1).as_bytes()).unwrap_err().what.contains("namespaces"));
        let many = format!("<a>{}</a>", "<b/>".repeat(MAX_NODES as usize));
        assert_eq!(xml(many.as_bytes()).unwrap_err().what, "more than 1000000 nodes");
    }
}
