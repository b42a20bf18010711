//! Why nothing can happen any more: what every open workflow waits for.

use super::WorkflowName;

/// What is open in a run in which nothing is due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// The workflows that are still open.
    pub workflows: Vec<OpenWorkflow>,
    /// Who waits besides: the test, its actors, activities.
    pub waiting: Vec<Waiting>,
    /// The task queues that workers poll, each with what they poll it for: `payments (workflow and
    /// activity tasks)`.
    pub polled: Vec<String>,
}

/// Somebody who waits: the test, if its body has not returned, an actor, or an activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Who: `the test`, `actor#1`.
    pub who: String,
    /// What for, in words: `the result of PaymentWorkflow payment-1`.
    pub what: String,
}

/// An open workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenWorkflow {
    /// Its type and id.
    pub name: WorkflowName,
    /// What it waits for; empty if only a condition of its own code holds it.
    pub awaits: Vec<Awaited>,
}

/// One thing that an open workflow waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Awaited {
    /// An activity that is not done.
    Activity {
        /// The activity type.
        activity_type: String,
        /// The task queue it is scheduled on.
        task_queue: String,
        /// Which attempt is next or running, counted from 1.
        attempt: u32,
        /// Whether any worker polls that task queue for activities.
        polled: bool,
        /// Why the last attempt failed.
        last_failure: Option<String>,
    },
    /// A workflow task that nobody takes, or that fails again and again.
    WorkflowTask {
        /// The task queue it is scheduled on.
        task_queue: String,
        /// Which attempt it is, counted from 1.
        attempt: u32,
        /// Whether any worker polls that task queue for workflow tasks.
        polled: bool,
        /// Why the last attempt failed.
        last_failure: Option<String>,
    },
    /// A condition of the workflow's own code, with signals it could be told by.
    Condition {
        /// Signals that the workflow has handlers for and that nobody has sent.
        unsent_signals: Vec<String>,
    },
    /// A Nexus operation that has not closed.
    NexusOperation {
        /// The endpoint.
        endpoint: String,
        /// `service/operation`.
        operation: String,
        /// The token, if its handler has started it.
        token: Option<String>,
        /// The request to start it that is under way or next, counted from 1.
        attempt: u32,
        /// Why the last request failed.
        last_failure: Option<String>,
    },
    /// A child workflow that has not closed.
    Child(WorkflowName),
    /// A timer, which has not fired because the run was stopped before.
    Timer {
        /// The timer's id.
        timer_id: String,
        /// Milliseconds of virtual time since the run began at which it fires.
        fires_at_ms: u64,
    },
    /// Anything else, in words.
    Other(String),
}

impl Diagnosis {
    /// The diagnosis, one thing a line, each with what is missing.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for workflow in &self.workflows {
            let WorkflowName {
                workflow_type,
                workflow_id,
            } = &workflow.name;
            lines.push(format!("{workflow_type} {workflow_id} is open and awaits"));
            if workflow.awaits.is_empty() {
                lines.push(
                    "  - a condition of its own code that nothing can change any more".to_owned(),
                );
            }
            lines.extend(
                workflow
                    .awaits
                    .iter()
                    .map(|awaited| format!("  - {}", awaited.words())),
            );
        }
        if self.workflows.is_empty() {
            lines.push("no workflow is open".to_owned());
        }
        lines.extend(
            self.waiting
                .iter()
                .map(|Waiting { who, what }| format!("{who} awaits {what}")),
        );
        if self
            .workflows
            .iter()
            .flat_map(|workflow| &workflow.awaits)
            .any(Awaited::is_for_nobody)
        {
            lines.push(match self.polled.as_slice() {
                [] => "no worker is running".to_owned(),
                queues => format!("workers poll {}", queues.join(", ")),
            });
        }
        lines
    }

    /// Returns the name of the first open workflow.
    pub(crate) fn first_workflow(&self) -> Option<WorkflowName> {
        let first = self.workflows.first()?;
        Some(first.name.clone())
    }

    /// Whether a workflow waits for what its history does not tell of.
    pub(crate) fn awaits_a_condition(&self) -> bool {
        let mut awaited = self.workflows.iter().flat_map(|workflow| &workflow.awaits);
        awaited.any(|awaited| matches!(awaited, Awaited::Condition { .. }))
    }

    /// What to do about an activity that has been failing all along.
    pub(super) fn endless_retries(&self) -> Option<String> {
        const MANY: u32 = 1_000;
        self.workflows.iter().flat_map(|workflow| &workflow.awaits).find_map(|awaited| match awaited {
            Awaited::Activity { activity_type, attempt, last_failure: Some(_), .. } if *attempt >= MANY => {
                Some(format!(
                    "{activity_type} fails every attempt and is retried without end: mend it or its mock, or bound \
                     its retries with `RetryPolicy::maximum_attempts` or a schedule-to-close timeout"
                ))
            }
            _ => None,
        })
    }

    /// The remedy for the first thing that is plainly missing.
    pub(super) fn remedy(&self) -> Option<String> {
        self.workflows.iter().flat_map(|workflow| &workflow.awaits).find_map(|awaited| match awaited {
            Awaited::Activity { activity_type, task_queue, polled: false, .. } => Some(format!(
                "start a worker with {activity_type} on task queue {task_queue}: \
                 `env.worker({task_queue:?})`; or correct the activity's task queue"
            )),
            Awaited::WorkflowTask { task_queue, polled: false, .. } => Some(format!(
                "start a worker with the workflow on task queue {task_queue}: `env.worker({task_queue:?})`; \
                 or correct the task queue in the start options"
            )),
            Awaited::NexusOperation { token: Some(token), .. } => Some(format!(
                "complete the operation: `.complete({token:?}, ..)` or `.fail({token:?}, ..)` of what \
                 `env.nexus_operation(..)` returned; or bound it by a schedule-to-close timeout"
            )),
            Awaited::Condition { unsent_signals } if !unsent_signals.is_empty() => Some(format!(
                "send {} from the test, or bound the wait in the workflow: `select!` with a timer",
                unsent_signals[0]
            )),
            _ => None,
        })
        .or_else(|| {
            self.workflows.is_empty().then(|| {
                "the test waits for what is not of its world: a channel that nobody sends to, or a thread or a socket \
                 of its own, for which no world waits. Let an actor do it (`env.spawn`), or blocking work \
                 (`tokio::task::spawn_blocking`)"
                    .to_owned()
            })
        })
    }
}

