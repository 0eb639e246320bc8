//! The entries of a list of checks, and the results that they give.

use std::sync::Arc;
use std::time::Instant;

use crate::check::{
    Asks, Binding, Check, Each, Environment, Expectation, Filter, Group, GroupKind, Item, Missing, Subject, Unbound,
    described, subject_words, without_secrets,
};
use crate::evaluate::condition::{Verdict, decide};
use crate::evaluate::judge::{judge, judge_table};
use crate::evaluate::layers::{files_failing, files_read, links, with_layers};
use crate::evaluate::walks::{Find, keep, wanted};
use crate::evaluate::{Scan, plain_result, status_of};
use crate::outcome::{CheckResult, Status};
use crate::resource::{Arguments, Asked, Keep, NoAnswer, Object, Property, Resource, Shape, Table};
use crate::rootfs::Root;
use crate::value::Value;

/// The results of one entry.
pub(super) fn results(scan: &Scan, plan: usize, environment: &Environment<'_>, item: &Item) -> Vec<CheckResult> {
    let all = |items: &[Item], environment: &Environment<'_>| -> Vec<CheckResult> {
        items.iter().flat_map(|one| results(scan, plan, environment, one)).collect()
    };
    match item {
        Item::Check(one) => check(scan, environment, one),
        Item::Manual { text, title } => {
            let text = text.text(environment).unwrap_or_else(|unbound| match unbound {
                Unbound::Absent(why) | Unbound::Error(why) => why,
            });
            let (description, why) = match title {
                Some(title) => (title.clone(), text),
                None => (text, "to be reviewed by a person".to_owned()),
            };
            vec![plain_result(description, Status::Skipped(why))]
        }
        Item::Input(input) => {
            let expectation = Expectation { asks: Asks::Property("value".into()), test: input.test.clone() };
            let subject = input.title.clone().unwrap_or_else(|| format!("Input {}", input.name));
            let status = match expectation.test.bind(environment) {
                Ok(test) => judge(&test, &input.value, false),
                Err(unbound) => unbound_status(&unbound),
            };
            vec![plain_result(described(&subject, &expectation), status)]
        }
        Item::Group(one) => group(scan, plan, environment, one),
        Item::If { condition, then, otherwise } => match decide(scan, plan, environment, condition) {
            Verdict::Holds => all(then, environment),
            Verdict::DoesNot(_) => all(otherwise, environment),
            Verdict::Error(why) => {
                vec![plain_result("No-op", Status::Error(format!("if could not be decided: {why}")))]
            }
        },
        Item::Nothing { what, none_ok: true } => vec![plain_result(format!("{what} is empty"), Status::Passed)],
        Item::Nothing { what, none_ok: false } => {
            vec![plain_result("No-op", Status::Skipped(format!("{what} is empty")))]
        }
        Item::Each(each) => {
            let Each { name, rows, columns, none_ok, items } = &**each;
            let (words, table) = match rows_of(scan, environment, rows, columns) {
                Ok(found) => found,
                Err(result) => return vec![*result],
            };
            let mut results = Vec::new();
            if !table.incomplete.is_empty() {
                results.push(plain_result(words, Status::Error(table.incomplete.join("; "))));
            } else if table.rows.is_empty() && *none_ok {
                results.push(plain_result(format!("{words} has no rows"), Status::Passed));
            } else if table.rows.is_empty() {
                results.push(plain_result(words, Status::Skipped("there is no row to look at".to_owned())));
            }
            for row in table.rows {
                let mut inner = Environment::inside(environment);
                inner.bind(name, Binding::Row(table.columns.iter().cloned().zip(row.cells).collect()));
                results.extend(all(items, &inner));
            }
            results
        }
    }
}

