//! How two values compare: exactly, as InSpec's cmp does, as versions, as numbers.

use std::cmp::Ordering;

use crate::parse::version::{self, Scheme};
use crate::value::{Value, parse_date};

/// By which rules the values of a test compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Byte by byte, type by type; only numbers have an order.
    Exact,
    /// Text of a format without types: its natural test is InSpec's cmp, and text that is a number has an order.
    Untyped,
    /// As versions of this scheme.
    Version(Scheme),
    /// As days or moments.
    Time,
}

/// One side of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// <
    Less,
    /// <=
    AtMost,
    /// >
    Greater,
    /// >=
    AtLeast,
}

impl Order {
    /// The sign.
    pub fn sign(self) -> &'static str {
        match self {
            Order::Less => "<",
            Order::AtMost => "<=",
            Order::Greater => ">",
            Order::AtLeast => ">=",
        }
    }

    /// Whether the order of two values is on this side.
    pub fn holds(self, order: Ordering) -> bool {
        match self {
            Order::Less => order.is_lt(),
            Order::AtMost => order.is_le(),
            Order::Greater => order.is_gt(),
            Order::AtLeast => order.is_ge(),
        }
    }
}

/// Whether two values are equal.
pub(super) fn equal(by: By, actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Version(scheme, actual), expected) => {
            equal(By::Version(*scheme), &Value::Text(actual.clone()), expected)
        }
        (actual, Value::Version(_, expected)) => equal(by, actual, &Value::Text(expected.clone())),
        (Value::Text(actual), Value::Text(expected)) => match by {
            By::Version(scheme) => {
                actual == expected || version::against(scheme, actual, expected) == Some(Ordering::Equal)
            }
            By::Exact | By::Untyped | By::Time => actual == expected,
        },
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
            order_of_numbers(actual, expected) == Some(Ordering::Equal)
        }
        (Value::List(actual), Value::List(expected)) => {
            actual.len() == expected.len() && actual.iter().zip(expected).all(|(a, b)| equal(by, a, b))
        }
        (Value::Map(actual), Value::Map(expected)) => {
            let same = |(key, value): &(crate::value::Text, Value), other: &Value| {
                other.get(key).is_some_and(|other| equal(by, value, other))
            };
            let (left, right) = (Value::Map(actual.clone()), Value::Map(expected.clone()));
            actual.iter().all(|entry| same(entry, &right)) && expected.iter().all(|entry| same(entry, &left))
        }
        (Value::Text(text), Value::Time(_)) => read_time(text).is_some_and(|moment| equal(by, &moment, expected)),
        (Value::Bool(actual), Value::Bool(expected)) => actual == expected,
        (Value::Mode(actual), Value::Mode(expected)) => actual == expected,
        (Value::Time(actual), Value::Time(expected)) => actual == expected,
        (Value::Nil, Value::Nil) => true,
        _ => false,
    }
}

/// The order of two values; `None` when they have none.
pub(super) fn order(by: By, actual: &Value, expected: &Value) -> Option<Ordering> {
    match (by, actual, expected) {
        (_, Value::Version(scheme, actual), expected) => {
            order(By::Version(*scheme), &Value::Text(actual.clone()), expected)
        }
        (by, actual, Value::Version(_, expected)) => order(by, actual, &Value::Text(expected.clone())),
        (By::Version(scheme), Value::Text(actual), Value::Text(expected)) => version::against(scheme, actual, expected),
        (By::Time, Value::Text(text), Value::Time(_)) => order(by, &read_time(text)?, expected),
        (_, Value::Time(actual), Value::Time(expected)) => Some(actual.cmp(expected)),
        (_, Value::Mode(actual), Value::Mode(expected)) => Some(actual.cmp(expected)),
        (By::Untyped, Value::Text(text), Value::Int(_) | Value::Float(_)) => {
            order_of_numbers(&read_number(text)?, expected)
        }
        (_, Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => order_of_numbers(actual, expected),
        _ => None,
    }
}

fn order_of_numbers(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Int(left), Value::Float(right)) => order_of_mixed(*left, *right),
        (Value::Float(left), Value::Int(right)) => order_of_mixed(*right, *left).map(Ordering::reverse),
        _ => None,
    }
}

