//! Failures of workflow code: in a workflow task, in a query, or in a rebuilt run.

use durasim_engine::{START_MS, ambient};
use durasim_service::Reason;
use durasim_worker::{
    Nondeterminism, QueryFailure, TaskFailureReason, WorkflowTaskFailure, follows_other_cuts,
};
use tonic::{Code, Status};

use super::payloads;
use crate::{
    broken::broken,
    report::{
        Awaited, Failure, OpenWorkflow, WorkflowName, is_real_io,
        source_lines::{is_dependencys, source_line, user_line},
    },
    words::with_causes,
    world::{State, WorkflowTaskFailures, replay_cases, worker::ProcessRef},
};

/// The number of the attempt at which a failure of a workflow task ends the world: the service
/// would retry the task forever.
const HOPELESS_ATTEMPT: i32 = 3;

/// Returns the failure of a workflow task, if it ends the world: code that does not follow its
/// history does so at once, any other failure once a few attempts have failed.
pub(crate) fn workflow_task_failed(
    state: &State,
    at: ProcessRef,
    run_id: &str,
    failed: &WorkflowTaskFailure,
) -> Option<Failure> {
    let execution = state.service.execution(run_id)?;
    let name = WorkflowName::new(&execution.workflow_type, &execution.workflow_id);
    let attempt = execution
        .pending_workflow_task
        .map_or(1, |task| task.attempt);
    if !failed.task_token.is_empty() && !state.service.is_workflow_task_started(&failed.task_token)
    {
        // The task came late, with events and messages that are no longer the last: the failure
        // counts for nothing.
        return None;
    }
    if let TaskFailureReason::Nondeterminism(nondeterminism) = &failed.reason {
        return rebuilt_otherwise(state, run_id, nondeterminism);
    }
    let does_io = is_real_io(&failed.failure.message);
    if !does_io && !is_hopeless(state, at, attempt) {
        return None;
    }
    let panic = match &failed.reason {
        TaskFailureReason::Panic(panic) => Some(panic),
        _ => None,
    };
    let location = panic.and_then(|panic| {
        // If a library panics, the line that called the library helps more; a backtrace has it.
        let in_library = panic.location.as_deref().is_some_and(is_dependencys);
        if in_library {
            return panic.backtrace.as_deref().and_then(user_line);
        }
        panic.location.as_deref().and_then(source_line)
    });
    if does_io {
        return Some(Failure::real_io_of_workflow(name).at(location));
    }
    let attempts = u32::try_from(attempt).unwrap_or(u32::MAX);
    let events = state
        .service
        .history(&execution.workflow_id, Some(run_id))
        .unwrap_or_default();
    let message = with_causes(&failed.failure);
    let failure = Failure::workflow_task_fails(name, attempts, &message, location, events);
    Some(match &failed.reason {
        TaskFailureReason::WorkflowInput => failure.with_remedy(
            "start the workflow with an input of the type that its `run` takes; the first event of \
             its history has the input that it got",
        ),
        TaskFailureReason::Payload => payloads::unreadable(state, events, failure),
        _ => failure,
    })
}

/// Returns `true` if a workflow task that failed this many times in a process ends the world.
fn is_hopeless(state: &State, at: ProcessRef, attempt: i32) -> bool {
    let process = state.workers.running(at);
    let failures = process.map_or(WorkflowTaskFailures::Fatal, |it| it.spec.task_failures);
    attempt >= HOPELESS_ATTEMPT && failures == WorkflowTaskFailures::Fatal
}

/// Returns the failure of a workflow that waits for nothing but its own code, if the SDK never
/// resolves the start of one of its children.
pub(super) fn unanswered_start(state: &State, open: &OpenWorkflow) -> Option<Failure> {
    if !matches!(open.awaits.as_slice(), [Awaited::Condition(_)]) {
        return None;
    }
    let execution = state.service.executions();
    let mut execution = execution.filter(|it| it.open);
    let execution = execution.find(|it| it.workflow_id == open.name.workflow_id)?;
    let mut processes = state.workers.iter();
    let child_id = processes
        .find_map(|process| process.workflows.unanswered_child_start(&execution.run_id))?;
    Some(Failure::unanswered_start(open.name.clone(), child_id))
}

/// Returns the failure of a query, if the code of the run does not follow its history.
pub(crate) fn query_failed(state: &State, run_id: &str, failed: &QueryFailure) -> Option<Failure> {
    rebuilt_otherwise(state, run_id, failed.nondeterminism.as_ref()?)
}

/// Returns the failure of workflow code that something outside the SDK has woken, in any cached
/// run: no workflow task will ever bring what the code does next.
pub(crate) fn woken_from_outside(state: &mut State) -> Option<Failure> {
    let (run_id, woken) = state
        .workers
        .iter_mut()
        .find_map(|process| process.workflows.woken_from_outside())?;
    rebuilt_otherwise(state, &run_id, &woken)
}

/// Returns the failure of workflow code that has just started a thread, if it has.
pub(crate) fn thread_started(state: &State, run_id: &str) -> Option<Failure> {
    let stack = ambient::take_thread_start()?;
    // A worker from outside may run its code as it likes.
    if state.options.external_worker.is_some() || broken!(ThreadStarts) {
        return None;
    }
    let execution = state.service.execution(run_id)?;
    let name = WorkflowName::new(&execution.workflow_type, &execution.workflow_id);
    Some(Failure::thread_started(name, user_line(&stack)))
}

/// Returns the failure of a rebuilt run whose code does not follow its history.
fn rebuilt_otherwise(
    state: &State,
    run_id: &str,
    nondeterminism: &Nondeterminism,
) -> Option<Failure> {
    if broken!(RebuildComparison) {
        return None;
    }
    let execution = state.service.execution(run_id)?;
    let name = WorkflowName::new(&execution.workflow_type, &execution.workflow_id);
    let events = state
        .service
        .history(&execution.workflow_id, Some(run_id))
        .unwrap_or_default();
    let case = replay_cases::case(state, 0, execution.clone());
    if case.is_some_and(|case| follows_other_cuts(&case.definitions, &case.options, events)) {
        return Some(Failure::cut_otherwise(
            name,
            &nondeterminism.message,
            events,
        ));
    }
    Some(Failure::nondeterministic(
        name,
        nondeterminism,
        events,
        START_MS,
    ))
}

/// Returns the failure of commands that the service has refused a few times.
pub(crate) fn commands_refused(
    state: &State,
    at: ProcessRef,
    run_id: &str,
    status: &Status,
) -> Option<Failure> {
    let reason = Reason::of(status);
    // A run that closes before it has seen every event sees the others in its next task.
    let is_refused =
        status.code() == Code::InvalidArgument || reason == Some(Reason::UnknownNamespace);
    if !is_refused || reason == Some(Reason::UnhandledCommand) {
        return None;
    }
    let execution = state.service.execution(run_id)?;
    let task = execution.pending_workflow_task?;
    if !is_hopeless(state, at, task.attempt) {
        return None;
    }
    let name = WorkflowName::new(&execution.workflow_type, &execution.workflow_id);
    let attempts = u32::try_from(task.attempt).unwrap_or(u32::MAX);
    let message = status.message();
    Some(Failure::commands_refused(name, attempts, message, reason))
}
