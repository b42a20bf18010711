//! The activity side of a worker process: activity tasks in, results out.
//!
//! [`ActivityDefinitions`] holds the activities of a worker: the user's own, which implement the
//! SDK's [`ExecutableActivity`], and mocks, which are async closures.
//! [`ActivityDefinitions::start`] turns one attempt into a future that resolves to the attempt's
//! [`ActivityOutcome`]. The future does what `temporalio-sdk` does around an activity function:
//! payloads pass the data converter and the codec, a panic becomes an application failure, and the
//! failure converter makes a failure of an [`ActivityError`].
//!
//! [`HeartbeatThrottle`] and [`LocalActivities`] keep the clocks of attempts as Core does, without
//! reading a clock: the host tells them the time, and does what they return.
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
//! - The SDK hands the details of a heartbeat to a test host as a value of unknown type, so the
//!   types that a user's own activities record must be registered: see
//!   [`ActivityDefinitions::heartbeat_details`].
//! - The SDK's activity inbound interceptors cannot be called from outside of its own worker: their
//!   input and their continuation have private constructors.
//! - An activity function that is not `async` runs on a blocking thread of Tokio, and not on the
//!   simulated thread, because `#[activities]` expands it so.
//!
//! [`ActivityError`]: temporalio_common::ActivityError
//! [`ExecutableActivity`]: temporalio_sdk::activities::ExecutableActivity

mod attempt;
mod call;
mod callbacks;
mod code;
mod context;
mod current;
mod definitions;
mod heartbeat;
mod local_activities;
mod log;
mod outcome;
mod payloads;
mod run;
mod throttle;

#[cfg(test)]
mod tests;

pub use attempt::{ActivityAttempt, LocalActivityOrigin};
pub use call::ActivityCall;
pub use callbacks::{AtHeartbeat, AtHeartbeatCallback, ClockCallback, HeartbeatCallback};
pub use current::{CurrentAttempt, current};
pub use definitions::{ActivityDefinitions, ActivityRegistrationError, Unregistered};
pub use local_activities::{
    LocalActivities, LocalActivityAction, LocalActivityId, LocalActivityMoment,
};
pub use log::{ActivityCallOutcome, ActivityCallRecord, CallLog};
pub use outcome::{ActivityFault, ActivityOutcome};
pub use throttle::{HeartbeatAction, HeartbeatThrottle};
