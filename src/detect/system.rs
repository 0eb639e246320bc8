//! Which system it says it is, and its package databases.

use crate::detect::look::Looker;
use crate::detect::{Evidence, Finding, FindingKind};
use crate::parse::{MAX_ROWS, ParseError, dpkg, os_release};
use crate::rootfs::{Kind, MAX_FILE_BYTES};
use crate::value::lossless;

/// The largest os-release, and file of a runtime's version; real ones have some 1,000 bytes.
pub(super) const MAX_SMALL_FILE: u64 = 64 << 10;

/// Where os-release(5) looks, in this order.
const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// What os-release says.
pub(super) struct Os {
    place: &'static str,
    values: Vec<(&'static str, Vec<u8>)>,
}

/// The fields that tell what a system is; the others are for people.
const FIELDS: [&str; 6] = ["ID", "ID_LIKE", "VERSION_ID", "VARIANT_ID", "PRETTY_NAME", "HOME_URL"];

impl Os {
    /// A field that is there and not empty.
    pub(super) fn get(&self, field: &str) -> Option<&[u8]> {
        self.values.iter().find(|(name, _)| *name == field).map(|(_, value)| value.as_slice())
    }

    /// `ID=debian`, as evidence.
    pub(super) fn evidence(&self, field: &str) -> Evidence {
        let value = self.get(field).unwrap_or_default();
        Evidence::at(self.place).says([field.as_bytes(), b"=", value].concat())
    }

    pub(super) fn id(&self) -> String {
        self.get("ID").map_or_else(String::new, |id| super::shown(&id.to_ascii_lowercase()))
    }

    pub(super) fn version(&self) -> Option<String> {
        self.get("VERSION_ID").map(super::shown)
    }

    pub(super) fn finding(&self) -> Finding {
        let name = if self.get("ID").is_some() { self.id() } else { "unknown".to_owned() };
        let evidence = self.values.iter().map(|(field, _)| self.evidence(field));
        let evidence: Vec<Evidence> = evidence.collect();
        let evidence = if evidence.is_empty() { vec![Evidence::at(self.place)] } else { evidence };
        Finding::new(FindingKind::Os, name, evidence).version(self.version())
    }
}

/// Reads os-release; `Err` when it is not known whether there is one.
pub(super) fn os(looker: &mut Looker<'_>) -> Result<Option<Os>, ()> {
    for place in OS_RELEASE {
        let Some(text) = looker.read(place.as_bytes(), MAX_SMALL_FILE)? else { continue };
        let assignments = looker.parsed(place.as_bytes(), os_release::assignments(&text)).ok_or(())?;
        let value = |field| os_release::get(&assignments, field).filter(|value: &&[u8]| !value.is_empty());
        let values = FIELDS.iter().filter_map(|field| Some((*field, value(field)?.to_vec())));
        return Ok(Some(Os { place, values: values.collect() }));
    }
    Ok(None)
}

/// A package that is installed.
pub(super) struct Package {
    pub(super) name: Vec<u8>,
    pub(super) version: Vec<u8>,
    /// The file that says so.
    pub(super) at: Vec<u8>,
}

/// A package database.
pub(super) struct Database {
    pub(super) name: &'static str,
    place: Vec<u8>,
    /// `None` where this version does not read such a database, or it could not be read.
    pub(super) packages: Option<Vec<Package>>,
}

impl Database {
    pub(super) fn finding(&self) -> Finding {
        let count = self.packages.as_ref().map(|packages| packages.len() as u64);
        Finding::new(FindingKind::PackageDatabase, self.name, vec![Evidence::at(&self.place)]).count(count)
    }

