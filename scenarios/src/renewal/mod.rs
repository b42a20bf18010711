//! Long timers raced by signals.

pub mod workflow;
