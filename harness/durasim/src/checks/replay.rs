//! `replay`: a fresh instance, fed the history, issues the same commands at every workflow task.
//!
//! A run is also rebuilt after an eviction or a crash, and compared then. This check replays each
//! run once more, in full, with everything changed that workflow code must not depend on: another
//! thread, other hash seeds, another wall clock. One full replay walks through every prefix of the
//! history.
//!
//! Code that tosses a coin may have it fall twice on the same side. So the runs of code that drew
//! entropy or read a clock are replayed again and again, with other entropy and other clocks each
//! time, until a replay fails or a coin is very unlikely. Hash order is no such sign, since every
//! thread draws the seeds of its hashers.
//!
//! On a system whose clocks and entropy durasim does not simulate, nothing changes them between the
//! run and the replay but chance and time. The failure says so there.

use std::{fmt::Write as _, ops::Range};

use durasim_engine::{Ambient, Looks, Watch, ambient, watch::enters};
use durasim_events::{Attributes, HistoryEvent};
use durasim_worker::{ReplayError, ReplayOptions, replay_shared};
use temporalio_protos::{
    constants::LOCAL_ACTIVITY_MARKER_NAME, temporal::api::failure::v1::failure::FailureInfo,
};

use super::{Check, Needs};
use crate::{
    broken::broken,
    history::History,
    outcome::{ChoiceSource, WorldOptions, WorldReport},
    report::{Failure, FailureCode, HistoryExcerpt, WorkflowName, source_lines::user_line},
};

pub(super) const CHECK: Check = Check {
    code: FailureCode::Replay,
    needs: Needs::Histories(check),
};

/// The number of replays of a fault-free world whose workflow code drew entropy or read a clock:
/// each tosses the coins of that code anew. One in two is missed once in 2^64 times, one in five
/// once in a million.
const TOSSES: u64 = 64;

/// The same for each further world of a search, whose worlds toss anew too.
const TOSSES_OF_A_SEARCH: u64 = 4;

/// Returns the ambient of a replay: another than the run's, another for each seed, and another for
/// each toss. One change for all would miss code that does not notice that change: code that asks
/// whether it is morning, draws one of two, or iterates over a set of two.
fn other_ambient(seed: Option<u64>, toss: u64) -> Ambient {
    if seed.is_none() && toss == 0 {
        return Ambient {
            seed: 0x5eed,
            clock_offset_ns: DAYS_AND_HOURS_NS,
        };
    }
    // Numbers in a row lie far apart: Fibonacci hashing.
    let of_seed = seed.unwrap_or_default().wrapping_add(1);
    let spread =
        of_seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ toss.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let within_two_years_ns = i64::try_from((spread >> 4) % TWO_YEARS_NS).unwrap_or(0);
    Ambient {
        seed: spread,
        clock_offset_ns: DAYS_AND_HOURS_NS + within_two_years_ns,
    }
}

/// The time from the first instant of a world, midnight of a Monday, to an afternoon of a Saturday
/// of another month and year. Its minutes and its fractions of a second are odd.
const DAYS_AND_HOURS_NS: i64 = (((404 * 24 + 13) * 60 + 37) * 60_000 + 11_617) * 1_000_000 + 1;

const TWO_YEARS_NS: u64 = 2 * 365 * 24 * 3_600_000_000_000;

/// Replays every run, on another thread. Returns the first failure.
///
/// Workflow code that looks past the simulation may have come to the same result by chance, so the
/// runs are replayed again with other clocks and entropy.
fn check(report: &WorldReport, options: &WorldOptions) -> Option<Failure> {
    if !options.replay || report.replays.is_empty() {
        return None;
    }
    let (flaw, looks) = replay_all(report, options, 0, options.backtraces);
    if flaw.is_some() {
        return flaw.map(|flaw| flaw.failure(report));
    }
    if !looks.any() || broken!(Tosses) {
        return None;
    }
    let tosses = match options.choices {
        ChoiceSource::Benign => TOSSES,
        _ => TOSSES_OF_A_SEARCH,
    };
    let (toss, flaw) = first_toss(report, options, 1..tosses)?;
    let note = format!(
        "the code depends on a random number or on a clock: this is replay {}, and the others \
         before it did what the history holds",
        toss + 1
    );
    Some(with_note(flaw.failure(report), &note))
}

/// The reason for which a replay failed.
#[derive(Debug)]
pub(crate) enum Flaw {
    /// The history with this index cannot be replayed.
    Differs { history: usize, error: ReplayError },
    /// Workflow code did not come back.
    Stalled(Box<Failure>),
}

