//! `worker_deploy`: the worker restarts with another version of the workflow code.
//!
//! On a real cluster somebody deploys while workflows run. Open runs lose their place in the old
//! processes' caches and are replayed by the new code, which must issue the commands that the old
//! code issued. A worker names its versions in the order of deployment
//! (`env.worker(..).version("v2", ..)`).
//!
//! The fault deploys any later version, at either boundary of a workflow task: when the old process
//! has just got one, or after the service has recorded one. It deploys an earlier version only
//! where a person fears a rollback and asks for it. Running activities die with the old process, so
//! it happens only if they can be tried again.

use crate::faults::{
    moments::{Moment, TaskFate, TaskMoment, TaskView},
    rule::{Family, FaultRule, Injection, Injector, Opportunity, Telling, fault},
};

/// The time for which the worker is away, in virtual milliseconds.
const RESTART_AFTER_MS: u64 = 1_000;

fault! {
    /// The worker restarts with another version of its code.
    ///
    /// It deploys the next version, unless [`to_version`](crate::Fault::to_version) names another.
    /// It comes after the first workflow task, for before it nothing has happened, unless
    /// [`before_workflow_task`](crate::Fault::before_workflow_task),
    /// [`after_workflow_task`](crate::Fault::after_workflow_task) or
    /// [`nth`](crate::Fault::nth) say otherwise.
    WorkerDeploy
}

impl FaultRule for WorkerDeploy {
    fn odds(&self) -> f64 {
        0.15
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Crashes)
    }

    fn telling(&self, _: Moment) -> Telling {
        Telling::OtherOrder
    }

    fn places(&self) -> &'static str {
        "before or after a workflow task, \
         if the worker has a later version of its code, or the one that is named"
    }

    fn cure(&self) -> &'static str {
        "guard what a deploy changes with `patched`, and keep activities registered as long as \
         an open run may call them"
    }

    fn moment(&self) -> Option<Moment> {
        // A deploy before anything has happened would test the new version alone.
        Some(Moment::AfterWorkflowTask)
    }

    fn task(&self, injector: &mut dyn Injector, task: &TaskView<'_>) -> Option<TaskFate> {
        let later = task.versions.len().saturating_sub(task.version + 1);
        let moment = match task.moment {
            _ if task.versions.len() < 2 => return None,
            TaskMoment::Done => return None,
            TaskMoment::Arrives if task.is_query => return None,
            TaskMoment::Arrives => Moment::BeforeWorkflowTask,
            TaskMoment::Recorded => Moment::AfterWorkflowTask,
        };
        let mut opportunity = Opportunity::of_run(task.workflow, moment)
            .ways(u32::try_from(later).unwrap_or(0))
            .tolerated_when(task.tolerates_crash)
            .versions(task.versions);
        if moment == Moment::BeforeWorkflowTask {
            opportunity = opportunity.loses_task(injector, task.workflow);
        }
        let injection = injector.inject(opportunity, &|injection| {
            let name = &task.versions[version(injection, task)];
            let when = if moment == Moment::BeforeWorkflowTask {
                "before"
            } else {
                "after"
            };
            format!(
                "deploy version {name} to worker {} {when} a workflow task of {}",
                task.task_queue, task.workflow
            )
        })?;
        Some(TaskFate::Crash {
            restart_after_ms: RESTART_AFTER_MS,
            version: version(&injection, task),
        })
    }
}

/// Returns the index of the version that is deployed: the one that a person named, or else the one
/// for this way.
fn version(injection: &Injection, task: &TaskView<'_>) -> usize {
    let named = injection
        .version
        .as_ref()
        .and_then(|name| task.versions.iter().position(|version| version == name));
    named
        .unwrap_or(task.version + injection.way as usize)
        .min(task.versions.len() - 1)
}
