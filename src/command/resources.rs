//! `assay resources`: the registry, as profiles may use it.

use serde_json::Value as Json;

use crate::cli::{Resources, ResourcesFormat};
use crate::command::{print, usage};
use crate::exit_code::ExitCode;
use crate::profile::nearest;
use crate::resource::{REGISTRY, Resource, instead_of, reference, resource};

/// What stands above the resources on the page that describes all of them.
const TITLE: &str = "# Resources\n\n\
    What a profile can ask of a target. `assay resources --format markdown` prints this page, and `assay resources NAME` one \
    resource.\nHow they are used is in [the profile language](profile-language.md).\n\n";

pub(super) fn run(arguments: &Resources) -> ExitCode {
    let one = match &arguments.name {
        None => None,
        Some(name) => match resource(name) {
            Some(resource) => Some(resource),
            None => return unknown(name),
        },
    };
    let all: Vec<&Resource> = REGISTRY.iter().collect();
    print(&match (arguments.format, one) {
        (ResourcesFormat::Text, None) => reference::list(),
        (ResourcesFormat::Text, Some(resource)) => reference::text(resource),
        (ResourcesFormat::Markdown, None) => {
            format!("{TITLE}{}\n{}", reference::markdown(&all), reference::inspec_names())
        }
        (ResourcesFormat::Markdown, Some(resource)) => reference::markdown(&[resource]),
        (ResourcesFormat::Json, None) => {
            format!("{:#}\n", Json::Array(all.into_iter().map(reference::json).collect()))
        }
        (ResourcesFormat::Json, Some(resource)) => format!("{:#}\n", reference::json(resource)),
    })
}

fn unknown(name: &str) -> ExitCode {
    let help = match (instead_of(name), nearest(name, REGISTRY.iter().map(|resource| resource.name))) {
        (Some(instead), _) => format!("instead of InSpec's {name}: {instead}"),
        (None, Some(near)) => format!("did you mean `{near}`?"),
        (None, None) => "`assay resources` lists them".to_owned(),
    };
    usage(&format_args!("unknown resource `{name}`; {help}"))
}
