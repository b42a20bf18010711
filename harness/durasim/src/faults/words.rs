//! Faults in the user's words, for plans.

use crate::world::Delay;

/// `Payments::charge, attempt 1` for an attempt of `PaymentWorkflow#1/Payments::charge`. The
/// workflow is named too where it is not the first of its type.
pub(crate) fn attempt_words(label: &str, attempt: u32) -> String {
    match label.split_once('/') {
        Some((workflow, activity)) if workflow.ends_with("#1") => {
            format!("{activity}, attempt {attempt}")
        }
        Some((workflow, activity)) => format!("{activity} of {workflow}, attempt {attempt}"),
        None => format!("{label}, attempt {attempt}"),
    }
}

/// `signal confirm to PaymentWorkflow#1` for the message `PaymentWorkflow#1/signal confirm`.
pub(crate) fn message_words(label: &str) -> String {
    let Some((whose, what)) = label.split_once('/') else {
        return label.to_owned();
    };
    match what {
        "start" => format!("the start of {whose}"),
        "cancel" => format!("the cancel request to {whose}"),
        "terminate" => format!("the termination of {whose}"),
        "history" => format!("the history of {whose}"),
        "describe" => format!("the description of {whose}"),
        "workflow task" | "activity task" => format!("{} {what} for worker {whose}", article(what)),
        "workflow task completed" => format!("the completion of a workflow task of {whose}"),
        _ => format!("{what} to {whose}"),
    }
}

/// `the answer of Accounts.charge to PaymentWorkflow#1` for `PaymentWorkflow#1/nexus
/// Accounts.charge/answer`.
pub(crate) fn answer_words(label: &str) -> String {
    let (whose, what) = label.split_once('/').unwrap_or(("", label));
    let what = what
        .trim_start_matches("nexus ")
        .trim_end_matches("/answer");
    match what.strip_suffix("/cancel") {
        Some(operation) => format!("the answer of {operation} to a request of {whose} to cancel"),
        None => format!("the answer of {what} to {whose}"),
    }
}

fn article(what: &str) -> &'static str {
    if what.starts_with('a') { "an" } else { "a" }
}

/// `until 3 more events have happened`, `for 5s`.
pub(crate) fn delay_words(delay: Delay) -> String {
    let events = match delay.events {
        0 => None,
        1 => Some("until 1 more event has happened".to_owned()),
        events => Some(format!("until {events} more events have happened")),
    };
    let time = (delay.ms > 0).then(|| format!("for {}", duration_words(delay.ms)));
    match (time, events) {
        (Some(time), Some(events)) => format!("{time}, then {events}"),
        (Some(words), None) | (None, Some(words)) => words,
        (None, None) => "for no time".to_owned(),
    }
}

/// `40ms`, `5s`, `1m30s`, `2h`.
pub(crate) fn duration_words(ms: u64) -> String {
    if ms < 1000 || !ms.is_multiple_of(1000) {
        return if ms < 1000 {
            format!("{ms}ms")
        } else {
            format!("{}.{:03}s", ms / 1000, ms % 1000)
        };
    }
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    let part = |count: u64, unit: &str| {
        if count > 0 {
            format!("{count}{unit}")
        } else {
            String::new()
        }
    };
    format!(
        "{}{}{}",
        part(hours, "h"),
        part(minutes, "m"),
        part(seconds, "s")
    )
}
