//! `worker_crash`: the worker process dies.
//!
//! The process loses what it had in memory: cached runs, running activities, responses not yet
//! sent. On a real cluster this is an out-of-memory kill, a node that goes away, or a deployment
//! that does not drain. The service learns of it by timeouts alone: the timeout of the workflow
//! task, which is done again from history, and that of each attempt that ran in the process, which
//! is retried. The process is back within two seconds, with nothing but its code.
//!
//! The fault has four points: before a workflow task completes, when its code has run and its
//! commands are not sent; after the service has recorded a workflow task; during an attempt, at its
//! first await; after an attempt, when its effect stands and its result is not sent. It happens
//! only if everything that dies with the process can be tried again.

use crate::faults::{
    moments::{AttemptFate, AttemptMoment, AttemptView, Moment, TaskFate, TaskMoment, TaskView},
    rule::{Family, FaultRule, Injection, Injector, Opportunity, fault},
    words::attempt_words,
};

/// The time for which the process is away, in virtual milliseconds, by way. It is short enough not
/// to fail activities that are waiting to start, for schedule-to-start is never retried.
const RESTARTS_MS: [u64; 2] = [100, 2_000];

fault! {
    /// The worker process dies: its cache, running activities and unsent responses are lost.
    ///
    /// By default it dies at the first of its points, such as before it completes a workflow task.
    /// Place it with [`before_workflow_task`](crate::Fault::before_workflow_task),
    /// [`after_workflow_task`](crate::Fault::after_workflow_task),
    /// [`during_activity`](crate::Fault::during_activity) or
    /// [`after_activity`](crate::Fault::after_activity), and say with [`by`](crate::Fault::by) how
    /// long it is away.
    WorkerCrash
}

fn restart_after_ms(injection: &Injection) -> u64 {
    injection
        .delay
        .map_or_else(|| injection.pick(&RESTARTS_MS), |delay| delay.ms)
}

impl FaultRule for WorkerCrash {
    fn odds(&self) -> f64 {
        0.08
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Crashes)
    }

    fn places(&self) -> &'static str {
        "before or after a workflow task, and during or after an activity"
    }

    fn task(&self, injector: &mut dyn Injector, task: &TaskView<'_>) -> Option<TaskFate> {
        let (queue, workflow) = (task.task_queue, task.workflow);
        let moment = match task.moment {
            TaskMoment::Arrives => return None,
            TaskMoment::Done => Moment::BeforeWorkflowTask,
            TaskMoment::Recorded => Moment::AfterWorkflowTask,
        };
        let mut opportunity = Opportunity::of_run(workflow, moment)
            .ways(2)
            .tolerated_when(task.tolerates_crash);
        if moment == Moment::BeforeWorkflowTask {
            opportunity = opportunity.loses_task(injector, workflow);
        }
        let injection = injector.inject(opportunity, &|_| match moment {
            Moment::BeforeWorkflowTask => {
                format!("crash worker {queue} before it completes a workflow task of {workflow}")
            }
            _ => format!("crash worker {queue} after a workflow task of {workflow}"),
        })?;
        Some(TaskFate::Crash {
            restart_after_ms: restart_after_ms(&injection),
            version: task.version,
        })
    }

    fn attempt(
        &self,
        injector: &mut dyn Injector,
        attempt: &AttemptView<'_>,
    ) -> Option<AttemptFate> {
        let moment = match attempt.moment {
            AttemptMoment::Starts => Moment::DuringActivity,
            AttemptMoment::Done => Moment::AfterActivity,
            AttemptMoment::Heartbeat => return None,
        };
        let opportunity = Opportunity::of_attempt(attempt, moment)
            .ways(2)
            .tolerated_if(attempt.allowance.tolerates_silence())
            .tolerated_when(attempt.tolerates_crash);
        let injection = injector.inject(opportunity, &|_| {
            let words = attempt_words(attempt.label, attempt.attempt);
            match moment {
                Moment::DuringActivity => {
                    format!("crash worker {} during {words}", attempt.task_queue)
                }
                _ => format!("crash worker {} after {words}", attempt.task_queue),
            }
        })?;
        let (restart_after_ms, version) = (restart_after_ms(&injection), attempt.version);
        Some(match moment {
            Moment::DuringActivity => AttemptFate::CrashAtFirstAwait {
                restart_after_ms,
                version,
            },
            _ => AttemptFate::Crash {
                restart_after_ms,
                version,
            },
        })
    }
}
