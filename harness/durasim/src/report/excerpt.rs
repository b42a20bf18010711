//! The piece of a history in which it went wrong: three events before, the difference, three after.

use std::borrow::Borrow;

use durasim_events::HistoryEvent;

use super::WorkflowName;
use crate::outline::{OutlineLine, lay_out};

/// Events shown on either side of the one in question.
const AROUND: usize = 3;

/// The end of the history of a workflow that a failure names, or the whole history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownHistory {
    /// The workflow.
    pub workflow: WorkflowName,
    /// The last events of its last run.
    pub events: HistoryExcerpt,
}

/// A few lines of a history, some of them marked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryExcerpt {
    /// The number of events before the first line.
    pub before: usize,
    /// The lines, in order.
    pub lines: Vec<ExcerptLine>,
    /// The number of events after the last line.
    pub after: usize,
}

/// One line of an excerpt, in columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExcerptLine {
    /// The mark of the line.
    pub mark: Mark,
    /// The event's id; `None` for a command, which is not an event yet.
    pub event_id: Option<i64>,
    /// Virtual time; empty for a command.
    pub time: String,
    /// The event's or the command's name.
    pub name: String,
    /// The attributes that matter.
    pub attributes: String,
}

/// The mark of a line of an excerpt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The line is there for orientation.
    Context,
    /// The event in question: the history holds it, and the code should have produced it.
    Expected,
    /// The code produced it.
    Actual,
}

impl HistoryExcerpt {
    /// Returns the surroundings of event `event_id`, which is marked as expected. Past the end of
    /// the history, these are the last events.
    ///
    /// Times are counted from `zero_ms`, the start of the run in milliseconds since the Unix epoch.
    pub(crate) fn around<E: Borrow<HistoryEvent>>(
        events: &[E],
        event_id: i64,
        zero_ms: u64,
    ) -> Self {
        let position = events
            .iter()
            .position(|event| event.borrow().event_id == event_id)
            .unwrap_or(events.len());
        let first = position.saturating_sub(AROUND);
        let end = (position + AROUND + 1).min(events.len());
        let line = |event: &HistoryEvent| {
            let mut line = context_line(event, zero_ms);
            if event.event_id == event_id {
                line.mark = Mark::Expected;
            }
            line
        };
        let lines = events[first..end]
            .iter()
            .map(Borrow::borrow)
            .map(line)
            .collect();
        Self {
            before: first,
            lines,
            after: events.len() - end,
        }
    }

    /// Returns the last events, none of them marked: the state of a run when something else went
    /// wrong.
    pub(crate) fn tail<E: Borrow<HistoryEvent>>(events: &[E], zero_ms: u64) -> Self {
        let past_the_end = events.last().map_or(1, |event| event.borrow().event_id + 1);
        Self::around(events, past_the_end, zero_ms)
    }

    /// Returns the last events, at most so many, none of them marked.
    pub(crate) fn last<E: Borrow<HistoryEvent>>(events: &[E], count: usize, zero_ms: u64) -> Self {
        let before = events.len().saturating_sub(count);
        let lines = events[before..].iter().map(Borrow::borrow);
        Self {
            before,
            lines: lines.map(|event| context_line(event, zero_ms)).collect(),
            after: 0,
        }
    }

    /// Adds the command that the code issued instead of the expected event, or after the last one.
    #[must_use]
    pub(crate) fn got(mut self, command: impl Into<String>, attributes: impl Into<String>) -> Self {
        let at = self
            .lines
            .iter()
            .position(|line| line.mark == Mark::Expected)
            .map_or(self.lines.len(), |position| position + 1);
        let (name, attributes) = (command.into(), attributes.into());
        let line = ExcerptLine {
            mark: Mark::Actual,
            event_id: None,
            time: String::new(),
            name,
            attributes,
        };
        self.lines.insert(at, line);
        self
    }

    /// Returns the lines in aligned columns, without their marks.
    pub(super) fn laid_out(&self) -> Vec<String> {
        lay_out(self.lines.iter().map(|line| {
            let id = line.event_id.map(|id| id.to_string()).unwrap_or_default();
            [
                id,
                line.time.clone(),
                line.name.clone(),
                line.attributes.clone(),
            ]
        }))
    }
}

/// Returns the line of an event that is there for orientation.
fn context_line(event: &HistoryEvent, zero_ms: u64) -> ExcerptLine {
    let OutlineLine {
        event_id,
        time,
        name,
        attributes,
    } = OutlineLine::new(event, zero_ms);
    ExcerptLine {
        mark: Mark::Context,
        event_id: Some(event_id),
        time,
        name,
        attributes,
    }
}
