//! `aide_conf`: which files AIDE watches, and what of them.

use std::collections::HashMap;

use crate::parse::aide::{Statement, statements, terms};
use crate::resource::includes::{Includes, MAX_DEPTH, required};
use crate::resource::lines::Lines;
use crate::resource::{
    Argument, Arguments, Asked, Columns, Context, Label, NoAnswer, Property, Resource, Shape, Table, Takes, Type,
};
use crate::value::{Text, Value, lossless};

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
type Attributes = Vec<Vec<u8>>;

fn read(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let includes = Includes::new(context, MAX_DEPTH);
    let mut reading = Reading { includes, table: Lines::new(COLUMNS), groups: HashMap::new() };
    for (name, attributes) in KNOWN {
        let attributes = attributes.split(' ').map(|name| name.as_bytes().to_vec()).collect();
        reading.groups.insert(name.to_vec(), attributes);
    }
    let (path, _) = first_of(context, arguments, &DEFAULTS)?;
    reading.file(&path, 0)?;
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
    let names: Vec<String> = defaults.iter().map(|path| lossless(path)).collect();
    Err(NoAnswer::Missing(format!("Can't find file: {}", names.join(", "))))
}

struct Reading<'a> {
    includes: Includes<'a>,
    table: Lines,
    groups: HashMap<Vec<u8>, Attributes>,
}

impl Reading<'_> {
    /// `Missing` when the file itself is not there.
    fn file(&mut self, path: &[u8], depth: usize) -> Asked<()> {
        let content = self.includes.read(path, depth)?;
        for (line, statement) in statements(&content).map_err(|error| NoAnswer::parse(path, &error))? {
            let refuse = |why: &str| NoAnswer::parse(path, &format_args!("line {line}: {why}"));
            match statement {
                Statement::Group(name, expression) => {
                    let attributes = self.attributes(expression).map_err(|why| refuse(&why))?;
                    self.groups.insert(name.to_vec(), attributes);
                }
                Statement::Selection(selection, expression) => {
                    let expression = expression.filter(|_| !selection.starts_with(b"!")).unwrap_or_default();
                    let attributes = self.attributes(expression).map_err(|why| refuse(&why))?;
                    // A group can be a setting of AIDE as well, which holds anything.
                    if let Some(odd) = attributes.iter().find(|name| is_odd(name)) {
                        return Err(refuse(&format!("{}: this is no attribute", lossless(odd))));
                    }
                    let cells = vec![Value::text(selection), Value::texts(attributes), Value::text(path)];
                    self.table.row(path, line, cells)?;
                }
                Statement::Include(file) if !file.starts_with(b"/") => {
                    return Err(refuse(&format!("{} does not begin at the root", lossless(file))));
                }
                Statement::Include(file) => required((path, line), file, self.file(file, depth + 1))?,
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
            if away && !is_odd(term) {
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

/// Whether a term is neither an attribute nor a group, whatever AIDE makes of it.
fn is_odd(term: &[u8]) -> bool {
    term.iter().any(|byte| b"@{# \t".contains(byte))
}
