//! What can be asked of a target: one file per resource, one registry for all.
//!
//! A resource reads through the [`Root`](crate::rootfs::Root) and answers with typed values. The registry says which
//! resources, arguments, properties and columns there are and of which type; decoding, messages and the reference
//! documentation use nothing else. A resource that cannot answer says which of three things happened: see
//! [`NoAnswer`].

mod access;
mod accounts;
mod aide_conf;
mod apache_conf;
mod binaries;
mod cgroup;
mod context;
mod crontab;
mod csv;
mod documents;
mod file;
mod find;
mod grep;
mod host_mounts;
mod home_files;
mod hosts_access;
mod image;
mod includes;
mod inetd_conf;
mod inspec_names;
mod kernel_module;
mod kernel_parameter;
mod key_values;
mod keys;
mod language_packages;
mod limits;
mod lines;
mod mail_alias;
mod mounts;
mod mysql_conf;
mod network;
mod os;
mod os_env;
mod package;
mod package_databases;
mod package_files;
mod pam;
mod ports;
mod postgres;
mod processes;
pub mod reference;
mod registry;
mod repositories;
mod service;
mod ssh_config;
mod sshd_config;
mod sudoers;
mod sys_info;
mod system_state;
mod time_servers;
mod web_servers;
mod word_files;
mod x509_certificate;
mod xinetd_conf;

use std::collections::BTreeMap;
use std::fmt;

pub use context::{AskedFile, Context};
pub use find::{Keep, Question, ask as find_all, is_of_the_link};
pub use inspec_names::{INSPEC_NAMES, instead_of};
pub use os::{Platform, platform};
pub use registry::{REGISTRY, resource};

use crate::parse::dh::DhParams;
use crate::parse::sockets::Listener;
use crate::parse::version::Scheme;
use crate::parse::x509::Certificate;
use crate::pattern::Pattern;
use crate::rootfs::{Glob, Kind, LookError};
use crate::value::{Text, Value, lossless};

/// Why there is no answer. Only `Missing` is a statement about the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// Established: the subject does not exist. The text says what was looked for.
    Missing(String),
    /// This way of scanning cannot ask (no process, no package database). The text says why.
    Unanswerable(String),
    /// It could not be found out. The text says what failed where.
    Error(String),
}

impl NoAnswer {
    /// The meaning of a failed look at a path.
    pub fn look(path: &[u8], error: &LookError) -> NoAnswer {
        match error {
            LookError::Absent => NoAnswer::Missing(format!("Can't find file: {}", lossless(path))),
            error => NoAnswer::Error(format!("{}: {error}", lossless(path))),
        }
    }

    /// A file whose content is not what it should be.
    pub fn parse(path: &[u8], error: &dyn fmt::Display) -> NoAnswer {
        NoAnswer::Error(format!("{}: {}", lossless(path), lossless(error.to_string().as_bytes())))
    }

    /// The reason.
    pub fn text(&self) -> &str {
        match self {
            NoAnswer::Missing(text) | NoAnswer::Unanswerable(text) | NoAnswer::Error(text) => text,
        }
    }
}

/// An answer, or why there is none.
pub type Asked<T> = Result<T, NoAnswer>;

/// What kind of value a property, a column or an argument holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// true or false.
    Bool,
    /// A whole number.
    Int,
    /// Mode bits, written in octal.
    Mode,
    /// Paths, names, hashes, contents: compared byte by byte.
    Text,
    /// What a path names: file, directory, symlink …
    Kind,
    /// A moment: seconds since the epoch, or a day.
    Time,
    /// A version, compared by these rules.
    Version(Scheme),
    /// A list of texts.
    Texts,
    /// A list of whole numbers.
    Ints,
    /// Text of a file whose format has no types: compared as InSpec's cmp does.
    Untyped,
    /// A value of a format with types (JSON, YAML, TOML).
    Data,
}

