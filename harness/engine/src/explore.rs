//! Exhaustive exploration: every plan of at most so many departures from the benign run.
//!
//! A *departure* is one decision that leaves 0. The benign run says which decisions there are;
//! running each of them otherwise gives the plans of one departure, and what those runs offer
//! *after* their departure gives the plans of two, and so on. So decisions that only come up
//! because of an earlier departure are explored too, and no plan comes up twice. All plans of fewer
//! departures come before those of more; within that, the order is that of the decisions, however
//! many threads run the plans and in whatever order they report.
//!
//! ```
//! use durasim_engine::{Choices, Explorer, Odds};
//!
//! let mut explorer = Explorer::new(2);
//! let mut runs = Vec::new();
//! while let Some(plan) = explorer.next_plan() {
//!     let mut choices = Choices::tape(&plan.tape);
//!     choices.record_offers();
//!     let crashed = choices.choose("worker.crash", "payments", 2, Odds::Uniform);
//!     // Only a worker that crashed can be slow to come back.
//!     let slow = crashed * choices.choose("worker.restart", "payments", 1 + 2 * crashed, Odds::Uniform);
//!     runs.push((crashed, slow));
//!     explorer.ran(plan.id, choices.offers().to_vec());
//! }
//! assert_eq!(runs, [(0, 0), (1, 0), (1, 1), (1, 2)]);
//! ```

use std::collections::BTreeMap;

use crate::choice::Offer;
use crate::tape::{Tape, TapeEntry};

/// The identity of a plan: the how-manieth it is, from 0, which is the benign run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanId(pub u64);

/// A run to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which, for reporting back.
    pub id: PlanId,
    /// Its departures, in the order in which the run comes to them.
    pub tape: Tape,
}

/// Enumerates plans.
#[derive(Debug)]
pub struct Explorer {
    max_departures: usize,
    next_id: u64,
    /// How many departures the plans have that are given out now.
    departures: usize,
    /// Runs of one departure less, whose plans are given out now, in order.
    parents: std::vec::IntoIter<Ran>,
    current: Option<Branches>,
    /// Plans given out, that nobody reported about yet.
    outstanding: BTreeMap<PlanId, Tape>,
    /// Runs that were reported about, whose plans come next.
    ran: BTreeMap<PlanId, Ran>,
}

/// What a run of a plan offered after its last departure.
#[derive(Debug)]
struct Ran {
    tape: Tape,
    offers: Vec<Offer>,
}

/// Where the enumeration of the plans that depart once more than a run stands.
#[derive(Debug)]
struct Branches {
    ran: Ran,
    offer: usize,
    value: u32,
}

impl Explorer {
    /// Begins: the first plan is the benign run, the last have `max_departures`.
    pub fn new(max_departures: usize) -> Self {
        Self {
            max_departures,
            next_id: 0,
            departures: 0,
            parents: Vec::new().into_iter(),
            current: None,
            outstanding: BTreeMap::new(),
            ran: BTreeMap::new(),
        }
    }

    /// The next plan to run.
    ///
    /// `None` means that there is none now: either it is all done, or plans that were given out
    /// must be reported first ([`Explorer::outstanding`]).
    pub fn next_plan(&mut self) -> Option<Plan> {
        if self.next_id == 0 {
            return Some(self.give_out(Tape::default()));
        }
        loop {
            if let Some(tape) = self.current.as_mut().and_then(Branches::next) {
                return Some(self.give_out(tape));
            }
            let branches = self.parents.next().map(|ran| Branches {
                ran,
                offer: 0,
                value: 0,
            });
            if branches.is_none() && !self.deepen() {
                return None;
            }
            self.current = branches;
        }
    }

    /// Reports the run of a plan, with everything that it offered, in order.
    ///
    /// Offers that shall not be departed from, such as the order of tasks, are for the caller to
    /// leave out.
    ///
    /// # Panics
    ///
    /// If that plan was not given out, or was reported before.
    #[track_caller]
    pub fn ran(&mut self, id: PlanId, mut offers: Vec<Offer>) {
        let tape = self
            .outstanding
            .remove(&id)
            .expect("a plan is reported once, after it was given out");
        if self.departures == self.max_departures {
            return;
        }
        // What comes before the last departure was offered to the run without it too, and explored
        // from there.
        let last = tape.entries.last();
        let begin = match last {
            Some(last) => offers
                .iter()
                .position(|offer| offer.point == last.point)
                .map(|last| last + 1),
            None => Some(0),
        };
        // A departure that the run never came to has nothing after it.
        offers.drain(..begin.unwrap_or(offers.len()));
        self.ran.insert(id, Ran { tape, offers });
    }

