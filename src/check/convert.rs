//! Values as a place wants them: the type of a property, the type of an argument.

use crate::check::Piece;
use crate::check::substitute::{joined, pattern};
use crate::resource::{Arg, Takes, Type};
use crate::rootfs::{Glob, GlobPiece, Kind};
use crate::value::{Text, Value, from_lossless, parse_date, parse_mode};

/// A value as this type; `None` when it does not fit.
pub fn to_value(holds: Type, value: &Value) -> Option<Value> {
    let text = || value.as_bytes().and_then(|text| std::str::from_utf8(text).ok());
    match (holds, value) {
        (Type::Data, value) => Some(value.clone()),
        (_, Value::Nil | Value::List(_) | Value::Map(_)) => None,
        (Type::Bool, Value::Bool(_)) => Some(value.clone()),
        (Type::Bool, _) => match text()? {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        (Type::Int | Type::Ints, Value::Int(_) | Value::Float(_)) => Some(value.clone()),
        (Type::Int | Type::Ints, _) => number(text()?),
        (Type::Mode, Value::Mode(_)) => Some(value.clone()),
        (Type::Mode, _) => parse_mode(text()?).map(Value::Mode),
        (Type::Time, Value::Time(_)) => Some(value.clone()),
        (Type::Time, Value::Int(seconds)) => i64::try_from(*seconds).ok().map(Value::Time),
        (Type::Time, _) => text().and_then(|text| parse_date(text).or_else(|| text.parse().ok())).map(Value::Time),
        (Type::Kind, _) => {
            let word = text()?;
            Kind::NAMED.iter().any(|(_, name)| *name == word).then(|| value.clone())
        }
        (Type::Text | Type::Texts | Type::Untyped | Type::Version(_), Value::Text(_)) => Some(value.clone()),
        (Type::Text | Type::Texts | Type::Untyped | Type::Version(_), _) => Some(Value::text(value.plain())),
    }
}

/// Whether a plain scalar is null.
pub fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// A plain scalar by YAML 1.2's core schema, but for digits behind a zero: `0640` and `007` are texts, in profiles as in
/// the documents of a target, because other readers of YAML take them for octal.
pub fn core_scalar(text: &str) -> Value {
    match text {
        text if is_null(text) => return Value::Nil,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let behind_zero = digits.strip_prefix('0').is_some_and(|rest| !rest.is_empty());
    if behind_zero && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Value::text(text);
    }
    number(text).unwrap_or_else(|| Value::text(text))
}

/// A number as YAML writes it.
fn number(text: &str) -> Option<Value> {
    let radix = |prefix: &str, radix: u32| {
        text.strip_prefix(prefix).and_then(|digits| i128::from_str_radix(digits, radix).ok())
    };
    if let Some(number) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Some(Value::Int(number));
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.contains(|char: char| char.is_ascii_digit());
    let whole = || text.parse().ok().map(Value::Int);
    if is_number { whole().or_else(|| text.parse().ok().map(Value::Float)) } else { None }
}

/// An argument from its pieces; one list of pieces for each scalar.
///
/// Errors: what is wrong with it, in words that follow the argument's name.
pub fn to_argument(takes: Takes, scalars: &[Vec<Piece>]) -> Result<Arg, String> {
    let one = || match scalars {
        [pieces] => Ok(pieces.as_slice()),
        _ => Err(format!("must be one value, not {}", scalars.len())),
    };
    let plain = || one().map(|pieces| joined(pieces).plain());
    match takes {
        Takes::Text => match joined(one()?) {
            Value::Text(text) => Ok(Arg::Text(text)),
            Value::Nil | Value::List(_) | Value::Map(_) => Err("must be a text".to_owned()),
            other => Ok(Arg::Text(Text::from(other.plain().as_bytes()))),
        },
        Takes::Path => {
            let path = path(one()?)?;
            Ok(Arg::Text(Text::from(path)))
        }
        Takes::Globs | Takes::Names => {
            let globs = scalars.iter().map(|pieces| glob(takes, pieces)).collect::<Result<Vec<_>, _>>()?;
            if globs.is_empty() { Err("must name at least one".to_owned()) } else { Ok(Arg::Globs(globs)) }
        }
        Takes::Pattern => pattern(one()?).map(Arg::Pattern),
        Takes::Count => {
            let text = plain()?;
            text.parse().map(Arg::Count).map_err(|_| format!("must be a whole number of at least 0, not `{text}`"))
        }
        Takes::Bool => match plain()?.as_str() {
            "true" => Ok(Arg::Bool(true)),
            "false" => Ok(Arg::Bool(false)),
            other => Err(format!("must be true or false, not `{other}`")),
        },
        Takes::Kind => {
            let text = plain()?;
            let kind = Kind::NAMED.iter().find(|(_, name)| *name == text).map(|(kind, _)| Arg::Kind(*kind));
            kind.ok_or_else(|| format!("must be {}, not `{text}`", Type::Kind.words()))
        }
    }
}

fn path(pieces: &[Piece]) -> Result<Vec<u8>, String> {
    let mut path = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Written(text) => path.extend_from_slice(&from_lossless(text)),
            Piece::Value(Value::Text(text)) => path.extend_from_slice(text),
            Piece::Value(value) => path.extend_from_slice(value.plain().as_bytes()),
            Piece::Variable(_) => {}
        }
    }
    let shown = || crate::value::lossless(&path);
    match path.first() {
        Some(b'/') if path.contains(&0) => Err(format!("must be a path, and no path holds a NUL: `{}`", shown())),
        Some(b'/') => Ok(path),
        _ => Err(format!("must be an absolute path inside the target, not `{}`", shown())),
    }
}

fn glob(takes: Takes, pieces: &[Piece]) -> Result<Glob, String> {
    let pieces: Vec<GlobPiece<'_>> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Written(text) => Some(GlobPiece::Written(text)),
            Piece::Value(value) => value.as_bytes().map(GlobPiece::Literal),
            Piece::Variable(_) => None,
        })
        .collect();
    let glob = Glob::of(&pieces).map_err(|error| error.to_string())?;
    if takes == Takes::Globs && !glob.is_absolute() {
        return Err(format!("must be absolute paths or globs inside the target, not `{}`", glob.as_str()));
    }
    Ok(glob)
}
