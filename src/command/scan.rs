//! `assay scan`: arguments → profiles → target → scan → threshold → reports → exit code.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::cli::Scan;
use crate::command::profiles::Profiles;
use crate::command::progress::ProgressLine;
use crate::command::reporters::Reporters;
use crate::command::running::{NotLiveWords, assurance, live_facts};
use crate::command::sandbox;
use crate::command::target::{self, Opened, STALL, make_room_for_descriptors, refuse};
use crate::command::{auditor_file, complain, complain_all, read_file, source_date_epoch, usage};
use crate::evaluate::{Clock, Limits};
use crate::exit_code::ExitCode;
use crate::outcome::{AuditorFile, ControlStatus, Report};
use crate::profile::{GivenInputs, Loaded, Profile, Selection, Source, WaiverEntry, read_waivers};
use crate::protect::{Start, narrow};
use crate::report::write;
use crate::scan::{Settings, scan};
use crate::threshold::{Threshold, Verdict, parse};

pub(super) fn run(arguments: &Scan, mut start: Start) -> ExitCode {
    make_room_for_descriptors(&mut start.limits);
    let code = match prepare_and_scan(arguments, &start) {
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

fn prepare_and_scan(arguments: &Scan, start: &Start) -> Result<ExitCode, ExitCode> {
    let writes = arguments.results_dir.is_some() || arguments.reporter.iter().any(|reporter| reporter.contains(':'));
    narrow(target::is_running(&arguments.target), writes);
    let profiles = Profiles::read(&arguments.profiles);
    let mut given = given(arguments, &profiles)?;
    let loaded = profiles.load(&given.inputs);
    let timeout = Duration::from_secs(arguments.timeout);
    let deadline = Instant::now() + timeout;
    let (now, clock) = moment().map_err(|message| usage(&message))?;
    let found = target::find(&arguments.target, timeout);
    let sandbox = found.and_then(|found| {
        sandbox::enter(found, &arguments.protection, arguments.jobs, start, &given.reporters.folders())
    });
    let opened = sandbox.and_then(|(found, sandbox)| Ok((found.open(&arguments.target, deadline)?, sandbox)));
    let (loaded, (Opened { root, location, files, live }, sandbox)) = match (loaded, opened) {
        (Ok(loaded), Ok(opened)) => (loaded, opened),
        (loaded, opened) => {
            return Err(ExitCode::worst(&[loaded.err(), opened.err()].map(|code| code.unwrap_or(ExitCode::Success))));
        }
    };
    given.files.extend(files);
    let selection = selection(arguments, &loaded.profiles)?;
    warn(&loaded, &given.waivers);

    // Reading an image has taken its part; whole seconds, because messages name them.
    let rest = deadline.saturating_duration_since(Instant::now()).as_secs_f64().ceil();
    let rest = Duration::from_secs_f64(rest);
    let settings = Settings {
        location,
        live: live.as_ref().map(|live| live_facts(live, &arguments.target, &sandbox.measures, &sandbox.observers)),
        processes: live.as_ref().map(|live| Arc::clone(&live.processes)),
        assurance: assurance(&arguments.target, live.as_ref()),
        selection,
        waivers: given.waivers,
        auditor_files: given.files,
        limits: Limits { jobs: sandbox.jobs, whole: rest, stall: STALL },
        max_file: sandbox.max_file,
        now,
        clock,
    };
    let line = ProgressLine::new();
    let report = scan(&loaded.profiles, root, &settings, &|progress| line.draw(progress));
    drop(line);
    sandbox.look_again()?;
    if let Some(live) = &live {
        // What was read of a container that changed or ended meanwhile is no scan of it.
        live.look_again().map_err(|error| refuse(&NotLiveWords::again(&error)))?;
    }
    let verdict = given.threshold.map(|threshold| threshold.for_scan().judge_report(&report));
    let written = given.reporters.write(|format, color, out| write(format, &report, verdict.as_ref(), color, out));
    let untouched = sandbox.look_again().err().unwrap_or(ExitCode::Success);
    Ok(given.reporters.conclude(ExitCode::worst(&[written, untouched, judged(&report, verdict.as_ref())])))
}

fn given(arguments: &Scan, profiles: &Profiles) -> Result<Given, ExitCode> {
    let inputs = profiles.inputs(&arguments.input, &arguments.input_file)?;
    let mut files: Vec<AuditorFile> = inputs.files.iter().map(|file| auditor_file("input file", file)).collect();
    let sources = profiles.waivers(&arguments.waiver_file)?;
    files.extend(sources.iter().map(|file| auditor_file("waiver file", file)));
    let waivers = waived(&sources)?;
    let threshold = match &arguments.threshold {
        None => None,
        Some(path) => {
            let source = read_file("threshold", path)?;
            files.push(auditor_file("threshold", &source));
            Some(parse(&source.text).map_err(|error| usage(&format_args!("threshold {path}: {error}")))?)
        }
    };
    let mut reporters = Reporters::open(&arguments.reporter, arguments.no_color)?;
    if arguments.framed {
        reporters = reporters.framed()?;
    }
    if let Some(folder) = &arguments.results_dir {
        reporters = reporters.with_results(folder, threshold.is_some())?;
    }
    Ok(Given { reporters, inputs, waivers, threshold, files })
}

/// What these files waive; a later one has the last word on a control.
pub(crate) fn waived(files: &[Arc<Source>]) -> Result<Vec<WaiverEntry>, ExitCode> {
    let mut waivers: Vec<WaiverEntry> = Vec::new();
    for source in files {
        let entries = read_waivers(source).map_err(|problems| {
            complain_all(&problems);
            ExitCode::Usage
        })?;
        waivers.retain(|known| !entries.iter().any(|entry| entry.control == known.control));
        waivers.extend(entries);
    }
    Ok(waivers)
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
    if let Some(seconds) = source_date_epoch()? {
        return Ok((seconds, Clock::Fixed));
    }
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Ok((i64::try_from(seconds).unwrap_or(0), Clock::Running))
}

/// What the results say: by the threshold where there is one, else by the controls.
pub(crate) fn judged(report: &Report, verdict: Option<&Verdict>) -> ExitCode {
    let any = |wanted: ControlStatus| report.controls().any(|control| control.status() == wanted);
    match verdict {
        Some(verdict) if verdict.is_met() => ExitCode::Success,
        Some(_) => ExitCode::Threshold,
        None if any(ControlStatus::Failed) || any(ControlStatus::Error) => ExitCode::Failed,
        None if any(ControlStatus::NotReviewed) => ExitCode::Skipped,
        None => ExitCode::Success,
    }
}
