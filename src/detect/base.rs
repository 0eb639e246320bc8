//! What a container is built on: the first rule that its evidence fulfils.

use crate::detect::look::Looker;
use crate::detect::programs::{Programs, Sort};
use crate::detect::system::{Database, Os, package};
use crate::detect::{CONFIGURATION, Evidence, Finding, FindingKind};
use crate::rootfs::Root;

/// What the rules look at.
pub(super) struct Facts<'a> {
    pub(super) root: &'a Root,
    pub(super) os: &'a Result<Option<Os>, ()>,
    pub(super) databases: &'a [Database],
    /// Whether those are all databases that there are.
    pub(super) databases_settled: bool,
    pub(super) programs: &'a Programs,
}

/// What it is built on; `None` when nothing establishes it.
pub(super) fn base(facts: &Facts<'_>, looker: &mut Looker<'_>) -> Option<Finding> {
    let os = match facts.os {
        Ok(Some(os)) => os,
        Ok(None) => return unnamed(facts),
        Err(()) => return None,
    };
    if os.get("HOME_URL").is_some_and(|url| contains(url, b"GoogleContainerTools/distroless")) {
        return Some(distroless(facts, os));
    }
    let id = os.id();
    let mut evidence = vec![os.evidence("ID")];
    let name = match id.as_str() {
        "" => return None,
        "rhel" => match universal_base_image(facts, looker) {
            Some((name, told)) => {
                evidence.push(told);
                name
            }
            None => id,
        },
        "ubuntu" => match facts.databases.iter().find(|database| database.name == "chisel") {
            Some(database) => {
                evidence.push(database.evidence());
                "ubuntu-chiselled".to_owned()
            }
            None => id,
        },
        _ => id,
    };
    if os.version().is_some() {
        evidence.push(os.evidence("VERSION_ID"));
    }
    Some(Finding::new(FindingKind::Base, name, evidence).version(os.version()))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// One of Google's: which one, its packages tell. They are built upon each other: static, base-nossl, base, cc, and
/// the languages.
fn distroless(facts: &Facts<'_>, os: &Os) -> Finding {
    let mut evidence = vec![os.evidence("HOME_URL")];
    let mut has = |is: &dyn Fn(&str) -> bool| match package(facts.databases, is) {
        Some((_, found)) => {
            evidence.push(found);
            true
        }
        None => false,
    };
    let node = facts.programs.places(Sort::Program(FindingKind::Runtime, "node"));
    let node = node.and_then(|places| places.first.get_key_value(&b"/nodejs/bin/node"[..]));
    let kind = match () {
        () if has(&|name| name.starts_with("python3") && name.ends_with("-minimal")) => Some("python3"),
        () if has(&|name| is_java(name)) => Some("java"),
        () if node.is_some() => Some("nodejs"),
        () if has(&|name| name == "libstdc++6") => Some("cc"),
        () if has(&|name| name.starts_with("libssl")) => Some("base"),
        () if has(&|name| name == "libc6") => Some("base-nossl"),
        () if has(&|name| name == "base-files") => Some("static"),
        () => None,
    };
    if let Some((path, sighting)) = node.filter(|_| kind == Some("nodejs")) {
        evidence.push(sighting.evidence(path));
    }
    let busybox = facts.programs.places(Sort::Program(FindingKind::MultiCall, "busybox"));
    let debug = busybox.and_then(|places| places.first.get_key_value(&b"/busybox/busybox"[..]));
    evidence.extend(debug.map(|(path, sighting)| sighting.evidence(path)));
    let name = format!(
        "distroless{}{}{}",
        if kind.is_some() { "/" } else { "" },
        kind.unwrap_or_default(),
        if debug.is_some() { ":debug" } else { "" }
    );
    if os.version().is_some() {
        evidence.push(os.evidence("VERSION_ID"));
    }
    let version = os.version().map(|version| format!("{} {version}", os.id()).trim_start().to_owned());
    Finding::new(FindingKind::Base, name, evidence).version(version)
}

fn is_java(package: &str) -> bool {
    let jre = package.ends_with("-jre-headless") || package.ends_with("-jre") || package.ends_with("-jdk");
    jre && ["openjdk-", "temurin-"].iter().any(|maker| package.starts_with(maker))
}

/// Red Hat's Universal Base Images: a label of the image, or the file that its build leaves, names which.
fn universal_base_image(facts: &Facts<'_>, looker: &mut Looker<'_>) -> Option<(String, Evidence)> {
    const BUILDS: &[u8] = b"/root/buildinfo/content_manifests";
    // The more special names stand first.
    const KINDS: [&str; 4] = ["ubi-micro", "ubi-minimal", "ubi-init", "ubi"];
    let kind = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).to_ascii_lowercase();
        // ubi9-micro-container, ubi9/ubi-micro
        let digits = |char: char| char.is_ascii_digit();
        let is = |kind: &&&str| text.replace(digits, "").contains(**kind);
        let begins = text.starts_with("ubi") && text.trim_start_matches("ubi").starts_with(digits);
        begins.then(|| KINDS.iter().find(is).map(|kind| (*kind).to_owned())).flatten()
    };
    let labels = facts.root.image_config().map_or(&[][..], |config| &config.labels);
    for (name, value) in labels.iter().filter(|(name, _)| name == "com.redhat.component" || name == "name") {
        if let Some(kind) = kind(value.as_bytes()) {
            return Some((kind, Evidence::at(CONFIGURATION).says(format!("label {name}={value}"))));
        }
    }
    let names = looker.names(BUILDS).ok().flatten().unwrap_or_default();
    let (name, kind) = names.iter().find_map(|name| Some((name, kind(name)?)))?;
    Some((kind, Evidence::at([BUILDS, b"/", name].concat())))
}

