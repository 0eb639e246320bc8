//! `mysql_conf`: the option files of MySQL and MariaDB.

use std::collections::HashMap;

use serde_json::Value as Json;

use crate::parse::mysql::{self, Line};
use crate::resource::context::Seen;
use crate::resource::includes::{Includes, leads_to_nothing, required};
use crate::resource::{Argument, Arguments, Asked, Context, Keys, Label, NoAnswer, Resource, Shape, Takes};
use crate::rootfs::{Glob, GlobPiece};
use crate::value::{Text, Value, lossless};

pub(super) const MYSQL_CONF: Resource = Resource {
    name: "mysql_conf",
    summary: "Options of MySQL's and MariaDB's option files, as `group/option`: includes are followed, the last value \
              counts, `-` and `_` in a name are the same, as is the case of a group. `mysqld` holds what the server \
              takes of all its groups (server, mariadb) and of mysqld-auto.cnf, also without loose-, skip-, disable- and \
              enable-. Abbreviated names, --defaults-file, MYSQL_HOME and ~/.my.cnf are not followed.",
    label: Label::Alone("MySQL Configuration"),
    arguments: &[Argument {
        name: "path",
        takes: Takes::Path,
        summary: "Absolute path inside the target; by default /etc/my.cnf, then /etc/mysql/my.cnf.",
        required: false,
    }],
    one_of: &[],
    shape: Shape::Document { keys: Keys::Text { sections: true, fold_case: true }, read: mysql_conf },
};

/// The server passes over includes that are deeper.
const MAX_DEPTH: usize = 10;
const MAX_GROUPS: usize = 1_000;

/// Where MariaDB's server is: what it reads, MySQL's does not.
const MARIADB: [&[u8]; 3] = [b"/usr/sbin/mariadbd", b"/usr/libexec/mariadbd", b"/usr/bin/mariadbd"];

/// Options in their order, each with its last value.
#[derive(Default)]
struct Group {
    options: Vec<(Text, Value)>,
    places: HashMap<Text, usize>,
}

impl Group {
    /// Both ways to write a name are keys.
    fn set(&mut self, name: &[u8], value: &[u8]) {
        let dashes: Vec<u8> = name.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect();
        self.put(name, value);
        if dashes != name {
            self.put(&dashes, value);
        }
    }

    fn put(&mut self, name: &[u8], value: &[u8]) {
        let place = *self.places.entry(Text::from(name)).or_insert(self.options.len());
        match self.options.get_mut(place) {
            Some((_, before)) => *before = Value::text(value),
            None => self.options.push((Text::from(name), Value::text(value))),
        }
    }

    fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let found = self.places.get(name).and_then(|place| self.options.get(*place));
        found.and_then(|(_, value)| value.as_bytes())
    }
}

struct Reading<'a> {
    includes: Includes<'a>,
    /// Each group as it is written, and before them what the server takes.
    groups: Vec<(Vec<u8>, Group)>,
    is_mariadb: bool,
    /// What stands in groups of which it is not known whether the server reads them: why, the name, the value.
    doubtful: Vec<(NoAnswer, Vec<u8>, Vec<u8>)>,
}

/// Whether the server reads a group; `None` when that depends on what it is.
fn is_server_s(group: &[u8], is_mariadb: bool) -> Option<bool> {
    match group {
        b"mysqld" | b"server" => Some(true),
        b"mariadb" | b"mariadbd" | b"client-server" | b"galera" if is_mariadb => Some(true),
        b"mariadb" | b"mariadbd" | b"client-server" | b"galera" => None,
        // mysqld-8.4 is for that version alone.
        group if [&b"mysqld-"[..], b"mariadb-", b"mariadbd-"].iter().any(|of| group.starts_with(of)) => None,
        _ => Some(false),
    }
}

/// What an option means besides itself: the server looks for the name without its prefix where it knows none with it.
fn without_prefixes(name: &[u8], value: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (mut name, mut found) = (name, Vec::new());
    let is_off = value == b"0";
    let switched = |on: bool| if on { b"1".to_vec() } else { b"0".to_vec() };
    loop {
        let after = |prefix: &str| name.strip_prefix(prefix.as_bytes()).filter(|rest| !rest.is_empty());
        let (rest, value) = if let Some(rest) = after("loose_") {
            (rest, value.to_vec())
        } else if let Some(rest) = after("skip_").or_else(|| after("disable_")) {
            (rest, switched(is_off))
        } else if let Some(rest) = after("enable_") {
            (rest, switched(!is_off))
        } else {
            return found;
        };
        name = rest;
        found.push((name.to_vec(), value));
    }
}

fn mysql_conf(context: &Context, arguments: &Arguments) -> Asked<Value> {
    let is_mariadb = MARIADB.iter().any(|path| Seen::Asked(&context.file(path)).metadata(context).is_ok());
    let mut reading = Reading {
        includes: Includes::new(context, MAX_DEPTH),
        groups: vec![(b"mysqld".to_vec(), Group::default())],
        is_mariadb,
        doubtful: Vec::new(),
    };
    match arguments.text("path") {
        Some(path) => reading.file(path, 0)?,
        None => {
            let (mut missing, mut any) = (None, false);
            for path in [&b"/etc/my.cnf"[..], b"/etc/mysql/my.cnf"] {
                match reading.file(path, 0) {
                    Err(NoAnswer::Missing(text)) => missing = Some(NoAnswer::Missing(text)),
                    read => (any, ()) = (true, read?),
                }
            }
            if let (false, Some(missing)) = (any, missing) {
                return Err(missing);
            }
        }
    }
    reading.persisted()?;
    reading.settle()?;
    let groups = reading.groups.into_iter().filter(|(_, group)| !group.options.is_empty());
    Ok(Value::Map(groups.map(|(name, group)| (Text::from(name), Value::Map(group.options))).collect()))
}

