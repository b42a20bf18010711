//! The attributes of events, in words. An event that is not listed here shows its name alone.

use std::{collections::BTreeMap, fmt::Write};

use durasim_events::Attributes;
use durasim_service::time::duration_ms;
use temporalio_protos::temporal::api::{
    common::v1::{ActivityType, Payloads, WorkflowExecution, WorkflowType},
    history::v1::{
        ActivityTaskScheduledEventAttributes, MarkerRecordedEventAttributes,
        WorkflowExecutionStartedEventAttributes,
    },
    taskqueue::v1::TaskQueue,
    update::v1::{Request, outcome},
};

use super::values::{cut, failure, payload, payloads};
use crate::words::duration_words;

/// Returns a duration in words, or nothing. A macro, since this crate cannot name the type.
macro_rules! duration {
    ($duration:expr) => {
        $duration.as_ref().map_or_else(String::new, |duration| {
            duration_words(duration_ms(Some(duration)))
        })
    };
}

/// Returns the attributes in words.
pub(super) fn words(attributes: &Attributes) -> String {
    workflow(attributes)
        .or_else(|| workflow_task(attributes))
        .or_else(|| activity_or_timer(attributes))
        .or_else(|| child_or_external(attributes))
        .or_else(|| update_or_nexus(attributes))
        .unwrap_or_default()
}

fn workflow(attributes: &Attributes) -> Option<String> {
    use Attributes as A;
    Some(match attributes {
        A::WorkflowExecutionStartedEventAttributes(started) => workflow_started(started),
        A::WorkflowExecutionCompletedEventAttributes(it) => payloads(it.result.as_ref()),
        A::WorkflowExecutionFailedEventAttributes(it) => failure(it.failure.as_ref()),
        A::WorkflowExecutionTimedOutEventAttributes(it) => format!("{:?}", it.retry_state()),
        A::WorkflowExecutionContinuedAsNewEventAttributes(it) => call(
            it.workflow_type.as_ref().map(name_of_workflow),
            it.input.as_ref(),
        ),
        A::WorkflowExecutionSignaledEventAttributes(it) => {
            call(Some(&it.signal_name), it.input.as_ref())
        }
        A::WorkflowExecutionTerminatedEventAttributes(it) => cut(&it.reason),
        A::WorkflowExecutionCancelRequestedEventAttributes(it) => cut(&it.cause),
        A::WorkflowExecutionCanceledEventAttributes(it) => payloads(it.details.as_ref()),
        A::MarkerRecordedEventAttributes(marker) => marker_words(marker),
        A::UpsertWorkflowSearchAttributesEventAttributes(it) => keys(
            it.search_attributes
                .iter()
                .flat_map(|attributes| attributes.indexed_fields.iter()),
        ),
        A::WorkflowPropertiesModifiedEventAttributes(it) => {
            keys(it.upserted_memo.iter().flat_map(|memo| memo.fields.iter()))
        }
        _ => return None,
    })
}

fn workflow_started(started: &WorkflowExecutionStartedEventAttributes) -> String {
    let mut words = call(
        started.workflow_type.as_ref().map(name_of_workflow),
        started.input.as_ref(),
    );
    words.push_str(&on_queue(started.task_queue.as_ref()));
    if started.attempt > 1 {
        let _ = write!(words, ", attempt {}", started.attempt);
    }
    if !started.cron_schedule.is_empty() {
        let _ = write!(words, ", cron {}", started.cron_schedule);
    }
    if started.parent_workflow_execution.is_some() {
        words.push_str(", child");
    }
    if !started.continued_execution_run_id.is_empty() {
        let _ = write!(words, ", continued by {:?}", started.initiator());
    }
    words
}

fn workflow_task(attributes: &Attributes) -> Option<String> {
    use Attributes as A;
    Some(match attributes {
        A::WorkflowTaskScheduledEventAttributes(it) if it.attempt > 1 => {
            format!("attempt {}", it.attempt)
        }
        A::WorkflowTaskTimedOutEventAttributes(it) => format!("{:?}", it.timeout_type()),
        A::WorkflowTaskFailedEventAttributes(it) => {
            let message = failure(it.failure.as_ref());
            let separator = if message.is_empty() { "" } else { ": " };
            format!("{:?}{separator}{message}", it.cause())
        }
        _ => return None,
    })
}

