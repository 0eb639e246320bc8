//! /proc/PID/mountinfo (proc_pid_mountinfo(5)): the mounts that a process sees.

use crate::parse::{MAX_ROWS, ParseError, lines};

/// One mount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    /// Number of the mount, unique on the machine.
    pub id: u64,
    /// Number of the mount that it is mounted on.
    pub parent: u64,
    /// Device of the filesystem, `major:minor`.
    pub device: (u32, u32),
    /// The folder of the filesystem that is mounted.
    pub root: Vec<u8>,
    /// Where, as the process sees it.
    pub point: Vec<u8>,
    /// Options of the mount: `ro`, `nosuid` …
    pub options: Vec<Vec<u8>>,
    /// Propagation: `shared:1`, `master:2`, `propagate_from:2`, `unbindable`; none of them is private.
    pub propagation: Vec<Vec<u8>>,
    /// Kind of the filesystem: `overlay`.
    pub kind: Vec<u8>,
    /// What is mounted, in the words of the filesystem.
    pub source: Vec<u8>,
    /// Options of the filesystem.
    pub filesystem_options: Vec<Vec<u8>>,
}

impl Mount {
    /// Whether the mount or its filesystem takes no changes.
    pub fn is_read_only(&self) -> bool {
        self.options.iter().chain(&self.filesystem_options).any(|option| option == b"ro")
    }
}

/// Reads a mountinfo file.
///
/// Errors: a line that is none of it; more rows than are taken.
pub fn parse(bytes: &[u8]) -> Result<Vec<Mount>, ParseError> {
    let mut mounts = Vec::new();
    for (number, line) in lines(bytes) {
        if mounts.len() >= MAX_ROWS {
            return Err(ParseError::new(format!("more than {MAX_ROWS} mounts")));
        }
        let odd = || ParseError { line: Some(number), what: "this is no line of mountinfo".to_owned() };
        mounts.push(mount(line).ok_or_else(odd)?);
    }
    Ok(mounts)
}

fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let mut number = || std::str::from_utf8(fields.next()?).ok()?.parse::<u64>().ok();
    let (id, parent) = (number()?, number()?);
    let (major, minor) = std::str::from_utf8(fields.next()?).ok()?.split_once(':')?;
    let device = (major.parse().ok()?, minor.parse().ok()?);
    let (root, point) = (unescape(fields.next()?), unescape(fields.next()?));
    let options = list(fields.next()?);
    let mut propagation = Vec::new();
    loop {
        match fields.next()? {
            b"-" => break,
            field => propagation.push(field.to_vec()),
        }
    }
    let (kind, source) = (unescape(fields.next()?), unescape(fields.next()?));
    let filesystem_options = list(fields.next().unwrap_or_default());
    Some(Mount { id, parent, device, root, point, options, propagation, kind, source, filesystem_options })
}

fn list(field: &[u8]) -> Vec<Vec<u8>> {
    field.split(|byte| *byte == b',').filter(|option| !option.is_empty()).map(unescape).collect()
}

/// Undoes the kernel's `\040` for what would end a field.
pub(crate) fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((byte, after)) = rest.split_first() {
        let octal = (*byte == b'\\').then(|| after.get(..3)).flatten();
        let code = octal.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(code) => {
                out.push(code);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read() {
        let text = b"1036 1035 0:61 / / ro,relatime master:5 shared:7 - overlay overlay rw,lowerdir=/a:/b\n\
            22 1 8:1 /x\\040y\\134z /mnt\\012\xff rw - ext4 /dev/sda1\n";
        let mounts = parse(text).unwrap();
        assert_eq!((mounts[0].id, mounts[0].device, mounts[0].kind.as_slice()), (1036, (0, 61), b"overlay".as_slice()));
        assert_eq!(mounts[0].propagation, [b"master:5".to_vec(), b"shared:7".to_vec()]);
        assert_eq!(mounts[0].options, [b"ro".to_vec(), b"relatime".to_vec()]);
        assert_eq!(
            (mounts[1].root.as_slice(), mounts[1].point.as_slice()),
            (b"/x y\\z".as_slice(), b"/mnt\n\xff".as_slice())
        );
        assert!(mounts[1].filesystem_options.is_empty());
    }

    #[test]
    fn an_odd_line_is_an_error() {
        assert_eq!(parse(b"22 1 8:1 / / rw - ext4 x\n22 1 8:1 / / rw").unwrap_err().line, Some(2));
        assert!(parse(b"x").is_err());
        assert_eq!(parse(b""), Ok(vec![]));
    }
}
