//! All standalone activities, open and closed, and the callers that wait for them.

use std::collections::{BTreeMap, BTreeSet};

use tonic::Status;

use crate::{
    activity_execution::ActivityExecution,
    base::{
        identifiers::{ActivityKey, RequestId, derived_uuid},
        status,
    },
};

/// A caller that waits for an activity.
#[derive(Clone, Debug)]
pub(crate) struct ActivityPoll {
    pub(crate) id: RequestId,
    pub(crate) wait: ActivityWait,
}

/// The wait of a caller.
#[derive(Clone, Debug)]
pub(crate) enum ActivityWait {
    /// The caller waits for the end of the activity.
    Outcome,
    /// The caller waits for a change after this many.
    Change {
        transitions: i64,
        request: Box<crate::api::rpc::DescribeActivityExecutionRequest>,
    },
}

/// All standalone activities.
#[derive(Debug, Default)]
pub(crate) struct ActivityExecutions {
    all: Vec<ActivityExecution>,
    /// The activities of each id, oldest first.
    by_id: BTreeMap<String, Vec<ActivityKey>>,
    deleted: BTreeSet<ActivityKey>,
    /// The next time at which something is due, with its activity.
    due: BTreeSet<(u64, ActivityKey)>,
    armed: BTreeMap<ActivityKey, u64>,
    /// The activities of which a worker has an attempt.
    started: BTreeSet<ActivityKey>,
    pub(crate) polls: BTreeMap<ActivityKey, Vec<ActivityPoll>>,
}

impl ActivityExecutions {
    pub(crate) fn get(&self, key: ActivityKey) -> &ActivityExecution {
        &self.all[key.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, key: ActivityKey) -> &mut ActivityExecution {
        &mut self.all[key.0 as usize]
    }

    /// Returns the activity of a task token; `None` if the token is from elsewhere.
    pub(crate) fn find(&self, key: ActivityKey) -> Option<&ActivityExecution> {
        let activity = self.all.get(key.0 as usize)?;
        (!self.deleted.contains(&key)).then_some(activity)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &ActivityExecution> {
        let all = self.all.iter();
        all.filter(|activity| !self.deleted.contains(&activity.key))
    }

    /// Returns the key and the run id of the next activity of this id.
    pub(crate) fn next(&self, activity_id: &str) -> (ActivityKey, String) {
        let key = ActivityKey(u32::try_from(self.all.len()).expect("fewer activities than keys"));
        let ordinal = self.by_id.get(activity_id).map_or(0, Vec::len) as u64 + 1;
        (
            key,
            derived_uuid(&format!("activity {activity_id}"), ordinal),
        )
    }

    pub(crate) fn add(&mut self, activity: ActivityExecution) {
        let of_id = self.by_id.entry(activity.activity_id().to_owned());
        of_id.or_default().push(activity.key);
        self.all.push(activity);
    }

    pub(crate) fn delete(&mut self, key: ActivityKey) {
        self.deleted.insert(key);
    }

    /// Returns the last activity of an id: the open one, if there is one.
    pub(crate) fn current(&self, activity_id: &str) -> Option<ActivityKey> {
        let last = *self.by_id.get(activity_id)?.last()?;
        (!self.deleted.contains(&last)).then_some(last)
    }

    /// Returns the activity that a request names. Without a run id, it is the last one of its id.
    ///
    /// # Errors
    ///
    /// NOT_FOUND, in the server's words.
    pub(crate) fn lookup(&self, activity_id: &str, run_id: &str) -> Result<ActivityKey, Status> {
        let found = if run_id.is_empty() {
            self.current(activity_id)
        } else {
            let of_id = self.by_id.get(activity_id).into_iter().flatten().copied();
            of_id
                .filter(|key| !self.deleted.contains(key))
                .find(|key| self.get(*key).run_id == run_id)
        };
        found.ok_or_else(|| status::not_found(format!("activity not found for ID: {activity_id}")))
    }

    /// Updates the timer of an activity, and notes if a worker has it.
    pub(crate) fn rearm(&mut self, key: ActivityKey) {
        let activity = self.get(key);
        let due_ms = activity.next_due().map(|(due_ms, _)| due_ms);
        if activity.is_started() {
            self.started.insert(key);
        } else {
            self.started.remove(&key);
        }
        if let Some(armed_ms) = self.armed.remove(&key) {
            self.due.remove(&(armed_ms, key));
        }
        if let Some(due_ms) = due_ms {
            self.armed.insert(key, due_ms);
            self.due.insert((due_ms, key));
        }
    }

    /// Returns `true` if a worker has an attempt of any activity.
    pub(crate) fn any_started(&self) -> bool {
        !self.started.is_empty()
    }

    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.due.first().map(|(due_ms, _)| *due_ms)
    }

    /// Returns the activities of which something is due, earliest first.
    pub(crate) fn due(&self, now_ms: u64) -> impl Iterator<Item = ActivityKey> {
        let due = self.due.range(..=(now_ms, ActivityKey(u32::MAX)));
        due.map(|(_, key)| *key)
    }

    /// Removes a wait. Returns `false` if there is no such wait.
    pub(crate) fn cancel_poll(&mut self, id: RequestId) -> Option<ActivityWait> {
        for polls in self.polls.values_mut() {
            if let Some(place) = polls.iter().position(|poll| poll.id == id) {
                return Some(polls.remove(place).wait);
            }
        }
        None
    }
}
