//! The schemas of values: what arguments take, what may be expected of a value by its type.
//!
//! `0640` and `640` are the same number to a reader of YAML, so that a number may stand wherever a mode may.

use serde_json::{Map, Value as Json, json};

use crate::parse::version::Scheme;
use crate::profile::schema::reference;
use crate::profile::test::{CONVERSIONS, IGNORABLE, MATCHERS, MODIFIERS, ValuePlace};
use crate::resource::{Takes, Type};
use crate::rootfs::Kind;

/// Any text in which something is filled in.
const FILLED: &str = r"\$\{";

/// All types of values.
const TYPES: [Type; 9] = [
    Type::Bool,
    Type::Int,
    Type::Mode,
    Type::Text,
    Type::Kind,
    Type::Time,
    Type::Version(Scheme::General),
    Type::Untyped,
    Type::Data,
];

/// true or false, and nothing else.
pub(super) fn switch() -> Json {
    json!({ "enum": [true, false, "true", "false"] })
}

/// This, or a text in which something is filled in.
fn or_filled(schema: Json) -> Json {
    json!({ "anyOf": [schema, { "type": "string", "pattern": FILLED }] })
}

/// Texts like this, one or several.
fn one_or_several(one: Json) -> Json {
    json!({ "anyOf": [one, { "type": "array", "minItems": 1, "items": one }] })
}

fn kinds() -> Json {
    or_filled(json!({ "enum": Kind::NAMED.map(|(_, name)| name) }))
}

/// What an argument takes.
pub(super) fn argument(takes: Takes) -> Json {
    let path = json!({ "type": "string", "pattern": format!("^/|{FILLED}") });
    match takes {
        Takes::Path => path,
        Takes::Globs => one_or_several(path),
        Takes::Names => one_or_several(reference("text")),
        Takes::Pattern | Takes::Text => reference("text"),
        Takes::Count => {
            let digits = json!({ "type": "string", "pattern": format!("^[+]?[0-9]+$|{FILLED}") });
            json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, digits] })
        }
        Takes::Bool => or_filled(switch()),
        Takes::Kind => kinds(),
    }
}

/// A single value of a type.
pub(super) fn of_type(holds: Type) -> Json {
    match holds {
        Type::Texts | Type::Untyped | Type::Data | Type::Text | Type::Version(_) => reference("text"),
        Type::Ints => reference("value-int"),
        holds => reference(&format!("value-{}", holds.name())),
    }
}

/// The definitions that [`of_type`] refers to.
pub(super) fn types() -> Map<String, Json> {
    TYPES
        .into_iter()
        .filter(|holds| of_type(*holds) != reference("text"))
        .map(|holds| (format!("value-{}", holds.name()), definition_of(holds)))
        .collect()
}

fn definition_of(holds: Type) -> Json {
    let pattern = |pattern: &str| json!({ "type": "string", "pattern": format!("{pattern}|{FILLED}") });
    let octal = json!({ "pattern": "^0[0-7]+$" });
    match holds {
        Type::Bool => or_filled(switch()),
        Type::Int | Type::Ints => {
            json!({ "anyOf": [{ "type": "number" }, { "allOf": [pattern("^[-+]?[.]?[0-9]"), { "not": octal }] }] })
        }
        Type::Mode => {
            let number = json!({ "type": "integer", "minimum": 0, "maximum": 7777 });
            json!({ "anyOf": [number, pattern("^(0[0-7]{0,4}|[0-7]{4})$")] })
        }
        Type::Kind => kinds(),
        Type::Time => json!({ "anyOf": [{ "type": "integer" }, pattern("^([0-9]{4}-[0-9]{2}-[0-9]{2}|-?[0-9]+)$")] }),
        _ => reference("text"),
    }
}

/// The test of a value at this place.
pub(super) fn test(place: ValuePlace) -> Json {
    reference(&name(place))
}

fn name(place: ValuePlace) -> String {
    let place = if place.list { place } else { ValuePlace::of(place.holds) };
    let list = if place.list { "list-" } else { "" };
    format!("test-{list}{}", place.holds.name())
}

