//! Core's part between the service and workflow code.
//!
//! `temporalio-sdk-core`: `src/worker/workflow/`, `src/worker/activities/local_activities.rs`,
//! `src/retry_logic.rs`

mod activations;
mod local_activities;
mod patches;

use super::{chain, failure, on, seconds};
