//! The calls of a random client.

use std::collections::BTreeMap;

use durasim_service::{CompleteNexusOperationRequest, Request, Rpc};
use proptest::prelude::*;
use temporalio_protos::temporal::api::{
    common::v1::{Callback, Header, Priority, WorkflowExecution, callback},
    query::v1::WorkflowQuery,
    sdk::v1::UserMetadata,
    workflow::v1::OnConflictOptions,
    workflowservice::v1::*,
};

use super::parts::*;

/// A call, described by a few numbers.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) rpc: Rpc,
    pub(crate) workflow: u8,
    /// The run of the workflow id; mostly the current one.
    pub(crate) run: u8,
    pub(crate) number: u8,
    pub(crate) options: u16,
}

/// The things that callers know from earlier answers.
#[derive(Default)]
pub(crate) struct Known {
    /// The number of calls so far.
    pub(crate) calls: u64,
    pub(crate) run_ids: Vec<String>,
    pub(crate) page_token: Vec<u8>,
    pub(crate) callback_token: String,
    /// The events to which the current run of each workflow id can be reset.
    pub(crate) reset_points: BTreeMap<String, Vec<i64>>,
}

const WORKFLOW_IDS: u8 = 4;

pub(crate) fn call() -> impl Strategy<Value = Call> {
    let rpc = prop_oneof![
        16 => Just(Rpc::StartWorkflowExecution),
        4 => Just(Rpc::SignalWithStartWorkflowExecution),
        8 => Just(Rpc::SignalWorkflowExecution),
        2 => Just(Rpc::RequestCancelWorkflowExecution),
        2 => Just(Rpc::TerminateWorkflowExecution),
        4 => Just(Rpc::QueryWorkflow),
        8 => Just(Rpc::UpdateWorkflowExecution),
        3 => Just(Rpc::ExecuteMultiOperation),
        2 => Just(Rpc::PollWorkflowExecutionUpdate),
        2 => Just(Rpc::DescribeWorkflowExecution),
        2 => Just(Rpc::GetWorkflowExecutionHistory),
        1 => Just(Rpc::GetWorkflowExecutionHistoryReverse),
        6 => Just(Rpc::ResetWorkflowExecution),
        1 => Just(Rpc::ResetStickyTaskQueue),
        1 => Just(Rpc::RecordActivityTaskHeartbeatById),
        2 => Just(Rpc::RespondActivityTaskCompletedById),
        2 => Just(Rpc::RespondActivityTaskFailedById),
        1 => Just(Rpc::RespondActivityTaskCanceledById),
        1 => Just(Rpc::CompleteNexusOperation),
        1 => Just(Rpc::DescribeTaskQueue),
        1 => Just(Rpc::ShutdownWorker),
        1 => Just(Rpc::DescribeNamespace),
        2 => Just(Rpc::CreateSchedule),
        1 => Just(Rpc::UpdateSchedule),
        2 => Just(Rpc::PatchSchedule),
        1 => Just(Rpc::DeleteSchedule),
        1 => Just(Rpc::DescribeSchedule),
        1 => Just(Rpc::ListSchedules),
        1 => Just(Rpc::ListScheduleMatchingTimes),
        1 => Just(Rpc::RecordWorkerHeartbeat),
    ];
    let workflow = prop_oneof![6 => Just(0_u8), 3 => Just(1), 1 => 2..WORKFLOW_IDS];
    (rpc, workflow, any::<u8>(), any::<u8>(), any::<u16>()).prop_map(
        |(rpc, workflow, run, number, options)| Call {
            rpc,
            workflow,
            run,
            number,
            options,
        },
    )
}

impl Call {
    /// Returns a call that starts a workflow without any options.
    pub(crate) fn plain_start(workflow: u8) -> Self {
        Self {
            rpc: Rpc::StartWorkflowExecution,
            workflow,
            run: 0,
            number: 0,
            options: 0,
        }
    }

    pub(crate) fn describe(workflow: u8) -> Self {
        Self {
            rpc: Rpc::DescribeWorkflowExecution,
            workflow,
            run: 0,
            number: 0,
            options: 0,
        }
    }

    pub(super) fn has(&self, bit: u16) -> bool {
        self.options & (1 << bit) != 0
    }

