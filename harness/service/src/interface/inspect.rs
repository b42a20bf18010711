//! A look at the service from outside, for reports: what is open, and what it waits for.
//!
//! None of this is part of Temporal's API, and none of it changes the service.

use std::sync::Arc;

use crate::{
    api::{
        Attributes, HistoryEvent, enums::TimeoutType, failure::failure::FailureInfo,
        history::ActivityTaskTimedOutEventAttributes,
    },
    base::reason::Reason,
    frontend::respond_workflow_task_completed::started_task,
    run::{
        Run, activities::PendingActivity, nexus_operations::PendingNexusOperation,
        timers::TimerKind, token::TaskToken, workflow_task::WorkflowTaskProblem,
    },
    state::service::Service,
};

/// A summary of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecutionSummary {
    /// The workflow id.
    pub workflow_id: String,
    /// The run id.
    pub run_id: String,
    /// The workflow type.
    pub workflow_type: String,
    /// The task queue on which it was started.
    pub task_queue: String,
    /// True if it is still open.
    pub open: bool,
    /// The termination that closed the run, if one did.
    pub terminated: Option<TerminationSummary>,
    /// The activities that have not closed, in the order in which they were scheduled.
    pub pending_activities: Vec<PendingActivitySummary>,
    /// The timers that have not fired, in the order in which they fire.
    pub pending_timers: Vec<PendingTimerSummary>,
    /// The children that have not closed, in the order in which they were initiated.
    pub pending_children: Vec<PendingChildSummary>,
    /// The Nexus operations that have not closed, in the order in which they were scheduled.
    pub pending_nexus_operations: Vec<PendingNexusOperationSummary>,
    /// The ids of the updates that have no outcome, in the order in which they were admitted.
    pub pending_updates: Vec<String>,
    /// The workflow task that is scheduled or started.
    pub pending_workflow_task: Option<PendingWorkflowTaskSummary>,
}

/// The termination of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TerminationSummary {
    /// The reason in words, from the closing event.
    pub message: String,
    /// The typed reason, if the service terminated the run by itself and programs recognise it.
    pub reason: Option<Reason>,
}

/// An activity that timed out before any worker polled for an attempt of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnpolledActivitySummary {
    /// The workflow id of its run.
    pub workflow_id: String,
    /// The run id of its run.
    pub run_id: String,
    /// The workflow type of its run.
    pub workflow_type: String,
    /// The activity type.
    pub activity_type: String,
    /// The task queue on which it was scheduled.
    pub task_queue: String,
    /// The timeout that ended it: `ScheduleToStart` or `ScheduleToClose`.
    pub timeout: TimeoutType,
    /// The message of the failure that the workflow got.
    pub message: String,
}

/// An activity that has not closed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingActivitySummary {
    /// The activity type.
    pub activity_type: String,
    /// The task queue on which it is scheduled.
    pub task_queue: String,
    /// The current or the next attempt, from 1.
    pub attempt: i32,
    /// True if a worker has the attempt.
    pub started: bool,
    /// True if an operator has paused it.
    pub paused: bool,
    /// The message of the failure of the last attempt.
    pub last_failure: Option<String>,
}

/// A child that has not closed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingChildSummary {
    /// The workflow id.
    pub workflow_id: String,
    /// The workflow type.
    pub workflow_type: String,
    /// True if it has been started.
    pub started: bool,
}

/// A Nexus operation that has not closed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingNexusOperationSummary {
    /// The endpoint.
    pub endpoint: String,
    /// The service.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// The current or the next request to start it, from 1; the last one, if it has started.
    pub attempt: i32,
    /// The token of the operation, if its handler has started it.
    pub token: Option<String>,
    /// The time at which its first timeout ends it, in milliseconds since the Unix epoch.
    pub expires_at_ms: Option<u64>,
    /// The message of the failure of the last request to start it.
    pub last_failure: Option<String>,
}

/// A timer that has not fired.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingTimerSummary {
    /// The timer id.
    pub timer_id: String,
    /// The time at which it fires, in milliseconds since the Unix epoch.
    pub fires_at_ms: u64,
}

