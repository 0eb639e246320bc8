//! dpkg's database: stanzas of `Field: value` (deb-control(5)); `var/lib/dpkg/status` and distroless' `status.d/*`.

use std::collections::{BTreeMap, HashSet};

use crate::parse::{MAX_ROWS, ParseError, lines, trim};
use crate::value::lossless;

/// One package of the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package<'a> {
    /// Line of its first field.
    pub line: usize,
    /// Name.
    pub name: &'a [u8],
    /// Version, with epoch and revision; what is not installed can have none.
    pub version: &'a [u8],
    /// Architecture.
    pub architecture: &'a [u8],
    /// What is wanted of it, and in what state it is; absent in distroless' stanzas, which list what is there.
    pub status: Option<Status>,
}

/// The words of a `Status` that are of use here, as dpkg writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// What is wanted.
    pub want: &'static [u8],
    /// In what state it is.
    pub state: &'static [u8],
}

const WANTS: &[&[u8]] = &[b"unknown", b"install", b"hold", b"deinstall", b"purge"];
const FLAGS: &[&[u8]] = &[b"ok", b"reinstreq"];
const STATES: &[&[u8]] = &[
    b"not-installed",
    b"config-files",
    b"half-installed",
    b"unpacked",
    b"half-configured",
    b"triggers-awaited",
    b"triggers-pending",
    b"installed",
];

impl Package<'_> {
    /// Whether the package is installed: its files are there and configured; at most, triggers wait to be run.
    pub fn is_installed(&self) -> bool {
        self.status
            .is_none_or(|status| matches!(status.state, b"installed" | b"triggers-awaited" | b"triggers-pending"))
    }

    /// Whether its version is held.
    pub fn is_held(&self) -> bool {
        self.status.is_some_and(|status| status.want == b"hold")
    }
}

/// The packages of a status file, in order.
///
/// Errors: what dpkg refuses of the fields that are read here, a package that is there twice, more than [`MAX_ROWS`]
/// packages.
pub fn packages(bytes: &[u8]) -> Result<Vec<Package<'_>>, ParseError> {
    let mut packages = Vec::new();
    let mut current: Option<Package<'_>> = None;
    let mut read: Option<&[u8]> = None;
    let mut seen = HashSet::new();
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    for (line, text) in body.split(|byte| *byte == b'\n').enumerate().map(|(index, text)| (index + 1, text)) {
        let wrong = |what: String| ParseError { line: Some(line), what };
        // dpkg takes the one for the end of a value, the other one for that of a line.
        if text.iter().any(|byte| matches!(byte, 0 | 0x1a)) {
            return Err(wrong("a NUL or a Ctrl+Z".to_owned()));
        }
        if text.is_empty() {
            read = None;
            finish(&mut current, &mut packages, &mut seen)?;
            continue;
        }
        // A line of blanks alone goes on, too.
        if text.first().is_some_and(u8::is_ascii_whitespace) {
            match read {
                Some(field) => return Err(wrong(format!("{} goes on in another line", lossless(field)))),
                None => continue,
            }
        }
        let Some(colon) = text.iter().position(|byte| *byte == b':') else {
            return Err(wrong("neither a field nor its continuation".to_owned()));
        };
        let (field, value) = text.split_at(colon);
        let (field, value) = (trim(field), trim(value.get(1..).unwrap_or_default()));
        let package = current.get_or_insert_with(|| Package { line, ..Package::default() });
        read = Some(field);
        let twice = match field.to_ascii_lowercase().as_slice() {
            b"package" => !std::mem::replace(&mut package.name, value).is_empty(),
            b"version" => !std::mem::replace(&mut package.version, value).is_empty(),
            b"architecture" => !std::mem::replace(&mut package.architecture, value).is_empty(),
            b"status" => {
                let status = status(value).ok_or_else(|| wrong(format!("no Status: {}", lossless(value))))?;
                package.status.replace(status).is_some()
            }
            _ => {
                read = None;
                false
            }
        };
        if twice {
            return Err(wrong(format!("{} stands there twice", lossless(field))));
        }
    }
    finish(&mut current, &mut packages, &mut seen)?;
    Ok(packages)
}

