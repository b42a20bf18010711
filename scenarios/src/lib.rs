//! Workflows by pattern, sound and flawed, with a world to test each.

#![allow(
    missing_docs,
    unreachable_pub,
    reason = "the SDK's macros expand to public items without documentation"
)]
#![allow(
    clippy::missing_errors_doc,
    reason = "the return types of workflow and activity methods say how they fail"
)]
#![allow(
    clippy::unused_async,
    reason = "an activity that is not async leaves the simulated thread, even if it awaits nothing"
)]

pub mod approval;
pub mod batch;
pub mod delivery;
pub mod fan_out;
pub mod fetch_and_process;
pub mod flawed;
pub mod inventory;
pub mod large_file;
pub mod notifications;
pub mod order;
pub mod payment;
pub mod pulled;
pub mod registry;
pub mod renewal;
pub mod saga;
pub mod scenario;
pub mod subscription;
mod support;
pub mod transfer;
pub mod versioned;
