//! `etc_fstab`, `etc_hosts` and `limits_conf`: files of words between blanks.

use crate::parse::continued::{Uncommented, before_hash, single, unless_hash, words};
use crate::parse::mountinfo::unescape;
use crate::parse::{MAX_ROWS, ParseError, refuse_nul, refuse_rare_blanks};
use crate::resource::lines::Lines;
use crate::resource::{
    Argument, Arguments, Asked, Columns, Context, Label, NoAnswer, Property, Resource, Shape, Table, Takes, Type,
};
use crate::rootfs::Glob;
use crate::value::{Text, Value};

const PATH: &[Argument] =
    &[Argument { name: "path", takes: Takes::Path, summary: "Another file of the same format.", required: false }];

pub(super) const ETC_FSTAB: Resource = Resource {
    name: "etc_fstab",
    summary: "The lines of /etc/fstab: what is to be mounted where.",
    label: Label::Path("/etc/fstab"),
    arguments: PATH,
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(FSTAB_COLUMNS), read: read_fstab },
};

pub(super) const FSTAB: Resource = Resource { name: "fstab", summary: "Another name of etc_fstab.", ..ETC_FSTAB };

pub(super) const ETC_HOSTS: Resource = Resource {
    name: "etc_hosts",
    summary: "The lines of /etc/hosts.",
    label: Label::Path("/etc/hosts"),
    arguments: PATH,
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(HOSTS_COLUMNS), read: read_hosts },
};

pub(super) const LIMITS_CONF: Resource = Resource {
    name: "limits_conf",
    summary: "The lines of /etc/security/limits.conf and of limits.d/*.conf, in the order in which pam_limits reads them.",
    label: Label::Path("/etc/security/limits.conf"),
    arguments: &[Argument { name: "path", takes: Takes::Path, summary: "This file alone.", required: false }],
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(LIMITS_COLUMNS), read: read_limits },
};

const FSTAB_COLUMNS: &[Property] = &[
    Property::new("device_name", Type::Text, "What is mounted.").plural("device_names"),
    Property::new("mount_point", Type::Text, "Where.").plural("mount_points"),
    Property::new("file_system_type", Type::Text, "Kind of the filesystem.").plural("file_system_types"),
    Property::new("mount_options", Type::Texts, "Options of the mount."),
    Property::new(
        "mount_options.*",
        Type::Untyped,
        "The value of the option NAME=VALUE; empty without one, nil without it.",
    ),
    Property::new("dump_options", Type::Int, "Whether dump(8) keeps it; 0 where nothing is said."),
    Property::new("file_system_options", Type::Int, "When fsck(8) checks it; 0 where nothing is said."),
];

const HOSTS_COLUMNS: &[Property] = &[
    Property::new("ip_address", Type::Text, "The address.").plural("ip_addresses"),
    Property::new("primary_name", Type::Text, "The first name.").plural("primary_names"),
    Property::new("all_host_names", Type::Texts, "All names, the first one too."),
];

const LIMITS_COLUMNS: &[Property] = &[
    Property::new("domain", Type::Text, "A user, @group, %group, * or a range of ids.").plural("domains"),
    Property::new("type", Type::Text, "hard, soft, or - for both.").plural("types"),
    Property::new("item", Type::Text, "nofile, core, maxlogins and the like.").plural("items"),
    Property::new("value", Type::Untyped, "A number, or unlimited, also where -, -1 or infinity is written.")
        .plural("values"),
    Property::new("path", Type::Text, "The file in which it stands.").plural("paths"),
];

fn content(context: &Context, arguments: &Arguments, default: &'static str) -> Asked<(Vec<u8>, Text)> {
    let path = arguments.text("path").unwrap_or(default.as_bytes());
    Ok((path.to_vec(), context.read(path)?))
}

fn read_fstab(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let (path, content) = content(context, arguments, "/etc/fstab")?;
    let mut table = Lines::new(FSTAB_COLUMNS);
    for (line, text) in single_words(&content, unless_hash).map_err(|error| NoAnswer::parse(&path, &error))? {
        let fields: Vec<&[u8]> = words(text).take(6).collect();
        if fields.iter().any(|field| field.starts_with(b"#")) {
            table.odd(&path, line, "a comment behind the fields, which not all programs know");
            continue;
        }
        let (Some(device), Some(point), Some(kind)) = (fields.first(), fields.get(1), fields.get(2)) else {
            table.odd(&path, line, "what, where and which kind is expected");
            continue;
        };
        let number = |at: usize| {
            let field = fields.get(at).map_or(Some(0), |field| std::str::from_utf8(field).ok()?.parse().ok());
            field.map(|number: u32| Value::Int(i128::from(number)))
        };
        let (Some(dump), Some(check)) = (number(4), number(5)) else {
            table.odd(&path, line, "the last fields are no numbers");
            continue;
        };
        let options = fields.get(3).copied().unwrap_or(b"defaults").split(|byte| *byte == b',');
        let cells = vec![
            Value::text(unescape(device)),
            Value::text(unescape(point)),
            Value::text(kind),
            Value::texts(options.filter(|option| !option.is_empty()).map(unescape).take(MAX_ROWS + 1)),
            dump,
            check,
        ];
        table.row(&path, line, cells)?;
    }
    Ok(table.table())
}

