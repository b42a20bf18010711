//! Probes of the faults. A fault that happens leaves evidence behind; a world without the fault
//! shows none, nor does a world in which the fault is broken.

use std::time::Duration;

use temporalio_protos::temporal::api::enums::v1::EventType;

use super::{
    payments::{Bank, Payment, SILENT, Story, fails_for_good, happens},
    proof::probes,
};
use crate::{
    Fault,
    broken::Sabotage,
    faults::{
        FaultKind::{
            ActivityCompletionLost, ActivityFailure, ActivityOverlap, CacheEviction,
            ClientUnavailable, DeliveryAnswerLost, DeliveryDelay, HeartbeatLoss, MessageDelay,
            RetriesExhausted, ServiceOutage, SignalDelay, SignalDuplicate, SignalReorder,
            UpdateAnswerLost, WorkerCrash, WorkerDeploy, WorkerPartition, WorkerShutdown,
            WorkflowTaskFailure, WorkflowTaskTimeout,
        },
        Moment::{
            AfterActivity, AfterWorkflowTask, BeforeActivity, BeforeWorkflowTask, DuringActivity,
            Message,
        },
    },
};

const HOUR_MS: u64 = 3_600_000;

pub(super) const BEATING: Story = Story {
    beats: true,
    ..SILENT
};
const NOTED: Story = Story {
    notes: &["once"],
    ..SILENT
};
const NOTED_LATE: Story = Story {
    noted_after_hours: 24,
    ..NOTED
};
const NOTED_TWICE: Story = Story {
    notes: &["first", "second"],
    ..SILENT
};

const STAMPED: Story = Story {
    stamped: true,
    ..NOTED
};
const RECEIPTED: Story = Story {
    receipts: true,
    ..SILENT
};