    /// Returns the deadline of the caller, if the call waits. Without one, a query that dies with
    /// its worker would never end.
    pub(crate) fn deadline_ms(&self, now_ms: u64) -> Option<u64> {
        let patience_ms = if self.has(0) {
            500 * u64::from(self.number)
        } else {
            60_000
        };
        let waits = matches!(
            self.rpc,
            Rpc::QueryWorkflow
                | Rpc::UpdateWorkflowExecution
                | Rpc::ExecuteMultiOperation
                | Rpc::PollWorkflowExecutionUpdate
        );
        waits.then_some(now_ms + patience_ms)
    }

    pub(crate) fn request(&self, known: &Known) -> Request {
        match self.rpc {
            Rpc::CreateSchedule
            | Rpc::UpdateSchedule
            | Rpc::PatchSchedule
            | Rpc::DeleteSchedule
            | Rpc::DescribeSchedule
            | Rpc::ListSchedules
            | Rpc::ListScheduleMatchingTimes
            | Rpc::RecordWorkerHeartbeat => {
                self.about_a_schedule(format!("request-{}", known.calls))
            }
            Rpc::StartWorkflowExecution => self.start(known).into(),
            Rpc::SignalWithStartWorkflowExecution => self.signal_with_start(known).into(),
            Rpc::SignalWorkflowExecution => self.signal(known).into(),
            Rpc::QueryWorkflow => self.query(known).into(),
            Rpc::UpdateWorkflowExecution => self.update(known).into(),
            Rpc::ExecuteMultiOperation => self.update_with_start(known).into(),
            Rpc::PollWorkflowExecutionUpdate => self.poll_update(known).into(),
            Rpc::ResetWorkflowExecution => self.reset(known).into(),
            Rpc::RequestCancelWorkflowExecution => self.cancel(known).into(),
            Rpc::TerminateWorkflowExecution => self.terminate(known).into(),
            Rpc::CompleteNexusOperation => self.complete_nexus_operation(known).into(),
            Rpc::GetWorkflowExecutionHistory => self.history(known).into(),
            Rpc::GetWorkflowExecutionHistoryReverse => GetWorkflowExecutionHistoryReverseRequest {
                namespace: namespace(),
                execution: self.execution(known),
                maximum_page_size: (self.number % 9).into(),
                next_page_token: if self.has(0) {
                    known.page_token.clone()
                } else {
                    Vec::new()
                },
            }
            .into(),
            Rpc::DescribeWorkflowExecution => DescribeWorkflowExecutionRequest {
                namespace: namespace(),
                execution: self.execution(known),
            }
            .into(),
            Rpc::ResetStickyTaskQueue => ResetStickyTaskQueueRequest {
                namespace: namespace(),
                execution: self.execution(known),
            }
            .into(),
            Rpc::DescribeTaskQueue => DescribeTaskQueueRequest {
                namespace: namespace(),
                task_queue: queue(if self.has(0) { WORKFLOWS } else { ACTIVITIES }),
                task_queue_type: (self.number % 4).into(),
                report_stats: self.has(1),
                ..DescribeTaskQueueRequest::default()
            }
            .into(),
            Rpc::ShutdownWorker => ShutdownWorkerRequest {
                namespace: namespace(),
                sticky_task_queue: sticky_queue().map(|queue| queue.name).unwrap_or_default(),
                ..ShutdownWorkerRequest::default()
            }
            .into(),
            Rpc::DescribeNamespace => DescribeNamespaceRequest {
                namespace: namespace(),
                ..DescribeNamespaceRequest::default()
            }
            .into(),
            by_id => self.about_an_activity(by_id, known),
        }
    }

    fn run_id(&self, known: &Known) -> String {
        match self.run {
            0..=199 => String::new(),
            200..=239 => {
                let place = usize::from(self.number).checked_rem(known.run_ids.len());
                place.map_or_else(String::new, |place| known.run_ids[place].clone())
            }
            240..=247 => "5ca1ab1e-0000-4000-8000-000000000000".to_owned(),
            _ => "no-uuid".to_owned(),
        }
    }

