//! The worlds in which the probes of checks look for their evidence: workflows with flaws, one that
//! buys, and one that is fickle.

#![allow(
    clippy::disallowed_types,
    reason = "hash order is what is to be caught"
)]
#![allow(
    unreachable_pub,
    reason = "workflows and activities as their users ship them"
)]

use std::{
    collections::HashSet,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime},
};

use futures::FutureExt;
use serde::{Deserialize, Serialize};
use temporalio_client::{WorkflowGetResultOptions, WorkflowQueryOptions, WorkflowStartOptions};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowContextView, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use super::proof::{Evidence, shown};
use crate::{
    EffectLedger, TestResult, TestWorkflowEnvironment,
    advanced::{Campaign, WorldOptions},
    report::FailureCode,
};

/// A counter of what a world's activities did.
#[derive(Clone, Default)]
pub(super) struct Counter(Arc<AtomicU32>);

impl Counter {
    pub(super) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A till that charges without an idempotency key.
#[derive(Clone, Default)]
pub struct Till {
    pub(super) charges: Counter,
    ledger: Option<EffectLedger<&'static str>>,
}

impl Till {
    pub(super) fn with_ledger(self, ledger: EffectLedger<&'static str>) -> Self {
        Self {
            ledger: Some(ledger),
            ..self
        }
    }
}

/// The details of a heartbeat, of a type that no worker knows.
#[derive(Serialize, Deserialize)]
struct Progress;

#[activities]
impl Till {
    /// Charges; returns the number of the attempt.
    #[activity]
    pub async fn charge(
        self: Arc<Self>,
        ctx: ActivityContext,
        mood: String,
    ) -> Result<u32, ActivityError> {
        if mood == "beats with what nobody knows" {
            ctx.record_heartbeat(Progress).await?;
        }
        if mood == "stops when asked to" && ctx.info().attempt == 1 {
            ctx.cancelled().await;
            return Err(ActivityError::cancelled());
        }
        self.charges.0.fetch_add(1, Ordering::Relaxed);
        if let Some(ledger) = &self.ledger {
            ledger.apply("one coffee");
        }
        Ok(ctx.info().attempt)
    }
}

/// Charges, in the mood that it is given; returns the number of attempts that it took.
#[workflow]
#[derive(Default)]
pub struct Purchase;

#[workflow_methods]
impl Purchase {
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, mood: String) -> WorkflowResult<u32> {
        assert!(mood != "panics", "as asked");
        ctx.timer(Duration::from_secs(5)).await;
        let attempts = if mood == "cannot be charged three times" {
            2
        } else {
            0
        };
        let retry = RetryPolicy::builder().maximum_attempts(attempts).build();
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(20))
            .retry_policy(retry)
            .build();
        let attempt = ctx
            .execute_activity(Till::charge, mood.clone(), options)
            .await?;
        if attempt > 1 && mood == "gives up when charged again" {
            ctx.wait_condition(|_| false).await?;
        }
        Ok(attempt)
    }
}

/// Runs a test with one purchase, for which it waits an hour at most.
pub(super) async fn buy(
    env: TestWorkflowEnvironment,
    till: Till,
    mood: &str,
) -> TestResult<Option<u32>> {
    env.worker("shop")
        .workflow::<Purchase>()
        .activity(Till::charge)
        .implementer(till)
        .graceful_shutdown_period(Duration::from_secs(5))
        .start()?;
    let options = WorkflowStartOptions::new("shop", "purchase-1").build();
    let purchase = env
        .client()
        .start_workflow(Purchase::run, mood.to_owned(), options)
        .await?;
    let result = purchase.get_result(WorkflowGetResultOptions::default());
    match tokio::time::timeout(Duration::from_hours(1), result).await {
        Ok(attempts) => Ok(Some(attempts?)),
        Err(_) => Ok(None),
    }
}

/// A set whose order a process keeps for ever.
static DICE: LazyLock<HashSet<u64>> = LazyLock::new(|| (1..=64).collect());

/// A workflow that does something else in another instance, or on another day.
#[workflow]
pub struct Fickle {
    instance: u32,
    label: &'static str,
}

#[workflow_methods(factory_only)]
impl Fickle {
    #[run]
    #[expect(
        clippy::disallowed_methods,
        reason = "clocks and threads are what is to be caught"
    )]
    pub async fn run(ctx: &mut WorkflowContext<Self>, about: String) -> WorkflowResult<()> {
        if about == "thread" {
            let other = std::thread::spawn(|| ());
            other.join().expect("it does nothing");
        }
        let days = if about == "clock" || about == "odd days" {
            SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs()
                / 86_400
                % if about == "odd days" { 2 } else { u64::MAX }
        } else if about == "static" {
            DICE.iter().next().copied().unwrap_or_default()
        } else {
            u64::from(ctx.state(|state| state.instance))
        };
        if about == "instance" && days > 0 {
            let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(20));
            ctx.execute_activity(Till::charge, about, options).await?;
        } else {
            ctx.timer(Duration::from_secs(1 + days)).await;
        }
        Ok(())
    }

    #[query]
    pub fn label(&self, _ctx: &WorkflowContextView) -> String {
        self.label.to_owned()
    }
}

/// Runs a test with one fickle workflow, which is asked for its label.
pub(super) async fn fickle(
    env: TestWorkflowEnvironment,
    about: &str,
    label: &'static str,
) -> TestResult {
    let made = AtomicU32::new(0);
    let make = move || Fickle {
        instance: made.fetch_add(1, Ordering::Relaxed),
        label,
    };
    env.worker("shop")
        .workflow_with_factory(make)
        .activity(Till::charge)
        .implementer(Till::default())
        .start()?;
    let options = WorkflowStartOptions::new("shop", "fickle-1").build();
    let workflow = env
        .client()
        .start_workflow(Fickle::run, about.to_owned(), options)
        .await?;
    workflow
        .query(Fickle::label, (), WorkflowQueryOptions::default())
        .await?;
    workflow
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

/// Looks for the evidence of a check: the test fails with this code under these options.
pub(super) fn fails_with<F>(
    code: FailureCode,
    options: WorldOptions,
    test: impl Fn(TestWorkflowEnvironment) -> F + Send + Sync + 'static,
) -> Evidence
where
    F: Future<Output = TestResult> + 'static,
{
    let body = move |env| test(env).boxed_local();
    let choices = options.choices.clone();
    let report = Campaign::new(&body, options).run(choices);
    match report.failure {
        Some(failure) => shown(failure.code == code, || {
            format!("it fails otherwise: {failure}")
        }),
        None => Err(format!("{code} found nothing")),
    }
}
