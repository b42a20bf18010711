//! Workflow tasks: scheduled, started, and completed, failed or timed out.

use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::temporal::api::enums::v1::{EventType, WorkflowTaskFailedCause};

use super::{Response, Responses, Result, fatal, invalid_event, nondeterminism};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Created,
    Scheduled,
    Started {
        event_id: i64,
        time: prost_types::Timestamp,
    },
    Completed,
    Failed,
    TimedOut,
}

/// A workflow task as history records it.
#[derive(Debug)]
pub(crate) struct WorkflowTask {
    state: State,
    /// The last started event among the events that are applied. Tasks that started earlier have no
    /// effect.
    last_started_event_id: i64,
}

impl WorkflowTask {
    pub(crate) fn new(last_started_event_id: i64) -> Self {
        Self {
            state: State::Created,
            last_started_event_id,
        }
    }

    pub(crate) fn on_event(&mut self, event: &HistoryEvent) -> Result<Responses> {
        match (event.event_type(), self.state) {
            (EventType::WorkflowTaskScheduled, State::Created) => {
                self.state = State::Scheduled;
                Ok(Vec::new())
            }
            (EventType::WorkflowTaskStarted, State::Scheduled) => {
                let time = event.event_time.ok_or_else(|| {
                    fatal!("Workflow task started event must contain timestamp: {event}")
                })?;
                self.state = State::Started {
                    event_id: event.event_id,
                    time,
                };
                if event.event_id < self.last_started_event_id {
                    return Ok(Vec::new());
                }
                Ok(vec![Response::TaskStarted {
                    event_id: self.last_started_event_id,
                    time,
                }])
            }
            (EventType::WorkflowTaskCompleted, State::Started { event_id, time }) => {
                self.state = State::Completed;
                Ok(vec![Response::TaskStarted { event_id, time }])
            }
            (EventType::WorkflowTaskFailed, State::Started { .. }) => self.on_failed(event),
            (EventType::WorkflowTaskTimedOut, State::Scheduled | State::Started { .. }) => {
                self.state = State::TimedOut;
                Ok(Vec::new())
            }
            (
                EventType::WorkflowTaskScheduled
                | EventType::WorkflowTaskStarted
                | EventType::WorkflowTaskCompleted
                | EventType::WorkflowTaskFailed
                | EventType::WorkflowTaskTimedOut,
                _,
            ) => Err(invalid_event("WorkflowTaskMachine", &self.state, event)),
            _ => Err(nondeterminism!(
                "Event does not apply to a wf task machine: {event}"
            )),
        }
    }

    fn on_failed(&mut self, event: &HistoryEvent) -> Result<Responses> {
        let Some(Attributes::WorkflowTaskFailedEventAttributes(failed)) = &event.attributes else {
            return Err(fatal!(
                "Workflow task failed is missing attributes: {event}"
            ));
        };
        self.state = State::Failed;
        if failed.cause() == WorkflowTaskFailedCause::ResetWorkflow {
            return Ok(vec![Response::RandomSeed {
                run_id: failed.new_run_id.clone(),
            }]);
        }
        Ok(Vec::new())
    }

    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self.state,
            State::Completed | State::Failed | State::TimedOut
        )
    }
}
