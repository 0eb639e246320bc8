//! From names to the files of profiles: folders, single files, archives, and the profiles that one builds on.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::profile::archive::{is_archive, unpack};
use crate::profile::overlay::named_dependencies;
use crate::profile::source::{Place, Problem, Source};

/// The largest file of a profile.
pub(super) const MAX_BYTES: u64 = 16 << 20;
/// How deep the folder `controls` is searched, and how many files a profile has.
pub(super) const MAX_DEPTH: usize = 16;
pub(super) const MAX_FILES: usize = 10_000;
/// The names of a profile's own file, and of the folder of its controls.
pub(super) const MAIN: [&str; 2] = ["profile.yaml", "profile.yml"];
pub(super) const CONTROLS: &str = "controls";
/// Where a profile keeps copies of those that it builds on: an archive for each.
pub(super) const VENDOR: &str = "vendor";
/// How deep profiles build on each other, and on how many in all.
pub(super) const MAX_BELOW: usize = 8;
const MAX_PROFILES: usize = 100;

/// The files of one profile, as they were read.
#[derive(Debug)]
pub struct ProfileFiles {
    /// What the auditor called it.
    pub given: String,
    /// profile.yaml first; of a single file, that file.
    pub(super) files: Vec<Arc<Source>>,
    pub(super) single: bool,
    /// Whether it is an archive, which holds all that it builds on.
    pub(super) archive: bool,
    /// The profiles that it builds on, by the names that it gives them.
    pub(super) depends: Vec<(String, ProfileFiles)>,
    /// Input files of its archive, in order; they come before those of the command line.
    pub inputs: Vec<Arc<Source>>,
    /// Waiver files of its archive, the same way.
    pub waivers: Vec<Arc<Source>>,
}

/// Reads the files of a profile: a folder, a single file, an archive, or `-` for one of the latter on standard input;
/// and those of the profiles that it builds on.
pub fn read(given: &str) -> Result<ProfileFiles, Vec<Problem>> {
    read_below(given, Vendored::First, &mut Below::default())
}

/// The same from where `depends` says that they are, or from where the auditor does, whatever its folder `vendor` holds.
pub fn read_dependencies(given: &str, from: &[(String, String)]) -> Result<ProfileFiles, Vec<Problem>> {
    read_below(given, Vendored::Ignored(from), &mut Below::default())
}

/// Whether copies in the folder `vendor` are taken.
#[derive(Clone, Copy)]
enum Vendored<'a> {
    First,
    /// The auditor's places come first.
    Ignored(&'a [(String, String)]),
}

/// How far down reading is, and how many profiles were read.
#[derive(Default)]
pub(super) struct Below {
    pub(super) depth: usize,
    pub(super) profiles: usize,
}

