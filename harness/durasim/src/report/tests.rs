//! One snapshot for each kind of failure that is no check's own, and the layout of reports.

use std::sync::Arc;

use durasim_engine::START_MS;
use durasim_events::HistoryEvent;
use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::enums::v1::EventType;

use super::*;
use crate::{
    limits::{LimitExceeded, Limits},
    outline::tests::payment,
};

pub(crate) fn name() -> WorkflowName {
    WorkflowName::new("PaymentWorkflow", "payment-1")
}

/// The history of a payment, as a run shares it.
fn events() -> Vec<Arc<HistoryEvent>> {
    payment().into_iter().map(Arc::new).collect()
}

pub(crate) fn line() -> SourceLine {
    SourceLine {
        file: "src/payments.rs".into(),
        line: 42,
    }
}

fn planned(at_ms: u64, words: &str) -> PlannedFault {
    PlannedFault {
        at_ms,
        words: words.into(),
        cure: None,
    }
}

const SLOW: &str = "the start of PaymentWorkflow#1 takes 40ms";

/// The report of a failure that a search found.
pub(crate) fn found(failure: Failure) -> FailureReport {
    let plan = FaultPlanWords {
        found: 12,
        faults: vec![
            planned(
                1_500,
                "crash worker payments after Payments::charge, attempt 1",
            ),
            planned(61_000, "hold signal confirm until after the next 4 events"),
        ],
        orderings: vec!["signal confirm to PaymentWorkflow#1 takes 40ms".into()],
        drifted: 0,
    };
    let found = Found {
        test: "payments::tests::payment_charges_once".into(),
        plan: Some(plan),
        spent: Spent {
            worlds: 18,
            steps: 5_120,
            shrink_runs: 14,
        },
        saved: Some("tests/payments.durasim-seeds".into()),
        seed: Some(17),
        ..Found::default()
    };
    FailureReport { failure, found }
}

/// The report of a failure in the fault-free world, which comes first.
fn found_at_once(failure: Failure) -> FailureReport {
    let found = Found {
        test: "payments::works".into(),
        test_line: Some(SourceLine {
            file: "tests/payments.rs".into(),
            line: 7,
        }),
        spent: Spent {
            worlds: 1,
            steps: 40,
            shrink_runs: 0,
        },
        ..Found::default()
    };
    FailureReport { failure, found }
}

fn plan_lines(orderings: &[&str]) -> Vec<String> {
    let mut report = found_at_once(Failure::panicked("no", None));
    report.found.plan = Some(FaultPlanWords {
        orderings: orderings.iter().map(|words| (*words).to_owned()).collect(),
        ..FaultPlanWords::default()
    });
    let text = report.to_string();
    let from_plan = text.lines().skip_while(|line| !line.starts_with("  plan"));
    from_plan
        .take_while(|line| !line.starts_with("  remedy"))
        .map(|line| line[12..].to_owned())
        .collect()
}

#[test]
fn a_few_choices_of_order_or_latency_are_listed_one_by_one() {
    assert_eq!(
        plan_lines(&[SLOW, "actor 2 goes on before the test"]),
        [
            "no faults",
            "and 2 choices of order or latency:",
            "  the start of PaymentWorkflow#1 takes 40ms",
            "  actor 2 goes on before the test",
        ]
    );
    assert_eq!(
        plan_lines(&[SLOW; 5]),
        ["no faults", "and 5 choices of order or latency"]
    );
}

fn waits(who: &str, what: &str) -> Waiting {
    Waiting {
        who: who.into(),
        what: what.into(),
    }
}

