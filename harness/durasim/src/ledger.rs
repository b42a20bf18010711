//! Ledgers: a part of the outside world that records the effects of activities, and notices effects
//! that were applied twice.
//!
//! A worker can crash after an activity charged a card and before the service heard of it; the
//! activity then runs again. Whether the card is charged twice depends on the idempotency key, and
//! that is what a test wants to see. An [`EffectLedger`] stands where the card's bank would:
//! activities write effects into it, with a key or without, and it knows by itself which attempt of
//! which activity wrote each, so that what a user's code calls, such as the trait below, need not
//! carry that along.
//!
//! ```
//! use durasim::{EffectLedger, Recorded};
//! use serde::Serialize;
//!
//! /// What the payment activities are written against.
//! trait Bank: Send + Sync {
//!     fn charge(&self, key: &str, account: &str, cents: u64);
//! }
//!
//! #[derive(Clone, Debug, PartialEq, Serialize)]
//! struct Charge {
//!     account: String,
//!     cents: u64,
//! }
//!
//! /// What the tests give them.
//! impl Bank for EffectLedger<Charge> {
//!     fn charge(&self, key: &str, account: &str, cents: u64) {
//!         self.record(key, Charge { account: account.to_owned(), cents });
//!     }
//! }
//!
//! let bank = EffectLedger::new("bank");
//! bank.charge("order-1", "alice", 500);
//! bank.charge("order-1", "alice", 500); // the retry
//! assert_eq!(bank.effects(), [Charge { account: "alice".into(), cents: 500 }]);
//! assert_eq!(bank.times_asked("order-1"), 2);
//! ```
//!
//! A ledger that [`env.ledger`](crate::TestWorkflowEnvironment::ledger) made is watched by the
//! check `effects_once`, and `env.observe("bank", move || ledger.snapshot())` compares it with the
//! fault-free world.
//!
//! # Limits
//!
//! Effects written by an activity function that is not `async`, which runs on a thread of its own,
//! or by the test itself, have no known writer; `effects_once` says nothing about them.

use std::{
    fmt::{self, Debug},
    panic::Location,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use durasim_worker::activity;
use serde::Serialize;

use crate::{
    looks::{self, Look},
    words::timed,
};

/// A value that a ledger can record: it can be compared, printed and sent between threads.
///
/// ```
/// #[derive(Clone, Debug, PartialEq)]
/// struct Charge {
///     cents: u64,
/// }
/// let bank = durasim::EffectLedger::new("bank");
/// bank.apply(Charge { cents: 500 });
/// assert_eq!(bank.effects(), [Charge { cents: 500 }]);
/// ```
pub trait Effect: Clone + Debug + PartialEq + Send + 'static {}

impl<E: Clone + Debug + PartialEq + Send + 'static> Effect for E {}

/// The effects on a part of the outside world, in the order in which they were applied.
///
/// A clone is another handle to the same ledger. It outlives crashes of the workers that write into
/// it.
///
/// ```
#[doc = include_str!("../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// let outbox = env.ledger("outbox"); // the check `effects_once` watches it
/// let mails = outbox.clone();
/// env.worker("reminders")
///     .workflow::<Reminder>()
///     .mock_activity(Mailer::remind, move |call| {
///         mails.record(call.info().workflow_id.clone().unwrap_or_default(), call.input.clone());
///         async move { Ok(call.input) }
///     })
///     .start()?;
/// remind_ann(&env).await?;
/// assert_eq!(outbox.effects(), ["ann"]);
/// assert_eq!(outbox.times_asked("reminder-1"), 1);
/// # Ok(())
/// # }));
/// ```
pub struct EffectLedger<E> {
    name: Arc<str>,
    entries: Arc<Mutex<Vec<LedgerEntry<E>>>>,
}

/// One effect that was applied.
///
/// ```
/// let bank = durasim::EffectLedger::new("bank");
/// bank.record("order-1", 500);
/// bank.record("order-1", 500); // a repeat
/// let entry = &bank.entries()[0];
/// assert_eq!((entry.key.as_deref(), entry.effect), (Some("order-1"), 500));
/// assert_eq!(entry.duplicates.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LedgerEntry<E> {
    /// The idempotency key; `None` if the effect was applied without one.
    pub key: Option<String>,
    /// The effect.
    pub effect: E,
    /// The attempt that applied the effect; `None` if it is not known.
    pub applied_by: Option<Applier>,
    /// The attempts that recorded under the same key afterwards, without effect.
    pub duplicates: Vec<Option<Applier>>,
    /// The line that applied it.
    pub location: &'static Location<'static>,
}

