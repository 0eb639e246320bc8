//! `mysql_conf`, `postgres_conf`, `postgres_hba_conf` and `postgres_ident_conf`.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::parse::mysql::{self, Line};
use crate::parse::postgres::{self, Word};
use crate::parse::{MAX_ROWS, ParseError};
use crate::resource::{
    Argument, Arguments, Asked, Cell, Columns, Context, Keys, Label, NoAnswer, Property, Resource, Row, Shape, Table,
    Takes, Type,
};
use crate::rootfs::{Glob, MAX_FILE_BYTES};
use crate::value::{Text, Value, lossless};

const fn path(summary: &'static str) -> Argument {
    Argument { name: "path", takes: Takes::Path, summary, required: false }
}

pub(super) const MYSQL_CONF: Resource = Resource {
    name: "mysql_conf",
    summary: "Options of MySQL's and MariaDB's option files, as `group/option`: includes are followed, the last value \
              counts, `-` and `_` in a name are the same.",
    label: Label::Alone("MySQL Configuration"),
    arguments: &[path("Absolute path inside the target; by default /etc/my.cnf, then /etc/mysql/my.cnf.")],
    one_of: &[],
    shape: Shape::Document { keys: Keys::Text { sections: true, fold_case: false }, read: mysql_conf },
};

pub(super) const POSTGRES_CONF: Resource = Resource {
    name: "postgres_conf",
    summary: "Parameters of postgresql.conf: includes are followed, then postgresql.auto.conf is read; the last value \
              counts. What the command line or the database sets is not there.",
    label: Label::Alone("PostgreSQL Configuration"),
    arguments: &[path(
        "Absolute path inside the target; by default the one in Debian's, Red Hat's or the official image's place.",
    )],
    one_of: &[],
    shape: Shape::Document { keys: Keys::Text { sections: false, fold_case: true }, read: postgres_conf },
};

pub(super) const POSTGRES_HBA_CONF: Resource = Resource {
    name: "postgres_hba_conf",
    summary: "The records of pg_hba.conf, in their order: the first that fits a connection counts.",
    label: Label::Alone("PostgreSQL HBA Configuration"),
    arguments: &[path("Absolute path inside the target; by default what hba_file says, or beside postgresql.conf.")],
    one_of: &[],
    shape: Shape::Table {
        columns: Columns::Fixed(HBA_COLUMNS),
        read: |context, arguments| records(context, arguments, "hba_file", "pg_hba.conf", HBA_COLUMNS, hba_cells),
    },
};

pub(super) const POSTGRES_IDENT_CONF: Resource = Resource {
    name: "postgres_ident_conf",
    summary: "The maps of pg_ident.conf.",
    label: Label::Alone("PostgreSQL Ident Configuration"),
    arguments: &[path("Absolute path inside the target; by default what ident_file says, or beside postgresql.conf.")],
    one_of: &[],
    shape: Shape::Table {
        columns: Columns::Fixed(IDENT_COLUMNS),
        read: |context, arguments| {
            records(context, arguments, "ident_file", "pg_ident.conf", IDENT_COLUMNS, ident_cells)
        },
    },
};

const HBA_COLUMNS: &[Property] = &[
    Property::new("type", Type::Text, "local, host, hostssl, hostnossl, hostgssenc or hostnogssenc.").plural("types"),
    Property::new("database", Type::Texts, "The databases: names, all, sameuser, samerole, replication."),
    Property::new("user", Type::Texts, "The users: names, all, +role."),
    Property::new("address", Type::Text, "The client's address; nil of type local.").plural("addresses"),
    Property::new("auth_method", Type::Text, "trust, reject, scram-sha-256, md5, peer, cert …").plural("auth_methods"),
    Property::new("auth_params", Type::Texts, "Options of the method: map=x, clientcert=verify-full."),
];

const IDENT_COLUMNS: &[Property] = &[
    Property::new("map_name", Type::Text, "Name of the map.").plural("map_names"),
    Property::new("system_username", Type::Text, "Name in the system, or a regular expression after a slash.")
        .plural("system_usernames"),
    Property::new("pg_username", Type::Text, "Name in the database.").plural("pg_usernames"),
];

/// Where postgresql.conf is.
const POSTGRES_FOLDERS: [&str; 6] = [
    "/etc/postgresql/*/*",
    "/var/lib/postgresql/data",
    "/var/lib/postgresql/*/docker",
    "/var/lib/pgsql/data",
    "/var/lib/pgsql/*/data",
    "/opt/bitnami/postgresql/conf",
];

