//! Heartbeats of one attempt, on their way from activity code to the worker.
//!
//! The SDK's test context hands the details of a heartbeat over as a `Box<dyn Any>`: their type is
//! erased before a data converter sees them. So the types that occur must be known beforehand.
//! Common types are, and so are the input and output types of each registered activity; the user
//! registers the others. A heartbeat of an unknown type is reported as a fault: if its details were
//! lost, the next attempt would continue from the wrong place.

use std::{
    any::{Any, TypeId},
    collections::{BTreeMap, VecDeque},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures::future::BoxFuture;
use temporalio_common::{
    data_converters::{
        DataConverter, GenericPayloadConverter, PayloadConversionError, PayloadConverter, RawValue,
        SerializationContext, TemporalSerializable,
    },
    error::{OutgoingActivityError, OutgoingError},
};
use temporalio_protos::temporal::api::{common::v1::Payload, failure::v1::Failure};

use super::{callbacks::HeartbeatCallback, payloads::ACTIVITY_CONTEXT};

type Encode = fn(&dyn Any, &PayloadConverter) -> Result<Vec<Payload>, PayloadConversionError>;

/// The types whose values can become payloads of heartbeats.
#[derive(Clone, Default)]
pub(super) struct DetailTypes {
    /// The types beside the common ones; shared by all attempts.
    registered: Arc<BTreeMap<TypeId, Encode>>,
}

impl DetailTypes {
    pub(super) fn register<T: TemporalSerializable + 'static>(&mut self) {
        let type_id = TypeId::of::<T>();
        if !COMMON.contains_key(&type_id) {
            Arc::make_mut(&mut self.registered).insert(type_id, encode::<T>);
        }
    }

    pub(super) fn inherit(&mut self, others: &Self) {
        if !others.registered.is_empty() {
            Arc::make_mut(&mut self.registered)
                .extend(others.registered.iter().map(|(id, encode)| (*id, *encode)));
        }
    }

    fn find(&self, details: &dyn Any) -> Option<Encode> {
        let type_id = details.type_id();
        self.registered
            .get(&type_id)
            .or_else(|| COMMON.get(&type_id))
            .copied()
    }
}

fn encode<T: TemporalSerializable + 'static>(
    details: &dyn Any,
    converter: &PayloadConverter,
) -> Result<Vec<Payload>, PayloadConversionError> {
    let details = details
        .downcast_ref::<T>()
        .expect("encoders are found by the type of the details");
    converter.to_payloads(
        &SerializationContext::new(&ACTIVITY_CONTEXT, converter),
        details,
    )
}

macro_rules! common_types {
    ($($ty:ty),+ $(,)?) => {
        BTreeMap::from([$(
            (TypeId::of::<$ty>(), encode::<$ty> as Encode),
            (TypeId::of::<Option<$ty>>(), encode::<Option<$ty>> as Encode),
            (TypeId::of::<Vec<$ty>>(), encode::<Vec<$ty>> as Encode),
            (TypeId::of::<($ty, $ty)>(), encode::<($ty, $ty)> as Encode),
        )+
            (TypeId::of::<RawValue>(), encode::<RawValue> as Encode),
        ])
    };
}

static COMMON: LazyLock<BTreeMap<TypeId, Encode>> = LazyLock::new(|| {
    common_types![
        (),
        bool,
        char,
        i8,
        i16,
        i32,
        i64,
        i128,
        isize,
        u8,
        u16,
        u32,
        u64,
        u128,
        usize,
        f32,
        f64,
        String,
        &'static str,
        std::time::Duration,
        serde_json::Value,
    ]
});

/// An error in a heartbeat, which ends the attempt.
pub(super) enum HeartbeatError {
    /// The type of the details is not registered.
    UnknownType,
    /// The data converter refused the details: the failure that activity code would return.
    Conversion(Box<Failure>),
}

type Encoding = BoxFuture<'static, Result<Vec<Payload>, PayloadConversionError>>;

#[derive(Default)]
struct State {
    /// The heartbeats on their way through the codec, the oldest first.
    encoding: VecDeque<Encoding>,
    error: Option<HeartbeatError>,
    /// The waker of the attempt, for a heartbeat that is recorded outside of the attempt's poll.
    waker: Option<Waker>,
}

/// The heartbeats of one attempt.
pub(super) struct Heartbeats {
    types: DetailTypes,
    data_converter: DataConverter,
    deliver: HeartbeatCallback,
    state: Mutex<State>,
}

impl Heartbeats {
    pub(super) fn new(
        types: DetailTypes,
        data_converter: DataConverter,
        deliver: HeartbeatCallback,
    ) -> Self {
        Self {
            types,
            data_converter,
            deliver,
            state: Mutex::default(),
        }
    }

    /// Records details whose type the SDK has erased.
    pub(super) fn record_erased(&self, details: &dyn Any) {
        match self.types.find(details) {
            Some(encode) => self.record(encode(details, self.data_converter.payload_converter())),
            None => self.fail(HeartbeatError::UnknownType),
        }
    }

    /// Records details of a known type.
    pub(super) fn record_typed<T: TemporalSerializable + 'static>(&self, details: &T) {
        self.record(encode::<T>(
            details,
            self.data_converter.payload_converter(),
        ));
    }

    fn record(&self, payloads: Result<Vec<Payload>, PayloadConversionError>) {
        match payloads {
            Ok(payloads) => {
                let encoding = self
                    .data_converter
                    .codec()
                    .encode(&ACTIVITY_CONTEXT, payloads);
                self.state().encoding.push_back(encoding);
            }
            Err(error) => self.fail(self.conversion_error(error)),
        }
    }

    fn conversion_error(&self, error: PayloadConversionError) -> HeartbeatError {
        let error = temporalio_common::error::ApplicationFailure::new(error);
        let error = OutgoingError::Activity(OutgoingActivityError::Application(Box::new(error)));
        HeartbeatError::Conversion(Box::new(
            self.data_converter.to_failure(&ACTIVITY_CONTEXT, error),
        ))
    }

    fn fail(&self, error: HeartbeatError) {
        self.state().error.get_or_insert(error);
    }

    /// Lets the attempt be polled, for a heartbeat that was recorded outside of its poll.
    pub(super) fn wake(&self) {
        let waker = self.state().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Delivers recorded heartbeats in their order. Ready once there is none left.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), HeartbeatError>> {
        loop {
            let mut state = self.state();
            if let Some(error) = state.error.take() {
                return Poll::Ready(Err(error));
            }
            let Some(encoding) = state.encoding.front_mut() else {
                if !state
                    .waker
                    .as_ref()
                    .is_some_and(|waker| waker.will_wake(cx.waker()))
                {
                    state.waker = Some(cx.waker().clone());
                }
                return Poll::Ready(Ok(()));
            };
            let Poll::Ready(payloads) = encoding.as_mut().poll(cx) else {
                return Poll::Pending;
            };
            state.encoding.pop_front();
            drop(state);
            match payloads {
                Ok(payloads) => (self.deliver)(payloads),
                Err(error) => return Poll::Ready(Err(self.conversion_error(error))),
            }
        }
    }
}
