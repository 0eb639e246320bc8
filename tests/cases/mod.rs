//! Cases as data: a root filesystem, checks, and beside each check what must come out of it. Every case runs on every
//! kind of root: a directory with the kernel's resolver, the same step by step, an image in each compression, and one
//! in memory.
//!
//! A file holds `about`, `files` that all its cases share, and `cases`. A case has a `title`, the `checks` (or the
//! whole `control`) as text, and `#= STATUS: PART | STATUS …` at the end of a line for each result in order; PART is
//! looked for in the result's description and message. Further keys are those of [`Case`].

#![allow(dead_code, reason = "each test uses a part")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use assay::evaluate::{Clock, Limits};
use assay::outcome::{Assurance, CheckResult, ControlResult, Report, Status};
use assay::profile::{GivenInputs, Problem, Profile, Selection, Source, compile, read, read_live, read_waivers};
use assay::rootfs::{ImageChoice, ImageConfig, Kind, Memory, MemoryEntry, Resolver, Root};
use assay::scan::{Settings, scan};
use serde::Deserialize;

use crate::archive::{self, Image, Layout, Member, Packed};
use crate::fixture::{Scratch, is_root, repository};

/// The moment at which all cases are scanned: 2027-01-15T08:00:00Z.
const NOW: i64 = 1_800_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[expect(dead_code, reason = "for readers of the file")]
    about: String,
    #[serde(default)]
    files: BTreeMap<String, Entry>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    title: String,
    /// Files beside the shared ones; `null` takes a shared one away.
    #[serde(default)]
    files: BTreeMap<String, Option<Entry>>,
    /// More keys of the profile.
    #[serde(default)]
    profile: String,
    /// Keys of the control, `checks` included.
    #[serde(default)]
    control: String,
    /// The checks alone.
    #[serde(default)]
    checks: String,
    /// `NAME=VALUE`.
    #[serde(default)]
    input: Vec<String>,
    /// A waiver file.
    waivers: Option<String>,
    /// What the control must come to.
    status: Option<String>,
    /// The tags that the control must have in the end.
    tags: Option<serde_json::Value>,
    /// The impact that the report must show.
    impact: Option<f64>,
    /// What a directory cannot be made to hold without rights or tricks is tested in memory only.
    #[serde(default)]
    memory_only: bool,
    /// The processes of a running container, as a profile's own tests write them.
    live: Option<serde_json::Value>,
    /// The configuration of the image that the files are from.
    image_config: Option<serde_json::Value>,
    /// Whether the files must belong to root, so that directories need root.
    #[serde(default)]
    of_root: bool,
}

/// A file of the root: its content, or what it is.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Entry {
    Content(String),
    Full(Box<Full>),
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Full {
    content: Option<String>,
    /// How many times the content stands there.
    repeat: Option<usize>,
    /// The content as hexadecimal digits.
    hex: Option<String>,
    /// The content is that of this file below tests/resources/bytes.
    from: Option<String>,
    /// The text of a symbolic link.
    link: Option<String>,
    /// InSpec's word, such as directory.
    kind: Option<String>,
    mode: Option<String>,
    owner: Option<(u32, u32)>,
    mtime: Option<i64>,
    denied: bool,
    /// Extended attributes in hexadecimal digits.
    xattrs: BTreeMap<String, String>,
}

