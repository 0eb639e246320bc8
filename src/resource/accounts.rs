//! `passwd`, `shadow`, `groups` and `users`: the account databases as tables.

use std::collections::HashMap;

use crate::parse::ParseError;
use crate::parse::accounts::{Record, groups, members, records};
use crate::resource::{
    Argument, Arguments, Asked, Cell, Columns, Context, Label, NoAnswer, Object, Property, Resource, Row, Shape, Table,
    Takes, Type,
};
use crate::rootfs::Glob;
use crate::value::{Value, lossless};

const PATH: &[Argument] =
    &[Argument { name: "path", takes: Takes::Path, summary: "Another file of the same format.", required: false }];

pub(super) const PASSWD: Resource = Resource {
    name: "passwd",
    summary: "The lines of /etc/passwd.",
    label: Label::Path("/etc/passwd"),
    arguments: PATH,
    one_of: &[],
    shape: Shape::Table {
        columns: Columns::Fixed(PASSWD_COLUMNS),
        read: |context, arguments| read(context, arguments, "/etc/passwd", PASSWD_COLUMNS, records),
    },
};

pub(super) const SHADOW: Resource = Resource {
    name: "shadow",
    summary: "The lines of /etc/shadow.",
    label: Label::Path("/etc/shadow"),
    arguments: PATH,
    one_of: &[],
    shape: Shape::Table {
        columns: Columns::Fixed(SHADOW_COLUMNS),
        read: |context, arguments| {
            if arguments.text("path").is_none() {
                refuse_tcb(context)?;
            }
            read(context, arguments, "/etc/shadow", SHADOW_COLUMNS, records)
        },
    },
};

pub(super) const GROUPS: Resource = Resource {
    name: "groups",
    summary: "The lines of /etc/group.",
    label: Label::Path("/etc/group"),
    arguments: PATH,
    one_of: &[],
    shape: Shape::Table {
        columns: Columns::Fixed(GROUP_COLUMNS),
        read: |context, arguments| read(context, arguments, "/etc/group", GROUP_COLUMNS, groups),
    },
};

pub(super) const USERS: Resource = Resource {
    name: "users",
    summary: "Users: /etc/passwd joined with /etc/group and /etc/shadow.",
    label: Label::Alone("Users"),
    arguments: &[],
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(USER_COLUMNS), read: |context, _| read_users(context) },
};

const NAME: &[Argument] = &[Argument { name: "name", takes: Takes::Text, summary: "Its name.", required: true }];

pub(super) const USER: Resource = Resource {
    name: "user",
    summary: "A user by /etc/passwd, /etc/group and /etc/shadow.",
    label: Label::WithArgument("User"),
    arguments: NAME,
    one_of: &[],
    shape: Shape::Object { properties: USER_PROPERTIES, open: open_user },
};

pub(super) const GROUP: Resource = Resource {
    name: "group",
    summary: "A group by /etc/group.",
    label: Label::WithArgument("Group"),
    arguments: NAME,
    one_of: &[],
    shape: Shape::Object { properties: GROUP_PROPERTIES, open: open_group },
};

const USER_PROPERTIES: &[Property] = &[
    Property::new("exist", Type::Bool, "There is such a user.").existence(),
    Property::new("uid", Type::Int, "Number of the user."),
    Property::new("gid", Type::Int, "Number of the primary group."),
    Property::new("group", Type::Text, "Name of the primary group; nil without one."),
    Property::new("groups", Type::Texts, "Names of all groups, the primary one first."),
    Property::new("desc", Type::Text, "Comment."),
    Property::new("home", Type::Text, "Home folder."),
    Property::new("shell", Type::Text, "Login shell."),
    Property::new(
        "encrypted_password",
        Type::Text,
        "The password field of /etc/shadow, or of /etc/passwd where it is neither x nor *.",
    )
    .secret(),
    Property::new("passwordage", Type::Int, "Whole days since the password was changed."),
    Property::new("mindays", Type::Int, "Days before the next change is allowed."),
    Property::new("maxdays", Type::Int, "Days after which a change is required."),
    Property::new("warndays", Type::Int, "Days of warning before that."),
];

/// The columns of `users` that its properties are, `exist` aside.
const USER_CELLS: [&str; 12] = [
    "uid",
    "gid",
    "group",
    "groups",
    "desc",
    "home",
    "shell",
    "password",
    "last_change",
    "min_days",
    "max_days",
    "warn_days",
];

