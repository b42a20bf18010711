//! The commands of a random worker.

use durasim_events::{Attributes as Event, HistoryEvent};
use proptest::prelude::*;
use prost_types::Duration;
use temporalio_protos::temporal::api::{
    command::v1::{self as api, command::Attributes, *},
    common::v1::{ActivityType, Priority, WorkflowExecution},
    sdk::v1::UserMetadata,
};

use super::parts::*;

/// A command, described by a few numbers.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    kind: u8,
    name: u8,
    number: u8,
}

/// The things that a run has begun, which commands can refer to.
#[derive(Default)]
pub(crate) struct Begun {
    timers: Vec<String>,
    activities: Vec<i64>,
    operations: Vec<i64>,
}

impl Begun {
    pub(crate) fn of<'a>(history: impl IntoIterator<Item = &'a HistoryEvent>) -> Self {
        let mut begun = Self::default();
        for event in history {
            match &event.attributes {
                Some(Event::TimerStartedEventAttributes(timer)) => {
                    begun.timers.push(timer.timer_id.clone());
                }
                Some(Event::ActivityTaskScheduledEventAttributes(_)) => {
                    begun.activities.push(event.event_id);
                }
                Some(Event::NexusOperationScheduledEventAttributes(_)) => {
                    begun.operations.push(event.event_id);
                }
                _ => {}
            }
        }
        begun
    }
}

pub(crate) fn command() -> impl Strategy<Value = Command> {
    (0..48_u8, 0..4_u8, any::<u8>()).prop_map(|(kind, name, number)| Command { kind, name, number })
}

impl Command {
    /// Returns a command that puts a field of this number into the memo.
    pub(crate) fn upsert_memo(name: u8) -> Self {
        Self {
            kind: 36,
            name,
            number: 0,
        }
    }

    /// Returns `true` if the command closes the run, so that it should be the last.
    pub(crate) fn closes(&self) -> bool {
        (18..=22).contains(&self.kind)
    }

    pub(crate) fn command(&self, begun: &Begun) -> api::Command {
        api::Command {
            attributes: Some(self.attributes(begun)),
            user_metadata: (self.number % 16 == 3).then(|| UserMetadata {
                summary: Some(payload()),
                details: None,
            }),
            ..api::Command::default()
        }
    }

    /// Picks one of the things that a run has begun, mostly the last.
    fn pick<T: Clone>(&self, begun: &[T], otherwise: T) -> T {
        match self.number % 8 {
            0 => otherwise,
            1..=3 => {
                let place = usize::from(self.number / 8).checked_rem(begun.len());
                place.map_or(otherwise, |place| begun[place].clone())
            }
            _ => begun.last().cloned().unwrap_or(otherwise),
        }
    }

    /// Returns the kind of the command. Mostly, it begins something if there is nothing to cancel
    /// yet.
    fn kind(&self, begun: &Begun) -> u8 {
        match self.kind {
            kind if self.number.is_multiple_of(8) => kind,
            8 | 9 if begun.timers.is_empty() => 0,
            17 if begun.activities.is_empty() => 10,
            46.. if begun.operations.is_empty() => 40,
            // Most answers about updates need no command.
            37 if !self.number.is_multiple_of(4) => 36,
            kind => kind,
        }
    }

    /// Returns the command, which mostly makes sense.
    fn attributes(&self, begun: &Begun) -> Attributes {
        let name = format!("{}", self.name);
        match self.kind(begun) {
            0..=7 => Attributes::StartTimerCommandAttributes(StartTimerCommandAttributes {
                timer_id: format!("{}", self.number % 8),
                start_to_fire_timeout: seconds(self.number / 8),
            }),
            8 | 9 => Attributes::CancelTimerCommandAttributes(CancelTimerCommandAttributes {
                timer_id: self.pick(&begun.timers, name),
            }),
            10..=16 => Attributes::ScheduleActivityTaskCommandAttributes(self.activity()),
            17 => Attributes::RequestCancelActivityTaskCommandAttributes(
                RequestCancelActivityTaskCommandAttributes {
                    scheduled_event_id: self.pick(&begun.activities, self.number.into()),
                },
            ),
            18..=20 => self.closing(),
            21 | 22 => {
                Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(self.continue_as_new())
            }
            23..=27 => Attributes::StartChildWorkflowExecutionCommandAttributes(self.child()),
            28..=32 => self.external(),
            33 | 34 => Attributes::RecordMarkerCommandAttributes(RecordMarkerCommandAttributes {
                marker_name: if self.number == 0 {
                    String::new()
                } else {
                    name
                },
                failure: (self.number % 4 == 1).then(|| failure(self.number)),
                ..RecordMarkerCommandAttributes::default()
            }),
            35 => Attributes::UpsertWorkflowSearchAttributesCommandAttributes(
                UpsertWorkflowSearchAttributesCommandAttributes {
                    search_attributes: Some(search_attributes(self.number)),
                },
            ),
            36 => Attributes::ModifyWorkflowPropertiesCommandAttributes(
                ModifyWorkflowPropertiesCommandAttributes {
                    upserted_memo: Some(memo(self.name)),
                },
            ),
            37 => Attributes::ProtocolMessageCommandAttributes(ProtocolMessageCommandAttributes {
                message_id: format!("{}", self.number % 3),
            }),
            // A command that is always refused.
            38 => Attributes::StartTimerCommandAttributes(StartTimerCommandAttributes {
                timer_id: String::new(),
                start_to_fire_timeout: Some(Duration {
                    seconds: -1,
                    nanos: 0,
                }),
            }),
            39 => Attributes::ScheduleActivityTaskCommandAttributes(
                ScheduleActivityTaskCommandAttributes::default(),
            ),
            40..=45 => Attributes::ScheduleNexusOperationCommandAttributes(self.nexus_operation()),
            _ => Attributes::RequestCancelNexusOperationCommandAttributes(
                RequestCancelNexusOperationCommandAttributes {
                    scheduled_event_id: self.pick(&begun.operations, self.number.into()),
                },
            ),
        }
    }

