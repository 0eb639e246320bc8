//! The command line: types only.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::ArgPredicate;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::pattern::Pattern;
use crate::process::Wanted;

/// Audits what is inside a container without running anything in it.
#[derive(Debug, Parser)]
#[command(name = "assay", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Evaluate profiles against a target
    Scan(Box<Scan>),
    /// Find the process of a running container, and tell what would be needed to scan it
    Locate(Locate),
    /// Wait, so that scans can be run beside: until the time is over, a signal, or assay release
    Hold(Hold),
    /// End what waits in assay hold in this container
    Release(Release),
    /// Tell what a container is: distroless or not, its base, shells, runtimes, users, each with its evidence
    Detect(Detect),
    /// Try out what protects a scan on this system, and tell what it lacks
    Doctor(Doctor),
    /// Load profiles and report every error in them, without a target
    Check(Check),
    /// Make one file of a profile that loads, with inputs and waivers beside it, for wherever a profile is taken
    Archive(Archive),
    /// Keep copies of the profiles that one builds on in its own folder
    Vendor(Vendor),
    /// Render results in HDF again, also those of InSpec
    Report(Report),
    /// Make a profile to begin with, in a new folder
    New(New),
    /// Run the tests of profiles: the files tests/*.yaml of their folders
    Test(Test),
    /// Show the resources, or one with its arguments and properties
    Resources(Resources),
    /// Print the JSON Schema of profiles, for editors
    Schema,
    /// Print a script that completes assay's arguments in a shell
    Completions(Completions),
    /// Print the manual page of assay, or of one of its commands
    Man(Man),
    /// Hold results against a threshold, or make one from them
    #[command(subcommand)]
    Threshold(Threshold),
}

/// `assay scan`.
///
/// Profiles stand first: options that take several values would take them too.
#[derive(Debug, Args)]
#[command(
    override_usage = "assay scan <PROFILE>... --rootfs <DIR> [OPTIONS]\n       assay scan <PROFILE>... --image <ARCHIVE> [OPTIONS]\n       assay scan <PROFILE>... --pid <PID> | --target <HOW> | --container <NAME> [OPTIONS]"
)]
pub struct Scan {
    /// Profiles: folders, single files, archives, or - for one of the latter on standard input
    #[arg(value_name = "PROFILE", required = true, env = "ASSAY_PROFILE")]
    pub profiles: Vec<String>,

    /// What is scanned.
    #[command(flatten)]
    pub target: Target,

    /// Reports to write, to a file or to standard output: cli, html, json, json-min, junit, markdown, sarif, yaml
    #[arg(long, value_name = "FORMAT[:FILE]", num_args = 1.., default_value = "cli", default_value_if("results_dir", ArgPredicate::IsPresent, None))]
    pub reporter: Vec<String>,

    /// A folder for scan-results.json, scan-summary.md, threshold-result.txt and, when all are there, complete; without
    /// --reporter nothing else is printed
    #[arg(long, value_name = "DIR", env = "ASSAY_RESULTS_DIR")]
    pub results_dir: Option<PathBuf>,

    /// Put the report on standard output behind a line with its length and digest, for those who read it over a
    /// connection
    #[arg(long)]
    pub framed: bool,

    /// Values for inputs of the profiles
    #[arg(long, value_name = "NAME=VALUE", num_args = 1..)]
    pub input: Vec<String>,

    /// Files with values for inputs, in YAML; a later one wins
    #[arg(long, value_name = "FILE", num_args = 1.., env = "ASSAY_INPUT_FILE")]
    pub input_file: Vec<String>,

    /// Files that waive controls, in YAML, JSON or CSV
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub waiver_file: Vec<String>,

    /// Only controls with these ids, or like these /patterns/
    #[arg(long, value_name = "ID|/REGEX/", num_args = 1..)]
    pub controls: Vec<String>,

    /// Only controls with these tags (name or value), or like these /patterns/
    #[arg(long, value_name = "TAG|/REGEX/", num_args = 1..)]
    pub tags: Vec<String>,

    /// What the results must meet, in SAF's format; decides the exit code
    #[arg(long, value_name = "FILE", env = "ASSAY_THRESHOLD")]
    pub threshold: Option<String>,

    /// Exit with 0 or 1 only (2 for wrong usage)
    #[arg(long)]
    pub no_distinct_exit: bool,

