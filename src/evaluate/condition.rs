//! Whether something holds, and what that means for a control.

use crate::check::{self, Asks, Binding, Check, Condition, Environment, InputCheck, Let, Truth, Unbound, truth};
use crate::evaluate::{Gate, Scan, item, plain_result};
use crate::outcome::Status;
use crate::resource::{Asked, NoAnswer, Shape};
use crate::value::Value;

/// What became of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It holds.
    Holds,
    /// It does not, for this reason.
    DoesNot(String),
    /// It could not be found out.
    Error(String),
}

/// Decides a condition. Everything that would be failed or skipped means that it does not hold.
pub(super) fn decide(scan: &Scan, plan: usize, environment: &Environment<'_>, condition: &Condition) -> Verdict {
    let all = |conditions: &[Condition]| -> Vec<Verdict> {
        conditions.iter().map(|condition| decide(scan, plan, environment, condition)).collect()
    };
    match condition {
        Condition::Live => match scan.context.processes() {
            Ok(_) => Verdict::Holds,
            Err(reason) => Verdict::DoesNot(reason.text().to_owned()),
        },
        Condition::Named(place) => decide_named(scan, plan, *place),
        Condition::Input(input) => decide_input(environment, input),
        Condition::Check(check) => decide_check(scan, environment, check),
        Condition::AllOf(conditions) => {
            let verdicts = all(conditions);
            let failed = verdicts.iter().find(|verdict| matches!(verdict, Verdict::DoesNot(_)));
            first_error(&verdicts).or(failed).cloned().unwrap_or(Verdict::Holds)
        }
        Condition::AnyOf(conditions) => {
            let verdicts = all(conditions);
            if verdicts.contains(&Verdict::Holds) {
                return Verdict::Holds;
            }
            let none = || Verdict::DoesNot("none of the alternatives holds".to_owned());
            first_error(&verdicts).cloned().unwrap_or_else(none)
        }
        Condition::NoneOf(conditions) => {
            let verdicts = all(conditions);
            let holds = verdicts.contains(&Verdict::Holds);
            let unwanted = holds.then(|| Verdict::DoesNot("one of what must not hold does".to_owned()));
            first_error(&verdicts).cloned().or(unwanted).unwrap_or(Verdict::Holds)
        }
    }
}

fn first_error(verdicts: &[Verdict]) -> Option<&Verdict> {
    verdicts.iter().find(|verdict| matches!(verdict, Verdict::Error(_)))
}

fn decide_named(scan: &Scan, plan: usize, place: usize) -> Verdict {
    if let Some(verdict) = scan.verdicts.get().and_then(|verdicts| verdicts.get(plan)?.get(place)) {
        return verdict.clone();
    }
    match scan.plans.get(plan).and_then(|plan| plan.conditions.get(place)) {
        Some(named) => decide_gate(scan, plan, named),
        None => Verdict::Error("the profile has no such condition".to_owned()),
    }
}

/// Decides a condition that may tell in its own words why it is set.
fn decide_gate(scan: &Scan, plan: usize, gate: &check::Gate) -> Verdict {
    match (decide(scan, plan, &Environment::default(), &gate.condition), &gate.reason) {
        (Verdict::DoesNot(_), Some(reason)) => Verdict::DoesNot(reason.clone()),
        (verdict, _) => verdict,
    }
}

fn decide_input(environment: &Environment<'_>, input: &InputCheck) -> Verdict {
    match input.test.bind(environment) {
        Ok(test) if truth(&test, &input.value, false) == Truth::Yes => Verdict::Holds,
        Ok(_) => Verdict::DoesNot(format!("input {} is {}", input.name, input.value.inspect())),
        Err(Unbound::Absent(why)) => Verdict::DoesNot(why),
        Err(Unbound::Error(why)) => Verdict::Error(why),
    }
}

fn decide_check(scan: &Scan, environment: &Environment<'_>, check: &Check) -> Verdict {
    let mut verdict = Verdict::Holds;
    for result in item::check(scan, environment, check) {
        match result.status {
            Status::Passed => {}
            Status::Error(why) => return Verdict::Error(why),
            Status::Failed(_) | Status::Skipped(_) if verdict == Verdict::Holds => {
                verdict = Verdict::DoesNot(format!("it is not so that {}", result.description));
            }
            Status::Failed(_) | Status::Skipped(_) => {}
        }
    }
    verdict
}

