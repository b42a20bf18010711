//! Local activities.

pub mod workflow;
