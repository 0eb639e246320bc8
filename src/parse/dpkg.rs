//! dpkg's database: stanzas of `Field: value` (deb-control(5)); `var/lib/dpkg/status` and distroless' `status.d/*`.

use crate::parse::{MAX_ROWS, ParseError, lines, trim};

/// One package of the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package<'a> {
    /// Line of its first field.
    pub line: usize,
    /// Name.
    pub name: &'a [u8],
    /// Version, with epoch and revision.
    pub version: &'a [u8],
    /// Architecture.
    pub architecture: &'a [u8],
    /// "want flag status"; absent in distroless' stanzas, which list what is there.
    pub status: Option<&'a [u8]>,
}

impl Package<'_> {
    /// Whether the package is installed: its files are there and configured.
    pub fn is_installed(&self) -> bool {
        self.status.is_none_or(|status| status.split(u8::is_ascii_whitespace).next_back() == Some(b"installed"))
    }

    /// Whether its version is held.
    pub fn is_held(&self) -> bool {
        self.status.is_some_and(|status| status.split(u8::is_ascii_whitespace).next() == Some(b"hold"))
    }
}

/// The packages of a status file, in order.
///
/// Errors: a stanza without a name, a line that is no field, more than [`MAX_ROWS`] packages.
pub fn packages(bytes: &[u8]) -> Result<Vec<Package<'_>>, ParseError> {
    let mut packages = Vec::new();
    let mut current: Option<Package<'_>> = None;
    for (line, text) in lines(bytes) {
        if trim(text).is_empty() {
            finish(&mut current, &mut packages)?;
            continue;
        }
        if matches!(text.first(), Some(b' ' | b'\t')) {
            continue;
        }
        let Some(colon) = text.iter().position(|byte| *byte == b':') else {
            return Err(ParseError { line: Some(line), what: "neither a field nor its continuation".to_owned() });
        };
        let (field, value) = text.split_at(colon);
        let value = trim(value.get(1..).unwrap_or_default());
        let package = current.get_or_insert_with(|| Package { line, ..Package::default() });
        match field.to_ascii_lowercase().as_slice() {
            b"package" => package.name = value,
            b"version" => package.version = value,
            b"architecture" => package.architecture = value,
            b"status" => package.status = Some(value),
            _ => {}
        }
    }
    finish(&mut current, &mut packages)?;
    Ok(packages)
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

fn finish<'a>(current: &mut Option<Package<'a>>, packages: &mut Vec<Package<'a>>) -> Result<(), ParseError> {
    let Some(package) = current.take() else { return Ok(()) };
    if package.name.is_empty() {
        return Err(ParseError { line: Some(package.line), what: "a stanza without a Package field".to_owned() });
    }
    if packages.len() == MAX_ROWS {
        return Err(ParseError { line: Some(package.line), what: format!("more than {MAX_ROWS} packages") });
    }
    packages.push(package);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_are_packages() {
        let text = b"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u9\nDescription: x\n long: y\n\n\nPackage: old\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: kept\nStatus: hold ok installed\n";
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
    fn digests_of_files_are_read() {
        let status = b"Package: a\nConffiles:\n /etc/a d41d\n /etc/b 0cc1 obsolete\nDescription: x\n /not this\n";
        assert_eq!(configuration(status), [(&b"/etc/a"[..], &b"d41d"[..]), (b"/etc/b", b"0cc1")]);
        let sums = b"d41d8cd98f00b204e9800998ecf8427e  usr/bin/a b\n\n";
        assert_eq!(md5sums(sums).unwrap(), [(&b"usr/bin/a b"[..], &b"d41d8cd98f00b204e9800998ecf8427e"[..])]);
        assert_eq!(md5sums(b"\nzz  a\n").unwrap_err().line, Some(2));
    }
}
