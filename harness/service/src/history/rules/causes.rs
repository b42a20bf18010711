//! Causes of events: an event that is named as a cause must exist, be of the right kind, and not be
//! closed already.

use durasim_events::Attributes;
use temporalio_protos::temporal::api::enums::v1::EventType;

use crate::history::rules::violation::Violation;

/// The things that events so far have begun and closed.
#[derive(Default)]
pub(super) struct Causes {
    /// The things that were begun, each in the place of the event that began it. The ids of events
    /// count up from 1.
    begun: Vec<Option<Begun>>,
    pending_task: Option<i64>,
    /// The last completed workflow task, as long as only events of its commands have followed.
    commands_of: Option<i64>,
    /// The completed workflow tasks, in order, for events that name one later.
    completed_tasks: Vec<i64>,
}

struct Begun {
    kind: Kind,
    /// The event that started it.
    started: Option<i64>,
    is_closed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    WorkflowTask,
    Activity,
    Timer,
    Child,
    ExternalSignal,
    ExternalCancel,
    Update,
    Nexus,
    NexusCancel,
}

/// An event, as errors name it.
#[derive(Clone, Copy)]
struct Event {
    id: i64,
    kind: EventType,
}

impl Causes {
    /// Checks the next event.
    pub(super) fn check(
        &mut self,
        event_id: i64,
        event_type: EventType,
        attributes: &Attributes,
    ) -> Result<(), Violation> {
        let event = Event {
            id: event_id,
            kind: event_type,
        };
        if let Some(completed) = completed_task_of(attributes) {
            self.check_command(event, completed)?;
        } else if !is_of_update(attributes) {
            self.commands_of = None;
        }
        self.check_task(event, attributes)?;
        self.check_activity(event, attributes)?;
        self.check_timer(event, attributes)?;
        self.check_child(event, attributes)?;
        self.check_external(event, attributes)?;
        self.check_update(event, attributes)?;
        self.check_nexus(event, attributes)
    }

    fn check_command(&self, event: Event, completed: i64) -> Result<(), Violation> {
        if self.completed_tasks.binary_search(&completed).is_err() {
            return Err(event.cause(completed, "completed workflow task"));
        }
        if self.commands_of != Some(completed) {
            return Err(Violation::Command {
                event_id: event.id,
                event_type: event.kind,
                completed,
            });
        }
        Ok(())
    }

    fn check_task(&mut self, event: Event, attributes: &Attributes) -> Result<(), Violation> {
        match attributes {
            Attributes::WorkflowTaskScheduledEventAttributes(_) => {
                if let Some(scheduled) = self.pending_task.replace(event.id) {
                    return Err(Violation::SecondTask {
                        event_id: event.id,
                        scheduled,
                    });
                }
                self.begin(event.id, Kind::WorkflowTask);
                Ok(())
            }
            Attributes::WorkflowTaskStartedEventAttributes(started) => {
                self.start(event, Kind::WorkflowTask, started.scheduled_event_id)
            }
            Attributes::WorkflowTaskCompletedEventAttributes(completed) => {
                self.pending_task = None;
                self.commands_of = Some(event.id);
                self.completed_tasks.push(event.id);
                self.close(
                    event,
                    Kind::WorkflowTask,
                    completed.scheduled_event_id,
                    completed.started_event_id,
                )
            }
            Attributes::WorkflowTaskFailedEventAttributes(failed) => {
                self.pending_task = None;
                self.close(
                    event,
                    Kind::WorkflowTask,
                    failed.scheduled_event_id,
                    failed.started_event_id,
                )
            }
            Attributes::WorkflowTaskTimedOutEventAttributes(timed_out) => {
                self.pending_task = None;
                self.close(
                    event,
                    Kind::WorkflowTask,
                    timed_out.scheduled_event_id,
                    timed_out.started_event_id,
                )
            }
            _ => Ok(()),
        }
    }

    fn check_activity(&mut self, event: Event, attributes: &Attributes) -> Result<(), Violation> {
        match attributes {
            Attributes::ActivityTaskScheduledEventAttributes(_) => {
                self.begin(event.id, Kind::Activity);
                Ok(())
            }
            Attributes::ActivityTaskStartedEventAttributes(started) => {
                self.start(event, Kind::Activity, started.scheduled_event_id)
            }
            Attributes::ActivityTaskCancelRequestedEventAttributes(requested) => self
                .find(event, Kind::Activity, requested.scheduled_event_id)
                .map(|_| ()),
            Attributes::ActivityTaskCompletedEventAttributes(closed) => self.close(
                event,
                Kind::Activity,
                closed.scheduled_event_id,
                closed.started_event_id,
            ),
            Attributes::ActivityTaskFailedEventAttributes(closed) => self.close(
                event,
                Kind::Activity,
                closed.scheduled_event_id,
                closed.started_event_id,
            ),
            Attributes::ActivityTaskTimedOutEventAttributes(closed) => self.close(
                event,
                Kind::Activity,
                closed.scheduled_event_id,
                closed.started_event_id,
            ),
            Attributes::ActivityTaskCanceledEventAttributes(closed) => self.close(
                event,
                Kind::Activity,
                closed.scheduled_event_id,
                closed.started_event_id,
            ),
            _ => Ok(()),
        }
    }

