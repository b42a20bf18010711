//! Things of a run that last: activities, timers, children, updates, Nexus operations.

use std::collections::BTreeMap;

use durasim_view::{Kind, Lane, LaneKind, Mark, Moment, Thing};

use super::{builder::Builder, links::number};
use crate::history::History;

/// The kinds of things that last: how the names of their events begin, the event that begins one,
/// and the attribute with which the last event names it.
const SPANS: [(Kind, &str, &str, &str); 5] = [
    (
        Kind::Activity,
        "ActivityTask",
        "ActivityTaskScheduled",
        "scheduledEventId",
    ),
    (Kind::Timer, "Timer", "TimerStarted", "startedEventId"),
    (
        Kind::Child,
        "ChildWorkflowExecution",
        "StartChildWorkflowExecutionInitiated",
        "initiatedEventId",
    ),
    (
        Kind::Update,
        "WorkflowExecutionUpdate",
        "WorkflowExecutionUpdateAccepted",
        "acceptedEventId",
    ),
    (
        Kind::Operation,
        "NexusOperation",
        "NexusOperationScheduled",
        "scheduledEventId",
    ),
];

/// The ends of names of events that end a thing.
const ENDS: [&str; 8] = [
    "Completed",
    "Failed",
    "TimedOut",
    "Canceled",
    "Terminated",
    "Fired",
    "Cancelled",
    "StartChildWorkflowExecutionFailed",
];

impl Builder {
    /// Adds the things of each run that last.
    pub(super) fn spans(&mut self, histories: &[History]) {
        for run in 0..histories.len() {
            let events: Vec<_> = self
                .events
                .range((run, 0)..(run + 1, 0))
                .map(|((_, id), thing)| (*id, *thing))
                .collect();
            let mut open = BTreeMap::new();
            for (event_id, event) in events {
                self.begin_span(event_id, event, &mut open);
                self.end_span(event, &mut open);
            }
        }
    }

    fn begin_span(&mut self, event_id: i64, event: usize, open: &mut BTreeMap<i64, usize>) {
        let seen = &self.world.things[event];
        let begins = SPANS.iter().find(|(_, _, begins, _)| seen.title == *begins);
        let Some((kind, ..)) = begins else { return };
        let words = seen.words.clone();
        let title = match kind {
            Kind::Timer => format!("timer {words}"),
            _ => words.split('(').next().unwrap_or_default().to_owned(),
        };
        let mut span = Thing::new(*kind, seen.lane, seen.moment, title);
        span.words = words;
        span.mark = Some(Mark::Open);
        span.causes = vec![event];
        open.insert(event_id, self.thing(span));
    }

    fn end_span(&mut self, event: usize, open: &mut BTreeMap<i64, usize>) {
        let seen = &self.world.things[event];
        let title = seen.title.as_str();
        let is_start_failed = title == "StartChildWorkflowExecutionFailed";
        let span = SPANS.iter().find(|(_, names, begins, _)| {
            (title.starts_with(names) || is_start_failed && *names == "ChildWorkflowExecution")
                && title != *begins
                && ENDS.iter().any(|end| title.ends_with(end))
        });
        let Some((_, _, _, key)) = span else { return };
        let begun = seen.body.as_ref().and_then(|body| number(body.get(key)?));
        let (mark, moment) = (seen.mark, seen.moment);
        let Some(span) = begun.and_then(|id| open.remove(&id)) else {
            return;
        };
        let span = &mut self.world.things[span];
        span.until = Some(moment);
        span.mark = mark;
    }

    /// Adds a lane for each worker that histories name.
    pub(super) fn workers_of(&mut self, histories: &[History]) {
        for history in histories {
            for event in super::body::bodies(history) {
                let Some(identity) = worker_of(&event) else {
                    continue;
                };
                if !self.workers.contains_key(identity) {
                    let name = format!("worker {identity}");
                    let lane = self.lane(Lane::new(LaneKind::Worker, name));
                    self.workers.insert(identity.to_owned(), lane);
                }
            }
        }
    }

    /// Adds the workflow tasks and the last attempts of activities, as histories tell them.
    pub(super) fn tasks_of_histories(&mut self, histories: &[History]) {
        for run in 0..histories.len() {
            let events: Vec<_> = self
                .events
                .range((run, 0)..(run + 1, 0))
                .map(|((_, id), thing)| (*id, *thing))
                .collect();
            let mut open: BTreeMap<i64, usize> = BTreeMap::new();
            for (event_id, event) in events {
                let seen = &self.world.things[event];
                let body = seen.body.as_ref();
                let ended = body.and_then(|body| number(body.get("startedEventId")?));
                let (title, moment, mark) = (seen.title.clone(), seen.moment, seen.mark);
                if title.ends_with("TaskStarted") {
                    if let Some(task) = self.task_of_history(event, &title) {
                        open.insert(event_id, task);
                    }
                } else if let Some(task) = ended.and_then(|id| open.remove(&id)) {
                    self.end_task(task, moment, mark);
                }
            }
        }
    }

    fn task_of_history(&mut self, event: usize, title: &str) -> Option<usize> {
        let seen = &self.world.things[event];
        let body = seen.body.as_ref()?;
        let lane = *self.workers.get(worker_of(body)?)?;
        let is_activity = title == "ActivityTaskStarted";
        let (kind, title) = if is_activity {
            let scheduled = seen.causes.first().map(|it| &self.world.things[*it].words);
            let name = scheduled.and_then(|words| words.split('(').next());
            let attempt = body.get("attempt").and_then(number).unwrap_or(1);
            let title = format!("{}, attempt {attempt}", name.unwrap_or("?"));
            (Kind::Attempt, title)
        } else {
            (Kind::WorkflowTask, "workflow task".to_owned())
        };
        let mut task = Thing::new(kind, lane, seen.moment, title);
        task.run = Some(seen.lane);
        task.mark = Some(Mark::Open);
        task.causes = std::iter::once(event)
            .chain(seen.causes.first().copied().filter(|_| is_activity))
            .collect();
        Some(self.thing(task))
    }

    fn end_task(&mut self, task: usize, moment: Moment, mark: Option<Mark>) {
        let task = &mut self.world.things[task];
        task.until = Some(moment);
        task.mark = mark;
    }
}

/// Returns the worker that an event names: the worker that began a task.
fn worker_of(body: &serde_json::Value) -> Option<&str> {
    // Only the starts of tasks have a request id beside an identity and a scheduled event.
    body.get("scheduledEventId")?;
    body.get("requestId")?;
    body.get("identity")?.as_str()
}
