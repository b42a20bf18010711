//! The deliveries from one run to another that have not been made.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    base::identifiers::{DeliveryId, RunKey},
    run::transfer::Delivery,
};

/// The deliveries that have not been made, by the run that they come from.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    queues: BTreeMap<RunKey, VecDeque<Queued>>,
    /// The deliveries that are held back.
    held: BTreeMap<DeliveryId, Queued>,
    /// The deliveries that came up since they were last asked for, and have not been made.
    new: BTreeSet<DeliveryId>,
    /// The number of deliveries so far.
    count: u64,
}

/// A delivery that has not been made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queued {
    pub(crate) id: DeliveryId,
    pub(crate) due_ms: u64,
    pub(crate) delivery: Delivery,
    /// True if the next attempt reaches the other run, and its answer is lost.
    pub(crate) loses_answer: bool,
}

impl Deliveries {
    /// Adds a delivery that has just come up.
    pub(crate) fn push(&mut self, due_ms: u64, delivery: Delivery) {
        let id = DeliveryId(self.count);
        self.count += 1;
        self.new.insert(id);
        self.queue(Queued {
            id,
            due_ms,
            delivery,
            loses_answer: false,
        });
    }

    /// Queues a delivery behind the others of its run.
    pub(crate) fn queue(&mut self, queued: Queued) {
        let source = queued.delivery.source();
        self.queues.entry(source).or_default().push_back(queued);
    }

    /// Takes the deliveries that came up since the last call, and have not been made, if there are
    /// any.
    pub(crate) fn take_new(&mut self) -> Option<Vec<Queued>> {
        if self.new.is_empty() {
            return None;
        }
        let new = std::mem::take(&mut self.new).into_iter();
        Some(new.filter_map(|id| self.find(id).copied()).collect())
    }

    /// Returns the delivery with this id, to be changed, unless it is held back or has been made.
    pub(crate) fn find(&mut self, id: DeliveryId) -> Option<&mut Queued> {
        let mut queued = self.queues.values_mut().flatten();
        queued.find(|queued| queued.id == id)
    }

    /// Holds a delivery back.
    pub(crate) fn hold(&mut self, id: DeliveryId) {
        let place = |queue: &VecDeque<Queued>| queue.iter().position(|queued| queued.id == id);
        let held = self
            .queues
            .values_mut()
            .find_map(|queue| queue.remove(place(queue)?));
        self.held.extend(held.map(|queued| (id, queued)));
        self.queues.retain(|_, queue| !queue.is_empty());
    }

    /// Returns `true` if a delivery from this run has not been made.
    pub(crate) fn any_from(&self, source: RunKey) -> bool {
        let mut held = self.held.values();
        self.queues.contains_key(&source) || held.any(|queued| queued.delivery.source() == source)
    }

    /// Takes a delivery that is held back.
    pub(crate) fn take_held(&mut self, id: DeliveryId) -> Option<Queued> {
        self.held.remove(&id)
    }

    /// Returns the time at which the next delivery is due that is not held back.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.queues
            .values()
            .flatten()
            .map(|queued| queued.due_ms)
            .min()
    }

    /// Returns the number of runs with a delivery that is due.
    pub(crate) fn due(&self, now_ms: u64) -> usize {
        self.queues
            .values()
            .filter(|queue| queue.iter().any(|queued| queued.due_ms <= now_ms))
            .count()
    }

    /// Takes the delivery of one of the runs that have one due.
    pub(crate) fn take(&mut self, now_ms: u64, index: usize) -> Option<Queued> {
        let is_due = |queued: &Queued| queued.due_ms <= now_ms;
        let (source, queue) = self
            .queues
            .iter_mut()
            .filter(|(_, queue)| queue.iter().any(is_due))
            .nth(index)?;
        let source = *source;
        let place = queue.iter().position(is_due)?;
        let taken = queue.remove(place)?;
        self.new.remove(&taken.id);
        if queue.is_empty() {
            self.queues.remove(&source);
        }
        Some(taken)
    }
}
