//! `postgres_conf`, `postgres_hba_conf` and `postgres_ident_conf`.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::parse::postgres::{self, Word};
use crate::resource::includes::{Includes, folder_of, leads_to_nothing, required};
use crate::resource::{
    Argument, Arguments, Asked, Cell, Columns, Context, Keys, Label, NoAnswer, Property, Resource, Row, Shape, Table,
    Takes, Type,
};
use crate::rootfs::{Glob, GlobPiece};
use crate::value::{Text, Value, lossless};

const fn path(summary: &'static str) -> Argument {
    Argument { name: "path", takes: Takes::Path, summary, required: false }
}

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

const KINDS: [&[u8]; 6] = [b"local", b"host", b"hostssl", b"hostnossl", b"hostgssenc", b"hostnogssenc"];

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

/// The server's own limit of files that include each other.
const MAX_DEPTH: usize = 10;

/// Where the folder of data is that the command line names, by images whose postgresql.conf does not.
const DATA_FOLDERS: [&str; 5] = [
    "/var/lib/postgresql/data",
    "/var/lib/postgresql/*/docker",
    "/var/lib/pgsql/data",
    "/var/lib/pgsql/*/data",
    "/bitnami/postgresql/data",
];

/// Parameters in their order, each with its last value.
#[derive(Default)]
struct Settings {
    keys: Vec<(Text, Value)>,
    places: HashMap<Text, usize>,
}

impl Settings {
    fn set(&mut self, name: &[u8], value: &[u8]) {
        let place = *self.places.entry(Text::from(name)).or_insert(self.keys.len());
        match self.keys.get_mut(place) {
            Some((_, before)) => *before = Value::text(value),
            None => self.keys.push((Text::from(name), Value::text(value))),
        }
    }

    /// The path that a parameter holds. Errors: it depends on where the server was started.
    fn path(&self, file: &[u8], name: &str) -> Asked<Option<&[u8]>> {
        let found = self.places.get(name.as_bytes()).and_then(|place| self.keys.get(*place));
        match found.and_then(|(_, value)| value.as_bytes()).filter(|value| !value.is_empty()) {
            Some(path) if !path.starts_with(b"/") => {
                Err(NoAnswer::parse(file, &format_args!("{name}: {} does not begin at the root", lossless(path))))
            }
            found => Ok(found),
        }
    }
}

fn postgres_conf(context: &Context, arguments: &Arguments) -> Asked<Value> {
    let path = match arguments.text("path") {
        Some(path) => path.to_vec(),
        None => installed(context, "postgresql.conf")?,
    };
    Ok(Value::Map(postgres_settings(context, &path)?.keys))
}

fn postgres_settings(context: &Context, path: &[u8]) -> Asked<Settings> {
    let mut includes = Includes::new(context, MAX_DEPTH);
    let mut settings = Settings::default();
    postgres_file(&mut includes, path, 0, &mut settings)?;
    let auto = match settings.path(path, "data_directory")? {
        Some(folder) => Some([folder, b"/postgresql.auto.conf"].concat()),
        None => automatic(context, folder_of(path))?,
    };
    match auto.map(|auto| postgres_file(&mut includes, &auto, 0, &mut settings)) {
        None | Some(Err(NoAnswer::Missing(_))) => Ok(settings),
        Some(read) => read.map(|()| settings),
    }
}

/// The postgresql.auto.conf where no data_directory says where it is. Errors: there are several.
fn automatic(context: &Context, folder: &[u8]) -> Asked<Option<Vec<u8>>> {
    let beside = [folder, b"/postgresql.auto.conf"].concat();
    if context.read_optional(&beside)?.is_some() || context.read_optional(&[folder, b"/PG_VERSION"].concat())?.is_some()
    {
        return Ok(Some(beside));
    }
    one_of(context, &DATA_FOLDERS, "postgresql.auto.conf")
}

fn postgres_file(includes: &mut Includes<'_>, path: &[u8], depth: usize, settings: &mut Settings) -> Asked<()> {
    let content = includes.read(path, depth)?;
    let found = postgres::settings(&content).map_err(|error| NoAnswer::parse(path, &error))?;
    includes.more_values(path, found.len())?;
    for setting in found {
        let files = match included(includes.context, (path, setting.line), (&setting.name, &setting.value))? {
            Some(files) => files,
            None => {
                settings.set(&setting.name, &setting.value);
                continue;
            }
        };
        for (file, must_be) in files {
            match postgres_file(includes, &file, depth + 1, settings) {
                Err(NoAnswer::Missing(_)) if !must_be => {}
                read => required((path, setting.line), &file, read)?,
            }
        }
    }
    Ok(())
}

/// Files that are included, each with whether it must be there.
type Included = Vec<(Vec<u8>, bool)>;

/// The files that a directive includes, and whether each must be there; `None` of what is no such directive.
fn included(context: &Context, from: (&[u8], usize), (directive, name): (&[u8], &[u8])) -> Asked<Option<Included>> {
    let whole = if name.starts_with(b"/") { name.to_vec() } else { [folder_of(from.0), b"/", name].concat() };
    let must_be = match directive {
        b"include" => true,
        b"include_if_exists" => false,
        b"include_dir" => {
            let glob = Glob::of(&[GlobPiece::Literal(&whole), GlobPiece::Written("/*.conf")]);
            if name.trim_ascii().is_empty() || !context.is_folder(&whole) {
                return Err(leads_to_nothing(from, name));
            }
            let glob = glob.map_err(|error| NoAnswer::Error(error.to_string()))?;
            let (mut files, _) = context.expand_all(std::slice::from_ref(&glob))?;
            files.retain(|(file, _)| !context.is_folder(file));
            return Ok(Some(files.into_iter().map(|(file, _)| (file, true)).collect()));
        }
        _ => return Ok(None),
    };
    if name.trim_ascii().is_empty() {
        return Err(leads_to_nothing(from, name));
    }
    Ok(Some(vec![(whole, must_be)]))
}

