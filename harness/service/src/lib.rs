//! A simulated Temporal service: a deterministic state machine with no input or output of its own.

pub mod request;

pub use request::{Request, Response};
