//! Each fault really happens: what it leaves behind is there with it, and is not there without it.
//!
//! Every test runs one world twice, fault-free and with one fault placed by hand, and looks for the same evidence in
//! both. A fault that did nothing would leave none.

use durasim::{
    ChoiceSource, Fault, FaultKind, FaultProfile, TestResult, WorldOptions, WorldReport, prelude::*,
    run_world,
};
use futures::{FutureExt, future::LocalBoxFuture};
use pretty_assertions::assert_eq;
use std::sync::{Arc, Mutex};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_protos::temporal::api::{
    enums::v1::EventType,
    history::v1::{HistoryEvent, history_event::Attributes},
};
use temporalio_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    workflows::select,
};

/// What the activity's code did, in order: `begin 1`, `end 1`.
type Log = Arc<Mutex<Vec<String>>>;

struct Bank {
    log: Log,
    version: &'static str,
}

#[activities]
impl Bank {
    /// Takes eight seconds, and beats every second.
    #[activity]
    async fn charge(self: Arc<Self>, ctx: ActivityContext, beats: bool) -> Result<String, ActivityError> {
        let attempt = ctx.info().attempt;
        self.log.lock().unwrap().push(format!("begin {attempt}"));
        for second in 1..=8_u32 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if beats {
                ctx.record_heartbeat(second).await?;
            }
        }
        self.log.lock().unwrap().push(format!("end {attempt}"));
        Ok(self.version.to_owned())
    }
}

/// Charges, then waits for so many notes, at most a day.
#[workflow]
#[derive(Default)]
struct Payment {
    notes: Vec<String>,
}

#[workflow_methods]
impl Payment {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, input: (bool, usize)) -> WorkflowResult<String> {
        let (beats, notes) = input;
        let retry = RetryPolicy::builder().initial_interval(Duration::from_secs(1)).build();
        let options =
            ActivityOptions::with_start_to_close_timeout(Duration::from_secs(20)).retry_policy(retry);
        let options =
            if beats { options.heartbeat_timeout(Duration::from_secs(3)).build() } else { options.build() };
        let charged = ctx.execute_activity(Bank::charge, beats, options).await?;
        select! {
            noted = ctx.wait_condition(move |state| state.notes.len() >= notes) => noted?,
            _ = ctx.timer(Duration::from_hours(24)) => {}
        }
        Ok(ctx.state(|state| format!("{charged}: {}", state.notes.join(" "))))
    }

    #[signal]
    fn note(&mut self, _ctx: &mut SyncWorkflowContext<Self>, note: String) {
        self.notes.push(note);
    }
}

/// One world: a payment that beats or does not, and the notes that are sent to it.
#[derive(Clone, Copy)]
struct Story {
    beats: bool,
    notes: &'static [&'static str],
}

const SILENT: Story = Story { beats: false, notes: &[] };

struct Outcome {
    report: WorldReport,
    log: Vec<String>,
    result: Option<String>,
}

impl Outcome {
    fn of(story: Story, faults: impl Into<FaultProfile>) -> Self {
        Self::with(story, faults, ChoiceSource::Benign)
    }

    fn with(story: Story, faults: impl Into<FaultProfile>, choices: ChoiceSource) -> Self {
        let log = Log::default();
        let result = Arc::new(Mutex::new(None));
        let (log_of_body, result_of_body) = (log.clone(), result.clone());
        let body = move |env: TestWorkflowEnvironment| {
            pay(env, story, log_of_body.clone(), result_of_body.clone()).boxed_local()
                as LocalBoxFuture<'static, _>
        };
        let mut options = WorldOptions::default();
        options.choices = choices;
        options.faults = faults.into();
        options.keep_trace = true;
        let report = run_world(&body, &options);
        if let Some(failure) = &report.failure {
            panic!("{failure:?}\n{}", report.tape);
        }
        let log = log.lock().unwrap().clone();
        let result = result.lock().unwrap().clone();
        Self { report, log, result }
    }

    fn events(&self) -> impl Iterator<Item = &HistoryEvent> {
        self.report.histories[0].events().iter()
    }

    fn count(&self, event_type: EventType) -> usize {
        self.events().filter(|event| event.event_type() == event_type).count()
    }

