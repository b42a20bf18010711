//! `worker_shutdown`: a worker process is told to stop, and its successor takes over.
//!
//! On a real cluster this is a rolling update, or a node that is drained: the new process polls
//! already when the old one is told to stop. The old one polls no more, completes the workflow
//! tasks that it has, and lets its attempts run on. After its grace period, if the worker has one
//! (the SDK's `graceful_shutdown_period`), it asks them to stop; an attempt that stops then is
//! reported as a retryable failure of type `WorkerShutdown`, with its latest heartbeat details.
//! What still runs when the time of the shutdown is over dies with the process, as in
//! [`worker_crash`](super::worker_crash).
//!
//! The fault has the points of a crash: before a workflow task completes; after the service has
//! recorded a workflow task; during an attempt, at each await and each heartbeat; after an attempt,
//! before its result is sent. Drawn, it takes no attempt that its activity cannot do without: the
//! process lives on until that attempt is done.

use crate::{
    faults::{
        moments::{
            AttemptFate, AttemptMoment, AttemptView, Moment, Shutdown, Step, Steps, TaskFate,
            TaskMoment, TaskView,
        },
        rule::{Family, FaultRule, Injection, Injector, Opportunity, Telling, fault},
        words::{attempt_words, step_words},
    },
    words::duration_words,
};

/// The time that the process has, in virtual milliseconds, by way: as long as Kubernetes waits by
/// default, or only a moment.
const LASTS_MS: [u64; 2] = [30_000, 1_000];

fault! {
    /// The worker process is told to stop: it polls no more, and finishes what it has; its
    /// successor polls already, as in a rolling update.
    ///
    /// After the worker's
    /// [`graceful_shutdown_period`](crate::WorkerBuilder::graceful_shutdown_period) its
    /// running attempts are asked to stop. What still runs after 30 seconds, or after the time that
    /// [`by`](crate::Fault::by) says, dies with the process. Place it as
    /// [`worker_crash`](crate::Fault::worker_crash).
    WorkerShutdown
}

fn shutdown(injection: &Injection) -> Shutdown {
    Shutdown {
        lasts_ms: injection
            .delay
            .map_or_else(|| injection.pick(&LASTS_MS), |delay| delay.ms),
        spares: !injection.by_hand,
    }
}

fn words(task_queue: &str, injection: &Injection) -> String {
    let lasts = duration_words(shutdown(injection).lasts_ms);
    format!("shut worker {task_queue} down within {lasts},")
}

impl FaultRule for WorkerShutdown {
    fn odds(&self) -> f64 {
        0.05
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Crashes)
    }

    fn telling(&self, moment: Moment) -> Telling {
        match moment {
            Moment::BeforeWorkflowTask | Moment::AfterWorkflowTask => Telling::Rebuild,
            _ => Telling::Failure,
        }
    }

    fn places(&self) -> &'static str {
        "before or after a workflow task, and during or after an activity"
    }

    fn cure(&self) -> &'static str {
        "an activity may be asked to stop because its worker shuts down: let it then return \
         `ActivityError::cancelled()`, which is retried, and resume from its heartbeat details; a \
         result counts as all of its work"
    }

    fn steps(&self) -> &'static [Step] {
        &[Step::Await, Step::Heartbeat]
    }

    fn task(&self, injector: &mut dyn Injector, task: &TaskView<'_>) -> Option<TaskFate> {
        let moment = match task.moment {
            TaskMoment::Arrives => return None,
            TaskMoment::Done => Moment::BeforeWorkflowTask,
            TaskMoment::Recorded => Moment::AfterWorkflowTask,
        };
        if task.shuts_down {
            return None;
        }
        let opportunity =
            Opportunity::of_run(task.workflow, moment).tolerated_when(task.tolerates_crash);
        let injection = injector.inject(opportunity, &|injection| {
            let words = words(task.task_queue, injection);
            match moment {
                Moment::BeforeWorkflowTask => {
                    format!(
                        "{words} before it completes a workflow task of {}",
                        task.workflow
                    )
                }
                _ => format!("{words} after a workflow task of {}", task.workflow),
            }
        })?;
        Some(TaskFate::ShutDown(shutdown(&injection)))
    }

    fn attempt(
        &self,
        injector: &mut dyn Injector,
        attempt: &AttemptView<'_>,
    ) -> Option<AttemptFate> {
        if attempt.shuts_down {
            return None;
        }
        // The first await is asked for as the attempt starts; only there the process may have but a
        // moment.
        let opportunity = match attempt.moment {
            AttemptMoment::Starts => Opportunity::of_attempt(attempt, Moment::DuringActivity)
                .at(Steps::nth_await(1))
                .ways(2),
            AttemptMoment::Await(number) if number > 1 => {
                Opportunity::inside_attempt(attempt, Steps::nth_await(number))
            }
            AttemptMoment::Heartbeat(number) => {
                Opportunity::inside_attempt(attempt, Steps::heartbeat(number))
            }
            AttemptMoment::Done => Opportunity::of_attempt(attempt, Moment::AfterActivity),
            AttemptMoment::Await(_) | AttemptMoment::HeartbeatSent { .. } => return None,
        };
        let allowance = attempt.allowance;
        let opportunity = opportunity
            .tolerated_if(allowance.tolerates_silence())
            .tolerated_if(allowance.tolerates_failure(injector.now_ms()))
            .tolerated_when(attempt.tolerates_crash);
        let injection = injector.inject(opportunity, &|injection| {
            let words = words(attempt.task_queue, injection);
            let subject = attempt_words(attempt.label, attempt.attempt);
            match attempt.moment {
                AttemptMoment::Await(number) => {
                    let place = step_words(Step::Await, number);
                    format!("{words} during {subject}, at its {place}")
                }
                AttemptMoment::Heartbeat(number) => {
                    let place = step_words(Step::Heartbeat, number);
                    format!("{words} during {subject}, at its {place}")
                }
                AttemptMoment::Done => format!("{words} after {subject}"),
                _ => format!("{words} during {subject}"),
            }
        })?;
        let fate = AttemptFate::ShutDown(shutdown(&injection));
        Some(match attempt.moment {
            AttemptMoment::Starts => AttemptFate::AtFirstAwait(Box::new(fate)),
            _ => fate,
        })
    }
}
