//! Workflow tasks: their attempts, their queues, and the events that wait for them.
//!
//! `service/history/workflow/workflow_task_state_machine.go`, `api/respondworkflowtaskcompleted/`

mod attempts;
mod buffering;
mod signals;
mod stickiness;
