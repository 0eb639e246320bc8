//! `aide_conf`: which files AIDE watches, and what of them.

use std::collections::HashMap;

use crate::parse::aide::{Statement, statements, terms};
use crate::resource::lines::Lines;
use crate::resource::{
    Argument, Arguments, Asked, Columns, Context, Label, NoAnswer, Property, Resource, Shape, Table, Takes, Type,
};
use crate::rootfs::MAX_FILE_BYTES;
use crate::value::{Text, Value};

pub(super) const AIDE_CONF: Resource = Resource {
    name: "aide_conf",
    summary: "The selection lines of AIDE with the attributes that they watch, groups resolved, @@include followed.",
    label: Label::Alone("AIDE Config"),
    arguments: &[Argument {
        name: "path",
        takes: Takes::Path,
        summary: "By default /etc/aide.conf, or /etc/aide/aide.conf.",
        required: false,
    }],
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(COLUMNS), read },
};

const COLUMNS: &[Property] = &[
    Property::new("selection_line", Type::Text, "The path with its sign: /bin, !/var/log, =/etc.")
        .plural("selection_lines"),
    Property::new("rules", Type::Texts, "The attributes; none of a path that is left out."),
    Property::new("path", Type::Text, "The file in which it stands.").plural("paths"),
];

const DEFAULTS: [&[u8]; 2] = [b"/etc/aide.conf", b"/etc/aide/aide.conf"];

/// Groups that AIDE knows by itself, without what depends on how it was built. H, all hashes, stays as it is: which there
/// are, only the program knows.
const KNOWN: [(&[u8], &str); 3] = [(b"R", "p i l n u g s m c md5"), (b"L", "p i l n u g"), (b">", "p i l n u g S")];

/// The most attributes of one group: AIDE has some thirty.
const MAX_ATTRIBUTES: usize = 200;
/// How deep files include each other, and how many there are.
const MAX_DEPTH: usize = 16;
const MAX_INCLUDED: usize = 1_000;

type Attributes = Vec<Vec<u8>>;

fn read(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let mut reading = Reading { context, table: Lines::new(COLUMNS), groups: HashMap::new(), included: 0, bytes: 0 };
    for (name, attributes) in KNOWN {
        let attributes = attributes.split(' ').map(|name| name.as_bytes().to_vec()).collect();
        reading.groups.insert(name.to_vec(), attributes);
    }
    let (path, content) = first_of(context, arguments, &DEFAULTS)?;
    reading.file(&path, &content, 0)?;
    Ok(reading.table.table())
}

/// The file that is asked for, or the first of these that is there.
pub(super) fn first_of(context: &Context, arguments: &Arguments, defaults: &[&[u8]]) -> Asked<(Vec<u8>, Text)> {
    if let Some(path) = arguments.text("path") {
        return Ok((path.to_vec(), context.read(path)?));
    }
    for path in defaults {
        if let Some(content) = context.read_optional(path)? {
            return Ok((path.to_vec(), content));
        }
    }
    let names: Vec<String> = defaults.iter().map(|path| crate::value::lossless(path)).collect();
    Err(NoAnswer::Missing(format!("Can't find file: {}", names.join(", "))))
}

struct Reading<'a> {
    context: &'a Context,
    table: Lines,
    groups: HashMap<Vec<u8>, Attributes>,
    included: usize,
    bytes: u64,
}

impl Reading<'_> {
    fn file(&mut self, path: &[u8], content: &[u8], depth: usize) -> Asked<()> {
        self.bytes += content.len() as u64;
        if self.bytes > MAX_FILE_BYTES {
            return Err(NoAnswer::parse(path, &format_args!("more than {MAX_FILE_BYTES} bytes with what is included")));
        }
        for (line, statement) in statements(content).map_err(|error| NoAnswer::parse(path, &error))? {
            let refuse = |why: &str| NoAnswer::parse(path, &format_args!("line {line}: {why}"));
            match statement {
                Statement::Group(name, expression) => {
                    let attributes = self.attributes(expression).map_err(|why| refuse(&why))?;
                    self.groups.insert(name.to_vec(), attributes);
                }
                Statement::Selection(selection, expression) => {
                    let expression = expression.filter(|_| !selection.starts_with(b"!")).unwrap_or_default();
                    let attributes = self.attributes(expression).map_err(|why| refuse(&why))?;
                    let cells = vec![Value::text(selection), Value::texts(attributes), Value::text(path)];
                    self.table.row(path, line, cells)?;
                }
                Statement::Include(file) => {
                    self.included += 1;
                    if depth == MAX_DEPTH || self.included > MAX_INCLUDED {
                        return Err(refuse(&format!("files are included more than {MAX_DEPTH} deep, or too many")));
                    }
                    let content = match self.context.read(file) {
                        Err(NoAnswer::Missing(why)) => return Err(refuse(&why)),
                        content => content?,
                    };
                    self.file(file, &content, depth + 1)?;
                }
                Statement::Unknown => self.table.odd(path, line, "this is not understood"),
            }
        }
        Ok(())
    }

    /// The attributes of an expression, groups resolved, each once.
    fn attributes(&self, expression: &[u8]) -> Result<Attributes, String> {
        let mut attributes: Attributes = Vec::new();
        for (away, term) in terms(expression) {
            let one = [term.to_vec()];
            let meant = self.groups.get(term).map_or(one.as_slice(), Vec::as_slice);
            if away {
                attributes.retain(|attribute| !meant.contains(attribute));
                continue;
            }
            for attribute in meant {
                if !attributes.contains(attribute) {
                    attributes.push(attribute.clone());
                }
            }
            if attributes.len() > MAX_ATTRIBUTES {
                return Err(format!("more than {MAX_ATTRIBUTES} attributes"));
            }
        }
        Ok(attributes)
    }
}
