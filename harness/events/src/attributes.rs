//! The attributes of an event, by its type.

use temporalio_protos::temporal::api::{
    enums::v1::EventType,
    history::v1::{self as sdk, history_event},
};

/// A number above those of all types of events.
const MOST_TYPES: usize = 64;

/// Returns the type of this number; `Unspecified` if there is none.
///
/// Events are asked for their types all the time: a worker asks several times at each event that it
/// applies. The SDK's conversion is no function that compilers inline.
#[inline]
pub(crate) fn event_type_of(number: i32) -> EventType {
    let known = usize::try_from(number)
        .ok()
        .and_then(|it| EVENT_TYPES.get(it));
    known.copied().unwrap_or_default()
}

/// Defines [`Attributes`] from a list: the tag on the wire, the type of the event, the SDK's
/// attributes and, after `of`, the field of those that names the event to which this one belongs.
macro_rules! attributes {
    ($($tag:tt: $event_type:ident($attributes:ident) $(of $initial:ident)?,)+) => {
        /// The attributes of an event. Each variant is named for the SDK's attributes in it.
        #[derive(Clone, PartialEq, prost::Oneof)]
        pub enum Attributes {
            $(
                #[doc = concat!("The attributes of an event `", stringify!($event_type), "`.")]
                #[prost(message, boxed, tag = $tag)]
                $attributes(Box<sdk::$attributes>),
            )+
        }

        /// The types of events, by number.
        const EVENT_TYPES: [EventType; MOST_TYPES] = {
            let mut types = [EventType::Unspecified; MOST_TYPES];
            $(types[EventType::$event_type as usize] = EventType::$event_type;)+
            types
        };

        impl Attributes {
            /// Returns the type of the events that have these attributes.
            #[inline]
            pub fn event_type(&self) -> EventType {
                match self {
                    $(Self::$attributes(_) => EventType::$event_type,)+
                }
            }

            /// Returns the event to which this one belongs: of an activity's closing, say, its
            /// scheduled event.
            #[inline]
            pub(crate) fn initial_event_id(&self) -> Option<i64> {
                match self {
                    $($(Self::$attributes(attributes) => Some(attributes.$initial),)?)+
                    _ => None,
                }
            }
        }

        $(
            impl From<sdk::$attributes> for Attributes {
                fn from(attributes: sdk::$attributes) -> Self {
                    Self::$attributes(Box::new(attributes))
                }
            }
        )+

        impl From<history_event::Attributes> for Attributes {
            fn from(attributes: history_event::Attributes) -> Self {
                match attributes {
                    $(history_event::Attributes::$attributes(attributes) => attributes.into(),)+
                }
            }
        }

        impl From<&Attributes> for history_event::Attributes {
            fn from(attributes: &Attributes) -> Self {
                match attributes {
                    $(Attributes::$attributes(attributes) => {
                        Self::$attributes(sdk::$attributes::clone(attributes))
                    })+
                }
            }
        }
    };
}

