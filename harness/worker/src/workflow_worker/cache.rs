//! The runs that a worker keeps between their tasks.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::Run;

/// The runs that a worker keeps, by run id and by their last use.
#[derive(Default)]
pub(super) struct Cache {
    runs: BTreeMap<Rc<str>, Cached>,
    /// The run ids by last use, the least recent first.
    by_use: BTreeMap<u64, Rc<str>>,
    /// The number of uses so far.
    uses: u64,
    /// The runs that were used since they were last seen idle: only these may be busy.
    used: RefCell<BTreeSet<Rc<str>>>,
}

struct Cached {
    run: Box<Run<'static>>,
    last_use: u64,
}

impl Cache {
    pub(super) fn contains(&self, run_id: &str) -> bool {
        self.runs.contains_key(run_id)
    }

    pub(super) fn get(&self, run_id: &str) -> Option<&Run<'static>> {
        self.runs.get(run_id).map(|cached| &*cached.run)
    }

    pub(super) fn get_mut(&mut self, run_id: &str) -> Option<&mut Run<'static>> {
        self.runs.get_mut(run_id).map(|cached| &mut *cached.run)
    }

    /// Returns the number of runs.
    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Returns the number of runs that work on a task.
    pub(super) fn busy(&self) -> usize {
        let mut used = self.used.borrow_mut();
        used.retain(|id| self.get(id).is_some_and(Run::is_busy));
        used.len()
    }

    /// Returns the runs, in the order of their ids.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Run<'static>)> {
        let runs = self.runs.iter_mut();
        runs.map(|(id, cached)| (&**id, &mut *cached.run))
    }

    /// Returns the run ids, the least recently used first.
    pub(super) fn ids_by_use(&self) -> impl Iterator<Item = &str> {
        self.by_use.values().map(|id| &**id)
    }

    /// Adds a run that is not in the cache.
    pub(super) fn insert(&mut self, run_id: &str, run: Run<'static>) {
        self.uses += 1;
        let (run_id, last_use): (Rc<str>, _) = (run_id.into(), self.uses);
        self.by_use.insert(last_use, run_id.clone());
        let run = Box::new(run);
        self.runs.insert(run_id, Cached { run, last_use });
    }

    /// Uses a run, which may begin a task now; returns it, and a number that no other use has.
    pub(super) fn use_run(&mut self, run_id: &str) -> Option<(&mut Run<'static>, u64)> {
        let cached = self.runs.get_mut(run_id)?;
        self.uses += 1;
        let last = self.by_use.last_entry()?;
        let used = if *last.key() == cached.last_use {
            // Nothing else was used since.
            last.get().clone()
        } else {
            let run_id = self.by_use.remove(&cached.last_use)?;
            cached.last_use = self.uses;
            self.by_use.insert(self.uses, run_id.clone());
            run_id
        };
        self.used.borrow_mut().insert(used);
        Some((&mut cached.run, self.uses))
    }

    pub(super) fn remove(&mut self, run_id: &str) -> Option<Run<'static>> {
        let cached = self.runs.remove(run_id)?;
        self.by_use.remove(&cached.last_use);
        Some(*cached.run)
    }

    /// Evicts the least recently used runs until there is room for another, unless all are busy.
    pub(super) fn make_room(&mut self, max_cached: usize) {
        while self.runs.len() >= max_cached.max(1) {
            let is_idle = |id: &&Rc<str>| self.get(id).is_some_and(|run| !run.is_busy());
            let Some(idle) = self.by_use.values().find(is_idle).cloned() else {
                return;
            };
            self.remove(&idle);
        }
    }
}
