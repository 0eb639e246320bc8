//! Which controls run: `--controls` and `--tags`, as InSpec's users know them: names, or patterns between slashes.

use std::fmt;

use crate::outcome::ControlFacts;
use crate::pattern::Pattern;
use crate::profile::Profile;

/// A choice of controls.
#[derive(Debug, Default)]
pub struct Selection {
    controls: Vec<Wanted>,
    tags: Vec<Wanted>,
}

/// One id or tag, or a pattern of them.
#[derive(Debug)]
pub(super) struct Wanted {
    text: String,
    pattern: Option<Pattern>,
}

/// Why a choice makes no sense.
#[derive(Debug)]
pub enum SelectError {
    /// A pattern between slashes is none.
    Pattern(String, String),
    /// Nothing is like it; the nearest known one.
    NoSuch(&'static str, String, Option<String>),
}

impl fmt::Display for SelectError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SelectError::Pattern(text, error) => write!(out, "{text} is no pattern: {error}"),
            SelectError::NoSuch(what, text, near) => {
                write!(out, "no control has the {what} {text}")?;
                near.as_ref().map_or(Ok(()), |near| write!(out, "; did you mean {near}?"))
            }
        }
    }
}

impl std::error::Error for SelectError {}

impl Selection {
    /// A choice by ids and tags; none means all.
    pub fn new(controls: &[String], tags: &[String]) -> Result<Selection, SelectError> {
        let wanted = |texts: &[String]| texts.iter().map(|text| Wanted::new(text)).collect::<Result<Vec<_>, _>>();
        Ok(Selection { controls: wanted(controls)?, tags: wanted(tags)? })
    }

    /// Whether a control is chosen.
    pub fn takes(&self, facts: &ControlFacts) -> bool {
        let by_id = self.controls.is_empty() || self.controls.iter().any(|wanted| wanted.is(&facts.id));
        let by_tag = self.tags.is_empty() || self.tags.iter().any(|wanted| wanted.is_tag_of(facts));
        by_id && by_tag
    }

    /// Every choice must mean something: a mistyped id must not look like a scan without findings.
    pub fn check(&self, profiles: &[Profile]) -> Result<(), SelectError> {
        let all = || profiles.iter().flat_map(|profile| &profile.controls).map(|control| &*control.facts);
        for wanted in &self.controls {
            if !all().any(|facts| wanted.is(&facts.id)) {
                let near = crate::profile::nearest(&wanted.text, all().map(|facts| facts.id.as_str()));
                return Err(SelectError::NoSuch("id", wanted.text.clone(), near.map(str::to_owned)));
            }
        }
        for wanted in &self.tags {
            if !all().any(|facts| wanted.is_tag_of(facts)) {
                return Err(SelectError::NoSuch("tag", wanted.text.clone(), None));
            }
        }
        Ok(())
    }
}

impl Wanted {
    pub(super) fn new(text: &str) -> Result<Wanted, SelectError> {
        let inner = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|inner| !inner.is_empty());
        let pattern = match inner.map(Pattern::new) {
            Some(Ok(pattern)) => Some(pattern),
            Some(Err(error)) => return Err(SelectError::Pattern(text.to_owned(), error.to_string())),
            None => None,
        };
        Ok(Wanted { text: text.to_owned(), pattern })
    }

    pub(super) fn is(&self, text: &str) -> bool {
        match &self.pattern {
            Some(pattern) => pattern.is_match(text.as_bytes()),
            None => self.text == text,
        }
    }

    /// By the name of a tag, or by its value or one of its values.
    fn is_tag_of(&self, facts: &ControlFacts) -> bool {
        facts.tags.iter().any(|(name, value)| {
            let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            self.is(name) || values.iter().filter_map(serde_json::Value::as_str).any(|value| self.is(value))
        })
    }
}
