//! One batch operation: a job that does the same to many executions, one after the other.
//!
//! On the server a job is a workflow of the system, with an activity that does the work. Here it is
//! a state machine that takes turns: the first turn finds the executions, and each further turn
//! tries one of them.
//!
//! Source: `temporalio/temporal: service/worker/batcher/{workflow,activities}.go`.

use crate::{
    api::{
        common::Execution,
        enums::{BatchOperationState, BatchOperationType, ExecutionType},
        rpc::{StartBatchOperationRequest, start_batch_operation_request::Operation},
    },
    base::identifiers::BatchKey,
};

/// The executions of a page. What was done counts when its page is done.
pub(crate) const PAGE: usize = 1000;
/// The attempts at one execution beside the first (`defaultAttemptsOnRetryableError`).
const RETRIES: u32 = 50;
/// The attempts of a job that need not wait for each other (`worker.batcherRPS`).
const BURST: u64 = 50;
/// The time between two later attempts, in milliseconds (`worker.batcherRPS`).
const PACE_MS: u64 = 20;

/// A batch operation.
#[derive(Debug)]
pub(crate) struct BatchOperation {
    pub(crate) key: BatchKey,
    pub(crate) run_id: String,
    pub(crate) request: Box<StartBatchOperationRequest>,
    pub(crate) start_ms: u64,
    /// The time of the end, and the state since.
    pub(crate) close: Option<(u64, BatchOperationState)>,
    /// The executions, once they were found.
    targets: Option<Targets>,
}

/// The executions of a job, and what became of them.
#[derive(Debug)]
struct Targets {
    all: Vec<Execution>,
    /// The executions of a page.
    page: usize,
    /// The attempts so far, those at one execution, and those at all.
    attempts: u32,
    all_attempts: u64,
    done: Count,
    /// The part of what was done that is in pages that are done.
    reported: Count,
}

/// The executions for which the operation succeeded and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) succeeded: usize,
    pub(crate) failed: usize,
}

impl Count {
    pub(crate) fn total(self) -> usize {
        self.succeeded + self.failed
    }
}

/// Returns the type of the executions that an operation is for.
pub(crate) fn target_type(operation: &Operation) -> ExecutionType {
    match operation {
        Operation::TerminateActivitiesOperation(_)
        | Operation::CancelActivitiesOperation(_)
        | Operation::DeleteActivitiesOperation(_) => ExecutionType::Activity,
        _ => ExecutionType::Workflow,
    }
}

/// The outcome of an attempt at one execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Succeeded,
    Failed,
    /// The attempt failed, and no other one can succeed.
    FailedForGood,
}

impl BatchOperation {
    pub(crate) fn start(
        now_ms: u64,
        key: BatchKey,
        run_id: String,
        request: StartBatchOperationRequest,
    ) -> Self {
        Self {
            key,
            run_id,
            request: Box::new(request),
            start_ms: now_ms,
            close: None,
            targets: None,
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.close.is_some()
    }

    /// Returns the time of the next turn.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        let attempts = self.targets.as_ref().map_or(0, |it| it.all_attempts);
        let waits_ms = (attempts + 1).saturating_sub(BURST) * PACE_MS;
        (!self.is_closed()).then_some(self.start_ms + waits_ms)
    }

    /// Returns `true` if the executions were found.
    pub(crate) fn has_begun(&self) -> bool {
        self.targets.is_some()
    }

    /// Begins with these executions. A job without any has ended.
    pub(crate) fn begin(&mut self, now_ms: u64, all: Vec<Execution>, page: usize) {
        self.targets = Some(Targets {
            all,
            page,
            attempts: 0,
            all_attempts: 0,
            done: Count::default(),
            reported: Count::default(),
        });
        self.end_if_done(now_ms);
    }

    /// Returns the execution whose turn it is.
    pub(crate) fn target(&self) -> Option<&Execution> {
        let targets = self.targets.as_ref().filter(|_| !self.is_closed())?;
        targets.all.get(targets.done.total())
    }

