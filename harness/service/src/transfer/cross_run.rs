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

use std::collections::{BTreeMap, VecDeque};

use crate::{
    identifiers::RunKey,
    service::Service,
    transfer::{children, external_workflows},
};

/// A delivery that could not be made is tried again after this long.
const RETRY_MS: u64 = 1000;

/// Something that a run does to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Start the child of this event.
    StartChild {
        parent: RunKey,
        initiated_event_id: i64,
    },
    /// Tell the parent of a closed run.
    ChildClosed { child: RunKey },
    /// Do to the child of this event what its parent close policy says.
    ParentClosePolicy {
        parent: RunKey,
        initiated_event_id: i64,
    },
    /// Send the signal of this event.
    Signal {
        sender: RunKey,
        initiated_event_id: i64,
    },
    /// Send the cancel request of this event.
    RequestCancel {
        sender: RunKey,
        initiated_event_id: i64,
    },
}

/// How a delivery went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    Done,
    /// The other run cannot take it now; it will be able to.
    Again,
}

impl Delivery {
    fn source(self) -> RunKey {
        match self {
            Self::ChildClosed { child } => child,
            Self::StartChild { parent, .. } | Self::ParentClosePolicy { parent, .. } => parent,
            Self::Signal { sender, .. } | Self::RequestCancel { sender, .. } => sender,
        }
    }
}

/// The deliveries not yet made, by the run that they come from.
#[derive(Debug, Default)]
pub(crate) struct CrossRun {
    queues: BTreeMap<RunKey, VecDeque<(u64, Delivery)>>,
}

impl CrossRun {
    pub(crate) fn push(&mut self, due_ms: u64, delivery: Delivery) {
        self.queues
            .entry(delivery.source())
            .or_default()
            .push_back((due_ms, delivery));
    }

    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.queues
            .values()
            .flatten()
            .map(|(due_ms, _)| *due_ms)
            .min()
    }

    /// How many runs have a delivery due.
    pub(crate) fn due(&self, now_ms: u64) -> usize {
        self.queues
            .values()
            .filter(|queue| queue.iter().any(|(due_ms, _)| *due_ms <= now_ms))
            .count()
    }

    /// Takes the delivery of one of the runs that have one due.
    fn take(&mut self, now_ms: u64, index: usize) -> Option<Delivery> {
        let is_due = |(due_ms, _): &(u64, Delivery)| *due_ms <= now_ms;
        let (source, queue) = self
            .queues
            .iter_mut()
            .filter(|(_, queue)| queue.iter().any(is_due))
            .nth(index)?;
        let source = *source;
        let place = queue.iter().position(is_due)?;
        let (_, delivery) = queue.remove(place)?;
        if queue.is_empty() {
            self.queues.remove(&source);
        }
        Some(delivery)
    }
}

/// Makes one of the deliveries that are due.
pub(crate) fn deliver(service: &mut Service, index: usize) {
    let now_ms = service.now_ms;
    let Some(delivery) = service.cross_run.take(now_ms, index) else {
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
        service.cross_run.push(now_ms + RETRY_MS, delivery);
    }
}
