//! `processes`: the processes of the target's container, as they were when the scan began.
//!
//! What a process says of itself (name, command line, executable) describes it; users, capabilities and namespaces are
//! the kernel's word. A target at rest has no processes: then all of it is skipped.

use crate::parse::capability::NAMES;
use crate::parse::id_map;
use crate::process::{ProcessFacts, SECCOMP};
use crate::resource::{
    Arguments, Asked, Cell, Columns, Context, Label, NoAnswer, Property, Resource, Row, Shape, Table, Type,
};
use crate::rootfs::{Look, LookError};
use crate::value::{Value, lossless};

pub(super) const PROCESSES: Resource = Resource {
    name: "processes",
    summary: "The processes of a live container, zombies left out; a target at rest has none to ask.",
    label: Label::Alone("Processes"),
    arguments: &[],
    one_of: &[],
    shape: Shape::Table { columns: Columns::Fixed(COLUMNS), read },
};

const COLUMNS: &[Property] = &[
    Property::new("pid", Type::Int, "Number of the process, as the scanner sees it.").plural("pids"),
    Property::new("inner_pid", Type::Int, "Its number in its own PID namespace.").plural("inner_pids"),
    Property::new(
        "user",
        Type::Text,
        "Name of its effective user by the target's /etc/passwd; the number without one.",
    )
    .plural("users"),
    Property::new("uid", Type::Int, "Number of its effective user, as the scanner sees it.").plural("uids"),
    Property::new("gid", Type::Int, "Number of its effective group.").plural("gids"),
    Property::new("groups", Type::Ints, "Numbers of its further groups."),
    Property::new("name", Type::Text, "The name that it gives itself, at most 15 bytes.").plural("names"),
    Property::new("command", Type::Text, "Its command line, words joined by blanks; the name in brackets without one.")
        .plural("commands"),
    Property::new("argv", Type::Texts, "The words of its command line."),
    Property::new("executable", Type::Text, "Path of the file that it runs.").plural("executables"),
    Property::new(
        "executable_deleted",
        Type::Bool,
        "The file that it runs was deleted or replaced, or never had a path.",
    ),
    Property::new("state", Type::Text, "Letter of its state, as ps shows it: R, S, D, T, t, I.").plural("states"),
    Property::new("capabilities", Type::Texts, "Its effective capabilities by name."),
    Property::new("permitted_capabilities", Type::Texts, "Those that it may use."),
    Property::new(
        "inheritable_capabilities",
        Type::Texts,
        "Those that files with capabilities of their own can pass on.",
    ),
    Property::new("bounding_capabilities", Type::Texts, "Those that it can ever get."),
    Property::new("ambient_capabilities", Type::Texts, "Those that it keeps when it executes a file."),
    Property::new("no_new_privs", Type::Bool, "It cannot gain rights by executing a file."),
    Property::new("seccomp", Type::Text, "Whether its system calls are filtered: disabled, strict, filter."),
    Property::new(
        "shared_namespaces",
        Type::Texts,
        "Its namespaces that the scanner is in as well: cgroup, ipc, mnt, net, pid, time, user, uts.",
    ),
    Property::new("host_network", Type::Bool, "Its network namespace is the host's."),
    Property::new("host_pid", Type::Bool, "Its PID namespace is the host's."),
    Property::new("host_ipc", Type::Bool, "Its IPC namespace is the host's."),
    Property::new("host_uts", Type::Bool, "Its UTS namespace, which has the host's name, is the host's."),
    Property::new(
        "root_uid",
        Type::Int,
        "Who uid 0 of its user namespace is outside: 0 is root; nil when it has no uid 0.",
    ),
    Property::new("root_gid", Type::Int, "Who gid 0 of its user namespace is outside."),
];

fn read(context: &Context, _: &Arguments) -> Asked<Table> {
    let facts = context.processes()?;
    let processes = facts.processes.as_ref().map_err(|error| NoAnswer::Error(format!("processes: {error}")))?;
    let mut table = Table::new(COLUMNS);
    table.incomplete.clone_from(&facts.incomplete);
    for process in processes {
        let cells = COLUMNS.iter().map(|column| cell(context, process, column.name));
        table.rows.push(Row { cells: cells.collect(), place: place(process) });
    }
    Ok(table)
}

/// How a process reads in a message.
pub(super) fn place(process: &ProcessFacts) -> String {
    format!("process {} ({})", process.pid, lossless(&process.status.name))
}

