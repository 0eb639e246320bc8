//! The launcher's command line: types only. Words and flags are kubectl's where it has them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::duration;
use crate::launcher::approach::Way;

/// Scans running containers of a cluster, distroless ones too, and removes what it made.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-assay",
    bin_name = "kubectl assay",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Scan a container of a running pod
    Scan(Box<Scan>),
    /// Scan an image on a node of the cluster, as it was built, without running it
    ScanImage(Box<ScanImage>),
    /// Run an image in a pod of its own, with the scanner beside it
    ScanWithSidecar(Box<ScanWithSidecar>),
    /// Find and remove what runs that were cut off have left; without --run and --older-than only of those whose time is over
    Cleanup(Cleanup),
    /// Print the rights that an administrator must grant to the caller
    Rbac(Rbac),
    /// Check version, features and rights, item by item
    Preflight(Preflight),
    /// Compare the ways to reach a container: what each needs, touches and means for compliance
    Explain(Explain),
    /// Print the versions of the launcher and of the cluster
    Version(Version),
    /// Print a script that completes arguments in a shell
    Completions(Completions),
}

/// Which cluster, as whom: kubectl's own options.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Cluster")]
pub struct Connection {
    /// The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the service account of the pod this runs in]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,

    /// The cluster of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,

    /// The user of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,

    /// The namespace [default: the context's]
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,

    /// Act as this user
    #[arg(long = "as", value_name = "USER")]
    pub impersonate: Option<String>,

    /// Act as a member of this group; may be given several times
    #[arg(long = "as-group", value_name = "GROUP", requires = "impersonate")]
    pub impersonate_group: Vec<String>,

    /// How long one request may take: 5s, 2m; 0 for as long as it takes
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = request_timeout)]
    pub request_timeout: Duration,
}

fn request_timeout(text: &str) -> Result<Duration, String> {
    if text == "0" { Ok(Duration::MAX) } else { duration(text) }
}

/// What every scan takes.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Profiles: a folder, a single file, or - for standard input
    #[arg(long, short, value_name = "PROFILE", required = true)]
    pub profile: String,

    /// What the results must meet, in SAF's format; decides the exit code
    #[arg(long, value_name = "FILE")]
    pub threshold: Option<String>,

    /// Values for inputs of the profile
    #[arg(long, value_name = "NAME=VALUE")]
    pub input: Vec<String>,

    /// Files with values for inputs, in YAML; a later one wins
    #[arg(long, value_name = "FILE")]
    pub input_file: Vec<String>,

    /// Files that waive controls, in YAML, JSON or CSV
    #[arg(long, value_name = "FILE")]
    pub waiver_file: Vec<String>,

    /// Reports to write, to a file or to standard output: cli, html, json, json-min, junit, markdown, sarif, yaml
    #[arg(long, value_name = "FORMAT[:FILE]", num_args = 1.., default_value = "cli")]
    pub reporter: Vec<String>,

    /// The format on standard output; the same as --reporter FORMAT
    #[arg(short, long, value_name = "FORMAT", conflicts_with = "reporter")]
    pub output: Option<String>,

    /// The folder for scan-results-RUN.json and scan-summary-RUN.md
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,

    /// A folder for scan-results.json, scan-summary.md and, with a threshold, threshold-result.txt, in place of those two files
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    pub results_dir: Option<PathBuf>,

    /// How long the whole run may take: 90s, 10m
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration)]
    pub timeout: Duration,

    /// How long the scanner's container may take to start
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration)]
    pub start_timeout: Duration,

    /// The agent's image
    #[arg(long, value_name = "IMAGE", default_value = DEFAULT_IMAGE, env = "ASSAY_IMAGE")]
    pub image: String,

    /// Whether the node fetches the agent's image
    #[arg(long, value_name = "WHEN", default_value = "IfNotPresent")]
    pub image_pull_policy: PullPolicy,

    /// Print what would be made, and make nothing
    #[arg(long, value_name = "HOW", num_args = 0..=1, default_missing_value = "client", require_equals = true)]
    pub dry_run: Option<DryRun>,

    /// A name for the run, in every object that is made [default: the time and a few digits]
    #[arg(long, value_name = "RUN", value_parser = run_name)]
    pub run_id: Option<String>,

    /// Do all with the caller's own rights: no service account, role or binding is made
    #[arg(long)]
    pub no_rbac: bool,

    /// Write the run's kubeconfig to this file, for other tools; the run's rights end with it
    #[arg(long, value_name = "FILE", conflicts_with = "no_rbac")]
    pub kubeconfig_out: Option<PathBuf>,

    /// Tell each step and its time
    #[arg(short, long)]
    pub verbose: bool,

    /// Exit with 0 or 1 only (2 for wrong usage)
    #[arg(long)]
    pub no_distinct_exit: bool,

    /// No colours, also with the environment variable NO_COLOR
    #[arg(long)]
    pub no_color: bool,

    /// Which cluster, as whom.
    #[command(flatten)]
    pub connection: Connection,
}