/// The attempt of an activity that applied an effect.
///
/// ```
#[doc = include_str!("../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// let outbox = env.ledger("outbox");
/// let mails = outbox.clone();
/// env.worker("reminders")
///     .workflow::<Reminder>()
///     .mock_activity(Mailer::remind, move |call| {
///         mails.record("ann", call.input.clone());
///         async move { Ok(call.input) }
///     })
///     .start()?;
/// remind_ann(&env).await?;
/// let applier = outbox.entries()[0].applied_by.clone().expect("an attempt");
/// assert_eq!((applier.activity_type.as_str(), applier.attempt), ("Mailer::remind", 1));
/// # Ok(())
/// # }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applier {
    /// The activity type.
    pub activity_type: String,
    /// The workflow that scheduled the activity; empty if none did.
    pub workflow_id: String,
    /// The run that scheduled the activity; empty if none did.
    pub run_id: String,
    /// The activity id, unique among the open activities of a run.
    pub activity_id: String,
    /// The attempt, from 1.
    pub attempt: u32,
    /// True for a local activity.
    pub is_local: bool,
    /// The time of writing, in milliseconds of virtual time since the Unix epoch.
    pub at_ms: u64,
    /// Tells two runs of the same attempt apart, which a local activity can have.
    call: usize,
}

/// The outcome of recording an effect under a key.
///
/// ```
/// use durasim::Recorded;
///
/// let bank = durasim::EffectLedger::new("bank");
/// assert_eq!(bank.record("order-1", 500), Recorded::Applied);
/// assert_eq!(bank.record("order-1", 700), Recorded::Duplicate { first: 500 });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded<E> {
    /// It was applied.
    Applied,
    /// There was an effect with that key, which stands; this one was not applied.
    Duplicate {
        /// The effect that stands.
        first: E,
    },
}

impl<E> Recorded<E> {
    /// Returns `true` if there was an effect with that key already.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Duplicate { .. })
    }
}

/// The effects in a ledger, comparable between worlds.
///
/// ```
#[doc = include_str!("../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// let bank = env.ledger::<u32>("bank");
/// let seen = bank.clone();
/// env.observe("bank", move || seen.snapshot()); // must equal the fault-free world's
/// bank.record("order-1", 500);
/// # Ok(())
/// # }));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct LedgerSnapshot<E> {
    effects: Vec<KeyedEffect<E>>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct KeyedEffect<E> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    effect: E,
}

/// An effect that one activity applied in more than one of its attempts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AppliedAgain {
    /// The effect, as its `Debug` prints it.
    pub(crate) effect: String,
    /// The attempts that applied the effect, in order.
    pub(crate) appliers: Vec<Applier>,
    /// The line that applied it again.
    pub(crate) location: &'static Location<'static>,
}

impl AppliedAgain {
    /// Looks for a second attempt among the writers of equal effects by one activity.
    fn find<E: Effect>(group: &[(&LedgerEntry<E>, &Applier)]) -> Option<Self> {
        let (first, first_applier) = group.first()?;
        let (again, _) = group
            .iter()
            .find(|(_, applier)| applier.call != first_applier.call)?;
        Some(Self {
            effect: format!("{:?}", first.effect),
            appliers: group
                .iter()
                .map(|(_, applier)| (*applier).clone())
                .collect(),
            location: again.location,
        })
    }
}

