//! The losses that a world tolerates without failing a sound workflow: a fault asks before it
//! happens.

use durasim_events::Attributes;
use durasim_service::{
    DeliveryKind, DeliverySummary, PolledWorkflowTask, Request, Response, Service, time::instant_ms,
};
use temporalio_protos::temporal::api::{
    common::v1::WorkflowExecution, history::v1::WorkflowExecutionStartedEventAttributes,
    workflowservice::v1::PollActivityTaskQueueResponse,
};

use super::{
    pending::Calls,
    worker::{ProcessRef, WorkerCall, Workers},
};
use crate::{
    faults::{Allowance, DEFAULT_TASK_TIMEOUT_MS, RunTimes, cancels_ms, limit_ms},
    outcome::WorldOptions,
};

/// The time that a query may need when its worker has just died: the timeout of a workflow task,
/// and another timeout on the sticky queue.
const QUERY_NEEDS_MS: u64 = 2 * DEFAULT_TASK_TIMEOUT_MS;

/// The last attempt of a workflow task that may wait for a process that is cut off: so many tasks
/// of a run may time out in a row.
const MAX_WAITING_ATTEMPT: i32 = 3;

/// The time within which the official client makes a call again whose answer was lost, in virtual
/// milliseconds: it gives up after ten seconds (`temporalio-client: src/retry.rs`), and a call may
/// be late.
const SECOND_CALL_MS: u64 = 15_000;

/// The parts of a world that decide what it tolerates.
///
/// It borrows them apart from the faults and choices of the same state, which ask while they draw.
#[derive(Clone, Copy)]
pub(super) struct Tolerance<'a> {
    pub(super) workers: &'a Workers,
    pub(super) calls: &'a Calls,
    pub(super) service: &'a Service,
    pub(super) options: &'a WorldOptions,
    pub(super) now_ms: u64,
}

/// Returns what a state tolerates, borrowing no more of it than that takes.
macro_rules! tolerance {
    ($state:expr) => {
        $crate::world::tolerance::Tolerance {
            workers: &$state.workers,
            calls: &$state.calls,
            service: &$state.service,
            options: &$state.options,
            now_ms: $state.now_ms,
        }
    };
}
pub(super) use tolerance;

impl<'a> Tolerance<'a> {
    /// Returns `true` if everything that would die with a process now can be tried again: the
    /// attempts that run in it, the activity tasks on their way to it. A query that it has, or is
    /// about to get, may end with its caller's deadline.
    pub(super) fn tolerates_crash(self, at: ProcessRef) -> bool {
        let Some(process) = self.workers.running(at) else {
            return false;
        };
        let attempts_tolerate = process
            .attempts
            .iter()
            .all(|(token, it)| self.still_allowed(token, it.allowance).tolerates_silence());
        let mut waiting = process.reporting.values().flatten();
        attempts_tolerate
            && !waiting.any(|task| task.query.is_some())
            && !self
                .calls
                .of_process(at)
                .any(|call| matches!(call, WorkerCall::FetchHistory { .. }))
            && self.calls.replies_to(at).all(|response| match response {
                Response::PollActivityTaskQueue(task) => {
                    task.task_token.is_empty() || self.allowance(task).tolerates_silence()
                }
                Response::PollWorkflowTaskQueue(task) => task.query.is_none(),
                _ => true,
            })
    }

    /// Returns `true` if a sound workflow tolerates that a process is cut off for longer:
    /// everything that the process holds can be tried again, the workflow tasks that wait for it
    /// too.
    pub(super) fn tolerates_partition(self, at: ProcessRef) -> bool {
        let tolerates = |task: &PolledWorkflowTask| {
            task.attempt <= MAX_WAITING_ATTEMPT
                && self.run_times(task).tolerate_lost_task(self.now_ms)
        };
        !self.hurries()
            && self.tolerates_crash(at)
            && self.calls.replies_to(at).all(|response| match response {
                Response::PollWorkflowTaskQueue(task) => {
                    task.task_token.is_empty() || tolerates(task)
                }
                _ => true,
            })
    }

    /// Returns `true` if a sound workflow tolerates that the service refuses all calls for a
    /// moment, and that every worker is slow for it.
    pub(super) fn tolerates_outage(self) -> bool {
        let rested = self.calls.outage.as_ref();
        rested.is_none_or(|last| last.is_long_ago(self.now_ms))
            && self
                .workers
                .references()
                .all(|at| self.tolerates_partition(at))
    }

