//! One instance of a workflow: an activation in, commands out.
//!
//! An instance does what the SDK's own host does (`temporalio-sdk: src/workflow_future.rs`). It
//! applies the jobs of an activation. Then it polls routines in passes, until none makes progress:
//! in each pass the handlers of signals and updates, then the main routine.

mod codec;
mod host;
mod noting_waker;
mod outside;
mod panics;
mod wake;

use std::{rc::Rc, task::Waker};

use temporalio_common::data_converters::DataConverter;
use temporalio_protos::{
    coresdk::{
        workflow_activation::{
            InitializeWorkflow, WorkflowActivation, workflow_activation_job::Variant as Job,
        },
        workflow_commands::{
            CancelWorkflowExecution, CompleteWorkflowExecution, FailWorkflowExecution, QueryResult,
            QuerySuccess, UpdateResponse, query_result, update_response, workflow_command::Variant,
        },
    },
    temporal::api::{enums::v1::WorkflowTaskFailedCause, failure::v1::Failure},
};
use temporalio_workflow::{
    __private::sdk::{
        ActivationJobResult, ActivationResult, MAIN_ROUTINE_ID, MainRoutineCompletion,
        RoutineCompletion, RoutineId, RoutineKind, RoutinePendingState, RoutinePollResult,
        TerminalOutcome, UpdateRoutineCompletion, WorkflowInstance,
    },
    InternalPatchActivationCallback as PatchActivationCallback,
};

use crate::{
    TaskFailureReason, WorkflowDefinitions, WorkflowPanic,
    definitions::{InstanceInput, NoInstance},
    execution::IssuedCommand,
    sdk_words,
};
use host::Host;
use wake::WakeTracker;

/// The settings that the instances of a worker share.
#[derive(Clone)]
pub(crate) struct InstanceSettings {
    pub(crate) namespace: String,
    pub(crate) task_queue: String,
    pub(crate) data_converter: DataConverter,
    /// True if payloads pass through the converter's codec.
    pub(crate) codec: bool,
    pub(crate) detect_nondeterministic_futures: bool,
    pub(crate) patch_activation_callback: Option<PatchActivationCallback>,
    pub(crate) backtraces: bool,
}

/// The failure of an activation, which fails the workflow task.
#[derive(Debug)]
pub(crate) struct InstanceFailure {
    pub(crate) failure: Failure,
    pub(crate) cause: Option<WorkflowTaskFailedCause>,
    pub(crate) reason: TaskFailureReason,
}

type Result<T, E = Box<InstanceFailure>> = std::result::Result<T, E>;

impl InstanceFailure {
    fn new(message: impl Into<String>) -> Box<Self> {
        Self::with_cause(message, None)
    }

    fn with_cause(message: impl Into<String>, cause: Option<WorkflowTaskFailedCause>) -> Box<Self> {
        let failure = Failure::application_failure(message.into(), false);
        Box::new(Self {
            failure,
            cause,
            reason: TaskFailureReason::Other,
        })
    }

    /// Returns the failure for an error of which the SDK gives only the message.
    fn of_sdk(message: String) -> Box<Self> {
        let reason = reason(&message);
        let mut failed = Self::new(message);
        failed.reason = reason;
        failed
    }

    fn panicked(panic: Box<WorkflowPanic>) -> Box<Self> {
        let mut failed = Self::new(format!("Workflow function panicked: {}", panic.message));
        failed.reason = TaskFailureReason::Panic(panic);
        failed
    }
}

/// A workflow instance of some type.
pub(crate) struct Instance {
    workflow: Box<dyn WorkflowInstance>,
    host: Rc<Host>,
    wakes: Option<WakeTracker>,
    /// The handlers of signals and updates that are still running.
    handlers: Vec<RoutineId>,
    settings: Rc<InstanceSettings>,
}

/// The result that a job of the activation must have.
enum Expected {
    Nothing,
    Signal,
    Update(String),
    Query(String),
}