/// The cells of a record's fields, or why it is none.
type Cells = fn(&[Vec<Word>]) -> Result<Vec<Cell>, &'static str>;

/// PostgreSQL's own limit of files that include each other; MySQL's is 10.
const MAX_DEPTH: usize = 10;

/// What was read, with its bounds: files that include each other many times would have no end.
struct Reading<'a> {
    context: &'a Context,
    lines: usize,
    bytes: u64,
}

impl Reading<'_> {
    fn file<T>(&mut self, path: &[u8], depth: usize, parse: fn(&[u8]) -> Result<Vec<T>, ParseError>) -> Asked<Vec<T>> {
        if depth > MAX_DEPTH {
            let why = format!("files include each other more than {MAX_DEPTH} deep");
            return Err(NoAnswer::parse(path, &why));
        }
        let content = self.context.read(path)?;
        let lines = parse(&content).map_err(|error| NoAnswer::parse(path, &error))?;
        self.lines += lines.len() + 1;
        self.bytes += content.len() as u64;
        if self.lines > MAX_ROWS || self.bytes > MAX_FILE_BYTES {
            let why = format!("more than {MAX_ROWS} lines or {MAX_FILE_BYTES} bytes with what is included");
            return Err(NoAnswer::parse(path, &why));
        }
        Ok(lines)
    }

    /// The file that an include names.
    fn named(&self, from: &[u8], name: &[u8]) -> Asked<Vec<Vec<u8>>> {
        self.context.included(folder_of(from), name)
    }

    fn required(&self, from: &[u8], name: &[u8]) -> Asked<Vec<u8>> {
        let missing = || NoAnswer::parse(from, &format_args!("it includes {}, which is not there", lossless(name)));
        self.named(from, name)?.pop().ok_or_else(missing)
    }
}

fn folder_of(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
    path.get(..end).unwrap_or_default()
}

/// Keys in their order, each with its last value.
#[derive(Default)]
struct Group {
    keys: Vec<(Text, Value)>,
    places: HashMap<Text, usize>,
}

impl Group {
    fn set(&mut self, name: &[u8], value: &[u8]) {
        let place = *self.places.entry(Text::from(name)).or_insert(self.keys.len());
        match self.keys.get_mut(place) {
            Some((_, before)) => *before = Value::text(value),
            None => self.keys.push((Text::from(name), Value::text(value))),
        }
    }

    fn get(&self, name: &str) -> Option<&[u8]> {
        let found = self.places.get(name.as_bytes()).and_then(|place| self.keys.get(*place));
        found.and_then(|(_, value)| value.as_bytes()).filter(|value| !value.is_empty())
    }
}

fn mysql_conf(context: &Context, arguments: &Arguments) -> Asked<Value> {
    let mut reading = Reading { context, lines: 0, bytes: 0 };
    let mut groups: Vec<(Vec<u8>, Group)> = Vec::new();
    match arguments.text("path") {
        Some(path) => mysql_file(&mut reading, path, 0, &mut groups)?,
        None => {
            let mut missing = None;
            let mut any = false;
            for path in [&b"/etc/my.cnf"[..], b"/etc/mysql/my.cnf"] {
                match context.read(path) {
                    Err(NoAnswer::Missing(text)) => missing = Some(NoAnswer::Missing(text)),
                    Err(error) => return Err(error),
                    Ok(_) => {
                        any = true;
                        mysql_file(&mut reading, path, 0, &mut groups)?;
                    }
                }
            }
            if let (false, Some(missing)) = (any, missing) {
                return Err(missing);
            }
        }
    }
    let map = groups.into_iter().map(|(name, group)| (Text::from(name), Value::Map(group.keys)));
    Ok(Value::Map(map.collect()))
}

