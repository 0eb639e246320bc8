//! `kernel_parameter`: a parameter of the kernel as the target sees it (sysctl(8)).
//!
//! The kernel answers for the reader's namespaces, so a parameter that belongs to a namespace is known only to a scanner
//! that shares it with the target. All others are the host's.

use crate::process::{namespace, with_dots};
use crate::resource::{
    Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Takes, Type,
};
use crate::rootfs::LookError;
use crate::value::{Value, lossless};

pub(super) const KERNEL_PARAMETER: Resource = Resource {
    name: "kernel_parameter",
    summary: "A parameter of the kernel, as a live container sees it.",
    label: Label::WithArgument("Kernel Parameter"),
    arguments: &[Argument {
        name: "name",
        takes: Takes::Text,
        summary: "As sysctl(8) takes it: net.ipv4.ip_forward.",
        required: true,
    }],
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open },
};

const PROPERTIES: &[Property] = &[
    Property::new("exist", Type::Bool, "The kernel has it.").existence(),
    Property::new("value", Type::Untyped, "Its value."),
    Property::new("host_wide", Type::Bool, "It is the host's, and not one of a namespace."),
];

fn open(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let facts = context.processes()?;
    let name = lossless(arguments.text("name").unwrap_or_default());
    let error = |error: &LookError| match error {
        LookError::Absent => NoAnswer::Missing(format!("the kernel has no parameter {name}")),
        error => NoAnswer::Error(format!("{name}: {error}")),
    };
    let namespace = namespace(&with_dots(&name));
    if let Some(kind) = namespace {
        let shared = facts.shared.as_ref();
        let shared = shared.map_err(|error| NoAnswer::Error(format!("{name}: namespaces of the target: {error}")))?;
        if !shared.contains(&kind) {
            return Err(NoAnswer::Unanswerable(format!(
                "{name} belongs to the {kind} namespace, and the scanner is not in the target's"
            )));
        }
    }
    let parameters = facts.parameters.as_ref().map_err(error)?;
    let value = parameters.read(&name).map_err(|found| error(&found))?;
    Ok(Object::Facts(vec![
        ("exist", Value::Bool(true)),
        ("value", Value::text(value.trim_ascii_end())),
        ("host_wide", Value::Bool(namespace.is_none())),
    ]))
}