impl Instance {
    /// Creates the instance that the activation initializes. The job that initializes it is left
    /// empty.
    pub(crate) fn create(
        definitions: &WorkflowDefinitions,
        settings: &Rc<InstanceSettings>,
        activation: &mut WorkflowActivation,
    ) -> Result<Self> {
        codec::decode(settings, activation)?;
        let initialize = activation
            .jobs
            .iter_mut()
            .find_map(|job| match &mut job.variant {
                Some(Job::InitializeWorkflow(initialize)) => Some(std::mem::take(initialize)),
                _ => None,
            });
        let Some(initialize) = initialize else {
            return Err(InstanceFailure::new(
                "No workflow instance, and no job to initialize one",
            ));
        };
        Self::initialize(definitions, settings, &activation.run_id, initialize)
    }

    fn initialize(
        definitions: &WorkflowDefinitions,
        settings: &Rc<InstanceSettings>,
        run_id: &str,
        initialize: InitializeWorkflow,
    ) -> Result<Self> {
        let unhandled = Some(WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure);
        let workflow_type = initialize.workflow_type.clone();
        let host = Rc::new(Host::new(settings.backtraces));
        let input = InstanceInput {
            namespace: settings.namespace.clone(),
            task_queue: settings.task_queue.clone(),
            run_id: run_id.to_owned(),
            initialize_workflow: initialize,
            data_converter: settings.data_converter.clone(),
            patch_activation_callback: settings.patch_activation_callback.clone(),
            host: Rc::clone(&host) as Rc<_>,
        };
        // The SDK does not catch a panic here, and its worker stops. A failed task says more.
        let created = panics::catch(settings.backtraces, || {
            definitions.instantiate(&workflow_type, input)
        })
        .map_err(InstanceFailure::panicked)?;
        let workflow = created.map_err(|error| match error {
            NoInstance::UnknownType => InstanceFailure::with_cause(
                format!("Workflow type {workflow_type} not found"),
                unhandled,
            ),
            NoInstance::Conversion(error) => {
                let message = "Failed to create workflow: Failed to create workflow execution";
                let mut failed = InstanceFailure::with_cause(message, unhandled);
                failed.reason = TaskFailureReason::WorkflowInput;
                // The SDK drops the cause; it is what the user needs.
                failed.failure.cause = Some(Box::new(Failure {
                    message: error.to_string(),
                    ..Default::default()
                }));
                failed
            }
        })?;
        let wakes = settings
            .detect_nondeterministic_futures
            .then(|| WakeTracker::new(settings.backtraces));
        Ok(Self {
            workflow,
            host,
            wakes,
            handlers: Vec::new(),
            settings: Rc::clone(settings),
        })
    }

    /// Hands an activation to workflow code, and returns its commands. `initial` means that
    /// [`Self::create`] has decoded the activation already.
    pub(crate) fn activate(
        &mut self,
        mut activation: WorkflowActivation,
        initial: bool,
    ) -> Result<Vec<IssuedCommand>> {
        if !initial {
            codec::decode(&self.settings, &mut activation)?;
        }
        let commands = self.run(activation)?;
        codec::encode(&self.settings, commands)
    }

    fn run(&mut self, activation: WorkflowActivation) -> Result<Vec<IssuedCommand>> {
        if let Some(woken) = self.woken_from_outside() {
            return Err(outside::failure(woken));
        }

        // Apply the jobs.
        let (expected, polls) = expectations(&activation);
        let backtraces = self.settings.backtraces;
        let waker = self
            .wakes
            .as_ref()
            .map_or(Waker::noop(), WakeTracker::waker);
        let workflow = &mut self.workflow;
        let result = panics::catch(backtraces, || workflow.activate(activation, waker))
            .map_err(InstanceFailure::panicked)?
            .map_err(|failure| InstanceFailure::of_sdk(failure.message))?;
        self.fail_on_foreign_wake()?;

        // Answers to jobs come before the commands of routines.
        let mut commands = Vec::new();
        self.take_job_results(expected, result, &mut commands)?;
        if polls {
            self.poll_routines(&mut commands)?;
        }
        if commands.is_empty() {
            return Ok(self.host.take());
        }
        commands.extend(self.host.take());
        Ok(commands)
    }

