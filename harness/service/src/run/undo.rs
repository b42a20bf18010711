//! A map with rollback.
//!
//! The server applies the commands of a workflow task one by one, and drops the whole mutable state
//! if one of them is bad. Copying the state for every task would take quadratic time in a run with
//! many pending activities. Instead, this map remembers the old value of each entry that is
//! modified after [`UndoMap::savepoint`].

use std::borrow::Borrow;

/// A map in the order of its keys, with at most one open savepoint.
#[derive(Clone, Debug)]
pub(crate) struct UndoMap<K, V> {
    /// Sorted. Most runs have few entries, and new keys are mostly the greatest: a list does for
    /// them, in a tenth of the code of a tree.
    entries: Vec<(K, Box<V>)>,
    /// The value of an entry before each of its modifications after the savepoint, in order; `None`
    /// for an entry that did not exist.
    before: Option<Vec<(K, Option<Box<V>>)>>,
}

impl<K, V> Default for UndoMap<K, V> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            before: None,
        }
    }
}

impl<K: Ord + Clone, V: Clone> UndoMap<K, V> {
    pub(crate) fn savepoint(&mut self) {
        self.before = Some(Vec::new());
    }

    pub(crate) fn commit(&mut self) {
        self.before = None;
    }

    pub(crate) fn rollback(&mut self) {
        // The first modification of an entry is undone last.
        for (key, value) in self.before.take().into_iter().flatten().rev() {
            match value {
                Some(value) => drop(self.set(key, value)),
                None => drop(self.take(&key)),
            }
        }
    }

    /// Returns the place of a key among the entries, or the place where it belongs.
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.entries
            .binary_search_by(|(other, _)| other.borrow().cmp(key))
    }

    /// Sets an entry, and returns the value that it had.
    fn set(&mut self, key: K, value: Box<V>) -> Option<Box<V>> {
        match self.place(&key) {
            Ok(place) => Some(std::mem::replace(&mut self.entries[place].1, value)),
            Err(place) => {
                self.entries.insert(place, (key, value));
                None
            }
        }
    }

    /// Takes an entry out.
    fn take<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<(K, Box<V>)>
    where
        K: Borrow<Q>,
    {
        self.place(key).ok().map(|place| self.entries.remove(place))
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        let noted = self.before.is_some().then(|| key.clone());
        let old = self.set(key, Box::new(value));
        if let (Some(before), Some(key)) = (&mut self.before, noted) {
            before.push((key, old));
        }
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (key, value) = self.take(key)?;
        let Some(before) = &mut self.before else {
            return Some(*value);
        };
        let removed = V::clone(&value);
        before.push((key, Some(value)));
        Some(removed)
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key).ok()?;
        Some(&self.entries[place].1)
    }

    pub(crate) fn get_mut<Q: Ord + ToOwned<Owned = K> + ?Sized>(
        &mut self,
        key: &Q,
    ) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key).ok()?;
        let value = &mut self.entries[place].1;
        if let Some(before) = &mut self.before {
            before.push((key.to_owned(), Some(value.clone())));
        }
        Some(&mut **value)
    }

    pub(crate) fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_ok()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, value)| (key, &**value))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().map(|(_, value)| &**value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(map: &UndoMap<u8, &'static str>) -> Vec<(u8, &'static str)> {
        map.iter().map(|(key, value)| (*key, *value)).collect()
    }

    #[test]
    fn a_rollback_restores_what_was_inserted_changed_and_removed() {
        let mut map = UndoMap::default();
        map.insert(1, "kept");
        map.insert(2, "changed");
        map.insert(3, "removed");
        map.savepoint();
        *map.get_mut(&2).unwrap() = "otherwise";
        map.insert(2, "again");
        *map.get_mut(&2).unwrap() = "a third time";
        map.remove(&3);
        map.insert(4, "new");
        map.remove(&4);
        map.insert(3, "back");
        map.rollback();
        assert_eq!(entries(&map), [(1, "kept"), (2, "changed"), (3, "removed")]);
    }

    #[test]
    fn a_commit_keeps_the_changes() {
        let mut map = UndoMap::default();
        map.savepoint();
        map.insert(1, "new");
        map.commit();
        map.rollback();
        assert_eq!(entries(&map), [(1, "new")]);
    }
}
