//! The codec of a data converter.

use std::{cell::RefCell, sync::LazyLock};

use futures::FutureExt;
use temporalio_common::data_converters::{
    DataConverter, SerializationContextData, WorkflowSerializationContext,
};
use temporalio_protos::temporal::api::common::v1::Payload;

/// The SDK's default converter, shared by all who ask for no other.
static DEFAULT: LazyLock<DataConverter> = LazyLock::new(DataConverter::default);

/// Returns the SDK's default converter.
pub(crate) fn default_converter() -> DataConverter {
    DEFAULT.clone()
}

/// Returns `true` if payloads change on their way through the converter's codec.
///
/// The SDK's default codec does nothing, and walking through every message for it would cost more
/// than everything else in this crate. A converter does not say which codec it has, so this tries
/// it: a codec without state that leaves a small and a large payload unchanged is taken for the
/// default.
pub(crate) fn uses_codec(converter: &DataConverter) -> bool {
    thread_local! {
        /// The last answer, with its converter: most often a world asks about the same again.
        static LAST: RefCell<Option<(DataConverter, bool)>> = const { RefCell::new(None) };
    }
    let has_codec_of = |known: &DataConverter| std::ptr::addr_eq(known.codec(), converter.codec());
    if has_codec_of(&DEFAULT) {
        return false;
    }
    LAST.with_borrow_mut(|last| match last {
        Some((known, answer)) if has_codec_of(known) => *answer,
        _ => {
            last.insert((converter.clone(), changes_payloads(converter)))
                .1
        }
    })
}

fn changes_payloads(converter: &DataConverter) -> bool {
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
    let encoded = codec.encode(&context, probes.clone()).now_or_never();
    !matches!(encoded, Some(Ok(encoded)) if encoded == probes)
}
