//! assay: the agent.
fn main() {}
