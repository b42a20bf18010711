//! Nexus operations, from the calling workflow to the closure that handles them, with real Core as
//! the oracle.

mod oracle;

use std::{cell::Cell, rc::Rc};

use durasim::{
    advanced::{WorldOptions, WorldReport, run_world},
    nexus::{NexusCallOutcome, NexusCancelOutcome, NexusReply},
    prelude::*,
};
use futures::{FutureExt, future::LocalBoxFuture};
use pretty_assertions::assert_eq;
use serde::{Deserialize, Serialize};
use temporalio_common::error::ApplicationFailure;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::{
    coresdk::{AsJsonPayloadExt, FromJsonPayloadExt, nexus::nexus_operation_result::Status},
    temporal::api::failure::v1::Failure,
};
use temporalio_sdk::{
    NexusOperationCancellationType as CancellationType, NexusOperationOptions, WorkflowContext,
    WorkflowResult,
};

/// The options of the call.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Call {
    endpoint: String,
    operation: String,
    amount: u64,
    cancellation_type: CancellationType,
    /// The timeout in seconds.
    schedule_to_close: Option<u64>,
    cancels_after: Option<u64>,
}

impl Default for Call {
    fn default() -> Self {
        Self {
            endpoint: "bank".to_owned(),
            operation: "charge".to_owned(),
            amount: 100,
            cancellation_type: CancellationType::WaitCancellationCompleted,
            schedule_to_close: None,
            cancels_after: None,
        }
    }
}

/// Calls one operation and describes its result.
#[workflow]
#[derive(Default)]
struct Payment;

#[workflow_methods]
impl Payment {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, call: Call) -> WorkflowResult<String> {
        let options = NexusOperationOptions::builder()
            .endpoint(call.endpoint)
            .service("Accounts")
            .operation(call.operation)
            .input(
                call.amount
                    .as_json_payload()
                    .map_err(ApplicationFailure::new)?,
            )
            .nexus_header([("Trace-Id".to_owned(), "t-1".to_owned())].into())
            .cancellation_type(call.cancellation_type)
            .maybe_schedule_to_close_timeout(call.schedule_to_close.map(Duration::from_secs))
            .build();
        let charge = match ctx.start_nexus_operation(options).await {
            Ok(charge) => charge,
            Err(failure) => return Ok(format!("not started: {}", in_words(&failure))),
        };
        if let Some(seconds) = call.cancels_after {
            ctx.timer(Duration::from_secs(seconds)).await;
            charge.cancel();
        }
        Ok(match charge.result().await.status {
            Some(Status::Completed(receipt)) => {
                String::from_json_payload(&receipt).map_err(ApplicationFailure::new)?
            }
            Some(Status::Failed(failure)) => format!("failed: {}", in_words(&failure)),
            Some(Status::Cancelled(failure)) => format!("cancelled: {}", in_words(&failure)),
            Some(Status::TimedOut(failure)) => format!("timed out: {}", in_words(&failure)),
            None => "nothing".to_owned(),
        })
    }
}

/// Returns the message of the last cause of a failure.
fn in_words(failure: &Failure) -> String {
    failure
        .cause
        .as_ref()
        .map_or_else(|| failure.message.clone(), |cause| in_words(cause))
}

async fn pay(env: &TestWorkflowEnvironment, call: Call) -> Result<String, TestError> {
    let options = WorkflowStartOptions::new("payments", "payment-1").build();
    let payment = env
        .client()
        .start_workflow(Payment::run, call, options)
        .await?;
    Ok(payment
        .get_result(WorkflowGetResultOptions::default())
        .await?)
}

fn start_worker(env: &TestWorkflowEnvironment) -> TestResult {
    env.worker("payments").workflow::<Payment>().start()?;
    Ok(())
}

