//! The container that the arguments name, opened. Every command that looks at a target comes by here.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::cli::{Resolver as ResolverArgument, Target};
use crate::command::progress::ProgressLine;
use crate::command::running::{NotLiveWords, whereabouts};
use crate::command::{auditor_file, complain, container, image, read_file, usage};
use crate::exit_code::ExitCode;
use crate::outcome::AuditorFile;
use crate::process::{Live, Procfs, Wanted};
use crate::protect::Limits;
use crate::report::harmless_line;
use crate::rootfs::{ImageChoice, ImageConfig, ImageError, Look, Resolver, Root};

/// How long no answer at all may come before a filesystem counts as hung.
pub(super) const STALL: Duration = Duration::from_secs(10);

/// How often somebody who waits is told so.
const GLANCE: Duration = Duration::from_millis(50);

/// How many descriptors a walk usually needs at once.
const EXPECTED_DESCRIPTORS: i32 = 511;

/// A target that can be looked at.
pub(super) struct Opened {
    pub(super) root: Root,
    /// What it is, in one line: a folder, or an image with what identifies it.
    pub(super) location: String,
    /// Files of the auditor that tell more of it.
    pub(super) files: Vec<AuditorFile>,
    /// The process, where it is a running container.
    pub(super) live: Option<Live>,
}

/// A target that was found: all of it is open but an image's layers, which are read where nothing else can be reached.
pub(super) enum Found<'a> {
    Open(Box<Opened>),
    /// The archive; what is held of it where it is there.
    Archive(&'a Path, Vec<OwnedFd>),
}

impl Found<'_> {
    /// What must stay readable to scan it.
    pub(super) fn handles(&self) -> Vec<BorrowedFd<'_>> {
        match self {
            Found::Open(opened) => {
                let process = opened.live.iter().map(|live| live.process().folder().as_fd());
                let parameters =
                    opened.live.iter().filter_map(|live| live.processes.parameters.as_ref().ok()?.folder());
                let parameters = parameters.map(AsFd::as_fd);
                opened.root.directory().into_iter().chain(process).chain(parameters).collect()
            }
            Found::Archive(_, held) => held.iter().map(AsFd::as_fd).collect(),
        }
    }

    /// The running container, where it is one.
    pub(super) fn live(&self) -> Option<&Live> {
        match self {
            Found::Open(opened) => opened.live.as_ref(),
            Found::Archive(..) => None,
        }
    }

    /// Reads what is not read yet; within the current rayon pool.
    pub(super) fn open(self, target: &Target, deadline: Instant) -> Result<Opened, ExitCode> {
        match self {
            Found::Open(opened) => Ok(*opened),
            Found::Archive(archive, _) => {
                let root = image_root(archive, target, deadline)?;
                Ok(Opened { location: location(target, &root), root, files: Vec::new(), live: None })
            }
        }
    }
}

/// Finds the target and opens what it is read by; a filesystem may take so long to answer.
pub(super) fn find(target: &Target, timeout: Duration) -> Result<Found<'_>, ExitCode> {
    if let Some(archive) = &target.place.image {
        // Where it is not there, or may not be opened, reading it says so.
        let held = patiently(&format!("image {}", archive.display()), &Patience::of(STALL.min(timeout)), {
            let archive = archive.clone();
            move || hold(&archive).unwrap_or_default()
        })?;
        return Ok(Found::Archive(archive, held));
    }
    let mut files = Vec::new();
    if let Some(wanted) = meant(target) {
        let accept_root = target.accept_root;
        let signs = Arc::new(AtomicU64::new(0));
        let patience = Patience { stall: STALL.min(timeout), whole: timeout, signs: Arc::clone(&signs) };
        let (live, root) = patiently("the container's root", &patience, {
            let resolver = resolver(target);
            move || running(&wanted, accept_root, resolver, signs)
        })??;
        let mut location = whereabouts(&live.candidate);
        if let (Some(name), None) = (&target.place.container, &live.candidate.kubernetes) {
            location = format!("container {}, {location}", harmless_line(name));
        }
        return Ok(Found::Open(Box::new(Opened { location, root, files, live: Some(live) })));
    }
    let config = match &target.image_config {
        None => None,
        Some(path) => {
            let source = read_file("image configuration", path)?;
            let config = ImageConfig::parse(source.text.as_bytes())
                .map_err(|error| usage(&format_args!("image configuration {path}: {error}")))?;
            files.push(auditor_file("image configuration", &source));
            Some(config)
        }
    };
    let directory = target.place.rootfs.as_deref().unwrap_or(Path::new(""));
    let root = directory_root(directory, resolver(target), &Patience::of(STALL.min(timeout)))?;
    let root = config.into_iter().fold(root, Root::with_image_config);
    Ok(Found::Open(Box::new(Opened { location: location(target, &root), root, files, live: None })))
}

/// Whether it is a running container.
pub(super) fn is_running(target: &Target) -> bool {
    meant(target).is_some()
}

/// Says why the target cannot be scanned.
pub(super) fn refuse(why: &dyn std::fmt::Display) -> ExitCode {
    complain(&format_args!("error: {why}"));
    ExitCode::Target
}

fn image_root(archive: &Path, target: &Target, deadline: Instant) -> Result<Root, ExitCode> {
    let choice = ImageChoice { name: target.image_name.clone(), platform: target.platform.clone() };
    let about = |error: &ImageError| format!("image {}: {error}", archive.display());
    match image::read(archive, &choice, deadline, STALL.min(deadline.saturating_duration_since(Instant::now()))) {
        Ok(image) => Ok(Root::image(image)),
        Err(error @ ImageError::Choice(_)) => Err(usage(&about(&error))),
        Err(error @ ImageError::Unusable { .. }) => Err(refuse(&about(&error))),
    }
}

