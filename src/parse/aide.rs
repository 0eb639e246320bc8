//! aide.conf(5): groups of attributes, and which files are watched by which.

use crate::parse::continued::{single, unless_hash, words};
use crate::parse::{ParseError, refuse_nul, trim};

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement<'a> {
    /// `NAME = expression`: a group, or a setting of AIDE.
    Group(&'a [u8], &'a [u8]),
    /// A path with its sign, and the expression of its attributes where it has one.
    Selection(&'a [u8], Option<&'a [u8]>),
    /// A file to be read in this place.
    Include(&'a [u8]),
    /// What is not understood here.
    Unknown,
}

/// The statements of a file with their lines.
///
/// Errors: too many lines, a NUL.
pub fn statements(bytes: &[u8]) -> Result<Vec<(usize, Statement<'_>)>, ParseError> {
    refuse_nul(bytes)?;
    let lines = single(bytes, unless_hash)?;
    Ok(lines.into_iter().filter_map(|(line, text)| Some((line, statement(text)?))).collect())
}

fn statement(text: &[u8]) -> Option<Statement<'_>> {
    if let Some(rest) = text.strip_prefix(b"@@") {
        let mut words = words(rest);
        return match (words.next(), words.next(), words.next()) {
            (Some(b"define" | b"undef"), ..) => None,
            (Some(b"include"), Some(path), None) => Some(Statement::Include(path)),
            _ => Some(Statement::Unknown),
        };
    }
    if text.first().is_some_and(|byte| b"/!=-".contains(byte)) {
        let (path, rest) = path(text);
        // A restriction to kinds of files can stand before the attributes; a blank can stand in neither of them here.
        let rest: Vec<&[u8]> = words(rest).take(3).collect();
        let parts = |word: &[u8]| word.first().into_iter().chain(word.last()).any(|byte| b"+-".contains(byte));
        return Some(match rest.as_slice() {
            _ if memchr::memmem::find(text, b"@@{").is_some() => Statement::Unknown,
            words if words.len() > 2 || words.iter().any(|word| parts(word) || word.contains(&b'#')) => {
                Statement::Unknown
            }
            words => Statement::Selection(path, words.last().copied()),
        });
    }
    let Some(at) = text.iter().position(|byte| *byte == b'=') else { return Some(Statement::Unknown) };
    let (name, value) = text.split_at(at);
    let value = trim(value.get(1..).unwrap_or_default());
    // Of a comment behind it, only some versions know.
    if words(value).skip(1).any(|word| word.starts_with(b"#")) {
        return Some(Statement::Unknown);
    }
    Some(Statement::Group(trim(name), value))
}

/// The path up to a blank without a backslash.
fn path(text: &[u8]) -> (&[u8], &[u8]) {
    let mut escaped = false;
    let end = text.iter().position(|byte| {
        let ends = byte.is_ascii_whitespace() && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    text.split_at(end.unwrap_or(text.len()))
}

/// The terms of an expression, each with whether it is taken away.
pub fn terms(expression: &[u8]) -> impl Iterator<Item = (bool, &[u8])> {
    let mut rest = expression;
    std::iter::from_fn(move || {
        let away = rest.first() == Some(&b'-');
        let from = usize::from(away || rest.first() == Some(&b'+'));
        let begun = rest.get(from..).filter(|begun| !begun.is_empty())?;
        let end = begun.iter().position(|byte| matches!(byte, b'+' | b'-')).unwrap_or(begun.len());
        let (term, after) = begun.split_at(end);
        rest = after;
        Some((away, trim(term)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read() {
        let text = b"# c\n@@define A /x\nNORMAL = p+i-md5\n/bin NORMAL\n!/var/log\n=/a\\ b f,d R\n@@include /y\n@@ifdef X\nodd\n\
            /a p # c\n/a p +i\n!/@@{X}\nA = p # c\n/a a b c\n";
        let expected = [
            (3, Statement::Group(b"NORMAL", b"p+i-md5")),
            (4, Statement::Selection(b"/bin", Some(b"NORMAL"))),
            (5, Statement::Selection(b"!/var/log", None)),
            (6, Statement::Selection(b"=/a\\ b", Some(b"R"))),
            (7, Statement::Include(b"/y")),
            (8, Statement::Unknown),
            (9, Statement::Unknown),
            (10, Statement::Unknown),
            (11, Statement::Unknown),
            (12, Statement::Unknown),
            (13, Statement::Unknown),
            (14, Statement::Unknown),
        ];
        assert_eq!(statements(text).unwrap(), expected);
        let found: Vec<(bool, &[u8])> = terms(b"p+i -md5+>").collect();
        assert_eq!(found, [(false, &b"p"[..]), (false, b"i"), (true, b"md5"), (false, b">")]);
        assert_eq!(terms(b"+").count() + terms(b"").count(), 0);
    }
}
