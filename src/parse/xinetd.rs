//! xinetd.conf(5): sections of attributes, and what else is read.

use crate::parse::{MAX_ROWS, ParseError};

/// What one line does with an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`.
    Set,
    /// `+=`.
    Add,
    /// `-=`.
    Remove,
}

/// One line of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<'a> {
    /// Its number, from 1.
    pub line: usize,
    /// The attribute.
    pub name: &'a [u8],
    /// What is done with it.
    pub operator: Operator,
    /// The words behind that; a `#` among them is none of a comment.
    pub values: Vec<&'a [u8]>,
}

/// What stands outside of sections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement<'a> {
    /// `include FILE`.
    Include(&'a [u8]),
    /// `includedir FOLDER`.
    IncludeFolder(&'a [u8]),
    /// `defaults`.
    Defaults(Vec<Setting<'a>>),
    /// `service NAME`.
    Service(&'a [u8], Vec<Setting<'a>>),
}

/// The line of a statement; and what stands there, or why xinetd leaves it out.
pub type Placed<'a> = (usize, Result<Statement<'a>, &'static str>);

/// The lines of a file that hold something.
type Lines<'a, 'i> = &'i mut dyn Iterator<Item = (usize, &'a [u8])>;

/// The statements of a file, in its order.
///
/// Errors: more than [`MAX_ROWS`] lines; a NUL, behind which xinetd sees nothing.
pub fn statements(bytes: &[u8]) -> Result<Vec<Placed<'_>>, ParseError> {
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        let line = bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
        return Err(ParseError { line: Some(line), what: "a NUL".to_owned() });
    }
    let all = bytes.split(|byte| *byte == b'\n').enumerate().map(|(index, line)| (index + 1, line));
    if all.clone().nth(MAX_ROWS).is_some() {
        return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
    }
    let mut lines = all.filter(|(_, line)| line.iter().find(|byte| !is_blank(byte)).is_some_and(|byte| *byte != b'#'));
    let mut found = Vec::new();
    while let Some((line, text)) = lines.next() {
        let statement = statement(text, &mut lines);
        if statement.is_err() {
            // xinetd goes on behind the next end of a section, whose ever that is.
            lines.by_ref().find(|(_, line)| is_alone(line, b'}'));
        }
        found.push((line, statement));
    }
    Ok(found)
}

fn statement<'a>(text: &'a [u8], lines: Lines<'a, '_>) -> Result<Statement<'a>, &'static str> {
    let mut words = words(text);
    let keyword = words.next().unwrap_or_default();
    let name = words.next();
    let named = name.ok_or("a name is expected");
    match keyword {
        b"include" => Ok(Statement::Include(named?)),
        b"includedir" => Ok(Statement::IncludeFolder(named?)),
        b"service" => Ok(Statement::Service(named?, section(lines)?)),
        b"defaults" => Ok(Statement::Defaults(section(lines)?)),
        _ => Err("service, defaults, include or includedir is expected"),
    }
}

/// `{`, lines of attributes, `}`, each on a line of its own.
fn section<'a>(lines: Lines<'a, '_>) -> Result<Vec<Setting<'a>>, &'static str> {
    let opened = lines.next().is_some_and(|(_, line)| is_alone(line, b'{'));
    if !opened {
        return Err("a line with nothing but { is expected behind it");
    }
    let mut settings = Vec::new();
    for (line, text) in lines {
        if is_alone(text, b'}') {
            return Ok(settings);
        }
        settings
            .push(setting(line, text).ok_or("a line of it is no attribute, an operator between blanks, and values")?);
    }
    Err("it has no end")
}

fn setting(line: usize, text: &[u8]) -> Option<Setting<'_>> {
    let text = text.get(text.iter().position(|byte| !is_blank(byte))?..)?;
    let (name, rest) = text.split_at_checked(text.iter().position(|byte| is_blank(byte) || *byte == b'=')?)?;
    let rest = rest.get(rest.iter().position(|byte| !is_blank(byte))?..).filter(|_| !rest.starts_with(b"="))?;
    let operators = [(&b"="[..], Operator::Set), (b"+=", Operator::Add), (b"-=", Operator::Remove)];
    let (values, operator) = operators.into_iter().find_map(|(sign, is)| Some((rest.strip_prefix(sign)?, is)))?;
    Some(Setting { line, name, operator, values: words(values).collect() })
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty())
}

fn is_alone(line: &[u8], mark: u8) -> bool {
    let mut bytes = line.iter().filter(|byte| !is_blank(byte));
    bytes.next() == Some(&mark) && bytes.next().is_none()
}

fn is_blank(byte: &u8) -> bool {
    byte.is_ascii_whitespace() || *byte == 0x0b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_includes_are_read() {
        let text = b" # c\ninclude /a x\ndefaults\n{\n}\nservice ftp # c\n  {  \n\tid = x # y\n only_from += a b\n\
            a -=\n\n # c\n }\t\nincludedir /d\r\n";
        let setting = |line, name, operator, values| Setting { line, name, operator, values };
        let settings = vec![
            setting(8, &b"id"[..], Operator::Set, vec![&b"x"[..], b"#", b"y"]),
            setting(9, b"only_from", Operator::Add, vec![b"a", b"b"]),
            setting(10, b"a", Operator::Remove, vec![]),
        ];
        let expected = [
            (2, Ok(Statement::Include(b"/a"))),
            (3, Ok(Statement::Defaults(vec![]))),
            (6, Ok(Statement::Service(b"ftp", settings))),
            (14, Ok(Statement::IncludeFolder(b"/d\r"))),
        ];
        assert_eq!(statements(text).unwrap(), expected);
    }

    #[test]
    fn what_xinetd_leaves_out_is_told() {
        let odd = |text: &str, why: &str| {
            let found = statements(text.as_bytes()).unwrap();
            let first = found.first().unwrap();
            assert!(matches!(first.1, Err(said) if said.contains(why)), "{found:?}");
            found.len()
        };
        assert_eq!(odd("service x {\n a = b\n}\nservice y\n{\n}\n", "nothing but {"), 2);
        odd("service x\n{\n a=b\n}\n", "no attribute");
        odd("service x\n{\n a + b\n}\n", "no attribute");
        odd("service x\n{\n a\n}\n", "no attribute");
        odd("service x\n{\n a = b\n", "no end");
        odd("services x\n", "is expected");
        odd("include\n", "a name is expected");
        assert_eq!(statements(b"\n\0").unwrap_err().line, Some(2));
        assert!(statements(&b"\n".repeat(MAX_ROWS + 1)).is_err());
    }
}
