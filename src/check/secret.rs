//! What reports never show, whatever a profile asks for: values whose name says that they are secret, and what looks like
//! a password, its hash or a private key in a text. Typed properties say so themselves, in the registry.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use crate::pattern::Pattern;

/// Ends of names whose values are secret. `PasswordAuthentication` and `PASS_MAX_DAYS` are no such names.
const ENDS: [&str; 15] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "secrets",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "privatekey",
    "private_key",
    "private-key",
    "credentials",
    "requirepass",
];

/// What stands in the place of a secret.
const HIDDEN: &str = "(not shown)";

/// Whether the value of a key is secret.
pub(super) fn is_secret(key: &[u8]) -> bool {
    let key = key.to_ascii_lowercase();
    ENDS.iter().any(|end| key.ends_with(end.as_bytes()))
}

/// Secrets in a text: a name and its value, a password in a URL, the hash of a password, a private key.
static IN_TEXT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let word =
        r"(?i:password|passwd|pwd|passphrase|secrets?|token|api[_-]?key|private[_-]?key|credentials|requirepass)";
    let value = r#"(?:\\?"[^"]*"?|\\?'[^']*'?|[^\s"']+)"#;
    let assigned = format!(r#"(?<assigned>{word}\\?["']?[ \t]*=>?[ \t]*)(?<first>{value})"#);
    // A path before a message is no such name: `/etc/passwd: …`.
    let named = format!(r#"(?<named>(?:^|[^/\w.-])[\w.-]*{word}\\?["']?[ \t]*:[ \t]*)(?<second>{value})"#);
    let url = r"(?<user>://[^\s/:@]*:)[^\s/@]+@";
    let hash = r#"(?<hash>\$(?:1|2[abxy]?|5|6|7|y|gy|sha1|md5|apr1|argon2[a-z]*)\$)[^\s:"']{4,}"#;
    let key = r"(?s)(?<key>-----BEGIN [A-Z ]*PRIVATE KEY-----).*";
    Pattern::new(&format!("{assigned}|{named}|{url}|{hash}|{key}")).and_then(|pattern| pattern.regex()).ok()
});

/// What each of them has, found faster: a report has many texts and hardly a secret.
static SUSPECT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = r"(?i:passw|pwd|passphrase|secret|token|api[_-]?key|private[_ -]?key|credentials|requirepass)";
    Pattern::new(&format!(r"{words}|\$[0-9a-z]|://")).and_then(|pattern| pattern.regex()).ok()
});

/// A text for a report, without the secrets in it.
pub fn without_secrets(text: String) -> String {
    let (Some(suspect), Some(secrets)) = (LazyLock::force(&SUSPECT), LazyLock::force(&IN_TEXT)) else {
        return HIDDEN.to_owned();
    };
    if !suspect.is_match(text.as_bytes()) {
        return text;
    }
    let hidden = secrets.replace_all(text.as_bytes(), |found: &Captures<'_>| {
        let kept = ["assigned", "named", "user", "hash", "key"].iter().find_map(|group| found.name(group));
        // What was left out already: build arguments in the history of an image.
        let value = found.name("first").or_else(|| found.name("second")).map(|value| value.as_bytes());
        let rest = value.and_then(|value| value.strip_prefix("…".as_bytes()));
        if rest.is_some_and(|rest| rest.iter().all(u8::is_ascii_punctuation)) {
            return found.get(0).map_or_else(Vec::new, |all| all.as_bytes().to_vec());
        }
        let at = if found.name("user").is_some() { "@" } else { "" };
        [kept.map_or(&b""[..], |kept| kept.as_bytes()), HIDDEN.as_bytes(), at.as_bytes()].concat()
    });
    match hidden {
        Cow::Borrowed(_) => text,
        Cow::Owned(hidden) => String::from_utf8(hidden).unwrap_or_else(|_| HIDDEN.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_texts() {
        let cases = [
            ("root:$6$salt$hash:1::", "root:$6$(not shown):1::"),
            ("\"password=hunter2\"", "\"password=(not shown)\""),
            ("{\"db_password\" => \"hunter2\", \"a\" => 1}", "{\"db_password\" => (not shown), \"a\" => 1}"),
            ("API_KEY: 'a b', x", "API_KEY: (not shown), x"),
            ("postgres://u:hunter2@h/db", "postgres://u:(not shown)@h/db"),
            ("-----BEGIN RSA PRIVATE KEY-----\nabc\n", "-----BEGIN RSA PRIVATE KEY-----(not shown)"),
            ("(a, RUN TOKEN=…)", "(a, RUN TOKEN=…)"),
            ("password=a;b,c)d}e x", "password=(not shown) x"),
            ("File /password=hunter2 is expected to exist", "File /password=(not shown) is expected to exist"),
            ("/etc/passwd: there is no user", "/etc/passwd: there is no user"),
            ("at: /etc/passwd:4 (app)", "at: /etc/passwd:4 (app)"),
            ("PasswordAuthentication yes", "PasswordAuthentication yes"),
            (
                "SSHD Configuration PermitEmptyPasswords is expected to cmp == \"no\"",
                "SSHD Configuration PermitEmptyPasswords is expected to cmp == \"no\"",
            ),
            ("content is expected to match /^\\$6\\$/", "content is expected to match /^\\$6\\$/"),
            (
                "File /etc/shadow mode is expected to cmp == \"0640\"",
                "File /etc/shadow mode is expected to cmp == \"0640\"",
            ),
            ("password    sufficient   pam_unix.so sha512", "password    sufficient   pam_unix.so sha512"),
        ];
        for (text, expected) in cases {
            assert_eq!(without_secrets(text.to_owned()), expected);
        }
    }

    #[test]
    fn secret_names() {
        for name in ["password", "DB_PASSWORD", "proxy_password", "auth-token", "client.secret", "requirepass"] {
            assert!(is_secret(name.as_bytes()), "{name}");
        }
        for name in ["PasswordAuthentication", "PASS_MAX_DAYS", "password_encryption", "ssl_key_file", "tokens"] {
            assert!(!is_secret(name.as_bytes()), "{name}");
        }
    }
}
