//! Timers: started, then fired or cancelled.

use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::{
    coresdk::{
        workflow_activation::FireTimer,
        workflow_commands::{CancelTimer, StartTimer},
    },
    temporal::api::{
        command::v1::command,
        enums::v1::{CommandType, EventType},
    },
};

use super::{
    Annotations, Response, Responses, Result, invalid_command, invalid_event, nondeterminism, unset,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    StartCommandCreated,
    StartCommandRecorded,
    CancelTimerCommandCreated,
    CancelTimerCommandSent,
    Fired,
    Canceled,
}

/// A timer that workflow code started.
#[derive(Debug)]
pub(crate) struct Timer {
    state: State,
    seq: u32,
    cancelled_before_sent: bool,
    annotations: Annotations,
}

impl Timer {
    /// Returns the machine, and the command that starts the timer.
    pub(crate) fn start(
        attributes: StartTimer,
        annotations: Annotations,
    ) -> (Self, command::Attributes) {
        let machine = Self {
            state: State::StartCommandCreated,
            seq: attributes.seq,
            cancelled_before_sent: false,
            annotations,
        };
        (machine, attributes.into())
    }

    /// Handles the cancellation of the timer by workflow code, which resolves the timer itself: no
    /// job is made.
    pub(crate) fn cancel(&mut self, annotations: Annotations) -> Result<Responses> {
        self.annotations.override_with(annotations);
        match self.state {
            State::StartCommandCreated => {
                self.cancelled_before_sent = true;
                self.state = State::Canceled;
            }
            State::StartCommandRecorded => {
                self.state = State::CancelTimerCommandCreated;
                let attributes = CancelTimer { seq: self.seq }.into();
                return Ok(vec![Response::Command(Box::new(
                    self.annotations.clone().command(attributes),
                ))]);
            }
            State::CancelTimerCommandCreated | State::Canceled | State::Fired => {}
            State::CancelTimerCommandSent => {
                return Err(nondeterminism!("Invalid transition in state machine"));
            }
        }
        Ok(Vec::new())
    }

    pub(crate) fn on_command(&mut self, command: CommandType) -> Result<()> {
        match (command, self.state) {
            (CommandType::StartTimer, State::StartCommandCreated) => Ok(()),
            (CommandType::CancelTimer, State::CancelTimerCommandCreated) => {
                self.state = State::CancelTimerCommandSent;
                Ok(())
            }
            _ => Err(invalid_command(command, &self.state)),
        }
    }

    pub(crate) fn on_event(&mut self, event: &HistoryEvent) -> Result<Responses> {
        match (event.event_type(), self.state) {
            (EventType::TimerStarted, State::StartCommandCreated) => {
                self.state = State::StartCommandRecorded;
                Ok(Vec::new())
            }
            (EventType::TimerCanceled, State::CancelTimerCommandSent) => {
                self.state = State::Canceled;
                Ok(Vec::new())
            }
            (EventType::TimerFired, State::StartCommandRecorded) => self.on_fired(event),
            (EventType::TimerStarted | EventType::TimerCanceled | EventType::TimerFired, _) => {
                Err(invalid_event("TimerMachine", &self.state, event))
            }
            _ => Err(nondeterminism!(
                "Timer machine does not handle this event: {event}"
            )),
        }
    }

    fn on_fired(&mut self, event: &HistoryEvent) -> Result<Responses> {
        let Some(Attributes::TimerFiredEventAttributes(fired)) = &event.attributes else {
            return Err(unset("Timer fired", event));
        };
        if fired.timer_id.parse() != Ok(self.seq) {
            return Err(nondeterminism!(
                "Timer fired event did not have expected timer id {}, it was {}!",
                self.seq,
                fired.timer_id
            ));
        }
        self.state = State::Fired;
        Ok(vec![FireTimer { seq: self.seq }.into()])
    }

    pub(crate) fn is_final(&self) -> bool {
        matches!(self.state, State::Fired | State::Canceled)
    }

    pub(crate) fn cancelled_before_sent(&self) -> bool {
        self.cancelled_before_sent
    }
}