/// A workflow task that is scheduled or started.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingWorkflowTaskSummary {
    /// The task queue of its run.
    pub task_queue: String,
    /// The attempt, from 1.
    pub attempt: i32,
    /// True if a worker has it.
    pub started: bool,
    /// The deployment version of the workers that may take it, as `NAME:BUILD_ID`; `None` for
    /// workers without one.
    pub version: Option<String>,
    /// The reason why the last attempt did not complete.
    pub last_failure: Option<String>,
}

/// The final history of a run.
#[derive(Clone, Debug)]
pub struct RunHistory {
    /// The workflow id.
    pub workflow_id: String,
    /// The run id.
    pub run_id: String,
    /// The events, from the first.
    pub events: Vec<Arc<HistoryEvent>>,
}

impl Service {
    /// Returns `true` if the cancellation of this task's activity is requested: its attempts are
    /// not retried then. Returns `true`, too, if that of its run is, and workflow code, which may
    /// pass the request on to the activity, has not seen it yet.
    pub fn is_cancel_requested(&self, task_token: &[u8]) -> bool {
        let (run, scheduled_event_id) = match TaskToken::decode(task_token) {
            Ok(TaskToken::ActivityTask {
                run,
                scheduled_event_id,
                ..
            }) => (run, scheduled_event_id),
            Ok(TaskToken::ActivityExecution { activity, .. }) => {
                let activity = self.activity_executions.find(activity);
                return activity.is_some_and(|it| it.cancel.is_some());
            }
            _ => return false,
        };
        self.executions.find(run).is_some_and(|run| {
            run.has_unseen_cancel_request()
                || run
                    .activities
                    .get(scheduled_event_id)
                    .is_some_and(PendingActivity::is_cancel_requested)
        })
    }

    /// Returns all runs, in the order in which they started.
    pub fn executions(&self) -> impl Iterator<Item = ExecutionSummary> {
        self.executions.iter().map(|run| summary(self, run))
    }

    /// Returns the activities that timed out before any worker polled for them: by their runs, in
    /// the order in which the runs started, and within a run in the order of their timeouts.
    pub fn unpolled_activities(&self) -> Vec<UnpolledActivitySummary> {
        self.executions.iter().flat_map(unpolled_of_run).collect()
    }

    /// Ends the service, and returns the history of every run, in the order in which the runs
    /// started.
    pub fn into_histories(self) -> impl Iterator<Item = RunHistory> {
        self.executions.into_runs().map(|run| RunHistory {
            workflow_id: run.workflow_id,
            run_id: run.run_id,
            events: run.history.into_events(),
        })
    }

    /// Returns `true` if this is the token of a workflow task that a worker has and that the
    /// service has not given up.
    pub fn is_workflow_task_started(&self, task_token: &[u8]) -> bool {
        started_task(self, task_token).is_ok()
    }

    /// Returns `true` if this is the token of a query that still waits for the answer of the worker
    /// that has it.
    pub fn is_query_awaited(&self, task_token: &[u8]) -> bool {
        match TaskToken::decode(task_token) {
            Ok(TaskToken::Query { query, ordinal }) => self.queries.sent(query, ordinal).is_some(),
            _ => false,
        }
    }

    /// Returns `true` if nothing is due, now or later, but the next attempts of activities.
    pub fn awaits_only_retries(&self) -> bool {
        self.awaits_only_timers()
            && self
                .timers
                .all()
                .all(|(_, _, kind)| *kind == TimerKind::ActivityRetry)
    }

    /// Returns `true` if nothing is due, now or later, but timers that workflow code of this
    /// workflow started.
    pub fn awaits_only_timers_of(&self, workflow_id: &str) -> bool {
        let Some(current) = self.executions.current(workflow_id) else {
            return false;
        };
        self.awaits_only_timers()
            && self
                .timers
                .all()
                .all(|(_, run, kind)| *run == current && *kind == TimerKind::UserTimers)
    }

