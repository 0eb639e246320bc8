//! `elf`, `go_build` and `cargo_build`: how a program was linked, and what it is made of.

use crate::parse::build_info::{self, BuildInfo};
use crate::parse::version::Scheme;
use crate::parse::{ParseError, elf};
use crate::resource::file::hex;
use crate::resource::{
    Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Takes, Type,
};
use crate::value::{Value, lossless};

const PATH: Argument =
    Argument { name: "path", takes: Takes::Path, summary: "Absolute path inside the target.", required: true };

pub(super) const ELF: Resource = Resource {
    name: "elf",
    summary: "A program or library in ELF: how it was linked, and which protections it has.",
    label: Label::WithArgument("ELF"),
    arguments: &[PATH],
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open: open_elf },
};

const PROPERTIES: &[Property] = &[
    Property::new("exist", Type::Bool, "It is there.").existence(),
    Property::new("type", Type::Text, "EXEC, DYN (libraries, and programs that are PIE), REL or CORE."),
    Property::new("architecture", Type::Text, "x86_64, aarch64, …"),
    Property::new("pie", Type::Bool, "It is a program that is loaded at any address."),
    Property::new("relro", Type::Text, "none, partial or full: what is read-only once it is loaded."),
    Property::new("nx", Type::Bool, "It says that its stack is not executable."),
    Property::new(
        "stack_protector",
        Type::Bool,
        "It uses the check of the stack; nil where it has no symbols to tell.",
    ),
    Property::new(
        "fortify",
        Type::Bool,
        "It uses checked functions of the C library; nil where it has no symbols to tell.",
    ),
    Property::new("interpreter", Type::Text, "The program that loads it; nil for static programs and most libraries."),
    Property::new("needed", Type::Texts, "The libraries that it needs."),
    Property::new("rpath", Type::Text, "DT_RPATH; nil without it."),
    Property::new("runpath", Type::Text, "DT_RUNPATH; nil without it."),
    Property::new("build_id", Type::Text, "Its build-id, in hex; nil without it."),
    Property::new("stripped", Type::Bool, "It has no table of symbols but that of the loader."),
];

fn open_elf(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let path = arguments.text("path").unwrap_or_default();
    let content = context.read_large(path)?;
    let found = elf::elf(&content).map_err(|error| NoAnswer::parse(path, &error))?;
    let text = |text: Option<&[u8]>| text.map_or(Value::Nil, Value::text);
    let flag = |flag: Option<bool>| flag.map_or(Value::Nil, Value::Bool);
    Ok(Object::Facts(vec![
        ("exist", Value::Bool(true)),
        ("type", Value::text(found.kind)),
        ("architecture", Value::text(found.architecture)),
        ("pie", Value::Bool(found.pie)),
        ("relro", Value::text(found.relro)),
        ("nx", Value::Bool(found.nx)),
        ("stack_protector", flag(found.stack_protector)),
        ("fortify", flag(found.fortify)),
        ("interpreter", text(found.interpreter)),
        ("needed", Value::texts(found.needed)),
        ("rpath", text(found.rpath)),
        ("runpath", text(found.runpath)),
        ("build_id", found.build_id.map_or(Value::Nil, |id| Value::text(hex(id)))),
        ("stripped", Value::Bool(found.stripped)),
    ]))
}

const fn made_of(
    name: &'static str,
    summary: &'static str,
    open: fn(&Context, &Arguments) -> Asked<Object>,
) -> Resource {
    const ARGUMENTS: &[Argument] = &[
        PATH,
        Argument {
            name: "name",
            takes: Takes::Text,
            summary: "The module or crate that is asked for; by default the program's own.",
            required: false,
        },
    ];
    let shape = Shape::Object { properties: MADE_OF, open };
    Resource { name, summary, label: Label::WithArgument(name), arguments: ARGUMENTS, one_of: &[], shape }
}

pub(super) const GO_BUILD: Resource = made_of(
    "go_build",
    "What a program of Go is made of, by the build information that Go 1.18 and newer leave in it.",
    |context, arguments| open_made_of(context, arguments, "Go's build information", build_info::go),
);

pub(super) const CARGO_BUILD: Resource = made_of(
    "cargo_build",
    "What a program of Rust is made of, where cargo-auditable built it.",
    |context, arguments| open_made_of(context, arguments, "what cargo-auditable leaves", build_info::cargo),
);

const MADE_OF: &[Property] = &[
    Property::new("installed", Type::Bool, "The program has it built in.").existence(),
    Property::new(
        "version",
        Type::Version(Scheme::General),
        "Its version, without Go's v; of several, all of them must pass; nil for (devel) and where none is told.",
    ),
    Property::new(
        "compiler",
        Type::Version(Scheme::General),
        "The version of Go that made the program, such as 1.24.1; nil where it is not told.",
    ),
    Property::new("modules", Type::Texts, "All that it is made of: NAME@VERSION, the program's own first."),
    Property::new("settings", Type::Texts, "How it was built: CGO_ENABLED=0, vcs.revision=…"),
];

fn open_made_of(
    context: &Context,
    arguments: &Arguments,
    what: &str,
    read: fn(&[u8]) -> Result<Option<BuildInfo>, ParseError>,
) -> Asked<Object> {
    let path = arguments.text("path").unwrap_or_default();
    let content = context.read_large(path)?;
    let info = read(&content).map_err(|error| NoAnswer::parse(path, &error))?;
    // That a program does not say what it is made of is no proof that something is not in it.
    let info = info.ok_or_else(|| NoAnswer::parse(path, &format!("it has nothing of {what}")))?;
    // A crate can be there in several versions, and a module of Go in the place of another.
    let found: Vec<&[u8]> = match arguments.text("name") {
        Some(name) => {
            let all = info.modules.iter().chain(&info.replaced).filter(|(known, _)| known == name);
            all.map(|(_, version)| version.as_slice()).collect()
        }
        None => info.modules.first().filter(|_| info.own).map(|(_, version)| version.as_slice()).into_iter().collect(),
    };
    if let (Some(name), true) = (arguments.text("name"), found.is_empty()) {
        return Err(NoAnswer::Missing(format!("{} is not built into {}", lossless(name), lossless(path))));
    }
    let version = |version: &[u8]| {
        let version = version.strip_prefix(b"v").unwrap_or(version);
        let is_one = version.first().is_some_and(u8::is_ascii_digit);
        if is_one { Value::version(Scheme::General, version) } else { Value::Nil }
    };
    let mut versions: Vec<Value> = found.into_iter().map(version).collect();
    let version = if versions.len() > 1 { Value::List(versions) } else { versions.pop().unwrap_or(Value::Nil) };
    // go1.24.1, or with what it was built with behind a blank.
    let compiler = info.compiler.strip_prefix(b"go").unwrap_or(&info.compiler).split(|byte| *byte == b' ').next();
    let compiler = compiler.filter(|version| !version.is_empty());
    Ok(Object::Facts(vec![
        ("installed", Value::Bool(true)),
        ("version", version),
        ("compiler", compiler.map_or(Value::Nil, |version| Value::version(Scheme::General, version))),
        ("modules", Value::texts(info.modules.iter().map(|(name, version)| [name.as_slice(), b"@", version].concat()))),
        ("settings", Value::texts(&info.settings)),
    ]))
}
