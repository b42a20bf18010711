//! What the closure of a mock is given.

use std::sync::Arc;

use temporalio_common::data_converters::{
    PayloadConversionError, TemporalDeserializable, TemporalSerializable,
};
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_sdk::activities::{ActivityContext, ActivityInfo};

use super::context::AttemptContext;

/// One call of a mocked activity.
///
/// It offers what an [`ActivityContext`] offers, under the same names, and the decoded input beside
/// it.
#[non_exhaustive]
pub struct ActivityCall<Input> {
    /// What the activity was called with.
    pub input: Input,
    /// The attempt, from 1.
    pub attempt: u32,
    context: Arc<AttemptContext>,
}

impl<Input> ActivityCall<Input> {
    pub(super) fn new(input: Input, context: Arc<AttemptContext>) -> Self {
        Self {
            input,
            attempt: context.info().attempt,
            context,
        }
    }

    /// The attempt's info, as activity code sees it.
    pub fn info(&self) -> &ActivityInfo {
        self.context.info()
    }

    /// The header field of that name, set by the workflow or an interceptor.
    pub fn header(&self, name: &str) -> Option<&Payload> {
        self.context.headers.get(name)
    }

    /// Virtual time, in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        (self.context.clock)()
    }

    /// When this attempt started, in milliseconds of virtual time since the Unix epoch.
    pub fn started_ms(&self) -> u64 {
        self.context.started_ms
    }

    /// Records a heartbeat. A local activity's heartbeats go nowhere, as in the SDK.
    ///
    /// Details that the data converter refuses fail the attempt.
    pub fn record_heartbeat<T: TemporalSerializable + 'static>(&self, details: &T) {
        if !self.context.info().is_local {
            self.context.heartbeats.record_typed(details);
        }
    }

    /// The details of the last heartbeat of earlier attempts; `None` if there were none.
    ///
    /// # Errors
    ///
    /// If the payloads do not hold a `T`.
    pub fn heartbeat_details<T: TemporalDeserializable + 'static>(
        &self,
    ) -> Result<Option<T>, PayloadConversionError> {
        if self.context.heartbeat_details.is_empty() {
            return Ok(None);
        }
        self.context.heartbeat_details().deserialize().map(Some)
    }

    /// Whether the attempt has been asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.context.cancel.is_cancelled()
    }

    /// Resolves once the attempt is asked to stop.
    pub async fn cancelled(&self) {
        self.context.cancel.cancelled().await;
    }

    /// The SDK's own context of this attempt, for a mock that calls the activity it stands for.
    ///
    /// Heartbeats recorded on it obey the limits of [`ActivityDefinitions::heartbeat_details`].
    ///
    /// [`ActivityDefinitions::heartbeat_details`]: super::ActivityDefinitions::heartbeat_details
    pub fn context(&self) -> ActivityContext {
        self.context.sdk_context()
    }
}
