//! `package_files`: the files that packages brought, and whether they are still as they were: what `rpm -V`,
//! `dpkg -V` and `apk audit` look at, by the digests that the databases keep.

use std::collections::{HashMap, HashSet};

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::parse::{MAX_ROWS, dpkg, lines, rpm};
use crate::resource::file::{hash_of, hex};
use crate::resource::package_databases::{each_apk_package, each_rpm_header, expand};
use crate::resource::{
    Argument, Arguments, Asked, Cell, Columns, Context, Label, NoAnswer, Property, Resource, Row, Shape, Table, Takes,
    Type,
};
use crate::rootfs::{Kind, Links, Look, LookError, Node};
use crate::value::{Value, lossless};

pub(super) const PACKAGE_FILES: Resource = Resource {
    name: "package_files",
    summary: "The files that packages brought (dpkg, apk, rpm), held against the digests of the databases. Each is read.",
    label: Label::WithArgument("Package Files"),
    arguments: &[Argument {
        name: "package",
        takes: Takes::Text,
        summary: "Only those of the package of this name.",
        required: false,
    }],
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(COLUMNS), read },
};

const COLUMNS: &[Property] = &[
    Property::new("path", Type::Text, "The file.").plural("paths"),
    Property::new("package", Type::Text, "The package that brought it.").plural("packages"),
    Property::new("config", Type::Bool, "It is one of configuration, which may be changed (apk: it is below /etc)."),
    Property::new("present", Type::Bool, "It is there."),
    Property::new(
        "digest_ok",
        Type::Bool,
        "Its content is as it came; nil where the database keeps no digest of it, and where it is not there.",
    ),
];

/// A file as a database has it.
struct Shipped {
    path: Vec<u8>,
    package: String,
    config: bool,
    /// In hex; empty when none is kept.
    digest: String,
    /// How many digits the whole digest would have, which tells its kind.
    digits: usize,
    /// Whether a link at the end of its path is followed to what the digest is of.
    links: Links,
}

fn read(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let wanted = arguments.text("package");
    // That there is a database, and that all of them can be read.
    let packages = context.packages()?;
    if packages.iter().any(|package| package.scheme == crate::parse::version::Scheme::Pacman) {
        return Err(NoAnswer::Error("the files of pacman's packages are not read".to_owned()));
    }
    if let Some(name) = wanted {
        let mut installed = false;
        for package in packages.iter().filter(|package| *package.name == *name) {
            installed |= package.is_installed()?;
        }
        if !installed {
            return Err(NoAnswer::Missing(format!("package {} is not installed", lossless(name))));
        }
    }
    let mut files = Vec::new();
    let listed = list(context, wanted, &mut files);
    // A file that a database lacks says nothing of the files that it would list.
    listed.map_err(|no_answer| match no_answer {
        NoAnswer::Missing(what) => NoAnswer::Error(what),
        other => other,
    })?;
    let mut table = Table::new(COLUMNS);
    for file in files {
        let (present, digest_ok) = held_against(context, &file);
        let place = lossless(&file.path);
        let cells = vec![
            Ok(Value::text(&file.path)),
            Ok(Value::text(file.package)),
            Ok(Value::Bool(file.config)),
            present,
            digest_ok,
        ];
        table.rows.push(Row { cells, place });
    }
    Ok(table)
}

