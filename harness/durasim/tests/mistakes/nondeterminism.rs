//! Workflow code that depends on something besides its history.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU32, Ordering},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use durasim::prelude::*;
use futures::channel::oneshot;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{WorkflowContext, WorkflowResult};

use crate::{
    shop::{Work, briefly, result, start},
    table::mistakes,
};

static RUNS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static RUNS_OF_THREAD: Cell<u32> = const { Cell::new(0) };
}

/// Writes a note that depends on what its input names, in a wrong and in a right way.
#[workflow]
#[derive(Default)]
struct Careless {
    runs: u32,
}

#[workflow_methods]
impl Careless {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, how: String) -> WorkflowResult<()> {
        let note = match how.as_str() {
            "clock" => format!("{:?}", SystemTime::now()),
            "clock of the workflow" => format!("{:?}", ctx.workflow_time()),
            "hour" => {
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                if now.as_secs() / 3600 % 24 < 12 {
                    ctx.timer(Duration::from_secs(1)).await;
                }
                String::new()
            }
            "hour of the workflow" => {
                let now = ctx
                    .workflow_time()
                    .and_then(|it| it.duration_since(UNIX_EPOCH).ok());
                if now.unwrap_or_default().as_secs() / 3600 % 24 < 12 {
                    ctx.timer(Duration::from_secs(1)).await;
                }
                String::new()
            }
            "stopwatch" => {
                let begun = Instant::now();
                ctx.timer(Duration::from_hours(1)).await;
                format!("{:?}", begun.elapsed())
            }
            "stopwatch of the workflow" => {
                let begun = ctx.workflow_time();
                ctx.timer(Duration::from_hours(1)).await;
                let both = ctx.workflow_time().zip(begun);
                format!("{:?}", both.map(|(now, begun)| now.duration_since(begun)))
            }
            "random" => RandomState::new().hash_one(0).to_string(),
            "random of the workflow" => ctx.random::<u64>().to_string(),
            "coin" => {
                // The bit is one that differs in the replay: half of them do not.
                if RandomState::new().hash_one(0) & 4 == 0 {
                    // <- a_coin_is_tossed
                    ctx.timer(Duration::from_secs(1)).await;
                }
                String::new()
            }
            "coin of the workflow" => {
                if ctx.random::<u64>().is_multiple_of(2) {
                    ctx.timer(Duration::from_secs(1)).await;
                }
                String::new()
            }
            "id" => format!(
                "{:x}-{:x}",
                RandomState::new().hash_one(0),
                RandomState::new().hash_one(1)
            ),
            "id of the workflow" => ctx.uuid4(),
            "hash order" => {
                let prices: HashMap<_, _> = (0..16).map(|number| (number, "1 €")).collect();
                format!("{:?}", prices.keys().collect::<Vec<_>>())
            }
            "order" => {
                let prices: BTreeMap<_, _> = (0..16).map(|number| (number, "1 €")).collect();
                format!("{:?}", prices.keys().collect::<Vec<_>>())
            }
            "address" => {
                let here = Box::new(0_u8);
                format!("{:p}", &raw const *here)
            }
            "static" => RUNS.fetch_add(1, Ordering::Relaxed).to_string(),
            "thread-local" => {
                let runs = RUNS_OF_THREAD.get();
                RUNS_OF_THREAD.set(runs + 1);
                runs.to_string()
            }
            "state" => ctx.state_mut(|state| {
                state.runs += 1;
                state.runs.to_string()
            }),
            "tokio sleep" => {
                tokio::time::sleep(Duration::from_secs(5)).await; // <- tokio_sleeps
                "slept".to_owned()
            }
            "tokio timeout" => {
                let never = ctx.wait_condition(|_| false);
                // <- tokio_bounds_a_wait
                let timeout = tokio::time::timeout(Duration::from_secs(5), never).await;
                format!("{}", timeout.is_err())
            }
            "timer" => {
                ctx.timer(Duration::from_secs(5)).await;
                "slept".to_owned()
            }
            "tokio spawn" => {
                let task = tokio::spawn(async {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    "42".to_owned()
                });
                task.await.unwrap_or_default() // <- a_task_is_spawned
            }
            "thread" => {
                let (sender, answer) = oneshot::channel();
                // <- a_thread_answers
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(2));
                    sender.send("42".to_owned())
                });
                answer.await.unwrap_or_default()
            }
            _ => how.clone(),
        };
        ctx.execute_activity(Work::note, note, briefly()).await?; // <- the others
        if how == "file" {
            let price = std::fs::read_to_string(price_list()).unwrap_or_default();
            ctx.execute_activity(Work::note, price, briefly()).await?; // <- a_file_is_read
        }
        Ok(())
    }
}

