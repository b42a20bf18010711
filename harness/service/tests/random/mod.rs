//! Random callers and workers around the service.

pub(crate) mod commands;
pub(crate) mod steps;
pub(crate) mod world;
