//! The outcomes of a run's work on a workflow task.

use temporalio_protos::{
    coresdk::workflow_commands::QueryResult,
    temporal::api::{enums::v1::WorkflowTaskFailedCause, failure::v1::Failure},
};

use super::task::OpenTask;
use crate::{
    TaskFailureReason,
    execution::{ExecutionError, TaskResponse},
    instance::InstanceFailure,
    machines::MachineError,
};

/// The outcome of a run's work.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are of the large one")]
pub(crate) enum RunOutcome {
    Completed {
        task: OpenTask,
        response: Box<TaskResponse>,
        queries: Vec<QueryResult>,
        force_new_task: bool,
    },
    QueryAnswered {
        task: OpenTask,
        result: QueryResult,
    },
    Failed {
        task: Option<OpenTask>,
        failed: Box<RunFailure>,
    },
    /// The run waits for local activities, or has nothing to report.
    Waits,
}

/// The failure of a workflow task.
#[derive(Debug)]
pub(crate) struct RunFailure {
    pub(crate) failure: Failure,
    pub(crate) cause: WorkflowTaskFailedCause,
    pub(crate) reason: TaskFailureReason,
    /// The difference between history and commands, if that is the reason.
    pub(crate) error: Option<ExecutionError>,
}

pub(super) type Failed = Box<RunFailure>;

impl RunFailure {
    /// Returns the failure of a task whose history is not complete.
    pub(super) fn no_history(message: &str) -> Box<Self> {
        Box::new(Self {
            failure: Failure::application_failure(message.to_owned(), true),
            cause: WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure,
            reason: TaskFailureReason::Other,
            error: None,
        })
    }
}

impl From<Box<InstanceFailure>> for Failed {
    fn from(failed: Box<InstanceFailure>) -> Self {
        Box::new(RunFailure {
            failure: failed.failure,
            cause: match failed.cause {
                None | Some(WorkflowTaskFailedCause::Unspecified) => {
                    WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure
                }
                Some(cause) => cause,
            },
            reason: failed.reason,
            error: None,
        })
    }
}

impl From<MachineError> for Failed {
    fn from(error: MachineError) -> Self {
        ExecutionError::from(error).into()
    }
}

impl From<ExecutionError> for Failed {
    fn from(error: ExecutionError) -> Self {
        let (message, cause, nondeterminism) = error.report();
        Box::new(RunFailure {
            failure: Failure::application_failure(message, false),
            cause,
            reason: nondeterminism.map_or(TaskFailureReason::Other, |nondeterminism| {
                TaskFailureReason::Nondeterminism(Box::new(nondeterminism))
            }),
            error: Some(error),
        })
    }
}
