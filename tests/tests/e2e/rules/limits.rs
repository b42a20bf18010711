//! Limits: sizes and numbers that are too large, and their consequences.
//!
//! `api/respondworkflowtaskcompleted/{workflow_task_completed_handler,workflow_size_checker}.go`,
//! `workflow/context.go`. None of these is RESOURCE_EXHAUSTED: a size that is too large ends the
//! run, a number that is too large fails the workflow task.

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::{
    command::v1::{
        CompleteWorkflowExecutionCommandAttributes,
        ContinueAsNewWorkflowExecutionCommandAttributes, FailWorkflowExecutionCommandAttributes,
        ModifyWorkflowPropertiesCommandAttributes, RecordMarkerCommandAttributes,
        ScheduleActivityTaskCommandAttributes, SignalExternalWorkflowExecutionCommandAttributes,
        StartChildWorkflowExecutionCommandAttributes, StartTimerCommandAttributes,
        UpsertWorkflowSearchAttributesCommandAttributes, command::Attributes,
    },
    common::v1::{
        ActivityType, Memo, Payload, Payloads, SearchAttributes, WorkflowExecution, WorkflowType,
    },
    enums::v1::{EventType, WorkflowTaskFailedCause as Cause},
    failure::v1::Failure,
    taskqueue::v1::TaskQueue,
};

use super::by_hand::{by_hand, complete_task, start, take_task};

const TWO_MEBIBYTES: usize = 2 * 1024 * 1024;

/// Returns the value of a search attribute that is too large.
fn of_keywords() -> Payload {
    Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: format!("{:?}", "x".repeat(TWO_MEBIBYTES)).into_bytes(),
        ..Payload::default()
    }
}

fn payload() -> Payload {
    Payload {
        data: vec![0; TWO_MEBIBYTES + 1],
        ..Payload::default()
    }
}

fn payloads() -> Payloads {
    Payloads {
        payloads: vec![payload()],
    }
}

fn memo() -> Memo {
    Memo {
        fields: [("field".to_owned(), payload())].into(),
    }
}

fn schedule_activity(id: usize) -> ScheduleActivityTaskCommandAttributes {
    ScheduleActivityTaskCommandAttributes {
        activity_id: id.to_string(),
        activity_type: Some(ActivityType {
            name: "work".to_owned(),
        }),
        task_queue: Some(TaskQueue {
            name: "elsewhere".to_owned(),
            ..TaskQueue::default()
        }),
        start_to_close_timeout: Duration::from_secs(10).try_into().ok(),
        ..ScheduleActivityTaskCommandAttributes::default()
    }
}

/// Returns each command that may be too large, with the cause that the failed task then names.
fn too_large() -> Vec<(Cause, Attributes)> {
    use Attributes::{
        CompleteWorkflowExecutionCommandAttributes as Complete,
        ContinueAsNewWorkflowExecutionCommandAttributes as ContinueAsNew,
        FailWorkflowExecutionCommandAttributes as Fail,
        ModifyWorkflowPropertiesCommandAttributes as Modify,
        RecordMarkerCommandAttributes as Marker, ScheduleActivityTaskCommandAttributes as Schedule,
        SignalExternalWorkflowExecutionCommandAttributes as Signal,
        StartChildWorkflowExecutionCommandAttributes as Child,
        UpsertWorkflowSearchAttributesCommandAttributes as Upsert,
    };
    let activity = ScheduleActivityTaskCommandAttributes {
        input: Some(payloads()),
        ..schedule_activity(1)
    };
    let complete = CompleteWorkflowExecutionCommandAttributes {
        result: Some(payloads()),
    };
    let failure = Failure {
        message: "x".repeat(TWO_MEBIBYTES + 1),
        ..Failure::default()
    };
    let fail = FailWorkflowExecutionCommandAttributes {
        failure: Some(failure),
    };
    let continue_as_new = ContinueAsNewWorkflowExecutionCommandAttributes {
        input: Some(payloads()),
        ..ContinueAsNewWorkflowExecutionCommandAttributes::default()
    };
    let continue_with_memo = ContinueAsNewWorkflowExecutionCommandAttributes {
        memo: Some(memo()),
        ..ContinueAsNewWorkflowExecutionCommandAttributes::default()
    };
    let child = StartChildWorkflowExecutionCommandAttributes {
        workflow_id: "child".to_owned(),
        workflow_type: Some(WorkflowType {
            name: "Child".to_owned(),
        }),
        input: Some(payloads()),
        ..StartChildWorkflowExecutionCommandAttributes::default()
    };
    let child_with_memo = StartChildWorkflowExecutionCommandAttributes {
        input: None,
        memo: Some(memo()),
        ..child.clone()
    };
    let signal = SignalExternalWorkflowExecutionCommandAttributes {
        execution: Some(WorkflowExecution {
            workflow_id: "other".to_owned(),
            run_id: String::new(),
        }),
        signal_name: "signal".to_owned(),
        input: Some(payloads()),
        ..SignalExternalWorkflowExecutionCommandAttributes::default()
    };
    let marker = RecordMarkerCommandAttributes {
        marker_name: "marker".to_owned(),
        details: [("details".to_owned(), payloads())].into(),
        ..RecordMarkerCommandAttributes::default()
    };
    let upsert = UpsertWorkflowSearchAttributesCommandAttributes {
        search_attributes: Some(SearchAttributes {
            indexed_fields: [("field".to_owned(), of_keywords())].into(),
        }),
    };
    let modify = ModifyWorkflowPropertiesCommandAttributes {
        upserted_memo: Some(memo()),
    };
    vec![
        (Cause::BadScheduleActivityAttributes, Schedule(activity)),
        (Cause::BadScheduleActivityAttributes, Complete(complete)),
        (Cause::BadFailWorkflowExecutionAttributes, Fail(fail)),
        (
            Cause::BadContinueAsNewAttributes,
            ContinueAsNew(continue_as_new),
        ),
        (
            Cause::BadContinueAsNewAttributes,
            ContinueAsNew(continue_with_memo),
        ),
        (Cause::BadStartChildExecutionAttributes, Child(child)),
        (
            Cause::BadStartChildExecutionAttributes,
            Child(child_with_memo),
        ),
        (Cause::BadSignalWorkflowExecutionAttributes, Signal(signal)),
        (Cause::BadRecordMarkerAttributes, Marker(marker)),
        (Cause::BadSearchAttributes, Upsert(upsert)),
        (Cause::BadModifyWorkflowPropertiesAttributes, Modify(modify)),
    ]
}

