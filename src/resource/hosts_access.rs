//! `etc_hosts_allow` and `etc_hosts_deny`: whom tcpd(8) lets in.

use crate::parse::hosts_access::rules;
use crate::resource::lines::Lines;
use crate::resource::{
    Argument, Arguments, Asked, Columns, Context, Label, NoAnswer, Property, Resource, Shape, Table, Takes, Type,
};
use crate::value::Value;

const PATH: &[Argument] =
    &[Argument { name: "path", takes: Takes::Path, summary: "Another file of the same format.", required: false }];

pub(super) const ETC_HOSTS_ALLOW: Resource = Resource {
    name: "etc_hosts_allow",
    summary: "The rules of /etc/hosts.allow, a row for each daemon.",
    label: Label::Path("/etc/hosts.allow"),
    arguments: PATH,
    one_of: &[],
    shape: Shape::Table {
        columns: Columns::Fixed(COLUMNS),
        read: |context, arguments| read(context, arguments, "/etc/hosts.allow"),
    },
};

pub(super) const ETC_HOSTS_DENY: Resource = Resource {
    name: "etc_hosts_deny",
    summary: "The rules of /etc/hosts.deny, a row for each daemon.",
    label: Label::Path("/etc/hosts.deny"),
    shape: Shape::Table {
        columns: Columns::Fixed(COLUMNS),
        read: |context, arguments| read(context, arguments, "/etc/hosts.deny"),
    },
    ..ETC_HOSTS_ALLOW
};

const COLUMNS: &[Property] = &[
    Property::new("daemon", Type::Text, "A daemon, ALL or EXCEPT.").plural("daemons"),
    Property::new("client_list", Type::Texts, "The clients, EXCEPT among them."),
    Property::new("options", Type::Texts, "What follows behind further colons."),
];

fn read(context: &Context, arguments: &Arguments, default: &'static str) -> Asked<Table> {
    let path = arguments.text("path").unwrap_or(default.as_bytes());
    let content = context.read(path)?;
    let mut table = Lines::new(COLUMNS);
    for rule in rules(&content).map_err(|error| NoAnswer::parse(path, &error))? {
        for daemon in &rule.daemons {
            let cells = vec![Value::text(daemon), Value::texts(&rule.clients), Value::texts(&rule.options)];
            table.row(path, rule.line, cells)?;
        }
    }
    Ok(table.table())
}
