//! Local activities: run by the worker, recorded as markers, resolved from markers on replay.

use std::time::Duration;

use durasim_events::HistoryEvent;
use temporalio_protos::{
    constants::LOCAL_ACTIVITY_MARKER_NAME,
    coresdk::{
        activity_result::{
            self, ActivityResolution, Cancellation, DoBackoff, activity_resolution::Status,
        },
        common::build_local_activity_marker_details,
        external_data::LocalActivityMarkerData,
        workflow_activation::ResolveActivity,
        workflow_commands::{ActivityCancellationType, ScheduleLocalActivity},
    },
    temporal::api::{
        command::v1::{RecordMarkerCommandAttributes, command},
        common::v1::Payloads,
        enums::v1::{EventType, RetryState},
        failure::v1::{Failure, failure::FailureInfo},
    },
};

use super::{
    Annotations, EventContext, LocalResult, RecordedResult, Response, Responses, Result,
    activity::activity_failure_info, fatal, invalid_event, nondeterminism,
};
use crate::{history::local_activity_marker, time};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    RequestSent,
    MarkerCommandCreated,
    ResultNotified,
    WaitingResolveFromMarkerLookAhead,
    ResolvedFromMarkerLookAheadWaitingMarkerEvent,
    MarkerCommandRecorded,
}

/// A local activity as workflow code scheduled it.
#[derive(Debug, Clone)]
pub(crate) struct ScheduledLocalActivity {
    pub(crate) schedule: ScheduleLocalActivity,
    /// The time at which the first attempt was scheduled. A workflow carries it over a backoff
    /// timer.
    pub(crate) original_schedule_time: Option<prost_types::Timestamp>,
}

/// A local activity that workflow code scheduled.
#[derive(Debug)]
pub(crate) struct LocalActivity {
    state: State,
    scheduled: ScheduledLocalActivity,
    annotations: Annotations,
    replaying_when_invoked: bool,
    time_when_started: Option<prost_types::Timestamp>,
    /// The success of the activity, if it ran here and was not cancelled.
    completed_locally: Option<bool>,
}

impl LocalActivity {
    /// Returns the machine, and a request to run the activity; on replay the machine waits for a
    /// marker instead.
    pub(crate) fn schedule(
        schedule: ScheduleLocalActivity,
        annotations: Annotations,
        replaying: bool,
        now: Option<prost_types::Timestamp>,
    ) -> Result<(Self, Responses)> {
        if schedule.schedule_to_close_timeout.is_none() && schedule.start_to_close_timeout.is_none()
        {
            return Err(fatal!(
                "Invalid schedule local activity request (seq {}): One or both of \
                 schedule_to_close or start_to_close timeouts must be set for local activities",
                schedule.seq
            ));
        }
        let original_schedule_time = schedule.original_schedule_time.or(now);
        let mut machine = Self {
            state: State::WaitingResolveFromMarkerLookAhead,
            scheduled: ScheduledLocalActivity {
                schedule,
                original_schedule_time,
            },
            annotations,
            replaying_when_invoked: replaying,
            time_when_started: now,
            completed_locally: None,
        };
        let responses = if replaying {
            Vec::new()
        } else {
            machine.request()
        };
        Ok((machine, responses))
    }

    fn request(&mut self) -> Responses {
        self.state = State::RequestSent;
        vec![Response::QueueLocalActivity(Box::new(
            self.scheduled.clone(),
        ))]
    }

    /// Returns `true` if the machine takes its marker without a command, because it was resolved
    /// from that marker.
    pub(crate) fn takes_marker_directly(&self) -> Result<bool> {
        match self.state {
            State::ResultNotified => Ok(false),
            State::ResolvedFromMarkerLookAheadWaitingMarkerEvent => Ok(true),
            state => Err(fatal!(
                "Attempted to check for LA marker handling in invalid state {state:?}"
            )),
        }
    }

    /// Returns `true` if a marker of the next workflow task may resolve the machine.
    pub(crate) fn awaits_marker(&self) -> bool {
        self.state == State::WaitingResolveFromMarkerLookAhead
    }

    /// Returns `true` if the activity was first requested while history was replayed.
    pub(crate) fn replaying_when_invoked(&self) -> bool {
        self.replaying_when_invoked
    }

    /// Requests the activity if it still waits for a marker. None can come any more, because a
    /// workflow task has started that is not replayed.
    pub(crate) fn on_live_task(&mut self) -> Responses {
        if self.state != State::WaitingResolveFromMarkerLookAhead {
            return Vec::new();
        }
        self.replaying_when_invoked = false;
        self.request()
    }