impl Type {
    /// The type in one word, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Mode => "mode",
            Type::Text => "text",
            Type::Kind => "kind",
            Type::Time => "time",
            Type::Version(_) => "version",
            Type::Texts => "texts",
            Type::Ints => "ints",
            Type::Untyped => "untyped",
            Type::Data => "data",
        }
    }

    /// The type in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Type::Bool => "true or false",
            Type::Int => "a whole number",
            Type::Mode => "a mode in octal such as 0644",
            Type::Text | Type::Untyped => "a text",
            Type::Kind => "file, directory, symlink, socket, pipe, block_device or character_device",
            Type::Time => "a day (2027-05-31) or seconds since 1970",
            Type::Version(_) => "a version",
            Type::Texts => "a list of texts",
            Type::Ints => "a list of whole numbers",
            Type::Data => "a value",
        }
    }
}

/// One resource.
pub struct Resource {
    /// The name in profiles.
    pub name: &'static str,
    /// What it answers, for the reference.
    pub summary: &'static str,
    /// How its subject reads in a result.
    pub label: Label,
    /// Its arguments; the first is the one that a bare scalar gives.
    pub arguments: &'static [Argument],
    /// Arguments of which exactly one must be given.
    pub one_of: &'static [&'static str],
    /// What can be expected of it.
    pub shape: Shape,
}

/// How a subject reads in a result, in InSpec's words.
#[derive(Clone, Copy, Debug)]
pub enum Label {
    /// The words, then the first argument that was given: `File /etc/passwd`.
    WithArgument(&'static str),
    /// The words alone: `login.defs`.
    Alone(&'static str),
    /// The path that is read, by default this one: `/etc/passwd`.
    Path(&'static str),
}

/// One argument of a resource.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// What it means, for the reference.
    pub summary: &'static str,
    /// Whether it must be given.
    pub required: bool,
}

/// What an argument takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// An absolute path without wildcards.
    Path,
    /// Absolute paths and globs: one or a list.
    Globs,
    /// Globs of names or paths: one or a list.
    Names,
    /// A regular expression.
    Pattern,
    /// A text.
    Text,
    /// A whole number of at least zero.
    Count,
    /// true or false.
    Bool,
    /// file, directory, symlink …
    Kind,
}

impl Takes {
    /// What it takes in one word, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Takes::Path => "path",
            Takes::Globs => "globs",
            Takes::Names => "names",
            Takes::Pattern => "pattern",
            Takes::Text => "text",
            Takes::Count => "count",
            Takes::Bool => "bool",
            Takes::Kind => "kind",
        }
    }

    /// What it takes in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Takes::Path => "an absolute path",
            Takes::Globs => "absolute paths and globs, one or a list",
            Takes::Names => "names and paths with wildcards, one or a list",
            Takes::Pattern => "a pattern",
            Takes::Text => "a text",
            Takes::Count => "a whole number of at least 0",
            Takes::Bool => Type::Bool.words(),
            Takes::Kind => Type::Kind.words(),
        }
    }
}

/// The value of an argument.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// Of `Path` and `Text`.
    Text(Text),
    /// Of `Globs` and `Names`.
    Globs(Vec<Glob>),
    /// Of `Pattern`.
    Pattern(Pattern),
    /// Of `Count`.
    Count(usize),
    /// Of `Bool`.
    Bool(bool),
    /// Of `Kind`.
    Kind(Kind),
}

/// The arguments that a check gives, in the order of the registry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments(pub Vec<(&'static str, Arg)>);

