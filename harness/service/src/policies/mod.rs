//! Retry policies, timeouts and cron schedules: pure functions of options and time.

pub(crate) mod activity_options;
pub mod activity_retry;
pub(crate) mod cron;
pub(crate) mod field_mask;
pub(crate) mod retry;
pub(crate) mod workflow_retry;