#[workflow_test]
async fn an_operation_is_answered_at_once(env: TestWorkflowEnvironment) -> TestResult {
    start_worker(&env)?;
    let charge = env.nexus_operation(
        "bank",
        "Accounts",
        "charge",
        |call: NexusCall<u64>| async move {
            assert_eq!(call.header("trace-id"), Some("t-1"));
            Ok(format!("receipt for {}", call.input))
        },
    );
    assert_eq!(pay(&env, Call::default()).await?, "receipt for 100");
    let calls = charge.calls();
    let [call] = calls.as_slice() else {
        panic!("one call: {calls:?}")
    };
    assert_eq!(
        (call.input::<u64>()?, call.output::<String>()?),
        (100, Some("receipt for 100".to_owned()))
    );
    assert_eq!(
        (call.attempt, call.headers["trace-id"].as_str()),
        (1, "t-1")
    );
    Ok(())
}

#[workflow_test]
async fn handler_errors_are_retried_with_backoff_until_one_is_final(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start_worker(&env)?;
    let charge = env.nexus_operation(
        "bank",
        "Accounts",
        "charge",
        |call: NexusCall<u64>| async move {
            match call.attempt {
                1 => Err(NexusError::handler(
                    NexusHandlerErrorType::Unavailable,
                    "closed",
                )),
                2 => Err("no number".parse::<u64>().unwrap_err().into()),
                3 => Err(NexusError::handler(NexusHandlerErrorType::BadRequest, "odd").retryable()),
                _ => Err::<String, _>(NexusError::handler(
                    NexusHandlerErrorType::BadRequest,
                    "never",
                )),
            }
        },
    );
    assert_eq!(pay(&env, Call::default()).await?, "not started: never");
    let calls = charge.calls();
    let asked: Vec<_> = calls
        .iter()
        .map(|call| (call.started_ms - calls[0].started_ms) / 1000)
        .collect();
    assert_eq!(asked, [0, 1, 3, 7]);
    assert!(
        calls
            .iter()
            .all(|call| call.request_id == calls[0].request_id)
    );
    assert!(matches!(
        calls[0].outcome,
        NexusCallOutcome::HandlerError(_)
    ));
    Ok(())
}

#[workflow_test]
async fn an_operation_fails_with_the_failure_of_its_handler(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start_worker(&env)?;
    env.nexus_operation(
        "bank",
        "Accounts",
        "charge",
        |call: NexusCall<u64>| async move {
            Err::<String, _>(match call.input {
                1 => NexusError::failed("declined"),
                2 => NexusError::canceled("changed my mind"),
                _ => NexusError::application(ApplicationFailure::new("no such account")),
            })
        },
    );
    for (amount, says) in [
        (1, "declined"),
        (2, "changed my mind"),
        (3, "no such account"),
    ] {
        let call = Call {
            amount,
            ..Call::default()
        };
        assert_eq!(pay(&env, call).await?, format!("not started: {says}"));
    }
    Ok(())
}

#[workflow_test]
async fn an_operation_started_now_is_completed_by_its_future(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start_worker(&env)?;
    let charge = env.nexus_operation(
        "bank",
        "Accounts",
        "charge",
        |call: NexusCall<u64>| async move {
            Ok(NexusStarted::new("charge-1").completes(async move {
                tokio::time::sleep(Duration::from_hours(24)).await;
                Ok(format!("receipt for {}", call.input))
            }))
        },
    );
    let before = env.now();
    assert_eq!(pay(&env, Call::default()).await?, "receipt for 100");
    assert_eq!(env.now().duration_since(before)?, Duration::from_hours(24));
    assert_eq!(
        charge.calls()[0].outcome,
        NexusCallOutcome::Started {
            token: "charge-1".to_owned()
        }
    );
    Ok(())
}

