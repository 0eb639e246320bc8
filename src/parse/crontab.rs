//! crontab(5): when what is run, and as whom.

use crate::parse::continued::first_word;
use crate::parse::{MAX_ROWS, ParseError, lines, trim};

/// One line that runs something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job<'a> {
    /// Its number, from 1.
    pub line: usize,
    /// Minute, hour, day of the month, month, day of the week. InSpec's `-1` for `@reboot`.
    pub when: [&'a [u8]; 5],
    /// As whom, in files that say so.
    pub user: Option<&'a [u8]>,
    /// What is run, to the end of the line.
    pub command: &'a [u8],
}

const NAMED: [(&[u8], [&[u8]; 5]); 8] = [
    (b"@reboot", [b"-1", b"-1", b"-1", b"-1", b"-1"]),
    (b"@yearly", [b"0", b"0", b"1", b"1", b"*"]),
    (b"@annually", [b"0", b"0", b"1", b"1", b"*"]),
    (b"@monthly", [b"0", b"0", b"1", b"*", b"*"]),
    (b"@weekly", [b"0", b"0", b"*", b"*", b"0"]),
    (b"@daily", [b"0", b"0", b"*", b"*", b"*"]),
    (b"@midnight", [b"0", b"0", b"*", b"*", b"*"]),
    (b"@hourly", [b"0", b"*", b"*", b"*", b"*"]),
];

/// The jobs of a file, in order; `with_user` for those whose lines name a user. Variables and comments are none.
///
/// Errors: a line that is too short, or a time of day that is unknown; more than [`MAX_ROWS`] lines.
pub fn jobs(bytes: &[u8], with_user: bool) -> Result<Vec<Job<'_>>, ParseError> {
    let mut jobs = Vec::new();
    for (line, text) in lines(bytes) {
        if line > MAX_ROWS {
            return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
        }
        let text = trim(text);
        if text.is_empty() || text.starts_with(b"#") || is_variable(text) {
            continue;
        }
        let error = |what: &str| ParseError { line: Some(line), what: what.to_owned() };
        let (first, mut rest) = first_word(text);
        let mut next = || {
            let (word, after) = first_word(rest);
            rest = after;
            word
        };
        let when = match first.starts_with(b"@") {
            true => {
                let known = NAMED.iter().find(|(name, _)| first.eq_ignore_ascii_case(name));
                known.map(|(_, when)| *when).ok_or_else(|| error("the time is unknown"))?
            }
            // A `-` before the minute only silences the log.
            false => [first.strip_prefix(b"-").unwrap_or(first), next(), next(), next(), next()],
        };
        let user = with_user.then(&mut next);
        let command = rest;
        if command.is_empty() || user.is_some_and(<[u8]>::is_empty) {
            return Err(error("a time, and what is run, is expected"));
        }
        jobs.push(Job { line, when, user, command });
    }
    Ok(jobs)
}

/// `NAME = value`.
fn is_variable(text: &[u8]) -> bool {
    let Some(end) = text.iter().position(|byte| *byte == b'=') else { return false };
    let name = text.get(..end).map(trim).unwrap_or_default();
    let quoted = |quote: u8| name.len() > 1 && name.first() == Some(&quote) && name.last() == Some(&quote);
    let begins = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    quoted(b'"') || quoted(b'\'') || (begins && !name.iter().any(u8::is_ascii_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_read() {
        let text = b"SHELL = /bin/sh\n# c\n-*/5 1,2 * jan mon-fri root  run a=b % c\n@Daily root x\n";
        let found = jobs(text, true).unwrap();
        let shown = |job: &Job<'_>| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            format!(
                "{} {} {} {}",
                job.line,
                text(&job.when.join(&b' ')),
                text(job.user.unwrap_or(b"-")),
                text(job.command)
            )
        };
        let lines: Vec<String> = found.iter().map(shown).collect();
        assert_eq!(lines, ["3 */5 1,2 * jan mon-fri root run a=b % c", "4 0 0 * * * root x"]);
        assert_eq!(shown(&jobs(b"@reboot x y\n", false).unwrap()[0]), "1 -1 -1 -1 -1 -1 - x y");
        assert_eq!(jobs(b"\n@never x y\n", true).unwrap_err().line, Some(2));
        assert!(jobs(b"* * * * * x", true).is_err());
        assert!(jobs(b"* * * *", false).is_err());
    }
}
