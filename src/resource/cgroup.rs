//! `cgroup`: what the target's control groups hold it to.

use crate::resource::{Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Type};
use crate::rootfs::Look;
use crate::value::Value;

const NONE: &[Argument] = &[];

pub(super) const CGROUP: Resource = Resource {
    name: "cgroup",
    summary: "What the control groups of a live container hold it to: the tightest limit from the top that the scanner sees \
              down to its own group. A scanner in a control group namespace of its own sees none.",
    label: Label::Alone("Control group"),
    arguments: NONE,
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open },
};

const PROPERTIES: &[Property] = &[
    Property::new(
        "memory_max",
        Type::Untyped,
        "Bytes of memory; max without a limit, which no lt, le, gt or ge takes.",
    ),
    Property::new("pids_max", Type::Untyped, "Processes and threads; max without a limit."),
    Property::new("cpu_max", Type::Untyped, "Processors, such as 0.5; max without a limit."),
];

fn open(context: &Context, _: &Arguments) -> Asked<Object> {
    let unseen = |reason: &String| NoAnswer::Unanswerable(reason.clone());
    context.processes()?.cgroup.as_ref().map_err(unseen)?;
    Ok(Object::Cgroup)
}

/// The value of a property of the registry.
pub(super) fn property(context: &Context, name: &str) -> Asked<Value> {
    let unseen = |reason: &String| NoAnswer::Unanswerable(reason.clone());
    let cgroup = context.processes()?.cgroup.as_ref().map_err(unseen)?;
    let limit = |limit: &Look<Option<u64>>, value: fn(u64) -> Value| match limit {
        Ok(Some(limit)) => Ok(value(*limit)),
        Ok(None) => Ok(Value::text("max")),
        Err(error) => Err(NoAnswer::Error(format!("control group: {name}: {error}"))),
    };
    match name {
        "memory_max" => limit(&cgroup.memory, |bytes| Value::text(bytes.to_string())),
        "pids_max" => limit(&cgroup.pids, |count| Value::text(count.to_string())),
        "cpu_max" => limit(&cgroup.cpu, |share| Value::text(thousandths(share))),
        _ => Err(NoAnswer::Error(format!("cgroup has no property {name}"))),
    }
}

/// A number of thousandths: 1500 is 1.5.
fn thousandths(number: u64) -> String {
    let text = format!("{}.{:03}", number / 1000, number % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
