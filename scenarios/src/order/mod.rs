//! Parent, child and external workflows, and a cancellation that cleans up.

pub mod shipment;
pub mod warehouse;
pub mod workflow;
