//! `pam`: what PAM does for a service, with all that is included.

use std::collections::HashSet;

use crate::parse::pam::{Entry, entries};
use crate::resource::lines::Lines;
use crate::resource::{
    Argument, Arguments, Asked, Columns, Context, Label, NoAnswer, Property, Resource, Shape, Table, Takes, Type,
};
use crate::rootfs::MAX_FILE_BYTES;
use crate::value::{Text, Value, lossless};

pub(super) const PAM: Resource = Resource {
    name: "pam",
    summary: "The lines of a service of PAM, those that it includes in their place; by default of all services.",
    label: Label::WithArgument("PAM"),
    arguments: &[
        Argument {
            name: "path",
            takes: Takes::Path,
            summary: "The file of a service, such as /etc/pam.d/sshd, which may lie in a folder of the vendor instead; \
                      /etc/pam.conf names the service in each line.",
            required: false,
        },
        Argument {
            name: "paths",
            takes: Takes::Globs,
            summary: "Several of them; by default all of /etc/pam.d and, with other names, of /usr/lib/pam.d, \
                      /usr/etc/pam.d and /usr/share/pam.d, or /etc/pam.conf where there is no such folder.",
            required: false,
        },
    ],
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(COLUMNS), read },
};

const COLUMNS: &[Property] = &[
    Property::new("service", Type::Text, "The service: the name of the file that was asked for.").plural("services"),
    Property::new("type", Type::Text, "auth, account, password or session; nil for @include.").plural("types"),
    Property::new(
        "control",
        Type::Text,
        "required, requisite, sufficient, optional, include, substack, @include; or [value=action …], single blanks.",
    )
    .plural("controls"),
    Property::new("module", Type::Text, "Name of the module without folders, or of the file that is included.")
        .plural("modules"),
    Property::new("module_path", Type::Text, "The module as it is written."),
    Property::new("args", Type::Texts, "The arguments of the module."),
    Property::new("args.*", Type::Untyped, "The value of the argument NAME=VALUE; empty without one, nil without it."),
    Property::new("may_be_missing", Type::Bool, "A - before the type: a module that is not there is no error."),
    Property::new("path", Type::Text, "The file in which the line stands.").plural("paths"),
];

/// How deep files include each other: PAM's own limit for substacks.
const MAX_DEPTH: usize = 16;
/// The most files that are included.
const MAX_INCLUDED: usize = 2_000;

/// Where PAM looks for the file of a service, the first that is there; one of the last two where it was built so.
const FOLDERS: [&str; 4] = ["/etc/pam.d/", "/usr/lib/pam.d/", "/usr/etc/pam.d/", "/usr/share/pam.d/"];
const ONE_FILE: &[u8] = b"/etc/pam.conf";

fn read(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let mut reading = Reading { context, lines: Lines::new(COLUMNS), included: 0, bytes: 0 };
    let mut absent = Vec::new();
    let service = arguments.text("path").and_then(|path| path.strip_prefix(b"/etc/pam.d/"));
    if let Some(name) = service.filter(|name| !name.contains(&b'/')) {
        let missing = || NoAnswer::Missing(format!("Can't find file: /etc/pam.d/{}", lossless(name)));
        let (path, content) = find(context, name)?.ok_or_else(missing)?;
        reading.service(&path, &content)?;
    } else if arguments.text("path").is_some() || !arguments.globs("paths").is_empty() {
        absent = context.read_each(arguments, "", &mut |path, content| reading.service(path, &content))?;
    } else if FOLDERS.iter().any(|folder| context.is_folder(folder.as_bytes())) {
        let mut seen = HashSet::new();
        for folder in FOLDERS {
            context.read_folder(&format!("{folder}*"), &mut |path, content| {
                if seen.insert(last(path).to_vec()) { reading.service(path, &content) } else { Ok(true) }
            })?;
        }
    } else {
        let content = context.read(ONE_FILE)?;
        reading.service(ONE_FILE, &content)?;
    }
    Ok(Table { absent, ..reading.lines.table() })
}

/// The file of a service, by its name or its path, and what it holds.
fn find(context: &Context, service: &[u8]) -> Asked<Option<(Vec<u8>, Text)>> {
    let places: Vec<Vec<u8>> = match service.starts_with(b"/") {
        true => vec![service.to_vec()],
        false => FOLDERS.iter().map(|folder| [folder.as_bytes(), service].concat()).collect(),
    };
    for place in places {
        if let Some(content) = context.read_optional(&place)? {
            return Ok(Some((place, content)));
        }
    }
    Ok(None)
}

struct Reading<'a> {
    context: &'a Context,
    lines: Lines,
    /// How many files were included, and how many bytes were read: files that include each other many times would have no
    /// end.
    included: usize,
    bytes: u64,
}

/// Whose lines are taken.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    service: Option<&'a [u8]>,
    kind: Option<&'a [u8]>,
    depth: usize,
}

impl Reading<'_> {
    fn service(&mut self, path: &[u8], content: &Text) -> Asked<bool> {
        let service = (path != ONE_FILE).then(|| last(path));
        self.file(path, content, Wanted { service, kind: None, depth: 0 })?;
        Ok(true)
    }

    fn file(&mut self, path: &[u8], content: &Text, wanted: Wanted<'_>) -> Asked<()> {
        self.bytes += content.len() as u64;
        if self.bytes > MAX_FILE_BYTES {
            return Err(NoAnswer::parse(path, &format_args!("more than {MAX_FILE_BYTES} bytes with what is included")));
        }
        let entries = entries(content, path == ONE_FILE).map_err(|error| NoAnswer::parse(path, &error))?;
        for entry in &entries {
            if let (Some(kind), Some(own)) = (wanted.kind, entry.kind.as_deref())
                && kind != own
            {
                continue;
            }
            let service = entry.service.as_deref().or(wanted.service);
            self.lines.row(path, entry.line, cells(path, service, entry))?;
            if matches!(entry.control.as_slice(), b"include" | b"substack" | b"@include") {
                let kind = entry.kind.as_deref().or(wanted.kind);
                self.include(path, entry, Wanted { service, kind, depth: wanted.depth + 1 })?;
            }
        }
        Ok(())
    }

    fn include(&mut self, path: &[u8], entry: &Entry, wanted: Wanted<'_>) -> Asked<()> {
        let refuse = |why: &str| NoAnswer::parse(path, &format_args!("line {}: {why}", entry.line));
        self.included += 1;
        if wanted.depth > MAX_DEPTH {
            return Err(refuse(&format!("files include each other more than {MAX_DEPTH} deep")));
        }
        if self.included > MAX_INCLUDED {
            return Err(refuse(&format!("more than {MAX_INCLUDED} files are included")));
        }
        if let Some((place, content)) = find(self.context, &entry.module)? {
            return self.file(&place, &content, wanted);
        }
        // PAM refuses the service then.
        self.lines.odd(path, entry.line, &format!("{} is included and not there", lossless(&entry.module)));
        Ok(())
    }
}

fn cells(path: &[u8], service: Option<&[u8]>, entry: &Entry) -> Vec<Value> {
    vec![
        service.map_or(Value::Nil, Value::text),
        entry.kind.as_ref().map_or(Value::Nil, Value::text),
        Value::text(&entry.control),
        Value::text(last(&entry.module)),
        Value::text(&entry.module),
        Value::texts(&entry.arguments),
        Value::Bool(entry.may_be_missing),
        Value::text(path),
    ]
}

/// The last name of a path.
fn last(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}
