//! What the state of a world says about a failure, put into its report.

use super::{state::State, worker::WorkerProcess};
use crate::{
    Fault,
    broken::broken,
    error::TestError,
    label::{Call, Label},
    limits::LimitExceeded,
    panics::{self, TEST},
    report::{
        Awaited, Diagnosis, FailureReport, OpenWorkflow, Registered, SourceLine, Waiting,
        WorkflowName,
        source_lines::{is_dependencys, source_line, user_line},
    },
};
use durasim_engine::START_MS;
use durasim_service::ExecutionSummary;
use durasim_worker::{
    Nondeterminism, QueryFailure, TaskFailureReason, WorkflowTaskFailure,
    activity::{ActivityFault, Unregistered},
};
use std::collections::BTreeMap;
use temporalio_protos::temporal::api::{
    failure::v1::Failure, history::v1::history_event::Attributes,
};
use tonic::{Code, Status};

/// From this attempt of a workflow task on, a failure that is the workflow's own ends the run: the
/// service would retry it for ever.
const HOPELESS_ATTEMPT: i32 = 3;

/// From this attempt on, an activity that panics ends the run if it would be retried for ever: an
/// error may well be what the test is about, an outage say; a panic is a mistake.
const HOPELESS_PANICS: u32 = 10;

/// The test returned an error: that of a run which outgrew the service's own limits, perhaps, or of
/// a call that nobody was there to answer.
pub(crate) fn returned_error(state: &State, error: &TestError) -> FailureReport {
    let location = error.location().map(SourceLine::from);
    if let Some((workflow, reason)) = outgrown(state) {
        return FailureReport::outgrown(workflow, &reason, error.to_string(), location);
    }
    let report = FailureReport::returned_error(error.to_string(), location);
    let diagnosis = (report.message.as_ref())
        .filter(|message| message.contains("context deadline exceeded"))
        .map(|_| Diagnosis {
            waiting: Vec::new(),
            ..diagnose(state)
        })
        .filter(|diagnosis| diagnosis.workflows.iter().any(OpenWorkflow::lacks_a_worker));
    FailureReport {
        diagnosis,
        ..report
    }
}

/// The run that the service terminated for its size, with the service's reason.
fn outgrown(state: &State) -> Option<(WorkflowName, String)> {
    let executions = state.service.executions();
    executions
        .iter()
        .rev()
        .filter(|execution| !execution.open)
        .find_map(|execution| {
            let events = state
                .service
                .history(&execution.workflow_id, Some(&execution.run_id))?;
            match &events.last()?.attributes {
                Some(Attributes::WorkflowExecutionTerminatedEventAttributes(terminated))
                    if terminated.reason.starts_with("Workflow history ") =>
                {
                    let name = WorkflowName::new(&execution.workflow_type, &execution.workflow_id);
                    Some((name, terminated.reason.trim_end_matches('.').to_owned()))
                }
                _ => None,
            }
        })
}

/// Returns the failure of a test whose fault, placed by hand, did not happen.
pub(crate) fn missed_fault(fault: &Fault) -> FailureReport {
    let message = format!(
        "the fault placed by hand did not happen: {fault}; \
         the world had no such point, or ended before it\n\
         {} happens {}",
        fault.kind(),
        fault.places()
    );
    FailureReport::setup(message)
}

/// Nothing can happen any more: for want of something registered, or for another reason.
pub(crate) fn stuck(state: &State) -> FailureReport {
    let diagnosis = diagnose(state);
    let unregistered = diagnosis
        .workflows
        .iter()
        .find_map(|open| unregistered_altogether(state, open));
    unregistered.unwrap_or_else(|| FailureReport::stuck(state.now_ms - START_MS, diagnosis))
}

/// A task is polled again and again, and nothing happens that it could be waiting for.
pub(crate) fn spinning(state: &State, exceeded: &LimitExceeded, task: &str) -> FailureReport {
    let who = name_of_task(task);
    let message = format!(
        "{who} goes round in a loop, and nothing else happens: it yields, or sleeps and looks again, for what never comes"
    );
    let mut report = limit(state, exceeded);
    if let Some(diagnosis) = &mut report.diagnosis {
        diagnosis.waiting.retain(|waiting| !is_test(waiting));
    }
    FailureReport {
        message: Some(message),
        ..report
    }
}

