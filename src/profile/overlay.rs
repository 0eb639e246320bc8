//! Profiles that build on others: `depends` names those, `overlay` says which of their controls are taken and what is
//! changed in them. What is taken becomes controls of the profile itself: readers of HDF count those of one profile only.

use std::sync::Arc;

use crate::profile::Control;
use crate::profile::decode::{Decoder, Field, Fields};
use crate::profile::input::is_name;
use crate::profile::select::Wanted;
use crate::profile::source::{Place, Source, Span};
use crate::profile::yaml::{self, Node, NodeKind};

pub(super) const DEPENDS_KEYS: [&str; 3] = ["name", "path", "sha256"];
pub(super) const OVERLAY_KEYS: [&str; 5] = ["from", "include", "skip", "inputs", "override"];

/// A profile that another one depends on.
pub(super) struct Dependency<'n> {
    pub(super) name: &'n str,
    pub(super) span: Span,
    /// The digest that it must have.
    pub(super) sha256: Option<(&'n str, Span)>,
}

/// What is taken of one of them.
pub(super) struct Overlay<'n> {
    pub(super) from: &'n str,
    span: Span,
    /// Ids and patterns; `None` for all controls.
    include: Option<&'n [Node<'n>]>,
    skip: &'n [Node<'n>],
    /// Values for inputs of that profile, in place of its own.
    pub(super) inputs: Option<&'n Node<'n>>,
    overrides: Vec<Field<'n>>,
}

/// A dependency by its name, and where it is.
pub(super) type Named = (String, Span, Option<(String, Span)>);

/// The dependencies of a profile as far as they can be read; compiling it says what is wrong with the others.
pub(super) fn named_dependencies(main: &Arc<Source>) -> Vec<Named> {
    // Most profiles have none, and a large one takes a while to read.
    if !main.text.contains("depends") {
        return Vec::new();
    }
    let Ok(root) = yaml::parse(main) else { return Vec::new() };
    let Some(Node { kind: NodeKind::List(nodes), .. }) = root.get("depends") else { return Vec::new() };
    let named = nodes.iter().filter_map(|node| {
        let name = node.get("name")?;
        let path = node.get("path").and_then(|path| Some((path.text()?.to_owned(), path.span)));
        Some((name.text().filter(|name| is_name(name))?.to_owned(), name.span, path))
    });
    named.collect()
}

