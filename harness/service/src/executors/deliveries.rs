//! What one run does to another: each delivery is a transaction of its own, and the world chooses
//! the order.
//!
//! A parent starts a child, a closed child tells its parent, a closed parent tells its children, a
//! run signals or cancels another. On the server these are tasks of the transfer queue, done right
//! away but not within the transaction that asks for them, so that anything may come in between.
//! Here they are due at once, beside the timers: one run's deliveries in their order, those of
//! different runs in any.
//!
//! `temporalio/temporal: service/history/transfer_queue_active_task_executor.go`

use crate::{
    executors::{children, external_workflows},
    run::transfer::{Delivered, Delivery},
    state::service::Service,
};

/// A delivery that could not be made is tried again after this long.
const RETRY_MS: u64 = 1000;

/// Makes one of the deliveries that are due.
pub(crate) fn deliver(service: &mut Service, index: usize) {
    let now_ms = service.now_ms;
    let Some(delivery) = service.deliveries.take(now_ms, index) else {
        return;
    };
    let delivered = match delivery {
        Delivery::StartChild {
            parent,
            initiated_event_id,
        } => children::start(service, parent, initiated_event_id),
        Delivery::ChildClosed { child } => children::tell_parent(service, child),
        Delivery::ParentClosePolicy {
            parent,
            initiated_event_id,
        } => children::apply_parent_close_policy(service, parent, initiated_event_id),
        Delivery::Signal {
            sender,
            initiated_event_id,
        } => external_workflows::signal(service, sender, initiated_event_id),
        Delivery::RequestCancel {
            sender,
            initiated_event_id,
        } => external_workflows::request_cancel(service, sender, initiated_event_id),
    };
    if delivered == Delivered::Again {
        service.deliveries.push(now_ms + RETRY_MS, delivery);
    }
}
