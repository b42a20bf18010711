//! Payloads that workflow code cannot read: where they came from.

use std::sync::Arc;

use durasim_events::{Attributes, HistoryEvent};

use crate::{report::Failure, world::State};

/// The origin of a payload that a workflow task brought.
struct Origin {
    /// The origin in words: `the result of activity Payments::charge`.
    words: String,
    remedy: String,
}

/// Names the payloads that the last workflow task brought, of which workflow code could not read
/// one.
pub(super) fn unreadable(state: &State, events: &[Arc<HistoryEvent>], failure: Failure) -> Failure {
    let is_completed = |event: &Arc<HistoryEvent>| {
        matches!(
            event.attributes,
            Some(Attributes::WorkflowTaskCompletedEventAttributes(_))
        )
    };
    let news = events
        .iter()
        .rposition(is_completed)
        .map_or(0, |last| last + 1);
    let origins: Vec<_> = events[news..]
        .iter()
        .filter_map(|event| origin(state, events, event))
        .collect();
    let words: Vec<_> = origins.iter().map(|origin| origin.words.as_str()).collect();
    let remedies: Vec<_> = origins
        .iter()
        .map(|origin| origin.remedy.as_str())
        .collect();
    if origins.is_empty() {
        return failure.with_remedy(
            "send a payload of the type that the handler takes: that of a signal or an update, \
             most likely, has another type",
        );
    }
    let message = failure.message.clone().unwrap_or_default();
    let message = format!("{}: {message}", words.join(", or "));
    failure
        .with_message(message)
        .with_remedy(remedies.join("; or "))
}

/// Returns the origin of the payload of an event, if the event has one for workflow code.
fn origin(state: &State, events: &[Arc<HistoryEvent>], event: &HistoryEvent) -> Option<Origin> {
    match event.attributes.as_ref()? {
        Attributes::ActivityTaskCompletedEventAttributes(completed) => {
            let mut scheduled = events.iter();
            let scheduled = scheduled.find(|it| it.event_id == completed.scheduled_event_id)?;
            let Some(Attributes::ActivityTaskScheduledEventAttributes(scheduled)) =
                &scheduled.attributes
            else {
                return None;
            };
            let name = &scheduled.activity_type.as_ref()?.name;
            let mut workers = state.workers.iter();
            let (words, remedy) = if workers.any(|worker| worker.activities.is_mocked(name)) {
                (
                    format!("what the mock of {name} returned"),
                    format!(
                        "let the mock of {name} return the type that the activity returns; a mock \
                         that is given the activity's own marker, `.mock_activity({name}, ..)`, \
                         must do so to compile"
                    ),
                )
            } else {
                (
                    format!("the result of activity {name}"),
                    format!(
                        "let the workflow take the type that {name} returns: call the activity by \
                         its marker, `ctx.execute_activity({name}, ..)`"
                    ),
                )
            };
            Some(Origin { words, remedy })
        }
        Attributes::WorkflowExecutionSignaledEventAttributes(signal) => {
            let name = &signal.signal_name;
            Some(Origin {
                words: format!("the input of signal {name}"),
                remedy: format!(
                    "send signal {name} with an input of the type that its handler takes"
                ),
            })
        }
        Attributes::ChildWorkflowExecutionCompletedEventAttributes(child) => {
            let name = &child.workflow_type.as_ref()?.name;
            Some(Origin {
                words: format!("the result of child workflow {name}"),
                remedy: format!("let the workflow take the type that {name}, or its mock, returns"),
            })
        }
        _ => None,
    }
}
