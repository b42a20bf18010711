//! The runtime without flags: Tokio's, with one thread, a paused clock, and no input or output.

use std::{cell::RefCell, future::Future, sync::Arc, time::Duration};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    time::Instant,
};

use crate::{
    ambient::{self, Ambient, Guard, Shown},
    blocking::Gate,
    real_time,
};

thread_local! {
    static CURRENT: RefCell<Option<Timekeeper>> = const { RefCell::new(None) };
    /// The simulated clocks and entropy of this thread, if it is a world's blocking thread.
    static BLOCKING: RefCell<Option<Guard>> = const { RefCell::new(None) };
}

/// The clock of the runtime on this thread, and the gate that holds back its blocking work.
#[derive(Clone, Debug)]
pub(crate) struct Timekeeper {
    start: Instant,
    gate: Arc<Gate>,
    shown: Arc<Shown>,
}

impl Timekeeper {
    #[track_caller]
    pub(crate) fn current() -> Self {
        let current = CURRENT.with_borrow(Clone::clone);
        current.expect(
            "a clock needs a world: this thread was not started by `durasim_engine::simulate`",
        )
    }

    pub(crate) fn elapsed(&self) -> Duration {
        if real_time::is_here() {
            // Another runtime is current, whose clock is the machine's; this one stands still.
            return self.shown.get();
        }
        let elapsed = self.start.elapsed();
        self.shown.set(elapsed);
        elapsed
    }

    pub(crate) async fn sleep_until(&self, elapsed: Duration) {
        tokio::time::sleep_until(self.start + elapsed).await;
    }

    pub(crate) fn settle_blocking(&self) -> bool {
        self.gate.settle()
    }
}

/// Returns the number of tasks that `tokio::spawn` has started on this thread's runtime and that
/// have not ended.
pub fn spawned_tasks() -> usize {
    Handle::try_current().map_or(0, |runtime| runtime.metrics().num_alive_tasks())
}

/// The runtime of one world; waits for its blocking thread when dropped.
struct WorldRuntime {
    runtime: Option<Runtime>,
    gate: Arc<Gate>,
}

impl Drop for WorldRuntime {
    fn drop(&mut self) {
        CURRENT.set(None);
        let stuck = self.gate.abandon();
        match self.runtime.take() {
            Some(runtime) if stuck => runtime.shutdown_background(),
            runtime => drop(runtime),
        }
    }
}

/// Runs a future to its end on this thread.
pub(crate) fn run<T, F, Fut>(ambient: Ambient, root: F) -> T
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = T>,
{
    let gate = Arc::new(Gate::default());
    let shown = Arc::new(Shown::default());
    // First of all, for building the runtime reads the clock and draws entropy.
    let _simulated = ambient::enter(ambient, 0, shown.clone());
    let runtime = Some(build(ambient, &gate, &shown));
    let world = WorldRuntime {
        runtime,
        gate: gate.clone(),
    };
    let runtime = world
        .runtime
        .as_ref()
        .expect("a world has its runtime until it is dropped");
    let mut result = None;
    // The result goes straight to its place. As an output it would be moved at every poll, done or
    // not, and a world's report has kilobytes.
    runtime.block_on(Box::pin(async {
        CURRENT.set(Some(Timekeeper {
            start: Instant::now(),
            gate: gate.clone(),
            shown,
        }));
        result = Some(root().await);
        // Blocking work completes here, and not in a race with the end of the world.
        gate.settle();
    }));
    result.expect("the runtime returns once the future is done")
}

fn build(ambient: Ambient, gate: &Arc<Gate>, shown: &Arc<Shown>) -> Runtime {
    let [named, started, ended, parked] = std::array::from_fn(|_| gate.clone());
    let shown = shown.clone();
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .max_blocking_threads(1)
        // The thread ends as soon as it is idle, so that its next job waits at the gate again.
        .thread_keep_alive(Duration::ZERO)
        .thread_name_fn(move || format!("durasim-blocking-{}", named.thread_named()))
        .on_thread_start(move || {
            BLOCKING.set(Some(ambient::enter(
                ambient,
                started.thread_started(),
                shown.clone(),
            )));
        })
        .on_thread_stop(move || {
            BLOCKING.set(None);
            ended.thread_ended();
        })
        .on_thread_park(move || {
            parked.settle();
        })
        .on_thread_unpark(|| {
            // The clock may have jumped.
            CURRENT.with_borrow(|current| current.as_ref().map(Timekeeper::elapsed));
        })
        .build()
        .expect("a runtime without input and output asks nothing of the system")
}