fn resolver(target: &Target) -> Resolver {
    match target.resolver {
        ResolverArgument::Auto => Resolver::Auto,
        ResolverArgument::Steps => Resolver::Steps,
    }
}

/// How long an answer may take.
struct Patience {
    /// Without any sign of life.
    stall: Duration,
    /// In all.
    whole: Duration,
    /// It grows while there are signs of life.
    signs: Arc<AtomicU64>,
}

impl Patience {
    /// Where no answer but the last is a sign of life.
    fn of(whole: Duration) -> Patience {
        Patience { stall: whole, whole, signs: Arc::default() }
    }
}

/// Asks a filesystem that may not answer: only the thread that asks it hangs then.
fn patiently<T: Send + 'static>(
    what: &str,
    patience: &Patience,
    ask: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ExitCode> {
    let line = ProgressLine::new();
    let (answer, answered) = channel();
    // Nobody waits for the answer any more when it comes too late.
    let ask = move || drop(answer.send(ask()));
    std::thread::Builder::new().spawn(ask).map_err(|error| refuse(&error))?;
    let end = Instant::now() + patience.whole;
    let (mut signs, mut since) = (0, Instant::now());
    let waited = loop {
        match answered.recv_timeout(GLANCE) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Timeout) => line.waiting(),
            Err(RecvTimeoutError::Disconnected) => break since.elapsed(),
        }
        let seen = patience.signs.load(Ordering::Relaxed);
        if seen != signs {
            (signs, since) = (seen, Instant::now());
        }
        if since.elapsed() >= patience.stall {
            break patience.stall;
        }
        if Instant::now() >= end {
            break patience.whole;
        }
    };
    drop(line);
    Err(refuse(&format_args!("{what}: its filesystem did not answer within {} s", waited.as_secs())))
}

fn directory_root(path: &Path, resolver: Resolver, patience: &Patience) -> Result<Root, ExitCode> {
    let asked = path.to_owned();
    let root = patiently(&format!("root {}", path.display()), patience, move || Root::open(&asked, resolver))?;
    root.map_err(|error| refuse(&error))
}

/// The running container that is meant.
enum Meant {
    /// By what the kernel tells.
    Process(Wanted),
    /// By what an engine of this host calls it.
    Container(String),
}

/// The running container that is meant, where one is.
fn meant(target: &Target) -> Option<Meant> {
    let place = &target.place;
    let process = place.pid.map(Wanted::Pid).or_else(|| place.target.clone());
    process.map(Meant::Process).or_else(|| place.container.clone().map(Meant::Container))
}

fn running(
    meant: &Meant,
    accept_root: bool,
    resolver: Resolver,
    signs: Arc<AtomicU64>,
) -> Result<(Live, Root), ExitCode> {
    let procfs = Procfs::open_counting(signs);
    let procfs = procfs.map_err(|error| refuse(&format_args!("/proc of this system cannot be used: {error}")))?;
    let live = match meant {
        Meant::Process(wanted) => {
            Live::open(&procfs, wanted, accept_root).map_err(|error| refuse(&NotLiveWords::of(&error, wanted)))?
        }
        Meant::Container(name) => {
            let known = container::known(name).map_err(|why| refuse(&why))?;
            let wanted = container::wanted(&known);
            Live::open(&procfs, &wanted, accept_root).map_err(|error| match container::not_running(&known, &error) {
                Some(why) => refuse(&why),
                None => refuse(&NotLiveWords::of(&error, &wanted)),
            })?
        }
    };
    let name = format!("of process {}", live.candidate.pid);
    let root = live.root().map_err(|error| refuse(&format_args!("root {name}: {error}")))?;
    let root = Root::hold(root, Path::new(&name), resolver).map_err(|error| refuse(&error))?;
    Ok((live, root))
}

/// Handles by which an archive, and the scanner's own descriptors that it is opened through, can be named.
fn hold(archive: &Path) -> Look<Vec<OwnedFd>> {
    use nix::fcntl::{OFlag, open};
    let handle = |path: &Path| open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, nix::sys::stat::Mode::empty());
    Ok(vec![handle(archive)?, handle(Path::new("/proc/self/fd"))?])
}

fn location(target: &Target, root: &Root) -> String {
    let Some(facts) = root.image_facts() else {
        return target.place.rootfs.as_deref().unwrap_or(Path::new("")).display().to_string();
    };
    let name = target.image_name.clone().or_else(|| facts.names.first().cloned());
    let name = name.unwrap_or_else(|| facts.archive.display().to_string());
    let name = name.split_once('@').map_or(name.as_str(), |(name, _)| name);
    match &facts.manifest {
        Some(_) if name.starts_with("sha256:") => name.to_owned(),
        Some(manifest) => format!("{name}@{manifest}"),
        // An archive of docker save has no manifest; its images are known by the digest of their configuration.
        None => format!("{name} (image ID {})", facts.config),
    }
}

/// As many descriptors as the system allows (a walk holds one for each folder that it is in), and room for the first of
/// them: once there are threads, the kernel lets all of them wait for some 10 ms whenever the table has to grow.
pub(super) fn make_room_for_descriptors(limits: &mut Limits) {
    use nix::fcntl::{FcntlArg, fcntl};
    limits.raise(nix::sys::resource::Resource::RLIMIT_NOFILE);
    if let Ok(high) = fcntl(std::io::stderr(), FcntlArg::F_DUPFD_CLOEXEC(EXPECTED_DESCRIPTORS)) {
        let _ = nix::unistd::close(high);
    }
}
