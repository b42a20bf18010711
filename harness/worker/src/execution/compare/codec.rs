//! Messages as they were before the codec.

use futures::FutureExt;
use temporalio_common::{
    data_converters::{DataConverter, SerializationContextData, WorkflowSerializationContext},
    payload_visitor::{PayloadVisitable, decode_payloads},
};

/// Returns the message with its payloads decoded; unchanged if they cannot be decoded.
pub(in crate::execution) fn decoded<M>(message: &M, converter: &DataConverter) -> M
where
    M: PayloadVisitable + Clone + Send,
{
    let context = SerializationContextData::Workflow(WorkflowSerializationContext::new());
    let mut plain = message.clone();
    let result = decode_payloads(&mut plain, converter.codec(), &context).now_or_never();
    if matches!(result, Some(Ok(()))) {
        plain
    } else {
        message.clone()
    }
}
