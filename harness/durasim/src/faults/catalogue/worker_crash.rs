//! `worker_crash`: the worker process dies.
//!
//! The process loses what it had in memory: cached runs, running activities, responses not yet
//! sent. On a real cluster this is an out-of-memory kill, a node that goes away, or a deployment
//! that does not drain. The service learns of it by timeouts alone: the timeout of the workflow
//! task, which is done again from history, and that of each attempt that ran in the process, which
//! is retried. The process is back within two seconds, with nothing but its code.
//!
//! The fault has these points: before a workflow task completes, when its code has run and its
//! commands are not sent; after the service has recorded a workflow task; during an attempt, at
//! each await and each heartbeat; after an attempt, when its effect stands and its result is not
//! sent. It happens only if everything that dies with the process can be tried again.
//!
//! A heartbeat that the throttle holds back dies with the process: the retry gets the details that
//! the service recorded last, not those that the code reported last.

use crate::faults::{
    moments::{
        AttemptFate, AttemptMoment, AttemptView, Moment, Step, Steps, TaskFate, TaskMoment,
        TaskView,
    },
    rule::{Family, FaultRule, Injection, Injector, Opportunity, Telling, fault},
    words::{attempt_words, step_words},
};

/// The time for which the process is away, in virtual milliseconds, by way. It is short enough not
/// to fail activities that are waiting to start, for schedule-to-start is never retried.
const RESTARTS_MS: [u64; 2] = [100, 2_000];

/// The way of a crash that keeps the heartbeat at which it happens from being sent.
const BEFORE_HEARTBEAT: u32 = 2;

fault! {
    /// The worker process dies: its cache, running activities and unsent responses are lost.
    ///
    /// By default it dies at the first of its points, such as before it completes a workflow task.
    /// Place it with [`before_workflow_task`](crate::Fault::before_workflow_task),
    /// [`after_workflow_task`](crate::Fault::after_workflow_task),
    /// [`during_activity`](crate::Fault::during_activity) or
    /// [`after_activity`](crate::Fault::after_activity); inside an activity, also with
    /// [`at_await`](crate::Fault::at_await) or [`at_heartbeat`](crate::Fault::at_heartbeat). Say
    /// with [`by`](crate::Fault::by) how long it is away.
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

    fn telling(&self, moment: Moment) -> Telling {
        match moment {
            Moment::BeforeWorkflowTask | Moment::AfterWorkflowTask => Telling::Rebuild,
            _ => Telling::DoneAgain,
        }
    }

    fn places(&self) -> &'static str {
        "before or after a workflow task, and during or after an activity"
    }

    fn cure(&self) -> &'static str {
        "a worker may die between an effect and its report, and the attempt then runs again: \
         give the effect an idempotency key that all attempts share. The worker's memory is \
         gone: keep progress in heartbeat details or in a store"
    }

    fn steps(&self) -> &'static [Step] {
        &[Step::Await, Step::Heartbeat]
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
        // The first await is asked for as the attempt starts; there are two absences to choose
        // from. Inside the code a way is a place: after a heartbeat is sent, or before.
        let (opportunity, ways) = match attempt.moment {
            AttemptMoment::Starts => {
                let opportunity = Opportunity::of_attempt(attempt, Moment::DuringActivity);
                (opportunity.at(Steps::nth_await(1)), 2)
            }
            AttemptMoment::Await(number) if number > 1 => (
                Opportunity::inside_attempt(attempt, Steps::nth_await(number)),
                1,
            ),
            AttemptMoment::Heartbeat(number) => (
                Opportunity::inside_attempt(attempt, Steps::heartbeat(number)),
                2,
            ),
            AttemptMoment::Done => (Opportunity::of_attempt(attempt, Moment::AfterActivity), 2),
            AttemptMoment::Await(_) | AttemptMoment::HeartbeatSent { .. } => return None,
        };
        let opportunity = opportunity
            .ways(ways)
            .tolerated_if(attempt.allowance.tolerates_silence())
            .tolerated_when(attempt.tolerates_crash);
        let injection = injector.inject(opportunity, &|injection| {
            let words = attempt_words(attempt.label, attempt.attempt);
            let worker = attempt.task_queue;
            match attempt.moment {
                AttemptMoment::Await(number) => {
                    let place = step_words(Step::Await, number);
                    format!("crash worker {worker} during {words}, at its {place}")
                }
                AttemptMoment::Heartbeat(number) => {
                    let place = step_words(Step::Heartbeat, number);
                    let is_sent = if injection.way == BEFORE_HEARTBEAT {
                        ", which is not sent"
                    } else {
                        ""
                    };
                    format!("crash worker {worker} during {words}, at its {place}{is_sent}")
                }
                AttemptMoment::Done => format!("crash worker {worker} after {words}"),
                _ => format!("crash worker {worker} during {words}"),
            }
        })?;
        let version = attempt.version;
        let inside_ms = injection.delay.map_or(RESTARTS_MS[0], |delay| delay.ms);
        Some(match attempt.moment {
            AttemptMoment::Starts => AttemptFate::AtFirstAwait(Box::new(AttemptFate::Crash {
                restart_after_ms: restart_after_ms(&injection),
                version,
            })),
            AttemptMoment::Heartbeat(_) if injection.way == BEFORE_HEARTBEAT => {
                AttemptFate::CrashBeforeHeartbeat {
                    restart_after_ms: inside_ms,
                    version,
                }
            }
            AttemptMoment::Done => AttemptFate::Crash {
                restart_after_ms: restart_after_ms(&injection),
                version,
            },
            _ => AttemptFate::Crash {
                restart_after_ms: inside_ms,
                version,
            },
        })
    }
}
