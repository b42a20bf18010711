//! The Nexus operations of a run that have not closed.
//!
//! An operation is scheduled by a command. Its handler is asked to start it until there is an
//! answer: the result, or the message that it has started and that its end will be reported. A
//! cancellation is another request to the handler, sent once the operation has started. History
//! shows the outcome of requests, not the requests themselves.
//!
//! Source: `temporalio/temporal: components/nexusoperations/{statemachine,executors,events}.go`.

pub(crate) mod failures;
mod lifecycle;
pub(crate) mod requests;
pub(crate) mod system;
#[cfg(test)]
mod tests;

use crate::{
    api::{
        Attributes,
        common::{Link, Payload},
        enums::TimeoutType,
        failure::Failure,
        history::NexusOperationScheduledEventAttributes,
    },
    base::{
        identifiers::{OperationKey, RunKey},
        time::limit_ms,
    },
    run::undo::UndoMap,
};

/// The kinds of requests to a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NexusCall {
    Start,
    Cancel,
}

/// The operation of a request: one of a workflow, or a standalone one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NexusCaller {
    Run {
        run: RunKey,
        scheduled_event_id: i64,
    },
    Execution(OperationKey),
}

/// The state of the requests of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// A cancellation waits for the operation to start.
    #[default]
    Unscheduled,
    /// A request is under way. It has no deadline until it leaves, right after its transaction.
    Scheduled {
        deadline_ms: Option<u64>,
    },
    BackingOff {
        until_ms: u64,
    },
    Succeeded,
    Failed,
}

/// The requests of one kind: one at a time, repeated after a backoff until one is answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    /// The number of requests that were answered or given up.
    pub(crate) attempt: i32,
    pub(crate) phase: Phase,
    pub(crate) last_complete_ms: Option<u64>,
    pub(crate) last_failure: Option<Failure>,
}

impl Requests {
    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self.phase, Phase::Scheduled { .. })
    }

    /// Returns the time at which the request under way is given up, or the next one is sent.
    pub(crate) fn due_ms(&self) -> Option<u64> {
        match self.phase {
            Phase::Scheduled { deadline_ms } => deadline_ms,
            Phase::BackingOff { until_ms } => Some(until_ms),
            Phase::Unscheduled | Phase::Succeeded | Phase::Failed => None,
        }
    }

    /// Returns the time at which the next request is sent after a backoff.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        match self.phase {
            Phase::BackingOff { until_ms } => Some(until_ms),
            _ => None,
        }
    }

    pub(crate) fn record(&mut self, now_ms: u64, failure: Option<Failure>, phase: Phase) {
        self.attempt += 1;
        self.last_complete_ms = Some(now_ms);
        self.last_failure = failure;
        self.phase = phase;
    }
}

/// An operation that its handler has started and not completed.
#[derive(Clone, Debug)]
pub(crate) struct StartedOperation {
    pub(crate) at_ms: u64,
    /// The handler's token for the operation.
    pub(crate) token: String,
    /// The end of start-to-close, if it has a timer.
    pub(crate) expires_at_ms: Option<u64>,
}

/// A request to cancel an operation.
#[derive(Clone, Debug)]
pub(crate) struct Cancellation {
    pub(crate) requested_event_id: i64,
    /// The time at which it could first be sent.
    pub(crate) requested_ms: Option<u64>,
    pub(crate) requests: Requests,
}

/// An operation that has not closed.
#[derive(Clone, Debug)]
pub(crate) struct PendingNexusOperation {
    pub(crate) scheduled_event_id: i64,
    pub(crate) scheduled_ms: u64,
    pub(crate) schedule_to_close_ms: Option<u64>,
    pub(crate) schedule_to_start_ms: Option<u64>,
    pub(crate) start_to_close_ms: Option<u64>,
    pub(crate) starting: Requests,
    pub(crate) started: Option<StartedOperation>,
    pub(crate) cancellation: Option<Cancellation>,
}

/// The outcome with which an operation closes. A failure is the cause in the failure of the
/// operation.
pub(crate) enum NexusClosing {
    Completed {
        result: Option<Payload>,
        links: Vec<Link>,
    },
    Failed(Failure),
    Canceled(Failure),
    TimedOut(TimeoutType),
}

/// The things that fall due in an operation, in the order in which they happen at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    ScheduleToClose,
    ScheduleToStart,
    StartToClose,
    Request(NexusCall),
}

impl PendingNexusOperation {
    pub(crate) fn new(
        scheduled_ms: u64,
        scheduled_event_id: i64,
        scheduled: &NexusOperationScheduledEventAttributes,
    ) -> Self {
        let phase = Phase::Scheduled { deadline_ms: None };
        Self {
            scheduled_event_id,
            scheduled_ms,
            schedule_to_close_ms: limit_ms(scheduled.schedule_to_close_timeout.as_ref()),
            schedule_to_start_ms: limit_ms(scheduled.schedule_to_start_timeout.as_ref()),
            start_to_close_ms: limit_ms(scheduled.start_to_close_timeout.as_ref()),
            starting: Requests {
                phase,
                ..Requests::default()
            },
            started: None,
            cancellation: None,
        }
    }

