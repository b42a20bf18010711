//! The deliveries from one run to another that have not been made.

use std::collections::{BTreeMap, VecDeque};

use crate::{base::identifiers::RunKey, run::transfer::Delivery};

/// The deliveries that have not been made, by the run that they come from.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    queues: BTreeMap<RunKey, VecDeque<(u64, Delivery)>>,
}

impl Deliveries {
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

    /// Returns the number of runs with a delivery that is due.
    pub(crate) fn due(&self, now_ms: u64) -> usize {
        self.queues
            .values()
            .filter(|queue| queue.iter().any(|(due_ms, _)| *due_ms <= now_ms))
            .count()
    }

    /// Takes the delivery of one of the runs that have one due.
    pub(crate) fn take(&mut self, now_ms: u64, index: usize) -> Option<Delivery> {
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
