//! Requests about batch operations: descriptions, lists, stops, and mistakes.

use pretty_assertions::assert_eq;

use super::*;

#[test]
fn a_job_is_described_and_listed_while_it_runs_and_after() {
    let mut world = world();
    world.call(job(termination())).unwrap();
    let started = describe(&mut world);
    assert_eq!(
        (started.operation_type(), started.state()),
        (
            BatchOperationType::TerminateWorkflow,
            BatchOperationState::Running
        )
    );
    assert_eq!(
        (&*started.identity, &*started.reason, &*started.query),
        ("ann", "the shop is closed", ALL)
    );
    assert_eq!(started.close_time, None);
    world.pass(0);
    assert!(describe(&mut world).close_time.is_some());
    world.pass(1_000);
    let second = StartBatchOperationRequest {
        job_id: "second".to_owned(),
        ..job(signal())
    };
    world.call(second).unwrap();
    let list = ListBatchOperationsRequest {
        namespace: "default".to_owned(),
        page_size: 1,
        ..ListBatchOperationsRequest::default()
    };
    let Ok(Response::ListBatchOperations(first)) = world.call(list.clone()) else {
        panic!("not a list")
    };
    assert_eq!(first.operation_info[0].job_id, "second");
    let rest = ListBatchOperationsRequest {
        next_page_token: first.next_page_token,
        ..list
    };
    let Ok(Response::ListBatchOperations(rest)) = world.call(rest) else {
        panic!("not a list")
    };
    assert_eq!(rest.operation_info.len(), 1);
    assert_eq!(rest.operation_info[0].job_id, "job");
    assert_eq!(
        rest.operation_info[0].state(),
        BatchOperationState::Completed
    );
}

#[test]
fn a_job_that_is_stopped_does_no_more() {
    let mut world = world();
    world.call(job(termination())).unwrap();
    let stop = StopBatchOperationRequest {
        namespace: "default".to_owned(),
        job_id: "job".to_owned(),
        reason: "a mistake".to_owned(),
        identity: "ann".to_owned(),
    };
    world.call(stop.clone()).unwrap();
    world.pass(1_000);
    assert_eq!(world.service.open_executions(), 3);
    let stopped = describe(&mut world);
    assert_eq!(stopped.state(), BatchOperationState::Failed);
    assert_eq!(stopped.total_operation_count, 0);
    let words = |text: &str| (Code::NotFound, text.to_owned());
    assert_eq!(
        refused(&mut world, stop.clone()),
        words("workflow execution already completed")
    );
    let unknown = StopBatchOperationRequest {
        job_id: "unknown".to_owned(),
        ..stop
    };
    assert_eq!(
        refused(&mut world, unknown),
        words("workflow not found for ID: unknown")
    );
}

#[test]
fn one_job_runs_at_a_time_and_its_id_is_used_once() {
    let mut world = world();
    world.call(job(termination())).unwrap();
    let second = StartBatchOperationRequest {
        job_id: "second".to_owned(),
        ..job(termination())
    };
    let busy = "Max concurrent batch operations is reached";
    assert_eq!(
        refused(&mut world, second.clone()),
        (Code::ResourceExhausted, busy.to_owned())
    );
    world.pass(0);
    let (code, message) = refused(&mut world, job(termination()));
    assert_eq!(code, Code::AlreadyExists);
    assert!(
        message.starts_with("Workflow execution already finished. WorkflowId: job, RunId: "),
        "{message}"
    );
    world.call(second).unwrap();
    world.pass(0);
    let of_a_workflow = StartBatchOperationRequest {
        job_id: "closed".to_owned(),
        ..job(termination())
    };
    assert_eq!(refused(&mut world, of_a_workflow).0, Code::AlreadyExists);
}

#[test]
fn a_query_is_checked_when_the_job_starts_and_its_attributes_when_it_runs() {
    let mut world = World::with(crate::ServiceConfig {
        search_attributes: crate::SearchAttributeRegistry::empty(),
        ..crate::ServiceConfig::default()
    });
    let broken = StartBatchOperationRequest {
        visibility_query: "()".to_owned(),
        ..job(termination())
    };
    let (code, message) = refused(&mut world, broken);
    assert_eq!(code, Code::InvalidArgument);
    assert_eq!(
        message,
        "invalid visibility query: syntax error at position 27 near '()'"
    );
    let unknown = StartBatchOperationRequest {
        visibility_query: "Nobody = 'knows'".to_owned(),
        ..job(termination())
    };
    assert_eq!(
        run(&mut world, unknown),
        (BatchOperationState::Failed, [0, 0, 0])
    );
}

#[test]
fn a_job_needs_an_operation_a_reason_and_one_selection() {
    let mut world = world();
    let incomplete = "must provide required parameters: BatchType,Reason,Namespace, AND one of \
                      (Query OR Executions OR TargetExecutions)";
    let of = |change: fn(&mut StartBatchOperationRequest)| {
        let mut request = job(termination());
        change(&mut request);
        request
    };
    let target = |execution_type: ExecutionType| Execution {
        r#type: execution_type.into(),
        business_id: "order-1".to_owned(),
        run_id: String::new(),
    };
    let mut both = job(termination());
    both.target_executions = vec![target(ExecutionType::Workflow)];
    let mut activity = of(|it| it.visibility_query.clear());
    activity.target_executions = vec![target(ExecutionType::Activity)];
    let mut of_workflow = StartBatchOperationRequest {
        visibility_query: String::new(),
        ..job(Operation::TerminateActivitiesOperation(
            BatchOperationTerminateActivities::default(),
        ))
    };
    of_workflow.target_executions = vec![target(ExecutionType::Workflow)];
    let cases = [
        (of(|it| it.operation = None), incomplete),
        (of(|it| it.reason.clear()), incomplete),
        (of(|it| it.visibility_query.clear()), incomplete),
        (of(|it| it.job_id.clear()), "JobId is not set on request."),
        (
            both,
            "visibility query, executions, and target executions are mutually exclusive",
        ),
        (
            activity,
            "target_executions[0] has type Activity, but operation \
             *workflowservice.StartBatchOperationRequest_TerminationOperation requires Workflow",
        ),
        (
            of_workflow,
            "target_executions[0] has type Workflow, but operation \
             *workflowservice.StartBatchOperationRequest_TerminateActivitiesOperation requires \
             Activity",
        ),
        (
            job(Operation::SignalOperation(BatchOperationSignal::default())),
            "must provide signal name",
        ),
        (
            job(Operation::ResetOperation(BatchOperationReset::default())),
            "unknown batch reset type Unspecified",
        ),
        (
            job(Operation::UnpauseActivitiesOperation(
                BatchOperationUnpauseActivities::default(),
            )),
            "activity filter must be set",
        ),
        (
            job(Operation::ResetActivitiesOperation(
                BatchOperationResetActivities::default(),
            )),
            "must provide ActivityType or MatchAll",
        ),
        (
            job(Operation::UpdateActivityOptionsOperation(
                BatchOperationUpdateActivityOptions::default(),
            )),
            "Either activity type must be set, or restore original should be set to true",
        ),
    ];
    for (request, message) in cases {
        assert_eq!(
            refused(&mut world, request),
            (Code::InvalidArgument, message.to_owned())
        );
    }
}
