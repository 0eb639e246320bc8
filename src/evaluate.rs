//! Checks × target. Evaluation never fails: what cannot be found out is a result of its own, never a pass.
//!
//! First the named conditions, then the gates of all controls, then one walk for all `find` checks that are known
//! beforehand, then the checks, each step in parallel (see `pool` for what happens when a filesystem hangs).

mod condition;
mod item;
mod judge;
mod pool;
mod walks;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::check::{Condition, Environment, Rules};
use crate::outcome::{CheckResult, Status};
use crate::resource::{Asked, Context, NoAnswer, Table};

use condition::Verdict;
use pool::{Lost, Patience};

/// How long a scan may take, and how.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many checks run at once.
    pub jobs: usize,
    /// How long the whole scan may take.
    pub whole: Duration,
    /// How long no question at all may be answered before the filesystem counts as hung.
    pub stall: Duration,
}

/// Whether durations are measured: a scan with a fixed clock says 0 everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Measured.
    Running,
    /// Fixed.
    Fixed,
}

impl Clock {
    /// Seconds since a moment.
    pub fn seconds_since(self, start: Instant) -> f64 {
        match self {
            Clock::Running => start.elapsed().as_secs_f64(),
            Clock::Fixed => 0.0,
        }
    }
}

/// The controls of one profile that are to be evaluated.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Conditions by their place.
    pub conditions: Vec<Condition>,
    /// The rules of each control.
    pub controls: Vec<Arc<Rules>>,
}

/// What a control came to.
#[derive(Clone, Debug, Default)]
pub struct Evaluated {
    /// The results, in order; at least one.
    pub results: Vec<CheckResult>,
    /// Whether it was found not to apply.
    pub not_applicable: bool,
}

/// What all checks of one scan share.
struct Scan {
    context: Arc<Context>,
    plans: Vec<Plan>,
    clock: Clock,
    /// What became of the named conditions, by plan and place; unknown while they are decided.
    verdicts: OnceLock<Vec<Vec<Verdict>>>,
    /// Answers of the one walk, by the words of the question; unknown while it is under way.
    walked: OnceLock<HashMap<String, Asked<Table>>>,
}

/// What is decided of a control before its checks.
#[derive(Debug)]
enum Gate {
    /// The checks run, with these names.
    Open(Environment<'static>),
    /// They do not; this is the only result.
    Closed { result: CheckResult, not_applicable: bool },
}

/// Evaluates all controls against a target; the results are in the order of the plans and their controls.
pub fn evaluate(context: Arc<Context>, plans: Vec<Plan>, limits: Limits, clock: Clock) -> Vec<Vec<Evaluated>> {
    let scan = Arc::new(Scan { context, plans, clock, verdicts: OnceLock::new(), walked: OnceLock::new() });
    let Limits { jobs, whole, stall } = limits;
    let patience = Patience { jobs, stall, whole, started: Instant::now() };

    let _ = scan.verdicts.set(decide_conditions(&scan, patience));
    let controls = places(&scan.plans, |plan| plan.controls.len());
    let gates = Arc::new(run(&scan, patience, &controls, |scan, (plan, control)| condition::gate(scan, plan, control)));
    let _ = scan.walked.set(walk(&scan, patience, &controls, &gates));

    // The unit of work is one entry of a control's list of checks.
    let mut units = Vec::new();
    for (place, gate) in gates.iter().enumerate() {
        if let (Ok(Gate::Open(_)), Some((plan, control))) = (gate, controls.get(place)) {
            let count = scan.rules(*plan, *control).map_or(0, |rules| rules.items.len());
            units.extend((0..count).map(|item| (place, *plan, *control, item)));
        }
    }
    let known_gates = Arc::clone(&gates);
    let answers = run(&scan, patience, &units, move |scan, (place, plan, control, item)| {
        let item = scan.rules(plan, control).and_then(|rules| rules.items.get(item));
        match (known_gates.get(place), item) {
            (Some(Ok(Gate::Open(environment))), Some(item)) => item::results(scan, plan, environment, item),
            _ => Vec::new(),
        }
    });

    let mut evaluated: Vec<Evaluated> = gates.iter().map(Evaluated::by_gate).collect();
    for ((place, ..), answer) in units.iter().zip(answers) {
        if let Some(control) = evaluated.get_mut(*place) {
            control.results.extend(answer.unwrap_or_else(|lost| vec![lost_result(&lost)]));
        }
    }
    let mut evaluated = evaluated.into_iter().map(Evaluated::whole);
    scan.plans.iter().map(|plan| evaluated.by_ref().take(plan.controls.len()).collect()).collect()
}

/// Name, family and release that the target gives itself; empty where it says nothing or cannot be asked.
pub fn platform(context: &Arc<Context>, limits: Limits) -> (String, String, String) {
    let Limits { whole, stall, .. } = limits;
    let patience = Patience { jobs: 1, stall, whole, started: Instant::now() };
    let shared = Arc::clone(context);
    let work = move |_| crate::resource::platform(&shared);
    let mut found = pool::run(1, patience, &|| context.root.answered(), Arc::new(work));
    found.pop().and_then(Result::ok).unwrap_or_default()
}

/// Every place of every plan.
fn places(plans: &[Plan], count: impl Fn(&Plan) -> usize) -> Vec<(usize, usize)> {
    plans.iter().enumerate().flat_map(|(plan, one)| (0..count(one)).map(move |place| (plan, place))).collect()
}

/// Does one piece of work for each unit, in parallel.
fn run<U: Copy + Send + Sync + 'static, T: Send + 'static>(
    scan: &Arc<Scan>,
    patience: Patience,
    units: &[U],
    work: impl Fn(&Scan, U) -> T + Send + Sync + 'static,
) -> Vec<Result<T, Lost>> {
    let (shared, units) = (Arc::clone(scan), units.to_vec());
    let count = units.len();
    let work = move |place: usize| units.get(place).map(|unit| work(&shared, *unit));
    let results = pool::run(count, patience, &|| scan.context.root.answered(), Arc::new(work));
    results.into_iter().map(|result| result.and_then(|done| done.ok_or(Lost::Crashed))).collect()
}

fn decide_conditions(scan: &Arc<Scan>, patience: Patience) -> Vec<Vec<Verdict>> {
    let places = places(&scan.plans, |plan| plan.conditions.len());
    let verdicts = run(scan, patience, &places, |scan, (plan, place)| {
        condition::decide(scan, plan, &Environment::default(), &Condition::Named(place))
    });
    let mut verdicts =
        verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(|lost| Verdict::Error(lost.to_string())));
    scan.plans.iter().map(|plan| verdicts.by_ref().take(plan.conditions.len()).collect()).collect()
}

