//! What assay says of itself: the reference of its resources, as it is printed and as it is kept in docs/; what shells
//! and man(1) get.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod fixture;

use assay::resource::{REGISTRY, Shape};
use fixture::{Scratch, assert_golden, repository, run, skipped};
use serde_json::Value;

/// What a command prints that must succeed.
fn printed(arguments: &[&str]) -> String {
    let run = run(&repository("."), arguments);
    assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
    run.stdout
}

#[test]
fn the_page_on_resources_is_what_the_registry_says() {
    assert_golden("docs/resources.md", &printed(&["resources", "--format", "markdown"]));
}

#[test]
fn every_resource_is_listed_and_described() {
    let list = printed(&["resources"]);
    assert_eq!(list.lines().count(), REGISTRY.len());
    for resource in REGISTRY {
        let line = list.lines().find(|line| line.split(' ').next() == Some(resource.name));
        assert!(line.is_some_and(|line| line.ends_with(resource.summary)), "{}:\n{list}", resource.name);

        let (text, markdown) =
            (printed(&["resources", resource.name]), printed(&["resources", resource.name, "--format", "markdown"]));
        assert!(text.starts_with(&format!("{}: {}\n", resource.name, resource.summary)), "{text}");
        assert!(markdown.starts_with(&format!("## {}\n", resource.name)), "{markdown}");
        let json: Value = serde_json::from_str(&printed(&["resources", resource.name, "--format", "json"])).unwrap();
        assert_eq!(json["name"], resource.name);
        let names = |key: &str| -> Vec<String> {
            json[key].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names("arguments"), resource.arguments.iter().map(|argument| argument.name).collect::<Vec<_>>());
        assert_eq!(names("properties"), resource.properties().iter().map(|property| property.name).collect::<Vec<_>>());
        let of_table = matches!(resource.shape, Shape::Table { .. } | Shape::Walk);
        for property in resource.properties() {
            let name = property.name.replace('*', "NAME");
            let shown =
                if of_table && !property.plural.is_empty() { format!("{name}, {}", property.plural) } else { name };
            assert!(text.contains(&format!("\n  {shown} ")), "{shown}:\n{text}");
            assert!(markdown.contains(&format!("\n| `{shown}` | ")), "{shown}:\n{markdown}");
        }
    }
    let all: Value = serde_json::from_str(&printed(&["resources", "--format", "json"])).unwrap();
    assert_eq!(all.as_array().unwrap().len(), REGISTRY.len());
}

#[test]
fn secrets_and_what_answers_for_the_missing_are_marked() {
    let file = printed(&["resources", "file"]);
    let line = |name: &str| file.lines().find(|line| line.starts_with(&format!("  {name} "))).unwrap();
    assert!(line("content").ends_with("(never shown)"), "{file}");
    assert!(line("exist").ends_with("(false for what is missing)"), "{file}");
    assert!(!line("owner").contains('('), "{file}");
}

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for (shell, part) in [
        ("bash", "complete -F _assay"),
        ("zsh", "#compdef assay"),
        ("fish", "complete -c assay"),
        ("elvish", "edit:completion:arg-completer[assay]"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = printed(&["completions", shell]);
        for part in [part, "scan", "rootfs", "waiver-file", "resources", "threshold"] {
            assert!(script.contains(part), "{shell}: {part}");
        }
    }
    let run = run(&repository("."), ["completions", "csh"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("possible values"), "{}", run.stderr);
}

#[test]
fn bash_completes_options() {
    let scratch = Scratch::new();
    let script = scratch.write("assay.bash", printed(&["completions", "bash"]));
    let line = format!(
        ". {}; COMP_WORDS=(assay scan profile --roo); COMP_CWORD=3; _assay assay --roo profile; echo \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    match std::process::Command::new("bash").args(["--norc", "-c", &line]).output() {
        Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stdout), "--rootfs\n", "{output:?}"),
        Err(_) => skipped("bash_completes_options", "bash"),
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let page = printed(&["man"]);
    assert!(page.contains(".TH assay 1") && page.contains("assay\\-scan(1)"), "{page}");
    let scan = printed(&["man", "scan"]);
    assert!(scan.contains(".TH assay-scan 1") && scan.contains("\\-\\-rootfs"), "{scan}");
    let check = printed(&["man", "threshold", "check"]);
    assert!(check.contains(".TH assay-threshold-check 1") && check.contains("\\-\\-template\\-file"), "{check}");
    for (command, help) in [
        (&["scna"][..], "unknown command `scna`; did you mean `scan`?"),
        (&["threshold", "x"], "unknown command `x`; there are check, generate"),
        (&["scan", "x"], "unknown command `x`; scan has no commands"),
    ] {
        let run = run(&repository("."), [&["man"], command].concat());
        assert_eq!((run.code, run.stderr), (2, format!("error: {help}\n")));
    }
}

#[test]
fn a_resource_that_is_none_is_wrong_usage() {
    for (name, help) in [("fil", "did you mean `file`?"), ("mongodb", "`assay resources` lists them")] {
        let run = run(&repository("."), ["resources", name]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""));
        assert_eq!(run.stderr, format!("error: unknown resource `{name}`; {help}\n"));
    }
}
