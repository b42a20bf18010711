//! Deliveries: the actions of one run on another. Each is a transaction of its own, and the caller
//! of the service chooses their order.
//!
//! A parent starts a child, a closed child notifies its parent, a closed parent notifies its
//! children, a run signals or cancels another. On the server these are tasks of the transfer queue:
//! they run at once, but not within the transaction that asks for them, so other requests may come
//! in between. Here they are due at once, beside the timers. The deliveries of one run keep their
//! order; those of different runs may come in any order.
//!
//! A caller may hold a delivery back. On the server the queue may lag, and several of its tasks run
//! at the same time: even two tasks of one run may overtake each other, most of all when one of
//! them fails and is tried again. A task that did not hear the answer of the other run in time is
//! tried again too. The other run recognises a signal by its request id, and a second cancel
//! request changes nothing.
//!
//! Source: `temporalio/temporal: service/history/transfer_queue_active_task_executor.go`
//! (`processSignalExecution`, `processCancelExecution`, `processCloseExecution`),
//! `service/history/queues/executable.go` (`HandleErr`), `common/tasks/fifo_scheduler.go`.

use crate::{
    executors::{children, external_workflows},
    run::transfer::{Delivered, Delivery},
    state::{deliveries::Queued, service::Service},
};

/// The time after which a failed delivery is tried again.
///
/// Source: `temporalio/temporal: common/util.go` (`taskRescheduleInitialInterval`).
const RETRY_MS: u64 = 1000;

/// Makes one of the deliveries that are due.
pub(crate) fn deliver(service: &mut Service, index: usize) {
    let now_ms = service.now_ms;
    if let Some(queued) = service.deliveries.take(now_ms, index) {
        make(service, queued);
    }
}

/// Makes a delivery. It is queued again if the other run cannot take it now, or if its answer is
/// lost.
pub(crate) fn make(service: &mut Service, queued: Queued) {
    let loses_answer = queued.loses_answer;
    let delivered = match queued.delivery {
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
        } => external_workflows::signal(service, sender, initiated_event_id, loses_answer),
        Delivery::RequestCancel {
            sender,
            initiated_event_id,
        } => external_workflows::request_cancel(service, sender, initiated_event_id, loses_answer),
    };
    if delivered == Delivered::Again {
        service.deliveries.queue(Queued {
            due_ms: service.now_ms + RETRY_MS,
            loses_answer: false,
            ..queued
        });
    }
}