/// One walk for all `find` checks of the open controls.
fn walk(
    scan: &Arc<Scan>,
    patience: Patience,
    controls: &[(usize, usize)],
    gates: &[Result<Gate, Lost>],
) -> HashMap<String, Asked<Table>> {
    let open = controls.iter().zip(gates).filter(|(_, gate)| matches!(gate, Ok(Gate::Open(_))));
    let items = open.filter_map(|((plan, control), _)| scan.rules(*plan, *control)).flat_map(|rules| &rules.items);
    let finds = Arc::new(walks::known_finds(items));
    if finds.is_empty() {
        return HashMap::new();
    }
    let asked = Arc::clone(&finds);
    let mut answers = run(scan, patience, &[()], move |scan, ()| walks::ask_all(scan, &asked, true));
    match answers.pop() {
        Some(Ok(tables)) => finds.iter().map(walks::Find::key).zip(tables).collect(),
        Some(Err(lost)) => {
            let error = NoAnswer::Error(format!("the walk through the target: {lost}"));
            finds.iter().map(|find| (find.key(), Err(error.clone()))).collect()
        }
        None => HashMap::new(),
    }
}

impl Scan {
    fn rules(&self, plan: usize, control: usize) -> Option<&Rules> {
        Some(self.plans.get(plan)?.controls.get(control)?)
    }
}

impl Evaluated {
    fn by_gate(gate: &Result<Gate, Lost>) -> Evaluated {
        match gate {
            Ok(Gate::Open(_)) => Evaluated::default(),
            Ok(Gate::Closed { result, not_applicable }) => {
                Evaluated { results: vec![result.clone()], not_applicable: *not_applicable }
            }
            Err(lost) => Evaluated { results: vec![lost_result(lost)], not_applicable: false },
        }
    }

    /// A control has at least one result; it does not apply when all its results say so.
    fn whole(mut self) -> Evaluated {
        if self.results.is_empty() {
            self.results
                .push(plain_result("No-op", Status::Skipped("none of its checks had anything to ask".to_owned())));
        }
        self.not_applicable |= self.results.iter().all(|result| result.not_applicable);
        self
    }
}

fn lost_result(lost: &Lost) -> CheckResult {
    plain_result("No-op", Status::Error(lost.to_string()))
}

/// A result without a resource.
fn plain_result(description: impl Into<String>, status: Status) -> CheckResult {
    CheckResult { description: description.into(), status, resource: "", seconds: 0.0, not_applicable: false }
}

/// Why there is no answer, as a status.
fn status_of(no_answer: &NoAnswer) -> Status {
    match no_answer {
        NoAnswer::Missing(why) | NoAnswer::Unanswerable(why) => Status::Skipped(why.clone()),
        NoAnswer::Error(why) => Status::Error(why.clone()),
    }
}
