//! Random callers and workers around the service.

pub(crate) mod calls;
pub(crate) mod commands;
mod messages;
mod parts;
mod schedules;
mod settle;
mod spoil;
pub(crate) mod steps;
mod updates;
mod workers;
pub(crate) mod world;