    fn check_timer(&mut self, event: Event, attributes: &Attributes) -> Result<(), Violation> {
        match attributes {
            Attributes::TimerStartedEventAttributes(_) => {
                self.begin(event.id, Kind::Timer);
                Ok(())
            }
            Attributes::TimerFiredEventAttributes(fired) => {
                self.close(event, Kind::Timer, fired.started_event_id, 0)
            }
            Attributes::TimerCanceledEventAttributes(canceled) => {
                self.close(event, Kind::Timer, canceled.started_event_id, 0)
            }
            _ => Ok(()),
        }
    }

    fn check_child(&mut self, event: Event, attributes: &Attributes) -> Result<(), Violation> {
        match attributes {
            Attributes::StartChildWorkflowExecutionInitiatedEventAttributes(_) => {
                self.begin(event.id, Kind::Child);
                Ok(())
            }
            Attributes::StartChildWorkflowExecutionFailedEventAttributes(failed) => {
                self.close(event, Kind::Child, failed.initiated_event_id, 0)
            }
            Attributes::ChildWorkflowExecutionStartedEventAttributes(started) => {
                self.start(event, Kind::Child, started.initiated_event_id)
            }
            Attributes::ChildWorkflowExecutionCompletedEventAttributes(closed) => self.close(
                event,
                Kind::Child,
                closed.initiated_event_id,
                closed.started_event_id,
            ),
            Attributes::ChildWorkflowExecutionFailedEventAttributes(closed) => self.close(
                event,
                Kind::Child,
                closed.initiated_event_id,
                closed.started_event_id,
            ),
            Attributes::ChildWorkflowExecutionCanceledEventAttributes(closed) => self.close(
                event,
                Kind::Child,
                closed.initiated_event_id,
                closed.started_event_id,
            ),
            Attributes::ChildWorkflowExecutionTimedOutEventAttributes(closed) => self.close(
                event,
                Kind::Child,
                closed.initiated_event_id,
                closed.started_event_id,
            ),
            Attributes::ChildWorkflowExecutionTerminatedEventAttributes(closed) => self.close(
                event,
                Kind::Child,
                closed.initiated_event_id,
                closed.started_event_id,
            ),
            _ => Ok(()),
        }
    }

    fn check_external(&mut self, event: Event, attributes: &Attributes) -> Result<(), Violation> {
        match attributes {
            Attributes::SignalExternalWorkflowExecutionInitiatedEventAttributes(_) => {
                self.begin(event.id, Kind::ExternalSignal);
                Ok(())
            }
            Attributes::ExternalWorkflowExecutionSignaledEventAttributes(answered) => {
                self.close(event, Kind::ExternalSignal, answered.initiated_event_id, 0)
            }
            Attributes::SignalExternalWorkflowExecutionFailedEventAttributes(answered) => {
                self.close(event, Kind::ExternalSignal, answered.initiated_event_id, 0)
            }
            Attributes::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(_) => {
                self.begin(event.id, Kind::ExternalCancel);
                Ok(())
            }
            Attributes::ExternalWorkflowExecutionCancelRequestedEventAttributes(answered) => {
                self.close(event, Kind::ExternalCancel, answered.initiated_event_id, 0)
            }
            Attributes::RequestCancelExternalWorkflowExecutionFailedEventAttributes(answered) => {
                self.close(event, Kind::ExternalCancel, answered.initiated_event_id, 0)
            }
            _ => Ok(()),
        }
    }

    fn check_update(&mut self, event: Event, attributes: &Attributes) -> Result<(), Violation> {
        match attributes {
            Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(_) => {
                self.begin(event.id, Kind::Update);
                Ok(())
            }
            Attributes::WorkflowExecutionUpdateCompletedEventAttributes(completed) => {
                self.close(event, Kind::Update, completed.accepted_event_id, 0)
            }
            _ => Ok(()),
        }
    }

    fn check_nexus(&mut self, event: Event, attributes: &Attributes) -> Result<(), Violation> {
        match attributes {
            Attributes::NexusOperationScheduledEventAttributes(_) => {
                self.begin(event.id, Kind::Nexus);
                Ok(())
            }
            Attributes::NexusOperationStartedEventAttributes(started) => {
                self.start(event, Kind::Nexus, started.scheduled_event_id)
            }
            Attributes::NexusOperationCancelRequestedEventAttributes(requested) => {
                self.find(event, Kind::Nexus, requested.scheduled_event_id)?;
                self.begin(event.id, Kind::NexusCancel);
                Ok(())
            }
            Attributes::NexusOperationCancelRequestCompletedEventAttributes(answered) => self
                .close_nexus_cancel(
                    event,
                    answered.scheduled_event_id,
                    answered.requested_event_id,
                ),
            Attributes::NexusOperationCancelRequestFailedEventAttributes(answered) => self
                .close_nexus_cancel(
                    event,
                    answered.scheduled_event_id,
                    answered.requested_event_id,
                ),
            Attributes::NexusOperationCompletedEventAttributes(closed) => {
                self.close(event, Kind::Nexus, closed.scheduled_event_id, 0)
            }
            Attributes::NexusOperationFailedEventAttributes(closed) => {
                self.close(event, Kind::Nexus, closed.scheduled_event_id, 0)
            }
            Attributes::NexusOperationCanceledEventAttributes(closed) => {
                self.close(event, Kind::Nexus, closed.scheduled_event_id, 0)
            }
            Attributes::NexusOperationTimedOutEventAttributes(closed) => {
                self.close(event, Kind::Nexus, closed.scheduled_event_id, 0)
            }
            _ => Ok(()),
        }
    }

