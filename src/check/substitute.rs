//! Values that are filled in while a scan runs: `${name}`, `${row.column}`, `${inputs.map[name]}`.

use std::sync::Arc;

use crate::check::{DocumentPath, Matcher, Operand, PatternOperand, Step, Test, to_value};
use crate::pattern::Pattern;
use crate::resource::{Asked, Type};
use crate::value::{Value, lossless};

/// What is to be filled in.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// Pieces that make one text, or one variable that keeps its type.
    Scalar(Vec<Piece>),
    /// Several, of which those that are lists are spliced in.
    List(Vec<Expression>),
}

/// A piece of an expression, or of what came out of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// As the profile wrote it.
    Written(String),
    /// A value that stands for itself.
    Value(Value),
    /// A value of the target.
    Variable(Variable),
}

/// A variable and the way into its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// As it was written, for messages.
    pub written: String,
    /// Where it begins.
    pub root: Root,
    /// The way from there.
    pub steps: Vec<VariableStep>,
}

/// Where a variable begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Root {
    /// A name of `let` or `each`.
    Name(String),
    /// A value of the profile.
    Known(Value),
}

/// One step into a value.
#[derive(Clone, Debug, PartialEq)]
pub enum VariableStep {
    /// A key or an index.
    Known(Step),
    /// The key that another variable holds.
    Of(Box<Variable>),
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Binding {
    /// This value.
    Value(Value),
    /// A row of a table: cells by column.
    Row(Vec<(String, Asked<Value>)>),
    /// Nothing: the target does not have it, for this reason.
    Absent(String),
    /// It could not be found out, for this reason.
    Error(String),
}

/// Why something could not be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unbound {
    /// The target does not have the value.
    Absent(String),
    /// It could not be found out, or does not fit its place.
    Error(String),
}

/// Names and what they stand for; the inner ones first.
#[derive(Clone, Debug, Default)]
pub struct Environment<'a> {
    outer: Option<&'a Environment<'a>>,
    names: Vec<(Arc<str>, Binding)>,
}

impl<'a> Environment<'a> {
    /// An environment inside another.
    pub fn inside(outer: &'a Environment<'a>) -> Environment<'a> {
        Environment { outer: Some(outer), names: Vec::new() }
    }

    /// Gives a name a meaning.
    pub fn bind(&mut self, name: &str, binding: Binding) {
        self.names.push((Arc::from(name), binding));
    }

    fn get(&self, name: &str) -> Option<&Binding> {
        let here = self.names.iter().rev().find(|(known, _)| **known == *name).map(|(_, binding)| binding);
        here.or_else(|| self.outer.and_then(|outer| outer.get(name)))
    }
}

impl Variable {
    fn value(&self, environment: &Environment<'_>) -> Result<Value, Unbound> {
        let mut steps = Vec::new();
        for step in &self.steps {
            steps.push(match step {
                VariableStep::Known(step) => step.clone(),
                VariableStep::Of(variable) => Step::key(variable.value(environment)?.plain().as_bytes()),
            });
        }
        let root = match &self.root {
            Root::Known(value) => value.clone(),
            Root::Name(name) => match environment.get(name) {
                Some(Binding::Value(value)) => value.clone(),
                Some(Binding::Row(cells)) => {
                    let column = if steps.is_empty() { None } else { Some(steps.remove(0)) };
                    self.cell(cells, column.as_ref())?
                }
                Some(Binding::Absent(why)) => return Err(Unbound::Absent(why.clone())),
                Some(Binding::Error(why)) => return Err(Unbound::Error(why.clone())),
                None => return Err(Unbound::Error(format!("${{{}}} is not known here", self.written))),
            },
        };
        match DocumentPath::new(self.written.clone(), steps).find(&root) {
            Value::Nil => Err(Unbound::Absent(format!("${{{}}} has no value", self.written))),
            value => Ok(value),
        }
    }

    fn cell(&self, cells: &[(String, Asked<Value>)], column: Option<&Step>) -> Result<Value, Unbound> {
        let found = cells.iter().find(|(name, _)| column == Some(&Step::key(name.as_bytes())));
        match found {
            Some((_, Ok(value))) => Ok(value.clone()),
            Some((_, Err(error))) => Err(Unbound::Error(error.text().to_owned())),
            None => Err(Unbound::Error(format!("${{{}}} is no column", self.written))),
        }
    }
}

