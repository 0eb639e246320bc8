//! /proc/PID/limits (proc_pid_limits(5)): the resource limits of a process.

use crate::parse::{ParseError, lines};

/// One limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name in limits.conf(5): `nofile`.
    pub name: &'static str,
    /// What the process is held to; `None` for no limit.
    pub soft: Option<u64>,
    /// How far it may raise that itself; `None` for no limit.
    pub hard: Option<u64>,
}

/// The kernel's words, and the names in limits.conf(5) and getrlimit(2).
const NAMES: [(&str, &str); 16] = [
    ("Max cpu time", "cpu"),
    ("Max file size", "fsize"),
    ("Max data size", "data"),
    ("Max stack size", "stack"),
    ("Max core file size", "core"),
    ("Max resident set", "rss"),
    ("Max processes", "nproc"),
    ("Max open files", "nofile"),
    ("Max locked memory", "memlock"),
    ("Max address space", "as"),
    ("Max file locks", "locks"),
    ("Max pending signals", "sigpending"),
    ("Max msgqueue size", "msgqueue"),
    ("Max nice priority", "nice"),
    ("Max realtime priority", "rtprio"),
    ("Max realtime timeout", "rttime"),
];

/// The names of all limits.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(_, name)| *name)
}

/// Reads a limits file. Limits of newer kernels are left out.
///
/// Errors: a limit that is no number.
pub fn parse(bytes: &[u8]) -> Result<Vec<Limit>, ParseError> {
    let mut limits = Vec::new();
    for (number, line) in lines(bytes) {
        let text = String::from_utf8_lossy(line);
        let known = NAMES.iter().find_map(|(words, name)| Some((*name, text.strip_prefix(words)?)));
        let Some((name, rest)) = known else { continue };
        let odd = || ParseError { line: Some(number), what: format!("the limit {name} is odd") };
        let mut fields = rest.split_ascii_whitespace().map(value);
        let mut next = || fields.next().flatten().ok_or_else(odd);
        limits.push(Limit { name, soft: next()?, hard: next()? });
    }
    Ok(limits)
}

/// A limit as the kernel writes it.
fn value(text: &str) -> Option<Option<u64>> {
    if text == "unlimited" { Some(None) } else { text.parse().ok().map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        let text = b"Limit                     Soft Limit           Hard Limit           Units     \n\
            Max stack size            8388608              unlimited            bytes     \n\
            Max open files            1024                 4096                 files     \n\
            Max wonder                1                    1                    \n\
            Max nice priority         0                    0                    \n";
        let limit = |name, soft, hard| Limit { name, soft, hard };
        let expected = [
            limit("stack", Some(8_388_608), None),
            limit("nofile", Some(1024), Some(4096)),
            limit("nice", Some(0), Some(0)),
        ];
        assert_eq!(parse(text).unwrap(), expected);
        assert_eq!(parse(b"Max open files 1024 x files").unwrap_err().line, Some(1));
        assert!(parse(b"Max open files 1024").is_err());
    }
}
