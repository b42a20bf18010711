//! The strategy, and the tree that makes choices benign again.

use ::proptest::{
    num,
    strategy::{NewTree, Strategy, ValueTree},
    test_runner::TestRunner,
};
use durasim_engine::{Tape, TapeEntry};

use super::plan::{FaultPlan, Recording};

/// Returns a strategy of fault plans: each case is a new seed, which shrinks to the few choices
/// that the failure takes.
///
/// It is an ordinary `Strategy`, and combines with others:
///
/// ```
/// use durasim::{
///     FaultProfile, TestWorkflowEnvironment,
///     advanced::{Campaign, WorldOptions, fault_plans},
/// };
/// use futures::FutureExt;
/// use proptest::prelude::*;
///
/// proptest!(ProptestConfig::with_cases(4), |(plan in fault_plans(), hours in 1..100_u64)| {
///     let body = move |env: TestWorkflowEnvironment| async move {
///         env.sleep(std::time::Duration::from_secs(hours * 3600)).await;
///         Ok(())
///     }.boxed_local();
///     let mut options = WorldOptions::default();
///     options.faults = FaultProfile::all();
///     let world = Campaign::new(&body, options).plan(&plan);
///     prop_assert!(world.failure.is_none());
/// });
/// ```
///
/// `#[workflow_test(proptest)]` does the same with less to write, and with durasim's own report.
///
/// # Shrinking
///
/// The choices that a world will offer are known only once the world has run. So a fresh plan is a
/// seed, without parts. Its world records the choices that it made, and this recording shrinks:
/// choices become benign again, first all, then halves, quarters and so on, at last one by one,
/// until every single one is needed. Two things follow:
///
/// - A plan shrinks only if [`Campaign::plan`](crate::advanced::Campaign::plan) ran it.
/// - The recording belongs to the other inputs of its case. In a tuple, put the plan first:
///   proptest shrinks from left to right, so the plan shrinks under the inputs that it was recorded
///   with, and then the inputs shrink under the plan. A world of smaller inputs may meet fewer of
///   the plan's points; the choices at the others are benign.
pub fn fault_plans() -> FaultPlans {
    FaultPlans { _private: () }
}

/// The strategy that [`fault_plans`] returns.
#[derive(Debug, Clone, Copy)]
pub struct FaultPlans {
    _private: (),
}

impl Strategy for FaultPlans {
    type Tree = FaultPlanTree;
    type Value = FaultPlan;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let seed = num::u64::ANY.new_tree(runner)?.current();
        Ok(FaultPlanTree {
            seed,
            recording: Recording::default(),
            search: None,
        })
    }
}

/// A plan on its way to fewer choices.
pub struct FaultPlanTree {
    seed: u64,
    recording: Recording,
    /// `None` until the plan has failed and is asked to shrink.
    search: Option<Search>,
}

/// Delta debugging, one step a call. Between the calls proptest reports if the step still fails.
struct Search {
    /// The seed of the tape, which entropy still follows.
    seed: Option<u64>,
    /// The shortest list of choices that is known to fail.
    known: Vec<TapeEntry>,
    /// The number of choices that a step makes benign.
    size: usize,
    /// The index in `known` of the first of them.
    at: usize,
    /// True if a step of this size has succeeded in this round.
    progress: bool,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The current plan is `known` without `size` entries from `at`.
    Trying,
    /// Nothing is left to try; the current plan is `known`.
    Done,
}

impl Search {
    fn new(tape: Tape) -> Self {
        let size = tape.entries.len();
        let state = if size == 0 {
            State::Done
        } else {
            State::Trying
        };
        Self {
            seed: tape.seed,
            known: tape.entries,
            size,
            at: 0,
            progress: false,
            state,
        }
    }

    fn without_step(&self) -> Vec<TapeEntry> {
        let end = (self.at + self.size).min(self.known.len());
        [&self.known[..self.at], &self.known[end..]].concat()
    }

    /// Takes note that the step failed too: its choices are not needed. The choices after them have
    /// moved up to `at`.
    fn accept(&mut self) {
        self.known = self.without_step();
        self.progress = true;
        self.settle();
    }

    /// Takes note that the step passed: some of its choices are needed.
    fn reject(&mut self) {
        self.at += self.size;
        self.settle();
    }

    /// Begins the next round if this one is over: with smaller steps, or with single choices once
    /// more if those have helped.
    fn settle(&mut self) {
        if self.known.is_empty() {
            self.state = State::Done;
        } else if self.at >= self.known.len() {
            if self.size == 1 && !self.progress {
                self.state = State::Done;
            }
            self.size = (self.size.min(self.known.len()) / 2).max(1);
            self.at = 0;
            self.progress = false;
        }
    }
}

impl ValueTree for FaultPlanTree {
    type Value = FaultPlan;

    fn current(&self) -> FaultPlan {
        let tape = self.search.as_ref().map(|search| Tape {
            seed: search.seed,
            entries: match search.state {
                State::Trying => search.without_step(),
                State::Done => search.known.clone(),
            },
        });
        FaultPlan {
            seed: self.seed,
            tape,
            recording: self.recording.clone(),
        }
    }

    fn simplify(&mut self) -> bool {
        match &mut self.search {
            None => {
                // A plan that was never run, or that takes no choice to fail, cannot shrink.
                let Some(tape) = self.recording.get().filter(|tape| !tape.is_empty()) else {
                    return false;
                };
                self.search = Some(Search::new(tape));
                true
            }
            Some(Search {
                state: State::Done, ..
            }) => false,
            Some(search) => {
                search.accept();
                search.state == State::Trying
            }
        }
    }

    /// Takes the choices of the last step back and takes the next step. If there is none, goes back
    /// to the plan that is known to fail, and reports this as one more change.
    fn complicate(&mut self) -> bool {
        match &mut self.search {
            Some(search) if search.state == State::Trying => {
                search.reject();
                true
            }
            _ => false,
        }
    }
}