impl Expression {
    /// The pieces with all variables replaced by their values; one list for a scalar, several for a list.
    pub fn pieces(&self, environment: &Environment<'_>) -> Result<Vec<Vec<Piece>>, Unbound> {
        match self {
            Expression::Scalar(pieces) => {
                let known = pieces.iter().map(|piece| match piece {
                    Piece::Variable(variable) => Ok(Piece::Value(variable.value(environment)?)),
                    piece => Ok(piece.clone()),
                });
                Ok(spliced(known.collect::<Result<_, Unbound>>()?))
            }
            Expression::List(items) => {
                let mut all = Vec::new();
                for item in items {
                    all.append(&mut item.pieces(environment)?);
                }
                Ok(all)
            }
        }
    }

    /// The text, for people.
    pub fn text(&self, environment: &Environment<'_>) -> Result<String, Unbound> {
        let texts = self.pieces(environment)?.into_iter().map(|pieces| {
            let text = |piece: &Piece| match piece {
                Piece::Written(text) => text.clone(),
                Piece::Value(value) => value.plain(),
                Piece::Variable(variable) => format!("${{{}}}", variable.written),
            };
            pieces.iter().map(text).collect::<String>()
        });
        Ok(texts.collect::<Vec<_>>().join(", "))
    }
}

/// A single value that is a list becomes its elements.
fn spliced(pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
    match pieces.as_slice() {
        [Piece::Value(Value::List(items))] => items.iter().map(|item| vec![Piece::Value(item.clone())]).collect(),
        _ => vec![pieces],
    }
}

/// The value of the pieces of one scalar: a single value keeps its type, all else is one text.
pub fn joined(pieces: &[Piece]) -> Value {
    match pieces {
        [Piece::Value(value)] => value.clone(),
        pieces => {
            let mut bytes = Vec::new();
            for piece in pieces {
                match piece {
                    Piece::Written(text) => bytes.extend_from_slice(text.as_bytes()),
                    Piece::Value(Value::Text(text)) => bytes.extend_from_slice(text),
                    Piece::Value(value) => bytes.extend_from_slice(value.plain().as_bytes()),
                    Piece::Variable(_) => {}
                }
            }
            Value::text(bytes)
        }
    }
}

/// A pattern of the pieces of one scalar, in which values stand for themselves.
///
/// Errors: what is wrong with it.
pub fn pattern(pieces: &[Piece]) -> Result<Pattern, String> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Written(written) => text.push_str(written),
            Piece::Value(Value::Text(bytes)) => text.push_str(&escaped(bytes)),
            Piece::Value(value) => text.push_str(&regex::escape(&value.plain())),
            Piece::Variable(_) => {}
        }
    }
    Pattern::new(&text).map_err(|error| format!("/{}/ is no pattern: {error}", lossless(text.as_bytes())))
}

/// Bytes as a pattern that finds exactly them; control characters as escapes, for a pattern holds none.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                char if char.is_control() && char.is_ascii() => out.push_str(&format!("\\x{:02x}", u32::from(char))),
                char => out.push_str(&regex::escape(char.encode_utf8(&mut [0; 4]))),
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("(?-u:\\x{byte:02x})"));
        }
    }
    out
}

impl Test {
    /// Whether something is left to fill in.
    pub fn is_open(&self) -> bool {
        let open = |operand: &Operand| matches!(operand, Operand::Open(..));
        self.matchers.iter().any(|matcher| match matcher {
            Matcher::Is(one)
            | Matcher::Eq(one)
            | Matcher::Ne(one)
            | Matcher::Cmp(one)
            | Matcher::Compare(_, one)
            | Matcher::StartWith(one)
            | Matcher::EndWith(one)
            | Matcher::AtMost(one)
            | Matcher::AnyBits(one)
            | Matcher::AllBits(one) => open(one),
            Matcher::Between(ends) => open(&ends.0) || open(&ends.1),
            Matcher::Includes(many)
            | Matcher::Excludes(many)
            | Matcher::In(many)
            | Matcher::NotIn(many)
            | Matcher::SubsetOf(many) => many.iter().any(open),
            Matcher::Match(patterns) => patterns.iter().any(|one| matches!(one, PatternOperand::Open(_))),
            Matcher::All(test)
            | Matcher::Any(test)
            | Matcher::None(test)
            | Matcher::Count(test)
            | Matcher::Not(test) => test.is_open(),
            Matcher::Empty(_) | Matcher::Nil(_) | Matcher::Unique(_) => false,
        })
    }

