//! One scan: which controls run, what became of them, as a report.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::evaluate::{Clock, Evaluated, Limits, Plan, Progress, evaluate};
use crate::outcome::{
    Assurance, AuditorFile, CheckResult, ControlResult, Generator, LiveFacts, ProfileResult, Report, Status,
    TargetFacts, Waiver,
};
use crate::process::Facts;
use crate::profile::{Control, Profile, Selection, WaiverEntry};
use crate::resource::{Context, Platform};
use crate::rootfs::Root;

/// What a scan needs beside profiles and a target.
#[derive(Debug)]
pub struct Settings {
    /// Where the target is, as the auditor named it.
    pub location: String,
    /// What identifies the target, where it is a running container.
    pub live: Option<LiveFacts>,
    /// Its processes.
    pub processes: Option<Arc<Facts>>,
    /// How far the results can be trusted.
    pub assurance: Assurance,
    /// Which controls run.
    pub selection: Selection,
    /// What is waived.
    pub waivers: Vec<WaiverEntry>,
    /// Files of the auditor that have a part in it, for the report.
    pub auditor_files: Vec<AuditorFile>,
    /// Jobs and time-outs.
    pub limits: Limits,
    /// The largest file that is read, where that is to be less than usual.
    pub max_file: Option<u64>,
    /// When the scan begins, seconds since the epoch.
    pub now: i64,
    /// Whether durations are measured.
    pub clock: Clock,
}

/// What is done with a control.
enum Fate {
    /// It is evaluated.
    Runs,
    /// It is not; this is its result.
    Rests(CheckResult),
}

/// Scans a target with profiles; `progress` is told now and then how far it is.
pub fn scan(profiles: &[Profile], root: Root, settings: &Settings, progress: &dyn Fn(Progress)) -> Report {
    let start = Instant::now();
    let context = Context::new(root, settings.now).with_processes(settings.processes.clone());
    let context = Arc::new(match settings.max_file {
        Some(bytes) => context.with_max_file(bytes),
        None => context,
    });
    let waivers: HashMap<&str, Waiver> =
        settings.waivers.iter().map(|entry| (entry.control.as_str(), entry.at(settings.now))).collect();
    let chosen: Vec<Vec<(&Control, Fate)>> = profiles
        .iter()
        .map(|profile| {
            let controls = profile.controls.iter().filter(|control| settings.selection.takes(&control.facts));
            controls.map(|control| (control, fate(control, &waivers))).collect()
        })
        .collect();
    let plans = profiles.iter().zip(&chosen).map(|(profile, controls)| {
        let runs = controls.iter().filter(|(_, fate)| matches!(fate, Fate::Runs));
        Plan {
            supports: profile.supports.clone(),
            conditions: profile.conditions.clone(),
            controls: runs.map(|(control, _)| Arc::clone(&control.rules)).collect(),
        }
    });
    let (platform, evaluated) =
        evaluate(Arc::clone(&context), plans.collect(), settings.limits, settings.clock, progress);

    let results = profiles.iter().zip(chosen).zip(evaluated).map(|((profile, controls), evaluated)| {
        let mut evaluated = evaluated.into_iter();
        let controls = controls.into_iter().map(|(control, fate)| {
            let Evaluated { results, not_applicable } = match fate {
                Fate::Runs => evaluated.next().unwrap_or_default(),
                Fate::Rests(result) => Evaluated { results: vec![result], not_applicable: false },
            };
            let waiver = waivers.get(control.facts.id.as_str()).cloned();
            ControlResult { facts: Arc::clone(&control.facts), results, not_applicable, waiver }
        });
        profile_result(profile, &platform, controls.collect())
    });
    let profiles = results.collect();
    Report {
        generator: Generator::assay(),
        target: TargetFacts {
            location: settings.location.clone(),
            platform: platform.name,
            release: platform.release,
            resolver: context.root.resolver(),
            image: context.root.image_facts().cloned(),
            live: settings.live.clone(),
            assurance: Some(settings.assurance),
            scope: None,
        },
        profiles,
        started: Some(settings.now),
        seconds: settings.clock.seconds_since(start),
        auditor_files: settings.auditor_files.clone(),
    }
}

fn fate(control: &Control, waivers: &HashMap<&str, Waiver>) -> Fate {
    match waivers.get(control.facts.id.as_str()) {
        Some(waiver) if waiver.skipped => Fate::Rests(CheckResult {
            description: "No-op".to_owned(),
            status: Status::Skipped(format!("Skipped control due to waiver condition: {}", waiver.justification)),
            resource: "".into(),
            seconds: 0.0,
            not_applicable: false,
        }),
        _ => Fate::Runs,
    }
}

fn profile_result(profile: &Profile, platform: &Platform, controls: Vec<ControlResult>) -> ProfileResult {
    let skipped =
        (!profile.supports.fits(platform)).then(|| format!("profile {} is not for {}", profile.name, platform.words()));
    ProfileResult {
        name: profile.name.clone(),
        title: profile.title.clone(),
        version: profile.version.clone(),
        summary: profile.summary.clone(),
        maintainer: profile.maintainer.clone(),
        license: profile.license.clone(),
        copyright: profile.copyright.clone(),
        sha256: profile.sha256.clone(),
        supports: profile.supports.json(),
        depends: profile.depends.clone(),
        inputs: profile.inputs.clone(),
        skipped,
        controls,
    }
}
