//! A test for each sound scenario.

/// One `#[test]` for each sound scenario, named for it, that calls a function with it.
macro_rules! each_sound_scenario {
    ($check:path) => {
        each_sound_scenario! {
            $check:
            fetch_and_process, approval, batch, large_file, saga, payment, transfer, renewal, fan_out, subscription,
            versioned, inventory, notifications, order,
        }
    };
    ($check:path: $($name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                $check(scenarios::registry::find(stringify!($name)).unwrap());
            }
        )+

        #[test]
        fn no_sound_scenario_is_left_out() {
            let listed = [$(stringify!($name)),+];
            let sound: Vec<_> = scenarios::registry::sound().map(|scenario| scenario.name).collect();
            assert_eq!(sound, listed);
        }
    };
}
