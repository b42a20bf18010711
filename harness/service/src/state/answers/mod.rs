//! Answers to the callers that wait. They go out at the end of transactions, and when a deadline
//! passes.

pub(crate) mod activity_executions;
pub(crate) mod history_polls;
pub(crate) mod nexus_operation_executions;
pub(crate) mod queries;
pub(crate) mod updates;