    /// Handles the result of an activity that ran for `runtime`.
    pub(crate) fn resolve(
        &mut self,
        result: LocalResult,
        runtime: Duration,
        attempt: u32,
        backoff: Option<prost_types::Duration>,
        activation_index: u64,
    ) -> Result<Responses> {
        match self.state {
            State::RequestSent => {}
            // Workflow code has stopped waiting for the result.
            State::MarkerCommandCreated | State::ResultNotified | State::MarkerCommandRecorded => {
                return Ok(Vec::new());
            }
            _ => return Err(self.invalid_resolution(false)),
        }
        self.state = State::MarkerCommandCreated;
        self.completed_locally = match &result {
            LocalResult::Completed(_) => Some(true),
            LocalResult::Failed(_) | LocalResult::TimedOut(_) => Some(false),
            LocalResult::Cancelled(_) => None,
        };
        let recorded = RecordedResult {
            result,
            complete_time: self
                .time_when_started
                .map(|started| time::add(started, runtime)),
            attempt,
            backoff,
            original_schedule_time: self.scheduled.original_schedule_time,
            activation_index: Some(activation_index),
        };
        Ok(self.resolved(recorded))
    }

    /// Handles the result that a marker of the next workflow task holds.
    pub(crate) fn resolve_from_marker(&mut self, recorded: RecordedResult) -> Result<Responses> {
        if self.state != State::WaitingResolveFromMarkerLookAhead {
            return Err(self.invalid_resolution(true));
        }
        self.state = State::ResolvedFromMarkerLookAheadWaitingMarkerEvent;
        Ok(self.resolved(recorded))
    }

    /// Handles the cancellation of the activity by workflow code.
    pub(crate) fn cancel(&mut self, activation_index: u64) -> Result<Responses> {
        let mode = self.cancellation_type();
        let waits = mode == ActivityCancellationType::WaitCancellationCompleted;
        let request = || Response::CancelLocalActivity(self.scheduled.schedule.seq);
        match self.state {
            State::RequestSent if !waits => {
                let mut responses = Vec::new();
                if mode == ActivityCancellationType::TryCancel {
                    responses.push(request());
                }
                self.state = State::MarkerCommandCreated;
                let recorded = RecordedResult {
                    result: LocalResult::empty_cancel(),
                    complete_time: None,
                    attempt: self.scheduled.schedule.attempt,
                    backoff: None,
                    original_schedule_time: self.scheduled.original_schedule_time,
                    activation_index: Some(activation_index),
                };
                responses.extend(self.resolved(recorded));
                Ok(responses)
            }
            State::MarkerCommandRecorded if mode == ActivityCancellationType::Abandon => {
                Ok(Vec::new())
            }
            // Even after a recorded result, another attempt may follow.
            State::RequestSent
            | State::WaitingResolveFromMarkerLookAhead
            | State::ResolvedFromMarkerLookAheadWaitingMarkerEvent
            | State::MarkerCommandRecorded => Ok(vec![request()]),
            State::MarkerCommandCreated | State::ResultNotified => {
                Err(nondeterminism!("Invalid transition in state machine"))
            }
        }
    }

    fn cancellation_type(&self) -> ActivityCancellationType {
        ActivityCancellationType::try_from(self.scheduled.schedule.cancellation_type)
            .unwrap_or(ActivityCancellationType::WaitCancellationCompleted)
    }

    /// Tells workflow code the result, advances its time, and records a marker unless history has
    /// it.
    fn resolved(&self, recorded: RecordedResult) -> Responses {
        let seq = self.scheduled.schedule.seq;
        let over = matches!(
            recorded.result,
            LocalResult::Cancelled(_) | LocalResult::TimedOut(_)
        );
        let marker = (!self.replaying_when_invoked).then(|| self.marker(&recorded));
        let complete_time = recorded.complete_time;
        let result = Some(ActivityResolution {
            status: Some(self.status(recorded)),
        });
        let mut responses = vec![
            ResolveActivity {
                seq,
                result,
                is_local: true,
            }
            .into(),
        ];
        responses.extend(complete_time.map(Response::AdvanceTime));
        if over && self.cancellation_type() == ActivityCancellationType::Abandon {
            responses.push(Response::AbandonLocalActivity(seq));
        }
        responses.extend(marker);
        responses
    }

    fn status(&self, recorded: RecordedResult) -> Status {
        if let Some(backoff) = recorded.backoff {
            return Status::Backoff(DoBackoff {
                attempt: recorded.attempt + 1,
                backoff_duration: Some(backoff),
                original_schedule_time: recorded.original_schedule_time,
            });
        }
        let failed = |failure| activity_result::Failure {
            failure: Some(failure),
            ..Default::default()
        };
        match recorded.result {
            LocalResult::Completed(result) => {
                Status::Completed(activity_result::Success { result })
            }
            LocalResult::Failed(failure) => Status::Failed(failed(failure)),
            LocalResult::TimedOut(failure) => {
                let bare = matches!(
                    failure.failure_info,
                    Some(FailureInfo::TimeoutFailureInfo(_))
                );
                Status::Failed(failed(if bare {
                    self.wrapped("Local Activity timed out", failure)
                } else {
                    failure
                }))
            }
            LocalResult::Cancelled(failure) => {
                let failure = failure.map(|failure| match failure.failure_info {
                    Some(FailureInfo::CanceledFailureInfo(_)) => {
                        self.wrapped("Local Activity cancelled", failure)
                    }
                    _ => failure,
                });
                Status::Cancelled(Cancellation { failure })
            }
        }
    }