/// The definitions that [`test`] refers to, and `test` for a value whose type is not known.
pub(super) fn tests() -> Map<String, Json> {
    let places = TYPES.into_iter().flat_map(|holds| {
        let one = ValuePlace::of(holds);
        [one, ValuePlace { list: true, ..one }]
    });
    let mut definitions: Map<String, Json> = places.map(|place| (name(place), definition(place))).collect();
    let words: Vec<&str> = MATCHERS.into_iter().chain(MODIFIERS).collect();
    definitions.insert("test-of-converted".to_owned(), matchers(&words, |_| json!(true)));
    let ways = [reference("text"), list_of(reference("text")), reference("test-of-converted")];
    definitions.insert("test".to_owned(), json!({ "anyOf": ways }));
    definitions
}

fn list_of(items: Json) -> Json {
    json!({ "type": "array", "items": items })
}

/// A map of at least one matcher, and modifiers.
fn matchers(words: &[&str], value: impl Fn(&str) -> Json) -> Json {
    json!({
        "type": "object",
        "properties": words.iter().map(|word| ((*word).to_owned(), value(word))).collect::<Map<_, _>>(),
        "additionalProperties": false,
        "not": { "propertyNames": { "enum": MODIFIERS } },
    })
}

fn definition(place: ValuePlace) -> Json {
    let fitting: Vec<&str> = MATCHERS.into_iter().filter(|matcher| place.fits(matcher)).collect();
    let modifiers: Vec<&str> =
        MODIFIERS.into_iter().filter(|word| place.is_text() || !matches!(*word, "split" | "as")).collect();
    let words: Vec<&str> = fitting.iter().chain(&modifiers).copied().collect();
    let plain = matchers(&words, |word| if MODIFIERS.contains(&word) { modifier(word) } else { matcher(word, place) });
    let map = if place.is_text() {
        // A text that is read as something else has the matchers of that.
        let converted = json!({ "anyOf": [{ "required": ["as"] }, { "required": ["split"] }] });
        json!({ "type": "object", "if": converted, "then": reference("test-of-converted"), "else": plain })
    } else {
        plain
    };
    let mut ways = vec![of_type(place.holds), map];
    if place.may_be_list() {
        ways.push(list_of(of_type(place.holds)));
    }
    json!({ "anyOf": ways })
}

fn modifier(word: &str) -> Json {
    match word {
        "split" => reference("text"),
        "as" => json!({ "enum": CONVERSIONS.map(|(word, _)| word) }),
        "ignore" => one_or_several(json!({ "enum": IGNORABLE })),
        _ => json!({ "not": { "type": "null" } }),
    }
}

/// What a matcher takes.
fn matcher(word: &str, place: ValuePlace) -> Json {
    let element = place.element();
    let one = of_type(place.holds);
    // What has an order in a document is a number.
    let bound = of_type(if matches!(place.holds, Type::Untyped | Type::Data) { Type::Int } else { place.holds });
    match word {
        "eq" | "ne" if place.holds == Type::Data => {
            json!({ "anyOf": [one, list_of(of_type(place.holds)), { "type": "object" }] })
        }
        "eq" | "ne" if place.may_be_list() => json!({ "anyOf": [one, list_of(of_type(place.holds))] }),
        "eq" | "ne" | "at_most" | "any_bits" | "all_bits" => one,
        "cmp" => json!({ "anyOf": [reference("text"), list_of(reference("text")), { "type": "object" }] }),
        "match" => one_or_several(reference("text")),
        "includes" | "excludes" | "in" | "not_in" | "subset_of" => {
            // A list among them is spliced in, an entry of a map is a map.
            let several = json!({ "anyOf": [one, list_of(of_type(place.holds)), { "type": "object" }] });
            json!({ "anyOf": [several, list_of(several.clone())] })
        }
        "lt" | "le" | "gt" | "ge" => bound,
        "between" => json!({ "type": "array", "minItems": 2, "maxItems": 2, "items": bound }),
        "start_with" | "end_with" => reference("text"),
        "empty" | "nil" | "unique" => switch(),
        "all" | "any" | "none" => test(element),
        "count" => test(ValuePlace::of(Type::Int)),
        "not" => test(place),
        _ => json!({ "not": { "type": "null" } }),
    }
}
