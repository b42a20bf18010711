//! Retry policies, timeouts and cron schedules: pure functions of options and time.

pub mod activity_retry;
pub mod cron;
pub mod retry;
pub mod workflow_retry;
