//! `parse_config_file`, `parse_config`, `ini` and `login_defs`: files of keys and values without types.

use std::collections::HashMap;

use crate::parse::continued::words;
use crate::parse::key_value::{self, Options};
use crate::parse::{MAX_ROWS, ParseError, auditd, lines, postfix, refuse_long_lines, refuse_nul, refuse_rare_blanks};
use crate::pattern::PatternError;
use crate::resource::{Argument, Arguments, Asked, Context, Keys, Label, NoAnswer, Resource, Shape, Takes};
use crate::rootfs::Glob;
use crate::value::{Text, Value};

const fn argument(name: &'static str, takes: Takes, summary: &'static str) -> Argument {
    Argument { name, takes, summary, required: false }
}

const PATH: Argument = argument("path", Takes::Path, "Absolute path inside the target.");
const PATHS: Argument = argument("paths", Takes::Globs, "Several paths and globs, read as one in byte order.");

/// The options of parse_config and parse_config_file, as InSpec names them.
macro_rules! with_options {
    ($($first:expr),+) => {
        &[
            $($first,)+
            argument("assignment_regex", Takes::Pattern, "First group: the key; the next ones: its values."),
            argument("group_re", Takes::Pattern, "First group: the name of the section that begins."),
            argument("comment_char", Takes::Text, "The text that begins a comment; by default #."),
            argument("key_values", Takes::Count, "How many groups are values; by default 1."),
            argument("multiple_values", Takes::Bool, "Every key holds the list of all its values."),
            argument("multiple_value_regex", Takes::Pattern, "With multiple_values: what separates values of one line."),
            argument("standalone_comments", Takes::Bool, "Comments count only on lines of their own."),
            argument("line_separator", Takes::Text, "Each of these characters ends a line too."),
            argument("quotes", Takes::Text, "Taken for InSpec's profiles; without effect there and here."),
            argument("multiline", Takes::Bool, "Taken for InSpec's profiles; without effect there and here."),
        ]
    };
}

const SECTIONS: Keys = Keys::Text { sections: true, fold_case: false };

pub(super) const PARSE_CONFIG_FILE: Resource = Resource {
    name: "parse_config_file",
    summary: "Keys of a configuration file, in the dialect that the options describe.",
    label: Label::WithArgument("Parse Config File"),
    arguments: with_options!(PATH, PATHS),
    one_of: &["path", "paths"],
    shape: Shape::Document { keys: SECTIONS, read: parse_config },
};

pub(super) const PARSE_CONFIG: Resource = Resource {
    name: "parse_config",
    summary: "Keys of a text, in the dialect that the options describe.",
    label: Label::Alone("Parse Config"),
    arguments: with_options!(argument("content", Takes::Text, "The text.")),
    one_of: &["content"],
    shape: Shape::Document { keys: SECTIONS, read: parse_config },
};

pub(super) const INI: Resource = Resource {
    name: "ini",
    summary: "Keys of an INI file: `section/key`.",
    label: Label::WithArgument("INI"),
    arguments: &[PATH, PATHS, argument("content", Takes::Text, "The text itself.")],
    one_of: &["path", "paths", "content"],
    shape: Shape::Document { keys: SECTIONS, read: parse_config },
};

pub(super) const LOGIN_DEFS: Resource = Resource {
    name: "login_defs",
    summary: "Keys of /etc/login.defs; what the programs that read it take differently is an error.",
    label: Label::Alone("login.defs"),
    arguments: &[PATH],
    one_of: &[],
    shape: Shape::Document { keys: Keys::Text { sections: false, fold_case: false }, read: login_defs },
};

pub(super) const AUDITD_CONF: Resource = Resource {
    name: "auditd_conf",
    summary: "Keys of /etc/audit/auditd.conf; the last one counts.",
    label: Label::Alone("Audit Daemon Config"),
    arguments: &[PATH],
    one_of: &[],
    shape: Shape::Document { keys: Keys::Text { sections: false, fold_case: true }, read: auditd_keys },
};

pub(super) const POSTFIX_CONF: Resource = Resource {
    name: "postfix_conf",
    summary: "Parameters of postfix' main.cf as they are written: $name is not expanded, defaults are not filled in, what \
              master.cf sets for a service (-o) is not there.",
    label: Label::Alone("Postfix Mail Transfer Agent"),
    arguments: &[PATH],
    one_of: &[],
    shape: Shape::Document { keys: Keys::Text { sections: false, fold_case: false }, read: postfix_parameters },
};

fn auditd_keys(context: &Context, arguments: &Arguments) -> Asked<Value> {
    let path = arguments.text("path").unwrap_or(b"/etc/audit/auditd.conf");
    auditd::keys(&context.read(path)?).map_err(|error| NoAnswer::parse(path, &error))
}

