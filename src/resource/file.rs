//! `file` and `directory`: what the filesystem says of a path, and what it holds.
//!
//! A link is followed, but for the properties that are about the link. Source: InSpec's file resource.

use std::collections::HashMap;

use md5::Md5;
use sha2::{Digest, Sha256, Sha512};

use crate::parse::{MAX_ROWS, acl, capability, lines};
use crate::resource::context::Seen;
use crate::resource::{
    Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Takes, Type, access,
};
use crate::rootfs::{Kind, Links, Look, LookError, MAX_HASHED_BYTES, Metadata, Node};
use crate::value::{Text, Value, lossless};

const PATH: &[Argument] =
    &[Argument { name: "path", takes: Takes::Path, summary: "Absolute path inside the target.", required: true }];

pub(super) const FILE: Resource = Resource {
    name: "file",
    summary: "A file of any kind: what it is, whose it is, what it holds.",
    label: Label::WithArgument("File"),
    arguments: PATH,
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open: open_file },
};

pub(super) const DIRECTORY: Resource = Resource {
    name: "directory",
    summary: "A directory; anything else at the path does not exist as one.",
    label: Label::WithArgument("Directory"),
    arguments: PATH,
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open: open_directory },
};

/// Properties of file and directory, and the columns of find.
pub(super) const PROPERTIES: &[Property] = &[
    Property::new("exist", Type::Bool, "It is there; a dangling link is not.").existence(),
    Property::new("type", Type::Kind, "What it is."),
    Property::new("symlink", Type::Bool, "The path itself is a symbolic link, dangling or not."),
    Property::new("mode", Type::Mode, "The twelve mode bits.").plural("modes"),
    Property::new("owner", Type::Text, "Name of the owner by the target's /etc/passwd; nil without one.")
        .plural("owners"),
    Property::new("group", Type::Text, "Name of the group by the target's /etc/group; nil without one."),
    Property::new("uid", Type::Int, "Number of the owner.").plural("uids"),
    Property::new("gid", Type::Int, "Number of the group.").plural("gids"),
    Property::new("size", Type::Int, "Size in bytes.").plural("sizes"),
    Property::new("mtime", Type::Time, "Last change of the content."),
    Property::new("age_days", Type::Int, "Whole days since the last change of the content."),
    Property::new("content", Type::Text, "The whole content.").secret(),
    Property::new("lines", Type::Texts, "The lines of the content.").secret(),
    Property::new("md5sum", Type::Text, "MD5 of the content, in hex."),
    Property::new("sha256sum", Type::Text, "SHA-256 of the content, in hex."),
    Property::new("sha512sum", Type::Text, "SHA-512 of the content, in hex."),
    Property::new("path", Type::Text, "The path; of a link, the path that it leads to."),
    Property::new("source_path", Type::Text, "The path as it was written."),
    Property::new("basename", Type::Text, "The last name of the path."),
    Property::new("link_path", Type::Text, "Where a link leads in the end; nil for what is no link."),
    Property::new("shallow_link_path", Type::Text, "Where a link leads in one step; nil for what is no link."),
    Property::new("linked_to", Type::Text, "The same as link_path."),
    Property::new("readable", Type::Bool, "Anybody may read it, by the mode."),
    Property::new("readable.owner", Type::Bool, "The owner may read it, by the mode."),
    Property::new("readable.group", Type::Bool, "The group may read it, by the mode."),
    Property::new("readable.other", Type::Bool, "Others may read it, by the mode."),
    Property::new("readable.all", Type::Bool, "Anybody may read it, by the mode."),
    Property::new("readable.user.*", Type::Bool, "This user may read it: mode, ACL, groups and the folders above."),
    Property::new("writable", Type::Bool, "Anybody may write it, by the mode."),
    Property::new("writable.owner", Type::Bool, "The owner may write it, by the mode."),
    Property::new("writable.group", Type::Bool, "The group may write it, by the mode."),
    Property::new("writable.other", Type::Bool, "Others may write it, by the mode."),
    Property::new("writable.all", Type::Bool, "Anybody may write it, by the mode."),
    Property::new("writable.user.*", Type::Bool, "This user may write it: mode, ACL, groups and the folders above."),
    Property::new("executable", Type::Bool, "Anybody may execute it, by the mode."),
    Property::new("executable.owner", Type::Bool, "The owner may execute it, by the mode."),
    Property::new("executable.group", Type::Bool, "The group may execute it, by the mode."),
    Property::new("executable.other", Type::Bool, "Others may execute it, by the mode."),
    Property::new("executable.all", Type::Bool, "Anybody may execute it, by the mode."),
    Property::new(
        "executable.user.*",
        Type::Bool,
        "This user may execute it: mode, ACL, groups and the folders above.",
    ),
    Property::new("setuid", Type::Bool, "The setuid bit is set."),
    Property::new("setgid", Type::Bool, "The setgid bit is set."),
    Property::new("sticky", Type::Bool, "The sticky bit is set."),
    Property::new("mounted", Type::Bool, "A filesystem is mounted here.").existence(),
    Property::new("selinux_label", Type::Text, "The SELinux context; nil without one."),
    Property::new("immutable", Type::Bool, "The immutable attribute is set."),
    Property::new(
        "acl",
        Type::Texts,
        "Entries of the access ACL as getfacl writes them, ids as numbers; empty without one.",
    ),
    Property::new("capabilities", Type::Texts, "File capabilities by name; empty without any."),
    Property::new("nlink", Type::Int, "Number of hard links."),
];