fn list(context: &Context, wanted: Option<&[u8]>, files: &mut Vec<Shipped>) -> Asked<()> {
    list_dpkg(context, wanted, files)?;
    each_apk_package(context, &mut |_, package| {
        if wanted.is_none_or(|wanted| wanted == package.name) {
            for (file, checksum) in &package.files {
                let digest = apk_digest(checksum);
                let digits = if package.cut_sha256 && digest.len() == 40 { 64 } else { digest.len() };
                let (path, package) = ([b"/", file.as_slice()].concat(), lossless(package.name));
                let config = file.starts_with(b"etc/");
                add(files, Shipped { path, package, config, digest, digits, links: Links::Stay })?;
            }
        }
        Ok(())
    })?;
    each_rpm_header(context, &mut |place, header| {
        let wrong = |error| NoAnswer::Error(format!("{place}: {error}"));
        let package = rpm::package(header).map_err(wrong)?;
        if wanted.is_none_or(|wanted| wanted == package.name) {
            for file in rpm::files(header).map_err(wrong)? {
                let digest = if file.installed { lossless(file.digest) } else { String::new() };
                let (package, digits) = (lossless(package.name), digest.len());
                let (path, config) = (file.path, file.config);
                add(files, Shipped { path, package, config, digest, digits, links: Links::Stay })?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// What apk keeps, Q1 or Q2 and base64 or X1 or X2 and hex, in hex; as it is where it is none of these.
fn apk_digest(checksum: &[u8]) -> String {
    let bytes = match checksum.split_at_checked(2) {
        Some((b"Q1" | b"Q2", digest)) => crate::parse::pem::base64(digest).ok().map(|bytes| hex(&bytes)),
        Some((b"X1" | b"X2", digest)) => Some(lossless(digest)),
        _ => None,
    };
    bytes.unwrap_or_else(|| lossless(checksum))
}

fn add(files: &mut Vec<Shipped>, file: Shipped) -> Asked<()> {
    if files.len() == MAX_ROWS {
        return Err(NoAnswer::Error(format!("packages brought more than {MAX_ROWS} files; ask for one package")));
    }
    files.push(file);
    Ok(())
}

/// dpkg keeps the list of a package and its digests in files of their own, those of configuration in the status.
fn list_dpkg(context: &Context, wanted: Option<&[u8]>, files: &mut Vec<Shipped>) -> Asked<()> {
    let status = context.read_optional(b"/var/lib/dpkg/status")?;
    let diversions = context.read_optional(b"/var/lib/dpkg/diversions")?;
    let diversions = dpkg::diversions(diversions.as_deref().unwrap_or_default())
        .map_err(|error| NoAnswer::parse(b"/var/lib/dpkg/diversions", &error))?;
    let configuration: HashMap<&[u8], &[u8]> =
        status.as_ref().map(|status| dpkg::configuration(status).into_iter().collect()).unwrap_or_default();
    for folder in ["/var/lib/dpkg/info", "/var/lib/dpkg/status.d"] {
        let mut sums_of: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
        for (path, _) in expand(context, &format!("{folder}/*.md5sums"))? {
            let name = path.strip_suffix(b".md5sums").unwrap_or(&path).to_vec();
            sums_of.insert(name, path);
        }
        let mut names: Vec<Vec<u8>> = sums_of.keys().cloned().collect();
        for (path, _) in expand(context, &format!("{folder}/*.list"))? {
            names.push(path.strip_suffix(b".list").unwrap_or(&path).to_vec());
        }
        names.sort_unstable();
        names.dedup();
        for name in names {
            // NAME or NAME:ARCHITECTURE.
            let package = name.get(folder.len() + 1..).unwrap_or_default();
            let package = package.split(|byte| *byte == b':').next().unwrap_or_default();
            if wanted.is_some_and(|wanted| wanted != package) {
                continue;
            }
            let mut seen: HashSet<Vec<u8>> = HashSet::new();
            let mut shipped = |path: Vec<u8>, digest: &[u8]| {
                if !seen.insert(path.clone()) {
                    return Ok(());
                }
                let kept = configuration.get(path.as_slice());
                let digest = lossless(kept.copied().unwrap_or(digest));
                // Where another package has put a file of its own, this one's lies elsewhere.
                let path = match diversions.get(path.as_slice()) {
                    Some((to, by)) if *by != package => to.to_vec(),
                    _ => path,
                };
                let (package, config, digits) = (lossless(package), kept.is_some(), digest.len());
                add(files, Shipped { path, package, config, digest, digits, links: Links::Follow })
            };
            if let Some(path) = sums_of.get(&name) {
                let content = context.read(path)?;
                for (file, digest) in dpkg::md5sums(&content).map_err(|error| NoAnswer::parse(path, &error))? {
                    shipped([b"/", file].concat(), digest)?;
                }
            }
            if let Some(content) = context.read_optional(&[name.as_slice(), b".list"].concat())? {
                for (_, file) in lines(&content).filter(|(_, file)| file.starts_with(b"/") && *file != b"/.") {
                    shipped(file.to_vec(), b"")?;
                }
            }
        }
    }
    Ok(())
}

/// Whether a file is there, and whether it is as it came.
fn held_against(context: &Context, file: &Shipped) -> (Cell, Cell) {
    let look = |error: &LookError| NoAnswer::look(&file.path, error);
    let present = match context.root.lookup(&file.path, Links::Stay) {
        Ok(_) => true,
        Err(LookError::Absent) => return (Ok(Value::Bool(false)), Ok(Value::Nil)),
        Err(error) => return (Err(look(&error)), Err(look(&error))),
    };
    if file.digest.is_empty() {
        return (Ok(Value::Bool(present)), Ok(Value::Nil));
    }
    let digest_ok = match context.root.lookup(&file.path, file.links) {
        Ok(node) if matches!(node.metadata.kind, Kind::File | Kind::Symlink) => {
            let found = match file.digits {
                32 => digest_of::<Md5>(context, &node),
                40 => digest_of::<Sha1>(context, &node),
                64 => digest_of::<Sha256>(context, &node),
                128 => digest_of::<Sha512>(context, &node),
                _ => return (Ok(Value::Bool(present)), Err(unknown(file))),
            };
            let same = |found: String| Value::Bool(found.starts_with(&file.digest.to_ascii_lowercase()));
            found.map(same).map_err(|error| look(&error))
        }
        // Something else stands where a file was, or a link that leads nowhere.
        Ok(_) | Err(LookError::Absent) => Ok(Value::Bool(false)),
        Err(error) => Err(look(&error)),
    };
    (Ok(Value::Bool(present)), digest_ok)
}

/// The digest of a file's content, and that of a link's text, which apk keeps.
fn digest_of<D: Digest>(context: &Context, node: &Node) -> Look<String> {
    match node.metadata.kind {
        Kind::Symlink => context.root.read_link(node).map(|text| hex(&D::digest(text))),
        _ => hash_of::<D>(context, node),
    }
}

fn unknown(file: &Shipped) -> NoAnswer {
    NoAnswer::Error(format!("{}: the database keeps a digest of an unknown kind", lossless(&file.path)))
}
