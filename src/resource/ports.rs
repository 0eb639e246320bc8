//! `port` and `ports`: what listens in the target's network namespace, and which process of the container it is.
//!
//! Containers of one pod share a network namespace: a listener that no process of this container holds is another's.

use crate::order;
use crate::parse::sockets::Listener;
use crate::process::{Facts, ProcessFacts};
use crate::resource::processes::place;
use crate::resource::{
    Argument, Arguments, Asked, Cell, Columns, Context, Label, NoAnswer, Object, Property, Resource, Row, Shape, Table,
    Takes, Type,
};
use crate::value::{Value, lossless};

pub(super) const PORT: Resource = Resource {
    name: "port",
    summary: "Whether a port is listened on in the network namespace of a live container, and by whom.",
    label: Label::WithArgument("Port"),
    arguments: &[
        Argument { name: "number", takes: Takes::Count, summary: "Number of the port.", required: true },
        Argument {
            name: "protocol",
            takes: Takes::Text,
            summary: "tcp, tcp6, udp or udp6; without it all of them.",
            required: false,
        },
    ],
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open },
};

pub(super) const PORTS: Resource = Resource {
    name: "ports",
    summary: "What listens in the network namespace of a live container; containers of one pod share it.",
    label: Label::Alone("Ports"),
    arguments: &[],
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(COLUMNS), read },
};

const PROPERTIES: &[Property] = &[
    Property::new("listening", Type::Bool, "Something listens on it.").existence(),
    Property::new("addresses", Type::Texts, "Where it is listened on; 0.0.0.0 and :: are everywhere."),
    Property::new("protocols", Type::Texts, "tcp, tcp6, udp, udp6."),
    Property::new("processes", Type::Texts, "Names of the container's processes that listen on it."),
    Property::new("pids", Type::Ints, "Numbers of these processes."),
];

const COLUMNS: &[Property] = &[
    Property::new("port", Type::Int, "Number of the port.").plural("ports"),
    Property::new("protocol", Type::Text, "tcp, tcp6, udp, udp6.").plural("protocols"),
    Property::new("address", Type::Text, "Where it is listened on; 0.0.0.0 and :: are everywhere.").plural("addresses"),
    Property::new("uid", Type::Int, "Number of the user that made the socket.").plural("uids"),
    Property::new("process", Type::Text, "Name of the container's process that holds it; nil when none does.")
        .plural("processes"),
    Property::new("pid", Type::Int, "Number of that process.").plural("pids"),
];

fn open(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let protocol = arguments.text("protocol");
    let number = arguments.count("number").unwrap_or_default();
    let is = |listener: &Listener| {
        usize::from(listener.port) == number && protocol.is_none_or(|protocol| listener.protocol.as_bytes() == protocol)
    };
    let known = crate::parse::sockets::PROTOCOLS;
    if let Some(protocol) = protocol.filter(|protocol| !known.iter().any(|known| known.as_bytes() == *protocol)) {
        let protocol = lossless(protocol);
        return Err(NoAnswer::Error(format!("{protocol} is no protocol of ports: {}", known.join(", "))));
    }
    let open: Vec<Listener> =
        listeners(context.processes()?)?.iter().filter(|listener| is(listener)).cloned().collect();
    if open.is_empty() {
        return Err(NoAnswer::Missing(format!("nothing listens on port {number}")));
    }
    Ok(Object::Port(open))
}

/// The value of a property of the registry.
pub(super) fn property(context: &Context, listeners: &[Listener], name: &str) -> Asked<Value> {
    let texts = |text: fn(&Listener) -> String| {
        let mut texts: Vec<String> = listeners.iter().map(text).collect();
        texts.dedup();
        Ok(Value::texts(texts))
    };
    let holders = || -> Asked<Vec<&ProcessFacts>> {
        let facts = context.processes()?;
        let mut found: Vec<&ProcessFacts> = Vec::new();
        for listener in listeners {
            found.extend(holders(facts, listener)?);
        }
        order::sort(&mut found, &|a, b| a.pid.cmp(&b.pid));
        found.dedup_by_key(|process| process.pid);
        Ok(found)
    };
    match name {
        "listening" => Ok(Value::Bool(true)),
        "addresses" => texts(|listener| listener.address.to_string()),
        "protocols" => texts(|listener| listener.protocol.to_owned()),
        "processes" => Ok(Value::texts(holders()?.iter().map(|process| &process.status.name))),
        "pids" => Ok(Value::List(holders()?.iter().map(|process| Value::Int(process.pid.into())).collect())),
        _ => Err(NoAnswer::Error(format!("port has no property {name}"))),
    }
}

fn read(context: &Context, _: &Arguments) -> Asked<Table> {
    let facts = context.processes()?;
    let mut table = Table::new(COLUMNS);
    for listener in listeners(facts)? {
        let holder = holders(facts, listener).map(|holders| holders.first().copied());
        let of_holder = |value: &dyn Fn(&ProcessFacts) -> Value| -> Cell {
            let holder = holder.as_ref().map_err(Clone::clone)?;
            Ok(holder.map_or(Value::Nil, value))
        };
        table.rows.push(Row {
            cells: vec![
                Ok(Value::Int(listener.port.into())),
                Ok(Value::text(listener.protocol)),
                Ok(Value::text(listener.address.to_string())),
                Ok(Value::Int(listener.uid.into())),
                of_holder(&|process| Value::text(&process.status.name)),
                of_holder(&|process| Value::Int(process.pid.into())),
            ],
            place: format!("{} port {} of {}", listener.protocol, listener.port, listener.address),
        });
    }
    Ok(table)
}

fn listeners(facts: &Facts) -> Asked<&[Listener]> {
    let error = |error| NoAnswer::Error(format!("sockets of process {}: {error}", facts.target));
    facts.listeners.as_ref().map(Vec::as_slice).map_err(error)
}

/// The container's processes that hold a socket, the first one first; none when it is another container's.
///
/// Errors: it is not known of all processes whether they hold it.
fn holders<'a>(facts: &'a Facts, listener: &Listener) -> Asked<Vec<&'a ProcessFacts>> {
    let processes = facts.processes.as_ref().map_err(|error| NoAnswer::Error(format!("processes: {error}")))?;
    let mut found = Vec::new();
    let mut unknown = facts.incomplete.first().cloned();
    for process in processes {
        match &process.sockets {
            Ok(held) if held.contains(&listener.inode) => found.push(process),
            Ok(_) => {}
            Err(error) => unknown = unknown.or_else(|| Some(format!("{}: open descriptors: {error}", place(process)))),
        }
    }
    match unknown {
        Some(reason) => Err(NoAnswer::Error(format!("who listens on port {} is not known: {reason}", listener.port))),
        None => Ok(found),
    }
}
