//! The databases of packages that a target can have, read into one list: dpkg (distroless' status.d too), apk, rpm
//! (SQLite, ndb and Berkeley DB) and pacman.
//!
//! All that are there are read. One that cannot be read makes every question about packages an error: what it holds
//! could be the answer.

use crate::order;
use crate::parse::version::Scheme;
use crate::parse::{MAX_ROWS, ParseError, apk, berkeley, dpkg, pacman, rpm, sqlite};
use crate::resource::context::Together;
use crate::resource::{Asked, Context, NoAnswer};
use crate::rootfs::{Glob, Kind, Links, LookError, Node};
use crate::value::{Text, lossless};

/// One package of a database.
#[derive(Clone, Debug)]
pub(super) struct Package {
    pub(super) name: Text,
    pub(super) version: Text,
    pub(super) architecture: Option<Text>,
    /// `installed`, or dpkg's word for what it is instead.
    pub(super) status: Text,
    pub(super) held: bool,
    /// Whose rules its version compares by, and with that whose database it is.
    pub(super) scheme: Scheme,
    /// Where it stands.
    pub(super) place: String,
}

impl Package {
    /// Errors: dpkg stopped on the way, so that it is neither installed nor removed.
    pub(super) fn is_installed(&self) -> Asked<bool> {
        match &*self.status {
            INSTALLED => Ok(true),
            b"config-files" => Ok(false),
            state => {
                let (place, name, state) = (&self.place, lossless(&self.name), lossless(state));
                Err(NoAnswer::Error(format!("{place}: {name} is {state}: neither installed nor removed")))
            }
        }
    }

    /// Whether a name is meant to be this package: alone, or with its architecture as the database's own tools take it.
    /// To dpkg, case does not count.
    pub(super) fn is_called(&self, name: &[u8]) -> bool {
        let name = if self.scheme == Scheme::Dpkg { name.to_ascii_lowercase() } else { name.to_vec() };
        let Some(rest) = name.strip_prefix(&*self.name) else { return false };
        let mark: &[u8] = if self.scheme == Scheme::Rpm { b"." } else { b":" };
        let architecture = self.architecture.as_deref();
        rest.is_empty() || rest.strip_prefix(mark).is_some_and(|rest| Some(rest) == architecture)
    }
}

const INSTALLED: &[u8] = b"installed";

/// The most packages of all databases: more than Debian's archive holds.
const MAX_PACKAGES: usize = 100_000;

fn add(packages: &mut Vec<Package>, package: Package) -> Asked<()> {
    if packages.len() == MAX_PACKAGES {
        return Err(NoAnswer::Error(format!("{}: more than {MAX_PACKAGES} packages", package.place)));
    }
    packages.push(package);
    Ok(())
}

const DPKG_STATUS: &[u8] = b"/var/lib/dpkg/status";
const DPKG_STATUS_FOLDER: &[u8] = b"/var/lib/dpkg/status.d";
const DPKG_UPDATES: &str = "/var/lib/dpkg/updates/";
const APK: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];
const RPM: [&str; 3] = ["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"];
const PACMAN: &[u8] = b"/var/lib/pacman/local";

/// The packages of all databases, in the order of the databases and their files.
///
/// `Unanswerable` when the target has none. A file that a database should have and has not is an error: it says
/// nothing of packages that are not there.
pub(super) fn read(context: &Context) -> Asked<Vec<Package>> {
    read_all(context).map_err(|no_answer| match no_answer {
        NoAnswer::Missing(what) => NoAnswer::Error(what),
        other => other,
    })
}

fn read_all(context: &Context) -> Asked<Vec<Package>> {
    let mut packages = Vec::new();
    // Each of them must be asked, so that no database is overlooked.
    let found = [
        read_dpkg(context, &mut packages)?,
        read_apk(context, &mut packages)?,
        each_rpm_header(context, &mut |place, header| {
            let package = rpm::package(header).map_err(|error| NoAnswer::Error(format!("{place}: {error}")))?;
            add(
                &mut packages,
                Package {
                    name: Text::from(package.name),
                    version: Text::from(package.full_version()),
                    architecture: package.architecture.map(Text::from),
                    status: Text::from(INSTALLED),
                    held: false,
                    scheme: Scheme::Rpm,
                    place: format!("{place}: {}", lossless(package.name)),
                },
            )?;
            Ok(())
        })?,
        read_pacman(context, &mut packages)?,
    ];
    if !found.contains(&true) {
        return Err(NoAnswer::Unanswerable("the target has no package database".to_owned()));
    }
    Ok(packages)
}

