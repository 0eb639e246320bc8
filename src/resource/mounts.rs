//! `mount` and `mounts`: what is mounted where, as the target sees it (/proc/PID/mountinfo).

use crate::parse::mountinfo::Mount;
use crate::resource::host_mounts::sensitive;
use crate::resource::{
    Argument, Arguments, Asked, Columns, Context, Label, NoAnswer, Object, Property, Resource, Row, Shape, Table,
    Takes, Type,
};
use crate::rootfs::{Links, LookError};
use crate::value::{Value, lossless};

pub(super) const MOUNT: Resource = Resource {
    name: "mount",
    summary: "What is mounted at a path of a live container.",
    label: Label::WithArgument("Mount"),
    arguments: &[Argument { name: "path", takes: Takes::Path, summary: "Where it is mounted.", required: true }],
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open },
};

pub(super) const MOUNTS: Resource = Resource {
    name: "mounts",
    summary: "The mounts that a live container sees.",
    label: Label::Alone("Mounts"),
    arguments: &[],
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(COLUMNS), read },
};

pub(super) const FILESYSTEM: Resource = Resource {
    name: "filesystem",
    summary: "The filesystem that a path lies on: of a live container what is mounted, of a directory, too, how large it is.",
    label: Label::WithArgument("FileSystem"),
    arguments: &[Argument { name: "path", takes: Takes::Path, summary: "Any path.", required: true }],
    one_of: &[],
    shape: Shape::Object {
        properties: &[
            TYPE,
            DEVICE,
            Property::new("mount_point", Type::Text, "Where it is mounted."),
            OPTIONS,
            READ_ONLY,
            Property::new("size_kb", Type::Int, "How large it is, in KiB."),
            Property::new("free_kb", Type::Int, "How much of it is free for users that are not root, in KiB."),
            Property::new("percent_free", Type::Int, "The same in percent of its size, rounded down."),
        ],
        open: open_filesystem,
    },
};

const PROPERTIES: &[Property] = &[MOUNTED, DEVICE, TYPE, OPTIONS, READ_ONLY, PROPAGATION, ROOT, SENSITIVE];

const COLUMNS: &[Property] = &[
    Property::new("mount_point", Type::Text, "Where it is mounted.").plural("mount_points"),
    DEVICE.plural("devices"),
    TYPE.plural("types"),
    OPTIONS,
    READ_ONLY,
    PROPAGATION,
    ROOT,
    SENSITIVE,
];

const MOUNTED: Property = Property::new("mounted", Type::Bool, "Something is mounted there.").existence();
const DEVICE: Property = Property::new("device", Type::Text, "What is mounted, in the words of its filesystem.");
const TYPE: Property = Property::new("type", Type::Text, "Kind of the filesystem: overlay, tmpfs, ext4, proc.");
const OPTIONS: Property =
    Property::new("options", Type::Texts, "Options as mount(8) shows them: ro or rw, then nosuid, nodev, noexec …");
const READ_ONLY: Property =
    Property::new("read_only", Type::Bool, "Nothing below it can be changed by this way, on its own mount.");
const PROPAGATION: Property = Property::new(
    "propagation",
    Type::Texts,
    "Whether later mounts are passed on: private, shared, slave, unbindable; shared and slave can come together.",
);
const ROOT: Property = Property::new("root", Type::Text, "The folder or file of the filesystem that is mounted.");
const SENSITIVE: Property = Property::new(
    "sensitive",
    Type::Text,
    "What of the host or the kernel it shows that a container should not have; nil when it is nothing known here.",
);

fn open(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let path = arguments.text("path").unwrap_or_default();
    let path = if path.len() > 1 { path.strip_suffix(b"/").unwrap_or(path) } else { path };
    let mounts = known(context)?;
    let missing = || NoAnswer::Missing(format!("nothing is mounted at {}", lossless(path)));
    let mount = uppermost(mounts, path).ok_or_else(missing)?;
    let value = |property: &Property| (property.name, value(mount, property.name));
    Ok(Object::Facts(PROPERTIES.iter().map(value).collect()))
}

