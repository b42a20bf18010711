//! Exhaustive exploration: every plan with at most a given number of departures from the benign
//! world.
//!
//! A *departure* is one decision with an answer other than 0, and a plan is a tape of departures.
//! The benign world tells which decisions come up. Each other answer to one of them is a plan with
//! one departure. The decisions that come up in those worlds *after* their departure give the plans
//! with two departures, and so on. So decisions that come up only because of an earlier departure
//! are explored too, and no plan comes up twice.
//!
//! Plans with fewer departures come first. Of the plans that depart once more from the same world,
//! those of decisions with a lower [rank](crate::Choices::rank) come first, then those of first
//! answers, then those of earlier decisions. The order does not depend on the number of threads
//! that run the plans, nor on the order of their reports.
//!
//! ```
//! use durasim_engine::{Choices, Explorer, Odds};
//!
//! let mut explorer = Explorer::new(2);
//! let mut worlds = Vec::new();
//! while let Some(plan) = explorer.next_plan() {
//!     let mut choices = Choices::tape(&plan.tape);
//!     choices.record_offers();
//!     let crashed = choices.choose("worker.crash", "payments", 2, Odds::Uniform);
//!     // Only a worker that crashed can be slow to come back.
//!     let arity = 1 + 2 * crashed;
//!     let slow = choices.choose("worker.restart", "payments", arity, Odds::Uniform);
//!     worlds.push((crashed, slow));
//!     explorer.ran(plan.id, choices.offers().to_vec());
//! }
//! assert_eq!(worlds, [(0, 0), (1, 0), (1, 1), (1, 2)]);
//! ```

use std::collections::BTreeMap;

use crate::{
    choice::Offer,
    tape::{Tape, TapeEntry},
};

/// The identity of a plan: its number in the order of plans. Plan 0 is the benign world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanId(pub u64);

/// A tape to run, and its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The identity of the plan, for [`Explorer::ran`].
    pub id: PlanId,
    /// The departures, in the order in which the world comes to them.
    pub tape: Tape,
}

/// An enumeration of plans.
#[derive(Debug)]
pub struct Explorer {
    max_departures: usize,
    next_id: u64,
    /// The number of departures of the plans that are given out now.
    departures: usize,
    /// The worlds with one departure less, from which these plans are made, in order.
    parents: std::vec::IntoIter<Ran>,
    current: Option<Branches>,
    /// The plans that were given out and not reported yet.
    outstanding: BTreeMap<PlanId, Tape>,
    /// The worlds that were reported, from which the next plans are made.
    ran: BTreeMap<PlanId, Ran>,
}

/// A plan that was run, and the decisions that came up after its last departure.
#[derive(Debug)]
struct Ran {
    tape: Tape,
    offers: Vec<Offer>,
}

/// The state of the enumeration of plans with one departure more than a world.
#[derive(Debug)]
struct Branches {
    ran: Ran,
    /// The departures that are still to come: the place of an offer, and the answer to it.
    departures: std::vec::IntoIter<(usize, u32)>,
}

impl Explorer {
    /// Creates an enumeration from the benign world to the plans with `max_departures`.
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

    /// Returns the next plan to run; `None` if there is none now.
    ///
    /// Then either every plan was given out, or plans that were given out must be reported first
    /// ([`Explorer::outstanding`]).
    pub fn next_plan(&mut self) -> Option<Plan> {
        if self.next_id == 0 {
            return Some(self.give_out(Tape::default()));
        }
        loop {
            if let Some(tape) = self.current.as_mut().and_then(Branches::next) {
                return Some(self.give_out(tape));
            }
            let branches = self.parents.next().map(Branches::of);
            if branches.is_none() && !self.deepen() {
                return None;
            }
            self.current = branches;
        }
    }

    /// Reports that a plan was run, with all decisions that came up in its world, in order.
    ///
    /// The caller leaves out decisions that are not to be explored, such as the order of tasks.
    ///
    /// # Panics
    ///
    /// If the plan was not given out, or was reported before.
    #[track_caller]
    pub fn ran(&mut self, id: PlanId, mut offers: Vec<Offer>) {
        let tape = self
            .outstanding
            .remove(&id)
            .expect("a plan is reported once, after it was given out");
        if self.departures == self.max_departures {
            return;
        }
        // Decisions before the last departure came up without it too, and are explored from there.
        let last = tape.entries.last();
        let begin = match last {
            Some(last) => offers
                .iter()
                .position(|offer| offer.point == last.point)
                .map(|last| last + 1),
            None => Some(0),
        };
        // If the world never came to its last departure, nothing came up after it.
        offers.drain(..begin.unwrap_or(offers.len()));
        self.ran.insert(id, Ran { tape, offers });
    }

