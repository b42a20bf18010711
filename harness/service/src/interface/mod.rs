//! The service from outside: the methods that drive it, and a look at its state.

pub(crate) mod abroad;
pub(crate) mod deliveries;
mod drive;
pub(crate) mod import;
pub(crate) mod inspect;
mod open;
pub(crate) mod short_timers;
pub(crate) mod standing_poll;
pub(crate) mod task_queues;
mod waits;
