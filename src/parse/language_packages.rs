//! What packages of programming languages say of themselves: Python's METADATA, R's DESCRIPTION, RubyGems' gemspec,
//! Perl's modules, manifests and pom.properties of Java archives.

use crate::parse::{lines, trim};

/// The value of the first field of a name in a head of `Name: value` lines, which ends at an empty line (Python's
/// METADATA and PKG-INFO, R's DESCRIPTION, Java's MANIFEST.MF). A line that starts with a blank goes on with the last.
pub fn field(bytes: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut found: Option<Vec<u8>> = None;
    for (_, line) in lines(bytes) {
        match (&mut found, line.first()) {
            (_, None) => break,
            // A manifest breaks its lines in the middle of words.
            (Some(value), Some(b' ' | b'\t')) => value.extend_from_slice(line.get(1..).unwrap_or_default()),
            (Some(_), _) => break,
            (None, _) => {
                let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
                let (key, value) = line.split_at(colon);
                if key.eq_ignore_ascii_case(name.as_bytes()) {
                    found = Some(trim(value.get(1..).unwrap_or_default()).to_vec());
                }
            }
        }
    }
    found
}

/// The value of a key of pom.properties: `key=value`.
pub fn property<'a>(bytes: &'a [u8], name: &str) -> Option<&'a [u8]> {
    lines(bytes).find_map(|(_, line)| {
        let value = trim(line).strip_prefix(name.as_bytes())?;
        Some(trim(trim(value).strip_prefix(b"=")?))
    })
}

/// A Python name as PEP 503 compares it: lower case, runs of `-`, `_` and `.` are one hyphen.
pub fn python_name(name: &[u8]) -> Vec<u8> {
    let mut normal: Vec<u8> = Vec::new();
    for byte in name {
        match byte {
            b'-' | b'_' | b'.' if normal.last() == Some(&b'-') => {}
            b'-' | b'_' | b'.' => normal.push(b'-'),
            byte => normal.push(byte.to_ascii_lowercase()),
        }
    }
    normal
}

/// Name and version of a gemspec: by its stub line, which is the second, or by its literal lines.
pub fn gem(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut name, mut version) = (None, None);
    for (number, line) in lines(bytes) {
        let line = trim(line);
        if let Some(stub) = line.strip_prefix(b"# stub: ").filter(|_| number == 2) {
            let mut words = stub.split(|byte| *byte == b' ');
            return Some((words.next()?, words.next()?));
        }
        let literal = |key: &[u8]| {
            let at = memchr::memmem::find(line, key).filter(|at| *at <= 16)?;
            let value = trim(line.get(at + key.len()..)?).strip_prefix(b"=")?;
            quoted(trim(value))
        };
        name = name.or_else(|| literal(b".name"));
        version = version.or_else(|| literal(b".version"));
    }
    Some((name?, version?))
}

/// The text in the quotes that a text starts with.
fn quoted(text: &[u8]) -> Option<&[u8]> {
    let (quote, rest) = text.split_first().filter(|(quote, _)| matches!(quote, b'"' | b'\''))?;
    rest.split(|byte| byte == quote).next()
}

/// The version that a Perl module states literally: `$VERSION = '1.2'`, or `package Name 1.2`.
pub fn perl_version<'a>(bytes: &'a [u8], module: &str) -> Option<&'a [u8]> {
    let mut documentation = false;
    for (_, line) in lines(bytes) {
        let line = trim(line);
        if line.starts_with(b"__END__") || line.starts_with(b"__DATA__") {
            return None;
        }
        // =pod up to =cut is documentation.
        if line.first() == Some(&b'=') && line.get(1).is_some_and(u8::is_ascii_alphabetic) {
            documentation = !line.starts_with(b"=cut");
            continue;
        }
        if documentation || line.starts_with(b"#") {
            continue;
        }
        let version = |text: &'a [u8]| {
            let text = trim(text);
            let text = quoted(text).unwrap_or(text);
            let wanted = |byte: &&u8| byte.is_ascii_digit() || b"._v".contains(byte);
            let length = text.iter().take_while(wanted).count();
            text.get(..length).filter(|version| version.iter().any(u8::is_ascii_digit))
        };
        if let Some(rest) =
            line.strip_prefix(b"package ").map(trim).and_then(|rest| rest.strip_prefix(module.as_bytes()))
            && rest.first() == Some(&b' ')
            && let Some(version) = version(rest)
        {
            return Some(version);
        }
        if let Some(at) = memchr::memmem::find(line, b"VERSION")
            && line.get(..at).is_some_and(|head| head.ends_with(b"$") || head.ends_with(b"::"))
            && let Some(value) = line.get(at + 7..).map(trim).and_then(|rest| rest.strip_prefix(b"="))
            && !value.starts_with(b"=")
        {
            return version(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let head = b"Metadata-Version: 2.1\nName: Foo_Bar\nVersion: 1.0\n\nVersion: 2\n";
        assert_eq!(field(head, "version").unwrap(), b"1.0");
        assert_eq!(field(b"A: x\n\nVersion: 2\n", "Version"), None);
        assert_eq!(field(b"Bundle-Name: ab\r\n cd\r\nB: c\r\n", "Bundle-Name").unwrap(), b"abcd");
        assert_eq!(property(b"#x\nversion = 1.2\nartifactId=a\n", "version"), Some(&b"1.2"[..]));
        assert_eq!(python_name(b"Foo._Bar-baz"), b"foo-bar-baz");
    }

    #[test]
    fn gems_say_who_they_are() {
        let stub = b"# -*- encoding: utf-8 -*-\n# stub: rake 13.0.6 ruby lib\n\nGem::Specification.new do |s|\n";
        assert_eq!(gem(stub), Some((&b"rake"[..], &b"13.0.6"[..])));
        let literal = b"Gem::Specification.new do |s|\n  s.name = \"json\".freeze\n  s.version = '2.6'\nend\n";
        assert_eq!(gem(literal), Some((&b"json"[..], &b"2.6"[..])));
        let late = b"# x\n\n# stub: rake 13.0.6 ruby lib\ns.name = 'rake'\ns.version = '12'\n";
        assert_eq!(gem(late), Some((&b"rake"[..], &b"12"[..])));
        assert_eq!(gem(b"s.name = File.read('x')\n"), None);
    }

    #[test]
    fn modules_state_their_version() {
        for (text, version) in [
            (&b"package A;\nour $VERSION = '1.23';\n"[..], Some(&b"1.23"[..])),
            (b"$A::B::VERSION = 1.5_01;\n", Some(b"1.5_01")),
            (b"package A::B v1.2.3 {\n", Some(b"v1.2.3")),
            (b"=head1\n\n$VERSION = 3;\n\n=cut\n\n$VERSION = 2;\n", Some(b"2")),
            (b"$VERSION = eval $VERSION;\n", None),
            (b"if ($VERSION == 1) {}\n", None),
            (b"# $VERSION = 1;\n__END__\n$VERSION = 2;\n", None),
        ] {
            assert_eq!(perl_version(text, "A::B"), version);
        }
    }
}
