//! The life of a workflow task until it ends: scheduled, then started.
//!
//! Source: `temporalio/temporal: service/history/workflow/workflow_task_state_machine.go`.

use crate::{
    api::{
        HistoryEvent,
        enums::{EventType, SuggestContinueAsNewReason, TaskQueueKind},
        history::*,
        taskqueue,
    },
    base::{
        config::Limits,
        time::{duration, duration_ms, timestamp},
    },
    run::{
        Run,
        transfer::Transfer,
        workflow_task::{Starter, WorkflowTask, WorkflowTaskKind},
    },
};

/// The attempts before the timeout of a failing task grows.
const BACKOFF_MIN_ATTEMPTS: i32 = 3;
/// The time after which a speculative task that no worker takes becomes a normal one.
const SPECULATIVE_SCHEDULE_TO_START_MS: u64 = 5_000;
const BACKOFF_INITIAL_MS: u64 = 5_000;
const BACKOFF_MAXIMUM_MS: u64 = 10 * 60 * 1000;

impl Run {
    pub(crate) fn has_pending_workflow_task(&self) -> bool {
        self.state.workflow_task.current.is_some()
    }

    pub(crate) fn has_started_workflow_task(&self) -> bool {
        self.state.workflow_task.started().is_some()
    }

    /// Returns the queue of the next workflow task: the sticky one, if there is one.
    pub(crate) fn current_task_queue(&self) -> taskqueue::TaskQueue {
        match &self.state.workflow_task.sticky {
            Some(sticky) => taskqueue::TaskQueue {
                name: sticky.name.clone(),
                kind: TaskQueueKind::Sticky.into(),
                normal_name: self.task_queue_name().to_owned(),
            },
            None => self.normal_task_queue(),
        }
    }

    /// Returns `true` if the first workflow task is delayed and still to come. A speculative task
    /// may have come before it and left no trace.
    pub(crate) fn awaits_first_workflow_task(&self) -> bool {
        self.state.first_workflow_task_ms.is_some()
            && !self.has_pending_workflow_task()
            && self.state.workflow_task.last_completed_started_event_id == 0
    }

    /// Schedules a workflow task unless one is pending or the first one is still to come.
    pub(crate) fn ensure_workflow_task(&mut self, now_ms: u64) {
        if !self.awaits_first_workflow_task() {
            self.hasten_workflow_task(now_ms);
        }
    }

    /// Schedules a workflow task unless one is pending.
    pub(crate) fn hasten_workflow_task(&mut self, now_ms: u64) {
        if !self.has_pending_workflow_task() {
            self.schedule_workflow_task(now_ms, WorkflowTaskKind::Normal);
        }
    }

    /// Schedules a workflow task, and offers it to workers after the transaction.
    pub(crate) fn schedule_workflow_task(&mut self, now_ms: u64, kind: WorkflowTaskKind) {
        self.record_workflow_task_scheduled(now_ms, now_ms, kind);
        self.offer_workflow_task();
    }

    /// Offers the scheduled workflow task to workers after the transaction.
    pub(crate) fn offer_workflow_task(&mut self) {
        let scheduled_event_id = self
            .state
            .workflow_task
            .current
            .as_ref()
            .map_or(0, |task| task.scheduled_event_id);
        self.outbox.push(Transfer::WorkflowTask {
            run: self.key,
            scheduled_event_id,
        });
    }

