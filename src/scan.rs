//! One scan: which controls run, what became of them, as a report.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::evaluate::{Clock, Evaluated, Limits, Plan, evaluate, platform};
use crate::outcome::{AuditorFile, CheckResult, ControlResult, ProfileResult, Report, Status, TargetFacts, Waiver};
use crate::profile::{Control, Profile, Selection, WaiverEntry};
use crate::resource::Context;
use crate::rootfs::Root;

/// What a scan needs beside profiles and a target.
#[derive(Debug)]
pub struct Settings {
    /// Where the target is, as the auditor named it.
    pub location: String,
    /// Which controls run.
    pub selection: Selection,
    /// What is waived.
    pub waivers: Vec<WaiverEntry>,
    /// Files of the auditor that have a part in it, for the report.
    pub auditor_files: Vec<AuditorFile>,
    /// Jobs and time-outs.
    pub limits: Limits,
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

/// Scans a target with profiles.
pub fn scan(profiles: &[Profile], root: Root, settings: &Settings) -> Report {
    let start = Instant::now();
    let context = Arc::new(Context::new(root, settings.now));
    let (platform, family, release) = platform(&context, settings.limits);
    let waivers: HashMap<&str, Waiver> =
        settings.waivers.iter().map(|entry| (entry.control.as_str(), entry.at(settings.now))).collect();

    let mut chosen: Vec<(Option<String>, Vec<(&Control, Fate)>)> = Vec::new();
    for profile in profiles {
        let unsupported = unsupported(profile, &platform, &family, &release);
        let controls = profile.controls.iter().filter(|control| settings.selection.takes(&control.facts));
        let fates = controls.map(|control| (control, fate(control, unsupported.as_deref(), &waivers)));
        let fates = fates.collect();
        chosen.push((unsupported, fates));
    }
    let plans = profiles.iter().zip(&chosen).map(|(profile, (_, fates))| Plan {
        conditions: profile.conditions.clone(),
        controls: fates
            .iter()
            .filter(|(_, fate)| matches!(fate, Fate::Runs))
            .map(|(control, _)| Arc::clone(&control.rules))
            .collect(),
    });
    let evaluated = evaluate(Arc::clone(&context), plans.collect(), settings.limits, settings.clock);

    let results = profiles.iter().zip(chosen).zip(evaluated);
    let profiles = results.map(|((profile, (unsupported, fates)), evaluated)| {
        let mut evaluated = evaluated.into_iter();
        let controls = fates.into_iter().map(|(control, fate)| {
            let Evaluated { results, not_applicable } = match fate {
                Fate::Runs => evaluated.next().unwrap_or_default(),
                Fate::Rests(result) => Evaluated { results: vec![result], not_applicable: false },
            };
            let waiver = waivers.get(control.facts.id.as_str()).cloned();
            ControlResult { facts: Arc::clone(&control.facts), results, not_applicable, waiver }
        });
        profile_result(profile, unsupported, controls.collect())
    });
    let profiles = profiles.collect();
    Report {
        target: TargetFacts {
            location: settings.location.clone(),
            platform,
            release,
            resolver: context.root.resolver(),
        },
        profiles,
        started: settings.now,
        seconds: settings.clock.seconds_since(start),
        auditor_files: settings.auditor_files.clone(),
    }
}

/// Why a profile is not for this system.
fn unsupported(profile: &Profile, platform: &str, family: &str, release: &str) -> Option<String> {
    let fits = profile.supports.is_empty() || profile.supports.iter().any(|one| one.fits(platform, family, release));
    (!fits).then(|| format!("profile {} is not for {platform} {release}", profile.name))
}

fn fate(control: &Control, unsupported: Option<&str>, waivers: &HashMap<&str, Waiver>) -> Fate {
    let rests = |why: String| {
        Fate::Rests(CheckResult {
            description: "No-op".to_owned(),
            status: Status::Skipped(why),
            resource: "",
            seconds: 0.0,
            not_applicable: false,
        })
    };
    if let Some(why) = unsupported {
        return rests(why.to_owned());
    }
    match waivers.get(control.facts.id.as_str()) {
        Some(waiver) if waiver.skipped => {
            rests(format!("Skipped control due to waiver condition: {}", waiver.justification))
        }
        _ => Fate::Runs,
    }
}

fn profile_result(profile: &Profile, skipped: Option<String>, controls: Vec<ControlResult>) -> ProfileResult {
    ProfileResult {
        name: profile.name.clone(),
        title: profile.title.clone(),
        version: profile.version.clone(),
        summary: profile.summary.clone(),
        maintainer: profile.maintainer.clone(),
        license: profile.license.clone(),
        copyright: profile.copyright.clone(),
        sha256: profile.sha256.clone(),
        supports: profile.supports.iter().map(crate::profile::Support::json).collect(),
        inputs: profile.inputs.clone(),
        skipped,
        controls,
    }
}
