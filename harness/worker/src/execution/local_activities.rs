//! The state of a run's local activities: to be started, running, or resolved from markers.

use std::collections::{BTreeSet, VecDeque};

use crate::machines::{RecordedResult, ScheduledLocalActivity};

#[derive(Debug)]
struct Preresolution {
    seq: u32,
    recorded: RecordedResult,
}

/// The local activities of a run.
#[derive(Debug, Default)]
pub(crate) struct LocalActivities {
    new_requests: Vec<ScheduledLocalActivity>,
    cancel_requests: Vec<u32>,
    executing: BTreeSet<u32>,
    /// Results from the markers of the next workflow task, in the order of the markers.
    preresolutions: VecDeque<Preresolution>,
    /// The position of the next activation within the workflow task. Markers record it, so a replay
    /// hands each result to workflow code in the same activation.
    activation_index: u64,
    terminating: bool,
}

/// The requests of a run to its host, about local activities.
#[derive(Debug, Default)]
pub(crate) struct LocalActivityRequests {
    pub(crate) start: Vec<ScheduledLocalActivity>,
    pub(crate) cancel: Vec<u32>,
}

impl LocalActivities {
    pub(crate) fn enqueue(&mut self, activity: ScheduledLocalActivity) {
        self.new_requests.push(activity);
    }

    pub(crate) fn enqueue_cancel(&mut self, seq: u32) {
        self.cancel_requests.push(seq);
    }

    pub(crate) fn done(&mut self, seq: u32) {
        self.new_requests
            .retain(|request| request.schedule.seq != seq);
        self.executing.remove(&seq);
    }

    /// Takes the requests since the last call. A run that closes cancels all its local activities.
    pub(crate) fn take_requests(&mut self) -> LocalActivityRequests {
        if self.terminating {
            self.new_requests.clear();
            let cancel = std::mem::take(&mut self.executing).into_iter().collect();
            return LocalActivityRequests {
                start: Vec::new(),
                cancel,
            };
        }
        let start = std::mem::take(&mut self.new_requests);
        self.executing
            .extend(start.iter().map(|request| request.schedule.seq));
        LocalActivityRequests {
            start,
            cancel: std::mem::take(&mut self.cancel_requests),
        }
    }

    /// Returns the number of local activities that are requested and not resolved.
    pub(crate) fn outstanding(&self) -> usize {
        if self.terminating {
            0
        } else {
            self.executing.len() + self.new_requests.len()
        }
    }

    pub(crate) fn insert_peeked(&mut self, seq: u32, recorded: RecordedResult) {
        self.preresolutions
            .push_back(Preresolution { seq, recorded });
    }

    pub(crate) fn take_preresolution(&mut self, seq: u32) -> Option<RecordedResult> {
        let index = self
            .preresolutions
            .iter()
            .position(|item| item.seq == seq)?;
        self.preresolutions.remove(index).map(|item| item.recorded)
    }

    /// Returns the local activity whose result comes next; with `include_held`, even if the result
    /// belongs to a later activation.
    pub(crate) fn next_preresolution(&self, include_held: bool) -> Option<u32> {
        let item = self.preresolutions.front()?;
        (include_held || !self.is_held(item)).then_some(item.seq)
    }

    pub(crate) fn holds_preresolution(&self, seq: u32) -> bool {
        self.preresolutions
            .iter()
            .any(|item| item.seq == seq && self.is_held(item))
    }

    fn is_held(&self, item: &Preresolution) -> bool {
        item.recorded
            .activation_index
            .is_some_and(|index| index > self.activation_index)
    }

    pub(crate) fn task_applied(&mut self) {
        self.activation_index = 0;
    }

    pub(crate) fn activation_dispatched(&mut self) {
        self.activation_index += 1;
    }

    pub(crate) fn activation_index(&self) -> u64 {
        self.activation_index
    }

    /// Removes and returns a request that was not taken yet.
    pub(crate) fn remove_queued(&mut self, seq: u32) -> Option<ScheduledLocalActivity> {
        let index = self
            .new_requests
            .iter()
            .position(|request| request.schedule.seq == seq)?;
        Some(self.new_requests.remove(index))
    }

    pub(crate) fn terminate(&mut self) {
        self.terminating = true;
    }
}