/// Returns the path of a file that changes while the workflow is under way.
fn price_list() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("durasim-mistakes-{}", std::process::id()))
}

/// Runs a workflow of that kind.
async fn careless(env: TestWorkflowEnvironment, how: &str) -> TestResult {
    env.worker("shop")
        .workflow::<Careless>()
        .activity(Work::note)
        .start()?;
    let careless = start!(env, Careless::run, how.to_owned());
    result!(careless);
    Ok(())
}

/// Runs a workflow that reads a file, which the test then changes.
async fn file(env: TestWorkflowEnvironment, how: &str) -> TestResult {
    std::fs::write(price_list(), "1 €")?;
    careless(env, how).await?;
    std::fs::write(price_list(), "2 €")?;
    Ok(())
}

mistakes! {
    the_clock_is_read: "DS101" says ["another input", "look for what the input depends on", "clock"]
        wrong |env| Box::pin(careless(env, "clock")),
        mended |env| Box::pin(careless(env, "clock of the workflow"));
    the_hour_decides_what_is_done: "DS101" says ["TimerStarted", "the context's own functions"]
        wrong |env| Box::pin(careless(env, "hour")),
        mended |env| Box::pin(careless(env, "hour of the workflow"));
    time_is_measured: "DS101" says ["another input", "clock"]
        wrong |env| Box::pin(careless(env, "stopwatch")),
        mended |env| Box::pin(careless(env, "stopwatch of the workflow"));
    a_random_number_is_drawn: "DS101" says ["another input", "randomness"]
        wrong |env| Box::pin(careless(env, "random")),
        mended |env| Box::pin(careless(env, "random of the workflow"));
    a_coin_is_tossed: "DS101" says ["StartTimer", "the context's own functions"]
        wrong |env| Box::pin(careless(env, "coin")),
        mended |env| Box::pin(careless(env, "coin of the workflow"));
    an_id_is_made_up: "DS101" says ["another input", "randomness"]
        wrong |env| Box::pin(careless(env, "id")),
        mended |env| Box::pin(careless(env, "id of the workflow"));
    a_hash_map_is_listed: "DS101" says ["another input", "hash order"]
        wrong |env| Box::pin(careless(env, "hash order")),
        mended |env| Box::pin(careless(env, "order"));
    an_address_is_written: "DS101" says ["another input", "besides the history"]
        wrong |env| Box::pin(careless(env, "address")),
        mended |env| Box::pin(careless(env, "order"));
    a_static_counts: "DS101" says ["another input", "a static"]
        wrong |env| Box::pin(careless(env, "static")),
        mended |env| Box::pin(careless(env, "state"));
    tokio_sleeps: "DS101" says ["outside the SDK", "await `ctx.timer(duration)`"]
        wrong |env| Box::pin(careless(env, "tokio sleep")),
        mended |env| Box::pin(careless(env, "timer"));
    tokio_bounds_a_wait: "DS101" says ["outside the SDK", "await `ctx.timer(duration)`"]
        wrong |env| Box::pin(careless(env, "tokio timeout")),
        mended |env| Box::pin(careless(env, "timer"));
    a_task_is_spawned: "DS101" says ["outside the SDK", "do the work in an activity"]
        wrong |env| Box::pin(careless(env, "tokio spawn")),
        mended |env| Box::pin(careless(env, "timer"));
    a_thread_answers: "DS007" says ["starts a thread", "do the work in an activity"]
        wrong |env| Box::pin(careless(env, "thread")),
        mended |env| Box::pin(careless(env, "timer"));
    a_file_is_read: "DS101" says ["another input", "besides the history"]
        wrong |env| Box::pin(file(env, "file")),
        mended |env| Box::pin(file(env, "an activity reads it"));
}
