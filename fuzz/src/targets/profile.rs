//! What auditors give: profiles, their tests, inputs, waivers, selections.

use std::sync::Arc;
use std::time::Duration;

use assay::evaluate::{Clock, Limits};
use assay::outcome::{Assurance, Report};
use assay::profile::{
    GivenInputs, Loaded, Problem, Profile, ProfileFiles, Selection, Source, compile, pack, read, read_fixtures,
    read_waivers, unpack,
};
use assay::rootfs::{Memory, Root};
use assay::scan::{Settings, scan as scan_root};

use super::image::mend_sums;
use super::report::check_formats;
use super::scratch::Scratch;
use super::{parts, same};

/// Problems can be shown.
fn shown(problems: &[Problem]) -> String {
    assert!(!problems.is_empty(), "refused without a reason");
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn compiled(profile: &[u8], given: &GivenInputs) -> Result<Loaded, String> {
    let scratch = Scratch::new();
    let path = scratch.file("profile.yaml", profile);
    let files = read(&path.display().to_string()).map_err(|problems| shown(&problems))?;
    let compile = || compile(std::slice::from_ref(&files), given).map_err(|problems| shown(&problems));
    same(|| compile().map(|loaded| format!("{:?}", loaded.profiles))).map(drop)?;
    compile()
}

/// A profile of one file.
pub fn profile(data: &[u8]) {
    if let Ok(loaded) = compiled(data, &GivenInputs::default()) {
        assert!(loaded.profiles.iter().all(|profile| !profile.controls.is_empty()), "a profile without controls");
    }
}

/// A profile, an input file, then `NAME=VALUE`.
pub fn inputs(data: &[u8]) {
    let [profile, file, value] = parts(data);
    let mut given = GivenInputs::default();
    if let Ok(text) = std::str::from_utf8(file) {
        given.files.push(Arc::new(Source::new("inputs.yaml", text)));
    }
    if let Some((name, value)) = std::str::from_utf8(value).ok().and_then(|text| text.split_once('=')) {
        given.values.push((name.to_owned(), value.to_owned()));
    }
    let _ = compiled(profile, &given);
}

/// `.csv` or not, then the file.
pub fn waivers(data: &[u8]) {
    let [kind, file] = parts(data);
    let Ok(text) = std::str::from_utf8(file) else { return };
    let name = if kind.is_empty() { "waivers.yaml" } else { "waivers.csv" };
    let source = Arc::new(Source::new(name, text));
    match same(|| read_waivers(&source).map_err(|problems| shown(&problems))) {
        Ok(entries) => {
            for entry in entries {
                // What is waived once is not waived again later.
                let [early, late] = [i64::MIN / 2, i64::MAX / 2].map(|now| entry.at(now));
                assert!(early.skipped || !late.skipped, "{entry:?}");
            }
        }
        Err(problems) => assert!(!problems.is_empty()),
    }
}

/// An archive of a profile, with inputs and waivers; its sums are put right.
pub fn profile_archive(data: &[u8]) {
    let mut bytes = data.to_vec();
    mend_sums(&mut bytes);
    let read = |mut bytes: &[u8]| unpack("x.tar", &mut bytes).map_err(|problems| shown(&problems));
    let Ok(files) = same(|| read(&bytes)).and_then(|_| read(&bytes)) else { return };
    // What is read can be written, and is then what it was.
    let write = |files: &ProfileFiles| pack(files, &files.inputs, &files.waivers, 0).expect("what was read");
    let written = write(&files);
    let again = read(&written).expect("what was written");
    assert_eq!(format!("{files:?}").len(), format!("{again:?}").len());
    assert_eq!(written, write(&again), "written again, it differs");
    let given = GivenInputs { files: files.inputs.clone(), values: Vec::new() };
    let digests = |files: ProfileFiles| {
        let loaded = compile(&[files], &given).map_err(|problems| shown(&problems))?;
        Ok::<_, String>(loaded.profiles.into_iter().map(|profile| profile.sha256).collect::<Vec<_>>())
    };
    assert_eq!(digests(files).ok(), digests(again).ok());
}

/// A file of a profile's tests.
pub fn profile_test(data: &[u8]) {
    let scratch = Scratch::new();
    scratch.file("tests/one.yaml", data);
    let folder = scratch.path().display().to_string();
    match read_fixtures(&folder) {
        Ok(fixtures) => {
            for fixture in fixtures {
                drop(Memory::new(fixture.tree));
            }
        }
        Err(problems) => drop(shown(&problems)),
    }
}

/// Lines of what `--control` and `--tag` take, of one profile.
pub fn selection(data: &[u8]) {
    let [controls, tags] = parts(data);
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
    if let Ok(selection) = Selection::new(&lines(controls), &lines(tags)) {
        let profile = b"schema: 1\nname: p\ncontrols:\n  - id: a-1\n    impact: 0.5\n    tags: {nist: [AC-1, 'AC-2 (1)'], x: y}\n    checks:\n      - file: /a\n        exist: true\n";
        if let Ok(loaded) = compiled(profile, &GivenInputs::default()) {
            let _ = same(|| selection.check(&loaded.profiles));
            let taken =
                loaded.profiles.iter().flat_map(|profile| &profile.controls).filter(|one| selection.takes(&one.facts));
            let _ = taken.count();
        }
    }
}

/// A profile, then one of its tests: what `assay test` does, and every report of it.
pub fn scan(data: &[u8]) {
    let [profile, test] = parts(data);
    let scratch = Scratch::new();
    scratch.file("tests/one.yaml", test);
    let Ok(fixtures) = read_fixtures(&scratch.path().display().to_string()) else { return };
    for fixture in fixtures {
        let Ok(loaded) = compiled(profile, &fixture.inputs) else { continue };
        for profile in &loaded.profiles {
            let _ = fixture.unknown_names(profile);
            let report = scanned(profile, &fixture);
            assert_eq!(format!("{:?}", report.profiles), format!("{:?}", scanned(profile, &fixture).profiles));
            assert!(report.controls().all(|control| !control.results.is_empty()), "a control without a result");
            for difference in fixture.differences(&report) {
                let _ = difference.problem.to_string();
            }
            check_formats(&report);
        }
    }
}

fn scanned(profile: &Profile, fixture: &assay::profile::Fixture) -> Report {
    let long = Duration::from_secs(600);
    let settings = Settings {
        live: None,
        processes: fixture.processes.clone(),
        assurance: Assurance::Directory,
        location: "memory".to_owned(),
        selection: Selection::default(),
        waivers: Vec::new(),
        auditor_files: Vec::new(),
        limits: Limits { jobs: 1, whole: long, stall: long },
        max_file: None,
        now: fixture.moment,
        clock: Clock::Fixed,
    };
    let entries = fixture.tree.iter().map(|(path, entry)| (path, entry.clone()));
    scan_root(std::slice::from_ref(profile), Root::memory(Memory::new(entries)), &settings, &|_| ())
}