impl OpenWorkflow {
    /// Whether no worker is there to take its workflow task.
    pub(crate) fn lacks_a_worker(&self) -> bool {
        self.awaits
            .iter()
            .any(|awaited| matches!(awaited, Awaited::WorkflowTask { polled: false, .. }))
    }
}

impl Awaited {
    /// Whether it waits for a worker where there is none.
    fn is_for_nobody(&self) -> bool {
        matches!(
            self,
            Self::Activity { polled: false, .. } | Self::WorkflowTask { polled: false, .. }
        )
    }

    fn words(&self) -> String {
        let nobody = |polled: &bool| {
            if *polled {
                ""
            } else {
                ", which no worker polls"
            }
        };
        let failed = |attempt: &u32, failure: &Option<String>| match failure {
            Some(failure) => format!("; attempt {}: {failure}", attempt.saturating_sub(1).max(1)),
            None => String::new(),
        };
        match self {
            Self::Activity {
                activity_type,
                task_queue,
                attempt,
                polled,
                last_failure,
            } => format!(
                "activity {activity_type}, attempt {attempt}, on task queue {task_queue}{}{}",
                nobody(polled),
                failed(attempt, last_failure)
            ),
            Self::WorkflowTask {
                task_queue,
                attempt,
                polled,
                last_failure,
            } => format!(
                "its workflow task, attempt {attempt}, on task queue {task_queue}{}{}",
                nobody(polled),
                failed(attempt, last_failure)
            ),
            Self::Condition { unsent_signals } if unsent_signals.is_empty() => {
                "a condition of its own code that nothing can change any more".to_owned()
            }
            Self::Condition { unsent_signals } => format!(
                "a condition of its own code; nobody sent {}",
                unsent_signals
                    .iter()
                    .map(|signal| format!("signal {signal}"))
                    .collect::<Vec<_>>()
                    .join(" or ")
            ),
            Self::NexusOperation {
                endpoint,
                operation,
                token: Some(token),
                ..
            } => format!(
                "Nexus operation {operation} of endpoint {endpoint}, started as `{token}`, which nobody completed"
            ),
            Self::NexusOperation {
                endpoint,
                operation,
                token: None,
                attempt,
                last_failure,
            } => format!(
                "Nexus operation {operation} of endpoint {endpoint}, request {attempt} to start it{}",
                failed(attempt, last_failure)
            ),
            Self::Child(WorkflowName {
                workflow_type,
                workflow_id,
            }) => {
                format!("child workflow {workflow_type} {workflow_id}")
            }
            Self::Timer {
                timer_id,
                fires_at_ms,
            } => {
                format!(
                    "timer {timer_id}, due at +{}",
                    crate::words::duration_words(*fires_at_ms)
                )
            }
            Self::Other(words) => words.clone(),
        }
    }
}
