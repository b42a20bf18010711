//! The words in which plans describe faults to the user.

use super::moments::{Delay, Step};
use crate::{
    label::{Action, Call, Delivery, Label, NexusMessage, TaskKind, WorkflowTaskMessage},
    words::duration_words,
};

/// Returns `Payments::charge, attempt 1` for an attempt of an activity. Names the workflow too if
/// it is not the first of its type.
pub(crate) fn attempt_words(label: Label, attempt: u32) -> String {
    format!("{}, attempt {attempt}", activity_words(label))
}

/// Returns `Payments::charge` for an activity, or `Payments::charge of PaymentWorkflow#2`.
pub(crate) fn activity_words(label: Label) -> String {
    match label {
        Label::Attempt(workflow, activity) if workflow.is_first() => activity.to_string(),
        Label::Attempt(workflow, activity) => format!("{activity} of {workflow}"),
        _ => label.to_string(),
    }
}

/// Returns `1st`, `2nd`, `11th`.
pub(crate) fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (1, last_two) if last_two != 11 => "st",
        (2, last_two) if last_two != 12 => "nd",
        (3, last_two) if last_two != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// Returns `2nd await` for a place inside the code of an attempt.
pub(crate) fn step_words(step: Step, number: u32) -> String {
    let step = match step {
        Step::Await => "await",
        Step::Heartbeat => "heartbeat",
    };
    format!("{} {step}", ordinal(number))
}

/// Returns `signal confirm to PaymentWorkflow#1` for a message.
pub(crate) fn message_words(label: Label) -> String {
    match label {
        Label::Call(whose, call) => match call {
            Call::Start => format!("the start of {whose}"),
            Call::Cancel => format!("the cancel request to {whose}"),
            Call::Terminate => format!("the termination of {whose}"),
            Call::History => format!("the history of {whose}"),
            Call::Describe => format!("the description of {whose}"),
            Call::Signal(_) | Call::Query(_) | Call::Update(_) => format!("{call} to {whose}"),
        },
        Label::Delivery(delivery) => delivery_words(delivery),
        Label::Task(queue, kind @ TaskKind::Workflow) => format!("a {kind} for worker {queue}"),
        Label::Task(queue, kind @ TaskKind::Activity) => format!("an {kind} for worker {queue}"),
        Label::Task(endpoint, kind @ TaskKind::Nexus) => format!("{kind} to {endpoint}"),
        Label::WorkflowTask(whose, WorkflowTaskMessage::Completed) => {
            format!("the completion of a workflow task of {whose}")
        }
        Label::WorkflowTask(whose, message) => format!("{message} to {whose}"),
        Label::Attempt(whose, activity) => format!("{activity} to {whose}"),
        Label::AttemptMessage(whose, activity, message) => {
            format!("{activity}/{message} to {whose}")
        }
        Label::Nexus(whose, operation, message) => format!("nexus {operation}{message} to {whose}"),
        Label::Rpc(_) | Label::Workflow(_) => label.to_string(),
    }
}

/// Returns `signal step from Courier#1 to Order#1` for a delivery.
fn delivery_words(delivery: Delivery) -> String {
    let Delivery {
        sender, receiver, ..
    } = delivery;
    match delivery.action {
        Action::Start => format!("the start of {receiver} by {sender}"),
        Action::ChildEnd => format!("the end of {sender} to its parent {receiver}"),
        Action::ParentEnd => format!("the end of {sender} to its child {receiver}"),
        Action::Signal(name) => format!("signal {name} from {sender} to {receiver}"),
        Action::Cancel => format!("the cancel request from {sender} to {receiver}"),
    }
}

/// Returns `the answer of Accounts.charge to PaymentWorkflow#1` for the answer of a Nexus handler.
pub(crate) fn answer_words(label: Label) -> String {
    match label {
        Label::Nexus(whose, operation, NexusMessage::CancelAnswer) => {
            format!("the answer of {operation} to a request of {whose} to cancel")
        }
        Label::Nexus(whose, operation, _) => format!("the answer of {operation} to {whose}"),
        Label::Call(..) | Label::Delivery(_) => format!("the answer to {}", message_words(label)),
        _ => format!("the answer {label}"),
    }
}

/// Returns `until 3 more events have happened`, `for 5s`.
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