fn open_file(context: &Context, arguments: &Arguments) -> Asked<Object> {
    Ok(Object::File(context.file(arguments.text("path").unwrap_or_default())))
}

fn open_directory(context: &Context, arguments: &Arguments) -> Asked<Object> {
    Ok(Object::Directory(context.file(arguments.text("path").unwrap_or_default())))
}

/// A property of what should be a directory: where something else stands, no directory exists.
pub(super) fn directory_property(context: &Context, seen: &Seen<'_>, name: &str) -> Asked<Value> {
    match name {
        "type" | "symlink" | "link_path" | "shallow_link_path" | "linked_to" => {
            return file_property(context, seen, name);
        }
        _ => {}
    }
    match seen.metadata(context) {
        Ok(Metadata { kind: Kind::Directory, .. }) => file_property(context, seen, name),
        Ok(Metadata { kind, .. }) => {
            Err(NoAnswer::Missing(format!("{} is not a directory but a {}", seen.shown(), kind.words())))
        }
        Err(_) => file_property(context, seen, name),
    }
}

/// The value of a property of the registry.
pub(super) fn file_property(context: &Context, seen: &Seen<'_>, name: &str) -> Asked<Value> {
    ask(context, seen, name).map_err(|trouble| match trouble {
        Trouble::Look(error) => seen.no_answer(&error),
        Trouble::Other(no_answer) => no_answer,
    })
}

enum Trouble {
    Look(LookError),
    Other(NoAnswer),
}

impl From<LookError> for Trouble {
    fn from(error: LookError) -> Trouble {
        Trouble::Look(error)
    }
}

impl From<NoAnswer> for Trouble {
    fn from(no_answer: NoAnswer) -> Trouble {
        Trouble::Other(no_answer)
    }
}

fn ask(context: &Context, seen: &Seen<'_>, name: &str) -> Result<Value, Trouble> {
    // What is about the path itself needs no file behind a link.
    match name {
        "symlink" => return Ok(Value::Bool(seen.link(context)?.metadata.kind == Kind::Symlink)),
        "link_path" | "linked_to" => return link_path(context, seen),
        "shallow_link_path" => return shallow_link_path(context, seen),
        "exist" | "mounted" if seen.metadata(context) == Err(LookError::Absent) => return Ok(Value::Bool(false)),
        _ => {}
    }
    let metadata = seen.metadata(context)?;
    let any = |bits: u32| Ok(Value::Bool(metadata.mode & bits != 0));
    match name {
        "exist" => Ok(Value::Bool(true)),
        "type" => Ok(Value::text(metadata.kind.name())),
        "mode" => Ok(Value::Mode(metadata.mode)),
        "owner" => named(&context.names().users, metadata.uid),
        "group" => named(&context.names().groups, metadata.gid),
        "uid" => Ok(Value::Int(i128::from(metadata.uid))),
        "gid" => Ok(Value::Int(i128::from(metadata.gid))),
        "size" => Ok(Value::Int(i128::from(metadata.size))),
        "nlink" if !context.root.tells_inodes() => {
            Err(LookError::Unsupported("tar does not tell how many names it has").into())
        }
        "nlink" => Ok(Value::Int(i128::from(metadata.nlink))),
        "mtime" => Ok(Value::Time(metadata.mtime.0)),
        "age_days" => Ok(Value::Int(i128::from((context.now - metadata.mtime.0).div_euclid(86_400)))),
        "content" => Ok(Value::Text(seen.content(context)?)),
        "lines" => {
            let content = seen.content(context)?;
            let count = lines(&content).take(MAX_ROWS + 1).count();
            if count > MAX_ROWS {
                return Err(LookError::TooLarge { what: "lines", size: count as u64, cap: MAX_ROWS as u64 }.into());
            }
            Ok(Value::texts(lines(&content).map(|(_, line)| line)))
        }
        "md5sum" => hash::<Md5>(context, seen),
        "sha256sum" => hash::<Sha256>(context, seen),
        "sha512sum" => hash::<Sha512>(context, seen),
        "source_path" => Ok(Value::text(seen.path())),
        "path" => match link_path(context, seen)? {
            Value::Nil => Ok(Value::text(seen.path())),
            target => Ok(target),
        },
        "basename" => {
            Ok(Value::text(seen.path().rsplit(|byte| *byte == b'/').find(|name| !name.is_empty()).unwrap_or(b"/")))
        }
        "readable" | "readable.all" => any(0o444),
        "writable" | "writable.all" => any(0o222),
        "executable" | "executable.all" => any(0o111),
        "readable.owner" => any(0o400),
        "readable.group" => any(0o040),
        "readable.other" => any(0o004),
        "writable.owner" => any(0o200),
        "writable.group" => any(0o020),
        "writable.other" => any(0o002),
        "executable.owner" => any(0o100),
        "executable.group" => any(0o010),
        "executable.other" => any(0o001),
        "setuid" => any(0o4000),
        "setgid" => any(0o2000),
        "sticky" => any(0o1000),
        "mounted" => known(metadata.mount_root, "this kernel does not say where filesystems are mounted"),
        "immutable" => known(metadata.immutable, "the filesystem does not keep the attribute"),
        "selinux_label" => Ok(match context.root.xattr(&seen.node(context)?, "security.selinux")? {
            Some(label) => Value::text(label.strip_suffix(b"\0").unwrap_or(&label)),
            None => Value::Nil,
        }),
        "acl" => match context.root.xattr(&seen.node(context)?, "system.posix_acl_access")? {
            Some(xattr) => {
                let entries = acl::entries(&xattr).map_err(|error| NoAnswer::parse(&seen.path(), &error))?;
                Ok(Value::texts(entries.iter().map(acl::text)))
            }
            None => Ok(Value::List(Vec::new())),
        },
        "capabilities" => match context.root.xattr(&seen.node(context)?, "security.capability")? {
            Some(xattr) => {
                Ok(Value::texts(capability::names(&xattr).map_err(|error| NoAnswer::parse(&seen.path(), &error))?))
            }
            None => Ok(Value::List(Vec::new())),
        },
        _ => match by_user(name) {
            Some((wanted, user)) => Ok(Value::Bool(access::allows(context, &seen.path(), user, wanted)?)),
            None => Err(NoAnswer::Error(format!("file has no property {name}")).into()),
        },
    }
}

