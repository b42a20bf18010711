//! A macro that makes one test for each sound scenario.

/// Makes one `#[test]` for each sound scenario, with the scenario's name, that calls a function
/// with the scenario.
macro_rules! each_sound_scenario {
    ($check:path) => {
        each_sound_scenario! {
            $check:
            fetch_and_process, approval, batch, large_file, saga, payment, transfer, renewal,
            fan_out, delivery, subscription, versioned, pulled, inventory, notifications, order,
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
            let sound = scenarios::registry::sound().map(|scenario| scenario.name);
            let sound: Vec<_> = sound.collect();
            assert_eq!(sound, listed);
        }
    };
}
