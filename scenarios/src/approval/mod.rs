//! A decision by a person, with a deadline of a day.

pub mod workflow;
