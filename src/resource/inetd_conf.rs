//! `inetd_conf`: the services that inetd offers.

use crate::parse::inetd::entries;
use crate::resource::lines::Lines;
use crate::resource::{
    Argument, Arguments, Asked, Columns, Context, Label, NoAnswer, Property, Resource, Shape, Table, Takes, Type,
};
use crate::rootfs::Glob;
use crate::value::Value;

pub(super) const INETD_CONF: Resource = Resource {
    name: "inetd_conf",
    summary: "The services of /etc/inetd.conf and of the files in /etc/inetd.d, which GNU's inetd reads too.",
    label: Label::Alone("inetd.conf"),
    arguments: &[Argument { name: "path", takes: Takes::Path, summary: "This file alone.", required: false }],
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(COLUMNS), read },
};

const COLUMNS: &[Property] = &[
    Property::new("service", Type::Text, "As it is written: a name, a number, a path, NAME/VERSION of RPC.")
        .plural("services"),
    Property::new("address", Type::Text, "Where it listens; * is everywhere.").plural("addresses"),
    Property::new("socket_type", Type::Text, "stream, dgram, raw, rdm or seqpacket.").plural("socket_types"),
    Property::new("protocol", Type::Text, "tcp, udp, tcp6, rpc/udp, unix and the like.").plural("protocols"),
    Property::new("wait", Type::Text, "wait or nowait."),
    Property::new("max", Type::Untyped, "The number behind wait or nowait: how often a minute; nil without it."),
    Property::new("user", Type::Text, "As whom the server runs.").plural("users"),
    Property::new("group", Type::Text, "As which group; nil where nothing is said.").plural("groups"),
    Property::new("server", Type::Text, "The program, or internal.").plural("servers"),
    Property::new("args", Type::Texts, "Its arguments, the name of the program first."),
    Property::new("path", Type::Text, "The file in which it stands.").plural("paths"),
];

const DEFAULT: &[u8] = b"/etc/inetd.conf";

fn read(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let mut table = Lines::new(COLUMNS);
    if let Some(path) = arguments.text("path") {
        add(path, &context.read_behind_link(path)?, &mut table)?;
        return Ok(table.table());
    }
    let mut missing = None;
    match context.read_behind_link(DEFAULT) {
        Ok(content) => add(DEFAULT, &content, &mut table)?,
        Err(error @ NoAnswer::Missing(_)) => missing = Some(error),
        Err(error) => return Err(error),
    }
    // Every file counts, hidden ones too.
    let files: Result<Vec<Glob>, _> = ["/etc/inetd.d/*", "/etc/inetd.d/.*"].into_iter().map(Glob::new).collect();
    for (path, _) in context.expand_all(&files.map_err(|error| NoAnswer::Error(error.to_string()))?)?.0 {
        if !context.is_folder(&path) {
            add(&path, &context.read_behind_link(&path)?, &mut table)?;
            missing = None;
        }
    }
    missing.map_or_else(|| Ok(table.table()), Err)
}

fn add(path: &[u8], content: &[u8], table: &mut Lines) -> Asked<()> {
    for (line, entry) in entries(content).map_err(|error| NoAnswer::parse(path, &error))? {
        let entry = match entry {
            Ok(entry) => entry,
            Err(why) => {
                table.odd(path, line, why);
                continue;
            }
        };
        let text = |text: Option<Vec<u8>>| text.map_or(Value::Nil, Value::text);
        let cells = vec![
            Value::text(entry.service),
            Value::text(entry.address),
            Value::text(entry.socket_type),
            Value::text(entry.protocol),
            Value::text(entry.wait),
            text(entry.max),
            Value::text(entry.user),
            text(entry.group),
            Value::text(entry.server),
            Value::texts(entry.arguments),
            Value::text(path),
        ];
        table.row(path, line, cells)?;
    }
    Ok(())
}