/// The rows that `each` goes over, with what they are called.
fn rows_of(
    scan: &Scan,
    environment: &Environment<'_>,
    rows: &Subject,
    columns: &[String],
) -> Result<(String, Table), Box<CheckResult>> {
    let failed = |words: &str, status| Box::new(plain_result(words, status));
    let (arguments, filter) =
        rows.bind(environment).map_err(|unbound| failed(&rows.written, unbound_status(&unbound)))?;
    let words = subject_words(rows.title.as_deref(), rows.resource, &arguments, &filter);
    let wanted = columns.iter().filter(|column| *column != "path").cloned().collect();
    match table(scan, rows.resource, arguments, filter, wanted) {
        Ok(table) => Ok((words, table)),
        Err(error) => Err(failed(&words, status_of(&error))),
    }
}

/// The state of an alternative, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Passed,
    Skipped,
    Failed,
    Error,
}

/// The worst of an alternative's results; without any it is skipped.
fn state(results: &[CheckResult]) -> State {
    let state = |result: &CheckResult| match result.status {
        Status::Passed => State::Passed,
        Status::Skipped(_) => State::Skipped,
        Status::Failed(_) => State::Failed,
        Status::Error(_) => State::Error,
    };
    results.iter().map(state).max().unwrap_or(State::Skipped)
}

fn group(scan: &Scan, plan: usize, environment: &Environment<'_>, group: &Group) -> Vec<CheckResult> {
    let alternatives: Vec<Vec<CheckResult>> = group
        .alternatives
        .iter()
        .map(|items| items.iter().flat_map(|one| results(scan, plan, environment, one)).collect())
        .collect();
    let mut results: Vec<CheckResult> = match group.kind {
        GroupKind::AllOf => alternatives.into_iter().flatten().collect(),
        GroupKind::AnyOf => {
            let one_passes = alternatives.iter().any(|results| state(results) == State::Passed);
            let shown = alternatives.into_iter().filter(|results| !one_passes || state(results) == State::Passed);
            shown.flatten().collect()
        }
        GroupKind::NoneOf => return vec![none_of(group, &alternatives)],
    };
    if let Some(title) = &group.title {
        for result in &mut results {
            result.description = format!("{title}: {}", result.description);
        }
    }
    results
}

/// One result: each alternative must fail.
fn none_of(group: &Group, alternatives: &[Vec<CheckResult>]) -> CheckResult {
    let worst = |wanted: State| -> Option<String> {
        let results = alternatives.iter().filter(|results| state(results) == wanted).flatten();
        let texts: Vec<&str> = results
            .filter_map(|result| match (&result.status, wanted) {
                (Status::Passed, State::Passed) => Some(result.description.as_str()),
                (Status::Error(why), State::Error) | (Status::Skipped(why), State::Skipped) => Some(why.as_str()),
                _ => None,
            })
            .collect();
        let any = alternatives.iter().any(|results| state(results) == wanted);
        any.then(|| texts.join("; "))
    };
    let unwanted = |found: String| Status::Failed(format!("expected: none of the alternatives\n     got: {found}"));
    let status = worst(State::Error)
        .map(Status::Error)
        .or_else(|| worst(State::Passed).map(unwanted))
        .or_else(|| worst(State::Skipped).map(Status::Skipped))
        .unwrap_or(Status::Passed);
    let words = || {
        let first = alternatives.iter().filter_map(|results| results.first());
        let words: Vec<&str> = first.map(|result| result.description.as_str()).collect();
        format!("none of: {}", words.join("; "))
    };
    plain_result(group.title.clone().unwrap_or_else(words), status)
}

fn unbound_status(unbound: &Unbound) -> Status {
    match unbound {
        Unbound::Absent(why) => Status::Failed(why.clone()),
        Unbound::Error(why) => Status::Error(why.clone()),
    }
}

