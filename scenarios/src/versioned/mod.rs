//! A new version of the code, deployed under running workflows.

pub mod workflow;
