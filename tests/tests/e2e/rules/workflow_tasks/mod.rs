//! Workflow tasks: their attempts, their queues, and what waits for them.
//!
//! `service/history/workflow/workflow_task_state_machine.go`, `api/respondworkflowtaskcompleted/`

mod attempts;
mod buffering;
mod signals;
mod stickiness;
