//! Nexus handlers: the requests that reach them, their answers, and the ends of the operations that
//! they start.
//!
//! A handler is no part of a worker, so no fault of a worker touches it. It polls for requests as a
//! worker of its service would, and its calls are tasks of the executor.

mod answers;
mod endpoints;
mod handlers;
mod host;
mod requests;

pub(super) use handlers::NexusHandlers;
pub(crate) use host::CurrentWorld;