fn open_filesystem(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let path = arguments.text("path").unwrap_or_default();
    let trace = context.root.trace(path, Links::Follow, &mut |_| ()).map_err(|error| NoAnswer::look(path, &error))?;
    let mount = known(context).and_then(|mounts| {
        holding(mounts, &trace.real_path).ok_or_else(|| NoAnswer::Error(format!("no mount holds {}", lossless(path))))
    });
    let names = ["type", "device", "mount_point", "options", "read_only"];
    let mut answers: Vec<_> =
        names.into_iter().map(|name| (name, mount.clone().map(|mount| value(mount, name)))).collect();
    let space = context.root.space(&trace.node).map_err(|error| match error {
        LookError::Unsupported(why) => NoAnswer::Unanswerable(format!("{}: {why}", lossless(path))),
        error => NoAnswer::look(path, &error),
    });
    let of_space = |count: &dyn Fn(u64, u64) -> Asked<u64>| {
        let count = space.clone().and_then(|(size, free)| count(size, free));
        count.map(|count| Value::Int(i128::from(count)))
    };
    // The kernel's own filesystems have no size.
    let percent = |size, free: u64| free.saturating_mul(100).checked_div(size);
    let none = || NoAnswer::Error(format!("{}: its filesystem has no size", lossless(path)));
    answers.push(("size_kb", of_space(&|size, _| Ok(size))));
    answers.push(("free_kb", of_space(&|_, free| Ok(free))));
    answers.push(("percent_free", of_space(&|size, free| percent(size, free).ok_or_else(none))));
    Ok(Object::Answers(answers))
}

/// The mount that a path without links lies on.
fn holding<'a>(mounts: &'a [Mount], path: &[u8]) -> Option<&'a Mount> {
    let holds = |point: &[u8]| match path.strip_prefix(point) {
        Some(rest) => point.ends_with(b"/") || rest.is_empty() || rest.starts_with(b"/"),
        None => false,
    };
    let points = mounts.iter().map(|mount| mount.point.as_slice()).filter(|point| holds(point));
    uppermost(mounts, points.max_by_key(|point| point.len())?)
}

fn read(context: &Context, _: &Arguments) -> Asked<Table> {
    let mut table = Table::new(COLUMNS);
    for mount in known(context)? {
        let cells = COLUMNS.iter().map(|column| Ok(value(mount, column.name)));
        let place = format!("mount {}", lossless(&mount.point));
        table.rows.push(Row { cells: cells.collect(), place });
    }
    Ok(table)
}

fn known(context: &Context) -> Asked<&[Mount]> {
    let facts = context.processes()?;
    let mounts = facts.mounts.as_ref();
    mounts.map(Vec::as_slice).map_err(|error| NoAnswer::Error(format!("mounts of process {}: {error}", facts.target)))
}

/// Of several mounts at one place, the one that lies on the others.
fn uppermost<'a>(mounts: &'a [Mount], path: &[u8]) -> Option<&'a Mount> {
    let there: Vec<&Mount> = mounts.iter().filter(|mount| mount.point == path).collect();
    let covered = |mount: &Mount| there.iter().any(|other| other.parent == mount.id && other.id != mount.id);
    there.iter().rev().find(|mount| !covered(mount)).or(there.last()).copied()
}

fn value(mount: &Mount, name: &str) -> Value {
    match name {
        "mounted" => Value::Bool(true),
        "mount_point" => Value::text(&mount.point),
        "device" => Value::text(&mount.source),
        "type" => Value::text(&mount.kind),
        "options" => Value::texts(options(mount)),
        "read_only" => Value::Bool(mount.is_read_only()),
        "propagation" => Value::texts(propagation(mount)),
        "root" => Value::text(&mount.root),
        "sensitive" => sensitive(mount).map_or(Value::Nil, Value::text),
        _ => Value::Nil,
    }
}

/// Those of the mount and those of its filesystem, each once.
fn options(mount: &Mount) -> Vec<&[u8]> {
    let mut options: Vec<&[u8]> = vec![if mount.is_read_only() { b"ro" } else { b"rw" }];
    for option in mount.options.iter().chain(&mount.filesystem_options).map(Vec::as_slice) {
        if !matches!(option, b"ro" | b"rw") && !options.contains(&option) {
            options.push(option);
        }
    }
    options
}

fn propagation(mount: &Mount) -> Vec<&'static str> {
    let word = |field: &Vec<u8>| match field.as_slice() {
        field if field.starts_with(b"shared:") => Some("shared"),
        field if field.starts_with(b"master:") => Some("slave"),
        b"unbindable" => Some("unbindable"),
        _ => None,
    };
    let words: Vec<&str> = mount.propagation.iter().filter_map(word).collect();
    if words.is_empty() { vec!["private"] } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mountinfo::parse;

    #[test]
    fn of_several_mounts_the_uppermost_counts() {
        let text = b"3 2 0:2 / /mnt rw - tmpfs upper rw\n1 0 0:0 / / rw - overlay o rw\n2 1 0:1 / /mnt rw shared:1 master:2 - tmpfs lower ro,size=4k\n";
        let mounts = parse(text).unwrap();
        assert_eq!(uppermost(&mounts, b"/mnt").unwrap().source, b"upper");
        assert_eq!(uppermost(&mounts, b"/mn"), None);
        assert_eq!(options(&mounts[2]), [b"ro".as_slice(), b"size=4k"]);
        assert_eq!((propagation(&mounts[2]), propagation(&mounts[0])), (vec!["shared", "slave"], vec!["private"]));
    }
}
