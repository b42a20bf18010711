//! Operations that end in every way, with real Core and the official worker as the oracles.

use durasim::{
    advanced::{WorldOptions, run_world},
    nexus::NexusReply,
    prelude::*,
};
use durasim_tests::{
    trial::{self, Official},
    worlds,
};
use futures::{FutureExt, future::LocalBoxFuture};
use pretty_assertions::assert_eq;
use scenarios::scenario::{Scenario, Workflows};
use temporalio_protos::temporal::api::{enums::v1::EventType, history::v1::HistoryEvent};
use temporalio_sdk::NexusOperationCancellationType as CancellationType;

use super::{Call, Payment, pay, report_of, start_worker};

/// Runs operations that end in every way, some of them cancelled, in one world.
fn every_way(env: TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> {
    async move {
        start_worker(&env)?;
        env.nexus_operation(
            "bank",
            "Accounts",
            "charge",
            |call: NexusCall<u64>| async move {
                match call.input {
                    1 => Ok(NexusReply::Completed("receipt".to_owned())),
                    2 => Err(NexusError::failed("declined")),
                    3 if call.attempt == 1 => {
                        let error_type = NexusHandlerErrorType::Internal;
                        Err(NexusError::handler(error_type, "down"))
                    }
                    amount => Ok(NexusReply::Started(
                        NexusStarted::new(format!("charge of {amount}")).completes(async move {
                            let an_hour = tokio::time::sleep(Duration::from_hours(1));
                            tokio::select! {
                                biased;
                                () = call.cancelled() => Err(NexusError::canceled("given back")),
                                () = an_hour => Ok("receipt".to_owned()),
                            }
                        }),
                    )),
                }
            },
        );
        let mut payments = Vec::new();
        let cancels = |cancellation_type| (Some(60), cancellation_type);
        for (amount, (cancels_after, cancellation_type)) in [
            (1, (None, CancellationType::Abandon)),
            (2, (None, CancellationType::Abandon)),
            (3, (None, CancellationType::Abandon)),
            (4, cancels(CancellationType::WaitCancellationCompleted)),
            (5, cancels(CancellationType::WaitCancellationRequested)),
            (6, cancels(CancellationType::TryCancel)),
            (7, cancels(CancellationType::Abandon)),
        ] {
            let call = Call {
                amount,
                cancellation_type,
                cancels_after,
                ..Call::default()
            };
            let id = format!("payment-{amount}");
            let options = WorkflowStartOptions::new("payments", id).build();
            payments.push(
                env.client()
                    .start_workflow(Payment::run, call, options)
                    .await?,
            );
        }
        let call = Call {
            amount: 8,
            schedule_to_close: Some(1800),
            ..Call::default()
        };
        let options = WorkflowStartOptions::new("payments", "payment-8").build();
        payments.push(
            env.client()
                .start_workflow(Payment::run, call, options)
                .await?,
        );
        // The network decides which comes first: the cancel request or the operation's own end.
        let mut ends = Vec::new();
        for payment in payments {
            let end = payment
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            ends.push(if end.starts_with("cancelled") {
                "cancelled".to_owned()
            } else {
                end
            });
        }
        assert_eq!(
            ends,
            [
                "receipt",
                "not started: declined",
                "receipt",
                "cancelled",
                "cancelled",
                "cancelled",
                "cancelled",
                "timed out: operation timed out",
            ]
        );
        Ok(())
    }
    .boxed_local()
}

const EVERY_WAY: Scenario = Scenario {
    name: "nexus",
    about: "operations that end in every way",
    flaw: None,
    exhausts_retries: false,
    world: every_way,
    workflows: Workflows {
        replayer: |options| options.register_workflow::<Payment>().map(drop),
        worker: |options| options.register_workflow::<Payment>().map(drop),
        definitions: |definitions| definitions.register::<Payment>().map(drop),
    },
};

/// Returns the options of the fault-free world and some others, with the workers' caches on and
/// off.
fn options() -> impl Iterator<Item = WorldOptions> {
    let faulty = |seed| {
        let mut options = WorldOptions::seeded(seed);
        options.faults = FaultProfile::all();
        options
    };
    let each = std::iter::once(WorldOptions::default()).chain(worlds::seeds(6).map(faulty));
    each.flat_map(|options| {
        [
            worlds::cached(options.clone(), true),
            worlds::cached(options, false),
        ]
    })
}

#[test]
fn operations_end_in_every_way_as_in_the_official_sdk() {
    trial::try_out(&EVERY_WAY, Official::Histories);
}

/// However often answers are lost, there is time to repeat the requests.
#[test]
fn lost_answers_at_full_odds_let_a_sound_workflow_finish() {
    for seed in 0..4 {
        let mut options = WorldOptions::seeded(seed);
        options.faults = FaultProfile::none()
            .with_odds(FaultKind::NexusAnswerLost, 1.0)
            .max_faults(u32::MAX);
        assert!(worlds::run_sound(&EVERY_WAY, &options).faults > 8);
    }
}

#[test]
fn worlds_with_operations_are_the_same_every_time() {
    for options in options() {
        let (once, again) = (
            worlds::run_sound(&EVERY_WAY, &options),
            worlds::run_sound(&EVERY_WAY, &options),
        );
        assert_eq!(once.trace_hash(), again.trace_hash());
    }
}

#[test]
fn a_replay_calls_no_handler() {
    let calls = |env: TestWorkflowEnvironment| -> LocalBoxFuture<'static, TestResult> {
        async move {
            start_worker(&env)?;
            let charge =
                env.nexus_operation("bank", "Accounts", "charge", |_: NexusCall<u64>| async {
                    Ok(NexusStarted::new("charge-1").completes(async { Ok("receipt") }))
                });
            pay(&env, Call::default()).await?;
            env.observe("calls", move || charge.calls().len());
            Ok(())
        }
        .boxed_local()
    };
    let report = run_world(&calls, &worlds::cached(WorldOptions::default(), false));
    assert!(report.failure.is_none(), "{}", report_of(&report));
    assert_eq!(report.observations["calls"], 1);
    let mut types = report.histories[0]
        .events()
        .iter()
        .map(HistoryEvent::event_type);
    assert!(types.any(|event| event == EventType::NexusOperationStarted));
}
