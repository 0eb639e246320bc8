//! What a container is, by what lies in it: a fact comes with its evidence, or is not claimed.
//!
//! One walk looks for programs by their names; a few files are read. What could not be looked at is listed, and as long
//! as there is something of that kind among the folders and programs, "there is no shell" is not claimed.

mod accounts;
mod base;
mod look;
mod programs;
mod runtimes;
mod system;

use crate::order;
use crate::rootfs::{Incomplete, Root};
use crate::value::lossless;
use look::Looker;

/// The most places that one finding names: enough for all programs of a name in any real container.
const MAX_EVIDENCE: usize = 100;

/// The most bytes of a value that are shown as evidence: a line of a terminal or two.
const MAX_SHOWN: usize = 200;

/// What a distroless container does not have.
const DECIDING: [(FindingKind, &str); 3] = [
    (FindingKind::Shell, "shells"),
    (FindingKind::MultiCall, "programs that hold a shell"),
    (FindingKind::PackageManager, "package managers"),
];

/// What the image's configuration says has this place.
const CONFIGURATION: &str = "image configuration";

/// What was found out about a container.
#[derive(Clone, Debug)]
pub struct Detection {
    /// Whether it has neither a shell nor a package manager.
    pub distroless: Answer,
    /// In sentences, why.
    pub because: Vec<String>,
    /// What it is built on; `None` when that is not established.
    pub base: Option<Finding>,
    /// All other facts, by kind, name and version.
    pub findings: Vec<Finding>,
    /// What could not be looked at, in order of the paths.
    pub unseen: Vec<Unseen>,
    /// How many files and folders the walk met.
    pub entries: u64,
}

impl Detection {
    /// The same, with more to know about the answer.
    pub fn with_remarks(mut self, mut because: Vec<String>) -> Detection {
        self.because.append(&mut because);
        self
    }

    /// The same facts, but of a root that may not be that of the container that was asked about: they stand, and say
    /// nothing about it.
    pub fn of_another(self, because: Vec<String>) -> Detection {
        Detection { distroless: Answer::NotEstablished, because, base: None, ..self }
    }
}

/// The answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Established.
    Yes,
    /// Established, too.
    No,
    /// Something that decides it could not be looked at.
    NotEstablished,
}

/// What kind of fact a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// What the container is built on.
    Base,
    /// What os-release says.
    Os,
    /// The C library.
    Libc,
    /// A program that runs commands.
    Shell,
    /// One program that is many: busybox, toybox.
    MultiCall,
    /// A program that installs packages of the system.
    PackageManager,
    /// A program that installs packages of a language.
    LanguagePackageManager,
    /// ls, cat and the like.
    Coreutils,
    /// What is installed, as a package manager keeps it.
    PackageDatabase,
    /// What runs programs of a language.
    Runtime,
    /// /etc/passwd.
    Accounts,
    /// Accounts that are root, or made not to be root.
    Account,
    /// Who the image starts as.
    DefaultUser,
    /// A well-known label of the image.
    Label,
}

impl FindingKind {
    /// The kind as programs read it, and as people do.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            FindingKind::Base => ("base", "Base"),
            FindingKind::Os => ("os", "Operating system"),
            FindingKind::Libc => ("libc", "C library"),
            FindingKind::Shell => ("shell", "Shells"),
            FindingKind::MultiCall => ("multi_call", "Programs that are many"),
            FindingKind::PackageManager => ("package_manager", "Package managers"),
            FindingKind::LanguagePackageManager => ("language_package_manager", "Package managers of languages"),
            FindingKind::Coreutils => ("coreutils", "Core utilities"),
            FindingKind::PackageDatabase => ("package_database", "Package databases"),
            FindingKind::Runtime => ("runtime", "Runtimes"),
            FindingKind::Accounts => ("accounts", "Accounts"),
            FindingKind::Account => ("account", "Root and nonroot"),
            FindingKind::DefaultUser => ("default_user", "Default user"),
            FindingKind::Label => ("label", "Labels of the image"),
        }
    }

    /// The kind as programs read it: `package_manager`.
    pub fn name(self) -> &'static str {
        self.words().0
    }

    /// What stands above findings of this kind.
    pub fn heading(self) -> &'static str {
        self.words().1
    }

    /// What a count of such findings counts.
    pub fn counts(self, count: u64) -> &'static str {
        match (self, count) {
            (FindingKind::PackageDatabase, 1) => "package",
            (FindingKind::PackageDatabase, _) => "packages",
            (FindingKind::Accounts | FindingKind::Account, 1) => "account",
            (FindingKind::Accounts | FindingKind::Account, _) => "accounts",
            (_, 1) => "link to it",
            _ => "links to it",
        }
    }
}

