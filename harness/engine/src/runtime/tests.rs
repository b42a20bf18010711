use std::{cell::RefCell, rc::Rc, time::Duration};

use futures::future::{Either, select};
use tokio::time::{sleep, timeout};

use super::simulate;
use crate::{Ambient, Clock, Executor, START_MS};

/// Polls the first ready task, again and again, and lets the clock jump when none is ready.
async fn drive(executor: &Executor, clock: &Clock) {
    loop {
        while let Some(polled) = executor.poll_one(|_| 0) {
            if let crate::Outcome::Panicked(panic) = polled.outcome {
                panic!("{panic}");
            }
        }
        if executor.is_empty() {
            return;
        }
        let far = clock.now_ms() + 1_000_000_000_000;
        let (ready, asleep) = (
            Box::pin(executor.until_ready()),
            Box::pin(clock.sleep_until_ms(far)),
        );
        if let Either::Right(_) = select(ready, asleep).await {
            panic!(
                "nothing can happen any more; tasks left: {:?}",
                executor.names()
            );
        }
    }
}

/// Runs a test with an executor, a clock and a log, and returns the log.
fn log_of(test: impl FnOnce(Executor, Clock, Log) + Send) -> Vec<String> {
    simulate(Ambient::default(), || async move {
        let (executor, clock) = (Executor::new(), Clock::start());
        let log = Log {
            clock: clock.clone(),
            lines: Rc::default(),
        };
        test(executor.clone(), clock.clone(), log.clone());
        drive(&executor, &clock).await;
        log.lines.take()
    })
}

#[derive(Clone)]
struct Log {
    clock: Clock,
    lines: Rc<RefCell<Vec<String>>>,
}

impl Log {
    fn add(&self, line: &str) {
        self.lines
            .borrow_mut()
            .push(format!("{} {line}", self.clock.now_ms() - START_MS));
    }
}

#[test]
fn a_world_begins_at_the_start_date() {
    assert_eq!(
        simulate(Ambient::default(), || async { Clock::start().now_ms() }),
        START_MS
    );
}

#[test]
fn a_sleep_ends_exactly_on_time_and_a_sleep_until_the_past_at_once() {
    let times = simulate(Ambient::default(), || async {
        let clock = Clock::start();
        let mut times = Vec::new();
        for until_ms in [
            1,
            2,
            63,
            64,
            65,
            4_096,
            5,
            1_000_000_007,
            300_000_000_000,
            900_000_000_000,
        ] {
            clock.sleep_until_ms(START_MS + until_ms).await;
            times.push(clock.now_ms() - START_MS);
        }
        times
    });
    let expected = [
        1,
        2,
        63,
        64,
        65,
        4_096,
        4_096,
        1_000_000_007,
        300_000_000_000,
        900_000_000_000,
    ];
    assert_eq!(times, expected);
}

#[test]
fn the_clock_jumps_to_the_earliest_timer_tokios_timers_included() {
    let log = log_of(|executor, clock, log| {
        for (name, hours) in [("slow", 20), ("fast", 3)] {
            let log = log.clone();
            executor.spawn(name, async move {
                sleep(Duration::from_hours(hours)).await;
                log.add(name);
            });
        }
        executor.spawn("timeout", async move {
            let late = timeout(Duration::from_secs(2), sleep(Duration::from_secs(5))).await;
            log.add(if late.is_err() {
                "timed out"
            } else {
                "in time"
            });
            clock.sleep_until_ms(START_MS + 7_200_000).await;
            log.add("root");
        });
    });
    assert_eq!(
        log,
        [
            "2000 timed out",
            "7200000 root",
            "10800000 fast",
            "72000000 slow"
        ]
    );
}

#[test]
fn tasks_that_wake_at_the_same_time_have_the_same_order_every_time() {
    let run = || {
        log_of(|executor, _, log| {
            for name in ["a", "b", "c", "d", "e"] {
                let log = log.clone();
                executor.spawn(name, async move {
                    for _ in 0..3 {
                        sleep(Duration::from_millis(700)).await;
                        log.add(name);
                    }
                });
            }
        })
    };
    let first = run();
    assert_eq!(first.len(), 15);
    for _ in 0..20 {
        assert_eq!(run(), first);
    }
}

#[test]
#[should_panic(expected = "as the test says")]
fn a_panic_in_a_world_is_passed_to_its_caller() {
    simulate(Ambient::default(), || async { panic!("as the test says") });
}

#[test]
#[should_panic(expected = "was not started by")]
fn a_clock_outside_of_a_world_panics() {
    let _ = Clock::start();
}

#[test]
fn a_world_may_borrow_from_its_caller() {
    let text = String::from("borrowed");
    assert_eq!(simulate(Ambient::default(), || async { text.len() }), 8);
}

/// madsim forbids threads inside a world, so a world inside another is not possible there.
#[cfg(not(madsim))]
#[test]
fn a_world_inside_another_has_its_own_clock() {
    simulate(Ambient::default(), || async {
        let clock = Clock::start();
        clock.sleep_until_ms(START_MS + 50).await;
        let inner_ms = simulate(Ambient::default(), || async { Clock::start().now_ms() });
        assert_eq!((inner_ms, clock.now_ms()), (START_MS, START_MS + 50));
    });
}

