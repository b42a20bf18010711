//! `worker_partition`: a worker process is cut off from the service for a while, and lives on.
//!
//! On a real cluster a switch fails, a route is lost, or a node's network stalls. The process runs
//! what it has: its workflow task times out before the completion arrives, its activity attempts
//! time out by heartbeat or start-to-close while their code still runs. Meanwhile the polls that it
//! had open at the service are handed tasks that it cannot get. When the network is back, stale
//! completions arrive and are refused, and stale tasks arrive and are begun. A call that has waited
//! for thirty seconds has failed: Core does not make it again, and its message is lost.
//!
//! The fault has four points: before a workflow task completes, when its code has run and its
//! commands are not sent; after the service has recorded a workflow task; during an attempt; after
//! an attempt, when its effect stands and its result is not sent. It lasts until the task or the
//! attempt has timed out, or only a moment. Drawn, it happens only if everything that the process
//! holds can be tried again, and ends as soon as that is no longer so.

use crate::{
    faults::{
        moments::{
            AttemptFate, AttemptMoment, AttemptView, DEFAULT_TASK_TIMEOUT_MS, Moment, Partition,
            TaskFate, TaskMoment, TaskView,
        },
        rule::{Family, FaultRule, Injection, Injector, Opportunity, Telling, fault},
        words::attempt_words,
    },
    words::duration_words,
};

/// The time from the timeout of a task or an attempt to the end of the partition, in virtual
/// milliseconds.
const AFTER_TIMEOUT_MS: u64 = 2_000;

/// The duration of a partition that lasts only a moment, in virtual milliseconds: long enough for
/// the usual heartbeat timeouts.
const MOMENT_MS: u64 = 3_000;

/// The longest duration that is drawn, in virtual milliseconds: ten minutes.
const LONGEST_MS: u64 = 600_000;

fault! {
    /// A worker process lives on, but is cut off from the service for a while.
    ///
    /// What it holds meanwhile goes stale; then it comes back. Place it with
    /// [`before_workflow_task`](crate::Fault::before_workflow_task),
    /// [`after_workflow_task`](crate::Fault::after_workflow_task),
    /// [`during_activity`](crate::Fault::during_activity) or
    /// [`after_activity`](crate::Fault::after_activity), and say with [`by`](crate::Fault::by) how
    /// long it lasts. By default it lasts until the task or the attempt has timed out.
    WorkerPartition
}

/// Returns the partition that the injection asks for, around something with this timeout.
fn partition(injection: &Injection, timeout_ms: u64) -> Partition {
    let outlasts_ms = timeout_ms.saturating_add(AFTER_TIMEOUT_MS).min(LONGEST_MS);
    Partition {
        ms: injection.delay.map_or_else(
            || injection.pick(&[outlasts_ms, MOMENT_MS]),
            |delay| delay.ms,
        ),
        ends_early: !injection.by_hand,
    }
}

/// Returns `cut worker payments off from the service for 12s`.
fn words(task_queue: &str, partition: Partition) -> String {
    format!(
        "cut worker {task_queue} off from the service for {}",
        duration_words(partition.ms)
    )
}

impl FaultRule for WorkerPartition {
    fn odds(&self) -> f64 {
        0.05
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
        "an attempt may go on while its worker is cut off, beside its own retry: check and act \
         in one step (a unique key, a conditional update), and stop when a heartbeat says that \
         the attempt is cancelled"
    }

    fn task(&self, injector: &mut dyn Injector, task: &TaskView<'_>) -> Option<TaskFate> {
        let moment = match task.moment {
            TaskMoment::Arrives => return None,
            TaskMoment::Done => Moment::BeforeWorkflowTask,
            TaskMoment::Recorded => Moment::AfterWorkflowTask,
        };
        let timeout_ms = injector.task_timeout_ms(task.workflow);
        let mut opportunity = Opportunity::of_run(task.workflow, moment)
            .ways(2)
            .tolerated_when(task.tolerates_crash);
        if moment == Moment::BeforeWorkflowTask {
            opportunity = opportunity.loses_task(injector, task.workflow);
        }
        let injection = injector.inject(opportunity, &|injection| {
            let words = words(task.task_queue, partition(injection, timeout_ms));
            match moment {
                Moment::BeforeWorkflowTask => {
                    format!(
                        "{words}, before it completes a workflow task of {}",
                        task.workflow
                    )
                }
                _ => format!("{words}, after a workflow task of {}", task.workflow),
            }
        })?;
        Some(TaskFate::CutOff(partition(&injection, timeout_ms)))
    }

    fn attempt(
        &self,
        injector: &mut dyn Injector,
        attempt: &AttemptView<'_>,
    ) -> Option<AttemptFate> {
        let (moment, when) = match attempt.moment {
            AttemptMoment::Starts => (Moment::DuringActivity, "during"),
            AttemptMoment::Done => (Moment::AfterActivity, "after"),
            AttemptMoment::Await(_)
            | AttemptMoment::Heartbeat(_)
            | AttemptMoment::HeartbeatSent { .. } => return None,
        };
        let timeout_ms = attempt
            .allowance
            .retry_after_ms()
            .unwrap_or(DEFAULT_TASK_TIMEOUT_MS);
        let opportunity = Opportunity::of_attempt(attempt, moment)
            .ways(2)
            .tolerated_if(attempt.allowance.tolerates_silence())
            .tolerated_when(attempt.tolerates_crash);
        let injection = injector.inject(opportunity, &|injection| {
            format!(
                "{}, {when} {}",
                words(attempt.task_queue, partition(injection, timeout_ms)),
                attempt_words(attempt.label, attempt.attempt)
            )
        })?;
        Some(AttemptFate::CutOff(partition(&injection, timeout_ms)))
    }
}
