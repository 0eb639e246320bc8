//! /proc/PID/status (proc_pid_status(5)): what the kernel says of a process to everybody.

use crate::parse::{ParseError, lines, trim};

/// The facts of a process that a scan has a use for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcStatus {
    /// Its name, with newlines and backslashes escaped by the kernel. The process chooses it.
    pub name: Vec<u8>,
    /// Its state: `R`, `S`, `D`, `T`, `t`, `Z`, `X`, `I`.
    pub state: u8,
    /// How many threads it has, those that have ended left out but for the first.
    pub threads: u64,
    /// Number of the parent.
    pub parent: i32,
    /// Number of the process that traces it; 0 for none.
    pub tracer: i32,
    /// Real, effective, saved and filesystem uid.
    pub uids: [u32; 4],
    /// Real, effective, saved and filesystem gid.
    pub gids: [u32; 4],
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// Its number in each PID namespace, the reader's first, its own last; empty on kernels before 4.1.
    pub namespace_pids: Vec<i32>,
    /// Capabilities that executed files may give it.
    pub inheritable: u64,
    /// Capabilities that it may use.
    pub permitted: u64,
    /// Capabilities that it uses.
    pub effective: u64,
    /// Capabilities that it can ever get.
    pub bounding: u64,
    /// Capabilities that it keeps when it executes a file.
    pub ambient: u64,
    /// Whether it cannot gain rights by executing a file.
    pub no_new_privs: Option<bool>,
    /// 0 without seccomp, 1 strict, 2 filtered.
    pub seccomp: Option<u32>,
    /// Whether it is a thread of the kernel; `None` where the kernel does not say.
    pub kernel_thread: Option<bool>,
}

/// Reads a status file.
///
/// Errors: a line that says what it should not; uids, gids or capabilities are missing.
pub fn parse(bytes: &[u8]) -> Result<ProcStatus, ParseError> {
    let mut status = ProcStatus::default();
    let mut seen = Vec::new();
    for (number, line) in lines(bytes) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (key, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default();
        let text = std::str::from_utf8(value).unwrap_or_default().trim();
        let wrong = || ParseError { line: Some(number), what: format!("`{}` is odd", String::from_utf8_lossy(key)) };
        let set = || u64::from_str_radix(text, 16).map_err(|_| wrong());
        match key {
            b"Name" => status.name = trim(value).to_vec(),
            b"State" => status.state = text.bytes().next().ok_or_else(wrong)?,
            b"Threads" => status.threads = text.parse().map_err(|_| wrong())?,
            b"PPid" => status.parent = text.parse().map_err(|_| wrong())?,
            b"TracerPid" => status.tracer = text.parse().map_err(|_| wrong())?,
            b"Uid" => status.uids = four(text).ok_or_else(wrong)?,
            b"Gid" => status.gids = four(text).ok_or_else(wrong)?,
            b"Groups" => status.groups = numbers(text).ok_or_else(wrong)?,
            b"NSpid" => status.namespace_pids = numbers(text).ok_or_else(wrong)?,
            b"CapInh" => status.inheritable = set()?,
            b"CapPrm" => status.permitted = set()?,
            b"CapEff" => status.effective = set()?,
            b"CapBnd" => status.bounding = set()?,
            b"CapAmb" => status.ambient = set()?,
            b"NoNewPrivs" => status.no_new_privs = Some(text == "1"),
            b"Seccomp" => status.seccomp = Some(text.parse().map_err(|_| wrong())?),
            b"Kthread" => status.kernel_thread = Some(text == "1"),
            _ => continue,
        }
        seen.push(key);
    }
    let needed: [&[u8]; 5] = [b"Uid", b"Gid", b"CapPrm", b"CapEff", b"CapBnd"];
    let once = |key: &&[u8]| seen.iter().filter(|known| *known == key).count() == 1;
    if needed.iter().all(once) {
        Ok(status)
    } else {
        Err(ParseError::new("uids, gids or capabilities are missing or there twice"))
    }
}

fn numbers<T: std::str::FromStr>(text: &str) -> Option<Vec<T>> {
    text.split_ascii_whitespace().map(|word| word.parse().ok()).collect()
}

fn four(text: &str) -> Option<[u32; 4]> {
    numbers(text)?.try_into().ok()
}

/// When a process started, in clock ticks since the machine did: field 22 of /proc/PID/stat. The name in field 2 is the
/// process's own choice and may hold anything; the last `)` ends it.
pub fn start_time(stat: &[u8]) -> Result<u64, ParseError> {
    let odd = || ParseError::new("the start time is missing");
    let end = stat.iter().rposition(|byte| *byte == b')').ok_or_else(odd)?;
    let rest = std::str::from_utf8(stat.get(end + 1..).unwrap_or_default()).map_err(|_| odd())?;
    rest.split_ascii_whitespace().nth(19).and_then(|field| field.parse().ok()).ok_or_else(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &[u8] = b"Name:\tx\xff\\ny\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t12\nPid:\t12\nPPid:\t1\nTracerPid:\t0\n\
        Uid:\t65532\t65532\t65532\t65532\nGid:\t65532\t65532\t65532\t65532\nGroups:\t10 65532 \nNSpid:\t12\t1\nKthread:\t0\n\
        CapInh:\t0000000000000000\nCapPrm:\t0000000000000400\nCapEff:\t0000000000000400\nCapBnd:\t00000000a80425fb\n\
        CapAmb:\t0000000000000000\nThreads:\t3\nNoNewPrivs:\t1\nSeccomp:\t2\n";

    #[test]
    fn a_status_is_read() {
        let status = parse(STATUS).unwrap();
        assert_eq!(status.name, b"x\xff\\ny");
        assert_eq!((status.state, status.parent, status.uids[1], status.gids[3]), (b'S', 1, 65532, 65532));
        assert_eq!((status.groups, status.namespace_pids), (vec![10, 65532], vec![12, 1]));
        assert_eq!(status.threads, 3);
        assert_eq!((status.permitted, status.bounding), (0x400, 0xa804_25fb));
        assert_eq!((status.no_new_privs, status.seccomp), (Some(true), Some(2)));
    }

    #[test]
    fn what_is_missing_is_an_error() {
        assert!(parse(b"").is_err());
        assert!(parse(&STATUS[..STATUS.len() / 2]).is_err());
        assert!(parse(b"Uid:\t1 2 3\n").is_err());
        assert!(parse(&[STATUS, b"Uid:\t0\t0\t0\t0\n"].concat()).is_err());
    }

    #[test]
    fn the_start_time_is_found_behind_any_name() {
        let mut stat = b"7 (a) 1 2) R (\n) S".to_vec();
        stat.extend((4..=21).flat_map(|field| format!(" {field}").into_bytes()));
        stat.extend(b" 4711 23");
        assert_eq!(start_time(&stat), Ok(4711));
        assert!(start_time(b"7 (a) S 1").is_err());
    }
}
