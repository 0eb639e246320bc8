//! `service`: a unit of systemd by its files, or a script of init.

use crate::parse::lines;
use crate::resource::{
    Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Takes, Type,
};
use crate::rootfs::{Glob, GlobPiece, Kind, Links, LookError};
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

fn open(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let name = arguments.text("name").unwrap_or_default();
    if name.is_empty() || name.contains(&b'/') {
        return Err(NoAnswer::Error(format!("{} is no name of a service", lossless(name))));
    }
    let whole = match SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
        true => name.to_vec(),
        false => [name, b".service"].concat(),
    };
    match unit(context, &whole)? {
        Some(unit) => of_unit(context, &unit),
        None => of_script(context, name),
    }
}

/// A unit that was found.
struct Unit {
    path: Vec<u8>,
    /// The names by which others can want it: its own, and that of what it is a link to.
    names: Vec<Vec<u8>>,
    alias: bool,
    content: Option<crate::value::Text>,
}

fn unit(context: &Context, name: &[u8]) -> Asked<Option<Unit>> {
    // An instance has a file of its own, or that of its template.
    let template = name.iter().position(|byte| *byte == b'@').zip(name.iter().rposition(|byte| *byte == b'.'));
    let template = template.and_then(|(at, dot)| Some([name.get(..=at)?, name.get(dot..)?].concat()));
    for file in [Some(name.to_vec()), template].into_iter().flatten() {
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
                let target = last(&target).to_vec();
                if target != file && !names.contains(&target) {
                    names.push(target);
                }
            }
            // A link that leads to nothing is a unit that cannot be loaded.
            let content = match context.read(&path) {
                Err(NoAnswer::Missing(_)) => continue,
                content => content?,
            };
            let alias = names.len() > 1;
            return Ok(Some(Unit { path, names, alias, content: Some(content).filter(|content| !content.is_empty()) }));
        }
    }
    Ok(None)
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
    for folder in FOLDERS {
        for kind in ["*.wants", "*.requires", "*.upholds"] {
            let glob = glob(&[GlobPiece::Written(folder), GlobPiece::Written("/"), GlobPiece::Written(kind)])?;
            for (wants, _) in context.expand_all(std::slice::from_ref(&glob))?.0 {
                for name in &unit.names {
                    if is_wanted(context, &wants, name)? {
                        return Ok(true);
                    }
                }
            }
        }
    }
    is_aliased(context, unit)
}

/// Whether a folder of wants has a link of this name; of a template, of any instance.
fn is_wanted(context: &Context, wants: &[u8], name: &[u8]) -> Asked<bool> {
    let path = [wants, b"/", name].concat();
    if let Some(at) = memchr::memmem::find(&path, b"@.") {
        let (before, after) = path.split_at(at + 1);
        let glob = glob(&[GlobPiece::Literal(before), GlobPiece::Written("*"), GlobPiece::Literal(after)])?;
        return Ok(!context.expand_all(std::slice::from_ref(&glob))?.0.is_empty());
    }
    match context.root.lookup(&path, Links::Stay) {
        Ok(_) => Ok(true),
        Err(LookError::Absent) => Ok(false),
        Err(error) => Err(NoAnswer::look(&path, &error)),
    }
}

/// Whether an administrator's link of another name leads to this unit.
fn is_aliased(context: &Context, unit: &Unit) -> Asked<bool> {
    for folder in ["/etc/systemd/system/*", "/run/systemd/system/*"] {
        let glob = glob(&[GlobPiece::Written(folder)])?;
        for (path, _) in context.expand_all(std::slice::from_ref(&glob))?.0 {
            let look = |error: LookError| NoAnswer::look(&path, &error);
            let node = match context.root.lookup(&path, Links::Stay) {
                Err(LookError::Absent) => continue,
                node => node.map_err(look)?,
            };
            if node.metadata.kind == Kind::Symlink && !unit.names.iter().any(|name| name == last(&path)) {
                let target = context.root.read_link(&node).map_err(look)?;
                if unit.names.iter().any(|name| name == last(&target)) {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

fn glob(pieces: &[GlobPiece<'_>]) -> Asked<Glob> {
    Glob::of(pieces).map_err(|error| NoAnswer::Error(error.to_string()))
}

/// Whether a unit says how it is enabled.
fn has_install(content: &[u8]) -> bool {
    const KEYS: [&[u8]; 5] = [b"WantedBy", b"RequiredBy", b"UpheldBy", b"Alias", b"Also"];
    KEYS.iter().any(|key| setting(content, b"Install", key).is_some_and(|value| !value.is_empty()))
}

/// The last value of a key in a section.
fn setting<'a>(content: &'a [u8], section: &[u8], key: &[u8]) -> Option<&'a [u8]> {
    let (mut inside, mut found) = (false, None);
    for (_, line) in lines(content) {
        let line = line.trim_ascii();
        if let Some(name) = line.strip_prefix(b"[").and_then(|line| line.strip_suffix(b"]")) {
            inside = name == section;
        } else if let Some(value) = line.strip_prefix(key).filter(|_| inside)
            && let Some(value) = value.trim_ascii_start().strip_prefix(b"=")
        {
            found = Some(value.trim_ascii());
        }
    }
    found
}

/// Whether a process is the program that a unit starts.
fn running(context: &Context, content: &[u8]) -> Asked<bool> {
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
    let path = [b"/etc/init.d/", name].concat();
    match context.root.lookup(&path, Links::Follow) {
        Ok(_) => {}
        Err(LookError::Absent) => {
            return Err(NoAnswer::Missing(format!("service {} is not installed", lossless(name))));
        }
        Err(error) => return Err(NoAnswer::look(&path, &error)),
    }
    let links = |pattern: &str| -> Asked<bool> {
        let glob = glob(&[GlobPiece::Written(pattern), GlobPiece::Literal(name)])?;
        Ok(!context.expand_all(std::slice::from_ref(&glob))?.0.is_empty())
    };
    let openrc = links("/etc/runlevels/*/")?;
    let enabled = openrc || links("/etc/rc?.d/S??")?;
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
