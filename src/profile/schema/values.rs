//! The schemas of values: what arguments take, what may be expected of a value by its type.
//!
//! `0640` and `640` are the same number to a reader of YAML, so that a number may stand wherever a mode may.

use serde_json::{Map, Value as Json};

use crate::json::{filled, object, texts};
use crate::parse::version::Scheme;
use crate::profile::schema::{any_of, list_of, reference, some, word_of};
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
    filled(r#"{"enum": [true, false, "true", "false"]}"#, &mut [])
}

/// This, or a text in which something is filled in.
fn or_filled(schema: Json) -> Json {
    any_of([schema, pattern(FILLED)])
}

/// A text in which this pattern is found.
fn pattern(pattern: &str) -> Json {
    filled(r#"{"type": "string", "pattern": "@0"}"#, &mut [pattern.into()])
}

/// The same, or a text in which something is filled in.
fn pattern_or_filled(first: &str) -> Json {
    pattern(&format!("{first}|{FILLED}"))
}

/// Texts like this, one or several.
fn one_or_several(one: Json) -> Json {
    any_of([one.clone(), some(one)])
}

fn no_null() -> Json {
    filled(r#"{"not": {"type": "null"}}"#, &mut [])
}

fn kinds() -> Json {
    or_filled(word_of(texts(Kind::NAMED.map(|(_, name)| name))))
}

/// What an argument takes.
pub(super) fn argument(takes: Takes) -> Json {
    let path = || pattern_or_filled("^/");
    match takes {
        Takes::Path => path(),
        Takes::Globs => one_or_several(path()),
        Takes::Names => one_or_several(reference("text")),
        Takes::Pattern | Takes::Text => reference("text"),
        Takes::Count => {
            filled(r#"{"anyOf": [{"type": "integer", "minimum": 0}, "@0"]}"#, &mut [pattern_or_filled("^[+]?[0-9]+$")])
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
pub(super) fn put_types(definitions: &mut Map<String, Json>) {
    for holds in TYPES.into_iter().filter(|holds| of_type(*holds) != reference("text")) {
        definitions.insert(format!("value-{}", holds.name()), definition_of(holds));
    }
}

fn definition_of(holds: Type) -> Json {
    match holds {
        Type::Bool => or_filled(switch()),
        Type::Int | Type::Ints => filled(
            r#"{"anyOf": [{"type": "number"}, {"allOf": ["@0", {"not": {"pattern": "^0[0-7]+$"}}]}]}"#,
            &mut [pattern_or_filled("^[-+]?[.]?[0-9]")],
        ),
        Type::Mode => filled(
            r#"{"anyOf": [{"type": "integer", "minimum": 0, "maximum": 7777}, "@0"]}"#,
            &mut [pattern_or_filled("^(0[0-7]{0,4}|[0-7]{4})$")],
        ),
        Type::Kind => kinds(),
        Type::Time => filled(
            r#"{"anyOf": [{"type": "integer"}, "@0"]}"#,
            &mut [pattern_or_filled("^([0-9]{4}-[0-9]{2}-[0-9]{2}|-?[0-9]+)$")],
        ),
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
pub(super) fn put_tests(definitions: &mut Map<String, Json>) {
    let places = TYPES.into_iter().flat_map(|holds| {
        let one = ValuePlace::of(holds);
        [one, ValuePlace { list: true, ..one }]
    });
    for place in places {
        definitions.insert(name(place), definition(place));
    }
    let words: Vec<&str> = MATCHERS.into_iter().chain(MODIFIERS).collect();
    definitions.insert("test-of-converted".to_owned(), matchers(&words, &|_| true.into()));
    let ways = [reference("text"), list_of(reference("text")), reference("test-of-converted")];
    definitions.insert("test".to_owned(), any_of(ways));
}

/// A map of at least one matcher, and modifiers.
fn matchers(words: &[&str], value: &dyn Fn(&str) -> Json) -> Json {
    filled(
        r#"{
            "type": "object",
            "properties": "@0",
            "additionalProperties": false,
            "not": {"propertyNames": {"enum": "@1"}}
        }"#,
        &mut [object(&mut words.iter().map(|word| ((*word).to_owned(), value(word)))), texts(MODIFIERS)],
    )
}

fn definition(place: ValuePlace) -> Json {
    let fitting: Vec<&str> = MATCHERS.into_iter().filter(|matcher| place.fits(matcher)).collect();
    let modifiers: Vec<&str> =
        MODIFIERS.into_iter().filter(|word| place.is_text() || !matches!(*word, "split" | "as")).collect();
    let words: Vec<&str> = fitting.iter().chain(&modifiers).copied().collect();
    let plain = matchers(&words, &|word| if MODIFIERS.contains(&word) { modifier(word) } else { matcher(word, place) });
    let map = if place.is_text() {
        // A text that is read as something else has the matchers of that.
        filled(
            r#"{
                "type": "object",
                "if": {"anyOf": [{"required": ["as"]}, {"required": ["split"]}]},
                "then": "@0",
                "else": "@1"
            }"#,
            &mut [reference("test-of-converted"), plain],
        )
    } else {
        plain
    };
    let mut ways = vec![of_type(place.holds), map];
    if place.may_be_list() {
        ways.push(list_of(of_type(place.holds)));
    }
    any_of(ways)
}

fn modifier(word: &str) -> Json {
    match word {
        "split" => reference("text"),
        "as" => word_of(texts(CONVERSIONS.map(|(word, _)| word))),
        "ignore" => one_or_several(word_of(texts(IGNORABLE))),
        _ => no_null(),
    }
}

/// What a matcher takes.
fn matcher(word: &str, place: ValuePlace) -> Json {
    let element = place.element();
    let one = || of_type(place.holds);
    let object = || filled(r#"{"type": "object"}"#, &mut []);
    // What has an order in a document is a number.
    let bound = || of_type(if matches!(place.holds, Type::Untyped | Type::Data) { Type::Int } else { place.holds });
    match word {
        "eq" | "ne" if place.holds == Type::Data => any_of([one(), list_of(one()), object()]),
        "eq" | "ne" if place.may_be_list() => any_of([one(), list_of(one())]),
        "eq" | "ne" | "at_most" | "any_bits" | "all_bits" => one(),
        "cmp" => any_of([reference("text"), list_of(reference("text")), object()]),
        "match" => one_or_several(reference("text")),
        "includes" | "excludes" | "in" | "not_in" | "subset_of" => {
            // A list among them is spliced in, an entry of a map is a map.
            let several = any_of([one(), list_of(one()), object()]);
            any_of([several.clone(), list_of(several)])
        }
        "lt" | "le" | "gt" | "ge" => bound(),
        "between" => filled(r#"{"type": "array", "minItems": 2, "maxItems": 2, "items": "@0"}"#, &mut [bound()]),
        "start_with" | "end_with" => reference("text"),
        "empty" | "nil" | "unique" => switch(),
        "all" | "any" | "none" => test(element),
        "count" => test(ValuePlace::of(Type::Int)),
        "not" => test(place),
        _ => no_null(),
    }
}
