//! Diagnoses: what everything in a world waits for.

use std::collections::BTreeMap;

use super::{Signals, WorkflowName};
use crate::words::duration_words;

/// The state of a task that `tokio::spawn` has started.
const NOT_RUN: &str = "did not end: a world does not run or await what it has not spawned itself";

/// The remedy for a task of `tokio::spawn`.
const SPAWN_ACTORS: &str = "start the task with `env.spawn(..)` in place of `tokio::spawn(..)`: an \
    actor is part of its world, which runs the actor, awaits it, and names it in reports";

/// Temporal's name for the version of workers without one.
pub(crate) const UNVERSIONED: &str = "__unversioned__";

/// Everything that is open in a world in which nothing is due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// The workflows that are still open.
    pub workflows: Vec<OpenWorkflow>,
    /// Everybody else who waits: the test, its actors, activities.
    pub waiting: Vec<Waiting>,
    /// The wait that the test ended by itself, and failed.
    pub gave_up: Option<GaveUp>,
    /// The number of tasks that `tokio::spawn` has started and that have not ended.
    pub spawned: usize,
    /// The task queues that workers poll, each with the kinds of tasks that they poll it for:
    /// `payments (workflow and activity tasks)`.
    pub polled: Vec<String>,
}

/// Somebody who waits: the test, if its body has not returned, an actor, or an activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The name: `the test`, `actor#1`.
    pub who: String,
    /// The thing waited for, in words: `the result of PaymentWorkflow payment-1`.
    pub what: String,
}

/// A wait that the test, or an actor, ended before there was an answer: by a `timeout` of its own,
/// say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GaveUp {
    /// The name: `the test`, `actor#1`.
    pub who: String,
    /// The thing waited for, in words: `the result of PaymentWorkflow payment-1`.
    pub what: String,
    /// The open workflow that it was to come from.
    pub workflow: WorkflowName,
    /// The time at which the wait ended, in virtual milliseconds since the start of the world.
    pub after_ms: u64,
}

/// The activity slots of the workers that poll a task queue, all of which are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenSlots {
    /// The number of slots.
    pub slots: usize,
    /// The attempts that hold them: the number of each activity type.
    pub held_by: BTreeMap<String, usize>,
}

/// An open workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenWorkflow {
    /// Its type and id.
    pub name: WorkflowName,
    /// The things that it waits for. Empty if only a condition of its own code holds it.
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
        /// The attempt that is next or running, counted from 1.
        attempt: u32,
        /// True if a request has paused it.
        paused: bool,
        /// True if any worker polls that task queue for activities.
        polled: bool,
        /// The slots of the workers that poll that task queue, if the activity waits for one of
        /// them.
        no_slot: Option<TakenSlots>,
        /// The message of the last attempt's failure.
        last_failure: Option<String>,
    },
    /// A workflow task that no worker polls for, or that fails again and again.
    WorkflowTask {
        /// The task queue it is scheduled on.
        task_queue: String,
        /// The attempt, counted from 1.
        attempt: u32,
        /// True if any worker polls that task queue for workflow tasks.
        polled: bool,
        /// The deployment version of the workers that alone may take it, as `NAME:BUILD_ID`, if
        /// none of those polls; `__unversioned__` for workers without one.
        lacks_version: Option<String>,
        /// The message of the last attempt's failure.
        last_failure: Option<String>,
    },
    /// A condition of the workflow's own code, which a signal could change.
    Condition(Signals),
    /// Perhaps a signal: the workflow waits for a timer, and may wait for the signal beside it.
    Signal(Signals),
    /// A Nexus operation that has not closed.
    NexusOperation {
        /// The endpoint.
        endpoint: String,
        /// `service/operation`.
        operation: String,
        /// The token, if its handler has started the operation.
        token: Option<String>,
        /// The attempt to start the operation that is under way or next, counted from 1.
        attempt: u32,
        /// The message of the last attempt's failure.
        last_failure: Option<String>,
    },
    /// A child workflow that has not closed.
    Child(WorkflowName),
    /// A timer, which has not fired because the world was stopped before.
    Timer {
        /// The timer's id.
        timer_id: String,
        /// The time at which it fires, in virtual milliseconds since the start of the world.
        fires_at_ms: u64,
    },
    /// Anything else, in words.
    Other(String),
}

