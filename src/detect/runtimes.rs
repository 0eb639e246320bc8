//! The C library, and what runs programs of a language.

use std::collections::BTreeMap;

use crate::detect::look::Looker;
use crate::detect::programs::{Places, Programs, Sighting, Sort, version_of};
use crate::detect::system::{Database, MAX_SMALL_FILE, package};
use crate::detect::{CONFIGURATION, Evidence, Finding, FindingKind};
use crate::parse::{lines, os_release};

/// The C libraries, with the version that a link or the package of it tells.
pub(super) fn libc(programs: &Programs, databases: &[Database]) -> Vec<Finding> {
    let libc = |name| {
        let places = programs.places(Sort::Libc(name))?;
        let mut finding = places.finding(FindingKind::Libc, name);
        // libc.so.6 -> libc-2.31.so
        let version = |sighting: &Sighting| {
            let file = last(sighting.leads_to.as_deref()?);
            version_of(file.strip_prefix(b"libc-")?.strip_suffix(b".so")?)
        };
        let mut versions = places.first.values().map(version);
        let linked = versions.next().flatten().filter(|first| versions.all(|other| other.as_ref() == Some(first)));
        let is_package = |package: &str| name == "glibc" && package == "libc6";
        finding.version = linked.or_else(|| {
            let (package, evidence) = package(databases, is_package)?;
            let upstream = package.version.split(|byte| *byte == b'-').next().and_then(version_of)?;
            finding.evidence.push(evidence);
            Some(upstream)
        });
        Some(finding)
    };
    ["glibc", "musl"].into_iter().filter_map(libc).collect()
}

/// The runtimes, one finding for each version.
pub(super) fn runtimes(programs: &Programs, looker: &mut Looker<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let headers = node_headers(programs, looker);
    let java = java_homes(programs, looker);
    for (sort, places) in programs.sorts() {
        let Sort::Program(FindingKind::Runtime, name) = sort else { continue };
        match name {
            "java" => findings.extend(by_version(name, places, &java)),
            "node" => findings.extend(by_version(name, places, &headers)),
            _ => findings.extend(by_version(name, places, &[])),
        }
    }
    if let Some(places) = programs.places(Sort::Dotnet) {
        let versions = places.first.keys().map(|path| {
            let version = version_of(last(path));
            Finding::new(FindingKind::Runtime, ".net", vec![Evidence::at(path)]).version(version)
        });
        findings.extend(with_more(versions.collect(), places));
    }
    told_by_image(findings, looker)
}

fn last(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// A folder in which a runtime is installed, its version, and what says so.
struct Home {
    folder: Vec<u8>,
    version: String,
    evidence: Evidence,
}

/// A finding for each version: by the home that the program lies in, or else by its file name.
fn by_version(name: &str, places: &Places, homes: &[Home]) -> Vec<Finding> {
    let mut findings: BTreeMap<Option<String>, Finding> = BTreeMap::new();
    for (path, sighting) in &places.first {
        let real = sighting.leads_to.as_deref().unwrap_or(path);
        let home = homes
            .iter()
            .find(|home| real.strip_prefix(home.folder.as_slice()).is_some_and(|rest| rest.first() == Some(&b'/')));
        let named = |path| version_of(last(path).strip_prefix(name.as_bytes())?);
        let version = home.map(|home| home.version.clone()).or_else(|| named(real)).or_else(|| named(path));
        let finding = findings.entry(version.clone()).or_insert_with(|| {
            let told = home.map(|home| home.evidence.clone());
            Finding::new(FindingKind::Runtime, name, told.into_iter().collect()).version(version)
        });
        finding.evidence.push(sighting.evidence(path));
    }
    with_more(findings.into_values().collect(), places)
}

/// Of many places, only the first ones were looked at; the first finding says so.
fn with_more(mut findings: Vec<Finding>, places: &Places) -> Vec<Finding> {
    if let Some(first) = findings.first_mut() {
        first.more = places.more();
    }
    findings
}

/// The folders of Java: those with a file `release` that says JAVA_VERSION.
fn java_homes(programs: &Programs, looker: &mut Looker<'_>) -> Vec<Home> {
    let paths = programs.places(Sort::Release).into_iter().flat_map(|places| places.first.keys());
    let home = |path: &Vec<u8>| {
        let text = looker.read(path, MAX_SMALL_FILE).ok().flatten()?;
        let assignments = looker.parsed(path, os_release::assignments(&text))?;
        let value = os_release::get(&assignments, "JAVA_VERSION")?;
        let folder = path.strip_suffix(b"/release")?.to_vec();
        let evidence = Evidence::at(path).says([b"JAVA_VERSION=", value].concat());
        Some(Home { folder, version: super::shown(value), evidence })
    };
    paths.filter_map(home).collect()
}

/// The folders of Node.js: those with a header that says the version.
fn node_headers(programs: &Programs, looker: &mut Looker<'_>) -> Vec<Home> {
    let paths = programs.places(Sort::NodeHeader).into_iter().flat_map(|places| places.first.keys());
    let home = |path: &Vec<u8>| {
        let folder = path.strip_suffix(b"/include/node/node_version.h")?.to_vec();
        let text = looker.read(path, MAX_SMALL_FILE).ok().flatten()?;
        let number = |name: &str| {
            let line = lines(&text).find_map(|(_, line)| line.strip_prefix(format!("#define {name} ").as_bytes()))?;
            version_of(line.trim_ascii())
        };
        let parts = ["NODE_MAJOR_VERSION", "NODE_MINOR_VERSION", "NODE_PATCH_VERSION"].map(number);
        let [Some(major), Some(minor), Some(patch)] = parts else { return None };
        let version = format!("{major}.{minor}.{patch}");
        let evidence = Evidence::at(path).says(format!("version {version}"));
        Some(Home { folder, version, evidence })
    };
    paths.filter_map(home).collect()
}

/// Images of runtimes say the version in their environment. It counts where it says more than the files do.
fn told_by_image(mut findings: Vec<Finding>, looker: &Looker<'_>) -> Vec<Finding> {
    const VARIABLES: [(&str, &str); 6] = [
        ("NODE_VERSION", "node"),
        ("PYTHON_VERSION", "python"),
        ("JAVA_VERSION", "java"),
        ("RUBY_VERSION", "ruby"),
        ("PHP_VERSION", "php"),
        ("PERL_VERSION", "perl"),
    ];
    let env = looker.root.image_config().map_or(&[][..], |config| &config.env);
    for (variable, name) in VARIABLES {
        // Only what is a version and nothing else is shown: the environment can hold secrets.
        let value = env.iter().rev().find_map(|entry| entry.strip_prefix(variable)?.strip_prefix('='));
        let Some(version) = value.and_then(|value| version_of(value.as_bytes())) else { continue };
        let mut of_name: Vec<&mut Finding> = findings.iter_mut().filter(|finding| finding.name == name).collect();
        let alone = of_name.len() == 1;
        let fits = |finding: &&mut &mut Finding| match &finding.version {
            Some(known) => version.strip_prefix(known.as_str()).is_some_and(|rest| rest.starts_with('.')),
            None => alone,
        };
        if let Some(finding) = of_name.iter_mut().find(fits) {
            finding.evidence.push(Evidence::at(CONFIGURATION).says(format!("{variable}={version}")));
            finding.version = Some(version.clone());
        }
    }
    findings
}
