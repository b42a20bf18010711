//! Histories as a person reads them: one event a line, the same in every world of one seed.
//!
//! [`outline_of`] is made for snapshot tests. A line holds the event's id, the virtual time since
//! the history began, the event's name as Temporal spells it, and the attributes that matter.
//! Random values and names of machines are left out: run ids, request ids, identities, task tokens.
//!
//! ```text
//!  1  +0s   WorkflowExecutionStarted    ApprovalWorkflow("item-1") on approvals
//!  2  +0s   WorkflowTaskScheduled
//!  3  +0s   WorkflowTaskStarted
//!  4  +0s   WorkflowTaskCompleted
//!  5  +0s   TimerStarted                1 for 1d
//! ```
//!
//! A payload shows its JSON, or else its encoding and size. Long payloads are cut.

mod attributes;
mod values;

use std::borrow::Borrow;

use durasim_events::HistoryEvent;
use durasim_service::time::instant_ms;

use temporalio_protos::temporal::api::common::v1::Payloads;

use crate::words::duration_words;

/// The parts of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutlineLine {
    /// The event's id.
    pub(crate) event_id: i64,
    /// Virtual time, such as `+1h30m`.
    pub(crate) time: String,
    /// The event's name, such as `TimerStarted`.
    pub(crate) name: String,
    /// The attributes that matter; perhaps empty.
    pub(crate) attributes: String,
}

impl OutlineLine {
    /// Returns the line of an event, its time counted from `zero_ms` (milliseconds since the Unix
    /// epoch).
    pub(crate) fn new(event: &HistoryEvent, zero_ms: u64) -> Self {
        Self {
            event_id: event.event_id,
            time: format!(
                "+{}",
                duration_words(event_ms(event).saturating_sub(zero_ms))
            ),
            name: format!("{:?}", event.event_type()),
            attributes: event
                .attributes
                .as_ref()
                .map(attributes::words)
                .unwrap_or_default(),
        }
    }
}

/// Returns arguments or results, separated by commas.
pub(crate) fn payload_words(payloads: Option<&Payloads>) -> String {
    values::payloads(payloads)
}

/// Returns the time of an event, in milliseconds since the Unix epoch.
fn event_ms(event: &HistoryEvent) -> u64 {
    event.event_time.as_ref().map_or(0, instant_ms)
}

/// Returns the readable outline of a history, one event a line, without a newline at the end.
///
/// Times are counted from the first event, so the outline does not depend on when the workflow
/// began.
pub(crate) fn outline_of<E: Borrow<HistoryEvent>>(events: &[E]) -> String {
    let zero_ms = events.first().map_or(0, |event| event_ms(event.borrow()));
    let rows = events.iter().map(Borrow::borrow).map(|event| {
        let OutlineLine {
            event_id,
            time,
            name,
            attributes,
        } = OutlineLine::new(event, zero_ms);
        [event_id.to_string(), time, name, attributes]
    });
    lay_out(rows).join("\n")
}

/// Lays out ids, times, names and attributes in aligned columns, without trailing spaces.
pub(crate) fn lay_out(rows: impl Iterator<Item = [String; 4]>) -> Vec<String> {
    let rows: Vec<_> = rows.collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (id_width, time_width, name_width) = (width(0), width(1), width(2));
    let line = |[id, time, name, attributes]: &[String; 4]| {
        format!("{id:>id_width$}  {time:<time_width$}  {name:<name_width$}  {attributes}")
            .trim_end()
            .to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
pub(crate) mod tests;
