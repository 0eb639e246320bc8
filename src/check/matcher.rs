//! Whether a value passes a test. Pure: a value and a test in, a truth out.

use crate::check::compare::{cmp, equal, order, read_number, read_time};
use crate::check::{By, Matcher, Modifiers, Operand, PatternOperand, Test};
use crate::pattern::Pattern;
use crate::resource::Type;
use crate::value::Value;

/// What a test says of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It passes.
    Yes,
    /// It does not; its negation passes.
    No,
    /// The test makes no sense for it (nil, no number, no list): neither it nor its negation passes.
    Never,
    /// It cannot be told: `split` makes more than [`MAX_PARTS`] parts of it. An error, wherever it comes up.
    Unknown,
}

impl Truth {
    fn of(holds: bool) -> Truth {
        if holds { Truth::Yes } else { Truth::No }
    }

    fn negated(self) -> Truth {
        match self {
            Truth::Yes => Truth::No,
            Truth::No => Truth::Yes,
            other => other,
        }
    }

    fn and(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::Unknown, _) | (_, Truth::Unknown) => Truth::Unknown,
            (Truth::Never, _) | (_, Truth::Never) => Truth::Never,
            (Truth::Yes, Truth::Yes) => Truth::Yes,
            _ => Truth::No,
        }
    }
}

/// Whether a value passes a test.
///
/// `nil_passes_negations`: in a filter, and only there, nil passes ne, not_in and not, so that what has no value is
/// not overlooked.
pub fn truth(test: &Test, value: &Value, nil_passes_negations: bool) -> Truth {
    Judge { test, nil_passes_negations, negated: false }.judge(value)
}

struct Judge<'a> {
    test: &'a Test,
    nil_passes_negations: bool,
    /// Under `not`, a list of patterns or elements means "any of them".
    negated: bool,
}