// Source of the fields: `sdk-rust: crates/protos/src/protos/mod.rs`
// (`get_initial_command_event_id`).
attributes! {
    6: WorkflowExecutionStarted(WorkflowExecutionStartedEventAttributes),
    7: WorkflowExecutionCompleted(WorkflowExecutionCompletedEventAttributes),
    8: WorkflowExecutionFailed(WorkflowExecutionFailedEventAttributes),
    9: WorkflowExecutionTimedOut(WorkflowExecutionTimedOutEventAttributes),
    10: WorkflowTaskScheduled(WorkflowTaskScheduledEventAttributes),
    11: WorkflowTaskStarted(WorkflowTaskStartedEventAttributes) of scheduled_event_id,
    12: WorkflowTaskCompleted(WorkflowTaskCompletedEventAttributes) of scheduled_event_id,
    13: WorkflowTaskTimedOut(WorkflowTaskTimedOutEventAttributes) of scheduled_event_id,
    14: WorkflowTaskFailed(WorkflowTaskFailedEventAttributes) of scheduled_event_id,
    15: ActivityTaskScheduled(ActivityTaskScheduledEventAttributes),
    16: ActivityTaskStarted(ActivityTaskStartedEventAttributes) of scheduled_event_id,
    17: ActivityTaskCompleted(ActivityTaskCompletedEventAttributes) of scheduled_event_id,
    18: ActivityTaskFailed(ActivityTaskFailedEventAttributes) of scheduled_event_id,
    19: ActivityTaskTimedOut(ActivityTaskTimedOutEventAttributes) of scheduled_event_id,
    20: TimerStarted(TimerStartedEventAttributes),
    21: TimerFired(TimerFiredEventAttributes) of started_event_id,
    22: ActivityTaskCancelRequested(
        ActivityTaskCancelRequestedEventAttributes
    ) of scheduled_event_id,
    23: ActivityTaskCanceled(ActivityTaskCanceledEventAttributes) of scheduled_event_id,
    24: TimerCanceled(TimerCanceledEventAttributes) of started_event_id,
    25: MarkerRecorded(MarkerRecordedEventAttributes),
    26: WorkflowExecutionSignaled(WorkflowExecutionSignaledEventAttributes),
    27: WorkflowExecutionTerminated(WorkflowExecutionTerminatedEventAttributes),
    28: WorkflowExecutionCancelRequested(WorkflowExecutionCancelRequestedEventAttributes),
    29: WorkflowExecutionCanceled(WorkflowExecutionCanceledEventAttributes),
    30: RequestCancelExternalWorkflowExecutionInitiated(
        RequestCancelExternalWorkflowExecutionInitiatedEventAttributes
    ),
    31: RequestCancelExternalWorkflowExecutionFailed(
        RequestCancelExternalWorkflowExecutionFailedEventAttributes
    ) of initiated_event_id,
    32: ExternalWorkflowExecutionCancelRequested(
        ExternalWorkflowExecutionCancelRequestedEventAttributes
    ) of initiated_event_id,
    33: WorkflowExecutionContinuedAsNew(WorkflowExecutionContinuedAsNewEventAttributes),
    34: StartChildWorkflowExecutionInitiated(StartChildWorkflowExecutionInitiatedEventAttributes),
    35: StartChildWorkflowExecutionFailed(
        StartChildWorkflowExecutionFailedEventAttributes
    ) of initiated_event_id,
    36: ChildWorkflowExecutionStarted(
        ChildWorkflowExecutionStartedEventAttributes
    ) of initiated_event_id,
    37: ChildWorkflowExecutionCompleted(
        ChildWorkflowExecutionCompletedEventAttributes
    ) of initiated_event_id,
    38: ChildWorkflowExecutionFailed(
        ChildWorkflowExecutionFailedEventAttributes
    ) of initiated_event_id,
    39: ChildWorkflowExecutionCanceled(
        ChildWorkflowExecutionCanceledEventAttributes
    ) of initiated_event_id,
    40: ChildWorkflowExecutionTimedOut(
        ChildWorkflowExecutionTimedOutEventAttributes
    ) of initiated_event_id,
    41: ChildWorkflowExecutionTerminated(
        ChildWorkflowExecutionTerminatedEventAttributes
    ) of initiated_event_id,
    42: SignalExternalWorkflowExecutionInitiated(
        SignalExternalWorkflowExecutionInitiatedEventAttributes
    ),
    43: SignalExternalWorkflowExecutionFailed(
        SignalExternalWorkflowExecutionFailedEventAttributes
    ) of initiated_event_id,
    44: ExternalWorkflowExecutionSignaled(
        ExternalWorkflowExecutionSignaledEventAttributes
    ) of initiated_event_id,
    45: UpsertWorkflowSearchAttributes(UpsertWorkflowSearchAttributesEventAttributes),
    46: WorkflowExecutionUpdateAccepted(WorkflowExecutionUpdateAcceptedEventAttributes),
    47: WorkflowExecutionUpdateRejected(WorkflowExecutionUpdateRejectedEventAttributes),
    48: WorkflowExecutionUpdateCompleted(WorkflowExecutionUpdateCompletedEventAttributes),
    49: WorkflowPropertiesModifiedExternally(WorkflowPropertiesModifiedExternallyEventAttributes),
    50: ActivityPropertiesModifiedExternally(ActivityPropertiesModifiedExternallyEventAttributes),
    51: WorkflowPropertiesModified(WorkflowPropertiesModifiedEventAttributes),
    52: WorkflowExecutionUpdateAdmitted(WorkflowExecutionUpdateAdmittedEventAttributes),
    53: NexusOperationScheduled(NexusOperationScheduledEventAttributes),
    54: NexusOperationStarted(NexusOperationStartedEventAttributes) of scheduled_event_id,
    55: NexusOperationCompleted(NexusOperationCompletedEventAttributes) of scheduled_event_id,
    56: NexusOperationFailed(NexusOperationFailedEventAttributes) of scheduled_event_id,
    57: NexusOperationCanceled(NexusOperationCanceledEventAttributes) of scheduled_event_id,
    58: NexusOperationTimedOut(NexusOperationTimedOutEventAttributes) of scheduled_event_id,
    59: NexusOperationCancelRequested(
        NexusOperationCancelRequestedEventAttributes
    ) of scheduled_event_id,
    60: WorkflowExecutionOptionsUpdated(WorkflowExecutionOptionsUpdatedEventAttributes),
    61: NexusOperationCancelRequestCompleted(
        NexusOperationCancelRequestCompletedEventAttributes
    ) of scheduled_event_id,
    62: NexusOperationCancelRequestFailed(
        NexusOperationCancelRequestFailedEventAttributes
    ) of scheduled_event_id,
    63: WorkflowExecutionPaused(WorkflowExecutionPausedEventAttributes),
    64: WorkflowExecutionUnpaused(WorkflowExecutionUnpausedEventAttributes),
    65: WorkflowExecutionTimeSkippingTransitioned(
        WorkflowExecutionTimeSkippingTransitionedEventAttributes
    ),
}
