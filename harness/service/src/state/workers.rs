//! Workers, as their heartbeats describe them.
//!
//! Source: `temporalio/temporal: service/matching/workers/registry_impl.go`.

use std::collections::BTreeMap;

use crate::api::{enums::WorkerStatus, worker::WorkerHeartbeat};

/// The time without a heartbeat after which a worker is forgotten
/// (`matching.workerRegistryEntryTTL`).
const KEPT_MS: u64 = 5 * 60 * 1000;

/// The workers whose last heartbeat is not long ago, by their instance keys.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    seen: BTreeMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    heartbeat: WorkerHeartbeat,
    at_ms: u64,
}

impl Workers {
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

impl Seen {
    fn is_known(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.at_ms) <= KEPT_MS
    }
}