impl Decoder<'_> {
    /// `depends: [{name: base, path: ../base}]`.
    pub(super) fn depends<'n>(&mut self, fields: &Fields<'n>) -> Vec<Dependency<'n>> {
        let Some(node) = fields.get("depends") else { return Vec::new() };
        let mut depends: Vec<Dependency<'n>> = Vec::new();
        for node in self.list(node, "depends").unwrap_or_default() {
            let Some(fields) = self.fields(node, "a dependency", &DEPENDS_KEYS) else { continue };
            let Some(name) = fields.get("name") else {
                self.problem(node.span, "a dependency needs `name`, and `path` if it is not in the folder vendor");
                continue;
            };
            let span = name.span;
            let Some(name) = self.raw_text(name, "name") else { continue };
            if !is_name(name) {
                let help = Some("letters, digits, _ and -, beginning with a letter".to_owned());
                self.problem_with_help(span, format!("`{name}` cannot be the name of a dependency"), help);
            } else if depends.iter().any(|known| known.name == name) {
                self.problem(span, format!("there are two dependencies `{name}`"));
            } else {
                let mut text = |key| fields.get(key).and_then(|node| Some((self.raw_text(node, key)?, node.span)));
                // Where it is was looked at when it was read.
                text("path");
                let sha256 = text("sha256");
                depends.push(Dependency { name, span, sha256 });
            }
        }
        depends
    }

    /// `overlay: [{from: base, include: all, skip: [a-1], override: {a-2: {impact: none}}}]`.
    pub(super) fn overlays<'n>(&mut self, fields: &Fields<'n>, depends: &[Dependency<'_>]) -> Vec<Overlay<'n>> {
        let mut overlays: Vec<Overlay<'n>> = Vec::new();
        let nodes = fields.get("overlay").and_then(|node| self.list(node, "overlay")).unwrap_or_default();
        for node in nodes {
            let Some(fields) = self.fields(node, "an overlay", &OVERLAY_KEYS) else { continue };
            let Some(from) = fields.get("from") else {
                self.problem(node.span, "an overlay needs `from`: the name of a dependency");
                continue;
            };
            let span = from.span;
            let Some(from) = self.raw_text(from, "from") else { continue };
            if !depends.iter().any(|known| known.name == from) {
                let known: Vec<&str> = depends.iter().map(|known| known.name).collect();
                self.unknown(span, format!("there is no dependency `{from}`"), from, &known);
                continue;
            }
            if overlays.iter().any(|known| known.from == from) {
                self.problem(span, format!("there are two overlays of `{from}`"));
                continue;
            }
            let include = match fields.get("include") {
                Some(node) if node.text() == Some("all") => None,
                None => None,
                Some(node) => Some(self.list(node, "include (ids, /patterns/, or `all`)").unwrap_or_default()),
            };
            let skip = fields.get("skip").and_then(|node| self.list(node, "skip")).unwrap_or_default();
            let overrides = fields.get("override").and_then(|node| self.entries(node, "override"));
            let overrides = overrides.map_or_else(Vec::new, |fields| fields.0);
            overlays.push(Overlay { from, span, include, skip, inputs: fields.get("inputs"), overrides });
        }
        for unused in depends.iter().filter(|known| overlays.iter().all(|overlay| overlay.from != known.name)) {
            let help = Some(format!("such as `overlay: [{{from: {}, include: all}}]`", unused.name));
            self.problem_with_help(unused.span, format!("no overlay takes controls of `{}`", unused.name), help);
        }
        overlays
    }

    /// The controls that an overlay takes from a profile, with its changes.
    pub(super) fn taken_from_below(
        &mut self,
        overlay: &Overlay<'_>,
        controls: Vec<(Control, Place)>,
        profile: &str,
    ) -> Vec<(Control, Place)> {
        let ids: Vec<String> = controls.iter().map(|(control, _)| control.facts.id.clone()).collect();
        let included = overlay.include.map(|nodes| self.wanted_below(nodes, &ids, overlay.from));
        let skipped = self.wanted_below(overlay.skip, &ids, overlay.from);
        let is_taken = |id: &str| included.as_ref().is_none_or(|ids| is_among(ids, id)) && !is_among(&skipped, id);
        for field in &overlay.overrides {
            if !ids.iter().any(|id| id == field.name) {
                self.no_such_control(field.key, field.name, &ids, overlay.from);
            } else if !is_taken(field.name) {
                self.problem(field.key, format!("control `{}` is overridden, but not taken", field.name));
            }
        }
        let mut taken: Vec<(Control, Place)> =
            controls.into_iter().filter(|(control, _)| is_taken(&control.facts.id)).collect();
        if taken.is_empty() {
            self.problem(overlay.span, format!("no control of `{}` is left", overlay.from));
        }
        for (control, _) in &mut taken {
            if let Some(field) = overlay.overrides.iter().find(|field| field.name == control.facts.id)
                && let Some(changed) = self.overridden(field.value, control, profile)
            {
                *control = changed;
            }
        }
        taken
    }

    /// Ids and patterns of which each means a control.
    fn wanted_below(&mut self, nodes: &[Node<'_>], ids: &[String], from: &str) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for node in nodes {
            let Some(text) = self.raw_text(node, "an id") else { continue };
            match Wanted::new(text) {
                Ok(one) if ids.iter().any(|id| one.is(id)) => wanted.push(one),
                Ok(_) => self.no_such_control(node.span, text, ids, from),
                Err(error) => self.problem(node.span, error.to_string()),
            }
        }
        wanted
    }

    fn no_such_control(&mut self, span: Span, id: &str, ids: &[String], from: &str) {
        let near = crate::profile::nearest(id, ids.iter().map(String::as_str));
        let help = near.map(|near| format!("did you mean `{near}`?"));
        self.problem_with_help(span, format!("`{from}` has no control `{id}`"), help);
    }
}

fn is_among(wanted: &[Wanted], id: &str) -> bool {
    wanted.iter().any(|one| one.is(id))
}
