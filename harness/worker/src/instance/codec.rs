//! Payloads on their way through the data converter's codec, as the SDK's worker does it.

use futures::FutureExt;
use temporalio_common::{
    data_converters::{DataConverter, SerializationContextData, WorkflowSerializationContext},
    payload_visitor::{decode_payloads, encode_payloads},
};
use temporalio_protos::{
    coresdk::{
        workflow_activation::WorkflowActivation,
        workflow_completion::{
            self, WorkflowActivationCompletion, workflow_activation_completion::Status,
        },
    },
    temporal::api::{
        common::v1::Payload, enums::v1::WorkflowTaskFailedCause, failure::v1::Failure,
    },
};

use super::{InstanceFailure, InstanceSettings, Result};
use crate::{TaskFailureReason, execution::IssuedCommand};

/// Whether payloads change on their way through the converter's codec.
///
/// The SDK's default codec does nothing, and walking through every message for it would cost more
/// than all else here. A converter does not say which codec it has: one without any state that
/// leaves a small and a large payload as they are is taken for the default.
pub(crate) fn uses_codec(converter: &DataConverter) -> bool {
    let codec = converter.codec();
    if std::mem::size_of_val(codec) > 0 {
        return true;
    }
    let context = SerializationContextData::Workflow(WorkflowSerializationContext::new());
    let probes: Vec<Payload> = [1, 4096]
        .map(|length| Payload {
            data: vec![b'0'; length],
            ..Default::default()
        })
        .into();
    !matches!(codec.encode(&context, probes.clone()).now_or_never(), Some(Ok(encoded)) if encoded == probes)
}

/// Decodes what workflow code is about to see.
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

/// Encodes what workflow code answered.
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
    match encode_payloads(&mut completion, settings.data_converter.codec(), &context).now_or_never()
    {
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

/// Workflow tasks are handled without waiting, so a codec may not wait either.
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
