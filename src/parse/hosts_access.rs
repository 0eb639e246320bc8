//! hosts_access(5): daemons, clients and options between colons.

use crate::parse::continued::{continued, unless_hash};
use crate::parse::{MAX_ROWS, ParseError, trim};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its number, from 1.
    pub line: usize,
    /// The daemons, EXCEPT among them.
    pub daemons: Vec<Vec<u8>>,
    /// The clients, EXCEPT among them.
    pub clients: Vec<Vec<u8>>,
    /// What follows, part by part.
    pub options: Vec<Vec<u8>>,
}

/// The rules of a file, in order.
///
/// Errors: a line without a colon; more than [`MAX_ROWS`] lines or names.
pub fn rules(bytes: &[u8]) -> Result<Vec<Rule>, ParseError> {
    let mut rules = Vec::new();
    let mut count = 0;
    for (line, text) in continued(bytes, unless_hash)? {
        let mut parts = parts(&text).into_iter();
        let (Some(daemons), Some(clients)) = (parts.next(), parts.next()) else {
            return Err(ParseError {
                line: Some(line),
                what: "daemons and clients are expected, a colon between".to_owned(),
            });
        };
        let names = |part: &[u8]| -> Vec<Vec<u8>> {
            let names = part.split(|byte| *byte == b',' || byte.is_ascii_whitespace());
            names.filter(|name| !name.is_empty()).map(<[u8]>::to_vec).take(MAX_ROWS + 1).collect()
        };
        let (daemons, clients) = (names(&daemons), names(&clients));
        let options: Vec<Vec<u8>> = parts.map(|part| trim(&part).to_vec()).collect();
        count += daemons.len() + clients.len() + options.len();
        if count > MAX_ROWS {
            return Err(ParseError { line: Some(line), what: format!("more than {MAX_ROWS} names") });
        }
        rules.push(Rule { line, daemons, clients, options });
    }
    Ok(rules)
}

/// What stands between colons; those in brackets or behind a backslash separate nothing.
fn parts(text: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    let (mut inside, mut escaped) = (false, false);
    for byte in text.iter().copied() {
        match byte {
            b'\\' if !escaped => {
                escaped = true;
                continue;
            }
            b':' if !inside && !escaped && parts.len() <= MAX_ROWS => {
                parts.push(Vec::new());
                continue;
            }
            b'[' => inside = true,
            b']' => inside = false,
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            if escaped && byte != b':' {
                part.push(b'\\');
            }
            part.push(byte);
        }
        escaped = false;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read() {
        let text = b"# c\nsshd, in.ftpd : ALL EXCEPT [fe80::1]/64 \\\n 10. : spawn echo a\\:b : deny\nALL: x\n";
        let found = rules(text).unwrap();
        let text = |names: &[Vec<u8>]| {
            names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect::<Vec<_>>().join("|")
        };
        let shown = |rule: &Rule| {
            format!("{} {} {} {}", rule.line, text(&rule.daemons), text(&rule.clients), text(&rule.options))
        };
        let shown: Vec<String> = found.iter().map(shown).collect();
        assert_eq!(shown, ["2 sshd|in.ftpd ALL|EXCEPT|[fe80::1]/64|10. spawn echo a:b|deny", "4 ALL x "]);
        assert_eq!(rules(b"\nALL\n").unwrap_err().line, Some(2));
        assert!(rules(&[b"a:".as_slice(), &b"b,".repeat(MAX_ROWS + 1)].concat()).is_err());
    }
}
