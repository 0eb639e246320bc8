//! The walk: programs and libraries by their names, wherever they lie.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::detect::{DECIDING, Evidence, Finding, FindingKind, MAX_EVIDENCE};
use crate::rootfs::{Found, Incomplete, Kind, Links, Look, LookError, Metadata, Root, WalkOptions, Walker, walk};
use crate::value::lossless;

const SHELLS: &[&str] = &[
    "ash", "bash", "csh", "dash", "elvish", "fish", "hush", "ksh", "ksh93", "lksh", "mksh", "nu", "oksh", "pwsh",
    "rbash", "rksh", "rzsh", "sh", "tcsh", "xonsh", "yash", "zsh",
];

const MULTI_CALL: &[&str] = &["busybox", "toybox"];

const PACKAGE_MANAGERS: &[&str] = &[
    "apk",
    "apt",
    "apt-get",
    "aptitude",
    "dnf",
    "dnf5",
    "dpkg",
    "emerge",
    "microdnf",
    "nix-env",
    "opkg",
    "pacman",
    "rpm",
    "rpm-ostree",
    "tdnf",
    "xbps-install",
    "yum",
    "zypper",
];

const LANGUAGE_PACKAGE_MANAGERS: &[&str] = &[
    "bundle", "bundler", "cargo", "composer", "conda", "corepack", "cpan", "cpanm", "gem", "luarocks", "mamba", "npm",
    "npx", "pip", "pip3", "pipx", "pnpm", "poetry", "uv", "yarn",
];

/// Enough of coreutils to know them by; only in folders of programs, because the names are common words.
const COREUTILS: &[&str] = &[
    "cat",
    "chmod",
    "chown",
    "coreutils",
    "cp",
    "cut",
    "env",
    "head",
    "id",
    "ln",
    "ls",
    "mkdir",
    "mv",
    "rm",
    "rmdir",
    "sort",
    "tail",
    "touch",
    "uname",
    "whoami",
];

/// What runs programs, by the names that may be followed by a version.
const RUNTIMES: &[&str] = &["bun", "deno", "dotnet", "java", "node", "nodejs", "perl", "php", "pypy", "python", "ruby"];

/// Scripts here have the names of what they serve; alternatives are links, and what they lead to counts where it lies.
const NO_PROGRAMS: [&[u8]; 4] = [b"/etc/alternatives/", b"/etc/cron.", b"/etc/init.d/", b"/usr/share/bug/"];

/// What something met by the walk is, by its name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    /// A program of this kind and name.
    Program(FindingKind, &'static str),
    /// A link to a program that is many.
    Applet(&'static str),
    /// A C library, or its loader.
    Libc(&'static str),
    /// A file `release`, as Java's have it.
    Release,
    /// `node_version.h`.
    NodeHeader,
    /// A folder of .NET's runtime; its name is the version.
    Dotnet,
    /// A file in a folder of programs that has the name of a shell or a package manager, and cannot be executed.
    Lame,
}

/// Where something was met, and what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Sighting {
    pub(super) leads_to: Option<Vec<u8>>,
    identity: ((u32, u32), u64),
    names: u64,
}

/// Where things of one sort were met: the first by their paths, and how many.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    pub(super) first: BTreeMap<Vec<u8>, Sighting>,
    pub(super) count: u64,
}

impl Places {
    fn put(&mut self, path: Vec<u8>, sighting: Sighting) {
        self.count += 1;
        self.first.insert(path, sighting);
        if self.first.len() > MAX_EVIDENCE {
            self.first.pop_last();
        }
    }

    pub(super) fn evidence(&self) -> Vec<Evidence> {
        self.first.iter().map(|(path, sighting)| sighting.evidence(path)).collect()
    }

    /// How many there are beside the first.
    pub(super) fn more(&self) -> u64 {
        self.count.saturating_sub(self.first.len() as u64)
    }

    /// A finding of all places.
    pub(super) fn finding(&self, kind: FindingKind, name: &str) -> Finding {
        Finding { more: self.more(), ..Finding::new(kind, name, self.evidence()) }
    }
}

impl Sighting {
    pub(super) fn evidence(&self, path: &[u8]) -> Evidence {
        Evidence { leads_to: self.leads_to.as_deref().map(lossless), ..Evidence::at(path) }
    }
}

/// What the walk met.
#[derive(Debug, Default)]
pub(super) struct Programs {
    seen: BTreeMap<Sort, Places>,
    pub(super) entries: u64,
    /// Folders that were not entered, and what may be a shell or a package manager.
    pub(super) incomplete: Vec<Incomplete>,
    /// Other things of which it is not known what they are.
    pub(super) unknown: Vec<Incomplete>,
}