    fn traced(&self, kind: &str, text: &str) -> usize {
        self.report.trace.iter().filter(|entry| entry.kind == kind && entry.text.contains(text)).count()
    }

    fn plan(&self) -> Vec<&str> {
        self.report.tape.entries.iter().map(|entry| entry.words.as_str()).collect()
    }

    fn notes(&self) -> Vec<String> {
        let input = |event: &HistoryEvent| match &event.attributes {
            Some(Attributes::WorkflowExecutionSignaledEventAttributes(signaled)) => signaled.input.clone(),
            _ => None,
        };
        let text = |data: &[u8]| String::from_utf8_lossy(data).trim_matches('"').to_owned();
        self.events().filter_map(input).map(|input| text(&input.payloads[0].data)).collect()
    }
}

async fn pay(
    env: TestWorkflowEnvironment,
    story: Story,
    log: Log,
    result: Arc<Mutex<Option<String>>>,
) -> TestResult {
    let later = log.clone();
    env.worker("payments")
        .workflow::<Payment>()
        .activity(Bank::charge)
        .implementer(Bank { log, version: "paid" })
        .version("v2", move |code| {
            code.workflow::<Payment>()
                .activity(Bank::charge)
                .implementer(Bank { log: later.clone(), version: "paid by v2" })
        })
        .start()?;
    let options = WorkflowStartOptions::new("payments", "payment-1").build();
    let payment =
        env.client().start_workflow(Payment::run, (story.beats, story.notes.len()), options).await?;
    env.sleep(Duration::from_hours(1)).await;
    for note in story.notes {
        let client = env.client();
        env.spawn(async move {
            let payment = client.get_workflow_handle::<Payment>("payment-1");
            payment.signal(Payment::note, (*note).to_owned(), WorkflowSignalOptions::default()).await
        });
    }
    *result.lock().unwrap() = Some(payment.get_result(WorkflowGetResultOptions::default()).await?);
    Ok(())
}

/// The evidence is there with the fault, and not without it; and the fault has its line in the plan.
#[track_caller]
fn proves(story: Story, fault: Fault, words: &str, evidence: impl Fn(&Outcome) -> bool) {
    let struck = Outcome::of(story, fault);
    assert_eq!(struck.plan(), [words]);
    assert!(
        evidence(&struck),
        "the fault left nothing behind: {:?}\n{}",
        struck.log,
        struck.report.histories[0]
    );
    let spared = Outcome::of(story, FaultProfile::none());
    assert!(!evidence(&spared), "what the fault leaves behind is there without it too");
}

#[test]
fn a_worker_dies_after_an_activity_whose_effect_then_happens_twice() {
    let words = "crash worker payments after Bank::charge, attempt 1";
    proves(SILENT, Fault::worker_crash().after_activity(Bank::charge), words, |it| {
        it.log == ["begin 1", "end 1", "begin 2", "end 2"] && it.traced("worker", "dies") == 1
    });
}

#[test]
fn a_worker_dies_in_the_middle_of_an_activity() {
    let words = "crash worker payments during Bank::charge, attempt 1";
    proves(SILENT, Fault::worker_crash().during_activity(Bank::charge), words, |it| {
        it.log == ["begin 1", "begin 2", "end 2"] && it.traced("worker", "starts again") == 1
    });
}

#[test]
fn a_worker_dies_before_it_completes_a_workflow_task_which_times_out() {
    let words = "crash worker payments before it completes a workflow task of Payment#1";
    proves(SILENT, Fault::worker_crash().before_workflow_task(), words, |it| {
        it.traced("worker", "dies") == 1 && it.count(EventType::WorkflowTaskTimedOut) == 1
    });
}

#[test]
fn a_worker_dies_after_a_workflow_task_and_replays_the_run() {
    let words = "crash worker payments after a workflow task of Payment#1";
    proves(SILENT, Fault::worker_crash().after_workflow_task(), words, |it| {
        it.traced("worker", "starts again") == 1
            && it.log.last().is_some_and(|last| last == "end 1" || last == "end 2")
    });
}

#[test]
fn an_evicted_run_is_fetched_and_replayed() {
    let words = "evict Payment#1 from the cache of worker payments";
    proves(SILENT, Fault::cache_eviction(), words, |it| it.traced("send", "Payment#1/worker's history") > 0);
}