fn activity_or_timer(attributes: &Attributes) -> Option<String> {
    use Attributes as A;
    Some(match attributes {
        A::ActivityTaskScheduledEventAttributes(scheduled) => activity_scheduled(scheduled),
        A::ActivityTaskStartedEventAttributes(it) => {
            let mut words = of(it.scheduled_event_id);
            if it.attempt > 1 {
                let _ = write!(words, ", attempt {}", it.attempt);
            }
            if it.last_failure.is_some() {
                let _ = write!(words, ", after {}", failure(it.last_failure.as_ref()));
            }
            words
        }
        A::ActivityTaskCompletedEventAttributes(it) => {
            with(of(it.scheduled_event_id), payloads(it.result.as_ref()))
        }
        A::ActivityTaskFailedEventAttributes(it) => {
            let words = with(of(it.scheduled_event_id), failure(it.failure.as_ref()));
            format!("{words} [{:?}]", it.retry_state())
        }
        A::ActivityTaskTimedOutEventAttributes(it) => {
            let words = with(of(it.scheduled_event_id), failure(it.failure.as_ref()));
            format!("{words} [{:?}]", it.retry_state())
        }
        A::ActivityTaskCancelRequestedEventAttributes(it) => of(it.scheduled_event_id),
        A::ActivityTaskCanceledEventAttributes(it) => {
            with(of(it.scheduled_event_id), payloads(it.details.as_ref()))
        }
        A::TimerStartedEventAttributes(it) => {
            format!(
                "{} for {}",
                it.timer_id,
                duration!(it.start_to_fire_timeout)
            )
        }
        A::TimerFiredEventAttributes(it) => it.timer_id.clone(),
        A::TimerCanceledEventAttributes(it) => it.timer_id.clone(),
        _ => return None,
    })
}

fn activity_scheduled(scheduled: &ActivityTaskScheduledEventAttributes) -> String {
    let mut words = call(
        scheduled.activity_type.as_ref().map(name_of_activity),
        scheduled.input.as_ref(),
    );
    words.push_str(&on_queue(scheduled.task_queue.as_ref()));
    for (label, limit) in [
        (
            "schedule-to-close",
            duration!(scheduled.schedule_to_close_timeout),
        ),
        (
            "schedule-to-start",
            duration!(scheduled.schedule_to_start_timeout),
        ),
        (
            "start-to-close",
            duration!(scheduled.start_to_close_timeout),
        ),
        ("heartbeat", duration!(scheduled.heartbeat_timeout)),
    ] {
        // The service fills in the limits that the workflow did not set: with 0, or with the run's
        // own.
        if !limit.is_empty() && limit != "0s" {
            let _ = write!(words, ", {label} {limit}");
        }
    }
    words
}

fn child_or_external(attributes: &Attributes) -> Option<String> {
    use Attributes as A;
    Some(match attributes {
        A::StartChildWorkflowExecutionInitiatedEventAttributes(it) => {
            let words = call(
                it.workflow_type.as_ref().map(name_of_workflow),
                it.input.as_ref(),
            );
            format!(
                "{words} as {}{}",
                it.workflow_id,
                on_queue(it.task_queue.as_ref())
            )
        }
        A::StartChildWorkflowExecutionFailedEventAttributes(it) => {
            with(of(it.initiated_event_id), format!("{:?}", it.cause()))
        }
        A::ChildWorkflowExecutionStartedEventAttributes(it) => of(it.initiated_event_id),
        A::ChildWorkflowExecutionCompletedEventAttributes(it) => {
            with(of(it.initiated_event_id), payloads(it.result.as_ref()))
        }
        A::ChildWorkflowExecutionFailedEventAttributes(it) => {
            with(of(it.initiated_event_id), failure(it.failure.as_ref()))
        }
        A::ChildWorkflowExecutionCanceledEventAttributes(it) => of(it.initiated_event_id),
        A::ChildWorkflowExecutionTimedOutEventAttributes(it) => of(it.initiated_event_id),
        A::ChildWorkflowExecutionTerminatedEventAttributes(it) => of(it.initiated_event_id),
        A::SignalExternalWorkflowExecutionInitiatedEventAttributes(it) => {
            let words = call(Some(&it.signal_name), it.input.as_ref());
            format!("{words} to {}", id_of(it.workflow_execution.as_ref()))
        }
        A::SignalExternalWorkflowExecutionFailedEventAttributes(it) => {
            with(of(it.initiated_event_id), format!("{:?}", it.cause()))
        }
        A::ExternalWorkflowExecutionSignaledEventAttributes(it) => of(it.initiated_event_id),
        A::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(it) => {
            format!("of {}", id_of(it.workflow_execution.as_ref()))
        }
        A::RequestCancelExternalWorkflowExecutionFailedEventAttributes(it) => {
            with(of(it.initiated_event_id), format!("{:?}", it.cause()))
        }
        A::ExternalWorkflowExecutionCancelRequestedEventAttributes(it) => of(it.initiated_event_id),
        _ => return None,
    })
}

