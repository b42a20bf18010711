//! Tests and workflows that wait for what never comes, or go round in a loop.

use std::sync::Arc;

use durasim::{advanced::TestOptions, prelude::*};
use temporalio_client::UntypedSignal;
use temporalio_common::{
    UntypedWorkflow,
    data_converters::{PayloadConverter, RawValue},
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
    activities::ActivityError,
    runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder},
    workflows::{join, select},
};
use tokio::sync::Notify;

use crate::{
    shop::{HOUR, Work, at_most, briefly, result, start},
    table::mistakes,
};

/// Waits as its input says.
#[workflow]
#[derive(Default)]
struct Patient {
    approved: bool,
}

#[workflow_methods]
impl Patient {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, how: String) -> WorkflowResult<String> {
        match how.as_str() {
            "for an approval" => ctx.wait_condition(|state| state.approved).await?,
            "for an approval, a day at most" => select! {
                approved = ctx.wait_condition(|state| state.approved) => approved?,
                _ = ctx.timer(24 * HOUR) => {}
            },
            "for itself" => {
                let (first, second) = (false, false);
                ctx.wait_condition(|_| first || second).await?;
            }
            "for a slow activity" => {
                let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(5))
                    .retry_policy(at_most(2).retry_policy.unwrap_or_default())
                    .build();
                ctx.execute_activity(Work::slow, (), options).await?;
            }
            "long enough" => {
                let options = ActivityOptions::start_to_close_timeout(HOUR);
                ctx.execute_activity(Work::slow, (), options).await?;
            }
            "for a heartbeat" => {
                let options = ActivityOptions::with_start_to_close_timeout(HOUR)
                    .heartbeat_timeout(Duration::from_secs(5))
                    .retry_policy(at_most(2).retry_policy.unwrap_or_default())
                    .build();
                ctx.execute_activity(Work::slow, (), options).await?;
            }
            "by the second" => {
                while !ctx.state(|state| state.approved) {
                    ctx.timer(Duration::from_secs(1)).await;
                }
            }
            "for two at once" => {
                let ctx = &*ctx;
                let hour = ActivityOptions::start_to_close_timeout(24 * HOUR);
                let slow = ctx.execute_activity(Work::slow, (), hour);
                let note = ctx.execute_activity(Work::note, "go", briefly());
                let (slow, note) = join!(slow, note);
                slow?;
                note?;
            }
            "for the impossible" => ctx.execute_activity(Work::fail, (), briefly()).await?,
            "for the impossible, thrice" => {
                drop(ctx.execute_activity(Work::fail, (), at_most(3)).await);
            }
            _ => {}
        }
        Ok(how)
    }

    #[query]
    fn is_approved(&self, _ctx: &WorkflowContextView) -> bool {
        self.approved
    }

    #[signal]
    fn approve(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.approved = true;
    }
}

async fn patient(env: TestWorkflowEnvironment, how: &str) -> TestResult {
    env.worker("shop")
        .workflow::<Patient>()
        .activity(Work::slow)
        .activity(Work::fail)
        .start()?;
    let patient = start!(env, Patient::run, how.to_owned());
    result!(patient); // <- a_timeout_is_too_short, an_activity_does_not_heartbeat
    Ok(())
}

/// Sends a signal to a workflow that waits for an approval.
async fn signalled(env: TestWorkflowEnvironment, signal: &str) -> TestResult {
    env.worker("shop").workflow::<Patient>().start()?;
    let patient = start!(env, Patient::run, "for an approval".to_owned());
    let untyped = env.client().get_workflow_handle::<UntypedWorkflow>("w-1");
    let nothing = RawValue::from_value(&(), &PayloadConverter::default());
    let options = WorkflowSignalOptions::default();
    untyped
        .signal(UntypedSignal::new(signal), nothing, options)
        .await?;
    result!(patient);
    Ok(())
}

