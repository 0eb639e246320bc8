//! `apache_conf`: every directive of Apache httpd with the sections in which it stands, what is included in its place.
//!
//! What httpd knows only when it runs (its parameters, the environment, modules of its own) is not guessed: rows that
//! depend on it are doubtful.

use std::collections::{HashMap, HashSet};

use crate::parse::directives::{Kind, Statement, apache, apache_words};
use crate::resource::aide_conf::first_of;
use crate::resource::context::Seen;
use crate::resource::includes::{folder_of, leads_to_nothing};
use crate::resource::web_servers::{COLUMNS, PATH, Rows};
use crate::resource::{Arguments, Asked, Columns, Context, Label, NoAnswer, Resource, Shape, Table};
use crate::rootfs::{Glob, GlobPiece, LookError};
use crate::value::{Text, lossless};

pub(super) const APACHE_CONF: Resource = Resource {
    name: "apache_conf",
    summary: "The directives of Apache httpd's configuration, Include and IncludeOptional followed, variables of Define \
              filled in. What stands in IfModule, IfDefine or IfFile counts where LoadModule, Define and the files say \
              so; a check that takes a row of which that is not known (IfVersion, a parameter, a module that may be part \
              of httpd, a variable of the environment, Macro) is an error. If, Else and ElseIf are blocks like others.",
    label: Label::Alone("Apache Config"),
    arguments: PATH,
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(COLUMNS), read },
};

/// Where Debian, Red Hat and the official image keep Apache's configuration.
const PATHS: [&[u8]; 3] =
    [b"/etc/apache2/apache2.conf", b"/etc/httpd/conf/httpd.conf", b"/usr/local/apache2/conf/httpd.conf"];

/// Modules that are part of every httpd.
const OWN_MODULES: [&[u8]; 6] = [b"core_module", b"core.c", b"so_module", b"mod_so.c", b"http_module", b"http_core.c"];

/// Where httpd is. What is linked into it is named in it; it needs no LoadModule.
const PROGRAMS: [&[u8]; 3] = [b"/usr/sbin/apache2", b"/usr/sbin/httpd", b"/usr/local/apache2/bin/httpd"];

/// httpd's own limit of folders in each other that are included.
const MAX_FOLDERS: usize = 20;

/// A variable.
enum Defined {
    /// It is defined, and has no value.
    Name,
    Value(Vec<u8>),
    /// It may be defined or not.
    Perhaps,
}

/// Whether a condition holds.
enum Holds {
    Yes,
    No,
    Perhaps,
}

struct Reading<'a> {
    rows: Rows<'a>,
    /// ServerRoot: what relative names are relative to.
    base: Vec<u8>,
    defined: HashMap<Vec<u8>, Defined>,
    modules: HashSet<Vec<u8>>,
    /// The programs that are there, once they were asked for.
    programs: Option<Vec<Text>>,
    /// How many sections are open that do not count, one in the other.
    skipped: usize,
}

fn read(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let (path, _) = first_of(context, arguments, &PATHS)?;
    let folder = folder_of(&path);
    let mut reading = Reading {
        rows: Rows::new(context),
        base: folder.strip_suffix(b"/conf").unwrap_or(folder).to_vec(),
        defined: HashMap::new(),
        modules: OWN_MODULES.iter().map(|module| module.to_vec()).collect(),
        programs: None,
        skipped: 0,
    };
    reading.file(&path, 0)?;
    Ok(reading.rows.table)
}

