//! `npm`, `pip`, `gem`, `cran`, `cpan` and `jar`: packages of programming languages, by the files that they brought.
//!
//! Each looks in the places where the language's own tools install for all users, or in the `path` that is given.
//! Where none of the places exists, there is nothing to tell from: the check is skipped.

use crate::parse::version::Scheme;
use crate::parse::{ParseError, language_packages as parse, structured, zip};
use crate::resource::package_databases::lookup;
use crate::resource::{
    Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Takes, Type,
};
use crate::rootfs::{Glob, GlobPiece, Kind, Links};
use crate::value::{Text, Value, lossless};

const fn resource(
    name: &'static str,
    summary: &'static str,
    label: &'static str,
    arguments: &'static [Argument],
    open: fn(&Context, &Arguments) -> Asked<Object>,
) -> Resource {
    let shape = Shape::Object { properties: PROPERTIES, open };
    Resource { name, summary, label: Label::WithArgument(label), arguments, one_of: &[], shape }
}

const NAME: Argument = Argument { name: "name", takes: Takes::Text, summary: "Name of the package.", required: true };

const fn path(summary: &'static str) -> Argument {
    Argument { name: "path", takes: Takes::Path, summary, required: false }
}

pub(super) const NPM: Resource = resource(
    "npm",
    "A package of Node.js, by node_modules/NAME/package.json; also below other packages.",
    "Npm Package",
    &[NAME, path("The folder that holds node_modules; by default the places of npm -g.")],
    |context, arguments| open(context, arguments, &NPM_PLACES, &npm),
);

pub(super) const PIP: Resource = resource(
    "pip",
    "A package of Python, by *.dist-info/METADATA and *.egg-info/PKG-INFO; names compare as PEP 503 says.",
    "Pip Package",
    &[NAME, path("A virtual environment, or a folder of packages; by default the system's folders of packages.")],
    |context, arguments| open(context, arguments, &PIP_PLACES, &pip),
);

pub(super) const GEM: Resource = resource(
    "gem",
    "A package of Ruby, by specifications/NAME-VERSION.gemspec.",
    "gem package",
    &[NAME, path("A folder of gems, which holds specifications; by default those of the system.")],
    |context, arguments| open(context, arguments, &GEM_PLACES, &gem),
);

pub(super) const CRAN: Resource = resource(
    "cran",
    "A package of R, by NAME/DESCRIPTION.",
    "Cran Package",
    &[NAME, path("A library; by default those of the system.")],
    |context, arguments| open(context, arguments, &CRAN_PLACES, &cran),
);

pub(super) const CPAN: Resource = resource(
    "cpan",
    "A module of Perl, by its file; its version where the file states it literally.",
    "Perl Module",
    &[NAME, path("A folder of modules; by default those that Perl looks in.")],
    |context, arguments| open(context, arguments, &CPAN_PLACES, &cpan),
);

pub(super) const JAR: Resource = resource(
    "jar",
    "A library of Java in archives, and in archives inside of them: by pom.properties, manifest or file name.",
    "Jar",
    &[
        Argument { name: "name", takes: Takes::Text, summary: "Its artifactId, such as log4j-core.", required: true },
        Argument { name: "paths", takes: Takes::Globs, summary: "The archives: /opt/app/**/*.jar.", required: true },
    ],
    open_jar,
);

const PROPERTIES: &[Property] = &[
    Property::new("installed", Type::Bool, "It is there.").existence(),
    Property::new(
        "version",
        Type::Version(Scheme::General),
        "Its version, by the rules of its language; where it is there in several copies, all of them must pass.",
    ),
    Property::new("versions", Type::Texts, "The versions of all copies, as a list."),
    Property::new("path", Type::Text, "The file that tells; of several copies the first."),
    Property::new("paths", Type::Texts, "The files of all copies."),
];

/// Where packages of a language are.
struct Places {
    /// Folders where they are installed for all users.
    folders: &'static [&'static str],
    /// Where they are below a path that was given, and what to look for in each folder.
    below: &'static [&'static str],
    scheme: Scheme,
}

