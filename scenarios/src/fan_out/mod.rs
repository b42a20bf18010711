//! Child workflows, some of which fail.

pub mod workflow;
