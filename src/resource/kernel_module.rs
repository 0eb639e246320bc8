//! `kernel_module`: what modprobe.d says of a module of the kernel.

use std::collections::HashSet;

use crate::order;
use crate::parse::modprobe::{Setting, plain, settings};
use crate::parse::sshd_match::is_match;
use crate::resource::lines::place;
use crate::resource::{
    Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Takes, Type,
};
use crate::rootfs::{Glob, Kind, Links, LookError};
use crate::value::Value;

pub(super) const KERNEL_MODULE: Resource = Resource {
    name: "kernel_module",
    summary: "What the files of modprobe.d say of a module of the kernel.",
    label: Label::WithArgument("Kernel Module"),
    arguments: &[Argument {
        name: "name",
        takes: Takes::Text,
        summary: "Name of the module; - and _ are the same.",
        required: true,
    }],
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open },
};

const PROPERTIES: &[Property] = &[
    Property::new("disabled", Type::Bool, "Instead of loading it, true or false is run."),
    Property::new("blacklisted", Type::Bool, "It is blacklisted or disabled."),
    Property::new("loaded", Type::Bool, "Always skipped: modules are the host's, and a container has none of its own."),
    Property::new("places", Type::Texts, "The lines that say so, as FILE:LINE."),
];

/// Of files of one name, that of the first of these folders counts.
const FOLDERS: [&str; 5] = [
    "/etc/modprobe.d/*.conf",
    "/run/modprobe.d/*.conf",
    "/usr/local/lib/modprobe.d/*.conf",
    "/usr/lib/modprobe.d/*.conf",
    "/lib/modprobe.d/*.conf",
];

fn open(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let name = plain(arguments.text("name").unwrap_or_default());
    let (mut blacklisted, mut disabled, mut places) = (false, None, Vec::new());
    for path in files(context)? {
        let Some(content) = context.read_optional(&path)? else { continue };
        for (line, setting) in settings(&content).map_err(|error| NoAnswer::parse(&path, &error))? {
            match setting {
                Setting::Blacklist(module) if module == name => blacklisted = true,
                // The first one counts.
                Setting::Install(pattern, command) if disabled.is_none() && is_match(&name, &pattern) => {
                    disabled = Some(does_nothing(&command));
                }
                _ => continue,
            }
            places.push(place(&path, line));
        }
    }
    let disabled = disabled.unwrap_or(false);
    let loaded = "modules are the host's: a container has none of its own";
    Ok(Object::Answers(vec![
        ("disabled", Ok(Value::Bool(disabled))),
        ("blacklisted", Ok(Value::Bool(blacklisted || disabled))),
        ("loaded", Err(NoAnswer::Unanswerable(loaded.to_owned()))),
        ("places", Ok(Value::texts(places))),
    ]))
}

fn does_nothing(command: &[u8]) -> bool {
    const COMMANDS: [&[u8]; 2] = [b"true", b"false"];
    const BINS: [&[u8]; 4] = [b"/bin/", b"/sbin/", b"/usr/bin/", b"/usr/sbin/"];
    BINS.iter().filter_map(|bin| command.strip_prefix(*bin)).any(|name| COMMANDS.contains(&name))
}

/// The files that count, in the order of their names.
fn files(context: &Context) -> Asked<Vec<Vec<u8>>> {
    let mut seen = HashSet::new();
    let mut files: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for folder in FOLDERS {
        let glob = Glob::new(folder).map_err(|error| NoAnswer::Error(error.to_string()))?;
        for (path, _) in context.expand_all(std::slice::from_ref(&glob))?.0 {
            let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
            if !seen.insert(name.clone()) {
                continue;
            }
            let look = |error: LookError| NoAnswer::look(&path, &error);
            match context.root.lookup(&path, Links::Stay) {
                Err(LookError::Absent) => {}
                Err(error) => return Err(look(error)),
                // A link to /dev/null hides the file of that name in the folders behind.
                Ok(node) if node.metadata.kind == Kind::Symlink => {
                    if context.root.read_link(&node).map_err(look)? != b"/dev/null" {
                        files.push((name, path));
                    }
                }
                Ok(_) => files.push((name, path)),
            }
        }
    }
    order::sort(&mut files, &Ord::cmp);
    Ok(files.into_iter().map(|(_, path)| path).collect())
}
