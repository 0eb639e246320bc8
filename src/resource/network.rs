//! `interface`, `interfaces` and `routing_table`: the network namespace of a live container.
//!
//! They are what /proc tells. Whether an interface is up, how fast it is and which IPv4 addresses it has, the kernel
//! tells elsewhere (netlink, and the sysfs of whoever mounted it) and to those alone that are in the namespace.

use std::net::IpAddr;

use crate::parse::network::Interface;
use crate::process::Facts;
use crate::resource::{
    Argument, Arguments, Asked, Columns, Context, Label, NoAnswer, Object, Property, Resource, Row, Shape, Table,
    Takes, Type,
};
use crate::rootfs::Look;
use crate::value::{Value, lossless};

pub(super) const INTERFACE: Resource = Resource {
    name: "interface",
    summary: "An interface in the network namespace of a live container, as far as /proc tells of it.",
    label: Label::WithArgument("Interface"),
    arguments: &[Argument { name: "name", takes: Takes::Text, summary: "eth0, lo.", required: true }],
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open },
};

pub(super) const INTERFACES: Resource = Resource {
    name: "interfaces",
    summary: "The interfaces in the network namespace of a live container; containers of one pod share it.",
    label: Label::Alone("Interfaces"),
    arguments: &[],
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(INTERFACES_COLUMNS), read: read_interfaces },
};

pub(super) const ROUTING_TABLE: Resource = Resource {
    name: "routing_table",
    summary: "The routes in the network namespace of a live container: IPv4's main table, of several next hops the \
              first; all tables of IPv6.",
    label: Label::Alone("routing_table"),
    arguments: &[],
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(ROUTES_COLUMNS), read: read_routes },
};

const NAME: Property = Property::new("name", Type::Text, "Its name.").plural("names");
const IPV6_ADDRESSES: Property = Property::new("ipv6_addresses", Type::Texts, "Its IPv6 addresses.");
const IPV6_CIDRS: Property =
    Property::new("ipv6_cidrs", Type::Texts, "The same with the lengths of their prefixes: fe80::1/64.");

const INTERFACES_COLUMNS: &[Property] = &[NAME, IPV6_ADDRESSES, IPV6_CIDRS];

const PROPERTIES: &[Property] = &[
    Property::new("exist", Type::Bool, "There is such an interface.").existence(),
    Property::new("name", Type::Text, "Its name."),
    IPV6_ADDRESSES,
    IPV6_CIDRS,
    Property::new("ipv4_addresses", Type::Texts, "Not told by /proc: skipped."),
    Property::new("ipv4_cidrs", Type::Texts, "Not told by /proc: skipped."),
    Property::new("ipv4_addresses_netmask", Type::Texts, "Not told by /proc: skipped."),
    Property::new("up", Type::Bool, "Not told by /proc: skipped."),
    Property::new("speed", Type::Int, "Not told by /proc: skipped."),
];

const ROUTES_COLUMNS: &[Property] = &[
    Property::new("destination", Type::Text, "The network: 10.88.0.0, fe80::; 0.0.0.0 and :: of the default route.")
        .plural("destinations"),
    Property::new("prefix_length", Type::Int, "How many bits of it count; 0 of the default route."),
    Property::new("genmask", Type::Text, "The same as an address, for IPv4; nil for IPv6."),
    Property::new("gateway", Type::Text, "By whom; 0.0.0.0 and :: where it is reached directly.").plural("gateways"),
    Property::new("interface", Type::Text, "By which interface; * by none, so that nothing gets there.")
        .plural("interfaces"),
    Property::new("flags", Type::Text, "In the letters of route(8): U, UG, !."),
    Property::new("metric", Type::Int, "The lower one is preferred."),
];

fn known<'a, T>(facts: &Facts, found: &'a Look<Vec<T>>, what: &str) -> Asked<&'a [T]> {
    let error = |error| NoAnswer::Error(format!("{what} of process {}: {error}", facts.target));
    found.as_ref().map(Vec::as_slice).map_err(error)
}

/// The addresses of an interface, without and with the lengths of their prefixes.
fn addresses(interface: &Interface) -> [Value; 2] {
    let plain = Value::texts(interface.ipv6.iter().map(|(address, _)| address.to_string()));
    [plain, Value::texts(interface.ipv6.iter().map(|(address, length)| format!("{address}/{length}")))]
}

fn open(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let facts = context.processes()?;
    let name = arguments.text("name").unwrap_or_default();
    let mut interfaces = known(facts, &facts.interfaces, "interfaces")?.iter();
    let missing = || NoAnswer::Missing(format!("there is no interface {}", lossless(name)));
    let interface = interfaces.find(|interface| interface.name == name).ok_or_else(missing)?;
    let [ipv6_addresses, ipv6_cidrs] = addresses(interface);
    let answers = PROPERTIES.iter().map(|property| {
        let answer = match property.name {
            "exist" => Ok(Value::Bool(true)),
            "name" => Ok(Value::text(name)),
            "ipv6_addresses" => Ok(ipv6_addresses.clone()),
            "ipv6_cidrs" => Ok(ipv6_cidrs.clone()),
            other => Err(NoAnswer::Unanswerable(format!("/proc does not tell {other} of an interface"))),
        };
        (property.name, answer)
    });
    Ok(Object::Answers(answers.collect()))
}

fn read_interfaces(context: &Context, _: &Arguments) -> Asked<Table> {
    let facts = context.processes()?;
    let mut table = Table::new(INTERFACES_COLUMNS);
    for interface in known(facts, &facts.interfaces, "interfaces")? {
        let [ipv6_addresses, ipv6_cidrs] = addresses(interface);
        let place = format!("interface {}", lossless(&interface.name));
        table
            .rows
            .push(Row { cells: vec![Ok(Value::text(&interface.name)), Ok(ipv6_addresses), Ok(ipv6_cidrs)], place });
    }
    Ok(table)
}

fn read_routes(context: &Context, _: &Arguments) -> Asked<Table> {
    let facts = context.processes()?;
    let mut table = Table::new(ROUTES_COLUMNS);
    for route in known(facts, &facts.routes, "routes")? {
        let mask = |length: u8| u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
        let genmask = match route.destination {
            IpAddr::V4(_) => Value::text(IpAddr::from(mask(route.prefix_length).to_be_bytes()).to_string()),
            IpAddr::V6(_) => Value::Nil,
        };
        let cells = [
            Value::text(route.destination.to_string()),
            Value::Int(route.prefix_length.into()),
            genmask,
            Value::text(route.gateway.to_string()),
            Value::text(&route.interface),
            Value::text(route.letters()),
            Value::Int(route.metric.into()),
        ];
        let place = format!("route to {}/{}", route.destination, route.prefix_length);
        table.rows.push(Row { cells: cells.into_iter().map(Ok).collect(), place });
    }
    Ok(table)
}
