//! Activities: scheduled, started, closed; cancelled in one of three ways.

use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::{
    coresdk::{
        activity_result::{self, ActivityResolution, Cancellation, activity_resolution},
        workflow_activation::ResolveActivity,
        workflow_commands::{ActivityCancellationType, ScheduleActivity},
    },
    temporal::api::{
        command::v1::{
            RequestCancelActivityTaskCommandAttributes, command, schedule_activity_cmd_to_api,
        },
        common::v1::ActivityType,
        enums::v1::{EventType, RetryState},
        failure::v1::{ActivityFailureInfo, CanceledFailureInfo, Failure, failure::FailureInfo},
        history::v1::ActivityTaskCanceledEventAttributes,
    },
};

use super::{
    Annotations, EventContext, Response, Responses, Result, invalid_event, nondeterminism,
    single_payload, unset,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    ScheduleCommandCreated,
    ScheduledEventRecorded,
    Started,
    ScheduledActivityCancelCommandCreated,
    ScheduledActivityCancelEventRecorded,
    StartedActivityCancelCommandCreated,
    StartedActivityCancelEventRecorded,
    Completed,
    Failed,
    TimedOut,
    Canceled,
}

/// An activity that workflow code scheduled.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "Temporal's own names")]
pub(crate) struct Activity {
    state: State,
    seq: u32,
    activity_id: String,
    activity_type: String,
    cancellation_type: ActivityCancellationType,
    scheduled_event_id: i64,
    cancelled_before_sent: bool,
    annotations: Annotations,
}

impl Activity {
    /// Returns the machine, and the command that schedules the activity.
    pub(crate) fn schedule(
        attributes: ScheduleActivity,
        use_compatible_version: bool,
        annotations: Annotations,
    ) -> (Self, command::Attributes) {
        let machine = Self {
            state: State::ScheduleCommandCreated,
            seq: attributes.seq,
            activity_id: attributes.activity_id.clone(),
            activity_type: attributes.activity_type.clone(),
            cancellation_type: ActivityCancellationType::try_from(attributes.cancellation_type)
                .unwrap_or(ActivityCancellationType::TryCancel),
            scheduled_event_id: 0,
            cancelled_before_sent: false,
            annotations,
        };
        // No slot is reserved for the activity, which is polled for.
        let attributes = ScheduleActivity {
            do_not_eagerly_execute: true,
            ..attributes
        };
        (
            machine,
            schedule_activity_cmd_to_api(attributes, use_compatible_version),
        )
    }

    /// Handles the cancellation of the activity by workflow code.
    pub(crate) fn cancel(&mut self, annotations: Annotations) -> Result<Responses> {
        self.annotations.override_with(annotations);
        if self.is_final() {
            return Ok(Vec::new());
        }
        let abandon = self.cancellation_type == ActivityCancellationType::Abandon;
        self.state = match self.state {
            State::ScheduleCommandCreated => {
                self.cancelled_before_sent = true;
                State::Canceled
            }
            State::ScheduledEventRecorded | State::Started if abandon => State::Canceled,
            State::ScheduledEventRecorded => State::ScheduledActivityCancelCommandCreated,
            State::Started => State::StartedActivityCancelCommandCreated,
            _ => return Err(nondeterminism!("Invalid transition in state machine")),
        };
        if self.state == State::Canceled {
            return Ok(vec![self.cancelled(None)]);
        }
        let attributes = command::Attributes::RequestCancelActivityTaskCommandAttributes(
            RequestCancelActivityTaskCommandAttributes {
                scheduled_event_id: self.scheduled_event_id,
            },
        );
        let mut responses = vec![Response::Command(Box::new(
            self.annotations.clone().command(attributes),
        ))];
        if self.cancellation_type != ActivityCancellationType::WaitCancellationCompleted {
            responses.push(self.cancelled(None));
        }
        Ok(responses)
    }

    pub(crate) fn on_event(
        &mut self,
        event: &HistoryEvent,
        context: EventContext,
    ) -> Result<Responses> {
        match event.event_type() {
            EventType::ActivityTaskScheduled => self.on_scheduled(event, context),
            EventType::ActivityTaskStarted => self.on_started(event),
            EventType::ActivityTaskCancelRequested => {
                self.state = match self.state {
                    State::ScheduledActivityCancelCommandCreated => {
                        State::ScheduledActivityCancelEventRecorded
                    }
                    State::StartedActivityCancelCommandCreated => {
                        State::StartedActivityCancelEventRecorded
                    }
                    _ => return Err(self.invalid(event)),
                };
                Ok(Vec::new())
            }
            EventType::ActivityTaskCompleted => self.on_completed(event),
            EventType::ActivityTaskFailed => self.on_failed(event),
            EventType::ActivityTaskTimedOut => self.on_timed_out(event),
            EventType::ActivityTaskCanceled => self.on_canceled(event),
            _ => Err(nondeterminism!(
                "Activity machine does not handle this event: {event}"
            )),
        }
    }