/// Somebody, most likely the test, sleeps beyond the end of the run.
pub(crate) fn oversleeps(state: &State, exceeded: &LimitExceeded) -> FailureReport {
    let mut report = limit(state, exceeded);
    if let Some(waiting) = report
        .diagnosis
        .iter_mut()
        .flat_map(|it| &mut it.waiting)
        .find(|it| is_test(it))
    {
        "a timer that is due after the end of the run".clone_into(&mut waiting.what);
    }
    report
}

/// What a worker of the very task queue that something waits on does not know at all: it polls that
/// queue for workflow tasks alone, or for activity tasks alone.
fn unregistered_altogether(state: &State, open: &OpenWorkflow) -> Option<FailureReport> {
    let has_worker = |queue: &str| {
        state
            .workers
            .iter()
            .any(|process| &*process.spec.task_queue == queue)
    };
    open.awaits.iter().find_map(|awaited| match awaited {
        Awaited::Activity {
            activity_type,
            task_queue,
            polled: false,
            ..
        } if has_worker(task_queue) => {
            let registered = state.registered(task_queue, |process| process.activities.names());
            let workflow = Some(open.name.clone());
            Some(FailureReport::unregistered_activity(
                activity_type,
                task_queue,
                workflow,
                &registered,
            ))
        }
        Awaited::WorkflowTask {
            task_queue,
            polled: false,
            ..
        } if has_worker(task_queue) => {
            let registered = state.registered(task_queue, |process| {
                process.workflow_types().map(str::to_owned).collect()
            });
            Some(FailureReport::unregistered_workflow(
                open.name.clone(),
                task_queue,
                &registered,
            ))
        }
        _ => None,
    })
}

pub(crate) fn limit(state: &State, exceeded: &LimitExceeded) -> FailureReport {
    FailureReport::limit(exceeded, Some(diagnose(state)))
}

pub(crate) fn unregistered_activity(
    state: &State,
    unregistered: &Unregistered,
    workflow_id: &str,
) -> FailureReport {
    let workflow = workflow_name(state, workflow_id);
    let registered = state.registered(&unregistered.task_queue, |process| {
        process.activities.names()
    });
    let mut report = FailureReport::unregistered_activity(
        &unregistered.activity_type,
        &unregistered.task_queue,
        workflow,
        &registered,
    );
    if unregistered.missing_instance.is_some() {
        report.what = unregistered.to_string();
    }
    report
}

pub(crate) fn unregistered_workflow(
    state: &State,
    workflow_type: &str,
    workflow_id: &str,
    task_queue: &str,
) -> FailureReport {
    let registered = state.registered(task_queue, |process| {
        process.workflow_types().map(str::to_owned).collect()
    });
    FailureReport::unregistered_workflow(
        WorkflowName::new(workflow_type, workflow_id),
        task_queue,
        &registered,
    )
}

/// An attempt that cannot go on as it is: the test's own mistake.
pub(crate) fn unsimulated_attempt(fault: &ActivityFault) -> FailureReport {
    match fault {
        ActivityFault::MockPanicked {
            activity_type,
            message,
        } => panics::failure(&format!("mock of {activity_type}"), message),
        ActivityFault::UnknownHeartbeatDetails { task_queue, .. } => {
            let mut report = FailureReport::escaped(&format!("cannot go on: {fault}"), None);
            report.remedy = Some(format!(
                "`env.worker({task_queue:?}).heartbeat_details::<TheType>()`, with the type that the activity \
                 passes to `record_heartbeat`"
            ));
            report
        }
        other => FailureReport::escaped(&format!("cannot go on: {other}"), None),
    }
}