const NPM_PLACES: Places = Places {
    folders: &[
        "/usr/lib/node_modules",
        "/usr/local/lib/node_modules",
        "/opt/node/lib/node_modules",
        // Debian's packages.
        "/usr/share/nodejs",
        "/usr/lib/nodejs",
    ],
    below: &["/node_modules"],
    scheme: Scheme::General,
};

const PIP_PLACES: Places = Places {
    folders: &[
        "/usr/lib/python*/dist-packages",
        "/usr/lib/python*/site-packages",
        "/usr/lib64/python*/site-packages",
        "/usr/local/lib/python*/dist-packages",
        "/usr/local/lib/python*/site-packages",
        "/usr/local/lib64/python*/site-packages",
    ],
    below: &["", "/lib/python*/site-packages", "/lib64/python*/site-packages", "/lib/python*/dist-packages"],
    scheme: Scheme::Python,
};

const GEM_PLACES: Places = Places {
    folders: &[
        "/usr/lib/ruby/gems/*/specifications",
        "/usr/lib/ruby/gems/*/specifications/default",
        "/usr/local/lib/ruby/gems/*/specifications",
        "/usr/local/lib/ruby/gems/*/specifications/default",
        "/usr/local/bundle/specifications",
        "/usr/local/bundle/ruby/*/specifications",
        "/usr/share/gems/specifications",
        "/usr/share/gems/specifications/default",
        "/usr/local/share/gems/specifications",
        "/usr/share/rubygems-integration/*/specifications",
        "/var/lib/gems/*/specifications",
    ],
    below: &["", "/specifications", "/specifications/default"],
    scheme: Scheme::General,
};

const CRAN_PLACES: Places = Places {
    folders: &[
        "/usr/lib/R/library",
        "/usr/lib/R/site-library",
        "/usr/lib64/R/library",
        "/usr/share/R/library",
        "/usr/local/lib/R/library",
        "/usr/local/lib/R/site-library",
    ],
    below: &[""],
    scheme: Scheme::R,
};

const CPAN_PLACES: Places = Places {
    folders: &[
        "/usr/share/perl/5*",
        "/usr/share/perl5",
        "/usr/share/perl5/*_perl",
        "/usr/share/perl5/*_perl/5*",
        "/usr/lib/*-linux-gnu*/perl/5*",
        "/usr/lib/*-linux-gnu*/perl5/5*",
        "/usr/lib/*-linux-gnu*/perl-base",
        "/usr/lib/perl5",
        "/usr/lib/perl5/*_perl",
        "/usr/lib64/perl5",
        "/usr/lib64/perl5/*_perl",
        "/usr/local/share/perl/5*",
        "/usr/local/share/perl5",
        "/usr/local/lib/*-linux-gnu*/perl/5*",
        "/usr/local/lib64/perl5",
        "/usr/local/lib/perl5/5*",
        "/usr/local/lib/perl5/5*/*-linux*",
        "/usr/local/lib/perl5/site_perl/5*",
        "/usr/local/lib/perl5/site_perl/5*/*-linux*",
    ],
    below: &[""],
    scheme: Scheme::Perl,
};

/// A copy: the file that tells of it, and its version where it is told.
type Copies = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Looks for a package in one folder.
type Look = dyn Fn(&Context, &[u8], &str, &mut Copies) -> Asked<()>;