impl Below {
    /// Goes down by one. Errors: it is too deep, or there are too many.
    pub(super) fn enter(&mut self) -> Result<(), String> {
        self.profiles += 1;
        self.depth += 1;
        match (self.depth, self.profiles) {
            (depth, _) if depth > MAX_BELOW => {
                Err(format!("profiles build on each other more than {MAX_BELOW} deep; is it a circle?"))
            }
            (_, profiles) if profiles > MAX_PROFILES => Err(format!("it builds on more than {MAX_PROFILES} profiles")),
            _ => Ok(()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the auditor's own files")]
fn read_below(given: &str, vendored: Vendored<'_>, below: &mut Below) -> Result<ProfileFiles, Vec<Problem>> {
    if given == "-" {
        let mut files = read_stream(given, "standard input", "<stdin>", &mut std::io::stdin().lock())?;
        read_depends(&mut files, None, vendored, below)?;
        return Ok(files);
    }
    let path = Path::new(given);
    let unreadable = |error: std::io::Error| {
        let mut problem = Problem::without_place(format!("profile {given} cannot be read: {error}"));
        problem.help = Some(
            "a profile is a folder with profile.yaml and controls/, a single file, an archive, or - for standard input"
                .to_owned(),
        );
        vec![problem]
    };
    if !std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        let mut file = std::fs::File::open(path).map_err(|error| vec![unreadable_file(given, &error)])?;
        let mut files = read_stream(given, given, given, &mut file)?;
        read_depends(&mut files, Some(path.parent().unwrap_or(Path::new(""))), vendored, below)?;
        return Ok(files);
    }
    let (files, problems): (Vec<_>, Vec<_>) =
        folder(path)?.iter().map(|path| read_source(&path.display().to_string(), MAX_BYTES)).partition(Result::is_ok);
    let problems: Vec<Problem> = problems.into_iter().filter_map(Result::err).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let files = files.into_iter().flatten().collect();
    let mut files = ProfileFiles::new(given, files, false);
    read_depends(&mut files, Some(path), vendored, below)?;
    Ok(files)
}

/// Reads the profiles that one builds on; of an archive, they were in it.
fn read_depends(
    files: &mut ProfileFiles,
    folder: Option<&Path>,
    vendored: Vendored<'_>,
    below: &mut Below,
) -> Result<(), Vec<Problem>> {
    let (Some(main), false) = (files.files.first(), files.archive) else { return Ok(()) };
    let mut problems = Vec::new();
    for (name, span, path) in named_dependencies(main) {
        let refuse = |span, message: String, help: &str| {
            vec![Problem { place: Some(Place::new(main, span)), message, help: Some(help.to_owned()) }]
        };
        let copy = folder.map(|folder| folder.join(VENDOR).join(format!("{name}.tar")));
        let copy = copy.filter(|copy| matches!(vendored, Vendored::First) && copy.is_file());
        let from = match vendored {
            Vendored::Ignored(from) => {
                from.iter().find(|(known, _)| *known == name).map(|(_, from)| PathBuf::from(from))
            }
            Vendored::First => None,
        };
        let (from, at) = match (copy.or(from), path) {
            (Some(from), _) => (from, span),
            (None, Some((path, at))) => match folder {
                Some(folder) => (folder.join(path), at),
                None if Path::new(&path).is_absolute() => (PathBuf::from(path), at),
                None => {
                    let message = format!("`{path}` has no place: the profile is on standard input");
                    problems.extend(refuse(at, message, "`assay archive PROFILE -o -` takes along what it builds on"));
                    continue;
                }
            },
            (None, None) => {
                let message = format!("the profile `{name}` is not there: it has no `path` and is not in {VENDOR}");
                problems.extend(refuse(
                    span,
                    message,
                    &format!("`assay vendor PROFILE --from {name}=FILE` puts it there"),
                ));
                continue;
            }
        };
        let found = match below.enter() {
            Ok(()) => read_below(&from.display().to_string(), Vendored::First, below),
            Err(message) => Err(vec![Problem::without_place(message)]),
        };
        below.depth -= 1;
        match found {
            Ok(found) if found.inputs.is_empty() && found.waivers.is_empty() => files.depends.push((name, found)),
            Ok(_) => {
                let message = format!("the archive {} holds inputs or waivers, which belong to a run", from.display());
                problems.extend(refuse(at, message, "make one without them, and give them to the scan"));
            }
            Err(found) => problems.extend(found.into_iter().map(|problem| match problem.place {
                Some(_) => problem,
                None => Problem { place: Some(Place::new(main, at)), ..problem },
            })),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

impl ProfileFiles {
    /// These files, without others beside them.
    pub(super) fn new(given: &str, files: Vec<Arc<Source>>, single: bool) -> ProfileFiles {
        ProfileFiles {
            given: given.to_owned(),
            files,
            single,
            archive: false,
            depends: Vec::new(),
            inputs: Vec::new(),
            waivers: Vec::new(),
        }
    }

    /// The profiles that it builds on, by the names that it gives them.
    pub fn depends(&self) -> &[(String, ProfileFiles)] {
        &self.depends
    }
}

/// A profile in a single file of this name, or an archive of this name: its first bytes tell.
fn read_stream(
    given: &str,
    name: &str,
    archive: &str,
    mut stream: &mut dyn Read,
) -> Result<ProfileFiles, Vec<Problem>> {
    let mut bytes = Vec::new();
    let mut read = |most: u64, bytes: &mut Vec<u8>| {
        let read = (&mut stream).take(most).read_to_end(bytes);
        read.map(drop).map_err(|error| vec![unreadable_file(name, &error)])
    };
    read(512, &mut bytes)?;
    if is_archive(&bytes) {
        return unpack(archive, &mut bytes.as_slice().chain(stream));
    }
    read(MAX_BYTES + 1 - bytes.len() as u64, &mut bytes)?;
    let source = text_source(name, bytes, MAX_BYTES).map_err(|problem| vec![problem])?;
    Ok(ProfileFiles::new(given, vec![source], true))
}

fn unreadable_file(name: &str, error: &std::io::Error) -> Problem {
    Problem::without_place(format!("{name} cannot be read: {error}"))
}

/// Reads a file of the auditor.
///
/// Errors: it cannot be read, is larger than `most` bytes or not UTF-8.
#[expect(clippy::disallowed_methods, reason = "the auditor's own files")]
pub fn read_source(path: &str, most: u64) -> Result<Arc<Source>, Problem> {
    let unreadable = |error: std::io::Error| unreadable_file(path, &error);
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    text_source(path, bytes, most)
}

pub(super) fn text_source(name: &str, bytes: Vec<u8>, most: u64) -> Result<Arc<Source>, Problem> {
    if bytes.len() as u64 > most {
        return Err(Problem::without_place(format!("{name} is larger than {} MiB", most >> 20)));
    }
    match String::from_utf8(bytes) {
        Ok(mut text) => {
            text.shrink_to_fit();
            Ok(Arc::new(Source::new(name, text)))
        }
        Err(error) => {
            let line =
                error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|byte| **byte == b'\n').count()
                    + 1;
            Err(Problem::without_place(format!("{name}:{line}: not UTF-8")))
        }
    }
}

pub(super) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// profile.yaml and the files below controls/, in byte order.
fn folder(path: &Path) -> Result<Vec<PathBuf>, Vec<Problem>> {
    let fail = |message: String, help: &str| vec![Problem { place: None, message, help: Some(help.to_owned()) }];
    let profile = MAIN.into_iter().map(|name| path.join(name)).find(|file| file.is_file());
    let Some(profile) = profile else {
        let help = if path.join("inspec.yml").is_file() {
            "this is an InSpec profile in Ruby; only profiles in assay's own language can be run"
        } else {
            "a profile is a folder with profile.yaml and controls/*.yaml, or a single file"
        };
        return Err(fail(format!("{} has no profile.yaml", path.display()), help));
    };
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(path.join(CONTROLS)).max_depth(MAX_DEPTH).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_file() && is_yaml(entry.path()) => files.push(entry.into_path()),
            Ok(_) => {}
            Err(error) if error.depth() == 0 => {}
            Err(error) => return Err(vec![Problem::without_place(format!("{}: {error}", path.display()))]),
        }
    }
    if files.len() > MAX_FILES {
        return Err(vec![Problem::without_place(format!("{} has more than {MAX_FILES} files", path.display()))]);
    }
    Ok(std::iter::once(profile).chain(files).collect())
}

/// The files of a profile by their names in it.
pub(super) fn relative(files: &[Arc<Source>]) -> Vec<(String, &Arc<Source>)> {
    let base = files.first().and_then(|file| Path::new(&*file.name).parent()).unwrap_or(Path::new(""));
    let relative = |file: &Source| {
        let name = Path::new(&*file.name);
        name.strip_prefix(base).unwrap_or(name).display().to_string()
    };
    files.iter().map(|file| (relative(file), file)).collect()
}
