//! Two transfers at once: one succeeds, one is returned because the receiver has no account.

pub mod workflow;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use durasim::{TestResult, TestWorkflowEnvironment};
use temporalio_client::WorkflowGetResultOptions;

use crate::{
    scenario::{Scenario, workflows},
    support::on,
};
use workflow::{Accounts, BookingRefused, Ledger, Transfer, TransferWorkflow, Transferred};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "transfer",
    about: "money moves between two accounts; the total is the same after every step",
    flaw: None,
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![TransferWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let bank = env.shared(FakeBank::new([("alice", 100), ("bob", 100)]));
    env.worker("transfers")
        .implementer(Ledger::new(bank.clone()))
        .activity(Ledger::withdraw)
        .activity(Ledger::deposit)
        .activity(Ledger::put_back)
        .workflow::<TransferWorkflow>()
        .start()?;
    let books = bank.clone();
    env.invariant("money is neither made nor lost", move || books.check(200));
    let books = bank.clone();
    env.observe("the accounts", move || books.accounts());

    let client = env.client();
    let to_bob = transfer("to-bob", "bob", 30);
    let to_carol = transfer("to-carol", "carol", 20);
    let to_bob = client
        .start_workflow(TransferWorkflow::run, to_bob, on("transfers", "to-bob"))
        .await?;
    let to_carol = client
        .start_workflow(TransferWorkflow::run, to_carol, on("transfers", "to-carol"))
        .await?;

    let options = WorkflowGetResultOptions::default;
    assert_eq!(to_bob.get_result(options()).await?, Transferred::Done);
    assert_eq!(
        to_carol.get_result(options()).await?,
        Transferred::Returned,
        "carol has no account"
    );
    assert_eq!(
        bank.accounts(),
        BTreeMap::from([("alice".to_owned(), 70), ("bob".to_owned(), 130)])
    );
    Ok(())
}

/// Returns a transfer from alice.
pub(crate) fn transfer(id: &str, to: &str, amount: u64) -> Transfer {
    Transfer {
        id: id.to_owned(),
        from: "alice".to_owned(),
        to: to.to_owned(),
        amount,
    }
}

/// A bank: its accounts, and the keys of its bookings.
struct FakeBank(Mutex<Books>);

#[derive(Default)]
struct Books {
    accounts: BTreeMap<String, u64>,
    on_the_way: u64,
    booked: BTreeSet<String>,
}

impl FakeBank {
    fn new(accounts: [(&str, u64); 2]) -> Self {
        let accounts = accounts
            .into_iter()
            .map(|(name, cents)| (name.to_owned(), cents))
            .collect();
        Self(Mutex::new(Books {
            accounts,
            ..Books::default()
        }))
    }

    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accounts(&self) -> BTreeMap<String, u64> {
        self.books().accounts.clone()
    }

    fn check(&self, total: u64) -> Result<(), String> {
        let books = self.books();
        let now = books.accounts.values().sum::<u64>() + books.on_the_way;
        if now == total {
            Ok(())
        } else {
            Err(format!("{now} cents instead of {total}"))
        }
    }
}

fn refuse(account: &str, reason: &str) -> BookingRefused {
    BookingRefused {
        account: account.to_owned(),
        reason: reason.to_owned(),
    }
}

impl Accounts for FakeBank {
    fn withdraw(&self, key: &str, account: &str, amount: u64) -> Result<(), BookingRefused> {
        let mut books = self.books();
        if books.booked.contains(key) {
            return Ok(());
        }
        let balance = books
            .accounts
            .get_mut(account)
            .ok_or_else(|| refuse(account, "no such account"))?;
        *balance = balance
            .checked_sub(amount)
            .ok_or_else(|| refuse(account, "too little money"))?;
        books.on_the_way += amount;
        books.booked.insert(key.to_owned());
        Ok(())
    }

    fn deposit(&self, key: &str, account: &str, amount: u64) -> Result<(), BookingRefused> {
        let mut books = self.books();
        if books.booked.contains(key) {
            return Ok(());
        }
        let balance = books
            .accounts
            .get_mut(account)
            .ok_or_else(|| refuse(account, "no such account"))?;
        *balance += amount;
        books.on_the_way = books
            .on_the_way
            .checked_sub(amount)
            .expect("what is paid in was taken out before");
        books.booked.insert(key.to_owned());
        Ok(())
    }
}
