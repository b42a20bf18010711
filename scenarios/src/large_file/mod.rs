//! A long activity that heartbeats and resumes.

pub mod workflow;
