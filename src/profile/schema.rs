//! The JSON Schema of profiles, for editors and other programs. Resources come from the registry, words from the
//! tables that decoding uses.
//!
//! A schema knows less than decoding: names that a file gives itself, patterns, what YAML writes in several ways. What
//! it refuses, decoding refuses; not the other way round.

mod values;

use serde_json::{Map, Value as Json};

use crate::check::Supports;
use crate::json::{filled, object, texts};
use crate::outcome::Severity;
use crate::profile::control::{CONTROL_KEYS, DEFAULTS_KEYS, LIST_TAGS, OVERRIDE_KEYS, REFERENCE_KEYS, SEVERITY_TAGS};
use crate::profile::input::{INPUT_KEYS, KINDS, Kind};
use crate::profile::items::{
    EACH_KEYS, INPUT_EXPECT_KEYS, LET_KEYS, MISSING, NO_CONDITIONS, OTHERS, beside, beside_in_condition,
};
use crate::profile::load::{CONTROL_FILE_KEYS, PROFILE_KEYS};
use crate::profile::overlay::{DEPENDS_KEYS, OVERLAY_KEYS};
use crate::profile::schema::values::{argument, of_type, put_tests, put_types, test};
use crate::profile::test::ValuePlace;
use crate::resource::{Columns, Keys, Property, REGISTRY, Resource, Shape, Takes, Type, resource};

/// What names of inputs, conditions, `let` and `each` look like.
const NAME: &str = "^[A-Za-z_][A-Za-z0-9_-]*$";

