//! Compiled checks: what a profile asks, ready to be evaluated. Patterns are built, modes are parsed, inputs are
//! filled in; what is left open are values that only the target can give (`let`, rows of `each`).
//!
//! Nothing here reads a target or knows YAML.

mod compare;
mod convert;
mod describe;
mod document_path;
mod matcher;
mod secret;
mod substitute;
mod supports;
mod xpath;

use std::borrow::Cow;
use std::sync::Arc;

use crate::pattern::Pattern;
use crate::resource::{Arg, Arguments, Resource, Takes, Type};
use crate::value::Value;

pub use compare::{By, Order};
pub use convert::{core_scalar, is_null, to_argument, to_value};
pub use describe::{described, expected_words, negated_patterns, reading, subject_words};
pub use document_path::{DocumentPath, Step};
pub use matcher::{MAX_PARTS, Truth, truth};
pub use secret::without_secrets;
pub use substitute::{Binding, Environment, Expression, Piece, Root, Unbound, Variable, VariableStep, joined, pattern};
pub use supports::Supports;

/// What decides whether a control passes.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The systems of each profile below that the control was taken from: all must fit.
    pub supports: Vec<Supports>,
    /// Does not hold: the control is not applicable.
    pub applicable_if: Option<Arc<Gate>>,
    /// Does not hold: the control is skipped.
    pub only_if: Option<Arc<Gate>>,
    /// Values taken from the target before the checks.
    pub lets: Vec<Let>,
    /// The checks, in order.
    pub items: Vec<Item>,
}

/// A condition and why it is set.
#[derive(Clone, Debug)]
pub struct Gate {
    /// What must hold.
    pub condition: Condition,
    /// The profile's words for why, where it has some.
    pub reason: Option<String>,
}

/// Something that holds or does not hold.
#[derive(Clone, Debug)]
pub enum Condition {
    /// A process of the target is there to look at.
    Live,
    /// The named condition at this place of the profile's list.
    Named(usize),
    /// A check that must pass.
    Check(Box<Check>),
    /// A test on an input.
    Input(InputCheck),
    /// All must hold.
    AllOf(Vec<Condition>),
    /// One must hold.
    AnyOf(Vec<Condition>),
    /// None may hold.
    NoneOf(Vec<Condition>),
}

/// A value taken from the target under a name.
#[derive(Clone, Debug)]
pub struct Let {
    /// The name.
    pub name: String,
    /// What is read.
    pub subject: Subject,
    /// Which value of it.
    pub asks: Asks,
    /// The value when it is absent.
    pub default: Option<Value>,
}

/// One entry of a list of checks.
#[derive(Clone, Debug)]
pub enum Item {
    /// A check.
    Check(Box<Check>),
    /// Something that only people can find out.
    Manual {
        /// What they have to do.
        text: Expression,
        /// What the result is called, instead of the text.
        title: Option<String>,
    },
    /// A test on an input.
    Input(Box<InputCheck>),
    /// Several alternatives.
    Group(Group),
    /// Checks that depend on a condition.
    If {
        /// What decides.
        condition: Condition,
        /// The checks when it holds.
        then: Vec<Item>,
        /// The checks when it does not.
        otherwise: Vec<Item>,
    },
    /// The same checks for every row of a table of the target.
    Each(Box<Each>),
    /// A list of the profile or of an input that came out empty.
    Nothing {
        /// What it was.
        what: String,
        /// Whether that is fine.
        none_ok: bool,
    },
}

/// Which alternatives of a group must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// One.
    AnyOf,
    /// All.
    AllOf,
    /// None.
    NoneOf,
}

/// A group of alternatives.
#[derive(Clone, Debug)]
pub struct Group {
    /// Which must pass.
    pub kind: GroupKind,
    /// Each alternative is a list of checks.
    pub alternatives: Vec<Vec<Item>>,
    /// What the group is called in the results.
    pub title: Option<String>,
}

/// The same checks for every row of a table of the target.
#[derive(Clone, Debug)]
pub struct Each {
    /// What a row is called in the checks.
    pub name: String,
    /// The table.
    pub rows: Subject,
    /// The columns that the checks use.
    pub columns: Vec<String>,
    /// Whether no row at all is fine.
    pub none_ok: bool,
    /// The checks.
    pub items: Vec<Item>,
}

/// A test on an input.
#[derive(Clone, Debug)]
pub struct InputCheck {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// What is expected of it.
    pub test: Test,
    /// What the result is called.
    pub title: Option<String>,
}

/// What a result is when its subject does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Skipped, as in InSpec.
    Skip,
    /// Failed.
    Fail,
    /// Passed.
    Pass,
    /// Not applicable.
    NotApplicable,
}

/// One subject and what is expected of it.
#[derive(Clone, Debug)]
pub struct Check {
    /// What is looked at.
    pub subject: Subject,
    /// What is expected; each gives one result.
    pub expectations: Vec<Expectation>,
    /// What the results are when the subject is missing.
    pub missing: Missing,
    /// Whether no row at all is fine.
    pub none_ok: bool,
}

/// A resource with its arguments.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The resource.
    pub resource: &'static Resource,
    /// Its arguments.
    pub arguments: Vec<(&'static str, Slot)>,
    /// Which rows of a table are meant.
    pub filter: Filter,
    /// What the subject is called in the results, instead of its own words.
    pub title: Option<String>,
    /// The subject as the profile writes it, for results without known arguments.
    pub written: String,
}

