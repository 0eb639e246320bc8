//! The lines of chrony.conf(5) and ntp.conf(5).

use crate::parse::continued::single;
use crate::parse::{ParseError, refuse_blanks_of, refuse_long_lines, refuse_nul};

/// The longest line that chronyd takes: of a longer one it makes two.
const MAX_LINE: usize = 2047;

/// chrony's directives with their lines.
///
/// Errors: a comment behind a directive, for which chronyd has no sign; what it takes for more or less than one line.
pub fn chrony(bytes: &[u8]) -> Result<Vec<(usize, &[u8])>, ParseError> {
    refuse_long_lines(bytes, MAX_LINE)?;
    let lines = checked(bytes, |line| match line.trim_ascii_start().first() {
        Some(b'!' | b';' | b'#' | b'%') => b"",
        _ => line,
    })?;
    let is_comment = |text: &[u8]| text.split(u8::is_ascii_whitespace).any(|word| word.starts_with(b"#"));
    match lines.iter().find(|(_, text)| is_comment(text)) {
        Some((line, _)) => {
            Err(ParseError { line: Some(*line), what: "`#` begins no comment behind a directive".to_owned() })
        }
        None => Ok(lines),
    }
}

/// ntpd's directives with their lines: a `#` that stands in no quotes begins a comment.
pub fn ntp(bytes: &[u8]) -> Result<Vec<(usize, &[u8])>, ParseError> {
    checked(bytes, |line| {
        let mut quoted = false;
        let end = line.iter().position(|byte| {
            quoted ^= *byte == b'"';
            *byte == b'#' && !quoted
        });
        line.get(..end.unwrap_or(line.len())).unwrap_or_default()
    })
}

fn checked(bytes: &[u8], uncommented: fn(&[u8]) -> &[u8]) -> Result<Vec<(usize, &[u8])>, ParseError> {
    refuse_nul(bytes)?;
    let lines = single(bytes, uncommented)?;
    lines.iter().try_for_each(|(line, text)| refuse_blanks_of(*line, text, b"\x0b"))?;
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_of_chrony_are_lines() {
        let text = b"! a\n ; b\n# c\n%d\nkeyfile /a#b\n server x";
        assert_eq!(chrony(text).unwrap(), [(5, &b"keyfile /a#b"[..]), (6, b"server x")]);
        for (text, why) in [
            (&b"\nport 0 # x"[..], "line 2: `#` begins no comment behind a directive"),
            (b"port\x0b0", "line 1: the byte 0x0b, a blank, stands there"),
            (b"a\0b", "line 1: a NUL stands there"),
            (&[b'a'; MAX_LINE + 1], "line 1: the line has more than 2047 bytes"),
        ] {
            assert_eq!(chrony(text).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn comments_of_ntp_stand_in_no_quotes() {
        let text = b"driftfile \"/a#b\" # c\n#\nserver x#y\n";
        assert_eq!(ntp(text).unwrap(), [(1, &b"driftfile \"/a#b\""[..]), (3, b"server x")]);
    }
}