/// The schema of a file of a profile: profile.yaml, a file of controls, or a profile in a single file.
pub fn schema() -> Json {
    let mut definitions = Map::new();
    definitions.insert("text".to_owned(), filled(r#"{"type": ["string", "number", "boolean"]}"#, &mut []));
    definitions.insert("condition".to_owned(), condition());
    definitions.insert("check".to_owned(), item());
    definitions.insert("checks".to_owned(), some(reference("check")));
    definitions.insert("each".to_owned(), each());
    definitions.insert("control".to_owned(), control());
    definitions.insert("input".to_owned(), input());
    for resource in REGISTRY {
        definitions.insert(format!("subject-{}", resource.name), subject(resource));
        definitions.insert(format!("expect-{}", resource.name), expect(resource));
        if is_table(resource) {
            definitions.insert(format!("row-{}", resource.name), columns(resource, false));
        }
    }
    put_types(&mut definitions);
    put_tests(&mut definitions);
    let keys = PROFILE_KEYS.iter().chain(&CONTROL_FILE_KEYS);
    let properties = object(&mut keys.map(|key| ((*key).to_owned(), file_key(key))));
    filled(
        r#"{
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "A file of an assay profile",
            "description": "profile.yaml, a file of controls, or a profile in a single file",
            "type": "object",
            "required": ["schema"],
            "properties": "@0",
            "additionalProperties": false,
            "anyOf": [{"required": ["name"]}, {"required": ["controls"], "propertyNames": {"enum": "@1"}}],
            "$defs": "@2"
        }"#,
        &mut [properties, texts(CONTROL_FILE_KEYS), definitions.into()],
    )
}

fn reference(name: &str) -> Json {
    filled(r#"{"$ref": "@0"}"#, &mut [format!("#/$defs/{name}").into()])
}

/// A list of these.
fn list_of(items: Json) -> Json {
    filled(r#"{"type": "array", "items": "@0"}"#, &mut [items])
}

/// A list of these that is not empty.
fn some(items: Json) -> Json {
    filled(r#"{"type": "array", "minItems": 1, "items": "@0"}"#, &mut [items])
}

/// One of these at least.
fn any_of(ways: impl Into<Json>) -> Json {
    filled(r#"{"anyOf": "@0"}"#, &mut [ways.into()])
}

/// One of these words.
fn word_of(words: Json) -> Json {
    filled(r#"{"enum": "@0"}"#, &mut [words])
}

/// A map with these keys and no others.
fn map(keys: &mut dyn Iterator<Item = (&'static str, Json)>) -> Json {
    let properties = object(&mut keys.map(|(key, value)| (key.to_owned(), value)));
    filled(r#"{"type": "object", "properties": "@0", "additionalProperties": false}"#, &mut [properties])
}

/// The same, with keys of a table of the decoder.
fn keyed(keys: &[&'static str], value: fn(&str) -> Json) -> Json {
    map(&mut keys.iter().map(|key| (*key, value(key))))
}

/// The same, with keys that must be there.
fn requiring(map: Json, keys: &[&str]) -> Json {
    with(map, "required", texts(keys))
}

/// The same schema with one keyword more.
fn with(mut schema: Json, keyword: &str, value: Json) -> Json {
    if let Json::Object(keywords) = &mut schema {
        keywords.insert(keyword.to_owned(), value);
    }
    schema
}

/// The same map with one key more.
fn with_key(mut map: Json, key: &str, value: Json) -> Json {
    if let Some(Json::Object(properties)) = map.get_mut("properties") {
        properties.insert(key.to_owned(), value);
    }
    map
}

/// A map whose keys are names of the profile's own, but for one that means something already.
fn named(value: Json, reserved: &str) -> Json {
    filled(
        r#"{
            "type": "object",
            "propertyNames": {"pattern": "@0", "not": {"const": "@1"}},
            "additionalProperties": "@2"
        }"#,
        &mut [NAME.into(), reserved.into(), value],
    )
}

fn file_key(key: &str) -> Json {
    match key {
        "schema" => filled(r#"{"enum": [1, "1"]}"#, &mut []),
        "supports" => list_of(keyed(&Supports::KEYS, |_| reference("text"))),
        "inputs" => named(reference("input"), "inputs"),
        "conditions" => named(reference("condition"), "live"),
        "defaults" => keyed(&DEFAULTS_KEYS, control_key),
        "controls" => list_of(reference("control")),
        "depends" => list_of(requiring(keyed(&DEPENDS_KEYS, |_| reference("text")), &["name"])),
        "overlay" => list_of(requiring(keyed(&OVERLAY_KEYS, overlay_key), &["from"])),
        _ => reference("text"),
    }
}

fn overlay_key(key: &str) -> Json {
    let ids = || list_of(reference("text"));
    match key {
        "include" => any_of([filled(r#"{"const": "all"}"#, &mut []), ids()]),
        "skip" => ids(),
        "inputs" => named(true.into(), "inputs"),
        "override" => {
            let changes = keyed(&OVERRIDE_KEYS, control_key);
            filled(r#"{"type": "object", "additionalProperties": "@0"}"#, &mut [changes])
        }
        _ => reference("text"),
    }
}

/// An input; the type of its value follows from its own.
fn input() -> Json {
    let kinds = KINDS.map(|(word, _)| word);
    let input = keyed(&INPUT_KEYS, |key| match key {
        "type" | "of" => word_of(texts(KINDS.map(|(word, _)| word))),
        "required" => values::switch(),
        "desc" => reference("text"),
        _ => true.into(),
    });
    let single = |kind: Kind| match kind {
        Kind::List => filled(r#"{"type": "array"}"#, &mut []),
        Kind::Map => filled(r#"{"type": "object"}"#, &mut []),
        Kind::Int => filled(
            r#"{"allOf": ["@0", {"not": {"type": "number", "not": {"type": "integer"}}}]}"#,
            &mut [of_type(Type::Int)],
        ),
        kind => of_type(kind.holds()),
    };
    // Of a list or a map, the type of its elements; elements of lists of lists have none.
    let rules = KINDS.iter().zip(kinds).flat_map(|((_, kind), word)| {
        let own = filled(
            r#"{
                "if": {"required": ["type"], "properties": {"type": {"const": "@0"}}},
                "then": {"properties": {"value": "@1"}}
            }"#,
            &mut [word.into(), single(*kind)],
        );
        let elements = filled(
            r#"{
                "if": {"required": ["of"], "properties": {"of": {"const": "@0"}}},
                "then": {"properties": {"value": {"items": "@1", "additionalProperties": "@2"}}}
            }"#,
            &mut [word.into(), single(*kind), single(*kind)],
        );
        [own, elements]
    });
    with(input, "allOf", rules.collect())
}

fn control() -> Json {
    requiring(keyed(&CONTROL_KEYS, control_key), &["id", "checks"])
}

fn control_key(key: &str) -> Json {
    let severity = || word_of(texts(Severity::ALL.map(Severity::name)));
    match key {
        "impact" => filled(
            r#"{"anyOf": [
                "@0",
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": "^[01]?[.]?[0-9]*$"}
            ]}"#,
            &mut [severity()],
        ),
        "tags" => {
            let several = || filled(r#"{"type": "array", "items": {"type": ["string", "number"]}}"#, &mut []);
            let lists = LIST_TAGS.map(|tag| (tag.to_owned(), several()));
            let words = SEVERITY_TAGS.map(|tag| (tag.to_owned(), severity()));
            let properties = object(&mut lists.into_iter().chain(words));
            filled(r#"{"type": "object", "properties": "@0"}"#, &mut [properties])
        }
        "refs" => list_of(any_of([reference("text"), keyed(&REFERENCE_KEYS, |_| reference("text"))])),
        "missing" => word_of(texts(MISSING.map(|(word, _)| word))),
        "applicable_if" | "only_if" => reference("condition"),
        "let" => named(taken(), "inputs"),
        "each" => reference("each"),
        "checks" => reference("checks"),
        _ => reference("text"),
    }
}

/// Subjects of items or conditions, of which a map names one, with what stands beside them.
fn one_subject(
    names: &[&'static str],
    beside: fn(&str) -> &'static [&'static str],
    key: fn(&str, &str) -> Json,
) -> Json {
    let mut properties = Map::new();
    for name in names {
        properties.insert((*name).to_owned(), described(name, key(name, name)));
        for key in beside(name) {
            properties.entry(*key).or_insert(true.into());
        }
    }
    let rules = names.iter().map(|name| {
        let with = object(&mut beside(name).iter().map(|other| ((*other).to_owned(), key(name, other))));
        let required = texts(required(name).iter().filter(|key| beside(name).contains(key)));
        let allowed = texts(std::iter::once(name).chain(beside(name)));
        filled(
            r#"{
                "if": {"required": ["@0"]},
                "then": {"properties": "@1", "required": "@2", "propertyNames": {"enum": "@3"}}
            }"#,
            &mut [(*name).into(), with, required, allowed],
        )
    });
    filled(
        r#"{"type": "object", "properties": "@0", "additionalProperties": false, "oneOf": "@1", "allOf": "@2"}"#,
        &mut [properties.into(), one_of(names), rules.collect()],
    )
}

/// The same with what the registry says of a resource.
fn described(name: &str, schema: Json) -> Json {
    match resource(name) {
        Some(resource) => with(schema, "description", resource.summary.into()),
        None => schema,
    }
}

fn resources() -> Vec<&'static str> {
    REGISTRY.iter().map(|resource| resource.name).collect()
}

fn item() -> Json {
    let names: Vec<&str> = resources().into_iter().chain(OTHERS).collect();
    one_subject(&names, beside, item_key)
}

/// What must stand beside a subject.
fn required(subject: &str) -> &'static [&'static str] {
    match subject {
        "manual" | "input" | "any_of" | "all_of" | "none_of" => &[],
        "if" => &["then"],
        "each" => &["checks"],
        _ => &["expect"],
    }
}

/// A key of an item with this subject.
fn item_key(subject: &str, key: &str) -> Json {
    match (subject, key) {
        ("any_of" | "all_of" | "none_of", key) if key == subject => {
            some(any_of([reference("check"), reference("checks")]))
        }
        ("if", "if") => reference("condition"),
        ("each", "each") => reference("each"),
        (_, "then" | "else" | "checks") => reference("checks"),
        (_, "missing") => control_key("missing"),
        (_, "none_ok") => values::switch(),
        ("input", "expect") => requiring(keyed(&INPUT_EXPECT_KEYS, |_| reference("test")), &INPUT_EXPECT_KEYS),
        (subject, "expect") => reference(&format!("expect-{subject}")),
        (_, "title" | "reason" | "manual" | "input") => reference("text"),
        (subject, _) => reference(&format!("subject-{subject}")),
    }
}

fn condition() -> Json {
    let others = OTHERS.into_iter().filter(|name| !NO_CONDITIONS.contains(name));
    let names: Vec<&str> = resources().into_iter().chain(others).collect();
    let map = one_subject(&names, beside_in_condition, |subject, key| match key {
        "any_of" | "all_of" | "none_of" => conditions(),
        key => item_key(subject, key),
    });
    any_of([reference("text"), conditions(), map])
}

fn conditions() -> Json {
    some(reference("condition"))
}

fn each() -> Json {
    let each = keyed(&EACH_KEYS, |key| match key {
        "as" => filled(r#"{"type": "string", "pattern": "@0", "not": {"const": "inputs"}}"#, &mut [NAME.into()]),
        "in" => {
            filled(r#"{"anyOf": [{"type": "string", "pattern": "^\\$\\{"}, "@0"]}"#, &mut [list_of(reference("text"))])
        }
        "rows" => {
            let tables = REGISTRY.iter().filter(|resource| is_table(resource));
            let rows = map(&mut tables.map(|table| (table.name, item_key(table.name, table.name))));
            with(with(rows, "minProperties", 1.into()), "maxProperties", 1.into())
        }
        _ => values::switch(),
    });
    let each = with(each, "oneOf", one_of(&["in", "rows"]));
    requiring(each, &["as"])
}

/// A value of `let`.
fn taken() -> Json {
    let beside = LET_KEYS.iter().map(|key| (*key, if *key == "value" { reference("text") } else { true.into() }));
    let subjects = REGISTRY.iter().map(|resource| (resource.name, item_key(resource.name, resource.name)));
    let rules = REGISTRY.iter().map(|resource| {
        let value = match &resource.shape {
            Shape::Object { .. } => keys(&columns(resource, false)),
            // A column has a value in every row: a list is taken, or what is of the table.
            Shape::Table { .. } | Shape::Walk => {
                let single = texts(resource.properties().iter().map(|column| column.name));
                filled(r#"{"not": {"enum": "@0"}}"#, &mut [single])
            }
            Shape::Document { .. } => true.into(),
        };
        filled(
            r#"{"if": {"required": ["@0"]}, "then": {"properties": {"value": "@1"}}}"#,
            &mut [resource.name.into(), value],
        )
    });
    let taken = with(map(&mut subjects.chain(beside)), "allOf", rules.collect());
    requiring(with(taken, "oneOf", one_of(&resources())), &["value"])
}

/// One of these keys, and only one.
fn one_of(names: &[&str]) -> Json {
    names.iter().map(|name| filled(r#"{"required": ["@0"]}"#, &mut [(*name).into()])).collect()
}

/// The keys that a map may have, as a schema of their own.
fn keys(map: &Json) -> Json {
    let names = |key: &str| map.get(key).and_then(Json::as_object).into_iter().flat_map(Map::keys);
    let known = word_of(texts(names("properties")));
    let patterns =
        names("patternProperties").map(|pattern| filled(r#"{"pattern": "@0"}"#, &mut [pattern.as_str().into()]));
    any_of(std::iter::once(known).chain(patterns).collect::<Json>())
}

fn is_table(resource: &Resource) -> bool {
    matches!(resource.shape, Shape::Table { .. } | Shape::Walk)
}

/// A resource's arguments: a map of them, or the one that a bare value gives.
fn subject(resource: &Resource) -> Json {
    let arguments = resource
        .arguments
        .iter()
        .map(|given| (given.name, with(argument(given.takes), "description", given.summary.into())));
    let row = reference(&format!("row-{}", resource.name));
    let rows = any_of([row.clone(), some(row)]);
    let required: Vec<&str> =
        resource.arguments.iter().filter(|argument| argument.required).map(|argument| argument.name).collect();
    let all = requiring(map(&mut arguments.chain(is_table(resource).then_some(("where", rows)))), &required);
    let all = if resource.one_of.is_empty() { all } else { with(all, "oneOf", one_of(resource.one_of)) };
    let mut ways = vec![all];
    // A bare value is the first argument, a list the first that takes several, if no other one is needed.
    let enough = |name: &str| {
        required.iter().all(|required| *required == name)
            && (resource.one_of.is_empty() || resource.one_of.contains(&name))
    };
    if let Some(first) = resource.arguments.first().filter(|first| enough(first.name)) {
        ways.push(filled(r#"{"allOf": ["@0", "@1"]}"#, &mut [reference("text"), argument(first.takes)]));
    }
    let several = resource.arguments.iter().find(|argument| argument.takes == Takes::Globs);
    if let Some(several) = several.filter(|several| enough(several.name)) {
        ways.push(filled(r#"{"allOf": [{"type": "array"}, "@0"]}"#, &mut [argument(several.takes)]));
    }
    any_of(ways)
}

/// What can be expected of a resource.
fn expect(resource: &Resource) -> Json {
    match &resource.shape {
        Shape::Object { .. } => columns(resource, false),
        Shape::Document { keys, .. } => {
            let holds = if *keys == Keys::Data { Type::Data } else { Type::Untyped };
            filled(
                r#"{
                    "type": "object",
                    "minProperties": 1,
                    "propertyNames": {"minLength": 1},
                    "additionalProperties": "@0"
                }"#,
                &mut [test(ValuePlace::of(holds))],
            )
        }
        Shape::Table { .. } | Shape::Walk => {
            let counted = with_key(columns(resource, true), "count", test(ValuePlace::of(Type::Int)));
            with_key(counted, "exist", test(ValuePlace::of(Type::Bool)))
        }
    }
}

/// A map with a test for each property or column; of a table also for the lists of all rows.
fn columns(resource: &Resource, lists: bool) -> Json {
    let (mut properties, mut patterns) = (Map::new(), Map::new());
    let mut put = |name: String, property: &Property, place: ValuePlace| {
        let schema = with(test(place), "description", property.summary.into());
        match name.strip_suffix('*') {
            // Any name but those that every table has.
            Some("") => patterns.insert("^(?!rows[.]|count$|exist$).+".to_owned(), schema),
            Some(prefix) => patterns.insert(format!("^{}.+", prefix.replace('.', "[.]")), schema),
            None => properties.insert(name, schema),
        };
    };
    for property in resource.properties() {
        put(property.name.to_owned(), property, ValuePlace::of(property.holds));
        if lists {
            let list = ValuePlace { list: true, ..ValuePlace::of(property.holds) };
            put(format!("rows.{}", property.name), property, list);
            if !property.plural.is_empty() {
                put(property.plural.to_owned(), property, list);
            }
        }
    }
    let groups = matches!(resource.shape, Shape::Table { columns: Columns::AndGroups(_), .. });
    let others = if groups { test(ValuePlace::of(Type::Untyped)) } else { false.into() };
    filled(
        r#"{
            "type": "object",
            "minProperties": 1,
            "properties": "@0",
            "patternProperties": "@1",
            "additionalProperties": "@2"
        }"#,
        &mut [properties.into(), patterns.into(), others],
    )
}
