//! Checks in InSpec's words, so that results line up with those of older runs.
//!
//! A scan describes every expectation, hence the one buffer that all parts write to.

use std::fmt::Write as _;

use crate::check::{Asks, By, Expectation, Filter, Matcher, Modifiers, Operand, PatternOperand, Test};
use crate::pattern::Pattern;
use crate::resource::{Arg, Arguments, Label, Resource, Type};
use crate::rootfs::Glob;
use crate::value::{Value, lossless};

/// How much of a value a message shows: the first and the last half of it.
const SHOWN_CHARS: usize = 200;
/// Room for what most descriptions say of their subject.
const USUAL_LENGTH: usize = 48;

/// The subject of a check: `File /etc/passwd`, `/etc/passwd with uid == 0`.
///
/// A title replaces them all but what is left out: a reader has to see that.
pub fn subject_words(title: Option<&str>, resource: &Resource, arguments: &Arguments, filter: &Filter) -> String {
    let mut words = String::with_capacity(USUAL_LENGTH);
    if let Some(title) = title {
        words.push_str(title);
        if let Some((_, Arg::Globs(globs))) = arguments.0.iter().find(|(name, _)| *name == "exclude") {
            let _ = write!(words, " (without {})", listed_globs(globs));
        }
        return words;
    }
    let (path, all) = match resource.label {
        Label::Alone(label) => (label, false),
        Label::Path(default) => (if arguments.0.is_empty() { default } else { "" }, true),
        Label::WithArgument(label) => (label, true),
    };
    words.push_str(path);
    for (place, (name, argument)) in arguments.0.iter().enumerate() {
        let first = place == 0;
        match argument {
            _ if first && !all => {}
            // A text that stands for a file would fill the line.
            Arg::Text(_) if first && *name == "content" => words.push_str(" content"),
            Arg::Text(text) if first => push_word(&mut words, &lossless(text)),
            Arg::Globs(globs) if first => push_word(&mut words, &listed_globs(globs)),
            Arg::Pattern(pattern) if *name == "match" => {
                let _ = write!(words, " /{}/", pattern.as_str());
            }
            Arg::Kind(kind) => {
                let _ = write!(words, " {name} {}", kind.name());
            }
            Arg::Globs(globs) => {
                let _ = write!(words, " {name} {}", listed_globs(globs));
            }
            _ => {}
        }
    }
    for (place, tests) in filter.0.iter().enumerate() {
        words.push_str(if place == 0 { " with" } else { " or" });
        for (column, test) in tests {
            let _ = write!(words, " {column} ");
            match test.matchers.as_slice() {
                [Matcher::Is(operand)] => {
                    words.push_str("== ");
                    push_operand(&mut words, operand);
                }
                _ => push_test(&mut words, test),
            }
        }
    }
    words
}

fn push_word(words: &mut String, word: &str) {
    if !words.is_empty() {
        words.push(' ');
    }
    words.push_str(word);
}

fn listed_globs(globs: &[Glob]) -> String {
    globs.iter().map(Glob::as_str).collect::<Vec<_>>().join(", ")
}

/// The whole description of an expectation: `File /etc/shadow mode is expected to cmp == "0640"`.
pub fn described(subject: &str, expectation: &Expectation) -> String {
    let mut words = String::with_capacity(subject.len() + USUAL_LENGTH);
    words.push_str(subject);
    let path_words;
    let property = match &expectation.asks {
        Asks::Property(name) => name,
        Asks::Column(name) | Asks::List(name, _) => name.as_str(),
        Asks::Count => "count",
        Asks::Exist => "exist",
        Asks::Path(path) => {
            path_words = path.words();
            &path_words
        }
    };
    // A key of a document is no property of its subject, whatever it is called.
    if !matches!(expectation.asks, Asks::Path(_)) && push_predicate(&mut words, property, &expectation.test) {
        return words;
    }
    words.push(' ');
    words.push_str(property);
    push_modifiers(&mut words, expectation.test.modifiers.as_deref());
    words.push_str(" is expected ");
    push_test(&mut words, &expectation.test);
    words
}