fn postfix_parameters(context: &Context, arguments: &Arguments) -> Asked<Value> {
    let path = arguments.text("path").unwrap_or(b"/etc/postfix/main.cf");
    postfix::parameters(&context.read(path)?).map_err(|error| NoAnswer::parse(path, &error))
}

fn parse_config(context: &Context, arguments: &Arguments) -> Asked<Value> {
    let options = options(arguments).map_err(|error| NoAnswer::Error(error.to_string()))?;
    if let Some(content) = arguments.text("content") {
        return key_value::keys([content], &options).map_err(|error| NoAnswer::Error(format!("content: {error}")));
    }
    let (files, _) = context.read_all(arguments, "")?;
    let contents = files.iter().map(|(_, content)| &**content);
    key_value::keys(contents, &options).map_err(|error| match files.first() {
        Some((path, _)) => NoAnswer::parse(path, &error),
        None => NoAnswer::Error(error.to_string()),
    })
}

fn options(arguments: &Arguments) -> Result<Options, PatternError> {
    let mut options = Options::inspec()?;
    if let Some(pattern) = arguments.pattern("assignment_regex") {
        options.assignment = pattern.regex()?;
    }
    if let Some(pattern) = arguments.pattern("group_re") {
        options.group = pattern.regex()?;
    }
    if let Some(pattern) = arguments.pattern("multiple_value_regex") {
        options.value_separator = Some(pattern.regex()?);
    }
    if let Some(text) = arguments.text("comment_char") {
        options.comment = text.to_vec();
    }
    if let Some(text) = arguments.text("line_separator") {
        options.line_separators = text.to_vec();
    }
    options.key_values = arguments.count("key_values").unwrap_or(1);
    options.multiple_values = arguments.flag("multiple_values");
    options.standalone_comments = arguments.flag("standalone_comments");
    Ok(options)
}

/// login.defs(5): a name, white space, a word.
///
/// Errors: what shadow, PAM and util-linux, which all read the file, make different things of.
fn login_defs(context: &Context, arguments: &Arguments) -> Asked<Value> {
    let path = arguments.text("path").unwrap_or(b"/etc/login.defs");
    let content = context.read(path);
    if arguments.text("path").is_none() && !matches!(content, Err(NoAnswer::Error(_))) {
        for glob in ["/usr/etc/login.defs", "/etc/login.defs.d/*.defs", "/usr/etc/login.defs.d/*.defs"] {
            let glob = Glob::new(glob).map_err(|error| NoAnswer::Error(error.to_string()))?;
            if let Some((other, _)) = context.expand_all(std::slice::from_ref(&glob))?.0.first() {
                return Err(NoAnswer::parse(
                    other,
                    &"some builds of the programs read this file, too, and others do not",
                ));
            }
        }
    }
    let content = content?;
    let keys = login_keys(&content).map_err(|error| NoAnswer::parse(path, &error))?;
    Ok(Value::Map(keys.into_iter().map(|(key, value)| (Text::from(key), Value::text(value))).collect()))
}

/// The longest line that shadow reads as one.
const MAX_LINE: usize = 1_022;

/// A name and its value.
type Key<'a> = (&'a [u8], &'a [u8]);

fn login_keys(content: &[u8]) -> Result<Vec<Key<'_>>, ParseError> {
    refuse_nul(content)?;
    refuse_rare_blanks(content)?;
    refuse_long_lines(content, MAX_LINE)?;
    let mut keys: Vec<Key<'_>> = Vec::new();
    let mut places: HashMap<&[u8], usize> = HashMap::new();
    for (number, line) in lines(content) {
        if number > MAX_ROWS {
            return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
        }
        let error = |what: &str| Err(ParseError { line: Some(number), what: what.to_owned() });
        let mut words = words(line);
        let Some(key) = words.next().filter(|key| !key.starts_with(b"#")) else { continue };
        let value = words.next().unwrap_or_default();
        if words.next().is_some() || value.contains(&b'#') || key.contains(&b'#') {
            return error(
                "more than one word stands behind the name, or a comment, which for shadow is a part of the value",
            );
        }
        if value.contains(&b'"') || value.starts_with(b"=") || key.contains(&b'=') {
            return error("quotes and = mean different things to the programs that read the file");
        }
        if key.iter().any(u8::is_ascii_lowercase) {
            return error("the name has small letters, with which only PAM knows it");
        }
        match places.get(key).and_then(|place| keys.get(*place)) {
            Some((_, before)) if *before != value => {
                return error(
                    "the name stands there before with another value: shadow takes the last one, PAM the first",
                );
            }
            Some(_) => {}
            None => {
                places.insert(key, keys.len());
                keys.push((key, value));
            }
        }
    }
    Ok(keys)
}