#[test]
fn a_lost_completion_makes_the_activity_run_again() {
    let words = "lose the completion of Bank::charge, attempt 1";
    proves(SILENT, Fault::activity_completion_lost().of_activity(Bank::charge), words, |it| {
        it.log == ["begin 1", "end 1", "begin 2", "end 2"] && it.traced("worker", "dies") == 0
    });
}

#[test]
fn two_attempts_run_side_by_side() {
    let words = "hold Bank::charge, attempt 1, at its first await until its retry runs beside it";
    proves(SILENT, Fault::activity_overlap().during_activity(Bank::charge), words, |it| {
        it.log.starts_with(&["begin 1".to_owned(), "begin 2".to_owned(), "end 2".to_owned()])
            || it.log.starts_with(&["begin 1".to_owned(), "begin 2".to_owned(), "end 1".to_owned()])
    });
}

#[test]
fn an_attempt_that_stood_still_before_its_code_begins_after_its_retry() {
    let words = "hold Bank::charge, attempt 1, before its code until its retry runs beside it";
    proves(SILENT, Fault::activity_overlap().before_activity(Bank::charge), words, |it| {
        it.log.starts_with(&["begin 2".to_owned(), "begin 1".to_owned()])
    });
}

#[test]
fn an_attempt_fails_before_its_code_runs() {
    let words = "fail Bank::charge, attempt 1, before its code runs";
    proves(SILENT, Fault::activity_failure().of_activity(Bank::charge), words, |it| {
        it.log == ["begin 2", "end 2"]
    });
}

#[test]
fn an_attempt_whose_heartbeats_are_lost_times_out_and_is_tried_again() {
    let beating = Story { beats: true, ..SILENT };
    let words = "lose the heartbeats of Bank::charge, attempt 1, from here on";
    proves(beating, Fault::heartbeat_loss().of_activity(Bank::charge), words, |it| {
        it.log.contains(&"begin 2".to_owned())
    });
}

#[test]
fn a_signal_held_by_events_loses_its_race_with_a_timer_of_a_day() {
    let story = Story { notes: &["late"], ..SILENT };
    let words = "hold signal note to Payment#1 until 3 more events have happened";
    proves(story, Fault::signal_delay().of_signal(Payment::note).by_events(3), words, |it| {
        it.count(EventType::TimerFired) == 1
    });
}

#[test]
fn a_signal_held_for_some_time_arrives_so_much_later() {
    let story = Story { notes: &["late"], ..SILENT };
    let words = "hold signal note to Payment#1 for 1h";
    let fault = Fault::signal_delay().of_signal(Payment::note).by(Duration::from_hours(1));
    proves(story, fault, words, |it| {
        let signaled =
            it.report.trace.iter().find(|entry| entry.kind == "deliver" && entry.text.contains("signal"));
        signaled.is_some_and(|entry| entry.at_ms >= durasim_engine::START_MS + 2 * 3_600_000)
    });
}

#[test]
fn a_signal_is_overtaken_by_the_next_one() {
    let story = Story { notes: &["first", "second"], ..SILENT };
    let words = "hold signal note to Payment#1 until the next signal has arrived, at most 8 events";
    proves(story, Fault::signal_reorder().of_signal(Payment::note), words, |it| {
        it.notes() == ["second", "first"] && it.result.as_deref() == Some("paid: second first")
    });
}

#[test]
fn a_signal_arrives_twice() {
    let story = Story { notes: &["once"], ..SILENT };
    let words = "send signal note to Payment#1 twice";
    proves(story, Fault::signal_duplicate().of_signal(Payment::note), words, |it| {
        it.notes() == ["once", "once"]
    });
}

#[test]
fn a_completion_held_for_some_time_arrives_so_much_later() {
    let fault = Fault::message_delay().at("workflow task completed").by(Duration::from_secs(5));
    let words = "hold the completion of a workflow task of Payment#1 for 5s";
    proves(SILENT, fault, words, |it| {
        it.report.virtual_ms % 3_600_000 >= 5_000 || first_task_took_ms(it) >= 5_000
    });
}

