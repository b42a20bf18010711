//! The service tolerates any request: it does not panic, no history breaks a rule, statuses are
//! clear, no run is lost, every call gets an answer, and the same calls get the same answers.
//!
//! The cases are the same everywhere, so that a failure can be repeated. For more and other cases:
//! `PROPTEST_CASES=50000 PROPTEST_RNG_SEED=7 cargo test -p durasim-service --test random_requests`.

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

/// Returns the configuration: 256 cases, always the same, unless the environment says otherwise.
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
    fn random_sequences_find_no_trace_of_runs_that_were_dropped(steps in steps(60)) {
        let mut world = World::with_short_retention();
        for (place, step) in steps.iter().enumerate() {
            world.take(step);
            if place % 6 == 5 {
                world.drop_some();
            }
        }
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

/// The order of things without an order, such as the fields of a memo, does not matter.
#[test]
fn answers_do_not_depend_on_the_order_of_maps() {
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