const GROUP_PROPERTIES: &[Property] = &[
    Property::new("exist", Type::Bool, "There is such a group.").existence(),
    Property::new("gid", Type::Int, "Number of the group."),
    Property::new("members", Type::Texts, "Users that have it as a further group."),
];

const PASSWD_COLUMNS: &[Property] = &[
    Property::new("user", Type::Text, "Login name.").plural("users"),
    Property::new("password", Type::Text, "x when the password is in /etc/shadow.").plural("passwords").secret(),
    Property::new("uid", Type::Int, "Number of the user.").plural("uids"),
    Property::new("gid", Type::Int, "Number of the primary group.").plural("gids"),
    Property::new("desc", Type::Text, "Comment.").plural("descs"),
    Property::new("home", Type::Text, "Home folder.").plural("homes"),
    Property::new("shell", Type::Text, "Login shell.").plural("shells"),
];

const SHADOW_COLUMNS: &[Property] = &[
    Property::new("user", Type::Text, "Login name.").plural("users"),
    Property::new("password", Type::Text, "Hash; ! and * for no password login; empty for none needed.")
        .plural("passwords")
        .secret(),
    Property::new("last_change", Type::Int, "Day of the last change, counted from 1970-01-01.").plural("last_changes"),
    Property::new("min_days", Type::Int, "Days before the next change is allowed."),
    Property::new("max_days", Type::Int, "Days after which a change is required."),
    Property::new("warn_days", Type::Int, "Days of warning before that."),
    Property::new("inactive_days", Type::Int, "Days after that during which the password still works."),
    Property::new("expiry_date", Type::Int, "Day on which the account ends, counted from 1970-01-01.")
        .plural("expiry_dates"),
    Property::new("reserved", Type::Text, "Reserved."),
];

const GROUP_COLUMNS: &[Property] = &[
    Property::new("name", Type::Text, "Group name.").plural("names"),
    Property::new("password", Type::Text, "x when the password is in /etc/gshadow.").plural("passwords").secret(),
    Property::new("gid", Type::Int, "Number of the group.").plural("gids"),
    Property::new("members", Type::Texts, "Users that have it as a further group."),
];

const USER_COLUMNS: &[Property] = &[
    Property::new("user", Type::Text, "Login name.").plural("users"),
    Property::new("uid", Type::Int, "Number of the user.").plural("uids"),
    Property::new("gid", Type::Int, "Number of the primary group.").plural("gids"),
    Property::new("group", Type::Text, "Name of the primary group; nil without one."),
    Property::new("groups", Type::Texts, "Names of all groups, the primary one first."),
    Property::new("all_gids", Type::Ints, "Numbers of all groups, the primary one first."),
    Property::new("desc", Type::Text, "Comment.").plural("descs"),
    Property::new("home", Type::Text, "Home folder.").plural("homes"),
    Property::new("shell", Type::Text, "Login shell.").plural("shells"),
    Property::new(
        "password",
        Type::Text,
        "The password field of /etc/shadow, or of /etc/passwd where it is neither x nor *.",
    )
    .plural("passwords")
    .secret(),
    Property::new("last_change", Type::Int, "Day of the last change, counted from 1970-01-01.").plural("last_changes"),
    Property::new("min_days", Type::Int, "Days before the next change is allowed."),
    Property::new("max_days", Type::Int, "Days after which a change is required."),
    Property::new("warn_days", Type::Int, "Days of warning before that."),
    Property::new("inactive_days", Type::Int, "Days after that during which the password still works."),
    Property::new("expiry_date", Type::Int, "Day on which the account ends, counted from 1970-01-01.")
        .plural("expiry_dates"),
];

/// How many of the last columns of `users` come from /etc/shadow.
const FROM_SHADOW: usize = 7;

fn read(
    context: &Context,
    arguments: &Arguments,
    default: &'static str,
    columns: &'static [Property],
    parse: fn(&[u8]) -> Result<Vec<Record<'_>>, ParseError>,
) -> Asked<Table> {
    let path = arguments.text("path").unwrap_or(default.as_bytes());
    let content = context.read(path)?;
    let mut table = Table::new(columns);
    for record in parse(&content).map_err(|error| NoAnswer::parse(path, &error))? {
        let cells = columns.iter().enumerate().map(|(index, column)| cell(&record, index, column, path));
        table.rows.push(Row { cells: cells.collect(), place: place(path, &record) });
    }
    Ok(table)
}

/// File, line and name of a record.
fn place(path: &[u8], record: &Record<'_>) -> String {
    format!("{}:{} ({})", lossless(path), record.line, lossless(record.field(0).unwrap_or_default()))
}

