//! apk's database, `lib/apk/db/installed`: lines `X:value`, an empty line between packages.

use crate::parse::{MAX_ROWS, ParseError, lines};

/// One package of the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package<'a> {
    /// Line of its first field.
    pub line: usize,
    /// Name.
    pub name: &'a [u8],
    /// Version.
    pub version: &'a [u8],
    /// Architecture.
    pub architecture: &'a [u8],
    /// Whether the checksums of 20 bytes are the first ones of SHA-256, and not SHA-1 (apk 3).
    pub cut_sha256: bool,
    /// Its files: path without a slash in front, and the checksum where it has one (`Q1` and SHA-1 in base64).
    pub files: Vec<(Vec<u8>, &'a [u8])>,
}

/// The packages of the database, in order.
///
/// Errors: a line that is no field, a package without a name or a version, more than [`MAX_ROWS`] packages or files.
pub fn packages(bytes: &[u8]) -> Result<Vec<Package<'_>>, ParseError> {
    let mut packages: Vec<Package<'_>> = Vec::new();
    let mut current: Option<Package<'_>> = None;
    let (mut folder, mut files, mut room) = (&b""[..], 0, 0);
    for (line, text) in lines(bytes) {
        let wrong = |what: &str| ParseError { line: Some(line), what: what.to_owned() };
        if text.is_empty() {
            finish(&mut current, &mut packages)?;
            continue;
        }
        let [field, b':', value @ ..] = text else { return Err(wrong("no field of a package")) };
        let package = current.get_or_insert_with(|| Package { line, ..Package::default() });
        match field {
            b'P' => package.name = value,
            b'V' => package.version = value,
            b'A' => package.architecture = value,
            b'f' => package.cut_sha256 = value.contains(&b'S'),
            b'F' => folder = value,
            b'R' => {
                files += 1;
                room += folder.len() + value.len();
                if files > MAX_ROWS || room > 8 * bytes.len() + (1 << 20) {
                    return Err(wrong("more files than are kept"));
                }
                let path = if folder.is_empty() { value.to_vec() } else { [folder, b"/", value].concat() };
                package.files.push((path, b""));
            }
            b'Z' => {
                if let Some((_, checksum)) = package.files.last_mut() {
                    *checksum = value;
                }
            }
            _ => {}
        }
    }
    finish(&mut current, &mut packages)?;
    Ok(packages)
}

fn finish<'a>(current: &mut Option<Package<'a>>, packages: &mut Vec<Package<'a>>) -> Result<(), ParseError> {
    let Some(package) = current.take() else { return Ok(()) };
    let wrong = |what: String| Err(ParseError { line: Some(package.line), what });
    if package.name.is_empty() || package.version.is_empty() {
        return wrong("a package without a name or a version".to_owned());
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
    fn fields_are_packages_and_their_files() {
        let text =
            b"C:Q1x=\nP:musl\nV:1.2.5-r0\nA:x86_64\nF:lib\nR:ld.so\na:0:0:755\nZ:Q1abc=\nR:libc.so\n\nP:a\nV:1\n";
        let all = packages(text).unwrap();
        assert_eq!(
            (all[0].name, all[0].version, all[0].architecture),
            (&b"musl"[..], &b"1.2.5-r0"[..], &b"x86_64"[..])
        );
        assert_eq!(all[0].files, [(b"lib/ld.so".to_vec(), &b"Q1abc="[..]), (b"lib/libc.so".to_vec(), b"")]);
        assert_eq!(all[1].name, b"a");
        assert_eq!(packages(b"V:1\n").unwrap_err().line, Some(1));
        assert_eq!(packages(b"P:a\nnonsense\n").unwrap_err().line, Some(2));
    }
}
