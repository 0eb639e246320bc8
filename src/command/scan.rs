//! `assay scan`: arguments → profiles → target → scan → threshold → reports → exit code.

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::cli::{Resolver as ResolverArgument, Scan};
use crate::command::progress::ProgressLine;
use crate::command::reporters::Reporters;
use crate::command::{code_of, complain, complain_all, given_inputs, read_file, usage};
use crate::evaluate::{Clock, Limits};
use crate::exit_code::ExitCode;
use crate::outcome::{AuditorFile, ControlStatus, Report};
use crate::profile::{
    GivenInputs, Loaded, Problem, Profile, Selection, Source, WaiverEntry, compile, nearest, read, read_waivers,
};
use crate::report::write;
use crate::rootfs::{Image, ImageChoice, ImageConfig, ImageError, Resolver, Root};
use crate::scan::{Settings, scan};
use crate::threshold::{Threshold, Verdict, count_report, parse};

/// How long no answer at all may come before a filesystem counts as hung.
const STALL: Duration = Duration::from_secs(10);

/// How many descriptors a scan usually needs at once.
const EXPECTED_DESCRIPTORS: i32 = 511;

pub(super) fn run(arguments: &Scan) -> ExitCode {
    let code = match prepare_and_scan(arguments) {
        Ok(code) | Err(code) => code,
    };
    if arguments.no_distinct_exit { code.indistinct() } else { code }
}

/// What was given, as it is meant.
struct Given {
    reporters: Reporters,
    inputs: GivenInputs,
    waivers: Vec<WaiverEntry>,
    threshold: Option<Threshold>,
    files: Vec<AuditorFile>,
}

fn prepare_and_scan(arguments: &Scan) -> Result<ExitCode, ExitCode> {
    make_room_for_descriptors();
    let jobs = arguments.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    // Loading and scanning share one pool of this size.
    if let Err(error) = rayon::ThreadPoolBuilder::new().num_threads(jobs).build_global() {
        complain(&format_args!("error: the threads for {jobs} jobs cannot be started: {error}"));
        return Err(ExitCode::Internal);
    }
    let mut given = given(arguments)?;
    let loaded = load(&arguments.profiles, &given.inputs);
    let deadline = Instant::now() + Duration::from_secs(arguments.timeout);
    let resolver = match arguments.resolver {
        ResolverArgument::Auto => Resolver::Auto,
        ResolverArgument::Steps => Resolver::Steps,
    };
    let (now, clock) = moment().map_err(|message| usage(&message))?;
    let root = root(arguments, resolver, deadline, &mut given.files);
    let (loaded, root) = match (loaded, root) {
        (Ok(loaded), Ok(root)) => (loaded, root),
        (loaded, root) => {
            return Err(ExitCode::worst(&[loaded.err(), root.err()].map(|code| code.unwrap_or(ExitCode::Success))));
        }
    };
    let selection = selection(arguments, &loaded.profiles)?;
    warn(&loaded, &given.waivers);

    // Reading an image has taken its part; whole seconds, because messages name them.
    let rest = deadline.saturating_duration_since(Instant::now()).as_secs_f64().ceil();
    let rest = Duration::from_secs_f64(rest);
    let settings = Settings {
        location: location(arguments, &root),
        selection,
        waivers: given.waivers,
        auditor_files: given.files,
        limits: Limits { jobs, whole: rest, stall: STALL },
        now,
        clock,
    };
    let line = ProgressLine::new();
    let report = scan(&loaded.profiles, root, &settings, &|progress| line.draw(progress));
    drop(line);
    let verdict = given.threshold.map(|threshold| threshold.for_scan().judge(&count_report(&report)));
    let written = given.reporters.write(|format, color, out| write(format, &report, verdict.as_ref(), color, out));
    Ok(ExitCode::worst(&[written, judged(&report, verdict.as_ref())]))
}

