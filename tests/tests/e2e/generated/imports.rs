//! Generated runs that go on in another world, from their histories alone.
//!
//! A world is cut at a moment. Every run that is open then is imported into a new world, and what
//! clients did later in the first world happens there again. The rest must be the same.

use std::collections::{BTreeMap, BTreeSet};

use durasim::{
    History,
    advanced::{WorldOptions, run_world},
    prelude::*,
};
use durasim_tests::parity;
use prost::Message;
use temporalio_client::{UntypedSignal, UntypedUpdate};
use temporalio_common::{UntypedWorkflow, data_converters::RawValue};
use temporalio_protos::temporal::api::{
    common::v1::Payloads,
    history::v1::{History as HistoryProto, HistoryEvent, history_event::Attributes},
};

use super::{SCENARIO, run, start_worker};

/// The number of cuts that are tried in each world.
const CUTS: usize = 6;

fn at_ms(event: &HistoryEvent) -> u64 {
    let at = event.event_time.expect("every event has a time");
    u64::try_from(at.seconds).unwrap() * 1000 + u64::try_from(at.nanos).unwrap() / 1_000_000
}

/// Returns the events of a history up to a moment.
fn until(history: &History, cut_ms: u64) -> &[HistoryEvent] {
    let events = history.events();
    &events[..events.partition_point(|event| at_ms(event) <= cut_ms)]
}

fn prefix(history: &History, cut_ms: u64) -> History {
    let events = until(history, cut_ms).to_vec();
    History::from_protobuf(HistoryProto { events }.encode_to_vec())
        .expect("the beginning of a history is one")
        .with_run_id(history.run_id())
}

/// Returns `true` if a history tells everything about a run at this moment: no attempt of an
/// activity has gone on since before it, and no workflow task.
fn tells_all(events: &[HistoryEvent], cut_ms: u64) -> bool {
    let mut pending = BTreeMap::new();
    let mut task = false;
    for event in events {
        match event.attributes.as_ref().expect("attributes") {
            Attributes::ActivityTaskScheduledEventAttributes(_) => {
                pending.insert(event.event_id, at_ms(event));
            }
            Attributes::ActivityTaskCompletedEventAttributes(closed) => {
                pending.remove(&closed.scheduled_event_id);
            }
            Attributes::ActivityTaskFailedEventAttributes(closed) => {
                pending.remove(&closed.scheduled_event_id);
            }
            Attributes::ActivityTaskTimedOutEventAttributes(closed) => {
                pending.remove(&closed.scheduled_event_id);
            }
            Attributes::ActivityTaskCanceledEventAttributes(closed) => {
                pending.remove(&closed.scheduled_event_id);
            }
            Attributes::WorkflowTaskScheduledEventAttributes(_) => task = true,
            Attributes::WorkflowTaskCompletedEventAttributes(_) => task = false,
            _ => {}
        }
    }
    !task && pending.values().all(|scheduled_ms| *scheduled_ms == cut_ms)
}

fn is_closed(events: &[HistoryEvent]) -> bool {
    use temporalio_protos::temporal::api::enums::v1::EventType as E;

    let last = events.last().map(HistoryEvent::event_type);
    matches!(
        last,
        Some(
            E::WorkflowExecutionCompleted
                | E::WorkflowExecutionFailed
                | E::WorkflowExecutionCanceled
                | E::WorkflowExecutionTerminated
                | E::WorkflowExecutionTimedOut
                | E::WorkflowExecutionContinuedAsNew
        )
    )
}

/// An act of a client on a run.
#[derive(Clone, Debug)]
enum Deed {
    Signal(String, Option<Payloads>),
    Cancel(String),
    Update(String, Option<Payloads>),
}

/// Returns what clients did after the cut, with the time and the workflow.
fn deeds(histories: &[History], cut_ms: u64) -> Vec<(u64, String, Deed)> {
    let mut deeds = Vec::new();
    for history in histories {
        for event in &history.events()[until(history, cut_ms).len()..] {
            let deed = match event.attributes.as_ref().expect("attributes") {
                Attributes::WorkflowExecutionSignaledEventAttributes(signaled)
                    if signaled.external_workflow_execution.is_none() =>
                {
                    Deed::Signal(signaled.signal_name.clone(), signaled.input.clone())
                }
                Attributes::WorkflowExecutionCancelRequestedEventAttributes(requested)
                    if requested.external_workflow_execution.is_none() =>
                {
                    Deed::Cancel(requested.cause.clone())
                }
                Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(accepted) => {
                    let request = accepted.accepted_request.as_ref().expect("its request");
                    let input = request.input.clone().expect("its input");
                    Deed::Update(input.name, input.args)
                }
                _ => continue,
            };
            deeds.push((at_ms(event), history.workflow_id().to_owned(), deed));
        }
    }
    deeds.sort_by_key(|(at_ms, ..)| *at_ms);
    deeds
}

fn raw(payloads: Option<Payloads>) -> RawValue {
    RawValue::new(payloads.unwrap_or_default().payloads)
}