pub(crate) fn waiting() -> Diagnosis {
    let awaits = vec![
        Awaited::Activity {
            activity_type: "Payments::charge".into(),
            task_queue: "bank".into(),
            attempt: 3,
            paused: false,
            polled: false,
            no_slot: None,
            last_failure: Some("card declined".into()),
        },
        Awaited::Condition(Signals {
            unsent: vec!["confirm".into(), "reject".into()],
            ..Signals::default()
        }),
        Awaited::Timer {
            timer_id: "2".into(),
            fires_at_ms: 86_400_000,
        },
    ];
    let child = OpenWorkflow {
        name: WorkflowName::new("Refund", "refund-1"),
        awaits: vec![Awaited::WorkflowTask {
            task_queue: "payments".into(),
            attempt: 2,
            polled: true,
            lacks_version: None,
            last_failure: Some("panicked: index out of bounds".into()),
        }],
    };
    let parent = OpenWorkflow {
        name: name(),
        awaits,
    };
    Diagnosis {
        workflows: vec![parent, child],
        waiting: vec![waits("the test", "the result of PaymentWorkflow payment-1")],
        gave_up: None,
        spawned: 0,
        polled: vec!["payments (workflow tasks)".into()],
    }
}

#[test]
fn the_backtrace_of_an_error_is_left_out() {
    let message = "called `Result::unwrap()` on an `Err` value: no change\n\n\
                   Stack backtrace:\n   0: anyhow::msg";
    let text = Failure::panicked(message, None).to_string();
    assert!(
        text.contains("value: no change\n") && !text.contains("anyhow::msg"),
        "{text}"
    );
}

#[test]
fn the_cure_of_each_fault_of_the_plan_follows_the_remedy() {
    let mut report = found(Failure::returned_error("no", Some(line())));
    let plan = report.found.plan.as_mut().expect("a plan");
    for (fault, kind) in plan
        .faults
        .iter_mut()
        .zip([crate::FaultKind::WorkerCrash, crate::FaultKind::SignalDelay])
    {
        fault.cure = crate::faults::cure_of_site(kind.site());
    }
    let text = report.to_string();
    let from = text.find("  remedy").expect("a remedy");
    insta::assert_snapshot!(&text[from..]);
    let known = Failure::returned_error("no", None).with_remedy("wait for the workflow");
    let text = FailureReport {
        failure: known,
        ..report.clone()
    }
    .to_string();
    assert!(
        text.contains("remedy    - wait for the workflow\n"),
        "{text}"
    );
    // What the workflow does on replay has nothing to do with the fault.
    let replay = Failure::new(FailureCode::Replay, "no");
    let text = FailureReport {
        failure: replay,
        ..report
    }
    .to_string();
    assert!(!text.contains("idempotency key"), "{text}");
}

#[test]
fn a_panic_shows_its_message_and_line() {
    let message = "assertion `left == right` failed\n  left: 2\n right: 1";
    let failure = Failure::panicked(message, Some(line()));
    let history = HistoryExcerpt::tail(&payment(), START_MS);
    insta::assert_snapshot!(found(failure.with_history(history)));
}

#[test]
fn a_test_without_choices_has_no_plan_and_no_seed() {
    let failure = Failure::returned_error("workflow not found: payment-1", Some(line()));
    insta::assert_snapshot!(found_at_once(failure));
}

#[test]
fn a_failure_without_a_line_is_shown_at_its_test() {
    for failure in [
        Failure::returned_error("no", None),
        Failure::panicked("no", None),
        Failure::stuck(0, Diagnosis::default()),
    ] {
        let text = found_at_once(failure).to_string();
        assert!(text.contains("  at        tests/payments.rs:7\n"), "{text}");
    }
}

#[test]
fn a_failure_alone_has_no_plan_and_no_command() {
    let failure = Failure::panicked("boom", Some(line())).to_string();
    let report = found(Failure::panicked("boom", Some(line()))).to_string();
    let (shared, _) = report.split_once("  plan ").expect("a plan");
    assert!(failure.starts_with(shared), "{failure}");
    assert!(!failure.contains("cargo test"), "{failure}");
}

#[test]
fn a_stuck_world_lists_what_everything_waits_for() {
    insta::assert_snapshot!(found(Failure::stuck(86_400_000, waiting())));
}

