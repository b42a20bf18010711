//! `workflow_task_timeout`: the worker is too slow to answer a workflow task.
//!
//! On a real cluster the machine is overloaded, or the answer takes its time on the way. The
//! service gives up on the task and hands out another attempt, on the normal queue and with the
//! whole history. When the first answer arrives, the service refuses it, and the worker forgets the
//! run. The fault happens when the workflow code has run.

use crate::faults::{
    moments::{Delay, Moment, TaskFate, TaskMoment, TaskView},
    rule::{Family, FaultRule, Injector, Opportunity, Telling, fault},
};

/// The time from the timeout until the answer arrives, in virtual milliseconds, by way: soon, or
/// when the next attempt is done.
const TOO_LATE_MS: [u64; 2] = [1, 3_000];

fault! {
    /// The worker is too slow to answer a workflow task, which times out.
    WorkflowTaskTimeout
}

impl FaultRule for WorkflowTaskTimeout {
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
        "before a workflow task completes"
    }

    fn cure(&self) -> &'static str {
        "workflow code may run again from its last recorded task, and late: let it do nothing \
         but issue commands, and give its deadlines room"
    }

    fn task(&self, injector: &mut dyn Injector, task: &TaskView<'_>) -> Option<TaskFate> {
        if task.moment != TaskMoment::Done {
            return None;
        }
        let timeout_ms = injector.task_timeout_ms(task.workflow);
        let opportunity = Opportunity::of_run(task.workflow, Moment::BeforeWorkflowTask)
            .ways(2)
            .loses_task(injector, task.workflow);
        let injection = injector.inject(opportunity, &|_| {
            format!(
                "answer a workflow task of {} too late, after it has timed out",
                task.workflow
            )
        })?;
        let late_ms = timeout_ms.saturating_add(injection.pick(&TOO_LATE_MS));
        Some(TaskFate::Late(Delay::by_ms(late_ms)))
    }
}
