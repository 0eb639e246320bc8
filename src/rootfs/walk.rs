//! One walk for many questions.
//!
//! A folder is opened by its parent's handle and its name, never by path, so that nothing can be swapped for a link
//! on the way. Walks that start in the same folder are one walk; a walk that starts inside another joins it there, also
//! where a link led to the start: each walker is told the path by which it asked.
//! What could not be entered is reported to every walker that wanted to go there: a walk is whole, or says what is
//! missing. Kernel filesystems are never entered; mounted volumes are.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nix::errno::Errno;

use crate::order;
use crate::rootfs::{Glob, Kind, Links, Look, LookError, Metadata, Node, Root};

/// How many folders deep a walk goes: real trees have tens, and each level costs the path's length again, in the kernel's
/// checks of a sandbox too.
pub const MAX_WALK_DEPTH: usize = 8_000;
/// The longest path that a walk builds: sixteen times what the kernel resolves at once.
pub const MAX_WALK_PATH: usize = 64 << 10;
/// How many entries a walk that follows links may meet: links can make a small tree endless.
const MAX_FOLLOWED_ENTRIES: usize = 5_000_000;

/// How many folders deep a walk goes by calls, each of which takes room on the stack: real trees have tens.
const MAX_AT_ONCE: usize = 64;

/// How many places that could not be looked at are named, at least: the first ones by their paths. A target could have
/// millions of them.
const MAX_INCOMPLETE: usize = 100;

const NEVER_WALKED: LookError = LookError::Unsupported("a kernel filesystem is never walked");

/// How a walk goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkOptions {
    /// Links to folders are entered (find -L).
    pub follow: bool,
    /// Other filesystems are not entered (find -xdev).
    pub one_filesystem: bool,
    /// How many levels below the start are visited; the start is level 0.
    pub depth: Option<usize>,
}

/// One question put to a walk.
pub struct Walker<'a> {
    /// Where it starts, links followed where they lead somewhere; absolute paths.
    pub starts: Vec<Vec<u8>>,
    /// How it goes.
    pub options: WalkOptions,
    /// What is left out, with all below it.
    pub exclude: &'a [Glob],
    /// Called for every entry, from several threads, in no order.
    pub visit: &'a (dyn Fn(&Found<'_>) + Sync),
}

/// What a walk could not look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// Where.
    pub path: Vec<u8>,
    /// Why; `Absent` when a start does not exist.
    pub error: LookError,
}

/// An entry that a walk met, as one walker is told of it.
pub struct Found<'a> {
    met: &'a Met<'a>,
    /// Where the walker started.
    start: &'a Start,
    is_start: bool,
}

/// An entry that a walk met.
struct Met<'a> {
    root: &'a Root,
    place: Place<'a>,
    kind: Option<Kind>,
    metadata: OnceCell<Look<Metadata>>,
}

enum Place<'a> {
    Start(&'a Start),
    Entry { folder: &'a Folder, name: &'a [u8] },
    Followed { folder: &'a Folder, name: &'a [u8], node: &'a Node },
}

impl Found<'_> {
    /// The absolute path inside the root, as the walk went.
    pub fn path(&self) -> Vec<u8> {
        self.start.shown(self.met.path().into()).into_owned()
    }

    /// The last name of the path.
    pub fn name(&self) -> &[u8] {
        match &self.met.place {
            Place::Entry { name, .. } | Place::Followed { name, .. } if !self.is_start => name,
            _ => self.start.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default(),
        }
    }

    /// What it is.
    pub fn kind(&self) -> Look<Kind> {
        self.met.kind()
    }

    /// What the filesystem says of it; looked up once.
    pub fn metadata(&self) -> Look<&Metadata> {
        self.met.metadata()
    }

    /// The entry itself, held.
    pub fn node(&self) -> Look<Node> {
        match &self.met.place {
            Place::Start(start) => Ok(start.node.clone()),
            Place::Followed { node, .. } => Ok((*node).clone()),
            Place::Entry { folder, name } => self.met.root.child(&folder.node, name),
        }
    }
}

impl Met<'_> {
    /// The path that the walk itself knows it by.
    fn path(&self) -> Vec<u8> {
        match &self.place {
            Place::Start(start) => start.real_path.clone(),
            Place::Entry { folder, name } | Place::Followed { folder, name, .. } => joined(&folder.path, name),
        }
    }

    fn kind(&self) -> Look<Kind> {
        match self.kind {
            Some(kind) => Ok(kind),
            None => self.metadata().map(|metadata| metadata.kind),
        }
    }

    fn metadata(&self) -> Look<&Metadata> {
        let look = || match &self.place {
            Place::Start(start) => Ok(start.node.metadata.clone()),
            Place::Followed { node, .. } => Ok(node.metadata.clone()),
            Place::Entry { folder, name } => self.root.child_metadata(&folder.node, name),
        };
        self.metadata.get_or_init(look).as_ref().map_err(Clone::clone)
    }
}

