//! Configuration of directives and blocks: nginx's and Apache httpd's.
//!
//! Sources: <https://nginx.org/en/docs/beginners_guide.html#conf_structure> and nginx's own reading of a token;
//! <https://httpd.apache.org/docs/2.4/configuring.html#syntax>.

use crate::parse::{MAX_ROWS, ParseError, lines, refuse_blanks_of, refuse_nul, trim};

/// How deep blocks stand in blocks; more is no configuration.
const MAX_DEPTH: usize = 100;
/// The most words of one file: each takes more room than its bytes.
const MAX_WORDS: usize = 5 * MAX_ROWS;

/// One statement of a file. In every file each block that begins ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The line in which it begins, from 1.
    pub line: usize,
    /// What it is.
    pub kind: Kind,
    /// The name and the arguments, without quotes; none of the end of a block.
    pub words: Vec<Vec<u8>>,
    /// Of Apache httpd, what the words are made of where it names a variable `${…}`, which can hold several; else empty.
    pub text: Vec<u8>,
}

/// What a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directive.
    Simple,
    /// The beginning of a block.
    Begin,
    /// The end of the innermost block.
    End,
}

/// Statements as they are read, with what must be bounded.
#[derive(Default)]
struct Reading {
    statements: Vec<Statement>,
    open: Vec<Vec<u8>>,
    words: usize,
}

fn refused(line: usize, what: impl Into<String>) -> ParseError {
    ParseError { line: Some(line), what: what.into() }
}

impl Reading {
    fn put(&mut self, line: usize, kind: Kind, words: Vec<Vec<u8>>) -> Result<(), ParseError> {
        self.words += words.len();
        if self.statements.len() >= MAX_ROWS || self.words > MAX_WORDS {
            return Err(refused(line, format!("more than {MAX_ROWS} directives or {MAX_WORDS} words")));
        }
        match kind {
            Kind::Simple => {}
            Kind::Begin if self.open.len() >= MAX_DEPTH => {
                return Err(refused(line, format!("blocks nested more than {MAX_DEPTH} deep")));
            }
            Kind::Begin => self.open.push(words.first().cloned().unwrap_or_default()),
            Kind::End => {
                self.open.pop().ok_or_else(|| refused(line, "the end of a block that did not begin"))?;
            }
        }
        self.statements.push(Statement { line, kind, words, text: Vec::new() });
        Ok(())
    }

    fn whole(self, line: usize) -> Result<Vec<Statement>, ParseError> {
        if self.open.is_empty() { Ok(self.statements) } else { Err(refused(line, "a block that does not end")) }
    }
}

/// The statements of a file of nginx. Code of other languages (`…_by_lua_block {…}`) is left out.
pub fn nginx(bytes: &[u8]) -> Result<Vec<Statement>, ParseError> {
    // nginx goes on behind it; what it compares ends there.
    refuse_nul(bytes)?;
    let mut reading = Reading::default();
    let mut words: Vec<Vec<u8>> = Vec::new();
    let (mut at, mut line, mut began) = (0, 1, 1);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\n' => (at, line) = (at + 1, line + 1),
            b' ' | b'\t' | b'\r' => at += 1,
            b'#' => at += bytes.get(at..).unwrap_or_default().iter().take_while(|byte| **byte != b'\n').count(),
            b';' if words.is_empty() => return Err(refused(line, "`;` without a directive")),
            b';' => {
                reading.put(began, Kind::Simple, std::mem::take(&mut words))?;
                at += 1;
            }
            b'{' if words.is_empty() => return Err(refused(line, "`{` without a directive")),
            b'{' if words.first().is_some_and(|name| name.ends_with(b"_by_lua_block")) => {
                words.clear();
                (at, line) = after_code(bytes, at, line)?;
            }
            b'{' => {
                reading.put(began, Kind::Begin, std::mem::take(&mut words))?;
                at += 1;
            }
            b'}' if !words.is_empty() => return Err(refused(line, "`}` where a directive lacks its `;`")),
            b'}' => {
                reading.put(line, Kind::End, Vec::new())?;
                at += 1;
            }
            _ => {
                if words.is_empty() {
                    began = line;
                }
                if words.len() >= MAX_WORDS {
                    return Err(refused(line, format!("more than {MAX_WORDS} words")));
                }
                let word;
                (word, at, line) = nginx_word(bytes, at, line)?;
                words.push(word);
            }
        }
    }
    if !words.is_empty() {
        return Err(refused(began, "a directive without `;` at its end"));
    }
    reading.whole(line)
}

