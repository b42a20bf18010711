//! The strategy, and the tree that puts choices back to benign.

use ::proptest::{
    num,
    strategy::{NewTree, Strategy, ValueTree},
    test_runner::TestRunner,
};
use durasim_engine::{Tape, TapeEntry};

use super::plan::{FaultPlan, Recording};

/// Fault plans: each case a new seed, which shrinks to the few choices that it takes to fail.
///
/// An ordinary `Strategy`, to be combined with others:
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
/// `#[workflow_test(proptest)]` is the same with less to write, and with durasim's own report.
///
/// # What shrinking can do
///
/// Which choices a run will offer is known only once it has run, so a fresh plan is a seed: it has
/// no parts yet. Running it records the choices it made, and it is this recording that shrinks, by
/// putting choices back to benign: first all, then halves, quarters and so on, at last one by one,
/// until no single one can be put back. Hence two things follow:
///
/// - a plan that nobody ran (with [`Campaign::plan`](crate::advanced::Campaign::plan)) does not shrink;
/// - the recording belongs to the other inputs of the case in which it was made. In a tuple, put
///   the plan first: proptest shrinks from left to right, so the plan shrinks under the inputs that
///   it was recorded with, and then the inputs under the plan. A smaller input may meet fewer of
///   the plan's points; what matches nothing is benign.
pub fn fault_plans() -> FaultPlans {
    FaultPlans { _private: () }
}

/// The strategy of [`fault_plans`].
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

/// Delta debugging, one step a call: proptest says between the calls whether the step still fails.
struct Search {
    /// The seed of the tape: what is not a choice (entropy of activities, say) still follows it.
    seed: Option<u64>,
    /// The smallest list of choices known to fail.
    known: Vec<TapeEntry>,
    /// How many choices a step puts back.
    size: usize,
    /// Where in `known` the step puts back.
    at: usize,
    /// Whether this round of steps of one size got anywhere.
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

    /// The step failed too: its choices are not needed. What follows has moved up to `at`.
    fn accept(&mut self) {
        self.known = self.without_step();
        self.progress = true;
        self.settle();
    }

    /// The step passed: some of its choices are needed.
    fn reject(&mut self) {
        self.at += self.size;
        self.settle();
    }

    /// At the end of a round: the next one with smaller steps, or once more with single ones if
    /// that helped.
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
                // A plan that was never run, or that needed no choice to fail, has nothing to put
                // back.
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

    /// Puts the last step's choices in again and takes the next step; when there is none, goes back
    /// to the plan that is known to fail, and says once more that this is a change.
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
