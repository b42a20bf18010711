//! The store of what clients start on its own: activities, and Nexus operations.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use tonic::Status;

use crate::base::{
    identifiers::{RequestId, derived_uuid},
    status,
};

/// An execution that a client has started on its own.
pub(crate) trait Standalone {
    /// The place in the order of creation.
    type Key: Copy + Debug + Ord + From<u32> + Into<u32>;
    /// The wait of a caller.
    type Wait;

    /// The name in the server's words.
    const NAME: &'static str;
    /// The name from which run ids are derived.
    const SEED: &'static str;

    fn key(&self) -> Self::Key;

    /// Returns the id that the client has chosen.
    fn id(&self) -> &str;

    fn run_id(&self) -> &str;

    /// Returns the next time at which something is due.
    fn next_due_ms(&self) -> Option<u64>;

    /// Returns `true` if a worker is at work on it.
    fn is_worked_on(&self) -> bool;
}

/// A caller that waits for an execution.
#[derive(Clone, Debug)]
pub(crate) struct Poll<W> {
    pub(crate) id: RequestId,
    pub(crate) wait: W,
}

/// All executions of a kind, open and closed, and the callers that wait for them.
#[derive(Debug)]
pub(crate) struct StandaloneExecutions<E: Standalone> {
    all: Vec<E>,
    /// The executions of each id, oldest first.
    by_id: BTreeMap<String, Vec<E::Key>>,
    deleted: BTreeSet<E::Key>,
    /// The next time at which something is due, with its execution.
    due: BTreeSet<(u64, E::Key)>,
    armed: BTreeMap<E::Key, u64>,
    worked_on: BTreeSet<E::Key>,
    pub(crate) polls: BTreeMap<E::Key, Vec<Poll<E::Wait>>>,
}

impl<E: Standalone> Default for StandaloneExecutions<E> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            by_id: BTreeMap::new(),
            deleted: BTreeSet::new(),
            due: BTreeSet::new(),
            armed: BTreeMap::new(),
            worked_on: BTreeSet::new(),
            polls: BTreeMap::new(),
        }
    }
}

impl<E: Standalone> StandaloneExecutions<E> {
    pub(crate) fn get(&self, key: E::Key) -> &E {
        &self.all[index(key)]
    }

    pub(crate) fn get_mut(&mut self, key: E::Key) -> &mut E {
        &mut self.all[index(key)]
    }

    /// Returns the execution of a token; `None` if the token is from elsewhere.
    pub(crate) fn find(&self, key: E::Key) -> Option<&E> {
        let execution = self.all.get(index(key))?;
        (!self.deleted.contains(&key)).then_some(execution)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &E> {
        let all = self.all.iter();
        all.filter(|execution| !self.deleted.contains(&execution.key()))
    }

    /// Returns the key and the run id of the next execution of this id.
    pub(crate) fn next(&self, id: &str) -> (E::Key, String) {
        let key = u32::try_from(self.all.len()).expect("fewer executions than keys");
        let ordinal = self.by_id.get(id).map_or(0, Vec::len) as u64 + 1;
        let name = format!("{} {id}", E::SEED);
        (key.into(), derived_uuid(&name, ordinal))
    }

    pub(crate) fn add(&mut self, execution: E) {
        let of_id = self.by_id.entry(execution.id().to_owned());
        of_id.or_default().push(execution.key());
        self.all.push(execution);
    }

    pub(crate) fn delete(&mut self, key: E::Key) {
        self.deleted.insert(key);
    }

    /// Returns the last execution of an id: the open one, if there is one.
    pub(crate) fn current(&self, id: &str) -> Option<E::Key> {
        let last = *self.by_id.get(id)?.last()?;
        (!self.deleted.contains(&last)).then_some(last)
    }

    /// Returns the execution that a request names. Without a run id, it is the last one of its id.
    ///
    /// # Errors
    ///
    /// NOT_FOUND, in the server's words.
    pub(crate) fn lookup(&self, id: &str, run_id: &str) -> Result<E::Key, Status> {
        let found = if run_id.is_empty() {
            self.current(id)
        } else {
            let of_id = self.by_id.get(id).into_iter().flatten().copied();
            of_id
                .filter(|key| !self.deleted.contains(key))
                .find(|key| self.get(*key).run_id() == run_id)
        };
        found.ok_or_else(|| status::not_found(format!("{} not found for ID: {id}", E::NAME)))
    }

    /// Updates the timer of an execution, and notes if a worker is at work on it.
    pub(crate) fn rearm(&mut self, key: E::Key) {
        let execution = self.get(key);
        let due_ms = execution.next_due_ms();
        if execution.is_worked_on() {
            self.worked_on.insert(key);
        } else {
            self.worked_on.remove(&key);
        }
        if let Some(armed_ms) = self.armed.remove(&key) {
            self.due.remove(&(armed_ms, key));
        }
        if let Some(due_ms) = due_ms {
            self.armed.insert(key, due_ms);
            self.due.insert((due_ms, key));
        }
    }

    /// Returns `true` if a worker is at work on any execution.
    pub(crate) fn any_worked_on(&self) -> bool {
        !self.worked_on.is_empty()
    }

    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.due.first().map(|(due_ms, _)| *due_ms)
    }

    /// Returns the executions of which something is due, earliest first.
    pub(crate) fn due(&self, now_ms: u64) -> impl Iterator<Item = E::Key> {
        let due = self.due.range(..=(now_ms, E::Key::from(u32::MAX)));
        due.map(|(_, key)| *key)
    }

    /// Removes a wait, and returns it; `None` if there is no such wait.
    pub(crate) fn cancel_poll(&mut self, id: RequestId) -> Option<E::Wait> {
        for polls in self.polls.values_mut() {
            if let Some(place) = polls.iter().position(|poll| poll.id == id) {
                return Some(polls.remove(place).wait);
            }
        }
        None
    }
}

fn index(key: impl Into<u32>) -> usize {
    key.into() as usize
}