    /// Schedules a workflow task without offering it to workers. `original_scheduled_ms` is earlier
    /// than `now_ms` if heartbeats keep a task alive.
    pub(crate) fn record_workflow_task_scheduled(
        &mut self,
        now_ms: u64,
        original_scheduled_ms: u64,
        kind: WorkflowTaskKind,
    ) {
        debug_assert!(!self.has_pending_workflow_task(), "a second workflow task");
        let mut kind = kind;
        if !self.history.buffered().is_empty() {
            // New events end a series of failed attempts: with them, the worker may succeed.
            self.state.workflow_task.attempt = 1;
            kind = WorkflowTaskKind::Normal;
            self.flush_buffered_events();
        }
        if kind == WorkflowTaskKind::Normal {
            self.state.first_workflow_task_ms = None;
        }
        // Transient and speculative tasks have no events until they complete.
        let attempt = self.state.workflow_task.attempt;
        let timeout_ms = self.workflow_task_timeout_ms(attempt);
        let is_written = attempt == 1 && kind == WorkflowTaskKind::Normal;
        let scheduled_event_id = if is_written {
            self.add_workflow_task_scheduled_event(now_ms, timeout_ms, attempt)
        } else {
            self.history.next_event_id()
        };
        // On the sticky queue, and if it is speculative, the task has a deadline to be started.
        let sticky = self.state.workflow_task.sticky.as_ref();
        let speculative_deadline_ms = (kind == WorkflowTaskKind::Speculative)
            .then_some(now_ms + SPECULATIVE_SCHEDULE_TO_START_MS);
        self.state.workflow_task.current = Some(WorkflowTask {
            kind,
            scheduled_event_id,
            started_event_id: 0,
            start_ordinal: 0,
            attempt,
            timeout_ms,
            scheduled_ms: now_ms,
            original_scheduled_ms,
            started_ms: 0,
            request_id: String::new(),
            suggestions: Vec::new(),
            history_size_bytes: 0,
            sticky_deadline_ms: sticky.map_or(speculative_deadline_ms, |sticky| {
                Some(now_ms + sticky.schedule_to_start_ms)
            }),
            target_changed: false,
        });
    }

    pub(super) fn add_workflow_task_scheduled_event(
        &mut self,
        at_ms: u64,
        timeout_ms: u64,
        attempt: i32,
    ) -> i64 {
        let attributes = WorkflowTaskScheduledEventAttributes {
            task_queue: Some(self.current_task_queue()),
            start_to_close_timeout: Some(duration(timeout_ms)),
            attempt,
        };
        self.history.add(at_ms, attributes)
    }

    /// Returns the timeout of the run's workflow tasks. It grows from the fourth attempt on, so
    /// that a failing task does not spin.
    fn workflow_task_timeout_ms(&self, attempt: i32) -> u64 {
        let default_ms = duration_ms(self.started().workflow_task_timeout.as_ref());
        match u32::try_from(attempt - BACKOFF_MIN_ATTEMPTS) {
            Err(_) | Ok(0) => default_ms,
            Ok(retries) => {
                let growth = 2_u64.saturating_pow(retries - 1);
                default_ms
                    + BACKOFF_INITIAL_MS
                        .saturating_mul(growth)
                        .min(BACKOFF_MAXIMUM_MS)
            }
        }
    }

    /// Starts the scheduled workflow task.
    pub(crate) fn start_workflow_task(
        &mut self,
        now_ms: u64,
        limits: &Limits,
        worker: Starter<'_>,
        request_id: String,
    ) {
        let Some(mut task) = self.state.workflow_task.current.take() else {
            unreachable!("a workflow task is started only when scheduled");
        };
        // Suggest continue-as-new before the run reaches a limit.
        let size_bytes = self.history.size_bytes();
        if size_bytes >= limits.suggest_continue_as_new_bytes {
            task.suggestions
                .push(SuggestContinueAsNewReason::HistorySizeTooLarge);
        }
        if self.history.next_event_id() >= limits.suggest_continue_as_new_events {
            task.suggestions
                .push(SuggestContinueAsNewReason::TooManyHistoryEvents);
        }
        if self.updates.are_nearly_too_many() {
            task.suggestions
                .push(SuggestContinueAsNewReason::TooManyUpdates);
        }
        // Start the task.
        task.history_size_bytes = i64::try_from(size_bytes).unwrap_or(i64::MAX);
        task.started_ms = now_ms;
        task.request_id = request_id;
        task.target_changed = self.state.has_target_changed();
        self.workflow_task_starts += 1;
        task.start_ordinal = self.workflow_task_starts;
        // Write its events, unless they are held back until it completes.
        let mut is_written = task.attempt == 1 && task.kind == WorkflowTaskKind::Normal;
        if !is_written && task.scheduled_event_id != self.history.next_event_id() {
            // Events have come since the task was scheduled, so it is no longer a repetition.
            task.attempt = 1;
            task.kind = WorkflowTaskKind::Normal;
            self.state.workflow_task.attempt = 1;
            is_written = true;
            task.scheduled_event_id =
                self.add_workflow_task_scheduled_event(now_ms, task.timeout_ms, 1);
        }
        task.started_event_id = if is_written {
            self.add_workflow_task_started_event(&mut task, worker)
        } else {
            task.scheduled_event_id + 1
        };
        self.state.workflow_task.current = Some(task);
    }

