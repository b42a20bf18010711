//! Payloads on their way through the codec, in both directions, as in the SDK's worker.

use futures::FutureExt;
use temporalio_common::{
    data_converters::{SerializationContextData, WorkflowSerializationContext},
    payload_visitor::{decode_payloads, encode_payloads},
};
use temporalio_protos::{
    coresdk::{
        workflow_activation::WorkflowActivation,
        workflow_completion::{
            self, WorkflowActivationCompletion, workflow_activation_completion::Status,
        },
    },
    temporal::api::{enums::v1::WorkflowTaskFailedCause, failure::v1::Failure},
};

use super::{InstanceFailure, InstanceSettings, Result};
use crate::{TaskFailureReason, execution::IssuedCommand};

/// Decodes the payloads of an activation, for workflow code.
pub(super) fn decode(
    settings: &InstanceSettings,
    activation: &mut WorkflowActivation,
) -> Result<()> {
    if !settings.codec {
        return Ok(());
    }
    let context = SerializationContextData::Workflow(WorkflowSerializationContext::new());
    match decode_payloads(activation, settings.data_converter.codec(), &context).now_or_never() {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => Err(failed(format!("Failed decoding activation: {error}"))),
        None => Err(failed(WAITS.to_owned())),
    }
}

/// Encodes the payloads of the commands that workflow code issued.
pub(super) fn encode(
    settings: &InstanceSettings,
    mut issued: Vec<IssuedCommand>,
) -> Result<Vec<IssuedCommand>> {
    if !settings.codec || issued.is_empty() {
        return Ok(issued);
    }
    let commands = issued
        .iter_mut()
        .map(|issued| std::mem::take(&mut issued.command))
        .collect();
    let mut completion = WorkflowActivationCompletion {
        status: Some(Status::Successful(workflow_completion::Success {
            commands,
            ..Default::default()
        })),
        ..Default::default()
    };
    let context = SerializationContextData::Workflow(WorkflowSerializationContext::new());
    let codec = settings.data_converter.codec();
    match encode_payloads(&mut completion, codec, &context).now_or_never() {
        Some(Ok(())) => {}
        Some(Err(error)) => return Err(failed(format!("Failed encoding completion: {error}"))),
        None => return Err(failed(WAITS.to_owned())),
    }
    if let Some(Status::Successful(success)) = completion.status {
        for (issued, command) in issued.iter_mut().zip(success.commands) {
            issued.command = command;
        }
    }
    Ok(issued)
}

/// The failure of a codec that is not ready at once. Workflow tasks are handled without waiting, so
/// a codec must not wait either.
const WAITS: &str =
    "the payload codec waits for something; in a simulated worker a codec must be ready at once";

fn failed(message: String) -> Box<InstanceFailure> {
    Box::new(InstanceFailure {
        failure: Failure {
            message,
            ..Default::default()
        },
        cause: Some(WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure),
        reason: TaskFailureReason::Other,
    })
}