/// A folder that is being walked; it is held while entries of it are still to be opened.
struct Folder {
    node: Node,
    path: Vec<u8>,
    depth: usize,
    /// The folders above, where links are followed and a circle must be noticed.
    above: Option<Arc<Ancestor>>,
    _held: Held,
}

struct Ancestor {
    identity: ((u32, u32), u64),
    above: Option<Arc<Ancestor>>,
}

/// Counts the folders that are held, because descriptors are few.
struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A walker that takes part from here on.
#[derive(Clone, Copy)]
struct Active {
    walker: usize,
    /// Which of the walk's starts it started at.
    start: usize,
    /// Depth of its start.
    base: usize,
    device: (u32, u32),
}

/// A folder still to be opened.
struct Job {
    parent: Arc<Folder>,
    name: Vec<u8>,
    /// The folder itself where a link led to it.
    node: Option<Node>,
    active: Arc<[Active]>,
}

/// One start of one or more walkers.
struct Start {
    /// As it was asked for.
    path: Vec<u8>,
    /// Without links.
    real_path: Vec<u8>,
    node: Node,
    walkers: Vec<usize>,
    options: WalkOptions,
}

struct Walk<'a> {
    root: &'a Root,
    walkers: &'a [Walker<'a>],
    incomplete: &'a Mutex<Vec<Vec<Incomplete>>>,
    held: Arc<AtomicUsize>,
    most_held: usize,
    entries: AtomicUsize,
    options: WalkOptions,
    /// The walk's own start, and those inside that join it.
    starts: Vec<Start>,
    joined: Mutex<Vec<usize>>,
}

/// Walks for all walkers at once, in parallel within the current rayon pool when `parallel`.
///
/// Returns for each walker what could not be looked at, in order of the paths; of many, the first ones.
pub fn walk(root: &Root, walkers: &[Walker<'_>], parallel: bool) -> Vec<Vec<Incomplete>> {
    let incomplete = Mutex::new(vec![Vec::new(); walkers.len()]);
    let mut pending = starts(root, walkers, &incomplete);
    let held = Arc::new(AtomicUsize::new(0));
    while !pending.is_empty() {
        let own = pending.remove(0);
        let (inside, rest): (Vec<_>, Vec<_>) = pending.into_iter().partition(|other| own.takes_in(other));
        pending = rest;
        let one = Walk {
            root,
            walkers,
            incomplete: &incomplete,
            held: Arc::clone(&held),
            most_held: most_held(),
            entries: AtomicUsize::new(0),
            options: own.options,
            starts: std::iter::once(own).chain(inside).collect(),
            joined: Mutex::default(),
        };
        one.run(parallel);
        // A start that the walk did not come by (excluded there, or behind a kernel filesystem) gets its own.
        let joined = one.joined.into_inner().unwrap_or_else(PoisonError::into_inner);
        let left = one.starts.into_iter().enumerate().filter(|(index, _)| !joined.contains(index));
        pending.extend(left.map(|(_, start)| start));
    }
    let mut incomplete = incomplete.into_inner().unwrap_or_else(PoisonError::into_inner);
    for list in &mut incomplete {
        order::sort(list, &|a, b| a.path.cmp(&b.path));
        list.truncate(MAX_INCOMPLETE);
    }
    incomplete
}

/// Half of the descriptors that this process may have.
fn most_held() -> usize {
    nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE)
        .map_or(512, |(soft, _)| usize::try_from(soft / 2).unwrap_or(usize::MAX))
}

