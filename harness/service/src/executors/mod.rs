//! The work that follows a transaction: transfer tasks, deliveries between runs, and timers.

pub(crate) mod children;
pub(crate) mod deliveries;
mod external_workflows;
#[cfg(test)]
mod tests;
pub(crate) mod timers;
pub(crate) mod transfers;