    pub(crate) fn token(&self) -> &str {
        self.started.as_ref().map_or("", |started| &started.token)
    }

    /// Returns `true` if the handler has a request, to start or to cancel the operation.
    pub(crate) fn has_request_under_way(&self) -> bool {
        let cancellation = self.cancellation.as_ref();
        let cancel = cancellation.is_some_and(|it| it.requests.is_under_way());
        self.starting.is_under_way() || cancel
    }

    /// Returns the requests of a kind, if there are any to send.
    pub(crate) fn requests(&self, call: NexusCall) -> Option<&Requests> {
        match call {
            NexusCall::Start => Some(&self.starting).filter(|_| self.started.is_none()),
            NexusCall::Cancel => self
                .cancellation
                .as_ref()
                .map(|cancellation| &cancellation.requests),
        }
    }

    pub(crate) fn requests_mut(&mut self, call: NexusCall) -> Option<&mut Requests> {
        match call {
            NexusCall::Start => Some(&mut self.starting).filter(|_| self.started.is_none()),
            NexusCall::Cancel => self
                .cancellation
                .as_mut()
                .map(|cancellation| &mut cancellation.requests),
        }
    }

    /// Returns the time at which this timeout ends the operation, if it does.
    fn expires_at_ms(&self, timeout: TimeoutType) -> Option<u64> {
        let from_schedule =
            |timeout_ms: Option<u64>| Some(self.scheduled_ms.saturating_add(timeout_ms?));
        match timeout {
            TimeoutType::ScheduleToClose => from_schedule(self.schedule_to_close_ms),
            TimeoutType::ScheduleToStart => from_schedule(self.schedule_to_start_ms),
            TimeoutType::StartToClose => self
                .started
                .as_ref()
                .and_then(|started| started.expires_at_ms),
            _ => None,
        }
    }

    /// Returns the time at which the first timeout ends the operation, if one does.
    pub(crate) fn next_timeout_ms(&self) -> Option<u64> {
        self.timeouts()
            .into_iter()
            .flatten()
            .map(|(at_ms, _)| at_ms)
            .min()
    }

    fn timeouts(&self) -> [Option<(u64, Due)>; 3] {
        let of_timeout = |timeout, due| Some((self.expires_at_ms(timeout)?, due));
        let to_start = of_timeout(TimeoutType::ScheduleToStart, Due::ScheduleToStart);
        [
            of_timeout(TimeoutType::ScheduleToClose, Due::ScheduleToClose),
            to_start.filter(|_| self.started.is_none()),
            of_timeout(TimeoutType::StartToClose, Due::StartToClose),
        ]
    }

    pub(crate) fn next_due(&self) -> Option<(u64, Due)> {
        let of_request = |call| Some((self.requests(call)?.due_ms()?, Due::Request(call)));
        let requests = [of_request(NexusCall::Start), of_request(NexusCall::Cancel)];
        self.timeouts().into_iter().chain(requests).flatten().min()
    }
}

/// The pending operations of a run, by the event that scheduled each. The limit on their number is
/// low.
#[derive(Debug, Default)]
pub(crate) struct NexusOperations {
    by_event: UndoMap<i64, PendingNexusOperation>,
}

impl NexusOperations {
    pub(crate) fn len(&self) -> usize {
        self.by_event.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &PendingNexusOperation> {
        self.by_event.values()
    }

    pub(crate) fn get(&self, scheduled_event_id: i64) -> Option<&PendingNexusOperation> {
        self.by_event.get(&scheduled_event_id)
    }

    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.next_due().map(|(due_ms, ..)| due_ms)
    }

    fn next_due(&self) -> Option<(u64, i64, Due)> {
        let of_one = |operation: &PendingNexusOperation| {
            let (due_ms, due) = operation.next_due()?;
            Some((due_ms, operation.scheduled_event_id, due))
        };
        self.by_event.values().filter_map(of_one).min()
    }

    pub(crate) fn savepoint(&mut self) {
        self.by_event.savepoint();
    }

    pub(crate) fn commit(&mut self) {
        self.by_event.commit();
    }

    pub(crate) fn rollback(&mut self) {
        self.by_event.rollback();
    }
}

/// Returns the operation that an event closes, and its request id.
pub(crate) fn closed_nexus_operation_of(attributes: &Attributes) -> Option<(i64, &str)> {
    match attributes {
        Attributes::NexusOperationCompletedEventAttributes(closed) => {
            Some((closed.scheduled_event_id, &closed.request_id))
        }
        Attributes::NexusOperationFailedEventAttributes(closed) => {
            Some((closed.scheduled_event_id, &closed.request_id))
        }
        Attributes::NexusOperationCanceledEventAttributes(closed) => {
            Some((closed.scheduled_event_id, &closed.request_id))
        }
        Attributes::NexusOperationTimedOutEventAttributes(closed) => {
            Some((closed.scheduled_event_id, &closed.request_id))
        }
        _ => None,
    }
}
