//! sshd_config(5): one keyword and its arguments a line.

use crate::parse::{MAX_ROWS, ParseError, lines, trim};

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive<'a> {
    /// Its number, from 1.
    pub line: usize,
    /// The keyword, in lower case: sshd does not look at case.
    pub keyword: Vec<u8>,
    /// The rest of the line, as written.
    pub arguments: &'a [u8],
}

/// Keywords that sshd takes several times; of all others the first one counts.
pub const REPEATED: [&str; 13] = [
    "acceptenv",
    "allowgroups",
    "allowusers",
    "denygroups",
    "denyusers",
    "hostcertificate",
    "hostkey",
    "include",
    "listenaddress",
    "match",
    "port",
    "setenv",
    "subsystem",
];

/// The directives, in order. `Keyword=value` and `Keyword = value` are as good as a blank.
///
/// Errors: more than [`MAX_ROWS`] lines.
pub fn directives(bytes: &[u8]) -> Result<Vec<Directive<'_>>, ParseError> {
    if lines(bytes).nth(MAX_ROWS).is_some() {
        return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
    }
    let directives = lines(bytes).filter_map(|(line, text)| {
        let text = trim(text);
        if text.is_empty() || text.starts_with(b"#") {
            return None;
        }
        let end = text.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'=').unwrap_or(text.len());
        let (keyword, rest) = text.split_at(end);
        let rest = trim(rest);
        let arguments = rest.strip_prefix(b"=").map_or(rest, trim);
        Some(Directive { line, keyword: keyword.to_ascii_lowercase(), arguments })
    });
    Ok(directives.collect())
}

/// The arguments of a directive, split at blanks, without double quotes.
pub fn words(arguments: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quoted = false;
    for byte in arguments {
        match byte {
            b'"' => {
                quoted = !quoted;
                word.get_or_insert_with(Vec::new);
            }
            byte if byte.is_ascii_whitespace() && !quoted => words.extend(word.take()),
            byte => word.get_or_insert_with(Vec::new).push(*byte),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_found_in_every_notation() {
        let all = directives(b"PermitRootLogin no\n  port=22\nBanner = /etc/issue  \n#X y\nUsePAM\n").unwrap();
        let seen: Vec<_> = all.iter().map(|one| (one.line, one.keyword.as_slice(), one.arguments)).collect();
        let expected: [(usize, &[u8], &[u8]); 4] =
            [(1, b"permitrootlogin", b"no"), (2, b"port", b"22"), (3, b"banner", b"/etc/issue"), (5, b"usepam", b"")];
        assert_eq!(seen, expected);
        assert_eq!(words(b"a \"b c\"  d\"\" \"\""), [&b"a"[..], b"b c", b"d", b""]);
    }
}