/// The report of an activity that panicked, if it ends the run: once it is plain that it will go on
/// panicking, and nothing bounds its retries.
pub(crate) fn activity_panicked(
    label: Label,
    attempt: u32,
    message: &str,
    bounded: bool,
) -> Option<FailureReport> {
    if bounded || attempt < HOPELESS_PANICS {
        return None;
    }
    let mut report = panics::failure(&label.to_string(), message);
    report.what =
        format!("an activity panics, {attempt} attempts so far, and nothing bounds its retries");
    report.remedy = Some(
        "an activity that panics is retried like one that fails; mend it, or bound its retries with \
         `RetryPolicy::maximum_attempts` or a schedule-to-close timeout"
            .to_owned(),
    );
    Some(report)
}

/// The mock of a workflow returned what no workflow could close with.
pub(crate) fn unusable_mock(why: &str) -> FailureReport {
    FailureReport::escaped(&format!("cannot go on: {why}"), None)
}

/// The report of a failed workflow task, if it ends the run: history that the code does not follow
/// always does, a failure of the code's own once it is plain that it will go on failing.
pub(crate) fn workflow_task_failed(
    state: &State,
    run_id: &str,
    failed: &WorkflowTaskFailure,
) -> Option<FailureReport> {
    let execution = state.service.execution(run_id)?;
    let name = WorkflowName::new(&execution.workflow_type, &execution.workflow_id);
    let attempt = execution
        .pending_workflow_task
        .map_or(1, |task| task.attempt);
    if !failed.task_token.is_empty() && !state.service.is_workflow_task_started(&failed.task_token)
    {
        // It came late, with events and messages that are no longer the last: what becomes of it
        // counts for nothing.
        return None;
    }
    if let TaskFailureReason::Nondeterminism(nondeterminism) = &failed.reason {
        return rebuilt_otherwise(state, run_id, nondeterminism);
    }
    if attempt < HOPELESS_ATTEMPT {
        return None;
    }
    let panic = match &failed.reason {
        TaskFailureReason::Panic(panic) => Some(panic),
        _ => None,
    };
    let location = panic.and_then(|panic| {
        // Where a library panics, the line that called it is what helps; it is known with a
        // backtrace.
        let in_library = panic.location.as_deref().is_some_and(is_dependencys);
        if in_library {
            return panic.backtrace.as_deref().and_then(user_line);
        }
        panic.location.as_deref().and_then(source_line)
    });
    let attempts = u32::try_from(attempt).unwrap_or(u32::MAX);
    let mut report =
        FailureReport::workflow_task_fails(name, attempts, &with_causes(&failed.failure), location);
    let remedy = match &failed.reason {
        TaskFailureReason::WorkflowInput => Some(
            "start the workflow with an input of the type that its `run` takes; what it is started \
             with is in the first event of its history",
        ),
        TaskFailureReason::Payload => Some(
            "send what the handler takes: a payload, a signal's most likely, is not of the type \
             that the workflow's code wants; the history has it, \
             `env.history(workflow).outline()`",
        ),
        _ => None,
    };
    if let Some(remedy) = remedy {
        report.remedy = Some(remedy.to_owned());
    }
    Some(report)
}

/// The message of a failure, and those of its causes.
fn with_causes(failure: &Failure) -> String {
    let causes = std::iter::successors(Some(failure), |failure| failure.cause.as_deref());
    causes
        .map(|failure| failure.message.as_str())
        .collect::<Vec<_>>()
        .join(": ")
}

/// The report of a query that found its run's code to follow another history, if that is why it
/// failed.
pub(crate) fn query_failed(
    state: &State,
    run_id: &str,
    failed: &QueryFailure,
) -> Option<FailureReport> {
    rebuilt_otherwise(state, run_id, failed.nondeterminism.as_ref()?)
}

/// The report of workflow code that something besides the SDK has woken, if there is any: no
/// workflow task will ever bring what it does.
pub(crate) fn woken_from_outside(state: &mut State) -> Option<FailureReport> {
    let (run_id, woken) = state
        .workers
        .iter_mut()
        .find_map(|process| process.workflows.woken_from_outside())?;
    rebuilt_otherwise(state, &run_id, &woken)
}