impl Full {
    fn kind(&self) -> Kind {
        let named = |word: &String| Kind::NAMED.iter().find(|(_, name)| name == word).expect("a kind of file").0;
        match (&self.kind, &self.link) {
            (Some(word), _) => named(word),
            (None, Some(_)) => Kind::Symlink,
            (None, None) => Kind::File,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        if let Some(name) = &self.from {
            return fs::read(repository("tests/resources/bytes").join(name)).unwrap();
        }
        match (&self.hex, &self.link, &self.content) {
            (Some(hex), ..) => from_hex(hex),
            (_, Some(text), _) | (.., Some(text)) => text.repeat(self.repeat.unwrap_or(1)).into_bytes(),
            _ => Vec::new(),
        }
    }

    fn mode(&self) -> u32 {
        match &self.mode {
            Some(text) => u32::from_str_radix(text, 8).expect("a mode in octal"),
            None if self.kind() == Kind::Directory => 0o755,
            None => 0o644,
        }
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|char| !char.is_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

/// What a run of the cases of one file saw.
#[derive(Default)]
pub(crate) struct Seen {
    /// The profiles of all cases.
    pub(crate) profiles: Vec<Profile>,
    /// Results as they came out of the root in memory.
    pub(crate) results: Vec<CheckResult>,
    /// What was not as it must be.
    pub(crate) wrong: Vec<String>,
}

/// The data files of a folder below `tests`, by name.
pub(crate) fn data_files(folder: &str) -> Vec<PathBuf> {
    let folder = repository("tests").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

/// The profiles of all cases of a file: title and text.
pub(crate) fn profiles(file: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(file).unwrap();
    let table: Table = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    table.cases.iter().map(|case| (case.title.clone(), profile_text(case))).collect()
}

/// Runs all cases of a file on all roots.
pub(crate) fn run(file: &Path) -> Seen {
    let text = fs::read_to_string(file).unwrap();
    let table: Table = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let name = file.file_name().unwrap().to_string_lossy();
    let mut seen = Seen::default();
    for case in &table.cases {
        let mut files: BTreeMap<String, Full> = BTreeMap::new();
        // A root that holds nothing is refused.
        files.insert("/etc".to_owned(), Full { kind: Some("directory".to_owned()), ..Full::default() });
        let shared = table.files.iter().map(|(path, entry)| (path, Some(entry)));
        for (path, entry) in shared.chain(case.files.iter().map(|(path, entry)| (path, entry.as_ref()))) {
            match entry {
                None => drop(files.remove(path)),
                Some(Entry::Full(full)) => drop(files.insert(path.clone(), (**full).clone())),
                Some(Entry::Content(text)) => {
                    files.insert(path.clone(), Full { content: Some(text.clone()), ..Full::default() });
                }
            }
        }
        let wrong = run_case(&format!("{name}: {}", case.title), case, &files, &mut seen);
        seen.wrong.extend(wrong);
    }
    seen
}

/// Runs one case; gives back what was not as it must be.
fn run_case(name: &str, case: &Case, files: &BTreeMap<String, Full>, seen: &mut Seen) -> Vec<String> {
    let folder = Scratch::new();
    let path = folder.write("profile.yaml", profile_text(case));
    let values = case.input.iter().map(|given| given.split_once('=').unwrap());
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let read = read(&path.display().to_string()).unwrap();
    let profile = match compile(&[read], &GivenInputs { files: Vec::new(), values }) {
        Ok(mut loaded) => loaded.profiles.remove(0),
        Err(problems) => {
            let problems = problems.iter().map(|problem| format!("\n{problem}"));
            return vec![format!("{name}: does not load{}", problems.collect::<String>())];
        }
    };
    let mut wrong = Vec::new();
    let memory = files.iter().map(|(path, entry)| (path, memory_entry(entry)));
    let report = scan_root(&profile, with_config(Root::memory(Memory::new(memory)), case), case);
    wrong.extend(judge(&format!("{name} (memory)"), case, &report));
    seen.results.extend(report.controls().flat_map(|control| control.results.iter().cloned()));
    match case.memory_only.then_some("a memory root").map_or_else(|| members(files), Err) {
        Err(needed) => println!("{name} on an image: not with {needed}"),
        Ok(members) => {
            let config = case.image_config.clone().unwrap_or_else(|| serde_json::json!({}));
            for packed in [Packed::Plain, Packed::Gzip, Packed::Zstd] {
                let image = Image::new(&[&members]).packed(packed).config(config.clone());
                let archive = folder.path(&format!("{packed:?}.tar"));
                Layout::of(&image).write_tar(&archive);
                let deadline = Instant::now() + Duration::from_secs(600);
                let image =
                    assay::rootfs::Image::open(&archive, &ImageChoice::default(), deadline, &Arc::default()).unwrap();
                let root = Root::image(image);
                let report = scan_root(&profile, root, case);
                wrong.extend(judge(&format!("{name} ({packed:?} image)"), case, &report));
            }
        }
    }
    if !case.memory_only && !files.values().any(|file| file.denied) {
        match build(&folder.path("root"), files, case.of_root) {
            Err(needed) => crate::fixture::skipped(&format!("{name} on a directory"), needed),
            Ok(root) => {
                for (kind, resolver) in [("directory", Resolver::Auto), ("steps", Resolver::Steps)] {
                    let root = with_config(Root::open(&root, resolver).unwrap(), case);
                    let report = scan_root(&profile, root, case);
                    wrong.extend(judge(&format!("{name} ({kind})"), case, &report));
                }
            }
        }
    }
    seen.profiles.push(profile);
    wrong
}

fn with_config(root: Root, case: &Case) -> Root {
    match &case.image_config {
        None => root,
        Some(config) => root.with_image_config(ImageConfig::parse(config.to_string().as_bytes()).unwrap()),
    }
}

/// The files as members of a layer; says what a layer cannot hold.
fn members(files: &BTreeMap<String, Full>) -> Result<Vec<Member>, &'static str> {
    let mut members = Vec::new();
    for (path, file) in files {
        let flag = match file.kind() {
            _ if file.denied => return Err("a file that may not be read"),
            Kind::File => b'0',
            Kind::Symlink => b'2',
            Kind::CharacterDevice => b'3',
            Kind::BlockDevice => b'4',
            Kind::Directory => b'5',
            Kind::Pipe => b'6',
            Kind::Socket | Kind::Unknown => return Err("a socket"),
        };
        let mut member = archive::special(flag, path).mode(if flag == b'2' { 0o777 } else { file.mode() });
        if flag == b'0' {
            member.content = file.bytes();
        } else {
            member.link = file.bytes();
        }
        member.owner = file.owner.unwrap_or_default();
        member.mtime = file.mtime.unwrap_or_default();
        for (name, hex) in &file.xattrs {
            member = member.pax(&format!("SCHILY.xattr.{name}"), from_hex(hex));
        }
        members.push(member);
    }
    Ok(members)
}

fn profile_text(case: &Case) -> String {
    let indented =
        |text: &str, blanks: usize| -> String { text.lines().map(|line| format!("{:blanks$}{line}\n", "")).collect() };
    let mut text = format!("schema: 1\nname: case\n{}controls:\n  - id: case\n", indented(&case.profile, 0));
    text.push_str(&indented(&case.control, 4));
    if !case.checks.is_empty() {
        text.push_str("    checks:\n");
        text.push_str(&indented(&case.checks, 6));
    }
    text
}

fn scan_root(profile: &Profile, root: Root, case: &Case) -> Report {
    let waivers = case.waivers.as_ref().map(|text| Arc::new(Source::new("waivers.yaml", text.as_str())));
    let settings = Settings {
        location: "case".to_owned(),
        live: None,
        processes: case.live.as_ref().map(|live| {
            let source = Arc::new(Source::new("live.yaml", live.to_string()));
            let problems =
                |problems: Vec<Problem>| problems.iter().map(|problem| format!("{problem}\n")).collect::<String>();
            Arc::new(read_live(&source).unwrap_or_else(|found| panic!("{}", problems(found))))
        }),
        assurance: Assurance::Directory,
        selection: Selection::default(),
        waivers: waivers.map_or_else(Vec::new, |source| read_waivers(&source).unwrap()),
        auditor_files: Vec::new(),
        limits: Limits { jobs: 1, whole: Duration::from_secs(600), stall: Duration::from_secs(600) },
        max_file: None,
        now: NOW,
        clock: Clock::Fixed,
    };
    scan(std::slice::from_ref(profile), root, &settings, &|_| {})
}

/// The status and the message of a result.
pub(crate) fn status_of(result: &CheckResult) -> (&'static str, &str) {
    match &result.status {
        Status::Passed => ("passed", ""),
        Status::Failed(message) => ("failed", message),
        Status::Skipped(message) => ("skipped", message),
        Status::Error(message) => ("error", message),
    }
}

/// Holds a report against what a case wants.
fn judge(name: &str, case: &Case, report: &Report) -> Option<String> {
    let control: &ControlResult = report.controls().next().unwrap();
    let mut wanted = Vec::new();
    for line in case.control.lines().chain(case.checks.lines()) {
        if let Some((_, marks)) = line.split_once("#= ") {
            wanted.extend(marks.split(" | ").map(|mark| mark.trim().split_once(": ").unwrap_or((mark.trim(), ""))));
        }
    }
    let is = |result: &CheckResult, (status, part): &(&str, &str)| {
        let (found, message) = status_of(result);
        found == *status && (message.contains(part) || result.description.contains(part))
    };
    let same = control.results.len() == wanted.len()
        && control.results.iter().zip(&wanted).all(|(result, wanted)| is(result, wanted));
    let status = case.status.as_ref().is_none_or(|status| control.status().name() == status);
    let impact = case.impact.is_none_or(|impact| control.impact() == impact);
    let tags = serde_json::Value::Object(control.facts.tags.iter().cloned().collect());
    let tagged = case.tags.as_ref().is_none_or(|wanted| *wanted == tags);
    if same && status && impact && tagged {
        return None;
    }
    let mut text = format!("{name}:");
    for place in 0..control.results.len().max(wanted.len()) {
        let found = control.results.get(place);
        if found.zip(wanted.get(place)).is_some_and(|(found, wanted)| is(found, wanted)) {
            continue;
        }
        let wanted = wanted.get(place).map_or("nothing".to_owned(), |(status, part)| format!("{status}: {part}"));
        let found = found.map_or("nothing".to_owned(), |result| {
            let (status, message) = status_of(result);
            format!("{status}: {}: {message}", result.description)
        });
        text.push_str(&format!("\n  wanted {}: {wanted}\n  found: {found}", place + 1));
    }
    let (found, impact) = (control.status().name(), control.impact());
    Some(format!("{text}\n  the control: {found}, impact {impact}, tags {tags}\n"))
}

fn memory_entry(file: &Full) -> MemoryEntry {
    let xattrs = file.xattrs.iter().map(|(name, hex)| (name.clone(), from_hex(hex)));
    MemoryEntry {
        kind: file.kind(),
        mode: if file.kind() == Kind::Symlink { 0o777 } else { file.mode() },
        owner: file.owner.unwrap_or_default(),
        bytes: file.bytes(),
        mtime: file.mtime.unwrap_or_default(),
        xattrs: xattrs.collect(),
        denied: file.denied,
    }
}

/// Makes a directory of these files; without the rights, says what it would need.
fn build(root: &Path, files: &BTreeMap<String, Full>, of_root: bool) -> Result<PathBuf, &'static str> {
    let owned = files.values().any(|file| file.owner.is_some());
    if (owned || of_root) && !is_root() {
        return Err("root");
    }
    let set_mode = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let make_folders = |path: &Path| {
        let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder).unwrap();
            set_mode(folder, 0o755);
        }
    };
    make_folders(root);
    for (path, file) in files {
        let at = root.join(path.trim_start_matches('/'));
        make_folders(at.parent().unwrap());
        match file.kind() {
            Kind::Directory => make_folders(&at),
            Kind::Symlink => symlink(std::ffi::OsString::from(file.link.clone().unwrap()), &at).unwrap(),
            Kind::Socket => drop(std::os::unix::net::UnixListener::bind(&at).unwrap()),
            Kind::Pipe => nix::unistd::mkfifo(&at, nix::sys::stat::Mode::S_IRWXU).unwrap(),
            Kind::BlockDevice | Kind::CharacterDevice | Kind::Unknown => return Err("devices: in memory only"),
            Kind::File => fs::write(&at, file.bytes()).unwrap(),
        }
        for (name, value) in &file.xattrs {
            let flags = rustix::fs::XattrFlags::empty();
            if rustix::fs::setxattr(&at, name.as_str(), &from_hex(value), flags).is_err() {
                return Err("a filesystem and rights for extended attributes");
            }
        }
    }
    // What is below a folder comes first: a new file changes the folder's time, and its mode may forbid new files.
    for (path, file) in files.iter().rev() {
        let at = root.join(path.trim_start_matches('/'));
        if let Some((uid, gid)) = file.owner {
            let own = if file.kind() == Kind::Symlink { std::os::unix::fs::lchown } else { chown };
            own(&at, Some(uid), Some(gid)).unwrap();
        }
        if file.kind() == Kind::Symlink {
            continue;
        }
        // An ACL shows in the mode of the group.
        if file.xattrs.is_empty() || file.mode.is_some() {
            set_mode(&at, file.mode());
        }
        if let Some(seconds) = file.mtime.and_then(|seconds| u64::try_from(seconds).ok()) {
            fs::File::open(&at).unwrap().set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        }
    }
    Ok(root.to_owned())
}