impl Arguments {
    fn get(&self, name: &str) -> Option<&Arg> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// A path or a text.
    pub fn text(&self, name: &str) -> Option<&[u8]> {
        match self.get(name) {
            Some(Arg::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Globs; none when the argument is not given.
    pub fn globs(&self, name: &str) -> &[Glob] {
        match self.get(name) {
            Some(Arg::Globs(globs)) => globs,
            _ => &[],
        }
    }

    /// A regular expression.
    pub fn pattern(&self, name: &str) -> Option<&Pattern> {
        match self.get(name) {
            Some(Arg::Pattern(pattern)) => Some(pattern),
            _ => None,
        }
    }

    /// A switch; off when it is not given.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name) == Some(&Arg::Bool(true))
    }

    /// A count.
    pub fn count(&self, name: &str) -> Option<usize> {
        match self.get(name) {
            Some(Arg::Count(count)) => Some(*count),
            _ => None,
        }
    }

    /// A kind of file.
    pub fn kind(&self, name: &str) -> Option<Kind> {
        match self.get(name) {
            Some(Arg::Kind(kind)) => Some(*kind),
            _ => None,
        }
    }
}

/// What can be expected of a resource.
pub enum Shape {
    /// Properties of one thing.
    Object {
        /// Which there are.
        properties: &'static [Property],
        /// Finds the thing.
        open: fn(&Context, &Arguments) -> Asked<Object>,
    },
    /// Rows with columns.
    Table {
        /// Which there are.
        columns: Columns,
        /// Reads all rows.
        read: fn(&Context, &Arguments) -> Asked<Table>,
    },
    /// Rows met by a walk: the properties of files and their paths.
    Walk,
    /// A document in which paths are looked up.
    Document {
        /// How paths and values read.
        keys: Keys,
        /// Reads it.
        read: fn(&Context, &Arguments) -> Asked<Value>,
    },
}

/// One property of an object, or one column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// Its name; `readable.user.*` stands for any name in the place of the star.
    pub name: &'static str,
    /// The name of the list of all values of a column, where it has one.
    pub plural: &'static str,
    /// What it holds.
    pub holds: Type,
    /// Whether it answers "is it there?", also for what is not.
    pub existence: bool,
    /// Whether its values are judged but never shown: contents and password hashes.
    pub secret: bool,
    /// What it means, for the reference.
    pub summary: &'static str,
}

impl Property {
    /// A property that is shown, is nobody's plural and says nothing of existence.
    pub(super) const fn new(name: &'static str, holds: Type, summary: &'static str) -> Property {
        Property { name, plural: "", holds, existence: false, secret: false, summary }
    }

    /// The same, with the name of the list of all values of the column.
    pub(super) const fn plural(self, plural: &'static str) -> Property {
        Property { plural, ..self }
    }

    /// The same, answering "is it there?".
    pub(super) const fn existence(self) -> Property {
        Property { existence: true, ..self }
    }

    /// The same, never shown.
    pub(super) const fn secret(self) -> Property {
        Property { secret: true, ..self }
    }

    /// Whether this entry of the registry is meant by a name in a profile.
    pub fn is(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(prefix) => name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()),
            None => self.name == name,
        }
    }
}

/// The columns of a table.
#[derive(Clone, Copy)]
pub enum Columns {
    /// These.
    Fixed(&'static [Property]),
    /// These, and one for each named group of the pattern in the argument `match`.
    AndGroups(&'static [Property]),
}

impl Columns {
    /// The columns that are always there.
    pub fn fixed(self) -> &'static [Property] {
        match self {
            Columns::Fixed(columns) | Columns::AndGroups(columns) => columns,
        }
    }
}

/// How the keys of a document read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// `a.b[0]['x.y']`, values with their types.
    Data,
    /// XPath, values as text.
    XPath,
    /// The key literally, values as text; `section/key` where the format has sections.
    Text {
        /// Whether the format has sections.
        sections: bool,
        /// Whether the format ignores the case of keys.
        fold_case: bool,
    },
}

