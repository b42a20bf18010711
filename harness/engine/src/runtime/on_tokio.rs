//! On Tokio: one thread, a paused clock, no input or output.

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::Instant;

use crate::ambient::Ambient;
use crate::blocking::Gate;

thread_local! {
    static CURRENT: RefCell<Option<Timekeeper>> = const { RefCell::new(None) };
}

/// The clock of the runtime on this thread, and the gate before its blocking work.
#[derive(Clone, Debug)]
pub(crate) struct Timekeeper {
    start: Instant,
    gate: Arc<Gate>,
}

impl Timekeeper {
    #[track_caller]
    pub(crate) fn current() -> Self {
        let current = CURRENT.with_borrow(Clone::clone);
        current.expect("a clock needs a run: this thread was not started by `durasim_engine::simulate`")
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) async fn sleep_until(&self, elapsed: Duration) {
        tokio::time::sleep_until(self.start + elapsed).await;
    }

    pub(crate) fn settle_blocking(&self) -> bool {
        self.gate.settle()
    }
}

pub(crate) fn run<T, F, Fut>(_ambient: Ambient, root: F) -> T
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = T>,
{
    let gate = Arc::new(Gate::default());
    let [named, started, ended, parked] = std::array::from_fn(|_| gate.clone());
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .max_blocking_threads(1)
        .thread_keep_alive(Duration::ZERO)
        .thread_name_fn(move || format!("blocking-{}", named.thread_named()))
        .on_thread_start(move || started.thread_started())
        .on_thread_stop(move || ended.thread_ended())
        .on_thread_park(move || {
            parked.settle();
        })
        .build()
        .expect("a runtime without input and output asks nothing of the system");
    // Dropped before the runtime, which waits for its blocking thread.
    let _open = Abandon(&gate);
    runtime.block_on(async {
        CURRENT.set(Some(Timekeeper { start: Instant::now(), gate: gate.clone() }));
        let result = root().await;
        // Work that was begun is done to its end, here rather than in a race with the end of the run.
        gate.settle();
        result
    })
}

/// Opens the gate when the run is over, however it ended.
struct Abandon<'a>(&'a Gate);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        self.0.abandon();
        CURRENT.set(None);
    }
}
