//! Checks × target. Evaluation never fails: what cannot be found out is a result of its own, never a pass.
//!
//! First the platform and the named conditions, then the gates of all controls, then one walk for all `find` checks
//! that are known beforehand, then the checks, each step in parallel (see `pool` for what happens when a filesystem hangs).

mod condition;
mod documents;
mod item;
mod judge;
mod layers;
mod pool;
mod walks;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::check::{self, Condition, Environment, Rules, Supports, without_secrets};
use crate::outcome::{CheckResult, Status};
use crate::resource::{Asked, Context, NoAnswer, Platform, Table, platform};

use condition::Verdict;
use documents::Documents;
use pool::{Crew, Lost, Patience};

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

/// How far a scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The walk through the target is under way; the target has answered so many questions.
    Walking(u64),
    /// So many checks are done, of so many.
    Checking(usize, usize),
}

/// The controls of one profile that are to be evaluated.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which systems it is for.
    pub supports: Supports,
    /// Conditions by their place.
    pub conditions: Vec<check::Gate>,
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

/// What all checks of one scan share. What one step finds out, the later ones use.
struct Scan {
    context: Arc<Context>,
    plans: Vec<Plan>,
    clock: Clock,
    /// Documents that were parsed already.
    documents: Documents,
    /// Which system the target says it is.
    platform: OnceLock<Platform>,
    /// What became of the named conditions, by plan and place.
    verdicts: OnceLock<Vec<Vec<Verdict>>>,
    /// Answers of the one walk, by the words of the question.
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
pub fn evaluate(
    context: Arc<Context>,
    plans: Vec<Plan>,
    limits: Limits,
    clock: Clock,
    progress: &dyn Fn(Progress),
) -> (Platform, Vec<Vec<Evaluated>>) {
    let scan = Arc::new(Scan {
        context,
        plans,
        clock,
        documents: Documents::default(),
        platform: OnceLock::new(),
        verdicts: OnceLock::new(),
        walked: OnceLock::new(),
    });
    let Limits { jobs, whole, stall } = limits;
    let patience = Patience { crew: Crew::default(), jobs, stall, whole, started: Instant::now() };
    first_questions(&scan, &patience);
    let controls = places(&scan.plans, |plan| plan.controls.len());
    let gates = gates(&scan, &patience, &controls);
    walk(&scan, &patience, &controls, &gates, progress);

    // The unit of work is one entry of a control's list of checks.
    let mut units = Vec::new();
    for (place, (gate, (plan, control))) in gates.iter().zip(&controls).enumerate() {
        if let Gate::Open(_) = gate {
            let count = scan.rules(*plan, *control).map_or(0, |rules| rules.items.len());
            units.extend((0..count).map(|item| (place, *plan, *control, item)));
        }
    }
    let gates = Arc::new(gates);
    let known = Arc::clone(&gates);
    let watch = |done| progress(Progress::Checking(done, units.len()));
    let answers = run(&scan, &patience, &units, &watch, move |scan, (place, plan, control, item)| {
        let item = scan.rules(plan, control).and_then(|rules| rules.items.get(item));
        match (known.get(place), item) {
            (Some(Gate::Open(environment)), Some(item)) => item::results(scan, plan, environment, item),
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
    let evaluated = scan.plans.iter().map(|plan| evaluated.by_ref().take(plan.controls.len()).collect()).collect();
    (scan.platform.get().cloned().unwrap_or_default(), evaluated)
}

/// Every place of every plan.
fn places(plans: &[Plan], count: impl Fn(&Plan) -> usize) -> Vec<(usize, usize)> {
    plans.iter().enumerate().flat_map(|(plan, one)| (0..count(one)).map(move |place| (plan, place))).collect()
}

/// Does one piece of work for each unit, in parallel.
fn run<U: Copy + Send + Sync + 'static, T: Send + 'static>(
    scan: &Arc<Scan>,
    patience: &Patience,
    units: &[U],
    watch: &dyn Fn(usize),
    work: impl Fn(&Scan, U) -> T + Send + Sync + 'static,
) -> Vec<Result<T, Lost>> {
    let (shared, units) = (Arc::clone(scan), units.to_vec());
    let count = units.len();
    let work = move |place: usize| units.get(place).map(|unit| work(&shared, *unit));
    let results = pool::run(count, patience, &|| scan.context.root.answered(), watch, Arc::new(work));
    results.into_iter().map(|result| result.and_then(|done| done.ok_or(Lost::Crashed))).collect()
}

/// Which system it is, and what becomes of the named conditions.
fn first_questions(scan: &Arc<Scan>, patience: &Patience) {
    enum Answer {
        Platform(Platform),
        Verdict(Verdict),
    }
    let conditions = places(&scan.plans, |plan| plan.conditions.len());
    let questions: Vec<_> = std::iter::once(None).chain(conditions.into_iter().map(Some)).collect();
    let answers = run(scan, patience, &questions, &|_| {}, |scan, question| match question {
        None => Answer::Platform(platform(&scan.context)),
        Some((plan, place)) => {
            let condition = Condition::Named(place);
            Answer::Verdict(condition::decide(scan, plan, &Environment::default(), &condition))
        }
    });
    let mut verdicts = Vec::new();
    for (question, answer) in questions.iter().zip(answers) {
        match answer {
            Ok(Answer::Platform(platform)) => {
                let _ = scan.platform.set(platform);
            }
            Ok(Answer::Verdict(verdict)) => verdicts.push(verdict),
            Err(lost) if question.is_some() => verdicts.push(Verdict::Error(lost.to_string())),
            Err(lost) => {
                let _ = scan.platform.set(Platform { unknown: Some(lost.to_string()), ..Platform::default() });
            }
        }
    }
    let mut verdicts = verdicts.into_iter();
    let by_plan = scan.plans.iter().map(|plan| verdicts.by_ref().take(plan.conditions.len()).collect());
    let _ = scan.verdicts.set(by_plan.collect());
}

/// What is decided of every control before its checks.
fn gates(scan: &Arc<Scan>, patience: &Patience, controls: &[(usize, usize)]) -> Vec<Gate> {
    let platform = scan.platform.get().cloned().unwrap_or_default();
    let fits = |plan: usize, control: usize| {
        let below = |rules: &Rules| rules.supports.iter().all(|supports| supports.fits(&platform));
        scan.plans.get(plan).is_none_or(|plan| plan.supports.fits(&platform))
            && scan.rules(plan, control).is_none_or(below)
    };
    let gated = |rules: &Rules| rules.applicable_if.is_some() || rules.only_if.is_some() || !rules.lets.is_empty();
    let asks = |plan: usize, control: usize| fits(plan, control) && scan.rules(plan, control).is_some_and(gated);
    let asked: Vec<_> = controls.iter().copied().filter(|(plan, control)| asks(*plan, *control)).collect();
    let decided = run(scan, patience, &asked, &|_| {}, |scan, (plan, control)| condition::gate(scan, plan, control));
    let mut decided = decided.into_iter();
    let gate = |(plan, control): &(usize, usize)| match (fits(*plan, *control), asks(*plan, *control)) {
        (false, _) => {
            let why = format!("Skipped: the profile is not for {}", platform.words());
            Gate::Closed { result: plain_result("No-op", Status::Skipped(why)), not_applicable: false }
        }
        (true, true) => match decided.next() {
            Some(Ok(gate)) => gate,
            Some(Err(lost)) => Gate::Closed { result: lost_result(&lost), not_applicable: false },
            None => Gate::Closed { result: lost_result(&Lost::Crashed), not_applicable: false },
        },
        (true, false) => Gate::Open(Environment::default()),
    };
    controls.iter().map(gate).collect()
}

/// One walk for all `find` checks of the open controls.
fn walk(
    scan: &Arc<Scan>,
    patience: &Patience,
    controls: &[(usize, usize)],
    gates: &[Gate],
    progress: &dyn Fn(Progress),
) {
    let open = controls.iter().zip(gates).filter(|(_, gate)| matches!(gate, Gate::Open(_)));
    let items = open.filter_map(|((plan, control), _)| scan.rules(*plan, *control)).flat_map(|rules| &rules.items);
    let finds = Arc::new(walks::known_finds(items));
    if finds.is_empty() {
        return;
    }
    let asked = Arc::clone(&finds);
    let watch = |_| progress(Progress::Walking(scan.context.root.answered()));
    let mut answers = run(scan, patience, &[()], &watch, move |scan, ()| walks::ask_all(scan, &asked, true));
    let keys = finds.iter().map(walks::Find::key);
    let walked = match answers.pop() {
        Some(Ok(tables)) => keys.zip(tables).collect(),
        lost => {
            let why = lost.and_then(Result::err).unwrap_or(Lost::Crashed);
            let error = NoAnswer::Error(format!("the walk through the target: {why}"));
            keys.map(|key| (key, Err(error.clone()))).collect()
        }
    };
    let _ = scan.walked.set(walked);
}

impl Scan {
    fn rules(&self, plan: usize, control: usize) -> Option<&Rules> {
        Some(self.plans.get(plan)?.controls.get(control)?)
    }
}

impl Evaluated {
    fn by_gate(gate: &Gate) -> Evaluated {
        match gate {
            Gate::Open(_) => Evaluated::default(),
            Gate::Closed { result, not_applicable } => {
                Evaluated { results: vec![result.clone()], not_applicable: *not_applicable }
            }
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
    CheckResult {
        description: without_secrets(description.into()),
        status: status.map_text(without_secrets),
        resource: "".into(),
        seconds: 0.0,
        not_applicable: false,
    }
}

/// Why there is no answer, as a status.
fn status_of(no_answer: &NoAnswer) -> Status {
    match no_answer {
        NoAnswer::Missing(why) | NoAnswer::Unanswerable(why) => Status::Skipped(why.clone()),
        NoAnswer::Error(why) => Status::Error(why.clone()),
    }
}