/// A whole number beside a float, without rounding the whole number.
fn order_of_mixed(left: i128, right: f64) -> Option<Ordering> {
    if right.is_nan() {
        return None;
    }
    // Beyond 2^100 only the size of the float matters; below, its whole part fits.
    if right.abs() >= 2_f64.powi(100) {
        return Some(if right > 0.0 { Ordering::Less } else { Ordering::Greater });
    }
    let whole = right.trunc() as i128;
    Some(left.cmp(&whole).then_with(|| 0.0_f64.partial_cmp(&right.fract()).unwrap_or(Ordering::Equal)))
}

/// A text that is a number: digits with an optional sign, fraction and exponent, and nothing else.
pub(super) fn read_number(text: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    match text.parse::<i128>() {
        Ok(number) => Some(Value::Int(number)),
        Err(_) => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::Float),
    }
}

pub(super) fn read_time(text: &[u8]) -> Option<Value> {
    parse_date(std::str::from_utf8(text).ok()?.trim()).map(Value::Time)
}

/// InSpec's cmp for equality: case does not matter, numbers and booleans are recognised in texts, octal texts are
/// modes. The rules and their order are InSpec's.
pub(super) fn cmp(actual: &Value, expected: &Value) -> bool {
    if let (Value::List(items), false) = (actual, matches!(expected, Value::List(_)))
        && let [one] = items.as_slice()
    {
        return cmp(one, expected);
    }
    if let (Value::Version(_, text), other) | (other, Value::Version(_, text)) = (actual, expected) {
        let text = Value::Text(text.clone());
        return if matches!(actual, Value::Version(..)) { cmp(&text, other) } else { cmp(other, &text) };
    }
    match (actual, expected) {
        (Value::Text(actual), Value::Text(expected)) => {
            let folded = |text: &[u8]| String::from_utf8_lossy(text).to_lowercase();
            actual == expected || folded(actual) == folded(expected)
        }
        (Value::Int(_), Value::Text(text)) if is_integer(text) => {
            read_number(text).is_some_and(|number| equal(By::Exact, actual, &number))
        }
        (Value::Mode(mode), Value::Text(text)) if is_integer(text) => {
            read_number(text).is_some_and(|number| equal(By::Exact, &Value::Int(i128::from(*mode)), &number))
        }
        (Value::Bool(actual), Value::Text(text)) => {
            boolean(&text.to_ascii_lowercase()).is_some_and(|expected| *actual == expected)
        }
        (Value::Text(text), Value::Bool(expected)) => boolean(text).is_some_and(|actual| actual == *expected),
        (Value::Text(text), Value::Int(_)) if is_integer(text) => {
            read_number(text).is_some_and(|number| equal(By::Exact, &number, expected))
        }
        (Value::Text(text), Value::Float(_)) => {
            read_number(text).is_some_and(|number| equal(By::Exact, &number, expected))
        }
        (Value::Int(actual), Value::Text(text)) => octal(text).is_some_and(|expected| *actual == i128::from(expected)),
        (Value::Mode(actual), Value::Text(text)) => octal(text).is_some_and(|expected| *actual == expected),
        (Value::Mode(actual), Value::Int(expected)) => i128::from(*actual) == *expected,
        _ => equal(By::Exact, actual, expected),
    }
}

fn is_integer(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let zeros = !digits.is_empty() && digits.iter().all(|byte| *byte == b'0');
    let canonical =
        digits.first().is_some_and(|first| (b'1'..=b'9').contains(first)) && digits.iter().all(u8::is_ascii_digit);
    zeros || canonical
}

fn boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

fn octal(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.starts_with('0'))?;
    u32::from_str_radix(text, 8).ok()
}
