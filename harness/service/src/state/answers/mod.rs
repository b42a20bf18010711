//! Answers to the callers that wait.

pub(crate) mod history_polls;
pub(crate) mod queries;
pub(crate) mod updates;