/// Without os-release: busybox alone, or nothing that a system brings.
fn unnamed(facts: &Facts<'_>) -> Option<Finding> {
    let programs = facts.programs;
    let nothing = Evidence::at("/etc/os-release").says("not there");
    if let Some(busybox) = programs.places(Sort::Program(FindingKind::MultiCall, "busybox")) {
        let is_all = facts.databases.is_empty() && facts.databases_settled;
        let evidence = busybox.evidence().into_iter().take(1).chain([nothing]).collect();
        return is_all.then(|| Finding::new(FindingKind::Base, "busybox", evidence));
    }
    let whole = programs.incomplete.is_empty() && facts.databases_settled;
    let system = |sort: Sort| match sort {
        Sort::Program(FindingKind::LanguagePackageManager | FindingKind::Runtime, _) => false,
        Sort::Program(..) | Sort::Libc(_) | Sort::Applet(_) => true,
        Sort::Release | Sort::NodeHeader | Sort::Dotnet | Sort::Lame => false,
    };
    let bare = whole && facts.databases.is_empty() && !programs.sorts().any(|(sort, _)| system(sort));
    let none = "no shell, package manager, package database or C library";
    let evidence =
        vec![nothing, Evidence::at("/").says(format!("{none} among {} files and folders", programs.entries))];
    bare.then(|| Finding::new(FindingKind::Base, "scratch", evidence))
}

/// The labels that say where an image comes from.
pub(super) fn labels(root: &Root) -> Vec<Finding> {
    const KNOWN: [&str; 10] = [
        "com.redhat.component",
        "dev.chainguard.package.main",
        "io.buildah.version",
        "org.opencontainers.image.base.digest",
        "org.opencontainers.image.base.name",
        "org.opencontainers.image.revision",
        "org.opencontainers.image.source",
        "org.opencontainers.image.title",
        "org.opencontainers.image.vendor",
        "org.opencontainers.image.version",
    ];
    let labels = root.image_config().map_or(&[][..], |config| &config.labels);
    let known = labels.iter().filter(|(name, _)| KNOWN.contains(&name.as_str()));
    let finding = |(name, value): &(String, String)| {
        Finding::new(FindingKind::Label, name.as_str(), vec![Evidence::at(CONFIGURATION).says(value)])
    };
    known.map(finding).collect()
}
