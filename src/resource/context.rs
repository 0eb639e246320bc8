//! What all resources of one scan share: the root, the time, and the files that were read already.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::order;
use crate::parse::accounts;
use crate::process::Facts;
use crate::resource::package_databases::{self, Package};
use crate::resource::{Arg, Arguments, Asked, NoAnswer};
use crate::rootfs::{Found, Glob, Kind, Links, Look, LookError, MAX_FILE_BYTES, Metadata, Node, Root, expand};
use crate::value::{Text, Value, lossless};

/// Those of several paths or globs that name nothing, as they were written.
pub(super) type Absent = Vec<String>;

/// The paths that several paths or globs name, each with something, and those that name nothing.
pub(super) type Several<T> = (Vec<(Vec<u8>, T)>, Absent);

/// How many files are held open at once for later checks.
const MAX_HELD_FILES: usize = 128;
/// How many bytes of contents are kept for later checks.
const MAX_HELD_BYTES: usize = 8 << 20;

/// How many bytes of several files are taken together, when all of them are needed at once.
const MAX_TOGETHER: u64 = 2 * MAX_FILE_BYTES;

/// The largest file that is read whole where large ones are ordinary: programs, Java archives, databases of packages.
/// It is not kept.
const MAX_LARGE_BYTES: u64 = 4 * MAX_FILE_BYTES;

/// What a scan looks at, and what it has seen.
pub struct Context {
    /// The target's root.
    pub root: Root,
    /// The moment of the scan, seconds since the epoch.
    pub now: i64,
    max_file: u64,
    max_large: u64,
    files: Mutex<Files>,
    names: OnceLock<Names>,
    facts: Option<Arc<Facts>>,
    packages: OnceLock<Asked<Vec<Package>>>,
}

/// Files seen, the oldest first.
#[derive(Default)]
struct Files {
    by_path: HashMap<Text, Arc<Slot>>,
    order: VecDeque<Text>,
    bytes: usize,
}

/// One path of the target: looked up once, read once.
struct Slot {
    path: Text,
    node: OnceLock<Look<Node>>,
    link: OnceLock<Look<Node>>,
    content: OnceLock<Look<Text>>,
}

/// A file that is asked for by its path; what is found out is shared with the other checks that ask the same path.
pub struct AskedFile(Arc<Slot>);

/// A file as its properties see it: asked for by path, or met by a walk.
pub(super) enum Seen<'a> {
    Asked(&'a AskedFile),
    Met(&'a Found<'a>),
}

/// Names of owners, as the target's own files have them.
pub(super) struct Names {
    pub(super) users: Asked<HashMap<u32, Text>>,
    pub(super) groups: Asked<HashMap<u32, Text>>,
}

impl Context {
    /// A context that has seen nothing.
    pub fn new(root: Root, now: i64) -> Context {
        Context {
            root,
            now,
            max_file: MAX_FILE_BYTES,
            max_large: MAX_LARGE_BYTES,
            files: Mutex::default(),
            names: OnceLock::new(),
            facts: None,
            packages: OnceLock::new(),
        }
    }

    /// Reads no file that is larger than this.
    pub fn with_max_file(self, bytes: u64) -> Context {
        Context { max_file: bytes.min(MAX_FILE_BYTES), max_large: bytes.min(MAX_LARGE_BYTES), ..self }
    }

    /// The same, with the processes of a live container.
    pub fn with_processes(self, facts: Option<Arc<Facts>>) -> Context {
        Context { facts, ..self }
    }

    /// The processes of a live container. `Unanswerable` for a target at rest.
    pub fn processes(&self) -> Asked<&Facts> {
        self.facts
            .as_deref()
            .ok_or_else(|| NoAnswer::Unanswerable("no process of the target is there to look at".to_owned()))
    }

