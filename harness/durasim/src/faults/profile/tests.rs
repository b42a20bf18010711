use super::*;

#[test]
fn a_profile_reads_as_what_it_was_made_from_and_how_it_differs() {
    let words = |profile: FaultProfile| profile.to_string();
    assert_eq!(words(FaultProfile::none()), "none");
    assert_eq!(words(FaultProfile::all()), "all");
    assert_eq!(
        words(FaultProfile::crashes().max_faults(1)),
        "crashes, at most 1 fault"
    );
    assert_eq!(
        words(FaultProfile::messages().with_odds(FaultKind::SignalDelay, 0.0)),
        "messages but signal_delay"
    );
    assert_eq!(
        words(
            FaultProfile::none()
                .with_odds(FaultKind::WorkerCrash, 0.5)
                .and(Fault::cache_eviction())
        ),
        "none, with worker_crash at 0.5, and cache_eviction"
    );
    assert_eq!(
        words(FaultProfile::activities().heal_after(Duration::from_secs(90))),
        "activities, healed after 1m30s"
    );
}

#[test]
fn several_faults_placed_by_hand_are_a_profile() {
    let profile = FaultProfile::from([Fault::worker_crash(), Fault::cache_eviction()]);
    assert_eq!(
        profile.to_string(),
        "none, and worker_crash, and cache_eviction"
    );
}

#[test]
fn duplicated_signals_and_exhausted_retries_have_to_be_asked_for() {
    let asked_for = [FaultKind::SignalDuplicate, FaultKind::RetriesExhausted];
    for kind in FaultKind::ALL {
        assert_eq!(
            FaultProfile::all().odds_of(kind) > 0.0,
            !asked_for.contains(&kind)
        );
    }
    assert!(
        FaultProfile::all()
            .with(FaultKind::SignalDuplicate)
            .odds_of(FaultKind::SignalDuplicate)
            > 0.0
    );
}

#[test]
fn a_weight_multiplies_the_default_odds_up_to_certainty() {
    let default = FaultKind::WorkerCrash.rule().odds();
    let of = |weight| {
        FaultProfile::none()
            .with_weight(FaultKind::WorkerCrash, weight)
            .odds_of(FaultKind::WorkerCrash)
    };
    assert!((of(2.0) - 2.0 * default).abs() < 1e-9);
    assert!((of(1e6) - 1.0).abs() < 1e-9);
    assert!(
        FaultProfile::none()
            .with_weight(FaultKind::WorkerCrash, 0.0)
            .is_none()
    );
}

#[test]
#[should_panic(expected = "the odds of worker_crash must be between 0 and 1, not 2")]
fn odds_above_certainty_are_refused() {
    let _ = FaultProfile::none().with_odds(FaultKind::WorkerCrash, 2.0);
}
