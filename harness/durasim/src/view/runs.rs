//! Runs: their lanes and the events of their histories.

use std::collections::BTreeMap;

use durasim_events::{Attributes, HistoryEvent};
use durasim_service::time::instant_ms;
use durasim_view::{Kind, Lane, LaneKind, Mark, Moment, Run, Thing};
use serde_json::Value;
use temporalio_protos::temporal::api::enums::v1::EventType;

use super::{body, builder::Builder};
use crate::{
    history::History,
    outcome::Recorded,
    outline::OutlineLine,
    recording::{Cause, Instant},
};

/// Returns the time of an event, in milliseconds since the Unix epoch.
fn event_ms(event: &HistoryEvent) -> u64 {
    event.event_time.as_ref().map_or(0, instant_ms)
}

/// Returns the time at which the first of these histories began.
pub(super) fn start_ms(histories: &[History]) -> u64 {
    let firsts = histories.iter().filter_map(|it| it.shared().first());
    firsts.map(|event| event_ms(event)).min().unwrap_or(0)
}

/// Returns the moments of the events of histories that were not recorded: by their times, and then
/// by their ids.
fn moments(histories: &[History]) -> BTreeMap<(usize, usize), Instant> {
    let mut all: Vec<_> = histories
        .iter()
        .enumerate()
        .flat_map(|(run, history)| {
            let events = history.shared().iter().enumerate();
            events.map(move |(index, event)| (event_ms(event), run, index))
        })
        .collect();
    all.sort_unstable();
    let orders = (1..).zip(all);
    let moments = orders.map(|(order, (at_ms, run, index))| {
        let instant = Instant { at_ms, order };
        ((run, index), instant)
    });
    moments.collect()
}

impl Builder {
    /// Adds the lanes and the events of runs.
    pub(super) fn runs(&mut self, histories: &[History], recorded: Option<&Recorded>) {
        let by_time = match recorded {
            Some(_) => BTreeMap::new(),
            None => moments(histories),
        };
        let moment_of = |run: usize, index: usize| -> (Instant, Option<Cause>) {
            let written = recorded.and_then(|it| it.recording.written.get(run));
            match written.and_then(|written| written.events.get(index)) {
                Some(written) => *written,
                None => (
                    by_time.get(&(run, index)).copied().unwrap_or_default(),
                    None,
                ),
            }
        };
        for (run, history) in histories.iter().enumerate() {
            let lane = self.run_lane(history);
            self.runs.push(lane);
            let began = moment_of(run, 0).0.order;
            let id = history.workflow_id().to_owned();
            self.workflows.entry(id).or_default().push((began, lane));
        }
        for (run, history) in histories.iter().enumerate() {
            let bodies = body::bodies(history);
            for (index, (event, body)) in history.shared().iter().zip(bodies).enumerate() {
                let (instant, _) = moment_of(run, index);
                let thing = event_thing(event, self.runs[run], self.moment(instant), body);
                let thing = self.thing(thing);
                self.events.insert((run, event.event_id), thing);
            }
        }
        self.parents(histories);
        self.link_events(histories);
        self.spans(histories);
        if recorded.is_none() {
            self.tasks_of_histories(histories);
        }
    }

    fn run_lane(&mut self, history: &History) -> usize {
        let name = format!("{} {}", history.workflow_type(), history.workflow_id());
        let mut lane = Lane::new(LaneKind::Run, name);
        lane.run = Some(Run {
            workflow_type: history.workflow_type().to_owned(),
            workflow_id: history.workflow_id().to_owned(),
            run_id: history.run_id().to_owned(),
            status: status(history).to_owned(),
            events: history.shared().len(),
        });
        self.lane(lane)
    }

    /// Names the lane of the parent of each child.
    fn parents(&mut self, histories: &[History]) {
        for (run, history) in histories.iter().enumerate() {
            let first = history.shared().first();
            let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) =
                first.and_then(|event| event.attributes.as_ref())
            else {
                continue;
            };
            let parent = started
                .parent_workflow_execution
                .as_ref()
                .and_then(|parent| histories.iter().position(|it| it.run_id() == parent.run_id));
            self.world.lanes[self.runs[run]].parent = parent.map(|parent| self.runs[parent]);
        }
    }
}

/// Returns the thing of an event.
fn event_thing(event: &HistoryEvent, lane: usize, moment: Moment, body: Value) -> Thing {
    let OutlineLine {
        name, attributes, ..
    } = OutlineLine::new(event, 0);
    let mut thing = Thing::new(Kind::Event, lane, moment, name);
    thing.words = attributes;
    thing.event_id = Some(event.event_id);
    thing.mark = mark(event.event_type());
    let is_empty = body.as_object().is_some_and(serde_json::Map::is_empty);
    thing.body = (!is_empty).then_some(body);
    thing
}

/// Returns the mark of an event that tells of no success.
fn mark(event: EventType) -> Option<Mark> {
    let name = format!("{event:?}");
    let ends = |words: &[&str]| words.iter().any(|word| name.ends_with(word));
    if ends(&["TimedOut"]) {
        Some(Mark::TimedOut)
    } else if ends(&["Failed", "Rejected"]) {
        Some(Mark::Failed)
    } else if ends(&["Canceled", "Terminated"]) {
        Some(Mark::Cancelled)
    } else {
        None
    }
}

/// Returns the state of a run at the end of its history.
fn status(history: &History) -> &'static str {
    match history.shared().last().map(|event| event.event_type()) {
        Some(EventType::WorkflowExecutionCompleted) => "completed",
        Some(EventType::WorkflowExecutionFailed) => "failed",
        Some(EventType::WorkflowExecutionTimedOut) => "timed out",
        Some(EventType::WorkflowExecutionCanceled) => "cancelled",
        Some(EventType::WorkflowExecutionTerminated) => "terminated",
        Some(EventType::WorkflowExecutionContinuedAsNew) => "continued as new",
        _ => "open",
    }
}