    /// Returns `true` if nothing is due, now or later, but actions of schedules.
    pub fn awaits_only_schedules(&self) -> bool {
        self.deliveries.next_due_ms().is_none()
            && self.timers.next_due_ms().is_none()
            && self.next_due_beside_runs_ms().is_none()
            && self.schedules.next_due_ms().is_some()
    }

    fn awaits_only_timers(&self) -> bool {
        self.deliveries.next_due_ms().is_none()
            && self.schedules.next_due_ms().is_none()
            && self.next_due_beside_runs_ms().is_none()
    }

    /// Returns the time at which the next schedule acts.
    pub fn next_schedule_ms(&self) -> Option<u64> {
        self.schedules.next_due_ms()
    }

    /// Returns the number of times that a schedule has acted by itself, or has looked if it should.
    pub fn schedule_turns(&self) -> u64 {
        self.schedules.turns_taken()
    }

    /// Returns the run id and the history of a run; without a run id, of the last run of the
    /// workflow id.
    pub fn run(
        &self,
        workflow_id: &str,
        run_id: Option<&str>,
    ) -> Option<(&str, &[Arc<HistoryEvent>])> {
        let key = match run_id {
            Some(run_id) => self.executions.by_run_id(workflow_id, run_id)?,
            None => self.executions.current(workflow_id)?,
        };
        let run = self.executions.run(key);
        Some((&run.run_id, run.history.events()))
    }

    /// Returns the pending Nexus operation whose requests to the handler have this request id, with
    /// the workflow id of its run.
    pub fn nexus_operation(
        &self,
        request_id: &str,
    ) -> Option<(&str, PendingNexusOperationSummary)> {
        self.executions
            .iter()
            .filter(|run| run.is_running())
            .find_map(|run| {
                let operation = run.nexus_operations.iter().find(|operation| {
                    run.nexus_operation_scheduled(operation.scheduled_event_id)
                        .request_id
                        == request_id
                })?;
                Some((
                    run.workflow_id.as_str(),
                    pending_nexus_operation(run, operation),
                ))
            })
    }

    /// Returns a run by its run id alone.
    pub fn execution(&self, run_id: &str) -> Option<ExecutionSummary> {
        self.executions
            .iter()
            .find(|run| run.run_id == run_id)
            .map(|run| summary(self, run))
    }
}

fn summary(service: &Service, run: &Run) -> ExecutionSummary {
    let task = run.state.workflow_task.current.as_ref();
    ExecutionSummary {
        workflow_id: run.workflow_id.clone(),
        run_id: run.run_id.clone(),
        workflow_type: run.workflow_type().to_owned(),
        task_queue: run.task_queue_name().to_owned(),
        open: run.is_running(),
        terminated: terminated(run),
        pending_activities: pending_activities(run),
        pending_timers: run
            .user_timers
            .in_order()
            .map(|(due_ms, _, id)| PendingTimerSummary {
                timer_id: id.clone(),
                fires_at_ms: *due_ms,
            })
            .collect(),
        pending_children: pending_children(run),
        pending_nexus_operations: pending_nexus_operations(run),
        pending_updates: run.updates.pending(),
        pending_workflow_task: task.map(|task| PendingWorkflowTaskSummary {
            task_queue: run.task_queue_name().to_owned(),
            attempt: task.attempt,
            started: task.is_started(),
            version: service.version_of_workflow_tasks(run),
            last_failure: run.state.workflow_task.last_problem.as_ref().map(problem),
        }),
    }
}

fn terminated(run: &Run) -> Option<TerminationSummary> {
    match &run.history.events().last()?.attributes {
        Some(Attributes::WorkflowExecutionTerminatedEventAttributes(terminated)) => {
            Some(TerminationSummary {
                message: terminated.reason.clone(),
                reason: run.state.terminated_for,
            })
        }
        _ => None,
    }
}

