//! Continue-as-new that loses no signal.

pub mod workflow;
