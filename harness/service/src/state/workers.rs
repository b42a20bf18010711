//! Workers, as their heartbeats describe them.
//!
//! Source: `temporalio/temporal: service/matching/workers/registry_impl.go`.

use std::collections::BTreeMap;

use crate::api::{enums::WorkerStatus, worker::WorkerHeartbeat};

/// The time without a heartbeat after which a worker is forgotten
/// (`matching.workerRegistryEntryTTL`).
const KEPT_MS: u64 = 5 * 60 * 1000;

/// The time for which the polls of a worker that has shut down get no tasks
/// (`service/matching/matching_engine.go`, `shutdownWorkersCacheTTL`).
const GONE_MS: u64 = 30 * 1000;

/// The workers whose last heartbeat is not long ago, by their instance keys.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    seen: BTreeMap<String, Seen>,
    /// The workers that have shut down lately, with the times of that.
    gone: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Seen {
    heartbeat: WorkerHeartbeat,
    at_ms: u64,
}

impl Workers {
    /// Notes that a worker has shut down: for a while its polls get no tasks.
    pub(crate) fn shut_down(&mut self, key: &str, now_ms: u64) {
        self.gone.retain(|_, at_ms| is_recent(*at_ms, now_ms));
        self.gone.insert(key.to_owned(), now_ms);
    }

    /// Returns `true` if a worker has shut down lately.
    pub(crate) fn has_shut_down(&self, key: &str, now_ms: u64) -> bool {
        let at_ms = self.gone.get(key);
        at_ms.is_some_and(|at_ms| is_recent(*at_ms, now_ms))
    }

    /// Records a heartbeat. That of a worker that has shut down is its last.
    pub(crate) fn record(&mut self, heartbeat: WorkerHeartbeat, now_ms: u64) {
        self.seen.retain(|_, seen| seen.is_known(now_ms));
        let key = heartbeat.worker_instance_key.clone();
        if heartbeat.status() == WorkerStatus::Shutdown {
            self.seen.remove(&key);
        } else {
            let at_ms = now_ms;
            self.seen.insert(key, Seen { heartbeat, at_ms });
        }
    }

    /// Returns the last heartbeat of a worker, if the worker is known.
    pub(crate) fn get(&self, key: &str, now_ms: u64) -> Option<&WorkerHeartbeat> {
        let seen = self.seen.get(key)?;
        seen.is_known(now_ms).then_some(&seen.heartbeat)
    }

    /// Returns the last heartbeat of each worker that is known, in the order of their keys.
    pub(crate) fn iter(&self, now_ms: u64) -> impl Iterator<Item = &WorkerHeartbeat> {
        let known = self.seen.values().filter(move |seen| seen.is_known(now_ms));
        known.map(|seen| &seen.heartbeat)
    }
}

fn is_recent(at_ms: u64, now_ms: u64) -> bool {
    now_ms.saturating_sub(at_ms) <= GONE_MS
}

impl Seen {
    fn is_known(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.at_ms) <= KEPT_MS
    }
}
