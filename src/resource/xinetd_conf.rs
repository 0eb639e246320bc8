//! `xinetd_conf`: the services of xinetd.

use std::collections::HashSet;

use crate::parse::MAX_ROWS;
use crate::parse::xinetd::{Operator, Setting, Statement, statements};
use crate::resource::lines::{Lines, place};
use crate::resource::{
    Argument, Arguments, Asked, Columns, Context, Label, NoAnswer, Property, Resource, Shape, Table, Takes, Type,
};
use crate::rootfs::{Glob, GlobPiece, Links, LookError, MAX_FILE_BYTES};
use crate::value::{Text, Value, lossless};

pub(super) const XINETD_CONF: Resource = Resource {
    name: "xinetd_conf",
    summary: "The services of xinetd's configuration, include and includedir followed, with what they take from the \
              defaults.",
    label: Label::Path("/etc/xinetd.conf"),
    arguments: &[Argument {
        name: "path",
        takes: Takes::Path,
        summary: "Absolute path inside the target of the file that xinetd reads first.",
        required: false,
    }],
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(COLUMNS), read },
};

const COLUMNS: &[Property] = &[
    Property::new("service", Type::Text, "Name of the service.").plural("services"),
    Property::new("id", Type::Text, "Its id: the name where nothing is said.").plural("ids"),
    Property::new("type", Type::Text, "INTERNAL, UNLISTED, RPC and the like, with a space between; nil without any.")
        .plural("types"),
    Property::new("socket_type", Type::Text, "stream, dgram, raw or seqpacket.").plural("socket_types"),
    Property::new("protocol", Type::Text, "tcp, udp; where nothing is said, that of the type of the socket.")
        .plural("protocols"),
    Property::new("wait", Type::Text, "yes or no."),
    Property::new("user", Type::Text, "As whom the server runs.").plural("users"),
    Property::new("server", Type::Text, "The program.").plural("servers"),
    Property::new("server_args", Type::Texts, "Its arguments."),
    Property::new("only_from", Type::Texts, "Who is served: nobody where it is empty, everybody where it is nil."),
    Property::new("no_access", Type::Texts, "Who is not; nil where nothing is said."),
    Property::new("enabled", Type::Bool, "Nothing switches it off: not itself, and neither list of the defaults."),
    Property::new("disabled", Type::Bool, "Something does."),
    Property::new("attributes", Type::Texts, "All of its attributes, name=values, with those of the defaults."),
    Property::new("attributes.*", Type::Untyped, "The values of one: attributes.log_on_failure."),
    Property::new("path", Type::Text, "The file in which it stands.").plural("paths"),
];

/// How many values an attribute has, and what becomes of it when it is given again.
enum Kind {
    /// It is left out unless it has so many values; the first one counts.
    Of(usize),
    /// The first one counts.
    List,
    /// `+=` and `-=` change it, and `=` sets it anew.
    Changing,
}

fn kind(name: &[u8]) -> Kind {
    match name {
        b"access_times" | b"flags" | b"log_type" | b"server_args" | b"type" => Kind::List,
        b"cps" | b"redirect" => Kind::Of(2),
        b"disabled" | b"enabled" | b"env" | b"passenv" => Kind::Changing,
        b"log_on_failure" | b"log_on_success" | b"no_access" | b"only_from" => Kind::Changing,
        _ => Kind::Of(1),
    }
}

/// What a service has from the defaults that stand before it, to be changed or set anew.
const BEFORE: [&str; 8] = [
    "log_on_success",
    "log_on_failure",
    "only_from",
    "no_access",
    "passenv",
    "banner",
    "banner_success",
    "banner_fail",
];

/// What a service that does not say it itself has from the defaults, wherever they stand.
const AFTER: [&str; 12] = [
    "log_on_success",
    "log_on_failure",
    "log_type",
    "instances",
    "umask",
    "per_source",
    "mdns",
    "groups",
    "cps",
    "max_load",
    "bind",
    "v6only",
];

/// How deep files include each other, and how many there are.
const MAX_DEPTH: usize = 16;
const MAX_INCLUDED: usize = 1_000;
/// The most attributes of one section: xinetd knows some fifty.
const MAX_ATTRIBUTES: usize = 200;