    /// How many plans were given out and not reported yet.
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// How many plans were given out so far.
    pub fn given_out(&self) -> u64 {
        self.next_id
    }

    fn give_out(&mut self, tape: Tape) -> Plan {
        let id = PlanId(self.next_id);
        self.next_id += 1;
        self.outstanding.insert(id, tape.clone());
        Plan { id, tape }
    }

    /// Goes on to plans of one departure more, if all of the present ones were reported.
    fn deepen(&mut self) -> bool {
        if !self.outstanding.is_empty() || self.ran.is_empty() {
            return false;
        }
        self.departures += 1;
        self.parents = std::mem::take(&mut self.ran)
            .into_values()
            .collect::<Vec<_>>()
            .into_iter();
        true
    }
}

impl Branches {
    fn next(&mut self) -> Option<Tape> {
        let offer = loop {
            let offer = self.ran.offers.get(self.offer)?;
            if self.value + 1 < offer.arity {
                break offer;
            }
            (self.offer, self.value) = (self.offer + 1, 0);
        };
        self.value += 1;
        let mut tape = self.ran.tape.clone();
        tape.entries.push(TapeEntry {
            point: offer.point.clone(),
            arity: offer.arity,
            value: self.value,
            at_ms: 0,
            words: String::new(),
        });
        Some(tape)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::choice::{Choices, Odds};

    /// Three decisions with two answers each; the third comes up a second time if the first
    /// departed.
    fn run(tape: &Tape) -> (Vec<u32>, Vec<Offer>) {
        let mut choices = Choices::tape(tape);
        choices.record_offers();
        let mut answers: Vec<u32> = ["a", "b", "c"]
            .iter()
            .map(|key| choices.choose("fault", key, 2, Odds::Uniform))
            .collect();
        if answers[0] == 1 {
            answers.push(choices.choose("fault", "c", 3, Odds::Uniform));
        }
        (answers, choices.offers().to_vec())
    }

    fn explore(max_departures: usize) -> Vec<Vec<u32>> {
        let mut explorer = Explorer::new(max_departures);
        let mut all = Vec::new();
        while let Some(plan) = explorer.next_plan() {
            let (answers, offers) = run(&plan.tape);
            all.push(answers);
            explorer.ran(plan.id, offers);
        }
        assert_eq!(explorer.outstanding(), 0);
        assert_eq!(explorer.given_out(), all.len() as u64);
        all
    }

    #[test]
    fn no_departure_is_the_benign_run_alone() {
        assert_eq!(explore(0), [[0, 0, 0]]);
    }

    #[test]
    fn one_departure_is_every_decision_of_the_benign_run() {
        assert_eq!(
            explore(1),
            [
                vec![0, 0, 0],
                vec![1, 0, 0, 0],
                vec![0, 1, 0],
                vec![0, 0, 1]
            ]
        );
    }

    #[test]
    fn decisions_that_an_earlier_departure_brings_up_are_departed_from_too() {
        let two = explore(2);
        assert!(two.contains(&vec![1, 0, 0, 2]));
        assert_eq!(two.len(), 1 + 3 + 5);
    }

    #[test]
    fn every_plan_comes_once_and_enough_departures_reach_everything() {
        let all = explore(10);
        let distinct: BTreeSet<_> = all.iter().cloned().collect();
        assert_eq!(distinct.len(), all.len());
        // 2 x 2 without the first, 2 x 2 x 3 with it.
        assert_eq!(all.len(), 4 + 12);
    }

    #[test]
    fn fewer_departures_come_first() {
        let counts: Vec<usize> = explore(3)
            .iter()
            .map(|answers| answers.iter().filter(|answer| **answer > 0).count())
            .collect();
        assert!(counts.is_sorted(), "{counts:?}");
    }

    #[test]
    fn the_order_of_reports_does_not_change_the_order_of_plans() {
        let mut explorer = Explorer::new(3);
        let mut all = Vec::new();
        loop {
            // Everything that can run at the same time, reported in reverse.
            let mut batch = Vec::new();
            while let Some(plan) = explorer.next_plan() {
                batch.push(plan);
            }
            if batch.is_empty() {
                break;
            }
            all.extend(batch.iter().map(|plan| run(&plan.tape).0));
            for plan in batch.into_iter().rev() {
                explorer.ran(plan.id, run(&plan.tape).1);
            }
        }
        assert_eq!(all, explore(3));
    }
}
