//! The JSON Schema of profiles, for editors and other programs. Resources come from the registry, words from the
//! tables that decoding uses.
//!
//! A schema knows less than decoding: names that a file gives itself, patterns, what YAML writes in several ways. What
//! it refuses, decoding refuses; not the other way round.

mod values;

use serde_json::{Map, Value as Json, json};

use crate::check::Supports;
use crate::outcome::Severity;
use crate::profile::control::{CONTROL_KEYS, DEFAULTS_KEYS, LIST_TAGS, REFERENCE_KEYS, SEVERITY_TAGS};
use crate::profile::input::{INPUT_KEYS, KINDS, Kind};
use crate::profile::items::{
    EACH_KEYS, INPUT_EXPECT_KEYS, LET_KEYS, MISSING, NO_CONDITIONS, OTHERS, beside, beside_in_condition,
};
use crate::profile::load::{CONTROL_FILE_KEYS, LATER_KEYS, PROFILE_KEYS};
use crate::profile::schema::values::{argument, of_type, test, tests, types};
use crate::profile::test::ValuePlace;
use crate::resource::{Columns, Keys, Property, REGISTRY, Resource, Shape, Takes, Type, resource};

/// What names of inputs, conditions, `let` and `each` look like.
const NAME: &str = "^[A-Za-z_][A-Za-z0-9_-]*$";

/// The schema of a file of a profile: profile.yaml, a file of controls, or a profile in a single file.
pub fn schema() -> Json {
    let mut definitions = Map::new();
    definitions.insert("text".to_owned(), json!({ "type": ["string", "number", "boolean"] }));
    definitions.insert("condition".to_owned(), condition());
    definitions.insert("check".to_owned(), item());
    definitions
        .insert("checks".to_owned(), json!({ "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/check" } }));
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
    definitions.extend(types());
    definitions.extend(tests());
    let keys = PROFILE_KEYS.iter().chain(&CONTROL_FILE_KEYS);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A file of an assay profile",
        "description": "profile.yaml, a file of controls, or a profile in a single file",
        "type": "object",
        "required": ["schema"],
        "properties": keys.map(|key| ((*key).to_owned(), file_key(key))).collect::<Map<_, _>>(),
        "additionalProperties": false,
        "anyOf": [
            { "required": ["name"] },
            { "required": ["controls"], "propertyNames": { "enum": CONTROL_FILE_KEYS } },
        ],
        "$defs": definitions,
    })
}

fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// A map with these keys and no others.
fn map(keys: impl IntoIterator<Item = (&'static str, Json)>) -> Json {
    let properties: Map<String, Json> = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// The same, with keys of a table of the decoder.
fn keyed(keys: &[&'static str], value: fn(&str) -> Json) -> Json {
    map(keys.iter().map(|key| (*key, value(key))))
}

/// The same, with keys that must be there.
fn requiring(map: Json, keys: &[&str]) -> Json {
    with(map, "required", json!(keys))
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
    let names = json!({ "pattern": NAME, "not": { "const": reserved } });
    json!({ "type": "object", "propertyNames": names, "additionalProperties": value })
}

fn file_key(key: &str) -> Json {
    match key {
        "schema" => json!({ "enum": [1, "1"] }),
        "supports" => json!({ "type": "array", "items": keyed(&Supports::KEYS, |_| reference("text")) }),
        "inputs" => named(reference("input"), "inputs"),
        "conditions" => named(reference("condition"), "live"),
        "defaults" => keyed(&DEFAULTS_KEYS, control_key),
        "controls" => json!({ "type": "array", "items": reference("control") }),
        key if LATER_KEYS.contains(&key) => json!(false),
        _ => reference("text"),
    }
}

/// An input; the type of its value follows from its own.
fn input() -> Json {
    let kinds = KINDS.map(|(word, _)| word);
    let input = keyed(&INPUT_KEYS, |key| match key {
        "type" | "of" => json!({ "enum": KINDS.map(|(word, _)| word) }),
        "required" => values::switch(),
        "desc" => reference("text"),
        _ => json!(true),
    });
    let single = |kind: Kind| match kind {
        Kind::List => json!({ "type": "array" }),
        Kind::Map => json!({ "type": "object" }),
        Kind::Int => {
            json!({ "allOf": [of_type(Type::Int), { "not": { "type": "number", "not": { "type": "integer" } } }] })
        }
        kind => of_type(kind.holds()),
    };
    // Of a list or a map, the type of its elements; elements of lists of lists have none.
    let rules = KINDS.iter().zip(kinds).flat_map(|((_, kind), word)| {
        let own = json!({
            "if": { "required": ["type"], "properties": { "type": { "const": word } } },
            "then": { "properties": { "value": single(*kind) } },
        });
        let elements = json!({
            "if": { "required": ["of"], "properties": { "of": { "const": word } } },
            "then": { "properties": { "value": { "items": single(*kind), "additionalProperties": single(*kind) } } },
        });
        [own, elements]
    });
    with(input, "allOf", rules.collect())
}

fn control() -> Json {
    requiring(keyed(&CONTROL_KEYS, control_key), &["id", "checks"])
}

fn control_key(key: &str) -> Json {
    let severities = Severity::ALL.map(Severity::name);
    match key {
        "impact" => json!({ "anyOf": [
            { "enum": severities },
            { "type": "number", "minimum": 0, "maximum": 1 },
            { "type": "string", "pattern": "^[01]?[.]?[0-9]*$" },
        ] }),
        "tags" => {
            let texts = json!({ "type": "array", "items": { "type": ["string", "number"] } });
            let lists = LIST_TAGS.map(|tag| (tag.to_owned(), texts.clone()));
            let words = SEVERITY_TAGS.map(|tag| (tag.to_owned(), json!({ "enum": severities })));
            json!({ "type": "object", "properties": lists.into_iter().chain(words).collect::<Map<_, _>>() })
        }
        "refs" => {
            let full = keyed(&REFERENCE_KEYS, |_| reference("text"));
            json!({ "type": "array", "items": { "anyOf": [reference("text"), full] } })
        }
        "missing" => json!({ "enum": MISSING.map(|(word, _)| word) }),
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
            properties.entry(*key).or_insert(json!(true));
        }
    }
    let rules = names.iter().map(|name| {
        let with: Map<String, Json> =
            beside(name).iter().map(|other| ((*other).to_owned(), key(name, other))).collect();
        let allowed: Vec<&str> = std::iter::once(*name).chain(beside(name).iter().copied()).collect();
        let required: Vec<&str> = required(name).iter().copied().filter(|key| beside(name).contains(key)).collect();
        json!({
            "if": { "required": [name] },
            "then": { "properties": with, "required": required, "propertyNames": { "enum": allowed } },
        })
    });
    json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "oneOf": one_of(names),
        "allOf": rules.collect::<Vec<_>>(),
    })
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
            json!({ "type": "array", "minItems": 1, "items": { "anyOf": [reference("check"), reference("checks")] } })
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
    json!({ "anyOf": [reference("text"), conditions(), map] })
}

fn conditions() -> Json {
    json!({ "type": "array", "minItems": 1, "items": reference("condition") })
}

fn each() -> Json {
    let each = keyed(&EACH_KEYS, |key| match key {
        "as" => json!({ "type": "string", "pattern": NAME, "not": { "const": "inputs" } }),
        "in" => {
            json!({ "anyOf": [{ "type": "string", "pattern": "^\\$\\{" }, { "type": "array", "items": reference("text") }] })
        }
        "rows" => {
            let tables = REGISTRY.iter().filter(|resource| is_table(resource));
            let rows = map(tables.map(|table| (table.name, item_key(table.name, table.name))));
            with(with(rows, "minProperties", 1.into()), "maxProperties", 1.into())
        }
        _ => values::switch(),
    });
    let each = with(each, "oneOf", json!([{ "required": ["in"] }, { "required": ["rows"] }]));
    requiring(each, &["as"])
}

