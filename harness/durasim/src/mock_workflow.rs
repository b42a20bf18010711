//! Mocked workflows: the calls of their closures, and the records of those calls.

use std::{cell::RefCell, collections::BTreeMap, future::Future, rc::Rc};

use durasim_engine::Clock;
use futures::future::LocalBoxFuture;
use temporalio_common::{
    WorkflowDefinition,
    data_converters::{
        DataConverter, GenericPayloadConverter, PayloadConversionError, PayloadConverter,
        SerializationContext, SerializationContextData, TemporalDeserializable,
        TemporalSerializable, WorkflowSerializationContext,
    },
    error::{OutgoingError, OutgoingWorkflowError},
    payload_visitor::{decode_payloads, encode_payloads},
};
use temporalio_protos::temporal::api::{
    common::v1::{Payload, Payloads},
    failure::v1::Failure,
};
use temporalio_workflow::{
    WorkflowResult, WorkflowTermination, workflow_interceptors::WorkflowOutputValue,
};
use tokio_util::sync::CancellationToken;

/// One call of a mocked workflow: one run of it.
///
/// A workflow is durable, and so is its mock: it is called once a run, whatever becomes of the
/// workers meanwhile.
///
/// ```
#[doc = include_str!("../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// env.worker("reminders")
///     .mock_workflow(Reminder::run, |call| async move {
///         tokio::time::sleep(Duration::from_secs(3600)).await; // returns at once
///         Ok(format!("{} of {}", call.input, call.workflow_id))
///     })
///     .start()?;
/// assert_eq!(remind_ann(&env).await?, "ann of reminder-1");
/// # Ok(())
/// # }));
/// ```
#[non_exhaustive]
pub struct WorkflowCall<Input> {
    /// The input of the workflow.
    pub input: Input,
    /// The workflow type.
    pub workflow_type: String,
    /// The workflow id.
    pub workflow_id: String,
    /// The run id.
    pub run_id: String,
    /// The workflow id of the parent, if the workflow is a child.
    pub parent_workflow_id: Option<String>,
    /// Counts the runs that a retry policy made, from 1.
    pub attempt: u32,
    cancel: CancellationToken,
}

impl<Input> WorkflowCall<Input> {
    /// Returns `true` if the workflow's cancellation was requested.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Resolves once the workflow's cancellation is requested. The mock decides what follows:
    /// `Err(WorkflowTermination::cancelled())` closes the workflow as cancelled.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }
}

/// One call of a mocked workflow, as it was recorded.
///
/// ```
#[doc = include_str!("../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// env.worker("reminders")
///     .mock_workflow(Reminder::run, |call| async move { Ok(call.input) })
///     .start()?;
/// remind_ann(&env).await?;
/// let calls = env.workflow_calls(Reminder::run);
/// assert_eq!(calls[0].input::<String>()?, "ann");
/// assert_eq!(calls[0].output::<String>()?.as_deref(), Some("ann"));
/// # Ok(())
/// # }));
/// ```
#[derive(Debug, Clone)]
pub struct WorkflowCallRecord {
    /// The workflow type.
    pub workflow_type: String,
    /// The workflow id.
    pub workflow_id: String,
    /// The run id.
    pub run_id: String,
    /// The workflow id of the parent, if the workflow is a child.
    pub parent_workflow_id: Option<String>,
    /// Counts the runs that a retry policy made, from 1.
    pub attempt: u32,
    /// The input of the workflow, after the codec.
    pub payloads: Payloads,
    /// The time of the call, in milliseconds of virtual time since the Unix epoch.
    pub started_ms: u64,
    /// The end of the call, in milliseconds of virtual time since the Unix epoch; `None` while it
    /// runs.
    pub finished_ms: Option<u64>,
    /// The outcome.
    pub outcome: WorkflowCallOutcome,
    converter: PayloadConverter,
}

/// The outcome of a call of a mocked workflow.
///
/// ```
#[doc = include_str!("../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// use durasim::WorkflowCallOutcome;
///
/// env.worker("reminders")
///     .mock_workflow(Reminder::run, |call| async move { Ok(call.input) })
///     .start()?;
/// remind_ann(&env).await?;
/// let outcome = &env.workflow_calls(Reminder::run)[0].outcome;
/// assert!(matches!(outcome, WorkflowCallOutcome::Completed(_)));
/// # Ok(())
/// # }));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum WorkflowCallOutcome {
    /// It still runs.
    Running,
    /// It returned a result.
    Completed(Payloads),
    /// It returned an error, with which the workflow fails.
    Failed(Box<Failure>),
    /// It returned that it was cancelled.
    Canceled(Option<Payloads>),
    /// Its run was closed by somebody else, by a timeout or a termination.
    Abandoned,
}

