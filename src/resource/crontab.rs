//! `crontab`: what cron runs.

use crate::parse::crontab::jobs;
use crate::resource::lines::Lines;
use crate::resource::{
    Argument, Arguments, Asked, Columns, Context, Label, NoAnswer, Property, Resource, Shape, Table, Takes, Type,
};
use crate::value::{Value, lossless};

pub(super) const CRONTAB: Resource = Resource {
    name: "crontab",
    summary: "What cron runs: /etc/crontab, /etc/cron.d and the crontabs of users below /var/spool/cron and /etc/crontabs.",
    label: Label::WithArgument("Crontab"),
    arguments: &[
        Argument {
            name: "user",
            takes: Takes::Text,
            summary: "Only the crontab of this user, which is missing where there is none.",
            required: false,
        },
        Argument { name: "path", takes: Takes::Path, summary: "Only this file.", required: false },
    ],
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(COLUMNS), read },
};

const COLUMNS: &[Property] = &[
    Property::new("minute", Type::Untyped, "As it is written; -1 for @reboot.").plural("minutes"),
    Property::new("hour", Type::Untyped, "Hour.").plural("hours"),
    Property::new("day", Type::Untyped, "Day of the month.").plural("days"),
    Property::new("month", Type::Untyped, "Month.").plural("months"),
    Property::new("weekday", Type::Untyped, "Day of the week.").plural("weekdays"),
    Property::new("user", Type::Text, "As whom it is run.").plural("users"),
    Property::new("command", Type::Text, "What is run, to the end of the line.").plural("commands"),
    Property::new("path", Type::Text, "The file in which it stands.").plural("paths"),
];

/// Folders of the crontabs of users, which are called as the users are.
const SPOOLS: [&str; 4] = ["/var/spool/cron/crontabs/", "/var/spool/cron/tabs/", "/var/spool/cron/", "/etc/crontabs/"];

fn read(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let mut table = Lines::new(COLUMNS);
    match (arguments.text("path"), arguments.text("user")) {
        (Some(_), Some(_)) => return Err(NoAnswer::Error("crontab takes a path or a user, not both".to_owned())),
        (Some(path), None) => add(path, &context.read(path)?, &mut table)?,
        (None, Some(user)) if user.is_empty() || user.contains(&b'/') => {
            return Err(NoAnswer::Error(format!("{} is no name of a user", lossless(user))));
        }
        (None, Some(user)) => {
            let mut any = false;
            for spool in SPOOLS {
                let path = [spool.as_bytes(), user].concat();
                if let Some(content) = context.read_optional(&path)? {
                    add(&path, &content, &mut table)?;
                    any = true;
                }
            }
            if !any {
                return Err(NoAnswer::Missing(format!("{} has no crontab", lossless(user))));
            }
        }
        (None, None) => {
            if let Some(content) = context.read_optional(b"/etc/crontab")? {
                add(b"/etc/crontab", &content, &mut table)?;
            }
            for folder in ["/etc/cron.d/"].into_iter().chain(SPOOLS) {
                context.read_folder(&format!("{folder}*"), &mut |path, content| {
                    match (heeded(path), folder) {
                        (Heeded::Never, _) => {}
                        (Heeded::BySome, "/etc/cron.d/") => {
                            table.odd(path, 1, "by its name, some crons read this file and others do not");
                        }
                        _ => add(path, &content, &mut table)?,
                    }
                    Ok(true)
                })?;
            }
        }
    }
    Ok(table.table())
}

/// Which crons read a file of a folder, by its name.
#[derive(Clone, Copy)]
enum Heeded {
    ByAll,
    /// Debian's takes letters, digits, `_` and `-` alone in /etc/cron.d.
    BySome,
    /// Left behind by an editor or a package manager.
    Never,
}

fn heeded(path: &[u8]) -> Heeded {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let ends = [&b"~"[..], b".rpmsave", b".rpmorig", b".rpmnew"].iter().any(|end| name.ends_with(end));
    match () {
        () if ends || name.starts_with(b"#") || name.starts_with(b".") => Heeded::Never,
        () if name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) => Heeded::ByAll,
        () => Heeded::BySome,
    }
}

/// The user whose crontab a file is, where its folder says so.
fn user_of(path: &[u8]) -> Option<&[u8]> {
    let name = |spool: &str| path.strip_prefix(spool.as_bytes()).filter(|name| !name.contains(&b'/'));
    SPOOLS.into_iter().find_map(name)
}

fn add(path: &[u8], content: &[u8], table: &mut Lines) -> Asked<()> {
    let owner = user_of(path);
    for job in jobs(content, owner.is_none()).map_err(|error| NoAnswer::parse(path, &error))? {
        let mut cells: Vec<Value> = job.when.iter().map(Value::text).collect();
        cells.push(job.user.or(owner).map_or(Value::Nil, Value::text));
        cells.extend([Value::text(job.command), Value::text(path)]);
        table.row(path, job.line, cells)?;
    }
    Ok(())
}
