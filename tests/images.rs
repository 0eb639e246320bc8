//! The images that ship, as images/build made them in the folder that ASSAY_IMAGES names.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "tests make and read their own files")]

mod fixture;
mod podman;

use std::fs;
use std::path::PathBuf;

use fixture::{Scratch, run, skipped};
use podman::Podman;
use serde_json::Value;

fn images(test: &str) -> Option<PathBuf> {
    let images = std::env::var_os("ASSAY_IMAGES").map(PathBuf::from);
    if images.is_none() {
        skipped(test, "ASSAY_IMAGES, the folder that images/build was run with");
    }
    images
}

/// What every image promises, asked by the program itself.
const PROFILE: &str = "schema: 1\nname: p\ncontrols:\n\
    \x20 - {id: agent, title: t, checks: [{file: /assay, expect: {mode: '0111', owner: root, group: root, type: file}}]}\n\
    \x20 - {id: alone, title: t, checks: [{find: {under: [/], type: file, where: {mode: {any_bits: '0111'}}}, expect: {paths: [/assay]}}]}\n\
    \x20 - {id: owners, title: t, checks: [{find: {under: [/], where: {uid: {ne: 0}}}, expect: {paths: {empty: true}}}]}\n\
    \x20 - {id: user, title: t, checks: [{passwd: {where: {user: nonroot}}, expect: {uids: [65532]}}]}\n\
    \x20 - {id: runs, title: t, checks: [{image: {}, expect: {user: '65532:65532', entrypoint: [/assay]}}]}\n\
    \x20 - {id: licence, title: t, checks: [{file: /usr/share/doc/assay/LICENSE, expect: {content: {match: Apache License}}}]}\n\
    \x20 - {id: parts, title: t, checks: [{json: /usr/share/doc/assay/sbom.cdx.json, expect: {bomFormat: CycloneDX}}]}\n\
    \x20 - {id: profile, title: t, checks: [{file: /profiles/distroless-baseline/profile.yaml, expect: {exist: true}}]}\n\
    \x20 - {id: family, title: t, checks: [{file: /profiles/distroless-base/profile.yaml, expect: {exist: true}}]}\n";

/// The labels of an image, and no other.
fn labels(image: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let labels = [
        ("title", format!("assay-{image}")),
        ("description", "Audits a running container from beside it".to_owned()),
        ("licenses", "Apache-2.0".to_owned()),
        ("version", format!("'{version}'")),
        ("revision", r"{match: '\A[0-9a-f]{40}\z'}".to_owned()),
        ("created", r"{match: '\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\z'}".to_owned()),
    ];
    let count = labels.len();
    let labels = labels.map(|(name, wanted)| format!("labels.org.opencontainers.image.{name}: {wanted}")).join(", ");
    format!(
        "schema: 1\nname: labels\ncontrols:\n  \
         - {{id: labels, title: t, checks: [{{image: {{}}, expect: {{labels: {{count: {count}}}, {labels}}}}}]}}\n"
    )
}

#[test]
fn an_image_holds_the_agent_and_nothing_else() {
    let Some(images) = images("an_image_holds_the_agent_and_nothing_else") else { return };
    let stage = Scratch::new();
    stage.write("p.yaml", PROFILE);
    for image in ["debug", "sidecar"] {
        stage.write("labels.yaml", labels(image));
        for platform in ["linux/amd64", "linux/arm64"] {
            let path = images.join(image);
            let target = ["--image", path.to_str().unwrap(), "--platform", platform];
            let arguments = [&["scan", "p.yaml", "labels.yaml"][..], &target].concat();
            let scanned = run(&stage.0, arguments);
            assert_eq!(scanned.code, 0, "{image} {platform}: {}{}", scanned.stdout, scanned.stderr);
        }
    }
    for arch in ["amd64", "arm64"] {
        let files = walk(&images.join("stage").join(arch));
        let size: u64 = files.iter().map(|file| fs::metadata(file).unwrap().len()).sum();
        assert!(size <= 6_000_000, "{arch}: {size} bytes");
        let parts = fs::read(images.join("stage").join(arch).join("doc/sbom.cdx.json")).unwrap();
        let parts: Value = serde_json::from_slice(&parts).unwrap();
        let names: Vec<&str> =
            parts["components"].as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect();
        for known in ["clap", "nix", "regex", "serde_json"] {
            assert!(names.contains(&known), "{names:?}");
        }
        assert!(!names.contains(&"proc-macro2"), "a tool of the build is no part: {names:?}");
    }
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn the_images_scan_beside_a_container() {
    let Some(images) = images("the_images_scan_beside_a_container") else { return };
    let Some(podman) = Podman::new("the_images_scan_beside_a_container") else { return };
    podman.fixture("static");
    for image in ["debug", "sidecar"] {
        let id = podman.run(&["pull", "--quiet", &format!("oci:{}", images.join(image).display())]);
        podman.run(&["tag", &id, &format!("localhost/assay-{image}:1")]);
    }
    podman.start("target", &["--cap-drop", "all", "localhost/static:1"]);
    let least =
        ["--cap-drop", "all", "--read-only", "--security-opt", "no-new-privileges", "--pid", "container:target"];

    podman.start("debug", &[&least[..], &["localhost/assay-debug:1"]].concat());
    let scan =
        ["exec", "debug", "/assay", "scan", "/profiles/distroless-baseline", "--target", "auto", "--reporter", "json"];
    let output = podman.output(&scan);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["passthrough"]["assay"]["target"]["assurance"], "live, same user");
    let results = report["profiles"][0]["controls"].as_array().unwrap().iter();
    let results: Vec<&Value> = results.flat_map(|control| control["results"].as_array().unwrap()).collect();
    // What a profile builds on lies beside it, in the image, too.
    podman.run(&["exec", "debug", "/assay", "check", "/profiles/distroless-nodejs"]);
    // Its own user cannot look into what is for root alone, /root and /secret: errors, with the right that is missing.
    let not_passed = results.iter().filter(|result| result["status"] == "failed");
    for result in not_passed {
        assert!(result["message"].as_str().unwrap().contains("permission denied (needs the file's uid"), "{result:#}");
    }
    assert!(results.iter().filter(|result| result["status"] == "passed").count() > 5);
    podman.run(&["exec", "debug", "/assay", "release"]);
    assert_eq!(podman.run(&["wait", "debug"]), "0");

    // A volume of the engine's own belongs to root; one for the results is given to the sidecar's user.
    let results = podman.0.path("results");
    fs::create_dir(&results).unwrap();
    std::os::unix::fs::chown(&results, Some(65532), Some(65532)).unwrap();
    let volume = format!("{}:/results", results.display());
    let sidecar =
        podman.output(&[&["run", "--rm", "-v", &volume], &least[..], &["localhost/assay-sidecar:1"]].concat());
    let code = fs::read_to_string(results.join("complete")).unwrap_or_default();
    assert_eq!(code, format!("EXIT_CODE={}\n", sidecar.status.code().unwrap()), "{sidecar:?}");
    assert!(results.join("scan-results.json").exists() && results.join("scan-summary.md").exists());
    assert!(sidecar.stdout.is_empty(), "nothing is in the container's log");
}
