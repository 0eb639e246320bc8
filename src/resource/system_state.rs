//! `selinux`, `timezone`, `virtualization` and `clock`: how the system is set up, by single files.

use crate::parse::{ParseError, lines, refuse_nul, refuse_rare_blanks, trim};
use crate::resource::{Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Type};
use crate::rootfs::{Kind, Links, LookError};
use crate::value::Value;

pub(super) const SELINUX: Resource = Resource {
    name: "selinux",
    summary: "SELinux as /etc/selinux/config sets it up; what the kernel enforces is the host's, and is not asked.",
    label: Label::Alone("SELinux"),
    arguments: &[],
    one_of: &[],
    shape: Shape::Object { properties: SELINUX_PROPERTIES, open: selinux },
};

pub(super) const TIMEZONE: Resource = Resource {
    name: "timezone",
    summary: "The time zone by /etc/localtime; by /etc/timezone where that is no link. Without any, programs take UTC.",
    label: Label::Alone("Time Zone resource"),
    arguments: &[],
    one_of: &[],
    shape: Shape::Object { properties: TIMEZONE_PROPERTIES, open: timezone },
};

pub(super) const VIRTUALIZATION: Resource = Resource {
    name: "virtualization",
    summary: "What the target runs in: a container, by the marks of the engine that made it.",
    label: Label::Alone("virtualization"),
    arguments: &[],
    one_of: &[],
    shape: Shape::Object { properties: VIRTUALIZATION_PROPERTIES, open: virtualization },
};

pub(super) const CLOCK: Resource = Resource {
    name: "clock",
    summary: "The moment of the scan.",
    label: Label::Alone("Clock"),
    arguments: &[],
    one_of: &[],
    shape: Shape::Object {
        properties: &[Property::new("date", Type::Time, "Now, for comparison with a day.")],
        open: |context, _| Ok(Object::Facts(vec![("date", Value::Time(context.now))])),
    },
};

const SELINUX_PROPERTIES: &[Property] = &[
    Property::new("installed", Type::Bool, "It has a configuration.").existence(),
    Property::new("mode", Type::Text, "enforcing, permissive or disabled; nil where nothing is said."),
    Property::new("enforcing", Type::Bool, "The mode is enforcing."),
    Property::new("permissive", Type::Bool, "The mode is permissive."),
    Property::new("disabled", Type::Bool, "The mode is disabled."),
    Property::new("policy", Type::Text, "SELINUXTYPE: targeted, mls and the like."),
];

const TIMEZONE_PROPERTIES: &[Property] = &[
    Property::new("exist", Type::Bool, "There is /etc/localtime.").existence(),
    Property::new("identifier", Type::Text, "Its name: Europe/Berlin, Etc/UTC."),
];

const VIRTUALIZATION_PROPERTIES: &[Property] = &[
    Property::new("system", Type::Text, "docker (/.dockerenv), podman (/run/.containerenv), else container."),
    Property::new("role", Type::Text, "guest."),
    Property::new("virtual_system", Type::Bool, "true."),
    Property::new("physical_system", Type::Bool, "false."),
];

const SELINUX_CONFIG: &[u8] = b"/etc/selinux/config";
const MODES: [&[u8]; 3] = [b"enforcing", b"permissive", b"disabled"];

fn selinux(context: &Context, _: &Arguments) -> Asked<Object> {
    let content = context.read(SELINUX_CONFIG)?;
    let (mut mode, mut policy): (Option<&[u8]>, Option<&[u8]>) = (None, None);
    let refuse = |error: ParseError| NoAnswer::parse(SELINUX_CONFIG, &error);
    refuse_nul(&content).and_then(|()| refuse_rare_blanks(&content)).map_err(refuse)?;
    for (line, written) in lines(&content) {
        let text = trim(written);
        if let Some(value) = text.strip_prefix(b"SELINUX=") {
            let value = trim(value).to_ascii_lowercase();
            if !written.starts_with(b"SELINUX=") {
                let error =
                    format_args!("line {line}: blanks stand before SELINUX=, which libselinux does not find then");
                return Err(NoAnswer::parse(SELINUX_CONFIG, &error));
            }
            // Of several modes, the first one that is known counts; what follows the word is not looked at.
            mode = mode.or(MODES.into_iter().find(|mode| value.starts_with(mode)));
        } else if let Some(value) = text.strip_prefix(b"SELINUXTYPE=").map(trim) {
            if policy.is_some_and(|other| other != value) {
                let error = format_args!("line {line}: SELINUXTYPE stands there before, with another value");
                return Err(NoAnswer::parse(SELINUX_CONFIG, &error));
            }
            policy = Some(value);
        }
    }
    let is = |word: &str| mode.map_or(Value::Nil, |mode| Value::Bool(mode == word.as_bytes()));
    Ok(Object::Facts(vec![
        ("installed", Value::Bool(true)),
        ("mode", mode.map_or(Value::Nil, Value::text)),
        ("enforcing", is("enforcing")),
        ("permissive", is("permissive")),
        ("disabled", is("disabled")),
        ("policy", policy.map_or(Value::Nil, Value::text)),
    ]))
}

fn timezone(context: &Context, _: &Arguments) -> Asked<Object> {
    let path = b"/etc/localtime";
    let look = |error: LookError| NoAnswer::look(path, &error);
    let node = context.root.lookup(path, Links::Stay).map_err(look)?;
    let name = match node.metadata.kind {
        Kind::Symlink => {
            let target = context.root.read_link(&node).map_err(look)?;
            let at = memchr::memmem::find(&target, b"zoneinfo/").map(|at| at + b"zoneinfo/".len());
            at.and_then(|at| target.get(at..)).map(<[u8]>::to_vec)
        }
        _ => context.read_optional(b"/etc/timezone")?.map(|content| trim(&content).to_vec()),
    };
    let unknown = || NoAnswer::Error("/etc/localtime does not tell the name of the zone".to_owned());
    let name = name.filter(|name| !name.is_empty()).map(Value::text).ok_or_else(unknown);
    Ok(Object::Answers(vec![("exist", Ok(Value::Bool(true))), ("identifier", name)]))
}

fn virtualization(context: &Context, _: &Arguments) -> Asked<Object> {
    let mut system = "container";
    for (mark, engine) in [(&b"/.dockerenv"[..], "docker"), (b"/run/.containerenv", "podman")] {
        match context.root.lookup(mark, Links::Stay) {
            Ok(_) => {
                system = engine;
                break;
            }
            Err(LookError::Absent) => {}
            Err(error) => return Err(NoAnswer::look(mark, &error)),
        }
    }
    Ok(Object::Facts(vec![
        ("system", Value::text(system)),
        ("role", Value::text("guest")),
        ("virtual_system", Value::Bool(true)),
        ("physical_system", Value::Bool(false)),
    ]))
}
