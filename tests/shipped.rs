//! Every profile of profiles/ on real roots: the trees of fixtures/rootfs, packages of Debian unpacked as an Ubuntu 22.04, and
//! trees as Red Hat makes them. Every control ends with a status, none is an error, and SAF and inspecjs count as we do.
//!
//! The packages are found by the environment variable ASSAY_DEBS, a folder of *.deb files; .ci/run downloads them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod fixture;
mod saf;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use fixture::{Scratch, is_root, materialise, repository, skipped};
use saf::Saf;
use serde_json::Value;

const KINDS: [&str; 7] = ["static", "base", "cc", "java", "python", "nodejs", "standard"];

/// The words of our summary, in its order, and those of SAF and inspecjs.
const STATUSES: [(&str, &str, &str); 5] = [
    ("passed", "passed", "Passed"),
    ("failed", "failed", "Failed"),
    ("not reviewed", "skipped", "Not Reviewed"),
    ("not applicable", "no_impact", "Not Applicable"),
    ("error", "error", "Profile Error"),
];

/// Controls that cannot be answered on a tree although it is sound: tree, profile, control, why.
const UNANSWERED: [(&str, &str, &str, &str); 2] = [
    ("python", "distroless-python", "distroless-base-4", STUB),
    ("nodejs", "distroless-nodejs", "distroless-base-4", STUB),
];

const STUB: &str = "the interpreter of this tree is no whole program";

/// Which profiles are for what a tree holds, and how many of their controls pass or fail at least.
const JUDGED: [(&str, &str, usize); 5] = [
    ("ubuntu", "ubuntu2204-container-stig", 40),
    ("ubuntu", "nginx-container", 18),
    ("rhel-9.6", "rhel9-container-stig", 150),
    ("rhel-9.6", "postgresql-container", 20),
    ("rhel-8.10", "rhel8-container-stig", 110),
];

/// Profiles that are for one system alone: all others are told so.
const FOR_ONE: [(&str, &str); 3] = [
    ("ubuntu2204-container-stig", "ubuntu"),
    ("rhel9-container-stig", "rhel-9.6"),
    ("rhel8-container-stig", "rhel-8.10"),
];

/// Why a result may be skipped. Anything else would be a resource that this target has not.
const REASONS: [&str; 5] = [
    "Not applicable: ",
    BY_PEOPLE,
    "there is no row to look at",
    "Can't find file: ",
    "the target has none of the places where packages of this kind are installed",
];

/// Controls that stay open although nobody is asked: tree, profile, control, why.
const OPEN: [(&str, &str, &str, &str); 2] = [
    ("rhel-9.6", "container-hardening", "SP800-190-4.1.3", NO_DIGESTS),
    ("rhel-8.10", "container-hardening", "SP800-190-4.1.3", NO_DIGESTS),
];

const NO_DIGESTS: &str = "the files of the packages in this database are not in the tree";

const NOT_FOR: &str = "Skipped: the profile is not for ";
const BY_PEOPLE: &str = "to be reviewed by a person";

/// One scan: what it looked at, its report's file, and the counts of its summary.
struct Scan {
    tree: &'static str,
    profile: String,
    file: String,
    counts: [usize; 5],
    compliance: f64,
}

