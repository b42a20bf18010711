//! The runs of a chain: the beginning of the first run, and the attributes that each run passes to
//! the next.
//!
//! A run is followed by another of the same workflow id if it continues as new, is retried, or has
//! a cron schedule. All of them know the first run, and the execution timeout counts from its
//! start.
//!
//! Source: `temporalio/temporal: common/util.go` (`CreateHistoryStartWorkflowRequest`),
//! `service/history/workflow/retry.go` (`SetupNewWorkflowForRetryOrCron`), `mutable_state_impl.go`
//! (`addWorkflowExecutionStartedEventForContinueAsNew`).

use prost_types::Duration;

use crate::{
    api::{
        Payloads, command::ContinueAsNewWorkflowExecutionCommandAttributes,
        enums::ContinueAsNewInitiator, failure::Failure,
        history::WorkflowExecutionStartedEventAttributes,
    },
    base::{
        identifiers::derived_uuid,
        time::{duration, duration_ms, limit_ms, nanos, timestamp},
    },
    history::EventDecoration,
    policies::{
        cron::Schedule,
        workflow_retry::{pause_before_next_run_ms, run_timeout, workflow_task_timeout},
    },
    run::{
        Run,
        start::NewRun,
        versioning::inheritance::{Inherited, IsInVersion},
    },
};

/// Completes the attributes of the first run of a chain: its effective timeouts, the end of the
/// chain, and the delay of the first workflow task.
pub(crate) fn begin(
    attributes: &mut WorkflowExecutionStartedEventAttributes,
    start_delay: Option<&Duration>,
    now_ms: u64,
) {
    bound_timeouts(attributes);
    attributes.attempt = 1;
    attributes.workflow_execution_expiration_time =
        limit_ms(attributes.workflow_execution_timeout.as_ref())
            .map(|timeout_ms| timestamp(now_ms.saturating_add(timeout_ms)));
    let mut backoff_ms = duration_ms(start_delay);
    if !attributes.cron_schedule.is_empty() {
        attributes.set_initiator(ContinueAsNewInitiator::CronSchedule);
        let next = Schedule::parse(&attributes.cron_schedule).ok();
        backoff_ms = next
            .and_then(|schedule| schedule.backoff_ms(now_ms, now_ms))
            .unwrap_or(0);
    }
    attributes.first_workflow_task_backoff = Some(duration(backoff_ms));
}

/// The attributes that a retry or a cron schedule passes to the next run.
pub(crate) struct Repetition {
    pub(crate) initiator: ContinueAsNewInitiator,
    /// The pause that the policy or the schedule asks for.
    pub(crate) backoff_ms: u64,
    pub(crate) last_completion_result: Option<Payloads>,
    pub(crate) failure: Option<Failure>,
}

impl Run {
    /// Returns the time at which the first workflow task of the run was or is due.
    pub(crate) fn execution_ms(&self) -> u64 {
        self.start_ms + duration_ms(self.started().first_workflow_task_backoff.as_ref())
    }

    /// Returns the run that repeats this one. It gets the attributes that this run was started
    /// with, without what this run has upserted since.
    pub(crate) fn repetition(&self, repetition: Repetition, now_ms: u64) -> NewRun {
        let started = self.started();
        let is_retry = repetition.initiator == ContinueAsNewInitiator::Retry;
        let attributes = WorkflowExecutionStartedEventAttributes {
            attempt: if is_retry { started.attempt + 1 } else { 1 },
            initiator: repetition.initiator.into(),
            last_completion_result: repetition.last_completion_result,
            continued_failure: repetition.failure,
            completion_callbacks: if is_retry {
                self.inherited_callbacks()
            } else {
                Vec::new()
            },
            ..started.clone()
        };
        let inherited = self.inherited_by_repetition(is_retry);
        let backoff = Some(duration(repetition.backoff_ms));
        self.next_run(attributes, inherited, backoff, now_ms)
    }

