//! `workflow_task_timeout`: the worker is too slow to answer a workflow task.
//!
//! On a real cluster the machine is overloaded, or the answer takes its time on the way. The
//! service gives up on the task and hands out another attempt, on the normal queue and with the
//! whole history; when the first answer arrives, it is refused, and the worker forgets the run. It
//! strikes when the workflow code has run.

use super::{
    Chance, Delay, FaultKind, FaultRule, Strike, TaskFate, TaskMoment, TaskView, placement::Moment,
};
use crate::label::Label;

/// How long after the timeout the answer arrives, in virtual milliseconds: soon, or when the next
/// attempt is done.
const TOO_LATE_MS: [u64; 2] = [1, 3_000];

/// The service's default (`temporalio/temporal: common/primitives`).
const USUAL_TIMEOUT_MS: u64 = 10_000;

pub(crate) struct WorkflowTaskTimeout;

impl FaultRule for WorkflowTaskTimeout {
    fn kind(&self) -> FaultKind {
        FaultKind::WorkflowTaskTimeout
    }

    fn task(&self, strike: &mut Strike<'_>, task: &TaskView<'_>) -> Option<TaskFate> {
        if task.moment != TaskMoment::Done {
            return None;
        }
        let timeout_ms = strike
            .run_times(task.workflow)
            .map_or(USUAL_TIMEOUT_MS, |times| times.task_timeout_ms);
        let chance = Chance::new(Label::Workflow(task.workflow), Moment::BeforeWorkflowTask)
            .ways(2)
            .tolerable(strike.tolerates_lost_task(task.workflow))
            .sets_back(Label::Workflow(task.workflow));
        let struck = strike.strikes(chance, |_| {
            format!(
                "let a workflow task of {} time out, its answer too late",
                task.workflow
            )
        })?;
        let too_late_ms = TOO_LATE_MS[(struck.way as usize).clamp(1, 2) - 1];
        Some(TaskFate::Late(Delay {
            ms: timeout_ms.saturating_add(too_late_ms),
            events: 0,
        }))
    }
}