/// The results of a check: one for each expectation.
pub(super) fn check(scan: &Scan, environment: &Environment<'_>, check: &Check) -> Vec<CheckResult> {
    let mut start = Instant::now();
    let resource = check.subject.resource;
    let (arguments, filter) = match check.subject.bind(environment) {
        Ok(bound) => bound,
        Err(unbound) => {
            let words = check.subject.title.as_deref().unwrap_or(&check.subject.written);
            let status = unbound_status(&unbound);
            let unasked = check.expectations.iter().map(|one| plain_result(described(words, one), status.clone()));
            return unasked.collect();
        }
    };
    let subject = subject_words(check.subject.title.as_deref(), resource, &arguments, &filter);
    let is_image = scan.context.root.image_facts().is_some();
    let read = if is_image { files_read(resource, &arguments) } else { Vec::new() };
    let answers = Answers::find(scan, check, arguments, filter);
    let mut results = Vec::with_capacity(check.expectations.len());
    for expectation in &check.expectations {
        let bound;
        let (expectation, judged) = if expectation.test.is_open() {
            match expectation.test.bind(environment) {
                Ok(test) => {
                    bound = Expectation { asks: expectation.asks.clone(), test };
                    (&bound, answers.judge(scan, check, &bound))
                }
                Err(unbound) => (expectation, Judged::of(unbound_status(&unbound))),
            }
        } else {
            (expectation, answers.judge(scan, check, expectation))
        };
        let mut description = described(&subject, expectation);
        if judged.vacuous {
            description.push_str(" (there is none, and the profile accepts that)");
        }
        let status = match is_image {
            true => answers.with_layers(&scan.context.root, resource, expectation, judged.status, &read),
            false => judged.status,
        };
        results.push(CheckResult {
            description: without_secrets(description),
            status: status.map_text(without_secrets),
            resource: resource.name.into(),
            seconds: scan.clock.seconds_since(start),
            not_applicable: judged.not_applicable,
        });
        start = Instant::now();
    }
    results
}

/// What an expectation came to.
struct Judged {
    status: Status,
    /// The control does not apply.
    not_applicable: bool,
    /// It passed because there was nothing to look at: the report says so.
    vacuous: bool,
}

impl Judged {
    fn of(status: Status) -> Judged {
        Judged { status, not_applicable: false, vacuous: false }
    }
}

/// What a subject answered, before it is asked for single values.
enum Answers {
    Object(Object),
    Document(Arc<Value>),
    Table(Table),
    None(NoAnswer),
}

impl Answers {
    fn find(scan: &Scan, check: &Check, arguments: Arguments, filter: Filter) -> Answers {
        let answers = match &check.subject.resource.shape {
            Shape::Object { open, .. } => open(&scan.context, &arguments).map(Answers::Object),
            Shape::Document { read, .. } => {
                let name = check.subject.resource.name;
                scan.documents.get(&scan.context, name, &arguments, *read).map(Answers::Document)
            }
            Shape::Table { .. } | Shape::Walk => {
                table(scan, check.subject.resource, arguments, filter, wanted(check)).map(Answers::Table)
            }
        };
        answers.unwrap_or_else(Answers::None)
    }

    fn judge(&self, scan: &Scan, check: &Check, expectation: &Expectation) -> Judged {
        let property = property_of(check.subject.resource, &expectation.asks);
        let secret = match &expectation.asks {
            Asks::Path(path) => path.is_secret(),
            _ => property.is_some_and(|property| property.secret),
        };
        let answer = match (self, &expectation.asks) {
            (Answers::Object(object), Asks::Property(name)) => object.property(&scan.context, name),
            (Answers::Document(document), Asks::Path(path)) => Ok(path.find(document)),
            (Answers::Table(table), asks) => {
                let status = judge_table(expectation, table, check.none_ok, secret);
                let no_row = matches!(asks, Asks::Column(_)) && table.rows.is_empty();
                return Judged { vacuous: no_row && status == Status::Passed, ..Judged::of(status) };
            }
            (Answers::None(no_answer), _) => Err(no_answer.clone()),
            _ => Err(NoAnswer::Error("the resource cannot be asked that".to_owned())),
        };
        let wild = matches!(&expectation.asks, Asks::Path(path) if path.is_wild());
        match answer {
            Ok(Value::Nil) if wild => nothing(check),
            Ok(Value::List(items)) if wild && items.is_empty() => nothing(check),
            Ok(value) => Judged::of(judge(&expectation.test, &value, secret)),
            Err(NoAnswer::Missing(why)) => {
                let existence = property.map_or(expectation.asks == Asks::Exist, |property| property.existence);
                if existence {
                    Judged::of(judge(&expectation.test, &Value::Bool(false), false))
                } else {
                    missing(check.missing, why)
                }
            }
            Err(other) => Judged::of(status_of(&other)),
        }
    }
}

