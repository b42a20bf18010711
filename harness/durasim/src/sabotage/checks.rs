//! Probes of the checks and the verdicts: each finds a flaw, and finds none once it is broken.

use std::time::Duration;

use durasim_engine::Looks;
use futures::{FutureExt, future::pending};
use temporalio_client::{WorkflowGetResultOptions, WorkflowStartOptions};

use super::{
    payments::{Outcome, SILENT},
    proof::{probes, shown},
    shop::{Fickle, Purchase, Till, buy, fails_with, fickle},
};
use crate::{
    Fault, FaultProfile, History, Limits, TestError,
    advanced::WorldOptions,
    broken::Sabotage,
    checks::{self, Sometimes},
    options::TestOptions,
    report::FailureCode,
    runner::{self, TestCase},
};

/// Returns options of a world in which a charge loses its completion, and is then made again.
fn charged_again() -> WorldOptions {
    WorldOptions {
        faults: Fault::activity_completion_lost()
            .of_activity(Till::charge)
            .into(),
        ..WorldOptions::default()
    }
}

/// Returns options with few steps, for worlds that would not end once their verdict is broken.
fn short() -> WorldOptions {
    WorldOptions {
        limits: Limits {
            max_steps: 500,
            ..Limits::default()
        },
        ..WorldOptions::default()
    }
}

fn without_replay() -> WorldOptions {
    WorldOptions {
        replay: false,
        ..short()
    }
}

/// Code that looks at nothing besides its history is replayed once: tosses cost time.
#[test]
fn a_sound_workflow_tosses_no_coins() {
    let report = Outcome::of(SILENT, FaultProfile::none())
        .expect("it is sound")
        .report;
    let (differs, looks) = checks::replay::replay_all(&report, &WorldOptions::default(), 0, false);
    assert!(differs.is_none());
    assert_eq!(looks, Looks::default());
}