    /// The test with all variables filled in.
    pub fn bind(&self, environment: &Environment<'_>) -> Result<Test, Unbound> {
        let one = |operand: &Operand| -> Result<Operand, Unbound> {
            match operand {
                Operand::Known(value) => Ok(Operand::Known(value.clone())),
                Operand::Open(holds, expression) => {
                    let list = matches!(expression, Expression::List(_));
                    let mut values = values(*holds, expression, environment)?;
                    match (list, values.len()) {
                        (false, 1) => Ok(Operand::Known(values.pop().unwrap_or(Value::Nil))),
                        _ => Ok(Operand::Known(Value::List(values))),
                    }
                }
            }
        };
        let many = |operands: &Vec<Operand>| -> Result<Vec<Operand>, Unbound> {
            let mut all = Vec::new();
            for operand in operands {
                match operand {
                    Operand::Known(value) => all.push(Operand::Known(value.clone())),
                    Operand::Open(holds, expression) => {
                        all.extend(values(*holds, expression, environment)?.into_iter().map(Operand::Known));
                    }
                }
            }
            Ok(all)
        };
        let inner = |test: &Test| -> Result<Box<Test>, Unbound> { Ok(Box::new(test.bind(environment)?)) };
        let bound = |matcher: &Matcher| -> Result<Matcher, Unbound> {
            Ok(match matcher {
                Matcher::Is(operand) => Matcher::Is(one(operand)?),
                Matcher::Eq(operand) => Matcher::Eq(one(operand)?),
                Matcher::Ne(operand) => Matcher::Ne(one(operand)?),
                Matcher::Cmp(operand) => Matcher::Cmp(one(operand)?),
                Matcher::Compare(order, operand) => Matcher::Compare(*order, one(operand)?),
                Matcher::StartWith(operand) => Matcher::StartWith(one(operand)?),
                Matcher::EndWith(operand) => Matcher::EndWith(one(operand)?),
                Matcher::AtMost(operand) => Matcher::AtMost(one(operand)?),
                Matcher::AnyBits(operand) => Matcher::AnyBits(one(operand)?),
                Matcher::AllBits(operand) => Matcher::AllBits(one(operand)?),
                Matcher::Between(ends) => Matcher::Between(Box::new((one(&ends.0)?, one(&ends.1)?))),
                Matcher::Includes(operands) => Matcher::Includes(many(operands)?),
                Matcher::Excludes(operands) => Matcher::Excludes(many(operands)?),
                Matcher::In(operands) => Matcher::In(many(operands)?),
                Matcher::NotIn(operands) => Matcher::NotIn(many(operands)?),
                Matcher::SubsetOf(operands) => Matcher::SubsetOf(many(operands)?),
                Matcher::Match(patterns) => Matcher::Match(bind_patterns(patterns, environment)?),
                Matcher::All(test) => Matcher::All(inner(test)?),
                Matcher::Any(test) => Matcher::Any(inner(test)?),
                Matcher::None(test) => Matcher::None(inner(test)?),
                Matcher::Count(test) => Matcher::Count(inner(test)?),
                Matcher::Not(test) => Matcher::Not(inner(test)?),
                Matcher::Empty(_) | Matcher::Nil(_) | Matcher::Unique(_) => matcher.clone(),
            })
        };
        let matchers = self.matchers.iter().map(bound).collect::<Result<_, _>>()?;
        Ok(Test { modifiers: self.modifiers.clone(), by: self.by, matchers })
    }
}

fn values(holds: Type, expression: &Expression, environment: &Environment<'_>) -> Result<Vec<Value>, Unbound> {
    let pieces = expression.pieces(environment)?;
    let value = |pieces: &Vec<Piece>| {
        let value = joined(pieces);
        let misfit = || Unbound::Error(format!("{} is not {}", lossless(value.inspect().as_bytes()), holds.words()));
        to_value(holds, &value).ok_or_else(misfit)
    };
    pieces.iter().map(value).collect()
}

fn bind_patterns(patterns: &[PatternOperand], environment: &Environment<'_>) -> Result<Vec<PatternOperand>, Unbound> {
    let mut all = Vec::new();
    for operand in patterns {
        match operand {
            PatternOperand::Known(_) => all.push(operand.clone()),
            PatternOperand::Open(expression) => {
                for pieces in expression.pieces(environment)? {
                    all.push(PatternOperand::Known(pattern(&pieces).map_err(Unbound::Error)?));
                }
            }
        }
    }
    Ok(all)
}
