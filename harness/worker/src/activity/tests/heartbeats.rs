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

#[test]
fn code_that_its_host_stops_at_a_heartbeat_goes_no_further() {
    // Returns the heartbeats that are delivered, and the pages that the code has come to.
    let stopped = |at_heartbeat: AtHeartbeat| {
        let pages = Arc::new(Mutex::new(Vec::new()));
        let seen = pages.clone();
        let mut definitions = ActivityDefinitions::default();
        definitions
            .mock(&Shop::report, move |call| {
                let seen = seen.clone();
                async move {
                    for page in 1..=3_u32 {
                        seen.lock().unwrap().push(page);
                        call.record_heartbeat(&page);
                    }
                    Ok(())
                }
            })
            .expect("it is mocked once");
        let beats = Arc::new(Mutex::new(Vec::new()));
        let delivered = beats.clone();
        let mut attempt = attempt("Shop::report", payloads(&()));
        attempt.heartbeat = Arc::new(move |beat| delivered.lock().unwrap().push(beat));
        let count = Mutex::new(0);
        attempt.at_heartbeat = Arc::new(move || {
            let mut count = count.lock().unwrap();
            *count += 1;
            if *count == 2 {
                at_heartbeat
            } else {
                AtHeartbeat::GoOn
            }
        });
        let run = definitions.start(attempt).expect("it is registered");
        assert!(run.now_or_never().is_none() || at_heartbeat == AtHeartbeat::GoOn);
        let beats = beats.lock().unwrap().len();
        (beats, pages.lock().unwrap().clone())
    };
    assert_eq!(stopped(AtHeartbeat::GoOn), (3, vec![1, 2, 3]));
    assert_eq!(stopped(AtHeartbeat::Stop), (2, vec![1, 2]));
    assert_eq!(stopped(AtHeartbeat::StopBefore), (1, vec![1, 2]));
}