impl Judge<'_> {
    fn judge(&self, value: &Value) -> Truth {
        let changed;
        let value = match &self.test.modifiers {
            None => value,
            Some(modifiers) => match modified(modifiers, value) {
                Some(value) => {
                    changed = value;
                    &changed
                }
                None => return Truth::Unknown,
            },
        };
        let mut whole = Truth::Yes;
        for matcher in &self.test.matchers {
            whole = whole.and(self.matcher(matcher, value));
        }
        whole
    }

    fn matcher(&self, matcher: &Matcher, value: &Value) -> Truth {
        if let Matcher::Nil(wanted) = matcher {
            return Truth::of((*value == Value::Nil) == *wanted);
        }
        if *value == Value::Nil {
            let negation = matches!(matcher, Matcher::Ne(_) | Matcher::NotIn(_) | Matcher::Not(_));
            return if negation && self.nil_passes_negations { Truth::Yes } else { Truth::Never };
        }
        match value {
            Value::List(items) if !takes_lists(matcher) => {
                if items.is_empty() {
                    return Truth::Never;
                }
                items.iter().fold(Truth::Yes, |whole, item| whole.and(self.matcher(matcher, item)))
            }
            // A version brings the rules by which it compares; to all other matchers it is a text.
            Value::Version(_, text) if !is_comparison(matcher) => self.one(matcher, &Value::Text(text.clone())),
            value => self.one(matcher, value),
        }
    }

    fn one(&self, matcher: &Matcher, value: &Value) -> Truth {
        let by = self.test.by;
        let fold = |operand: &Operand| match &self.test.modifiers {
            Some(modifiers) => folded(modifiers, known(operand)),
            None => known(operand).clone(),
        };
        let same = |operand: &Operand| equal(by, value, &fold(operand));
        match matcher {
            Matcher::Is(operand) if by == By::Untyped => Truth::of(cmp(value, &fold(operand))),
            Matcher::Is(operand) | Matcher::Eq(operand) => Truth::of(same(operand)),
            Matcher::Ne(operand) => Truth::of(!same(operand)),
            Matcher::Cmp(operand) => Truth::of(cmp(value, &fold(operand))),
            Matcher::In(operands) | Matcher::SubsetOf(operands) if !matches!(value, Value::List(_)) => {
                Truth::of(operands.iter().any(same))
            }
            Matcher::NotIn(operands) => Truth::of(!operands.iter().any(same)),
            Matcher::In(operands) | Matcher::SubsetOf(operands) => match value {
                Value::List(items) => {
                    Truth::of(items.iter().all(|item| operands.iter().any(|operand| equal(by, item, &fold(operand)))))
                }
                _ => Truth::Never,
            },
            Matcher::Match(patterns) => self.matches(patterns, value),
            Matcher::Includes(operands) => self.quantified(operands.iter().map(|one| contains(by, value, &fold(one)))),
            Matcher::Excludes(operands) => {
                let none = |whole: Truth, one: &Operand| whole.and(contains(by, value, &fold(one)).negated());
                operands.iter().fold(Truth::Yes, none)
            }
            Matcher::Compare(side, operand) => match order(by, value, &fold(operand)) {
                Some(order) => Truth::of(side.holds(order)),
                None => Truth::Never,
            },
            Matcher::Between(ends) => match (order(by, value, &fold(&ends.0)), order(by, value, &fold(&ends.1))) {
                (Some(low), Some(high)) => Truth::of(low.is_ge() && high.is_le()),
                _ => Truth::Never,
            },
            Matcher::StartWith(operand) => ends(value, &fold(operand), <[u8]>::starts_with),
            Matcher::EndWith(operand) => ends(value, &fold(operand), <[u8]>::ends_with),
            Matcher::Empty(wanted) => match value {
                Value::Text(text) => Truth::of(text.is_empty() == *wanted),
                Value::List(items) => Truth::of(items.is_empty() == *wanted),
                Value::Map(entries) => Truth::of(entries.is_empty() == *wanted),
                _ => Truth::Never,
            },
            Matcher::Unique(wanted) => match value {
                Value::List(items) => Truth::of(is_unique(by, items) == *wanted),
                _ => Truth::Never,
            },
            Matcher::All(inner) => match self.elements(value, inner) {
                Some(truths) => truths.into_iter().fold(Truth::Yes, Truth::and),
                None => Truth::Never,
            },
            Matcher::Any(inner) => match self.elements(value, inner) {
                Some(truths) if truths.contains(&Truth::Yes) => Truth::Yes,
                Some(truths) if truths.contains(&Truth::Unknown) => Truth::Unknown,
                // An element for which the test makes no sense is not known to fail it.
                Some(truths) if truths.contains(&Truth::Never) => Truth::Never,
                Some(_) => Truth::No,
                None => Truth::Never,
            },
            Matcher::None(inner) => match self.elements(value, inner) {
                Some(truths) if truths.contains(&Truth::Unknown) => Truth::Unknown,
                Some(truths) => Truth::of(truths.iter().all(|one| *one == Truth::No)),
                None => Truth::Never,
            },
            Matcher::Count(inner) => {
                let count = match value {
                    Value::List(items) => items.len(),
                    Value::Map(entries) => entries.len(),
                    _ => 1,
                };
                truth(inner, &Value::Int(count as i128), false)
            }
            Matcher::AtMost(operand) => bits(value, operand, |mode, most| mode & !most == 0),
            Matcher::AnyBits(operand) => bits(value, operand, |mode, some| mode & some != 0),
            Matcher::AllBits(operand) => bits(value, operand, |mode, all| mode & all == all),
            Matcher::Not(inner) => {
                let judge = Judge { test: inner, nil_passes_negations: self.nil_passes_negations, negated: true };
                match value {
                    // Every element of a list must not pass, unless the test is about the list itself.
                    Value::List(items)
                        if !inner.matchers.iter().any(takes_lists)
                            && inner.modifiers.as_ref().is_none_or(|modifiers| modifiers.split.is_none()) =>
                    {
                        if items.is_empty() {
                            return Truth::Never;
                        }
                        items.iter().fold(Truth::Yes, |whole, item| whole.and(judge.judge(item).negated()))
                    }
                    value => judge.judge(value).negated(),
                }
            }
            Matcher::Nil(_) => Truth::Never,
        }
    }

    fn matches(&self, patterns: &[PatternOperand], value: &Value) -> Truth {
        let Value::Text(text) = value else { return Truth::No };
        self.quantified(patterns.iter().map(|pattern| match pattern {
            PatternOperand::Known(pattern) => Truth::of(found(self.test.modifiers.as_deref(), pattern, text)),
            PatternOperand::Open(_) => Truth::Never,
        }))
    }

    /// All of them; under `not`, any of them.
    fn quantified(&self, truths: impl Iterator<Item = Truth>) -> Truth {
        if self.negated {
            truths.fold(Truth::No, |whole, one| match (whole, one) {
                (Truth::Never, _) | (_, Truth::Never) => Truth::Never,
                (Truth::Yes, _) | (_, Truth::Yes) => Truth::Yes,
                _ => Truth::No,
            })
        } else {
            truths.fold(Truth::Yes, Truth::and)
        }
    }

    /// What the inner test says of each element; `None` for what is no list.
    fn elements(&self, value: &Value, inner: &Test) -> Option<Vec<Truth>> {
        match value {
            Value::List(items) => Some(items.iter().map(|item| truth(inner, item, false)).collect()),
            // A key of a format without types that was given once is a list of one.
            Value::Text(_) if self.test.by == By::Untyped => Some(vec![truth(inner, value, false)]),
            _ => None,
        }
    }
}

