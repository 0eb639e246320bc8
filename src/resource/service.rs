//! `service`: a unit of systemd by its files, or a script of init.

use std::collections::{BTreeMap, HashSet};

use crate::order;
use crate::parse::lines;
use crate::resource::package_databases::{lookup, same_file};
use crate::resource::{
    Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Takes, Type,
};
use crate::rootfs::{Glob, GlobPiece, Kind, Links, LookError, Node};
use crate::value::{Value, lossless};

pub(super) const SERVICE: Resource = Resource {
    name: "service",
    summary: "A service by the files of systemd, or by its script where there is no unit: no service manager is asked.",
    label: Label::WithArgument("Service"),
    arguments: &[Argument {
        name: "name",
        takes: Takes::Text,
        summary: "Name of the unit; without a suffix, .service is meant.",
        required: true,
    }],
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open },
};

const PROPERTIES: &[Property] = &[
    Property::new("installed", Type::Bool, "There is a unit or a script of this name.").existence(),
    Property::new(
        "enabled",
        Type::Bool,
        "Something starts it, or it is static, which systemctl takes for enabled, too; a masked one is not.",
    )
    .existence(),
    Property::new(
        "running",
        Type::Bool,
        "A process of the live container is the program that the unit starts; skipped of a target at rest.",
    )
    .existence(),
    Property::new("masked", Type::Bool, "Its unit is a link to /dev/null, or empty."),
    Property::new("static", Type::Bool, "Its unit says nothing of how it would be enabled."),
    Property::new("state", Type::Text, "enabled, disabled, static, masked or alias."),
    Property::new("type", Type::Text, "systemd, sysv or openrc."),
    Property::new("description", Type::Text, "What the unit says of itself."),
    Property::new("path", Type::Text, "The file of the unit, or the script."),
];

/// Where systemd looks for units, the first that has one counts (systemd.unit(5)).
const FOLDERS: [&str; 13] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// Kinds of units by the ends of their names.
const SUFFIXES: [&[u8]; 11] = [
    b".service",
    b".socket",
    b".device",
    b".mount",
    b".automount",
    b".swap",
    b".target",
    b".path",
    b".timer",
    b".slice",
    b".scope",
];

/// How many links of other names are followed to a unit (systemd's own limit).
const MAX_ALIASES: usize = 8;

fn open(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let name = arguments.text("name").unwrap_or_default();
    if name.is_empty() || name.contains(&b'/') {
        return Err(NoAnswer::Error(format!("{} is no name of a service", lossless(name))));
    }
    let whole = match SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
        true => name.to_vec(),
        false => [name, b".service"].concat(),
    };
    match unit(context, &whole, 0)? {
        Some(unit) => of_unit(context, &unit),
        None => of_script(context, name),
    }
}

/// A unit that was found.
struct Unit {
    path: Vec<u8>,
    /// The names by which others can want it: the one asked for, and that of what it is a link to.
    names: Vec<Vec<u8>>,
    alias: bool,
    /// What it says; nothing of a masked one.
    content: Option<Vec<Setting>>,
}

/// A section, a key and its value.
type Setting = (Vec<u8>, Vec<u8>, Vec<u8>);

fn unit(context: &Context, name: &[u8], hops: usize) -> Asked<Option<Unit>> {
    // An instance has a file of its own, or that of its template.
    for file in [Some(name.to_vec()), instance(name).map(|(before, _, after)| [before, after].concat())] {
        let Some(file) = file else { continue };
        for folder in FOLDERS {
            let path = [folder.as_bytes(), b"/", file.as_slice()].concat();
            let node = match context.root.lookup(&path, Links::Stay) {
                Ok(node) => node,
                Err(LookError::Absent) => continue,
                Err(error) => return Err(NoAnswer::look(&path, &error)),
            };
            let mut names = vec![name.to_vec()];
            if node.metadata.kind == Kind::Symlink {
                let target = context.root.read_link(&node).map_err(|error| NoAnswer::look(&path, &error))?;
                if target == b"/dev/null" {
                    return Ok(Some(Unit { path, names, alias: false, content: None }));
                }
                let target = absolute(folder, &target);
                let other = last(&target);
                let in_folders = target.strip_suffix(other).and_then(|folder| folder.strip_suffix(b"/"));
                if FOLDERS.iter().any(|folder| in_folders == Some(folder.as_bytes())) {
                    if other == file {
                        continue;
                    }
                    // Another name: what counts is the unit of that name, which can be in a folder before its target.
                    if hops == MAX_ALIASES {
                        return Err(NoAnswer::Error(format!("{}: too many names of one unit", lossless(&path))));
                    }
                    let other = match (instance(other), instance(name)) {
                        (Some((before, b"", after)), Some((_, instance, _))) => [before, instance, after].concat(),
                        _ => other.to_vec(),
                    };
                    let Some(unit) = unit(context, &other, hops + 1)? else { return Err(leads_nowhere(&path)) };
                    names.extend(unit.names);
                    return Ok(Some(Unit { names, alias: true, ..unit }));
                }
            }
            let content = match context.read(&path) {
                // It hides the units of its name in the folders behind, and cannot be loaded.
                Err(NoAnswer::Missing(_)) => return Err(leads_nowhere(&path)),
                content => content?,
            };
            if content.is_empty() {
                return Ok(Some(Unit { path, names, alias: false, content: None }));
            }
            let mut content = settings(&content);
            for path in drop_ins(context, name)? {
                if let Some(more) = context.read_optional(&path)? {
                    content.extend(settings(&more));
                }
            }
            return Ok(Some(Unit { path, names, alias: false, content: Some(content) }));
        }
    }
    Ok(None)
}