#[workflow_test]
async fn an_operation_started_now_is_ended_by_the_test(env: TestWorkflowEnvironment) -> TestResult {
    start_worker(&env)?;
    let charge = env.nexus_operation(
        "bank",
        "Accounts",
        "charge",
        |call: NexusCall<u64>| async move {
            Ok(if call.input == 1 {
                NexusReply::Completed("at once".to_owned())
            } else {
                NexusReply::Started(NexusStarted::new(format!("charge of {}", call.input)))
            })
        },
    );
    let call = |amount| Call {
        amount,
        ..Call::default()
    };
    assert_eq!(pay(&env, call(1)).await?, "at once");
    let later = env.spawn({
        let (env, charge) = (env.clone(), charge.clone());
        async move {
            env.sleep(Duration::from_mins(1)).await;
            charge.complete("charge of 2", "later").await.unwrap();
            env.sleep(Duration::from_mins(1)).await;
            charge
                .fail("charge of 3", NexusError::failed("declined"))
                .await
                .unwrap();
            charge
                .complete("charge of 3", "twice")
                .await
                .unwrap_err()
                .to_string()
        }
    });
    assert_eq!(pay(&env, call(2)).await?, "later");
    assert_eq!(pay(&env, call(3)).await?, "failed: declined");
    assert!(later.await.contains("does not take the end"));
    let unknown = charge.complete("charge of 4", "never").await.unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "no operation Accounts/charge of endpoint bank was started as `charge of 4`"
    );
    Ok(())
}

#[workflow_test]
async fn a_request_to_cancel_reaches_the_handler(env: TestWorkflowEnvironment) -> TestResult {
    start_worker(&env)?;
    let charge = env.nexus_operation(
        "bank",
        "Accounts",
        "charge",
        |call: NexusCall<u64>| async move {
            Ok(NexusStarted::new("charge-1").completes(async move {
                call.cancelled().await;
                tokio::time::sleep(Duration::from_secs(5)).await;
                Err::<String, _>(NexusError::canceled("given back"))
            }))
        },
    );
    let call = Call {
        cancels_after: Some(60),
        ..Call::default()
    };
    assert_eq!(pay(&env, call).await?, "cancelled: given back");
    let cancels = charge.cancel_calls();
    assert_eq!((cancels.len(), cancels[0].token.as_str()), (1, "charge-1"));
    assert_eq!(cancels[0].outcome, NexusCancelOutcome::Accepted);
    Ok(())
}

#[workflow_test]
async fn a_handler_refuses_a_request_to_cancel(env: TestWorkflowEnvironment) -> TestResult {
    start_worker(&env)?;
    let charge = env
        .nexus_operation("bank", "Accounts", "charge", |_: NexusCall<u64>| async {
            Ok(NexusStarted::new("charge-1").completes(async {
                tokio::time::sleep(Duration::from_hours(1)).await;
                Ok("receipt")
            }))
        })
        .on_cancel(|cancel| async move {
            Err(match cancel.attempt {
                1 => NexusError::handler(NexusHandlerErrorType::Unavailable, "closed"),
                _ => NexusError::handler(NexusHandlerErrorType::NotImplemented, "no way back"),
            })
        });
    let call = Call {
        cancels_after: Some(60),
        cancellation_type: CancellationType::WaitCancellationRequested,
        ..Call::default()
    };
    assert_eq!(pay(&env, call).await?, "failed: no way back");
    assert_eq!(charge.cancel_calls().len(), 2);
    Ok(())
}

#[workflow_test]
async fn an_operation_of_an_endpoint_that_has_others_is_not_found(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start_worker(&env)?;
    env.nexus_operation("bank", "Accounts", "audit", |_: NexusCall<u64>| async {
        Ok(())
    });
    assert_eq!(
        pay(&env, Call::default()).await?,
        "not started: endpoint \"bank\" has no operation Accounts/charge; it has Accounts/audit"
    );
    Ok(())
}

