//! crontab(5): when what is run, and as whom.

use crate::parse::continued::first_word;
use crate::parse::{MAX_ROWS, ParseError, lines, refuse_long_lines, refuse_nul, refuse_rare_blanks, trim};

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

/// The fields of a time: what they are called, the least and the largest number, and whether names do as well.
const FIELDS: [(&str, u32, u32, bool); 5] = [
    ("minute", 0, 59, false),
    ("hour", 0, 23, false),
    ("day of the month", 1, 31, false),
    ("month", 1, 12, true),
    ("day of the week", 0, 7, true),
];

/// The longest line of which Debian's cron cuts nothing.
const MAX_LINE: usize = 998;

/// The jobs of a file, in order; `with_user` for those whose lines name a user. Variables and comments are none.
///
/// Errors: a line that is too short, or has no end; a time of day that is unknown; more than [`MAX_ROWS`] lines.
pub fn jobs(bytes: &[u8], with_user: bool) -> Result<Vec<Job<'_>>, ParseError> {
    refuse_nul(bytes)?;
    refuse_rare_blanks(bytes)?;
    refuse_long_lines(bytes, MAX_LINE)?;
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
                let known = NAMED.iter().find(|(name, _)| first == *name);
                known.map(|(_, when)| *when).ok_or_else(|| error("the time is unknown"))?
            }
            // A `-` before the minute only silences the log.
            false => [first.strip_prefix(b"-").unwrap_or(first), next(), next(), next(), next()],
        };
        if !first.starts_with(b"@")
            && let Some((_, (name, ..))) = when.iter().zip(FIELDS).find(|(field, of)| !is_list(field, *of))
        {
            return Err(error(&format!("the {name} is unknown")));
        }
        let user = with_user.then(&mut next);
        let command = rest;
        if command.is_empty() || user.is_some_and(<[u8]>::is_empty) {
            return Err(error("a time, and what is run, is expected"));
        }
        jobs.push(Job { line, when, user, command });
    }
    // Without the end of its line, cron runs none of the last job.
    let cut = jobs.last().filter(|job| !bytes.ends_with(b"\n") && lines(bytes).count() == job.line);
    cut.map_or(Ok(()), |job| Err(ParseError { line: Some(job.line), what: "the last line has no end".to_owned() }))?;
    Ok(jobs)
}

/// Numbers, ranges, steps and stars between commas; a range with `~` is a number in it that cron chooses.
fn is_list(field: &[u8], (_, least, most, names): (&str, u32, u32, bool)) -> bool {
    let digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    let number =
        |text: &[u8]| std::str::from_utf8(text).ok().filter(|_| digits(text)).and_then(|text| text.parse().ok());
    let is_one = |text: &[u8]| {
        let named = names && text.len() == 3 && text.iter().all(u8::is_ascii_alphabetic);
        named || text == b"*" || number(text).is_some_and(|number| (least..=most).contains(&number))
    };
    field.split(|byte| *byte == b',').all(|range| {
        let mut parts = range.split(|byte| *byte == b'/');
        let ends = parts.next().unwrap_or_default();
        let stepped = parts.next().is_none_or(|step| number(step).is_some()) && parts.next().is_none();
        let any = ends.contains(&b'~');
        stepped && ends.split(|byte| matches!(byte, b'-' | b'~')).all(|end| is_one(end) || (any && end.is_empty()))
    })
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
        let text = b"SHELL = /bin/sh\n# c\n-*/5 1,2 * jan mon-fri root  run a=b % c\n@daily root x\n";
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
        assert_eq!(jobs(b"# c\n* * * * * x\n# d", false).unwrap().len(), 1);
        assert_eq!(shown(&jobs(b"@reboot x y\n", false).unwrap()[0]), "1 -1 -1 -1 -1 -1 - x y");
        assert_eq!(jobs(b"\n@never x y\n", true).unwrap_err().line, Some(2));
        assert!(jobs(b"* * * * * x", true).is_err());
        assert!(jobs(b"* * * *", false).is_err());
        for time in ["*/5 0-5,7 1~15 jan mon-fri", "~ * 31 12 7", "0~59/7 * * * sun"] {
            assert_eq!(jobs(format!("{time} x\n").as_bytes(), false).unwrap().len(), 1, "{time}");
        }
        for odd in [
            "60 * * * * x\n",
            "* 24 * * * x\n",
            "* * 0 * * x\n",
            "x * * * * x\n",
            "* * * janu * x\n",
            "1-x * * * * x\n",
        ]
        .into_iter()
        .chain([
            "@Daily x\n",
            "* * * * * x",
            "* * * * * x\r\n",
            "* * * * * x\0\n",
            "1,,2 * * * * x\n",
            "*//2 * * * * x\n",
        ]) {
            assert!(jobs(odd.as_bytes(), false).is_err(), "{odd:?}");
        }
        assert!(jobs(&[&b"* * * * * "[..], &b"x".repeat(MAX_LINE), b"\n"].concat(), false).is_err());
    }
}
