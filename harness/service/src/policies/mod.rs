//! Retry policies, timeouts, cron schedules, and the checks of what starts a run: pure functions of
//! options and time.

pub(crate) mod activity_options;
pub mod activity_retry;
pub(crate) mod callbacks;
pub(crate) mod cron;
pub(crate) mod field_mask;
pub(crate) mod retry;
pub(crate) mod start_requests;
pub(crate) mod workflow_retry;