/// The field at a place, as the column's type; a line that is too short has nil there.
fn cell(record: &Record<'_>, index: usize, column: &Property, path: &[u8]) -> Cell {
    match column.holds {
        Type::Int => match if matches!(column.name, "uid" | "gid") { record.id(index) } else { record.days(index) } {
            Ok(number) => Ok(number.map_or(Value::Nil, |number| Value::Int(i128::from(number)))),
            Err(error) => Err(NoAnswer::parse(path, &error)),
        },
        Type::Texts => Ok(Value::texts(members(record.field(index).unwrap_or_default()))),
        _ => Ok(record.field(index).map_or(Value::Nil, Value::text)),
    }
}

fn read_users(context: &Context) -> Asked<Table> {
    let path = b"/etc/passwd";
    let passwd = context.read(path)?;
    let groups = optional(context, b"/etc/group");
    let shadow = refuse_tcb(context).and_then(|()| optional(context, b"/etc/shadow"));
    let groups = groups.as_ref().map_err(Clone::clone).and_then(|content| Groups::new(content));
    let hashes = shadow.as_ref().map_err(Clone::clone).and_then(|content| by_user(content));
    let mut table = Table::new(USER_COLUMNS);
    for record in records(&passwd).map_err(|error| NoAnswer::parse(path, &error))? {
        let text = |index| record.field(index).map_or(Value::Nil, Value::text);
        let number = |index| match record.id(index) {
            Ok(number) => Ok(number.map_or(Value::Nil, |number| Value::Int(i128::from(number)))),
            Err(error) => Err(NoAnswer::parse(path, &error)),
        };
        let user = record.field(0).unwrap_or_default();
        let gid = record.id(3).ok().flatten();
        let of_groups = |answer: &dyn Fn(&Groups<'_>) -> Value| groups.as_ref().map(answer).map_err(Clone::clone);
        let mut cells = vec![
            Ok(text(0)),
            number(2),
            number(3),
            of_groups(&|groups| groups.name(gid)),
            of_groups(&|groups| Value::List(groups.of(user, gid).map(|(name, _)| Value::text(name)).collect())),
            of_groups(&|groups| Value::List(groups.gids(user, gid))),
            Ok(text(4)),
            Ok(text(5)),
            Ok(text(6)),
        ];
        let columns = SHADOW_COLUMNS.iter().enumerate().skip(1).take(FROM_SHADOW);
        // Only with these is the password in the other file.
        let own = record.field(1).filter(|field| !matches!(*field, b"x" | b"*"));
        match &hashes {
            Ok(hashes) => cells.extend(columns.map(|(index, column)| match own {
                Some(own) if column.name == "password" => Ok(Value::text(own)),
                _ => hashes.get(user).map_or(Ok(Value::Nil), |record| cell(record, index, column, b"/etc/shadow")),
            })),
            Err(error) => cells.extend(columns.map(|_| Err(error.clone()))),
        }
        table.rows.push(Row { cells, place: place(path, &record) });
    }
    Ok(table)
}

fn open_user(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let today = i128::from(context.now.div_euclid(86_400));
    one(read_users(context)?, "user", arguments, USER_PROPERTIES, &USER_CELLS, &|property, cell| match cell {
        Value::Int(day) if property == "passwordage" => Value::Int(today - day),
        cell => cell,
    })
}

fn open_group(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let table = read(context, &Arguments::default(), "/etc/group", GROUP_COLUMNS, groups)?;
    one(table, "name", arguments, GROUP_PROPERTIES, &["gid", "members"], &|_, cell| cell)
}

/// The first row of a name as an object: `exist`, and cells as its further properties.
fn one(
    table: Table,
    key: &str,
    arguments: &Arguments,
    properties: &'static [Property],
    cells: &[&str],
    change: &dyn Fn(&str, Value) -> Value,
) -> Asked<Object> {
    let name = arguments.text("name").unwrap_or_default();
    let place = table.column(key);
    let named = |row: &Row, is: &dyn Fn(&[u8]) -> bool| match place.and_then(|place| row.cells.get(place)) {
        Some(Ok(Value::Text(text))) => is(text),
        _ => false,
    };
    let found = table.rows.iter().find(|row| named(row, &|text| *text == *name));
    if found.is_none() && table.rows.iter().any(|row| named(row, &|text| text.starts_with(b"+"))) {
        let message = format!("there is no {}, but a line with + takes further ones from NIS", lossless(name));
        return Err(NoAnswer::Error(message));
    }
    let row = found.ok_or_else(|| NoAnswer::Missing(format!("there is no {}", lossless(name))))?;
    let answers = properties.iter().skip(1).zip(cells).map(|(property, column)| {
        let cell = table.column(column).and_then(|place| row.cells.get(place)).cloned().unwrap_or(Ok(Value::Nil));
        (property.name, cell.map(|cell| change(property.name, cell)))
    });
    let exist = std::iter::once(("exist", Ok(Value::Bool(true))));
    Ok(Object::Answers(exist.chain(answers).collect()))
}

/// The names of the groups of a user, the primary one first; none for a user that the target does not know.
pub(super) fn group_names(context: &Context, user: &[u8]) -> Asked<Vec<Vec<u8>>> {
    let (passwd, groups) = (optional(context, b"/etc/passwd")?, optional(context, b"/etc/group")?);
    let parse = |error| NoAnswer::parse(b"/etc/passwd", &error);
    let accounts = records(&passwd).map_err(parse)?;
    let Some(account) = accounts.iter().find(|record| record.field(0) == Some(user)) else { return Ok(Vec::new()) };
    let gid = account.id(3).map_err(parse)?;
    Ok(Groups::new(&groups)?.of(user, gid).map(|(name, _)| name.to_vec()).collect())
}

/// Some libraries take what stands below /etc/tcb before /etc/shadow, or instead of it.
///
/// Errors: there is such a file.
fn refuse_tcb(context: &Context) -> Asked<()> {
    let glob = Glob::new("/etc/tcb/*/shadow").map_err(|error| NoAnswer::Error(error.to_string()))?;
    match context.expand_all(std::slice::from_ref(&glob))?.0.first() {
        Some((path, _)) => Err(NoAnswer::parse(path, &"tcb is not understood")),
        None => Ok(()),
    }
}

/// The content of a database that a system may lack: without it, it has no entries.
fn optional(context: &Context, path: &[u8]) -> Asked<crate::value::Text> {
    match context.read(path) {
        Err(NoAnswer::Missing(_)) => Ok(crate::value::Text::from(&b""[..])),
        found => found,
    }
}

fn by_user(shadow: &[u8]) -> Asked<HashMap<&[u8], Record<'_>>> {
    let records = records(shadow).map_err(|error| NoAnswer::parse(b"/etc/shadow", &error))?;
    let mut by_user = HashMap::new();
    for record in records {
        if let Some(user) = record.field(0) {
            by_user.entry(user).or_insert(record);
        }
    }
    Ok(by_user)
}

