//! The deterministic machine under durasim: choices, virtual time, task order and traces.
//!
//! A run is a pure function of its choices. This crate makes that so, and knows nothing of Temporal.

pub mod ambient;
#[cfg(not(madsim))]
mod blocking;
pub mod choice;
pub mod clock;
pub mod executor;
pub mod explore;
pub mod limits;
pub mod runtime;
pub mod shrink;
pub mod tape;
pub mod trace;

pub use ambient::Ambient;
pub use choice::{Choices, Odds, Offer, Point};
pub use clock::{Clock, START_MS, SinceStart};
pub use executor::{Executor, Outcome, Polled, TaskId, TaskPanic, panic_message};
pub use explore::{Explorer, Plan, PlanId};
pub use limits::{LimitExceeded, Limits};
pub use runtime::simulate;
pub use shrink::{Shrunk, shrink};
pub use tape::{Tape, TapeEntry};
pub use trace::{Keep, Trace, TraceEntry, TraceHash, first_divergence};
