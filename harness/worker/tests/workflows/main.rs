//! Tests of the worker: it completes workflow tasks with histories made by hand. Where the SDK's
//! own replayer can take the same history, both are compared.

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
