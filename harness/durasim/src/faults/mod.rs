//! The faults that a world may meet, and the draw that decides when they happen.
//!
//! A fault is a choice that is not benign. The world asks at fixed moments: a message is sent, a
//! workflow task arrives or is done, an activity attempt starts or is done. Each fault that is
//! switched on may answer. Each fault has one file in [`catalogue`]; adding one takes that file and
//! one line of the list there.
//!
//! From the bottom up: [`moments`] says what a fault learns at each moment and what it can do,
//! [`rule`] is what a fault is written against, [`catalogue`] holds the faults, [`placement`] and
//! [`profile`] say which of them a test wants, and [`draw`] decides.

mod allowance;
mod baseline;
mod catalogue;
mod draw;
mod latency;
mod moments;
mod placement;
mod profile;
mod rule;
mod times;
mod words;

pub(crate) use allowance::{Allowance, FailedBy, injected_failure};
pub(crate) use baseline::{Baseline, Need, cancels_ms};
pub use catalogue::FaultKind;
pub(crate) use catalogue::{client_unavailable::is_made_again, cure_of_site, is_fault_site};
pub(crate) use draw::{Faults, Missed, Outcome};
pub(crate) use latency::{Latency, ordering_words};
#[cfg(test)]
pub(crate) use moments::Moment;
pub(crate) use moments::{
    AttemptFate, AttemptMoment, AttemptView, CALL_TIMEOUT_MS, CallView, DEFAULT_TASK_TIMEOUT_MS,
    Delay, DeliveryFate, DeliveryView, Direction, Fate, ForGood, HOLD_MS, LATE_DELIVERY_MS, Lazily,
    Outage, Partition, RunTimes, Shutdown, TaskFate, TaskMoment, TaskView, longest_hold_ms,
};
pub use placement::Fault;
pub use profile::FaultProfile;
pub(crate) use times::{limit_ms, milliseconds};
