//! An open run of another service, as it was after the last event of its history.
//!
//! Everything is due when it was due there. A history does not tell everything: which attempt of a
//! pending activity a worker has, and what the attempt said. Unless the caller knows more, a
//! pending activity waits for a worker, in its first attempt. Workers and their caches stay behind:
//! a scheduled workflow task is for any worker of the normal task queue, a started one times out.

use std::sync::Arc;

use crate::{
    api::{
        Attributes, HistoryEvent, Payloads, enums::EventType, failure::Failure,
        history::WorkflowExecutionStartedEventAttributes,
    },
    base::{
        identifiers::RunKey,
        time::{duration, instant_ms, limit_ms},
    },
    history::kinds,
    policies::workflow_retry::workflow_task_timeout,
    run::{Run, activities::PendingActivity, rebuild::Scheduled},
};

/// A run of another service.
#[derive(Clone, Debug, Default)]
pub struct ImportedRun {
    /// The workflow id.
    pub workflow_id: String,
    /// The run id.
    pub run_id: String,
    /// The history: the events from the first on, with contiguous ids, each with the attributes of
    /// its type.
    pub events: Vec<Arc<HistoryEvent>>,
    /// The parts of pending activities that the history does not tell.
    pub activities: Vec<ImportedActivity>,
}

/// The part of a pending activity that its run's history does not tell.
#[derive(Clone, Debug, Default)]
pub struct ImportedActivity {
    /// The activity id, or the type of one or more pending activities.
    pub activity: String,
    /// The attempt that waits for a worker, from 1.
    pub attempt: Option<i32>,
    /// The details of the last heartbeat.
    pub heartbeat_details: Option<Payloads>,
    /// The failure of the attempt before.
    pub last_failure: Option<Failure>,
}

impl Run {
    /// Returns the run of these events. They must be of an open run.
    pub(crate) fn import(key: RunKey, imported: &ImportedRun) -> Self {
        let mut events = imported.events.clone();
        complete(&mut events, imported);
        let start_ms = events.first().map_or(0, |event| at_ms(event));
        let run_id = imported.run_id.clone();
        let (mut run, activities) = Self::restored(start_ms, key, run_id, String::new(), &events);
        for (scheduled_event_id, scheduled) in activities {
            run.import_activity(scheduled_event_id, &scheduled, &imported.activities);
        }
        run.ask_again();
        run.import_workflow_task();
        run
    }

    fn import_activity(
        &mut self,
        scheduled_event_id: i64,
        scheduled: &Scheduled,
        known: &[ImportedActivity],
    ) {
        let attributes = self.activity_scheduled(scheduled_event_id);
        let mut activity = PendingActivity::new(scheduled.at_ms, scheduled_event_id, attributes);
        activity.cancel_requested_event_id = scheduled.cancel_requested_event_id;
        activity.started_event_id = scheduled.started_event_id;
        activity.attempt = scheduled.attempt.unwrap_or(1).max(1);
        for known in known.iter().filter(|known| is_about(known, attributes)) {
            activity.attempt = known.attempt.unwrap_or(activity.attempt).max(1);
            activity.heartbeat_details = known
                .heartbeat_details
                .clone()
                .or(activity.heartbeat_details);
            activity.last_failure = known.last_failure.clone().or(activity.last_failure);
        }
        self.insert_activity(activity);
        self.offer_activity(scheduled_event_id);
    }

    /// Offers the scheduled workflow task, or schedules the one that failed attempts or new events
    /// call for.
    fn import_workflow_task(&mut self) {
        let last_ms = self.history.events().last().map_or(0, |event| at_ms(event));
        match &self.state.workflow_task.current {
            Some(task) if task.is_started() => {}
            Some(_) => self.offer_workflow_task(),
            None if self.calls_for_workflow_task() => self.ensure_workflow_task(last_ms),
            None => {}
        }
    }

    /// Returns `true` if no worker has completed a workflow task since the last event that calls
    /// for one.
    fn calls_for_workflow_task(&self) -> bool {
        let events = self.history.events().iter().rev();
        let types = events.map(|event| event.event_type());
        let since_completed = types.take_while(|it| *it != EventType::WorkflowTaskCompleted);
        let mut calls = since_completed.filter(|event_type| {
            let is_ignored = matches!(
                event_type,
                EventType::ActivityTaskStarted
                    | EventType::WorkflowExecutionOptionsUpdated
                    | EventType::Unspecified
            );
            let ends_a_task = matches!(
                event_type,
                EventType::WorkflowTaskFailed | EventType::WorkflowTaskTimedOut
            );
            let begins = *event_type == EventType::WorkflowExecutionStarted;
            (kinds::is_buffered(*event_type) && !is_ignored) || ends_a_task || begins
        });
        calls.next().is_some()
    }
}

/// Completes the first event of servers that write down less: ids, and the timeout of workflow
/// tasks.
fn complete(events: &mut [Arc<HistoryEvent>], imported: &ImportedRun) {
    let Some(first) = events.first_mut() else {
        return;
    };
    let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) = &first.attributes
    else {
        return;
    };
    let mut started = started.clone();
    let WorkflowExecutionStartedEventAttributes {
        workflow_id,
        original_execution_run_id,
        first_execution_run_id,
        workflow_task_timeout: of_tasks,
        workflow_execution_expiration_time: expiration,
        ..
    } = &mut *started;
    workflow_id.clone_from(&imported.workflow_id);
    for id in [original_execution_run_id, first_execution_run_id] {
        if id.is_empty() {
            id.clone_from(&imported.run_id);
        }
    }
    if limit_ms(of_tasks.as_ref()).is_none() {
        *of_tasks = Some(workflow_task_timeout(None, &duration(0)));
    }
    // Older servers write the year 1 where there is none.
    if expiration.as_ref().is_some_and(|at| at.seconds <= 0) {
        *expiration = None;
    }
    let completed = Some(Attributes::WorkflowExecutionStartedEventAttributes(started));
    if first.attributes != completed {
        Arc::make_mut(first).attributes = completed;
    }
}

fn at_ms(event: &HistoryEvent) -> u64 {
    event.event_time.as_ref().map_or(0, instant_ms)
}

/// Returns `true` if this is the id or the type of an activity.
pub(crate) fn is_about(
    known: &ImportedActivity,
    scheduled: &crate::api::history::ActivityTaskScheduledEventAttributes,
) -> bool {
    let activity_type = scheduled.activity_type.as_ref();
    known.activity == scheduled.activity_id
        || activity_type.is_some_and(|activity_type| activity_type.name == known.activity)
}