/// One fact.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What kind of fact it is.
    pub kind: FindingKind,
    /// Its name.
    pub name: String,
    /// Its version, where something tells it.
    pub version: Option<String>,
    /// How many there are, where it is something that is counted.
    pub count: Option<u64>,
    /// What shows it; never empty.
    pub evidence: Vec<Evidence>,
    /// How much more evidence there is than is listed.
    pub more: u64,
}

impl Finding {
    fn new(kind: FindingKind, name: impl Into<String>, evidence: Vec<Evidence>) -> Finding {
        Finding { kind, name: name.into(), version: None, count: None, evidence, more: 0 }
    }

    fn version(self, version: Option<String>) -> Finding {
        Finding { version, ..self }
    }

    fn count(self, count: Option<u64>) -> Finding {
        Finding { count, ..self }
    }
}

/// What shows a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// A path of the target, without loss, or "image configuration".
    pub at: String,
    /// Where the link at this path leads.
    pub leads_to: Option<String>,
    /// What stands there.
    pub says: Option<String>,
}

impl Evidence {
    fn at(path: impl AsRef<[u8]>) -> Evidence {
        Evidence { at: lossless(path.as_ref()), leads_to: None, says: None }
    }

    fn says(self, what: impl AsRef<[u8]>) -> Evidence {
        Evidence { says: Some(shown(what.as_ref())), ..self }
    }
}

/// Something that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unseen {
    /// A path of the target, without loss.
    pub at: String,
    /// Why.
    pub why: String,
}

/// A value of the target that is shown, cut where it is long.
fn shown(bytes: &[u8]) -> String {
    match bytes.get(..MAX_SHOWN) {
        Some(first) if bytes.len() > MAX_SHOWN => format!("{}… (cut)", lossless(first)),
        _ => lossless(bytes),
    }
}

/// Finds out what a container is.
pub fn detect(root: &Root) -> Detection {
    let programs = programs::search(root);
    let mut looker = Looker::new(root);
    let os = system::os(&mut looker);
    let (databases, databases_settled) = system::databases(&mut looker);
    let mut findings: Vec<Finding> = os.iter().flatten().map(system::Os::finding).collect();
    findings.extend(databases.iter().map(system::Database::finding));
    findings.extend(programs.findings());
    findings.extend(runtimes::libc(&programs, &databases));
    findings.extend(runtimes::runtimes(&programs, &mut looker));
    findings.extend(accounts::findings(&mut looker));
    findings.extend(base::labels(root));
    let facts = base::Facts { root, os: &os, databases: &databases, databases_settled, programs: &programs };
    let base = base::base(&facts, &mut looker);
    order::sort(&mut findings, &|a, b| (a.kind, &a.name, &a.version).cmp(&(b.kind, &b.name, &b.version)));

    let (distroless, because) = distroless(&findings, &programs);
    let mut unseen = looker.unseen;
    let missed = programs.incomplete.iter().chain(&programs.unknown);
    unseen.extend(missed.map(|Incomplete { path, error }| look::unseen(path, error)));
    order::sort(&mut unseen, &Ord::cmp);
    unseen.dedup();
    Detection { distroless, because, base, findings, unseen, entries: programs.entries }
}

fn distroless(findings: &[Finding], programs: &programs::Programs) -> (Answer, Vec<String>) {
    let found = DECIDING.iter().filter_map(|(kind, words)| {
        let of_kind = findings.iter().filter(|finding| finding.kind == *kind);
        let names: Vec<&str> = of_kind.map(|finding| finding.name.as_str()).collect();
        (!names.is_empty()).then(|| format!("{words}: {}", names.join(", ")))
    });
    let found: Vec<String> = found.collect();
    if !found.is_empty() {
        return (Answer::No, found);
    }
    let mut because = vec![format!("no shell and no package manager among {} files and folders", programs.entries)];
    if let Some((first, count)) = programs.lame() {
        let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
        because.push(format!("not counted, because it cannot be executed: {}{more}", lossless(first)));
    }
    let missed = programs.incomplete.len();
    if missed == 0 {
        return (Answer::Yes, because);
    }
    // Of many, the first ones are kept.
    let or_more = if missed < MAX_EVIDENCE { "" } else { " or more" };
    because.push(format!("not established: could not be looked at: {missed}{or_more}"));
    (Answer::NotEstablished, because)
}
