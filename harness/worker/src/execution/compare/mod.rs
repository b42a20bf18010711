//! Strict replay: whole commands compared with their events.
//!
//! Core matches a command with its event by type and id, so it does not notice a workflow that
//! passes another input to an activity on replay. A strict replay does. It tolerates these
//! differences:
//!
//! - changes by the service: timeouts that it caps or fills in, defaults of retry policies;
//! - changes between versions of the code that do no harm: summaries, the list of patches;
//! - headers: interceptors write ids of traces there, which are new each time.
//!
//! Payloads are compared as they were before the codec, which may use fresh randomness for each.

mod codec;
mod fields;
mod payloads;

use std::{collections::BTreeMap, time::Duration};

use durasim_events::{Attributes as Event, HistoryEvent};
use temporalio_protos::{
    VERSION_SEARCH_ATTR_KEY,
    temporal::api::{
        command::v1::{
            Command, ScheduleActivityTaskCommandAttributes,
            ScheduleNexusOperationCommandAttributes, command::Attributes as Of,
        },
        common::v1::SearchAttributes,
        history::v1::{
            ActivityTaskScheduledEventAttributes, NexusOperationScheduledEventAttributes,
        },
    },
};

pub(super) use codec::decoded;

use crate::time::timeout;
use fields::{Fields, given, same_failure};

/// The difference between a command and the one that history recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) event_id: i64,
    pub(crate) event: String,
    pub(crate) command: String,
    /// The first field that differs, with both values.
    pub(crate) what: String,
}

/// Describes a command: its type, and what tells it from others of its type.
pub(crate) fn describe(command: &Command) -> String {
    let kind = command.command_type();
    match &command.attributes {
        Some(Of::ScheduleActivityTaskCommandAttributes(c)) => {
            let activity_type = c.activity_type.as_ref().map_or("", |t| t.name.as_str());
            format!("{kind:?}(id: {}, type: {activity_type})", c.activity_id)
        }
        Some(Of::StartTimerCommandAttributes(c)) => {
            let after = c.start_to_fire_timeout.unwrap_or_default();
            format!("{kind:?}(id: {}, after: {after})", c.timer_id)
        }
        Some(Of::CancelTimerCommandAttributes(c)) => format!("{kind:?}(id: {})", c.timer_id),
        Some(Of::StartChildWorkflowExecutionCommandAttributes(c)) => {
            let workflow_type = c.workflow_type.as_ref().map_or("", |t| t.name.as_str());
            format!("{kind:?}(id: {}, type: {workflow_type})", c.workflow_id)
        }
        Some(Of::SignalExternalWorkflowExecutionCommandAttributes(c)) => {
            let target = c.execution.as_ref().map_or("", |e| e.workflow_id.as_str());
            format!("{kind:?}(signal: {}, to: {target})", c.signal_name)
        }
        Some(Of::RequestCancelExternalWorkflowExecutionCommandAttributes(c)) => {
            format!("{kind:?}(of: {})", c.workflow_id)
        }
        Some(Of::ScheduleNexusOperationCommandAttributes(c)) => {
            format!(
                "{kind:?}(endpoint: {}, service: {}, operation: {})",
                c.endpoint, c.service, c.operation
            )
        }
        Some(Of::RecordMarkerCommandAttributes(c)) => format!("{kind:?}({})", c.marker_name),
        Some(Of::ProtocolMessageCommandAttributes(c)) => format!("{kind:?}({})", c.message_id),
        _ => format!("{kind:?}"),
    }
}