    /// No colours, also with the environment variable NO_COLOR
    #[arg(long)]
    pub no_color: bool,

    /// How many checks run at once [default: the number of processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,

    /// How the scanner protects itself.
    #[command(flatten)]
    pub protection: Protection,

    /// How long the whole scan may take; checks that are not done by then are errors
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,
}

/// How the scanner protects itself, and what it shares its memory with.
#[derive(Debug, Args)]
pub struct Protection {
    /// Scan a running container although it could have changed the scanner: one of the scanner's own user
    #[arg(long, conflicts_with_all = ["rootfs", "image"])]
    pub accept_observed_agent: bool,

    /// How much memory the scan may take: bytes, or with KiB, MiB or GiB [default: 32MiB for a running container]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub memory_limit: Option<u64>,

    /// What all containers of the pod may take together, as Kubernetes writes it (256Mi): a scan beside them is refused when
    /// less than its own limit is left of it
    #[arg(long, value_name = "QUANTITY", value_parser = pod_memory, conflicts_with_all = ["rootfs", "image"])]
    pub pod_memory: Option<u64>,
}

/// The container that is looked at.
#[derive(Debug, Args)]
pub struct Target {
    /// Where it is.
    #[command(flatten)]
    pub place: Place,

    /// Which image of the archive: its name, or the digest of its manifest [default: the only one]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["rootfs", "pid", "target", "container"])]
    pub image_name: Option<String>,

    /// Which of an image for several platforms [default: the only one, or this machine's]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", conflicts_with_all = ["rootfs", "pid", "target", "container"])]
    pub platform: Option<String>,

    /// The configuration of the image that DIR was unpacked from: OCI's, or what docker inspect or skopeo inspect
    /// --config print
    #[arg(long, value_name = "FILE", conflicts_with = "image")]
    pub image_config: Option<String>,

    /// How paths are resolved inside the root: by the kernel where it can (auto), or step by step
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub resolver: Resolver,

    /// Look into a process's root although it may not be its container's; no threshold is met then, and nothing detected
    #[arg(long, conflicts_with_all = ["rootfs", "image"])]
    pub accept_root: bool,
}

/// Where the container is: one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Place {
    /// The root filesystem: a directory
    #[arg(long, value_name = "DIR")]
    pub rootfs: Option<PathBuf>,

    /// The image: an OCI layout (folder or tar), or what docker save writes
    #[arg(long, value_name = "ARCHIVE")]
    pub image: Option<PathBuf>,

    /// The running container that the process of this number is in
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub pid: Option<i32>,

    /// The running container: auto (the only other one in this process namespace), name=CONTAINER, id=CONTAINER_ID,
    /// exe=PATH or command=REGEX
    #[arg(long, value_name = "HOW", value_parser = wanted, env = "ASSAY_TARGET")]
    pub target: Option<Wanted>,

    /// The running container of this host that podman, Docker, containerd or CRI-O know by this name or id
    #[arg(long, value_name = "NAME")]
    pub container: Option<String>,
}

fn size(text: &str) -> Result<u64, String> {
    let (digits, unit) = text.split_at(text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len()));
    let shift = match unit {
        "" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return Err(format!("`{unit}` is no unit: KiB, MiB or GiB")),
    };
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    match bytes {
        Some(bytes) if bytes >= 8 << 20 => Ok(bytes),
        Some(_) => Err("less than 8MiB are not enough for any scan".to_owned()),
        None => Err("expected a size, such as 32MiB".to_owned()),
    }
}

fn pod_memory(text: &str) -> Result<u64, String> {
    match quantity(text) {
        Some(0) => Err("a limit of 0 is none".to_owned()),
        Some(bytes) => Ok(bytes),
        None => Err("expected an amount of memory, such as 256Mi".to_owned()),
    }
}

/// An amount of memory as Kubernetes writes it: `64Mi`, `1G`, `1500m`.
///
/// <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>
pub(crate) fn quantity(text: &str) -> Option<u64> {
    const UNITS: [(&str, f64); 14] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("m", 0.001),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
        ("", 1.0),
    ];
    let (unit, factor) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
    let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
    let bytes = number * factor;
    // Larger than any machine's memory is no limit.
    (0.0..1e18).contains(&bytes).then_some(bytes as u64)
}

