//! A profile in one file, with inputs and waivers beside it: a plain tar archive that `assay archive` writes and that
//! stands for a profile wherever one is taken. It is read strictly: what else it could hold, nobody put there for assay.

mod ustar;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::order;
use crate::profile::files::{
    Below, CONTROLS, MAIN, MAX_BYTES, MAX_DEPTH, MAX_FILES, ProfileFiles, VENDOR, is_yaml, relative, text_source,
};
use crate::profile::input::is_name;
use crate::profile::overlay::named_dependencies;
use crate::profile::source::{Problem, Source};

/// The largest input or waiver file, as on the command line.
const MAX_GIVEN: u64 = 1 << 30;

/// The largest archive of a profile below.
const MAX_VENDORED: u64 = 64 << 20;

/// The folders of an archive.
const PROFILE: &str = "profile";
const INPUTS: &str = "inputs";
const WAIVERS: &str = "waivers";

/// Writes a profile with inputs and waivers: those of its own archive first, where it was read from one. The same files
/// give the same bytes.
///
/// Errors: a name that an archive cannot have.
pub fn pack(
    files: &ProfileFiles,
    inputs: &[Arc<Source>],
    waivers: &[Arc<Source>],
    mtime: u32,
) -> Result<Vec<u8>, Problem> {
    let mut archive = Vec::new();
    for (name, below) in &files.depends {
        let below = pack(below, &[], &[], mtime)?;
        put_vendored(&mut archive, name, &below, mtime).map_err(Problem::without_place)?;
    }
    let mut put = |name: String, source: &Source| ustar::put(&mut archive, &name, source.text.as_bytes(), mtime);
    let mut all = || {
        numbered(INPUTS, files.inputs.len(), inputs).try_for_each(|(name, source)| put(name, source))?;
        relative(&files.files).into_iter().try_for_each(|(name, source)| put(format!("{PROFILE}/{name}"), source))?;
        numbered(WAIVERS, files.waivers.len(), waivers).try_for_each(|(name, source)| put(name, source))
    };
    all().map_err(Problem::without_place)?;
    ustar::end(&mut archive);
    // What is given away must be what was checked.
    let read = unpack("the archive", &mut archive.as_slice());
    match read.map_err(|problems| problems.into_iter().next()) {
        Ok(read) if same(&read.files, &files.files) && same(&read.inputs, inputs) && same(&read.waivers, waivers) => {
            Ok(archive)
        }
        Err(Some(problem)) => Err(Problem { help: None, ..problem }),
        _ => Err(Problem::without_place("the archive would not be read as it was written")),
    }
}

fn put_vendored(archive: &mut Vec<u8>, name: &str, below: &[u8], mtime: u32) -> Result<(), String> {
    ustar::put(archive, &format!("{PROFILE}/{VENDOR}/{name}.tar"), below, mtime)
}

fn same(read: &[Arc<Source>], given: &[Arc<Source>]) -> bool {
    read.iter().map(|source| &source.text).eq(given.iter().map(|source| &source.text))
}

/// Files by names that keep their order; the first ones, of an archive, have numbers already, which they lose.
fn numbered<'a>(
    folder: &'static str,
    archived: usize,
    files: &'a [Arc<Source>],
) -> impl Iterator<Item = (String, &'a Source)> {
    files.iter().enumerate().map(move |(place, source)| {
        let name = Path::new(&*source.name).file_name().unwrap_or_default().to_string_lossy();
        let plain = name.split_once('-').filter(|_| place < archived).map_or(&*name, |(_, plain)| plain);
        (format!("{folder}/{}-{plain}", place + 1), &**source)
    })
}

/// Whether a file that begins so is meant as an archive.
pub(super) fn is_archive(start: &[u8]) -> bool {
    ustar::is_tar(start)
}

/// Reads an archive; `name` is what the auditor called it.
///
/// Errors: it holds something else, or more, than a profile with inputs and waivers.
pub fn unpack(name: &str, archive: &mut dyn Read) -> Result<ProfileFiles, Vec<Problem>> {
    unpacked(name, archive, &mut Below::default()).map_err(|problem| vec![problem])
}