fn mysql_file(reading: &mut Reading<'_>, path: &[u8], depth: usize, groups: &mut Vec<(Vec<u8>, Group)>) -> Asked<()> {
    let mut here = None;
    for (line, said) in reading.file(path, depth, mysql::options)? {
        match said {
            Line::Group(name) => {
                let known = groups.iter().position(|(known, _)| *known == name);
                here = Some(known.unwrap_or(groups.len()));
                if known.is_none() {
                    if groups.len() >= 1_000 {
                        return Err(NoAnswer::parse(path, &format_args!("line {line}: more than 1000 groups")));
                    }
                    groups.push((name, Group::default()));
                }
            }
            Line::Option(name, value) => {
                let Some((_, group)) = here.and_then(|here: usize| groups.get_mut(here)) else {
                    return Err(NoAnswer::parse(path, &format_args!("line {line}: an option outside of all groups")));
                };
                let dashes: Vec<u8> = name.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect();
                group.set(&name, &value);
                if dashes != name {
                    group.set(&dashes, &value);
                }
            }
            Line::Include(name) => {
                let file = reading.required(path, &name)?;
                mysql_file(reading, &file, depth + 1, groups)?;
            }
            Line::IncludeFolder(name) => {
                let name = name.strip_suffix(b"/").unwrap_or(&name);
                for file in reading.named(path, &[name, b"/*.cnf"].concat())? {
                    mysql_file(reading, &file, depth + 1, groups)?;
                }
            }
        }
    }
    Ok(())
}

fn postgres_conf(context: &Context, arguments: &Arguments) -> Asked<Value> {
    let path = match arguments.text("path") {
        Some(path) => path.to_vec(),
        None => installed(context, "postgresql.conf")?,
    };
    Ok(Value::Map(postgres_settings(context, &path)?.keys))
}

fn postgres_settings(context: &Context, path: &[u8]) -> Asked<Group> {
    let mut reading = Reading { context, lines: 0, bytes: 0 };
    let mut group = Group::default();
    postgres_file(&mut reading, path, 0, &mut group)?;
    let folder = group.get("data_directory").unwrap_or_else(|| folder_of(path));
    let auto = [folder, b"/postgresql.auto.conf"].concat();
    match context.read(&auto) {
        Err(NoAnswer::Missing(_)) => {}
        Err(error) => return Err(error),
        Ok(_) => postgres_file(&mut reading, &auto, 0, &mut group)?,
    }
    Ok(group)
}

fn postgres_file(reading: &mut Reading<'_>, path: &[u8], depth: usize, group: &mut Group) -> Asked<()> {
    for setting in reading.file(path, depth, postgres::settings)? {
        match setting.name.as_slice() {
            b"include" => {
                let file = reading.required(path, &setting.value)?;
                postgres_file(reading, &file, depth + 1, group)?;
            }
            b"include_if_exists" => {
                for file in reading.named(path, &setting.value)? {
                    postgres_file(reading, &file, depth + 1, group)?;
                }
            }
            b"include_dir" => {
                let folder = setting.value.strip_suffix(b"/").unwrap_or(&setting.value);
                for file in reading.named(path, &[folder, b"/*.conf"].concat())? {
                    postgres_file(reading, &file, depth + 1, group)?;
                }
            }
            name => group.set(name, &setting.value),
        }
    }
    Ok(())
}

/// The file of this name where PostgreSQL is installed. Errors: there are several.
fn installed(context: &Context, name: &str) -> Asked<Vec<u8>> {
    let globs: Result<Vec<Glob>, _> =
        POSTGRES_FOLDERS.iter().map(|folder| Glob::new(&format!("{folder}/{name}"))).collect();
    let (found, _) = context.expand_all(&globs.map_err(|error| NoAnswer::Error(error.to_string()))?)?;
    match found.as_slice() {
        [(path, _)] => Ok(path.clone()),
        [] => Err(NoAnswer::Missing(format!("Can't find file: {name} in {}", POSTGRES_FOLDERS.join(", ")))),
        several => {
            let paths: Vec<String> = several.iter().map(|(path, _)| lossless(path)).collect();
            Err(NoAnswer::Error(format!("there are several: {}; give the `path` of one", paths.join(", "))))
        }
    }
}

fn records(
    context: &Context,
    arguments: &Arguments,
    parameter: &str,
    name: &str,
    columns: &'static [Property],
    cells: Cells,
) -> Asked<Table> {
    let path = match arguments.text("path") {
        Some(path) => path.to_vec(),
        None => beside_settings(context, parameter, name)?,
    };
    let mut table = Table::new(columns);
    let mut reading = Reading { context, lines: 0, bytes: 0 };
    record_file(&mut reading, &path, 0, cells, &mut table)?;
    Ok(table)
}