fn wanted(text: &str) -> Result<Wanted, String> {
    let how = text.split_once('=').map_or((text, ""), |(how, what)| (how, what));
    match how {
        ("auto", "") => Ok(Wanted::Auto),
        (_, "") => Err(format!("`{text}`: expected auto, name=CONTAINER, id=CONTAINER_ID, exe=PATH or command=REGEX")),
        ("name", name) => Ok(Wanted::Name(name.to_owned())),
        ("id", id) => {
            // As kubectl prints it: containerd://ID.
            let id = id.rsplit_once("://").map_or(id, |(_, id)| id);
            let hex = id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            match id.len() {
                12..=64 if hex => Ok(Wanted::Id(id.to_owned())),
                _ => Err("an id is 64 hexadecimal digits, or the first 12 or more of them".to_owned()),
            }
        }
        ("exe", path) if path.starts_with('/') => Ok(Wanted::Executable(path.into())),
        ("exe", _) => Err("exe= takes an absolute path, as the container has it".to_owned()),
        ("command", pattern) => Pattern::new(pattern).map(Wanted::Command).map_err(|error| error.to_string()),
        (how, _) => Err(format!("`{how}`: expected auto, name=, id=, exe= or command=")),
    }
}

/// How paths are resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Resolver {
    /// By openat2 where the kernel has it.
    Auto,
    /// Step by step, as on kernels without it.
    Steps,
}

/// `assay hold`.
#[derive(Debug, Args)]
pub struct Hold {
    /// How long at most: 90s, 10m, 1h
    #[arg(long = "for", value_name = "TIME", value_parser = duration, default_value = "10m")]
    pub time: Duration,
}

/// `assay release`.
#[derive(Debug, Args)]
pub struct Release {
    /// Only when standard input ends: also when whoever started it goes away without a word
    #[arg(long)]
    pub when_input_ends: bool,
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time of 1s to 24h: 90s, 10m, 1h");
    let (number, unit) = text.split_at(text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds));
    seconds.filter(|seconds| (1..=86_400).contains(seconds)).map(Duration::from_secs).ok_or_else(wrong)
}

/// `assay locate`.
#[derive(Debug, Args)]
pub struct Locate {
    /// Which container: auto (the only other one in this process namespace), name=CONTAINER, id=CONTAINER_ID, exe=PATH
    /// or command=REGEX
    #[arg(long, value_name = "HOW", value_parser = wanted, default_value = "auto", conflicts_with_all = ["pid", "container"])]
    pub target: Wanted,

    /// The process of this number
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub pid: Option<i32>,

    /// The container of this host that podman, Docker, containerd or CRI-O know by this name or id
    #[arg(long, value_name = "NAME", conflicts_with = "pid")]
    pub container: Option<String>,

    /// Print what a scanner must be run as, for those who start one
    #[arg(long, value_name = "FORMAT")]
    pub plan: Option<PlanFormat>,

    /// How to print what was found
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: LocateFormat,
}

/// How `assay locate` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LocateFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// How `assay locate --plan` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For programs.
    Json,
}

/// `assay detect`.
#[derive(Debug, Args)]
#[command(
    override_usage = "assay detect --rootfs <DIR> [OPTIONS]\n       assay detect --image <ARCHIVE> [OPTIONS]\n       assay detect --pid <PID> | --target <HOW> | --container <NAME> [OPTIONS]"
)]
pub struct Detect {
    /// What is looked at.
    #[command(flatten)]
    pub target: Target,

    /// How the scanner protects itself.
    #[command(flatten)]
    pub protection: Protection,

    /// How to print what was found
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: DetectFormat,

    /// How long it may take
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,
}

/// How `assay detect` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DetectFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// `assay doctor`.
///
/// Exits with 1 when a protection that the kernel says is in force does not hold; what is missing is no error.
#[derive(Debug, Args)]
pub struct Doctor {
    /// How to print what was found
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: DoctorFormat,
}

/// How `assay doctor` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// `assay check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Profiles: folders, single files, archives, or - for one of the latter on standard input
    #[arg(value_name = "PROFILE", required = true)]
    pub profiles: Vec<String>,

    /// Values for inputs of the profiles
    #[arg(long, value_name = "NAME=VALUE", num_args = 1..)]
    pub input: Vec<String>,

    /// Files with values for inputs, in YAML; a later one wins
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub input_file: Vec<String>,

    /// How to print what was found
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: CheckFormat,
}

