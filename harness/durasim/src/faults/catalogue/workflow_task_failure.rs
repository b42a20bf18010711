//! `workflow_task_failure`: the worker fails a workflow task, once.
//!
//! On a real cluster the worker panics, cannot decode a payload while a key server is away, or runs
//! out of some resource: it reports the task as failed and forgets the run. The service hands out
//! the task again, with the whole history. The fault happens to the first attempt of a task, when
//! the task arrives and before any workflow code has run.

use crate::faults::{
    moments::{Moment, TaskFate, TaskMoment, TaskView},
    rule::{Family, FaultRule, Injector, Opportunity, Telling, fault},
};

fault! {
    /// The worker fails a workflow task, once.
    WorkflowTaskFailure
}

impl FaultRule for WorkflowTaskFailure {
    fn odds(&self) -> f64 {
        0.04
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Crashes)
    }

    fn telling(&self, _: Moment) -> Telling {
        Telling::Rebuild
    }

    fn places(&self) -> &'static str {
        "before the first attempt of a workflow task"
    }

    fn cure(&self) -> &'static str {
        "workflow code may run again from its last recorded task: let it do nothing but issue \
         commands, and move every effect into an activity"
    }

    fn task(&self, injector: &mut dyn Injector, task: &TaskView<'_>) -> Option<TaskFate> {
        if task.moment != TaskMoment::Arrives || task.is_query || task.attempt != 1 {
            return None;
        }
        let opportunity = Opportunity::of_run(task.workflow, Moment::BeforeWorkflowTask)
            .loses_task(injector, task.workflow);
        injector.inject(opportunity, &|_| {
            format!("fail a workflow task of {}, once", task.workflow)
        })?;
        Some(TaskFate::Fail)
    }
}
