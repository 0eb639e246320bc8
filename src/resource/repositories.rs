//! `apt` and `yum`: where packages are taken from.

use crate::parse::ParseError;
use crate::parse::apt_sources::{Source, of_lines, of_stanzas};
use crate::parse::continued::words;
use crate::parse::sections::{Section, sections};
use crate::resource::lines::Lines;
use crate::resource::{Arguments, Asked, Columns, Context, Label, NoAnswer, Property, Resource, Shape, Table, Type};
use crate::value::{Text, Value};

pub(super) const APT: Resource = Resource {
    name: "apt",
    summary: "The repositories of apt: sources.list, and *.list and *.sources of sources.list.d; a row for each suite.",
    label: Label::Alone("Apt Repositories"),
    arguments: &[],
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(APT_COLUMNS), read: |context, _| read_apt(context) },
};

pub(super) const YUM: Resource = Resource {
    name: "yum",
    summary: "The repositories of yum and dnf: *.repo of yum.repos.d, and those of yum.conf or dnf.conf.",
    label: Label::Alone("Yum Repositories"),
    arguments: &[],
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(YUM_COLUMNS), read: read_yum },
};

const APT_COLUMNS: &[Property] = &[
    Property::new("url", Type::Text, "The address.").plural("urls"),
    Property::new("type", Type::Text, "deb or deb-src.").plural("types"),
    Property::new("suite", Type::Text, "The suite, or a folder that ends in a slash.").plural("suites"),
    Property::new("components", Type::Texts, "main and the like."),
    Property::new("enabled", Type::Bool, "apt uses it: it is not commented out, and not switched off."),
    Property::new("options", Type::Texts, "Further settings, name=value, names in lower case."),
    Property::new("options.*", Type::Untyped, "The value of one: options.signed-by, options.trusted."),
    Property::new("path", Type::Text, "The file in which it stands.").plural("paths"),
];

const YUM_COLUMNS: &[Property] = &[
    Property::new("id", Type::Text, "The name in brackets.").plural("ids"),
    Property::new("name", Type::Text, "What it calls itself.").plural("names"),
    Property::new("baseurl", Type::Texts, "Addresses, variables as they are written."),
    Property::new("mirrorlist", Type::Text, "The list of mirrors, or the metalink."),
    Property::new("enabled", Type::Bool, "It is used; true where nothing is said."),
    Property::new("gpgcheck", Type::Bool, "Signatures of packages are checked; as [main] says where it says nothing."),
    Property::new("repo_gpgcheck", Type::Bool, "The signature of its list of packages is checked."),
    Property::new("gpgkey", Type::Texts, "Addresses of its keys."),
    Property::new("path", Type::Text, "The file in which it stands.").plural("paths"),
];

fn read_apt(context: &Context) -> Asked<Table> {
    let mut table = Lines::new(APT_COLUMNS);
    let mut any = false;
    if let Some(content) = context.read_optional(b"/etc/apt/sources.list")? {
        add_apt(b"/etc/apt/sources.list", &content, of_lines, &mut table)?;
        any = true;
    }
    type Parse = fn(&[u8]) -> Result<Vec<Source>, ParseError>;
    for (glob, parse) in
        [("/etc/apt/sources.list.d/*.list", of_lines as Parse), ("/etc/apt/sources.list.d/*.sources", of_stanzas)]
    {
        let found = context.read_folder(glob, &mut |path, content| {
            add_apt(path, &content, parse, &mut table)?;
            Ok(true)
        })?;
        any |= found.is_some();
    }
    if any { Ok(table.table()) } else { Err(NoAnswer::Missing("Can't find file: /etc/apt/sources.list".to_owned())) }
}

fn add_apt(
    path: &[u8],
    content: &[u8],
    parse: fn(&[u8]) -> Result<Vec<Source>, ParseError>,
    table: &mut Lines,
) -> Asked<()> {
    for source in parse(content).map_err(|error| NoAnswer::parse(path, &error))? {
        let (components, options) = (Value::texts(&source.components), Value::texts(&source.options));
        for kind in &source.types {
            for uri in &source.uris {
                for suite in &source.suites {
                    let cells = vec![
                        Value::text(uri),
                        Value::text(kind),
                        Value::text(suite),
                        components.clone(),
                        Value::Bool(source.enabled),
                        options.clone(),
                        Value::text(path),
                    ];
                    table.row(path, source.line, cells)?;
                }
            }
        }
    }
    Ok(())
}

fn read_yum(context: &Context, _: &Arguments) -> Asked<Table> {
    let mut files: Vec<(Vec<u8>, Text)> = Vec::new();
    for path in [&b"/etc/dnf/dnf.conf"[..], b"/etc/yum.conf"] {
        if let Some(content) = context.read_optional(path)? {
            files.push((path.to_vec(), content));
            // Where both are there, the older one is a link, or read by nobody.
            break;
        }
    }
    let mut together = crate::resource::context::Together::default();
    context.read_folder("/etc/yum.repos.d/*.repo", &mut |path, content| {
        together.add(path, content)?;
        Ok(true)
    })?;
    files.append(&mut together.files);
    if files.is_empty() {
        return Err(NoAnswer::Missing("Can't find file: /etc/yum.repos.d/*.repo".to_owned()));
    }
    let mut table = Lines::new(YUM_COLUMNS);
    let mut main: Option<Section> = None;
    for (path, content) in &files {
        for section in sections(content).map_err(|error| NoAnswer::parse(path, &error))? {
            if section.name == b"main" {
                main.get_or_insert(section);
                continue;
            }
            let mut flag = |key: &str, default: bool| {
                let value = section.get(key).or_else(|| main.as_ref().filter(|_| key != "enabled")?.get(key));
                match value.map(<[u8]>::to_ascii_lowercase).as_deref() {
                    None => Value::Bool(default),
                    Some(b"1" | b"yes" | b"true" | b"on") => Value::Bool(true),
                    Some(b"0" | b"no" | b"false" | b"off") => Value::Bool(false),
                    Some(_) => {
                        table.odd(path, section.line, &format!("{key} is neither true nor false"));
                        Value::Nil
                    }
                }
            };
            let flags = [flag("enabled", true), flag("gpgcheck", false), flag("repo_gpgcheck", false)];
            let text = |key: &str| section.get(key).map_or(Value::Nil, Value::text);
            let list = |key: &str| {
                let value = section.get(key).unwrap_or_default();
                let parts = value.split(|byte| *byte == b',').flat_map(words);
                Value::texts(parts.take(crate::parse::MAX_ROWS))
            };
            let mirrors = section.get("mirrorlist").or(section.get("metalink")).map_or(Value::Nil, Value::text);
            let [enabled, gpgcheck, repo_gpgcheck] = flags;
            let cells = vec![
                Value::text(&section.name),
                text("name"),
                list("baseurl"),
                mirrors,
                enabled,
                gpgcheck,
                repo_gpgcheck,
                list("gpgkey"),
                Value::text(path),
            ];
            table.row(path, section.line, cells)?;
        }
    }
    Ok(table.table())
}
