//! Probes of the mechanisms under faults and checks: budget, shrinking, the hash of a trace, and so
//! on.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use durasim_engine::{Point, Tape, TapeEntry, TraceHash};
use futures::{FutureExt, future::LocalBoxFuture};

use super::{
    payments::{LOUD, Outcome, SILENT, Story, kinds},
    proof::{Evidence, probes, shown},
    shop::{Till, buy, fickle},
};
use crate::{
    Exhaustive, Fault, FaultKind, FaultProfile, TestResult, TestWorkflowEnvironment,
    advanced::{Campaign, ChoiceSource, TestOptions, WorldOptions, WorldReport, run_world},
    broken::Sabotage,
    faults::is_fault_site,
    report::{FailureCode, FailureReport},
    runner::{TestCase, run_test},
};

/// Runs the worlds of the seeds below `seeds`.
fn worlds(story: Story, profile: &FaultProfile, seeds: u64) -> Result<Vec<WorldReport>, String> {
    let world = |seed| Outcome::with(story, profile.clone(), ChoiceSource::Seed(seed));
    (0..seeds)
        .map(|seed| world(seed).map(|outcome| outcome.report))
        .collect()
}

/// Returns a profile in which this kind alone happens, as often as it may.
fn certain(kind: FaultKind) -> FaultProfile {
    FaultProfile::none()
        .with_odds(kind, 1.0)
        .max_faults(u32::MAX)
}

/// Returns a profile in which these kinds happen with this probability.
fn likely(kinds: impl IntoIterator<Item = FaultKind>, probability: f64) -> FaultProfile {
    let none = FaultProfile::none();
    kinds
        .into_iter()
        .fold(none, |profile, kind| profile.with_odds(kind, probability))
}

/// Returns `true` if a fault of this kind happened.
fn happened(report: &WorldReport, kind: FaultKind) -> bool {
    report
        .tape
        .entries
        .iter()
        .any(|entry| entry.point.site == kind.site())
}

/// Runs a test as `#[workflow_test]` does, without printing.
fn searched<F>(
    case: &TestCase,
    test: impl Fn(TestWorkflowEnvironment) -> F + Send + Sync + 'static,
) -> Option<FailureReport>
where
    F: Future<Output = TestResult> + 'static,
{
    let body = move |env| -> LocalBoxFuture<'static, TestResult> { test(env).boxed_local() };
    run_test(case, &body).err().map(|report| *report)
}

/// A test that fails in worlds in which four actors come in the opposite order.
async fn races(env: TestWorkflowEnvironment) -> TestResult {
    let order = Rc::new(RefCell::new(Vec::new()));
    for actor in 1..=4 {
        let order = order.clone();
        env.spawn(async move { order.borrow_mut().push(actor) });
    }
    env.sleep(Duration::from_secs(1)).await;
    assert_ne!(*order.borrow(), [4, 3, 2, 1]);
    Ok(())
}

/// Returns the hash of the world of a test without faults.
fn hash<F>(
    choices: ChoiceSource,
    test: impl Fn(TestWorkflowEnvironment) -> F + Send + Sync + 'static,
) -> TraceHash
where
    F: Future<Output = TestResult> + 'static,
{
    let body = move |env| -> LocalBoxFuture<'static, TestResult> { test(env).boxed_local() };
    run_world(
        &body,
        &WorldOptions {
            choices,
            replay: false,
            ..WorldOptions::default()
        },
    )
    .trace_hash()
}

fn differ(left: TraceHash, right: TraceHash) -> Evidence {
    shown(left != right, || {
        "two different worlds have the same hash".to_owned()
    })
}

/// A tape in which the second of two actors that do nothing comes first.
fn swapped() -> Tape {
    let point = Point::new("task.next", "", 0);
    let entry = TapeEntry {
        point,
        arity: 2,
        value: 1,
        at_ms: 0,
        words: String::new(),
    };
    Tape {
        seed: None,
        entries: vec![entry],
    }
}

async fn idlers(env: TestWorkflowEnvironment) -> TestResult {
    for _ in 0..2 {
        env.spawn(async {});
    }
    Ok(())
}

