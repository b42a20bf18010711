//! Generated plans: a seed at first, a tape once the plan has been run and shrunk.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use durasim_engine::Tape;

/// A generated plan: the choices of a world that are not benign.
///
/// [`fault_plans`](super::fault_plans) generates plans, and
/// [`Campaign::plan`](crate::advanced::Campaign::plan) runs them. A plan decides at the points that
/// its world comes to. The [`FaultProfile`](crate::FaultProfile) says which faults there are, and
/// how likely a fresh plan injects each.
#[derive(Clone)]
pub struct FaultPlan {
    pub(super) seed: u64,
    /// `None` until shrinking has begun.
    pub(super) tape: Option<Tape>,
    pub(super) recording: Recording,
}

/// The choices of the last world that failed, shared by a plan and the tree that shrinks it.
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
    /// Returns the seed that the plan began as.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the choices that are left, once the plan has begun to shrink.
    pub fn tape(&self) -> Option<&Tape> {
        self.tape.as_ref()
    }

    /// Returns `true` if the plan is known to leave every choice benign.
    pub fn is_benign(&self) -> bool {
        self.tape.as_ref().is_some_and(Tape::is_empty)
    }
}

/// The plan in words, or its seed. proptest prints this text, and keeps it beside a seed.
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
