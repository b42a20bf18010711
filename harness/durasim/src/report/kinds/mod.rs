//! The failures that are no check's own: one constructor for each kind, with its wording.
//!
//! The failure of a check is worded in the check's own file, unless more than the check reports it.

mod real_io;
mod test;
mod unregistered;
mod workflow_code;
mod workflow_task;

pub(crate) use real_io::is_real_io;
pub(crate) use unregistered::Registered;