fn update_or_nexus(attributes: &Attributes) -> Option<String> {
    use Attributes as A;
    Some(match attributes {
        A::WorkflowExecutionUpdateAdmittedEventAttributes(it) => update(it.request.as_ref()),
        // A reset has recorded the request when it admitted the update again.
        A::WorkflowExecutionUpdateAcceptedEventAttributes(it) if it.accepted_request.is_none() => {
            "as admitted".to_owned()
        }
        A::WorkflowExecutionUpdateAcceptedEventAttributes(it) => {
            update(it.accepted_request.as_ref())
        }
        A::WorkflowExecutionUpdateRejectedEventAttributes(it) => with(
            update(it.rejected_request.as_ref()),
            failure(it.failure.as_ref()),
        ),
        A::WorkflowExecutionUpdateCompletedEventAttributes(it) => {
            let outcome = match it
                .outcome
                .as_ref()
                .and_then(|outcome| outcome.value.as_ref())
            {
                Some(outcome::Value::Success(result)) => payloads(Some(result)),
                Some(outcome::Value::Failure(error)) => failure(Some(error)),
                None => String::new(),
            };
            with(of(it.accepted_event_id), outcome)
        }
        A::NexusOperationScheduledEventAttributes(it) => format!(
            "{}.{}({}) on {}",
            it.service,
            it.operation,
            it.input.as_ref().map(payload).unwrap_or_default(),
            it.endpoint
        ),
        A::NexusOperationStartedEventAttributes(it) => of(it.scheduled_event_id),
        A::NexusOperationCompletedEventAttributes(it) => with(
            of(it.scheduled_event_id),
            it.result.as_ref().map(payload).unwrap_or_default(),
        ),
        A::NexusOperationFailedEventAttributes(it) => {
            with(of(it.scheduled_event_id), failure(it.failure.as_ref()))
        }
        A::NexusOperationCanceledEventAttributes(it) => of(it.scheduled_event_id),
        A::NexusOperationTimedOutEventAttributes(it) => of(it.scheduled_event_id),
        A::NexusOperationCancelRequestedEventAttributes(it) => of(it.scheduled_event_id),
        _ => return None,
    })
}

/// Returns the marker's name, and the id of its patch or the type of its local activity.
fn marker_words(marker: &MarkerRecordedEventAttributes) -> String {
    // The details of a patch marker are JSON: {"id":"…","deprecated":false}. Those of a local
    // activity hold its type.
    let detail = |key: &str, field: &str| {
        let first = marker.details.get(key)?.payloads.first()?;
        let json: serde_json::Value = serde_json::from_slice(&first.data).ok()?;
        json.get(field)?.as_str().map(str::to_owned)
    };
    let what = detail("patch-data", "id").or_else(|| detail("data", "activity_type"));
    let mut words = marker.marker_name.clone();
    if let Some(what) = what {
        words = format!("{words} {what}");
    }
    let outcome = match &marker.failure {
        Some(error) => failure(Some(error)),
        None => payloads(marker.details.get("result")),
    };
    with(words, outcome)
}

fn update(request: Option<&Request>) -> String {
    let input = request.and_then(|request| request.input.as_ref());
    call(
        input.map(|input| input.name.as_str()),
        input.and_then(|input| input.args.as_ref()),
    )
}

fn name_of_workflow(kind: &WorkflowType) -> &str {
    &kind.name
}

fn name_of_activity(kind: &ActivityType) -> &str {
    &kind.name
}

fn id_of(execution: Option<&WorkflowExecution>) -> &str {
    execution.map_or("?", |execution| &execution.workflow_id)
}

/// Returns `name(arguments)`.
fn call(name: Option<&str>, arguments: Option<&Payloads>) -> String {
    format!("{}({})", name.unwrap_or("?"), payloads(arguments))
}

/// Returns ` on queue`.
fn on_queue(queue: Option<&TaskQueue>) -> String {
    queue.map_or_else(String::new, |queue| format!(" on {}", queue.name))
}

/// Returns `of N`, for an event that answers event N.
fn of(event_id: i64) -> String {
    format!("of {event_id}")
}

/// Returns `words: more`, or the words alone.
fn with(words: String, more: impl AsRef<str>) -> String {
    match more.as_ref() {
        "" => words,
        more => format!("{words}: {more}"),
    }
}

/// Returns the keys, sorted: the order of their map is random.
fn keys<'a, V: 'a>(fields: impl Iterator<Item = (&'a String, &'a V)>) -> String {
    let sorted: BTreeMap<_, _> = fields.collect();
    sorted
        .keys()
        .map(|key| key.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}