/// The agent's image where none is named.
pub const DEFAULT_IMAGE: &str = concat!("localhost/assay-debug:", env!("CARGO_PKG_VERSION"));

fn run_name(text: &str) -> Result<String, String> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let ends = |byte: Option<&u8>| byte.is_some_and(|byte| *byte != b'-');
    let bytes = text.as_bytes();
    if bytes.iter().all(|byte| good(*byte)) && ends(bytes.first()) && ends(bytes.last()) && bytes.len() <= 40 {
        Ok(text.to_owned())
    } else {
        Err("a run is named with up to 40 of a-z, 0-9 and -, which does not begin or end it".to_owned())
    }
}

/// Whether a node fetches an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum PullPolicy {
    /// Each time.
    Always,
    /// Where it is not there yet.
    IfNotPresent,
    /// Not at all.
    Never,
}

impl PullPolicy {
    /// Kubernetes' word for it.
    pub fn name(self) -> &'static str {
        match self {
            PullPolicy::Always => "Always",
            PullPolicy::IfNotPresent => "IfNotPresent",
            PullPolicy::Never => "Never",
        }
    }
}

/// What a dry run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Prints the objects; the cluster is only read.
    Client,
}

/// `kubectl assay scan`.
#[derive(Debug, Args)]
#[command(override_usage = "kubectl assay scan <POD> [-c <CONTAINER>] --profile <PROFILE> [OPTIONS]")]
pub struct Scan {
    /// The pod
    #[arg(value_name = "POD", value_parser = pod_name)]
    pub pod: String,

    /// The container [default: the pod's default container, or its only one]
    #[arg(short, long, value_name = "NAME")]
    pub container: Option<String>,

    /// How the container is reached: debug (an ephemeral container beside it), image (its image in a pod of its own), exec
    /// (tar in the container itself), or auto, which chooses and says why
    #[arg(long, value_name = "WAY", default_value = "auto")]
    pub via: Via,

    /// With debug: as root with SYS_PTRACE and DAC_READ_SEARCH, which reads everything
    #[arg(long)]
    pub read_all: bool,

    /// With image: as root without capabilities, which reads root's own files
    #[arg(long)]
    pub as_root: bool,

    /// What every scan takes.
    #[command(flatten)]
    pub common: Common,
}

fn pod_name(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("pod/").or_else(|| text.strip_prefix("pods/")).unwrap_or(text);
    if name.contains('/') {
        return Err("only pods can be scanned: POD or pod/POD".to_owned());
    }
    Ok(name.to_owned())
}

/// How a container is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Via {
    /// Whichever the cluster and the container allow.
    Auto,
    /// An ephemeral container.
    Debug,
    /// An image volume.
    Image,
    /// tar in the container.
    Exec,
}

/// `kubectl assay scan-image`.
#[derive(Debug, Args)]
pub struct ScanImage {
    /// The image, with tag or digest
    #[arg(value_name = "IMAGE")]
    pub reference: String,

    /// The node [default: the scheduler's choice]
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,

    /// Secrets of the namespace to fetch images with; may be given several times
    #[arg(long, value_name = "NAME")]
    pub pull_secret: Vec<String>,

    /// As root without capabilities, which reads root's own files
    #[arg(long)]
    pub as_root: bool,

