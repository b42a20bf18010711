//! The messages that enter and leave the service.

pub(crate) mod nexus_completion;
pub(crate) mod polled_workflow_task;
pub(crate) mod reply;
pub mod request;