mistakes! {
    nobody_sends_the_signal: "DS003" says ["Patient w-1", "send signal approve from the test"]
        wrong |env| Box::pin(patient(env, "for an approval")),
        mended |env| Box::pin(signalled(env, "approve"));
    a_wait_has_no_bound: "DS003" says ["bound the wait in the workflow", "`select!` with a timer"]
        wrong |env| Box::pin(patient(env, "for an approval")),
        mended |env| Box::pin(patient(env, "for an approval, a day at most"));
    the_name_of_a_signal_is_misspelt: "DS003" says ["signal approve was not sent", "aprove"]
        wrong |env| Box::pin(signalled(env, "aprove")),
        mended |env| Box::pin(signalled(env, "approve"));
    a_condition_never_holds: "DS003" says ["Patient w-1", "a condition"]
        wrong |env| Box::pin(patient(env, "for itself")),
        mended |env| Box::pin(patient(env, "at all"));
    a_test_waits_outside_its_world: "DS003" says ["the test waits for something outside its world"]
        wrong |_env| Box::pin(std::future::pending()),
        mended |env| Box::pin(async move {
            env.sleep(HOUR).await;
            Ok(())
        });
    activities_wait_for_each_other: "DS003" says [
        "activity slots are all taken",
        "give the worker more slots, `.tuner(..)`",
    ]
        wrong |env| Box::pin(meets(env, 1)),
        mended |env| Box::pin(meets(env, 2));
    a_timeout_is_too_short: "DS002" says ["StartToClose"]
        wrong |env| Box::pin(patient(env, "for a slow activity")),
        mended |env| Box::pin(patient(env, "long enough"));
    an_activity_does_not_heartbeat: "DS002" says ["Heartbeat"]
        wrong |env| Box::pin(patient(env, "for a heartbeat")),
        mended |env| Box::pin(async move {
            env.worker("shop")
                .workflow::<Patient>()
                .mock_activity(Work::slow, |call| async move {
                    for _ in 0..20 {
                        tokio::time::sleep(Duration::from_secs(3)).await;
                        call.record_heartbeat(&());
                    }
                    Ok(())
                })
                .start()?;
            let patient = start!(env, Patient::run, "for a heartbeat".to_owned());
            result!(patient);
            Ok(())
        });
    retries_have_no_end: "DS004" says ["Work::fail", "maximum_attempts"]
        wrong |env| Box::pin(patient(env, "for the impossible")),
        mended |env| Box::pin(patient(env, "for the impossible, thrice"));
    a_test_polls: "DS004" says [
        "the test has asked 1000 times in a row",
        "send signal approve",
        "Await the result in place of polling",
    ]
        wrong |env| Box::pin(async move {
            env.worker("shop").workflow::<Patient>().start()?;
            let patient = start!(env, Patient::run, "for an approval".to_owned());
            loop {
                let options = WorkflowDescribeOptions::default();
                if patient.describe(options).await?.close_time().is_some() {
                    break;
                }
                env.sleep(Duration::from_millis(10)).await;
            }
            Ok(())
        }),
        mended |env| Box::pin(signalled(env, "approve"));
    a_workflow_polls: "DS004" says ["the workflow has waited for", "look for an endless loop"]
        wrong |env| Box::pin(patient(env, "by the second")),
        mended |env| Box::pin(patient(env, "for an approval, a day at most"));
    a_test_polls_a_query: "DS004" says ["the test has asked 1000 times in a row", "approve"]
        wrong |env| Box::pin(async move {
            env.worker("shop").workflow::<Patient>().start()?;
            let patient = start!(env, Patient::run, "for an approval".to_owned());
            while !patient.query(Patient::is_approved, (), WorkflowQueryOptions::default()).await? {
                env.sleep(Duration::from_secs(1)).await;
            }
            Ok(())
        }),
        mended |env| Box::pin(signalled(env, "approve"));
    a_test_sleeps_for_ever: "DS004" says ["virtual time"]
        wrong |env| Box::pin(async move {
            env.sleep(Duration::from_secs(u64::MAX / 1000)).await;
            Ok(())
        }),
        mended |env| Box::pin(async move {
            env.sleep(365 * 24 * HOUR).await;
            Ok(())
        });
    a_loop_has_no_await: "DS004" says [
        "the test has kept the thread of its world",
        "a loop without an await",
    ]
        with TestOptions::new().limits(Limits { max_stall_ms: 300, ..Limits::default() }),
        wrong |env| Box::pin(async move {
            let end = env.now() + HOUR;
            while env.now() < end {
                std::thread::park_timeout(HOUR); // <- a_loop_has_no_await
            }
            Ok(())
        }),
        mended |env| Box::pin(async move {
            env.sleep(HOUR).await;
            Ok(())
        });
    a_test_gives_up_too_soon: "DS002" says ["Patient w-1"]
        wrong |env| Box::pin(async move {
            env.worker("shop").workflow::<Patient>().start()?;
            let patient = start!(env, Patient::run, "for an approval, a day at most".to_owned());
            let result = patient.get_result(WorkflowGetResultOptions::default());
            tokio::time::timeout(HOUR, result).await??; // <- a_test_gives_up_too_soon
            Ok(())
        }),
        mended |env| Box::pin(patient(env, "for an approval, a day at most"));
    a_test_ends_early: "DS001" says ["look at what the workflows did, above"]
        wrong |env| Box::pin(async move {
            env.worker("shop")
                .workflow::<Patient>()
                .mock_activity(Work::fail, |_| async { Ok(()) })
                .start()?;
            start!(env, Patient::run, "for the impossible".to_owned());
            assert_eq!(env.calls(Work::fail).len(), 1); // <- a_test_ends_early
            Ok(())
        }),
        mended |env| Box::pin(async move {
            env.worker("shop")
                .workflow::<Patient>()
                .mock_activity(Work::fail, |_| async { Ok(()) })
                .start()?;
            let patient = start!(env, Patient::run, "for the impossible".to_owned());
            result!(patient);
            assert_eq!(env.calls(Work::fail).len(), 1);
            Ok(())
        });
    an_error_is_never_retried_away: "DS002" says ["out of paper"]
        wrong |env| Box::pin(async move {
            env.worker("shop")
                .workflow::<Patient>()
                .mock_activity(Work::fail, |_| async {
                    let source = std::io::Error::other("out of paper");
                    Err::<(), _>(ActivityError::from(
                        temporalio_sdk::ApplicationFailure::builder(source)
                            .non_retryable(true)
                            .build(),
                    ))
                })
                .start()?;
            let patient = start!(env, Patient::run, "for the impossible".to_owned());
            result!(patient); // <- an_error_is_never_retried_away
            Ok(())
        }),
        mended |env| Box::pin(async move {
            let busy = Err(ActivityError::from(std::io::Error::other("out of paper")));
            env.worker("shop")
                .workflow::<Patient>()
                .mock_activity(Work::fail, returns_in_order([busy, Ok(())]))
                .start()?;
            let patient = start!(env, Patient::run, "for the impossible".to_owned());
            result!(patient);
            Ok(())
        });
}

/// Runs two activities, one of which waits for the other, on a worker with so many slots for them.
async fn meets(env: TestWorkflowEnvironment, slots: usize) -> TestResult {
    let tuner = TunerHolder::builder()
        .workflow_task_slot_supplier(FixedSizeSlotSupplier::new(100))
        .activity_task_slot_supplier(FixedSizeSlotSupplier::new(slots))
        .local_activity_task_slot_supplier(FixedSizeSlotSupplier::new(100))
        .nexus_task_slot_supplier(FixedSizeSlotSupplier::new(100))
        .build();
    let gone = Arc::new(Notify::new());
    let go = gone.clone();
    env.worker("shop")
        .workflow::<Patient>()
        .mock_activity(Work::slow, move |_| {
            let gone = gone.clone();
            async move {
                gone.notified().await;
                Ok(())
            }
        })
        .mock_activity(Work::note, move |call| {
            go.notify_one();
            async move { Ok(call.input) }
        })
        .tuner(tuner)
        .start()?;
    let patient = start!(env, Patient::run, "for two at once".to_owned());
    result!(patient);
    Ok(())
}
