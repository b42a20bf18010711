//! The activity side of a worker process: activity tasks in, results out.
//!
//! [`ActivityDefinitions`] holds what a worker registered: the user's own activities, found one by
//! one through the SDK's [`ExecutableActivity`], and mocks, which are async closures.
//! [`ActivityDefinitions::start`] turns one attempt into a future that resolves to what the worker
//! reports to the service. What happens in between is what `temporalio-sdk` does around an activity
//! function: payloads pass its data converter and codec, a panic becomes an application failure,
//! and an [`ActivityError`] becomes the failure that its failure converter makes of it.
//!
//! ```
//! use std::sync::Arc;
//! use durasim_worker::activity::{ActivityAttempt, ActivityDefinitions, ActivityOutcome};
//! use temporalio_common::{UntypedActivity, data_converters::RawValue};
//! use temporalio_protos::temporal::api::{
//!     common::v1::ActivityType, workflowservice::v1::PollActivityTaskQueueResponse,
//! };
//!
//! let mut definitions = ActivityDefinitions::default();
//! definitions.mock(&UntypedActivity::new("greet"), |call| async move {
//!     assert_eq!(call.attempt, 1);
//!     Ok(RawValue::empty())
//! })?;
//!
//! let task = PollActivityTaskQueueResponse {
//!     activity_type: Some(ActivityType { name: "greet".into() }),
//!     attempt: 1,
//!     ..Default::default()
//! };
//! let attempt = ActivityAttempt::new(task, "greetings", Arc::new(|| 0));
//! let outcome = futures::executor::block_on(definitions.start(attempt)?);
//! assert!(matches!(outcome, ActivityOutcome::Completed(Some(_))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//!
//! - The details of a heartbeat reach a test host as a value of unknown type, so the types that a
//!   user's own activities record must be known here: see
//!   [`ActivityDefinitions::heartbeat_details`].
//! - The SDK's activity inbound interceptors cannot be called from outside of its own worker: their
//!   input and their continuation have private constructors.
//! - An activity function that is not `async` runs on a Tokio blocking thread, outside of the
//!   simulated one; that is what `#[activities]` expands to.
//!
//! [`ActivityError`]: temporalio_common::ActivityError
//! [`ExecutableActivity`]: temporalio_sdk::activities::ExecutableActivity

mod attempt;
mod call;
mod context;
mod current;
mod definitions;
mod heartbeat;
mod local_activities;
mod log;
mod throttle;

#[cfg(test)]
mod tests;

pub use attempt::{
    ActivityAttempt, ActivityFault, ActivityOutcome, ClockCallback, LocalActivityOrigin,
};
pub use call::ActivityCall;
pub use current::{CurrentAttempt, current};
pub use definitions::{ActivityDefinitions, ActivityRegistrationError, Unregistered};
pub use heartbeat::HeartbeatCallback;
pub use local_activities::{
    LocalActivities, LocalActivityAction, LocalActivityId, LocalActivityMoment,
};
pub use log::{ActivityCallOutcome, ActivityCallRecord, CallLog};
pub use throttle::{HeartbeatAction, HeartbeatThrottle};