/// The words of a `Status`, whose case does not count.
fn status(value: &[u8]) -> Option<Status> {
    let mut words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut word = |known: &'static [&'static [u8]]| {
        let word = words.next()?;
        known.iter().find(|known| known.eq_ignore_ascii_case(word)).copied()
    };
    let (want, _, state) = (word(WANTS)?, word(FLAGS)?, word(STATES)?);
    words.next().is_none().then_some(Status { want, state })
}

/// Whether dpkg takes a name for that of a package.
fn is_name(name: &[u8]) -> bool {
    let ordinary = |byte: &u8| byte.is_ascii_alphanumeric() || b"-+._".contains(byte);
    name.first().is_some_and(u8::is_ascii_alphanumeric) && name.iter().all(ordinary)
}

/// A path, and a digest in hex.
pub type Digest<'a> = (&'a [u8], &'a [u8]);

/// The files of configuration of a status file: path and MD5 in hex, in order.
pub fn configuration(bytes: &[u8]) -> Vec<Digest<'_>> {
    let mut files = Vec::new();
    let mut listed = false;
    for (_, text) in lines(bytes) {
        let continued = matches!(text.first(), Some(b' ' | b'\t'));
        if !continued {
            listed = text.to_ascii_lowercase().starts_with(b"conffiles:");
        } else if listed {
            let mut words = trim(text).split(|byte| *byte == b' ');
            if let (Some(path), Some(digest)) = (words.next(), words.next()) {
                files.push((path, digest));
            }
        }
    }
    files
}

/// Where files of packages lie instead of where their packages have them, by that path: the path, and the package for
/// whose file this is, which `:` stands for when it is none.
pub type Diversions<'a> = BTreeMap<&'a [u8], (&'a [u8], &'a [u8])>;

/// The diversions of dpkg's file of them.
///
/// Errors: lines that are no three for each.
pub fn diversions(bytes: &[u8]) -> Result<Diversions<'_>, ParseError> {
    let mut diversions = BTreeMap::new();
    let mut all = lines(bytes);
    while let Some((line, from)) = all.next() {
        let (Some((_, to)), Some((_, by))) = (all.next(), all.next()) else {
            return Err(ParseError { line: Some(line), what: "a diversion has three lines".to_owned() });
        };
        if !from.starts_with(b"/") || !to.starts_with(b"/") || diversions.len() == MAX_ROWS {
            return Err(ParseError { line: Some(line), what: "no path, or more than are kept".to_owned() });
        }
        diversions.insert(from, (to, by));
    }
    Ok(diversions)
}

/// The lines of a package's `md5sums`: MD5 in hex, and the path without a slash in front.
pub fn md5sums(bytes: &[u8]) -> Result<Vec<Digest<'_>>, ParseError> {
    let mut sums = Vec::new();
    for (line, text) in lines(bytes).filter(|(_, text)| !trim(text).is_empty()) {
        let sum = text.split_at_checked(32).filter(|(digest, _)| digest.iter().all(u8::is_ascii_hexdigit));
        let sum = sum.and_then(|(digest, rest)| rest.strip_prefix(b"  ").map(|path| (path, digest)));
        match sum {
            Some((path, digest)) => sums.push((path.strip_prefix(b"./").unwrap_or(path), digest)),
            None => return Err(ParseError { line: Some(line), what: "no MD5 and path".to_owned() }),
        }
        if sums.len() > MAX_ROWS {
            return Err(ParseError { line: Some(line), what: format!("more than {MAX_ROWS} files") });
        }
    }
    Ok(sums)
}

