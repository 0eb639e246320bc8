//! aliases(5): names, and where their mail goes.

use crate::parse::{MAX_ROWS, ParseError, lines, trim};

/// One alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAlias {
    /// Its line, from 1.
    pub line: usize,
    /// Its name in lower case: the case does not count.
    pub name: Vec<u8>,
    /// Addresses, `|command`, `/file`, `:include:/list`, without quotes.
    pub targets: Vec<Vec<u8>>,
}

/// The aliases of a file, in order; a line that begins with a blank goes on with the one before.
///
/// Errors: a line without a name; more than [`MAX_ROWS`] lines or targets.
pub fn aliases(bytes: &[u8]) -> Result<Vec<MailAlias>, ParseError> {
    let mut joined: Vec<(usize, Vec<u8>)> = Vec::new();
    for (line, text) in lines(bytes) {
        if line > MAX_ROWS {
            return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
        }
        match joined.last_mut() {
            _ if trim(text).is_empty() || trim(text).starts_with(b"#") => {}
            Some((_, whole)) if text.first().is_some_and(u8::is_ascii_whitespace) => {
                whole.push(b' ');
                whole.extend_from_slice(trim(text));
            }
            _ => joined.push((line, trim(text).to_vec())),
        }
    }
    let mut aliases = Vec::new();
    let mut count = 0;
    for (line, text) in joined {
        let error = |what: &str| ParseError { line: Some(line), what: what.to_owned() };
        let (name, rest) = part(&text, b':');
        let Some(mut rest) = rest else { return Err(error("a name and a colon are expected")) };
        let mut targets = Vec::new();
        loop {
            let (target, more) = part(rest, b',');
            if !target.is_empty() {
                targets.push(target);
            }
            count += 1;
            if count > MAX_ROWS {
                return Err(error(&format!("more than {MAX_ROWS} targets")));
            }
            let Some(more) = more else { break };
            rest = more;
        }
        aliases.push(MailAlias { line, name: name.to_ascii_lowercase(), targets });
    }
    Ok(aliases)
}

/// What stands before a byte outside of quotes, without them, and what follows it.
fn part(text: &[u8], end: u8) -> (Vec<u8>, Option<&[u8]>) {
    let (mut out, mut quoted, mut escaped) = (Vec::new(), false, false);
    for (at, byte) in text.iter().copied().enumerate() {
        match byte {
            _ if escaped => {
                out.push(byte);
                escaped = false;
            }
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            // `:include:` holds colons of its own.
            byte if byte == end && !quoted => return (trim(&out).to_vec(), text.get(at + 1..)),
            byte => out.push(byte),
        }
    }
    (trim(&out).to_vec(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_read() {
        let text = b"# c\nRoot: alice, \"|/bin/x -a, b\",\n  # no\n\t:include:/l\n\"a:b\": c\n";
        let shown = |alias: &MailAlias| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let targets: Vec<String> = alias.targets.iter().map(|target| text(target)).collect();
            format!("{} {} {}", alias.line, text(&alias.name), targets.join("; "))
        };
        let lines: Vec<String> = aliases(text).unwrap().iter().map(shown).collect();
        assert_eq!(lines, ["2 root alice; |/bin/x -a, b; :include:/l", "5 a:b c"]);
        assert_eq!(aliases(b"\nx\n").unwrap_err().line, Some(2));
        assert!(aliases(&[b"a:".as_slice(), &b"b,".repeat(MAX_ROWS + 1)].concat()).is_err());
    }
}
