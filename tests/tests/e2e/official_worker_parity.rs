//! Parity of workers: with the simulated workers or the official one, each scenario's world has the
//! same histories, ids, times and attributes included.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use durasim::advanced::{ChoiceSource, WorldOptions};
use durasim_tests::{official_tasks::official_worker, parity, worlds};
use pretty_assertions::assert_eq;
use scenarios::{
    notifications::workflow::{Letter, Letters, Office, RegisterBusy},
    registry,
    scenario::Scenario,
    versioned::workflow::FulfilmentV1,
};
use temporalio_sdk::WorkerOptions;

macro_rules! parity {
    ($($name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                let scenario = registry::find(stringify!($name)).unwrap();
                histories_are_those_of_the_official_worker(scenario, |options| {
                    let scenario = registry::find(stringify!($name)).unwrap();
                    (scenario.workflows.worker)(options).unwrap();
                });
            }
        )+
    };
}

parity!(
    fetch_and_process,
    approval,
    batch,
    large_file,
    saga,
    payment,
    transfer,
    renewal,
    fan_out,
    delivery,
    subscription,
    inventory,
    order
);

/// The scenario's world begins with the first version of the code and keeps it without faults.
#[test]
fn versioned() {
    histories_are_those_of_the_official_worker(registry::find("versioned").unwrap(), |options| {
        options.register_workflow::<FulfilmentV1>().unwrap();
    });
}

fn histories_are_those_of_the_official_worker(
    scenario: &Scenario,
    register: fn(&mut WorkerOptions),
) {
    for choices in
        std::iter::once(ChoiceSource::Benign).chain(worlds::seeds(2).map(ChoiceSource::Seed))
    {
        for cache in [true, false] {
            let mut options = worlds::cached(WorldOptions::default(), cache);
            options.choices = choices.clone();
            let simulated = worlds::run_sound(scenario, &options);
            options.external_worker = Some(official_worker(register, cache));
            let official = worlds::run_sound(scenario, &options);
            let differences =
                parity::history_differences(&simulated.histories, &official.histories);
            assert!(
                differences.is_empty(),
                "{choices:?}, cache {cache}:\n{}",
                differences.join("\n")
            );
        }
    }
}

/// An office whose register is busy at first, as in the scenario.
#[derive(Default)]
struct BusyOffice(AtomicBool);

impl Office for BusyOffice {
    fn address(&self, customer: &str) -> Result<String, RegisterBusy> {
        let open = self.0.swap(true, Ordering::SeqCst);
        let house = if customer == "bob" {
            "Bob's house"
        } else {
            "Ann's house"
        };
        if open {
            Ok(house.to_owned())
        } else {
            Err(RegisterBusy)
        }
    }

    fn send(&self, _letter: &Letter) {}
}

/// The official worker runs local activities itself, in real time, and their durations are in its
/// markers. So only the types of the events are compared.
#[test]
fn notifications() {
    let scenario = registry::find("notifications").unwrap();
    let simulated = worlds::run_sound(scenario, &WorldOptions::default());
    let mut options = WorldOptions::default();
    options.external_worker = Some(official_worker(
        |options| {
            (registry::find("notifications").unwrap().workflows.worker)(options).unwrap();
            options.register_activities(Letters::new(Arc::new(BusyOffice::default())));
        },
        true,
    ));
    let official = worlds::run_sound(scenario, &options);
    assert_eq!(
        simulated.histories[0].event_types(),
        official.histories[0].event_types()
    );
}