fn open(context: &Context, arguments: &Arguments, places: &Places, look: &Look) -> Asked<Object> {
    let name = lossless(arguments.text("name").unwrap_or_default());
    if name.is_empty() || name.starts_with('/') || name.split('/').any(|part| matches!(part, "." | ".." | "")) {
        return Err(NoAnswer::Error(format!("{name:?} is no name of a package")));
    }
    let mut folders = Vec::new();
    match arguments.text("path") {
        Some(path) => {
            if lookup(context, path)?.is_none() {
                return Err(NoAnswer::Missing(format!("Can't find file: {}", lossless(path))));
            }
            let path = path.strip_suffix(b"/").unwrap_or(path);
            for below in places.below {
                if below.is_empty() {
                    folders.push(path.to_vec());
                    continue;
                }
                folders.extend(expand(context, &[GlobPiece::Literal(path), GlobPiece::Written(below)])?);
            }
        }
        None => {
            for folder in places.folders {
                folders.extend(expand(context, &[GlobPiece::Written(folder)])?);
            }
        }
    }
    if folders.is_empty() {
        let why = "the target has none of the places where packages of this kind are installed; `path` names another";
        return Err(NoAnswer::Unanswerable(why.to_owned()));
    }
    let mut copies = Copies::new();
    for folder in folders {
        look(context, &folder, &name, &mut copies).map_err(broken)?;
    }
    found(&name, places.scheme, copies)
}

/// A file that must be there and is not is no proof of absence.
fn broken(no_answer: NoAnswer) -> NoAnswer {
    match no_answer {
        NoAnswer::Missing(what) => NoAnswer::Error(what),
        other => other,
    }
}

fn found(name: &str, scheme: Scheme, mut copies: Copies) -> Asked<Object> {
    copies.sort_unstable();
    copies.dedup();
    let Some((first, _)) = copies.first() else {
        return Err(NoAnswer::Missing(format!("package {name} is not installed")));
    };
    let version = |version: &Option<Vec<u8>>| version.as_ref().map_or(Value::Nil, |text| Value::version(scheme, text));
    let versions: Vec<Value> = copies.iter().map(|(_, found)| version(found)).collect();
    Ok(Object::Facts(vec![
        ("installed", Value::Bool(true)),
        ("version", if let [one] = versions.as_slice() { one.clone() } else { Value::List(versions.clone()) }),
        ("versions", Value::List(versions)),
        ("path", Value::text(first)),
        ("paths", Value::texts(copies.iter().map(|(path, _)| path))),
    ]))
}