fn unpolled_of_run(run: &Run) -> impl Iterator<Item = UnpolledActivitySummary> {
    run.history.events().iter().filter_map(|event| {
        let Some(Attributes::ActivityTaskTimedOutEventAttributes(timed_out)) = &event.attributes
        else {
            return None;
        };
        let (timeout, message) = unpolled_timeout(timed_out)?;
        let Some(Attributes::ActivityTaskScheduledEventAttributes(scheduled)) =
            run.history.attributes(timed_out.scheduled_event_id)
        else {
            return None;
        };
        Some(UnpolledActivitySummary {
            workflow_id: run.workflow_id.clone(),
            run_id: run.run_id.clone(),
            workflow_type: run.workflow_type().to_owned(),
            activity_type: scheduled.activity_type.clone().unwrap_or_default().name,
            task_queue: scheduled.task_queue.clone().unwrap_or_default().name,
            timeout,
            message: message.to_owned(),
        })
    })
}

/// Returns the timeout of an activity of which no attempt was ever started, with its message.
fn unpolled_timeout(
    timed_out: &ActivityTaskTimedOutEventAttributes,
) -> Option<(TimeoutType, &str)> {
    let failure = timed_out.failure.as_ref()?;
    let Some(FailureInfo::TimeoutFailureInfo(info)) = &failure.failure_info else {
        return None;
    };
    // If an attempt failed before, its failure is the cause of the timeout.
    let was_never_started = timed_out.started_event_id == 0 && failure.cause.is_none();
    let timeout = info.timeout_type();
    let is_of_waiting = matches!(
        timeout,
        TimeoutType::ScheduleToStart | TimeoutType::ScheduleToClose
    );
    (was_never_started && is_of_waiting).then_some((timeout, &failure.message))
}

fn pending_activities(run: &Run) -> Vec<PendingActivitySummary> {
    run.activities
        .iter()
        .map(|activity| PendingActivitySummary {
            activity_type: activity_type(run, activity.scheduled_event_id),
            task_queue: activity.task_queue.clone(),
            attempt: activity.attempt,
            started: activity.started.is_some(),
            paused: activity.paused.is_some(),
            last_failure: activity
                .last_failure
                .as_ref()
                .map(|failure| failure.message.clone()),
        })
        .collect()
}

fn pending_children(run: &Run) -> Vec<PendingChildSummary> {
    run.children
        .iter()
        .map(|(_, child)| PendingChildSummary {
            workflow_id: child.workflow_id.clone(),
            workflow_type: child
                .workflow_type
                .as_ref()
                .map(|it| it.name.clone())
                .unwrap_or_default(),
            started: child.is_started(),
        })
        .collect()
}

fn pending_nexus_operations(run: &Run) -> Vec<PendingNexusOperationSummary> {
    run.nexus_operations
        .iter()
        .map(|operation| pending_nexus_operation(run, operation))
        .collect()
}

fn pending_nexus_operation(
    run: &Run,
    operation: &PendingNexusOperation,
) -> PendingNexusOperationSummary {
    let scheduled = run.nexus_operation_scheduled(operation.scheduled_event_id);
    let is_started = operation.started.is_some();
    PendingNexusOperationSummary {
        endpoint: scheduled.endpoint.clone(),
        service: scheduled.service.clone(),
        operation: scheduled.operation.clone(),
        attempt: operation.starting.attempt + i32::from(!is_started),
        token: operation
            .started
            .as_ref()
            .map(|started| started.token.clone()),
        expires_at_ms: operation.next_timeout_ms(),
        last_failure: operation
            .starting
            .last_failure
            .as_ref()
            .map(|it| it.message.clone()),
    }
}

fn activity_type(run: &Run, scheduled_event_id: i64) -> String {
    match run.history.attributes(scheduled_event_id) {
        Some(Attributes::ActivityTaskScheduledEventAttributes(scheduled)) => scheduled
            .activity_type
            .as_ref()
            .map_or_else(String::new, |activity_type| activity_type.name.clone()),
        _ => String::new(),
    }
}

fn problem(problem: &WorkflowTaskProblem) -> String {
    match problem {
        WorkflowTaskProblem::Failed { cause, message } => {
            format!("{}: {message}", cause.as_str_name())
        }
        WorkflowTaskProblem::TimedOut(timeout) => {
            format!("it timed out: {}", timeout.as_str_name())
        }
    }
}