    #[allow(
        clippy::unnecessary_wraps,
        reason = "as the fields of the messages have it"
    )]
    pub(super) fn execution(&self, known: &Known) -> Option<WorkflowExecution> {
        Some(WorkflowExecution {
            workflow_id: workflow_id(self.workflow),
            run_id: self.run_id(known),
        })
    }

    /// Returns the id of the first run of the chain, or another run id.
    pub(super) fn first_execution_run_id(&self, known: &Known) -> String {
        if self.has(15) {
            known.run_ids.first().cloned().unwrap_or_default()
        } else {
            String::new()
        }
    }

    pub(super) fn start(&self, known: &Known) -> StartWorkflowExecutionRequest {
        let when = |bit, number| if self.has(bit) { seconds(number) } else { None };
        StartWorkflowExecutionRequest {
            namespace: namespace(),
            workflow_id: workflow_id(self.workflow),
            workflow_type: workflow_type("Random"),
            task_queue: queue(WORKFLOWS),
            input: payloads(),
            request_id: match self.run {
                0..=127 => format!("start-{}", known.calls),
                // A caller that repeats an earlier call.
                128..=250 => format!("start-{}", self.number % 4),
                _ => String::new(),
            },
            workflow_id_reuse_policy: if self.number < 120 {
                (self.number % 5).into()
            } else {
                0
            },
            workflow_id_conflict_policy: if self.number > 100 {
                (self.number / 5 % 4).into()
            } else {
                0
            },
            workflow_run_timeout: when(0, 30),
            workflow_execution_timeout: when(1, 100),
            retry_policy: self.has(2).then(|| retry_policy(self.number)),
            cron_schedule: if self.has(3) && self.has(4) {
                "@every 20s".to_owned()
            } else {
                String::new()
            },
            workflow_start_delay: if self.has(5) && self.has(6) {
                seconds(5)
            } else {
                None
            },
            workflow_task_timeout: when(7, 3),
            memo: self.has(8).then(|| memo(self.number)),
            search_attributes: self.has(9).then(|| search_attributes(self.number)),
            header: self.has(10).then(|| Header {
                fields: [("trace".to_owned(), payload())].into(),
            }),
            user_metadata: self.has(11).then(|| UserMetadata {
                summary: Some(payload()),
                details: None,
            }),
            on_conflict_options: self.has(12).then(|| OnConflictOptions {
                attach_request_id: self.has(13),
                attach_completion_callbacks: self.has(14),
                attach_links: self.has(15),
            }),
            priority: self.has(13).then(|| Priority {
                priority_key: (self.number % 6).into(),
                fairness_key: "tenant".to_owned(),
                fairness_weight: 1.0,
            }),
            completion_callbacks: if self.has(14) && self.has(15) {
                vec![nexus_callback()]
            } else {
                Vec::new()
            },
            last_completion_result: if self.has(10) { payloads() } else { None },
            request_eager_execution: self.has(11),
            ..StartWorkflowExecutionRequest::default()
        }
    }

    fn signal_with_start(&self, known: &Known) -> SignalWithStartWorkflowExecutionRequest {
        let start = self.start(known);
        SignalWithStartWorkflowExecutionRequest {
            namespace: start.namespace,
            workflow_id: start.workflow_id,
            workflow_type: start.workflow_type,
            task_queue: start.task_queue,
            input: start.input,
            workflow_execution_timeout: start.workflow_execution_timeout,
            workflow_run_timeout: start.workflow_run_timeout,
            workflow_task_timeout: start.workflow_task_timeout,
            request_id: start.request_id,
            workflow_id_reuse_policy: start.workflow_id_reuse_policy,
            workflow_id_conflict_policy: start.workflow_id_conflict_policy,
            signal_name: "signal".to_owned(),
            signal_input: payloads(),
            retry_policy: start.retry_policy,
            cron_schedule: start.cron_schedule,
            memo: start.memo,
            search_attributes: start.search_attributes,
            header: start.header,
            workflow_start_delay: start.workflow_start_delay,
            user_metadata: start.user_metadata,
            priority: start.priority,
            ..SignalWithStartWorkflowExecutionRequest::default()
        }
    }

    fn signal(&self, known: &Known) -> SignalWorkflowExecutionRequest {
        SignalWorkflowExecutionRequest {
            namespace: namespace(),
            workflow_execution: self.execution(known),
            signal_name: "signal".to_owned(),
            input: payloads(),
            request_id: if self.has(0) {
                format!("{}", self.number % 16)
            } else {
                String::new()
            },
            ..SignalWorkflowExecutionRequest::default()
        }
    }

    fn cancel(&self, known: &Known) -> RequestCancelWorkflowExecutionRequest {
        RequestCancelWorkflowExecutionRequest {
            namespace: namespace(),
            workflow_execution: self.execution(known),
            request_id: if self.has(0) {
                format!("{}", self.number % 4)
            } else {
                String::new()
            },
            first_execution_run_id: self.first_execution_run_id(known),
            ..RequestCancelWorkflowExecutionRequest::default()
        }
    }

    fn terminate(&self, known: &Known) -> TerminateWorkflowExecutionRequest {
        TerminateWorkflowExecutionRequest {
            namespace: namespace(),
            workflow_execution: self.execution(known),
            details: payloads(),
            first_execution_run_id: self.first_execution_run_id(known),
            ..TerminateWorkflowExecutionRequest::default()
        }
    }

    fn query(&self, known: &Known) -> QueryWorkflowRequest {
        QueryWorkflowRequest {
            namespace: namespace(),
            execution: self.execution(known),
            query: Some(WorkflowQuery {
                query_type: "state".to_owned(),
                ..WorkflowQuery::default()
            }),
            query_reject_condition: (self.number % 4).into(),
        }
    }

    fn history(&self, known: &Known) -> GetWorkflowExecutionHistoryRequest {
        GetWorkflowExecutionHistoryRequest {
            namespace: namespace(),
            execution: self.execution(known),
            wait_new_event: self.has(0),
            maximum_page_size: (self.number % 9).into(),
            history_event_filter_type: i32::from(self.options >> 1 & 3),
            next_page_token: if self.has(3) {
                known.page_token.clone()
            } else {
                Vec::new()
            },
            ..GetWorkflowExecutionHistoryRequest::default()
        }
    }

    fn reset_point(&self, known: &Known) -> i64 {
        let number = usize::from(self.number / 4);
        match known.reset_points.get(&workflow_id(self.workflow)) {
            Some(points) if !points.is_empty() && !self.number.is_multiple_of(4) => {
                points[number % points.len()]
            }
            _ => 2 + i64::from(self.number % 12),
        }
    }

    #[allow(deprecated, reason = "callers still set the older field")]
    fn reset(&self, known: &Known) -> ResetWorkflowExecutionRequest {
        ResetWorkflowExecutionRequest {
            namespace: namespace(),
            workflow_execution: self.execution(known),
            workflow_task_finish_event_id: self.reset_point(known),
            request_id: match self.options % 8 {
                0 => "reset".to_owned(),
                1 => "start-0".to_owned(),
                2 => String::new(),
                _ => format!("reset-{}", known.calls),
            },
            reset_reapply_type: i32::from(self.options >> 3 & 3),
            reset_reapply_exclude_types: (1..5)
                .filter(|kind| self.has(8 + kind))
                .map(i32::from)
                .collect(),
            ..ResetWorkflowExecutionRequest::default()
        }
    }

    fn complete_nexus_operation(&self, known: &Known) -> CompleteNexusOperationRequest {
        CompleteNexusOperationRequest {
            callback_token: known.callback_token.clone(),
            operation_token: if self.has(0) {
                "operation".to_owned()
            } else {
                String::new()
            },
            start_time_ms: None,
            result: self.has(1).then(payload),
            failure: self.has(2).then(|| failure(self.number)),
            links: Vec::new(),
        }
    }

    fn about_an_activity(&self, rpc: Rpc, known: &Known) -> Request {
        let (namespace, workflow_id, run_id) =
            (namespace(), workflow_id(self.workflow), self.run_id(known));
        let activity_id = format!("{}", self.number % 4);
        match rpc {
            Rpc::RecordActivityTaskHeartbeatById => RecordActivityTaskHeartbeatByIdRequest {
                namespace,
                workflow_id,
                run_id,
                activity_id,
                details: payloads(),
                ..RecordActivityTaskHeartbeatByIdRequest::default()
            }
            .into(),
            Rpc::RespondActivityTaskCompletedById => RespondActivityTaskCompletedByIdRequest {
                namespace,
                workflow_id,
                run_id,
                activity_id,
                result: payloads(),
                ..RespondActivityTaskCompletedByIdRequest::default()
            }
            .into(),
            Rpc::RespondActivityTaskFailedById => RespondActivityTaskFailedByIdRequest {
                namespace,
                workflow_id,
                run_id,
                activity_id,
                failure: Some(failure(self.number)),
                last_heartbeat_details: payloads(),
                ..RespondActivityTaskFailedByIdRequest::default()
            }
            .into(),
            Rpc::RespondActivityTaskCanceledById => RespondActivityTaskCanceledByIdRequest {
                namespace,
                workflow_id,
                run_id,
                activity_id,
                ..RespondActivityTaskCanceledByIdRequest::default()
            }
            .into(),
            other => unreachable!("no call {other}"),
        }
    }
}

fn nexus_callback() -> Callback {
    let nexus = callback::Nexus {
        url: "http://nowhere".to_owned(),
        ..callback::Nexus::default()
    };
    Callback {
        variant: Some(callback::Variant::Nexus(nexus)),
        ..Callback::default()
    }
}
