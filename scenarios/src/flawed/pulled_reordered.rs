//! `pulled`, but the next version reorders the steps without `patched`.

use durasim::{History, TestResult, TestWorkflowEnvironment, report::FailureCode};

use crate::{
    flawed::reordered_activities::ReorderedV2,
    pulled::HISTORIES,
    scenario::{Flaw, Scenario, workflows},
    versioned::{FakeShop, workflow::Fulfilment},
};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/pulled_reordered",
    about: "open runs, pulled from production, go on with a version that changes the order of \
            activities",
    flaw: Some(Flaw {
        twin: "pulled",
        code: FailureCode::Replay,
        faults: 0,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![ReorderedV2],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let shop = env.shared(FakeShop::default());
    env.worker("orders")
        .implementer(Fulfilment::new(shop))
        .activity(Fulfilment::reserve)
        .activity(Fulfilment::check)
        .activity(Fulfilment::ship)
        .workflow::<ReorderedV2>()
        .start()?;
    // The flaw shows without a test of anything: the runs go on.
    for history in HISTORIES {
        env.import(&History::from_json(history)?).await?;
    }
    Ok(())
}
