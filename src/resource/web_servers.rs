//! `nginx_conf`: every directive with the block in which it stands, what is included in its place.

use crate::parse::directives::{Kind, Statement, nginx};
use crate::resource::includes::{Includes, MAX_DEPTH, folder_of, leads_to_nothing, required};
use crate::resource::{
    Argument, Arguments, Asked, Columns, Context, Label, NoAnswer, Property, Resource, Row, Shape, Table, Takes, Type,
};
use crate::value::{Text, Value, lossless};

pub(super) const NGINX_CONF: Resource = Resource {
    name: "nginx_conf",
    summary: "The directives of nginx's configuration, include followed. A directive of an outer block that an inner one \
              inherits is one row, of the outer block.",
    label: Label::Path("/etc/nginx/nginx.conf"),
    arguments: PATH,
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(COLUMNS), read },
};

pub(super) const PATH: &[Argument] = &[Argument {
    name: "path",
    takes: Takes::Path,
    summary: "Absolute path inside the target of the file that the server reads first.",
    required: false,
}];

pub(super) const COLUMNS: &[Property] = &[
    Property::new("name", Type::Untyped, "Name of the directive or of the block that begins.").plural("names"),
    Property::new("args", Type::Texts, "Its arguments, without quotes."),
    Property::new("value", Type::Untyped, "Its arguments, with a space between.").plural("values"),
    Property::new("context", Type::Untyped, "The blocks around it: http/server/location; empty outside of all.")
        .plural("contexts"),
    Property::new("block", Type::Untyped, "Arguments of the innermost of them: /admin of `location /admin`.")
        .plural("blocks"),
    Property::new("section", Type::Bool, "It begins a block."),
    Property::new("path", Type::Text, "The file in which it stands.").plural("paths"),
];

/// The rows of a web server's configuration while it is read.
pub(super) struct Rows<'a> {
    pub(super) includes: Includes<'a>,
    pub(super) table: Table,
    blocks: Vec<Block>,
}

/// A block that is open.
struct Block {
    /// The context of what stands in it.
    context: Text,
    arguments: Value,
    /// Why it is not known whether it counts.
    doubt: Option<String>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(context: &'a Context) -> Rows<'a> {
        Rows { includes: Includes::new(context, MAX_DEPTH), table: Table::new(COLUMNS), blocks: Vec::new() }
    }

    /// Why it is not known whether what stands here counts.
    pub(super) fn doubt(&self) -> Option<&String> {
        self.blocks.last().and_then(|block| block.doubt.as_ref())
    }

    /// Adds a directive, or a block that begins, of these words.
    pub(super) fn add(&mut self, path: &[u8], statement: &Statement, words: &[Vec<u8>]) -> Asked<()> {
        self.includes.more_values(path, 1)?;
        let (name, arguments) = words.split_first().map_or((&b""[..], &[][..]), |(name, rest)| (name.as_slice(), rest));
        let (around, block) = match self.blocks.last() {
            None => (Value::text(""), Value::Nil),
            Some(block) => (Value::Text(Text::clone(&block.context)), block.arguments.clone()),
        };
        let cells = [
            Value::text(name),
            Value::texts(arguments),
            Value::text(arguments.join(&b' ')),
            around,
            block,
            Value::Bool(statement.kind == Kind::Begin),
            Value::text(path),
        ];
        let place = format!("{}:{}", lossless(path), statement.line);
        if let Some(doubt) = self.doubt().cloned() {
            self.table.doubtful.insert(self.table.rows.len(), format!("{place}: {doubt}"));
        }
        self.table.rows.push(Row { cells: cells.into_iter().map(Ok).collect(), place });
        Ok(())
    }

    /// A block begins, of which it may not be known whether it counts.
    pub(super) fn begin(&mut self, path: &[u8], words: &[Vec<u8>], doubt: Option<String>) -> Asked<()> {
        let (name, arguments) = words.split_first().map_or((&b""[..], &[][..]), |(name, rest)| (name.as_slice(), rest));
        let context = match self.blocks.last() {
            None => Text::from(name),
            Some(outer) => Text::from([&outer.context, &b"/"[..], name].concat()),
        };
        self.includes.more_bytes(path, context.len())?;
        let doubt = doubt.or_else(|| self.doubt().cloned());
        self.blocks.push(Block { context, arguments: Value::text(arguments.join(&b' ')), doubt });
        Ok(())
    }

    pub(super) fn end(&mut self) {
        self.blocks.pop();
    }
}

fn read(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let path = arguments.text("path").unwrap_or(b"/etc/nginx/nginx.conf");
    let mut rows = Rows::new(context);
    file(&mut rows, folder_of(path), path, 0)?;
    Ok(rows.table)
}

/// Reads a file; the names in it are relative to the folder of the first one.
fn file(rows: &mut Rows<'_>, folder: &[u8], path: &[u8], depth: usize) -> Asked<()> {
    let content = rows.includes.read(path, depth)?;
    for statement in nginx(&content).map_err(|error| NoAnswer::parse(path, &error))? {
        if statement.kind == Kind::End {
            rows.end();
            continue;
        }
        rows.add(path, &statement, &statement.words)?;
        if statement.kind == Kind::Begin {
            rows.begin(path, &statement.words, None)?;
            continue;
        }
        let Some((name, arguments)) = statement.words.split_first() else { continue };
        if name != b"include" {
            continue;
        }
        for word in arguments {
            let refuse = |why: &str| NoAnswer::parse(path, &format_args!("line {}: {why}", statement.line));
            let files = rows.includes.context.included(folder, word).map_err(|error| refuse(error.text()))?;
            if files.is_empty() && !word.contains(&b'*') && !word.contains(&b'?') {
                return Err(leads_to_nothing((path, statement.line), word));
            }
            for named in files {
                required((path, statement.line), &named, file(rows, folder, &named, depth + 1))?;
            }
        }
    }
    Ok(())
}