/// A test that reads as a predicate of the subject itself: `is expected not to be readable by others`. Says whether it
/// does.
fn push_predicate(words: &mut String, property: &str, test: &Test) -> bool {
    let (matcher, under_not) = match test.matchers.as_slice() {
        [Matcher::Not(inner)] => match inner.matchers.as_slice() {
            [one] => (one, true),
            _ => return false,
        },
        [one] => (one, false),
        _ => return false,
    };
    let expected = |negated: bool| if negated { " is expected not to " } else { " is expected to " };
    match matcher {
        Matcher::AtMost(operand) if property == "mode" => {
            words.push_str(expected(!under_not));
            words.push_str("be more permissive than ");
            push_mode(words, operand);
        }
        Matcher::Is(Operand::Known(Value::Bool(wanted))) => {
            words.push_str(expected(*wanted == under_not));
            match property.split_once('.') {
                None if property == "exist" => words.push_str("exist"),
                None => {
                    words.push_str("be ");
                    words.extend(property.chars().map(|char| if char == '_' { ' ' } else { char }));
                }
                Some((permission, "other")) => {
                    let _ = write!(words, "be {permission} by others");
                }
                Some((permission, who)) => {
                    let user = who.strip_prefix("user.");
                    let _ = match user {
                        Some(user) => write!(words, "be {permission} by user {user}"),
                        None => write!(words, "be {permission} by {who}"),
                    };
                }
            }
        }
        Matcher::Is(Operand::Known(value @ Value::Text(text))) => {
            let phrase = match property {
                "type" => {
                    words.push_str(expected(under_not));
                    let _ = write!(words, "be {}", lossless(text).replace('_', " "));
                    return true;
                }
                "owner" => "be owned by ",
                "group" => "be grouped into ",
                "linked_to" => "be linked to ",
                _ => return false,
            };
            words.push_str(expected(under_not));
            words.push_str(phrase);
            value.inspect_into(words);
        }
        _ => return false,
    }
    true
}

/// What a test expects: `to match /x/ and not to be empty`.
fn push_test(words: &mut String, test: &Test) {
    for (place, matcher) in test.matchers.iter().enumerate() {
        if place > 0 {
            words.push_str(" and ");
        }
        words.push_str(if is_negated(matcher) { "not to " } else { "to " });
        push_matcher(words, test.by, matcher);
    }
}

/// What a test expects, for a message: `match /x/ and not be empty`; of a scalar, the value itself.
pub fn expected_words(test: &Test) -> String {
    let mut words = String::new();
    match test.matchers.as_slice() {
        [Matcher::Is(operand)] => {
            push_operand(&mut words, operand);
            push_modifiers(&mut words, test.modifiers.as_deref());
        }
        _ => push_inner(&mut words, test),
    }
    words
}

/// The patterns that must not be found.
pub fn negated_patterns(test: &Test) -> Vec<&Pattern> {
    let inner = test.matchers.iter().filter_map(|matcher| match matcher {
        Matcher::Not(inner) => Some(&inner.matchers),
        _ => None,
    });
    let patterns = inner.flatten().filter_map(|matcher| match matcher {
        Matcher::Match(patterns) => Some(patterns),
        _ => None,
    });
    let known = patterns.flatten().filter_map(|pattern| match pattern {
        PatternOperand::Known(pattern) => Some(pattern),
        PatternOperand::Open(_) => None,
    });
    known.collect()
}

/// A test without the words around it, as part of a larger one.
fn push_inner(words: &mut String, test: &Test) {
    for (place, matcher) in test.matchers.iter().enumerate() {
        if place > 0 {
            words.push_str(" and ");
        }
        if is_negated(matcher) {
            words.push_str("not ");
        }
        push_matcher(words, test.by, matcher);
    }
    push_modifiers(words, test.modifiers.as_deref());
}

/// Whether the words of a matcher are to be negated.
fn is_negated(matcher: &Matcher) -> bool {
    match matcher {
        Matcher::Ne(_) | Matcher::Excludes(_) | Matcher::NotIn(_) | Matcher::None(_) | Matcher::AtMost(_) => true,
        Matcher::Empty(wanted) | Matcher::Nil(wanted) => !wanted,
        Matcher::Unique(wanted) => *wanted,
        Matcher::Not(test) => match test.matchers.as_slice() {
            [one] => !is_negated(one),
            _ => true,
        },
        _ => false,
    }
}