/// Decides whether the checks of a control run, and takes the values that they use.
pub(super) fn gate(scan: &Scan, plan: usize, control: usize) -> Gate {
    let Some(rules) = scan.plans.get(plan).and_then(|plan| plan.controls.get(control)) else {
        return closed(Status::Error("the profile has no such control".to_owned()));
    };
    let gates = [("applicable_if", &rules.applicable_if), ("only_if", &rules.only_if)];
    for (name, gate) in gates.into_iter().filter_map(|(name, gate)| Some((name, gate.as_ref()?))) {
        match decide_gate(scan, plan, gate) {
            Verdict::Holds => {}
            Verdict::Error(why) => return closed(Status::Error(format!("{name} could not be decided: {why}"))),
            Verdict::DoesNot(reason) => {
                return match name {
                    "applicable_if" => Gate::Closed {
                        result: plain_result("No-op", Status::Skipped(format!("Not applicable: {reason}"))),
                        not_applicable: true,
                    },
                    _ => closed(Status::Skipped(format!("Skipped control due to only_if condition: {reason}"))),
                };
            }
        }
    }
    let mut environment = Environment::default();
    for taken in &rules.lets {
        let binding = take(scan, &environment, taken);
        environment.bind(&taken.name, binding);
    }
    Gate::Open(environment)
}

fn closed(status: Status) -> Gate {
    Gate::Closed { result: plain_result("No-op", status), not_applicable: false }
}

/// The value of a `let`.
fn take(scan: &Scan, environment: &Environment<'_>, taken: &Let) -> Binding {
    let or_default = |why: String| taken.default.clone().map_or(Binding::Absent(why), Binding::Value);
    match ask(scan, environment, taken) {
        Ok(Value::Nil) => or_default(format!("${{{}}} is not set in the target", taken.name)),
        Ok(value) => Binding::Value(value),
        Err(NoAnswer::Missing(why)) => or_default(why),
        Err(NoAnswer::Unanswerable(why) | NoAnswer::Error(why)) => Binding::Error(why),
    }
}

/// Whether what is missing is there: it is not. To any other question it has no answer.
fn false_if_missing(existence: bool, why: NoAnswer) -> Asked<Value> {
    if existence && matches!(why, NoAnswer::Missing(_)) { Ok(Value::Bool(false)) } else { Err(why) }
}

fn ask(scan: &Scan, environment: &Environment<'_>, taken: &Let) -> Asked<Value> {
    let (arguments, filter) = taken.subject.bind(environment).map_err(|unbound| match unbound {
        Unbound::Absent(why) => NoAnswer::Missing(why),
        Unbound::Error(why) => NoAnswer::Error(why),
    })?;
    let wanted = match (&taken.subject.resource.shape, &taken.asks) {
        (Shape::Object { open, .. }, Asks::Property(name)) => {
            let answer = open(&scan.context, &arguments).and_then(|object| object.property(&scan.context, name));
            let existence = taken.subject.resource.property(name).is_some_and(|property| property.existence);
            return answer.or_else(|why| false_if_missing(existence, why));
        }
        (Shape::Document { read, .. }, Asks::Path(path)) => {
            let name = taken.subject.resource.name;
            return Ok(path.find(&*scan.documents.get(&scan.context, name, &arguments, *read)?));
        }
        (_, Asks::List(_, column)) => vec![column.clone()],
        _ => Vec::new(),
    };
    let table = match item::table(scan, taken.subject.resource, arguments, filter, wanted) {
        Ok(table) => table,
        Err(why) => return false_if_missing(taken.asks == Asks::Exist, why),
    };
    if let Some(why) = table.incomplete.first() {
        return Err(NoAnswer::Error(why.clone()));
    }
    match &taken.asks {
        Asks::Count => Ok(Value::Int(table.rows.len() as i128)),
        Asks::Exist => Ok(Value::Bool(!table.rows.is_empty())),
        Asks::List(_, column) => {
            let place = table.column(column);
            let cells = table.rows.iter().filter_map(|row| place.and_then(|place| row.cells.get(place)).cloned());
            cells.collect::<Asked<Vec<Value>>>().map(Value::List)
        }
        _ => Err(NoAnswer::Error("a table has no single value".to_owned())),
    }
}
