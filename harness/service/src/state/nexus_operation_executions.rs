//! All standalone Nexus operations, open and closed, and the callers that wait for them.

use std::collections::{BTreeMap, BTreeSet};

use tonic::Status;

use crate::{
    api::{enums::NexusOperationWaitStage, rpc::DescribeNexusOperationExecutionRequest},
    base::{
        identifiers::{OperationKey, RequestId, derived_uuid},
        status,
    },
    nexus_operation_execution::NexusOperationExecution,
};

/// A caller that waits for an operation.
#[derive(Clone, Debug)]
pub(crate) struct OperationPoll {
    pub(crate) id: RequestId,
    pub(crate) wait: OperationWait,
}

/// The wait of a caller.
#[derive(Clone, Debug)]
pub(crate) enum OperationWait {
    /// The caller waits for the start or the end of the operation.
    Stage(NexusOperationWaitStage),
    /// The caller waits for a change after this many.
    Change {
        transitions: i64,
        request: Box<DescribeNexusOperationExecutionRequest>,
    },
}

/// All standalone Nexus operations.
#[derive(Debug, Default)]
pub(crate) struct NexusOperationExecutions {
    all: Vec<NexusOperationExecution>,
    /// The operations of each id, oldest first.
    by_id: BTreeMap<String, Vec<OperationKey>>,
    deleted: BTreeSet<OperationKey>,
    /// The next time at which something is due, with its operation.
    due: BTreeSet<(u64, OperationKey)>,
    armed: BTreeMap<OperationKey, u64>,
    /// The operations whose handler has a request.
    asked: BTreeSet<OperationKey>,
    pub(crate) polls: BTreeMap<OperationKey, Vec<OperationPoll>>,
}

impl NexusOperationExecutions {
    pub(crate) fn get(&self, key: OperationKey) -> &NexusOperationExecution {
        &self.all[key.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, key: OperationKey) -> &mut NexusOperationExecution {
        &mut self.all[key.0 as usize]
    }

    /// Returns the operation of a token; `None` if the token is from elsewhere.
    pub(crate) fn find(&self, key: OperationKey) -> Option<&NexusOperationExecution> {
        let operation = self.all.get(key.0 as usize)?;
        (!self.deleted.contains(&key)).then_some(operation)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &NexusOperationExecution> {
        let all = self.all.iter();
        all.filter(|operation| !self.deleted.contains(&operation.key))
    }

    /// Returns the key and the run id of the next operation of this id.
    pub(crate) fn next(&self, operation_id: &str) -> (OperationKey, String) {
        let key = OperationKey(u32::try_from(self.all.len()).expect("fewer operations than keys"));
        let ordinal = self.by_id.get(operation_id).map_or(0, Vec::len) as u64 + 1;
        let name = format!("nexus operation {operation_id}");
        (key, derived_uuid(&name, ordinal))
    }

    pub(crate) fn add(&mut self, operation: NexusOperationExecution) {
        let of_id = self.by_id.entry(operation.request.operation_id.clone());
        of_id.or_default().push(operation.key);
        self.all.push(operation);
    }

    pub(crate) fn delete(&mut self, key: OperationKey) {
        self.deleted.insert(key);
    }

    /// Returns the last operation of an id: the open one, if there is one.
    pub(crate) fn current(&self, operation_id: &str) -> Option<OperationKey> {
        let last = *self.by_id.get(operation_id)?.last()?;
        (!self.deleted.contains(&last)).then_some(last)
    }

    /// Returns the operation that a request names. Without a run id, it is the last one of its id.
    ///
    /// # Errors
    ///
    /// NOT_FOUND, in the server's words.
    pub(crate) fn lookup(&self, operation_id: &str, run_id: &str) -> Result<OperationKey, Status> {
        let found = if run_id.is_empty() {
            self.current(operation_id)
        } else {
            let of_id = self.by_id.get(operation_id).into_iter().flatten().copied();
            of_id
                .filter(|key| !self.deleted.contains(key))
                .find(|key| self.get(*key).run_id == run_id)
        };
        found
            .ok_or_else(|| status::not_found(format!("operation not found for ID: {operation_id}")))
    }

    /// Updates the timer of an operation, and notes if its handler has a request.
    pub(crate) fn rearm(&mut self, key: OperationKey) {
        let operation = self.get(key);
        let due_ms = operation.next_due_ms();
        if !operation.is_closed() && operation.pending.has_request_under_way() {
            self.asked.insert(key);
        } else {
            self.asked.remove(&key);
        }
        if let Some(armed_ms) = self.armed.remove(&key) {
            self.due.remove(&(armed_ms, key));
        }
        if let Some(due_ms) = due_ms {
            self.armed.insert(key, due_ms);
            self.due.insert((due_ms, key));
        }
    }

    /// Returns `true` if a handler has a request of any operation.
    pub(crate) fn any_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.due.first().map(|(due_ms, _)| *due_ms)
    }

    /// Returns the operations of which something is due, earliest first.
    pub(crate) fn due(&self, now_ms: u64) -> impl Iterator<Item = OperationKey> {
        let due = self.due.range(..=(now_ms, OperationKey(u32::MAX)));
        due.map(|(_, key)| *key)
    }

    /// Removes a wait, and returns it; `None` if there is no such wait.
    pub(crate) fn cancel_poll(&mut self, id: RequestId) -> Option<OperationWait> {
        for polls in self.polls.values_mut() {
            if let Some(place) = polls.iter().position(|poll| poll.id == id) {
                return Some(polls.remove(place).wait);
            }
        }
        None
    }
}
