//! A handler without its types: requests in, answers out.

use std::{collections::BTreeMap, future::Future, rc::Rc};

use futures::future::LocalBoxFuture;
use temporalio_common::{
    data_converters::{
        DataConverter, GenericPayloadConverter, NexusSerializationContext, SerializationContext,
        SerializationContextData, TemporalDeserializable, TemporalSerializable,
    },
    payload_visitor::{decode_payloads, encode_payloads},
};
use temporalio_protos::temporal::api::{
    common::v1::{Payload, Payloads},
    failure::v1::{Failure, NexusHandlerFailureInfo, failure::FailureInfo},
};
use tokio_util::sync::CancellationToken;

use super::{
    NexusCall, NexusCancelCall, NexusError, error::SentError, record::NexusCalls,
    reply::sealed::Sealed as NexusResult,
};

pub(crate) static CONTEXT: std::sync::LazyLock<SerializationContextData> =
    std::sync::LazyLock::new(|| SerializationContextData::Nexus(NexusSerializationContext::new()));

/// A request to start an operation, as it arrives.
pub(crate) struct StartRequest {
    pub(crate) endpoint: String,
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) request_id: String,
    pub(crate) attempt: u32,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) input: Option<Payload>,
    pub(crate) cancel: CancellationToken,
    pub(crate) calls: NexusCalls,
}

/// A request to cancel one.
pub(crate) struct CancelRequest {
    pub(crate) endpoint: String,
    pub(crate) call: NexusCancelCall,
    pub(crate) calls: NexusCalls,
}

/// The end of a started operation, or the reason why its result cannot be encoded.
pub(crate) type Ended = Result<Result<Payload, Box<Failure>>, String>;

/// An answer of a handler.
pub(crate) enum Answer {
    Completed(Payload),
    Started {
        token: String,
        ending: Option<LocalBoxFuture<'static, Ended>>,
    },
    /// The operation ended without success.
    Unsuccessful(Box<Failure>),
    /// The handler could not do what it was asked for.
    Error(Box<Failure>),
}

type OnStart = Rc<dyn Fn(StartRequest, DataConverter) -> LocalBoxFuture<'static, Answer>>;
pub(crate) type OnCancel =
    Rc<dyn Fn(NexusCancelCall) -> LocalBoxFuture<'static, Result<(), NexusError>>>;

/// The handler of one operation.
#[derive(Clone)]
pub(crate) struct Handler {
    on_start: OnStart,
    pub(crate) on_cancel: Option<OnCancel>,
    pub(crate) converter: DataConverter,
}

impl Handler {
    pub(crate) fn new<I, T, F, R>(handler: F) -> Self
    where
        I: TemporalDeserializable + 'static,
        T: NexusResult + 'static,
        F: Fn(NexusCall<I>) -> R + 'static,
        R: Future<Output = Result<T, NexusError>> + 'static,
    {
        let handler = Rc::new(handler);
        let on_start: OnStart = Rc::new(move |request, converter| {
            let handler = handler.clone();
            Box::pin(start(move |call| handler(call), request, converter))
        });
        Self {
            on_start,
            on_cancel: None,
            converter: DataConverter::default(),
        }
    }

    /// Starts an operation, and records it.
    pub(crate) fn start(&self, request: StartRequest) -> LocalBoxFuture<'static, Answer> {
        (self.on_start)(request, self.converter.clone())
    }

    /// Asks for the cancellation of an operation, and records it. Unless the handler says
    /// otherwise, it takes the request.
    pub(crate) async fn cancel(self, request: CancelRequest) -> Result<(), Box<Failure>> {
        let open = request.calls.begin_cancel(&request);
        let answer = match self.on_cancel {
            Some(on_cancel) => on_cancel(request.call).await.map_err(|error| {
                match error.into_sent(&self.converter) {
                    SentError::Handler(failure) => failure,
                    // A request to cancel is no operation: it cannot fail as one.
                    SentError::Operation(failure) => handler_error("INTERNAL", failure.message),
                }
            }),
            None => Ok(()),
        };
        open.end(&answer);
        answer
    }
}

