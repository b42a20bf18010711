//! Workflow tasks in, completions out: what a worker makes of histories made by hand, compared with
//! the SDK's own replayer where the SDK has one.

mod cancellations;
mod code;
mod failures;
mod histories;
mod local_activities;
mod nexus_operations;
mod nondeterminism;
mod parity;
mod queries;
mod replays;
mod support;
mod tasks;
