//! All standalone activities, open and closed, and the callers that wait for them.

use crate::{
    activity_execution::ActivityExecution,
    api::rpc::DescribeActivityExecutionRequest,
    base::identifiers::ActivityKey,
    state::{
        standalone::{Poll, Standalone, StandaloneExecutions},
        store::Stored,
    },
};

/// All standalone activities.
pub(crate) type ActivityExecutions = StandaloneExecutions<ActivityExecution>;

/// A caller that waits for an activity.
pub(crate) type ActivityPoll = Poll<ActivityWait>;

/// The wait of a caller.
#[derive(Clone, Debug)]
pub(crate) enum ActivityWait {
    /// The caller waits for the end of the activity.
    Outcome,
    /// The caller waits for a change after this many.
    Change {
        transitions: i64,
        request: Box<DescribeActivityExecutionRequest>,
    },
}

impl Stored for ActivityExecution {
    type Key = ActivityKey;

    fn key(&self) -> ActivityKey {
        self.key
    }

    fn id(&self) -> &str {
        self.activity_id()
    }

    fn run_id(&self) -> &str {
        &self.run_id
    }
}

impl Standalone for ActivityExecution {
    type Wait = ActivityWait;

    const NAME: &'static str = "activity";
    const SEED: &'static str = "activity";

    fn close_ms(&self) -> Option<u64> {
        self.close_ms
    }

    fn next_due_ms(&self) -> Option<u64> {
        self.next_due().map(|(due_ms, _)| due_ms)
    }

    fn is_worked_on(&self) -> bool {
        self.is_started()
    }
}