impl Diagnosis {
    /// Returns the diagnosis, one thing a line.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for workflow in &self.workflows {
            lines.push(format!("{} is open and waits for", workflow.name));
            if workflow.awaits.is_empty() {
                lines.push(format!("  - {}", Signals::default().condition()));
            }
            let awaited = workflow.awaits.iter();
            lines.extend(awaited.map(|awaited| format!("  - {}", awaited.words())));
        }
        if self.workflows.is_empty() {
            lines.push("no workflow is open".to_owned());
        }
        let waiting = self.waiting.iter();
        lines.extend(waiting.map(|Waiting { who, what }| format!("{who} waits for {what}")));
        if let Some(GaveUp {
            who,
            what,
            after_ms,
            ..
        }) = &self.gave_up
        {
            let after = duration_words(*after_ms);
            lines.push(format!("{who} waited for {what} until +{after}"));
        }
        match self.spawned {
            0 => {}
            1 => lines.push(format!("1 task of `tokio::spawn` {NOT_RUN}")),
            count => lines.push(format!("{count} tasks of `tokio::spawn` {NOT_RUN}")),
        }
        if self.awaited().any(Awaited::lacks_a_worker) {
            lines.push(match self.polled.as_slice() {
                [] => "no worker is running".to_owned(),
                queues => format!("workers poll {}", queues.join(", ")),
            });
        }
        lines
    }

    /// Returns everything that the open workflows wait for.
    fn awaited(&self) -> impl Iterator<Item = &Awaited> {
        self.workflows.iter().flat_map(|workflow| &workflow.awaits)
    }

    /// Returns the name of the first open workflow.
    pub(crate) fn first_workflow(&self) -> Option<WorkflowName> {
        let first = self.workflows.first()?;
        Some(first.name.clone())
    }

    /// Returns `true` if a workflow waits for a condition of its own code.
    pub(crate) fn awaits_a_condition(&self) -> bool {
        self.awaited()
            .any(|awaited| matches!(awaited, Awaited::Condition(_)))
    }

    /// Returns the type of an activity that has failed on very many attempts, and their number.
    pub(super) fn endless_retries(&self) -> Option<(&str, u32)> {
        const MANY: u32 = 1_000;
        self.awaited().find_map(|awaited| match awaited {
            Awaited::Activity {
                activity_type,
                attempt: attempt @ MANY..,
                last_failure: Some(_),
                ..
            } => Some((activity_type.as_str(), attempt - 1)),
            _ => None,
        })
    }

    /// Returns the remedy for an activity that has failed on very many attempts.
    pub(super) fn remedy_of_endless_retries(&self) -> Option<String> {
        let (activity_type, _) = self.endless_retries()?;
        Some(format!(
            "fix {activity_type} or its mock, which fails on every attempt and is retried \
             forever; or bound its retries with `RetryPolicy::maximum_attempts` or a \
             schedule-to-close timeout"
        ))
    }

    /// Returns the remedy for the first thing that is plainly missing.
    pub(crate) fn remedy(&self) -> Option<String> {
        // An activity may rightly spawn tasks while it runs.
        let runs_activities = self
            .awaited()
            .any(|awaited| matches!(awaited, Awaited::Activity { .. }));
        if self.spawned > 0 && !runs_activities {
            return Some(SPAWN_ACTORS.to_owned());
        }
        if self.workflows.is_empty() {
            return Some(
                "let an actor do the work with `env.spawn`, or run blocking code with \
                 `tokio::task::spawn_blocking`: the test waits for something outside its world, \
                 such as a channel that nobody sends to, a thread or a socket"
                    .to_owned(),
            );
        }
        self.awaited().find_map(Awaited::remedy)
    }
}

impl OpenWorkflow {
    /// Returns `true` if no worker polls for its workflow task.
    pub(crate) fn lacks_a_worker(&self) -> bool {
        self.awaits
            .iter()
            .any(|awaited| matches!(awaited, Awaited::WorkflowTask { polled: false, .. }))
    }
}

impl TakenSlots {
    fn words(&self) -> String {
        let held_by = self.held_by.iter();
        let held_by = held_by.map(|(activity_type, count)| format!("{count} by {activity_type}"));
        let held_by: Vec<_> = held_by.collect();
        format!(
            ", whose {} activity slots are all taken: {}",
            self.slots,
            held_by.join(", ")
        )
    }
}

impl Awaited {
    /// Returns `true` if it waits on a task queue that no worker polls for it.
    fn lacks_a_worker(&self) -> bool {
        matches!(
            self,
            Self::Activity {
                paused: false,
                polled: false,
                ..
            } | Self::WorkflowTask { polled: false, .. }
        )
    }

