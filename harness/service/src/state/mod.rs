//! The state of the service, and the transactions that change it.

pub(crate) mod abroad;
pub(crate) mod activity_executions;
pub(crate) mod answers;
pub(crate) mod backlog;
pub(crate) mod batch_operations;
pub(crate) mod deliveries;
pub(crate) mod executions;
pub(crate) mod nexus_operation_executions;
pub(crate) mod rate_limits;
mod retention;
pub(crate) mod routing;
pub(crate) mod service;
mod slots;
mod standalone;
mod store;
mod task_counter;
pub(crate) mod task_queues;
pub(crate) mod timers;
mod transactions;
pub(crate) mod waiting;
pub(crate) mod work;
pub(crate) mod workers;