    /// Returns the time from which on a query has so little time left that a delay of its worker
    /// may cost it the answer: its caller would be told that the deadline is exceeded, which is no
    /// flaw of a workflow. Returns `None` if no query waits.
    pub(super) fn hurries_from_ms(self) -> Option<u64> {
        let deadline_ms = self.calls.earliest_query_deadline_ms()?;
        Some(deadline_ms.saturating_sub(QUERY_NEEDS_MS))
    }

    /// Returns `true` if a query has so little time left that nothing may delay its worker.
    pub(super) fn hurries(self) -> bool {
        self.hurries_from_ms()
            .is_some_and(|from_ms| from_ms <= self.now_ms)
    }

    /// Returns the losses that the attempt of an activity task tolerates.
    pub(super) fn allowance(self, task: &PollActivityTaskQueueResponse) -> Allowance {
        let activity_type = task
            .activity_type
            .as_ref()
            .map_or("", |it| it.name.as_str());
        let execution = task.workflow_execution.as_ref();
        let deadlines = [
            self.run_needs_from_ms(execution),
            self.next_cancel_ms(execution),
        ];
        let deadline_ms = deadlines.into_iter().flatten().min();
        let baseline = self.options.baseline.activity(activity_type);
        let allowance = Allowance::of(task, deadline_ms, baseline);
        self.still_allowed(&task.task_token, allowance)
    }

    /// Returns the time at which something of a run is to be cancelled next, as far as the
    /// fault-free world shows it. An activity that is cancelled while its attempt is dead is not
    /// retried any more, and fails; so the next attempt must be done before that time.
    fn next_cancel_ms(self, execution: Option<&WorkflowExecution>) -> Option<u64> {
        let baseline = &self.options.baseline;
        if baseline.has_no_cancels() {
            return None;
        }
        let WorkflowExecution {
            workflow_id,
            run_id,
        } = execution?;
        let (_, events) = self.service.run(workflow_id, Some(run_id))?;
        let cancels = cancels_ms(events).len();
        let (started_ms, started) = self.started(execution)?;
        let workflow_type = started
            .workflow_type
            .as_ref()
            .map_or("", |it| it.name.as_str());
        baseline.next_cancel_ms(workflow_id, workflow_type, started_ms, cancels)
    }

    /// Returns the losses that an attempt still tolerates: an activity that is to be cancelled is
    /// not retried any more.
    pub(super) fn still_allowed(self, task_token: &[u8], allowance: Allowance) -> Allowance {
        if self.service.is_cancel_requested(task_token) {
            allowance.without_retry()
        } else {
            allowance
        }
    }

    /// Returns `true` if the run that a start or a cancel request is about is still the current one
    /// when a client makes the call again. The service recognises the request by its id then; the
    /// next run of the workflow does not know it.
    ///
    /// Source: `temporalio/temporal: service/history/api/startworkflow/api.go`
    /// (`handleConflict`), `service/history/api/requestcancelworkflow/api.go`.
    pub(super) fn tolerates_second_call(self, request: &Request) -> bool {
        let baseline = &self.options.baseline;
        match request {
            Request::StartWorkflowExecution(start) => {
                let workflow_type = start.workflow_type.as_ref().map_or("", |it| &it.name);
                baseline
                    .next_run_after_ms(&start.workflow_id, workflow_type)
                    .is_none_or(|after_ms| after_ms > SECOND_CALL_MS)
            }
            Request::RequestCancelWorkflowExecution(cancel) => {
                let execution = cancel.workflow_execution.as_ref();
                // With the first run of a chain, the request is about its current run, whatever run
                // it names.
                let names_a_run = cancel.first_execution_run_id.is_empty();
                execution.is_some_and(|execution| {
                    (names_a_run && !execution.run_id.is_empty())
                        || baseline
                            .next_run_after_ms(&execution.workflow_id, self.type_of(execution))
                            .is_none()
                })
            }
            _ => false,
        }
    }

    /// Returns `true` if both workflows have the time for a delivery to be late by so many virtual
    /// milliseconds. A child whose start is late may be cancelled sooner after it than the
    /// fault-free world shows.
    pub(super) fn tolerates_late_delivery(self, delivery: &DeliverySummary, late_ms: u64) -> bool {
        let latest_ms = self.now_ms.saturating_add(late_ms);
        let has_time = |execution: &WorkflowExecution| {
            self.run_needs_from_ms(Some(&self.current(execution)))
                .is_none_or(|from_ms| latest_ms < from_ms)
        };
        let is_start = matches!(delivery.kind, DeliveryKind::StartChild { .. });
        has_time(&delivery.sender)
            && has_time(&delivery.receiver)
            && (!is_start || self.options.baseline.has_no_cancels())
    }

