//! The store of what has an id and a run id: runs, standalone activities and Nexus operations.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Debug,
};

use crate::state::slots::Slots;

/// An execution that has an id, which others may have had before it.
pub(crate) trait Stored {
    /// The place in the order of creation.
    type Key: Copy + Debug + Ord + From<u32> + Into<u32>;

    /// Returns the place in the order of creation.
    fn key(&self) -> Self::Key;

    /// Returns the id that the client has chosen.
    fn id(&self) -> &str;

    fn run_id(&self) -> &str;
}

/// All executions of a kind, open and closed.
///
/// A deleted execution is found no more, but keeps its place until it is freed: what it left for
/// others to do may still come.
///
/// Within, a key is its number: so all kinds share the code of these collections.
#[derive(Debug)]
pub(crate) struct Store<E> {
    all: Slots<E>,
    by_id: BTreeMap<String, OfId>,
    deleted: BTreeSet<u32>,
    /// The closed executions by the end of their retention.
    expiring: BTreeSet<(u64, u32)>,
    /// The number of executions that were freed.
    freed: u64,
}

/// The executions of one id.
#[derive(Debug)]
struct OfId {
    /// The ordinal of the last execution, from 1.
    last_ordinal: u64,
    /// The keys, oldest first.
    keys: VecDeque<u32>,
    /// The last execution, unless it was deleted.
    current: Option<u32>,
}

impl<E> Default for Store<E> {
    fn default() -> Self {
        Self {
            all: Slots::default(),
            by_id: BTreeMap::new(),
            deleted: BTreeSet::new(),
            expiring: BTreeSet::new(),
            freed: 0,
        }
    }
}

impl<E: Stored> Store<E> {
    /// Returns an execution that is known to be here.
    ///
    /// # Panics
    ///
    /// If it was freed: nothing may refer to it then.
    pub(crate) fn get(&self, key: E::Key) -> &E {
        self.all.get(key.into()).expect("an execution not freed")
    }

    /// Returns an execution that is known to be here, to be changed.
    ///
    /// # Panics
    ///
    /// If it was freed: nothing may refer to it then.
    pub(crate) fn get_mut(&mut self, key: E::Key) -> &mut E {
        let execution = self.all.get_mut(key.into());
        execution.expect("an execution not freed")
    }

    /// Returns the execution of a token; `None` if it was deleted, or the token is from elsewhere.
    pub(crate) fn find(&self, key: E::Key) -> Option<&E> {
        self.all.get(key.into()).filter(|_| !self.is_deleted(key))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &E> {
        let all = self.all.iter();
        all.filter(|execution| !self.is_deleted(execution.key()))
    }

    /// Returns all executions, deleted ones too.
    pub(crate) fn into_values(self) -> impl Iterator<Item = E> {
        self.all.into_values()
    }

    pub(crate) fn next_key(&self) -> E::Key {
        self.all.next().into()
    }

    /// Returns the ordinal of the next execution of this id, from 1.
    ///
    /// Nobody remembers the executions of an id whose last one was freed. Since their ordinals are
    /// no higher than the number of all that were freed, the next ordinal is new all the same.
    pub(crate) fn next_ordinal(&self, id: &str) -> u64 {
        let of_id = self.by_id.get(id);
        of_id.map_or(self.freed, |of_id| of_id.last_ordinal) + 1
    }

    pub(crate) fn add(&mut self, execution: E) {
        let (key, ordinal) = (execution.key().into(), self.next_ordinal(execution.id()));
        let of_id = self.by_id.entry(execution.id().to_owned());
        let of_id = of_id.or_insert_with(|| OfId {
            last_ordinal: 0,
            keys: VecDeque::new(),
            current: None,
        });
        of_id.last_ordinal = ordinal;
        of_id.keys.push_back(key);
        of_id.current = Some(key);
        self.all.push(execution);
    }

    /// Returns the last execution of an id: the open one, if there is one. If the last one was
    /// deleted, there is none, even if earlier ones are left.
    pub(crate) fn current(&self, id: &str) -> Option<E::Key> {
        self.by_id.get(id)?.current.map(E::Key::from)
    }

    /// Returns the executions of an id that were not freed, oldest first.
    pub(crate) fn of_id(&self, id: &str) -> impl DoubleEndedIterator<Item = E::Key> {
        let of_id = self.by_id.get(id).into_iter();
        of_id
            .flat_map(|of_id| &of_id.keys)
            .copied()
            .map(E::Key::from)
    }

    pub(crate) fn is_deleted(&self, key: E::Key) -> bool {
        self.deleted.contains(&key.into())
    }

    /// Deletes an execution, which must be closed.
    pub(crate) fn delete(&mut self, key: E::Key) {
        let key = key.into();
        self.deleted.insert(key);
        let execution = self.all.get(key);
        let of_id = execution.and_then(|it| self.by_id.get_mut(it.id()));
        if let Some(of_id) = of_id.filter(|of_id| of_id.current == Some(key)) {
            of_id.current = None;
        }
    }

    /// Keeps a closed execution until this time.
    pub(crate) fn keep_until(&mut self, key: E::Key, until_ms: u64) {
        self.expiring.insert((until_ms, key.into()));
    }

    /// Deletes the executions whose retention is over.
    pub(crate) fn expire(&mut self, now_ms: u64) {
        while let Some((until_ms, key)) = self.expiring.first().copied()
            && until_ms <= now_ms
        {
            self.expiring.pop_first();
            let key = E::Key::from(key);
            if self.find(key).is_some() {
                self.delete(key);
            }
        }
    }

    /// Returns the deleted executions that were not freed.
    pub(crate) fn deleted(&self) -> Vec<E::Key> {
        self.deleted.iter().copied().map(E::Key::from).collect()
    }

    /// Frees a deleted execution, to which nothing refers any more.
    pub(crate) fn free(&mut self, key: E::Key) -> Option<Box<E>> {
        let key = key.into();
        let execution = self.all.remove(key)?;
        self.freed += 1;
        self.deleted.remove(&key);
        if let Some(of_id) = self.by_id.get_mut(execution.id()) {
            if let Ok(place) = of_id.keys.binary_search(&key) {
                of_id.keys.remove(place);
            }
            if of_id.keys.is_empty() {
                self.by_id.remove(execution.id());
            }
        }
        Some(execution)
    }
}
