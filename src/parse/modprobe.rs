//! modprobe.d(5): what is said of kernel modules, as far as it keeps them from being loaded.

use crate::parse::sshd_match::is_match;
use crate::parse::{MAX_ROWS, ParseError};

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The module is not loaded for what it offers to drive.
    Blacklist(Vec<u8>),
    /// What is run instead of loading the modules of this pattern.
    Install(Vec<u8>, Vec<u8>),
}

/// The settings of a file with their lines; names have `_` for `-`, which are the same to the kernel.
///
/// Lines that kmod ignores say nothing. Errors: a NUL byte, which ends a line for kmod; too many lines.
pub fn settings(bytes: &[u8]) -> Result<Vec<(usize, Setting)>, ParseError> {
    let mut settings = Vec::new();
    for (line, text) in joined(bytes)? {
        // A comment begins at the first byte, and goes on behind a backslash as other lines do.
        if text.starts_with(b"#") {
            continue;
        }
        let (keyword, rest) = word(&text);
        let (name, command) = word(rest);
        let Some(name) = underscored(name) else { continue };
        match keyword {
            b"blacklist" => settings.push((line, Setting::Blacklist(name))),
            b"install" if !command.is_empty() => {
                settings.push((line, Setting::Install(name, without_blanks(command).to_vec())));
            }
            _ => {}
        }
    }
    Ok(settings)
}

/// The lines of a file, each with the number of its first one: a backslash goes away with the end of line behind it,
/// and by itself before any other byte. The return of a CR LF is part of the line.
fn joined(bytes: &[u8]) -> Result<Vec<(usize, Vec<u8>)>, ParseError> {
    let (mut all, mut text, mut line, mut first) = (Vec::new(), Vec::new(), 1, 1);
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'\\' => match rest.next() {
                Some(b'\n') => {
                    line += 1;
                    continue;
                }
                Some(escaped) => escaped,
                // At the end, kmod 30 puts a byte of its own for it, so that no name is met.
                None => byte,
            },
            b'\n' => {
                all.push((first, std::mem::take(&mut text)));
                line += 1;
                first = line;
                if line > MAX_ROWS {
                    return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
                }
                continue;
            }
            byte => byte,
        };
        if *byte == 0 {
            return Err(ParseError { line: Some(line), what: "a NUL byte".to_owned() });
        }
        text.push(*byte);
    }
    all.push((first, text));
    Ok(all)
}

/// The first word of a text, and what stands behind the blank that ends it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().position(|byte| !blank(byte)).unwrap_or(text.len());
    let text = text.get(start..).unwrap_or_default();
    let (word, rest) = text.split_at(text.iter().position(blank).unwrap_or(text.len()));
    (word, rest.get(1..).unwrap_or_default())
}

/// A command without the blanks around it, which are nothing to a shell.
fn without_blanks(command: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = command.iter().take_while(|byte| blank(byte)).count();
    let end = command.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    command.get(start..end).unwrap_or_default()
}

/// A name as kmod keeps it: what stands in brackets is left alone, and without both of them it is none.
fn underscored(name: &[u8]) -> Option<Vec<u8>> {
    let mut inside = false;
    let mut plain = Vec::new();
    for byte in name {
        plain.push(match byte {
            b']' if !inside => return None,
            b']' | b'[' => {
                inside = *byte == b'[';
                *byte
            }
            b'-' if !inside => b'_',
            byte => *byte,
        });
    }
    (!plain.is_empty() && !inside).then_some(plain)
}

/// The name as the kernel has it.
pub fn plain(name: &[u8]) -> Vec<u8> {
    name.iter().map(|byte| if *byte == b'-' { b'_' } else { *byte }).collect()
}

/// Whether a module's name meets the pattern of an `install`; nothing where only fnmatch(3) would know.
pub fn meets(name: &[u8], pattern: &[u8]) -> Option<bool> {
    let Some(at) = pattern.iter().position(|byte| matches!(byte, b'[' | b'\\')) else {
        return Some(is_match(name, pattern));
    };
    // What stands before it must be met in any case.
    let begins = [pattern.get(..at).unwrap_or_default(), b"*"].concat();
    if is_match(name, &begins) { None } else { Some(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read() {
        let text = b"# c\nblacklist usb-storage\ninstall cramfs \\\n /bin/true\nalias a b\nblacklist\ninstall a\n";
        let expected = [
            (2, Setting::Blacklist(b"usb_storage".to_vec())),
            (3, Setting::Install(b"cramfs".to_vec(), b"/bin/true".to_vec())),
        ];
        assert_eq!(settings(text).unwrap(), expected);
        assert_eq!(settings(b"a\nblacklist a\0b\n").unwrap_err().line, Some(2));
    }

    #[test]
    fn patterns_are_met() {
        for (pattern, met) in [("hid*", Some(true)), ("hid", Some(false)), ("h[a-z]d", None), ("x[a-z]d", Some(false))]
        {
            assert_eq!(meets(b"hid_a", pattern.as_bytes()), met, "{pattern}");
        }
    }
}