    /// Returns `true` if the run that gets a delivery is still the current one when the delivery is
    /// made again: the next run of the workflow would not know it.
    pub(super) fn tolerates_second_delivery(self, delivery: &DeliverySummary) -> bool {
        let receiver = &delivery.receiver;
        let workflow_type = self.type_of(receiver);
        let baseline = &self.options.baseline;
        !receiver.run_id.is_empty()
            || baseline
                .next_run_after_ms(&receiver.workflow_id, workflow_type)
                .is_none()
    }

    /// Returns the run that an execution names; without a run id, the last of the workflow id.
    fn current(self, execution: &WorkflowExecution) -> WorkflowExecution {
        let mut execution = execution.clone();
        if execution.run_id.is_empty()
            && let Some((run_id, _)) = self.service.run(&execution.workflow_id, None)
        {
            run_id.clone_into(&mut execution.run_id);
        }
        execution
    }

    /// Returns `true` if the workflow has no other run by the time a client asks for an update
    /// again: the next run would not know the update.
    pub(super) fn tolerates_second_update(self, workflow_id: &str) -> bool {
        let execution = WorkflowExecution {
            workflow_id: workflow_id.to_owned(),
            ..WorkflowExecution::default()
        };
        let workflow_type = self.type_of(&execution);
        let baseline = &self.options.baseline;
        baseline
            .next_run_after_ms(workflow_id, workflow_type)
            .is_none()
    }

    /// Returns the type of a workflow that runs.
    fn type_of(self, execution: &WorkflowExecution) -> &'a str {
        let run = self.service.run(&execution.workflow_id, None);
        match run.and_then(|(_, events)| events.first()?.attributes.as_ref()) {
            Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => {
                started.workflow_type.as_ref().map_or("", |it| &it.name)
            }
            _ => "",
        }
    }

    /// Returns the time from which on a run needs all the time that it has left, if it has a
    /// timeout: as much as a run of its type takes in the fault-free world.
    fn run_needs_from_ms(self, execution: Option<&WorkflowExecution>) -> Option<u64> {
        let (_, started) = self.started(execution)?;
        let workflow_type = started
            .workflow_type
            .as_ref()
            .map_or("", |it| it.name.as_str());
        Some(
            self.run_deadline_ms(execution)?
                .saturating_sub(self.options.baseline.workflow_ms(workflow_type)),
        )
    }

    /// Returns the time at which a run must have closed, by its own timeout or by that of its
    /// chain.
    pub(super) fn run_deadline_ms(self, execution: Option<&WorkflowExecution>) -> Option<u64> {
        let (started_ms, started) = self.started(execution)?;
        let run_ends_ms =
            limit_ms(started.workflow_run_timeout.as_ref()).map(|timeout| started_ms + timeout);
        let chain_ends_ms = started
            .workflow_execution_expiration_time
            .as_ref()
            .map(instant_ms);
        [run_ends_ms, chain_ends_ms]
            .into_iter()
            .flatten()
            .filter(|ends_ms| *ends_ms > 0)
            .min()
    }

    /// Returns the time at which a run started, and its started event.
    fn started(
        self,
        execution: Option<&WorkflowExecution>,
    ) -> Option<(u64, &'a WorkflowExecutionStartedEventAttributes)> {
        let execution = execution?;
        let (_, events) = self
            .service
            .run(&execution.workflow_id, Some(&execution.run_id))?;
        let first = events.first()?;
        match &first.attributes {
            Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => {
                Some((first.event_time.as_ref().map_or(0, instant_ms), started))
            }
            _ => None,
        }
    }

    /// Returns the times of a run that are known when a workflow task of it arrives.
    pub(super) fn run_times(self, task: &PolledWorkflowTask) -> RunTimes {
        let task_timeout_ms =
            task.events()
                .iter()
                .rev()
                .find_map(|event| match &event.attributes {
                    Some(Attributes::WorkflowTaskScheduledEventAttributes(scheduled)) => {
                        limit_ms(scheduled.start_to_close_timeout.as_ref())
                    }
                    _ => None,
                });
        RunTimes {
            task_timeout_ms: task_timeout_ms.unwrap_or(DEFAULT_TASK_TIMEOUT_MS),
            needed_from_ms: self.run_needs_from_ms(task.workflow_execution.as_ref()),
        }
    }
}