impl WorkflowCallRecord {
    /// The input, decoded.
    ///
    /// # Errors
    ///
    /// If the payloads do not hold a `T`.
    pub fn input<T: TemporalDeserializable + 'static>(&self) -> Result<T, PayloadConversionError> {
        decode(&self.converter, self.payloads.payloads.clone())
    }

    /// The result, decoded; `None` unless the mock returned one.
    ///
    /// # Errors
    ///
    /// If the payloads do not hold a `T`.
    pub fn output<T: TemporalDeserializable + 'static>(
        &self,
    ) -> Result<Option<T>, PayloadConversionError> {
        match &self.outcome {
            WorkflowCallOutcome::Completed(result) => {
                decode(&self.converter, result.payloads.clone()).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// The calls of mocked workflows in one world. A clone is another handle to the same log.
#[derive(Clone, Default)]
pub(crate) struct WorkflowCalls(Rc<RefCell<Vec<WorkflowCallRecord>>>);

impl WorkflowCalls {
    /// The calls of one workflow type, in the order in which they were made.
    pub(crate) fn of_type(&self, workflow_type: &str) -> Vec<WorkflowCallRecord> {
        self.0
            .borrow()
            .iter()
            .filter(|call| call.workflow_type == workflow_type)
            .cloned()
            .collect()
    }

    fn begin(&self, start: &MockStart) -> OpenCall {
        let mut calls = self.0.borrow_mut();
        calls.push(WorkflowCallRecord {
            workflow_type: start.workflow_type.clone(),
            workflow_id: start.workflow_id.clone(),
            run_id: start.run_id.clone(),
            parent_workflow_id: start.parent_workflow_id.clone(),
            attempt: start.attempt,
            payloads: start.input.clone(),
            started_ms: start.clock.now_ms(),
            finished_ms: None,
            outcome: WorkflowCallOutcome::Running,
            converter: start.data_converter.payload_converter().clone(),
        });
        OpenCall {
            calls: self.clone(),
            index: calls.len() - 1,
            clock: start.clock.clone(),
        }
    }
}

/// A call that has not ended; dropping it marks the call as abandoned.
struct OpenCall {
    calls: WorkflowCalls,
    index: usize,
    clock: Rc<Clock>,
}

impl OpenCall {
    fn end(&self, outcome: WorkflowCallOutcome) {
        let mut calls = self.calls.0.borrow_mut();
        let call = &mut calls[self.index];
        if call.finished_ms.is_none() {
            call.outcome = outcome;
            call.finished_ms = Some(self.clock.now_ms());
        }
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.end(WorkflowCallOutcome::Abandoned);
    }
}

/// A run that a mock is to stand for.
pub(crate) struct MockStart {
    pub(crate) workflow_type: String,
    pub(crate) workflow_id: String,
    pub(crate) run_id: String,
    pub(crate) parent_workflow_id: Option<String>,
    pub(crate) attempt: u32,
    pub(crate) input: Payloads,
    pub(crate) cancel: CancellationToken,
    pub(crate) data_converter: DataConverter,
    pub(crate) calls: WorkflowCalls,
    pub(crate) clock: Rc<Clock>,
}

/// The close of a mocked run, encoded.
#[derive(Clone)]
pub(crate) enum MockEnd {
    Completed(Payloads),
    Failed(Box<Failure>),
    Canceled(Option<Payloads>),
}

/// The end of a mock, or the reason why no run can close with it.
pub(crate) type MockResult = Result<MockEnd, String>;

pub(crate) type MockWorkflow = Rc<dyn Fn(MockStart) -> LocalBoxFuture<'static, MockResult>>;

/// The workflows of one worker that are mocked, by type.
#[derive(Clone, Default)]
pub(crate) struct MockWorkflows(BTreeMap<String, MockWorkflow>);

impl MockWorkflows {
    /// Registers a mock; false if the type has one already.
    pub(crate) fn register<W, F, R>(&mut self, workflow: &W, mock: F) -> bool
    where
        W: WorkflowDefinition + 'static,
        F: Fn(WorkflowCall<W::Input>) -> R + 'static,
        R: Future<Output = WorkflowResult<W::Output>> + 'static,
    {
        let mock = Rc::new(mock);
        let mock: MockWorkflow = Rc::new(move |start| {
            let mock = mock.clone();
            Box::pin(call::<W, R>(move |call| mock(call), start))
        });
        self.0.insert(workflow.name().to_owned(), mock).is_none()
    }

    /// Adds what others have, but for the types that are here already or that `leaves_out` names.
    pub(crate) fn inherit(&mut self, others: &Self, leaves_out: impl Fn(&str) -> bool) {
        for (workflow_type, mock) in &others.0 {
            if !leaves_out(workflow_type) {
                self.0
                    .entry(workflow_type.clone())
                    .or_insert_with(|| mock.clone());
            }
        }
    }

    pub(crate) fn get(&self, workflow_type: &str) -> Option<&MockWorkflow> {
        self.0.get(workflow_type)
    }

    pub(crate) fn types(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Calls a mock once, from the payloads of the start to those of the end.
async fn call<W: WorkflowDefinition, R: Future<Output = WorkflowResult<W::Output>>>(
    mock: impl FnOnce(WorkflowCall<W::Input>) -> R,
    mut start: MockStart,
) -> MockResult {
    let (data_converter, cancel) = (start.data_converter.clone(), start.cancel.clone());
    let mocked = format!("the mock of workflow {}", start.workflow_type);
    decode_payloads(&mut start.input, data_converter.codec(), &context())
        .await
        .map_err(|error| format!("{mocked} cannot decode its input: {error}"))?;
    let open = start.calls.begin(&start);
    let input = decode(data_converter.payload_converter(), start.input.payloads)
        .map_err(|error| format!("{mocked} cannot read its input: {error}"))?;
    let MockStart {
        workflow_type,
        workflow_id,
        run_id,
        parent_workflow_id,
        attempt,
        ..
    } = start;
    let call = WorkflowCall {
        input,
        workflow_type,
        workflow_id,
        run_id,
        parent_workflow_id,
        attempt,
        cancel: cancel.clone(),
    };
    let result = mock(call).await;
    let mut end = end(&data_converter, result, cancel.is_cancelled())
        .map_err(|error| format!("{mocked} {error}"))?;
    open.end(match end.clone() {
        MockEnd::Completed(result) => WorkflowCallOutcome::Completed(result),
        MockEnd::Failed(failure) => WorkflowCallOutcome::Failed(failure),
        MockEnd::Canceled(details) => WorkflowCallOutcome::Canceled(details),
    });
    let codec = data_converter.codec();
    match &mut end {
        MockEnd::Completed(result) => encode_payloads(result, codec, &context()).await,
        MockEnd::Failed(failure) => encode_payloads(&mut **failure, codec, &context()).await,
        MockEnd::Canceled(Some(details)) => encode_payloads(details, codec, &context()).await,
        MockEnd::Canceled(None) => Ok(()),
    }
    .map_err(|error| format!("{mocked} cannot encode its outcome: {error}"))?;
    Ok(end)
}

/// Converts the result of a workflow as the SDK does (`temporalio-workflow:
/// src/runtime/instance.rs`), before the codec.
fn end<T: TemporalSerializable + 'static>(
    data_converter: &DataConverter,
    result: WorkflowResult<T>,
    is_cancelled: bool,
) -> MockResult {
    let (context, converter) = (context(), data_converter.payload_converter());
    let serialization = SerializationContext::new(&context, converter);
    match result {
        Ok(output) => {
            // One payload, even of a type that is several as an input.
            let payload = converter.to_payload(&serialization, &output);
            payload
                .map(|payload| {
                    MockEnd::Completed(Payloads {
                        payloads: vec![payload],
                    })
                })
                .map_err(unconverted)
        }
        Err(WorkflowTermination::Cancelled { details }) => {
            let details =
                details.map(|details| converter.to_payloads(&serialization, &Details(details)));
            let details = details.transpose().map_err(unconverted)?;
            Ok(MockEnd::Canceled(
                details.map(|payloads| Payloads { payloads }),
            ))
        }
        Err(WorkflowTermination::Failed(OutgoingWorkflowError::PayloadConversion(error))) => {
            Err(unconverted(error))
        }
        Err(WorkflowTermination::Failed(error)) => Ok(match error.as_cancelled() {
            Some(cancelled) if is_cancelled => {
                MockEnd::Canceled(cancelled.raw_details().map(|details| Payloads {
                    payloads: details.to_vec(),
                }))
            }
            _ => {
                let failure = data_converter.to_failure(&context, OutgoingError::Workflow(error));
                MockEnd::Failed(Box::new(failure))
            }
        }),
        Err(WorkflowTermination::ContinueAsNew(_)) => Err("cannot continue as new".to_owned()),
        Err(other) => Err(format!("returned what only the SDK may: {other}")),
    }
}

fn unconverted(error: PayloadConversionError) -> String {
    format!("returned what cannot be converted: {error}")
}

/// The details of a cancellation, of a type that is no longer known.
struct Details(Box<dyn WorkflowOutputValue + Send + Sync>);

impl TemporalSerializable for Details {
    fn as_serde(&self) -> Result<&dyn erased_serde::Serialize, PayloadConversionError> {
        self.0.as_serde()
    }

    fn to_payload(
        &self,
        context: &SerializationContext<'_>,
    ) -> Result<Payload, PayloadConversionError> {
        self.0.to_payload(context)
    }

    fn to_payloads(
        &self,
        context: &SerializationContext<'_>,
    ) -> Result<Vec<Payload>, PayloadConversionError> {
        self.0.to_payloads(context)
    }
}

fn decode<T: TemporalDeserializable + 'static>(
    converter: &PayloadConverter,
    payloads: Vec<Payload>,
) -> Result<T, PayloadConversionError> {
    converter.from_payloads(&SerializationContext::new(&context(), converter), payloads)
}

fn context() -> SerializationContextData {
    SerializationContextData::Workflow(WorkflowSerializationContext::new())
}