probes! {
    a_replay_at_the_end_that_issues_other_commands_is_caught,
    breaks Sabotage::Check(FailureCode::Replay) => || fails_with(
        FailureCode::Replay,
        WorldOptions::default(),
        |env| fickle(env, "instance", ""),
    );

    a_rebuild_after_an_eviction_that_issues_other_commands_is_caught,
    breaks Sabotage::RebuildComparison => || fails_with(
        FailureCode::Replay,
        WorldOptions { faults: Fault::cache_eviction().nth(2).into(), ..without_replay() },
        |env| fickle(env, "instance", ""),
    );

    a_rebuild_for_a_query_that_issues_other_commands_is_caught,
    breaks Sabotage::RebuildComparison => || fails_with(
        FailureCode::Replay,
        WorldOptions { faults: Fault::cache_eviction().into(), ..without_replay() },
        |env| fickle(env, "instance", ""),
    );

    a_workflow_that_reads_the_clock_is_caught_by_another_clock,
    breaks Sabotage::ReplayAmbient => || fails_with(
        FailureCode::Replay,
        WorldOptions::default(),
        |env| fickle(env, "clock", ""),
    );

    // The first replay is an even number of days away.
    a_workflow_that_reads_the_clock_is_caught_though_one_replay_does_the_same,
    breaks Sabotage::Tosses => || fails_with(
        FailureCode::Replay,
        WorldOptions::default(),
        |env| fickle(env, "odd days", ""),
    );

    a_workflow_that_starts_a_thread_is_caught,
    breaks Sabotage::ThreadStarts => || fails_with(
        FailureCode::Escape,
        WorldOptions::default(),
        |env| fickle(env, "thread", ""),
    );

    a_static_that_is_another_in_a_fresh_process_is_caught,
    breaks Sabotage::FreshProcess => || {
        let body = |env| fickle(env, "static", "").boxed_local();
        let case = TestCase {
            name: concat!(
                module_path!(),
                "::a_static_that_is_another_in_a_fresh_process_is_caught"
            ),
            file: file!(),
            line: line!(),
            manifest_dir: "",
            options: TestOptions::new(),
        };
        runner::answer(&case, &body);
        let world = crate::advanced::run_world(&body, &WorldOptions::default());
        let found = runner::check_in_fresh_process(&case, &world);
        shown(found.is_err(), || "the set has the same order".into())
    };

    a_history_that_core_cannot_replay_is_caught,
    breaks Sabotage::Check(FailureCode::CoreReplay) => || fails_with(
        FailureCode::CoreReplay,
        WorldOptions { core_replay: true, ..without_replay() },
        |env| fickle(env, "instance", ""),
    );

    an_observation_that_a_fault_changes_is_caught,
    breaks Sabotage::Check(FailureCode::Idempotency) => || fails_with(
        FailureCode::Idempotency,
        charged_again(),
        |env| async move {
            let till = Till::default();
            let charges = till.charges.clone();
            env.observe("charges", move || charges.get());
            buy(env, till, "calm").await.map(drop)
        },
    );

    an_effect_that_is_applied_twice_is_caught,
    breaks Sabotage::Check(FailureCode::EffectsOnce) => || fails_with(
        FailureCode::EffectsOnce,
        charged_again(),
        |env| async move {
            let till = Till::default().with_ledger(env.ledger("till"));
            buy(env, till, "calm").await.map(drop)
        },
    );

    a_mock_that_is_never_called_is_caught,
    breaks Sabotage::Check(FailureCode::Mocks) => || fails_with(
        FailureCode::Mocks,
        WorldOptions::default(),
        |env| async move {
            env.worker("shop")
                .mock_activity(Till::charge, |_| async { Ok(1) })
                .times(1..)
                .start()?;
            Ok(())
        },
    );

    a_workflow_that_never_recovers_from_a_fault_is_caught,
    breaks Sabotage::Check(FailureCode::Liveness) => || fails_with(
        FailureCode::Liveness,
        charged_again(),
        |env| async move {
            let till = Till::default();
            buy(env, till, "gives up when charged again").await.map(drop)
        },
    );

    a_workflow_that_recovers_too_slowly_is_caught,
    breaks Sabotage::Check(FailureCode::Recovery) => || fails_with(
        FailureCode::Recovery,
        charged_again(),
        |env| async move {
            env.recovers_within(Duration::from_secs(10));
            buy(env, Till::default(), "calm").await.map(drop)
        },
    );

    a_history_with_a_gap_is_caught,
    breaks Sabotage::Check(FailureCode::History) => || {
        let mut report = Outcome::of(SILENT, FaultProfile::none())?.report;
        let history = &report.histories[0];
        let mut events = history.shared().to_vec();
        events.remove(2);
        let (workflow_id, run_id) = (history.workflow_id(), history.run_id());
        report.histories[0] = History::new(workflow_id.to_owned(), run_id.to_owned(), events);
        let found = checks::of_histories(&report, &without_replay());
        let is_missed = found.is_some_and(|failure| failure.code == FailureCode::History);
        shown(is_missed, || "no check misses the event".into())
    };

    an_invariant_that_breaks_is_caught,
    breaks Sabotage::Check(FailureCode::Invariant) => || fails_with(
        FailureCode::Invariant,
        charged_again(),
        |env| async move {
            let till = Till::default();
            let charges = till.charges.clone();
            env.invariant("one charge at most", move || charges.get() <= 1);
            buy(env, till, "calm").await.map(drop)
        },
    );

    a_label_that_no_world_reaches_is_caught,
    breaks Sabotage::Check(FailureCode::Sometimes) => || {
        let body = |env: crate::TestWorkflowEnvironment| async move {
            env.sometimes("refunded", false);
            Ok(())
        }.boxed_local();
        let mut sometimes = Sometimes::default();
        let world = crate::advanced::run_world(&body, &WorldOptions::default());
        sometimes.world(&world.labels, world.steps);
        let found = checks::of_search(&sometimes);
        shown(found.is_some(), || "no check misses the label".into())
    };

    a_test_that_panics_fails,
    breaks Sabotage::Verdict(FailureCode::Panic) => || fails_with(
        FailureCode::Panic,
        short(),
        |_| async { panic!("as asked") },
    );

    a_test_that_returns_an_error_fails,
    breaks Sabotage::Verdict(FailureCode::Error) => || fails_with(
        FailureCode::Error,
        short(),
        |_| async { Err(TestError::from("as asked")) },
    );

    a_test_that_waits_for_nothing_is_stuck,
    breaks Sabotage::Verdict(FailureCode::Stuck) => || fails_with(
        FailureCode::Stuck,
        short(),
        |_| pending(),
    );

    a_world_beyond_its_limit_is_ended,
    breaks Sabotage::Verdict(FailureCode::Limit) => || fails_with(
        FailureCode::Limit,
        WorldOptions {
            limits: Limits { max_virtual_ms: 1_000, ..Limits::default() },
            ..WorldOptions::default()
        },
        |env| async move {
            let till = Till::default();
            buy(env, till, "calm").await.map(drop)
        },
    );

    a_workflow_that_no_worker_has_is_reported,
    breaks Sabotage::Verdict(FailureCode::Unregistered) => || fails_with(
        FailureCode::Unregistered,
        short(),
        |env| async move {
            env.worker("shop").workflow::<Purchase>().start()?;
            let options = WorkflowStartOptions::new("shop", "fickle-1").build();
            let about = "instance".to_owned();
            let fickle = env.client().start_workflow(Fickle::run, about, options).await?;
            fickle.get_result(WorkflowGetResultOptions::default()).await?;
            Ok(())
        },
    );

    a_workflow_that_panics_on_every_attempt_fails,
    breaks Sabotage::Verdict(FailureCode::WorkflowTask) => || fails_with(
        FailureCode::WorkflowTask,
        short(),
        |env| async move {
            buy(env, Till::default(), "panics").await.map(drop)
        },
    );

    an_activity_that_cannot_be_simulated_is_named,
    breaks Sabotage::Verdict(FailureCode::Escape) => || fails_with(
        FailureCode::Escape,
        short(),
        |env| async move {
            let till = Till::default();
            buy(env, till, "beats with what nobody knows").await.map(drop)
        },
    );

    a_fault_placed_by_hand_that_does_not_happen_is_reported,
    breaks Sabotage::Verdict(FailureCode::Setup) => || fails_with(
        FailureCode::Setup,
        charged_again(),
        |_| async { Ok(()) },
    );
}
