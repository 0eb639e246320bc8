//! sshd_config(5): one keyword and its arguments a line.

use crate::parse::{MAX_ROWS, ParseError, lines, refuse_nul, trim};

/// The most words of one line: each takes more room than its bytes.
const MAX_WORDS: usize = 10_000;

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
pub const REPEATED: [&str; 10] = [
    "acceptenv",
    "allowgroups",
    "allowusers",
    "denygroups",
    "denyusers",
    "hostcertificate",
    "hostkey",
    "listenaddress",
    "port",
    "subsystem",
];

/// Keywords whose value is the rest of the line, quotes and all.
pub const WHOLE_LINE: [&str; 4] =
    ["authorizedkeyscommand", "authorizedprincipalscommand", "forcecommand", "versionaddendum"];

/// Keywords of the server as a whole: no Match block changes them.
pub const OF_SERVER: [&str; 34] = [
    "addressfamily",
    "ciphers",
    "compression",
    "fingerprinthash",
    "gssapicleanupcredentials",
    "gssapistrictacceptorcheck",
    "hostcertificate",
    "hostkey",
    "hostkeyagent",
    "hostkeyalgorithms",
    "ignoreuserknownhosts",
    "kerberosgetafstoken",
    "kerberosorlocalpasswd",
    "kerberosticketcleanup",
    "kexalgorithms",
    "listenaddress",
    "logingracetime",
    "macs",
    "maxstartups",
    "modulifile",
    "permituserenvironment",
    "persourcemaxstartups",
    "persourcenetblocksize",
    "pidfile",
    "port",
    "printlastlog",
    "printmotd",
    "securitykeyprovider",
    "strictmodes",
    "subsystem",
    "syslogfacility",
    "usedns",
    "usepam",
    "xauthlocation",
];

/// Older names of keywords, with those that sshd knows them by today.
pub const RENAMED: [(&str, &str); 6] = [
    ("challengeresponseauthentication", "kbdinteractiveauthentication"),
    ("dsaauthentication", "pubkeyauthentication"),
    ("hostbasedacceptedkeytypes", "hostbasedacceptedalgorithms"),
    ("keepalive", "tcpkeepalive"),
    ("pubkeyacceptedkeytypes", "pubkeyacceptedalgorithms"),
    ("skeyauthentication", "kbdinteractiveauthentication"),
];

/// The directives, in order. `Keyword=value` and `Keyword = value` are as good as a blank.
///
/// Errors: more than [`MAX_ROWS`] lines; a NUL.
pub fn directives(bytes: &[u8]) -> Result<Vec<Directive<'_>>, ParseError> {
    refuse_nul(bytes)?;
    if lines(bytes).nth(MAX_ROWS).is_some() {
        return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
    }
    let directives = lines(bytes).filter_map(|(line, text)| {
        let text = trim(text);
        if text.is_empty() || text.starts_with(b"#") {
            return None;
        }
        let (keyword, rest) = keyword(text);
        let rest = trim(rest);
        let arguments = rest.strip_prefix(b"=").map_or(rest, trim);
        Some(Directive { line, keyword: keyword.to_ascii_lowercase(), arguments })
    });
    Ok(directives.collect())
}

/// The keyword and what follows it; it may stand in double quotes.
fn keyword(text: &[u8]) -> (&[u8], &[u8]) {
    if let Some(quoted) = text.strip_prefix(b"\"")
        && let Some(end) = quoted.iter().position(|byte| *byte == b'"')
    {
        let (keyword, rest) = quoted.split_at(end);
        return (keyword, rest.get(1..).unwrap_or_default());
    }
    let end = text.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'=').unwrap_or(text.len());
    text.split_at(end)
}

/// The arguments of a directive: split at blanks, without quotes and their escapes, up to a comment.
///
/// Errors: a quote that is not closed, which sshd refuses; more than [`MAX_WORDS`].
pub fn words(arguments: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut bytes = arguments.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if words.len() > MAX_WORDS {
            return Err(format!("more than {MAX_WORDS} words"));
        }
        let blank = byte == b' ' || byte == b'\t';
        match (byte, quote) {
            (_, None) if blank => words.extend(word.take()),
            (b'#', None) if word.is_none() => break,
            (b'\\', _) => {
                let escaped =
                    bytes.next_if(|next| matches!(next, b'\'' | b'"' | b'\\') || (*next == b' ' && quote.is_none()));
                word.get_or_insert_default().push(escaped.unwrap_or(byte));
            }
            (b'"' | b'\'', None) => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (byte, Some(open)) if byte == open => quote = None,
            (byte, _) => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    if quote.is_none() { Ok(words) } else { Err("a quote is not closed".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_found_in_every_notation() {
        let text = b"PermitRootLogin no\n  port=22\nBanner = /etc/issue  \n#X y\nUsePAM\n\"Port\" 1\r\nA\x0c\n";
        let all = directives(text).unwrap();
        let seen: Vec<_> = all.iter().map(|one| (one.line, one.keyword.as_slice(), one.arguments)).collect();
        let expected: [(usize, &[u8], &[u8]); 6] = [
            (1, b"permitrootlogin", b"no"),
            (2, b"port", b"22"),
            (3, b"banner", b"/etc/issue"),
            (5, b"usepam", b""),
            (6, b"port", b"1"),
            (7, b"a", b""),
        ];
        assert_eq!(seen, expected);
        assert!(directives(&b"a\n".repeat(MAX_ROWS)).is_ok());
        assert!(directives(&b"a\n".repeat(MAX_ROWS + 1)).is_err());
    }

    #[test]
    fn words_are_bounded() {
        assert_eq!(words(&b"a ".repeat(MAX_WORDS)).unwrap().len(), MAX_WORDS);
        assert!(words(&b"a ".repeat(MAX_WORDS + 2)).unwrap_err().contains("more than"));
    }

    #[test]
    fn arguments_are_split_as_sshd_splits_them() {
        for (text, expected) in [
            (r#"a "b c"  d"" """#, Some(vec!["a", "b c", "d", ""])),
            ("no # yes", Some(vec!["no"])),
            ("a#b 'c # d'", Some(vec!["a#b", "c # d"])),
            (r#"a\ b "c\"d" e\f"#, Some(vec!["a b", "c\"d", "e\\f"])),
            ("\"a", None),
            ("", Some(vec![])),
        ] {
            let found = words(text.as_bytes()).ok();
            let found = found.map(|words| words.into_iter().map(|word| String::from_utf8(word).unwrap()).collect());
            assert_eq!(found, expected.map(|words| words.into_iter().map(str::to_owned).collect::<Vec<_>>()), "{text}");
        }
    }
}
