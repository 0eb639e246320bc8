//! The databases of packages that a target can have, read into one list: dpkg (distroless' status.d too), apk, rpm
//! (SQLite, ndb and Berkeley DB) and pacman.
//!
//! All that are there are read. One that cannot be read makes every question about packages an error: what it holds
//! could be the answer.

use crate::order;
use crate::parse::version::Scheme;
use crate::parse::{MAX_ROWS, apk, berkeley, dpkg, pacman, rpm, sqlite};
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
    /// `installed`, or dpkg's word for what is left of it.
    pub(super) status: Text,
    pub(super) held: bool,
    /// Whose rules its version compares by, and with that whose database it is.
    pub(super) scheme: Scheme,
    /// Where it stands.
    pub(super) place: String,
}

impl Package {
    pub(super) fn is_installed(&self) -> bool {
        *self.status == *INSTALLED
    }

    /// Whether a name is meant to be this package: alone, or with its architecture as the database's own tools take it.
    pub(super) fn is_called(&self, name: &[u8]) -> bool {
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
pub(super) const APK: [&[u8]; 2] = [b"/lib/apk/db/installed", b"/usr/lib/apk/db/installed"];
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
    if let Some(content) = optional(context, DPKG_STATUS)? {
        files.add(DPKG_STATUS, content)?;
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
            let status = package.status.and_then(|status| status.split(u8::is_ascii_whitespace).next_back());
            let status = if package.is_installed() { INSTALLED } else { status.unwrap_or(INSTALLED) };
            if status != b"not-installed" {
                add(
                    packages,
                    Package {
                        name: Text::from(package.name),
                        version: Text::from(package.version),
                        architecture: Some(Text::from(package.architecture)),
                        status: Text::from(status),
                        held: package.is_held(),
                        scheme: Scheme::Dpkg,
                        place: format!("{}:{}", lossless(path), package.line),
                    },
                )?;
            }
        }
    }
    Ok(!files.is_empty() || lookup(context, DPKG_STATUS_FOLDER)?.is_some())
}

fn read_apk(context: &Context, packages: &mut Vec<Package>) -> Asked<bool> {
    let mut seen = Once::default();
    for path in APK {
        if !seen.is_new(lookup(context, path)?.as_ref()) {
            continue;
        }
        let content = context.read(path)?;
        for package in apk::packages(&content).map_err(|error| NoAnswer::parse(path, &error))? {
            add(
                packages,
                Package {
                    name: Text::from(package.name),
                    version: Text::from(package.version),
                    architecture: Some(Text::from(package.architecture)),
                    status: Text::from(INSTALLED),
                    held: false,
                    scheme: Scheme::Apk,
                    place: format!("{}:{}", lossless(path), package.line),
                },
            )?;
        }
    }
    Ok(!seen.0.is_empty())
}

/// Passes on the headers of all of rpm's databases, each with the path of its database.
pub(super) fn each_rpm_header(context: &Context, each: &mut dyn FnMut(&str, &[u8]) -> Asked<()>) -> Asked<bool> {
    let mut seen = Once::default();
    for folder in RPM {
        let at = |name: &str| format!("{folder}/{name}");
        let path = at("Packages");
        if seen.is_new(lookup(context, path.as_bytes())?.as_ref()) {
            let content = context.read_large(path.as_bytes())?;
            let mut stopped = Ok(());
            let read = berkeley::values(&content, &mut |header| {
                // The value of key 0 is the number of the last package.
                if header.len() > 4 {
                    stopped = each(&path, header);
                }
                stopped.is_ok()
            });
            read.map_err(|error| NoAnswer::parse(path.as_bytes(), &error))?;
            stopped?;
        }
        let path = at("rpmdb.sqlite");
        if seen.is_new(lookup(context, path.as_bytes())?.as_ref()) {
            for beside in ["-wal", "-journal"] {
                let beside = format!("{path}{beside}");
                if lookup(context, beside.as_bytes())?.is_some_and(|node| node.metadata.size > 0) {
                    return Err(NoAnswer::Error(format!(
                        "{beside}: it holds changes that are not in the database yet; end what uses rpm in the target, or run `rpm -qa` there once"
                    )));
                }
            }
            let content = context.read_large(path.as_bytes())?;
            let mut stopped = Ok(());
            let read = sqlite::blobs(&content, "Packages", &mut |header| {
                stopped = each(&path, header);
                stopped.is_ok()
            });
            read.map_err(|error| NoAnswer::parse(path.as_bytes(), &error))?;
            stopped?;
        }
        let path = at("Packages.db");
        if seen.is_new(lookup(context, path.as_bytes())?.as_ref()) {
            let content = context.read_large(path.as_bytes())?;
            for header in rpm::ndb(&content).map_err(|error| NoAnswer::parse(path.as_bytes(), &error))? {
                each(&path, header)?;
            }
        }
    }
    Ok(!seen.0.is_empty())
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

/// Files that were met, so that one of two names is read once.
#[derive(Default)]
pub(super) struct Once(Vec<((u32, u32), u64)>);

impl Once {
    pub(super) fn is_new(&mut self, node: Option<&Node>) -> bool {
        let Some(node) = node else { return false };
        let identity = (node.metadata.device, node.metadata.inode);
        let new = !self.0.contains(&identity);
        if new {
            self.0.push(identity);
        }
        new
    }
}

/// What stands at a path, links followed; nothing where nothing is.
pub(super) fn lookup(context: &Context, path: &[u8]) -> Asked<Option<Node>> {
    match context.root.lookup(path, Links::Follow) {
        Ok(node) => Ok(Some(node)),
        Err(LookError::Absent) => Ok(None),
        Err(error) => Err(NoAnswer::look(path, &error)),
    }
}

/// The content of a file that need not be there.
pub(super) fn optional(context: &Context, path: &[u8]) -> Asked<Option<Text>> {
    match context.read(path) {
        Ok(content) => Ok(Some(content)),
        Err(NoAnswer::Missing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The paths that a glob of this program names.
pub(super) fn expand(context: &Context, glob: &str) -> Asked<Vec<(Vec<u8>, bool)>> {
    let glob = Glob::new(glob).map_err(|error| NoAnswer::Error(error.to_string()))?;
    context.expand_all(std::slice::from_ref(&glob)).map(|(paths, _)| paths)
}
