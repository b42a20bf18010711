//! Faults placed by hand: the one schedule that a person fears, written down.

use super::FaultKind;
use temporalio_common::ActivityDefinition;

/// One fault at one place, for a unit test of one schedule.
///
/// ```no_run
/// use durasim::prelude::*;
/// # use temporalio_common::UntypedActivity;
/// # let charge = UntypedActivity::new("Payments::charge");
/// // The worker dies after the first charge ran, before the service hears of it.
/// let fault = Fault::worker_crash().after_activity(charge);
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    kind: FaultKind,
    /// What the point's key must contain.
    at: Option<String>,
    occurrence: u32,
    way: u32,
}

impl Fault {
    /// This kind of fault, at its first point.
    pub fn new(kind: FaultKind) -> Self {
        Self { kind, at: None, occurrence: 1, way: 1 }
    }

    /// The worker process dies.
    pub fn worker_crash() -> Self {
        Self::new(FaultKind::WorkerCrash)
    }

    /// Only where this activity is concerned.
    #[must_use]
    pub fn after_activity<AD: ActivityDefinition>(mut self, activity: AD) -> Self {
        self.at = Some(activity.name().to_owned());
        self
    }

    /// Only where the point's name contains this: a workflow type, a signal, a task queue.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.at = Some(place.into());
        self
    }

    /// Not at the first such point but at the nth, counted from 1.
    #[must_use]
    pub fn nth(mut self, occurrence: u32) -> Self {
        self.occurrence = occurrence.max(1);
        self
    }

    pub(crate) fn kind(&self) -> FaultKind {
        self.kind
    }

    pub(crate) fn strikes_at(&self, key: &str) -> bool {
        self.at.as_ref().is_none_or(|place| key.contains(place.as_str()))
    }

    pub(crate) fn occurrence(&self) -> u32 {
        self.occurrence
    }

    pub(crate) fn way(&self) -> u32 {
        self.way
    }
}
