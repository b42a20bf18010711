//! A world with a watch over it.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread,
    time::Duration,
};

use corosensei::{on_stack, stack::DefaultStack};

use super::{STACK, STACK_BYTES, THREAD_STACK_BYTES, flavor};
use crate::{
    ambient::Ambient,
    watch::{Lent, Pulse, Stalled, StuckThread, Watch, is_debugged},
};

/// The longest of the waits that the watch counts.
const LONGEST_TICK: Duration = Duration::from_millis(250);

/// Runs a future as [`simulate`](super::simulate) does, and gives it up once code of the world has
/// not come back to its simulation for so long as the watch waits.
///
/// The value is lent to the world, whose thread may outlive it.
///
/// # Errors
///
/// If the world was given up. Its thread is left to itself then.
///
/// # Panics
///
/// With the panic of the future, if it panics; or if the system cannot start a thread.
#[allow(
    unsafe_code,
    reason = "a value is lent for as long as somebody waits for the world"
)]
pub fn simulate_watched<A, T, F, Fut>(
    ambient: Ambient,
    watch: Watch<'_>,
    value: &A,
    root: F,
) -> Result<T, Stalled>
where
    A: ?Sized + Sync + 'static,
    T: Send + 'static,
    F: FnOnce(Lent<A>) -> Fut + Send + 'static,
    Fut: Future<Output = T>,
{
    // SAFETY: this function returns once the thread has ended, or the value was taken back from it.
    let lent = unsafe { Lent::new(value) };
    let lent_to_world = lent.share();
    let pulse = Arc::new(Pulse::default());
    let pulse_of_world = pulse.clone();
    let stack = STACK.take();
    let size = match stack {
        Some(_) => THREAD_STACK_BYTES,
        None => STACK_BYTES,
    };
    let (sender, receiver) = sync_channel(1);
    let run = move || -> Option<DefaultStack> {
        let mut stack = stack;
        pulse_of_world.begin();
        let world = || flavor::run(ambient, || root(lent_to_world));
        let result = catch_unwind(AssertUnwindSafe(|| match &mut stack {
            Some(stack) => on_stack(stack, world),
            None => world(),
        }));
        // Nobody receives it if the world was given up.
        let _ = sender.send(result);
        stack
    };
    // The test harness reports panics under the name of the thread, which is that of the test.
    let name = thread::current().name().unwrap_or("durasim").to_owned();
    let builder = thread::Builder::new().name(name).stack_size(size);
    let thread = builder
        .spawn(run)
        .expect("the system must be able to start a thread for the world");
    let Some(result) = watch_over(&receiver, watch, &pulse, &lent) else {
        let stuck = StuckThread::of(&thread);
        let backtrace = stuck.backtrace();
        stuck.lower_priority();
        return Err(Stalled {
            code: pulse.runs(),
            patience: watch.patience.unwrap_or_default(),
            backtrace,
        });
    };
    let stack = thread.join().ok().flatten();
    // Without memory for a stack, the next world has that of its thread again.
    STACK.set(stack.or_else(|| DefaultStack::new(STACK_BYTES).ok()));
    result.map_or_else(|panic| resume_unwind(panic), Ok)
}

/// Waits for the result of a world; `None` if the world is given up.
fn watch_over<A: ?Sized, T>(
    results: &Receiver<T>,
    watch: Watch<'_>,
    pulse: &Pulse,
    lent: &Lent<A>,
) -> Option<T> {
    let Some(patience) = watch.patience else {
        return results.recv().ok();
    };
    let tick = (patience / 40).clamp(Duration::from_millis(1), LONGEST_TICK);
    let (mut seen, mut quiet) = (None, Duration::ZERO);
    loop {
        if let Some(result) = receive(results, tick) {
            return Some(result);
        }
        let beats = pulse.beats();
        if beats.is_none() || beats != seen {
            (seen, quiet) = (beats, Duration::ZERO);
            continue;
        }
        let was_slow = quiet >= watch.slow_after;
        quiet += tick;
        if quiet >= watch.slow_after && !was_slow {
            (watch.is_slow)(&pulse.runs());
        }
        if quiet < patience {
            continue;
        }
        if !is_debugged() && lent.take_back() {
            return None;
        }
        quiet = Duration::ZERO;
    }
}

/// Waits for a result for a while, in the machine's time.
///
/// # Panics
///
/// If no result will ever come: the thread of a world always sends one.
fn receive<T>(results: &Receiver<T>, tick: Duration) -> Option<T> {
    #[cfg(not(madsim))]
    let received = crate::ambient::suspended(|| results.recv_timeout(tick));
    #[cfg(madsim)]
    let received = results.recv_timeout(tick);
    match received {
        Ok(result) => Some(result),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => panic!("the thread of a world sent no result"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::watch::enters;

    const PATIENCE: Option<Duration> = Some(Duration::from_millis(100));

    fn watch() -> Watch<'static> {
        Watch::with_patience(PATIENCE)
    }

    /// Set when the threads that loop may end.
    static ENDED: AtomicBool = AtomicBool::new(false);

    fn loops_until_the_end() {
        while !ENDED.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn a_world_that_never_comes_back_is_given_up_with_its_stack() {
        let stalled = simulate_watched(Ambient::default(), watch(), &(), |_| async {
            enters("a loop");
            loops_until_the_end();
        });
        ENDED.store(true, Ordering::Relaxed);
        let stalled = stalled.unwrap_err();
        assert_eq!(
            (stalled.code.as_str(), Some(stalled.patience)),
            ("a loop", PATIENCE)
        );
        if cfg!(all(target_os = "linux", target_env = "gnu")) {
            assert!(
                stalled.backtrace.contains("loops_until_the_end"),
                "{}",
                stalled.backtrace
            );
        }
    }

    #[test]
    fn a_world_is_lent_its_value_and_returns_its_result() {
        let text = String::from("lent");
        let length = simulate_watched(Ambient::default(), watch(), &text, |lent| async move {
            lent.with(String::len)
        });
        assert_eq!(length, Ok(4));
    }

    #[test]
    #[should_panic(expected = "as the test says")]
    fn a_panic_of_a_watched_world_goes_on_in_its_caller() {
        let _ = simulate_watched(Ambient::default(), watch(), &(), |_| async {
            panic!("as the test says")
        });
    }

    #[test]
    fn code_that_keeps_the_thread_for_a_while_is_slow_once() {
        let slow = std::sync::Mutex::new(Vec::new());
        let watch = Watch {
            patience: Some(Duration::from_mins(1)),
            slow_after: Duration::from_millis(1),
            is_slow: &|code| slow.lock().unwrap().push(code.to_owned()),
        };
        let blocks = || std::thread::park_timeout(Duration::from_secs(1));
        let ended = simulate_watched(Ambient::default(), watch, &(), move |_| async move {
            enters("a call that blocks");
            blocks();
            enters("what comes next");
        });
        assert_eq!(ended, Ok(()));
        assert_eq!(*slow.lock().unwrap(), ["a call that blocks"]);
    }
}
