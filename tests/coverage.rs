//! How much of the published container controls the shipped STIG profiles answer: docs/coverage.md is made of the profiles
//! by `ASSAY_BLESS=1 cargo test --test coverage`, and this test holds it, and the goal, to them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod fixture;

use std::fmt::Write;
use std::fs;

use assay::check::{Environment, Item};
use assay::profile::{Control, GivenInputs, Profile, compile, read};
use fixture::repository;

/// The profiles of published controls, and how many of them the publisher tags for containers.
const PUBLISHED: [(&str, &str, usize); 3] = [
    ("rhel9-container-stig", "Red Hat Enterprise Linux 9", 167),
    ("rhel8-container-stig", "Red Hat Enterprise Linux 8", 131),
    ("ubuntu2204-container-stig", "Canonical Ubuntu 22.04 LTS", 45),
];

/// How many in a hundred must be answered without anybody's help.
const GOAL: usize = 83;

#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Whole,
    Partly,
    Manual,
}

fn load(name: &str) -> Profile {
    let files = read(repository("profiles").join(name).to_str().unwrap()).unwrap();
    compile(&[files], &GivenInputs::default()).unwrap().profiles.remove(0)
}

/// How a control is answered, and what is left to people.
fn answer(control: &Control) -> (Answer, Vec<String>) {
    let (mut checks, mut manual) = (0, Vec::new());
    look(&control.rules.items, &mut checks, &mut manual);
    let answer = match (checks, manual.is_empty()) {
        (0, _) => Answer::Manual,
        (_, true) => Answer::Whole,
        (_, false) => Answer::Partly,
    };
    (answer, manual)
}

fn look(items: &[Item], checks: &mut usize, manual: &mut Vec<String>) {
    for item in items {
        match item {
            Item::Check(_) | Item::Input(_) => *checks += 1,
            Item::Manual { text, .. } => manual.push(text.text(&Environment::default()).unwrap()),
            Item::Group(group) => group.alternatives.iter().for_each(|items| look(items, checks, manual)),
            Item::If { then, otherwise, .. } => {
                [then, otherwise].into_iter().for_each(|items| look(items, checks, manual))
            }
            Item::Each(each) => look(&each.items, checks, manual),
            // A list that came out empty asks nothing.
            Item::Nothing { .. } => {}
        }
    }
}

#[test]
fn the_table_says_what_the_profiles_answer() {
    let mut page = String::from(
        "# What the STIG profiles answer\n\n\
         Made from the profiles by `ASSAY_BLESS=1 cargo test --test coverage`. The controls are those that the publisher of the\n\
         InSpec profiles of these STIGs tags for containers. A control is answered when its checks need nobody, partly when some\n\
         of it is left to people (`manual`), manual when all of it is. Where a control does not apply to a container (a package\n\
         that is not installed), it says so.\n\n\
         | profile | controls | answered | partly | manual |\n| --- | --- | --- | --- | --- |\n",
    );
    let mut rows = String::new();
    let (mut whole_of_all, mut of_all) = (0, 0);
    for (name, system, published) in PUBLISHED {
        let profile = load(name);
        assert_eq!(profile.controls.len(), published, "{name}");
        let answers: Vec<(&Control, (Answer, Vec<String>))> =
            profile.controls.iter().map(|control| (control, answer(control))).collect();
        let count = |wanted| answers.iter().filter(|(_, (answer, _))| *answer == wanted).count();
        let [whole, partly, manual] = [Answer::Whole, Answer::Partly, Answer::Manual].map(count);
        writeln!(page, "| {name} ({system}) | {published} | {whole} | {partly} | {manual} |").unwrap();
        (whole_of_all, of_all) = (whole_of_all + whole, of_all + published);
        for (control, (answer, manual)) in &answers {
            let word = match answer {
                Answer::Whole => continue,
                Answer::Partly => "partly",
                Answer::Manual => "manual",
            };
            let why = manual.join(" ").replace('|', "\\|");
            writeln!(rows, "| {} | {} | {word} | {why} |", control.facts.id, control.facts.title).unwrap();
        }
    }
    writeln!(page, "| all | {of_all} | {whole_of_all} ({} %) | | |", whole_of_all * 100 / of_all).unwrap();
    write!(page, "\n## What is left to people\n\n| control | title | | why |\n| --- | --- | --- | --- |\n{rows}")
        .unwrap();
    let path = repository("docs/coverage.md");
    if std::env::var_os("ASSAY_BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), page, "docs/coverage.md is not what the profiles say");
    assert!(whole_of_all * 100 >= GOAL * of_all, "{whole_of_all} of {of_all} controls are answered");
}
