//! The service survives whatever is sent to it: no panic, no history that breaks the rules, clear status codes, and
//! the same answers to the same calls.

mod random;

use proptest::prelude::*;
use random::{steps::steps, world::World};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn random_sequences_leave_histories_that_keep_the_rules(steps in steps(80)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.settle();
    }

    #[test]
    fn the_same_calls_give_the_same_answers(steps in steps(40)) {
        let log = || {
            let mut world = World::new();
            for step in &steps {
                world.take(step);
            }
            world.log()
        };
        prop_assert_eq!(log(), log());
    }
}