probes! {
    no_more_faults_happen_than_the_budget_allows,
    breaks Sabotage::Budget => || {
        let profile = FaultProfile::all().swarm(false).max_faults(2);
        let most = worlds(LOUD, &profile, 20)?.iter().map(|report| report.faults).max();
        shown(most == Some(2), || format!("{most:?} faults happened"))
    };

    a_worker_that_shuts_down_asks_its_attempts_to_stop_after_a_while,
    breaks Sabotage::GracePeriod => || {
        let body = |env: TestWorkflowEnvironment| async move {
            let began = env.now();
            let attempts = buy(env.clone(), Till::default(), "stops when asked to").await?;
            assert_eq!(attempts, Some(2));
            // Five seconds until it charges, five until it is asked to stop, and one to try again.
            assert_eq!(env.now().duration_since(began)?.as_secs(), 11);
            Ok(())
        }.boxed_local();
        let faults = Fault::worker_shutdown().during_activity(Till::charge).into();
        let options = WorldOptions { faults, ..WorldOptions::default() };
        run_world(&body, &options).failure.map_or(Ok(()), |failure| Err(failure.to_string()))
    };

    a_worker_takes_no_more_tasks_than_it_has_slots,
    breaks Sabotage::Slots => || {
        let story = Story { payments: 101, ..SILENT };
        let log = Outcome::of(story, FaultProfile::none())?.log;
        let at_once = log.iter().take_while(|line| *line == "begin 1").count();
        shown(at_once == 100, || format!("{at_once} attempts run at once"))
    };

    no_fault_happens_after_the_time_at_which_the_world_heals,
    breaks Sabotage::HealTime => || {
        let story = Story { notes: &["late"], ..SILENT };
        let profile = certain(FaultKind::SignalDelay).heal_after(Duration::from_mins(30));
        let count: u32 = worlds(story, &profile, 4)?.iter().map(|report| report.faults).sum();
        shown(count == 0, || format!("{count} faults happened"))
    };

    each_fault_lets_a_run_go_on_after_a_few_times_in_a_row,
    breaks Sabotage::Setbacks => || {
        for kind in kinds() {
            let worlds = worlds(LOUD, &certain(kind), 8)?;
            let faults: u32 = worlds.iter().map(|report| report.faults).sum();
            shown(faults > 0, || format!("{kind} never happened"))?;
        }
        Ok(())
    };

    all_faults_together_let_a_sound_workflow_finish,
    breaks Sabotage::Setbacks => || {
        let kinds = kinds().filter(|kind| *kind != FaultKind::WorkerDeploy);
        let profile = likely(kinds, 0.9);
        worlds(LOUD, &FaultProfile::all(), 60)?;
        worlds(LOUD, &profile.swarm(false).max_faults(u32::MAX), 8).map(drop)
    };

    the_last_attempt_that_a_policy_allows_is_spared,
    breaks Sabotage::Tolerance => || {
        let body = |env: TestWorkflowEnvironment| async move {
            let attempts = buy(env, Till::default(), "cannot be charged three times").await?;
            assert_eq!(attempts, Some(2));
            Ok(())
        }.boxed_local();
        let faults = certain(FaultKind::ActivityFailure);
        let choices = ChoiceSource::Seed(0);
        let options = WorldOptions { choices, faults, ..WorldOptions::default() };
        run_world(&body, &options).failure.map_or(Ok(()), |failure| Err(failure.to_string()))
    };

    a_world_has_some_of_the_faults_and_not_others,
    breaks Sabotage::Swarm => || {
        let kinds = [FaultKind::ActivityFailure, FaultKind::CacheEviction, FaultKind::SignalDelay];
        let profile = likely(kinds, 1.0);
        let worlds = worlds(LOUD, &profile, 16)?;
        for kind in kinds {
            let with = worlds.iter().filter(|report| happened(report, kind)).count();
            shown((1..16).contains(&with), || format!("{kind} happened in {with} of 16 worlds"))?;
        }
        Ok(())
    };

    the_report_of_a_failure_shows_only_the_faults_that_it_takes,
    breaks Sabotage::Shrinking => || {
        let body = |env: TestWorkflowEnvironment| async move {
            let till = Till::default().with_ledger(env.ledger("till"));
            buy(env, till, "calm").await.map(drop)
        }.boxed_local();
        let faults = FaultProfile::all().swarm(false);
        let campaign = Campaign::new(&body, WorldOptions { faults, ..WorldOptions::default() });
        let failed = (0..500)
            .map(|seed| campaign.seed(seed))
            .find(|it| it.failure.is_some() && it.faults > 2)
            .ok_or("no seed fails with three faults")?;
        let report = campaign.shrink(&failed);
        let smallest = report.found.tape.ok_or("it takes no choice")?.entries;
        let is_one_fault = smallest.len() == 1 && is_fault_site(&smallest[0].point.site);
        shown(is_one_fault, || format!("it takes more than one fault: {smallest:?}"))
    };

    a_failure_found_before_is_run_again_first,
    breaks Sabotage::SavedFailures => || {
        let case = TestCase::in_a_new_package("races", TestOptions::new().seeds(500));
        let found = searched(&case, races).ok_or("nothing was found")?;
        shown(found.found.spent.worlds > 1, || "the first seed fails already".to_owned())?;
        let again = searched(&case, races).ok_or("it is not found again")?;
        let worlds = again.found.spent.worlds;
        shown(worlds == 1, || format!("found again only in world {worlds}"))
    };

    a_seed_that_does_not_bring_its_failure_back_is_unrepeatable,
    breaks Sabotage::Repetition => || {
        let worlds = AtomicU32::new(0);
        let case = TestCase::in_a_new_package("flips", TestOptions::new().seeds(8));
        let failure = searched(&case, move |_| {
            let world = worlds.fetch_add(1, Ordering::Relaxed);
            async move {
                assert_eq!(world % 2, 0);
                Ok(())
            }
        });
        let code = failure.map(|report| report.failure.code);
        let is_so = code == Some(FailureCode::Unrepeatable);
        shown(is_so, || format!("it is reported as {code:?}"))
    };

    a_search_by_seeds_begins_with_the_plans_of_one_fault,
    breaks Sabotage::SingleFaults => || {
        let faults = FaultProfile::none().with_odds(FaultKind::ActivityCompletionLost, 0.001);
        let options = TestOptions::new().faults(faults).seeds(8);
        let case = TestCase::in_a_new_package("is_lost", options);
        let failure = searched(&case, |env| async move {
            assert_eq!(buy(env, Till::default(), "calm").await?, Some(1));
            Ok(())
        });
        shown(failure.is_some(), || "no completion is lost".to_owned())
    };

    every_plan_of_two_faults_is_explored,
    breaks Sabotage::Exploration => || {
        let faults = FaultProfile::none().with(FaultKind::ActivityFailure);
        let options = TestOptions::new().faults(faults).explore(Exhaustive::faults(2));
        let case = TestCase::in_a_new_package("charges_twice_at_most", options);
        let failure = searched(&case, |env| async move {
            assert_ne!(buy(env, Till::default(), "calm").await?, Some(3));
            Ok(())
        });
        shown(failure.is_some(), || "the third attempt is never reached".to_owned())
    };

    the_hash_covers_what_queries_answer,
    breaks Sabotage::TraceOfAnswers => || differ(
        hash(ChoiceSource::Benign, |env| fickle(env, "instance", "one answer")),
        hash(ChoiceSource::Benign, |env| fickle(env, "instance", "another")),
    );

    the_hash_covers_histories_to_the_byte,
    breaks Sabotage::TraceOfHistories => || differ(
        hash(ChoiceSource::Benign, |env| async move {
            buy(env, Till::default(), "calm").await.map(drop)
        }),
        hash(ChoiceSource::Benign, |env| async move {
            buy(env, Till::default(), "serene").await.map(drop)
        }),
    );

    the_hash_covers_choices_that_change_nothing_else,
    breaks Sabotage::TraceOfChoices => || differ(
        hash(ChoiceSource::Benign, idlers),
        hash(ChoiceSource::Tape(swapped()), idlers),
    );
}