/// The report of a run that was rebuilt and does not do what its history holds.
fn rebuilt_otherwise(
    state: &State,
    run_id: &str,
    nondeterminism: &Nondeterminism,
) -> Option<FailureReport> {
    if broken!(RebuildComparison) {
        return None;
    }
    let execution = state.service.execution(run_id)?;
    let name = WorkflowName::new(&execution.workflow_type, &execution.workflow_id);
    let events = state
        .service
        .history(&execution.workflow_id, Some(run_id))
        .unwrap_or_default();
    Some(FailureReport::nondeterministic(
        name,
        nondeterminism,
        events,
    ))
}

/// The report of commands that the service refuses, once it is plain that it will go on refusing
/// them.
pub(crate) fn commands_refused(
    state: &State,
    run_id: &str,
    status: &Status,
) -> Option<FailureReport> {
    // A run that closes without having seen everything sees it in its next task.
    if status.code() != Code::InvalidArgument || status.message().starts_with("UnhandledCommand") {
        return None;
    }
    let execution = state.service.execution(run_id)?;
    let attempt = execution
        .pending_workflow_task
        .filter(|task| task.attempt >= HOPELESS_ATTEMPT)?
        .attempt;
    let name = WorkflowName::new(&execution.workflow_type, &execution.workflow_id);
    Some(FailureReport::commands_refused(
        name,
        u32::try_from(attempt).unwrap_or(u32::MAX),
        status.message(),
    ))
}

fn workflow_name(state: &State, workflow_id: &str) -> Option<WorkflowName> {
    let execution = state
        .service
        .executions()
        .into_iter()
        .rev()
        .find(|e| e.workflow_id == workflow_id)?;
    Some(WorkflowName::new(
        execution.workflow_type,
        execution.workflow_id,
    ))
}

/// What every open workflow waits for, and everybody else.
pub(crate) fn diagnose(state: &State) -> Diagnosis {
    let executions = state.service.executions();
    let workflows = executions
        .iter()
        .filter(|execution| execution.open)
        .map(|e| open_workflow(state, e))
        .collect();
    Diagnosis {
        workflows,
        waiting: waiting(state),
        polled: state.polled_queues(),
    }
}

/// The test and whoever else waits for an answer of the service.
fn waiting(state: &State) -> Vec<Waiting> {
    let clients = state.calls.iter().filter_map(|pending| {
        let who = name_of_task(pending.asked_by.as_deref()?);
        Some(Waiting {
            who,
            what: state.answer_in_words(pending.label),
        })
    });
    let mut waiting: Vec<_> = clients.collect();
    if !waiting.iter().any(is_test) && state.executor.names().iter().any(|name| &**name == TEST) {
        let what =
            "what nothing in this world will wake: no answer, and no timer of its own".to_owned();
        waiting.insert(
            0,
            Waiting {
                who: name_of_task(TEST),
                what,
            },
        );
    }
    waiting
}

fn name_of_task(task: &str) -> String {
    if task == TEST {
        "the test".to_owned()
    } else {
        task.to_owned()
    }
}

fn is_test(waiting: &Waiting) -> bool {
    waiting.who == name_of_task(TEST)
}

