//! Values and checks that everything else builds on.

pub(crate) mod checks;
pub(crate) mod config;
pub(crate) mod failure;
pub(crate) mod go_duration;
pub(crate) mod identifiers;
pub(crate) mod links;
pub(crate) mod nexus_endpoints;
pub(crate) mod payload;
pub(crate) mod priorities;
pub(crate) mod reason;
pub(crate) mod search_attributes;
pub(crate) mod status;
pub mod time;
pub(crate) mod versioning_override;
pub(crate) mod versions;