probes! {
    an_update_whose_answer_is_lost_is_asked_for_again_and_handled_once,
    breaks Sabotage::Fault(UpdateAnswerLost, Message, None) => || happens(
        STAMPED,
        Fault::update_answer_lost(),
        "lose the answer to update stamp to Payment#1",
        |it| it.traced("send", "Payment#1/update stamp") == 2
            && it.count(EventType::WorkflowExecutionUpdateAccepted) == 1,
    );

    a_signal_between_workflows_is_late,
    breaks Sabotage::Fault(DeliveryDelay, Message, None) => || happens(
        RECEIPTED,
        Fault::delivery_delay().of_signal(Payment::note).by(Duration::from_secs(5)),
        "hold signal note from Receipt#1 to Payment#1 for 5s",
        |it| it.traced_at_ms("deliver", "between workflows") == Some(13_000),
    );

    a_signal_between_workflows_whose_answer_is_lost_is_sent_again_and_arrives_once,
    breaks Sabotage::Fault(DeliveryAnswerLost, Message, None) => || happens(
        RECEIPTED,
        Fault::delivery_answer_lost(),
        "lose the answer to signal note from Receipt#1 to Payment#1",
        |it| it.notes() == ["receipt"]
            && it.at_ms(EventType::ChildWorkflowExecutionCompleted) == Some(9_000),
    );

    a_worker_dies_before_it_completes_a_workflow_task_which_times_out,
    breaks Sabotage::Fault(WorkerCrash, BeforeWorkflowTask, None) => || happens(
        SILENT,
        Fault::worker_crash().before_workflow_task(),
        "crash worker payments before it completes a workflow task of Payment#1",
        |it| it.traced("worker", "dies") == 1 && it.count(EventType::WorkflowTaskTimedOut) == 1,
    );

    a_worker_dies_after_a_workflow_task_and_comes_back,
    breaks Sabotage::Fault(WorkerCrash, AfterWorkflowTask, None) => || happens(
        SILENT,
        Fault::worker_crash().after_workflow_task(),
        "crash worker payments after a workflow task of Payment#1",
        |it| it.traced("worker", "dies") == 1 && it.traced("worker", "starts again") == 1,
    );

    a_worker_dies_in_the_middle_of_an_activity,
    breaks Sabotage::Fault(WorkerCrash, DuringActivity, None) => || happens(
        SILENT,
        Fault::worker_crash().during_activity(Bank::charge),
        "crash worker payments during Bank::charge, attempt 1",
        |it| it.log == ["begin 1", "begin 2", "end 2"] && it.traced("worker", "starts again") == 1,
    );

    a_worker_dies_after_an_activity_whose_effect_then_happens_twice,
    breaks Sabotage::Fault(WorkerCrash, AfterActivity, None) => || happens(
        SILENT,
        Fault::worker_crash().after_activity(Bank::charge),
        "crash worker payments after Bank::charge, attempt 1",
        |it| it.log == ["begin 1", "end 1", "begin 2", "end 2"] && it.traced("worker", "dies") == 1,
    );

    a_workflow_task_of_a_worker_that_is_cut_off_times_out_and_its_completion_is_refused,
    breaks Sabotage::Fault(WorkerPartition, BeforeWorkflowTask, None) => || happens(
        SILENT,
        Fault::worker_partition().before_workflow_task(),
        "cut worker payments off from the service for 12s, \
         before it completes a workflow task of Payment#1",
        |it| it.count(EventType::WorkflowTaskTimedOut) == 1
            && it.traced("reply", "Payment#1/workflow task completed: NotFound") == 1
            && it.traced("worker", "dies") == 0,
    );

    an_activity_task_for_a_worker_that_is_cut_off_arrives_late,
    breaks Sabotage::Fault(WorkerPartition, AfterWorkflowTask, None) => || happens(
        SILENT,
        Fault::worker_partition().after_workflow_task().by(Duration::from_secs(5)),
        "cut worker payments off from the service for 5s, after a workflow task of Payment#1",
        |it| it.traced_at_ms("activity task", "charge").is_some_and(|at_ms| at_ms == 5_000),
    );

    an_attempt_of_a_worker_that_is_cut_off_loses_its_heartbeats_and_runs_beside_its_retry,
    breaks Sabotage::Fault(WorkerPartition, DuringActivity, None) => || happens(
        BEATING,
        Fault::worker_partition().during_activity(Bank::charge),
        "cut worker payments off from the service for 6s, during Bank::charge, attempt 1",
        |it| it.log.starts_with(&["begin 1".to_owned(), "begin 2".to_owned()])
            && it.traced("worker", "dies") == 0,
    );

    a_result_of_a_worker_that_is_cut_off_comes_too_late_and_the_effect_happens_twice,
    breaks Sabotage::Fault(WorkerPartition, AfterActivity, None) => || happens(
        SILENT,
        Fault::worker_partition().after_activity(Bank::charge),
        "cut worker payments off from the service for 23s, after Bank::charge, attempt 1",
        |it| it.log == ["begin 1", "end 1", "begin 2", "end 2"]
            && it.traced("reply", "charge/completed: NotFound") == 1,
    );

    an_evicted_run_is_fetched_and_replayed,
    breaks Sabotage::Fault(CacheEviction, BeforeWorkflowTask, None) => || happens(
        SILENT,
        Fault::cache_eviction(),
        "evict Payment#1 from the cache of worker payments",
        |it| it.traced("send", "Payment#1/worker's history") > 0,
    );

    a_lost_completion_makes_the_activity_run_again,
    breaks Sabotage::Fault(ActivityCompletionLost, AfterActivity, None) => || happens(
        SILENT,
        Fault::activity_completion_lost().of_activity(Bank::charge),
        "lose the completion of Bank::charge, attempt 1",
        |it| it.log == ["begin 1", "end 1", "begin 2", "end 2"] && it.traced("worker", "dies") == 0,
    );

    two_attempts_run_side_by_side,
    breaks Sabotage::Fault(ActivityOverlap, DuringActivity, None) => || happens(
        SILENT,
        Fault::activity_overlap().during_activity(Bank::charge),
        "pause Bank::charge, attempt 1, at its first await, until its retry runs beside it",
        |it| it.log.starts_with(&["begin 1".to_owned(), "begin 2".to_owned()]),
    );

    an_attempt_that_stood_still_before_its_code_begins_after_its_retry,
    breaks Sabotage::Fault(ActivityOverlap, BeforeActivity, None) => || happens(
        SILENT,
        Fault::activity_overlap().before_activity(Bank::charge),
        "pause Bank::charge, attempt 1, before its code begins, until its retry runs beside it",
        |it| it.log.starts_with(&["begin 2".to_owned(), "begin 1".to_owned()]),
    );

    an_attempt_fails_before_its_code_runs,
    breaks Sabotage::Fault(ActivityFailure, BeforeActivity, None) => || happens(
        SILENT,
        Fault::activity_failure().of_activity(Bank::charge),
        "fail Bank::charge, attempt 1, before its code runs",
        |it| it.log == ["begin 2", "end 2"],
    );

    an_activity_whose_attempts_all_fail_fails_for_good,
    breaks Sabotage::Fault(RetriesExhausted, BeforeActivity, Some(1)) => || fails_for_good(
        Fault::retries_exhausted().of_activity(Bank::charge),
        EventType::ActivityTaskFailed,
        0,
    );

    an_activity_whose_completions_are_all_lost_times_out_for_good_and_its_effects_stand,
    breaks Sabotage::Fault(RetriesExhausted, BeforeActivity, Some(2)) => || fails_for_good(
        Fault::retries_exhausted().of_activity(Bank::charge).after_effect(),
        EventType::ActivityTaskTimedOut,
        8,
    );

    an_attempt_whose_heartbeats_are_lost_times_out_and_is_tried_again,
    breaks Sabotage::Fault(HeartbeatLoss, DuringActivity, None) => || happens(
        BEATING,
        Fault::heartbeat_loss().of_activity(Bank::charge),
        "lose the heartbeats of Bank::charge, attempt 1, from here on",
        |it| it.log.contains(&"begin 2".to_owned()),
    );

    a_signal_held_by_events_loses_its_race_with_a_timer,
    breaks Sabotage::Fault(SignalDelay, Message, None) => || happens(
        NOTED_LATE,
        Fault::signal_delay().of_signal(Payment::note).by_events(3),
        "hold signal note to Payment#1 until 3 more events have happened; it arrives at +1d8s",
        |it| it.count(EventType::TimerFired) == 1,
    );

    a_delay_by_events_outlasts_the_jump_of_the_clock,
    breaks Sabotage::EventDelays => || happens(
        NOTED_LATE,
        Fault::signal_delay().of_signal(Payment::note).by_events(3),
        "hold signal note to Payment#1 until 3 more events have happened; it arrives at +1d8s",
        |it| it.count(EventType::TimerFired) == 1,
    );

    a_signal_held_for_some_time_arrives_so_much_later,
    breaks Sabotage::Fault(SignalDelay, Message, None) => || happens(
        NOTED,
        Fault::signal_delay().of_signal(Payment::note).by(Duration::from_secs(20)),
        "hold signal note to Payment#1 for 20s",
        |it| it.traced_at_ms("deliver", "signal") == Some(HOUR_MS + 20_000),
    );

    a_signal_held_for_longer_than_its_caller_waits_arrives_at_the_callers_deadline,
    breaks Sabotage::Fault(SignalDelay, Message, None) => || happens(
        NOTED,
        Fault::signal_delay().of_signal(Payment::note).by(Duration::from_hours(1)),
        "hold signal note to Payment#1 for 30s",
        |it| it.traced_at_ms("deliver", "signal") == Some(HOUR_MS + 30_000)
            && it.traced_at_ms("reply", "signal note: DeadlineExceeded") == Some(HOUR_MS + 30_000),
    );

    a_signal_is_overtaken_by_the_next_one,
    breaks Sabotage::Fault(SignalReorder, Message, None) => || happens(
        NOTED_TWICE,
        Fault::signal_reorder().of_signal(Payment::note),
        "hold signal note to Payment#1 until the next signal has arrived, at most 8 events; \
         it arrives at +1h",
        |it| it.notes() == ["second", "first"]
            && it.result.as_deref() == Some("paid: second first"),
    );

    a_signal_arrives_twice,
    breaks Sabotage::Fault(SignalDuplicate, Message, None) => || happens(
        NOTED,
        Fault::signal_duplicate().of_signal(Payment::note),
        "send signal note to Payment#1 twice",
        |it| it.notes() == ["once", "once"],
    );

    a_workflow_task_on_its_way_to_the_worker_is_held,
    breaks Sabotage::Fault(MessageDelay, Message, None) => || happens(
        SILENT,
        Fault::message_delay().at("payments/workflow task").by(Duration::from_secs(5)),
        "hold a workflow task for worker payments for 5s",
        |it| it.traced_at_ms("workflow task", "Payment#1").is_some_and(|at_ms| at_ms >= 5_000),
    );

    a_completion_of_a_workflow_task_is_held,
    breaks Sabotage::Fault(MessageDelay, Message, None) => || happens(
        SILENT,
        Fault::message_delay().at("workflow task completed").by(Duration::from_secs(5)),
        "hold the completion of a workflow task of Payment#1 for 5s",
        |it| it.first_task_took_ms() >= 5_000,
    );

    an_activity_task_on_its_way_to_the_worker_is_held,
    breaks Sabotage::Fault(MessageDelay, Message, None) => || happens(
        SILENT,
        Fault::message_delay().at("payments/activity task").by(Duration::from_secs(5)),
        "hold an activity task for worker payments for 5s",
        |it| it.traced_at_ms("activity task", "charge").is_some_and(|at_ms| at_ms >= 5_000),
    );

    a_call_of_a_client_is_held,
    breaks Sabotage::Fault(MessageDelay, Message, None) => || happens(
        SILENT,
        Fault::message_delay().at("Payment#1/start").by(Duration::from_secs(5)),
        "hold the start of Payment#1 for 5s",
        |it| it.traced_at_ms("deliver", "Payment#1/start").is_some_and(|at_ms| at_ms >= 5_000),
    );

    a_workflow_task_times_out_and_is_done_again,
    breaks Sabotage::Fault(WorkflowTaskTimeout, BeforeWorkflowTask, None) => || happens(
        SILENT,
        Fault::workflow_task_timeout(),
        "answer a workflow task of Payment#1 too late, after it has timed out",
        |it| it.count(EventType::WorkflowTaskTimedOut) == 1,
    );

    a_workflow_task_fails_once_and_is_done_again,
    breaks Sabotage::Fault(WorkflowTaskFailure, BeforeWorkflowTask, None) => || happens(
        SILENT,
        Fault::workflow_task_failure(),
        "fail a workflow task of Payment#1, once",
        |it| it.count(EventType::WorkflowTaskFailed) == 1,
    );

    a_refused_call_is_made_again_and_counts_once,
    breaks Sabotage::Fault(ClientUnavailable, Message, Some(1)) => || happens(
        NOTED,
        Fault::client_unavailable().of_signal(Payment::note),
        "answer signal note to Payment#1 with UNAVAILABLE before it took effect",
        |it| it.traced("send", "Payment#1/signal note") == 2 && it.notes() == ["once"],
    );

    a_start_whose_answer_is_lost_is_made_again_and_counts_once,
    breaks Sabotage::Fault(ClientUnavailable, Message, Some(2)) => || happens(
        SILENT,
        Fault::client_unavailable().at("Payment#1/start").after_effect(),
        "answer the start of Payment#1 with UNAVAILABLE after it took effect",
        |it| it.traced("send", "Payment#1/start") == 2
            && it.traced("deliver", "Payment#1/start") == 2
            && it.report.histories.len() == 1,
    );

    calls_in_an_outage_are_refused_until_it_is_over,
    breaks Sabotage::Fault(ServiceOutage, Message, Some(1)) => || happens(
        NOTED,
        Fault::service_outage().of_signal(Payment::note).by(Duration::from_secs(5)),
        "answer every call with UNAVAILABLE for 5s, from signal note to Payment#1 on",
        |it| it.traced("reply", "Payment#1/signal note: Unavailable") > 4
            && it.notes() == ["once"],
    );

    the_service_may_be_exhausted_in_an_outage,
    breaks Sabotage::Fault(ServiceOutage, Message, Some(2)) => || happens(
        NOTED,
        Fault::service_outage().of_signal(Payment::note).resource_exhausted(),
        "answer every call with RESOURCE_EXHAUSTED for 2s, from signal note to Payment#1 on",
        |it| it.traced("reply", "Payment#1/signal note: ResourceExhausted") > 1
            && it.notes() == ["once"],
    );

    the_completions_of_workers_wait_for_the_end_of_an_outage,
    breaks Sabotage::Fault(ServiceOutage, Message, Some(1)) => || happens(
        SILENT,
        Fault::service_outage().at("workflow task completed").by(Duration::from_secs(5)),
        "answer every call with UNAVAILABLE for 5s, \
         from the completion of a workflow task of Payment#1 on",
        |it| it.first_task_took_ms() >= 5_000,
    );

    a_worker_that_shuts_down_completes_its_workflow_task,
    breaks Sabotage::Fault(WorkerShutdown, BeforeWorkflowTask, None) => || happens(
        SILENT,
        Fault::worker_shutdown().before_workflow_task(),
        "shut worker payments down within 30s, before it completes a workflow task of Payment#1",
        |it| it.traced("worker", "has shut down") == 1
            && it.count(EventType::WorkflowTaskTimedOut) == 0,
    );

    a_worker_shuts_down_after_a_workflow_task_and_another_takes_over,
    breaks Sabotage::Fault(WorkerShutdown, AfterWorkflowTask, None) => || happens(
        SILENT,
        Fault::worker_shutdown().after_workflow_task(),
        "shut worker payments down within 30s, after a workflow task of Payment#1",
        |it| it.traced("worker", "has shut down") == 1
            && it.log == ["begin 1", "end 1"],
    );

    a_worker_that_shuts_down_dies_with_what_runs_when_its_time_is_over,
    breaks Sabotage::Fault(WorkerShutdown, DuringActivity, None) => || happens(
        SILENT,
        Fault::worker_shutdown().during_activity(Bank::charge).by(Duration::from_secs(2)),
        "shut worker payments down within 2s, during Bank::charge, attempt 1",
        |it| it.log == ["begin 1", "begin 2", "end 2"]
            && it.traced_at_ms("worker", "dies") == Some(2_000),
    );

    a_worker_that_shuts_down_reports_the_result_of_its_attempt,
    breaks Sabotage::Fault(WorkerShutdown, AfterActivity, None) => || happens(
        SILENT,
        Fault::worker_shutdown().after_activity(Bank::charge),
        "shut worker payments down within 30s, after Bank::charge, attempt 1",
        |it| it.traced("worker", "has shut down") == 1 && it.log == ["begin 1", "end 1"],
    );

    a_deployment_replaces_the_code_as_a_workflow_task_arrives,
    breaks Sabotage::Fault(WorkerDeploy, BeforeWorkflowTask, None) => || happens(
        SILENT,
        Fault::worker_deploy().before_workflow_task().to_version("v2"),
        "deploy version v2 to worker payments before a workflow task of Payment#1",
        |it| it.traced("worker", "starts again v2") == 1
            && it.result.as_deref() == Some("paid by v2: "),
    );

    a_deployment_replaces_the_code_between_two_workflow_tasks,
    breaks Sabotage::Fault(WorkerDeploy, AfterWorkflowTask, None) => || happens(
        SILENT,
        Fault::worker_deploy().after_workflow_task().to_version("v2"),
        "deploy version v2 to worker payments after a workflow task of Payment#1",
        |it| it.traced("worker", "starts again v2") == 1
            && it.result.as_deref() == Some("paid by v2: "),
    );

    a_death_takes_along_what_else_runs_in_the_process,
    breaks Sabotage::DeathOfAttempts => || happens(
        Story { payments: 2, ..SILENT },
        Fault::worker_crash().after_activity(Bank::charge),
        "crash worker payments after Bank::charge, attempt 1",
        |it| it.log.iter().filter(|line| *line == "end 1").count() == 1,
    );
}

#[cfg(feature = "nexus")]
pub(super) mod nexus {
    //! Probes of the faults of Nexus operations.

    use super::{Fault, Message, SILENT, Story, happens, probes};
    use crate::{FaultKind::NexusAnswerLost, broken::Sabotage};

    const CLEARED: Story = Story {
        clears: true,
        ..SILENT
    };

    probes! {
        a_handler_whose_answer_is_lost_is_asked_again,
        breaks Sabotage::Fault(NexusAnswerLost, Message, None) => || happens(
            CLEARED,
            Fault::nexus_answer_lost(),
            "lose the answer of Clearing.clear to Payment#1",
            |it| it.traced("nexus start", "Clearing.clear") == 2,
        );
    }
}

#[cfg(not(feature = "nexus"))]
pub(super) mod nexus {
    //! Without Nexus operations there are no faults of them.

    /// The parts that the tests of this module break: none.
    pub(in crate::sabotage) const BROKEN: &[crate::broken::Sabotage] = &[];
}
