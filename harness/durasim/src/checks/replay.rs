//! `replay`: a fresh instance, fed the history, issues the same commands at every workflow task.
//!
//! A run is also rebuilt after an eviction or a crash, and compared then. This check replays each
//! run once more, in full, with everything changed that workflow code must not depend on: another
//! thread, other hash seeds, another wall clock. One full replay walks through every prefix of the
//! history.
//!
//! On a system whose clocks and entropy durasim does not simulate, nothing changes them between the
//! run and the replay but chance and time. The failure says so there.

use durasim_engine::{Ambient, START_MS, ambient};
use durasim_events::{Attributes, HistoryEvent};
use durasim_worker::{ReplayError, replay_shared};
use temporalio_protos::{
    constants::LOCAL_ACTIVITY_MARKER_NAME, temporal::api::failure::v1::failure::FailureInfo,
};

use super::{Check, Needs};
use crate::{
    broken::broken,
    history::History,
    outcome::{ReplayCase, WorldOptions, WorldReport},
    report::{Failure, FailureCode, HistoryExcerpt, WorkflowName, source_lines::user_line},
};

pub(super) const CHECK: Check = Check {
    code: FailureCode::Replay,
    needs: Needs::Histories(check),
};

/// Returns the ambient of a replay: another than the run's, and another for each seed. One change
/// for all seeds would miss code that does not notice that change: code that asks whether it is
/// morning, draws one of two, or iterates over a set of two.
fn other_ambient(seed: Option<u64>) -> Ambient {
    let Some(seed) = seed else {
        return Ambient {
            seed: 0x5eed,
            clock_offset_ms: DAYS_AND_HOURS_MS,
        };
    };
    // Seeds in a row lie far apart: Fibonacci hashing.
    let spread = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let within_two_years_ms =
        i64::try_from((spread >> 16) % (2 * 365 * 24 * 3_600_000)).unwrap_or(0);
    Ambient {
        seed: spread,
        clock_offset_ms: DAYS_AND_HOURS_MS + within_two_years_ms,
    }
}

/// The time from the first instant of a world, midnight of a Monday, to an afternoon of a Saturday
/// of another month and year. Its minutes, seconds and milliseconds are odd.
const DAYS_AND_HOURS_MS: i64 = ((404 * 24 + 13) * 60 + 37) * 60_000 + 11_617;

/// Replays every run, on another thread. Returns the first failure.
fn check(report: &WorldReport, options: &WorldOptions) -> Option<Failure> {
    let cases = &report.replays;
    if !options.replay || cases.is_empty() {
        return None;
    }
    let other = if broken!(ReplayAmbient) {
        Ambient::default()
    } else {
        other_ambient(options.choices.seed())
    };
    durasim_engine::simulate(other, || async {
        let _quiet = crate::panics::quiet(false);
        // The last run comes first: instances then find what they share, a static say, in another
        // state than they did in the world.
        cases.iter().rev().find_map(|case| {
            let history = &report.histories[case.history];
            let error = replay_shared(&case.definitions, &case.options, history.shared()).err()?;
            let failure = failure(case, history, &error);
            Some(noted(failure, ambient::is_simulated()))
        })
    })
}

/// Adds a note to a failure on a system whose clocks and entropy are not simulated.
pub(super) fn noted(mut failure: Failure, is_simulated: bool) -> Failure {
    if !is_simulated {
        let message = failure.message.get_or_insert_default();
        message.push_str(NOT_SIMULATED);
    }
    failure
}

const NOT_SIMULATED: &str = "\nnote: durasim does not simulate clocks and entropy on this system:\n\
    code that reads them behaves differently each time, and may pass in another replay";

/// Returns `true` if the event is the timeout of a local activity, which the SDK words differently
/// on replay.
fn is_local_timeout(event: &HistoryEvent) -> bool {
    match &event.attributes {
        Some(Attributes::MarkerRecordedEventAttributes(marker)) => {
            marker.marker_name == LOCAL_ACTIVITY_MARKER_NAME
                && marker.failure.as_ref().is_some_and(|failure| {
                    matches!(
                        failure.failure_info,
                        Some(FailureInfo::TimeoutFailureInfo(_))
                    )
                })
        }
        _ => false,
    }
}

/// Returns the failure of a run whose replay ended with `error`.
fn failure(case: &ReplayCase, history: &History, error: &ReplayError) -> Failure {
    let name = WorkflowName::new(&case.workflow_type, history.workflow_id());
    let events = history.shared();
    match error {
        ReplayError::Nondeterminism(nondeterminism) => {
            Failure::nondeterministic(name, nondeterminism, events)
        }
        ReplayError::CommandDiffers {
            event_id,
            command,
            what,
            issued_at,
            ..
        } => {
            let differs = Failure::replay_differs(
                name,
                what,
                HistoryExcerpt::around(events, *event_id, START_MS).got(command.clone(), ""),
                issued_at.as_deref().and_then(user_line),
                true,
            );
            if events.iter().any(|event| is_local_timeout(event)) {
                differs.after_local_timeout()
            } else {
                differs
            }
        }
        other => Failure::replay_differs(
            name,
            &other.to_string(),
            HistoryExcerpt::tail(events, START_MS),
            None,
            false,
        ),
    }
}
