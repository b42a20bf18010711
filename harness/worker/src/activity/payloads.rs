//! Payloads of activities, to and from values.

use std::sync::LazyLock;

use temporalio_common::{
    ActivityError,
    data_converters::{
        ActivitySerializationContext, GenericPayloadConverter, PayloadConversionError,
        PayloadConverter, SerializationContext, SerializationContextData, TemporalDeserializable,
        TemporalSerializable,
    },
};
use temporalio_protos::temporal::api::common::v1::Payload;

/// The context of every conversion: it says that the payloads are those of an activity.
pub(super) static ACTIVITY_CONTEXT: LazyLock<SerializationContextData> =
    LazyLock::new(|| SerializationContextData::Activity(ActivitySerializationContext::new()));

/// Decodes the input of an activity.
pub(super) fn decode<T: TemporalDeserializable + 'static>(
    converter: &PayloadConverter,
    payloads: Vec<Payload>,
) -> Result<T, PayloadConversionError> {
    converter.from_payloads(
        &SerializationContext::new(&ACTIVITY_CONTEXT, converter),
        payloads,
    )
}

/// Encodes the result of an activity.
pub(super) fn encode<T: TemporalSerializable + 'static>(
    converter: &PayloadConverter,
    output: &T,
) -> Result<Payload, ActivityError> {
    Ok(converter.to_payload(
        &SerializationContext::new(&ACTIVITY_CONTEXT, converter),
        output,
    )?)
}
