//! The faults of messages between a service behind a port and its clients and workers.
//!
//! A world asks its faults at every message and every moment of a worker. Over the wire only
//! messages pass: [`Wire`] asks the same [catalogue](FaultKind) about them, and makes the same
//! choices from a seed. What needs a worker process of durasim's own, a crash say, cannot happen
//! here; [`NotOnTheWire`] names it. `durasim serve --seed N --faults all` is made of this.
//!
//! ```
//! use durasim::{
//!     FaultKind, FaultProfile,
//!     wire::{Wire, on_the_wire},
//! };
//!
//! let (profile, off) = on_the_wire(FaultProfile::messages());
//! assert!(off.contains(&FaultKind::NexusAnswerLost), "{off:?}");
//! let wire = Wire::new(7, &profile)?;
//! assert!(wire.struck().is_empty());
//! assert!(Wire::new(7, &FaultProfile::crashes()).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A message is late at the pace of the service's clock. Names belong to the thread that makes a
//! `Wire`: it cannot leave that thread.

mod ask;
mod tasks;

use std::{collections::BTreeMap, fmt};

use durasim_engine::Choices;
use durasim_service::{Request, Response};
use tonic::Status;

use crate::{
    faults::{FaultKind, FaultProfile, Faults},
    label::{Label, Workflows},
    words::duration_words,
};
use tasks::{Tasks, token_of};

/// The kinds of faults that happen to messages alone.
const ON_THE_WIRE: [FaultKind; 11] = [
    FaultKind::ActivityCompletionLost,
    FaultKind::CacheEviction,
    FaultKind::ClientUnavailable,
    FaultKind::HeartbeatLoss,
    FaultKind::MessageDelay,
    FaultKind::ServiceOutage,
    FaultKind::SignalDelay,
    FaultKind::SignalDuplicate,
    FaultKind::SignalReorder,
    FaultKind::UpdateAnswerLost,
    FaultKind::WorkflowTaskTimeout,
];

/// Returns the profile without the faults that cannot happen over the wire, and those.
pub fn on_the_wire(profile: FaultProfile) -> (FaultProfile, Vec<FaultKind>) {
    let off: Vec<_> = not_on_the_wire(&profile).collect();
    let profile = off.iter().copied().fold(profile, FaultProfile::without);
    (profile, off)
}

fn not_on_the_wire(profile: &FaultProfile) -> impl Iterator<Item = FaultKind> {
    FaultKind::ALL
        .into_iter()
        .filter(|kind| profile.odds_of(*kind) > 0.0 && !ON_THE_WIRE.contains(kind))
}

/// Faults that cannot happen over the wire: they need a worker process of durasim's own, or strike
/// inside the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotOnTheWire(pub Vec<FaultKind>);

impl fmt::Display for NotOnTheWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |kinds: &[FaultKind]| {
            let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
            names.join(", ")
        };
        write!(
            f,
            "only a test in Rust has the faults {}; over the wire there are {}",
            list(&self.0),
            list(&ON_THE_WIRE)
        )
    }
}

impl std::error::Error for NotOnTheWire {}

/// The lateness of a message: both must have passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    /// Milliseconds.
    pub ms: u64,
    /// The number of other messages that pass first, if so many come soon.
    pub messages: u32,
}

/// The fate of a message.
#[derive(Debug)]
pub enum Passage {
    /// It arrives as it was sent.
    OnTime,
    /// It arrives later.
    Late(Lateness),
    /// It arrives, and so does a copy, later than it.
    Twice(Lateness),
    /// It does not arrive, and its caller gets this status.
    Refused(Status),
    /// It arrives, and its caller gets this status in place of the answer.
    Unanswered(Status),
}

/// The faults of messages, drawn from a seed.
pub struct Wire {
    choices: Choices,
    faults: Faults,
    names: Workflows,
    tasks: Tasks,
    pending: BTreeMap<u64, Pending>,
    outage: Option<Outage>,
    /// The time of the first request.
    began_ms: Option<u64>,
}

/// A call without an answer.
struct Pending {
    label: Label,
    /// The task queue of the worker that calls; `None` for a client.
    worker: Option<String>,
    /// The token of the task that the call is about; empty if it is about none.
    token: Vec<u8>,
    sent_ms: u64,
}

/// A time at which the service refuses every call.
struct Outage {
    until_ms: u64,
    status: Status,
}

impl Wire {
    /// Creates the faults of a seed.
    ///
    /// # Errors
    ///
    /// The profile has faults that cannot happen over the wire.
    pub fn new(seed: u64, profile: &FaultProfile) -> Result<Self, NotOnTheWire> {
        let off: Vec<_> = not_on_the_wire(profile).collect();
        if !off.is_empty() {
            return Err(NotOnTheWire(off));
        }
        let mut choices = Choices::seeded(seed);
        let faults = Faults::new(profile, &mut choices);
        Ok(Self {
            choices,
            faults,
            names: Workflows::default(),
            tasks: Tasks::default(),
            pending: BTreeMap::new(),
            outage: None,
            began_ms: None,
        })
    }

    /// Decides the fate of a request, which a fault may change. The caller waits for the answer for
    /// `timeout_ms`, if it says so. The id is one of the caller's own, for [`Self::answer`].
    pub fn request(
        &mut self,
        now_ms: u64,
        id: u64,
        request: &mut Request,
        timeout_ms: Option<u64>,
    ) -> Passage {
        self.began_ms.get_or_insert(now_ms);
        if let Some(outage) = &self.outage {
            if now_ms < outage.until_ms {
                return Passage::Refused(outage.status.clone());
            }
            self.outage = None;
        }
        let (label, worker) = self.about(request);
        let pending = Pending {
            label,
            worker,
            token: token_of(request).to_vec(),
            sent_ms: now_ms,
        };
        let passage = self.of_request(now_ms, request, &pending, timeout_ms);
        if !matches!(passage, Passage::Refused(_)) {
            self.pending.insert(id, pending);
        }
        passage
    }

    /// Decides the fate of the answer to a request.
    pub fn answer(&mut self, now_ms: u64, id: u64, answer: &Result<Response, Status>) -> Passage {
        let Some(pending) = self.pending.remove(&id) else {
            return Passage::OnTime;
        };
        self.of_answer(now_ms, &pending, answer)
    }

    /// Forgets a request whose caller has gone.
    pub fn forget(&mut self, id: u64) {
        self.pending.remove(&id);
    }

    /// Returns the faults that have struck, in the words of a plan, each with the time since the
    /// first request.
    pub fn struck(&self) -> Vec<String> {
        let began_ms = self.began_ms.unwrap_or_default();
        let entries = self.choices.taken_entries().iter();
        let struck = entries.filter(|entry| !entry.words.is_empty());
        struck
            .map(|entry| {
                let after = duration_words(entry.at_ms.saturating_sub(began_ms));
                format!("+{after} {}", entry.words)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
