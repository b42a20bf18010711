//! `transfer`, but the deposit has no key: a deposit that runs twice makes money.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::WorkflowGetResultOptions;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    scenario::{Flaw, Scenario, workflows},
    support::on,
    transfer::{
        transfer,
        workflow::{Transfer, Transferred, options},
    },
};

/// A bank that books every request, repeated ones included.
pub trait Books: Send + Sync {
    /// Takes money from an account, once for each key.
    fn take(&self, key: &str, account: &str, cents: u64);

    /// Adds money to an account.
    fn add(&self, account: &str, cents: u64);
}

/// Moves money.
#[workflow]
#[derive(Default)]
pub struct KeylessTransferWorkflow;

#[workflow_methods]
impl KeylessTransferWorkflow {
    #[run]
    pub async fn run(
        ctx: &mut WorkflowContext<Self>,
        transfer: Transfer,
    ) -> WorkflowResult<Transferred> {
        ctx.execute_activity(KeylessLedger::withdraw, transfer.clone(), options())
            .await?;
        ctx.execute_activity(KeylessLedger::deposit, transfer, options())
            .await?;
        Ok(Transferred::Done)
    }
}

/// The bookings of a transfer.
pub struct KeylessLedger {
    books: Arc<dyn Books>,
}

#[activities]
impl KeylessLedger {
    #[activity]
    pub async fn withdraw(
        self: Arc<Self>,
        _ctx: ActivityContext,
        transfer: Transfer,
    ) -> Result<(), ActivityError> {
        self.books
            .take(&transfer.id, &transfer.from, transfer.amount);
        Ok(())
    }

    #[activity]
    pub async fn deposit(
        self: Arc<Self>,
        _ctx: ActivityContext,
        transfer: Transfer,
    ) -> Result<(), ActivityError> {
        // The flaw: a retry of this deposit looks like a new deposit.
        self.books.add(&transfer.to, transfer.amount);
        Ok(())
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/double_deposit",
    about: "a deposit without an idempotency key makes money when it runs twice",
    flaw: Some(Flaw {
        twin: "transfer",
        code: FailureCode::Invariant,
        faults: 1,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![KeylessTransferWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let books = env.shared(FakeBooks::default());
    env.worker("transfers")
        .implementer(KeylessLedger {
            books: books.clone(),
        })
        .activity(KeylessLedger::withdraw)
        .activity(KeylessLedger::deposit)
        .workflow::<KeylessTransferWorkflow>()
        .start()?;
    env.invariant("no more money than there was", move || books.total() <= 0);

    let transfer = transfer("to-bob", "bob", 30);
    let options = on("transfers", "to-bob");
    let handle = env
        .client()
        .start_workflow(KeylessTransferWorkflow::run, transfer, options)
        .await?;
    handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

/// The balance of each account, and the keys of its withdrawals.
#[derive(Default)]
struct FakeBooks {
    gains: Mutex<BTreeMap<String, i64>>,
    withdrawn: Mutex<BTreeMap<String, u64>>,
}

impl FakeBooks {
    fn total(&self) -> i64 {
        self.gains
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .sum()
    }

    fn gain(&self, account: &str, cents: i64) {
        *self
            .gains
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(account.to_owned())
            .or_default() += cents;
    }
}

impl Books for FakeBooks {
    fn take(&self, key: &str, account: &str, cents: u64) {
        let mut withdrawn = self
            .withdrawn
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if withdrawn.insert(key.to_owned(), cents).is_none() {
            self.gain(account, -cents.cast_signed());
        }
    }

    fn add(&self, account: &str, cents: u64) {
        self.gain(account, cents.cast_signed());
    }
}
