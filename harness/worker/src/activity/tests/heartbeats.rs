//! Heartbeat details, from one attempt to the next.

use super::*;

#[test]
fn heartbeat_details_reach_the_host_and_the_next_attempt() {
    let definitions = shop();
    let (outcome, beats) = beating(&definitions, attempt("Shop::resume", payloads(&3_u32)));
    assert_eq!(value::<u32>(result_of(&outcome)), 3);
    assert_eq!(beats.len(), 1);

    let mut next = task("Shop::resume", payloads(&4_u32));
    next.heartbeat_details = beats.into_iter().next();
    let next = ActivityAttempt::new(next, "shops", Arc::new(|| 0));
    let (outcome, beats) = beating(&definitions, next);
    assert_eq!(value::<u32>(result_of(&outcome)), 7);
    assert_eq!(beats.iter().map(value::<u32>).collect::<Vec<_>>(), [7]);
}

#[test]
fn heartbeat_details_of_an_unknown_type_are_a_fault_until_it_is_registered() {
    let mut definitions = shop();
    let (outcome, beats) = beating(&definitions, attempt("Shop::report", payloads(&())));
    let fault = ActivityFault::UnknownHeartbeatDetails {
        activity_type: "Shop::report".into(),
        task_queue: "shops".into(),
    };
    assert_eq!((outcome, beats), (ActivityOutcome::Fault(fault), vec![]));

    definitions.heartbeat_details::<Progress>();
    let (outcome, beats) = beating(&definitions, attempt("Shop::report", payloads(&())));
    assert!(matches!(outcome, ActivityOutcome::Completed(_)));
    assert_eq!(
        beats.iter().map(value::<Progress>).collect::<Vec<_>>(),
        [Progress { page: 7 }]
    );
}

#[test]
fn mocks_record_heartbeats_of_any_type() {
    let mut definitions = ActivityDefinitions::default();
    definitions
        .mock(&Shop::report, |call| async move {
            assert_eq!(call.heartbeat_details::<Progress>()?, None);
            call.record_heartbeat(&Progress { page: 1 });
            call.record_heartbeat(&Progress { page: 2 });
            Ok(())
        })
        .expect("it is mocked once");
    let (_, beats) = beating(&definitions, attempt("Shop::report", payloads(&())));
    let pages: Vec<_> = beats
        .iter()
        .map(|beat| value::<Progress>(beat).page)
        .collect();
    assert_eq!(pages, [1, 2]);
}
