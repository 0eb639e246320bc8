//! `sshd_config`: what sshd takes for a connection.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::parse::key_value::{self, Options};
use crate::parse::sshd_config::{Directive, OF_SERVER, RENAMED, REPEATED, WHOLE_LINE, directives, words};
use crate::parse::sshd_match::{Connection, Matched, matched};
use crate::parse::{MAX_ROWS, trim};
use crate::pattern::Pattern;
use crate::resource::accounts::group_names;
use crate::resource::{Argument, Arguments, Asked, Context, Keys, Label, NoAnswer, Resource, Shape, Takes};
use crate::rootfs::{Glob, MAX_FILE_BYTES};
use crate::value::{Text, Value, lossless};

const fn argument(name: &'static str, takes: Takes, summary: &'static str) -> Argument {
    Argument { name, takes, summary, required: false }
}

pub(super) const SSHD_CONFIG: Resource = Resource {
    name: "sshd_config",
    summary: "What sshd takes for a connection, by default one that no pattern of Match names: Include is followed, \
              a Match block goes before what stands outside, the first value of a keyword counts, keywords that may be \
              repeated hold all values.",
    label: Label::Alone("SSHD Configuration"),
    arguments: &[
        argument("path", Takes::Path, "Absolute path inside the target; by default /etc/ssh/sshd_config."),
        argument("user", Takes::Text, "The connection's user, for Match User and, by the target's accounts, Group."),
        argument("group", Takes::Text, "Groups of that user, separated by commas, instead of the target's accounts."),
        argument("host", Takes::Text, "Name of the client's host, for Match Host."),
        argument("address", Takes::Text, "Address of the client, for Match Address."),
        argument("localaddress", Takes::Text, "Address of the server, for Match LocalAddress."),
        argument("localport", Takes::Count, "Port of the server, for Match LocalPort."),
        argument("rdomain", Takes::Text, "Routing domain, for Match RDomain."),
        argument("flat", Takes::Bool, "InSpec's view: all lines of this one file, Match and Include not heeded."),
    ],
    one_of: &[],
    shape: Shape::Document { keys: Keys::Text { sections: false, fold_case: true }, read },
};

/// How deep Include goes: sshd's own limit.
const MAX_DEPTH: usize = 16;
/// The most patterns and files of all Includes.
const MAX_INCLUDED: usize = 1_000;

fn read(context: &Context, arguments: &Arguments) -> Asked<Value> {
    let path = arguments.text("path").unwrap_or(b"/etc/ssh/sshd_config");
    let content = context.read(path)?;
    if arguments.flag("flat") {
        return match arguments.0.iter().any(|(name, _)| !["path", "flat"].contains(name)) {
            true => Err(NoAnswer::Error("flat heeds no Match: it goes with no connection".to_owned())),
            false => flat(&content).map_err(|error| NoAnswer::parse(path, &error)),
        };
    }
    let mut reading = Reading {
        context,
        connection: connection(arguments)?,
        groups: arguments.text("group"),
        global: Taken::of(&REPEATED),
        matched: Taken::of(&REPEATED),
        directives: 0,
        bytes: 0,
        included: 0,
    };
    reading.file(
        path,
        &content,
        0,
        State { global: true, matched: false, never: (false, false), before_match: true },
    )?;
    Ok(reading.result())
}

fn connection(arguments: &Arguments) -> Asked<Connection> {
    let text = |name: &str| arguments.text(name).map(<[u8]>::to_vec);
    let address = |name: &str| -> Asked<Option<IpAddr>> {
        let Some(text) = arguments.text(name) else { return Ok(None) };
        let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        parsed.map(Some).ok_or_else(|| NoAnswer::Error(format!("{name}: {} is no IP address", lossless(text))))
    };
    let port = |number: usize| u16::try_from(number).map_err(|_| NoAnswer::Error(format!("localport: {number}")));
    Ok(Connection {
        user: text("user"),
        host: text("host"),
        address: address("address")?,
        local_address: address("localaddress")?,
        local_port: arguments.count("localport").map(port).transpose()?,
        routing_domain: text("rdomain"),
    })
}