    fn wrapped(&self, message: &str, cause: Failure) -> Failure {
        Failure {
            message: message.to_owned(),
            cause: Some(Box::new(cause)),
            failure_info: Some(activity_failure_info(
                &self.scheduled.schedule.activity_type,
                &self.scheduled.schedule.activity_id,
                String::new(),
                RetryState::CancelRequested,
                0,
                0,
            )),
            ..Default::default()
        }
    }

    fn marker(&self, recorded: &RecordedResult) -> Response {
        let schedule = &self.scheduled.schedule;
        let (result, failure) = match &recorded.result {
            LocalResult::Completed(result) => (result.clone(), None),
            LocalResult::Failed(failure) | LocalResult::TimedOut(failure) => {
                (None, Some(failure.clone()))
            }
            LocalResult::Cancelled(failure) => (None, failure.clone()),
        };
        let mut details = build_local_activity_marker_details(
            LocalActivityMarkerData {
                seq: schedule.seq,
                attempt: recorded.attempt,
                activity_id: schedule.activity_id.clone(),
                activity_type: schedule.activity_type.clone(),
                complete_time: recorded.complete_time,
                backoff: recorded.backoff,
                original_schedule_time: recorded.original_schedule_time,
                activation_index: recorded.activation_index,
            },
            result,
        );
        if schedule.include_arguments_in_marker {
            details.insert(
                "input".to_owned(),
                Payloads {
                    payloads: schedule.arguments.clone(),
                },
            );
        }
        let attributes =
            command::Attributes::RecordMarkerCommandAttributes(RecordMarkerCommandAttributes {
                marker_name: LOCAL_ACTIVITY_MARKER_NAME.to_owned(),
                details,
                header: None,
                failure,
            });
        Response::Command(Box::new(self.annotations.clone().command(attributes)))
    }

    pub(crate) fn on_command(&mut self) -> Result<()> {
        if self.state != State::MarkerCommandCreated {
            return Err(nondeterminism!(
                "Unexpected marker command in state {:?}",
                self.state
            ));
        }
        self.state = State::ResultNotified;
        Ok(())
    }

    pub(crate) fn on_event(
        &mut self,
        event: &HistoryEvent,
        context: EventContext,
    ) -> Result<Responses> {
        if event.event_type() != EventType::MarkerRecorded {
            return Err(nondeterminism!(
                "Local activity machine cannot handle this event: {event}"
            ));
        }
        let Some((data, succeeded)) = local_activity_marker(event) else {
            return Err(nondeterminism!(
                "Local activity machine encountered an unparsable marker"
            ));
        };
        match (self.state, self.completed_locally, succeeded) {
            (State::ResultNotified, Some(true), false) => {
                return Err(nondeterminism!(
                    "Local activity (seq {}) completed successfully locally, but history said it \
                     failed!",
                    self.scheduled.schedule.seq
                ));
            }
            (State::ResultNotified, Some(false), true) => {
                return Err(nondeterminism!(
                    "Local activity (seq {}) failed locally, but history said it completed!",
                    self.scheduled.schedule.seq
                ));
            }
            (State::ResultNotified | State::ResolvedFromMarkerLookAheadWaitingMarkerEvent, ..) => {}
            _ => return Err(invalid_event("LocalActivityMachine", &self.state, event)),
        }
        self.check_marker(&data, context)?;
        self.state = State::MarkerCommandRecorded;
        Ok(Vec::new())
    }

    fn check_marker(&self, data: &LocalActivityMarkerData, context: EventContext) -> Result<()> {
        let schedule = &self.scheduled.schedule;
        if data.seq != schedule.seq {
            return Err(nondeterminism!(
                "Local activity marker data has sequence number {} but matched against LA command \
                 with sequence number {}",
                data.seq,
                schedule.seq
            ));
        }
        if !context.check_ids {
            return Ok(());
        }
        if data.activity_id != schedule.activity_id {
            return Err(nondeterminism!(
                "Activity id of recorded marker '{}' does not match activity id of local activity \
                 command '{}'",
                data.activity_id,
                schedule.activity_id
            ));
        }
        if data.activity_type != schedule.activity_type {
            return Err(nondeterminism!(
                "Activity type of recorded marker '{}' does not match activity type of local \
                 activity command '{}'",
                data.activity_type,
                schedule.activity_type
            ));
        }
        Ok(())
    }

    fn invalid_resolution(&self, from_marker: bool) -> super::MachineError {
        fatal!(
            "Invalid transition resolving local activity (seq {}, from marker: {from_marker}) in \
             {:?}",
            self.scheduled.schedule.seq,
            self.state
        )
    }

    pub(crate) fn is_final(&self) -> bool {
        self.state == State::MarkerCommandRecorded
    }
}