/// Opens the target's root. On a filesystem that does not answer, only the thread that asks it hangs.
fn open_root(path: &Path, resolver: Resolver, patience: Duration) -> Result<Root, ExitCode> {
    let refuse = |why: &dyn std::fmt::Display| {
        complain(&format_args!("error: {why}"));
        ExitCode::Target
    };
    let (answer, answered) = channel();
    let asked = path.to_owned();
    // Nobody waits for the answer any more when it comes too late.
    let ask = move || drop(answer.send(Root::open(&asked, resolver)));
    std::thread::Builder::new().spawn(ask).map_err(|error| refuse(&error))?;
    match answered.recv_timeout(patience) {
        Ok(root) => root.map_err(|error| refuse(&error)),
        Err(_) => {
            let (path, seconds) = (path.display(), patience.as_secs());
            Err(refuse(&format_args!("root {path}: its filesystem did not answer within {seconds} s")))
        }
    }
}

/// The root that is to be scanned.
fn root(
    arguments: &Scan,
    resolver: Resolver,
    deadline: Instant,
    files: &mut Vec<AuditorFile>,
) -> Result<Root, ExitCode> {
    let unusable = |error: &dyn std::fmt::Display| {
        complain(&format_args!("error: {error}"));
        ExitCode::Target
    };
    if let Some(archive) = &arguments.target.image {
        let choice = ImageChoice { name: arguments.image_name.clone(), platform: arguments.platform.clone() };
        let about = |error: &ImageError| format!("image {}: {error}", archive.display());
        return match Image::open(archive, &choice, deadline) {
            Ok(image) => Ok(Root::image(image)),
            Err(error @ ImageError::Choice(_)) => Err(usage(&about(&error))),
            Err(error @ ImageError::Unusable { .. }) => Err(unusable(&about(&error))),
        };
    }
    let directory = arguments.target.rootfs.clone().unwrap_or_default();
    let config = match &arguments.image_config {
        None => None,
        Some(path) => {
            let source = read_file("image configuration", path)?;
            let config = ImageConfig::parse(source.text.as_bytes())
                .map_err(|error| usage(&format_args!("image configuration {path}: {error}")))?;
            files.push(auditor_file("image configuration", &source));
            Some(config)
        }
    };
    let patience = STALL.min(Duration::from_secs(arguments.timeout));
    let root = open_root(&directory, resolver, patience)?;
    Ok(config.into_iter().fold(root, Root::with_image_config))
}

/// What was scanned, in one line: a folder, or an image with what identifies it.
fn location(arguments: &Scan, root: &Root) -> String {
    let Some(facts) = root.image_facts() else {
        return arguments.target.rootfs.as_deref().unwrap_or(Path::new("")).display().to_string();
    };
    let name = arguments.image_name.clone().or_else(|| facts.names.first().cloned());
    let name = name.unwrap_or_else(|| facts.archive.display().to_string());
    let name = name.split_once('@').map_or(name.as_str(), |(name, _)| name);
    match &facts.manifest {
        Some(_) if name.starts_with("sha256:") => name.to_owned(),
        Some(manifest) => format!("{name}@{manifest}"),
        // An archive of docker save has no manifest; its images are known by the digest of their configuration.
        None => format!("{name} (image ID {})", facts.config),
    }
}

fn given(arguments: &Scan) -> Result<Given, ExitCode> {
    let inputs = given_inputs(&arguments.input, &arguments.input_file)?;
    let mut files: Vec<AuditorFile> = inputs.files.iter().map(|file| auditor_file("input file", file)).collect();
    let mut waivers: Vec<WaiverEntry> = Vec::new();
    for path in &arguments.waiver_file {
        let source = read_file("waiver file", path)?;
        files.push(auditor_file("waiver file", &source));
        let entries = read_waivers(&source).map_err(|problems| {
            complain_all(&problems);
            ExitCode::Usage
        })?;
        // A later file has the last word on a control.
        waivers.retain(|known| !entries.iter().any(|entry| entry.control == known.control));
        waivers.extend(entries);
    }
    let threshold = match &arguments.threshold {
        None => None,
        Some(path) => {
            let source = read_file("threshold", path)?;
            files.push(auditor_file("threshold", &source));
            Some(parse(&source.text).map_err(|error| usage(&format_args!("threshold {path}: {error}")))?)
        }
    };
    let reporters = Reporters::open(&arguments.reporter, arguments.no_color)?;
    Ok(Given { reporters, inputs, waivers, threshold, files })
}