#[test]
fn the_ends_of_histories_come_after_the_diagnosis() {
    let shown = |workflow_id: &str, events: usize| ShownHistory {
        workflow: WorkflowName::new("PaymentWorkflow", workflow_id),
        events: HistoryExcerpt::last(&payment(), events, START_MS),
    };
    let mut failure = Failure::stuck(86_400_000, waiting());
    failure.histories = vec![shown("payment-1", 3), shown("payment-2", 100)];
    insta::assert_snapshot!(found(failure));
}

#[test]
fn a_stuck_test_without_workflows_says_so() {
    let waiting = vec![waits("the test", "something outside its world")];
    let diagnosis = Diagnosis {
        waiting,
        ..Diagnosis::default()
    };
    insta::assert_snapshot!(found_at_once(Failure::stuck(0, diagnosis)));
}

#[test]
fn a_limit_is_named_with_the_way_to_raise_it() {
    let error = Limits {
        max_steps: 10_000,
        ..Limits::default()
    }
    .check_steps(10_001)
    .unwrap_err();
    insta::assert_snapshot!(found(Failure::limit(&error, None)));
}

#[test]
fn every_limit_has_words_for_both_what_and_remedy() {
    let limits = Limits {
        max_steps: 1,
        max_virtual_ms: 60_000,
        max_history_events: 5,
        max_stall_ms: 3,
    };
    let errors: [LimitExceeded; 3] = [
        limits.check_steps(2).unwrap_err(),
        limits.check_time(START_MS + 60_001).unwrap_err(),
        limits.check_history("payment-1", 6).unwrap_err(),
    ];
    for error in errors {
        let failure = Failure::limit(&error, None);
        assert!(!failure.what.contains("raise"), "{failure}");
        let remedy = failure.remedy.expect("a limit has a remedy of its own");
        assert!(remedy.contains("limits = Limits { max_"), "{remedy}");
    }
}

#[test]
fn an_unregistered_activity_is_reported_with_the_registered_ones() {
    let registered = [
        Registered {
            task_queue: "payments".into(),
            types: vec!["Payments::refund".into()],
        },
        Registered {
            task_queue: "bank".into(),
            types: Vec::new(),
        },
    ];
    let report =
        Failure::unregistered_activity("Payments::charge", "payments", Some(name()), &registered);
    insta::assert_snapshot!(found(report));
}

#[test]
fn an_unregistered_workflow_is_reported_with_the_registered_ones() {
    insta::assert_snapshot!(found(Failure::unregistered_workflow(
        name(),
        "payments",
        &[]
    )));
}

#[test]
fn a_type_that_only_some_workers_of_a_queue_have_is_unregistered() {
    let registered = ["Wait", "PaymentWorkflow"].map(|it| Registered {
        task_queue: "payments".into(),
        types: vec![it.to_owned()],
    });
    insta::assert_snapshot!(found(Failure::unregistered_workflow(
        name(),
        "payments",
        &registered
    )));
}

#[test]
fn a_panic_in_workflow_code_is_reported_with_its_attempts() {
    let message = "panicked at src/payments.rs:42:9:\nindex out of bounds";
    insta::assert_snapshot!(found(Failure::workflow_task_fails(
        name(),
        3,
        message,
        Some(line()),
        &events()
    )));
}

#[test]
fn a_defect_of_the_sdk_is_reported_as_the_sdks() {
    let message = "Workflow function panicked: resolution must have a registered unblocker";
    insta::assert_snapshot!(found(Failure::workflow_task_fails(
        name(),
        2,
        message,
        None,
        &events()
    )));
    // Workflow code may panic with the same words.
    let failure = Failure::workflow_task_fails(name(), 2, message, None, &events()[..6]);
    assert_eq!(failure.code, FailureCode::WorkflowTask);
}

#[test]
fn a_defect_that_looks_like_nondeterminism_is_reported_as_the_sdks_too() {
    let history = HistoryExcerpt::tail(&payment(), START_MS);
    let message = "[TMPRL1100] Nondeterminism error: Invalid transition in state machine";
    let mut cancelled_child = events();
    cancelled_child.push(Arc::new(HistoryEvent {
        event_type: EventType::ChildWorkflowExecutionTerminated as i32,
        ..HistoryEvent::default()
    }));
    insta::assert_snapshot!(found(Failure::replay_differs(
        name(),
        message,
        (&cancelled_child, history.clone()),
        None,
        false
    )));
    let failure = Failure::replay_differs(name(), message, (&events(), history), None, false);
    assert_eq!(failure.code, FailureCode::Replay);
}