    /// Turns the results of jobs into commands, and notes the handlers that jobs started.
    fn take_job_results(
        &mut self,
        expected: Vec<Expected>,
        result: ActivationResult,
        commands: &mut Vec<IssuedCommand>,
    ) -> Result<()> {
        if expected.len() != result.job_results.len() {
            return Err(InstanceFailure::new(format!(
                "Activation result count {} did not match job count {}",
                result.job_results.len(),
                expected.len()
            )));
        }
        for (expected, result) in expected.into_iter().zip(result.job_results) {
            match (expected, result) {
                (Expected::Nothing | Expected::Signal, ActivationJobResult::None) => {}
                (Expected::Signal, ActivationJobResult::StartedRoutine(started))
                    if matches!(started.kind, RoutineKind::Signal(_)) =>
                {
                    self.handlers.push(started.routine_id);
                }
                (Expected::Update(id), ActivationJobResult::StartedRoutine(started))
                    if is_update(&started.kind, &id) =>
                {
                    commands.push(update_response(id, update_response::Response::Accepted(())));
                    self.handlers.push(started.routine_id);
                }
                (Expected::Update(id), ActivationJobResult::UpdateRejected(failure)) => {
                    commands.push(update_response(
                        id,
                        update_response::Response::Rejected(*failure),
                    ));
                }
                (Expected::Query(query_id), ActivationJobResult::QueryResponse(response)) => {
                    let variant = Some(match response.result {
                        Ok(payload) => query_result::Variant::Succeeded(QuerySuccess {
                            response: Some(payload),
                        }),
                        Err(failure) => query_result::Variant::Failed(failure),
                    });
                    commands.push(issued(Variant::RespondToQuery(QueryResult {
                        query_id,
                        variant,
                    })));
                }
                (_, result) => {
                    return Err(InstanceFailure::new(format!(
                        "Unexpected activation result {result:?}"
                    )));
                }
            }
        }
        Ok(())
    }

    /// Polls handlers and the main routine until nothing makes progress or the workflow is done.
    fn poll_routines(&mut self, commands: &mut Vec<IssuedCommand>) -> Result<()> {
        loop {
            let mut progress = false;
            let mut interceptor_pending = false;
            let mut note = |polled: &RoutinePollResult| {
                progress |= polled.made_progress;
                interceptor_pending |=
                    polled.pending_state == Some(RoutinePendingState::Interceptor);
            };

            // Handlers come first, in the order in which they started.
            let mut running = Vec::with_capacity(self.handlers.len());
            for handler in std::mem::take(&mut self.handlers) {
                let polled = self.poll(handler)?;
                note(&polled);
                match polled.completion {
                    None => running.push(handler),
                    Some(completion) => commands.extend(handler_completion(completion)?),
                }
            }
            self.handlers = running;

            let polled = self.poll(MAIN_ROUTINE_ID)?;
            note(&polled);
            if self.main_completion(polled.completion)? {
                return Ok(());
            }
            if progress {
                continue;
            }
            if interceptor_pending {
                // Without detection the SDK waits for a wake, which never comes.
                return Err(outside::nondeterministic(
                    "a workflow interceptor returned Poll::Pending without polling its handler or \
                     an SDK operation that will produce another workflow activation.",
                ));
            }
            return Ok(());
        }
    }

    fn poll(&mut self, routine: RoutineId) -> Result<RoutinePollResult> {
        let backtraces = self.settings.backtraces;
        let waker = self
            .wakes
            .as_ref()
            .map_or(Waker::noop(), WakeTracker::waker);
        let workflow = &mut self.workflow;
        let polled = panics::catch(backtraces, || workflow.poll_routine(routine, waker))
            .map_err(InstanceFailure::panicked)?
            .map_err(|failure| InstanceFailure::of_sdk(failure.message))?;
        self.fail_on_foreign_wake()?;
        Ok(polled)
    }