impl Reading<'_> {
    /// `Missing` when the file itself is not there.
    fn file(&mut self, path: &[u8], depth: usize) -> Asked<()> {
        let content = self.rows.includes.read(path, depth)?;
        for statement in apache(&content).map_err(|error| NoAnswer::parse(path, &error))? {
            match statement.kind {
                Kind::Begin if self.skipped > 0 => self.skipped += 1,
                Kind::End if self.skipped > 0 => self.skipped -= 1,
                Kind::End => self.rows.end(),
                Kind::Simple if self.skipped > 0 => {}
                Kind::Begin => self.section(path, &statement)?,
                Kind::Simple => self.directive(path, &statement, depth)?,
            }
        }
        Ok(())
    }

    /// The words of a statement with its variables filled in, and the first variable that has no value here.
    fn words(&self, path: &[u8], statement: &Statement) -> Asked<(Vec<Vec<u8>>, Option<String>)> {
        let (mut rest, mut filled, mut unknown) = (statement.text.as_slice(), Vec::new(), None);
        if rest.is_empty() {
            return Ok((statement.words.clone(), None));
        }
        while let Some(at) = memchr::memmem::find(rest, b"${") {
            let (before, from) = rest.split_at(at);
            filled.extend_from_slice(before);
            rest = from;
            let Some(end) = from.iter().position(|byte| *byte == b'}') else { break };
            let name = from.get(2..end).unwrap_or_default();
            match self.defined.get(name) {
                Some(Defined::Value(value)) => filled.extend_from_slice(value),
                _ => {
                    filled.extend_from_slice(from.get(..=end).unwrap_or_default());
                    unknown = unknown.or_else(|| Some(format!("the value of ${{{}}} is not known", lossless(name))));
                }
            }
            rest = from.get(end + 1..).unwrap_or_default();
            if filled.len() > 1 << 16 {
                return Err(NoAnswer::parse(path, &format_args!("line {}: variables hold too much", statement.line)));
            }
        }
        filled.extend_from_slice(rest);
        let words = apache_words(statement.line, &filled).map_err(|error| NoAnswer::parse(path, &error))?;
        match words.first() {
            Some(name) if !name.starts_with(b"<") => Ok((words, unknown)),
            _ => {
                Err(NoAnswer::parse(path, &format_args!("line {}: variables make another line of it", statement.line)))
            }
        }
    }

    fn section(&mut self, path: &[u8], statement: &Statement) -> Asked<()> {
        let (words, unknown) = self.words(path, statement)?;
        self.rows.add(path, statement, &words)?;
        let doubt = match self.holds(&words)? {
            Holds::No if unknown.is_none() => {
                self.skipped = 1;
                return Ok(());
            }
            Holds::Yes => unknown,
            Holds::No | Holds::Perhaps => {
                let shown: Vec<String> = words.iter().map(|word| lossless(word)).collect();
                Some(unknown.unwrap_or_else(|| format!("whether <{}> counts is not known", shown.join(" "))))
            }
        };
        self.rows.begin(path, &words, doubt)
    }

    /// Whether what stands in a section counts.
    fn holds(&mut self, words: &[Vec<u8>]) -> Asked<Holds> {
        let [section, arguments @ ..] = words else { return Ok(Holds::Yes) };
        let argument = arguments.first().map_or(&b""[..], Vec::as_slice);
        let (is_not, name) = argument.strip_prefix(b"!").map_or((false, argument), |name| (true, name));
        let found = match &*section.to_ascii_lowercase() {
            b"ifmodule" if self.modules.contains(name) => Some(true),
            b"ifmodule" => self.is_foreign(name)?.then_some(false),
            b"ifdefine" => matches!(self.defined.get(name), Some(Defined::Name | Defined::Value(_))).then_some(true),
            b"iffile" => {
                let file = self.rows.includes.context.file(&self.whole(name));
                match Seen::Asked(&file).metadata(self.rows.includes.context) {
                    Ok(_) => Some(true),
                    Err(LookError::Absent) => Some(false),
                    Err(_) => None,
                }
            }
            b"ifversion" | b"ifdirective" | b"ifsection" | b"macro" => None,
            _ => return Ok(Holds::Yes),
        };
        Ok(match found {
            Some(found) if found != is_not => Holds::Yes,
            Some(_) => Holds::No,
            None => Holds::Perhaps,
        })
    }

    /// Whether it is known that a module is no part of httpd itself.
    fn is_foreign(&mut self, name: &[u8]) -> Asked<bool> {
        if self.programs.is_none() {
            let mut programs = Vec::new();
            for path in PROGRAMS {
                match self.rows.includes.context.read_large(path) {
                    Err(NoAnswer::Missing(_)) => {}
                    program => programs.push(program?),
                }
            }
            self.programs = Some(programs);
        }
        let programs = self.programs.as_deref().unwrap_or_default();
        Ok(!name.is_empty()
            && !programs.is_empty()
            && programs.iter().all(|program| memchr::memmem::find(program, name).is_none()))
    }

    fn whole(&self, name: &[u8]) -> Vec<u8> {
        if name.starts_with(b"/") { name.to_vec() } else { [&self.base, &b"/"[..], name].concat() }
    }

    fn directive(&mut self, path: &[u8], statement: &Statement, depth: usize) -> Asked<()> {
        let refuse = |why: &str| NoAnswer::parse(path, &format_args!("line {}: {why}", statement.line));
        let (words, unknown) = self.words(path, statement)?;
        let number = self.rows.table.rows.len();
        self.rows.add(path, statement, &words)?;
        let place = format!("{}:{}", lossless(path), statement.line);
        if let Some(unknown) = &unknown {
            self.rows.table.doubtful.insert(number, format!("{place}: {unknown}"));
        }
        let is_sure = unknown.is_none() && self.rows.doubt().is_none();
        let [name, arguments @ ..] = words.as_slice() else { return Ok(()) };
        match (&*name.to_ascii_lowercase(), arguments) {
            (b"define", [name, value @ ..]) => {
                let meant = match value.first() {
                    _ if !is_sure => Defined::Perhaps,
                    None => Defined::Name,
                    Some(value) => Defined::Value(value.clone()),
                };
                self.defined.insert(name.clone(), meant);
            }
            (b"undefine", [name]) => {
                self.defined.insert(name.clone(), Defined::Perhaps);
            }
            (b"loadmodule", [name, file, ..]) if is_sure => {
                // mod_x.so is made of mod_x.c, and that is another name of x_module.
                let stem = name.strip_suffix(b"_module").unwrap_or(name);
                if file.ends_with(&[b"/mod_", stem, b".so"].concat()) {
                    self.modules.insert([b"mod_", stem, b".c"].concat());
                }
                self.modules.insert(name.clone());
            }
            (b"serverroot", [root]) if is_sure && root.starts_with(b"/") => {
                self.base = root.strip_suffix(b"/").unwrap_or(root).to_vec();
            }
            (b"serverroot", _) => return Err(refuse("it is not known which folder this is")),
            (b"include" | b"includeoptional", [_]) if unknown.is_some() => {
                return Err(refuse(&unknown.unwrap_or_default()));
            }
            // Where it is not known whether httpd reads a file, it need not be there.
            (b"include", [file]) => self.include((path, statement.line), file, self.rows.doubt().is_none(), depth)?,
            (b"includeoptional", [file]) => self.include((path, statement.line), file, false, depth)?,
            (b"include" | b"includeoptional", _) => return Err(refuse("one file, folder or pattern is expected")),
            (b"use", _) => self.rows.table.incomplete.push(format!("{place}: what a Macro holds is not followed")),
            _ => {}
        }
        Ok(())
    }

    fn include(&mut self, from: (&[u8], usize), name: &[u8], must_be: bool, depth: usize) -> Asked<()> {
        let found = self.rows.includes.context.included(&self.base, name);
        let found =
            found.map_err(|error| NoAnswer::parse(from.0, &format_args!("line {}: {}", from.1, error.text())))?;
        if found.is_empty() && must_be {
            return Err(leads_to_nothing(from, name));
        }
        let mut files = Vec::new();
        for path in found {
            self.files(path, 0, &mut files)?;
        }
        for file in files {
            match self.file(&file, depth + 1) {
                Err(NoAnswer::Missing(_)) if !must_be => {}
                Err(NoAnswer::Missing(_)) => return Err(leads_to_nothing(from, &file)),
                read => read?,
            }
        }
        Ok(())
    }

    /// A file itself; of a folder all files below it, hidden ones too.
    fn files(&mut self, path: Vec<u8>, folders: usize, files: &mut Vec<Vec<u8>>) -> Asked<()> {
        self.rows.includes.more_files(&path, 1)?;
        if !self.rows.includes.context.is_folder(&path) {
            files.push(path);
            return Ok(());
        }
        if folders > MAX_FOLDERS {
            return Err(NoAnswer::parse(&path, &format_args!("more than {MAX_FOLDERS} folders in each other")));
        }
        let globs = ["/*", "/.*"].map(|names| Glob::of(&[GlobPiece::Literal(&path), GlobPiece::Written(names)]));
        let globs: Result<Vec<Glob>, _> = globs.into_iter().collect();
        let globs = globs.map_err(|error| NoAnswer::parse(&path, &error))?;
        for (inner, _) in self.rows.includes.context.expand_all(&globs)?.0 {
            self.files(inner, folders + 1, files)?;
        }
        Ok(())
    }
}
