//! Untrusted text on its way to readers who act on it.

use std::fmt::Write as _;

/// One line for a terminal: control characters, and the marks that turn the direction of text or take no room, become
/// visible escapes.
pub(super) fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if is_harmful(char) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(char));
        } else {
            out.push(char);
        }
    }
    // A line that a CI system would take for a command of its own.
    let begins_command = ["::", "##["].iter().any(|mark| out.trim_start().starts_with(mark));
    if begins_command { format!("\\{out}") } else { out }
}

fn is_harmful(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(u32::from(char), 0xe0000..=0xe007f)
}

/// One line for Markdown in a table or a list: nothing of it is markup, a link, a mention or HTML.
pub(super) fn markdown(text: &str) -> String {
    let text = line(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        let first = out.is_empty();
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            // A link, an emoji or a command; not the end of a word.
            ':' if rest.peek().is_some_and(|next| *next != ' ') => out.push_str("&#58;"),
            '.' if out.ends_with("www") => out.push_str("&#46;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '$' => {
                out.push('\\');
                out.push(char);
            }
            '-' | '+' | '=' if first => {
                out.push('\\');
                out.push(char);
            }
            char => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_see_no_commands() {
        for (text, expected) in [
            ("plain é", "plain é"),
            ("\x1b[2J", "\\u{1b}[2J"),
            ("a\nb\r", "a\\u{a}b\\u{d}"),
            ("\u{202e}gpj.exe", "\\u{202e}gpj.exe"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("  ::set-output name=x::y", "\\  ::set-output name=x::y"),
        ] {
            assert_eq!(line(text), expected);
        }
    }

    #[test]
    fn markdown_sees_no_markup() {
        assert_eq!(markdown("a|b<script>`x`"), "a\\|b&lt;script&gt;\\`x\\`");
        assert_eq!(markdown("@team [x](http://y)"), "&#64;team \\[x\\](http&#58;//y)");
        assert_eq!(markdown("got: :tick: www.x.org"), "got: &#58;tick: www&#46;x.org");
        assert_eq!(markdown("- [ ] a-b"), "\\- \\[ \\] a-b");
    }
}