fn finish<'a>(
    current: &mut Option<Package<'a>>,
    packages: &mut Vec<Package<'a>>,
    seen: &mut HashSet<(Vec<u8>, &'a [u8])>,
) -> Result<(), ParseError> {
    let Some(package) = current.take() else { return Ok(()) };
    let wrong = |what: String| Err(ParseError { line: Some(package.line), what });
    if package.name.is_empty() {
        return wrong("a stanza without a Package field".to_owned());
    }
    if !is_name(package.name) {
        return wrong(format!("{} is no name of a package", lossless(package.name)));
    }
    let of_none = package.status.is_some_and(|status| matches!(status.state, b"not-installed" | b"half-installed"));
    if package.version.is_empty() && !of_none {
        return wrong(format!("{} is without a Version field", lossless(package.name)));
    }
    // dpkg knows names in lower case only.
    if !seen.insert((package.name.to_ascii_lowercase(), package.architecture)) {
        return wrong(format!("{} is there twice", lossless(package.name)));
    }
    if packages.len() == MAX_ROWS {
        return wrong(format!("more than {MAX_ROWS} packages"));
    }
    packages.push(package);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_are_packages() {
        let text = b"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u9\nDescription: x\n long: y\n\n\nPackage: old\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: kept\nStatus: hold ok installed\nVersion: 1\n";
        let all = packages(text).unwrap();
        let seen: Vec<_> =
            all.iter().map(|package| (package.name, package.is_installed(), package.is_held())).collect();
        assert_eq!(seen, [(&b"libc6"[..], true, false), (b"old", false, false), (b"kept", true, true)]);
        assert_eq!(all[0].version, b"2.36-9+deb12u9");
        assert!(packages(b"Package: tzdata\nVersion: 2024a\n").unwrap()[0].is_installed());
        assert_eq!(packages(b"Version: 1\n").unwrap_err().line, Some(1));
        assert_eq!(packages(b"Package: a\nnonsense\n").unwrap_err().line, Some(2));
    }

    #[test]
    fn what_dpkg_reads_otherwise_is_seen() {
        let state = |text: &str| {
            let text = format!("Package: a\nVersion: 1\n{text}\n");
            packages(text.as_bytes()).map(|all| all[0].status.map(|status| status.state)).map_err(|error| error.line)
        };
        assert_eq!(state("status : INSTALL Ok  Installed"), Ok(Some(&b"installed"[..])));
        assert_eq!(state("Status: install reinstreq half-configured"), Ok(Some(&b"half-configured"[..])));
        assert_eq!(state("Conffiles:\n \n /a b\nStatus: purge ok config-files"), Ok(Some(&b"config-files"[..])));
        for (text, line) in [
            ("Version:\n 1", 3),
            ("Architecture: a\n b", 4),
            ("Status: install ok\n installed", 3),
            ("Status: install ok gone", 3),
            ("Status: installed", 3),
            ("Status: install ok installed now", 3),
            ("Status: install ok installed\nstatus: purge ok not-installed", 4),
            ("Version: 2", 3),
            ("Status: install ok installed\0", 3),
            ("\nPackage: A\nVersion: 2", 4),
            ("\nPackage: b", 4),
            ("\nPackage: b c\nVersion: 1", 4),
        ] {
            assert_eq!(state(text), Err(Some(line)), "{text}");
        }
        let twins = b"Package: a\nVersion: 1\nArchitecture: amd64\n\nPackage: a\nVersion: 1\nArchitecture: i386\n";
        assert_eq!(packages(twins).unwrap().len(), 2);
    }

    #[test]
    fn digests_of_files_are_read() {
        let status = b"Package: a\nConffiles:\n /etc/a d41d\n /etc/b 0cc1 obsolete\nDescription: x\n /not this\n";
        assert_eq!(configuration(status), [(&b"/etc/a"[..], &b"d41d"[..]), (b"/etc/b", b"0cc1")]);
        let sums = b"d41d8cd98f00b204e9800998ecf8427e  usr/bin/a b\n\n";
        assert_eq!(md5sums(sums).unwrap(), [(&b"usr/bin/a b"[..], &b"d41d8cd98f00b204e9800998ecf8427e"[..])]);
        let diverted = diversions(b"/a\n/a.distrib\nb\n").unwrap();
        assert_eq!(diverted.get(&b"/a"[..]), Some(&(&b"/a.distrib"[..], &b"b"[..])));
        assert_eq!(diversions(b"/a\n/b\n:\n/c\n").unwrap_err().line, Some(4));
        assert_eq!(md5sums(b"\nzz  a\n").unwrap_err().line, Some(2));
    }
}