fn cell(context: &Context, process: &ProcessFacts, column: &str) -> Cell {
    let status = &process.status;
    let int = |number: u32| Ok(Value::Int(i128::from(number)));
    let known = |what: &'static str, error: &LookError| unknown(process, what, error);
    if let Some(thread) = process.differs(column).map_err(|error| known("threads", &error))? {
        return Err(NoAnswer::Error(format!("{}: {column}: its thread {thread} has another", place(process))));
    }
    match column {
        "pid" => Ok(Value::Int(i128::from(process.pid))),
        "inner_pid" => Ok(Value::Int(i128::from(status.namespace_pids.last().copied().unwrap_or(process.pid)))),
        "user" => user(context, process),
        "uid" => int(effective(status.uids)),
        "gid" => int(effective(status.gids)),
        "groups" => Ok(Value::List(status.groups.iter().map(|gid| Value::Int(i128::from(*gid))).collect())),
        "name" => Ok(Value::text(&status.name)),
        "command" => match process.command.as_ref().map_err(|error| known("command line", error))? {
            words if words.is_empty() => Ok(Value::text([b"[", status.name.as_slice(), b"]"].concat())),
            words => Ok(Value::text(words.join(&b' '))),
        },
        "argv" => process.command.as_ref().map(Value::texts).map_err(|error| known("command line", error)),
        "executable" => {
            let path = executable(process)?;
            Ok(Value::text(path.strip_suffix(DELETED).unwrap_or(path)))
        }
        "executable_deleted" => Ok(Value::Bool(executable(process)?.ends_with(DELETED))),
        "state" => Ok(Value::text([status.state])),
        "capabilities" => Ok(capabilities(status.effective)),
        "permitted_capabilities" => Ok(capabilities(status.permitted)),
        "inheritable_capabilities" => Ok(capabilities(status.inheritable)),
        "bounding_capabilities" => Ok(capabilities(status.bounding)),
        "ambient_capabilities" => Ok(capabilities(status.ambient)),
        "no_new_privs" => status.no_new_privs.map(Value::Bool).ok_or_else(|| silent("no_new_privs")),
        "seccomp" => {
            let mode = status.seccomp.ok_or_else(|| silent("seccomp"))?;
            Ok(SECCOMP.get(mode as usize).map_or_else(|| Value::text(mode.to_string()), Value::text))
        }
        "shared_namespaces" => process.shared.as_ref().map(Value::texts).map_err(|error| known("namespaces", error)),
        "host_network" => of_host(process, "net"),
        "host_pid" => of_host(process, "pid"),
        "host_ipc" => of_host(process, "ipc"),
        "host_uts" => of_host(process, "uts"),
        "root_uid" => root(&process.uid_map).map_err(|error| known("map of users", &error)),
        "root_gid" => root(&process.gid_map).map_err(|error| known("map of groups", &error)),
        _ => Err(NoAnswer::Error(format!("processes has no column {column}"))),
    }
}

fn of_host(process: &ProcessFacts, kind: &str) -> Cell {
    let host = process.host.as_ref().map_err(|error| unknown(process, "namespaces", error))?;
    let untold = "a scanner outside the host's namespaces cannot tell which of them are the host's";
    let is = host.iter().find(|(known, _)| *known == kind).and_then(|(_, is)| *is);
    is.map(Value::Bool).ok_or_else(|| NoAnswer::Unanswerable(format!("{}: {untold}", place(process))))
}

/// What the kernel writes behind the path of a file that is gone.
const DELETED: &[u8] = b" (deleted)";

fn executable(process: &ProcessFacts) -> Asked<&Vec<u8>> {
    process.executable.as_ref().map_err(|error| unknown(process, "executable", error))
}

fn unknown(process: &ProcessFacts, what: &str, error: &LookError) -> NoAnswer {
    NoAnswer::Error(format!("{}: {what}: {error}", place(process)))
}

fn silent(what: &str) -> NoAnswer {
    NoAnswer::Error(format!("this kernel does not say {what} of a process"))
}

/// Of real, effective, saved and filesystem id the one that counts.
fn effective([_, effective, ..]: [u32; 4]) -> u32 {
    effective
}

/// The name by the target's own numbers: in another user namespace these are others than the scanner's.
fn user(context: &Context, process: &ProcessFacts) -> Cell {
    let uid = effective(process.status.uids);
    let inside = match &process.shared {
        Ok(shared) if !shared.contains(&"user") => process
            .uid_map
            .as_ref()
            .map_err(|error| unknown(process, "map of users", error))
            .map(|ranges| id_map::inside(ranges, uid).unwrap_or(uid))?,
        _ => uid,
    };
    match context.user_name(inside)? {
        Value::Nil => Ok(Value::text(inside.to_string())),
        name => Ok(name),
    }
}

fn root(map: &Look<Vec<id_map::IdRange>>) -> Look<Value> {
    let ranges = map.as_ref().map_err(Clone::clone)?;
    Ok(id_map::outside(ranges, 0).map_or(Value::Nil, |id| Value::Int(i128::from(id))))
}

/// The names of a set; those that are new to this program by number, so that no set looks empty that is not.
fn capabilities(set: u64) -> Value {
    let held = (0..u64::BITS as usize).filter(|number| set >> number & 1 == 1);
    Value::texts(
        held.map(|number| NAMES.get(number).map_or_else(|| format!("cap_{number}"), |name| (*name).to_owned())),
    )
}
