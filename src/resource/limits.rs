//! `limits`: a resource limit of the target process (getrlimit(2)).

use crate::parse::limits::names;
use crate::resource::{
    Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Takes, Type,
};
use crate::value::{Value, lossless};

pub(super) const LIMITS: Resource = Resource {
    name: "limits",
    summary: "A resource limit of the process of a live container.",
    label: Label::WithArgument("Limit"),
    arguments: &[Argument {
        name: "name",
        takes: Takes::Text,
        summary: "As limits.conf(5) names it: nofile, nproc, core, memlock, stack …",
        required: true,
    }],
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open },
};

const PROPERTIES: &[Property] = &[
    Property::new(
        "soft",
        Type::Untyped,
        "What it is held to: a number, or unlimited, which no lt, le, gt or ge takes.",
    ),
    Property::new("hard", Type::Untyped, "How far it may raise that itself."),
];

fn open(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let facts = context.processes()?;
    let name = lossless(arguments.text("name").unwrap_or_default());
    let limits = facts.limits.as_ref();
    let limits = limits.map_err(|error| NoAnswer::Error(format!("limits of process {}: {error}", facts.target)))?;
    let limit = limits.iter().find(|limit| limit.name == name).ok_or_else(|| {
        let known: Vec<&str> = names().collect();
        NoAnswer::Error(format!("the kernel has no limit {name} of a process, but {}", known.join(", ")))
    })?;
    let value =
        |limit: Option<u64>| limit.map_or_else(|| Value::text("unlimited"), |limit| Value::text(limit.to_string()));
    Ok(Object::Facts(vec![("soft", value(limit.soft)), ("hard", value(limit.hard))]))
}