    fn closing(&self) -> Attributes {
        match self.kind {
            18 => Attributes::CompleteWorkflowExecutionCommandAttributes(
                CompleteWorkflowExecutionCommandAttributes { result: payloads() },
            ),
            19 => Attributes::FailWorkflowExecutionCommandAttributes(
                FailWorkflowExecutionCommandAttributes {
                    failure: Some(failure(self.number)),
                },
            ),
            _ => Attributes::CancelWorkflowExecutionCommandAttributes(
                CancelWorkflowExecutionCommandAttributes::default(),
            ),
        }
    }

    fn external(&self) -> Attributes {
        let workflow_id = workflow_id(self.name);
        if self.kind <= 30 {
            return Attributes::SignalExternalWorkflowExecutionCommandAttributes(
                SignalExternalWorkflowExecutionCommandAttributes {
                    execution: Some(WorkflowExecution {
                        workflow_id,
                        run_id: String::new(),
                    }),
                    signal_name: "signal".to_owned(),
                    child_workflow_only: self.number.is_multiple_of(4),
                    ..SignalExternalWorkflowExecutionCommandAttributes::default()
                },
            );
        }
        Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(
            RequestCancelExternalWorkflowExecutionCommandAttributes {
                workflow_id,
                child_workflow_only: self.number.is_multiple_of(4),
                ..RequestCancelExternalWorkflowExecutionCommandAttributes::default()
            },
        )
    }

    fn activity(&self) -> ScheduleActivityTaskCommandAttributes {
        ScheduleActivityTaskCommandAttributes {
            activity_id: format!("{}", self.name),
            activity_type: Some(ActivityType {
                name: "activity".to_owned(),
            }),
            task_queue: queue(ACTIVITIES),
            schedule_to_close_timeout: seconds(self.number % 60),
            schedule_to_start_timeout: seconds(u8::from(self.number > 200)),
            start_to_close_timeout: seconds(1 + self.number % 10),
            heartbeat_timeout: seconds(self.number % 5),
            retry_policy: (!self.number.is_multiple_of(3)).then(|| retry_policy(self.number)),
            request_eager_execution: self.number.is_multiple_of(7),
            priority: self.number.is_multiple_of(11).then(Priority::default),
            ..ScheduleActivityTaskCommandAttributes::default()
        }
    }

    fn continue_as_new(&self) -> ContinueAsNewWorkflowExecutionCommandAttributes {
        ContinueAsNewWorkflowExecutionCommandAttributes {
            backoff_start_interval: seconds(self.number % 3),
            workflow_type: if self.number % 5 == 1 {
                workflow_type("Other")
            } else {
                None
            },
            task_queue: if self.number % 5 == 2 {
                queue(WORKFLOWS)
            } else {
                None
            },
            workflow_run_timeout: if self.number % 5 == 3 {
                seconds(9)
            } else {
                None
            },
            retry_policy: (self.number % 7 == 1).then(|| retry_policy(self.number)),
            memo: (self.number % 7 == 2).then(|| memo(self.name)),
            search_attributes: (self.number % 7 == 3).then(|| search_attributes(self.name)),
            ..ContinueAsNewWorkflowExecutionCommandAttributes::default()
        }
    }

    fn child(&self) -> StartChildWorkflowExecutionCommandAttributes {
        StartChildWorkflowExecutionCommandAttributes {
            workflow_id: workflow_id(self.name + self.number % 3),
            workflow_type: workflow_type("Child"),
            parent_close_policy: (self.number % 4).into(),
            workflow_id_reuse_policy: (self.number % 5).into(),
            workflow_run_timeout: seconds(self.number % 90),
            retry_policy: (self.number % 9 == 1).then(|| retry_policy(self.number)),
            cron_schedule: if self.number == 7 {
                "@every 30s".to_owned()
            } else {
                String::new()
            },
            memo: (self.number % 9 == 2).then(|| memo(self.name)),
            ..StartChildWorkflowExecutionCommandAttributes::default()
        }
    }

    fn nexus_operation(&self) -> ScheduleNexusOperationCommandAttributes {
        let when = |kind, number| {
            if self.number % 8 == kind {
                seconds(number)
            } else {
                None
            }
        };
        ScheduleNexusOperationCommandAttributes {
            endpoint: if self.number > 240 {
                "unheard".to_owned()
            } else {
                ENDPOINT.to_owned()
            },
            service: "service".to_owned(),
            operation: "operation".to_owned(),
            input: Some(payload()),
            schedule_to_close_timeout: when(1, 30),
            schedule_to_start_timeout: when(2, 3),
            start_to_close_timeout: when(3, 10),
            ..ScheduleNexusOperationCommandAttributes::default()
        }
    }
}
