//! A subscription of eight months in three runs; signals arrive when one run continues as the next.

pub mod workflow;

use std::{
    cell::Cell,
    collections::BTreeMap,
    rc::Rc,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use durasim::{TestResult, TestWorkflowEnvironment};
use temporalio_client::{WorkflowGetResultOptions, WorkflowSignalOptions};

use crate::{
    scenario::{Scenario, workflows},
    support::{accepted, days, on, same},
};
use workflow::{Bank, Billing, Subscription, SubscriptionWorkflow};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "subscription",
    about: "continue-as-new every three months; signals are drained first, and none is lost",
    flaw: None,
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![SubscriptionWorkflow],
};

const MONTHS: u32 = 8;

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let bank = env.shared(FakeBank::default());
    env.worker("subscriptions")
        .implementer(Billing::new(bank.clone()))
        .activity(Billing::collect)
        .workflow::<SubscriptionWorkflow>()
        .start()?;

    let client = env.client();
    let new = Subscription {
        customer: "ann".to_owned(),
        seats: 1,
        month: 0,
        months: MONTHS,
    };
    let options = on("subscriptions", "subscription-1");
    let subscription = client
        .start_workflow(SubscriptionWorkflow::run, new, options)
        .await?;

    // Without a run id: a signal goes to the run that is current when it arrives.
    let latest = client.get_workflow_handle::<SubscriptionWorkflow>("subscription-1");
    let granted = Rc::new(Cell::new(0));
    // The second signal arrives just before the first run continues as new.
    for (day, seats) in [(10, 1), (90, 2), (100, 4)] {
        let (env, latest, granted) = (env.clone(), same(&latest), granted.clone());
        env.clone().spawn(async move {
            env.sleep(days(day).saturating_sub(Duration::from_millis(1)))
                .await;
            let options = WorkflowSignalOptions::default();
            if accepted(
                latest
                    .signal(SubscriptionWorkflow::add_seats, seats, options)
                    .await,
            )? {
                granted.set(granted.get() + seats);
            }
            TestResult::Ok(())
        });
    }

    let end = subscription
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    let bills = bank.bills();
    assert_eq!(end.month, MONTHS);
    assert_eq!(bills.len(), MONTHS as usize, "each month is paid for once");
    assert!(
        bills.values().is_sorted(),
        "seats are never lost: {bills:?}"
    );
    assert!(
        end.seats > granted.get(),
        "{} seats were granted: {end:?}",
        granted.get()
    );
    Ok(())
}

/// The bills that were collected, by key.
#[derive(Default)]
struct FakeBank {
    bills: Mutex<BTreeMap<String, u32>>,
}

impl FakeBank {
    fn bills(&self) -> BTreeMap<String, u32> {
        self.bills
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Bank for FakeBank {
    fn collect(&self, key: &str, seats: u32) {
        let mut bills = self.bills.lock().unwrap_or_else(PoisonError::into_inner);
        bills.entry(key.to_owned()).or_insert(seats);
    }
}
