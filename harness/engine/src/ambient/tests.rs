#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests look past the simulation"
)]

use std::{
    collections::HashMap,
    sync::mpsc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use uuid::Uuid;

use super::{Ambient, Looks, noting, noting_threads, take_thread_start};
use crate::{Clock, START_MS, simulate};

fn seed(seed: u64) -> Ambient {
    Ambient {
        seed,
        ..Ambient::default()
    }
}

/// Reads the system's entropy in all the ways of a program.
fn entropy() -> (String, Uuid, [u8; 8]) {
    let order = ('a'..='z')
        .map(|letter| (letter, letter))
        .collect::<HashMap<_, _>>()
        .into_keys()
        .collect();
    let mut raw = [0; 8];
    getrandom_02::getrandom(&mut raw).unwrap();
    (order, Uuid::new_v4(), raw)
}

fn calendar_ms() -> u64 {
    u64::try_from(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis(),
    )
    .unwrap()
}

#[test]
fn entropy_is_a_function_of_the_seed() {
    let first = simulate(seed(1), || async { entropy() });
    let again = simulate(seed(1), || async { entropy() });
    let other = simulate(seed(2), || async { entropy() });
    assert_eq!(first, again);
    assert_ne!(first.0, other.0, "the order of a HashMap");
    assert_ne!(first.1, other.1, "a random uuid");
    assert_ne!(first.2, other.2, "getrandom 0.2");
}

#[test]
fn entropy_does_not_repeat_within_a_world() {
    let (first, second) = simulate(seed(1), || async { (entropy(), entropy()) });
    assert_ne!(first.1, second.1);
    assert_ne!(first.2, second.2);
}

#[test]
fn other_threads_have_the_machines_entropy_even_during_a_world() {
    let read = || std::thread::spawn(entropy).join().unwrap();
    let first = simulate(seed(1), || async { (entropy(), read()) });
    let again = simulate(seed(1), || async { (entropy(), read()) });
    assert_eq!(first.0, again.0);
    assert_ne!(first.1.1, again.1.1);
    assert_ne!(first.1.2, again.1.2);
}

#[test]
fn clocks_show_virtual_time() {
    let day = Duration::from_hours(24);
    let (before, after, elapsed) = simulate(seed(1), || async {
        let (before, began) = (calendar_ms(), Instant::now());
        tokio::time::sleep(Duration::from_hours(24)).await;
        (before, calendar_ms(), began.elapsed())
    });
    assert_eq!(before, START_MS);
    assert_eq!(after, START_MS + 86_400_000);
    assert_eq!(elapsed, day);
}

#[test]
fn the_offset_moves_the_calendar_clock_and_not_the_worlds_own_clock() {
    let ambient = Ambient {
        seed: 1,
        clock_offset_ns: -5_000_000_000,
    };
    let (calendar, own) = simulate(ambient, || async {
        (calendar_ms(), Clock::start().now_ms())
    });
    assert_eq!(calendar, START_MS - 5_000);
    assert_eq!(own, START_MS);
}

#[test]
fn two_worlds_agree_on_every_clock_reading() {
    let readings = || {
        simulate(seed(1), || async {
            format!("{:?} {:?}", Instant::now(), SystemTime::now())
        })
    };
    assert_eq!(readings(), readings());
}

#[test]
fn other_threads_have_the_machines_clocks_during_and_after_a_world() {
    // The machine's date is later than the date at which worlds begin.
    assert!(calendar_ms() > START_MS + 86_400_000);
    simulate(seed(1), || async {
        assert_eq!(calendar_ms(), START_MS);
        let other = std::thread::spawn(calendar_ms).join().unwrap();
        assert!(other > START_MS + 86_400_000);
    });
    assert!(calendar_ms() > START_MS + 86_400_000);
}

#[test]
fn waits_with_a_timeout_end_however_far_virtual_time_has_jumped() {
    for days in [0, 1, 20_000] {
        let waited = simulate(seed(1), || async move {
            tokio::time::sleep(Duration::from_hours(24 * days)).await;
            let began = Instant::now();
            let (_sender, receiver) = mpsc::channel::<()>();
            receiver.recv_timeout(Duration::from_millis(5)).unwrap_err();
            std::thread::park_timeout(Duration::from_millis(5));
            began.elapsed()
        });
        // The real time of a wait passes on this clock too, so that a loop until a deadline ends.
        assert!(waited >= Duration::from_millis(10), "{waited:?}");
        assert!(waited < Duration::from_secs(1), "{waited:?}");
    }
}

#[test]
fn a_wait_for_another_thread_ends_when_that_thread_answers() {
    let answer = simulate(seed(1), || async {
        tokio::time::sleep(Duration::from_hours(24 * 20_000)).await;
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || sender.send(5).unwrap());
        receiver.recv_timeout(Duration::from_mins(1)).unwrap()
    });
    assert_eq!(answer, 5);
}

#[test]
fn the_blocking_thread_has_the_worlds_clocks_and_its_own_entropy() {
    let read = || {
        simulate(seed(1), || async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let blocking = tokio::task::spawn_blocking(|| (calendar_ms(), entropy()))
                .await
                .unwrap();
            (blocking, entropy())
        })
    };
    let first = read();
    assert_eq!(first, read());
    assert_eq!(first.0.0, START_MS + 1_000);
    assert_ne!(first.0.1, first.1);
}

#[test]
fn a_draw_and_a_look_at_a_clock_are_noted_and_the_seeds_of_hashers_are_not() {
    let noted = simulate(seed(1), || async {
        [
            noting(|| HashMap::from([(1, 2)]).len()).1,
            noting(Uuid::new_v4).1,
            noting(|| getrandom_02::getrandom(&mut [0; 8]).unwrap()).1,
            noting(calendar_ms).1,
            noting(Instant::now).1,
        ]
    });
    let entropy = Looks {
        entropy: true,
        clocks: false,
    };
    let clocks = Looks {
        entropy: false,
        clocks: true,
    };
    assert_eq!(noted, [Looks::default(), entropy, entropy, clocks, clocks]);
}

#[test]
fn the_start_of_a_thread_is_noted_with_its_stack_where_threads_must_not_start() {
    let (allowed, [noted, again]) = simulate(seed(1), || async {
        std::thread::spawn(|| ()).join().unwrap();
        let allowed = take_thread_start();
        noting_threads(|| std::thread::spawn(|| ()).join().unwrap());
        std::thread::spawn(|| ()).join().unwrap();
        (allowed, [take_thread_start(), take_thread_start()])
    });
    assert_eq!((allowed, again), (None, None));
    assert!(noted.unwrap().contains("ambient/tests.rs"));
}