    /// Returns the number of plans that were given out and not reported yet.
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Returns the number of plans that were given out so far.
    pub fn given_out(&self) -> u64 {
        self.next_id
    }

    /// Returns the number of plans that are known of: those given out, and those with as many
    /// departures that are still to come.
    pub fn known(&self) -> u64 {
        let of_offer = |offer: &Offer| u64::from(offer.arity).saturating_sub(1);
        let of_parents = self.parents.as_slice().iter().flat_map(|ran| &ran.offers);
        let of_current = self
            .current
            .as_ref()
            .map_or(0, |it| it.departures.len() as u64);
        self.next_id + of_current + of_parents.map(of_offer).sum::<u64>()
    }

    /// Returns `true` if every plan is known of: those with the most departures are given out now.
    pub fn knows_all(&self) -> bool {
        self.departures == self.max_departures
    }

    fn give_out(&mut self, tape: Tape) -> Plan {
        let id = PlanId(self.next_id);
        self.next_id += 1;
        self.outstanding.insert(id, tape.clone());
        Plan { id, tape }
    }

    /// Goes on to plans with one departure more if all of the present ones were reported; returns
    /// `true` if there may be any.
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
    /// Returns the plans with one departure more than this one, none of them given out.
    fn of(ran: Ran) -> Self {
        let of_offer = |(place, offer): (usize, &Offer)| (1..offer.arity).map(move |v| (place, v));
        let mut departures: Vec<_> = ran.offers.iter().enumerate().flat_map(of_offer).collect();
        departures.sort_by_key(|(place, value)| (ran.offers[*place].rank, *value));
        Self {
            ran,
            departures: departures.into_iter(),
        }
    }

    /// Returns the next plan.
    fn next(&mut self) -> Option<Tape> {
        let (place, value) = self.departures.next()?;
        let offer = &self.ran.offers[place];
        let mut tape = self.ran.tape.clone();
        tape.entries.push(TapeEntry {
            point: offer.point.clone(),
            arity: offer.arity,
            value,
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
    use crate::{choice::Choices, point::Point, seed::Odds};

    /// Makes three decisions with two answers each; the third comes up again if the first departed.
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
    fn without_departures_there_is_only_the_benign_world() {
        assert_eq!(explore(0), [[0, 0, 0]]);
    }

    #[test]
    fn one_departure_is_made_at_every_decision_of_the_benign_world() {
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
    fn decisions_that_only_a_departure_brings_up_are_explored_too() {
        let two = explore(2);
        assert!(two.contains(&vec![1, 0, 0, 2]));
        assert_eq!(two.len(), 1 + 3 + 5);
    }

    #[test]
    fn every_plan_comes_once_and_enough_departures_reach_every_plan() {
        let all = explore(10);
        let distinct: BTreeSet<_> = all.iter().cloned().collect();
        assert_eq!(distinct.len(), all.len());
        // 2 x 2 without the first, 2 x 2 x 3 with it.
        assert_eq!(all.len(), 4 + 12);
    }

    #[test]
    fn plans_that_are_still_to_come_are_known() {
        let mut explorer = Explorer::new(1);
        let benign = explorer.next_plan().unwrap();
        assert_eq!(explorer.known(), 1);
        assert!(!explorer.knows_all());
        explorer.ran(benign.id, run(&benign.tape).1);
        while let Some(plan) = explorer.next_plan() {
            assert!(explorer.knows_all());
            assert_eq!(explorer.known(), 1 + 3);
            explorer.ran(plan.id, run(&plan.tape).1);
        }
        assert_eq!(explorer.known(), explorer.given_out());
    }

    #[test]
    fn lower_ranks_come_first_then_first_answers_then_earlier_decisions() {
        let offer = |key: &str, rank| Offer {
            point: Point::new("fault", key, 0),
            arity: 3,
            rank: Some(rank),
        };
        let mut explorer = Explorer::new(1);
        let benign = explorer.next_plan().unwrap();
        explorer.ran(benign.id, vec![offer("a", 1), offer("b", 0), offer("c", 0)]);
        let plans = std::iter::from_fn(|| explorer.next_plan());
        let departures: Vec<_> = plans
            .map(|plan| plan.tape.entries[0].clone())
            .map(|entry| (entry.point.key, entry.value))
            .collect();
        let expected = [("b", 1), ("c", 1), ("b", 2), ("c", 2), ("a", 1), ("a", 2)];
        assert_eq!(
            departures,
            expected.map(|(key, value)| (key.to_owned(), value))
        );
    }

    #[test]
    fn plans_with_fewer_departures_come_first() {
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
            // All plans that can run at the same time are reported in reverse.
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
