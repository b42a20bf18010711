//! A generated plan: a seed at first, a tape once it has been run and shrunk.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use durasim_engine::Tape;

/// Which choices of a run are not benign.
///
/// Made by [`fault_plans`](super::fault_plans) and run by
/// [`Campaign::plan`](crate::advanced::Campaign::plan). It decides what happens at the points that a run
/// comes to; which faults there are, and how likely a fresh plan takes each, is the
/// `FaultProfile`'s to say.
#[derive(Clone)]
pub struct FaultPlan {
    pub(super) seed: u64,
    /// `None` until shrinking has begun.
    pub(super) tape: Option<Tape>,
    pub(super) recording: Recording,
}

/// The choices of the last run that failed, shared by a plan and the tree that shrinks it.
#[derive(Clone, Default)]
pub(super) struct Recording(Arc<Mutex<Option<Tape>>>);

impl Recording {
    pub(super) fn set(&self, tape: Tape) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(tape);
    }

    pub(super) fn get(&self) -> Option<Tape> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl FaultPlan {
    /// The seed that it began as.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The choices that are left, once it has begun to shrink.
    pub fn tape(&self) -> Option<&Tape> {
        self.tape.as_ref()
    }

    /// Whether it is known to leave every choice benign.
    pub fn is_benign(&self) -> bool {
        self.tape.as_ref().is_some_and(Tape::is_empty)
    }
}

/// What proptest prints and keeps beside a seed: the plan in words, or the seed.
impl fmt::Debug for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tape {
            None => write!(f, "FaultPlan(seed {})", self.seed),
            Some(tape) => {
                f.write_str("FaultPlan")?;
                f.debug_list()
                    .entries(tape.entries.iter().map(|entry| format!("{entry}")))
                    .finish()
            }
        }
    }
}