fn first_task_took_ms(outcome: &Outcome) -> u64 {
    let at = |event_type| {
        let event = outcome.events().find(|event| event.event_type() == event_type);
        event.and_then(|event| event.event_time).map_or(0, |at| at.seconds.unsigned_abs() * 1000)
    };
    at(EventType::WorkflowTaskCompleted).saturating_sub(at(EventType::WorkflowTaskStarted))
}

#[test]
fn a_workflow_task_times_out_and_is_done_again() {
    let words = "let a workflow task of Payment#1 time out, its answer too late";
    proves(SILENT, Fault::workflow_task_timeout(), words, |it| {
        it.count(EventType::WorkflowTaskTimedOut) == 1
    });
}

#[test]
fn a_workflow_task_fails_once_and_is_done_again() {
    let words = "fail a workflow task of Payment#1, once";
    proves(SILENT, Fault::workflow_task_failure(), words, |it| it.count(EventType::WorkflowTaskFailed) == 1);
}

#[test]
fn a_refused_call_is_made_again_and_counts_once() {
    let story = Story { notes: &["once"], ..SILENT };
    let words = "answer signal note to Payment#1 with UNAVAILABLE before it took effect";
    proves(story, Fault::client_unavailable().of_signal(Payment::note), words, |it| {
        it.traced("send", "Payment#1/signal note") == 2 && it.notes() == ["once"]
    });
}

#[test]
fn a_start_whose_answer_is_lost_is_made_again_and_counts_once() {
    let words = "answer the start of Payment#1 with UNAVAILABLE after it took effect";
    proves(SILENT, Fault::client_unavailable().at("Payment#1/start").after_effect(), words, |it| {
        it.traced("send", "Payment#1/start") == 2
            && it.traced("deliver", "Payment#1/start") == 2
            && it.report.histories.len() == 1
    });
}

#[test]
fn a_deployment_replaces_the_code_between_two_workflow_tasks() {
    let words = "deploy version v2 to worker payments after a workflow task of Payment#1";
    proves(SILENT, Fault::worker_deploy().after_workflow_task().to_version("v2"), words, |it| {
        it.traced("worker", "starts again v2") == 1 && it.result.as_deref() == Some("paid by v2: ")
    });
}

/// However often each fault may strike, it leaves a sound workflow its retries, and the world heals.
#[test]
fn every_fault_at_full_odds_lets_a_sound_workflow_finish() {
    let story = Story { beats: true, notes: &["a", "b"] };
    for kind in FaultKind::ALL {
        let profile = FaultProfile::none().with_odds(kind, 1.0).max_faults(u32::MAX);
        let mut struck = 0;
        for seed in 0..8 {
            let outcome = Outcome::with(story, profile.clone(), ChoiceSource::Seed(seed));
            struck += outcome.report.faults;
            assert!(outcome.result.is_some_and(|result| result.starts_with("paid")), "{kind}, seed {seed}");
        }
        assert!(struck > 0, "{kind} never struck");
    }
}

/// The same, all together, with the usual odds.
#[test]
fn all_faults_together_let_a_sound_workflow_finish() {
    let story = Story { beats: true, notes: &["a", "b"] };
    for seed in 0..100 {
        let outcome = Outcome::with(story, FaultProfile::all(), ChoiceSource::Seed(seed));
        assert!(outcome.result.is_some_and(|result| result.starts_with("paid")), "seed {seed}");
    }
}

#[test]
fn no_more_faults_strike_than_the_budget_allows() {
    let story = Story { beats: true, notes: &["a", "b"] };
    let profile = FaultProfile::all().swarm(false).max_faults(2);
    for seed in 0..20 {
        assert!(Outcome::with(story, profile.clone(), ChoiceSource::Seed(seed)).report.faults <= 2);
    }
}

#[test]
fn a_tape_brings_the_faults_of_a_seed_back() {
    let story = Story { beats: true, notes: &["a", "b"] };
    let of_seed = Outcome::with(story, FaultProfile::all().swarm(false), ChoiceSource::Seed(3));
    assert!(of_seed.report.faults > 0);
    let tape = ChoiceSource::Tape(of_seed.report.tape.clone());
    let of_tape = Outcome::with(story, FaultProfile::all().swarm(false), tape);
    assert_eq!(of_tape.report.tape.to_string(), of_seed.report.tape.to_string());
    assert_eq!(of_tape.log, of_seed.log);
}
