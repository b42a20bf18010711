//! Histories of a world, read by its test.

use std::{collections::BTreeSet, rc::Rc};

use futures::FutureExt;
use temporalio_client::{WorkflowHandle, grpc::WorkflowService};
use temporalio_common::{
    HasWorkflowDefinition,
    data_converters::{SerializationContextData, WorkflowSerializationContext},
    payload_visitor::decode_payloads,
};
use temporalio_protos::temporal::api::history::v1::{HistoryEvent, history_event::Attributes};

use crate::{
    history::History,
    world::{State, World},
};

/// The name of a workflow: its handle, or its id.
///
/// ```
#[doc = include_str!("../../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// env.worker("reminders").workflow::<Reminder>().activity(Mailer::remind).start()?;
/// remind_ann(&env).await?;
/// let latest = env.history("reminder-1");
/// let run = latest.run_id().to_owned();
/// assert!(env.history(("reminder-1", run.as_str())) == latest);
/// # Ok(())
/// # }));
/// ```
pub trait WorkflowTarget {
    /// Returns the workflow id.
    fn workflow_id(&self) -> &str;

    /// Returns the run id, if one run is meant and not the latest.
    fn run_id(&self) -> Option<&str> {
        None
    }
}

impl WorkflowTarget for &str {
    fn workflow_id(&self) -> &str {
        self
    }
}

impl WorkflowTarget for String {
    fn workflow_id(&self) -> &str {
        self
    }
}

impl WorkflowTarget for &String {
    fn workflow_id(&self) -> &str {
        self
    }
}

/// One run, by workflow id and run id.
impl WorkflowTarget for (&str, &str) {
    fn workflow_id(&self) -> &str {
        self.0
    }

    fn run_id(&self) -> Option<&str> {
        Some(self.1)
    }
}

/// The run of a history, such as one that was imported.
impl WorkflowTarget for &History {
    fn workflow_id(&self) -> &str {
        History::workflow_id(self)
    }

    fn run_id(&self) -> Option<&str> {
        Some(History::run_id(self))
    }
}

impl<C: WorkflowService + Clone, W: HasWorkflowDefinition> WorkflowTarget for WorkflowHandle<C, W> {
    fn workflow_id(&self) -> &str {
        &self.info().workflow_id
    }
}

impl<C: WorkflowService + Clone, W: HasWorkflowDefinition> WorkflowTarget
    for &WorkflowHandle<C, W>
{
    fn workflow_id(&self) -> &str {
        &self.info().workflow_id
    }
}

#[track_caller]
pub(super) fn read(world: &Rc<World>, workflow: &impl WorkflowTarget) -> History {
    let state = world.state();
    let id = workflow.workflow_id();
    let Some((run_id, events)) = state.service.run(id, workflow.run_id()) else {
        let unknown = unknown(&state, workflow);
        drop(state);
        panic!("{unknown}");
    };
    History::new(id.to_owned(), run_id.to_owned(), events.to_vec())
}

#[track_caller]
pub(super) fn read_all(world: &Rc<World>, workflow: &impl WorkflowTarget) -> Vec<History> {
    let state = world.state();
    let id = workflow.workflow_id();
    let histories: Vec<_> = runs(&state, id)
        .filter_map(|run_id| {
            Some((
                run_id.clone(),
                state.service.run(id, Some(&run_id))?.1.to_vec(),
            ))
        })
        .map(|(run_id, events)| History::new(id.to_owned(), run_id, events))
        .collect();
    if histories.is_empty() {
        let unknown = unknown(&state, workflow);
        drop(state);
        panic!("{unknown}");
    }
    histories
}

/// Returns the run ids of a workflow, in the order in which its runs started.
fn runs(state: &State, workflow_id: &str) -> impl Iterator<Item = String> {
    let executions = state.service.executions();
    executions
        .filter(move |execution| execution.workflow_id == workflow_id)
        .map(|execution| execution.run_id)
}

/// Returns the message about a run that does not exist.
fn unknown(state: &State, workflow: &impl WorkflowTarget) -> String {
    let id = workflow.workflow_id();
    let known: Vec<_> = runs(state, id).collect();
    match workflow.run_id() {
        Some(run_id) if !known.is_empty() => {
            format!("workflow {id:?} has no run {run_id:?}; its runs are: {known:?}")
        }
        _ => {
            let ids: BTreeSet<_> = state
                .service
                .executions()
                .map(|it| it.workflow_id)
                .collect();
            if ids.is_empty() {
                return format!("there is no workflow with id {id:?}: none was started yet");
            }
            format!("there is no workflow with id {id:?}; there are: {ids:?}")
        }
    }
}

/// Returns how the latest run of a workflow closed, as JSON, for `observe_result` to compare.
pub(super) fn outcome(world: &Rc<World>, workflow_id: &str) -> serde_json::Value {
    let state = world.state();
    let Some((run_id, [.., closing])) = state.service.run(workflow_id, None) else {
        return serde_json::json!("never started");
    };
    // The result is compared as its worker reads it: a codec may write it differently in each
    // world.
    let mut closing = HistoryEvent::from(&**closing);
    if let Some(converter) = state.converter_of(run_id) {
        let context = SerializationContextData::Workflow(WorkflowSerializationContext::new());
        // A result that cannot be decoded is compared as it is.
        let _ = decode_payloads(&mut closing, converter.codec(), &context).now_or_never();
    }
    let result = match &closing.attributes {
        Some(Attributes::WorkflowExecutionCompletedEventAttributes(completed)) => payloads_as_json(
            completed
                .result
                .as_ref()
                .map_or(&[], |payloads| &payloads.payloads),
        ),
        Some(Attributes::WorkflowExecutionFailedEventAttributes(failed)) => {
            serde_json::json!(failed.failure.as_ref().map(|failure| &failure.message))
        }
        _ => serde_json::Value::Null,
    };
    serde_json::json!({ "last event": closing.event_type().as_str_name(), "result": result })
}

fn payloads_as_json(
    payloads: &[temporalio_protos::temporal::api::common::v1::Payload],
) -> serde_json::Value {
    let value = |data: &[u8]| {
        serde_json::from_slice(data)
            .unwrap_or_else(|_| serde_json::json!(String::from_utf8_lossy(data)))
    };
    payloads
        .iter()
        .map(|payload| value(&payload.data))
        .collect()
}