fn leads_nowhere(path: &[u8]) -> NoAnswer {
    NoAnswer::Missing(format!("{} is a link to no unit", lossless(path)))
}

/// What of a name stands before the name of its instance, with the @, that name, and the suffix.
fn instance(name: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let at = name.iter().position(|byte| *byte == b'@')?;
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > at)?;
    Some((name.get(..=at)?, name.get(at + 1..dot)?, name.get(dot..)?))
}

/// The path that a link in a folder holds, without `.` and `..`.
fn absolute(folder: &str, target: &[u8]) -> Vec<u8> {
    let whole = if target.starts_with(b"/") { target.to_vec() } else { [folder.as_bytes(), b"/", target].concat() };
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in whole.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.iter().flat_map(|part| [&b"/"[..], part]).flatten().copied().collect()
}

/// The files that add to a unit, in the order of their names; of two of one name, the first counts: those of its own
/// name, of its template, of what its name begins with up to a dash, and of all units of its kind.
fn drop_ins(context: &Context, name: &[u8]) -> Asked<Vec<Vec<u8>>> {
    let (stem, suffix) = name.split_at(name.iter().rposition(|byte| *byte == b'.').unwrap_or(name.len()));
    let mut own = vec![name.to_vec()];
    own.extend(instance(name).map(|(before, _, after)| [before, after].concat()));
    let prefix = stem.split(|byte| *byte == b'@').next().unwrap_or_default();
    let dashes = (1..prefix.len().saturating_sub(1)).rev().filter(|at| prefix.get(*at) == Some(&b'-'));
    own.extend(dashes.filter_map(|at| Some([prefix.get(..=at)?, suffix].concat())));
    let kind = [suffix.strip_prefix(b".").unwrap_or_default().to_vec()];
    let mut files: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
    let folders = folders(context)?;
    for names in [own.as_slice(), &kind] {
        for (folder, _) in &folders {
            for name in names {
                let of_it = [folder.as_bytes(), b"/", name, b".d/"].concat();
                let glob = glob(&[GlobPiece::Literal(&of_it), GlobPiece::Written("*.conf")])?;
                for (path, _) in context.expand_all(std::slice::from_ref(&glob))?.0 {
                    let masked = link(context, &path)?.is_some_and(|target| target == b"/dev/null");
                    files.entry(last(&path).to_vec()).or_insert((!masked).then_some(path));
                }
            }
        }
    }
    Ok(files.into_values().flatten().collect())
}

/// The folders of units that are there, each with its first path.
fn folders(context: &Context) -> Asked<Vec<(&'static str, Node)>> {
    let mut found: Vec<(&str, Node)> = Vec::new();
    for folder in FOLDERS {
        if let Some(node) = lookup(context, folder.as_bytes())?.filter(|node| node.metadata.kind == Kind::Directory)
            && !found.iter().any(|(_, other)| same_file(other, &node))
        {
            found.push((folder, node));
        }
    }
    Ok(found)
}

/// The text of a link; nothing where something else stands, or nothing.
fn link(context: &Context, path: &[u8]) -> Asked<Option<Vec<u8>>> {
    let look = |error: LookError| NoAnswer::look(path, &error);
    match context.root.lookup(path, Links::Stay) {
        Ok(node) if node.metadata.kind == Kind::Symlink => context.root.read_link(&node).map(Some).map_err(look),
        Ok(_) | Err(LookError::Absent) => Ok(None),
        Err(error) => Err(look(error)),
    }
}