/// Matchers that compare two values.
fn is_comparison(matcher: &Matcher) -> bool {
    matches!(
        matcher,
        Matcher::Is(_)
            | Matcher::Eq(_)
            | Matcher::Ne(_)
            | Matcher::In(_)
            | Matcher::NotIn(_)
            | Matcher::SubsetOf(_)
            | Matcher::Compare(..)
            | Matcher::Between(_)
            | Matcher::Not(_)
    )
}

/// Matchers that are about a list as a whole.
fn takes_lists(matcher: &Matcher) -> bool {
    match matcher {
        Matcher::Includes(_)
        | Matcher::Excludes(_)
        | Matcher::Empty(_)
        | Matcher::Unique(_)
        | Matcher::Count(_)
        | Matcher::SubsetOf(_)
        | Matcher::All(_)
        | Matcher::Any(_)
        | Matcher::None(_)
        | Matcher::Nil(_)
        | Matcher::Not(_) => true,
        Matcher::Is(operand) | Matcher::Eq(operand) | Matcher::Ne(operand) | Matcher::Cmp(operand) => {
            matches!(known(operand), Value::List(_))
        }
        _ => false,
    }
}

/// The value of an operand; all are known when a test is evaluated.
fn known(operand: &Operand) -> &Value {
    match operand {
        Operand::Known(value) => value,
        Operand::Open(..) => &Value::Nil,
    }
}

fn contains(by: By, value: &Value, wanted: &Value) -> Truth {
    match (value, wanted) {
        (Value::Text(text), Value::Text(wanted)) => Truth::of(memchr::memmem::find(text, wanted).is_some()),
        (Value::List(items), wanted) => Truth::of(items.iter().any(|item| equal(by, item, wanted))),
        (Value::Map(_), Value::Text(key)) => Truth::of(value.get(key).is_some()),
        (Value::Map(_), Value::Map(entries)) => {
            Truth::of(entries.iter().all(|(key, wanted)| value.get(key).is_some_and(|found| equal(by, found, wanted))))
        }
        (Value::Map(_), _) => Truth::No,
        _ => Truth::Never,
    }
}

fn ends(value: &Value, wanted: &Value, test: fn(&[u8], &[u8]) -> bool) -> Truth {
    match (value, wanted) {
        (Value::Text(text), Value::Text(wanted)) => Truth::of(test(text, wanted)),
        _ => Truth::Never,
    }
}

fn bits(value: &Value, operand: &Operand, test: fn(u32, u32) -> bool) -> Truth {
    match (value, known(operand)) {
        (Value::Mode(mode), Value::Mode(wanted)) => Truth::of(test(*mode, *wanted)),
        _ => Truth::Never,
    }
}

/// Whether no value stands twice. Texts and numbers are sorted first: a target decides how many there are.
fn is_unique(by: By, items: &[Value]) -> bool {
    let mut keys: Vec<String> = items.iter().map(Value::inspect).collect();
    keys.sort_unstable();
    let twice = keys.windows(2).any(|pair| matches!(pair, [a, b] if a == b));
    // 1 and 1.0 are one number under two names.
    let floats: Vec<&Value> = items.iter().filter(|item| matches!(item, Value::Float(_))).collect();
    !twice && !floats.iter().any(|float| items.iter().filter(|item| equal(by, item, float)).count() > 1)
}

fn found(modifiers: Option<&Modifiers>, pattern: &Pattern, text: &[u8]) -> bool {
    if modifiers.is_some_and(|modifiers| modifiers.ignore_case) {
        // The pattern itself says so: case folding the text would break classes like [A-Z].
        return Pattern::new(&format!("(?i:{})", pattern.as_str())).is_ok_and(|pattern| pattern.is_match(text));
    }
    pattern.is_match(text)
}

/// The most parts that `split` makes of a value: the target decides how many separators it holds.
pub const MAX_PARTS: usize = 200_000;

/// The value after default, split, ignore and as; none when it falls into too many parts.
fn modified(modifiers: &Modifiers, value: &Value) -> Option<Value> {
    let value = match (value, &modifiers.default) {
        (Value::Nil, Some(default)) => default.clone(),
        (value, _) => value.clone(),
    };
    let value = match &modifiers.split {
        Some(separator) => split_text(separator, value)?,
        None => value,
    };
    Some(each(value, &|value| converted(modifiers.convert, folded(modifiers, &value))))
}

