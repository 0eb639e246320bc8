//! `os_env`: a variable of the environment that the target process was started with.
//!
//! It is the process's own memory: a process that has reason to can overwrite it.

use crate::resource::{
    Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Takes, Type,
};
use crate::value::{Value, lossless};

pub(super) const OS_ENV: Resource = Resource {
    name: "os_env",
    summary: "A variable of the environment that the process of a live container was started with.",
    label: Label::WithArgument("Environment variable"),
    arguments: &[Argument { name: "name", takes: Takes::Text, summary: "Name of the variable.", required: true }],
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open },
};

const PROPERTIES: &[Property] = &[
    Property::new("exist", Type::Bool, "It is set.").existence(),
    Property::new("content", Type::Text, "Its value; the first one counts, as for getenv(3).").secret(),
];

fn open(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let facts = context.processes()?;
    let name = arguments.text("name").unwrap_or_default();
    let environment = facts.environment.as_ref();
    let environment =
        environment.map_err(|error| NoAnswer::Error(format!("environment of process {}: {error}", facts.target)))?;
    let value = environment.split(|byte| *byte == 0).find_map(|entry| {
        let (known, value) = entry.split_at(entry.iter().position(|byte| *byte == b'=')?);
        (known == name).then(|| value.get(1..).unwrap_or_default())
    });
    let missing = || NoAnswer::Missing(format!("environment variable {} is not set", lossless(name)));
    let value = value.ok_or_else(missing)?;
    Ok(Object::Facts(vec![("exist", Value::Bool(true)), ("content", Value::text(value))]))
}
