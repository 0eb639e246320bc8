//! `sys_info`: how the system is called.

use crate::parse::continued::{single, unless_hash};
use crate::resource::{Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Type};
use crate::value::Value;

pub(super) const SYS_INFO: Resource = Resource {
    name: "sys_info",
    summary: "How the system is called: by /etc/hostname, and by the kernel where the scanner is in the container's UTS \
              namespace. What it runs on is the host's, and is not asked.",
    label: Label::Alone("System Information"),
    arguments: &[],
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open },
};

const PROPERTIES: &[Property] = &[
    Property::new(
        "static_hostname",
        Type::Text,
        "What /etc/hostname says, from which a name is set at a start; nil without one.",
    ),
    Property::new("hostname", Type::Text, "The name that the kernel has; skipped from another UTS namespace."),
    Property::new("short", Type::Text, "The same up to its first dot."),
    Property::new("domain", Type::Text, "A matter of the resolver and of its servers: skipped."),
    Property::new("fqdn", Type::Text, "A matter of the resolver and of its servers: skipped."),
    Property::new("ip_address", Type::Text, "Not told by /proc: skipped."),
    Property::new("manufacturer", Type::Text, "The host's: skipped."),
    Property::new("model", Type::Text, "The host's: skipped."),
];

fn open(context: &Context, _: &Arguments) -> Asked<Object> {
    let hostname = hostname(context);
    let until_dot = |name: &Vec<u8>| Value::text(name.split(|byte| *byte == b'.').next().unwrap_or_default());
    let skipped = |why: &str| Err(NoAnswer::Unanswerable(why.to_owned()));
    let resolver = "the resolver and its servers would have to be asked";
    Ok(Object::Answers(vec![
        ("static_hostname", static_hostname(context)),
        ("short", hostname.as_ref().map(until_dot).map_err(Clone::clone)),
        ("hostname", hostname.map(Value::text)),
        ("domain", skipped(resolver)),
        ("fqdn", skipped(resolver)),
        ("ip_address", skipped("/proc does not tell the addresses of interfaces")),
        ("manufacturer", skipped("the hardware is the host's")),
        ("model", skipped("the hardware is the host's")),
    ]))
}

/// hostname(5): the only line that is no comment.
fn static_hostname(context: &Context) -> Asked<Value> {
    let path = b"/etc/hostname";
    let content = match context.read_behind_link(path) {
        Err(NoAnswer::Missing(_)) => return Ok(Value::Nil),
        read => read?,
    };
    match single(&content, unless_hash).map_err(|error| NoAnswer::parse(path, &error))?.as_slice() {
        [(_, name)] => Ok(Value::text(name)),
        [] => Ok(Value::Nil),
        [_, (line, _), ..] => Err(NoAnswer::parse(path, &format_args!("line {line}: one name is expected"))),
    }
}

/// The kernel answers for the reader's own namespace.
fn hostname(context: &Context) -> Asked<Vec<u8>> {
    let facts = context.processes()?;
    let shared = facts.shared.as_ref();
    if !shared.map_err(|error| NoAnswer::Error(format!("namespaces of the target: {error}")))?.contains(&"uts") {
        return Err(NoAnswer::Unanswerable("the scanner is not in the target's uts namespace".to_owned()));
    }
    let parameters = facts.parameters.as_ref();
    let value = parameters.map_err(Clone::clone).and_then(|parameters| parameters.read("kernel.hostname"));
    let value = value.map_err(|error| NoAnswer::Error(format!("kernel.hostname: {error}")))?;
    Ok(value.trim_ascii_end().to_vec())
}