fn of_unit(context: &Context, unit: &Unit) -> Asked<Object> {
    let content = unit.content.as_deref().unwrap_or_default();
    let masked = unit.content.is_none();
    let is_static = !masked && !has_install(content);
    let linked = if masked { Ok(false) } else { is_linked(context, unit) };
    let state = linked.map(|linked| match () {
        () if masked => "masked",
        () if unit.alias => "alias",
        () if is_static => "static",
        () if linked => "enabled",
        () => "disabled",
    });
    let running = if masked { Ok(false) } else { running(context, content) };
    Ok(Object::Answers(vec![
        ("installed", Ok(Value::Bool(true))),
        ("enabled", state.clone().map(|state| Value::Bool(!matches!(state, "masked" | "disabled")))),
        ("running", running.map(Value::Bool)),
        ("masked", Ok(Value::Bool(masked))),
        ("static", Ok(Value::Bool(is_static))),
        ("state", state.map(Value::text)),
        ("type", Ok(Value::text("systemd"))),
        ("description", Ok(setting(content, b"Unit", b"Description").map_or(Value::Nil, Value::text))),
        ("path", Ok(Value::text(&unit.path))),
    ]))
}

/// Whether a link in a folder of wants or requirements is of this unit, or another name stands for it.
fn is_linked(context: &Context, unit: &Unit) -> Asked<bool> {
    let (mut names, mut wants, mut aliased) = (unit.names.clone(), Vec::new(), false);
    for (folder, node) in folders(context)? {
        let mut entries = Vec::new();
        let mut list = |name: &[u8], kind: Option<Kind>| {
            entries.push((name.to_vec(), kind));
            true
        };
        context.root.list(&node, &mut list).map_err(|error| NoAnswer::look(folder.as_bytes(), &error))?;
        order::sort(&mut entries, &|one, other| one.0.cmp(&other.0));
        for (entry, kind) in entries {
            let path = [folder.as_bytes(), b"/", entry.as_slice()].concat();
            if [&b".wants"[..], b".requires", b".upholds"].iter().any(|end| entry.ends_with(end)) {
                wants.push(path);
            } else if matches!(kind, None | Some(Kind::Symlink))
                && !names.contains(&entry)
                && link(context, &path)?.is_some_and(|target| names.iter().any(|name| name == last(&target)))
            {
                // One that an administrator made is what `enable` makes for an Alias.
                aliased |= folder.starts_with("/etc/") || folder.starts_with("/run/");
                names.push(entry);
            }
        }
    }
    let mut seen = HashSet::new();
    for folder in &wants {
        for name in &names {
            for path in wanted(context, folder, name)? {
                // Of two links of one name for one unit, the first one counts: it can be to /dev/null.
                let new = seen.insert((last(folder).to_vec(), last(&path).to_vec()));
                if new && link(context, &path)?.is_some_and(|target| target != b"/dev/null") {
                    return Ok(true);
                }
            }
        }
    }
    Ok(aliased)
}

/// The entries of this name in a folder of wants; of a template, those of all instances.
fn wanted(context: &Context, folder: &[u8], name: &[u8]) -> Asked<Vec<Vec<u8>>> {
    let path = [folder, b"/", name].concat();
    if let Some((before, b"", after)) = instance(name) {
        let before = [folder, b"/", before].concat();
        let glob = glob(&[GlobPiece::Literal(&before), GlobPiece::Written("*"), GlobPiece::Literal(after)])?;
        return Ok(context.expand_all(std::slice::from_ref(&glob))?.0.into_iter().map(|(path, _)| path).collect());
    }
    match context.root.lookup(&path, Links::Stay) {
        Ok(node) if node.metadata.kind == Kind::Symlink => Ok(vec![path]),
        Ok(_) => {
            let path = lossless(&path);
            Err(NoAnswer::Error(format!("{path}: it is no link; systemd passes over it, and old ones do not")))
        }
        Err(LookError::Absent) => Ok(Vec::new()),
        Err(error) => Err(NoAnswer::look(&path, &error)),
    }
}

fn glob(pieces: &[GlobPiece<'_>]) -> Asked<Glob> {
    Glob::of(pieces).map_err(|error| NoAnswer::Error(error.to_string()))
}

/// Whether a unit says how it is enabled.
fn has_install(content: &[Setting]) -> bool {
    const KEYS: [&[u8]; 5] = [b"WantedBy", b"RequiredBy", b"UpheldBy", b"Alias", b"Also"];
    KEYS.iter().any(|key| setting(content, b"Install", key).is_some_and(|value| !value.is_empty()))
}

/// The last value of a key in a section.
fn setting<'a>(content: &'a [Setting], section: &[u8], key: &[u8]) -> Option<&'a [u8]> {
    let found = content.iter().rev().find(|(of, name, _)| of == section && name == key);
    found.map(|(_, _, value)| value.as_slice())
}

