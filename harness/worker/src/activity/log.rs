//! Records of calls: the inputs and outcomes of activities, in the order of the calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prost::Message;
use temporalio_common::data_converters::{
    GenericPayloadConverter, PayloadConversionError, PayloadConverter, SerializationContext,
    TemporalDeserializable,
};
use temporalio_protos::{
    coresdk::{
        activity_result::{ActivityExecutionResult, Success, activity_execution_result::Status},
        activity_task,
    },
    temporal::api::{
        common::v1::{Payload, Payloads},
        failure::v1::Failure,
    },
};

use super::{
    attempt::ActivityAttempt,
    callbacks::ClockCallback,
    outcome::{ActivityOutcome, one},
    payloads::ACTIVITY_CONTEXT,
};

/// The calls of activities in one world: one entry for each attempt that reached activity code.
///
/// A clone is another handle to the same log. The entries are in the order in which the attempts
/// started, which the choices of the world determine.
#[derive(Clone, Default)]
pub struct CallLog {
    entries: Arc<Mutex<Vec<Entry>>>,
}

/// The entry of a call, from which a record is made on demand. Most entries are never read, so the
/// messages in them are encoded, which costs less than a clone.
struct Entry {
    activity_type: Arc<str>,
    task_queue: String,
    /// An [`activity_task::Start`].
    task: Vec<u8>,
    converter: PayloadConverter,
    started_ms: u64,
    finished_ms: Option<u64>,
    outcome: EntryOutcome,
}

enum EntryOutcome {
    /// A [`Success`].
    Completed(Vec<u8>),
    Other(ActivityCallOutcome),
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

impl From<ActivityOutcome> for ActivityCallOutcome {
    fn from(outcome: ActivityOutcome) -> Self {
        match outcome {
            ActivityOutcome::Completed(result) => Self::Completed(result),
            ActivityOutcome::Failed(failure) | ActivityOutcome::Panicked { failure, .. } => {
                Self::Failed(failure)
            }
            ActivityOutcome::Canceled(details) => Self::Canceled(details),
            ActivityOutcome::WillCompleteAsync => Self::WillCompleteAsync,
            ActivityOutcome::Fault(_) => Self::Abandoned,
        }
    }
}

impl Entry {
    fn record(&self) -> ActivityCallRecord {
        let task: activity_task::Start = decoded(&self.task);
        let execution = task.workflow_execution.unwrap_or_default();
        ActivityCallRecord {
            activity_type: task.activity_type,
            task_queue: self.task_queue.clone(),
            workflow_id: execution.workflow_id,
            run_id: execution.run_id,
            activity_id: task.activity_id,
            payloads: Payloads {
                payloads: task.input,
            },
            attempt: task.attempt,
            is_local: task.is_local,
            started_ms: self.started_ms,
            finished_ms: self.finished_ms,
            outcome: self.outcome.decoded(),
            converter: self.converter.clone(),
        }
    }
}

impl EntryOutcome {
    fn of(result: &ActivityExecutionResult) -> Self {
        match &result.status {
            Some(Status::Completed(success)) => Self::Completed(success.encode_to_vec()),
            _ => Self::Other(ActivityOutcome::of(result.clone()).into()),
        }
    }

    fn decoded(&self) -> ActivityCallOutcome {
        match self {
            Self::Completed(success) => {
                ActivityCallOutcome::Completed(decoded::<Success>(success).result.map(one))
            }
            Self::Other(outcome) => outcome.clone(),
        }
    }
}

fn decoded<M: Message + Default>(message: &[u8]) -> M {
    M::decode(message).expect("an entry holds what a message was encoded to")
}

impl CallLog {
    /// Returns all calls, in the order in which they started.
    pub fn all(&self) -> Vec<ActivityCallRecord> {
        self.lock().iter().map(Entry::record).collect()
    }

    /// Returns the calls of one activity type, in the order in which they started.
    pub fn of_type(&self, activity_type: &str) -> Vec<ActivityCallRecord> {
        let entries = self.lock();
        let of_type = entries
            .iter()
            .filter(|entry| *entry.activity_type == *activity_type);
        of_type.map(Entry::record).collect()
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
    pub(super) fn begin(attempt: &ActivityAttempt, activity_type: Arc<str>) -> OpenCall {
        let clock = attempt.clock.clone();
        let started_ms = clock();
        let mut entries = attempt.log.lock();
        let index = entries.len();
        entries.push(Entry {
            activity_type,
            task_queue: attempt.task_queue.clone(),
            task: attempt.start.encode_to_vec(),
            converter: attempt.data_converter.payload_converter().clone(),
            started_ms,
            finished_ms: None,
            outcome: EntryOutcome::Other(ActivityCallOutcome::Running),
        });
        drop(entries);
        OpenCall {
            log: attempt.log.clone(),
            index,
            started_ms,
            clock,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
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

    pub(super) fn end(self, result: &ActivityExecutionResult) {
        self.set(EntryOutcome::of(result));
    }

    fn set(&self, outcome: EntryOutcome) {
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
        self.set(EntryOutcome::Other(ActivityCallOutcome::Abandoned));
    }
}