#[test]
fn futures_without_a_task_run_too() {
    let now_ms = simulate(Ambient::default(), || async {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let spawned = futures::future::join(
            async {
                sleep(Duration::from_millis(30)).await;
                sender.send(()).unwrap();
            },
            async { receiver.await.unwrap() },
        );
        spawned.await;
        Clock::start().now_ms()
    });
    assert_eq!(now_ms, START_MS + 30);
}

/// Blocking work. On madsim it is a task like any other, and there is no gate.
#[cfg(not(madsim))]
mod blocking {
    use std::{
        pin::pin,
        sync::{Arc, Mutex},
    };

    use futures::poll;
    use tokio::task::spawn_blocking;

    use super::*;

    #[test]
    fn work_has_never_completed_when_its_handle_is_first_polled() {
        for _ in 0..50 {
            let log = log_of(|executor, _, log| {
                executor.spawn("task", async move {
                    let mut work = pin!(spawn_blocking(|| 7));
                    // Without the gate, the work could complete here.
                    std::thread::yield_now();
                    log.add(if poll!(&mut work).is_pending() {
                        "pending"
                    } else {
                        "done"
                    });
                    log.add(&work.await.unwrap().to_string());
                });
            });
            assert_eq!(log, ["0 pending", "0 7"]);
        }
    }

    #[test]
    fn work_and_its_results_come_in_the_same_order_every_time() {
        let run = || {
            let done = Arc::new(Mutex::new(Vec::new()));
            let log = log_of(|executor, _, log| {
                for name in ["a", "b", "c", "d"] {
                    let (log, done) = (log.clone(), done.clone());
                    executor.spawn(name, async move {
                        for _ in 0..5 {
                            let done = done.clone();
                            spawn_blocking(move || done.lock().unwrap().push(name))
                                .await
                                .unwrap();
                            log.add(name);
                            sleep(Duration::from_millis(10)).await;
                        }
                    });
                }
            });
            (log, done.lock().unwrap().clone())
        };
        let first = run();
        assert_eq!((first.0.len(), first.1.len()), (20, 20));
        for _ in 0..20 {
            assert_eq!(run(), first);
        }
    }

    #[test]
    fn the_clock_does_not_jump_before_work_has_completed() {
        let log = log_of(|executor, _, log| {
            let other = log.clone();
            executor.spawn("sleeper", async move {
                sleep(Duration::from_millis(1)).await;
                other.add("slept");
            });
            executor.spawn("worker", async move {
                let (_sender, receiver) = std::sync::mpsc::channel::<()>();
                let wait = move || receiver.recv_timeout(Duration::from_millis(20));
                spawn_blocking(wait).await.unwrap().unwrap_err();
                log.add("worked");
            });
        });
        assert_eq!(log, ["0 worked", "1 slept"]);
    }

    #[test]
    fn work_may_spawn_more_work() {
        let log = log_of(|executor, _, log| {
            executor.spawn("task", async move {
                let inner = spawn_blocking(|| spawn_blocking(|| 5)).await.unwrap();
                log.add(&inner.await.unwrap().to_string());
            });
        });
        assert_eq!(log, ["0 5"]);
    }

    #[test]
    fn work_has_completed_when_settling_returns() {
        simulate(Ambient::default(), || async {
            let clock = Clock::start();
            assert!(!clock.settle_blocking());
            for number in 0..3 {
                let done = Arc::new(Mutex::new(false));
                let set = done.clone();
                drop(spawn_blocking(move || *set.lock().unwrap() = true));
                assert!(!*done.lock().unwrap(), "work {number} is held back");
                assert!(clock.settle_blocking());
                assert!(*done.lock().unwrap());
                assert!(!clock.settle_blocking());
            }
        });
    }

    #[test]
    fn work_that_no_task_awaits_completes_at_the_end_of_the_world() {
        let done = Arc::new(Mutex::new(false));
        let set = done.clone();
        simulate(Ambient::default(), || async {
            drop(spawn_blocking(move || *set.lock().unwrap() = true));
        });
        assert!(*done.lock().unwrap());
    }

    #[test]
    #[should_panic(expected = "as the test says")]
    fn a_world_that_panics_with_work_outstanding_still_ends() {
        simulate(Ambient::default(), || async {
            drop(spawn_blocking(|| ()));
            panic!("as the test says")
        });
    }

    #[test]
    fn tasks_of_the_runtime_may_block_as_well() {
        let log = log_of(|executor, _, log| {
            executor.spawn("task", async move {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "code under test may do so, and must not hang"
                )]
                let spawned = tokio::task::spawn(async {
                    sleep(Duration::from_millis(5)).await;
                    spawn_blocking(|| 9).await.unwrap()
                });
                log.add(&spawned.await.unwrap().to_string());
            });
        });
        assert_eq!(log, ["5 9"]);
    }
}
