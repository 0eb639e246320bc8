//! pacman's database: `desc` of a package, sections `%NAME%` with lines, an empty line between them.

use crate::parse::{ParseError, lines};

/// One package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package<'a> {
    /// Name.
    pub name: &'a [u8],
    /// Version, with epoch and release.
    pub version: &'a [u8],
    /// Architecture.
    pub architecture: &'a [u8],
}

/// The package of a `desc`.
///
/// Errors: a name or a version is missing.
pub fn package(bytes: &[u8]) -> Result<Package<'_>, ParseError> {
    let mut package = Package::default();
    let mut section = &b""[..];
    for (_, line) in lines(bytes) {
        match (section, line) {
            (_, b"") => section = b"",
            (b"", line) => section = line,
            (b"%NAME%", line) => package.name = line,
            (b"%VERSION%", line) => package.version = line,
            (b"%ARCH%", line) => package.architecture = line,
            _ => {}
        }
    }
    if package.name.is_empty() || package.version.is_empty() {
        return Err(ParseError::new("a package without %NAME% or %VERSION%"));
    }
    Ok(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_a_package() {
        let text = b"%NAME%\nzlib\n\n%VERSION%\n1:1.3.1-2\n\n%DESC%\n%NAME%\n\n%ARCH%\nx86_64\n";
        let package = package(text).unwrap();
        assert_eq!(
            (package.name, package.version, package.architecture),
            (&b"zlib"[..], &b"1:1.3.1-2"[..], &b"x86_64"[..])
        );
        assert!(super::package(b"%NAME%\nzlib\n").is_err());
        assert!(super::package(b"").is_err());
    }
}
