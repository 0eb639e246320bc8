//! `assay doctor`: what protects a scan on this system, tried out, and what this system lacks.

use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use serde_json::json;

use crate::cli::{Doctor, DoctorFormat};
use crate::command::print;
use crate::command::sandbox::bounded_beside;
use crate::exit_code::ExitCode;
use crate::parse::proc_status::ProcStatus;
use crate::process::{Own, Procfs, names, survey};
use crate::protect::{Measure, Needs, Start, confine, headroom, held};
use crate::report::harmless_line;
use crate::rootfs::{LookError, Resolver, Root};
use crate::value::lossless;

/// One fact: its name, whether it is as it should be where that can be said, and what it is.
struct Fact {
    name: &'static str,
    good: Option<bool>,
    words: String,
}

fn fact(name: &'static str, good: impl Into<Option<bool>>, words: impl Into<String>) -> Fact {
    Fact { name, good: good.into(), words: words.into() }
}

pub(super) fn run(arguments: &Doctor, start: &Start) -> ExitCode {
    let mut facts = vec![system(), resolver(), mounts(), dumpable(start), given(start)];
    facts.extend(processes());
    facts.extend([may_scan(start), control_groups(), memory()]);
    let mut measures = vec![bounded_beside(&mut start.limits.clone())];
    // From here on nothing can be opened any more.
    measures.extend(confine(&Needs::default()));
    let trials = [trial("landlock", &measures, reads_outside()), trial("seccomp", &measures, makes_a_file())];
    facts.extend(measures.into_iter().map(|Measure { name, in_force, words }| fact(name, in_force, words)));
    let held = trials.iter().all(|trial| trial.good != Some(false));
    facts.extend(trials);
    let printed = print(&match arguments.format {
        DoctorFormat::Text => text(&facts),
        DoctorFormat::Json => json(&facts),
    });
    ExitCode::worst(&[printed, if held { ExitCode::Success } else { ExitCode::Internal }])
}

fn system() -> Fact {
    let system = rustix::system::uname();
    let word = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    fact("system", None, format!("{} {} {}", word(system.sysname()), word(system.release()), word(system.machine())))
}

fn resolver() -> Fact {
    match Root::open(Path::new("/"), Resolver::Auto) {
        Ok(root) if root.resolver() == "openat2" => fact("openat2", true, "the kernel keeps paths inside the root"),
        Ok(_) => fact("openat2", false, "missing: paths are resolved step by step"),
        Err(error) => fact("openat2", false, error.to_string()),
    }
}

fn mounts() -> Fact {
    use rustix::fs::{AtFlags, StatxFlags, statx};
    let stat = statx(rustix::fs::CWD, "/", AtFlags::empty(), StatxFlags::MNT_ID);
    match stat.is_ok_and(|stat| stat.stx_mask & StatxFlags::MNT_ID.bits() != 0) {
        true => fact("mount ids", true, "statx tells them, so that a root that was replaced is noticed"),
        false => fact("mount ids", false, "statx does not tell them (Linux 5.8 does)"),
    }
}

fn dumpable(start: &Start) -> Fact {
    let words = if start.dumpable {
        "dumpable: until its first statement, processes of its user could look into it; a file of mode 0111 and of another \
         owner mends that"
    } else {
        "not dumpable, as a file of mode 0111 makes it"
    };
    fact("at its start", !start.dumpable, words)
}

fn given(start: &Start) -> Fact {
    let all = names(u64::MAX);
    let held = if names(start.permitted) == all { format!("all {}", all.len()) } else { held(start.permitted) };
    fact("given", None, format!("capabilities: {held}"))
}

/// Which running containers the kernel lets it into.
fn may_scan(start: &Start) -> Fact {
    let held = names(start.permitted);
    let words = match (held.contains(&"cap_sys_ptrace"), held.contains(&"cap_dac_read_search")) {
        (true, true) => "every container of this user namespace, all files of it".to_owned(),
        (true, false) => "every container of this user namespace, what this user may read of it".to_owned(),
        (false, _) => {
            let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
            format!(
                "containers of {uid}:{gid} that hold no capability which it lacks; assay locate tells what others need"
            )
        }
    };
    fact("may scan", None, words)
}

