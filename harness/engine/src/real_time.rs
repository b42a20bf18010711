//! Real input and output in a world, for code that asks for it: the one thing of a world that takes
//! the machine's time.
//!
//! Not on madsim, which simulates the network.
//!
//! The runtime of a world has no input or output. Code that is polled here finds another runtime,
//! one for the process, whose thread waits for sockets and timers as they are. It sees the
//! machine's clocks and entropy too. The virtual clock stands still while a world waits for it.
//! Such a world is not a function of its choices any more.

use std::{
    cell::Cell,
    future::{Future, pending},
    pin::Pin,
    sync::{Arc, OnceLock, mpsc},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use tokio::runtime::{Builder, Handle};

use crate::{Executor, ambient, watch};

thread_local! {
    /// True while this thread polls code in the machine's time.
    static HERE: Cell<bool> = const { Cell::new(false) };
}

/// Returns `true` while this thread polls code in the machine's time.
pub(crate) fn is_here() -> bool {
    HERE.get()
}

/// Polls a future that may do real input and output.
pub fn poll<F: Future + ?Sized>(future: Pin<&mut F>, context: &mut Context<'_>) -> Poll<F::Output> {
    struct Left;

    impl Drop for Left {
        fn drop(&mut self) {
            HERE.set(false);
        }
    }

    let _entered = runtime().enter();
    HERE.set(true);
    let _left = Left;
    ambient::suspended(|| future.poll(context))
}

/// Waits in the machine's time until a task is ready; returns `false` if none is after this long.
/// The virtual clock stands still.
#[expect(
    clippy::disallowed_methods,
    reason = "whatever the task waits for comes in the machine's time"
)]
pub fn wait_until_ready(executor: &Executor, patience: Duration) -> bool {
    let waker = Waker::from(Arc::new(Unparks(thread::current())));
    let mut context = Context::from_waker(&waker);
    watch::resting(|| {
        ambient::suspended(|| {
            let until = std::time::Instant::now() + patience;
            loop {
                let ready = std::pin::pin!(executor.until_ready());
                if ready.poll(&mut context).is_ready() {
                    return true;
                }
                let left = until.saturating_duration_since(std::time::Instant::now());
                if left.is_zero() {
                    return false;
                }
                thread::park_timeout(left);
            }
        })
    })
}

struct Unparks(Thread);

impl Wake for Unparks {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Returns the runtime of the process that has input and output.
fn runtime() -> &'static Handle {
    static RUNTIME: OnceLock<Handle> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let (sender, receiver) = mpsc::channel();
        let wait = move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("the system must let a process wait for sockets");
            let _ = sender.send(runtime.handle().clone());
            runtime.block_on(pending::<()>());
        };
        thread::Builder::new()
            .name("durasim-real-io".to_owned())
            .spawn(wait)
            .expect("the system must be able to start a thread");
        receiver.recv().expect("the thread sends its handle first")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ambient, Clock, START_MS, simulate};

    #[test]
    fn a_sleep_in_the_machines_time_leaves_the_virtual_clock_where_it_is() {
        let now_ms = simulate(Ambient::default(), || async {
            let (clock, executor) = (Clock::start(), Executor::new());
            let mut sleeps = Box::pin(async {
                tokio::time::sleep(Duration::from_millis(5)).await;
            });
            executor.spawn(
                "sleeps",
                std::future::poll_fn(move |context| poll(sleeps.as_mut(), context)),
            );
            executor.poll_one(|_| 0);
            assert!(wait_until_ready(&executor, Duration::from_secs(10)));
            executor.poll_one(|_| 0);
            assert!(executor.is_empty());
            clock.now_ms()
        });
        assert_eq!(now_ms, START_MS);
    }

    #[test]
    fn nothing_that_is_ready_is_not_waited_for_without_end() {
        let ready = simulate(Ambient::default(), || async {
            wait_until_ready(&Executor::new(), Duration::from_millis(1))
        });
        assert!(!ready);
    }
}