/// Returns the first difference between a command and the event that it matches by Core's rules.
pub(crate) fn compare(
    command: &Command,
    event: &HistoryEvent,
    run_timeout: Option<Duration>,
) -> Option<Difference> {
    let (Some(of), Some(recorded)) = (&command.attributes, &event.attributes) else {
        return None;
    };
    let mut fields = Fields::default();
    match (of, recorded) {
        (
            Of::ScheduleActivityTaskCommandAttributes(c),
            Event::ActivityTaskScheduledEventAttributes(e),
        ) => {
            activity(&mut fields, c, e, run_timeout);
        }
        (Of::StartTimerCommandAttributes(c), Event::TimerStartedEventAttributes(e)) => {
            fields.equal("timer_id", &e.timer_id, &c.timer_id);
            fields.duration(
                "start_to_fire_timeout",
                e.start_to_fire_timeout,
                c.start_to_fire_timeout,
            );
        }
        (Of::CancelTimerCommandAttributes(c), Event::TimerCanceledEventAttributes(e)) => {
            fields.equal("timer_id", &e.timer_id, &c.timer_id);
        }
        (
            Of::RequestCancelActivityTaskCommandAttributes(c),
            Event::ActivityTaskCancelRequestedEventAttributes(e),
        ) => fields.equal(
            "scheduled_event_id",
            &e.scheduled_event_id,
            &c.scheduled_event_id,
        ),
        (
            Of::CompleteWorkflowExecutionCommandAttributes(c),
            Event::WorkflowExecutionCompletedEventAttributes(e),
        ) => fields.payloads("result", e.result.as_ref(), c.result.as_ref()),
        (
            Of::FailWorkflowExecutionCommandAttributes(c),
            Event::WorkflowExecutionFailedEventAttributes(e),
        ) => {
            fields.check(
                "failure",
                same_failure(e.failure.as_ref(), c.failure.as_ref()),
                &e.failure,
                &c.failure,
            );
        }
        (
            Of::CancelWorkflowExecutionCommandAttributes(c),
            Event::WorkflowExecutionCanceledEventAttributes(e),
        ) => {
            fields.payloads("details", e.details.as_ref(), c.details.as_ref());
        }
        (
            Of::ModifyWorkflowPropertiesCommandAttributes(c),
            Event::WorkflowPropertiesModifiedEventAttributes(e),
        ) => fields.memo(e.upserted_memo.as_ref(), c.upserted_memo.as_ref()),
        (
            Of::UpsertWorkflowSearchAttributesCommandAttributes(c),
            Event::UpsertWorkflowSearchAttributesEventAttributes(e),
        ) => search_attributes(
            &mut fields,
            e.search_attributes.as_ref(),
            c.search_attributes.as_ref(),
        ),
        (
            Of::RequestCancelNexusOperationCommandAttributes(c),
            Event::NexusOperationCancelRequestedEventAttributes(e),
        ) => fields.equal(
            "scheduled_event_id",
            &e.scheduled_event_id,
            &c.scheduled_event_id,
        ),
        (
            Of::ScheduleNexusOperationCommandAttributes(c),
            Event::NexusOperationScheduledEventAttributes(e),
        ) => nexus_operation(&mut fields, c, e, run_timeout),
        _ => workflows(&mut fields, of, recorded),
    }
    fields.first().map(|what| Difference {
        event_id: event.event_id,
        event: event.to_string(),
        command: describe(command),
        what,
    })
}

fn activity(
    fields: &mut Fields,
    c: &ScheduleActivityTaskCommandAttributes,
    e: &ActivityTaskScheduledEventAttributes,
    run_timeout: Option<Duration>,
) {
    fields.equal("activity_id", &e.activity_id, &c.activity_id);
    fields.equal("activity_type", &e.activity_type, &c.activity_type);
    fields.queue("task_queue", e.task_queue.as_ref(), c.task_queue.as_ref());
    fields.payloads("input", e.input.as_ref(), c.input.as_ref());
    // The service caps each timeout by the longer ones.
    let total = timeout(e.schedule_to_close_timeout);
    let caps = [run_timeout, total, timeout(e.start_to_close_timeout)];
    let mut check = |name, recorded, given| fields.capped(name, recorded, given, &caps);
    check(
        "schedule_to_close_timeout",
        e.schedule_to_close_timeout,
        c.schedule_to_close_timeout,
    );
    check(
        "schedule_to_start_timeout",
        e.schedule_to_start_timeout,
        c.schedule_to_start_timeout,
    );
    check(
        "start_to_close_timeout",
        e.start_to_close_timeout,
        c.start_to_close_timeout,
    );
    check(
        "heartbeat_timeout",
        e.heartbeat_timeout,
        c.heartbeat_timeout,
    );
    fields.retry_policy(
        "retry_policy",
        e.retry_policy.as_ref(),
        c.retry_policy.as_ref(),
    );
    if c.priority.is_some() {
        fields.equal("priority", &e.priority, &c.priority);
    }
}