    fn slot(&self, path: &[u8]) -> Arc<Slot> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = files.by_path.get(path) {
            return Arc::clone(slot);
        }
        while files.order.len() >= MAX_HELD_FILES || files.bytes > MAX_HELD_BYTES {
            files.forget_oldest();
        }
        let slot = Arc::new(Slot {
            path: Text::from(path),
            node: OnceLock::new(),
            link: OnceLock::new(),
            content: OnceLock::new(),
        });
        files.by_path.insert(Text::clone(&slot.path), Arc::clone(&slot));
        files.order.push_back(Text::clone(&slot.path));
        slot
    }

    /// The file at a path; it may be absent.
    pub(super) fn file(&self, path: &[u8]) -> AskedFile {
        AskedFile(self.slot(path))
    }

    /// The whole content of the file at a path.
    pub(super) fn read(&self, path: &[u8]) -> Asked<Text> {
        let slot = self.slot(path);
        self.content(&slot).map_err(|error| NoAnswer::look(path, &error))
    }

    /// The whole content of the file at a path that may be a large one, not kept for later checks.
    pub(super) fn read_large(&self, path: &[u8]) -> Asked<Text> {
        let node = self.root.lookup(path, Links::Follow);
        node.and_then(|node| self.root.read(&node, self.max_large)).map_err(|error| NoAnswer::look(path, &error))
    }

    /// How many bytes of a large file are read, and how many are unpacked of one.
    pub(super) fn most_of_a_large_file(&self) -> usize {
        usize::try_from(self.max_large).unwrap_or(usize::MAX)
    }

    fn node(&self, slot: &Slot) -> Look<Node> {
        slot.node.get_or_init(|| self.root.lookup(&slot.path, Links::Follow)).clone()
    }

    fn content(&self, slot: &Slot) -> Look<Text> {
        let read = || {
            let content = self.root.read(&self.node(slot)?, self.max_file)?;
            self.files.lock().unwrap_or_else(PoisonError::into_inner).bytes += content.len();
            Ok(content)
        };
        slot.content.get_or_init(read).clone()
    }

    /// The contents of the files that `path` or `paths` name, together: see [`Context::read_each`].
    pub(super) fn read_all(&self, arguments: &Arguments, default: &str) -> Asked<Several<Text>> {
        let mut contents = Together::default();
        let absent = self.read_each(arguments, default, &mut |path, content| {
            contents.add(path, content)?;
            Ok(true)
        })?;
        Ok((contents.files, absent))
    }

    /// Passes on the contents of the files that `path` or `paths` name, in byte order of the names, until `each` says
    /// no; returns which of `paths` hold nothing because they do not exist.
    ///
    /// `Missing` when none exists. Folders that a wildcard names are left out: they hold no lines.
    pub(super) fn read_each(
        &self,
        arguments: &Arguments,
        default: &str,
        each: &mut dyn FnMut(&[u8], Text) -> Asked<bool>,
    ) -> Asked<Absent> {
        self.read_each_by(arguments, default, &|path| self.read(path), each)
    }

    /// The same, read in this way.
    pub(super) fn read_each_by(
        &self,
        arguments: &Arguments,
        default: &str,
        read: &dyn Fn(&[u8]) -> Asked<Text>,
        each: &mut dyn FnMut(&[u8], Text) -> Asked<bool>,
    ) -> Asked<Absent> {
        let globs = arguments.globs("paths");
        if globs.is_empty() {
            let path = arguments.text("path").unwrap_or(default.as_bytes());
            each(path, read(path)?)?;
            return Ok(Vec::new());
        }
        let (paths, absent) = self.expand_all(globs)?;
        let mut any = false;
        for (path, named) in paths {
            match read(&path) {
                Ok(content) => {
                    any = true;
                    if !each(&path, content)? {
                        return Ok(absent);
                    }
                }
                // Named by a wildcard and no file: a folder, or gone since.
                Err(NoAnswer::Missing(_)) if !named => {}
                Err(_) if !named && self.is_folder(&path) => {}
                Err(error) => return Err(error),
            }
        }
        if !any {
            return Err(NoAnswer::Missing(format!("Can't find file: {}", names_of(globs))));
        }
        Ok(absent)
    }

    /// The content of a file that a system may lack.
    pub(super) fn read_optional(&self, path: &[u8]) -> Asked<Option<Text>> {
        match self.read(path) {
            Ok(content) => Ok(Some(content)),
            Err(NoAnswer::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The content of a file where what is not there counts as much as what is: a link that leads to nothing is an
    /// error, because a volume could bring what it leads to.
    pub(super) fn read_behind_link(&self, path: &[u8]) -> Asked<Text> {
        match self.read(path) {
            Err(NoAnswer::Missing(why)) => match self.root.lookup(path, Links::Stay) {
                Err(LookError::Absent) => Err(NoAnswer::Missing(why)),
                Ok(_) => Err(NoAnswer::Error(format!("{}: a link that leads to nothing", lossless(path)))),
                Err(error) => Err(NoAnswer::look(path, &error)),
            },
            read => read,
        }
    }

    /// The same as [`Context::read_each`] for one glob; `None` when it names no file.
    pub(super) fn read_folder(
        &self,
        glob: &str,
        each: &mut dyn FnMut(&[u8], Text) -> Asked<bool>,
    ) -> Asked<Option<()>> {
        let glob = Glob::new(glob).map_err(|error| NoAnswer::Error(error.to_string()))?;
        let arguments = Arguments(vec![("paths", Arg::Globs(vec![glob]))]);
        match self.read_each(&arguments, "", each) {
            Ok(_) => Ok(Some(())),
            Err(NoAnswer::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The paths that these globs name, in byte order, with whether each was written out, and the globs that name
    /// nothing.
    pub(super) fn expand_all(&self, globs: &[Glob]) -> Asked<Several<bool>> {
        let mut paths: Vec<(Vec<u8>, bool)> = Vec::new();
        let mut absent = Vec::new();
        for glob in globs {
            let found = expand(&self.root, glob).map_err(|(path, error)| NoAnswer::look(&path, &error))?;
            if found.is_empty() {
                absent.push(glob.as_str().to_owned());
            }
            paths.extend(found.into_iter().map(|path| (path, !glob.is_pattern())));
        }
        order::sort(&mut paths, &Ord::cmp);
        paths.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            earlier.1 |= same && later.1;
            same
        });
        Ok((paths, absent))
    }

    /// The files that a word of an include directive names, from this folder on.
    ///
    /// Errors: a pattern of which glob(3) knows more than globs here do, so that nothing is overlooked.
    pub(super) fn included(&self, folder: &[u8], word: &[u8]) -> Asked<Vec<Vec<u8>>> {
        if word.iter().any(|byte| matches!(byte, b'[' | b'\\' | b'$' | b'~')) {
            return Err(NoAnswer::Error(format!("{}: only names, * and ? are understood", lossless(word))));
        }
        let whole = if word.starts_with(b"/") { word.to_vec() } else { [folder, b"/", word].concat() };
        let glob = Glob::new(&lossless(&whole)).map_err(|error| NoAnswer::Error(error.to_string()))?;
        let (paths, _) = self.expand_all(std::slice::from_ref(&glob))?;
        Ok(paths.into_iter().map(|(path, _)| path).collect())
    }

    /// The packages of all databases, read once.
    pub(super) fn packages(&self) -> Asked<&[Package]> {
        self.packages.get_or_init(|| package_databases::read(self)).as_deref().map_err(Clone::clone)
    }

    /// Whether a folder stands at a path, links followed.
    pub(super) fn is_folder(&self, path: &[u8]) -> bool {
        self.node(&self.slot(path)).is_ok_and(|node| node.metadata.kind == Kind::Directory)
    }

    /// The name of a user by the target's /etc/passwd; nil for one without a name.
    pub(super) fn user_name(&self, uid: u32) -> Asked<Value> {
        let users = self.names().users.as_ref().map_err(Clone::clone)?;
        Ok(users.get(&uid).map_or(Value::Nil, Value::text))
    }

    /// The names of owners and groups, read once.
    pub(super) fn names(&self) -> &Names {
        self.names.get_or_init(|| Names { users: self.names_in(b"/etc/passwd"), groups: self.names_in(b"/etc/group") })
    }

    /// Names by id from a file whose third field is the id; the first line of an id counts, as for getpwuid(3).
    fn names_in(&self, path: &[u8]) -> Asked<HashMap<u32, Text>> {
        let content = match self.read(path) {
            Ok(content) => content,
            // No such file: no id has a name.
            Err(NoAnswer::Missing(_)) => return Ok(HashMap::new()),
            Err(error) => return Err(error),
        };
        let records = accounts::records(&content).map_err(|error| NoAnswer::parse(path, &error))?;
        let mut names = HashMap::new();
        for record in records {
            let id = record.id(2).map_err(|error| NoAnswer::parse(path, &error))?;
            if let (Some(name), Some(Ok(id))) = (record.field(0), id.map(u32::try_from)) {
                names.entry(id).or_insert_with(|| Text::from(name));
            }
        }
        Ok(names)
    }
}

/// Globs as they were written, for a message.
pub(super) fn names_of(globs: &[Glob]) -> String {
    globs.iter().map(Glob::as_str).collect::<Vec<_>>().join(", ")
}

/// The contents of several files, as far as they have room together.
#[derive(Default)]
pub(super) struct Together {
    pub(super) files: Vec<(Vec<u8>, Text)>,
    bytes: u64,
}

impl Together {
    /// Adds a file. Errors: there is too much of it.
    pub(super) fn add(&mut self, path: &[u8], content: Text) -> Asked<()> {
        self.bytes += content.len() as u64;
        if self.bytes > MAX_TOGETHER {
            let error = LookError::TooLarge { what: "bytes of files together", size: self.bytes, cap: MAX_TOGETHER };
            return Err(NoAnswer::look(path, &error));
        }
        self.files.push((path.to_vec(), content));
        Ok(())
    }
}

impl Files {
    fn forget_oldest(&mut self) {
        let Some(path) = self.order.pop_front() else {
            self.bytes = 0;
            return;
        };
        if let Some(slot) = self.by_path.remove(&path)
            && let Some(Ok(content)) = slot.content.get()
        {
            self.bytes = self.bytes.saturating_sub(content.len());
        }
    }
}

impl Seen<'_> {
    pub(super) fn path(&self) -> Vec<u8> {
        match self {
            Seen::Asked(AskedFile(slot)) => slot.path.to_vec(),
            Seen::Met(found) => found.path(),
        }
    }

    /// What the file is, links followed.
    pub(super) fn metadata(&self, context: &Context) -> Look<Metadata> {
        match self {
            Seen::Asked(AskedFile(slot)) => {
                match slot.node.get_or_init(|| context.root.lookup(&slot.path, Links::Follow)) {
                    Ok(node) => Ok(node.metadata.clone()),
                    Err(error) => Err(error.clone()),
                }
            }
            Seen::Met(found) => found.metadata().cloned(),
        }
    }

    /// The file itself, held.
    pub(super) fn node(&self, context: &Context) -> Look<Node> {
        match self {
            Seen::Asked(AskedFile(slot)) => context.node(slot),
            Seen::Met(found) => found.node(),
        }
    }

    /// What stands at the path itself, a link not followed.
    pub(super) fn link(&self, context: &Context) -> Look<Node> {
        match self {
            Seen::Asked(AskedFile(slot)) => {
                slot.link.get_or_init(|| context.root.lookup(&slot.path, Links::Stay)).clone()
            }
            Seen::Met(found) => context.root.lookup(&found.path(), Links::Stay),
        }
    }

    pub(super) fn content(&self, context: &Context) -> Look<Text> {
        match self {
            Seen::Asked(AskedFile(slot)) => context.content(slot),
            Seen::Met(found) => context.root.read(&found.node()?, context.max_file),
        }
    }

    /// Why a property has no value.
    pub(super) fn no_answer(&self, error: &LookError) -> NoAnswer {
        NoAnswer::look(&self.path(), error)
    }

    /// The path for a message.
    pub(super) fn shown(&self) -> String {
        lossless(&self.path())
    }
}
