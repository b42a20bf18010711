//! The check that failed, in its place; and the user's lines.

use std::collections::BTreeMap;

use durasim_view::{Check, Kind, Moment, Thing};
use temporalio_protos::temporal::api::enums::v1::CommandType;

use super::{Marks, builder::Builder, links::number};
use crate::{
    codes,
    history::History,
    ledger::Applier,
    recording::TaskSeen,
    report::{Failure, FailureCode, Mark, WorkflowName, source_lines::user_line},
};

/// Returns the check that failed, in words.
pub(super) fn check(failure: &Failure, marks: &Marks) -> Check {
    Check {
        code: failure.code.code().to_owned(),
        name: failure.code.name().to_owned(),
        what: failure.what.clone(),
        message: failure.message.clone(),
        report: String::new(),
        line: failure.location.as_ref().map(ToString::to_string),
        page: Some(codes::page(failure.code.code())),
        thing: marks.check,
    }
}

impl Builder {
    /// Marks the place at which a check failed.
    pub(super) fn check(&mut self, failure: &Failure, histories: &[History]) {
        let place = self
            .event_in_question(failure, histories)
            .or_else(|| self.attempt_of(failure.applier.as_ref()?));
        let last = failure
            .workflow
            .as_ref()
            .and_then(|workflow| self.last_event(workflow, histories));
        let (lane, moment) = match (place, last) {
            (Some(place), _) => {
                let place = &self.world.things[place];
                let lane = place.run.unwrap_or(place.lane);
                (lane, place.until.unwrap_or(place.moment))
            }
            (None, Some(last)) if !is_of_the_test(failure.code) => {
                (self.world.things[last].lane, self.end())
            }
            (None, _) => (0, self.end()),
        };
        let title = failure.code.to_string();
        let mut thing = Thing::new(Kind::Check, lane, moment, title);
        thing.words.clone_from(&failure.what);
        thing.line = failure.location.as_ref().map(ToString::to_string);
        let answer = || self.last_answer_to(lane);
        thing.causes.extend(place.or(last).or_else(answer));
        self.marks.check = Some(self.thing(thing));
    }

    /// Returns the last message that arrived on a lane.
    fn last_answer_to(&self, lane: usize) -> Option<usize> {
        let things = self.world.things.iter().enumerate();
        let arrived = things.filter(|(_, thing)| {
            thing.kind == Kind::Message && thing.to == Some(lane) && thing.until.is_some()
        });
        let last = arrived.max_by_key(|(_, message)| message.until);
        last.map(|(message, _)| message)
    }

    /// Returns the moment of the last thing.
    fn end(&self) -> Moment {
        let things = self.world.things.iter();
        let last = things.map(|thing| thing.until.unwrap_or(thing.moment).max(thing.moment));
        let last = last.max().unwrap_or_default();
        Moment {
            at_ms: self.world.end_ms.max(last.at_ms),
            order: last.order + 1,
        }
    }

    /// Returns the event that a failure is about.
    fn event_in_question(&self, failure: &Failure, histories: &[History]) -> Option<usize> {
        let workflow = failure.workflow.as_ref()?;
        let lines = failure.history.as_ref()?.lines.iter();
        let mut expected = lines.filter(|line| line.mark == Mark::Expected);
        let event_id = expected.next()?.event_id?;
        let run = last_run(workflow, histories)?;
        self.events.get(&(run, event_id)).copied()
    }

    /// Returns the attempt that applied an effect.
    fn attempt_of(&self, applier: &Applier) -> Option<usize> {
        let title = format!("{}, attempt {}", applier.activity_type, applier.attempt);
        let things = self.world.things.iter().enumerate();
        let mut attempts = things.filter(|(_, thing)| {
            let run = thing
                .run
                .and_then(|lane| self.world.lanes[lane].run.as_ref());
            thing.kind == Kind::Attempt
                && thing.title.ends_with(&title)
                && run.is_some_and(|run| run.run_id == applier.run_id)
        });
        attempts.next_back().map(|(attempt, _)| attempt)
    }

