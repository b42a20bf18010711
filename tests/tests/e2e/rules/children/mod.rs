//! Children: how they start and close, what their parent learns, and what happens to them when it
//! closes.
//!
//! `service/history/transfer_queue_active_task_executor.go`,
//! `api/recordchildworkflowcompleted/api.go`

mod outcomes;
mod parent_close_policies;

use super::{Counter, chain, failure, last, on, seconds, started};
