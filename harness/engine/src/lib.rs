//! The deterministic machine under durasim: choices, virtual time, task order and traces.
//!
//! A run is a pure function of its choices. This crate makes that so, and knows nothing of
//! Temporal.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`choice`] | every nondeterministic decision, made at a named point, from a seed or a tape |
//! | [`tape`] | the decisions that were not benign, in words and as JSON |
//! | [`mod@shrink`] | puts decisions back to benign while the run still fails |
//! | [`explore`] | enumerates every plan of a few decisions that are not benign |
//! | [`executor`] | polls tasks one at a time, in an order that is chosen |
//! | [`clock`] | virtual time, which jumps and never ticks |
//! | [`runtime`] | the thread and the runtime under a run |
//! | [`ambient`] | the machine's entropy and clocks, as a run sees them |
//! | [`trace`] | everything that happened, as a chain of hashes |
//! | [`limits`] | what ends a run that would not end |
//!
//! A run, reduced to its frame:
//!
//! ```
//! use std::{cell::RefCell, rc::Rc, time::Duration};
//! use durasim_engine::{
//!     Ambient, Choices, Clock, Executor, Keep, Odds, START_MS, Trace, TraceHash, simulate,
//! };
//!
//! fn run(mut choices: Choices) -> (String, TraceHash) {
//!     simulate(Ambient::default(), || async move {
//!         let (clock, executor, mut trace) = (Clock::start(), Executor::new(), Trace::new(Keep::Hash));
//!         let order = Rc::new(RefCell::new(String::new()));
//!         for name in ["a", "b", "c", "d"] {
//!             let order = order.clone();
//!             executor.spawn(name, async move {
//!                 tokio::time::sleep(Duration::from_secs(60)).await;
//!                 order.borrow_mut().push_str(name);
//!             });
//!         }
//!         while !executor.is_empty() {
//!             let polled = executor.poll_one(|ready| {
//!                 choices.choose("schedule.next", "", ready.len() as u32, Odds::Uniform) as usize
//!             });
//!             match polled {
//!                 Some(polled) => trace.record(clock.now_ms(), "poll", format_args!("{}", polled.name)),
//!                 None => executor.until_ready().await,
//!             }
//!         }
//!         assert_eq!(clock.now_ms(), START_MS + 60_000);
//!         (order.take(), trace.hash())
//!     })
//! }
//!
//! assert_eq!(run(Choices::seeded(3)), run(Choices::seeded(3)));
//! assert_ne!(run(Choices::seeded(3)).1, run(Choices::seeded(4)).1);
//! ```

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
pub mod time;
pub mod trace;

pub use ambient::Ambient;
pub use choice::{Choices, Odds, Offer, Point};
pub use clock::Clock;
pub use executor::{Executor, Outcome, Polled, TaskId, TaskPanic, panic_message};
pub use explore::{Explorer, Plan, PlanId};
pub use limits::{LimitExceeded, Limits};
pub use runtime::{may_have_started_threads, simulate};
pub use shrink::{Shrunk, shrink};
pub use tape::{Tape, TapeEntry};
pub use time::{START_MS, SinceStart};
pub use trace::{Keep, Trace, TraceEntry, TraceHash, digest, first_divergence};
