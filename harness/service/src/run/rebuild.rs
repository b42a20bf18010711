//! A run that is rebuilt from events: the first events of another, as a reset does, or those of a
//! run of another service (see [`import`](super::import)).
//!
//! The events have everything that a run needs, except for work that is under way. Starts of
//! children and messages to other runs that have no answer yet are sent again. After a reset
//! activities start anew.
//!
//! Source: `temporalio/temporal: service/history/workflow/mutable_state_rebuilder.go`,
//! `service/history/ndc/workflow_resetter.go`.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    api::{
        Attributes, HistoryEvent,
        enums::WorkflowTaskFailedCause,
        history::{
            StartChildWorkflowExecutionInitiatedEventAttributes,
            WorkflowTaskScheduledEventAttributes,
        },
    },
    base::{
        identifiers::RunKey,
        payload,
        time::{duration_ms, instant_ms, limit_ms},
    },
    history::EventStore,
    run::{
        Run,
        children::PendingChild,
        start::NewRun,
        transfer::{Delivery, Transfer},
        user_timers::UserTimer,
        workflow_task::{WorkflowTask, WorkflowTaskKind},
    },
};

/// A pending activity, as far as its events tell.
#[derive(Default)]
pub(super) struct Scheduled {
    /// The time at which it was scheduled.
    pub(super) at_ms: u64,
    /// The started event, which the event of the closing will name; 0 if there is none.
    pub(super) started_event_id: i64,
    /// The attempt, if the started event tells it.
    pub(super) attempt: Option<i32>,
    pub(super) cancel_requested_event_id: Option<i64>,
}

impl Run {
    /// Returns a new run whose history begins with these events, and whose state is the one after
    /// them. Timeouts count from now.
    pub(crate) fn rebuild(
        now_ms: u64,
        key: RunKey,
        run_id: String,
        request_id: String,
        base: &[Arc<HistoryEvent>],
    ) -> Self {
        let (mut run, activities) = Self::restored(now_ms, key, run_id, request_id, base);
        run.refresh_timeouts(now_ms);
        for (scheduled_event_id, activity) in activities {
            let cancel_requested_event_id = activity.cancel_requested_event_id;
            run.restore_activity(now_ms, scheduled_event_id, cancel_requested_event_id);
        }
        run.ask_again();
        run
    }

    /// Returns a run that started at `start_ms` and has these events, and its pending activities,
    /// which it does not know yet.
    pub(super) fn restored(
        start_ms: u64,
        key: RunKey,
        run_id: String,
        request_id: String,
        base: &[Arc<HistoryEvent>],
    ) -> (Self, BTreeMap<i64, Scheduled>) {
        let attributes = match base.first().and_then(|event| event.attributes.clone()) {
            Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => *started,
            other => unreachable!("a run begins with WorkflowExecutionStarted, not {other:?}"),
        };
        let new = NewRun {
            attributes,
            request_id,
            without_workflow_task: true,
            ..NewRun::default()
        };
        let mut run = Self::start(start_ms, key, run_id, new);
        run.history = EventStore::forked(base);
        let mut activities = BTreeMap::new();
        for event in base {
            run.restore(event, &mut activities);
        }
        (run, activities)
    }

    fn refresh_timeouts(&mut self, now_ms: u64) {
        let started = self.started();
        let execution_ms = limit_ms(started.workflow_execution_timeout.as_ref());
        let run_ms = limit_ms(started.workflow_run_timeout.as_ref());
        let expires = |timeout_ms: Option<u64>| {
            timeout_ms.map(|timeout_ms| now_ms.saturating_add(timeout_ms))
        };
        self.state.execution_expiration_ms = expires(execution_ms);
        let limit_ms = self.state.execution_expiration_ms.unwrap_or(u64::MAX);
        self.state.run_expiration_ms = expires(run_ms).map(|at_ms| at_ms.min(limit_ms));
    }