/// One word, where it ends, and in which line.
fn nginx_word(bytes: &[u8], start: usize, first: usize) -> Result<(Vec<u8>, usize, usize), ParseError> {
    let quote = bytes.get(start).copied().filter(|byte| matches!(byte, b'"' | b'\''));
    let (mut at, mut line, mut word) = (start + usize::from(quote.is_some()), first, Vec::new());
    // Behind a `$` that is not escaped, and behind braces that follow it.
    let mut is_variable = false;
    while let Some(&byte) = bytes.get(at) {
        line += usize::from(byte == b'\n');
        match (byte, quote) {
            (b'\\', _) => {
                let next = bytes.get(at + 1).copied();
                match next {
                    Some(b'"' | b'\'' | b'\\') => word.extend(next),
                    Some(b't') => word.push(b'\t'),
                    Some(b'r') => word.push(b'\r'),
                    Some(b'n') => word.push(b'\n'),
                    _ => word.extend([byte].into_iter().chain(next)),
                }
                line += usize::from(next == Some(b'\n'));
                (at, is_variable) = (at + 2, false);
                continue;
            }
            (_, Some(quote)) if byte == quote => {
                return match bytes.get(at + 1) {
                    None | Some(b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' | b')') => Ok((word, at + 1, line)),
                    Some(_) => Err(refused(line, "a quote is followed by neither a space nor `;` nor `{`")),
                };
            }
            // A variable `${name}`: its braces are no block.
            (b'{', None) if is_variable => {}
            (b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{', None) => {
                return Ok((word, at, line - usize::from(byte == b'\n')));
            }
            _ => {}
        }
        is_variable = byte == b'$' || (byte == b'{' && is_variable);
        word.push(byte);
        at += 1;
    }
    match quote {
        Some(_) => Err(refused(first, "a quote that does not end")),
        None => Ok((word, at, line)),
    }
}

/// Where a block of foreign code ends, and in which line: quotes and comments of Lua may hold braces. Its long brackets
/// are refused, so that no directive is taken for code.
fn after_code(bytes: &[u8], start: usize, first: usize) -> Result<(usize, usize), ParseError> {
    let (mut at, mut line, mut depth) = (start, first, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b'\n' => line += 1,
            b'"' | b'\'' => {
                at += 1;
                while let Some(&inner) = bytes.get(at).filter(|inner| **inner != byte) {
                    line += usize::from(inner == b'\n');
                    at += if inner == b'\\' { 2 } else { 1 };
                }
            }
            b'[' if matches!(bytes.get(at + 1), Some(b'[' | b'=')) => {
                return Err(refused(line, "code with long brackets, which are not understood"));
            }
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at += bytes.get(at..).unwrap_or_default().iter().take_while(|byte| **byte != b'\n').count();
                continue;
            }
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Ok((at, line));
        }
    }
    Err(refused(first, "a block that does not end"))
}

/// The statements of a file of Apache httpd. A section `<Directory /x>` is a block called `Directory`.
pub fn apache(bytes: &[u8]) -> Result<Vec<Statement>, ParseError> {
    refuse_nul(bytes)?;
    let mut reading = Reading::default();
    let (mut whole, mut began, mut last): (Vec<u8>, usize, usize) = (Vec::new(), 0, 1);
    for (number, line) in lines(bytes) {
        last = number;
        if whole.is_empty() {
            began = number;
        }
        if let Some(continued) = line.strip_suffix(b"\\") {
            // A space keeps a line that holds nothing else from looking like the first one.
            whole.extend_from_slice(if continued.is_empty() { b" " } else { continued });
            continue;
        }
        whole.extend_from_slice(line);
        apache_line(&mut reading, began, trim(&whole))?;
        whole.clear();
    }
    apache_line(&mut reading, began, trim(&whole))?;
    reading.whole(last)
}

fn apache_line(reading: &mut Reading, number: usize, line: &[u8]) -> Result<(), ParseError> {
    if line.is_empty() || line.starts_with(b"#") {
        return Ok(());
    }
    refuse_blanks_of(number, line, b"\x0b")?;
    let (kind, text) = match line.strip_prefix(b"<") {
        None => (Kind::Simple, line),
        Some(section) => {
            let section = section.strip_suffix(b">").ok_or_else(|| refused(number, "a section that lacks its `>`"))?;
            if let Some(name) = section.strip_prefix(b"/") {
                return match reading.open.last() {
                    Some(open) if open.eq_ignore_ascii_case(name) => reading.put(number, Kind::End, Vec::new()),
                    _ => Err(refused(number, "the end of a section that did not begin")),
                };
            }
            (Kind::Begin, section)
        }
    };
    let words = apache_words(number, text)?;
    reading.put(number, kind, if words.is_empty() { vec![Vec::new()] } else { words })?;
    if let (Some(statement), Some(_)) = (reading.statements.last_mut(), memchr::memmem::find(text, b"${")) {
        statement.text = text.to_vec();
    }
    Ok(())
}