    pub(super) fn evidence(&self) -> Evidence {
        Evidence::at(&self.place)
    }
}

/// Databases that are known by their files, and not read.
const UNREAD: [(&str, &str); 12] = [
    ("apk", "/lib/apk/db/installed"),
    ("apk", "/usr/lib/apk/db/installed"),
    ("rpm", "/var/lib/rpm/rpmdb.sqlite"),
    ("rpm", "/var/lib/rpm/Packages.db"),
    ("rpm", "/var/lib/rpm/Packages"),
    ("rpm", "/usr/lib/sysimage/rpm/rpmdb.sqlite"),
    ("rpm", "/usr/lib/sysimage/rpm/Packages.db"),
    ("rpm", "/usr/share/rpm/rpmdb.sqlite"),
    ("rpm manifest", "/var/lib/rpmmanifest/container-manifest-1"),
    ("pacman", "/var/lib/pacman/local"),
    ("opkg", "/usr/lib/opkg/status"),
    ("chisel", "/var/lib/chisel/manifest.wall"),
];

/// The package databases, and whether it is known of each that there could be.
pub(super) fn databases(looker: &mut Looker<'_>) -> (Vec<Database>, bool) {
    let mut databases = Vec::new();
    let mut settled = true;
    const STATUS: &[u8] = b"/var/lib/dpkg/status";
    match looker.find(STATUS) {
        // An empty file is what tools leave that want one.
        Ok(Some((node, _))) if node.metadata.kind == Kind::File && node.metadata.size > 0 => {
            databases.push(Database { name: "dpkg", place: STATUS.to_vec(), packages: dpkg_status(looker, STATUS) });
        }
        Ok(_) => {}
        Err(()) => settled = false,
    }
    match status_folder(looker) {
        Ok(found) => databases.extend(found),
        Err(()) => settled = false,
    }
    let mut places = Vec::new();
    for (name, path) in UNREAD {
        match looker.find(path.as_bytes()) {
            // Two paths can be one through a link.
            Ok(Some((_, place))) if !places.contains(&place) => {
                places.push(place);
                databases.push(Database { name, place: path.as_bytes().to_vec(), packages: None });
            }
            Ok(_) => {}
            Err(()) => settled = false,
        }
    }
    (databases, settled)
}

fn dpkg_status(looker: &mut Looker<'_>, path: &[u8]) -> Option<Vec<Package>> {
    let text = looker.read(path, MAX_FILE_BYTES).ok()??;
    looker.parsed(path, stanzas(&text, path))
}

fn stanzas(text: &[u8], path: &[u8]) -> Result<Vec<Package>, ParseError> {
    let installed = dpkg::packages(text)?.into_iter().filter(dpkg::Package::is_installed);
    let package = |package: dpkg::Package<'_>| Package {
        name: package.name.to_vec(),
        version: package.version.to_vec(),
        at: path.to_vec(),
    };
    Ok(installed.map(package).collect())
}

/// Distroless' database: a file for each package.
fn status_folder(looker: &mut Looker<'_>) -> Result<Option<Database>, ()> {
    const NAME: &str = "dpkg status.d";
    const FOLDER: &[u8] = b"/var/lib/dpkg/status.d";
    let Some(names) = looker.names(FOLDER)? else { return Ok(None) };
    let mut packages = Vec::new();
    let mut bytes = 0;
    // Beside each stanza lies the list of the package's checksums.
    for name in names.iter().filter(|name| !name.ends_with(b".md5sums")) {
        let path = [FOLDER, b"/", name].concat();
        let text = looker.read(&path, MAX_FILE_BYTES).ok().flatten();
        bytes += text.as_ref().map_or(0, |text| text.len() as u64);
        let mut found = text.and_then(|text| looker.parsed(&path, stanzas(&text, &path)));
        if bytes > MAX_FILE_BYTES || packages.len() > MAX_ROWS {
            let what = "the folder holds more than is read".to_owned();
            found = looker.parsed(FOLDER, Err(ParseError { line: None, what }));
        }
        match found {
            Some(found) => packages.extend(found),
            // A list with a hole is none.
            None => return Ok(Some(Database { name: NAME, place: FOLDER.to_vec(), packages: None })),
        }
    }
    Ok(Some(Database { name: NAME, place: FOLDER.to_vec(), packages: Some(packages) }))
}

/// The first package with a name of which `is` says yes, and what shows it.
pub(super) fn package(databases: &[Database], is: impl Fn(&str) -> bool) -> Option<(&Package, Evidence)> {
    let mut packages = databases.iter().flat_map(|database| database.packages.iter().flatten());
    let package = packages.find(|package| std::str::from_utf8(&package.name).is_ok_and(&is))?;
    let says = format!("{} {}", lossless(&package.name), lossless(&package.version));
    Some((package, Evidence::at(&package.at).says(says)))
}