/// The file of this name where PostgreSQL is installed. Errors: there are several.
fn installed(context: &Context, name: &str) -> Asked<Vec<u8>> {
    let missing = || NoAnswer::Missing(format!("Can't find file: {name} in {}", POSTGRES_FOLDERS.join(", ")));
    one_of(context, &POSTGRES_FOLDERS, name)?.ok_or_else(missing)
}

/// The one file of this name in any of these folders. Errors: there are several.
fn one_of(context: &Context, folders: &[&str], name: &str) -> Asked<Option<Vec<u8>>> {
    let globs: Result<Vec<Glob>, _> = folders.iter().map(|folder| Glob::new(&format!("{folder}/{name}"))).collect();
    let (mut found, _) = context.expand_all(&globs.map_err(|error| NoAnswer::Error(error.to_string()))?)?;
    if found.len() < 2 {
        return Ok(found.pop().map(|(path, _)| path));
    }
    let paths: Vec<String> = found.iter().map(|(path, _)| lossless(path)).collect();
    Err(NoAnswer::Error(format!("there are several: {}; give the `path` of one", paths.join(", "))))
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
    record_file(&mut Includes::new(context, MAX_DEPTH), &path, 0, cells, &mut table)?;
    Ok(table)
}

/// The file that a parameter of postgresql.conf names, or the one beside it.
fn beside_settings(context: &Context, parameter: &str, name: &str) -> Asked<Vec<u8>> {
    let settings = match installed(context, "postgresql.conf") {
        Ok(path) => path,
        Err(NoAnswer::Missing(_)) => return installed(context, name),
        Err(error) => return Err(error),
    };
    let beside = [folder_of(&settings), b"/", name.as_bytes()].concat();
    let found = postgres_settings(context, &settings)?;
    Ok(found.path(&settings, parameter)?.map_or(beside, <[u8]>::to_vec))
}

fn record_file(includes: &mut Includes<'_>, path: &[u8], depth: usize, cells: Cells, table: &mut Table) -> Asked<()> {
    let content = includes.read(path, depth)?;
    let records = postgres::records(&content).map_err(|error| NoAnswer::parse(path, &error))?;
    includes.more_values(path, records.len())?;
    for (line, words) in records {
        let fields = fields(words);
        let refuse = |why: &str| NoAnswer::parse(path, &format_args!("line {line}: {why}"));
        // Quotes change nothing about a directive.
        let files = match fields.as_slice() {
            [directive, name] => match (directive.first(), name.first()) {
                (Some(directive), Some(name)) => {
                    included(includes.context, (path, line), (&directive.text, &name.text))?
                }
                _ => None,
            },
            _ => None,
        };
        let Some(files) = files else {
            let cells = cells(&fields).map_err(refuse)?;
            table.rows.push(Row { cells, place: format!("{}:{line}", lossless(path)) });
            continue;
        };
        for (file, must_be) in files {
            match record_file(includes, &file, depth + 1, cells, table) {
                Err(NoAnswer::Missing(_)) if !must_be => {}
                read => required((path, line), &file, read)?,
            }
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

fn text(field: &[Word]) -> Value {
    Value::text(text_of(field))
}

/// The word of a field that names another file.
fn file_of(field: &[Word]) -> Option<&Word> {
    field.iter().find(|word| !word.quoted && word.text.len() > 1 && word.text.starts_with(b"@"))
}

/// Names; those that another file holds are not known. What would be no name without its quotes keeps them.
fn names(field: &[Word]) -> Cell {
    if let Some(word) = file_of(field) {
        return Err(NoAnswer::Error(format!("{}: names in another file are not read", lossless(&word.text))));
    }
    Ok(Value::texts(field.iter().map(|word| {
        let is_special = matches!(word.text.as_slice(), b"all" | b"replication" | [b'+' | b'/' | b'@', ..])
            || (word.text.starts_with(b"same"));
        if word.quoted && is_special { [b"\"", &word.text[..], b"\""].concat() } else { word.text.clone() }
    })))
}

fn hba_cells(fields: &[Vec<Word>]) -> Result<Vec<Cell>, &'static str> {
    let [kind, database, user, rest @ ..] = fields else {
        return Err("a record of fewer than four fields");
    };
    let local = text_of(kind) == b"local";
    if !KINDS.contains(&&*text_of(kind)) {
        return Err("a record of a type that is not known");
    }
    if rest.iter().any(|field| file_of(field).is_some()) {
        return Err("words in another file, which are not read");
    }
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
    if fields.iter().any(|field| file_of(field).is_some()) {
        return Err("words in another file, which are not read");
    }
    let [map, system, database] = fields else { return Err("a record of other than three fields") };
    Ok(vec![Ok(text(map)), Ok(text(system)), Ok(text(database))])
}