fn unpacked(name: &str, archive: &mut dyn Read, below: &mut Below) -> Result<ProfileFiles, Problem> {
    let refuse = |what: String| {
        let mut problem = Problem::without_place(format!("{name} cannot be read as an archive of a profile: {what}"));
        problem.help = Some("`assay archive PROFILE` makes one".to_owned());
        problem
    };
    let (mut files, mut inputs, mut waivers) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    let mut vendored = BTreeMap::new();
    for (member, content) in ustar::files(archive, &largest).map_err(refuse)? {
        if let Some(name_below) = member.strip_prefix(PROFILE).and_then(vendored_name) {
            below.enter().map_err(refuse)?;
            let found = unpacked(&format!("{name}:{member}"), &mut content.as_slice(), below)?;
            below.depth -= 1;
            vendored.insert(name_below.to_owned(), found);
            continue;
        }
        let source = text_source(&format!("{name}:{member}"), content, MAX_GIVEN)?;
        let (folder, rest) = member.split_once('/').unwrap_or_default();
        let given = if folder == INPUTS { &mut inputs } else { &mut waivers };
        match number(rest) {
            _ if folder == PROFILE => files.push((PathBuf::from(rest), source)),
            Some(number) if given.insert(number, source).is_none() => {}
            _ => return Err(refuse(format!("`{member}`: another one has its number"))),
        }
    }
    let outside = |path: &Path| !path.starts_with(CONTROLS);
    let single = matches!(files.as_slice(), [(path, _)] if outside(path));
    let main = MAIN.iter().map(Path::new).find(|main| files.iter().any(|(path, _)| path == main));
    if main.is_none() && !single {
        return Err(refuse(format!("it has no {PROFILE}/profile.yaml")));
    }
    if let Some((path, _)) = files.iter().find(|(path, _)| outside(path) && Some(path.as_path()) != main && !single) {
        return Err(refuse(format!("`{PROFILE}/{}`: no part of a profile", path.display())));
    }
    // The profile's own file, then the others as a walk through folders would meet them.
    order::sort(&mut files, &|a, b| (!outside(&a.0), &a.0).cmp(&(!outside(&b.0), &b.0)));
    if files.len() > MAX_FILES + 1 {
        return Err(refuse(format!("the profile has more than {MAX_FILES} files")));
    }
    for (folder, given) in [(INPUTS, &inputs), (WAIVERS, &waivers)] {
        if !given.keys().copied().eq(1..=given.len()) {
            return Err(refuse(format!("the files in {folder} are not numbered from 1 on, so one may be missing")));
        }
    }
    let mut depends = Vec::new();
    for (name_below, _, _) in files.first().map_or_else(Vec::new, |(_, main)| named_dependencies(main)) {
        match vendored.remove(&name_below) {
            Some(found) if found.inputs.is_empty() && found.waivers.is_empty() => depends.push((name_below, found)),
            Some(_) => return Err(refuse(format!("`{name_below}`, on which it builds, holds inputs or waivers"))),
            None => return Err(refuse(format!("it builds on `{name_below}`, which is not in {PROFILE}/{VENDOR}"))),
        }
    }
    if let Some(name_below) = vendored.keys().next() {
        return Err(refuse(format!("it does not build on `{name_below}`")));
    }
    let given = |files: BTreeMap<usize, Arc<Source>>| files.into_values().collect();
    Ok(ProfileFiles {
        given: name.to_owned(),
        files: files.into_iter().map(|(_, source)| source).collect(),
        single,
        archive: true,
        depends,
        inputs: given(inputs),
        waivers: given(waivers),
    })
}

/// How large a member may be; no others are members of such an archive.
fn largest(name: &str, is_folder: bool) -> Result<u64, &'static str> {
    let (folder, rest) = name.split_once('/').unwrap_or((name, ""));
    let parts = rest.split('/').count();
    let in_controls = Path::new(rest).starts_with(CONTROLS);
    match (folder, is_folder) {
        (PROFILE | INPUTS | WAIVERS, true) if rest.is_empty() => Ok(0),
        (PROFILE, true) if in_controls || rest == VENDOR => Ok(0),
        (PROFILE, false) if vendored_name(&format!("/{rest}")).is_some() => Ok(MAX_VENDORED),
        (PROFILE, false) if parts == 1 && !in_controls && !rest.is_empty() => Ok(MAX_BYTES),
        (PROFILE, false) if in_controls && is_yaml(Path::new(rest)) && parts <= MAX_DEPTH + 1 => Ok(MAX_BYTES),
        (INPUTS | WAIVERS, false) if number(rest).is_some() => Ok(MAX_GIVEN),
        (INPUTS | WAIVERS, false) => Err("its name does not begin with a number and a hyphen"),
        _ => Err("no part of a profile, and neither inputs nor waivers"),
    }
}

/// The name of a profile below, of `/vendor/NAME.tar`.
fn vendored_name(rest: &str) -> Option<&str> {
    let name = rest.strip_prefix('/')?.strip_prefix(VENDOR)?.strip_prefix('/')?.strip_suffix(".tar")?;
    is_name(name).then_some(name)
}

/// The number of an input or waiver file: digits, a hyphen, a name.
fn number(name: &str) -> Option<usize> {
    let (digits, rest) = name.split_once('-')?;
    let plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain && !rest.is_empty() && !rest.contains('/'))
}
