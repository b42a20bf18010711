//! The store of what clients start on its own: activities, and Nexus operations.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use tonic::Status;

use crate::{
    base::{
        config::Retention,
        identifiers::{RequestId, derived_uuid},
        status,
    },
    state::store::{Store, Stored},
};

/// An execution that a client has started on its own.
pub(crate) trait Standalone: Stored {
    /// The wait of a caller.
    type Wait;

    /// The name in the server's words.
    const NAME: &'static str;
    /// The name from which run ids are derived.
    const SEED: &'static str;

    /// Returns the time of its end; `None` while it is open.
    fn close_ms(&self) -> Option<u64>;

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
///
/// Within, a key is its number, as in the store.
#[derive(Debug)]
pub(crate) struct StandaloneExecutions<E: Standalone> {
    pub(crate) store: Store<E>,
    /// The next time at which something is due, with its execution.
    due: BTreeSet<(u64, u32)>,
    armed: BTreeMap<u32, u64>,
    worked_on: BTreeSet<u32>,
    pub(crate) polls: BTreeMap<E::Key, Vec<Poll<E::Wait>>>,
}

impl<E: Standalone> Default for StandaloneExecutions<E> {
    fn default() -> Self {
        Self {
            store: Store::default(),
            due: BTreeSet::new(),
            armed: BTreeMap::new(),
            worked_on: BTreeSet::new(),
            polls: BTreeMap::new(),
        }
    }
}

impl<E: Standalone> StandaloneExecutions<E> {
    pub(crate) fn get(&self, key: E::Key) -> &E {
        self.store.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: E::Key) -> &mut E {
        self.store.get_mut(key)
    }

    /// Returns the execution of a token; `None` if it was deleted, or the token is from elsewhere.
    pub(crate) fn find(&self, key: E::Key) -> Option<&E> {
        self.store.find(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &E> {
        self.store.iter()
    }

    /// Returns the key and the run id of the next execution of this id.
    pub(crate) fn next(&self, id: &str) -> (E::Key, String) {
        let name = format!("{} {id}", E::SEED);
        let run_id = derived_uuid(&name, self.store.next_ordinal(id));
        (self.store.next_key(), run_id)
    }

    pub(crate) fn add(&mut self, execution: E) {
        self.store.add(execution);
    }

    pub(crate) fn delete(&mut self, key: E::Key) {
        self.store.delete(key);
    }

    /// Notes the time at which the retention of an execution ends, if it has closed.
    pub(crate) fn retain(&mut self, key: E::Key, retention: Retention) {
        let execution = self.get(key);
        let close_ms = execution.close_ms();
        let ends_ms = close_ms.and_then(|ms| retention.ends_ms(ms, execution.run_id()));
        if let Some(ends_ms) = ends_ms {
            self.store.keep_until(key, ends_ms);
        }
    }

    /// Frees the deleted executions, and returns their number. Nobody waits for their changes.
    pub(crate) fn free_deleted(&mut self) -> usize {
        let deleted = self.store.deleted();
        for key in &deleted {
            self.store.free(*key);
            self.polls.remove(key);
        }
        deleted.len()
    }

    /// Returns the last execution of an id: the open one, if there is one.
    pub(crate) fn current(&self, id: &str) -> Option<E::Key> {
        self.store.current(id)
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
            self.store
                .of_id(id)
                .filter(|key| !self.store.is_deleted(*key))
                .find(|key| self.get(*key).run_id() == run_id)
        };
        found.ok_or_else(|| status::not_found(format!("{} not found for ID: {id}", E::NAME)))
    }

    /// Updates the timer of an execution, and notes if a worker is at work on it.
    pub(crate) fn rearm(&mut self, key: E::Key) {
        let execution = self.get(key);
        let due_ms = execution.next_due_ms();
        let is_worked_on = execution.is_worked_on();
        let key = key.into();
        if is_worked_on {
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
        let due = self.due.range(..=(now_ms, u32::MAX));
        due.map(|(_, key)| E::Key::from(*key))
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