fn processes() -> Vec<Fact> {
    let seen = Procfs::open().and_then(|procfs| {
        let own = Own::read(&procfs)?;
        Ok((procfs.myself()?.status()?, survey(&procfs, &own)?, own))
    });
    let (ProcStatus { uids, gids, tracer, .. }, survey, own) = match seen {
        Ok(seen) => seen,
        Err(error) => return vec![fact("processes", false, error.to_string())],
    };
    let shown = match (own.hidepid, own.sees_all) {
        (false, _) => "/proc shows all",
        (true, true) => "/proc shows all, as long as CAP_SYS_PTRACE is there (hidepid)",
        (true, false) => "/proc hides those that the scanner may not look into (hidepid)",
    };
    let (others, containers) = (survey.processes.len(), survey.containers.len());
    let shown = format!("{shown}: {others} in {containers} other containers");
    let traced = if tracer == 0 { "nobody".to_owned() } else { format!("process {tracer}") };
    vec![
        fact("user", None, format!("uid {}, gid {}, {}", uids[1], gids[1], lossless(&own.user_namespace))),
        fact("traced by", tracer == 0, traced),
        fact("processes", own.sees_all, shown),
    ]
}

fn control_groups() -> Fact {
    let version = match rustix::fs::statfs("/sys/fs/cgroup") {
        // linux/magic.h: CGROUP2_SUPER_MAGIC.
        Ok(stat) if stat.f_type as u64 == 0x6367_7270 => "version 2",
        Ok(_) => "version 1",
        Err(_) => "not mounted",
    };
    fact("control groups", None, version)
}

fn memory() -> Fact {
    match headroom() {
        Ok(room) => fact("memory", None, format!("{} bytes are left ({})", room.bytes, room.of)),
        Err(error) => fact("memory", false, error.to_string()),
    }
}

/// What a protection that is said to be in force does when it is tried.
fn trial(name: &'static str, measures: &[Measure], (tried, refused): (&'static str, bool)) -> Fact {
    let in_force = measures.iter().any(|measure| measure.name == name && measure.in_force);
    match (in_force, refused) {
        (true, true) => fact("tried", true, format!("{name}: {tried} is refused")),
        (true, false) => {
            fact("tried", false, format!("{name}: {tried} is not refused, although it is said to be in force"))
        }
        (false, _) => fact("tried", None, format!("{name}: not in force")),
    }
}

fn reads_outside() -> (&'static str, bool) {
    let opened = open("/", OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
    ("listing /", opened.is_err_and(|errno| errno == Errno::EACCES))
}

fn makes_a_file() -> (&'static str, bool) {
    let made = rustix::fs::memfd_create("assay", rustix::fs::MemfdFlags::CLOEXEC);
    ("making a file in memory", made.is_err_and(|errno| LookError::from(errno) == LookError::Io(Errno::ENOSYS)))
}

fn text(facts: &[Fact]) -> String {
    let line = |Fact { name, good, words }: &Fact| {
        let sign = match good {
            Some(true) => '✔',
            Some(false) => '×',
            None => ' ',
        };
        format!("{sign} {name:<14} {}\n", harmless_line(words))
    };
    let lines: String = facts.iter().map(line).collect();
    let weak = facts.iter().filter(|fact| fact.good == Some(false)).map(|fact| fact.name).collect::<Vec<_>>();
    match weak.as_slice() {
        [] => lines + "\nAll that protects a scan is in force.\n",
        weak => {
            lines
                + &format!(
                    "\nNot as it could be: {}. Scans that can go on without it do, and say so.\n",
                    weak.join(", ")
                )
        }
    }
}

fn json(facts: &[Fact]) -> String {
    let facts = facts.iter().map(|Fact { name, good, words }| json!({ "name": name, "good": good, "is": words }));
    format!("{:#}\n", serde_json::Value::Array(facts.collect()))
}