impl Flaw {
    fn failure(self, report: &WorldReport) -> Failure {
        match self {
            Self::Differs { history, error } => failure(report.history(history), &error),
            Self::Stalled(failure) => *failure,
        }
    }
}

/// Replays every run once for each of these tosses, until one fails.
pub(crate) fn first_toss(
    report: &WorldReport,
    options: &WorldOptions,
    mut tosses: Range<u64>,
) -> Option<(u64, Flaw)> {
    tosses.find_map(|toss| {
        // Backtraces are slow, and only the toss that fails needs them.
        let flaw = replay_all(report, options, toss, false).0?;
        let again = options
            .backtraces
            .then(|| replay_all(report, options, toss, true).0);
        Some((toss, again.flatten().unwrap_or(flaw)))
    })
}

/// Replays every run once, on another thread. Returns the first that fails, and what workflow code
/// looked at past the simulation.
pub(crate) fn replay_all(
    report: &WorldReport,
    options: &WorldOptions,
    toss: u64,
    backtraces: bool,
) -> (Option<Flaw>, Looks) {
    let other = if broken!(ReplayAmbient) {
        Ambient::default()
    } else {
        other_ambient(options.choices.seed(), toss)
    };
    // The thread of the replay may outlive this one's patience.
    let (cases, histories) = (report.replays.clone(), report.all_histories());
    let replay = move || {
        // The last run comes first: instances then find what they share, a static say, in another
        // state than they did in the world.
        cases.iter().rev().find_map(|case| {
            let history = &histories[case.history];
            let (workflow_type, id) = (&case.workflow_type, history.workflow_id());
            enters(&format!(
                "workflow code of {workflow_type} {id}, in its replay,"
            ));
            let options = ReplayOptions {
                backtraces,
                ..case.options.clone()
            };
            let replayed = replay_shared(&case.definitions, &options, history.shared());
            let history = case.history;
            let error = replayed.err()?;
            Some(Flaw::Differs { history, error })
        })
    };
    let watch = Watch::with_patience(options.limits.patience());
    let replayed = durasim_engine::simulate_watched(other, watch, &(), |_| async {
        let _quiet = crate::panics::quiet(crate::panics::Backtraces::None);
        // The log tells what happens in a world, and not what is done with its histories.
        let silent = tracing::Dispatch::none();
        ambient::noting(|| tracing::dispatcher::with_default(&silent, replay))
    });
    replayed.unwrap_or_else(|stalled| {
        let failure = Failure::stalled(&stalled.code, &stalled);
        (Some(Flaw::Stalled(Box::new(failure))), Looks::default())
    })
}

/// Returns the failure of a history that cannot be replayed in a fresh process.
pub(crate) fn in_fresh_process(history: &History, error: &ReplayError) -> Failure {
    let note = "the replay ran in a fresh process, as after a restart of the worker: there, what a \
                process makes once, such as a `static`, is another, and so is the order of a \
                `HashMap`";
    with_note(failure(history, error), note)
}

fn with_note(mut failure: Failure, note: &str) -> Failure {
    let message = failure.message.get_or_insert_default();
    let _ = write!(message, "\nnote: {note}");
    failure
}

/// Adds a note to a failure on a system whose clocks and entropy are not simulated.
pub(super) fn noted(failure: Failure, is_simulated: bool) -> Failure {
    if is_simulated {
        failure
    } else {
        with_note(failure, NOT_SIMULATED)
    }
}

const NOT_SIMULATED: &str = "durasim does not simulate clocks and entropy on this system:\n\
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
fn failure(history: &History, error: &ReplayError) -> Failure {
    let name = WorkflowName::new(history.workflow_type(), history.workflow_id());
    let (events, zero_ms) = (history.shared(), history.zero_ms());
    let failure = match error {
        ReplayError::Nondeterminism(nondeterminism) => {
            Failure::nondeterministic(name, nondeterminism, events, zero_ms)
        }
        ReplayError::CutOtherwise(refused) => {
            Failure::cut_otherwise(name, &refused.to_string(), events)
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
                (
                    events,
                    HistoryExcerpt::around(events, *event_id, zero_ms).got(command.clone(), ""),
                ),
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
            (events, HistoryExcerpt::tail(events, zero_ms)),
            None,
            false,
        ),
    };
    noted(failure, ambient::is_simulated())
}
