//! `nginx_conf` and `apache_conf`: every directive with the block in which it stands, what is included in its place.

use crate::parse::directives::{Kind, Statement, apache, nginx};
use crate::parse::{MAX_ROWS, ParseError};
use crate::resource::{
    Argument, Arguments, Asked, Columns, Context, Label, NoAnswer, Property, Resource, Row, Shape, Table, Takes, Type,
};
use crate::rootfs::MAX_FILE_BYTES;
use crate::value::{Text, Value, lossless};

pub(super) const NGINX_CONF: Resource = Resource {
    name: "nginx_conf",
    summary: "The directives of nginx's configuration, include followed. A directive of an outer block that an inner one \
              inherits is one row, of the outer block.",
    label: Label::Path("/etc/nginx/nginx.conf"),
    arguments: PATH,
    one_of: &[],
    shape: Shape::Table {
        columns: Columns::Fixed(COLUMNS),
        read: |context, arguments| {
            let path = arguments.text("path").unwrap_or(b"/etc/nginx/nginx.conf");
            read(context, path, &NGINX)
        },
    },
};

pub(super) const APACHE_CONF: Resource = Resource {
    name: "apache_conf",
    summary: "The directives of Apache httpd's configuration, Include and IncludeOptional followed. Sections with a \
              condition (IfModule, IfDefine, If) are shown as blocks, whether the condition holds or not.",
    label: Label::Alone("Apache Config"),
    arguments: PATH,
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(COLUMNS), read: read_apache },
};

const PATH: &[Argument] = &[Argument {
    name: "path",
    takes: Takes::Path,
    summary: "Absolute path inside the target of the file that the server reads first.",
    required: false,
}];

const COLUMNS: &[Property] = &[
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

/// Where Debian, Red Hat and the official image keep Apache's configuration.
const APACHE_PATHS: [&[u8]; 3] =
    [b"/etc/apache2/apache2.conf", b"/etc/httpd/conf/httpd.conf", b"/usr/local/apache2/conf/httpd.conf"];

/// How deep files include each other, and how many there are.
const MAX_DEPTH: usize = 16;
const MAX_INCLUDED: usize = 10_000;

/// What differs between the servers.
struct Server {
    parse: fn(&[u8]) -> Result<Vec<Statement>, ParseError>,
    /// Directives that include files, and whether those must be there.
    includes: &'static [(&'static str, bool)],
    /// The directive that says what relative names are relative to.
    base: Option<&'static str>,
}

const NGINX: Server = Server { parse: nginx, includes: &[("include", true)], base: None };
const APACHE: Server =
    Server { parse: apache, includes: &[("include", true), ("includeoptional", false)], base: Some("serverroot") };

fn read_apache(context: &Context, arguments: &Arguments) -> Asked<Table> {
    if let Some(path) = arguments.text("path") {
        return read(context, path, &APACHE);
    }
    for path in APACHE_PATHS {
        match context.read(path) {
            Err(NoAnswer::Missing(_)) => {}
            Err(error) => return Err(error),
            Ok(_) => return read(context, path, &APACHE),
        }
    }
    let known: Vec<String> = APACHE_PATHS.iter().map(|path| lossless(path)).collect();
    Err(NoAnswer::Missing(format!("Can't find file: {}", known.join(", "))))
}

fn read(context: &Context, path: &[u8], server: &Server) -> Asked<Table> {
    let folder = folder_of(path).to_vec();
    let mut reading = Reading {
        context,
        server,
        table: Table::new(COLUMNS),
        blocks: Vec::new(),
        base: folder,
        bytes: 0,
        included: 0,
    };
    reading.file(path, 0)?;
    Ok(reading.table)
}

fn folder_of(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
    path.get(..end).unwrap_or_default()
}

struct Reading<'a> {
    context: &'a Context,
    server: &'a Server,
    table: Table,
    /// Of each block around: the context of what stands in it, and the block's own arguments.
    blocks: Vec<(Text, Value)>,
    /// What relative names are relative to.
    base: Vec<u8>,
    /// How much was read, contexts counted too: files that include each other many times would have no end.
    bytes: u64,
    included: usize,
}

impl Reading<'_> {
    fn file(&mut self, path: &[u8], depth: usize) -> Asked<()> {
        let content = self.context.read(path)?;
        self.bytes += content.len() as u64;
        for statement in (self.server.parse)(&content).map_err(|error| NoAnswer::parse(path, &error))? {
            let Some((name, arguments)) = statement.words.split_first() else {
                self.blocks.pop();
                continue;
            };
            let refuse = |why: &str| NoAnswer::parse(path, &format_args!("line {}: {why}", statement.line));
            if self.table.rows.len() >= MAX_ROWS || self.bytes > MAX_FILE_BYTES {
                let bounds = format!("more than {MAX_ROWS} directives or {MAX_FILE_BYTES} bytes with what is included");
                return Err(refuse(&bounds));
            }
            self.row(path, &statement, name, arguments);
            if statement.kind == Kind::Begin {
                self.begin(name, arguments);
                continue;
            }
            let known = |directive: &str| name.eq_ignore_ascii_case(directive.as_bytes());
            if self.server.base.is_some_and(known)
                && let Some(root) = arguments.first()
            {
                self.base.clone_from(root);
            }
            let Some((_, required)) = self.server.includes.iter().find(|(directive, _)| known(directive)) else {
                continue;
            };
            if depth == MAX_DEPTH {
                return Err(refuse(&format!("files include each other more than {MAX_DEPTH} deep")));
            }
            for word in arguments {
                let files = self.context.included(&self.base, word).map_err(|error| refuse(error.text()))?;
                self.included += 1 + files.len();
                if self.included > MAX_INCLUDED {
                    return Err(refuse(&format!("more than {MAX_INCLUDED} files are included")));
                }
                if files.is_empty() && *required && !word.contains(&b'*') && !word.contains(&b'?') {
                    return Err(refuse(&format!("{} is not there", lossless(word))));
                }
                for file in files {
                    self.file(&file, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, name: &[u8], arguments: &[Vec<u8>]) {
        let context = match self.blocks.last() {
            None => Text::from(name),
            Some((outer, _)) => Text::from([outer, &b"/"[..], name].concat()),
        };
        self.bytes += context.len() as u64;
        self.blocks.push((context, Value::text(arguments.join(&b' '))));
    }

    fn row(&mut self, path: &[u8], statement: &Statement, name: &[u8], arguments: &[Vec<u8>]) {
        let (around, block) = match self.blocks.last() {
            None => (Value::text(""), Value::Nil),
            Some((context, arguments)) => (Value::Text(Text::clone(context)), arguments.clone()),
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
        self.table.rows.push(Row { cells: cells.into_iter().map(Ok).collect(), place });
    }
}
