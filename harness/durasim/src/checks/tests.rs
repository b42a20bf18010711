//! The catalogue of checks, and one snapshot for the failure of each.

use std::{collections::BTreeSet, path::Path};

use durasim_engine::START_MS;
use insta::assert_snapshot;
use pretty_assertions::assert_eq;

use super::{
    CHECKS, Holds, core_replay, effects_once, history, idempotency, invariant, liveness, mocks,
    recovery, replay, sometimes,
};
use crate::{
    expected_calls::{CallCount, ExpectedCalls, MockCalls, Mocked},
    outcome::Recovery,
    outline::tests::payment,
    report::{
        Failure, FailureCode, HistoryExcerpt,
        tests::{found, line, name, waiting},
    },
};

#[test]
fn the_catalogue_lists_every_file_and_every_code_of_a_check() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/checks");
    let files: BTreeSet<String> = folder
        .read_dir()
        .expect("the sources are beside their tests")
        .map(|entry| entry.expect("an entry of a folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .filter(|name| name != "mod" && name != "tests")
        .collect();
    let listed = CHECKS.iter().map(|check| check.code);
    let names = listed.map(|code| code.name().to_owned());
    assert_eq!(names.collect::<BTreeSet<_>>(), files);

    let codes: BTreeSet<_> = FailureCode::ALL
        .iter()
        .copied()
        .filter(|code| code.code().starts_with("DS1"))
        .collect();
    assert_eq!(
        CHECKS
            .iter()
            .map(|check| check.code)
            .collect::<BTreeSet<_>>(),
        codes
    );
}

#[test]
fn a_replay_says_if_clocks_and_entropy_are_not_simulated() {
    let history = HistoryExcerpt::around(&payment(), 5, START_MS);
    let differs =
        || Failure::replay_differs(name(), "other ids", (&[], history.clone()), None, true);
    assert_eq!(replay::noted(differs(), true), differs());
    assert_snapshot!(found(replay::noted(differs(), false)));
}

#[test]
fn core_replay_names_the_replayer() {
    let history = HistoryExcerpt::around(&payment(), 9, START_MS);
    let failure = core_replay::failure(name(), "[TMPRL1100] ...".to_owned(), history);
    assert_snapshot!(found(failure));
}

fn differs(label: &str, expected: &str, actual: &str) -> Failure {
    idempotency::failure(label, expected.to_owned(), actual.to_owned())
}

#[test]
fn idempotency_shows_both_values() {
    let expected = "[\n    (\n        \"alice\",\n        100,\n    ),\n]";
    let actual = "[\n    (\n        \"alice\",\n        200,\n    ),\n]";
    assert_snapshot!(found(differs("bank", expected, actual).of(name())));
}

#[test]
fn an_element_that_changed_is_shown_and_not_one_that_moved() {
    let value = |charges: &[(&str, u32)]| format!("{charges:#?}");
    let expected = value(&[("alice", 100), ("bob", 50), ("carol", 7)]);
    let actual = value(&[("carol", 7), ("alice", 200), ("bob", 50)]);
    assert_snapshot!(differs("charges", &expected, &actual));
    let moved = value(&[("carol", 7), ("alice", 100), ("bob", 50)]);
    let text = differs("charges", &expected, &moved).to_string();
    assert!(
        text.contains("the same elements, in another order"),
        "{text}"
    );
    assert!(text.contains("+     (\n"), "{text}");
}

#[test]
fn long_values_are_shown_around_what_differs() {
    let value = |middle: &str| {
        let lines: Vec<_> = (0..30)
            .map(|line| {
                if line == 15 {
                    middle.into()
                } else {
                    line.to_string()
                }
            })
            .collect();
        lines.join("\n")
    };
    assert_snapshot!(found(differs("ledger", &value("fifteen"), &value("twice"))));
}

#[test]
fn values_that_print_the_same_are_not_shown_as_equal() {
    let text = differs("ledger", "Opaque", "Opaque").to_string();
    assert!(text.contains("their `Debug` hides what differs"), "{text}");
}

#[test]
fn an_effect_applied_again_lists_who_applied_it() {
    let applications = [
        "+1.2s  Payments::charge, attempt 1".to_owned(),
        "+11.2s  Payments::charge, attempt 2".to_owned(),
    ];
    let failure = effects_once::failure("ledger", "payment-1", &applications, line());
    assert_snapshot!(found(failure));
}

#[test]
fn a_workflow_that_does_not_close_is_reported_with_what_it_waits_for() {
    let failure = liveness::failure(Some(61_000), 864_000_000, waiting());
    assert_snapshot!(found(failure));
}

#[test]
fn a_broken_rule_of_histories_is_stated() {
    let history = HistoryExcerpt::around(&payment(), 10, START_MS);
    let failure = history::failure(name(), "no event follows the closing one", history);
    assert_snapshot!(found(failure));
}

#[test]
fn a_broken_invariant_is_named_with_its_time() {
    let violation = Err("balance is -20").holds().unwrap_err();
    let failure = invariant::failure("never overdrawn", violation, &[], 1_500, line());
    assert_snapshot!(found(failure));
}

#[test]
fn a_label_never_reached_is_reported_with_the_others() {
    let reached = [("paid".to_owned(), 250), ("refunded".to_owned(), 3)];
    let mut report = found(sometimes::failure("expired", 256, &reached, Some(line())));
    report.found.plan = None;
    report.found.seed = None;
    assert_snapshot!(report);
}

#[test]
fn a_mock_that_is_called_too_often_lists_some_of_its_calls() {
    let mock = MockCalls {
        expected: ExpectedCalls {
            mocked: Mocked::Activity("Payments::charge".into()),
            count: CallCount::from(1..=2),
            location: std::panic::Location::caller(),
        },
        calls: (1..=12)
            .map(|id| format!("payment-{id}: activity 1, in 2 attempts"))
            .collect(),
    };
    let failure = mocks::failure(&mock).at(line());
    assert_snapshot!(found(failure));
}

#[test]
fn a_workflow_that_recovers_too_slowly_is_reported_with_its_times() {
    let slow = Recovery {
        workflow: name(),
        closed_ms: 30_000_000,
        late_ms: 28_800_000,
        without_faults_ms: 1_200_000,
        last_fault_ms: 1_000,
    };
    assert_snapshot!(found(recovery::failure(&slow, 3_600_000, Some(line()))));
}
