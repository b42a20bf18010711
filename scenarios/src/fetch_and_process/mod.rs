//! Fetch a page and process it, from a site that fails the first time.

pub mod workflow;