/// A thing that was found.
pub enum Object {
    /// A file, whose properties are looked up when they are asked.
    File(AskedFile),
    /// A file that is expected to be a directory.
    Directory(AskedFile),
    /// The image's configuration, which the root holds.
    Image,
    /// What the container's control groups hold it to, which the context holds.
    Cgroup,
    /// What listens on a port.
    Port(Vec<Listener>),
    /// A certificate, and where it was read.
    Certificate(Text, Box<Certificate>),
    /// Parameters of Diffie-Hellman, and where they were read.
    DhParams(Text, Box<DhParams>),
    /// Facts that are all known.
    Facts(Vec<(&'static str, Value)>),
    /// Facts of which some could not be found out.
    Answers(Vec<(&'static str, Asked<Value>)>),
}

impl Object {
    /// The value of a property of the registry.
    pub fn property(&self, context: &Context, name: &str) -> Asked<Value> {
        match self {
            Object::File(asked) => file::file_property(context, &context::Seen::Asked(asked), name),
            Object::Directory(asked) => file::directory_property(context, &context::Seen::Asked(asked), name),
            Object::Image => image::property(context, name),
            Object::Cgroup => cgroup::property(context, name),
            Object::Port(listeners) => ports::property(context, listeners, name),
            Object::Certificate(path, certificate) => x509_certificate::property(context, path, certificate, name),
            Object::DhParams(path, params) => keys::dh_property(path, params, name),
            Object::Facts(facts) => {
                let known = facts.iter().find(|(known, _)| *known == name);
                Ok(known.map_or(Value::Nil, |(_, value)| value.clone()))
            }
            Object::Answers(answers) => {
                let known = answers.iter().find(|(known, _)| *known == name);
                known.map_or(Ok(Value::Nil), |(_, answer)| answer.clone())
            }
        }
    }
}

/// One cell of a table: a value, or why it is not known.
pub type Cell = Asked<Value>;

/// Rows that were read.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows in the order of the file, or of the paths.
    pub rows: Vec<Row>,
    /// What could not be read: with any of these, the table is not whole.
    pub incomplete: Vec<String>,
    /// Paths and globs that hold nothing because they do not exist.
    pub absent: Vec<String>,
    /// Of rows that may count or not, by their number from 0: why that is not known. A check that takes one is not answered.
    pub doubtful: BTreeMap<usize, String>,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// One cell for each column.
    pub cells: Vec<Cell>,
    /// Where the row was found: a path, with a line where it has one.
    pub place: String,
}

impl Table {
    /// A table of these columns without rows.
    pub fn new(columns: &[Property]) -> Table {
        // Of a column with a star, those that a check names are made when it is asked.
        let columns = columns.iter().map(|column| column.name).filter(|name| !name.ends_with('*'));
        Table { columns: columns.map(str::to_owned).collect(), ..Table::default() }
    }

    /// Adds columns that are entries of a list: of `args.rounds`, what stands behind `rounds=` in `args`. An entry without
    /// a value is empty, one that is not there nil, one that is there several times a list.
    pub(crate) fn add_entries<'a>(&mut self, resource: &Resource, names: impl Iterator<Item = &'a str>) {
        for name in names {
            let of_list = resource.property(name).and_then(|property| property.name.strip_suffix(".*"));
            let list = of_list.and_then(|list| self.column(list));
            let (Some(list), None, Some((_, entry))) = (list, self.column(name), name.split_once('.')) else {
                continue;
            };
            self.columns.push(name.to_owned());
            for row in &mut self.rows {
                let cell = match row.cells.get(list) {
                    Some(Ok(Value::List(items))) => Ok(entries_of(items, entry.as_bytes())),
                    Some(Err(error)) => Err(error.clone()),
                    _ => Ok(Value::Nil),
                };
                row.cells.push(cell);
            }
        }
    }

    /// The place of a column among the cells.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|known| known == name)
    }
}

/// The values of the entries of this name in a list of `NAME=VALUE` and `NAME`.
fn entries_of(items: &[Value], name: &[u8]) -> Value {
    let value = |item: &Value| match item.as_bytes()?.strip_prefix(name)? {
        b"" => Some(Value::text("")),
        rest => rest.strip_prefix(b"=").map(Value::text),
    };
    let mut values: Vec<Value> = items.iter().filter_map(value).collect();
    match values.len() {
        0 | 1 => values.pop().unwrap_or(Value::Nil),
        _ => Value::List(values),
    }
}
