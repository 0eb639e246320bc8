//! `json`, `yaml` and `toml`: documents whose values have types; `xml`.

use crate::parse::{ParseError, structured, toml, xml};
use crate::resource::{Argument, Arguments, Asked, Context, Keys, Label, NoAnswer, Resource, Shape, Takes};
use crate::value::Value;

const ARGUMENTS: &[Argument] = &[
    Argument { name: "path", takes: Takes::Path, summary: "Absolute path inside the target.", required: false },
    Argument { name: "content", takes: Takes::Text, summary: "The document itself.", required: false },
];

pub(super) const JSON: Resource = Resource {
    name: "json",
    summary: "Values of a JSON document, by path.",
    label: Label::WithArgument("JSON"),
    arguments: ARGUMENTS,
    one_of: &["path", "content"],
    shape: Shape::Document { keys: Keys::Data, read: |context, arguments| read(context, arguments, structured::json) },
};

pub(super) const YAML: Resource = Resource {
    name: "yaml",
    summary: "Values of a YAML document (1.2: yes and on are texts), by path.",
    label: Label::WithArgument("YAML"),
    arguments: ARGUMENTS,
    one_of: &["path", "content"],
    shape: Shape::Document { keys: Keys::Data, read: |context, arguments| read(context, arguments, structured::yaml) },
};

pub(super) const TOML: Resource = Resource {
    name: "toml",
    summary: "Values of a TOML document, by path; dates and times are texts in RFC 3339.",
    label: Label::WithArgument("TOML"),
    arguments: ARGUMENTS,
    one_of: &["path", "content"],
    shape: Shape::Document { keys: Keys::Data, read: |context, arguments| read(context, arguments, toml::toml) },
};

pub(super) const XML: Resource = Resource {
    name: "xml",
    summary: "Texts of an XML document, by XPath: attributes, and the own text of elements.",
    label: Label::WithArgument("XML"),
    arguments: ARGUMENTS,
    one_of: &["path", "content"],
    shape: Shape::Document { keys: Keys::XPath, read: |context, arguments| read(context, arguments, xml::xml) },
};

fn read(context: &Context, arguments: &Arguments, parse: fn(&[u8]) -> Result<Value, ParseError>) -> Asked<Value> {
    if let Some(content) = arguments.text("content") {
        return parse(content).map_err(|error| NoAnswer::Error(format!("content: {error}")));
    }
    let path = arguments.text("path").unwrap_or_default();
    parse(&context.read(path)?).map_err(|error| NoAnswer::parse(path, &error))
}