/// The starts of all walkers, one for each place and way of walking, the outer ones first.
fn starts(root: &Root, walkers: &[Walker<'_>], incomplete: &Mutex<Vec<Vec<Incomplete>>>) -> Vec<Start> {
    let mut starts: Vec<Start> = Vec::new();
    for (index, walker) in walkers.iter().enumerate() {
        let options = WalkOptions { depth: None, ..walker.options };
        for path in &walker.starts {
            if let Some(known) = starts.iter_mut().find(|start| start.path == *path && start.options == options) {
                known.walkers.push(index);
                continue;
            }
            let found = match root.trace(path, Links::Follow, &mut |_| ()) {
                // A link that leads nowhere is an entry like any other; one in a circle leads where nobody can look.
                Err(LookError::Absent) => root.trace(path, Links::Stay, &mut |_| ()),
                found => found,
            };
            match found {
                Ok(trace) => starts.push(Start {
                    path: path.clone(),
                    real_path: trace.real_path,
                    node: trace.node,
                    walkers: vec![index],
                    options,
                }),
                Err(error) => report(incomplete, index, path.clone(), error),
            }
        }
    }
    order::sort(&mut starts, &|a, b| (&a.real_path, &a.path).cmp(&(&b.real_path, &b.path)));
    starts
}

fn report(incomplete: &Mutex<Vec<Vec<Incomplete>>>, walker: usize, path: Vec<u8>, error: LookError) {
    let mut lists = incomplete.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(list) = lists.get_mut(walker) {
        list.push(Incomplete { path, error });
        if list.len() >= 2 * MAX_INCOMPLETE {
            order::sort(list, &|a, b| a.path.cmp(&b.path));
            list.truncate(MAX_INCOMPLETE);
        }
    }
}

impl Start {
    /// Whether a walk from here comes by the other start on its way, or starts there.
    fn takes_in(&self, other: &Start) -> bool {
        self.options == other.options
            && (other.real_path == self.real_path || is_below(&other.real_path, &self.real_path))
    }

    /// A path of the walk at or below this start, as who asked for this start knows it.
    fn shown<'p>(&self, path: Cow<'p, [u8]>) -> Cow<'p, [u8]> {
        if self.path == self.real_path {
            return path;
        }
        let real = self.real_path.strip_suffix(b"/").unwrap_or(&self.real_path);
        match path.strip_prefix(real).and_then(|rest| rest.strip_prefix(b"/")) {
            Some(rest) if !rest.is_empty() => joined(&self.path, rest).into(),
            _ => self.path.clone().into(),
        }
    }
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    path.strip_prefix(folder).is_some_and(|rest| rest.len() > 1 && rest.first() == Some(&b'/'))
}

fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    let mut path = Vec::with_capacity(folder.len() + name.len() + 1);
    path.extend_from_slice(folder);
    path.push(b'/');
    path.extend_from_slice(name);
    path
}

