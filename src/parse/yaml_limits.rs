//! A look at YAML before it is parsed: its parser loads all of a document, and takes time that grows with
//! the square of the depth, before anyone can count.

use saphyr_parser::{Event, Parser};

use crate::parse::ParseError;

/// The most values, keys counted, and the most characters that can part values: the parsers keep up to 800 bytes for
/// one of either.
const MAX_VALUES: usize = 300_000;
/// The deepest nesting, as the parser itself has it.
const MAX_DEPTH: usize = 128;

/// Refuses a text that would take too much to parse.
///
/// Errors: more than one document, too many values, nested too deep, line ends of YAML 1.1 alone, no YAML at all.
pub(crate) fn refuse_bombs(text: &str) -> Result<(), ParseError> {
    let too_many = || ParseError::new(format!("not YAML that is parsed here: more than {MAX_VALUES} values"));
    // What stands between brackets is kept as tokens until the last one is closed, before there is any event.
    let parts = |byte: &u8| matches!(byte, b'[' | b']' | b'{' | b'}' | b',' | b':' | b'?' | b'&' | b'!' | b'*');
    if text.bytes().filter(|byte| parts(byte)).nth(MAX_VALUES).is_some() {
        return Err(too_many());
    }
    // To the parser that follows these end a line, to the one that looks here they do not: what is a comment to one
    // could be a bomb to the other.
    if let Some(end) = text.chars().find(|char| matches!(char, '\u{85}' | '\u{2028}' | '\u{2029}')) {
        return Err(ParseError::new(format!("not YAML: U+{:04X} ends a line in YAML 1.1 only", u32::from(end))));
    }
    let (mut values, mut depth, mut documents) = (0, 0, 0);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| ParseError {
            line: Some(error.marker().line()),
            what: format!("not YAML: {}", error.info()),
        })?;
        let refuse = |what: &str| ParseError { line: Some(span.start.line()), what: format!("not YAML: {what}") };
        match event {
            Event::DocumentStart(_) => documents += 1,
            Event::Scalar(..) | Event::Alias(_) => values += 1,
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                values += 1;
                depth += 1;
            }
            Event::SequenceEnd | Event::MappingEnd => depth -= 1,
            _ => {}
        }
        match () {
            () if documents > 1 => return Err(refuse("it holds several documents")),
            () if depth > MAX_DEPTH => return Err(refuse(&format!("nested deeper than {MAX_DEPTH} levels"))),
            () if values > MAX_VALUES => return Err(too_many()),
            () => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a text.
    fn said(text: &str) -> String {
        refuse_bombs(text).map_or_else(|error| error.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn ordinary_documents_pass() {
        let nested = |depth: usize| format!("{}x{}", "[".repeat(depth), "]".repeat(depth));
        for text in [
            "a: [1, {b: c}]\n- x\n".split_once('-').unwrap().0,
            "# x\n",
            "",
            "--- x\n...\n",
            "a: &a {b: *a}\n",
            &nested(128),
        ] {
            assert_eq!(said(text), "fine", "{text}");
        }
    }

    #[test]
    fn depth_is_bounded_in_every_notation() {
        for unit in ["[", "{a: ", "{", "- ", "? ", "[{a: ", "? - ", "!a [", "&a ["] {
            for count in [200, 1_000, 100_000] {
                let error = said(&unit.repeat(count));
                assert!(error.contains("not YAML"), "{unit}: {error}");
            }
        }
        let indented: String = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        assert_eq!(said(&indented), "line 129: not YAML: nested deeper than 128 levels");
    }

    #[test]
    fn values_are_bounded_in_every_notation() {
        let count = MAX_VALUES + 1;
        for text in [
            format!("[{}]", "[],".repeat(count)),
            format!("[{}]", "1,".repeat(count)),
            format!("[{}", "&a ".repeat(count)),
            format!("[{}", ": ".repeat(count)),
            "- x\n".repeat(count),
            "-\n".repeat(count),
            "? a\n".repeat(count),
            "a: b\n".repeat(count),
            format!("- &a x\n{}", "- *a\n".repeat(count)),
        ] {
            assert!(said(&text).ends_with("more than 300000 values"), "{}: {}", &text[..10], said(&text));
        }
    }

    #[test]
    fn there_is_one_document_and_one_reading_of_it() {
        assert_eq!(said("a: 1\n---\nb: 2\n"), "line 2: not YAML: it holds several documents");
        assert_eq!(said("a: 1\n# x\u{85}b: {{{{\n"), "not YAML: U+0085 ends a line in YAML 1.1 only");
    }
}
