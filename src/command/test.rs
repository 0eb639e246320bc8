//! `assay test`: a profile's own tests. Each is scanned in memory; nothing of this machine is looked at.

use std::fmt::Write as _;
use std::time::Duration;

use crate::cli::Test;
use crate::command::{complain_all, print};
use crate::evaluate::{Clock, Limits};
use crate::exit_code::ExitCode;
use crate::outcome::{Assurance, Report};
use crate::profile::{Difference, Fixture, Problem, Profile, ProfileFiles, Selection, compile, read, read_fixtures};
use crate::report::harmless_line;
use crate::rootfs::{Memory, Root};
use crate::scan::{Settings, scan};

/// A fixture cannot hang: this only bounds what a profile may cost.
const LIMITS: Limits = Limits { jobs: 1, whole: Duration::from_secs(600), stall: Duration::from_secs(600) };

pub(super) fn run(arguments: &Test) -> ExitCode {
    let codes: Vec<ExitCode> = arguments.profiles.iter().map(|profile| test(profile)).collect();
    ExitCode::worst(&codes)
}

fn test(given: &str) -> ExitCode {
    let loaded = read(given).and_then(|files| Ok((files, read_fixtures(given)?))).and_then(|(files, fixtures)| {
        let profiles = compiled(&files, &fixtures)?;
        Ok((fixtures, profiles))
    });
    let (fixtures, profiles) = match loaded {
        Ok(loaded) => loaded,
        Err(problems) => {
            complain_all(&problems);
            return ExitCode::Profile;
        }
    };
    let mut out = format!("running {} of {given}\n", counted(fixtures.len()));
    let mut failures = String::new();
    let mut failed = 0;
    for (fixture, profile) in fixtures.iter().zip(&profiles) {
        let report = scanned(given, fixture, profile);
        let differences = fixture.differences(&report);
        let word = if differences.is_empty() { "ok" } else { "FAILED" };
        let _ = writeln!(out, "test {} ... {word}", fixture.name);
        failed += usize::from(!differences.is_empty());
        for difference in &differences {
            let _ = writeln!(failures, "\n{}", shown(difference));
        }
    }
    let untested = untested(&fixtures, profiles.first());
    let word = if failed == 0 { "ok" } else { "FAILED" };
    let passed = fixtures.len() - failed;
    let _ = write!(out, "{failures}\ntest result: {word}. {passed} passed; {failed} failed\n{untested}");
    match print(&out) {
        ExitCode::Success if failed > 0 => ExitCode::Failed,
        code => code,
    }
}

/// The profile once for each test, because each has inputs of its own.
///
/// Errors: all problems, those of the profile itself once.
fn compiled(files: &ProfileFiles, fixtures: &[Fixture]) -> Result<Vec<Profile>, Vec<Problem>> {
    let (mut profiles, mut problems) = (Vec::new(), Vec::<Problem>::new());
    for fixture in fixtures {
        let found = match compile(std::slice::from_ref(files), &fixture.inputs) {
            Ok(loaded) => {
                let Some(profile) = loaded.profiles.into_iter().next() else { continue };
                let unknown = fixture.unknown_names(&profile);
                profiles.push(profile);
                unknown
            }
            Err(found) => found,
        };
        for problem in found {
            if !problems.iter().any(|known| known.to_string() == problem.to_string()) {
                problems.push(problem);
            }
        }
    }
    if problems.is_empty() { Ok(profiles) } else { Err(problems) }
}

fn scanned(given: &str, fixture: &Fixture, profile: &Profile) -> Report {
    let entries = fixture.tree.iter().map(|(path, entry)| (path, entry.clone()));
    let root = Root::memory(Memory::new(entries));
    let root = fixture.image.clone().into_iter().fold(root, Root::with_image_config);
    let settings = Settings {
        live: None,
        processes: fixture.processes.clone(),
        assurance: Assurance::Directory,
        location: format!("{given}/tests/{}", fixture.name),
        selection: Selection::default(),
        waivers: Vec::new(),
        auditor_files: Vec::new(),
        limits: LIMITS,
        max_file: None,
        now: fixture.moment,
        clock: Clock::Fixed,
    };
    scan(std::slice::from_ref(profile), root, &settings, &|_| ())
}

/// A difference for a terminal: what differs and where, then what came out.
fn shown(difference: &Difference) -> String {
    let results = difference.results.iter().map(|line| format!("\n    {}", harmless_line(line)));
    format!("{}{}", difference.problem, results.collect::<String>())
}

/// Which controls no test says anything of.
fn untested(fixtures: &[Fixture], profile: Option<&Profile>) -> String {
    let tested: Vec<&str> = fixtures.iter().flat_map(Fixture::controls).collect();
    let ids = profile.into_iter().flat_map(|profile| &profile.controls).map(|control| control.facts.id.as_str());
    let untested: Vec<&str> = ids.filter(|id| !tested.contains(id)).collect();
    if untested.is_empty() { String::new() } else { format!("no test names: {}\n", untested.join(", ")) }
}

fn counted(tests: usize) -> String {
    if tests == 1 { "1 test".to_owned() } else { format!("{tests} tests") }
}