#[workflow_test]
async fn an_operation_that_takes_too_long_times_out(env: TestWorkflowEnvironment) -> TestResult {
    start_worker(&env)?;
    let charge = env.nexus_operation("bank", "Accounts", "charge", |_: NexusCall<u64>| async {
        // The handler takes longer than the service waits for an answer: the service asks again and
        // again.
        tokio::time::sleep(Duration::from_secs(20)).await;
        Ok("too late")
    });
    let call = Call {
        schedule_to_close: Some(60),
        ..Call::default()
    };
    assert_eq!(pay(&env, call).await?, "not started: operation timed out");
    assert!(charge.calls().len() > 2, "{:?}", charge.calls());
    Ok(())
}

/// Returns the verdict on a world of this test, and its histories.
fn world(
    options: &WorldOptions,
    body: fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult>,
) -> WorldReport {
    run_world(&body, options)
}

fn report_of(report: &WorldReport) -> String {
    report
        .failure
        .as_ref()
        .expect("a failure")
        .render(durasim::report::Colors::Off)
}

#[test]
fn an_endpoint_that_is_not_there_ends_the_test_with_a_diagnosis() {
    let report = world(&WorldOptions::default(), |env| {
        async move {
            start_worker(&env)?;
            pay(
                &env,
                Call {
                    endpoint: "post office".to_owned(),
                    ..Call::default()
                },
            )
            .await?;
            Ok(())
        }
        .boxed_local()
    });
    insta::assert_snapshot!(report_of(&report));
}

#[test]
fn an_operation_that_nobody_completes_ends_the_test_with_a_diagnosis() {
    let report = world(&WorldOptions::default(), |env| {
        async move {
            start_worker(&env)?;
            env.nexus_operation("bank", "Accounts", "charge", |_: NexusCall<u64>| async {
                Ok(NexusStarted::new("charge-1"))
            });
            pay(&env, Call::default()).await?;
            Ok(())
        }
        .boxed_local()
    });
    insta::assert_snapshot!(report_of(&report));
}

/// Loses an answer, and returns what the handler does when it is asked twice.
fn lost_answer(env: TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> {
    async move {
        start_worker(&env)?;
        let charged = Rc::new(Cell::new(0));
        let counter = charged.clone();
        let charge =
            env.nexus_operation("bank", "Accounts", "charge", move |call: NexusCall<u64>| {
                let charged = counter.clone();
                async move {
                    charged.set(charged.get() + call.input);
                    Ok(format!("charged {}", charged.get()))
                }
            });
        env.observe("charged", {
            let charged = charged.clone();
            move || charged.get()
        });
        pay(&env, Call::default()).await?;
        let calls = charge.calls();
        assert!(
            calls
                .iter()
                .all(|call| call.request_id == calls[0].request_id)
        );
        Ok(())
    }
    .boxed_local()
}

#[test]
fn a_lost_answer_makes_the_service_ask_again_with_the_same_request_id() {
    let fault = Fault::nexus_answer_lost().at("nexus Accounts.charge");
    let mut options = WorldOptions::default();
    options.faults = fault.into();
    let report = world(&options, lost_answer);
    assert!(report.failure.is_none(), "{}", report_of(&report));
    let benign = world(&WorldOptions::default(), lost_answer);
    let charged = |report: &WorldReport| report.observations["charged"].clone();
    assert_eq!(
        (charged(&benign), charged(&report)),
        (100.into(), 200.into())
    );
}

#[workflow_test(
    seeds = 64,
    faults = FaultProfile::none().with_odds(FaultKind::NexusAnswerLost, 0.5),
)]
async fn a_handler_that_knows_the_request_id_charges_once(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start_worker(&env)?;
    let charges = env.ledger("charges");
    let applied = charges.clone();
    let charge = env.nexus_operation("bank", "Accounts", "charge", move |call: NexusCall<u64>| {
        let charges = applied.clone();
        async move {
            charges.record(call.request_id.clone(), call.input);
            Ok("receipt")
        }
    });
    assert_eq!(pay(&env, Call::default()).await?, "receipt");
    env.sometimes("an answer was lost", charge.calls().len() > 1);
    Ok(())
}