/// A value of `let`.
fn taken() -> Json {
    let beside = LET_KEYS.iter().map(|key| (*key, if *key == "value" { reference("text") } else { json!(true) }));
    let subjects = REGISTRY.iter().map(|resource| (resource.name, item_key(resource.name, resource.name)));
    let rules = REGISTRY.iter().map(|resource| {
        let value = match &resource.shape {
            Shape::Object { .. } => keys(&columns(resource, false)),
            // A column has a value in every row: a list is taken, or what is of the table.
            Shape::Table { .. } | Shape::Walk => {
                let single: Vec<&str> = resource.properties().iter().map(|column| column.name).collect();
                json!({ "not": { "enum": single } })
            }
            Shape::Document { .. } => json!(true),
        };
        json!({ "if": { "required": [resource.name] }, "then": { "properties": { "value": value } } })
    });
    let taken = with(map(subjects.chain(beside)), "allOf", rules.collect());
    requiring(with(taken, "oneOf", one_of(&resources())), &["value"])
}

/// One of these keys, and only one.
fn one_of(names: &[&str]) -> Json {
    names.iter().map(|name| json!({ "required": [name] })).collect()
}

/// The keys that a map may have, as a schema of their own.
fn keys(map: &Json) -> Json {
    let names = |key: &str| map.get(key).and_then(Json::as_object).into_iter().flat_map(Map::keys);
    let known = json!({ "enum": names("properties").collect::<Vec<_>>() });
    let patterns = names("patternProperties").map(|pattern| json!({ "pattern": pattern }));
    json!({ "anyOf": std::iter::once(known).chain(patterns).collect::<Vec<_>>() })
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
    let rows = reference(&format!("row-{}", resource.name));
    let rows = json!({ "anyOf": [rows, { "type": "array", "minItems": 1, "items": rows }] });
    let required: Vec<&str> =
        resource.arguments.iter().filter(|argument| argument.required).map(|argument| argument.name).collect();
    let all = requiring(map(arguments.chain(is_table(resource).then_some(("where", rows)))), &required);
    let all = if resource.one_of.is_empty() { all } else { with(all, "oneOf", one_of(resource.one_of)) };
    let mut ways = vec![all];
    // A bare value is the first argument, a list the first that takes several, if no other one is needed.
    let enough = |name: &str| {
        required.iter().all(|required| *required == name)
            && (resource.one_of.is_empty() || resource.one_of.contains(&name))
    };
    if let Some(first) = resource.arguments.first().filter(|first| enough(first.name)) {
        ways.push(json!({ "allOf": [reference("text"), argument(first.takes)] }));
    }
    let several = resource.arguments.iter().find(|argument| argument.takes == Takes::Globs);
    if let Some(several) = several.filter(|several| enough(several.name)) {
        ways.push(json!({ "allOf": [{ "type": "array" }, argument(several.takes)] }));
    }
    json!({ "anyOf": ways })
}

/// What can be expected of a resource.
fn expect(resource: &Resource) -> Json {
    match &resource.shape {
        Shape::Object { .. } => columns(resource, false),
        Shape::Document { keys, .. } => {
            let holds = if *keys == Keys::Data { Type::Data } else { Type::Untyped };
            json!({
                "type": "object",
                "minProperties": 1,
                "propertyNames": { "minLength": 1 },
                "additionalProperties": test(ValuePlace::of(holds)),
            })
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
    json!({
        "type": "object",
        "minProperties": 1,
        "properties": properties,
        "patternProperties": patterns,
        "additionalProperties": if groups { test(ValuePlace::of(Type::Untyped)) } else { json!(false) },
    })
}