    fn on_scheduled(&mut self, event: &HistoryEvent, context: EventContext) -> Result<Responses> {
        let Some(Attributes::ActivityTaskScheduledEventAttributes(scheduled)) = &event.attributes
        else {
            return Err(unset("Activity scheduled", event));
        };
        if self.state != State::ScheduleCommandCreated {
            return Err(self.invalid(event));
        }
        if context.check_ids {
            if scheduled.activity_id != self.activity_id {
                return Err(nondeterminism!(
                    "Activity id of scheduled event '{}' does not match activity id of activity \
                     command '{}'",
                    scheduled.activity_id,
                    self.activity_id
                ));
            }
            let recorded_type = scheduled.activity_type.as_ref().map_or("", |t| &t.name);
            if recorded_type != self.activity_type {
                return Err(nondeterminism!(
                    "Activity type of scheduled event '{}' does not match activity type of \
                     activity command '{}'",
                    recorded_type,
                    self.activity_type
                ));
            }
        }
        self.scheduled_event_id = event.event_id;
        self.state = State::ScheduledEventRecorded;
        Ok(Vec::new())
    }

    fn on_started(&mut self, event: &HistoryEvent) -> Result<Responses> {
        self.state = match self.state {
            State::ScheduledEventRecorded => State::Started,
            State::ScheduledActivityCancelEventRecorded => {
                State::StartedActivityCancelEventRecorded
            }
            // An abandoned activity may still start, but nobody listens to it.
            State::Canceled if self.cancellation_type == ActivityCancellationType::Abandon => {
                State::Canceled
            }
            State::Canceled => {
                return Err(nondeterminism!(
                    "Non-Abandon cancel mode activities cannot be started after being cancelled. \
                     Seq: {:?}",
                    event.event_id
                ));
            }
            _ => return Err(self.invalid(event)),
        };
        Ok(Vec::new())
    }

    fn on_completed(&mut self, event: &HistoryEvent) -> Result<Responses> {
        let Some(Attributes::ActivityTaskCompletedEventAttributes(completed)) = &event.attributes
        else {
            return Err(unset("Activity completion", event));
        };
        match self.state {
            State::Started | State::StartedActivityCancelEventRecorded => {}
            State::Canceled if self.cancellation_type == ActivityCancellationType::Abandon => {
                return Ok(Vec::new());
            }
            State::Canceled => {
                return Err(nondeterminism!(
                    "Non-Abandon cancel mode activities cannot be completed after being cancelled: \
                     {completed:?}"
                ));
            }
            _ => return Err(self.invalid(event)),
        }
        let told = self.resolved_already();
        self.state = State::Completed;
        if told {
            return Ok(Vec::new());
        }
        let result = single_payload("activity", completed.result.as_ref(), event)?;
        Ok(vec![self.resolve(activity_resolution::Status::Completed(
            activity_result::Success { result },
        ))])
    }

    fn on_failed(&mut self, event: &HistoryEvent) -> Result<Responses> {
        let Some(Attributes::ActivityTaskFailedEventAttributes(failed)) = &event.attributes else {
            return Err(unset("Activity failure", event));
        };
        if !matches!(
            self.state,
            State::Started | State::StartedActivityCancelEventRecorded
        ) {
            return Err(self.invalid(event));
        }
        let told = self.resolved_already();
        self.state = State::Failed;
        if told {
            return Ok(Vec::new());
        }
        let info = self.failure_info(
            failed.identity.clone(),
            failed.retry_state(),
            failed.started_event_id,
            failed.scheduled_event_id,
        );
        Ok(vec![self.failed(failure(
            "Activity task failed",
            failed.failure.clone(),
            info,
        ))])
    }

