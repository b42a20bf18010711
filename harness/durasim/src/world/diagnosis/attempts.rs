//! Failures of attempts of activities, and of mocks.

use std::time::Duration;

use durasim_worker::activity::ActivityFault;

use crate::{
    label::{Label, Name},
    panics,
    report::{Failure, is_real_io},
};

/// The number of the attempt at which an activity that panics ends the world, if nothing bounds its
/// retries. An activity that returns errors does not: an outage may be what the test is about, a
/// panic is a mistake.
const HOPELESS_PANICS: u32 = 10;

/// Returns the failure of a test with an attempt that cannot be simulated.
pub(crate) fn unsimulated_attempt(fault: &ActivityFault) -> Failure {
    match fault {
        ActivityFault::MockPanicked {
            activity_type,
            message,
        } if is_real_io(message) => Failure::real_io_of_mock(activity_type).at(panics::last_line()),
        ActivityFault::MockPanicked {
            activity_type,
            message,
        } => panics::failure(&format!("mock of {activity_type}"), message),
        ActivityFault::UnknownHeartbeatDetails { task_queue, .. } => Failure::escaped(
            &format!("cannot go on: {fault}"),
            None,
        )
        .with_remedy(format!(
            "call `env.worker({task_queue:?}).heartbeat_details::<TheType>()` with the type that \
                 the activity passes to `record_heartbeat`"
        )),
        other => Failure::escaped(&format!("cannot go on: {other}"), None),
    }
}

/// Returns the failure of an activity that panicked with this message, if it has panicked often and
/// nothing bounds its retries.
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
        "fix the activity, or bound its retries with `RetryPolicy::maximum_attempts` or a \
         schedule-to-close timeout: an activity that panics is retried like one that fails",
    );
    failure.what =
        format!("an activity panics on every attempt, {attempt} so far, and is retried forever");
    Some(failure)
}

/// Returns the failure of an activity that panicked with this message because it does real input
/// or output, which its world has none of.
pub(crate) fn real_io_in_activity(activity: Name, message: &str) -> Option<Failure> {
    is_real_io(message)
        .then(|| Failure::real_io_of_activity(&activity.to_string()).at(panics::last_line()))
}

/// Returns the failure of a world in which real input and output takes too long.
pub(crate) fn silent_io(activities: &[String], silent: Duration) -> Failure {
    Failure::silent_io(&activities.join(" or "), silent)
}

/// Returns the failure of a test whose mock of a workflow returned a result that no workflow can
/// close with.
pub(crate) fn unusable_mock(why: &str) -> Failure {
    Failure::escaped(&format!("cannot go on: {why}"), None)
}
