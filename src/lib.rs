//! assay audits what is inside a container without running anything in it.
//!
//! ```text
//! profile/*.yaml ── profile ─▶ check ─────────┐
//! root directory ── rootfs ─▶ parse ─▶ resource ┼─▶ evaluate ─▶ outcome ─▶ report ─▶ stdout, files
//!                                              ┘                  └─▶ threshold ─▶ exit_code
//! ```
//!
//! The modules, in reading order; each uses only those above it (`tests/layers.rs` keeps it so).

pub mod value;
pub mod json;
pub mod order;
pub mod pattern;
pub mod rootfs;
pub mod parse;
pub mod engines;
pub mod process;
pub mod protect;
pub mod detect;
pub mod resource;
pub mod check;
pub mod outcome;
pub mod evaluate;
pub mod profile;
pub mod threshold;
pub mod exit_code;
pub mod report;
pub mod scan;
pub mod cli;
pub mod command;
#[cfg(feature = "launcher")]
pub mod launcher;