    /// What every scan takes.
    #[command(flatten)]
    pub common: Common,
}

/// `kubectl assay scan-with-sidecar`.
#[derive(Debug, Args)]
pub struct ScanWithSidecar {
    /// The image, with tag or digest
    #[arg(value_name = "IMAGE")]
    pub reference: String,

    /// The user and group that both containers run as [default: the image's own]
    #[arg(long, value_name = "UID:GID", value_parser = owner)]
    pub run_as: Option<(i64, i64)>,

    /// Secrets of the namespace to fetch images with; may be given several times
    #[arg(long, value_name = "NAME")]
    pub pull_secret: Vec<String>,

    /// Leave the pod and its ConfigMaps where they are; cleanup removes them
    #[arg(long)]
    pub keep: bool,

    /// What every scan takes.
    #[command(flatten)]
    pub common: Common,

    /// The command of the container [default: the image's own]
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

fn owner(text: &str) -> Result<(i64, i64), String> {
    let parts =
        text.split_once(':').and_then(|(user, group)| Some((user.parse::<u32>().ok()?, group.parse::<u32>().ok()?)));
    parts
        .map(|(user, group)| (i64::from(user), i64::from(group)))
        .ok_or_else(|| "expected UID:GID, in numbers".to_owned())
}

/// `kubectl assay cleanup`.
#[derive(Debug, Args)]
pub struct Cleanup {
    /// Only what this run made
    #[arg(long, value_name = "RUN", value_parser = run_name)]
    pub run: Option<String>,

    /// Only what is older: 10m, 1h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub older_than: Option<Duration>,

    /// In all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,

    /// Print what would be removed, and remove nothing
    #[arg(long, value_name = "HOW", num_args = 0..=1, default_missing_value = "client", require_equals = true)]
    pub dry_run: Option<DryRun>,

    /// Which cluster, as whom.
    #[command(flatten)]
    pub connection: Connection,
}

/// `kubectl assay rbac`.
#[derive(Debug, Args)]
pub struct Rbac {
    /// For which way: auto for all that scan asks for
    #[arg(long, value_name = "WAY", default_value = "debug")]
    pub via: Way,

    /// Also what --no-rbac needs: the scan's own rights for the caller, and none to make roles
    #[arg(long)]
    pub no_rbac: bool,

    /// The minor version of the cluster, 34 for 1.34: it decides which verbs exec asks for [default: the cluster's]
    #[arg(long, value_name = "MINOR")]
    pub minor: Option<u32>,

    /// Which cluster, as whom.
    #[command(flatten)]
    pub connection: Connection,
}

/// `kubectl assay preflight`.
#[derive(Debug, Args)]
pub struct Preflight {
    /// Whether this pod could be scanned
    #[arg(value_name = "POD", value_parser = pod_name)]
    pub pod: Option<String>,

    /// The container [default: the pod's default container, or its only one]
    #[arg(short, long, value_name = "NAME", requires = "pod")]
    pub container: Option<String>,

    /// For scans with --no-rbac, which make no rights
    #[arg(long)]
    pub no_rbac: bool,

    /// The agent's image, as admission will see it
    #[arg(long, value_name = "IMAGE", default_value = DEFAULT_IMAGE, env = "ASSAY_IMAGE")]
    pub image: String,

    /// The format of what is printed [default: a table]
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<PreflightFormat>,

    /// Which cluster, as whom.
    #[command(flatten)]
    pub connection: Connection,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PreflightFormat {
    /// JSON.
    Json,
}

/// `kubectl assay explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// One way in full
    #[arg(long, value_name = "WAY")]
    pub via: Option<Way>,

    /// Print the form to document the acceptance of its risk
    #[arg(long, value_name = "FORMAT", requires = "via")]
    pub risk_acceptance: Option<FormFormat>,
}

/// How a form is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormFormat {
    /// Markdown.
    Md,
}

/// `kubectl assay version`.
#[derive(Debug, Args)]
pub struct Version {
    /// Only the launcher's
    #[arg(long)]
    pub client: bool,

    /// Which cluster, as whom.
    #[command(flatten)]
    pub connection: Connection,
}

/// `kubectl assay completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}