    /// Returns what is missing, as a remedy.
    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Activity {
                activity_type,
                paused: true,
                ..
            } => format!("unpause {activity_type} with `UnpauseActivity`"),
            Self::Activity {
                activity_type,
                task_queue,
                polled: false,
                ..
            } => format!(
                "start a worker with {activity_type} on task queue {task_queue}, \
                 `env.worker({task_queue:?})`; or correct the activity's task queue"
            ),
            Self::Activity {
                no_slot: Some(TakenSlots { held_by, .. }),
                ..
            } => {
                let (holder, _) = held_by.first_key_value()?;
                format!(
                    "let {holder} not wait for activities that need the slots which it holds: wait \
                     in the workflow instead; or give the worker more slots, `.tuner(..)`"
                )
            }
            Self::WorkflowTask {
                task_queue,
                polled: false,
                ..
            } => format!(
                "start a worker with the workflow on task queue {task_queue}, \
                 `env.worker({task_queue:?})`; or correct the task queue in the start options"
            ),
            Self::WorkflowTask {
                task_queue,
                lacks_version: Some(version),
                ..
            } if version == UNVERSIONED => format!(
                "make a deployment version current with `SetWorkerDeploymentCurrentVersion`; or \
                 start a worker without `.deployment_options(..)` on task queue {task_queue}"
            ),
            Self::WorkflowTask {
                task_queue,
                lacks_version: Some(version),
                ..
            } => format!(
                "start a worker of deployment version {version} on task queue {task_queue}, \
                 `.deployment_options(..)`; or make another version current"
            ),
            Self::NexusOperation {
                token: Some(token), ..
            } => format!(
                "complete the operation: call `.complete({token:?}, ..)` or `.fail({token:?}, ..)` \
                 on the value that `env.nexus_operation(..)` returned; or bound the operation with \
                 a schedule-to-close timeout"
            ),
            Self::Condition(signals) => return signals.remedy(),
            Self::Signal(signals) => return signals.remedy_beside_a_timer(),
            _ => return None,
        })
    }

    fn words(&self) -> String {
        match self {
            Self::Activity {
                activity_type,
                task_queue,
                attempt,
                paused,
                polled,
                no_slot,
                last_failure,
            } => format!(
                "activity {activity_type}, {}{}",
                if *paused { "paused, " } else { "" },
                task(
                    *attempt,
                    task_queue,
                    &no_slot
                        .as_ref()
                        .map_or_else(|| unpolled(*polled).to_owned(), TakenSlots::words),
                    last_failure.as_deref()
                )
            ),
            Self::WorkflowTask {
                task_queue,
                attempt,
                polled,
                lacks_version,
                last_failure,
            } => format!(
                "its workflow task, {}",
                task(
                    *attempt,
                    task_queue,
                    &match lacks_version {
                        Some(version) if *polled => unpolled_by(version),
                        _ => unpolled(*polled).to_owned(),
                    },
                    last_failure.as_deref()
                )
            ),
            Self::Condition(signals) => signals.condition(),
            Self::Signal(signals) => signals.beside_a_timer(),
            Self::NexusOperation {
                endpoint,
                operation,
                token: Some(token),
                ..
            } => format!(
                "Nexus operation {operation} of endpoint {endpoint}, started as `{token}` and not \
                 completed"
            ),
            Self::NexusOperation {
                endpoint,
                operation,
                token: None,
                attempt,
                last_failure,
            } => format!(
                "Nexus operation {operation} of endpoint {endpoint}, attempt {attempt} to start \
                 it{}",
                failed(*attempt, last_failure.as_deref())
            ),
            Self::Child(name) => format!("child workflow {name}"),
            Self::Timer {
                timer_id,
                fires_at_ms,
            } => format!("timer {timer_id}, due at +{}", duration_words(*fires_at_ms)),
            Self::Other(words) => words.clone(),
        }
    }
}

/// Describes a task: its attempt, its task queue, what is wrong there, and the failure before.
fn task(attempt: u32, task_queue: &str, wrong: &str, last_failure: Option<&str>) -> String {
    let failed = failed(attempt, last_failure);
    format!("attempt {attempt}, on task queue {task_queue}{wrong}{failed}")
}

/// Describes a task queue: no worker polls it, if that is so.
fn unpolled(polled: bool) -> &'static str {
    if polled {
        ""
    } else {
        ", which no worker polls"
    }
}

/// Describes a task queue that only workers of other versions poll.
fn unpolled_by(version: &str) -> String {
    match version {
        UNVERSIONED => {
            ", where each worker has a deployment version and none is current".to_owned()
        }
        version => format!(", where no worker has deployment version {version}"),
    }
}

/// Describes the failure before an attempt.
fn failed(attempt: u32, last_failure: Option<&str>) -> String {
    last_failure.map_or_else(String::new, |failure| {
        let before = attempt.saturating_sub(1).max(1);
        format!("; attempt {before} failed: {failure}")
    })
}
