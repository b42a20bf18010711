//! The service survives whatever is sent to it: no panic, no history that breaks the rules, clear
//! status codes, no run that is lost, no call without an answer, and the same answers to the same
//! calls.
//!
//! The cases are the same in every run, so that what fails in one place fails in every other. More
//! of them, and others: `PROPTEST_CASES=50000 PROPTEST_RNG_SEED=7 cargo test -p durasim-service
//! --test random_requests`.

mod random;

use durasim_service::RequestId;
use pretty_assertions::assert_eq;
use proptest::{prelude::*, test_runner::RngSeed};
use random::{
    calls::Call,
    commands::Command,
    steps::{Step, Work, steps},
    world::{Said, World},
};

/// 256 cases, always the same, unless the environment asks for others.
fn config() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let rng_seed = match asked.rng_seed {
        RngSeed::Random => RngSeed::Fixed(0),
        fixed @ RngSeed::Fixed(_) => fixed,
    };
    ProptestConfig {
        rng_seed,
        failure_persistence: None,
        ..asked
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn random_sequences_leave_histories_that_keep_the_rules(steps in steps(80)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.settle();
    }

    #[test]
    fn random_sequences_near_every_limit_come_to_an_end(steps in steps(60)) {
        let mut world = World::with_low_limits();
        for step in &steps {
            world.take(step);
        }
        world.settle();
    }

    #[test]
    fn the_same_calls_give_the_same_answers(steps in steps(40)) {
        let (once, again) = (replies(&steps), replies(&steps));
        prop_assert_eq!(once.len(), again.len());
        for (one, other) in once.iter().zip(&again) {
            prop_assert_eq!(one, other);
        }
    }
}

fn replies(steps: &[Step]) -> Vec<(RequestId, Said)> {
    let mut world = World::new();
    for step in steps {
        world.take(step);
    }
    world.log()
}

/// What has no order, such as the fields of a memo, makes no difference between two answers.
#[test]
fn answers_that_hold_maps_are_the_same_answers() {
    let upserts = (0..4).map(Command::upsert_memo).collect();
    let steps = [
        Step::Call(Call::plain_start(0)),
        Step::Work(Work::NextTask {
            commands: upserts,
            update: 0,
            query: 0,
            options: 0,
        }),
        Step::Call(Call::describe(0)),
    ];
    let once = replies(&steps);
    for _ in 0..16 {
        assert_eq!(replies(&steps), once);
    }
}
