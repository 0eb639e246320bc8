//! What authors write: profiles in YAML, with inputs, waivers and a choice of controls. All errors of all files are
//! found, with their places; a profile with errors is never evaluated.

mod archive;
mod control;
mod decode;
mod files;
mod fixture;
mod input;
mod items;
mod live;
mod load;
mod overlay;
mod schema;
mod select;
mod source;
mod subject;
mod template;
mod test;
mod waiver;
mod yaml;

use std::sync::Arc;

use crate::check::{Gate, Rules, Supports};
use crate::outcome::{ControlFacts, DependencyFacts, InputFacts};

pub use archive::{pack, unpack};
pub use files::{ProfileFiles, read, read_dependencies, read_source};
pub use fixture::{Difference, Fixture, read_fixtures};
pub use input::GivenInputs;
pub use live::read_live;
pub use load::{Loaded, compile};
pub use schema::schema;
pub use select::{SelectError, Selection};
pub use source::{Place, Problem, Source, nearest};
pub use waiver::{WaiverEntry, read_waivers};

/// A profile that loaded.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Its version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// Who keeps it.
    pub maintainer: String,
    /// Its licence.
    pub license: String,
    /// Whose it is.
    pub copyright: String,
    /// SHA-256 of its files, and of the profiles that it builds on.
    pub sha256: String,
    /// The profiles that it builds on.
    pub depends: Vec<DependencyFacts>,
    /// Which systems it is for.
    pub supports: Supports,
    /// Its inputs with their values.
    pub inputs: Vec<InputFacts>,
    /// Its named conditions, in order.
    pub conditions: Vec<Gate>,
    /// Its controls, in order.
    pub controls: Vec<Control>,
}

/// A control that loaded.
#[derive(Clone, Debug)]
pub struct Control {
    /// What its author says of it.
    pub facts: Arc<ControlFacts>,
    /// What is checked.
    pub rules: Arc<Rules>,
}
