//! hosts_access(5): daemons, clients and options between colons.

use crate::parse::{MAX_ROWS, ParseError, lines, refuse_nul, refuse_rare_blanks, trim};

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

/// What libwrap holds of one line, its end counted.
const MAX_LINE: usize = 2_047;

/// The lines that hold something, joined where they go on, each with the number of its first one.
///
/// Only a backslash just before the end of a line goes on, and nothing comes in its place; a comment goes on, too.
fn assembled(bytes: &[u8]) -> Result<Vec<(usize, Vec<u8>)>, ParseError> {
    refuse_nul(bytes)?;
    refuse_rare_blanks(bytes)?;
    let mut assembled = Vec::new();
    let mut open: Option<(usize, Vec<u8>)> = None;
    // The line that was read last, if it holds something.
    let mut last = None;
    let holds = |text: &[u8]| !trim(text).is_empty() && !text.starts_with(b"#");
    for (number, line) in lines(bytes) {
        if number > MAX_ROWS {
            return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
        }
        let (begun, mut whole) = open.take().unwrap_or((number, Vec::new()));
        let goes_on = line.strip_suffix(b"\\");
        whole.extend_from_slice(goes_on.unwrap_or(line));
        if goes_on.is_some() {
            open = Some((begun, whole));
            continue;
        }
        last = holds(&whole).then_some(begun);
        if last.is_some() {
            assembled.push((begun, whole));
        }
    }
    let unheeded = match open {
        Some((line, whole)) => holds(&whole).then_some(line),
        None => last.filter(|_| !bytes.ends_with(b"\n")),
    };
    if let Some(line) = unheeded {
        return Err(ParseError { line: Some(line), what: "the last line has no end, and is not heeded".to_owned() });
    }
    match assembled.iter().find(|(_, text)| text.len() >= MAX_LINE) {
        Some((line, _)) => {
            Err(ParseError { line: Some(*line), what: format!("the line has {MAX_LINE} bytes or more") })
        }
        None => Ok(assembled),
    }
}

/// The rules of a file, in order.
///
/// Errors: a line without a colon; more than [`MAX_ROWS`] lines or names.
pub fn rules(bytes: &[u8]) -> Result<Vec<Rule>, ParseError> {
    let mut rules = Vec::new();
    let mut count = 0;
    for (line, text) in assembled(bytes)? {
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

/// What stands between colons; those in brackets separate nothing, among the options those behind a backslash neither.
fn parts(text: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    let (mut inside, mut escaped) = (false, false);
    for byte in text.iter().copied() {
        match byte {
            b'\\' if !escaped && parts.len() > 2 => {
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
        // A comment that goes on takes the next line with it; nothing else but the very end of a line goes on.
        assert_eq!(rules(b"# c \\\nALL: ALL\nAL\\\nL: x\n# end").unwrap().len(), 1);
        assert_eq!(rules(b"AL\\\nL: x\n").unwrap()[0].daemons, [b"ALL"]);
        assert_eq!(rules(b"a: b \\ \nc: d\n").unwrap().len(), 2);
        assert_eq!(rules(b"a\\:b:c\n").unwrap()[0].clients, [b"b"]);
        for text in [&b"a: b\nc: d"[..], b"a: b\nc: d\\\n", b"a: b\r\n", b"a: b\0\n"] {
            assert!(rules(text).is_err(), "{text:?}");
        }
        assert!(rules(&[&b"a: ".repeat(800)[..], b"\n"].concat()).unwrap_err().what.contains("2047"));
        assert!(rules(&[b"a:".as_slice(), &b"b,".repeat(MAX_ROWS + 1)].concat()).is_err());
    }
}