    /// Notes an attempt at the execution whose turn it is.
    pub(crate) fn tried(&mut self, now_ms: u64, attempt: Attempt) {
        let Some(targets) = &mut self.targets else {
            return;
        };
        targets.attempts += 1;
        targets.all_attempts += 1;
        match attempt {
            Attempt::Succeeded => targets.done.succeeded += 1,
            Attempt::Failed if targets.attempts <= RETRIES => return,
            Attempt::Failed | Attempt::FailedForGood => targets.done.failed += 1,
        }
        targets.attempts = 0;
        if targets.done.total() % targets.page.max(1) == 0 {
            targets.reported = targets.done;
        }
        self.end_if_done(now_ms);
    }

    fn end_if_done(&mut self, now_ms: u64) {
        let Some(targets) = &mut self.targets else {
            return;
        };
        if targets.done.total() == targets.all.len() {
            targets.reported = targets.done;
            self.close = Some((now_ms, BatchOperationState::Completed));
        }
    }

    /// Ends a job that cannot go on, or that somebody stops.
    pub(crate) fn fail(&mut self, now_ms: u64) {
        self.close = Some((now_ms, BatchOperationState::Failed));
    }

    pub(crate) fn state(&self) -> BatchOperationState {
        let running = BatchOperationState::Running;
        self.close.map_or(running, |(_, state)| state)
    }

    /// Returns the number of executions, and what was done in pages that are done. A job that was
    /// stopped shows nothing.
    pub(crate) fn counts(&self) -> (usize, Count) {
        match (&self.targets, self.state()) {
            (_, BatchOperationState::Failed) | (None, _) => (0, Count::default()),
            (Some(targets), _) => (targets.all.len(), targets.reported),
        }
    }

    /// Returns the type of the operation, as descriptions and lists show it.
    pub(crate) fn operation_type(&self) -> BatchOperationType {
        match &self.request.operation {
            None => BatchOperationType::Unspecified,
            Some(Operation::TerminationOperation(_)) => BatchOperationType::TerminateWorkflow,
            Some(Operation::SignalOperation(_)) => BatchOperationType::SignalWorkflow,
            Some(Operation::CancellationOperation(_)) => BatchOperationType::CancelWorkflow,
            Some(Operation::DeletionOperation(_)) => BatchOperationType::DeleteWorkflow,
            Some(Operation::ResetOperation(_)) => BatchOperationType::ResetWorkflow,
            Some(Operation::UpdateWorkflowOptionsOperation(_)) => {
                BatchOperationType::UpdateWorkflowExecutionOptions
            }
            Some(Operation::UnpauseActivitiesOperation(_)) => BatchOperationType::UnpauseActivity,
            Some(Operation::ResetActivitiesOperation(_)) => BatchOperationType::ResetActivity,
            Some(Operation::UpdateActivityOptionsOperation(_)) => {
                BatchOperationType::UpdateActivityOptions
            }
            Some(Operation::CancelActivitiesOperation(_)) => BatchOperationType::CancelActivity,
            Some(Operation::TerminateActivitiesOperation(_)) => {
                BatchOperationType::TerminateActivity
            }
            Some(Operation::DeleteActivitiesOperation(_)) => BatchOperationType::DeleteActivity,
        }
    }

    /// Returns the identity of the operator.
    pub(crate) fn identity(&self) -> &str {
        match &self.request.operation {
            None | Some(Operation::DeleteActivitiesOperation(_)) => "",
            Some(Operation::TerminationOperation(it)) => &it.identity,
            Some(Operation::SignalOperation(it)) => &it.identity,
            Some(Operation::CancellationOperation(it)) => &it.identity,
            Some(Operation::DeletionOperation(it)) => &it.identity,
            Some(Operation::ResetOperation(it)) => &it.identity,
            Some(Operation::UpdateWorkflowOptionsOperation(it)) => &it.identity,
            Some(Operation::UnpauseActivitiesOperation(it)) => &it.identity,
            Some(Operation::ResetActivitiesOperation(it)) => &it.identity,
            Some(Operation::UpdateActivityOptionsOperation(it)) => &it.identity,
            Some(Operation::CancelActivitiesOperation(it)) => &it.identity,
            Some(Operation::TerminateActivitiesOperation(it)) => &it.identity,
        }
    }
}
