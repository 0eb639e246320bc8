//! `find`: the files that a walk meets, as a table. Any number of questions is answered by one walk.

use std::sync::{Mutex, PoisonError};

use crate::order;
use crate::parse::MAX_ROWS;
use crate::resource::context::{Absent, Seen, names_of};
use crate::resource::{
    Argument, Arguments, Asked, Cell, Context, Label, NoAnswer, Property, Resource, Row, Shape, Table, Takes, Type,
    file,
};
use crate::rootfs::{Found, Kind, Links, LookError, WalkOptions, Walker, walk};
use crate::value::{Value, lossless};

pub(super) const FIND: Resource = Resource {
    name: "find",
    summary: "The files below some folders; kernel filesystems are never entered, mounted volumes are.",
    label: Label::WithArgument("Find"),
    arguments: &[
        argument("under", Takes::Globs, "Where to look: folders or globs, themselves included; links followed."),
        argument("type", Takes::Kind, "Only what is of this kind."),
        argument("name", Takes::Names, "Only what has a name like this; dots are ordinary here."),
        argument("depth", Takes::Count, "Only so many levels below the folders; they are level 0."),
        argument("follow", Takes::Bool, "Follow links to folders, and take a link for what it leads to."),
        argument("one_filesystem", Takes::Bool, "Do not enter other filesystems."),
        argument("exclude", Takes::Names, "Names or paths that are left out, with all below them."),
    ],
    one_of: &["under"],
    shape: Shape::Walk,
};

const fn argument(name: &'static str, takes: Takes, summary: &'static str) -> Argument {
    Argument { name, takes, summary, required: false }
}

/// The column that find has beside the properties of files.
pub(super) const PATH: Property = Property::new("path", Type::Text, "The path, as the walk went.").plural("paths");

/// The most bytes that the rows of one answer may hold together: paths, and what is wanted of each file.
const MAX_TABLE_BYTES: usize = 64 << 20;

/// How many files of which something could not be told are named, at least.
const MAX_UNKNOWN: usize = 100;

/// Properties that a link itself has; all others are those of what it leads to.
const OF_THE_LINK: [&str; 14] = [
    "type",
    "symlink",
    "owner",
    "group",
    "uid",
    "gid",
    "size",
    "mtime",
    "age_days",
    "nlink",
    "basename",
    "link_path",
    "shallow_link_path",
    "linked_to",
];

/// Whether a column tells of a link itself that a walk met, not of what it leads to.
pub fn is_of_the_link(column: &str) -> bool {
    column == PATH.name || OF_THE_LINK.contains(&column)
}

/// Whether a row belongs to a table.
pub enum Keep {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It cannot be told, for this reason.
    Unknown(NoAnswer),
}

/// Whether a row is kept, by its columns.
pub(super) type Choose<'a> = dyn Fn(&dyn Fn(&str) -> Cell) -> Keep + Sync + 'a;

/// One question to a walk.
pub struct Question<'a> {
    /// The arguments of the resource.
    pub arguments: &'a Arguments,
    /// Which columns the rows are to have, beside the path.
    pub wanted: Vec<String>,
    /// Which rows are to be kept, by their columns.
    pub keep: &'a Choose<'a>,
}