fn open_workflow(state: &State, execution: &ExecutionSummary) -> OpenWorkflow {
    let mut awaits = Vec::new();
    for activity in &execution.pending_activities {
        awaits.push(Awaited::Activity {
            activity_type: activity.activity_type.clone(),
            task_queue: activity.task_queue.clone(),
            attempt: u32::try_from(activity.attempt).unwrap_or(1),
            polled: state.is_polled(&activity.task_queue, WorkerProcess::runs_any_activity),
            last_failure: activity.last_failure.clone(),
        });
    }
    for child in &execution.pending_children {
        awaits.push(Awaited::Child(WorkflowName::new(
            &child.workflow_type,
            &child.workflow_id,
        )));
    }
    for operation in &execution.pending_nexus_operations {
        awaits.push(Awaited::NexusOperation {
            endpoint: operation.endpoint.clone(),
            operation: format!("{}/{}", operation.service, operation.operation),
            token: operation.token.clone(),
            attempt: u32::try_from(operation.attempt).unwrap_or(1),
            last_failure: operation.last_failure.clone(),
        });
    }
    for timer in &execution.pending_timers {
        awaits.push(Awaited::Timer {
            timer_id: timer.timer_id.clone(),
            fires_at_ms: timer.fires_at_ms.saturating_sub(START_MS),
        });
    }
    if let Some(task) = &execution.pending_workflow_task {
        awaits.push(Awaited::WorkflowTask {
            task_queue: task.task_queue.clone(),
            attempt: u32::try_from(task.attempt).unwrap_or(1),
            polled: state.is_polled(&task.task_queue, WorkerProcess::runs_any_workflow),
            last_failure: task.last_failure.clone(),
        });
    }
    if awaits.is_empty() {
        awaits.push(Awaited::Condition {
            unsent_signals: unsent_signals(state, execution),
        });
    }
    OpenWorkflow {
        name: WorkflowName::new(&execution.workflow_type, &execution.workflow_id),
        awaits,
    }
}

/// The signals that the workflow handles and nobody has sent it.
fn unsent_signals(state: &State, execution: &ExecutionSummary) -> Vec<String> {
    let events = state
        .service
        .history(&execution.workflow_id, Some(&execution.run_id))
        .unwrap_or_default();
    let sent: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.attributes {
            Some(Attributes::WorkflowExecutionSignaledEventAttributes(signal)) => {
                Some(signal.signal_name.as_str())
            }
            _ => None,
        })
        .collect();
    let handled = state.workers.iter().find_map(|process| {
        process.spec.versions[process.version]
            .workflows
            .signals(&execution.workflow_type)
    });
    handled
        .unwrap_or_default()
        .into_iter()
        .filter(|signal| !sent.contains(&signal.as_str()))
        .collect()
}

impl State {
    /// Returns what a client that sent the request of this label waits for.
    fn answer_in_words(&self, label: Label) -> String {
        let Label::Call(workflow, call) = label else {
            return format!("the answer to {label}");
        };
        let name = match (workflow.workflow_type(), self.names.id_of(workflow)) {
            (Some(workflow_type), Some(id)) => format!("{workflow_type} {id}"),
            _ => workflow.to_string(),
        };
        match call {
            Call::History => format!("the result of {name}"),
            Call::Query(_) => format!("the answer to {call} of {name}"),
            Call::Update(_) => format!("the outcome of {call} of {name}"),
            _ => format!("the answer to {call} of {name}"),
        }
    }

    /// The task queues of the workers, with what they poll them for.
    fn polled_queues(&self) -> Vec<String> {
        let mut queues: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
        for process in self.workers.iter() {
            let (workflows, activities) = queues.entry(&process.spec.task_queue).or_default();
            *workflows |= process.runs_any_workflow();
            *activities |= process.runs_any_activity();
        }
        let words = |(queue, polled): (&str, _)| match polled {
            (true, true) => format!("{queue} (workflow and activity tasks)"),
            (true, false) => format!("{queue} (workflow tasks)"),
            _ => format!("{queue} (activity tasks)"),
        };
        queues.into_iter().map(words).collect()
    }

    /// What each worker has registered, those of this task queue first.
    pub(super) fn registered(
        &self,
        task_queue: &str,
        types: impl Fn(&WorkerProcess) -> Vec<String>,
    ) -> Vec<Registered> {
        let (of_it, of_others): (Vec<_>, Vec<_>) = self
            .workers
            .iter()
            .partition(|process| &*process.spec.task_queue == task_queue);
        let workers = of_it.into_iter().chain(of_others);
        workers
            .map(|process| Registered {
                task_queue: (*process.spec.task_queue).to_owned(),
                types: types(process),
            })
            .collect()
    }

    fn is_polled(&self, task_queue: &str, polls: impl Fn(&WorkerProcess) -> bool) -> bool {
        self.workers
            .iter()
            .any(|process| &*process.spec.task_queue == task_queue && polls(process))
    }
}