/// Words between white space; those in quotes may hold it, and `\"` in them is a quote. A backslash before another one
/// is none.
pub fn apache_words(number: usize, line: &[u8]) -> Result<Vec<Vec<u8>>, ParseError> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut rest = trim(line);
    while let Some(&first) = rest.first() {
        if words.len() >= MAX_WORDS {
            return Err(refused(number, format!("more than {MAX_WORDS} words")));
        }
        let quoted = matches!(first, b'"' | b'\'');
        let mut word = Vec::new();
        let mut bytes = rest.iter().copied().enumerate().skip(usize::from(quoted)).peekable();
        let end = loop {
            match bytes.next() {
                Some((at, byte)) if quoted && byte == first => break at + 1,
                Some((at, byte)) if !quoted && byte.is_ascii_whitespace() => break at,
                Some((_, b'\\'))
                    if bytes.peek().is_some_and(|(_, next)| *next == b'\\' || (quoted && *next == first)) =>
                {
                    word.extend(bytes.next().map(|(_, next)| next));
                }
                Some((_, byte)) => word.push(byte),
                // httpd takes a quote that does not end to the end of the line.
                None => break rest.len(),
            }
        };
        words.push(word);
        rest = trim(rest.get(end..).unwrap_or_default());
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(statements: Result<Vec<Statement>, ParseError>) -> String {
        let Ok(statements) = statements.as_ref().map_err(ToString::to_string) else {
            return statements.unwrap_err().to_string();
        };
        let mut out = Vec::new();
        for statement in statements {
            let words: Vec<_> = statement.words.iter().map(|word| String::from_utf8_lossy(word)).collect();
            let mark = match statement.kind {
                Kind::Simple => "",
                Kind::Begin => "{",
                Kind::End => "}",
            };
            out.push(format!("{}:{}{mark}", statement.line, words.join("|")));
        }
        out.join(" ")
    }

    #[test]
    fn nginx_s_words() {
        let cases = [
            ("user nginx;\nhttp {\n  gzip on; # c;{\n}\n", "1:user|nginx 2:http{ 3:gzip|on 4:}"),
            ("a 'b c' \"d;e\" f\\ g;", "1:a|b c|d;e|f\\ g"),
            ("location ~ \\.php$ {}", "1:location|~|\\.php${ 1:}"),
            ("set $x ${y}z;", "1:set|$x|${y}z"),
            ("set $x a\\${y};", "line 1: a block that does not end"),
            ("a \"b\"c;", "line 1: a quote is followed by neither a space nor `;` nor `{`"),
            ("a\n  b\n;", "1:a|b"),
            ("content_by_lua_block { if x then t = {'}'} end -- }\n }\nb c;", "3:b|c"),
            ("a b", "line 1: a directive without `;` at its end"),
            ("a {\n b;\n", "line 3: a block that does not end"),
            ("}", "line 1: the end of a block that did not begin"),
            ("a 'b", "line 1: a quote that does not end"),
            ("http { a }", "line 1: `}` where a directive lacks its `;`"),
            (";", "line 1: `;` without a directive"),
            ("a\n\0b;", "line 2: a NUL stands there"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(nginx(text.as_bytes())), expected, "{text}");
        }
    }

    #[test]
    fn apache_s_lines() {
        let cases = [
            (
                "ServerTokens Prod\n# c\n<VirtualHost *:443>\n  SSLEngine \"on\"\n</virtualhost>\n",
                "1:ServerTokens|Prod 3:VirtualHost|*:443{ 4:SSLEngine|on 5:}",
            ),
            (
                "Options -Indexes \\\n  +FollowSymLinks\nA \"b \\\" c\" 'd'\n",
                "1:Options|-Indexes|+FollowSymLinks 3:A|b \" c|d",
            ),
            (r#"A "b\\" c\\d "e\f""#, r"1:A|b\|c\d|e\f"),
            ("A b\x0bc", "line 1: the byte 0x0b, a blank, stands there"),
            ("A\0b", "line 1: a NUL stands there"),
            ("<IfModule x>\n", "line 1: a block that does not end"),
            ("<A>\n</B>\n", "line 2: the end of a section that did not begin"),
            ("<A\n", "line 1: a section that lacks its `>`"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(apache(text.as_bytes())), expected, "{text}");
        }
    }
}