/// sshd reads its configuration twice: once for the server, once for the connection. What the second reading takes
/// from Match blocks goes before what the first one took.
struct Reading<'a> {
    context: &'a Context,
    connection: Connection,
    groups: Option<&'a [u8]>,
    global: Taken,
    matched: Taken,
    /// How many directives were met, in how many bytes and files: those that include each other many times would have
    /// no end.
    directives: usize,
    bytes: u64,
    included: usize,
}

/// Which reading takes the directives that follow.
#[derive(Clone, Copy)]
struct State {
    global: bool,
    matched: bool,
    /// Whether the file was included from a block that does not hold: no Match in it does.
    never: (bool, bool),
    /// Whether no Match was met yet.
    before_match: bool,
}

/// Values by keyword.
pub(super) struct Taken {
    pub(super) keys: Vec<(Text, Vec<Value>)>,
    places: HashMap<Text, usize>,
    /// Keywords that hold all their values; of others the first one counts.
    repeated: &'static [&'static str],
}

impl Taken {
    pub(super) fn of(repeated: &'static [&'static str]) -> Taken {
        Taken { keys: Vec::new(), places: HashMap::new(), repeated }
    }

    pub(super) fn add(&mut self, keyword: &[u8], value: Value) {
        let renamed = RENAMED.iter().find(|(old, _)| old.as_bytes() == keyword);
        let keyword = renamed.map_or(keyword, |(_, new)| new.as_bytes());
        let place = *self.places.entry(Text::from(keyword)).or_insert(self.keys.len());
        match self.keys.get_mut(place) {
            Some((_, values)) if is_in(self.repeated, keyword) => values.push(value),
            Some(_) => {}
            None => self.keys.push((Text::from(keyword), vec![value])),
        }
    }

    pub(super) fn has(&self, keyword: &[u8]) -> bool {
        self.places.contains_key(keyword)
    }

    /// Takes what stands behind.
    pub(super) fn add_others(&mut self, later: Taken) {
        for (keyword, values) in later.keys {
            values.into_iter().for_each(|value| self.add(&keyword, value));
        }
    }
}

fn is_in(keywords: &[&str], keyword: &[u8]) -> bool {
    keywords.iter().any(|known| known.as_bytes() == keyword)
}

impl Reading<'_> {
    /// Takes the directives of one file and of what it includes, in the order in which sshd meets them.
    fn file(&mut self, path: &[u8], content: &[u8], depth: usize, mut state: State) -> Asked<()> {
        let directives = directives(content).map_err(|error| NoAnswer::parse(path, &error))?;
        self.directives += directives.len();
        self.bytes += content.len() as u64;
        if self.directives > MAX_ROWS || self.bytes > MAX_FILE_BYTES {
            let message = format!("more than {MAX_ROWS} lines or {MAX_FILE_BYTES} bytes with what is included");
            return Err(NoAnswer::parse(path, &message));
        }
        for directive in directives {
            let refuse = |why: &str| NoAnswer::parse(path, &format_args!("line {}: {why}", directive.line));
            let words = words(directive.arguments).map_err(|why| refuse(&why))?;
            match directive.keyword.as_slice() {
                b"match" => {
                    let nobody = Connection::default();
                    let connection = if state.never.1 { &nobody } else { &self.connection };
                    let found = matched(directive.arguments, connection, &|user| self.groups_of(user));
                    let found = found.map_err(|why| refuse(&why))?;
                    state.global = found == Matched::All && !state.never.0;
                    state.matched = found != Matched::No && !state.never.1;
                    state.before_match = false;
                }
                b"include" => {
                    if depth == MAX_DEPTH {
                        return Err(refuse(&format!("Include nested more than {MAX_DEPTH} deep")));
                    }
                    let never = (!state.global, !state.matched && !state.before_match);
                    for word in words {
                        let files = include_files(self.context, &word, b"/etc/ssh/").map_err(|why| refuse(&why))?;
                        self.included += 1 + files.len();
                        if self.included > MAX_INCLUDED {
                            return Err(refuse(&format!("more than {MAX_INCLUDED} files are included")));
                        }
                        for (file, _) in files {
                            let content = self.context.read_optional(&file)?;
                            let content =
                                content.ok_or_else(|| refuse(&format!("{} leads to nothing", lossless(&file))))?;
                            self.file(&file, &content, depth + 1, State { never, ..state })?;
                        }
                    }
                }
                keyword => self.take(keyword, &directive, &words, state),
            }
        }
        Ok(())
    }

    fn take(&mut self, keyword: &[u8], directive: &Directive<'_>, words: &[Vec<u8>], state: State) {
        let value = match is_in(&WHOLE_LINE, keyword) {
            true => Value::text(trim(directive.arguments)),
            false => Value::text(words.join(&b' ')),
        };
        if state.matched && !is_in(&OF_SERVER, keyword) {
            self.matched.add(keyword, value.clone());
        }
        if state.global {
            self.global.add(keyword, value);
        }
    }

    fn groups_of(&self, user: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        match self.groups {
            Some(groups) => Ok(groups.split(|byte| *byte == b',').map(|name| trim(name).to_vec()).collect()),
            None => group_names(self.context, user).map_err(|error| error.text().to_owned()),
        }
    }

    fn result(self) -> Value {
        let Reading { mut global, matched, .. } = self;
        for (keyword, values) in matched.keys {
            match global.places.get(&keyword).and_then(|place| global.keys.get_mut(*place)) {
                Some((_, before)) => *before = values,
                None => global.keys.push((keyword, values)),
            }
        }
        with_older_names(global.keys)
    }
}

