//! Failures of attempts of activities, and of mocks.

use durasim_worker::activity::ActivityFault;

use crate::{label::Label, panics, report::Failure};

/// The number of the attempt at which an activity that panics ends the world, if nothing bounds its
/// retries. An activity that returns errors does not: an outage may be what the test is about, a
/// panic is a mistake.
const HOPELESS_PANICS: u32 = 10;

/// An attempt cannot go on as it is: the test's own mistake.
pub(crate) fn unsimulated_attempt(fault: &ActivityFault) -> Failure {
    match fault {
        ActivityFault::MockPanicked {
            activity_type,
            message,
        } => panics::failure(&format!("mock of {activity_type}"), message),
        ActivityFault::UnknownHeartbeatDetails { task_queue, .. } => {
            Failure::escaped(&format!("cannot go on: {fault}"), None).with_remedy(format!(
                "`env.worker({task_queue:?}).heartbeat_details::<TheType>()`, with the type that the activity \
                 passes to `record_heartbeat`"
            ))
        }
        other => Failure::escaped(&format!("cannot go on: {other}"), None),
    }
}

/// An activity panicked with this message. `None` unless it has panicked often and nothing bounds
/// its retries.
pub(crate) fn activity_panicked(
    label: Label,
    attempt: u32,
    message: &str,
    bounded: bool,
) -> Option<Failure> {
    if bounded || attempt < HOPELESS_PANICS {
        return None;
    }
    let mut failure = panics::failure(&label.to_string(), message).with_remedy(
        "an activity that panics is retried like one that fails; mend it, or bound its retries with \
         `RetryPolicy::maximum_attempts` or a schedule-to-close timeout",
    );
    failure.what =
        format!("an activity panics, {attempt} attempts so far, and nothing bounds its retries");
    Some(failure)
}

/// The mock of a workflow returned a result that no workflow can close with.
pub(crate) fn unusable_mock(why: &str) -> Failure {
    Failure::escaped(&format!("cannot go on: {why}"), None)
}
