//! All `find` checks that are known before the checks run, as questions to one walk.

use std::collections::HashMap;

use crate::check::{Asks, Check, Condition, Filter, Item, Subject, Truth, truth};
use crate::evaluate::Scan;
use crate::evaluate::judge::too_many_parts;
use crate::resource::{Arguments, Asked, Cell, Keep, NoAnswer, Question, Shape, Table, find_all};

/// One question: arguments, filter and wanted columns.
#[derive(Clone, Debug)]
pub(super) struct Find {
    arguments: Arguments,
    filter: Filter,
    wanted: Vec<String>,
}

impl Find {
    pub(super) fn new(arguments: Arguments, filter: Filter, wanted: Vec<String>) -> Find {
        Find { arguments, filter, wanted }
    }

    /// The same words mean the same question.
    pub(super) fn key(&self) -> String {
        format!("{self:?}")
    }

    /// Asks for itself alone, in the calling thread.
    pub(super) fn ask(&self, scan: &Scan) -> Asked<Table> {
        let mut answers = ask_all(scan, std::slice::from_ref(self), false);
        answers.pop().unwrap_or_else(|| Err(NoAnswer::Error("the walk gave no answer".to_owned())))
    }
}

/// Answers several questions with one walk.
pub(super) fn ask_all(scan: &Scan, finds: &[Find], parallel: bool) -> Vec<Asked<Table>> {
    let keeps: Vec<_> = finds.iter().map(|find| |cell: &dyn Fn(&str) -> Cell| keep(&find.filter, cell)).collect();
    let questions: Vec<Question<'_>> = finds
        .iter()
        .zip(&keeps)
        .map(|(find, keep)| Question { arguments: &find.arguments, wanted: find.wanted.clone(), keep })
        .collect();
    find_all(&scan.context, &questions, parallel)
}

/// Whether a row is meant by a filter.
pub(super) fn keep(filter: &Filter, cell: &dyn Fn(&str) -> Cell) -> Keep {
    if filter.0.is_empty() {
        return Keep::Yes;
    }
    let mut unknown = None;
    for tests in &filter.0 {
        let mut why = None;
        let holds = tests.iter().all(|(column, test)| match cell(column) {
            Ok(value) => match truth(test, &value, true) {
                Truth::Unknown => {
                    why = Some(NoAnswer::Error(too_many_parts()));
                    true
                }
                truth => truth == Truth::Yes,
            },
            Err(error) => {
                why = Some(error);
                true
            }
        });
        match (holds, why) {
            // A test that does not hold decides, whatever the unknown ones would say.
            (false, _) => {}
            (true, None) => return Keep::Yes,
            (true, Some(error)) => unknown = Some(error),
        }
    }
    unknown.map_or(Keep::No, Keep::Unknown)
}

/// The columns of a table that expectations look at.
pub(super) fn wanted(check: &Check) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    for expectation in &check.expectations {
        if let Asks::Column(column) | Asks::List(_, column) = &expectation.asks
            && column != "path"
            && !wanted.contains(column)
        {
            wanted.push(column.clone());
        }
    }
    wanted
}

/// The questions of these items that need no variable, each once.
pub(super) fn known_finds<'a>(items: impl IntoIterator<Item = &'a Item>) -> Vec<Find> {
    let mut finds = HashMap::new();
    let mut order = Vec::new();
    let mut add = |subject: &Subject, wanted: Vec<String>| {
        if matches!(subject.resource.shape, Shape::Walk)
            && let Some((arguments, filter)) = subject.known()
        {
            let find = Find::new(arguments, filter, wanted);
            let key = find.key();
            if finds.insert(key.clone(), find).is_none() {
                order.push(key);
            }
        }
    };
    for item in items {
        visit_item(item, &mut add);
    }
    order.iter().filter_map(|key| finds.remove(key)).collect()
}

type Add<'a> = dyn FnMut(&Subject, Vec<String>) + 'a;

fn visit_item(item: &Item, add: &mut Add<'_>) {
    match item {
        Item::Check(check) => add(&check.subject, wanted(check)),
        Item::Group(group) => group.alternatives.iter().flatten().for_each(|item| visit_item(item, add)),
        Item::If { condition, then, otherwise } => {
            visit_condition(condition, add);
            then.iter().chain(otherwise).for_each(|item| visit_item(item, add));
        }
        Item::Each(each) => each.items.iter().for_each(|item| visit_item(item, add)),
        Item::Manual { .. } | Item::Input(_) | Item::Nothing { .. } => {}
    }
}

fn visit_condition(condition: &Condition, add: &mut Add<'_>) {
    match condition {
        Condition::Check(check) => add(&check.subject, wanted(check)),
        Condition::AllOf(all) | Condition::AnyOf(all) | Condition::NoneOf(all) => {
            all.iter().for_each(|condition| visit_condition(condition, add));
        }
        Condition::Live | Condition::Named(_) | Condition::Input(_) => {}
    }
}
