//! Calls about schedules and workers.

use durasim_service::{Request, Rpc, time::timestamp};
use prost_types::Timestamp;
use temporalio_protos::temporal::api::{
    schedule::v1::{
        BackfillRequest, CalendarSpec, IntervalSpec, Schedule, ScheduleAction, SchedulePatch,
        SchedulePolicies, ScheduleSpec, ScheduleState, TriggerImmediatelyRequest,
        schedule_action::Action,
    },
    worker::v1::WorkerHeartbeat,
    workflow::v1::NewWorkflowExecutionInfo,
    workflowservice::v1::*,
};

use super::{calls::Call, parts::*, world::START_MS};

#[allow(
    clippy::unnecessary_wraps,
    reason = "as the fields of the messages have it"
)]
fn at(ms: u64) -> Option<Timestamp> {
    Some(timestamp(START_MS + ms))
}

impl Call {
    /// Returns a call about a schedule or a worker.
    pub(super) fn about_a_schedule(&self, request_id: String) -> Request {
        let (namespace, schedule_id) = (namespace(), format!("s{}", self.workflow));
        match self.rpc {
            Rpc::CreateSchedule => CreateScheduleRequest {
                namespace,
                schedule_id,
                schedule: Some(self.schedule()),
                initial_patch: self.has(0).then(|| self.patch()),
                request_id,
                memo: self.has(1).then(|| memo(self.number)),
                search_attributes: self.has(2).then(|| search_attributes(self.number)),
                ..CreateScheduleRequest::default()
            }
            .into(),
            Rpc::UpdateSchedule => UpdateScheduleRequest {
                namespace,
                schedule_id,
                schedule: Some(self.schedule()),
                conflict_token: i64::from(self.number % 3).to_be_bytes().into(),
                request_id,
                search_attributes: self.has(2).then(|| search_attributes(self.number)),
                ..UpdateScheduleRequest::default()
            }
            .into(),
            Rpc::PatchSchedule => PatchScheduleRequest {
                namespace,
                schedule_id,
                patch: Some(self.patch()),
                request_id,
                ..PatchScheduleRequest::default()
            }
            .into(),
            Rpc::DeleteSchedule => DeleteScheduleRequest {
                namespace,
                schedule_id,
                ..DeleteScheduleRequest::default()
            }
            .into(),
            Rpc::DescribeSchedule => DescribeScheduleRequest {
                namespace,
                schedule_id,
            }
            .into(),
            Rpc::ListSchedules => ListSchedulesRequest {
                namespace,
                query: if self.has(0) {
                    "TemporalSchedulePaused = false".to_owned()
                } else {
                    String::new()
                },
                ..ListSchedulesRequest::default()
            }
            .into(),
            Rpc::ListScheduleMatchingTimes => ListScheduleMatchingTimesRequest {
                namespace,
                schedule_id,
                start_time: at(0),
                end_time: at(100_000),
            }
            .into(),
            _ => RecordWorkerHeartbeatRequest {
                namespace,
                worker_heartbeat: vec![WorkerHeartbeat {
                    worker_instance_key: schedule_id,
                    status: (self.number % 4).into(),
                    ..WorkerHeartbeat::default()
                }],
                ..RecordWorkerHeartbeatRequest::default()
            }
            .into(),
        }
    }

    fn schedule(&self) -> Schedule {
        let hours = CalendarSpec {
            hour: "*/2".to_owned(),
            minute: "30".to_owned(),
            ..CalendarSpec::default()
        };
        let start = NewWorkflowExecutionInfo {
            workflow_id: format!("w{}", self.workflow),
            workflow_type: workflow_type("Random"),
            task_queue: queue(WORKFLOWS),
            input: payloads(),
            workflow_run_timeout: seconds(self.number % 90),
            retry_policy: self.has(3).then(|| retry_policy(self.number)),
            ..NewWorkflowExecutionInfo::default()
        };
        Schedule {
            spec: Some(ScheduleSpec {
                interval: vec![IntervalSpec {
                    interval: seconds(self.number.max(1)),
                    phase: seconds(u8::from(self.number > 9)),
                }],
                calendar: if self.has(4) { vec![hours] } else { vec![] },
                cron_string: if self.has(5) {
                    vec!["CRON_TZ=America/New_York 1-3 * * * mon".to_owned()]
                } else {
                    vec![]
                },
                jitter: seconds(self.number % 7),
                ..ScheduleSpec::default()
            }),
            action: Some(ScheduleAction {
                action: Some(Action::StartWorkflow(start)),
            }),
            policies: Some(SchedulePolicies {
                overlap_policy: (self.number % 8).into(),
                catchup_window: seconds(self.number),
                pause_on_failure: self.has(6),
                ..SchedulePolicies::default()
            }),
            state: Some(ScheduleState {
                paused: self.has(7) && self.has(8),
                limited_actions: self.has(9),
                remaining_actions: (self.number % 4).into(),
                ..ScheduleState::default()
            }),
        }
    }

    fn patch(&self) -> SchedulePatch {
        SchedulePatch {
            trigger_immediately: self.has(10).then(|| TriggerImmediatelyRequest {
                overlap_policy: (self.number % 7).into(),
                scheduled_time: None,
            }),
            backfill_request: if self.has(11) {
                vec![BackfillRequest {
                    start_time: at(0),
                    end_time: at(u64::from(self.number) * 10_000),
                    overlap_policy: (self.number % 7).into(),
                }]
            } else {
                vec![]
            },
            pause: if self.has(12) {
                "pause".to_owned()
            } else {
                String::new()
            },
            unpause: if self.has(13) {
                "go".to_owned()
            } else {
                String::new()
            },
        }
    }
}