/// How `assay check` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// `assay archive`.
#[derive(Debug, Args)]
pub struct Archive {
    /// The profile: a folder, a single file, an archive, or - for one of the latter on standard input
    #[arg(value_name = "PROFILE")]
    pub profile: String,

    /// Files with values for inputs, in YAML; a later one wins
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub input_file: Vec<String>,

    /// Files that waive controls, in YAML, JSON or CSV
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub waiver_file: Vec<String>,

    /// Where to write it, - for standard output [default: the profile's name, with .tar]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

/// `assay vendor`.
#[derive(Debug, Args)]
pub struct Vendor {
    /// The folder of the profile
    #[arg(value_name = "PROFILE")]
    pub profile: String,

    /// Where one of them is, instead of where `depends` says: a folder, a single file or an archive
    #[arg(long, value_name = "NAME=PROFILE", num_args = 1..)]
    pub from: Vec<String>,
}

/// `assay report`.
#[derive(Debug, Args)]
pub struct Report {
    /// The results, in HDF
    #[arg(value_name = "HDF")]
    pub results: String,

    /// Reports to write, to a file or to standard output: cli, html, json, json-min, junit, markdown, sarif, yaml
    #[arg(long, value_name = "FORMAT[:FILE]", num_args = 1.., default_value = "cli")]
    pub reporter: Vec<String>,

    /// No colours, also with the environment variable NO_COLOR
    #[arg(long)]
    pub no_color: bool,
}

/// `assay new`.
#[derive(Debug, Args)]
pub struct New {
    /// The folder of the profile; its name becomes the profile's
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// `assay test`.
#[derive(Debug, Args)]
pub struct Test {
    /// Folders of profiles
    #[arg(value_name = "PROFILE", required = true)]
    pub profiles: Vec<String>,
}

/// `assay resources`.
#[derive(Debug, Args)]
pub struct Resources {
    /// Only this one
    #[arg(value_name = "NAME")]
    pub name: Option<String>,

    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ResourcesFormat,
}

/// How `assay resources` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ResourcesFormat {
    /// For people.
    Text,
    /// For pages of documentation.
    Markdown,
    /// For programs.
    Json,
}

/// `assay completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// `assay man`.
#[derive(Debug, Args)]
pub struct Man {
    /// The command, such as scan or threshold check
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// `assay threshold`.
#[derive(Debug, Subcommand)]
pub enum Threshold {
    /// Hold results in HDF against a threshold
    Check(ThresholdCheck),
    /// Make a threshold that results in HDF just meet
    Generate(ThresholdGenerate),
}

/// `assay threshold check`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("template").required(true))]
pub struct ThresholdCheck {
    /// The results, in HDF
    #[arg(short, long, value_name = "HDF")]
    pub input: String,

    /// The threshold, in YAML or JSON
    #[arg(short = 'T', long, value_name = "FILE", group = "template")]
    pub template_file: Option<String>,

    /// The threshold itself: "compliance.min: 80, failed.critical.max: 0"
    #[arg(short = 'I', long, value_name = "INLINE", group = "template")]
    pub template_inline: Option<String>,
}

/// `assay threshold generate`.
#[derive(Debug, Args)]
pub struct ThresholdGenerate {
    /// The results, in HDF
    #[arg(short, long, value_name = "HDF")]
    pub input: String,

    /// Where to write it; standard output by default
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Counts may neither grow nor shrink
    #[arg(short, long)]
    pub exact: bool,

    /// The same controls must have each status
    #[arg(short, long)]
    pub control_ids: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_those_of_kubernetes() {
        let rows = [
            ("64Mi", 64 << 20),
            ("1G", 1_000_000_000),
            ("128974848", 128_974_848),
            ("129e6", 129_000_000),
            ("1500m", 1),
        ];
        for (text, bytes) in rows {
            assert_eq!(quantity(text), Some(bytes), "{text}");
        }
        for odd in ["", "Mi", "lots", "-1", "inf", "nan", "64MiB", "1E"] {
            assert_eq!(quantity(odd), None, "{odd}");
        }
    }
}