/// An error of the handler with this name.
pub(crate) fn handler_error(error_type: &str, message: impl Into<String>) -> Box<Failure> {
    let info = NexusHandlerFailureInfo {
        r#type: error_type.to_owned(),
        ..Default::default()
    };
    Box::new(Failure {
        message: message.into(),
        failure_info: Some(FailureInfo::NexusHandlerFailureInfo(info)),
        ..Failure::default()
    })
}

async fn start<I, T, R>(
    handler: impl FnOnce(NexusCall<I>) -> R,
    request: StartRequest,
    converter: DataConverter,
) -> Answer
where
    I: TemporalDeserializable + 'static,
    T: NexusResult,
    R: Future<Output = Result<T, NexusError>>,
{
    let mut input = Payloads {
        payloads: request.input.iter().cloned().collect(),
    };
    let decoded = decode_payloads(&mut input, converter.codec(), &CONTEXT).await;
    let open = request
        .calls
        .begin_start(&request, input.payloads.first().cloned(), &converter);
    let context = SerializationContext::new(&CONTEXT, converter.payload_converter());
    let read = match decoded {
        Ok(()) => converter
            .payload_converter()
            .from_payloads(&context, input.payloads)
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let input = match read {
        Ok(input) => input,
        Err(why) => {
            let answer = Answer::Error(handler_error(
                "BAD_REQUEST",
                format!("cannot read the input: {why}"),
            ));
            open.end(&answer);
            return answer;
        }
    };
    let StartRequest {
        endpoint,
        service,
        operation,
        request_id,
        attempt,
        headers,
        cancel,
        ..
    } = request;
    let call = NexusCall {
        input,
        endpoint,
        service,
        operation,
        request_id,
        attempt,
        headers,
        cancel,
    };
    let answer = match handler(call).await {
        Ok(result) => match result.write(&converter) {
            Ok(written) => written.0,
            Err(why) => Answer::Error(handler_error(
                "INTERNAL",
                format!("cannot write the result: {why}"),
            )),
        },
        Err(error) => match error.into_sent(&converter) {
            SentError::Operation(failure) => Answer::Unsuccessful(failure),
            SentError::Handler(failure) => Answer::Error(failure),
        },
    };
    open.end(&answer);
    through_codec(answer, &converter).await
}

/// The answer as it travels.
async fn through_codec(answer: Answer, converter: &DataConverter) -> Answer {
    let refused = |why: &dyn std::fmt::Display| {
        Answer::Error(handler_error(
            "INTERNAL",
            format!("cannot encode the answer: {why}"),
        ))
    };
    match answer {
        Answer::Completed(payload) => match coded(payload, converter).await {
            Ok(payload) => Answer::Completed(payload),
            Err(why) => refused(&why),
        },
        Answer::Unsuccessful(mut failure) => {
            match encode_payloads(&mut *failure, converter.codec(), &CONTEXT).await {
                Ok(()) => Answer::Unsuccessful(failure),
                Err(error) => refused(&error),
            }
        }
        other => other,
    }
}

/// A payload as it travels.
///
/// # Errors
///
/// The error of the codec.
pub(crate) async fn coded(payload: Payload, converter: &DataConverter) -> Result<Payload, String> {
    let mut payloads = Payloads {
        payloads: vec![payload],
    };
    encode_payloads(&mut payloads, converter.codec(), &CONTEXT)
        .await
        .map_err(|error| error.to_string())?;
    payloads
        .payloads
        .pop()
        .ok_or_else(|| "the codec made nothing of it".to_owned())
}

/// A value as a payload, before the codec.
///
/// # Errors
///
/// Why it is none.
pub(crate) fn encode<T: TemporalSerializable + 'static>(
    converter: &DataConverter,
    value: &T,
) -> Result<Payload, String> {
    let context = SerializationContext::new(&CONTEXT, converter.payload_converter());
    converter
        .payload_converter()
        .to_payload(&context, value)
        .map_err(|error| error.to_string())
}