/// The values as a map, those with older names under these, too.
pub(super) fn with_older_names(keys: Vec<(Text, Vec<Value>)>) -> Value {
    let named = |name: &str| keys.iter().find(|(keyword, _)| **keyword == *name.as_bytes());
    let older = RENAMED.iter().filter_map(|(old, new)| Some((Text::from(old.as_bytes()), named(new)?.1.clone())));
    let older: Vec<(Text, Vec<Value>)> = older.collect();
    let keys = keys.into_iter().chain(older).map(|(keyword, values)| (keyword, one_or_list(values)));
    Value::Map(keys.collect())
}

/// The files that a word of Include names; those that do not begin at the root lie in this folder.
pub(super) fn include_files(context: &Context, word: &[u8], folder: &[u8]) -> Result<Vec<(Vec<u8>, bool)>, String> {
    // What glob(3) knows and globs here do not: nothing that the program reads may be overlooked.
    let more = word.iter().any(|byte| matches!(byte, b'[' | b'\\' | b'$' | b'%'));
    if more || word.starts_with(b"~") || word.windows(2).any(|pair| pair == b"**") {
        return Err(format!("Include {}: only * and ? are understood", lossless(word)));
    }
    let whole = if word.starts_with(b"/") { word.to_vec() } else { [folder, word].concat() };
    let glob = Glob::new(&lossless(&whole)).map_err(|error| error.to_string())?;
    let found = context.expand_all(std::slice::from_ref(&glob));
    found.map(|(files, _)| files).map_err(|error| error.text().to_owned())
}

pub(super) fn one_or_list(mut values: Vec<Value>) -> Value {
    match values.len() {
        1 => values.pop().unwrap_or(Value::Nil),
        _ => Value::List(values),
    }
}

/// All lines of one file, as InSpec reads them: of keywords that differ in case only, the first spelling counts.
pub(super) fn flat(content: &[u8]) -> Result<Value, String> {
    let mut options = Options::inspec().map_err(|error| error.to_string())?;
    let assignment = Pattern::new(r"^\s*(\S+?)\s+(.*?)\s*$").and_then(|pattern| pattern.regex());
    options.assignment = assignment.map_err(|error| error.to_string())?;
    options.multiple_values = true;
    let Value::Map(entries) = key_value::keys([content], &options).map_err(|error| error.to_string())? else {
        return Ok(Value::Nil);
    };
    let mut keys: Vec<(Text, Value)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (keyword, value) in entries {
        let keyword = Text::from(keyword.to_ascii_lowercase());
        if let (true, Value::List(values)) = (seen.insert(Text::clone(&keyword)), value) {
            keys.push((keyword, one_or_list(values)));
        }
    }
    Ok(Value::Map(keys))
}
