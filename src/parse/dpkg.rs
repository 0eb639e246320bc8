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
}