async fn perform(env: TestWorkflowEnvironment, workflow_id: String, deed: Deed) {
    let client = env.client();
    let handle = client.get_workflow_handle::<UntypedWorkflow>(workflow_id);
    let _ = match deed {
        Deed::Signal(name, input) => {
            let options = WorkflowSignalOptions::default();
            let sent = handle.signal(UntypedSignal::new(name), raw(input), options);
            sent.await.is_ok()
        }
        Deed::Cancel(reason) => {
            let options = WorkflowCancelOptions::builder().reason(reason).build();
            handle.cancel(options).await.is_ok()
        }
        Deed::Update(name, input) => {
            let options = WorkflowExecuteUpdateOptions::default();
            let sent = handle.execute_update(UntypedUpdate::new(name), raw(input), options);
            sent.await.is_ok()
        }
    };
}

/// Goes on from a cut in a new world, and returns its histories.
fn continued(seed: u64, histories: &[History], cut_ms: u64) -> Vec<History> {
    let mut open: Vec<History> = histories
        .iter()
        .filter(|history| !until(history, cut_ms).is_empty())
        .map(|history| prefix(history, cut_ms))
        .filter(|history| !is_closed(history.events()))
        .collect();
    // Children come first: their parents then find them.
    open.reverse();
    let deeds = deeds(histories, cut_ms);
    let body: Box<durasim::advanced::Body> = Box::new(move |env| {
        let (open, deeds) = (open.clone(), deeds.clone());
        Box::pin(async move {
            for queue in ["elsewhere", "queue"] {
                start_worker(&env, queue)?;
            }
            for history in &open {
                env.import(history).await?;
            }
            let now_ms = env.now().duration_since(std::time::UNIX_EPOCH)?.as_millis();
            let now_ms = u64::try_from(now_ms)?;
            for (at_ms, workflow_id, deed) in deeds {
                let of_actor = env.clone();
                let wait = Duration::from_millis(at_ms - now_ms);
                env.spawn(async move {
                    of_actor.sleep(wait).await;
                    perform(of_actor.clone(), workflow_id, deed).await;
                });
            }
            Ok(())
        })
    });
    let report = run_world(&body, &WorldOptions::default());
    if let Some(failure) = &report.failure {
        let outlines: Vec<_> = report.histories.iter().map(History::outline).collect();
        panic!(
            "program {seed}, cut at {cut_ms}:\n{failure}\n{}",
            outlines.join("\n\n")
        );
    }
    report.histories
}

/// Returns the run of the first world that is this one of the second. Run ids depend on how many
/// runs their workflow had, and the second world has only the last of them.
fn original<'a>(history: &History, rest: &[History], histories: &'a [History]) -> &'a History {
    let of_it = |all: &'a [History]| -> Vec<&'a History> {
        let same = all.iter();
        same.filter(|it| it.workflow_id() == history.workflow_id())
            .collect()
    };
    let later = rest
        .iter()
        .filter(|it| it.workflow_id() == history.workflow_id())
        .rev()
        .position(|it| it.run_id() == history.run_id())
        .expect("it is one of them");
    let runs = of_it(histories);
    runs[runs.len() - 1 - later]
}

/// Returns the outline of a run, without the attributes that random numbers are in: those follow
/// the id of the run.
fn without_random(history: &History) -> String {
    let is_uuid = |word: &str| {
        let parts: Vec<_> = word.split('-').collect();
        parts.len() > 3 && parts[0].len() == 8
    };
    let outline = history.outline();
    let lines = outline.lines().map(|line| {
        let mut words = line.split([' ', '"', '\\']);
        if words.any(is_uuid) {
            line.split_whitespace()
                .take(3)
                .collect::<Vec<_>>()
                .join(" ")
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn generated_runs_go_on_in_another_world_as_they_would() {
    let (mut cuts, mut runs) = (0, 0);
    for seed in super::programs() {
        let Some(report) = run(seed, &WorldOptions::default()) else {
            continue;
        };
        let histories = report.histories;
        let moments: BTreeSet<_> = histories
            .iter()
            .flat_map(History::events)
            .map(at_ms)
            .collect();
        let told = moments.into_iter().filter(|cut_ms| {
            let begun = histories.iter().map(|history| until(history, *cut_ms));
            let open: Vec<_> = begun
                .filter(|events| !events.is_empty() && !is_closed(events))
                .collect();
            !open.is_empty() && open.iter().all(|events| tells_all(events, *cut_ms))
        });
        for cut_ms in told.take(CUTS) {
            let rest = continued(seed, &histories, cut_ms);
            for history in &rest {
                pretty_assertions::assert_eq!(
                    without_random(history),
                    without_random(original(history, &rest, &histories)),
                    "program {seed}, cut at {cut_ms}, {}",
                    history.workflow_id()
                );
                runs += 1;
            }
            let rejected = parity::rejected_by_core(&SCENARIO, &rest);
            assert!(rejected.is_empty(), "{}", rejected.join("\n\n"));
            cuts += 1;
        }
    }
    assert!(cuts > 10 && runs > cuts, "{cuts} cuts, {runs} runs");
}
