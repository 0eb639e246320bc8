//! `package` and `packages`: what the target's package databases say.

use crate::parse::version::Scheme;
use crate::resource::package_databases::Package;
use crate::resource::{
    Argument, Arguments, Asked, Columns, Context, Label, NoAnswer, Object, Property, Resource, Row, Shape, Table,
    Takes, Type,
};
use crate::value::{Value, lossless};

pub(super) const PACKAGE: Resource = Resource {
    name: "package",
    summary: "A package of the system, by its database: dpkg (status.d too), apk, rpm (SQLite, ndb), pacman.",
    label: Label::WithArgument("System Package"),
    arguments: &[Argument {
        name: "name",
        takes: Takes::Text,
        summary: "Name of the package; NAME:ARCHITECTURE (rpm: NAME.ARCHITECTURE) is that one alone.",
        required: true,
    }],
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open },
};

const PROPERTIES: &[Property] = &[
    Property::new("installed", Type::Bool, "It is installed.").existence(),
    Property::new(
        "version",
        Type::Version(Scheme::General),
        "Its version as the database has it: epoch and release too.",
    ),
    Property::new("architecture", Type::Text, "Its architecture."),
    Property::new("held", Type::Bool, "Its version is held (dpkg)."),
];

fn open(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let name = arguments.text("name").unwrap_or_default();
    let mut found: Vec<&Package> = Vec::new();
    for package in context.packages()?.iter().filter(|package| package.is_called(name)) {
        if package.is_installed()? {
            found.push(package);
        }
    }
    let package =
        found.first().ok_or_else(|| NoAnswer::Missing(format!("package {} is not installed", lossless(name))))?;
    // Of several (architectures, kernels), what all have in common is an answer.
    let common = |of: fn(&Package) -> Value| match found.iter().all(|other| of(other) == of(package)) {
        true => Ok(of(package)),
        false => {
            let all: Vec<String> = found.iter().map(|package| of(package).plain()).collect();
            let all = all.join(", ");
            Err(NoAnswer::Error(format!("{} is installed several times: {all}; ask `packages`", lossless(name))))
        }
    };
    Ok(Object::Answers(vec![
        ("installed", Ok(Value::Bool(true))),
        ("version", common(|package| Value::version(package.scheme, &package.version))),
        ("architecture", common(architecture)),
        ("held", common(|package| Value::Bool(package.held))),
    ]))
}

fn architecture(package: &Package) -> Value {
    package.architecture.as_ref().map_or(Value::Nil, Value::text)
}

pub(super) const PACKAGES: Resource = Resource {
    name: "packages",
    summary: "The packages of the system, by all its databases; also what dpkg has left of removed ones.",
    label: Label::WithArgument("Packages"),
    arguments: &[Argument {
        name: "match",
        takes: Takes::Pattern,
        summary: "Only packages whose names match.",
        required: false,
    }],
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(COLUMNS), read },
};

const COLUMNS: &[Property] = &[
    Property::new("name", Type::Text, "Its name.").plural("names"),
    Property::new("version", Type::Version(Scheme::General), "Its version, as that of `package`.").plural("versions"),
    Property::new("architecture", Type::Text, "Its architecture.").plural("architectures"),
    Property::new(
        "status",
        Type::Text,
        "installed, or dpkg's config-files; an error where dpkg stopped between the two.",
    )
    .plural("statuses"),
];

fn read(context: &Context, arguments: &Arguments) -> Asked<Table> {
    let mut table = Table::new(COLUMNS);
    let pattern = arguments.pattern("match");
    for package in context.packages()? {
        if pattern.is_none_or(|pattern| pattern.is_match(&package.name)) {
            table.rows.push(Row {
                cells: vec![
                    Ok(Value::text(&package.name)),
                    Ok(Value::version(package.scheme, &package.version)),
                    Ok(architecture(package)),
                    package.is_installed().map(|_| Value::text(&package.status)),
                ],
                place: package.place.clone(),
            });
        }
    }
    Ok(table)
}