impl std::fmt::Debug for Resource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name)
    }
}

/// An argument: known, or to be filled in.
#[derive(Clone, Debug)]
pub enum Slot {
    /// Known.
    Known(Arg),
    /// Known when the variables are.
    Open(Takes, Expression),
}

/// Which rows are meant: those for which all tests of one of the lists hold; no list means all rows.
#[derive(Clone, Debug, Default)]
pub struct Filter(pub Vec<Vec<(String, Test)>>);

/// One expectation.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Which value is meant.
    pub asks: Asks,
    /// What it must be.
    pub test: Test,
}

/// Which value of a subject is meant.
#[derive(Clone, Debug, PartialEq)]
pub enum Asks {
    /// A property of an object.
    Property(Cow<'static, str>),
    /// A column, row by row.
    Column(String),
    /// All values of a column as one list; the name it goes by and the column.
    List(String, String),
    /// How many rows there are.
    Count,
    /// Whether there is any row.
    Exist,
    /// A place in a document.
    Path(DocumentPath),
}

/// What a value must be: all matchers must hold.
#[derive(Clone, Debug)]
pub struct Test {
    /// What is done to the value first; most tests do nothing.
    pub modifiers: Option<Box<Modifiers>>,
    /// How values are compared.
    pub by: By,
    /// What must hold.
    pub matchers: Vec<Matcher>,
}

/// What is done to a value before it is tested, in this order.
#[derive(Clone, Debug, Default)]
pub struct Modifiers {
    /// The value when it is nil.
    pub default: Option<Value>,
    /// Splits a text into a list of trimmed texts.
    pub split: Option<Pattern>,
    /// Case does not count.
    pub ignore_case: bool,
    /// White space does not count.
    pub ignore_whitespace: bool,
    /// Reads the text as something else.
    pub convert: Option<Type>,
}

/// A value that is compared with: known, or to be filled in.
#[derive(Clone, Debug)]
pub enum Operand {
    /// Known.
    Known(Value),
    /// Known when the variables are; read as this type then.
    Open(Type, Expression),
}

/// A pattern: known, or to be filled in with texts that stand for themselves.
#[derive(Clone, Debug)]
pub enum PatternOperand {
    /// Known.
    Known(Pattern),
    /// Known when the variables are.
    Open(Expression),
}

/// One matcher.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// The natural test of a scalar.
    Is(Operand),
    /// Equal, list literals included.
    Eq(Operand),
    /// Not equal.
    Ne(Operand),
    /// InSpec's lenient comparison.
    Cmp(Operand),
    /// All patterns are found (under `not`: any).
    Match(Vec<PatternOperand>),
    /// All are contained (under `not`: any).
    Includes(Vec<Operand>),
    /// None is contained.
    Excludes(Vec<Operand>),
    /// Is one of these.
    In(Vec<Operand>),
    /// Is none of these.
    NotIn(Vec<Operand>),
    /// Every element is one of these.
    SubsetOf(Vec<Operand>),
    /// Lies on this side of it.
    Compare(Order, Operand),
    /// Lies between, ends included.
    Between(Box<(Operand, Operand)>),
    /// Begins with this text.
    StartWith(Operand),
    /// Ends with this text.
    EndWith(Operand),
    /// Is empty, or not.
    Empty(bool),
    /// Is absent, or not.
    Nil(bool),
    /// Holds nothing twice, or does.
    Unique(bool),
    /// Every element passes.
    All(Box<Test>),
    /// An element passes.
    Any(Box<Test>),
    /// No element passes.
    None(Box<Test>),
    /// The number of elements passes.
    Count(Box<Test>),
    /// No mode bit beyond these.
    AtMost(Operand),
    /// Some of these mode bits.
    AnyBits(Operand),
    /// All of these mode bits.
    AllBits(Operand),
    /// Does not pass.
    Not(Box<Test>),
}

impl Subject {
    /// The subject with all variables filled in.
    pub fn bind(&self, environment: &Environment<'_>) -> Result<(Arguments, Filter), Unbound> {
        let mut arguments = Arguments::default();
        for (name, slot) in &self.arguments {
            let argument = match slot {
                Slot::Known(argument) => argument.clone(),
                Slot::Open(takes, expression) => {
                    to_argument(*takes, &expression.pieces(environment)?).map_err(Unbound::Error)?
                }
            };
            arguments.0.push((name, argument));
        }
        let tests = |tests: &Vec<(String, Test)>| -> Result<Vec<(String, Test)>, Unbound> {
            tests.iter().map(|(column, test)| Ok((column.clone(), test.bind(environment)?))).collect()
        };
        Ok((arguments, Filter(self.filter.0.iter().map(tests).collect::<Result<_, _>>()?)))
    }

    /// The arguments and the filter, where nothing is left to fill in.
    pub fn known(&self) -> Option<(Arguments, Filter)> {
        let open = self.arguments.iter().any(|(_, slot)| matches!(slot, Slot::Open(..)))
            || self.filter.0.iter().flatten().any(|(_, test)| test.is_open());
        if open { None } else { self.bind(&Environment::default()).ok() }
    }
}
