//! Checks in InSpec's words, so that results line up with those of older runs.

use crate::check::{Asks, By, Expectation, Filter, Matcher, Modifiers, Operand, PatternOperand, Test};
use crate::pattern::Pattern;
use crate::resource::{Arg, Arguments, Label, Resource, Type};
use crate::value::{Value, lossless};

/// How much of a value a message shows: the first and the last half of it.
const SHOWN_CHARS: usize = 200;

/// The subject of a check: `File /etc/passwd`, `/etc/passwd with uid == 0`.
pub fn subject_words(resource: &Resource, arguments: &Arguments, filter: &Filter) -> String {
    let argument = || match arguments.0.first() {
        Some((_, Arg::Text(text))) => Some(lossless(text)),
        Some((_, Arg::Globs(globs))) => Some(globs.iter().map(|glob| glob.as_str()).collect::<Vec<_>>().join(", ")),
        _ => None,
    };
    let mut words = match resource.label {
        Label::Alone(words) => words.to_owned(),
        Label::Path(default) => argument().unwrap_or_else(|| default.to_owned()),
        Label::WithArgument(words) if arguments.0.first().is_some_and(|(name, _)| *name == "content") => {
            format!("{words} content")
        }
        Label::WithArgument(words) => match argument() {
            Some(argument) => format!("{words} {argument}"),
            None => words.to_owned(),
        },
    };
    for (name, argument) in arguments.0.iter().skip(1) {
        match argument {
            Arg::Pattern(pattern) if *name == "match" => words.push_str(&format!(" /{}/", pattern.as_str())),
            Arg::Kind(kind) => words.push_str(&format!(" {name} {}", kind.name())),
            Arg::Globs(globs) => {
                let globs = globs.iter().map(|glob| glob.as_str()).collect::<Vec<_>>().join(", ");
                words.push_str(&format!(" {name} {globs}"));
            }
            _ => {}
        }
    }
    let filter = filter_words(filter);
    if !filter.is_empty() {
        words.push_str(&format!(" with {filter}"));
    }
    words
}

/// The filter of a table: `uid == 0 shell not to match /x/`.
fn filter_words(filter: &Filter) -> String {
    let column = |(column, test): &(String, Test)| match test.matchers.as_slice() {
        [Matcher::Is(operand)] => format!("{column} == {}", shown(operand)),
        _ => format!("{column} {}", test_words(test)),
    };
    let list = |tests: &Vec<(String, Test)>| tests.iter().map(column).collect::<Vec<_>>().join(" ");
    filter.0.iter().map(list).collect::<Vec<_>>().join(" or ")
}

/// The whole description of an expectation: `File /etc/shadow mode is expected to cmp == "0640"`.
pub fn described(subject: &str, expectation: &Expectation) -> String {
    let property = match &expectation.asks {
        Asks::Property(name) => name.clone(),
        Asks::Column(name) | Asks::List(name, _) => name.clone(),
        Asks::Count => "count".to_owned(),
        Asks::Exist => "exist".to_owned(),
        Asks::Path(path) => path.words(),
    };
    let natural = match expectation.test.matchers.as_slice() {
        [Matcher::Is(Operand::Known(value))] => predicate(&property, value, false),
        [Matcher::AtMost(operand)] if property == "mode" => {
            Some((true, format!("be more permissive than {}", quoted(operand))))
        }
        [Matcher::Not(inner)] => match inner.matchers.as_slice() {
            [Matcher::Is(Operand::Known(value))] => predicate(&property, value, true),
            [Matcher::AtMost(operand)] if property == "mode" => {
                Some((false, format!("be more permissive than {}", quoted(operand))))
            }
            _ => None,
        },
        _ => None,
    };
    match natural {
        Some((negated, words)) => format!("{subject} {} {words}", phrase(negated)),
        None => {
            let modifiers = modifier_words(&expectation.test.modifiers);
            format!("{subject} {property}{modifiers} is expected {}", test_words(&expectation.test))
        }
    }
}

