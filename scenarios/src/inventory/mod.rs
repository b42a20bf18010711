//! Updates with validators.

pub mod workflow;
