//! Benchmarks of durasim, as ratios to the cost of the SDK itself.
//!
//! The workload is one workflow, [`Rounds`], that waits for a timer and calls an activity in each
//! of its rounds: ten rounds make 21 workflow tasks and about a hundred events.
//!
//! [`floor`] runs the SDK's part of the workflow alone; [`client`] and
//! [`activities`](mod@activities) run the SDK's other parts; [`worlds`] runs the whole through the
//! official client; [`checks`] adds one check; [`clock`] measures them side by side, because only
//! ratios within one process can be compared between machines.

#![allow(
    missing_docs,
    unreachable_pub,
    reason = "the SDK's macros expand to public items without documentation"
)]
#![allow(
    clippy::unused_async,
    reason = "an activity that is not async leaves the simulated thread"
)]

pub mod activities;
pub mod checks;
pub mod client;
pub mod clock;
pub mod floor;
pub mod memory;
pub mod worlds;

use std::time::Duration;

use temporalio_common::ActivityError;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult, activities::ActivityContext,
};

/// Worlds run with the memory of earlier ones, as in `scenarios` and as README advises.
#[cfg(feature = "allocator")]
#[global_allocator]
static ALLOCATOR: durasim::WorldAllocator = durasim::WorldAllocator;

/// The workflow to measure.
#[workflow]
#[derive(Default)]
pub struct Rounds;

#[workflow_methods]
impl Rounds {
    /// Waits a minute and calls an activity, the given number of times.
    ///
    /// # Errors
    ///
    /// If an activity fails.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, rounds: u32) -> WorkflowResult<u32> {
        let mut sum = 0;
        for round in 0..rounds {
            ctx.timer(Duration::from_mins(1)).await;
            let options =
                ActivityOptions::with_start_to_close_timeout(Duration::from_secs(10)).build();
            sum += ctx.execute_activity(Steps::step, round, options).await?;
        }
        Ok(sum)
    }
}

/// The activities of [`Rounds`].
pub struct Steps;

#[activities]
impl Steps {
    /// Returns its input.
    ///
    /// # Errors
    ///
    /// Never fails.
    #[activity]
    pub async fn step(_ctx: ActivityContext, round: u32) -> Result<u32, ActivityError> {
        Ok(round)
    }
}
