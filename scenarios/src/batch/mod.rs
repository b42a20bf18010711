//! Many pages, some of which cannot be had.

pub mod workflow;
