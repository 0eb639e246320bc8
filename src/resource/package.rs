//! `package`: what the target's package database says. Of the databases, dpkg's is read, distroless' status.d too.

use crate::parse::dpkg;
use crate::parse::version::Scheme;
use crate::resource::context::Together;
use crate::resource::{
    Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Takes, Type,
};
use crate::rootfs::{Glob, Links, LookError};
use crate::value::{Text, Value, lossless};

pub(super) const PACKAGE: Resource = Resource {
    name: "package",
    summary: "A package of the system, by its database (dpkg: status and status.d).",
    label: Label::WithArgument("System Package"),
    arguments: &[Argument { name: "name", takes: Takes::Text, summary: "Name of the package.", required: true }],
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open },
};

const PROPERTIES: &[Property] = &[
    Property::new("installed", Type::Bool, "It is installed.").existence(),
    Property::new("version", Type::Version(Scheme::Dpkg), "Its version, with epoch and revision."),
    Property::new("architecture", Type::Text, "Its architecture."),
    Property::new("held", Type::Bool, "Its version is held."),
];

const STATUS: &[u8] = b"/var/lib/dpkg/status";
const STATUS_FOLDER: &[u8] = b"/var/lib/dpkg/status.d";

/// Databases that are not read yet: a package could be installed by them.
const UNREAD: [(&[u8], &str); 6] = [
    (b"/lib/apk/db/installed", "apk"),
    (b"/usr/lib/apk/db/installed", "apk"),
    (b"/var/lib/rpm", "rpm"),
    (b"/usr/lib/sysimage/rpm", "rpm"),
    (b"/usr/share/rpm", "rpm"),
    (b"/var/lib/pacman/local", "pacman"),
];

fn open(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let name = arguments.text("name").unwrap_or_default();
    let files = databases(context)?;
    let mut found: Option<Vec<(&'static str, Value)>> = None;
    for (path, content) in &files {
        for package in dpkg::packages(content).map_err(|error| NoAnswer::parse(path, &error))? {
            if package.name == name && package.is_installed() && found.is_none() {
                found = Some(vec![
                    ("installed", Value::Bool(true)),
                    ("version", Value::text(package.version)),
                    ("architecture", Value::text(package.architecture)),
                    ("held", Value::Bool(package.is_held())),
                ]);
            }
        }
    }
    found.map(Object::Facts).ok_or_else(|| NoAnswer::Missing(format!("package {} is not installed", lossless(name))))
}

/// The files of the package database.
fn databases(context: &Context) -> Asked<Vec<(Vec<u8>, Text)>> {
    let mut databases = Together::default();
    match context.read(STATUS) {
        Ok(content) => databases.add(STATUS, content)?,
        Err(NoAnswer::Missing(_)) => {}
        Err(error) => return Err(error),
    }
    if exists(context, STATUS_FOLDER)? {
        let glob = Glob::new("/var/lib/dpkg/status.d/*").map_err(|error| NoAnswer::Error(error.to_string()))?;
        let (paths, _) = context.expand_all(std::slice::from_ref(&glob))?;
        // Beside each stanza lies the list of the package's checksums.
        for (path, _) in paths.into_iter().filter(|(path, _)| !path.ends_with(b".md5sums")) {
            databases.add(&path, context.read(&path)?)?;
        }
    } else if databases.files.is_empty() {
        return Err(no_database(context));
    }
    Ok(databases.files)
}

fn no_database(context: &Context) -> NoAnswer {
    for (path, kind) in UNREAD {
        match exists(context, path) {
            Ok(false) => {}
            Ok(true) => {
                return NoAnswer::Error(format!("{}: {kind} databases are not read by this version", lossless(path)));
            }
            Err(error) => return error,
        }
    }
    NoAnswer::Unanswerable("the target has no package database".to_owned())
}

fn exists(context: &Context, path: &[u8]) -> Asked<bool> {
    match context.root.lookup(path, Links::Follow) {
        Ok(_) => Ok(true),
        Err(LookError::Absent) => Ok(false),
        Err(error) => Err(NoAnswer::look(path, &error)),
    }
}