/// The group database, by number and by member.
struct Groups<'a> {
    names: HashMap<i64, &'a [u8]>,
    by_member: HashMap<&'a [u8], Vec<(&'a [u8], i64)>>,
}

impl<'a> Groups<'a> {
    fn new(content: &'a [u8]) -> Asked<Groups<'a>> {
        let parse = |error| NoAnswer::parse(b"/etc/group", &error);
        let mut all = Groups { names: HashMap::new(), by_member: HashMap::new() };
        for record in groups(content).map_err(parse)? {
            let (Some(name), Some(gid)) = (record.field(0), record.id(2).map_err(parse)?) else { continue };
            all.names.entry(gid).or_insert(name);
            for member in members(record.field(3).unwrap_or_default()) {
                all.by_member.entry(member).or_default().push((name, gid));
            }
        }
        Ok(all)
    }

    fn name(&self, gid: Option<i64>) -> Value {
        gid.and_then(|gid| self.names.get(&gid)).map_or(Value::Nil, Value::text)
    }

    /// All groups of a user that have a name, the primary one first.
    fn of(&self, user: &[u8], gid: Option<i64>) -> impl Iterator<Item = (&'a [u8], i64)> {
        let primary = gid.and_then(|gid| self.names.get(&gid).map(|name| (*name, gid)));
        let further = self.by_member.get(user).into_iter().flatten().copied();
        primary.into_iter().chain(further.filter(move |(_, further)| Some(*further) != gid))
    }

    /// The numbers of all groups of a user; the primary one counts even without a name.
    fn gids(&self, user: &[u8], gid: Option<i64>) -> Vec<Value> {
        let further = self.of(user, gid).map(|(_, gid)| gid).filter(|further| Some(*further) != gid);
        gid.into_iter().chain(further).map(|gid| Value::Int(i128::from(gid))).collect()
    }
}