/// An attribute of a section.
#[derive(Clone)]
struct Attribute {
    name: Text,
    values: Vec<Text>,
    /// The section says it itself.
    own: bool,
}

type Attributes = Vec<Attribute>;

struct Service {
    path: Text,
    line: usize,
    name: Text,
    attributes: Attributes,
}

struct Reading<'a> {
    context: &'a Context,
    table: Lines,
    defaults: Attributes,
    services: Vec<Service>,
    included: usize,
    /// Values and bytes that are kept: what the defaults say comes again with each service.
    values: usize,
    bytes: u64,
}

fn read(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let path = arguments.text("path").unwrap_or(b"/etc/xinetd.conf");
    let table = Lines::new(COLUMNS);
    let (defaults, services) = (Vec::new(), Vec::new());
    let mut reading = Reading { context, table, defaults, services, included: 0, values: 0, bytes: 0 };
    reading.file(path, &context.read_behind_link(path)?, 0)?;
    reading.rows()
}

fn get<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| *attribute.name == *name.as_bytes())
}

impl Reading<'_> {
    fn file(&mut self, path: &[u8], content: &[u8], depth: usize) -> Asked<()> {
        self.bytes += content.len() as u64;
        let of_file = Text::from(path);
        let mut any_defaults = false;
        for (line, statement) in statements(content).map_err(|error| NoAnswer::parse(path, &error))? {
            match statement {
                Err(why) => self.table.odd(path, line, why),
                Ok(Statement::Defaults(_)) if any_defaults => {
                    self.table.odd(path, line, "xinetd leaves out all defaults of a file but the first");
                }
                Ok(Statement::Defaults(settings)) => {
                    any_defaults = true;
                    let mut defaults = std::mem::take(&mut self.defaults);
                    self.section(path, &mut defaults, &settings, true)?;
                    self.defaults = defaults;
                }
                Ok(Statement::Service(name, settings)) => {
                    let before = BEFORE.iter().filter_map(|name| get(&self.defaults, name));
                    let mut attributes: Attributes =
                        before.map(|attribute| Attribute { own: false, ..attribute.clone() }).collect();
                    self.section(path, &mut attributes, &settings, false)?;
                    self.services.push(Service { path: of_file.clone(), line, name: Text::from(name), attributes });
                }
                Ok(Statement::Include(name) | Statement::IncludeFolder(name)) if !name.starts_with(b"/") => {
                    let why = format!("{}: only a whole path is understood", lossless(name));
                    self.table.odd(path, line, &why);
                }
                Ok(Statement::Include(name)) => {
                    self.include(path, line, 1, depth)?;
                    match self.context.read_behind_link(name) {
                        // xinetd goes on.
                        Err(NoAnswer::Missing(_)) => {}
                        read => self.file(name, &read?, depth + 1)?,
                    }
                }
                Ok(Statement::IncludeFolder(name)) => {
                    let files = self.files_of(name)?;
                    self.include(path, line, 1 + files.len(), depth)?;
                    for file in files {
                        let name = file.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
                        // xinetd leaves these out.
                        if name.contains(&b'.') || name.ends_with(b"~") || self.context.is_folder(&file) {
                            continue;
                        }
                        let content = self.context.read_behind_link(&file)?;
                        self.file(&file, &content, depth + 1)?;
                    }
                }
            }
            self.within_bounds(path, line)?;
        }
        Ok(())
    }

    /// Counts files that are included.
    fn include(&mut self, path: &[u8], line: usize, files: usize, depth: usize) -> Asked<()> {
        self.included += files;
        if depth == MAX_DEPTH || self.included > MAX_INCLUDED {
            let bounds = format!("files are included more than {MAX_DEPTH} deep, or more than {MAX_INCLUDED} in all");
            return Err(NoAnswer::parse(path, &format_args!("line {line}: {bounds}")));
        }
        Ok(())
    }

    /// What is in a folder.
    fn files_of(&self, folder: &[u8]) -> Asked<Vec<Vec<u8>>> {
        match self.context.root.lookup(folder, Links::Stay) {
            // xinetd goes on.
            Err(LookError::Absent) => return Ok(Vec::new()),
            Err(error) => return Err(NoAnswer::look(folder, &error)),
            Ok(_) if !self.context.is_folder(folder) => {
                return Err(NoAnswer::Error(format!("{} is no folder", lossless(folder))));
            }
            Ok(_) => {}
        }
        let glob = Glob::of(&[GlobPiece::Literal(folder), GlobPiece::Written("/*")]);
        let glob = glob.map_err(|error| NoAnswer::Error(error.to_string()))?;
        let (paths, _) = self.context.expand_all(std::slice::from_ref(&glob))?;
        Ok(paths.into_iter().map(|(path, _)| path).collect())
    }

    /// Takes the lines of a section, and counts what is kept then.
    fn section(&mut self, path: &[u8], into: &mut Attributes, settings: &[Setting<'_>], defaults: bool) -> Asked<()> {
        for setting in settings {
            if let Err(why) = self.take(into, setting, defaults) {
                self.table.odd(path, setting.line, why);
            }
            if into.len() > MAX_ATTRIBUTES || self.values > MAX_ROWS {
                let why = format!("line {}: more than {MAX_ATTRIBUTES} attributes, or too many values", setting.line);
                return Err(NoAnswer::parse(path, &why));
            }
        }
        self.count(into);
        Ok(())
    }

    fn count(&mut self, attributes: &[Attribute]) {
        self.values += 1 + attributes.iter().map(|attribute| 1 + attribute.values.len()).sum::<usize>();
        let bytes = attributes.iter().flat_map(|attribute| &attribute.values).map(|value| value.len() as u64);
        self.bytes += bytes.sum::<u64>();
    }

    fn within_bounds(&self, path: &[u8], line: usize) -> Asked<()> {
        if self.values <= MAX_ROWS && self.bytes <= MAX_FILE_BYTES {
            return Ok(());
        }
        let bounds = format!("more than {MAX_ROWS} values or {MAX_FILE_BYTES} bytes with what is included");
        Err(NoAnswer::parse(path, &format_args!("line {line}: {bounds}")))
    }

    fn take(&mut self, into: &mut Attributes, setting: &Setting<'_>, defaults: bool) -> Result<(), &'static str> {
        let name = if setting.name == b"interface" { b"bind" } else { setting.name };
        let of_defaults_alone = matches!(name, b"enabled" | b"disabled");
        if of_defaults_alone && !defaults {
            return Ok(());
        }
        let values = setting.values.iter().map(|value| Text::from(*value));
        let place = into.iter().position(|attribute| *attribute.name == *name);
        let known = place.and_then(|place| into.get_mut(place));
        let is_own = known.as_ref().is_some_and(|known| known.own);
        match (kind(name), known) {
            (Kind::Changing, Some(known)) => {
                known.own = true;
                match setting.operator {
                    Operator::Remove if of_defaults_alone => return Err("xinetd adds here, whatever is written"),
                    Operator::Remove => {
                        let gone: HashSet<&[u8]> = setting.values.iter().copied().collect();
                        let before = known.values.len();
                        self.values += before;
                        known.values.retain(|value| !gone.contains(&**value));
                        if before - known.values.len() < gone.len() && matches!(name, b"only_from" | b"no_access") {
                            return Err("it takes away what does not stand there in these words");
                        }
                    }
                    Operator::Set if !defaults => known.values = values.collect(),
                    Operator::Set | Operator::Add => known.values.extend(values),
                }
            }
            (Kind::Changing, None) if setting.operator == Operator::Remove => {
                return Err("it takes away from what is not there");
            }
            (Kind::Changing, None) => {
                into.push(Attribute { name: Text::from(name), values: values.collect(), own: true })
            }
            (Kind::List, Some(known)) if defaults => known.values = values.collect(),
            // xinetd warns, and leaves it out.
            (Kind::Of(count), _) if setting.values.len() != count => {}
            _ if is_own || setting.operator != Operator::Set => {}
            (_, Some(known)) => *known = Attribute { name: Text::from(name), values: values.collect(), own: true },
            (_, None) => into.push(Attribute { name: Text::from(name), values: values.collect(), own: true }),
        }
        Ok(())
    }

    fn rows(mut self) -> Asked<Table> {
        let defaults = std::mem::take(&mut self.defaults);
        let list = |name: &str| -> Option<HashSet<Text>> {
            get(&defaults, name).map(|attribute| attribute.values.iter().cloned().collect())
        };
        let (only, never) = (list("enabled"), list("disabled").unwrap_or_default());
        for mut service in std::mem::take(&mut self.services) {
            for name in AFTER {
                let own = get(&service.attributes, name).is_some_and(|attribute| attribute.own);
                if let (false, Some(attribute)) = (own, get(&defaults, name)) {
                    service.attributes.retain(|known| known.name != attribute.name);
                    service.attributes.push(attribute.clone());
                }
            }
            self.count(&service.attributes);
            self.within_bounds(&service.path, service.line)?;
            self.row(&service, only.as_ref(), &never)?;
        }
        Ok(self.table.table())
    }

    fn row(&mut self, service: &Service, only: Option<&HashSet<Text>>, never: &HashSet<Text>) -> Asked<()> {
        let get = |name: &str| get(&service.attributes, name).map(|attribute| attribute.values.as_slice());
        let first = |name: &str| get(name).and_then(<[Text]>::first);
        let text = |name: &str| first(name).map_or(Value::Nil, |value| Value::Text(Text::clone(value)));
        let texts = |name: &str| get(name).map_or(Value::Nil, Value::texts);
        let id = first("id").unwrap_or(&service.name);
        // Of the type of a socket and the protocol, one tells the other.
        let told = |name: &str, by: &str, pairs: [(&[u8], &str); 2]| {
            let other = first(by).and_then(|by| pairs.into_iter().find(|(known, _)| **by == **known));
            match (text(name), other) {
                (Value::Nil, Some((_, told))) => Value::text(told),
                (said, _) => said,
            }
        };
        let attributes =
            service.attributes.iter().map(|attribute| [&*attribute.name, &joined(&attribute.values)].join(&b'='));
        let enabled = enabled(id, get("flags"), first("disable"), only, never);
        let unknown = |why| NoAnswer::Error(format!("{}: {why}", place(&service.path, service.line)));
        let is = |wanted: bool| enabled.map(|enabled| Value::Bool(enabled == wanted)).map_err(unknown);
        let cells = [
            Value::Text(Text::clone(&service.name)),
            Value::Text(Text::clone(id)),
            get("type").map_or(Value::Nil, |values| Value::text(joined(values))),
            told("socket_type", "protocol", [(b"tcp", "stream"), (b"udp", "dgram")]),
            told("protocol", "socket_type", [(b"stream", "tcp"), (b"dgram", "udp")]),
            text("wait"),
            text("user"),
            text("server"),
            texts("server_args"),
            texts("only_from"),
            texts("no_access"),
        ];
        let rest = [is(true), is(false), Ok(Value::texts(attributes)), Ok(Value::Text(Text::clone(&service.path)))];
        self.table.cells(&service.path, service.line, cells.into_iter().map(Ok).chain(rest).collect())
    }
}

/// Whether a service is offered.
///
/// Errors: it contradicts itself, or xinetd's manual says one thing, and xinetd does another.
fn enabled(
    id: &Text,
    flags: Option<&[Text]>,
    disable: Option<&Text>,
    only: Option<&HashSet<Text>>,
    never: &HashSet<Text>,
) -> Result<bool, &'static str> {
    if never.contains(id) || only.is_some_and(|only| !only.contains(id)) {
        return Ok(false);
    }
    let flag = flags.is_some_and(|flags| flags.iter().any(|flag| **flag == *b"DISABLE"));
    let disable = match disable.map(|disable| &**disable) {
        None => None,
        Some(b"yes") => Some(true),
        Some(b"no") => Some(false),
        Some(_) => return Err("disable is neither yes nor no"),
    };
    match (disable, flag) {
        (Some(false), true) => Err("the flag DISABLE and disable = no contradict each other"),
        (Some(false) | None, false) => Ok(true),
        _ if only.is_some() => {
            Err("it disables itself, and the defaults enable it: xinetd and its manual do not agree")
        }
        _ => Ok(false),
    }
}

fn joined(values: &[Text]) -> Vec<u8> {
    values.join(&b' ')
}
