//! Money that is never made and never lost.

pub mod workflow;
