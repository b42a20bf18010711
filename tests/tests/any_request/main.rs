//! A cluster answers whatever is asked of it: every RPC, filled by what the protocol says of its
//! fields, in any order, by callers who know what they were told before.
//!
//! Nothing here names an RPC, so one that is new is asked too. The cases are the same everywhere;
//! for more and others: `PROPTEST_CASES=5000 PROPTEST_RNG_SEED=7 cargo test -p durasim-tests --test
//! any_request`.

mod fill;
mod known;
mod protocol;
mod world;

use std::{collections::BTreeSet, fmt::Debug};

use durasim_service::Rpc;
use pretty_assertions::assert_eq;
use proptest::{collection::vec, prelude::*, test_runner::RngSeed};

use world::{Step, World};

/// Returns the configuration: 64 cases, always the same, unless the environment says otherwise.
fn config() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let is_default = asked.cases == 256;
    let rng_seed = match asked.rng_seed {
        RngSeed::Random => RngSeed::Fixed(0),
        fixed @ RngSeed::Fixed(_) => fixed,
    };
    ProptestConfig {
        cases: if is_default { 64 } else { asked.cases },
        rng_seed,
        failure_persistence: None,
        ..asked
    }
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let picks = || vec(any::<u8>(), 0..160);
    let step = prop_oneof![
        24 => (any::<u8>(), picks()).prop_map(|(rpc, picks)| Step::Ask { rpc, picks }),
        2 => (any::<u8>(), picks()).prop_map(|(rpc, picks)| Step::Operate { rpc, picks }),
        6 => any::<u8>().prop_map(|how| Step::Work { how }),
        3 => (0..30_000_u32).prop_map(|ms| Step::Pass { ms }),
        1 => any::<u8>().prop_map(|call| Step::Expire { call }),
    ];
    vec(step, 1..most)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_request_gets_one_clear_answer(steps in steps(300)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.end();
    }

    #[test]
    fn the_same_requests_get_the_same_answers(steps in steps(100)) {
        let [once, again] = [(); 2].map(|()| {
            let mut world = World::new();
            for step in &steps {
                world.take(step);
            }
            world.end();
            world.answers()
        });
        // What is no number equals nothing, not even itself, but its text does.
        if once != again {
            assert_eq!(told(&once), told(&again));
        }
    }
}

/// Returns the lines of the text of answers. Fields of maps, which have no order, are sorted.
fn told(answers: &impl Debug) -> Vec<String> {
    let text = format!("{answers:#?}");
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

/// The RPCs that a server in its default configuration refuses always.
const DISABLED: [Rpc; 13] = [
    Rpc::PauseWorkflowExecution,
    Rpc::UnpauseWorkflowExecution,
    Rpc::PollWorkflowExecutionTimeSkipping,
    Rpc::CreateWorkflowRule,
    Rpc::DescribeWorkflowRule,
    Rpc::DeleteWorkflowRule,
    Rpc::ListWorkflowRules,
    Rpc::TriggerWorkflowRule,
    Rpc::UpdateWorkerBuildIdCompatibility,
    Rpc::GetWorkerBuildIdCompatibility,
    Rpc::UpdateWorkerVersioningRules,
    Rpc::GetWorkerVersioningRules,
    Rpc::GetWorkerTaskReachability,
];

/// Shows that the requests made here are not refused for their form alone.
#[test]
fn nearly_every_rpc_is_served_for_some_request() {
    let mut world = World::new();
    for number in 0_u64..12_000 {
        let picks = (0..160).map(|place| fill::mixed(number * 1_000 + place));
        let rpc = fill::mixed(number.wrapping_mul(7_919));
        world.take(&match number % 5 {
            3 if number % 2 == 0 => Step::Pass { ms: 400 },
            3 | 4 => Step::Work {
                how: fill::mixed(number),
            },
            _ => Step::Ask {
                rpc,
                picks: picks.collect(),
            },
        });
    }
    world.end();
    let asked = |rpc: &Rpc| protocol::workflow_rpc(*rpc).is_some() && !DISABLED.contains(rpc);
    let all: BTreeSet<_> = Rpc::ALL.iter().copied().filter(asked).collect();
    let refused: Vec<_> = all.difference(world.served()).collect();
    assert!(refused.len() * 10 <= all.len(), "never served: {refused:?}");
}