fn read_hosts(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let (path, content) = content(context, arguments, "/etc/hosts")?;
    let mut table = Lines::new(HOSTS_COLUMNS);
    for (line, text) in single_words(&content, before_hash).map_err(|error| NoAnswer::parse(&path, &error))? {
        let word = |at: usize| words(text).nth(at).map_or(Value::Nil, Value::text);
        let names = Value::texts(words(text).skip(1).take(MAX_ROWS + 1));
        table.row(&path, line, vec![word(0), word(1), names])?;
    }
    Ok(table.table())
}

/// What builds of pam_limits for some systems read, too.
const LIMITS_OF_VENDORS: [&str; 4] = [
    "/usr/etc/security/limits.conf",
    "/usr/etc/security/limits.d/*.conf",
    "/usr/share/security/limits.conf",
    "/usr/share/security/limits.d/*.conf",
];

fn read_limits(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let mut table = Lines::new(LIMITS_COLUMNS);
    let (path, content) = match content(context, arguments, "/etc/security/limits.conf") {
        Err(NoAnswer::Missing(why)) if arguments.text("path").is_none() => {
            refuse_vendors(context)?;
            return match add_folder(context, &mut table)? {
                Some(()) => Ok(table.table()),
                None => Err(NoAnswer::Missing(why)),
            };
        }
        found => found?,
    };
    add_limits(&path, &content, &mut table)?;
    if arguments.text("path").is_none() {
        refuse_vendors(context)?;
        add_folder(context, &mut table)?;
    }
    Ok(table.table())
}

fn refuse_vendors(context: &Context) -> Asked<()> {
    for glob in LIMITS_OF_VENDORS {
        let glob = Glob::new(glob).map_err(|error| NoAnswer::Error(error.to_string()))?;
        if let Some((path, _)) = context.expand_all(std::slice::from_ref(&glob))?.0.first() {
            return Err(NoAnswer::parse(path, &"some builds of pam_limits read this file, too, and others do not"));
        }
    }
    Ok(())
}

fn add_folder(context: &Context, table: &mut Lines) -> Asked<Option<()>> {
    context.read_folder("/etc/security/limits.d/*.conf", &mut |path, content| {
        add_limits(path, &content, table)?;
        Ok(true)
    })
}

fn add_limits(path: &[u8], content: &[u8], table: &mut Lines) -> Asked<()> {
    for (line, text) in single_words(content, before_hash).map_err(|error| NoAnswer::parse(path, &error))? {
        let fields: Vec<&[u8]> = words(text).take(5).collect();
        match fields.as_slice() {
            [domain, kind, item, value] => {
                let [kind, item, value] = [kind, item, value].map(|word| word.to_ascii_lowercase());
                let Some(value) = limit(&item, &value) else {
                    table.odd(path, line, "the value is neither a number nor unlimited");
                    continue;
                };
                let cells = [domain, kind.as_slice(), &item, value, path].map(Value::text);
                table.row(path, line, cells.to_vec())?;
            }
            // Whoever this concerns has no limits at all, whatever other lines say; `* -` concerns nobody.
            [domain, kind] if kind.starts_with(b"-") && *domain != b"*" => {
                table.odd(path, line, "it takes the limits from those whom it names");
            }
            [_, _, _, _, _] => table.odd(path, line, "more than a domain, a type, an item and a value"),
            // pam_limits goes on.
            _ => {}
        }
    }
    Ok(())
}

/// A value as it is, but one word for what has none: -1 would be less than any number.
fn limit<'a>(item: &[u8], value: &'a [u8]) -> Option<&'a [u8]> {
    let is_number = |text: &[u8]| !text.is_empty() && text.len() < 20 && text.iter().all(u8::is_ascii_digit);
    match (item, value) {
        (b"nice" | b"priority", value) => is_number(value.strip_prefix(b"-").unwrap_or(value)).then_some(value),
        (_, b"-1" | b"-" | b"unlimited" | b"infinity") => Some(b"unlimited"),
        (_, value) => is_number(value).then_some(value),
    }
}

/// The same as [`single`], for programs that know no blanks but two.
fn single_words(content: &[u8], uncommented: Uncommented) -> Result<Vec<(usize, &[u8])>, ParseError> {
    refuse_nul(content)?;
    refuse_rare_blanks(content)?;
    single(content, uncommented)
}