    /// Adds the started event of a task, which takes the task's request id: nothing else needs it.
    fn add_workflow_task_started_event(
        &mut self,
        task: &mut WorkflowTask,
        worker: Starter<'_>,
    ) -> i64 {
        let request_id = std::mem::take(&mut task.request_id);
        let attributes = started_attributes(task, worker, request_id);
        self.history.add(task.started_ms, attributes)
    }

    /// Returns the events of a task that are not in history. A worker gets them after the history.
    pub(crate) fn transient_workflow_task_events(&self, identity: &str) -> Vec<HistoryEvent> {
        let Some(task) = self.state.workflow_task.current.as_ref() else {
            return Vec::new();
        };
        if task.attempt == 1 && task.kind == WorkflowTaskKind::Normal {
            return Vec::new();
        }
        let scheduled = WorkflowTaskScheduledEventAttributes {
            task_queue: Some(self.current_task_queue()),
            start_to_close_timeout: Some(duration(task.timeout_ms)),
            attempt: task.attempt,
        };
        let mut events = vec![HistoryEvent {
            event_id: task.scheduled_event_id,
            event_time: Some(timestamp(task.scheduled_ms)),
            event_type: EventType::WorkflowTaskScheduled.into(),
            attributes: Some(scheduled.into()),
            ..HistoryEvent::default()
        }];
        if task.is_started() {
            events.push(HistoryEvent {
                event_id: task.started_event_id,
                event_time: Some(timestamp(task.started_ms)),
                event_type: EventType::WorkflowTaskStarted.into(),
                attributes: Some(
                    started_attributes(task, identity.into(), task.request_id.clone()).into(),
                ),
                ..HistoryEvent::default()
            });
        }
        events
    }

    /// Makes a speculative task a normal one, because another event is written to history.
    pub(crate) fn write_speculative_workflow_task(&mut self) {
        let is_speculative = |task: &WorkflowTask| task.kind == WorkflowTaskKind::Speculative;
        if !self
            .state
            .workflow_task
            .current
            .as_ref()
            .is_some_and(is_speculative)
        {
            return;
        }
        let Some(mut task) = self.state.workflow_task.current.take() else {
            return;
        };
        task.kind = WorkflowTaskKind::Normal;
        if task.is_started() {
            // The server leaves the worker's identity out here.
            self.write_held_back_events(&mut task, "".into());
        } else {
            task.scheduled_event_id = self.add_workflow_task_scheduled_event(
                task.scheduled_ms,
                task.timeout_ms,
                task.attempt,
            );
        }
        self.state.workflow_task.current = Some(task);
    }

    /// Writes the scheduled and started events of a task that are not in history yet.
    pub(super) fn write_held_back_events(&mut self, task: &mut WorkflowTask, worker: Starter<'_>) {
        task.scheduled_event_id = self.add_workflow_task_scheduled_event(
            task.scheduled_ms,
            task.timeout_ms,
            task.attempt,
        );
        task.started_event_id = self.add_workflow_task_started_event(task, worker);
    }
}

#[allow(deprecated, reason = "the server still writes the stamp")]
fn started_attributes(
    task: &WorkflowTask,
    worker: Starter<'_>,
    request_id: String,
) -> WorkflowTaskStartedEventAttributes {
    WorkflowTaskStartedEventAttributes {
        scheduled_event_id: task.scheduled_event_id,
        identity: worker.identity.to_owned(),
        worker_version: worker.stamp.cloned(),
        request_id,
        suggest_continue_as_new: !task.suggestions.is_empty(),
        suggest_continue_as_new_reasons: task
            .suggestions
            .iter()
            .map(|reason| i32::from(*reason))
            .collect(),
        history_size_bytes: task.history_size_bytes,
        target_worker_deployment_version_changed: task.target_changed,
        ..WorkflowTaskStartedEventAttributes::default()
    }
}
