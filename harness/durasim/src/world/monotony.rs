//! Worlds in which the same thing happens again and again, and nothing else.
//!
//! An activity that always fails under unlimited retries, `loop { timer }`, a schedule without an
//! end, or a test that polls, would go on until a limit of the world stops it. All are recognised
//! earlier: if nothing else has happened for long, nothing else is due, and nobody has set a timer,
//! only the code that goes round could end it. Code that polls a thousand times does, so that is
//! how long the world waits.
//!
//! Nobody can ask Tokio if a timer is set. So the world lets the clock jump, without the thing that
//! goes round, and sees if anybody wakes. If somebody does, the world has gone too far to be
//! judged, and runs once more, with the patience that its limits allow.

use std::rc::Rc;

use crate::label::{Label, Workflow};

/// The number of attempts that fail in a row, with nothing beside them, that a world looks at.
const ATTEMPTS: u64 = 2_000;

/// The number of workflow tasks in a row of one workflow that wait for nothing but timers ..
const TIMERS: u64 = 4_096;

/// .. if they come within this virtual time, in milliseconds: a week. A workflow that waits for
/// months has long timers.
const WITHIN_MS: u64 = 7 * 24 * 3_600_000;

/// The number of questions in a row of one task, the test most likely, that a world looks at.
const QUESTIONS: u64 = 1_000;

/// The thing that happens again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    /// Attempts fail whose activities nothing bounds.
    Attempts,
    /// Workflow tasks of this workflow come.
    Tasks(Workflow),
    /// A task asks the service, and changes nothing.
    Questions,
}

/// The number of times that the same thing has happened, with nothing beside it.
#[derive(Debug, Default)]
pub(crate) struct Monotony {
    round: Option<Round>,
    count: u64,
    since_ms: u64,
    /// The tasks of the attempts that fail, or the task that asks.
    names: Vec<Rc<str>>,
    /// The number of times that schedules had acted when the test last went on.
    pub(super) schedule_turns: u64,
}

impl Monotony {
    /// Something else has happened.
    pub(crate) fn ends(&mut self) {
        self.round = None;
        self.count = 0;
        self.names.clear();
    }

    /// An attempt of an activity begins, in a task of this name.
    pub(crate) fn attempt_begins(&mut self, name: &Rc<str>, number: u32) {
        if number == 1 || matches!(self.round, Some(Round::Tasks(_) | Round::Questions)) {
            self.ends();
        }
        if !self.knows(name) {
            self.names.push(name.clone());
        }
    }

    /// An attempt has failed, and its activity is retried without end.
    pub(crate) fn attempt_failed(&mut self) {
        self.round = Some(Round::Attempts);
        self.count += 1;
    }

    /// A workflow task arrives.
    pub(crate) fn workflow_task(&mut self, workflow: Workflow, now_ms: u64) {
        if self.round != Some(Round::Tasks(workflow)) {
            self.ends();
            self.round = Some(Round::Tasks(workflow));
            self.since_ms = now_ms;
        }
        self.count += 1;
    }

    /// The task of this name gets the answer to a client's call.
    pub(crate) fn answered(&mut self, call: Label, name: Option<&Rc<str>>) {
        let Some(name) = name.filter(|_| call.only_asks()) else {
            return self.ends();
        };
        if self.round != Some(Round::Questions) || !self.knows(name) {
            self.ends();
            self.round = Some(Round::Questions);
            self.names.push(name.clone());
        }
        self.count += 1;
    }

    /// The task of this name was polled.
    pub(crate) fn polled(&mut self, name: &Rc<str>) {
        if !self.knows(name) {
            self.ends();
        }
    }

    /// Returns the thing that has happened for so long that it is worth a look, and its number.
    pub(super) fn is_long(&self, now_ms: u64) -> Option<(Round, u64)> {
        let round = self.round?;
        let is_long = match round {
            Round::Attempts => self.count >= ATTEMPTS,
            Round::Questions => self.count >= QUESTIONS,
            Round::Tasks(_) => self.count >= TIMERS && now_ms - self.since_ms < WITHIN_MS,
        };
        is_long.then_some((round, self.count))
    }

    /// Returns the number of activities whose attempts fail.
    pub(super) fn activities(&self) -> usize {
        self.names.len()
    }

    /// Returns the name of the task that asks.
    pub(super) fn asker(&self) -> Option<&Rc<str>> {
        self.names.first()
    }

    fn knows(&self, name: &Rc<str>) -> bool {
        self.names.iter().any(|known| Rc::ptr_eq(known, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::Call;

    #[test]
    fn attempts_count_until_something_else_happens() {
        let (greet, test): (Rc<str>, Rc<str>) = ("Greeter#1/greet".into(), "test".into());
        let mut monotony = Monotony::default();
        for number in 1..=3 {
            monotony.attempt_begins(&greet, number);
            monotony.polled(&greet);
            monotony.attempt_failed();
        }
        assert_eq!((monotony.round, monotony.count), (Some(Round::Attempts), 3));
        monotony.polled(&test);
        assert_eq!((monotony.round, monotony.count), (None, 0));
    }

    #[test]
    fn questions_count_until_somebody_else_goes_on() {
        let (test, other): (Rc<str>, Rc<str>) = ("test".into(), "actor#1".into());
        let describes = Label::Call(Workflow::UNKNOWN, Call::Describe);
        let mut monotony = Monotony::default();
        for _ in 0..3 {
            monotony.answered(describes, Some(&test));
            monotony.polled(&test);
        }
        let counted = (monotony.round, monotony.count);
        assert_eq!(counted, (Some(Round::Questions), 3));
        monotony.polled(&other);
        assert_eq!((monotony.round, monotony.count), (None, 0));
    }

    #[test]
    fn workflow_tasks_count_if_they_are_of_one_workflow() {
        let mut monotony = Monotony::default();
        for now_ms in [5, 6] {
            monotony.workflow_task(Workflow::UNKNOWN, now_ms);
        }
        assert_eq!((monotony.count, monotony.since_ms), (2, 5));
        monotony.attempt_begins(&"Greeter#1/greet".into(), 1);
        assert_eq!(monotony.count, 0);
    }
}