/// The settings of a unit's file (systemd.syntax(7)): a backslash at the end joins the next line, and comments between
/// the two are passed over.
fn settings(content: &[u8]) -> Vec<Setting> {
    let (mut settings, mut section, mut whole): (Vec<Setting>, _, _) = (Vec::new(), Vec::new(), Vec::new());
    for (_, line) in lines(content) {
        let line = line.trim_ascii_start();
        if matches!(line.first(), Some(b'#' | b';')) {
            continue;
        }
        whole.extend_from_slice(line);
        // An even number of them is backslashes.
        if line.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1 {
            whole.pop();
            whole.push(b' ');
            continue;
        }
        let joined = std::mem::take(&mut whole);
        let line = joined.trim_ascii();
        if let Some(name) = line.strip_prefix(b"[").and_then(|line| line.strip_suffix(b"]")) {
            section = name.to_vec();
        } else if let Some(at) = line.iter().position(|byte| *byte == b'=') {
            let (key, value) = line.split_at(at);
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            settings.push((section.clone(), key.trim_ascii().to_vec(), value.to_vec()));
        }
    }
    settings
}

/// Whether a process is the program that a unit starts.
fn running(context: &Context, content: &[Setting]) -> Asked<bool> {
    let facts = context.processes()?;
    let processes = facts.processes.as_ref().map_err(|error| NoAnswer::Error(format!("processes: {error}")))?;
    let start = setting(content, b"Service", b"ExecStart").unwrap_or_default();
    let program = start.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let prefix = program.iter().take_while(|byte| b"@-:+!|".contains(byte)).count();
    let program = program.get(prefix..).unwrap_or_default();
    if !program.starts_with(b"/") || program.contains(&b'%') {
        return Err(NoAnswer::Unanswerable("the unit does not name the program that it starts".to_owned()));
    }
    let real = context.root.trace(program, Links::Follow, &mut |_| ()).map(|trace| trace.real_path);
    let mut unknown = None;
    for process in processes {
        // A script runs as its interpreter, with its own path behind it.
        let command = process.command.as_ref().map(|words| words.iter().take(2).any(|word| word == program));
        let executable = process.executable.as_ref().map(|path| path == program || real.as_ref() == Ok(path));
        match (command, executable) {
            (Ok(true), _) | (_, Ok(true)) => return Ok(true),
            (Err(error), _) | (_, Err(error)) => unknown = Some((process.pid, error.clone())),
            _ => {}
        }
    }
    match (unknown, facts.incomplete.first()) {
        (Some((pid, error)), _) => Err(NoAnswer::Error(format!("process {pid}: {error}"))),
        (None, Some(why)) => Err(NoAnswer::Error(why.clone())),
        (None, None) => Ok(false),
    }
}

/// A service of init: a script, started by links to it.
fn of_script(context: &Context, name: &[u8]) -> Asked<Object> {
    let mut script = None;
    for folder in ["/etc/init.d/", "/etc/rc.d/init.d/"] {
        let path = [folder.as_bytes(), name].concat();
        if script.is_none() && lookup(context, &path)?.is_some() {
            script = Some(path);
        }
    }
    let path = script.ok_or_else(|| NoAnswer::Missing(format!("service {} is not installed", lossless(name))))?;
    let links = |pattern: &str| -> Asked<bool> {
        let glob = glob(&[GlobPiece::Written(pattern), GlobPiece::Literal(name)])?;
        Ok(!context.expand_all(std::slice::from_ref(&glob))?.0.is_empty())
    };
    let openrc = links("/etc/runlevels/*/")?;
    let mut enabled = openrc;
    // Debian, Red Hat, SUSE.
    for pattern in ["/etc/rc?.d/S??", "/etc/rc.d/rc?.d/S??", "/etc/init.d/rc?.d/S??"] {
        enabled = enabled || links(pattern)?;
    }
    let content = context.read(&path)?;
    let kind = if openrc || content.starts_with(b"#!/sbin/openrc-run") { "openrc" } else { "sysv" };
    let running = context
        .processes()
        .and_then(|_| Err(NoAnswer::Unanswerable("a script does not name the program that it starts".to_owned())));
    Ok(Object::Answers(vec![
        ("installed", Ok(Value::Bool(true))),
        ("enabled", Ok(Value::Bool(enabled))),
        ("running", running),
        ("masked", Ok(Value::Bool(false))),
        ("static", Ok(Value::Bool(false))),
        ("state", Ok(Value::text(if enabled { "enabled" } else { "disabled" }))),
        ("type", Ok(Value::text(kind))),
        ("path", Ok(Value::text(&path))),
    ]))
}

/// The last name of a path.
fn last(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}