impl Reading<'_> {
    /// `Missing` when the file itself is not there.
    fn file(&mut self, path: &[u8], depth: usize) -> Asked<()> {
        let content = self.includes.read(path, depth)?;
        let metadata = Seen::Asked(&self.includes.context.file(path)).metadata(self.includes.context);
        if metadata.map_err(|error| NoAnswer::look(path, &error))?.mode & 0o002 != 0 {
            return Err(NoAnswer::parse(path, &"everybody may write it, so that the server passes over it"));
        }
        let lines = mysql::options(&content).map_err(|error| NoAnswer::parse(path, &error))?;
        self.includes.more_values(path, lines.len())?;
        let mut here = None;
        for (line, said) in lines {
            let refuse = |why: &str| NoAnswer::parse(path, &format_args!("line {line}: {why}"));
            match said {
                Line::Group(name) => {
                    let name = name.to_ascii_lowercase();
                    let known = self.groups.iter().position(|(known, _)| *known == name);
                    here = Some(known.unwrap_or(self.groups.len()));
                    if known.is_none() {
                        if self.groups.len() >= MAX_GROUPS {
                            return Err(refuse(&format!("more than {MAX_GROUPS} groups")));
                        }
                        self.groups.push((name, Group::default()));
                    }
                }
                Line::Option(name, value) => match here {
                    Some(here) => self.option(path, line, here, (name, value)),
                    None => return Err(refuse("an option outside of all groups")),
                },
                Line::Include(name) | Line::IncludeFolder(name) if !name.starts_with(b"/") => {
                    return Err(refuse(&format!("{}: only a name that begins at the root is known", lossless(&name))));
                }
                Line::Include(name) => required((path, line), &name, self.file(&name, depth + 1))?,
                Line::IncludeFolder(folder) => {
                    if !self.includes.context.is_folder(&folder) {
                        return Err(leads_to_nothing((path, line), &folder));
                    }
                    // Hidden files are files like any others here.
                    let mut globs = Vec::new();
                    for names in ["/*.cnf", "/.*.cnf", "/.cnf"] {
                        let glob = Glob::of(&[GlobPiece::Literal(&folder), GlobPiece::Written(names)]);
                        globs.push(glob.map_err(|error| refuse(&error.to_string()))?);
                    }
                    for (file, _) in self.includes.context.expand_all(&globs)?.0 {
                        required((path, line), &file, self.file(&file, depth + 1))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn option(&mut self, path: &[u8], line: usize, here: usize, (name, value): (Vec<u8>, Vec<u8>)) {
        let Some((group, own)) = self.groups.get_mut(here) else { return };
        let server_s = is_server_s(group, self.is_mariadb);
        // The first group is the server's, to which this one may add.
        if here != 0 {
            own.set(&name, &value);
        }
        let of_group = format!("whether the server reads [{}] is not known, and it says otherwise", lossless(group));
        let Some((_, server)) = self.groups.first_mut() else { return };
        for (name, value) in [(name.clone(), value.clone())].into_iter().chain(without_prefixes(&name, &value)) {
            match server_s {
                Some(true) => server.set(&name, &value),
                Some(false) => return,
                None => {
                    let why = format!("line {line}: {of_group}: {}", lossless(&name));
                    self.doubtful.push((NoAnswer::parse(path, &why), name, value));
                }
            }
        }
    }

    /// What SET PERSIST of MySQL left in the folder of data comes behind all option files.
    fn persisted(&mut self) -> Asked<()> {
        let Some((_, server)) = self.groups.first_mut() else { return Ok(()) };
        let is_off = |value: &[u8]| value == b"0" || value.eq_ignore_ascii_case(b"off");
        if self.is_mariadb || server.get(b"persisted_globals_load").is_some_and(is_off) {
            return Ok(());
        }
        let folder = server.get(b"datadir").unwrap_or(b"/var/lib/mysql");
        let path = [folder, b"/mysqld-auto.cnf"].concat();
        let Some(content) = self.includes.context.read_optional(&path)? else { return Ok(()) };
        let document: Json = serde_json::from_slice(&content).map_err(|error| NoAnswer::parse(&path, &error))?;
        if !document.is_object() {
            return Err(NoAnswer::parse(&path, &"this is no object"));
        }
        let (mut open, mut count) = (vec![&document], 0);
        while let Some(object) = open.pop() {
            for (name, value) in object.as_object().into_iter().flatten() {
                count += 1;
                match value.get("Value") {
                    Some(Json::String(value)) => server.set(name.as_bytes(), value.as_bytes()),
                    Some(_) => return Err(NoAnswer::parse(&path, &format_args!("{name} has a value that is no text"))),
                    None if value.is_object() => open.push(value),
                    None => {}
                }
            }
        }
        self.includes.more_values(&path, count)
    }

    /// Errors: what the server takes depends on which server it is.
    fn settle(&mut self) -> Asked<()> {
        let Some((_, server)) = self.groups.first() else { return Ok(()) };
        match self.doubtful.drain(..).find(|(_, name, value)| server.get(name) != Some(value)) {
            Some((error, ..)) => Err(error),
            None => Ok(()),
        }
    }
}
