//! A charge that happens once, whatever happens to the worker.

pub mod workflow;