    /// Restores state from an event. `activities` collects the pending activities.
    fn restore(&mut self, event: &HistoryEvent, activities: &mut BTreeMap<i64, Scheduled>) {
        let event_id = event.event_id;
        let at_ms = event.event_time.as_ref().map_or(0, instant_ms);
        let Some(attributes) = &event.attributes else {
            return;
        };
        self.restore_workflow_task(event_id, at_ms, attributes);
        match attributes {
            // Activities are only collected here: their attempts start anew at the end.
            Attributes::ActivityTaskScheduledEventAttributes(_) => {
                let scheduled = Scheduled {
                    at_ms,
                    ..Scheduled::default()
                };
                activities.insert(event_id, scheduled);
            }
            // An activity without a retry policy has its started event before it closes.
            Attributes::ActivityTaskStartedEventAttributes(started) => {
                if let Some(activity) = activities.get_mut(&started.scheduled_event_id) {
                    activity.started_event_id = event_id;
                    activity.attempt = Some(started.attempt);
                }
            }
            Attributes::ActivityTaskCancelRequestedEventAttributes(requested) => {
                if let Some(activity) = activities.get_mut(&requested.scheduled_event_id) {
                    activity.cancel_requested_event_id = Some(event_id);
                }
            }
            Attributes::ActivityTaskCompletedEventAttributes(closed) => {
                activities.remove(&closed.scheduled_event_id);
            }
            Attributes::ActivityTaskFailedEventAttributes(closed) => {
                activities.remove(&closed.scheduled_event_id);
            }
            Attributes::ActivityTaskTimedOutEventAttributes(closed) => {
                activities.remove(&closed.scheduled_event_id);
            }
            Attributes::ActivityTaskCanceledEventAttributes(closed) => {
                activities.remove(&closed.scheduled_event_id);
            }
            // Timers keep their due times.
            Attributes::TimerStartedEventAttributes(started) => {
                let due_ms =
                    at_ms.saturating_add(duration_ms(started.start_to_fire_timeout.as_ref()));
                let timer = UserTimer {
                    started_event_id: event_id,
                    due_ms,
                };
                self.user_timers.insert(started.timer_id.clone(), timer);
            }
            Attributes::TimerFiredEventAttributes(fired) => {
                self.user_timers.remove(&fired.timer_id);
            }
            Attributes::TimerCanceledEventAttributes(canceled) => {
                self.user_timers.remove(&canceled.timer_id);
            }
            // The events that clients cause, with their request ids.
            Attributes::WorkflowExecutionSignaledEventAttributes(signaled) => {
                self.state.signals += 1;
                if !signaled.request_id.is_empty() {
                    self.signal_request_ids.insert(signaled.request_id.clone());
                }
            }
            Attributes::WorkflowExecutionCancelRequestedEventAttributes(_) => {
                self.state.cancel_requested = true;
            }
            Attributes::WorkflowExecutionOptionsUpdatedEventAttributes(updated) => {
                self.apply_options(at_ms, updated);
                if !updated.attached_request_id.is_empty() {
                    self.start_request_ids
                        .insert(updated.attached_request_id.clone());
                }
            }
            // The search attributes and the memo.
            Attributes::UpsertWorkflowSearchAttributesEventAttributes(upserted) => {
                if let Some(upserted) = &upserted.search_attributes {
                    let attributes = self.state.search_attributes.get_or_insert_default();
                    payload::merge(&mut attributes.indexed_fields, &upserted.indexed_fields);
                }
            }
            Attributes::WorkflowPropertiesModifiedEventAttributes(modified) => {
                if let Some(upserted) = &modified.upserted_memo {
                    payload::merge(
                        &mut self.state.memo.get_or_insert_default().fields,
                        &upserted.fields,
                    );
                }
            }
            // The signals and cancel requests to other runs, until they are answered.
            Attributes::SignalExternalWorkflowExecutionInitiatedEventAttributes(_) => {
                self.external.signals.insert(event_id, ());
            }
            Attributes::SignalExternalWorkflowExecutionFailedEventAttributes(answered) => {
                self.external.signals.remove(&answered.initiated_event_id);
            }
            Attributes::ExternalWorkflowExecutionSignaledEventAttributes(answered) => {
                self.external.signals.remove(&answered.initiated_event_id);
            }
            Attributes::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(_) => {
                self.external.cancels.insert(event_id, ());
            }
            Attributes::RequestCancelExternalWorkflowExecutionFailedEventAttributes(answered) => {
                self.external.cancels.remove(&answered.initiated_event_id);
            }
            Attributes::ExternalWorkflowExecutionCancelRequestedEventAttributes(answered) => {
                self.external.cancels.remove(&answered.initiated_event_id);
            }
            Attributes::StartChildWorkflowExecutionInitiatedEventAttributes(initiated) => {
                self.children.insert(event_id, pending_child(initiated));
            }
            _ => {
                self.restore_nexus_operation(event, attributes);
                self.children.restore(event_id, attributes);
                self.updates.restore(at_ms, event_id, attributes);
            }
        }
    }