/// Compares commands that are about other workflows or the next run.
fn workflows(fields: &mut Fields, of: &Of, recorded: &Event) {
    match (of, recorded) {
        (
            Of::StartChildWorkflowExecutionCommandAttributes(c),
            Event::StartChildWorkflowExecutionInitiatedEventAttributes(e),
        ) => {
            fields.equal("workflow_id", &e.workflow_id, &c.workflow_id);
            fields.equal("workflow_type", &e.workflow_type, &c.workflow_type);
            fields.queue("task_queue", e.task_queue.as_ref(), c.task_queue.as_ref());
            fields.payloads("input", e.input.as_ref(), c.input.as_ref());
            fields.equal("cron_schedule", &e.cron_schedule, &c.cron_schedule);
            fields.retry_policy(
                "retry_policy",
                e.retry_policy.as_ref(),
                c.retry_policy.as_ref(),
            );
            let run = timeout(e.workflow_run_timeout);
            let caps = [timeout(e.workflow_execution_timeout), run];
            let mut check = |name, recorded, given| fields.capped(name, recorded, given, &caps);
            check(
                "workflow_execution_timeout",
                e.workflow_execution_timeout,
                c.workflow_execution_timeout,
            );
            check(
                "workflow_run_timeout",
                e.workflow_run_timeout,
                c.workflow_run_timeout,
            );
            if given(c.parent_close_policy) {
                fields.equal(
                    "parent_close_policy",
                    &e.parent_close_policy,
                    &c.parent_close_policy,
                );
            }
            if given(c.workflow_id_reuse_policy) {
                let (recorded, of) = (&e.workflow_id_reuse_policy, &c.workflow_id_reuse_policy);
                fields.equal("workflow_id_reuse_policy", recorded, of);
            }
        }
        (
            Of::SignalExternalWorkflowExecutionCommandAttributes(c),
            Event::SignalExternalWorkflowExecutionInitiatedEventAttributes(e),
        ) => {
            fields.equal("workflow_execution", &e.workflow_execution, &c.execution);
            fields.equal("signal_name", &e.signal_name, &c.signal_name);
            fields.equal(
                "child_workflow_only",
                &e.child_workflow_only,
                &c.child_workflow_only,
            );
            fields.payloads("input", e.input.as_ref(), c.input.as_ref());
        }
        (
            Of::RequestCancelExternalWorkflowExecutionCommandAttributes(c),
            Event::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(e),
        ) => {
            let recorded = e.workflow_execution.clone().unwrap_or_default();
            fields.equal("workflow_id", &recorded.workflow_id, &c.workflow_id);
            fields.equal("run_id", &recorded.run_id, &c.run_id);
            fields.equal(
                "child_workflow_only",
                &e.child_workflow_only,
                &c.child_workflow_only,
            );
            fields.equal("reason", &e.reason, &c.reason);
        }
        (
            Of::ContinueAsNewWorkflowExecutionCommandAttributes(c),
            Event::WorkflowExecutionContinuedAsNewEventAttributes(e),
        ) => {
            fields.equal("workflow_type", &e.workflow_type, &c.workflow_type);
            fields.queue("task_queue", e.task_queue.as_ref(), c.task_queue.as_ref());
            fields.payloads("input", e.input.as_ref(), c.input.as_ref());
            let caps = [];
            fields.capped(
                "workflow_run_timeout",
                e.workflow_run_timeout,
                c.workflow_run_timeout,
                &caps,
            );
            if c.memo.is_some() {
                fields.memo(e.memo.as_ref(), c.memo.as_ref());
            }
        }
        _ => {}
    }
}

fn nexus_operation(
    fields: &mut Fields,
    c: &ScheduleNexusOperationCommandAttributes,
    e: &NexusOperationScheduledEventAttributes,
    run_timeout: Option<Duration>,
) {
    fields.equal("endpoint", &e.endpoint, &c.endpoint);
    fields.equal("service", &e.service, &c.service);
    fields.equal("operation", &e.operation, &c.operation);
    fields.payload("input", e.input.as_ref(), c.input.as_ref());
    // The service writes keys in lower case.
    let recorded: BTreeMap<_, _> = e
        .nexus_header
        .iter()
        .map(|(key, value)| (key.clone(), value))
        .collect();
    let given: BTreeMap<_, _> = c
        .nexus_header
        .iter()
        .map(|(key, value)| (key.to_lowercase(), value))
        .collect();
    fields.equal("nexus_header", &recorded, &given);
    // The service caps each timeout by the longer ones.
    let caps = [run_timeout, timeout(e.schedule_to_close_timeout)];
    let mut check = |name, recorded, given| fields.capped(name, recorded, given, &caps);
    check(
        "schedule_to_close_timeout",
        e.schedule_to_close_timeout,
        c.schedule_to_close_timeout,
    );
    check(
        "schedule_to_start_timeout",
        e.schedule_to_start_timeout,
        c.schedule_to_start_timeout,
    );
    check(
        "start_to_close_timeout",
        e.start_to_close_timeout,
        c.start_to_close_timeout,
    );
}

/// Compares search attributes, except for the list of patches, which changes when code drops one.
fn search_attributes(
    fields: &mut Fields,
    recorded: Option<&SearchAttributes>,
    given: Option<&SearchAttributes>,
) {
    let without_versions = |attributes: Option<&SearchAttributes>| {
        let mut attributes = attributes.cloned().unwrap_or_default();
        attributes.indexed_fields.remove(VERSION_SEARCH_ATTR_KEY);
        attributes
    };
    fields.equal(
        "search_attributes",
        &without_versions(recorded),
        &without_versions(given),
    );
}