fn push_matcher(words: &mut String, by: By, matcher: &Matcher) {
    let one = |words: &mut String, before: &str, operand: &Operand| {
        words.push_str(before);
        push_operand(words, operand);
    };
    match matcher {
        Matcher::Is(operand @ Operand::Known(Value::Mode(_))) => {
            words.push_str("cmp == ");
            push_mode(words, operand);
        }
        Matcher::Is(operand) if by == By::Untyped && !is_list(operand) => one(words, "cmp == ", operand),
        Matcher::Cmp(operand) => one(words, "cmp == ", operand),
        Matcher::Is(operand) | Matcher::Eq(operand) | Matcher::Ne(operand) => one(words, "eq ", operand),
        Matcher::Match(patterns) => push_patterns(words, patterns, " and "),
        Matcher::Includes(operands) | Matcher::Excludes(operands) => push_list(words, "include", operands),
        Matcher::In(operands) | Matcher::NotIn(operands) => push_list(words, "be in", operands),
        Matcher::SubsetOf(operands) => push_list(words, "be a subset of", operands),
        Matcher::Compare(order, operand) => {
            let _ = write!(words, "{} {} ", if by == By::Exact { "be" } else { "cmp" }, order.sign());
            push_operand(words, operand);
        }
        Matcher::Between(ends) => {
            one(words, "be between ", &ends.0);
            one(words, " and ", &ends.1);
            words.push_str(" (inclusive)");
        }
        Matcher::StartWith(operand) => one(words, "start with ", operand),
        Matcher::EndWith(operand) => one(words, "end with ", operand),
        Matcher::Empty(_) => words.push_str("be empty"),
        Matcher::Nil(_) => words.push_str("be nil"),
        Matcher::Unique(_) => words.push_str("contain duplicates"),
        Matcher::All(test) => {
            words.push_str("all ");
            push_inner(words, test);
        }
        Matcher::Any(test) | Matcher::None(test) => {
            words.push_str("include one that would ");
            push_inner(words, test);
        }
        Matcher::Count(test) => {
            words.push_str("have a count that would ");
            push_inner(words, test);
        }
        Matcher::AtMost(operand) => {
            words.push_str("be more permissive than ");
            push_mode(words, operand);
        }
        Matcher::AnyBits(operand) => {
            words.push_str("have some of the bits ");
            push_mode(words, operand);
        }
        Matcher::AllBits(operand) => {
            words.push_str("have all of the bits ");
            push_mode(words, operand);
        }
        Matcher::Not(test) => match test.matchers.as_slice() {
            [one] => {
                match one {
                    // None of them may be found.
                    Matcher::Match(patterns) => push_patterns(words, patterns, " or "),
                    one => push_matcher(words, test.by, one),
                }
                push_modifiers(words, test.modifiers.as_deref());
            }
            _ => push_inner(words, test),
        },
    }
}

fn push_patterns(words: &mut String, patterns: &[PatternOperand], between: &str) {
    for (place, pattern) in patterns.iter().enumerate() {
        let between = if place > 0 { between } else { "" };
        let _ = match pattern {
            PatternOperand::Known(pattern) => write!(words, "{between}match /{}/", pattern.as_str()),
            PatternOperand::Open(_) => write!(words, "{between}match …"),
        };
    }
}

fn push_modifiers(words: &mut String, modifiers: Option<&Modifiers>) {
    let Some(modifiers) = modifiers else { return };
    let mut parts = Vec::new();
    if let Some(default) = &modifiers.default {
        parts.push(format!("default {}", default.inspect()));
    }
    if let Some(split) = &modifiers.split {
        parts.push(format!("split by /{}/", split.as_str()));
    }
    if modifiers.ignore_case {
        parts.push("ignoring case".to_owned());
    }
    if modifiers.ignore_whitespace {
        parts.push("ignoring white space".to_owned());
    }
    match modifiers.convert {
        Some(Type::Int) => parts.push("as number".to_owned()),
        Some(Type::Mode) => parts.push("as mode".to_owned()),
        Some(Type::Time) => parts.push("as date".to_owned()),
        Some(Type::Version(_)) => parts.push("as version".to_owned()),
        _ => {}
    }
    if !parts.is_empty() {
        let _ = write!(words, " ({})", parts.join(", "));
    }
}

fn is_list(operand: &Operand) -> bool {
    matches!(operand, Operand::Known(Value::List(_)))
}

fn push_operand(words: &mut String, operand: &Operand) {
    match operand {
        Operand::Known(value) => value.inspect_into(words),
        Operand::Open(..) => words.push('…'),
    }
}

/// A mode in quotes, as InSpec's users write it.
fn push_mode(words: &mut String, operand: &Operand) {
    match operand {
        Operand::Known(Value::Mode(mode)) => {
            let _ = write!(words, "\"{mode:04o}\"");
        }
        other => push_operand(words, other),
    }
}

/// `include "a"`, `include "a" and "b"`, `include "a", "b", and "c"`.
fn push_list(words: &mut String, before: &str, operands: &[Operand]) {
    words.push_str(before);
    for (place, operand) in operands.iter().enumerate() {
        let last = place + 1 == operands.len();
        words.push_str(match (place, last) {
            (0, _) => " ",
            (1, true) => " and ",
            (_, true) => ", and ",
            _ => ", ",
        });
        push_operand(words, operand);
    }
}

/// A value for a message, cut in the middle when it is long.
pub fn reading(value: &Value) -> String {
    let text = value.inspect();
    let count = text.chars().count();
    if count <= SHOWN_CHARS {
        return text;
    }
    let half = SHOWN_CHARS / 2;
    let first: String = text.chars().take(half).collect();
    let last: String = text.chars().skip(count - half).collect();
    format!("{first}...{last}")
}