/// `is expected to`, or its negation.
fn phrase(negated: bool) -> &'static str {
    if negated { "is expected not to" } else { "is expected to" }
}

/// Properties that read as a predicate of the subject itself: whether it is negated, and the words.
fn predicate(property: &str, value: &Value, under_not: bool) -> Option<(bool, String)> {
    let negated = |wanted: bool| wanted == under_not;
    match value {
        Value::Bool(wanted) => {
            let words = match property {
                "exist" => "exist".to_owned(),
                name => match name.split_once('.') {
                    None => format!("be {}", name.replace('_', " ")),
                    Some((permission, "other")) => format!("be {permission} by others"),
                    Some((permission, who)) => match who.strip_prefix("user.") {
                        Some(user) => format!("be {permission} by user {user}"),
                        None => format!("be {permission} by {who}"),
                    },
                },
            };
            Some((negated(*wanted), words))
        }
        Value::Text(text) => {
            let text = lossless(text);
            match property {
                "type" => Some((under_not, format!("be {}", text.replace('_', " ")))),
                "owner" => Some((under_not, format!("be owned by \"{text}\""))),
                "group" => Some((under_not, format!("be grouped into \"{text}\""))),
                "linked_to" => Some((under_not, format!("be linked to \"{text}\""))),
                _ => None,
            }
        }
        _ => None,
    }
}

/// What a test expects: `to match /x/ and not to be empty`.
fn test_words(test: &Test) -> String {
    let words: Vec<String> = test
        .matchers
        .iter()
        .map(|matcher| {
            let (negated, words) = matcher_words(test.by, matcher);
            format!("{} {words}", if negated { "not to" } else { "to" })
        })
        .collect();
    words.join(" and ")
}

/// What a test expects, for a message: `match /x/ and not be empty`; of a scalar, the value itself.
pub fn expected_words(test: &Test) -> String {
    match test.matchers.as_slice() {
        [Matcher::Is(operand)] => format!("{}{}", shown(operand), modifier_words(&test.modifiers)),
        _ => inner_words(test),
    }
}

/// The patterns that must not be found.
pub fn negated_patterns(test: &Test) -> Vec<&Pattern> {
    let patterns = test.matchers.iter().filter_map(|matcher| match matcher {
        Matcher::Not(inner) => Some(&inner.matchers),
        _ => None,
    });
    let patterns = patterns.flatten().filter_map(|matcher| match matcher {
        Matcher::Match(patterns) => Some(patterns),
        _ => None,
    });
    patterns
        .flatten()
        .filter_map(|pattern| match pattern {
            PatternOperand::Known(pattern) => Some(pattern),
            PatternOperand::Open(_) => None,
        })
        .collect()
}

/// A test without the words around it, as part of a larger one.
fn inner_words(test: &Test) -> String {
    let words = test.matchers.iter().map(|matcher| {
        let (negated, words) = matcher_words(test.by, matcher);
        if negated { format!("not {words}") } else { words }
    });
    format!("{}{}", words.collect::<Vec<_>>().join(" and "), modifier_words(&test.modifiers))
}

