//! What activities were called with and what came of it, in the order of the calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use temporalio_common::data_converters::{
    GenericPayloadConverter, PayloadConversionError, PayloadConverter, SerializationContext,
    TemporalDeserializable,
};
use temporalio_protos::{
    coresdk::activity_task,
    temporal::api::{
        common::v1::{Payload, Payloads},
        failure::v1::Failure,
    },
};

use super::attempt::{ACTIVITY_CONTEXT, ActivityOutcome, ClockCallback};

/// The calls of activities in one run: one entry for each attempt that reached activity code.
///
/// A clone is another handle to the same log. Entries stand in the order in which the attempts started, which
/// is a function of the run's choices.
#[derive(Clone, Default)]
pub struct CallLog {
    records: Arc<Mutex<Vec<ActivityCallRecord>>>,
}

/// One attempt of an activity.
#[derive(Debug, Clone)]
pub struct ActivityCallRecord {
    /// The activity type.
    pub activity_type: String,
    /// The task queue the attempt was taken from.
    pub task_queue: String,
    /// The workflow that scheduled the activity; empty if none did.
    pub workflow_id: String,
    /// The run that scheduled the activity; empty if none did.
    pub run_id: String,
    /// The activity id, unique among the open activities of a run.
    pub activity_id: String,
    /// What the activity was called with, after the codec.
    pub payloads: Payloads,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Whether it is a local activity.
    pub is_local: bool,
    /// When it started, in milliseconds of virtual time since the Unix epoch.
    pub started_ms: u64,
    /// When it ended, in milliseconds of virtual time since the Unix epoch; `None` while it runs.
    pub finished_ms: Option<u64>,
    /// What came of it.
    pub outcome: ActivityCallOutcome,
    converter: PayloadConverter,
}

/// What came of an attempt, as its worker saw it; the service may never have heard of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ActivityCallOutcome {
    /// It still runs.
    Running,
    /// It returned a result.
    Completed(Option<Payloads>),
    /// It returned an error, or panicked.
    Failed(Box<Failure>),
    /// It returned that it was cancelled.
    Canceled(Option<Payloads>),
    /// Somebody else will complete it.
    WillCompleteAsync,
    /// Its worker stopped before it ended.
    Abandoned,
}

impl ActivityCallRecord {
    /// The input, decoded.
    ///
    /// # Errors
    ///
    /// If the payloads do not hold a `T`.
    pub fn input<T: TemporalDeserializable + 'static>(&self) -> Result<T, PayloadConversionError> {
        self.decode(self.payloads.payloads.clone())
    }

    /// The result, decoded; `None` unless the attempt completed.
    ///
    /// # Errors
    ///
    /// If the payloads do not hold a `T`.
    pub fn output<T: TemporalDeserializable + 'static>(&self) -> Result<Option<T>, PayloadConversionError> {
        match &self.outcome {
            ActivityCallOutcome::Completed(result) => {
                self.decode(result.clone().unwrap_or_default().payloads).map(Some)
            }
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
    /// All calls, in the order in which they started.
    pub fn all(&self) -> Vec<ActivityCallRecord> {
        self.lock().clone()
    }

    /// The calls of one activity type, in the order in which they started.
    pub fn of_type(&self, activity_type: &str) -> Vec<ActivityCallRecord> {
        self.lock().iter().filter(|record| record.activity_type == activity_type).cloned().collect()
    }

    /// How many calls there were.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there was no call.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(super) fn begin(
        &self,
        start: &activity_task::Start,
        task_queue: &str,
        converter: &PayloadConverter,
        clock: ClockCallback,
    ) -> OpenCall {
        let execution = start.workflow_execution.clone().unwrap_or_default();
        let mut records = self.lock();
        let index = records.len();
        records.push(ActivityCallRecord {
            activity_type: start.activity_type.clone(),
            task_queue: task_queue.to_owned(),
            workflow_id: execution.workflow_id,
            run_id: execution.run_id,
            activity_id: start.activity_id.clone(),
            payloads: Payloads { payloads: start.input.clone() },
            attempt: start.attempt,
            is_local: start.is_local,
            started_ms: clock(),
            finished_ms: None,
            outcome: ActivityCallOutcome::Running,
            converter: converter.clone(),
        });
        drop(records);
        OpenCall { log: self.clone(), index, clock }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ActivityCallRecord>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that has not ended; dropping it marks the call as abandoned.
pub(super) struct OpenCall {
    log: CallLog,
    index: usize,
    clock: ClockCallback,
}

impl OpenCall {
    pub(super) fn index(&self) -> usize {
        self.index
    }

    pub(super) fn started_ms(&self) -> u64 {
        self.log.lock()[self.index].started_ms
    }

    pub(super) fn end(self, outcome: ActivityOutcome) {
        self.set(match outcome {
            ActivityOutcome::Completed(result) => ActivityCallOutcome::Completed(result),
            ActivityOutcome::Failed(failure) => ActivityCallOutcome::Failed(failure),
            ActivityOutcome::Canceled(details) => ActivityCallOutcome::Canceled(details),
            ActivityOutcome::WillCompleteAsync => ActivityCallOutcome::WillCompleteAsync,
            ActivityOutcome::Fault(_) => ActivityCallOutcome::Abandoned,
        });
    }

    fn set(&self, outcome: ActivityCallOutcome) {
        let now_ms = (self.clock)();
        let mut records = self.log.lock();
        let record = &mut records[self.index];
        if record.finished_ms.is_none() {
            record.outcome = outcome;
            record.finished_ms = Some(now_ms);
        }
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.set(ActivityCallOutcome::Abandoned);
    }
}