/// Answers all questions with one walk, in parallel within the current rayon pool when `parallel`.
pub fn ask(context: &Context, questions: &[Question<'_>], parallel: bool) -> Vec<Asked<Table>> {
    let gathered: Vec<Mutex<Gathered>> = questions.iter().map(|_| Mutex::default()).collect();
    let starts: Vec<Asked<(Vec<Vec<u8>>, Absent)>> =
        questions.iter().map(|question| starts(context, question.arguments)).collect();
    type Visit<'v> = Box<dyn Fn(&Found<'_>) + Sync + 'v>;
    let visits: Vec<Visit<'_>> = questions
        .iter()
        .zip(&gathered)
        .map(|(question, gathered)| -> Visit<'_> { Box::new(|found| visit(context, question, gathered, found)) })
        .collect();
    let mut walkers = Vec::new();
    let mut walked = Vec::new();
    for (index, ((question, starts), visit)) in questions.iter().zip(&starts).zip(&visits).enumerate() {
        if let Ok((starts, _)) = starts {
            walked.push(index);
            walkers.push(Walker {
                starts: starts.clone(),
                options: WalkOptions {
                    follow: question.arguments.flag("follow"),
                    one_filesystem: question.arguments.flag("one_filesystem"),
                    depth: question.arguments.count("depth"),
                },
                exclude: question.arguments.globs("exclude"),
                visit: &**visit,
            });
        }
    }
    let mut incomplete: Vec<_> = walk(&context.root, &walkers, parallel).into_iter().collect();
    drop(walkers);
    drop(visits);
    let mut answers = Vec::new();
    for (index, (gathered, starts)) in gathered.into_iter().zip(starts).enumerate() {
        let gathered = gathered.into_inner().unwrap_or_else(PoisonError::into_inner);
        answers.push(starts.map(|(_, absent)| {
            let mut table =
                gathered.table(&questions.get(index).map(|question| question.wanted.clone()).unwrap_or_default());
            table.absent = absent;
            let missed = walked.iter().position(|one| *one == index).and_then(|at| incomplete.get_mut(at));
            for missed in missed.into_iter().flat_map(std::mem::take) {
                table.incomplete.push(format!("{}: {}", lossless(&missed.path), missed.error));
            }
            table
        }));
    }
    answers
}

/// How much room the text of a cell takes, about.
fn bytes_of(cell: &Cell) -> usize {
    fn of(value: &Value) -> usize {
        match value {
            Value::Text(text) => text.len(),
            Value::List(items) => items.iter().map(|item| size_of::<Value>() + of(item)).sum(),
            _ => 0,
        }
    }
    match cell {
        Ok(value) => of(value),
        Err(no_answer) => no_answer.text().len(),
    }
}

/// What one question has gathered so far.
#[derive(Default)]
struct Gathered {
    rows: Vec<(Vec<u8>, Vec<Cell>)>,
    unknown: Vec<(Vec<u8>, NoAnswer)>,
    bytes: usize,
    overflow: bool,
}

impl Gathered {
    fn table(mut self, wanted: &[String]) -> Table {
        order::sort(&mut self.rows, &|a, b| a.0.cmp(&b.0));
        // Where one of the folders lies in another, both walks come by.
        self.rows.dedup_by(|a, b| a.0 == b.0);
        order::sort(&mut self.unknown, &|a, b| a.0.cmp(&b.0));
        self.unknown.truncate(MAX_UNKNOWN);
        let columns = std::iter::once(PATH.name.to_owned()).chain(wanted.iter().cloned()).collect();
        let mut table = Table { columns, ..Table::default() };
        for (path, cells) in self.rows {
            let cells = std::iter::once(Ok(Value::text(&path))).chain(cells).collect();
            table.rows.push(Row { cells, place: lossless(&path) });
        }
        table.incomplete.extend(self.unknown.into_iter().map(|(_, why)| why.text().to_owned()));
        if self.overflow {
            table.incomplete.push("there is more than is kept".to_owned());
        }
        table
    }
}

fn starts(context: &Context, arguments: &Arguments) -> Asked<(Vec<Vec<u8>>, Absent)> {
    let under = arguments.globs("under");
    let (found, mut absent) = context.expand_all(under)?;
    let mut paths = Vec::new();
    for (path, named) in found {
        // Below a link that leads nowhere there is nothing to look at; met by a wildcard, it is an entry itself.
        if named && context.root.lookup(&path, Links::Follow).is_err_and(|error| error == LookError::Absent) {
            absent.push(lossless(&path));
        } else {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(NoAnswer::Missing(format!("Can't find file: {}", names_of(under))));
    }
    Ok((paths, absent))
}

fn visit(context: &Context, question: &Question<'_>, gathered: &Mutex<Gathered>, found: &Found<'_>) {
    let unknown = |why: NoAnswer| {
        let mut gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.unknown.push((found.path(), why));
        // Of many, the first ones are named.
        if gathered.unknown.len() >= 2 * MAX_UNKNOWN {
            order::sort(&mut gathered.unknown, &|a, b| a.0.cmp(&b.0));
            gathered.unknown.truncate(MAX_UNKNOWN);
        }
    };
    let names = question.arguments.globs("name");
    if !names.is_empty() && !names.iter().any(|glob| glob.matches_name(found.name())) {
        return;
    }
    if let Some(wanted) = question.arguments.kind("type") {
        match found.kind() {
            Ok(kind) if kind == wanted => {}
            Ok(_) | Err(LookError::Absent) => return,
            Err(error) => return unknown(NoAnswer::look(&found.path(), &error)),
        }
    }
    let cell = |name: &str| cell(context, found, name);
    match (question.keep)(&cell) {
        Keep::Yes => {}
        Keep::No => return,
        Keep::Unknown(why) => return unknown(why),
    }
    if gathered.lock().unwrap_or_else(PoisonError::into_inner).overflow {
        return;
    }
    let cells: Vec<Cell> = question.wanted.iter().map(|name| cell(name)).collect();
    let path = found.path();
    let bytes = path.len() + cells.iter().map(bytes_of).sum::<usize>();
    let mut gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
    gathered.bytes += bytes;
    if gathered.rows.len() == MAX_ROWS || gathered.bytes > MAX_TABLE_BYTES {
        gathered.overflow = true;
        return;
    }
    gathered.rows.push((path, cells));
}

/// A column of an entry. What is gone since it was listed, and what a dangling link does not lead to, is nil.
fn cell(context: &Context, found: &Found<'_>, name: &str) -> Cell {
    if name == PATH.name {
        return Ok(Value::text(found.path()));
    }
    let through_link = !OF_THE_LINK.contains(&name) && found.kind() == Ok(Kind::Symlink);
    let answer = if through_link {
        file::file_property(context, &Seen::Asked(&context.file(&found.path())), name)
    } else {
        file::file_property(context, &Seen::Met(found), name)
    };
    match answer {
        Err(NoAnswer::Missing(_)) => Ok(Value::Nil),
        answer => answer,
    }
}
