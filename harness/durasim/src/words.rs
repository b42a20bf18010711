//! Words that several kinds of text share.

use durasim_engine::{START_MS, SinceStart};
use durasim_worker::activity::{ActivityCallOutcome, ActivityCallRecord};
use temporalio_protos::temporal::api::failure::v1::Failure;

/// Returns a span of virtual time in words: `1d2h`, `1m30s`, `1.5s`, `40ms`, `0s`.
pub(crate) fn duration_words(ms: u64) -> String {
    SinceStart(START_MS.saturating_add(ms)).unsigned()
}

/// Returns one attempt of an activity, with the time of its start.
pub(crate) fn call_words(call: &ActivityCallRecord) -> (u64, String) {
    let outcome = match &call.outcome {
        ActivityCallOutcome::Running => "still running".to_owned(),
        ActivityCallOutcome::Completed(_) => "completed".to_owned(),
        ActivityCallOutcome::Failed(failure) => format!("failed: {}", failure.message),
        ActivityCallOutcome::Canceled(_) => "cancelled".to_owned(),
        ActivityCallOutcome::WillCompleteAsync => "to be completed from outside".to_owned(),
        _ => "lost with its worker".to_owned(),
    };
    let (name, attempt, id) = (&call.activity_type, call.attempt, &call.workflow_id);
    let words = format!("{name}, attempt {attempt}, for workflow {id:?}: {outcome}");
    (call.started_ms, words)
}

/// Returns lines with their times, in milliseconds since the Unix epoch, in a column of its own.
pub(crate) fn timed(lines: impl IntoIterator<Item = (u64, String)>) -> Vec<String> {
    let lines = lines.into_iter();
    let lines: Vec<_> = lines
        .map(|(at_ms, words)| (SinceStart(at_ms).to_string(), words))
        .collect();
    let width = lines.iter().map(|(time, _)| time.len()).max().unwrap_or(0);
    let line = |(time, words): &(String, String)| format!("{time:<width$}  {words}");
    lines.iter().map(line).collect()
}

/// Returns the message of a failure, followed by those of its causes.
pub(crate) fn with_causes(failure: &Failure) -> String {
    let causes = std::iter::successors(Some(failure), |failure| failure.cause.as_deref());
    let messages: Vec<_> = causes
        .map(|failure| failure.message.as_str())
        .filter(|message| !message.is_empty())
        .collect();
    messages.join(": ")
}