#[workflow_test]
async fn a_payload_over_two_mebibytes_in_a_command_terminates_the_run(
    env: TestWorkflowEnvironment,
) -> TestResult {
    for (number, (cause, command)) in too_large().into_iter().enumerate() {
        let id = format!("{number} {cause:?}");
        start(&env, by_hand(&id)).await?;
        let refused = complete_task(&env, &take_task(&env).await?, vec![command])
            .await
            .unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
        assert!(
            refused.message().contains("exceeds size limit"),
            "{id}: {refused:?}"
        );
        let history = env.history(&id);
        assert_eq!(
            history.event_types()[3..],
            [
                EventType::WorkflowTaskFailed,
                EventType::WorkflowExecutionTerminated
            ],
            "{id}"
        );
        let failed = &events!(history, WorkflowTaskFailedEventAttributes)[0];
        assert_eq!(failed.cause(), cause, "{id}");
        let failure = failed.failure.as_ref().unwrap();
        assert_eq!(
            failure.message,
            refused.message(),
            "{id}: the worker gets the same cause"
        );
        assert_eq!(
            events!(history, WorkflowExecutionTerminatedEventAttributes)[0].reason,
            failure.message
        );
    }
    Ok(())
}

#[workflow_test]
async fn two_thousand_activities_may_be_pending(env: TestWorkflowEnvironment) -> TestResult {
    start(&env, by_hand("one")).await?;
    let commands = |count| {
        (1..=count)
            .map(|id| Attributes::ScheduleActivityTaskCommandAttributes(schedule_activity(id)))
    };
    let refused = complete_task(&env, &take_task(&env).await?, commands(2001).collect())
        .await
        .unwrap_err();
    assert!(
        refused
            .message()
            .starts_with("PendingActivitiesLimitExceeded"),
        "{refused:?}"
    );
    let failed = events!(env.history("one"), WorkflowTaskFailedEventAttributes);
    assert_eq!(failed[0].cause(), Cause::PendingActivitiesLimitExceeded);
    complete_task(&env, &take_task(&env).await?, commands(2000).collect()).await?;
    Ok(())
}

#[workflow_test]
async fn a_command_that_closes_the_run_must_be_the_last(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start(&env, by_hand("one")).await?;
    let task = take_task(&env).await?;
    let complete = Attributes::CompleteWorkflowExecutionCommandAttributes(
        CompleteWorkflowExecutionCommandAttributes::default(),
    );
    let timer = Attributes::StartTimerCommandAttributes(StartTimerCommandAttributes {
        timer_id: "1".to_owned(),
        start_to_fire_timeout: Duration::from_secs(1).try_into().ok(),
    });
    let before = env.history("one").event_types();
    let refused = complete_task(&env, &task, vec![complete.clone(), timer.clone()])
        .await
        .unwrap_err();
    assert_eq!(
        refused.message(),
        "invalid command sequence: [CompleteWorkflowExecution, StartTimer], \
         command CompleteWorkflowExecution must be the last command."
    );
    assert_eq!(
        env.history("one").event_types(),
        before,
        "the task is still under way"
    );
    complete_task(&env, &task, vec![timer, complete]).await?;
    assert_eq!(
        *env.history("one").event_types().last().unwrap(),
        EventType::WorkflowExecutionCompleted
    );
    Ok(())
}
