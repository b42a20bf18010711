//! The argument of a mock's closure.

use std::sync::Arc;

use temporalio_common::data_converters::{
    PayloadConversionError, TemporalDeserializable, TemporalSerializable,
};
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_sdk::activities::{ActivityContext, ActivityInfo};

use super::context::AttemptContext;

/// One call of a mocked activity.
///
/// A call has the methods of an [`ActivityContext`], under the same names, and the decoded input.
#[non_exhaustive]
pub struct ActivityCall<Input> {
    /// The input of the activity.
    pub input: Input,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    context: Arc<AttemptContext>,
}

impl<Input> ActivityCall<Input> {
    pub(super) fn new(input: Input, context: Arc<AttemptContext>) -> Self {
        Self {
            input,
            attempt: context.number,
            context,
        }
    }

    /// Returns the info of the attempt, as activity code sees it.
    pub fn info(&self) -> &ActivityInfo {
        self.context.info()
    }

    /// Returns the header field of that name, set by the workflow or an interceptor.
    pub fn header(&self, name: &str) -> Option<&Payload> {
        self.context.sdk().headers().get(name)
    }

    /// Returns the current time, in milliseconds of virtual time since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        (self.context.clock)()
    }

    /// Returns the start of this attempt, in milliseconds of virtual time since the Unix epoch.
    pub fn started_ms(&self) -> u64 {
        self.context.started_ms
    }

    /// Records a heartbeat. As in the SDK, heartbeats of a local activity go nowhere.
    ///
    /// The attempt fails if the data converter refuses the details.
    pub fn record_heartbeat<T: TemporalSerializable + 'static>(&self, details: &T) {
        if !self.context.is_local {
            self.context
                .record(|heartbeats| heartbeats.record_typed(details));
        }
    }

    /// Returns the details of the last heartbeat of earlier attempts; `None` if there was none.
    ///
    /// # Errors
    ///
    /// The payloads do not hold a `T`.
    pub fn heartbeat_details<T: TemporalDeserializable + 'static>(
        &self,
    ) -> Result<Option<T>, PayloadConversionError> {
        self.context
            .heartbeat_details()
            .map(|details| details.deserialize())
            .transpose()
    }

    /// Returns `true` if the attempt was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.context.cancel.is_cancelled()
    }

    /// Waits until the attempt is asked to stop.
    pub async fn cancelled(&self) {
        self.context.cancel.cancelled().await;
    }

    /// Returns the SDK's own context of this attempt, for a mock that calls the activity which it
    /// replaces.
    ///
    /// Heartbeats on this context obey the limits of [`ActivityDefinitions::heartbeat_details`].
    ///
    /// [`ActivityDefinitions::heartbeat_details`]: super::ActivityDefinitions::heartbeat_details
    pub fn context(&self) -> ActivityContext {
        *self.context.hand_out()
    }
}