/// The contents of dpkg's files that list packages.
fn dpkg_files(context: &Context) -> Asked<Vec<(Vec<u8>, Text)>> {
    let mut files = Together::default();
    if let Some(content) = context.read_optional(DPKG_STATUS)? {
        files.add(DPKG_STATUS, content)?;
        for (path, _) in expand(context, &format!("{DPKG_UPDATES}*"))? {
            // The others are what dpkg writes before it is one.
            if path.iter().skip(DPKG_UPDATES.len()).all(u8::is_ascii_digit) {
                let path = lossless(&path);
                return Err(NoAnswer::Error(format!(
                    "{path}: it holds changes that are not in the status yet; wait for dpkg, or run `dpkg --configure -a` in the target"
                )));
            }
        }
    }
    if lookup(context, DPKG_STATUS_FOLDER)?.is_some() {
        for (path, _) in expand(context, "/var/lib/dpkg/status.d/*")? {
            // Beside each stanza lies the list of the package's checksums.
            if !path.ends_with(b".md5sums") {
                files.add(&path, context.read(&path)?)?;
            }
        }
    }
    Ok(files.files)
}

fn read_dpkg(context: &Context, packages: &mut Vec<Package>) -> Asked<bool> {
    let files = dpkg_files(context)?;
    for (path, content) in &files {
        for package in dpkg::packages(content).map_err(|error| NoAnswer::parse(path, &error))? {
            let place = format!("{}:{}", lossless(path), package.line);
            let status = match package.status {
                None if path == DPKG_STATUS => {
                    return Err(NoAnswer::Error(format!(
                        "{place}: a package without a Status, which dpkg does not take for installed"
                    )));
                }
                _ if package.is_installed() => INSTALLED,
                status => status.map_or(INSTALLED, |status| status.state),
            };
            if status != b"not-installed" {
                add(
                    packages,
                    Package {
                        name: Text::from(package.name.to_ascii_lowercase()),
                        version: Text::from(package.version),
                        architecture: Some(Text::from(package.architecture)),
                        status: Text::from(status),
                        held: package.is_held(),
                        scheme: Scheme::Dpkg,
                        place,
                    },
                )?;
            }
        }
    }
    Ok(!files.is_empty() || lookup(context, DPKG_STATUS_FOLDER)?.is_some())
}

/// Which of these databases of one kind is there. Errors: more than one is, and they are not one file.
fn only_one<'a, T>(context: &Context, databases: impl Iterator<Item = (&'a str, T)>) -> Asked<Option<(&'a str, T)>> {
    let mut found: Option<(&str, Node, T)> = None;
    for (path, what) in databases {
        let Some(node) = lookup(context, path.as_bytes())? else { continue };
        match &found {
            None => found = Some((path, node, what)),
            Some((_, other, _)) if same_file(other, &node) => {}
            Some((other, ..)) => {
                return Err(NoAnswer::Error(format!(
                    "{other} and {path} are two databases, and only one of them counts"
                )));
            }
        }
    }
    Ok(found.map(|(path, _, what)| (path, what)))
}