    /// Returns the run as which a command continues this one. The command has been normalized.
    pub(crate) fn continuation(
        &self,
        command: ContinueAsNewWorkflowExecutionCommandAttributes,
        now_ms: u64,
        is_in_version: IsInVersion<'_>,
    ) -> NewRun {
        let started = self.started();
        let is_retry = command.initiator() == ContinueAsNewInitiator::Retry;
        let initiator = match command.initiator() {
            ContinueAsNewInitiator::Unspecified => ContinueAsNewInitiator::Workflow,
            initiator => initiator,
        };
        let queue = command.task_queue.as_ref().map_or("", |it| &it.name);
        let initial = command.initial_versioning_behavior();
        let inherited = self.inherited_by_continuation(queue, initial, is_in_version);
        let attributes = WorkflowExecutionStartedEventAttributes {
            attempt: if is_retry { started.attempt + 1 } else { 1 },
            workflow_type: command.workflow_type,
            task_queue: command.task_queue,
            input: command.input,
            workflow_run_timeout: command.workflow_run_timeout,
            workflow_task_timeout: command.workflow_task_timeout,
            retry_policy: command.retry_policy,
            cron_schedule: command.cron_schedule,
            header: command.header,
            memo: command.memo,
            search_attributes: command.search_attributes,
            initiator: initiator.into(),
            last_completion_result: command.last_completion_result,
            continued_failure: command.failure,
            completion_callbacks: self.inherited_callbacks(),
            ..started.clone()
        };
        self.next_run(
            attributes,
            inherited,
            command.backoff_start_interval,
            now_ms,
        )
    }

    /// Returns the next run of the chain with the attributes that all such runs share. Parent,
    /// root, first run and end of the chain remain those of this run.
    fn next_run(
        &self,
        mut attributes: WorkflowExecutionStartedEventAttributes,
        inherited: Inherited,
        backoff: Option<Duration>,
        now_ms: u64,
    ) -> NewRun {
        let backoff_ms = duration_ms(backoff.as_ref());
        let pause_ms = pause_before_next_run_ms(now_ms, self.execution_ms(), backoff_ms);
        attributes.first_workflow_task_backoff = if pause_ms == backoff_ms {
            backoff
        } else {
            Some(duration(pause_ms))
        };
        attributes
            .continued_execution_run_id
            .clone_from(&self.run_id);
        // After a reset, the end of the chain differs from the attributes.
        attributes.workflow_execution_expiration_time =
            self.state.execution_expiration_ms.map(timestamp);
        // An empty id is replaced by the run's own id.
        attributes.original_execution_run_id = String::new();
        attributes.identity = String::new();
        inherited.write(&mut attributes);
        attributes.prev_auto_reset_points = self.auto_reset_points();
        attributes.priority.clone_from(&self.state.options.priority);
        attributes.eager_execution_accepted = false;
        let links = self
            .history
            .event(1)
            .map(|event| event.links.clone())
            .unwrap_or_default();
        NewRun {
            attributes,
            decoration: EventDecoration {
                links,
                ..EventDecoration::default()
            },
            // The server draws this id at random; no client knows it.
            request_id: derived_uuid(&self.run_id, 0),
            ..NewRun::default()
        }
    }
}

fn bound_timeouts(attributes: &mut WorkflowExecutionStartedEventAttributes) {
    let of_run = run_timeout(
        attributes.workflow_run_timeout.as_ref(),
        attributes.workflow_execution_timeout.as_ref(),
    );
    attributes.workflow_task_timeout = Some(workflow_task_timeout(
        attributes.workflow_task_timeout.as_ref(),
        &of_run,
    ));
    // The server leaves a timeout unset that nobody set.
    if nanos(attributes.workflow_run_timeout.as_ref()) != nanos(Some(&of_run)) {
        attributes.workflow_run_timeout = Some(of_run);
    }
}
