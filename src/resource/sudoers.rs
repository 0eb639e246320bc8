//! `sudoers` and `sudo_defaults`: what sudo lets whom do, with all files that it includes.

use std::collections::{HashMap, HashSet};

use crate::parse::MAX_ROWS;
use crate::parse::sudoers::{AliasKind, Command, Member, Privilege, Setting, Statement, is_alias, statements};
use crate::resource::lines::Lines;
use crate::resource::{
    Argument, Arguments, Asked, Columns, Context, Label, NoAnswer, Property, Resource, Shape, Table, Takes, Type,
};
use crate::rootfs::{Glob, GlobPiece, MAX_FILE_BYTES};
use crate::value::{Text, Value, lossless};

const ARGUMENTS: &[Argument] = &[
    Argument { name: "path", takes: Takes::Path, summary: "Another file than /etc/sudoers.", required: false },
    Argument {
        name: "paths",
        takes: Takes::Globs,
        summary: "Several files; each is read once, also when one before it includes it.",
        required: false,
    },
];

pub(super) const SUDOERS: Resource = Resource {
    name: "sudoers",
    summary: "Who may run what by sudo: a row for each user, host list and command, aliases resolved, includes followed.",
    label: Label::Path("/etc/sudoers"),
    arguments: ARGUMENTS,
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(COLUMNS), read },
};

pub(super) const SUDO_DEFAULTS: Resource = Resource {
    name: "sudo_defaults",
    summary: "The settings of sudo: a row for each of a Defaults line, includes followed; the last one counts.",
    label: Label::Path("/etc/sudoers"),
    arguments: ARGUMENTS,
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(DEFAULTS_COLUMNS), read: read_defaults },
};

const COLUMNS: &[Property] = &[
    Property::new(
        "user",
        Type::Text,
        "A user, %group, #uid, +netgroup or ALL; with ! before it where it is taken out.",
    )
    .plural("users"),
    Property::new("hosts", Type::Texts, "The hosts on which it holds."),
    Property::new("runas_users", Type::Texts, "As which users; empty where nothing is said: root."),
    Property::new("runas_groups", Type::Texts, "As which groups; empty where nothing is said."),
    Property::new(
        "command",
        Type::Text,
        "The command with its arguments, or ALL; with ! before it where it is refused.",
    )
    .plural("commands"),
    Property::new("tags", Type::Texts, "NOPASSWD, NOEXEC, SETENV and the like, with those carried over from before."),
    Property::new("options", Type::Texts, "CWD=/x, TIMEOUT=5m and the like."),
    Property::new("path", Type::Text, "The file in which it stands.").plural("paths"),
];

const DEFAULTS_COLUMNS: &[Property] = &[
    Property::new("name", Type::Text, "Name of the setting.").plural("names"),
    Property::new(
        "value",
        Type::Data,
        "true or false of a flag, a number, or a text; digits behind a zero are a text: umask=0077.",
    )
    .plural("values"),
    Property::new("operator", Type::Text, "=, += or -=; empty for a flag, ! for one that is switched off."),
    Property::new("scope", Type::Text, "For whom, as it is written: :alice, @host, !/bin/x, >root; nil for all."),
    Property::new("path", Type::Text, "The file in which it stands.").plural("paths"),
];

/// How deep files include each other; sudo itself takes 128.
const MAX_DEPTH: usize = 16;
/// How many files are read.
const MAX_FILES: usize = 10_000;
/// What is read instead of /etc/sudoers: always by sudo-rs, and where that is missing by the sudo of some systems.
const OF_SUDO_RS: &[u8] = b"/etc/sudoers-rs";
const OF_VENDOR: &[u8] = b"/usr/etc/sudoers";
/// How deep aliases stand for each other.
const MAX_ALIASES: usize = 32;

/// One statement, and where it stands.
type Placed = (Vec<u8>, usize, Statement);

/// All statements of the files that are meant, in order.
struct Reading<'a> {
    context: &'a Context,
    placed: Vec<Placed>,
    /// Files that were read.
    read: HashSet<Vec<u8>>,
    /// Files that include each other, from the first to the one that is read.
    open: Vec<Vec<u8>>,
    files: usize,
    bytes: u64,
}

