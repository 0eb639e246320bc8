//! `image`: how the container is started and how its image was made, from the image's configuration.
//!
//! A root filesystem alone does not tell; then all of it is skipped. Source: the OCI image configuration.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::parse::accounts::{self, Record};
use crate::resource::{Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Type};
use crate::rootfs::ImageConfig;
use crate::value::Value;

const NONE: &[Argument] = &[];

pub(super) const IMAGE: Resource = Resource {
    name: "image",
    summary: "The image's configuration: how the container is started, and how the image was made.",
    label: Label::Alone("image"),
    arguments: NONE,
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open },
};

const PROPERTIES: &[Property] = &[
    Property::new("user", Type::Text, "USER[:GROUP] as it is written; nil when none is, which means root."),
    Property::new(
        "uid",
        Type::Int,
        "Number of the user that it starts as, by the target's /etc/passwd; 0 when no user is written.",
    ),
    Property::new("env", Type::Texts, "The environment: NAME=VALUE.").secret(),
    Property::new("env_names", Type::Texts, "The names of the environment."),
    Property::new("env.*", Type::Text, "The value of this name in the environment; nil without it.").secret(),
    Property::new("entrypoint", Type::Texts, "What is always run; nil without it."),
    Property::new("cmd", Type::Texts, "What is run by default, or the arguments to the entrypoint; nil without it."),
    Property::new("working_dir", Type::Text, "The folder that it starts in; nil when none is written."),
    Property::new("exposed_ports", Type::Texts, "Ports that it says it listens on: 80/tcp."),
    Property::new("volumes", Type::Texts, "Paths that it keeps in volumes."),
    Property::new("labels", Type::Texts, "Its labels: NAME=VALUE."),
    Property::new("labels.*", Type::Text, "The value of the label of this name; nil without it."),
    Property::new("healthcheck", Type::Texts, "The test of its health: CMD or CMD-SHELL and words; nil without it."),
    Property::new("stop_signal", Type::Text, "The signal that stops it; nil when none is written."),
    Property::new("history", Type::Texts, "The commands that made it, the first one first.").secret(),
    Property::new("architecture", Type::Text, "Such as amd64."),
    Property::new("os", Type::Text, "Such as linux."),
    Property::new("created", Type::Time, "When it was made; nil when it does not say."),
];

fn open(context: &Context, _: &Arguments) -> Asked<Object> {
    config(context).map(|_| Object::Image)
}

fn config(context: &Context) -> Asked<&ImageConfig> {
    let unknown = "a root filesystem alone does not tell how its image is configured; --image-config does";
    context.root.image_config().ok_or_else(|| NoAnswer::Unanswerable(unknown.to_owned()))
}

/// The value of a property of the registry.
pub(super) fn property(context: &Context, name: &str) -> Asked<Value> {
    let config = config(context)?;
    let text = |text: &Option<String>| text.as_ref().map_or(Value::Nil, Value::text);
    let words = |words: &Option<Vec<String>>| words.as_ref().map_or(Value::Nil, Value::texts);
    match name {
        "user" => Ok(text(&config.user)),
        "uid" => uid(context, config.user.as_deref()),
        "env" => Ok(Value::texts(&config.env)),
        "env_names" => Ok(Value::texts(config.env.iter().map(|entry| variable(entry).0))),
        "entrypoint" => Ok(words(&config.entrypoint)),
        "cmd" => Ok(words(&config.cmd)),
        "working_dir" => Ok(text(&config.working_dir)),
        "exposed_ports" => Ok(Value::texts(&config.exposed_ports)),
        "volumes" => Ok(Value::texts(&config.volumes)),
        "labels" => Ok(Value::texts(config.labels.iter().map(|(name, value)| format!("{name}={value}")))),
        "healthcheck" => Ok(words(&config.healthcheck)),
        "stop_signal" => Ok(text(&config.stop_signal)),
        "history" => match &config.history {
            Some(steps) => Ok(Value::texts(steps.iter().map(|step| &step.created_by))),
            None => Err(NoAnswer::Unanswerable("the image's configuration does not tell its history".to_owned())),
        },
        "architecture" => Ok(text(&config.architecture)),
        "os" => Ok(text(&config.os)),
        "created" => created(config.created.as_deref()),
        _ => match name.split_once('.') {
            // The last of several counts, as for the program that is started.
            Some(("env", name)) => {
                let found = config.env.iter().rev().map(|entry| variable(entry)).find(|(known, _)| *known == name);
                Ok(found.map_or(Value::Nil, |(_, value)| Value::text(value)))
            }
            Some(("labels", name)) => {
                let found = config.labels.iter().find(|(known, _)| known == name);
                Ok(found.map_or(Value::Nil, |(_, value)| Value::text(value)))
            }
            _ => Err(NoAnswer::Error(format!("image has no property {name}"))),
        },
    }
}

/// Name and value of an entry of the environment.
fn variable(entry: &str) -> (&str, &str) {
    entry.split_once('=').unwrap_or((entry, ""))
}

/// The number of the user, as runtimes find it: the first line of /etc/passwd that has the text as its name or its
/// number; a number that has no line is itself.
fn uid(context: &Context, user: Option<&str>) -> Asked<Value> {
    let user = user.map_or("", |user| user.split_once(':').map_or(user, |(user, _)| user));
    let user = if user.is_empty() { "0" } else { user };
    let number: Option<u32> = user.parse().ok();
    let known = match context.read(b"/etc/passwd") {
        Ok(content) => {
            let parse = |error| NoAnswer::parse(b"/etc/passwd", &error);
            let records = accounts::records(&content).map_err(parse)?;
            let id = |id: Option<i64>| id.and_then(|id| u32::try_from(id).ok());
            let is_named = |record: &Record<'_>| record.field(0) == Some(user.as_bytes());
            let known = records.iter().find(|record| {
                is_named(record) || record.id(2).is_ok_and(|found| number.is_some() && id(found) == number)
            });
            match known.map(|record| record.id(2).map(id)) {
                None => None,
                Some(Ok(Some(id))) => Some(id),
                // Runtimes take such a user for root.
                Some(_) => {
                    return Err(NoAnswer::Error(format!("/etc/passwd: user {user} has no uid that is a number")));
                }
            }
        }
        Err(NoAnswer::Missing(_)) => None,
        Err(error) => return Err(error),
    };
    match known.or(number) {
        Some(id) => Ok(Value::Int(i128::from(id))),
        None => Err(NoAnswer::Error(format!("the image starts as {user:?}, whom /etc/passwd does not know"))),
    }
}

fn created(text: Option<&str>) -> Asked<Value> {
    let Some(text) = text else { return Ok(Value::Nil) };
    match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(moment) => Ok(Value::Time(moment.unix_timestamp())),
        Err(_) => Err(NoAnswer::Error(format!("the image says that it was made at {text:?}, which is no time"))),
    }
}