    fn restore_workflow_task(&mut self, event_id: i64, at_ms: u64, attributes: &Attributes) {
        let state = &mut self.state.workflow_task;
        match attributes {
            Attributes::WorkflowTaskScheduledEventAttributes(scheduled) => {
                state.current = Some(scheduled_task(event_id, at_ms, scheduled));
                state.attempt = 1;
                self.state.first_workflow_task_ms = None;
            }
            Attributes::WorkflowTaskStartedEventAttributes(started) => {
                if let Some(task) = &mut state.current {
                    task.started_event_id = event_id;
                    task.started_ms = at_ms;
                    task.request_id.clone_from(&started.request_id);
                }
            }
            Attributes::WorkflowTaskCompletedEventAttributes(completed) => {
                state.current = None;
                state.last_completed_started_event_id = completed.started_event_id;
                self.apply_completed_version(completed);
            }
            Attributes::WorkflowTaskFailedEventAttributes(failed)
                if failed.cause() == WorkflowTaskFailedCause::ResetWorkflow =>
            {
                state.current = None;
                self.refresh_timeouts(at_ms);
            }
            // A first attempt that follows has events of its own; further attempts have none.
            Attributes::WorkflowTaskFailedEventAttributes(_)
            | Attributes::WorkflowTaskTimedOutEventAttributes(_) => {
                state.current = None;
                state.attempt = 2;
            }
            _ => {}
        }
    }

    /// Sends the requests to other runs again that have no answer yet.
    pub(super) fn ask_again(&mut self) {
        let (key, outbox) = (self.key, &mut self.outbox);
        let not_started = self
            .children
            .iter()
            .filter(|(_, child)| !child.is_started());
        outbox.extend(not_started.map(|(id, _)| {
            Transfer::CrossRun(Delivery::StartChild {
                parent: key,
                initiated_event_id: *id,
            })
        }));
        outbox.extend(self.external.signals.iter().map(|(id, ())| {
            Transfer::CrossRun(Delivery::Signal {
                sender: key,
                initiated_event_id: *id,
            })
        }));
        outbox.extend(self.external.cancels.iter().map(|(id, ())| {
            Transfer::CrossRun(Delivery::RequestCancel {
                sender: key,
                initiated_event_id: *id,
            })
        }));
    }
}

fn scheduled_task(
    event_id: i64,
    at_ms: u64,
    scheduled: &WorkflowTaskScheduledEventAttributes,
) -> WorkflowTask {
    WorkflowTask {
        kind: WorkflowTaskKind::Normal,
        scheduled_event_id: event_id,
        started_event_id: 0,
        start_ordinal: 0,
        // The attempt may have been another, but its events are in history.
        attempt: 1,
        timeout_ms: duration_ms(scheduled.start_to_close_timeout.as_ref()),
        scheduled_ms: at_ms,
        original_scheduled_ms: at_ms,
        started_ms: 0,
        request_id: String::new(),
        suggestions: Vec::new(),
        history_size_bytes: 0,
        sticky_deadline_ms: None,
        target_changed: false,
    }
}

fn pending_child(initiated: &StartChildWorkflowExecutionInitiatedEventAttributes) -> PendingChild {
    PendingChild {
        workflow_id: initiated.workflow_id.clone(),
        workflow_type: initiated.workflow_type.clone(),
        #[allow(deprecated, reason = "events still show it")]
        namespace: initiated.namespace.clone(),
        namespace_id: initiated.namespace_id.clone(),
        parent_close_policy: initiated.parent_close_policy(),
        started_event_id: 0,
        first_run_id: String::new(),
    }
}