impl Answers {
    /// A failure with the layers that brought the files that it is about.
    fn with_layers(
        &self,
        root: &Root,
        resource: &Resource,
        expectation: &Expectation,
        status: Status,
        read: &[Vec<u8>],
    ) -> Status {
        let links = links(resource, &expectation.asks);
        let failing = match (self, &status) {
            (Answers::Table(table), Status::Failed(_)) => files_failing(root, expectation, table),
            _ => Vec::new(),
        };
        with_layers(root, status, if failing.is_empty() { read } else { &failing }, links)
    }
}

/// What a `*` that stands for nothing makes of a result.
fn nothing(check: &Check) -> Judged {
    match check.none_ok {
        true => Judged { vacuous: true, ..Judged::of(Status::Passed) },
        false => Judged::of(Status::Skipped("there is nothing that * stands for".to_owned())),
    }
}

/// What a missing subject makes of a result.
fn missing(policy: Missing, why: String) -> Judged {
    match policy {
        Missing::Skip => Judged::of(Status::Skipped(why)),
        Missing::NotApplicable => Judged { not_applicable: true, ..Judged::of(Status::Skipped(why)) },
        Missing::Fail => Judged::of(Status::Failed(why)),
        Missing::Pass => Judged { vacuous: true, ..Judged::of(Status::Passed) },
    }
}

/// The registry's entry for what is asked.
fn property_of(resource: &Resource, asks: &Asks) -> Option<&'static Property> {
    match asks {
        Asks::Property(name) => resource.property(name),
        Asks::Column(name) | Asks::List(_, name) => resource.property(name),
        Asks::Count | Asks::Exist | Asks::Path(_) => None,
    }
}

/// The rows of a table that a filter means.
pub(super) fn table(
    scan: &Scan,
    resource: &Resource,
    arguments: Arguments,
    filter: Filter,
    wanted: Vec<String>,
) -> Asked<Table> {
    let read = match &resource.shape {
        Shape::Table { read, .. } => read,
        Shape::Walk => {
            let find = Find::new(arguments, filter, wanted);
            let known = scan.walked.get().and_then(|walked| walked.get(&find.key()).cloned());
            return known.unwrap_or_else(|| find.ask(scan));
        }
        Shape::Object { .. } | Shape::Document { .. } => {
            return Err(NoAnswer::Error(format!("{} is no table", resource.name)));
        }
    };
    let mut table = read(&scan.context, &arguments)?;
    let filtered = filter.0.iter().flatten().map(|(column, _)| column.as_str());
    table.add_entries(resource, filtered.chain(wanted.iter().map(String::as_str)));
    let Table { columns, rows, incomplete, doubtful, .. } = &mut table;
    let mut numbers = 0..;
    rows.retain(|row| {
        let doubt: Option<&String> = numbers.next().and_then(|number: usize| doubtful.get(&number));
        let cell = |name: &str| {
            let place = columns.iter().position(|known| known == name);
            let cell = place.and_then(|place| row.cells.get(place)).cloned();
            cell.unwrap_or_else(|| Err(NoAnswer::Error(format!("the table has no column {name}"))))
        };
        match keep(&filter, &cell) {
            Keep::No => false,
            Keep::Yes => {
                incomplete.extend(doubt.cloned());
                doubt.is_none()
            }
            Keep::Unknown(why) => {
                incomplete.push(why.text().to_owned());
                false
            }
        }
    });
    Ok(table)
}