    fn last_event(&self, workflow: &WorkflowName, histories: &[History]) -> Option<usize> {
        let run = last_run(workflow, histories)?;
        let mut events = self.events.range((run, 0)..(run + 1, 0));
        events.next_back().map(|(_, event)| *event)
    }

    /// Names the user's line of each event that a command of this task became; `completed` is the
    /// event of the task's completion.
    pub(super) fn name_lines(&mut self, run: usize, completed: i64, task: &TaskSeen) {
        let events: Vec<usize> = self
            .events
            .range((run, completed + 1)..(run + 1, 0))
            .map(|(_, event)| *event)
            .take_while(|event| self.world.things[*event].title != "WorkflowTaskScheduled")
            .filter(|event| {
                let body = self.world.things[*event].body.as_ref();
                let of = body.and_then(|body| number(body.get("workflowTaskCompletedEventId")?));
                of == Some(completed) || self.world.things[*event].title.contains("Update")
            })
            .collect();
        let mut commands = task.commands.iter().zip(&task.issued_at);
        for event in events {
            let title = self.world.things[event].title.clone();
            let Some(wanted) = command_of(&title) else {
                continue;
            };
            let command = commands.find(|(kind, _)| **kind == wanted);
            let Some((_, issued_at)) = command else {
                return;
            };
            let line = issued_at.as_deref().and_then(user_line);
            self.world.things[event].line = line.map(|line| line.to_string());
        }
    }
}

/// Returns `true` if a failure is of the test itself, or of what it has observed at the end.
fn is_of_the_test(code: FailureCode) -> bool {
    matches!(
        code,
        FailureCode::Panic
            | FailureCode::Error
            | FailureCode::Idempotency
            | FailureCode::Mocks
            | FailureCode::Invariant
    )
}

/// Returns the last run of a workflow: its place among the histories.
fn last_run(workflow: &WorkflowName, histories: &[History]) -> Option<usize> {
    histories
        .iter()
        .rposition(|history| history.workflow_id() == workflow.workflow_id)
}

/// Returns the command that an event records.
fn command_of(event: &str) -> Option<CommandType> {
    let all: BTreeMap<&str, CommandType> = [
        ("ActivityTaskScheduled", CommandType::ScheduleActivityTask),
        (
            "ActivityTaskCancelRequested",
            CommandType::RequestCancelActivityTask,
        ),
        ("TimerStarted", CommandType::StartTimer),
        ("TimerCanceled", CommandType::CancelTimer),
        (
            "WorkflowExecutionCompleted",
            CommandType::CompleteWorkflowExecution,
        ),
        (
            "WorkflowExecutionFailed",
            CommandType::FailWorkflowExecution,
        ),
        (
            "WorkflowExecutionCanceled",
            CommandType::CancelWorkflowExecution,
        ),
        (
            "WorkflowExecutionContinuedAsNew",
            CommandType::ContinueAsNewWorkflowExecution,
        ),
        ("MarkerRecorded", CommandType::RecordMarker),
        (
            "StartChildWorkflowExecutionInitiated",
            CommandType::StartChildWorkflowExecution,
        ),
        (
            "SignalExternalWorkflowExecutionInitiated",
            CommandType::SignalExternalWorkflowExecution,
        ),
        (
            "RequestCancelExternalWorkflowExecutionInitiated",
            CommandType::RequestCancelExternalWorkflowExecution,
        ),
        (
            "UpsertWorkflowSearchAttributes",
            CommandType::UpsertWorkflowSearchAttributes,
        ),
        (
            "WorkflowPropertiesModified",
            CommandType::ModifyWorkflowProperties,
        ),
        (
            "NexusOperationScheduled",
            CommandType::ScheduleNexusOperation,
        ),
        (
            "NexusOperationCancelRequested",
            CommandType::RequestCancelNexusOperation,
        ),
        (
            "WorkflowExecutionUpdateAccepted",
            CommandType::ProtocolMessage,
        ),
        (
            "WorkflowExecutionUpdateCompleted",
            CommandType::ProtocolMessage,
        ),
    ]
    .into();
    all.get(event).copied()
}