#[test]
fn every_control_ends_with_a_status_and_saf_counts_alike() {
    if !is_root() {
        return skipped("every_control_ends_with_a_status_and_saf_counts_alike", "root, to give files their owners");
    }
    let scratch = Scratch::new();
    let mut trees: Vec<&'static str> = KINDS.to_vec();
    for kind in KINDS {
        materialise(kind, &scratch.path(kind));
    }
    if ubuntu(&scratch) {
        trees.push("ubuntu");
    }
    for (name, release) in [("rhel-9.6", "9.6"), ("rhel-8.10", "8.10")] {
        red_hat(&scratch, name, release);
        trees.push(name);
    }
    let mut profiles: Vec<String> = fs::read_dir(repository("profiles"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("profile.yaml").is_file())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    profiles.sort();
    assert!(profiles.len() >= 8, "{profiles:?}");

    let (mut scans, mut wrong) = (Vec::new(), Vec::new());
    for tree in &trees {
        for profile in &profiles {
            // What a base promises is asked of that base; tests/golden.rs has more of them.
            let base = profile.strip_prefix("distroless-").filter(|base| *base != "baseline");
            if base.is_some_and(|base| base != *tree) {
                continue;
            }
            let scan = scan(&scratch, tree, profile);
            wrong.extend(what_is_wrong(&scratch, &scan));
            scans.push(scan);
        }
    }
    println!("{} scans of {} profiles on {} trees", scans.len(), profiles.len(), trees.len());
    if let Some(saf) = Saf::find("SAF's counts of the profiles that ship") {
        wrong.extend(what_saf_counts_otherwise(&saf, &scratch, &scans));
    }
    assert!(wrong.is_empty(), "{}\n{} wrong", wrong.join("\n"), wrong.len());
}

fn scan(scratch: &Scratch, tree: &'static str, profile: &str) -> Scan {
    let file = format!("{profile}-on-{tree}.json");
    let reporter = format!("json:{file}");
    let path = repository("profiles").join(profile);
    let arguments = ["scan", path.to_str().unwrap(), "--rootfs", tree, "--reporter", "cli", "--reporter", &reporter];
    let run = fixture::run(&scratch.0, arguments);
    assert!(matches!(run.code, 0 | 100 | 101), "{profile} on {tree}: {run:?}");
    let (_, summary) = run.stdout.rsplit_once("\nSummary:").unwrap();
    let (total, rest) = summary.split_once(" controls: ").unwrap();
    let (counts, rest) = rest.split_once('\n').unwrap();
    let number = |text: &str| text.trim().parse::<usize>().unwrap();
    let counts: Vec<&str> = counts.split(", ").collect();
    let counts = std::array::from_fn(|at| number(counts[at].strip_suffix(STATUSES[at].0).unwrap()));
    assert_eq!(number(total), counts.iter().sum::<usize>(), "{profile} on {tree}: {summary}");
    let compliance = rest.lines().next().unwrap().trim_start_matches("Compliance: ").trim_end_matches(" %");
    Scan { tree, profile: profile.to_owned(), file, counts, compliance: compliance.parse().unwrap() }
}

fn report(scratch: &Scratch, scan: &Scan) -> Value {
    serde_json::from_slice(&fs::read(scratch.path(&scan.file)).unwrap()).unwrap()
}

/// What a report should not say.
fn what_is_wrong(scratch: &Scratch, scan: &Scan) -> Vec<String> {
    let report = report(scratch, scan);
    let controls = report["profiles"][0]["controls"].as_array().unwrap();
    let mut wrong = Vec::new();
    let place = format!("{} on {}", scan.profile, scan.tree);
    if controls.len() != scan.counts.iter().sum::<usize>() {
        wrong.push(format!(
            "{place}: {} controls are in the report, and {:?} are counted",
            controls.len(),
            scan.counts
        ));
    }
    let is_for =
        FOR_ONE.iter().find(|(profile, _)| *profile == scan.profile).is_none_or(|(_, tree)| *tree == scan.tree);
    for control in controls {
        let id = control["id"].as_str().unwrap();
        let results = control["results"].as_array().unwrap();
        if results.is_empty() {
            wrong.push(format!("{place}: {id} has no results"));
        }
        let is_in = |list: &[(&str, &str, &str, &str)]| {
            list.iter()
                .any(|(tree, profile, known, _)| (*tree, *profile, *known) == (scan.tree, scan.profile.as_str(), id))
        };
        let is_error = results.iter().any(|result| result.get("backtrace").is_some());
        if is_error != is_in(&UNANSWERED) {
            let why = results.iter().filter_map(|result| result.get("backtrace")).map(Value::to_string);
            wrong.push(format!("{place}: {id}: {}", why.collect::<Vec<_>>().join(", ")));
        }
        let skips: Vec<&str> = results.iter().filter_map(|result| result["skip_message"].as_str()).collect();
        for result in results {
            let skip = result["skip_message"].as_str().unwrap_or_default();
            match result["status"].as_str() {
                Some("passed" | "failed") if is_for => {}
                Some("skipped") if is_for && REASONS.iter().any(|reason| skip.starts_with(reason)) => {}
                Some("skipped") if !is_for && skip.starts_with(NOT_FOR) => {}
                _ => wrong.push(format!("{place}: {id}: {result}")),
            }
        }
        // What nothing answers is left to people, and says so.
        let is_open = skips.len() == results.len() && !skips.iter().any(|skip| skip.starts_with("Not applicable: "));
        if is_for && (is_open && !skips.contains(&BY_PEOPLE)) != is_in(&OPEN) {
            wrong.push(format!("{place}: {id} is open, or not, against what is known: {skips:?}"));
        }
    }
    let least = JUDGED.iter().find(|(tree, profile, _)| (*tree, *profile) == (scan.tree, scan.profile.as_str()));
    let judged = scan.counts[0] + scan.counts[1];
    if least.is_some_and(|(_, _, least)| judged < *least) {
        wrong.push(format!("{place}: only {judged} controls are passed or failed: {:?}", scan.counts));
    }
    wrong
}

/// All in one process, because each start of SAF takes seconds: its summary, its judgement of our exact threshold, and what
/// inspecjs makes of each control.
fn what_saf_counts_otherwise(saf: &Saf, scratch: &Scratch, scans: &[Scan]) -> Vec<String> {
    let files: Vec<String> = scans.iter().map(|scan| scan.file.clone()).collect();
    let mut commands = Vec::new();
    for file in &files {
        let threshold = format!("{file}.yaml");
        let made = fixture::run(&scratch.0, ["threshold", "generate", "-e", "-c", "-i", file, "-o", &threshold]);
        assert_eq!(made.code, 0, "{made:?}");
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        commands.push(words(&["view", "summary", "-i", file, "-f", "json"]));
        commands.push(words(&["validate", "threshold", "-i", file, "-T", &threshold]));
    }
    let answer = saf.ask(&scratch.0, &files, &commands);
    let answers = answer["commands"].as_array().unwrap();
    let mut wrong = Vec::new();
    for (at, scan) in scans.iter().enumerate() {
        let summary: Value = serde_json::from_str(answers[2 * at]["out"].as_str().unwrap()).unwrap();
        let totals = STATUSES.map(|(_, word, _)| summary[0][word]["total"].as_u64().unwrap() as usize);
        if totals != scan.counts || summary.as_array().unwrap().len() != 1 {
            wrong.push(format!("{}: SAF counts {totals:?}, assay {:?}", scan.file, scan.counts));
        }
        let compliance = summary[0]["compliance"].as_f64().unwrap();
        if (compliance - scan.compliance).abs() > 0.51 {
            wrong.push(format!("{}: SAF says {compliance} %, assay {} %", scan.file, scan.compliance));
        }
        if answers[2 * at + 1]["code"] != 0 {
            wrong.push(format!("{}: SAF does not meet our exact threshold: {}", scan.file, answers[2 * at + 1]));
        }
        let mut seen = BTreeMap::new();
        for control in answer["controls"][at].as_array().unwrap() {
            *seen.entry(control["status"].as_str().unwrap()).or_insert(0) += 1;
        }
        let totals = STATUSES.map(|(_, _, word)| seen.get(word).copied().unwrap_or_default());
        if totals != scan.counts || seen.values().sum::<usize>() != scan.counts.iter().sum::<usize>() {
            wrong.push(format!("{}: inspecjs counts {seen:?}, assay {:?}", scan.file, scan.counts));
        }
    }
    wrong
}

/// Packages as dpkg unpacks them, with what their maintainer scripts would have made, in the name of Ubuntu 22.04. False
/// where there are none.
fn ubuntu(scratch: &Scratch) -> bool {
    let given = std::env::var_os("ASSAY_DEBS").filter(|given| !given.is_empty()).map(PathBuf::from);
    let mut packages: Vec<PathBuf> = given
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .collect();
    packages.sort();
    if packages.is_empty() {
        skipped("the profiles on a root of Debian's packages", "packages in ASSAY_DEBS");
        return false;
    }
    let root = scratch.path("ubuntu");
    for folder in ["bin", "sbin", "lib", "lib64"] {
        fs::create_dir_all(root.join("usr").join(folder)).unwrap();
        symlink(format!("usr/{folder}"), root.join(folder)).unwrap();
    }
    let mut status = String::new();
    for package in &packages {
        // Through the links of the merged /usr, which `dpkg-deb -x` would replace by folders.
        let unpack = "dpkg-deb --fsys-tarfile \"$0\" | tar -x -p --numeric-owner --keep-directory-symlink -C \"$1\"";
        let done = Command::new("bash").args(["-o", "pipefail", "-c", unpack]).args([package, &root]).status().unwrap();
        assert!(done.success(), "{} cannot be unpacked", package.display());
        let fields = Command::new("dpkg-deb").arg("-f").arg(package).output().unwrap();
        assert!(fields.status.success(), "{fields:?}");
        let fields = String::from_utf8(fields.stdout).unwrap();
        let (name, rest) = fields.split_once('\n').unwrap();
        status.push_str(&format!("{name}\nStatus: install ok installed\n{rest}\n"));
        let sums = Command::new("dpkg-deb").arg("--info").arg(package).arg("md5sums").output().unwrap();
        if sums.status.success() {
            let name = name.strip_prefix("Package: ").unwrap();
            let sums = String::from_utf8(sums.stdout).unwrap();
            let list: String = sums.lines().map(|line| format!("/{}\n", line.split_once("  ").unwrap().1)).collect();
            write(scratch, "ubuntu", &format!("var/lib/dpkg/info/{name}.md5sums"), sums, 0o644);
            write(scratch, "ubuntu", &format!("var/lib/dpkg/info/{name}.list"), list, 0o644);
        }
    }
    let write = |name: &str, content: &str, mode: u32| write(scratch, "ubuntu", name, content, mode);
    write("var/lib/dpkg/status", &status, 0o644);
    let copy = |from: &str| fs::read_to_string(root.join(from)).unwrap();
    let passwd = format!("{}ubuntu:x:1000:1000::/home/ubuntu:/bin/bash\n", copy("usr/share/base-passwd/passwd.master"));
    let passwd = passwd.replace(":*:", ":x:");
    let shadow: String =
        passwd.lines().map(|line| format!("{}:*:19000:0:99999:7:::\n", line.split(':').next().unwrap())).collect();
    write("etc/passwd", &passwd, 0o644);
    write("etc/shadow", &shadow, 0o640);
    write("etc/group", &format!("{}ubuntu:x:1000:\n", copy("usr/share/base-passwd/group.master")), 0o644);
    write("etc/ssh/sshd_config", &copy("usr/share/openssh/sshd_config"), 0o644);
    let name = "NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"22.04\"\nVERSION_CODENAME=jammy\n";
    fs::remove_file(root.join("etc/os-release")).unwrap();
    write("etc/os-release", name, 0o644);
    for (file, lines) in [
        (
            "common-auth",
            "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\nauth required pam_permit.so\n",
        ),
        (
            "common-account",
            "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\naccount requisite pam_deny.so\n",
        ),
        (
            "common-password",
            "password requisite pam_pwquality.so retry=3\npassword [success=1 default=ignore] pam_unix.so obscure use_authtok try_first_pass yescrypt\n",
        ),
        ("common-session", "session [default=1] pam_permit.so\nsession required pam_unix.so\n"),
    ] {
        write(&format!("etc/pam.d/{file}"), lines, 0o644);
    }
    let enabled = root.join("etc/nginx/sites-enabled/default");
    if root.join("etc/nginx").is_dir() && !enabled.exists() {
        symlink("/etc/nginx/sites-available/default", enabled).unwrap();
    }
    true
}

fn write(scratch: &Scratch, tree: &str, name: &str, content: impl AsRef<[u8]>, mode: u32) {
    let path = scratch.write(&format!("{tree}/{name}"), content);
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// What Red Hat's images hold and a few packages set, in small; nothing of it is hardened. The database of packages is a real
/// one of rpm. A PostgreSQL is in it, too.
fn red_hat(scratch: &Scratch, tree: &str, release: &str) {
    let root = scratch.path(tree);
    let database: &Path = &repository("tests/resources/bytes/rpmdb.sqlite");
    write(scratch, tree, "var/lib/rpm/rpmdb.sqlite", fs::read(database).unwrap(), 0o644);
    for folder in ["bin", "sbin", "lib", "lib64"] {
        fs::create_dir_all(root.join("usr").join(folder)).unwrap();
        symlink(format!("usr/{folder}"), root.join(folder)).unwrap();
    }
    for folder in
        ["tmp", "var/tmp", "var/log", "home/app", "root", "etc/cron.d", "etc/cron.daily", "usr/share/empty.sshd"]
    {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for folder in ["tmp", "var/tmp"] {
        fs::set_permissions(root.join(folder), fs::Permissions::from_mode(0o1777)).unwrap();
    }
    let system = format!(
        "NAME=\"Red Hat Enterprise Linux\"\nVERSION=\"{release}\"\nID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"{release}\"\n"
    );
    write(scratch, tree, "etc/os-release", system, 0o644);
    write(scratch, tree, "etc/redhat-release", format!("Red Hat Enterprise Linux release {release}\n"), 0o644);
    for (name, mode, content) in RED_HAT {
        write(scratch, tree, name, content, mode);
    }
}

const SYSTEM_AUTH: &str = "auth        required      pam_env.so\n\
    auth        sufficient    pam_unix.so try_first_pass nullok\n\
    auth        required      pam_deny.so\n\
    account     required      pam_unix.so\n\
    password    requisite     pam_pwquality.so try_first_pass local_users_only retry=3 authtok_type=\n\
    password    sufficient    pam_unix.so try_first_pass use_authtok nullok sha512 shadow\n\
    password    required      pam_deny.so\n\
    session     optional      pam_keyinit.so revoke\n\
    session     [success=1 default=ignore] pam_succeed_if.so service in crond quiet use_uid\n\
    session     required      pam_unix.so\n";

const RED_HAT: [(&str, u32, &str); 49] = [
    (
        "etc/passwd",
        0o644,
        "root:x:0:0:root:/root:/bin/bash\nbin:x:1:1:bin:/bin:/sbin/nologin\ndaemon:x:2:2:daemon:/sbin:/sbin/nologin\n\
         sync:x:5:0:sync:/sbin:/bin/sync\nnobody:x:65534:65534:Kernel Overflow User:/:/sbin/nologin\n\
         sshd:x:74:74::/usr/share/empty.sshd:/sbin/nologin\npostgres:x:26:26::/var/lib/pgsql:/bin/bash\n\
         app:x:1000:1000::/home/app:/bin/bash\n",
    ),
    ("etc/passwd-", 0o644, ""),
    (
        "etc/group",
        0o644,
        "root:x:0:\nbin:x:1:\ndaemon:x:2:\nsshd:x:74:\npostgres:x:26:\napp:x:1000:\nnobody:x:65534:\n",
    ),
    ("etc/group-", 0o644, ""),
    (
        "etc/shadow",
        0,
        "root:!locked::0:99999:7:::\nbin:*:19347:0:99999:7:::\ndaemon:*:19347:0:99999:7:::\nsync:*:19347:0:99999:7:::\n\
         nobody:*:19347:0:99999:7:::\nsshd:!!:19500::::::\npostgres:!!:19500::::::\napp:$6$salt$hash:19500:0:99999:7:::\n",
    ),
    ("etc/shadow-", 0, ""),
    ("etc/gshadow", 0, "root:::\nbin:::\ndaemon:::\nsshd:!::\npostgres:!::\napp:!::\nnobody:::\n"),
    ("etc/gshadow-", 0, ""),
    ("etc/shells", 0o644, "/bin/sh\n/bin/bash\n"),
    (
        "etc/login.defs",
        0o644,
        "MAIL_DIR\t/var/spool/mail\nUMASK\t\t022\nHOME_MODE\t0700\nPASS_MAX_DAYS\t99999\nPASS_MIN_DAYS\t0\nPASS_WARN_AGE\t7\n\
         UID_MIN 1000\nCREATE_HOME\tyes\nUSERGROUPS_ENAB yes\nENCRYPT_METHOD SHA512\n",
    ),
    (
        "etc/default/useradd",
        0o600,
        "# useradd defaults file\nGROUP=100\nHOME=/home\nINACTIVE=-1\nEXPIRE=\nSHELL=/bin/bash\n",
    ),
    (
        "etc/libuser.conf",
        0o644,
        "[import]\nlogin_defs = /etc/login.defs\n\n[defaults]\ncrypt_style = sha512\n\n[userdefaults]\n",
    ),
    ("etc/pam.d/system-auth", 0o644, SYSTEM_AUTH),
    ("etc/pam.d/password-auth", 0o644, SYSTEM_AUTH),
    (
        "etc/pam.d/postlogin",
        0o644,
        "session optional pam_umask.so silent\nsession [success=1 default=ignore] pam_succeed_if.so service !~ gdm* service !~ su* quiet\n\
         session [default=1] pam_lastlog.so nowtmp showfailed\nsession optional pam_lastlog.so silent noupdate showfailed\n",
    ),
    (
        "etc/pam.d/sshd",
        0o644,
        "auth substack password-auth\nauth include postlogin\naccount required pam_nologin.so\naccount include password-auth\n\
         password include password-auth\nsession required pam_loginuid.so\nsession include password-auth\nsession include postlogin\n",
    ),
    ("etc/pam.d/login", 0o644, "auth substack system-auth\naccount include system-auth\nsession include system-auth\n"),
    (
        "etc/pam.d/su",
        0o644,
        "auth\t\tsufficient\tpam_rootok.so\n#auth\t\trequired\tpam_wheel.so use_uid\nauth\t\tsubstack\tsystem-auth\n",
    ),
    ("etc/pam.d/sudo", 0o644, "auth include system-auth\naccount include system-auth\n"),
    ("etc/security/faillock.conf", 0o644, "# Enabled if option is present.\n# audit\n# deny = 3\n"),
    ("etc/security/pwquality.conf", 0o644, "# minlen = 8\n# dcredit = 0\n"),
    ("etc/security/pwhistory.conf", 0o644, "# remember = 10\n"),
    ("etc/security/limits.conf", 0o644, "# <domain> <type> <item> <value>\n#*  soft  core  0\n"),
    (
        "etc/ssh/sshd_config",
        0o600,
        "Include /etc/ssh/sshd_config.d/*.conf\nAuthorizedKeysFile\t.ssh/authorized_keys\nSubsystem\tsftp\t/usr/libexec/openssh/sftp-server\n",
    ),
    (
        "etc/ssh/sshd_config.d/50-redhat.conf",
        0o600,
        "SyslogFacility AUTHPRIV\nPasswordAuthentication no\nGSSAPIAuthentication yes\nUsePAM yes\nX11Forwarding yes\nPrintMotd no\n",
    ),
    ("etc/ssh/ssh_config", 0o644, "Include /etc/ssh/ssh_config.d/*.conf\n"),
    (
        "etc/ssh/ssh_config.d/50-redhat.conf",
        0o644,
        "Match final all\n\tInclude /etc/crypto-policies/back-ends/openssh.config\n\tForwardX11Trusted yes\n",
    ),
    ("etc/crypto-policies/config", 0o644, "DEFAULT\n"),
    ("etc/crypto-policies/state/current", 0o644, "DEFAULT\n"),
    (
        "etc/crypto-policies/back-ends/openssh.config",
        0o644,
        "Ciphers aes256-gcm@openssh.com,aes256-ctr\nMACs hmac-sha2-256-etm@openssh.com\n",
    ),
    (
        "etc/crypto-policies/back-ends/opensshserver.config",
        0o644,
        "Ciphers aes256-gcm@openssh.com,aes256-ctr\nMACs hmac-sha2-256-etm@openssh.com\n",
    ),
    (
        "etc/sudoers",
        0o440,
        "Defaults   !visiblepw\nDefaults    always_set_home\nDefaults    env_reset\nDefaults    env_keep =  \"COLORS DISPLAY HOSTNAME\"\n\
         Defaults    secure_path = /sbin:/bin:/usr/sbin:/usr/bin\nroot\tALL=(ALL) \tALL\n%wheel\tALL=(ALL)\tALL\n\
         # %wheel\tALL=(ALL)\tNOPASSWD: ALL\n#includedir /etc/sudoers.d\n",
    ),
    ("etc/sudoers.d/app", 0o440, "app ALL=(root) NOPASSWD: /usr/bin/true\n"),
    (
        "etc/yum.repos.d/ubi.repo",
        0o644,
        "[ubi-baseos-rpms]\nname = Red Hat Universal Base Image (RPMs) - BaseOS\nbaseurl = https://cdn-ubi.redhat.com/content\n\
         enabled = 1\ngpgkey = file:///etc/pki/rpm-gpg/RPM-GPG-KEY-redhat-release\ngpgcheck = 1\n",
    ),
    (
        "etc/dnf/dnf.conf",
        0o644,
        "[main]\ngpgcheck=1\ninstallonly_limit=3\nclean_requirements_on_remove=True\nbest=True\n",
    ),
    ("etc/pki/rpm-gpg/RPM-GPG-KEY-redhat-release", 0o644, "keys\n"),
    ("etc/nsswitch.conf", 0o644, "passwd: files sss\ngroup: files sss\nhosts: files dns myhostname\n"),
    ("etc/resolv.conf", 0o644, "nameserver 192.0.2.1\nnameserver 192.0.2.2\n"),
    ("etc/bashrc", 0o644, "if [ $UID -gt 199 ]; then\n    umask 002\nelse\n    umask 022\nfi\n"),
    ("etc/profile", 0o644, "umask 022\n"),
    ("home/app/.bashrc", 0o644, "PATH=\"$HOME/.local/bin:$HOME/bin:$PATH\"\nexport PATH\n"),
    ("usr/bin/bash", 0o755, ""),
    ("usr/lib64/libc.so.6", 0o755, ""),
    ("usr/lib64/security/pam_unix.so", 0o755, ""),
    ("usr/sbin/sshd", 0o755, ""),
    ("usr/bin/sudo", 0o4111, ""),
    ("var/lib/pgsql/data/PG_VERSION", 0o600, "16\n"),
    (
        "var/lib/pgsql/data/postgresql.conf",
        0o600,
        "#listen_addresses = 'localhost'\nmax_connections = 100\t\t\t# (change requires restart)\nshared_buffers = 128MB\nssl = off\n\
         dynamic_shared_memory_type = posix\t# the default\nlog_filename = 'postgresql-%a.log'\nlog_timezone = 'UTC'\ndatestyle = 'iso, mdy'\n",
    ),
    (
        "var/lib/pgsql/data/pg_hba.conf",
        0o600,
        "# TYPE  DATABASE        USER            ADDRESS                 METHOD\nlocal   all             all                                     peer\n\
         host    all             all             127.0.0.1/32            ident\nhost    all             all             ::1/128                 ident\n",
    ),
];
