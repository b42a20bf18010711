//! An activity that timed out because nobody could take it, found behind the failure of a test.
//!
//! A worker that has no activity at all polls for none, as the SDK's does: what its workflows
//! schedule waits for another worker, which may well come. The timeout is Temporal's and may be
//! what the test is about. If the test fails of it, what is missing is told instead.

use super::state::State;
use crate::report::{FailureReport, WorkflowName};
use temporalio_protos::temporal::api::{
    enums::v1::TimeoutType,
    failure::v1::failure::FailureInfo,
    history::v1::{
        ActivityTaskScheduledEventAttributes, ActivityTaskTimedOutEventAttributes,
        history_event::Attributes,
    },
};

/// How the service words the timeouts of what nobody took.
const TIMEOUTS: [&str; 2] = [
    "activity ScheduleToStart timeout",
    "activity ScheduleToClose timeout",
];

/// The same failure told as what nobody has registered, if that is what the test failed of.
pub(crate) fn explain(state: &State, failure: &FailureReport) -> Option<FailureReport> {
    let words = failure
        .message
        .as_ref()
        .filter(|words| TIMEOUTS.iter().any(|it| words.contains(it)))?;
    let (workflow, scheduled) = unpolled(state)?;
    let activity_type = &scheduled.activity_type.as_ref()?.name;
    let task_queue = &scheduled.task_queue.as_ref()?.name;
    let registered = state.registered(task_queue, |process| process.activities.names());
    if registered
        .iter()
        .any(|it| it.task_queue == *task_queue && it.has(activity_type))
    {
        return None;
    }
    let told = FailureReport::unregistered_activity(
        activity_type,
        task_queue,
        Some(workflow),
        &registered,
    );
    let message = told
        .message
        .as_ref()
        .map(|message| format!("{message}\nhence: {words}"));
    Some(FailureReport {
        message,
        location: failure.location.clone(),
        ..told
    })
}

/// The activity that timed out last without any attempt, of the latest run that has one.
fn unpolled(state: &State) -> Option<(WorkflowName, ActivityTaskScheduledEventAttributes)> {
    state
        .service
        .executions()
        .into_iter()
        .rev()
        .find_map(|execution| {
            let events = state
                .service
                .history(&execution.workflow_id, Some(&execution.run_id))?;
            let scheduled = events
                .iter()
                .rev()
                .find_map(|event| match &event.attributes {
                    Some(Attributes::ActivityTaskTimedOutEventAttributes(timed_out))
                        if is_untaken(timed_out) =>
                    {
                        Some(timed_out.scheduled_event_id)
                    }
                    _ => None,
                })?;
            match &events
                .iter()
                .find(|event| event.event_id == scheduled)?
                .attributes
            {
                Some(Attributes::ActivityTaskScheduledEventAttributes(scheduled)) => {
                    let name = WorkflowName::new(&execution.workflow_type, &execution.workflow_id);
                    Some((name, scheduled.clone()))
                }
                _ => None,
            }
        })
}

fn is_untaken(timed_out: &ActivityTaskTimedOutEventAttributes) -> bool {
    let Some(failure) = &timed_out.failure else {
        return false;
    };
    let info = failure.failure_info.as_ref();
    timed_out.started_event_id == 0
        && failure.cause.is_none()
        && matches!(info, Some(FailureInfo::TimeoutFailureInfo(info))
            if matches!(info.timeout_type(), TimeoutType::ScheduleToStart | TimeoutType::ScheduleToClose))
}
