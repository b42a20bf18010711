//! Patterns of events, by which a test asserts what a history holds.

use std::fmt;

use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::temporal::api::enums::v1::EventType;

use crate::outline::OutlineLine;

/// A pattern of events: a type, and words that the outline's line has behind it.
///
/// The pattern `"ActivityTaskCompleted Payments::charge"` is text as the
/// [outline](crate::History::outline) shows it: the name of the type, then any part of the line
/// behind it. An event that answers another, such as the completion of an activity, matches by the
/// line of the other one too. An [`EventType`] is a pattern of every event of that type.
///
/// ```
#[doc = include_str!("../../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// use temporalio_protos::temporal::api::enums::v1::EventType;
///
/// env.worker("reminders").workflow::<Reminder>().activity(Mailer::remind).start()?;
/// remind_ann(&env).await?;
/// env.history("reminder-1")
///     .assert_contains("ActivityTaskCompleted Mailer::remind")
///     .assert_lacks(EventType::TimerStarted);
/// # Ok(())
/// # }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPattern {
    name: String,
    words: String,
}

/// The name of a type, and perhaps words behind it.
impl From<&str> for EventPattern {
    fn from(text: &str) -> Self {
        let (name, words) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        Self {
            name: name.to_owned(),
            words: words.trim().to_owned(),
        }
    }
}

/// See [`EventPattern::from`] of `&str`.
impl From<String> for EventPattern {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

/// Every event of the type.
impl From<EventType> for EventPattern {
    fn from(event_type: EventType) -> Self {
        Self {
            name: format!("{event_type:?}"),
            words: String::new(),
        }
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, words } = self;
        match words.as_str() {
            "" => f.write_str(name),
            words => write!(f, "{name} {words}"),
        }
    }
}

impl EventPattern {
    /// Checks that there are events of that name.
    ///
    /// # Errors
    ///
    /// A sentence that names the nearest event type, if there are none: the pattern would match
    /// nothing, ever.
    pub(super) fn check(&self) -> Result<(), String> {
        let types = (1..=i32::from(u8::MAX)).filter_map(|number| EventType::try_from(number).ok());
        let names: Vec<_> = types.map(|event_type| format!("{event_type:?}")).collect();
        if names.contains(&self.name) {
            return Ok(());
        }
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let nearest = similar::get_close_matches(self.name.as_str(), &names, 1, 0.5);
        Err(match nearest.first() {
            Some(nearest) => format!(
                "there is no event type {:?}; did you mean {nearest:?}?",
                self.name
            ),
            None => format!(
                "there is no event type {:?}; a pattern begins with the name of one, such as \
                 \"ActivityTaskScheduled\"",
                self.name
            ),
        })
    }

    /// Returns `true` if an event, which is one of `history`, matches.
    pub(super) fn matches(&self, event: &HistoryEvent, history: &Events) -> bool {
        let line = OutlineLine::new(event, 0);
        if line.name != self.name {
            return false;
        }
        let answered = event.attributes.as_ref().and_then(answered);
        let answered = answered.and_then(|id| history.iter().find(|it| it.event_id == id));
        line.attributes.contains(&self.words)
            || answered.is_some_and(|it| OutlineLine::new(it, 0).attributes.contains(&self.words))
    }
}

/// The events of a history.
type Events = [std::sync::Arc<HistoryEvent>];

/// Returns the id of the event that this one answers, if it answers one.
fn answered(attributes: &Attributes) -> Option<i64> {
    use Attributes as A;
    Some(match attributes {
        A::ActivityTaskStartedEventAttributes(it) => it.scheduled_event_id,
        A::ActivityTaskCompletedEventAttributes(it) => it.scheduled_event_id,
        A::ActivityTaskFailedEventAttributes(it) => it.scheduled_event_id,
        A::ActivityTaskTimedOutEventAttributes(it) => it.scheduled_event_id,
        A::ActivityTaskCancelRequestedEventAttributes(it) => it.scheduled_event_id,
        A::ActivityTaskCanceledEventAttributes(it) => it.scheduled_event_id,
        A::TimerFiredEventAttributes(it) => it.started_event_id,
        A::TimerCanceledEventAttributes(it) => it.started_event_id,
        A::StartChildWorkflowExecutionFailedEventAttributes(it) => it.initiated_event_id,
        A::ChildWorkflowExecutionStartedEventAttributes(it) => it.initiated_event_id,
        A::ChildWorkflowExecutionCompletedEventAttributes(it) => it.initiated_event_id,
        A::ChildWorkflowExecutionFailedEventAttributes(it) => it.initiated_event_id,
        A::ChildWorkflowExecutionCanceledEventAttributes(it) => it.initiated_event_id,
        A::ChildWorkflowExecutionTimedOutEventAttributes(it) => it.initiated_event_id,
        A::ChildWorkflowExecutionTerminatedEventAttributes(it) => it.initiated_event_id,
        A::ExternalWorkflowExecutionSignaledEventAttributes(it) => it.initiated_event_id,
        A::SignalExternalWorkflowExecutionFailedEventAttributes(it) => it.initiated_event_id,
        A::ExternalWorkflowExecutionCancelRequestedEventAttributes(it) => it.initiated_event_id,
        A::WorkflowExecutionUpdateCompletedEventAttributes(it) => it.accepted_event_id,
        _ => return None,
    })
}