fn split_text(separator: &Pattern, value: Value) -> Option<Value> {
    let regex = separator.regex().ok()?;
    let items = match value {
        Value::Text(_) => vec![value],
        Value::Version(_, text) => vec![Value::Text(text)],
        Value::List(items) => items,
        other => return Some(other),
    };
    let mut parts = Vec::new();
    for item in items {
        match item {
            Value::Text(text) => {
                let room = MAX_PARTS.saturating_sub(parts.len());
                parts.extend(regex.split(&text).take(room + 1).map(|part| Value::text(part.trim_ascii())));
            }
            other => parts.push(other),
        }
        if parts.len() > MAX_PARTS {
            return None;
        }
    }
    Some(Value::List(parts))
}

fn each(value: Value, change: &dyn Fn(Value) -> Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.into_iter().map(change).collect()),
        value => change(value),
    }
}

/// A text without what is ignored. Applied to both sides of a comparison.
fn folded(modifiers: &Modifiers, value: &Value) -> Value {
    match value {
        Value::Version(_, text) if modifiers.ignore_case || modifiers.ignore_whitespace => {
            folded(modifiers, &Value::Text(text.clone()))
        }
        Value::Text(text) if modifiers.ignore_case || modifiers.ignore_whitespace => {
            let mut bytes = if modifiers.ignore_case { text.to_ascii_lowercase() } else { text.to_vec() };
            if modifiers.ignore_whitespace {
                bytes.retain(|byte| !byte.is_ascii_whitespace());
            }
            Value::text(bytes)
        }
        Value::List(items) => Value::List(items.iter().map(|item| folded(modifiers, item)).collect()),
        value => value.clone(),
    }
}

/// A text read as something else, and a number as the mode whose bits it is; what is no such thing stays as it is, which
/// no such test passes.
fn converted(convert: Option<Type>, value: Value) -> Value {
    if let (Some(Type::Mode), Value::Int(number)) = (convert, &value) {
        let mode = u32::try_from(*number).ok().filter(|mode| *mode <= 0o7777);
        return mode.map_or(value, Value::Mode);
    }
    if let (Some(_), Value::Version(_, text)) = (convert, &value) {
        return converted(convert, Value::Text(text.clone()));
    }
    let (Some(convert), Value::Text(text)) = (convert, &value) else { return value };
    let read = match convert {
        Type::Int => read_number(text.trim_ascii()),
        Type::Mode => std::str::from_utf8(text.trim_ascii())
            .ok()
            .and_then(|text| u32::from_str_radix(text, 8).ok())
            .filter(|mode| *mode <= 0o7777)
            .map(Value::Mode),
        Type::Time => read_time(text),
        _ => None,
    };
    read.unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_read_as_modes() {
        let modifiers = Modifiers { convert: Some(Type::Mode), ..Modifiers::default() };
        let matcher = Matcher::AtMost(Operand::Known(Value::Mode(0o644)));
        let test = Test { modifiers: Some(Box::new(modifiers)), by: By::Exact, matchers: vec![matcher] };
        for (value, passes) in [
            (Value::Int(0o600), true),
            (Value::Int(0o777), false),
            (Value::Int(0o10600), false),
            (Value::Int(-1), false),
            (Value::text("0600"), true),
            (Value::text("0777"), false),
            (Value::text("rw"), false),
        ] {
            assert_eq!(truth(&test, &value, false) == Truth::Yes, passes, "{}", value.inspect());
        }
    }

    #[test]
    fn not_any_is_none() {
        let test = |matcher: Matcher| Test { modifiers: None, by: By::Exact, matchers: vec![matcher] };
        let wanted = || Box::new(test(Matcher::Eq(Operand::Known(Value::text("a")))));
        let not_any = test(Matcher::Not(Box::new(test(Matcher::Any(wanted())))));
        let none = test(Matcher::None(wanted()));
        for (list, passes) in [
            (vec![Value::text("b")], true),
            (vec![Value::text("a"), Value::Nil], false),
            (vec![Value::text("b"), Value::Nil], false),
            (vec![], true),
        ] {
            let list = Value::List(list);
            assert_eq!(truth(&not_any, &list, false) == Truth::Yes, passes, "not any: {}", list.inspect());
            assert_eq!(truth(&none, &list, false) == Truth::Yes, passes, "none: {}", list.inspect());
        }
    }
}