fn auditor_file(role: &'static str, source: &Source) -> AuditorFile {
    AuditorFile { role, path: source.name.to_string(), sha256: source.sha256() }
}

/// Reads and compiles the profiles; all problems are reported.
pub(super) fn load(profiles: &[String], inputs: &GivenInputs) -> Result<Loaded, ExitCode> {
    let mut files = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    for profile in profiles {
        match read(profile) {
            Ok(read) => files.push(read),
            Err(mut found) => problems.append(&mut found),
        }
    }
    let compiled = compile(&files, inputs);
    match compiled {
        Ok(loaded) if problems.is_empty() => {
            if let Some(name) = loaded.unknown_values.first() {
                let near = nearest(name, loaded.input_names.iter().map(String::as_str));
                let help = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                return Err(usage(&format_args!("--input: no profile has an input `{name}`{help}")));
            }
            Ok(loaded)
        }
        compiled => {
            problems.extend(compiled.err().unwrap_or_default());
            complain_all(&problems);
            Err(code_of(&problems, inputs))
        }
    }
}

fn selection(arguments: &Scan, profiles: &[Profile]) -> Result<Selection, ExitCode> {
    let selection = Selection::new(&arguments.controls, &arguments.tags).map_err(|error| usage(&error))?;
    selection.check(profiles).map_err(|error| usage(&error))?;
    Ok(selection)
}

/// What is odd but not wrong.
fn warn(loaded: &Loaded, waivers: &[WaiverEntry]) {
    for name in &loaded.unused_inputs {
        complain(&format_args!("warning: no profile has the input `{name}` of an input file"));
    }
    let known =
        |id: &str| loaded.profiles.iter().any(|profile| profile.controls.iter().any(|control| control.facts.id == id));
    for waiver in waivers.iter().filter(|waiver| !known(&waiver.control)) {
        complain(&format_args!("warning: there is no control `{}` to waive", waiver.control));
    }
}

/// Now, or the moment that SOURCE_DATE_EPOCH fixes.
fn moment() -> Result<(i64, Clock), String> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => match text.parse() {
            Ok(seconds) => Ok((seconds, Clock::Fixed)),
            Err(_) => Err(format!("SOURCE_DATE_EPOCH must be seconds since 1970, not `{text}`")),
        },
        Err(_) => {
            let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            Ok((i64::try_from(seconds).unwrap_or(0), Clock::Running))
        }
    }
}

/// What the results say: by the threshold where there is one, else by the controls.
fn judged(report: &Report, verdict: Option<&Verdict>) -> ExitCode {
    let any = |wanted: ControlStatus| report.controls().any(|control| control.status() == wanted);
    match verdict {
        Some(verdict) if verdict.is_met() => ExitCode::Success,
        Some(_) => ExitCode::Threshold,
        None if any(ControlStatus::Failed) || any(ControlStatus::Error) => ExitCode::Failed,
        None if any(ControlStatus::NotReviewed) => ExitCode::Skipped,
        None => ExitCode::Success,
    }
}

/// As many descriptors as the system allows (a walk holds one for each folder that it is in), and room for the first of
/// them: once there are threads, the kernel lets all of them wait for some 10 ms whenever the table has to grow.
fn make_room_for_descriptors() {
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
    if let Ok(high) = fcntl(std::io::stderr(), FcntlArg::F_DUPFD_CLOEXEC(EXPECTED_DESCRIPTORS)) {
        let _ = nix::unistd::close(high);
    }
}