    fn on_timed_out(&mut self, event: &HistoryEvent) -> Result<Responses> {
        let Some(Attributes::ActivityTaskTimedOutEventAttributes(timed_out)) = &event.attributes
        else {
            return Err(unset("Activity timeout", event));
        };
        if !matches!(
            self.state,
            State::ScheduledEventRecorded
                | State::Started
                | State::ScheduledActivityCancelEventRecorded
                | State::StartedActivityCancelEventRecorded
        ) {
            return Err(self.invalid(event));
        }
        let told = self.resolved_already();
        self.state = State::TimedOut;
        if told {
            return Ok(Vec::new());
        }
        let info = self.failure_info(
            String::new(),
            timed_out.retry_state(),
            timed_out.started_event_id,
            timed_out.scheduled_event_id,
        );
        Ok(vec![self.failed(failure(
            "Activity task timed out",
            timed_out.failure.clone(),
            info,
        ))])
    }

    fn on_canceled(&mut self, event: &HistoryEvent) -> Result<Responses> {
        let Some(Attributes::ActivityTaskCanceledEventAttributes(canceled)) = &event.attributes
        else {
            return Err(unset("Activity cancellation", event));
        };
        if !matches!(
            self.state,
            State::ScheduledActivityCancelEventRecorded | State::StartedActivityCancelEventRecorded
        ) {
            return Err(self.invalid(event));
        }
        let told = self.resolved_already();
        self.state = State::Canceled;
        Ok(if told {
            Vec::new()
        } else {
            vec![self.cancelled(Some(canceled))]
        })
    }

    /// Returns `true` if workflow code has its answer already: it requested the cancellation in the
    /// mode `TryCancel`.
    fn resolved_already(&self) -> bool {
        matches!(
            self.state,
            State::ScheduledActivityCancelEventRecorded | State::StartedActivityCancelEventRecorded
        ) && self.cancellation_type == ActivityCancellationType::TryCancel
    }

    fn resolve(&self, status: activity_resolution::Status) -> Response {
        let result = Some(ActivityResolution {
            status: Some(status),
        });
        ResolveActivity {
            seq: self.seq,
            result,
            is_local: false,
        }
        .into()
    }

    fn failed(&self, failure: Failure) -> Response {
        self.resolve(activity_resolution::Status::Failed(
            activity_result::Failure {
                failure: Some(failure),
                ..Default::default()
            },
        ))
    }

    fn cancelled(&self, event: Option<&ActivityTaskCanceledEventAttributes>) -> Response {
        let cause = Failure {
            failure_info: Some(FailureInfo::CanceledFailureInfo(CanceledFailureInfo {
                details: event.and_then(|e| e.details.clone()),
                ..Default::default()
            })),
            ..Default::default()
        };
        let info = self.failure_info(
            event.map(|e| e.identity.clone()).unwrap_or_default(),
            RetryState::CancelRequested,
            event.map_or(0, |e| e.started_event_id),
            event.map_or(0, |e| e.scheduled_event_id),
        );
        self.resolve(activity_resolution::Status::Cancelled(Cancellation {
            failure: Some(failure("Activity cancelled", Some(cause), info)),
        }))
    }

    fn failure_info(
        &self,
        identity: String,
        retry: RetryState,
        started: i64,
        scheduled: i64,
    ) -> FailureInfo {
        activity_failure_info(
            &self.activity_type,
            &self.activity_id,
            identity,
            retry,
            started,
            scheduled,
        )
    }

    fn invalid(&self, event: &HistoryEvent) -> super::MachineError {
        invalid_event("ActivityMachine", &self.state, event)
    }

    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self.state,
            State::Completed | State::Failed | State::TimedOut | State::Canceled
        )
    }

    pub(crate) fn cancelled_before_sent(&self) -> bool {
        self.cancelled_before_sent
    }
}

fn failure(message: &str, cause: Option<Failure>, info: FailureInfo) -> Failure {
    Failure {
        message: message.to_owned(),
        cause: cause.map(Box::new),
        failure_info: Some(info),
        ..Default::default()
    }
}

/// Returns the description of an activity for a failure.
pub(super) fn activity_failure_info(
    activity_type: &str,
    activity_id: &str,
    identity: String,
    retry_state: RetryState,
    started_event_id: i64,
    scheduled_event_id: i64,
) -> FailureInfo {
    FailureInfo::ActivityFailureInfo(ActivityFailureInfo {
        identity,
        activity_type: Some(ActivityType {
            name: activity_type.to_owned(),
        }),
        activity_id: activity_id.to_owned(),
        retry_state: retry_state as i32,
        started_event_id,
        scheduled_event_id,
    })
}