fn matcher_words(by: By, matcher: &Matcher) -> (bool, String) {
    let yes = |words: String| (false, words);
    match matcher {
        Matcher::Is(operand) => match operand {
            Operand::Known(Value::Mode(_)) => yes(format!("cmp == {}", quoted(operand))),
            _ if by == By::Untyped && !is_list(operand) => yes(format!("cmp == {}", shown(operand))),
            _ => yes(format!("eq {}", shown(operand))),
        },
        Matcher::Cmp(operand) => yes(format!("cmp == {}", shown(operand))),
        Matcher::Eq(operand) => yes(format!("eq {}", shown(operand))),
        Matcher::Ne(operand) => (true, format!("eq {}", shown(operand))),
        Matcher::Match(patterns) => {
            let patterns = patterns.iter().map(|pattern| match pattern {
                PatternOperand::Known(pattern) => format!("match /{}/", pattern.as_str()),
                PatternOperand::Open(_) => "match".to_owned(),
            });
            yes(patterns.collect::<Vec<_>>().join(" and "))
        }
        Matcher::Includes(operands) => yes(format!("include {}", listed(operands))),
        Matcher::Excludes(operands) => (true, format!("include {}", listed(operands))),
        Matcher::In(operands) => yes(format!("be in {}", listed(operands)).trim_end().to_owned()),
        Matcher::NotIn(operands) => (true, format!("be in {}", listed(operands)).trim_end().to_owned()),
        Matcher::SubsetOf(operands) => yes(format!("be a subset of {}", listed(operands))),
        Matcher::Compare(order, operand) => {
            let word = if by == By::Exact { "be" } else { "cmp" };
            yes(format!("{word} {} {}", order.sign(), shown(operand)))
        }
        Matcher::Between(ends) => yes(format!("be between {} and {} (inclusive)", shown(&ends.0), shown(&ends.1))),
        Matcher::StartWith(operand) => yes(format!("start with {}", shown(operand))),
        Matcher::EndWith(operand) => yes(format!("end with {}", shown(operand))),
        Matcher::Empty(wanted) => (!wanted, "be empty".to_owned()),
        Matcher::Nil(wanted) => (!wanted, "be nil".to_owned()),
        Matcher::Unique(wanted) => (*wanted, "contain duplicates".to_owned()),
        Matcher::All(test) => yes(format!("all {}", inner_words(test))),
        Matcher::Any(test) => yes(format!("include one that would {}", inner_words(test))),
        Matcher::None(test) => (true, format!("include one that would {}", inner_words(test))),
        Matcher::Count(test) => yes(format!("have a count that would {}", inner_words(test))),
        Matcher::AtMost(operand) => (true, format!("be more permissive than {}", quoted(operand))),
        Matcher::AnyBits(operand) => yes(format!("have some of the bits {}", quoted(operand))),
        Matcher::AllBits(operand) => yes(format!("have all of the bits {}", quoted(operand))),
        Matcher::Not(test) => match test.matchers.as_slice() {
            [one] => {
                let (negated, words) = matcher_words(test.by, one);
                (!negated, format!("{words}{}", modifier_words(&test.modifiers)))
            }
            _ => (true, inner_words(test)),
        },
    }
}

fn modifier_words(modifiers: &Option<Box<Modifiers>>) -> String {
    let Some(modifiers) = modifiers else { return String::new() };
    let mut words = Vec::new();
    if let Some(default) = &modifiers.default {
        words.push(format!("default {}", default.inspect()));
    }
    if let Some(split) = &modifiers.split {
        words.push(format!("split by /{}/", split.as_str()));
    }
    if modifiers.ignore_case {
        words.push("ignoring case".to_owned());
    }
    if modifiers.ignore_whitespace {
        words.push("ignoring white space".to_owned());
    }
    match modifiers.convert {
        Some(Type::Int) => words.push("as number".to_owned()),
        Some(Type::Mode) => words.push("as mode".to_owned()),
        Some(Type::Time) => words.push("as date".to_owned()),
        Some(Type::Version(_)) => words.push("as version".to_owned()),
        _ => {}
    }
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
}

fn is_list(operand: &Operand) -> bool {
    matches!(operand, Operand::Known(Value::List(_)))
}

fn shown(operand: &Operand) -> String {
    match operand {
        Operand::Known(value) => value.inspect(),
        Operand::Open(..) => "…".to_owned(),
    }
}

/// A mode in quotes, as InSpec's users write it.
fn quoted(operand: &Operand) -> String {
    match operand {
        Operand::Known(Value::Mode(mode)) => format!("\"{mode:04o}\""),
        other => shown(other),
    }
}

/// `"a"`, `"a" and "b"`, `"a", "b", and "c"`.
fn listed(operands: &[Operand]) -> String {
    let mut words: Vec<String> = operands.iter().map(shown).collect();
    match words.len() {
        0 | 1 => words.pop().unwrap_or_default(),
        2 => words.join(" and "),
        _ => {
            let last = words.pop().unwrap_or_default();
            format!("{}, and {last}", words.join(", "))
        }
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
