//! `apt` and `yum`: where packages are taken from.

use std::collections::{BTreeMap, HashSet};

use crate::parse::ParseError;
use crate::parse::apt_sources::{Source, of_lines, of_stanzas};
use crate::parse::continued::{single, words};
use crate::parse::sections::{Section, sections};
use crate::parse::sshd_match::is_match;
use crate::resource::lines::{Lines, place};
use crate::resource::package_databases::{expand, lookup, same_file};
use crate::resource::{Arguments, Asked, Columns, Context, Label, NoAnswer, Property, Resource, Shape, Table, Type};
use crate::rootfs::Node;
use crate::value::{Text, Value, lossless};

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
    summary: "The repositories of yum and dnf: *.repo of the folders that reposdir names, and those of dnf.conf or yum.conf.",
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
    Property::new("options", Type::Texts, "Further settings, name=value; names of stanzas in lower case."),
    Property::new("options.*", Type::Untyped, "The value of one: options.signed-by, options.trusted."),
    Property::new("path", Type::Text, "The file in which it stands.").plural("paths"),
];

const YUM_COLUMNS: &[Property] = &[
    Property::new("id", Type::Text, "The name in brackets.").plural("ids"),
    Property::new("name", Type::Text, "What it calls itself.").plural("names"),
    Property::new("baseurl", Type::Texts, "Addresses, variables as they are written."),
    Property::new("mirrorlist", Type::Text, "The list of mirrors, or the metalink."),
    Property::new("enabled", Type::Bool, "It is used; as [main] says where it says nothing, else true."),
    Property::new("gpgcheck", Type::Bool, "Signatures of packages are checked; as [main] says where it says nothing."),
    Property::new(
        "repo_gpgcheck",
        Type::Bool,
        "The signature of its list of packages is checked; as [main] says where it says nothing.",
    ),
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
    refuse_other_lists(context)?;
    type Parse = fn(&[u8]) -> Result<Vec<Source>, ParseError>;
    for (glob, parse) in
        [("/etc/apt/sources.list.d/*.list", of_lines as Parse), ("/etc/apt/sources.list.d/*.sources", of_stanzas)]
    {
        let found = context.read_folder(glob, &mut |path, content| {
            if is_read_by_apt(path) {
                add_apt(path, &content, parse, &mut table)?;
            }
            Ok(true)
        })?;
        any |= found.is_some();
    }
    if any { Ok(table.table()) } else { Err(NoAnswer::Missing("Can't find file: /etc/apt/sources.list".to_owned())) }
}

/// Whether apt does not pass over a file of a folder for the bytes of its name.
fn is_read_by_apt(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-:.".contains(byte))
}

/// What stands behind the last dot of a file's name.
fn extension(path: &[u8]) -> Option<&[u8]> {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    name.iter().rposition(|byte| *byte == b'.').and_then(|at| name.get(at + 1..))
}

