//! The deterministic machine under durasim: choices, virtual time, task order and traces.
//!
//! A *world* is one simulated universe, executed under one set of choices, and a pure function of
//! them. This crate makes that so, and knows nothing of Temporal.
//!
//! | module | contents |
//! | --- | --- |
//! | [`choice`] | every nondeterministic decision, from a seed or a tape |
//! | [`seed`] | the draws of a seed, with their odds |
//! | [`point`] | the names of decisions |
//! | [`tape`] | the decisions that were not benign, in words and as JSON |
//! | [`mod@shrink`] | the search for a smaller tape that still fails |
//! | [`explore`] | an enumeration of all plans with a few decisions that are not benign |
//! | [`executor`] | tasks, polled one at a time in a chosen order |
//! | [`time`] | the start of every world, and times relative to it |
//! | [`clock`] | virtual time, which jumps and never ticks |
//! | [`runtime`] | the thread and the runtime under a world |
//! | `real_time` | real input and output, for code that asks for it |
//! | [`ambient`] | the machine's entropy and clocks, as a world sees them |
//! | [`trace`] | everything that happened, as a chain of hashes |
//! | [`watch`] | a watch in real time over code that never comes back |
//! | [`limits`] | bounds that stop a world that would go on for ever |
//!
//! The frame of a world:
//!
//! ```
//! use std::{cell::RefCell, rc::Rc, time::Duration};
//! use durasim_engine::{
//!     Ambient, Choices, Clock, Executor, Keep, Odds, START_MS, Trace, TraceHash, simulate,
//! };
//!
//! fn run(mut choices: Choices) -> (String, TraceHash) {
//!     simulate(Ambient::default(), || async move {
//!         let (clock, executor) = (Clock::start(), Executor::new());
//!         let mut trace = Trace::new(Keep::Hash);
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
//!                 let arity = ready.len() as u32;
//!                 choices.choose("schedule.next", "", arity, Odds::Uniform) as usize
//!             });
//!             let Some(polled) = polled else {
//!                 executor.until_ready().await;
//!                 continue;
//!             };
//!             trace.record(clock.now_ms(), "poll", format_args!("{}", polled.name));
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
pub mod point;
#[cfg(not(madsim))]
pub mod real_time;
pub mod runtime;
pub mod seed;
pub mod shrink;
pub mod tape;
pub mod time;
pub mod trace;
pub mod watch;

pub use ambient::{Ambient, Looks};
pub use choice::{Choices, Offer};
pub use clock::Clock;
pub use executor::{Executor, Outcome, Polled, TaskId, TaskPanic, panic_message};
pub use explore::{Explorer, Plan, PlanId};
pub use limits::{LimitExceeded, Limits};
pub use point::Point;
pub use runtime::{may_have_started_threads, simulate, simulate_watched, spawned_tasks};
pub use seed::Odds;
pub use shrink::{Shrunk, shrink};
pub use tape::{Tape, TapeEntry};
pub use time::{START_MS, SinceStart};
pub use trace::{Keep, Recorded, Trace, TraceEntry, TraceHash, digest, first_divergence};
pub use watch::{Lent, Stalled, Watch};
