//! Two notices, and a register that is busy at first.

pub mod workflow;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use durasim::{TestResult, TestWorkflowEnvironment};
use temporalio_client::WorkflowGetResultOptions;

use crate::{
    scenario::{Scenario, workflows},
    support::on,
};
use workflow::{Letter, Letters, Notice, NotificationWorkflow, Office, RegisterBusy};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "notifications",
    about: "local activities look up addresses; replay does not run them again",
    flaw: None,
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![NotificationWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let office = env.shared(FakeOffice::default());
    env.worker("notices")
        .implementer(Letters::new(office.clone()))
        .activity(Letters::address)
        .activity(Letters::render)
        .activity(Letters::send)
        .workflow::<NotificationWorkflow>()
        .start()?;
    let sent = office.clone();
    env.observe("the letters", move || sent.letters());

    let notices = vec![notice("notice-1", "ann"), notice("notice-2", "bob")];
    let handle = env
        .client()
        .start_workflow(
            NotificationWorkflow::run,
            notices,
            on("notices", "notices-1"),
        )
        .await?;
    let count = handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;

    assert_eq!(count, 2);
    assert_eq!(
        office.letters()["notice-2"],
        "to Bob's house: This is about the rent."
    );
    Ok(())
}

fn notice(id: &str, customer: &str) -> Notice {
    Notice {
        id: id.to_owned(),
        customer: customer.to_owned(),
        subject: "the rent".to_owned(),
    }
}

/// An office that knows two people and keeps the letters it sent.
#[derive(Default)]
struct FakeOffice {
    open: AtomicBool,
    sent: Mutex<BTreeMap<String, String>>,
}

impl FakeOffice {
    fn letters(&self) -> BTreeMap<String, String> {
        self.sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Office for FakeOffice {
    fn address(&self, customer: &str) -> Result<String, RegisterBusy> {
        if !self.open.swap(true, Ordering::Relaxed) {
            return Err(RegisterBusy);
        }
        Ok(if customer == "bob" {
            "Bob's house"
        } else {
            "Ann's house"
        }
        .to_owned())
    }

    fn send(&self, letter: &Letter) {
        let text = format!("to {}: {}", letter.address, letter.text);
        self.sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(letter.id.clone())
            .or_insert(text);
    }
}