#[test]
fn leaving_the_simulated_world_is_reported_with_the_line() {
    insta::assert_snapshot!(found(Failure::thread_started(name(), Some(line()))));
}

#[test]
fn replay_shows_the_event_expected_and_the_command_got() {
    let history = HistoryExcerpt::around(&payment(), 5, START_MS).got("StartTimer", "1 for 1d");
    let message = "[TMPRL1100] Nondeterminism error: Timer machine does not handle this event";
    let report =
        Failure::replay_differs(name(), message, (&events(), history), Some(line()), false);
    insta::assert_snapshot!(found(report));
}

#[test]
fn replay_distinguishes_inputs_from_commands() {
    let history = HistoryExcerpt::around(&payment(), 5, START_MS)
        .got("ScheduleActivityTask", "Payments::charge(101) on payments");
    let report = Failure::replay_differs(
        name(),
        "input of Payments::charge",
        (&events(), history),
        Some(line()),
        true,
    );
    insta::assert_snapshot!(found(report));
}

#[test]
fn replay_past_the_end_shows_the_last_events() {
    let history = HistoryExcerpt::around(&payment(), 11, START_MS).got("StartTimer", "2 for 5s");
    let report = Failure::replay_differs(
        name(),
        "a command too many",
        (&events(), history),
        None,
        false,
    );
    insta::assert_snapshot!(found(report));
}

#[test]
fn a_wait_outside_of_the_sdk_shows_the_command_that_it_leads_to() {
    let message =
        "[TMPRL1100] Nondeterministic future detected: a waker was invoked by a non-SDK source.";
    let history = HistoryExcerpt::tail(&payment()[..5], START_MS);
    let goes_on = Some("ScheduleActivityTask(type: Payments::charge)".to_owned());
    let report = Failure::woken_from_outside(name(), message, goes_on, history, Some(line()));
    insta::assert_snapshot!(found(report));
}

#[test]
fn generated_inputs_are_shown() {
    let mut report = found(Failure::panicked("boom", Some(line())));
    report.found.inputs = Some("amount = 1\nnames = []".into());
    insta::assert_snapshot!(report);
}

#[test]
fn a_failure_without_faults_says_that_none_is_needed() {
    let mut report = found(Failure::panicked("boom", Some(line())));
    report.found.plan = Some(FaultPlanWords {
        found: 12,
        drifted: 2,
        ..FaultPlanWords::default()
    });
    insta::assert_snapshot!(report);
}

#[test]
fn colours_change_nothing_but_the_escapes() {
    let expected = "[\n    (\n        100,\n    ),\n]";
    let actual = "[\n    (\n        200,\n    ),\n]";
    let failure = Failure::new(
        FailureCode::Idempotency,
        "under faults, \"bank\" differs from the fault-free world",
    );
    let history = HistoryExcerpt::around(&payment(), 5, START_MS).got("StartTimer", "1 for 1d");
    let comparison = Comparison {
        label: "bank".to_owned(),
        expected_from: "the fault-free world".to_owned(),
        expected: expected.to_owned(),
        actual_from: "this world".to_owned(),
        actual: actual.to_owned(),
    };
    let failure = failure.with_comparison(comparison).with_history(history);
    let report = found(failure);
    let colored = report.render(Colors::On);
    insta::assert_snapshot!(colored.replace('\u{1b}', "␛"));
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').expect("an escape sequence ends").1;
    }
    plain.push_str(rest);
    assert_eq!(plain, report.render(Colors::Off));
}

#[test]
fn every_kind_ends_with_the_command_to_copy() {
    let report = found(Failure::panicked("boom", None));
    assert_eq!(
        report.to_string().lines().last(),
        Some("DURASIM_SEED=17 cargo test tests::payment_charges_once")
    );
}
