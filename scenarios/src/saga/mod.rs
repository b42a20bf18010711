//! Three bookings or none.

pub mod workflow;
