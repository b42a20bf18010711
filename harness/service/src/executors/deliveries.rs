//! Deliveries: the actions of one run on another. Each is a transaction of its own, and the caller
//! of the service chooses their order.
//!
//! A parent starts a child, a closed child notifies its parent, a closed parent notifies its
//! children, a run signals or cancels another. On the server these are tasks of the transfer queue:
//! they run at once, but not within the transaction that asks for them, so other requests may come
//! in between. Here they are due at once, beside the timers. The deliveries of one run keep their
//! order; those of different runs may come in any order.
//!
//! Source: `temporalio/temporal: service/history/transfer_queue_active_task_executor.go`.

use crate::{
    executors::{children, external_workflows},
    run::transfer::{Delivered, Delivery},
    state::service::Service,
};

/// The time after which a failed delivery is tried again.
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