fn all(context: &Context, arguments: &Arguments, lines: &mut Lines) -> Asked<(Vec<Placed>, Vec<String>)> {
    let mut reading =
        Reading { context, placed: Vec::new(), read: HashSet::new(), open: Vec::new(), files: 0, bytes: 0 };
    let absent = context.read_each(arguments, "/etc/sudoers", &mut |path, content| {
        if !reading.read.contains(path) {
            reading.file(path, &content, lines)?;
        }
        Ok(true)
    });
    let by_default = arguments.text("path").is_none() && arguments.globs("paths").is_empty();
    match &absent {
        Ok(_) if by_default && context.read_optional(OF_SUDO_RS)?.is_some() => {
            return Err(NoAnswer::parse(OF_SUDO_RS, &"sudo-rs reads this file, and not /etc/sudoers"));
        }
        Err(NoAnswer::Missing(_)) if by_default && context.read_optional(OF_VENDOR)?.is_some() => {
            return Err(NoAnswer::parse(
                OF_VENDOR,
                &"some builds of sudo read this file, as /etc/sudoers is not there",
            ));
        }
        _ => {}
    }
    Ok((reading.placed, absent?))
}

impl Reading<'_> {
    fn file(&mut self, path: &[u8], content: &Text, lines: &mut Lines) -> Asked<()> {
        if self.open.iter().any(|open| open == path) {
            return Err(NoAnswer::parse(path, &"the file includes itself"));
        }
        // What a file says that is included again counts again, behind what was said since.
        self.read.insert(path.to_vec());
        self.bytes += content.len() as u64;
        self.files += 1;
        if self.bytes > MAX_FILE_BYTES || self.files > MAX_FILES {
            let why = format_args!("more than {MAX_FILE_BYTES} bytes or {MAX_FILES} files with what is included");
            return Err(NoAnswer::parse(path, &why));
        }
        self.open.push(path.to_vec());
        for (line, statement) in statements(content).map_err(|error| NoAnswer::parse(path, &error))? {
            match statement {
                Ok(Statement::Include(name, folder)) => self.include(path, line, &name, folder, lines)?,
                Ok(statement) => self.placed.push((path.to_vec(), line, statement)),
                Err(why) => lines.odd(path, line, &why),
            }
            if self.placed.len() > MAX_ROWS {
                return Err(NoAnswer::parse(path, &format_args!("more than {MAX_ROWS} lines in all")));
            }
        }
        self.open.pop();
        Ok(())
    }

    fn include(&mut self, path: &[u8], line: usize, name: &[u8], folder: bool, lines: &mut Lines) -> Asked<()> {
        let refuse = |why: &str| Err(NoAnswer::parse(path, &format_args!("line {line}: {why}")));
        if self.open.len() > MAX_DEPTH {
            return refuse(&format!("files include each other more than {MAX_DEPTH} deep"));
        }
        if name.contains(&b'%') {
            return refuse(&format!("{}: the name of the host is not known", lossless(name)));
        }
        if name.contains(&b':') {
            return refuse(&format!("{}: some builds of sudo take this for several paths", lossless(name)));
        }
        let here = path.iter().rposition(|byte| *byte == b'/').and_then(|at| path.get(..=at)).unwrap_or(b"/");
        let target = if name.starts_with(b"/") { name.to_vec() } else { [here, name].concat() };
        if !folder {
            if self.open.contains(&target) {
                return refuse(&format!("{} includes itself", lossless(&target)));
            }
            return match self.context.read(&target) {
                Ok(content) => self.file(&target, &content, lines),
                // sudo refuses all then.
                Err(error) => refuse(&format!("included: {}", error.text())),
            };
        }
        let glob = Glob::of(&[GlobPiece::Literal(&target), GlobPiece::Written("/*")]);
        let glob = glob.map_err(|error| NoAnswer::Error(error.to_string()))?;
        let (paths, _) = self.context.expand_all(std::slice::from_ref(&glob))?;
        // sudo's rule: files of package managers and editors are none.
        let is_read = |file: &[u8]| {
            let name = file.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            !name.contains(&b'.') && !name.ends_with(b"~")
        };
        for (file, _) in paths.into_iter().filter(|(file, _)| is_read(file)) {
            if self.context.is_folder(&file) {
                continue;
            }
            match self.context.read(&file) {
                Ok(content) => self.file(&file, &content, lines)?,
                Err(NoAnswer::Missing(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn read(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let mut lines = Lines::new(COLUMNS);
    let (placed, absent) = all(context, arguments, &mut lines)?;
    let mut aliases = Aliases { members: HashMap::new(), room: MAX_ROWS };
    for (path, line, statement) in &placed {
        let Statement::Aliases(kind, defined) = statement else { continue };
        for (name, members) in defined {
            if aliases.members.insert((*kind, name), members).is_some() {
                lines.odd(path, *line, &format!("the alias {} is there already", lossless(name)));
            }
        }
    }
    for (path, line, statement) in &placed {
        let Statement::Rule(users, privileges) = statement else { continue };
        if let Err(why) = rule(path, *line, users, privileges, &mut aliases, &mut lines)? {
            lines.odd(path, *line, &why);
        }
    }
    Ok(Table { absent, ..lines.table() })
}

/// Adds the rows of a rule. The inner error is one of its aliases.
fn rule(
    path: &[u8],
    line: usize,
    users: &[Member],
    privileges: &[Privilege],
    aliases: &mut Aliases<'_>,
    lines: &mut Lines,
) -> Asked<Result<(), String>> {
    let mut resolve = |kind, members: &[Member]| aliases.resolved(kind, members);
    let users = match resolve(AliasKind::User, users) {
        Ok(users) => users,
        Err(why) => return Ok(Err(why)),
    };
    for privilege in privileges {
        for command in &privilege.commands {
            let mut cells = || -> Result<[Vec<Value>; 4], String> {
                let Command { users, groups, command, .. } = command;
                Ok([
                    resolve(AliasKind::Host, &privilege.hosts)?,
                    resolve(AliasKind::Runas, users)?,
                    resolve(AliasKind::Runas, groups)?,
                    resolve(AliasKind::Command, std::slice::from_ref(command))?,
                ])
            };
            let [hosts, as_users, as_groups, commands] = match cells() {
                Ok(cells) => cells,
                Err(why) => return Ok(Err(why)),
            };
            for user in &users {
                for one in &commands {
                    let cells = vec![
                        user.clone(),
                        Value::List(hosts.clone()),
                        Value::List(as_users.clone()),
                        Value::List(as_groups.clone()),
                        one.clone(),
                        Value::texts(&command.tags),
                        Value::texts(&command.options),
                        Value::text(path),
                    ];
                    lines.row(path, line, cells)?;
                }
            }
        }
    }
    Ok(Ok(()))
}

/// All aliases, and how many names may still come of them: those that stand for each other many times would have no end.
struct Aliases<'a> {
    members: HashMap<(AliasKind, &'a Vec<u8>), &'a Vec<Member>>,
    room: usize,
}

impl Aliases<'_> {
    /// The names that a list means.
    ///
    /// Errors: an alias that stands for itself; too many names.
    fn resolved(&mut self, kind: AliasKind, members: &[Member]) -> Result<Vec<Value>, String> {
        let mut names = Vec::new();
        self.resolve(kind, members, false, 0, &mut names)?;
        Ok(names)
    }

    fn resolve(
        &mut self,
        kind: AliasKind,
        members: &[Member],
        negated: bool,
        depth: usize,
        names: &mut Vec<Value>,
    ) -> Result<(), String> {
        for member in members {
            self.room = self.room.checked_sub(1).ok_or(format!("aliases stand for more than {MAX_ROWS} names"))?;
            let negated = negated != member.negated;
            match self.members.get(&(kind, &member.name)).copied() {
                Some(_) if depth == MAX_ALIASES => {
                    let name = lossless(&member.name);
                    return Err(format!("the alias {name} stands for itself, or for aliases {MAX_ALIASES} deep"));
                }
                Some(inner) => self.resolve(kind, inner, negated, depth + 1, names)?,
                // Any other is a name as it stands; sudo finds no command in such a one.
                None if kind == AliasKind::Command && is_alias(&member.name) && member.name != b"ALL" => {
                    return Err(format!("the alias {} is not there", lossless(&member.name)));
                }
                None if negated => names.push(Value::text([b"!", member.name.as_slice()].concat())),
                None => names.push(Value::text(&member.name)),
            }
        }
        Ok(())
    }
}

fn read_defaults(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let mut lines = Lines::new(DEFAULTS_COLUMNS);
    let (placed, absent) = all(context, arguments, &mut lines)?;
    for (path, line, statement) in &placed {
        let Statement::Defaults(scope, settings) = statement else { continue };
        for setting in settings {
            let cells = vec![
                Value::text(&setting.name),
                value(setting),
                Value::text(setting.operator),
                if scope.is_empty() { Value::Nil } else { Value::text(scope) },
                Value::text(path),
            ];
            lines.row(path, *line, cells)?;
        }
    }
    Ok(Table { absent, ..lines.table() })
}

/// The value of a setting with its type.
fn value(setting: &Setting) -> Value {
    match setting.operator {
        "" => return Value::Bool(true),
        "!" => return Value::Bool(false),
        _ => {}
    }
    let Ok(text) = std::str::from_utf8(&setting.value) else { return Value::text(&setting.value) };
    let digits = text.strip_prefix('-').unwrap_or(text);
    let numeric = digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && (digits.len() == 1 || !digits.starts_with('0') || digits.starts_with("0."));
    let number = || text.parse().map(Value::Int).or_else(|_| text.parse().map(Value::Float)).ok();
    if numeric { number().unwrap_or_else(|| Value::text(text)) } else { Value::text(text) }
}