fn expand(context: &Context, pieces: &[GlobPiece<'_>]) -> Asked<Vec<Vec<u8>>> {
    let glob = Glob::of(pieces).map_err(|error| NoAnswer::Error(error.to_string()))?;
    Ok(context.expand_all(std::slice::from_ref(&glob))?.0.into_iter().map(|(path, _)| path).collect())
}

/// The version of a head of fields, if its name is the wanted one.
fn of_head(path: &[u8], head: &[u8], name_field: &str, is: &dyn Fn(&[u8]) -> bool) -> Asked<Option<Vec<u8>>> {
    let needed =
        |name: &str| parse::field(head, name).ok_or_else(|| NoAnswer::parse(path, &format!("it has no field {name}")));
    if is(&needed(name_field)?) { needed("Version").map(Some) } else { Ok(None) }
}

fn npm(context: &Context, folder: &[u8], name: &str, copies: &mut Copies) -> Asked<()> {
    let name = GlobPiece::Literal(name.as_bytes());
    let file = GlobPiece::Written("/package.json");
    let mut paths = Vec::new();
    for between in ["/", "/**/node_modules/", "/.pnpm/*/node_modules/"] {
        paths.extend(expand(context, &[GlobPiece::Literal(folder), GlobPiece::Written(between), name, file])?);
    }
    // `**` goes into no links, and those of workspaces and of npm link lead to packages that have others below them.
    for entry in ["/*", "/@*/*"] {
        for link in expand(context, &[GlobPiece::Literal(folder), GlobPiece::Written(entry)])? {
            let is_link = context.root.lookup(&link, Links::Stay).is_ok_and(|node| node.metadata.kind == Kind::Symlink);
            if is_link && context.is_folder(&link) {
                let below = GlobPiece::Written("/**/node_modules/");
                paths.extend(expand(context, &[GlobPiece::Literal(&link), below, name, file])?);
            }
        }
    }
    for path in paths {
        let content = context.read(&path)?;
        let document = structured::json(&content).map_err(|error| NoAnswer::parse(&path, &error))?;
        let version = document.get(b"version").and_then(Value::as_bytes).map(<[u8]>::to_vec);
        copies.push((path, version));
    }
    Ok(())
}

fn pip(context: &Context, folder: &[u8], name: &str, copies: &mut Copies) -> Asked<()> {
    let name = parse::python_name(name.as_bytes());
    for (kind, file) in [("/*.dist-info", "/METADATA"), ("/*.egg-info", "/PKG-INFO"), ("/*.egg", "/EGG-INFO/PKG-INFO")]
    {
        for path in expand(context, &[GlobPiece::Literal(folder), GlobPiece::Written(kind)])? {
            let own = path.get(folder.len() + 1..).unwrap_or_default();
            let stem = own.rsplitn(2, |byte| *byte == b'.').nth(1).unwrap_or_default();
            // A hyphen parts name and version; older tools leave those of the name.
            let rest = parse::python_name(stem).strip_prefix(name.as_slice()).map(<[u8]>::to_vec);
            if rest.is_none_or(|rest| !matches!(rest.first(), None | Some(b'-'))) {
                continue;
            }
            let inside = [path.as_slice(), file.as_bytes()].concat();
            // An older egg-info is a file itself.
            let (path, head) = match context.read_optional(&inside)? {
                Some(head) => (inside, head),
                None => (path.clone(), context.read(&path)?),
            };
            let is = |found: &[u8]| parse::python_name(found) == name;
            if let Some(version) = of_head(&path, &head, "Name", &is)? {
                copies.push((path, Some(version)));
            }
        }
    }
    develop(context, folder, &name, copies)
}

/// A package that is used where it is developed: NAME.egg-link names the folder.
fn develop(context: &Context, folder: &[u8], name: &[u8], copies: &mut Copies) -> Asked<()> {
    for link in expand(context, &[GlobPiece::Literal(folder), GlobPiece::Written("/*.egg-link")])? {
        let own = link.get(folder.len() + 1..).and_then(|own| own.strip_suffix(b".egg-link")).unwrap_or_default();
        if parse::python_name(own) != name {
            continue;
        }
        let content = context.read(&link)?;
        let source = content.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
        let before = copies.len();
        if source.starts_with(b"/") {
            for path in expand(context, &[GlobPiece::Literal(source), GlobPiece::Written("/*.egg-info/PKG-INFO")])? {
                let head = context.read(&path)?;
                if let Some(version) = of_head(&path, &head, "Name", &|found| parse::python_name(found) == name)? {
                    copies.push((path, Some(version)));
                }
            }
        }
        if copies.len() == before {
            return Err(NoAnswer::parse(&link, &"it names no folder that tells of this package"));
        }
    }
    Ok(())
}

fn gem(context: &Context, folder: &[u8], name: &str, copies: &mut Copies) -> Asked<()> {
    let pieces = [
        GlobPiece::Literal(folder),
        GlobPiece::Written("/"),
        GlobPiece::Literal(name.as_bytes()),
        GlobPiece::Written("-*.gemspec"),
    ];
    for path in expand(context, &pieces)? {
        let content = context.read(&path)?;
        let (found, version) = parse::gem(&content)
            .ok_or_else(|| NoAnswer::parse(&path, &"neither a stub nor lines tell its name and version"))?;
        if found == name.as_bytes() {
            copies.push((path, Some(version.to_vec())));
        }
    }
    Ok(())
}

fn cran(context: &Context, folder: &[u8], name: &str, copies: &mut Copies) -> Asked<()> {
    let path = [folder, b"/", name.as_bytes(), b"/DESCRIPTION"].concat();
    if let Some(head) = context.read_optional(&path)?
        && let Some(version) = of_head(&path, &head, "Package", &|found| found == name.as_bytes())?
    {
        copies.push((path, Some(version)));
    }
    Ok(())
}

fn cpan(context: &Context, folder: &[u8], name: &str, copies: &mut Copies) -> Asked<()> {
    let path = [folder, b"/", name.replace("::", "/").as_bytes(), b".pm"].concat();
    if let Some(content) = context.read_optional(&path)? {
        let version = parse::perl_version(&content, name).map(<[u8]>::to_vec);
        copies.push((path, version));
    }
    Ok(())
}

/// Archives in archives: an ear holds wars, which hold jars; those of Spring Boot hold jars that hold jars.
const MAX_ARCHIVE_DEPTH: usize = 4;

/// What archives are called that Java's tools take for such: of libraries, of applications and of plugins.
const ARCHIVES: [&[u8]; 9] = [b".jar", b".war", b".ear", b".rar", b".sar", b".kar", b".aar", b".hpi", b".jpi"];

fn open_jar(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let name = lossless(arguments.text("name").unwrap_or_default());
    let mut copies = Copies::new();
    let missing =
        context.read_each_by(arguments, "", &|path| context.read_large(path), &mut |path, content: Text| {
            let mut room = context.most_of_a_large_file();
            let mut found = Vec::new();
            search(&content, path, &name, 0, &mut room, &mut found).map_err(|error| NoAnswer::parse(path, &error))?;
            copies.extend(found);
            Ok(true)
        })?;
    if copies.is_empty() && !missing.is_empty() {
        return Err(NoAnswer::Missing(format!(
            "package {name} is not installed; nothing is at {}",
            missing.join(", ")
        )));
    }
    found(&name, Scheme::General, copies)
}

/// Looks for a library in an archive: the archive itself, and those in it.
fn search(
    bytes: &[u8],
    place: &[u8],
    name: &str,
    depth: usize,
    room: &mut usize,
    copies: &mut Copies,
) -> Result<(), ParseError> {
    let members = zip::members(bytes)?;
    let mut told = false;
    let mut read = |member: &zip::Member<'_>| -> Result<Vec<u8>, ParseError> {
        let content = member.content(bytes, *room)?;
        *room -= content.len();
        Ok(content)
    };
    let mut manifest = None;
    let mut inner = Vec::new();
    for member in &members {
        let lower = member.name.to_ascii_lowercase();
        let own = member.name.strip_prefix(b"META-INF/maven/").and_then(|rest| rest.strip_suffix(b"/pom.properties"));
        if own.is_some_and(|own| own.split(|byte| *byte == b'/').nth(1) == Some(name.as_bytes())) {
            let version = parse::property(&read(member)?, "version").map(<[u8]>::to_vec);
            copies.push(([place, b"!/", member.name].concat(), version));
            told = true;
        } else if lower == b"meta-inf/manifest.mf" {
            manifest = Some(read(member)?);
        } else if ARCHIVES.iter().any(|ending| lower.ends_with(ending)) {
            inner.push(member);
        }
    }
    if !told {
        let file = place.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let stem = file.get(..file.len().saturating_sub(4)).unwrap_or_default();
        let of_name = stem.strip_prefix(name.as_bytes()).filter(|rest| {
            rest.is_empty() || (rest.first() == Some(&b'-') && rest.get(1).is_some_and(u8::is_ascii_digit))
        });
        let field = |field: &str| manifest.as_deref().and_then(|manifest| parse::field(manifest, field));
        let titled = ["Implementation-Title", "Bundle-SymbolicName", "Automatic-Module-Name"].iter().any(|title| {
            // A bundle's name can have attributes behind it.
            let title = field(title).unwrap_or_default();
            title.split(|byte| *byte == b';').next().map(<[u8]>::trim_ascii) == Some(name.as_bytes())
        });
        if titled || of_name.is_some() {
            let written = of_name.and_then(|rest| rest.get(1..)).map(<[u8]>::to_vec);
            let version = written.or_else(|| field("Implementation-Version")).or_else(|| field("Bundle-Version"));
            copies.push((place.to_vec(), version));
        }
    }
    for member in inner {
        if depth == MAX_ARCHIVE_DEPTH {
            return Err(ParseError::new("more archives in each other than are read"));
        }
        let content = member.content(bytes, *room)?;
        *room -= content.len();
        let place = [place, b"!/", member.name].concat();
        search(&content, &place, name, depth + 1, room, copies)
            .map_err(|error| ParseError::new(format!("{}: {error}", lossless(member.name))))?;
    }
    Ok(())
}
