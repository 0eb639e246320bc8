//! The examples of the documentation load, and the language's reference names what there is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod fixture;

use std::fs;

use assay::resource::REGISTRY;
use fixture::{Scratch, repository, run};

/// The text of a file of the project.
fn text(name: &str) -> String {
    fs::read_to_string(repository(name)).unwrap()
}

/// The blocks of YAML in a page.
fn blocks(page: &str) -> Vec<String> {
    let parts = page.split("```yaml\n").skip(1);
    parts.map(|part| part.split("```").next().unwrap().to_owned()).collect()
}

/// A block as a whole profile: it is one, or a list of checks.
fn whole(block: &str) -> String {
    if block.starts_with("schema:") {
        return block.to_owned();
    }
    let checks: String = block.lines().map(|line| format!("      {line}\n")).collect();
    format!("schema: 1\nname: example\ncontrols:\n  - id: example\n    checks:\n{checks}")
}

/// Whether a block is a test of a profile.
fn is_test(block: &str) -> bool {
    block.contains("\ntree:")
}

#[test]
fn the_example_of_a_test_passes() {
    let blocks = blocks(&text("docs/profile-language.md"));
    // It tests the whole profile above it, which in a folder has files of its own.
    let (profile, controls) = blocks[0].split_once("\ndefaults:").unwrap();
    let tests: Vec<&String> = blocks.iter().filter(|block| is_test(block)).collect();
    assert_eq!(tests.len(), 1);
    let scratch = Scratch::new();
    scratch.write("profile.yaml", format!("{profile}\n"));
    scratch.write("controls/all.yaml", format!("schema: 1\ndefaults:{controls}"));
    scratch.write("tests/example.yaml", tests[0]);
    let tested = run(&scratch.0, ["test", "."]);
    assert_eq!(tested.code, 0, "{}{}", tested.stdout, tested.stderr);
}

#[test]
fn examples_load() {
    for page in ["README.md", "docs/profile-language.md"] {
        let blocks = blocks(&text(page));
        assert!(!blocks.is_empty(), "{page} has no example");
        for block in blocks.iter().filter(|block| !is_test(block)) {
            let scratch = Scratch::new();
            scratch.write("profile.yaml", whole(block));
            // The one that another example builds on.
            for base in blocks.iter().filter(|block| block.contains("\nname: base\n")) {
                scratch.write("base.yaml", base);
            }
            let checked = run(&scratch.0, ["check", "profile.yaml"]);
            assert_eq!(checked.code, 0, "{page}:\n{block}\n{}", checked.stderr);
        }
    }
}

#[test]
fn the_reference_names_what_there_is() {
    let page = text("docs/profile-language.md");
    let mut missing: Vec<String> = Vec::new();
    let mut named = |what: &str| {
        if !page.contains(&format!("`{what}`")) {
            missing.push(what.to_owned());
        }
    };
    REGISTRY.iter().for_each(|resource| named(resource.name));
    let file = REGISTRY.iter().find(|resource| resource.name == "file").unwrap();
    for property in file.properties().iter().filter(|property| !property.name.contains('.')) {
        named(property.name);
    }
    assert!(missing.is_empty(), "docs/profile-language.md does not name {missing:?}");
}
