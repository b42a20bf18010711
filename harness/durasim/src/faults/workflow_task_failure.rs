//! `workflow_task_failure`: the worker fails a workflow task, once.
//!
//! On a real cluster the worker panics, cannot decode a payload while a key server is away, or runs
//! out of some resource: it reports the task as failed and forgets the run. The service hands out
//! the task again, with the whole history. It strikes the first attempt of a task, when it arrives
//! and before any workflow code has run.

use super::{
    Chance, FaultKind, FaultRule, Strike, TaskFate, TaskMoment, TaskView, placement::Moment,
};
use crate::label::Label;

pub(crate) struct WorkflowTaskFailure;

impl FaultRule for WorkflowTaskFailure {
    fn kind(&self) -> FaultKind {
        FaultKind::WorkflowTaskFailure
    }

    fn task(&self, strike: &mut Strike<'_>, task: &TaskView<'_>) -> Option<TaskFate> {
        if task.moment != TaskMoment::Arrives || task.is_query || task.attempt != 1 {
            return None;
        }
        let chance = Chance::new(Label::Workflow(task.workflow), Moment::BeforeWorkflowTask)
            .tolerable(strike.tolerates_lost_task(task.workflow))
            .sets_back(Label::Workflow(task.workflow));
        strike.strikes(chance, |_| {
            format!("fail a workflow task of {}, once", task.workflow)
        })?;
        Some(TaskFate::Fail)
    }
}
