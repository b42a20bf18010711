//! Records of calls: the inputs and outcomes of activities, in the order of the calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use temporalio_common::data_converters::{
    GenericPayloadConverter, PayloadConversionError, PayloadConverter, SerializationContext,
    TemporalDeserializable,
};
use temporalio_protos::temporal::api::{
    common::v1::{Payload, Payloads},
    failure::v1::Failure,
};

use super::{
    attempt::ActivityAttempt, callbacks::ClockCallback, outcome::ActivityOutcome,
    payloads::ACTIVITY_CONTEXT,
};

/// The calls of activities in one world: one entry for each attempt that reached activity code.
///
/// A clone is another handle to the same log. The entries are in the order in which the attempts
/// started, which the choices of the world determine.
#[derive(Clone, Default)]
pub struct CallLog {
    entries: Arc<Mutex<Vec<ActivityCallRecord>>>,
}

/// The record of one attempt of an activity.
#[derive(Debug, Clone)]
pub struct ActivityCallRecord {
    /// The activity type.
    pub activity_type: String,
    /// The task queue of the attempt.
    pub task_queue: String,
    /// The id of the workflow that scheduled the activity; empty if none did.
    pub workflow_id: String,
    /// The id of the run that scheduled the activity; empty if none did.
    pub run_id: String,
    /// The activity id, unique among the open activities of a run.
    pub activity_id: String,
    /// The input of the activity, after the codec.
    pub payloads: Payloads,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// True for a local activity.
    pub is_local: bool,
    /// The start of the attempt, in milliseconds of virtual time since the Unix epoch.
    pub started_ms: u64,
    /// The end of the attempt, in milliseconds of virtual time since the Unix epoch; `None` while
    /// it runs.
    pub finished_ms: Option<u64>,
    /// The outcome of the attempt.
    pub outcome: ActivityCallOutcome,
    converter: PayloadConverter,
}

/// The outcome of an attempt as its worker saw it. The service may never have learned of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ActivityCallOutcome {
    /// The attempt still runs.
    Running,
    /// The activity returned a result.
    Completed(Option<Payloads>),
    /// The activity returned an error, or panicked.
    Failed(Box<Failure>),
    /// The activity stopped because it was cancelled, with these details.
    Canceled(Option<Payloads>),
    /// Somebody else completes the activity later.
    WillCompleteAsync,
    /// The worker stopped before the attempt ended.
    Abandoned,
}

impl ActivityCallRecord {
    /// Decodes the input.
    ///
    /// # Errors
    ///
    /// The payloads do not hold a `T`.
    pub fn input<T: TemporalDeserializable + 'static>(&self) -> Result<T, PayloadConversionError> {
        self.decode(self.payloads.payloads.clone())
    }

    /// Decodes the result; `None` unless the attempt completed.
    ///
    /// # Errors
    ///
    /// The payloads do not hold a `T`.
    pub fn output<T: TemporalDeserializable + 'static>(
        &self,
    ) -> Result<Option<T>, PayloadConversionError> {
        match &self.outcome {
            ActivityCallOutcome::Completed(result) => self
                .decode(result.clone().unwrap_or_default().payloads)
                .map(Some),
            _ => Ok(None),
        }
    }

    fn decode<T: TemporalDeserializable + 'static>(
        &self,
        payloads: Vec<Payload>,
    ) -> Result<T, PayloadConversionError> {
        let context = SerializationContext::new(&ACTIVITY_CONTEXT, &self.converter);
        self.converter.from_payloads(&context, payloads)
    }
}

impl CallLog {
    /// Returns all calls, in the order in which they started.
    pub fn all(&self) -> Vec<ActivityCallRecord> {
        self.lock().clone()
    }

    /// Returns the calls of one activity type, in the order in which they started.
    pub fn of_type(&self, activity_type: &str) -> Vec<ActivityCallRecord> {
        let entries = self.lock();
        let of_type = entries
            .iter()
            .filter(|entry| entry.activity_type == activity_type);
        of_type.cloned().collect()
    }

    /// Returns the number of calls.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Returns `true` if there was no call.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Adds the entry of an attempt whose payloads have passed the codec.
    pub(super) fn begin(attempt: &ActivityAttempt) -> OpenCall {
        let clock = attempt.clock.clone();
        let started_ms = clock();
        let start = &attempt.start;
        let execution = start.workflow_execution.clone().unwrap_or_default();
        let mut entries = attempt.log.lock();
        let index = entries.len();
        entries.push(ActivityCallRecord {
            activity_type: start.activity_type.clone(),
            task_queue: attempt.task_queue.clone(),
            workflow_id: execution.workflow_id,
            run_id: execution.run_id,
            activity_id: start.activity_id.clone(),
            payloads: Payloads {
                payloads: start.input.clone(),
            },
            attempt: start.attempt,
            is_local: start.is_local,
            started_ms,
            finished_ms: None,
            outcome: ActivityCallOutcome::Running,
            converter: attempt.data_converter.payload_converter().clone(),
        });
        drop(entries);
        OpenCall {
            log: attempt.log.clone(),
            index,
            started_ms,
            clock,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ActivityCallRecord>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that has not ended. If it is dropped, the call is recorded as abandoned.
pub(super) struct OpenCall {
    log: CallLog,
    index: usize,
    started_ms: u64,
    clock: ClockCallback,
}

impl OpenCall {
    pub(super) fn index(&self) -> usize {
        self.index
    }

    pub(super) fn started_ms(&self) -> u64 {
        self.started_ms
    }

    pub(super) fn end(self, outcome: ActivityOutcome) {
        self.set(match outcome {
            ActivityOutcome::Completed(result) => ActivityCallOutcome::Completed(result),
            ActivityOutcome::Failed(failure) | ActivityOutcome::Panicked { failure, .. } => {
                ActivityCallOutcome::Failed(failure)
            }
            ActivityOutcome::Canceled(details) => ActivityCallOutcome::Canceled(details),
            ActivityOutcome::WillCompleteAsync => ActivityCallOutcome::WillCompleteAsync,
            ActivityOutcome::Fault(_) => ActivityCallOutcome::Abandoned,
        });
    }

    fn set(&self, outcome: ActivityCallOutcome) {
        let mut entries = self.log.lock();
        let entry = &mut entries[self.index];
        if entry.finished_ms.is_none() {
            entry.outcome = outcome;
            entry.finished_ms = Some((self.clock)());
        }
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.set(ActivityCallOutcome::Abandoned);
    }
}
