//! `kernel_module`: what modprobe.d says of a module of the kernel.

use std::collections::BTreeMap;

use crate::parse::modprobe::{Setting, meets, plain, settings};
use crate::resource::lines::place;
use crate::resource::package_databases::{expand, same_file};
use crate::resource::{
    Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Takes, Type,
};
use crate::rootfs::{Kind, Links, LookError};
use crate::value::{Value, lossless};

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
const FOLDERS: [&str; 5] =
    ["/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"];

fn open(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let name = plain(arguments.text("name").unwrap_or_default());
    let (mut blacklisted, mut disabled, mut places) = (false, None, Vec::new());
    for path in files(context)? {
        let Some(content) = context.read_optional(&path)? else { continue };
        for (line, setting) in settings(&content).map_err(|error| NoAnswer::parse(&path, &error))? {
            let place = place(&path, line);
            let of_it = match &setting {
                Setting::Blacklist(module) => *module == name,
                // The first one counts.
                Setting::Install(..) if disabled.is_some() => false,
                Setting::Install(pattern, _) => meets(&name, pattern).ok_or_else(|| {
                    NoAnswer::Error(format!("{place}: only names, * and ? are understood in a pattern"))
                })?,
            };
            if !of_it {
                continue;
            }
            if path.ends_with(b".alias") {
                return Err(NoAnswer::Error(format!(
                    "{place}: kmod reads *.alias up to version 32, and later ones do not"
                )));
            }
            match setting {
                Setting::Blacklist(_) => blacklisted = true,
                Setting::Install(_, command) => disabled = Some(does_nothing(&command)),
            }
            places.push(place);
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
    let mut files: BTreeMap<Vec<u8>, File> = BTreeMap::new();
    for folder in FOLDERS {
        for suffix in ["conf", "alias"] {
            for (path, _) in expand(context, &format!("{folder}/*.{suffix}"))? {
                let name = path.get(folder.len()..).unwrap_or_default().to_vec();
                match files.get(&name) {
                    None => {}
                    Some(File::LeadsNowhere(link)) if !is_one(context, link, &path) => {
                        let (path, link) = (lossless(&path), lossless(link));
                        return Err(NoAnswer::Error(format!(
                            "{path}: {link} leads nowhere, and hides it from some versions of kmod only"
                        )));
                    }
                    Some(_) => continue,
                }
                let look = |error: LookError| NoAnswer::look(&path, &error);
                let link = match context.root.lookup(&path, Links::Stay) {
                    Ok(node) if node.metadata.kind == Kind::Symlink => context.root.read_link(&node).map_err(look)?,
                    _ => Vec::new(),
                };
                let file = match context.root.lookup(&path, Links::Follow) {
                    // It hides the files of its name in the folders behind.
                    _ if link == b"/dev/null" => File::Nothing,
                    Err(LookError::Absent) if link.is_empty() => continue,
                    Err(LookError::Absent) => File::LeadsNowhere(path),
                    Err(error) => return Err(look(error)),
                    Ok(node) if node.metadata.kind == Kind::Directory => continue,
                    Ok(_) => File::Read(path),
                };
                files.insert(name, file);
            }
        }
    }
    let read = |file| if let File::Read(path) = file { Some(path) } else { None };
    Ok(files.into_values().filter_map(read).collect())
}

/// What the first of the files of one name is.
enum File {
    Read(Vec<u8>),
    Nothing,
    LeadsNowhere(Vec<u8>),
}

/// Whether two paths are two names of one link.
fn is_one(context: &Context, link: &[u8], path: &[u8]) -> bool {
    let nodes = [link, path].map(|path| context.root.lookup(path, Links::Stay));
    matches!(&nodes, [Ok(one), Ok(other)] if same_file(one, other))
}
