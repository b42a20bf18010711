//! The messages that go in and out of the service.

pub(crate) mod nexus_completion;
pub(crate) mod polled_workflow_task;
pub(crate) mod reply;
pub mod request;