/// Walks through the whole target, other filesystems included.
pub(super) fn search(root: &Root) -> Programs {
    let (programs, entries) = (Mutex::new(Programs::default()), AtomicU64::new(0));
    let visit = |found: &Found<'_>| {
        entries.fetch_add(1, Ordering::Relaxed);
        let sort = sort(found.name()).or_else(|| sort_of_link(root, found)).or_else(|| sort_of_folder(found));
        let Some(sort) = sort else { return };
        let path = found.path();
        let looked = look(root, found, sort, &path);
        let mut programs = programs.lock().unwrap_or_else(PoisonError::into_inner);
        match looked {
            Ok(Some((sort, sighting))) => programs.seen.entry(sort).or_default().put(path, sighting),
            Ok(None) | Err(LookError::Absent) => {}
            Err(error) if decides(sort) => miss(&mut programs.incomplete, path, error),
            Err(error) => miss(&mut programs.unknown, path, error),
        }
    };
    let walker = Walker { starts: vec![b"/".to_vec()], options: WalkOptions::default(), exclude: &[], visit: &visit };
    let missed = walk(root, &[walker], true);
    let mut programs = programs.into_inner().unwrap_or_else(PoisonError::into_inner);
    programs.entries = entries.into_inner();
    missed.into_iter().flatten().for_each(|Incomplete { path, error }| miss(&mut programs.incomplete, path, error));
    // The walk tells of an entry that cannot be looked at, too.
    programs.incomplete.dedup_by(|a, b| a.path == b.path);
    programs
}

/// Keeps the first ones by their paths.
fn miss(list: &mut Vec<Incomplete>, path: Vec<u8>, error: LookError) {
    let at = list.partition_point(|known| known.path <= path);
    list.insert(at, Incomplete { path, error });
    list.truncate(MAX_EVIDENCE);
}

/// Whether a container with such a thing is not distroless.
fn decides(sort: Sort) -> bool {
    match sort {
        Sort::Program(kind, _) => DECIDING.iter().any(|(deciding, _)| *deciding == kind),
        Sort::Applet(_) => true,
        _ => false,
    }
}

/// What an entry is by its name.
fn sort(name: &[u8]) -> Option<Sort> {
    const KINDS: [(FindingKind, &[&str]); 5] = [
        (FindingKind::Shell, SHELLS),
        (FindingKind::MultiCall, MULTI_CALL),
        (FindingKind::PackageManager, PACKAGE_MANAGERS),
        (FindingKind::LanguagePackageManager, LANGUAGE_PACKAGE_MANAGERS),
        (FindingKind::Coreutils, COREUTILS),
    ];
    for (kind, names) in KINDS {
        if let Some(known) = names.iter().find(|known| known.as_bytes() == name) {
            return Some(Sort::Program(kind, known));
        }
    }
    match name {
        b"release" => return Some(Sort::Release),
        b"node_version.h" => return Some(Sort::NodeHeader),
        b"libc.so.6" => return Some(Sort::Libc("glibc")),
        _ if name.starts_with(b"ld-musl-") && name.ends_with(b".so.1") => return Some(Sort::Libc("musl")),
        _ => {}
    }
    let runtime = RUNTIMES.iter().find(|known| {
        name.strip_prefix(known.as_bytes()).is_some_and(|rest| rest.is_empty() || version_of(rest).is_some())
    });
    runtime.map(|known| Sort::Program(FindingKind::Runtime, if *known == "nodejs" { "node" } else { known }))
}

/// A version that is digits and dots, and nothing else.
pub(super) fn version_of(text: &[u8]) -> Option<String> {
    let plain = text.len() <= 32 && text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let text = std::str::from_utf8(text).ok().filter(|_| plain)?;
    text.starts_with(|first: char| first.is_ascii_digit()).then(|| text.to_owned())
}

/// A link whose text says that it is a part of a program that is many.
fn sort_of_link(root: &Root, found: &Found<'_>) -> Option<Sort> {
    if found.kind() != Ok(Kind::Symlink) {
        return None;
    }
    // Which link it is that could not be read is of no interest: it has no name that decides anything.
    let target = found.node().and_then(|node| root.read_link(&node)).ok()?;
    let last = target.rsplit(|byte| *byte == b'/').next()?;
    MULTI_CALL.iter().find(|known| known.as_bytes() == last).map(|known| Sort::Applet(known))
}

/// A folder `…/Microsoft.NETCore.App/8.0.1`.
fn sort_of_folder(found: &Found<'_>) -> Option<Sort> {
    version_of(found.name())?;
    let path = found.path();
    let parent = path.rsplit(|byte| *byte == b'/').nth(1)?;
    (parent == b"Microsoft.NETCore.App" && found.kind() == Ok(Kind::Directory)).then_some(Sort::Dotnet)
}