impl<E: Effect> EffectLedger<E> {
    /// Creates an empty ledger. Reports use its name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            entries: Arc::default(),
        }
    }

    /// Returns the name that reports use.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Applies an effect, unless there is one with that idempotency key.
    #[track_caller]
    pub fn record(&self, key: impl Into<String>, effect: E) -> Recorded<E> {
        let (key, applier, location) = (key.into(), Applier::current(), Location::caller());
        let mut entries = self.lock();
        if let Some(entry) = entries
            .iter_mut()
            .find(|entry| entry.key.as_ref() == Some(&key))
        {
            entry.duplicates.push(applier);
            return Recorded::Duplicate {
                first: entry.effect.clone(),
            };
        }
        entries.push(LedgerEntry {
            key: Some(key),
            effect,
            applied_by: applier,
            duplicates: Vec::new(),
            location,
        });
        Recorded::Applied
    }

    /// Applies an effect, whatever was applied before, as an outside world without idempotency keys
    /// does.
    #[track_caller]
    pub fn apply(&self, effect: E) {
        let (applied_by, location) = (Applier::current(), Location::caller());
        let entry = LedgerEntry {
            key: None,
            effect,
            applied_by,
            duplicates: Vec::new(),
            location,
        };
        self.lock().push(entry);
    }

    /// Returns the effects, in the order in which they were applied.
    pub fn effects(&self) -> Vec<E> {
        self.read()
            .iter()
            .map(|entry| entry.effect.clone())
            .collect()
    }

    /// Returns the effects with their keys and writers, in the order in which they were applied.
    pub fn entries(&self) -> Vec<LedgerEntry<E>> {
        self.read().clone()
    }

    /// Returns the effect with that key.
    pub fn get(&self, key: &str) -> Option<E> {
        self.with_key(key, |entry| entry.effect.clone())
    }

    /// Returns the number of times that an effect was recorded under that key, the first included.
    pub fn times_asked(&self, key: &str) -> usize {
        self.with_key(key, |entry| 1 + entry.duplicates.len())
            .unwrap_or(0)
    }

    /// Returns the number of effects equal to this one.
    pub fn times_applied(&self, effect: &E) -> usize {
        self.read()
            .iter()
            .filter(|entry| entry.effect == *effect)
            .count()
    }

    /// Returns the number of effects.
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Returns `true` if there is no effect.
    pub fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    /// Returns the effects for [`observe`](crate::TestWorkflowEnvironment::observe): without their
    /// writers and times, and sorted by key and value, since faults may rightly change writers,
    /// times and order.
    pub fn snapshot(&self) -> LedgerSnapshot<E> {
        let mut effects: Vec<_> = self
            .lock()
            .iter()
            .map(|entry| KeyedEffect {
                key: entry.key.clone(),
                effect: entry.effect.clone(),
            })
            .collect();
        effects.sort_by_cached_key(|keyed| (keyed.key.clone(), format!("{:?}", keyed.effect)));
        LedgerSnapshot { effects }
    }

    /// Effects that several attempts of one activity applied, in the order of their first
    /// application.
    ///
    /// Equal effects only: an attempt that goes on where the last one stopped applies others. The
    /// key does not matter, for one that changes with the attempt protects nothing.
    pub(crate) fn applied_again(&self) -> Vec<AppliedAgain> {
        let entries = self.lock();
        let mut groups: Vec<Vec<(&LedgerEntry<E>, &Applier)>> = Vec::new();
        for entry in entries.iter() {
            let Some(applier) = &entry.applied_by else {
                continue;
            };
            let group = groups.iter_mut().find(|group| {
                let (first, first_applier) = group[0];
                first_applier.is_same_activity(applier) && first.effect == entry.effect
            });
            match group {
                Some(group) => group.push((entry, applier)),
                None => groups.push(vec![(entry, applier)]),
            }
        }
        groups
            .iter()
            .filter_map(|group| AppliedAgain::find(group))
            .collect()
    }

    fn with_key<T>(&self, key: &str, read: impl FnOnce(&LedgerEntry<E>) -> T) -> Option<T> {
        self.read()
            .iter()
            .find(|entry| entry.key.as_deref() == Some(key))
            .map(read)
    }

    /// Returns the entries, for somebody who reads them.
    fn read(&self) -> MutexGuard<'_, Vec<LedgerEntry<E>>> {
        let entries = self.lock();
        looks::note(|| Look {
            at: format!("ledger {:?}", self.name),
            value: lines_of(&entries),
        });
        entries
    }

    fn lock(&self) -> MutexGuard<'_, Vec<LedgerEntry<E>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the effects of a ledger, one a line.
fn lines_of<E: Debug>(entries: &[LedgerEntry<E>]) -> Vec<String> {
    if entries.is_empty() {
        return vec!["no effects".to_owned()];
    }
    let (known, unknown): (Vec<_>, Vec<_>) =
        entries.iter().partition(|entry| entry.applied_by.is_some());
    let words = |entry: &&LedgerEntry<E>| {
        let applier = entry.applied_by.as_ref()?;
        Some((applier.at_ms, format!("{:?}, by {applier}", entry.effect)))
    };
    let mut lines = timed(known.iter().filter_map(words));
    lines.extend(unknown.iter().map(|entry| format!("{:?}", entry.effect)));
    lines
}

impl Applier {
    fn current() -> Option<Self> {
        let attempt = activity::current()?;
        let info = attempt.info();
        Some(Self {
            activity_type: info.activity_type.clone(),
            workflow_id: info.workflow_id.clone().unwrap_or_default(),
            run_id: info.workflow_run_id.clone().unwrap_or_default(),
            activity_id: info.activity_id.clone(),
            attempt: info.attempt,
            is_local: info.is_local,
            at_ms: attempt.now_ms(),
            call: attempt.call(),
        })
    }

    /// Returns `true` if both are attempts of one activity that a workflow scheduled once.
    fn is_same_activity(&self, other: &Self) -> bool {
        // Local and other activities are numbered apart.
        self.activity_id == other.activity_id
            && self.is_local == other.is_local
            && self.run_id == other.run_id
            && self.workflow_id == other.workflow_id
            && self.activity_type == other.activity_type
    }
}

impl fmt::Display for Applier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, attempt {}", self.activity_type, self.attempt)?;
        if !self.workflow_id.is_empty() {
            write!(f, ", for workflow {:?}", self.workflow_id)?;
        }
        Ok(())
    }
}

impl<E> Clone for EffectLedger<E> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            entries: self.entries.clone(),
        }
    }
}

impl<E: Effect> Debug for EffectLedger<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EffectLedger")
            .field("name", &self.name)
            .field("entries", &*self.lock())
            .finish()
    }
}

#[cfg(test)]
mod tests;