    /// Closes the request to cancel a Nexus operation. The operation must still be open, and its
    /// request not yet answered.
    fn close_nexus_cancel(
        &mut self,
        event: Event,
        operation: i64,
        requested: i64,
    ) -> Result<(), Violation> {
        if self.find(event, Kind::Nexus, operation)?.is_closed {
            return Err(event.closed_twice(operation));
        }
        self.close(event, Kind::NexusCancel, requested, 0)
    }

    fn begin(&mut self, event_id: i64, kind: Kind) {
        let Some(place) = place_of(event_id) else {
            return;
        };
        self.begun.resize_with(place, || None);
        self.begun.push(Some(Begun {
            kind,
            started: None,
            is_closed: false,
        }));
    }

    fn find(&mut self, event: Event, kind: Kind, cause: i64) -> Result<&mut Begun, Violation> {
        let begun = place_of(cause).and_then(|place| self.begun.get_mut(place)?.as_mut());
        match begun {
            Some(begun) if begun.kind == kind => Ok(begun),
            _ => Err(event.cause(cause, "cause")),
        }
    }

    fn start(&mut self, event: Event, kind: Kind, cause: i64) -> Result<(), Violation> {
        let begun = self.find(event, kind, cause)?;
        if begun.is_closed || begun.started.is_some() {
            return Err(event.closed_twice(cause));
        }
        begun.started = Some(event.id);
        Ok(())
    }

    /// Closes what event `cause` began. `started` is 0 if the closing event names no started event.
    fn close(
        &mut self,
        event: Event,
        kind: Kind,
        cause: i64,
        started: i64,
    ) -> Result<(), Violation> {
        let begun = self.find(event, kind, cause)?;
        if begun.is_closed {
            return Err(event.closed_twice(cause));
        }
        if started != 0 && begun.started != Some(started) {
            return Err(event.cause(started, "start"));
        }
        begun.is_closed = true;
        Ok(())
    }
}

/// Returns the place of an event in its history; `None` for an id that no event has.
fn place_of(event_id: i64) -> Option<usize> {
    usize::try_from(event_id).ok()?.checked_sub(1)
}

impl Event {
    fn cause(self, cause: i64, role: &'static str) -> Violation {
        Violation::Cause {
            event_id: self.id,
            event_type: self.kind,
            cause,
            role,
        }
    }

    fn closed_twice(self, cause: i64) -> Violation {
        Violation::ClosedTwice {
            event_id: self.id,
            event_type: self.kind,
            cause,
        }
    }
}

/// Returns the completed workflow task whose command led to this event, if a command did.
fn completed_task_of(attributes: &Attributes) -> Option<i64> {
    macro_rules! completed_task {
        ($($kind:ident),+ $(,)?) => {
            match attributes {
                $(Attributes::$kind(event) => Some(event.workflow_task_completed_event_id),)+
                _ => None,
            }
        };
    }
    completed_task!(
        WorkflowExecutionCompletedEventAttributes,
        WorkflowExecutionFailedEventAttributes,
        WorkflowExecutionCanceledEventAttributes,
        WorkflowExecutionContinuedAsNewEventAttributes,
        ActivityTaskScheduledEventAttributes,
        ActivityTaskCancelRequestedEventAttributes,
        TimerStartedEventAttributes,
        TimerCanceledEventAttributes,
        MarkerRecordedEventAttributes,
        RequestCancelExternalWorkflowExecutionInitiatedEventAttributes,
        SignalExternalWorkflowExecutionInitiatedEventAttributes,
        StartChildWorkflowExecutionInitiatedEventAttributes,
        UpsertWorkflowSearchAttributesEventAttributes,
        WorkflowPropertiesModifiedEventAttributes,
        NexusOperationScheduledEventAttributes,
        NexusOperationCancelRequestedEventAttributes,
    )
}

/// Returns `true` for the events of a worker's messages about updates, which stand among the events
/// of its commands.
fn is_of_update(attributes: &Attributes) -> bool {
    matches!(
        attributes,
        Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(_)
            | Attributes::WorkflowExecutionUpdateCompletedEventAttributes(_)
            | Attributes::WorkflowTaskCompletedEventAttributes(_)
    )
}