impl Walk<'_> {
    fn run(&self, parallel: bool) {
        let Some(start) = self.starts.first() else { return };
        let met = Met {
            root: self.root,
            place: Place::Start(start),
            kind: Some(start.node.metadata.kind),
            metadata: OnceCell::new(),
        };
        let active = self.joined_by(&start.real_path, self.starts.iter().enumerate(), &[], 0);
        let active = self.visit(&met, &active, 0);
        if self.options.one_filesystem && !self.root.tells_inodes() {
            self.report(
                &active,
                &start.real_path,
                &LookError::Unsupported("tar does not tell where other filesystems begin"),
            );
        }
        if start.node.metadata.kind != Kind::Directory {
            return;
        }
        match self.root.is_kernel_filesystem(&start.node) {
            Ok(false) => {}
            Ok(true) => {
                return self.report(&active, &start.real_path, &NEVER_WALKED);
            }
            Err(error) => return self.report(&active, &start.real_path, &error),
        }
        let Some(held) = self.hold() else {
            return self.report(&active, &start.real_path, &LookError::Exhausted(Errno::EMFILE));
        };
        let above = self.options.follow.then(|| Arc::new(Ancestor { identity: identity(&start.node), above: None }));
        let (node, path) = (start.node.clone(), start.real_path.clone());
        let folder = Arc::new(Folder { node, path, depth: 0, above, _held: held });
        if parallel && !self.root.is_read_in_order() {
            rayon::scope(|scope| self.spawn_entries(scope, &folder, &active));
        } else {
            let mut jobs = Vec::new();
            self.descend(&folder, &active, &mut jobs);
            while let Some(job) = jobs.pop() {
                if let Some((folder, active)) = self.open(job) {
                    self.descend(&folder, &active, &mut jobs);
                }
            }
        }
    }

    /// Goes through a folder. Where contents are read in order, it goes into each folder at once, unless they lie too
    /// deep for that; all others become jobs.
    fn descend(&self, folder: &Arc<Folder>, active: &Arc<[Active]>, jobs: &mut Vec<Job>) {
        let at_once = folder.depth < MAX_AT_ONCE && self.root.is_read_in_order();
        self.entries(folder, active, &mut |job| match at_once {
            true => {
                if let Some((folder, active)) = self.open(job) {
                    self.descend(&folder, &active, jobs);
                }
            }
            false => jobs.push(job),
        });
    }

    fn spawn_entries<'s>(&'s self, scope: &rayon::Scope<'s>, folder: &Arc<Folder>, active: &Arc<[Active]>) {
        self.entries(folder, active, &mut |job| {
            scope.spawn(move |scope| {
                if let Some((folder, active)) = self.open(job) {
                    self.spawn_entries(scope, &folder, &active);
                }
            });
        });
    }

    /// Visits every entry of a folder and passes on those that are to be entered.
    fn entries(&self, folder: &Arc<Folder>, active: &Arc<[Active]>, enter: &mut dyn FnMut(Job)) {
        // Starts right in this folder, and whether any lies deeper.
        let joining: Vec<(usize, &Start)> =
            self.starts.iter().enumerate().filter(|(_, start)| is_below(&start.real_path, &folder.path)).collect();
        let depth = folder.depth + 1;
        let listed = self.root.list(&folder.node, &mut |name, kind| {
            let followed = match self.follow(folder, name, kind) {
                Ok(followed) => followed,
                Err(error) => {
                    let path = joined(&folder.path, name);
                    self.report(&self.not_excluding(active, &|| path.clone()), &path, &error);
                    return true;
                }
            };
            let place = match &followed {
                Some(node) => Place::Followed { folder, name, node },
                None => Place::Entry { folder, name },
            };
            let kind = followed.as_ref().map(|node| node.metadata.kind).or(kind);
            let met = Met { root: self.root, place, kind, metadata: OnceCell::new() };
            let here;
            let taking_part = if joining.is_empty() {
                active
            } else {
                here = self.joined_by(&met.path(), joining.iter().copied(), active, depth);
                &here
            };
            let next = self.visit(&met, taking_part, depth);
            match met.kind() {
                Ok(Kind::Directory) => {}
                Ok(_) => return true,
                Err(LookError::Absent) => return true,
                Err(error) => {
                    self.report(&next, &met.path(), &error);
                    return true;
                }
            }
            let deeper: Arc<[Active]> = if next.iter().all(|one| self.goes_below(one, depth)) {
                next
            } else {
                next.iter().filter(|one| self.goes_below(one, depth)).copied().collect()
            };
            let wanted = || {
                let path = met.path();
                joining.iter().any(|(_, start)| is_below(&start.real_path, &path))
            };
            if !deeper.is_empty() || (!joining.is_empty() && wanted()) {
                let (parent, name) = (Arc::clone(folder), name.to_vec());
                enter(Job { parent, name, node: followed, active: deeper });
            }
            true
        });
        if let Err(error) = listed {
            self.report(active, &folder.path, &error);
        }
    }

    /// Where links are followed: what a link leads to. One that leads nowhere is an entry like any other; one in a
    /// circle, or that leads where the scanner may not look, leaves the walk incomplete.
    fn follow(&self, folder: &Folder, name: &[u8], kind: Option<Kind>) -> Look<Option<Node>> {
        if !self.options.follow || !matches!(kind, None | Some(Kind::Symlink)) {
            return Ok(None);
        }
        match self.root.lookup(&joined(&folder.path, name), Links::Follow) {
            Ok(node) => Ok(Some(node)),
            Err(LookError::Absent) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn goes_below(&self, active: &Active, depth: usize) -> bool {
        let limit = self.walkers.get(active.walker).and_then(|walker| walker.options.depth);
        limit.is_none_or(|limit| depth - active.base < limit)
    }

    /// The walkers that take part in this entry: those from above and those that start here.
    fn joined_by<'s>(
        &self,
        path: &[u8],
        joining: impl Iterator<Item = (usize, &'s Start)>,
        active: &[Active],
        depth: usize,
    ) -> Arc<[Active]> {
        let mut all = active.to_vec();
        for (index, start) in joining.filter(|(_, start)| start.real_path == path) {
            self.joined.lock().unwrap_or_else(PoisonError::into_inner).push(index);
            let device = start.node.metadata.device;
            all.extend(start.walkers.iter().map(|walker| Active {
                walker: *walker,
                start: index,
                base: depth,
                device,
            }));
        }
        all.into()
    }

    /// Shows an entry to the walkers that take part and returns those that do not leave it out.
    fn visit(&self, met: &Met<'_>, active: &Arc<[Active]>, depth: usize) -> Arc<[Active]> {
        let taking_part = self.not_excluding(active, &|| met.path());
        for one in taking_part.iter() {
            let (Some(walker), Some(start)) = (self.walkers.get(one.walker), self.starts.get(one.start)) else {
                continue;
            };
            if walker.options.depth.is_none_or(|limit| depth - one.base <= limit) {
                (walker.visit)(&Found { met, start, is_start: depth == one.base });
            }
        }
        taking_part
    }

    /// The walkers that do not leave out what is at this path, which is asked for only where something is left out.
    fn not_excluding(&self, active: &Arc<[Active]>, path: &dyn Fn() -> Vec<u8>) -> Arc<[Active]> {
        let excluded = |one: &Active| self.walkers.get(one.walker).map_or(&[][..], |walker| walker.exclude);
        if active.iter().all(|one| excluded(one).is_empty()) {
            return Arc::clone(active);
        }
        let path = path();
        let leaves_out = |one: &Active| {
            let shown = self.shown(one, &path);
            excluded(one).iter().any(|glob| glob.matches_path(&shown))
        };
        if active.iter().any(leaves_out) {
            active.iter().filter(|one| !leaves_out(one)).copied().collect()
        } else {
            Arc::clone(active)
        }
    }

    /// A path of the walk, as the walker knows it.
    fn shown<'p>(&self, active: &Active, path: &'p [u8]) -> Cow<'p, [u8]> {
        self.starts.get(active.start).map_or(path.into(), |start| start.shown(path.into()))
    }

    /// Opens a folder, unless it is not to be entered.
    fn open(&self, job: Job) -> Option<(Arc<Folder>, Arc<[Active]>)> {
        let Job { parent, name, node, active } = job;
        let path = joined(&parent.path, &name);
        let depth = parent.depth + 1;
        let too_much = match () {
            () if depth > MAX_WALK_DEPTH => Some(("levels of folders", depth, MAX_WALK_DEPTH)),
            () if path.len() > MAX_WALK_PATH => Some(("bytes of path", path.len(), MAX_WALK_PATH)),
            () if self.options.follow && self.entries.fetch_add(1, Ordering::Relaxed) > MAX_FOLLOWED_ENTRIES => {
                Some(("folders behind links", MAX_FOLLOWED_ENTRIES + 1, MAX_FOLLOWED_ENTRIES))
            }
            () => None,
        };
        if let Some((what, size, cap)) = too_much {
            self.report(&active, &path, &LookError::TooLarge { what, size: size as u64, cap: cap as u64 });
            return None;
        }
        let Some(held) = self.hold() else {
            self.report(&active, &path, &LookError::Exhausted(Errno::EMFILE));
            return None;
        };
        let opened = match node {
            Some(node) => Ok(node),
            None => self.root.child_folder(&parent.node, &name),
        };
        let node = match opened {
            Ok(node) => node,
            // It was there when the folder was listed: what vanished meanwhile holds nothing any more.
            Err(LookError::Absent) => return None,
            Err(error) => {
                self.report(&active, &path, &error);
                return None;
            }
        };
        let device = node.metadata.device;
        if device != parent.node.metadata.device {
            match self.root.is_kernel_filesystem(&node) {
                Ok(true) => {
                    // On its way a walk leaves it out; who starts here asked for what is in it.
                    let started: Arc<[Active]> = active.iter().filter(|one| one.base == depth).copied().collect();
                    self.report(&started, &path, &NEVER_WALKED);
                    return None;
                }
                Ok(false) => {}
                Err(error) => {
                    self.report(&active, &path, &error);
                    return None;
                }
            }
        }
        let active: Arc<[Active]> = if self.options.one_filesystem && active.iter().any(|one| one.device != device) {
            active.iter().filter(|one| one.device == device).copied().collect()
        } else {
            active
        };
        let mut above = None;
        if self.options.follow {
            let identity = identity(&node);
            let mut ancestor = parent.above.as_ref();
            while let Some(known) = ancestor {
                // A circle: what lies there is being walked already, under a shorter path.
                if known.identity == identity {
                    return None;
                }
                ancestor = known.above.as_ref();
            }
            above = Some(Arc::new(Ancestor { identity, above: parent.above.clone() }));
        }
        Some((Arc::new(Folder { node, path, depth, above, _held: held }), active))
    }

    fn hold(&self) -> Option<Held> {
        let before = self.held.fetch_add(1, Ordering::Relaxed);
        let held = Held(Arc::clone(&self.held));
        (before < self.most_held).then_some(held)
    }

    fn report(&self, active: &Arc<[Active]>, path: &[u8], error: &LookError) {
        for one in active.iter() {
            report(self.incomplete, one.walker, self.shown(one, path).into_owned(), error.clone());
        }
    }
}

fn identity(node: &Node) -> ((u32, u32), u64) {
    (node.metadata.device, node.metadata.inode)
}
