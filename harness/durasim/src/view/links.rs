//! Causes of events, as histories tell them.

use durasim_view::{Fate, Kind, Thing};
use serde_json::Value;

use super::builder::Builder;
use crate::history::History;

/// The attributes that hold the id of an earlier event of the same run.
const REFERENCES: [&str; 6] = [
    "startedEventId",
    "scheduledEventId",
    "initiatedEventId",
    "workflowTaskCompletedEventId",
    "acceptedEventId",
    "latestCancelRequestedEventId",
];

/// An event of another run that an event follows from.
enum Elsewhere {
    /// This event of the run.
    Event(usize, i64),
    /// Its first event.
    First(usize),
    /// Its last event.
    Last(usize),
}

impl Builder {
    /// Links each event with those that it follows from.
    pub(super) fn link_events(&mut self, histories: &[History]) {
        let all: Vec<_> = self
            .events
            .iter()
            .map(|(key, thing)| (*key, *thing))
            .collect();
        for ((run, event_id), thing) in all {
            let cause = self.cause_within(run, event_id, thing);
            self.world.things[thing].causes.extend(cause);
            let Some(elsewhere) = self.cause_elsewhere(histories, thing) else {
                continue;
            };
            let cause = match elsewhere {
                Elsewhere::Event(run, event_id) => self.events.get(&(run, event_id)).copied(),
                Elsewhere::First(run) => self.events.get(&(run, 1)).copied(),
                Elsewhere::Last(run) => {
                    let mut events = self.events.range((run, 0)..(run + 1, 0));
                    events.next_back().map(|(_, thing)| *thing)
                }
            };
            if let Some(cause) = cause {
                self.world.things[thing].causes.push(cause);
                self.delivery(cause, thing);
            }
        }
    }

    /// Returns the event of the same run that an event follows from.
    fn cause_within(&self, run: usize, event_id: i64, thing: usize) -> Option<usize> {
        let seen = &self.world.things[thing];
        let body = seen.body.as_ref();
        let named = REFERENCES
            .iter()
            .filter_map(|key| number(body?.get(key)?))
            .filter(|id| (1..event_id).contains(id))
            .max();
        // A workflow task is scheduled for the event before it.
        let before = || (seen.title == "WorkflowTaskScheduled").then(|| event_id - 1);
        let named = named.or_else(before)?;
        self.events.get(&(run, named)).copied()
    }

    /// Returns the event of another run that an event follows from.
    fn cause_elsewhere(&self, histories: &[History], thing: usize) -> Option<Elsewhere> {
        let thing = &self.world.things[thing];
        let body = thing.body.as_ref()?;
        let run_of = |key: &str| {
            let run_id = body.get(key)?.get("runId")?.as_str()?;
            histories.iter().position(|it| it.run_id() == run_id)
        };
        match thing.title.as_str() {
            "WorkflowExecutionStarted" => {
                let parent = run_of("parentWorkflowExecution");
                if let Some(parent) = parent {
                    let id = number(body.get("parentInitiatedEventId")?)?;
                    return Some(Elsewhere::Event(parent, id));
                }
                let before = body.get("continuedExecutionRunId")?.as_str()?;
                let before = histories.iter().position(|it| it.run_id() == before)?;
                Some(Elsewhere::Last(before))
            }
            "ChildWorkflowExecutionStarted" => run_of("workflowExecution").map(Elsewhere::First),
            title if title.starts_with("ChildWorkflowExecution") => {
                run_of("workflowExecution").map(Elsewhere::Last)
            }
            "WorkflowExecutionSignaled" => {
                let sender = run_of("externalWorkflowExecution")?;
                let name = body.get("signalName")?;
                let before = self.events.range((sender, 0)..(sender + 1, 0)).rev();
                let mut sent = before.filter(|(_, sent)| {
                    let sent = &self.world.things[**sent];
                    let sent_name = sent.body.as_ref().and_then(|body| body.get("signalName"));
                    sent.title == "SignalExternalWorkflowExecutionInitiated"
                        && sent_name == Some(name)
                        && sent.moment.order <= thing.moment.order
                });
                let ((_, event_id), _) = sent.next()?;
                Some(Elsewhere::Event(sender, *event_id))
            }
            "WorkflowExecutionCancelRequested" => {
                let sender = run_of("externalWorkflowExecution")?;
                let id = number(body.get("externalInitiatedEventId")?)?;
                Some(Elsewhere::Event(sender, id))
            }
            _ => None,
        }
    }

    /// Adds the delivery that carried one event's consequence to another run.
    fn delivery(&mut self, from: usize, to: usize) {
        let (sender, receiver) = (&self.world.things[from], &self.world.things[to]);
        let words = match receiver.title.as_str() {
            "WorkflowExecutionStarted" => "start",
            "ChildWorkflowExecutionStarted" => "started",
            "WorkflowExecutionSignaled" => "signal",
            "WorkflowExecutionCancelRequested" => "cancel request",
            _ => "end of child",
        };
        let mut message = Thing::new(Kind::Message, sender.lane, sender.moment, words);
        message.to = Some(receiver.lane);
        message.until = Some(receiver.moment);
        message.fate = Some(Fate::Delivered);
        message.causes = vec![from];
        let message = self.thing(message);
        self.world.things[to].causes.push(message);
    }
}

/// Returns a number, which JSON of protocol buffers writes as text.
pub(super) fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
