use std::sync::{Arc, Mutex};

use futures::FutureExt;

use super::*;

fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime
        .expect("a runtime that only has timers")
        .block_on(future)
}

fn code(log: &Arc<Mutex<Vec<&'static str>>>) -> BoxFuture<'static, u32> {
    let log = log.clone();
    async move {
        log.lock().expect("nobody panics").push("begin");
        tokio::time::sleep(Duration::from_secs(1)).await;
        log.lock().expect("nobody panics").push("end");
        7
    }
    .boxed()
}

#[test]
fn code_stands_still_before_it_begins() {
    in_virtual_time(async {
        let log = Arc::default();
        let mut paused = Pause {
            ms: 5_000,
            at_first_await: false,
        }
        .of(code(&log))
        .boxed();
        let early = tokio::time::timeout(Duration::from_secs(4), &mut paused).await;
        assert!(early.is_err());
        assert_eq!(log.lock().unwrap().as_slice(), [""; 0]);
        assert_eq!(paused.await, 7);
    });
}

#[test]
fn code_stands_still_at_its_first_await() {
    in_virtual_time(async {
        let log = Arc::default();
        let started = tokio::time::Instant::now();
        let mut paused = Pause {
            ms: 5_000,
            at_first_await: true,
        }
        .of(code(&log))
        .boxed();
        let early = tokio::time::timeout(Duration::from_secs(4), &mut paused).await;
        assert!(early.is_err());
        assert_eq!(log.lock().unwrap().as_slice(), ["begin"]);
        assert_eq!(paused.await, 7);
        assert!(started.elapsed() >= Duration::from_secs(5));
    });
}

#[test]
fn code_without_an_await_returns_late() {
    in_virtual_time(async {
        let started = tokio::time::Instant::now();
        let paused = Pause {
            ms: 5_000,
            at_first_await: true,
        }
        .of(async { 7 }.boxed());
        assert_eq!(paused.await, 7);
        assert_eq!(started.elapsed(), Duration::from_secs(5));
    });
}