/// The name of an id; nil without one.
fn named(names: &Asked<HashMap<u32, Text>>, id: u32) -> Result<Value, Trouble> {
    match names {
        Ok(names) => Ok(names.get(&id).map_or(Value::Nil, |name| Value::Text(Text::clone(name)))),
        Err(error) => Err(error.clone().into()),
    }
}

/// `readable.user.NAME` as permission bit and name.
fn by_user(name: &str) -> Option<(u32, &str)> {
    let (permission, user) = name.split_once(".user.")?;
    match permission {
        "readable" => Some((4, user)),
        "writable" => Some((2, user)),
        "executable" => Some((1, user)),
        _ => None,
    }
}

fn known(fact: Option<bool>, otherwise: &'static str) -> Result<Value, Trouble> {
    fact.map(Value::Bool).ok_or(Trouble::Look(LookError::Unsupported(otherwise)))
}

fn link_path(context: &Context, seen: &Seen<'_>) -> Result<Value, Trouble> {
    if seen.link(context)?.metadata.kind != Kind::Symlink {
        return Ok(Value::Nil);
    }
    let path = seen.path();
    match context.root.trace(&path, Links::Follow, &mut |_| ()) {
        Ok(trace) => Ok(Value::text(trace.real_path)),
        Err(LookError::Absent) => Err(NoAnswer::Missing(format!("{} is a dangling link", lossless(&path))).into()),
        Err(error) => Err(error.into()),
    }
}

/// One step of a link, as an absolute path without `.` and `..`.
fn shallow_link_path(context: &Context, seen: &Seen<'_>) -> Result<Value, Trouble> {
    let link = seen.link(context)?;
    if link.metadata.kind != Kind::Symlink {
        return Ok(Value::Nil);
    }
    let target = context.root.read_link(&link)?;
    let path = seen.path();
    let folder = path.iter().rposition(|byte| *byte == b'/').and_then(|at| path.get(..at)).unwrap_or_default();
    let whole = if target.starts_with(b"/") { target } else { [folder, b"/", &target].concat() };
    let mut names: Vec<&[u8]> = Vec::new();
    for name in whole.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    Ok(Value::text([b"/", names.join(&b'/').as_slice()].concat()))
}

fn hash<D: Digest>(context: &Context, seen: &Seen<'_>) -> Result<Value, Trouble> {
    Ok(Value::text(hash_of::<D>(context, &seen.node(context)?)?))
}

/// The digest of a file's content, in hex.
pub(super) fn hash_of<D: Digest>(context: &Context, node: &Node) -> Look<String> {
    let mut digest = D::new();
    context.root.stream(node, MAX_HASHED_BYTES, &mut |piece| digest.update(piece))?;
    Ok(hex(&digest.finalize()))
}

/// Bytes in hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