/// Looks at an entry closer: what it is, by its name, its kind and its mode.
fn look(root: &Root, found: &Found<'_>, sort: Sort, path: &[u8]) -> Look<Option<(Sort, Sighting)>> {
    let is_program = matches!(sort, Sort::Program(..) | Sort::Applet(_));
    let among_programs = matches!(path.rsplit(|byte| *byte == b'/').nth(1), Some(b"bin" | b"sbin"));
    let is_common_word = matches!(sort, Sort::Program(FindingKind::Coreutils, _));
    if is_program && (NO_PROGRAMS.iter().any(|folder| path.starts_with(folder)) || is_common_word && !among_programs) {
        return Ok(None);
    }
    let file = |metadata: &Metadata, leads_to: Option<Vec<u8>>| {
        let sort = match metadata.kind {
            Kind::File if !is_program || metadata.mode & 0o111 != 0 => sort,
            Kind::File if decides(sort) && among_programs => Sort::Lame,
            _ => return None,
        };
        Some((sort, Sighting { leads_to, identity: (metadata.device, metadata.inode), names: metadata.nlink }))
    };
    match found.kind()? {
        Kind::File => Ok(file(found.metadata()?, None)),
        Kind::Directory if sort == Sort::Dotnet => {
            Ok(Some((sort, Sighting { leads_to: None, identity: Default::default(), names: 1 })))
        }
        Kind::Symlink => {
            let trace = root.trace(path, Links::Follow, &mut |_| ())?;
            Ok(file(&trace.node.metadata, Some(trace.real_path)))
        }
        _ => Ok(None),
    }
}

impl Programs {
    pub(super) fn places(&self, sort: Sort) -> Option<&Places> {
        self.seen.get(&sort)
    }

    /// The first file that would be a shell or a package manager if it could be executed, and how many there are.
    pub(super) fn lame(&self) -> Option<(&[u8], u64)> {
        let places = self.places(Sort::Lame)?;
        Some((places.first.keys().next()?, places.count))
    }

    pub(super) fn sorts(&self) -> impl Iterator<Item = (Sort, &Places)> {
        self.seen.iter().map(|(sort, places)| (*sort, places))
    }

    /// Shells, package managers and the like.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut coreutils = Places::default();
        for (sort, places) in self.sorts() {
            match sort {
                Sort::Program(FindingKind::Runtime, _) => {}
                Sort::Program(FindingKind::Coreutils, _) => self.add_coreutils(places, &mut coreutils),
                Sort::Program(FindingKind::MultiCall, name) => findings.push(self.multi_call(places, name)),
                Sort::Program(kind, name) => findings.push(places.finding(kind, name)),
                _ => {}
            }
        }
        if coreutils.count > 0 {
            findings.push(coreutils.finding(FindingKind::Coreutils, "coreutils"));
        }
        findings
    }

    /// What does not belong to busybox or toybox.
    fn add_coreutils(&self, places: &Places, coreutils: &mut Places) {
        let multi_call: Vec<&Sighting> = MULTI_CALL
            .iter()
            .filter_map(|name| self.places(Sort::Program(FindingKind::MultiCall, name)))
            .flat_map(|places| places.first.values())
            .collect();
        for (path, sighting) in &places.first {
            if !multi_call.iter().any(|known| known.identity == sighting.identity) {
                coreutils.put(path.clone(), sighting.clone());
            }
        }
        coreutils.count += places.more();
    }

    /// The program with the links to it; those whose own names are known are findings, too.
    fn multi_call(&self, places: &Places, name: &'static str) -> Finding {
        let mut finding = places.finding(FindingKind::MultiCall, name);
        for (evidence, sighting) in finding.evidence.iter_mut().zip(places.first.values()) {
            if sighting.names > 1 {
                evidence.says = Some(format!("{} names of one file", sighting.names));
            }
        }
        let is_applet = |sighting: &Sighting| places.first.values().any(|known| known.identity == sighting.identity);
        let mut applets = Places::default();
        for (sort, others) in self.sorts() {
            if sort == Sort::Program(FindingKind::MultiCall, name) {
                continue;
            }
            let links = others.first.iter().filter(|(_, sighting)| sighting.leads_to.is_some() && is_applet(sighting));
            links.for_each(|(path, sighting)| applets.put(path.clone(), sighting.clone()));
            if matches!(sort, Sort::Applet(of) if of == name) {
                applets.count += others.more();
            }
        }
        finding.count = Some(applets.count);
        finding.evidence.extend(applets.evidence());
        finding.more += applets.more();
        finding
    }
}
