//! The errors of workers that cannot start.

use durasim_worker::{
    RegistrationError,
    activity::{ActivityRegistrationError, Unregistered},
};

/// The error of a worker that cannot start.
///
/// ```
#[doc = include_str!("../../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// let error = env.worker("reminders").start().unwrap_err();
/// assert!(matches!(error, durasim::StartError::Nothing { .. }));
/// assert!(error.to_string().contains("add some with `.workflow::<W>()`"));
/// # Ok(())
/// # }));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A workflow cannot be registered.
    #[error("worker for task queue `{task_queue}`: {source}")]
    Workflow {
        /// The worker's task queue.
        task_queue: String,
        /// The cause.
        source: RegistrationError,
    },
    /// An activity cannot be registered.
    #[error("worker for task queue `{task_queue}`: {source}")]
    Activity {
        /// The worker's task queue.
        task_queue: String,
        /// The cause.
        source: ActivityRegistrationError,
    },
    /// A workflow has two mocks.
    #[error("worker for task queue `{task_queue}`: workflow `{workflow_type}` is mocked twice")]
    WorkflowMockedTwice {
        /// The worker's task queue.
        task_queue: String,
        /// The workflow type.
        workflow_type: String,
    },
    /// A number of calls is expected of no mock.
    #[error(
        "worker for task queue `{task_queue}`: `.times(..)` is about the mock before it, and there \
         is none; move it behind `.mock_activity(..)` or `.mock_workflow(..)`"
    )]
    TimesOfNothing {
        /// The worker's task queue.
        task_queue: String,
    },
    /// An activity has no instance to be called on.
    #[error(transparent)]
    MissingInstance(#[from] Unregistered),
    /// There is no activity to which real input and output could be allowed.
    #[error(
        "worker for task queue `{task_queue}`: `.real_io()` is about the activity before it, and \
         there is none; write `.activity(..).real_io()`"
    )]
    RealIoOfNoActivity {
        /// The worker's task queue.
        task_queue: String,
    },
    /// The worker would have nothing to do.
    #[error(
        "worker for task queue `{task_queue}`: neither a workflow nor an activity is registered; \
         add some with `.workflow::<W>()`, `.activity(..)` or `.mock_activity(..)`"
    )]
    Nothing {
        /// The worker's task queue.
        task_queue: String,
    },
    /// A task queue must have a name.
    #[error("a worker needs a task queue: its name is empty")]
    EmptyTaskQueue,
}

impl StartError {
    /// Returns the remedy.
    pub(crate) fn remedy(&self) -> String {
        match self {
            Self::Workflow {
                source: RegistrationError::DuplicateWorkflowType { workflow_type },
                ..
            } => format!(
                "register {workflow_type} once: remove one `.workflow::<{workflow_type}>()`"
            ),
            Self::Workflow {
                source: RegistrationError::FactoryWithInit { workflow_type },
                ..
            } => format!("register {workflow_type} with `.workflow::<{workflow_type}>()`"),
            Self::Activity {
                source: ActivityRegistrationError::DuplicateActivity { activity_type },
                ..
            } => format!("register {activity_type} once: remove one `.activity({activity_type})`"),
            Self::Activity {
                source: ActivityRegistrationError::DuplicateMock { activity_type },
                ..
            } => format!(
                "keep one `.mock_activity({activity_type}, ..)`; one mock may answer each call \
                 otherwise, by its input or attempt"
            ),
            Self::Activity {
                source: ActivityRegistrationError::DuplicateImplementer { implementer },
                ..
            } => format!("keep one `.implementer(..)` of type {implementer}"),
            Self::WorkflowMockedTwice { workflow_type, .. } => {
                format!("keep one `.mock_workflow(..)` of {workflow_type}")
            }
            Self::MissingInstance(Unregistered {
                activity_type,
                missing_instance: Some(implementer),
                ..
            }) => format!(
                "give the worker the instance, `.implementer(..)` with a {implementer}; or mock \
                 the activity: `.mock_activity({activity_type}, |call| async move {{ .. }})`"
            ),
            Self::Nothing { .. } => {
                "add what the worker runs: `.workflow::<W>()`, `.activity(..)` or \
                 `.mock_activity(..)`"
                    .to_owned()
            }
            Self::TimesOfNothing { .. } => {
                "move `.times(..)` behind the mock that it is about".to_owned()
            }
            Self::EmptyTaskQueue => "name the task queue: `env.worker(\"orders\")`".to_owned(),
            _ => "correct what the message names, where the worker is built".to_owned(),
        }
    }
}