/// Errors: a line of apt's configuration has it look for its lists elsewhere.
fn refuse_other_lists(context: &Context) -> Asked<()> {
    const WORDS: [&[u8]; 5] = [b"etc", b"dir::etc", b"rootdir", b"apt::sources::with", b"#include"];
    let mut refuse = |path: &[u8], content: Text| {
        if !is_read_by_apt(path) || !matches!(extension(path), None | Some(b"conf")) {
            return Ok(true);
        }
        for (line, text) in single(&content, |line| line).map_err(|error| NoAnswer::parse(path, &error))? {
            let text = text.to_ascii_lowercase();
            let directive = text.starts_with(b"#include") || text.starts_with(b"#clear");
            if text.starts_with(b"//") || (text.starts_with(b"#") && !directive) {
                continue;
            }
            let mut words = text
                .split(|byte| byte.is_ascii_whitespace() || b"\"{};".contains(byte))
                .filter(|word| !word.is_empty())
                .peekable();
            while let Some(word) = words.next() {
                let of_lists = word.ends_with(b"sourcelist") || word.ends_with(b"sourceparts");
                if WORDS.contains(&word)
                    || of_lists
                    || (word == b"dir" && words.peek().is_some_and(|next| next.starts_with(b"/")))
                {
                    let place = place(path, line);
                    return Err(NoAnswer::Error(format!(
                        "{place}: it can have apt read its lists elsewhere, which is not followed"
                    )));
                }
            }
        }
        Ok(true)
    };
    for glob in ["/etc/apt/apt.conf.d/*", "/etc/apt/apt.conf"] {
        context.read_folder(glob, &mut refuse)?;
    }
    Ok(())
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

/// Where dnf and yum look for repositories when [main] does not say.
const REPOSITORIES: [&str; 4] =
    ["/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d", "/usr/share/dnf5/repos.d"];

/// What yum and dnf are set up with: [main], and the repositories with the files in which they stand.
#[derive(Default)]
struct Yum {
    main: Vec<(Vec<u8>, Vec<u8>)>,
    repositories: Vec<(Vec<u8>, Section)>,
    any: bool,
}

impl Yum {
    fn file(&mut self, path: &[u8], content: &[u8], is_main: bool) -> Asked<()> {
        self.any = true;
        for section in sections(content).map_err(|error| NoAnswer::parse(path, &error))? {
            match section.name.as_slice() {
                // dnf passes over the one of a file of repositories.
                b"main" if !is_main => {}
                b"main" => self.main.extend(section.entries),
                _ => self.repositories.push((path.to_vec(), section)),
            }
        }
        Ok(())
    }

    /// What dnf 5 puts over the repositories whose names meet those of these sections.
    fn override_by(&mut self, path: &[u8], content: &[u8]) -> Asked<()> {
        for section in sections(content).map_err(|error| NoAnswer::parse(path, &error))? {
            if section.name.iter().any(|byte| b"[]\\$".contains(byte)) {
                let place = place(path, section.line);
                return Err(NoAnswer::Error(format!("{place}: only names, * and ? are understood")));
            }
            let met = |(_, repository): &&mut (Vec<u8>, Section)| is_match(&repository.name, &section.name);
            for (_, repository) in self.repositories.iter_mut().filter(met) {
                repository.entries.extend_from_slice(&section.entries);
            }
        }
        Ok(())
    }

    /// The last value of a key of [main].
    fn get(&self, key: &str) -> Option<&[u8]> {
        let found = self.main.iter().rev().find(|(known, _)| known == key.as_bytes());
        found.map(|(_, value)| value.as_slice())
    }
}

fn yum(context: &Context) -> Asked<Yum> {
    let mut yum = Yum::default();
    // dnf 5 reads these first, so that dnf.conf counts.
    for path in by_name(context, ["/etc/dnf/libdnf5.conf.d", "/usr/share/dnf5/libdnf.conf.d"], "conf")? {
        if let Some(content) = context.read_optional(&path)? {
            yum.file(&path, &content, true)?;
        }
    }
    for path in [&b"/etc/dnf/dnf.conf"[..], b"/etc/yum.conf"] {
        if let Some(content) = context.read_optional(path)? {
            yum.file(path, &content, true)?;
            // Where both are there, the older one is a link, or read by nobody.
            break;
        }
    }
    let folders = match yum.get("reposdir") {
        Some(folders) => folders.split(|byte| *byte == b',').flat_map(words).map(<[u8]>::to_vec).collect(),
        None => REPOSITORIES.map(|folder| folder.as_bytes().to_vec()).to_vec(),
    };
    let mut seen: Vec<Node> = Vec::new();
    for folder in folders {
        if !folder.starts_with(b"/") || folder.iter().any(|byte| b"$*?\\".contains(byte)) {
            return Err(NoAnswer::Error(format!("reposdir: {} is no plain path", lossless(&folder))));
        }
        // Two names of one folder are read once.
        match lookup(context, &folder)? {
            Some(node) if !seen.iter().any(|other| same_file(other, &node)) => seen.push(node),
            _ => continue,
        }
        // dnf 5 reads hidden ones, too.
        for name in ["/*.repo", "/.?*.repo"] {
            context.read_folder(&format!("{}{name}", lossless(&folder)), &mut |path, content| {
                yum.file(path, &content, false)?;
                Ok(true)
            })?;
        }
    }
    for path in by_name(context, ["/etc/dnf/repos.override.d", "/usr/share/dnf5/repos.override.d"], "repo")? {
        if let Some(content) = context.read_optional(&path)? {
            yum.override_by(&path, &content)?;
        }
    }
    Ok(yum)
}

/// The files of two folders in the order of their names; of two of one name, the first one.
fn by_name(context: &Context, folders: [&str; 2], suffix: &str) -> Asked<Vec<Vec<u8>>> {
    let mut files = BTreeMap::new();
    for folder in folders {
        for (path, _) in expand(context, &format!("{folder}/*.{suffix}"))? {
            files.entry(path.get(folder.len()..).unwrap_or_default().to_vec()).or_insert(path);
        }
    }
    Ok(files.into_values().collect())
}

fn read_yum(context: &Context, _: &Arguments) -> Asked<Table> {
    let yum = yum(context)?;
    if !yum.any {
        return Err(NoAnswer::Missing("Can't find file: /etc/yum.repos.d/*.repo".to_owned()));
    }
    let mut table = Lines::new(YUM_COLUMNS);
    let mut names = HashSet::new();
    for (path, section) in &yum.repositories {
        if !names.insert(&section.name) {
            table.odd(path, section.line, "the repository stands there twice, and the first one counts");
        }
        let mut flag = |key: &str, default: bool| {
            let value = section.get(key).or_else(|| yum.get(key));
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
        // Another name of gpgcheck to dnf 5, and nothing to those before it.
        let other = section.get("pkg_gpgcheck").or_else(|| yum.get("pkg_gpgcheck"));
        if other.is_some() && flags.get(1) != Some(&flag("pkg_gpgcheck", false)) {
            table.odd(path, section.line, "pkg_gpgcheck and gpgcheck are not the same");
        }
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
    Ok(table.table())
}
