//! Programs, and how they are drawn from a seed.

use serde::{Deserialize, Serialize};

/// One step of a workflow. Times are in milliseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Step {
    /// Waits.
    Timer(u64),
    /// Runs an activity.
    Activity(Activity),
    /// Runs a child with a program of its own.
    Child(Child),
    /// Waits until the given number of signals has arrived.
    WaitTold(u32),
    /// Waits until its handlers have finished.
    WaitHandlers,
    /// Asks for a patch, deprecated or not.
    Patch(String, bool),
    /// Sets or removes a field of the memo.
    Memo(Option<u32>),
    /// Sets or removes a search attribute.
    Attribute(Option<u32>),
    /// Runs several branches at once and waits for all.
    Join(Vec<Vec<Self>>),
    /// Runs several branches at once until one is done. The others are cancelled and awaited, or
    /// left alone.
    Select {
        branches: Vec<Vec<Self>>,
        cancels: bool,
        awaits: bool,
    },
    /// Runs steps that are cancelled after a time.
    Scope {
        steps: Vec<Self>,
        cancelled_after: u64,
    },
    /// Runs steps that no cancellation reaches.
    Detached(Vec<Self>),
    /// Signals another workflow, which may not exist.
    SignalTo(String),
    /// Cancels another workflow, which may not exist.
    CancelTo(String),
    /// Draws a number and a uuid.
    Random,
    /// Fails the run.
    Fail,
    /// Continues as new, without the steps that continue as new.
    ContinueAsNew,
}

/// An activity, and the behaviour of its attempts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Activity {
    pub(super) takes: u64,
    /// The number of attempts that fail.
    pub(super) fails: u32,
    pub(super) attempts: u32,
    /// True if the activity heartbeats and so learns of its cancellation.
    pub(super) heartbeats: bool,
    pub(super) heartbeat_timeout: Option<u64>,
    pub(super) cancellation: u64,
}

/// A child, and how its parent treats it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Child {
    pub(super) workflow_id: String,
    pub(super) steps: Vec<Step>,
    pub(super) parent_close_policy: u64,
    pub(super) cancellation: u64,
    pub(super) attempts: u32,
    pub(super) elsewhere: bool,
    pub(super) is_told: bool,
    pub(super) cancelled_after: Option<u64>,
    /// True if the parent does not wait for the child's result.
    pub(super) is_left_alone: bool,
}

/// Durations that coincide with each other and with the backoff of retries.
const TIMES: [u64; 8] = [0, 1, 500, 1000, 2000, 3000, 7000, 15_000];

/// The greatest depth of nested steps.
const DEPTH: u32 = 3;

/// A stream of numbers derived from a seed (`splitmix64`): a world must not draw from any other
/// source.
pub(super) struct Draw {
    state: u64,
    children: u32,
}

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(7919),
            children: 0,
        }
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    pub(super) fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    fn number(&mut self, bound: u32) -> u32 {
        u32::try_from(self.below(bound.into())).expect("below a number of 32 bits")
    }

    fn time(&mut self) -> u64 {
        *self.of(&TIMES)
    }

    fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let index = self.below(choices.len() as u64);
        &choices[usize::try_from(index).expect("an index")]
    }

    /// Draws at most `most` steps at this depth.
    pub(super) fn steps(&mut self, depth: u32, most: u64) -> Vec<Step> {
        (0..=self.below(most)).map(|_| self.step(depth)).collect()
    }

    fn branches(&mut self, depth: u32, most: u64) -> Vec<Vec<Step>> {
        (0..2 + self.below(2))
            .map(|_| self.steps(depth + 1, most))
            .collect()
    }

    fn step(&mut self, depth: u32) -> Step {
        match self.below(if depth < DEPTH { 18 } else { 11 }) {
            0 | 1 => Step::Timer(self.time()),
            2..=4 => Step::Activity(self.activity()),
            5 => Step::WaitTold(1 + self.number(4)),
            6 => Step::Patch((*self.of(&["one", "two"])).to_owned(), self.one_in(4)),
            7 if self.one_in(2) => Step::Memo((!self.one_in(3)).then(|| self.number(9))),
            7 => Step::Attribute((!self.one_in(3)).then(|| self.number(9))),
            8 => Step::SignalTo((*self.of(&["main", "nobody", "other", "child-1"])).to_owned()),
            9 if self.one_in(2) => Step::CancelTo((*self.of(&["nobody", "other"])).to_owned()),
            9 => Step::WaitHandlers,
            10 => Step::Random,
            11 => Step::Join(self.branches(depth, 3)),
            12 | 13 => Step::Select {
                branches: self.branches(depth, 2),
                cancels: !self.one_in(3),
                awaits: self.one_in(2),
            },
            14 => Step::Scope {
                steps: self.steps(depth + 1, 3),
                cancelled_after: self.time(),
            },
            15 => Step::Detached(self.steps(depth + 1, 2)),
            _ => Step::Child(self.child(depth)),
        }
    }

    fn activity(&mut self) -> Activity {
        Activity {
            takes: self.time(),
            fails: self.number(3),
            attempts: self.number(4),
            heartbeats: self.one_in(2),
            heartbeat_timeout: self.one_in(3).then_some(1500),
            cancellation: self.below(3),
        }
    }

    fn child(&mut self, depth: u32) -> Child {
        self.children += 1;
        // Sometimes the id may be in use.
        let number = if self.one_in(6) { 1 } else { self.children };
        let mut steps = self.steps(depth + 1, 3);
        steps.extend(self.end());
        Child {
            workflow_id: format!("child-{number}"),
            steps,
            parent_close_policy: self.below(4),
            cancellation: self.below(4),
            attempts: self.number(3),
            elsewhere: self.one_in(3),
            is_told: self.one_in(2),
            cancelled_after: self.one_in(3).then(|| self.time()),
            is_left_alone: self.one_in(3),
        }
    }

    /// Draws the end of a run; `None` if the run just returns.
    fn end(&mut self) -> Option<Step> {
        match self.below(8) {
            0 => Some(Step::Fail),
            1 => Some(Step::ContinueAsNew),
            2 => Some(Step::WaitHandlers),
            _ => None,
        }
    }
}

/// Draws a whole program of at most `most` steps, nested steps not counted.
pub(super) fn program(draw: &mut Draw, most: u64) -> Vec<Step> {
    let mut steps = draw.steps(0, most);
    steps.extend(draw.end());
    steps
}
