//! Every resource of the registry passes, fails and errs somewhere below `tests/resources`, and every property and
//! every argument is used there: a new one without its cases fails here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod archive;
mod cases;
mod fixture;

use std::collections::BTreeSet;

use assay::check::{Asks, Check, Condition, Item, Subject};
use assay::profile::Profile;
use assay::resource::{REGISTRY, Resource, Shape};

#[test]
fn every_resource_does_what_it_says() {
    let (mut wrong, mut seen) = (Vec::new(), Vec::new());
    let files = cases::data_files("resources");
    for resource in REGISTRY {
        let file = files.iter().find(|file| file.file_stem().is_some_and(|stem| stem == resource.name));
        let Some(file) = file else {
            wrong.push(format!("tests/resources/{}.yaml is missing", resource.name));
            continue;
        };
        let run = cases::run(file);
        wrong.extend(run.wrong);
        let with = |status: &str| {
            let of = |result: &&assay::outcome::CheckResult| result.resource == resource.name;
            run.results.iter().filter(of).any(|result| cases::status_of(result).0 == status)
        };
        for status in ["passed", "failed", "error"].iter().filter(|status| !with(status)) {
            wrong.push(format!("{}: no case ends as {status}", resource.name));
        }
        let used = Used::of(resource, &run.profiles);
        for name in names(resource).iter().filter(|name| !used.properties.contains(**name)) {
            wrong.push(format!("{}: no case asks for {name}", resource.name));
        }
        for argument in resource.arguments.iter().filter(|argument| !used.arguments.contains(argument.name)) {
            wrong.push(format!("{}: no case gives {}", resource.name, argument.name));
        }
        seen.push(run.profiles.len());
    }
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if !REGISTRY.iter().any(|resource| resource.name == name) {
            wrong.push(format!("{} is no resource's", file.display()));
        }
    }
    println!("{} cases of {} resources", seen.iter().sum::<usize>(), seen.len());
    assert!(wrong.is_empty(), "{}\n{} wrong", wrong.join("\n"), wrong.len());
}

/// What the documentation promises; that each has its cases is asked above.
#[test]
fn there_are_at_least_sixty_resources() {
    let names: BTreeSet<&str> = REGISTRY.iter().map(|resource| resource.name).collect();
    assert_eq!(names.len(), REGISTRY.len(), "two resources have one name");
    println!("{} resources", names.len());
    assert!(names.len() >= 60, "{} resources: {names:?}", names.len());
}

/// All that can be expected of a resource, plurals included.
fn names(resource: &Resource) -> Vec<&'static str> {
    let properties = resource.properties();
    let plurals = properties.iter().map(|property| property.plural).filter(|plural| !plural.is_empty());
    let of_table = matches!(resource.shape, Shape::Table { .. } | Shape::Walk);
    let of_tables = plurals.chain(["count", "exist"]).filter(|_| of_table);
    properties.iter().map(|property| property.name).chain(of_tables).collect()
}

/// What the checks of some profiles use of one resource.
#[derive(Default)]
struct Used {
    properties: BTreeSet<String>,
    arguments: BTreeSet<&'static str>,
}

impl Used {
    fn of(resource: &'static Resource, profiles: &[Profile]) -> Used {
        let mut used = Used::default();
        for control in profiles.iter().flat_map(|profile| &profile.controls) {
            for item in &control.rules.items {
                used.item(resource, item);
            }
        }
        used
    }

    fn item(&mut self, resource: &'static Resource, item: &Item) {
        match item {
            Item::Check(check) => self.check(resource, check),
            Item::Group(group) => group.alternatives.iter().flatten().for_each(|item| self.item(resource, item)),
            Item::If { condition, then, otherwise } => {
                if let Condition::Check(check) = condition {
                    self.check(resource, check);
                }
                then.iter().chain(otherwise).for_each(|item| self.item(resource, item));
            }
            Item::Each(each) => {
                self.subject(resource, &each.rows);
                each.items.iter().for_each(|item| self.item(resource, item));
            }
            Item::Manual { .. } | Item::Input(_) | Item::Nothing { .. } => {}
        }
    }

    fn check(&mut self, resource: &'static Resource, check: &Check) {
        self.subject(resource, &check.subject);
        if check.subject.resource.name != resource.name {
            return;
        }
        for expectation in &check.expectations {
            let name = match &expectation.asks {
                Asks::Property(name) => name.to_string(),
                Asks::Column(name) | Asks::List(name, _) => name.clone(),
                Asks::Count => "count".to_owned(),
                Asks::Exist => "exist".to_owned(),
                Asks::Path(_) => continue,
            };
            let of_table = matches!(expectation.asks, Asks::Count | Asks::Exist);
            let known = resource.property(&name).filter(|_| !of_table);
            let registered = known.map_or(name.clone(), |property| property.name.to_owned());
            self.properties.insert(registered);
        }
    }

    fn subject(&mut self, resource: &'static Resource, subject: &Subject) {
        if subject.resource.name == resource.name {
            self.arguments.extend(subject.arguments.iter().map(|(name, _)| *name));
        }
    }
}