/// The file that a parameter of postgresql.conf names, or the one beside it.
fn beside_settings(context: &Context, parameter: &str, name: &str) -> Asked<Vec<u8>> {
    let settings = match installed(context, "postgresql.conf") {
        Ok(path) => path,
        Err(NoAnswer::Missing(_)) => return installed(context, name),
        Err(error) => return Err(error),
    };
    let group = postgres_settings(context, &settings)?;
    let folder = folder_of(&settings);
    Ok(match group.get(parameter) {
        Some(path) if path.starts_with(b"/") => path.to_vec(),
        Some(path) => [folder, b"/", path].concat(),
        None => [folder, b"/", name.as_bytes()].concat(),
    })
}

fn record_file(reading: &mut Reading<'_>, path: &[u8], depth: usize, cells: Cells, table: &mut Table) -> Asked<()> {
    for (line, words) in reading.file(path, depth, postgres::records)? {
        let fields = fields(words);
        let refuse = |why: &str| NoAnswer::parse(path, &format_args!("line {line}: {why}"));
        let includes = match fields.as_slice() {
            [first, file] => match (first.as_slice(), file.as_slice()) {
                ([Word { text, quoted: false, .. }], [file]) => Some((text.as_slice(), file.text.as_slice())),
                _ => None,
            },
            _ => None,
        };
        let files = match includes {
            Some((b"include", file)) => vec![reading.required(path, file)?],
            Some((b"include_if_exists", file)) => reading.named(path, file)?,
            Some((b"include_dir", folder)) => reading.named(path, &[folder, b"/*.conf"].concat())?,
            _ => {
                let cells = cells(&fields).map_err(refuse)?;
                table.rows.push(Row { cells, place: format!("{}:{line}", lossless(path)) });
                continue;
            }
        };
        for file in files {
            record_file(reading, &file, depth + 1, cells, table)?;
        }
    }
    Ok(())
}

/// Words that commas join are one field.
fn fields(words: Vec<Word>) -> Vec<Vec<Word>> {
    let mut fields: Vec<Vec<Word>> = Vec::new();
    let mut more = false;
    for word in words {
        let next = word.more;
        match fields.last_mut().filter(|_| more) {
            Some(field) => field.push(word),
            None => fields.push(vec![word]),
        }
        more = next;
    }
    fields
}

fn texts(field: &[Word]) -> Value {
    Value::texts(field.iter().map(|word| &word.text))
}

fn text(field: &[Word]) -> Value {
    Value::text(text_of(field))
}

/// Names; those that another file holds are not known.
fn names(field: &[Word]) -> Cell {
    match field.iter().find(|word| !word.quoted && word.text.starts_with(b"@")) {
        Some(word) => Err(NoAnswer::Error(format!("{}: names in another file are not read", lossless(&word.text)))),
        None => Ok(texts(field)),
    }
}

fn hba_cells(fields: &[Vec<Word>]) -> Result<Vec<Cell>, &'static str> {
    let [kind, database, user, rest @ ..] = fields else {
        return Err("a record of fewer than four fields");
    };
    let local = matches!(kind.as_slice(), [word] if word.text == b"local");
    let (address, rest) = match rest {
        rest if local => (Value::Nil, rest),
        [address, mask, rest @ ..] if is_mask(mask) => {
            (Value::Text(Text::from([&text_of(address)[..], b" ", &text_of(mask)].concat())), rest)
        }
        [address, rest @ ..] => (text(address), rest),
        [] => return Err("a record that lacks its address"),
    };
    let [method, options @ ..] = rest else { return Err("a record that lacks its method") };
    let options = Value::texts(options.iter().map(|option| text_of(option)));
    Ok(vec![Ok(text(kind)), names(database), names(user), Ok(address), Ok(text(method)), Ok(options)])
}

fn text_of(field: &[Word]) -> Vec<u8> {
    field.iter().map(|word| word.text.as_slice()).collect::<Vec<_>>().join(&b',')
}

/// Whether a field is the mask of the address before it: an address without a length.
fn is_mask(field: &[Word]) -> bool {
    std::str::from_utf8(&text_of(field)).is_ok_and(|text| text.parse::<IpAddr>().is_ok())
}

fn ident_cells(fields: &[Vec<Word>]) -> Result<Vec<Cell>, &'static str> {
    let [map, system, database] = fields else { return Err("a record of other than three fields") };
    Ok(vec![Ok(text(map)), Ok(text(system)), Ok(text(database))])
}