/// Passes on the packages of apk's database.
pub(super) fn each_apk_package(
    context: &Context,
    each: &mut dyn FnMut(&str, &apk::Package<'_>) -> Asked<()>,
) -> Asked<bool> {
    let Some((path, ())) = only_one(context, APK.into_iter().map(|path| (path, ())))? else { return Ok(false) };
    let content = context.read(path.as_bytes())?;
    for package in apk::packages(&content).map_err(|error| NoAnswer::parse(path.as_bytes(), &error))? {
        each(path, &package)?;
    }
    Ok(true)
}

fn read_apk(context: &Context, packages: &mut Vec<Package>) -> Asked<bool> {
    each_apk_package(context, &mut |path, package| {
        add(
            packages,
            Package {
                name: Text::from(package.name),
                version: Text::from(package.version),
                architecture: Some(Text::from(package.architecture)),
                status: Text::from(INSTALLED),
                held: false,
                scheme: Scheme::Apk,
                place: format!("{path}:{}", package.line),
            },
        )
    })
}

/// How rpm keeps its database, by the name of its file.
#[derive(Clone, Copy)]
enum Rpm {
    Berkeley,
    Sqlite,
    Ndb,
}

/// The one database that rpm uses.
fn rpm_database(context: &Context) -> Asked<Option<(String, Rpm)>> {
    let in_folder = |folder: &str| {
        let files = [("Packages", Rpm::Berkeley), ("rpmdb.sqlite", Rpm::Sqlite), ("Packages.db", Rpm::Ndb)];
        files.map(|(name, kind)| (format!("{folder}/{name}"), kind))
    };
    let known: Vec<(String, Rpm)> = RPM.into_iter().flat_map(in_folder).collect();
    let mut there = None;
    for (path, _) in &known {
        if there.is_none() && lookup(context, path.as_bytes())?.is_some() {
            there = Some(path);
        }
    }
    let set = rpm_folder(context, there.is_some())?;
    let asked = set.as_ref().map_or(known.clone(), |set| in_folder(set).to_vec());
    let found = only_one(context, asked.iter().map(|(path, kind)| (path.as_str(), *kind)))?;
    match (found, there, set) {
        (None, Some(other), Some(set)) => {
            Err(NoAnswer::Error(format!("{other}: rpm's macros say that its database is in {set}, where none is")))
        }
        (found, ..) => Ok(found.map(|(path, kind)| (path.to_owned(), kind))),
    }
}

/// The folder that rpm's macros say its database is in.
///
/// Errors: what they say is not plain, and there is a database where rpm could have one (Debian's rpm has its own in
/// the home of whoever runs it).
fn rpm_folder(context: &Context, any: bool) -> Asked<Option<String>> {
    const FILES: [&str; 8] = [
        "/usr/lib/rpm/macros",
        "/usr/lib/rpm/macros.d/macros.*",
        "/usr/lib/rpm/platform/*/macros",
        "/usr/lib/rpm/*/macros",
        "/etc/rpm/macros.*",
        "/etc/rpm/macros",
        "/root/.rpmmacros",
        "/root/.config/rpm/macros",
    ];
    let mut folder: Option<(String, Option<String>)> = None;
    for file in FILES {
        context.read_folder(file, &mut |path, content| {
            for (line, value) in rpm::database_folders(&content) {
                folder = Some((format!("{}:{line}", lossless(path)), value));
            }
            Ok(true)
        })?;
    }
    match folder {
        Some((place, None)) if any => Err(NoAnswer::Error(format!("{place}: it is not known where rpm's database is"))),
        folder => Ok(folder.and_then(|(_, value)| value)),
    }
}

/// Passes on the headers of rpm's database, each with the path of the database.
pub(super) fn each_rpm_header(context: &Context, each: &mut dyn FnMut(&str, &[u8]) -> Asked<()>) -> Asked<bool> {
    let Some((path, kind)) = rpm_database(context)? else { return Ok(false) };
    for beside in ["-wal", "-journal"].iter().filter(|_| matches!(kind, Rpm::Sqlite)) {
        let beside = format!("{path}{beside}");
        if lookup(context, beside.as_bytes())?.is_some_and(|node| node.metadata.size > 0) {
            return Err(NoAnswer::Error(format!(
                "{beside}: it holds changes that are not in the database yet; end what uses rpm in the target, or run `rpm -qa` there once"
            )));
        }
    }
    let content = context.read_large(path.as_bytes())?;
    let wrong = |error: ParseError| NoAnswer::parse(path.as_bytes(), &error);
    let mut stopped = Ok(());
    let mut pass = |header: &[u8]| {
        stopped = each(&path, header);
        stopped.is_ok()
    };
    match kind {
        // The value of key 0 is the number of the last package.
        Rpm::Berkeley => berkeley::values(&content, &mut |value| value.len() <= 4 || pass(value)).map_err(wrong)?,
        Rpm::Sqlite => sqlite::blobs(&content, "Packages", &mut pass).map_err(wrong)?,
        Rpm::Ndb => {
            rpm::ndb(&content).map_err(wrong)?.into_iter().all(&mut pass);
        }
    }
    stopped?;
    Ok(true)
}

fn read_pacman(context: &Context, packages: &mut Vec<Package>) -> Asked<bool> {
    let Some(node) = lookup(context, PACMAN)? else { return Ok(false) };
    if node.metadata.kind != Kind::Directory {
        return Err(NoAnswer::look(PACMAN, &LookError::NotDirectory(node.metadata.kind)));
    }
    let mut names = Vec::new();
    let mut list = |name: &[u8], _: Option<Kind>| {
        names.push(name.to_vec());
        names.len() <= MAX_ROWS
    };
    context.root.list(&node, &mut list).map_err(|error| NoAnswer::look(PACMAN, &error))?;
    order::sort(&mut names, &Ord::cmp);
    for name in names.iter().filter(|name| *name != b"ALPM_DB_VERSION") {
        let path = [PACMAN, b"/", name, b"/desc"].concat();
        let content = context.read(&path)?;
        let package = pacman::package(&content).map_err(|error| NoAnswer::parse(&path, &error))?;
        add(
            packages,
            Package {
                name: Text::from(package.name),
                version: Text::from(package.version),
                architecture: (!package.architecture.is_empty()).then(|| Text::from(package.architecture)),
                status: Text::from(INSTALLED),
                held: false,
                scheme: Scheme::Pacman,
                place: lossless(&path),
            },
        )?;
    }
    Ok(true)
}

/// Whether two paths led to one file or folder.
pub(super) fn same_file(one: &Node, other: &Node) -> bool {
    (one.metadata.device, one.metadata.inode) == (other.metadata.device, other.metadata.inode)
}

/// What stands at a path, links followed; nothing where nothing is.
pub(super) fn lookup(context: &Context, path: &[u8]) -> Asked<Option<Node>> {
    match context.root.lookup(path, Links::Follow) {
        Ok(node) => Ok(Some(node)),
        Err(LookError::Absent) => Ok(None),
        Err(error) => Err(NoAnswer::look(path, &error)),
    }
}

/// The paths that a glob of this program names.
pub(super) fn expand(context: &Context, glob: &str) -> Asked<Vec<(Vec<u8>, bool)>> {
    let glob = Glob::new(glob).map_err(|error| NoAnswer::Error(error.to_string()))?;
    context.expand_all(std::slice::from_ref(&glob)).map(|(paths, _)| paths)
}
