//! The service from outside: requests in, replies out, time passing, and a look at its state.

mod drive;
pub(crate) mod inspect;
pub(crate) mod task_queues;
