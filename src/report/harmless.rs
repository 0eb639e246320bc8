//! Untrusted text on its way to readers who act on it.

use std::fmt::Write as _;

/// One line for a terminal: control characters, and the marks that turn the direction of text or take no room, become
/// visible escapes.
pub(crate) fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        push_visible(char, &mut out);
    }
    // A line that a CI system would take for a command of its own.
    let begins_command = ["::", "##["].iter().any(|mark| out.trim_start().starts_with(mark));
    if begins_command { format!("\\{out}") } else { out }
}

fn push_visible(char: char, out: &mut String) {
    if is_harmful(char) {
        let _ = write!(out, "\\u{{{:x}}}", u32::from(char));
    } else {
        out.push(char);
    }
}

/// One line for XML and HTML, in an element or in an attribute's double quotes: nothing of it is markup, and nothing is
/// a character that XML does not know.
pub(super) fn markup(text: &str) -> String {
    escaped(text, &[])
}

/// The same with its lines and its tabs, for an element that keeps them.
pub(super) fn markup_lines(text: &str) -> String {
    escaped(text, &['\n', '\t'])
}

fn escaped(text: &str, kept: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            char if kept.contains(&char) => out.push(char),
            char => push_visible(char, &mut out),
        }
    }
    out
}

/// At most so many UTF-16 units, as the readers count that set limits; what is cut off shows.
pub(super) fn cut(text: String, most: usize) -> String {
    const MARK: &str = "… (cut)";
    if text.encode_utf16().count() <= most {
        return text;
    }
    let mut room = most.saturating_sub(MARK.encode_utf16().count());
    let fits = |char: &char| {
        let fits = char.len_utf16() <= room;
        room = room.saturating_sub(char.len_utf16());
        fits
    };
    text.chars().take_while(fits).chain(MARK.chars()).collect()
}

/// A character that acts or hides: in a terminal, in text that is read, in XML or YAML.
pub(super) fn is_harmful(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
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
    fn xml_and_html_see_no_markup() {
        assert_eq!(
            markup("</script><b a='x' b=\"y\">&amp;"),
            "&lt;/script&gt;&lt;b a=&#39;x&#39; b=&quot;y&quot;&gt;&amp;amp;"
        );
        assert_eq!(markup("\0\x1b[2J\u{202e}\u{ffff}\na\tb"), "\\u{0}\\u{1b}[2J\\u{202e}\\u{ffff}\\u{a}a\\u{9}b");
        assert_eq!(markup_lines("\x0ba\n\tb\r"), "\\u{b}a\n\tb\\u{d}");
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        assert_eq!(cut("1234567".into(), 7), "1234567");
        assert_eq!(cut("123456789".into(), 8), "1… (cut)");
        assert_eq!(cut("😀😀😀😀😀".into(), 9), "😀… (cut)");
    }

    #[test]
    fn markdown_sees_no_markup() {
        assert_eq!(markdown("a|b<script>`x`"), "a\\|b&lt;script&gt;\\`x\\`");
        assert_eq!(markdown("@team [x](http://y)"), "&#64;team \\[x\\](http&#58;//y)");
        assert_eq!(markdown("got: :tick: www.x.org"), "got: &#58;tick: www&#46;x.org");
        assert_eq!(markdown("- [ ] a-b"), "\\- \\[ \\] a-b");
    }
}