    /// Issues the command that closes the run, and returns `true`, if the main routine is done.
    fn main_completion(&self, completion: Option<RoutineCompletion>) -> Result<bool> {
        let outcome = match completion {
            Some(RoutineCompletion::Main(MainRoutineCompletion::Blocked)) => return Ok(false),
            Some(RoutineCompletion::Main(MainRoutineCompletion::Terminal(outcome))) => *outcome,
            Some(RoutineCompletion::Main(MainRoutineCompletion::TaskFailed(failed))) => {
                let cause = failed
                    .force_cause
                    .and_then(|cause| i32::try_from(cause).ok());
                return Err(Box::new(InstanceFailure {
                    reason: reason(&failed.failure.message),
                    failure: *failed.failure,
                    cause: cause.and_then(|cause| WorkflowTaskFailedCause::try_from(cause).ok()),
                }));
            }
            None => return Err(InstanceFailure::new("main routine returned no completion")),
            Some(other) => {
                return Err(InstanceFailure::new(format!(
                    "main routine returned unexpected completion {other:?}"
                )));
            }
        };
        self.host.push(match outcome {
            TerminalOutcome::Completed(result) => {
                Variant::CompleteWorkflowExecution(CompleteWorkflowExecution {
                    result: Some(result),
                })
            }
            TerminalOutcome::Failed(failure) => {
                Variant::FailWorkflowExecution(FailWorkflowExecution {
                    failure: Some(*failure),
                })
            }
            TerminalOutcome::Cancelled(details) => {
                Variant::CancelWorkflowExecution(CancelWorkflowExecution { details })
            }
            TerminalOutcome::ContinueAsNew(request) => {
                Variant::ContinueAsNewWorkflowExecution(*request)
            }
        });
        Ok(true)
    }
}

/// Returns the reason for a failure of which the SDK gives only the message.
fn reason(message: &str) -> TaskFailureReason {
    if sdk_words::is_payload_conversion(message) {
        TaskFailureReason::Payload
    } else {
        TaskFailureReason::Other
    }
}

/// Returns the result that each job must have, and `true` beside them if routines are polled after
/// the jobs.
fn expectations(activation: &WorkflowActivation) -> (Vec<Expected>, bool) {
    let mut polls = false;
    let expected = activation
        .jobs
        .iter()
        .map(|job| {
            polls |= !matches!(job.variant, Some(Job::QueryWorkflow(_)));
            match &job.variant {
                Some(Job::SignalWorkflow(_)) => Expected::Signal,
                Some(Job::DoUpdate(update)) => {
                    Expected::Update(update.protocol_instance_id.clone())
                }
                Some(Job::QueryWorkflow(query)) => Expected::Query(query.query_id.clone()),
                _ => Expected::Nothing,
            }
        })
        .collect();
    (expected, polls)
}

fn is_update(kind: &RoutineKind, id: &str) -> bool {
    matches!(kind, RoutineKind::Update(update) if update.protocol_instance_id == id)
}

/// Returns the command that a handler's completion leads to, if any.
fn handler_completion(completion: RoutineCompletion) -> Result<Option<IssuedCommand>> {
    match completion {
        RoutineCompletion::Signal(Ok(())) => Ok(None),
        RoutineCompletion::Signal(Err(failure)) => Err(InstanceFailure::of_sdk(failure.message)),
        RoutineCompletion::Update(UpdateRoutineCompletion::Completed {
            protocol_instance_id,
            result,
        }) => {
            let response = update_response::Response::Completed(result);
            Ok(Some(update_response(protocol_instance_id, response)))
        }
        RoutineCompletion::Update(UpdateRoutineCompletion::Rejected {
            protocol_instance_id,
            failure,
        }) => {
            let response = update_response::Response::Rejected(*failure);
            Ok(Some(update_response(protocol_instance_id, response)))
        }
        RoutineCompletion::Main(_) => Err(InstanceFailure::new(
            "non-main routine returned a main completion",
        )),
    }
}

fn update_response(
    protocol_instance_id: String,
    response: update_response::Response,
) -> IssuedCommand {
    issued(Variant::UpdateResponse(UpdateResponse {
        protocol_instance_id,
        response: Some(response),
    }))
}

fn issued(variant: Variant) -> IssuedCommand {
    IssuedCommand {
        command: variant.into(),
        issued_at: None,
    }
}
