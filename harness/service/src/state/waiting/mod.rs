//! The callers that wait for an answer.

pub(crate) mod history_polls;
pub(crate) mod queries;
pub(crate) mod updates;
